"""Which runs have a model to be probed, and what becomes of the probe of one that has not, or not any more."""

from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash, commit, machine, versions
from ladid_bench.methods.registry import method_folders
from ladid_bench.probing.probes import PROBING, load_probe, write_probe
from ladid_bench.runs.learning import model_sha256
from ladid_bench.runs.records import read_record
from ladid_bench.study.plan import PlannedRun


def why_not_probed(run: PlannedRun, folders: Folders) -> str:
    """Say why there is no trained model of ``run`` to probe; empty where there is one or it can be trained again."""
    if run.card.kind != "neural":
        return f"{run.method} has no representation to read"
    if not run.trained:
        return "it trains no model of its own"
    path = folders.record(run.key)
    if not path.exists():
        return f"it has not ended with a result; 'ladid-bench run {run.key}' makes one"
    status = read_record(path)["status"]
    return "" if status == "ok" else f"it ended as {status}"


def write_reason(run: PlannedRun, folders: Folders, reason: str) -> None:
    """Write the probe of a run without a model, which says why nothing was read."""
    revision, dirty = commit(folders.root)
    code = code_hash(method_folders(folders.root)[run.method], PROBING)
    made = {"commit": revision, "dirty": dirty, "code_hash": code, "versions": versions(), **machine()}
    content = {
        "key": run.key,
        "dataset": run.dataset.name,
        "method": run.method,
        "variant": run.variant,
        "seed": run.seed,
        "reason": reason,
        "representation_size": 0,
        "group": [],
        "readings": [],
        "points": [],
        "shares": [],
        "semigroup": None,
        "provenance": {**made, "model_sha256": "", "data_sha256": {}},
    }
    write_probe(folders.probe(run.key), content)


def drop_probe_of_former_model(run: PlannedRun, folders: Folders) -> bool:
    """Delete the probe of a model that another one has replaced since, and say whether there was one.

    Training again on the same machine gives the same model, whose probe stays.
    """
    probe, model = load_probe(folders, run.key), folders.model(run.key)
    if probe is None or not model.exists() or probe.provenance.model_sha256 == model_sha256(model):
        return False
    folders.probe(run.key).unlink()
    return True
