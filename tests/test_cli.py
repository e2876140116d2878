"""The command line, typed as a user would: what it prints, what it leaves, how it fails."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import said
from refusals import BEGINNING, check_refusal

from ladid_bench.core.configuration import load_study
from ladid_bench.core.errors import BenchError
from ladid_bench.datasets.user.dividing import Cutting
from ladid_bench.datasets.user.recordings import Reading
from ladid_bench.datasets.user.request import Request
from ladid_bench.methods.base import Forecast
from ladid_bench.methods.forecasts import write_forecast
from ladid_bench.study.plan import plan_runs

STUDY = {
    "scale": "tiny",
    "datasets": {"pendulum": {"trajectories": {"train": 4, "valid": 2, "test": 2}}},
    "experiments": {"comparison": {"datasets": ["pendulum"], "methods": ["mean", "persistence"]}},
}


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "params.yaml").write_text("scale: tiny\n")
    (tmp_path / "baselines").symlink_to(root / "baselines")
    return tmp_path


def key_of(folder: Path, method: str) -> str:
    """The first digits of a run's key, as ``ladid-bench plan`` lists it."""
    runs = plan_runs(load_study("tiny", folder), folder).values()
    return next(run.key[:8] for run in runs if run.method == method)


def test_a_study_by_hand(checkout: Path) -> None:
    plan = said(checkout, "plan")
    assert "2 runs" in plan
    assert f"{key_of(checkout, 'mean')}  mean on" in plan
    for method in ("mean", "persistence"):
        assert "ok" in said(checkout, "run", key_of(checkout, method))
    said(checkout, "card", "pendulum")
    assert "2 runs (2 ok)" in said(checkout, "aggregate")
    page = Path(said(checkout, "report").strip())
    assert page == checkout / "results/tiny/report/index.html"
    key = key_of(checkout, "mean")
    assert "--force" in said(checkout, "run", key)  # there is a record, and it is kept
    assert "[done]" in said(checkout, "plan")


def test_runs_that_share_a_command_do_not_stop_each_other(checkout: Path) -> None:
    execution = {"execution": {"time_limit_minutes": 1e-6}}
    keys = [key_of(checkout, method) for method in ("mean", "persistence")]
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    output = said(checkout, "run", *keys, code=1)
    assert output.count("timeout") == 2
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    said(checkout, "run", keys[1])
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | execution))
    said(checkout, "run", *keys)
    records = [json.loads(path.read_text()) for path in (checkout / "results/tiny/records").glob("*.json")]
    assert sorted(record["status"] for record in records) == ["ok", "timeout"]


def test_prune_removes_what_no_study_asks_for(checkout: Path) -> None:
    kept, dropped = key_of(checkout, "mean"), key_of(checkout, "persistence")
    for key in (kept, dropped):
        said(checkout, "run", key)
    comparison = {"datasets": ["pendulum"], "methods": ["mean"]}
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(STUDY | {"experiments": {"comparison": comparison}}))
    assert "'ladid-bench prune --scale tiny'" in said(checkout, "plan")
    assert dropped in said(checkout, "prune")
    assert "'ladid-bench prune'" not in said(checkout, "plan")
    assert [path.name[:8] for path in (checkout / "results/tiny/records").glob("*.json")] == [kept]
    samples, shared = checkout / "results/tiny/samples", "samples/shared"
    assert shared not in said(checkout, "prune")  # the run that is left shares it
    next(samples.glob("*.npz")).unlink()
    assert shared in said(checkout, "prune") and not list(samples.rglob("*.npz"))


