"""Pictures of a graph: SVG, drawn here, and the text that Graphviz draws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from gradtape.graph.boxes import FIXED, INPUT, MANY, MOST, STATE, STEP, Box, Picture
from gradtape.graph.layering import Layout, far
from gradtape.graph.text import spec

HEIGHT, MARGIN = 40.0, 18.0
WIDE, NARROW = 6.9, 6.1  # of a letter, in the title and below it
WORDS = {
    INPUT: "input", STATE: "variable", FIXED: "constant", STEP: "operation", MANY: "several",
}  # fmt: skip
LIGHT = {
    "page": "#ffffff", "ink": "#1f2430", "soft": "#667085", "line": "#98a2b3",
    INPUT: "#e3f0ff #4c8fdc", STATE: "#fff1d6 #d99a22", FIXED: "#f2f4f7 #98a2b3",
    STEP: "#f8f9fb #667085", MANY: "#ece8fb #7a5bd0",
}  # fmt: skip
DARK = {
    "page": "#14171f", "ink": "#e8ebf2", "soft": "#9aa4b5", "line": "#6b7586",
    INPUT: "#17304f #5c9ded", STATE: "#42320f #e0ab45", FIXED: "#232833 #6b7586",
    STEP: "#1d222d #8a94a6", MANY: "#2d2450 #9b80ee",
}  # fmt: skip
SHAPES = """
text { font-family: ui-sans-serif, system-ui, "DejaVu Sans", Arial, sans-serif; font-size: 12px;
  text-anchor: middle; }
