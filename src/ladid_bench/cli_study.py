"""What commands about a study share: the option that names its scale, and opening it."""

from typing import Annotated

import typer

from ladid_bench.config import Study, load_study
from ladid_bench.project import Folders, chosen_scale, find_root

Scale = Annotated[str | None, typer.Option(help="scale to use; default: the one named in params.yaml")]


def open_study(scale: str | None) -> tuple[Study, Folders]:
    """The study of ``scale``, or of the scale chosen in params.yaml, and its folders in this checkout."""
    root = find_root()
    name = scale or chosen_scale(root)
    return load_study(name, root), Folders(root, name)
