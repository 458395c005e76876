"""Norms under their public names, moments, and normalisation by them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import absolute, divide, divide_no_nan, maximum
from gradtape.ops.assembly import pad_axis, slice_axis
from gradtape.ops.basis import (
    add,
    cast,
    full,
    multiply,
    negative,
    real_dtype,
    reduced_shape,
    reshape,
    safe_divide,
    subtract,
    sum_axes,
    transpose,
    zeros,
)
from gradtape.ops.calls import mixed_dtypes, wrong_kind
from gradtape.ops.families import FLOATING, INEXACT
from gradtape.ops.linalg_svd import singular_values
from gradtape.ops.norms import reduce_variance, vector_norm
from gradtape.ops.powers import power, rsqrt, square, squared_difference
from gradtape.ops.reductions import Axis, count_of, reduce_max, reduce_mean, reduction
from gradtape.ops.static import static, static_axes, static_axis

FLOAT32 = np.dtype(np.float32)

# norms


def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
) -> Any:
    """Return a norm of vectors or matrices; the derivative of the norm of 0 is 0.

    Args:
        tensor: a floating-point or complex tensor.
        ord: for vectors "euclidean", 1, 2, inf or any positive number p, for sum(|x|**p)**(1/p); for
            matrices "euclidean" or "fro" (Frobenius), 1 (largest sum of a column), inf (largest sum of
            a row) or 2 (largest singular value).
        axis: None for the vector of all elements, an integer for vectors along an axis, or two
            integers for matrices.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        ValueError: for another ord, or more than two axes.
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> float(tf.norm([3.0, 4.0])), float(tf.norm([[1.0, -2.0], [3.0, 4.0]], 1, axis=[0, 1]))
        (5.0, 6.0)
    """
    x = as_tensor(tensor, "norm")
    if x._dtype.kind not in INEXACT:
        raise wrong_kind("norm", INEXACT, x)
    rank, given = len(x._shape), static(axis)
    if isinstance(given, list):
        if len(given) != 2:
            raise ValueError(
                f"gradtape.norm: 'axis' must be None, an integer or two integers, not {given}. For "
                "more axes write tf.math.reduce_euclidean_norm(x, axis)."
            )
        rows, columns = (static_axis(a, rank, "norm") for a in given)
        return _matrix_norm(x, ord, rows, columns, bool(keepdims))
    if not _vector_order(ord):
        raise ValueError(
            f"gradtape.norm: 'ord' must be a supported vector norm ('euclidean', 1, 2, inf or a "
            f"positive number), got {ord!r}. For matrices name two axes."
        )
    return vector_norm(x, ord, static_axes(given, rank, "norm"), bool(keepdims))


def _vector_order(ord: Any) -> bool:
    if isinstance(ord, str):
        return ord == "euclidean"
    return isinstance(ord, (int, float, np.number)) and float(ord) > 0


def _matrix_norm(x: Any, ord: Any, rows: int, columns: int, keepdims: bool) -> Any:
    axes = (min(rows, columns), max(rows, columns))
    if rows == columns:
        raise ValueError(f"gradtape.norm: 'axis' names axis {rows} twice.")
    if ord in ("euclidean", "fro"):
        return vector_norm(x, 2, axes, keepdims)
    if isinstance(ord, str) or ord not in (1, 2, np.inf):
        raise ValueError(
            "gradtape.norm: 'ord' must be a supported matrix norm ('euclidean', 'fro', 1, 2, inf), "
            f"got {ord!r}."
        )
    if ord == 2:
        rest = [i for i in range(len(x._shape)) if i not in axes]
        largest = reduce_max(singular_values(transpose(x, (*rest, rows, columns))), -1)
    else:
        inner, outer = (rows, columns) if ord == 1 else (columns, rows)
        largest = reduce_max(sum_axes(absolute(x), (inner,), True), (inner, outer))
    return reshape(largest, reduced_shape(x._shape, axes, True)) if keepdims else largest


def normalize(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None
) -> tuple[Any, Any]:
    """Return a tensor divided by its norm, and the norm with the reduced axes kept; 0 of norm 0 stays 0.

    Args:
        tensor: a floating-point or complex tensor.
        ord: as for `tf.norm`.
        axis: as for `tf.norm`.
        name: ignored, for compatibility.

    Raises:
        ValueError: as for `tf.norm`.
        InvalidArgumentError: as for `tf.norm`.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.normalize([3.0, 4.0])[0].numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x = as_tensor(tensor, "normalize")
    size = norm(x, ord, axis, keepdims=True)
    return safe_divide(x, cast(size, x._dtype)), size


