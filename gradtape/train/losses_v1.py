"""TensorFlow 1's losses: cross entropies by keyword, and `tf.losses`, which weight a loss, reduce it to
a number and note it in the graph's collection of losses."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from gradtape.autodiff.custom import stop_gradient
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import brief
from gradtape.graph.building import get_default_graph
from gradtape.graph.variables import GraphKeys
from gradtape.ops.arithmetic import absolute, add_n, divide_no_nan, minimum
from gradtape.ops.basis import add, cast, full, multiply, negative, subtract
from gradtape.ops.cross_entropies import (
    softmax_cross_entropy_with_logits as softmax_of_classes,
)
from gradtape.ops.cross_entropies import (
    sparse_softmax_cross_entropy_with_logits as sparse_softmax_of_classes,
)
from gradtape.ops.exponential import log
from gradtape.ops.logistic_losses import sigmoid_cross_entropy_with_logits as sigmoid_of_logits
from gradtape.ops.neural import relu
from gradtape.ops.powers import square
from gradtape.ops.reductions import reduce_mean, reduce_sum
from gradtape.ops.stepwise import not_equal

# cross entropies


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None,
    labels: Any = None,
    logits: Any = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Any:
    """Return the cross entropy of labels and softmax(logits); the labels count as constants.

    Args:
        labels: probabilities, by keyword.
        logits: of the labels' shape, by keyword.
        dim: the axis of the classes, or `axis`.
        name: the name of the operation in a graph.

    Example:
        >>> import gradtape.compat.v1 as tf
        >>> loss = tf.nn.softmax_cross_entropy_with_logits(labels=[[1.0, 0.0]], logits=[[0.0, 0.0]])
        >>> print(f"{loss[0]:.4f}")
        0.6931
    """
    labels, logits = _by_keyword(_sentinel, labels, logits, "softmax_cross_entropy_with_logits")
    return softmax_of_classes(stop_gradient(labels), logits, dim if axis is None else axis)


def softmax_cross_entropy_with_logits_v2(
    labels: Any,
    logits: Any,
    axis: int | None = None,
    name: str | None = None,
    dim: int | None = None,
) -> Any:
    """Return the cross entropy of labels and softmax(logits).

    Example:
        >>> import gradtape.compat.v1 as tf
        >>> loss = tf.nn.softmax_cross_entropy_with_logits_v2([[1.0, 0.0]], [[0.0, 0.0]])
        >>> print(f"{loss[0]:.4f}")
        0.6931
    """
    chosen = axis if axis is not None else dim
    return softmax_of_classes(labels, logits, -1 if chosen is None else chosen)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Any:
    """Return the cross entropy of class numbers and softmax(logits).

    Args:
        labels: integers, by keyword.
        logits: the labels' shape and an axis of classes, by keyword.
        name: the name of the operation in a graph.

    Example:
        >>> import gradtape.compat.v1 as tf
        >>> loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0], logits=[[0.0, 0.0]])
        >>> print(f"{loss[0]:.4f}")
        0.6931
    """
    function = "sparse_softmax_cross_entropy_with_logits"
    return sparse_softmax_of_classes(*_by_keyword(_sentinel, labels, logits, function))


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Any:
    """Return the cross entropy of labels and sigmoid(logits), element by element.

    Args:
        labels: probabilities, by keyword.
        logits: of the labels' shape, by keyword.
        name: the name of the operation in a graph.

    Example:
        >>> import gradtape.compat.v1 as tf
        >>> loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0])
        >>> print(f"{loss[0]:.4f}")
        0.6931
    """
    function = "sigmoid_cross_entropy_with_logits"
    return sigmoid_of_logits(*_by_keyword(_sentinel, labels, logits, function))


def _by_keyword(sentinel: Any, labels: Any, logits: Any, function: str) -> tuple[Any, Any]:
    if sentinel is not None:
        raise ValueError(
            f"Only call `{function}` with named arguments (labels=..., logits=..., ...)"
        )
    if labels is None or logits is None:
        raise ValueError(f"tf.nn.{function}: both labels and logits must be provided.")
    return labels, logits
