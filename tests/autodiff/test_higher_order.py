"""Derivatives of derivatives: nested tapes, one persistent tape, mixed modes, simultaneous tapes."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest

import gradtape as tf


def nth(f: Any, x: Any, order: int) -> Any:
    """The derivative of an order by nested tapes."""
    if order == 0:
        return f(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = nth(f, x, order - 1)
    return tape.gradient(y, x)


def test_nested_tapes() -> None:
    x = tf.Variable(1.0)
    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            y = x * x * x
        dy_dx = t1.gradient(y, x)
    assert float(dy_dx) == 3.0
    assert float(t2.gradient(dy_dx, x)) == 6.0


def test_second_and_third_order() -> None:
    x = tf.constant(2.0)
    assert [float(nth(lambda x: x**4, x, n)) for n in (1, 2, 3)] == [32.0, 48.0, 48.0]


def sin_exp(x: Any) -> Any:
    return tf.math.sin(x) * tf.exp(x)


@pytest.mark.parametrize("order", range(1, 8))
def test_high_orders_of_sin_times_exp(order: int) -> None:
    x = 1.3
    cycle = [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)]
    expected = sum(comb(order, k) * cycle[k % 4](x) * np.exp(x) for k in range(order + 1))
    found = nth(sin_exp, tf.constant(x, tf.float64), order)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_the_fifth_order_of_sin_times_exp_at_one() -> None:
    found = nth(sin_exp, tf.constant(1.0, tf.float64), 5)
    assert float(found) == pytest.approx(-4 * np.e * (np.sin(1) + np.cos(1)), rel=1e-12)


def test_an_inner_gradient_outside_the_outer_block_is_unconnected() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = x**3
    g = inner.gradient(y, x)
    assert outer.gradient(g, x) is None


def test_a_constant_that_only_the_inner_tape_watches() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x**3
        dy_dx = inner.gradient(y, x)
    assert float(dy_dx) == 27.0
    assert outer.gradient(dy_dx, x) is None


def test_the_same_with_a_variable_and_with_a_watch() -> None:
    for x, watch in ((tf.Variable(3.0), False), (tf.constant(3.0), True)):
        with tf.GradientTape() as outer:
            if watch:
                outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = x**3
            dy_dx = inner.gradient(y, x)
        assert (float(dy_dx), float(outer.gradient(dy_dx, x))) == (27.0, 18.0)


def test_one_persistent_tape_within_its_context() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x**3
        with pytest.warns(UserWarning, match="persistent tape inside its context"):
            derivatives = [y := tape.gradient(y, x) for _ in range(3)]
    assert [float(d) for d in derivatives] == [27.0, 18.0, 6.0]


def test_simultaneous_tapes_are_independent() -> None:
    x0, x1 = tf.constant(0.0), tf.constant(0.0)
    with tf.GradientTape() as tape0, tf.GradientTape() as tape1:
        tape0.watch(x0)
        tape1.watch(x1)
        y0 = tf.math.sin(x0)
        y1 = tf.nn.sigmoid(x1)
        ys = tf.reduce_sum(y0 + y1)
    assert float(tape0.gradient(ys, x0)) == 1.0
    assert float(tape1.gradient(ys, x1)) == 0.25


def test_hessian_vector_products_agree() -> None:
    x, v = tf.constant([1.0, 2.0]), tf.constant([1.0, 0.0])

    def f(x: Any) -> Any:
        return tf.reduce_sum(x**3)

    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        g = inner.gradient(y, x)
    assert outer.gradient(g, x, output_gradients=v).numpy().tolist() == [6.0, 0.0]


def test_the_norm_of_an_input_gradient() -> None:
    rng = np.random.default_rng(0)
    x = tf.constant(rng.standard_normal((7, 5)))
    kernel, bias = tf.Variable(rng.standard_normal((5, 10))), tf.Variable(np.zeros(10))

    def penalty() -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(x)
            y = tf.math.tanh(x @ kernel + bias)
            out = tf.reduce_sum(y**2)
        return tf.norm(inner.gradient(out, x))

    with tf.GradientTape() as outer:
        g1_mag = penalty()
    found = outer.gradient(g1_mag, [kernel, bias])
    assert [g.shape for g in found] == [(5, 10), (10,)]
    direction = rng.standard_normal((5, 10))

    def along(t: float) -> float:
        kernel.assign_add(t * direction)
        value = float(penalty())
        kernel.assign_sub(t * direction)
        return value

    slope = tf.numerical.derivative(along, 0.05)
    assert np.vdot(found[0], direction) == pytest.approx(float(slope.value), rel=1e-8)


def test_a_step_of_descent_by_hand_is_differentiable() -> None:
    w, rate = tf.Variable(1.0), tf.Variable(0.1)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner_loss = (w - 3.0) ** 2
        stepped = w - rate * inner.gradient(inner_loss, w)
        loss = stepped**2
    by_w, by_rate = outer.gradient(loss, [w, rate])
    assert float(by_w) == pytest.approx(2 * 1.4 * 0.8)
    assert float(by_rate) == pytest.approx(2 * 1.4 * 4.0)


def test_a_step_through_assignment_is_not() -> None:
    w, rate = tf.Variable(1.0), tf.Variable(0.1)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner_loss = (w - 3.0) ** 2
        w.assign_sub(rate * inner.gradient(inner_loss, w))
        loss = w**2
    assert outer.gradient(loss, rate) is None


def test_a_differential_equation_inside_a_loss() -> None:
    k = tf.Variable(1.0, dtype=tf.float64)
    y = tf.constant(1.0, tf.float64)
    h = 0.01
    with tf.GradientTape() as tape:
        for _ in range(100):
            k1 = -k * y
            k2 = -k * (y + h / 2 * k1)
            k3 = -k * (y + h / 2 * k2)
            k4 = -k * (y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    assert float(tape.gradient(y, k)) == pytest.approx(-np.exp(-1.0), rel=1e-8)


def test_greeks_of_a_call_option() -> None:
    s = tf.Variable(100.0, dtype=tf.float64)
    strike, rate, sigma, t = 100.0, 0.05, 0.2, 1.0

    def normal_cdf(x: Any) -> Any:
        return 0.5 * (1.0 + tf.math.erf(x / np.sqrt(2.0)))

    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            d1 = (tf.math.log(s / strike) + (rate + sigma**2 / 2) * t) / (sigma * np.sqrt(t))
            d2 = d1 - sigma * np.sqrt(t)
            price = s * normal_cdf(d1) - strike * np.exp(-rate * t) * normal_cdf(d2)
        delta = t1.gradient(price, s)
    gamma = t2.gradient(delta, s)
    found = [round(float(v), 5) for v in (price, delta, gamma)]
    assert found == [10.45058, 0.63683, 0.01876]


def test_a_residual_with_second_derivatives_by_its_weights() -> None:
    rng = np.random.default_rng(1)
    w1, w2 = tf.Variable(rng.standard_normal((1, 4))), tf.Variable(rng.standard_normal((4, 1)))
    x = tf.constant(rng.standard_normal((6, 1)))

    def residual() -> Any:
        with tf.GradientTape() as t2:
            t2.watch(x)
            with tf.GradientTape() as t1:
                t1.watch(x)
                u = tf.math.tanh(x @ w1) @ w2
            u_x = t1.gradient(u, x)
        u_xx = t2.gradient(u_x, x)
        return tf.reduce_mean((u_xx + u) ** 2)

    with tf.GradientTape() as t3:
        loss = residual()
    found = t3.gradient(loss, w1)
    direction = rng.standard_normal((1, 4))

    def along(t: float) -> float:
        w1.assign_add(t * direction)
        value = float(residual())
        w1.assign_sub(t * direction)
        return value

    slope = tf.numerical.derivative(along, 0.05)
    assert np.vdot(found, direction) == pytest.approx(float(slope.value), rel=1e-7)
