"""What compiled programs for a CPU hand to machine code of ours: products (`core.products`), and
scans of few numbers (`graph.rounds`).

XLA's own products lose time where they are small or a factor is turned, its convolutions run on one
core, its loops take a tenth of a microsecond between two operations. Where an extension is missing
everything stays XLA's, as it does on several devices, among which XLA could not divide a call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import numpy as np

from gradtape.core.products import FILTERS, TYPES, covers, geometry, products
from gradtape.core.quick import quick
from gradtape.core.windows import Window, spread
from gradtape.graph.xp_jax_base import on_cpu, verb

SIDE = 8  # rows, columns and depth from which on a product is faster here than by XLA
LARGE = 2**27  # products of numbers from which on XLA's is, unless the first factor is turned


@cache
def _registered(name: str) -> bool:
    """Tell XLA where machine code lies; False where it has another interface (jaxlib 0.8)."""
    owner = quick if name == "rounds" else products
    if owner is None:
        return False
    try:
        target = getattr(owner, f"xla_{name}")
        jax.ffi.register_ffi_target(f"gradtape_{name}", target, platform="cpu")
    except jax.errors.JaxRuntimeError:
        return False
    return True


def _at_hand(name: str) -> bool:
    return on_cpu() and len(jax.devices("cpu")) == 1 and _registered(name)


def _takes(name: str, *arrays: Any) -> bool:
    """Whether a product of such arrays can be handed over."""
    known = all([a.dtype in TYPES and a.dtype == arrays[0].dtype for a in arrays])
    return known and _at_hand(name)


def _call(name: str, shape: Sequence[int], a: Any, b: Any, **numbers: Any) -> Any:
    target = jax.ffi.ffi_call(f"gradtape_{name}", jax.ShapeDtypeStruct(tuple(shape), a.dtype))
    return target(a, b, **{k: np.asarray(v, np.int64) for k, v in numbers.items()})


def matmul(a: Any, b: Any, turned: tuple[bool, bool]) -> Any:
    """a @ b of stacks (count, rows, depth) and (count, depth, columns), or None where XLA's own is
    as fast; turned factors have their last two axes the other way round.
    """
    count, rows, depth = a.shape[0], *(a.shape[:0:-1] if turned[0] else a.shape[1:])
    columns = b.shape[1 if turned[1] else 2]
    if min(rows, depth, columns) < SIDE or not count or not _takes("matmul", a, b):
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
    if not known or not _takes("convolve", x, w):
        return None
    return _call("convolve", shape, x, w, window=geometry(window, apart))


def filter_gradient(x: Any, cotangent: Any, window: Window) -> Any:
    """The gradient (c, *window, out) of the convolution by w, from the cotangent (n, *places, out)
    of its result, or None.
    """
    shape = (x.shape[-1], *window.size, cotangent.shape[-1])
    known = covers(x.dtype, window, x.shape, cotangent.shape)
    if not known or not _takes("filter_gradient", x, cotangent):
        return None
    return _call("filter_gradient", shape, x, cotangent, window=geometry(window))


def blank(shape: Sequence[int], dtype: Any, number: int) -> Any:
    """Memory that is to be filled, one for each number, or None."""
    if not _at_hand("blank"):
        return None
    call = jax.ffi.ffi_call("gradtape_blank", jax.ShapeDtypeStruct(tuple(shape), dtype))
    return call(number=np.int64(number))


@verb
def rounds(
    plan: Any,
    number: tuple[int, int],
    arrays: Sequence[Any],
    counts: tuple[int, int],
    length: int,
    reverse: bool,
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """As the verb of NumPy, by a call of the same machine code."""
    if not _at_hand("rounds"):
        return None
    plan.publish(*number)
    results = [
        jax.ShapeDtypeStruct(shape if i < counts[0] else (length, *shape), dtype)
        for i, (shape, dtype) in enumerate(specs)
    ]
    call = jax.ffi.ffi_call("gradtape_rounds", results)
    how = np.asarray([*counts, length, reverse], np.int64)
    return tuple(call(*arrays, program=np.asarray(number, np.int64), rounds=how))
