"""TensorFlow 1's losses: cross entropies by keyword, and `tf.losses`, which weight a loss, reduce
it to a number and note it in the graph's collection of losses."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from gradtape.autodiff.custom import stop_gradient
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.module import name_scope
from gradtape.core.surroundings import executing_eagerly
from gradtape.graph.building import get_default_graph
from gradtape.graph.variables import GraphKeys
from gradtape.ops.arithmetic import absolute, add_n, divide, divide_no_nan, minimum
from gradtape.ops.basis import add, cast, multiply, negative, reshape, subtract
from gradtape.ops.creation import ones_like
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
from gradtape.ops.static import choice, static_float
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
        >>> from gradtape.compat import v1 as tf
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
        >>> from gradtape.compat import v1 as tf
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
        >>> from gradtape.compat import v1 as tf
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
        >>> from gradtape.compat import v1 as tf
        >>> loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0])
        >>> print(f"{loss[0]:.4f}")
        0.6931
    """
    function = "sigmoid_cross_entropy_with_logits"
    return sigmoid_of_logits(*_by_keyword(_sentinel, labels, logits, function))


def _by_keyword(sentinel: Any, labels: Any, logits: Any, function: str) -> tuple[Any, Any]:
    if sentinel is not None:
        raise ValueError(
            f"gradtape.nn.{function}: only call it with named arguments (labels=..., logits=...)."
        )
    if labels is None or logits is None:
        raise ValueError(f"gradtape.nn.{function}: both labels and logits must be provided.")
    return labels, logits


# weighted losses


class Reduction(enum.Enum):
    """How a weighted loss becomes a number.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.losses.Reduction.SUM.value
        'weighted_sum'
    """

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"


USUAL = Reduction.SUM_BY_NONZERO_WEIGHTS


def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Weight losses and reduce them to a number.

    Args:
        losses: a floating tensor.
        weights: a scalar, or a tensor of the losses' rank whose sizes are theirs or 1.
        scope: the name scope of the operations.
        loss_collection: the collection of the graph that the result joins, or None.
        reduction: a member of `Reduction`; by default the mean over what has a weight.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.compute_weighted_loss([1.0, 3.0], weights=[1.0, 0.0]))
        1.0
    """
    losses = as_tensor(losses, "losses.compute_weighted_loss")
    how = _reduction(reduction)
    with name_scope(scope or "weighted_loss"):
        found = _reduced(losses, weights, how)
    if loss_collection and not executing_eagerly():
        get_default_graph().add_to_collection(loss_collection, found)
    return found


def _reduction(given: Any) -> Reduction:
    """A way to reduce, or the word for it."""
    if isinstance(given, Reduction):
        return given
    words = [r.value for r in Reduction]
    return Reduction(choice(given, words, "losses.compute_weighted_loss", "reduction"))


def _reduced(losses: Any, weights: Any, how: Reduction) -> Any:
    weight = as_tensor_like(weights, losses._dtype, "losses.compute_weighted_loss")
    weighted = multiply(losses, cast(weight, losses._dtype))
    if how is Reduction.NONE:
        return weighted
    if how is Reduction.SUM:
        return reduce_sum(weighted)
    if how is Reduction.SUM_OVER_BATCH_SIZE or (isinstance(weights, (int, float)) and weights):
        mean = reduce_mean(weighted)
        return divide(mean, weight) if how is Reduction.MEAN else mean
    counted = weight if how is Reduction.MEAN else cast(not_equal(weight, 0), losses._dtype)
    total = reduce_sum(multiply(counted, ones_like(losses)))
    return divide_no_nan(reduce_sum(weighted), total)


def _loss(name: str, losses: Any, weights: Any, scope: Any, collection: Any, reduction: Any) -> Any:
    return compute_weighted_loss(losses, weights, scope or name, collection, reduction)


def _alike(labels: Any, predictions: Any, function: str) -> tuple[Any, Any]:
    """Labels in the dtype of the predictions."""
    if labels is None or predictions is None:
        raise ValueError(f"gradtape.losses.{function}: both labels and predictions must be given.")
    predictions = as_tensor(predictions, f"losses.{function}")
    if predictions._dtype.kind not in "fV":
        predictions = cast(predictions, np.dtype(np.float32))
    return cast(as_tensor(labels, f"losses.{function}"), predictions._dtype), predictions


def absolute_difference(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean of |labels - predictions|; the arguments are
    `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.absolute_difference([1.0, 2.0], [2.0, 5.0]))
        2.0
    """
    labels, predictions = _alike(labels, predictions, "absolute_difference")
    losses = absolute(subtract(predictions, labels))
    return _loss("absolute_difference", losses, weights, scope, loss_collection, reduction)


