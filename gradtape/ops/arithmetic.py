"""Quotients, powers, extremes, remainders and absolute values."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verbs keep and refuse_zero
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import INTEGER, STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import (
    add,
    batch_elementwise,
    broadcast_shapes,
    conj,
    multiply,
    negative,
    safe_divide,
    safe_multiply,
    subtract,
)
from gradtape.ops.calls import binary, pair
from gradtape.ops.complexes import absolute_complex
from gradtape.ops.families import (
    FLOATING,
    INEXACT,
    NUMERIC,
    REAL,
    documented,
    elementwise,
    pairwise,
    stepwise,
)
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.stepwise import greater_equal, less, logical_not, sign

__all__ = ["add", "multiply", "negative", "subtract"]

# quotients


def quotient_dtype(dtype: Any) -> Any:
    """The dtype of x / y: integers give float32 up to 16 bits and float64 above, as in TensorFlow."""
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

            Two integer tensors give the true quotient: float64 (int8, int16, uint8, uint16: float32).

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

reciprocal = elementwise(
    "reciprocal",
    lambda xp, x: xp.reciprocal(x),
    lambda out: negative(multiply(out, out)),
    "Return 1 / x.",
    (4.0, 0.25),
    singular=True,
)


def _divide_no_nan(xp: Any, x: Any, y: Any) -> Any:
    return xp.keep(x / y, y != 0)


divide_no_nan = pairwise(
    "divide_no_nan",
    _divide_no_nan,
    lambda t, y: divide_no_nan(t, y),
    lambda t, y, out: negative(divide_no_nan(multiply(t, out), y)),
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


def xdivy(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x / y, and 0 where x is 0 even if y is 0 or not a number.

    Args:
        x: a floating-point or complex tensor.
        y: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.math.xdivy([3.0, 0.0], [2.0, 0.0]).numpy()
        array([1.5, 0. ], dtype=float32)
    """
    x, y = pair(x, y, "xdivy")
    return safe_divide(x, y)


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """Return a tensor, or `IndexedSlices`, times a number.

    Args:
        scalar: a number or a tensor without axes.
        x: a tensor of any shape, or `IndexedSlices`.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when `scalar` has axes.

    Example:
        >>> import gradtape as tf
        >>> tf.scalar_mul(2.0, tf.constant([1.0, 2.0])).numpy()
        array([2., 4.], dtype=float32)
    """
    rows = x.values if isinstance(x, IndexedSlices) else x
    scalar, rows = pair(scalar, rows, "scalar_mul")
    if scalar._shape != ():
        raise InvalidArgumentError(
            f"gradtape.scalar_mul: the factor is {brief(scalar)}, not a scalar. Write tf.multiply(a, b)."
        )
    scaled = multiply(scalar, rows)
    return x.with_values(scaled) if isinstance(x, IndexedSlices) else scaled


# whole quotients and remainders


