"""The workflow end to end, in a checkout of its own: run, rerun, change, clone."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workflows import COPIED, STUDY, command, configure, contents, make_checkout, snakemake, without_cost

from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.study.graph import RunGraph
from ladid_bench.study.plan import plan_runs
from ladid_bench.study.resources import memory_mb


@pytest.fixture(scope="module")
def finished_study(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[Path, str]:
    """A checkout whose study is done, with its report, and what its terminal showed."""
    folder = make_checkout(root, tmp_path_factory.mktemp("finished") / "checkout")
    return folder, snakemake(folder)


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """A checkout in which nothing is done."""
    return make_checkout(root, tmp_path / "checkout")


@pytest.fixture
def done(finished_study: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the checkout whose study is done."""
    return Path(shutil.copytree(finished_study[0], tmp_path / "done"))


def clone(folder: Path, target: Path) -> Path:
    """A fresh clone with the results and without work, data and Snakemake's metadata, all with new file times."""
    target.mkdir()
    for name in (*COPIED, "params.yaml", "results"):
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, target / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target / name)
    return target


def planned_jobs(folder: Path, *options: str) -> dict[str, int]:
    """How many jobs of each rule ``snakemake -n`` plans."""
    output = snakemake(folder, "-n", "--quiet", "rules", *options)
    table = output.rpartition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^([a-z_]+) +(\d+)$", table, re.MULTILINE)}


def edges(folder: Path) -> set[tuple[str, str]]:
    """Which rule's output goes into which rule, as ``snakemake --rulegraph`` draws it."""
    graph = snakemake(folder, "--rulegraph")
    names = dict(re.findall(r"(\d+)\[label = \"(\w+)\"", graph))
    return {(names[one], names[other]) for one, other in re.findall(r"(\d+) -> (\d+)", graph)}


def test_the_terminal_has_a_line_a_job_and_where_the_report_is(finished_study: tuple[Path, str]) -> None:
    lines = finished_study[1].splitlines()
    counted = [line.split()[0] for line in lines if line.startswith("[")]
    jobs = {"simulated": 1, "train": 1, "run": 2, "aggregate": 1, "render": 1}
    assert counted == [f"[{number}/{sum(jobs.values())}]" for number in range(1, sum(jobs.values()) + 1)]
    assert len(lines) <= len(counted) + 5
    assert lines[-1].endswith("results/tiny/report/index.html")


def test_run_rerun_change_and_clone(finished_study: tuple[Path, str], done: Path, tmp_path: Path) -> None:
    checkout, output = done, finished_study[1]
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert {"dataset", "variant", "seed", "status"} <= set(table.columns)
    assert (table["status"] == "ok").all(), output
    assert (checkout / "results/tiny/report/index.html").stat().st_size > 10_000
    assert planned_jobs(checkout) == {}
    ways = {("simulated", "train"), ("simulated", "run"), ("train", "aggregate"), ("run", "aggregate")}
    assert edges(checkout) >= ways | {("simulated", "aggregate"), ("aggregate", "render")}

    copy = clone(checkout, tmp_path / "clone")
    assert planned_jobs(copy) == {}
    report = {"aggregate": 1, "render": 1, "all": 1}
    record = f"results/tiny/records/{table.loc['mean', 'key']}.json"
    assert planned_jobs(checkout, "--forcerun", record, "--") == {"run": 1} | report
    assert planned_jobs(checkout, "--forcerun", "train", "--") == {"train": 1} | report

    before = contents(copy)
    configure(copy, method_settings={"ladid": {"hidden": 32}})
    assert planned_jobs(copy)["train"] == 1
    snakemake(copy)
    after = contents(copy)
    assert {key: after[key] for key in before} == before
    assert len(after) == len(before) + 1
    assert len(pd.read_parquet(copy / "results/tiny/runs.parquet")) == 3
    assert planned_jobs(copy) == {}

    configure(copy, method_settings={"ladid": {"hidden": 32}}, experiments={"comparison": {"methods": ["ladid"]}})
    assert planned_jobs(copy) == {"outdated": 2} | report  # fewer runs, all done: the table and the report are others
    (copy / record).unlink()
    configure(copy)
    target = planned_jobs(copy, "--", record)
    assert target.pop("run") == 1
    assert not {"train", "aggregate", "all"} & set(target)


