"""Clipping: bounds, norms, sparse gradients and None, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import INF, NAN, slope


def rows(*indices: int) -> tf.IndexedSlices:
    values = tf.constant([[3.0, 4.0]] * len(indices))
    return tf.IndexedSlices(values, tf.constant(indices), (5, 2))


def test_the_derivative_of_clipping_is_one_inside_and_at_the_bounds() -> None:
    x = [-2.0, 0.0, 0.5, 1.0, 3.0]
    assert tf.clip_by_value(x, 0.0, 1.0).numpy().tolist() == [0, 0, 0.5, 1, 1]
    assert slope(lambda v: tf.clip_by_value(v, 0.0, 1.0), x) == [0, 1, 1, 1, 0]


def test_the_derivative_outside_goes_to_the_bounds() -> None:
    low, high = tf.Variable(0.0), tf.Variable([1.0, 1.0, 1.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.clip_by_value([-2.0, -1.0, 0.5, 3.0], low, high)
    by_low, by_high = tape.gradient(y, [low, high])
    assert float(by_low) == 2
    assert by_high.numpy().tolist() == [0, 0, 0, 1]


def test_clipping_values_of_other_kinds() -> None:
    assert tf.clip_by_value([1, 5, 9], 2, 6).numpy().tolist() == [2, 5, 6]
    assert tf.clip_by_value([1.0, 9.0], 5.0, 2.0).numpy().tolist() == [5, 5]
    assert np.isnan(tf.clip_by_value([NAN], 0.0, 1.0).numpy()).all()
    clipped = tf.clip_by_value(rows(1, 1), 0.0, 3.5)
    assert isinstance(clipped, tf.IndexedSlices)
    assert clipped.values.numpy().tolist() == [[3, 3.5], [3, 3.5]]


def test_clipping_by_norm() -> None:
    np.testing.assert_allclose(tf.clip_by_norm([3.0, 4.0], 1.0).numpy(), [0.6, 0.8], rtol=1e-6)
    assert tf.clip_by_norm([3.0, 4.0], 5.0).numpy().tolist() == [3, 4]
    assert tf.clip_by_norm([0.0, 0.0], 0.0).numpy().tolist() == [0, 0]
    assert slope(lambda x: tf.clip_by_norm(x, 2.0), [0.0, 0.0]) == [1, 1]
    by_rows = tf.clip_by_norm([[3.0, 4.0], [0.3, 0.4]], 1.0, axes=[1]).numpy()
    np.testing.assert_allclose(by_rows, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    sparse = tf.clip_by_norm(rows(1), 1.0)
    np.testing.assert_allclose(sparse.values.numpy(), [[0.6, 0.8]], rtol=1e-6)


def test_clipping_by_average_norm() -> None:
    found = tf.compat.v1.clip_by_average_norm([3.0, 4.0], 1.0).numpy()
    np.testing.assert_allclose(found, [1.2, 1.6], rtol=1e-6)


def test_global_norm() -> None:
    assert float(tf.linalg.global_norm([[3.0], None, [[4.0]]])) == 5
    assert float(tf.linalg.global_norm([rows(0, 0)])) == pytest.approx(50**0.5)
    assert float(tf.linalg.global_norm([])) == 0
    assert float(tf.linalg.global_norm([None])) == 0
    assert slope(lambda x: tf.linalg.global_norm([x, 2 * x]), [0.0, 0.0]) == [0, 0]
    assert float(tf.linalg.global_norm([[1e30], [1e30]])) == pytest.approx(2**0.5 * 1e30)


def test_clipping_by_global_norm() -> None:
    clipped, norm = tf.clip_by_global_norm([tf.constant([3.0]), None, rows(2)], 1.0)
    assert float(norm) == pytest.approx(34**0.5)
    assert clipped[1] is None
    assert isinstance(clipped[2], tf.IndexedSlices)
    np.testing.assert_allclose(clipped[2].values.numpy() * 34**0.5, [[3, 4]], rtol=1e-6)
    kept, _ = tf.clip_by_global_norm([[3.0, 4.0]], 6.0)
    assert kept[0].numpy().tolist() == [3, 4]
    halved, given = tf.clip_by_global_norm([[3.0, 4.0]], 5.0, use_norm=10.0)
    assert halved[0].numpy().tolist() == [1.5, 2]
    assert float(given) == 10


@pytest.mark.parametrize("bad", [INF, NAN])
def test_a_norm_that_is_not_finite_makes_all_nan(bad: float) -> None:
    clipped, _ = tf.clip_by_global_norm([[bad, 1.0], [2.0]], 1.0)
    assert np.isnan(clipped[1].numpy()).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tf.clip_by_value([1.0], tf.zeros([2, 1]), 1.0), "clip_value_min.*not broadcast"),
        (lambda: tf.clip_by_value([True], 0, 1), "gradtape.clip_by_value.*real"),
        (
            lambda: tf.clip_by_value([1.0], tf.constant(0.0, tf.float64), 1.0),
            "gradtape.clip_by_value.*dtypes differ.*tf.cast",
        ),
        (lambda: tf.clip_by_norm([1], 1.0), "gradtape.clip_by_norm.*floating-point"),
        (lambda: tf.clip_by_norm([1.0], 1.0, axes=[1]), "gradtape.clip_by_norm: axis 1"),
        (lambda: tf.linalg.global_norm([[1]]), "gradtape.global_norm.*floating-point"),
        (
            lambda: tf.linalg.global_norm([[1.0], tf.constant([1.0], tf.float64)]),
            "gradtape.global_norm.*dtypes differ",
        ),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


@pytest.mark.parametrize("value", [tf.constant([1.0]), {"w": 1.0}, "text", 3.0])
def test_what_is_no_list(value: Any) -> None:
    with pytest.raises(TypeError, match="`t_list` should be a sequence of tensors"):
        tf.clip_by_global_norm(value, 1.0)


def test_a_bound_that_loses_something() -> None:
    with pytest.raises(TypeError, match="gradtape.clip_by_value: cannot convert 1.5 to int32"):
        tf.clip_by_value([1, 2], 0, 1.5)
