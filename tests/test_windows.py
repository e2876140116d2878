"""Windows: what is drawn is what the trajectories hold, and each frame is handed out once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import WindowSampler, grown_length
from ladid_bench.methods.coders import DecoderKind, build_decoder


@pytest.fixture(params=[1, 4, 50])
def length(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def batch(pendulum, pendulum_task, length):
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=8), "cpu")
    return sampler.draw(length, torch.Generator().manual_seed(0))


def test_shapes(batch, length) -> None:
    rows, queries = 8 * 3, min(8, length)
    assert batch.context.shape == batch.context_times.shape == (rows, 10)
    assert batch.query.shape == (rows, queries, 1, 32, 32)
    assert batch.grid_times.shape == (rows, 10 + length)


def test_contexts_share_their_frames(batch, length) -> None:
    """A context has as many frames of its own as it may be away from the one before, and ten at most."""
    assert len(batch.frames) == 8 * (10 + 2 * min(length, 10))
    assert torch.equal(batch.frames[batch.context], batch.bank[batch.grid[:, :10]])
    assert len(torch.unique(batch.context)) <= len(batch.frames)


def test_contexts_that_are_one_frame_apart_share_all_but_one(pendulum, pendulum_task) -> None:
    batch = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=8), "cpu").draw(1, torch.Generator())
    assert len(torch.unique(batch.context)) == len(torch.unique(batch.frames, dim=0)) == len(batch.frames) == 8 * 12


def test_two_frames_of_each_context_are_drawn_each_as_often_as_any_other(pendulum, pendulum_task) -> None:
    """Of 9 frames 2 are drawn: each in 2/9 of the windows, within four standard errors of 24,000 draws."""
    batch = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=8), "cpu").draw(50, torch.Generator())
    torch.manual_seed(0)
    drawn = torch.cat([batch.draw_context(1) for _ in range(1000)])
    assert drawn.shape == (24_000, 2) and (drawn[:, 0] != drawn[:, 1]).all()
    share = torch.bincount(drawn.flatten(), minlength=10) / len(drawn)
    assert share[0] == 0
    assert (share[1:] - 2 / 9).abs().max() < 4 * (2 / 9 * 7 / 9 / len(drawn)) ** 0.5


def test_a_span_holds_all_frames_of_its_windows_once(batch) -> None:
    frames, rows = batch.grid_frames()
    assert torch.equal(frames[rows], batch.bank[batch.grid])
    assert len(torch.unique(batch.span)) == len(batch.span)


def test_the_reach_is_that_of_the_farthest_query(batch, length, pendulum_task) -> None:
    assert batch.reach == pytest.approx(length * pendulum_task.time_step, rel=1e-6)
    assert (batch.query_times[:, -1] - batch.context_times[:, -1]).max() <= batch.reach * (1 + 1e-5)


def test_queries_are_the_true_frames_at_their_times(batch, pendulum, pendulum_task) -> None:
    """Every query is found in the data at the absolute time that start and query time name."""
    train = pendulum["train"]
    frames = np.clip(pendulum_task.normalize(train.frames), 0, 1)
    for row in range(0, len(batch.query), 5):
        for query in range(batch.query.shape[1]):
            time = float(batch.start[row] + batch.query_times[row, query])
            index = int(np.abs(train.times[0] - time).argmin())
            assert abs(train.times[0, index] - time) < 1e-5
            distance = np.abs(frames[:, index] - batch.query[row, query].numpy()).max(axis=(1, 2, 3))
            assert distance.min() < 1e-6


def test_queries_follow_the_context_within_the_query_length(batch, length) -> None:
    assert (batch.query_index >= 10).all()
    assert (batch.query_index < 10 + length).all()
    assert torch.equal(batch.query_times, batch.grid_times.gather(1, batch.query_index))
    assert (batch.context_times[:, 0] == 0).all()


def test_times_count_from_the_first_frame_of_window_or_trajectory(uneven_sampler) -> None:
    """Each window's place is found again among the times of its own trajectory, which differ from row to row."""
    batch = uneven_sampler.draw(7, torch.Generator().manual_seed(0))
    owner, first = batch.grid[:, 0] // 60, batch.grid[:, 0] % 60
    own = torch.from_numpy(uneven_sampler.elapsed).float()[owner]  # (N, 60)
    rows = torch.arange(len(own))
    assert torch.equal(batch.start, own[rows, first])
    assert torch.equal(batch.forecast_start, own[rows, first + 10])
    context = own[rows[:, None], first[:, None] + torch.arange(10)] - batch.start[:, None]
    torch.testing.assert_close(batch.context_times, context)


def test_context_frames_in_a_likelihood_are_clipped_as_queries_are(pendulum, pendulum_task) -> None:
    train = replace(pendulum["train"], frames=3 * pendulum["train"].frames - 1)
    batch = WindowSampler(train, pendulum_task, Budget(batch_size=4), "cpu").draw(8, torch.Generator())
    assert batch.frames.min() < 0 and batch.frames.max() > 1
    target = batch.context_target(batch.draw_context())
    assert (target.min(), target.max()) == (0, 1)


def test_neighbouring_windows_meet_within_reach(batch, length, pendulum_task) -> None:
    start, after = batch.start.unflatten(0, (-1, 3)), batch.forecast_start.unflatten(0, (-1, 3))
    reach = after[:, 1:] - start[:, :-1]
    assert (start.diff(dim=1) > 0).all()
    assert (reach <= (10 + length) * pendulum_task.time_step * 1.001).all()


