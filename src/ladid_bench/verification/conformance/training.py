"""Checks of how a method is trained: every parameter, seeds, what is resumed and what is kept fixed."""

import copy
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from ladid_bench.core.errors import BenchError
from ladid_bench.methods.registry import resolve_settings
from ladid_bench.verification.conformance.checks import Verdict, failed, not_applicable, passed
from ladid_bench.verification.conformance.subject import BRIEF, LEARNING, Subject

if TYPE_CHECKING:
    from ladid_bench.methods.neural import NeuralMethod

BATCHES = 3  # whose gradients are added up
KILLED_AT = 3  # step of the brief training
SHOWS = 1e-6  # of the range of values: less is rounding
NOT_TRAINED = not_applicable("the shared trainer does not train it")


def gradients(subject: Subject) -> Verdict:
    """Check that over several batches at the full horizon the training loss gives every parameter a gradient."""
    if not subject.is_neural:
        return NOT_TRAINED
    import torch

    from ladid_bench.data.windows import WindowSampler

    model, data = copy.deepcopy(_neural(subject).model).train(), subject.toy(subject.main)
    sampler = WindowSampler(data.train, data.task, LEARNING, "cpu")
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    total = {name: 0.0 for name, parameter in model.named_parameters() if parameter.requires_grad}
    for _ in range(BATCHES):
        model.zero_grad(set_to_none=True)
        terms = model.loss(sampler.draw(data.task.forecast_frames, generator))
        torch.stack(list(terms.values())).sum().backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                total[name] += float(parameter.grad.abs().sum())
    dead = [name for name, size in total.items() if size == 0]
    if dead:
        return failed(f"no gradient reaches {_some(dead)}")
    return passed(f"{len(total)} parameters")


def parameters(subject: Subject) -> Verdict:
    """Check that every parameter matters for the mean forecast, but for those on the card, which do not."""
    if not subject.is_neural:
        return NOT_TRAINED
    effects, declared = _effects(subject), subject.card.not_in_forecast
    for prefix in declared:
        named = [name for name in effects if name.startswith(prefix)]
        if not named and not _in_a_variant(subject, prefix):
            return failed(f"'not_in_forecast' names '{prefix}', which no parameter begins with")
        seen = [name for name in named if effects[name] > SHOWS]
        if seen:
            return failed(f"'not_in_forecast' names '{prefix}', but the forecast depends on {_some(seen)}")
    silent = [name for name in effects if not effects[name] > SHOWS and not name.startswith(tuple(declared))]
    if silent:
        return failed(f"the forecast does not depend on {_some(silent)}; drop it, or declare it in 'not_in_forecast'")
    exempted = "; ".join(f"{prefix}: {reason}" for prefix, reason in declared.items())
    return passed(f"exempt by the card: {exempted}" if exempted else "")


def _in_a_variant(subject: Subject, prefix: str) -> bool:
    """Whether a parameter of any variant begins with ``prefix``: a variant may have parts that others go without."""
    for variant in subject.card.variants:
        settings = resolve_settings(subject.name, variant, {}, subject.root)
        method: Any = subject.method_class(subject.toy(subject.main).task, settings)
        if any(name.startswith(prefix) for name, _ in method.build_model().named_parameters()):
            return True
    return False


def _effects(subject: Subject) -> dict[str, float]:
    """Largest change of a forecast, as a fraction of the range, when one parameter is shaken, by its name."""
    import torch

    method, data = copy.copy(_neural(subject)), subject.toy(subject.main)
    method.model = copy.deepcopy(method.model)
    frames, times, query_times = (part[:2] for part in (*data.context, data.query_times))
    former = method.forecast(frames, times, query_times).mean
    random = torch.Generator().manual_seed(0)
    effects = {}
    with torch.no_grad():
        for name, parameter in method.model.named_parameters():
            kept = parameter.clone()
            size = 0.2 * float(kept.square().mean().sqrt()) + 0.02
            parameter.add_(size * torch.empty_like(kept).uniform_(-1, 1, generator=random))
            change = np.abs(method.forecast(frames, times, query_times).mean - former).max() / data.scale
            effects[name] = float(np.nan_to_num(change, nan=np.inf))
            parameter.copy_(kept)
    return effects