def test_a_changed_command_of_a_rule_makes_nothing_again(checkout: Path) -> None:
    """What determines a result is in its name; only a file that is missing, or asked for, is made."""
    snakemake(checkout, "--", "data")
    rules = checkout / "workflow/rules/data.smk"
    text = rules.read_text()
    changed = text.replace('"{params.command} data', '"true && {params.command} data').replace(
        "mem_mb=4000", "mem_mb=1"
    )
    assert changed.count("true && ") == changed.count("mem_mb=1,") == 1
    rules.write_text(changed)
    assert planned_jobs(checkout, "--", "data") == {}


def test_what_is_deleted_is_made_again_where_it_is_needed_and_no_more(finished_study: tuple[Path, str]) -> None:
    """Files are put aside and back: a dry run changes nothing."""
    checkout = finished_study[0]
    report = {"aggregate": 1, "render": 1, "all": 1}

    def planned_without(*patterns: str) -> dict[str, int]:
        paths = [path for pattern in patterns for path in checkout.glob(pattern)]
        assert len(paths) >= len(patterns)
        aside = [path.with_name(f"aside-{path.name}") for path in paths]
        for path, other in zip(paths, aside, strict=True):
            path.rename(other)
        try:
            jobs = planned_jobs(checkout)
            return {rule: count for rule, count in jobs.items() if rule != "outdated"}  # a signal, made by no command
        finally:
            for path, other in zip(paths, aside, strict=True):
                other.rename(path)

    mean = next(name for name, text in contents(checkout).items() if json.loads(text)["identity"]["method"] == "mean")
    record, train, card = f"results/tiny/records/{mean}", "data/tiny/pendulum/train/*", "results/tiny/datasets/*.json"
    assert planned_without(train) == {}  # no run reads it any more
    assert planned_without("work/tiny/models/*") == {}
    assert planned_without(record) == {"run": 1} | report
    assert planned_without(record, train) == {"simulated": 1, "run": 1} | report
    assert planned_without("results/tiny/runs.parquet") == report
    assert planned_without("results/tiny/report/index.html") == {"render": 1, "all": 1}
    assert planned_without(card) == {}  # the table has been collected
    assert planned_without(card, record) == {"simulated": 1, "run": 1} | report
    assert planned_jobs(checkout) == {}


def test_a_failing_method_is_a_row_and_stops_nothing(done: Path) -> None:
    checkout = done
    folder = checkout / "baselines" / "strange"
    shutil.copytree(checkout / "baselines" / "mean", folder)
    code = (folder / "method.py").read_text()
    (folder / "method.py").write_text(
        code + "\n\ndef _fail(self, *rest, **options):\n    raise ValueError('broken <b>')\n\n\nMETHOD.fit = _fail\n"
    )
    comparison = {"datasets": ["pendulum"], "methods": ["strange", "persistence"]}
    configure(checkout, experiments={"comparison": comparison})
    said = snakemake(checkout)
    log = next(word for word in said.split() if word.endswith(".log;"))
    assert "ValueError: broken" in (checkout / log.rstrip(";")).read_text()
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert table.loc["persistence", "status"] == "ok"
    assert (table.loc["strange", "status"], table.loc["strange", "attempts"]) == ("error", 2)
    assert "ValueError: broken &lt;b&gt;" in (checkout / "results/tiny/report/index.html").read_text()
    assert planned_jobs(checkout) == {}
    said = ladid_bench(checkout, "plan")
    assert "[failed]" in said and "records --failed" in said

    failed = ladid_bench(checkout, "records", "--failed").split()
    assert failed == [f"results/tiny/records/{table.loc['strange', 'key']}.json"]
    assert ladid_bench(checkout, "records", "--stale") == ""
    (folder / "method.py").write_text(code)
    assert ladid_bench(checkout, "records", "--stale").split() == failed
    snakemake(checkout, "--forcerun", *failed, "--", "runs")
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert (table.loc["strange", "status"], table.loc["strange", "attempts"]) == ("ok", 1)


