"""Checks of the card, and of what it says against the code."""

from ladid_bench.core.errors import nearest
from ladid_bench.methods.registry import resolve_settings
from ladid_bench.verification.conformance.checks import Verdict, failed, passed
from ladid_bench.verification.conformance.subject import Subject


def complete(subject: Subject) -> Verdict:
    """Check that the card can be read, agrees with itself and with the code, and that what it needs is installed."""
    card = subject.card
    texts = {"title": card.title, "summary": card.summary, "citation.text": card.citation.text}
    for key, text in (texts | {"fidelity": card.fidelity}).items():
        if not text.strip():
            return failed(f"key '{key}' is empty")
    for key, values in card.search.items():
        if key not in card.settings:
            return failed(f"'search' names '{key}', which is no setting; {nearest(key, card.settings)}")
        for value in values:
            resolve_settings(subject.name, subject.variant, {key: value}, subject.root)
    for variant in card.variants:
        resolve_settings(subject.name, variant, {}, subject.root)
    if not card.trained and card.not_in_forecast:
        return failed("'not_in_forecast' is for methods that are trained")
    if subject.is_neural != card.trained and not (subject.is_external and card.trained):
        bases = "no NeuralMethod" if card.trained else "a NeuralMethod"
        return failed(f"kind is '{card.kind}', but {subject.method_class.__name__} is {bases}: its runs get wrong keys")
    variants = f", {len(card.variants)} variants" if len(card.variants) > 1 else ""
    return passed(f"{card.kind}, version {card.version}{variants}")
