"""A user's own files as a data set: the documented example end to end, every format, and files that mean no good."""

import io
import itertools
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from ladid_bench.cli.main import main
from ladid_bench.core.configuration import SplitSizes, Study
from ladid_bench.core.errors import BenchError
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.datasets.pooling import mean_pool
from ladid_bench.datasets.user import pictures
from ladid_bench.datasets.user.dividing import (
    Cutting,
    Piece,
    check_windows,
    divide,
    given_and_asked,
    parse_shares,
    window_length,
)
from ladid_bench.datasets.user.importing import understand
from ladid_bench.datasets.user.layouts import AXES, parse_layout
from ladid_bench.datasets.user.pictures import read_folder
from ladid_bench.datasets.user.reading import arranged, read_file
from ladid_bench.datasets.user.recordings import Reading, Recording, Storage
from ladid_bench.datasets.user.request import Request
from ladid_bench.datasets.user.resampling import area_average, resample
from ladid_bench.datasets.user.source import ImportCard, load_import
from ladid_bench.datasets.user.writing import write_import
from ladid_bench.study.datasets import SOURCES, dataset_names, find_source, planned_dataset

SPLITS = ("train", "valid", "test")
ALL = SplitSizes(train=10_000, valid=10_000, test=10_000)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The least that counts as a checkout, and the current folder."""
    folder = tmp_path / "checkout"
    (folder / "config").mkdir(parents=True)
    (folder / "params.yaml").write_text("scale: tiny\n")
    monkeypatch.chdir(folder)
    return folder


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bring_in(root: Path, files: list[Path], name: str = "mine", **changes) -> ImportCard:
    request = Request(name=name, files=files, **changes)
    return write_import(request, understand(request, root, SOURCES), root)


def read_recordings(path: Path, reading: Reading) -> list[Recording]:
    return read_file(path, reading).recordings["divided"]


def frames(one: Recording) -> np.ndarray:
    return one.frames(0, len(one), Storage())


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


# The documented examples

EXAMPLES = {  # shape of a frame, frames of a trajectory, unit of time
    "rings": ([1, 24, 32], 30, "s"),
    "weather": ([1, 20, 36], 24, "h"),
    "film": ([1, 24, 32], 20, "s"),
    "flame": ([1, 24, 32], 16, "s"),
    "logger": ([1, 2], 30, "s"),
}


def test_the_documented_examples_run_as_they_stand(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", (root / "docs" / "your-own-data.md").read_text(), re.DOTALL)
    python, study = (next(text for kind, text in blocks if kind == wanted) for wanted in ("python", "yaml"))
    lines = [line for kind, text in blocks if kind == "sh" for line in text.strip().splitlines()]
    for name in ("Snakefile", "workflow", "profiles", "baselines", "config"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, tmp_path / name)
    (tmp_path / "params.yaml").write_text("scale: demo\n")
    (tmp_path / "config" / "rings.yaml").write_text(study)
    monkeypatch.chdir(tmp_path)
    exec(compile(python, "make_examples.py", "exec"), {})
    for line in (line for line in lines if line.startswith("ladid-bench")):
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0, line + capsys.readouterr().err
        assert ("--check" in line) == (sorted(tmp_path.rglob("*")) == before)
    cards = {name: yaml.safe_load((tmp_path / f"imported/{name}/card.yaml").read_text()) for name in EXAMPLES}
    assert {name: (card["shape"], card["frames"], card["time_unit"]) for name, card in cards.items()} == EXAMPLES
    assert cards["weather"]["quantity"] == "temperature at 2 m, K"
    logger = read_trajectories(tmp_path / "imported/logger/data/train.hdf5")
    np.testing.assert_array_equal(np.diff(logger.times, axis=1), 1.0)
    (running,) = (line for line in lines if not line.startswith("ladid-bench"))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(shlex.split(running), cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_parquet(tmp_path / "results/rings/runs.parquet")
    assert set(table["method"]) == {"mean", "persistence", "analog"}
    assert (table["status"] == "ok").all()
    report = (tmp_path / "results/rings/report/index.html").read_text()
    assert "height, mm" in report
    assert "CC0" in report
    made = read_trajectories(next((tmp_path / "data/rings/rings/test").glob("*.hdf5")))
    assert made.frames.shape == (4, 30, 1, 16, 16)
    np.testing.assert_allclose(made.times[0], 0.1 * np.arange(30))


# Formats


def write_npy(path: Path, array: np.ndarray) -> Path:
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


def write_mat(path: Path, array: np.ndarray) -> Path:
    savemat(path.with_suffix(".mat"), {"x": array}, do_compression=True)
    return path.with_suffix(".mat")


def write_mat73(path: Path, array: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".mat"), "w", userblock_size=512) as file:
        file["x"] = array.T  # as MATLAB does
    content = bytearray(path.with_suffix(".mat").read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.with_suffix(".mat").write_bytes(content)
    return path.with_suffix(".mat")


def write_h5(path: Path, array: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["group/x"] = array
        file["note"] = "text"
    return path.with_suffix(".h5")


@pytest.mark.parametrize(
    "write",
    [write_npy, lambda path, array: npz(path.with_suffix(".npz"), x=array), write_mat, write_mat73, write_h5],
    ids=["npy", "npz", "mat", "mat 7.3", "h5"],
)
@pytest.mark.parametrize("kind", ["float64", "uint8", "int16"])
def test_every_array_format_gives_the_same_recordings(write: Callable, kind: str, tmp_path: Path) -> None:
    array = (100 * np.abs(values(3, 7, 16, 20))).astype(kind)
    found = read_recordings(write(tmp_path / "a", array), Reading())
    assert len(found) == 3
    for one, expected in zip(found, array, strict=True):
        np.testing.assert_array_equal(frames(one), expected[:, None].astype(np.float32))


LAYOUTS = [
    axes
    for space in (("height", "width"), ("feature",), ())
    for extra in ((), ("trajectory",), ("channel",), ("trajectory", "channel"))
    for axes in [(*extra, "time", *space)]
]


@given(axes=st.sampled_from(LAYOUTS).flatmap(st.permutations), sizes=st.tuples(*[st.integers(1, 4)] * len(AXES)))
def test_a_layout_puts_every_value_where_it_belongs(axes: list[str], sizes: tuple[int, ...]) -> None:
    size = dict(zip(AXES, sizes, strict=True))
    array = np.arange(np.prod([size[axis] for axis in axes])).reshape([size[axis] for axis in axes])
    found = arranged(array, parse_layout(" ".join(axes), array.ndim, "x"))
    image = "height" in axes
    kept = ["trajectory", "time", "channel", *(("height", "width") if image else ("feature",))]
    assert found.ndim == len(kept)
    for place in itertools.product(*(range(size[axis] if axis in axes else 1) for axis in kept)):
        at = dict(zip(kept, place, strict=True))
        features = size["feature"] if "feature" in axes else 1
        to = place if image else (*place[:2], 0, at["channel"] * features + at["feature"])
        assert found[to] == array[tuple(at[axis] for axis in axes)]


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((100, 6), "time feature"),
        ((100, 32, 32), "time height width"),
        ((8, 100, 6), "trajectory time feature"),
        ((8, 100, 32, 32), "trajectory time height width"),
        ((8, 12, 24, 32), "trajectory time height width"),
        ((100, 32, 32, 3), "time height width channel"),
        ((100, 3, 32, 32), "time channel height width"),
        ((100, 32, 32, 4), "time height width channel"),
        ((8, 100, 32, 32, 3), "trajectory time height width channel"),
        ((8, 100, 2, 32, 32), "trajectory time channel height width"),
    ],
)
def test_the_layout_is_found_as_documented(shape: tuple[int, ...], axes: str, tmp_path: Path) -> None:
    found = read_file(npz(tmp_path / "a.npz", x=values(*shape)), Reading()).found[0].axes
    assert " ".join(axis.meaning for axis in found) == axes


def test_times_come_from_the_file_and_may_differ_between_trajectories(tmp_path: Path) -> None:
    one, each = np.arange(7.0) ** 2, np.arange(7.0) * np.arange(1, 4)[:, None]
    path = npz(tmp_path / "a.npz", x=values(3, 7, 5), one=one, each=each, row=one[None])
    for key, expected in (("one", [one] * 3), ("each", list(each)), ("row", [one] * 3)):
        found = read_recordings(path, Reading(("x",), (key,)))
        np.testing.assert_array_equal([recording.times for recording in found], expected)


def test_a_file_of_the_well_describes_itself(tmp_path: Path, trajectories: Trajectories) -> None:
    data = Trajectories(
        frames=values(4, 6, 2, 16, 18),
        times=np.tile(np.arange(6.0) * 0.5, (4, 1)),
        group=np.array([5, 5, 9, 7]),
        fields=("a", "b"),
    )
    write_trajectories(tmp_path / "a.hdf5", data)
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["t1_fields/velocity"] = values(4, 6, 16, 18, 2, seed=1)
        file["t0_fields/constant"] = values(16, 18)
    found = read_recordings(tmp_path / "a.hdf5", Reading())
    assert [one.group for one in found] == [5, 5, 9, 7]
    for index, one in enumerate(found):
        np.testing.assert_array_equal(frames(one)[:, :2], data.frames[index])
        velocity = np.moveaxis(values(4, 6, 16, 18, 2, seed=1)[index], -1, 1)
        np.testing.assert_array_equal(frames(one)[:, 2:], velocity)
        np.testing.assert_array_equal(one.times, data.times[index])


def test_vectors_of_the_well_are_vectors(tmp_path: Path) -> None:
    data = Trajectories(values(4, 6, 1, 5), np.tile(np.arange(6.0), (4, 1)), np.arange(4), space=("feature",))
    write_trajectories(tmp_path / "a.hdf5", data)
    found = read_recordings(tmp_path / "a.hdf5", Reading())
    np.testing.assert_array_equal([frames(one) for one in found], data.frames)


def picture_folder(folder: Path, count: int = 12, mode: str = "L", size: tuple[int, int] = (20, 16)) -> Path:
    """Pictures whose brightness is their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.new(mode, size, index if mode in ("L", "I;16") else (index, 2 * index, 0)).save(folder / f"f{index}.png")
    return folder


