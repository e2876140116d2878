"""Rain measured by radar over 190 x 228 km every five minutes, 10 to 20 May 2018."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

import h5py
import numpy as np

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.datasets.measured.archive import Archive, ArchivedFile
from ladid_bench.datasets.measured.base import MeasuredSource
from ladid_bench.datasets.pooling import mean_pool, pooling_factor
from ladid_bench.datasets.source import DataCard

FILE = ArchivedFile(
    Archive(
        project="pycomlink",
        version="0.6.0",
        filename="pycomlink-0.6.0-py3-none-any.whl",
        sha256="03e7e030e473aa4effa6bdf48ee8cf9178f9ba32e4bd6a2255266f0c109bbd91",
    ),
    path="pycomlink/io/example_data/example_areal_reference_data.nc",
    sha256="c72fb031bc46bcc2fa061ca2b14ae9d3a809d834c4df7b4612ea413175dc575e",
)

CROP = 64  # pixels of 1 km
# Rows 1 to 188 and columns 4 to 222 are what the radars always cover; twelve crops fill them.
ROWS = (1, 63, 125)
COLUMNS = (4, 56, 107, 159)
WET_FRACTION = 0.1
FRAMES_AN_HOUR = 12
FIRST_DAY = 10
EPOCH = datetime(2018, 5, FIRST_DAY)
TIME_UNIT = "hours since 2018-05-10T00:00:00Z"
QUANTITY = "rain sum, mm in 5 min"

SUMMARY = (
    f"Five-minute rain sums on a 1 km grid, in {len(ROWS) * len(COLUMNS)} fixed crops of {CROP} x {CROP} pixels, "
    f"mean-pooled to the image size. Windows of one crop follow each other without overlap; one is kept if more than "
    f"{WET_FRACTION:.0%} of its pixels, over all its frames and at full resolution, have rain. The crops avoid the "
    "margin of the grid, which is never measured, and a window with any missing pixel is left out: no value is filled "
    "in. 11, 12 and 18 May are all but dry and are in no split."
)
SOURCE = (
    "weather radar composite adjusted to rain gauges, product YW of Deutscher Wetterdienst, as the example "
    f"{FILE.words}"
)
LICENCE = (
    "The package that holds the file states BSD 3-Clause; the file itself names no licence, and Deutscher "
    "Wetterdienst as the institution."
)
CITATION = (
    "Chwala and others, pycomlink, doi:10.5281/zenodo.4810169; on the product: Winterrath and others, RADKLIM, "
    "Deutscher Wetterdienst 2018, doi:10.5676/DWD/RADKLIM_YW_V2017.002"
)
CAUTION = (
    "Hard: the last context frame says little about the field half an hour later, so persistence is strong for ten "
    "minutes and worse than the training mean from half an hour on. Windows and crops of a day are not independent, "
    "and crops overlap by up to 13 pixels: the group is the day, and as the test is one day there is no interval over "
    "groups. Whether a window is wet enough is decided with its forecast frames in view. Gauge adjustment is hourly, "
    "so frames are not purely instantaneous measurements. The coordinates in the file lie in the North Sea, outside "
    "the area of the product: rows and columns are no places on a map."
)


class Block(NamedTuple):
    """Name the hours ``start`` to before ``stop``, UTC, of one day of May 2018. No window leaves its block."""

    day: int
    start: int = 0
    stop: int = 24


REGIMES: Mapping[str, Mapping[str, tuple[Block, ...]]] = {
    "main": {"train": (Block(10), Block(14), Block(15), Block(17)), "valid": (Block(16),), "test": (Block(19),)},
    # There is next to no rain on 13 May before 13:00, so this day is divided at 18:00 and not at noon.
    "convective": {"train": (Block(13, 0, 15),), "valid": (Block(13, 15, 18),), "test": (Block(13, 18, 24),)},
    "stratiform": {"train": (Block(20, 0, 9),), "valid": (Block(20, 9, 12),), "test": (Block(20, 12, 24),)},
}


class Window(NamedTuple):
    """Hold ``frames`` float32 (time, height, width) in mm per 5 min, ``hours`` (time,), and where they are from."""

    frames: np.ndarray
    hours: np.ndarray
    day: int
    row: int
    column: int


@dataclass(frozen=True)
class RadarRain(MeasuredSource):
    """Cut windows of 64 x 64 km in which it rains, mean-pooled to the image size.

    Attributes:
        regime: ``main``, or one of the two days kept apart: ``convective`` or ``stratiform``.
    """

    name: ClassVar[str] = "radar-rain"
    version: ClassVar[int] = 1
    file: ClassVar[ArchivedFile] = FILE
    time_unit: ClassVar[str] = TIME_UNIT
    context_frames: ClassVar[int] = 12
    forecast_frames: ClassVar[int] = 24
    units: ClassVar[Mapping[str, str]] = {"time": "h", "rain": "mm"}
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "convective": {"regime": "convective"},
        "stratiform": {"regime": "stratiform"},
    }

    regime: str = "main"

    def __post_init__(self) -> None:
        self.require_known(regime=REGIMES)

    @property
    def card(self) -> DataCard:
        return DataCard(
            title="Rain seen by weather radar",
            summary=SUMMARY,
            origin="measured",
            quantity=f"{QUANTITY}; times in {TIME_UNIT}",
            obtained_from=SOURCE,
            licence=LICENCE,
            citation=CITATION,
            splits=_describe(REGIMES[self.regime]),
            caution=CAUTION,
        )

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Cut the rainy windows of split ``name``; ``seed`` has nothing to decide.

        Windows of one crop follow each other without overlap.
        """
        factor = pooling_factor(image_size, CROP, self.name)
        with h5py.File(io.BytesIO(self.content()), "r") as file:
            found = [window for block in REGIMES[self.regime][name] for window in _windows(file, block, frames, factor)]
        kept = [found[index] for index in self.kept(len(found), name, sizes, frames)]
        return Trajectories(
            frames=np.stack([window.frames for window in kept])[:, :, None],  # (N, T, 1, height, width)
            times=np.stack([window.hours for window in kept]),
            group=np.array([20180500 + window.day for window in kept], dtype=np.int64),
            parameters={
                "row": np.array([window.row for window in kept], dtype=np.float64),
                "column": np.array([window.column for window in kept], dtype=np.float64),
            },
            fields=("rain",),
            provenance=self.provenance(len(found), quantity=QUANTITY, pixel_km=factor),
        )


