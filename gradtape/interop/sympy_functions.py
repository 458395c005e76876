"""SymPy's functions as operations on tensors, under SymPy's names.

Code that SymPy prints calls them. Of Python numbers alone they give a Python number, so that
sqrt(2) * x keeps the dtype of x."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce, wraps
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError
from gradtape.ops import exponential, powers, special, stepwise, trigonometric
from gradtape.ops.arithmetic import absolute, maximum, minimum, signum
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    broadcast_to,
    conj,
    multiply,
    negative,
    real,
    reshape,
    subtract,
    sum_axes,
)
from gradtape.ops.choosing import where
from gradtape.ops.complexes import imag
from gradtape.ops.gamma import factorial, gamma
from gradtape.ops.joining import stack
from gradtape.ops.linalg_determinants import det
from gradtape.ops.linalg_diagonals import take_diagonals
from gradtape.ops.linalg_solving import inv
from gradtape.ops.products import matmul, swapped
from gradtape.ops.quotients import divide, reciprocal
from gradtape.ops.remainders import floormod
from gradtape.ops.special_bessel import bessel_i, bessel_j, bessel_k, bessel_y
from gradtape.ops.special_incomplete import betainc, igamma, igammac
from gradtape.ops.special_integrals import dawsn, expint, fresnel_cos, fresnel_sin, spence
from gradtape.ops.trigonometric import angle

Function = Callable[..., Any]


def is_number(value: Any) -> bool:
    """Whether a value is a Python number rather than a tensor or array."""
    return isinstance(value, (int, float, complex)) and not isinstance(value, np.generic)


def plain(value: Any) -> Any:
    """A SymPy number as a Python number."""
    value = sp.sympify(value)
    if value in (sp.true, sp.false):
        return bool(value)
    found = complex(value)
    return found.real if found.imag == 0 else found


def of_numbers(name: str, run: Function) -> Function:
    """An operation that gives a number for numbers, by SymPy's function of the name."""

    @wraps(run)
    def call(*arguments: Any) -> Any:
        if all(map(is_number, arguments)):
            return plain(getattr(sp, name)(*arguments))
        return run(*arguments)

    return call


def inverted(run: Function) -> Function:
    """The reciprocal of a function."""
    return lambda x: reciprocal(run(x))


def of_inverse(run: Function) -> Function:
    """A function of the reciprocal."""
    return lambda x: run(reciprocal(x))


def like(value: Any, others: Sequence[Any]) -> Any:
    """A value as a tensor; a number in the dtype of the first tensor of numbers among others."""
    if not is_number(value) or isinstance(value, bool):
        return as_tensor(value)
    for other in others:
        if not is_number(other):
            tensor = as_tensor(other)
            if tensor._dtype.kind in "fcV":
                return as_tensor_like(value, tensor._dtype, "from_sympy")
    return as_tensor(float(value))


# choices


def piecewise(*branches: Any, near: Sequence[Any] = ()) -> Any:
    """The value of the first branch (value, condition) whose condition holds, not a number where
    none does.

    Args:
        branches: pairs of a value and a condition.
        near: tensors whose dtype numbers take where all values are numbers.
    """
    values = [value for value, _ in branches]
    tensors = [like(v, [*values, *near]) for v in values]
    found = tensors[-1]
    if branches[-1][1] is not True:
        found = where(branches[-1][1], found, math.nan)
    for value, (_, condition) in zip(tensors[-2::-1], branches[-2::-1], strict=True):
        found = where(condition, value, found)
    return found


def heaviside(x: Any, at_zero: Any = 0.5) -> Any:
    """1 above 0, 0 below, and another number at 0."""
    return piecewise((1.0, x > 0), (at_zero, x >= 0), (0.0, True), near=(x,))


def either(condition: Any, x: Any, y: Any) -> Any:
    """One of two truth values."""
    chosen = stepwise.logical_and(condition, x)
    return stepwise.logical_or(chosen, stepwise.logical_and(stepwise.logical_not(condition), y))


def folded(run: Function) -> Function:
    """A function of two as one of many."""
    return lambda *arguments: reduce(run, arguments)


def exclusive(*arguments: Any) -> Any:
    """Whether an odd number of truth values hold."""
    return reduce(stepwise.logical_xor, arguments)


