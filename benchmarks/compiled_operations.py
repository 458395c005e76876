"""What each framework calls the operations of the compiled workloads, in its usual idiom."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.contestants import jax_operations, tape_operations


def tensorflow_like(tf: Any) -> SimpleNamespace:
    """The operations as TensorFlow's interface names them: TensorFlow itself, or gradtape."""

    def conv(images: Any, filters: Any, bias: Any) -> Any:
        return tf.nn.bias_add(tf.nn.conv2d(images, filters, 1, "SAME"), bias)

    def flatten(images: Any) -> Any:
        return tf.reshape(images, (images.shape[0], -1))

    def upper(values: Any, size: int) -> Any:
        places = np.stack(np.triu_indices(size, 1), 1)
        shape = (size, size, values.shape[0])
        return tf.transpose(tf.scatter_nd(places, tf.transpose(values), shape), (2, 0, 1))

    return SimpleNamespace(
        **vars(tape_operations(tf)),
        exp=tf.exp,
        tanh=tf.tanh,
        log=tf.math.log,
        erf=tf.math.erf,
        sigmoid=tf.sigmoid,
        mean=tf.reduce_mean,
        logsumexp=tf.reduce_logsumexp,
        split=tf.split,
        concat=tf.concat,
        foldl=tf.foldl,
        conv=conv,
        pool=lambda images: tf.nn.max_pool2d(images, 2, 2, "VALID"),
        flatten=flatten,
        upper=upper,
    )


def reshaped_pool(jax: Any) -> Callable[[Any], Any]:
    """The 2 x 2 maximum by a reshape; its derivative is cheaper than that of a window."""

    def pool(images: Any) -> Any:
        count, height, width, channels = images.shape
        windows = (count, height // 2, 2, width // 2, 2, channels)
        return jax.numpy.max(images.reshape(windows), (2, 4))

    return pool


def of_jax(jax: Any) -> SimpleNamespace:
    """The operations as JAX names them."""
    jnp, lax = jax.numpy, jax.lax

    def entropy(logits: Any, labels: Any) -> Any:
        chosen = jnp.take_along_axis(logits, labels[:, None], 1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(logits, 1) - chosen)

    def conv(images: Any, filters: Any, bias: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return (
            lax.conv_general_dilated(images, filters, (1, 1), "SAME", dimension_numbers=layout)
            + bias
        )

    def pool(images: Any) -> Any:
        return lax.reduce_window(images, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def foldl(step: Callable[..., Any], rows: Any, initial: Any) -> Any:
        return lax.scan(lambda state, row: (step(state, row), None), initial, rows)[0]

    def upper(values: Any, size: int) -> Any:
        zeros = jnp.zeros((values.shape[0], size, size), values.dtype)
        return zeros.at[(slice(None), *np.triu_indices(size, 1))].set(values)

    return SimpleNamespace(
        **vars(jax_operations(jax)) | {"entropy": entropy},
        exp=jnp.exp,
        tanh=jnp.tanh,
        log=jnp.log,
        erf=jax.scipy.special.erf,
        sigmoid=jax.nn.sigmoid,
        mean=jnp.mean,
        logsumexp=jax.nn.logsumexp,
        split=jnp.split,
        concat=jnp.concatenate,
        foldl=foldl,
        conv=conv,
        pool=pool,
        flatten=lambda images: images.reshape(images.shape[0], -1),
        upper=upper,
    )


def of_torch(torch: Any, compile_step: bool = False) -> SimpleNamespace:
    """The operations as PyTorch names them, with images in NCHW and filters in OIHW.

    With `compile_step` a loop compiles its step and nothing else is compiled.
    """
    functional = torch.nn.functional

    def foldl(step: Callable[..., Any], rows: Any, state: Any) -> Any:
        step = torch.compile(step) if compile_step else step
        for row in zip(*rows, strict=True) if isinstance(rows, tuple) else rows:
            state = step(state, row)
        return state

    def upper(values: Any, size: int) -> Any:
        result = values.new_zeros(values.shape[0], size, size)
        result[(slice(None), *np.triu_indices(size, 1))] = values
        return result

    return SimpleNamespace(
        sin=torch.sin,
        exp=torch.exp,
        tanh=torch.tanh,
        log=torch.log,
        erf=torch.erf,
        sigmoid=torch.sigmoid,
        relu=torch.relu,
        sum=torch.sum,
        mean=torch.mean,
        logsumexp=torch.logsumexp,
        entropy=functional.cross_entropy,
        split=torch.chunk,
        concat=torch.cat,
        foldl=foldl,
        conv=lambda images, filters, bias: functional.conv2d(images, filters, bias, padding=1),
        pool=lambda images: functional.max_pool2d(images, 2),
        flatten=lambda images: images.permute(0, 2, 3, 1).flatten(1),
        upper=upper,
    )