def _windows(file: h5py.File, block: Block, frames: int, factor: int) -> Iterator[Window]:
    """The rainy windows of a block, by time and then by crop; one day is in memory at a time."""
    rain, hours = _read(file, block)
    fill, scale = file["rainfall_amount"].attrs["_FillValue"][0], file["rainfall_amount"].attrs["scale_factor"][0]
    for start in range(0, len(rain) - frames + 1, frames):
        times = slice(start, start + frames)
        for row in ROWS:
            for column in COLUMNS:
                crop = rain[times, row : row + CROP, column : column + CROP]
                if (crop != fill).all() and (crop > 0).mean() > WET_FRACTION:
                    millimetres = (mean_pool(crop, factor) * scale).astype(np.float32)
                    yield Window(millimetres, hours[times], block.day, row, column)


def _read(file: h5py.File, block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Packed rain int16 (time, 190, 228) and hours since the epoch (time,) of a block."""
    axis = file["time"]
    origin = datetime.fromisoformat(axis.attrs["units"].decode().removeprefix("hours since "))
    hours = axis[()] - (EPOCH - origin) / timedelta(hours=1)
    hours = np.round(hours * FRAMES_AN_HOUR) / FRAMES_AN_HOUR  # the file's axis carries rounding errors
    midnight = 24 * (block.day - FIRST_DAY)
    first, last = np.searchsorted(hours, (midnight + block.start, midnight + block.stop))
    return file["rainfall_amount"][first:last], hours[first:last]


def _describe(splits: Mapping[str, tuple[Block, ...]]) -> str:
    """The splits in words."""
    parts = []
    for name, blocks in splits.items():
        days = ", ".join(
            f"{block.day} May" + ("" if block.stop - block.start == 24 else f" {block.start:02}-{block.stop:02} h")
            for block in blocks
        )
        parts.append(f"{name}: {days}")
    return "; ".join(parts) + "; 2018, UTC; no window crosses midnight or a split's boundary"
