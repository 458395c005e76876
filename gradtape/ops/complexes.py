"""Complex numbers: their parts, and making them of parts; `real` and `conj` stand in `basis`."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verb as_complex
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import (
    batch_elementwise,
    broadcast_shapes,
    cast,
    conj,
    real,
    real_dtype,
    safe_multiply,
    zeros,
)
from gradtape.ops.calls import check_pair, pair
from gradtape.ops.quotients import divide_no_nan

__all__ = ["absolute_complex", "complex_of", "conj", "imag", "real", "unit"]


def complex_dtype(dtype: Any) -> Any:
    """The complex dtype whose parts have this dtype."""
    return np.dtype(f"c{2 * dtype.itemsize}")


_complex = primitive(
    "complex",
    lambda xp, x, y: xp.as_complex(x, y),
    vjps=[lambda ct: real(ct), lambda ct: imag(ct)],
    jvps=[
        lambda t: complex_of(t, zeros((), t._dtype)),
        lambda t: complex_of(zeros((), t._dtype), t),
    ],
    batch=batch_elementwise(lambda x, y: complex_of(x, y)),
    shape=lambda x, y: Spec(broadcast_shapes(x._shape, y._shape), complex_dtype(x._dtype)),
    broadcasts=True,
    linear=True,
    kinds="f",
    family="elementwise",
)


def complex_of(real: Any, imag: Any, name: str | None = None) -> Any:
    """Return the complex number real + i imag, broadcasting.

    Args:
        real: float32 or float64 tensor.
        imag: a tensor of the same dtype.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for other dtypes, or two different ones.

    Example:
        >>> import gradtape as tf
        >>> tf.complex([1.0, 2.0], 0.5).numpy()
        array([1.+0.5j, 2.+0.5j], dtype=complex64)
    """
    x, y = pair(real, imag, "complex")
    check_pair("complex", "fV", x, y)
    if x._dtype.itemsize < 4:
        raise InvalidArgumentError(
            f"gradtape.complex({brief(x)}, {brief(y)}): there are no 16-bit complex numbers. "
            "Write tf.cast(x, tf.float32)."
        )
    return apply(_complex, (x, y))


_imag = primitive(
    "imag",
    lambda xp, x: xp.imag(x),
    vjps=[lambda ct: complex_of(zeros((), ct._dtype), ct)],
    jvps=[lambda t: imag(t)],
    batch=lambda mask, x: imag(x),
    shape=lambda x: Spec(x._shape, real_dtype(x._dtype)),
    linear=True,
    kinds="c",
    family="elementwise",
)


def imag(input: Any, name: str | None = None) -> Any:
    """Return the imaginary part, which is zero for a real tensor.

    Args:
        input: a numeric tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.imag(tf.constant(2 + 3j)))
        3.0
    """
    x = as_tensor(input, "imag")
    return apply(_imag, (x,)) if x._dtype.kind == "c" else zeros(x._shape, x._dtype)


def unit(x: Any, size: Any) -> Any:
    """x / |x| where size is |x|, and 0 at 0: the sign of a complex number."""
    return divide_no_nan(x, cast(size, x._dtype))


_absolute = primitive(
    "complex_abs",
    lambda xp, x: xp.abs(x),
    vjps=[lambda ct, x, out: safe_multiply(cast(ct, x._dtype), unit(x, out))],
    jvps=[lambda t, x, out: real(safe_multiply(t, conj(unit(x, out))))],
    batch=lambda mask, x: absolute_complex(x),
    shape=lambda x: Spec(x._shape, real_dtype(x._dtype)),
    kinds="c",
    family="elementwise",
)


def absolute_complex(x: Any) -> Any:
    """|x| of a complex tensor, a real tensor; the derivative at 0 is 0."""
    return apply(_absolute, (x,))
