"""The picture of a tape as SVG.

Sources stand above what is made of them; an arrow leads from a value to the operation that takes
it, and carries the size of the gradient that flows back over it. Each number has a place of its own
in the layout, between the layers of boxes, so that nothing is written over anything else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from gradtape.autodiff.anatomy import OPERATION, VARIABLE, WATCHED
from gradtape.autodiff.drawing import FONT, arrow, cut, scoped, width_of, without_far
from gradtape.autodiff.layering import DEPTH, Layout
from gradtape.autodiff.picture_boxes import MANY, Arrow, Box, Folded
from gradtape.autodiff.picture_words import sizes

LARGE, SMALL = 12.5, 11.0  # the sizes of letters
ROW, FIRST = 15.0, 18.0  # from line to line in a box, and to the first one
BOLD = 1.2  # how much wider bold letters are
SHADOW = 4.0
PADDING, MARGIN = 11.0, 20.0
LONGEST = 420.0  # how wide the text in a box may be
LABEL, SPACE = 16.0, 17.0  # a number on an arrow, and what is free above and below it
PORT = 18.0  # from the end of one arrow to the next at the edge of a box
GAP = 34.0  # between layers where no numbers are
DECADES = 6.0  # of sizes that the strokes of arrows tell apart
CLASS = "gradtape-tape"
WORDS = {
    VARIABLE: "variable", WATCHED: "watched tensor", OPERATION: "operation",
    MANY: "several operations",
}  # fmt: skip
LIGHT = {
    "page": "#ffffff", "ink": "#1f2430", "soft": "#525c6e", "line": "#7d8798", "faint": "#c3cad5",
    "bad": "#c81e1e", "zero": "#a15c00", "share": "#8f6fe0",
    VARIABLE: "#fff1d6 #c9860f", WATCHED: "#e3f0ff #3d80cf", OPERATION: "#f6f7f9 #667085",
    MANY: "#ece8fb #7a5bd0", "marked": "#fdecec #c81e1e",
}  # fmt: skip
DARK = {
    "page": "#14171f", "ink": "#eef1f6", "soft": "#b4bdcb", "line": "#8b95a7", "faint": "#465064",
    "bad": "#ff7b72", "zero": "#f0b35a", "share": "#a58bf5",
    VARIABLE: "#42320f #e0ab45", WATCHED: "#17304f #5c9ded", OPERATION: "#222733 #97a1b3",
    MANY: "#2d2450 #9b80ee", "marked": "#45191b #ff7b72",
}  # fmt: skip
STROKES = [
    f"text {{ font-family: {FONT}; font-size: {SMALL}px; text-anchor: middle; }}",
    f".title, .head-line {{ font-size: {LARGE}px; font-weight: 600; }}",
    ".legend, .head-line { text-anchor: start; }",
    ".arrow { fill: none; }",
    ".cut { stroke-dasharray: 5 4; }",
    ".box { stroke-width: 1.2; }",
    ".target { stroke-width: 2.6; }",
    ".marked { stroke-width: 2.2; }",
]


def svg(folded: Folded, headline: str, flowing: bool) -> str:
    """Boxes and arrows as SVG.

    Args:
        folded: what is drawn.
        headline: what is written above.
        flowing: whether sizes of gradients are known.
    """
    drawing = _Drawing(folded, headline, flowing)
    width, height = drawing.width, drawing.height
    return "\n".join(
        [
            f'<svg class="{CLASS}" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}"'
            f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
            f' aria-label="{escape(headline)}">',
            f"<style>{STYLE}</style>",
            '<rect class="page" width="100%" height="100%" rx="6"/>',
            *drawing.parts,
            "</svg>",
        ]
    )


class _Drawing:
    """The parts of a picture in the order in which they are drawn."""

    def __init__(self, folded: Folded, headline: str, flowing: bool) -> None:
        self._boxes = boxes = folded.boxes
        self._flowing = flowing
        self._arrows: list[Arrow] = without_far(boxes, folded.arrows)
        self._labels = [_label(a) for a in self._arrows]
        self._widths = [_box_width(b) for b in boxes]
        self._heights = [FIRST + ROW * len(_texts(b)) for b in boxes]
        self._layout = layout = self._laid_out()
        legend = _legend(boxes, self._arrows, flowing)
        place = f'x="{MARGIN:.0f}" y="{MARGIN + 6:.0f}"'
        head = f'<text class="head-line" {place}>{escape(headline)}</text>'
        least = max(width_of(headline, LARGE) * BOLD, legend[1])
        self.width = max(layout.width, least) + 2 * MARGIN
        self._left = (self.width - layout.width) / 2
        self._bands = self._layers(MARGIN + 24)
        self._ports = self._spread()
        self.parts = [
            head,
            *[self._arrow(i) for i in range(len(self._arrows))],
            *[self._box(i) for i in range(len(boxes))],
        ]
        bottom = self._bands[-1][1] if self._bands else MARGIN + 24
        self.parts += [
            f'<g transform="translate({MARGIN:.0f} {bottom + 26 + 18 * i:.0f})">{line}</g>'
            for i, line in enumerate(legend[0])
        ]
        self.height = bottom + 26 + 18 * len(legend[0]) + 4

    def _laid_out(self) -> Layout:
        """Boxes, then the labels, each on its arrow; without labels the boxes alone."""
        ends = [(a.source, a.target) for a in self._arrows]
        if not any(self._labels):
            return Layout(self._widths, ends)
        count = len(self._widths)
        labels = [width_of(text, SMALL) + 10 if text else 4.0 for text in self._labels]
        halves = [(a, count + i) for i, (a, _) in enumerate(ends)]
        halves += [(count + i, b) for i, (_, b) in enumerate(ends)]
        return Layout([*self._widths, *labels], halves, count)

    # where things stand

    def _layers(self, top: float) -> list[tuple[float, float]]:
        """The upper and lower edge of each layer: as high as its highest box."""
        heights: dict[int, float] = {}
        for (_, y), height in zip(self._layout.at, self._heights):
            heights[_layer(y)] = max(heights.get(_layer(y), 0.0), height)
        between = LABEL if any(self._labels) else 0.0
        count = 1 + max([_layer(y) for _, y in self._layout.at], default=-1)
        bands = []
        for layer in range(count):
            height = heights.get(layer, between)
            bands.append((top, top + height))
            top += height + (SPACE if between else GAP)
        return bands

    def _edges_of(self, box: int) -> tuple[float, float]:
        """The upper and lower edge of a box, in the middle of its layer."""
        upper, lower = self._bands[_layer(self._layout.at[box][1])]
        middle, half = (upper + lower) / 2, self._heights[box] / 2
        shadow = SHADOW if self._boxes[box].kind == MANY else 0.0
        return middle - half, middle + half + shadow

    def _path(self, number: int) -> list[tuple[float, float]]:
        """The points that an arrow passes, its label's among them."""
        path = self._layout.paths[number]
        if any(self._labels):
            path = [*path, *self._layout.paths[len(self._arrows) + number][1:]]
        return path

    def _spread(self) -> dict[tuple[int, int], float]:
        """How far from the middle of its boxes an arrow ends: those at one edge side by side."""
        sides: dict[tuple[int, bool], list[tuple[float, int]]] = {}
        for number, which in enumerate(self._arrows):
            path = self._path(number)
            for box, (_, y), (x, v) in (
                (which.source, path[0], path[1]),
                (which.target, path[-1], path[-2]),
            ):
                sides.setdefault((box, v > y), []).append((x, number))
        places = {}
        for (box, _), ends in sides.items():
            step = min(PORT, (self._widths[box] - 24) / len(ends))
            for i, (_, number) in enumerate(sorted(ends)):
                places[number, box] = step * (i - (len(ends) - 1) / 2)
        return places

    # what is drawn

    def _arrow(self, number: int) -> str:
        which, label = self._arrows[number], self._labels[number]
        path = self._path(number)
        bands = [self._bands[_layer(y)] for _, y in path]
        bands[0], bands[-1] = self._edges_of(which.source), self._edges_of(which.target)
        xs = [x + self._left for x, _ in path]
        xs[0] += self._ports.get((number, which.source), 0.0)
        xs[-1] += self._ports.get((number, which.target), 0.0)
        line, head = arrow(xs, bands)
        kind = _kind(which, self._flowing)
        tip = "; ".join(t for t in (which.why, _tip(which)) if t)
        drawn = (
            f'<path class="arrow {kind}" stroke-width="{_stroke(which):.1f}" d="{line}"/>'
            f'<path class="head {kind}" d="{head}"/>'
        )
        if label:
            x, _ = self._layout.at[len(self._boxes) + number]
            layer = _layer(self._layout.at[len(self._boxes) + number][1])
            drawn += _written(label, x + self._left, sum(self._bands[layer]) / 2, kind)
        return f"<g><title>{escape(tip)}</title>{drawn}</g>"

    def _box(self, number: int) -> str:
        box, width = self._boxes[number], self._widths[number]
        x = self._layout.at[number][0] + self._left
        upper, height = self._edges_of(number)[0], self._heights[number]
        corner = 6 if box.kind in (OPERATION, MANY) else 16
        kind = f"box {box.kind}{' target' * box.target}{' marked' * bool(box.mark)}"
        rect = f'width="{width:.1f}" height="{height:.1f}" rx="{corner}" class="{kind}"/>'
        left = x - width / 2
        drawn = f'<rect x="{left:.1f}" y="{upper:.1f}" {rect}'
        if box.kind == MANY:  # as a stack
            drawn = f'<rect x="{left + SHADOW:.1f}" y="{upper + SHADOW:.1f}" {rect}{drawn}'
        for i, (text, style) in enumerate(_texts(box)):
            drawn += (
                f'<text class="{style}" x="{x:.1f}" y="{upper + FIRST + ROW * i:.1f}">'
                f"{escape(text)}</text>"
            )
        return f"<g><title>{escape(box.tip())}</title>{drawn}</g>"


