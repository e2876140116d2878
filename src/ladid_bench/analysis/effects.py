"""What two experiments measure: the area below the curves of a transfer, and what each part of a method contributes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ladid_bench.analysis.entries import DatasetContent, Entry, Run, stack
from ladid_bench.analysis.evidence import LADID
from ladid_bench.analysis.experiments import ExperimentRow, Parts, row_columns, row_error
from ladid_bench.analysis.paired import SEEDS_FOR_VERDICTS
from ladid_bench.analysis.statistics import interval
from ladid_bench.methods.registry import MethodCard
from ladid_bench.study.plan import SCRATCH, ZERO_SHOT

Cards = Mapping[str, MethodCard]  # by method


def lines_of(content: DatasetContent, rows: Sequence[ExperimentRow]) -> list[list[ExperimentRow]]:
    """Group rows with complete results that differ in their share of the data alone, by rising share."""
    found: dict[tuple[str, ...], list[ExperimentRow]] = {}
    for row in rows:
        entry = row.entry
        if entry.complete and not entry.floor and np.isfinite(entry.mean(content.error)):
            key = (entry.method, entry.variant, entry.arm, entry.init_from, entry.changes)
            found.setdefault(key, []).append(row)
    return [sorted(line, key=lambda row: row.entry.fraction) for line in found.values()]


def transfer_frame(content: DatasetContent, lines: Sequence[Sequence[ExperimentRow]]) -> pd.DataFrame:
    """Tabulate errors over the share of the data in per cent, which is not known for a model that used none of it."""
    rows = [row for line in lines for row in line]
    frame = pd.DataFrame([row_columns(content, row) | row_error(content, row) for row in rows])
    frame["percent"] = (100 * frame["fraction"]).where(frame["arm"] != ZERO_SHOT)
    return frame.assign(label=frame["name"], name=_line_names(frame))


def _line_names(frame: pd.DataFrame) -> pd.Series:
    """The method of each row, with its arm, source and changes where the method has several."""
    arms = frame.groupby("name")["arm"].transform(lambda arm: set(arm) != {SCRATCH})
    names = frame["name"] + (", " + frame["arm"]).where(arms.astype(bool), "")
    for column, before in (("init_from", ", from "), ("changes", ", ")):
        several = frame.groupby(["name", "arm"])[column].transform("nunique") > 1
        names += (before + frame[column]).where(several & (frame[column] != ""), "")
    return names


def areas(content: DatasetContent, rows: Sequence[ExperimentRow]) -> pd.DataFrame:
    """Compute each line's mean height along the logarithm of the share, lowest first; lines of one point have none."""
    made = [_area(content, line) for line in lines_of(content, rows) if len(line) > 1]
    frame = pd.DataFrame([one for one in made if one])
    return frame if frame.empty else frame.sort_values("mean_error_over_log_fraction", kind="stable")


def _area(content: DatasetContent, line: Sequence[ExperimentRow]) -> dict[str, object] | None:
    """By the trapezoidal rule, trajectory by trajectory and seed by seed; None where these do not match."""
    entries = [row.entry for row in line]
    if not all(entry.sampled for entry in entries):
        return None
    places = np.log([entry.fraction for entry in entries])
    shares = np.convolve(np.diff(places), [0.5, 0.5], mode="full") / (places[-1] - places[0])  # (share,)
    seeds = max(len(entry.done) for entry in entries)
    stacked = [stack(_by_seed(entry.done, seeds), content.primary_metric) for entry in entries]
    first, last = stacked[0], entries[-1]
    if any(not np.array_equal(one.group, first.group) for one in stacked):
        return None
    values = np.sum([share * one.values for share, one in zip(shares, stacked, strict=True)], axis=0)
    below = [one.weights for one in stacked if one.weights is not None]
    scale = np.sum([share * one for share, one in zip(shares, below, strict=True)], axis=0) if below else None
    mean = float(values.mean() if scale is None else values.sum() / scale.sum())
    found = interval(values, first.group, first.seed, scale)
    ends = {"interval_low": found.low, "interval_high": found.high} if found else {}
    how = {"arm": last.arm, "init_from": last.init_from, "changes": last.changes}
    told = {"dataset": content.name, "name": line[0].name, "method": last.method, "variant": last.variant, **how}
    span = {"fraction_low": entries[0].fraction, "fraction_high": last.fraction, "points": len(line)}
    metric = {"primary_metric": content.primary_metric}
    return {**told, **metric, **span, "mean_error_over_log_fraction": mean, **ends}


