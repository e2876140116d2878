"""The base class of measured data sets: windows cut from a record that is a file in a released archive."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from ladid_bench.core.configuration import DataKind, SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.core.spreading import evenly_spread
from ladid_bench.datasets.measured.archive import ArchivedFile, read_member
from ladid_bench.datasets.measured.fetch import fetch
from ladid_bench.datasets.source import DataSource


@dataclass(frozen=True)
class MeasuredSource(DataSource):
    """Cut windows from a measured record; a concrete one says which windows there are and what is in them.

    Attributes:
        file: the record.
        time_unit: what times count, and from when.
    """

    kind: ClassVar[DataKind] = "measured"
    primary_metric: ClassVar[Literal["nmse", "fvu"]] = "fvu"
    file: ClassVar[ArchivedFile]
    time_unit: ClassVar[str]

    @classmethod
    def content(cls) -> bytes:
        """Read the record, fetched and verified.

        Raises:
            BenchError: the archive cannot be had, or it is not the release that is pinned.
        """
        return read_member(fetch(cls.file.archive), cls.file.path, cls.file.sha256)

    def kept(self, found: int, split: str, sizes: SplitSizes, frames: int) -> np.ndarray:
        """Choose among ``found`` windows: all, or an evenly spread subset where a split is to have fewer, ``(kept,)``.

        Raises:
            BenchError: there is none.
        """
        if not found:
            settings = ", ".join(f"{name} '{value}'" for name, value in self.settings.items())
            raise BenchError(
                f"{self.name}, {settings}: split '{split}' has no window of {frames} frames; "
                "lower context_frames or forecast_frames"
            )
        return evenly_spread(found, getattr(sizes, split))

    def provenance(self, windows_found: int, **more: Any) -> dict[str, Any]:
        """Record where a split comes from."""
        return {
            "archive": self.file.archive.filename,
            "archive_sha256": self.file.archive.sha256,
            "member": self.file.path,
            "member_sha256": self.file.sha256,
            "time_unit": self.time_unit,
            "windows_found": windows_found,
            **more,
        }
