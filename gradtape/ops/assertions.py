"""Assertions about values, ranks, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import broadcast_shapes
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.effects import after, check
from gradtape.ops.static import static_float

# values


def _start(message: Any) -> str:
    return "" if message is None else f"{message}\n"


def _shown(array: Any, summarize: Any) -> str:
    count = 3 if summarize is None else array.size if summarize < 0 else int(summarize)
    return f"{np.asarray(array).ravel()[:count]}"


def _pair(x: Any, y: Any, function: str) -> tuple[Any, Any]:
    a, b = pair(x, y, function)
    if a._dtype != b._dtype:
        raise mixed_dtypes(function, a, b)
    try:
        broadcast_shapes(a._shape, b._shape)
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.{function}: incompatible shapes {list(a._shape)} and {list(b._shape)} "
            "do not broadcast. Check tf.shape(x) first with tf.debugging.assert_shapes."
        ) from None
    return a, b


def _refuse_pair(
    x: Any, y: Any, wrong: Any, condition: str, function: str, message: Any, summarize: Any
) -> None:
    """Raise with the first places where a condition does not hold."""
    count = 3 if summarize is None or summarize < 0 else int(summarize)
    places = np.argwhere(wrong)[:count]
    index = tuple(places.T)
    left, right = (np.broadcast_to(v, np.shape(wrong))[index] for v in (x, y))
    raise InvalidArgumentError(
        f"{_start(message)}gradtape.{function}: Condition {condition} did not hold in "
        f"{int(np.count_nonzero(wrong))} of {np.size(wrong)} places.\n"
        f"Indices of the first {len(places)}:\n{places.tolist()}\n"
        f"Corresponding x values:\n{left}\nCorresponding y values:\n{right}"
    )


_PAIR_DOC = """Raise InvalidArgumentError unless {condition} in every place.

Args:
    x: a tensor{kind}.
    y: a tensor of the same dtype; the two broadcast.
    message: what the error begins with.
    summarize: how many places it shows; 3 by default.
    name: ignored, for compatibility.

Raises:
    InvalidArgumentError: when the condition does not hold, or shapes or dtypes do not fit.

Example:
    >>> import gradtape as tf
    >>> tf.debugging.{name}({example})
"""


def _comparison(name: str, sign: str, compare: Callable[..., Any], example: str) -> Any:
    ordered = sign not in ("==", "!=")

    def compared(x: Any, y: Any, message: Any, summarize: Any) -> Any:
        a, b = _pair(x, y, name)
        if ordered and a._dtype.kind in "bc":
            raise wrong_kind(name, "iufV", a, b)

        def test(left: Any, right: Any) -> None:
            wrong = np.logical_not(compare(left, right))
            if wrong.any():
                _refuse_pair(left, right, wrong, f"x {sign} y", name, message, summarize)

        return check(test, a, b)

    def function(
        x: Any, y: Any, message: Any = None, summarize: Any = None, name: str | None = None
    ) -> Any:
        return compared(x, y, message, summarize)

    def turned(
        x: Any, y: Any, summarize: Any = None, message: Any = None, name: str | None = None
    ) -> Any:
        return compared(x, y, message, summarize)

    kind = " of real numbers" if ordered else ""
    # TensorFlow has the last two arguments of this one in the other order
    call = turned if name == "assert_none_equal" else function
    return _documented(call, name, _PAIR_DOC, condition=f"x {sign} y", kind=kind, example=example)


def _documented(function: Any, name: str, doc: str, **parts: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc.format(name=name, **parts)
    return function


assert_equal = _comparison("assert_equal", "==", np.equal, "[1, 2], [1, 2]")
assert_none_equal = _comparison("assert_none_equal", "!=", np.not_equal, "[1, 2], [2, 1]")
assert_less = _comparison("assert_less", "<", np.less, "[1, 2], 3")
assert_less_equal = _comparison("assert_less_equal", "<=", np.less_equal, "[1, 2], 2")
assert_greater = _comparison("assert_greater", ">", np.greater, "[1, 2], 0")
assert_greater_equal = _comparison("assert_greater_equal", ">=", np.greater_equal, "[1, 2], 1")

_SIGN_DOC = """Raise InvalidArgumentError unless {condition} in every place; nan never fulfils it.

Args:
    x: a tensor of real numbers.
    message: what the error begins with.
    summarize: how many elements it shows; 3 by default.
    name: ignored, for compatibility.

Raises:
    InvalidArgumentError: when the condition does not hold, or for another dtype.

Example:
    >>> import gradtape as tf
    >>> tf.debugging.{name}({example})
