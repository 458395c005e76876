"""Incomplete gamma and beta functions with derivatives by their parameters, to any order.

The derivative by a parameter is the integral of the derivative of the density, which is the density
times a Bell polynomial of logarithms and polygamma functions. The integral over t = x exp(-r) or
x exp(r), whichever side of the mode has no more than half of the mass, falls like a Gaussian or an
exponential in r: Gauss and Legendre's rule of 64 nodes is exact to rounding. A parameter below 1,
where t = 0 is singular, is raised by one first (DLMF 8.8.5, 8.17.20, 8.17.21).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verbs quadrature and polygamma
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.ops.basis import add, multiply, negative, safe_divide, safe_multiply, subtract
from gradtape.ops.calls import check_pair, pair
from gradtape.ops.exponential import exp, xlog1py, xlogy
from gradtape.ops.families import FLOATING, pairwise
from gradtape.ops.special import digamma, lgamma, polygamma
from gradtape.ops.special_ladders import bell, ladder

DROP = 45.0  # exp(-45) is below the rounding of what is added up


@cache
def _rule() -> tuple[Any, Any]:
    """Nodes and weights of the Gauss-Legendre rule on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    return (nodes + 1) / 2, weights / 2


def _range(drop: Any, slope: Any, start: Any) -> Any:
    """Where a convex fall of the exponent reaches DROP, by Newton's method from beyond it."""
    for _ in range(8):
        start = start - (drop(start) - DROP) / slope(start)
    return start


def _psi(xp: Any, n: int, x: Any) -> Any:
    return xp.special.digamma(x) if n == 0 else xp.polygamma(xp.full((), n, x.dtype), x)


def _psi_tensor(n: int, x: Any) -> Any:
    return digamma(x) if n == 0 else polygamma(float(n), x)


# gamma


def _gamma_term(xp: Any, log_t: Any, psi: list[Any], order: int) -> Any:
    """The Bell polynomial of d^k/da^k of t^a / Gamma(a), which multiplies it."""
    return bell((order,), lambda k: log_t - psi[0] if k == (1,) else -psi[k[0] - 1])


def _igamma(xp: Any, a: Any, x: Any, order: int) -> Any:
    if order == 0:
        return xp.special.gammainc(a, x)
    b, log_x = a + 1, xp.log(x)
    psi = [_psi(xp, n, b) for n in range(order)]
    log_gamma = xp.lgamma(b)
    raised = xp.exp(a * log_x - x - log_gamma) * _gamma_term(xp, log_x, psi, order)
    below = x <= b
    side = xp.where(below, -1.0, 1.0).astype(x.dtype)
    stop = xp.where(below, _below_range(xp, b, x), _above_range(xp, b, x))
    at_x = b * log_x - x - log_gamma

    def integrand(node: Any) -> Any:
        r = side * (stop * node)
        density = xp.exp(at_x + b * r - x * xp.expm1(r))
        return density * _gamma_term(xp, log_x + r, psi, order)

    value = raised - side * stop * xp.quadrature(integrand, *_rule())
    value = xp.keep(value, ~((x == 0) | (x == xp.inf)))
    return xp.where(a > 0, value, xp.asarray(xp.nan, x.dtype))


def _below_range(xp: Any, b: Any, x: Any) -> Any:
    return _range(lambda r: b * r + x * xp.expm1(-r), lambda r: b - x * xp.exp(-r), (DROP + x) / b)


def _above_range(xp: Any, b: Any, x: Any) -> Any:
    x = xp.maximum(x, b)
    return _range(
        lambda r: x * xp.expm1(r) - b * r, lambda r: x * xp.exp(r) - b, xp.sqrt(2 * DROP / x)
    )


