"""The words of the suite, for the report and for the documentation."""

from pathlib import Path

import yaml

GLOSSARY = Path(__file__).with_suffix(".yaml")


def glossary() -> dict[str, str]:
    """Read the meaning of each word, in the order of a dictionary."""
    words = yaml.safe_load(GLOSSARY.read_text(encoding="utf-8"))
    return {word: words[word] for word in sorted(words, key=str.lower)}
