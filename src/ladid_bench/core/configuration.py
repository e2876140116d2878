"""The configuration of a study: one pydantic model, read from ``config/<scale>.yaml``.

The JSON schema in ``config/schema.json`` is generated from the model (``ladid-bench schema``).
"""

import itertools
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    field_validator,
)

from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.readers import read_yaml

Model = TypeVar("Model", bound=BaseModel)

# Beyond these, numbers are slips of the pen, and arithmetic with them fails in ways that explain nothing.
MOST = 10**8  # of whatever is counted
LARGEST_SEED = 2**63 - 1
LARGEST_IMAGE = 4096  # pixels
LONGEST = 10**6  # minutes
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]

DataKind = Literal["bodies", "fields", "measured"]  # hyper-parameters are searched for once for each
DATA_KINDS: tuple[DataKind, ...] = typing.get_args(DataKind)

SCALE = r"[a-z][a-z0-9-]{0,59}"  # a name that is a file's too


class Section(BaseModel):
    """A part of the configuration: immutable, and no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StrictSection(Section):
    """A part in which ``yes`` is no number and a quoted number is a text."""

    model_config = ConfigDict(strict=True)


class SplitSizes(StrictSection):
    """Trajectories in each split; measured data sets have at most what was measured."""

    train: int = Field(400, ge=1, le=MOST, description="training trajectories")
    valid: int = Field(50, ge=1, le=MOST, description="validation trajectories, for model selection")
    test: int = Field(50, ge=1, le=MOST, description="test trajectories, scored once")


class Dataset(StrictSection):
    """How one data set is made. Context and forecast frames default to what its source declares."""

    source: str | None = Field(
        None, description="system or measured set it is made from, when the name is one of your own; default: the name"
    )
    trajectories: SplitSizes = Field(default_factory=SplitSizes, description="trajectories in each split")
    seed: Seed = Field(0, description="seed of the generator; splits draw from disjoint streams of it")
    context_frames: int | None = Field(
        None, ge=1, le=MOST, description="frames of the context, from which a method forecasts"
    )
    forecast_frames: int | None = Field(None, ge=1, le=MOST, description="frames a method has to forecast")
    image_size: int | None = Field(
        None, ge=16, le=LARGEST_IMAGE, multiple_of=16, description="side of an image in pixels; default: the study's"
    )
    settings: dict[str, float | int | str | bool] = Field(
        default_factory=dict, description="changed settings of the source, such as a physical constant"
    )


class Budget(StrictSection):
    """Training budget and optimiser, the same for every neural method."""

    steps: int = Field(3000, ge=1, le=MOST, description="optimiser steps")
    batch_size: int = Field(16, ge=1, le=MOST, description="trajectories in a step")
    windows: int = Field(3, ge=1, le=MOST, description="windows cut from each trajectory in a step")
    queries: int = Field(8, ge=1, le=MOST, description="query frames decoded for each window in a step")
    growth_steps: int = Field(
        60,
        ge=1,
        le=MOST,
        description="steps before each doubling of the query length, with the setting 'growth'",
    )
    warmup_steps: int = Field(100, ge=0, le=MOST, description="steps of linear warm-up, then the rate is constant")
    decay_fraction: float = Field(
        0.2, ge=0, le=1, description="share of the steps, the last ones, in which the learning rate falls to zero"
    )
    weight_decay: float = Field(0.01, ge=0, description="decoupled weight decay of AdamW")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    validate_every: int = Field(
        60, ge=1, le=MOST, description="steps between validations; the weights kept are those of the best one"
    )

    @property
    def trunk_steps(self) -> int:
        """Steps before the learning rate falls; they do not depend on ``steps``, so that budgets share them."""
        return self.steps - round(self.decay_fraction * self.steps)


Kind = Literal[
    "comparison",
    "equal-time",
    "transfer",
    "irregular",
    "ablation",
    "horizon",
    "shift",
    "mixture",
    "probe",
    "calibration",
    "sufficiency",
    "size",
    "cost",
    "sweep",
]
KINDS: tuple[Kind, ...] = typing.get_args(Kind)
ExperimentName = Annotated[str, Field(pattern=rf"^{SCALE}$")]  # the name of files too, as that of a scale is
Arm = Literal["scratch", "zero-shot", "fine-tuned", "frozen-dynamics", "frozen-encoder"]
Fraction = Annotated[float, Field(gt=0, le=1)]


class Experiment(StrictSection):
    """A block of runs that answers one question; blocks and experiments share the runs in which they agree.

    Everything listed is crossed: data sets, methods, changes, arms, fractions, seeds. A question that is no
    full product is a list of such blocks.
    """

    kind: Kind | None = Field(
        None,
        description="what the report makes of the experiment; default: its name, if that is a kind, else comparison",
    )
    datasets: list[str] | None = Field(
        None, description="data sets, crossed with the methods; default: every one under the study's 'datasets'"
    )
    methods: list[str] = Field(
        default_factory=list, description="method, or method:variant; crossed with the data sets"
    )
    pairs: list[Annotated[tuple[str, str], Strict(False)]] = Field(  # YAML has lists alone
        default_factory=list,
        description="further (data set, method) pairs, for when the product is too much",
    )
    seeds: list[Seed] = Field(
        default=[0], min_length=1, max_length=1000, description="seeds; deterministic methods run once"
    )
    fractions: list[Fraction] = Field(
        default=[1.0],
        min_length=1,
        max_length=1000,
        description="shares of the training trajectories; a smaller one lies in a larger",
    )
    init_from: str | None = Field(
        None, description="data set on which a method is trained before it meets those of 'datasets'"
    )
    arms: list[Arm] = Field(
        default=["scratch"],
        min_length=1,
        max_length=len(typing.get_args(Arm)),
        description="zero-shot takes the model of 'init_from' as it is, fine-tuned trains it on, frozen-* a part of it",
    )
    changes: list[dict[str, Any]] = Field(
        default=[{}],
        min_length=1,
        max_length=1000,
        description="changed settings of the methods, one set a run, on top of the variant",
    )
    budget: dict[str, int | float | bool] = Field(
        default_factory=dict, description="changes of the study's budget; the model of 'init_from' has the study's own"
    )
    rungs: list[Annotated[int, Field(ge=1, le=MOST)]] = Field(
        default=[],
        max_length=20,
        description="budgets in steps at which each training is recorded; the largest takes the place of the study's",
    )


def _listed(content: Any) -> Any:
    """An experiment of one block need not be written as a list."""
    return [content] if isinstance(content, Mapping | Experiment) else content


def _of_one_kind(blocks: list[Experiment]) -> list[Experiment]:
    """Refuse an experiment whose blocks name different kinds."""
    named = list(dict.fromkeys(block.kind for block in blocks if block.kind))
    if len(named) > 1:
        raise ValueError(f"the blocks of one experiment must have one kind, not {' and '.join(named)}")
    return blocks


Blocks = Annotated[
    list[Experiment],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Experiment | list[Experiment]),
    AfterValidator(_of_one_kind),
]


class Stage(StrictSection):
    """So many trials of a search that are trained for so many steps; the best of them go on to the next stage."""

    trials: int = Field(ge=1, le=MOST, description="trials")
    steps: int = Field(ge=1, le=MOST, description="optimiser steps, the fall of the learning rate included")


class Search(StrictSection):
    """The search for hyper-parameters, the same effort for every neural method; see ``ladid-bench search``."""

    datasets: dict[DataKind, str] = Field(
        default={"bodies": "pendulum", "fields": "reaction-diffusion", "measured": "air-temperature"},
        description="for each kind of data the set whose validation split decides; its test split stays shut",
    )
    stages: list[Stage] = Field(
        default=[Stage(trials=7, steps=300), Stage(trials=2, steps=600)],
        min_length=2,
        max_length=20,
        description="the first with all trials, of which the first has the settings of the card; in the last one the "
        "card's settings are trained as well, whether they have come so far or not",
    )
    seed: Seed = Field(0, description="seed of what is drawn and of the training")

    @field_validator("stages")
    @classmethod
    def _fewer_for_longer(cls, stages: list[Stage]) -> list[Stage]:
        for shorter, longer in itertools.pairwise(stages):
            if longer.steps <= shorter.steps or longer.trials > shorter.trials:
                raise ValueError("each stage needs more steps than the one before, and no more trials")
        return stages


class Execution(StrictSection):
    """How runs are executed; nothing here changes a result, so it is no part of a run's key."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes the GPU where there is one")
    threads: int = Field(1, ge=1, le=1024, description="threads of one run; runs side by side want 1")
    time_limit_minutes: float = Field(
        60, gt=0, le=LONGEST, description="a run that takes longer is stopped and counts as a timeout"
    )
    retries: int = Field(1, ge=0, le=100, description="further attempts of a run that failed")


