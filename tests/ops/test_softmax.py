"""Softmax and cross entropies: masked rows, extreme logits, labels, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import gradtape as tf
from tests.ops.test_reductions import INF, slope

nn = tf.nn
dense, sparse = nn.softmax_cross_entropy_with_logits, nn.sparse_softmax_cross_entropy_with_logits
sigmoid = nn.sigmoid_cross_entropy_with_logits


def gradients(function: Any, *values: Any) -> list[Any]:
    xs = [tf.constant(v, tf.float64) for v in values]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = function(*xs)
    return [g.numpy().tolist() for g in tape.gradient(y, xs)]


def test_extreme_and_masked_rows() -> None:
    x = [[1e4, 0.0], [-INF, 0.0], [-INF, -INF]]
    assert nn.softmax(x).numpy().tolist() == [[1, 0], [0, 1], [0, 0]]
    assert nn.log_softmax(x).numpy().tolist() == [[0, -1e4], [-INF, 0], [-INF, -INF]]
    weights = tf.constant([[2.0, 1.0]] * 3, tf.float64)
    assert slope(lambda v: tf.reduce_sum(weights * nn.softmax(v)), x) == [[0, 0]] * 3
    finite = slope(lambda v: nn.log_softmax(v)[:, 1], x)
    assert finite == [[-1, 1], [0, 0], [0, 1]]


def test_axes_of_softmax() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for axis in (None, -1, 0, 1, 2, -3):
        wanted = scipy.special.softmax(x, axis=-1 if axis is None else axis)
        np.testing.assert_allclose(nn.softmax(tf.constant(x), axis).numpy(), wanted, rtol=1e-14)
    assert nn.softmax(tf.zeros([0, 3])).shape == (0, 3)
    assert nn.softmax(tf.zeros([3, 0])).shape == (3, 0)


def test_cross_entropy_of_distributions() -> None:
    labels, logits = [[0.2, 0.8], [1.0, 0.0]], [[1.0, 2.0], [0.0, -INF]]
    loss = dense(labels, logits).numpy()
    np.testing.assert_allclose(loss, [0.5132617, 0], rtol=1e-5)
    assert np.isfinite(slope(lambda x: dense(np.array(labels), x), logits)).all()


def test_labels_that_do_not_sum_to_one_have_the_exact_derivative() -> None:
    by_labels, by_logits = gradients(dense, [[1.0, 2.0]], [[0.5, -0.5]])
    p = scipy.special.softmax([0.5, -0.5])
    np.testing.assert_allclose(by_labels, [-np.log(p)], rtol=1e-12)
    np.testing.assert_allclose(by_logits, [3 * p - [1, 2]], rtol=1e-12)


def test_cross_entropy_along_another_axis_and_broadcast() -> None:
    rng = np.random.default_rng(0)
    labels, logits = scipy.special.softmax(rng.random((3, 2)), axis=0), rng.random((3, 2))
    wanted = dense(tf.constant(labels.T), tf.constant(logits.T)).numpy()
    np.testing.assert_allclose(dense(tf.constant(labels), tf.constant(logits), axis=0), wanted)
    assert dense([[1.0, 0.0]], tf.zeros([5, 2])).shape == (5,)


def test_cross_entropy_of_class_numbers() -> None:
    logits = np.random.default_rng(0).standard_normal((2, 3, 4))
    labels = np.array([[0, 3, 1], [2, 2, 0]])
    wanted = dense(tf.constant(np.eye(4)[labels]), tf.constant(logits)).numpy()
    np.testing.assert_allclose(sparse(labels, tf.constant(logits)).numpy(), wanted, rtol=1e-12)
    a = slope(lambda x: sparse(labels, x), logits)
    b = slope(lambda x: dense(np.eye(4)[labels], x), logits)
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    assert float(sparse(1, [0.0, 1000.0])) == 0
    assert float(sparse(0, [0.0, 1000.0])) == 1000


def test_the_hessian_of_cross_entropy_is_that_of_logsumexp() -> None:
    x = tf.constant([0.3, -1.0, 0.7], tf.float64)
    p = scipy.special.softmax(x.numpy())
    for loss in (lambda v: sparse(2, v), lambda v: dense(np.array([0.5, 0.25, 0.25]), v)):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = loss(x)
            g = inner.gradient(y, x)
        found = outer.jacobian(g, x).numpy()
        np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("label", [-1, 3, 100])
def test_labels_out_of_range(label: int) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"label {label} is not in \[0, 3\)"):
        sparse([0, label], tf.zeros([2, 3]))


def test_logits_of_single_numbers() -> None:
    x = np.array([-800.0, -40.0, 0.0, 3.0, 40.0, 800.0])
    ones, zeros = np.ones(6), np.zeros(6)
    np.testing.assert_allclose(sigmoid(ones, tf.constant(x)).numpy(), np.logaddexp(0, -x))
    np.testing.assert_allclose(sigmoid(zeros, tf.constant(x)).numpy(), np.logaddexp(0, x))
    found = slope(lambda v: sigmoid(ones, v), x)
    np.testing.assert_allclose(found, -scipy.special.expit(-x), rtol=1e-14)
    assert slope(lambda v: sigmoid(np.array(0.25), v), 0.0) == 0.25


def test_weighted_cross_entropy_in_the_tails() -> None:
    x = np.array([-50.0, 0.5, 50.0])
    for z in (0.0, 1.0):
        labels = np.full(3, z)
        found = nn.weighted_cross_entropy_with_logits(labels, tf.constant(x), 3.0).numpy()
        wanted = 3 * z * np.logaddexp(0, -x) + (1 - z) * np.logaddexp(0, x)
        np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_poisson_loss_of_small_counts_has_no_stirling_term() -> None:
    loss, short = nn.log_poisson_loss, tf.constant([0.0, 0.5, 1.0, 5.0], tf.float64)
    full = loss(short, tf.zeros([4], tf.float64), True).numpy()
    stirling = 5 * np.log(5) - 5 + 0.5 * np.log(2 * np.pi * 5)
    np.testing.assert_allclose(full, [1, 1, 1, 1 + stirling], rtol=1e-14)
    by_count, _ = gradients(lambda z, x: loss(z, x, True), [0.0, 5.0], [0.0, 0.0])
    np.testing.assert_allclose(by_count, [0, np.log(5) + 0.1], rtol=1e-14)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.softmax(1.0), "gradtape.softmax.*scalar has no axis of classes"),
        (lambda: nn.softmax([1]), "gradtape.softmax.*floating-point.*tf.cast"),
        (lambda: nn.log_softmax([1.0], 1), r"gradtape.log_softmax: axis 1 is not in \[-1, 1\)"),
        (lambda: dense([[1.0]], [[1.0, 2.0], [3.0, 4.0]][0]), "must have one shape.*sparse"),
        (lambda: dense([1, 0], tf.constant([1j, 0])), "floating-point"),
        (lambda: sparse([0.5], [[1.0]]), "gradtape.sparse_softmax.*integer"),
        (lambda: sparse([0], [1.0, 2.0]), "without the last axis.*softmax_cross_entropy"),
        (lambda: sigmoid([1.0], [1.0, 2.0]), "must have the same shape.*tf.reshape"),
        (lambda: sigmoid([1], [1]), "gradtape.sigmoid_cross_entropy.*floating-point"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_wrong_types() -> None:
    with pytest.raises((TypeError, ValueError), match="None is no tensor"):
        sigmoid(None, [1.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtypes differ.*tf.cast"):
        dense(tf.constant([1.0]), tf.constant([1.0], tf.float64))
