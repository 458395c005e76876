"""Comparisons, logic, rounding and signs: constant between jumps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.primitive import primitive
from gradtape.ops.basis import elementwise_shape, zeros
from gradtape.ops.calls import unary
from gradtape.ops.families import FLOATING, INEXACT, REAL, stepwise

BOOL = "b"


def _doc(sentence: str, call: str, value: str) -> str:
    return f"{sentence}\n\nExample:\n    >>> import gradtape as tf\n    >>> {call}\n    {value}\n"


# comparisons


def _compare(name: str, kernel: Callable[..., Any], sign: str, shown: str, **facts: Any) -> Any:
    sentence = f"Return x {sign} y as booleans, element by element, broadcasting."
    call = f"tf.math.{name}([1.0, 2.0, 3.0], 2.0).numpy()"
    return stepwise(name, kernel, _doc(sentence, call, f"array({shown})"), dtype=bool, **facts)


equal = _compare("equal", lambda xp, x, y: x == y, "==", "[False,  True, False]")
not_equal = _compare("not_equal", lambda xp, x, y: x != y, "!=", "[ True, False,  True]")
less = _compare("less", lambda xp, x, y: x < y, "<", "[ True, False, False]", kinds=REAL)
less_equal = _compare(
    "less_equal", lambda xp, x, y: x <= y, "<=", "[ True,  True, False]", kinds=REAL
)
greater = _compare("greater", lambda xp, x, y: x > y, ">", "[False, False,  True]", kinds=REAL)
greater_equal = _compare(
    "greater_equal", lambda xp, x, y: x >= y, ">=", "[False,  True,  True]", kinds=REAL
)

# logic


def _logic(name: str, kernel: Callable[..., Any], sentence: str, shown: str) -> Any:
    call = f"tf.math.{name}([True, True, False], [True, False, False]).numpy()"
    return stepwise(name, kernel, _doc(sentence, call, f"array({shown})"), kinds=BOOL)


logical_and = _logic(
    "logical_and", lambda xp, x, y: x & y, "Return x and y, for booleans.", "[ True, False, False]"
)
logical_or = _logic(
    "logical_or", lambda xp, x, y: x | y, "Return x or y, for booleans.", "[ True,  True, False]"
)
logical_xor = _logic(
    "logical_xor",
    lambda xp, x, y: x ^ y,
    "Return whether exactly one of two booleans is true.",
    "[False,  True, False]",
)
logical_not = stepwise(
    "logical_not",
    lambda xp, x: ~x,
    _doc(
        "Return not x, for booleans.",
        "tf.math.logical_not([True, False]).numpy()",
        "array([False,  True])",
    ),
    kinds=BOOL,
)

# numbers that are none


def _asks(name: str, kernel: Callable[..., Any], sentence: str, shown: str) -> Any:
    call = f"tf.math.{name}([1.0, float('inf'), float('nan')]).numpy()"
    doc = _doc(sentence, call, f"array({shown})")
    return stepwise(name, kernel, doc, dtype=bool, kinds=INEXACT)


is_finite = _asks(
    "is_finite",
    lambda xp, x: xp.isfinite(x),
    "Return whether x is neither infinite nor not a number.",
    "[ True, False, False]",
)
is_inf = _asks(
    "is_inf",
    lambda xp, x: xp.isinf(x),
    "Return whether x is inf or -inf.",
    "[False,  True, False]",
)
is_nan = _asks(
    "is_nan", lambda xp, x: x != x, "Return whether x is not a number.", "[False, False,  True]"
)

# rounding

floor = stepwise(
    "floor",
    lambda xp, x: xp.floor(x),
    "Return the largest integer that is not above x.",
    (-1.5, -2),
    kinds=FLOATING,
)
ceil = stepwise(
    "ceil",
    lambda xp, x: xp.ceil(x),
    "Return the smallest integer that is not below x.",
    (-1.5, -1),
    kinds=FLOATING,
)
rint = stepwise(
    "rint",
    lambda xp, x: xp.rint(x),
    "Return the nearest integer, halves to the even one.",
    (2.5, 2),
    kinds=FLOATING,
)


def rounded(x: Any, name: str | None = None) -> Any:
    """Round to the nearest integer, halves to the even one; integers are returned as they are.

    Args:
        x: a tensor of any numeric dtype and shape; it has no derivative.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.round([0.5, 1.5, -2.6]).numpy()
        array([ 0.,  2., -3.], dtype=float32)
    """
    x = as_tensor(x, "round")
    return x if x._dtype.kind in "iu" else rint(x)


def _sign_slope(ct: Any) -> Any:
    return zeros(ct._shape, ct._dtype)


# a derivative of zero rather than none, as TensorFlow: so that the second derivative of abs is zero
sign = unary(
    primitive(
        "sign",
        lambda xp, x: xp.sign(x),
        vjps=[_sign_slope],
        jvps=[_sign_slope],
        batch=lambda mask, x: sign(x),
        shape=elementwise_shape,
        kinds=REAL,
        family="elementwise",
        doc=_doc(
            "Return -1, 0 or 1, the sign of x; its derivative is 0 everywhere.",
            "tf.math.sign([-2.0, 0.0, 3.0]).numpy()",
            "array([-1.,  0.,  1.], dtype=float32)",
        ),
    )
)
