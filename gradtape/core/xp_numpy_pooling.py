"""The verbs of pooling on NumPy: a loop over the taps of the window, each a strided part of the
input.

The *winner* of a window is the number of the tap that has its maximum, the first of equal ones: an
array of small integers, from which the gradient is moved to its place without a look at the values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradtape.core.windows import Window, spread
from gradtape.core.xp_numpy import verb

Sizes = tuple[int, ...]


def lowest(dtype: Any) -> Any:
    """The least value of a dtype: the maximum of nothing."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def winner_dtype(window: Window) -> Any:
    """An integer type that holds the numbers of the taps."""
    return np.dtype(np.uint8 if math.prod(window.size) <= 256 else np.int32)


def _parts(window: Window, sizes: Sizes, counts: Sizes) -> Iterator[tuple[int, Any, Any]]:
    """The number of each tap, the places that see the input with it, and what they see."""
    for number, tap in enumerate(window.taps()):
        found = window.parts(tap, sizes, counts)
        if found is not None:
            yield number, (slice(None), *found[0]), (slice(None), *found[1])


def _outer(x: Any, window: Window) -> tuple[int, ...]:
    return (x.shape[0], *window.places(x.shape[1:-1]), x.shape[-1])


@verb
def pool_max(x: Any, window: Window) -> Any:
    """The maximum in each window, not a number where one is in it."""
    shape = _outer(x, window)
    out = None
    for _, seeing, seen in _parts(window, x.shape[1:-1], shape[1:-1]):
        part = x[seen]
        if out is None and part.shape == shape:
            out = part.copy()
            continue
        if out is None:
            out = np.full(shape, lowest(x.dtype), x.dtype)
        np.maximum(out[seeing], part, out=out[seeing])
    return np.full(shape, lowest(x.dtype), x.dtype) if out is None else out


@verb
def pool_winner(x: Any, out: Any, window: Window) -> Any:
    """The number of the first tap whose element is the maximum `out`, or not a number as it is."""
    undefined = x.dtype.kind not in "iu" and bool((out != out).any())
    still = np.ones(out.shape, bool)
    winner = np.zeros(out.shape, winner_dtype(window))
    parts = {
        n: (seeing, seen) for n, seeing, seen in _parts(window, x.shape[1:-1], out.shape[1:-1])
    }
    for number in range(math.prod(window.size) - 1):  # counted, not written: masked writes are slow
        if number in parts:
            seeing, seen = parts[number]
            lost = x[seen] != out[seeing]
            if undefined:
                lost &= x[seen] == x[seen]
            still[seeing] &= lost
        winner += still.view(np.uint8)
    return winner


def _where(won: Any, values: Any) -> Any:
    """The values where won and 0 elsewhere: on the bits, several times faster than np.where."""
    if values.dtype.itemsize > 8:
        return np.where(won, values, values.dtype.type(0))
    bits = np.dtype(f"i{values.dtype.itemsize}")
    return (values.view(bits) & -won.astype(bits)).view(values.dtype)


@verb
def pool_gather(t: Any, winner: Any, window: Window) -> Any:
    """The element of t that each window's winner names."""
    out = np.zeros(winner.shape, t.dtype)
    for number, seeing, seen in _parts(window, t.shape[1:-1], winner.shape[1:-1]):
        out[seeing] += _where(winner[seeing] == number, t[seen])
    return out


@verb
def pool_scatter(ct: Any, winner: Any, window: Window, sizes: Sizes) -> Any:
    """Zeros of these spatial sizes, to which each window's cotangent is added at its winner."""
    out = np.zeros((ct.shape[0], *sizes, ct.shape[-1]), ct.dtype)
    apart = _apart(window)
    for number, seeing, seen in _parts(window, sizes, ct.shape[1:-1]):
        part = _where(winner[seeing] == number, ct[seeing])
        if apart:
            out[seen] = part
        else:
            out[seen] += part
    return out


def _apart(window: Window) -> bool:
    """Whether no element is seen by two windows."""
    return all(
        s >= spread(k, d)
        for s, k, d in zip(window.strides, window.size, window.dilations, strict=True)
    )


@verb
def pool_sum(x: Any, window: Window) -> Any:
    """The sum in each window."""
    shape = _outer(x, window)
    out = np.zeros(shape, x.dtype)
    for _, seeing, seen in _parts(window, x.shape[1:-1], shape[1:-1]):
        out[seeing] += x[seen]
    return out


@verb
def pool_spread(ct: Any, window: Window, sizes: Sizes) -> Any:
    """Zeros of these spatial sizes, to which each window's cotangent is added everywhere in it."""
    out = np.zeros((ct.shape[0], *sizes, ct.shape[-1]), ct.dtype)
    for _, seeing, seen in _parts(window, sizes, ct.shape[1:-1]):
        out[seen] += ct[seeing]
    return out


@verb
def dilate_winner(x: Any, w: Any, window: Window) -> Any:
    """The number of the first tap at which x + w is largest; w is (*window, channels)."""
    shape = _outer(x, window)
    best = np.full(shape, lowest(x.dtype), x.dtype)
    winner = np.zeros(shape, winner_dtype(window))
    taps = w.reshape(-1, w.shape[-1])
    fresh = np.ones(shape, bool)
    for number, seeing, seen in _parts(window, x.shape[1:-1], shape[1:-1]):
        value = x[seen] + taps[number]
        won = fresh[seeing] | (value > best[seeing]) | ((value != value) & (best == best)[seeing])
        np.copyto(best[seeing], value, where=won)
        np.copyto(winner[seeing], number, where=won)
        fresh[seeing] = False
    return winner
