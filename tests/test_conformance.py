"""Every method passes the conformance suite, and the suite catches methods that should not."""

import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ladid_bench.data.metrics import measure
from ladid_bench.methods.base import Diverged, Forecast
from ladid_bench.methods.listing import list_method
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.scoring import score
from ladid_bench.verification.conformance import subject as subject_module
from ladid_bench.verification.conformance.subject import BRIEF, Subject
from ladid_bench.verification.conformance.suite import CHECKS, run_checks
from ladid_bench.verification.conformance.toy import GIVEN, make_toy

ROOT = Path(__file__).parent.parent
LISTED = {name: list_method(name, ROOT) for name in method_folders(ROOT)}
LONG = ("fno", "unet")  # learn in a minute: every commit sees whether they keep the contract, not what they learn
BRIEFLY = ("card", "shapes", "limits", "seeds", "resume")
VARIANTS = [f"{name}:{variant}" for name, one in LISTED.items() for variant in list(one.card.variants)[1:]]


def failures(subject: Subject, *only: str) -> dict[str, str]:
    """Names of the checks that failed, with their reasons; of all checks unless some are named."""
    if only:
        verdicts = {check.name: check.run(subject) for check in CHECKS if check.name in only}
    else:
        verdicts = {check.name: verdict for check, verdict in run_checks(subject)}
    for verdict in verdicts.values():
        assert "\n" not in verdict.reason
        assert verdict.outcome == "passed" or verdict.reason
    return {name: verdict.reason for name, verdict in verdicts.items() if verdict.outcome == "failed"}


# The methods of this checkout


def slow(variant: str) -> Any:
    """A method or variant as a parameter; one attends over the places of a picture, and toys have one place."""
    placeless = pytest.mark.xfail(reason="its queries and keys matter where there is more than one place", strict=True)
    return pytest.param(variant, marks=[pytest.mark.slow, *([placeless] if variant.endswith("xmix") else [])])


@pytest.mark.parametrize("name", LONG)
def test_what_learns_slowly_conforms_as_far_as_a_few_steps_tell(name: str, tmp_path: Path) -> None:
    assert failures(Subject(name, ROOT, tmp_path), *BRIEFLY) == {}


@pytest.mark.parametrize("name", [*(name for name in LISTED if name not in LONG), *map(slow, (*LONG, *VARIANTS))])
def test_every_method_conforms(name: str, tmp_path: Path) -> None:
    listed = LISTED[name.partition(":")[0]]
    if listed.missing:
        pytest.skip(f"{name} {listed.status}")
    assert failures(Subject(name, ROOT, tmp_path)) == {}


def test_reference_methods_are_exempt_from_knowing_anything_and_from_nothing_else(tmp_path: Path) -> None:
    verdicts = {check.name: verdict for check, verdict in run_checks(Subject("mean", ROOT, tmp_path))}
    assert {name for name, verdict in verdicts.items() if verdict.outcome == "exempt"} == {"better", "moves"}
    assert {name for name, verdict in verdicts.items() if verdict.outcome == "not applicable"} == {
        "gradients",
        "parameters",
        "resume",
        "samples",
    }


def test_the_frames_given_are_not_scored() -> None:
    toy = make_toy((1, 16, 16))
    forecast, mean = Forecast(0.9 * toy.truth), toy.train.frames.mean(axis=(0, 1))
    frames = toy.test.frames.copy()
    frames[:, :GIVEN] = 1e6
    spoilt = replace(toy.test, frames=frames)
    assert score(toy.task, spoilt, forecast, mean)[0] == score(toy.task, toy.test, forecast, mean)[0]


def test_a_forecast_that_explodes_everywhere_is_said_to_do_so_on_the_test_split() -> None:
    toy = make_toy((1, 12))
    mean, wild = toy.train.frames.mean(axis=(0, 1)), Forecast(1e12 * toy.truth)
    between = measure(toy.truth, wild.mean, mean, toy.task.variables)
    for forecast, where in ((wild, "test split"), (Forecast(0.9 * toy.truth), "between frames")):
        with pytest.raises(Diverged, match=where):
            score(toy.task, toy.test, forecast, mean, midpoints=between)


