"""Verbs of random numbers on NumPy: the bits of Philox 4x64-10, and a loop.

The generator is counter-based: the bits are a pure function of a key of two 64-bit words (J. Salmon
et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), so that eager and compiled programs
draw the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.xp_numpy import verb, xp


@verb
def random_bits(key: Any, count: int) -> Any:
    """`count` words of 64 random bits for each key: (..., 2) uint64 -> (..., count) uint64."""
    flat = np.reshape(key, (-1, 2))
    rows = [np.random.Philox(key=k).random_raw(count) for k in flat]
    return np.array(rows, np.uint64).reshape(*np.shape(key)[:-1], count)


@verb
def halves(words: Any) -> Any:
    """The 32-bit halves of 64-bit words, the low one first: (..., n) uint64 -> (..., 2 n)
    uint32.
    """
    return np.ascontiguousarray(words).astype("<u8").view("<u4").astype(np.uint32)


@verb
def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """Apply the body to the state as long as the condition holds."""
    while condition(state):
        state = body(state)
    return state


@verb
def gammaincinv(a: Any, p: Any) -> Any:
    """The x at which the regularised lower incomplete gamma function of a is p."""
    return xp.special.gammaincinv(a, p)


@verb
def random_poisson(key: Any, rate: Any) -> Any:
    """A Poisson number for each rate: keys (..., 2), rates (..., *shape)."""
    rows = [_generator(k).poisson(r) for k, r in _rows(key, rate)]
    return np.array(rows).reshape(rate.shape).astype(rate.dtype)


@verb
def random_binomial(key: Any, counts: Any, probs: Any) -> Any:
    """A binomial number for each count and probability, as `random_poisson`."""
    rows = [
        _generator(k).binomial(np.asarray(n).astype(np.int64), p)
        for k, n, p in _rows(key, counts, probs)
    ]
    return np.array(rows).reshape(counts.shape).astype(counts.dtype)


def _generator(key: Any) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=key))


def _rows(key: Any, *parameters: Any) -> Any:
    """The rows of keys and of parameters, one for each key."""
    flat = np.reshape(key, (-1, 2))
    columns = [np.reshape(p, (len(flat), *p.shape[key.ndim - 1 :])) for p in parameters]
    return zip(flat, *columns, strict=True)
