"""Which dtype Keras gives to results: operands meet at a common one, integers become floating."""

from __future__ import annotations

from typing import Any

from keras.src.backend.common import dtypes, standardize_dtype
from keras.src.backend.config import floatx

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor


def kind(x: Any) -> Any:
    """What a value counts as where dtypes meet: a Python number has a weak dtype."""
    return type(x) if type(x) in (int, float, bool, complex) else standardize_dtype(x.dtype)


def operand(x: Any) -> Any:
    """A tensor, or a Python number as it is."""
    return x if type(x) in (int, float) else convert_to_tensor(x)


def pair(x1: Any, x2: Any, *more: Any) -> tuple[Any, Any]:
    """Two tensors of their common dtype, that of `more` considered."""
    x1, x2 = operand(x1), operand(x2)
    dtype = dtypes.result_type(kind(x1), kind(x2), *more)
    return convert_to_tensor(x1, dtype), convert_to_tensor(x2, dtype)


def floating(x: Any) -> Any:
    """A tensor whose elements are floating-point or complex numbers."""
    x = convert_to_tensor(x)
    dtype = standardize_dtype(x.dtype)
    if dtype == "int64":
        return tf.cast(x, floatx())
    if "int" in dtype or dtype == "bool":
        return tf.cast(x, dtypes.result_type(dtype, float))
    return x


def is_floating(x: Any) -> bool:
    """Whether a tensor's elements are floating-point numbers."""
    return x.dtype.is_floating


def is_integral(x: Any) -> bool:
    """Whether a tensor's elements are integers or truth values."""
    return not (x.dtype.is_floating or x.dtype.is_complex)
