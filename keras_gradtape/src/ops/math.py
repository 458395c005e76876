"""Keras's functions of mathematics: segments, Fourier transforms, error functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common import standardize_dtype

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.numpy_reductions import histogram as histogram
from keras_gradtape.src.ops.promoting import floating, pair


def _segments(data: Any, segment_ids: Any, num_segments: Any, reduce: Any) -> tuple[Any, Any]:
    """What segments are reduced to, and the numbers of segments; -1 and the like belong to none."""
    data, ids = convert_to_tensor(data), convert_to_tensor(segment_ids, "int32")
    if num_segments is None:
        num_segments = int(tf.reduce_max(ids)) + 1
    inside = tf.logical_and(ids >= 0, ids < num_segments)
    ids = tf.where(inside, ids, num_segments)  # one more for what belongs to none
    return reduce(data, ids, num_segments + 1)[:num_segments], ids


def _extreme_of_segments(
    data: Any, segment_ids: Any, num_segments: Any, reduce: Any, none: float
) -> Any:
    """The largest or smallest elements; in the place of none an infinity, if there is one."""
    found, ids = _segments(data, segment_ids, num_segments, reduce)
    if not found.dtype.is_floating:
        return found
    count = int(found.shape[0])
    sizes = tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, count + 1)[:count]
    empty = tf.reshape(tf.equal(sizes, 0), [count] + [1] * (len(found._shape) - 1))
    return tf.where(empty, tf.cast(none, found.dtype), found)


def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The sums of segments."""
    return _segments(data, segment_ids, num_segments, tf.math.unsorted_segment_sum)[0]


def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The largest elements of segments."""
    reduce = tf.math.unsorted_segment_max
    return _extreme_of_segments(data, segment_ids, num_segments, reduce, -np.inf)


def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    """The smallest elements of segments."""
    reduce = tf.math.unsorted_segment_min
    return _extreme_of_segments(data, segment_ids, num_segments, reduce, np.inf)


def segment_prod(
    data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False
) -> Any:
    """The products of segments."""
    return _segments(data, segment_ids, num_segments, tf.math.unsorted_segment_prod)[0]


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest elements along the last axis, and their positions."""
    found = tf.math.top_k(convert_to_tensor(x), k, sorted)
    return found.values, found.indices


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether a class is among the k likeliest ones."""
    targets, predictions = convert_to_tensor(targets, "int32"), convert_to_tensor(predictions)
    chosen = tf.gather(predictions, targets[:, None], axis=1, batch_dims=1)
    kth = tf.math.top_k(predictions, k).values[:, -1:]
    return tf.squeeze(chosen >= kth, -1)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The logarithm of the sum of exponentials."""
    axis = list(axis) if isinstance(axis, (list, tuple)) else axis
    return tf.reduce_logsumexp(floating(x), axis, keepdims)


def cdist(x: Any, y: Any) -> Any:
    """The distances of points."""
    x, y = floating(x), floating(y)
    away = x[..., :, None, :] - y[..., None, :, :]
    return tf.norm(away, axis=-1)


def rsqrt(x: Any) -> Any:
    """The reciprocal of the square root."""
    return tf.math.rsqrt(floating(x))


def erf(x: Any) -> Any:
    """The error function."""
    return tf.math.erf(floating(x))


def erfc(x: Any) -> Any:
    """1 less the error function."""
    return tf.math.erfc(floating(x))


def lgamma(x: Any) -> Any:
    """The logarithm of the absolute value of the gamma function."""
    return tf.math.lgamma(floating(x))


def gammainc(x1: Any, x2: Any) -> Any:
    """The regularised lower incomplete gamma function P(x1, x2)."""
    return tf.math.igamma(*pair(x1, x2, float))


def erfinv(x: Any) -> Any:
    """The inverse of the error function."""
    return tf.math.erfinv(floating(x))


def logdet(x: Any) -> Any:
    """The logarithm of the determinant of a positive definite matrix."""
    return tf.linalg.slogdet(convert_to_tensor(x))[1]


# Fourier transforms: complex numbers are pairs of real ones


def _get_complex_tensor_from_tuple(x: Any) -> Any:  # Keras calls it by this name
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x}"
        )
    real, imag = (convert_to_tensor(part) for part in x)
    if tuple(real.shape) != tuple(imag.shape):
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary."
            "Both the real and imaginary parts should have the same shape. "
            f"Received: x[0].shape = {tuple(real.shape)}, x[1].shape = {tuple(imag.shape)}"
        )
    if not (real.dtype.is_floating and imag.dtype.is_floating):
        raise ValueError(f"At least one tensor in input `x` is not of type float.Received: x={x}.")
    return tf.complex(real, imag)


