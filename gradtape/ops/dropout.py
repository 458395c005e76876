"""Dropout: zero elements at random and scale the others up."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.ops.basis import cast, multiply, scalar
from gradtape.ops.calls import wrong_kind
from gradtape.ops.random_draws import unit
from gradtape.ops.random_keys import key_of_seed, next_key
from gradtape.ops.static import later, static_float, static_items

FLOAT32 = np.dtype(np.float32)


def dropout(
    x: Any, rate: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None
) -> Any:
    """Set each element to 0 with probability `rate` and divide the others by 1 - rate.

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Args: x: a floating tensor. rate: a number in [0, 1); in a graph also a scalar tensor.
        noise_shape: the shape of the decisions, by default that of x; size 1 shares one along an
        axis. seed: an integer; together with `set_seed` it fixes the decisions. name: ignored, for
        compatibility.

    Raises:
        ValueError: for a rate outside [0, 1).

    Example:
        >>> import gradtape as tf
        >>> y = tf.nn.dropout(tf.ones([1000]), rate=0.5)
        >>> sorted(set(y.numpy().tolist()))
        [0.0, 2.0]
    """
    return dropped(x, rate, noise_shape, next_key(seed, "nn.dropout"), "nn.dropout")


def stateless_dropout(
    x: Any,
    rate: Any,
    seed: Any,
    rng_alg: str | None = None,
    noise_shape: Any = None,
    name: str | None = None,
) -> Any:
    """Dropout whose decisions are a pure function of a seed of two integers.

    Example:
        >>> import gradtape as tf
        >>> y = tf.nn.experimental.stateless_dropout(tf.ones([4]), 0.5, seed=[1, 2])
        >>> y.shape
        TensorShape([4])
    """
    function = "nn.experimental.stateless_dropout"
    return dropped(x, rate, noise_shape, key_of_seed(seed, function), function)


def dropped(x: Any, rate: Any, noise_shape: Any, key: Any, function: str) -> Any:
    """Dropout by a key."""
    x = as_tensor(x, function)
    if x._dtype.kind not in "fV":
        raise wrong_kind(function, "fV", x)
    if later(rate):
        return _by_tensor(x, rate, decisions(x, noise_shape, function), key)
    share = static_float(rate, function, "rate")
    if not 0.0 <= share < 1.0:
        raise ValueError(f"gradtape.{function}: `rate` must be in [0, 1), not {rate!r}.")
    if share == 0.0:
        return x
    keep = cast(unit(key, decisions(x, noise_shape, function), FLOAT32) >= share, x._dtype)
    return multiply(x, multiply(keep, 1.0 / (1.0 - share)))


def _by_tensor(x: Any, rate: Any, shape: Any, key: Any) -> Any:
    """Dropout by a rate that is known only when values come."""
    share = cast(scalar(rate), FLOAT32)
    keep = cast(unit(key, shape, FLOAT32) >= share, x._dtype)
    return multiply(x, multiply(keep, cast(1.0 / (1.0 - share), x._dtype)))


def decisions(x: Any, noise_shape: Any, function: str) -> tuple[int, ...]:
    """The shape of the decisions; None in it stands for x's size."""
    if noise_shape is None:
        return x._shape
    sizes = static_items(noise_shape, function, "noise_shape")
    if len(sizes) != len(x._shape) or not all(
        n == 1 or same(n, m) for n, m in zip(sizes, x._shape, strict=True)
    ):
        raise InvalidArgumentError(
            f"gradtape.{function}: noise_shape {sizes} does not broadcast to {brief(x)}: "
            "give for each axis its size, 1 or None."
        )
    return tuple(m if n is None else n for n, m in zip(sizes, x._shape, strict=True))
