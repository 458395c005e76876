"""Cross entropies of logits, with distributions or class numbers as labels."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    broadcast_to,
    chain_multiply,
    multiply,
    negative,
    reshape,
    safe_multiply,
    subtract,
    sum_axes,
    transpose,
)
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.families import FLOATING
from gradtape.ops.reductions import spread_all
from gradtape.ops.softmax import as_logits, log_softmax, softmax_pull


def _column(x: Any) -> Any:
    """x with one more axis at the end."""
    return reshape(x, (*x._shape, 1))


def _last_sum(x: Any, keepdims: bool = False) -> Any:
    return sum_axes(x, (len(x._shape) - 1,), keepdims)


def _pulled_softmax(ct: Any, y: Any, first: Any) -> Any:
    """What the loss and the softmax that stands beside it pull back to the logits."""
    if ct is None:
        return first
    second = softmax_pull(ct, y, len(y._shape) - 1)
    return second if first is None else add(first, second)


def _loss_specs(labels: Any, logits: Any) -> tuple[Spec, Spec]:
    return Spec(logits._shape[:-1], logits._dtype), Spec(logits._shape, logits._dtype)


# labels that are distributions: loss = sum(labels) * logsumexp(x) - <labels, x>, over the last axis


_dense_pull = primitive(
    "softmax_loss_pull",
    lambda xp, ct, y, labels: xp.softmax_loss_pull(ct, y, labels),
    vjps=[
        lambda ct2, y, labels: _dense_push(ct2, y, labels),
        lambda ct2, ct, labels: chain_multiply(
            ct2, chain_multiply(_column(ct), _last_sum(labels, keepdims=True))
        ),
        lambda ct2, ct, y: chain_multiply(
            _column(ct), subtract(_last_sum(chain_multiply(ct2, y), keepdims=True), ct2)
        ),
    ],
    jvps=[
        lambda t, y, labels: dense_pull(t, y, labels),
        lambda t, ct, labels: chain_multiply(
            t, chain_multiply(_column(ct), _last_sum(labels, keepdims=True))
        ),
        lambda t, ct, y: dense_pull(ct, y, t),
    ],
    batch=lambda mask, *inputs: dense_pull(*spread_all(mask, inputs)),
    shape=lambda ct, y, labels: Spec(y._shape, y._dtype),
    kinds=FLOATING,
    family="reduction",
)


def dense_pull(ct: Any, y: Any, labels: Any) -> Any:
    """ct * (y * sum(labels) - labels), what the loss pulls back to logits with the softmax y."""
    return apply(_dense_pull, (ct, y, labels))


def _dense_push(t: Any, y: Any, labels: Any) -> Any:
    """The transpose of `dense_pull` in its first argument."""
    slope = subtract(multiply(y, _last_sum(labels, keepdims=True)), labels)
    return _last_sum(safe_multiply(t, slope))


def _dense_by_labels(cts: Any, logits: Any) -> Any:
    if cts[0] is None:
        return None
    return negative(safe_multiply(_column(cts[0]), log_softmax(logits)))


def _dense_by_logits(cts: Any, labels: Any, out: Any) -> Any:
    first = None if cts[0] is None else dense_pull(cts[0], out[1], labels)
    return _pulled_softmax(cts[1], out[1], first)


_softmax_loss = primitive(
    "softmax_cross_entropy_with_logits",
    lambda xp, labels, logits: xp.softmax_loss(labels, logits),
    vjps=[_dense_by_labels, _dense_by_logits],
    jvps=[
        lambda t, logits: (negative(_last_sum(safe_multiply(t, log_softmax(logits)))), None),
        lambda t, labels, out: (
            _dense_push(t, out[1], labels),
            softmax_pull(t, out[1], len(t._shape) - 1),
        ),
    ],
    batch=lambda mask, *inputs: apply(_softmax_loss, spread_all(mask, inputs)),
    shape=_loss_specs,
    several=True,
    gaps=True,
    kinds=FLOATING,
    family="reduction",
)


def softmax_cross_entropy_with_logits(
    labels: Any, logits: Any, axis: Any = -1, name: str | None = None
) -> Any:
    """Return the cross entropy of distributions with logits: -sum(labels * log_softmax(logits)).

    The derivative by the logits is softmax * sum(labels) - labels, also where the labels do not
    sum to 1; a label of 0 counts nothing, even where the logit is -inf.

    Args:
        labels: (..., classes) floating-point; a distribution in each row.
        logits: (..., classes) of the same dtype and shape.
        axis: the axis of the classes.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for dtypes or shapes that do not fit, or scalars.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], [[0.0, 0.0]]).numpy()
        array([0.6931472], dtype=float32)
    """
    function = "softmax_cross_entropy_with_logits"
    labels, logits = _fitting(labels, logits, function)
    logits, number = as_logits(logits, axis, function)
    if labels._shape != logits._shape:
        labels, logits = _broadcast(labels, logits, function)
    rank = len(logits._shape)
    if number != rank - 1:
        order = (*[i for i in range(rank) if i != number], number)
        labels, logits = transpose(labels, order), transpose(logits, order)
    return apply(_softmax_loss, (labels, logits))[0]


def _fitting(labels: Any, logits: Any, function: str) -> tuple[Any, Any]:
    if type(labels) is not Tensor or type(logits) is not Tensor:
        logits, labels = pair(logits, labels, function)
    if labels._dtype != logits._dtype:
        raise mixed_dtypes(function, labels, logits)
    return labels, logits


def _broadcast(labels: Any, logits: Any, function: str) -> tuple[Any, Any]:
    try:
        if len(labels._shape) != len(logits._shape):
            raise ValueError
        shape = broadcast_shapes(labels._shape, logits._shape)
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.{function}: labels {brief(labels)} and logits {brief(logits)} must have "
            "one shape. For class numbers write tf.nn.sparse_softmax_cross_entropy_with_logits."
        ) from None
    return broadcast_to(labels, shape), broadcast_to(logits, shape)


# labels that are class numbers


_pick = primitive(
    "pick_last",
    lambda xp, x, labels: xp.pick_last(x, labels),
    vjps=[lambda ct, labels, x_shape: place_last(ct, labels, x_shape[-1]), INTEGER],
    jvps=[lambda t, labels: pick_last(t, labels), INTEGER],
    batch=lambda mask, *inputs: pick_last(*spread_all(mask, inputs)),
    shape=lambda x, labels: Spec(labels._shape, x._dtype),
    family="indexing",
)


def pick_last(x: Any, labels: Any) -> Any:
    """x[..., labels[...]]: one element of each row of the last axis."""
    return apply(_pick, (x, labels))


_place = primitive(
    "place_last",
    lambda xp, values, labels, *, size: xp.place_last(values, labels, size),
    vjps=[lambda ct, labels: pick_last(ct, labels), INTEGER],
    jvps=[lambda t, labels, size: place_last(t, labels, size), INTEGER],
    batch=lambda mask, *inputs, size: place_last(*spread_all(mask, inputs), size=size),
    shape=lambda values, labels, size: Spec((*labels._shape, size), values._dtype),
    family="indexing",
)


def place_last(values: Any, labels: Any, size: int) -> Any:
    """Zeros, with one value at its label in each row of a new last axis."""
    return apply(_place, (values, labels), {"size": size})


_sparse_pull = primitive(
    "sparse_softmax_loss_pull",
    lambda xp, ct, y, labels: xp.sparse_softmax_loss_pull(ct, y, labels),
    vjps=[
        lambda ct2, y, labels: _sparse_push(ct2, y, labels),
        lambda ct2, ct: chain_multiply(ct2, _column(ct)),
        INTEGER,
    ],
    jvps=[
        lambda t, y, labels: sparse_pull(t, y, labels),
        lambda t, ct: chain_multiply(t, _column(ct)),
        INTEGER,
    ],
    batch=lambda mask, *inputs: sparse_pull(*spread_all(mask, inputs)),
    shape=lambda ct, y, labels: Spec(y._shape, y._dtype),
    family="indexing",
)


def sparse_pull(ct: Any, y: Any, labels: Any) -> Any:
    """ct * (y - onehot(labels)), the derivative of the loss by the logits; y is their softmax."""
    return apply(_sparse_pull, (ct, y, labels))


def _sparse_push(t: Any, y: Any, labels: Any) -> Any:
    """The transpose of `sparse_pull` in its first argument."""
    return subtract(_last_sum(chain_multiply(t, y)), pick_last(t, labels))


def _sparse_by_logits(cts: Any, labels: Any, out: Any) -> Any:
    first = None if cts[0] is None else sparse_pull(cts[0], out[1], labels)
    return _pulled_softmax(cts[1], out[1], first)


_sparse_loss = primitive(
    "sparse_softmax_cross_entropy_with_logits",
    lambda xp, labels, logits: xp.sparse_softmax_loss(labels, logits),
    vjps=[INTEGER, _sparse_by_logits],
    jvps=[
        INTEGER,
        lambda t, labels, out: (
            _sparse_push(t, out[1], labels),
            softmax_pull(t, out[1], len(t._shape) - 1),
        ),
    ],
    batch=lambda mask, *inputs: apply(_sparse_loss, spread_all(mask, inputs)),
    shape=_loss_specs,
    several=True,
    gaps=True,
    family="reduction",
)


def sparse_softmax_cross_entropy_with_logits(
    labels: Any, logits: Any, name: str | None = None
) -> Any:
    """Return -log_softmax(logits)[..., labels]: the cross entropy of class numbers with logits.

    Args:
        labels: (...) integers in [0, classes).
        logits: (..., classes) floating-point.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a label out of range, labels that are no integers, or shapes
            that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.sparse_softmax_cross_entropy_with_logits([1], [[0.0, 0.0]]).numpy()
        array([0.6931472], dtype=float32)
    """
    function = "sparse_softmax_cross_entropy_with_logits"
    numbers = as_tensor(labels, function)
    x, _ = as_logits(logits, None, function)
    if numbers._dtype.kind not in "iu":
        raise wrong_kind(function, "iu", numbers)
    if not same_shape(numbers._shape, x._shape[:-1]):
        raise InvalidArgumentError(
            f"gradtape.{function}: labels {brief(numbers)} must have the shape of logits "
            f"{brief(x)} without the last axis. For distributions write "
            "tf.nn.softmax_cross_entropy_with_logits."
        )
    return apply(_sparse_loss, (numbers, x))[0]
