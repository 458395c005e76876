"""Keras's activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradtape as tf
from keras_gradtape.src.ops import logits
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.promoting import is_integral, named


def _plain(name: str, function: Callable[[Any], Any]) -> Any:
    """A function of one tensor."""
    return named(name, lambda x: function(convert_to_tensor(x)))


relu = _plain("relu", tf.nn.relu)
relu6 = _plain("relu6", tf.nn.relu6)
sigmoid = _plain("sigmoid", logits.sigmoid)
tanh = _plain("tanh", tf.tanh)
tanh_shrink = _plain("tanh_shrink", lambda x: x - tf.tanh(x))
softplus = _plain("softplus", tf.math.softplus)
softsign = _plain("softsign", tf.nn.softsign)
silu = _plain("silu", tf.nn.silu)
log_sigmoid = _plain("log_sigmoid", tf.math.log_sigmoid)
selu = _plain("selu", tf.nn.selu)
hard_tanh = _plain("hard_tanh", lambda x: tf.clip_by_value(x, -1.0, 1.0))
hard_sigmoid = _plain("hard_sigmoid", lambda x: tf.clip_by_value(x / 6.0 + 0.5, 0.0, 1.0))
hard_silu = _plain("hard_silu", lambda x: x * tf.clip_by_value(x / 6.0 + 0.5, 0.0, 1.0))
sparse_sigmoid = _plain("sparse_sigmoid", lambda x: tf.clip_by_value(0.5 * x + 0.5, 0.0, 1.0))


def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1 on, a parabola between."""
    x = convert_to_tensor(x)
    between = tf.square(x + 1.0) / 4.0
    return tf.where(x <= -1.0, tf.zeros_like(x), tf.where(x < 1.0, between, x))


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards zero by a threshold."""
    x = convert_to_tensor(x)
    inner = tf.where(x < -threshold, x + threshold, tf.zeros_like(x))
    return tf.where(x > threshold, x - threshold, inner)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x, but zero within a threshold."""
    x = convert_to_tensor(x)
    return tf.where(tf.abs(x) > threshold, x, tf.zeros_like(x))


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x above a threshold, else a value."""
    x = convert_to_tensor(x)
    return tf.where(x > threshold, x, tf.cast(default_value, x.dtype))


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    x = convert_to_tensor(x)
    return (x + tf.sqrt(x * x + tf.cast(b, x.dtype))) / 2.0


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x, times a small slope where it is negative."""
    return tf.nn.leaky_relu(convert_to_tensor(x), alpha=negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha (exp(x) - 1) where it is negative."""
    x = convert_to_tensor(x)
    found = tf.nn.elu(x)
    return found if alpha == 1 else tf.where(x > 0, found, tf.cast(alpha, x.dtype) * found)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)."""
    x = convert_to_tensor(x)
    low = tf.cast(alpha, x.dtype) * tf.math.expm1(tf.minimum(x, 0.0) / tf.cast(alpha, x.dtype))
    return tf.maximum(x, 0.0) + low


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the probability that a normally distributed number is smaller."""
    return tf.nn.gelu(convert_to_tensor(x), approximate)


def glu(x: Any, axis: int = -1) -> Any:
    """Half of the elements, gated by the other half."""
    x = convert_to_tensor(x)
    if int(x.shape[axis]) % 2:
        raise ValueError(
            f"axis size must be divisible by 2. Received: x.shape={tuple(x.shape)} with axis={axis}"
        )
    first, second = tf.split(x, 2, axis)
    return first * tf.sigmoid(second)


def _wide(x: Any) -> Any:
    x = convert_to_tensor(x)
    return tf.cast(x, tf.float32) if is_integral(x) else x


def softmax(x: Any, axis: Any = -1) -> Any:
    """The exponentials over their sum, along an axis or over all elements."""
    x = _wide(x)
    if axis is None:
        return tf.reshape(tf.nn.softmax(tf.reshape(x, [-1])), x.shape)
    if isinstance(axis, (tuple, list)):
        return tf.exp(x - tf.reduce_logsumexp(x, list(axis), keepdims=True))
    return logits.softmax(x, axis)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """The logarithm of softmax."""
    x = _wide(x)
    if axis is None:
        return tf.reshape(tf.nn.log_softmax(tf.reshape(x, [-1])), x.shape)
    if isinstance(axis, (tuple, list)):
        return x - tf.reduce_logsumexp(x, list(axis), keepdims=True)
    return tf.nn.log_softmax(x, axis=axis)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the simplex (Martins and Astudillo 2016)."""
    x = convert_to_tensor(x)
    ordered = tf.sort(x, axis, "DESCENDING")
    total = tf.cumsum(ordered, axis)
    count = int(x.shape[axis])
    shape = [count if i == axis % len(x._shape) else 1 for i in range(len(x._shape))]
    k = tf.reshape(tf.cast(tf.range(1, count + 1), x.dtype), shape)
    within = tf.cast(1.0 + k * ordered > total, x.dtype)
    size = tf.reduce_sum(within, axis, keepdims=True)
    tau = (tf.reduce_sum(ordered * within, axis, keepdims=True) - 1.0) / size
    return tf.maximum(x - tau, 0.0)
