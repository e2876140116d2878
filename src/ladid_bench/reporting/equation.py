"""Equations of data cards, plain text there, as lines of HTML with Greek letters, subscripts and superscripts."""

import re
from dataclasses import dataclass
from html import unescape

from markupsafe import Markup, escape

GREEK = "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega|Omega"
OTHERS = {"Laplacian": "∇²", "nabla": "∇", "sqrt": "√"}
SYMBOL = re.compile(rf"\b({GREEK}|{'|'.join(OTHERS)})(?=\d|\b|_)")
PRIMES = {1: "\N{PRIME}", 2: "\N{DOUBLE PRIME}", 3: "\N{TRIPLE PRIME}"}
LETTER = f"A-Za-z{unescape('&alpha;')}-{unescape('&omega;')}{unescape('&Omega;')}"
# what a differential equation begins with: theta'' =, theta1'' =, u_t =, u_tt =
START = r"[A-Za-z]+\d*(?:'+|_t+)(?: [-+] [^=;,]+)? ="
PRIME = re.compile(rf"(?<=[{LETTER}\d)])(?:&#39;)+")
SUPERSCRIPT = re.compile(r"\^(\([^()]*\)|[-\N{MINUS SIGN}]?[\w.]+)")
SUBSCRIPT = re.compile(rf"([{LETTER}])_(\w+)")
INDEX = re.compile(rf"(?<![\w.])([{LETTER}])(\d+)(?!\w)")


@dataclass(frozen=True)
class Line:
    """A line of an equation; ``main`` where it says how the system evolves, rather than names a constant."""

    html: Markup
    main: bool


def equation_lines(text: str) -> list[Line]:
    """The parts of an equation, a line each: split at semicolons, and before and after differential equations."""
    lines = []
    for part in re.split(rf";\s+|,\s+(?={START})", text.strip()):
        if re.match(START, part):
            equation, *constants = re.split(r",\s+(?=\w+ [=~] )", part, maxsplit=1)
            lines += [Line(_html(equation), True), *(Line(_html(rest), False) for rest in constants)]
        elif part:
            lines.append(Line(_html(part), False))
    return lines


def _html(text: str) -> Markup:
    """One part with its markup; everything else in it is escaped."""
    html = str(escape(text))
    html = SYMBOL.sub(lambda found: OTHERS.get(found[1]) or unescape(f"&{found[1]};"), html)
    html = re.sub(r"(?<=[\s(\[,])-(?=[\s\d(\[\w√∇])|^-", "\N{MINUS SIGN}", html)
    html = PRIME.sub(lambda found: _primes(found[0].count("&#39;")), html)
    html = SUPERSCRIPT.sub(lambda found: f"<sup>{found[1]}</sup>", html)
    html = SUBSCRIPT.sub(r"\1<sub>\2</sub>", html)
    html = INDEX.sub(r"\1<sub>\2</sub>", html)
    return Markup(html.replace(" ~ ", " \N{TILDE OPERATOR} "))


def _primes(count: int) -> str:
    return PRIMES.get(count, PRIMES[1] * count)
