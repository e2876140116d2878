"""The methods of a checkout as a list: what each is, and whether it can run here."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ladid_bench.core.configuration import DATA_KINDS
from ladid_bench.methods.registry import MethodCard, load_card, method_folders
from ladid_bench.methods.searched import read_search


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


def list_method(name: str, root: Path) -> Listed:
    """Describe one method by its card and the records of its search; nothing is imported.

    Raises:
        BenchError: there is no such method, or its card or the record of a search cannot be read.
    """
    card = load_card(name, root)
    missing = next((one for one in card.requires if importlib.util.find_spec(one) is None), "")
    return Listed(name, card, missing, _searched(card, method_folders(root)[name]))


def _searched(card: MethodCard, folder: Path) -> str:
    if card.kind != "neural":
        return ""
    records = [record for kind in DATA_KINDS if (record := read_search(folder, kind))]
    ended = [record for record in records if record.ended]
    outdated = any(record.identity.method_version != card.version for record in ended)
    if not ended:
        return "not searched"
    return f"searched on {', '.join(record.identity.kind for record in ended)}{' with another version' * outdated}"
