"""A data set or a trajectory file as one self-contained page, with a film for talks beside it."""

from pathlib import Path

import numpy as np
from markupsafe import Markup

from ladid_bench.core.configuration import Study
from ladid_bench.core.files import replaced_folder
from ladid_bench.core.paths import Folders
from ladid_bench.core.spreading import end_to_end
from ladid_bench.data.overview import choose, constant
from ladid_bench.data.thumbnails import smaller
from ladid_bench.data.variables import unit_of
from ladid_bench.reporting import show_figures as drawings
from ladid_bench.reporting.formatting import counted, short
from ladid_bench.reporting.media import Film, colour_bars, strip
from ladid_bench.reporting.pages import INDEX, Page, Section, check_place, figures, part, warnings
from ladid_bench.reporting.palette import INK, frame_colours, variable
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
    with replaced_folder(final) as folder:
        _build(folder, shown)
    return final / INDEX


def _build(folder: Path, shown: Shown) -> None:
    data, card, colours = shown.data, dict(shown.card), frame_colours(dict(shown.card))
    chosen = choose(data)
    films = [_film(shown, index) for index in chosen.values()]
    pictures = {film.name: strip(film.levels, colours) for film in films}
    gif = f"{shown.name}.gif" if films[0].image else ""
    if gif:
        write_gif(folder / gif, str(card["title"]), films, colours)
    Page(
        title=str(card["title"]),
        heading=str(card["title"]),
        eyebrow=part("origin", card),
        lead=card["summary"],
        cautions=warnings(card),
        sections=_sections(folder, shown, films, pictures, gif),
        home=(str(card["title"]), "#top"),
        pictures=pictures,
        script=True,
    ).write(folder / INDEX)


def _sections(folder: Path, shown: Shown, films: list[Film], pictures: dict[str, str], gif: str) -> list[Section]:
    """What there is to see: films, curves and facts."""
    data, card, chosen = shown.data, dict(shown.card), choose(shown.data)
    unit = unit_of(shown.units, data.fields[0])
    indices = list(chosen.values())
    features = drawings.feature_figures(data, indices, unit, shown.time_unit) if data.frames.ndim == 4 else []
    series, states, histogram, parameters, times = (
        figures(folder, group)
        for group in (
            features,
            drawings.state_figures(data, indices, shown.units, shown.time_unit),
            [drawings.values_figure(shown.splits, unit)],
            drawings.parameter_figures(shown.splits, shown.units),
            [drawings.time_figure(data, shown.time_unit)],
        )
    )
    swatches = [f"background:var({variable(colour)})" for colour in drawings.CHOSEN]
    reel = list(zip(films, chosen.items(), swatches, strict=False))
    keys = {name: drawings.SPLIT_COLOURS.get(name, INK[0]) for name in shown.splits}
    splits = {name: f"var({variable(colour)})" for name, colour in keys.items()}
    constants = {name: short(value, 4) for name, value in constant(shown.splits).items()}
    motion = part("motion", shown, reel, pictures, colour_bars(card)[0], series, gif)
    values = part("values", histogram, times, splits)
    made = [
        Section("motion", "Motion" if gif else "Observations", motion),
        Section("equation", "Equation", part("equation", card["equation"]) if card["equation"] else Markup()),
        Section("states", "True states over time", part("states", states, reel) if states else Markup(), "States"),
        Section("values", "Values and times", values, "Values"),
        Section("parameters", "Parameters", part("parameters", parameters, splits, constants, shown.units)),
        Section("about", "About the data", part("facts", card, _facts(shown)), "About"),
    ]
    return [one for one in made if one.body.strip()]


def _film(shown: Shown, index: int) -> Film:
    """Take a trajectory of the shown split, first channel, as levels over the card's range."""
    data, task = shown.data, shown.card["task"]
    total = data.frames.shape[1]
    kept = end_to_end(total, MOST_FRAMES)
    features = 1 if data.frames.ndim == 5 else data.frames.shape[3]
    low, high = (np.array(task[end][:features]) for end in ("low", "high"))  # of the first channel
    unit = (data.frames[index, kept, 0] - low) / (high - low)  # (frame, *space)
    lead = data.times[index, kept] - data.times[index, max(0, shown.given - 1)]
    levels = smaller((255 * unit.clip(0, 1)).round().astype(np.uint8))
    given = int((kept < shown.given).sum())
    return Film(levels, lead, given, shown.time_unit, f"trajectory {index}", f"film-{index}")


def _facts(shown: Shown) -> list[tuple[str, str, str]]:
    """What is in the file: name, value, and class in the style sheet."""
    data = shown.data
    sizes = [
        f"{name} {len(split)} ({counted(len(np.unique(split.group)), 'group')})" for name, split in shown.splits.items()
    ]
    space = " by ".join(str(size) for size in data.frames.shape[3:])
    low, high = (f"{value:.4g}" for value in (data.frames.min(), data.frames.max()))
    keys = ("dataset", "system", "generator_version", "seed", "split", "data_key")
    origin = ", ".join(f"{key.replace('_', ' ')} {data.provenance[key]}" for key in keys if key in data.provenance)
    return [
        ("trajectories", ", ".join(sizes), ""),
        ("frames", f"{data.frames.shape[1]} of {space} values; channels: {', '.join(data.fields)}", ""),
        ("boundary", data.boundary, ""),
        ("values", f"{low} to {high}", ""),
        ("provenance", origin, ""),
        ("content SHA-256", data.content_sha256, "mono"),
        ("this page", shown.command, "mono"),
    ]
