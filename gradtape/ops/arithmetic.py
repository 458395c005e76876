"""Quotients, products that are safe, extremes, absolute values and sums of many."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verbs keep and refuse_zero
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    batch_elementwise,
    broadcast_shapes,
    conj,
    multiply,
    negative,
    safe_divide,
    safe_multiply,
)
from gradtape.ops.calls import binary, pair
from gradtape.ops.complexes import absolute_complex, unit
from gradtape.ops.families import (
    FLOATING,
    INEXACT,
    NUMERIC,
    REAL,
    documented,
    elementwise,
    pairwise,
)
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.stepwise import greater_equal, logical_not, logical_or, not_equal, sign

# quotients


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
            f"gradtape.scalar_mul: the factor is {brief(scalar)}, not a scalar. "
            "Write tf.multiply(a, b)."
        )
    scaled = multiply(scalar, rows)
    return x.with_values(scaled) if isinstance(x, IndexedSlices) else scaled


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


def _xdivy_left(t: Any, x: Any, y: Any) -> Any:
    return safe_divide(keep(t, logical_or(not_equal(x, 0), not_equal(y, 0))), y)


xdivy = pairwise(
    "xdivy",
    safe_divide.primitive.kernel,
    _xdivy_left,
    lambda t, y, out: negative(safe_divide(safe_multiply(out, t), y)),
    "Return x / y, and 0 where x is 0 whatever y is; at x = y = 0 both derivatives are 0.",
    ((0.0, 0.0), 0),
    kinds=INEXACT,
)
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
    lambda t: zeros(t._shape, t._dtype),  # zero rather than none, as TensorFlow
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


def signum(x: Any, name: str | None = None) -> Any:
    """Return -1, 0 or 1, the sign of x, or x / |x| of a complex number, and 0 at 0.

    The derivative of a real sign is 0 everywhere; that of a complex one is that of x / |x|.

    Args:
        x: a numeric tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.sign([-2.0, 0.0, 3.0]).numpy()
        array([-1.,  0.,  1.], dtype=float32)
    """
    if type(x) is not Tensor:
        x = as_tensor(x, "sign")
    return unit(x, absolute_complex(x)) if x._dtype.kind == "c" else sign(x)


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
    family="structural",
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
