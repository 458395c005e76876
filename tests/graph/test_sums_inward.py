"""Sums over the rows of products become products with sums over rows, and give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 30, 4)), RNG.normal(size=(2, 4, 5))
SCALE, OFFSET = RNG.normal(size=(2, 1, 5)), RNG.normal(size=(2, 30, 5))


def products(function: Any, *args: Any) -> list[tuple[Any, ...]]:
    """The shapes of the products that a function does."""
    steps = function.get_concrete_function(*args).callee.runner.program.steps
    return [op.values[0].shape for op in steps if op.primitive.name == "matmul"]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "inner",
    [
        lambda a, b: a @ b,
        lambda a, b: -(a @ b),
        lambda a, b: OFFSET + a @ b,
        lambda a, b: SCALE * (a @ b),
        lambda a, b: (a @ b) * SCALE - (OFFSET - SCALE * (a @ (2.0 * b))),
    ],
)
def test_the_product_is_one_of_sums(inner: Any, keepdims: bool) -> None:
    def eager(a: Any, b: Any) -> Any:
        return tf.reduce_sum(inner(a, b), 1, keepdims)

    function = tf.function(eager, jit_compile=False)
    np.testing.assert_allclose(function(A, B).numpy(), eager(A, B).numpy(), rtol=1e-12)
    assert function(A, B).shape == eager(A, B).shape
    assert set(products(function, A, B)) == {(2, 1, 5)}


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: tf.reduce_sum(a @ b, 2),
        lambda a, b: tf.reduce_sum(a @ b, [0, 1]),
        lambda a, b: tf.reduce_sum(tf.exp(a @ b), 1),
        lambda a, b: tf.reduce_sum((a @ b) * OFFSET, 1),
        lambda a, b: tf.reduce_sum(tf.ones([2, 1, 1], tf.float64) * (a @ b), 0),
    ],
)
def test_other_sums_stay(function: Any) -> None:
    made = tf.function(function, jit_compile=False)
    np.testing.assert_allclose(made(A, B).numpy(), function(A, B).numpy(), rtol=1e-12)
    assert products(made, A, B) == [(2, 30, 5)]


def test_wide_rows_are_not_summed_instead_of_narrow_ones() -> None:
    a, b = RNG.normal(size=(30, 40)), RNG.normal(size=(40, 2))
    function = tf.function(lambda a, b: tf.reduce_sum(a @ b, 0), jit_compile=False)
    np.testing.assert_allclose(function(a, b).numpy(), (a @ b).sum(0), rtol=1e-12)
    assert products(function, a, b) == [(30, 2)]


def test_a_product_that_others_want_is_done_once_more_only_for_sums() -> None:
    def both(a: Any, b: Any) -> Any:
        y = a @ b
        return y, tf.reduce_sum(y, 1)

    function = tf.function(both, jit_compile=False)
    y, total = function(A, B)
    np.testing.assert_allclose(total.numpy(), y.numpy().sum(1), rtol=1e-12)
    assert products(function, A, B) == [(2, 30, 5), (2, 1, 5)]


def test_the_gradient_of_a_mean_that_is_taken_off() -> None:
    def loss(points: Any, mean: Any, matrix: Any) -> Any:
        return tf.reduce_sum(tf.square((points - mean) @ matrix))

    def slopes(points: Any, mean: Any, matrix: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([mean, matrix])
            y = loss(points, mean, matrix)
        return tape.gradient(y, [mean, matrix])

    spec = [tf.TensorSpec([None, 4], tf.float64), *map(tf.TensorSpec.from_tensor, ())]
    spec += [tf.TensorSpec([1, 4], tf.float64), tf.TensorSpec([4, 5], tf.float64)]
    function = tf.function(slopes, input_signature=spec, jit_compile=False)
    for count in (30, 7):
        given = [tf.constant(v) for v in (A[0, :count], A[1, :1], B[0])]
        for have, wanted in zip(function(*given), slopes(*given), strict=True):
            np.testing.assert_allclose(have.numpy(), wanted.numpy(), rtol=1e-12)
    assert function.experimental_get_tracing_count() == 1
    assert sorted(s[0] == 1 for s in products(function)) == [False, False, True]


@pytest.mark.parametrize("outer", [lambda y: y, lambda y: y @ tf.ones([5, 3], tf.float64)])
def test_rows_of_zeros_stop_an_infinite_factor_outside_of_the_sum(outer: Any) -> None:
    def slope(offset: Any, ct: Any) -> Any:
        factor = tf.constant([[np.inf, np.nan, 1.0, 2.0, -np.inf]], tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(offset)
            y = outer((OFFSET[0] + offset) * factor)
        return tape.gradient(y, offset, output_gradients=ct)

    function = tf.function(slope, jit_compile=True)
    offset = tf.zeros([1, 5], tf.float64)
    shape = outer(tf.zeros([30, 5], tf.float64)).shape
    np.testing.assert_array_equal(function(offset, tf.zeros(shape, tf.float64)), np.zeros((1, 5)))
    columns = 30.0 if shape[1] == 5 else 90.0
    given = function(offset, tf.ones(shape, tf.float64)).numpy()
    np.testing.assert_array_equal(given, columns * np.array([[np.inf, np.nan, 1, 2, -np.inf]]))


def test_a_factor_of_all_rows_is_taken_out_of_a_sum_in_derivatives() -> None:
    def slope(offset: Any, ct: Any, dtype: Any) -> Any:
        factor = tf.cast(SCALE[0], dtype)
        with tf.GradientTape() as tape:
            tape.watch(offset)
            y = (tf.cast(OFFSET[0], dtype) + offset) * factor
        return tape.gradient(y, offset, output_gradients=ct)

    ct = RNG.normal(size=(30, 5))
    for dtype, shape in ((tf.float64, (1, 5)), (tf.float16, (30, 5))):
        function = tf.function(lambda o, c, d=dtype: slope(o, c, d), jit_compile=False)
        given = tf.zeros([1, 5], dtype), tf.cast(ct, dtype)
        wanted = (ct * SCALE[0]).sum(0, keepdims=True)
        error = 1e-12 if dtype == tf.float64 else 3e-2
        np.testing.assert_allclose(function(*given).numpy(), wanted, rtol=error, atol=error)
        steps = function.get_concrete_function(*given).callee.runner.program.steps
        shapes = [op.values[0].shape for op in steps if op.primitive.name == "chain_multiply"]
        assert shapes == [shape]


def test_long_and_branching_sums_are_recorded_quickly() -> None:
    def long(x: Any) -> Any:
        for _ in range(1200):
            x = x + A[0]
        return tf.reduce_sum(x, 0)

    def doubled(x: Any) -> Any:
        for _ in range(60):
            x = x + x
        return tf.reduce_sum(x, 0)

    for function in (long, doubled):
        made = tf.function(function, jit_compile=False, autograph=False)
        np.testing.assert_allclose(made(A[0]).numpy(), function(A[0]).numpy(), rtol=1e-9)
