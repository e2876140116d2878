"""Probes of psi: readings whose answers are known, the file, the command, and the semigroup test."""

import json
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import made_up
import numpy as np
import pytest
import torch
import yaml
from commands import said
from refusals import check_refusal, refused
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from test_cli import STUDY

from ladid_bench.core.configuration import load_study
from ladid_bench.core.paths import Folders
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.base import Method
from ladid_bench.methods.registry import load_method, resolve_settings
from ladid_bench.probing import readout
from ladid_bench.probing.ground_truth import known_quantities, quantity
from ladid_bench.probing.probes import Probe
from ladid_bench.probing.probing import _context_components, _reading
from ladid_bench.probing.semigroup import maps_representation_to_states, semigroup
from ladid_bench.runs.derived import is_stale
from ladid_bench.runs.records import write_record
from ladid_bench.study.plan import PlannedRun, plan_runs

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(200, 6)) * [1, 1, 1, 1e-3, 1e-3, 50]


def explained(targets: list[np.ndarray], probe: str, features: np.ndarray = FEATURES) -> list[float]:
    """R^2 on the second half of a probe fitted to the first."""
    known, held_out = slice(0, 100), slice(100, None)
    read = readout.read(features[known], [one[known] for one in targets], np.arange(100), features[held_out], probe)
    pairs = [(one[held_out], found) for one, found in zip(targets, read, strict=True)]
    return [1 - ((one - found) ** 2).sum() / ((one - one.mean(axis=0)) ** 2).sum() for one, found in pairs]


def test_readings_of_what_is_there_and_of_what_is_not() -> None:
    small = FEATURES[:, [3]] * 1e3  # what stands in a feature of little variance is read as well
    curved = np.stack([np.sin(2 * FEATURES[:, 0]), np.cos(2 * FEATURES[:, 0])], axis=1)
    noise = np.random.default_rng(1).normal(size=(200, 1))
    linear = explained([FEATURES[:, [0]] - 2 * FEATURES[:, [1]], small, curved, noise], "linear")
    assert linear[0] > 0.999
    assert linear[1] > 0.999
    assert linear[2] < 0.5
    assert linear[3] < 0.1
    kernel = explained([FEATURES[:, [0]], curved, noise], "kernel", FEATURES[:, :2])
    assert kernel[0] > 0.99
    assert kernel[1] > 0.95
    assert kernel[2] < 0.1


def test_the_closed_forms_are_those_of_the_library() -> None:
    features, columns, held_out = FEATURES[:50, :3], FEATURES[:50, :2] ** 2, FEATURES[50:60, :3]
    first = readout._answers(features, columns, held_out, "linear")[0]
    centred = features - features.mean(axis=0)
    penalty = readout.PENALTIES[0] * (centred**2).sum(axis=1).mean()
    expected = Ridge(penalty).fit(features, columns).predict(held_out)
    np.testing.assert_allclose(first, expected, rtol=1e-8)
    last = readout._answers(features, columns, held_out, "kernel")[-1]
    spread = features.std(axis=0)
    mean = columns.mean(axis=0)
    model = KernelRidge(alpha=readout.PENALTIES[-1], kernel="rbf", gamma=readout.WIDTHS[-1] / 3)
    model.fit(centred / spread, columns - mean)
    np.testing.assert_allclose(last, model.predict((held_out - features.mean(axis=0)) / spread) + mean, rtol=1e-8)


def test_settings_are_chosen_by_unit_so_that_twins_do_not_pass_for_knowledge() -> None:
    """Features that only name the group read nothing of another one; folds that split groups would trust them."""
    names, label = RANDOM.normal(size=(20, 30)), RANDOM.normal(size=(20, 1))
    features, targets = names.repeat(5, axis=0), label.repeat(5, axis=0)
    owner, count = np.zeros(1, int), len(readout.PENALTIES)
    careful, careless = (
        readout._chosen(features, targets, group, owner, "linear")[0] % count
        for group in (np.arange(20).repeat(5), np.arange(100))
    )
    assert careless == 0  # the smallest penalty
    assert careful > count // 2


def method_for(task: Task, root: Path, name: str = "ladid") -> Method:
    settings = {"ladid": {"layers": 1, "token_width": 16}}.get(name, {})

    torch.manual_seed(0)
    made = load_method(name, root)(task, resolve_settings(name, "default", settings, root))
    made.model = made.build_model()  # type: ignore[attr-defined]
    return made


