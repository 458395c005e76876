"""`Scalar`: a number of a compiled step, computed in float64, which takes the dtype of the array
that it meets.

Python's numbers do that by themselves: 1 - beta**t keeps its digits, and an array of float32 times
it stays one of float32. A number that is known only when compiled code runs is an array without
axes, which would make float64 of everything that it touches."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class Scalar:
    """A float64 array without axes that computes as a Python number."""

    __slots__ = ("value",)
    __array_ufunc__ = None  # an array of NumPy leaves its operators to this class

    def __init__(self, value: Any) -> None:
        self.value = value

    def _with(self, other: Any, operate: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, Scalar):
            return Scalar(operate(self.value, other.value))
        if isinstance(other, (int, float)):
            return Scalar(operate(self.value, other))
        return operate(self.value.astype(other.dtype), other)

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda mine, theirs: theirs - mine)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(other, lambda mine, theirs: theirs / mine)

    def __pow__(self, exponent: float) -> Scalar:
        return Scalar(self.value**exponent)

    def __neg__(self) -> Scalar:
        return Scalar(-self.value)


def scalar(xp: Any, value: Any) -> Any:
    """A number that an update rule may compute with: a Python number under NumPy."""
    return float(value) if xp.name == "numpy" else Scalar(xp.asarray(value))
