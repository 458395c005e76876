"""Copies of large arrays that begin where a line of the cache does: compiled code reads them in
place.

XLA takes an array of the host as it lies when it begins at a multiple of 64 bytes, and copies it at
every call otherwise; NumPy's own large arrays begin 16 bytes after one. (Two matrices of 2.6 MB
together: 217 us a call, and 7 us so.)"""

from __future__ import annotations

from typing import Any

import numpy as np

LINE = 64
LARGE = 1 << 17  # bytes; below that the copy costs less than asking


def copied(value: Any, dtype: np.dtype[Any]) -> Any:
    """A contiguous copy of an array in a dtype."""
    size = value.size * dtype.itemsize
    if size < LARGE:
        return np.array(value, dtype=dtype, order="C")
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    array = room[start : start + size].view(dtype).reshape(value.shape)
    array[...] = value
    return array


def aligned(array: Any) -> Any:
    """An array that nobody writes to, copied where compiled code would do so at every call."""
    if array.nbytes < LARGE or array.ctypes.data % LINE == 0:
        return array
    return copied(array, array.dtype)
