"""The watch data set, on a made-up file of the same structure, on the real one, and its reader on hostile pickles."""

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import archive_or_skip
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError
from ladid_bench.data.task import task_of
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.measured import shoulder_imu
from ladid_bench.datasets.measured.plain_pickle import read_pickled_array
from ladid_bench.datasets.measured.shoulder_imu import BLOCK, EXERCISES, FEATURES, FILE, RATE, ShoulderImu
from ladid_bench.methods.coders import build_decoder, build_encoder
from ladid_bench.study.datasets import dataset_names, find_source

ALL = SplitSizes(train=10_000, valid=10_000, test=10_000)
SPLITS = ("train", "valid", "test")
REGIMES = ("ordinary", "forward-elevation")


def recording(subject: int, exercise: int, side: int) -> np.ndarray:
    """Samples (sample, 6) that tell where they are from; long enough for two windows and a rest."""
    random = np.random.default_rng([subject, exercise, side])
    offset = 100 * subject + 10 * exercise + side
    return offset * np.array([1, 1, 1, 10, 10, 10]) + random.normal(size=(640 + 7 * exercise, 6))


def as_file(content: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(content, dtype=object), allow_pickle=True)
    return buffer.getvalue()


def made_up_content() -> dict[str, Any]:
    who = [(subject, exercise, side) for side in (1, 0) for exercise in range(7) for subject in range(10, 0, -1)]
    return {
        "X": [recording(*one) for one in who],
        "subject": np.array([subject for subject, _, _ in who]),
        "y": np.array([exercise for _, exercise, _ in who]),
        "side": np.array([float(side) for _, _, side in who]),
        "X_labels": list(FEATURES),
        "y_labels": list(EXERCISES),
    }


