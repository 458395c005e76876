"""What a topic is: named inputs, expressions in them, and programs of several lines.

Expressions are written as text, so that the report shows exactly what was run; `tf` in them is one
library or the other, `np` NumPy, and every other name an input of the topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCES = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-9}


@dataclass(frozen=True)
class Topic:
    """Calls that share their inputs.

    Arrays of float64 and complex128 among the inputs are made constants of each of `dtypes` (or
    the complex type of that width), other arrays constants of their own type; a function
    makes its input of the library; anything else is passed as it is.
    """

    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expressions: Sequence[str] = ()
    programs: Sequence[Callable[[Any], Any]] = ()
    dtypes: Sequence[str] = ("float32",)
    derivatives: bool = True
    slack: float = 1.0


def spread(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    """Numbers without order between the bounds, the same in every run."""
    return np.random.default_rng(seed).uniform(low, high, shape)


def calls(names: str, arguments: str, space: str = "tf.math") -> list[str]:
    """One expression for each of the names, divided by spaces."""
    return [f"{space}.{name}({arguments})" for name in names.split()]


def in_dtype(value: Any, dtype: str) -> Any:
    """An input in the dtype of this run; complex inputs have the width of the dtype."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.float64:
        return value.astype(np.dtype(dtype))
    if value.dtype == np.complex128 and dtype != "float64":
        return value.astype(np.complex64)
    return value
