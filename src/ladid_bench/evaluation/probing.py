"""What is in psi: true quantities are read off the code of a trained model, and off three controls.

Probes are fitted and scored on validation and test trajectories together, cross-validated over independent units.
Training trajectories, of which there are more, are left out on purpose: a network may encode what it was trained on
unlike anything else, so a probe fitted there would mix what psi carries with how well the encoder generalises, and a
score on them would say little of either. The validation split chose between checkpoints by the error of their
forecasts, which tells next to nothing of how psi is laid out. Each trajectory is read once, by a probe that has seen no
trajectory of its unit.

Controls, all read in the same way from as many numbers as psi has: the leading principal components of the context
frames, fitted to the training split as the encoder was; psi of the same model with the weights that its training began
with; and psi with the labels of other trajectories. Better than the first means that the encoder found more than
pictures show to a linear map, better than the second that training found it, and the third shows what the protocol
reads where there is nothing.
"""

from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA as PrincipalComponents

from ladid_bench.data.trajectories import Trajectories
from ladid_bench.evaluation import probes
from ladid_bench.evaluation.components import principal_components
from ladid_bench.evaluation.learning import model_sha256
from ladid_bench.evaluation.readout import LEAST_UNITS, squared_errors
from ladid_bench.evaluation.semigroup import semigroup
from ladid_bench.evaluation.trained import load_trained
from ladid_bench.evaluation.truths import Quantity, known_quantities
from ladid_bench.methods.base import Method
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import method_folders
from ladid_bench.plan import PlannedRun
from ladid_bench.project import Folders
from ladid_bench.provenance import code_hash, commit, machine, versions

HELD_OUT = ("valid", "test")


def probe_run(run: PlannedRun, folders: Folders, threads: int) -> probes.Probe:
    """Probe the model that ``run`` trained, and write ``results/<scale>/probes/<key>.json``.

    Raises:
        BenchError: the model cannot be loaded.
    """
    torch.set_num_threads(threads)
    method, splits = load_trained(run, folders)
    test = splits["test"]
    codes = {split: _code(method, splits[split]) for split in HELD_OUT}
    found: dict[str, Any] = {"code": 0, "unit": [], "readings": [], "points": [], "shares": []}
    reason = f"{run.method} has no code to read"
    if codes["test"] is not None:
        psi, unit = np.concatenate([codes[split] for split in HELD_OUT]), _units(splits)
        components = principal_components(codes["test"])
        truths = _truths(run, splits)
        reason = _unreadable(truths, unit)
        found = {
            "code": psi.shape[1],
            "unit": unit.tolist(),
            "readings": [] if reason else _readings(run, method, splits, psi, unit, truths),
            "points": [probes.rounded(point) for point in components.of(codes["test"])[:, :2]],
            "shares": probes.rounded(components.shares[:2]),
        }
    identity = {"key": run.key, "dataset": run.dataset.name, "method": run.method, "variant": run.variant}
    content = {
        **identity,
        "seed": run.seed,
        "reason": reason,
        **found,
        "semigroup": semigroup(method, test),
        "provenance": _provenance(run, folders, splits),
        "rerun": f"ladid-bench probe {run.key} --scale {run.scale} --force",
    }
    probes.write_probe(folders.probe(run.key), content)
    return probes.read_probe(folders.probe(run.key))


def _code(method: Method, part: Trajectories) -> np.ndarray | None:
    """psi of the contexts of trajectories, ``(trajectory, code)``."""
    given = method.task.context_frames
    return method.represent(part.frames[:, :given], part.times[:, :given])


def _units(splits: dict[str, Trajectories]) -> np.ndarray:
    """Units of the held-out trajectories as numbers from 0, ``(trajectory,)``; splits share none."""
    named = [(index, int(unit)) for index, split in enumerate(HELD_OUT) for unit in splits[split].unit]
    return np.unique(named, axis=0, return_inverse=True)[1].ravel()