class Oracle(Method):
    """Knows where each trajectory is on its circle: psi is the phase at the window's first frame."""

    class Model:
        def states(self, psi: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            phase = psi + times  # (N, 1) + (N, Q)
            return torch.stack([phase.sin(), phase.cos()], dim=-1)

    def __init__(self, task: Task, error: float) -> None:
        super().__init__(task, {})
        self.model, self.error = self.Model(), error

    def represent(self, context: np.ndarray, context_times: np.ndarray) -> np.ndarray:
        late = np.where(context_times[:, :1] > 0, self.error, 0)
        return context[:, 0].reshape(len(context), -1)[:, :1] + late

    fit = forecast = save = load = None  # type: ignore[assignment]


Oracle.__abstractmethods__ = frozenset()


def circles(count: int = 40) -> Trajectories:
    times = np.tile(0.1 * np.arange(30.0), (count, 1))
    phase = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None] + times
    frames = phase.astype(np.float32)[:, :, None, None]
    return Trajectories(frames=frames, times=times, group=np.arange(count), space=("feature",))


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_the_semigroup_test_on_a_circle(error: float) -> None:
    test = circles()
    task = replace(task_of(test, "circles", 5, 25), duration=2.9)
    found = semigroup(Oracle(task, error), test)
    assert found is not None
    same, other, variance = (np.array(found[name]) for name in ("same", "other", "variance"))
    np.testing.assert_allclose(same, 2 - 2 * np.cos(error), atol=1e-4)
    np.testing.assert_allclose(variance, 1, atol=1e-3)
    np.testing.assert_allclose(other, 2 + 2 * np.cos(error), atol=1e-3)  # the partner is half a turn away


def test_who_has_a_semigroup_test(pendulum: dict[str, Trajectories], pendulum_task: Task, root: Path) -> None:
    ladid = method_for(pendulum_task, root)
    assert maps_representation_to_states(ladid)
    assert semigroup(ladid, pendulum["test"]) is not None
    short = replace(pendulum_task, forecast_frames=1)
    assert semigroup(method_for(short, root), pendulum["test"]) is None
    gru = method_for(pendulum_task, root, "gru")
    assert semigroup(gru, pendulum["test"]) is None  # its states are asked for otherwise