def seeds(subject: Subject) -> Verdict:
    """Check that a seed gives one forecast bit for bit, and another another, unless the card says deterministic."""
    toy = subject.main
    first = subject.answer(subject.fitted(toy, BRIEF))
    if not np.array_equal(subject.answer(subject.fit(subject.new(toy), toy)), first):
        return failed("two fits with the same seed give different forecasts")
    same = np.array_equal(subject.answer(subject.fit(subject.new(toy), toy, seed=1)), first)
    if subject.card.deterministic:
        return passed("deterministic") if same else failed("the card says deterministic, but the seed matters")
    return passed() if not same else failed("the seed changes nothing: the card has to say 'deterministic: true'")


class Killed(Exception):
    """Stands for the end of a process in the middle of a training."""


def resume(subject: Subject) -> Verdict:
    """Check that a training killed and resumed ends with the same weights and history as undisturbed."""
    if not subject.is_neural:
        return NOT_TRAINED
    import torch

    from ladid_bench.methods import trainer

    toy, workspace = subject.main, subject.folder("resume")
    workspace.mkdir()
    undisturbed = _neural(subject, toy)
    advance = trainer.Trainer._advance

    def until_killed(self: trainer.Trainer) -> Any:
        if self.step == KILLED_AT:
            raise Killed
        return advance(self)

    with mock.patch.object(trainer, "CHECKPOINT_SECONDS", 0):
        try:
            with mock.patch.object(trainer.Trainer, "_advance", until_killed):
                subject.fit(subject.new(toy, workspace), toy)
        except Killed:
            pass
        torch.manual_seed(12345)  # whatever state the next process starts in
        resumed: Any = subject.fit(subject.new(toy, workspace), toy)
    if not resumed.trainer.cost()["earlier_seconds"] > 0:
        return failed("it started anew: the checkpoint was not found")
    if resumed.history() != undisturbed.history():
        return failed("the validation errors after resuming are others")
    if not _same(resumed.model.state_dict(), undisturbed.model.state_dict()):
        return failed("the weights after resuming are others")
    return passed()


def warm_start(subject: Subject) -> Verdict:
    """Check that training starts from a saved model, leaves alone what it is told to, as does a fit without steps."""
    toy, folder = subject.main, subject.folder("source")
    subject.fitted(toy, BRIEF).save(folder)
    if not subject.is_neural:
        answer = subject.answer(subject.fit(subject.new(toy), toy, initial=folder, frozen=[]))
        return passed("fitted as ever") if np.isfinite(answer).all() else failed("the forecast is not finite")
    source = _neural(subject, toy).model
    children = dict(source.named_children())
    parts = [name for name, child in children.items() if any(True for _ in child.parameters())]
    for named in (part for one in subject.card.parts.values() for part in one):
        if named not in children and getattr(source, named, named) is not None:
            return failed(f"'parts' on the card names '{named}', which is none of {', '.join(children)}")
    for frozen in ([], *([part] for part in parts), *([parts[1:]] if len(parts) > 1 else [])):
        if len(frozen) == len(parts):
            continue  # nothing would be left to train
        tuned: Any = subject.fit(subject.new(toy), toy, seed=1, initial=folder, frozen=frozen)
        for name, parameter in tuned.model.named_parameters():
            moved = not bool((parameter == source.get_parameter(name)).all())
            if moved and name.partition(".")[0] in frozen:
                return failed(f"{name} changes although '{name.partition('.')[0]}' is frozen")
        if _same(tuned.model.state_dict(), source.state_dict()):
            return failed(f"nothing is trained with {', '.join(frozen) or 'nothing'} frozen")
    try:
        subject.fit(subject.new(toy), toy, frozen=["no-such-part"])
    except BenchError:
        return passed(f"parts: {', '.join(parts)}")
    return failed("freezing a part that does not exist is no error")


def _neural(subject: Subject, toy: str | None = None) -> "NeuralMethod":
    method = subject.fitted(toy, BRIEF if toy else None)
    from ladid_bench.methods.neural import NeuralMethod

    assert isinstance(method, NeuralMethod)
    return method


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(bool((value == other[name]).all()) for name, value in one.items())


def _some(names: list[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
