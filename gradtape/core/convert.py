"""From Python values, NumPy arrays and variables to tensors, with TensorFlow's rules for dtypes.

A Python float becomes float32, a Python int int32 (int64 when it is too large), a NumPy value keeps
its dtype; next to a tensor, numbers and arrays take the tensor's dtype when nothing is lost by
that. Arrays are copied, so that a caller who writes to an array later does not change a recorded
value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.aligned import copied
from gradtape.core.asked import located
from gradtape.core.dtypes import as_dtype, from_numpy
from gradtape.core.errors import ConversionError, InvalidArgumentError, brief
from gradtape.core.shapes import MOST_AXES, TensorShape, check_size
from gradtape.core.state import here, lookouts
from gradtape.core.tensor import Tensor

INT32 = np.dtype(np.int32)
INT64 = np.dtype(np.int64)
FLOAT32 = np.dtype(np.float32)
COMPLEX128 = np.dtype(np.complex128)
BOOL = np.dtype(np.bool_)


def as_tensor(value: Any, function: str = "convert_to_tensor") -> Tensor:
    """Convert anything that operations accept; a tensor passes through."""
    if isinstance(value, Tensor):
        return value
    read = getattr(value, "__tf_tensor__", None)
    if read is not None:
        return read()
    if isinstance(value, (list, tuple)) and _linked(value):
        return stacked[0](value)
    return Tensor(as_array(value, None, function))


def as_tensor_like(value: Any, dtype: np.dtype[Any], function: str) -> Tensor:
    """Convert a value that stands next to a tensor of this dtype; a tensor or variable keeps its
    own.
    """
    if isinstance(value, Tensor):
        return value
    read = getattr(value, "__tf_tensor__", None)
    if read is not None:
        return read()
    if isinstance(value, (list, tuple)) and _linked(value):
        return stacked[0](value)
    return Tensor(as_array(value, dtype, function))


stacked: list[Any] = []  # the operation that makes a tensor of a list; `ops.joining` puts it here
NUMBERS = frozenset({float, int, bool, complex})


def _linked(values: Any) -> bool:
    """Whether a nested list holds a tensor that is more than its value: one on a record, or
    without a value yet."""
    for value in values:
        if type(value) in NUMBERS:
            continue
        if isinstance(value, (list, tuple)):
            if _linked(value):
                return True
        elif isinstance(value, Tensor):
            if value._node is not None or not value.concrete:
                return True
        elif hasattr(value, "__tf_tensor__"):
            return True
    return False


def as_array(value: Any, dtype: np.dtype[Any] | None, function: str) -> Any:
    """Convert a number, a NumPy array or a nested list to an array of its own, in `dtype` when that
    is given.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool or kind is complex:
        return _number(value, dtype, function)
    given = isinstance(value, (np.ndarray, np.generic))
    if not given and hasattr(value, "__array__"):
        value, given = np.asarray(value), True  # of another library, with a dtype of its own
    if not given:
        value = _sequence(value, dtype, function)
    if value.dtype.kind in "OSUMm" or (value.dtype.kind == "V" and value.dtype.names):
        raise ConversionError(_strange(value, function))
    native = value.dtype.newbyteorder("=")
    try:
        wanted = dtype if dtype is not None else from_numpy(native).numpy_dtype
    except KeyError:
        raise ConversionError(_strange(value, function)) from None
    if wanted != native and (given or value.size):  # [] has no dtype of its own
        _check_fits(value, wanted, function)
    if value.ndim > MOST_AXES:
        raise InvalidArgumentError(
            f"gradtape.{function}: {value.ndim} axes; at most {MOST_AXES} are supported."
        )
    array = copied(value, wanted)
    return array if array.ndim else array[()]


