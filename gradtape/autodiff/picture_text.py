"""The picture of a tape as tables: plain text, and in colours for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from gradtape.autodiff.anatomy import OPERATION, Anatomy, Entry
from gradtape.autodiff.flow import Flow, together
from gradtape.autodiff.picture_boxes import Box, Folded
from gradtape.autodiff.picture_words import Weight, amount, bad, count, number, roles, span
from gradtape.core.xp_numpy import Lazy

rich_table: Any = Lazy("rich.table")
rich_text: Any = Lazy("rich.text")

BAR = 8
WIDE, LEAST = 100, 12
MOST_ROWS = 12  # of what is kept by operation and by line
HEADS = ("operation", "result", "keeps", "gradient rms", "max", "line")
TITLES = ("kept by operation", "kept by line")


class Row(NamedTuple):
    """A box as a row of the table."""

    name: str
    title: str
    kind: str
    spec: str
    keeps: str
    short: str
    flows: tuple[Flow, ...]
    place: str
    mark: str

    @property
    def flow(self) -> Flow | None:
        """The size of all the gradients together."""
        return together(self.flows) if self.flows else None


class Share(NamedTuple):
    """What the operations of one type, or of one line, keep."""

    name: str
    operations: int
    weight: Weight


def headline(anatomy: Anatomy) -> str:
    """What there is, in a line."""
    operations = [e for e in anatomy.entries if e.kind == OPERATION]
    sources = len(anatomy.entries) - len(operations)
    weight = Weight(operations)
    own = f", of it {amount(weight.own)} the sources' own" if weight.own else ""
    if operations:
        kept = f"{weight} kept for the backward pass{own}"
    elif anatomy.aimed:
        kept = "the target depends on nothing that was recorded"
    else:
        kept = "nothing was recorded"
    return f"{count(len(operations), 'operation')}, {count(sources, 'source')}; {kept}"


def rows(folded: Folded) -> list[Row]:
    """A row for each box, in the order of time."""
    boxes = sorted(folded.boxes, key=lambda b: b.group.entries[0].number)
    return [_row(b) for b in boxes]


def _row(box: Box) -> Row:
    entries = box.group.entries
    first = entries[0]
    single = len(entries) == 1
    kept = box.weight.short
    if single and kept:
        kept = f"{roles(first.kept)}: {kept}"
    specs = {e.spec for e in entries}
    spec = first.spec if len(specs) == 1 else f"{count(box.operations, 'operation')}"
    kind = "" if box.kind == OPERATION else box.kind
    title = f"{box.title} ({kind})" if first.kind not in (OPERATION, box.title) else box.title
    flows = tuple(box.flows)
    return Row(box.title, title, kind, spec, kept, box.weight.short, flows, box.place, box.mark)


def cuts(folded: Folded) -> list[str]:
    """The inputs that get no derivative, with the reason, a line each."""
    boxes = folded.boxes
    return [
        f"{boxes[a.source].title} \u2192 {boxes[a.target].title}: {a.cut}, {a.why}"
        for a in folded.arrows
        if a.cut
    ]


def shares(anatomy: Anatomy, key: Callable[[Entry], str]) -> list[Share]:
    """What is kept by each of the operations' keys, the most first; "" is left out."""
    found: dict[str, list[Entry]] = {}
    for entry in anatomy.entries:
        if entry.kind == OPERATION and key(entry):
            found.setdefault(key(entry), []).append(entry)
    made = [Share(name, len(entries), Weight(entries)) for name, entries in found.items()]
    return sorted(made, key=lambda s: (-s.weight.bytes, -s.operations))


def by_type(anatomy: Anatomy) -> list[Share]:
    """What each type of operation keeps."""
    return shares(anatomy, lambda e: e.title)


def by_line(anatomy: Anatomy) -> list[Share]:
    """What each line of the program lets the tape keep."""
    return shares(anatomy, lambda e: "" if e.fact is None else e.fact.place)


# plain


def plain(anatomy: Anatomy, folded: Folded) -> str:
    """Everything as text."""
    lines = [headline(anatomy)]
    if anatomy.note:
        lines.append(anatomy.note)
    table = [cells_of(r) for r in rows(folded)]
    used = [i for i in range(len(HEADS)) if any([cells[i] for cells in table])]
    if table:
        lines += ["", *_aligned([HEADS, *table], used, right=(3, 4))]
    lines += [f"  ! {r.title}: {r.mark}" for r in rows(folded) if r.mark]
    found = cuts(folded)
    if found:
        lines += ["", "no derivative", *[f"  {line}" for line in found]]
    for title, parts in zip(TITLES, (by_type(anatomy), by_line(anatomy)), strict=True):
        if parts:
            lines += ["", title, *_aligned(share_cells(parts), (0, 1, 2), right=(1, 2))]
    return "\n".join(line.rstrip() for line in lines)


def cells_of(row: Row) -> list[str]:
    """A row's cells, under `HEADS`."""
    rms, largest = _numbers(row)
    return [row.title, row.spec, row.keeps, rms, largest, row.place]


def _numbers(row: Row) -> tuple[str, str]:
    """Root mean square, of several gradients the range, and the largest value."""
    flow = row.flow
    if flow is None:
        return "", ""
    if flow.bad:
        return bad(flow), f"{flow.bad} of {flow.size}"
    return span(row.flows), number(flow.largest)


