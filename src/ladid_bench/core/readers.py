"""Reading YAML and JSON that anybody may have written: an error is one line, and a small file stays small in memory."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ladid_bench.core.errors import BenchError

LARGEST_JSON = 64 * 2**20  # bytes
LARGEST_YAML = 2**19  # bytes; more takes PyYAML many seconds
LARGEST_NUMBER = 2.0**63
LONGEST = 5000  # letters of a message that are looked at
MOST_VALUES = 200_000  # of a YAML file, aliases written out: ten of them in ten of them, nine deep, are a billion
TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
KEY_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}


def read_yaml(path: Path, where: str | None = None) -> Any:
    """Read a YAML file as plain containers, texts and finite numbers; mappings have texts as keys.

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
        if node is None:
            return None
        _check(loader, node, "", itertools.count(1))
        return loader.construct_document(node)
    except RecursionError as error:
        raise BenchError(f"{where}: nested too deeply") from error
    except yaml.YAMLError as error:
        raise BenchError(f"{where}: not valid YAML: {one_line(error)}") from error
    except Exception as error:  # texts that look like dates or numbers and are none fail in any way
        raise BenchError(f"{where}: cannot be read: {one_line(error)}") from error


def read_json(path: Path, what: str, remedy: str) -> Any:
    """Read a JSON file as plain containers.

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
    """Put the message of an exception in one line, or its name where it has none or cannot even say it."""
    try:
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)[:LONGEST]).split())
    except Exception:  # whoever raises an exception also writes its __str__
        text = ""
    return text[:longest] or type(error).__name__


def _text(path: Path, largest: int) -> str:
    if not path.is_file():
        raise OSError("not a regular file" if path.exists() else "no such file")
    if path.stat().st_size > largest:
        raise OSError(f"larger than {largest // 2**10} kB")
    return path.read_text(encoding="utf-8")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number")


def _check(loader: yaml.SafeLoader, node: yaml.Node, key: str, seen: Iterator[int]) -> None:
    """Refuse a node below which stands what no configuration can mean, or more than a configuration can hold.

    Aliases are followed each time they are met, before anything is made of them: a node that holds itself has no end.

    Raises:
        ValueError: the key, and what is wrong with its value.
    """
    if next(seen) > MOST_VALUES:
        raise ValueError(f"holds more than {MOST_VALUES:,} values, with aliases expanded")
    if node.tag not in TAGS:
        kind = node.tag.rpartition(":")[2]
        raise ValueError(f"key '{key[:100]}': a {kind} is neither text, number, list nor mapping; quote it")
    if isinstance(node, yaml.SequenceNode):
        for index, part in enumerate(node.value):
            _check(loader, part, f"{key}.{index}".lstrip("."), seen)
    elif isinstance(node, yaml.MappingNode):
        known = set()
        for name, part in node.value:
            full = f"{key}.{name.value}".lstrip(".")
            if name.tag not in KEY_TAGS:
                raise ValueError(f"key '{key[:100]}.{name.value!s:.40}': must be text; quote it")
            if name.value in known:
                raise ValueError(f"key '{full[:100]}': appears twice; keep one of them")
            known.add(name.value)
            _check(loader, part, full, seen)
    else:
        value = loader.construct_object(node)
        if isinstance(value, int | float) and not abs(value) < LARGEST_NUMBER:
            raise ValueError(f"key '{key[:100]}': must be a finite number below {LARGEST_NUMBER:g}, got {value!r:.40}")