def test_score_checks_a_forecast_file_of_ones_own(checkout: Path) -> None:
    said(checkout, "data", "pendulum")
    times = np.tile(np.arange(10, 60) * 3 / 59, (2, 1))
    black = np.zeros((2, 50, 1, 32, 32), np.float32)
    write_forecast(checkout / "black.hdf5", Forecast(black), times)
    told = said(checkout, "score", key_of(checkout, "mean"), "black.hdf5")
    assert '"nmse_mean": 1.0' in told and "angle_error_degrees_mean" in told
    black[0, 0] = np.nan
    write_forecast(checkout / "nan.hdf5", Forecast(black), times)
    message = said(checkout, "score", key_of(checkout, "mean"), "nan.hdf5", code=1)
    check_refusal(message, "nan.hdf5", "'mean'", 32 * 32)


def test_lists(checkout: Path) -> None:
    assert "pendulum--length-1.5" in said(checkout, "datasets").split()
    lines = [line.split() for line in said(checkout, "methods").splitlines()]
    kinds = {words[0]: words[1] for words in lines if "version" in words}
    assert next(iter(kinds)) == "ladid"
    assert (kinds["latent-ode"], kinds["persistence"]) == ("neural", "reference")
    assert ["persistence", "reference", "version", "1,", "ready"] in lines


def test_a_broken_card_hides_no_other_method(checkout: Path) -> None:
    theirs = (checkout / "baselines").readlink()
    (checkout / "baselines").unlink()
    shutil.copytree(theirs, checkout / "baselines")
    card = checkout / "baselines" / "ridge" / "method.yaml"
    card.write_text(card.read_text(encoding="utf-8") + "flavour: sweet\n", encoding="utf-8")
    message = said(checkout, "methods", code=1)
    assert "baselines/ridge/method.yaml" in message and "flavour" in message
    assert {"ladid", "dmd", "unet"} <= {words[0] for line in message.splitlines() if (words := line.split())}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["data", "pendulun"], ["'pendulun'", "'datasets'", "'pendulum'"]),
        (["plan", "--scale", "tinny"], ["'tinny'", "config/tinny.yaml", "'tiny'"]),
        (["run", "ffff"], ["'ffff'", "'ladid-bench plan'"]),
        (["report"], ["'ladid-bench aggregate'"]),
        (["card", "pendulum"], ["pendulum/train/", "'ladid-bench data'"]),
        (["new-baseline", "My_Idea"], ["'My_Idea'"]),
        (["new-baseline", "ridge"], ["'ridge'", "baselines/ridge"]),
        (["check-baseline", "rigde"], ["'rigde'", "'ridge'"]),
        (["check-baseline", "ridge:tuned"], ["'ridge'", "'tuned'", "default"]),
        (["to-text", "nowhere.hdf5", "text"], ["nowhere.hdf5"]),
        (["from-text", "params.yaml", "nowhere.hdf5", "forecast.hdf5"], ["nowhere.hdf5"]),
        (["from-text", "nowhere.txt", "nowhere.hdf5", "forecast.hdf5"], ["nowhere.txt"]),
    ],
)
def test_mistakes_are_one_line(checkout: Path, words: list[str], named: list[str]) -> None:
    check_refusal(said(checkout, *words, code=1), *named)


def test_commands_write_over_no_input_and_over_no_file_of_another_kind(checkout: Path) -> None:
    said(checkout, "data", "pendulum")
    split = next((checkout / "data/tiny/pendulum/test").glob("*.hdf5"))
    key = key_of(checkout, "mean")
    remarks = checkout / "remarks.md"
    remarks.write_text("# remarks\n")
    before = {path: path.read_bytes() for path in (split, remarks)}
    for words, named in (
        (("to-text", split, split), split),
        (("forecast", key, split, checkout / "data" / ".." / split.relative_to(checkout)), split.name),
        (("forecast", key, split, remarks), remarks),
        (("from-text", remarks, split, remarks), remarks),
        (("schema", remarks), remarks),
    ):
        check_refusal(said(checkout, *map(str, words), code=1), named)
        assert {path: path.read_bytes() for path in before} == before
    for _ in range(2):  # a file of the same kind is written anew
        said(checkout, "to-text", str(split), "text")
        said(checkout, "schema", "schema.json")


