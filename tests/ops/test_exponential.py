"""Exponentials, logarithms and trigonometric functions: tails, singular points, dtypes and errors."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import gradtape as tf

INF = float("inf")
NAN = float("nan")


def slope(function: Any, *values: Any, by: int = 0) -> Any:
    inputs = [tf.constant(v, tf.float64) for v in values]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = function(*inputs)
    return tape.gradient(out, inputs[by]).numpy().tolist()


@pytest.mark.parametrize(
    "function, at, value, derivative",
    [
        (tf.math.log, 0.0, -INF, INF),
        (tf.math.log1p, -1.0, -INF, INF),
        (tf.acos, 1.0, 0.0, -INF),
        (tf.acos, -1.0, np.pi, -INF),
        (tf.asin, 1.0, np.pi / 2, INF),
        (tf.atanh, 1.0, INF, INF),
        (tf.acosh, 1.0, 0.0, INF),
        (tf.sigmoid, -1000.0, 0.0, 0.0),
        (tf.sigmoid, 1000.0, 1.0, 0.0),
        (tf.tanh, 1000.0, 1.0, 0.0),
        (tf.tanh, -INF, -1.0, 0.0),
        (tf.sigmoid, INF, 1.0, 0.0),
        (tf.nn.softplus, 1000.0, 1000.0, 1.0),
        (tf.nn.softplus, -1000.0, 0.0, 0.0),
        (tf.math.log_sigmoid, -1000.0, -1000.0, 1.0),
        (tf.math.log_sigmoid, 1000.0, 0.0, 0.0),
        (tf.exp, -INF, 0.0, 0.0),
        (tf.math.expm1, -INF, -1.0, 0.0),
        (tf.asinh, 1e200, 461.2101657793691, 1e-200),
        (tf.acosh, 1e200, 461.2101657793691, 1e-200),
        (tf.atan, INF, np.pi / 2, 0.0),
    ],
)
def test_edges(function: Any, at: float, value: float, derivative: float) -> None:
    np.testing.assert_allclose(function(tf.constant(at, tf.float64)).numpy(), value, rtol=1e-15)
    np.testing.assert_allclose(slope(function, at), derivative, rtol=1e-15)


@pytest.mark.parametrize(
    "function",
    [tf.math.log, tf.asin, tf.acos, tf.acosh, tf.atanh, tf.math.log1p, tf.math.rsqrt, tf.sqrt],
)
def test_outside_the_domain_is_nan_without_a_warning(function: Any) -> None:
    at = 0.5 if function is tf.acosh else -2.0
    assert np.isnan(function(tf.constant(at)).numpy())


def test_zero_cotangents_meet_infinite_slopes() -> None:
    for function, at in [
        (tf.math.log, 0.0),
        (tf.asin, 1.0),
        (tf.acos, -1.0),
        (tf.atanh, 1.0),
        (tf.acosh, 1.0),
        (tf.math.log1p, -1.0),
    ]:
        x = tf.constant(at)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        assert tape.gradient(y, x, output_gradients=tf.constant(0.0)).numpy() == 0.0


def test_tails_of_the_logistic_function_keep_their_digits() -> None:
    x = np.array([-700.0, -40.0, -1.0, 1.0, 18.0, 40.0])
    given = slope(tf.sigmoid, x)
    for have, at in zip(given, x, strict=True):
        with mpmath.workdps(50):
            e = mpmath.exp(-abs(mpmath.mpf(at)))
            assert have == pytest.approx(float(e / (1 + e) ** 2), rel=1e-15, abs=0)
    given = slope(tf.tanh, x / 40)
    for have, at in zip(given, x / 40, strict=True):
        assert have == pytest.approx(float(mpmath.sech(mpmath.mpf(at)) ** 2), rel=1e-15, abs=0)


def test_products_with_logarithms() -> None:
    assert tf.math.xlogy([0.0, 0.0, 0.0, 2.0], [0.0, NAN, -1.0, 1.0]).numpy().tolist() == [0.0] * 4
    assert tf.math.xlog1py([0.0, 0.0], [-1.0, NAN]).numpy().tolist() == [0.0, 0.0]
    assert slope(tf.math.xlogy, 0.0, 0.0) == 0.0
    assert slope(tf.math.xlogy, 0.0, 0.0, by=1) == 0.0
    assert slope(tf.math.xlogy, 0.0, 0.5) == np.log(0.5)  # TensorFlow: 0
    assert slope(tf.math.xlogy, 2.0, 0.0) == -INF
    assert slope(tf.math.xlogy, 2.0, 4.0, by=1) == 0.5
    assert slope(tf.math.xlog1py, 0.0, -1.0) == 0.0
    assert slope(tf.math.xlog1py, 0.0, -0.5) == np.log(0.5)
    assert slope(tf.math.xlog1py, 2.0, 3.0, by=1) == 0.5


def test_the_entropy_of_a_certain_event_has_a_finite_gradient() -> None:
    p = tf.constant([0.0, 1.0], tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(p)
        with tf.GradientTape() as inner:
            inner.watch(p)
            entropy = -tf.math.xlogy(p, p)
        first = inner.gradient(entropy, p)
    assert np.isfinite(first.numpy()).all()
    assert outer.gradient(first, p).numpy().tolist() == [-INF, -1.0]


def test_atan2() -> None:
    quadrants = tf.atan2([1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]).numpy()
    np.testing.assert_allclose(quadrants, np.pi * np.array([0.25, 0.75, -0.75, -0.25]), rtol=1e-6)
    assert slope(tf.atan2, 0.0, 0.0) == 0.0
    assert slope(tf.atan2, 0.0, 0.0, by=1) == 0.0
    assert slope(tf.atan2, 3.0, 4.0) == pytest.approx(4 / 25)
    assert slope(tf.atan2, 3.0, 4.0, by=1) == pytest.approx(-3 / 25)


@pytest.mark.parametrize(
    "dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.complex64, tf.complex128]
)
def test_dtypes_are_kept(dtype: Any) -> None:
    names = [
        "exp",
        "expm1",
        "log",
        "log1p",
        "sinh",
        "cosh",
        "tanh",
        "sigmoid",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "asinh",
        "acosh",
        "atanh",
    ]
    x = tf.constant([0.5, 0.25], dtype)
    for name in names:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = getattr(tf.math, name)(x)
        assert y.dtype == dtype
        assert tape.gradient(y, x).dtype == dtype


@pytest.mark.parametrize("name", ["exp", "sin", "tanh", "sigmoid", "log", "acos"])
def test_complex_gradients_are_conjugated(name: str) -> None:
    z = 0.3 + 0.4j
    x = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = getattr(tf.math, name)(x)
    function = getattr(mpmath, name, lambda v: 1 / (1 + mpmath.exp(-v)))
    wanted = complex(mpmath.diff(function, z)).conjugate()
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["exp", "log", "sin", "tanh", "sigmoid", "atan"])
def test_errors_name_the_function_and_the_remedy(name: str) -> None:
    function = getattr(tf.math, name)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"gradtape\.{name}\(int32\[2\]\).*tf\.cast\(x, tf\.float32\)",
    ):
        function(tf.constant([1, 2]))
    with pytest.raises((TypeError, ValueError), match=rf"gradtape\.{name}"):
        function("text")
    with pytest.raises((TypeError, ValueError), match=rf"gradtape\.{name}"):
        function(None)


def test_softplus_takes_no_complex_numbers() -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.softplus\(complex128\[\]\)"
    ):
        tf.nn.softplus(tf.constant(1j))


def test_atan2_refuses_mixed_dtypes_and_shapes() -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.atan2.*float32 and float64"
    ):
        tf.atan2(tf.constant(1.0), tf.constant(1.0, tf.float64))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.atan2.*\[2\].*\[3\]"):
        tf.atan2(tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0, 3.0]))
