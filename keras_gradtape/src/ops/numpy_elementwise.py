"""Keras's functions of NumPy that work element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras.src.backend.config import floatx

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.promoting import floating, is_integral, named, operand, pair


def _smooth(name: str, function: Callable[[Any], Any]) -> Any:
    """A function of floating-point numbers."""
    return named(name, lambda x: function(floating(x)))


def _binary(name: str, function: Callable[[Any, Any], Any], *more: Any) -> Any:
    """A function of two operands of one dtype."""
    return named(name, lambda x1, x2: function(*pair(x1, x2, *more)))


def _logical(name: str, function: Callable[[Any, Any], Any]) -> Any:
    """A function of two truth values."""

    def call(x1: Any, x2: Any) -> Any:
        return function(convert_to_tensor(x1, "bool"), convert_to_tensor(x2, "bool"))

    return named(name, call)


arccos = _smooth("arccos", tf.acos)
arccosh = _smooth("arccosh", tf.acosh)
arcsin = _smooth("arcsin", tf.asin)
arcsinh = _smooth("arcsinh", tf.asinh)
arctan = _smooth("arctan", tf.atan)
arctanh = _smooth("arctanh", tf.atanh)
cos = _smooth("cos", tf.cos)
cosh = _smooth("cosh", tf.cosh)
exp = _smooth("exp", tf.exp)
expm1 = _smooth("expm1", tf.math.expm1)
log = _smooth("log", tf.math.log)
log1p = _smooth("log1p", tf.math.log1p)
sin = _smooth("sin", tf.sin)
sinh = _smooth("sinh", tf.sinh)
sqrt = _smooth("sqrt", tf.sqrt)
tan = _smooth("tan", tf.tan)
tanh = _smooth("tanh", tf.tanh)
reciprocal = _smooth("reciprocal", tf.math.reciprocal)
exp2 = _smooth("exp2", lambda x: tf.exp(x * tf.cast(np.log(2.0), x.dtype)))
log2 = _smooth("log2", lambda x: tf.math.log(x) / tf.cast(np.log(2.0), x.dtype))
log10 = _smooth("log10", lambda x: tf.math.log(x) / tf.cast(np.log(10.0), x.dtype))
deg2rad = _smooth("deg2rad", lambda x: x * tf.cast(np.pi / 180.0, x.dtype))
rad2deg = _smooth("rad2deg", lambda x: x * tf.cast(180.0 / np.pi, x.dtype))
cbrt = _smooth("cbrt", lambda x: tf.sign(x) * tf.pow(tf.abs(x), tf.cast(1.0 / 3.0, x.dtype)))
i0 = _smooth("i0", tf.math.bessel_i0)

subtract = _binary("subtract", tf.subtract)
maximum = _binary("maximum", tf.maximum)
minimum = _binary("minimum", tf.minimum)
divide = _binary("divide", tf.divide, float)
true_divide = divide
arctan2 = _binary("arctan2", tf.atan2, float)
hypot = _binary("hypot", lambda a, b: tf.sqrt(a * a + b * b), float)
equal = _binary("equal", tf.equal)
not_equal = _binary("not_equal", tf.not_equal)
greater = _binary("greater", tf.greater)
greater_equal = _binary("greater_equal", tf.greater_equal)
less = _binary("less", tf.less)
less_equal = _binary("less_equal", tf.less_equal)
logical_and = _logical("logical_and", tf.logical_and)
logical_or = _logical("logical_or", tf.logical_or)
logical_xor = _logical("logical_xor", tf.math.logical_xor)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger element, the other one where one is no number."""
    x1, x2 = pair(x1, x2)
    return tf.where(_nan(x1), x2, tf.where(_nan(x2), x1, tf.maximum(x1, x2)))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller element, the other one where one is no number."""
    x1, x2 = pair(x1, x2)
    return tf.where(_nan(x1), x2, tf.where(_nan(x2), x1, tf.minimum(x1, x2)))


def _nan(x: Any) -> Any:
    return tf.zeros_like(x, dtype=tf.bool) if is_integral(x) else tf.math.is_nan(x)


def add(x1: Any, x2: Any) -> Any:
    """The sum."""
    x1, x2 = pair(x1, x2)
    return tf.logical_or(x1, x2) if x1._dtype.kind == "b" else tf.add(x1, x2)


def multiply(x1: Any, x2: Any) -> Any:
    """The product."""
    x1, x2 = pair(x1, x2)
    return tf.logical_and(x1, x2) if x1._dtype.kind == "b" else tf.multiply(x1, x2)


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """The quotient, 0 where the divisor is 0."""
    return tf.math.divide_no_nan(*pair(x1, x2, float))


def power(x1: Any, x2: Any) -> Any:
    """The first operand to the power of the second."""
    x1, x2 = pair(x1, x2)
    if x1.dtype == tf.bool:
        x1, x2 = tf.cast(x1, tf.int32), tf.cast(x2, tf.int32)
    return tf.pow(x1, x2)


def floor_divide(x1: Any, x2: Any) -> Any:
    """The quotient rounded down."""
    return tf.math.floordiv(*_counted(x1, x2))


def mod(x1: Any, x2: Any) -> Any:
    """The remainder with the sign of the divisor."""
    return tf.math.floormod(*_counted(x1, x2))


def fmod(x1: Any, x2: Any) -> Any:
    """The remainder with the sign of the dividend."""
    x1, x2 = _counted(x1, x2)
    return x1 - tf.cast(_towards_zero(x1, x2), x1.dtype) * x2


def _towards_zero(x1: Any, x2: Any) -> Any:
    if is_integral(x1):
        return tf.truncatediv(x1, x2)
    return trunc(x1 / x2)


def _counted(x1: Any, x2: Any) -> tuple[Any, Any]:
    x1, x2 = pair(x1, x2)
    if x1.dtype == tf.bool:
        return tf.cast(x1, tf.int32), tf.cast(x2, tf.int32)
    return x1, x2


def logaddexp(x1: Any, x2: Any) -> Any:
    """The logarithm of the sum of exponentials."""
    x1, x2 = pair(x1, x2, float)
    top = tf.stop_gradient(tf.maximum(x1, x2))
    top = tf.where(tf.math.is_finite(top), top, tf.zeros_like(top))
    return top + tf.math.log(tf.exp(x1 - top) + tf.exp(x2 - top))


def logaddexp2(x1: Any, x2: Any) -> Any:
    """The binary logarithm of the sum of powers of two."""
    x1, x2 = pair(x1, x2, float)
    two = tf.cast(np.log(2.0), x1.dtype)
    return logaddexp(x1 * two, x2 * two) / two


def absolute(x: Any) -> Any:
    """The absolute value."""
    x = convert_to_tensor(x)
    return x if x.dtype == tf.bool or x.dtype.is_unsigned else tf.abs(x)


abs = absolute


def fabs(x: Any) -> Any:
    """The absolute value as a floating-point number."""
    return tf.abs(floating(x))


def negative(x: Any) -> Any:
    """The negative."""
    return tf.negative(convert_to_tensor(x))


def square(x: Any) -> Any:
    """The square."""
    x = convert_to_tensor(x)
    return tf.square(tf.cast(x, tf.int32) if x._dtype.kind == "b" else x)


def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    x = convert_to_tensor(x)
    if x.dtype.name in ("uint8", "uint16", "uint32", "uint64"):
        return tf.cast(tf.not_equal(x, tf.cast(0, x.dtype)), x.dtype)
    return tf.sign(x)


def signbit(x: Any) -> Any:
    """Whether the sign is minus, for -0.0 too."""
    x = convert_to_tensor(x)
    if not x.dtype.is_floating:
        return tf.less(x, tf.cast(0, x.dtype)) if x.dtype != tf.bool else tf.zeros_like(x)
    return tf.logical_or(x < 0.0, tf.logical_and(tf.equal(x, 0.0), 1.0 / x < 0.0))


def floor(x: Any) -> Any:
    """The next integer below."""
    return tf.floor(floating(x))


def ceil(x: Any) -> Any:
    """The next integer above."""
    return tf.math.ceil(floating(x))


def trunc(x: Any) -> Any:
    """The integer part."""
    x = convert_to_tensor(x)
    if is_integral(x):
        return x
    return tf.where(x < 0.0, tf.math.ceil(x), tf.floor(x))


def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals."""
    x = convert_to_tensor(x)
    if is_integral(x) and decimals >= 0:
        return x
    dtype = x.dtype
    if is_integral(x):
        x = tf.cast(x, floatx())
    if not decimals:
        return tf.round(x)
    factor = tf.cast(10.0**decimals, x.dtype)
    return tf.cast(tf.round(x * factor) / factor, dtype)


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """A value between bounds."""
    x = convert_to_tensor(x)
    x = tf.cast(x, tf.int32) if x.dtype == tf.bool else x
    return tf.clip_by_value(x, convert_to_tensor(x_min, x.dtype), convert_to_tensor(x_max, x.dtype))


