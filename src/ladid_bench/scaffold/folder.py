"""Write the folder of a new baseline: all of it or nothing."""

import re
import tempfile
from pathlib import Path

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.methods.registry import method_folders

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
PLACEHOLDER = "TITLE"
TEMPLATES = Path(__file__).parent


def new_baseline(name: str, root: Path, neural: bool) -> Path:
    """Write ``baselines/<name>`` with a card and a method that pass every check as they are.

    Args:
        name: of the method, with hyphens; the folder gets underscores.
        root: the checkout.
        neural: whether it is trained by the shared trainer.

    Returns:
        The folder.

    Raises:
        BenchError: the name is no name, or it is taken; nothing is written.
    """
    if not NAME.fullmatch(name):
        proposed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")
        hint = f", such as '{proposed}'" if NAME.fullmatch(proposed) else ""
        raise BenchError(f"{name!r} is no name for a method; take lower-case letters, digits and single hyphens{hint}")
    folder = root / "baselines" / name.replace("-", "_")
    taken = method_folders(root).get(name, folder if folder.exists() else None)
    if taken is not None:
        where = taken.relative_to(root) if taken.is_relative_to(root) else taken
        raise BenchError(f"'{name}' is taken by {where}; nothing was written, choose another name")
    template = "neural" if neural else "closed_form"
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
        made = Path(temporary) / folder.name  # one level too deep to be taken for a method
        for suffix in (".py", ".yaml"):
            text = (TEMPLATES / f"{template}{suffix}").read_text(encoding="utf-8")
            write_text(made / f"method{suffix}", text.replace(PLACEHOLDER, name.replace("-", " ").capitalize()))
        made.rename(folder)
    return folder
