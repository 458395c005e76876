"""Where boxes stand: in layers from top to bottom, with few crossings and straight arrows.

The method of K. Sugiyama, S. Tagawa and M. Toda (1981): arrows that would close a circle are turned
round, each box gets the layer of the longest path to it, long arrows pass through a place in every
layer between, the boxes of a layer are ordered by the mean place of their neighbours, sweeping down
and up, and their coordinates come as near to their neighbours as the order allows (isotonic
regression)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

FAR, MANY = 5, 8
SWEEPS, STRAIGHTENING = 12, 60
GAP, DEPTH = 22.0, 78.0
LIGHT = 0.05  # how much a box without sources does
STRAIGHT = 8.0  # how much more than a box a place on a long arrow insists


class Layout:
    """The places of boxes.

    Args:
        widths: how wide each box is.
        arrows: pairs of numbers of boxes.
        count: how many of them are boxes, if the others are places where arrows pass, such as their
            labels.

    Attributes:
        at: for each box the middle of it.
        paths: for each arrow the points that it passes, from its source to its target.
        width, height: of the whole.
    """

    def __init__(
        self, widths: Sequence[float], arrows: Sequence[tuple[int, int]], count: int | None = None
    ) -> None:
        self._widths = list(widths)
        self._count = len(widths) if count is None else count
        count = len(widths)
        forward = _without_circles(count, arrows)
        self._layer = _layers(count, forward)
        chains = [self._chain(a, b) for a, b in forward]
        self._above: list[list[int]] = [[] for _ in self._widths]
        self._below: list[list[int]] = [[] for _ in self._widths]
        for chain in chains:
            for a, b in pairwise(chain):
                self._below[a].append(b)
                self._above[b].append(a)
        tops = {box for box, above in enumerate(self._above) if not above}
        self._light = tops | {
            b for b, above in enumerate(self._above) if self._passes(b) and tops.issuperset(above)
        }
        self._order = self._ordered()
        xs = self._coordinates()
        left = min([x - w / 2 for x, w in zip(xs, self._widths, strict=True)], default=0.0)
        points = [(x - left, DEPTH * n) for x, n in zip(xs, self._layer, strict=True)]
        self.at = points[:count]
        self.paths = []
        for (a, b), (c, d), chain in zip(arrows, forward, chains, strict=True):
            path = [points[i] for i in chain]
            self.paths.append(path if (a, b) == (c, d) else path[::-1])
        self.width = max([x + w / 2 for (x, _), w in zip(points, self._widths)], default=0.0)
        self.height = DEPTH * max(self._layer, default=0)

    def _chain(self, a: int, b: int) -> list[int]:
        """An arrow as a chain of neighbours, with a narrow place in every layer between."""
        chain = [a]
        for layer in range(self._layer[a] + 1, self._layer[b]):
            chain.append(len(self._widths))
            self._widths.append(4.0)
            self._layer.append(layer)
        return [*chain, b]

    def _ordered(self) -> list[list[int]]:
        """The boxes of each layer from left to right."""
        order: list[list[int]] = [[] for _ in range(max(self._layer, default=-1) + 1)]
        for box, layer in enumerate(self._layer):
            order[layer].append(box)
        best, fewest = order, self._crossings(order)
        for sweep in range(SWEEPS):
            order = [list(row) for row in order]
            down = sweep % 2 == 0
            rows = range(1, len(order)) if down else range(len(order) - 2, -1, -1)
            near = self._above if down else self._below
            place = _places(order)
            for row in rows:
                order[row].sort(key=lambda b: _mean([place[n] for n in near[b]], place[b]))
                place.update(_places([order[row]]))
            crossings = self._crossings(order)
            if crossings < fewest:
                best, fewest = order, crossings
        return best

    def _crossings(self, order: list[list[int]]) -> int:
        place = _places(order)
        total = 0
        for row in order:
            ends = [place[b] for a in row for b in sorted(self._below[a], key=place.__getitem__)]
            total += sum([ends[i] > e for j, e in enumerate(ends) for i in range(j)])
        return total

    def _coordinates(self) -> list[float]:
        xs = [0.0] * len(self._widths)
        for row in self._order:
            self._spread(row, [0.0] * len(row), xs)
        for sweep in range(STRAIGHTENING):
            rows = self._order if sweep % 2 == 0 else self._order[::-1]
            for row in rows:
                self._spread(row, [self._balance(b, xs) for b in row], xs)
        return xs

    def _balance(self, box: int, xs: list[float]) -> float:
        """Where the arrows of a box pull it to; long arrows pull to become straight."""
        near = [*self._above[box], *self._below[box]]
        pulls = [self._pull(box, n) for n in near]
        total = sum([p * xs[n] for p, n in zip(pulls, near, strict=True)])
        return total / sum(pulls) if near else xs[box]

    def _pull(self, box: int, near: int) -> float:
        """How much a box insists on standing below or above another: little where that one has
        nothing above it, and can as well come nearer itself."""
        if near in self._light and box not in self._light:
            return LIGHT
        return STRAIGHT if self._passes(box) and self._passes(near) else 1.0

    def _passes(self, box: int) -> bool:
        """Whether it is no box but a place where an arrow passes."""
        return box >= self._count

    def _spread(self, row: list[int], wanted: list[float], xs: list[float]) -> None:
        """Put a layer's boxes as near to where they should be as they fit side by side."""
        offsets, place = [], 0.0
        for i, b in enumerate(row):
            if i:
                place += (self._widths[row[i - 1]] + self._widths[b]) / 2 + GAP
            offsets.append(place)
        weights = [LIGHT if b in self._light else STRAIGHT if self._passes(b) else 1.0 for b in row]
        lefts = ascending([w - o for w, o in zip(wanted, offsets, strict=True)], weights)
        for b, x, offset in zip(row, lefts, offsets, strict=True):
            xs[b] = x + offset


