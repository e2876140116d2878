"""Reading YAML and JSON that anybody may have written: an error is one line, and a small file stays small in memory."""

import json
from pathlib import Path
from typing import Any

import yaml

from ladid_bench.core.errors import BenchError

LARGEST_JSON = 64 * 2**20  # bytes
LARGEST_YAML = 2**19  # bytes; more takes PyYAML many seconds
LARGEST_NUMBER = 2.0**63
LONGEST = 5000  # letters of a message that are looked at
MOST_VALUES = 200_000  # of a YAML file, aliases written out: ten of them in ten of them, nine deep, are a billion
DEEPEST = 50


def read_yaml(path: Path, where: str | None = None) -> Any:
    """What a YAML file says, as plain containers, texts and finite numbers; mappings have texts as keys.

    Args:
        path: the file.
        where: how errors call it.

    Raises:
        BenchError: it cannot be read, is no YAML, or says what no configuration can mean.
    """
    where = where or str(path)
    try:
        loader = yaml.SafeLoader(_text(path, LARGEST_YAML))
        node = loader.get_single_node()
        _counted(node, {})
        content = None if node is None else loader.construct_document(node)
    except RecursionError as error:
        raise BenchError(f"{where}: not valid YAML: nested too deeply") from error
    except Exception as error:  # texts that look like dates or numbers and are none fail in any way
        raise BenchError(f"{where}: not valid YAML: {one_line(error)}") from error
    problem = _odd(content, "")
    if problem:
        raise BenchError(f"{where}: {problem}")
    return content


def read_json(path: Path, what: str, remedy: str) -> Any:
    """What a JSON file says.

    Raises:
        BenchError: it cannot be read or is no JSON; ``what`` it should be and the ``remedy`` stand in the line.
    """
    try:
        return json.loads(_text(path, LARGEST_JSON), parse_constant=_no_number)
    except RecursionError as error:
        raise BenchError(f"{path}: not a readable {what} (nested too deeply); {remedy}") from error
    except (ValueError, OSError) as error:
        raise BenchError(f"{path}: not a readable {what} ({one_line(error)}); {remedy}") from error


def one_line(error: BaseException, longest: int = 300) -> str:
    """The message of an exception in one line, or its name where it has none or cannot even say it."""
    try:
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)[:LONGEST]).split())
    except Exception:  # whoever raises an exception also writes its __str__
        text = ""
    return text[:longest] or type(error).__name__


def _text(path: Path, largest: int) -> str:
    if not path.is_file():
        raise OSError("no regular file" if path.exists() else "no such file")
    if path.stat().st_size > largest:
        raise OSError(f"larger than {largest // 2**10} kB")
    return path.read_text(encoding="utf-8")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _counted(node: yaml.Node | None, known: dict[int, int], depth: int = 0) -> int:
    """Values below a node, those behind an alias each time they are met.

    Raises:
        ValueError: too many, too deep, or a node that holds itself.
    """
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES  # whoever asks before the answer is there stands inside
        pairs = isinstance(node, yaml.MappingNode)
        parts = [part for pair in node.value for part in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_counted(part, known, depth + 1) for part in parts)
    if known[id(node)] > MOST_VALUES or depth > DEEPEST:
        raise ValueError(f"holds more than {MOST_VALUES:,} values or {DEEPEST} levels, aliases written out")
    return known[id(node)]


def _odd(value: Any, key: str) -> str | None:
    """The first thing in ``value`` that is no mapping, list, text or number a configuration can mean, or None."""
    if isinstance(value, dict):
        names = next((name for name in value if not isinstance(name, str)), None)
        if names is not None:
            return f"key '{_joined(key, names)}': must be a text; quote it"
        return next(filter(None, (_odd(part, _joined(key, name)) for name, part in value.items())), None)
    if isinstance(value, list):
        return next(filter(None, (_odd(part, _joined(key, index)) for index, part in enumerate(value))), None)
    if isinstance(value, int | float) and not abs(value) < LARGEST_NUMBER:
        return f"key '{key}': must be a finite number below {LARGEST_NUMBER:g}, got {value!r:.40}"
    if value is None or isinstance(value, str | bool | int | float):
        return None
    return f"key '{key}': a {type(value).__name__} is neither text, number, list nor mapping; quote it"


def _joined(key: str, part: Any) -> str:
    return f"{key}.{part}".lstrip(".")[:100]