def heaviside(x1: Any, x2: Any) -> Any:
    """0, x2 or 1, by the sign of x1."""
    x1, x2 = pair(x1, x2, float)
    return tf.where(x1 < 0.0, tf.zeros_like(x1), tf.where(tf.equal(x1, 0.0), x2, tf.ones_like(x1)))


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x)."""
    x = floating(x) * tf.cast(np.pi, floating(x).dtype)
    zero = tf.equal(x, tf.zeros_like(x))
    safe = tf.where(zero, tf.ones_like(x), x)
    return tf.where(zero, tf.ones_like(x), tf.sin(safe) / safe)


def ldexp(x1: Any, x2: Any) -> Any:
    """x1 times two to the power of x2."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if not is_integral(x2):
        raise TypeError(
            f"ldexp exponent must be an integer type. Received: x2 dtype={x2.dtype.name}"
        )
    dtype = common(x1.dtype, float)
    return tf.cast(x1, dtype) * tf.pow(tf.cast(2.0, dtype), tf.cast(x2, dtype))


def nextafter(x1: Any, x2: Any) -> Any:
    """The next number after x1 towards x2."""
    return tf.math.nextafter(*pair(x1, x2, float))


# complex numbers


def real(x: Any) -> Any:
    """The real part."""
    x = convert_to_tensor(x)
    return tf.math.real(x) if x.dtype.is_complex else x


