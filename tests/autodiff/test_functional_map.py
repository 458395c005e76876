"""`vectorized_map` against what it claims: one run of the function, any structure, tapes and draws inside."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradtape as tf

ROWS = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])


def test_the_function_runs_once_at_every_call_and_is_never_traced() -> None:
    runs = []

    def f(row: Any) -> Any:
        runs.append(row.shape)
        return tf.reduce_sum(row) * row

    for scale in (1.0, 2.0):
        found = tf.vectorized_map(f, tf.constant(scale * ROWS))
        np.testing.assert_allclose(found, (scale * ROWS).sum(1, keepdims=True) * scale * ROWS)
    assert runs == [(2,), (2,)]


def test_in_a_function_it_is_traced_once() -> None:
    runs = []

    @tf.function
    def mapped(rows: Any) -> Any:
        def f(row: Any) -> Any:
            runs.append(1)
            return row * row[0]

        return tf.vectorized_map(f, rows)

    for scale in (1.0, 2.0):
        found = mapped(tf.constant(scale * ROWS))
        np.testing.assert_allclose(found, scale**2 * ROWS * ROWS[:, :1])
    assert mapped.experimental_get_tracing_count() == 1
    assert runs == [1]


def test_a_recorded_function_inside_is_traced_once() -> None:
    runs = []

    @tf.function
    def f(row: Any) -> Any:
        runs.append(1)
        return row * row[0]

    for _ in range(3):
        found = tf.vectorized_map(f, tf.constant(ROWS))
        np.testing.assert_allclose(found, ROWS * ROWS[:, :1])
    assert runs == [1]


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_of_each_example_by_a_variable(compiled: bool) -> None:
    w = tf.Variable([2.0, 3.0], dtype=tf.float64)

    def one(row: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(w * row) ** 2
        return {"loss": y, "slope": tape.gradient(y, w)}

    def mapped(rows: Any) -> Any:
        return tf.vectorized_map(one, rows)

    found = (tf.function(mapped) if compiled else mapped)(tf.constant(ROWS))
    products = ROWS @ [2.0, 3.0]
    np.testing.assert_allclose(found["loss"], products**2)
    np.testing.assert_allclose(found["slope"], 2 * products[:, None] * ROWS)


def test_gradients_of_each_example_by_a_table_are_dense() -> None:
    table = tf.Variable(np.ones((4, 2)))

    def one(i: Any) -> Any:
        with tf.GradientTape() as tape:
            y = 3.0 * tf.reduce_sum(tf.gather(table, i) ** 2)
        return tape.gradient(y, table)

    found = tf.vectorized_map(one, tf.constant([0, 2, 2]))
    expected = np.zeros((3, 4, 2))
    expected[[0, 1, 2], [0, 2, 2]] = 6.0
    np.testing.assert_allclose(found, expected)


def test_nested_maps_and_their_derivative() -> None:
    x = tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.vectorized_map(lambda row: tf.vectorized_map(lambda e: e * e + row[0], row), x)
    np.testing.assert_allclose(y, ROWS**2 + ROWS[:, :1])
    expected = 2 * ROWS
    expected[:, 0] += 2
    np.testing.assert_allclose(tape.gradient(y, x), expected)


def test_what_has_one_example_is_shared() -> None:
    table = tf.Variable([[10.0, 20.0]], dtype=tf.float64)
    with tf.GradientTape() as tape:
        found = tf.vectorized_map(
            lambda e: (e[0] * e[1]["t"], {"first": e[0][0]}), (tf.constant(ROWS), {"t": table})
        )
    np.testing.assert_allclose(found[0], ROWS * [10.0, 20.0])
    np.testing.assert_allclose(found[1]["first"], ROWS[:, 0])
    np.testing.assert_allclose(tape.gradient(found[0], table), [ROWS.sum(0)])
    alone = tf.vectorized_map(lambda row: 2.0 * row, tf.constant(ROWS[:1]))
    np.testing.assert_allclose(alone, 2 * ROWS[:1])


def test_variables_arrays_and_empty_batches() -> None:
    v = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.vectorized_map(lambda e: e**3, v)
    np.testing.assert_allclose(tape.gradient(y, v), [12.0, 27.0])
    assert tf.vectorized_map(lambda e: e + 1, ROWS).dtype == tf.float64
    assert tf.vectorized_map(lambda e: e * 2.0, tf.zeros((0, 3))).shape == (0, 3)
    assert tf.vectorized_map(lambda e: None, tf.zeros((2, 3))) is None


def test_control_flow_that_the_examples_choose() -> None:
    def f(row: Any) -> Any:
        steps = tf.cast(tf.reduce_sum(row), tf.int32)
        _, y = tf.while_loop(lambda i, y: i < steps, lambda i, y: (i + 1, y * 2.0), (0, row))
        return tf.cond(row[0] > 0.0, lambda: y, lambda: -y)

    found = tf.vectorized_map(f, tf.constant(ROWS))
    np.testing.assert_allclose(found, ROWS * [[2.0], [-4.0], [64.0]])


def test_a_missing_rule_is_said_once() -> None:
    @tf.primitive(name="functional_map_test_cube", vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube(xp: Any, x: Any) -> Any:
        return x**3

    x = tf.constant([1.0, 2.0])
    with pytest.warns(UserWarning, match="functional_map_test_cube has no batching rule") as said:
        found = [tf.vectorized_map(cube, x) for _ in range(3)]
    np.testing.assert_array_equal(found, [[1.0, 8.0]] * 3)
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slopes = tf.vectorized_map(tf.grad(cube), x)
    np.testing.assert_array_equal(slopes, [3.0, 12.0])


def test_the_result_must_be_tensors() -> None:
    with pytest.raises(TypeError, match=r"vectorized_map"):
        tf.vectorized_map(lambda row: "text", tf.constant(ROWS))
    with pytest.raises(TypeError, match=r"gradtape\.vectorized_map: fn must be a function"):
        tf.vectorized_map(3, tf.constant(ROWS))


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "compiled"])
def test_each_example_draws_its_own_numbers(wrap: Any) -> None:
    def noisy(row: Any) -> Any:
        first = tf.random.normal([2])
        return tf.stack([row + first, row + tf.random.normal([2])])

    mapped = wrap(lambda rows: tf.vectorized_map(noisy, rows))
    rows = tf.zeros((50, 2))
    tf.random.set_seed(3)
    found, again = np.asarray(mapped(rows)), np.asarray(mapped(rows))
    drawn = np.concatenate([found.ravel(), again.ravel()])
    assert len(np.unique(drawn)) == 400
    assert abs(drawn.mean()) < 0.25
    assert abs(drawn.std() - 1.0) < 0.2
    tf.random.set_seed(3)
    np.testing.assert_allclose(mapped(rows), found, rtol=1e-6)


def test_recorded_functions_and_loops_inside_draw_for_each_example() -> None:
    @tf.function
    def noisy(x: Any) -> Any:
        return x + tf.random.uniform([])

    x = tf.zeros(20)
    assert len(np.unique(tf.vectorized_map(noisy, x))) == 20
    nested = tf.vectorized_map(lambda r: tf.vectorized_map(noisy, r), tf.zeros((4, 5)))
    assert len(np.unique(nested)) == 20

    def walk(x: Any) -> Any:
        return tf.while_loop(
            lambda i, y: i < 3, lambda i, y: (i + 1, y + tf.random.uniform([])), (0, x)
        )[1]

    assert len(np.unique(tf.vectorized_map(walk, x))) == 20
    sized = tf.function(
        lambda x: tf.vectorized_map(noisy, x), input_signature=[tf.TensorSpec([None], tf.float32)]
    )
    assert len(np.unique(sized(x))) == 20


def test_the_rows_of_a_jacobian_share_what_the_function_draws() -> None:
    def dropped(x: Any) -> Any:
        return x * tf.random.uniform([3])

    for mode in ("forward", "reverse"):
        found = np.asarray(tf.jacobian(dropped, mode=mode)(tf.ones(3)))
        np.testing.assert_array_equal(found, np.diag(np.diag(found)))
    value, pullback = tf.vjp(dropped, tf.ones(3))
    np.testing.assert_allclose(pullback(tf.ones(3))[0], value)
