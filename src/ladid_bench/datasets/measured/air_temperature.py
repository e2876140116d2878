"""Monthly air temperature near the surface, NCEP/NCAR reanalysis, 1948 to 2026."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        project="pyunicorn",
        version="1.0.0",
        filename="pyunicorn-1.0.0.tar.gz",
        sha256="4853ee7c48084a8795daeca1ae2d97ef1bd00da68cdb6262f7a5d4683d5b4d76",
    ),
    path="pyunicorn-1.0.0/docs/source/examples/tutorials/data/air.mon.mean.nc",
    sha256="57ffdc5f0b57fde8abe28a838b252455307aa0c6de0846b8f3233fb44de57493",
)

CROP = 32  # cells
CELL = 2.5  # degrees of latitude and of longitude
FIRST_YEAR = 1948
YEAR = 12  # months
TIME_UNIT = "months since January 1948, so that the month of the year is the time modulo 12"
QUANTITY = "monthly mean air temperature at sigma level 0.995, about 40 m above the ground, degC"


class Region(NamedTuple):
    """Name the centre of a crop's north-western cell in degrees north and east, and the crop in words and a title."""

    north: float
    west: float
    words: str
    title: str


REGIONS: Mapping[str, Region] = {
    "pacific": Region(40, 180, "tropical and subtropical Pacific, 40 N to 37.5 S, 180 to 102.5 W", "the Pacific"),
    "europe": Region(75, 340, "Europe, northern Africa and western Asia, 75 N to 2.5 S, 20 W to 57.5 E", "Europe"),
}

# Calendar years that the frames of a split lie in, the last one included; the file ends in February 2026.
PERIODS: Mapping[str, tuple[int, int]] = {"train": (1948, 1989), "valid": (1990, 1999), "test": (2000, 2026)}
EL_NINO = (1972, 1982, 1997, 2009, 2015, 2023)


def _ordinary(years: Sequence[int]) -> tuple[int, ...]:
    return tuple(year for year in years if year not in EL_NINO)


# Calendar years that windows start in, as far as 36 months reach. Four years between those of a test split keep its
# years independent in the plain sense: windows of up to 37 months share no month with those of another year.
STARTS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "ordinary": {
        "train": _ordinary(range(1948, 1988)),
        "valid": _ordinary(range(1990, 1998)),
        "test": _ordinary(range(2000, 2021, 4)),
    },
    "el-nino": {"train": (1972, 1982), "valid": (1997,), "test": (2009, 2015, 2023)},
}

SUMMARY = (
    f"Monthly means on a grid of {CELL} degrees, in one fixed crop of {CROP} x {CROP} cells, mean-pooled to the image "
    "size. Windows start in any month of the years listed; those of neighbouring months overlap. No value is missing "
    "and none is filled in."
)
RAW = " Values are temperatures: most of what varies is the seasonal cycle, so climatology is the method to beat."
ANOMALY = (
    f" Values are anomalies: from every month the mean of its month of the year over {PERIODS['train'][0]} to "
    f"{PERIODS['train'][1]} is subtracted, cell by cell. What is left is the weather of a month, slow swings of the "
    "ocean and the warming since."
)
SOURCE = (
    "NCEP/NCAR Reanalysis 1, product air.mon.mean (surface) of NOAA Physical Sciences Laboratory, as the example "
    f"{FILE.words}"
)
LICENCE = (
    "The package that holds the file states BSD 3-Clause; the file itself names no licence. It was made by agencies of "
    "the United States' government."
)
CITATION = (
    "Kalnay and others, The NCEP/NCAR 40-Year Reanalysis Project, Bull. Amer. Meteor. Soc. 77, 1996, "
    "doi:10.1175/1520-0477(1996)077<0437:TNYRP>2.0.CO;2; Donges and others, pyunicorn, Chaos 25, 2015, "
    "doi:10.1063/1.4934554"
)
CAUTION = (
    "A reanalysis, no measurement: a weather model, the same throughout, is drawn towards the observations of the "
    "time. Where there were few, as over the oceans before satellites (1979), the values are largely the model's, so "
    "that most of the training years are analysed from less than the test years are. The climate warms: the test "
    "years are about half a degree above the training years in the Pacific and one degree in Europe, which a method "
    "has to read off the context. The group is the year a window starts in, because windows that start a month "
    "apart share all but a month; up to 37 months long, windows of different test years share none. That leaves few "
    "groups, and El Nino and the warming still connect years. A window that starts in an ordinary year may run into an "
    "El Nino; what is kept apart is the El Nino year at the beginning of a window. Cells are not weighted by area."
)
CAUTION_EL_NINO = (
    " Three events are few, and there is a single window to validate on: any other that starts in 1997 would reach "
    "into the test years. Frames keep their role: what is trained or validated on here comes before 2000 as well."
)


