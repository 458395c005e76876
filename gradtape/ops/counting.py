"""What occurs and how often: unique, bincount, histograms, and permutations inverted."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape, unknown_size
from gradtape.ops.assembly import slice_axis
from gradtape.ops.basis import (
    INT64,
    batch_elementwise,
    broadcast_shapes,
    cast,
    ones,
    reshape,
    size_of,
    zeros,
)
from gradtape.ops.basis import numbers as as_number
from gradtape.ops.calls import mixed_dtypes, wrong_kind
from gradtape.ops.choosing import select
from gradtape.ops.gathering import gather_axis
from gradtape.ops.host import known_values, one_shape_for_all, size_from, validated
from gradtape.ops.indexing import index_tensor
from gradtape.ops.selection import integer_dtype, order
from gradtape.ops.sparse import add_rows, row_numbers
from gradtape.ops.static import check_size, static_int
from gradtape.ops.stepwise import greater, less
from gradtape.ops.striding import strided_slice

Unique = namedtuple("Unique", ["y", "idx"])
UniqueWithCounts = namedtuple("UniqueWithCounts", ["y", "idx", "count"])

# unique


def _unique_kernel(xp: Any, x: Any) -> Any:
    _, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True
    )
    appearance = np.argsort(first, kind="stable")
    rank = np.argsort(appearance, kind="stable")
    return first[appearance], rank[inverse.reshape(-1)], counts[appearance]


def _unique_shape(x: Any) -> tuple[Spec, Spec, Spec]:
    count = unknown_size()
    return Spec((count,), INT64), Spec(x._shape, INT64), Spec((count,), INT64)


_unique = primitive(
    "unique_places",
    _unique_kernel,
    batch=one_shape_for_all("unique"),
    shape=_unique_shape,
    several=True,
    host=True,
    differentiable=False,
    family="indexing",
)


def _found(x: Any, out_idx: Any, function: str) -> tuple[Any, Any, Any]:
    x = as_tensor(x, function)
    dtype = integer_dtype(out_idx, function, "out_idx")
    if len(x._shape) != 1:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): {function} expects a 1D vector. "
            "Write tf.reshape(x, [-1])."
        )
    first, places, counts = apply(_unique, (x,))
    return gather_axis(x, first, 0), cast(places, dtype), cast(counts, dtype)


def unique(x: Any, out_idx: Any = np.int32, name: str | None = None) -> Any:
    """Return the different elements of a vector, in order of appearance, and for each element its
    place there.

    The derivative of an element of y goes to its first appearance in x.

    Args:
        x: (n,) any dtype.
        out_idx: the integer dtype of the places.

    Returns:
        The pair (y, idx) with x = gather(y, idx).

    Raises:
        InvalidArgumentError: when x is no vector.

    Example:
        >>> import gradtape as tf
        >>> y, idx = tf.unique([3.0, 1.0, 3.0])
        >>> y.numpy(), idx.numpy()
        (array([3., 1.], dtype=float32), array([0, 1, 0], dtype=int32))
    """
    return Unique(*_found(x, out_idx, "unique")[:2])


def unique_with_counts(x: Any, out_idx: Any = np.int32, name: str | None = None) -> Any:
    """Return the different elements of a vector, the place of each element among them, and how
    often each occurs.

    Args, Raises: as for `unique`.

    Example:
        >>> import gradtape as tf
        >>> tf.unique_with_counts([3.0, 1.0, 3.0]).count.numpy()
        array([2, 1], dtype=int32)
    """
    return UniqueWithCounts(*_found(x, out_idx, "unique_with_counts"))


# counts


def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = np.int32,
    name: str | None = None,
    axis: Any = None,
    binary_output: bool = False,
) -> Any:
    """Return how often each of the numbers 0, 1, 2, ... occurs, or the sum of its weights.

    Args:
        arr: non-negative integers of any shape.
        weights: of the shape of `arr`; its derivative is the cotangent at each number.
        minlength: the least length of the result, which is else the largest number plus 1.
        maxlength: the greatest length; larger numbers are left out.
        dtype: the dtype of counts.
        axis: None or 0 to count everything; -1 to count each row (along the last axis) by itself.
        binary_output: give 1 for numbers that occur, instead of the count.

    Raises:
        InvalidArgumentError: for a negative number, or weights of another shape.

    Example:
        >>> import gradtape as tf
        >>> tf.math.bincount([1, 1, 3]).numpy()
        array([0, 2, 0, 1], dtype=int32)
    """
    numbers = as_tensor(arr, "bincount")
    if not size_of(numbers._shape):
        numbers = cast(numbers, np.dtype(np.int32))
    numbers = index_tensor(numbers, "bincount", "arr")
    if axis not in (None, 0, -1) or (binary_output and weights is not None):
        raise ValueError(
            f"gradtape.bincount: axis must be None, 0 or -1, not {axis!r}, and binary_output "
            "excludes weights."
        )
    count = _length(numbers, minlength, maxlength)
    lead = numbers._shape[:-1] if axis == -1 else ()
    rows, size = size_of(lead), size_of(numbers._shape)
    flat = reshape(cast(numbers, INT64), (rows, numbers._shape[-1] if lead else size))
    # numbers past the last bin go to one more, which is cut off
    end = as_number(count, INT64)
    places = reshape(row_numbers(select(less(flat, end), flat, end), count + 1), (size,))
    total = add_rows(_weights(weights, numbers, dtype), places, rows * (count + 1))
    total = slice_axis(reshape(total, (*lead, count + 1)), 0, count, len(lead))
    if binary_output:
        total = cast(greater(total, zeros((), total._dtype)), total._dtype)
    return total


def _length(numbers: Any, minlength: Any, maxlength: Any) -> int:
    """The number of bins."""
    least = 0 if minlength is None else static_int(minlength, "bincount", "minlength")
    most = None if maxlength is None else static_int(maxlength, "bincount", "maxlength")

    def count(array: Any) -> int:
        if array.size and array.min() < 0:
            raise InvalidArgumentError(
                f"gradtape.bincount({brief(array)}): Input arr must be non-negative! It holds "
                f"{array.min()}. Shift or clip the numbers."
            )
        found = max(int(array.max()) + 1 if array.size else 0, least)
        found = found if most is None else min(found, most)
        check_size((found,), "bincount", 8)
        return found

    if most is not None and least >= most and known_values([numbers]) is None:
        return most
    return size_from("bincount", count, numbers)


def _weights(weights: Any, numbers: Any, dtype: Any) -> Any:
    size = size_of(numbers._shape)
    if weights is None:
        return ones((size,), as_dtype(dtype).numpy_dtype)
    values = as_tensor(weights, "bincount")
    if not same_shape(values._shape, numbers._shape):
        raise InvalidArgumentError(
            f"gradtape.bincount: weights {brief(values)} must have the shape of arr, "
            f"{brief(numbers)}."
        )
    return reshape(values, (size,))


# histograms


def _bins_kernel(xp: Any, values: Any, low: Any, high: Any, *, count: int) -> Any:
    wide = xp.float64 if values.dtype.itemsize > 4 or values.dtype.kind in "iu" else xp.float32
    low, high = low.astype(wide), high.astype(wide)
    scaled = xp.floor((values.astype(wide) - low) / (high - low) * count)
    return xp.clip(scaled, 0, count - 1).astype(xp.int32)


_bins = primitive(
    "histogram_bins",
    _bins_kernel,
    batch=batch_elementwise(lambda values, low, high, count: bins(values, low, high, count)),
    shape=lambda values, low, high, count: Spec(
        broadcast_shapes(values._shape, low._shape, high._shape), np.dtype(np.int32)
    ),
    differentiable=False,
    family="stepwise",
)


def bins(values: Any, low: Any, high: Any, count: int) -> Any:
    """The number of the bin of each value, of `count` of equal width between low and high."""
    return apply(_bins, (values, low, high), {"count": count})


def histogram_fixed_width_bins(
    values: Any,
    value_range: Any,
    nbins: Any = 100,
    dtype: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return the bin of each value, of `nbins` bins of equal width in a range; what is outside goes
    to the end bins.

    Args:
        values: real numbers of any shape.
        value_range: (2,) of the same dtype: the lower and the upper end.
        nbins: the number of bins.
        dtype: the integer dtype of the result.

    Raises:
        InvalidArgumentError: when the range is empty, nbins is not positive, or a value is NaN.

    Example:
        >>> import gradtape as tf
        >>> tf.histogram_fixed_width_bins([-1.0, 0.0, 1.5, 9.0], [0.0, 5.0], nbins=5).numpy()
        array([0, 0, 1, 4], dtype=int32)
    """
    return cast(
        _bins_of(values, value_range, nbins, "histogram_fixed_width_bins")[0],
        integer_dtype(dtype, "histogram_fixed_width_bins", "dtype"),
    )


