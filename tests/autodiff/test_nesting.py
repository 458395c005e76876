"""Modes within modes: tapes, accumulators, batches and Jacobians in each other, in every order.

Each program runs a plain function, the same function with a custom gradient, and recomputed; all
must agree, and agree with a loop where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

X = tf.constant(np.arange(1.0, 7.0).reshape(3, 2))
W = tf.constant([2.0, 3.0], tf.float64)
F = Callable[[Any, Any], Any]


def plain(x: Any, w: Any) -> Any:
    return x**3 * w


@tf.custom_gradient
def custom(x: Any, w: Any) -> Any:
    return x**3 * w, lambda u: (u * 3.0 * x**2 * w, u * x**3)


recomputed = tf.recompute_grad(plain)


def joined(values: Any) -> Any:
    """All numbers of a structure in a row."""
    return tf.concat([tf.reshape(v, [-1]) for v in tf.nest.flatten(values)], 0)


def ones() -> Any:
    return [tf.ones_like(X), tf.ones_like(W)]


def accumulator_in_a_map(f: F) -> Any:
    def one(x: Any) -> Any:
        tangents = [tf.ones_like(x), tf.ones_like(W)]
        with tf.autodiff.ForwardAccumulator([x, W], tangents) as acc:
            y = f(x, W)
        return acc.jvp(y)

    return tf.vectorized_map(one, X)


def jacobian_of_a_map(f: F) -> Any:
    with tf.GradientTape() as tape:
        tape.watch([X, W])
        y = tf.vectorized_map(lambda x: f(x, W), X)
    return joined(tape.jacobian(y, [X, W]))


def second_order_of_a_map_in_a_map(f: F) -> Any:
    with tf.GradientTape() as t2:
        t2.watch([X, W])
        with tf.GradientTape() as t1:
            t1.watch([X, W])
            y = tf.vectorized_map(lambda x: tf.vectorized_map(lambda e: f(e, W[0]), x), X)
        g = t1.gradient(y, [X, W])
    return joined([y, g, t2.gradient(g, [X, W])])


def gradient_of_jacobians_in_a_map(f: F) -> Any:
    def one(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, W])
            y = f(x, W)
        return tape.jacobian(y, [x, W])

    with tf.GradientTape() as tape:
        tape.watch([X, W])
        found = tf.vectorized_map(one, X)
    return joined([found, tape.gradient(found, [X, W])])


def tangent_of_all_that(f: F) -> Any:
    with tf.autodiff.ForwardAccumulator([X, W], ones()) as acc:
        found = gradient_of_jacobians_in_a_map(f)
    return acc.jvp(found)


def mixed_derivative_of_each_example(f: F) -> Any:
    def one(x: Any) -> Any:
        with tf.GradientTape() as t2:
            t2.watch([x, W])
            with tf.GradientTape() as t1:
                t1.watch([x, W])
                y = f(x, W)
            g = t1.gradient(y, W)
        return t2.gradient(g, x)

    return tf.vectorized_map(one, X)


def hessian_forward_over_reverse(f: F) -> Any:
    columns = []
    for direction in np.eye(2):
        with tf.autodiff.ForwardAccumulator(W, tf.constant(direction)) as acc:
            with tf.GradientTape() as tape:
                tape.watch([X, W])
                y = tf.reduce_sum(f(X[0], W) ** 2)
            g = tape.gradient(y, [X, W])
        columns.append(acc.jvp(g))
    return joined(columns)


PROGRAMS = [
    accumulator_in_a_map,
    jacobian_of_a_map,
    second_order_of_a_map_in_a_map,
    gradient_of_jacobians_in_a_map,
    tangent_of_all_that,
    mixed_derivative_of_each_example,
    hessian_forward_over_reverse,
]


@pytest.mark.parametrize("f", [custom, recomputed], ids=["custom", "recomputed"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_every_nesting_agrees_with_the_plain_function(program: Any, f: Any) -> None:
    np.testing.assert_allclose(program(f), program(plain), rtol=1e-13)


def test_a_map_agrees_with_a_loop() -> None:
    def one(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, W])
            y = plain(x, W)
        return joined(tape.jacobian(y, [x, W]))

    np.testing.assert_allclose(
        tf.vectorized_map(one, X), [one(tf.constant(row)) for row in np.asarray(X)], rtol=1e-13
    )
    np.testing.assert_allclose(
        accumulator_in_a_map(plain), 3 * np.asarray(X) ** 2 * np.asarray(W) + np.asarray(X) ** 3
    )
    np.testing.assert_allclose(mixed_derivative_of_each_example(plain), 3 * np.asarray(X) ** 2)


def test_a_tape_gives_none_for_what_only_an_inner_tape_watches() -> None:
    x, v = tf.constant(2.0), tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x * v * x
        slope = inner.gradient(y, x)
    assert float(slope) == 12.0
    assert outer.gradient(slope, x) is None  # a part of the second derivative would be worse


def test_a_constant_of_a_tensor_is_the_tensor() -> None:
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tf.constant(v * 2.0) * v
    assert float(tape.gradient(y, v)) == 12.0
