"""The verbs of pooling on XLA: reductions over windows, and sums over taps of padded parts, which
XLA fuses.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.windows import Window
from gradtape.core.xp_numpy_pooling import lowest, winner_dtype
from gradtape.graph.xp_jax_base import on_cpu, verb

Sizes = tuple[int, ...]
MANY_TAPS, MOST_TAPS = 6, 64


def _reduce(x: Any, start: Any, combine: Any, window: Window) -> Any:
    return jax.lax.reduce_window(
        x,
        np.asarray(start, x.dtype),
        combine,
        (1, *window.size, 1),
        (1, *window.strides, 1),
        ((0, 0), *window.padding, (0, 0)),
        window_dilation=(1, *window.dilations, 1),
    )


def _places(x: Any, window: Window) -> Sizes:
    return tuple(window.places(x.shape[1:-1]))


def _seen(x: Any, tap: Sizes, window: Window, counts: Sizes, fill: Any) -> Any:
    """What the places see with one tap, `fill` outside the input."""
    config = [(0, 0, 0)]
    for n, t, m, s, d, (before, _) in zip(
        x.shape[1:-1], tap, counts, window.strides, window.dilations, window.padding, strict=True
    ):
        low = before - t * d
        config.append((low, (m - 1) * s + 1 - n - low, 0))
    padded = jax.lax.pad(x, jnp.asarray(fill, x.dtype), [*config, (0, 0, 0)])
    return padded[(slice(None), *[slice(None, None, s) for s in window.strides])]


def _sent(ct: Any, tap: Sizes, window: Window, sizes: Sizes) -> Any:
    """The transpose of `_seen` with zeros outside."""
    config = [(0, 0, 0)]
    for n, t, m, s, d, (before, _) in zip(
        sizes, tap, ct.shape[1:-1], window.strides, window.dilations, window.padding, strict=True
    ):
        low = t * d - before
        config.append((low, n - low - ((m - 1) * s + 1), s - 1))
    return jax.lax.pad(ct, jnp.zeros((), ct.dtype), [*config, (0, 0, 0)])


def _inside(tap: Sizes, window: Window, sizes: Sizes, counts: Sizes) -> Any:
    """Which places see the input with a tap: a constant of shape (*places, 1)."""
    inside = np.zeros((*counts, 1), bool)
    parts = window.parts(tap, sizes, counts)
    if parts is not None:
        inside[parts[0]] = True
    return inside


@verb
def pool_max(x: Any, window: Window) -> Any:
    """The maximum in each window, not a number where one is in it."""
    if not on_cpu() or x.dtype.kind in "iu" or window.size != window.strides:
        return _reduce(x, lowest(x.dtype), jax.lax.max, window)
    # windows that touch are reduced by the library that loses NaN (see `xp_jax_reductions`)
    if math.prod(window.size) > MOST_TAPS:
        return -_reduce(-x, -lowest(x.dtype), _smaller, window)
    counts = _places(x, window)
    out = None
    for tap in window.taps():
        part = _seen(x, tap, window, counts, lowest(x.dtype))
        out = part if out is None else jnp.maximum(out, part)
    return out


def _smaller(a: Any, b: Any) -> Any:
    return -jax.lax.max(-a, -b)


@verb
def pool_winner(x: Any, out: Any, window: Window) -> Any:
    """The number of the first tap whose element is the maximum `out`, or not a number as it is."""
    if math.prod(window.size) >= MANY_TAPS and on_cpu():
        return _winner_in_loop(x, out, window)
    winner = jnp.zeros(out.shape, winner_dtype(window))
    counts = out.shape[1:-1]
    for number, tap in reversed(list(enumerate(window.taps()))):
        part = _seen(x, tap, window, counts, 0)
        won = ((part == out) | (part != part)) & _inside(tap, window, x.shape[1:-1], counts)
        winner = jnp.where(won, np.asarray(number, winner.dtype), winner)
    return winner


def _winner_in_loop(x: Any, out: Any, window: Window) -> Any:
    """The same, tap after tap: what a loop gives is not computed anew in what comes after it.

    Otherwise XLA finds the winners of all windows that see an element again for each of these
    windows: the gradient of windows of 3 x 3 (64 images of 28 x 28 with 32 channels) takes 20 ms of
    one core so, and 4 in a loop. With 2 x 2 taps both take 1.5.
    """
    sizes, counts = x.shape[1:-1], out.shape[1:-1]
    taps = list(window.taps())
    inside = jnp.asarray(np.stack([_inside(tap, window, sizes, counts) for tap in taps]))
    seen = jnp.asarray([(0, *np.multiply(tap, window.dilations), 0) for tap in taps])
    zero = jnp.zeros((), x.dtype)
    reach = [(m - 1) * s + 1 for m, s in zip(counts, window.strides, strict=True)]
    around = []
    for n, k, d, (before, _), r in zip(
        sizes, window.size, window.dilations, window.padding, reach, strict=True
    ):
        around.append((before, (k - 1) * d + r - n - before, 0))
    x = jax.lax.pad(x, zero, [(0, 0, 0), *around, (0, 0, 0)])
    apart = (slice(None), *[slice(None, None, s) for s in window.strides])

    def beat(step: Any, winner: Any) -> Any:
        number = len(taps) - 1 - step
        part = jax.lax.dynamic_slice(x, tuple(seen[number]), (x.shape[0], *reach, x.shape[-1]))
        part = part[apart]
        won = ((part == out) | (part != part)) & inside[number]
        return jnp.where(won, number.astype(winner.dtype), winner)

    start = jnp.zeros(out.shape, winner_dtype(window))
    return jax.lax.fori_loop(0, len(taps), beat, start)


@verb
def pool_gather(t: Any, winner: Any, window: Window) -> Any:
    """The element of t that each window's winner names."""
    out = jnp.zeros(winner.shape, t.dtype)
    for number, tap in enumerate(window.taps()):
        out = jnp.where(winner == number, _seen(t, tap, window, winner.shape[1:-1], 0), out)
    return out


