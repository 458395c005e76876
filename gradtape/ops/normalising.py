"""Moments of tensors, and normalisation by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape, smaller
from gradtape.ops.arithmetic import divide, divide_no_nan, maximum
from gradtape.ops.assembly import pad_axis, slice_axis
from gradtape.ops.basis import (
    add,
    cast,
    multiply,
    negative,
    numbers,
    real_dtype,
    reduced_shape,
    reshape,
    subtract,
    sum_axes,
    zeros,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.families import FLOATING, INEXACT
from gradtape.ops.norms import reduce_variance
from gradtape.ops.powers import power, rsqrt, square, squared_difference
from gradtape.ops.reductions import Axis, count_of, reduce_mean, reduction
from gradtape.ops.static import static_float, static_int

FLOAT32 = np.dtype(np.float32)

# moments


def _single(x: Any) -> Any:
    """16-bit floats as float32, in whose range sums of squares fit."""
    return cast(x, FLOAT32) if x._dtype.itemsize == 2 else x


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
    """Return the mean and the variance over axes of elements with weights; 0 of weight 0.

    Args:
        x: a floating-point tensor.
        axes: the axes to reduce.
        frequency_weights: weights that broadcast against x.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, an axis that the tensor does not have, or weights
            that do not broadcast.

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
    """Return the count, the sum and the sum of squares over axes of x - shift, and the shift.

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
    count = numbers(count_of(tensor._shape, axis), tensor._dtype)
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
    factor = rsqrt(
        add(as_tensor_like(variance, center._dtype, "batch_normalization"), variance_epsilon)
    )
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
    """Return `tf.nn.batch_normalization` with the offset beta, and the scale gamma if asked for.

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
        >>> normalised = tf.nn.batch_norm_with_global_normalization
        >>> normalised(x, [2.0], [1.0], [0.5], [9.0], 0.0, False).numpy().ravel()
        array([-0.5,  1.5], dtype=float32)
    """
    scale = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, scale, variance_epsilon)


CHANNELS_FIRST, CHANNELS_LAST = ("NCHW", "NCDHW"), ("NHWC", "NDHWC")


def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
    exponential_avg_factor: float = 1.0,
) -> tuple[Any, Any, Any]:
    """Return the batch normalised over all axes but that of the channels, with running moments.

    Args:
        x: (n, height, width, channels) or (n, channels, height, width) floating-point; volumes too.
        scale: (channels,).
        offset: (channels,).
        mean: (channels,) the running mean: used when not training, moved along in training.
        variance: (channels,) the running variance, likewise.
        epsilon: is added to the variance.
        data_format: "NHWC", "NCHW", "NDHWC" or "NCDHW".
        is_training: normalise by the moments of the batch.
        name: ignored, for compatibility.
        exponential_avg_factor: the part of the batch in the running moments.

    Returns:
        The normalised batch, the running mean, and the running variance (of the batch, divided by
        n - 1).

    Raises:
        ValueError: for an unknown data_format, or without the moments that are needed.
        InvalidArgumentError: for shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 3.0]), [2, 1, 1, 1])
        >>> y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, [1.0], [0.0], epsilon=0.0)
        >>> y.numpy().ravel(), float(mean[0]), float(variance[0])
        (array([-1.,  1.], dtype=float32), 2.0, 2.0)
    """
    function = "fused_batch_norm"
    tensor = as_tensor(x, function)
    axis = _channels(tensor, data_format, function)
    wide = _single(tensor)
    if (not is_training or exponential_avg_factor != 1.0) and (mean is None or variance is None):
        raise ValueError(
            f"gradtape.{function}: `mean` and `variance` must be given when `is_training` is "
            "False or `exponential_avg_factor` is not 1."
        )
    least = static_float(epsilon, function, "epsilon")
    shape = [1] * len(tensor._shape)
    shape[axis] = tensor._shape[axis]
    row = [_channel_row(v, wide, axis, function) for v in (scale, offset)]
    if is_training:
        axes = tuple([i for i in range(len(shape)) if i != axis])
        center, spread = moments(wide, axes)
        count = numbers(count_of(tensor._shape, axes), spread._dtype)
        unbiased = multiply(spread, divide(count, maximum(subtract(count, 1.0), 1.0)))
        kept = center, unbiased
        if exponential_avg_factor != 1.0:
            kept = (
                _mixed(mean, center, exponential_avg_factor),
                _mixed(variance, unbiased, exponential_avg_factor),
            )
    else:
        center, spread = (_channel_row(v, wide, axis, function) for v in (mean, variance))
        kept = center, spread
    sized: Any = [reshape(v, tuple(shape)) for v in (center, spread, row[1], row[0])]
    y = batch_normalization(wide, sized[0], sized[1], sized[2], sized[3], least)
    return cast(y, tensor._dtype), *kept


def _mixed(old: Any, new: Any, factor: float) -> Any:
    return add(multiply(old, 1.0 - factor), multiply(new, factor))


def _channels(x: Any, data_format: str, function: str) -> int:
    """The axis of the channels."""
    if data_format not in CHANNELS_FIRST + CHANNELS_LAST:
        known = ", ".join(CHANNELS_LAST + CHANNELS_FIRST)
        raise ValueError(
            f"gradtape.{function}: data_format {data_format!r} must be one of {known}."
        )
    if len(x._shape) != len(data_format) or x._dtype.kind not in FLOATING:
        raise InvalidArgumentError(
            f"gradtape.{function}: x {brief(x)} must be a floating-point tensor with the axes "
            f"{data_format}."
        )
    return 1 if data_format in CHANNELS_FIRST else len(data_format) - 1


def _channel_row(value: Any, x: Any, axis: int, function: str) -> Any:
    row = as_tensor_like(value, x._dtype, function)
    if not same_shape(row._shape, (x._shape[axis],)):
        raise InvalidArgumentError(
            f"gradtape.{function}: {brief(row)} must have one element for each of the "
            f"{x._shape[axis]} channels of {brief(x)}."
        )
    return row


def local_response_normalization(
    input: Any,
    depth_radius: int = 5,
    bias: float = 1,
    alpha: float = 1,
    beta: float = 0.5,
    name: str | None = None,
) -> Any:
    """Return x / (bias + alpha * s)**beta, with s the sum of the squares of the nearest channels.

    Args:
        input: (n, height, width, channels) a floating-point tensor.
        depth_radius: how many channels on each side count.
        bias: usually positive, against division by 0.
        alpha: the factor of the sum.
        beta: the exponent.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or rank, or a negative radius.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([3.0, 0.0, 4.0]), [1, 1, 1, 3])
        >>> tf.nn.local_response_normalization(x, 1, bias=0.0).numpy().ravel()
        array([1., 0., 1.], dtype=float32)
    """
    x = as_tensor(input, "local_response_normalization")
    if x._dtype.kind not in FLOATING:
        raise wrong_kind("local_response_normalization", FLOATING, x)
    radius = static_int(depth_radius, "local_response_normalization", "depth_radius")
    if len(x._shape) != 4 or radius < 0:
        raise InvalidArgumentError(
            "gradtape.local_response_normalization: needs a tensor with the axes NHWC and a "
            f"radius of 0 or more, not {brief(x)} and {radius}."
        )
    channels = x._shape[3]
    near = smaller(radius, channels)
    wide = pad_axis(square(_single(x)), near, near, 3)
    total = slice_axis(wide, 0, channels, 3)
    for start in range(1, 2 * near + 1):
        total = add(total, slice_axis(wide, start, start + channels, 3))
    factor, shift, exponent = (
        static_float(v, "local_response_normalization", n)
        for v, n in ((alpha, "alpha"), (bias, "bias"), (beta, "beta"))
    )
    size = power(add(multiply(total, factor), shift), exponent)
    return cast(divide(_single(x), size), x._dtype)


lrn = local_response_normalization


# losses over a batch


def compute_average_loss(
    per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None
) -> Any:
    """Return the sum of the losses of the examples over the size of the global batch.

    Args:
        per_example_loss: (n, ...) the losses, with at least one axis.
        sample_weight: weights that broadcast against the losses, or None.
        global_batch_size: the number of examples of all replicas; by default n.

    Raises:
        InvalidArgumentError: for a scalar loss, or a negative batch size.

    Example:
        >>> import gradtape as tf
        >>> float(tf.nn.compute_average_loss([1.0, 2.0], global_batch_size=4))
        0.75
    """
    losses = as_tensor(per_example_loss, "compute_average_loss")
    if not losses._shape:
        raise InvalidArgumentError(
            "gradtape.compute_average_loss: the loss is a scalar already; pass one loss for "
            "each example, without reducing it."
        )
    size = losses._shape[0] if global_batch_size is None else global_batch_size
    count = static_int(size, "compute_average_loss", "global_batch_size")
    if count < 0:
        raise InvalidArgumentError(
            f"gradtape.compute_average_loss: global_batch_size must be non-negative, not {count}."
        )
    if sample_weight is not None:
        weights = as_tensor_like(sample_weight, losses._dtype, "compute_average_loss")
        losses = multiply(losses, cast(weights, losses._dtype))
    total = sum_axes(losses, tuple(range(len(losses._shape))))
    return divide_no_nan(total, numbers(count, losses._dtype))


def scale_regularization_loss(regularization_loss: Any) -> Any:
    """Return the sum of regularisation losses over the number of replicas, which is one here.

    Args:
        regularization_loss: a tensor of losses.

    Example:
        >>> import gradtape as tf
        >>> float(tf.nn.scale_regularization_loss([1.0, 2.0]))
        3.0
    """
    losses = as_tensor(regularization_loss, "scale_regularization_loss")
    return sum_axes(losses, tuple(range(len(losses._shape))))