def test_pictures_are_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "a")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_text("not a picture either")
    (found,) = read_folder(folder, Reading())
    assert found.values.shape == (12, 1, 16, 20)
    np.testing.assert_allclose(found.values.mean((1, 2, 3)) * 255, np.arange(12), rtol=1e-5)
    (found,) = read_folder(picture_folder(tmp_path / "deep", mode="I;16"), Reading())
    np.testing.assert_allclose(found.values.mean((1, 2, 3)) * 65535, np.arange(12), rtol=1e-5)


def test_a_folder_of_folders_is_one_trajectory_each(tmp_path: Path) -> None:
    for name in ("run10", "run9"):
        picture_folder(tmp_path / "all" / name, mode="RGB")
    found = read_recordings(tmp_path / "all", Reading())
    assert [Path(one.name).name for one in found] == ["run9", "run10"]
    assert found[0].values.shape == (12, 3, 16, 20)
    grey = read_recordings(tmp_path / "all", Reading(grayscale=True, image_size=16))
    assert frames(grey[0]).shape == (12, 1, 16, 16)


def test_a_video_is_a_trajectory_in_seconds(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(30):
            picture = np.full((48, 64, 3), 8 * index, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    (found,) = read_recordings(tmp_path / "a.mp4", Reading(image_size=32))
    assert found.values.shape == (30, 3, 32, 32)
    np.testing.assert_allclose(found.values.mean((1, 2, 3)) * 255, 8 * np.arange(30), atol=6)
    assert found.times is not None
    np.testing.assert_allclose(np.diff(found.times), 1 / 24)
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:500])
    refused(lambda: read_recordings(tmp_path / "b.mp4", Reading()), "b.mp4")


