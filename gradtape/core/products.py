"""The extension in C for convolutions, and for products of matrices in compiled programs.

`products` is the module `gradtape.core._products` (its source is `native/products*.c`), or None:
where no compiler was at hand when gradtape was installed, on a processor for which it has no
kernels, or with GRADTAPE_PURE_PYTHON=1 in the environment. Others' code does the same then."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from typing import Any

import numpy as np

from gradtape.core.windows import Window

products: Any = None
if not os.environ.get("GRADTAPE_PURE_PYTHON"):
    with suppress(ImportError):
        from gradtape.core import _products as products

TYPES = (np.float32, np.float64)
FILTERS = 2  # a single one leaves a vector idle but for one number
TAPS = 256
most_threads = 0  # that a call may take; 0: as many as there are
ALONE = 2**22  # products of numbers, about 0.1 ms, below which no thread is started


def covers(dtype: Any, window: Window, *shapes: tuple[int, ...]) -> bool:
    """Whether the extension knows convolutions of images of such a type and such shapes."""
    known = products is not None and dtype in TYPES and len(window.size) == 2
    return known and math.prod(window.size) <= TAPS and min(map(min, shapes)) > 0


def two_axes(window: Window) -> Window:
    """A window over one axis as one over two, of which the first has one element."""
    return Window(
        (1, *window.size), (1, *window.strides), (1, *window.dilations), ((0, 0), *window.padding)
    )


def geometry(window: Window, apart: tuple[int, ...] = (1, 1)) -> tuple[int, ...]:
    """The window, and how far apart neighbours lie, as the extension wants them."""
    before = [pair[0] for pair in window.padding]
    return (*window.size, *window.strides, *window.dilations, *before, *apart)


def run(
    function: Any, x: Any, w: Any, shape: tuple[int, ...], window: Window, apart: Any = (1, 1)
) -> Any:
    """One of the two functions of the extension on arrays of NumPy."""
    out = np.empty(shape, x.dtype)
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    work = w.size * x.size // x.shape[-1]
    if function is not products.convolve:
        work = w.size * math.prod(shape[:-1])
    function(x, w, out, geometry(window, apart), _cores() - 1 if work > ALONE else 0)
    return out


def _cores() -> int:
    """The threads that a call may take: as many as the program says (`most_threads`), or as
    OMP_NUM_THREADS says, which NumPy's products follow as well, or as there are processors for this
    process.
    """
    if most_threads:
        return most_threads
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal():
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
