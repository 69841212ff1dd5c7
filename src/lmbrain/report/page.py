"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from lmbrain.report.blocks import Section
from lmbrain.report.overview import Overview

TINTS = {"above": (0, 114, 178), "below": (213, 94, 0)}
STRONGEST = 0.45  # opacity of a cell's tint, so that dark text stays readable


def render(head: Overview, sections: Sequence[Section]) -> str:
    """Fill the template page.html; all text is escaped, styles and figures are inside the page.

    Parameters
    ----------
    head
        Title, summary and verdicts.
    sections
        In the order shown.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("lmbrain.report", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tint"] = tint
    style = resources.files("lmbrain.report").joinpath("page.css").read_text(encoding="utf-8")
    page = environment.get_template("page.html")
    return page.render(head=head, sections=sections, style=Markup(style))


def tint(shade: float) -> str:
    """CSS colour of a cell with a shade in [-1, 1]; values beyond are drawn as the ends."""
    red, green, blue = TINTS["above" if shade >= 0 else "below"]
    return f"rgba({red},{green},{blue},{min(abs(shade), 1) * STRONGEST:.2f})"