def test_without_the_extra_a_video_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    refused(lambda: read_recordings(tmp_path / "a.mp4", Reading()), r"pip install 'ladid-bench\[video\]'")


# Image size


@given(
    old=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    share=st.tuples(st.floats(0.02, 1), st.floats(0.02, 1)),
    seed=st.integers(0, 99),
)
def test_area_averaging_keeps_the_mean_and_invents_nothing(old: tuple, share: tuple, seed: int) -> None:
    frames = values(2, *old, seed=seed)
    height, width = (max(1, round(side * part)) for side, part in zip(old, share, strict=True))
    small = area_average(frames, height, width)
    assert small.shape == (2, height, width)
    np.testing.assert_allclose(small.mean((1, 2)), frames.mean((1, 2)), atol=1e-5)
    assert small.max() <= frames.max() + 1e-5
    assert small.min() >= frames.min() - 1e-5


def test_an_image_size_that_divides_is_mean_pooling_and_nothing_is_enlarged() -> None:
    frames = values(2, 3, 1, 64, 64)
    np.testing.assert_allclose(resample(frames, 16), mean_pool(frames, 4), atol=1e-6)
    assert resample(values(1, 1, 50, 300), 128).shape == (1, 1, 48, 128)
    np.testing.assert_array_equal(resample(frames, 128), frames)


# Dividing


@given(
    lengths=st.lists(st.integers(20, 400), min_size=1, max_size=6),
    window=st.none() | st.integers(3, 12),
    stride=st.integers(1, 15),
    shares=st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.34, 0.33, 0.33)]),
)
def test_no_two_splits_share_a_frame_or_a_group(lengths: list, window: int | None, stride: int, shares: tuple) -> None:
    found = [(n, Recording(str(n), np.zeros((length, 1, 1)))) for n, length in enumerate(lengths)]
    cutting = Cutting(shares, window=window, stride=stride)
    groups = list(range(len(lengths)))
    try:
        pieces, settled = divide(found, groups, SPLITS, cutting)
        length = settled or window_length(lengths, cutting)
        for split in SPLITS:
            check_windows(pieces[split], length, stride, split)
    except BenchError:
        return
    for piece in (piece for several in pieces.values() for piece in several):
        assert all(piece.first <= start and start + length <= piece.last for start in piece.starts(length, stride))
    owners = [{piece.number for piece in pieces[split]} for split in SPLITS]
    if settled is None:
        assert not owners[0] & owners[1] and not owners[0] & owners[2] and not owners[1] & owners[2]
        return
    assert len(lengths) < 3
    for number in groups:
        train, valid, test = (next(p for p in pieces[split] if p.number == number) for split in SPLITS)
        assert valid.first - train.last >= length
        assert test.first - valid.last >= length


@pytest.mark.parametrize(
    ("lengths", "cutting", "expected"),
    [
        ([50] * 5, Cutting(), 50),
        ([50, 80, 90], Cutting(), 50),
        ([500, 800, 900], Cutting(), 60),
        ([10, 50, 80], Cutting(), 50),
        ([600], Cutting(), 50),
        ([6000], Cutting(), 60),
        ([600], Cutting(context=5, forecast=7), 12),
        ([600] * 3, Cutting(context=5, forecast=7, window=20), 20),
    ],
)
def test_the_length_of_a_trajectory_is_as_documented(lengths: list[int], cutting: Cutting, expected: int) -> None:
    assert window_length(lengths, cutting, min(cutting.shares) if len(lengths) < 3 else None) == expected


def test_trajectories_of_one_unit_stay_in_one_split(tmp_path: Path, checkout: Path) -> None:
    data = Trajectories(
        values(12, 8, 1, 16, 16), np.tile(np.arange(8.0), (12, 1)), np.repeat([3, 1, 8, 2], 3), provenance={}
    )
    write_trajectories(tmp_path / "a.hdf5", data)
    bring_in(checkout, [tmp_path / "a.hdf5"])
    splits = {name: find_source("mine").split(name, ALL, 16, 0, 8) for name in SPLITS}
    units = [set(split.group.tolist()) for split in splits.values()]
    assert [len(one) for one in units] == [2, 1, 1]
    assert len(set.union(*units)) == 4
    assert sum(len(split) for split in splits.values()) == 12


