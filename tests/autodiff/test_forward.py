"""`ForwardAccumulator`: tangents, nesting with itself and with tapes, what it refuses."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.tangents import push_forward
from gradtape.ops.basis import add

Accumulator = tf.autodiff.ForwardAccumulator


def test_a_jacobian_vector_product() -> None:
    x = tf.constant([[2.0, 3.0], [1.0, 4.0]])
    targets = tf.constant([[1.0], [-1.0]])
    w = tf.Variable([[1.0], [2.0]])
    with Accumulator(primals=w, tangents=tf.constant([[1.0], [0.0]])) as acc:
        loss = tf.reduce_sum((x @ w - targets) ** 2.0 / 2.0)
    expected = (np.asarray(x) @ np.asarray(w) - np.asarray(targets))[:, 0] @ np.asarray(x)[:, 0]
    assert float(acc.jvp(loss)) == pytest.approx(float(expected))


def test_jvp_inside_after_and_again() -> None:
    x = tf.constant(3.0)
    with Accumulator(x, tf.constant(2.0)) as acc:
        y = x * x
        assert float(acc.jvp(y)) == 12.0
    assert float(acc.jvp(y)) == 12.0
    assert float(acc.jvp(x)) == 2.0


def test_structures() -> None:
    x, v = tf.constant(3.0), tf.Variable([1.0, 2.0])
    tangents = {"x": tf.constant(1.0), "v": [tf.constant([0.5, 0.0])]}
    with Accumulator({"x": x, "v": [v]}, tangents) as acc:
        y = {"product": x * v, "rest": (x + 1.0, tf.constant(1.0))}
    found = acc.jvp(y)
    assert found["product"].numpy().tolist() == [2.5, 2.0]
    assert float(found["rest"][0]) == 1.0
    assert found["rest"][1] is None


def test_tangents_are_converted() -> None:
    x = tf.constant([1.0, 2.0])
    with Accumulator(x, np.array([1.0, 0.0], np.float32)) as acc:
        y = x * x
    assert acc.jvp(y).numpy().tolist() == [2.0, 0.0]


def test_a_reassigned_variable_keeps_its_tangent() -> None:
    v = tf.Variable(3.0)
    with Accumulator(v, tf.constant(1.0)) as acc:
        v.assign(5.0)
        y = v * v
    assert float(acc.jvp(y)) == 10.0


def test_resuming_and_reentering() -> None:
    x = tf.constant(3.0)
    acc = Accumulator(x, tf.constant(1.0))
    with acc:
        y = x * x
        with pytest.raises(ValueError, match="Accumulator is already recording"):
            acc.__enter__()
    between = y * x
    with acc:
        after = y * x
    assert acc.jvp(between) is None
    assert float(acc.jvp(after)) == 27.0


def test_unconnected_tangents() -> None:
    x, other = tf.constant(3.0), tf.constant([1.0, 2.0])
    with Accumulator(x, tf.constant(1.0)) as acc:
        y = other * other
        n = tf.cast(x, tf.int32)
    assert acc.jvp(y) is None
    assert acc.jvp(n) is None
    assert acc.jvp(y, unconnected_gradients="zero").numpy().tolist() == [0.0, 0.0]
    zero = acc.jvp([y, x * 1.0], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert [z.numpy().tolist() for z in zero] == [[0.0, 0.0], 0.0]
    with pytest.raises(ValueError, match="zzz"):
        acc.jvp(y, unconnected_gradients="zzz")


X = tf.constant([1.0, 2.0])


@pytest.mark.parametrize(
    "primals, tangents, message",
    [
        ([X, X], [X, X], r"float32\[2\] was specified as a primal multiple times"),
        ([X], [X, X], "don't have the same nested structure"),
        ([X], {"a": X}, "don't have the same nested structure"),
        (X, tf.constant([1.0, 2.0], tf.float64), "requested dtype float32 for Tensor with dtype"),
        (X, tf.constant([1.0, 2.0, 3.0]), r"the tangent float32\[3\] has not the shape"),
        (X, None, "is None. Give zeros"),
    ],
)
def test_what_does_not_fit(primals: Any, tangents: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Accumulator(primals, tangents)


def test_what_is_no_tensor() -> None:
    with pytest.raises(TypeError, match=r"ForwardAccumulator: the primal .* is no tensor"):
        Accumulator(np.ones(2, np.float32), X)
    with Accumulator(X, X) as acc:
        pass
    for value in (3.0, None, np.ones(2)):
        with pytest.raises(TypeError, match="is no tensor, so no tangent was pushed"):
            acc.jvp(value)


def test_an_integer_primal_warns() -> None:
    n = tf.constant(3)
    with pytest.warns(UserWarning, match=r"primal must be floating.*got tf.int32"):
        acc = Accumulator(n, tf.constant(1))
    with acc:
        y = n * n
    assert acc.jvp(y) is None


def test_a_complex_primal() -> None:
    z = tf.constant(1 + 2j)
    with Accumulator(z, tf.constant(1j)) as acc:
        y = z * z
    assert complex(acc.jvp(y)) == 2j * (1 + 2j)


def test_operations_with_several_results() -> None:
    x = tf.constant([4.0, 1.0, 3.0])
    with Accumulator(x, tf.constant([1.0, 10.0, 100.0])) as acc:
        parts = tf.split(x, 3)
        y = parts[0] * parts[2]
    assert acc.jvp(y).numpy().tolist() == [403.0]
    assert acc.jvp(parts[1]).numpy().tolist() == [10.0]


def test_integer_inputs_of_operations() -> None:
    x = tf.constant([1.0, 2.0, 3.0])
    with Accumulator(x, tf.constant([1.0, 10.0, 100.0])) as acc:
        y = tf.gather(x, [2, 0]) + tf.cast(tf.constant([1, 2]), tf.float32)
    assert acc.jvp(y).numpy().tolist() == [100.0, 1.0]


def test_python_control_flow() -> None:
    x = tf.constant(2.0)
    with Accumulator(x, tf.constant(1.0)) as acc:
        y = x
        while y < 20.0:
            y = y * x
    assert float(acc.jvp(y)) == 5 * 16.0


# nesting


def test_an_outer_accumulator_sees_inner_tangents() -> None:
    x = tf.constant(1.1, tf.float64)
    one = tf.constant(1.0, tf.float64)
    with Accumulator(x, one) as outer, Accumulator(x, one) as inner:
        y = x**3.5
    j = inner.jvp(y)
    assert float(j) == pytest.approx(3.5 * 1.1**2.5)
    assert float(outer.jvp(j)) == pytest.approx(3.5 * 2.5 * 1.1**1.5)
    assert inner.jvp(outer.jvp(y)) is None


def test_three_levels() -> None:
    x = tf.constant(0.7, tf.float64)
    one = tf.constant(1.0, tf.float64)
    with Accumulator(x, one) as a, Accumulator(x, one) as b, Accumulator(x, one) as c:
        y = tf.math.sin(x)
    assert float(a.jvp(b.jvp(c.jvp(y)))) == pytest.approx(-np.cos(0.7))


def hvp_setup() -> tuple[Any, Any]:
    return tf.constant([1.0, 2.0]), tf.constant([1.0, 0.0])


def test_forward_over_backward() -> None:
    x, v = hvp_setup()
    with Accumulator(x, v) as acc, tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x**3)
        g = tape.gradient(y, x)
    assert acc.jvp(g).numpy().tolist() == [6.0, 0.0]


def test_backward_over_forward() -> None:
    x, v = hvp_setup()
    with tf.GradientTape() as tape:
        tape.watch(x)
        with Accumulator(x, v) as acc:
            y = tf.reduce_sum(x**3)
        j = acc.jvp(y)
    assert tape.gradient(j, x).numpy().tolist() == [6.0, 0.0]


def test_an_inner_tape_ignores_outer_tangents() -> None:
    x, v = hvp_setup()
    with Accumulator(x, v) as acc, tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x**3)
        j = acc.jvp(y)
    assert tape.gradient(j, x) is None


def test_tape_over_accumulator_over_tape() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with Accumulator(x, tf.constant(1.0)) as acc, tf.GradientTape() as inner:
            inner.watch(x)
            y = x**4
            g = inner.gradient(y, x)
        h = acc.jvp(g)
    assert [float(g), float(h), float(outer.gradient(h, x))] == [108.0, 108.0, 72.0]


def test_stopping_a_tape_does_not_stop_an_accumulator() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as tape, Accumulator(x, tf.constant(1.0)) as acc:
        tape.watch(x)
        with tape.stop_recording():
            y = x * x
    assert tape.gradient(y, x) is None
    assert float(acc.jvp(y)) == 6.0


def test_the_gradient_of_rows() -> None:
    v = tf.Variable([[1.0], [2.0], [3.0]])
    t = tf.constant([[1.0], [0.0], [10.0]])
    with Accumulator(v, t) as acc, tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.gather(v, [2, 0]) ** 3)
        g = tape.gradient(y, v)
    assert isinstance(g, tf.IndexedSlices)
    tangent = tf.convert_to_tensor(acc.jvp(g))
    assert tangent.numpy().ravel().tolist() == [6.0, 0.0, 180.0]


def test_around_vectorized_map_and_inside() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    t = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    with Accumulator(x, t) as acc:
        y = tf.vectorized_map(lambda r: r * r[0], x)
    np.testing.assert_array_equal(acc.jvp(y), [[2.0, 2.0], [0.0, 3.0]])

    def inside(r: Any) -> Any:
        with Accumulator(r, tf.constant([1.0, 0.0])) as acc:
            y = r * r
        return acc.jvp(y)

    np.testing.assert_array_equal(tf.vectorized_map(inside, x), [[2.0, 0.0], [6.0, 0.0]])


def test_through_a_jacobian() -> None:
    x = tf.constant([1.0, 2.0])
    with Accumulator(x, tf.constant([1.0, 0.0])) as acc:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x**3
        j = tape.jacobian(y, x)
    np.testing.assert_array_equal(acc.jvp(j), [[6.0, 0.0], [0.0, 0.0]])


# life time and errors


def test_tangents_die_with_their_values() -> None:
    gc.disable()
    try:
        x = tf.constant(np.ones(5))
        with Accumulator(x, tf.constant(np.ones(5))) as acc:
            y = x * x
            tangent = weakref.ref(acc.jvp(y))
            assert tangent() is not None
            del y
            assert tangent() is None
    finally:
        gc.enable()


def test_an_operation_without_rules_is_an_error_at_the_operation() -> None:
    @tf.primitive(name="forward_test_without")
    def without(xp: Any, x: Any) -> Any:
        return x * 2

    x = tf.constant(1.0)
    with Accumulator(x, tf.constant(1.0)) as acc:
        with pytest.raises(LookupError, match="no entry for: forward_test_without"):
            without(x)
        y = x * x
    assert float(acc.jvp(y)) == 2.0


def test_an_exception_inside_ends_the_accumulator() -> None:
    x = tf.constant(1.0)
    acc = Accumulator(x, tf.constant(1.0))
    with pytest.raises(KeyError), acc:
        raise KeyError
    y = x * x
    assert acc.jvp(y) is None


def test_push_forward_gives_zeros_where_nothing_moves() -> None:
    x, y = tf.constant([1.0, 2.0]), tf.constant(3.0)
    out, (moved,) = push_forward(add.primitive, (x, y), (None, tf.constant(1.0)), {})
    assert out.numpy().tolist() == [4.0, 5.0]
    assert moved.numpy().tolist() == [1.0, 1.0]
    _, (still,) = push_forward(add.primitive, (x, y), (None, None), {})
    assert still.numpy().tolist() == [0.0, 0.0]
