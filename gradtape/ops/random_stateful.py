"""Random numbers from the program's own state: `tf.random.normal` and its like, repeatable by
`set_seed`.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.dtypes import float32, int64
from gradtape.ops import random_distributions as draw
from gradtape.ops.random_keys import next_key


def normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw normal numbers.

    Args:
        shape: the shape of the result.
        mean: the mean; differentiable.
        stddev: the standard deviation; differentiable.
        dtype: a floating dtype.
        seed: an integer; together with `set_seed` it fixes this draw.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.random.normal([2, 3]).shape
        TensorShape([2, 3])
    """
    return draw.normal(next_key(seed, "random.normal"), shape, mean, stddev, dtype, "random.normal")


def uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw numbers uniform on [minval, maxval), by default [0, 1); integers for an integer dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.random.uniform([2], maxval=5, dtype=tf.int32).dtype
        tf.int32
    """
    return draw.uniform(
        next_key(seed, "random.uniform"), shape, minval, maxval, dtype, "random.uniform"
    )


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw normal numbers that lie within two standard deviations of the mean.

    Example:
        >>> import gradtape as tf
        >>> bool(tf.reduce_max(tf.abs(tf.random.truncated_normal([100]))) <= 2.0)
        True
    """
    function = "random.truncated_normal"
    unit = draw.truncated(next_key(seed, function), shape, 0.0, 1.0, -2.0, 2.0, dtype, function)
    return unit * draw.fitted(stddev, unit._dtype, function) + mean


def gamma(
    shape: Any,
    alpha: Any,
    beta: Any = None,
    dtype: Any = float32,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw gamma numbers of shape parameter alpha and rate beta; differentiable in both.

    The result has the shape `shape + broadcast(alpha, beta)`.

    Example:
        >>> import gradtape as tf
        >>> tf.random.gamma([4], alpha=[0.5, 1.5]).shape
        TensorShape([4, 2])
    """
    return draw.gamma(next_key(seed, "random.gamma"), shape, alpha, beta, dtype, "random.gamma")


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = float32, seed: int | None = None) -> Any:
    """Draw beta numbers; differentiable in both parameters (not in TensorFlow).

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.beta([10], 2.0, 3.0)
        >>> bool(tf.reduce_all((x > 0) & (x < 1)))
        True
    """
    return draw.beta(next_key(seed, "random.beta"), shape, alpha, beta, dtype, "random.beta")


def dirichlet(shape: Any, alpha: Any, dtype: Any = float32, seed: int | None = None) -> Any:
    """Draw probability vectors; differentiable in alpha (not in TensorFlow).

    Example:
        >>> import gradtape as tf
        >>> x = tf.random.dirichlet([10], [1.0, 2.0, 3.0])
        >>> x.shape, bool(tf.reduce_all(tf.abs(tf.reduce_sum(x, -1) - 1.0) < 1e-6))
        (TensorShape([10, 3]), True)
    """
    return draw.dirichlet(
        next_key(seed, "random.dirichlet"), shape, alpha, dtype, "random.dirichlet"
    )


def poisson(
    shape: Any, lam: Any, dtype: Any = float32, seed: int | None = None, name: str | None = None
) -> Any:
    """Draw Poisson numbers of rate lam: `shape + lam.shape`.

    Example:
        >>> import gradtape as tf
        >>> tf.random.poisson([3], lam=[1.0, 10.0]).shape
        TensorShape([3, 2])
    """
    return draw.poisson(next_key(seed, "random.poisson"), shape, lam, dtype, "random.poisson")


def categorical(
    logits: Any,
    num_samples: Any,
    dtype: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw class numbers (batch, num_samples) with probabilities softmax(logits).

    Example:
        >>> import gradtape as tf
        >>> tf.random.categorical([[0.0, -99.0]], 3).numpy()
        array([[0, 0, 0]])
    """
    key = next_key(seed, "random.categorical")
    return draw.categorical(key, logits, num_samples, dtype or int64, "random.categorical")


def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Any:
    """Put the rows of a tensor into a random order; differentiable, unlike TensorFlow's.

    Example:
        >>> import gradtape as tf
        >>> sorted(tf.random.shuffle([3, 1, 2]).numpy().tolist())
        [1, 2, 3]
    """
    return draw.shuffled(next_key(seed, "random.shuffle"), value, "random.shuffle")
