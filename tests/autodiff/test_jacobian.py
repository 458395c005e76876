"""`GradientTape.jacobian`, `batch_jacobian` and `vectorized_map`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff import budget


def setup_module() -> None:
    np.random.seed(0)


def vector(*values: float) -> Any:
    return tf.constant(values, tf.float64)


def test_the_shape_is_that_of_target_and_source() -> None:
    x = tf.constant(np.random.randn(7, 5))
    w = tf.constant(np.random.randn(5, 10))
    delta = tf.constant(0.5, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([w, delta])
        y = tf.math.tanh(x @ w + delta)
        total = tf.reduce_sum(y)
    kernel = tape.jacobian(y, w)
    assert kernel.shape == (7, 10, 5, 10)
    assert tape.jacobian(y, delta).shape == (7, 10)
    assert tape.jacobian(total, w).shape == (5, 10)
    assert tape.jacobian(total, delta).shape == ()
    summed = np.asarray(kernel).sum(axis=(0, 1))
    np.testing.assert_allclose(summed, tape.gradient(y, w), rtol=1e-12)


def test_values_against_differences() -> None:
    x = tf.constant(np.random.randn(3))

    def f(x: Any) -> Any:
        return tf.math.sin(x) * tf.reduce_sum(x * x)

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    expected = tf.numerical.jacobian(f, x)
    np.testing.assert_allclose(tape.jacobian(y, x), expected.value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "how",
    [
        {"parallel_iterations": 1},
        {"parallel_iterations": 2},
        {"parallel_iterations": 100},
        {"experimental_use_pfor": False},
        {"experimental_use_pfor": False, "parallel_iterations": 4},
    ],
)
@pytest.mark.parametrize("persistent", [True, False])
def test_ways_of_computing_agree(how: Any, persistent: bool) -> None:
    x = tf.constant(np.random.randn(4, 3))

    def both(**options: Any) -> Any:
        with tf.GradientTape(persistent=persistent) as tape:
            tape.watch(x)
            y = tf.exp(x) * tf.reduce_sum(x, axis=1, keepdims=True)
        return tape.jacobian(y, x, **options)

    np.testing.assert_array_equal(both(**how), both())


def test_rows_go_in_chunks_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tf.constant(np.random.randn(4, 3))
    found = []
    for most in (2**28, 200, 1):
        monkeypatch.setattr(budget, "MOST_BYTES", most)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = tf.exp(x) * x
        found.append((tape.jacobian(y, x), tape.batch_jacobian(y, x)))
    for full, batch in found[1:]:
        np.testing.assert_array_equal(full, found[0][0])
        np.testing.assert_array_equal(batch, found[0][1])


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True])
def test_parallel_iterations_is_checked(bad: Any) -> None:
    x = vector(1.0, 2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    with pytest.raises(ValueError, match="parallel_iterations must be None or a positive integer"):
        tape.jacobian(y, x, parallel_iterations=bad)
    assert tape.jacobian(y, x).shape == (2, 2)


def test_sources_keep_their_structure() -> None:
    a, b, c = vector(1.0, 2.0), vector(3.0), vector(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([a, b, c])
        y = a * b
    found = tape.jacobian(y, {"a": a, "rest": [b, c]})
    np.testing.assert_array_equal(found["a"], np.diag([3.0, 3.0]))
    np.testing.assert_array_equal(found["rest"][0], [[1.0], [2.0]])
    assert found["rest"][1] is None
    zero = tape.jacobian(y, [b, c], unconnected_gradients="zero")
    assert zero[1].shape == (2, 1)
    assert not np.any(zero[1])


def test_several_targets_have_their_own_jacobians() -> None:
    a = vector(1.0, 2.0)
    with tf.GradientTape() as tape:
        tape.watch(a)
        targets = {"square": a * a, "sum": tf.reduce_sum(a)}
    found = tape.jacobian(targets, a)
    np.testing.assert_array_equal(found["square"], np.diag([2.0, 4.0]))
    np.testing.assert_array_equal(found["sum"], [1.0, 1.0])


def test_integer_target_and_wrong_arguments() -> None:
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = v * v
        n = tf.cast(y, tf.int32)
    assert tape.jacobian(n, v) is None
    assert tape.jacobian(n, [v, v]) == [None, None]
    with pytest.raises(TypeError, match=r"GradientTape.jacobian: the target .* is no tensor"):
        tape.jacobian(3.0, v)
    with pytest.raises(TypeError, match=r"GradientTape.jacobian: the source .* is no tensor"):
        tape.jacobian(y, np.ones(2))
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients"):
        tape.jacobian(y, v, unconnected_gradients="no")


def test_an_empty_target() -> None:
    v = tf.Variable(np.ones((2, 3)))
    with tf.GradientTape(persistent=True) as tape:
        y = (v * v)[:0]
    assert tape.jacobian(y, v).shape == (0, 3, 2, 3)
    assert tape.jacobian(y, v, experimental_use_pfor=False).shape == (0, 3, 2, 3)
    assert tape.jacobian(y, tf.Variable(1.0)) is None


def test_target_equal_to_source() -> None:
    v, x = tf.Variable([1.0, 2.0]), tf.constant([3.0, 4.0])
    with tf.GradientTape(persistent=True) as tape:
        pass
    np.testing.assert_array_equal(tape.jacobian(v, v), np.eye(2))
    np.testing.assert_array_equal(tape.jacobian(x, x), np.eye(2))


def test_a_jacobian_uses_the_tape_up() -> None:
    v = tf.Variable([1.0, 2.0])
    for method in ("jacobian", "batch_jacobian"):
        with tf.GradientTape() as tape:
            y = tf.reshape(v * v, (2, 1))
            z = tf.reshape(v, (2, 1))
            y = z * y
        getattr(tape, method)(y, z)
        with pytest.raises(RuntimeError, match="can only be used to compute one set of gradients"):
            getattr(tape, method)(y, z)


def test_a_source_of_rows_is_dense() -> None:
    v = tf.Variable(np.arange(8.0).reshape(4, 2))
    with tf.GradientTape(persistent=True) as tape:
        y = tf.gather(v, [0, 2, 0]) ** 2
    found = tape.jacobian(y, v)
    expected = np.zeros((3, 2, 4, 2))
    for row, place in enumerate([0, 2, 0]):
        for column in range(2):
            expected[row, column, place, column] = 2 * (2 * place + column)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(tape.jacobian(y, v, experimental_use_pfor=False), expected)


def test_rows_of_a_table_as_a_target_are_dense() -> None:
    v = tf.Variable(np.arange(1.0, 7.0).reshape(3, 2))
    with tf.GradientTape(persistent=True) as tape:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(tf.gather(v, [0, 2, 0]) ** 3)
        g = inner.gradient(y, v)
        dense = tf.convert_to_tensor(g)
    assert isinstance(g, tf.IndexedSlices)
    expected = np.zeros((3, 2, 3, 2))
    for row, times in ((0, 2), (2, 1)):
        for column in range(2):
            expected[row, column, row, column] = 6 * times * (2 * row + column + 1)
    np.testing.assert_array_equal(tape.jacobian(g, v), expected)
    np.testing.assert_array_equal(tape.jacobian([g], v)[0], expected)
    np.testing.assert_array_equal(tape.jacobian(dense, v), expected)
    with pytest.raises(TypeError, match=r"batch_jacobian: the target is an IndexedSlices"):
        tape.batch_jacobian(g, v)
    summed = np.asarray(tape.batch_jacobian(dense, v))
    np.testing.assert_array_equal(summed, expected.sum(axis=2))


def test_hessian_by_two_tapes() -> None:
    x = tf.constant(np.random.randn(8, 5))
    w = tf.Variable(np.random.randn(5, 3))
    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            loss = tf.reduce_mean(tf.nn.relu(x @ w) ** 2)
        g = t1.gradient(loss, w)
    h = np.asarray(t2.jacobian(g, w))
    assert h.shape == (5, 3, 5, 3)
    flat = h.reshape(15, 15)
    np.testing.assert_allclose(flat, flat.T, atol=1e-12)
    active = np.asarray(x @ w) > 0
    for j in range(3):
        rows = np.asarray(x)[active[:, j]]
        np.testing.assert_allclose(h[:, j, :, j], 2 * rows.T @ rows / 24, atol=1e-12)


def test_a_newton_step() -> None:
    a = np.random.randn(6, 6)
    a = a @ a.T + np.eye(6)
    b = np.random.randn(6)
    x = tf.Variable(np.zeros(6))
    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            y = 0.5 * tf.reduce_sum(x * tf.linalg.matvec(tf.constant(a), x)) - tf.reduce_sum(x * b)
        g = t1.gradient(y, x)
    h = t2.jacobian(g, x)
    x.assign_sub(tf.linalg.solve(h, g[:, None])[:, 0])
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-9)


def test_jacobian_of_a_jacobian_with_one_tape() -> None:
    x = vector(1.0, 2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        j = tape.jacobian(y, x)
    found = tape.jacobian(j, x)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = 6.0, 12.0
    np.testing.assert_array_equal(found, expected)


def test_a_jacobian_may_be_taken_twice_over() -> None:
    x = vector(0.3, 0.7)
    with tf.GradientTape() as t3:
        t3.watch(x)
        with tf.GradientTape() as t2:
            t2.watch(x)
            with tf.GradientTape() as t1:
                t1.watch(x)
                y = tf.exp(x[0]) * tf.math.sin(x[1])
            g = t1.gradient(y, x)
        h = t2.jacobian(g, x)
    third = np.asarray(t3.jacobian(h, x))
    e, s, c = np.exp(0.3), np.sin(0.7), np.cos(0.7)
    expected = [[[e * s, e * c], [e * c, -e * s]], [[e * c, -e * s], [-e * s, -e * c]]]
    np.testing.assert_allclose(third, expected, rtol=1e-12)


def test_complex_numbers_follow_the_conjugate_convention() -> None:
    z = tf.constant(np.array([1 + 2j, 3 - 1j]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        y = z * z
    np.testing.assert_allclose(tape.jacobian(y, z), np.diag(np.conj(2 * np.asarray(z))))


def test_real_and_complex_numbers_meet() -> None:
    x = tf.constant([1.0, 2.0], tf.float64)
    z = tf.constant(np.array([1 + 2j, 3 - 1j]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, z])
        size = tf.abs(z) ** 2
        turned = tf.complex(x, x * x) * (1 + 2j)
    np.testing.assert_allclose(tape.jacobian(size, z), np.diag(2 * np.asarray(z)))
    # the real part of (1 + 2i)(x + i x^2) is x - 2 x^2
    np.testing.assert_allclose(tape.jacobian(turned, x), np.diag([-3.0, -7.0]))


# batch_jacobian


def layered() -> tuple[Any, Any, Any]:
    x = tf.constant(np.random.randn(7, 5))
    w1, w2 = tf.constant(np.random.randn(5, 8)), tf.constant(np.random.randn(8, 6))
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = tf.math.tanh(tf.math.tanh(x @ w1) @ w2)
    return tape, y, x


def test_the_blocks_of_the_jacobian() -> None:
    tape, y, x = layered()
    j = tape.jacobian(y, x)
    assert j.shape == (7, 6, 7, 5)
    j_sum = tf.reduce_sum(j, axis=2)
    j_select = tf.einsum("bxby->bxy", j)
    jb = tape.batch_jacobian(y, x)
    assert jb.shape == (7, 6, 5)
    np.testing.assert_allclose(jb, j_sum, atol=1e-14)
    np.testing.assert_allclose(jb, j_select, atol=1e-14)
    for options in ({"parallel_iterations": 2}, {"experimental_use_pfor": False}):
        np.testing.assert_allclose(tape.batch_jacobian(y, x, **options), jb, atol=1e-14)


def test_batch_jacobian_of_dependent_examples_is_the_sum() -> None:
    x = tf.constant([[2.0, 3.0], [2.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x + tf.reduce_sum(x * x, axis=0)
    found = np.asarray(tape.batch_jacobian(y, x))
    np.testing.assert_array_equal(found, [np.diag([12.0, 18.0])] * 2)


def test_batch_jacobian_twice_gives_second_derivatives() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        j = tape.batch_jacobian(y, x)
    h = np.asarray(outer.batch_jacobian(j, x))
    assert h.shape == (2, 2, 2, 2)
    assert h[1, 0, 0, 0] == 18.0
    assert h[1, 1, 1, 1] == 24.0
    assert np.count_nonzero(h) == 4


def test_an_unconnected_batch_jacobian_is_none() -> None:
    x, z = tf.constant([[1.0], [2.0]]), tf.constant([[1.0, 1.0], [2.0, 2.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, z])
        y = z * z
    assert tape.batch_jacobian(y, x) is None
    zero = tape.batch_jacobian(y, x, unconnected_gradients="zero")
    assert zero.shape == (2, 2, 1)
    assert tape.batch_jacobian(tf.cast(y, tf.int32), x) is None


@pytest.mark.parametrize(
    "target, source, message",
    [
        ((2,), (2,), r"Shape \(2,\) must have rank at least 2"),
        ((2, 2), (2,), r"Shape \(2,\) must have rank at least 2"),
        ((1, 2), (2, 2), "Need first dimension of target shape"),
    ],
)
def test_batch_jacobian_checks_shapes(target: Any, source: Any, message: str) -> None:
    x = tf.constant(np.ones(source))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reshape(tf.reduce_sum(x) * np.ones(int(np.prod(target))), target)
    with pytest.raises(ValueError, match=message):
        tape.batch_jacobian(y, x)


def test_batch_jacobian_takes_one_source() -> None:
    tape, y, x = layered()
    with pytest.raises(TypeError, match=r"batch_jacobian: the source .* is no tensor"):
        tape.batch_jacobian(y, [x])
    with pytest.raises(TypeError, match=r"batch_jacobian: the target .* is no tensor"):
        tape.batch_jacobian([y], x)


# vectorized_map


def test_per_example_gradients() -> None:
    w = tf.Variable([2.0, 3.0])
    x = tf.constant([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])

    def one(x: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(w * x) ** 2
        return tape.gradient(y, w)

    expected = [2 * float(np.dot([2.0, 3.0], row)) * row for row in np.asarray(x)]
    np.testing.assert_allclose(tf.vectorized_map(one, x), expected)


def test_vectorized_map_is_differentiable() -> None:
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.vectorized_map(lambda x: x * x * x, x)
    np.testing.assert_allclose(tape.gradient(y, x), [3.0, 12.0, 27.0])


def test_a_tape_outside_sees_what_does_not_depend_on_the_batch() -> None:
    w = tf.Variable([2.0, 3.0])
    x = tf.constant(np.arange(1.0, 7.0).reshape(3, 2), tf.float32)

    def one(x: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(w * w * w) * tf.reduce_sum(x * x)
        return tape.gradient(y, w)

    with tf.GradientTape() as outer:
        gradients = tf.vectorized_map(one, x)
    np.testing.assert_allclose(outer.gradient(gradients, w), 6 * np.array([2.0, 3.0]) * 91.0)


def test_structures_and_shared_elements() -> None:
    a, b = tf.constant([[1.0], [2.0]]), tf.constant([[10.0]])
    found = tf.vectorized_map(lambda e: {"sum": e["a"] + e["b"], "two": 2.0}, {"a": a, "b": b})
    np.testing.assert_array_equal(found["sum"], [[11.0], [12.0]])
    np.testing.assert_array_equal(found["two"], [2.0, 2.0])


@pytest.mark.parametrize("elems", [[], 3.0, [np.ones((2, 1)), np.ones((3, 1))]])
def test_vectorized_map_checks_its_elements(elems: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="first axis of one size"):
        tf.vectorized_map(lambda e: e, elems)


def test_the_value_of_an_example_is_refused() -> None:
    x = tf.constant([1.0, 2.0])
    for use in (float, bool, np.asarray, lambda t: t.numpy()):
        with pytest.raises(TypeError, match="stands for 2 examples and has no single value"):
            tf.vectorized_map(lambda x, use=use: use(x * x), x)


def test_an_operation_without_a_batching_rule() -> None:
    @tf.primitive(name="jacobian_test_cube", vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube(xp: Any, x: Any) -> Any:
        return x**3

    x = tf.constant([1.0, 2.0])
    with pytest.warns(UserWarning, match="jacobian_test_cube has no batching rule"):
        found = tf.vectorized_map(cube, x)
    np.testing.assert_array_equal(found, [1.0, 8.0])
    np.testing.assert_array_equal(tf.vectorized_map(cube, x, warn=False), [1.0, 8.0])
    with pytest.raises(ValueError, match="fallback_to_while_loop=True"):
        tf.vectorized_map(cube, x, fallback_to_while_loop=False)
