"""Order and extremes: argmax, sort, argsort, top_k, in_top_k, searchsorted."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.ops.basis import cast, reduced_shape, reshape, size_of
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.gathering import INT64, spread, take_along
from gradtape.ops.static import static_axis

ORDERED = "iufV"


def integer_dtype(dtype: Any, function: str, argument: str = "output_type") -> np.dtype[Any]:
    """A dtype argument that must name an integer type."""
    found = as_dtype(dtype).numpy_dtype
    if found.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} must be an integer type, not {found.name}. "
            "Write tf.int32 or tf.int64."
        )
    return found


def ordered(value: Any, function: str, kinds: str = ORDERED) -> Any:
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
    x = ordered(input, function, "biufV")
    dtype = integer_dtype(output_type, function)
    number = static_axis(0 if axis is None else axis, len(x._shape), function)
    if x._shape[number] == 0:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): Reduction axis {number} is empty, so that there is "
            "no largest or smallest element. Check tf.size(x) first."
        )
    return cast(_places(x, number, largest), dtype)


def argmax(
    input: Any, axis: Any = None, output_type: Any = np.int64, name: str | None = None
) -> Any:
    """Return the place of the largest element along an axis; the first one of equals, a NaN before
    all.

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
    """Return the place of the smallest element along an axis; the first one of equals, a NaN before
    all.

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
    x = ordered(values, function, "biufV")
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


# places in a sorted sequence


def _search_kernel(xp: Any, sequences: Any, values: Any, *, side: str) -> Any:
    *lead, size = values.shape
    rows = size_of(tuple(lead))
    sequences = sequences.reshape(rows, sequences.shape[-1])
    return xp.search_rows(sequences, values.reshape(rows, size), side).reshape(values.shape)


_search = primitive(
    "searchsorted",
    _search_kernel,
    batch=lambda mask, sequences, values, side: search(*spread(mask, sequences, values), side=side),
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
            "gradtape.searchsorted: Argument `side` must be either 'right' or 'left', not "
            f"{side!r}."
        )
    sequence, values = pair(sorted_sequence, values, "searchsorted")
    if sequence._dtype != values._dtype:
        raise mixed_dtypes("searchsorted", sequence, values)
    if sequence._dtype.kind not in ORDERED:
        raise wrong_kind("searchsorted", "iufV", sequence, values)
    rows = [size_of(x._shape[:-1]) if x._shape else -1 for x in (sequence, values)]
    if -1 in rows or not same(*rows):
        raise InvalidArgumentError(
            f"gradtape.searchsorted({brief(sequence)}, {brief(values)}): both need at least one "
            "axis and the same axes before the last. Reshape or broadcast one."
        )
    sequence = reshape(sequence, (*values._shape[:-1], sequence._shape[-1]))
    return cast(search(sequence, values, side), integer_dtype(out_type, "searchsorted", "out_type"))
