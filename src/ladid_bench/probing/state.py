"""Which runs of a study are to be probed, and which of them still have to be."""

from collections.abc import Iterable

from ladid_bench.core.configuration import ExperimentName
from ladid_bench.core.paths import Folders
from ladid_bench.probing.probes import is_stale, read_probe
from ladid_bench.runs.learning import model_sha256
from ladid_bench.runs.records import read_record
from ladid_bench.runs.state import RunState
from ladid_bench.study.plan import PlannedRun

PROBE: ExperimentName = "probe"


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


def probes_to_do(
    runs: Iterable[PlannedRun], state: RunState, to_do: frozenset[str], folders: Folders, stale: bool
) -> frozenset[str]:
    """Find the keys of the runs that the experiment ``probe`` asks for and that are to be probed now.

    These are the ones without a probe, those that are about to be trained anew, and with ``stale`` those whose probe
    was made by code that has changed since. A run that ended without a result is not waited for.

    Args:
        runs: of the study.
        state: what is known of them.
        to_do: keys of the runs that are about to be made.
        folders: of the scale.
        stale: whether what older code made is to be made again.
    """
    planned = [run for run in runs if PROBE in run.experiments and run.card.kind == "neural" and run.trained]
    found = {run.key for run in planned if run.key in to_do}
    for run in planned:
        path = folders.probe(run.key)
        if run.key in state.done - to_do and not why_not_probed(run, folders):
            missing = not path.exists() or (stale and is_stale(read_probe(path), folders.root))
            found |= {run.key} if missing else set()
    return frozenset(found)


def drop_probe_of_former_model(run: PlannedRun, folders: Folders) -> bool:
    """Delete the probe of a model that another one has replaced since, and say whether there was one.

    Training again on the same machine gives the same model, whose probe stays.
    """
    probe, model = folders.probe(run.key), folders.model(run.key)
    if not (probe.exists() and model.exists()) or read_probe(probe).provenance.model_sha256 == model_sha256(model):
        return False
    probe.unlink()
    return True
