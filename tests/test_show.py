"""The page about a data set or a file: self-contained, complete, and the same bytes again."""

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from checkouts import Checkout
from PIL import Image

from ladid_bench.core.errors import BenchError
from ladid_bench.data.overview import choose, constant, histogram_frame, varying
from ladid_bench.data.trajectories import Trajectories, read_trajectories, write_trajectories
from ladid_bench.reporting.media import PRECISION, Film, strip
from ladid_bench.reporting.palette import difference_colours
from ladid_bench.reporting.show import _film, show_target
from ladid_bench.reporting.show_figures import time_caption
from ladid_bench.reporting.slides import write_gif


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("show"), root)
    small = {"trajectories": {"train": 8, "valid": 2, "test": 4}}
    made.configure(image_size=16, datasets={"pendulum": small, "pendulum--mass-2": small})
    return made


@pytest.fixture(scope="module")
def page(checkout: Checkout) -> Path:
    return show_target("pendulum", checkout.study, checkout.folders)


def test_the_page_of_a_data_set(checkout: Checkout, page: Path) -> None:
    assert page == checkout.folders.results / "show" / "pendulum" / "index.html"
    text = page.read_text()
    for identifier in ("motion", "equation", "states", "values", "times", "about"):
        assert f'id="{identifier}"' in text
    assert "<h1>Single pendulum</h1>" in text
    assert text.count("<math") == 3
    figures = {path.stem for path in (page.parent / "figures").iterdir()}
    assert {"values", "times", "state-theta", "state-angular_velocity", "state-energy"} <= figures
    assert "length 1 m" in text  # the same in all trajectories
    identifiers = re.findall(r'\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))
    links = re.findall(r'<a href="#([^"]+)"', text)
    assert set(links) <= set(identifiers)


def test_it_loads_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r'(?:src|href)="(?!#|data:)([^"]*)', text) == []
    assert re.findall(r"url\((?!data:image/webp;base64,|#)", text) == []


def test_the_film_for_slides_moves(page: Path) -> None:
    with Image.open(page.parent / "pendulum.gif") as film:
        assert film.n_frames == 60
        first = np.asarray(film.convert("RGB"))
        film.seek(30)
        assert np.abs(first.astype(int) - np.asarray(film.convert("RGB"))).max() > 100
    assert first[0, 0].tolist() == [255, 255, 255]


def test_the_same_data_give_the_same_bytes(checkout: Checkout, page: Path, tmp_path: Path) -> None:
    again = show_target("pendulum", checkout.study, checkout.folders, tmp_path)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (page.parent, again.parent)
    )
    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == ["pendulum"]


def test_a_negative_control_says_so(checkout: Checkout) -> None:
    text = show_target("pendulum--mass-2", checkout.study, checkout.folders).read_text()
    assert "<h1>Single pendulum, mass-2</h1>" in text
    assert 'class="caution control"' in text


def test_a_file_of_ours_knows_its_card(checkout: Checkout, page: Path, tmp_path: Path) -> None:
    (path,) = (checkout.folders.data / "pendulum" / "valid").glob("*.hdf5")
    text = show_target(str(path), checkout.study, checkout.folders, tmp_path).read_text()
    assert "<h1>Single pendulum</h1>" in text
    assert 'id="equation"' in text
    assert "valid 2" in text
    assert 'class="mark given"' in text


def test_a_file_of_unknown_origin(checkout: Checkout, trajectories: Trajectories, tmp_path: Path) -> None:
    path = tmp_path / "stranger.hdf5"
    write_trajectories(path, trajectories)
    made = show_target(str(path), checkout.study, checkout.folders, tmp_path)
    text = made.read_text()
    assert "<h1>made-up</h1>" in text
    assert 'id="equation"' not in text
    assert "context" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.DOTALL)
    assert (made.parent / "stranger.gif").exists()
    assert {"parameter-length", "state-angle"} <= {path.stem for path in (made.parent / "figures").iterdir()}