def test_files_may_be_given_for_each_split(tmp_path: Path, checkout: Path) -> None:
    paths = {split: npz(tmp_path / f"{split}.npz", x=values(3, 9, 5, seed=n)) for n, split in enumerate(SPLITS)}
    held = {"valid": [paths["valid"]], "test": [paths["test"]]}
    card = bring_in(checkout, [paths["train"]], held=held)
    assert [file.split for file in card.files] == list(SPLITS)
    for seed, split in enumerate(SPLITS):
        made = find_source("mine").split(split, ALL, 32, 0, 9)
        np.testing.assert_array_equal(made.frames[:, :, 0], values(3, 9, 5, seed=seed))
    refused(lambda: bring_in(checkout, [paths["train"]], "other", held=held | {"test": [paths["train"]]}), "train.npz")


# What was imported, as a data set


@pytest.mark.parametrize("width", [20, 24])
def test_the_ratio_of_the_sides_is_given_up_only_where_they_differ(width: int, tmp_path: Path, checkout: Path) -> None:
    bring_in(checkout, [npz(tmp_path / "a.npz", x=values(5, 9, 20, width))])
    assert ("ratio" in find_source("mine").card.summary) == (width != 20)


def test_an_import_is_a_data_set_whose_identity_is_its_contents(tmp_path: Path, checkout: Path) -> None:
    path = npz(tmp_path / "a.npz", x=values(10, 20, 6))
    bring_in(checkout, [path], described={"licence": "CC0"}, time_step=0.5)
    assert "mine" in dataset_names()
    study = Study.model_validate({"scale": "tiny", "datasets": {"mine": {}}, "experiments": {"comparison": {}}})
    planned = planned_dataset(study, "mine")
    assert (planned.context_frames, planned.forecast_frames) == (5, 15)
    assert planned.source.card.licence == "CC0"
    bring_in(checkout, [path], replace=True, time_step=0.5, described={"licence": "MIT"})
    assert planned_dataset(study, "mine").key == planned.key
    assert planned_dataset(study, "mine").source.card.licence == "MIT"
    bring_in(checkout, [npz(tmp_path / "a.npz", x=values(10, 20, 6, seed=1))], replace=True, time_step=0.5)
    assert planned_dataset(study, "mine").key != planned.key


def test_planning_reads_the_card_and_nothing_else(tmp_path: Path, checkout: Path) -> None:
    bring_in(checkout, [npz(tmp_path / "a.npz", x=values(10, 20, 6))])
    for path in (checkout / "imported/mine/data").glob("*.hdf5"):
        path.unlink()
    assert find_source("mine").settings["contents"].keys() == set(SPLITS)
    refused(lambda: find_source("mine").split("train", ALL, 16, 0, 20), "dvc pull imported/mine/data.dvc")


def test_what_does_not_fit_the_card_is_refused(tmp_path: Path, checkout: Path) -> None:
    bring_in(checkout, [npz(tmp_path / "a.npz", x=values(10, 20, 6))])
    source, folder = find_source("mine"), checkout / "imported/mine"
    refused(lambda: source.split("train", ALL, 16, 0, 21), "--window")
    refused(lambda: find_source("mine", {"x": 1}), "--replace")
    shutil.copy(folder / "data/valid.hdf5", folder / "data/test.hdf5")
    refused(lambda: source.split("test", ALL, 16, 0, 20), "card.yaml")
    for damaged in ("title: [", "a: 1\n", "", b"\xff\xfe\xff"):
        (folder / "card.yaml").write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
        os.utime(folder / "card.yaml", ns=(0, len(damaged)))
        refused(lambda: load_import("mine", checkout), "card.yaml: ")


def test_sizes_are_upper_bounds_and_frames_are_cut_from_the_front(tmp_path: Path, checkout: Path) -> None:
    array = values(10, 20, 18, 16)
    bring_in(checkout, [npz(tmp_path / "a.npz", x=array)], reading=Reading(layout="trajectory time height width"))
    everything = find_source("mine").split("train", ALL, 16, 0, 12)
    some = find_source("mine").split("train", SplitSizes(train=4, valid=1, test=1), 16, 0, 12)
    assert everything.frames.shape == (8, 12, 1, 16, 16)
    np.testing.assert_array_equal(some.frames, everything.frames[::2])
    np.testing.assert_allclose(
        everything.frames[:, :, 0], area_average(array[everything.group, :12], 16, 16), rtol=1e-6
    )


def test_colours_are_channels_all_the_way(tmp_path: Path, checkout: Path) -> None:
    array = (200 * np.abs(values(10, 20, 16, 18, 3))).astype(np.uint8)
    colour = Reading(layout="trajectory time height width channel")
    assert bring_in(checkout, [npz(tmp_path / "a.npz", x=array)], reading=colour).shape == [3, 16, 18]
    for name in SPLITS:
        made = find_source("mine").split(name, ALL, 64, 0, 20)
        write_trajectories(tmp_path / f"{name}.hdf5", made)
        expected = area_average(np.moveaxis(array[made.group], -1, 2), 16, 16)
        np.testing.assert_allclose(read_trajectories(tmp_path / f"{name}.hdf5").frames, expected, rtol=1e-6)