def share_cells(parts: Sequence[Share]) -> list[list[str]]:
    """What is kept by operations of one type or line: name, number and bytes, a row each."""
    cells = [[s.name, f"{s.operations} \u00d7", str(s.weight)] for s in parts[:MOST_ROWS]]
    rest = parts[MOST_ROWS:]
    if rest:
        total = amount(sum([s.weight.bytes for s in rest]))
        operations = sum([s.operations for s in rest])
        cells.append([f"and {len(rest)} more", f"{operations} \u00d7", total])
    return cells


def _aligned(table: Sequence[Sequence[str]], used: Sequence[int], right: Any) -> Iterator[str]:
    """Rows of cells as lines in columns."""
    widths = {i: max([len(cells[i]) for cells in table]) for i in used}
    for cells in table:
        shown = [
            cells[i].rjust(widths[i]) if i in right else cells[i].ljust(widths[i]) for i in used
        ]
        yield "  " + "  ".join(shown)


# in colours


def coloured(anatomy: Anatomy, folded: Folded, width: int) -> Iterator[Any]:
    """Everything as tables of rich, for a terminal of so many columns."""
    yield rich_text.Text(headline(anatomy), style="bold")
    if anatomy.note:
        yield rich_text.Text(anatomy.note, style="yellow")
    if anatomy.entries:
        yield rich_text.Text("")
        yield _table(anatomy, rows(folded), width)
    for row in rows(folded):
        if row.mark:
            yield rich_text.Text(f"! {row.title}: {row.mark}", style="bold red")
    for line in cuts(folded):
        yield rich_text.Text(f"no derivative: {line}", style="yellow")
    for title, parts in zip(TITLES, (by_type(anatomy), by_line(anatomy)), strict=True):
        if parts:
            yield rich_text.Text("")
            yield _share_table(title, parts)


def _table(anatomy: Anatomy, found: Sequence[Row], width: int) -> Any:
    """The rows in as many columns as fit; names and shapes share what the others leave."""
    wide = width >= WIDE
    columns = [
        (
            "operation",
            [rich_text.Text(r.title if wide else r.name, style=_style(r)) for r in found],
        ),
        ("result", [rich_text.Text(r.spec) for r in found]),
        ("keeps", [rich_text.Text(r.keeps if wide else r.short, style="cyan") for r in found]),
    ]
    if anatomy.flowing:
        scale = _scale([r.flow for r in found if r.flow is not None])
        columns.append(("gradient rms", [_bar(r, scale) for r in found]))
        if wide:
            columns.append(("max", [rich_text.Text(_numbers(r)[1]) for r in found]))
    if any([r.place for r in found]):
        columns.append(("line", [rich_text.Text(r.place) for r in found]))
    longest = [max([len(head), *[len(c) for c in cells]]) for head, cells in columns]
    room = width - sum(longest[2:]) - 2 * (len(columns) - 1)
    longest[:2] = _shared(longest[:2], max(room, 2 * LEAST))
    table = rich_table.Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    for (head, _), most in zip(columns, longest, strict=True):
        table.add_column(head, width=most, no_wrap=True, overflow="ellipsis")
    for cells in zip(*[cells for _, cells in columns], strict=True):
        table.add_row(*cells)
    return table


def _shared(wanted: Sequence[int], room: int) -> list[int]:
    """The widths of two columns in so much room: half of it each, or what the other one leaves."""
    first, second = wanted
    if first + second <= room:
        return [first, second]
    if first <= room // 2:
        return [first, room - first]
    second = min(second, room // 2)
    return [room - second, second]


def _style(row: Row) -> str:
    if row.mark:
        return "bold red"
    return {"variable": "yellow", "watched": "blue", "several": "bold"}.get(row.kind, "")


def _scale(flows: Sequence[Flow]) -> tuple[float, float]:
    """The smallest and the largest order of magnitude."""
    logs = [math.log10(f.rms) for f in flows if f.rms and not f.bad]
    return (min(logs), max(logs)) if logs else (0.0, 0.0)


def filled(flow: Flow, scale: tuple[float, float]) -> float:
    """How much of a bar a gradient fills, between nothing and 1, on a logarithmic scale."""
    if flow.bad:
        return 1.0
    if not flow.rms:
        return 0.0
    low, high = scale
    return 1.0 if high == low else 0.125 + 0.875 * (math.log10(flow.rms) - low) / (high - low)


def _bar(row: Row, scale: tuple[float, float]) -> Any:
    flow = row.flow
    if flow is None:
        return rich_text.Text("")
    style = "bold red" if flow.bad else "yellow" if flow.zero else "green"
    length = round(BAR * filled(flow, scale))
    bar = rich_text.Text("\u2588" * length + " " * (BAR - length), style=style)
    return bar.append(f" {_numbers(row)[0]}", style=style if flow.bad or flow.zero else "default")


def _share_table(title: str, parts: Sequence[Share]) -> Any:
    table = rich_table.Table(
        box=None, pad_edge=False, title=title, title_justify="left", title_style="bold",
        show_header=False, padding=(0, 1),
    )  # fmt: skip
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(justify="right", style="cyan")
    table.add_column()
    most = max([s.weight.bytes for s in parts]) or 1
    for cells, share in zip(share_cells(parts), [*parts[:MOST_ROWS], None]):
        length = 0 if share is None else round(2 * BAR * share.weight.bytes / most)
        table.add_row(*cells, rich_text.Text("\u2588" * length, style="cyan"))
    return table
