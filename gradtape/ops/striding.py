"""Basic slicing `x[1:, ::2, None, 0]`, its transpose, which puts a tensor into zeros, and replacing
a slice.

A key is a tuple of ints (an axis is dropped), triples (start, stop, step) as in Python's slices,
and None (a new axis);
axes that it does not reach are whole. Ellipsis is not part of it: `ops.slicing` replaces it, so
that a kernel gives a scalar, not an array without axes.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import larger, open_sizes
from gradtape.ops.basis import broadcast_to, zeros

WHOLE = (None, None, None)


def plain(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """A key as Python writes it."""
    return tuple([slice(*k) if type(k) is tuple else k for k in key])


def sliced_shape(shape: tuple[Any, ...], key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shape of x[key] for x of this shape; IndexError for an int out of range."""
    result: list[Any] = []
    axis = 0
    for k in key:
        if k is None:
            result.append(1)
            continue
        if axis >= len(shape):
            raise IndexError(f"too many indices: there are {len(shape)} axes")
        size, axis = shape[axis], axis + 1
        if type(k) is tuple:
            result.append(_sliced_size(size, k))
        elif not -size <= k < size:
            raise IndexError(f"index {k} is out of bounds for axis {axis - 1} with size {size}")
    return (*result, *shape[axis:])


def _sliced_size(size: Any, k: tuple[Any, ...]) -> Any:
    """How many of the places of an axis a triple takes."""
    if not open_sizes((size, *k)):
        return len(range(*slice(*k).indices(size)))
    start, stop, step = k[0], k[1], 1 if k[2] is None else k[2]
    low, high = (0, size) if step > 0 else (-1, size - 1)
    first, last = (low, high) if step > 0 else (high, low)
    start = first if start is None else _clamped(start, size, low, high)
    stop = last if stop is None else _clamped(stop, size, low, high)
    length = stop - start if step > 0 else start - stop
    return larger(-(-length // abs(step)), 0)


def _clamped(place: Any, size: Any, low: Any, high: Any) -> Any:
    """A place, negative ones counted from the end, within the bounds."""
    place = place + size if place < 0 else place
    return low if place < low else high if place > high else place


def _slice_kernel(xp: Any, x: Any, *, key: tuple[Any, ...]) -> Any:
    if len(key) == 1:  # the common case, without a tuple and a list: 0.15 us
        k = key[0]
        return x[slice(*k) if type(k) is tuple else k]
    return x[tuple([slice(*k) if type(k) is tuple else k for k in key])]


_strided_slice = primitive(
    "strided_slice",
    _slice_kernel,
    vjps=[lambda ct, x_shape, key: put_slice(ct, key, x_shape)],
    jvps=[lambda t, key: strided_slice(t, key)],
    batch=lambda mask, x, key: strided_slice(x, (WHOLE, *key)),
    shape=lambda x, key: Spec(sliced_shape(x._shape, key), x._dtype),
    linear=True,
    family="structural",
)


def strided_slice(x: Any, key: tuple[Any, ...]) -> Any:
    """x[key]."""
    return apply(_strided_slice, (x,), {"key": key})


_put_slice = primitive(
    "put_slice",
    lambda xp, x, *, key, shape: xp.put_slice(x, plain(key), shape),
    vjps=[lambda ct, key: strided_slice(ct, key)],
    jvps=[lambda t, key, shape: put_slice(t, key, shape)],
    batch=lambda mask, x, key, shape: put_slice(x, (WHOLE, *key), (x._shape[0], *shape)),
    shape=lambda x, key, shape: Spec(shape, x._dtype),
    linear=True,
    family="structural",
)


def put_slice(x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with x at [key]."""
    return apply(_put_slice, (x,), {"key": key, "shape": shape})


def _set_batch(mask: Any, x: Any, value: Any, key: tuple[Any, ...]) -> Any:
    size = x._shape[0] if mask[0] else value._shape[0]
    if not mask[0]:
        x = broadcast_to(x, (size, *x._shape))
    if not mask[1]:
        value = broadcast_to(value, (size, *value._shape))
    return set_slice(x, value, (WHOLE, *key))


_set_slice = primitive(
    "set_slice",
    lambda xp, x, value, *, key: xp.at_set(x, plain(key), value),
    vjps=[
        lambda ct, value_shape, key: set_slice(ct, zeros(value_shape, ct._dtype), key),
        lambda ct, key: strided_slice(ct, key),
    ],
    jvps=[
        lambda t, value_shape, key: set_slice(t, zeros(value_shape, t._dtype), key),
        lambda t, x_shape, key: put_slice(t, key, x_shape),
    ],
    batch=_set_batch,
    shape=lambda x, value, key: Spec(x._shape, x._dtype),
    linear=True,
    family="structural",
)


def set_slice(x: Any, value: Any, key: tuple[Any, ...]) -> Any:
    """x with `value`, which has exactly the shape of x[key], at [key]."""
    return apply(_set_slice, (x, value), {"key": key})