def test_toys_are_the_same_every_time_and_their_splits_are_not() -> None:
    one = make_toy((1, 12))
    make_toy.cache_clear()
    other = make_toy((1, 12))
    assert one.test.content_sha256 == other.test.content_sha256
    splits = [split.content_sha256 for split in (one.train, one.valid, one.test)]
    assert len(set(splits)) == 3
    one.context[0][:] = 0
    assert one.test.content_sha256 == other.test.content_sha256


# Methods that should not pass


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "params.yaml").write_text("scale: tiny\n")
    return tmp_path


def broken(root: Path, code: str, template: str = "closed_form", **changes: object) -> Subject:
    """The baseline ``broken``: the card of a scaffold with ``changes``, and ``code`` for its ``method.py``."""
    folder = root / "baselines" / "broken"
    folder.mkdir(parents=True)
    card = yaml.safe_load((ROOT / "src/ladid_bench/scaffold" / f"{template}.yaml").read_text())
    (folder / "method.yaml").write_text(yaml.safe_dump(card | changes))
    (folder / "method.py").write_text(code)
    return Subject("broken", root, root)


ANSWER = """
import numpy as np
from ladid_bench.methods.base import Forecast
from ladid_bench.scaffold.closed_form import Baseline

def each(values, mean):
    return values.reshape(*values.shape, *[1] * (mean.ndim - values.ndim))

class Broken(Baseline):
    def earlier(self, *asked):
        return super().forecast(*asked).mean

    def forecast(self, context, context_times, query_times):
        mean = self.earlier(context, context_times, query_times)
        INSTEAD
        return Forecast(mean)

METHOD = Broken
"""
ANSWERS = {  # what is done to the forecast, and the checks that notice
    "too short": ("mean = mean[:, :-1]", {"shapes"}),
    "double precision": ("mean = mean.astype(float)", {"shapes"}),
    "worse than the mean": ("mean = 4 - mean", {"better"}),
    "standing still": ("mean[:] = 2 - 0.6 * (context[:, :1] - 2)", {"moves"}),
    "places for times": ("mean += each(np.linspace(0, 0.1, mean.shape[1])[None], mean)", {"times"}),
    "the date": ("mean += each(1e-5 * context_times[:, :1], mean)", {"times"}),
    "nothing later": ("mean[query_times > context_times[:, -1:] + 0.9] = np.nan", {"times", "horizon"}),
    "nothing much later": ("mean[query_times > context_times[:, -1:] + 9] = np.nan", {"horizon"}),
    "explodes": ("mean += each(1e-6 * 1.2 ** ((query_times - context_times[:, -1:]) / 0.1), mean)", {"horizon"}),
    "nothing between": ("mean[abs(query_times % 0.1 - 0.05) < 0.02] = np.nan", {"times", "rows"}),
    "one row's times": ("mean = self.earlier(context, context_times, query_times[:1] + 0 * query_times)", {"rows"}),
    "companions": ("mean += 0.1 * context[:, -1:].mean(axis=0)", {"companions", "rows"}),
    "places in the batch": ("mean += each(0.01 * np.arange(len(mean)), mean)", {"companions", "rows"}),
    "a spoilt context": ("context += 1", {"stateless"}),
    "spoilt times": ("query_times += 1", {"stateless"}),
    "a count": ("self.count = getattr(self, 'count', 0) + 1; mean += 1e-5 * self.count", {"stateless", "seeds"}),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_a_wrong_answer_is_caught(case: str, checkout: Path) -> None:
    instead, expected = ANSWERS[case]
    assert set(failures(broken(checkout, ANSWER.replace("INSTEAD", instead)))) == expected


def test_a_forecast_that_is_not_finite_is_caught_first(checkout: Path) -> None:
    found = failures(broken(checkout, ANSWER.replace("INSTEAD", "mean[0, 0] = np.nan")))
    assert set(found) == {"shapes"}
    assert "256 that are not a number" in found["shapes"]


MEMBER = """
import pickle
import numpy as np
from ladid_bench.scaffold.closed_form import Baseline

class Broken(Baseline):
MEMBER

METHOD = Broken
"""
MEMBERS = {
    "spoils the data": (
        """
        def fit(self, training):
            super().fit(training)
            training.train.frames[0] += 0.1
        """,
        "stateless",
        "fit changes the data it was given",
    ),
    "chance": (
        """
        def fit_grid(self, train, valid, seed):
            super().fit_grid(train, valid, seed)
            self.state["mean"] = self.state["mean"] + np.random.default_rng().normal() / 99
        """,
        "seeds",
        "two fits with the same seed give different forecasts",
    ),
    "a seed that matters": (
        """
        def fit_grid(self, train, valid, seed):
            super().fit_grid(train, valid, seed)
            self.state["mean"] = self.state["mean"] + seed / 99
        """,
        "seeds",
        "the card says deterministic, but the seed matters",
    ),
    "half saved": (
        """
        def save(self, folder):
            self.state.pop("kept")
            super().save(folder)
        """,
        "saved",
        "KeyError: 'kept'",
    ),
    "saved wrongly": (
        """
        def load(self, folder):
            super().load(folder)
            self.state["kept"] = np.float16(self.state["kept"])
        """,
        "saved",
        "the method loaded forecasts something else than the one saved",
    ),
    "a pickle": (
        """
        def save(self, folder):
            folder.mkdir()
            (folder / "state").write_bytes(pickle.dumps(self.state))

        def load(self, folder):
            self.state = pickle.loads((folder / "state").read_bytes())
        """,
        "no-code",
        "load unpickles state: a file from elsewhere could run anything",
    ),
    "an array of pickles": (
        """
        def load(self, folder):
            with np.load(folder / "state.npz", allow_pickle=True) as archive:
                self.state = dict(archive)
        """,
        "no-code",
        "load unpickles state.npz: a file from elsewhere could run anything",
    ),
    "uneven times": (
        """
        def fit(self, training):
            assert self.task.regular, "even times only"
            super().fit(training)
        """,
        "irregular",
        "AssertionError: even times only",
    ),
    "odd sides": (
        """
        def fit(self, training):
            frames = training.train.frames
            frames.reshape(*frames.shape[:-2], -1, 16, 16)
            super().fit(training)
        """,
        "limits",
        "ValueError: cannot reshape array",
    ),
    "skips in silence": (
        """
        @classmethod
        def skip(cls, task):
            return task.shape[-1] == 24, ""
        """,
        "limits",
        "skip has to give a reason",
    ),
    "skips all": (
        """
        @classmethod
        def skip(cls, task):
            return True, "it is Sunday"
        """,
        "shapes",
        "takes no toy data: not image: it is Sunday",
    ),
    "no warm start": (
        """
        def fit(self, training):
            if training.initial is not None:
                raise ValueError("no start")
            super().fit(training)
        """,
        "warm-start",
        "ValueError: no start",
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_a_wrong_member_is_caught(case: str, checkout: Path) -> None:
    member, check, reason = MEMBERS[case]
    code = MEMBER.replace("MEMBER", textwrap.indent(textwrap.dedent(member), "    "))
    found = failures(broken(checkout, code), check)
    assert found[check].startswith(reason)


def test_a_reason_in_one_line_is_as_good_as_a_skip(checkout: Path) -> None:
    member = """
    def fit(self, training):
        if not self.task.is_image or self.task.shape[1] == 20:
            raise BenchError("square images only")
        super().fit(training)
    """
    code = "from ladid_bench.core.errors import BenchError\n" + MEMBER.replace("MEMBER", member)
    verdicts = {check.name: verdict for check, verdict in run_checks(broken(checkout, code))}
    assert "failed" not in {verdict.outcome for verdict in verdicts.values()}
    assert verdicts["shapes"].reason == "image, two channels; not vector: square images only"
    assert verdicts["limits"].reason == "refused: square images only"


CARDS: dict[str, tuple[str, dict, str]] = {
    "nothing on fidelity": ("closed_form", {"fidelity": " "}, "key 'fidelity' is empty"),
    "an unknown setting": (
        "neural",
        {"search": {"hiden": [1]}},
        "'search' names 'hiden', which is no setting; did you",
    ),
    "a value of another type": ("neural", {"search": {"hidden": ["many"]}}, "BenchError: method_settings of 'broken'"),
    "a variant of something else": (
        "neural",
        {"variants": {"a": {}, "b": {"c": 1}}},
        "BenchError: method 'broken', var",
    ),
    "a module that is not there": (
        "closed_form",
        {"requires": ["nowhere"]},
        "BenchError: method 'broken' needs the mo",
    ),
    "trained, it says": (
        "closed_form",
        {"kind": "neural", "settings": {"learning_rate": 1.0}},
        "kind is 'neural', but Baseline is no NeuralMethod",
    ),
    "not trained, it says": ("neural", {"kind": "simple"}, "kind is 'simple', but Baseline is a NeuralMethod"),
    "parameters of what has none": ("closed_form", {"not_in_forecast": {"a": "b"}}, "'not_in_forecast' is for methods"),
    "the seed matters not": ("closed_form", {"deterministic": False}, "the seed changes nothing: the card has to say"),
}


@pytest.mark.parametrize("case", CARDS)
def test_a_wrong_card_is_caught(case: str, checkout: Path) -> None:
    template, changes, reason = CARDS[case]
    code = f"from ladid_bench.scaffold.{template} import Baseline as METHOD"
    found = failures(broken(checkout, code, template, **changes))
    assert list(found) == (["seeds"] if case == "the seed matters not" else ["card"])
    assert next(iter(found.values())).startswith(reason)


NETWORK = """
import dataclasses

import torch
from torch import nn
from ladid_bench.scaffold import neural

class BrokenModel(neural.BaselineModel):
    def __init__(self, task, settings):
        super().__init__(task, settings)
        self.spare = nn.Linear(3, 1)
        self.count = 0
MODEL

class Broken(neural.Baseline):
    def build_model(self):
        return BrokenModel(self.task, self.settings)
METHOD

METHOD = Broken
"""
WITH_SPARE = """
    def loss(self, batch):
        return super().loss(batch) | {"spare": self.spare(torch.ones(3)).square().mean()}
"""
CHANCE = """
    def forecast(self, *asked):
        return super().forecast(*asked) + 0.001 * torch.rand(())
"""
COUNT = """
    def loss(self, batch):
        self.count += 1
        return super().loss(batch) | {"count": self.count * self.decoder.expand.bias.mean()}
"""
NO_SEED = """
    def fit(self, training):
        super().fit(dataclasses.replace(training, seed=torch.seed() % 1000))
"""
NOTHING_FROZEN = """
    def _freeze(self, parts):
        pass
"""
NOTHING_LOADED = """
    def load(self, folder):
        self.model = self.build_model()
"""
WHY = "because"
NETWORKS = {  # members of the model and of the method, what the card declares, the check that notices, and how
    "a dead layer": ("", "", ["spare"], "gradients", "no gradient reaches spare.weight, spare.bias"),
    "a layer that shows nowhere": (WITH_SPARE, "", [], "parameters", "the forecast does not depend on spare.weight"),
    "nothing declared": (
        WITH_SPARE,
        "",
        ["spare", "sparse"],
        "parameters",
        "'not_in_forecast' names 'sparse', which no",
    ),
    "too much declared": (
        WITH_SPARE,
        "",
        ["dynamics"],
        "parameters",
        "'not_in_forecast' names 'dynamics', but the fore",
    ),
    "chance in the forecast": (CHANCE, "", [], "stateless", "the same queries"),
    "a state that no checkpoint has": (COUNT, "", [], "resume", "the validation errors after resuming are"),
    "no seed": ("", NO_SEED, [], "seeds", "two fits with the same seed give different forecasts"),
    "nothing is frozen": ("", NOTHING_FROZEN, [], "warm-start", "encoder.features.layers.0.weight changes although"),
    "a start from nowhere": ("", NOTHING_LOADED, [], "warm-start", "encoder.features.layers.0.weight changes although"),
    "weights that are not loaded": ("", NOTHING_LOADED, [], "saved", "the method loaded forecasts something else than"),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_a_wrong_network_is_caught(case: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, method, declared, check, reason = NETWORKS[case]
    if check != "parameters":  # how much a parameter matters shows in a model that has learnt
        monkeypatch.setattr(subject_module, "LEARNING", BRIEF)
    code = NETWORK.replace("MODEL\n", f"{model}\n", 1).replace("METHOD\n", f"{method}\n", 1)
    found = failures(broken(checkout, code, "neural", not_in_forecast=dict.fromkeys(declared, WHY)), check)
    assert found[check].startswith(reason)


# The command


def check_baseline(root: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ladid_bench", "check-baseline", *words], cwd=root, capture_output=True, text=True
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout + done.stderr


def test_the_table_names_every_check_and_the_exit_code_says_how_it_went(checkout: Path) -> None:
    broken(checkout, ANSWER.replace("INSTEAD", "pass"))
    code, output = check_baseline(checkout, "broken")
    assert code == 0, output
    names = re.findall(r"^(?:passed|failed|not applicable|exempt) +(\S+)", output, re.MULTILINE)
    assert names == [check.name for check in CHECKS]
    method = checkout / "baselines" / "broken" / "method.py"
    method.write_text(ANSWER.replace("INSTEAD", "mean = 4 - mean"))
    code, output = check_baseline(checkout, "broken")
    assert code == 1
    assert output.splitlines()[-1] == f"ladid-bench: error: broken: 1 of {len(CHECKS)} checks failed: better"
    lines = ANSWER.replace("INSTEAD", "mean = nothing").split("\n")
    method.write_text("\n".join(lines))
    code, output = check_baseline(checkout, "broken")
    place = next(number for number, line in enumerate(lines, 1) if "mean = nothing" in line)
    assert code == 1 and f"method.py, line {place}, " in output


@pytest.mark.parametrize(
    ("instead", "reason"),
    [("import time; time.sleep(600)", "did not end within 8 s"), ("import os; os._exit(3)", "ended with exit code 3")],
)
def test_what_hangs_or_dies_ends_and_leaves_nothing(
    instead: str, reason: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkout / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    broken(checkout, ANSWER.replace("INSTEAD", instead))
    code, output = check_baseline(checkout, "broken", "--time-limit", "8")
    assert code == 1
    assert reason in output
    assert f"1 of {len(CHECKS)} checks failed, {len(CHECKS) - 2} were not made: shapes" in output.splitlines()[-1]
    assert list(folder.glob("ladid-bench-*")) == []


def test_mistakes_are_one_line(checkout: Path) -> None:
    broken(checkout, "")
    code, output = check_baseline(checkout, "brokn")
    assert (code, output) == (1, "ladid-bench: error: unknown method 'brokn'; did you mean 'broken'?\n")
    assert check_baseline(checkout, "broken:tuned")[1].count("\n") == 1


def test_the_documentation_lists_the_checks() -> None:
    text = (ROOT / "docs" / "new-baseline.md").read_text()
    table = re.findall(r"^\| `(\S+)` \| (.+) \|$", text[text.index("## What is checked") :], re.MULTILINE)
    assert table == [(check.name, check.asks) for check in CHECKS]
