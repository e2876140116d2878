"""Files from elsewhere: archives of measured data, checkpoints, and what users import."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from hostile.arrays import HUGE, device, pipe
from hostile.case import Case, Trap, mark_of, trap, written
from ladid_bench.datasets.measured.archive import read_member
from ladid_bench.datasets.user.dividing import Cutting
from ladid_bench.datasets.user.importing import understand
from ladid_bench.datasets.user.recordings import Reading
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.writing import write_import
from ladid_bench.methods.tensors import load_tensors

MEMBER = "weather/rain.csv"
CONTENT = b"1,2,3\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Make = Callable[[Path], Path]


# Archives


def tar(*entries: tuple[str, dict, bytes]) -> Make:
    """A packed archive of entries: name, fields of its header, content."""

    def make(folder: Path) -> Path:
        path = folder / "weather-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, fields, content in entries:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                for field, value in fields.items():
                    setattr(entry, field, value)
                archive.addfile(entry, io.BytesIO(content))
        return path

    return make


def wheel(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Make:
    def make(folder: Path) -> Path:
        path = folder / "weather-1.0.whl"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return path

    return make


def patched(make: Make, old: bytes, new: bytes) -> Make:
    def change(folder: Path) -> Path:
        path = make(folder)
        return written(folder, path.name, path.read_bytes().replace(old, new))

    return change


def _tar_that_claims(folder: Path) -> Path:
    """A member of an exabyte, of which nothing follows."""
    entry = tarfile.TarInfo(MEMBER)
    entry.size = 2**60
    return written(folder, "weather-1.0.tar.gz", gzip.compress(entry.tobuf(tarfile.GNU_FORMAT)))


def _tar_of_zeros(folder: Path) -> Path:
    """Half a gigabyte of zeros, as another member before the one asked for."""
    entry = tarfile.TarInfo("zeros")
    entry.size = 2**29
    packer = zlib.compressobj(1, wbits=31)
    parts = [packer.compress(entry.tobuf())] + [packer.compress(bytes(2**24)) for _ in range(32)] + [packer.flush()]
    return written(folder, "weather-1.0.tar.gz", b"".join(parts))


def _bomb_wheel(folder: Path) -> Path:
    path = folder / "weather-1.0.whl"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(MEMBER, "w") as member,
    ):
        for _ in range(32):
            member.write(bytes(2**24))
    return path


GOOD = (MEMBER, {}, CONTENT)
TO = "../../outside"
ARCHIVES: dict[str, Make] = {
    "a member that points outside": tar((f"../../{MEMBER}", {}, CONTENT)),
    "an absolute member": tar((f"/{MEMBER}", {}, CONTENT)),
    "a symbolic link outside": tar((MEMBER, {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, b"")),
    "a hard link outside": tar((MEMBER, {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}, b"")),
    "a link to itself": tar((MEMBER, {"type": tarfile.LNKTYPE, "linkname": MEMBER}, b"")),
    "a device": tar((MEMBER, {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}, b"")),
    "a pipe inside": tar((MEMBER, {"type": tarfile.FIFOTYPE}, b"")),
    "a folder inside": tar((MEMBER, {"type": tarfile.DIRTYPE}, b"")),
    "a folder linked outside before the member": tar(
        ("weather", {"type": tarfile.SYMTYPE, "linkname": TO}, b""), (MEMBER, {}, b"other")
    ),
    "other content": tar((MEMBER, {}, b"1,2,4\n")),
    "more than the limit": tar((MEMBER, {}, bytes(10**6))),
    "an exabyte": _tar_that_claims,
    "half a gigabyte of zeros": _tar_of_zeros,
    "nothing": lambda folder: written(folder, "weather-1.0.tar.gz", b""),
    "not packed": lambda folder: written(folder, "weather-1.0.tar.gz", CONTENT * 99),
    "half of it": lambda folder: written(folder, "x.tar.gz", tar(GOOD)(folder).read_bytes()[:60]),
    "a wheel with a member that points outside": wheel((f"../../{MEMBER}", CONTENT)),
    "a wheel with an absolute member": wheel((f"/{MEMBER}", CONTENT)),
    "a wheel with backslashes": wheel((MEMBER.replace("/", "\\"), CONTENT)),
    "a wheel with a folder": wheel((f"{MEMBER}/", b"")),
    "a wheel with other content": wheel((MEMBER, b"x")),
    "a wheel with half a gigabyte of zeros": _bomb_wheel,
    "a wheel with a damaged member": patched(wheel((MEMBER, CONTENT), method=zipfile.ZIP_STORED), CONTENT, b"1,2,9\n"),
    "a wheel with a damaged LZMA member": patched(
        wheel((MEMBER, bytes(999)), method=zipfile.ZIP_LZMA), b"\x5d", b"\xff"
    ),
    "a wheel with a damaged bzip2 member": patched(wheel((MEMBER, CONTENT), method=zipfile.ZIP_BZIP2), b"BZh", b"BZ0"),
    "a wheel packed in an unknown way": patched(
        wheel((MEMBER, CONTENT), method=zipfile.ZIP_STORED), b"\x14\x00\x00\x00\x00\x00", b"\x14\x00\x00\x00\x63\x00"
    ),
    "an encrypted wheel": patched(
        wheel((MEMBER, CONTENT), method=zipfile.ZIP_STORED), b"\x14\x00\x00\x00\x00\x00", b"\x14\x00\x01\x00\x00\x00"
    ),
    "a wheel that is none": lambda folder: written(folder, "weather-1.0.whl", b"PK\x03\x04" + bytes(99)),
}


def _member(path: object) -> None:
    assert isinstance(path, Path)
    before = sorted(path.parent.rglob("*"))
    try:
        read_member(path, MEMBER, SHA256, limit=10**5)
    finally:
        assert sorted(path.parent.rglob("*")) == before, "something was unpacked"
        assert not (path.parent.parent / "outside").exists()


# Checkpoints


def _saved(content: object, **options: object) -> Make:
    def make(folder: Path) -> Path:
        torch.save(content, folder / "weights.pt", **options)
        return folder / "weights.pt"

    return make


def _repacked(change: Callable[[Path, str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> Make:
    """A checkpoint whose members are changed."""

    def make(folder: Path) -> Path:
        path = _saved({"weight": torch.zeros(64, 64)})(folder)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in members.items():
                archive.writestr(name, change(folder, name, content))
        return path

    return make


def _pickled(content: Callable[[Path], bytes]) -> Make:
    return _repacked(lambda folder, name, kept: content(folder) if name.endswith("data.pkl") else kept)


def _trapped_by(folder: Path, how: Callable) -> bytes:
    return pickle.dumps(Trap(mark_of(folder), how), protocol=2)


def _bomb_weights(folder: Path) -> Path:
    """A checkpoint whose tensor unpacks to half a gigabyte."""
    path = _saved({"weight": torch.zeros(8)})(folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            if name.endswith("data/0"):
                with archive.open(name, "w") as member:
                    for _ in range(32):
                        member.write(bytes(2**24))
            else:
                archive.writestr(name, content)
    return path


CHECKPOINTS: dict[str, Make] = {
    "nothing": lambda folder: written(folder, "weights.pt", b""),
    "text": lambda folder: written(folder, "weights.pt", "weights"),
    "a bare pickle": lambda folder: written(folder, "weights.pt", trap(folder)),
    "a pickle that calls the system": lambda folder: written(folder, "weights.pt", _trapped_by(folder, os.system)),
    "a trap inside": _pickled(trap),
    "a call of the system inside": _pickled(lambda folder: _trapped_by(folder, os.system)),
    "a trap of a later protocol": _pickled(lambda folder: trap(folder, protocol=4)),
    "a name of a function": _pickled(lambda folder: b"\x80\x02cos\nsystem\n."),
    "code to evaluate": _pickled(lambda folder: b"\x80\x02cbuiltins\neval\nX\x04\x00\x00\x001+12\x85R."),
    "20 GB of bytes": _pickled(lambda folder: b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\xc8\x17\xa8\x04\x85R."),
    "a model as a whole": _saved(torch.nn.Linear(2, 2)),
    "a set": _saved({1, 2}),
    "a NumPy array": _saved(np.zeros(3)),
    "the former format": _saved({"weight": torch.zeros(3)}, _use_new_zipfile_serialization=False),
    "packed members": _repacked(lambda folder, name, kept: kept, zipfile.ZIP_DEFLATED),
    "half a gigabyte of zeros": _bomb_weights,
    "a tensor cut short": _repacked(lambda folder, name, kept: kept[:8] if name.endswith("data/0") else kept),
    "a damaged pickle": _pickled(lambda folder: b"\x80\x02}q\x00("),
    "a pickle nested without end": _pickled(lambda folder: b"\x80\x02" + b"]" * 10**5 + b"a" * 10**5 + b"."),
    "half a file": lambda folder: written(folder, "w.pt", _saved({"a": torch.zeros(999)})(folder).read_bytes()[:700]),
    "a pipe": pipe("weights.pt"),
    "a device": device("weights.pt"),
    "a folder": lambda folder: folder,
}


# Imports


def mat(**arrays: object) -> Make:
    def make(folder: Path) -> Path:
        savemat(folder / "a.mat", arrays)
        return folder / "a.mat"

    return make


def hdf5(fill: Callable[[h5py.File], object], name: str = "a.h5") -> Make:
    def make(folder: Path) -> Path:
        with h5py.File(folder / name, "w") as file:
            fill(file)
        return folder / name

    return make


def pictures(*frames: Callable[[Path], object]) -> Make:
    def make(folder: Path) -> Path:
        (folder / "film").mkdir()
        for index, draw in enumerate(frames):
            draw(folder / "film" / f"{index}.png")
        return folder / "film"

    return make


def picture(mode: str = "L", size: tuple[int, int] = (16, 16), kind: str = "PNG") -> Callable[[Path], object]:
    return lambda path: Image.new(mode, size).save(path, format=kind)


def content(data: bytes | str) -> Callable[[Path], object]:
    return lambda path: written(path.parent, path.name, data)


def png_of(width: int, height: int) -> bytes:
    """A picture that claims a size and holds nothing of it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    checked = [struct.pack(">I", len(b)) + a + b + struct.pack(">I", zlib.crc32(a + b)) for a, b in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(checked)


def well(file: h5py.File, dimensions: object = 2) -> None:
    file.attrs["n_spatial_dims"] = dimensions
    file.create_group("dimensions")["time"] = np.arange(9.0)
    file.create_group("t0_fields")["u"] = np.zeros((3, 9, 16, 16), np.float32)


def _well_with(change: Callable[[h5py.File], object]) -> Make:
    return hdf5(lambda file: (well(file), change(file)))


def _replace(file: h5py.File, name: str, make: Callable[[h5py.File], object]) -> None:
    del file[name]
    make(file)


IMPORTS: dict[str, Make] = {
    "a pipe": pipe("a.npy"),
    "a device": device("a.npy"),
    "a pipe as HDF5": pipe("a.h5"),
    "a pipe as a film": pipe("a.mp4"),
    "a pickle as npy": lambda folder: written(folder, "a.npy", trap(folder)),
    "a trap in npy": lambda folder: written(folder, "a.npy", _npy_of_objects(folder)),
    "a trap in npz": lambda folder: written(folder, "a.npz", _npz_of(_npy_of_objects(folder))),
    "a header with code": lambda folder: written(
        folder, "a.npy", _npy_header("{'descr': __import__('os').system('touch x'), 'shape': (1,)}")
    ),
    "a header nested without end": lambda folder: written(folder, "a.npy", _npy_header("(" * 9000)),
    "a header of 60 kB": lambda folder: written(folder, "a.npy", _npy_header("#" * 60_000)),
    "16 GB of zeros in npz": lambda folder: _zeros_in_npz(folder),
    "cells of MATLAB": mat(x=np.array([[1, "a"], [2, "b"]], dtype=object)),
    "a structure of MATLAB": mat(x={"a": 1}),
    "letters of MATLAB": mat(x=["abc", "def"]),
    "complex numbers of MATLAB": mat(x=np.zeros((30, 6), complex)),
    "noise with MATLAB's header": lambda folder: written(
        folder, "a.mat", b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + np.random.default_rng(1).bytes(2000)
    ),
    "a MATLAB array that claims too much": lambda folder: written(folder, "a.mat", _mat_that_claims()),
    "16 GB that are not there": hdf5(lambda file: file.create_dataset("x", (HUGE // 256, 16, 16), "f4", chunks=True)),
    "16 GB packed": hdf5(lambda f: f.create_dataset("x", (HUGE // 256, 16, 16), "f4", chunks=True, compression=9)),
    "bytes of another file": hdf5(lambda f: f.create_dataset("x", (30, 16), "u1", external=[("/etc/passwd", 0, 480)])),
    "a link into another file": hdf5(lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x"))),
    "a link to itself": hdf5(lambda file: file.__setitem__("x", h5py.SoftLink("/x"))),
    "nothing but groups": hdf5(lambda file: file.create_group("a/b/c")),
    "references": hdf5(lambda file: file.create_dataset("x", (9, 9), h5py.ref_dtype)),
    "a Well of three dimensions": hdf5(lambda file: well(file, 3)),
    "a Well of texts": hdf5(lambda file: well(file, "two")),
    "a Well without times": _well_with(lambda file: file.__delitem__("dimensions/time")),
    "a Well of NaN": _well_with(lambda file: file["t0_fields/u"].__setitem__((0, 0, 0, 0), np.nan)),
    "a Well of no fields": _well_with(lambda file: file.__delitem__("t0_fields/u")),
    "a Well of 16 GB": _well_with(
        lambda file: _replace(
            file, "t0_fields/u", lambda f: f.create_dataset("t0_fields/u", (HUGE // 2304, 9, 16, 16), "f4", chunks=True)
        )
    ),
    "a Well of other times": _well_with(
        lambda file: _replace(file, "dimensions/time", lambda f: f.__setitem__("dimensions/time", np.arange(4.0)))
    ),
    "a Well whose times run backwards": _well_with(
        lambda file: _replace(file, "dimensions/time", lambda f: f.__setitem__("dimensions/time", -np.arange(9.0)))
    ),
    "a Well with fields in another file": _well_with(
        lambda file: _replace(
            file, "t0_fields", lambda f: f.__setitem__("t0_fields", h5py.ExternalLink("/tmp/x.h5", "/x"))
        )
    ),
    "an empty folder": lambda folder: (folder / "film").mkdir() or folder / "film",
    "a picture of text": pictures(content("not a picture")),
    "a picture of another format": pictures(picture(kind="BMP")),
    "a vector graphic with a script": pictures(content("<svg><script>alert(1)</script></svg>")),
    "PostScript that would run": pictures(content("%!PS\n(/tmp/x) (w) file closefile\n")),
    "a picture of 10 gigapixels": pictures(content(png_of(100_000, 100_000))),
    "a picture without pixels": pictures(content(png_of(0, 0))),
    "a picture that is cut off": pictures(content(png_of(64, 64))),
    "pictures of two sizes": pictures(picture(), picture(size=(32, 32))),
    "pictures that are too small": pictures(*[picture(size=(8, 8))] * 30),
    "a text as a film": lambda folder: written(folder, "a.mp4", "film"),
    "a playlist as a film": lambda folder: written(folder, "a.avi", "#EXTM3U\nfile:///etc/passwd\n"),
    "a netCDF of text": lambda folder: written(folder, "a.nc", "netcdf a { }"),
    "a classic netCDF cut off": lambda folder: written(folder, "a.nc", b"CDF\x01" + bytes(40)),
    "a netCDF with values in another file": hdf5(lambda file: _described(file, "a"), "a.nc"),
    "a netCDF of 16 GB": hdf5(lambda file: _described(file, ""), "a.nc"),
    "a netCDF in another file": hdf5(lambda f: f.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")), "a.nc"),
    "a Zarr of nothing": lambda folder: (folder / "a.zarr").mkdir() or folder / "a.zarr",
    "a Zarr of text": lambda folder: written(folder, "a.zarr/zarr.json", "{").parent,
    "a table without a line": lambda folder: written(folder, "a.csv", ""),
    "a table of noise": lambda folder: written(folder, "a.csv", np.random.default_rng(0).bytes(3000)),
    "a table of numbers alone": lambda folder: written(folder, "a.csv", "1,2\n3,4\n" * 40),
    "a table with a formula": lambda folder: written(folder, "a.csv", "t,x,y\n" + "1,=cmd|' /C calc'!A0,2\n" * 40),
    "cells without end": hdf5(lambda file: _cells(file), "a.mat"),
    "no such file": lambda folder: folder / "nowhere.npy",
    "a name with a line break": lambda folder: written(folder, "a\nb.npy", b""),
    "a name of another alphabet": lambda folder: written(folder, "\u202egnp.npy", b""),
}


def _described(file: h5py.File, elsewhere: str) -> None:
    """A packed variable whose values are those of any file, or are declared and were never written."""
    if elsewhere:
        data = file.create_dataset("x", (30, 16), "u1", external=[("/etc/passwd", 0, 480)])
    else:
        data = file.create_dataset("x", (HUGE // 256, 16, 16), "f4", chunks=True)
    data.attrs["scale_factor"] = 0.5


def _cells(file: h5py.File) -> None:
    """A cell array of itself."""
    cells = file.create_dataset("x", (2, 2), h5py.ref_dtype)
    cells[...] = cells.ref


def _npy_of_objects(folder: Path) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": (30, 2)})
    return buffer.getvalue() + trap(folder)


def _npy_header(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(header), 65535)) + header.encode()


def _npz_of(member: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", member)
    return buffer.getvalue()


def _zeros_in_npz(folder: Path) -> Path:
    """A header of 16 GB over a member of 64 MB of zeros."""
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (HUGE // 2, 2)})
        for _ in range(4):
            file.write(bytes(2**24))
    return folder / "a.npz"


def _mat_that_claims() -> bytes:
    """A matrix of 2^31 - 1 bytes, of which nothing follows."""
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 14, 2**31 - 1)
    body = (
        struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIII", 5, 8, 10**9, 10**9) + struct.pack("<HH4s", 1, 1, b"x")
    )
    return head + body + struct.pack("<II", 9, 2**31 - 1)


def _bring_in(path: object) -> None:
    assert isinstance(path, Path)
    root = path.parent / "a-checkout"
    root.mkdir()
    try:
        request = Request("mine", [path], reading=Reading(), cutting=Cutting())
        write_import(request, understand(request, root, []), root)
    finally:
        assert not (root / "imported").exists(), "something was written"


def cases() -> list[Case]:
    """Every case of files from elsewhere."""
    found = [Case("archive member", name, make, _member) for name, make in ARCHIVES.items()]
    found += [
        Case("checkpoint", name, make, lambda path: load_tensors(path, "cpu")) for name, make in CHECKPOINTS.items()
    ]
    return [*found, *(Case("import", name, make, _bring_in) for name, make in IMPORTS.items())]
