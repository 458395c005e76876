"""The window functions of `tf.signal`: constants, computed in double precision and rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.dtypes import as_dtype, float32
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.tensor import Tensor
from gradtape.ops.static import check_size, static, static_int


def _length(value: Any, dtype: Any, function: str) -> tuple[int, Any]:
    wanted = as_dtype(dtype).numpy_dtype
    if wanted.kind not in "fV":
        raise InvalidArgumentError(
            f"gradtape.{function}: dtype must be floating-point, not {as_dtype(dtype).name}. "
            "Write dtype=tf.float32."
        )
    n = static_int(value, function, "window_length")
    if n < 0:
        raise InvalidArgumentError(f"gradtape.{function}: window_length must not be negative: {n}.")
    check_size((n,), function, 8)  # they are computed in double precision
    return n, wanted


def _raised_cosine(value: Any, periodic: Any, dtype: Any, a: float, function: str) -> Tensor:
    n, wanted = _length(value, dtype, function)
    if n == 1:
        return Tensor(np.ones(1, wanted))
    period = n - 1 + (1 if static(periodic, function, "periodic") and n % 2 == 0 else 0)
    angle = 2 * np.pi * np.arange(n) / max(period, 1)
    return Tensor((a - (1 - a) * np.cos(angle)).astype(wanted))


def hann_window(
    window_length: Any, periodic: Any = True, dtype: Any = float32, name: str | None = None
) -> Tensor:
    """Return w[j] = 0.5 - 0.5 cos(2 pi j / p), where p is n if n is even and periodic, else n - 1.

    Args:
        window_length: n, an integer.
        periodic: whether the window is one period of a function; odd lengths are symmetric as in
            TensorFlow.
        dtype: a floating-point type.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a negative length or another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.hann_window(4).numpy()
        array([0. , 0.5, 1. , 0.5], dtype=float32)
    """
    return _raised_cosine(window_length, periodic, dtype, 0.5, "signal.hann_window")


def hamming_window(
    window_length: Any, periodic: Any = True, dtype: Any = float32, name: str | None = None
) -> Tensor:
    """Return w[j] = 0.54 - 0.46 cos(2 pi j / p): see `tf.signal.hann_window`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.hamming_window(4).numpy()
        array([0.08, 0.54, 1.  , 0.54], dtype=float32)
    """
    return _raised_cosine(window_length, periodic, dtype, 0.54, "signal.hamming_window")


def _kaiser(n: int, beta: float) -> Any:
    return np.kaiser(n, beta) if n != 1 else np.ones(1)


def _beta(value: Any, function: str) -> float:
    beta = static(value, function, "beta")
    if isinstance(beta, bool) or not isinstance(beta, (int, float)):
        raise TypeError(f"gradtape.{function}: beta must be a number, not {value!r}.")
    if abs(beta) > 700:
        raise InvalidArgumentError(
            f"gradtape.{function}: beta must be in [-700, 700], where I0(beta) is finite, not"
            f" {beta}."
        )
    return float(beta)


def kaiser_window(
    window_length: Any, beta: Any = 12.0, dtype: Any = float32, name: str | None = None
) -> Tensor:
    """Return w[j] = I0(beta sqrt(1 - (2 j / (n - 1) - 1)^2)) / I0(beta).

    Args:
        window_length: n, an integer.
        beta: a number, the width in the frequency domain.
        dtype: a floating-point type.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a negative length or another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.kaiser_window(3, beta=0.0).numpy()
        array([1., 1., 1.], dtype=float32)
    """
    n, wanted = _length(window_length, dtype, "signal.kaiser_window")
    return Tensor(_kaiser(n, _beta(beta, "signal.kaiser_window")).astype(wanted))


def kaiser_bessel_derived_window(
    window_length: Any, beta: Any = 12.0, dtype: Any = float32, name: str | None = None
) -> Tensor:
    """Return the square root of the running sum of a Kaiser window, and its mirror image.

    Args:
        window_length: an even integer; an odd one gives a window that is one shorter, as in
            TensorFlow.
        beta: a number, of the Kaiser window.
        dtype: a floating-point type.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a negative length or another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.kaiser_bessel_derived_window(2).numpy().round(4)
        array([0.7071, 0.7071], dtype=float32)
    """
    function = "signal.kaiser_bessel_derived_window"
    n, wanted = _length(window_length, dtype, function)
    sums = np.cumsum(_kaiser(n // 2 + 1, _beta(beta, function)))
    half = np.sqrt(sums[:-1] / sums[-1])
    return Tensor(np.concatenate([half, half[::-1]]).astype(wanted))


def vorbis_window(window_length: Any, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Return w[j] = sin(pi / 2 sin(pi (j + 1/2) / n)^2).

    Args:
        window_length: n, an integer.
        dtype: a floating-point type.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a negative length or another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.vorbis_window(2).numpy().round(4)
        array([0.7071, 0.7071], dtype=float32)
    """
    n, wanted = _length(window_length, dtype, "signal.vorbis_window")
    inner = np.sin(np.pi * (np.arange(n) + 0.5) / max(n, 1))
    return Tensor(np.sin(np.pi / 2 * inner**2).astype(wanted))
