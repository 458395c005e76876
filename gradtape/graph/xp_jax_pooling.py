"""The verbs of pooling on XLA: reductions over windows, and sums over taps of padded parts, which
XLA fuses.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.windows import Window
from gradtape.core.xp_numpy_pooling import lowest, winner_dtype
from gradtape.graph.xp_jax_base import verb

Sizes = tuple[int, ...]


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
    return _reduce(x, lowest(x.dtype), jax.lax.max, window)


@verb
def pool_winner(x: Any, out: Any, window: Window) -> Any:
    """The number of the first tap whose element is the maximum `out`, or not a number as it is."""
    winner = jnp.zeros(out.shape, winner_dtype(window))
    counts = out.shape[1:-1]
    for number, tap in reversed(list(enumerate(window.taps()))):
        part = _seen(x, tap, window, counts, 0)
        won = ((part == out) | (part != part)) & _inside(tap, window, x.shape[1:-1], counts)
        winner = jnp.where(won, np.asarray(number, winner.dtype), winner)
    return winner


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
    out = jnp.zeros((ct.shape[0], *sizes, ct.shape[-1]), ct.dtype)
    for number, tap in enumerate(window.taps()):
        part = jnp.where(winner == number, ct, jnp.zeros((), ct.dtype))
        out = out + _sent(part, tap, window, sizes)
    return out


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
