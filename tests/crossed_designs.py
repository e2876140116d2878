"""Simulated crossed designs: how often intervals hold the truth, how often verdicts are false, what can be detected.

``python tests/crossed_designs.py`` prints the tables of docs/claims.md. Errors are drawn on the logarithmic scale as in
``analysis.crossed``, with a true ratio of 1. Spreads and tails are those of the 48 comparisons of LaDID with a neural
rival on a data set of the first study: groups differ by 0.04 to 0.57 (half of them below 0.17), the seeds of a method
by up to 0.13 (0.32 on the cylinder wake), the interaction is 0.06 to 0.25 (once 0.6); 95 % of the comparisons have a
skewness of the group effects within 1.1, of either sign, and the excess kurtosis of the interaction reaches 12.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import stdtrit

from ladid_bench.analysis.crossed import components, half_width
from ladid_bench.analysis.statistics import CONFIDENCE

CELLS = tuple(product((3, 10, 20, 50), (3, 5)))  # groups, seeds
PROFILES = {  # standard deviations of the log ratio: groups, seeds of a method, interaction
    "typical": (0.17, 0.05, 0.14),
    "groups": (0.5, 0.03, 0.1),
    "mixed": (0.2, 0.1, 0.15),
    "seeds": (0.1, 0.32, 0.14),
    "interaction": (0.05, 0.0, 0.25),
}
TAILS = ("normal", "heavy", "skewed")
FREEDOM = 4.5  # of Student's distribution with an excess kurtosis of 12
SKEWNESS = 1.1
STUCK = 0.2  # share of trainings that get stuck, beyond what the intervals have to serve
DATASETS, RIVALS = 3, 4  # of a claim such as C1a
REPLICATES = 400
POWER = 0.8


@dataclass(frozen=True)
class Design:
    """Test groups, seeds of the first and of its rival (1: it needs none), and how effects are distributed.

    ``tails`` beyond ``TAILS``: ``adverse``, where a few groups hide everywhere that the first is level, and ``stuck``.
    """

    groups: int
    seeds: int
    rival_seeds: int
    profile: str = "typical"
    tails: str = "normal"


def designs(groups: int, seeds: int, profiles: tuple[str, ...] = tuple(PROFILES)) -> Iterator[Design]:
    """List what a cell has to serve: profiles, tails, rivals with as many seeds and with none."""
    for profile, tails, rival in product(profiles, TAILS, (seeds, 1)):
        yield Design(groups, seeds, rival, profile, tails)


def draw(
    design: Design, shape: tuple[int, ...], rng: np.random.Generator, rivals: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Draw logarithms of errors of the first and of its rivals, both ``(*shape, rival, seed, group)``.

    What makes a group hard for both is left out: it cancels in everything that is computed from them.
    """
    first = _trained(design, (*shape, 1, design.seeds), rng)
    kind = design.tails if design.tails in ("heavy", "skewed", "adverse") else "normal"
    groups = PROFILES[design.profile][0] * _standard(kind, (*shape, rivals, 1, design.groups), rng)
    second = _trained(design, (*shape, rivals, design.rival_seeds), rng) if design.rival_seeds > 1 else 0.0
    return np.broadcast_to(first, (*shape, rivals, *first.shape[-2:])), second - groups


def _trained(design: Design, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """What the seeds of a method add, ``(*shape, group)``."""
    _, of_seeds, interaction = PROFILES[design.profile]
    kind = "stuck" if design.tails == "stuck" else "normal"
    own = _standard("heavy" if design.tails == "heavy" else "normal", (*shape, design.groups), rng)
    return of_seeds * _standard(kind, (*shape, 1), rng) + interaction / np.sqrt(2) * own


def _standard(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draws with mean 0 and variance 1; those of one data set, the first axes but two, are skewed alike."""
    if kind == "heavy":
        return rng.standard_t(FREEDOM, shape) * np.sqrt((FREEDOM - 2) / FREEDOM)
    if kind == "stuck":
        return ((rng.random(shape) < STUCK) - STUCK) / np.sqrt(STUCK * (1 - STUCK))
    if kind == "normal":
        return rng.normal(size=shape)
    parameter = 4 / SKEWNESS**2
    drawn = (rng.gamma(parameter, size=shape) - parameter) / np.sqrt(parameter)
    return -drawn if kind == "adverse" else drawn * rng.choice([-1, 1], (*shape[:-3], 1, 1, 1))


def intervals(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Compute the ends of the interval of the mean log ratio by every method tried, ``(2, pair)`` each."""
    mean, variances, freedom = components(first, second)
    degrees = np.array(freedom, dtype=float)
    total = variances.sum(axis=-1)
    satterthwaite = total**2 / (variances**2 / degrees).sum(axis=-1)
    clustered = np.maximum(total - _interaction(first, second), variances.max(axis=-1))
    quantile = (1 + CONFIDENCE) / 2
    halves = {
        "Satterthwaite": stdtrit(satterthwaite, quantile) * np.sqrt(total),
        "clustered": stdtrit(degrees.min(), quantile) * np.sqrt(clustered),
        "Banerjee": half_width(variances, freedom, CONFIDENCE),
    }
    ends = {name: np.stack([mean - half, mean + half]) for name, half in halves.items()}
    return {"bootstrap": _bootstrap(first - second, rng), **ends}


def _interaction(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What the interaction adds to the variance of the mean, ``(pair,)``."""
    found = np.zeros(len(first))
    for one in (first, second):
        if one.shape[1] > 1:
            rest = one - one.mean(axis=1, keepdims=True) - one.mean(axis=2, keepdims=True)
            rest = rest + one.mean(axis=(1, 2), keepdims=True)
            freedom = (one.shape[1] - 1) * (one.shape[2] - 1)
            found = found + (rest**2).sum(axis=(1, 2)) / freedom / (one.shape[1] * one.shape[2])
    return found


def _bootstrap(difference: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Percentiles of means over seeds and groups that are drawn independently of each other, ``(2, pair)``."""
    _, seeds, groups = difference.shape
    of_groups = rng.multinomial(groups, np.full(groups, 1 / groups), REPLICATES) / groups
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), REPLICATES) / seeds
    by_seed = np.einsum("psg,bg->pbs", difference, of_groups, optimize=True)
    drawn = np.einsum("pbs,bs->pb", by_seed, of_seeds)
    return np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)


