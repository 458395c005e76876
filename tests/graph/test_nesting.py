"""Functions, tapes, accumulators, batches and Jacobians in each other, in every order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import slope

C = tf.constant
F = Callable[..., Any]
X = C([0.3, 0.7, 1.1])
ROWS = C([[1.0, 2.0], [3.0, 4.0], [0.1, 0.2]])


def recorded(function: F) -> Any:
    return tf.function(function, jit_compile=False)


def plain(function: F) -> F:
    return function


def same(have: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    """Compare a tensor with a value, or a list of tensors with as many values."""
    several = isinstance(have, (list, tuple))
    for a, b in zip(have, wanted, strict=True) if several else [(have, wanted)]:
        assert (a is None) == (b is None)
        if b is not None:
            a, b = tf.convert_to_tensor(a), np.asarray(tf.convert_to_tensor(b))
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def push(f: F) -> F:
    def g(x: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = f(x)
        return accumulator.jvp(y)

    return g


def jacobian(f: F) -> F:
    def g(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tf.reduce_sum(tape.jacobian(y, x) * C([1.0, 2.0, 3.0]), 1)

    return g


def each(f: F) -> F:
    return lambda x: tf.vectorized_map(lambda r: f(r[None] * x)[0], x)


def base(x: Any) -> Any:
    return tf.sin(x) * tf.exp(x) * x[::-1]


OPERATORS = {"slope": slope, "push": push, "jacobian": jacobian, "each": each}


@pytest.mark.parametrize("names", list(itertools.product(OPERATORS, repeat=2)), ids="-".join)
def test_two_operators_and_a_function_at_every_level(names: tuple[str, str]) -> None:
    inner, outer = (OPERATORS[n] for n in names)
    wanted = outer(inner(base))(X)
    for a, b, c in itertools.product((plain, recorded), repeat=3):
        same(c(outer(b(inner(a(base)))))(X), wanted)


@pytest.mark.parametrize("places", list(itertools.product((plain, recorded), repeat=4)))
def test_third_derivatives(places: Any) -> None:
    f: F = lambda x: tf.sin(x) * tf.exp(x)
    for number, place in enumerate(places):
        f = place(f)
        if number < 3:
            f = slope(f)
    x = 0.7
    same(f(C(x)), 2 * np.exp(x) * (np.cos(x) - np.sin(x)))


@pytest.mark.parametrize("compile", [False, True])
def test_derivatives_of_every_order_compiled(compile: bool) -> None:
    f = tf.function(lambda x: tf.reduce_sum(base(x) ** 2), jit_compile=compile)
    plainly = lambda x: tf.reduce_sum(base(x) ** 2)
    for derive in (slope, lambda g: slope(slope(g)), lambda g: push(slope(g)),
                   lambda g: slope(push(g)), lambda g: jacobian(slope(g))):  # fmt: skip
        same(derive(f)(X), derive(plainly)(X), 1e-4)
        inside = tf.function(derive(plainly), jit_compile=compile)
        same(inside(X), derive(plainly)(X), 1e-4)


# where tape and function lie


def test_a_tape_around_inside_and_across() -> None:
    v, x = tf.Variable(2.0), C(3.0)
    f = recorded(lambda x: x * x * v)

    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, [x, v])

    same(both(), [12.0, 9.0])
    same(recorded(both)(), [12.0, 9.0])
    with tf.GradientTape() as tape:
        y = v * f(C(1.0))
    same(recorded(lambda: tape.gradient(y, v))(), 4.0)


def test_a_gradient_inside_a_function_of_what_was_recorded_outside() -> None:
    x = C(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        with pytest.warns(UserWarning, match="persistent tape inside its context"):
            inside = recorded(lambda s: s * tape.gradient(y, x))(2.0)
    same(inside, 54.0)
    g = recorded(lambda s: s * tape.gradient(y, x))
    same([g(C(2.0)), g(C(3.0))], [54.0, 81.0])


@pytest.mark.parametrize("persistent", [False, True])
def test_a_tape_made_outside_and_used_inside(persistent: bool) -> None:
    tape = tf.GradientTape(persistent=persistent)

    @recorded
    def f(x: Any) -> Any:
        with tape:
            tape.watch(x)
            y = x * x
        return tape.gradient(y, x)

    same(f(C(3.0)), 6.0)


def test_a_used_up_tape_says_so_while_the_function_is_recorded() -> None:
    @recorded
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        return tape.gradient(y, x), tape.gradient(y, x)

    with pytest.raises(RuntimeError, match="non-persistent GradientTape can only be used"):
        f(C(1.0))


def test_persistent_tapes_over_several_calls() -> None:
    x = C(3.0)
    f = recorded(lambda x: (x * x, x * x * x))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        a, b = f(x)
        c = recorded(lambda a, b: a * b)(a, b)
    have = [tape.gradient(t, x) for t in (a, b, c, [a, b])]
    same(have, [6.0, 27.0, 405.0, 33.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = recorded(lambda x: x**4)(x)
        with pytest.warns(UserWarning, match="persistent tape inside its context"):  # noqa: PT031
            g = tape.gradient(y, x)
            h = tape.gradient(g, x)
    same([g, h, tape.gradient(h, x)], [108.0, 108.0, 72.0])


def test_a_tape_that_watches_tensors_of_the_outer_function() -> None:
    @recorded
    def f(x: Any) -> Any:
        y = x * x
        inner = recorded(lambda z: y * z)
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            r = inner(x)
        return [r, *tape.gradient(r, [x, y])]

    same(f(C(3.0)), [27.0, 9.0, 3.0])


def test_two_tapes_at_once_and_a_stopped_one() -> None:
    x, y = C(0.0), C(0.5)
    f, g = recorded(tf.sin), recorded(tf.sigmoid)
    with tf.GradientTape() as a, tf.GradientTape() as b:
        a.watch(x)
        b.watch(y)
        with b.stop_recording():
            u = f(x)
        w = g(y)
    assert float(a.gradient(u, x)) == 1.0
    assert b.gradient(w, y) is not None


# what goes through a call


def test_unconnected_stays_unconnected() -> None:
    x, z = C(3.0), C(1.0)

    @recorded
    def f(x: Any, z: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, z])
            y = x * x
        return tape.gradient(y, [x, z])

    assert f(x, z)[1] is None
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, z])
        a, _, c = recorded(lambda x, z: (x, z, x * z))(x, z)
    assert tape.gradient(a, z) is None
    same(tape.gradient(a, [x, z], unconnected_gradients="zero"), [1.0, 0.0])
    same(tape.gradient([a, c], [x, z]), [2.0, 3.0])


def test_integers_beside_floats_and_one_tensor_twice() -> None:
    x = C([1.0, 3.0])
    f = recorded(lambda x, y: (x * y, tf.argmax(x), tf.cast(x, tf.int32), x > 1.0, (x * y,) * 2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, index, whole, large, (p, q) = f(x, x)
        z = tf.reduce_sum(y) * tf.cast(index, tf.float32)
    same(tape.gradient(z, x), [2.0, 6.0])
    assert tape.gradient(whole, x) is None
    assert tape.gradient(large, x) is None
    cotangents = [tf.ones(2), 10.0 * tf.ones(2)]
    same(tape.gradient([p, q], x, output_gradients=cotangents), [22.0, 66.0])


def test_slices_out_of_a_compiled_backward() -> None:
    v, i = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), C([0, 2, 0])
    wanted = [[2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]
    for f in (recorded(lambda i: tf.gather(v, i)), recorded(recorded(lambda i: tf.gather(v, i)))):
        with tf.GradientTape() as tape:
            y = f(i)
        g = tape.gradient(y, v)
        assert isinstance(g, tf.IndexedSlices)
        same(tf.convert_to_tensor(g), wanted)

    @recorded
    def inside(i: Any) -> Any:
        with tf.GradientTape() as tape:
            y = tf.gather(v, i)
        return tape.gradient(y, v)

    assert isinstance(inside(i), tf.IndexedSlices)
    with tf.GradientTape() as tape:
        y = recorded(lambda i: tf.gather(v, i) * 2.0 + v)(i)
    same(tape.gradient(y, v), 2 * np.array(wanted) + 1)


def test_gradients_that_stop() -> None:
    x = C(3.0)
    same(slope(recorded(lambda x: x * tf.stop_gradient(x)))(x), 3.0)
    v = tf.Variable(2.0)
    f = recorded(lambda x: v * x * x)
    with tf.autodiff.ForwardAccumulator(v, C(1.0)) as accumulator:
        y = f(x)
    same(accumulator.jvp(y), 9.0)


@tf.custom_gradient
def halved(x: Any) -> Any:
    """The cube, with half its derivative."""
    return x**3, lambda u: u * 1.5 * x**2


@pytest.mark.parametrize("f", [halved, tf.recompute_grad(lambda x: tf.sin(x) * x**2)])
def test_custom_gradients_and_recomputation(f: F) -> None:
    twice = lambda g: slope(lambda x: tf.reduce_sum(slope(g)(x)))
    for derive in (slope, twice):
        wanted = derive(f)(X)
        for g in (derive(recorded(f)), recorded(derive(f)), recorded(derive(recorded(f)))):
            same(g(X), wanted)


# batches


def test_maps_around_and_inside() -> None:
    f = recorded(lambda r: tf.reduce_sum(r * r))
    wanted = np.sum(ROWS.numpy() ** 2, 1)
    around = lambda x: tf.vectorized_map(f, x)
    for g in (
        around,
        recorded(around),
        recorded(lambda x: tf.vectorized_map(f.python_function, x)),
    ):
        same(g(ROWS), wanted)
        same(slope(g)(ROWS), 2 * ROWS)
        same(push(slope(g))(ROWS), 2 * tf.ones_like(ROWS))
    per_example = lambda x: tf.vectorized_map(slope(f), x)
    same(per_example(ROWS), 2 * ROWS)
    same(recorded(per_example)(ROWS), 2 * ROWS)
    same(slope(per_example)(ROWS), 2 * tf.ones_like(ROWS))


def test_a_call_in_a_map_that_takes_and_returns_what_all_share() -> None:
    w = tf.Variable([1.0, 2.0])
    f = recorded(lambda r, s: (tf.reduce_sum(r * w) * s, w))
    products, shared = tf.vectorized_map(lambda r: f(r, 2.0), ROWS)
    same(products, 2 * ROWS.numpy() @ [1.0, 2.0])
    same(shared, [[1.0, 2.0]] * 3)


def test_a_call_in_a_map_may_change_what_all_share() -> None:
    v = tf.Variable(1.0)
    f = recorded(lambda x: (v.assign_add(1.0), x * v)[1])
    same(tf.vectorized_map(f, X), 2 * X)
    assert float(v) == 2.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="for each example"):
        tf.vectorized_map(recorded(lambda x: v.assign(x)), X)


def test_jacobians_of_batches() -> None:
    f = lambda x: x * x * x[:, :1]

    def batch(g: F) -> F:
        def h(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = g(x)
            return tape.batch_jacobian(y, x)

        return h

    wanted = batch(f)(ROWS)
    for g in (batch(recorded(f)), recorded(batch(f)), recorded(batch(recorded(f)))):
        same(g(ROWS), wanted)
    compiled = tf.function(batch(lambda x: tf.sin(x) * x), jit_compile=True)
    same(compiled(ROWS), batch(lambda x: tf.sin(x) * x)(ROWS))