"""


def _sign(name: str, sign: str, compare: Callable[..., Any], example: str) -> Any:
    def function(
        x: Any, message: Any = None, summarize: Any = None, name: str | None = None
    ) -> Any:
        tensor = as_tensor(x, function.__name__)
        if tensor._dtype.kind not in "iufV":
            raise wrong_kind(function.__name__, "iufV", tensor)

        def test(array: Any) -> None:
            wrong = np.logical_not(compare(array, array.dtype.type(0)))
            if wrong.any():
                raise InvalidArgumentError(
                    f"{_start(message)}gradtape.{function.__name__}: Condition x {sign} 0 did not "
                    f"hold element-wise, in {int(wrong.sum())} of {wrong.size} places of "
                    f"{brief(array)}: {_shown(np.asarray(array)[wrong], summarize)}."
                )

        return check(test, tensor)

    return _documented(function, name, _SIGN_DOC, condition=f"x {sign} 0", example=example)


assert_positive = _sign("assert_positive", ">", np.greater, "[1, 2]")
assert_negative = _sign("assert_negative", "<", np.less, "[-1, -2]")
assert_non_negative = _sign("assert_non_negative", ">=", np.greater_equal, "[0, 2]")
assert_non_positive = _sign("assert_non_positive", "<=", np.less_equal, "[0, -2]")


def assert_near(
    x: Any,
    y: Any,
    rtol: Any = None,
    atol: Any = None,
    message: Any = None,
    summarize: Any = None,
    name: str | None = None,
) -> Any:
    """Raise InvalidArgumentError unless |x - y| <= atol + rtol * |y| in every place.

    Args:
        x: a floating-point or complex tensor.
        y: a tensor of the same dtype; the two broadcast.
        rtol: the relative tolerance; ten units in the last place by default.
        atol: the absolute tolerance; ten times the dtype's eps by default.
        message: what the error begins with.
        summarize: how many places it shows; 3 by default.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when the condition does not hold, or shapes or dtypes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_near([1.0], [1.0000001])
    """
    a, b = _pair(x, y, "assert_near")
    if a._dtype.kind not in "fcV":
        raise wrong_kind("assert_near", "fcV", a, b)
    wide = np.complex128 if a._dtype.kind == "c" else np.float64
    eps = 10.0 * float(_limits(a._dtype).eps)
    relative, absolute = (
        eps if t is None else static_float(t, "assert_near", n)
        for t, n in ((rtol, "rtol"), (atol, "atol"))
    )

    def test(left: Any, right: Any) -> None:
        p, q = left.astype(wide), right.astype(wide)
        with np.errstate(all="ignore"):  # inf - inf is no number, which is near nothing
            wrong = ~(np.abs(p - q) <= absolute + relative * np.abs(q))
        if wrong.any():
            what = f"|x - y| <= {absolute:g} + {relative:g} * |y|"
            _refuse_pair(left, right, wrong, what, "assert_near", message, summarize)

    return check(test, a, b)


def _limits(dtype: Any) -> Any:
    return as_dtype(dtype)._limits() if dtype.kind != "c" else np.finfo(dtype)


def Assert(condition: Any, data: Any, summarize: Any = None, name: str | None = None) -> Any:
    """Raise InvalidArgumentError with the data unless a condition is true.

    Args:
        condition: a bool, or a bool tensor with one element.
        data: a list of values to show.
        summarize: how many elements of each are shown; 3 by default.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when the condition is false.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.Assert(tf.reduce_all([True, True]), [1, 2])
    """
    items = data if isinstance(data, (list, tuple)) else [data]
    tensors = [as_tensor(d) for d in items if not isinstance(d, (str, bytes))]

    def test(truth: Any, *arrays: Any) -> None:
        if bool(Tensor(truth)):
            return
        rest = iter(arrays)
        shown = ", ".join(
            str(d) if isinstance(d, (str, bytes)) else _shown(next(rest), summarize) for d in items
        )
        stated = condition if not hasattr(condition, "dtype") else Tensor(truth)
        raise InvalidArgumentError(
            f"gradtape.Assert: Expected '{stated}' to be true. Summarized data: {shown}"
        )

    return check(test, as_tensor(condition, "Assert"), *tensors)


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """Return a tensor, and raise InvalidArgumentError when it holds inf or nan.

    The value is checked, not the derivative that passes through: see `tf.debug_nans`.

    Args:
        tensor: a floating-point or complex tensor.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for inf or nan, or another dtype.

    Example:
        >>> import gradtape as tf
        >>> float(tf.debugging.check_numerics(1.0, "loss"))
        1.0
    """
    x = as_tensor(tensor, "check_numerics")
    if x._dtype.kind not in "fcV":
        raise wrong_kind("check_numerics", "fcV", x)

    def test(array: Any) -> None:
        bad = _what_is_bad(array)
        if bad:
            raise InvalidArgumentError(
                f"{message} : Tensor had {bad} values: gradtape.check_numerics({brief(array)})."
            )

    return after(check(test, x), x)


def assert_all_finite(x: Any, message: str, name: str | None = None) -> Tensor:
    """Return a tensor, and raise InvalidArgumentError when it holds inf or nan.

    Args:
        x: a floating-point or complex tensor.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for inf or nan, or another dtype.

    Example:
        >>> import gradtape as tf
        >>> float(tf.debugging.assert_all_finite(1.0, "loss"))
        1.0
    """
    return check_numerics(x, message)


def _what_is_bad(array: Any) -> str:
    """ "NaN", "Inf", both, or nothing."""
    if np.isfinite(array).all():
        return ""
    found = [word for word, test in (("Inf", np.isinf), ("NaN", np.isnan)) if test(array).any()]
    return " and ".join(found)