@pytest.fixture
def single(pendulum, pendulum_task) -> WindowSampler:
    """Draws one window of a trajectory of 60 frames, of which 10 are given."""
    return WindowSampler(pendulum["train"], pendulum_task, Budget(windows=1, queries=4), "cpu")


def test_windows_start_at_every_frame_that_leaves_one_to_ask_for(single) -> None:
    for length in (1, 49):
        starts = single._starts(3000, length, torch.Generator().manual_seed(0))
        assert torch.unique(starts).tolist() == list(range(50))
        counts = torch.bincount(starts.flatten())
        assert counts.min() > 30 and counts.max() < 95  # 60 of each, give or take four standard deviations


def test_windows_of_the_full_horizon_start_where_forecasts_do(single, pendulum, pendulum_task) -> None:
    assert torch.unique(single._starts(500, 50, torch.Generator())).tolist() == [0]
    three = WindowSampler(pendulum["train"], pendulum_task, Budget(windows=3), "cpu")
    starts = three._starts(3000, 50, torch.Generator().manual_seed(0))
    assert (starts[:, 0] == 0).all()
    assert [torch.unique(gap).tolist() for gap in starts.diff(dim=1).T] == [list(range(1, 25))] * 2  # 49 frames for two


def test_several_windows_of_a_short_reach_cover_the_whole_trajectory(pendulum, pendulum_task) -> None:
    three = WindowSampler(pendulum["train"], pendulum_task, Budget(windows=3), "cpu")
    starts = three._starts(5000, 2, torch.Generator().manual_seed(0))
    assert torch.unique(starts[:, 0]).tolist() == list(range(48))
    assert torch.unique(starts[:, 2]).tolist() == list(range(2, 50))
    assert torch.unique(starts.diff(dim=1)).tolist() == [1, 2]


def test_queries_are_one_from_each_stratum_of_what_there_is(single) -> None:
    """Of eight frames each quarter has two; a window that starts at frame 48 has two frames left, one at 49."""
    start = torch.tensor([0] * 200 + [48] * 200 + [49] * 200)
    queries = single._queries(start, 8, torch.Generator().manual_seed(0)).unflatten(0, (3, 200)) - 10
    found = [[torch.unique(one).tolist() for one in part.T] for part in queries]
    assert found[0] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert found[1] == [[0], [0], [1], [1]]
    assert found[2] == [[0]] * 4


def test_the_reach_is_the_longest_time_of_any_trajectory(uneven_sampler) -> None:
    times, last = uneven_sampler.elapsed, 9  # of the context
    for length in (1, 7, 50):
        ahead = [times[:, start + length] - times[:, start] for start in range(last, 60 - length)]
        assert uneven_sampler._reach(length) == pytest.approx(np.max(ahead))
    assert np.max(times[:, 10:] - times[:, 9:-1]) > 1.5 * np.median(np.diff(times))


def test_a_batch_is_of_distinct_trajectories(pendulum, pendulum_task) -> None:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=16), "cpu")
    rows = sampler.rows(50, torch.Generator().manual_seed(0))
    owners = torch.unique(torch.div(rows.span, 60, rounding_mode="floor"))
    assert owners.tolist() == list(range(16))


def test_same_generator_same_windows(pendulum, pendulum_task) -> None:
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4), "cpu")
    first, second = (sampler.draw(8, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.query, second.query)


def test_each_channel_is_normalized_by_its_own_range_and_targets_are_clipped_to_it() -> None:
    """Channel 1 has a thousand times the values of channel 0, and four of 5,120 beyond 1,049, where its range ends."""
    frames = np.random.default_rng(0).random((8, 40, 2, 4, 4)) * [[[1]], [[1000]]]
    frames[:4, 20, 1, 0, 0] = 1200
    split = Trajectories(frames.astype(np.float32), np.tile(np.arange(40.0), (8, 1)), np.arange(8), fields=("a", "b"))
    sampler, generator = WindowSampler(split, task_of(split, "made-up", 10, 30), Budget(), "cpu"), torch.Generator()
    batches = [sampler.draw(30, generator.manual_seed(seed)) for seed in range(10)]
    query = torch.cat([batch.query for batch in batches]).amax(dim=(0, 1, 3, 4))
    assert query.tolist() == pytest.approx([1.05 / 1.1, 1], abs=2e-3)
    assert batches[0].bank.amax(dim=(0, 2, 3)).tolist() == pytest.approx([1.05 / 1.1, 1.25 / 1.1], abs=2e-3)


@pytest.mark.parametrize(
    ("shape", "kind", "levels"),
    [
        ((2, 16, 32), "transposed", [0.2, 0.7]),
        ((2, 16, 32), "shuffle", [0.2, 0.7]),
        ((1, 3), "shuffle", [0.1, 0.5, 0.9]),
    ],
)
def test_an_untrained_decoder_starts_at_the_level_of_each_component(
    shape: tuple[int, ...], kind: DecoderKind, levels: list[float]
) -> None:
    decoder = build_decoder(4, shape, 2, kind)
    decoder.start_at(levels)
    torch.nn.init.zeros_(decoder.output.weight)  # what is left is the bias
    rendered = decoder(torch.randn(5, 4))  # (n, channel, *space)
    components = rendered.flatten(1) if len(shape) == 2 else rendered.mean(dim=(2, 3))
    assert components.detach().numpy() == pytest.approx(np.tile(levels, (5, 1)), rel=1e-5)


def test_query_length_doubles_to_the_full_horizon() -> None:
    budget = Budget(growth_steps=50)
    assert [grown_length(step, budget, 50) for step in (0, 50, 100, 150, 200, 250, 300, 999)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        50,
        50,
    ]
