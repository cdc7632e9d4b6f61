"""A report as one HTML page that needs nothing else: no script, no request; every foreign text escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import hwasc
from hwasc.progress import show
from hwasc.report.formats import ABSENT, MINUS, clean
from hwasc.report.style import SHEET
from hwasc.report.theme import themed

Kind = Literal["exact", "measured", "estimate", ""]
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # nothing is fetched, no script runs
_UNITS = r"( (%|B|KiB|M|k|G))?"
_NUMBER = re.compile(rf"[-+{MINUS}]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?{_UNITS}( \([\d,.]+ KiB\))?( ± \d+(\.\d+)?)?")


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Preformatted:
    """Text whose lines and spaces stay, e.g. an architecture."""

    text: str


@dataclass(frozen=True)
class Fact:
    """A figure on a card. kind: `exact` (counted on the deployment graph), `measured`, `estimate`; note: what it refers to."""

    value: str
    note: str = ""
    kind: Kind = ""


@dataclass(frozen=True)
class Facts:
    """Cards: label to value, in this order."""

    values: Mapping[str, Fact | str]


@dataclass(frozen=True)
class Meter:
    """A cell that shows a share of a limit (0..1, above 1: passed) as a bar."""

    share: float


@dataclass(frozen=True)
class Table:
    """Rows under columns. The first column heads its row; columns of figures are aligned to the right by themselves.

    marked: the rows (from 0) that stand out.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    marked: Collection[int] = ()


@dataclass(frozen=True)
class Picture:
    """An SVG element with what it shows in words."""

    svg: str
    caption: str


Part = Paragraph | Preformatted | Facts | Table | Picture


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    title: str
    parts: Sequence[Part] = field(default_factory=tuple)


def page(title: str, subtitle: str, sections: Sequence[Section], environment: Mapping[str, Any] | None = None) -> str:
    """The page as text. environment: what `records.run.environment()` gives, for the footer."""
    contents = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(sections, 1))
    body, pictures = [], 0
    for i, section in enumerate(sections, 1):
        parts = []
        for part in section.parts:
            pictures += isinstance(part, Picture)
            parts.append(_part(part, pictures))
        body.append(
            f'<section id="s{i}" aria-labelledby="h{i}">\n<h2 id="h{i}">{escape(section.title)}</h2>\n'
            + "\n".join(parts)
            + "\n</section>"
        )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<style>{SHEET}</style>\n</head>\n<body>\n<header>\n<h1>{escape(title)}</h1>\n"
        f'<p class="subtitle">{escape(subtitle)}</p>\n<nav aria-label="Contents">{contents}</nav>\n</header>\n<main>\n'
        + "\n".join(body)
        + f"\n</main>\n<footer>{_footer(environment or {})}</footer>\n</body>\n</html>\n"
    )


def escape(text: object) -> str:
    """Foreign text, harmless between tags and within attributes."""
    return html.escape(clean(text))


def _footer(environment: Mapping[str, Any]) -> str:
    parts = [f"hwasc {escape(environment.get('hwasc', hwasc.__version__))}"]
    if environment.get("command"):
        parts.append(f"<code>{escape(environment['command'])}</code>")
    if environment.get("date"):
        parts.append(escape(environment["date"]))
    machine = ", ".join(str(environment[k]) for k in ("system", "machine") if environment.get(k))
    python = f"Python {environment['python']}" if environment.get("python") else ""
    parts += [escape(p) for p in (python, machine) if p]
    packages = environment.get("packages")
    if isinstance(packages, Mapping):
        parts.append(
            escape(", ".join(f"{name} {version}" for name, version in packages.items() if version != "absent"))
        )
    return " · ".join(p for p in parts if p)


def _part(part: Part, number: int) -> str:
    if isinstance(part, Paragraph):
        return f"<p>{escape(part.text)}</p>"
    if isinstance(part, Preformatted):
        return f'<pre tabindex="0">{escape(part.text)}</pre>'
    if isinstance(part, Facts):
        return _facts(part)
    return _table(part) if isinstance(part, Table) else _picture(part, number)


def _facts(part: Facts) -> str:
    cards = []
    for label, value in part.values.items():
        fact = value if isinstance(value, Fact) else Fact(str(value))
        badge = f'<span class="kind {fact.kind}">{fact.kind}</span>' if fact.kind else ""
        note = f"<small>{escape(fact.note)}</small>" if fact.note else ""
        cards.append(f"<div><dt>{escape(label)}{badge}</dt><dd>{escape(fact.value)}{note}</dd></div>")
    four = len(cards) % 4 == 0
    return f'<dl class="{"facts four" if four else "facts"}">{"".join(cards)}</dl>'


def _table(part: Table) -> str:
    numeric = [bool(part.rows) and all(_is_figure(row[i]) for row in part.rows) for i in range(len(part.columns))]
    side = [' class="n"' if n else "" for n in numeric]
    head = "".join(f'<th scope="col"{side[i]}>{escape(c)}</th>' for i, c in enumerate(part.columns))
    rows = []
    for number, row in enumerate(part.rows):
        mark = ' class="mark"' if number in part.marked else ""
        cells = "".join(f"<td{side[i]}>{_cell(v)}</td>" for i, v in enumerate(row) if i)
        rows.append(f'<tr{mark}><th scope="row"{side[0]}>{_cell(row[0])}</th>{cells}</tr>')
    caption = f"<caption>{escape(part.caption)}</caption>" if part.caption else ""
    label = escape(part.caption or ", ".join(part.columns))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, Meter):
        width, over = min(100.0, max(0.0, 100 * value.share)), value.share > 1
        text = f"{100 * value.share:.1f} % of the limit"
        kind = "meter over" if over else "meter"
        return f'<div class="{kind}"><i style="width:{width:.1f}%"></i><span>{text}</span></div>'
    return ABSENT if value is None else escape(show(value))


def _is_figure(value: Any) -> bool:
    if isinstance(value, (bool, Meter)):
        return False
    return value in (None, ABSENT) or isinstance(value, (int, float)) or bool(_NUMBER.fullmatch(str(value)))


def _picture(part: Picture, number: int) -> str:
    """The element with ids of its own (a page holds several), in the page's theme, as wide as drawn at most."""
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>p{number}-", part.svg)
    drawn = re.match(r'<svg[^>]*?\bwidth="([\d.]+)pt"', svg)
    limit = f' style="max-width:{float(drawn[1]) * 1.3:.0f}px"' if drawn else ""
    svg = re.sub(r"<svg\b", f'<svg aria-hidden="true" focusable="false"{limit}', themed(svg), count=1)
    caption = escape(part.caption)
    shown = f'<div class="plot" role="img" aria-labelledby="c{number}">{svg}</div>'
    return f'<figure>{shown}<figcaption id="c{number}">{caption}</figcaption></figure>'