def _number(value: Any, dtype: np.dtype[Any] | None, function: str) -> Any:
    kind = type(value)
    if dtype is None:
        if kind is float:
            return np.float32(value)
        if kind is bool:
            return np.bool_(value)
        if kind is complex:
            return np.complex128(value)
        dtype = INT32 if -(2**31) <= value < 2**31 else INT64
    if (kind is complex and dtype.kind != "c") or (kind is float and dtype.kind in "iub"):
        raise ConversionError(
            located(
                f"gradtape.{function}: cannot convert {value!r} to {from_numpy(dtype).name} without"
                f" loss. Write tf.cast(x, tf.{'complex64' if kind is complex else 'float32'}) for"
                " the tensor."
            )
        )
    if kind is int and dtype.kind == "b":
        raise ConversionError(
            located(
                f"gradtape.{function}: {value!r} next to a bool tensor. "
                "Write tf.cast(x, tf.int32) first."
            )
        )
    try:
        return dtype.type(value)
    except OverflowError:
        raise InvalidArgumentError(
            f"gradtape.{function}: the integer {value} does not fit into {from_numpy(dtype).name}. "
            "Write tf.constant(value, tf.int64) or another wider dtype."
        ) from None


def _sequence(value: Any, wanted: Any, function: str) -> Any:
    """A nested list of numbers, tensors, arrays and variables as an array with TensorFlow's
    dtype.
    """
    if isinstance(value, (list, tuple)):
        value, found = _unwrapped(value)
    else:
        found = None
    if value is None or isinstance(value, (str, bytes, dict, set)):
        raise ConversionError(_strange(value, function))
    try:
        array = np.asarray(value)
    except OverflowError:
        raise InvalidArgumentError(
            f"gradtape.{function}: an integer in {brief(value)} is too large."
        ) from None
    except ValueError:
        raise ValueError(
            located(
                f"gradtape.{function}: the rows of {brief(value)} differ in length, so that it is"
                " no tensor. Pad the rows to one length."
            )
        ) from None
    if found is None and array.dtype.kind in "OSU":
        raise ConversionError(_strange(value, function))
    if found is not None:
        return array.astype(found, copy=False)
    if wanted is not None:
        return array
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype.kind == "i" and array.dtype == np.int64:
        if array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
            return array
        return array.astype(np.int32)
    return array


def _unwrapped(value: Any) -> tuple[Any, Any]:
    """A nested list with arrays in place of tensors, and the dtype of the first array in it, if
    any.
    """
    found = None
    items = []
    for item in value:
        if isinstance(item, (list, tuple)):
            item, dtype = _unwrapped(item)
        else:
            read = getattr(item, "__tf_tensor__", None)
            if read is not None:
                item = read()
            if type(item) not in NUMBERS and hasattr(item, "__array__"):
                item = item if isinstance(item, np.generic) else np.asarray(item)
            dtype = item.dtype if isinstance(item, (np.ndarray, np.generic)) else None
        found = found if found is not None else dtype
        items.append(item)
    return items, found


def _check_fits(value: Any, dtype: np.dtype[Any], function: str) -> None:
    """Refuse conversions that lose something: complex to real, float to integer, integers out of
    range.
    """
    source, lossy = value.dtype, False
    if (source.kind == "c" and dtype.kind != "c") or (
        (source.kind in "fV") and dtype.kind in "iub"
    ):
        lossy = True
    elif source.kind in "iu" and dtype.kind in "iu" and value.size:
        info = np.iinfo(dtype)
        lossy = int(value.max()) > info.max or int(value.min()) < info.min
    elif (source.kind == "b") != (dtype.kind == "b"):
        lossy = True
    if lossy:
        raise ConversionError(
            located(
                f"gradtape.{function}: cannot convert {brief(value)} to {from_numpy(dtype).name} "
                "without loss. "
                f"Write tf.cast(tf.constant(value), tf.{from_numpy(dtype).name}) if that is meant."
            )
        )


def _strange(value: Any, function: str) -> str:
    if value is None:
        return located(
            f"gradtape.{function}: None is no tensor (TensorFlow: unsupported type). "
            "Pass a number or an array."
        )
    dtype = getattr(value, "dtype", None)
    what = f"array of dtype {dtype}" if dtype is not None else brief(value)
    return located(
        f"gradtape.{function}: {what} cannot become a tensor. "
        "Pass numbers, booleans or arrays of them."
    )


