"""What is in psi: true quantities are read off the representation of a trained model, and off three controls.

Probes are fitted to training and validation trajectories and scored on the test split, which neither the model, nor
the choice among its checkpoints, nor the probe has seen. The alternative, to fit and score by cross-validation on
validation and test trajectories alone, keeps psi of trajectories that the model was trained on out of the fit, but
leaves too few: a linear reading of some thirty numbers from eighty trajectories misses much of what is there. Should
psi of training trajectories be laid out unlike that of others, that only lowers the score of psi, never that of a
control. Each test trajectory is read once and by the same fit, so that its errors resample as errors of forecasts do.

Controls, all read in the same way from as many numbers as psi has: the leading principal components of the context
frames, fitted to the training split as the encoder was; psi of the same model with the weights that its training began
with; and psi where the probe is fitted to the labels of other trajectories. Better than the first means that the
encoder found more than a linear map of the pictures holds, better than the second that training found it, and the
third shows what the protocol reads where there is nothing.
"""

from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA as PrincipalComponents

from ladid_bench.core.paths import Folders
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.base import Method
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.probing import probes, readout
from ladid_bench.probing.components import principal_components
from ladid_bench.probing.ground_truth import Quantity, known_quantities
from ladid_bench.probing.probes import PROBES, Probe
from ladid_bench.probing.semigroup import semigroup
from ladid_bench.runs.derived import rounded
from ladid_bench.runs.trained import load_trained
from ladid_bench.study.plan import PlannedRun

LEAST_GROUPS = 10  # to fit a probe to


def probe_run(run: PlannedRun, folders: Folders, threads: int) -> Probe:
    """Probe the representation of the model that ``run`` trained, and write ``results/<scale>/probes/<key>.json``.

    Args:
        run: whose trained model is in its folder, see ``Folders.model``.
        folders: of the scale.
        threads: that torch may use.

    Raises:
        BenchError: the model cannot be loaded.
    """
    torch.set_num_threads(threads)
    method, splits = load_trained(run, folders)
    psi = _representations(method, splits)
    found, reason = Probe.NOTHING, f"{run.method} has no representation to read"
    if psi is not None:
        fitted = len(psi) - len(splits["test"])  # probes are fitted to so many, the others are test trajectories
        components, ground_truth = principal_components(psi[fitted:]), _ground_truth(run, splits)
        reason = _unreadable(ground_truth, splits)
        found = {
            "group": splits["test"].group.tolist(),
            "readings": [] if reason else _readings(run, method, splits, psi, ground_truth),
            "points": [rounded(point) for point in components.of(psi[fitted:])[:, :2]],
            "shares": rounded(components.shares[:2]),
        }
    measured = {"reason": reason, **found, "semigroup": semigroup(method, splits["test"])}
    return Probe.write(folders.probe(run.key), Probe.described(run, folders, splits) | measured)


def _representations(method: Method, splits: dict[str, Trajectories]) -> np.ndarray | None:
    """psi of the contexts of all trajectories, split after split, ``(trajectory, latent)``, or None."""
    context = slice(method.task.context_frames)
    parts = [method.represent(part.frames[:, context], part.times[:, context]) for part in splits.values()]
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _groups(splits: dict[str, Trajectories]) -> np.ndarray:
    """Groups of all trajectories as numbers, ``(trajectory,)``; splits share none."""
    named = [(index, int(group)) for index, part in enumerate(splits.values()) for group in part.group]
    return np.unique(named, axis=0, return_inverse=True)[1].ravel()


