"""Checks of derivatives: TensorFlow's `compute_gradient`, and `check_gradients`, with a verdict.

`compute_gradient` compares whole Jacobian matrices and leaves judging to the caller.
`check_gradients` compares along random directions, so that its cost does not grow with the number
of elements: reverse mode with extrapolated differences, forward mode with reverse mode (<Jv, w> =
<v, J'w> holds to rounding), second derivatives with differences of first ones and with each other.
Where the one-sided slopes differ, the point is a kink: any slope between them is right there, and
no second derivative is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.numerical import NumericalResult, derivative
from gradtape.autodiff.tape import GradientTape
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import real_dtype
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import callable_or_raise, static_float

# TensorFlow's: whole matrices


def compute_gradient(
    f: Callable[..., Any], x: Sequence[Any], delta: float | None = None
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Compute the Jacobians of a function by reverse mode and by central differences.

    Args:
        f: a function of tensors that returns one tensor.
        x: the list of its arguments.
        delta: the step of the differences, by default 1/1024.

    Returns:
        Two tuples with a matrix for each argument, a row for each element of f(*x) and a column
        for each of the argument: by reverse mode, and by differences. A complex element is two
        real ones.

    Raises:
        ValueError: when x is no list or tuple, or the gradient of an empty result is not zero.
        AssertionError: when an argument or the result is neither floating-point nor complex.

    Example:
        >>> import gradtape as tf
        >>> exact, differences = tf.test.compute_gradient(lambda x: x * x, [[1.0, 2.0]])
        >>> exact[0]
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """
    if not isinstance(x, (list, tuple)):
        raise ValueError(
            "gradtape.test.compute_gradient: `x` must be a list or tuple of values convertible to"
            f" a Tensor (arguments to `f`), not a {type(x)}. Write [x]."
        )
    inputs = [as_tensor(v, "test.compute_gradient") for v in x]
    callable_or_raise(f, "test.compute_gradient", "f")
    step = 1.0 / 1024 if delta is None else static_float(delta, "test.compute_gradient", "delta")
    if not 0.0 < abs(step) < 1e15:
        raise InvalidArgumentError(
            f"gradtape.test.compute_gradient: delta must be a finite step other than 0, not {step}."
        )
    for i, tensor in enumerate(inputs):
        assert differentiable(tensor._dtype), (
            "gradtape.test.compute_gradient: Cannot compute gradient for unsupported type "
            f"{tensor.dtype.name} of argument {i}"
        )
    y = f(*inputs)
    if not isinstance(y, Tensor) and not hasattr(y, "__tf_tensor__"):
        raise TypeError(
            f"gradtape.test.compute_gradient: f returned {brief(y)}, but one tensor is needed. "
            "Check the results of a function with several one at a time."
        )
    y = as_tensor(y)
    assert differentiable(y._dtype), (
        "gradtape.test.compute_gradient: Cannot compute gradient for unsupported type "
        f"{y.dtype.name} of y"
    )
    exact = _by_reverse_mode(f, inputs)
    columns = [_by_differences(f, inputs, i, as_reals(y).size, step) for i in range(len(inputs))]
    return tuple(exact), tuple(columns)


def as_reals(value: Any) -> Any:
    """The elements in a row, a complex one as two reals."""
    array = np.ravel(np.asarray(value))
    return array.view(real_dtype(array.dtype))


def _by_reverse_mode(f: Callable[..., Any], inputs: list[Tensor]) -> list[Any]:
    with GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        y = as_tensor(f(*inputs))
    unit = np.zeros(y._shape, y._dtype)
    if not unit.size:
        given = tape.gradient(y, inputs, unconnected_gradients="zero")
        if any(np.any(np.asarray(g)) for g in given):
            raise ValueError("Empty tensor with nonzero gradients")
    count = as_reals(unit).size
    matrices = [np.zeros((count, as_reals(x).size), real_dtype(x._dtype)) for x in inputs]
    for row in range(count):
        cotangent = np.zeros_like(unit)
        as_reals(cotangent)[row] = 1
        given = tape.gradient(y, inputs, output_gradients=[Tensor(_scalar(cotangent))])
        for matrix, g in zip(matrices, given, strict=True):
            if g is not None:
                matrix[row] = as_reals(g.dense() if isinstance(g, IndexedSlices) else g)
    return matrices


