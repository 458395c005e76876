"""What one row of `benchmarks.kernels` says, and random arrays for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.workloads import Array

MILLION = 10**6
FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Kernel:
    """One function of the array namespaces at one size.

    `run` takes a namespace and the arrays, `library` the arrays alone: what jax.numpy has in place
    of our verb. `why` says why it is slow where it is; `unique` is false where the result may
    differ from one contestant to the other.
    """

    verb: str
    run: Callable[..., Any]
    arrays: Callable[[], Sequence[Array]]
    library: Callable[..., Any] | None = None
    title: str = ""
    why: str = ""
    unique: bool = True


def uniform(low: float, high: float, *shape: int, dtype: Any = np.float32) -> Array:
    """Evenly distributed numbers, the same every time."""
    return np.random.default_rng(0).uniform(low, high, shape or MILLION).astype(dtype)


def normal(*shape: int, dtype: Any = np.float32, seed: int = 0) -> Array:
    """Normally distributed numbers, the same every time."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def below(limit: int, *shape: int) -> Array:
    """Whole numbers below a limit, the same every time."""
    return np.random.default_rng(0).integers(0, limit, shape)
