"""A look inside a trained LaDID: the page, its figures, the numbers behind them, and what cannot be inspected."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from commands import said
from test_cli import STUDY, key_of

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.ladid.method import LaDIDMethod
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import resolve_settings
from ladid_bench.probing.components import principal_components
from ladid_bench.probing.frames import CLOSE_UP, attention_frame, close_up_frame, length_frame
from ladid_bench.probing.inside import PARTS, Inside, detours, effective, overall_detour, smooth_path, step_lengths
from ladid_bench.probing.looking import _asked, _reading, _refined, _shift, _truths, look_inside
from ladid_bench.reporting.inside_figures import (
    attention_figures,
    between_figures,
    path_figures,
    psi_caption,
    psi_figures,
    smoothness,
)

Splits = dict[str, Trajectories]


def trained(splits: Splits, task: Task, root: Path, **changes: Any) -> LaDIDMethod:
    method = LaDIDMethod(task, resolve_settings("ladid", "default", {"layers": 2, "token_width": 32, **changes}, root))
    method.fit(Training(splits["train"], splits["valid"], Budget(steps=2, batch_size=2), 0))
    return method


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def inside(pendulum: Splits, pendulum_task: Task, root: Path) -> Inside:
    return look_inside(trained(pendulum, pendulum_task, root), pendulum["test"], Pendulum())


def test_rows_of_attention_sum_to_one(inside: Inside) -> None:
    assert len(inside.attention) == 2
    assert not inside.over_places
    for layer in inside.attention:
        assert layer.shape == (4, 10, 10)
        np.testing.assert_allclose(layer.sum(axis=-1), 1, rtol=1e-5)
    first = inside.attention[0]
    np.testing.assert_allclose(first, first[:1].repeat(4, axis=0), rtol=1e-5)  # it attends by time alone


def test_attention_over_places(pendulum: Splits, pendulum_task: Task, root: Path) -> None:
    found = look_inside(trained(pendulum, pendulum_task, root, attention="xmix"), pendulum["test"], Pendulum())
    assert found.over_places
    assert [layer.shape for layer in found.attention] == [(4, 4, 4)] * 2
    np.testing.assert_allclose(found.attention[0].sum(axis=-1), 1, rtol=1e-5)
    assert "place" in attention_figures(found)[0].svg


def test_looking_leaves_the_model_as_it_was(pendulum: Splits, pendulum_task: Task, root: Path) -> None:
    method = trained(pendulum, pendulum_task, root)
    test = pendulum["test"]
    asked = (test.frames[:, :10], test.times[:, :10], test.times[:, 10:60])
    before = method.forecast(*asked).mean
    look_inside(method, test, Pendulum())
    np.testing.assert_array_equal(method.forecast(*asked).mean, before)
    assert not any(module._forward_pre_hooks for module in method.model.modules())


def test_truths_are_what_varies(inside: Inside) -> None:
    assert [truth.name for truth in inside.truths] == ["theta", "angular_velocity", "energy"]
    theta = inside.truths[0]
    assert theta.cyclic
    assert np.abs(theta.values).max() <= np.pi
    assert all(truth.reading is None for truth in inside.truths)
    assert "too few independent test groups" in psi_caption(inside)


def test_reading_finds_what_psi_holds(pendulum: Splits, pendulum_task: Task, root: Path) -> None:
    method = trained(pendulum, pendulum_task, root)
    many = pendulum["train"]
    psi = method.represent(many.frames[:, :10], many.times[:, :10])
    assert psi is not None
    told = replace(many, parameters={"told": psi @ np.linspace(-1, 1, psi.shape[1])}, states={})
    (truth,) = look_inside(method, told, Pendulum()).truths
    assert truth.reading is not None
    assert truth.reading > 0.7


def test_states_on_the_fine_grid(inside: Inside, pendulum_task: Task) -> None:
    np.testing.assert_allclose(inside.fine_times[:, ::PARTS], inside.times)
    assert inside.states.shape == (4, 49 * PARTS + 1, 32)
    path, straight = step_lengths(inside.states)
    assert path.shape == straight.shape == (4, 49)
    assert (path >= straight * (1 - 1e-5)).all()
    np.testing.assert_allclose(
        smooth_path(inside.times, inside.fine_times, inside.states)[:, ::PARTS], inside.states[:, ::PARTS], atol=1e-6
    )
    assert [strip.decoded.shape for strip in inside.strips] == [(5, 32, 32)] * 3
    assert [strip.truth.shape for strip in inside.strips] == [(2, 32, 32)] * 3


def test_detours_of_known_paths() -> None:
    time = np.linspace(0, 3, 3 * PARTS + 1)
    line = np.stack([time, 2 * time], axis=-1)[None]  # (1, fine, 2)
    assert overall_detour(line) == pytest.approx(1)
    wave = np.stack([time, np.sin(2 * np.pi * time)], axis=-1)[None]
    assert overall_detour(wave) > 3
    assert np.isnan(overall_detour(np.zeros_like(line)))
    assert smoothness(1.01, 1.0).startswith("F is smooth")
    assert smoothness(1.3, 1.0).startswith("F wanders")


def test_detours_are_of_all_trajectories_together() -> None:
    """One goes 10 straight on; another goes 2 on and 1 back, 3 for a distance of 1."""
    straight = np.linspace(0, 10, PARTS + 1)
    back = np.concatenate([np.linspace(0, 2, PARTS // 2, endpoint=False), np.linspace(2, 1, PARTS // 2 + 1)])
    states = np.stack([straight, back])[..., None]  # (2, fine, 1)
    assert detours(states) == pytest.approx([13 / 11])
    assert overall_detour(states) == pytest.approx(13 / 11)


def test_the_smooth_curve_is_the_cubic_through_the_frames_alone() -> None:
    times = np.array([[0.0, 1.0, 3.0, 4.0, 6.0]])
    fine = _refined(times)
    assert fine[0, : PARTS + 2].tolist() == [*np.arange(PARTS + 1) / PARTS, 1 + 2 / PARTS]  # even steps, longer ones
    states = np.full((*fine.shape, 1), 99.0)
    states[:, ::PARTS, 0] = times**3
    np.testing.assert_allclose(smooth_path(times, fine, states)[..., 0], fine**3, atol=1e-9)


def test_states_are_asked_after_the_context_and_as_long_as_a_training_trajectory_lasts(pendulum_task: Task) -> None:
    times = np.tile(np.arange(60.0), (2, 1))
    times[1] *= 2
    task = replace(pendulum_task, duration=50.0)
    assert _asked(times, task)[0].tolist() == list(range(10, 26))  # twice 25 is 50
    assert _asked(times, replace(task, duration=200.0))[0].tolist() == list(range(10, 60))


def test_how_many_a_row_attends_to_is_averaged_over_rows() -> None:
    """A row over four alike and one on a single one: 2.5, not the 2 of their mean entropy."""
    assert effective(np.array([[[0.25] * 4, [1.0, 0, 0, 0]]])) == pytest.approx(2.5)


def test_the_table_of_attention_says_who_looks_at_whom(inside: Inside) -> None:
    weights = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.5, 0.5]]])
    frame = attention_frame(replace(inside, attention=[weights]), 0)
    told = frame.set_index(["weights", "row", "seen"])["value"]
    assert (told["trajectory 0", 1, 2], told["trajectory 0", 2, 1]) == (0.1, 0.3)
    assert (told["mean", 1, 2], told["mean", 2, 1]) == pytest.approx((0.3, 0.4))


def test_the_close_up_is_of_a_few_steps_in_the_middle(inside: Inside) -> None:
    frame = close_up_frame(inside)
    first = (49 - CLOSE_UP) // 2
    assert (frame["time"].min(), frame["time"].max()) == pytest.approx(
        tuple(inside.times[0, [first, first + CLOSE_UP]])
    )
    own, smooth = (frame[frame["name"] == name].set_index("time") for name in ("component 1", "smooth component 1"))
    at_frames = inside.times[0, first : first + CLOSE_UP + 1]
    np.testing.assert_allclose(own.loc[at_frames, "score"], smooth.loc[at_frames, "score"], atol=1e-5)
    assert not np.allclose(own["score"], smooth["score"], atol=1e-9)


def test_pictures_are_of_the_step_with_the_longest_move_in_each_third(
    inside: Inside, pendulum: Splits, pendulum_task: Task
) -> None:
    moves = step_lengths(inside.states[:1])[1][0]
    truth = pendulum_task.normalize(pendulum["test"].frames[0, 10:, 0])
    for strip, part in zip(inside.strips, (range(17), range(17, 33), range(33, 49)), strict=True):  # of 49 steps
        longest = max(part, key=lambda step: moves[step])
        assert (strip.start, strip.end) == pytest.approx(tuple(inside.times[0, [longest, longest + 1]]))
        np.testing.assert_allclose(strip.truth, truth[longest : longest + 2], atol=1e-6)


def test_the_shift_is_of_what_is_decoded_halfway_over_the_change_from_frame_to_frame() -> None:
    """A latent number that is its own picture: 2 from frame to frame, and 0.5 beside the straight line halfway."""
    times = np.arange(5.0)[None]
    fine = _refined(times)
    states = 2 * fine[..., None]
    states[:, PARTS // 2 :: PARTS] += 0.5
    model = SimpleNamespace(render=lambda states, given: states)
    method: Any = SimpleNamespace(task=SimpleNamespace(normalize=np.asarray), device="cpu", model=model)
    assert _shift(method, np.zeros((1, 1)), times, fine, states) == pytest.approx(0.25)


def test_where_nothing_is_known_of_measured_data_the_time_of_the_year_is(pendulum_task: Task) -> None:
    """Of seasons of 10, whose quarters begin at 2.5, 5 and 7.5."""
    times = np.array([10.0, 12.5, 27.5])[:, None] + np.arange(3.0)
    measured = Trajectories(np.zeros((3, 3, 1, 2), np.float32), times, np.arange(3), space=("feature",))
    source: Any = SimpleNamespace(season=10.0, units={})
    (found,) = _truths(measured, source, pendulum_task, np.zeros((3, 2)))
    assert found.cyclic
    assert found.values == pytest.approx([0, np.pi / 2, -np.pi / 2], abs=1e-9)


def test_lengths_are_of_f_and_of_the_smooth_curve(inside: Inside) -> None:
    frame = length_frame(inside)
    own, smooth = (frame[frame["name"] == name]["relative_length"] for name in ("F", "smooth curve"))
    np.testing.assert_allclose(own, detours(inside.states))
    assert (smooth > 1 - 1e-6).all()
    assert not np.allclose(own, smooth, rtol=1e-6)


def test_a_reading_is_of_units_that_it_was_not_fitted_to() -> None:
    """Codes that only name the unit read nothing of another one, however well they read its own."""
    random = np.random.default_rng(0)
    names, label = random.normal(size=(20, 30)).repeat(5, axis=0), random.normal(size=(20, 1)).repeat(5, axis=0)
    honest, twins = (_reading(names, label, group) for group in (np.arange(20).repeat(5), np.arange(100)))
    assert honest is not None and twins is not None
    assert honest < 0.3 < 0.9 < twins


def test_shares_are_of_the_variance_and_the_leading_components_carry_it() -> None:
    """Squares of 2 x 4^2 along one axis and 2 x 3^2 along another: 0.64 and 0.36."""
    found = principal_components(np.array([[3.0, 0, 0], [-3, 0, 0], [0, 4, 0], [0, -4, 0]]))
    assert found.shares == pytest.approx([0.64, 0.36, 0])
    assert [found.carrying(share) for share in (0.5, 0.7)] == [1, 2]


def test_components_come_in_order_with_one_sign() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)) * [1, 5, 2]
    found = principal_components(points)
    assert found.shares.sum() == pytest.approx(1)
    assert np.abs(found.axes).argmax(axis=1).tolist() == [1, 2, 0]
    assert (found.axes.max(axis=1) > 0.9).all()


def test_vectors_have_no_pictures(root: Path) -> None:
    random = np.random.default_rng(0)
    made = Trajectories(
        frames=random.random((12, 12, 1, 3), dtype=np.float32),
        times=np.tile(np.arange(12.0), (12, 1)),
        group=np.arange(12),
        space=("feature",),
    )
    task = task_of(made, "vectors", 4, 8)
    method = trained({"train": made, "valid": made}, task, root)
    found = look_inside(method, made, Pendulum())
    assert found.strips == []
    assert [truth.name for truth in found.truths] == ["mean of the context"]
    angles = replace(made, parameters={"theta": 0.1 * np.arange(12), "energy": np.ones(12)})
    (truth,) = look_inside(method, angles, Pendulum()).truths  # constants are left out
    assert (truth.name, truth.cyclic) == ("theta", False)


def test_one_trajectory_and_one_latent_number(pendulum: Splits, pendulum_task: Task, root: Path) -> None:
    found = look_inside(trained(pendulum, pendulum_task, root, latent=1), pendulum["test"][:1], Pendulum())
    assert found.states.shape == (1, 49 * PARTS + 1, 1)
    drawn = [*psi_figures(found), *path_figures(found, "s"), *between_figures(found, "s")]
    assert all("<svg" in drawing.svg for drawing in drawn)
    assert psi_caption(found)


def test_a_path_needs_two_forecast_frames(pendulum: Splits, root: Path) -> None:
    short = {
        name: replace(split, frames=split.frames[:, :11], times=split.times[:, :11], states={})
        for name, split in pendulum.items()
    }
    method = trained(short, task_of(short["train"], "pendulum", 10, 1), root)
    with pytest.raises(BenchError, match="forecast_frames"):
        look_inside(method, short["test"], Pendulum())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A study of LaDID and the mean on four pendulums, LaDID trained for two steps."""
    folder = tmp_path_factory.mktemp("inside")
    (folder / "config").mkdir()
    comparison = {"datasets": ["pendulum"], "methods": ["ladid", "mean"]}
    study = STUDY | {"budget": {"steps": 2, "batch_size": 2}, "experiments": {"comparison": comparison}}
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(study))
    (folder / "params.yaml").write_text("scale: tiny\n")
    (folder / "baselines").symlink_to(root / "baselines")
    key = key_of(folder, "ladid")
    message = said(folder, "inspect", key, code=1)  # nothing has run yet
    assert re.search(
        r"there is no \S+\.json; train the model with 'ladid-bench run \w+ --scale tiny --force'\n$", message
    )
    said(folder, "run", key)
    return folder


