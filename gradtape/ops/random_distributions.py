"""Random numbers of many distributions from a key: what the stateless, stateful and generator faces
share.

Each function takes a key and then TensorFlow's arguments. Numbers are differentiable in the
parameters wherever a sample is a smooth function of them: location and scale, bounds, gamma, beta
and Dirichlet parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.ops.basis import add, broadcast_shapes, broadcast_to, cast, multiply, sum_axes
from gradtape.ops.choosing import where
from gradtape.ops.exponential import log
from gradtape.ops.random_draws import (
    binomial_of,
    integers,
    poisson_of,
    standard_gamma,
    standard_normal,
    unit,
)
from gradtape.ops.random_keys import folded
from gradtape.ops.selection import argmax, order
from gradtape.ops.sparse import take_rows
from gradtape.ops.special import ndtr, ndtri
from gradtape.ops.static import check_size, static_int, static_shape, static_size


def floating(dtype: Any, function: str) -> np.dtype[Any]:
    """A floating dtype, or InvalidArgumentError."""
    found = as_dtype(dtype)
    if not found.is_floating:
        raise InvalidArgumentError(
            f"gradtape.{function}: dtype must be floating, not {found.name}. Write tf.float32."
        )
    return found.numpy_dtype


def fitted(parameter: Any, dtype: Any, function: str) -> Any:
    """A parameter of a distribution in the dtype of the numbers."""
    tensor = as_tensor_like(parameter, dtype, function)
    if tensor._dtype != dtype:
        raise InvalidArgumentError(
            f"gradtape.{function}: a parameter is {brief(tensor)} but the numbers are {dtype.name}."
            f" Write tf.cast(parameter, tf.{as_dtype(dtype).name})."
        )
    return tensor


def normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any, function: str) -> Any:
    """mean + stddev * z with z standard normal."""
    kind = floating(dtype, function)
    numbers = standard_normal(key, static_shape(shape, function, kind), kind)
    return add(multiply(numbers, fitted(stddev, kind, function)), fitted(mean, kind, function))


def uniform(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any, function: str) -> Any:
    """Numbers on [minval, maxval); integers when the dtype is one."""
    kind = as_dtype(dtype)
    size = static_shape(shape, function, kind.numpy_dtype)
    if kind.is_integer:
        return _uniform_integers(key, size, minval, maxval, kind, function)
    floating(dtype, function)
    low = fitted(minval, kind.numpy_dtype, function)
    high = fitted(1 if maxval is None else maxval, kind.numpy_dtype, function)
    return add(multiply(unit(key, size, kind.numpy_dtype), high - low), low)


def _uniform_integers(
    key: Any, shape: Any, minval: Any, maxval: Any, kind: Any, function: str
) -> Any:
    if maxval is None:
        if minval is not None:
            raise ValueError(
                f"gradtape.{function}: Must specify maxval for integer dtype {kind.name}, or "
                "minval=None for the whole range of the dtype."
            )
        return full_integers(key, shape, kind)
    low = static_size(0 if minval is None else minval, function, "minval")
    high = static_size(maxval, function, "maxval")
    if low >= high:
        raise InvalidArgumentError(
            f"gradtape.{function}: Need minval < maxval, got {low} >= {high}."
        )
    return integers(key, shape, low, high, kind.numpy_dtype)


def full_integers(key: Any, shape: Any, kind: Any) -> Any:
    """Integers over the whole range of their dtype."""
    return integers(key, shape, int(kind.min), int(kind.max) + 1, kind.numpy_dtype)


def truncated(
    key: Any, shape: Any, mean: Any, stddev: Any, low: Any, high: Any, dtype: Any, function: str
) -> Any:
    """Normal numbers between `low` and `high`, by inverting the distribution function.

    The bounds are numbers or tensors; in units of the numbers, not of stddev.
    """
    kind = floating(dtype, function)
    size = static_shape(shape, function, kind)
    wide = np.dtype(np.float64)
    mean, stddev, low, high = (
        cast(fitted(p, kind, function), wide) for p in (mean, stddev, low, high)
    )
    below, above = ndtr((low - mean) / stddev), ndtr((high - mean) / stddev)
    share = below + unit(key, size, wide) * (above - below)
    return cast(mean + stddev * ndtri(share), kind)


def gamma(key: Any, shape: Any, alpha: Any, beta: Any, dtype: Any, function: str) -> Any:
    """Gamma numbers of shape parameter alpha and rate beta: shape + the parameters' shape."""
    kind = floating(dtype, function)
    alpha = fitted(alpha, kind, function)
    rate = None if beta is None else fitted(beta, kind, function)
    inner = broadcast_shapes(alpha._shape, () if rate is None else rate._shape)
    size = (*static_shape(shape, function, kind), *inner)
    check_size(size, function, kind.itemsize)
    numbers = standard_gamma(key, broadcast_to(alpha, size))
    return numbers if rate is None else numbers / rate


