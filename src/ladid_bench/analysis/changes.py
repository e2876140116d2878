"""What runs change of the settings and the budget of their study, as the run table writes it: ``name=value, ...``."""

import ast
import re
from typing import Any

CHANGE = re.compile(r"(\w+)=(.*?)(?=, \w+=|$)")  # a value may hold commas


def parse_changes(text: str) -> dict[str, str]:
    """Split changes into names and values, these as Python wrote them."""
    return dict(CHANGE.findall(text))


def without(text: str, *names: str) -> str:
    """Leave out the changes of those names."""
    return ", ".join(f"{name}={value}" for name, value in parse_changes(text).items() if name not in names)


def value_of(text: str) -> Any:
    """Read the value of a change; a text that is no Python literal stays one."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def changed_to(text: str, setting: str) -> int | None:
    """Find the whole number that ``setting`` is changed to, if nothing else is changed."""
    found = parse_changes(text)
    value = found.get(setting, "") if len(found) == 1 else ""
    return int(value) if value.isdigit() else None
