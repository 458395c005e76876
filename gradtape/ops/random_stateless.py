"""Random numbers that are a pure function of a seed: `tf.random.stateless_*`."""

from __future__ import annotations

from typing import Any

from gradtape.core.dtypes import float32, int32, int64
from gradtape.ops import random_distributions as draw
from gradtape.ops.random_keys import key_of_seed


def stateless_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Any:
    """Draw normal numbers, the same for the same seed.

    Args:
        shape: the shape of the result.
        seed: two integers.
        mean: the mean; differentiable.
        stddev: the standard deviation; differentiable.
        dtype: a floating dtype.
        name: ignored, for compatibility.
        alg: ignored: the generator is always Philox.

    Example:
        >>> import gradtape as tf
        >>> tf.random.stateless_normal([2, 3], seed=[1, 2]).shape
        TensorShape([2, 3])
    """
    key = key_of_seed(seed, "random.stateless_normal")
    return draw.normal(key, shape, mean, stddev, dtype, "random.stateless_normal")


def stateless_uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Any:
    """Draw numbers uniform on [minval, maxval), the same for the same seed; integers for an integer
    dtype.

    Integers without bounds (minval=None, maxval=None) cover their whole range.

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.stateless_uniform([4], seed=[1, 2], maxval=10, dtype=tf.int32)
        >>> bool(tf.reduce_all((x >= 0) & (x < 10)))
        True
    """
    key = key_of_seed(seed, "random.stateless_uniform")
    return draw.uniform(key, shape, minval, maxval, dtype, "random.stateless_uniform")


def stateless_truncated_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Any:
    """Draw normal numbers that lie within two standard deviations of the mean.

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.stateless_truncated_normal([100], seed=[1, 2])
        >>> bool(tf.reduce_max(tf.abs(x)) <= 2.0)
        True
    """
    function = "random.stateless_truncated_normal"
    key = key_of_seed(seed, function)
    unit = draw.truncated(key, shape, 0.0, 1.0, -2.0, 2.0, dtype, function)
    return unit * draw.fitted(stddev, unit._dtype, function) + mean


def stateless_parameterized_truncated_normal(
    shape: Any,
    seed: Any,
    means: Any = 0.0,
    stddevs: Any = 1.0,
    minvals: Any = -2.0,
    maxvals: Any = 2.0,
    name: str | None = None,
) -> Any:
    """Draw normal numbers between bounds; differentiable in all four parameters.

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.stateless_parameterized_truncated_normal([9], [1, 2], minvals=0.5)
        >>> bool(tf.reduce_min(x) >= 0.5)
        True
    """
    function = "random.stateless_parameterized_truncated_normal"
    key = key_of_seed(seed, function)
    dtype = getattr(means, "dtype", float32)
    return draw.truncated(key, shape, means, stddevs, minvals, maxvals, dtype, function)


def stateless_gamma(
    shape: Any,
    seed: Any,
    alpha: Any,
    beta: Any = None,
    dtype: Any = float32,
    name: str | None = None,
) -> Any:
    """Draw gamma numbers of shape parameter alpha and rate beta; differentiable in both.

    TensorFlow's `shape` is that of the result; alpha and beta broadcast to it.

    Example:
        >>> import gradtape as tf
        >>> tf.random.stateless_gamma([3], seed=[1, 2], alpha=2.0).shape
        TensorShape([3])
    """
    function = "random.stateless_gamma"
    key = key_of_seed(seed, function)
    kind = draw.floating(dtype, function)
    size = draw.static_shape(shape, function, kind)
    alpha = draw.broadcast_to(draw.fitted(alpha, kind, function), size)
    return draw.gamma(key, (), alpha, beta, dtype, function)


def stateless_poisson(
    shape: Any, seed: Any, lam: Any, dtype: Any = int32, name: str | None = None
) -> Any:
    """Draw Poisson numbers; the rate broadcasts to the shape.

    Example:
        >>> import gradtape as tf
        >>> tf.random.stateless_poisson([3], seed=[1, 2], lam=4.0).dtype
        tf.int32
    """
    function = "random.stateless_poisson"
    key = key_of_seed(seed, function)
    rate = draw.broadcast_to(draw.as_tensor(lam, function), draw.static_shape(shape, function))
    return draw.poisson(key, (), rate, dtype, function)


def stateless_binomial(
    shape: Any,
    seed: Any,
    counts: Any,
    probs: Any,
    output_dtype: Any = int32,
    name: str | None = None,
) -> Any:
    """Draw binomial numbers; counts and probabilities broadcast to the shape.

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.stateless_binomial([50], seed=[1, 2], counts=3.0, probs=0.5)
        >>> bool(tf.reduce_max(x) <= 3)
        True
    """
    key = key_of_seed(seed, "random.stateless_binomial")
    return draw.binomial(key, shape, counts, probs, output_dtype, "random.stateless_binomial")


def stateless_categorical(
    logits: Any, num_samples: Any, seed: Any, dtype: Any = int64, name: str | None = None
) -> Any:
    """Draw class numbers (batch, num_samples) with probabilities softmax(logits).

    Example:
        >>> import gradtape as tf
        >>> tf.random.stateless_categorical([[0.0, -99.0]], 3, seed=[1, 2]).numpy()
        array([[0, 0, 0]])
    """
    key = key_of_seed(seed, "random.stateless_categorical")
    return draw.categorical(key, logits, num_samples, dtype, "random.stateless_categorical")


def stateless_shuffle(
    value: Any, seed: Any, alg: str = "auto_select", name: str | None = None
) -> Any:
    """Put the rows of a tensor into a random order, the same for the same seed; differentiable.

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.experimental.stateless_shuffle(tf.range(5), seed=[1, 2])
        >>> sorted(x.numpy().tolist())
        [0, 1, 2, 3, 4]
    """
    key = key_of_seed(seed, "random.experimental.stateless_shuffle")
    return draw.shuffled(key, value, "random.experimental.stateless_shuffle")