def _floordiv(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        xp.refuse_zero(y)
        return x // y
    return xp.floor(x / y)


floordiv = stepwise(
    "floordiv",
    _floordiv,
    """Return floor(x / y): the quotient of Python's //, broadcasting.

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.math.floordiv([7, -7], 2).numpy()
        array([ 3, -4], dtype=int32)
    """,
    kinds=REAL,
)


def _floormod(xp: Any, x: Any, y: Any) -> Any:
    xp.refuse_zero(y)
    return xp.remainder(x, y)


floormod = pairwise(
    "floormod",
    _floormod,
    lambda t: t,
    lambda t, x, y: negative(multiply(t, floordiv(x, y))),
    """Return the remainder of Python's %, which has the sign of y, broadcasting.

    The derivatives are 1 and -floor(x / y).

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.math.floormod([7, -7], 3).numpy()
        array([1, 2], dtype=int32)
    """,
    kinds=REAL,
)
mod = floormod


def _truncatediv(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        xp.refuse_zero(y)
        return (x - xp.fmod(x, y)) // y
    return xp.trunc(x / y)


truncatediv = stepwise(
    "truncatediv",
    _truncatediv,
    """Return x / y rounded towards zero, broadcasting.

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.truncatediv([7, -7], 2).numpy()
        array([ 3, -3], dtype=int32)
    """,
    kinds=REAL,
)


def _truncatemod(xp: Any, x: Any, y: Any) -> Any:
    xp.refuse_zero(y)
    return xp.fmod(x, y)


truncatemod = pairwise(
    "truncatemod",
    _truncatemod,
    lambda t: t,
    lambda t, x, y: negative(multiply(t, truncatediv(x, y))),
    """Return the remainder of C's %, which has the sign of x, broadcasting.

    The derivatives are 1 and -trunc(x / y).

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.truncatemod([7, -7], 3).numpy()
        array([ 1, -1], dtype=int32)
    """,
    kinds=REAL,
)

# extremes

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


maximum = pairwise(
    "maximum",
    lambda xp, x, y: xp.maximum(x, y),
    lambda t, x, y: keep(t, greater_equal(x, y)),
    lambda t, x, y: keep(t, logical_not(greater_equal(x, y))),
    "Return the larger of x and y; where they are equal the derivative goes to x.",
    ((1.0, 2.0), 2),
    kinds=REAL,
)
minimum = pairwise(
    "minimum",
    lambda xp, x, y: xp.minimum(x, y),
    lambda t, x, y: keep(t, greater_equal(y, x)),
    lambda t, x, y: keep(t, logical_not(greater_equal(y, x))),
    "Return the smaller of x and y; where they are equal the derivative goes to x.",
    ((1.0, 2.0), 1),
    kinds=REAL,
)
nextafter = pairwise(
    "nextafter",
    lambda xp, x, y: xp.nextafter(x, y),
    lambda t: t,
    STEPWISE,
    "Return the next number that the dtype has, from x towards y.",
    ((1.0, 2.0), 1),
    kinds=FLOATING,
)
_absolute = elementwise(
    "abs",
    lambda xp, x: xp.abs(x),
    lambda x: sign(x),
    "Return |x| of a real number; its derivative at 0 is 0.",
    kinds=REAL,
)


def absolute(x: Any, name: str | None = None) -> Any:
    """Return |x|, of complex numbers too; the derivative at 0 is 0.

    Args:
        x: a numeric tensor of any shape.
        name: ignored, for compatibility.

    Returns:
        A tensor of the same dtype; of complex ones, that of the real part.

    Example:
        >>> import gradtape as tf
        >>> tf.abs([3.0, -4.0]).numpy(), float(tf.abs(3 + 4j))
        (array([3., 4.], dtype=float32), 5.0)
    """
    if type(x) is not Tensor:
        x = as_tensor(x, "abs")
    return absolute_complex(x) if x._dtype.kind == "c" else _absolute(x)


# powers

square = elementwise(
    "square", lambda xp, x: x * x, lambda x: add(x, x), "Return x squared.", (3.0, 9), kinds=NUMERIC
)
sqrt = elementwise(
    "sqrt",
    lambda xp, x: xp.sqrt(x),
    lambda out: divide(0.5, out),
    "Return the square root of x.",
    (9.0, 3),
    singular=True,
)
rsqrt = elementwise(
    "rsqrt",
    lambda xp, x: xp.reciprocal(xp.sqrt(x)),
    lambda out: multiply(-0.5, multiply(out, square(out))),
    "Return 1 / sqrt(x).",
    (4.0, 0.5),
    singular=True,
)


def squared_difference(x: Any, y: Any, name: str | None = None) -> Any:
    """Return |x - y| squared, broadcasting: (x - y)(x - y) or, for complex tensors, conj(x - y)(x - y).

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


_power_pair = pairwise(
    "pow",
    _power,
    lambda t, x, y: safe_multiply(multiply(t, y), _power_pair(x, subtract(y, 1))),
    lambda t, x, out: multiply(t, safe_multiply(log_known(x), out)),
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

    The derivative by x is y x**(y - 1), and 0 where y is 0; that by y is x**y log(x), where log(x) counts as 0 for x
    that is 0 or negative. The exponents 2, 3 and 4 as Python numbers cost multiplications only.

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


# sums of many


def _add_n(xp: Any, *arrays: Any) -> Any:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _add_n_jvp(tangents: Any, inputs: Any) -> Any:
    given = [t for t in tangents if t is not None]
    return add_n(given)


def _batch_add_n(mask: Any, *tensors: Any) -> Any:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = add(total, tensor)
    return total


_sum_of = primitive(
    "add_n",
    _add_n,
    joint_vjp=lambda ct, wanted: [ct if w else None for w in wanted],
    joint_jvp=_add_n_jvp,
    batch=_batch_add_n,
    shape=lambda *specs: Spec(specs[0]._shape, specs[0]._dtype),
    linear=True,
    kinds=NUMERIC,
    family="elementwise",
)


def add_n(inputs: Any, name: str | None = None) -> Any:
    """Return the sum of tensors of one shape and dtype.

    Args:
        inputs: a list or tuple of tensors or `IndexedSlices`; there is no broadcasting.
        name: ignored, for compatibility.

    Raises:
        ValueError: when the list is empty.
        InvalidArgumentError: when shapes or dtypes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.add_n([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).numpy()
        array([ 9., 12.], dtype=float32)
    """
    if isinstance(inputs, (Tensor, IndexedSlices)) or hasattr(inputs, "__tf_tensor__"):
        return as_tensor(inputs, "add_n")
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError(
            f"gradtape.add_n: inputs must be a list of at least one tensor, not {brief(inputs)}."
        )
    tensors = [as_tensor(t, "add_n") for t in inputs]
    first = tensors[0]
    for tensor in tensors[1:]:
        if tensor._shape != first._shape or tensor._dtype != first._dtype:
            raise InvalidArgumentError(
                f"gradtape.add_n: {brief(first)} and {brief(tensor)} differ in shape or dtype. "
                "Write tf.add(x, y) for sums that broadcast."
            )
    return apply(_sum_of, tuple(tensors)) if len(tensors) > 1 else first


def truediv(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x / y, broadcasting; integers give the true quotient, as `tf.divide`.

    Example:
        >>> import gradtape as tf
        >>> tf.math.truediv([1, 2], 4).numpy()
        array([0.25, 0.5 ])
    """
    return divide(x, y)
