"""Gradients on their way to an update: checked, repeated rows added up, clipped."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor_like
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.variable import Variable, row_indices
from gradtape.ops.sparse import IndexedSlices
from gradtape.train.arrays import Array, real_view, working_dtype


class Rows(NamedTuple):
    """A gradient that is zero but for some rows: `values[i]` is row `indices[i]`; none repeats."""

    values: Array
    indices: Array

    def dense(self, rows: int) -> Array:
        """The whole gradient."""
        whole = np.zeros((rows, *self.values.shape[1:]), self.values.dtype)
        whole[self.indices] = self.values
        return whole


def check_variable(variable: Any, function: str) -> None:
    """Raise unless this is a variable that gradients can move."""
    if not isinstance(variable, Variable):
        raise TypeError(
            f"gradtape.{function}: {brief(variable)} is no tf.Variable. Pass pairs of a "
            "gradient and a variable, for instance zip(gradients, variables)."
        )
    if not differentiable(variable._dtype):
        raise InvalidArgumentError(
            f"gradtape.{function}: variable {variable.name!r} is {brief(variable)}; only variables "
            "of a floating or complex dtype can be optimized. "
            "Write tf.Variable(tf.cast(value, tf.float32))."
        )


def prepared(gradient: Any, variable: Any, function: str) -> Array | Rows:
    """The gradient as a real array of the variable's shape, or as `Rows`."""
    if isinstance(gradient, IndexedSlices):
        return _rows(gradient, variable, function)
    tensor = as_tensor_like(gradient, variable._dtype, function)
    if tensor._shape != variable._shape:
        raise _misfit(brief(tensor), variable, function)
    return _real(tensor, variable, function)


def _real(tensor: Any, variable: Any, function: str) -> Array:
    array, dtype = tensor._array, variable._dtype
    if array.dtype.kind not in "fcV" or (array.dtype.kind == "c" and dtype.kind != "c"):
        raise _misfit(brief(tensor), variable, function)
    if dtype.kind == "c":
        return real_view(array.astype(dtype, copy=False))
    return np.asarray(array).astype(working_dtype(dtype), copy=False)


def _rows(gradient: IndexedSlices, variable: Any, function: str) -> Rows:
    shape, values = variable._shape, gradient.values
    if not shape or values._shape[1:] != shape[1:] or gradient._shape not in (None, shape):
        text = f"IndexedSlices with values {brief(values)} and dense_shape {gradient._shape}"
        raise _misfit(text, variable, function)
    indices = row_indices(gradient.indices, shape[0], function)
    array = _real(values, variable, function)
    order = np.argsort(indices, kind="stable")
    indices = indices[order]
    starts = np.flatnonzero(np.diff(indices, prepend=-1))
    array = array[order]
    if len(starts) < len(indices):
        array = np.add.reduceat(array, starts, axis=0)
    return Rows(array, indices[starts])


def _misfit(what: str, variable: Any, function: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"gradtape.{function}: the gradient {what} does not fit variable {variable.name!r}, "
        f"{brief(variable)}. Pass what tape.gradient returns for this variable: "
        "the same shape and the same kind of dtype."
    )


def norm(gradient: Array | Rows) -> float:
    """The root of the sum of squares; it neither overflows nor underflows on the way."""
    flat = (gradient.values if isinstance(gradient, Rows) else gradient).ravel()
    with np.errstate(all="ignore"):
        squares = float(np.dot(flat, flat))
    if 1e-30 < squares < 1e30:
        return squares**0.5
    peak = float(np.max(np.abs(flat), initial=0.0))
    if not 0.0 < peak < np.inf:
        return peak
    unit = flat.astype(np.float64) / peak
    return peak * float(np.dot(unit, unit)) ** 0.5


def scaled(gradient: Array | Rows, factor: float) -> Array | Rows:
    """The gradient times a number."""
    if isinstance(gradient, Rows):
        return gradient._replace(values=scaled(gradient.values, factor))
    with np.errstate(invalid="ignore"):  # inf * 0
        return gradient * factor


def clip_each_norm(gradients: list[Array | Rows], limit: float) -> list[Array | Rows]:
    """Each gradient g with a norm above the limit becomes limit g / |g|."""
    norms = [norm(g) for g in gradients]
    return [
        g if size <= limit else scaled(g, limit / size)
        for g, size in zip(gradients, norms, strict=True)
    ]


def clip_global_norm(gradients: list[Array | Rows], limit: float) -> list[Array | Rows]:
    """All gradients are scaled alike, so that the norm of all together is at most the limit.

    As in TensorFlow, a norm that is inf or nan makes every gradient nan.
    """
    total = float(np.linalg.norm([norm(g) for g in gradients]))
    if total <= limit:
        return gradients
    return [scaled(g, limit / total if np.isfinite(total) else np.nan) for g in gradients]


def clip_values(gradients: list[Array | Rows], limit: float) -> list[Array | Rows]:
    """Each element is put into [-limit, limit]; nan stays nan."""
    return [
        (
            g._replace(values=np.clip(g.values, -limit, limit))
            if isinstance(g, Rows)
            else np.clip(g, -limit, limit)
        )
        for g in gradients
    ]
