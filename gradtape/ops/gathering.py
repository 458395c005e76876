"""Taking and adding at places of an axis: the primitives under `gather`, `sort`, and the scatter functions.

gather          x (B..., P..., N, Q...) at integers (B..., J...) along the axis of size N: (B..., P..., J..., Q...)
scatter_add     its transpose: values of that shape, added into zeros
take_along      one index for each element along one axis, as in sorting; add_along is its transpose
put_rows        rows of x replaced; last_rows says which of several replacements of a row stays
extreme_rows    rows of x raised (lowered) to the maximum (minimum) with other rows
flat_indices    tuples of indices as one number each, checked
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_indexing  # noqa: F401
from gradtape.core.dispatch import apply
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import add, broadcast_to, cast, multiply, reshape, safe_divide, zeros
from gradtape.ops.selecting import select
from gradtape.ops.sparse import add_rows, take_rows
from gradtape.ops.stepwise import equal

INT64 = np.dtype(np.int64)


def spread(mask: tuple[bool, ...], *inputs: Any) -> list[Any]:
    """The inputs, those without a batch axis repeated along one."""
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    return [
        t if b else broadcast_to(t, (size, *t._shape)) for t, b in zip(inputs, mask, strict=True)
    ]


# gather along an axis


def _folded(shape: tuple[int, ...], axis: int, batch: int) -> tuple[int, int, int, int]:
    """The sizes B, P, N, Q of an array (B..., P..., N, Q...)."""
    return (
        math.prod(shape[:batch]),
        math.prod(shape[batch:axis]),
        shape[axis],
        math.prod(shape[axis + 1 :]),
    )


def _gather_kernel(xp: Any, x: Any, indices: Any, *, axis: int, batch: int) -> Any:
    indices = xp.checked(indices, x.shape[axis])
    if not batch:
        return xp.take(x, indices, axis=axis)
    b, p, n, q = _folded(x.shape, axis, batch)
    flat = indices.reshape(b, 1, -1)
    taken = xp.take_along_axis(
        x.reshape(b, p, n, q), xp.broadcast_to(flat, (b, p, flat.shape[-1]))[..., None], axis=2
    )
    return taken.reshape(_gathered(x.shape, indices.shape, axis, batch))


def _gathered(shape: Any, indices: Any, axis: int, batch: int) -> Any:
    return (*shape[:axis], *indices[batch:], *shape[axis + 1 :])


def _gather_batch(mask: Any, x: Any, indices: Any, axis: int, batch: int) -> Any:
    if not mask[1]:
        if not batch:
            return gather_axis(x, indices, axis + 1)
    elif not mask[0] and not batch and axis == 0:
        return gather_axis(x, indices, 0)
    x, indices = spread(mask, x, indices)
    return gather_axis(x, indices, axis + 1, batch + 1)


_gather = primitive(
    "gather",
    _gather_kernel,
    vjps=[
        lambda ct, indices, x_shape, axis, batch: scatter_add(
            ct, indices, axis, batch, x_shape[axis]
        ),
        INTEGER,
    ],
    jvps=[lambda t, indices, axis, batch: gather_axis(t, indices, axis, batch), INTEGER],
    batch=_gather_batch,
    shape=lambda x, indices, axis, batch: Spec(
        _gathered(x._shape, indices._shape, axis, batch), x._dtype
    ),
    family="indexing",
)


def gather_axis(x: Any, indices: Any, axis: int, batch: int = 0) -> Any:
    """x at integer indices along a non-negative axis; the first `batch` axes of both run together."""
    return apply(_gather, (x, indices), {"axis": axis, "batch": batch})


def _scatter_kernel(
    xp: Any, values: Any, indices: Any, *, axis: int, batch: int, size: int
) -> Any:
    indices = xp.checked(indices, size)
    taken = indices.ndim - batch
    outer = values.shape[:axis]
    rest = values.shape[axis + taken :]
    b, p = math.prod(outer[:batch]), math.prod(outer[batch:])
    places = xp.arange(b * p).reshape(b, p, 1) * size + indices.reshape(b if batch else 1, 1, -1)
    if xp.name != "numpy":  # an index out of range must not reach the next row
        places = xp.where(indices.reshape(b if batch else 1, 1, -1) < size, places, b * p * size)
    rows = values.reshape(-1, math.prod(rest)) if rest else values.reshape(-1)
    total = xp.sum_rows(rows, places.reshape(-1), b * p * size)
    return total.reshape(*outer, size, *rest)


def _scatter_batch(
    mask: Any, values: Any, indices: Any, axis: int, batch: int, size: int
) -> Any:
    if not mask[1] and not batch:
        return scatter_add(values, indices, axis + 1, batch, size)
    values, indices = spread(mask, values, indices)
    return scatter_add(values, indices, axis + 1, batch + 1, size)


def _scattered(shape: Any, indices: Any, axis: int, batch: int, size: int) -> Any:
    return (*shape[:axis], size, *shape[axis + len(indices) - batch :])


_scatter_add = primitive(
    "scatter_add",
    _scatter_kernel,
    vjps=[lambda ct, indices, axis, batch: gather_axis(ct, indices, axis, batch), INTEGER],
    jvps=[
        lambda t, indices, axis, batch, size: scatter_add(t, indices, axis, batch, size),
        INTEGER,
    ],
    batch=_scatter_batch,
    shape=lambda values, indices, axis, batch, size: Spec(
        _scattered(values._shape, indices._shape, axis, batch, size), values._dtype
    ),
    family="indexing",
)


def scatter_add(values: Any, indices: Any, axis: int, batch: int, size: int) -> Any:
    """Zeros with an axis of `size`, to which values are added at indices: the transpose of gather_axis."""
    params = {"axis": axis, "batch": batch, "size": size}
    return apply(_scatter_add, (values, indices), params)


# one index for each element


_take_along = primitive(
    "take_along",
    lambda xp, x, indices, *, axis: xp.take_along_axis(
        x, xp.checked(indices, x.shape[axis]), axis=axis
    ),
    vjps=[
        lambda ct, indices, x_shape, axis: add_along(ct, indices, axis, x_shape[axis]),
        INTEGER,
    ],
    jvps=[lambda t, indices, axis: take_along(t, indices, axis), INTEGER],
    batch=lambda mask, x, indices, axis: take_along(*spread(mask, x, indices), axis + 1),
    shape=lambda x, indices, axis: Spec(indices._shape, x._dtype),
    family="indexing",
)


def take_along(x: Any, indices: Any, axis: int) -> Any:
    """x[..., indices[..., i, ...], ...]: indices has the shape of x but along the axis."""
    return apply(_take_along, (x, indices), {"axis": axis})


def _add_along_kernel(xp: Any, values: Any, indices: Any, *, axis: int, size: int) -> Any:
    indices = xp.checked(indices, size)
    shape = values.shape
    p, q = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    start = xp.arange(p).reshape(p, 1, 1) * (size * q) + xp.arange(q)
    rows = indices.reshape(p, shape[axis], q)
    places = start + rows * q
    if xp.name != "numpy":
        places = xp.where(rows < size, places, p * size * q)
    total = xp.sum_rows(values.reshape(-1), places.reshape(-1), p * size * q)
    return total.reshape(*shape[:axis], size, *shape[axis + 1 :])


_add_along = primitive(
    "add_along",
    _add_along_kernel,
    vjps=[lambda ct, indices, axis: take_along(ct, indices, axis), INTEGER],
    jvps=[lambda t, indices, axis, size: add_along(t, indices, axis, size), INTEGER],
    batch=lambda mask, values, indices, axis, size: add_along(
        *spread(mask, values, indices), axis + 1, size
    ),
    shape=lambda values, indices, axis, size: Spec(
        (*values._shape[:axis], size, *values._shape[axis + 1 :]), values._dtype
    ),
    family="indexing",
)


def add_along(values: Any, indices: Any, axis: int, size: int) -> Any:
    """Zeros with an axis of `size`, to which each value is added at its index along the axis."""
    return apply(_add_along, (values, indices), {"axis": axis, "size": size})


# rows replaced and compared


def _by_rows(function: Any) -> Any:
    """The batching rule of an operation (x, indices, values) on rows: the batch is folded into the rows."""

    def batch(mask: Any, x: Any, indices: Any, values: Any, **params: Any) -> Any:
        x, indices, values = spread(mask, x, indices, values)
        count, rows, *rest = x._shape
        numbers = _offset(indices, rows)
        out = function(
            reshape(x, (count * rows, *rest)),
            reshape(numbers, (math.prod(numbers._shape),)),
            reshape(values, (math.prod(numbers._shape), *rest)),
            **params,
        )
        return reshape(out, x._shape)

    return batch


_offset_rows = primitive(
    "offset_rows",
    lambda xp, indices, *, rows: (
        xp.checked(indices, rows).astype(xp.int64)
        + xp.arange(indices.shape[0]).reshape(-1, *[1] * (indices.ndim - 1)) * rows
    ),
    batch=lambda mask, indices, rows: _offset_batch(indices, rows),
    shape=lambda indices, rows: Spec(indices._shape, INT64),
    differentiable=False,
    family="indexing",
)
