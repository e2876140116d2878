"""How long the rest of a workflow will take: what its plan expects, corrected by what its jobs have taken so far."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

OTHER_SECONDS = 10.0  # expected of a job that is in no plan, until one of its rule has finished


@dataclass(frozen=True)
class PlannedJob:
    """What the plan says of a run or a report: the rule that makes it, what it is called, and its expected seconds."""

    rule: str
    label: str
    seconds: float


@dataclass
class _Pace:
    """Seconds that jobs of one rule were expected to take, and took."""

    expected: float = 0.0
    taken: float = 0.0


class Progress:
    """The jobs of a workflow by rule, done and still to do.

    Args:
        counts: number of jobs of each rule.
        plan: runs to do, by key, and reports; jobs of a rule that are not in it count as the mean of those that are.
        slots: jobs that run side by side.
    """

    def __init__(self, counts: Mapping[str, int], plan: Mapping[str, PlannedJob], slots: int):
        self._plan, self._slots = plan, max(1, slots)
        self.total, self.done = sum(counts.values()), 0
        self._left = {rule: count * self._usual_seconds(rule) for rule, count in counts.items()}
        self._paces: dict[str, _Pace] = defaultdict(_Pace)

    def expected_seconds(self, rule: str, key: str | None) -> float:
        """Return what the plan expects of one job, before anything was measured."""
        planned = self._plan.get(key or "")
        return planned.seconds if planned else self._usual_seconds(rule)

    def _usual_seconds(self, rule: str) -> float:
        planned = [job.seconds for job in self._plan.values() if job.rule == rule]
        return sum(planned) / len(planned) if planned else OTHER_SECONDS

    def finish(self, rule: str, key: str | None, taken: float) -> None:
        """Count a job as done after ``taken`` seconds."""
        expected = self.expected_seconds(rule, key)
        self.done += 1
        self._left[rule] = max(0.0, self._left.get(rule, 0.0) - expected)
        self._paces[rule].expected += expected
        self._paces[rule].taken += taken

    def seconds_left(self, running: float = 0.0) -> float:
        """Estimate the time until all is done; ``running``: seconds spent so far on jobs that are not done yet.

        A rule of which no job has finished takes as much longer than expected as all others together. It is never
        taken to be quicker: the first jobs to end are short ones, of which a plan expects too much.
        """
        measured = [pace for pace in self._paces.values() if pace.expected]
        total = sum(pace.expected for pace in measured)
        overall = max(1.0, sum(pace.taken for pace in measured) / total) if total else 1.0
        work = sum(left * self._ratio(rule, overall) for rule, left in self._left.items())
        return max(0.0, work - running) / self._slots

    def _ratio(self, rule: str, overall: float) -> float:
        pace = self._paces.get(rule)
        return pace.taken / pace.expected if pace and pace.expected else overall
