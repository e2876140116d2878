"""The study, its folders, and what depends on what.

Runs and data files are named by a key of all that determines them, so a file that is there is right: times of
files decide nothing about data and records (``ancient``), and every file is written in full or not at all.
"""

import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

from ladid_bench.analysis.currency import outdated
from ladid_bench.core.configuration import load_study
from ladid_bench.core.errors import BenchError, explain, nearest
from ladid_bench.core.files import check_room
from ladid_bench.core.paths import MIDPOINTS, SPLITS, Folders, chosen_scale, find_root
from ladid_bench.runs.failures import describe_failures, failed_runs
from ladid_bench.runs.records import read_record
from ladid_bench.runs.restart import drop_spares
from ladid_bench.runs.slurm import require_slurm
from ladid_bench.runs.state import describe_unplanned
from ladid_bench.runs.unlock import note_node
from ladid_bench.study.datasets import planned_dataset
from ladid_bench.study.graph import RunGraph, has_calibration, has_probe, rule_of, rule_of_dataset
from ladid_bench.study.plan import plan_runs
from ladid_bench.study.resources import describe_work, memory_mb, planned_seconds, rendering_seconds
from ladid_bench.study.selection import Selection, with_sources
from snakemake_logger_plugin_ladid_bench import INTERRUPTED
from snakemake_logger_plugin_ladid_bench.progress import PlannedJob

OPTIONS = ("scale", "dataset", "method", "seed", "experiment")


def require_known_options():
    """Refuse a misspelt ``--config``: Snakemake would take it and work on everything."""
    for name in config:
        if name not in OPTIONS:
            raise BenchError(f"--config {name}: there is no such option; {nearest(name, OPTIONS)}")


def listed(option):
    """The values of ``--config option=value`` or ``option=[one,another]``; none where it was not given."""
    value = config.get(option, [])
    return value if isinstance(value, list) else [value]


def open_study():
    require_known_options()
    root = find_root(Path(workflow.basedir))
    if workflow.is_main_process:
        check_room(root)  # Snakemake itself would speak of it in many lines
    study = load_study(str(config["scale"]) if "scale" in config else chosen_scale(root), root)
    datasets = {name: planned_dataset(study, name) for name in study.datasets}
    runs = plan_runs(study, root)
    choice = Selection((), listed("dataset"), listed("method"), listed("seed"), listed("experiment"))
    return study, datasets, runs, with_sources(choice.of(runs))


def checked(work):
    """What ``work`` returns; an error of it ends Snakemake in one line."""
    try:
        return work()
    except BenchError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {explain(error)}")


STUDY, DATASETS, RUNS, CHOSEN = checked(open_study)

if workflow.is_main_process:
    # signals are of one call; Snakemake keeps them, though they are temporary, because they are targets too
    shutil.rmtree(Folders(Path(), STUDY.scale).work / "outdated", ignore_errors=True)

# the environment snakemake runs in need not be activated
COMMAND = f"{shlex.quote(sys.executable)} -m ladid_bench"
FOLDERS = Folders(Path(), STUDY.scale)
LOGS = f"{FOLDERS.work}/logs"
REPORT, RUN_TABLE = str(FOLDERS.report), str(FOLDERS.table)
# a profile, or --set-resources, may ask for a GPU for each job of the rule train
GPU = bool({"gpu", "gpu_model", "gres"} & set(workflow.resource_settings.overwrite_resources.get("train", {})))
GRAPH = RunGraph(STUDY, RUNS, FOLDERS, GPU)
RECORDS = GRAPH.records(CHOSEN)
PROBES = [str(FOLDERS.probe(key)) for key, run in CHOSEN.items() if has_probe(run, STUDY)]
CALIBRATIONS = [str(FOLDERS.calibration(key)) for key, run in CHOSEN.items() if has_calibration(run, STUDY)]
DERIVED = RECORDS + PROBES + CALIBRATIONS


wildcard_constraints:
    key="[0-9a-f]{16}",
    dataset="[a-z0-9.-]+?",
    data_key="[0-9a-f]{16}",


# Reports in between: of a study that takes longer than this, in seconds of one core, and has none yet. What is left of
# it does not count: each job on a cluster reads these lines again, and has to find the same graph.
LONG = 3600
GLIMPSES = {} if Path(REPORT).exists() else GRAPH.glimpses(CHOSEN, LONG)


def forced():
    """The files and rules that --forcerun names; known only once all rules have been read."""
    return set(workflow.dag_settings.forcerun)


def kept(path, rule):
    """A file whose time does not matter, unless it is to be made again: what depends on it then is made again too."""
    return path if {path, rule} & forced() else ancient(path)


def kept_record(key):
    return kept(GRAPH.record(key), rule_of(RUNS[key]))


def names_of(rule):
    """The names of the data sets that a rule makes, as a regular expression."""
    return "|".join(re.escape(name) for name, one in DATASETS.items() if rule_of_dataset(one) == rule) or "none"


