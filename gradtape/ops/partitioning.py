"""Slices chosen by a mask, and tensors taken apart and put together by indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.ops.assembly import concat
from gradtape.ops.basis import INT64, cast, full, reshape, size_of, zeros
from gradtape.ops.choosing import nonzero
from gradtape.ops.gathering import gather_axis, put_rows
from gradtape.ops.host import size_from, validated
from gradtape.ops.indexing import index_tensor
from gradtape.ops.static import check_size, static_axis, static_int, tensor_items
from gradtape.ops.stepwise import equal

MOST_PARTITIONS = 2**20  # each is a tensor of its own


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str = "boolean_mask") -> Any:
    """Return the slices of a tensor for which the mask is true, one behind the other.

    Args:
        tensor: (P..., M..., Q...) any dtype.
        mask: bool (or numbers, of which 0 is false), M... with at least one axis.
        axis: the number of axes P... before those of the mask; 0 by default.

    Raises:
        ValueError: when the mask is a scalar or its shape does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.boolean_mask([1.0, 2.0, 3.0], [True, False, True]).numpy()
        array([1., 3.], dtype=float32)
    """
    tensor, mask = as_tensor(tensor, "boolean_mask"), as_tensor(mask, "boolean_mask")
    if not mask._shape:
        raise ValueError(
            "gradtape.boolean_mask: mask cannot be scalar. Write tf.where(mask, x, y)."
        )
    first = 0 if axis is None else static_axis(axis, max(len(tensor._shape), 1), "boolean_mask")
    shape, rank = tensor._shape, len(mask._shape)
    if not same_shape(shape[first : first + rank], mask._shape):
        raise ValueError(
            f"gradtape.boolean_mask({brief(tensor)}, {brief(mask)}): Shapes "
            f"{list(shape[first : first + rank])} and {list(mask._shape)} are incompatible. "
            "The mask must have the shape of the axes that it selects from."
        )
    count = size_of(mask._shape)
    flat = reshape(tensor, (*shape[:first], count, *shape[first + rank :]))
    return _where(flat, reshape(mask, (count,)), first)


def _where(x: Any, mask: Any, axis: int) -> Any:
    """The slices of an axis at which a vector is true."""
    places = nonzero(mask)
    return gather_axis(x, reshape(places, (places._shape[0],)), axis)


def dynamic_partition(
    data: Any, partitions: Any, num_partitions: int, name: str | None = None
) -> list[Any]:
    """Return a list of tensors: the i-th holds the slices of data whose partition is i, in order.

    Args:
        data: partitions.shape + Q..., any dtype.
        partitions: integers in [0, num_partitions).
        num_partitions: the number of tensors.

    Raises:
        InvalidArgumentError: when a partition is out of range or the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> [p.numpy().tolist() for p in tf.dynamic_partition([1, 2, 3], [1, 0, 1], 2)]
        [[2], [1, 3]]
    """
    data = as_tensor(data, "dynamic_partition")
    partitions = index_tensor(partitions, "dynamic_partition", "partitions")
    count = static_int(num_partitions, "dynamic_partition", "num_partitions")
    if not 1 <= count <= MOST_PARTITIONS:
        raise InvalidArgumentError(
            f"gradtape.dynamic_partition: num_partitions must be in [1, {MOST_PARTITIONS}], not"
            f" {count}."
        )
    rank = len(partitions._shape)
    if not same_shape(data._shape[:rank], partitions._shape):
        raise InvalidArgumentError(
            f"gradtape.dynamic_partition({brief(data)}, {brief(partitions)}): data must begin with "
            "the shape of partitions. Write tf.broadcast_to(partitions, ...)."
        )

    def test(array: Any) -> None:
        bad = array[(array < 0) | (array >= count)]
        if bad.size:
            raise InvalidArgumentError(
                f"gradtape.dynamic_partition: partition {bad.flat[0]} is not in [0, {count}). "
                "Raise num_partitions or clip the partitions."
            )

    size = size_of(partitions._shape)
    flat = reshape(data, (size, *data._shape[rank:]))
    number = reshape(validated(test, partitions), (size,))
    return [_where(flat, equal(number, full((), i, number._dtype)), 0) for i in range(count)]


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any], name: str | None = None) -> Any:
    """Return the slices of several tensors, put in rows at their indices; a later one replaces an
    earlier.

    Args:
        indices: a list of integer tensors; together they should name every row from 0 to the
            largest.
        data: a list of tensors, data[k] of shape indices[k].shape + Q....

    Raises:
        InvalidArgumentError: when an index is negative or the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.dynamic_stitch([[0, 2], [1]], [[1.0, 3.0], [2.0]]).numpy()
        array([1., 2., 3.], dtype=float32)
    """
    function = "dynamic_stitch"
    places = [index_tensor(i, function) for i in tensor_items(indices, function, "indices")]
    values = [as_tensor(d, function) for d in tensor_items(data, function, "data")]
    if not places or len(places) != len(values):
        raise InvalidArgumentError(
            f"gradtape.dynamic_stitch: {len(places)} indices and {len(values)} data; "
            "give two lists of the same length, at least 1."
        )
    rest = values[0]._shape[len(places[0]._shape) :]
    for place, value in zip(places, values, strict=True):
        if not same_shape(value._shape, (*place._shape, *rest)) or value._dtype != values[0]._dtype:
            raise InvalidArgumentError(
                f"gradtape.dynamic_stitch: data {brief(value)} at indices {brief(place)} must "
                f"have shape {[*place._shape, *rest]} and the dtype of the first."
            )
    flat = concat([reshape(cast(p, INT64), (size_of(p._shape),)) for p in places], 0)
    rows = [reshape(v, (size_of(p._shape), *rest)) for p, v in zip(places, values, strict=True)]
    count = size_from(function, _stitched_rows, flat)
    check_size((count, *rest), function, rows[0]._dtype.itemsize)
    return put_rows(zeros((count, *rest), rows[0]._dtype), flat, concat(rows, 0))


def _stitched_rows(places: Any) -> int:
    if places.size and places.min() < 0:
        raise InvalidArgumentError(
            f"gradtape.dynamic_stitch: index {places.min()} is negative. Rows count from 0."
        )
    return int(places.max(initial=-1)) + 1
