"""Moments, normalisation, lookups and the confusion matrix: conventions and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import slope

nn = tf.nn
IMAGES = np.random.default_rng(0).standard_normal((2, 3, 3, 4))


def test_moments() -> None:
    mean, variance = nn.moments(tf.constant(IMAGES), [0, 1, 2], keepdims=True)
    np.testing.assert_allclose(mean.numpy(), IMAGES.mean((0, 1, 2), keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(variance.numpy(), IMAGES.var((0, 1, 2), keepdims=True), rtol=1e-12)


def test_moments_of_half_precision_do_not_overflow() -> None:
    mean, variance = nn.moments(tf.constant([100.0, -100.0] * 100, tf.float16), [0])
    assert (mean.dtype, variance.dtype) == (tf.float16, tf.float16)
    assert (float(mean), float(variance)) == (0, 10000)


def test_weighted_moments() -> None:
    x = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 9.0]])
    mean, variance = nn.weighted_moments(x, [0], [[1.0], [0.0], [3.0]])
    np.testing.assert_allclose(mean.numpy(), [4, 7.25])
    np.testing.assert_allclose(variance.numpy(), [3, 9.1875])
    mean, variance = nn.weighted_moments(x, [0], [[0.0]] * 3, keepdims=True)
    assert (mean.numpy().tolist(), variance.numpy().tolist()) == ([[0, 0]], [[0, 0]])


@pytest.mark.parametrize("shift", [None, 2.0])
def test_moments_from_sufficient_statistics(shift: Any) -> None:
    x = tf.constant([1.0, 2.0, 6.0], tf.float64)
    mean, variance = nn.normalize_moments(*nn.sufficient_statistics(x, [0], shift))
    assert float(mean) == pytest.approx(3)
    assert float(variance) == pytest.approx(14 / 3)


def test_batch_normalisation() -> None:
    mean, variance = IMAGES.mean((0, 1, 2)), IMAGES.var((0, 1, 2))
    wanted = (IMAGES - mean) / np.sqrt(variance + 1e-3) * 2 + 1
    arguments = tf.constant(IMAGES), mean, variance, [1.0] * 4, [2.0] * 4
    np.testing.assert_allclose(nn.batch_normalization(*arguments, 1e-3).numpy(), wanted, rtol=1e-10)
    plain = nn.batch_normalization(tf.constant(IMAGES), mean, variance, None, None, 1e-3)
    np.testing.assert_allclose(plain.numpy() * 2 + 1, wanted, rtol=1e-10)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_fused_batch_normalisation(data_format: str) -> None:
    fused = tf.compat.v1.nn.fused_batch_norm
    last = data_format == "NHWC"
    x = tf.constant(IMAGES if last else IMAGES.transpose(0, 3, 1, 2))
    y, mean, variance = fused(x, [2.0] * 4, [1.0] * 4, data_format=data_format)
    y = y.numpy() if last else y.numpy().transpose(0, 2, 3, 1)
    spread = IMAGES.var((0, 1, 2))
    np.testing.assert_allclose(mean.numpy(), IMAGES.mean((0, 1, 2)), rtol=1e-10)
    np.testing.assert_allclose(variance.numpy(), spread * 18 / 17, rtol=1e-10)
    wanted = (IMAGES - mean.numpy()) / np.sqrt(spread + 1e-3) * 2 + 1
    np.testing.assert_allclose(y, wanted, rtol=1e-10)


def test_running_moments() -> None:
    fused, x = tf.compat.v1.nn.fused_batch_norm, tf.constant(IMAGES)
    old = tf.constant([1.0, 2.0, 3.0, 4.0], tf.float64)
    _, mean, _ = fused(x, old, old, old, old, exponential_avg_factor=0.1)
    np.testing.assert_allclose(mean.numpy(), 0.9 * old.numpy() + 0.1 * IMAGES.mean((0, 1, 2)))
    y, mean, _ = fused(x, old, old, old, old, is_training=False, epsilon=0.0)
    assert mean.numpy().tolist() == [1, 2, 3, 4]
    wanted = (IMAGES - old.numpy()) * np.sqrt(old.numpy()) + old.numpy()
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-10)


def test_the_gradient_of_batch_normalisation_is_orthogonal_to_shifts_and_scales() -> None:
    weights = np.random.default_rng(1).standard_normal(IMAGES.shape)

    def loss(x: Any) -> Any:
        y, _, _ = tf.compat.v1.nn.fused_batch_norm(x, [1.0] * 4, [0.0] * 4, epsilon=0.0)
        return tf.reduce_sum(y * weights)

    g = np.array(slope(loss, IMAGES))
    centred = IMAGES - IMAGES.mean((0, 1, 2))
    np.testing.assert_allclose(g.sum((0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose((g * centred).sum((0, 1, 2)), 0, atol=1e-12)


def test_response_normalisation_and_its_second_derivative() -> None:
    x = tf.constant(IMAGES)
    near = sum(np.pad(IMAGES**2, [(0, 0)] * 3 + [(1, 1)])[..., k : k + 4] for k in range(3))
    wanted = IMAGES / (2 + 0.5 * near) ** 0.75
    np.testing.assert_allclose(nn.lrn(x, 1, 2.0, 0.5, 0.75).numpy(), wanted, rtol=1e-12)
    one = tf.constant(np.full((1, 1, 1, 1), 0.5))
    with tf.GradientTape() as outer:
        outer.watch(one)
        with tf.GradientTape() as inner:
            inner.watch(one)
            y = nn.lrn(one, 3)  # x / sqrt(1 + x**2)
        g = inner.gradient(y, one)
    second = float(outer.gradient(g, one).numpy().item())
    assert second == pytest.approx(-3 * 0.5 * 1.25**-2.5, rel=1e-12)


def test_lookup_gives_a_sparse_gradient() -> None:
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        y = nn.embedding_lookup(table, [[2, 0], [2, 2]])
    assert y.shape == (2, 2, 2)
    g = tape.gradient(y, table)
    assert isinstance(g, tf.IndexedSlices)
    assert g.indices.numpy().tolist() == [2, 0, 2, 2]
    parts = nn.embedding_lookup([table, tf.constant([[9.0, 9.0]])], [3, 0])
    assert parts.numpy().tolist() == [[9, 9], [1, 2]]
    short = nn.embedding_lookup([[3.0, 4.0], [0.3, 0.4]], [0, 1], max_norm=1.0).numpy()
    np.testing.assert_allclose(short, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


def test_confusion() -> None:
    found = tf.math.confusion_matrix([1, 2, 4], [2, 2, 4]).numpy()
    assert found.shape == (5, 5)
    assert [found[1, 2], found[2, 2], found[4, 4], found.sum()] == [1, 1, 1, 3]
    weighted = tf.math.confusion_matrix([0, 0], [1, 1], 2, [0.5, 2.0], tf.float32).numpy()
    assert weighted.tolist() == [[0, 2.5], [0, 0]]
    assert slope(
        lambda w: tf.math.confusion_matrix([0, 1], [1, 1], 2, w, tf.float64), [1.0, 2.0]
    ) == [1, 1]


def test_average_loss() -> None:
    assert float(nn.compute_average_loss([1.0, 2.0, 3.0])) == 2
    weighted = nn.compute_average_loss([1.0, 2.0], [0.5, 2.0], tf.constant(9))
    assert float(weighted) == 0.5
    assert float(nn.compute_average_loss([1.0], global_batch_size=0)) == 0
    assert float(nn.scale_regularization_loss([1.0, 2.0])) == 3


def test_sums_of_lists() -> None:
    assert tf.math.accumulate_n([[1.0], [2.0]], shape=[1], tensor_dtype=tf.float32).numpy() == [3]
    with pytest.raises(ValueError, match="incompatible"):
        tf.math.accumulate_n([[1.0], [2.0]], shape=[2])
    with pytest.raises(TypeError, match="gradtape.accumulate_n.*float32, not float64"):
        tf.math.accumulate_n([[1.0], [2.0]], tensor_dtype=tf.float64)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.moments([1], [0]), "gradtape.moments.*tf.cast"),
        (lambda: nn.moments([1.0], [1]), "gradtape.moments: axis 1"),
        (lambda: nn.lrn([1.0]), "gradtape.local_response_normalization.*NHWC"),
        (lambda: nn.lrn(tf.zeros([1, 1, 1, 1]), -1), "radius of 0 or more"),
        (
            lambda: tf.compat.v1.nn.fused_batch_norm(tf.zeros([1, 2, 2, 3]), [1.0], [0.0]),
            "gradtape.fused_batch_norm.*each of the 3 channels",
        ),
        (
            lambda: tf.compat.v1.nn.fused_batch_norm(tf.zeros([1, 2]), [1.0], [0.0]),
            "gradtape.fused_batch_norm.*axes NHWC",
        ),
        (lambda: nn.embedding_lookup([[1.0]], [1]), r"the id 1 is not in \[0, 1\)"),
        (lambda: nn.embedding_lookup([[1.0]], [-1]), r"the id -1 is not in \[0, 1\)"),
        (lambda: nn.embedding_lookup([[1.0]], [0.0]), "gradtape.embedding_lookup.*integer ids"),
        (lambda: tf.math.confusion_matrix([0, -1], [0, 1]), "`labels` contains negative values"),
        (lambda: tf.math.confusion_matrix([0, 5], [0, 1], 3), "5 is not below num_classes = 3"),
        (lambda: tf.math.confusion_matrix([0.0], [0]), "labels.*must be integers"),
        (lambda: tf.math.confusion_matrix([0, 1], [0]), "must have one length"),
        (lambda: tf.math.confusion_matrix([0], [0], weights=[1, 2]), "one element for each label"),
        (lambda: nn.compute_average_loss(1.0), "gradtape.compute_average_loss.*scalar already"),
        (lambda: nn.compute_average_loss([1.0], None, -1), "must be non-negative"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_wrong_formats() -> None:
    fused = tf.compat.v1.nn.fused_batch_norm
    with pytest.raises(ValueError, match="data_format 'CHW' must be one of NHWC"):
        fused(tf.zeros([1, 1, 1]), [1.0], [0.0], data_format="CHW")
    with pytest.raises(ValueError, match="`mean` and `variance` must be given"):
        fused(tf.zeros([1, 1, 1, 1]), [1.0], [0.0], is_training=False)
