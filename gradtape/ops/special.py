"""Special functions: error functions, gamma functions and the Riemann zeta function."""

from __future__ import annotations

import math
from typing import Any

import gradtape.core.xp_numpy_special  # noqa: F401  the verbs gauss, erfc, ndtr, polygamma
from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.ops.basis import add, multiply, negative, safe_multiply, subtract, sum_axes
from gradtape.ops.calls import check_pair, pair
from gradtape.ops.families import FLOATING, elementwise, pairwise
from gradtape.ops.special_ladders import ladder

# error functions

gaussian = elementwise(
    "gaussian",
    lambda xp, x: xp.gauss(x, 1.0),
    lambda x, out: multiply(multiply(-2.0, x), out),
    "Return exp(-x^2), to the last digits in the tails too.",
    kinds=FLOATING,
)
half_gaussian = elementwise(
    "half_gaussian",
    lambda xp, x: xp.gauss(x, 0.5),
    lambda x, out: negative(multiply(x, out)),
    "Return exp(-x^2 / 2), to the last digits in the tails too.",
    kinds=FLOATING,
)
growth = elementwise(
    "gaussian_growth",
    lambda xp, x: 1 / xp.gauss(x, 1.0),
    lambda x, out: multiply(multiply(2.0, x), out),
    "Return exp(x^2), to the last digits.",
    kinds=FLOATING,
)
half_growth = elementwise(
    "half_gaussian_growth",
    lambda xp, x: 1 / xp.gauss(x, 0.5),
    lambda x, out: multiply(x, out),
    "Return exp(x^2 / 2), to the last digits.",
    kinds=FLOATING,
)
erf = elementwise(
    "erf",
    lambda xp, x: xp.special.erf(x),
    lambda x: multiply(2 / math.sqrt(math.pi), gaussian(x)),
    "Return the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
    (1.0, 0.842701),
    kinds=FLOATING,
    wide=True,
)
erfc = elementwise(
    "erfc",
    lambda xp, x: xp.erfc(x),
    lambda x: multiply(-2 / math.sqrt(math.pi), gaussian(x)),
    "Return 1 - erf(x), without cancellation for large x.",
    (1.0, 0.157299),
    kinds=FLOATING,
    wide=True,
)
ndtr = elementwise(
    "ndtr",
    lambda xp, x: xp.ndtr(x),
    lambda x: multiply(1 / math.sqrt(2 * math.pi), half_gaussian(x)),
    "Return the distribution function of the standard normal distribution.",
    kinds=FLOATING,
    wide=True,
)
erfinv = elementwise(
    "erfinv",
    lambda xp, x: xp.special.erfinv(x),
    lambda out: multiply(math.sqrt(math.pi) / 2, growth(out)),
    "Return the inverse of erf, on [-1, 1].",
    (0.5, 0.476936),
    kinds=FLOATING,
    wide=True,
)
erfcinv = elementwise(
    "erfcinv",
    lambda xp, x: xp.erfcinv(x),
    lambda out: multiply(-math.sqrt(math.pi) / 2, growth(out)),
    "Return the inverse of erfc, on [0, 2].",
    (0.5, 0.476936),
    kinds=FLOATING,
    wide=True,
)
ndtri = elementwise(
    "ndtri",
    lambda xp, x: xp.special.ndtri(x),
    lambda out: multiply(math.sqrt(2 * math.pi), half_growth(out)),
    "Return the quantile of the standard normal distribution, on [0, 1].",
    (0.5, 0),
    kinds=FLOATING,
    wide=True,
)

# gamma functions

lgamma = elementwise(
    "lgamma",
    lambda xp, x: xp.lgamma(x),
    lambda x: digamma(x),
    "Return the logarithm of the absolute value of the gamma function.",
    (4.0, 1.79176),
    kinds=FLOATING,
    wide=True,
)
digamma = elementwise(
    "digamma",
    lambda xp, x: xp.special.digamma(x),
    lambda x: _polygamma(1.0, x),
    "Return the derivative of lgamma.",
    (1.0, -0.577216),
    kinds=FLOATING,
    wide=True,
)
_polygamma = pairwise(
    "polygamma",
    lambda xp, a, x: xp.polygamma(a, x),
    Nothing("stepwise", "the order of polygamma is a whole number"),
    lambda t, x, y: safe_multiply(t, _polygamma(add(x, 1.0), y)),
    "Return the derivative of order a of the digamma function at x.",
    kinds=FLOATING,
    wide=True,
)


