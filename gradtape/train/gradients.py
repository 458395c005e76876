"""Gradients on their way to an update at once: checked, repeated rows added up, measured."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor_like
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.variable import Variable, row_indices
from gradtape.graph.arguments import ArgumentVariable
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


def check_lasting(variable: Any, function: str) -> None:
    """Raise for a variable that is an argument of a function: it stands for many."""
    if isinstance(variable, ArgumentVariable):
        raise ValueError(
            f"gradtape.{function}: variable {variable.name!r} is an argument of the function that"
            " is recorded. The recording serves every variable of its kind, but an optimizer"
            " keeps slots for one: let the function use the variable from around it."
        )


def prepared(gradient: Any, variable: Any, function: str) -> Array | Rows:
    """The gradient as a real array of the variable's shape, or as `Rows`."""
    if isinstance(gradient, IndexedSlices):
        return _rows(gradient, variable, function)
    tensor = as_tensor_like(gradient, variable._dtype, function)
    if tensor._shape != variable._shape:
        raise misfit(brief(tensor), variable, function)
    return _real(tensor, variable, function)


def _real(tensor: Any, variable: Any, function: str) -> Array:
    check_kind(tensor, variable, function)
    array, dtype = tensor._array, variable._dtype
    if dtype.kind == "c":
        return real_view(array.astype(dtype, copy=False))
    return np.asarray(array).astype(working_dtype(dtype), copy=False)


def check_kind(tensor: Any, variable: Any, function: str) -> None:
    """Raise for a gradient of integers, and for a complex one of a real variable."""
    kind = tensor._dtype.kind
    if kind not in "fcV" or (kind == "c" and variable._dtype.kind != "c"):
        raise misfit(brief(tensor), variable, function)


def _rows(gradient: IndexedSlices, variable: Any, function: str) -> Rows:
    check_rows(gradient, variable, function)
    indices = row_indices(gradient.indices, variable._shape[0], function)
    return distinct(_real(gradient.values, variable, function), indices)


def check_rows(gradient: IndexedSlices, variable: Any, function: str) -> None:
    """Raise unless these are rows of a tensor of the variable's shape."""
    shape, values = variable._shape, gradient.values
    if not shape or values._shape[1:] != shape[1:] or gradient._shape not in (None, shape):
        text = f"IndexedSlices with values {brief(values)} and dense_shape {gradient._shape}"
        raise misfit(text, variable, function)


def distinct(values: Array, indices: Array) -> Rows:
    """Rows in ascending order, equal ones added up."""
    order = np.argsort(indices, kind="stable")
    indices = indices[order]
    starts = np.flatnonzero(np.diff(indices, prepend=-1))
    values = values[order]
    if len(starts) < len(indices):
        values = np.add.reduceat(values, starts, axis=0)
    return Rows(values, indices[starts])


def misfit(what: str, variable: Any, function: str) -> InvalidArgumentError:
    """The error for a gradient that is not of the variable's shape or kind."""
    return InvalidArgumentError(
        f"gradtape.{function}: the gradient {what} does not fit variable {variable.name!r}, "
        f"{brief(variable)}. Pass what tape.gradient returns for this variable: "
        "the same shape and the same kind of dtype."
    )


def norm(gradient: Array) -> float:
    """The root of the sum of squares; it neither overflows nor underflows on the way."""
    flat = gradient.ravel()
    with np.errstate(all="ignore"):
        squares = float(np.dot(flat, flat))
    if 1e-30 < squares < 1e30:
        return squares**0.5
    peak = float(np.max(np.abs(flat), initial=0.0))
    if not 0.0 < peak < np.inf:
        return peak
    unit = flat.astype(np.float64) / peak
    return peak * float(np.dot(unit, unit)) ** 0.5