def convert_to_tensor(
    value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None
) -> Tensor:
    """Convert a value to a tensor; a tensor is returned as it is.

    Args:
        value: a tensor, variable, number, NumPy array or nested list.
        dtype: the wanted dtype; a tensor of another dtype raises.
        dtype_hint: used when `dtype` is None and the value can be converted to it without loss.
        name: the name of the operation in a graph.

    Raises:
        ValueError: when a tensor has another dtype than `dtype`, or rows differ in length.
        TypeError: when the value is no tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.convert_to_tensor([1, 2])
        <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>
    """
    wanted = None if dtype is None else as_dtype(dtype)
    linked = isinstance(value, (list, tuple)) and _linked(value)
    if linked or isinstance(value, Tensor) or hasattr(value, "__tf_tensor__"):
        tensor = as_tensor(value)
        if wanted is not None and tensor.dtype is not wanted:
            raise ValueError(
                located(
                    f"Tensor conversion requested dtype {wanted.name} for Tensor with dtype "
                    f"{tensor.dtype.name}. Write tf.cast(x, tf.{wanted.name})."
                )
            )
        return tensor
    if wanted is None and dtype_hint is not None:
        try:
            hint = as_dtype(dtype_hint).numpy_dtype
            return known(as_array(value, hint, "convert_to_tensor"), name)
        except (TypeError, ValueError):
            pass
    dtype = None if wanted is None else wanted.numpy_dtype
    return known(as_array(value, dtype, "convert_to_tensor"), name)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """Make a tensor from a number, a NumPy array or a nested list.

    Args: value: what to convert; it is copied. dtype: the dtype, by default float32, int32, bool,
        complex128 for Python numbers and the array's for arrays. shape: when given, the value is
        filled or reshaped to it. name: the name of the operation in a graph.

    Example:
        >>> import gradtape as tf
        >>> tf.constant(0.5, shape=(2,))
        <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.5, 0.5], dtype=float32)>
    """
    if isinstance(value, Tensor) and shape is None:
        if dtype is None or as_dtype(dtype).numpy_dtype == value._dtype:
            return value
    if isinstance(value, Tensor):
        array = (
            value._array
            if dtype is None
            else np.asarray(value._array).astype(as_dtype(dtype).numpy_dtype)
        )
    else:
        array = as_array(value, None if dtype is None else as_dtype(dtype).numpy_dtype, "constant")
    if shape is not None:
        shape = _full_shape(shape, array.itemsize)
        size = math.prod(shape)
        if array.size == 1:
            array = np.full(shape, array)
        elif array.size == size:
            array = array.reshape(shape)
        else:
            raise TypeError(
                "gradtape.constant: Eager execution of tf.constant with unsupported shape. Tensor "
                f"{brief(array)} has {array.size} elements, but got `shape` {shape} with {size} "
                "elements. Write tf.reshape or tf.broadcast_to."
            )
    if here.mode is not None:
        return known(array, name)
    made = Tensor(array)
    for lookout in lookouts:
        lookout.made(made)
    return made


def known(array: Any, name: str | None = None) -> Any:
    """The tensor that a program makes of numbers; in a graph it is an operation with a name."""
    return noted(Tensor(array), name)


def noted(tensor: Any, name: str | None = None) -> Any:
    """A tensor that a program makes of numbers: in a graph, if it has its value, an operation."""
    if here.mode is None or not tensor.concrete:
        return tensor
    return here.mode.constant(tensor, name)


def _full_shape(shape: Any, itemsize: int) -> tuple[int, ...]:
    known = tuple(TensorShape(shape))
    if None in known:
        raise InvalidArgumentError(f"gradtape.constant: shape {list(known)} has an unknown size.")
    check_size(known, "constant", itemsize)
    return known