def files_of_dataset(splits):
    """The trajectory file of each split and the card; what is there already stays when another one is missing."""
    wildcards = ("{dataset}", "{data_key}")
    files = {split: FOLDERS.split(*wildcards, split) for split in splits} | {"card": FOLDERS.card(*wildcards)}
    return {name: update(str(path)) for name, path in files.items()}


def made_from(product, rule, paths):
    """What a file is made from. Of one that is there and stays, only what is there too: else what is made for others
    would make it again."""
    stays = Path(product).exists() and not {product, rule} & forced()
    return [path for path in paths if Path(path).exists()] if stays else paths


def log_of(work):
    """The log of a job, by its key. With all keys of a rule as the constraint, naming it would take most of the plan."""
    return f"{LOGS}/{{key,[0-9a-f]+}}.{work}.log"


def data_of_run(wildcards):
    key = wildcards.key
    return ancient(made_from(GRAPH.record(key), rule_of(RUNS[key]), GRAPH.data(key)))


def data_of_model(wildcards):
    """All data of a run whose record is there, since it is trained again."""
    return ancient(GRAPH.data(wildcards.key))


def shorter_of_run(wildcards):
    """The record of the same training at the next lower budget: once it is there, this one continues its trunk."""
    run = RUNS[wildcards.key]
    paths = GRAPH.records([run.below.key] if run.below and run.below.key in CHOSEN else [])
    return ancient(made_from(GRAPH.record(run.key), rule_of(run), paths))


def start_of_run(wildcards):
    """The record of the run that a run starts from, and the signal that its model has been trained again."""
    source = RUNS[wildcards.key].model_from.key
    paths = made_from(GRAPH.record(wildcards.key), "transfer", [GRAPH.record(source), *model_again(source)])
    return [kept(path, rule_of(RUNS[source])) for path in paths]


def what_to_probe(wildcards):
    """The record of a run, the signal that its model has been trained again, and its data."""
    return looked_at(wildcards.key, FOLDERS.probe(wildcards.key), "probe", model_again(wildcards.key))


def what_to_calibrate(wildcards):
    """The record of a run, the signal that its model has been trained again, if it trains one, and its data."""
    key = wildcards.key
    return looked_at(key, FOLDERS.calibration(key), "calibrate", model_again(key) if RUNS[key].trained else [])


def looked_at(key, product, rule, again):
    """What a product beside the record of a run is made from."""
    paths = made_from(str(product), rule, [GRAPH.record(key), *again])
    data = made_from(str(product), rule, GRAPH.data(key))
    return [kept(path, rule_of(RUNS[key])) for path in paths] + [ancient(path) for path in data]


def model_again(key):
    """The signal that a model has been trained again, where its record is there without it, as in a clone."""
    record, model = FOLDERS.record(key), FOLDERS.model(key)
    gone = record.exists() and not model.exists() and read_record(record)["status"] == "ok"
    return [f"{model}.again"] if gone else []


def missing():
    """Keys of the chosen runs without a record."""
    return {key for key in CHOSEN if not FOLDERS.record(key).exists()}


def expected_jobs():
    """What the plan expects of the jobs of the chosen runs, by key, and of reports, for the time left on the terminal."""
    rendering = rendering_seconds(CHOSEN.values())
    runs = {key: PlannedJob(rule_of(run), run.label, planned_seconds(run, GPU)) for key, run in CHOSEN.items()}
    return runs | {rule: PlannedJob(rule, rule, rendering) for rule in ("render", "glimpse")}


@cache
def out_of_date():
    """Which of ``table`` and ``report`` are of other records or code than today's."""
    return outdated(RUNS, FOLDERS)


if workflow.is_main_process:
    checked(out_of_date)  # in an input function an error would be pages of Snakemake's


def signal_that(name):
    """The signal that the table or the report is out of date; nothing where it is not."""
    return [f"{FOLDERS.work}/outdated/{name}"] if name in out_of_date() else []


def made_report():
    """Whether the report is of the records that are there now."""
    return Path(REPORT).exists() and "report" not in outdated(RUNS, FOLDERS)


def rows(wildcards):
    """What the run table is collected from."""
    beside = [kept(path, "probe") for path in PROBES] + [kept(path, "calibrate") for path in CALIBRATIONS]
    return [kept_record(key) for key in CHOSEN] + beside


def signals(wildcards):
    """What targets name too: Snakemake would not make a missing input of a table or report that is there already."""
    return signal_that("table") + signal_that("report")


def table_to_render(wildcards):
    """The run table, whose time does not matter where it will not be made again."""
    stays = not (forced() or out_of_date() or missing()) and all(Path(path).exists() for path in PROBES + CALIBRATIONS)
    return ancient(RUN_TABLE) if stays else RUN_TABLE
