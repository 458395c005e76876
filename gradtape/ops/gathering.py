"""Taking and adding at places of an axis: the primitives under `gather`, `sort`, and the scatter
functions.

gather          x (B..., P..., N, Q...) at integers (B..., J...) along the axis of size N: (B...,
P..., J..., Q...) scatter_add     its transpose: values of that shape, added into zeros
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
from gradtape.ops.basis import (
    add,
    broadcast_to,
    cast,
    chain_multiply,
    ones,
    reshape,
    safe_divide,
    safe_multiply,
    zeros,
)
from gradtape.ops.choosing import select
from gradtape.ops.sparse import add_rows, row_numbers
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
    """x at integer indices along a non-negative axis; the first `batch` axes of both run
    together.
    """
    return apply(_gather, (x, indices), {"axis": axis, "batch": batch})


def _scatter_kernel(xp: Any, values: Any, indices: Any, *, axis: int, batch: int, size: int) -> Any:
    indices = xp.checked(indices, size)
    taken = indices.ndim - batch
    outer = values.shape[:axis]
    rest = values.shape[axis + taken :]
    b, p = math.prod(outer[:batch]), math.prod(outer[batch:])
    places = indices.reshape(b if batch else 1, 1, -1)
    if b * p != 1:
        inside = places < size
        places = xp.arange(b * p).reshape(b, p, 1) * size + places
        if xp.name != "numpy":  # an index out of range must not reach the next row
            places = xp.where(inside, places, b * p * size)
    rows = values.reshape(-1, math.prod(rest)) if rest else values.reshape(-1)
    total = xp.sum_rows(rows, places.reshape(-1), b * p * size)
    return total.reshape(*outer, size, *rest)


def _scatter_batch(mask: Any, values: Any, indices: Any, axis: int, batch: int, size: int) -> Any:
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
    """Zeros with an axis of `size`, to which values are added at indices: the transpose of
    gather_axis.
    """
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
    batch=lambda mask, x, indices, axis: take_along(*spread(mask, x, indices), axis=axis + 1),
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
        *spread(mask, values, indices), axis=axis + 1, size=size
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
    """The batching rule of an operation (x, indices, values) on rows: the batch is folded into the
    rows.
    """

    def batch(mask: Any, x: Any, indices: Any, values: Any, **params: Any) -> Any:
        x, indices, values = spread(mask, x, indices, values)
        count, rows, *rest = x._shape
        total = indices._shape[0] * indices._shape[1]
        out = function(
            reshape(x, (count * rows, *rest)),
            reshape(row_numbers(indices, rows), (total,)),
            reshape(values, (total, *rest)),
            **params,
        )
        return reshape(out, x._shape)

    return batch


def _last_batch(mask: Any, indices: Any, rows: int) -> Any:
    total = indices._shape[0] * indices._shape[1]
    flat = reshape(row_numbers(indices, rows), (total,))
    return reshape(last_rows(flat, indices._shape[0] * rows), indices._shape)


_last_rows = primitive(
    "last_rows",
    lambda xp, indices, *, rows: xp.last_rows(xp.checked(indices, rows), rows),
    batch=_last_batch,
    shape=lambda indices, rows: Spec(indices._shape, np.dtype(np.bool_)),
    differentiable=False,
    family="indexing",
)


def last_rows(indices: Any, rows: int) -> Any:
    """Whether each of the indices in [0, rows) is the last of its equals."""
    return apply(_last_rows, (indices,), {"rows": rows})


def _put_values_vjp(ct: Any, indices: Any) -> Any:
    """Cotangents of the rows that stayed; those that a later one replaced get none."""
    taken = gather_axis(ct, indices, 0)
    last = last_rows(indices, ct._shape[0])
    return select(reshape(last, (*last._shape, *[1] * (len(ct._shape) - 1))), taken, _zero(ct))


def _zero(like: Any) -> Any:
    return zeros((), like._dtype)


_put_rows = primitive(
    "put_rows",
    lambda xp, x, indices, values: xp.put_rows(x, indices, values),
    vjps=[
        lambda ct, indices, values_shape: put_rows(ct, indices, zeros(values_shape, ct._dtype)),
        INTEGER,
        _put_values_vjp,
    ],
    jvps=[
        lambda t, indices, values_shape: put_rows(t, indices, zeros(values_shape, t._dtype)),
        INTEGER,
        lambda t, indices, x_shape: put_rows(zeros(x_shape, t._dtype), indices, t),
    ],
    batch=_by_rows(lambda x, indices, values: put_rows(x, indices, values)),
    shape=lambda x, indices, values: Spec(x._shape, x._dtype),
    family="indexing",
)


def put_rows(x: Any, indices: Any, values: Any) -> Any:
    """x with row indices[i] replaced by values[i]; of equal indices the last one counts."""
    return apply(_put_rows, (x, indices, values))


def _shares(out: Any, x: Any, indices: Any, values: Any) -> tuple[Any, Any]:
    """The share that each element of x and of values has in the extreme: equal among ties."""
    dtype = out._dtype
    hit_x = cast(equal(x, out), dtype)
    hit_values = cast(equal(values, gather_axis(out, indices, 0)), dtype)
    count = add(hit_x, add_rows(hit_values, indices, x._shape[0]))
    share = safe_divide(ones(out._shape, dtype), count)
    return (
        chain_multiply(hit_x, share),
        chain_multiply(hit_values, gather_axis(share, indices, 0)),
    )


def _extreme_vjp(ct: Any, inputs: Any, out: Any) -> list[Any]:
    x, indices, values = inputs
    share_x, share_values = _shares(out, x, indices, values)
    return [
        safe_multiply(ct, share_x),
        None,
        safe_multiply(gather_axis(ct, indices, 0), share_values),
    ]


def _extreme_jvp(tangents: Any, inputs: Any, out: Any) -> Any:
    x, indices, values = inputs
    share_x, share_values = _shares(out, x, indices, values)
    total = zeros(out._shape, out._dtype)
    if tangents[0] is not None:
        total = add(total, safe_multiply(tangents[0], share_x))
    if tangents[2] is not None:
        moved = safe_multiply(tangents[2], share_values)
        total = add(total, add_rows(moved, indices, x._shape[0]))
    return total


_extreme_rows = primitive(
    "extreme_rows",
    lambda xp, x, indices, values, *, largest: xp.extreme_rows(x, indices, values, largest),
    joint_vjp=_extreme_vjp,
    joint_jvp=_extreme_jvp,
    batch=_by_rows(lambda x, indices, values, largest: extreme_rows(x, indices, values, largest)),
    shape=lambda x, indices, values, largest: Spec(x._shape, x._dtype),
    family="indexing",
)


def extreme_rows(x: Any, indices: Any, values: Any, largest: bool) -> Any:
    """x with row indices[i] raised (lowered) to the maximum (minimum) with values[i]."""
    return apply(_extreme_rows, (x, indices, values), {"largest": largest})


# tuples of indices


def _flat_kernel(xp: Any, indices: Any, *, shape: tuple[int, ...]) -> Any:
    count = math.prod(shape)
    flat = xp.zeros(indices.shape[:-1], xp.int64)
    inside = True
    for k, size in enumerate(shape):
        one = xp.checked(indices[..., k], size)
        inside = inside & (one < size)
        flat = flat * size + one
    return flat if xp.name == "numpy" else xp.where(inside, flat, count)


_flat_indices = primitive(
    "flat_indices",
    _flat_kernel,
    batch=lambda mask, indices, shape: flat_indices(indices, shape),
    shape=lambda indices, shape: Spec(indices._shape[:-1], INT64),
    differentiable=False,
    family="indexing",
)


def flat_indices(indices: Any, shape: tuple[int, ...]) -> Any:
    """Tuples of indices (..., len(shape)) into an array of this shape as numbers of its elements
    in order.
    """
    return apply(_flat_indices, (indices,), {"shape": shape})
