"""What all pages share: sections, navigation, style, equations, and how a page takes the place of a former one."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import tostring

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from ladid_bench.core.errors import BenchError
from ladid_bench.core.files import write_text
from ladid_bench.reporting.drawing import Drawing, inline, write_drawings
from ladid_bench.reporting.formatting import counted, listed
from ladid_bench.reporting.palette import theme

TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index.html"
HOME = Markup('LaDID Bench, <a href="index.html">report</a>')  # above a page beside the report
CONTROL = (
    "A negative control: physically, this intervention changes nothing, so the data follow the same law as without it. "
    "A difference seen here is not an effect of the intervention."
)


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        anchor: what links lead to.
        heading: above it.
        body: what stands in it.
        short: what the navigation calls it; the heading where empty.
        menu: name of the menu of the navigation that it is in; none where empty.
        items: (anchor, words) of its parts, which are in the menu in its place.
        kind: classes in the style sheet.
    """

    anchor: str
    heading: str
    body: Markup
    short: str = ""
    menu: str = ""
    items: Sequence[tuple[str, str]] = ()
    kind: str = ""


@dataclass(frozen=True)
class Page:
    """A page that needs nothing but itself.

    Attributes:
        title: of the window.
        heading: above all.
        eyebrow: above the heading: where the page belongs.
        lead: what it says, in a few words.
        sections: one below the other.
        words: more about it, below the lead.
        cautions: what to know before believing it, by name.
        home: what the first link of the navigation says, and where it leads.
        links: (address, words) of pages beside this one.
        pictures: addresses of films, by class in the style sheet.
        colours: of methods, by the name of the method on the page.
        script: whether there is something to point at, to sort or to play.
    """

    title: str
    heading: str
    eyebrow: Markup | str
    lead: str
    sections: Sequence[Section]
    words: str = ""
    cautions: Mapping[str, str] = field(default_factory=dict)
    home: tuple[str, str] = ("LaDID Bench", "#top")
    links: Sequence[tuple[str, str]] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    colours: Sequence[tuple[str, str]] = ()
    script: bool = False

    @property
    def menus(self) -> dict[str, list[tuple[str, str]]]:
        """Links of the navigation by menu; a section that is in none is a menu of its own with one link."""
        found: dict[str, list[tuple[str, str]]] = {}
        for one in self.sections:
            links = [(f"#{anchor}", words) for anchor, words in one.items or [(one.anchor, one.short or one.heading)]]
            found.setdefault(one.menu or one.anchor, []).extend(links)
        return found

    def write(self, path: Path) -> None:
        """Write the page."""
        css = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
        page = _templates().get_template("page.html.j2")
        write_text(path, page.render(page=self, css=css, light=theme(dark=False), dark=theme(dark=True)))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"counted": counted, "listed": listed, "math_lines": math_lines, "safe_link": safe_link}
    environment.globals["warnings"] = warnings
    return environment


def part(macro: str, *values: Any) -> Markup:
    """Render a part of a page with one of the macros in ``parts.j2``."""
    return Markup(getattr(_templates().get_template("parts.j2").module, macro)(*values))


def warnings(card: Mapping[str, Any]) -> dict[str, str]:
    """Say by name what a reader must know of a data set, from its card."""
    found = {"control": CONTROL} if card["control"] else {}
    return found | ({"data": card["caution"]} if card["caution"] else {})


def check_place(final: Path) -> None:
    """Refuse a place that a user chose for a page where something else is.

    Raises:
        BenchError: ``final`` is there and holds no page.
    """
    if final.exists() and not (final / INDEX).exists():
        raise BenchError(f"{final}: exists and contains no page; move it or choose another --output")


def figures(folder: Path, drawings: Sequence[Drawing | None], judged: bool = True) -> list[tuple[Markup, str]]:
    """Write the figure and the numbers of each drawing there is, and give it for the page, with its caption.

    The caption of a figure whose numbers mean nothing, as they are not ``judged``, says nothing that was found.
    """
    made = [drawing for drawing in drawings if drawing]
    write_drawings(folder, made)
    return [(Markup(inline(drawing)), drawing.caption if judged else drawing.about) for drawing in made]


def math_lines(latex: str) -> list[tuple[Markup, bool]]:
    """Set the equations of a data card, a line each, and say which are laws, above the empty line, not constants."""
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