def _bins_of(values: Any, value_range: Any, nbins: Any, function: str) -> tuple[Any, int]:
    values = as_tensor(values, function)
    limits = as_tensor_like(value_range, values._dtype, function)
    count = static_int(nbins, function, "nbins")
    if values._dtype.kind not in "iufV":
        raise wrong_kind(function, "iufV", values)
    if limits._dtype != values._dtype:
        raise mixed_dtypes(function, values, limits)
    if not same_shape(limits._shape, (2,)) or count < 1:
        raise _bad_range(limits, count, function)

    def test(array: Any, ends: Any) -> None:
        if not ends[0] < ends[1]:
            raise _bad_range(ends, count, function)
        if array.dtype.kind in "fV" and np.isnan(array).any():
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(array)}): values must not contain NaN. Drop them with "
                "tf.boolean_mask first."
            )

    values = validated(test, values, limits)
    low_end, high_end = strided_slice(limits, (0,)), strided_slice(limits, (1,))
    return bins(values, low_end, high_end, count), count


def _bad_range(limits: Any, count: int, function: str) -> InvalidArgumentError:
    shown = f" = {limits.tolist()}" if isinstance(limits, np.ndarray) else ""
    return InvalidArgumentError(
        f"gradtape.{function}: value_range should satisfy value_range[0] < value_range[1] and "
        f"nbins be positive, but got {brief(limits)}{shown} and {count}."
    )


