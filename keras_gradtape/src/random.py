"""Random numbers from seeds: the same seed gives the same numbers, eagerly and compiled."""

from __future__ import annotations

from typing import Any

from keras.src.backend.config import floatx
from keras.src.random.seed_generator import SeedGenerator as SeedGenerator
from keras.src.random.seed_generator import draw_seed as draw_seed
from keras.src.random.seed_generator import make_default_seed as make_default_seed

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor


def _seed(seed: Any) -> Any:
    """What gradtape takes as a seed: two integers."""
    return tf.cast(convert_to_tensor(draw_seed(seed)), tf.int32)


def _dtype(dtype: Any) -> str:
    return dtype or floatx()


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Normally distributed numbers."""
    dtype = _dtype(dtype)
    drawn = tf.random.stateless_normal(tuple(shape), _seed(seed), dtype=dtype)
    return drawn * convert_to_tensor(stddev, dtype) + convert_to_tensor(mean, dtype)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Normally distributed numbers within two standard deviations."""
    dtype = _dtype(dtype)
    drawn = tf.random.stateless_truncated_normal(tuple(shape), _seed(seed), dtype=dtype)
    return drawn * convert_to_tensor(stddev, dtype) + convert_to_tensor(mean, dtype)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Numbers that are equally likely in [minval, maxval)."""
    dtype = _dtype(dtype)
    drawn = tf.random.stateless_uniform(tuple(shape), _seed(seed), dtype=dtype)
    low, high = convert_to_tensor(minval, dtype), convert_to_tensor(maxval, dtype)
    return drawn * (high - low) + low


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers in [minval, maxval)."""
    wide = dtype if dtype in ("int32", "int64", "uint32", "uint64") else "int32"
    low, high = convert_to_tensor(minval, wide), convert_to_tensor(maxval, wide)
    drawn = tf.random.stateless_uniform(tuple(shape), _seed(seed), low, high, dtype=wide)
    return tf.cast(drawn, dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int64", seed: Any = None) -> Any:
    """Classes drawn by their unnormalised log-probabilities."""
    drawn = tf.random.stateless_categorical(convert_to_tensor(logits), num_samples, _seed(seed))
    return tf.cast(drawn, dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Zeros in a part of the places, the others scaled up."""
    inputs = convert_to_tensor(inputs)
    if rate == 0.0:
        return inputs
    if rate == 1.0:
        return tf.zeros_like(inputs)
    sizes = tuple(inputs.shape) if noise_shape is None else noise_shape
    sizes = tuple(n if n is not None else inputs.shape[i] for i, n in enumerate(sizes))
    keep = tf.random.stateless_uniform(sizes, _seed(seed)) < 1.0 - rate
    scaled = inputs / tf.cast(1.0 - rate, inputs.dtype)
    return tf.where(tf.broadcast_to(keep, inputs.shape), scaled, tf.zeros_like(inputs))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The slices along an axis in random order."""
    x = convert_to_tensor(x)
    order = tf.argsort(tf.random.stateless_uniform((x.shape[axis],), _seed(seed)))
    return tf.gather(x, order, axis=axis)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma-distributed numbers of scale 1."""
    dtype = _dtype(dtype)
    alpha = tf.broadcast_to(convert_to_tensor(alpha, dtype), tuple(shape))
    return tf.random.stateless_gamma(tuple(shape), _seed(seed), alpha, dtype=dtype)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta-distributed numbers, by two that are gamma-distributed."""
    first = _seed(seed)
    dtype = _dtype(dtype)
    shape = tuple(shape)
    one = tf.broadcast_to(convert_to_tensor(alpha, dtype), shape)
    other = tf.broadcast_to(convert_to_tensor(beta, dtype), shape)
    a = tf.random.stateless_gamma(shape, first, one, dtype=dtype)
    b = tf.random.stateless_gamma(shape, first + 7919, other, dtype=dtype)
    return a / (a + b)


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Any:
    """Numbers of successes in independent trials."""
    dtype = _dtype(dtype)
    wide = "float64" if dtype == "float64" else "float32"  # counts beyond half precision
    counts = convert_to_tensor(counts, wide)
    probabilities = convert_to_tensor(probabilities, wide)
    drawn = tf.random.stateless_binomial(tuple(shape), _seed(seed), counts, probabilities, wide)
    return tf.cast(drawn, dtype)