def beta(key: Any, shape: Any, first: Any, second: Any, dtype: Any, function: str) -> Any:
    """Beta numbers: x / (x + y) of two gamma numbers."""
    one, other = folded(key, 2)
    kind = floating(dtype, function)
    first, second = fitted(first, kind, function), fitted(second, kind, function)
    inner = broadcast_shapes(first._shape, second._shape)
    x = gamma(one, shape, broadcast_to(first, inner), None, dtype, function)
    y = gamma(other, shape, broadcast_to(second, inner), None, dtype, function)
    return x / (x + y)


def dirichlet(key: Any, shape: Any, alpha: Any, dtype: Any, function: str) -> Any:
    """Dirichlet numbers: gamma numbers over their sum along the last axis."""
    alpha = fitted(alpha, floating(dtype, function), function)
    if not alpha._shape:
        raise InvalidArgumentError(
            f"gradtape.{function}: alpha must be a vector, not {brief(alpha)}."
        )
    numbers = gamma(key, shape, alpha, None, dtype, function)
    return numbers / sum_axes(numbers, (len(numbers._shape) - 1,), True)


def poisson(key: Any, shape: Any, lam: Any, dtype: Any, function: str) -> Any:
    """Poisson numbers of rate lam: shape + the rate's shape."""
    wide = np.dtype(np.float64)
    rate = cast(as_tensor(lam, function), wide)
    size = (*static_shape(shape, function), *rate._shape)
    check_size(size, function, wide.itemsize)
    return cast(poisson_of(key, broadcast_to(rate, size)), as_dtype(dtype).numpy_dtype)


def binomial(key: Any, shape: Any, counts: Any, probs: Any, dtype: Any, function: str) -> Any:
    """Binomial numbers; counts and probs broadcast to the shape."""
    wide = np.dtype(np.float64)
    size = static_shape(shape, function)
    counts, probs = (
        broadcast_to(cast(as_tensor(p, function), wide), size) for p in (counts, probs)
    )
    return cast(binomial_of(key, counts, probs), as_dtype(dtype).numpy_dtype)


def categorical(key: Any, logits: Any, count: Any, dtype: Any, function: str) -> Any:
    """Class numbers (batch, count) drawn with the probabilities softmax(logits): Gumbel's
    maximum.
    """
    logits = as_tensor(logits, function)
    if len(logits._shape) != 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: logits should be a matrix (batch, classes), not {brief(logits)}."
        )
    rows, classes = logits._shape
    count = static_int(count, function, "num_samples")
    units = unit(key, (rows, count, classes), np.dtype(np.float64))
    gumbel = -log(-log(where(units == 0.0, 2.0**-54, units)))
    noisy = cast(logits, np.dtype(np.float64))[:, None, :] + gumbel
    return argmax(noisy, axis=2, output_type=as_dtype(dtype))


def shuffled(key: Any, value: Any, function: str) -> Any:
    """The rows of a tensor in an order drawn at random; differentiable in the tensor."""
    value = as_tensor(value, function)
    if not value._shape:
        return value
    return take_rows(value, order(unit(key, value._shape[:1], np.dtype(np.float64)), 0, False))
