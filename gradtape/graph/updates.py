"""What a variable holds after a change, as operations: the same changes that a variable makes at
once when it runs on NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.nothing import STOPPED
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.variable import check_slices, other_dtype, other_shape
from gradtape.ops.arithmetic import divide
from gradtape.ops.basis import add, broadcast_to, multiply, reshape, subtract
from gradtape.ops.indexing import (
    tensor_scatter_nd_add,
    tensor_scatter_nd_max,
    tensor_scatter_nd_min,
    tensor_scatter_nd_sub,
    tensor_scatter_nd_update,
)
from gradtape.ops.reductions import spread_all
from gradtape.ops.segments import unsorted_segment_prod

_held = primitive(
    "held",
    lambda xp, value, before: value,
    vjps=[STOPPED, lambda ct: ct],
    jvps=[STOPPED, lambda t: t],
    batch=lambda mask, value, before: held(*spread_all(mask, (value, before))),
    shape=lambda value, before: Spec(value._shape, value._dtype),
    family="structural",
)


def held(value: Any, before: Any) -> Any:
    """What a variable holds after an assignment: no derivative passes through the assignment, and
    what reads the variable afterwards depends on the variable as what read it before."""
    return apply(_held, (value, before))


SCATTERS: dict[str, Callable[..., Any]] = {
    "add": tensor_scatter_nd_add,
    "sub": tensor_scatter_nd_sub,
    "max": tensor_scatter_nd_max,
    "min": tensor_scatter_nd_min,
    "update": tensor_scatter_nd_update,
}


def updated(variable: Any, read: Callable[[], Any], how: str, values: tuple[Any, ...]) -> Any:
    """The tensor that a variable holds after its method `how` was called with these values.

    Args:
        variable: the variable.
        read: gives its present value; a plain assignment does not ask.
        how: "assign", "assign_add", "scatter_sub", ...
        values: the arguments of the method.
    """
    if how == "assign":
        value = _fitting_dtype(variable, values[0], how)
        return _fitting_shape(variable, value, how, False)
    if how in ("assign_add", "assign_sub"):
        value = _fitting_shape(variable, _fitting_dtype(variable, values[0], how), how, True)
        return (add if how == "assign_add" else subtract)(read(), value)
    if how.startswith("scatter_nd_"):
        indices, updates = values
        return _scattered(variable, read(), indices, updates, how)
    check_slices(values[0], how)
    indices = as_tensor(values[0].indices)
    places = reshape(indices, (*indices._shape, 1))
    return _scattered(variable, read(), places, values[0].values, how)


def _scattered(variable: Any, present: Any, indices: Any, updates: Any, how: str) -> Any:
    indices = as_tensor(indices, f"Variable.{how}")
    updates = _fitting_dtype(variable, updates, how)
    depth = indices._shape[-1] if indices._shape else 0
    wanted = (*indices._shape[:-1], *present._shape[depth:])
    if updates._shape == ():
        updates = broadcast_to(updates, wanted)
    kind = how.rpartition("_")[2]
    if kind in SCATTERS:
        return SCATTERS[kind](present, indices, updates)
    flat = reshape(indices, indices._shape[:-1])
    factors = unsorted_segment_prod(updates, flat, present._shape[0])
    return (multiply if kind == "mul" else divide)(present, factors)


def _fitting_dtype(variable: Any, value: Any, how: str) -> Any:
    tensor = as_tensor_like(value, variable._dtype, f"Variable.{how}")
    if tensor._dtype != variable._dtype:
        raise other_dtype(variable, tensor, how)
    return tensor


def _fitting_shape(variable: Any, value: Any, how: str, scalar: bool) -> Any:
    have, wanted = value._shape, variable._shape
    if scalar and have == ():
        return value
    if scalar or variable.shape.is_fully_defined():
        fits = len(have) == len(wanted) and all(map(same, have, wanted))
    else:
        fits = variable.shape.is_compatible_with(value.shape)
    if not fits:
        if scalar:
            raise other_shape(variable, have, how)
        raise ValueError(
            f"gradtape.Variable.assign: cannot assign a value of shape {have} to variable"
            f" {variable.name!r} of shape {variable.shape}. Shapes must be equal: reshape or"
            " broadcast the value."
        )
    return value
