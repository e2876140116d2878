"""The command line called within this process, as often as a test likes."""

import logging
import sys
from pathlib import Path

import pytest

from ladid_bench.cli.main import main


def call(folder: Path, *words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> tuple[int, str]:
    """Exit code and output of ``ladid-bench WORDS`` in ``folder``; an exception that escapes is the caller's."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["ladid-bench", *words])
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    capsys.readouterr()
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    said = capsys.readouterr()
    return code, said.out + said.err
