"""The picture of a tape in a notebook: the drawing, and tables to be opened below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gradtape.autodiff.anatomy import Anatomy
from gradtape.autodiff.drawing import FONT, scoped
from gradtape.autodiff.picture_boxes import Folded
from gradtape.autodiff.picture_svg import CLASS, styled, svg
from gradtape.autodiff.picture_text import (
    HEADS,
    TITLES,
    Share,
    by_line,
    by_type,
    cells_of,
    cuts,
    headline,
    rows,
    share_cells,
)

LAYOUT = [
    f"{{ font-family: {FONT}; font-size: 13px; padding: 10px 12px; border-radius: 8px; }}",
    ".scroll { overflow-x: auto; }",
    "details { margin-top: 8px; }",
    "summary { cursor: pointer; font-weight: 600; }",
    "table { border-collapse: collapse; margin: 6px 0; font-size: 12.5px; }",
    "th, td { text-align: left; padding: 3px 10px 3px 0; white-space: nowrap; border: none; }",
    ".number { text-align: right; font-variant-numeric: tabular-nums; }",
    ".note { margin: 6px 0; }",
]


def page(anatomy: Anatomy, folded: Folded) -> str:
    """Everything as HTML that needs nothing else."""
    title = escape(headline(anatomy))
    found = [(escape(r.title + ": " + r.mark), "bad") for r in rows(folded) if r.mark]
    found += [(escape(line), "zero") for line in cuts(folded)]
    if anatomy.note:
        found.insert(0, (escape(anatomy.note), "zero"))
    notes = "".join(f'<div class="note {kind}">{text}</div>' for text, kind in found)
    tables = [_details("operations", HEADS, [cells_of(r) for r in rows(folded)], (3, 4))]
    for name, parts in zip(TITLES, (by_type(anatomy), by_line(anatomy)), strict=True):
        tables.append(_shares(name, parts))
    return (
        f'<div class="{CLASS}-page"><style>{STYLE}</style>'
        f'<div class="scroll" role="img" aria-label="{title}">'
        f"{svg(folded, headline(anatomy), anatomy.flowing)}</div>{notes}{''.join(tables)}</div>"
    )


def _shares(name: str, parts: Sequence[Share]) -> str:
    heads = ("operation" if name == TITLES[0] else "line", "operations", "bytes")
    return _details(name, heads, share_cells(parts), (1, 2)) if parts else ""


def _details(
    name: str, heads: Sequence[str], table: Iterable[Sequence[str]], right: Sequence[int]
) -> str:
    """A table that is closed at first; columns without content are left out."""
    table = list(table)
    used = [i for i in range(len(heads)) if any([cells[i] for cells in table])]
    if not used:
        return ""

    def row(cells: Sequence[str], tag: str) -> str:
        shown = [f"<{tag}{' class=number' * (i in right)}>{escape(cells[i])}</{tag}>" for i in used]
        return f"<tr>{''.join(shown)}</tr>"

    body = "".join(row(cells, "td") for cells in table)
    return (
        f"<details><summary>{name}</summary><table><thead>{row(heads, 'th')}</thead>"
        f"<tbody>{body}</tbody></table></details>"
    )


def _colours(given: dict[str, str]) -> list[str]:
    return [
        f"{{ background: {given['page']}; color: {given['ink']}; }}",
        f"th, td {{ color: {given['ink']}; background: {given['page']}; }}",
        f"tbody tr {{ border-top: 1px solid {given['faint']}; }}",
        f".bad {{ color: {given['bad']}; }}",
        f".zero {{ color: {given['zero']}; }}",
    ]


STYLE = scoped(f".{CLASS}-page", LAYOUT) + "\n" + styled(_colours, f".{CLASS}-page")
