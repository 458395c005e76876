"""Derivatives of functions in `tf.function`, of a `tf.function`, and of control flow; nothing is traced twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf


def f64(*values: float) -> Any:
    return tf.constant(values, tf.float64)


def well(x: Any) -> Any:
    """From three numbers to one."""
    return tf.reduce_sum(tf.sin(x) * x**2) * x[0]


def well_gradient(x: Any) -> Any:
    first = np.array([1.0, 0.0, 0.0])
    return (np.cos(x) * x**2 + 2 * x * np.sin(x)) * x[0] + first * (np.sin(x) * x**2).sum()


def well_hessian(x: Any) -> Any:
    first = np.array([1.0, 0.0, 0.0])
    slope = np.cos(x) * x**2 + 2 * x * np.sin(x)
    curve = -np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x)
    return np.diag(curve) * x[0] + np.outer(first, slope) + np.outer(slope, first)


X, Y, V = np.array([0.3, 0.7, 1.1]), np.array([0.5, 0.2, 0.9]), np.array([1.0, -2.0, 0.5])
ASKED: dict[str, tuple[Any, Any]] = {
    "grad": (lambda f: tf.grad(f), well_gradient),
    "value_and_grad": (lambda f: lambda x: tf.value_and_grad(f)(x)[1], well_gradient),
    "jacobian": (lambda f: tf.jacobian(f), well_gradient),
    "forward": (lambda f: tf.jacobian(f, mode="forward"), well_gradient),
    "vjp": (lambda f: lambda x: tf.vjp(f, x)[1](tf.constant(1.0, tf.float64))[0], well_gradient),
    "jvp": (lambda f: lambda x: tf.jvp(f, (x,), (V,))[1], lambda x: well_gradient(x) @ V),
    "linearize": (lambda f: lambda x: tf.linearize(f, x)[1](V), lambda x: well_gradient(x) @ V),
    "hessian": (lambda f: tf.hessian(f), well_hessian),
    "hessian reverse": (lambda f: tf.hessian(f, mode="reverse"), well_hessian),
    "hvp": (lambda f: lambda x: tf.hvp(f, (x,), (V,))[0], lambda x: well_hessian(x) @ V),
    "laplacian": (lambda f: tf.laplacian(f), lambda x: np.trace(well_hessian(x))),
    "map": (
        lambda f: lambda x: tf.vectorized_map(tf.hessian(f), tf.stack([x, 2.0 * x])),
        lambda x: [well_hessian(x), well_hessian(2 * x)],
    ),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("jit", [None, True])
def test_in_a_function_it_is_traced_once(name: str, jit: Any) -> None:
    transform, expected = ASKED[name]
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return well(x)

    compiled = tf.function(lambda x: transform(f)(x), jit_compile=jit)
    for point in (X, Y, X):
        np.testing.assert_allclose(compiled(tf.constant(point)), expected(point), rtol=1e-9)
    assert compiled.experimental_get_tracing_count() == 1
    assert runs == [1]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("jit", [None, True])
def test_of_a_function_it_is_traced_no_second_time(name: str, jit: Any) -> None:
    transform, expected = ASKED[name]
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return well(x)

    compiled = tf.function(f, jit_compile=jit)
    asked = transform(compiled)
    np.testing.assert_allclose(asked(tf.constant(X)), expected(X), rtol=1e-9)
    traced = compiled.experimental_get_tracing_count(), len(runs)
    for point in (Y, X):
        np.testing.assert_allclose(asked(tf.constant(point)), expected(point), rtol=1e-9)
    assert (compiled.experimental_get_tracing_count(), len(runs)) == traced == (1, 1)


@pytest.mark.parametrize("name", ASKED)
def test_eagerly_it_runs_the_function_once(name: str) -> None:
    transform, expected = ASKED[name]
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return well(x)

    np.testing.assert_allclose(transform(f)(tf.constant(X)), expected(X), rtol=1e-9)
    assert runs == [1]


@pytest.mark.parametrize("name", ASKED)
def test_a_tape_around_a_compiled_derivative(name: str) -> None:
    transform, _ = ASKED[name]

    def total(x: Any) -> Any:
        return tf.reduce_sum(tf.sin(transform(well)(x)))

    x = tf.constant(X)
    slopes = []
    for function in (total, tf.function(total)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        slopes.append(tape.gradient(y, x))
    step = 1e-5 * V
    difference = (float(total(tf.constant(X + step))) - float(total(tf.constant(X - step)))) / 2e-5
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-9)
    assert np.vdot(slopes[0], V) == pytest.approx(difference, rel=1e-6)


def powers(x: Any) -> Any:
    """x, x^2, x^4, ... until it is large, by a loop and a condition."""
    _, y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * y), (0, x))
    return tf.cond(tf.reduce_sum(x) > 0.0, lambda: y, lambda: -3.0 * x)  # x^8


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("compiled", [False, True])
def test_control_flow(mode: str, compiled: bool) -> None:
    wrap = tf.function if compiled else lambda f: f
    jac = wrap(tf.jacobian(powers, mode=mode))
    np.testing.assert_allclose(jac(f64(1.1, 0.9)), np.diag([8 * 1.1**7, 8 * 0.9**7]))
    np.testing.assert_allclose(jac(f64(-1.0, 0.5)), np.diag([-3.0, -3.0]))
    curve = wrap(tf.hessian(lambda x: tf.reduce_sum(powers(x)), mode=mode))
    np.testing.assert_allclose(curve(f64(1.1, 0.9)), np.diag([56 * 1.1**6, 56 * 0.9**6]))


@pytest.mark.parametrize("compiled", [False, True])
def test_control_flow_on_tapes(compiled: bool) -> None:
    def both(x: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = powers(x)
            z = tf.reshape(y, (2, 1)) * tf.ones((1, 2), tf.float64)
            rows = tf.reshape(x, (2, 1))
            w = rows * powers(rows)
        return tape.jacobian(y, x), tape.jacobian(z, x), tape.batch_jacobian(w, rows)

    j, wide, each = (tf.function(both) if compiled else both)(f64(1.1, 0.9))
    slopes = [8 * 1.1**7, 8 * 0.9**7]
    np.testing.assert_allclose(j, np.diag(slopes))
    np.testing.assert_allclose(wide, np.stack([np.diag(slopes)] * 2, 1))
    np.testing.assert_allclose(np.ravel(each), [9 * 1.1**8, 9 * 0.9**8])


def test_python_branches_are_converted_inside_a_function() -> None:
    def bent(x: Any) -> Any:
        if tf.reduce_sum(x) > 0.0:
            y = x * x
        else:
            y = -x
        return y

    @tf.function
    def asked(x: Any) -> Any:
        return (
            tf.jacobian(bent)(x),
            tf.jvp(bent, (x,), (tf.ones_like(x),))[1],
            tf.vjp(bent, x)[1](tf.ones_like(x))[0],
            tf.linearize(bent, x)[1](tf.ones_like(x)),
        )

    for point, slopes in ((f64(1.0, 2.0), [2.0, 4.0]), (f64(-1.0, -2.0), [-1.0, -1.0])):
        found = asked(point)
        np.testing.assert_allclose(found[0], np.diag(slopes))
        for one in found[1:]:
            np.testing.assert_allclose(one, slopes)


def test_tape_jacobians_of_a_compiled_call_trace_once() -> None:
    runs = []

    @tf.function
    def f(x: Any) -> Any:
        runs.append(1)
        return tf.tanh(x) * tf.reduce_sum(x, axis=1, keepdims=True)

    x = np.array([[0.1, 0.5], [1.0, -0.4], [0.2, 0.3]])
    t = np.tanh(x)
    blocks = np.stack([np.diag(d) for d in (1 - t**2) * x.sum(1, keepdims=True)]) + t[:, :, None]
    whole = np.zeros((3, 2, 3, 2))
    for i in range(3):
        whole[i, :, i] = blocks[i]
    for _ in range(3):
        v = tf.constant(x)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(v)
            y = f(v)
        np.testing.assert_allclose(tape.jacobian(y, v), whole, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(tape.batch_jacobian(y, v), blocks, rtol=1e-10)
        loop = tape.jacobian(y, v, experimental_use_pfor=False)
        np.testing.assert_allclose(loop, whole, rtol=1e-10, atol=1e-12)
    assert f.experimental_get_tracing_count() == 1
    assert runs == [1]


def test_chunks_in_a_function() -> None:
    @tf.function
    def asked(x: Any) -> Any:
        return (
            tf.jacobian(lambda x: tf.sin(x) * x[0], max_bytes=100)(x),
            tf.hessian(well, max_bytes=100)(x),
            tf.laplacian(well, max_bytes=100)(x),
        )

    j, h, trace = asked(tf.constant(X))
    first = np.outer(np.sin(X), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(j, np.diag(np.cos(X) * X[0]) + first, rtol=1e-12)
    np.testing.assert_allclose(h, well_hessian(X), rtol=1e-9)
    assert float(trace) == pytest.approx(np.trace(well_hessian(X)), rel=1e-9)