def _gamma_density(a: Any, x: Any, order: int) -> Any:
    """d^k/da^k of x^(a-1) exp(-x) / Gamma(a)."""
    log_density = subtract(subtract(xlogy(subtract(a, 1.0), x), x), lgamma(a))
    density = exp(log_density)
    if order == 0:
        return density

    def cumulant(k: tuple[int, ...]) -> Any:
        psi = negative(_psi_tensor(k[0] - 1, a))
        return add(xlogy(1.0, x), psi) if k == (1,) else psi

    return multiply(density, bell((order,), cumulant))


_igamma_run = ladder(
    "igamma",
    _igamma,
    lambda a, x, order: _igamma_run(a, x, order=order + 1),
    _gamma_density,
)


def igamma(a: Any, x: Any, name: str | None = None) -> Any:
    """Return the lower regularised incomplete gamma function P(a, x).

    The derivative by x is x^(a-1) exp(-x) / Gamma(a); that by a exists too, to any order.

    Args:
        a: a floating-point tensor, above 0.
        x: a tensor of the same dtype, not below 0; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.igamma(1.0, 2.0):.6g}")
        0.864665
    """
    a, x = pair(a, x, "igamma")
    check_pair("igamma", FLOATING, a, x)
    return _igamma_run(a, x, order=0)


def igamma_quantile_slope(a: Any, x: Any) -> Any:
    """How the x at which P(a, x) has a fixed value moves with a: -(dP/da) / (dP/dx)."""
    return negative(safe_divide(_igamma_run(a, x, order=1), _gamma_density(a, x, 0)))


def igamma_slope(a: Any, x: Any) -> Any:
    """The derivative of `igamma` by a."""
    return _igamma_run(a, x, order=1)


_igammac = pairwise(
    "igammac",
    lambda xp, a, x: xp.special.gammaincc(a, x),
    lambda t, x, y: negative(safe_multiply(t, igamma_slope(x, y))),
    lambda t, x, y: negative(safe_multiply(t, _gamma_density(x, y, 0))),
    "Return the upper regularised incomplete gamma function.",
    kinds=FLOATING,
    wide=True,
)


def igammac(a: Any, x: Any, name: str | None = None) -> Any:
    """Return the upper regularised incomplete gamma function Q(a, x) = 1 - P(a, x).

    Args:
        a: a floating-point tensor, above 0.
        x: a tensor of the same dtype, not below 0; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.igammac(1.0, 2.0):.6g}")
        0.135335
    """
    return _igammac(a, x)


# beta


def _beta_cumulants(log_t: Any, log_rest: Any, p: list[Any], q: list[Any], r: list[Any]) -> Any:
    """The derivatives by a and b of a log t + b log(1 - t) - lgamma(p) - lgamma(q) + lgamma(r)."""

    def cumulant(k: tuple[int, ...]) -> Any:
        i, j = k
        value = r[i + j - 1]
        if j == 0:
            value = value - p[i - 1]
        elif i == 0:
            value = value - q[j - 1]
        if k == (1, 0):
            return value + log_t
        return value + log_rest if k == (0, 1) else value

    return cumulant


def _betainc(xp: Any, a: Any, b: Any, x: Any, order: tuple[int, int]) -> Any:
    if order == (0, 0):
        return xp.special.betainc(a, b, x)
    a, b, x = xp.broadcast_arrays(a, b, x)
    more = range(sum(order))
    log_x, log_rest = xp.log(x), xp.log1p(-x)

    def term(alpha: Any, beta: Any, p: Any, q: Any, r: Any) -> Any:
        size = alpha * log_x + beta * log_rest + _minus_log_beta(xp, p, q, r)
        orders = [[_psi(xp, n, v) for n in more] for v in (p, q, r)]
        return xp.exp(size) * bell(order, _beta_cumulants(log_x, log_rest, *orders))

    raised = term(a, b, a + 1, b, a + b) - term(a + 1, b, a + 1, b + 1, a + b + 1)
    value = raised + _beta_integral(xp, a + 1, b + 1, x, order)
    value = xp.keep(value, ~((x == 0) | (x == 1)))
    inside = (a > 0) & (b > 0) & ~((x < 0) | (x > 1))
    return xp.where(inside, value, xp.asarray(xp.nan, x.dtype))


