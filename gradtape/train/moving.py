"""What optimizers do with gradients, variables and numbers, at once or, in a function or graph, as
operations: the one place that asks which."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import brief
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import cast, reshape, scalar
from gradtape.ops.sparse import IndexedSlices
from gradtape.train import gradients, recorded
from gradtape.train import update as at_once
from gradtape.train.arrays import complex_again

DOUBLE = np.dtype(np.float64)


def prepared(gradient: Any, variable: Any, function: str, by_rows: bool) -> Any:
    """A gradient as `move` takes it: checked, real, in the working dtype of the variable.

    Args:
        gradient: a tensor or `IndexedSlices`.
        variable: the variable that it moves.
        function: for errors.
        by_rows: whether `move` will be told so.
    """
    if here.mode is None:
        return gradients.prepared(gradient, variable, function)
    return recorded.prepared(gradient, variable, function, by_rows)


def public(gradient: Any, variable: Any) -> Any:
    """A prepared gradient as a tensor, or as `IndexedSlices`, of the variable's dtype."""
    if here.mode is not None:
        return recorded.public(gradient, variable)
    dtype = variable._dtype
    if isinstance(gradient, gradients.Rows):
        values = Tensor(complex_again(gradient.values, dtype))
        return IndexedSlices(values, Tensor(gradient.indices), variable._shape)
    array = complex_again(gradient, dtype)
    return Tensor(array if array.ndim else array[()])


def move(
    rule: at_once.Rule,
    gradient: Any,
    variable: Any,
    slots: Any,
    hyperparameters: dict[str, Any],
    *,
    by_rows: bool = False,
    decay: Any = None,
) -> None:
    """Move a variable and its slots by one step of a rule.

    Args:
        rule: one of `gradtape.train.rules`.
        gradient: what `prepared` returned for this variable.
        variable: the variable.
        slots: the rule's named tuple, holding variables.
        hyperparameters: the rule's keyword arguments: numbers, or what `number_of` returned.
        by_rows: whether rows without a gradient, and their slots, stay as they are.
        decay: the value is multiplied by 1 - decay first.
    """
    if here.mode is None:
        at_once.update(
            rule, gradient, variable, slots, hyperparameters, by_rows=by_rows, decay=decay or 0.0
        )
    else:
        recorded.update(rule, gradient, variable, slots, hyperparameters, decay)


def number_of(value: Any) -> Any:
    """A scalar as a Python number; in a graph, where it has none yet, as a float64 tensor."""
    if here.mode is None or isinstance(value, (int, float)):
        return float(value)
    tensor = scalar(as_tensor(value))
    if any([n != 1 for n in tensor._shape]):
        raise ValueError(f"gradtape.optimizers: {brief(tensor)} is not one number.")
    return cast(reshape(tensor, ()) if tensor._shape else tensor, DOUBLE)


def put(variable: Any, value: Any) -> None:
    """Give a variable a value, converted to its dtype."""
    if here.mode is None:
        variable._write(np.asarray(value))
    else:
        tensor = as_tensor_like(value, variable._dtype, "optimizers")
        variable.assign(cast(tensor, variable._dtype))


def beside(variable: Any, number: Any) -> Any:
    """What `number_of` returned, in a form that may stand beside a variable in an expression."""
    return cast(number, variable._dtype) if isinstance(number, Tensor) else number