def _by_seed(runs: Sequence[Run], seeds: int) -> list[Run]:
    """Runs in the order of their seeds; one that does not depend on the seed stands for all of them."""
    ordered = sorted(runs, key=lambda run: run.row["seed"])
    return ordered * seeds if len(ordered) == 1 else ordered


def ratios(parts: Parts, cards: Cards) -> pd.DataFrame:
    """Compute the error of each variant over that of its reference, by data set, changes and share, largest first.

    ``told`` is 1 where the error is larger than the reference's, -1 where it is smaller, 0 where nobody can say.
    """
    found = []
    for content, rows in parts:
        scratch = [row.entry for row in rows if row.entry.arm == SCRATCH]
        for alike in dict.fromkeys((entry.changes, entry.fraction) for entry in scratch):
            entries = [entry for entry in scratch if (entry.changes, entry.fraction) == alike]
            made = [_ratio(content, entry, reference_of(entry, entries, cards), cards) for entry in entries]
            found += sorted((one for one in made if one), key=lambda one: -one["ratio"])
    return pd.DataFrame(found)


def _ratio(content: DatasetContent, entry: Entry, reference: Entry | None, cards: Cards) -> dict[str, Any] | None:
    log = content.log_ratio(entry, reference) if reference and entry.complete else None
    if reference is None or log is None:
        return None
    found = log.exp
    seeds = min(len(entry.runs), len(reference.runs))  # draws of their own: they need not be the same numbers
    told = int(found.low > 1) - int(found.high < 1) if seeds >= SEEDS_FOR_VERDICTS else 0
    named: dict[str, Any] = {
        "panel": ": ".join(word for word in (content.name, entry.conditions) if word),
        "row": _part(entry, reference, next(iter(cards[reference.method].variants))),
        "dataset": content.name,
        "changes": entry.changes,
        "fraction": entry.fraction,
        "method": entry.method,
        "variant": entry.variant,
        "reference_method": reference.method,
        "reference_variant": reference.variant,
        "primary_metric": content.primary_metric,
    }
    return {**named, "ratio": found.estimate, "low": found.low, "high": found.high, "seeds": seeds, "told": told}


def _part(entry: Entry, reference: Entry, preset: str) -> str:
    """What differs from the reference, which is named where it is no preset."""
    if entry.method != reference.method:
        return entry.method
    own = entry.variant if entry.method == LADID else f"{entry.method}:{entry.variant}"
    return own if reference.variant == preset else f"{own} (from {reference.variant})"


def reference_of(entry: Entry, entries: Sequence[Entry], cards: Cards) -> Entry | None:
    """Find what an entry is measured against: the variant from which it differs in one setting, else the preset.

    The preset of another method is measured against LaDID's, of which it is a part exchanged.
    """
    variants = cards[entry.method].variants
    preset, mine = next(iter(variants)), variants.get(entry.variant, {})
    if entry.variant == preset:
        wanted = [(LADID, next(iter(cards[LADID].variants)))] if LADID in cards and entry.method != LADID else []
    else:
        smaller = [name for name, one in variants.items() if len(one) == len(mine) - 1 and one.items() <= mine.items()]
        wanted = [(entry.method, name) for name in [*(one for one in smaller if one != preset), preset]]
    complete = {(one.method, one.variant): one for one in reversed(entries) if one.complete}
    return next((complete[one] for one in wanted if one in complete), None)