def l2_normalize(
    x: Any, axis: Axis = None, epsilon: Any = 1e-12, name: str | None = None, dim: Any = None
) -> Any:
    """Return x / max(norm(x), sqrt(epsilon)), the norm being the Euclidean one over axes.

    Args:
        x: a floating-point or complex tensor.
        axis: None for all axes, or the axis or axes of a vector.
        epsilon: the least square of the norm that is divided by.
        name: ignored, for compatibility.
        dim: the old name of axis.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.math.l2_normalize([3.0, 4.0]).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    tensor, axes = reduction("l2_normalize", x, axis if dim is None else dim, INEXACT)
    size = vector_norm(tensor, 2, axes, True)
    least = full((), math.sqrt(float(epsilon)), real_dtype(tensor._dtype))
    return divide(tensor, cast(maximum(size, least), tensor._dtype))


# moments


def _single(x: Any) -> Any:
    """16-bit floats as float32, in whose range sums of squares fit."""
    return cast(x, FLOAT32) if x._dtype.itemsize == 2 else x


def _back(dtype: Any, *results: Any) -> tuple[Any, ...]:
    return tuple([cast(r, dtype) for r in results])


def moments(
    x: Any, axes: Axis, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Any, Any]:
    """Return the mean and the variance (divided by n, not n - 1) over axes.

    Args:
        x: a floating-point tensor.
        axes: the axes to reduce: for the channels of images [0, 1, 2].
        shift: ignored, as by TensorFlow.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> mean, variance = tf.nn.moments([1.0, 2.0, 3.0, 4.0], [0])
        >>> float(mean), float(variance)
        (2.5, 1.25)
    """
    tensor, axis = reduction("moments", x, axes, INEXACT)
    wide = _single(tensor)
    mean = reduce_mean(wide, axis, keepdims)
    variance = reduce_variance(wide, axis, keepdims)
    return cast(mean, tensor._dtype), cast(variance, real_dtype(tensor._dtype))


def weighted_moments(
    x: Any,
    axes: Axis,
    frequency_weights: Any,
    keepdims: bool = False,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Return the mean and the variance over axes, each element counted by its weight; 0 of weight 0.

    Args:
        x: a floating-point tensor.
        axes: the axes to reduce.
        frequency_weights: weights that broadcast against x.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, an axis that the tensor does not have, or weights that
            do not broadcast.

    Example:
        >>> import gradtape as tf
        >>> mean, variance = tf.nn.weighted_moments([1.0, 5.0], [0], [3.0, 1.0])
        >>> float(mean), float(variance)
        (2.0, 3.0)
    """
    tensor, axis = reduction("weighted_moments", x, axes, FLOATING)
    wide = _single(tensor)
    given = as_tensor_like(frequency_weights, wide._dtype, "weighted_moments")
    weights = add(cast(given, wide._dtype), zeros(wide._shape, wide._dtype))
    total = sum_axes(weights, axis, True)
    mean = divide_no_nan(sum_axes(multiply(weights, wide), axis, True), total)
    spread = sum_axes(multiply(weights, squared_difference(wide, mean)), axis, True)
    variance = divide_no_nan(spread, total)
    if not keepdims:
        shape = reduced_shape(weights._shape, axis, False)
        mean, variance = reshape(mean, shape), reshape(variance, shape)
    return cast(mean, tensor._dtype), cast(variance, tensor._dtype)