def _by_differences(f: Callable[..., Any], inputs: Any, i: int, rows: int, step: float) -> Any:
    x = np.asarray(inputs[i])
    matrix = np.zeros((rows, as_reals(x).size), real_dtype(x.dtype))
    for column in range(matrix.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = np.array(x)
            flat = as_reals(moved)
            flat[column] += flat.dtype.type(sign * step)
            point = [*inputs[:i], Tensor(_scalar(moved)), *inputs[i + 1 :]]
            ends.append(as_reals(as_tensor(f(*point))))
        matrix[:, column] = (ends[0] - ends[1]) / ends[0].dtype.type(2 * step)
    return matrix


def _scalar(array: Any) -> Any:
    return array if array.ndim else array[()]


# along directions, with a verdict


@dataclass(frozen=True)
class GradientCheck:
    """One comparison: a derivative along a direction, and what it should be.

    `kind` is "reverse", "forward", "second" (reverse over reverse) or "forward over reverse";
    `argument` is the number of the argument that moved; `uncertainty` is that of `expected`; `kink`
    says that the function has two slopes here.
    """

    kind: str
    argument: int
    value: float
    expected: float
    uncertainty: float
    tolerance: float
    kink: bool = False

    @property
    def passed(self) -> bool:
        """Whether the values agree, within tolerance and uncertainty."""
        bound = self.tolerance * max(1.0, abs(self.expected)) + self.uncertainty
        return bool(abs(self.value - self.expected) <= bound)

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "FAIL"
        note = ", at a kink" if self.kink else ""
        return (
            f"{mark} {self.kind}, argument {self.argument}: {self.value:.9g}, expected "
            f"{self.expected:.9g} +- {self.uncertainty:.1g}{note}"
        )


@dataclass(frozen=True)
class GradientVerdict:
    """What `check_gradients` found; true when every check passed."""

    checks: tuple[GradientCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(c.passed for c in self.checks)

    @property
    def failures(self) -> tuple[GradientCheck, ...]:
        """The checks that did not pass."""
        return tuple(c for c in self.checks if not c.passed)

    @property
    def kinks(self) -> tuple[int, ...]:
        """The numbers of the arguments along which the function has two slopes."""
        return tuple(sorted({c.argument for c in self.checks if c.kink}))

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return "\n".join(str(c) for c in self.checks)


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    directions: int = 2,
    tolerance: float | None = None,
    seed: int = 0,
) -> GradientVerdict:
    """Check the derivatives of a function at a point along random directions.

    Args:
        f: a function of tensors that returns a tensor or a structure of them.
        args: its arguments; numbers and lists of numbers become float64. Only floating-point and
            complex ones move.
        order: 1 checks reverse and forward mode, 2 second derivatives as well.
        directions: how many directions are tried for each argument.
        tolerance: relative; by default 1e-6 for float64, 1e-2 for float32.
        seed: of the directions.

    Returns:
        A `GradientVerdict`: true when all checks passed; printed, a line for each.

    Raises:
        ValueError: when no argument or no result is floating-point, or order is not 1 or 2.
        LookupError: when an operation in f has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> bool(tf.check_gradients(lambda x: x * x * x, 2.0))
        True
    """
    if order not in (1, 2):
        raise ValueError(f"gradtape.check_gradients: order must be 1 or 2, not {order!r}.")
    problem = _Directions(f, args, seed)
    checks: list[GradientCheck] = []
    for argument in problem.moving:
        for _ in range(directions):
            checks += problem.first(argument, tolerance)
            if order == 2:
                checks += [] if checks[-1].kink else problem.second(argument, tolerance)
    return GradientVerdict(tuple(checks))


def _point(value: Any) -> Tensor:
    if isinstance(value, (float, list)) and all(type(v) is float for v in nest.flatten(value)):
        return Tensor(_scalar(np.asarray(value, np.float64)))
    return as_tensor(value, "check_gradients")


def inner(a: Any, b: Any) -> float:
    """The real inner product of two arrays."""
    wide = np.complex128 if np.asarray(a).dtype.kind == "c" else np.float64
    return float(np.real(np.vdot(np.asarray(a).astype(wide), np.asarray(b).astype(wide))))


class _Directions:
    """A function at a point, with random weights for its results and random directions."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], seed: int) -> None:
        self.f = f
        self.random = np.random.default_rng(seed)
        callable_or_raise(f, "check_gradients", "f")
        self.point = [_point(a) for a in args]
        self.moving = [i for i, x in enumerate(self.point) if differentiable(x._dtype)]
        outs = self.outputs(self.point)
        self.weights = [self.direction(o) for o in outs]
        if not self.moving or not outs:
            raise ValueError(
                "gradtape.check_gradients: no argument and result that carry derivatives: "
                f"{[brief(x) for x in self.point]} -> {[brief(o) for o in outs]}. "
                "Pass floating-point tensors."
            )
        types = [real_dtype(self.point[i]._dtype) for i in self.moving]
        self.eps = max(float(ml_dtypes.finfo(t).eps) for t in types)

    def outputs(self, point: list[Tensor]) -> list[Any]:
        """The results that carry derivatives."""
        outs = [as_tensor(o) for o in nest.flatten(self.f(*point)) if o is not None]
        return [o for o in outs if differentiable(o._dtype)]

    def direction(self, like: Any) -> Any:
        """A random array of a tensor's shape and dtype."""
        values = self.random.standard_normal(like._shape)
        if like._dtype.kind == "c":
            values = values + 1j * self.random.standard_normal(like._shape)
        return np.asarray(values).astype(like._dtype)

    def moved(self, argument: int, v: Any, t: float) -> list[Tensor]:
        """The point with one argument moved."""
        point = list(self.point)
        array = np.asarray(point[argument])
        point[argument] = Tensor(_scalar(array + np.asarray(t, real_dtype(array.dtype)) * v))
        return point

    def weighted(self, outs: list[Any]) -> float:
        """The sum of the results with the weights."""
        return sum(inner(w, o) for w, o in zip(self.weights, outs, strict=True))

    def gradient(self, point: list[Tensor], argument: int) -> Any:
        """The gradient of the weighted sum with respect to one argument, zeros if not connected."""
        with GradientTape() as tape:
            tape.watch(point[argument])
            outs = self.outputs(point)
        weights = [Tensor(_scalar(w)) for w in self.weights]
        return as_tensor(tape.gradient(outs, point[argument], weights, "zero"))

    def tolerance(self, given: float | None) -> float:
        """How far a derivative may be from its difference, relatively."""
        if given is not None:
            return given
        return 1e-6 if self.eps < 1e-10 else 20 * self.eps**0.5

    def step(self, v: Any) -> float:
        """The largest step along a direction."""
        return 0.05 / max(1.0, float(np.max(np.abs(v.astype(np.complex128)), initial=0.0)))

    def first(self, argument: int, tolerance: float | None) -> list[GradientCheck]:
        """Reverse mode against differences, forward mode against reverse mode."""
        v = self.direction(self.point[argument])
        bound = self.tolerance(tolerance)
        reverse = inner(self.gradient(self.point, argument), v)
        expected, uncertainty, kink = self.slope(argument, v, bound)
        forward = self.weighted(self.pushed(argument, v))
        rounding = 1e3 * self.eps * max(1.0, abs(reverse))
        return [
            GradientCheck("reverse", argument, reverse, expected, uncertainty, bound, kink),
            GradientCheck("forward", argument, forward, reverse, rounding, 1e3 * self.eps, kink),
        ]

    def pushed(self, argument: int, v: Any) -> list[Any]:
        """The tangents of the results."""
        with ForwardAccumulator(self.point[argument], Tensor(_scalar(v))) as accumulator:
            outs = self.outputs(self.point)
        return accumulator.jvp(outs, unconnected_gradients="zero")

    def slope(self, argument: int, v: Any, bound: float) -> tuple[float, float, bool]:
        """The slope along a direction, its uncertainty, and whether the sides differ.

        At a kink the middle of the two slopes is expected, with half their distance either way.
        """

        def along(t: float) -> float:
            return self.weighted(self.outputs(self.moved(argument, v, t)))

        here = along(0.0)
        floor = self.eps * max(1.0, abs(here))
        found: NumericalResult = derivative(along, self.step(v), floor=floor)
        small = max(self.step(v) / 64, 4 * self.eps**0.5)
        right, left = (along(small) - here) / small, (here - along(-small)) / small
        tiny = small / 16
        gap = abs(right - left)
        closer = abs((along(tiny) - here) - (here - along(-tiny))) / tiny
        noise = 8 * floor / tiny
        if closer > 0.5 * gap and closer > noise + bound * max(1.0, abs(right)):
            return (right + left) / 2, gap / 2, True
        return float(found.value), float(found.error), False

    def second(self, argument: int, tolerance: float | None) -> list[GradientCheck]:
        """Second derivatives by both modes against differences of the gradient."""
        x = self.point[argument]
        v, u = self.direction(x), self.direction(x)
        bound = self.tolerance(tolerance)

        def along(t: float) -> float:
            return inner(u, self.gradient(self.moved(argument, v, t), argument))

        size = max(1.0, abs(along(0.0)))
        found = derivative(along, self.step(v), floor=self.eps * size)
        wanted, error = float(found.value), float(found.error)
        with GradientTape() as tape:
            tape.watch(x)
            slope = self.gradient(self.point, argument)
        twice = as_tensor(tape.gradient(slope, x, [Tensor(_scalar(u))], "zero"))
        with ForwardAccumulator(x, Tensor(_scalar(v))) as accumulator:
            slope = self.gradient(self.point, argument)
        mixed = accumulator.jvp(slope, unconnected_gradients="zero")
        return [
            GradientCheck("second", argument, inner(twice, v), wanted, error, bound),
            GradientCheck("forward over reverse", argument, inner(u, mixed), wanted, error, bound),
        ]