def histogram_fixed_width(
    values: Any,
    value_range: Any,
    nbins: Any = 100,
    dtype: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return how many values fall into each of `nbins` bins of equal width; what is outside goes to
    the end bins.

    Args, Raises: as for `histogram_fixed_width_bins`.

    Example:
        >>> import gradtape as tf
        >>> tf.histogram_fixed_width([-1.0, 0.0, 1.5, 9.0], [0.0, 5.0], nbins=5).numpy()
        array([2, 1, 0, 0, 1], dtype=int32)
    """
    places, count = _bins_of(values, value_range, nbins, "histogram_fixed_width")
    size = size_of(places._shape)
    wanted = integer_dtype(dtype, "histogram_fixed_width", "dtype")
    return add_rows(ones((size,), wanted), reshape(places, (size,)), count)


# permutations


def invert_permutation(x: Any, name: str | None = None) -> Any:
    """Return the permutation y with y[x[i]] = i.

    Args:
        x: (n,) the numbers 0 to n - 1 in any order.

    Raises:
        InvalidArgumentError: when x is no permutation.

    Example:
        >>> import gradtape as tf
        >>> tf.math.invert_permutation([2, 0, 1]).numpy()
        array([1, 2, 0], dtype=int32)
    """
    x = index_tensor(x, "invert_permutation", "x")
    if len(x._shape) != 1:
        raise _no_permutation(x)
    return cast(order(validated(_test_permutation, x), 0, False), x._dtype)


def _test_permutation(array: Any) -> None:
    if np.sort(array).tolist() != list(range(array.size)):
        raise _no_permutation(array)


def _no_permutation(x: Any) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"gradtape.invert_permutation({brief(x)}): needs a vector that holds each of the "
        "numbers 0 to n - 1 once. tf.argsort(x) orders any numbers."
    )
