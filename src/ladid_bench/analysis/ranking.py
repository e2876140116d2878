"""Ranks of the methods over data sets, or over the test groups of one, and which of them are told apart.

Over data sets Friedman's test and Nemenyi's decide (Demšar, *Statistical comparisons of classifiers over multiple
data sets*, Journal of Machine Learning Research 2006). Within a data set there are groups enough for Wilcoxon's
signed-rank test of each pair with Holm's correction, which does not depend on what else is compared (Benavoli,
Corani and Mangili, *Should we really use post-hoc tests based on mean-ranks?*, the same journal, 2016).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, studentized_range

from ladid_bench.analysis.entries import DatasetContent, Entry, stack
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS

# with fewer blocks not even a method that wins in all of them differs from another by a signed-rank test
BLOCKS_FOR_RANKS = 6
METHODS_FOR_RANKS = 3
TINY, HUGE = float(np.finfo(np.float64).tiny), 1e300
LEVEL = 0.05
NO_DIAGRAM = "No diagram of ranks"


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of methods, 1 for the lowest error, and which pairs of them differ.

    Attributes:
        ranks: by label, lowest first.
        p: of each pair, label by label, adjusted for how many there are.
        blocks: labels of what the methods were ranked on.
        friedman: p of Friedman's test that any of them differ; where it is not significant no pair is.
        critical: difference of mean ranks from which two methods differ, None where pairs are tested one by one.
        missing: labels that have a result but not all that ranks take.
    """

    ranks: pd.Series
    p: pd.DataFrame
    blocks: tuple[str, ...]
    friedman: float
    critical: float | None
    missing: tuple[str, ...]

    @property
    def significance(self) -> pd.DataFrame:
        """``p``, or 1 throughout where Friedman's test finds no difference at all."""
        return self.p if self.friedman < LEVEL else pd.DataFrame(1.0, self.p.index, self.p.columns)

    @property
    def frame(self) -> pd.DataFrame:
        """A row a method with its mean rank, and its adjusted p against each other one."""
        numbers = {"blocks": len(self.blocks), "friedman_p": self.friedman, "critical_difference": self.critical}
        frame = pd.DataFrame({"method": self.ranks.index, "mean_rank": self.ranks.to_numpy(), **numbers})
        return pd.concat([frame, self.p.add_prefix("p_against_").reset_index(drop=True)], axis=1)


def rank_over_datasets(datasets: Sequence[DatasetContent]) -> Ranking | str:
    """Rank the methods that have a complete result on every data set; or say why there are no ranks.

    A data set with results of fewer than half as many methods as the fullest one does not count.
    """
    if problem := _too_few_seeds(datasets):
        return problem
    errors = pd.DataFrame({one.name: _means(one) for one in datasets}).T  # data set x label
    if errors.empty:
        return f"{NO_DIAGRAM}: no method has a complete result with {SEEDS_FOR_VERDICTS} seeds."
    known = errors.notna().sum(axis=1)
    begun = errors[known >= known.max() / 2]  # a data set with few results so far would rule out most methods
    kept = begun.dropna(axis=1)
    if problem := _too_few(kept, "data set"):
        return problem
    from scikit_posthocs import posthoc_nemenyi_friedman  # takes seconds to import

    p = posthoc_nemenyi_friedman(kept.to_numpy())
    p.index, p.columns = kept.columns, kept.columns
    blocks, methods = kept.shape
    quantile = studentized_range.ppf(1 - LEVEL, methods, np.inf) / np.sqrt(2)
    critical = float(quantile * np.sqrt(methods * (methods + 1) / (6 * blocks)))
    return _ranking(kept, p, critical, _left_out(datasets, kept))


