"""Rows of pooling and dilation: the references look at one window at a time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradtape.core.windows import Window
from tests.ops.case import FLOATS, HALVES, INTEGERS, Case

WIDE = FLOATS + HALVES
PLAIN = Window((2, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))
APART = Window((2, 2), (2, 3), (1, 1), ((0, 0), (0, 0)))
PADDED = Window((3, 2), (2, 1), (1, 2), ((1, 1), (0, 2)))
LINE = Window((3,), (2,), (1,), ((1, 1),))
VOLUME = Window((2, 2, 2), (1, 2, 1), (1, 1, 1), ((0, 1), (0, 0), (1, 0)))
ALL = {"plain": (PLAIN, (5, 4)), "apart": (APART, (5, 7)), "padded": (PADDED, (5, 4)),
       "line": (LINE, (6,)), "volume": (VOLUME, (3, 4, 3))}  # fmt: skip


def places(window: Window, sizes: Any) -> Any:
    """Each place with the list of (tap number, position) that lie in the input."""
    counts = [
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, k, s, d, p in zip(sizes, *window, strict=True)
    ]
    for place in itertools.product(*map(range, counts)):
        inside = []
        for number, tap in enumerate(itertools.product(*map(range, window.size))):
            at = [i * s + t * d - p[0] for i, s, t, d, p in
                  zip(place, window.strides, tap, window.dilations, window.padding, strict=True)]  # fmt: skip
            if all(0 <= a < n for a, n in zip(at, sizes, strict=True)):
                inside.append((number, tuple(at)))
        yield place, inside


def pooled(x: Any, window: Window, function: Any, dtype: Any = None) -> Any:
    counts = [
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, k, s, d, p in zip(x.shape[1:-1], *window, strict=True)
    ]
    out = np.zeros((x.shape[0], *counts, x.shape[-1]), dtype or x.dtype)
    for place, inside in places(window, x.shape[1:-1]):
        for n, c in itertools.product(range(x.shape[0]), range(x.shape[-1])):
            out[(n, *place, c)] = function([(k, x[(n, *at, c)]) for k, at in inside], c)
    return out


def largest(x: Any, window: Window) -> Any:
    return pooled(x, window, lambda seen, c: max(v for _, v in seen))


def first_largest(x: Any, out: Any, window: Window) -> Any:
    return pooled(x, window, lambda seen, c: max(seen, key=lambda kv: kv[1])[0], np.uint8)


def average(x: Any, window: Window) -> Any:
    wide = x.astype(np.float64)
    return pooled(wide, window, lambda seen, c: sum(v for _, v in seen) / len(seen))


def scattered(ct: Any, winner: Any, window: Window, sizes: Any) -> Any:
    out = np.zeros((ct.shape[0], *sizes, ct.shape[-1]), np.float64)
    for place, inside in places(window, sizes):
        table = dict(inside)
        for n, c in itertools.product(range(ct.shape[0]), range(ct.shape[-1])):
            number = int(winner[(n, *place, c)])
            if number in table:
                out[(n, *table[number], c)] += float(ct[(n, *place, c)])
    return out


def gathered(t: Any, winner: Any, window: Window) -> Any:
    out = np.zeros(winner.shape, np.float64)
    for place, inside in places(window, t.shape[1:-1]):
        table = dict(inside)
        for n, c in itertools.product(range(t.shape[0]), range(t.shape[-1])):
            number = int(winner[(n, *place, c)])
            if number in table:
                out[(n, *place, c)] = t[(n, *table[number], c)]
    return out


def spread_average(ct: Any, window: Window, sizes: Any) -> Any:
    out = np.zeros((ct.shape[0], *sizes, ct.shape[-1]), np.float64)
    for place, inside in places(window, sizes):
        for _, at in inside:
            out[(slice(None), *at)] += ct[(slice(None), *place)].astype(np.float64) / len(inside)
    return out


def dilated(x: Any, w: Any, window: Window) -> Any:
    flat = w.reshape(-1, w.shape[-1])
    return pooled(
        x,
        window,
        lambda seen, c: max([(k, v + flat[k, c]) for k, v in seen], key=lambda kv: kv[1])[0],
        np.uint8,
    )


def counts(window: Window, sizes: Any) -> tuple[int, ...]:
    return tuple(
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, k, s, d, p in zip(sizes, *window, strict=True)
    )


def winners(window: Window, sizes: Any) -> Any:
    """Draws winners of windows over (2, *sizes, 3): a tap that lies in the input, for each place."""

    def draw(rng: Any) -> Any:
        out = np.zeros((2, *counts(window, sizes), 3), np.uint8)
        for place, inside in places(window, sizes):
            taps = [k for k, _ in inside]
            out[(slice(None), *place)] = rng.choice(taps, (2, 3))
        return out

    return draw


def distinct(sizes: Any) -> Any:
    """Draws values no two of which are near each other, so that differences do not cross a tie."""

    def draw(rng: Any, dtype: Any) -> list[Any]:
        shape = (2, *sizes, 3)
        values = rng.permutation(int(np.prod(shape))).reshape(shape) - 60
        return [values.astype(dtype)]

    return draw


def with_maximum(window: Window, sizes: Any) -> Any:
    def draw(rng: Any, dtype: Any) -> list[Any]:
        x = distinct(sizes)(rng, dtype)[0]
        return [x, largest(x, window)]

    return draw


CASES = []
for label, (window, sizes) in ALL.items():
    outer = (2, *counts(window, sizes), 3)
    CASES += [
        Case("max_pool", [(2, *sizes, 3)], largest, {"window": window}, draw=distinct(sizes), label=label,
             dtypes=(WIDE + INTEGERS if label == "padded" else FLOATS)),
        Case("pool_winner", [], first_largest, {"window": window}, draw=with_maximum(window, sizes), label=label),
        Case("pool_gather", [(2, *sizes, 3), ()], gathered, {"window": window},
             integers={1: winners(window, sizes)}, dtypes=WIDE, label=label),
        Case("pool_scatter", [outer, ()], scattered, {"window": window, "sizes": sizes},
             integers={1: winners(window, sizes)}, label=label),
        Case("mean_pool", [(2, *sizes, 3)], average, {"window": window}, dtypes=WIDE, label=label,
             variants=[[(0, *sizes, 3)], [(2, *sizes, 0)]]),
        Case("spread_mean", [outer], spread_average, {"window": window, "sizes": sizes}, dtypes=WIDE, label=label),
    ]  # fmt: skip
    if len(sizes) == 2:
        CASES.append(
            Case("dilation_winner", [(2, *sizes, 3), (*window.size, 3)], dilated, {"window": window}, label=label)
        )  # fmt: skip
