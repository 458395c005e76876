"""The verb of transposition on XLA, which remembers what it turned while a program is traced.

A product can read a factor that lies the other way round. XLA sees that by itself; for products
that it hands over (`xp_jax_calls`) the factor's own lie is asked here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

import jax.numpy as jnp

from gradtape.graph.xp_jax_base import verb


class _Memory(local):
    """What this thread traces: results by their identity, each with its source and the order of
    its axes.
    """

    turned: dict[int, tuple[Any, Any, tuple[int, ...]]] | None = None


_memory = _Memory()


@contextmanager
def remembering() -> Iterator[None]:
    """Remember transpositions until the end of a trace."""
    before, _memory.turned = _memory.turned, {}
    try:
        yield
    finally:
        _memory.turned = before


@verb
def transpose(x: Any, axes: Any = None) -> Any:
    """x with its axes in another order."""
    out = jnp.transpose(x, axes)
    if _memory.turned is not None and axes is not None:
        first, order = source(x)
        _memory.turned[id(out)] = out, first, tuple([order[axis] for axis in axes])
    return out


def source(x: Any) -> tuple[Any, tuple[int, ...]]:
    """What x was turned from, and the order of its axes there; x itself where that is not known."""
    found = (_memory.turned or {}).get(id(x))
    return (x, tuple(range(x.ndim))) if found is None else found[1:]
