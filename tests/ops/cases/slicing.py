"""Rows of basic slicing and of putting slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import NUMERIC, Case


def _axis_places(k: Any, size: int) -> Any:
    return range(*slice(*k).indices(size)) if type(k) is tuple else [k % size]


def _sliced(x: Any, key: Any) -> Any:
    """By the definition: list the places of each axis, take them, then drop and add axes."""
    entries = [k for k in key if k is not None]
    places = [_axis_places(k, n) for k, n in zip(entries, x.shape, strict=False)]
    places += [range(n) for n in x.shape[len(entries) :]]
    block = np.array([x[p] for p in np.array(np.meshgrid(*places, indexing="ij")).reshape(x.ndim, -1).T.astype(int).tolist() for p in [tuple(p)]], dtype=x.dtype)  # fmt: skip
    return block.reshape(_result_shape(x.shape, key))


def _result_shape(shape: Any, key: Any) -> list[int]:
    sizes, axis = [], 0
    for k in key:
        if k is None:
            sizes.append(1)
            continue
        if type(k) is tuple:
            sizes.append(len(_axis_places(k, shape[axis])))
        axis += 1
    return [*sizes, *shape[axis:]]


def _put(x: Any, key: Any, shape: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    numbers = np.arange(out.size).reshape(shape)
    out.reshape(-1)[_sliced(numbers, key).reshape(-1)] = x.reshape(-1)
    return out


def _set(x: Any, value: Any, key: Any) -> Any:
    out = np.array(x)
    numbers = np.arange(out.size).reshape(x.shape)
    out.reshape(-1)[_sliced(numbers, key).reshape(-1)] = value.reshape(-1)
    return out


ALL = (None, None, None)
KEYS = {
    "range": ((1, None, None), (None, None, 2)),
    "axes": (1, None, (None, None, -1), None, -2),
    "clipped": ((-9, 9, None), (3, 1, None)),
    "backwards": (ALL, (4, 0, -2)),
    "element": (0, 1, 2),
}

CASES = [
    Case(
        "strided_slice",
        [(3, 5, 4)],
        _sliced,
        {"key": key},
        dtypes=NUMERIC if label == "axes" else ("float32", "float64"),
        complex_rules=label == "axes",
        label=label,
    )
    for label, key in KEYS.items()
]
CASES += [
    Case("strided_slice", [()], lambda x, key: x, {"key": ()}, label="scalar"),
    Case("strided_slice", [()], lambda x, key: x.reshape(1), {"key": (None,)}, label="new-axis"),
    Case(
        "put_slice",
        [(2, 3, 1)],
        _put,
        {"key": ((1, None, None), (None, None, 2), None), "shape": (3, 5)},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case("put_slice", [()], _put, {"key": (1, 2), "shape": (3, 5)}, label="element"),
    Case(
        "set_slice",
        [(3, 5), (2, 3)],
        _set,
        {"key": ((1, None, None), (None, None, 2))},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case("set_slice", [(3, 5), ()], _set, {"key": (1, 2)}, label="element"),
]
