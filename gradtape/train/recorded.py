"""Gradients and updates inside a function or graph: what `gradients` and `update` do at once, as
operations on tensors."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import brief
from gradtape.core.sizes import same
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import cast, real
from gradtape.ops.complexes import complex_of, imag
from gradtape.ops.joining import stack
from gradtape.ops.sparse import IndexedSlices, add_rows
from gradtape.train.arrays import working_dtype
from gradtape.train.gradients import Rows, check_kind, check_rows, misfit
from gradtape.train.operations import (
    distinct_rows,
    optimizer_step,
    optimizer_step_rows,
    without_numbers,
)
from gradtape.train.update import Rule


def prepared(gradient: Any, variable: Any, function: str, by_rows: bool) -> Any:
    """The gradient as a real tensor of the variable's shape, or as `Rows` of tensors.

    Args:
        by_rows: whether rows may stay rows; otherwise the gradient is made whole.
    """
    if isinstance(gradient, IndexedSlices):
        check_rows(gradient, variable, function)
        values = _real(gradient.values, variable, function)
        params = {"rows": variable._shape[0]}
        if by_rows:
            return Rows(*apply(distinct_rows, (values, gradient.indices), params))
        return add_rows(values, gradient.indices, params["rows"])
    tensor = as_tensor_like(gradient, variable._dtype, function)
    if len(tensor._shape) != len(variable._shape) or not all(
        map(same, tensor._shape, variable._shape)
    ):
        raise misfit(brief(tensor), variable, function)
    return _real(tensor, variable, function)


def _real(tensor: Any, variable: Any, function: str) -> Any:
    check_kind(tensor, variable, function)
    dtype = variable._dtype
    if dtype.kind != "c":
        return cast(tensor, working_dtype(dtype))
    tensor = cast(tensor, dtype)
    return stack([real(tensor), imag(tensor)], axis=-1)


def public(gradient: Any, variable: Any) -> Any:
    """A prepared gradient as a tensor of the variable's dtype."""
    if variable._dtype.kind == "c":
        return complex_of(gradient[..., 0], gradient[..., 1])
    return cast(gradient, variable._dtype)


def update(
    rule: Rule,
    gradient: Any,
    variable: Any,
    slots: Any,
    hyperparameters: dict[str, Any],
    decay: Any,
) -> None:
    """Move a variable and its slots by one step of the rule, as one operation.

    The arguments are those of `train.update.update`, with tensors for numbers that change.
    """
    cells = [variable, *[s for s in slots if s is not None]]
    given = hyperparameters if decay is None else {**hyperparameters, "decay": decay}
    fixed, numbers = without_numbers(given, Tensor)
    params = {
        "rule": rule,
        "kind": type(slots),
        "held": tuple([s is not None for s in slots]),
        "fixed": fixed,
    }
    rest = (*[here.mode.read(c) for c in cells], *numbers)
    if isinstance(gradient, Rows):
        found = apply(optimizer_step_rows, (*gradient, *rest), params)
    else:
        found = apply(optimizer_step, (gradient, *rest), params)
    for cell, tensor in zip(cells, found, strict=True):
        cell.assign(tensor)