@pytest.fixture(scope="module")
def page(checkout: Path) -> Path:
    return Path(said(checkout, "inspect", key_of(checkout, "ladid")).strip())


def test_page_and_figures(checkout: Path, page: Path) -> None:
    assert page.parent.parent == checkout / "results/tiny/inside"
    text = page.read_text()
    figures = {path.name for path in (page.parent / "figures").iterdir()}
    assert {f"attention-layer-{layer}.svg" for layer in (1, 2, 3, 4)} <= figures
    assert {"psi-theta.svg", "path-over-time.svg", "path-length.svg", "path-close-up.svg", "strip-1.png"} <= figures
    assert len([name for name in text.split("<svg") if "</svg>" in name]) == len(figures) - 3  # all but the strips
    outside = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!#|data:)([^"\')\s>]+)', text)
    assert outside == []
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))


def test_the_same_model_gives_the_same_bytes(checkout: Path, page: Path, tmp_path: Path) -> None:
    again = Path(said(checkout, "inspect", page.parent.name, "--output", str(tmp_path)).strip())
    assert again.read_bytes() == page.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [page.parent.name]


def test_what_cannot_be_inspected(checkout: Path, page: Path, tmp_path: Path) -> None:
    message = said(checkout, "inspect", key_of(checkout, "mean"), code=1)
    assert "mean" in message and "ladid" in message
    key = page.parent.name
    weights = checkout / "work/tiny/models" / key / "weights.pt"
    taken = tmp_path / key
    taken.mkdir()
    (taken / "thesis.tex").write_text("precious")
    message = said(checkout, "inspect", key, "--output", str(tmp_path), code=1)
    assert str(taken) in message
    assert (taken / "thesis.tex").exists()
    content = weights.read_bytes()
    weights.write_bytes(content[:1000])
    try:
        message = said(checkout, "inspect", key, code=1)
        assert "damaged" in message and key in message
        weights.unlink()
        message = said(checkout, "inspect", key, code=1)
        assert "weights.pt" in message and key in message
        assert message.count("\n") == 1
    finally:
        weights.write_bytes(content)
