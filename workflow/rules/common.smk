"""The study, its folders, and what is still to do.

Runs and data files are named by a key of all that determines them, so a file that is there is right:
file times and Snakemake's own metadata decide nothing about training. Records that exist are not
part of the graph at all.
"""

import shlex
import sys
import time
from pathlib import Path

from ladid_bench.study.datasets import planned_dataset
from ladid_bench.study.selection import Selection, with_sources
from ladid_bench.core.configuration import load_study
from ladid_bench.study.resources import batches, describe_plan, expected_seconds, memory_mb
from ladid_bench.core.errors import BenchError, explain
from ladid_bench.probing.state import probes_to_do
from ladid_bench.runs.state import run_state
from ladid_bench.core.files import check_room, content_key
from ladid_bench.study.plan import plan_runs
from ladid_bench.core.paths import MIDPOINTS, SPLITS, Folders, chosen_scale
from ladid_bench.core.provenance import report_hash
from ladid_bench.datasets.measured import MEASURED


def asked(option):
    """Whether ``--config option=true`` was given."""
    return str(config.get(option, False)).lower() == "true"


def listed(option):
    """The values of ``--config option=value`` or ``option=[one,another]``; none where it was not given."""
    value = config.get(option, [])
    return value if isinstance(value, list) else [value]


def open_study():
    root = Path(workflow.basedir)
    scale = config.get("scale") or chosen_scale(root)
    study = load_study(scale, root)
    runs = plan_runs(study, root)
    datasets = {name: planned_dataset(study, name) for name in study.datasets}
    state = run_state(study, runs, Folders(root, scale), asked("retry_failed"))
    choice = Selection((), listed("dataset"), listed("method"), listed("seed"), listed("experiment"))
    return study, Folders(Path(), scale), datasets, runs, with_sources(choice.of(runs)), state


def on_gpu():
    """Whether a profile, or ``--set-resources``, asks for a GPU for each job of the rule ``train``."""
    return bool({"gpu", "gpu_model", "gres"} & set(workflow.resource_settings.overwrite_resources.get("train", {})))


try:
    STUDY, FOLDERS, DATASETS, RUNS, CHOSEN, STATE = open_study()
    if workflow.is_main_process:
        check_room(Path(workflow.basedir))  # Snakemake itself would speak of it in many lines
except BenchError as error:
    sys.exit(f"error: {error}")
except OSError as error:
    sys.exit(f"error: {explain(error)}")

# the environment snakemake runs in need not be activated
COMMAND = f"{shlex.quote(sys.executable)} -m ladid_bench"
TO_DO = (STATE.pending | (STATE.stale if asked("rerun_stale") else frozenset())) & CHOSEN.keys()
LOGS = f"{FOLDERS.work}/logs"
REPORT = f"{FOLDERS.results}/report/index.html"
RUN_TABLE = f"{FOLDERS.results}/runs.parquet"
PLAN = f"{FOLDERS.work}/plan/{content_key([sorted(RUNS), report_hash()])}.txt"
# what the physics checks measured, where they have ever run
PHYSICS = [name for name in ("results/physics.json",) if Path(name).exists()]
GPU = on_gpu()
BATCHES = batches(RUNS.values(), GPU, 60 * STUDY.execution.batch_minutes)
BATCH_OF = {key: batch for batch, keys in BATCHES.items() for key in keys}
# outcomes are signals of this invocation only: the record is what lasts
MOMENT = f"{FOLDERS.work}/outcomes/{time.time_ns()}"


def outcome(batch):
    """The signal that a batch has ended; its path says which rule carries it out."""
    return f"{MOMENT}/{'train' if RUNS[batch].card.trained else 'run'}/{batch}.json"