def _layer(y: float) -> int:
    return round(y / DEPTH)


def _texts(box: Box) -> list[tuple[str, str]]:
    """The lines in a box, each with its style."""
    title = (cut(box.title, LONGEST / BOLD, LARGE), "title")
    lines = [(cut(line, LONGEST, SMALL), "detail") for line in box.lines]
    mark = [(cut(box.mark, LONGEST, SMALL), "bad")] if box.mark else []
    return [title, *lines, *mark]


def _box_width(box: Box) -> float:
    widths = [
        width_of(text, SMALL) if style != "title" else BOLD * width_of(text, LARGE)
        for text, style in _texts(box)
    ]
    return max(64.0, *widths) + 2 * PADDING


def _written(label: str, x: float, y: float, kind: str) -> str:
    """A text on an arrow, which is interrupted for it."""
    width = width_of(label, SMALL) + 6
    return (
        f'<rect class="page" x="{x - width / 2:.1f}" y="{y - LABEL / 2:.1f}" width="{width:.1f}"'
        f' height="{LABEL:.0f}"/><text class="label {kind}" x="{x:.1f}" y="{y + 4:.1f}">'
        f"{escape(label)}</text>"
    )


def _label(which: Arrow) -> str:
    return sizes(which.flows) if which.flows else which.cut