def sufficient_statistics(
    x: Any, axes: Axis, shift: Any = None, keepdims: bool = False, name: str | None = None
) -> tuple[Any, Any, Any, Any]:
    """Return the count, the sum and the sum of squares over axes, of x or of x - shift, and the shift.

    Args:
        x: a floating-point tensor.
        axes: the axes to reduce.
        shift: a value near the mean, against cancellation, or None.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> count, total, squares, _ = tf.nn.sufficient_statistics([1.0, 2.0, 3.0], [0])
        >>> float(count), float(total), float(squares)
        (3.0, 6.0, 14.0)
    """
    tensor, axis = reduction("sufficient_statistics", x, axes, INEXACT)
    count = full((), count_of(tensor._shape, axis), tensor._dtype)
    moved = tensor
    if shift is not None:
        shift = as_tensor_like(shift, tensor._dtype, "sufficient_statistics")
        moved = subtract(tensor, shift)
    total = sum_axes(moved, axis, bool(keepdims))
    return count, total, sum_axes(square(moved), axis, bool(keepdims)), shift


def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None
) -> tuple[Any, Any]:
    """Return the mean and the variance that follow from `tf.nn.sufficient_statistics`.

    Args:
        counts: how many elements were added up, a scalar.
        mean_ss: their sum, less the shift.
        variance_ss: the sum of their squares, less the shift.
        shift: the shift, or None.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> mean, variance = tf.nn.normalize_moments(3.0, 6.0, 14.0, None)
        >>> print(f"{mean:.4f} {variance:.4f}")
        2.0000 0.6667
    """
    total = as_tensor(mean_ss, "normalize_moments")
    count = as_tensor_like(counts, total._dtype, "normalize_moments")
    moved = divide(total, count)
    variance = subtract(divide(variance_ss, count), square(moved))
    return (moved if shift is None else add(moved, shift)), variance


# normalisation


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any,
    scale: Any,
    variance_epsilon: Any,
    name: str | None = None,
) -> Any:
    """Return scale * (x - mean) / sqrt(variance + epsilon) + offset (Ioffe and Szegedy, 2015).

    Args:
        x: a floating-point tensor.
        mean: broadcasts against x.
        variance: broadcasts against x.
        offset: broadcasts against x, or None for 0.
        scale: broadcasts against x, or None for 1.
        variance_epsilon: a small number.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.batch_normalization([1.0, 3.0], 2.0, 1.0, None, None, 0.0).numpy()
        array([-1.,  1.], dtype=float32)
    """
    tensor = as_tensor(x, "batch_normalization")
    center = as_tensor_like(mean, tensor._dtype, "batch_normalization")
    factor = rsqrt(add(as_tensor_like(variance, center._dtype, "batch_normalization"), variance_epsilon))
    if scale is not None:
        factor = multiply(factor, scale)
    start = negative(multiply(center, factor))
    if offset is not None:
        start = add(start, offset)
    return add(multiply(tensor, cast(factor, tensor._dtype)), cast(start, tensor._dtype))


def batch_norm_with_global_normalization(
    input: Any,
    mean: Any,
    variance: Any,
    beta: Any,
    gamma: Any,
    variance_epsilon: Any,
    scale_after_normalization: bool,
    name: str | None = None,
) -> Any:
    """Return `tf.nn.batch_normalization` with offset beta, and with scale gamma where that is asked for.

    Args:
        input: (n, height, width, channels) a floating-point tensor.
        mean: (channels,).
        variance: (channels,).
        beta: (channels,) the offset.
        gamma: (channels,) the scale.
        variance_epsilon: a small number.
        scale_after_normalization: whether gamma counts.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 3.0]), [2, 1, 1, 1])
        >>> y = tf.nn.batch_norm_with_global_normalization(x, [2.0], [1.0], [0.5], [9.0], 0.0, False)
        >>> y.numpy().ravel()
        array([-0.5,  1.5], dtype=float32)
    """
    scale = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, scale, variance_epsilon)
