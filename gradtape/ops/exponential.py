"""Exponentials, logarithms and the logistic function, with derivatives that keep their digits.

The slopes of tanh and sigmoid are written as e / (1 + e)^2 with e = exp(-|x|): the usual 1 - tanh^2
and s (1 - s) lose every digit where the function is flat.
"""

from __future__ import annotations

from typing import Any

import gradtape.core.xp_numpy_special  # noqa: F401  the verbs of fused kernels
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import registry
from gradtape.ops.basis import add, multiply, negative, safe_divide, safe_multiply
from gradtape.ops.families import FLOATING, INEXACT, elementwise, pairwise
from gradtape.ops.quotients import reciprocal, share

exp = elementwise("exp", lambda xp, x: xp.exp(x), lambda out: out, "Return e**x.", (1.0, 2.71828))
expm1 = elementwise(
    "expm1",
    lambda xp, x: xp.expm1(x),
    lambda x: exp(x),
    "Return e**x - 1, accurate near 0.",
    (1e-8, "1e-08"),
)
log = elementwise(
    "log",
    lambda xp, x: xp.log(x),
    lambda x: reciprocal(x),
    "Return the natural logarithm of x.",
    (1.0, 0),
)
log1p = elementwise(
    "log1p",
    lambda xp, x: xp.log1p(x),
    lambda x: reciprocal(add(1.0, x)),
    "Return log(1 + x), accurate near 0.",
    (1e-8, "1e-08"),
)
sinh = elementwise(
    "sinh", lambda xp, x: xp.sinh(x), lambda x: cosh(x), "Return the hyperbolic sine.", (0.0, 0)
)
cosh = elementwise(
    "cosh", lambda xp, x: xp.cosh(x), lambda x: sinh(x), "Return the hyperbolic cosine.", (0.0, 1)
)

# the logistic function and its relatives


sech2 = elementwise(
    "sech2",
    lambda xp, x: xp.bell(x, 2, 4),
    lambda x, out: multiply(-2.0, multiply(tanh(x), out)),
    "Return 1 / cosh(x)^2 = 4e / (1 + e)^2 with e = exp(-2|x|), the slope of tanh.",
)
tanh = elementwise(
    "tanh",
    lambda xp, x: xp.tanh(x),
    lambda x: sech2(x),
    "Return the hyperbolic tangent.",
    (1.0, 0.761594),
)
logistic_slope = elementwise(
    "logistic_slope",
    lambda xp, x: xp.bell(x, 1, 1),
    lambda x, out: negative(multiply(tanh(multiply(0.5, x)), out)),
    "Return e / (1 + e)^2 with e = exp(-|x|), the slope of the logistic function.",
)
sigmoid = elementwise(
    "sigmoid",
    lambda xp, x: xp.logistic(x),
    lambda x: logistic_slope(x),
    "Return the logistic function 1 / (1 + e**-x).",
    (1.0, 0.731059),
)
_softplus = elementwise(
    "softplus",
    lambda xp, x: xp.softplus(x),
    lambda x: sigmoid(x),
    "Return log(1 + e**x).",
    kinds=FLOATING,
)


def softplus(features: Any, name: str | None = None) -> Any:
    """Return log(1 + e**x), which neither overflows nor loses small values.

    Args:
        features: a floating-point tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.nn.softplus(0.0):.6g}")
        0.693147
    """
    return _softplus(features)


def log_sigmoid(x: Any, name: str | None = None) -> Any:
    """Return the logarithm of the logistic function, -log(1 + e**-x).

    Args:
        x: a floating-point tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.log_sigmoid(0.0):.6g}", f"{tf.math.log_sigmoid(-1000.0):.6g}")
        -0.693147 -1000
    """
    return negative(softplus(negative(x)))


# products with logarithms


def _beside(xp: Any, x: Any, y: Any, edge: float) -> Any:
    """Where x is 0 and y has no finite logarithm: y at the edge of its domain or beyond."""
    outside = y == edge if y.dtype.kind == "c" else y <= edge
    return (x == 0) & outside


def _log_beside(name: str, function: str, edge: float, shifted: Any) -> Any:
    """The logarithm of y as a factor of x: 0 where x is 0 and the logarithm is infinite or none."""

    def kernel(xp: Any, x: Any, y: Any) -> Any:
        value, outside = getattr(xp, function)(y), _beside(xp, x, y, edge)
        return xp.keep(value, ~outside)

    def slope(t: Any, x: Any, y: Any) -> Any:
        return share(t, shifted(y))

    return pairwise(
        name, kernel, STEPWISE, slope, "A logarithm of y, and 0 where x is 0.", kinds=INEXACT
    )


_log_factor = _log_beside("log_factor", "log", 0.0, lambda y: y)
_log1p_factor = _log_beside("log1p_factor", "log1p", -1.0, lambda y: add(1.0, y))


def _product_kernel(function: str) -> Any:
    times = registry["safe_multiply"].kernel

    def kernel(xp: Any, x: Any, y: Any) -> Any:
        return times(xp, x, getattr(xp, function)(y))

    return kernel


xlogy = pairwise(
    "xlogy",
    _product_kernel("log"),
    lambda t, x, y: safe_multiply(t, _log_factor(x, y)),
    lambda t, x, y: safe_multiply(t, safe_divide(x, y)),
    "Return x log(y), and 0 where x is 0 whatever y is; at x = y = 0 both derivatives are 0.",
    ((2.0, 1.0), 0),
    kinds=INEXACT,
)
xlog1py = pairwise(
    "xlog1py",
    _product_kernel("log1p"),
    lambda t, x, y: safe_multiply(t, _log1p_factor(x, y)),
    lambda t, x, y: safe_multiply(t, safe_divide(x, add(1.0, y))),
    "Return x log(1 + y), and 0 where x is 0; at x = 0, y = -1 both derivatives are 0.",
    ((2.0, 0.0), 0),
    kinds=INEXACT,
)
