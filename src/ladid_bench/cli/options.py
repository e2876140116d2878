"""What commands about a study share: options that name its scale and choose among its runs, and opening it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ladid_bench.core.configuration import Study, load_study
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import Folders, chosen_scale, find_root

if TYPE_CHECKING:  # what takes long to import, each command imports for itself
    from ladid_bench.study.lookup import FoundRun
    from ladid_bench.study.selection import Selection

Scale = Annotated[str | None, typer.Option(help="scale to use; default: the one named in params.yaml")]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="runs on this data set; repeat for several")]
Methods = Annotated[list[str] | None, typer.Option("--method", help="runs of this method, or method:variant")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="runs with this seed")]
Experiments = Annotated[list[str] | None, typer.Option("--experiment", help="runs of this experiment")]


def check_target(target: Path, is_alike: Callable[[Path], bool], *inputs: Path) -> None:
    """Refuse to write over an input of the command, or over a file of another kind than the one that is written.

    Raises:
        BenchError: ``target`` is one of ``inputs``, or is there and not ``is_alike``.
    """
    if not target.is_file():
        return
    if any(one.exists() and target.samefile(one) for one in inputs):
        raise BenchError(f"{target}: is what this command reads; choose another file to write")
    if not is_alike(target):
        raise BenchError(f"{target}: is there and a file of another kind; choose another name, or remove it first")


def open_study(scale: str | None) -> tuple[Study, Folders]:
    """Open the study of ``scale``, or of the scale chosen in params.yaml, with its folders in this checkout."""
    root = find_root()
    name = scale or chosen_scale(root)
    return load_study(name, root), Folders(root, name)


def open_runs(keys: Sequence[str], scale: str | None) -> "list[FoundRun]":
    """Find the runs that ``keys`` mean in ``scale`` or, without one, in whichever scale has them."""
    from ladid_bench.study.lookup import find_runs

    return find_runs(keys, find_root(), scale)


def supply_model(found: "FoundRun") -> None:
    """Make sure that the data of a run are there, and its model if it trains one.

    Raises:
        BenchError: its training ended without a model.
    """
    from ladid_bench.runs import supervise
    from ladid_bench.study.datasets import make_missing

    planned, folders = found.run, found.folders
    make_missing(planned.datasets, folders)
    if not planned.trained:
        return
    if problem := supervise.supply_model(planned, folders, found.study.execution):
        raise BenchError(f"{planned.label}: has no model, {problem.status} ({problem.reason})")
    if not folders.model(planned.key).exists():
        raise BenchError(f"{planned.label}: has no model, its run ended without one")


def selection_from_options(
    datasets: Sequence[str] | None,
    methods: Sequence[str] | None,
    seeds: Sequence[int] | None,
    experiments: Sequence[str] | None,
    keys: Sequence[str] | None = None,
) -> "Selection":
    """Select runs by the options above, of which those not used are None."""
    from ladid_bench.study.selection import Selection

    return Selection(keys or (), datasets or (), methods or (), seeds or (), experiments or ())
