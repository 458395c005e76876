"""Products that compiled programs for a CPU hand to machine code of ours (`core.products`).

XLA's own products lose time where they are small or a factor is turned, its convolutions run on one
core. Where the extension is missing everything stays XLA's, as it does on several devices, among
which XLA could not divide a call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import numpy as np

from gradtape.core.products import FILTERS, TYPES, covers, geometry, products
from gradtape.core.windows import Window, spread
from gradtape.graph.xp_jax_base import on_cpu

SIDE = 8  # rows, columns and depth from which on a product is faster here than by XLA
LARGE = 2**27  # products of numbers from which on XLA's is, unless the first factor is turned


@cache
def _registered() -> bool:
    """Tell XLA where the machine code lies; False where it has another interface (jaxlib 0.8)."""
    if products is None:
        return False
    try:
        for name in ("matmul", "convolve", "filter_gradient"):
            handler = getattr(products, f"xla_{name}")
            jax.ffi.register_ffi_target(f"gradtape_{name}", handler, platform="cpu")
    except jax.errors.JaxRuntimeError:
        return False
    return True


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
    if rows * depth * columns >= LARGE and not turned[0]:
        return None
    return _call("matmul", (count, rows, columns), a, b, turned=turned)


def convolve(x: Any, w: Any, window: Window, apart: tuple[int, ...]) -> Any:
    """The convolution of x (n, height, width, c), whose neighbours lie apart, with w (*window, c,
    out), or None.
    """
    sizes = tuple([spread(n, d) for n, d in zip(x.shape[1:-1], apart, strict=True)])
    shape = (x.shape[0], *window.places(sizes), w.shape[-1])
    known = shape[-1] >= FILTERS and covers(x.dtype, window, x.shape, shape)
    if not known or not callable_for(x, w):
        return None
    return _call("convolve", shape, x, w, window=geometry(window, apart))


def filter_gradient(x: Any, cotangent: Any, window: Window) -> Any:
    """The gradient (c, *window, out) of the convolution by w, from the cotangent (n, *places, out)
    of its result, or None.
    """
    shape = (x.shape[-1], *window.size, cotangent.shape[-1])
    known = covers(x.dtype, window, x.shape, cotangent.shape)
    if not known or not callable_for(x, cotangent):
        return None
    return _call("filter_gradient", shape, x, cotangent, window=geometry(window))