# numbers


def logarithm(x: Any, base: Any = None) -> Any:
    """The natural logarithm, or that to a base."""
    found = exponential.log(x)
    return found if base is None else divide(found, LOG(base))


def cardinal_sine(x: Any) -> Any:
    """sin(x) / x, and 1 at 0."""
    away = where(stepwise.not_equal(x, 0.0), x, 1.0)
    return where(stepwise.not_equal(x, 0.0), divide(trigonometric.sin(away), away), 1.0)


def fraction(x: Any) -> Any:
    """x minus the largest whole number that is not above it."""
    return subtract(x, stepwise.floor(x))


# special functions


def beta(x: Any, y: Any) -> Any:
    """gamma(x) gamma(y) / gamma(x + y)."""
    return divide(multiply(GAMMA(x), GAMMA(y)), gamma(add(x, y)))


def binomial(n: Any, k: Any) -> Any:
    """n! / (k! (n - k)!)."""
    rest = gamma(add(subtract(n, k), 1.0))
    return divide(GAMMA(n + 1.0), multiply(GAMMA(k + 1.0), rest))


def polygamma(order: Any, x: Any) -> Any:
    """The derivative of a whole order of digamma."""
    return special.digamma(x) if order == 0 else special.polygamma(float(order), x)


def imaginary_error_function(x: Any) -> Any:
    """erf(i x) / i."""
    return multiply(2 / math.sqrt(math.pi), multiply(exponential.exp(powers.square(x)), dawsn(x)))


def dilogarithm(order: Any, x: Any) -> Any:
    """The polylogarithm of order 2."""
    if order != 2:
        raise unsupported(f"polylog of order {order}", "only the dilogarithm, order 2, is known")
    return spence(subtract(1.0, x))


def _bessel(run: Function, alternating: bool) -> Function:
    """A Bessel function of whole order, of negative order too (DLMF 10.4.1, 10.27.1)."""

    def function(order: Any, x: Any) -> Any:
        found = run(as_tensor(x), order=abs(int(order)))
        return negative(found) if alternating and order < 0 and int(order) % 2 else found

    return function


def regularised_beta(a: Any, b: Any, low: Any, high: Any) -> Any:
    """The incomplete beta function between two numbers, regularised."""
    p, q, upper, lower = (like(v, (a, b, high, low)) for v in (a, b, high, low))
    found = betainc(p, q, upper)
    return found if is_number(low) and low == 0 else subtract(found, betainc(p, q, lower))


def unsupported(what: str, why: str) -> InvalidArgumentError:
    """The error for a part of an expression that has no counterpart."""
    return InvalidArgumentError(
        f"gradtape.interop.sympy.from_sympy: {what} has no counterpart: {why}. Rewrite the"
        ' expression, or give one: from_sympy(expression, functions={"name": function}).'
    )


# matrices


def assembled(nested: Any, shape: tuple[int, ...], near: Sequence[Any] = ()) -> Any:
    """A tensor of elements, which broadcast: the axes of the shape stand behind theirs.

    Args:
        nested: the elements, in order.
        shape: how they are arranged.
        near: tensors whose dtype numbers take where all elements are numbers.
    """
    tensors = [like(e, [*nested, *near]) for e in nested]
    if not tensors:
        raise InvalidArgumentError(
            f"gradtape.interop.sympy: an array of shape {list(shape)} has no elements."
        )
    common = broadcast_shapes(*[t._shape for t in tensors])
    spread = [t if t._shape == common else broadcast_to(t, common) for t in tensors]
    return reshape(stack(spread, axis=len(common)), (*common, *shape))


def matrix(rows: Any, shape: Any = None) -> Any:
    """A tensor of nested lists of elements."""
    places = np.empty(np.shape(_hidden(rows)), object)
    for place in np.ndindex(places.shape):
        element = rows
        for index in place:
            element = element[index]
        places[place] = element
    return assembled(list(places.flat), places.shape if shape is None else shape)


def _hidden(rows: Any) -> Any:
    """The nesting of lists, with numbers in place of elements."""
    return [_hidden(r) for r in rows] if isinstance(rows, (list, tuple)) else 0


