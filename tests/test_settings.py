"""Every setting on a card does something: with another value, and all else equal, the method is another one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ladid_bench.core.configuration import Budget
from ladid_bench.core.errors import BenchError
from ladid_bench.data.windows import WindowSampler
from ladid_bench.methods.base import Training
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings
from ladid_bench.verification.conformance.toy import GIVEN, Toy, make_toy

ROOT = Path(__file__).parent.parent
TRAINED = [name for name in method_folders(ROOT) if load_card(name, ROOT).trained]
CLOSED_FORM = [
    name for name in method_folders(ROOT) if not load_card(name, ROOT).trained and load_card(name, ROOT).settings
]
OF_THE_TRAINER = {"learning_rate", "growth"}  # test_trainer.py
SMALL = {
    "token_width": 16,
    "base_channels": 2,
    "hidden": 12,
    "layers": 2,
    "block": 3,
    "states": 6,
    "modes": 3,
    "trajectories": 2,
    "width": 6,
}
WORDS = {
    "decoder": "transposed",
    "static": "diff",
    "attention": "dp",
    "position": "interpolated",
    "aggregation": "last",
    "dynamics": "film",
    "smoothness": "none",
}


def known(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Of ``settings`` those that the card of ``name`` has."""
    card = load_card(name, ROOT)
    return {key: value for key, value in settings.items() if key in card.settings}


def others(name: str, setting: str, value: Any) -> Iterator[Any]:
    """Values that ``setting`` may have instead."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 2
    elif isinstance(value, float):
        yield 0.5 * value
    elif isinstance(value, list):
        yield from ([one] for one in (value[0], value[-1]))
    else:
        card = load_card(name, ROOT)
        yield from (one for one in (WORDS.get(setting), *card.search.get(setting, [])) if one not in (None, value))
        yield from (one[setting] for one in card.variants.values() if one.get(setting, value) != value)


@pytest.fixture(scope="module")
def toy() -> Toy:
    """Waves that are not all as high, or it would not matter which of them are in a batch."""
    made = make_toy((1, 16, 16))
    heights = np.linspace(0.5, 1, len(made.train), dtype=np.float32)[:, None, None, None, None]
    return replace(made, train=replace(made.train, frames=heights * made.train.frames))


def trained_answer(name: str, variant: str, changes: dict[str, Any], toy: Toy) -> dict[str, torch.Tensor]:
    """What an untrained model is, loses and forecasts, from one seed; empty where the settings are refused."""
    torch.manual_seed(0)
    try:
        settings = resolve_settings(name, variant, known(name, SMALL) | changes, ROOT)
        model = load_method(name, ROOT)(toy.task, settings).build_model()
    except BenchError:
        return {}
    sampler = WindowSampler(toy.train, toy.task, Budget(batch_size=3, queries=4), "cpu")
    found = {f"weights {key}": value for key, value in model.state_dict().items()}
    torch.manual_seed(1)
    terms = model.train().loss(sampler.draw(8, torch.Generator().manual_seed(0)))
    found |= {f"loss {key}": value.detach() for key, value in terms.items()}
    normalized = torch.as_tensor(toy.task.normalize(toy.test.frames[:2]), dtype=torch.float32)
    times = torch.as_tensor(toy.test.times[:2], dtype=torch.float32)
    with torch.no_grad():
        answer = model.eval().forecast(normalized[:, :GIVEN], times[:, :GIVEN], times[:, GIVEN:])
    return found | {"forecast": answer}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.mark.parametrize("name", TRAINED)
def test_every_setting_of_a_trained_method_changes_model_loss_or_forecast(name: str, toy: Toy) -> None:
    """In its first variant or, as some belong to one of the others, in any."""
    card = load_card(name, ROOT)
    idle = set(card.settings) - OF_THE_TRAINER
    for variant, changed in card.variants.items():
        values = card.settings | known(name, SMALL) | changed
        asked = {key: others(name, key, values[key]) for key in sorted(idle)}
        plain = trained_answer(name, variant, {}, toy) if asked else {}
        for setting, choices in asked.items():
            if any(not same(plain, trained_answer(name, variant, {setting: value}, toy)) for value in choices):
                idle.discard(setting)
    assert idle == set()


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_every_setting_of_a_method_in_closed_form_changes_what_it_learns(name: str) -> None:
    toy = make_toy((1, 12))
    noise = np.random.default_rng(0).normal(0, 0.2, toy.train.frames.shape).astype(np.float32)
    train = replace(toy.train, frames=toy.train.frames + noise)  # or two components would be all there is
    card = load_card(name, ROOT)

    def learnt(changes: dict[str, Any]) -> dict[str, np.ndarray]:
        method = load_method(name, ROOT)(toy.task, resolve_settings(name, next(iter(card.variants)), changes, ROOT))
        method.fit(Training(train, toy.valid, Budget(), seed=0))
        return method.state  # type: ignore[attr-defined]

    plain = {key: value[-1:] for key, value in card.settings.items() if isinstance(value, list)}
    plain |= {key: 3 for key, value in card.settings.items() if isinstance(value, int)}
    if "features" in plain:  # test_nvar.py has what is left out where it is exceeded
        plain["features"] = 10**4
    before = learnt(plain)
    for setting, value in card.settings.items():
        if setting == "features":
            continue
        other = value[:1] if isinstance(value, list) else 0.5 * value if isinstance(value, float) else 2
        after = learnt(plain | {setting: other})
        assert any(not np.array_equal(before[key], after.get(key)) for key in before), setting