def _tip(which: Arrow) -> str:
    size = f"gradient, root mean square: {sizes(which.flows)}" if which.flows else ""
    many = f"{which.edges} inputs" if which.edges > 1 else ""
    return "; ".join(t for t in (size, many) if t)


def _kind(which: Arrow, flowing: bool) -> str:
    """How an arrow is coloured."""
    if which.cut:
        return "cut"
    if any([f.bad for f in which.flows]):
        return "bad"
    if which.flows and all([f.zero for f in which.flows]):
        return "zero"
    return "flow" if which.flows or not flowing else "none"


def _stroke(which: Arrow) -> float:
    """The width of an arrow, by the order of magnitude of the gradient."""
    largest = max([f.rms for f in which.flows], default=0.0)
    if not largest or which.cut:
        return 1.3
    share = (math.log10(largest) + DECADES) / (DECADES + 2)
    return 1.0 + 3.0 * min(1.0, max(0.0, share))


# what the signs mean


def _legend(
    boxes: Sequence[Box], arrows: Sequence[Arrow], flowing: bool
) -> tuple[list[str], float]:
    """Lines that say what boxes and arrows mean, and how wide they are."""
    kinds = [k for k in WORDS if any([b.kind == k for b in boxes])]
    found = [(_swatch(k), WORDS[k]) for k in kinds]
    if any([b.target for b in boxes]):
        found.append((_swatch("operation target"), "target"))
    if any([b.mark for b in boxes]):
        found.append((_swatch("marked"), "something is wrong"))
    strokes = {_kind(a, flowing) for a in arrows}
    said = {
        "cut": "no derivative",
        "none": "no gradient arrives",
        "zero": "zero",
        "bad": "not finite",
    }
    found += [(_line(k), text) for k, text in said.items() if k in strokes]
    lines, width, row, place = [], 0.0, "", 0.0
    for drawn, text in found:
        if place > 480:
            lines, row, place = [*lines, row], "", 0.0
        words = f'<text class="legend" x="28">{text}</text>'
        row += f'<g transform="translate({place:.1f} 0)">{drawn}{words}</g>'
        place += 28 + width_of(text, SMALL) + 18
        width = max(width, place)
    lines += [row] * bool(row)
    if flowing:
        text = (
            "On arrows: the gradient that flows back, its root mean square and its largest value."
        )
        lines.append(f'<text class="legend">{text}</text>')
        width = max(width, width_of(text, SMALL))
    if any(["\u2014" in b.title for b in boxes]):
        lines.append(
            '<text class="legend">(\u00b7) an input on the tape, (\u2014) one that is not.</text>'
        )
    return lines, width