def test_matlab_s_things_that_are_no_numbers_are_not_taken_for_numbers(tmp_path: Path) -> None:
    cell = np.empty((2, 2), dtype=object)
    cell[:] = "text"
    savemat(
        tmp_path / "a.mat",
        {"x": values(9, 5), "cell": cell, "text": "words", "struct": {"a": 1}, "z": values(9, 5) * 1j},
    )
    refused(lambda: read_recordings(tmp_path / "a.mat", Reading(("cell",))), "cell")
    refused(lambda: read_recordings(tmp_path / "a.mat", Reading(("struct",))), "struct")
    refused(lambda: read_recordings(tmp_path / "a.mat", Reading(("z",))), "a.mat")
    (found,) = read_recordings(tmp_path / "a.mat", Reading(("x",)))
    np.testing.assert_array_equal(found.values[:, 0], values(9, 5))


def test_a_failed_replacement_leaves_the_former_import(tmp_path: Path, checkout: Path) -> None:
    bring_in(checkout, [npz(tmp_path / "a.npz", x=values(10, 20, 6))])
    before = find_source("mine").settings
    refused(lambda: bring_in(checkout, [npz(tmp_path / "b.npz", x=values(1, 3, 6))], replace=True), "b.npz")
    assert find_source("mine").settings == before
    assert [path.name for path in (checkout / "imported").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "name",
    ["pendulum", "shoulder-imu", "", "..", "a/b", "/tmp/a", "A", "a--b", "-a", "a-", "a b", "a\n", "1a", "x" * 61],
)
def test_names_that_are_taken_or_none_are_refused(name: str, tmp_path: Path, checkout: Path) -> None:
    path = npz(tmp_path / "a.npz", x=values(10, 20, 6))
    refused(lambda: bring_in(checkout, [path], name), "data set")
    assert not (checkout / "imported").exists()


def test_an_import_is_only_replaced_on_demand(tmp_path: Path, checkout: Path) -> None:
    path = npz(tmp_path / "a.npz", x=values(10, 20, 6))
    bring_in(checkout, [path])
    refused(lambda: bring_in(checkout, [path]), "--replace")


