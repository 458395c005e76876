"""Tensors made from nothing but numbers, and shapes as tensors: zeros, range, eye, one_hot, shape,
size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like, known, noted
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import larger, open_sizes, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops import basis
from gradtape.ops.arithmetic import divide
from gradtape.ops.basis import (
    INT64,
    add,
    cast,
    multiply,
    numbers,
    places,
    reshape,
    size_of,
    subtract,
)
from gradtape.ops.choosing import select
from gradtape.ops.host import computed
from gradtape.ops.indexing import index_tensor
from gradtape.ops.selection import integer_dtype
from gradtape.ops.shaping import new_axis
from gradtape.ops.static import check_size, static_shape, static_size, tensor_items
from gradtape.ops.stepwise import equal

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT32 = np.dtype(np.int32)


# constants


def zeros(
    shape: Any, dtype: Any = np.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """Return a tensor of zeros.

    Args:
        shape: non-negative integers.
        dtype: the dtype.

    Raises:
        InvalidArgumentError: for a negative size.
        ResourceExhaustedError: for a shape that no memory can hold.

    Example:
        >>> import gradtape as tf
        >>> tf.zeros([2, 2]).numpy()
        array([[0., 0.],
               [0., 0.]], dtype=float32)
    """
    wanted = as_dtype(dtype).numpy_dtype
    return noted(basis.zeros(static_shape(shape, "zeros", wanted), wanted), name)


def ones(
    shape: Any, dtype: Any = np.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """Return a tensor of ones.

    Args:
        shape: non-negative integers.
        dtype: the dtype.

    Raises:
        InvalidArgumentError: for a negative size.
        ResourceExhaustedError: for a shape that no memory can hold.

    Example:
        >>> import gradtape as tf
        >>> tf.ones([2]).numpy()
        array([1., 1.], dtype=float32)
    """
    wanted = as_dtype(dtype).numpy_dtype
    return noted(basis.ones(static_shape(shape, "ones", wanted), wanted), name)


def _like(input: Any, dtype: Any, value: int, function: str) -> Any:
    x = as_tensor(input, function)
    wanted = x._dtype if dtype is None else as_dtype(dtype).numpy_dtype
    return noted(basis.full(x._shape, value, wanted))


def zeros_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Any:
    """Return zeros of the shape of a tensor.

    Args:
        input: any tensor.
        dtype: the dtype, by default that of `input`.

    Example:
        >>> import gradtape as tf
        >>> tf.zeros_like([1, 2]).numpy()
        array([0, 0], dtype=int32)
    """
    return _like(input, dtype, 0, "zeros_like")


def ones_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Any:
    """Return ones of the shape of a tensor.

    Args:
        input: any tensor.
        dtype: the dtype, by default that of `input`.

    Example:
        >>> import gradtape as tf
        >>> tf.ones_like([1.0, 2.0]).numpy()
        array([1., 1.], dtype=float32)
    """
    return _like(input, dtype, 1, "ones_like")


def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Any:
    """Return a tensor filled with one value; its derivative is the sum of the cotangents.

    Args:
        dims: the shape, non-negative integers.
        value: a scalar.

    Raises:
        InvalidArgumentError: for a negative size, or a value that is no scalar.

    Example:
        >>> import gradtape as tf
        >>> tf.fill([2], 3.0).numpy()
        array([3., 3.], dtype=float32)
    """
    x = as_tensor(value, "fill")
    if x._shape:
        raise InvalidArgumentError(
            f"gradtape.fill: value must be a scalar, not {brief(x)}. Write tf.broadcast_to(x, "
            "dims)."
        )
    return basis.broadcast_to(x, static_shape(dims, "fill", x._dtype))


# sequences


def range_(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range"
) -> Tensor:
    """Return the numbers start, start + delta, ... below limit (above it for a negative delta).

    Args:
        start: the first number; the limit when that is not given, and 0 the first.
        limit: where to stop, exclusive.
        delta: the step, not 0.
        dtype: by default the widest of the arguments' dtypes, in the order int32, int64, float32,
            float64.

    Raises:
        InvalidArgumentError: when delta is 0, points away from the limit, or an argument is no
            finite scalar.

    Example:
        >>> import gradtape as tf
        >>> tf.range(3, 18, 3).numpy()
        array([ 3,  6,  9, 12, 15], dtype=int32)
    """
    if limit is None:
        start, limit = 0, start
    given = _range_arguments((start, limit, delta), dtype)
    for argument, x in zip(("start", "limit", "delta"), given, strict=True):
        if x._shape or x._dtype.kind not in "iufV":
            raise InvalidArgumentError(
                f"gradtape.range: {argument} must be a real scalar, not {brief(x)}. "
                "Write its largest element, for instance."
            )
    wanted = _widest(given) if dtype is None else as_dtype(dtype).numpy_dtype
    sizes = [_size_in(x) for x in given]
    if open_sizes(sizes) and None not in sizes:
        return cast(_range_of_sizes(*sizes), wanted)
    run = partial(_range_kernel, wanted=wanted)
    return noted(computed("range", run, given, (((None,), wanted),))[0], name)


def _size_in(x: Any) -> Any:
    """The integer or open size that a scalar holds; None for others."""
    known = None if x.concrete else x.contents()
    known = np.asarray(x) if x.concrete else known
    return None if known is None or known.dtype.kind not in "iuO" else known.item()


def _range_of_sizes(first: Any, last: Any, step: Any) -> Any:
    """The range of sizes, of which some are open."""
    if step == 0 or (last - first) * step < 0:
        raise _bad_range(first, last, step)
    count = larger(-((first - last) // step), 0)
    return add(multiply(places(count), numbers(step, INT64)), numbers(first, INT64))


def _range_kernel(*ends: Any, wanted: Any) -> list[Any]:
    exact = all(x.dtype.kind in "iu" for x in ends)
    first, last, step = [int(x) if exact else float(x) for x in ends]
    if step == 0 or not all(math.isfinite(v) for v in (first, last, step)):
        raise InvalidArgumentError(
            f"gradtape.range({first}, {last}, {step}): Requires delta != 0 and finite numbers."
        )
    if (last - first) * step < 0:
        raise _bad_range(first, last, step)
    count = max(math.ceil((last - first) / step), 0)
    if exact:
        count = len(range(int(first), int(last), int(step)))
    check_size((count,), "range", wanted.itemsize)
    steps = np.arange(count, dtype=np.int64 if exact else np.float64)
    return [(first + steps * step).astype(wanted)]


def _bad_range(first: Any, last: Any, step: Any) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"gradtape.range({first}, {last}, {step}): Requires start <= limit when delta > 0 and "
        "start >= limit when delta < 0. Write a delta of the other sign."
    )


def _range_arguments(values: tuple[Any, ...], dtype: Any) -> list[Any]:
    """The arguments of a range as tensors; Python's integers take the dtype of what stands beside
    them.
    """
    others = [as_tensor(v, "range") for v in values if type(v) is not int]
    beside = _widest(others) if others and dtype is None else as_dtype(dtype or INT32).numpy_dtype
    return [as_tensor_like(v, beside, "range") if type(v) is int else as_tensor(v) for v in values]


def _widest(tensors: list[Any]) -> np.dtype[Any]:
    """The dtype of a range, as TensorFlow chooses it: by a fixed order of dtypes."""
    names = ["int32", "int64", "float16", "bfloat16", "float32", "float64"]
    ranks = [names.index(n) if (n := x.dtype.name) in names else 0 for x in tensors]
    return as_dtype(names[max(ranks)]).numpy_dtype


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: Any = 0) -> Any:
    """Return numbers at equal distances from start to stop, both included.

    start + (stop - start) k / (num - 1) for k = 0, ..., num - 1; differentiable in both ends.

    Args:
        start: a real tensor of any shape; integers become float64.
        stop: the same shape and dtype.
        num: how many, at least 0.
        axis: where the new axis of size num is.

    Raises:
        InvalidArgumentError: for a negative num, or ends that do not fit each other.

    Example:
        >>> import gradtape as tf
        >>> tf.linspace(0.0, 1.0, 5).numpy()
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    first = as_tensor(start, "linspace")
    last = as_tensor_like(stop, first._dtype, "linspace")
    count = static_size(num, "linspace", "num")
    if first._dtype != last._dtype or not same_shape(first._shape, last._shape) or count < 0:
        raise InvalidArgumentError(
            f"gradtape.linspace({brief(first)}, {brief(last)}, {count}): start and stop need one "
            "dtype and shape, num must not be negative. Write tf.broadcast_to or tf.cast."
        )
    if first._dtype.kind in "iu":
        first, last = cast(first, np.dtype(np.float64)), cast(last, np.dtype(np.float64))
    shape, dtype = first._shape, first._dtype
    number = new_axis(axis, first, "linspace")
    check_size((*shape, count), "linspace", dtype.itemsize)
    lying = (*shape[:number], 1, *shape[number:])
    parts = numbers(larger(count - 1, 1), FLOAT64)
    part = divide(cast(places(count), FLOAT64), parts)
    along = (count, *[1] * (len(shape) - number))
    to_last = reshape(cast(part, dtype), along)
    to_first = reshape(cast(subtract(numbers(1, FLOAT64), part), dtype), along)
    # weights, not start + k * step: both ends come out exactly
    return add(multiply(reshape(first, lying), to_first), multiply(reshape(last, lying), to_last))


