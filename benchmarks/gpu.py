"""What a GPU makes of the training step: does it agree with the CPU, and how many steps a second are there?

    python benchmarks/gpu.py [--methods ladid gru] [--sizes 32 128] [--side-by-side 1 4 16] [--output FILE]

Every trained method makes the step of the suite (pendulum, 16 trajectories, 3 windows, 8 queries, full horizon):

1. on the CPU and on the GPU, from the same weights on the same batch, noise replaced by zeros: the largest difference
   of the loss and of a gradient, relative to the size of both;
2. as it is written, and replayed from a CUDA graph: losses of ten steps, likewise;
3. timed, as it is written, replayed, and replayed with TF32 in matrix products and convolutions;
4. the first method replayed by several processes at once on the one GPU. NVIDIA's Multi-Process Service, where it has
   been started, serves them together; the table says whether it was there.

A method that fails in one part has the reason in its row, and the others go on. Ten minutes suffice for the defaults.
"""

import copy
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from methods import ASKED, GIVEN, ROOT, SEED, TRAJECTORIES, asked, asking
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ladid_bench.core.configuration import Budget, SplitSizes
from ladid_bench.core.files import write_json
from ladid_bench.core.readers import one_line
from ladid_bench.data.task import Task, task_of
from ladid_bench.data.trajectories import Trajectories
from ladid_bench.data.windows import BatchRows, WindowSampler
from ladid_bench.datasets.simulated.pendulum import Pendulum
from ladid_bench.methods.neural import NeuralMethod
from ladid_bench.methods.registry import load_card, load_method, resolve_settings
from ladid_bench.methods.step import WARM_UP, TrainingStep

RATE = 1e-4
COMPARED = 10  # steps as written and replayed
BUDGET = Budget()
GOLDEN = (5**0.5 - 1) / 2
DRAWS = (torch.randn_like, torch.rand, torch.rand_like, torch.randint)


def data(size: int) -> tuple[Trajectories, Task]:
    """Simulate the pendulum at ``size`` pixels a side."""
    train = Pendulum().split("train", SplitSizes(train=TRAJECTORIES), size, SEED, GIVEN + ASKED)
    return train, task_of(train, "pendulum", GIVEN, ASKED)


def new_model(name: str, task: Task) -> nn.Module:
    """Build the model of a method's default settings, always with the same weights, on the CPU."""
    torch.manual_seed(SEED)
    settings = resolve_settings(name, next(iter(load_card(name, ROOT).variants)), {}, ROOT)
    method = load_method(name, ROOT)(task, settings, None, "cpu")
    assert isinstance(method, NeuralMethod)
    return method.build_model()


class Stepped:
    """A model on a device with the suite's training step and a stream of batches."""

    def __init__(self, model: nn.Module, train: Trajectories, task: Task, device: str, replays: bool):
        self.model = copy.deepcopy(model).to(device)
        self.sampler = WindowSampler(train, task, BUDGET, device)
        self.step = TrainingStep(self.model, self.sampler, BUDGET, device)
        self.step.replays = replays
        self.generator = torch.Generator().manual_seed(SEED)

    def rows(self) -> BatchRows:
        return self.sampler.rows(ASKED, self.generator)

    def __call__(self) -> Tensor:
        return self.step(self.rows(), RATE)


class NothingDrawn(TorchFunctionMode):
    """While this lasts, noise is 0 and uniform draws are multiples of the golden ratio, alike on every device.

    Batches are drawn as ever: with a generator of their own, on the host.
    """

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        options = options or {}
        made = function(*arguments, **options)
        if options.get("generator") is not None or function not in DRAWS:
            return made
        if function is torch.randn_like:
            return torch.zeros_like(made)
        spread = (GOLDEN * torch.arange(made.numel(), device=made.device)).frac().view(made.shape)
        if function is torch.randint:
            low, high = ([0] + [bound for bound in arguments if isinstance(bound, int)])[-2:]
            return (low + spread * (high - low)).long()
        return spread


def apart(first: Tensor, second: Tensor) -> float:
    """Largest difference of two tensors over the largest absolute value in them."""
    first, second = first.detach().double().cpu(), second.detach().double().cpu()
    return float((first - second).abs().max() / torch.maximum(first.abs().max(), second.abs().max()).clamp(min=1e-30))


def agreement(name: str, train: Trajectories, task: Task) -> dict[str, float]:
    """Compare loss and gradients of one step on the CPU and on the GPU."""
    model, made = new_model(name, task), []
    with NothingDrawn():
        for device in ("cpu", "cuda"):
            stepped = Stepped(model, train, task, device, replays=False)
            terms = stepped.model.train().loss(stepped.sampler.gather(stepped.rows()))
            loss = torch.stack(list(terms.values())).sum()
            loss.backward()
            gradients = [one.grad.cpu() for one in stepped.model.parameters() if one.grad is not None]
            made.append((loss, torch.cat([gradient.flatten() for gradient in gradients])))
    (loss, gradient), (other_loss, other_gradient) = made
    return {"loss_apart": apart(loss, other_loss), "gradient_apart": apart(gradient, other_gradient)}