def trace(x: Any) -> Any:
    """The sum of a matrix's diagonal."""
    diagonal = take_diagonals(as_tensor(x))
    return sum_axes(diagonal, (len(diagonal._shape) - 1,))


def matrix_power(x: Any, power: Any) -> Any:
    """A whole power of a matrix."""
    if not is_number(power) or power != int(power) or power == 0:
        raise unsupported(f"the power {power} of a matrix", "only whole powers but 0 are known")
    base = inv(x) if power < 0 else x
    return reduce(matmul, [base] * abs(int(power)))


LOG = of_numbers("log", logarithm)
GAMMA = of_numbers("gamma", gamma)
_OPERATIONS: dict[str, Function] = {
    "exp": exponential.exp,
    "log": logarithm,
    "sqrt": powers.sqrt,
    "Abs": absolute,
    "sign": signum,
    "floor": stepwise.floor,
    "ceiling": stepwise.ceil,
    "frac": fraction,
    "Mod": floormod,
    "Max": folded(maximum),
    "Min": folded(minimum),
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "cot": inverted(trigonometric.tan),
    "sec": inverted(trigonometric.cos),
    "csc": inverted(trigonometric.sin),
    "sinc": cardinal_sine,
    "asin": trigonometric.asin,
    "acos": trigonometric.acos,
    "atan": trigonometric.atan,
    "atan2": trigonometric.atan2,
    "acot": of_inverse(trigonometric.atan),
    "asec": of_inverse(trigonometric.acos),
    "acsc": of_inverse(trigonometric.asin),
    "sinh": exponential.sinh,
    "cosh": exponential.cosh,
    "tanh": exponential.tanh,
    "coth": inverted(exponential.tanh),
    "sech": inverted(exponential.cosh),
    "csch": inverted(exponential.sinh),
    "asinh": trigonometric.asinh,
    "acosh": trigonometric.acosh,
    "atanh": trigonometric.atanh,
    "acoth": of_inverse(trigonometric.atanh),
    "asech": of_inverse(trigonometric.acosh),
    "acsch": of_inverse(trigonometric.asinh),
    "re": real,
    "im": imag,
    "conjugate": conj,
    "arg": angle,
    "Heaviside": heaviside,
    "And": folded(stepwise.logical_and),
    "Or": folded(stepwise.logical_or),
    "Not": stepwise.logical_not,
    "Xor": exclusive,
    "ITE": either,
    "erf": special.erf,
    "erfc": special.erfc,
    "erfi": imaginary_error_function,
    "erfinv": special.erfinv,
    "erfcinv": special.erfcinv,
    "gamma": gamma,
    "loggamma": special.lgamma,
    "factorial": factorial,
    "binomial": binomial,
    "beta": beta,
    "digamma": special.digamma,
    "trigamma": lambda x: polygamma(1, x),
    "polygamma": polygamma,
    "lowergamma": lambda a, x: multiply(igamma(a, x), GAMMA(a)),
    "uppergamma": lambda a, x: multiply(igammac(a, x), GAMMA(a)),
    "betainc_regularized": regularised_beta,
    "zeta": lambda s, q=1.0: special.zeta(s, q),
    "polylog": dilogarithm,
    "besselj": _bessel(bessel_j, True),
    "bessely": _bessel(bessel_y, True),
    "besseli": _bessel(bessel_i, False),
    "besselk": _bessel(bessel_k, False),
    "Ei": expint,
    "fresnels": fresnel_sin,
    "fresnelc": fresnel_cos,
}
# what SymPy's code may call besides: names without a function of numbers of the same name
_HELPERS: dict[str, Function] = {
    "Piecewise": piecewise,
    "assembled": assembled,
    "ImmutableDenseMatrix": matrix,
    "MutableDenseMatrix": matrix,
    "ImmutableDenseNDimArray": matrix,
    "matmul": folded(matmul),
    "matrix_power": matrix_power,
    "transposed": swapped,
    "inverse": inv,
    "determinant": det,
    "trace": trace,
    "log1p": exponential.log1p,
    "softplus": exponential.softplus,
}
FUNCTIONS: dict[str, Function] = {
    **{name: of_numbers(name, run) for name, run in _OPERATIONS.items()},
    **_HELPERS,
}
