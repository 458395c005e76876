"""Static arguments: axes, shapes and sizes, whether they come as Python numbers, arrays or
tensors whose contents are known. The size of an open axis counts as an integer.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from gradtape.core.asked import located
from gradtape.core.convert import as_tensor
from gradtape.core.errors import ConversionError, InvalidArgumentError, wrong_type
from gradtape.core.shapes import check_size as check_size
from gradtape.core.sizes import Size, open_sizes
from gradtape.core.tensor import Tensor
from gradtape.ops.host import size_from


def static(value: Any, function: str, argument: str) -> Any:
    """A tensor, variable or array of integers as Python ints, nested as it is; anything else
    unchanged. TypeError for a tensor whose contents are not known.
    """
    if isinstance(value, Tensor) or hasattr(value, "__tf_tensor__"):
        tensor = as_tensor(value)
        value = tensor.contents()
        if value is None:
            raise _not_known(tensor, function, argument)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [static(v, function, argument) for v in value]
    return value


def later(value: Any) -> bool:
    """Whether a value is a tensor whose contents come later, or differ between examples."""
    if not isinstance(value, Tensor) or value.concrete:
        return False
    try:
        return value.contents() is None
    except TypeError:
        return True


def _not_known(tensor: Any, function: str, argument: str) -> ConversionError:
    return ConversionError(
        located(
            f"gradtape.{function}: {argument} must be known when the function is recorded, but"
            f" {tensor!r} is not: pass a Python number, or compute it from tf.shape alone."
        )
    )


def static_int(value: Any, function: str, argument: str) -> int:
    """An integer argument, or TypeError."""
    given = static(value, function, argument)
    if type(given) is Size:
        return given  # type: ignore[return-value]
    try:
        number = operator.index(given)
    except TypeError:
        raise wrong_type(function, argument, "an integer", value) from None
    if not -(2**63) <= number < 2**64:
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} is {number}, which no 64-bit integer holds."
        )
    return number


def static_sizes(value: Any, function: str, argument: str) -> Any:
    """As `static`, for numbers that are not negative: those in tensors whose contents come later
    are new open sizes.
    """
    if isinstance(value, (list, tuple)):
        return [static_sizes(v, function, argument) for v in value]
    if isinstance(value, Tensor) or hasattr(value, "__tf_tensor__"):
        tensor = as_tensor(value)
        if tensor.contents() is None and tensor._dtype.kind in "iu":
            return _sizes_in(tensor, function, argument)
    return static(value, function, argument)


def _sizes_in(tensor: Any, function: str, argument: str) -> Any:
    if open_sizes(tensor._shape):
        raise _not_known(tensor, function, argument)

    def size(place: tuple[int, ...]) -> Any:
        def count(array: Any) -> int:
            number = int(array[place])
            if number < 0:
                raise InvalidArgumentError(
                    f"gradtape.{function}: {argument} has the negative number {number}."
                )
            return number

        return size_from(function, count, tensor)

    found = np.empty(tensor._shape, object)
    for place in np.ndindex(tensor._shape):
        found[place] = size(place)
    return found.tolist()


def static_size(value: Any, function: str, argument: str) -> int:
    """A number that is not negative; a new open size where it comes later."""
    return static_int(static_sizes(value, function, argument), function, argument)


def static_shape(value: Any, function: str, dtype: Any = None) -> tuple[int, ...]:
    """A shape argument as a tuple of non-negative ints, checked against what memory can hold."""
    items = static_sizes(value, function, "shape")
    if not isinstance(items, list):
        items = [items]
    shape = tuple(static_int(n, function, "shape") for n in items)
    if any(n < 0 for n in shape):
        raise InvalidArgumentError(f"gradtape.{function}: shape {shape} has a negative size.")
    check_size(shape, function, 1 if dtype is None else np.dtype(dtype).itemsize)
    return shape


def static_items(value: Any, function: str, argument: str) -> list[Any]:
    """The items of a list, a tuple or the first axis of a tensor, or TypeError."""
    if isinstance(value, (Tensor, np.ndarray)) or hasattr(value, "__tf_tensor__"):
        value = static(value, function, argument)
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise wrong_type(function, argument, "a list or tuple", value)
    return list(value)


def tensor_items(value: Any, function: str, argument: str) -> list[Any]:
    """The tensors of a list or tuple, or those along the first axis of a tensor, or TypeError."""
    needed = "a list or tuple of tensors"
    if isinstance(value, (str, bytes, dict)):
        raise wrong_type(function, argument, needed, value)
    return listed(value, function, argument, needed)


def listed(value: Any, function: str, argument: str, needed: str) -> list[Any]:
    """The items of whatever can be iterated over, or TypeError with what is needed."""
    try:
        items = iter(value)
    except TypeError:
        raise wrong_type(function, argument, needed, value) from None
    return list(items)


def static_float(value: Any, function: str, argument: str) -> float:
    """A number that is no tensor in the computation, as a float, or TypeError."""
    number = static(value, function, argument)
    while isinstance(number, list) and len(number) == 1:
        number = number[0]
    if isinstance(number, (int, float)):
        return float(number)
    raise wrong_type(function, argument, "a number", value)


def choice(value: Any, options: Collection[str], function: str, argument: str) -> str:
    """One of several words, or TypeError."""
    if isinstance(value, str) and value in options:
        return value
    words = ", ".join(map(repr, sorted(options)))
    raise wrong_type(function, argument, f"one of {words}", value)


def callable_or_raise(value: Any, function: str, argument: str) -> Any:
    """A function argument, or TypeError."""
    if not callable(value):
        raise wrong_type(function, argument, "a function", value)
    return value


def static_axis(axis: Any, rank: int, function: str) -> int:
    """One axis as a number in [0, rank)."""
    if type(axis) is int and 0 <= axis < rank:
        return axis
    number = static_int(axis, function, "axis")
    if not -rank <= number < rank:
        raise InvalidArgumentError(
            f"gradtape.{function}: axis {number} is not in [{-rank}, {rank}) for a tensor with"
            f" {rank} axes."
        )
    return number % rank


def static_axes(axis: Any, rank: int, function: str) -> tuple[int, ...]:
    """Axes as a sorted tuple of numbers in [0, rank); None stands for all."""
    if axis is None:
        return tuple(range(rank))
    items = static(axis, function, "axis")
    if not isinstance(items, list):
        items = [items]
    axes = [static_axis(a, rank, function) for a in items]
    if len(set(axes)) != len(axes):
        raise InvalidArgumentError(f"gradtape.{function}: axis {items} names an axis twice.")
    return tuple(sorted(axes))