def imag(x: Any) -> Any:
    """The imaginary part."""
    x = convert_to_tensor(x)
    return tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)


def conjugate(x: Any) -> Any:
    """The complex conjugate."""
    return tf.math.conj(convert_to_tensor(x))


conj = conjugate


def angle(x: Any) -> Any:
    """The argument of a complex number."""
    x = floating(x)
    if x.dtype.is_complex:
        return tf.math.angle(x)
    return tf.where(
        x < 0.0, tf.cast(np.pi, x.dtype), tf.where(tf.math.is_nan(x), x, tf.zeros_like(x))
    )


def isreal(x: Any) -> Any:
    """Whether the imaginary part is zero."""
    return tf.equal(imag(x), tf.zeros_like(imag(x)))


# tests


def _tested(x: Any, test: Any, otherwise: Any) -> Any:
    x = convert_to_tensor(x)
    return otherwise(x, dtype=tf.bool) if is_integral(x) else test(x)


def isfinite(x: Any) -> Any:
    """Whether elements are finite."""
    return _tested(x, tf.math.is_finite, tf.ones_like)


def isinf(x: Any) -> Any:
    """Whether elements are infinite."""
    return _tested(x, tf.math.is_inf, tf.zeros_like)


def isnan(x: Any) -> Any:
    """Whether elements are no numbers."""
    return _tested(x, tf.math.is_nan, tf.zeros_like)


def isposinf(x: Any) -> Any:
    """Whether elements are infinite and positive."""
    return _tested(x, lambda x: tf.logical_and(tf.math.is_inf(x), x > 0), tf.zeros_like)


def isneginf(x: Any) -> Any:
    """Whether elements are infinite and negative."""
    return _tested(x, lambda x: tf.logical_and(tf.math.is_inf(x), x < 0), tf.zeros_like)


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether |x1 - x2| <= atol + rtol |x2|."""
    x1, x2 = pair(x1, x2, float)
    bound = tf.cast(atol, x1.dtype) + tf.cast(rtol, x1.dtype) * tf.abs(x2)
    both = tf.logical_and(tf.math.is_finite(x1), tf.math.is_finite(x2))
    near = tf.logical_and(both, tf.abs(x1 - x2) <= bound)
    near = tf.logical_or(near, tf.equal(x1, x2))
    if equal_nan:
        near = tf.logical_or(near, tf.logical_and(tf.math.is_nan(x1), tf.math.is_nan(x2)))
    return near


def allclose(
    x1: Any, x2: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Whether all elements are close."""
    return tf.reduce_all(isclose(x1, x2, rtol, atol, equal_nan))


def logical_not(x: Any) -> Any:
    """The opposite truth value."""
    return tf.logical_not(convert_to_tensor(x, "bool"))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2; with neither, the places where it holds."""
    condition = convert_to_tensor(condition, "bool")
    if x1 is None or x2 is None:
        return tuple(tf.unstack(tf.where(condition), axis=1))
    x1, x2 = operand(x1), operand(x2)
    return tf.where(condition, *pair(x1, x2))


# bits


def _bits(name: str, function: Any) -> Any:
    return named(name, lambda x, y: function(*pair(x, y)))


bitwise_and = _bits(
    "bitwise_and", lambda a, b: _bitwise(a, b, tf.bitwise.bitwise_and, tf.logical_and)
)
bitwise_or = _bits("bitwise_or", lambda a, b: _bitwise(a, b, tf.bitwise.bitwise_or, tf.logical_or))
bitwise_xor = _bits(
    "bitwise_xor", lambda a, b: _bitwise(a, b, tf.bitwise.bitwise_xor, tf.math.logical_xor)
)
bitwise_left_shift = _bits("bitwise_left_shift", tf.bitwise.left_shift)
bitwise_right_shift = _bits("bitwise_right_shift", tf.bitwise.right_shift)
left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


def _bitwise(a: Any, b: Any, of_integers: Any, of_truth: Any) -> Any:
    return of_truth(a, b) if a.dtype == tf.bool else of_integers(a, b)


def bitwise_invert(x: Any) -> Any:
    """All bits turned over."""
    x = convert_to_tensor(x)
    return tf.logical_not(x) if x.dtype == tf.bool else tf.bitwise.invert(x)


bitwise_not = bitwise_invert