@dataclass(frozen=True)
class AirTemperature(MeasuredSource):
    """Cut windows of monthly temperatures in one region.

    The region is the same in all windows, so that the seasonal cycle of a pixel means something. The
    default is the Pacific, where months ahead are most predictable, and raw temperature, because that
    is what was analysed: anomalies take the easy part of the answer out beforehand.

    Attributes:
        region: ``pacific`` or ``europe``.
        years: ``ordinary``, or ``el-nino`` for windows that start in the El Nino years kept apart.
        anomaly: whether the seasonal cycle of the training years is subtracted.
    """

    name: ClassVar[str] = "air-temperature"
    version: ClassVar[int] = 1
    file: ClassVar[ArchivedFile] = FILE
    time_unit: ClassVar[str] = TIME_UNIT
    context_frames: ClassVar[int] = 12
    forecast_frames: ClassVar[int] = 24
    units: ClassVar[Mapping[str, str]] = {"time": "month", "temperature": "degC"}
    season: ClassVar[float | None] = YEAR
    interventions: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "anomaly": {"anomaly": True},
        "el-nino": {"years": "el-nino"},
        "europe": {"region": "europe"},
    }

    region: str = "pacific"
    years: str = "ordinary"
    anomaly: bool = False

    def __post_init__(self) -> None:
        self.require_known(region=REGIONS, years=STARTS)

    @property
    def card(self) -> DataCard:
        region, anomaly, el_nino = REGIONS[self.region], self.anomaly, self.years == "el-nino"
        return DataCard(
            title=f"Monthly air temperature{' anomaly' * anomaly} over {region.title}{', El Nino years' * el_nino}",
            summary=SUMMARY + (ANOMALY if anomaly else RAW),
            origin="analysed",
            quantity=f"{QUANTITY}{', anomaly' * anomaly}; {region.words}; times in {TIME_UNIT}",
            obtained_from=SOURCE,
            licence=LICENCE,
            citation=CITATION,
            splits=_describe(STARTS[self.years]),
            caution=CAUTION + CAUTION_EL_NINO * el_nino,
        )

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Cut the windows of split ``name``, by their start; ``seed`` has nothing to decide."""
        factor, region = pooling_factor(image_size, CROP, self.name), REGIONS[self.region]
        months, temperature = _read(self.content(), region)
        if self.anomaly:
            temperature = temperature - _climatology(months, temperature)[months % YEAR]
        starts = _starts(months, name, STARTS[self.years][name], frames)
        kept = starts[self.kept(starts.size, name, sizes, frames)]
        windows = kept[:, None] + np.arange(frames)  # (window, time)
        return Trajectories(
            frames=mean_pool(temperature, factor)[windows, None],  # (window, time, 1, height, width)
            times=months[windows].astype(np.float64),
            group=FIRST_YEAR + months[windows[:, 0]] // YEAR,
            fields=("temperature",),
            provenance=self.provenance(
                starts.size, quantity=QUANTITY, region=region.words, pixel_degrees=CELL * factor
            ),
        )


def _read(content: bytes, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Months since January 1948 int64 (month,) and temperatures of a region float32 (month, 32, 32) in degC."""
    row, column = int((90 - region.north) / CELL), int(region.west / CELL)  # the grid starts at 90 N, 0 E
    with h5py.File(io.BytesIO(content), "r") as file:
        hours = file["time"][()].astype("timedelta64[h]")  # since 1800
        rows = file["air"][:, row : row + CROP]
    months = (np.datetime64("1800-01-01", "h") + hours).astype("datetime64[M]") - np.datetime64(str(FIRST_YEAR), "M")
    return months.astype(np.int64), np.take(rows, np.arange(column, column + CROP), axis=2, mode="wrap")


def _climatology(months: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """Mean of each month of the year over the training years, float32 (12, height, width)."""
    first, last = PERIODS["train"]
    training = (months >= YEAR * (first - FIRST_YEAR)) & (months < YEAR * (last + 1 - FIRST_YEAR))
    means = [temperature[training & (months % YEAR == month)].mean(axis=0, dtype=np.float64) for month in range(YEAR)]
    return np.stack(means).astype(np.float32)


def _starts(months: np.ndarray, split: str, years: tuple[int, ...], frames: int) -> np.ndarray:
    """Indices of the first months of all windows that start in ``years`` and end within the split's period."""
    end = np.searchsorted(months, YEAR * (PERIODS[split][1] + 1 - FIRST_YEAR))
    starts = np.flatnonzero(np.isin(FIRST_YEAR + months // YEAR, years))
    return starts[starts + frames <= end]


def _describe(starts: Mapping[str, tuple[int, ...]]) -> str:
    """The splits in words."""
    parts = []
    for split, years in starts.items():
        first, last = PERIODS[split]
        end = "February 2026" if last == 2026 else str(last)
        parts.append(f"{split}: frames of {first} to {end}, windows that start in {_spans(years)}")
    return "; ".join(parts) + "; no window crosses a split's boundary"


def _spans(years: tuple[int, ...]) -> str:
    """Years as text, runs of consecutive ones as a span."""
    spans: list[list[int]] = []
    for year in years:
        if spans and year == spans[-1][-1] + 1:
            spans[-1].append(year)
        else:
            spans.append([year])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in spans)
