"""Keras's tools for datasets, on datasets of ours."""

from __future__ import annotations

import numpy as np

import gradtape as tf
from gradtape import keras


def test_windows_of_a_series() -> None:
    """Windows of three at every second number, with the number behind as target."""
    series = np.arange(8, dtype=np.float32)
    windows = keras.utils.timeseries_dataset_from_array(
        series, series[3:], sequence_length=3, sequence_stride=2, batch_size=2
    )
    assert isinstance(windows, tf.data.Dataset)
    assert [(x.numpy().tolist(), y.numpy().tolist()) for x, y in windows] == [
        ([[0, 1, 2], [2, 3, 4]], [3, 5]),
        ([[4, 5, 6]], [7]),
    ]


def test_layers_adapt_to_a_dataset() -> None:
    """Statistics over all batches are those of the whole array."""
    x = np.random.default_rng(0).normal(3.0, 2.0, (40, 3)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices(x).batch(7)
    scaled = keras.layers.Normalization()
    scaled.adapt(batches)
    np.testing.assert_allclose(np.asarray(scaled.mean)[0], x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(scaled.variance)[0], x.var(0), rtol=1e-5)
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(tf.data.Dataset.from_tensor_slices(np.arange(100.0)).batch(30))
    np.testing.assert_allclose(bins.bin_boundaries, [25, 50, 75], atol=1.5)


def test_a_dataset_is_split() -> None:
    """Six to four; both parts are datasets."""
    left, right = keras.utils.split_dataset(tf.data.Dataset.range(10), 0.6)
    assert isinstance(left, tf.data.Dataset)
    assert [int(n) for n in left] == [0, 1, 2, 3, 4, 5]
    assert [int(n) for n in right] == [6, 7, 8, 9]