class Study(StrictSection):
    """Everything that determines a study at one scale."""

    scale: str = Field(pattern=rf"^{SCALE}$", description="name of the scale; the file is config/<scale>.yaml")
    image_size: int = Field(32, ge=16, le=LARGEST_IMAGE, multiple_of=16, description="side of an image in pixels")
    budget: Budget = Field(default_factory=Budget, description="training budget of every neural method")
    datasets: dict[str, Dataset] = Field(min_length=1, description="data sets by name")
    method_settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="changed settings by method, on top of its card"
    )
    experiments: dict[ExperimentName, Blocks] = Field(
        min_length=1, description="experiments by any name, each one block of runs or a list of blocks"
    )
    search: Search = Field(default_factory=Search, description="how hyper-parameters are searched for")
    execution: Execution = Field(default_factory=Execution, description="how runs are executed")

    def kind_of(self, experiment: str) -> Kind:
        """Tell what an experiment is about: what its blocks say, else its name if that is a kind, else a comparison."""
        said = (block.kind for block in self.experiments[experiment] if block.kind)
        named = (kind for kind in KINDS if kind == experiment)
        return next(itertools.chain(said, named), "comparison")


def load_study(scale: str, root: Path) -> Study:
    """Read and check ``config/<scale>.yaml``.

    Raises:
        BenchError: no such scale, unreadable YAML, or an unknown or wrong key; one line that names
            the file, the key and the nearest valid key.
    """
    if not re.fullmatch(SCALE, scale):
        raise BenchError(f"{scale[:60]!r} is not a scale name; use small letters, digits and hyphens, a letter first")
    path = root / "config" / f"{scale}.yaml"
    if not path.exists():
        known = [file.stem for file in (root / "config").glob("*.yaml")]
        raise BenchError(f"no scale '{scale}': there is no {path.relative_to(root)}; {nearest(scale, known)}")
    study = parse(Study, read_yaml(path, str(path.relative_to(root))), str(path.relative_to(root)))
    if study.scale != scale:
        raise BenchError(f"{path.relative_to(root)}: scale is '{study.scale}', expected '{scale}', the file's name")
    return study


