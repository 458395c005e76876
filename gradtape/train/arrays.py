"""The arrays behind variables as the update rules want them: real, in float32 or float64, and
writable where it matters.

A complex number counts as two real ones, because a rule that treats its parts alike is the rule in
the plane of real and imaginary parts: the gradient of a real loss points uphill there. 16-bit
variables are updated in float32.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gradtape.core.state import frame
from gradtape.core.variable import Variable

Array = np.ndarray[Any, Any]
SINGLE = np.dtype(np.float32)
_REAL = {np.dtype(np.complex64): SINGLE, np.dtype(np.complex128): np.dtype(np.float64)}


def slot_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the slots of a variable: its own, but float32 for 16-bit types.

    A mean of squares loses its small summands in 16 bits: with bfloat16, 0.999 v + 0.001 g^2 never
    moves.
    """
    return SINGLE if dtype.itemsize == 2 else dtype


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The real dtype in which a variable is updated."""
    return _REAL.get(dtype, slot_dtype(dtype))


def real_view(array: Any) -> Array:
    """The array as real numbers: complex ones get one more axis, of size two."""
    array = np.ascontiguousarray(array) if array.ndim else np.asarray(array)
    real = _REAL.get(array.dtype)
    return array if real is None else array[..., None].view(real)


def complex_again(array: Any, dtype: np.dtype[Any]) -> Array:
    """Undo `real_view` and return to the dtype of the variable."""
    if dtype in _REAL:
        return np.ascontiguousarray(array).view(dtype)[..., 0]
    return np.asarray(array).astype(dtype, copy=False)


def filled(variable: Any, number: float) -> Array:
    """An array for a slot of a variable, filled with a number (both parts of complex elements)."""
    array = np.empty(variable._shape, slot_dtype(variable._dtype))
    real_view(array)[...] = number
    return array


def own(variable: Any) -> Array:
    """The array of a variable to write to: its own if nobody else can see it, otherwise a copy."""
    if _references(variable) == _ALONE:
        array = variable._array
        if isinstance(array, np.ndarray) and array.flags.owndata and array.flags.c_contiguous:
            return array
    return np.array(variable._array)


def _references(variable: Any) -> tuple[int, int]:
    """How many hold the tensor and the array of a variable."""
    tensor = variable._tensor
    return sys.getrefcount(tensor), sys.getrefcount(tensor._array)


def _alone() -> tuple[int, int]:
    """What `_references` finds where nobody else looks; counts say nothing without the GIL."""
    if not hasattr(sys, "getrefcount") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (-1, -1)
    with frame((), (), None):  # this module may be imported while a graph is filled
        return _references(Variable(np.zeros(2)))


_ALONE = _alone()