def rank_over_groups(dataset: DatasetContent) -> Ranking | str:
    """Rank the methods over a data set's test groups, errors averaged over seeds; or say why there are no ranks."""
    if problem := _too_few_seeds([dataset]):
        return problem
    groups = {entry.label: _by_group(dataset, entry) for entry in dataset.ranked if entry.seeded and entry.sampled}
    if groups and any(not one.index.equals(next(iter(groups.values())).index) for one in groups.values()):
        return f"{NO_DIAGRAM}: the runs were not scored on the same test groups."
    errors = pd.DataFrame(groups)
    if problem := _too_few(errors, "test group") or _powerless(*errors.shape):
        return problem
    from scikit_posthocs import posthoc_wilcoxon

    logs = pd.DataFrame(np.log(errors.clip(TINY, HUGE).to_numpy()), columns=errors.columns)
    melted = logs.melt(var_name="label", value_name="error")
    with np.errstate(divide="ignore", invalid="ignore"):  # methods with the same errors, whose p is 1
        p = posthoc_wilcoxon(melted, val_col="error", group_col="label", p_adjust="holm").fillna(1.0)
    return _ranking(errors, p, None, _left_out([dataset], errors))


def _means(dataset: DatasetContent) -> pd.Series:
    """primary errors of the methods that may be ranked, by label."""
    return pd.Series({entry.label: entry.mean(dataset.error) for entry in dataset.ranked if entry.seeded}, dtype=float)


def _too_few_seeds(datasets: Sequence[DatasetContent]) -> str:
    """Why a study of methods that depend on a seed cannot rank any of them; empty where it can, or has none."""
    drawn = [entry for one in datasets for entry in one.competitors if not entry.deterministic]
    if not drawn or any(entry.seeded for entry in drawn):
        return ""
    return f"{NO_DIAGRAM}: it takes {SEEDS_FOR_VERDICTS} seeds of the methods that depend on one."


def _by_group(dataset: DatasetContent, entry: Entry) -> pd.Series:
    """Mean over seeds and trajectories of each group's error, or its share in the sum where that is a ratio."""
    stacked = stack(entry.done, dataset.primary_metric)
    return pd.Series(stacked.values).groupby(stacked.group).mean()


def _too_few(errors: pd.DataFrame, noun: str) -> str:
    """Why ranks of ``errors``, ``(block, label)``, would mean nothing; empty where they do."""
    blocks, methods = errors.shape
    if methods < METHODS_FOR_RANKS:
        return (
            f"{NO_DIAGRAM}: it takes complete results of at least {METHODS_FOR_RANKS} methods, with "
            f"{SEEDS_FOR_VERDICTS} seeds where a seed matters, on every {noun}; here are {methods}."
        )
    if blocks < BLOCKS_FOR_RANKS:
        return (
            f"{NO_DIAGRAM}: over fewer than {BLOCKS_FOR_RANKS} {noun}s not even a method that wins on all of them "
            f"would differ from another; number of {noun}s here: {blocks}."
        )
    return ""


def _powerless(blocks: int, methods: int) -> str:
    """Why no two methods could be told apart, whatever their errors; empty where they could.

    The signed-rank test has its least p, on two sides, where one is ahead on every block: one half to the power of
    one less than the blocks. Holm's first step multiplies it by the number of pairs.
    """
    least = 0.5 ** (blocks - 1) * math.comb(methods, 2)
    if least < LEVEL:
        return ""
    return (
        f"{NO_DIAGRAM}: of {methods} methods no two could be told apart over {blocks} test groups, whatever their "
        f"errors: the least p that the correction for all pairs can leave is {min(least, 1):.2g}."
    )


def _left_out(datasets: Sequence[DatasetContent], kept: pd.DataFrame) -> tuple[str, ...]:
    labels = {entry.label for one in datasets for entry in one.competitors if entry.done}
    return tuple(sorted(labels - set(kept.columns)))


def _ranking(errors: pd.DataFrame, p: pd.DataFrame, critical: float | None, missing: tuple[str, ...]) -> Ranking:
    ranks = errors.rank(axis=1).mean().sort_values(kind="stable")
    order = list(ranks.index)
    with np.errstate(divide="ignore", invalid="ignore"):  # all methods with the same errors
        friedman = float(np.nan_to_num(friedmanchisquare(*(errors[label] for label in order)).pvalue, nan=1.0))
    blocks = tuple(str(one) for one in errors.index)
    return Ranking(ranks, p.loc[order, order], blocks, friedman, critical, missing)
