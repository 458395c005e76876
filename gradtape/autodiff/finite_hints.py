"""What to write instead: hints for operations that gave NaN or inf, chosen by what went in.

A hint is a condition on what is seen and a sentence; the first one that fits is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradtape.autodiff.finite_arrays import sound


@dataclass
class Seen:
    """What is known of an operation whose result is not finite.

    Args:
        name: its primitive's name.
        kind: "value", "cotangent" or "tangent".
        what: "NaN", "inf" or "NaN and inf".
        inputs: the arrays that went in, None for those that were not kept.
        result: the array that is not finite.
        given: the cotangent or tangent that went in, None for values.
        line: the text of the program's line.
        makers: the names of the primitives that made the inputs, as far as they are known.
    """

    name: str
    kind: str
    what: str
    inputs: list[Any]
    result: Any
    given: Any = None
    line: str = ""
    makers: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[Any]:
        """The inexact inputs that are known."""
        found = [np.asarray(a) for a in self.inputs if a is not None]
        return [a for a in found if a.dtype.kind in "fcV"]

    def some(self, test: Callable[[Any], Any], number: int = 0) -> bool:
        """Whether a test holds for an element of an input, None for any input."""
        if number >= len(self.inputs) or self.inputs[number] is None:
            return False
        return bool(np.any(test(np.asarray(self.inputs[number]))))

    def after(self, *names: str) -> bool:
        """Whether an input comes from one of these operations, by the records or by the line."""
        return any([n in self.makers or f"{n}(" in self.line for n in names])


WHERE = (
    "the cotangent that arrives is 0 where a mask or tf.where leaves the value out, but 0 * inf is"
    " NaN. Make the argument safe inside: tf.where(ok, f(tf.where(ok, x, 1.0)), 0.0)."
)
MASKED = (
    " If tf.where or a mask leaves these elements out afterwards, make the argument safe inside:"
    " tf.where(ok, f(tf.where(ok, x, 1.0)), 0.0)."
)
LOGITS = (
    "a logarithm of probabilities that have become 0. Take it from the logits:"
    " tf.nn.log_softmax(logits), tf.nn.softmax_cross_entropy_with_logits, or"
    " tf.nn.sigmoid_cross_entropy_with_logits."
)
LOG = (
    "log(0) is -inf, and the log of a negative number is NaN. Keep the argument away from 0:"
    " tf.math.log(tf.maximum(x, 1e-12)); tf.math.xlogy(y, x) gives 0 for y = 0."
)
PROBABLE = (
    " Of probabilities, take it from the logits: tf.nn.log_softmax or a cross entropy with logits."
)
ROOT = "the square root of a negative number is NaN. Write tf.sqrt(tf.maximum(x, 0.0))."
ZERO_OVER_ZERO = (
    "0 / 0 is NaN. Write tf.math.divide_no_nan(x, y), which is 0 there, or add a small number to"
    " the divisor."
)
BY_ZERO = (
    "a division by 0. Write tf.math.divide_no_nan(x, y), or x / (y + 1e-12) for a y that is not"
    " negative."
)
EXP = (
    "exp overflows above 88.7 in float32 (709 in float64, 11 in float16). Sums of exponentials:"
    " tf.reduce_logsumexp, tf.nn.softmax, tf.nn.log_softmax; otherwise clip the argument,"
    " tf.clip_by_value(x, -80.0, 80.0)."
)
HALF = (
    "float16 holds numbers up to 65504. Compute this in float32, tf.cast(x, tf.float32), or take"
    " bfloat16, which has float32's range."
)
HALF_BACK = (
    "float16 holds numbers up to 65504: scale the loss by less (loss scaling), or compute this part"
    " in float32, tf.cast(x, tf.float32)."
)
INF_MINUS_INF = (
    "inf - inf is NaN. Find out where the infinite input comes from; a mask of -1e9 in place of"
    " -inf stays finite."
)
ZERO_TIMES_INF = (
    "0 * inf is NaN. Select with tf.where(mask, x, 0.0) in place of multiplying by a mask of zeros."
)
INF_OVER_INF = "inf / inf is NaN. Find out where the infinite inputs come from."
INFINITE = "an input is infinite, and the function has no value there."
EMPTY = "the mean of no elements is 0 / 0. Ask for tf.size(x) first, or use tf.math.divide_no_nan."
DOMAIN = (
    "the argument lies outside of the function's domain, or at a pole. Clip it:"
    " tf.clip_by_value(x, -1.0 + 1e-6, 1.0 - 1e-6) for asin, acos, atanh and erfinv."
)
POWER = (
    "a negative number to a power that is not whole is NaN, and 0 to a negative power is inf. Write"
    " tf.pow(tf.maximum(x, 1e-12), y), or tf.square for a square."
)
SINGULAR = (
    "the matrix is singular, or nearly. Add a small multiple of the identity, x + 1e-6 * tf.eye(n),"
    " or use tf.linalg.pinv or tf.linalg.lstsq."
)
OVERFLOW = (
    "the result is too large for its dtype. In training this is divergence: take a smaller learning"
    " rate, clip gradients with tf.clip_by_global_norm, or normalise the data."
)
EXPLODING = (
    "the cotangent is too large for its dtype. Clip gradients with tf.clip_by_global_norm, take a"
    " smaller learning rate or fewer steps."
)
ROOT_BACK = (
    "the derivative of the square root at 0 is infinite. For a norm write tf.norm(x), whose"
    " derivative at 0 is 0; otherwise tf.sqrt(tf.maximum(x, 1e-12))."
)
LOG_BACK = (
    "the derivative of the logarithm at 0 is infinite. Keep the argument away from 0:"
    " tf.math.log(tf.maximum(x, 1e-12)); or take it from the logits, tf.nn.log_softmax."
)
DIVISION_BACK = (
    "the derivative of a division by 0, or by a number whose square is 0, is infinite. Write"
    " tf.math.divide_no_nan(x, y), or keep the divisor away from 0."
)
POWER_BACK = (
    "the derivative of x**y at x = 0 is infinite for y < 1. Write tf.pow(tf.maximum(x, 1e-12), y)."
)
SLOPE = "the derivative of the function is infinite at this argument. Keep it away from there."
REPEATED = (
    "equal singular values or eigenvalues: the derivatives of the vectors divide by their"
    " differences. Differentiate the values alone, or add a small random matrix."
)
CUSTOM = "the gradient function is the program's own: look at what it divides by and multiplies."
STARTED = "the output_gradients are not finite: look at where they were computed."
CAME_IN = (
    "no operation made it, it came in with the data. Look for such rows, or replace them:"
    " tf.where(tf.math.is_nan(x), tf.zeros_like(x), x)."
)
DEFAULT = "keep the argument away from where the function is singular." + MASKED

LOGS = ("log", "xlogy", "log1p", "xlog1py", "log_known")
DIVISIONS = ("divide", "reciprocal", "xdivy", "floormod", "truncatemod", "reciprocal_no_nan")
GROWING = ("exp", "expm1", "sinh", "cosh", "exp_difference", "softplus")
BOUNDED = (
    "asin", "acos", "atanh", "acosh", "erfinv", "erfcinv", "ndtri", "lgamma", "digamma",
    "polygamma", "zeta", "expint",
)  # fmt: skip
SOLVING = (
    "inv", "solve", "triangular_solve", "tridiagonal_solve", "cholesky", "det", "slogdet", "logm",
    "sqrtm", "pinv", "lu",
)  # fmt: skip
VECTORS = ("eigh", "eig", "svd")


def hint(seen: Seen) -> str:
    """What to do about an operation whose result is not finite."""
    return _for_value(seen) if seen.kind == "value" else _for_derivative(seen)


def _for_value(seen: Seen) -> str:
    if seen.what != "inf" and not all([sound(a) for a in seen.numbers]):
        return _from_infinite(seen)
    for names, find in VALUES:
        if seen.name in names and (found := find(seen)):
            return found
    if _half(seen.result):
        return HALF
    if any([np.size(a) == 0 for a in seen.numbers]):
        return EMPTY
    if seen.what == "inf":
        return OVERFLOW
    return DEFAULT


def _from_infinite(seen: Seen) -> str:
    """Hints for a NaN that an operation made of an infinite input."""
    if seen.name in ("add", "subtract", "reduce_sum", "reduce_mean", "add_n", "cumsum", "centred"):
        return INF_MINUS_INF
    if seen.name in ("multiply", "matmul", "einsum", "conv", "square"):
        return ZERO_TIMES_INF
    if seen.name in DIVISIONS:
        return INF_OVER_INF
    return INFINITE


def _log(seen: Seen) -> str:
    if seen.after("softmax", "sigmoid"):
        return LOGITS
    probable = not seen.some(lambda x: ~((x >= 0) & (x <= 1)), len(seen.inputs) - 1)
    return LOG + (PROBABLE if probable else "") + MASKED


def _division(seen: Seen) -> str:
    divisor = seen.inputs[-1]
    if divisor is None or not np.any(np.asarray(divisor) == 0):
        return ""
    return (ZERO_OVER_ZERO if seen.what != "inf" else BY_ZERO) + MASKED


VALUES: list[tuple[tuple[str, ...], Callable[[Seen], str]]] = [
    (LOGS, _log),
    (("sqrt", "rsqrt"), lambda s: (BY_ZERO if s.what == "inf" else ROOT) + MASKED),
    (DIVISIONS, _division),
    (GROWING, lambda s: EXP),
    (("pow",), lambda s: POWER if s.some(lambda x: x <= 0) else ""),
    (BOUNDED, lambda s: DOMAIN + MASKED),
    (SOLVING, lambda s: SINGULAR),
]


def _half(array: Any) -> bool:
    return array is not None and np.asarray(array).dtype == np.float16


def _for_derivative(seen: Seen) -> str:
    given = seen.given
    if given is not None and np.size(given) == np.size(seen.result) and _nan_from_zero(seen):
        return WHERE
    if seen.name == "custom_gradient":
        return CUSTOM
    for names, find in DERIVATIVES:
        if seen.name in names and (found := find(seen)):
            return found
    if _half(seen.result):
        return HALF_BACK
    return EXPLODING if seen.what == "inf" else SLOPE


def _nan_from_zero(seen: Seen) -> bool:
    """Whether every NaN stands where a zero arrived."""
    result, given = np.ravel(seen.result), np.ravel(seen.given)
    nan = np.isnan(result)
    return bool(nan.any() and (given[nan] == 0).all())


def _zero(a: Any) -> Any:
    return a == 0


DERIVATIVES: list[tuple[tuple[str, ...], Callable[[Seen], str]]] = [
    (("sqrt", "rsqrt"), lambda s: ROOT_BACK),
    (LOGS, lambda s: LOG_BACK),
    (DIVISIONS, lambda s: DIVISION_BACK),
    (("pow",), lambda s: POWER_BACK if s.some(_zero) or s.inputs[:1] in ([], [None]) else ""),
    (VECTORS, lambda s: REPEATED),
    (SOLVING, lambda s: SINGULAR),
    (GROWING, lambda s: EXP if s.what == "inf" else ""),
    (BOUNDED, lambda s: SLOPE),
    (("multiply", "matmul"), lambda s: "" if s.what == "inf" else ZERO_TIMES_INF),
]
