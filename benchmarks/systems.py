"""Speed of the simulators: alone, beside independent solvers of the same equations, and beside the memory.

    python benchmarks/systems.py [--systems pendulum wave] [--sizes 32 64 128] [--repeats 5] [--output FILE]

Everything runs on one thread, and times are CPU times. Two solvers are timed in turn, after one turn to warm
up, and their ratio is the median over pairs, so that a machine that changes its pace changes both. Before, they
are checked to solve the same problem. The independent solvers come with ``pip install 'ladid-bench[benchmarks]'``
(the one for lattices needs a C++ compiler as well); those that are missing are named and left out.
"""

import argparse
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from independent import RIVALS, STEP_LIMITS, Problem, Rival, Solver, own_solver, reference
from lattices import measure_lattice
from threadpoolctl import threadpool_limits
from timing import cpu_seconds

from ladid_bench.core.configuration import SplitSizes
from ladid_bench.core.errors import BenchError, nearest
from ladid_bench.core.files import write_json
from ladid_bench.datasets.simulated import SYSTEMS

SEED = 7
COMPARED = {"pendulum": 100, "double-pendulum": 100, "wave": 1}  # trajectories; waves are solved one by one anyway
FIELDS, FRAMES = 4, 11  # trajectories at 32 px, and frames, of other fields compared
LIBRARIES = ("numpy", "scipy", "numba", "torch")


def in_turn(first: Callable[[], Any], second: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Median CPU seconds of both, and median, lowest and highest ratio of the second to the first."""
    first(), second()
    pairs = [(cpu_seconds(first), cpu_seconds(second)) for _ in range(repeats)]
    ratios = [theirs / ours for ours, theirs in pairs]
    return {
        "ours_seconds": statistics.median(ours for ours, _ in pairs),
        "theirs_seconds": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def time_frames(name: str, size: int, repeats: int) -> dict[str, Any]:
    """CPU time a stored frame of a trajectory, drawing of pictures included."""
    system = SYSTEMS[name]()
    frames = system.context_frames + system.forecast_frames
    # windows of a cylinder's run share its time, so that all of them are taken
    count = getattr(system, "windows", max(1, min(16, 16 * 32**2 // size**2)))
    sizes = SplitSizes(train=count)
    spent = [cpu_seconds(lambda: system.split("train", sizes, size, SEED, frames)) for _ in range(repeats)]
    each = [1e6 * seconds / (count * frames) for seconds in spent]
    return {
        "system": name,
        "image_size": size,
        "trajectories": count,
        "frames": frames,
        "microseconds_a_frame": statistics.median(each),
        "lowest": min(each),
        "highest": max(each),
    }


def problem_of(name: str, size: int) -> Problem:
    """A few trajectories of a system, from stated random streams."""
    system = SYSTEMS[name]()
    count = COMPARED.get(name, max(1, min(FIELDS, FIELDS * 32**2 // size**2)))
    frames = system.context_frames + system.forecast_frames if name in COMPARED else FRAMES
    draws = [system.draw(np.random.default_rng([SEED, index])) for index in range(count)]
    drawn = {key: np.stack([draw[key] for draw in draws]) for key in draws[0]}  # (trajectory, ...)
    return Problem(system, drawn, np.tile(np.arange(frames) * system.frame_interval, (count, 1)), size)


def difference(solution: np.ndarray, other: np.ndarray) -> float:
    """Relative difference at the last time, which is the last axis."""
    return float(np.linalg.norm(solution[..., -1] - other[..., -1]) / np.linalg.norm(other[..., -1]))


def compare(problem: Problem, rival: Rival, theirs: Solver, precise: np.ndarray, repeats: int) -> dict[str, Any]:
    """One solver beside another.

    Raises:
        BenchError: they do not solve the same problem.
    """
    name = problem.system.name
    ours = own_solver(problem)
    own, other = ours(), theirs()
    apart = difference(other, own)
    if not apart <= rival.most_difference:
        raise BenchError(
            f"{name}: the solution of {rival.package} differs by {apart:.2g}, {rival.most_difference:.2g} allowed; "
            "look at benchmarks/independent.py"
        )
    return {
        "system": name,
        "image_size": None if name in STEP_LIMITS else problem.image_size,
        "rival": rival.name,
        "package": f"{rival.package} {version(rival.package)}",
        "trajectories": len(problem.times),
        "frames": problem.times.shape[1],
        "difference": apart,
        "most_difference": rival.most_difference,
        "error_ours": difference(own, precise),
        "error_theirs": difference(other, precise),
        **in_turn(ours, theirs, repeats),
    }


def compare_all(name: str, sizes: Sequence[int], repeats: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Comparisons of a system, and what was left out and why. States are solved whatever the size: once."""
    skipped = set()
    for size in sizes[:1] if name in STEP_LIMITS else sizes:
        problem, ready = problem_of(name, size), []
        for rival in RIVALS.get(name, ()):
            try:
                ready.append((rival, rival.prepare(problem)))
            except ModuleNotFoundError as error:
                skipped.add((rival.package, f"{error.name} is not installed"))
        precise = reference(problem) if ready else None
        for rival, theirs in ready:
            yield "comparisons", compare(problem, rival, theirs, precise, repeats)
    for package, reason in sorted(skipped):
        yield "skipped", {"system": name, "package": package, "reason": reason}


def measure(names: Sequence[str], sizes: Sequence[int], repeats: int, output: Path | None) -> None:
    """Measure, print each row as it comes, and write all there are so far to ``output`` after each system."""
    result: dict[str, Any] = {"machine": machine(), "repeats": repeats}
    result |= {"frames": [], "comparisons": [], "lattices": [], "skipped": []}
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()), flush=True)
    for name in names:
        for kind, row in rows_of(name, sizes, repeats):
            result[kind].append(row)
            print(DESCRIBE[kind](row), flush=True)
        if output:
            write_json(output, result)


