"""Reductions: TensorFlow's conventions, ties, empty tensors, infinities, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import gradtape as tf

INF, NAN = float("inf"), float("nan")


def slope(function: Callable[..., Any], value: Any, dtype: Any = tf.float64) -> Any:
    x = tf.constant(value, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy().tolist()


VALUES = np.random.default_rng(0).standard_normal((2, 3, 4))
FUNCTIONS: list[tuple[Any, Any]] = [
    (tf.reduce_sum, np.sum),
    (tf.reduce_mean, np.mean),
    (tf.reduce_max, np.max),
    (tf.reduce_min, np.min),
    (tf.reduce_prod, np.prod),
    (tf.math.reduce_std, np.std),
    (tf.math.reduce_variance, np.var),
    (tf.reduce_logsumexp, scipy.special.logsumexp),
]


@pytest.mark.parametrize("ours, numpys", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [None, 0, -1, [0, 2], (1,), [-1, -3], np.int64(1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes(ours: Any, numpys: Any, axis: Any, keepdims: bool) -> None:
    wanted = numpys(VALUES, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    found = ours(tf.constant(VALUES), axis=axis, keepdims=keepdims)
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)


def test_axis_may_be_a_tensor_and_no_axes_reduce_nothing() -> None:
    x = tf.constant(VALUES)
    np.testing.assert_array_equal(tf.reduce_sum(x, tf.constant([0, 1])), VALUES.sum((0, 1)))
    np.testing.assert_array_equal(tf.reduce_mean(x, []), VALUES)


def test_the_derivative_of_an_extreme_is_shared_equally() -> None:
    assert slope(tf.reduce_max, [1.0, 1.0, 0.0]) == [0.5, 0.5, 0.0]
    assert slope(tf.reduce_min, [[2.0, 1.0], [1.0, 1.0]]) == [[0, 1 / 3], [1 / 3, 1 / 3]]
    assert slope(lambda x: tf.reduce_max(x, 1), [[3.0, 3.0], [1.0, 2.0]]) == [[0.5, 0.5], [0, 1]]


def test_nan_wins_and_takes_the_derivative() -> None:
    assert np.isnan(float(tf.reduce_max([NAN, 1.0])))
    assert slope(tf.reduce_max, [1.0, NAN, 3.0, NAN]) == [0, 0.5, 0, 0.5]


@pytest.mark.parametrize("function", [tf.reduce_max, tf.reduce_min])
def test_there_is_no_extreme_of_nothing(function: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.reduce_m..*nothing"):
        function(tf.zeros([0, 3]), axis=0)
    assert function(tf.zeros([0, 3]), axis=1).shape == (0,)
    assert function(tf.zeros([0, 0]), axis=0).shape == (0,)


def test_reductions_of_nothing() -> None:
    nothing = tf.zeros([0])
    assert float(tf.reduce_sum(nothing)) == 0
    assert float(tf.reduce_prod(nothing)) == 1
    assert np.isnan(float(tf.reduce_mean(nothing)))
    assert float(tf.reduce_logsumexp(nothing)) == -INF
    assert bool(tf.reduce_all(tf.constant([], tf.bool)))
    assert not bool(tf.reduce_any(tf.constant([], tf.bool)))
    assert slope(tf.reduce_mean, np.zeros((0, 2))) == []


def test_means_of_integers_round_towards_zero() -> None:
    assert int(tf.reduce_mean([1, 2])) == 1
    assert int(tf.reduce_mean([-1, -2])) == -1
    assert tf.reduce_mean([1, 2]).dtype is tf.int32
    with pytest.raises(tf.errors.InvalidArgumentError, match="reduce_mean.*nothing"):
        tf.reduce_mean(tf.constant([], tf.int32))


def test_means_of_half_precision_do_not_overflow() -> None:
    x = tf.fill([100], tf.constant(60000.0, tf.float16))
    assert tf.reduce_mean(x).dtype is tf.float16
    assert float(tf.reduce_mean(x)) == 60000


def test_logsumexp_at_the_ends() -> None:
    assert float(tf.reduce_logsumexp([1e4, 0.0])) == 1e4
    assert slope(tf.reduce_logsumexp, [-INF, -INF]) == [0.0, 0.0]
    assert slope(tf.reduce_logsumexp, [-INF, 0.0]) == [0.0, 1.0]
    assert float(tf.reduce_logsumexp([-INF, -INF])) == -INF
    assert float(tf.reduce_logsumexp([INF, 0.0])) == INF
    rows = slope(lambda x: tf.reduce_logsumexp(x, 1), [[-INF, -INF], [0.0, 0.0]])
    assert rows == [[0, 0], [0.5, 0.5]]


def test_second_derivative_of_logsumexp_at_a_masked_row() -> None:
    x = tf.constant([-INF, -INF], tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_logsumexp(x)
        g = inner.gradient(y, x)
    assert outer.gradient(g, x).numpy().tolist() == [0, 0]


def test_counts() -> None:
    x = tf.constant([[0.0, 2.0], [-0.0, NAN]])
    assert tf.math.count_nonzero(x).dtype is tf.int64
    assert tf.math.count_nonzero(x, axis=1, keepdims=True).numpy().tolist() == [[1], [1]]
    assert int(tf.math.count_nonzero([True, False, True], dtype=tf.int32)) == 2
    assert float(tf.math.zero_fraction([0, 1, 0, 2])) == 0.5
    assert np.isnan(float(tf.math.zero_fraction(tf.zeros([0]))))


def test_any_and_all() -> None:
    x = tf.constant([[True, False], [True, True]])
    assert tf.reduce_any(x, 0).numpy().tolist() == [True, True]
    assert tf.reduce_all(x, 1, keepdims=True).numpy().tolist() == [[False], [True]]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tf.reduce_sum([True]), r"gradtape.reduce_sum\(bool\[1\]\): needs a numeric"),
        (lambda: tf.reduce_max(tf.constant([1j])), "gradtape.reduce_max.*real tensor.*tf.cast"),
        (lambda: tf.reduce_logsumexp([1]), "gradtape.reduce_logsumexp.*floating-point.*tf.cast"),
        (lambda: tf.reduce_any([1]), "gradtape.reduce_any.*bool.*tf.cast"),
        (lambda: tf.math.reduce_std([1]), "gradtape.reduce_std.*tf.cast"),
        (lambda: tf.reduce_mean([1.0], 1), r"gradtape.reduce_mean: axis 1 is not in \[-1, 1\)"),
        (lambda: tf.reduce_mean([1.0], [0, -1]), "gradtape.reduce_mean: .*twice"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_wrong_types() -> None:
    with pytest.raises(TypeError, match="gradtape.reduce_sum: axis must be an integer"):
        tf.reduce_sum([1.0], 0.5)
    with pytest.raises(TypeError, match="gradtape.reduce_sum"):
        tf.reduce_sum("text")