def test_outside_a_checkout(tmp_path: Path) -> None:
    check_refusal(said(tmp_path, "plan", code=1), tmp_path, "params.yaml")


def test_results_that_cannot_be_written_are_one_line(checkout: Path) -> None:
    (checkout / "results").write_text("a file")
    output = said(checkout, "run", key_of(checkout, "mean"), code=1)
    assert output.splitlines()[-1].startswith(BEGINNING)
    assert (checkout / "results").read_text() == "a file"


# Options: each changes what it names


def test_a_plan_is_of_the_runs_cores_and_gpus_that_are_asked_for(checkout: Path) -> None:
    small = STUDY["datasets"]["pendulum"]
    content = STUDY | {"datasets": {"pendulum": small, "wave": small}}
    content["experiments"] = {
        "comparison": {"methods": ["gru", "ridge"], "seeds": [0, 1]},  # ridge has one run a data set
        "cost": {"datasets": ["wave"], "methods": ["persistence"]},
    }
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(content))
    counts = {
        (): 7,
        ("--dataset", "wave"): 4,
        ("--method", "ridge", "--method", "persistence"): 3,
        ("--seed", "1"): 2,
        ("--experiment", "cost"): 1,
        ("--dataset", "wave", "--seed", "0"): 3,
    }
    assert {options: said(checkout, "plan", *options).count("[to do]") for options in counts} == counts
    assert said(checkout, "plan", "--cores", "3").strip().endswith(" on 3 cores")
    assert "GPU-hours" in said(checkout, "plan", "--gpu") and "GPU-hours" not in said(checkout, "plan")


def test_records_are_of_the_runs_that_are_asked_for(checkout: Path) -> None:
    content = STUDY | {"experiments": {"cost": {"methods": ["persistence"]}} | STUDY["experiments"]}
    (checkout / "config" / "tiny.yaml").write_text(yaml.safe_dump(content))
    keys = {method: key_of(checkout, method) for method in ("mean", "persistence")}
    for key in keys.values():
        said(checkout, "run", key)
    for options, methods in (
        ((), ["mean", "persistence"]),
        (("--method", "mean"), ["mean"]),
        (("--experiment", "cost"), ["persistence"]),
        (("--failed",), []),
    ):
        listed = said(checkout, "records", *options).split()
        assert sorted(Path(one).name[:8] for one in listed) == sorted(keys[method] for method in methods)


def test_some_splits_are_made_without_the_others(checkout: Path) -> None:
    said(checkout, "data", "pendulum", "--split", "test", "--split", "valid")
    assert sorted(path.name for path in (checkout / "data/tiny/pendulum").iterdir()) == ["test", "valid"]
    assert not (checkout / "results").exists()  # a card describes all of them


def test_a_restartable_job_puts_its_record_back_and_force_makes_another(checkout: Path) -> None:
    """With the seconds that the run took, which no second run takes to the last digit."""
    key, records = key_of(checkout, "mean"), checkout / "results/tiny/records"

    def record_after(*words: str, deleted: bool) -> bytes:
        if deleted:
            next(records.glob("*.json")).unlink()
        said(checkout, "run", key, *words)
        return next(records.glob("*.json")).read_bytes()

    first = record_after("--restartable", deleted=False)
    assert record_after("--restartable", deleted=True) == first
    assert record_after("--force", deleted=False) != first


def test_prune_removes_what_was_derived_from_runs_that_are_gone(checkout: Path) -> None:
    key = next(iter(plan_runs(load_study("tiny", checkout), checkout)))
    for folder in ("probes", "calibrations"):
        (checkout / "results/tiny" / folder).mkdir(parents=True)
        for name in (key, "0" * 16):
            (checkout / "results/tiny" / folder / f"{name}.json").write_text("{}")
    said(checkout, "prune")
    assert [path.stem for path in (checkout / "results/tiny").rglob("*.json")] == [key, key]


