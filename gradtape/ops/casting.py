"""Changing dtypes: `cast`, `saturate_cast` and `bitcast`."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verb bits_as
from gradtape.core.convert import as_array, as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import DType, as_dtype, from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops import basis
from gradtape.ops.arithmetic import maximum, minimum
from gradtape.ops.sparse import IndexedSlices

_WIDEST = {float: np.dtype(np.float64), int: np.dtype(np.int64)}


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """Convert a tensor to another dtype.

    Floats to integers round towards zero, complex numbers to real ones lose the imaginary part,
    anything to bool becomes x != 0. What an integer dtype cannot hold (too large, infinite, not a
    number) gives what NumPy gives on the machine. The derivative passes between floating-point and
    complex dtypes only, in the dtype of x.

    Args:
        x: a tensor of any dtype and shape, `IndexedSlices`, or numbers.
        dtype: the wanted dtype.
        name: ignored, for compatibility.

    Raises:
        TypeError: when `dtype` is none.

    Example:
        >>> import gradtape as tf
        >>> tf.cast([1.8, -2.2], tf.int32).numpy()
        array([ 1, -2], dtype=int32)
    """
    wanted = (dtype if type(dtype) is DType else as_dtype(dtype)).numpy_dtype
    if type(x) is Tensor:
        return basis.cast(x, wanted)
    if isinstance(x, IndexedSlices):
        return x.with_values(basis.cast(x.values, wanted))
    widest = _WIDEST.get(type(x))
    if widest is not None:  # a Python number keeps all its digits: no stop at float32 or int32
        return basis.cast(Tensor(as_array(x, widest, "cast")), wanted)
    return basis.cast(as_tensor(x, "cast"), wanted)


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Any:
    """Convert a tensor to another dtype, clamping to the values that it can hold.

    Args:
        value: a numeric tensor of any shape.
        dtype: the wanted dtype, numeric.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when one of the dtypes is bool.

    Example:
        >>> import gradtape as tf
        >>> tf.saturate_cast([-7.0, 3.5, 300.0], tf.uint8).numpy()
        array([  0,   3, 255], dtype=uint8)
    """
    x, wanted = as_tensor(value, "saturate_cast"), as_dtype(dtype)
    if not (wanted.is_numeric and from_numpy(x._dtype).is_numeric):
        raise InvalidArgumentError(
            f"gradtape.saturate_cast({brief(x)}, {wanted.name}): bool has no range to clamp to. "
            "Write tf.cast(x, dtype)."
        )
    if x._dtype.kind == "c" and not wanted.is_complex:
        x = basis.real(x)
    if x._dtype.kind == "c":
        return basis.cast(x, wanted.numpy_dtype)
    low, high = _common_range(x._dtype, wanted.real_dtype)
    if low is not None:
        x = maximum(x, Tensor(low))
    if high is not None:
        x = minimum(x, Tensor(high))
    return basis.cast(x, wanted.numpy_dtype)


def _common_range(have: np.dtype[Any], wanted: Any) -> tuple[Any, Any]:
    """The ends of the wanted dtype's range in the dtype at hand, None where that ends sooner."""
    (least, most), (low, high) = _limits(from_numpy(have)), _limits(wanted)
    return (
        None if least >= low else _inside(have, low, wanted),
        None if most <= high else _inside(have, high, wanted),
    )


def _limits(dtype: Any) -> tuple[Any, Any]:
    """The ends of a dtype's range as Python numbers."""
    number = int if dtype.is_integer else float
    return number(dtype.min), number(dtype.max)


def _inside(have: np.dtype[Any], end: Any, wanted: Any) -> Any:
    """An end of a range in a dtype that may round it outwards: then the next number inside."""
    value = have.type(float(end) if have.kind in "fV" else end)
    if have.kind in "fV" and wanted.is_integer and int(value) != end:
        value = np.nextafter(value, have.type(0))
    return value


_BITS = Nothing("dtype", "the bits of a number carry no derivative")


def _bitcast_shape(x: Any, dtype: Any) -> Spec:
    have, want = x._dtype.itemsize, dtype.itemsize
    if have == want:
        return Spec(x._shape, dtype)
    return Spec((*x._shape, have // want) if have > want else x._shape[:-1], dtype)


_bitcast = primitive(
    "bitcast",
    lambda xp, x, *, dtype: xp.bits_as(x, dtype),
    vjps=[_BITS],
    jvps=[_BITS],
    batch=lambda mask, x, dtype: apply(_bitcast, (x,), {"dtype": dtype}),
    shape=_bitcast_shape,
    differentiable=False,
    family="structural",
)


def bitcast(input: Any, type: Any, name: str | None = None) -> Any:
    """Read the bits of a tensor as another dtype; there is no derivative.

    Args:
        input: a tensor of any dtype but bool. To a wider dtype, its last axis must be the ratio of
            the sizes and is removed; to a narrower one, an axis of that ratio is added at the end.
        type: the wanted dtype.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, or when the last axis does not fit.

    Example:
        >>> import gradtape as tf
        >>> hex(tf.bitcast(tf.constant(1.0), tf.uint32))
        '0x3f800000'
    """
    x, wanted = as_tensor(input, "bitcast"), as_dtype(type)
    have, want = x._dtype.itemsize, wanted.size
    if x._dtype.kind == "b" or wanted.is_bool:
        raise InvalidArgumentError(
            f"gradtape.bitcast({brief(x)}, {wanted.name}): bool has no bits to read. "
            "Write tf.cast(x, tf.uint8)."
        )
    if want > have and not same_shape(x._shape[-1:], (want // have,)):
        raise InvalidArgumentError(
            f"gradtape.bitcast({brief(x)}, {wanted.name}): the last axis must have size "
            f"{want // have}, so that its elements make one {wanted.name}. Write tf.reshape first."
        )
    return apply(_bitcast, (x,), {"dtype": wanted.numpy_dtype})
