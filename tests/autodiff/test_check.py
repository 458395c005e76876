"""`tf.test.compute_gradient` and `check_gradients`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(3)
X = RNG.standard_normal((3, 4))
W = RNG.standard_normal((4, 2))


# compute_gradient


def test_both_jacobians_of_each_argument() -> None:
    exact, numeric = tf.test.compute_gradient(lambda x, w: tf.math.sin(x @ w), [X, W])
    assert [j.shape for j in exact] == [(6, 12), (6, 8)]
    for a, b in zip(exact, numeric, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert exact[0].dtype == np.float64


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_dtypes(dtype: Any) -> None:
    x = tf.cast(tf.constant([1.0, 2.0]), dtype)
    exact, numeric = tf.test.compute_gradient(lambda x: x * x, [x], delta=0.0625)
    assert exact[0].dtype == numeric[0].dtype == dtype.as_numpy_dtype
    np.testing.assert_allclose(exact[0].astype(float), np.diag([2.0, 4.0]))
    np.testing.assert_allclose(numeric[0].astype(float), np.diag([2.0, 4.0]), rtol=0.1, atol=0.1)


def test_complex_elements_are_two_reals() -> None:
    z = np.array([1 + 2j, 3 - 1j])
    exact, numeric = tf.test.compute_gradient(lambda z: z * z, [z])
    assert exact[0].shape == (4, 4)
    np.testing.assert_allclose(exact[0], numeric[0], atol=1e-5)
    a, b = z[0].real, z[0].imag
    np.testing.assert_allclose(exact[0][:2, :2], [[2 * a, -2 * b], [2 * b, 2 * a]])


def test_rows_and_unconnected_arguments() -> None:
    exact, numeric = tf.test.compute_gradient(lambda x, y: tf.gather(x, [2, 0, 2]) * 1.0, [X, W])
    np.testing.assert_allclose(exact[0], numeric[0], atol=1e-6)
    assert not exact[1].any()


def test_an_empty_result() -> None:
    exact, numeric = tf.test.compute_gradient(lambda x: x[:0] * 2.0, [X])
    assert exact[0].shape == numeric[0].shape == (0, 12)

    @tf.custom_gradient
    def wrong(x: Any) -> Any:
        return x[:0], lambda u: tf.ones((3, 4), tf.float64)

    with pytest.raises(ValueError, match="Empty tensor with nonzero gradients"):
        tf.test.compute_gradient(wrong, [X])


def test_what_compute_gradient_refuses() -> None:
    with pytest.raises(ValueError, match="`x` must be a list or tuple of values"):
        tf.test.compute_gradient(lambda x: x, X)
    with pytest.raises(AssertionError, match="unsupported type int32 of argument 1"):
        tf.test.compute_gradient(lambda x, n: x, [X, [1, 2]])
    with pytest.raises(AssertionError, match="unsupported type int32 of y"):
        tf.test.compute_gradient(lambda x: tf.cast(x, tf.int32), [X])
    with pytest.raises(TypeError, match="one tensor is needed"):
        tf.test.compute_gradient(lambda x: [x, x], [X])


# check_gradients


def test_a_right_function_passes() -> None:
    verdict = tf.check_gradients(lambda x, w: tf.math.sin(x @ w) * tf.exp(x[0, 0]), X, W)
    assert verdict
    assert verdict.passed
    assert not verdict.failures
    assert not verdict.kinks
    kinds = {c.kind for c in verdict.checks}
    assert kinds == {"reverse", "forward", "second", "forward over reverse"}
    assert {c.argument for c in verdict.checks} == {0, 1}
    assert str(verdict).count("ok") == len(verdict.checks) == 16


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes_of_checks(dtype: Any) -> None:
    x = (X + (1j * X[::-1] if np.dtype(dtype).kind == "c" else 0)).astype(dtype)
    verdict = tf.check_gradients(lambda x: tf.math.sin(x) * x, x)
    assert verdict, str(verdict)


def wrong(factor: float) -> Any:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x * x, lambda u: u * x * factor

    return f


@pytest.mark.parametrize("factor", [2.0001, -2.0, 0.0])
def test_a_wrong_gradient_is_found(factor: float) -> None:
    verdict = tf.check_gradients(wrong(factor), 3.0, order=1)
    assert not verdict
    assert {c.kind for c in verdict.failures} == {"reverse"}
    assert "FAIL reverse, argument 0" in str(verdict)
    assert tf.check_gradients(wrong(2.0), 3.0)


def test_a_wrong_second_derivative_is_found() -> None:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x**3, lambda u: 3.0 * u * tf.stop_gradient(x) * x

    verdict = tf.check_gradients(f, 2.0)
    assert {c.kind for c in verdict.failures} == {"second", "forward over reverse"}


def test_a_gradient_function_that_is_not_the_transpose_of_the_jvp_is_found() -> None:
    @tf.primitive(
        name="check_test_square", vjp=lambda ct, x: ct * x * 2.0, jvp=lambda t, x: t * x * 2.1
    )
    def square(xp: Any, x: Any) -> Any:
        return x * x

    verdict = tf.check_gradients(square, 3.0, order=1)
    assert {c.kind for c in verdict.failures} == {"forward"}


def test_kinks_are_detected_and_any_slope_between_is_right() -> None:
    verdict = tf.check_gradients(tf.nn.relu, [0.0, 1.0])
    assert verdict, str(verdict)
    assert verdict.kinks == (0,)
    assert "at a kink" in str(verdict)
    away = tf.check_gradients(tf.nn.relu, [0.5, -1.0])
    assert away
    assert not away.kinks


def test_unmoving_arguments_and_structures() -> None:
    def f(x: Any, n: Any) -> Any:
        return {"y": tf.gather(x, n), "n": n, "z": x[0] * 2.0}

    verdict = tf.check_gradients(f, X, [0, 2])
    assert verdict, str(verdict)
    assert {c.argument for c in verdict.checks} == {0}


def test_tolerance_and_seed() -> None:
    assert tf.check_gradients(wrong(2.0001), 3.0, order=1, tolerance=1e-2)
    one, two = (tf.check_gradients(wrong(2.0), 3.0, seed=s).checks[0].value for s in (1, 1))
    assert one == two


def test_what_check_gradients_refuses() -> None:
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        tf.check_gradients(tf.exp, 1.0, order=3)
    with pytest.raises(ValueError, match="no argument and result that carry derivatives"):
        tf.check_gradients(lambda n: n, 1)
