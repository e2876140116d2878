"""Finding methods: a folder with a card is a method, in this package (LaDID) or under ``baselines/``.

Cards are read without importing the method, so that planning a study loads no neural network library.
"""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import Field, model_validator

from ladid_bench.core.configuration import DataKind, Section, changed_settings, parse
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.paths import PACKAGE
from ladid_bench.core.readers import read_yaml
from ladid_bench.methods.base import Method
from ladid_bench.methods.searched import chosen_settings

TRAINED = ("neural", "floor")  # kinds that the shared trainer trains
GROWTH = "growth"  # setting of every trained method: the query length grows 1, 2, 4, ... to the full horizon


class Citation(Section):
    """Name the publication that the method comes from."""

    text: str = Field(description="authors, title, venue, year")
    url: str = Field("", description="where to read it")


class Estimate(Section):
    """Estimate a run's cost on one CPU core at 32 px, for the plan that is printed before work starts."""

    seconds: float = Field(2, ge=0, description="fixed seconds of a run")
    seconds_per_step: float = Field(0, ge=0, description="seconds of one optimiser step")


class MethodCard(Section):
    """Describe a method and the hyper-parameters it starts from, in its ``method.yaml``."""

    title: str
    kind: Literal["neural", "simple", "reference", "floor"] = Field(
        description="reference methods need not beat the mean; a floor renders the true frames and forecasts nothing"
    )
    summary: str
    citation: Citation
    version: int = Field(ge=1, description="raised whenever the same settings would give another result")
    deterministic: bool = Field(False, description="the seed changes nothing, so one run is enough")
    requires: list[str] = Field(default_factory=list, description="modules to import beyond the core packages")
    extra: str = Field("", description="optional extra of this package that installs them")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="every hyper-parameter with its default; 'growth' need not be named"
    )
    variants: dict[str, dict[str, Any]] = Field(
        default={"default": {}},
        min_length=1,
        description="named changes of settings; the first is what a plain name means",
    )
    search: dict[str, list[Any]] = Field(
        default_factory=dict, description="values of settings among which the recorded search chooses"
    )
    sampled: str = Field(
        "", description="what differs between draws of its predictive distribution; empty where it forecasts one future"
    )
    searched_as: dict[str, str] = Field(
        default_factory=dict,
        description="variants that are trained as another method is: with what that one searches for and this one has",
    )
    not_in_forecast: dict[str, str] = Field(
        default_factory=dict,
        description="parameters, by the beginning of their name, that a mean forecast cannot show, and why",
    )
    rounding: float = Field(
        1e-4,
        gt=0,
        lt=1,
        description="relative difference of a metric that rounding on another machine explains, without training",
    )
    parts: dict[Literal["dynamics", "encoder"], list[str]] = Field(
        default_factory=dict,
        description="children of the model that are its dynamics, and that read the context, for transfer to freeze",
    )
    fidelity: str = Field("", description="what was taken from the source and what differs, and why")
    estimate: Estimate = Field(default_factory=Estimate)

    @model_validator(mode="before")
    @classmethod
    def _with_shared_settings(cls, content: Any) -> Any:
        """Add ``growth``, on unless the card says otherwise, and searched for where anything is."""
        if not isinstance(content, dict) or content.get("kind") not in TRAINED:
            return content
        settings, search = content.get("settings", {}), content.get("search")
        if isinstance(settings, dict):
            content = content | {"settings": settings | {GROWTH: settings.get(GROWTH, True)}}
        if isinstance(search, dict) and search:
            content = content | {"search": search | {GROWTH: [True, False]}}
        return content

    @property
    def trained(self) -> bool:
        """Tell whether it is trained step by step, so that its result depends on the budget."""
        return self.kind in TRAINED


def method_folders(root: Path) -> dict[str, Path]:
    """Find the folders of all methods by name; folder names use underscores, method names hyphens."""
    cards = [path for place in (PACKAGE, root / "baselines") for path in sorted(place.glob("*/method.yaml"))]
    return {card.parent.name.replace("_", "-"): card.parent for card in cards}


def _folder(name: str, root: Path) -> Path:
    folders = method_folders(root)
    if name not in folders:
        raise BenchError(f"unknown method '{name}'; {nearest(name, folders)}")
    return folders[name]


def load_card(name: str, root: Path) -> MethodCard:
    """Read and check a method's card.

    Raises:
        BenchError: no such method, or a card with an unknown or wrong key.
    """
    path = _folder(name, root) / "method.yaml"
    card = parse(MethodCard, read_yaml(path), str(path))
    if card.trained and "learning_rate" not in card.settings:
        raise BenchError(f"{path}: a trained method's settings need 'learning_rate', the peak of the shared schedule")
    return card


def resolve_settings(
    name: str, variant: str, changes: Mapping[str, Any], root: Path, kind: DataKind | None = None
) -> dict[str, Any]:
    """Merge the hyper-parameters of ``name``: the card's, what was searched for, then ``variant``, then ``changes``.

    Args:
        name: of the method.
        variant: one of its card.
        changes: of settings, by name.
        root: the checkout.
        kind: of the data, for which settings were searched; None for the card's own.

    Raises:
        BenchError: no such method or variant, or a setting that the card does not have.
    """
    card = load_card(name, root)
    if variant not in card.variants:
        raise BenchError(f"method '{name}': unknown variant '{variant}'; {nearest(variant, card.variants)}")
    settings = _searched(name, card, root, kind)
    if variant in card.searched_as:
        settings |= _borrowed(card.searched_as[variant], settings, root, kind)
    settings = changed_settings(settings, card.variants[variant], f"method '{name}', variant '{variant}'")
    return changed_settings(settings, changes, f"method_settings of '{name}'")


def _searched(name: str, card: MethodCard, root: Path, kind: DataKind | None) -> dict[str, Any]:
    """The card's settings with what the search for a kind of data has found."""
    found = {} if kind is None else chosen_settings(_folder(name, root), kind)
    return changed_settings(card.settings, found, f"method '{name}', recorded search for {kind}")


def _borrowed(other: str, known: Mapping[str, Any], root: Path, kind: DataKind | None) -> dict[str, Any]:
    """What ``other`` has of the settings that are searched for it, as far as they are known here."""
    card = load_card(other, root)
    theirs = _searched(other, card, root, kind)
    return {setting: theirs[setting] for setting in card.search if setting in known}


def load_method(name: str, root: Path) -> type[Method]:
    """Import a method's class: the ``Method`` subclass that its ``method.py`` exports as ``METHOD``.

    Raises:
        BenchError: a module the card requires is missing, or ``method.py`` exports no method.
    """
    card, path = load_card(name, root), _folder(name, root) / "method.py"
    for module in card.requires:
        if importlib.util.find_spec(module) is None:
            remedy = f"pip install 'ladid-bench[{card.extra}]'" if card.extra else f"pip install {module}"
            raise BenchError(f"method '{name}' needs the module '{module}', which is not installed; {remedy}")
    packaged = path.is_relative_to(PACKAGE)
    code = importlib.import_module(f"{PACKAGE.name}.{path.parent.name}.method") if packaged else _load_file(path)
    method = getattr(code, "METHOD", None)
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise BenchError(f"{path}: must set METHOD to a subclass of ladid_bench.methods.base.Method")
    return method


def _load_file(path: Path) -> ModuleType:
    """Import a baseline's ``method.py`` under a name of its own; the folder is no package."""
    name = f"ladid_bench_baselines_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise BenchError(f"{path}: there is no such file; a baseline needs method.py beside method.yaml")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module
