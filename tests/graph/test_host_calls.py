"""`py_function` and `numpy_function`: values, gradients, order, exceptions, shapes; run on NumPy and
compiled."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import BOTH, agrees, close, recorded

C, Spec = tf.constant, tf.TensorSpec
SCALAR = Spec([])
by_both = pytest.mark.parametrize("compile", BOTH)


# values and gradients


PROGRAMS = {
    "square": lambda x: tf.py_function(lambda x: x * x * float(len(x.numpy())), [x], tf.float32),
    "chain": lambda x: tf.sin(tf.py_function(lambda x: tf.exp(x) * x, [tf.cos(x)], Spec([2]))),
    "two inputs": lambda x: tf.py_function(lambda a, b: a * b * b, [x, x[::-1]], Spec([2])),
    "two results": lambda x: tf.py_function(lambda x: [x * 2.0, tf.sin(x)], [x], [Spec([2])] * 2),
    "an integer beside": lambda x: tf.py_function(
        lambda x: (x * x, tf.argmax(x)), [x], [tf.float32, tf.int64]
    ),
    "an integer in": lambda x: tf.py_function(lambda x, n: x**2 * float(n), [x, C(3)], Spec([2])),
    "in a branch": lambda x: tf.cond(
        x[0] > 0.0, lambda: tf.py_function(lambda x: x**3, [x], Spec([2])), lambda: x
    ),
    "in a loop": lambda x: tf.while_loop(
        lambda i, a: i < 3,
        lambda i, a: (i + 1, tf.py_function(lambda a, x: a * x, [a, x], Spec([2]))),
        [0, x],
    )[1],
    "in a scan": lambda x: tf.scan(lambda a, r: tf.py_function(lambda a, r: a * r, [a, r], SCALAR), x),
    "a tape within": lambda x: tf.py_function(slope_of_cubes, [x], Spec([2])),
}  # fmt: skip


def slope_of_cubes(x: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**3
    return tape.gradient(y, x)


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_and_derivatives(name: str) -> None:
    agrees(PROGRAMS[name], [1.1, 0.7])


@pytest.mark.parametrize("name", ["two results", "in a loop", "in a scan"])
def test_values_and_derivatives_compiled(name: str) -> None:
    agrees(PROGRAMS[name], [1.1, 0.7], compile=(True,))


@by_both
def test_numpy_functions_have_no_derivative(compile: bool) -> None:
    x = C([3.0, 1.0])
    f = recorded(lambda x: tf.numpy_function(np.sort, [x], tf.float32), compile)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    close(y, np.array([1.0, 3.0], "f4"))
    assert tape.gradient(y, x) is None
    seen: list[Any] = []
    np.asarray(tf.numpy_function(lambda a: seen.append(type(a)) or a, [x], tf.float32))
    assert seen == [np.ndarray]


def test_variables_within() -> None:
    v = tf.Variable(2.0)
    f = recorded(lambda x: tf.py_function(lambda x: x * v, [x], SCALAR))
    assert float(f(C(3.0))) == 6.0
    v.assign(5.0)
    assert float(f(C(3.0))) == 15.0
    g = recorded(lambda x: tf.py_function(lambda x: v.assign(x), [x], [SCALAR])[0])
    g(C(7.0))
    assert float(v) == 7.0
    with tf.GradientTape() as tape:
        y = tf.py_function(lambda x: x * x * v, [C(2.0)], tf.float32)
    assert float(tape.gradient(y, v)) == 4.0


@pytest.mark.parametrize("compile", [False, True])
def test_a_function_that_calls_the_recorded_function(compile: bool) -> None:
    @tf.function(jit_compile=compile)
    def f(x: Any) -> Any:
        return tf.py_function(lambda v: f(v - 1.0) + 1.0 if float(v) > 0.0 else v, [x], SCALAR)

    assert float(f(C(3.0))) == 3.0


def test_calls_for_each_example_of_a_batch() -> None:
    x = C([1.0, 2.0, 3.0])
    f = lambda x: tf.py_function(lambda x: x * x if float(x) > 1.5 else x, [x], SCALAR)
    for g in (lambda xs: tf.vectorized_map(f, xs), recorded(lambda xs: tf.vectorized_map(f, xs))):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = g(x)
        close(y, C([1.0, 4.0, 9.0]))
        close(tape.gradient(y, x), C([1.0, 4.0, 6.0]))
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = recorded(lambda x: tf.py_function(lambda x: x * x, [x], Spec([3])))(x)
    close(accumulator.jvp(y), 2.0 * x)


# results


@by_both
def test_no_result(compile: bool) -> None:
    log: list[float] = []
    note = lambda x: log.append(float(x))

    def f(x: Any) -> Any:
        assert tf.py_function(note, [x], []) == []
        tf.py_function(note, [x + 1.0], Tout=[])
        return x

    g = recorded(f, compile)
    g(C(1.0))
    g(C(5.0))
    f(C(9.0))
    assert log == [1.0, 2.0, 5.0, 6.0, 9.0, 10.0]


def test_what_functions_may_return() -> None:
    x = C([1.0, 2.0])
    for returned in (lambda x: x.numpy() * 2.0, lambda x: [2.0, 4.0], lambda x: x * 2.0):
        for run in (lambda f: f(x), lambda f: recorded(f)(x)):
            y = run(lambda x, returned=returned: tf.py_function(returned, [x], tf.float32))
            close(y, C([2.0, 4.0]))
    assert tf.py_function(lambda x: 3, [x], tf.float64).dtype == tf.float64
    listed = tf.py_function(lambda x: (x, 1), [x], (tf.float32, tf.int32))
    assert [t.dtype for t in listed] == [tf.float32, tf.int32]


def positive(x: Any) -> Any:
    return tf.py_function(lambda x: 2.0 * x[x > 0.0], [x], Spec([None]))


@by_both
def test_sizes_that_depend_on_values(compile: bool) -> None:
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = positive(x) ** 2
            total = tf.reduce_sum(y) + tf.reduce_max(positive(-x))
        return y, total, tape.gradient(total, x)

    g = recorded(f, compile)
    for x in (C([1.0, -2.0, 3.0]), C([-1.0, 2.0, -4.0])):
        close(g(x), f(x))
    h = recorded(positive, compile)
    x = C([1.0, -2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = h(x) * h(x)
    close(tape.gradient(y, x), C([8.0, 0.0, 24.0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        recorded(lambda x: tf.vectorized_map(positive, x), compile)(C([[1.0, -2.0], [1.0, 2.0]]))


@by_both
def test_arguments_of_open_sizes(compile: bool) -> None:
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.py_function(lambda x: tf.reduce_sum(x**3), [x], SCALAR)
        return y, tape.gradient(y, x)

    g = tf.function(f, input_signature=[Spec([None])], jit_compile=compile)
    for x in (C([1.0, -2.0, 3.0]), C([2.0])):
        close(g(x), f(x))
    assert g.experimental_get_tracing_count() == 1


def test_shapes_come_from_the_spec_or_from_a_call_with_ones() -> None:
    seen: list[Any] = []

    def doubled(x: Any) -> Any:
        seen.append(x.numpy().tolist())
        return tf.concat([x, x], 0)

    f = recorded(lambda x: tf.py_function(doubled, [x], tf.float32))
    assert f(C([3.0])).shape == [2]
    assert seen == [[1.0], [3.0]]
    seen.clear()
    g = recorded(lambda x: tf.py_function(doubled, [x], Spec([2])))
    g(C([3.0]))
    assert seen == [[3.0]]

    def later(x: Any) -> Any:
        y = tf.py_function(lambda x: x + 1.0, [x], tf.float32)
        y.set_shape(x.shape)
        return y

    h = tf.function(later, input_signature=[Spec([None])], jit_compile=False)
    for n in (1, 3):
        close(h(tf.ones([n])), 2.0 * tf.ones([n]))


@pytest.mark.parametrize(
    ("function", "out", "words"),
    [
        (
            lambda x: tf.cast(x, tf.int32),
            SCALAR,
            r"returned int32\[\], but float32\[\] was announced",
        ),
        (lambda x: tf.stack([x, x]), SCALAR, r"returned float32\[2\].*with None for sizes"),
        (lambda x: x, Spec([None]), r"returned float32\[\], but float32\[None\] was"),
        (lambda x: (x, x), [tf.float32], "returned 2 values, but Tout announces 1"),
        (lambda x: None, [tf.float32], "returned 0 values, but Tout announces 1"),
        (lambda x: 1 / 0, tf.float32, "calling the function with ones to see it failed: division"),
    ],
)
def test_results_that_were_not_announced(function: Any, out: Any, words: str) -> None:
    f = recorded(lambda x: tf.py_function(function, [x], out))
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        f(C(1.0))
    with pytest.raises(TypeError, match="func must be a function"):
        tf.py_function(3, [C(1.0)], tf.float32)


# order and exceptions


@by_both
def test_calls_keep_their_place_among_assignments_and_printing(compile: bool) -> None:
    v, log = tf.Variable(0.0), []

    def noting(name: str) -> Any:
        return lambda x: log.append((name, float(x)))

    def f(x: Any) -> Any:
        tf.py_function(noting("a"), [v], [])
        v.assign(x)
        tf.print("printed", v, output_stream="stdout")
        tf.py_function(noting("b"), [v], [])

        def body(i: Any) -> Any:
            tf.py_function(noting("loop"), [tf.cast(i, tf.float32) + v], [])
            v.assign_add(1.0)
            return [i + 1]

        tf.while_loop(lambda i: i < 2, body, [0])
        yes = lambda: tf.py_function(noting("yes"), [v], [])
        tf.cond(x > 0.0, yes, lambda: tf.py_function(noting("no"), [v], []))
        return v * 1.0

    out = io.StringIO()
    with redirect_stdout(out):
        assert float(recorded(f, compile)(C(5.0))) == 7.0
    assert log == [("a", 0.0), ("b", 5.0), ("loop", 5.0), ("loop", 7.0), ("yes", 7.0)]
    assert out.getvalue() == "printed 5\n"


class OwnError(Exception):
    """An exception of the user's."""


