"""Keras's filters of images: each pixel with its neighbours."""

from __future__ import annotations

from typing import Any

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.image_arguments import Batch, as_before, computable


def _bell(size: int, sigma: Any) -> Any:
    """A Gaussian at `size` places around its middle, of sum 1."""
    x = (tf.cast(tf.range(size), sigma.dtype) - (size - 1) / 2) / sigma
    return tf.nn.softmax(-0.5 * x * x)


def blurred(x: Any, size: tuple[int, int], sigma: tuple[Any, Any]) -> Any:
    """Images (n, height, width, channels) blurred along both axes, with zeros around them.

    A Gaussian is a product, so that each axis is blurred by itself. Keras gives the first of `size`
    and of `sigma` to the width.
    """
    channels = int(x.shape[-1])
    for shape, n, s in (((1, -1), size[0], sigma[0]), ((-1, 1), size[1], sigma[1])):
        kernel = tf.reshape(_bell(n, s), (*shape, 1, 1))
        kernel = tf.tile(kernel, (1, 1, channels, 1))
        x = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")
    return x


def gaussian_blur(
    images: Any,
    kernel_size: Any = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Images blurred by a Gaussian."""
    batch = Batch(images, data_format)
    x = computable(batch.images)
    first, second = tf.unstack(convert_to_tensor(sigma, x.dtype))
    size = (int(kernel_size[0]), int(kernel_size[1]))
    return batch.back(as_before(blurred(x, size, (first, second)), batch.images.dtype))


def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """The slopes of images along height and width, as a last axis of two."""
    batch = Batch(images, data_format)
    edges = tf.image.sobel_edges(computable(batch.images))
    return batch.back(as_before(edges, batch.images.dtype))