def _parts(z: Any) -> tuple[Any, Any]:
    return tf.math.real(z), tf.math.imag(z)


def fft(x: Any) -> Any:
    """The Fourier transform along the last axis."""
    return _parts(tf.signal.fft(_get_complex_tensor_from_tuple(x)))


def fft2(x: Any) -> Any:
    """The Fourier transform along the last two axes."""
    return _parts(tf.signal.fft2d(_get_complex_tensor_from_tuple(x)))


def ifft2(x: Any) -> Any:
    """The inverse Fourier transform along the last two axes."""
    return _parts(tf.signal.ifft2d(_get_complex_tensor_from_tuple(x)))


def rfft(x: Any, fft_length: int | None = None) -> Any:
    """The Fourier transform of real numbers."""
    length = None if fft_length is None else [fft_length]
    return _parts(tf.signal.rfft(convert_to_tensor(x), length))


def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`."""
    return tf.signal.irfft(
        _get_complex_tensor_from_tuple(x), None if fft_length is None else [fft_length]
    )


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Overlapping parts of the last axis."""
    x = convert_to_tensor(x)
    count = (int(x.shape[-1]) - sequence_length) // sequence_stride + 1
    places = np.arange(count)[:, None] * sequence_stride + np.arange(sequence_length)[None, :]
    return tf.gather(x, tf.constant(places, tf.int32), axis=-1)


WINDOWS = {"hann": tf.signal.hann_window, "hamming": tf.signal.hamming_window}


def _window(window: Any, length: int, fft_length: int, dtype: str) -> Any:
    """A window in the middle of a frame."""
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(
                "If a string is passed to `window`, it must be one of `'hann'`, `'hamming'`."
                f" Received: window={window}"
            )
        window = WINDOWS[window](length, periodic=True, dtype=dtype)
    window = convert_to_tensor(np.ones(length) if window is None else window, dtype)
    if len(window._shape) != 1 or int(window.shape[-1]) != length:
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]."
            f"Received: window shape={tuple(window.shape)}"
        )
    left = (fft_length - length) // 2
    return tf.pad(window, [[left, fft_length - length - left]])


def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The Fourier transforms of overlapping frames."""
    x = convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise TypeError(
            f"Invalid input type. Expected `float32` or `float64`. Received: {x.dtype.name}"
        )
    _check_lengths(sequence_length, sequence_stride, fft_length)
    if center:
        widths = [[0, 0]] * (len(x._shape) - 1) + [[fft_length // 2, fft_length // 2]]
        x = tf.pad(x, widths, "REFLECT")
    frames = extract_sequences(x, fft_length, sequence_stride)
    frames = frames * _window(window, sequence_length, fft_length, standardize_dtype(x.dtype))
    return _parts(tf.signal.rfft(frames, [fft_length]))


def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: frames added up where they overlap, each under the window over the
    sum of the squares of all windows that cover a place (Griffin and Lim 1984); without a window
    they are only added up."""
    frames = irfft(x, fft_length)
    whole = fft_length + sequence_stride * (int(frames.shape[-2]) - 1)
    if window is not None:
        shaped = _window(window, sequence_length, fft_length, standardize_dtype(frames.dtype))
        frames = frames * tf.math.divide_no_nan(
            shaped, _covering(tf.square(shaped), sequence_stride)
        )
    found = tf.signal.overlap_and_add(frames, sequence_stride)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else whole - start
    found = found[..., start : min(end, whole)]
    missing = 0 if length is None else length - int(found.shape[-1])
    if missing > 0:
        found = tf.pad(found, [[0, 0]] * (len(found._shape) - 1) + [[0, missing]])
    return found


def _covering(squares: Any, stride: int) -> Any:
    """The sum, at each place of a frame, over all frames that cover it."""
    length = int(squares.shape[0])
    count = -(-length // stride)
    parts = tf.reshape(tf.pad(squares, [[0, count * stride - length]]), (count, stride))
    return tf.tile(tf.reduce_sum(parts, 0), [count])[:length]


def _check_lengths(sequence_length: int, sequence_stride: int, fft_length: int) -> None:
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. Received:"
            f" sequence_length={sequence_length}, fft_length={fft_length}"
        )
