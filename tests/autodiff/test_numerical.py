"""Numerical derivatives: accuracy, and error estimates that hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import gradtape as tf

FUNCTIONS = {
    "exp": (tf.exp, math.exp, [-5.0, 0.0, 1.0, 10.0]),
    "log": (tf.math.log, lambda x: 1 / x, [1e-6, 0.01, 1.0, 1e6]),
    "sin": (tf.math.sin, math.cos, [0.0, 1.0, 100.0, 1e4]),
    "fast": (lambda x: tf.math.sin(20.0 * x), lambda x: 20 * math.cos(20 * x), [0.1, 3.0]),
    "peak": (
        lambda x: 1.0 / (1.0 + 25.0 * x * x),
        lambda x: -50 * x / (1 + 25 * x * x) ** 2,
        [0.0, 0.1, 0.5],
    ),
}
POINTS = [(name, x) for name, (_, _, xs) in FUNCTIONS.items() for x in xs]


@pytest.mark.parametrize(
    "method, digits", [("differences", 1e-10), ("complex", 1e-14), ("auto", 1e-14)]
)
@pytest.mark.parametrize("name, x", POINTS)
def test_accuracy_and_error_estimate(name: str, x: float, method: str, digits: float) -> None:
    f, derivative, _ = FUNCTIONS[name]
    result = tf.numerical.gradient(f, x, method=method)
    exact = derivative(x)
    rounding = 4 * np.finfo(float).eps * abs(exact)
    assert abs(result.value - exact) <= result.error + rounding
    assert result.error <= 100 * digits * max(1.0, abs(exact))


def test_structures() -> None:
    point = {"a": np.array([1.0, 2.0]), "b": 3.0}
    result = tf.numerical.jacobian(lambda d: tf.math.sin(d["a"]) * d["b"], point)
    np.testing.assert_allclose(result.value["a"], np.diag(3 * np.cos([1.0, 2.0])), atol=1e-12)
    np.testing.assert_allclose(result.value["b"], np.sin([1.0, 2.0]), rtol=1e-12)
    assert result.error["a"].shape == (2, 2)


def test_single_precision_says_so() -> None:
    x = tf.constant([0.5, 1.0])
    result = tf.numerical.gradient(lambda x: tf.reduce_sum(tf.math.sin(x)), x, method="differences")
    off = np.abs(result.value - np.cos([0.5, 1.0]))
    assert np.all(off <= result.error)
    assert np.all(result.error > 1e-8)
    assert np.all(result.error < 1e-3)


def test_hessian() -> None:
    x = np.array([0.3, 0.7])
    result = tf.numerical.hessian(lambda x: tf.exp(x[0]) * tf.math.sin(x[1]), x)
    e, s, c = np.exp(0.3), np.sin(0.7), np.cos(0.7)
    exact = np.array([[e * s, e * c], [e * c, -e * s]])
    assert np.all(np.abs(result.value - exact) <= result.error)
    assert np.all(result.error < 1e-7)


def test_a_function_that_is_not_analytic_is_found_out() -> None:
    def f(x: Any) -> Any:
        return tf.math.conj(x) * x

    assert tf.numerical.gradient(f, 3.0).value == pytest.approx(6.0, rel=1e-10)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.numerical.gradient(tf.abs, 3.0, method="complex")
    assert tf.numerical.gradient(tf.abs, 3.0).value == pytest.approx(1.0)


def test_a_kink_has_a_large_error() -> None:
    result = tf.numerical.gradient(lambda x: tf.abs(x) + x, 1e-3)
    assert result.value == pytest.approx(2.0, rel=1e-9)
    assert tf.numerical.jacobian(lambda x: tf.abs(x - 1.0), 1.0).error < 1e-9


def test_no_tape_sees_the_evaluations() -> None:
    v = tf.Variable(2.0, dtype=tf.float64)
    with tf.GradientTape() as tape:
        tf.numerical.gradient(lambda x: x * v, 1.0)
    assert tape.watched_variables() == ()


def test_empty_and_zero() -> None:
    result = tf.numerical.jacobian(lambda x: x * 2.0, np.zeros((0, 3)))
    assert result.value.shape == (0, 3, 0, 3)
    assert tf.numerical.gradient(lambda x: 0.0 * x, 1.0).value == 0.0


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: tf.numerical.gradient(tf.exp, [1.0, 2.0]),
            ValueError,
            "gradient needs one number",
        ),
        (lambda: tf.numerical.hessian(tf.exp, [1.0, 2.0]), ValueError, "one number for one array"),
        (lambda: tf.numerical.gradient(tf.exp, 1.0, method="no"), ValueError, "method 'no'"),
        (lambda: tf.numerical.gradient(tf.exp, tf.constant(3)), ValueError, "tf.cast"),
        (lambda: tf.numerical.gradient(tf.exp, tf.constant(3j)), ValueError, "compute_gradient"),
        (lambda: tf.numerical.gradient(tf.exp, "x"), TypeError, "cannot become a tensor"),
    ],
)
def test_bad_arguments(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_sixteen_bits(dtype: Any) -> None:
    x = tf.cast(tf.constant([1.0, 2.0]), dtype)
    result = tf.numerical.jacobian(lambda x: x * x, x)
    exact = np.diag([2.0, 4.0])
    assert np.all(np.abs(result.value - exact) <= np.maximum(result.error, 0.05))
