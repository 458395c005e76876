"""`tf.signal`: public names, re-exports only."""

from gradtape.api.left_out import refusing as _refusing
from gradtape.ops.signal_cosine import dct as dct
from gradtape.ops.signal_cosine import idct as idct
from gradtape.ops.signal_cosine import inverse_mdct as inverse_mdct
from gradtape.ops.signal_cosine import linear_to_mel_weight_matrix as linear_to_mel_weight_matrix
from gradtape.ops.signal_cosine import mdct as mdct
from gradtape.ops.signal_cosine import (
    mfccs_from_log_mel_spectrograms as mfccs_from_log_mel_spectrograms,
)
from gradtape.ops.signal_fft import fft as fft
from gradtape.ops.signal_fft import fft2d as fft2d
from gradtape.ops.signal_fft import fft3d as fft3d
from gradtape.ops.signal_fft import fftnd as fftnd
from gradtape.ops.signal_fft import fftshift as fftshift
from gradtape.ops.signal_fft import ifft as ifft
from gradtape.ops.signal_fft import ifft2d as ifft2d
from gradtape.ops.signal_fft import ifft3d as ifft3d
from gradtape.ops.signal_fft import ifftnd as ifftnd
from gradtape.ops.signal_fft import ifftshift as ifftshift
from gradtape.ops.signal_fft import irfft as irfft
from gradtape.ops.signal_fft import irfft2d as irfft2d
from gradtape.ops.signal_fft import irfft3d as irfft3d
from gradtape.ops.signal_fft import irfftnd as irfftnd
from gradtape.ops.signal_fft import rfft as rfft
from gradtape.ops.signal_fft import rfft2d as rfft2d
from gradtape.ops.signal_fft import rfft3d as rfft3d
from gradtape.ops.signal_fft import rfftnd as rfftnd
from gradtape.ops.signal_frames import frame as frame
from gradtape.ops.signal_frames import inverse_stft as inverse_stft
from gradtape.ops.signal_frames import inverse_stft_window_fn as inverse_stft_window_fn
from gradtape.ops.signal_frames import overlap_and_add as overlap_and_add
from gradtape.ops.signal_frames import stft as stft
from gradtape.ops.signal_windows import hamming_window as hamming_window
from gradtape.ops.signal_windows import hann_window as hann_window
from gradtape.ops.signal_windows import kaiser_bessel_derived_window as kaiser_bessel_derived_window
from gradtape.ops.signal_windows import kaiser_window as kaiser_window
from gradtape.ops.signal_windows import vorbis_window as vorbis_window

__getattr__ = _refusing("tf.signal")