# one-hot vectors


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """Return vectors that have one value at an index and another elsewhere.

    An index outside [0, depth), such as -1, gives the other value everywhere.

    Args:
        indices: integers of any shape.
        depth: the size of the new axis.
        on_value: a scalar, 1 by default; differentiable.
        off_value: a scalar, 0 by default; differentiable.
        axis: where the new axis is; last by default.
        dtype: by default that of the values, or float32.

    Raises:
        InvalidArgumentError: for a negative depth, or values that are no scalars.
        TypeError: when the dtypes do not agree.

    Example:
        >>> import gradtape as tf
        >>> tf.one_hot([0, 2], 3).numpy()
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    indices = index_tensor(indices, "one_hot")
    size = static_size(depth, "one_hot", "depth")
    shape = indices._shape
    if size < 0:
        raise InvalidArgumentError(f"gradtape.one_hot: depth must be non-negative, got: {size}.")
    number = len(shape) if axis is None else new_axis(axis, indices, "one_hot")
    check_size((*shape, size), "one_hot", 8)
    if not _fits(size, indices._dtype):
        indices = cast(indices, INT64)
    along = (size, *[1] * (len(shape) - number))
    numbers = reshape(cast(places(size), indices._dtype), along)
    hit = equal(reshape(indices, (*shape[:number], 1, *shape[number:])), numbers)
    wanted = None if dtype is None else as_dtype(dtype).numpy_dtype
    if on_value is None and off_value is None:
        return cast(hit, wanted or FLOAT32)
    return select(hit, *_values(on_value, off_value, wanted))


def _fits(size: Any, dtype: Any) -> bool:
    return type(size) is int and size - 1 <= np.iinfo(dtype).max


def _values(on_value: Any, off_value: Any, wanted: Any) -> tuple[Any, Any]:
    """The two values of one_hot as scalars of one dtype."""
    if wanted is None:
        given = on_value if on_value is not None else off_value
        wanted = as_tensor(given, "one_hot")._dtype
    values = []
    for argument, value, default in (("on_value", on_value, 1), ("off_value", off_value, 0)):
        if value is None:
            value = basis.full((), default, wanted)
        elif isinstance(value, int) and not isinstance(value, bool) and wanted.kind in "fcV":
            raise _other_dtype(argument, as_tensor(value), wanted)
        value = as_tensor_like(value, wanted, "one_hot")
        if value._dtype != wanted:
            raise _other_dtype(argument, value, wanted)
        if value._shape:
            raise InvalidArgumentError(
                f"gradtape.one_hot: {argument} must be a scalar, not {brief(value)}."
            )
        values.append(value)
    return values[0], values[1]


def _other_dtype(argument: str, value: Any, wanted: Any) -> TypeError:
    return TypeError(
        f"gradtape.one_hot: dtype of {argument}, {brief(value)}, does not match "
        f"{as_dtype(wanted).name}. Write both values and dtype in one type."
    )


# shapes as tensors


def shape(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """Return the sizes of the axes as a vector.

    Args:
        input: any tensor.
        out_type: the integer dtype of the result, int32 by default.

    Example:
        >>> import gradtape as tf
        >>> tf.shape([[1, 2, 3]]).numpy()
        array([1, 3], dtype=int32)
    """
    x = as_tensor(input, "shape")
    wanted = INT32 if out_type is None else integer_dtype(out_type, "shape", "out_type")
    return noted(numbers(x._shape, wanted), name)


def shape_n(input: Sequence[Any], out_type: Any = np.int32, name: str | None = None) -> list[Any]:
    """Return the shapes of several tensors as a list of vectors.

    Example:
        >>> import gradtape as tf
        >>> [s.numpy().tolist() for s in tf.shape_n([[1, 2], [[3]]])]
        [[2], [1, 1]]
    """
    return [shape(x, out_type) for x in tensor_items(input, "shape_n", "input")]


def size(input: Any, out_type: Any = None, name: str | None = None) -> Any:
    """Return the number of elements as a scalar.

    Args:
        input: any tensor.
        out_type: the integer dtype of the result, int32 by default.

    Example:
        >>> import gradtape as tf
        >>> int(tf.size([[1, 2, 3]]))
        3
    """
    x = as_tensor(input, "size")
    wanted = INT32 if out_type is None else integer_dtype(out_type, "size", "out_type")
    return noted(numbers(size_of(x._shape), wanted), name)


def rank(input: Any, name: str | None = None) -> Tensor:
    """Return the number of axes as an int32 scalar.

    Example:
        >>> import gradtape as tf
        >>> int(tf.rank([[1, 2, 3]]))
        2
    """
    return known(np.int32(len(as_tensor(input, "rank")._shape)), name)
