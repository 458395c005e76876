"""Extremes, absolute values, signs and sums of many."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, multiply, zeros
from gradtape.ops.calls import pair
from gradtape.ops.complexes import absolute_complex, unit
from gradtape.ops.families import FLOATING, NUMERIC, REAL, elementwise, pairwise
from gradtape.ops.quotients import divide as divide
from gradtape.ops.quotients import divide_no_nan as divide_no_nan
from gradtape.ops.quotients import keep as keep
from gradtape.ops.quotients import multiply_no_nan as multiply_no_nan
from gradtape.ops.quotients import reciprocal as reciprocal
from gradtape.ops.quotients import reciprocal_no_nan as reciprocal_no_nan
from gradtape.ops.quotients import truediv as truediv
from gradtape.ops.quotients import xdivy as xdivy
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.stepwise import greater_equal, logical_not, sign


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
_nextafter = pairwise(
    "nextafter",
    lambda xp, x, y: xp.nextafter(x, y),
    lambda t: t,
    lambda t: zeros(t._shape, t._dtype),  # zero rather than none, as TensorFlow
    "Return the next number that the dtype has.",
    kinds=FLOATING,
)


def nextafter(x1: Any, x2: Any, name: str | None = None) -> Any:
    """Return the next number that the dtype has, from x1 towards x2; the derivatives are 1 and 0.

    Args:
        x1: a floating-point tensor.
        x2: a tensor of the same dtype; the two broadcast.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.nextafter(1.0, 2.0)) - 1
        1.1920928955078125e-07
    """
    return _nextafter(x1, x2)


_absolute = elementwise(
    "abs",
    lambda xp, x: xp.abs(x),
    lambda x: sign(x),
    "Return |x| of a real number; its derivative at 0 is 0.",
    kinds=REAL,
    stops=True,
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
        if not same_shape(tensor._shape, first._shape) or tensor._dtype != first._dtype:
            raise InvalidArgumentError(
                f"gradtape.add_n: {brief(first)} and {brief(tensor)} differ in shape or dtype. "
                "Write tf.add(x, y) for sums that broadcast."
            )
    return apply(_sum_of, tuple(tensors)) if len(tensors) > 1 else first