def _truths(run: PlannedRun, splits: dict[str, Trajectories]) -> list[Quantity]:
    """What is true of the held-out trajectories."""
    parts = [splits[split] for split in HELD_OUT]
    both = Trajectories(
        frames=np.concatenate([part.frames[:, :1] for part in parts]),
        times=np.concatenate([part.times[:, :1] for part in parts]),
        unit=_units(splits),
        parameters={name: np.concatenate([part.parameters[name] for part in parts]) for name in parts[0].parameters},
        states={name: np.concatenate([part.states[name][:, :1] for part in parts]) for name in parts[0].states},
        fields=parts[0].fields,
        space=parts[0].space,
    )
    return known_quantities(both, run.dataset.source)


def _unreadable(truths: list[Quantity], unit: np.ndarray) -> str:
    """Why nothing can be read, empty where something can."""
    units = len(np.unique(unit))
    if not truths:
        return "nothing is known of the trajectories that differs between them"
    return "" if units >= LEAST_UNITS else f"{units} independent units outside of training are too few to read from"


def _readings(
    run: PlannedRun,
    method: Method,
    splits: dict[str, Trajectories],
    psi: np.ndarray,
    unit: np.ndarray,
    truths: list[Quantity],
) -> list[dict[str, Any]]:
    """``probes.Reading`` of every quantity."""
    targets = [truth.targets for truth in truths]
    mixed = np.random.default_rng(run.seed).permutation(len(unit))
    sources = {
        probes.PSI: (psi, targets),
        probes.PCA: (_context_components(method, splits, psi.shape[1]), targets),
        probes.SHUFFLED: (psi, [values[mixed] for values in targets]),
    }
    if isinstance(method, NeuralMethod):
        sources[probes.UNTRAINED] = (_untrained_code(run, method, splits), targets)
    errors = {
        name: {probe: squared_errors(features, asked, unit, probe) for probe in probes.PROBES}
        for name, (features, asked) in sources.items()
    }
    shown = slice(len(splits["valid"]), None)
    made = []
    for index, (truth, values) in enumerate(zip(truths, targets, strict=True)):
        deviation = ((values - values.mean(axis=0)) ** 2).sum(axis=1)  # (trajectory,)
        size = deviation.mean()
        made.append(
            {
                **{"name": truth.name, "unit": truth.unit, "cyclic": truth.cyclic},
                "shown": probes.rounded(truth.values[shown]),
                "deviation": probes.rounded(deviation / size),
                "errors": {
                    name: {probe: probes.rounded(found[index] / size) for probe, found in by_probe.items()}
                    for name, by_probe in errors.items()
                },
            }
        )
    return made


def _context_components(method: Method, splits: dict[str, Trajectories], count: int) -> np.ndarray:
    """The context frames in their leading ``count`` principal components, those of the training split."""
    given = method.task.context_frames
    flat = {name: part.frames[:, :given].reshape(len(part), -1) for name, part in splits.items()}
    most = min(count, *flat["train"].shape)
    fitted = PrincipalComponents(most, random_state=0).fit(flat["train"])
    return np.concatenate([fitted.transform(flat[split]) for split in HELD_OUT])


def _untrained_code(run: PlannedRun, method: NeuralMethod, splits: dict[str, Trajectories]) -> np.ndarray:
    """psi of the model as it was before its first step."""
    untrained = type(method)(method.task, run.settings)
    torch.manual_seed(run.seed)
    untrained.model = untrained.build_model()
    codes = [_code(untrained, splits[split]) for split in HELD_OUT]
    return np.concatenate([code for code in codes if code is not None])


def _provenance(run: PlannedRun, folders: Folders, splits: dict[str, Trajectories]) -> dict[str, Any]:
    revision, dirty = commit(folders.root)
    return {
        "commit": revision,
        "dirty": dirty,
        "code_hash": code_hash(method_folders(folders.root)[run.method], probes.PROBING),
        "model_sha256": model_sha256(folders.model(run.key)),
        "data_sha256": {name: part.content_sha256 for name, part in splits.items()},
        "versions": versions(),
        **machine(),
    }
