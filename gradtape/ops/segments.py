"""Reductions of rows by segment: the sum, mean, product or extreme of all rows with one number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_reductions  # noqa: F401 - installs the verbs
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import divide
from gradtape.ops.assembly import pad_axis, slice_axis
from gradtape.ops.basis import (
    broadcast_to,
    cast,
    conj,
    full,
    multiply,
    numbers,
    ones,
    reshape,
    safe_divide,
    safe_multiply,
    size_of,
    subtract,
    zeros,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.choosing import select
from gradtape.ops.families import INEXACT, NUMERIC, REAL
from gradtape.ops.host import known_values, size_from, validated
from gradtape.ops.powers import sqrt
from gradtape.ops.reductions import spread_all
from gradtape.ops.remainders import truncatediv
from gradtape.ops.scans import recurrence, shifted
from gradtape.ops.sparse import add_rows, row_numbers, take_rows
from gradtape.ops.static import check_size, static_size
from gradtape.ops.stepwise import equal, greater_equal, less, logical_or, not_equal

INT64 = np.dtype(np.int64)
Reduce = Callable[..., Any]


def _folded(reduce: Reduce) -> Callable[..., Any]:
    """The batching rule: the segments of all examples behind one another."""

    def batch(mask: Any, *inputs: Any, rows: int, **params: Any) -> Any:
        values, ids = spread_all(mask, inputs)
        count, n, *rest = values._shape
        flat = reshape(values, (count * n, *rest))
        numbers = reshape(row_numbers(ids, rows), (count * n,))
        return reshape(reduce(flat, numbers, count * rows, **params), (count, rows, *rest))

    return batch


def _segments(values: Any, ids: Any, rows: int, **params: Any) -> Spec:
    return Spec((rows, *values._shape[1:]), values._dtype)


def _beside(vector: Any, like: Any) -> Any:
    """A vector with axes of size 1 behind it, that it broadcasts against rows."""
    return reshape(vector, (*vector._shape, *[1] * (len(like._shape) - 1)))


# extremes


def _extreme_kernel(xp: Any, values: Any, ids: Any, *, rows: int, largest: bool) -> Any:
    limits = from_numpy(values.dtype)
    start = xp.full((rows, *values.shape[1:]), limits.min if largest else limits.max, values.dtype)
    return xp.extreme_rows(start, ids, values, largest)


def _shares(values: Any, ids: Any, out: Any, rows: int) -> Any:
    """The part of each element in the derivative: 1 over the number of those that are extreme."""
    chosen = logical_or(equal(values, take_rows(out, ids)), not_equal(values, values))
    hits = cast(chosen, values._dtype)
    return safe_divide(hits, take_rows(add_rows(hits, ids, rows), ids))


def _extreme_vjp(ct: Any, values: Any, ids: Any, out: Any, rows: int) -> Any:
    return safe_multiply(take_rows(ct, ids), _shares(values, ids, out, rows))


def _extreme_jvp(t: Any, values: Any, ids: Any, out: Any, rows: int) -> Any:
    return add_rows(safe_multiply(t, _shares(values, ids, out, rows)), ids, rows)


_extreme = primitive(
    "segment_extreme",
    _extreme_kernel,
    vjps=[_extreme_vjp, INTEGER],
    jvps=[_extreme_jvp, INTEGER],
    batch=_folded(lambda values, ids, rows, largest: extreme_of(values, ids, rows, largest)),
    shape=_segments,
    kinds=REAL,
    family="indexing",
)


def extreme_of(values: Any, ids: Any, rows: int, largest: bool) -> Any:
    """The largest (smallest) value in each segment; of none, the dtype's least (greatest)."""
    return apply(_extreme, (values, ids), {"rows": rows, "largest": largest})


# products


_order = primitive(
    "segment_order",
    lambda xp, ids: xp.order(ids, -1, False).astype(np.int64),
    batch=lambda mask, ids: order_of(ids),
    shape=lambda ids: Spec(ids._shape, INT64),
    kinds="iu",
    differentiable=False,
    family="indexing",
)


def order_of(ids: Any) -> Any:
    """The stable order of numbers along the last axis."""
    return apply(_order, (ids,))


def _others(values: Any, ids: Any) -> Any:
    """For each element the product of the others in its segment, from the two sides of it."""
    order = order_of(ids)
    x, numbers = take_rows(values, order), take_rows(ids, order)
    n = values._shape[0]
    if n < 2:
        return ones(values._shape, values._dtype)
    same = equal(slice_axis(numbers, 1, n, 0), slice_axis(numbers, 0, n - 1, 0))
    link = _beside(cast(same, values._dtype), values)
    before = _one_side(x, pad_axis(link, 1, 0, 0), False)
    after = _one_side(x, pad_axis(link, 0, 1, 0), True)
    return take_rows(multiply(before, after), order_of(order))


