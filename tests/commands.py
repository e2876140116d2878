"""The command line called within this process, as often as a test likes: a start of Python takes seconds."""

import contextlib
import io
import logging
import sys
from pathlib import Path
from unittest import mock

from ladid_bench.cli.main import main


def call(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of ``ladid-bench WORDS`` in ``folder``; an exception that escapes is the caller's."""
    said, log = io.StringIO(), logging.getLogger()
    handlers, level = log.handlers[:], log.level
    log.handlers[:] = []  # the command's own goes to its output
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            mock.patch.object(sys, "argv", ["ladid-bench", *words]),
        ):
            main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        log.handlers[:], log.level = handlers, level
    return code, said.getvalue()


def said(folder: Path, *words: str, code: int = 0) -> str:
    """What ``ladid-bench WORDS`` prints in ``folder``; it must end with that exit code."""
    ended, output = call(folder, *words)
    assert ended == code, output
    return output
