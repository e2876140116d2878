"""Log ratios in crossed designs: hand calculations, what simulation says of the interval, the numbers in the docs."""

import math
import re
from pathlib import Path

import crossed_designs as simulated
import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student

from ladid_bench.analysis.crossed import FLOOR, LogRatio, detectable_ratio, half_width, log_ratio

SHARE = (0.1, 0.4)  # five of fifty pendulum trajectories carry 40 % of the mean error


def test_two_groups_and_two_seeds_by_hand() -> None:
    first = np.exp([[0.0, 2.0], [2.0, 8.0]])  # (seed, group)
    second = np.exp([[0.0, 1.0], [2.0, 1.0]])
    found = log_ratio(first, second)
    assert found.estimate == pytest.approx(2.0)  # 3 - 1
    # differences by group are 0 and 4; means by seed 1 and 5, and 0.5 and 1.5
    assert found.variances == pytest.approx((8 / 2, 8 / 2, 0.5 / 2))
    assert found.freedom == (1, 1, 1)
    paired = log_ratio(first, second, same_models=True)
    assert paired.estimate == pytest.approx(2.0)
    assert paired.variances == pytest.approx((8 / 2, 4.5 / 2))  # differences by seed are 0.5 and 3.5
    alone = log_ratio(first, np.ones((1, 2)))
    assert alone.variances == pytest.approx((8 / 2, 8 / 2))  # means by group 1 and 5, by seed 1 and 5


def test_with_one_variance_it_is_students_interval() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 12)
    found = LogRatio(values.mean(), (values.var(ddof=1) / 12,), (11,))
    test = ttest_1samp(values, 0.1, alternative="greater")
    assert found.p_above(0.1) == pytest.approx(test.pvalue, rel=1e-6)
    ends = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.interval().low, found.interval().high) == pytest.approx((ends.low, ends.high))


def test_the_weights_of_the_variances_are_squares_of_students_quantiles() -> None:
    expected = math.sqrt(0.3 * student.ppf(0.975, 49) ** 2 + 0.1 * student.ppf(0.975, 2) ** 2)
    assert half_width(np.array([0.3, 0.1]), (49, 2), 0.95) == pytest.approx(expected)


@pytest.mark.parametrize("limit", [-0.5, 0.0, 0.2, 2.0])
def test_p_and_the_interval_agree(limit: float) -> None:
    found = LogRatio(0.2, (0.01, 0.02, 0.005), (49, 2, 2))
    p = found.p_above(limit)
    assert p + found_mirrored(found, limit) == pytest.approx(1)
    if 0 < p < 0.5:
        assert found.interval(1 - 2 * p).low == pytest.approx(limit)
    assert (p < 0.025) == (found.interval().low > limit)


def found_mirrored(found: LogRatio, limit: float) -> float:
    """p of the opposite claim."""
    return LogRatio(-found.estimate, found.variances, found.freedom).p_above(-limit)


def test_what_is_hard_for_both_cancels_however_heavy_its_tail() -> None:
    rng = np.random.default_rng(0)
    difficulty = np.exp(rng.normal(0, 1.03, 100_000))
    tenth = np.sort(difficulty)[-10_000:]
    assert tenth.sum() / difficulty.sum() == pytest.approx(SHARE[1], abs=0.02)
    first, second = (np.exp(one[0]) for one in simulated.draw(simulated.Design(50, 3, 3), (), rng))
    hard = difficulty[:50]
    plain, harder = log_ratio(first[0:], second), log_ratio(first * hard, second * hard)
    assert harder.estimate == pytest.approx(plain.estimate)
    assert harder.variances == pytest.approx(plain.variances)


def test_errors_below_the_floor_count_as_the_floor() -> None:
    found = log_ratio(np.array([[0.0, FLOOR / 2]] * 2), np.array([[FLOOR, FLOOR * math.e]] * 2))
    assert found.estimate == pytest.approx(-0.5)


def test_the_simulation_uses_the_interval_of_the_verdicts() -> None:
    rng = np.random.default_rng(1)
    first, second = (one[:, 0] for one in simulated.draw(simulated.Design(10, 3, 3), (4,), rng))
    low, high = simulated.intervals(first, second, rng)["Banerjee"]
    for pair in range(4):
        found = log_ratio(np.exp(first[pair]), np.exp(second[pair])).interval()
        assert (found.low, found.high) == pytest.approx((low[pair], high[pair]))


def error_of(rate: float, count: int) -> float:
    """Three standard errors of a simulated rate: the worst of many designs is looked at."""
    return 3 * math.sqrt(rate * (1 - rate) / count)


