"""The verbs of elementwise mathematics on NumPy: masking, complex numbers and what SciPy spells otherwise than JAX.

Masking by `np.where` costs twenty times what the bits of a float and an integer mask cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.xp_numpy import verb

_BITS = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}


@verb
def keep(values: Any, mask: Any) -> Any:
    """The values where the mask is true and zeros elsewhere, whatever the values are there."""
    dtype = values.dtype
    bits = _BITS.get(dtype.itemsize)
    if bits is None:
        return np.where(mask, values, dtype.type(0))
    return (np.negative(mask.astype(bits)) & values.view(bits)).view(dtype)


@verb
def as_complex(real: Any, imag: Any) -> Any:
    """real + i imag, without the 0 * inf = nan of that formula."""
    shape = np.broadcast_shapes(real.shape, imag.shape)
    out = np.empty(shape, np.dtype(f"c{2 * real.dtype.itemsize}"))
    out.real = real
    out.imag = imag
    return out if shape else out[()]


@verb
def bits_as(array: Any, dtype: Any) -> Any:
    """The bits of the array read as another dtype; the sizes differ by an axis at the end."""
    have, want = array.dtype.itemsize, dtype.itemsize
    array = np.ascontiguousarray(array).reshape(array.shape)
    if have == want:
        return array.view(dtype)
    if have > want:
        return array[..., None].view(dtype)
    return array.view(dtype)[..., 0]


@verb
def refuse_zero(divisor: Any) -> None:
    """Raise for an integer division by zero, which compiled code cannot see."""
    if divisor.dtype.kind in "iu" and not divisor.all():
        raise ZeroDivisionError("Integer division by zero. Mask the zeros first, with tf.where.")
