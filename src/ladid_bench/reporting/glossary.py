"""The words of the suite, for the report and for the documentation."""

from pathlib import Path

from ladid_bench.core.readers import read_yaml

GLOSSARY = Path(__file__).with_suffix(".yaml")


def glossary() -> dict[str, str]:
    """Read the meaning of each word, in the order of a dictionary."""
    words = read_yaml(GLOSSARY)
    return {word: words[word] for word in sorted(words, key=str.lower)}
