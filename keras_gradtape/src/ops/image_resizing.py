"""Keras's functions that give images another size: every pixel is a weighted sum of others."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.image_arguments import Batch, as_before, computable, one_of
from keras_gradtape.src.ops.promoting import pair

INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images of another height and width; all but "nearest" give floating-point numbers."""
    one_of(interpolation, INTERPOLATIONS, "interpolation")
    one_of(fill_mode, ("constant",), "fill_mode")
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )
    if len(size) != 2:
        raise ValueError(
            "Argument `size` must be a tuple of two elements (height, width). Received:"
            f" size={size}"
        )
    batch = Batch(images, data_format)
    x, size = batch.images, (int(size[0]), int(size[1]))
    if crop_to_aspect_ratio:
        x = _cropped(x, size)
    elif pad_to_aspect_ratio:
        x = _padded(x, size, fill_value)
    return batch.back(tf.image.resize(x, size, interpolation, antialias=antialias))


def _in_ratio(x: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The images' height and width, and what each is in the new ratio to the other."""
    height, width = int(x.shape[1]), int(x.shape[2])
    return height, width, width * size[0] // size[1], height * size[1] // size[0]


def _cropped(x: Any, size: tuple[int, int]) -> Any:
    """The largest part in the middle that has the new ratio."""
    height, width, high, wide = _in_ratio(x, size)
    high, wide = max(min(height, high), 1), max(min(width, wide), 1)
    top, left = (height - high) // 2, (width - wide) // 2
    return x[:, top : top + high, left : left + wide, :]


def _padded(x: Any, size: tuple[int, int], value: float) -> Any:
    """The images in the middle of the smallest ones around them that have the new ratio."""
    height, width, high, wide = _in_ratio(x, size)
    high, wide = max(height, high) - height, max(width, wide) - width
    widths = [[0, 0], [high // 2, high - high // 2], [wide // 2, wide - wide // 2], [0, 0]]
    return tf.pad(x, widths, constant_values=value)


# any scale and translation


def _triangle(x: Any) -> Any:
    return tf.maximum(1.0 - x, 0.0)


def _cubic(x: Any) -> Any:
    """Keys' cubic (1981) with a = -1/2, for x >= 0."""
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return tf.where(x < 1.0, near, tf.where(x < 2.0, far, tf.zeros_like(x)))


def _sinc(x: Any) -> Any:
    x = x * tf.cast(np.pi, x.dtype)
    safe = tf.where(x > 1e-3, x, tf.ones_like(x))
    return tf.where(x > 1e-3, tf.sin(safe) / safe, 1.0 - x * x / 6.0)


def _lanczos(radius: float) -> Any:
    def kernel(x: Any) -> Any:
        return tf.where(x < radius, _sinc(x) * _sinc(x / radius), tf.zeros_like(x))

    return kernel


KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def _weights(size: int, out: int, scale: Any, translation: Any, kernel: Any, wide: bool) -> Any:
    """How much each of `size` pixels counts in each of `out`: (size, out).

    The centre i + 1/2 of an output lies at (i + 1/2 - translation) / scale among the inputs; the
    kernel around it is stretched where the images shrink, and its weights sum to 1. Centres outside
    get none.
    """
    step = 1.0 / scale
    stretch = tf.maximum(step, tf.ones_like(step)) if wide else tf.ones_like(step)
    centre = (tf.cast(tf.range(out), scale.dtype) + 0.5 - translation) * step - 0.5
    away = tf.abs(centre[None, :] - tf.cast(tf.range(size), scale.dtype)[:, None]) / stretch
    weights = kernel(away)
    total = tf.reduce_sum(weights, 0, keepdims=True)
    some = tf.abs(total) > 1000.0 * float(np.finfo(np.float32).eps)
    weights = tf.where(some, weights / tf.where(some, total, tf.ones_like(total)), 0.0)
    inside = tf.logical_and(centre >= -0.5, centre <= size - 0.5)
    return tf.where(inside[None, :], weights, tf.zeros_like(weights))


def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """Images scaled and moved along some axes, zero where nothing is known."""
    kernel = KERNELS[one_of(method, KERNELS, "method")]
    images = convert_to_tensor(images)
    scale, translation = pair(convert_to_tensor(scale), convert_to_tensor(translation))
    x = computable(images)
    scale, translation = tf.cast(scale, x.dtype), tf.cast(translation, x.dtype)
    rank = len(x._shape)
    for i, axis in enumerate(a % rank for a in spatial_dims):
        sizes = int(x.shape[axis]), int(output_shape[axis])
        weights = _weights(*sizes, scale[i], translation[i], kernel, antialias)
        x = tf.tensordot(x, weights, [[axis], [0]])
        x = tf.transpose(x, (*range(axis), rank - 1, *range(axis, rank - 1)))
    return as_before(x, images.dtype)
