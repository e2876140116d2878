"""A data set or a trajectory file as one self-contained page, with a film for talks beside it."""

from pathlib import Path

import numpy as np

from ladid_bench.core.configuration import Study
from ladid_bench.core.files import write_text
from ladid_bench.core.paths import Folders
from ladid_bench.data.overview import choose, constant
from ladid_bench.data.thumbnails import smaller
from ladid_bench.reporting import show_figures as drawings
from ladid_bench.reporting.drawing import Drawing
from ladid_bench.reporting.formatting import counted, short
from ladid_bench.reporting.media import Film, colour_bars, strip
from ladid_bench.reporting.pages import INDEX, check_place, figures, published, render
from ladid_bench.reporting.palette import frame_colours, variable
from ladid_bench.reporting.slides import write_gif
from ladid_bench.study.shown import Shown, shown_dataset, shown_file

SUFFIXES = (".hdf5", ".h5")
MOST_FRAMES = 120  # of a film


def show_target(target: str, study: Study, folders: Folders, output: Path | None = None) -> Path:
    """Write the page of a data set of ``study``, whose files are made if need be, or of a trajectory file.

    Args:
        target: name of the data set, or path of the file.
        study: whose sizes and seeds hold.
        folders: of its scale.
        output: folder for the page's own folder, instead of ``results/<scale>/show``.

    Returns:
        The page.

    Raises:
        BenchError: there is no such data set or file, or the place is taken by something else.
    """
    is_file = target.endswith(SUFFIXES) or Path(target).is_file()
    shown = shown_file(Path(target)) if is_file else shown_dataset(target, study, folders)
    final = (output or folders.results / "show") / shown.name
    check_place(final)
    with published(final) as folder:
        _build(folder, shown)
    return final / INDEX


def _build(folder: Path, shown: Shown) -> None:
    data, card, colours = shown.data, dict(shown.card), frame_colours(dict(shown.card))
    chosen = choose(data)
    films = [_film(shown, index) for index in chosen.values()]
    sources = {film.name: strip(film.levels, colours) for film in films}
    image = films[0].image
    if image:
        write_gif(folder / f"{shown.name}.gif", str(card["title"]), films, colours)
    drawn = _drawings(shown, list(chosen.values()))
    swatches = [f"background:var({variable(colour)})" for colour in drawings.CHOSEN]
    splits = {name: drawings.SPLIT_COLOURS.get(name, "") for name in shown.splits}
    page = render(
        "show.html.j2",
        shown=shown,
        card=card,
        films=list(zip(films, chosen.items(), swatches, strict=False)),
        sources=sources,
        bar=colour_bars(card)[0],
        figures={name: figures(folder, group) for name, group in drawn.items()},
        keys={name: f"var({variable(colour)})" if colour else "var(--ink)" for name, colour in splits.items()},
        constants={name: short(value, 4) for name, value in constant(shown.splits).items()},
        facts=_facts(shown),
        gif=f"{shown.name}.gif" if image else "",
    )
    write_text(folder / INDEX, page)


def _film(shown: Shown, index: int) -> Film:
    """Take a trajectory of the shown split, first channel, as levels over the card's range."""
    data, task = shown.data, shown.card["task"]
    total = data.frames.shape[1]
    kept = np.unique(np.linspace(0, total - 1, min(total, MOST_FRAMES)).round().astype(int))
    features = 1 if data.frames.ndim == 5 else data.frames.shape[3]
    low, high = (np.array(task[end][:features]) for end in ("low", "high"))  # of the first channel
    unit = (data.frames[index, kept, 0] - low) / (high - low)  # (frame, *space)
    lead = data.times[index, kept] - data.times[index, max(0, shown.given - 1)]
    levels = smaller((255 * unit.clip(0, 1)).round().astype(np.uint8))
    given = int((kept < shown.given).sum())
    return Film(levels, lead, given, shown.time_unit, f"trajectory {index}", f"film-{index}")


def _drawings(shown: Shown, chosen: list[int]) -> dict[str, list[Drawing]]:
    data, unit = shown.data, shown.units.get(shown.data.fields[0], "").removesuffix("1")
    vectors = data.frames.ndim == 4
    return {
        "series": drawings.feature_figures(data, chosen, unit, shown.time_unit) if vectors else [],
        "states": drawings.state_figures(data, chosen, shown.units, shown.time_unit),
        "histogram": [drawings.values_figure(shown.splits, unit)],
        "parameters": drawings.parameter_figures(shown.splits, shown.units),
        "times": [drawings.time_figure(data, shown.time_unit)],
    }


def _facts(shown: Shown) -> list[tuple[str, str]]:
    """What is in the file, as (name, value)."""
    data = shown.data
    sizes = [
        f"{name} {len(split)} ({counted(len(np.unique(split.group)), 'group')})" for name, split in shown.splits.items()
    ]
    space = " by ".join(str(size) for size in data.frames.shape[3:])
    low, high = (f"{value:.4g}" for value in (data.frames.min(), data.frames.max()))
    keys = ("dataset", "system", "generator_version", "seed", "split", "data_key")
    origin = ", ".join(f"{key.replace('_', ' ')} {data.provenance[key]}" for key in keys if key in data.provenance)
    return [
        ("trajectories", ", ".join(sizes)),
        ("frames", f"{data.frames.shape[1]} of {space} values; channels: {', '.join(data.fields)}"),
        ("boundary", data.boundary),
        ("values", f"{low} to {high}"),
        ("provenance", origin),
        ("content SHA-256", data.content_sha256),
        ("this page", shown.command),
    ]
