"""What functions of images are given: one image or several, channels last or first."""

from __future__ import annotations

from typing import Any

from keras.src.backend.config import standardize_data_format

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor


def checked_images(images: Any) -> Any:
    """A tensor of rank 3 or 4."""
    images = convert_to_tensor(images)
    if len(images._shape) not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images)."
            f" Received input with shape: images.shape={tuple(images.shape)}"
        )
    return images


def one_of(value: Any, known: Any, name: str) -> Any:
    """A value, if it is among the known ones."""
    if value not in known:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected of one {set(known)}. Received:"
            f" {name}={value}"
        )
    return value


class Batch:
    """Images as (n, height, width, channels), and the way back to how they were given.

    Args:
        images: one image or several.
        data_format: "channels_last", "channels_first", or None for Keras's default.
    """

    def __init__(self, images: Any, data_format: str | None) -> None:
        images = checked_images(images)
        self.first = standardize_data_format(data_format) == "channels_first"
        self.single = len(images._shape) == 3
        x = tf.expand_dims(images, 0) if self.single else images
        self.images = tf.transpose(x, (0, 2, 3, 1)) if self.first else x

    def back(self, images: Any) -> Any:
        """Results as the images were given; further axes stay behind."""
        if self.first:
            images = tf.transpose(images, (0, 3, 1, 2, *range(4, len(images._shape))))
        return tf.squeeze(images, 0) if self.single else images


def computable(x: Any) -> Any:
    """A tensor whose elements interpolation and products make sense of: float32 or float64."""
    return x if x.dtype.name in ("float32", "float64") else tf.cast(x, tf.float32)


def as_before(x: Any, dtype: Any) -> Any:
    """Results in the images' dtype, the nearest of its numbers."""
    if dtype.is_floating:
        return tf.cast(x, dtype)
    return tf.saturate_cast(tf.round(x), dtype)
