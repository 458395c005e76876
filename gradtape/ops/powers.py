"""Squares, square roots and powers."""

from __future__ import annotations

from typing import Any

import gradtape.core.xp_numpy_special  # noqa: F401  the verb keep
from gradtape.core.convert import as_tensor
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import add, chain_multiply, conj, multiply, safe_multiply, subtract
from gradtape.ops.families import INEXACT, NUMERIC, elementwise, pairwise
from gradtape.ops.quotients import divide, keep, reciprocal_no_nan, safe_cube
from gradtape.ops.stepwise import less, logical_not, not_equal

square = elementwise(
    "square",
    lambda xp, x: x * x,
    lambda x: add(x, x),
    "Return x squared.",
    (3.0, 9),
    kinds=NUMERIC,
    stops=True,
)
sqrt = elementwise(
    "sqrt",
    lambda xp, x: xp.sqrt(x),
    lambda out: divide(0.5, out),
    "Return the square root of x.",
    (9.0, 3),
)
rsqrt = elementwise(
    "rsqrt",
    lambda xp, x: xp.reciprocal(xp.sqrt(x)),
    lambda out: multiply(-0.5, safe_cube(out)),
    "Return 1 / sqrt(x).",
    (4.0, 0.5),
)


def squared_difference(x: Any, y: Any, name: str | None = None) -> Any:
    """Return |x - y| squared, broadcasting.

    Args:
        x: a numeric tensor.
        y: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.math.squared_difference([1.0, 5.0], 3.0).numpy()
        array([4., 4.], dtype=float32)
    """
    d = subtract(x, y)
    return multiply(conj(d), d) if d._dtype.kind == "c" else square(d)


def _log_known(xp: Any, x: Any) -> Any:
    return xp.keep(xp.log(x), x != 0 if x.dtype.kind == "c" else x > 0)


def _log_known_slope(x: Any) -> Any:
    slope = reciprocal_no_nan(x)
    return slope if x._dtype.kind == "c" else keep(slope, logical_not(less(x, 0)))


log_known = elementwise(
    "log_known",
    _log_known,
    _log_known_slope,
    "Return log(x), and 0 where x is 0 or, for real numbers, negative.",
)


def _power(xp: Any, x: Any, y: Any) -> Any:
    return x**y


def _power_right(t: Any, x: Any, out: Any) -> Any:
    # 0 at x = 0, where out may be infinite, but not a number where out is none
    return safe_multiply(t, multiply(log_known(x), keep(out, not_equal(x, 0))))


_power_pair = pairwise(
    "pow",
    _power,
    lambda t, x, y: safe_multiply(chain_multiply(t, y), _power_pair(x, subtract(y, 1))),
    _power_right,
    "Return x to the power y.",
    kinds=NUMERIC,
)
_BY_MULTIPLYING = {
    2: square,
    3: lambda x: multiply(x, square(x)),
    4: lambda x: square(square(x)),
}


def power(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x to the power y, broadcasting.

    The derivative by x is y x**(y - 1), and 0 where y is 0; that by y is x**y log(x), where the
    logarithm counts as 0 for x = 0 and for negative x. The exponents 2, 3 and 4, given as Python
    numbers, cost multiplications only.

    Args:
        x: a numeric tensor.
        y: a tensor of the same dtype, or a number.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for an integer to a negative power, or two dtypes.

    Example:
        >>> import gradtape as tf
        >>> tf.pow([2.0, 3.0], 2).numpy()
        array([4., 9.], dtype=float32)
    """
    kind = type(y)
    if kind is int or kind is float:
        short = _BY_MULTIPLYING.get(y)
        if short is not None:
            if type(x) is not Tensor:
                x = x._read() if type(x) is Variable else as_tensor(x, "pow")
            if kind is int or x._dtype.kind in INEXACT:
                return short(x)
    return _power_pair(x, y)
