"""Kills the workflow at random moments of each of its phases, starts it again, and compares with a quiet run.

    python tests/crashes.py            # the full tally, 20 moments
    python tests/crashes.py 5 7        # 5 moments, from seed 7

The moments are drawn from a fixed seed; when in a phase one falls is a fraction of how long the phase took in
the quiet run. Before the kill all processes are stopped, so that what is being done is known and not guessed.
"""

import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from crash_sites import SIGNS, STEPS, Session, Site, SlowIndex, serving
from undisturbed import differences, torn

from ladid_bench.datasets.measured.fetch import fetch
from ladid_bench.datasets.measured.shoulder_imu import FILE

SEED = 20
LIMIT = 300.0  # seconds that a phase may take to come
MISSED = "missed: the phase was over"
TRIES = 4
POLL = 0.002  # seconds; a checkpoint is written in tens of milliseconds


@dataclass(frozen=True)
class Moment:
    """When to kill: the phase, how far into it as a fraction, and how often it has to come first."""

    phase: str
    fraction: float
    occurrence: int = 1


@dataclass
class Outcome:
    """What a kill hit, and what came of it."""

    moment: Moment
    doing: list[str]
    seconds: float  # from the start of the workflow to the kill
    step: int | None  # of the checkpoint that the kill left
    resumed: list[int]  # steps that the restarted workflow went on from
    trouble: list[str]

    def line(self) -> str:
        kept = "" if self.step is None else f"; checkpoint at step {self.step}, resumed at {self.resumed}"
        return (
            f"{self.moment.phase:<11} {self.moment.fraction:4.0%} in, killed after {self.seconds:5.1f} s "
            f"({', '.join(self.doing)}{kept}): {'; '.join(self.trouble) or 'the same results'}"
        )


def draw(count: int, seed: int) -> list[Moment]:
    """``count`` moments, the phases in turn, in a random order."""
    chance, phases = random.Random(seed), list(SIGNS)
    moments = []
    for index in range(count):
        phase = phases[index % len(phases)]
        occurrence = chance.randint(1, 4) if phase == "checkpoint" else 1
        moments.append(Moment(phase, 0.0 if phase == "checkpoint" else chance.uniform(0, 0.8), occurrence))
    chance.shuffle(moments)
    return moments


def watch(session: Session) -> dict[str, float]:
    """Let the workflow run to its end; seconds that each phase took."""
    taken = dict.fromkeys(SIGNS, 0.0)
    last = time.monotonic()
    while session.running:
        seen = [phase for phase, sign in SIGNS.items() if _shows(sign, session)]
        time.sleep(0.02)
        now = time.monotonic()
        for phase in seen:
            taken[phase] += now - last
        last = now
    assert session.process.returncode == 0, (session.site.root / "session.log").read_text()
    return taken


def _shows(sign, session: Session) -> bool:
    try:
        return sign(session)
    except FileNotFoundError:  # what was listed has been renamed since
        return False


def strike(session: Session, moment: Moment, taken: dict[str, float]) -> list[str]:
    """Kill everything at ``moment``; the phases that were hit, without that of the moment if it was over by then."""
    sign, came = SIGNS[moment.phase], 0
    deadline = time.monotonic() + LIMIT
    while session.running and time.monotonic() < deadline:
        if not _shows(sign, session):
            time.sleep(POLL)
            continue
        came += 1
        if came < moment.occurrence:
            while _shows(sign, session):
                time.sleep(POLL)
            continue
        time.sleep(moment.fraction * taken[moment.phase])
        session.send(signal.SIGSTOP)
        doing = [phase for phase, other in SIGNS.items() if _shows(other, session)]
        if moment.phase in doing or moment.phase != "checkpoint":
            session.kill()
            return doing
        session.send(signal.SIGCONT)  # it was written by the time all had stopped; there will be another
    session.kill()
    return []


def endure(site: Site, moment: Moment, taken: dict[str, float], quiet: Site) -> Outcome:
    """Kill the workflow of ``site`` at ``moment``, start it again, and compare with the run that nobody disturbed."""
    began = time.monotonic()
    doing = strike(site.start(), moment, taken)
    seconds = time.monotonic() - began
    trouble = [f"half written after the kill: {path}" for path in torn(site)]
    if moment.phase not in doing:
        return Outcome(moment, doing, seconds, None, [], [*trouble, MISSED])
    step, before = checkpoint_step(site), site.log
    records = {path: path.stat().st_ino for path in site.folders.records.glob("*.json")}
    site.finish()
    resumed = [int(line.split("resumed at step ")[1].split("/")[0]) for line in _new(before, site.log)]
    trouble += [f"half written in the end: {path}" for path in torn(site)] + differences(site, quiet)
    if resumed != ([] if step is None else [step]):
        trouble.append(f"a checkpoint at step {step} was gone on from at {resumed}")
    trouble += [f"{path.name} was made again" for path, inode in records.items() if path.stat().st_ino != inode]
    return Outcome(moment, doing, seconds, step, resumed, trouble)


def _new(before: str, after: str) -> list[str]:
    """Lines about resuming that were not logged before."""
    lines = [[line for line in text.splitlines() if "resumed at step" in line] for text in (before, after)]
    return lines[1][len(lines[0]) :]


def checkpoint_step(site: Site) -> int | None:
    """The step that the checkpoint of an unfinished run was saved at, None where there is none."""
    found = list((site.folders.work / "runs").glob("*/checkpoint.pt"))
    assert len(found) <= 1
    return torch.load(found[0], weights_only=True)["step"] if found else None


def tally(count: int, seed: int, folder: Path) -> list[Outcome]:
    """Each of ``count`` moments in a checkout of its own; prints a line a moment.

    A moment that fell behind the end of its phase, for how long that takes varies, comes again half as far in.
    """
    outcomes = []
    with serving(SlowIndex(FILE.archive.project, fetch(FILE.archive))) as index:
        quiet = Site(folder / "quiet", index)
        taken = watch(quiet.start())
        print(f"seed {seed}, {STEPS} steps; undisturbed: " + ", ".join(f"{k} {v:.2f} s" for k, v in taken.items()))
        for number, moment in enumerate(draw(count, seed), 1):
            for attempt in range(TRIES):
                earlier = replace(moment, fraction=moment.fraction / 2**attempt)
                outcome = endure(Site(folder / f"{number:02d}-{attempt}", index), earlier, taken, quiet)
                print(f"{number:>2}  {outcome.line()}", flush=True)
                if MISSED not in outcome.trouble:
                    break
            outcomes.append(outcome)
    return outcomes


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as place:
        came = tally(*(asked + [20, SEED][len(asked) :]), Path(place))
    sys.exit(any(outcome.trouble for outcome in came))