def _one_side(x: Any, link: Any, reverse: bool) -> Any:
    """The products of the elements before each one; link is 1 where a segment goes on."""
    factors = safe_multiply(link, shifted(x, 0, reverse))
    starts = broadcast_to(subtract(1.0, link), x._shape)
    return recurrence(factors, starts, 0, reverse)


def _product_vjp(ct: Any, values: Any, ids: Any) -> Any:
    return safe_multiply(take_rows(ct, ids), conj(_others(values, ids)))


def _product_jvp(t: Any, values: Any, ids: Any, rows: int) -> Any:
    return add_rows(safe_multiply(t, _others(values, ids)), ids, rows)


_product = primitive(
    "segment_product",
    lambda xp, values, ids, *, rows: xp.product_rows(values, ids, rows),
    vjps=[_product_vjp, INTEGER],
    jvps=[_product_jvp, INTEGER],
    batch=_folded(lambda values, ids, rows: product_of(values, ids, rows)),
    shape=_segments,
    kinds=NUMERIC,
    family="indexing",
)


def product_of(values: Any, ids: Any, rows: int) -> Any:
    """The product of the values in each segment; 1 of none."""
    return apply(_product, (values, ids), {"rows": rows})


# what the public functions share


def _counts(values: Any, ids: Any, rows: int) -> Any:
    """How many values are in each segment, at least 1, beside the reduced values."""
    one = ones(ids._shape, values._dtype)
    count = add_rows(one, ids, rows)
    floor = ones((), values._dtype)
    return _beside(select(less(count, floor), floor, count), values)


def mean_of(values: Any, ids: Any, rows: int) -> Any:
    """The mean of the values in each segment; 0 of none; of integers, rounded towards 0."""
    if values._dtype.kind in "iu":
        return truncatediv(add_rows(values, ids, rows), _counts(values, ids, rows))
    return divide(add_rows(values, ids, rows), _counts(values, ids, rows))


def sqrt_n_of(values: Any, ids: Any, rows: int) -> Any:
    """The sum of the values in each segment over the root of their number; 0 of none."""
    return divide(add_rows(values, ids, rows), sqrt(_counts(values, ids, rows)))


def _checked(name: str, data: Any, segment_ids: Any, kinds: str) -> tuple[Tensor, Tensor]:
    values, ids = as_tensor(data, name), as_tensor(segment_ids, name)
    if values._dtype.kind not in kinds:
        raise wrong_kind(name, kinds, values)
    if ids._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{name}: segment_ids {brief(ids)} must be integers. "
            "Write tf.cast(segment_ids, tf.int32)."
        )
    return values, ids


def _sorted(
    name: str, reduce: Reduce, data: Any, segment_ids: Any, kinds: str, empty: float | None = None
) -> Any:
    """Reduce by sorted segment numbers; the number of segments is the last number plus one."""
    values, ids = _checked(name, data, segment_ids, kinds)
    if len(ids._shape) != 1 or not same_shape(values._shape[:1], ids._shape):
        raise InvalidArgumentError(
            f"gradtape.{name}: segment_ids {brief(ids)} must be a vector with one number for "
            f"each row of {brief(values)}."
        )

    def count(numbers: Any) -> int:
        if len(numbers) and (numbers[0] < 0 or (numbers[1:] < numbers[:-1]).any()):
            raise InvalidArgumentError(
                f"gradtape.{name}: segment ids are not increasing from 0 on in {brief(ids)}. Sort"
                f" the rows, or write tf.math.unsorted_{name}(data, segment_ids, num_segments)."
            )
        return int(numbers[-1]) + 1 if len(numbers) else 0

    rows = size_from(name, count, ids)
    check_size((rows, *values._shape[1:]), name, values._dtype.itemsize)
    out = reduce(values, ids, rows)
    if empty is None:
        return out
    none = equal(add_rows(ones(ids._shape, INT64), ids, rows), zeros((), INT64))
    return select(_beside(none, values), full((), empty, values._dtype), out)


def _unsorted(
    name: str, reduce: Reduce, data: Any, segment_ids: Any, num_segments: Any, kinds: str
) -> Any:
    """Reduce by segment numbers in any order; rows with a negative number are left out."""
    values, ids = _checked(name, data, segment_ids, kinds)
    rows = static_size(num_segments, name, "num_segments")
    rank = len(ids._shape)
    if rows < 0:
        raise InvalidArgumentError(
            f"gradtape.{name}: num_segments is {rows}, and must not be negative."
        )
    if not same_shape(values._shape[:rank], ids._shape):
        raise InvalidArgumentError(
            f"gradtape.{name}: the shape of segment_ids {brief(ids)} must be that of the first "
            f"axes of data {brief(values)}."
        )
    check_size((rows, *values._shape[rank:]), name, values._dtype.itemsize)
    n = size_of(ids._shape)
    values, ids = reshape(values, (n, *values._shape[rank:])), reshape(ids, (n,))
    found = known_values([ids])
    if found is not None:
        _test_range(found[0], rows, name=name)
        if not found[0].size or found[0].min() >= 0:
            return reduce(values, ids, rows)
    else:
        ids = validated(partial(_test_range, name=name), ids, numbers(rows, INT64))
    ids = cast(ids, INT64)
    end = numbers(rows, INT64)
    ids = select(greater_equal(ids, end), numbers(rows + 1, INT64), ids)
    ids = select(less(ids, zeros((), INT64)), end, ids)
    return slice_axis(reduce(values, ids, rows + 1), 0, rows, 0)