def ladid_bench(folder: Path, *words: str) -> str:
    """What a command prints; it must succeed."""
    called = [command("ladid-bench"), *words]
    return subprocess.run(called, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_run_waits_for_the_one_it_starts_from_whose_model_is_made_again_when_it_is_gone(checkout: Path) -> None:
    small = STUDY["datasets"]["pendulum"]
    block = {"init_from": "pendulum", "methods": ["gru"], "arms": ["zero-shot", "frozen-dynamics"]}
    configure(
        checkout,
        datasets={"pendulum": small, "pendulum--mass-2": small},
        experiments={"transfer": block | {"datasets": ["pendulum--mass-2"]}},
    )
    output = snakemake(checkout, "--", "runs")
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("arm")
    assert (table["status"] == "ok").all(), output
    assert table.loc["scratch", "nmse_mean"] == table.loc["zero-shot", "nmse_mean"]  # the mass changes nothing
    assert ("train", "transfer") in edges(checkout)
    kept = contents(checkout)
    shutil.rmtree(checkout / "work")
    assert planned_jobs(checkout, "--", "runs") == {}  # nobody wants the model
    source = f"results/tiny/records/{table.loc['scratch', 'key']}.json"
    forced = planned_jobs(checkout, "--forcerun", source, "--")
    assert (forced["train"], forced["transfer"]) == (1, 2)

    for arm in ("zero-shot", "frozen-dynamics"):
        (checkout / f"results/tiny/records/{table.loc[arm, 'key']}.json").unlink()
    jobs = planned_jobs(checkout, "--", "runs")
    assert (jobs["transfer"], jobs["model"], jobs.get("train")) == (2, 1, None)
    snakemake(checkout, "--", "runs")
    assert (checkout / source).read_bytes() == kept[Path(source).name]
    assert without_cost(checkout) == {name: json.loads(text) | {"cost": None} for name, text in kept.items()}


def test_a_study_is_carried_out_piece_by_piece(checkout: Path) -> None:
    arguments = ("--config", "method=[mean,persistence]", "dataset=pendulum")
    assert planned_jobs(checkout, *arguments)["run"] == 2
    snakemake(checkout, *arguments, "--", "runs")
    assert len(contents(checkout)) == 2
    assert planned_jobs(checkout, *arguments, "--", "runs") == {}
    jobs = planned_jobs(checkout)
    assert (jobs.get("run"), jobs["train"]) == (None, 1)
    for option, named in (("method=meen", "'meen'"), ("datset=pendulum", "'dataset'")):
        said = snakemake(checkout, "--config", option, check=False)
        assert named in said
        assert "Traceback" not in said


def test_what_an_interrupted_workflow_had_recorded_is_reported(done: Path) -> None:
    configure(done, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "ridge"]}})
    snakemake(done, "--until", "run")  # as if killed before the table
    assert len(contents(done)) == 4
    assert planned_jobs(done) == {"outdated": 2, "aggregate": 1, "render": 1, "all": 1}


