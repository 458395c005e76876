"""The cosine transforms of `tf.signal`, and what is made of them: lapped transforms and mel
cepstra.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype, float32
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import larger
from gradtape.core.tensor import Tensor
from gradtape.ops import fourier
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import multiply, negative, subtract, transpose
from gradtape.ops.signal_frames import frame, overlap_and_add, positive
from gradtape.ops.signal_windows import vorbis_window
from gradtape.ops.static import callable_or_raise, check_size, static, static_axis, static_float
from gradtape.ops.striding import WHOLE, strided_slice

INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def _floats(value: Any, function: str, least: int) -> Any:
    x = as_tensor(value, function)
    if x._dtype not in (np.float32, np.float64) or len(x._shape) < least:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs float32 or float64 with at least {least} "
            "axes. "
            "Write tf.cast(x, tf.float32)."
        )
    return x


def _transformed(
    function: str, value: Any, kind: Any, n: Any, axis: Any, norm: Any, inverse: bool
) -> Any:
    x = _floats(value, function, 1)
    kind = static(kind, function, "type")
    if not isinstance(kind, int) or kind not in INVERSE:
        raise InvalidArgumentError(f"gradtape.{function}: type must be 1, 2, 3 or 4, not {kind!r}.")
    if norm not in (None, "ortho"):
        raise InvalidArgumentError(
            f"gradtape.{function}: norm must be None or 'ortho', not {norm!r}."
        )
    rank = len(x._shape)
    place = static_axis(axis, rank, function)
    order = (*[i for i in range(rank) if i != place], place)
    x = transpose(x, order)
    if n is not None:
        x = fourier.resized(x, positive(n, function, "n"), rank - 1)
    if kind == 1 and (norm or x._shape[-1] < 2):
        raise InvalidArgumentError(
            f"gradtape.{function}: type 1 needs at least two elements and norm=None; "
            f"the input is {brief(x)} and norm is {norm!r}."
        )
    out = _scaled(x, INVERSE[kind] if inverse else kind, norm)
    return transpose(out, (*range(place), rank - 1, *range(place, rank - 1)))


def _scaled(x: Any, kind: int, norm: Any) -> Any:
    if norm is None:
        return fourier.dct(x, kind)
    count = x._shape[-1]
    weights = np.full((count,), np.sqrt(0.5 / larger(count, 1)))
    if kind == 4:
        return fourier.weighted(fourier.dct(x, 4), weights)
    if kind == 2:
        weights[:1] = np.sqrt(0.25 / max(count, 1))
        return fourier.weighted(fourier.dct(x, 2), weights)
    weights[:1] = np.sqrt(1 / max(count, 1))
    return fourier.dct(fourier.weighted(x, weights), 3)


def dct(
    input: Any,
    type: Any = 2,
    n: Any = None,
    axis: Any = -1,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform an axis by cosines; type 2 is y[k] = 2 sum over j of x[j] cos(pi k (2 j + 1) / (2
    n)).

    The types are those of SciPy (Ahmed, Natarajan and Rao, 1974; Makhoul, 1980).

    Args:
        input: float32 or float64.
        type: 1, 2, 3 or 4.
        n: the length to which the axis is cut or padded with zeros.
        axis: the axis.
        norm: None, or "ortho" for an orthogonal map (not of type 1).
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, type or norm, or an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.dct(tf.constant([1.0, 2.0]), type=2).numpy().round(4)
        array([ 6.    , -1.4142], dtype=float32)
    """
    return _transformed("signal.dct", input, type, n, axis, norm, False)