def test_vectors_are_strips_and_curves(checkout: Checkout, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((5, 9, 1, 3), dtype=np.float32)
    times = np.sort(np.random.default_rng(1).random((5, 9)), axis=1)
    write_trajectories(tmp_path / "v.h5", Trajectories(frames, times, np.arange(5), space=("feature",)))
    made = show_target(str(tmp_path / "v.h5"), checkout.study, checkout.folders, tmp_path / "pages")
    assert not list(made.parent.glob("*.gif"))
    assert {"series-feature-1", "series-feature-3"} <= {path.stem for path in (made.parent / "figures").iterdir()}
    assert made.read_text().count('class="look-at heat"') == len(choose(read_trajectories(tmp_path / "v.h5")))


def test_what_cannot_be_shown(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="'pendulm'"):
        show_target("pendulm", checkout.study, checkout.folders)
    with pytest.raises(BenchError, match=r"none\.hdf5"):
        show_target(str(tmp_path / "none.hdf5"), checkout.study, checkout.folders)
    (tmp_path / "pendulum").mkdir()
    (tmp_path / "pendulum" / "thesis.tex").write_text("precious")
    with pytest.raises(BenchError, match="--output"):
        show_target("pendulum", checkout.study, checkout.folders, tmp_path)
    assert (tmp_path / "pendulum" / "thesis.tex").read_text() == "precious"


def test_calm_and_lively_trajectories_are_found(trajectories: Trajectories) -> None:
    frames = (
        np.arange(6, dtype=np.float32)[None, :, None, None, None] * np.array([2, 9, 1, 5, 3])[:, None, None, None, None]
    )
    times = np.tile(np.arange(6.0), (5, 1))
    data = Trajectories(frames.astype(np.float32), times, np.arange(5))
    assert choose(data) == {"the first": 0, "the calmest": 2, "the median": 4, "the liveliest": 1}
    assert list(choose(data[:1])) == ["the first, the calmest, the median, the liveliest"]
    assert [one in time_caption(data, "s") for one in ("Regular", "6 frames", "every 1 s")] == [True] * 3
    assert varying({"test": trajectories}) == ["length"]
    assert constant({"test": trajectories}) == {}


def test_swinging_is_lively_though_it_comes_back() -> None:
    """From frame to frame the first changes by 1 and back, the second rises by a quarter each time."""
    frames = np.array([[0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 0.25, 0.5, 0.75, 1.0]], np.float32)[:, :, None, None, None]
    data = Trajectories(frames, np.tile(np.arange(5.0), (2, 1)), np.arange(2))
    assert {role: index for role, index in choose(data).items() if "liveliest" in role} == {
        "the first, the liveliest": 0
    }


def test_histograms_have_the_bins_of_all_splits_and_shares_of_their_own() -> None:
    values = {"train": np.array([0.0, 1.0, 1.0, 1.5]), "test": np.array([3.0, 4.0])}
    frame = histogram_frame(values, 4)
    train, test = (frame[frame["split"] == name] for name in ("train", "test"))
    assert train["low"].tolist() == test["low"].tolist() == [0, 1, 2, 3]
    assert train["high"].tolist() == [1, 2, 3, 4]
    assert train["share"].tolist() == [0.25, 0.75, 0, 0]
    assert test["share"].tolist() == [0, 0, 0, 1]


def test_a_parameter_is_constant_if_it_is_the_same_in_every_split(trajectories: Trajectories) -> None:
    one, other = (
        replace(trajectories, parameters={"mass": np.full(3, 2.0), "length": np.full(3, at)}) for at in (1, 5)
    )
    assert varying({"train": one, "test": other}) == ["length"]
    assert constant({"train": one, "test": other}) == {"mass": 2.0}


def test_a_film_has_levels_of_the_range_and_counts_time_from_the_last_given_frame() -> None:
    """Values 0 to 4 over a range of -1 to 4, fifths of 255 levels; two frames are given, at times 0 and 1."""
    frames = np.arange(5.0, dtype=np.float32)[None, :, None, None, None] + np.zeros((2, 1, 1, 4, 4), np.float32)
    data = Trajectories(frames, np.tile([0.0, 1.0, 3.0, 6.0, 10.0], (2, 1)), np.arange(2))
    shown: Any = SimpleNamespace(data=data, card={"task": {"low": [-1.0], "high": [4.0]}}, given=2, time_unit="s")
    film = _film(shown, 1)
    assert (film.given, film.lead.tolist()) == (2, [-1, 0, 2, 5, 9])
    assert film.levels[:, 0, 0].tolist() == [51, 102, 153, 204, 255]


def test_a_film_says_what_is_given() -> None:
    levels = np.zeros((5, 8, 16), np.uint8)
    film = Film(levels, np.arange(-1.0, 4), 2, "s")
    assert film.given_share == 40
    assert [one in film.style() for one in ("--ratio:16/8", "--frames:5", "--tile:256px")] == [True] * 3
    assert json.loads(film.leads)[1:3] == ["context 0 s", "forecast +1 s"]
    assert film.columns(2) == [("+1 s", 50), ("+2 s", 75), ("+3 s", 100)]
    assert json.loads(Film(levels, np.arange(5.0), 0, "").leads)[4] == "time 4"
    halves = Film(levels, np.arange(-1.5, 3.5), 2, "s")  # a whole step apart, each half a step off
    assert halves.times == ["\N{MINUS SIGN}1.5 s", "\N{MINUS SIGN}0.5 s", "+0.5 s", "+1.5 s", "+2.5 s"]


def test_a_minus_sign_is_no_empty_box_on_a_film(tmp_path: Path) -> None:
    """Words on films are drawn in a font that has a hyphen and no minus sign."""
    films = [Film(np.zeros((2, 8, 8), np.uint8), np.arange(2.0), 0, "s", "truth")]
    written = {}
    for name, title in {"minus": "\N{MINUS SIGN}6 s", "hyphen": "-6 s", "other": "+6 s"}.items():
        write_gif(tmp_path / f"{name}.gif", title, films, difference_colours())
        written[name] = (tmp_path / f"{name}.gif").read_bytes()
    assert written["minus"] == written["hyphen"] != written["other"]


def test_frames_stand_side_by_side_in_one_picture() -> None:
    levels = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4) * PRECISION
    content = base64.b64decode(strip(levels, difference_colours(), clear_before=1).partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    assert pixels.shape == (2, 16, 4)
    assert (pixels[:, :4, 3] == 0).all() and (pixels[:, 4:, 3] == 255).all()
    for frame in range(3):
        own = pixels[:, 4 + 4 * frame : 8 + 4 * frame, :3]
        np.testing.assert_array_equal(own, difference_colours()[levels[frame]])


def test_files_are_read_as_they_were_written(checkout: Checkout, page: Path) -> None:
    """Showing a data set leaves its files as they are, and makes no split it does not need."""
    folder = checkout.folders.data / "pendulum"
    assert {path.name for path in folder.iterdir()} == {"train", "valid", "test"}
    assert len(read_trajectories(next((folder / "test").glob("*.hdf5")))) == 4
