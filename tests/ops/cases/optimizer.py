"""Rows of the operations that optimizers are made of when a step is written down in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.train.arrays import slot_dtype, working_dtype
from gradtape.train.rules.momentum import MomentumSlots, heavy_ball
from gradtape.train.rules.sgd import SGDSlots, sgd
from tests.ops.case import FLOATS, HALVES, Case

Arrays = list[Any]
MOMENTUM = {
    "rule": heavy_ball,
    "kind": MomentumSlots,
    "held": (True,),
    "fixed": (("learning_rate", None), ("momentum", 0.5), ("decay", None)),
}
PLAIN = {
    "rule": sgd,
    "kind": SGDSlots,
    "held": (False,),
    "fixed": (("learning_rate", None), ("decay", None)),
}


def _step(shape: tuple[int, ...], slots: int) -> Any:
    """Draws gradient, value, slots, learning rate and decay."""

    def draw(rng: np.random.Generator, dtype: np.dtype[Any]) -> Arrays:
        kinds = [working_dtype(dtype), dtype, *[slot_dtype(dtype)] * slots]
        arrays = [np.asarray(rng.uniform(0.5, 1.5, shape)).astype(k) for k in kinds]
        return [*arrays, np.asarray(0.1), np.asarray(0.25)]

    return draw


def _rows(rng: np.random.Generator, dtype: np.dtype[Any]) -> Arrays:
    """Draws the gradient of rows 1 and 3 out of 5, and a filling row; then as `_step`."""
    gradient, *rest = _step((5, 2), 1)(rng, dtype)
    return [gradient[:3], np.array([1, 3, 5]), *rest]


def moved(gradient: Any, value: Any, slot: Any, rate: Any, decay: Any, **params: Any) -> Arrays:
    """Polyak's step in double precision."""
    gradient, value, slot = (np.asarray(a, np.float64) for a in (gradient, value, slot))
    return [value * (1 - decay) - rate * (gradient + slot / 2), gradient + slot / 2]


def rows_moved(gradient: Any, indices: Any, value: Any, slot: Any, *rest: Any, **_: Any) -> Arrays:
    """Polyak's step for some rows; all rows decay."""
    whole = np.zeros(value.shape)
    for row, i in zip(gradient, indices, strict=True):
        if i < len(whole):
            whole[i] = row
    new = moved(whole, value, slot, *rest)
    named = np.isin(np.arange(len(whole)), indices)[:, None]
    decayed = np.asarray(value, np.float64) * (1 - rest[1])
    return [np.where(named, new[0], decayed), np.where(named, new[1], slot.astype(np.float64))]


def summed(values: Any, indices: Any, rows: int) -> Arrays:
    """Equal rows added up, with rows of zeros behind."""
    found = {int(i): values[indices == i].sum(0, dtype=np.float64) for i in sorted(set(indices))}
    left = len(values) - len(found)
    sums = [*found.values(), *[np.zeros(values.shape[1:])] * left]
    return [np.stack(sums), np.array([*found, *[rows] * left])]


def clipped(*gradients: Any, how: str, limit: float) -> Arrays:
    """The definitions, in double precision."""
    wide = [np.asarray(g, np.float64) for g in gradients]
    if how == "value":
        return [np.minimum(np.maximum(g, -limit), limit) for g in wide]
    norms = [np.sum(g**2) ** 0.5 for g in wide]
    if how == "global":
        norms = [np.sum(np.square(norms)) ** 0.5] * len(wide)
    return [g * min(1.0, limit / n) if n else g for g, n in zip(wide, norms, strict=True)]


def _row(name: str, reference: Any, **options: Any) -> Case:
    return Case(name, reference=reference, order=0, batch=False, **options)


CASES = [
    _row("optimizer_step", moved, draw=_step((2, 3), 1), params=MOMENTUM, dtypes=FLOATS + HALVES),
    _row("optimizer_step", moved, draw=_step((), 1), params=MOMENTUM, label="scalar"),
    _row(
        "optimizer_step",
        lambda g, value, rate, decay, **_: [value * (1 - decay) - rate * g],
        draw=_step((2, 3), 0),
        params=PLAIN,
        label="without slots",
    ),
    _row("optimizer_step_rows", rows_moved, draw=_rows, params=MOMENTUM, dtypes=FLOATS + HALVES),
    _row(
        "distinct_rows",
        summed,
        shapes=[(5, 2), ()],
        integers={1: lambda rng: np.array([3, 1, 3, 3, 0], np.int32)},
        params={"rows": 6},
    ),
    _row(
        "distinct_rows",
        summed,
        shapes=[(3,), ()],
        integers={1: lambda rng: np.array([4, 0, 2])},
        params={"rows": 6},
        label="vector",
    ),
    *[
        _row(
            "clip_gradients",
            clipped,
            shapes=[(2, 3), (4,), ()],
            params={"how": how, "limit": 1.25},
            variants=[[(0,), (2,), ()]],
            label=how,
        )
        for how in ("norm", "global", "value")
    ],
]
