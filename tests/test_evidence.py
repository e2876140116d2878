"""What a run scored, from samples whose trajectories, frames and groups all differ, by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from ladid_bench.analysis.changes import parse_changes, value_of, without
from ladid_bench.analysis.evidence import Errors, Evidence, Side, against_mean, around, off_grid, on_frames
from ladid_bench.analysis.paired import contrast, in_groups
from ladid_bench.runs.records import Sample

UNEVEN = Sample(
    squared_error=np.array([[1, 3, 5], [2, 2, 8]], np.float32),
    squared_truth=np.array([[1, 1, 1], [2, 4, 6]], np.float32),
    squared_deviation=np.array([[3, 3, 6], [5, 5, 10]], np.float32),
    group=np.array([7, 4]),
    times=np.tile([1.0, 2.0, 3.0], (2, 1)),
    midpoints_nmse=np.array([3.0, 0.5], np.float32),
    pictured=np.zeros(0, np.int64),
    truth=np.zeros((0, 3, 1, 2, 2), np.uint8),
    forecast=np.zeros((0, 3, 1, 2, 2), np.uint8),
)


def ratios(found: Errors) -> list[float]:
    assert found.group.tolist() == [7, 4]
    return (found.error / found.ignorant).tolist()


def test_errors_of_the_frames() -> None:
    found = on_frames(UNEVEN, "nmse")
    assert (found.error.tolist(), found.ignorant.tolist()) == ([3, 1], [1, 1])  # 9 / 3 and 12 / 12
    found = on_frames(UNEVEN, "fvu")
    assert (found.error.tolist(), found.ignorant.tolist()) == ([9, 12], [12, 20])
    assert ratios(against_mean(UNEVEN, "nmse")) == [9 / 12, 12 / 20]


def test_errors_between_frames_and_of_the_two_frames_around() -> None:
    """Squares are averaged over both neighbours."""
    assert ratios(off_grid(UNEVEN, "nmse")) == [3.0, 0.5]
    assert off_grid(replace(UNEVEN, midpoints_nmse=np.zeros(0)), "nmse") is None  # nobody knows what lies between
    assert ratios(around(UNEVEN, "nmse")) == [(2 + 4) / (1 + 1), (2 + 5) / (3 + 5)]


def test_the_error_of_a_group_is_its_sum_over_that_of_who_knows_nothing() -> None:
    of = Errors(np.zeros(3), np.array([1.0, 1.0, 2.0]), np.array([5, 9, 5]))
    assert in_groups(np.array([1.0, 4.0, 8.0]), of).tolist() == [9 / 3, 4 / 1]


# Six groups, of which the first has three test trajectories and the others one.
GROUPS = np.array([0, 0, 0, 1, 2, 3, 4, 5])


def evidence(errors: dict[str, list[np.ndarray]]) -> Evidence:
    """Runs of methods, a seed each, with these nMSE ``(trajectory,)``."""
    rows, samples = [], {}
    for method, seeds in errors.items():
        for seed, error in enumerate(seeds):
            key = f"{method}-{seed}"
            row = {"method": method, "seed": seed, "key": key, "status": "ok", "kind": "neural", "variant": "default"}
            row |= {"dataset": "wave", "primary_metric": "nmse", "experiments": "comparison", "steps": 600}
            row |= {"init_from_steps": 0}
            rows.append(
                row | {"fraction": 1.0, "reason": "", "arm": "scratch", "init_from": "", "changes": "", "rung_of": ""}
            )
            frames = np.repeat(error[:, None], 2, axis=1).astype(np.float32)
            ones = np.ones_like(frames)
            samples[key] = replace(
                UNEVEN, squared_error=frames, squared_truth=ones, squared_deviation=ones, group=GROUPS
            )
    return Evidence(pd.DataFrame(rows), samples.get, dict.fromkeys(errors, "default"))


def group(known: Evidence, method: str) -> Side:
    return known.side(method, "comparison", method=method)


def test_a_contrast_weighs_groups_alike_however_many_trajectories_they_have() -> None:
    """Half of the error in the first group, a quarter in the others: Student's interval of five degrees of freedom."""
    half = np.where(GROUPS == 0, 0.5, 0.25)
    known = evidence({"ladid": [half] * 3, "other": [np.ones(8)] * 3})
    found = contrast(known, group(known, "ladid"), group(known, "other"))
    assert found.ratio is not None and found.beside is not None and found.interval is not None
    logs = np.log([0.5, *[0.25] * 5])
    assert found.ratio.estimate == pytest.approx(logs.mean())
    assert found.ratio.freedom == (5, 2, 2)
    width = student.ppf(0.975, 5) * logs.std(ddof=1) / np.sqrt(6)
    assert (found.interval.low, found.interval.high) == pytest.approx((logs.mean() - width, logs.mean() + width))
    assert found.beside.ratio_of_means == pytest.approx((3 * 0.5 + 5 * 0.25) / 8)  # each trajectory weighs the same


def test_what_is_told_beside_counts_groups_and_pairs_of_runs() -> None:
    """The first is ahead in four of six groups; of nine pairs of runs it has the lower mean in six."""
    ahead = np.where(GROUPS >= 2, 0.5, 1.2)
    level = np.ones(8)
    known = evidence({"ladid": [ahead, ahead, 3 * ahead], "other": [level, level, level]})
    found = contrast(known, group(known, "ladid"), group(known, "other")).beside
    assert found is not None
    assert found.improvement == pytest.approx(6 / 9)
    assert found.groups_won == pytest.approx(4 / 6)  # 0.5 x 3^(1/3) is 0.72


def test_a_method_of_one_run_does_not_lower_the_number_of_seeds_of_the_other() -> None:
    known = evidence({"ladid": [np.full(8, 0.5)] * 3, "analog": [np.ones(8)]})
    known.rows[-1]["kind"] = "simple"
    assert contrast(known, group(known, "ladid"), group(known, "analog")).seeds == 3


def test_a_perfect_trajectory_does_not_make_a_model_that_knows_nothing_of_the_others_trained() -> None:
    """Of the rest each has twice the error of the training mean."""
    known = evidence({"ladid": [np.where(GROUPS == 0, 0.0, 2.0)] * 3, "other": [np.full(8, 0.5)] * 3})
    assert [known.untrained(group(known, name)) for name in ("ladid", "other")] == [True, False]


def test_changes_of_a_run_are_read_as_its_plan_writes_them() -> None:
    """A value may be a list or a text with commas; what is no literal stays a text."""
    changed = {"channels": [16, 32], "latent": 4, "name": "a, b", "steps": 600}
    text = ", ".join(f"{name}={value}" for name, value in changed.items())
    assert {name: value_of(value) for name, value in parse_changes(text).items()} == changed
    assert without(text, "steps", "name") == "channels=[16, 32], latent=4"
    assert (parse_changes(""), without("steps=600", "steps")) == ({}, "")
