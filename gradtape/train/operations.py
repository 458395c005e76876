"""A step of an optimizer as one operation: an update rule on a gradient, a value and its slots.

Inputs are the gradient (a real tensor in the variable's working dtype), the value, the slots, and
the numbers that change from step to step, as float64 scalars; parameters are the rule and the
numbers that do not. Results are the new value and slots, which go into the variables by `assign`.

A step has no derivative: the result ends in an assignment, and no cotangent passes through one.
Who differentiates through a step writes it as an expression, `w2 = w - rate * gradient`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_indexing
import gradtape.core.xp_numpy_special  # noqa: F401
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.train.arrays import working_dtype
from gradtape.train.gradients import distinct
from gradtape.train.scalars import scalar
from gradtape.train.update import moved

Hyperparameters = tuple[tuple[str, Any], ...]


def shared_by_examples(mask: Any, *inputs: Any, **params: Any) -> Any:
    """The batching rule of a step: examples share their variables, so there is none."""
    raise InvalidArgumentError(
        "gradtape.optimizers: inside vectorized_map the gradient differs from example to example,"
        " but a variable has one value. Return the gradients, reduce them (for instance with"
        " tf.reduce_mean) and apply them outside."
    )


def _real(xp: Any, array: Any) -> Any:
    """An array as real numbers in its working dtype; complex ones get one more axis of size two."""
    array = xp.asarray(array)
    if array.dtype.kind == "c":
        array = xp.stack([xp.real(array), xp.imag(array)], -1)
    dtype = working_dtype(array.dtype)
    return array if array.dtype == dtype else array.astype(dtype)


def _again(xp: Any, array: Any, dtype: Any) -> Any:
    """Undo `_real`."""
    if dtype.kind == "c":
        array = xp.as_complex(array[..., 0], array[..., 1])
    return array[()] if array.dtype == dtype else array.astype(dtype)[()]


def without_numbers(given: dict[str, Any], kind: type) -> tuple[Hyperparameters, list[Any]]:
    """Keyword arguments with None in place of the values of a type, and these values in order."""
    taken: list[Any] = []

    def fixed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([fixed(v) for v in value])
        if isinstance(value, kind):
            taken.append(value)
            return None
        return value

    return tuple([(name, fixed(value)) for name, value in given.items()]), taken


def with_numbers(fixed: Hyperparameters, numbers: Sequence[Any]) -> dict[str, Any]:
    """Undo `without_numbers`."""
    rest = iter(numbers)

    def filled(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([filled(v) for v in value])
        return next(rest) if value is None else value

    return {name: filled(value) for name, value in fixed}


def _run(
    xp: Any, rule: Any, gradient: Any, cells: Any, slots: Any, arguments: Any, decay: Any
) -> list[Any]:
    """The new arrays of a value and its slots."""
    value, *held = [_real(xp, c) for c in cells]
    value, kept = moved(xp, rule, gradient, value, slots(held), arguments, decay)
    found = [value, *[k for k in kept if k is not None]]
    return [_again(xp, f, c.dtype) for f, c in zip(found, cells, strict=True)]


def _slots(kind: Any, held: tuple[bool, ...], arrays: Sequence[Any]) -> Any:
    """A rule's named tuple of the slots that there are, None in place of the others."""
    rest = iter(arrays)
    return kind(*[next(rest) if h else None for h in held])


def _parts(xp: Any, value: Any, rest: Any, held: Any, fixed: Any) -> tuple[list[Any], Any, Any]:
    """The arrays that a step changes, the keyword arguments of its rule, and the decay."""
    count = sum(held)
    cells = [xp.asarray(c) for c in (value, *rest[:count])]
    arguments = with_numbers(fixed, [scalar(xp, n) for n in rest[count:]])
    return cells, arguments, arguments.pop("decay", 0.0)


def _step_kernel(
    xp: Any, gradient: Any, value: Any, *rest: Any, rule: Any, kind: Any, held: Any, fixed: Any
) -> Any:
    cells, arguments, decay = _parts(xp, value, rest, held, fixed)
    slots = partial(_slots, kind, held)
    return tuple(_run(xp, rule, xp.asarray(gradient), cells, slots, arguments, decay))


optimizer_step = primitive(
    "optimizer_step",
    _step_kernel,
    batch=shared_by_examples,
    shape=lambda gradient, value, *rest, held, **params: _specs(value, rest, held),
    several=True,
    differentiable=False,
    family="optimizer",
)


def _rows_kernel(
    xp: Any,
    gradient: Any,
    indices: Any,
    value: Any,
    *rest: Any,
    rule: Any,
    kind: Any,
    held: Any,
    fixed: Any,
) -> Any:
    cells, arguments, decay = _parts(xp, value, rest, held, fixed)
    if decay:
        cells[0] = _again(xp, _real(xp, cells[0]) * (1 - decay), cells[0].dtype)
    if xp.name == "numpy":  # XLA drops what is put out of range
        used = np.searchsorted(indices, len(value))
        gradient, indices = gradient[:used], indices[:used]
    rows = [c[indices] for c in cells]
    slots = partial(_slots, kind, held)
    rows = _run(xp, rule, xp.asarray(gradient), rows, slots, arguments, 0.0)
    return tuple([xp.at_set(c, indices, r) for c, r in zip(cells, rows, strict=True)])


# the same for the rows that a gradient names: ascending, and as `distinct_rows` gives them
optimizer_step_rows = primitive(
    "optimizer_step_rows",
    _rows_kernel,
    batch=shared_by_examples,
    shape=lambda gradient, indices, value, *rest, held, **params: _specs(value, rest, held),
    several=True,
    differentiable=False,
    family="optimizer",
)


def _specs(value: Any, rest: Any, held: tuple[bool, ...]) -> tuple[Spec, ...]:
    return tuple([Spec(t._shape, t._dtype) for t in (value, *rest[: sum(held)])])


def _distinct_kernel(xp: Any, values: Any, indices: Any, *, rows: int) -> Any:
    count, values = indices.shape[0], xp.asarray(values)
    indices = xp.checked(indices, rows).astype(xp.int64)
    if xp.name == "numpy":
        found = distinct(values, indices)
        left = count - len(found.indices)
        return (
            np.concatenate([found.values, np.zeros((left, *values.shape[1:]), values.dtype)]),
            np.concatenate([found.indices, np.full(left, rows)]),
        )
    order = xp.argsort(indices)
    indices = indices[order]
    new = xp.concatenate([xp.ones(1, bool), indices[1:] != indices[:-1]])[:count]
    place = xp.cumsum(new) - 1
    return (
        xp.sum_rows(values[order], place, count),
        xp.at_set(xp.full(count, rows, xp.int64), place, indices),
    )


# rows in ascending order, equal ones added up; rows of zeros at index `rows` fill the rest
distinct_rows = primitive(
    "distinct_rows",
    _distinct_kernel,
    batch=shared_by_examples,
    shape=lambda values, indices, rows: (
        Spec(values._shape, values._dtype),
        Spec(indices._shape, np.dtype(np.int64)),
    ),
    several=True,
    differentiable=False,
    family="optimizer",
)
