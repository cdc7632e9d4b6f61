"""A report as one HTML page that needs nothing else: no request, no script but one of its own; every foreign text escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, Protocol

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

import hwasc
from hwasc import progress
from hwasc.report import theme
from hwasc.report.formats import ABSENT, MINUS, clean
from hwasc.report.script import Script

PRINTED = 20  # clips of a long list that are printed
Kind = Literal["exact", "measured", "estimate", ""]
_UNITS = r"( (%|B|KiB|M|k|G))?"
_NUMBER = re.compile(rf"[-+{MINUS}]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?{_UNITS}( \([\d,.]+ KiB\))?( ± \d+(\.\d+)?)?")


@dataclass(frozen=True)
class Paragraph:
    """Running text.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        text: The paragraph.
    """

    macro: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Preformatted:
    """Text whose lines and spaces stay, e.g. an architecture.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        text: The lines.
    """

    macro: ClassVar[str] = "preformatted"
    text: str


@dataclass(frozen=True)
class Fact:
    """A figure on a card.

    Attributes:
        value: The figure, as it is shown.
        note: What the figure refers to.
        kind: `exact` (counted on the deployment graph), `measured`, `estimate`, or empty.
    """

    value: str
    note: str = ""
    kind: Kind = ""


@dataclass(frozen=True)
class Facts:
    """Cards: label to fact, in this order.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        values: The fact of each label.
    """

    macro: ClassVar[str] = "facts"
    values: Mapping[str, Fact]


@dataclass(frozen=True)
class Meter:
    """A cell that shows a share of a limit (0..1, above 1: exceeded) as a bar."""

    share: float


@dataclass(frozen=True)
class Table:
    """Rows under columns. The first column is the heading of its row; columns of figures are aligned to the right.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        columns: Names of the columns.
        rows: Cells of each row, as many as there are columns; None is shown as a dash.
        caption: Text above the table.
        marked: Numbers, from 0, of rows that are highlighted.
        trials: The trial of each row, for the script of the search page; empty where rows are no trials.
    """

    macro: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    marked: Collection[int] = ()
    trials: Sequence[int] = ()

    @property
    def numeric(self) -> list[bool]:
        """Whether all cells of each column are figures."""
        return [bool(self.rows) and all(_is_figure(row[i]) for row in self.rows) for i in range(len(self.columns))]


@dataclass(frozen=True)
class Picture:
    """A picture with a caption.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        svg: The SVG element.
        caption: Text below the picture.
    """

    macro: ClassVar[str] = "picture"
    svg: str
    caption: str


@dataclass(frozen=True)
class Controls:
    """The place where the page's script puts its controls; nothing is shown without it.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
    """

    macro: ClassVar[str] = "controls"


class Part(Protocol):
    """What a section consists of.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
    """

    macro: ClassVar[str]


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    Attributes:
        title: Heading of the section.
        parts: Its content, from top to bottom.
    """

    title: str
    parts: Sequence[Part] = field(default_factory=tuple)


def page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    environment: Mapping[str, Any] | None = None,
    *,
    script: Script | None = None,
) -> str:
    """Render a page.

    Args:
        title: Heading of the page.
        subtitle: Line under the heading.
        sections: The page's content.
        environment: What `records.run.environment()` gives, for the footer.
        script: Runs in the page; None: the page's policy lets none run.

    Returns:
        The page as HTML text.
    """
    return (
        _templates()
        .get_template("page.html.j2")
        .render(title=title, subtitle=subtitle, sections=sections, environment=environment or {}, script=script)
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("hwasc.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else clean(value),
    )
    templates.globals.update(version=hwasc.__version__, LIGHT=theme.LIGHT, DARK=theme.DARK, printed=PRINTED)
    templates.filters.update(show=_show, inline_svg=_inline_svg, commands=_commands)
    templates.tests["meter"] = lambda value: isinstance(value, Meter)
    return templates


def _show(value: Any) -> str:
    return ABSENT if value is None else progress.show(value)


def _commands(text: str) -> Markup:
    """Text in which commands stand between backticks, as on the terminal."""
    parts = clean(text).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def _is_figure(value: Any) -> bool:
    if isinstance(value, (bool, Meter)):
        return False
    return value in (None, ABSENT) or isinstance(value, (int, float)) or bool(_NUMBER.fullmatch(str(value)))


def _inline_svg(svg: str, prefix: str) -> Markup:
    """The element with unique ids (a page holds several pictures), in the page's theme, at most as wide as it was drawn."""
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    drawn = re.match(r'<svg[^>]*?\bwidth="([\d.]+)pt"', svg)
    limit = f' style="max-width:{float(drawn[1]) * 1.3:.0f}px"' if drawn else ""
    return Markup(re.sub(r"<svg\b", f'<svg aria-hidden="true" focusable="false"{limit}', theme.themed(svg), count=1))
