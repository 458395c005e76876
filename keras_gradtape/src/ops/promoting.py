"""Which dtype Keras gives to results: operands meet at a common one, integers become floating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras.src.backend.config import floatx

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common


def kind(x: Any) -> Any:
    """What a value counts as where dtypes meet: a Python number has a weak dtype."""
    return x._dtype if isinstance(x, tf.Tensor) else type(x)


def operand(x: Any) -> Any:
    """A tensor, or a Python number as it is."""
    return x if type(x) in (int, float) else convert_to_tensor(x)


def named(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A function under the name that Keras gives to it."""
    call.__name__ = call.__qualname__ = name
    return call


def pair(x1: Any, x2: Any, *more: Any) -> tuple[Any, Any]:
    """Two tensors of their common dtype, that of `more` considered."""
    x1, x2 = operand(x1), operand(x2)
    first, second = kind(x1), kind(x2)
    if first is second:
        if not isinstance(first, type) and (not more or first.kind == "f"):
            return x1, x2
    elif isinstance(second, type) and not isinstance(first, type) and first.kind == "f":
        return x1, tf.Tensor(first.type(x2))
    dtype = common(first, second, *more)
    return convert_to_tensor(x1, dtype), convert_to_tensor(x2, dtype)


def floating(x: Any) -> Any:
    """A tensor whose elements are floating-point or complex numbers."""
    x = convert_to_tensor(x)
    if x._dtype.kind not in "biu":
        return x
    dtype = x.dtype.name
    return tf.cast(x, floatx() if dtype == "int64" else common(dtype, float))


def is_floating(x: Any) -> bool:
    """Whether a tensor's elements are floating-point numbers."""
    return x.dtype.is_floating


def is_integral(x: Any) -> bool:
    """Whether a tensor's elements are integers or truth values."""
    return x._dtype.kind in "biu"