def test_a_look_at_a_name_that_is_taken_says_that_it_is(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = npz(tmp_path / "a.npz", x=values(10, 20, 6))
    for taken in (False, True):
        monkeypatch.setattr(sys, "argv", ["ladid-bench", "import", "mine", str(path), "--check"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert ("--replace" in capsys.readouterr().out.splitlines()[-1]) == taken
        bring_in(checkout, [path]) if not taken else None


def test_the_command_says_what_it_understood(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = npz(tmp_path / "a.npz", x=values(10, 20, 16, 16, 3))
    monkeypatch.setattr(sys, "argv", ["ladid-bench", "import", "mine", str(path), "--grayscale", "--window", "8"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert re.search(r"train +16 .*\n +valid +2 .*\n +test +2 ", said)
    assert "  mine: {}" in said
    card = yaml.safe_load((checkout / "imported/mine/card.yaml").read_text())
    assert card["options"] == {"grayscale": True, "window": 8}
    monkeypatch.setattr(sys, "argv", ["ladid-bench", "import", "other", "nothing.npz"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("ladid-bench: error: nothing.npz: ")


# Hostile files


def refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(BenchError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header_of(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


GOOD = npy_bytes(values(5, 9, 16, 16))
BROKEN = values(5, 9, 16, 16)
BROKEN[2, 3, 4, 5] = np.nan
HUGE = values(5, 9, 6).astype(np.float64) * 1e300
SIGNALLING = values(5, 9, 6).astype(np.float64)
SIGNALLING.view(np.uint64)[2, 3, 4] = 0x7FF0000000000001  # a NaN whose conversion NumPy warns of
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "objects in npy": ("a.npy", npy_bytes(np.array([[{}], [1]], dtype=object)), "a.npy"),
    "objects in npz": ("a.npz", zipped(x=npy_bytes(np.array([[{}], [1]], dtype=object))), "a.npz.*x Python objects"),
    "structure": ("a.npy", npy_bytes(np.zeros((5, 9), dtype=[("a", "f8")])), "a.npy"),
    "complex": ("a.npy", npy_bytes(np.zeros((5, 9), dtype=complex)), "a.npy"),
    "words": ("a.npy", npy_bytes(np.full((5, 9), "word")), "a.npy"),
    "one axis": ("a.npy", npy_bytes(np.arange(9)), "a.npy"),
    "no axis": ("a.npy", npy_bytes(np.array(1.0)), "a.npy"),
    "six axes": ("a.npy", npy_bytes(np.zeros((2,) * 6)), "a.npy.*--layout"),
    "no frames": ("a.npy", npy_bytes(np.zeros((5, 0, 6))), "a.npy"),
    "no trajectories": ("a.npy", npy_bytes(np.zeros((0, 9, 6))), "a.npy"),
    "one frame": ("a.npy", npy_bytes(np.zeros((5, 1, 6))), "a.npy|--window"),
    "not finite": (
        "a.npy",
        npy_bytes(BROKEN),
        r"a.npy.*2.*\[3, 0, 4, 5\]",
    ),
    "beyond float32": ("a.npy", npy_bytes(HUGE), "a.npy"),
    "signalling NaN": ("a.npy", npy_bytes(SIGNALLING), "a.npy"),
    "small images": ("a.npy", npy_bytes(np.zeros((5, 9, 12, 40))), "--layout.* 16 "),
    "cut off npy": ("a.npy", GOOD[:3000], "a.npy"),
    "cut off npz": ("a.npz", zipped(x=GOOD)[:3000], "a.npz"),
    "cut off member": ("a.npz", zipped(x=GOOD[:3000]), "a.npz"),
    "text as npy": ("a.npy", b"1,2,3\n", "a.npy"),
    "text as npz": ("a.npz", b"1,2,3\n", "a.npz"),
    "text as mat": ("a.mat", b"1,2,3\n" * 40, "a.mat"),
    "text as h5": ("a.h5", b"1,2,3\n", "a.h5"),
    "nothing as npy": ("a.npy", b"", "a.npy"),
    "nothing as mat": ("a.mat", b"", "a.mat"),
    "unknown ending": ("a.xlsx", b"1,2,3\n", r"'.xlsx'"),
    "npz without arrays": ("a.npz", zipped(), "a.npz"),
    "npz of several": ("a.npz", zipped(x=GOOD, y=GOOD), "--key x"),
    "absurd npy": ("a.npy", header_of((10**6, 10**6)), "a.npy"),
    "absurd npz": ("a.npz", zipped(x=header_of((10**6, 10**6))), "8,000.0 GB"),
    "absurd bytes in npz": ("a.npz", zipped(x=header_of((10**6, 10**7), "|u1")), " GB"),
    "sizes that overflow": ("a.npz", zipped(x=header_of((2**40, 2**40))), " GB"),
    "negative size": ("a.npz", zipped(x=header_of((-5, -9, 6))), "a.npz"),
    "path as member": ("a.npz", zipped(**{"../../x": GOOD, "/etc/y": GOOD}), "--key"),
}


@pytest.mark.parametrize(("file", "content", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_in_one_line(
    file: str, content: bytes, said: str, tmp_path: Path, checkout: Path, record_property: Callable
) -> None:
    (tmp_path / file).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(lambda: bring_in(checkout, [tmp_path / file]), said)
    assert not (checkout / "imported").exists()
    assert {path.name for path in tmp_path.iterdir()} == {file, "checkout"}
    record_property("hostile", ("import", "one-line errors", 1))


def test_an_absurd_hdf5_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for turned in ("a.h5", "a.mat"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", (10**6, 10**4, 100), "f4", chunks=(1, 100, 100))
        if turned == "a.mat":
            with h5py.File(tmp_path / "a.h5") as file, h5py.File(tmp_path / turned, "w", userblock_size=512) as copy:
                file.copy("x", copy)
            content = bytearray((tmp_path / turned).read_bytes())
            content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
            (tmp_path / turned).write_bytes(content)
        refused(lambda path=tmp_path / turned: read_recordings(path, Reading()), " GB")


def test_all_files_together_must_fit_in_memory(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [npz(tmp_path / f"{n}.npz", x=values(5, 10, 6, seed=n)) for n in range(4)]
    monkeypatch.setattr("ladid_bench.core.memory.available_memory", lambda: 8 * 700)
    refused(lambda: bring_in(checkout, paths), "all files.* GB")
    monkeypatch.setattr("ladid_bench.core.memory.available_memory", lambda: 8 * 1250)
    refused(lambda: bring_in(checkout, paths, cutting=Cutting(window=6, stride=1)), "all windows")


def test_hostile_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("empty", "mixed", "sizes", "text", "colours", "long"):
        (tmp_path / name).mkdir()
    refused(lambda: read_folder(tmp_path / "empty", Reading()), "empty")
    picture_folder(tmp_path / "mixed")
    picture_folder(tmp_path / "mixed" / "inner")
    refused(lambda: read_folder(tmp_path / "mixed", Reading()), "mixed")
    picture_folder(tmp_path / "sizes", 3)
    Image.new("L", (21, 16)).save(tmp_path / "sizes" / "f2.png")
    refused(lambda: read_folder(tmp_path / "sizes", Reading()), "f2.png.*21 x 16.*f0.png")
    (tmp_path / "text" / "a.png").write_text("no picture")
    refused(lambda: read_folder(tmp_path / "text", Reading()), "a.png")
    picture_folder(tmp_path / "colours", 3)
    Image.new("RGB", (20, 16)).save(tmp_path / "colours" / "f2.png")
    refused(lambda: read_folder(tmp_path / "colours", Reading()), "f2.png")
    assert len(read_folder(tmp_path / "colours", Reading(grayscale=True))[0]) == 3
    whole = (picture_folder(tmp_path / "colours", 3) / "f1.png").read_bytes()
    (tmp_path / "colours" / "f1.png").write_bytes(whole[:-30])
    (tmp_path / "colours" / "f2.png").unlink()
    refused(lambda: read_folder(tmp_path / "colours", Reading()), "f1.png")
    frames = [Image.new("L", (20, 16), shade) for shade in (0, 9)]
    frames[0].save(tmp_path / "long" / "a.tif", save_all=True, append_images=frames[1:])
    refused(lambda: read_folder(tmp_path / "long", Reading()), "a.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    refused(lambda: read_folder(tmp_path / "mixed" / "inner", Reading()), "f0.png")


def test_pictures_of_different_sizes_in_different_folders_are_refused(tmp_path: Path, checkout: Path) -> None:
    for number in range(4):
        picture_folder(tmp_path / "all" / str(number), size=(20 + number // 3, 16))
    refused(lambda: bring_in(checkout, [tmp_path / "all"]), "3")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reading": Reading(("y",))}, "'y'.*--key"),
        ({"reading": Reading(("word",))}, "a.npz:word"),
        ({"reading": Reading(("x", "word"))}, "a.npz:word"),
        ({"reading": Reading(("x",), ("t5",))}, "a.npz.*10 frames"),
        ({"reading": Reading(("x",), ("back",))}, "a.npz.*its own file"),
        ({"reading": Reading(("x",), ("word",))}, "a.npz:word"),
        ({"reading": Reading(("x",), ("t3",))}, "a.npz.*3.*5"),
        ({"reading": Reading(("x",), ("nowhere",))}, "'nowhere'.*--times"),
        ({"reading": Reading(("x",), layout="feature")}, "--layout"),
        ({"reading": Reading(("x",), layout="time height")}, "--layout"),
        ({"reading": Reading(("x",), layout="time hight width")}, "'hight'.*'height'"),
        ({"reading": Reading(("x",), layout="time time feature")}, "--layout"),
        ({"reading": Reading(("x",), layout="time feature")}, "a.npz.*--layout"),
        ({"reading": Reading(("x",), grayscale=True)}, "--grayscale"),
        ({"reading": Reading(("x",), image_size=8)}, "--image-size"),
        ({"time_step": 0.0}, "--time-step"),
        ({"time_step": float("nan")}, "--time-step"),
        ({"time_step": 1.0, "reading": Reading(times=("t5",))}, "--time-step.*--times"),
        ({"reading": Reading(("x",)), "cutting": Cutting(window=11)}, "'train'.*--window"),
        ({"reading": Reading(("x",)), "cutting": Cutting(context=10)}, "--context"),
        ({"cutting": Cutting(window=2)}, "--window"),
        ({"cutting": Cutting(stride=0)}, "--stride"),
        ({"cutting": Cutting(max_gap=-1.0)}, "--max-gap"),
        ({"described": {"origin": "found"}}, "--origin.*'found'"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict, said: str, tmp_path: Path, checkout: Path) -> None:
    path = npz(
        tmp_path / "a.npz",
        x=values(5, 10, 6),
        word=np.full((5, 10), "word"),
        t5=np.arange(5.0),
        t3=np.arange(30.0).reshape(3, 10),
        back=np.arange(10.0)[::-1],
    )
    refused(lambda: bring_in(checkout, [path], **changes), said)
    assert not (checkout / "imported").exists()


@pytest.mark.parametrize(
    "text",
    ["", "1", "0.5,0.5", "0.8,0.1,0.2", "0.5,0.2,0.2", "a,b,c", "1.2,-0.1,-0.1", "nan,0.5,0.5", "1,0,0"],
)
def test_fractions_that_are_none_are_refused(text: str) -> None:
    refused(lambda: parse_shares(text), "--splits")


def test_blocks_never_shorten_a_trajectory_below_the_frames_that_were_asked_for() -> None:
    """600 frames with a pause after every 15th: none of the stretches holds 20 given frames and one asked for."""
    times = np.arange(600.0) + 100 * (np.arange(600) // 15)
    recording = Recording("a", values(600, 1, 6), times, breaks=tuple(range(15, 600, 15)))
    for cutting, frames in ((Cutting(context=20), 21), (Cutting(), 15)):
        pieces, window = divide([(0, recording)], [0], SPLITS, cutting)
        assert window == frames
    refused(lambda: check_windows(pieces["test"], 21, 1, "test"), "'test'.*--window")


def test_too_few_frames_for_three_blocks_are_refused() -> None:
    refused(lambda: check_windows([Piece(0, Recording("a", values(3, 1, 6)), 0, 3)], 4, 1, "test"), "'test'.*--window")


@given(
    content=st.binary(max_size=300),
    suffix=st.sampled_from([".npy", ".npz", ".mat", ".h5", ".hdf5", ".nc", ".csv"]),
    lead=st.booleans(),
)
def test_any_bytes_are_read_or_refused(
    content: bytes, suffix: str, lead: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    start = {".npy": b"\x93NUMPY\x01\x00", ".npz": b"PK\x03\x04", ".mat": b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"}
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(
        (start.get(suffix, b"CDF\x01" if suffix == ".nc" else b"\x89HDF\r\n\x1a\n") if lead else b"") + content
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_recordings(path, Reading())
        except BenchError as error:
            assert "\n" not in str(error)


def test_recordings_of_several_files_are_groups_of_their_own(tmp_path: Path, checkout: Path) -> None:
    """Three files with three recordings each; numbered from 0 in every file they would be three groups."""
    files = [npz(tmp_path / f"{name}.npz", x=values(3, 9, 5, seed=seed)) for seed, name in enumerate("abc")]
    card = bring_in(checkout, files)
    splits = [find_source("mine").split(split, ALL, 32, 0, 9) for split in SPLITS]
    assert [card.splits[split].groups for split in SPLITS] == [len(one) for one in splits] == [7, 1, 1]
    assert len(np.unique(np.concatenate([one.group for one in splits]))) == 9


def test_area_averaging_by_hand() -> None:
    """Three pixels to two: each new one has one whole pixel and half of the middle one."""
    old = np.array([[0.0, 3.0, 9.0]])
    assert area_average(old, 1, 2)[0] == pytest.approx([(0 + 0.5 * 3) / 1.5, (0.5 * 3 + 9) / 1.5])
    assert area_average(old.T, 2, 1)[:, 0] == pytest.approx([1.0, 7.0])


def test_blocks_of_time_have_the_shares_and_a_window_between_them() -> None:
    """Of 130 frames two gaps of 15 are left out: 100 usable as 60, 30 and 10."""
    one = Recording("a", np.zeros((130, 1, 1)))
    pieces, window = divide([(0, one)], [0], SPLITS, Cutting((0.6, 0.3, 0.1), window=10, stride=4))
    assert window == 10
    pieces, window = divide([(0, one)], [0], SPLITS, Cutting((0.6, 0.3, 0.1), window=15))
    found = [(pieces[split][0].first, pieces[split][0].last) for split in SPLITS]
    assert found == [(0, 60), (75, 105), (120, 130)]


def test_windows_are_a_stride_apart_and_the_last_one_ends_with_the_piece() -> None:
    piece = Piece(0, Recording("a", np.zeros((30, 1, 1)), breaks=(12,)), 2, 30)
    assert list(piece.starts(6, 3)) == [2, 5, 12, 15, 18, 21, 24]
    assert list(piece.starts(10, 1)) == [2, *range(12, 21)]


def test_groups_are_dealt_by_the_shares() -> None:
    found = [(n, Recording(str(n), np.zeros((20, 1, 1)))) for n in range(10)]
    pieces, _ = divide(found, list(range(10)), SPLITS, Cutting((0.5, 0.3, 0.2)))
    assert [len(pieces[split]) for split in SPLITS] == [5, 3, 2]
    assert sorted(piece.number for split in SPLITS for piece in pieces[split]) == list(range(10))
    assert [piece.number for piece in pieces["train"]] != list(range(5))  # shuffled


@pytest.mark.parametrize(
    ("window", "cutting", "expected"),
    [
        (60, Cutting(), (10, 50)),
        (20, Cutting(), (5, 15)),
        (3, Cutting(), (1, 2)),
        (60, Cutting(context=20), (20, 40)),
        (60, Cutting(forecast=20), (40, 20)),
        (60, Cutting(context=20, forecast=30), (20, 30)),
    ],
)
def test_frames_given_and_asked_for(window: int, cutting: Cutting, expected: tuple[int, int]) -> None:
    assert given_and_asked(window, cutting) == expected


def test_an_import_has_the_kind_and_the_metric_that_fit_it_and_the_rights_of_its_neighbours(
    tmp_path: Path, checkout: Path
) -> None:
    """By FVU, for nMSE depends on where the zero of somebody's values lies."""
    path = npz(tmp_path / "a.npz", x=values(10, 20, 6))
    bring_in(checkout, [path], described={"kind": "fields"})
    assert (find_source("mine").kind, find_source("mine").primary_metric) == ("fields", "fvu")
    folder = checkout / "imported"
    assert (folder / "mine").stat().st_mode == folder.stat().st_mode  # others who read the checkout can read it


def test_many_files_have_a_card_of_a_few_lines(tmp_path: Path, checkout: Path) -> None:
    """Arrays that are read alike have one entry, and many files of a split one line with a hash over all of them."""
    few, many = ([tmp_path / f"run_{number:04}.npy" for number in range(count)] for count in (3, 150))
    for number, path in enumerate(many):
        np.save(path, values(20, 2, seed=number))
    (array,) = bring_in(checkout, few, "few").arrays
    assert (array.name, array.count) == ("run_0000", 3)
    card = bring_in(checkout, many)
    assert [(one.name, one.count) for one in card.arrays] == [("run_0000", 150)]
    (files,) = card.files
    assert files.name == "150 files, run_0000.npy to run_0149.npy"
    assert files.bytes == sum(path.stat().st_size for path in many)
    assert load_import("mine", checkout).about == card
    np.save(many[50], values(20, 2, seed=5000))
    assert bring_in(checkout, many, replace=True).files[0].sha256 != files.sha256


def test_deep_pictures_have_their_full_scale_and_transparent_ones_are_refused(tmp_path: Path) -> None:
    """A fifth of 16 bits, in a picture of 32 bits a pixel."""
    (tmp_path / "deep").mkdir()
    Image.new("I", (20, 16), 65535 // 5).save(tmp_path / "deep" / "f0.tif")
    (found,) = read_folder(tmp_path / "deep", Reading())
    np.testing.assert_allclose(found.values, 0.2, rtol=1e-6)
    for name, alpha in (("opaque", 255), ("glass", 128)):
        (tmp_path / name).mkdir()
        picture = Image.new("RGBA", (20, 16), (10, 20, 30, 255))
        picture.putpixel((3, 4), (10, 20, 30, alpha))
        picture.save(tmp_path / name / "f0.png")
    assert read_folder(tmp_path / "opaque", Reading())[0].values.shape == (1, 3, 16, 20)
    refused(lambda: read_folder(tmp_path / "glass", Reading()), "transparent")
    for name in ("beyond", "clear", "colours"):
        (tmp_path / name).mkdir()
    Image.new("I", (20, 16), 65536).save(tmp_path / "beyond" / "f0.tif")
    refused(lambda: read_folder(tmp_path / "beyond", Reading()), "65536")
    Image.new("L", (20, 16), 7).save(tmp_path / "clear" / "f0.png", transparency=7)
    refused(lambda: read_folder(tmp_path / "clear", Reading()), "transparent")
    (tmp_path / "colours" / "f0.png").write_bytes(png_of_16_bit_colours(20, 16))
    refused(lambda: read_folder(tmp_path / "colours", Reading()), "16 bits")
    (tmp_path / "opaque" / "f1.png").symlink_to(tmp_path / "gone.png")
    refused(lambda: read_folder(tmp_path / "opaque", Reading()), "f1.png")


def png_of_16_bit_colours(width: int, height: int) -> bytes:
    """A PNG as its specification has it: signature, header, pixels, end; Pillow writes no such file."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)  # 16 bits, colour type 2: RGB
    pixels = zlib.compress((b"\0" + bytes(range(6 * width))) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