def _minus_log_beta(xp: Any, p: Any, q: Any, r: Any) -> Any:
    log_gamma = xp.lgamma
    return log_gamma(r) - log_gamma(p) - log_gamma(q)


def _beta_integral(xp: Any, a: Any, b: Any, x: Any, order: tuple[int, int]) -> Any:
    """Derivatives of I_x(a, b) by a and b, for a and b of 1 and above."""
    above = x * (a + b) > a
    near, far = xp.where(above, b, a), xp.where(above, a, b) - 1
    y = xp.where(above, 1 - x, x)  # the tail that is integrated lies in (0, y)
    log_y, log_other = xp.log(y), xp.log1p(-y)
    at_y = near * log_y + far * log_other + _minus_log_beta(xp, a, b, a + b)
    orders = [[_psi(xp, n, v) for n in range(sum(order))] for v in (a, b, a + b)]
    stop = _range(
        lambda r: near * r - far * (xp.log1p(-y * xp.exp(-r)) - log_other),
        lambda r: near - far * y / (xp.exp(r) - y),
        (DROP - far * log_other) / near,
    )

    def integrand(node: Any) -> Any:
        r = stop * node
        log_t, log_rest = log_y - r, xp.log1p(-y * xp.exp(-r))
        density = xp.exp(at_y - near * r + far * (log_rest - log_other))
        logs = (xp.where(above, log_rest, log_t), xp.where(above, log_t, log_rest))
        return density * bell(order, _beta_cumulants(*logs, *orders))

    side = xp.where(above, -1.0, 1.0).astype(x.dtype)
    return side * stop * xp.quadrature(integrand, *_rule())


def _beta_density(a: Any, b: Any, x: Any, order: tuple[int, int]) -> Any:
    """Derivatives by a and b of x^(a-1) (1-x)^(b-1) / B(a, b)."""
    whole = add(a, b)
    logs = add(xlogy(subtract(a, 1.0), x), xlog1py(subtract(b, 1.0), negative(x)))
    density = exp(add(logs, subtract(lgamma(whole), add(lgamma(a), lgamma(b)))))
    if order == (0, 0):
        return density
    orders = [[_psi_tensor(n, v) for n in range(sum(order))] for v in (a, b, whole)]
    cumulants = _beta_cumulants(xlogy(1.0, x), xlog1py(1.0, negative(x)), *orders)
    return multiply(density, bell(order, cumulants))


_betainc_run = ladder(
    "betainc",
    _betainc,
    lambda a, b, x, order: _betainc_run(a, b, x, order=(order[0] + 1, order[1])),
    lambda a, b, x, order: _betainc_run(a, b, x, order=(order[0], order[1] + 1)),
    _beta_density,
)


def betainc(a: Any, b: Any, x: Any, name: str | None = None) -> Any:
    """Return the regularised incomplete beta function I_x(a, b).

    The derivative by x is x^(a-1) (1-x)^(b-1) / B(a, b); those by a and b exist too, to any order.

    Args:
        a: a floating-point tensor, above 0.
        b: a tensor of the same dtype, above 0.
        x: a tensor of the same dtype, in [0, 1]; the three broadcast.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for different dtypes, or shapes that do not broadcast.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.betainc(2.0, 3.0, 0.5):.6g}")
        0.6875
    """
    a, b = pair(a, b, "betainc")
    a, x = pair(a, x, "betainc")
    b, x = pair(b, x, "betainc")
    if not (a._dtype == b._dtype == x._dtype):
        raise InvalidArgumentError(
            f"gradtape.betainc({brief(a)}, {brief(b)}, {brief(x)}): the dtypes differ. "
            "Write tf.cast(x, tf.float32)."
        )
    check_pair("betainc", FLOATING, a, b)
    return _betainc_run(a, b, x, order=(0, 0))
