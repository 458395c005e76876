"""Signals against NumPy and SciPy: Fourier and cosine transforms, frames, windows, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def complex_draw(*shape: int) -> Any:
    return draw(*shape) + 1j * draw(*shape, seed=1)


def close(have: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(have), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fourier_transforms_of_the_last_axes(count: int) -> None:
    z, axes = complex_draw(2, 3, 4, 5), tuple(range(-count, 0))
    suffix = "" if count == 1 else f"{count}d"
    close(getattr(tf.signal, f"fft{suffix}")(z), np.fft.fftn(z, axes=axes))
    close(getattr(tf.signal, f"ifft{suffix}")(z), np.fft.ifftn(z, axes=axes))
    x = draw(2, 3, 4, 5)
    for sizes in (None, [4] * count, [7] * count, [3, 6, 5][:count]):
        close(getattr(tf.signal, f"rfft{suffix}")(x, sizes), np.fft.rfftn(x, sizes, axes))
        close(getattr(tf.signal, f"irfft{suffix}")(z, sizes), np.fft.irfftn(z, sizes, axes))


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
def test_transforms_over_any_axes(norm: Any) -> None:
    z, x = complex_draw(3, 4, 5), draw(3, 4, 5)
    for sizes, axes in ((None, None), (None, (2, 0)), ((4, 2), (0, 2)), ((3, 6), None)):
        close(
            tf.signal.fftnd(z, sizes, axes, norm),
            np.fft.fftn(z, sizes, axes or (-2, -1) if sizes else axes, norm),
        )
        at = axes or (tuple(range(-2, 0)) if sizes else None)
        close(tf.signal.ifftnd(z, sizes, axes, norm), np.fft.ifftn(z, sizes, at, norm))
        close(tf.signal.rfftnd(x, sizes, axes, norm), np.fft.rfftn(x, sizes, at, norm))
        close(tf.signal.irfftnd(z, sizes, axes, norm), np.fft.irfftn(z, sizes, at, norm))


def test_precision_follows_the_input() -> None:
    assert tf.signal.fft(tf.ones((4,), tf.complex64)).dtype is tf.complex64
    assert tf.signal.rfft(tf.ones((4,))).dtype is tf.complex64
    assert tf.signal.irfft(tf.ones((3,), tf.complex64)).dtype is tf.float32
    assert tf.signal.rfft(tf.ones((4,), tf.float64)).dtype is tf.complex128
    assert tf.signal.rfft([1, 2, 3]).dtype is tf.complex64
    assert tf.signal.fft(np.ones(4)).dtype is tf.complex128


def test_gradient_of_the_power_spectrum() -> None:
    """Parseval: the sum of |fft(x)|^2 is n times the sum of x^2, so that its gradient is 2 n x."""
    for n in (5, 6):
        x = tf.constant(draw(n))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.abs(tf.signal.fft(tf.cast(x, tf.complex128))) ** 2)
        close(tape.gradient(y, x), 2 * n * x.numpy())


def test_real_transform_of_an_empty_and_a_single_signal() -> None:
    assert tf.signal.rfft(tf.zeros((0, 4))).shape == (0, 3)
    assert tf.signal.irfft(tf.zeros((0, 3), tf.complex64)).shape == (0, 4)
    assert tf.signal.fft(tf.zeros((4, 0), tf.complex64)).shape == (4, 0)
    close(tf.signal.rfft(np.array([3.0])), [3.0])


@pytest.mark.parametrize("axes", [None, 0, [0, -1], [1]])
def test_shifts(axes: Any) -> None:
    x = draw(3, 4, 5)
    np.testing.assert_array_equal(tf.signal.fftshift(x, axes), np.fft.fftshift(x, axes))
    np.testing.assert_array_equal(tf.signal.ifftshift(x, axes), np.fft.ifftshift(x, axes))


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("axis", [-1, 0])
def test_cosine_transforms(kind: int, axis: int) -> None:
    x = draw(5, 6)
    back = {1: 1, 2: 3, 3: 2, 4: 4}[kind]
    for n in (None, 3, 9):
        close(tf.signal.dct(x, kind, n, axis), scipy.fft.dct(x, kind, n, axis))
        close(tf.signal.idct(x, kind, n, axis), scipy.fft.dct(x, back, n, axis))
    if kind > 1:
        close(
            tf.signal.dct(x, kind, axis=axis, norm="ortho"),
            scipy.fft.dct(x, kind, axis=axis, norm="ortho"),
        )
        close(tf.signal.idct(tf.signal.dct(x, kind, norm="ortho"), kind, norm="ortho"), x)


def test_frames_of_any_axis() -> None:
    x = draw(2, 9, 3)
    out = tf.signal.frame(x, 4, 2, axis=1).numpy()
    assert out.shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(out[:, 1], x[:, 2:6])
    padded = tf.signal.frame(tf.range(5), 3, 2, pad_end=True, pad_value=-1).numpy()
    np.testing.assert_array_equal(padded, [[0, 1, 2], [2, 3, 4], [4, -1, -1]])
    assert tf.signal.frame(x, 20, 1, axis=1).shape == (2, 0, 20, 3)


def test_overlap_and_add_undoes_frames_up_to_their_number() -> None:
    x = draw(2, 12)
    count = tf.signal.overlap_and_add(tf.signal.frame(np.ones(12), 4, 2), 2).numpy()
    close(tf.signal.overlap_and_add(tf.signal.frame(x, 4, 2), 2), x * count)
    assert tf.signal.overlap_and_add(tf.zeros((0, 5)), 2).shape == (3,)


def test_short_time_transform_against_scipy_and_back() -> None:
    x = draw(3, 64)
    y = tf.signal.stft(x, 16, 8, window_fn=None).numpy()
    frames = np.lib.stride_tricks.sliding_window_view(x, 16, axis=1)[:, ::8]
    close(y, np.fft.rfft(frames))
    assert tf.signal.stft(x, 10, 4).shape == (3, 14, 9)  # 10 is held by 16
    y = tf.signal.stft(x, 16, 4)
    back = tf.signal.inverse_stft(y, 16, 4, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(back.numpy()[:, 12:-12], x[:, 12:-12], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", [None, "ortho"])
@pytest.mark.parametrize("name", ["vorbis_window", "kaiser_bessel_derived_window"])
def test_lapped_transform_and_back(norm: Any, name: str) -> None:
    x, window = draw(2, 40), getattr(tf.signal, name)
    y = tf.signal.mdct(x, 8, window, norm=norm)
    assert y.shape == (2, 9, 4)
    back = tf.signal.inverse_mdct(y, window, norm).numpy()
    np.testing.assert_allclose(back[:, 4:-4], x[:, 4:-4], rtol=1e-9, atol=1e-9)


def test_windows_against_scipy() -> None:
    get = scipy.signal.get_window
    for n in (1, 2, 8):
        close(tf.signal.hann_window(n, dtype=tf.float64), get("hann", n))
        close(tf.signal.hamming_window(n, dtype=tf.float64), get("hamming", n))
        close(tf.signal.hann_window(n, False, tf.float64), get("hann", n, False))
        close(tf.signal.kaiser_window(n, 5.0, tf.float64), get(("kaiser", 5.0), n, False))
    close(
        tf.signal.kaiser_bessel_derived_window(8, 4 * np.pi, tf.float64),
        get(("kaiser_bessel_derived", 4 * np.pi), 8, False),
    )
    close(
        tf.signal.hann_window(5, dtype=tf.float64), get("hann", 5, False)
    )  # odd: TensorFlow's symmetric one
    assert tf.signal.hann_window(0).shape == (0,)
    assert tf.signal.vorbis_window(4, tf.float16).dtype is tf.float16


def test_vorbis_window_meets_the_condition_of_perfect_reconstruction() -> None:
    w = tf.signal.vorbis_window(12, tf.float64).numpy()
    np.testing.assert_allclose(w[:6] ** 2 + w[6:] ** 2, np.ones(6))


def test_mel_weights_are_triangles_on_the_mel_scale() -> None:
    weights = tf.signal.linear_to_mel_weight_matrix(
        20, 513, 16000, 80.0, 7600.0, tf.float64
    ).numpy()
    assert weights.shape == (513, 20)
    assert weights.min() == 0
    assert weights.max() <= 1
    mel = 1127 * np.log1p(np.linspace(0, 8000, 513) / 700)
    centres = np.linspace(1127 * np.log1p(80 / 700), 1127 * np.log1p(7600 / 700), 22)[1:-1]
    nearest = np.abs(mel[:, None] - centres).argmin(0)
    assert np.abs(weights.argmax(0) - nearest).max() <= 1


def test_cepstra_are_scaled_cosine_transforms() -> None:
    x = draw(2, 13)
    close(tf.signal.mfccs_from_log_mel_spectrograms(x), scipy.fft.dct(x, 2) / np.sqrt(26))


def test_second_derivative_through_a_spectrogram() -> None:
    x, v = tf.constant(draw(32)), draw(32, seed=3)

    def energy(x: Any) -> Any:
        return tf.reduce_sum(tf.abs(tf.signal.stft(x, 8, 4, window_fn=None)) ** 2)

    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = energy(x)
        slope = tf.reduce_sum(inner.gradient(y, x) * tf.constant(v))
    second = outer.gradient(slope, x).numpy()
    assert float(second @ v) == pytest.approx(2 * float(energy(tf.constant(v))), rel=1e-9)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: tf.signal.fft(tf.ones((4,))), InvalidArgumentError, ["signal.fft", "tf.cast", "rfft"]),
        (lambda: tf.signal.fft(1j), InvalidArgumentError, ["signal.fft", "1 axes"]),
        (lambda: tf.signal.fft2d(np.ones(3, complex)), InvalidArgumentError, ["signal.fft2d", "2 axes"]),
        (lambda: tf.signal.rfft(tf.ones((4,), tf.complex64)), InvalidArgumentError, ["signal.rfft", "tf.signal.fft"]),
        (lambda: tf.signal.rfft(tf.ones((4,), tf.int32)), InvalidArgumentError, ["signal.rfft", "tf.cast"]),
        (lambda: tf.signal.rfft(np.ones(4), [0]), InvalidArgumentError, ["signal.rfft", "fft_length", "positive"]),
        (lambda: tf.signal.rfft(np.ones(4), [2, 2]), InvalidArgumentError, ["signal.rfft", "1 positive"]),
        (lambda: tf.signal.rfft(np.ones(4), [2.5]), TypeError, ["signal.rfft", "fft_length"]),
        (lambda: tf.signal.rfft(np.ones(4), [2**50]), MemoryError, ["signal.rfft"]),
        (lambda: tf.signal.irfft(tf.ones((4,))), InvalidArgumentError, ["signal.irfft", "complex"]),
        (lambda: tf.signal.fftnd(np.ones(3, complex), axes=[1]), InvalidArgumentError, ["signal.fftnd", "axis 1"]),
        (lambda: tf.signal.fftnd(np.ones(3, complex), norm="unit"), InvalidArgumentError, ["signal.fftnd", "'ortho'"]),
        (lambda: tf.signal.fftshift(np.ones(3), 2), InvalidArgumentError, ["signal.fftshift", "axis 2"]),
        (lambda: tf.signal.dct([1.0, 2.0], 5), InvalidArgumentError, ["signal.dct", "type"]),
        (lambda: tf.signal.dct([1.0], 1), InvalidArgumentError, ["signal.dct", "two elements"]),
        (lambda: tf.signal.dct([1.0, 2.0], 1, norm="ortho"), InvalidArgumentError, ["signal.dct", "norm"]),
        (lambda: tf.signal.dct([1.0, 2.0], norm="forward"), InvalidArgumentError, ["signal.dct", "'ortho'"]),
        (lambda: tf.signal.dct([1, 2]), InvalidArgumentError, ["signal.dct", "tf.cast"]),
        (lambda: tf.signal.dct([1.0, 2.0], n=0), InvalidArgumentError, ["signal.dct", "n must be positive"]),
        (lambda: tf.signal.frame([1.0], 0, 1), InvalidArgumentError, ["signal.frame", "frame_length"]),
        (lambda: tf.signal.frame([1.0], 1, 0), InvalidArgumentError, ["signal.frame", "frame_step"]),
        (lambda: tf.signal.frame([1.0], 1, 1, axis=1), InvalidArgumentError, ["signal.frame", "axis 1"]),
        (lambda: tf.signal.frame([1.0], 2**60, 1, pad_end=True), MemoryError, ["signal.frame"]),
        (lambda: tf.signal.frame([1.0], 3, 1, pad_end=True, pad_value=[1.0]), InvalidArgumentError, ["signal.frame", "pad_value"]),
        (lambda: tf.signal.overlap_and_add([1.0], 1), InvalidArgumentError, ["signal.overlap_and_add", "two axes"]),
        (lambda: tf.signal.overlap_and_add([[1.0]], 0.5), TypeError, ["signal.overlap_and_add", "frame_step"]),
        (lambda: tf.signal.stft([1.0], 4, 1, 0), InvalidArgumentError, ["signal.stft", "fft_length"]),
        (lambda: tf.signal.mdct([1.0] * 8, 6), InvalidArgumentError, ["signal.mdct", "multiple of 4"]),
        (lambda: tf.signal.inverse_mdct([[1.0] * 3]), InvalidArgumentError, ["signal.inverse_mdct", "even"]),
        (lambda: tf.signal.hann_window(-1), InvalidArgumentError, ["signal.hann_window", "negative"]),
        (lambda: tf.signal.hann_window(4, dtype=tf.int32), InvalidArgumentError, ["signal.hann_window", "floating"]),
        (lambda: tf.signal.hann_window(4.5), TypeError, ["signal.hann_window", "integer"]),
        (lambda: tf.signal.kaiser_window(4, "wide"), TypeError, ["signal.kaiser_window", "beta"]),
        (lambda: tf.signal.linear_to_mel_weight_matrix(0), InvalidArgumentError, ["num_mel_bins"]),
        (lambda: tf.signal.linear_to_mel_weight_matrix(upper_edge_hertz=5000.0), InvalidArgumentError, ["sample_rate"]),
        (lambda: tf.signal.mfccs_from_log_mel_spectrograms(np.ones((2, 0))), InvalidArgumentError, ["no mel bins"]),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: Any, words: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
