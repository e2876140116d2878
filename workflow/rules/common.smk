"""The study, its folders, and what is still to do.

Runs and data files are named by a key of all that determines them, so a file that is there is right:
file times and Snakemake's own metadata decide nothing about training. Records that exist are not
part of the graph at all.
"""

import time
from pathlib import Path

from ladid_bench.catalogue import planned_dataset
from ladid_bench.config import load_study
from ladid_bench.errors import BenchError
from ladid_bench.evaluation.state import run_state
from ladid_bench.files import content_key
from ladid_bench.plan import describe_plan, plan_runs
from ladid_bench.project import SPLITS, Folders, chosen_scale
from ladid_bench.provenance import report_hash


def asked(option):
    """Whether ``--config option=true`` was given."""
    return str(config.get(option, False)).lower() == "true"


def open_study():
    root = Path(workflow.basedir)
    scale = config.get("scale", chosen_scale(root))
    study = load_study(scale, root)
    runs = plan_runs(study, root)
    datasets = {name: planned_dataset(study, name) for name in study.datasets}
    folders = Folders(Path(), scale)
    return study, folders, datasets, runs, run_state(study, runs, Folders(root, scale), asked("retry_failed"))


try:
    STUDY, FOLDERS, DATASETS, RUNS, STATE = open_study()
except BenchError as error:
    sys.exit(f"error: {error}")

TO_DO = STATE.pending | (STATE.stale if asked("rerun_stale") else frozenset())
REPORT = f"{FOLDERS.results}/report/index.html"
RUN_TABLE = f"{FOLDERS.results}/runs.parquet"
PLAN_KEY = content_key([sorted(RUNS), report_hash()])
PLAN = f"{FOLDERS.work}/plan/{PLAN_KEY}.txt"
# outcomes are signals of this invocation only: the record is what lasts
OUTCOME = f"{FOLDERS.work}/outcomes/{time.time_ns()}"


wildcard_constraints:
    key="[0-9a-f]{16}",
    dataset="[a-z0-9.-]+?",
    data_key="[0-9a-f]{16}",


def data_files(dataset, data_key):
    return {split: str(FOLDERS.split(dataset, data_key, split)) for split in SPLITS}


