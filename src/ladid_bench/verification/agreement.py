"""Whether a rerun agrees with what was kept of a run, value by value, and how closely it has to.

On the CPU of the same machine with the same versions every value has to come out bit for bit: the suite promises
that. Anywhere else the order of sums differs in the last bits, and how far that shows depends on the method:

- A closed-form method passes it through matrices of single precision; the card says how much of a value that is
  (``rounding``). Without the wide instructions of a processor, metrics of analog, ridge and DMD moved by 5e-7 of
  their values and angles read off pictures by 1e-5, which the default of 1e-4 covers; SINDy, which thresholds
  coefficients and integrates what it found, moved by 4 %.
- Training amplifies it from step to step, until a rerun differs from the kept run as another seed does. A value may
  differ by ``TRAINED`` of itself: LaDID on the pendulum, 400 steps, moved by up to 16 % (its mean error by 5 %). Where
  the study has three seeds or more and they lie further apart, it may differ by ``SPREADS`` of their standard
  deviations. Three seeds alone are no measure: medians of three came out ten times closer together than reruns are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any, Literal

SPREADS = 3 * math.sqrt(2)  # the difference of two draws has the square root of two times their deviation
TRAINED = 0.2
SEEDS_FOR_SPREAD = 3
COUNTED = ("parameters", "steps")  # what a run counts of itself; it has to be the same everywhere
MACHINE = ("host", "platform", "processor", "python", "device", "threads")

Outcome = Literal["identical", "agrees", "differs"]


@dataclass(frozen=True)
class Value:
    """One value of a run, then and now.

    Attributes:
        name: of the metric or whatever else it is.
        kept, found: the value then and now; None where there was none.
        allowed: largest absolute difference; 0 asks for the same bits.
    """

    name: str
    kept: Any
    found: Any
    allowed: float = 0.0

    @property
    def difference(self) -> float:
        """Absolute difference of two numbers; infinite between different things of another kind."""
        if self.kept == self.found:
            return 0.0
        numbers = all(isinstance(one, int | float) for one in (self.kept, self.found))
        return abs(self.found - self.kept) if numbers else math.inf

    @property
    def relative(self) -> float:
        """Difference as a fraction of the kept value."""
        if self.difference == 0 or not isinstance(self.kept, int | float):
            return self.difference
        return self.difference / abs(self.kept) if self.kept else math.inf

    @property
    def outcome(self) -> Outcome:
        """``identical``, ``agrees`` where the difference is allowed, else ``differs``."""
        if self.difference == 0:
            return "identical"
        return "agrees" if self.difference <= self.allowed else "differs"


@dataclass(frozen=True)
class Comparison:
    """A run, then and now.

    Attributes:
        key, label: of the run.
        values: everything that was compared.
        circumstances: what was not the same as then, in words; it explains and decides nothing.
        exact: whether bits had to be the same.
    """

    key: str
    label: str
    values: tuple[Value, ...]
    circumstances: tuple[str, ...]
    exact: bool

    @property
    def differing(self) -> tuple[Value, ...]:
        """Values that differ."""
        return tuple(value for value in self.values if value.outcome == "differs")

    @property
    def outcome(self) -> Outcome:
        """Outcome of the value that agrees least."""
        if self.differing:
            return "differs"
        return "identical" if all(value.outcome == "identical" for value in self.values) else "agrees"


def compare(
    kept: Mapping[str, Any],
    found: Mapping[str, Any],
    rounding: float | None,
    spread: Mapping[str, float],
    exact: bool,
) -> tuple[Value, ...]:
    """Compare all values of two records of a run, or of failed attempts in their place; of two statuses no more.

    Args:
        kept, found: records, then and now.
        rounding: what the card of a method says that is not trained step by step, None for one that is.
        spread: standard deviation of each metric over the kept seeds; empty where there are too few.
        exact: whether bits have to be the same; if not, the way through the training is not compared.
    """
    values = [Value("status", kept["status"], found["status"])]
    if values[0].outcome == "differs":
        return tuple(values)
    before, after = kept.get("metrics", {}), found.get("metrics", {})
    for name in dict.fromkeys([*before, *after]):
        allowed = 0.0 if exact or name not in before else _allowed(before[name], rounding, spread.get(name, 0.0))
        values.append(Value(name, before.get(name), after.get(name), allowed))
    spent, spends = kept.get("cost", {}), found.get("cost", {})
    values += [Value(name, spent[name], spends.get(name)) for name in COUNTED if name in spent]
    if exact:
        then, now = _history(kept), _history(found)
        values += [Value(name, then.get(name), now.get(name)) for name in dict.fromkeys([*then, *now])]
        values += [Value(f"data, {split}", *pair) for split, pair in _data(kept, found).items()]
    return tuple(values)


def _allowed(kept: float, rounding: float | None, spread: float) -> float:
    return max(TRAINED * abs(kept), SPREADS * spread) if rounding is None else rounding * abs(kept)


def _history(record: Mapping[str, Any]) -> dict[str, float]:
    """Validation errors along the training by name."""
    return {f"validation nMSE at step {point['step']}": point["valid_nmse"] for point in record.get("history", ())}


def _data(kept: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """Hashes of the contents of each split, then and now; none where an attempt has none."""
    then, now = (one.get("provenance", {}).get("data_sha256", {}) for one in (kept, found))
    return {split: (then.get(split), now.get(split)) for split in dict.fromkeys([*then, *now])} if then and now else {}


def spread_over_seeds(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Compute the standard deviation of each metric over records of one method that differ in their seeds alone."""
    metrics = [record["metrics"] for record in records if record["status"] == "ok"]
    if len(metrics) < SEEDS_FOR_SPREAD:
        return {}
    shared = set.intersection(*(set(one) for one in metrics))
    return {name: stdev(one[name] for one in metrics) for name in sorted(shared)}


def circumstances(kept: Mapping[str, Any], found: Mapping[str, Any], code: str) -> tuple[str, ...]:
    """Name what is not as it was: machine, versions, data, code. An attempt that failed knows its machine alone.

    Args:
        kept, found: records or attempts.
        code: hash of the code that the rerun went through.
    """
    then, now = (one.get("provenance", one) for one in (kept, found))
    changed = [_told(name, then[name], now[name]) for name in MACHINE if _differ(name, then, now)]
    packages, present = then.get("versions", {}), now.get("versions", {})
    if packages and present:
        names = sorted({*packages, *present})
        changed += [
            _told(name, packages.get(name), present.get(name))
            for name in names
            if packages.get(name) != present.get(name)
        ]
    splits = [split for split, (before, after) in _data(kept, found).items() if before != after]
    if splits:
        changed.append(f"data ({', '.join(splits)})")
    if then.get("code_hash", code) != code:
        changed.append(f"code (commit {then['commit'][:12]}{' with changes' * bool(then['dirty'])} then)")
    return tuple(changed)


def _differ(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether both say something about ``name`` and it is not the same; records of former versions say less."""
    return name in then and name in now and then[name] != now[name]


def _told(name: str, then: Any, now: Any) -> str:
    return f"{name} ({then or 'none'} then, {now or 'none'} now)"


def asks_for_the_same_bits(kept: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Say whether machine and versions are those of the kept record, and it ran on the CPU, which repeats itself."""
    then, now = (one.get("provenance", one) for one in (kept, found))
    same = not any(_differ(name, then, now) for name in MACHINE)
    packages, present = then.get("versions", {}), now.get("versions", {})
    same = same and not any(_differ(name, packages, present) for name in packages)  # one more may be recorded today
    return same and now.get("device", "cpu") == "cpu"
