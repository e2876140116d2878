"""All checks in the order in which they are made, and what carries them out within a time limit."""

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from ladid_bench.core.readers import one_line
from ladid_bench.verification.conformance import answers, card, keeping, training
from ladid_bench.verification.conformance.checks import Check, Verdict, failed
from ladid_bench.verification.conformance.subject import Subject
from ladid_bench.verification.conformance.toy import HORIZON

CHECKS = (
    Check("card", "the card is complete, agrees with the code, and what it needs is installed", card.complete),
    Check(
        "shapes",
        "forecasts have the right shape and are finite: images, two channels, vectors, or a reason why not",
        answers.shapes,
    ),
    Check("better", "better than the mean on a toy system", answers.better),
    Check("times", "frames are those of the times asked for, whatever else is asked", answers.times),
    Check("moves", "forecasts at different times differ where the truth moves", answers.moves),
    Check("rows", "every trajectory gets the frames of its own times", answers.rows),
    Check("irregular", "works on an irregular time grid, or says why not", answers.irregular),
    Check(
        "horizon",
        f"over {HORIZON} frames, learnt as such, a forecast stays finite and does not explode",
        answers.horizon,
    ),
    Check("companions", "a forecast does not depend on the other trajectories in the batch", answers.companions),
    Check("stateless", "asked twice it says the same, and its inputs stay as they were", answers.stateless),
    Check("limits", "images that the shared coders cannot take are forecast, or refused with a reason", answers.limits),
    Check(
        "samples",
        "draws of a predictive distribution keep shape and seed, and the card says of what",
        answers.samples,
    ),
    Check("seeds", "same seed, same result; another seed, another, unless it is deterministic", training.seeds),
    Check("saved", "saved and loaded it forecasts the same", keeping.round_trip),
    Check("no-code", "loading runs nothing that stands in the files", keeping.no_code),
    Check("gradients", "the training loss gives every parameter a gradient", training.gradients),
    Check("parameters", "every parameter matters for the forecast, or the card says why not", training.parameters),
    Check("resume", "killed and resumed equals undisturbed", training.resume),
    Check("warm-start", "training starts from a saved model and leaves frozen parts alone", training.warm_start),
)


def run_checks(subject: Subject) -> Iterator[tuple[Check, Verdict]]:
    """Make each check and yield it with its verdict.

    Without a sound card, or forecasts of the right shape that are finite, no other is made: it would only repeat it.
    """
    for check in CHECKS:
        verdict = check.run(subject)
        yield check, verdict
        if check in CHECKS[:2] and verdict.outcome == "failed":
            return


def check_method(name: str, root: Path, seconds: float) -> Iterator[tuple[Check, Verdict]]:
    """Check a method in a process of its own, which is ended when a check takes longer than ``seconds``.

    Raises:
        BenchError: no such method or variant, or a card with a mistake.
    """
    with tempfile.TemporaryDirectory(prefix="ladid-bench-check-") as folder:  # outlives the process, however that ends
        Subject(name, root, Path(folder))  # what is wrong with the card is said here
        yield from _in_a_process(name, root, Path(folder), seconds)


def _in_a_process(name: str, root: Path, folder: Path, seconds: float) -> Iterator[tuple[Check, Verdict]]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(name, root, folder, sender), daemon=True)
    child.start()
    sender.close()
    try:
        for check in CHECKS:
            if not receiver.poll(seconds):
                yield check, failed(f"did not end within {seconds:g} s; --time-limit allows more")
                return
            verdict = receiver.recv()
            if verdict is None:
                return
            yield check, verdict
    except EOFError:
        child.join()
        yield check, failed(f"the process ended with exit code {child.exitcode}")
    finally:
        child.kill()
        child.join()
        assert child.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # what the method has started and left behind


def _work(name: str, root: Path, folder: Path, sender: Connection) -> None:
    os.setsid()  # so that whatever the method starts can be ended with it
    try:
        for _, verdict in run_checks(Subject(name, root, folder)):
            sender.send(verdict)
        sender.send(None)
    except BaseException as error:  # a check lets through only what asks the process to end
        sender.send(failed(f"{type(error).__name__} instead of an answer: {one_line(error)}"))
        sys.exit(1)