@pytest.mark.parametrize("cell", [(3, 3), (10, 5), (20, 3)], ids=str)
def test_in_a_small_simulation_the_interval_meets_its_aims_and_the_bootstrap_does_not(cell: tuple[int, int]) -> None:
    rng = np.random.default_rng(cell)
    found = simulated.lowest_coverage(cell, 500, rng)
    assert found["Banerjee"] >= 0.93 - error_of(0.93, 500)
    assert found["bootstrap"] < 0.9
    rates = simulated.highest_rates(cell, 300, rng, ("groups", "seeds"))
    assert max(rates.values()) <= 0.05 + error_of(0.05, 300)


def test_more_groups_and_more_seeds_detect_smaller_ratios() -> None:
    rng = np.random.default_rng(0)
    found = [
        simulated.detectable(simulated.Design(*cell, cell[1]), 1000, rng)["Banerjee"]
        for cell in ((3, 3), (50, 3), (50, 5))
    ]
    assert found[0] > 1.6 > 1.35 > found[1] > found[2] > 1.1


@pytest.mark.parametrize("cell", simulated.CELLS, ids=str)
@pytest.mark.parametrize("profile", ["typical", "seeds", "groups"])
def test_the_detectable_ratio_is_about_that_of_the_simulation(cell: tuple[int, int], profile: str) -> None:
    design = simulated.Design(*cell, cell[1], profile)
    found = simulated.detectable(design, 500, np.random.default_rng(0))["Banerjee"]
    assert math.log(detectable_ratio(*cell, simulated.PROFILES[profile])) == pytest.approx(math.log(found), rel=0.2)


def test_the_detectable_ratio_of_one_source_of_differences_alone_by_hand() -> None:
    """Student's quantiles for the ends of intervals, and the normal one of 0.8 for how the estimates differ.

    With g groups and s seeds of either method the variances of an estimate are a^2 / g between groups, b^2 / s between
    seeds of each method, and c^2 / (g s) of the rest, of which the groups see all and the seeds of each method half.
    """
    groups, seeds = 10, 4
    of_groups, of_seeds = (student.ppf(0.975, count - 1) for count in (groups, seeds))
    detected = norm.ppf(0.8)
    assert math.log(detectable_ratio(groups, seeds, (0.2, 0, 0))) == pytest.approx(
        (of_groups + detected) * 0.2 / math.sqrt(groups)
    )
    after_holm = student.ppf(1 - 0.025 / 27, groups - 1)
    assert math.log(detectable_ratio(groups, seeds, (0.2, 0, 0), comparisons=27)) == pytest.approx(
        (after_holm + detected) * 0.2 / math.sqrt(groups)
    )
    assert math.log(detectable_ratio(groups, seeds, (0, 0.2, 0))) == pytest.approx(
        (of_seeds + detected) * 0.2 * math.sqrt(2 / seeds)
    )
    assert math.log(detectable_ratio(groups, seeds, (0, 0, 0.2))) == pytest.approx(
        (math.hypot(of_groups, of_seeds) + detected) * 0.2 / math.sqrt(groups * seeds)
    )


def in_the_docs() -> list[list[float]]:
    """The rows of the two tables of docs/claims.md."""
    page = (Path(__file__).parents[1] / "docs" / "claims.md").read_text(encoding="utf-8")
    return [numbers(line) for line in page.splitlines() if re.match(r"\| \d+ \| \d \|", line)]


def numbers(row: str) -> list[float]:
    return [float(one) for one in row.strip("| ").split("|")]


def test_the_numbers_in_the_docs_meet_the_aims_in_every_cell() -> None:
    rows = in_the_docs()[: len(simulated.CELLS)]
    assert [tuple(row[:2]) for row in rows] == list(simulated.CELLS)
    for _, _, bootstrap, satterthwaite, _, chosen, *rest in rows:
        assert chosen / 100 >= 0.93 - error_of(0.93, simulated.FULL["pairs"])
        assert max(rest[:4]) / 100 <= 0.05 + error_of(0.05, simulated.FULL["studies"])
        assert bootstrap < satterthwaite < chosen


@pytest.mark.slow
def test_the_whole_simulation_gives_the_numbers_in_the_docs() -> None:
    made = [*simulated.rows(**simulated.FULL), *simulated.beyond(**simulated.FULL)]
    for row, written in zip(made, in_the_docs(), strict=True):
        assert numbers(row) == pytest.approx(written, abs=0.3)  # per cent; rounding differs between machines