def polygamma(a: Any, x: Any, name: str | None = None) -> Any:
    """Return the derivative of order a of the digamma function at x.

    Args:
        a: a floating-point tensor of whole numbers: the result is not a number at others, and there
            is no derivative by a.
        x: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.polygamma(1.0, 1.0):.6g}")
        1.64493
    """
    return _polygamma(a, x)


def lbeta(x: Any, name: str | None = None) -> Any:
    """Return the logarithm of the beta function: sum of lgamma(x) minus lgamma of the sum of x.

    Args:
        x: a floating-point tensor (..., n); the sums run over the last axis.
        name: ignored, for compatibility.

    Returns:
        A tensor (...) of the same dtype; for n = 0, -inf.

    Raises:
        InvalidArgumentError: for a tensor without axes.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.lbeta([2.0, 3.0]):.6g}")
        -2.48491
    """
    x = as_tensor(x, "lbeta")
    if not x._shape:
        raise InvalidArgumentError(
            f"gradtape.lbeta({brief(x)}): needs at least one axis. Write tf.math.lbeta([x, y])."
        )
    last = (len(x._shape) - 1,)
    return subtract(sum_axes(lgamma(x), last), lgamma(sum_axes(x, last)))


# the zeta function of Hurwitz

# B_2j / (2j)! of the Euler-Maclaurin formula
_EULER_MACLAURIN = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000,
)  # fmt: skip
_DIRECT = 12


def _zeta(xp: Any, s: Any, q: Any, order: int) -> Any:
    """The sum over k of log(q + k)^order (q + k)^-s, by the Euler-Maclaurin formula."""
    if order == 0:
        return xp.special.zeta(s, q)
    total = sum(_zeta_term(xp, s, q + k, order) for k in range(_DIRECT))
    end = q + _DIRECT
    log, power = xp.log(end), end**-s
    below = 1 / (s - 1)
    integral, factor = 0, below
    for i in range(order, -1, -1):
        integral = integral + factor * log**i
        factor = factor * below * i
    total = total + power * (end * integral + log**order / 2)
    # the derivative number r of log^m t t^-s is t^(-s-r) times a polynomial in log t
    polynomial = [0 * s] * order + [1 + 0 * s]
    for r in range(2 * len(_EULER_MACLAURIN) - 1):
        polynomial = [
            (i + 1) * (polynomial[i + 1] if i < order else 0) - (s + r) * c
            for i, c in enumerate(polynomial)
        ]
        power = power / end
        if r % 2 == 0:
            value = sum(c * log**i for i, c in enumerate(polynomial))
            total = total - _EULER_MACLAURIN[r // 2] * power * value
    return total


def _zeta_term(xp: Any, s: Any, t: Any, order: int) -> Any:
    return xp.log(t) ** order * t**-s


def _zeta_by_q(s: Any, q: Any, order: int) -> Any:
    slope = negative(multiply(s, _zeta_sum(add(s, 1.0), q, order=order)))
    if order == 0:
        return slope
    return add(slope, multiply(float(order), _zeta_sum(add(s, 1.0), q, order=order - 1)))


_zeta_sum = ladder(
    "zeta", _zeta, lambda s, q, order: negative(_zeta_sum(s, q, order=order + 1)), _zeta_by_q
)


def zeta(x: Any, q: Any, name: str | None = None) -> Any:
    """Return Hurwitz' zeta function, the sum of (q + k)^-x over k = 0, 1, 2, ...

    Both derivatives exist, for x > 1 and q > 0.

    Args:
        x: a floating-point tensor, above 1.
        q: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.zeta(2.0, 1.0):.6g}")
        1.64493
    """
    x, q = pair(x, q, "zeta")
    check_pair("zeta", FLOATING, x, q)
    return _zeta_sum(x, q, order=0)
