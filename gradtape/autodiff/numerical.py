"""Derivatives by evaluation only, each with an estimate of its own error.

Central differences are computed for steps that shrink by two and extrapolated to step zero
(Richardson); the best entry of the triangle is chosen element by element, and its disagreement
with its neighbours is the error estimate (C. Ridders, "Accurate computation of F'(x) and
F'(x)F''(x)", Advances in Engineering Software 4, 1982). A function that takes complex numbers and
is analytic is differentiated by a complex step as well, Im f(x + ih) / h, which has no difference
and so no cancellation (W. Squire and G. Trapp, SIAM Review 40, 1998); its result counts only where
the differences confirm it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor

LEVELS = 24
ENOUGH = 1e-10  # relative: an estimate this small is no accident, so the steps stop shrinking
METHODS = ("auto", "differences", "complex")


@dataclass(frozen=True)
class NumericalResult:
    """A derivative found by evaluating a function.

    Args:
        value: the derivative, a NumPy array or a structure of them.
        error: the estimated error of each element, in the same structure.
    """

    value: Any
    error: Any


def gradient(
    f: Callable[[Any], Any], x: Any, *, step: float | None = None, method: str = "auto"
) -> NumericalResult:
    """Differentiate a scalar function by evaluating it.

    Args:
        f: takes x and returns a tensor without axes.
        x: a tensor, array or number, or a structure of them; numbers and lists become float64.
        step: the largest step, by default a tenth of the size of each element of x.
        method: "differences", "complex" (f must take complex tensors and be analytic), or "auto",
            which uses the complex step where the differences confirm it.

    Raises:
        InvalidArgumentError: when f does not return one number, or x is not real.
        ValueError: for an unknown method.

    Example:
        >>> import gradtape as tf
        >>> result = tf.numerical.gradient(lambda x: x * x * x, 2.0)
        >>> f"{result.value:.9f}", bool(result.error < 1e-8)
        ('12.000000000', True)
    """
    problem = _Problem(f, x, step, "gradient")
    if problem.here.shape != ():
        raise InvalidArgumentError(
            f"gradtape.numerical.gradient: f returned {brief(problem.here)}, but a gradient needs "
            "one number. Reduce it, for instance with tf.reduce_sum, or use numerical.jacobian."
        )
    return problem.first_order(method)


def jacobian(
    f: Callable[[Any], Any], x: Any, *, step: float | None = None, method: str = "auto"
) -> NumericalResult:
    """Differentiate every element of a function's result by evaluating it.

    Args:
        f: takes x and returns a tensor.
        x: as for `gradient`.
        step: as for `gradient`.
        method: as for `gradient`.

    Returns:
        For each array in x one of shape f(x).shape + x.shape, with its error.

    Example:
        >>> import gradtape as tf
        >>> tf.numerical.jacobian(lambda x: x * x, [1.0, 2.0]).value.round(9)
        array([[2., 0.],
               [0., 4.]])
    """
    return _Problem(f, x, step, "jacobian").first_order(method)


def hessian(f: Callable[[Any], Any], x: Any, *, step: float | None = None) -> NumericalResult:
    """Compute all second derivatives of a scalar function by evaluating it.

    Args:
        f: takes x and returns a tensor without axes.
        x: one tensor, array or number.
        step: as for `gradient`.

    Returns:
        An array of shape x.shape + x.shape, with its error.

    Example:
        >>> import gradtape as tf
        >>> tf.numerical.hessian(lambda x: x[0] * x[0] * x[1], [1.0, 2.0]).value.round(6)
        array([[4., 2.],
               [2., 0.]])
    """
    problem = _Problem(f, x, step, "hessian")
    if problem.here.shape != () or len(problem.arrays) != 1:
        raise InvalidArgumentError(
            f"gradtape.numerical.hessian: f returned {brief(problem.here)} for "
            f"{len(problem.arrays)} arrays, but one number for one array is needed."
        )
    return problem.second_order()


def derivative(f: Callable[[float], Any], step: float, *, floor: float = 0.0) -> NumericalResult:
    """Differentiate a function of a Python float at 0.

    Args:
        f: takes a float, returns a number or an array.
        step: the largest step.
        floor: the size of f times the rounding error of its evaluation.

    Example:
        >>> import math, gradtape as tf
        >>> round(float(tf.numerical.derivative(math.sin, 0.5).value), 9)
        1.0
    """

    def difference(h: float) -> Any:
        return (np.asarray(f(h)) - np.asarray(f(-h))) / (2 * h)

    return extrapolated(difference, step, lambda h: floor / h)


def extrapolated(
    difference: Callable[[float], Any], step: float, noise: Callable[[float], float]
) -> NumericalResult:
    """The limit of `difference(h)` for h -> 0, whose expansion has even powers of h.

    `noise(h)` bounds what rounding does to difference(h): no estimate is below it.
    """
    above: list[Any] = []
    value: Any = np.nan
    error: Any = np.inf
    h = step
    for _ in range(LEVELS):
        row = [np.asarray(difference(h))]
        for j, older in enumerate(above):
            row.append(row[j] + (row[j] - older) / (4.0 ** (j + 1) - 1))
            apart = np.maximum(np.abs(row[j + 1] - row[j]), np.abs(row[j + 1] - older))
            apart = apart + noise(h)
            better = apart < error
            value = np.where(better, row[j + 1], value)
            error = np.where(better, apart, error)
        if np.all(error <= ENOUGH * np.abs(value)):
            break
        above = row
        h /= 2
    return NumericalResult(value, error)


class _Problem:
    """A function with the point at which it is differentiated."""

    def __init__(self, f: Callable[[Any], Any], x: Any, step: float | None, name: str) -> None:
        self.f = f
        self.name = f"gradtape.numerical.{name}"
        self.step = step
        self.structure = x if not _is_list_of_numbers(x) else np.asarray(x, np.float64)
        self.arrays = [_array(v, self.name) for v in nest.flatten(self.structure)]
        self.largest = 0.0
        with np.errstate(all="ignore"):
            self.here = self.value(self.arrays)

    def value(self, arrays: list[Any]) -> Any:
        """The function's value as an array in double precision; no tape sees it."""
        tensors = [Tensor(a if a.ndim else a[()]) for a in arrays]
        packed = nest.pack_sequence_as(self.structure, tensors)
        with frame((), (), None):
            result = np.asarray(as_tensor(self.f(packed)))
        size = np.max(np.abs(result), initial=0.0, where=np.isfinite(result))
        self.largest = max(self.largest, float(size))
        return result.astype(np.complex128 if result.dtype.kind == "c" else np.float64)

    def moved(self, *moves: tuple[int, int, Any]) -> Any:
        """The value with elements moved: (number of the array, of the element, by how much)."""
        arrays = list(self.arrays)
        for i, element, delta in moves:
            dtype = arrays[i].dtype
            if delta.imag:
                dtype = np.dtype(np.complex128 if dtype.itemsize == 8 else np.complex64)
            flat = arrays[i].astype(dtype).reshape(-1)
            flat[element] += flat.dtype.type(delta)
            arrays[i] = flat.reshape(arrays[i].shape)
        return self.value(arrays)

    def steps(self, i: int, element: int) -> float:
        """The largest step of an element: a power of two, so that x + h has little rounding."""
        if self.step is not None:
            return float(self.step)
        size = abs(float(self.arrays[i].reshape(-1)[element]))
        size = size if np.isfinite(size) else 1.0
        return 2.0 ** np.floor(np.log2(0.1 * max(size, 0.5)))

    def noise(self, i: int) -> float:
        """The rounding error of one evaluation."""
        return self.largest * float(ml_dtypes.finfo(self.arrays[i].dtype).eps)

    def first_order(self, method: str) -> NumericalResult:
        """The Jacobian."""
        if method not in METHODS:
            raise ValueError(f"{self.name}: method {method!r} is none of {METHODS}.")
        values, errors = [], []
        for i, array in enumerate(self.arrays):
            columns = [self.column(i, k, method) for k in range(array.size)]
            shape = (*self.here.shape, *array.shape)
            values.append(_joined([c.value for c in columns], shape))
            errors.append(_joined([c.error for c in columns], shape))
        return NumericalResult(self.packed(values), self.packed(errors))

    def packed(self, results: list[Any]) -> Any:
        """Results in the structure of x."""
        return nest.pack_sequence_as(self.structure, results)

    def column(self, i: int, element: int, method: str) -> NumericalResult:
        """The derivative with respect to one element."""
        if method == "complex":
            return self.by_complex_step(i, element)

        def difference(h: float) -> Any:
            return (self.moved((i, element, h)) - self.moved((i, element, -h))) / (2 * h)

        with np.errstate(all="ignore"):
            found = extrapolated(difference, self.steps(i, element), lambda h: self.noise(i) / h)
            if method == "differences":
                return found
            try:
                exact = self.by_complex_step(i, element)
            except (TypeError, ValueError, ArithmeticError, LookupError):
                return found
            agree = np.abs(exact.value - found.value) <= 10 * found.error
            return NumericalResult(
                np.where(agree, exact.value, found.value), np.where(agree, exact.error, found.error)
            )

    def by_complex_step(self, i: int, element: int) -> NumericalResult:
        """Im f(x + ih) / h."""
        h = 1e-15 if self.arrays[i].dtype.itemsize <= 4 else 1e-40
        result = self.moved((i, element, 1j * h))
        if result.dtype.kind != "c" or result.shape != self.here.shape:
            raise InvalidArgumentError(
                f"{self.name}: f returned {brief(result)} for a complex x, so that it is not "
                'analytic there. Use method="differences".'
            )
        value = result.imag / h
        eps = float(ml_dtypes.finfo(self.arrays[i].dtype).eps)
        return NumericalResult(value, 8 * eps * np.abs(value))

    def second_order(self) -> NumericalResult:
        """The Hessian."""
        size = self.arrays[0].size
        value, error = np.zeros((size, size)), np.zeros((size, size))
        with np.errstate(all="ignore"):
            for j in range(size):
                for k in range(j + 1):
                    found = self.pair(j, k)
                    value[j, k] = value[k, j] = found.value
                    error[j, k] = error[k, j] = found.error
        shape = self.arrays[0].shape * 2
        return NumericalResult(value.reshape(shape), error.reshape(shape))

    def pair(self, j: int, k: int) -> NumericalResult:
        """One second derivative."""
        first, ratio = self.steps(0, j), self.steps(0, k) / self.steps(0, j)

        def difference(h: float) -> Any:
            g = h * ratio
            if j == k:
                ahead, behind = self.moved((0, j, h)), self.moved((0, j, -h))
                return (ahead - 2 * self.here + behind) / (h * h)
            total = 0.0
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                total = total + a * b * self.moved((0, j, a * h), (0, k, b * g))
            return total / (4 * h * g)

        return extrapolated(difference, first, lambda h: 4 * self.noise(0) / (ratio * h * h))


def _is_list_of_numbers(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and all(isinstance(v, (int, float)) for v in x)


def _array(value: Any, name: str) -> Any:
    """A point as a real array: Python numbers in float64, anything else in its own dtype."""
    if isinstance(value, (int, float)):
        return np.asarray(float(value))
    array = np.asarray(as_tensor(value))
    if not differentiable(array.dtype) or array.dtype.kind == "c":
        raise InvalidArgumentError(
            f"{name}: x contains {brief(array)}, but differences need real floating-point numbers. "
            "Write tf.cast(x, tf.float64); for complex x use tf.test.compute_gradient."
        )
    return array


def _joined(columns: list[Any], shape: tuple[int, ...]) -> Any:
    """Columns along a new last axis, in a shape."""
    if not columns:
        return np.zeros(shape)
    return np.stack([np.asarray(c) for c in columns], -1).reshape(shape)
