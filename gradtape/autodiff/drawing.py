"""The strokes that pictures are made of: how wide words are, curved arrows, styles for light and
dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from gradtape.autodiff.layering import far

FONT = 'ui-sans-serif, system-ui, "DejaVu Sans", Arial, sans-serif'
# widths of letters in thousandths of the font's size, as in DejaVu Sans: other fonts are narrower
WIDTHS = {
    280: "'ijl", 320: " ,.\u00b7", 340: "/:;IJ\\|", 405: "!()-[]f", 415: "rt", 560: '"*?_`csz',
    620: "FLPTYekvxy", 640: "$0123456789ESabdghnopqu{}", 700: "ABCKRVXZ", 790: "&DGHNOQU",
    840: "#+<=>^w~\u00d7\u2191\u2192\u2193", 1000: "%@MWm\u2026\u2014",
}  # fmt: skip
WIDTH = {letter: width / 1000 for width, letters in WIDTHS.items() for letter in letters}
TIP = 5.0  # of an arrow: how far it stays from a box

Point = tuple[float, float]
Band = tuple[float, float]


def width_of(text: str, size: float) -> float:
    """How wide a text is in a font of a size, at most."""
    return size * sum([WIDTH.get(letter, 1.0) for letter in text])


def cut(text: str, width: float, size: float) -> str:
    """A text, cut short where it is wider."""
    if width_of(text, size) <= width:
        return text
    room = width - width_of("\u2026", size)
    while text and width_of(text, size) > room:
        text = text[:-1]
    return text.rstrip() + "\u2026"


def arrow(xs: Sequence[float], bands: Sequence[Band]) -> tuple[str, str]:
    """A curve and its head, through bands in which it is vertical: those of the layers it passes.

    Args:
        xs: where it passes each band; the first and the last are boxes.
        bands: the upper and lower edge of each.
    """
    stops: list[Point] = []
    tip = TIP
    for (x, band), (u, other) in pairwise(zip(xs, bands, strict=True)):
        down = other[0] > band[0]
        tip = TIP if down else -TIP
        stops += [(x, band[down]), (u, other[not down])]
    stops[-1] = (stops[-1][0], stops[-1][1] - tip)
    return _curve(stops), _head(*stops[-1], tip)


def _curve(stops: Sequence[Point]) -> str:
    parts = [f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"]
    for (x, y), (u, v) in pairwise(stops):
        middle = (y + v) / 2
        curve = f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}"
        parts.append(f"L{u:.1f} {v:.1f}" if abs(x - u) < 0.5 else curve)
    return "".join(parts)


def _head(x: float, y: float, tip: float) -> str:
    back = y - tip / 5
    return f"M{x - 3.5:.1f} {back:.1f}L{x + 3.5:.1f} {back:.1f}L{x:.1f} {y + tip:.1f}Z"


def scoped(name: str, rules: Iterable[str]) -> str:
    """Rules of style that concern the pictures of a class alone, wherever these are put."""
    found = []
    for rule in rules:
        selectors, brace, rest = rule.partition("{")
        inside = ", ".join(f"{name} {s.strip()}" for s in selectors.split(","))
        found.append(f"{inside} {brace}{rest}")
    return "\n".join(found)


def without_far(boxes: Sequence[Any], arrows: Sequence[Any]) -> list[Any]:
    """The arrows that are drawn; of the others the boxes say where they lead.

    Args:
        boxes: each with a `title` and a method `note` that writes more into it.
        arrows: tuples that begin with the numbers of two boxes.
    """
    left_out = far(len(boxes), [(a[0], a[1]) for a in arrows])
    for number, box in enumerate(boxes):
        targets = [
            boxes[b].title.partition(":")[0] for b in range(len(boxes)) if (number, b) in left_out
        ]
        sources = sum([target == number for _, target in left_out])
        if targets:
            shown = targets if len(targets) < 3 else [targets[0], f"{len(targets) - 1} more"]
            box.note(f"\u2193 {', '.join(shown)}")
        if sources:
            box.note(f"\u2191 {sources} more")
    return [a for a in arrows if (a[0], a[1]) not in left_out]
