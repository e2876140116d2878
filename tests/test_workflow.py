"""The workflow end to end, in a checkout of its own: run, rerun, change, clone."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from workflows import COPIED, STUDY, command, configure, contents, make_checkout, snakemake, without_cost


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
    snakemake(checkout)
    table = pd.read_parquet(checkout / "results/tiny/runs.parquet").set_index("method")
    assert table.loc["persistence", "status"] == "ok"
    assert (table.loc["strange", "status"], table.loc["strange", "attempts"]) == ("error", 2)
    assert "ValueError: broken &lt;b&gt;" in (checkout / "results/tiny/report/index.html").read_text()
    assert planned_jobs(checkout) == {}

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
    said = snakemake(checkout, "--config", "method=meen", check=False)
    assert "'meen'" in said
    assert "Traceback" not in said


def test_what_an_interrupted_workflow_had_recorded_is_reported(done: Path) -> None:
    configure(done, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "ridge"]}})
    snakemake(done, "--until", "run")  # as if killed before the table
    assert len(contents(done)) == 4
    assert planned_jobs(done) == {"outdated": 2, "aggregate": 1, "render": 1, "all": 1}


def test_the_report_is_made_without_a_run_whose_job_was_killed(done: Path) -> None:
    rules = done / "workflow/rules/runs.smk"
    rules.write_text(rules.read_text().replace('"{params.command} {wildcards.key}', '"kill -9 $$; {params.command} '))
    configure(done, experiments={"comparison": {"datasets": ["pendulum"], "methods": ["mean", "ridge"]}})
    (done / "results/tiny/runs.parquet").unlink()
    output = snakemake(done, check=False)
    assert "TypeError" not in output
    table = pd.read_parquet(done / "results/tiny/runs.parquet").set_index("method")
    assert dict(table["status"]) == {"mean": "ok", "ridge": "not run"}, output


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