def rows_of(name: str, sizes: Sequence[int], repeats: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each measurement of a system, with the table it belongs to."""
    for size in sizes:
        yield "frames", time_frames(name, size, repeats)
    if name == "cylinder-flow":
        for nodes in sorted({SYSTEMS[name]().nodes(size) for size in sizes}):
            yield "lattices", measure_lattice(nodes, repeats, in_turn)
    else:
        yield from compare_all(name, sizes, repeats)


def machine() -> dict[str, str]:
    """Processor and versions."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    return {"processor": processor, "python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def describe_frames(row: dict[str, Any]) -> str:
    return (
        f"{row['system']}, {row['image_size']} px: {row['microseconds_a_frame']:.0f} us a trajectory-frame "
        f"({row['lowest']:.0f}-{row['highest']:.0f}), {row['trajectories']} trajectories of {row['frames']} frames"
    )


def describe_comparison(row: dict[str, Any]) -> str:
    size = f", {row['image_size']} px" if row["image_size"] else ""
    return (
        f"{row['system']}{size}: {1e3 * row['ours_seconds']:.1f} ms, {row['package']}: {row['rival']} "
        f"{1e3 * row['theirs_seconds']:.1f} ms, {row['ratio']:.1f} times as long "
        f"({row['ratio_lowest']:.1f}-{row['ratio_highest']:.1f}); they differ by {row['difference']:.1e}, "
        f"errors {row['error_ours']:.1e} and {row['error_theirs']:.1e}"
    )


def describe_lattice(row: dict[str, Any]) -> str:
    own = (
        f"lattice {row['rows']} x {row['columns']}: {row['mlups']:.0f} million updates a second, "
        f"{row['gigabytes_a_second']:.1f} GB/s at {row['bytes_an_update']} bytes each; a triad moves "
        f"{row['triad_same_size']:.1f} GB/s in as much memory ({row['share_same_size']:.0%}), "
        f"{row['triad_large']:.1f} GB/s in {row['triad_large_bytes'] / 1e6:.0f} MB ({row['share_large']:.0%})"
    )
    rival = row["rival"]
    if not rival:
        return f"{own}; lbmpy left out: {row['left_out']}"
    return (
        f"{own}; {rival['package']}: {rival['mlups']:.0f} million a second, {rival['ratio']:.2f} times as long "
        f"({rival['ratio_lowest']:.2f}-{rival['ratio_highest']:.2f}), velocities differ by {rival['difference']:.1e}"
    )


def describe_skipped(row: dict[str, Any]) -> str:
    return f"{row['system']}: {row['package']} left out, {row['reason']}"


DESCRIBE: dict[str, Callable[[dict[str, Any]], str]] = {
    "frames": describe_frames,
    "comparisons": describe_comparison,
    "lattices": describe_lattice,
    "skipped": describe_skipped,
}


def main() -> None:
    """Measure and print, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), help="all by default")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128], help="sides of a frame in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    try:
        for name in options.systems:
            if name not in SYSTEMS:
                raise BenchError(f"unknown system '{name}'; {nearest(name, SYSTEMS)}")
        torch.set_num_threads(1)
        numba.set_num_threads(1)
        with threadpool_limits(1):
            measure(options.systems, options.sizes, options.repeats, options.output)
    except BenchError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