def test_the_file_is_checked_whichever_way_it_goes(tmp_path: Path) -> None:
    key = f"{7:016x}"
    path = tmp_path / f"{key}.json"
    content = made_up.probe(key, {"psi": 0.1, "pca": 0.2, "shuffled": 1.0}).model_dump()
    Probe.write(path, content)
    assert Probe.read(path) == Probe.model_validate(content)
    first = path.read_bytes()
    broken = json.loads(json.dumps(content))
    broken["readings"][0]["errors"]["psi"]["linear"].pop()
    with refused("'theta'", "trajectories"):
        Probe.write(path, broken)
    del broken["readings"][0]["errors"]["psi"]
    with refused("'theta'", "complete"):
        Probe.write(path, broken)
    with refused("'shares.0'", "finite"):
        Probe.write(path, content | {"shares": [float("nan")]})
    assert path.read_bytes() == first
    other = tmp_path / f"{8:016x}.json"
    other.write_bytes(first)
    with refused(other.name, key):
        Probe.read(other)
    path.write_bytes(first[:-20])
    with refused(path.name):
        Probe.read(path)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A study that asks for probes of LaDID with two seeds, and of the mean, which has no representation."""
    folder = tmp_path_factory.mktemp("probing")
    (folder / "config").mkdir()
    study = STUDY | {
        "budget": {"steps": 2, "batch_size": 2},
        "datasets": {"pendulum": {"trajectories": {"train": 12, "valid": 4, "test": 6}}},
        "experiments": {"probe": {"datasets": ["pendulum"], "methods": ["ladid", "mean"], "seeds": [0, 1]}},
    }
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(study))
    (folder / "params.yaml").write_text("scale: tiny\n")
    (folder / "baselines").symlink_to(root / "baselines")
    return folder


def planned(checkout: Path) -> dict[str, PlannedRun]:
    return plan_runs(load_study("tiny", checkout), checkout)


def test_by_hand_from_the_run_to_its_probe(checkout: Path) -> None:
    key, _, mean = planned(checkout)
    check_refusal(said(checkout, "probe", key, code=1), f"'ladid-bench run {key}'")
    check_refusal(said(checkout, "probe", mean, code=1), planned(checkout)[mean].label)
    said(checkout, "run", key)
    assert "3 quantities" in said(checkout, "probe", key)
    folders = Folders(checkout, "tiny")
    found = Probe.read(folders.probe(key))
    assert [one.name for one in found.readings] == ["theta", "angular_velocity", "energy"]
    assert found.readings[0].cyclic
    read = [one["linear"] for one in found.readings[0].errors.values()]
    assert all(one != other for one, other in combinations(read, 2))  # no control is psi under another name
    assert set(found.readings[0].errors) == {"psi", "pca", "untrained", "shuffled"}
    assert (len(found.group), found.seed) == (6, 0)
    assert np.mean(found.readings[0].deviation) == pytest.approx(1, rel=1e-4)
    assert found.semigroup is not None
    assert not is_stale(found, checkout)

    before = folders.probe(key).read_bytes()
    assert "--force" in said(checkout, "probe", key)
    shutil.rmtree(folders.model(key))
    said(checkout, "probe", key, "--force")  # the model is trained again first
    assert folders.probe(key).read_bytes() == before

    assert "was deleted" not in said(checkout, "run", key, "--force")
    assert folders.probe(key).read_bytes() == before
    content = json.loads(before)
    content["provenance"]["model_sha256"] = "of another machine"
    Probe.write(folders.probe(key), content)
    assert "was deleted" in said(checkout, "run", key, "--force")
    assert not folders.probe(key).exists()
    Probe.write(folders.probe(key), json.loads(before))  # for the test below


def test_the_probe_of_a_run_without_a_model_says_why(checkout: Path) -> None:
    (key, other, _), folders = planned(checkout), Folders(checkout, "tiny")
    content = json.loads(folders.record(key).read_text())
    write_record(folders.record(other), content | {"key": other, "status": "diverged", "reason": "not finite"})
    said(checkout, "probe", other, "--skip-failed")
    found = Probe.read(folders.probe(other))
    assert (found.readings, found.words) == ([], "it ended as diverged")
    assert json.loads(folders.probe(other).read_text())["rerun"] == f"ladid-bench probe {other} --scale tiny --force"
    assert not is_stale(found, checkout)


def test_what_is_unread_is_averaged_over_quantities() -> None:
    content = made_up.probe(f"{7:016x}", {"psi": 0.1, "pca": 0.2, "shuffled": 1.0}, trajectories=2).model_dump()
    for one, psi, deviation in zip(
        content["readings"], ([0.2, 0.4], [0.6, 1.0]), ([1.0, 3.0], [2.0, 2.0]), strict=True
    ):
        one["errors"]["psi"]["linear"], one["deviation"] = psi, deviation
    probe = Probe.model_validate(content)
    errors, deviations = probe.unexplained("psi", "linear")
    assert (errors.tolist(), deviations.tolist()) == (pytest.approx([0.4, 0.7]), pytest.approx([1.5, 2.5]))
    errors, deviations = probe.unexplained("psi", "linear", "length")
    assert (errors.tolist(), deviations.tolist()) == ([0.6, 1.0], [2.0, 2.0])
    assert probe.unexplained("psi", "linear", "mass") is None
    assert probe.unexplained("nothing", "linear") is None


def test_a_frame_beyond_what_training_lasted_is_not_compared() -> None:
    """Context frames alone lie within 0.45 of the first one, so there is nothing to compare."""
    test = circles()
    task = task_of(test, "circles", 5, 25)
    assert semigroup(Oracle(replace(task, duration=0.45), 0.0), test) is None
    assert semigroup(Oracle(replace(task, duration=2.0), 0.0), test) is not None


def test_known_are_the_states_at_the_first_frame_and_the_constants_that_vary(trajectories: Trajectories) -> None:
    still = replace(trajectories, parameters={**trajectories.parameters, "mass": np.ones(3)})
    found = {one.name: one.values for one in known_quantities(still, Pendulum())}
    assert list(found) == ["length", "angle"]
    np.testing.assert_array_equal(found["length"], trajectories.parameters["length"])
    np.testing.assert_array_equal(found["angle"], trajectories.states["angle"][:, 0])


def test_errors_over_deviations_are_what_r2_leaves() -> None:
    values = RANDOM.normal(3, 7, size=(20, 1))
    read = values + RANDOM.normal(size=(20, 1))
    found = _reading(quantity("x", "m", values[:, 0]), values, {"psi": {"linear": read}})
    left = np.sum(found["errors"]["psi"]["linear"]) / np.sum(found["deviation"])
    assert 1 - left == pytest.approx(r2_score(values, read), rel=1e-4)
    assert np.mean(found["deviation"]) == pytest.approx(1, rel=1e-4)


def test_the_components_of_contexts_are_those_of_the_training_split() -> None:
    """Whose scores therefore have the mean 0; those of a split at another place have not."""
    train, test = circles(12), circles(8)
    test = replace(test, frames=test.frames + 100)
    oracle = Oracle(task_of(train, "circles", 5, 25), 0.0)
    found = _context_components(oracle, {"train": train, "valid": test, "test": test}, 2)
    np.testing.assert_allclose(found[:12].mean(axis=0), 0, atol=1e-3)
    assert np.abs(found[12:].mean(axis=0)).max() > 100
    assert len(found) == 12 + 8 + 8


def test_angles_of_more_than_half_a_turn_are_read_by_sine_and_cosine() -> None:
    wide, narrow = quantity("theta", "rad", np.array([0.5, 4.0, 6.0])), quantity("theta", "rad", np.array([0.5, 3.5]))
    assert wide.cyclic and not narrow.cyclic and not quantity("x", "m", np.array([0.0, 9.0])).cyclic
    assert wide.values == pytest.approx([0.5, 4.0 - 2 * np.pi, 6.0 - 2 * np.pi])
    np.testing.assert_allclose(wide.targets, np.stack([np.sin([0.5, 4, 6]), np.cos([0.5, 4, 6])], axis=1))
    np.testing.assert_allclose(narrow.targets, [[0.5], [3.5]])
