"""The workflow on a real Slurm of one node: it gives what a local run gives, whatever becomes of its jobs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from clusters import Cluster, said, started, wait_until
from workflows import command, configure, make_slurm_checkout, snakemake, without_cost

pytestmark = pytest.mark.skipif(
    shutil.which("slurmctld") is None or shutil.which("munged") is None or os.geteuid() != 0,
    reason="a Slurm of one node needs root, slurm-wlm and munge",
)
# A step that sleeps makes a run of well over two minutes, hence with checkpoints, however busy the machine is.
LONG = {"steps": 700, "batch_size": 2, "windows": 1, "queries": 2, "validate_every": 175, "warmup_steps": 10}
PATIENCE = """

def _patient(self, build=METHOD.build_model):
    import time
    model = build(self)
    loss = model.loss
    model.loss = lambda batch: (time.sleep(0.2), loss(batch))[1]
    return model

METHOD.build_model = _patient
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with started() as cluster:
        yield cluster


def on_slurm(folder: Path, *options: str) -> str:
    """``snakemake --cores all --profile slurm`` and ``options``; what it printed."""
    return snakemake(folder, "--profile", "slurm", *options, cores="all")


def assert_same_results(folder: Path, other: Path) -> None:
    """The records and the run tables of two checkouts agree, cost aside, and both have a report."""
    assert without_cost(folder) == without_cost(other)
    tables = [pd.read_parquet(place / "results/tiny/runs.parquet") for place in (folder, other)]
    ours, theirs = (table.drop(columns=[name for name in table if name.startswith("cost_")]) for table in tables)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    for place in (folder, other):
        assert (place / "results/tiny/report/index.html").stat().st_size > 10_000


def test_a_study_on_slurm_gives_what_a_local_one_gives(cluster: Cluster, tmp_path: Path, root: Path) -> None:
    ours, local = (make_slurm_checkout(root, tmp_path / name) for name in ("slurm", "local"))
    for folder in (ours, local):
        configure(folder, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["gru", "mean"]}})
    on_slurm(ours)
    assert sorted(job.rule for job in cluster.jobs()) == ["run", "simulated", "train"]
    assert {job.state for job in cluster.jobs()} == {"COMPLETED"}
    snakemake(local)
    assert_same_results(ours, local)
    assert "Nothing to be done" in on_slurm(ours)


GPU_CHECK = """

def _fit(self, *rest, **options):
    import os
    if TRAINED != bool(os.environ.get("CUDA_VISIBLE_DEVICES")):
        raise RuntimeError(f"CUDA_VISIBLE_DEVICES is {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    original(self, *rest, **options)

original, METHOD.fit = METHOD.fit, _fit
"""


@pytest.mark.slow
@pytest.mark.parametrize("line", ["gres", "gpu"])
def test_trained_methods_get_a_gpu_and_others_none(cluster: Cluster, tmp_path: Path, root: Path, line: str) -> None:
    folder = make_slurm_checkout(root, tmp_path / "checkout")
    uncomment(folder / "slurm/config.yaml", line)
    for name, trained in (("seeing", True), ("blind", False)):
        baseline = folder / "baselines" / name
        shutil.copytree(folder / "baselines/mean", baseline)
        with (baseline / "method.py").open("a") as code:
            code.write(GPU_CHECK.replace("TRAINED", str(trained)))
        card = yaml.safe_load((baseline / "method.yaml").read_text())
        if trained:
            card |= {"kind": "neural", "settings": {"learning_rate": 0.1}}
        (baseline / "method.yaml").write_text(yaml.safe_dump(card))
    configure(folder, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["seeing", "blind"]}})
    former = {job.id for job in cluster.jobs()}
    on_slurm(folder)
    table = pd.read_parquet(folder / "results/tiny/runs.parquet")
    assert list(table["status"]) == ["ok", "ok"], list(table["reason"])
    jobs = {job.rule: job for job in cluster.jobs() if job.id not in former}
    asked = {"gres": jobs["train"].gres, "gpu": jobs["train"].gpus}
    assert asked.pop(line).endswith("gpu:1")
    assert list(asked.values()) == ["N/A"]
    del jobs["train"]
    assert {(job.gres, job.gpus) for job in jobs.values()} == {("N/A", "N/A")}
    assert sorted(jobs) == ["run", "simulated"]


