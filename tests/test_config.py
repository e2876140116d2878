"""The configuration: known scales load, the schema has not drifted, mistakes are one line."""

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ladid_bench.core.configuration import ExperimentName, Study, changed_settings, load_study, parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import chosen_scale
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
    assert set(study.experiments) == set(get_args(ExperimentName)) - missing
    asked = {name for run in plan_runs(study, root).values() for name in run.experiments}
    assert asked == set(study.experiments)


def test_schema_has_not_drifted(root: Path) -> None:
    kept = json.loads((root / "config" / "schema.json").read_text())
    assert kept == Study.model_json_schema(), "run 'ladid-bench schema'"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": {}}, r"unknown key 'budgets'; did you mean 'budget'\?"),
        ({"budget": {"step": 10}}, r"unknown key 'budget\.step'; did you mean 'steps'\?"),
        (
            {"datasets": {"pendulum": {"trajectory": {}}}},
            r"unknown key 'datasets\.pendulum\.trajectory'; did you mean 'traj",
        ),
        ({"budget": {"steps": "many"}}, r"key 'budget\.steps': input should be a valid integer.*got 'many'"),
        ({"image_size": 20}, r"key 'image_size': input should be a multiple of 16, got 20"),
        ({"experiments": {"comparison": {"seeds": []}}}, r"key 'experiments\.comparison\.seeds': list should have at"),
    ],
)
def test_mistakes_are_one_line_with_the_nearest_key(change: dict, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        parse(Study, VALID | change, "config/x.yaml")
    assert str(caught.value).startswith("config/x.yaml: ")
    assert "\n" not in str(caught.value)


def test_unknown_scale_names_the_nearest(root: Path) -> None:
    with pytest.raises(BenchError, match=r"no scale 'smoky'.*did you mean 'smoke'"):
        load_study("smoky", root)


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bad.yaml").write_text("scale: [unclosed")
    with pytest.raises(BenchError, match=r"config/bad\.yaml: not valid YAML") as caught:
        load_study("bad", tmp_path)
    assert "\n" not in str(caught.value)


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
    for changes, message in [
        ({"latnet": 3}, "unknown setting 'latnet'; did you mean 'latent'"),
        ({"latent": "3"}, "setting 'latent' must be int, got '3'"),
        ({"latent": 3.5}, "setting 'latent' must be int, got 3.5"),
        ({"latent": True}, "setting 'latent' must be int, got True"),
        ({"kind": 1}, "setting 'kind' must be str, got 1"),
    ]:
        with pytest.raises(BenchError, match=message):
            changed_settings(defaults, changes, "x")
