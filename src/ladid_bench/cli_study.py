"""What commands about a study share: options that name its scale and choose among its runs, and opening it."""

from typing import Annotated

import typer

from ladid_bench.config import Study, load_study
from ladid_bench.project import Folders, chosen_scale, find_root

Scale = Annotated[str | None, typer.Option(help="scale to use; default: the one named in params.yaml")]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="runs on this data set; repeat for several")]
Methods = Annotated[list[str] | None, typer.Option("--method", help="runs of this method, or method:variant")]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="runs with this seed")]
Experiments = Annotated[list[str] | None, typer.Option("--experiment", help="runs of this experiment")]


def open_study(scale: str | None) -> tuple[Study, Folders]:
    """The study of ``scale``, or of the scale chosen in params.yaml, and its folders in this checkout."""
    root = find_root()
    name = scale or chosen_scale(root)
    return load_study(name, root), Folders(root, name)
