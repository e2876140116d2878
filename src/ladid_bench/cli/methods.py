"""The part of the command line for those who bring a method: list, begin, check, and files for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from ladid_bench.cli.options import check_target
from ladid_bench.core.errors import BenchError
from ladid_bench.core.paths import find_root

app = typer.Typer()


@app.command()
def methods() -> None:
    """List all methods: whether each can run here, its version, its search for settings, its variants."""
    from ladid_bench.methods.listing import list_method
    from ladid_bench.methods.registry import method_folders

    root, broken = find_root(), []
    for name in method_folders(root):
        try:
            one = list_method(name, root)
        except BenchError as error:
            broken.append(str(error))
            continue
        print(f"{one.name:<16} {one.card.kind:<10} version {one.card.version}, {one.status}")
        known = [one.card.title, *([one.searched] if one.searched else []), f"variants: {', '.join(one.card.variants)}"]
        known += [f"samples draw {one.card.sampled}"] if one.card.sampled else []
        print(f"{'':<16} {'; '.join(known)}")
    if broken:
        raise BenchError(f"not listed: {'; '.join(broken)}")


@app.command("new-baseline")
def new_baseline(
    name: Annotated[str, typer.Argument(help="name of the method, such as my-idea")],
    neural: Annotated[
        bool, typer.Option("--neural", help="a network for the shared trainer instead of a closed form")
    ] = False,
) -> None:
    """Write the folder of a new baseline, complete and working, for you to change.

    Closed form (the default): it learns in one go, like a regression, in NumPy. Network (--neural): it learns by
    gradient steps, in torch. For a program in another language, or with its own training, do not use this command:
    take the four files of docs/new-baseline.md, section "In another language".
    """
    from ladid_bench.scaffold.folder import new_baseline as write_folder

    root = find_root()
    folder = write_folder(name, root, neural)
    for path in sorted(folder.iterdir()):
        print(path.relative_to(root))
    print(f"Change it, check it with 'ladid-bench check-baseline {name}', and name it in config/<scale>.yaml.")


@app.command("check-baseline")
def check_baseline(
    name: Annotated[str, typer.Argument(help="method, or method:variant")],
    time_limit: Annotated[float, typer.Option(min=0.1, help="seconds that one check may take")] = 300,
) -> None:
    """Check that a method keeps the contract, as every method must before it is ranked."""
    from ladid_bench.verification.conformance.suite import CHECKS, check_method

    verdicts = {}
    for check, verdict in check_method(name, find_root(), time_limit):
        verdicts[check.name] = verdict
        print(f"{verdict.outcome:<15} {check.name:<12} {check.asks}", flush=True)
        if verdict.reason:
            print(f"{'':<28} {verdict.reason}", flush=True)
    wrong = [check for check, verdict in verdicts.items() if verdict.outcome == "failed"]
    left = f", {len(CHECKS) - len(verdicts)} were not made" if len(verdicts) < len(CHECKS) else ""
    if wrong:
        raise BenchError(f"{name}: {len(wrong)} of {len(CHECKS)} checks failed{left}: {', '.join(wrong)}")
    print(f"{name} keeps the contract")


@app.command("to-text")
def to_text(
    source: Annotated[Path, typer.Argument(help="trajectory file, or the question.hdf5 of a baseline's own program")],
    target: Annotated[Path, typer.Argument(help="text file to write")],
) -> None:
    """Write a trajectory file as text, one frame per line, for programs that do not read HDF5."""
    from ladid_bench.methods.plain_text import to_text as write

    check_target(target, lambda path: not _is_hdf5(path), source)
    write(source, target)


@app.command("from-text")
def from_text(
    answer: Annotated[Path, typer.Argument(help="text file with one line for each frame asked for")],
    question: Annotated[Path, typer.Argument(help="the question.hdf5 that it answers")],
    target: Annotated[Path, typer.Argument(help="forecast file to write")],
) -> None:
    """Write a forecast file from text; see to-text."""
    from ladid_bench.methods.plain_text import from_text as write

    check_target(target, _is_hdf5, answer, question)
    write(answer, question, target)


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))