@by_both
@pytest.mark.parametrize(
    "error", [OwnError("text", 3), KeyError("k"), ValueError("v"), ZeroDivisionError("z")], ids=repr
)
def test_exceptions_are_those_that_were_raised(error: Exception, compile: bool) -> None:
    v = tf.Variable(0.0)

    def bad(x: Any) -> Any:
        if float(x) > 0.0:
            raise error
        return x

    def plainly(x: Any) -> Any:
        y = tf.py_function(bad, [x], SCALAR)
        v.assign(2.0)
        return y

    def deep(x: Any) -> Any:
        loop = lambda: tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, plainly(a)), [0, x])[
            1
        ]
        return tf.cond(x > -9.0, loop, lambda: x)

    for program in (plainly, deep):
        f = recorded(program, compile)
        for _ in range(2):
            v.assign(0.0)
            with pytest.raises(type(error)) as caught:
                np.asarray(f(C(1.0)))
            assert caught.value is error
            assert float(v) == 0.0  # nothing that comes later has happened
            assert float(f(C(-1.0))) == -1.0
            assert float(v) == 2.0


@by_both
def test_a_failing_derivative_can_be_asked_again(compile: bool) -> None:
    fails = [False]

    def square(x: Any) -> Any:
        if fails[0]:
            raise OwnError("not now")
        return x * x

    x = C(3.0)
    f = recorded(lambda x: tf.py_function(square, [x], SCALAR), compile)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    fails[0] = True
    with pytest.raises(OwnError):
        np.asarray(tape.gradient(y, x))
    fails[0] = False
    assert float(tape.gradient(y, x)) == 6.0


@pytest.mark.parametrize("compiled", [False, True])
def test_decorators(compiled: bool) -> None:
    @tf.py_function(Tout=[Spec([2]), tf.TensorSpec([])])
    def both(x: Any, y: Any) -> Any:
        """Two results."""
        return x * y, float(y)

    @tf.numpy_function(Tout=tf.float32)
    def sorted_down(x: Any) -> Any:
        return np.sort(x)[::-1]

    def slope(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = both(x, y)[0]
        return tape.gradient(z, x), sorted_down(x)

    run = tf.function(slope) if compiled else slope
    slopes, down = run(tf.constant([1.0, 2.0]), tf.constant(3.0))
    np.testing.assert_array_equal(slopes, [3.0, 3.0])
    np.testing.assert_array_equal(down, [2.0, 1.0])
    assert both.__doc__ == "Two results."
    with pytest.raises(TypeError, match=r"gradtape.py_function.*@tf.py_function\(Tout="):
        tf.py_function(inp=[1.0], Tout=tf.float32)
    with pytest.raises(TypeError, match="gradtape.numpy_function: func"):
        tf.numpy_function(Tout=tf.float32)(3)
