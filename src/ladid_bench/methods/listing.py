"""The methods of a checkout as a list: what each is, and whether it can run here."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import read_json
from ladid_bench.methods.registry import MethodCard, load_card, method_folders

SEARCH = "search.json"  # beside the card, written by ``ladid-bench search``


@dataclass(frozen=True)
class Listed:
    """Describe one method of the checkout.

    Attributes:
        name: as in configurations.
        card: what it says of itself.
        missing: the first module it needs that is not installed, or nothing.
        searched: what is recorded of the search for its settings, or nothing for one that is not neural.
    """

    name: str
    card: MethodCard
    missing: str
    searched: str

    @property
    def status(self) -> str:
        """Say ``ready``, or what is missing and how to get it."""
        if not self.missing:
            return "ready"
        what = f"'ladid-bench[{self.card.extra}]'" if self.card.extra else self.missing
        return f"needs {self.missing}: pip install {what}"


def list_methods(root: Path) -> list[Listed]:
    """List every method by name; nothing is imported."""
    listed = []
    for name, folder in method_folders(root).items():
        card = load_card(name, root)
        missing = next((one for one in card.requires if importlib.util.find_spec(one) is None), "")
        listed.append(Listed(name, card, missing, _searched(card, folder / SEARCH)))
    return listed


def _searched(card: MethodCard, path: Path) -> str:
    if card.kind != "neural":
        return ""
    if not path.exists():
        return "not searched"
    remedy = "search again"
    found = read_json(path, "record of a search", remedy)
    try:
        outdated = "" if found["identity"]["method_version"] == card.version else " of another version"
        return f"searched, {len(found['trials'])} trials{outdated}"
    except (LookupError, TypeError) as error:
        raise BenchError(f"{path}: not a readable record of a search ({error!r}); {remedy}") from error