def _swatch(kind: str) -> str:
    return f'<rect x="0" y="-9" width="20" height="11" rx="3" class="box {kind}"/>'


def _line(kind: str) -> str:
    return f'<path class="arrow {kind}" stroke-width="1.8" d="M0 -4L20 -4"/>'


# colours


def _colours(given: dict[str, str]) -> list[str]:
    """Rules of style for one set of colours."""
    rules = [
        f".page {{ fill: {given['page']}; }}",
        f"text {{ fill: {given['ink']}; }}",
        f".detail, .legend, .label {{ fill: {given['soft']}; }}",
        f".arrow {{ stroke: {given['line']}; }}",
        f".head {{ fill: {given['line']}; }}",
        f".arrow.none {{ stroke: {given['faint']}; }}",
        f".head.none {{ fill: {given['faint']}; }}",
    ]
    for kind in ("bad", "zero"):
        rules.append(f".arrow.{kind} {{ stroke: {given[kind]}; }}")
        rules.append(f"text.{kind}, .head.{kind} {{ fill: {given[kind]}; }}")
    for kind in (*WORDS, "marked"):
        fill, stroke = given[kind].split()
        rules.append(f".box.{kind} {{ fill: {fill}; stroke: {stroke}; }}")
    rules.append(f".box.target {{ stroke: {given['ink']}; }}")
    return rules


def styled(rules: Any, name: str = f".{CLASS}") -> str:
    """Rules in light and dark: as the system is set, or the notebook's theme."""
    light, dark = rules(LIGHT), rules(DARK)
    return "\n".join(
        [
            scoped(name, light),
            f"@media (prefers-color-scheme: dark) {{\n{scoped(name, dark)}\n}}",
            *[scoped(f"{theme} {name}", light) for theme in LIGHT_THEMES],
            *[scoped(f"{theme} {name}", dark) for theme in DARK_THEMES],
        ]
    )


# of JupyterLab, Visual Studio Code and Colab
LIGHT_THEMES = ('[data-jp-theme-light="true"]', ".vscode-light", 'html[theme="light"]')
DARK_THEMES = ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
STYLE = scoped(f".{CLASS}", STROKES) + "\n" + styled(_colours)
