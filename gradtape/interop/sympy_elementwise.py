"""Elementwise primitives as formulas of scalars, by their names.

What a kernel computes in a roundabout way, so that no digit is lost, stands here as mathematics
writes it. Helpers of rules that differ from a plain product only where something is infinite are
plain products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy.logic.boolalg import Boolean

from gradtape.interop.sympy_numbers import number

HALF = sp.Rational(1, 2)


def given(value: Any, condition: Any, otherwise: Any = sp.S.Zero) -> Any:
    """The value where a condition holds, and something else elsewhere."""
    return sp.Piecewise((value, condition), (otherwise, True))


def is_logical(value: Any) -> bool:
    """Whether an element is a truth value rather than a number."""
    return isinstance(value, Boolean) and not isinstance(value, sp.Symbol)


def product(x: Any, y: Any) -> Any:
    """x y, and 0 where a factor is the number 0, whatever the other one is."""
    return sp.S.Zero if x == 0 or y == 0 else x * y


def quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 where x is the number 0, whatever y is."""
    return sp.S.Zero if x == 0 else x / y


def quotient_or_zero(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0."""
    return given(quotient(x, y), sp.Ne(y, 0)) if y != 0 else sp.S.Zero


def truncated(x: Any) -> Any:
    """x rounded towards zero."""
    if x.is_integer:
        return x
    return sp.sign(x) * sp.floor(sp.Abs(x))


def _rounded(x: Any) -> Any:
    """The nearest integer, halves to the even one."""
    return sp.floor(x + HALF) - given(sp.S.One, sp.Eq(sp.Mod(x, 2), HALF))


def _choice(condition: Any, x: Any, y: Any) -> Any:
    if is_logical(x) or is_logical(y):
        return sp.ITE(condition, x, y)
    return given(x, condition, y)


def _equal(x: Any, y: Any) -> Any:
    return sp.Equivalent(x, y) if is_logical(x) or is_logical(y) else sp.Eq(x, y)


def clipped(x: Any) -> Any:
    """What was clipped between 0 and 6: it lies inside where the clipped one does."""
    while isinstance(x, (sp.Max, sp.Min)) and len(x.args) == 2 and x.args[0] in (0, 6):
        x = x.args[1]
    return x


def positive(x: Any) -> Any:
    """Whether x > 0; of max(x, 0) whether x itself is."""
    return clipped(x) > 0 if isinstance(x, sp.Max) else x > 0


def _finite(x: Any) -> Any:
    """Symbols stand for finite numbers."""
    return sp.false if x.is_finite is False or x is sp.nan else sp.true


def _bin(x: Any, low: Any, high: Any, count: int) -> Any:
    """The number of the bin of a histogram that a value falls into."""
    found = sp.floor((x - low) / (high - low) * count)
    return sp.Min(sp.Max(found, 0), count - 1)


def _log_known(x: Any) -> Any:
    if x == 0:
        return sp.S.Zero
    return given(sp.log(x), x > 0 if x.is_extended_real else sp.Ne(x, 0))


def _log_factor(x: Any, y: Any) -> Any:
    return given(sp.S.Zero, sp.Eq(x, 0), sp.log(y) if y != 0 else sp.S.Zero)


def log_gamma(x: Any) -> Any:
    """log |gamma(x)|."""
    return sp.loggamma(x) if x.is_positive else sp.log(sp.Abs(sp.gamma(x)))


def normal(x: Any) -> Any:
    """The distribution function of the standard normal distribution."""
    return sp.erfc(-x / sp.sqrt(2)) / 2


def density(x: Any) -> Any:
    """The density of the standard normal distribution."""
    return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


def _logistic(x: Any) -> Any:
    return 1 / (1 + sp.exp(-x))


def _gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (x + sp.Float("0.044715") * x**3)))


SCALE, ALPHA = sp.Float("1.0507009873554804934"), sp.Float("1.6732632423543772848")


def _unit(bend: Any, scale: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An exponential linear unit and its slope."""
    return (
        lambda x: given(scale * x, x > 0, bend * (sp.exp(x) - 1)),
        lambda x: given(bend * sp.exp(x), x < 0, scale),
    )


_elu, _elu_slope = _unit(sp.S.One, sp.S.One)
_selu, _selu_slope = _unit(SCALE * ALPHA, SCALE)


def slope(formula: Callable[..., Any], place: int = 0, order: int = 1) -> Callable[..., Any]:
    """The derivative of a formula by one of its arguments, by SymPy."""

    def derived(*arguments: Any) -> Any:
        symbols = [sp.Dummy(real=True) for _ in arguments]
        found = sp.diff(formula(*symbols), symbols[place], order)
        return found.subs(dict(zip(symbols, arguments, strict=True)))

    return derived


# families with a whole number


def _of_order(name: str) -> Callable[..., Any]:
    function = getattr(sp, name)
    return lambda x, order: function(order, x)


def _incomplete_gamma(a: Any, x: Any) -> Any:
    return sp.lowergamma(a, x) / sp.gamma(a)


def _igamma(a: Any, x: Any, order: int) -> Any:
    return by_parameter(_incomplete_gamma, (a, x), (order, 0))


def _betainc(a: Any, b: Any, x: Any, order: tuple[int, int]) -> Any:
    function = lambda p, q, z: sp.betainc_regularized(p, q, 0, z)
    return by_parameter(function, (a, b, x), (*order, 0))


def _zeta(s: Any, q: Any, order: int) -> Any:
    return (-1) ** order * by_parameter(sp.zeta, (s, q), (order, 0))


def by_parameter(formula: Callable[..., Any], arguments: Any, orders: tuple[int, ...]) -> Any:
    """A derivative by parameters, for which there is no closed form: it stays a derivative."""
    if not any(orders):
        return formula(*arguments)
    names = [
        sp.Dummy(f"t_{i}", real=True) if n and not a.is_Symbol else a
        for i, (a, n) in enumerate(zip(arguments, orders, strict=True))
    ]
    steps = [(s, n) for s, n in zip(names, orders, strict=True) if n]
    found = sp.Derivative(formula(*names), *steps)
    moved = [(s, a) for s, a in zip(names, arguments, strict=True) if s is not a]
    return sp.Subs(found, *zip(*moved, strict=True)) if moved else found


ALIKE = (
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh",
    "atanh", "erf", "erfc", "erfinv", "erfcinv", "gamma", "digamma", "polygamma",
)  # fmt: skip
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    # arithmetic
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": product,
    "safe_multiply": product,
    "chain_multiply": product,
    "divide": quotient,
    "safe_divide": quotient,
    "xdivy": quotient,
    "divide_no_nan": quotient_or_zero,
    "reciprocal": lambda x: 1 / x,
    "negative": lambda x: -x,
    "square": lambda x: x**2,
    "safe_square": lambda x: x**2,
    "safe_cube": lambda x: x**3,
    "sqrt": sp.sqrt,
    "rsqrt": lambda x: 1 / sp.sqrt(x),
    "pow": lambda x, y: x**y,
    "maximum": sp.Max,
    "minimum": sp.Min,
    "abs": sp.Abs,
    "sign": sp.sign,
    "keep": lambda t, mask: given(t, mask),
    "where": _choice,
    # complex numbers
    "real": sp.re,
    "imag": sp.im,
    "conj": sp.conjugate,
    "complex": lambda x, y: x + sp.I * y,
    "complex_abs": sp.Abs,
    # exponentials and logarithms
    "exp": sp.exp,
    "expm1": lambda x: sp.exp(x) - 1,
    "exp_difference": lambda x, y: sp.exp(x - y),
    "log": sp.log,
    "log1p": lambda x: sp.log(1 + x),
    "log_known": _log_known,
    "log_factor": _log_factor,
    "log1p_factor": lambda x, y: _log_factor(x, 1 + y),
    "xlogy": lambda x, y: product(x, sp.log(y)),
    "xlog1py": lambda x, y: product(x, sp.log(1 + y)),
    "sigmoid": _logistic,
    "logistic_slope": lambda x: 1 / (4 * sp.cosh(x / 2) ** 2),
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "logistic_residual": lambda x, y: _logistic(y) - x,
    "sigmoid_cross_entropy": lambda x, y: sp.log(1 + sp.exp(y)) - x * y,
    # functions of the same name
    **{name: getattr(sp, name) for name in ALIKE},
    "sech2": lambda x: 1 / sp.cosh(x) ** 2,
    "asin_slope": lambda x: 1 / sp.sqrt(1 - x**2),
    "asinh_slope": lambda x: 1 / sp.sqrt(1 + x**2),
    "acosh_slope": lambda x: 1 / (sp.sqrt(x - 1) * sp.sqrt(x + 1)),
    "atan_slope": lambda x: 1 / (1 + x**2),
    "atanh_slope": lambda x: 1 / (1 - x**2),
    # special functions
    "gaussian": lambda x: sp.exp(-(x**2)),
    "half_gaussian": lambda x: sp.exp(-(x**2) / 2),
    "gaussian_growth": lambda x: sp.exp(x**2),
    "half_gaussian_growth": lambda x: sp.exp(x**2 / 2),
    "ndtr": normal,
    "ndtri": lambda x: -sp.sqrt(2) * sp.erfcinv(2 * x),
    "normal_density": density,
    "lgamma": log_gamma,
    "igamma": _igamma,
    "igammac": lambda a, x: sp.uppergamma(a, x) / sp.gamma(a),
    "betainc": _betainc,
    "zeta": _zeta,
    "bessel_j": _of_order("besselj"),
    "bessel_y": _of_order("bessely"),
    "bessel_i": _of_order("besseli"),
    "bessel_k": _of_order("besselk"),
    "bessel_ie": lambda x, order: sp.exp(-sp.Abs(x)) * sp.besseli(order, x),
    "bessel_ke": lambda x, order: sp.exp(x) * sp.besselk(order, x),
    "dawsn": lambda x: sp.sqrt(sp.pi) / 2 * sp.exp(-(x**2)) * sp.erfi(x),
    "expint": sp.Ei,
    "fresnel_cos": sp.fresnelc,
    "fresnel_sin": sp.fresnels,
    "spence": lambda x: sp.polylog(2, 1 - x),
    "spence_slope": lambda x, order: slope(lambda t: sp.log(t) / (1 - t), order=order)(x),
    # activations
    "relu": lambda x: sp.Max(x, 0),
    "relu_pull": lambda ct, y: given(ct, positive(y)),
    "relu6": lambda x: sp.Min(sp.Max(x, 0), 6),
    "relu6_slope": lambda x: given(sp.S.One, (clipped(x) > 0) & (clipped(x) < 6)),
    "leaky_relu": lambda x, alpha: given(x, x > 0, number(np.float64(alpha)) * x),
    "leaky_relu_slope": lambda x, alpha: given(sp.S.One, x > 0, number(np.float64(alpha))),
    "elu": _elu,
    "elu_slope": _elu_slope,
    "selu": _selu,
    "selu_slope": _selu_slope,
    "softsign": lambda x: x / (1 + sp.Abs(x)),
    "softsign_slope": lambda x: 1 / (1 + sp.Abs(x)) ** 2,
    "silu": lambda x: x * _logistic(x),
    "silu_slope": slope(lambda x: x * _logistic(x)),
    "gelu": lambda x: x * normal(x),
    "gelu_slope": lambda x: normal(x) + x * density(x),
    "gelu_tanh": _gelu_tanh,
    "gelu_tanh_slope": slope(_gelu_tanh),
    # comparisons and logic
    "equal": _equal,
    "not_equal": lambda x, y: sp.Not(_equal(x, y)),
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "logical_and": sp.And,
    "logical_or": sp.Or,
    "logical_xor": sp.Xor,
    "logical_not": sp.Not,
    "is_finite": _finite,
    "is_inf": lambda x: sp.true if x.is_infinite else sp.false,
    "is_nan": lambda x: sp.true if x is sp.nan else sp.false,
    # rounding and remainders
    "floor": sp.floor,
    "ceil": sp.ceiling,
    "rint": _rounded,
    "histogram_bins": _bin,
    "floordiv": lambda x, y: sp.floor(x / y),
    "floormod": sp.Mod,
    "truncatediv": lambda x, y: truncated(x / y),
    "truncatemod": lambda x, y: x - y * truncated(x / y),
}
