"""Losses of single numbers: of logits against probabilities, and of logarithms against counts."""

from __future__ import annotations

import math
from typing import Any

from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.ops.basis import (
    add,
    chain_multiply,
    full,
    multiply,
    negative,
    safe_multiply,
    subtract,
)
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.choosing import select
from gradtape.ops.exponential import exp, log, logistic_slope, softplus
from gradtape.ops.families import FLOATING, pairwise
from gradtape.ops.stepwise import greater_equal, less_equal, logical_and


def _pair(labels: Any, logits: Any, function: str) -> tuple[Any, Any]:
    """Two tensors of one floating-point dtype and one shape."""
    x, z = pair(logits, labels, function)
    if z._dtype != x._dtype:
        raise mixed_dtypes(function, z, x)
    if x._dtype.kind not in FLOATING:
        raise wrong_kind(function, FLOATING, z, x)
    if not same_shape(z._shape, x._shape):
        raise InvalidArgumentError(
            f"gradtape.{function}: `logits` and `labels` must have the same shape, not "
            f"{brief(x)} and {brief(z)}. Write tf.reshape(labels, logits.shape)."
        )
    return z, x


# z x - log(1 + e**x), negated: the terms are added in an order that leaves small losses exact

_residual = pairwise(
    "logistic_residual",
    lambda xp, x, y: xp.logistic(y) * (1 - x) - x * xp.logistic(-y),
    lambda t: negative(t),
    lambda t, y: safe_multiply(t, logistic_slope(y)),
    "Return s(y) - x for the logistic function s, accurate where s(y) is near x = 1.",
    kinds=FLOATING,
    wide=True,
)
_cross_entropy = pairwise(
    "sigmoid_cross_entropy",
    lambda xp, x, y: xp.maximum(y, 0) - x * y + xp.log1p(xp.exp(-xp.abs(y))),
    lambda t, y: negative(chain_multiply(t, y)),
    lambda t, x, y: safe_multiply(t, _residual(x, y)),
    "Return log(1 + e**y) - x y.",
    kinds=FLOATING,
    wide=True,
)


def sigmoid_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Any:
    """Return -labels * log(s) - (1 - labels) * log(1 - s), with s = sigmoid(logits).

    Args:
        labels: floating-point probabilities.
        logits: of the same dtype and shape.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for dtypes or shapes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.sigmoid_cross_entropy_with_logits([1.0, 0.0], [0.0, 0.0]).numpy()
        array([0.6931472, 0.6931472], dtype=float32)
    """
    z, x = _pair(labels, logits, "sigmoid_cross_entropy_with_logits")
    return _cross_entropy(z, x)


def weighted_cross_entropy_with_logits(
    labels: Any, logits: Any, pos_weight: Any, name: str | None = None
) -> Any:
    """Return -w * labels * log(s) - (1 - labels) * log(1 - s), with s = sigmoid(logits).

    Args:
        labels: floating-point probabilities.
        logits: of the same dtype and shape.
        pos_weight: the weight w of the positive labels; broadcasts.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for dtypes or shapes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.weighted_cross_entropy_with_logits([1.0, 0.0], [0.0, 0.0], 2.0).numpy()
        array([1.3862944, 0.6931472], dtype=float32)
    """
    z, x = _pair(labels, logits, "weighted_cross_entropy_with_logits")
    positive = multiply(multiply(z, pos_weight), softplus(negative(x)))
    return add(positive, multiply(subtract(1.0, z), softplus(x)))


def log_poisson_loss(
    targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None
) -> Any:
    """Return exp(log_input) - targets * log_input: the negated log-likelihood of counts.

    Args:
        targets: floating-point counts.
        log_input: the logarithm of the expected count, of the same dtype and shape.
        compute_full_loss: add Stirling's approximation of log(targets!) for targets above 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for dtypes or shapes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.log_poisson_loss([2.0], [0.0]).numpy()
        array([1.], dtype=float32)
    """
    z, x = _pair(targets, log_input, "log_poisson_loss")
    loss = subtract(exp(x), multiply(x, z))
    if not compute_full_loss:
        return loss
    zero, one = full((), 0, z._dtype), full((), 1, z._dtype)
    small = logical_and(greater_equal(z, zero), less_equal(z, one))
    count = select(small, one, z)  # so that the branch that is left out has no slope of its own
    stirling = add(
        subtract(multiply(count, log(count)), count),
        multiply(0.5, log(multiply(2 * math.pi, count))),
    )
    return add(loss, select(small, zero, stirling))