def widest(count: int, arrows: Sequence[tuple[int, int]]) -> int:
    """How many boxes stand in the fullest layer."""
    layers = Counter(_layers(count, _without_circles(count, arrows)))
    return max(layers.values(), default=0)


def far(count: int, arrows: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The long arrows at boxes that have many: drawn, they would hide everything else."""
    layer = _layers(count, _without_circles(count, arrows))
    long = [(a, b) for a, b in arrows if abs(layer[b] - layer[a]) > FAR]
    ends = Counter([box for arrow in long for box in arrow])
    return {(a, b) for a, b in long if max(ends[a], ends[b]) > MANY}


def ascending(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The ascending numbers that are nearest to given ones, by weighted least squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        total, mass, count = value * weight, weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / mass:
            more, heavier, number = blocks.pop()
            total, mass, count = total + more, mass + heavier, count + number
        blocks.append((total, mass, count))
    return [total / mass for total, mass, count in blocks for _ in range(count)]


def _places(order: Sequence[Sequence[int]]) -> dict[int, int]:
    """The place of each box in its layer."""
    return {box: i for row in order for i, box in enumerate(row)}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _without_circles(count: int, arrows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The arrows, with those turned round that lead back on a walk in depth."""
    targets: list[list[int]] = [[] for _ in range(count)]
    for a, b in arrows:
        targets[a].append(b)
    state = [0] * count
    back: set[tuple[int, int]] = set()
    for start in range(count):
        stack = [(start, iter(targets[start]))] if not state[start] else []
        state[start] = state[start] or 1
        while stack:
            box, rest = stack[-1]
            for b in rest:
                if state[b] == 1:
                    back.add((box, b))
                elif not state[b]:
                    state[b] = 1
                    stack.append((b, iter(targets[b])))
                    break
            else:
                state[box] = 2
                stack.pop()
    return [(b, a) if (a, b) in back else (a, b) for a, b in arrows]


def _layers(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Each box's layer: one below the lowest of its sources; those without sources, and what hangs
    on these alone, as low as they can stand."""
    below: list[list[int]] = [[] for _ in range(count)]
    above: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in arrows:
        below[a].append(b)
        above[b].append(a)
        waiting[b] += 1
    layer = [0] * count
    ready = [box for box in range(count) if not waiting[box]]
    first = list(ready)
    while ready:
        box = ready.pop()
        for b in below[box]:
            layer[b] = max(layer[b], layer[box] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                ready.append(b)
    tops = set(first)
    hanging = [box for box in range(count) if above[box] and tops.issuperset(above[box])]
    for box in [*sorted(hanging, key=layer.__getitem__, reverse=True), *first]:
        if below[box]:
            layer[box] = min([layer[b] for b in below[box]]) - 1
    return layer
