"""Files derived from a trained model, such as probes and calibrations: light, versioned, one a run and kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat

from ladid_bench.core.configuration import parse
from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.core.provenance import code_hash, commit, machine, versions
from ladid_bench.core.readers import read_json
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.methods.registry import method_folders
from ladid_bench.runs.learning import model_sha256
from ladid_bench.runs.records import read_record
from ladid_bench.study.plan import PlannedRun

DIGITS = 5  # of every number that is kept

Numbers = list[FiniteFloat]


class Part(BaseModel):
    """Something relied upon in the file; whatever else stands there is kept."""

    model_config = ConfigDict(strict=True, extra="allow")


class Provenance(Part):
    """Where the numbers came from."""

    commit: str
    dirty: bool
    code_hash: str
    model_sha256: str
    data_sha256: dict[str, str]
    versions: dict[str, str]


class Derived(Part):
    """What was found in the model of one run; a kind of file is a subclass.

    Attributes:
        NAME, COMMAND: what such a file is called, and the command of ``ladid-bench`` that makes it.
        START: the code that makes it, with all that this imports.
        PATH: of the file of a run, in its folders.
        NOTHING: the parts of its own, where nothing was found.
        key: of the run.
        reason: why nothing was found, empty where something was.
    """

    NAME: ClassVar[str]
    COMMAND: ClassVar[str]
    START: ClassVar[Path]
    PATH: ClassVar[Callable[[Folders, str], Path]]
    NOTHING: ClassVar[dict[str, Any]]

    key: str
    dataset: str
    method: str
    variant: str
    seed: int
    reason: str
    provenance: Provenance

    @classmethod
    def described(cls, run: PlannedRun, folders: Folders, splits: dict[str, Trajectories]) -> dict[str, Any]:
        """Say whose file it is, and where its numbers come from; without ``splits`` there are no numbers."""
        revision, dirty = commit(folders.root)
        provenance = {
            "commit": revision,
            "dirty": dirty,
            "code_hash": code_hash(method_folders(folders.root)[run.method], cls.START),
            "model_sha256": model_sha256(folders.model(run.key)) if run.trained and splits else "",
            "data_sha256": {name: part.content_sha256 for name, part in splits.items()},
            "versions": versions(),
            **machine(),
        }
        identity = {"key": run.key, "dataset": run.dataset.name, "method": run.method, "variant": run.variant}
        rerun = f"ladid-bench {cls.COMMAND} {run.key} --scale {run.scale} --force"
        return {**identity, "seed": run.seed, "provenance": provenance, "rerun": rerun}

    @classmethod
    def write(cls, path: Path, content: dict[str, Any]) -> Self:
        """Check a content and write its file, the same bytes for the same content.

        Raises:
            BenchError: it is not complete, or holds a number that is not finite.
        """
        found = parse(cls, content, f"the {cls.NAME} of this run")
        write_text(path, json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n")
        return found

    @classmethod
    def write_reason(cls, run: PlannedRun, folders: Folders, reason: str) -> None:
        """Write the file of a run without a result, which says why nothing was found."""
        cls.write(cls.PATH(folders, run.key), cls.described(run, folders, {}) | cls.NOTHING | {"reason": reason})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file that ``write`` wrote.

        Raises:
            BenchError: it is damaged, or that of another run.
        """
        remedy = f"delete it and {cls.COMMAND} the run again"
        content = read_json(path, f"file of a {cls.NAME}", remedy)
        found = parse(cls, content, f"{path}: not a file of a {cls.NAME} ({remedy})")
        if found.key != path.stem:
            raise BenchError(f"{path}: the {cls.NAME} of another run, {found.key[:40]!r}; {remedy}")
        return found

    @classmethod
    def load(cls, folders: Folders, key: str) -> Self | None:
        """Read the file of a run, None where it has none."""
        path = cls.PATH(folders, key)
        return cls.read(path) if path.exists() else None

    @classmethod
    def drop_of_former_model(cls, run: PlannedRun, folders: Folders) -> bool:
        """Delete the file of a model that another one has replaced since, and say whether there was one.

        Training again on the same machine gives the same model, whose file stays.
        """
        found, model = cls.load(folders, run.key), folders.model(run.key)
        if found is None or not model.exists() or found.provenance.model_sha256 == model_sha256(model):
            return False
        cls.PATH(folders, run.key).unlink()
        return True


def is_stale(found: Derived, root: Path) -> bool:
    """Say whether a file was made by other code of the method, or of its own kind, than today's."""
    folder = method_folders(root).get(found.method)
    return folder is None or found.provenance.code_hash != code_hash(folder, found.START)


def why_no_result(run: PlannedRun, folders: Folders) -> str:
    """Say why ``run`` has no result to derive anything from; empty where it has."""
    path = folders.record(run.key)
    if not path.exists():
        return f"it has not ended with a result; 'ladid-bench run {run.key}' makes one"
    status = read_record(path)["status"]
    return "" if status == "ok" else f"it ended as {status}"


def rounded(values: np.ndarray) -> list[float]:
    """Round numbers to as many digits as are kept."""
    return [float(f"{value:.{DIGITS}g}") for value in values]
