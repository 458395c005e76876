"""Arrays of expressions: elementwise formulas, folds along axes, and primitives that only move
elements, add or multiply.

An array of expressions is a NumPy array of objects. A kernel that moves, adds and multiplies
elements does so with expressions too; it runs as it is, under NumPy's namespace (`KERNELS`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from math import prod
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.dtypes import from_numpy
from gradtape.core.primitive import Primitive
from gradtape.core.xp_numpy import xp
from gradtape.interop.sympy_elementwise import given, is_logical, truncated
from gradtape.interop.sympy_numbers import numbers

MOVING = """add_n concat slice_axis pad_axis stack unstack split stop_gradient prevent_gradient
    custom_gradient held barrier placeholder_with_default sizes places reshape transpose
    broadcast_to roll pad strided_slice put_slice set_slice gather take_along put_rows take_rows
    permuted_rows pick_last place_last row_numbers last_rows flat_indices inverse_rows
    segment_order matrix_diag matrix_diag_part band_part frames"""
ADDING = """reduce_sum cumsum cumprod linear_recurrence scatter_add add_along add_rows
    segment_product overlap matmul einsum conv softmax_pull softmax_loss_pull
    sparse_softmax_loss_pull"""
NUMBERS = ("indices", "rows", "ids", "labels")  # inputs that say where elements are
KERNELS = frozenset([*MOVING.split(), *ADDING.split()])


def expressions(value: Any, shape: tuple[int, ...] | None = None) -> Any:
    """What a kernel or formula returned as an array of SymPy's objects."""
    if not isinstance(value, np.ndarray):
        single = np.empty((), object)
        single[()] = value
        value = single
    found = np.empty(value.shape if shape is None else shape, object)
    if not found.size:
        return found
    for place, one in np.ndenumerate(np.broadcast_to(value, found.shape)):
        one = one[()] if isinstance(one, np.ndarray) else one  # NumPy may put one into a place
        found[place] = one if isinstance(one, sp.Basic) else sp.sympify(one)
    return found


def is_known(array: Any) -> bool:
    """Whether an array holds numbers and truth values alone."""
    return all(e.is_number or e in (sp.true, sp.false) for e in array.flat)


def known(array: Any, dtype: Any) -> Any:
    """An array of numbers as a NumPy array; ValueError where it depends on symbols."""
    if not is_known(array):
        raise ValueError(f"numbers of places must be known, not {array.tolist()}")
    kind: Any = complex if dtype.kind == "c" else bool if dtype.kind == "b" else float
    if dtype.kind in "iu":
        kind = int
    return np.array([kind(e) for e in array.flat]).reshape(array.shape).astype(dtype)


def run_kernel(primitive: Primitive, arrays: Sequence[Any], dtypes: Any, params: Any) -> Any:
    """Run a kernel that moves, adds and multiplies elements, on expressions.

    Arrays of known integers are indices, for the kernel as for NumPy."""
    taken = []
    for i, (array, dtype) in enumerate(zip(arrays, dtypes, strict=True)):
        name = primitive.inputs[i] if i < len(primitive.inputs) else ""
        if dtype.kind in "iub" and (name in NUMBERS or is_known(array)):
            array = known(array, dtype)
        taken.append(array)
    return primitive.kernel(xp, *taken, **params)


def elementwise(formula: Callable[..., Any], *arrays: Any, **params: Any) -> Any:
    """A formula of scalars for each element, broadcasting."""
    run = partial(formula, **params) if params else formula
    return expressions(np.frompyfunc(run, len(arrays), 1)(*arrays))


def folded(fold: Callable[[list[Any]], Any], x: Any, axis: Any, keepdims: bool) -> Any:
    """Each run of elements over axes as one element."""
    kept = [i for i in range(x.ndim) if i not in axis]
    shape = [x.shape[i] for i in kept]
    rows = x.transpose(*kept, *axis).reshape(*shape, prod([x.shape[i] for i in axis]))
    found = np.empty(shape, object)
    for place in np.ndindex(found.shape):
        found[place] = fold(list(rows[place]))
    if keepdims:
        found = found.reshape([1 if i in axis else n for i, n in enumerate(x.shape)])
    return expressions(found)


def cast(x: Any, dtype: Any, source: Any) -> Any:
    """An array in another dtype: truth values become 0 and 1, numbers lose what they must."""
    return elementwise(partial(_cast, old=source.kind, new=dtype.kind), x)


def _cast(x: Any, old: str, new: str) -> Any:
    if new == old:
        return x
    if new == "b":
        return sp.Ne(x, 0)
    if old == "b":
        return given(sp.S.One, x) if is_logical(x) or x.is_Symbol else x
    if old == "c" and new != "c":
        x = sp.re(x)
    return truncated(x) if new in "iu" and old not in "iu" else x


# maps that are linear: a matrix, found by the kernel on unit vectors


def linear_map(primitive: Primitive, x: Any, dtype: Any, params: dict[str, Any]) -> Any:
    """A primitive that is linear in its one input, as sums of multiples of the elements."""
    found = numbers(primitive.kernel(xp, np.zeros(x.shape, dtype), **params))
    for place, element in np.ndenumerate(x):
        unit = np.zeros(x.shape, dtype)
        unit[place] = 1
        found = found + numbers(primitive.kernel(xp, unit, **params)) * element
    return expressions(found)


# rows that are gathered by known numbers


def extreme_of_rows(array: Any, indices: Any, values: Any, largest: bool) -> Any:
    """The array with the maximum or minimum of its rows and the values that belong there."""
    found = array.copy()
    rows = known(indices, np.dtype(np.int64)).ravel()
    for row, value in zip(rows, values, strict=True):
        found[row] = elementwise(sp.Max if largest else sp.Min, found[row], value)[()]
    return found


def segment_extreme(values: Any, ids: Any, rows: int, largest: bool, source: Any) -> Any:
    """The maximum or minimum of the rows of each segment; of none the end of the dtype."""
    empty = numbers(from_numpy(source).min if largest else from_numpy(source).max)[()]
    start = np.full((rows, *values.shape[1:]), empty, object)
    return extreme_of_rows(start, ids, values, largest)


def running(join: Callable[..., Any], x: Any, axis: int, reverse: bool) -> Any:
    """What a fold over the first elements along an axis gives, for each element."""
    rows = np.moveaxis(x, axis, 0)
    rows = rows[::-1] if reverse else rows
    found = [reduce(partial(elementwise, join), rows[: i + 1]) for i in range(len(rows))]
    stacked = np.stack(found[::-1] if reverse else found) if found else rows
    return np.moveaxis(stacked, 0, axis)
