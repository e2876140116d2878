"""What all pages share: their templates, the style sheet, and how a page's folder takes the place of a former one."""

import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ladid_bench.reporting import views
from ladid_bench.reporting.equation import equation_lines
from ladid_bench.reporting.formatting import counted, listed
from ladid_bench.reporting.palette import theme
from ladid_bench.reporting.tables import state

TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index.html"


def render(template: str, **values: Any) -> str:
    """A page of its own, in the look that all have."""
    css = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    page = environment().get_template(template)
    return page.render(css=css, light=theme(dark=False), dark=theme(dark=True), **values)


def environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        counted=counted,
        equation_lines=equation_lines,
        facts=views.facts,
        listed=listed,
        safe_link=views.safe_link,
        state=state,
    )
    return environment


def swap(building: Path, final: Path) -> None:
    """Put a folder that is built in the place of a former one."""
    former = final.with_name(".report-former")
    shutil.rmtree(former, ignore_errors=True)
    if final.exists():
        final.rename(former)
    building.rename(final)
    shutil.rmtree(former, ignore_errors=True)