PROBES_TO_DO = probes_to_do(CHOSEN.values(), STATE, TO_DO, FOLDERS, asked("rerun_stale"))
# one job a data set: a probe takes seconds
PROBES_OF = {name: sorted(key for key in PROBES_TO_DO if RUNS[key].dataset.name == name) for name in DATASETS}
PROBED = [f"{MOMENT}/probe/{name}.json" for name, keys in PROBES_OF.items() if keys]
OUTCOMES = [outcome(batch) for batch, keys in BATCHES.items() if TO_DO & set(keys)]
# Targets name these too: snakemake would not make a missing input of a table that is there already.
NEWS = [PLAN, *OUTCOMES, *PROBED]


wildcard_constraints:
    batch="[0-9a-f]{16}",
    moment="[0-9]+",
    dataset="[a-z0-9.-]+?",
    data_key="[0-9a-f]{16}",


def data_files(dataset, data_key):
    """The trajectory file of each split that every data set has."""
    return {split: str(FOLDERS.split(dataset, data_key, split)) for split in SPLITS}


def all_data_files(dataset):
    """The trajectory file of each split of a data set of this study."""
    return [str(path) for path in DATASETS[dataset].files(FOLDERS).values()]


def data_of_card(wildcards):
    """A card that is there needs no data: a clone with kept results renders its report without them."""
    if FOLDERS.card(wildcards.dataset, wildcards.data_key).exists():
        return []
    return all_data_files(wildcards.dataset)


def data_of(runs):
    """The data of runs; their identity is in the keys, so their times do not matter."""
    return ancient(sorted({path for run in runs for dataset in run.datasets for path in all_data_files(dataset.name)}))


def data_of_batch(wildcards):
    """The data of a batch."""
    return data_of(RUNS[key] for key in BATCHES[wildcards.batch])


def models_of_batch(wildcards):
    """What has to be done before the models that a batch starts from are there; nothing, where they are.

    A run that is given up is not waited for: the run that wants its model says so in its row. A batch of runs
    that start from others has none that others start from, so that no two batches wait for each other.
    """
    sources = {RUNS[key].model_from.key for key in left(wildcards) if RUNS[key].model_from}
    return sorted(models(sources))


def models(keys):
    """The signals that the models of runs are there; none for those that are."""
    first = {outcome(BATCH_OF[key]) for key in keys & TO_DO}
    gone = {key for key in keys & STATE.done - TO_DO if not FOLDERS.model(key).exists()}
    return first | {f"{MOMENT}/model/{key}.json" for key in gone}


def models_to_probe(wildcards):
    """What has to be done before the models that are to be probed are there; a run may have been given up by then."""
    return sorted(models(set(PROBES_OF[wildcards.dataset])))


def data_to_probe(wildcards):
    """The data that models were trained on, and that they are probed with."""
    return data_of(RUNS[key] for key in PROBES_OF[wildcards.dataset])


def data_of_model(wildcards):
    """The data that a model was trained on."""
    return data_of([RUNS[wildcards.batch]])


def left(wildcards):
    """The runs of a batch that are to do when its job starts, for one that was killed had finished some."""
    return [key for key in BATCHES[wildcards.batch] if key in TO_DO]


def force(wildcards):
    """What makes ``ladid-bench run`` repeat what has a record."""
    return "--force" if asked("rerun_stale") and left(wildcards) else ""


def minutes(wildcards, attempt):
    """Time to ask for what is left of a batch."""
    return minutes_of([RUNS[key] for key in left(wildcards)], attempt)


def minutes_of(runs, attempt):
    """Twice the expected time, more with each attempt, and hardly beyond the time limit of each run."""
    limit = 60 * (STUDY.execution.time_limit_minutes + 5)
    return sum(int(min(limit, (1 + attempt) * expected_seconds(run, GPU))) for run in runs) // 60 + 1


def memory(wildcards, attempt):
    """What the hungriest run of a batch needs, more with each attempt."""
    return attempt * max(memory_mb(RUNS[key]) for key in BATCHES[wildcards.batch])


def last_attempt(wildcards, attempt):
    """A run that has failed as often as it may is a row of the report and no longer an error."""
    return "--last-attempt" if attempt > STUDY.execution.retries else ""