def _test_range(ids: Any, rows: Any, *, name: str) -> None:
    if ids.size and ids.max() >= rows:
        raise InvalidArgumentError(
            f"gradtape.{name}: segment_ids has {int(ids.max())}, which is not below "
            f"num_segments = {rows}. Negative numbers leave a row out."
        )


def _largest(values: Any, ids: Any, rows: int) -> Any:
    return extreme_of(values, ids, rows, True)


def _smallest(values: Any, ids: Any, rows: int) -> Any:
    return extreme_of(values, ids, rows, False)


_DOC = """Return the {what} of the rows in each segment; {empty}.

Args:
    data: {shape}, {kind}.
    {ids}
    name: ignored, for compatibility.

Returns:
    One row for each segment.

Raises:
    InvalidArgumentError: for numbers out of range or shapes that do not fit.

Example:
    >>> import gradtape as tf
    >>> tf.math.{call}.numpy()
    array({value}, dtype=float32)
"""
_KINDS = {NUMERIC: "numeric", REAL: "real", INEXACT: "floating-point or complex"}


def _documented(function: Any, name: str, **parts: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(**parts)
    return function


def _sorted_function(
    what: str, reduce: Reduce, kinds: str, value: str, empty: float = 0.0, fill: bool = False
) -> Callable[..., Any]:
    name = f"segment_{what}"

    def call(data: Any, segment_ids: Any, name: str | None = None) -> Any:
        return _sorted(f"segment_{what}", reduce, data, segment_ids, kinds, empty if fill else None)

    return _documented(
        call, name, what=WORDS[what], empty=f"{empty:g} where there is none", kind=_KINDS[kinds],
        shape="(n, ...)", value=value, call=f"{name}([1.0, 2.0, 4.0], [0, 0, 1])",
        ids="segment_ids: (n,) sorted integers from 0 on; rows with equal ones belong together.",
    )  # fmt: skip


def _unsorted_function(
    what: str, reduce: Reduce, kinds: str, value: str, empty: str = "0"
) -> Callable[..., Any]:
    name = f"unsorted_segment_{what}"

    def call(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
        function = f"unsorted_segment_{what}"
        return _unsorted(function, reduce, data, segment_ids, num_segments, kinds)

    return _documented(
        call, name, what=WORDS[what], empty=f"{empty} where there is none", kind=_KINDS[kinds],
        shape="segment_ids.shape + (...)", value=value,
        call=f"{name}([4.0, 1.0, 2.0], [1, 0, 0], 2)",
        ids="segment_ids: integers below num_segments in any order; a negative one leaves out its\n"
        "        row.\n    num_segments: the number of segments.",
    )  # fmt: skip


WORDS = {
    "sum": "sum", "mean": "mean", "prod": "product", "max": "largest", "min": "smallest",
    "sqrt_n": "sum over the root of the number",
}  # fmt: skip

segment_sum = _sorted_function("sum", add_rows, NUMERIC, "[3., 4.]")
segment_mean = _sorted_function("mean", mean_of, NUMERIC, "[1.5, 4. ]")
segment_prod = _sorted_function("prod", product_of, NUMERIC, "[2., 4.]", 1.0)
segment_max = _sorted_function("max", _largest, REAL, "[2., 4.]", fill=True)
segment_min = _sorted_function("min", _smallest, REAL, "[1., 4.]", fill=True)
unsorted_segment_sum = _unsorted_function("sum", add_rows, NUMERIC, "[3., 4.]")
unsorted_segment_mean = _unsorted_function("mean", mean_of, INEXACT, "[1.5, 4. ]")
unsorted_segment_prod = _unsorted_function("prod", product_of, NUMERIC, "[2., 4.]", "1")
unsorted_segment_sqrt_n = _unsorted_function("sqrt_n", sqrt_n_of, INEXACT, "[2.1213205, 4.       ]")
unsorted_segment_max = _unsorted_function(
    "max", _largest, REAL, "[2., 4.]", "the least number of the dtype"
)
unsorted_segment_min = _unsorted_function(
    "min", _smallest, REAL, "[1., 4.]", "the greatest number of the dtype"
)
