"""`tf.test.compute_gradient`, and `check_gradients` of right functions."""

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
    assert not verdict.findings
    assert not verdict.kinks
    assert {c.kind for c in verdict.checks} == {
        "reverse", "forward", "adjoint", "second", "forward over reverse", "symmetry",
    }  # fmt: skip
    assert {c.argument for c in verdict.checks} == {0, 1}
    lines = str(verdict).splitlines()
    assert lines[0] == verdict.summary == "check_gradients: all 24 checks passed"
    assert len(lines) == 1 + len(verdict.checks)
    assert all(line.startswith("ok ") for line in lines[1:])
    assert verdict.raise_if_failed() is verdict


def test_first_order_only() -> None:
    verdict = tf.check_gradients(lambda x: tf.math.sin(x), X, order=1, directions=3)
    assert {c.kind for c in verdict.checks} == {"reverse", "forward", "adjoint"}
    assert len(verdict.checks) == 9


@pytest.mark.parametrize(
    "dtype", [tf.float64, tf.complex128, tf.float32, tf.complex64, tf.bfloat16, tf.float16]
)
@pytest.mark.parametrize("insists", [False, True])
def test_dtypes_of_checks(dtype: Any, insists: bool) -> None:
    """Functions that take 64-bit arguments instead, and functions that insist on their dtype."""
    x = tf.cast(X + 1j * X[::-1] if dtype.is_complex else X, dtype)
    factor = tf.cast(tf.ones([3, 4]), dtype) if insists else 1.0
    verdict = tf.check_gradients(lambda x: tf.math.sin(x) * x * factor, x)
    assert verdict, str(verdict)
    wrong = tf.check_gradients(planted(lambda x: x * x, lambda u, x: u * x * factor), x, order=1)
    assert {c.kind for c in wrong.failures} >= {"reverse", "forward"}, str(wrong)


def planted(f: Any, gradient: Any) -> Any:
    """A function with a gradient function."""

    @tf.custom_gradient
    def g(x: Any) -> Any:
        return f(x), lambda u: gradient(u, x)

    return g


def test_tolerance_and_seed() -> None:
    almost = planted(lambda x: x * x, lambda u, x: 2.0001 * u * x)
    assert not tf.check_gradients(almost, 3.0, order=1)
    assert tf.check_gradients(almost, 3.0, order=1, tolerance=1e-2)
    one, two, three = (tf.check_gradients(almost, 3.0, seed=s).checks[0].value for s in (1, 1, 2))
    assert one == two != three


def test_structures_and_arguments_that_do_not_move() -> None:
    def f(p: Any, n: Any, name: Any) -> Any:
        assert name == "x"
        y = p["w"] * p["more"][1] + tf.cast(n[0], tf.float64)
        return {"y": tf.gather(y, n), "n": n, "z": p["more"][0]}

    verdict = tf.check_gradients(
        f, {"w": [1.0, 2.0, 3.0], "more": (4.0, [0.5, 1.0, 2.0])}, [0, 2], "x"
    )
    assert verdict, str(verdict)
    assert {c.argument for c in verdict.checks} == {0}
    assert {c.where for c in verdict.checks} == {
        "argument 0['w']", "argument 0['more'][0]", "argument 0['more'][1]",
    }  # fmt: skip


def test_variables_move_and_keep_their_values() -> None:
    v = tf.Variable([1.0, 2.0], dtype=tf.float64, name="scale")
    verdict = tf.check_gradients(lambda x: tf.exp(v) * x * v, [3.0, 4.0], variables=[v])
    assert verdict, str(verdict)
    assert {c.where for c in verdict.checks} == {"argument 0", "variable 'scale:0'"}
    assert {c.argument for c in verdict.checks} == {0, 1}
    np.testing.assert_array_equal(v.numpy(), [1.0, 2.0])

    @tf.custom_gradient
    def wrong(x: Any) -> Any:
        return x * v, lambda u, variables: (u * v, [3.0 * u * x])

    found = tf.check_gradients(wrong, [3.0, 4.0], variables=[v], order=1)
    assert {c.where for c in found.failures} == {"variable 'scale:0'"}
    np.testing.assert_array_equal(v.numpy(), [1.0, 2.0])


@pytest.mark.parametrize("compile", [False, True])
def test_functions_that_are_traced(compile: bool) -> None:
    f = tf.function(lambda x: tf.reduce_sum(x * tf.exp(x)), jit_compile=compile)
    verdict = tf.check_gradients(f, [1.0, 2.0])
    assert verdict, str(verdict)


def test_second_derivatives_between_arguments() -> None:
    """The Hessian of x and y together: the wrong mixed part stands in no block of one argument."""

    @tf.custom_gradient
    def f(x: Any, y: Any) -> Any:
        return x * y * y, lambda u: (u * y * y, 2.0 * u * y * tf.stop_gradient(x))

    verdict = tf.check_gradients(f, 2.0, 3.0)
    failed = {(c.kind, c.argument) for c in verdict.failures}
    assert ("second", 0) in failed
    assert ("forward over reverse", 0) in failed
    assert not any(c.kind in ("reverse", "forward", "adjoint") for c in verdict.failures)


def test_kinks_are_detected_and_any_slope_between_is_right() -> None:
    verdict = tf.check_gradients(tf.nn.relu, [0.0, 1.0])
    assert verdict, str(verdict)
    assert verdict.kinks == (0,)
    assert "at a kink" in str(verdict)
    assert verdict.summary.endswith("kinks along argument 0")
    away = tf.check_gradients(tf.nn.relu, [0.5, -1.0])
    assert away
    assert not away.kinks


@pytest.mark.parametrize(
    "f",
    [tf.floor, lambda x: tf.where(x > 1.0, x + 1.0, x), lambda x: tf.cast(x == 1.0, tf.float64)],
)
def test_jumps_are_no_kinks(f: Any) -> None:
    verdict = tf.check_gradients(f, [1.0, 2.5])
    assert not verdict
    assert {c.kind for c in verdict.checks} == {"jump"}
    assert "f is not continuous" in verdict.summary
    assert tf.check_gradients(f, [1.2, 2.5])


def test_a_value_that_is_not_finite() -> None:
    verdict = tf.check_gradients(tf.math.log, [-1.0, 1.0])
    assert not verdict
    assert "f gives nan at the point" in verdict.summary


def test_the_edge_of_a_domain() -> None:
    verdict = tf.check_gradients(tf.sqrt, [0.0, 1.0], order=1)
    assert not verdict
    assert "edge of its domain" in verdict.summary


def test_what_check_gradients_refuses() -> None:
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        tf.check_gradients(tf.exp, 1.0, order=3)
    with pytest.raises(ValueError, match="no argument and result that carry derivatives"):
        tf.check_gradients(lambda n: n, 1)
    with pytest.raises(ValueError, match="two evaluations of f at one point differ by"):
        tf.check_gradients(lambda x: x * tf.random.normal([2], dtype=tf.float64), [1.0, 2.0])
    with pytest.raises(TypeError, match="in variables is no variable"):
        tf.check_gradients(tf.exp, 1.0, variables=[tf.constant(1.0)])
    with pytest.raises(TypeError, match="gradtape.check_gradients"):
        tf.check_gradients(3, 1.0)
    count = tf.Variable(0.0, dtype=tf.float64)
    with pytest.raises(ValueError, match="changes what it reads"):
        tf.check_gradients(lambda x: x + count.assign_add(1.0), 1.0)
