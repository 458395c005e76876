"""`while_loop`: values and derivatives of loops whose length depends on values."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import BOTH, agrees, agrees_in_batch, close, recorded, third

C = tf.constant
Pair = collections.namedtuple("Pair", "u w")
XS = [1.5, -2.0, 0.3, 4.0]
NOUGHT = tf.Variable(0)


def times(n: Any, step: Any, x: Any) -> Any:
    """Repeat a step n times: a number that no recording knows, else the loop would be a scan."""
    return tf.while_loop(lambda i, a: i < n + NOUGHT, lambda i, a: (i + 1, step(a)), [0, x])[1]


# values and derivatives


PROGRAMS = {
    "fixed length": lambda x: times(4, lambda a: a * a * x[::-1], x),
    "length by data": lambda x: tf.while_loop(lambda a: tf.reduce_sum(a) < 100.0, lambda a: a * a + x, [x])[0],
    "no round": lambda x: tf.while_loop(lambda a: tf.reduce_sum(a) < 0.0, lambda a: a * a, [x])[0] * x,
    "started twice": lambda x: times(2, lambda a: tf.sin(a) * x, times(2, lambda a: a * x, x)),
    "in a loop": lambda x: times(2, lambda a: times(2, lambda b: tf.sin(b) * a, a * x), x),
    "choices within": lambda x: times(3, lambda a: tf.cond(a[0] > 1.0, lambda: a * 0.5 + x, lambda: a * a + 0.7), x),
    "state that moves on": lambda x: tf.while_loop(
        lambda i, a, b, c: i < 4 + NOUGHT, lambda i, a, b, c: (i + 1, b, c, a * x), [0, x, x * 2.0, tf.sin(x)]
    )[1:],
    "unused state": lambda x: tf.while_loop(lambda i, a, b: i < 3 + NOUGHT, lambda i, a, b: (i + 1, a * x, b + a), [0, x, x])[1],
    "a function within": lambda x: times(3, lambda a: recorded(lambda a, b: tf.sin(a) * b)(a, x), x),
    "a scan within": lambda x: times(2, lambda a: tf.scan(lambda s, r: s * r + a[0], a), x),
    "matrices": lambda x: times(3, lambda a: tf.tanh(a @ (x[:, None] * x[None])), tf.ones([2, 2])),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives(name: str) -> None:
    agrees(PROGRAMS[name], [1.1, 1.3])


@pytest.mark.parametrize("name", ["length by data", "in a loop", "choices within"])
def test_derivatives_compiled(name: str) -> None:
    agrees(PROGRAMS[name], [1.1, 1.3], compile=(True,))


def test_third_derivatives() -> None:
    f = lambda x: times(3, lambda a: tf.sin(a) * x, x)
    wanted = third(f)(C(0.7))
    close(third(recorded(f))(C(0.7)), wanted)
    close(recorded(third(f), True)(C(0.7)), wanted)


@pytest.mark.parametrize("dtype", [tf.float64, tf.complex64, tf.complex128, tf.bfloat16])
def test_other_dtypes(dtype: Any) -> None:
    x = tf.cast(C([0.5, 0.7]), dtype) * (1 + 0.5j if dtype.is_complex else 1)
    f = lambda x: times(3, lambda a: a * a + x, x)
    agrees(f, x, order=1, tolerance=3e-2 if dtype == tf.bfloat16 else 1e-5)


def test_integers_booleans_and_complex_numbers_as_state() -> None:
    def collatz(n: Any) -> Any:
        return tf.while_loop(
            lambda n, c, b, z: n != 1,
            lambda n, c, b, z: (tf.where(n % 2 == 0, n // 2, 3 * n + 1), c + 1, ~b, z * 1j),
            [n, 0, C(True), C(1.0 + 0.0j, tf.complex64)],
        )

    for compile in (None, *BOTH):
        n, count, flag, z = recorded(collatz, compile)(C(27))
        assert (int(n), int(count), bool(flag)) == (1, 111, False)
        close(z, C((1j) ** 111, tf.complex64))


def test_structures_as_state() -> None:
    def f(x: Any) -> Any:
        def step(d: Any, p: Any) -> Any:
            return {"i": d["i"] + 1, "x": d["x"] * p.u}, Pair(p.u + 1.0, [p.w[0] * d["x"]])

        return tf.while_loop(
            lambda d, p: d["i"] < 3 + NOUGHT, step, ({"i": 0, "x": x}, Pair(x, [x]))
        )

    agrees(lambda x: tf.nest.flatten(f(x)), 1.5)
    d, p = recorded(f)(C(1.5))
    assert (set(d), type(p), type(p.w)) == ({"i", "x"}, Pair, list)
    found = tf.while_loop(lambda n: n < 3, lambda n: n + 1, C(0))
    assert [int(t) for t in tf.nest.flatten(found)] == [3]


@pytest.mark.parametrize("shape", [[0], [0, 2], [2, 0]])
def test_empty_tensors(shape: Any) -> None:
    agrees(lambda x: times(3, lambda a: a * a + x, x), tf.zeros(shape))


@pytest.mark.parametrize("most", [0, 2, 100, C(2), np.int64(3)], ids=str)
def test_a_bound_on_the_number_of_rounds(most: Any) -> None:
    def f(x: Any) -> Any:
        return tf.while_loop(
            lambda a: tf.reduce_sum(a) < 100.0, lambda a: a * a + x, [x], maximum_iterations=most
        )[0]

    agrees(f, [1.1])


def test_a_bound_that_is_an_argument() -> None:
    f = recorded(
        lambda x, n: tf.while_loop(lambda a: a < 100.0, lambda a: a * x, [x], maximum_iterations=n)[
            0
        ]
    )
    assert [float(f(C(2.0), C(n))) for n in (0, 3, 50)] == [2.0, 16.0, 128.0]
    with pytest.raises(TypeError, match="maximum_iterations must be an integer"):
        f(C(2.0), C(2.5))


def test_without_derivatives() -> None:
    x = C(2.0)
    f = lambda x: tf.while_loop(
        lambda i, a: i < 3 + NOUGHT, lambda i, a: (i + 1, a * x), [0, x], back_prop=False
    )[1]
    for g in (f, recorded(f)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = g(x)
        assert float(tape.gradient(y, x)) == 32.0  # as TensorFlow 2: back_prop is of the past


# lengths that nobody knows


def newton(a: Any, tolerance: float) -> Any:
    """The root of a by damped steps, about 60 for large numbers and few near 1."""
    return tf.while_loop(
        lambda x: tf.abs(x * x - a) > tolerance * a, lambda x: [x + 0.5 * (a / x - x) * 0.5], [a]
    )[0]


@pytest.mark.parametrize(
    ("dtype", "tolerance", "wanted"), [(tf.float32, 1e-6, 1e-6), (tf.float64, 1e-13, 1e-12)]
)
def test_newton_to_a_tolerance(dtype: Any, tolerance: float, wanted: float) -> None:
    def derivatives(f: Any, a: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(a)
            with tf.GradientTape() as inner:
                inner.watch(a)
                y = f(a)
            g = inner.gradient(y, a)
        return y, g, outer.gradient(g, a, unconnected_gradients="zero")

    f = tf.function(lambda a: newton(a, tolerance), jit_compile=True)
    for a in (1.0, 2.0, 1000.0, 1e8):
        eager = derivatives(lambda a: newton(a, tolerance), C(a, dtype))
        for x, y in zip(derivatives(f, C(a, dtype)), eager, strict=True):
            assert abs(float(x) - float(y)) <= wanted * abs(float(y))


def both_orders(f: Any, x: Any, n: int) -> Any:
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x, C(n))
        g = inner.gradient(y, x)
    return y, g, outer.gradient(g, x, unconnected_gradients="zero")


def test_lengths_around_the_number_of_checkpoints() -> None:
    def f(x: Any, n: Any) -> Any:
        return times(n, lambda a: tf.sin(a) * x + a * 0.5, x)

    x = C([0.7, 1.2], tf.float64)
    compiled, on_numpy = recorded(f, True), recorded(f)
    for n in (0, 1, 2, 127, 128, 129, 400):
        wanted = both_orders(f, x, n)
        for a, b in zip(both_orders(compiled, x, n), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, err_msg=f"{n} rounds")
        if n < 130:
            for a, b in zip(both_orders(on_numpy, x, n), wanted, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("n", [1000, 5000])
def test_long_loops(n: int) -> None:
    def f(x: Any, n: Any) -> Any:
        return times(n, lambda a: tf.sin(a) * x + a * 0.5, x)

    x = C(0.7, tf.float64)
    for a, b in zip(both_orders(recorded(f, True), x, n), both_orders(f, x, n), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize(("n", "most"), [(10, 4.0), (128, 4.0), (400, 5.0)])
def test_how_often_a_backward_runs_the_body(n: int, most: float) -> None:
    calls = [0]

    def counted(a: Any) -> Any:
        calls[0] += 1
        return a

    counting = tf.grad_pass_through(lambda v: tf.numpy_function(counted, [v], tf.TensorSpec([])))
    f = recorded(lambda x, n: times(n, lambda a: tf.sin(counting(a)) * x, x), True)
    x = C(0.7)
    np.asarray(f(x, C(n)))
    assert calls[0] == n
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, C(n))
    np.asarray(tape.gradient(y, x))
    assert calls[0] <= n + most * n


# what is around


def test_captured_tensors_and_variables() -> None:
    v, w = tf.Variable([1.0, 2.0]), C([[0.5, 0.1], [0.2, 0.3]])
    f = lambda x, w: times(3, lambda a: tf.tanh(tf.linalg.matvec(w, a) + v), x)
    agrees(f, [1.0, 2.0], w)
    for g in (f, recorded(f)):
        with tf.GradientTape() as tape:
            y = g(C([1.0, 2.0]), w)
        if g is f:
            wanted = tape.gradient(y, v)
    close(tape.gradient(y, v), wanted)


@pytest.mark.parametrize("compile", BOTH)
def test_variables_that_change_in_the_body(compile: bool) -> None:
    v, w, t = tf.Variable(1.0), tf.Variable(2.0), C(1.5)

    def program(x: Any) -> Any:
        def body(i: Any, a: Any) -> Any:
            v.assign_add(a)
            w.assign(v * 2.0)
            return i + 1, a * v

        return tf.while_loop(lambda i, a: i < 3 + NOUGHT, body, [0, x])[1], v + 0.0, w + 0.0

    def run(f: Any) -> Any:
        v.assign(1.0)
        w.assign(2.0)
        with tf.GradientTape() as tape:
            tape.watch(t)
            found = f(t)
        return *found, *tape.gradient(found, [t, v, w]), v * 1.0, w * 1.0

    close(run(recorded(program, compile)), run(program))


def test_a_condition_that_reads_what_the_body_changes() -> None:
    v = tf.Variable(6.0)

    def program() -> Any:
        def body(i: Any) -> Any:
            v.assign_sub(1.0)
            return [i + 1]

        return tf.while_loop(lambda i: tf.cast(i, tf.float32) < v, body, [0])[0]

    assert int(recorded(program)()) == 3
    assert float(v) == 3.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="cond assigns variable"):
        recorded(lambda: tf.while_loop(lambda i: v.assign_sub(1.0) > 0.0, lambda i: [i], [0]))()


def test_no_more_than_a_window_of_the_past() -> None:
    def f(x: Any) -> Any:
        return times(5, lambda a: tf.concat([a[1:], [tf.reduce_sum(a) * x[0]]], 0), x)

    agrees(f, [0.1, 0.2, 0.3], compile=BOTH)  # tensorflow#62861: concat in a compiled loop


# batches


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: times(n, lambda a: a * x + tf.sin(a), x),  # lengths of their own
        lambda x, n: tf.while_loop(lambda a: a < 20.0, lambda a: [a * a + 1.5], [x])[0],
        lambda x, n: times(3, lambda a: a * x, x),  # one length
        lambda x, n: times(
            n, lambda a: tf.cond(a > 1.0, lambda: a * 0.5 + x, lambda: a * a + 0.7), x
        ),
    ],
)
def test_examples_in_a_batch(f: Any) -> None:
    agrees_in_batch(f, C(XS), C([0, 3, 1, 2]))


def test_effects_and_draws_of_examples_in_a_batch() -> None:
    log: list[float] = []

    def note(a: Any) -> Any:
        log.append(round(float(a), 3))
        return a * 2.0

    spec = tf.TensorSpec([])
    f = lambda x: tf.while_loop(
        lambda a: a < 3.0, lambda a: [tf.py_function(note, [a + 2.5], spec)], [x]
    )[0]
    recorded(lambda xs: tf.vectorized_map(f, xs))(C(XS))
    assert log == [4.0, 0.5, 3.5, 2.8]
    g = lambda x: times(2, lambda a: a + tf.random.normal([]), x)
    found = []
    for h in (lambda xs: tf.vectorized_map(g, xs), recorded(lambda xs: tf.vectorized_map(g, xs))):
        tf.random.set_seed(2)
        found.append((h(C(XS)), tf.random.normal([])))
    close(found[0], found[1])


# mistakes


@pytest.mark.parametrize(
    ("cond", "body", "kind", "words"),
    [
        (lambda i, a: a < 3.0, lambda i, a: (i + 1, tf.stack([a, a])), ValueError, "variable 1 enters as float32.., .* shape must stay"),
        (lambda i, a: a < 3.0, lambda i, a: (i + 1, tf.cast(a, tf.int32)), ValueError, "variable 1 enters .* dtype must stay"),
        (lambda i, a: a < 3.0, lambda i, a: (i + 1,), ValueError, "structure of the loop variables"),
        (lambda i, a: a, lambda i, a: (i + 1, a), TypeError, "cond must return a boolean scalar"),
        (lambda i, a: C([True]), lambda i, a: (i + 1, a), TypeError, "cond must return a boolean scalar"),
        (lambda i, a: (a < 3.0, a), lambda i, a: (i + 1, a), TypeError, "not one tensor"),
        (3, lambda i, a: (i, a), TypeError, "cond must be a function"),
    ],
)  # fmt: skip
def test_loops_that_do_not_fit(cond: Any, body: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        recorded(lambda x: tf.while_loop(cond, body, [0, x]))(C(1.0))
