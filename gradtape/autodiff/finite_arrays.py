"""Whether arrays are finite, in one pass, and what there is to say of one that is not."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

REAL, COMPLEX = "fd", "FD"
SMALL = 4096


def sound(array: Any) -> bool:
    """Whether all elements are finite; what is no inexact number counts as finite.

    The sum of squares is one pass of BLAS, in a third of the time of `np.isfinite(a).all()`, and it
    is finite unless an element is not, or squares overflow: then a closer look decides."""
    if type(array) is not np.ndarray:
        array = np.asarray(array)
        if not array.ndim and array.dtype.kind == "f":
            return isfinite(array)
    kind = array.dtype.char
    if array.size > SMALL and not array.flags.c_contiguous:
        array = _dense(array)
    if kind in REAL:
        return isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())
    if kind in COMPLEX:
        return isfinite(np.vdot(array, array).real) or bool(np.isfinite(array).all())
    return array.dtype.kind not in "fcV" or bool(np.isfinite(array).all())


def _dense(array: Any) -> Any:
    """The elements that an array has in memory, each at most once, as they lie there."""
    once = tuple([slice(0, 1) if s == 0 else slice(None) for s in array.strides])
    return array[once].ravel("K")


@dataclass(frozen=True)
class Finding:
    """What is wrong with an array.

    `what` is "NaN", "inf" or "NaN and inf"; `index` is that of the first such element."""

    what: str
    count: int
    size: int
    index: tuple[int, ...]

    def __str__(self) -> str:
        if self.size == 1 and not self.index:
            return self.what
        at = ", ".join(map(str, self.index))
        return f"{self.what} in {self.count} of {self.size} elements, the first at [{at}]"


def finding(array: Any, infs: bool, where: Any = None) -> Finding | None:
    """What is wrong with an array, None where it is sound.

    Args:
        infs: whether infinite elements count.
        where: a mask of the elements that count, by default all.
    """
    if sound(array):
        return None
    array = np.asarray(array)
    nan = np.isnan(array)
    bad = ~np.isfinite(array) if infs else nan
    if where is not None:
        bad, nan = bad & where, nan & where
    count = int(np.count_nonzero(bad))
    if not count:
        return None
    nans = int(np.count_nonzero(nan))
    what = "NaN" if nans == count else "inf" if not nans else "NaN and inf"
    index = tuple([int(i) for i in np.unravel_index(int(np.argmax(bad)), array.shape)])
    return Finding(what, count, array.size, index)


def described(array: Any) -> str:
    """An array in a few words: dtype, shape, range, and how many elements are zero, negative, NaN
    or infinite."""
    array = np.asarray(array)
    text = f"{array.dtype.name}{list(array.shape)}"
    if not array.size or array.dtype.kind not in "iufV":
        return text if array.dtype.kind != "c" else text + _counts(array, ())
    single = array.astype(np.float32) if array.dtype.kind == "V" else array
    finite = single[np.isfinite(single)]
    if array.size == 1:
        return f"{text} = {single.item():g}"
    if finite.size:
        text += f" from {finite.min():g} to {finite.max():g}"
    return text + _counts(single, finite)


def _counts(array: Any, finite: Any) -> str:
    found = [(int(np.count_nonzero(np.isnan(array))), "NaN")]
    found.append((int(np.count_nonzero(np.isinf(array))), "infinite"))
    if len(finite):
        found.append((int(np.count_nonzero(array == 0)), "zero"))
        found.append((int(np.count_nonzero(finite < 0)), "negative"))
    return "".join([f", {n} {word}" for n, word in found if n])
