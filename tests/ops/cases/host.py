"""Rows of what Python functions do with the values of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import FLOATS, Case

F32 = np.dtype(np.float32)


def _sorted(x: Any) -> list[Any]:
    return [np.sort(x, axis=None), np.float32(x.sum())]


def _above(x: Any) -> list[Any]:
    return [x[x > 0]]


def _nothing(*arrays: Any) -> None:
    assert arrays[0].ndim == 2


def _specs(*shapes: Any) -> Any:
    return tuple((shape, F32) for shape in shapes)


CASES = [
    Case(
        "computed",
        [(2, 3)],
        lambda x, name, function, specs: [np.array(sorted(x.ravel())), np.float32(np.sum(x))],
        {"name": "f", "function": _sorted, "specs": _specs((6,), ())},
        dtypes=("float32",),
        jax=False,
    ),
    Case(
        "computed",  # the shape of the result depends on values
        [(5,)],
        lambda x, name, function, specs: [np.array([v for v in x if v > 0])],
        {"name": "f", "function": _above, "specs": _specs((None,))},
        dtypes=("float32",),
        jax=False,
        batch=False,
        label="size",
    ),
    Case(
        "validated",
        [(2, 3), ()],
        lambda x, other, test: x,
        {"test": _nothing},
        dtypes=FLOATS,
    ),
    Case(
        "on_host",
        [(2, 3)],
        lambda x, function: [],
        {"function": _nothing},
        dtypes=("float32", "int32"),
        batch=False,
    ),
]