def coverage(design: Design, pairs: int, rng: np.random.Generator) -> dict[str, float]:
    """Count how often the interval of each method holds the true log ratio, 0."""
    found = intervals(*_pairs(design, pairs, rng), rng)
    return {name: float(np.mean((low <= 0) & (high >= 0))) for name, (low, high) in found.items()}


def detectable(design: Design, pairs: int, rng: np.random.Generator) -> dict[str, float]:
    """Find the ratio of errors from which an interval lies clear of 1 in four comparisons of five, by method."""
    found = intervals(*_pairs(design, pairs, rng), rng)
    return {name: float(np.exp(np.quantile(high, POWER))) for name, (_, high) in found.items()}


def _pairs(design: Design, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    first, second = draw(design, (pairs,), rng)
    return first[:, 0], second[:, 0]


def false_verdicts(design: Design, studies: int, rng: np.random.Generator) -> dict[str, float]:
    """Count how often a claim against four rivals on three data sets, or of one pair, gets a verdict that is false.

    ``behind``: all are level, and LaDID is found behind. ``ahead``: one rival is level, the others are far behind, and
    LaDID is found ahead on two sets of three; ``pair``: on one set alone. ``level``: all are level, and there is a
    verdict, as of LaDID against itself.
    """
    drawn = draw(design, (studies, DATASETS), rng, RIVALS)
    mean, variances, freedom = components(*(one.reshape(-1, *one.shape[-2:]) for one in drawn))
    half, wide = (half_width(variances, freedom, 1 - (1 - CONFIDENCE) / many) for many in (1, DATASETS * RIVALS))
    behind = (mean - wide > 0).reshape(studies, -1).any(axis=1)  # (study,): what the smallest p of Holm's decides
    ahead = (mean + half < 0).reshape(studies, DATASETS, RIVALS)
    single, every = ahead[..., 0], ahead.all(axis=2)  # (study, dataset)
    found = {"behind": behind, "ahead": 2 * single.sum(axis=1) > DATASETS, "pair": single[:, 0]}
    found["level"] = behind | (2 * every.sum(axis=1) > DATASETS)
    return {name: float(one.mean()) for name, one in found.items()}


def lowest_coverage(cell: tuple[int, int], pairs: int, rng: np.random.Generator) -> dict[str, float]:
    """Find the lowest coverage of each method over all that a cell has to serve."""
    found = [coverage(design, pairs, rng) for design in designs(*cell)]
    return {name: min(one[name] for one in found) for name in found[0]}


def highest_rates(
    cell: tuple[int, int], studies: int, rng: np.random.Generator, profiles: tuple[str, ...]
) -> dict[str, float]:
    """Find the highest rate of each false verdict over profiles, tails and kinds of rivals."""
    found = [false_verdicts(design, studies, rng) for design in designs(*cell, profiles)]
    return {name: max(one[name] for one in found) for name in found[0]}


def rows(pairs: int, studies: int, cells: tuple[tuple[int, int], ...] = CELLS) -> Iterator[str]:
    """Write the table of docs/claims.md, a line a cell: coverage, false verdicts (per cent), detectable ratios."""
    for cell in cells:
        rng = np.random.default_rng(cell)
        covered = lowest_coverage(cell, pairs, rng)
        rates = highest_rates(cell, studies, rng, ("typical", "groups", "seeds"))
        ratios = [detectable(Design(*cell, cell[1], name), pairs, rng) for name in ("typical", "seeds")]
        numbers = [f"{100 * value:.1f}" for value in (*covered.values(), *rates.values())]
        numbers += [f"{one[name]:.2f}" for one in ratios for name in ("Banerjee", "clustered")]
        yield f"| {cell[0]} | {cell[1]} | {' | '.join(numbers)} |"


def beyond(pairs: int, studies: int) -> Iterator[str]:
    """Write what lies beyond the aims, in lines: skewed against LaDID everywhere, and trainings that get stuck."""
    rng = np.random.default_rng(0)
    for groups, seeds in CELLS:
        behind = [
            false_verdicts(Design(groups, seeds, rival, "groups", "adverse"), studies, rng) for rival in (seeds, 1)
        ]
        adverse = max(one["behind"] for one in behind)
        trained, alone = (
            coverage(Design(groups, seeds, rival, "seeds", "stuck"), pairs, rng)["Banerjee"] for rival in (seeds, 1)
        )
        yield f"| {groups} | {seeds} | {100 * adverse:.1f} | {100 * trained:.1f} | {100 * alone:.1f} |"


FULL = {"pairs": 4000, "studies": 2000}  # the numbers of docs/claims.md

if __name__ == "__main__":
    print(*rows(**FULL), "", *beyond(**FULL), sep="\n")
