"""What a check is: a name, what it asks, and a function from the method to a verdict."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ladid_bench.core.readers import one_line
from ladid_bench.methods.registry import method_folders
from ladid_bench.verification.conformance.subject import Subject

Outcome = Literal["passed", "failed", "not applicable", "exempt"]


@dataclass(frozen=True)
class Verdict:
    """How a check ended, and in one line why, or what was found."""

    outcome: Outcome
    reason: str = ""


def passed(found: str = "") -> Verdict:
    """Give the verdict of a check that the method passes, with what was found."""
    return Verdict("passed", found)


def failed(reason: str) -> Verdict:
    """Give the verdict of a check that the method fails, and why."""
    return Verdict("failed", reason)


def not_applicable(reason: str) -> Verdict:
    """Give the verdict of a check that does not concern the method, and why."""
    return Verdict("not applicable", reason)


def exempt(reason: str) -> Verdict:
    """Give the verdict of a check that a method of its kind need not pass, and why."""
    return Verdict("exempt", reason)


@dataclass(frozen=True)
class Check:
    """One demand on a method.

    Attributes:
        name: as in the table and in the documentation.
        asks: what is demanded, in one line.
        judge: carries it out. An exception is a failure, with its message as the reason.
    """

    name: str
    asks: str
    judge: Callable[[Subject], Verdict]

    def run(self, subject: Subject) -> Verdict:
        """Make the check; whatever a method does becomes a verdict."""
        try:
            return self.judge(subject)
        except Exception as error:
            return failed(f"{type(error).__name__}: {one_line(error)}{_where(error, subject)}")


def _where(error: Exception, subject: Subject) -> str:
    """The line of the method's own code at which an error arose, where it did there."""
    folder = str(method_folders(subject.root)[subject.name])
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name})" if own else ""
