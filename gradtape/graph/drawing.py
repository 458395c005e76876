"""Pictures of a graph: SVG, drawn here, and the text that Graphviz draws."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from gradtape.autodiff.drawing import FONT, arrow, scoped, width_of, without_far
from gradtape.autodiff.layering import Layout
from gradtape.graph.boxes import FIXED, INPUT, MANY, MOST, STATE, STEP, Box, Picture
from gradtape.graph.text import spec

HEIGHT, MARGIN = 40.0, 18.0
LARGE, SMALL = 12.0, 10.5  # the sizes of letters
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
SHAPES = f"""
text {{ font-family: {FONT}; font-size: {LARGE}px; text-anchor: middle; }}
.detail, .legend {{ font-size: {SMALL}px; }}
.legend {{ text-anchor: start; }}
.arrow {{ fill: none; stroke-width: 1.3; }}
.after {{ stroke-dasharray: 4 3; }}
.box {{ stroke-width: 1.2; }}
"""


def svg(operations: Sequence[Any], most: int = MOST) -> str:
    """A picture of operations as SVG.

    Args:
        operations: the operations in order.
        most: how many boxes there may be, if name scopes and chains allow it.
    """
    picture = Picture(operations, most)
    drawn = without_far(picture.boxes, picture.arrows)
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
    return scoped(".gradtape-graph", rules)


STYLE = "\n".join(
    [
        scoped(".gradtape-graph", re.findall(r"\S[^{]*{[^}]*}", SHAPES)),
        _colours(LIGHT),
        f"@media (prefers-color-scheme: dark) {{\n{_colours(DARK)}\n}}",
    ]
)


def _width(box: Box) -> float:
    return max(64.0, width_of(box.title, LARGE) + 22, width_of(box.detail, SMALL) + 22)


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
    bands = [(y + MARGIN, y + MARGIN + HEIGHT) for _, y in path]
    line, head = arrow([x + MARGIN for x, _ in path], bands)
    kind = "arrow after" if after else "arrow"
    return f'<path class="{kind}" d="{line}"/><path class="head" d="{head}"/>'


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