@verb
def pool_scatter(ct: Any, winner: Any, window: Window, sizes: Sizes) -> Any:
    """Zeros of these spatial sizes, to which each window's cotangent is added at its winner."""
    if window.size == window.strides and max(window.dilations) == 1:
        return _scattered_apart(ct, winner, window, sizes)
    out = jnp.zeros((ct.shape[0], *sizes, ct.shape[-1]), ct.dtype)
    for number, tap in enumerate(window.taps()):
        part = jnp.where(winner == number, ct, jnp.zeros((), ct.dtype))
        out = out + _sent(part, tap, window, sizes)
    return out


def _scattered_apart(ct: Any, winner: Any, window: Window, sizes: Sizes) -> Any:
    """The same of windows that touch: each element asks whether it is its window's winner.

    With the relu before it, 2 x 2 windows, 64 images of 28 x 28 with 32 channels, 0.69 ms by parts
    that are added and 0.56 so.
    """
    count, *places, channels = ct.shape
    taps = np.arange(math.prod(window.size)).reshape(window.size).astype(winner.dtype)
    once = [length for m in places for length in (m, 1)]
    ct, winner = (a.reshape(count, *once, channels) for a in (ct, winner))
    own = taps.reshape(1, *[length for k in window.size for length in (1, k)], 1)
    full = jnp.where(winner == own, ct, jnp.zeros((), ct.dtype))
    whole = [m * k for m, k in zip(places, window.size, strict=True)]
    around = [
        (-before, n - (m - before), 0)
        for n, m, (before, _) in zip(sizes, whole, window.padding, strict=True)
    ]
    full = full.reshape(count, *whole, channels)
    return jax.lax.pad(full, jnp.zeros((), ct.dtype), [(0, 0, 0), *around, (0, 0, 0)])


@verb
def pool_sum(x: Any, window: Window) -> Any:
    """The sum in each window."""
    return _reduce(x, 0, jax.lax.add, window)


@verb
def pool_spread(ct: Any, window: Window, sizes: Sizes) -> Any:
    """Zeros of these spatial sizes, to which each window's cotangent is added everywhere in it."""
    out = jnp.zeros((ct.shape[0], *sizes, ct.shape[-1]), ct.dtype)
    for tap in window.taps():
        out = out + _sent(ct, tap, window, sizes)
    return out


@verb
def dilate_winner(x: Any, w: Any, window: Window) -> Any:
    """The number of the first tap at which x + w is largest; w is (*window, channels)."""
    counts = _places(x, window)
    shape = (x.shape[0], *counts, x.shape[-1])
    best = jnp.full(shape, lowest(x.dtype), x.dtype)
    winner = jnp.zeros(shape, winner_dtype(window))
    fresh = jnp.ones(shape, bool)
    taps = w.reshape(-1, w.shape[-1])
    for number, tap in enumerate(window.taps()):
        value = _seen(x, tap, window, counts, 0) + taps[number]
        inside = _inside(tap, window, x.shape[1:-1], counts)
        won = inside & (fresh | (value > best) | ((value != value) & (best == best)))
        best = jnp.where(won, value, best)
        winner = jnp.where(won, np.asarray(number, winner.dtype), winner)
        fresh = fresh & ~inside
    return winner
