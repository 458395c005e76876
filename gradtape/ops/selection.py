"""Order and extremes: argmax, sort, argsort, top_k, in_top_k, searchsorted."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import cast, reduced_shape, size_of
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.gathering import INT64, spread, take_along
from gradtape.ops.indexing import index_tensor
from gradtape.ops.static import static_axis, static_int

ORDERED = "iufV"
TopK = namedtuple("TopKV2", ["values", "indices"])


def integer_dtype(dtype: Any, function: str, argument: str = "output_type") -> np.dtype[Any]:
    """A dtype argument that must name an integer type."""
    found = as_dtype(dtype).numpy_dtype
    if found.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} must be an integer type, not {found.name}. "
            "Write tf.int32 or tf.int64."
        )
    return found


def _ordered(value: Any, function: str, kinds: str = ORDERED) -> Any:
    """An argument as a tensor whose elements can be compared."""
    x = as_tensor(value, function)
    if x._dtype.kind not in kinds:
        raise wrong_kind(function, "iufV", x)
    return x


# extremes

_argextreme = primitive(
    "argextreme",
    lambda xp, x, *, axis, largest: (xp.argmax if largest else xp.argmin)(x, axis=axis),
    batch=lambda mask, x, axis, largest: _places(x, axis + 1, largest),
    shape=lambda x, axis, largest: Spec(reduced_shape(x._shape, (axis,), False), INT64),
    differentiable=False,
    family="stepwise",
)


def _places(x: Any, axis: int, largest: bool) -> Any:
    return apply(_argextreme, (x,), {"axis": axis, "largest": largest})


def _extreme_place(input: Any, axis: Any, output_type: Any, largest: bool, function: str) -> Any:
    x = _ordered(input, function, "biufV")
    dtype = integer_dtype(output_type, function)
    number = static_axis(0 if axis is None else axis, len(x._shape), function)
    if x._shape[number] == 0:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): Reduction axis {number} is empty, so that there is no "
            "largest or smallest element. Check tf.size(x) first."
        )
    return cast(_places(x, number, largest), dtype)


def argmax(
    input: Any, axis: Any = None, output_type: Any = np.int64, name: str | None = None
) -> Any:
    """Return the place of the largest element along an axis; the first one of equals, a NaN before all.

    Args:
        input: a real or bool tensor.
        axis: an integer in [-r, r), 0 by default.
        output_type: the integer dtype of the result.

    Raises:
        InvalidArgumentError: for an empty axis, a scalar or a complex tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.argmax([[1.0, 9.0], [3.0, 2.0]], axis=1).numpy()
        array([1, 0])
    """
    return _extreme_place(input, axis, output_type, True, "argmax")


def argmin(
    input: Any, axis: Any = None, output_type: Any = np.int64, name: str | None = None
) -> Any:
    """Return the place of the smallest element along an axis; the first one of equals, a NaN before all.

    Args:
        input: a real or bool tensor.
        axis: an integer in [-r, r), 0 by default.
        output_type: the integer dtype of the result.

    Raises:
        InvalidArgumentError: for an empty axis, a scalar or a complex tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.argmin([[1.0, 9.0], [3.0, 2.0]], axis=1).numpy()
        array([0, 1])
    """
    return _extreme_place(input, axis, output_type, False, "argmin")


# order

_order = primitive(
    "argsort",
    lambda xp, x, *, axis, descending: xp.order(x, axis, descending),
    batch=lambda mask, x, axis, descending: order(x, axis + 1, descending),
    shape=lambda x, axis, descending: Spec(x._shape, INT64),
    differentiable=False,
    family="stepwise",
)


def order(x: Any, axis: int, descending: bool) -> Any:
    """The stable order along a non-negative axis; NaN counts as the largest."""
    return apply(_order, (x,), {"axis": axis, "descending": descending})


def _sorting(values: Any, axis: Any, direction: str, function: str) -> tuple[Any, int, bool]:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(
            f"gradtape.{function}: Argument `direction` should be one of ASCENDING, DESCENDING, "
            f"not {direction!r}."
        )
    x = _ordered(values, function, "biufV")
    number = static_axis(axis, len(x._shape), function)
    return x, number, direction == "DESCENDING"


def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """Return the elements sorted along an axis; NaN counts as the largest.

    The derivative follows each element to its place; equal elements keep their order.

    Args:
        values: a real tensor with at least one axis.
        axis: an integer in [-r, r).
        direction: "ASCENDING" or "DESCENDING".

    Raises:
        ValueError: for another direction.
        InvalidArgumentError: for a scalar or complex tensor, or an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.sort([3.0, 1.0, 2.0]).numpy()
        array([1., 2., 3.], dtype=float32)
    """
    x, number, descending = _sorting(values, axis, direction, "sort")
    return take_along(x, order(x, number, descending), number)


def argsort(
    values: Any,
    axis: Any = -1,
    direction: str = "ASCENDING",
    stable: bool = False,
    name: str | None = None,
) -> Any:
    """Return the int32 indices that sort the elements along an axis, always stably.

    Args:
        values: a real tensor with at least one axis.
        axis: an integer in [-r, r).
        direction: "ASCENDING" or "DESCENDING".
        stable: ignored: equal elements always keep their order.

    Raises:
        ValueError: for another direction.
        InvalidArgumentError: for a scalar or complex tensor, or an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.argsort([3.0, 1.0, 2.0]).numpy()
        array([1, 2, 0], dtype=int32)
    """
    x, number, descending = _sorting(values, axis, direction, "argsort")
    return cast(order(x, number, descending), np.dtype(np.int32))


_top = primitive(
    "top_indices",
    lambda xp, x, *, k: xp.top_indices(x, k),
    batch=lambda mask, x, k: top_indices(x, k),
    shape=lambda x, k: Spec((*x._shape[:-1], k), INT64),
    differentiable=False,
    family="stepwise",
)


def top_indices(x: Any, k: int) -> Any:
    """The places of the k largest along the last axis, the largest first, of equals the first place first."""
    return apply(_top, (x,), {"k": k})


def top_k(
    input: Any,
    k: Any = 1,
    sorted: bool = True,
    index_type: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return the k largest elements along the last axis and their places, as a pair (values, indices).

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
    x = _ordered(input, "top_k")
    count = static_int(k, "top_k", "k")
    if not x._shape or not 0 <= count <= x._shape[-1]:
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

    Classes that tie at the boundary all count as in the top k; a prediction that is not finite, and a target that is
    no class, do not.

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
    predictions = _ordered(predictions, "in_top_k", "fV")
    targets = index_tensor(targets, "in_top_k", "targets")
    if len(predictions._shape) != 2 or targets._shape != predictions._shape[:1]:
        raise InvalidArgumentError(
            f"gradtape.in_top_k({brief(targets)}, {brief(predictions)}): needs targets of shape [n] "
            "and predictions of shape [n, classes]."
        )
    return apply(_in_top, (predictions, targets), {"k": static_int(k, "in_top_k", "k")})


# places in a sorted sequence


def _search_kernel(xp: Any, sequences: Any, values: Any, *, side: str) -> Any:
    *lead, size = values.shape
    rows = size_of(tuple(lead))
    sequences = sequences.reshape(rows, sequences.shape[-1])
    return xp.search_rows(sequences, values.reshape(rows, size), side).reshape(values.shape)


_search = primitive(
    "searchsorted",
    _search_kernel,
    batch=lambda mask, sequences, values, side: search(*spread(mask, sequences, values), side),
    shape=lambda sequences, values, side: Spec(values._shape, INT64),
    differentiable=False,
    family="stepwise",
)


def search(sequences: Any, values: Any, side: str) -> Any:
    """Where values (..., m) belong in sorted sequences (..., n) with the same leading axes."""
    return apply(_search, (sequences, values), {"side": side})


def searchsorted(
    sorted_sequence: Any,
    values: Any,
    side: str = "left",
    out_type: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return where values would have to be inserted into sorted sequences to keep them sorted.

    Args:
        sorted_sequence: (..., n) sorted along the last axis.
        values: (..., m) with the same leading axes and dtype.
        side: "left" for the first place, "right" for the last.
        out_type: the integer dtype of the result, which has the shape of `values`.

    Raises:
        ValueError: for another `side`.
        InvalidArgumentError: when shapes or dtypes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.searchsorted([1.0, 2.0, 3.0], [2.0, 5.0]).numpy()
        array([1, 3], dtype=int32)
    """
    if side not in ("left", "right"):
        raise ValueError(
            f"gradtape.searchsorted: Argument `side` must be either 'right' or 'left', not {side!r}."
        )
    sequence, values = pair(sorted_sequence, values, "searchsorted")
    if sequence._dtype != values._dtype:
        raise mixed_dtypes("searchsorted", sequence, values)
    if sequence._dtype.kind not in ORDERED:
        raise wrong_kind("searchsorted", "iufV", sequence, values)
    if not values._shape or not sequence._shape or sequence._shape[:-1] != values._shape[:-1]:
        raise InvalidArgumentError(
            f"gradtape.searchsorted({brief(sequence)}, {brief(values)}): both need at least one axis "
            "and the same axes before the last. Reshape or broadcast one."
        )
    return cast(search(sequence, values, side), integer_dtype(out_type, "searchsorted", "out_type"))
