"""Norms of vectors and matrices, and division by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.ops.arithmetic import absolute, divide, maximum
from gradtape.ops.basis import (
    cast,
    full,
    real_dtype,
    reduced_shape,
    reshape,
    safe_divide,
    sum_axes,
    transpose,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.extremes import reduce_max
from gradtape.ops.families import INEXACT
from gradtape.ops.linalg_svd import singular_values
from gradtape.ops.norms import vector_norm
from gradtape.ops.reductions import Axis, reduction
from gradtape.ops.static import static, static_axes, static_axis, static_float


def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: Any = None,
    name: str | None = None,
) -> Any:
    """Return a norm of vectors or matrices; the derivative of the norm of 0 is 0.

    Args:
        tensor: a floating-point or complex tensor.
        ord: for vectors "euclidean", 1, 2, inf or a positive number p, for sum(|x|**p)**(1/p); for
            matrices "euclidean" or "fro" (Frobenius), 1 (largest sum of a column), inf (largest
            sum of a row) or 2 (largest singular value), "nuc" (their sum).
        axis: None for the vector of all elements, an integer for vectors along an axis, or two
            integers for matrices.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        ValueError: for another ord, or more than two axes.
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> float(tf.norm([3.0, 4.0])), float(tf.norm([[1.0, -2.0], [3.0, 4.0]], 1, axis=[0, 1]))
        (5.0, 6.0)
    """
    x = as_tensor(tensor, "norm")
    if x._dtype.kind not in INEXACT:
        raise wrong_kind("norm", INEXACT, x)
    rank, given = len(x._shape), static(axis, "norm", "axis")
    if isinstance(given, list):
        if len(given) != 2:
            raise ValueError(
                f"gradtape.norm: 'axis' must be None, an integer or two integers, not {given}. For "
                "more axes write tf.math.reduce_euclidean_norm(x, axis)."
            )
        rows, columns = (static_axis(a, rank, "norm") for a in given)
        return _matrix_norm(x, ord, rows, columns, bool(keepdims))
    if not _vector_order(ord):
        raise ValueError(
            "gradtape.norm: 'ord' must be a supported vector norm ('euclidean', 1, 2, inf or a "
            f"positive number), got {ord!r}. For matrices name two axes."
        )
    return vector_norm(x, ord, static_axes(given, rank, "norm"), bool(keepdims))


def _vector_order(ord: Any) -> bool:
    if isinstance(ord, str):
        return ord == "euclidean"
    return isinstance(ord, (int, float, np.number)) and float(ord) > 0


def _matrix_norm(x: Any, ord: Any, rows: int, columns: int, keepdims: bool) -> Any:
    axes = (min(rows, columns), max(rows, columns))
    if rows == columns:
        raise ValueError(f"gradtape.norm: 'axis' names axis {rows} twice.")
    if ord in ("euclidean", "fro"):
        return vector_norm(x, 2, axes, keepdims)
    if ord != "nuc" and (isinstance(ord, str) or ord not in (1, 2, np.inf)):
        raise ValueError(
            "gradtape.norm: 'ord' must be a supported matrix norm ('euclidean', 'fro', 'nuc', 1, "
            f"2, inf), got {ord!r}."
        )
    if ord in ("nuc", 2):
        rest = [i for i in range(len(x._shape)) if i not in axes]
        values = singular_values(transpose(x, (*rest, rows, columns)))
        largest = sum_axes(values, (len(rest),)) if ord == "nuc" else reduce_max(values, -1)
    else:
        inner, outer = (rows, columns) if ord == 1 else (columns, rows)
        largest = reduce_max(sum_axes(absolute(x), (inner,), True), (inner, outer))
    return reshape(largest, reduced_shape(x._shape, axes, True)) if keepdims else largest


def normalize(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None
) -> tuple[Any, Any]:
    """Return a tensor divided by its norm, which is 0 where the norm is 0, and the norm.

    Args:
        tensor: a floating-point or complex tensor.
        ord: as for `tf.norm`.
        axis: as for `tf.norm`.
        name: ignored, for compatibility.

    Raises:
        ValueError: as for `tf.norm`.
        InvalidArgumentError: as for `tf.norm`.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.normalize([3.0, 4.0])[0].numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x = as_tensor(tensor, "normalize")
    size = norm(x, ord, axis, keepdims=True)
    return safe_divide(x, cast(size, x._dtype)), size


def l2_normalize(
    x: Any, axis: Axis = None, epsilon: Any = 1e-12, name: str | None = None, dim: Any = None
) -> Any:
    """Return x / max(norm(x), sqrt(epsilon)), the norm being the Euclidean one over axes.

    Args:
        x: a floating-point or complex tensor.
        axis: None for all axes, or the axis or axes of a vector.
        epsilon: the least square of the norm that is divided by.
        name: ignored, for compatibility.
        dim: the old name of axis.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.math.l2_normalize([3.0, 4.0]).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    tensor, axes = reduction("l2_normalize", x, axis if dim is None else dim, INEXACT)
    size = vector_norm(tensor, 2, axes, True)
    least = full(
        (),
        math.sqrt(max(0.0, static_float(epsilon, "l2_normalize", "epsilon"))),
        real_dtype(tensor._dtype),
    )
    return divide(tensor, cast(maximum(size, least), tensor._dtype))
