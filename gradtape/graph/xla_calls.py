"""Products that compiled programs for a CPU hand to machine code of ours (`native/products.c`).

XLA's own products lose time where they are small or a factor is turned, its convolutions run on one
core. The code is an extension: where it was not built, or the processor is another one, everything
stays XLA's, as it does on several devices, among which XLA could not divide a call."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import numpy as np

from gradtape.core.windows import Window
from gradtape.graph.xp_jax_base import on_cpu

TYPES = (np.float32, np.float64)
SIDE = 8  # rows, columns and depth from which on a product is faster here than by XLA
FILTERS = 4
TAPS = 256


@cache
def _registered() -> bool:
    """Tell XLA where the machine code lies."""
    if os.environ.get("GRADTAPE_PURE_PYTHON"):
        return False
    try:
        from gradtape.graph import _xla_calls
    except ImportError:  # not built here
        return False
    names = [name for name in ("matmul", "convolve", "filter_gradient") if hasattr(_xla_calls, name)]
    for name in names:
        jax.ffi.register_ffi_target(f"gradtape_{name}", getattr(_xla_calls, name), platform="cpu")
    return bool(names)


def callable_for(*arrays: Any) -> bool:
    """Whether products of such arrays can be handed over."""
    known = all([a.dtype in TYPES and a.dtype == arrays[0].dtype for a in arrays])
    return known and on_cpu() and len(jax.devices("cpu")) == 1 and _registered()


def _call(name: str, shape: Sequence[int], a: Any, b: Any, **numbers: Any) -> Any:
    target = jax.ffi.ffi_call(f"gradtape_{name}", jax.ShapeDtypeStruct(tuple(shape), a.dtype))
    return target(a, b, **{k: np.asarray(v, np.int64) for k, v in numbers.items()})


def matmul(a: Any, b: Any, turned: tuple[bool, bool]) -> Any:
    """a @ b of stacks (count, rows, depth) and (count, depth, columns), or None where XLA's own is
    as fast; turned factors have their last two axes the other way round.
    """
    count, rows, depth = a.shape[0], *(a.shape[:0:-1] if turned[0] else a.shape[1:])
    columns = b.shape[1 if turned[1] else 2]
    if min(rows, depth, columns) < SIDE or not count or not callable_for(a, b):
        return None
    return _call("matmul", (count, rows, columns), a, b, turned=turned)


def _covers(x: Any, filters: int, window: Window, places: Sequence[int]) -> bool:
    """Whether the machine code is meant for such a convolution."""
    taps = math.prod(window.size)
    return len(places) == 2 and taps <= TAPS and filters >= FILTERS and min(x.shape) > 0


def _numbers(window: Window) -> list[int]:
    """The geometry as the machine code wants it."""
    before = [pair[0] for pair in window.padding]
    return [*window.size, *window.strides, *window.dilations, *before]


def convolve(x: Any, w: Any, window: Window) -> Any:
    """The convolution of x (n, height, width, c) with w (*window, c, out), or None."""
    places = window.places(x.shape[1:-1])
    if not _covers(x, w.shape[-1], window, places) or not min(places) or not callable_for(x, w):
        return None
    return _call("convolve", (x.shape[0], *places, w.shape[-1]), x, w, window=_numbers(window))


def filter_gradient(x: Any, cotangent: Any, window: Window) -> Any:
    """The gradient (c, *window, out) of the convolution by w, from the cotangent (n, *places, out)
    of its result, or None.
    """
    shape = cotangent.shape
    if not _covers(x, shape[-1], window, shape[1:-1]) or not min(shape):
        return None
    if not callable_for(x, cotangent):
        return None
    shape = (x.shape[-1], *window.size, shape[-1])
    return _call("filter_gradient", shape, x, cotangent, window=_numbers(window))
