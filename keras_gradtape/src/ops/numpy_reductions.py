"""Keras's functions of NumPy that reduce, accumulate, sort and count along axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.config import floatx

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.numpy_elementwise import isnan
from keras_gradtape.src.ops.promoting import floating, is_integral, pair


def _axes(axis: Any) -> Any:
    return list(axis) if isinstance(axis, (list, tuple)) else axis


def _summed_dtype(dtype: str) -> str:
    """Small integers are added up as int32, small unsigned ones as uint32."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum along axes."""
    x = convert_to_tensor(x)
    if is_integral(x):
        x = tf.cast(x, _summed_dtype(x.dtype.name))
    return tf.reduce_sum(x, _axes(axis), keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product along axes."""
    x = convert_to_tensor(x)
    x = tf.cast(x, dtype or _summed_dtype(x.dtype.name))
    return tf.reduce_prod(x, _axes(axis), keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean along axes."""
    x = convert_to_tensor(x)
    if is_integral(x):
        x = tf.cast(x, common(x.dtype, "float32"))
    return tf.reduce_mean(x, _axes(axis), keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance along axes."""
    x = convert_to_tensor(x)
    dtype = common(x.dtype, float)
    if not x.dtype.is_complex:
        x = tf.cast(x, dtype if dtype in ("float32", "float64") else "float32")
    return tf.cast(tf.math.reduce_variance(x, _axes(axis), keepdims), dtype)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation along axes."""
    x = floating(x)
    return tf.math.reduce_std(x, _axes(axis), keepdims)


def _extreme(x: Any, axis: Any, keepdims: bool, initial: Any, reduce: Any, combine: Any) -> Any:
    x = convert_to_tensor(x)
    dtype = x.dtype
    x = tf.cast(x, tf.int32) if dtype == tf.bool else x
    if initial is not None and 0 in tuple(x.shape):
        shape = np.sum(np.zeros(tuple(x.shape)), axis=axis, keepdims=keepdims).shape
        return tf.cast(tf.fill(shape, convert_to_tensor(initial, x.dtype)), dtype)
    if 0 in tuple(x.shape):
        raise ValueError("Cannot compute the max or min of an empty tensor.")
    found = reduce(x, _axes(axis), keepdims)
    if initial is not None:
        found = combine(found, convert_to_tensor(initial, found.dtype))
    return tf.cast(found, dtype)


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element along axes."""
    return _extreme(x, axis, keepdims, initial, tf.reduce_max, tf.maximum)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element along axes."""
    return _extreme(x, axis, keepdims, initial, tf.reduce_min, tf.minimum)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element along axes."""
    return max(x, axis, keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element along axes."""
    return min(x, axis, keepdims)


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The distance from the smallest to the largest element."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements are true."""
    return tf.reduce_all(convert_to_tensor(x, "bool"), _axes(axis), keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether an element is true."""
    return tf.reduce_any(convert_to_tensor(x, "bool"), _axes(axis), keepdims)


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """The number of elements that are not zero."""
    x = convert_to_tensor(x)
    return tf.reduce_sum(tf.cast(tf.cast(x, tf.bool), tf.int32), _axes(axis))


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The weighted mean."""
    if weights is None:
        return mean(x, axis)
    x, weights = pair(x, weights, float)
    if axis is not None and len(weights._shape) < len(x._shape):
        at = axis % len(x._shape)
        weights = tf.reshape(weights, [-1 if i == at else 1 for i in range(len(x._shape))])
    weights = tf.broadcast_to(weights, x.shape)
    return tf.reduce_sum(x * weights, _axes(axis)) / tf.reduce_sum(weights, _axes(axis))


# positions


def _position(x: Any, axis: Any, keepdims: bool, find: Any) -> Any:
    x = convert_to_tensor(x)
    x = tf.cast(x, tf.int32) if x.dtype == tf.bool else x
    rank = len(x._shape)
    found = find(tf.reshape(x, [-1]), 0) if axis is None else find(x, axis)
    found = tf.cast(found, tf.int32)
    if not keepdims:
        return found
    return tf.reshape(found, [1] * rank) if axis is None else tf.expand_dims(found, axis)


def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The position of the largest element."""
    return _position(x, axis, keepdims, tf.argmax)


def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The position of the smallest element."""
    return _position(x, axis, keepdims, tf.argmin)


def sort(x: Any, axis: int | None = -1) -> Any:
    """The elements in ascending order."""
    x, axis = _in_a_row(convert_to_tensor(x), axis)
    if x.dtype == tf.bool:
        return tf.cast(tf.sort(tf.cast(x, tf.int32), axis), tf.bool)
    return tf.sort(x, axis)


def _in_a_row(x: Any, axis: int | None) -> tuple[Any, int]:
    """All elements in a row where no axis is given; a single one is a row, too."""
    return (tf.reshape(x, [-1]), 0) if axis is None or not len(x._shape) else (x, axis)


def argsort(x: Any, axis: Any = -1) -> Any:
    """The positions of the elements in ascending order."""
    x = convert_to_tensor(x)
    x = tf.cast(x, tf.int32) if x.dtype == tf.bool else x
    x, axis = _in_a_row(x, axis)
    return tf.cast(tf.argsort(x, axis, stable=True), tf.int32)


def argpartition(x: Any, kth: int, axis: int = -1) -> Any:
    """Positions such that the kth is where sorting would put it; here all are sorted."""
    return argsort(x, axis)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values belong in a sorted sequence."""
    sequence, values = pair(sorted_sequence, values)
    if len(sequence._shape) != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. You can use"
            " `keras.ops.vectorized_map` to extend it to N-D sequences."
            f" Received: sorted_sequence.shape={tuple(sequence.shape)}"
        )
    out = "int32" if sequence.shape[0] <= np.iinfo("int32").max else "int64"
    flat = tf.reshape(values, [-1])
    return tf.reshape(tf.searchsorted(sequence, flat, side, out_type=out), values.shape)


def digitize(x: Any, bins: Any) -> Any:
    """The number of the bin of each element."""
    x, bins = pair(x, bins)
    if x.dtype == tf.bool:
        x, bins = tf.cast(x, tf.int32), tf.cast(bins, tf.int32)
    flat = tf.searchsorted(bins, tf.reshape(x, [-1]), "right", out_type="int32")
    return tf.reshape(flat, x.shape)


# along an axis


def _running(x: Any, axis: Any, dtype: Any, function: Any) -> Any:
    x = convert_to_tensor(x)
    dtype = dtype or x.dtype.name
    x = tf.cast(x, "int32" if dtype == "bool" else dtype)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    return function(x, axis)


def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running sum."""
    return _running(x, axis, dtype, tf.cumsum)


def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running product."""
    return _running(x, axis, dtype, tf.math.cumprod)


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours, n times."""
    a = convert_to_tensor(a)
    axis = axis % len(a._shape)
    for _ in range(n):
        size = a.shape[axis]
        right = tf.gather(a, tf.range(1, size), axis=axis)
        left = tf.gather(a, tf.range(0, size - 1), axis=axis)
        a = tf.not_equal(right, left) if a.dtype == tf.bool else right - left
    return a


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The integral by trapezoids."""
    y = floating(y)
    axis = axis % len(y._shape)
    size = y.shape[axis]
    right = tf.gather(y, tf.range(1, size), axis=axis)
    left = tf.gather(y, tf.range(0, size - 1), axis=axis)
    step: Any = tf.cast(dx, y.dtype)
    if x is not None:
        x = convert_to_tensor(x, y.dtype)
        step = diff(x, axis=axis if len(x._shape) == len(y._shape) else -1)
        if len(step._shape) < len(y._shape):
            step = tf.reshape(step, [-1 if i == axis else 1 for i in range(len(y._shape))])
    return tf.reduce_sum((right + left) * step, axis) / tf.cast(2.0, y.dtype)


# quantiles


def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The quantiles along axes; the axes of q come first."""
    x = floating(x)
    q = convert_to_tensor(q, x.dtype)
    flat, kept, whole = _rows(x, axis)
    ordered = tf.sort(flat, -1)
    place = tf.cast(q, x.dtype) * tf.cast(flat.shape[-1] - 1, x.dtype)
    found = _between(ordered, tf.reshape(place, [-1]), method)
    found = tf.where(_any_nan(flat), tf.cast(np.nan, x.dtype), found)
    found = tf.transpose(found, [len(kept), *range(len(kept))])
    kept = whole if keepdims else kept
    return tf.reshape(found, [*q.shape, *kept])


def _rows(x: Any, axis: Any) -> tuple[Any, list[int], list[int]]:
    """The elements along axes as the last axis; the sizes of the others without and with them."""
    rank = len(x._shape)
    axes = [a % rank for a in np.atleast_1d(range(rank) if axis is None else axis).tolist()]
    rest = [i for i in range(rank) if i not in axes]
    kept = [x.shape[i] for i in rest]
    flat = tf.reshape(tf.transpose(x, [*rest, *axes]), [*kept, -1])
    return flat, kept, [1 if i in axes else x.shape[i] for i in range(rank)]


def _any_nan(flat: Any) -> Any:
    return tf.reduce_any(tf.math.is_nan(flat), -1, keepdims=True)


def _between(ordered: Any, place: Any, method: str) -> Any:
    below, above = tf.floor(place), tf.math.ceil(place)
    low = tf.gather(ordered, tf.cast(below, tf.int32), axis=-1)
    high = tf.gather(ordered, tf.cast(above, tf.int32), axis=-1)
    if method == "lower":
        return low
    if method == "higher":
        return high
    if method == "midpoint":
        return (low + high) / tf.cast(2.0, low.dtype)
    if method == "nearest":
        return tf.gather(ordered, tf.cast(tf.round(place), tf.int32), axis=-1)
    return _mixed(low, high, place - below)


def _mixed(low: Any, high: Any, rest: Any) -> Any:
    """A value between two; an infinity is left alone where nothing is mixed to it."""
    away = tf.where(tf.equal(low, high), tf.zeros_like(low), high - low)
    return tf.where(rest > 0.0, low + away * rest, low)


def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The percentiles along axes."""
    x = floating(x)
    return quantile(
        x, convert_to_tensor(q, x.dtype) / tf.cast(100.0, x.dtype), axis, method, keepdims
    )


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The median along axes."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


# without what is no number


def _filled(x: Any, value: float) -> Any:
    x = convert_to_tensor(x)
    return x if is_integral(x) else tf.where(isnan(x), tf.cast(value, x.dtype), x)


def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum, NaN counting as 0."""
    return sum(_filled(x, 0.0), axis, keepdims)


def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product, NaN counting as 1."""
    return prod(_filled(x, 1.0), axis, keepdims)


def nancumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running sum, NaN counting as 0."""
    return cumsum(_filled(x, 0.0), axis, dtype)


def nancumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """The running product, NaN counting as 1."""
    return cumprod(_filled(x, 1.0), axis, dtype)


def _count(x: Any, axis: Any, keepdims: bool, dtype: Any) -> Any:
    return tf.reduce_sum(tf.cast(tf.logical_not(isnan(x)), dtype), _axes(axis), keepdims)


def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of what is a number."""
    x = floating(x)
    return nansum(x, axis, keepdims) / _count(x, axis, keepdims, x.dtype)


def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance of what is a number."""
    x = floating(x)
    away = tf.where(isnan(x), tf.zeros_like(x), x - nanmean(x, axis, True))
    return tf.reduce_sum(away * away, _axes(axis), keepdims) / _count(x, axis, keepdims, x.dtype)


def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation of what is a number."""
    return tf.sqrt(nanvar(x, axis, keepdims))


def _nan_extreme(x: Any, axis: Any, keepdims: bool, reduce: Any, worst: float) -> Any:
    x = convert_to_tensor(x)
    if is_integral(x):
        return reduce(x, axis, keepdims)
    none = tf.reduce_all(isnan(x), _axes(axis), keepdims)
    found = reduce(_filled(x, worst), axis, keepdims)
    return tf.where(none, tf.cast(np.nan, x.dtype), found)


def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element that is a number."""
    return _nan_extreme(x, axis, keepdims, max, -np.inf)


def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element that is a number."""
    return _nan_extreme(x, axis, keepdims, min, np.inf)


def _nan_position(x: Any, axis: Any, keepdims: bool, find: Any, worst: float) -> Any:
    x = convert_to_tensor(x)
    if is_integral(x):
        return find(x, axis, keepdims)
    none = tf.reduce_all(isnan(x), _axes(axis), keepdims)
    return tf.where(none, -1, find(_filled(x, worst), axis, keepdims))


def nanargmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The position of the largest element that is a number, -1 where none is."""
    return _nan_position(x, axis, keepdims, argmax, -np.inf)


def nanargmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The position of the smallest element that is a number, -1 where none is."""
    return _nan_position(x, axis, keepdims, argmin, np.inf)


def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The quantiles of what is a number."""
    x = floating(x)
    q = convert_to_tensor(q, x.dtype)
    flat, kept, whole = _rows(x, axis)
    ordered = tf.sort(_filled(flat, np.inf), -1)
    count = tf.reduce_sum(tf.cast(tf.logical_not(isnan(flat)), x.dtype), -1)
    top = tf.maximum(count - 1.0, tf.zeros_like(count))
    found = []
    for one in tf.unstack(tf.reshape(q, [-1])):
        place = one * top
        below, above = tf.floor(place), tf.math.ceil(place)
        low = tf.gather(ordered, tf.cast(below, tf.int32), axis=-1, batch_dims=len(kept))
        high = tf.gather(ordered, tf.cast(above, tf.int32), axis=-1, batch_dims=len(kept))
        value = {
            "lower": low,
            "higher": high,
            "midpoint": (low + high) / 2.0,
            "nearest": tf.where(place - below > 0.5, high, low),
            "linear": _mixed(low, high, place - below),
        }[method]
        found.append(tf.where(tf.equal(count, 0.0), tf.cast(np.nan, x.dtype), value))
    kept = whole if keepdims else kept
    return tf.reshape(tf.stack(found), [*q.shape, *kept])


def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The percentiles of what is a number."""
    x = floating(x)
    q = convert_to_tensor(q, x.dtype) / tf.cast(100.0, x.dtype)
    return nanquantile(x, q, axis, method, keepdims)


def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The median of what is a number."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)


def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Numbers in the place of NaN and infinities, by default 0 and the largest ones."""
    x = convert_to_tensor(x)
    if is_integral(x):
        return x
    limits = np.finfo("float32") if x.dtype.name == "bfloat16" else np.finfo(x.dtype.as_numpy_dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    x = tf.where(isnan(x), tf.cast(nan, x.dtype), x)
    x = tf.where(tf.equal(x, tf.cast(np.inf, x.dtype)), tf.cast(high, x.dtype), x)
    return tf.where(tf.equal(x, tf.cast(-np.inf, x.dtype)), tf.cast(low, x.dtype), x)


# counting


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each number occurs, along the last axis."""
    if sparse:
        raise ValueError("keras_gradtape.bincount: sparse results are not supported.")
    x = convert_to_tensor(x)
    dtype = "int32"
    if weights is not None:
        weights = convert_to_tensor(weights)
        dtype = common(x.dtype, weights.dtype)
        weights = tf.cast(weights, dtype)
    x = tf.cast(x, tf.int32)
    length = np.maximum(int(tf.reduce_max(x)) + 1 if x.shape.num_elements() else 0, minlength)
    hits = tf.one_hot(x, int(length), dtype=dtype)
    return tf.reduce_sum(hits if weights is None else hits * weights[..., None], -2)


def histogram(x: Any, bins: Any = 10, range: Any = None) -> Any:
    """How many elements fall into each of some equal bins, and the edges of the bins."""
    x = convert_to_tensor(x)
    x = floating(x) if x.dtype != tf.bool else tf.cast(x, floatx())
    low, high = (tf.reduce_min(x), tf.reduce_max(x)) if range is None else range
    low, high = tf.cast(low, x.dtype), tf.cast(high, x.dtype)
    flat_range = tf.equal(low, high)
    low, high = tf.where(flat_range, low - 0.5, low), tf.where(flat_range, high + 0.5, high)
    edges = tf.linspace(low, high, bins + 1)
    flat = tf.reshape(x, [-1])
    inside = tf.logical_and(flat >= low, flat <= high)
    place = tf.searchsorted(edges, flat, "right", out_type="int32") - 1
    place = tf.clip_by_value(place, 0, bins - 1)
    hits = tf.where(inside[:, None], tf.one_hot(place, bins, dtype=x.dtype), tf.cast(0.0, x.dtype))
    return tf.reduce_sum(hits, 0), edges


def corrcoef(x: Any) -> Any:
    """The correlations of the rows."""
    x = floating(x)
    away = x - tf.reduce_mean(x, -1, keepdims=True)
    covariance = (
        tf.matmul(away, away, transpose_b=True) if len(x._shape) > 1 else tf.reduce_sum(away**2)
    )
    if len(x._shape) < 2:
        return tf.ones_like(covariance)
    spread = tf.sqrt(tf.linalg.diag_part(covariance))
    return covariance / (spread[:, None] * spread[None, :])
