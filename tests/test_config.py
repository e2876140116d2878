"""The configuration: known scales load, the schema has not drifted, mistakes are one line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused

from ladid_bench.core.configuration import KINDS, Budget, Study, changed_settings, load_study, parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import chosen_scale
from ladid_bench.core.readers import read_yaml
from ladid_bench.data.task import Task
from ladid_bench.methods.registry import load_method
from ladid_bench.study.plan import plan_runs

SCALES = ["smoke", "demo", "cpu", "paper"]
VALID = {"scale": "x", "datasets": {"pendulum": {}}, "experiments": {"comparison": {"datasets": ["pendulum"]}}}


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_loads_and_plans(scale: str, root: Path) -> None:
    runs = plan_runs(load_study(scale, root), root)
    assert runs
    assert all(key == run.key for key, run in runs.items())


def test_params_names_a_scale(root: Path) -> None:
    assert chosen_scale(root) in SCALES


def test_smoke_has_every_method_and_data_set_once(root: Path) -> None:
    from ladid_bench.methods.registry import method_folders
    from ladid_bench.study.datasets import INTERVENTION, SOURCES

    runs = plan_runs(load_study("smoke", root), root).values()
    assert {run.method for run in runs} == set(method_folders(root))
    assert {run.dataset.origin.partition(INTERVENTION)[0] for run in runs} == set(SOURCES)


@pytest.mark.parametrize("scale", ["smoke", "cpu", "paper"])
def test_a_whole_study_has_every_experiment(root: Path, scale: str) -> None:
    study = load_study(scale, root)
    missing = set() if scale == "cpu" else {"equal-time"}  # at equal steps a GPU is busy for days already
    assert {study.kind_of(name) for name in study.experiments} == set(KINDS) - missing - {"sweep"}
    asked = {name for run in plan_runs(study, root).values() for name in run.experiments}
    assert asked == set(study.experiments)


def test_the_experiment_on_size_gives_rivals_the_parameters_of_ladid_and_ladid_theirs(
    root: Path, pendulum_task: Task
) -> None:
    """Upwards within 2 %; downwards each size of LaDID is within 8 % of the size that a rival has on its card.

    Counted at the size of the pictures, on which the encoders and decoders depend that all of them share.
    """
    study = load_study("paper", root)
    every, some = (
        {(name, str(change)) for block in blocks for name in block.methods for change in block.changes}
        for blocks in (study.experiments["size"], load_study("cpu", root).experiments["size"])
    )
    assert some < every
    sizes: dict[str, dict[str, int]] = {}
    for run in plan_runs(study, root).values():
        if "size" in run.experiments and run.dataset.name == "pendulum" and run.seed == 0:
            task = replace(pendulum_task, shape=(1, run.dataset.image_size, run.dataset.image_size))
            model = load_method(run.method, root)(task, run.settings).build_model()  # type: ignore[attr-defined]
            sizes.setdefault(run.method, {})[run.changes_text] = sum(one.numel() for one in model.parameters())
    ladid = sizes["ladid"].pop("")
    rivals = {name: own.pop("") for name, own in sizes.items() if name != "ladid"}
    assert {name for name in rivals if not sizes[name]} == {"msvi", "ndp"}  # as large as LaDID as they are
    assert [rivals["msvi"], rivals["ndp"]] == pytest.approx([ladid, ladid], rel=0.08)
    assert all(size == pytest.approx(ladid, rel=0.02) for name in rivals for size in sizes[name].values())
    assert len(sizes["ladid"]) == 3
    assert all(any(size == pytest.approx(one, rel=0.08) for one in rivals.values()) for size in sizes["ladid"].values())


def test_schema_has_not_drifted(root: Path) -> None:
    kept = json.loads((root / "config" / "schema.json").read_text())
    assert kept == Study.model_json_schema(), "run 'ladid-bench schema'"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"budgets": {}}, ["'budgets'", "'budget'"]),
        ({"budget": {"step": 10}}, ["'budget.step'", "'steps'"]),
        ({"datasets": {"pendulum": {"trajectory": {}}}}, ["'datasets.pendulum.trajectory'", "'trajectories'"]),
        ({"datasets": {"pendulum": None}}, ["'datasets.pendulum'", "'pendulum: {}'"]),
        ({"budget": {"steps": "many"}}, ["'budget.steps'", "integer", "'many'"]),
        ({"image_size": 20}, ["'image_size'", "multiple of 16", "20"]),
        ({"experiments": {"comparison": {"seeds": []}}}, ["'experiments.comparison.seeds'"]),
        ({"experiments": {"sizes": {"kind": "sweeep"}}}, ["'experiments.sizes.kind'", "'sweep'", "'sweeep'"]),
        ({"experiments": {"sizes": [{"kind": "sweep"}, {"kind": "cost"}]}}, ["'experiments.sizes'", "sweep", "cost"]),
        ({"experiments": {"My sizes": {}}}, ["'experiments.My sizes'", "'My sizes'"]),
        ({"budget": {"steps": True}}, ["'budget.steps'", "True"]),
        ({"budget": {"steps": "20"}}, ["'budget.steps'", "'20'"]),
        ({"experiments": {"comparison": {"seeds": [True]}}}, ["'experiments.comparison.seeds.0'", "True"]),
        ({"experiments": {"comparison": None}}, ["'experiments.comparison'", "is empty"]),
        ({"datasets": {"pendulum": {"trajectories": {"train": 8.0}}}}, ["'datasets.pendulum.trajectories.train'"]),
    ],
)
def test_mistakes_are_one_line_with_the_nearest_key(change: dict, named: list[str]) -> None:
    with refused("config/x.yaml: ", *named):
        parse(Study, VALID | change, "config/x.yaml")


def test_a_misspelt_key_is_named_before_the_one_that_is_missed_for_it() -> None:
    with refused("config/x.yaml: ", "'datsets'", "'datasets'"):
        parse(Study, {"scale": "x", "datsets": {"pendulum": {}}, "experiments": {"comparison": {}}}, "config/x.yaml")
    for content in (None, 7):
        with refused("config/x.yaml: ", "keys"):
            parse(Study, content, "config/x.yaml")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"experiments": {"comparison": {"methods": ["lady"]}}}, ["'lady'"]),
        ({"datasets": {"pendulm": {}}}, ["'pendulm'", "'pendulum'"]),
        ({"datasets": {"pendulum": {"settings": {"lenght": 2.0}}}}, ["'lenght'", "'length'"]),
        ({"method_settings": {"ladid": {"latnt": 3}}}, ["'latnt'", "'latent'"]),
        ({"method_settings": {"ladd": {}}}, ["'ladd'", "'ladid'"]),
    ],
)
def test_what_no_plan_can_be_made_of_is_told_with_the_file(change: dict, named: list[str], root: Path) -> None:
    study = parse(Study, VALID | {"experiments": {"comparison": {"methods": ["mean"]}}} | change, "config/x.yaml")
    with refused("config/x.yaml", *named):
        plan_runs(study, root)


def test_an_experiment_is_of_the_kind_that_it_says_or_is_called_or_else_a_comparison() -> None:
    experiments = {"transfer": {}, "mine": {}, "sizes": [{"kind": "sweep"}, {}], "cost": {"kind": "shift"}}
    study = parse(Study, VALID | {"experiments": experiments}, "config/x.yaml")
    kinds = {name: study.kind_of(name) for name in experiments}
    assert kinds == {"transfer": "transfer", "mine": "comparison", "sizes": "sweep", "cost": "shift"}


def test_unknown_scale_names_the_nearest(root: Path) -> None:
    with refused("'smoky'", "'smoke'"):
        load_study("smoky", root)


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bad.yaml").write_text("scale: [unclosed")
    with refused("config/bad.yaml", "YAML"):
        load_study("bad", tmp_path)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("budget: {1: 2}", "'budget.1'"),
        ("budget: {steps: .inf}", "'budget.steps'"),
        ("- {a: 2020-01-01}", "'0.a'"),
        ("a: &a {b: *a}", "nested"),
        ("a: &a {b: 1}\nc: {<<: *a, d: 99999999999999999999}", "'c.d'"),
        ("a: {b: 1, c: 2, b: 3}", "'a.b'"),  # the first of them would be lost
    ],
)
def test_what_no_configuration_can_mean_is_named(text: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with refused("a.yaml", key):
        read_yaml(tmp_path / "a.yaml")


def test_a_file_of_many_values_is_read_and_more_is_refused(tmp_path: Path) -> None:
    for size, fits in ((100, True), (2000, False)):
        (tmp_path / "a.yaml").write_text(f"a: &a {list(range(size))}\nb: &b {['*a'] * 100}\nc: *b".replace("'", ""))
        if fits:
            content = read_yaml(tmp_path / "a.yaml")
            assert content["c"] == [list(range(size))] * 100
        else:
            with refused("a.yaml", "aliases"):
                read_yaml(tmp_path / "a.yaml")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*Study.model_fields, "budgets"]), anything, max_size=4))
def test_any_content_is_a_study_or_one_line(content: dict) -> None:
    try:
        parse(Study, content, "config/x.yaml")
    except BenchError as error:
        assert "\n" not in str(error)


@given(st.integers(1, 10**6), st.integers(1, 500))
def test_a_study_survives_yaml(steps: int, train: int) -> None:
    content = VALID | {"budget": {"steps": steps}, "datasets": {"pendulum": {"trajectories": {"train": train}}}}
    study = parse(Study, content, "x")
    assert parse(Study, yaml.safe_load(yaml.safe_dump(study.model_dump(mode="json"))), "x") == study


def test_settings_keep_their_type_and_name() -> None:
    defaults = {"latent": 32, "rate": 0.1, "kind": "tdp", "growth": True}
    assert changed_settings(defaults, {"rate": 1}, "x")["rate"] == 1.0
    for changes, named in [
        ({"latnet": 3}, ("'latnet'", "'latent'")),
        ({"latent": "3"}, ("'latent'", "int", "'3'")),
        ({"latent": 3.5}, ("'latent'", "int", 3.5)),
        ({"latent": True}, ("'latent'", "int", True)),
        ({"kind": 1}, ("'kind'", "str", 1)),
    ]:
        with refused(*named):
            changed_settings(defaults, changes, "x")


def test_the_learning_rate_falls_in_the_nearest_number_of_last_steps() -> None:
    """A fifth of 8 steps is 1.6, and of 6 steps 1.2."""
    assert [Budget(steps=steps, decay_fraction=0.2).trunk_steps for steps in (8, 6)] == [6, 5]


def test_yes_is_no_number_and_a_whole_number_is_one_with_a_point() -> None:
    """JSON tells 1 from 1.0, so that keys would differ for the same setting."""
    for default in (1, 1.0):
        with refused("'x'", "bool"):
            changed_settings({"x": default}, {"x": True}, "here")
    assert repr(changed_settings({"x": 0.5}, {"x": 1}, "here")["x"]) == "1.0"
