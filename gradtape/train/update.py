"""Run an update rule on a variable and its slots: on the whole, in blocks that fit the cache, or
on single rows.

Values and slots are replaced by fresh arrays, so that whoever holds an old value keeps it. Only
where a gradient names rows are arrays written in place, and only when nobody else can see them
(`arrays.own`): a table of a million rows is not copied for the sake of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.state import lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.variable import told_changed
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.train.arrays import Array, complex_again, own, real_view, working_dtype
from gradtape.train.gradients import Rows

Rule = Callable[..., tuple[Any, Any]]
WHOLE = 1 << 20  # up to this size the arrays of a rule stay in the cache from one pass to the next
BLOCK = 1 << 16
STEP = "a step of the optimizer"


def update(
    rule: Rule,
    gradient: Array | Rows,
    variable: Any,
    slots: Any,
    hyperparameters: dict[str, Any],
    *,
    by_rows: bool = False,
    decay: float = 0.0,
) -> None:
    """Move a variable and its slots by one step of the rule.

    Args:
        rule: one of `gradtape.train.rules`.
        gradient: what `gradients.prepared` returned for this variable.
        variable: the variable.
        slots: the rule's named tuple, holding variables.
        hyperparameters: the rule's keyword arguments, as Python numbers.
        by_rows: whether rows without a gradient, and their slots, stay as they are.
        decay: the value is multiplied by 1 - decay first.
    """
    token = silence()
    try:
        if isinstance(gradient, Rows):
            if by_rows:
                if decay:
                    variable._write(_working(variable) * (1 - decay))
                _update_rows(rule, gradient, variable, slots, hyperparameters)
                return
            gradient = gradient.dense(variable._shape[0])
        _update_whole(rule, gradient, variable, slots, hyperparameters, decay)
    finally:
        restore(token)


def _working(variable: Any) -> Array:
    array = real_view(variable._array)
    return array.astype(working_dtype(variable._dtype), copy=False)


def _update_whole(
    rule: Rule,
    gradient: Array,
    variable: Any,
    slots: Any,
    hyperparameters: dict[str, Any],
    decay: float,
) -> None:
    before = variable._tensor, variable._leaf
    value = _working(variable)
    arrays = type(slots)(*[None if s is None else real_view(s._array) for s in slots])
    value, arrays = moved(xp, rule, gradient, value, arrays, hyperparameters, decay)
    variable._write(complex_again(value, variable._dtype))
    if lookouts:
        told_changed(variable, before, STEP, (Tensor(gradient),))
    for slot, array in zip(slots, arrays, strict=True):
        if slot is not None:
            slot._write(complex_again(array, slot._dtype))


def moved(
    xp: Any,
    rule: Rule,
    gradient: Any,
    value: Any,
    slots: Any,
    hyperparameters: dict[str, Any],
    decay: Any,
) -> tuple[Any, Any]:
    """The new value and slots of an array that decays and then moves by the rule."""
    if xp.name == "numpy" and value.size > WHOLE:
        return _in_blocks(rule, gradient, value, slots, hyperparameters, decay)
    if decay:
        value = value * (1 - decay)
    return rule(xp, gradient, value, slots, **hyperparameters)


def _in_blocks(
    rule: Rule,
    gradient: Array,
    value: Array,
    slots: Any,
    hyperparameters: dict[str, Any],
    decay: float,
) -> tuple[Array, Any]:
    """`moved`, block after block: the temporaries of the rule never leave the cache."""
    flat = [np.ascontiguousarray(a).reshape(-1) for a in (gradient, value)]
    parts = [None if s is None else s.reshape(-1) for s in slots]
    new_value = np.empty_like(value)
    new_slots = [None if s is None else np.empty_like(s) for s in slots]
    targets = [new_value.reshape(-1)] + [s.reshape(-1) for s in new_slots if s is not None]
    for start in range(0, value.size, BLOCK):
        here = slice(start, start + BLOCK)
        block = type(slots)(*[None if p is None else p[here] for p in parts])
        new, kept = moved(xp, rule, flat[0][here], flat[1][here], block, hyperparameters, decay)
        for target, source in zip(targets, [new, *[k for k in kept if k is not None]], strict=True):
            target[here] = source
    return new_value, type(slots)(*new_slots)


def _update_rows(
    rule: Rule, gradient: Rows, variable: Any, slots: Any, hyperparameters: dict[str, Any]
) -> None:
    cells = [variable, *slots]
    arrays = [None if c is None else own(c) for c in cells]
    views = [None if a is None else real_view(a) for a in arrays]
    index, dtype = gradient.indices, working_dtype(variable._dtype)
    rows = [None if v is None else v[index].astype(dtype, copy=False) for v in views]
    before = variable._tensor, variable._leaf
    value, kept = rule(xp, gradient.values, rows[0], type(slots)(*rows[1:]), **hyperparameters)
    for cell, array, view, new in zip(cells, arrays, views, [value, *kept], strict=True):
        if cell is not None and view is not None:
            view[index] = new
            cell._write(array)
            if cell is variable and lookouts:
                told_changed(variable, before, STEP, (Tensor(gradient.values),))