.detail, .legend { font-size: 10.5px; }
.legend { text-anchor: start; }
.arrow { fill: none; stroke-width: 1.3; }
.after { stroke-dasharray: 4 3; }
.box { stroke-width: 1.2; }
"""


def svg(operations: Sequence[Any], most: int = MOST) -> str:
    """A picture of operations as SVG.

    Args:
        operations: the operations in order.
        most: how many boxes there may be, if name scopes and chains allow it.
    """
    picture = Picture(operations, most)
    drawn = _without_far(picture)
    widths = [_width(b) for b in picture.boxes]
    layout = Layout(widths, [(a, b) for a, b, _ in drawn])
    arrows = [_arrow(path, after) for path, (_, _, after) in zip(layout.paths, drawn, strict=True)]
    boxes = [
        _drawn(b, x + MARGIN, y + MARGIN, w)
        for b, (x, y), w in zip(picture.boxes, layout.at, widths, strict=True)
    ]
    kinds = [k for k in WORDS if any([b.kind == k for b in picture.boxes])]
    width = max(layout.width, 92.0 * len(kinds)) + 2 * MARGIN
    height = layout.height + HEIGHT + 2 * MARGIN + 24
    return "\n".join(
        [
            f'<svg class="gradtape-graph" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}"'
            f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
            ' aria-label="graph">',
            f"<style>{STYLE}</style>",
            '<rect class="page" width="100%" height="100%" rx="6"/>',
            *arrows,
            *boxes,
            _legend(kinds, height - MARGIN),
            "</svg>",
        ]
    )


def _without_far(picture: Picture) -> list[tuple[int, int, bool]]:
    """The arrows that are drawn; of the others the boxes say where they lead."""
    boxes = picture.boxes
    left_out = far(len(boxes), [(a, b) for a, b, _ in picture.arrows])
    for a, box in enumerate(boxes):
        targets = [
            boxes[b].title.partition(":")[0] for b in range(len(boxes)) if (a, b) in left_out
        ]
        sources = sum([target == a for _, target in left_out])
        if targets:
            shown = targets if len(targets) < 3 else [targets[0], f"{len(targets) - 1} more"]
            box.note(f"\u2193 {', '.join(shown)}")
        if sources:
            box.note(f"\u2191 {sources} more")
    return [(a, b, after) for a, b, after in picture.arrows if (a, b) not in left_out]


def _colours(given: dict[str, str]) -> str:
    """Rules of style for one set of colours."""
    rules = [
        f".page {{ fill: {given['page']}; }}",
        f"text {{ fill: {given['ink']}; }}",
        f".detail, .legend {{ fill: {given['soft']}; }}",
        f".arrow {{ stroke: {given['line']}; }}",
        f".head {{ fill: {given['line']}; }}",
    ]
    for kind in WORDS:
        fill, stroke = given[kind].split()
        rules.append(f".{kind} {{ fill: {fill}; stroke: {stroke}; }}")
    return _scoped(rules)


def _scoped(rules: Iterable[str]) -> str:
    """Rules of style that concern our pictures alone, wherever these are put."""
    found = []
    for rule in rules:
        names, brace, rest = rule.partition("{")
        scoped = ", ".join(f".gradtape-graph {name.strip()}" for name in names.split(","))
        found.append(f"{scoped} {brace}{rest}")
    return "\n".join(found)


STYLE = "\n".join(
    [
        _scoped(re.findall(r"\S[^{]*{[^}]*}", SHAPES)),
        _colours(LIGHT),
        f"@media (prefers-color-scheme: dark) {{\n{_colours(DARK)}\n}}",
    ]
)


def _width(box: Box) -> float:
    return max(64.0, WIDE * len(box.title) + 22, NARROW * len(box.detail) + 22)


def _drawn(box: Box, x: float, y: float, width: float) -> str:
    corner = 19 if box.kind in (INPUT, STATE) else 6
    shadow = ""
    if box.kind == MANY:  # as a stack
        shadow = (
            f'<rect x="{x - width / 2 + 4:.1f}" y="{y + 4:.1f}" width="{width:.1f}"'
            f' height="{HEIGHT:.0f}" rx="{corner}" class="box {box.kind}"/>'
        )
    return (
        f"<g><title>{escape(box.tip())}</title>{shadow}"
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HEIGHT:.0f}"'
        f' rx="{corner}" class="box {box.kind}"/>'
        f'<text x="{x:.1f}" y="{y + (17 if box.detail else 24):.1f}">{escape(box.title)}</text>'
        f'<text class="detail" x="{x:.1f}" y="{y + 31:.1f}">{escape(box.detail)}</text></g>'
    )


def _arrow(path: list[tuple[float, float]], after: bool) -> str:
    """A curve from the lower edge of one box through the layers to the upper edge of another."""
    points = [(x + MARGIN, y + MARGIN) for x, y in path]
    down = points[-1][1] > points[0][1]
    start, end = (HEIGHT, -5.0) if down else (0.0, HEIGHT + 5.0)
    stops = [(points[0][0], points[0][1] + start)]
    for x, y in points[1:-1]:
        stops += [(x, y), (x, y + HEIGHT)] if down else [(x, y + HEIGHT), (x, y)]
    stops.append((points[-1][0], points[-1][1] + end))
    parts = [f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"]
    for (x, y), (u, v) in pairwise(stops):
        middle = (y + v) / 2
        curve = f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}"
        parts.append(f"L{u:.1f} {v:.1f}" if abs(x - u) < 0.5 else curve)
    (x, y), tip = stops[-1], 5.0 if down else -5.0
    head = (
        f"M{x - 3.5:.1f} {y - tip / 5:.1f}L{x + 3.5:.1f} {y - tip / 5:.1f}L{x:.1f} {y + tip:.1f}Z"
    )
    kind = "arrow after" if after else "arrow"
    return f'<path class="{kind}" d="{"".join(parts)}"/><path class="head" d="{head}"/>'


def _legend(kinds: Sequence[str], y: float) -> str:
    parts = []
    for i, kind in enumerate(kinds):
        x = MARGIN + 92.0 * i
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 8:.1f}" width="12" height="10" rx="3"'
            f' class="box {kind}"/><text class="legend" x="{x + 18:.1f}" y="{y + 1:.1f}">'
            f"{WORDS[kind]}</text>"
        )
    return "".join(parts)


# Graphviz


def dot(operations: Sequence[Any]) -> str:
    """A picture of operations as text for Graphviz, name scopes as clusters."""
    lines = ["digraph graph_of_operations {", "  node [shape=box, style=rounded, fontsize=11];"]
    open_scopes: list[str] = []
    for op in sorted(operations, key=lambda op: (op.name.rpartition("/")[0], op.number)):
        scopes = op.name.split("/")[:-1]
        while open_scopes != scopes[: len(open_scopes)]:
            open_scopes.pop()
            lines.append("  " * (len(open_scopes) + 1) + "}")
        for scope in scopes[len(open_scopes) :]:
            indent = "  " * (len(open_scopes) + 1)
            open_scopes.append(scope)
            cluster = _quoted(f"cluster_{'/'.join(open_scopes)}")
            lines.append(f"{indent}subgraph {cluster} {{ label={_quoted(scope)};")
        results = ", ".join(spec(v) for v in op.values)
        label = _quoted(f"{op.name.rpartition('/')[2]}\n{op.type} {results}".rstrip())
        lines.append("  " * (len(open_scopes) + 1) + f"{_quoted(op.name)} [label={label}];")
    lines += ["  " * (n + 1) + "}" for n in range(len(open_scopes) - 1, -1, -1)]
    for op in operations:
        lines += [f"  {_quoted(v.op.name)} -> {_quoted(op.name)};" for v in op.takes]
        after = [f"  {_quoted(c.name)} -> {_quoted(op.name)} [style=dashed];" for c in op.control]
        lines += after
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