def test_a_calibration_is_made_once_and_again_on_demand(checkout: Path) -> None:
    key = key_of(checkout, "persistence")
    said(checkout, "run", key)
    path = Path(said(checkout, "calibrate", key).splitlines()[-1])
    made = (checkout / path).read_bytes()
    (checkout / path).write_bytes(made + b" ")
    assert "--force" in said(checkout, "calibrate", key)
    assert (checkout / path).read_bytes() == made + b" "
    said(checkout, "calibrate", key, "--force")
    assert (checkout / path).read_bytes() == made


def test_the_schema_is_written_where_it_is_asked_for(checkout: Path) -> None:
    said(checkout, "schema", "mine.json")
    assert "budget" in json.loads((checkout / "mine.json").read_text())["properties"]
    assert [path.name for path in (checkout / "config").iterdir()] == ["tiny.yaml"]


class Handed(Exception):
    """What a command hands on to the function that does the work."""


@pytest.mark.parametrize(
    ("words", "function", "expected"),
    [
        (
            ["physics", "wave", "pendulum", "--slow"],
            "verification.physics.results.run_checks",
            (["wave", "pendulum"], True),
        ),
        (["physics", "wave"], "verification.physics.results.run_checks", (["wave"], False)),
        (["search", "gru", "--kind", "bodies", "--jobs", "3"], "runs.search.run_search", (3,)),
        (["show", "pendulum", "--output", "there"], "reporting.show.show_target", ("pendulum", Path("there"))),
        (["doctor", "--scale", "tiny", "--cores", "5"], "verification.doctor.examine", ("tiny", 5)),
    ],
)
def test_a_command_hands_on_what_it_is_told(
    words: list[str], function: str, expected: tuple, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*given: object) -> None:
        raise Handed(*given)

    monkeypatch.setattr(f"ladid_bench.{function}", take)
    with pytest.raises(Handed) as handed:
        said(checkout, *words)
    given = list(handed.value.args)
    assert [one for one in given if any(one == wanted and type(one) is type(wanted) for wanted in expected)] == [
        *expected
    ]


def test_each_option_of_an_import_is_what_it_is_called(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def understand(request: Request, *rest: object) -> None:
        asked.append(request)
        raise BenchError("seen")

    monkeypatch.setattr("ladid_bench.datasets.user.importing.understand", understand)
    texts = ("title", "quantity", "origin", "kind", "source", "licence", "citation", "time-unit")
    described = [word for name in texts for word in (f"--{name}", f"my {name}")]
    words = [
        "a.npy",
        "b.npy",
        "--valid",
        "v.npy",
        "--test",
        "t.npy",
        "--splits",
        "0.6,0.3,0.1",
        "--key",
        "x",
        "--key",
        "y",
    ]
    words += ["--layout", "time feature", "--times", "t", "--time-step", "0.5", "--max-gap", "7", "--context", "4"]
    words += ["--forecast", "6", "--window", "11", "--stride", "3", "--image-size", "32", "--grayscale", "--replace"]
    assert "seen" in said(checkout, "import", "mine", *words, *described, code=1)
    said(checkout, "import", "mine", "a.npy", code=1)
    said(checkout, "import", "mine", "a.npy", "--check", code=1)
    files, held = [Path("a.npy"), Path("b.npy")], {"valid": [Path("v.npy")], "test": [Path("t.npy")]}
    reading = Reading(("x", "y"), ("t",), "time feature", grayscale=True, image_size=32)
    cutting = Cutting((0.6, 0.3, 0.1), context=4, forecast=6, window=11, stride=3, max_gap=7.0)
    told = {name.replace("-", "_"): f"my {name}" for name in texts}
    assert asked[0] == Request("mine", files, held, reading, cutting, 0.5, told, replace=True)
    plain = Request("mine", files[:1], described=dict.fromkeys(told, ""))
    assert asked[1] == plain and not plain.replace
    assert asked[2].replace  # a look at what would replace another import is always free
