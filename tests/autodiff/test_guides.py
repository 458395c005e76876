"""The programs of introductory guides to differentiation with tapes, with the values they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf


def test_partial_derivatives_of_two_products() -> None:
    a, b, c = tf.constant(1.0), tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch([a, b, c])
        y = a * b + c * a
    assert [float(g) for g in tape.gradient(y, [a, b, c])] == [5.0, 1.0, 1.0]


def linear_model() -> Any:
    rng = np.random.default_rng(0)
    w = tf.Variable(rng.standard_normal((3, 2)).astype(np.float32), name="w")
    b = tf.Variable(tf.zeros(2, dtype=tf.float32), name="b")
    x = [[1.0, 2.0, 3.0]]
    with tf.GradientTape(persistent=True) as tape:
        y = x @ w + b
        loss = tf.reduce_mean(y**2)
    return tape, loss, w, b, y


def test_a_list_times_a_variable() -> None:
    tape, loss, w, b, y = linear_model()
    dl_dw, dl_db = tape.gradient(loss, [w, b])
    assert dl_dw.shape == w.shape == (3, 2)
    np.testing.assert_allclose(dl_db, np.asarray(y)[0], rtol=1e-6)
    np.testing.assert_allclose(dl_dw, np.outer([1, 2, 3], np.asarray(y)[0]), rtol=1e-6)
    grad = tape.gradient(loss, {"w": w, "b": b})
    assert grad["b"].shape == (2,)


def test_the_slope_of_a_sigmoid_element_by_element() -> None:
    x = tf.linspace(-10.0, 10.0, 200 + 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.sigmoid(x)
    dy_dx = tape.gradient(y, x)
    assert dy_dx.shape == x.shape
    s = 1 / (1 + np.exp(-np.asarray(x, np.float64)))
    np.testing.assert_allclose(dy_dx, s * (1 - s), rtol=1e-5)


def test_a_jacobian_with_respect_to_a_number() -> None:
    x = tf.linspace(-10.0, 10.0, 200 + 1)
    delta = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        y = tf.nn.sigmoid(x + delta)
    dy_dx = tape.jacobian(y, delta)
    assert y.shape == dy_dx.shape == (201,)
    assert float(dy_dx[100]) == 0.25


def test_a_variable_in_no_relation_and_zeros_instead() -> None:
    x, y = tf.Variable([2.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = y**2
    zero = tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert zero.numpy().tolist() == [0.0, 0.0]


def test_the_loss_of_a_model_by_descent() -> None:
    rng = np.random.default_rng(2)
    x = tf.constant(rng.standard_normal((64, 3)))
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.25
    w, b = tf.Variable(np.zeros((3, 1))), tf.Variable(np.zeros(1))
    losses = []
    for _ in range(200):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w + b - y) ** 2)
        gradients = tape.gradient(loss, [w, b])
        for variable, gradient in zip([w, b], gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_allclose(np.ravel(w), [1.0, -2.0, 0.5], atol=1e-6)
    assert f"{loss:.4f}" == "0.0000"


def test_the_policy_gradient_of_a_bandit() -> None:
    logits = tf.Variable([0.0, 0.0, 0.0])
    action, reward = 2, 3.0
    with tf.GradientTape() as tape:
        log_probability = tf.nn.log_softmax(logits)[action]
        loss = -log_probability * reward
    np.testing.assert_allclose(tape.gradient(loss, logits), [1.0, 1.0, -2.0], rtol=1e-6)


def test_a_hessian_of_a_layer_and_a_newton_step() -> None:
    rng = np.random.default_rng(3)
    x = tf.constant(rng.standard_normal((12, 5)))
    labels = rng.standard_normal((12, 4))
    kernel = tf.Variable(rng.standard_normal((5, 4)))

    def loss_of() -> Any:
        return tf.reduce_mean((x @ kernel - labels) ** 2)

    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            loss = loss_of()
        g = t1.gradient(loss, kernel)
    h = t2.jacobian(g, kernel)
    assert h.shape == (5, 4, 5, 4)
    n_params = 20
    g_vec = tf.reshape(g, [n_params, 1])
    h_mat = tf.reshape(h, [n_params, n_params])
    update = tf.linalg.solve(h_mat + tf.eye(n_params, dtype=tf.float64) * 1e-9, g_vec)
    kernel.assign_sub(tf.reshape(update, [5, 4]))
    best = np.linalg.lstsq(np.asarray(x), labels, rcond=None)[0]
    np.testing.assert_allclose(kernel, best, atol=1e-6)


def test_a_gradient_that_passes_through_a_rounding() -> None:
    weights = tf.Variable([0.3, 0.6, 1.4])
    with tf.GradientTape() as tape:
        quantized = tf.grad_pass_through(tf.round)(weights)
        loss = tf.reduce_sum((quantized - 1.0) ** 2)
    assert tape.gradient(loss, weights).numpy().tolist() == [-2.0, 0.0, 0.0]


def test_plotting_takes_tensors() -> None:
    x = tf.constant([1.0, 2.0])
    assert np.asarray(x).tolist() == [1.0, 2.0]
    assert np.max(x) == 2.0


@pytest.mark.parametrize("maker", [tf.Variable, tf.constant])
def test_a_step_with_respect_to_its_input(maker: Any) -> None:
    x = maker(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**2
    assert float(tape.gradient(y, x)) == 6.0
