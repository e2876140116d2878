"""A training step has the shapes that budget and query length give it, and the host never waits for a number in it.

Both is what the capture of a step in a CUDA graph needs; here they are held without a GPU.
"""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ladid_bench.core.configuration import Budget
from ladid_bench.data.windows import WindowSampler
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_card, load_method, method_folders, resolve_settings

REFUSED = ("_local_scalar_dense", "unique", "nonzero", "masked_select", "equal")  # parts of their names


class Watched(TorchDispatchMode):
    """Note the shapes that all operations return, and those operations that need an answer from the device."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[str, Any]] = []
        self.waits: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name = function._schema.name.removeprefix("aten::")
        if any(part in name for part in REFUSED):
            self.waits.append(name)
        if "index" in name and any(_is_mask(one) for one in arguments[1:2] or ()):
            self.waits.append(f"{name} with a mask")
        made = function(*arguments, **(options or {}))
        self.shapes.append(
            (name, [tuple(one.shape) for one in torch.utils._pytree.tree_leaves(made) if _is_tensor(one)])
        )
        return made


def _is_tensor(one: Any) -> bool:
    return isinstance(one, torch.Tensor)


def _is_mask(indices: Any) -> bool:
    return isinstance(indices, list | tuple) and any(_is_tensor(one) and one.dtype == torch.bool for one in indices)


def neural(root) -> list[str]:
    return [name for name in method_folders(root) if load_card(name, root).kind == "neural"]


def watched_step(model: Any, sampler: WindowSampler, length: int, seed: int) -> Watched:
    model.zero_grad(set_to_none=True)
    with Watched() as watch:
        terms = model.train().loss(sampler.draw(length, torch.Generator().manual_seed(seed)))
        torch.stack(list(terms.values())).sum().backward()
    return watch


def all_variants(root) -> list[tuple[str, str]]:
    return [(name, variant) for name in neural(root) for variant in load_card(name, root).variants]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "variant" in metafunc.fixturenames:
        root = metafunc.config.rootpath
        metafunc.parametrize(("name", "variant"), all_variants(root))


def test_shapes_are_the_same_whatever_is_drawn_and_nothing_is_waited_for(
    name, variant, root, pendulum_task, uneven_sampler
) -> None:
    torch.manual_seed(0)
    method = load_method(name, root)
    if method.skip(pendulum_task)[0]:
        pytest.skip("does not apply to this data")
    built = method(pendulum_task, resolve_settings(name, variant, {}, root))
    assert isinstance(built, NeuralMethod)
    model = built.build_model()
    default = next(iter(load_card(name, root).variants))
    for length in (4, 50) if variant == default else (4,):
        first, second = (watched_step(model, uneven_sampler, length, seed) for seed in (0, 1))
        assert first.waits == []
        assert first.shapes == second.shapes


def test_the_watch_sees_a_wait_and_a_shape_that_depends_on_data() -> None:
    def step(values: torch.Tensor) -> Watched:
        with Watched() as watch:
            torch.unique(values)
            values[values > 1].sum()
            float(values.max())
        return watch

    first, second = step(torch.tensor([1.0, 1.0])), step(torch.tensor([1.0, 2.0]))
    assert {"_local_scalar_dense", "index with a mask"} <= set(first.waits)
    assert any("unique" in name for name in first.waits)
    assert first.shapes != second.shapes


@pytest.mark.parametrize("length", [1, 3, 50])
def test_a_batch_has_the_frames_that_its_windows_stand_for(pendulum, pendulum_task, length) -> None:
    """Contexts and spans, however they are shared, are the frames of the grid, which is in the order of time."""
    sampler = WindowSampler(pendulum["train"], pendulum_task, Budget(batch_size=4, windows=3), "cpu")
    for seed in range(5):
        batch = sampler.draw(length, torch.Generator().manual_seed(seed))
        given = batch.context.shape[1]
        assert torch.equal(batch.frames[batch.context], batch.bank[batch.grid[:, :given]])
        frames, rows = batch.grid_frames()
        assert torch.equal(frames[rows], batch.bank[batch.grid])
