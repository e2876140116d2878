"""An imported data set: a folder with a card and one trajectory file a split, made by ``ladid-bench import``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ladid_bench.core.configuration import DataKind, Section, SplitSizes, parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line, read_yaml
from ladid_bench.core.spreading import evenly_spread
from ladid_bench.data.trajectories import Trajectories, read_trajectories
from ladid_bench.datasets.source import DataCard, DataSource
from ladid_bench.datasets.user.resampling import resample

FOLDER = "imported"
CARD = "card.yaml"
DATA = "data"  # the folder of the trajectory files, an out of DVC


class SourceFile(Section):
    """One file or folder that was imported, or all of a split where they are many."""

    name: str
    split: str = Field(description="the split it was given for, or 'divided'")
    sha256: str = Field(description="of the file; of several, over their names and hashes")
    bytes: int


class ImportedSplit(Section):
    """One split as it was written."""

    trajectories: int
    groups: int
    content_sha256: str


class FoundAxis(Section):
    """One axis of an array, what it was taken for, and why."""

    length: int
    meaning: str
    why: str


class FoundArray(Section):
    """What was understood of one array, or of several that were read alike."""

    name: str
    count: int
    times: str
    axes: list[FoundAxis]


class ImportCard(Section):
    """``card.yaml``: all that planning a study needs, and what a reader has to know."""

    title: str
    quantity: str
    origin: Literal["simulated", "measured", "analysed"]
    kind: DataKind = Field("measured", description="of data, which decides which hyper-parameters methods get on it")
    source: str
    licence: str
    citation: str
    time_unit: str
    shape: list[int] = Field(description="channel and space of a frame")
    frames: int = Field(ge=2, description="frames of a trajectory")
    context_frames: int = Field(ge=1)
    forecast_frames: int = Field(ge=1)
    divided: str = Field(description="the splits in words, and what was compared between them")
    left_out: int = Field(0, ge=0, description="recordings, or stretches between pauses, too short for a trajectory")
    offset: list[float] = Field(
        default_factory=list, description="what was subtracted from each channel or feature; empty: nothing"
    )
    notes: list[str] = Field(default_factory=list, description="what was done to the data on the way")
    arrays: list[FoundArray] = Field(default_factory=list, description="what was understood of the files")
    files: list[SourceFile]
    splits: dict[Literal["train", "valid", "test"], ImportedSplit]
    options: dict[str, Any] = Field(description="options of the import that differ from their defaults")


@dataclass(frozen=True)
class Imported(DataSource):
    """A user's own data. What is imported decides its numbers: the hashes of its contents are its settings.

    Attributes:
        folder: where it is.
        about: its card.
    """

    name: ClassVar[str] = FOLDER
    version: ClassVar[int] = 1
    primary_metric: ClassVar[Literal["nmse", "fvu"]] = "fvu"

    folder: Path
    about: ImportCard

    def __post_init__(self) -> None:
        # what other sources declare of their class this one knows from its card
        declared = {
            "name": self.folder.name,
            "kind": self.about.kind,
            "context_frames": self.about.context_frames,
            "forecast_frames": self.about.forecast_frames,
            "units": {"time": self.about.time_unit},
        }
        for attribute, value in declared.items():
            object.__setattr__(self, attribute, value)

    @property
    def settings(self) -> dict[str, Any]:
        return {"contents": {split: made.content_sha256 for split, made in self.about.splits.items()}}

    def changed(self, changes: Mapping[str, Any], where: str) -> "Imported":
        if changes:
            raise BenchError(f"{where}: an imported data set has no settings; import it again to change it (--replace)")
        return self

    @property
    def card(self) -> DataCard:
        about = self.about
        return DataCard(
            title=about.title,
            summary=_summary(about),
            origin=about.origin,
            quantity=about.quantity,
            obtained_from=about.source,
            licence=about.licence,
            citation=about.citation,
            splits=about.divided,
            caution=(
                "Imported by a user of the suite, who answers for its contents. Trajectories cut from one recording "
                "resemble each other: the group is the recording."
            ),
        )

    def split(self, name: str, sizes: SplitSizes, image_size: int, seed: int, frames: int) -> Trajectories:
        """Read the first ``frames`` frames of the trajectories of split ``name``; ``seed`` has nothing to decide.

        Where there are more trajectories than asked for, an evenly spread subset is taken. Images are brought to
        the size of the study by area averaging; they are never enlarged.

        Raises:
            BenchError: more frames are asked for than the trajectories have, or the file is missing or not what the
                card describes.
        """
        path = self.folder / DATA / f"{name}.hdf5"
        if frames > self.about.frames:
            raise BenchError(
                f"{self.name}: {frames} frames are asked for, but its trajectories have {self.about.frames}; lower "
                "context_frames or forecast_frames, or import it again with a longer --window"
            )
        if not path.exists():
            raise BenchError(self._missing(path))
        stored = read_trajectories(path)
        if stored.content_sha256 != self.about.splits[name].content_sha256:  # type: ignore[index]
            raise BenchError(f"{path}: does not match {CARD}; import the data set again (--replace)")
        kept = stored[evenly_spread(len(stored), getattr(sizes, name))]
        shown = kept.frames[:, :frames]
        return replace(
            kept,
            frames=resample(shown, image_size) if len(kept.space) == 2 else shown.copy(),
            times=kept.times[:, :frames].copy(),
            provenance={
                "imported_files": [file.model_dump() for file in self.about.files],
                "options": self.about.options,
                "trajectories_found": len(stored),
                "offset": self.about.offset,
            },
        )

    def _missing(self, path: Path) -> str:
        """How to get the data of an import of which only the card is here, as in a fresh clone."""
        files = ", ".join(f"{file.name} (SHA-256 {file.sha256[:12]})" for file in self.about.files[:3])
        more = f" and {len(self.about.files) - 3} more" * (len(self.about.files) > 3)
        return (
            f"{path}: the data of the import '{self.name}' are not here, only its card; get them with 'dvc pull "
            f"{FOLDER}/{self.name}/{DATA}.dvc', or import it again (--replace) from {files}{more}"
        )


def _summary(about: ImportCard) -> str:
    if len(about.shape) == 3:
        channels, height, width = about.shape
        what = f"Images of {height} x {width} pixels with {channels} channel{'s' * (channels > 1)}, brought to the "
        what += "image size by averaging over areas"
        what += ", which does not keep the ratio of the sides" if height != width else ""
    else:
        what = f"Vectors of {about.shape[-1]} features"
    short = f" {about.left_out} stretches too short for that were left out." if about.left_out else ""
    notes = "".join(f" {note[0].upper()}{note[1:]}." for note in about.notes)
    return f"{what}, in trajectories of {about.frames} frames.{short} Values are those of the files.{notes}"


def import_names(root: Path) -> list[str]:
    """List the names of all imported data sets in a checkout."""
    return sorted(path.parent.name for path in (root / FOLDER).glob(f"[!.]*/{CARD}"))


def load_import(name: str, root: Path) -> Imported:
    """Load an imported data set from its card alone.

    Raises:
        BenchError: the card is damaged.
    """
    path = root / FOLDER / name / CARD
    try:
        return Imported(path.parent, _card(path, path.stat().st_mtime_ns))
    except OSError as error:
        raise BenchError(f"{path}: not a readable card ({one_line(error)}); import it again (--replace)") from error


@lru_cache(maxsize=None)
def _card(path: Path, modified: int) -> ImportCard:
    """The card; read again when it was written anew."""
    return parse(ImportCard, read_yaml(path), str(path))
