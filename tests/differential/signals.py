"""Fourier and cosine transforms, frames, windows, spectra."""

from __future__ import annotations

from tests.differential.topic import Topic, calls, spread

WINDOWS = "hann_window hamming_window vorbis_window kaiser_window kaiser_bessel_derived_window"

TOPICS = [
    Topic(
        "signal",
        {
            "x": spread(2, 8),
            "y": spread(2, 4, 6, seed=1),
            "v": spread(3, 2, 4, 4, seed=2),
            "o": spread(7, seed=3),
            "z": spread(2, 8) + 1j * spread(2, 8, seed=4),
            "q": spread(2, 3, 4) + 1j * spread(2, 3, 4, seed=5),
            "s": spread(40, seed=6),
        },
        [
            *calls("fft ifft", "z", "tf.signal"),
            *calls("fft2d ifft2d fft3d ifft3d", "q", "tf.signal"),
            *calls("rfft", "x", "tf.signal"),
            *calls("rfft", "o", "tf.signal"),
            *calls("rfft", "x, [6]", "tf.signal"),
            *calls("rfft", "x, fft_length=[11]", "tf.signal"),
            *calls("irfft", "z", "tf.signal"),
            *calls("irfft", "z, [13]", "tf.signal"),
            *calls("irfft", "z, [6]", "tf.signal"),
            *calls("rfft2d rfft3d", "v", "tf.signal"),
            *calls("rfft2d", "y, [3, 8]", "tf.signal"),
            *calls("irfft2d irfft3d", "q", "tf.signal"),
            *calls("irfft2d", "q, [3, 5]", "tf.signal"),
            *calls("fftshift ifftshift", "x", "tf.signal"),
            *calls("fftshift ifftshift", "y, axes=[1]", "tf.signal"),
            "tf.abs(tf.signal.rfft(x)) ** 2",
            *[
                f"tf.signal.dct(x, type={t}{n})"
                for t in (1, 2, 3, 4)
                for n in ("", ", norm='ortho'")
                if (t, n) != (1, ", norm='ortho'")
            ],
            *[
                f"tf.signal.idct(x, type={t}{n})"
                for t in (1, 2, 3, 4)
                for n in ("", ", norm='ortho'")
                if (t, n) != (1, ", norm='ortho'")
            ],
            "tf.signal.dct(x, n=5)",
            "tf.signal.dct(x, n=12)",
            "tf.signal.dct(x, type=1, norm='ortho')",
            "tf.signal.dct(x, type=5)",
            "tf.signal.frame(x, 3, 2)",
            "tf.signal.frame(s, 7, 5, pad_end=True, pad_value=2)",
            "tf.signal.frame(y, 2, 1, axis=1)",
            "tf.signal.frame(x, 9, 2)",
            "tf.signal.overlap_and_add(y, 3)",
            "tf.signal.overlap_and_add(y, 7)",
            "tf.signal.stft(s, 8, 4)",
            "tf.signal.stft(s, 7, 3, fft_length=16, pad_end=True)",
            "tf.signal.stft(s, 8, 4, window_fn=None)",
            "tf.signal.stft(s, 8, 4, window_fn=tf.signal.hamming_window)",
            "tf.signal.inverse_stft(tf.signal.stft(s, 8, 4), 8, 4)",
            "tf.signal.inverse_stft(tf.signal.stft(s, 8, 4), 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4))",
            "tf.signal.inverse_stft_window_fn(4)(8, dtype=tf.float32)",
            "tf.signal.mdct(s, 8)",
            "tf.signal.mdct(s, 8, pad_end=True, norm='ortho')",
            "tf.signal.inverse_mdct(tf.signal.mdct(s, 8))",
            "tf.signal.inverse_mdct(tf.signal.mdct(s, 8, norm='ortho'), norm='ortho')",
            "tf.signal.linear_to_mel_weight_matrix(5, 17, 8000, 100.0, 3000.0)",
            "tf.signal.linear_to_mel_weight_matrix()",
            "tf.signal.mfccs_from_log_mel_spectrograms(y)",
            *calls(WINDOWS, "8", "tf.signal"),
            *calls("hann_window hamming_window vorbis_window kaiser_window", "7", "tf.signal"),
            *calls("hann_window hamming_window", "7, periodic=False", "tf.signal"),
            *calls("hann_window hamming_window vorbis_window kaiser_window", "1", "tf.signal"),
            "tf.signal.kaiser_window(9, beta=5.0, dtype=tf.float64)",
            "tf.signal.hann_window(8, dtype=tf.float16)",
            "tf.signal.fft(x)",
            "tf.signal.rfft(z)",
            "tf.signal.rfft(x, [3, 4])",
            "tf.signal.fft2d(z[0])",
            "tf.signal.irfft(x)",
        ],
        dtypes=("float32", "float64"),
        slack=20.0,
    ),
]
