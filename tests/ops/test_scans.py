"""Running sums and products: exclusive and reverse, exact derivatives at zeros, errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import INF, slope


def hessian(function: Any, value: Any) -> Any:
    x = tf.constant(value, tf.float64)
    rows = []
    for i in range(len(value)):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            g = inner.gradient(y, x)[i]
        rows.append(outer.gradient(g, x).numpy().tolist())
    return rows


@pytest.mark.parametrize("exclusive, reverse", list(itertools.product([False, True], repeat=2)))
def test_directions(exclusive: bool, reverse: bool) -> None:
    x = [2.0, 3.0, 4.0]
    sums = {(0, 0): [2, 5, 9], (0, 1): [9, 7, 4], (1, 0): [0, 2, 5], (1, 1): [7, 4, 0]}
    products = {(0, 0): [2, 6, 24], (0, 1): [24, 12, 4], (1, 0): [1, 2, 6], (1, 1): [12, 4, 1]}
    key = (int(exclusive), int(reverse))
    assert tf.cumsum(x, 0, exclusive, reverse).numpy().tolist() == sums[key]
    assert tf.math.cumprod(x, 0, exclusive, reverse).numpy().tolist() == products[key]
    logs = tf.math.cumulative_logsumexp(np.log(x), 0, exclusive, reverse)
    np.testing.assert_allclose(np.exp(logs.numpy()), sums[key], rtol=1e-12)


@pytest.mark.parametrize(
    "x, wanted",
    [
        ([0.0, 2.0, 3.0], [6, 0, 0]),
        ([2.0, 0.0, 3.0], [0, 6, 0]),
        ([0.0, 0.0, 3.0], [0, 0, 0]),
        ([2.0, 3.0, 4.0], [12, 8, 6]),
    ],
)
def test_the_derivative_of_a_product_is_exact_at_zeros(x: Any, wanted: Any) -> None:
    assert slope(tf.reduce_prod, x) == wanted
    assert slope(lambda v: tf.math.cumprod(v)[2], x) == wanted


def test_second_derivatives_of_a_product_are_exact_at_zeros() -> None:
    wanted = [[0, 5, 0], [5, 0, 0], [0, 0, 0]]
    assert hessian(tf.reduce_prod, [0.0, 0.0, 5.0]) == wanted
    assert hessian(lambda v: tf.math.cumprod(v)[2], [0.0, 0.0, 5.0]) == wanted
    assert hessian(lambda v: tf.math.cumprod(v, reverse=True)[0], [0.0, 0.0, 5.0]) == wanted


def test_long_recurrences_agree_with_short_ones() -> None:
    x = np.random.default_rng(0).uniform(0.9, 1.1, 500)
    weights = np.arange(500.0)
    found = slope(lambda v: tf.reduce_sum(weights * tf.math.cumprod(v)), x)
    products = np.cumprod(x)
    wanted = [float(np.sum(weights[i:] * products[i:]) / x[i]) for i in range(500)]
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_cumulative_logsumexp_without_overflow() -> None:
    x = [-INF, -INF, 1000.0, 0.0]
    assert tf.math.cumulative_logsumexp(x).numpy().tolist() == [-INF, -INF, 1000, 1000]
    assert slope(tf.math.cumulative_logsumexp, x) == [0, 0, 2, 0]


def test_integers_and_nothing() -> None:
    assert tf.cumsum([1, 2, 3]).dtype is tf.int32
    assert tf.cumsum(tf.zeros([0])).shape == (0,)
    assert tf.math.cumprod(tf.zeros([2, 0]), axis=1, exclusive=True).shape == (2, 0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tf.cumsum(1.0), r"gradtape.cumsum\(float32\[\]\): a scalar has no axis"),
        (lambda: tf.cumsum([True]), "gradtape.cumsum.*numeric.*tf.cast"),
        (lambda: tf.math.cumprod([1.0], 1), "gradtape.cumprod: axis 1"),
        (lambda: tf.math.cumulative_logsumexp([1]), "gradtape.cumulative_logsumexp.*tf.cast"),
        (lambda: tf.reduce_prod([True]), "gradtape.reduce_prod.*numeric"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_wrong_types() -> None:
    with pytest.raises(TypeError, match="gradtape.cumsum: axis must be an integer"):
        tf.cumsum([1.0], "first")
