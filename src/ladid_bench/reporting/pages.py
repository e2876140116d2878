"""What all pages share: templates, style sheet, equations, and how a page's folder takes the place of a former one."""

import html
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from ladid_bench.core.errors import BenchError
from ladid_bench.reporting.drawing import Drawing, inline, write_drawings
from ladid_bench.reporting.formatting import counted, listed
from ladid_bench.reporting.palette import theme

TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index.html"


def render(template: str, **values: Any) -> str:
    """Render a page of its own, in the look that all have."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(counted=counted, listed=listed, math_lines=math_lines, safe_link=safe_link)
    css = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    page = environment.get_template(template)
    return page.render(css=css, light=theme(dark=False), dark=theme(dark=True), **values)


def check_place(final: Path) -> None:
    """Refuse a place that a user chose for a page where something else is.

    Raises:
        BenchError: ``final`` is there and holds no page.
    """
    if final.exists() and not (final / INDEX).exists():
        raise BenchError(f"{final}: is there and holds no page; move it or choose another --output")


@contextmanager
def published(final: Path) -> Iterator[Path]:
    """Give a folder to build a page in, which takes the place of ``final`` at the end, unless something fails."""
    building, former = (final.with_name(f".{final.name}-{word}") for word in ("building", "former"))
    if former.exists() and not final.exists():  # killed between the two renames
        former.rename(final)
    for left in (building, former):
        shutil.rmtree(left, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        if final.exists():
            final.rename(former)
        building.rename(final)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def figures(folder: Path, drawings: Sequence[Drawing | None]) -> list[tuple[Markup, str]]:
    """Write the figure and the numbers of each drawing there is, and give it for the page, with its caption."""
    made = [drawing for drawing in drawings if drawing]
    write_drawings(folder, made)
    return [(Markup(inline(drawing)), drawing.caption) for drawing in made]


def math_lines(latex: str) -> list[tuple[Markup, bool]]:
    """Set the equations of a data card, a line each; whether it is a law, above the empty line, or names a constant."""
    law, _, where = latex.strip().partition("\n\n")
    lines = [(line, True) for line in law.splitlines()] + [(line, False) for line in where.splitlines()]
    return [(_math(line, main), main) for line, main in lines if line.strip()]


def _math(latex: str, main: bool) -> Markup:
    """Set one line in MathML, which browsers draw themselves; what is no LaTeX is shown as it is."""
    try:
        element = convert_to_element(latex, display="block" if main else "inline")
    except Exception:  # the parser has errors of many kinds, and a card may hold anything
        return Markup("<code>{}</code>").format(latex)
    for part in element.iter():
        part.text = html.unescape(part.text or "")  # symbols come as entities; whatever needs it is escaped below
    return Markup(tostring(element, encoding="unicode"))


def safe_link(address: str) -> str:
    """Give an address back if it is one that a page may link to, else nothing."""
    return address if re.match(r"https?://", address) else ""
