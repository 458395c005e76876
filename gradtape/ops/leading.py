"""The largest elements along an axis: top_k, in_top_k, approx_max_k."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import at_least, same_shape
from gradtape.ops.assembly import slice_axis
from gradtape.ops.basis import cast
from gradtape.ops.gathering import INT64, spread, take_along
from gradtape.ops.indexing import index_tensor
from gradtape.ops.selection import integer_dtype, order, ordered
from gradtape.ops.static import static_axis, static_int, static_size

TopK = namedtuple("TopKV2", ["values", "indices"])


_top = primitive(
    "top_indices",
    lambda xp, x, *, k: xp.top_indices(x, k),
    batch=lambda mask, x, k: top_indices(x, k),
    shape=lambda x, k: Spec((*x._shape[:-1], k), INT64),
    differentiable=False,
    family="stepwise",
)


def top_indices(x: Any, k: int) -> Any:
    """The places of the k largest along the last axis, the largest first, of equals the first
    place first.
    """
    return apply(_top, (x,), {"k": k})


def top_k(
    input: Any,
    k: Any = 1,
    sorted: bool = True,
    index_type: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return the k largest elements along the last axis and their places, as a pair (values,
    indices).

    Of equal elements the one at the lower index comes first; NaN counts as the largest.

    Args:
        input: (..., n) real.
        k: how many, 0 <= k <= n.
        sorted: ignored: the result is always in descending order.
        index_type: the integer dtype of the indices.

    Raises:
        InvalidArgumentError: when k is negative or larger than n, or for a scalar.

    Example:
        >>> import gradtape as tf
        >>> values, indices = tf.math.top_k([1.0, 3.0, 2.0], k=2)
        >>> values.numpy(), indices.numpy()
        (array([3., 2.], dtype=float32), array([1, 2], dtype=int32))
    """
    x = ordered(input, "top_k")
    count = static_size(k, "top_k", "k")
    if not x._shape or not (count >= 0 and at_least(x._shape[-1], count)):
        raise InvalidArgumentError(
            f"gradtape.top_k({brief(x)}): input must have at least one axis and k = {count} be in "
            f"[0, {x._shape[-1] if x._shape else 0}], the size of the last one."
        )
    places = top_indices(x, count)
    values = take_along(x, places, len(x._shape) - 1)
    return TopK(values, cast(places, integer_dtype(index_type, "top_k", "index_type")))


def _in_top_kernel(xp: Any, predictions: Any, targets: Any, *, k: int) -> Any:
    size = predictions.shape[-1]
    inside = (targets >= 0) & (targets < size)
    places = xp.where(inside, targets, 0)[..., None]
    chosen = xp.take_along_axis(predictions, places, axis=-1)
    above = xp.sum(predictions > chosen, axis=-1)
    return inside & xp.isfinite(chosen[..., 0]) & (above < k)


_in_top = primitive(
    "in_top_k",
    _in_top_kernel,
    batch=lambda mask, predictions, targets, k: apply(
        _in_top, tuple(spread(mask, predictions, targets)), {"k": k}
    ),
    shape=lambda predictions, targets, k: Spec(targets._shape, np.dtype(np.bool_)),
    differentiable=False,
    family="stepwise",
)


def in_top_k(targets: Any, predictions: Any, k: Any, name: str | None = None) -> Any:
    """Return whether each target is among the k classes of the largest predictions.

    Classes that tie at the boundary all count as in the top k; a prediction that is not finite, and
    a target that is no class, do not.

    Args:
        targets: (n,) integers.
        predictions: (n, classes) real.
        k: how many classes count.

    Raises:
        InvalidArgumentError: when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.math.in_top_k([1, 1], [[0.1, 0.9], [0.8, 0.2]], k=1).numpy()
        array([ True, False])
    """
    predictions = ordered(predictions, "in_top_k", "fV")
    targets = index_tensor(targets, "in_top_k", "targets")
    if len(predictions._shape) != 2 or not same_shape(targets._shape, predictions._shape[:1]):
        raise InvalidArgumentError(
            f"gradtape.in_top_k({brief(targets)}, {brief(predictions)}): needs targets of shape "
            "[n] and predictions of shape [n, classes]."
        )
    return apply(_in_top, (predictions, targets), {"k": static_int(k, "in_top_k", "k")})


def _approximate(operand: Any, k: Any, axis: Any, largest: bool, function: str) -> Any:
    """The k largest (smallest) along an axis, exactly."""
    x = ordered(operand, function)
    number = static_axis(axis, len(x._shape), function)
    count = static_int(k, function, "k")
    if not 0 <= count <= x._shape[number]:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): k = {count} must be in [0, {x._shape[number]}], the "
            f"size of axis {number}."
        )
    places = slice_axis(order(x, number, largest), 0, count, number)
    return take_along(x, places, number), cast(places, np.dtype(np.int32))


def approx_max_k(
    operand: Any,
    k: Any,
    reduction_dimension: Any = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
    name: str | None = None,
) -> Any:
    """Return the k largest elements along an axis and their places; here they are exact.

    Args:
        operand: a real tensor.
        k: how many.
        reduction_dimension: the axis, in [-r, r).
        recall_target, reduction_input_size_override, aggregate_to_topk: ignored.

    Raises:
        InvalidArgumentError: when k is negative or larger than the axis.

    Example:
        >>> import gradtape as tf
        >>> tf.math.approx_max_k([1.0, 3.0, 2.0], 2)[0].numpy()
        array([3., 2.], dtype=float32)
    """
    return _approximate(operand, k, reduction_dimension, True, "approx_max_k")


def approx_min_k(
    operand: Any,
    k: Any,
    reduction_dimension: Any = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
    name: str | None = None,
) -> Any:
    """Return the k smallest elements along an axis and their places; here they are exact.

    Args:
        operand: a real tensor.
        k: how many.
        reduction_dimension: the axis, in [-r, r).
        recall_target, reduction_input_size_override, aggregate_to_topk: ignored.

    Raises:
        InvalidArgumentError: when k is negative or larger than the axis.

    Example:
        >>> import gradtape as tf
        >>> tf.math.approx_min_k([1.0, 3.0, 2.0], 2)[0].numpy()
        array([1., 2.], dtype=float32)
    """
    return _approximate(operand, k, reduction_dimension, False, "approx_min_k")
