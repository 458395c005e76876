"""Keras's functions of colours."""

from __future__ import annotations

from typing import Any

import gradtape as tf
from keras_gradtape.src.ops.image_arguments import Batch, checked_images

GREY = ((0.2989,), (0.5870,), (0.1140,))


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """The brightness of colours, as one channel."""
    batch = Batch(images, data_format)
    x = batch.images
    channels = x.shape[-1]
    if channels not in (1, 3):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received input with shape:"
            f" images.shape={tuple(images.shape)}"
        )
    if channels == 1:
        return batch.back(x)
    wide = x if x.dtype.name == "float64" else tf.cast(x, tf.float32)
    grey = tf.tensordot(wide, tf.constant(GREY, wide.dtype), 1)
    return batch.back(tf.cast(grey, x.dtype))


def _converted(images: Any, data_format: str | None, function: Any) -> Any:
    x = checked_images(images)
    if not x.dtype.is_floating:
        raise ValueError(
            f"Invalid images dtype: expected float dtype. Received: images.dtype={x.dtype.name}"
        )
    batch = Batch(x, data_format)
    if batch.images.shape[-1] != 3:
        raise ValueError(
            "Input images must have 3 channels, but received images with"
            f" {batch.images.shape[-1]} channels."
        )
    return batch.back(function(batch.images))


def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue as hue, saturation and value."""
    return _converted(images, data_format, tf.image.rgb_to_hsv)


def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value as red, green and blue."""
    return _converted(images, data_format, tf.image.hsv_to_rgb)