def idct(
    input: Any,
    type: Any = 2,
    n: Any = None,
    axis: Any = -1,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform an axis by cosines back: the transform of the inverse type, scaled only for
    norm="ortho".

    Args:
        input: float32 or float64.
        type: of the transform that is inverted: 1, 2, 3 or 4.
        n: the length to which the axis is cut or padded with zeros.
        axis: the axis.
        norm: None, or "ortho".
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, type or norm, or an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> y = tf.signal.dct(tf.constant([1.0, 2.0]), norm="ortho")
        >>> tf.signal.idct(y, norm="ortho").numpy().round(4)
        array([1., 2.], dtype=float32)
    """
    return _transformed("signal.idct", input, type, n, axis, norm, True)


def _reversed(x: Any) -> Any:
    return strided_slice(x, (*[WHOLE] * (len(x._shape) - 1), (None, None, -1)))


def _split(x: Any, parts: int) -> list[Any]:
    axis = len(x._shape) - 1
    size = x._shape[-1] // parts
    return [slice_axis(x, i * size, (i + 1) * size, axis) for i in range(parts)]


def _windowed(x: Any, window_fn: Any, function: str) -> Any:
    if window_fn is None:
        return multiply(x, Tensor(x._dtype.type(np.sqrt(0.5))))
    window = callable_or_raise(window_fn, function, "window_fn")
    return multiply(x, window(x._shape[-1], dtype=x.dtype))


def mdct(
    signals: Any,
    frame_length: Any,
    window_fn: Callable[..., Any] | None = vorbis_window,
    pad_end: bool = False,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform frames that overlap by half, each to half as many coefficients (Princen and
    Bradley, 1986).

    Args:
        signals: (..., n) float32 or float64.
        frame_length: a positive multiple of 4.
        window_fn: called with the frame's length and dtype; None for the constant sqrt(1/2).
        pad_end: whether the end is filled with zeros.
        norm: None, or "ortho".
        name: ignored, for compatibility.

    Returns:
        (..., frames, frame_length / 2).

    Raises:
        InvalidArgumentError: for another dtype, norm or length.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.mdct(tf.constant([1.0, 2.0, 3.0, 4.0]), 4, window_fn=None).numpy().round(4)
        array([[-9.6871, -2.4818]], dtype=float32)
    """
    function = "signal.mdct"
    x = _floats(signals, function, 1)
    length = positive(frame_length, function, "frame_length")
    if length % 4:
        raise InvalidArgumentError(
            f"gradtape.{function}: frame_length must be a multiple of 4, not {length}."
        )
    framed = _windowed(frame(x, length, length // 2, pad_end), window_fn, "signal.mdct")
    a, b, c, d = _split(framed, 4)
    halves = [subtract(negative(_reversed(c)), d), subtract(a, _reversed(b))]
    return dct(concat(halves, len(framed._shape) - 1), 4, norm=norm)


def inverse_mdct(
    mdcts: Any,
    window_fn: Callable[..., Any] | None = vorbis_window,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform coefficients back to frames and add them: the inverse of `tf.signal.mdct` where
    frames overlap.

    Args:
        mdcts: (..., frames, coefficients) float32 or float64.
        window_fn: that of the transform.
        norm: that of the transform.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or norm, or fewer than two axes.

    Example:
        >>> import gradtape as tf
        >>> y = tf.signal.mdct(tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 4)
        >>> tf.signal.inverse_mdct(y).numpy().round(4)[2:4]
        array([3., 4.], dtype=float32)
    """
    function = "signal.inverse_mdct"
    y = _floats(mdcts, function, 2)
    half = y._shape[-1]
    if half % 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: mdcts is {brief(y)}; the last axis must be even, as that of "
            "mdct is."
        )
    result = dct(y, 4, norm=norm)
    if norm is None:
        result = multiply(result, Tensor(y._dtype.type(0.5 / larger(half, 1))))
    a, b = _split(result, 2)
    frames = concat(
        [b, negative(_reversed(b)), negative(_reversed(a)), negative(a)], len(y._shape) - 1
    )
    return overlap_and_add(_windowed(frames, window_fn, "signal.inverse_mdct"), half)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Any:
    """Return mel cepstra: the cosine transform of type 2 over the bins, scaled by 1 / sqrt(2 n) as
    HTK does.

    Args:
        log_mel_spectrograms: (..., n) float32 or float64.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or no bins.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.mfccs_from_log_mel_spectrograms(tf.constant([1.0, 1.0])).numpy().round(4)
        array([2., 0.], dtype=float32)
    """
    function = "signal.mfccs_from_log_mel_spectrograms"
    x = _floats(log_mel_spectrograms, function, 1)
    if x._shape[-1] == 0:
        raise InvalidArgumentError(f"gradtape.{function}: {brief(x)} has no mel bins.")
    return fourier.weighted(fourier.dct(x, 2), np.full((x._shape[-1],), (2 * x._shape[-1]) ** -0.5))


def linear_to_mel_weight_matrix(
    num_mel_bins: Any = 20,
    num_spectrogram_bins: Any = 129,
    sample_rate: Any = 8000,
    lower_edge_hertz: Any = 125.0,
    upper_edge_hertz: Any = 3800.0,
    dtype: Any = float32,
    name: str | None = None,
) -> Tensor:
    """Return the matrix of triangles, equally spaced on the mel scale 1127 log(1 + f / 700), as HTK
    has it.

    Args:
        num_mel_bins: columns.
        num_spectrogram_bins: rows, for frequencies from 0 to half the sample rate.
        sample_rate: samples a second.
        lower_edge_hertz: where the first triangle begins.
        upper_edge_hertz: where the last one ends.
        dtype: a floating-point type.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for counts that are not positive, or edges out of order or above half
            the sample rate.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.linear_to_mel_weight_matrix(2, 5).numpy().round(3)[:, 0]
        array([0.   , 0.721, 0.   , 0.   , 0.   ], dtype=float32)
    """
    function = "signal.linear_to_mel_weight_matrix"
    bins = positive(num_mel_bins, function, "num_mel_bins")
    rows = positive(num_spectrogram_bins, function, "num_spectrogram_bins")
    check_size((rows, bins), function, 8)
    rate, low, high = (
        static_float(v, function, n)
        for v, n in (
            (sample_rate, "sample_rate"),
            (lower_edge_hertz, "lower_edge_hertz"),
            (upper_edge_hertz, "upper_edge_hertz"),
        )
    )
    wanted = as_dtype(dtype).numpy_dtype
    if wanted.kind not in "fV" or not 0 <= low < high <= rate / 2 < math.inf:
        raise InvalidArgumentError(
            f"gradtape.{function}: needs a floating-point dtype and 0 <= lower_edge_hertz < "
            "upper_edge_hertz <= "
            f"sample_rate / 2, not {as_dtype(dtype).name}, {low}, {high} and {rate} / 2."
        )
    mel = 1127 * np.log1p(np.linspace(0, rate / 2, rows) / 700)[:, None]
    edges = np.linspace(1127 * np.log1p(low / 700), 1127 * np.log1p(high / 700), bins + 2)
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0  # HTK leaves out the constant part
    return Tensor(weights.astype(wanted))
