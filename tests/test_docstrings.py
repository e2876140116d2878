"""Docstrings of the package and the baselines: each begins with the verb that says what the call does."""

import ast
import re
from pathlib import Path

import pytest

NO_VERB = re.compile(
    "The|An?|This|That|These|Those|Its?|One|Some|All|Any|Both|Each|Every|Such|Not?|True|False|None|If|Of|By|In|On|At|To|"
    "For|From|With|Without|Over|Under|Whether|What|Which|Who|Whose|When|Where|Why|How|Number|Mean|Median|Error|Ratio|"
    "Length|Distance|Time|Fraction|Folder|File|Path|Image|Frame|Histogram|Inverse|First|Last|Longest|Leading"
)


def is_imperative(docstring: str) -> bool:
    """Its first word decides: plurals and the third person end in s, and what is no verb otherwise is listed."""
    word = (docstring.split() or [""])[0].rstrip(",")
    inflected = word.endswith("s") and word not in ("Express", "Pass")
    return re.fullmatch("[A-Z][a-z]+", word) is not None and not inflected and not NO_VERB.fullmatch(word)


def inherits(name: str, heir: ast.ClassDef, classes: dict[str, list[ast.ClassDef]]) -> bool:
    """Whether a class above one of the package documents a method of this name."""
    above = [base for written in heir.bases for base in classes.get(ast.unparse(written), [])]
    made = [part for base in above for part in base.body if isinstance(part, ast.FunctionDef) and part.name == name]
    return any(map(ast.get_docstring, made)) or any(inherits(name, base, classes) for base in above)


@pytest.mark.parametrize("words", ["The error.", "Whether it is.", "Computes it.", "Names of it.", "``it``, told.", ""])
def test_what_is_no_imperative(words: str) -> None:
    assert not is_imperative(words)


def test_the_docstring_of_everything_public_begins_with_an_imperative_verb(root: Path) -> None:
    """Who looks for a function goes by what it does; a noun leaves open whether it is found, made or written.

    Properties are read like attributes and named by a noun. A method may leave its docstring to the one it overrides.
    """
    paths = [*(root / "src" / "ladid_bench").rglob("*.py"), *(root / "baselines").rglob("*.py")]
    trees = {path.relative_to(root): ast.parse(path.read_text()) for path in paths}
    owners = [(path, one) for path, tree in trees.items() for one in (tree, *tree.body)]
    classes: dict[str, list[ast.ClassDef]] = {}
    for _, one in owners:
        if isinstance(one, ast.ClassDef):
            classes.setdefault(one.name, []).append(one)
    wrong = []
    for path, owner in owners:
        heir = owner if isinstance(owner, ast.ClassDef) and not owner.name.startswith("_") else None
        for made in owner.body if heir or isinstance(owner, ast.Module) else ():
            public = isinstance(made, ast.FunctionDef) and not made.name.startswith("_")
            if public and not any("property" in ast.unparse(one) for one in made.decorator_list):
                words = ast.get_docstring(made)
                if not (is_imperative(words) if words else heir and inherits(made.name, heir, classes)):
                    wrong.append(f"{path}:{made.lineno}: {made.name}: {words}")
    assert not wrong, "\n".join(wrong)
