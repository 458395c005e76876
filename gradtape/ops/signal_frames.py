"""Signals in frames: cutting, adding together, and the short-time Fourier transform of
`tf.signal`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dtypes import float32
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops import fourier, signal_fft
from gradtape.ops.assembly import concat
from gradtape.ops.basis import broadcast_to, multiply, transpose
from gradtape.ops.signal_windows import hann_window
from gradtape.ops.static import callable_or_raise, check_size, static_axis, static_int


def positive(value: Any, function: str, argument: str) -> int:
    """A positive integer argument."""
    n = static_int(value, function, argument)
    if n < 1:
        raise InvalidArgumentError(f"gradtape.{function}: {argument} must be positive, not {n}.")
    return n


def frame(
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: bool = False,
    pad_value: Any = 0,
    axis: Any = -1,
    name: str | None = None,
) -> Any:
    """Cut an axis into frames that may overlap: the axis becomes two, frames and elements.

    Args:
        signal: (..., n, ...) any dtype.
        frame_length: a positive integer.
        frame_step: a positive integer, from one frame's begin to the next.
        pad_end: whether every place n // frame_step begins a frame, the last ones filled with
            `pad_value`.
        pad_value: a number of the signal's dtype.
        axis: the axis to cut.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a length or step that is not positive, or an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.frame(tf.constant([1, 2, 3, 4, 5]), 3, 2).numpy()
        array([[1, 2, 3],
               [3, 4, 5]], dtype=int32)
    """
    function = "signal.frame"
    x = as_tensor(signal, function)
    rank = len(x._shape)
    length = positive(frame_length, function, "frame_length")
    step = positive(frame_step, function, "frame_step")
    place = static_axis(axis, rank, function)
    x = transpose(x, (*[i for i in range(rank) if i != place], place))
    if pad_end:
        x = _lengthened(x, length, step, pad_value, function)
    out = fourier.frames(x, length, step)
    return transpose(out, (*range(place), rank - 1, rank, *range(place, rank - 1)))


def _lengthened(x: Any, length: int, step: int, pad_value: Any, function: str) -> Any:
    """x with values behind the last axis, so that a frame begins at every step."""
    n = x._shape[-1]
    more = length + step * (-(-n // step) - 1) - n
    check_size((*x._shape[:-1], n + max(more, 0)), function, x._dtype.itemsize)
    if more <= 0:
        return x
    value = as_tensor_like(pad_value, x._dtype, function)
    if value._dtype != x._dtype or value._shape:
        raise InvalidArgumentError(
            f"gradtape.{function}: pad_value is {brief(value)} but must be one {x.dtype.name}."
        )
    return concat([x, broadcast_to(value, (*x._shape[:-1], more))], len(x._shape) - 1)


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Any:
    """Add frames to a signal, each `frame_step` after the one before: the transpose of
    `tf.signal.frame`.

    Args:
        signal: (..., frames, frame_length) numbers.
        frame_step: a positive integer.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for fewer than two axes or a step that is not positive.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.overlap_and_add(tf.constant([[1, 2, 3], [10, 20, 30]]), 2).numpy()
        array([ 1,  2, 13, 20, 30], dtype=int32)
    """
    function = "signal.overlap_and_add"
    x = as_tensor(signal, function)
    if len(x._shape) < 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: signal is {brief(x)} but needs at least two axes, frames and "
            "elements. Write tf.expand_dims(x, 0) for a single frame."
        )
    step = positive(frame_step, function, "frame_step")
    count, length = x._shape[-2:]
    size = max(0, length + step * (count - 1))
    check_size((*x._shape[:-2], size), function, x._dtype.itemsize)
    return fourier.overlap(x, step, size)


def _power_of_two(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def stft(
    signals: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable[..., Any] | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Any:
    """Transform frames of a signal: `tf.signal.rfft` of the frames times a window.

    Args:
        signals: (..., n) float32 or float64.
        frame_length: a positive integer.
        frame_step: a positive integer.
        fft_length: the length of the transform, by default the power of two that holds a frame.
        window_fn: called with the frame's length and dtype; None for no window.
        pad_end: whether the end is filled with zeros.
        name: ignored, for compatibility.

    Returns:
        (..., frames, fft_length // 2 + 1) complex64 or complex128.

    Raises:
        InvalidArgumentError: for another dtype, or a length or step that is not positive.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        >>> tf.signal.stft(x, 4, 2, window_fn=None).numpy().real
        array([[10., -2., -2.],
               [18., -2., -2.]], dtype=float32)
    """
    function = "signal.stft"
    x = as_tensor(signals, function)
    length = positive(frame_length, function, "frame_length")
    size = (
        _power_of_two(length)
        if fft_length is None
        else positive(fft_length, function, "fft_length")
    )
    framed = frame(x, length, frame_step, pad_end)
    if window_fn is not None:
        window = callable_or_raise(window_fn, function, "window_fn")
        framed = multiply(framed, window(length, dtype=framed.dtype))
    return signal_fft.rfft(framed, [size])


def inverse_stft(
    stfts: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable[..., Any] | None = hann_window,
    name: str | None = None,
) -> Any:
    """Transform frames back and add them: the inverse of `tf.signal.stft` for fitting windows.

    Args:
        stfts: (..., frames, fft_length // 2 + 1) complex64 or complex128.
        frame_length: a positive integer.
        frame_step: a positive integer.
        fft_length: the length of the transform, by default the power of two that holds a frame.
        window_fn: see `tf.signal.inverse_stft_window_fn` for the one that inverts exactly.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a real tensor, fewer than two axes, or a length that is not
            positive.

    Example:
        >>> import gradtape as tf
        >>> y = tf.signal.stft(tf.constant([1.0, 2.0, 3.0, 4.0]), 2, 2, window_fn=None)
        >>> tf.signal.inverse_stft(y, 2, 2, window_fn=None).numpy()
        array([1., 2., 3., 4.], dtype=float32)
    """
    function = "signal.inverse_stft"
    length = positive(frame_length, function, "frame_length")
    size = (
        _power_of_two(length)
        if fft_length is None
        else positive(fft_length, function, "fft_length")
    )
    frames = signal_fft.irfft(as_tensor(stfts, function), [size])
    frames = fourier.resized(frames, length, len(frames._shape) - 1)
    if window_fn is not None:
        window = callable_or_raise(window_fn, function, "window_fn")
        frames = multiply(frames, window(length, dtype=frames.dtype))
    return overlap_and_add(frames, frame_step)


def inverse_stft_window_fn(
    frame_step: Any,
    forward_window_fn: Callable[..., Any] = hann_window,
    name: str | None = None,
) -> Callable[..., Any]:
    """Make the window with which `tf.signal.inverse_stft` inverts `tf.signal.stft`.

    It is w / sum over frames of w^2 at each element (Griffin and Lim, 1984, equation 7), and 0
    where that is 0 / 0.

    Args:
        frame_step: a positive integer.
        forward_window_fn: the window of the transform.
        name: ignored, for compatibility.

    Returns:
        A function of the frame's length and a dtype.

    Raises:
        InvalidArgumentError: for a step that is not positive.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.inverse_stft_window_fn(2)(4, dtype=tf.float32).numpy()
        array([0., 1., 1., 1.], dtype=float32)
    """
    function = "signal.inverse_stft_window_fn"
    step = positive(frame_step, function, "frame_step")
    callable_or_raise(forward_window_fn, function, "forward_window_fn")

    def window(frame_length: Any, dtype: Any = float32) -> Tensor:
        length = positive(frame_length, function, "frame_length")
        forward = np.asarray(forward_window_fn(length, dtype=dtype))
        squares = np.zeros(-(-length // step) * step)
        squares[:length] = forward.astype(np.float64) ** 2
        sums = np.tile(squares.reshape(-1, step).sum(0), len(squares) // step)[:length]
        inverse = np.divide(forward, sums, out=np.zeros(length), where=sums != 0)
        return Tensor(inverse.astype(forward.dtype))

    return window