def test_the_report_is_made_without_a_run_whose_job_was_killed(done: Path) -> None:
    rules = done / "workflow/rules/runs.smk"
    asked = "echo {resources.mem_mb} {resources.runtime} >> asked.txt"
    killed = rules.read_text().replace(
        '"{params.command} {wildcards.key}', f'"{asked}; kill -9 $$; {{params.command}} '
    )
    rules.write_text(killed)
    configure(
        done,
        experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "ridge"]}},
        execution={"retries": 1},
    )
    (done / "results/tiny/runs.parquet").unlink()
    output = snakemake(done, check=False)
    assert "TypeError" not in output
    table = pd.read_parquet(done / "results/tiny/runs.parquet").set_index("method")
    assert dict(table["status"]) == {"mean": "ok", "ridge": "not run"}, output
    # two more attempts than a run that fails of itself has, each with as much memory again and more time
    study = load_study("tiny", done)
    runs = plan_runs(study, done)
    run = next(run for run in runs.values() if run.method == "ridge")
    graph = RunGraph(study, runs, Folders(done, "tiny"))
    expected = [f"{attempt * memory_mb(run)} {graph.minutes(run.key, attempt)}" for attempt in (1, 2, 3, 4)]
    assert (done / "asked.txt").read_text().splitlines() == expected


def test_a_job_has_the_command_and_the_threads_of_its_run(checkout: Path) -> None:
    """Of an experiment and a seed that are chosen; the longer of two budgets of one training waits for the shorter."""
    block = {"datasets": ["pendulum"], "seeds": [0, 1]}
    configure(
        checkout,
        execution={"threads": 2},
        experiments={
            "probe": block | {"methods": ["gru"], "rungs": [2, 6]},
            "calibration": block | {"methods": ["gru"], "budget": {"steps": 6}},
            "cost": block | {"methods": ["ladid"]},
        },
    )
    options = ("--config", "seed=1", "experiment=[probe,calibration]", "--", "runs")
    said = snakemake(checkout, "-n", "-p", *options)
    jobs: dict[str, list[str]] = {}
    for text in said.split("\n\n"):
        if found := re.search(r"^rule (\w+):", text, re.MULTILINE):
            jobs.setdefault(found[1], []).append(text)
    counts = {name: len(jobs[name]) for name in ("train", "probe", "calibrate")}
    assert counts == {"train": 2, "probe": 2, "calibrate": 1}  # both budgets are probed, so that a verdict can settle
    for name, words in (("train", "run --restartable"), ("probe", "probe --skip-failed")):
        assert all(f" {words} " in text and "threads: 2" in text for text in jobs[name])
    assert " calibrate --skip-failed " in jobs["calibrate"][0]
    outputs = [re.search(r"output: (\S+)", text)[1] for text in jobs["train"]]  # type: ignore[index]
    inputs = [re.search(r"input: (.+)", text)[1] for text in jobs["train"]]  # type: ignore[index]
    assert sum(output in one for output in outputs for one in inputs) == 1


def test_wrong_configuration_is_one_line_and_no_work(checkout: Path) -> None:
    configure(checkout, budgte={})
    output = snakemake(checkout, check=False)
    assert "config/tiny.yaml" in output
    assert "'budgte'" in output
    assert not (checkout / "results" / "tiny").exists()
    done = subprocess.run([command("ladid-bench"), "plan"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'budgte'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_slurm_profile_plans(checkout: Path) -> None:
    assert "total" in snakemake(checkout, "--profile", "slurm", "-n")


def test_stages_of_dvc_depend_on_all_that_they_go_through(root: Path) -> None:
    """On the packages that their commands import, directly or not, and on what they read."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    read = {"data": ["imported"], "runs": ["imported", "baselines", "workflow", "data/${item}"]}
    begun = {
        "data": ["study.datasets"],
        "runs": ["runs.execute", "runs.calibrating", "probing.probing", "analysis.results"],
    }
    for stage, modules in begun.items():
        found, left = set(), list(modules)
        while left:
            module = left.pop()
            path = root / "src/ladid_bench" / f"{module.replace('.', '/')}.py"
            if module in found or not path.exists():
                continue
            found.add(module)
            left += re.findall(r"^ *from ladid_bench\.([\w.]+) import", path.read_text(), re.MULTILINE)
        assert found >= set(modules)
        packages = {f"src/ladid_bench/{module.split('.')[0]}" for module in found}
        assert packages | {*read[stage], "config/${item}.yaml"} <= set(stages[stage]["do"]["deps"])
