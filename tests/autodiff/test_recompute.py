"""`recompute_grad`: the same derivatives in every mode, with less kept."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import gradtape as tf

X = np.array([1.0, 2.0])
W = np.array([0.3, 0.7])


def function(v: Any, c: Any) -> Any:
    def f(x: Any, *, w: Any) -> Any:
        return {"a": tf.math.sin(x * w) * v * c, "b": x * x}

    return f


def everything(f: Any, v: Any, c: Any) -> list[Any]:
    """First and second derivatives and tangents of a function."""
    x, w = tf.constant(X), tf.constant(W)
    with tf.GradientTape() as t2:
        t2.watch([x, w, c])
        with tf.GradientTape() as t1:
            t1.watch([x, w, c])
            y = f(x, w=w)
        g = t1.gradient(y, [x, w, c, v])
    h = t2.gradient(g, [x, w, c, v])
    tangents = [tf.constant([1.0, 2.0], tf.float64), tf.constant(1.0, tf.float64)]
    with tf.autodiff.ForwardAccumulator([x, v], tangents) as acc:
        y = f(x, w=w)
    with tf.autodiff.ForwardAccumulator(x, tangents[0]) as mixed, tf.GradientTape() as tape:
        tape.watch(x)
        slope = tape.gradient(f(x, w=w), x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, w=w)
    j = tape.jacobian(y["a"], x)
    return [*g, *h, acc.jvp(y["a"]), acc.jvp(y["b"]), mixed.jvp(slope), j]


def test_every_mode_agrees_with_the_plain_function() -> None:
    v, c = tf.Variable(2.0, dtype=tf.float64), tf.constant(1.5, tf.float64)
    plain = function(v, c)
    wanted = everything(plain, v, c)
    found = everything(tf.recompute_grad(plain), v, c)
    for have, want in zip(found, wanted, strict=True):
        assert (have is None) == (want is None)
        if want is not None:
            np.testing.assert_allclose(have, want, rtol=1e-13)


def test_the_function_is_wrapped_and_runs_twice() -> None:
    calls: list[int] = []

    def f(x: Any) -> Any:
        """Documented."""
        calls.append(1)
        return x * x

    wrapped = tf.recompute_grad(f)
    assert wrapped.__wrapped__ is f
    assert wrapped.__doc__ == "Documented."
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = wrapped(x)
    assert len(calls) == 1
    assert float(tape.gradient(y, x)) == 6.0
    assert len(calls) == 2


def chain(x: Any, seen: list[Any]) -> Any:
    for _ in range(40):
        x = tf.math.sin(x)
        seen.append(weakref.ref(x))
    return x


def test_the_inside_is_not_kept() -> None:
    gc.disable()
    try:
        x = tf.Variable(np.ones(10))
        seen: list[Any] = []
        with tf.GradientTape() as tape:
            y = tf.recompute_grad(lambda x: chain(x, seen))(x)
        assert sum(r() is not None for r in seen) <= 1
        plain: list[Any] = []
        with tf.GradientTape() as other:
            z = chain(x, plain)
        assert sum(r() is not None for r in plain) >= 39
    finally:
        gc.enable()
    np.testing.assert_array_equal(tape.gradient(y, x), other.gradient(z, x))


def test_nested_and_structures() -> None:
    inner = tf.recompute_grad(lambda d: d["x"] * d["x"])
    outer = tf.recompute_grad(lambda d: inner({"x": inner(d)}))
    x = tf.constant(2.0)
    with tf.GradientTape() as t2:
        t2.watch(x)
        with tf.GradientTape() as t1:
            t1.watch(x)
            y = outer({"x": x})
        g = t1.gradient(y, x)
    assert [float(y), float(g), float(t2.gradient(g, x))] == [16.0, 32.0, 48.0]


def test_other_arguments_pass_and_unused_ones_have_no_gradient() -> None:
    f = tf.recompute_grad(lambda x, unused, square, name="n": x * x if square else x)
    x, unused = tf.constant(3.0), tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch([x, unused])
        y = f(x, unused, True, name="m")
    found = tape.gradient(y, [x, unused])
    assert float(found[0]) == 6.0
    assert found[1] is None


def test_a_variable_assigned_in_between_has_its_old_value() -> None:
    v, x = tf.Variable(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.recompute_grad(lambda x: x * v * v)(x)
    v.assign(100.0)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [4.0, 12.0]
    assert float(v) == 100.0


def test_an_exception_in_the_second_run_leaves_the_tape_whole() -> None:
    broken = [False]

    def f(x: Any) -> Any:
        if broken[0]:
            raise RuntimeError("second run")
        return x * x

    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tf.recompute_grad(f)(v * 1.0)
    broken[0] = True
    with pytest.raises(RuntimeError, match="second run"):
        tape.gradient(y, v)
    broken[0] = False
    assert float(tape.gradient(y, v)) == 6.0


def test_inside_vectorized_map() -> None:
    x, w = tf.constant([1.0, 2.0, 3.0]), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.vectorized_map(tf.recompute_grad(lambda x: x * x * w), x)
    gx, gw = tape.gradient(y, [x, w])
    np.testing.assert_array_equal(gx, [4.0, 8.0, 12.0])
    assert float(gw) == 14.0


def test_random_numbers_are_drawn_again() -> None:
    x = tf.constant(np.ones(50))
    tf.random.set_seed(5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.recompute_grad(lambda x: x * tf.random.normal([50], dtype=tf.float64))(x)
    after = tf.random.normal([3])
    np.testing.assert_array_equal(tape.gradient(y, x), y)
    tf.random.set_seed(5)
    tf.random.normal([50], dtype=tf.float64)
    np.testing.assert_array_equal(after, tf.random.normal([3]))