def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean of (labels - predictions)^2; the arguments are
    `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.mean_squared_error([1.0, 2.0], [2.0, 5.0]))
        5.0
    """
    labels, predictions = _alike(labels, predictions, "mean_squared_error")
    losses = square(subtract(predictions, labels))
    return _loss("mean_squared_error", losses, weights, scope, loss_collection, reduction)


def huber_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean of Huber's loss: e^2 / 2 up to delta, and delta |e| - delta^2 / 2
    beyond (Huber 1964); the other arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.huber_loss([0.0, 0.0], [1.0, 3.0]))
        1.5
    """
    labels, predictions = _alike(labels, predictions, "huber_loss")
    size = absolute(subtract(predictions, labels))
    near = minimum(size, delta)
    losses = add(multiply(0.5, square(near)), multiply(subtract(size, near), delta))
    return _loss("huber_loss", losses, weights, scope, loss_collection, reduction)


def hinge_loss(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean of max(0, 1 - y logits) with y = 1 for the label 1 and -1 for 0; the
    arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.hinge_loss([1.0, 0.0], [0.5, 0.5]))
        1.0
    """
    labels, logits = _alike(labels, logits, "hinge_loss")
    signs = subtract(multiply(2.0, labels), 1.0)
    losses = relu(subtract(1.0, multiply(signs, logits)))
    return _loss("hinge_loss", losses, weights, scope, loss_collection, reduction)


def log_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean of -y log(p + epsilon) - (1 - y) log(1 - p + epsilon); the other
    arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> print(f"{tf.losses.log_loss([1.0], [0.5]):.4f}")
        0.6931
    """
    labels, predictions = _alike(labels, predictions, "log_loss")
    hit = multiply(labels, log(add(predictions, epsilon)))
    miss = multiply(subtract(1.0, labels), log(add(subtract(1.0, predictions), epsilon)))
    losses = negative(add(hit, miss))
    return _loss("log_loss", losses, weights, scope, loss_collection, reduction)


def sigmoid_cross_entropy(
    multi_class_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean cross entropy of labels and sigmoid(logits); `label_smoothing` draws
    labels towards 1/2, the other arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> print(f"{tf.losses.sigmoid_cross_entropy([[1.0]], [[0.0]]):.4f}")
        0.6931
    """
    labels, logits = _alike(multi_class_labels, logits, "sigmoid_cross_entropy")
    smoothing = static_float(label_smoothing, "losses.sigmoid_cross_entropy", "label_smoothing")
    if smoothing:
        labels = add(multiply(labels, 1.0 - smoothing), 0.5 * smoothing)
    losses = sigmoid_of_logits(labels, logits)
    return _loss("sigmoid_cross_entropy", losses, weights, scope, loss_collection, reduction)


def softmax_cross_entropy(
    onehot_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean cross entropy of labels and softmax(logits); `label_smoothing` draws
    labels towards equal shares, the other arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> print(f"{tf.losses.softmax_cross_entropy([[1.0, 0.0]], [[0.0, 0.0]]):.4f}")
        0.6931
    """
    labels, logits = _alike(onehot_labels, logits, "softmax_cross_entropy")
    smoothing = static_float(label_smoothing, "losses.softmax_cross_entropy", "label_smoothing")
    if smoothing:
        labels = add(multiply(labels, 1.0 - smoothing), smoothing / labels._shape[-1])
    losses = softmax_of_classes(stop_gradient(labels), logits)
    return _loss("softmax_cross_entropy", losses, weights, scope, loss_collection, reduction)


def sparse_softmax_cross_entropy(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
) -> Any:
    """Return the weighted mean cross entropy of class numbers and softmax(logits); the arguments
    are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> print(f"{tf.losses.sparse_softmax_cross_entropy([0], [[0.0, 0.0]]):.4f}")
        0.6931
    """
    labels, logits = as_tensor(labels), as_tensor(logits)
    if len(labels._shape) == len(logits._shape) and labels._shape[-1:] == (1,):
        labels = reshape(labels, labels._shape[:-1])
    losses = sparse_softmax_of_classes(labels, logits)
    name = "sparse_softmax_cross_entropy"
    return _loss(name, losses, weights, scope, loss_collection, reduction)


def cosine_distance(
    labels: Any,
    predictions: Any,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: Any = GraphKeys.LOSSES,
    reduction: Any = USUAL,
    dim: int | None = None,
) -> Any:
    """Return the weighted mean of 1 - labels . predictions, both of length 1 along an axis; the
    other arguments are `compute_weighted_loss`'s.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.cosine_distance([[1.0, 0.0]], [[0.0, 1.0]], axis=1))
        1.0
    """
    along = axis if axis is not None else dim
    if along is None:
        raise ValueError("gradtape.losses.cosine_distance: you must specify argument `axis`.")
    labels, predictions = _alike(labels, predictions, "cosine_distance")
    losses = subtract(1.0, reduce_sum(multiply(labels, predictions), along, keepdims=True))
    return _loss("cosine_distance", losses, weights, scope, loss_collection, reduction)


# the losses of a graph


def add_loss(loss: Any, loss_collection: Any = GraphKeys.LOSSES) -> None:
    """Add a loss to the graph's collection; where operations run at once there is none.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.losses.add_loss(tf.constant(1.0))
        ...     len(tf.losses.get_losses())
        1
    """
    if loss_collection and not executing_eagerly():
        get_default_graph().add_to_collection(loss_collection, loss)


def get_losses(scope: str | None = None, loss_collection: Any = GraphKeys.LOSSES) -> list[Any]:
    """Return the losses of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     loss = tf.losses.mean_squared_error([1.0], [2.0])
        ...     len(tf.losses.get_losses())
        1
    """
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> list[Any]:
    """Return what the regularizers of `get_variable` gave.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.get_variable("w", [2], regularizer=tf.nn.l2_loss)
        ...     len(tf.losses.get_regularization_losses())
        1
    """
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(
    scope: str | None = None, name: str = "total_regularization_loss"
) -> Any:
    """Return the sum of the regularization losses of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> float(tf.losses.get_regularization_loss())
        0.0
    """
    losses = get_regularization_losses(scope)
    return add_n(losses) if losses else as_tensor(0.0)


def get_total_loss(
    add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None
) -> Any:
    """Return the sum of the losses of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     loss = tf.losses.mean_squared_error([1.0], [2.0])
        ...     float(session.run(tf.losses.get_total_loss()))
        1.0
    """
    losses = get_losses(scope)
    if add_regularization_losses:
        losses += get_regularization_losses(scope)
    return add_n(losses)
