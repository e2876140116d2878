"""Load what ``torch.save`` wrote, whoever did: tensors in plain containers, and no more than the file holds."""

import pickletools
import zipfile
from pathlib import Path
from typing import Any

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line

NAMED = ("collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter")


def load_tensors(path: Path, device: str) -> Any:
    """Load a file of tensors; nothing that stands in it is run.

    Raises:
        BenchError: it is damaged, unpacks to more than it holds, or names anything but tensors and containers.
    """
    import torch  # slow to import

    try:
        problem = _problem(path)
        if problem is None:
            return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # in a damaged file anything may go wrong
        problem = one_line(error)
    raise BenchError(f"{path}: not a readable file of tensors ({problem}); delete it and rerun")


def _problem(path: Path) -> str | None:
    """What speaks against loading a file, or None."""
    if not path.is_file():
        return "no such file"
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED for one in members):
            return "packed; torch writes plain members"
        if sum(one.file_size for one in members) > path.stat().st_size:
            return "declares more bytes than it holds"
        for one in members:
            if one.filename.endswith(".pkl"):
                for opcode, named, _ in pickletools.genops(archive.read(one)):
                    if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST") and not _plain(str(named)):
                        return f"names {str(named)[:60]!r}"
    return None


def _plain(named: str) -> bool:
    return named in NAMED or (named.startswith("torch ") and named.endswith("Storage"))
