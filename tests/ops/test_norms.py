"""Norms, variance and normalised vectors: singular points, extreme sizes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import INF, slope

MATRIX = np.random.default_rng(1).standard_normal((3, 4))


@pytest.mark.parametrize("value", [0.1, 1e30, -7.3])
def test_the_deviation_of_equal_values_has_derivative_zero(value: float) -> None:
    assert float(tf.math.reduce_std([value] * 3)) == 0
    assert slope(tf.math.reduce_std, [value] * 3) == [0, 0, 0]
    assert slope(tf.math.reduce_variance, [value] * 3) == [0, 0, 0]


def test_variance_of_large_values_keeps_its_digits() -> None:
    x = tf.constant([1e6, 1e6 + 1, 1e6 + 2])
    np.testing.assert_allclose(float(tf.math.reduce_variance(x)), 2 / 3, rtol=1e-6)


def test_variance_of_complex_numbers_is_real() -> None:
    z = tf.constant([1 + 1j, 3 - 1j])
    assert tf.math.reduce_variance(z).dtype is tf.float64
    assert float(tf.math.reduce_variance(z)) == 2


@pytest.mark.parametrize("ord", ["euclidean", 1, 2, 3, 0.5, INF], ids=str)
def test_the_norm_of_zero_has_derivative_zero(ord: Any) -> None:
    assert float(tf.norm([0.0, 0.0], ord)) == 0
    assert slope(lambda x: tf.norm(x, ord), [0.0, 0.0]) == [0, 0]


@pytest.mark.parametrize("ord", ["euclidean", 1, 2, 3, 2.5, INF], ids=str)
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_vector_norms(ord: Any, axis: Any) -> None:
    number = 2 if ord == "euclidean" else ord
    wanted = np.linalg.norm(MATRIX.ravel() if axis is None else MATRIX, number, axis)
    np.testing.assert_allclose(tf.norm(tf.constant(MATRIX), ord, axis).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("ord", ["fro", "euclidean", 1, INF, 2], ids=str)
@pytest.mark.parametrize("axes", [(0, 1), [1, 0], (-2, -1)], ids=str)
def test_matrix_norms(ord: Any, axes: Any) -> None:
    wanted = np.linalg.norm(MATRIX, "fro" if ord == "euclidean" else ord, tuple(axes))
    found = tf.linalg.norm(tf.constant(MATRIX), ord, axes, keepdims=True)
    assert found.shape == (1, 1)
    np.testing.assert_allclose(found.numpy()[0, 0], wanted, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_norms_neither_overflow_nor_underflow(scale: float) -> None:
    x = tf.constant([3 * scale, 4 * scale], tf.float64)
    np.testing.assert_allclose(float(tf.norm(x)) / scale, 5, rtol=1e-15)
    np.testing.assert_allclose(float(tf.norm(x, 3)) / scale, 91 ** (1 / 3), rtol=1e-14)
    np.testing.assert_allclose(tf.math.l2_normalize(x, epsilon=0.0).numpy(), [0.6, 0.8], rtol=1e-14)
    np.testing.assert_allclose(slope(tf.norm, x), [0.6, 0.8], rtol=1e-14)


def test_second_derivative_of_the_norm() -> None:
    x = tf.constant([3.0, 4.0], tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.norm(x)
        g = inner.gradient(y, x)[0]
    np.testing.assert_allclose(outer.gradient(g, x).numpy(), [16 / 125, -12 / 125], rtol=1e-14)


def test_normalised_vectors() -> None:
    unit, size = tf.linalg.normalize([[3.0, 4.0], [0.0, 0.0]], axis=1)
    np.testing.assert_allclose(unit.numpy(), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert size.numpy().tolist() == [[5], [0]]
    assert tf.math.l2_normalize([0.0, 0.0]).numpy().tolist() == [0, 0]
    np.testing.assert_allclose(slope(tf.math.l2_normalize, [0.0, 0.0]), [1e6, 1e6])


def test_half_squares() -> None:
    assert float(tf.nn.l2_loss([1.0, 2.0])) == 2.5
    assert slope(tf.nn.l2_loss, [1.0, 2.0]) == [1, 2]


@pytest.mark.parametrize("ord", ["nuc", 0, -1, "fro", None])
def test_unknown_vector_norms(ord: Any) -> None:
    with pytest.raises(ValueError, match="gradtape.norm: 'ord' must be a supported vector norm"):
        tf.norm([1.0], ord)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([[1.0]], 3, (0, 1)), "supported matrix norm"),
        (([[1.0]], 1, (0, 0)), "twice"),
        (([[[1.0]]], 1, (0, 1, 2)), "two integers.*reduce_euclidean_norm"),
        (([1.0], 1, 1), r"axis 1 is not in \[-1, 1\)"),
        (([1],), "needs a floating-point or complex tensor.*tf.cast"),
    ],
)
def test_wrong_arguments(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"gradtape.norm.*{message}"):
        tf.norm(*arguments)


def test_wrong_dtypes() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.l2_loss.*tf.cast"):
        tf.nn.l2_loss([1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.l2_normalize.*tf.cast"):
        tf.math.l2_normalize([1])