def replay_agreement(name: str, train: Trajectories, task: Task) -> dict[str, float]:
    """Compare the losses of steps as they are written with those of steps that are replayed."""
    model, losses = new_model(name, task), []
    with NothingDrawn():
        for replays in (False, True):
            stepped = Stepped(model, train, task, "cuda", replays)
            losses.append(torch.stack([stepped() for _ in range(WARM_UP + COMPARED)]))
    return {"replay_apart": apart(*losses)}


def steps_a_second(stepped: Stepped, repeats: int) -> float:
    """Time ``repeats`` steps one after the other, once libraries are warm and the graph is there."""
    for _ in range(WARM_UP + 2):
        stepped()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        stepped()
    torch.cuda.synchronize()
    return repeats / (time.perf_counter() - began)


def timings(name: str, train: Trajectories, task: Task, repeats: int) -> dict[str, float]:
    """Steps a second as they are written, replayed, and replayed with TF32, and the GPU's memory for them."""
    model, found = new_model(name, task), {}
    for label, replays, tf32 in (("written", False, False), ("replayed", True, False), ("tf32", True, True)):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.cuda.reset_peak_memory_stats()
        found[f"{label}_per_second"] = steps_a_second(Stepped(model, train, task, "cuda", replays), repeats)
    found["memory_mb"] = torch.cuda.max_memory_allocated() / 1e6
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return found


def row(name: str, size: int, repeats: int) -> dict[str, Any]:
    """Measure one method at one size; what fails is said in place of its numbers."""
    train, task = data(size)
    skipped, reason = load_method(name, ROOT).skip(task)
    found: dict[str, Any] = {"method": name, "size": size}
    if skipped:
        return found | {"failed": reason}
    parts: list[Callable[[], dict[str, float]]] = [
        lambda: agreement(name, train, task),
        lambda: replay_agreement(name, train, task),
        lambda: timings(name, train, task, repeats),
    ]
    for part in parts:
        try:
            found |= part()
        except Exception as error:
            found["failed"] = one_line(error)
        torch.cuda.empty_cache()
    return found


def side_by_side(name: str, size: int, processes: int, repeats: int) -> float:
    """Steps a second that ``processes`` together make, each a training of its own; 1 is one alone."""
    code = (
        "import sys, gpu\n"
        f"train, task = gpu.data({size})\n"
        f"stepped = gpu.Stepped(gpu.new_model({name!r}, task), train, task, 'cuda', True)\n"
        "gpu.steps_a_second(stepped, 5); print('ready', flush=True); sys.stdin.readline()\n"
        f"print(gpu.steps_a_second(stepped, {repeats}), flush=True)\n"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{code}"]
    pipe = subprocess.PIPE
    children = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    return sum(float(child.communicate("\n")[0]) for child in children)


def served_together() -> bool:
    """Tell whether the control daemon of the Multi-Process Service runs."""
    return subprocess.run(["pgrep", "-f", "nvidia-cuda-mps-control"], capture_output=True, check=False).returncode == 0


def describe(found: dict[str, Any]) -> str:
    """A line of the table."""
    numbers = ("loss_apart", "gradient_apart", "replay_apart")
    rates = ("written_per_second", "replayed_per_second", "tf32_per_second", "memory_mb")
    cells = [f"{found[name]:>9.1e}" if name in found else f"{'-':>9}" for name in numbers]
    cells += [f"{found[name]:>9.0f}" if name in found else f"{'-':>9}" for name in rates]
    return f"{found['method']:<12} {found['size']:>4} {' '.join(cells)}  {found.get('failed', '')}"


def main() -> None:
    """Measure, print as it goes, and write on request."""
    parser = asking(__doc__, repeats=60)
    parser.add_argument("--sizes", nargs="+", type=int, default=[32, 128], help="sides of a frame in pixels")
    parser.add_argument("--side-by-side", nargs="+", type=int, default=[1, 4, 16], help="numbers of processes")
    options = asked(parser)
    if not torch.cuda.is_available():
        parser.exit(1, "torch sees no GPU here: run this where it does, see docs/cluster.md\n")
    torch.backends.cudnn.allow_tf32 = False
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print("method       size      loss  gradient    replay   written  replayed      tf32        MB")
    rows = []
    for size in options.sizes:
        for name in options.methods:
            rows.append(row(name, size, options.repeats))
            print(describe(rows[-1]), flush=True)
    together = {}
    for processes in options.side_by_side:
        together[processes] = side_by_side(options.methods[0], options.sizes[0], processes, options.repeats)
        print(f"{processes} x {options.methods[0]}: {together[processes]:.0f} steps a second together", flush=True)
    if options.output:
        setting = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "mps": served_together()}
        write_json(options.output, setting | {"rows": rows, "side_by_side": together})


if __name__ == "__main__":
    main()
