"""``ladid-bench import``: files of a user become a data set of the suite."""

from pathlib import Path
from typing import Annotated

import typer

from ladid_bench.core.paths import find_root

app = typer.Typer()
EACH_SPLIT = (
    "repeat for further channels; split=name, such as train=X_train, for one split; patterns such as '*/data' work"
)


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="name of the new data set")],
    files: Annotated[
        list[Path],
        typer.Argument(help=".npy .npz .mat .h5 .hdf5 .nc .zarr .csv .tsv, videos, or folders of pictures"),
    ],
    check: Annotated[bool, typer.Option("--check", help="show what would be done, write nothing")] = False,
    valid: Annotated[list[Path] | None, typer.Option(help="file to validate on; repeat for several")] = None,
    test: Annotated[list[Path] | None, typer.Option(help="file to test on; repeat for several")] = None,
    splits: Annotated[str, typer.Option(help="fractions of train, valid and test")] = "0.8,0.1,0.1",
    key: Annotated[list[str] | None, typer.Option(help=f"name of an array; {EACH_SPLIT}")] = None,
    layout: Annotated[str, typer.Option(help="order of the axes, such as 'trajectory time height width channel'")] = "",
    times: Annotated[list[str] | None, typer.Option(help="name of the array of times, or split=name")] = None,
    time_step: Annotated[float | None, typer.Option(help="time between successive frames")] = None,
    time_unit: Annotated[str, typer.Option(help="unit of time, such as s")] = "",
    max_gap: Annotated[
        float | None, typer.Option(help="longest time between successive frames of a trajectory")
    ] = None,
    context: Annotated[int | None, typer.Option(help="frames given as context")] = None,
    forecast: Annotated[int | None, typer.Option(help="frames to forecast")] = None,
    window: Annotated[int | None, typer.Option(help="frames per trajectory, cut from longer recordings")] = None,
    stride: Annotated[int | None, typer.Option(help="frames from one window to the next; default: its length")] = None,
    image_size: Annotated[int | None, typer.Option(help="largest side of the stored images")] = None,
    grayscale: Annotated[bool, typer.Option("--grayscale", help="average the colours into one channel")] = False,
    title: Annotated[str, typer.Option(help="title in the report")] = "",
    quantity: Annotated[str, typer.Option(help="what the values are, with their unit")] = "",
    origin: Annotated[str, typer.Option(help="measured, simulated or analysed")] = "",
    kind: Annotated[
        str, typer.Option(help="bodies, fields or measured, which selects the hyper-parameters; default: measured")
    ] = "",
    source: Annotated[str, typer.Option(help="where the data come from")] = "",
    licence: Annotated[str, typer.Option(help="licence of the data")] = "",
    citation: Annotated[str, typer.Option(help="how to cite the data")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="replace an existing import of this name")] = False,
) -> None:
    """Make a data set from your own files; see docs/your-own-data.md."""
    from ladid_bench.datasets.user.dividing import Cutting, parse_shares
    from ladid_bench.datasets.user.importing import understand
    from ladid_bench.datasets.user.recordings import Reading
    from ladid_bench.datasets.user.request import Request
    from ladid_bench.datasets.user.source import FOLDER
    from ladid_bench.datasets.user.summary import describe
    from ladid_bench.datasets.user.writing import version_with_dvc, write_import
    from ladid_bench.study.datasets import SOURCES

    words = {"title": title, "quantity": quantity, "origin": origin, "kind": kind, "source": source, "licence": licence}
    request = Request(
        name=name,
        files=files,
        held={split: paths for split, paths in (("valid", valid), ("test", test)) if paths},
        reading=Reading(tuple(key or ()), tuple(times or ()), layout, grayscale, image_size),
        cutting=Cutting(parse_shares(splits), context, forecast, window, stride, max_gap),
        time_step=time_step,
        described={**words, "citation": citation, "time_unit": time_unit},
        replace=replace or check,
    )
    root = find_root()
    understood = understand(request, root, SOURCES)
    print(describe(request, understood))
    if check:
        there = (root / FOLDER / name).exists()
        how = "with --replace instead of --check replaces" if there else "without --check makes"
        print(f"\nNothing was written. The same command {how} {FOLDER}/{name}.")
        return
    write_import(request, understood, root)
    print(f"\n{FOLDER}/{name}: written, and {version_with_dvc(name, root)}")
    print(f"Use it in config/<scale>.yaml: add the line\n  {name}: {{}}")
    print("under 'datasets'; an experiment that lists its own data sets must name it too")
