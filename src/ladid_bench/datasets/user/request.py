"""What an import was asked for, and whether that can be meant."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ladid_bench.core.configuration import DATA_KINDS
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import SPLITS
from ladid_bench.datasets.user.dividing import SHORTEST, Cutting
from ladid_bench.datasets.user.recordings import Reading
from ladid_bench.datasets.user.resampling import SMALLEST_SIDE
from ladid_bench.datasets.user.selecting import by_split
from ladid_bench.datasets.user.source import FOLDER

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 60
ORIGINS = ("measured", "simulated", "analysed")


@dataclass(frozen=True)
class Request:
    """One import, as asked for.

    Attributes:
        files: files or folders that are divided, or, where ``held`` is given, those to train on.
        held: files of the splits ``valid`` and ``test``; what is not given is divided from the others.
        time_step: time between frames, or None for the files' own times.
        described: title, quantity, origin, kind, source, licence, citation and time_unit of the card.
    """

    name: str
    files: Sequence[Path]
    held: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    cutting: Cutting = field(default_factory=Cutting)
    time_step: float | None = None
    described: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for and is not the default, for the card."""
        asked: dict[str, Any] = {"time_step": self.time_step}
        for given in (self.reading, self.cutting):
            defaults = type(given)()
            asked |= {key: value for key, value in vars(given).items() if value != getattr(defaults, key, None)}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asked.items() if value is not None
        }


def check_request(request: Request, root: Path, taken: Collection[str]) -> None:
    """Check all that can be checked before a file is read.

    Raises:
        BenchError: the name is taken or none, or an option cannot be meant.
    """
    name = request.name
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BenchError(
            f"{name[:LONGEST_NAME]!r} cannot be the name of a data set; use small letters, digits and single hyphens, "
            "a letter first"
        )
    if name in taken:
        raise BenchError(f"'{name}' is a data set of the suite; choose another name")
    if (root / FOLDER / name).exists() and not request.replace:
        raise BenchError(f"{FOLDER}/{name} exists; choose another name, or replace it with --replace")
    for option, known in (("origin", ORIGINS), ("kind", DATA_KINDS)):
        given = request.described.get(option) or "measured"
        if given not in known:
            raise BenchError(f"--{option}: '{given}' is not one of {', '.join(known)}")
    _check_splits(request)
    _check_numbers(request)


def _check_splits(request: Request) -> None:
    keyed = [split for split in by_split(request.reading.keys, "--key") if split in SPLITS]
    if keyed and request.held:
        raise BenchError("--key train=NAME and files for --valid or --test mean the same; give one")
    if keyed and "train" not in keyed:
        raise BenchError(f"--key: names {' and '.join(keyed)}, but nothing to train on; add --key train=NAME")


def _check_numbers(request: Request) -> None:
    cutting, reading = request.cutting, request.reading
    for option in ("context", "forecast", "stride"):
        value = getattr(cutting, option)
        if value is not None and value < 1:
            raise BenchError(f"--{option}: must be at least 1, got {value}")
    if cutting.window is not None and cutting.window < SHORTEST:
        raise BenchError(f"--window: must be at least {SHORTEST}, got {cutting.window}; shorter ones show no change")
    if reading.image_size is not None and reading.image_size < SMALLEST_SIDE:
        raise BenchError(f"--image-size: must be at least {SMALLEST_SIDE}, got {reading.image_size}")
    for option, value in (("--time-step", request.time_step), ("--max-gap", cutting.max_gap)):
        if value is not None and not 0 < value < np.inf:
            raise BenchError(f"{option}: must be a positive number, got {value}")
    if request.time_step is not None and reading.times:
        raise BenchError("--time-step and --times exclude each other; give one")
