"""Static arguments: axes, shapes and sizes, whether they come as Python numbers, arrays or tensors."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, ResourceExhaustedError, brief
from gradtape.core.tensor import Tensor

MOST_BYTES = 2**46  # beyond any machine's memory: refuse before NumPy or XLA try


def static(value: Any) -> Any:
    """A tensor, variable or array of integers as Python ints, nested as it is; anything else unchanged."""
    if isinstance(value, Tensor) or hasattr(value, "__tf_tensor__"):
        value = np.asarray(as_tensor(value))
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [static(v) for v in value]
    return value


def static_int(value: Any, function: str, argument: str) -> int:
    """An integer argument, or TypeError."""
    try:
        return operator.index(static(value))
    except TypeError:
        raise TypeError(
            f"gradtape.{function}: {argument} must be an integer, not {brief(value)}."
        ) from None


def static_shape(value: Any, function: str, dtype: Any = None) -> tuple[int, ...]:
    """A shape argument as a tuple of non-negative ints, checked against what memory can hold."""
    items = static(value)
    if not isinstance(items, list):
        items = [items]
    shape = tuple(static_int(n, function, "shape") for n in items)
    if any(n < 0 for n in shape):
        raise InvalidArgumentError(f"gradtape.{function}: shape {shape} has a negative size.")
    check_size(shape, function, 1 if dtype is None else np.dtype(dtype).itemsize)
    return shape


def check_size(shape: tuple[int, ...], function: str, itemsize: int = 1) -> None:
    """Raise ResourceExhaustedError for a shape that no machine can hold."""
    if len(shape) > 32:
        raise InvalidArgumentError(
            f"gradtape.{function}: {len(shape)} axes; at most 32 are supported."
        )
    if math.prod(shape) * itemsize > MOST_BYTES:
        raise ResourceExhaustedError(
            f"gradtape.{function}: a tensor of shape {shape} has {math.prod(shape)} elements and does not "
            "fit in memory."
        )


def static_axis(axis: Any, rank: int, function: str) -> int:
    """One axis as a number in [0, rank)."""
    number = static_int(axis, function, "axis")
    if not -rank <= number < rank:
        raise InvalidArgumentError(
            f"gradtape.{function}: axis {number} is not in [{-rank}, {rank}) for a tensor with {rank} axes."
        )
    return number % rank


def static_axes(axis: Any, rank: int, function: str) -> tuple[int, ...]:
    """Axes as a sorted tuple of numbers in [0, rank); None stands for all."""
    if axis is None:
        return tuple(range(rank))
    items = static(axis)
    if not isinstance(items, list):
        items = [items]
    axes = [static_axis(a, rank, function) for a in items]
    if len(set(axes)) != len(axes):
        raise InvalidArgumentError(f"gradtape.{function}: axis {items} names an axis twice.")
    return tuple(sorted(axes))
