"""Quotients, and products and quotients that are never not a number."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verb keep
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive, registry
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    batch_elementwise,
    broadcast_shapes,
    chain_multiply,
    conj,
    multiply,
    negative,
    safe_divide,
    safe_multiply,
)
from gradtape.ops.calls import binary, pair
from gradtape.ops.families import INEXACT, NUMERIC, documented, elementwise, pairwise
from gradtape.ops.stepwise import logical_or, not_equal

_keep = primitive(
    "keep",
    lambda xp, t, mask: xp.keep(t, mask),
    vjps=[lambda ct, mask: keep(ct, mask), INTEGER],
    jvps=[lambda t, mask: keep(t, mask), INTEGER],
    batch=batch_elementwise(lambda t, mask: keep(t, mask)),
    shape=lambda t, mask: Spec(broadcast_shapes(t._shape, mask._shape), t._dtype),
    broadcasts=True,
    family="elementwise",
)


def keep(t: Any, mask: Any) -> Any:
    """t where the boolean mask is true and 0 elsewhere, whatever t is there."""
    return apply(_keep, (t, mask))


def quotient_dtype(dtype: Any) -> Any:
    """The dtype of x / y: integers of up to 16 bits give float32, wider ones float64."""
    if dtype.kind in "iu":
        return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
    return dtype


def _divide(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        wide = quotient_dtype(x.dtype)
        x, y = x.astype(wide), y.astype(wide)
    return x / y


def _divide_right(t: Any, y: Any, out: Any) -> Any:
    return negative(safe_multiply(t, divide(out, y)))


divide = binary(
    primitive(
        "divide",
        _divide,
        vjps=[
            lambda ct, y: safe_divide(ct, conj(y)),
            lambda ct, y, out: _divide_right(ct, conj(y), conj(out)),
        ],
        jvps=[lambda t, y: safe_divide(t, y), _divide_right],
        batch=batch_elementwise(lambda x, y: divide(x, y)),
        shape=lambda x, y: Spec(broadcast_shapes(x._shape, y._shape), quotient_dtype(x._dtype)),
        broadcasts=True,
        kinds=NUMERIC,
        family="elementwise",
        doc=documented(
            """Return x / y, broadcasting.

            Two integer tensors give the true quotient: float64, or float32 up to 16 bits.

            Example:
                >>> import gradtape as tf
                >>> tf.divide([6.0, 1.0], 4.0).numpy()
                array([1.5 , 0.25], dtype=float32)
            """,
            "divide",
            None,
        ),
    )
)

# infinite slopes are built of these: a zero cotangent stays zero at the next orders too
safe_square = elementwise(
    "safe_square",
    lambda xp, x: x * x,
    lambda x: add(x, x),
    "Return x squared, for infinite x.",
)
safe_cube = elementwise(
    "safe_cube",
    lambda xp, x: x * x * x,
    lambda x: multiply(3.0, safe_square(x)),
    "Return x cubed, for infinite x.",
)
reciprocal = elementwise(
    "reciprocal",
    lambda xp, x: xp.reciprocal(x),
    lambda out: negative(safe_square(out)),
    "Return 1 / x.",
    (4.0, 0.25),
)


def share(t: Any, y: Any) -> Any:
    """t / y, and 0 where one of them is 0 whatever the other is."""
    return safe_divide(keep(t, not_equal(y, 0)), y)


def _divide_no_nan(xp: Any, x: Any, y: Any) -> Any:
    return xp.keep(x / y, y != 0)


divide_no_nan = pairwise(
    "divide_no_nan",
    _divide_no_nan,
    lambda t, y: share(t, y),
    lambda t, y, out: negative(share(chain_multiply(t, out), y)),
    "Return x / y, and 0 where y is 0, where both derivatives are 0 too.",
    ((1.0, 0.0), 0),
    kinds=INEXACT,
)


def reciprocal_no_nan(x: Any, name: str | None = None) -> Any:
    """Return 1 / x, and 0 where x is 0, where the derivative is 0 too.

    Args:
        x: a floating-point or complex tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.math.reciprocal_no_nan([2.0, 0.0]).numpy()
        array([0.5, 0. ], dtype=float32)
    """
    x = as_tensor(x, "reciprocal_no_nan")
    return divide_no_nan(Tensor(x._dtype.type(1)), x)


def multiply_no_nan(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x * y, and 0 where y is 0 even if x is infinite or not a number.

    Args:
        x: a floating-point or complex tensor.
        y: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.math.multiply_no_nan([3.0, float("nan")], [2.0, 0.0]).numpy()
        array([6., 0.], dtype=float32)
    """
    x, y = pair(x, y, "multiply_no_nan")
    return safe_multiply(y, x)


def _xdivy_left(t: Any, x: Any, y: Any) -> Any:
    return safe_divide(keep(t, logical_or(not_equal(x, 0), not_equal(y, 0))), y)


xdivy = pairwise(
    "xdivy",
    registry["safe_divide"].kernel,
    _xdivy_left,
    lambda t, y, out: negative(safe_divide(chain_multiply(out, t), y)),
    "Return x / y, and 0 where x is 0 whatever y is; at x = y = 0 both derivatives are 0.",
    ((0.0, 0.0), 0),
    kinds=INEXACT,
)


def truediv(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x / y, broadcasting; integers give the true quotient, as `tf.divide`.

    Example:
        >>> import gradtape as tf
        >>> tf.math.truediv([1, 2], 4).numpy()
        array([0.25, 0.5 ])
    """
    return divide(x, y)
