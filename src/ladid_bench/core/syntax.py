"""Python files as syntax trees: what they import, and what they do, whatever is said about it in words."""

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ladid_bench.core.errors import BenchError
from ladid_bench.core.readers import one_line


def imported_names(path: Path) -> tuple[str, ...]:
    """Find the full names of the modules that a Python file may import; some name a function and are no module.

    Raises:
        BenchError: the file is not Python.
    """
    return _read(path, path.read_bytes())[0]


def without_words(path: Path) -> str:
    """Write the syntax tree of a Python file without docstrings; comments and formatting leave no trace in it.

    Raises:
        BenchError: the file is not Python.
    """
    return _read(path, path.read_bytes())[1]


@lru_cache(maxsize=None)  # most files are code of every method, and of several systems
def _read(path: Path, content: bytes) -> tuple[tuple[str, ...], str]:
    """What a file may import, and its tree without docstrings."""
    try:
        tree = ast.parse(content.decode())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BenchError(f"{path}: is not Python ({one_line(error)}); correct it") from error
    names = tuple(_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return names, dumped(tree)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dumped(tree: ast.Module) -> str:
    """Write a tree as Python 3.11 does, so that code has the same hash under each later version.

    3.12 lists the type parameters of functions and classes, also where there are none; 3.13 leaves out what is empty.
    """
    for node in ast.walk(tree):
        if getattr(node, "type_params", None) == []:
            del node.type_params  # type: ignore[attr-defined]
    if sys.version_info >= (3, 13):
        return ast.dump(tree, show_empty=True)
    return ast.dump(tree)