def _ground_truth(run: PlannedRun, splits: dict[str, Trajectories]) -> list[Quantity]:
    """Quantities known to be true of all trajectories, split after split, that differ among those of the test split."""
    parts = list(splits.values())
    every = Trajectories(
        frames=np.concatenate([part.frames[:, :1] for part in parts]),
        times=np.concatenate([part.times[:, :1] for part in parts]),
        group=_groups(splits),
        parameters={name: np.concatenate([part.parameters[name] for part in parts]) for name in parts[0].parameters},
        states={name: np.concatenate([part.states[name][:, :1] for part in parts]) for name in parts[0].states},
        fields=parts[0].fields,
        space=parts[0].space,
    )
    count = len(splits["test"])
    known = known_quantities(every, run.dataset.source)
    return [one for one in known if np.ptp(one.values[-count:]) > 0]  # else there is nothing to explain


def _unreadable(ground_truth: list[Quantity], splits: dict[str, Trajectories]) -> str:
    """Why nothing can be read, empty where something can."""
    if not ground_truth:
        return "nothing is known of the trajectories that differs between them"
    groups = len(np.unique(_groups(splits)[: -len(splits["test"])]))
    return "" if groups >= LEAST_GROUPS else f"{groups} independent groups are too few to fit a probe to"


def _readings(
    run: PlannedRun, method: Method, splits: dict[str, Trajectories], psi: np.ndarray, ground_truth: list[Quantity]
) -> list[dict[str, Any]]:
    """``probes.Reading`` of every quantity."""
    fitted, group = len(psi) - len(splits["test"]), _groups(splits)
    known, test = ([one.targets[part] for one in ground_truth] for part in (slice(fitted), slice(fitted, None)))
    mixed = np.random.default_rng(run.seed).permutation(fitted)
    features = {
        probes.PSI: (psi, known),
        probes.PCA: (_context_components(method, splits, psi.shape[1]), known),
        probes.SHUFFLED: (psi, [values[mixed] for values in known]),
    }
    if isinstance(method, NeuralMethod):
        features[probes.UNTRAINED] = (_untrained_representations(run, method, splits), known)
    read = {
        name: {probe: readout.read(made[:fitted], labels, group[:fitted], made[fitted:], probe) for probe in PROBES}
        for name, (made, labels) in features.items()
    }
    return [
        _reading(
            quantity,
            values,
            {name: {probe: answers[index] for probe, answers in made.items()} for name, made in read.items()},
        )
        for index, (quantity, values) in enumerate(zip(ground_truth, test, strict=True))
    ]


def _reading(quantity: Quantity, values: np.ndarray, read: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """``probes.Reading`` of one quantity from what was read where ``values`` are true, ``(trajectory, target)``."""
    deviation = ((values - values.mean(axis=0)) ** 2).sum(axis=1)  # (trajectory,)
    size = deviation.mean()
    errors = {
        name: {probe: rounded(((found - values) ** 2).sum(axis=1) / size) for probe, found in made.items()}
        for name, made in read.items()
    }
    identity = {"name": quantity.name, "unit": quantity.unit, "cyclic": quantity.cyclic}
    ground_truth = rounded(quantity.values[-len(values) :])
    return {**identity, "ground_truth": ground_truth, "deviation": rounded(deviation / size), "errors": errors}


def _context_components(method: Method, splits: dict[str, Trajectories], count: int) -> np.ndarray:
    """The context frames in their leading ``count`` principal components, those of the training split."""
    context = slice(method.task.context_frames)
    flat = {  # (trajectory, frame, channel, *space) -> (trajectory, value)
        name: part.frames[:, context].reshape(len(part), -1) for name, part in splits.items()
    }
    most = min(count, *flat["train"].shape)
    fitted = PrincipalComponents(most, random_state=0).fit(flat["train"])
    return np.concatenate([fitted.transform(part) for part in flat.values()])


def _untrained_representations(run: PlannedRun, method: NeuralMethod, splits: dict[str, Trajectories]) -> np.ndarray:
    """psi of the model as it was before its first step."""
    untrained = type(method)(method.task, run.settings)
    torch.manual_seed(run.seed)
    untrained.model = untrained.build_model()
    psi = _representations(untrained, splits)
    assert psi is not None
    return psi
