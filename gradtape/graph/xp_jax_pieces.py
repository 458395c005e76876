"""How XLA is told to compile a loop as one piece of machine code (see `pieces`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.experimental.xla_metadata import set_xla_metadata

from gradtape.core.xp_numpy_control import Light
from gradtape.graph.xp_jax_base import on_cpu


class _Allowed(threading.local):
    pieces = True


_allowed = _Allowed()


@contextmanager
def apart() -> Iterator[None]:
    """Within the block, while a program is traced: nothing is in one piece."""
    _allowed.pieces = False
    try:
        yield
    finally:
        _allowed.pieces = True


def in_one_piece(function: Callable[..., Any], light: Light, *operands: Any) -> Any:
    """A function of operands, in one piece where its work is light.

    XLA does so by itself with the smallest loops; the mark that it sets there is set here.
    """
    if light is None or not _allowed.pieces or not on_cpu() or not light():
        return function(*operands)

    def unmarked(*operands: Any) -> Any:
        with set_xla_metadata(xla_cpu_small_call=None, inlineable=None):
            return function(*operands)

    with set_xla_metadata(xla_cpu_small_call="true", inlineable="false"):
        return jax.jit(unmarked)(*operands)