def install(content: bytes, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put ``content`` where the released archive is expected, with the hashes to match."""
    path = folder / FILE.archive.filename
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(FILE.path, content)
    patch.setenv("LADID_BENCH_CACHE", str(folder))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    file = replace(FILE, archive=replace(FILE.archive, sha256=found), sha256=hashlib.sha256(content).hexdigest())
    patch.setattr(ShoulderImu, "file", file)


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(as_file(made_up_content()), tmp_path, monkeypatch)


def split(name: str, exercises: str = "ordinary", frames: int = 60, sizes: SplitSizes = ALL) -> Trajectories:
    return ShoulderImu(exercises=exercises).split(name, sizes, 32, seed=0, frames=frames)


def in_the_file_s_units(data: Trajectories) -> np.ndarray:
    """Frames (window, time, 6) with the scales taken out again."""
    scale = data.provenance["scale"]
    return data.frames[:, :, 0] * np.repeat([scale["acceleration"], scale["rotation"]], 3)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("exercises", REGIMES)
def test_a_window_lies_in_one_recording_and_a_subject_in_one_split(exercises: str) -> None:
    subjects = []
    for name in SPLITS:
        data, seen = split(name, exercises), set()
        assert data.frames.shape[1:] == (60, 1, 6)
        for frames, times, subject, right in zip(
            in_the_file_s_units(data), data.times, data.group, data.parameters["right"], strict=True
        ):
            code = round(frames[:, 0].mean() - 100 * subject - right)
            assert code % 10 == 0
            exercise = list(EXERCISES)[code // 10]
            assert (exercise == "FEL") == (exercises != "ordinary")
            first = round((times[0] * RATE - (BLOCK - 1) / 2) / BLOCK)
            samples = recording(subject, code // 10, int(right))[first * BLOCK : (first + 60) * BLOCK]
            np.testing.assert_allclose(frames, samples.reshape(60, BLOCK, 6).mean(1), rtol=1e-6, atol=1e-4)
            np.testing.assert_allclose(np.diff(times), BLOCK / RATE)
            cells = {(subject, exercise, right, first + step) for step in range(60)}
            assert not cells & seen
            seen |= cells
        subjects.append(set(data.group))
    assert not subjects[0] & subjects[1]
    assert not (subjects[0] | subjects[1]) & subjects[2]
    assert subjects[2] == {9, 10}


@pytest.mark.usefixtures("made_up")
def test_the_scales_come_from_the_ordinary_training_recordings_alone() -> None:
    kept = [
        recording(s, e, side) for s in range(1, 7) for e in range(7) for side in (0, 1) if list(EXERCISES)[e] != "FEL"
    ]
    frames = np.concatenate([one[: len(one) // BLOCK * BLOCK].reshape(-1, BLOCK, 6).mean(1) for one in kept])
    expected = {"acceleration": frames[:, :3].var(0).mean() ** 0.5, "rotation": frames[:, 3:].var(0).mean() ** 0.5}
    for exercises in REGIMES:
        for name in SPLITS:
            assert split(name, exercises).provenance["scale"] == pytest.approx(expected)
    few = split("train", sizes=SplitSizes(train=3, valid=1, test=1))
    assert few.provenance["scale"] == pytest.approx(expected)


@pytest.mark.usefixtures("made_up")
def test_sizes_are_upper_bounds_and_a_subset_is_evenly_spread() -> None:
    everything, some = split("test"), split("test", sizes=SplitSizes(train=1, valid=1, test=8))
    assert len(some) == 8
    np.testing.assert_array_equal(some.frames, everything.frames[:: len(everything) // 8])
    assert some.provenance["windows_found"] == len(everything) == 2 * 6 * 2 * 2


@pytest.mark.usefixtures("made_up")
def test_the_file_it_makes_is_read_back_and_coders_fit_it(tmp_path: Path) -> None:
    made = split("valid")
    write_trajectories(tmp_path / "valid.hdf5", made)
    back = read_trajectories(tmp_path / "valid.hdf5")
    assert back.content_sha256 == made.content_sha256
    assert back.space == ("feature",)
    task = task_of(back, "shoulder-imu", 20, 40)
    assert not task.is_image
    assert task.regular
    import torch

    frames = torch.from_numpy(back.frames[:2]).flatten(0, 1)  # (2 * 60, 1, 6)
    tokens = build_encoder(task.shape, 2, 8)(frames)
    assert build_decoder(8, task.shape, 2, "transposed")(tokens).shape == frames.shape


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ShoulderImu(exercises="ordinaryy"), "exercises 'ordinaryy'.*'ordinary'"),
        (lambda: split("train", frames=200), "'train' .* 200 frames"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(make: Callable[[], object], said: str) -> None:
    with pytest.raises(BenchError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"X_labels": ["ax"] * 6},
        {"y_labels": ["SWIM"] * 7},
        {"X": [np.zeros((640, 5))] * 140},
        {"subject": np.arange(3)},
        {"y": np.full(140, 99)},
    ],
)
def test_a_file_that_holds_something_else_is_refused(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(as_file(made_up_content() | change), tmp_path, monkeypatch)
    with pytest.raises(BenchError, match=r"watch_dataset\.npy"):
        split("train")


def test_interventions_are_data_sets_and_cards_are_complete() -> None:
    names = [name for name in dataset_names() if name.partition("--")[0] == "shoulder-imu"]
    assert names == ["shoulder-imu", "shoulder-imu--forward-elevation"]
    for name in names:
        card = find_source(name).card
        assert card.origin == "measured"
        assert all(value for key, value in asdict(card).items() if key != "equation")
    assert "subjects 1, 2, 3, 4;" in card.splits
    assert "exercises: forward elevation;" in card.splits
    assert "forward elevation" not in find_source("shoulder-imu").card.splits


class Call:
    """Pickles to a call of ``function`` with ``values``, and ``state`` given to what it returns."""

    def __init__(self, function: Any, *values: Any, state: Any = None) -> None:
        self.reduced = (function, values) if state is None else (function, values, state)

    def __reduce__(self) -> Any:
        return self.reduced


HEADER = as_file(None)[: as_file(None).index(b"\n") + 1]
RECONSTRUCT = np.zeros(1).__reduce__()[0]


def global_name(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


HOSTILE = {
    "os.system": as_file(Call(os.system, "touch hostile")),
    "builtins.eval": as_file(Call(eval, "open('hostile', 'w')")),
    "builtins.exec by name": HEADER + global_name("builtins", "exec") + b'(S\'open("hostile","w")\'\ntR.',
    "numpy.testing runstring": HEADER
    + global_name("numpy.testing._private.utils", "runstring")
    + b'(S\'open("hostile","w")\'\n}tR.',
    "numpy.load": as_file(Call(np.load, "hostile")),
    "numpy.fromfile": as_file(Call(np.fromfile, "/etc/passwd")),
    "numpy.memmap": HEADER + global_name("numpy", "memmap") + b"(S'hostile'\nS'w+'\ntR.",
    "dotted name through ndarray": HEADER + b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__class__\x93.",
    "__import__": HEADER + global_name("builtins", "__import__") + b"(S'os'\ntR.",
    "getattr": HEADER + global_name("builtins", "getattr") + b"(N.",
    "ndarray called with an absurd shape": as_file(Call(np.ndarray, (10**9, 10**6))),
    "reconstruct without ndarray": as_file(Call(RECONSTRUCT, list, (0,), b"b")),
    "state given to ndarray itself": HEADER + global_name("numpy", "ndarray") + b"(N}S'__call__'\nI1\nstb.",
    "state given to dtype itself": HEADER + global_name("numpy", "dtype") + b"}S'x'\nI1\nsb.",
    "encode with another codec": HEADER + global_name("_codecs", "encode") + b"(VaGVsbG8=\nVbase64\ntR.",
    "an object left over": HEADER + global_name("numpy", "ndarray") + b".",
    "a list that holds itself": HEADER + b"]q\0h\0a.",
    "persistent identifier": HEADER + b"Pos.system\n.",
    "extension registry": HEADER + b"\x80\x02\x82\x01.",
    "no array at all": b"\x80\x02}.",
    "text": b"a,b\n1,2\n",
    "nothing": b"",
    "another version": b"\x93NUMPY\x09\x00",
    "header that claims too much": b"\x93NUMPY\x01\x00\xff\xff{",
    "numbers without a pickle": (lambda buffer: (np.save(buffer, np.zeros(3)), buffer.getvalue())[1])(io.BytesIO()),
    "cut off": as_file(made_up_content())[:5000],
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pickles_do_nothing_but_fail(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError) as caught:
        read_pickled_array(content, "x.npy")
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())
    record_property("hostile", ("pickle", "one-line errors", 1))


def test_what_one_pickle_does_to_a_name_does_not_last() -> None:
    for content in HOSTILE.values():
        with pytest.raises(BenchError):
            read_pickled_array(content, "x.npy")
    np.testing.assert_array_equal(read_pickled_array(as_file({"a": np.arange(3)}), "x.npy")["a"], [0, 1, 2])


NUMBERS = st.one_of(arrays.integer_dtypes(), arrays.floating_dtypes(sizes=(32, 64)), arrays.boolean_dtypes())


@given(
    array=arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)),
    fortran=st.booleans(),
    protocol=st.integers(0, 4),
)
def test_what_numpy_pickles_is_read_as_numpy_reads_it(array: np.ndarray, fortran: bool, protocol: int) -> None:
    array = np.asfortranarray(array) if fortran else array
    content = {"part": [array, (1, 2.5, None, True, "text", b"\x80bytes")], 3: array}
    pickled = pickle.dumps(np.array(content, dtype=object), protocol=protocol)
    read, expected = read_pickled_array(HEADER + pickled, "x.npy"), pickle.loads(pickled).item()
    assert read["part"][1] == content["part"][1]
    for found, known in ((read["part"][0], expected["part"][0]), (read[3], expected[3])):
        assert found.dtype == known.dtype
        np.testing.assert_array_equal(found, array)


def test_a_pickle_of_another_sha256_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(as_file(Call(os.system, f"touch {tmp_path / 'hostile'}")), tmp_path, monkeypatch)
    other = hashlib.sha256(as_file(made_up_content())).hexdigest()
    monkeypatch.setattr(ShoulderImu, "file", replace(ShoulderImu.file, sha256=other))
    read: list[bytes] = []
    monkeypatch.setattr(shoulder_imu, "read_pickled_array", lambda content, where: read.append(content))
    with pytest.raises(BenchError, match="SHA-256"):
        ShoulderImu().split("train", ALL, 32, 0, 60)
    assert read == []


@given(st.binary(max_size=60))
def test_any_bytes_after_the_header_are_read_or_refused(tail: bytes) -> None:
    try:
        read_pickled_array(HEADER + tail, "x.npy")
    except BenchError as error:
        assert "\n" not in str(error)


@pytest.fixture(scope="module")
def real_archive() -> Path:
    return archive_or_skip(FILE.archive)


@pytest.mark.usefixtures("real_archive")
def test_the_real_archive() -> None:
    counts = {}
    for exercises in REGIMES:
        splits = {name: split(name, exercises) for name in SPLITS}
        assert all(np.isfinite(data.frames).all() for data in splits.values())
        counts[exercises] = [len(data) for data in splits.values()]
        assert splits["train"].provenance["scale"] == pytest.approx(
            {"acceleration": 0.6341, "rotation": 1.5454}, abs=1e-4
        )
    assert counts == {"ordinary": [357, 131, 131], "forward-elevation": [44, 25, 28]}


@pytest.mark.usefixtures("real_archive")
def test_acceleration_in_the_real_archive_is_in_g() -> None:
    values = in_the_file_s_units(split("train"))
    assert np.median(np.linalg.norm(values[..., :3], axis=-1)) == pytest.approx(1.07, abs=0.05)
