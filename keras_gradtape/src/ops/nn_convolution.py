"""Keras's convolutions, pools, and rearrangements of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common.backend_utils import compute_conv_transpose_output_shape
from keras.src.backend.config import standardize_data_format

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.promoting import pair


def _each(value: Any, count: int) -> list[int]:
    return [int(value)] * count if isinstance(value, int) else [int(v) for v in value]


def _last(x: Any) -> Any:
    """Channels from the second axis to the last."""
    return tf.transpose(x, (0, *range(2, len(x._shape)), 1))


def _second(x: Any) -> Any:
    """Channels from the last axis to the second."""
    return tf.transpose(x, (0, len(x._shape) - 1, *range(1, len(x._shape) - 1)))


def _check_channels(inputs: Any, wanted: int, data_format: str) -> None:
    """Raise unless an input has as many channels as its kernel reads."""
    found = inputs.shape[1 if data_format == "channels_first" else -1]
    if found != wanted:
        raise ValueError(
            "The number of input channels must match the kernel's input channels. Received: input"
            f" channels={found}, kernel input channels={wanted}, data_format='{data_format}'."
        )


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A convolution along one, two or three axes, in groups where the kernel has fewer inputs."""
    first = standardize_data_format(data_format) == "channels_first"
    inputs, kernel = pair(convert_to_tensor(inputs), convert_to_tensor(kernel))
    x = _last(inputs) if first else inputs
    channels, given = int(x.shape[-1]), int(kernel.shape[-2])
    if channels % given:
        raise ValueError(
            "The number of input channels must be evenly divisible by kernel's in_channels."
            f" Received input channels {channels} and kernel in_channels {given}. "
        )
    count = len(x._shape) - 2
    how = {
        "strides": _each(strides, count),
        "padding": padding.upper(),
        "dilations": _each(dilation_rate, count),
    }
    found = tf.nn.convolution(x, kernel, **how)
    if 0 in tuple(found.shape) and 0 not in tuple(x.shape):
        raise ValueError(
            "The convolution operation resulted in an empty output. This can happen if the input is"
            " too small for the given kernel size, strides, dilation rate, and padding mode. Please"
            " check the input shape and convolution parameters."
        )
    return _second(found) if first else found


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A convolution of each channel by itself."""
    data_format = standardize_data_format(data_format)
    inputs, kernel = pair(convert_to_tensor(inputs), convert_to_tensor(kernel))
    _check_channels(inputs, kernel.shape[-2], data_format)
    *sizes, channels, multiplier = tuple(kernel.shape)
    grouped = tf.reshape(kernel, [*sizes, 1, channels * multiplier])
    return conv(inputs, grouped, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A convolution of each channel, then of the channels."""
    inner = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(inner, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The transpose of a convolution."""
    data_format = standardize_data_format(data_format)
    inputs, kernel = pair(convert_to_tensor(inputs), convert_to_tensor(kernel))
    _check_channels(inputs, kernel.shape[-1], data_format)
    first = data_format == "channels_first"
    x = _last(inputs) if first else inputs
    count = len(x._shape) - 2
    steps = _each(strides, count)
    shape = compute_conv_transpose_output_shape(
        list(x.shape),
        list(kernel.shape)[:-2],
        int(kernel.shape[-2]),
        steps,
        padding,
        output_padding,
        "channels_last",
        _each(dilation_rate, count),  # type: ignore[arg-type]
    )
    found = tf.nn.conv_transpose(
        x,
        kernel,
        [int(x.shape[0]), *shape[1:]],
        strides=steps,
        padding=padding.upper(),
        dilations=_each(dilation_rate, count),
    )
    return _second(found) if first else found


def _pooled(
    kind: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: Any
) -> Any:
    first = standardize_data_format(data_format) == "channels_first"
    x = convert_to_tensor(inputs)
    x = _last(x) if first else x
    count = len(x._shape) - 2
    size = _each(pool_size, count)
    steps = size if strides is None else _each(strides, count)
    found = tf.nn.pool(x, size, kind, steps, padding.upper())
    return _second(found) if first else found


def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The largest element of each window."""
    return _pooled("MAX", inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window; what lies outside does not count."""
    return _pooled("AVG", inputs, pool_size, strides, padding, data_format)


def _adaptive(inputs: Any, output_size: Any, data_format: Any, reduce: Any) -> Any:
    """Pools of as many windows as are asked for along each axis."""
    first = standardize_data_format(data_format) == "channels_first"
    x = convert_to_tensor(inputs)
    count = len(x._shape) - 2
    if count not in (1, 2, 3):
        raise ValueError("adaptive pooling supports only 1D/2D/3D")
    start = 2 if first else 1
    for axis, size in enumerate(_each(output_size, count), start):
        x = _pooled_along(x, axis, size, reduce)
    return x


def _pooled_along(x: Any, axis: int, count: int, reduce: Any) -> Any:
    size = int(x.shape[axis])
    starts = [i * size // count for i in range(count)]
    ends = [-(-(i + 1) * size // count) for i in range(count)]
    parts = [
        reduce(tf.gather(x, tf.range(s, e), axis=axis), axis, keepdims=True)
        for s, e in zip(starts, ends)
    ]
    return tf.concat(parts, axis)


def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Means of windows of nearly one size."""
    return _adaptive(inputs, output_size, data_format, tf.reduce_mean)


def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest elements of windows of nearly one size."""
    return _adaptive(inputs, output_size, data_format, tf.reduce_max)


# blocks of images


def _places(size: Any, kernel: int, dilation: int, stride: int) -> Any:
    """The places that each element of a kernel sees along an axis."""
    count = (size - (kernel - 1) * dilation - 1) // stride + 1
    return np.arange(kernel)[:, None] * dilation + np.arange(count)[None, :] * stride


def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """The windows of images (N, C, H, W) as columns (N, C * kH * kW, L)."""
    x = convert_to_tensor(input)
    k, d, p, s = (_each(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = tf.pad(x, [[0, 0], [0, 0], [p[0], p[0]], [p[1], p[1]]])
    n, c, h, w = tuple(x.shape)
    rows, columns = _places(h, k[0], d[0], s[0]), _places(w, k[1], d[1], s[1])
    x = tf.gather(x, tf.constant(rows, tf.int32), axis=2)  # n, c, kh, oh, w
    x = tf.gather(x, tf.constant(columns, tf.int32), axis=4)  # n, c, kh, oh, kw, ow
    x = tf.transpose(x, (0, 1, 2, 4, 3, 5))
    return tf.reshape(x, (n, c * k[0] * k[1], rows.shape[1] * columns.shape[1]))


def fold(
    x: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Columns put back as windows of images, added up where they overlap."""
    x = convert_to_tensor(x)
    size, k, d, p, s = (_each(v, 2) for v in (output_size, kernel_size, dilation, padding, stride))
    h, w = size[0] + 2 * p[0], size[1] + 2 * p[1]
    rows, columns = _places(h, k[0], d[0], s[0]), _places(w, k[1], d[1], s[1])
    n = int(x.shape[0])
    c = int(x.shape[1]) // (k[0] * k[1])
    x = tf.reshape(x, (n, c, k[0], k[1], rows.shape[1], columns.shape[1]))
    x = tf.transpose(x, (2, 3, 4, 5, 0, 1))
    places = np.stack(
        [np.broadcast_to(g, x.shape[:4]) for g in (rows[:, None, :, None], columns[None, :, None])],
        -1,
    )
    image = tf.scatter_nd(tf.constant(places, tf.int32), x, (h, w, n, c))
    image = tf.transpose(image, (2, 3, 0, 1))
    return image[:, :, p[0] : h - p[0], p[1] : w - p[1]]


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels spread over blocks of pixels."""
    x = convert_to_tensor(x)
    b = block_size
    if data_format == "channels_last":
        n, h, w, c = tuple(x.shape)
        x = tf.transpose(tf.reshape(x, (n, h, w, b, b, c // b**2)), (0, 1, 3, 2, 4, 5))
        return tf.reshape(x, (n, h * b, w * b, c // b**2))
    n, c, h, w = tuple(x.shape)
    x = tf.transpose(tf.reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return tf.reshape(x, (n, c // b**2, h * b, w * b))


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of pixels gathered into channels."""
    x = convert_to_tensor(x)
    b = block_size
    if data_format == "channels_last":
        n, h, w, c = tuple(x.shape)
        x = tf.transpose(tf.reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return tf.reshape(x, (n, h // b, w // b, c * b**2))
    n, c, h, w = tuple(x.shape)
    x = tf.transpose(tf.reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
    return tf.reshape(x, (n, c * b**2, h // b, w // b))