def parse(model: type[Model], content: Any, where: str) -> Model:
    """Validate the configuration ``content`` against ``model``.

    Raises:
        BenchError: one line that names ``where``, the key and, where one is close, the known key that was meant.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        unknown = (one for one in problems if one["type"] == "extra_forbidden")  # which may be why another is missing
        first = next(unknown, problems[0])
        raise BenchError(f"{where}: {_explain(model, first, content)}") from error


# types of errors of what should be a section or a list, and whether that may hold nothing
EMPTY_OR_OTHER = {"model_type": True, "dict_type": True, "list_type": False}


def _explain(model: type[BaseModel], problem: Mapping[str, Any], content: Any) -> str:
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join(_as_written(problem["loc"], content)) or "the whole file"
    if problem["type"] == "extra_forbidden":
        section = _section(model, location[:-1])
        return f"unknown key '{key}'; {nearest(location[-1], section.model_fields if section else ())}"
    if problem["type"] == "missing":
        return f"key '{key}': is missing"
    if problem["type"] in EMPTY_OR_OTHER:
        if not problem["loc"]:
            return f"must hold keys and their values, {'and is empty' if content is None else f'not {content!r:.60}'}"
        if problem["input"] is None:
            nothing = f", or write '{key.rpartition('.')[2]}: {{}}'" * EMPTY_OR_OTHER[problem["type"]]
            return f"key '{key}': is empty; give its contents{nothing}"
    return f"key '{key}': {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r:.60}"


def _as_written(location: tuple[Any, ...], content: Any) -> list[str]:
    """The parts of ``location`` as they stand in ``content``: no index where a list was not written as one."""
    parts: list[str] = []
    for part in location:
        if part == "[key]" or (isinstance(part, int) and isinstance(content, Mapping)):
            continue
        parts.append(str(part))
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None
    return parts


def _section(annotation: Any, location: list[str]) -> type[BaseModel] | None:
    """The model that stands at ``location`` below ``annotation``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not location:
            return annotation
        field = annotation.model_fields.get(location[0])
        return _section(field.annotation, location[1:]) if field else None
    if typing.get_origin(annotation) is Annotated:
        return _section(typing.get_args(annotation)[0], location)
    if typing.get_origin(annotation) in (dict, list):
        return _section(typing.get_args(annotation)[-1], location[1:])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        found = (_section(option, location) for option in typing.get_args(annotation))
        return next((section for section in found if section), None)
    return None


def changed_settings(defaults: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Apply ``changes`` to the settings ``defaults``; each must name a known setting and keep its type.

    Raises:
        BenchError: an unknown key, with the nearest valid one, or a value of another type.
    """
    merged = dict(defaults)
    for key, value in changes.items():
        if key not in defaults:
            raise BenchError(f"{where}: unknown setting '{key}'; {nearest(key, defaults)}")
        default = defaults[key]
        number = isinstance(default, int | float) and not isinstance(default, bool)
        accepted = (int, float) if isinstance(default, float) else type(default)
        if default is not None and (not isinstance(value, accepted) or (number and isinstance(value, bool))):
            raise BenchError(
                f"{where}: setting '{key}' must be {type(default).__name__}, got {value!r} ({type(value).__name__})"
            )
        merged[key] = float(value) if isinstance(default, float) else value
    return merged