def uncomment(profile: Path, line: str) -> None:
    """Take the line of the profile that asks for a GPU in one of the two ways, as its comment says."""
    wanted = ("set-resources:", "  train:", f"    {line}: ")
    lines = [text.removeprefix("# ") for text in profile.read_text().splitlines()]
    former = profile.read_text().splitlines()
    kept = [new if new.startswith(wanted) else old for old, new in zip(former, lines, strict=True)]
    assert sum(new != old for new, old in zip(kept, former, strict=True)) == 3
    profile.write_text("\n".join(kept) + "\n")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A local checkout whose one long run nothing interrupted."""
    folder = make_slurm_checkout(root, tmp_path_factory.mktemp("undisturbed") / "checkout")
    shutil.copytree(folder / "baselines/gru", folder / "baselines/patient")
    with (folder / "baselines/patient/method.py").open("a") as code:
        code.write(PATIENCE)
    configure(folder, budget=LONG, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["patient"]}})
    snakemake(folder)
    return folder


@pytest.fixture
def long_study(undisturbed: Path, tmp_path: Path) -> Path:
    """The same checkout before its run."""
    folder = tmp_path / "checkout"
    shutil.copytree(undisturbed, folder)
    for made in (folder / "results/tiny", folder / "work"):
        shutil.rmtree(made)
    return folder


def checkpoint_of(folder: Path) -> Path | None:
    return next((folder / "work/tiny/runs").glob("*/checkpoint.pt"), None)


def started_on_slurm(folder: Path) -> subprocess.Popen[str]:
    words = [command("snakemake"), "--cores", "all", "--profile", "slurm"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def resumed(folder: Path) -> int:
    """How often the one run of a study went on from a checkpoint."""
    logs = [path.read_text() for path in (folder / "work/tiny/logs").glob("????????????????.log")]
    return sum(text.count("resumed at step") for text in logs)


@pytest.mark.slow
@pytest.mark.parametrize("accident", ["cancelled", "node lost"])
def test_a_run_goes_on_from_its_checkpoint_when_its_job_is(
    accident: str, cluster: Cluster, long_study: Path, undisturbed: Path
) -> None:
    process = started_on_slurm(long_study)
    wait_until(lambda: checkpoint_of(long_study) is not None, 300)
    if accident == "cancelled":
        said("scancel", cluster.running("train"))
    else:
        cluster.lose_node()
        cluster.return_node()
    output = process.communicate(timeout=900)[0]
    assert process.returncode == 0, output
    assert resumed(long_study) == 1
    assert_same_results(long_study, undisturbed)


@pytest.mark.slow
def test_a_run_goes_on_from_its_checkpoint_when_its_job_reaches_its_time_limit(
    cluster: Cluster, long_study: Path, undisturbed: Path
) -> None:
    on_slurm(long_study, "--set-resources", "train:runtime=2")
    assert "TIMEOUT" in [job.state for job in cluster.jobs() if job.rule == "train"]
    assert resumed(long_study) >= 1
    assert_same_results(long_study, undisturbed)


@pytest.mark.slow
def test_ctrl_c_cancels_the_jobs_and_the_same_command_goes_on(
    cluster: Cluster, long_study: Path, undisturbed: Path
) -> None:
    process = started_on_slurm(long_study)
    wait_until(lambda: checkpoint_of(long_study) is not None, 300)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    wait_until(lambda: not cluster.running("train"), 60)
    on_slurm(long_study)
    assert resumed(long_study) == 1
    assert_same_results(long_study, undisturbed)
