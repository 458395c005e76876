"""Loops whose length is known: counted as scans, rows read and written outside of the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import agrees, agrees_in_batch, close, recorded

C = tf.constant
X = [[0.5, 1.1], [0.7, 0.2], [1.3, 0.4], [0.9, 0.6]]


def operations(f: Callable[..., Any], *xs: Any) -> list[str]:
    """The types of the operations that a recorded function holds."""
    graph = tf.function(f).get_concrete_function(*map(tf.convert_to_tensor, xs)).graph
    return [op.type for op in graph.get_operations()]


def step_of(f: Callable[..., Any], *xs: Any) -> list[str]:
    """The types of the operations in the step of the only scan."""
    graph = tf.function(f).get_concrete_function(*map(tf.convert_to_tensor, xs)).graph
    (op,) = [op for op in graph.get_operations() if op.type == "scan"]
    return [o.primitive.name for o in op.params["scan"].step.runner.program.steps]


# counters

COUNTED = {
    "less": (lambda i: i < 7, 0, lambda i: i + 2),
    "at most": (lambda i: i <= 6, 0, lambda i: i + 2),
    "greater": (lambda i: i > -1, 5, lambda i: i - 1),
    "at least": (lambda i: i >= -1, 5, lambda i: i - 2),
    "unequal": (lambda i: i != 6, 0, lambda i: i + 3),
    "limit in front": (lambda i: i < 5, 0, lambda i: 1 + i),
    "negative step added": (lambda i: i > 0, 4, lambda i: i + -1),
    "two limits": (lambda i: (i < 9) & (i < 4), 0, lambda i: i + 1),
    "one limit is never met": (lambda i: (i > -1) & (i < 4), 0, lambda i: i + 1),
    "no round": (lambda i: i < 0, 0, lambda i: i + 1),
    "no round upwards": (lambda i: i > 3, 3, lambda i: i + 1),
}


def counted(name: str) -> Callable[[Any], Any]:
    test, start, after = COUNTED[name]
    factor = lambda i: tf.cast(i, tf.float32) * 0.25
    return lambda x: tf.while_loop(
        lambda i, a: test(i), lambda i, a: (after(i), tf.sin(a) * x + factor(i)), [start, x]
    )


@pytest.mark.parametrize("name", COUNTED)
def test_a_counter_makes_a_scan(name: str) -> None:
    x = X[0]
    i, _ = counted(name)(C(x))
    assert "while" not in operations(counted(name), x)
    wanted = agrees(counted(name), x)
    assert int(wanted[0]) == int(i)


@pytest.mark.parametrize(
    ("name", "test", "after"),
    [
        ("never ends", lambda i: i > -1, lambda i: i + 1),
        ("passes by", lambda i: i != 5, lambda i: i + 2),
        ("no step", lambda i: i < 5, lambda i: i + 0),
        ("no constant step", lambda i: i < 5, lambda i: i + i + 1),
        ("another test", lambda i: tf.abs(i) < 5, lambda i: i + 1),
    ],
)
def test_what_is_no_counter_stays_a_loop(name: str, test: Any, after: Any) -> None:
    f = lambda x: tf.while_loop(lambda i, a: test(i), lambda i, a: (after(i), a * x), [0, x])
    assert "while" in operations(f, 1.0)


def test_a_limit_that_comes_with_the_values_stays_a_loop() -> None:
    f = lambda x, n: tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * x), [0, x])[1]
    assert "while" in operations(f, 1.5, 3)
    agrees(f, 1.5, 3)


def test_a_counter_that_would_wrap_around_stays_a_loop() -> None:
    loop = lambda limit: lambda x: tf.while_loop(
        lambda i, a: i < limit, lambda i, a: (i + tf.constant(50, tf.int8), a * x), [C(0, tf.int8), x]
    )[1]  # fmt: skip
    assert "while" not in operations(loop(C(100, tf.int8)), 1.5)
    assert "while" in operations(loop(C(127, tf.int8)), 1.5)


def test_loops_with_much_to_keep_stay_loops() -> None:
    f = lambda n: (
        lambda x: tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, tf.sin(a)), [0, x])[1]
    )
    assert "while" not in operations(f(10), tf.zeros([1000, 100]))
    assert "while" in operations(f(10_000), tf.zeros([1000, 100]))


def test_at_most_so_many_rounds() -> None:
    f = lambda x: tf.while_loop(
        lambda i, a: i < 9, lambda i, a: (i + 1, a * x), [0, x], maximum_iterations=3
    )
    assert "while" not in operations(f, 1.5)
    assert int(recorded(f)(C(1.5))[0]) == 3
    agrees(f, 1.5)
    g = lambda x: tf.while_loop(
        lambda a: tf.reduce_sum(a) < 50.0, lambda a: (a * x,), [x], maximum_iterations=3
    )
    assert "while" in operations(g, 1.5)
    agrees(lambda x: g(x)[0], 1.5)


@pytest.mark.parametrize("compile", [False, True])
def test_effects_stay_in_order(compile: bool) -> None:
    v = tf.Variable(1.0)
    seen: list[int] = []

    @tf.function(jit_compile=compile)
    def f(x: Any) -> Any:
        def body(i: Any, a: Any) -> Any:
            v.assign(v * 2.0 + tf.cast(i, tf.float32))
            tf.py_function(lambda i: seen.append(int(i)), [i], [])
            return i + 1, a * v

        return tf.while_loop(lambda i, a: i < 3, body, [0, x])

    i, a = f(C(1.0))
    assert (int(i), float(a), float(v), seen) == (3, 2.0 * 5.0 * 12.0, 12.0, [0, 1, 2])


def test_of_many_examples() -> None:
    agrees_in_batch(lambda x: counted("less")(x)[1], X)


# rows

Program = Callable[[Any], Any]
ROWS: dict[str, Program] = {}


def among(programs: dict[str, Program]) -> Callable[[Program], Program]:
    """What adds a function to programs by its name."""

    def add(function: Program) -> Program:
        programs[function.__name__] = function
        return function

    return add


@among(ROWS)
def each_row(x: Any) -> Any:
    return tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.sin(a) * x[i]), [0, x[0]])[1]


@among(ROWS)
def some_rows(x: Any) -> Any:
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) * x[i]), [1, x[0]])[1]


@among(ROWS)
def from_the_end(x: Any) -> Any:
    return tf.while_loop(lambda i, a: i >= 0, lambda i, a: (i - 1, tf.sin(a) * x[i]), [3, x[0]])[1]


@among(ROWS)
def negative_numbers(x: Any) -> Any:
    return tf.while_loop(lambda i, a: i < 0, lambda i, a: (i + 1, tf.sin(a) * x[i]), [-4, x[0]])[1]


@among(ROWS)
def two_rows_each(x: Any) -> Any:
    body = lambda i, a: (i + 1, tf.sin(a) * x[i] + x[i + 1])
    return tf.while_loop(lambda i, a: i < 3, body, [0, x[0]])[1]


@among(ROWS)
def in_a_drawn_order(x: Any) -> Any:
    order = C([2, 0, 3, 0])
    body = lambda i, a: (i + 1, tf.sin(a) * x[order[i]])
    return tf.while_loop(lambda i, a: i < 4, body, [0, x[0]])[1]


@among(ROWS)
def over_a_range(x: Any) -> Any:
    a = x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
    return a


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_read_outside(name: str) -> None:
    assert "gather" not in step_of(ROWS[name], X)
    agrees(ROWS[name], X)
    agrees(ROWS[name], X, compile=(True,))


def test_rows_by_the_state_are_read_inside() -> None:
    f = lambda x: tf.scan(lambda a, r: a * x[tf.cast(a[0] > 0.4, tf.int32)] + r, x)
    assert "gather" in step_of(f, X)
    agrees(f, X)


def test_many_rounds_on_few_rows_read_inside() -> None:
    f = lambda x: tf.while_loop(
        lambda i, a: i < 40, lambda i, a: (i + 1, tf.sin(a) * x[i % 4]), [0, x[0]]
    )[1]
    assert "gather" in step_of(f, X)
    agrees(f, X, order=1)


# arrays

WRITTEN: dict[str, Program] = {}


@among(WRITTEN)
def into_an_array(x: Any) -> Any:
    out, a = tf.TensorArray(tf.float32, size=4), x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
        out = out.write(i, a)
    return out.stack()


@among(WRITTEN)
def behind_the_first(x: Any) -> Any:
    out = tf.TensorArray(tf.float32, size=4).write(0, x[0])
    a = x[0]
    for i in tf.range(3):
        a = tf.sin(a) * x[i + 1]
        out = out.write(i + 1, a)
    return out.stack()


@among(WRITTEN)
def growing(x: Any) -> Any:
    out, a = tf.TensorArray(tf.float32, size=0, dynamic_size=True), x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
        out = out.write(i, a)
    return out.stack()


@among(WRITTEN)
def from_the_last(x: Any) -> Any:
    out = tf.TensorArray(tf.float32, size=4, element_shape=[2])
    body = lambda i, a, out: (i - 1, tf.sin(a) * x[i], out.write(i, a))
    return tf.while_loop(lambda i, a, out: i >= 0, body, [3, x[0], out])[2].stack()


@among(WRITTEN)
def every_second(x: Any) -> Any:
    out = tf.TensorArray(tf.float32, size=8, element_shape=[2])
    body = lambda i, a, out: (i + 1, tf.sin(a) * x[i], out.write(2 * i + 1, a))
    return tf.while_loop(lambda i, a, out: i < 4, body, [0, x[0], out])[2].stack()


@among(WRITTEN)
def two_arrays(x: Any) -> Any:
    u, v = tf.TensorArray(tf.float32, size=4), tf.TensorArray(tf.float32, size=5)
    a = x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
        u, v = u.write(i, a), v.write(i, a * a)
    return tf.concat([u.stack(), v.stack()], 0)


@among(WRITTEN)
def into_a_tensor(x: Any) -> Any:
    put = tf.tensor_scatter_nd_update
    body = lambda i, a, out: (i + 1, tf.sin(a) * x[i], put(out, [[i]], [a]))
    return tf.while_loop(lambda i, a, out: i < 4, body, [0, x[0], x * x])[2]


@among(WRITTEN)
def with_results(x: Any) -> Any:
    put = tf.tensor_scatter_nd_update
    step = lambda a, r: (a[0] * r[1], put(a[1], [[r[0]]], [a[0]]))
    return tf.scan(lambda a, r: step(a, r), (tf.range(4), x), (x[0], x * x))[1][-1]


@pytest.mark.parametrize("name", [n for n in WRITTEN if n != "with_results"])
def test_rows_are_written_outside(name: str) -> None:
    assert "put_rows" not in step_of(WRITTEN[name], X)
    agrees(WRITTEN[name], X)
    agrees(WRITTEN[name], X, compile=(True,))


def test_an_array_that_every_round_returns_is_written_inside() -> None:
    assert "put_rows" in step_of(WRITTEN["with_results"], X)
    agrees(WRITTEN["with_results"], X)


INSIDE: dict[str, Program] = {}


@among(INSIDE)
def a_place_twice(x: Any) -> Any:
    out, a = tf.TensorArray(tf.float32, size=4, element_shape=[2]), x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
        out = out.write(i // 2, a)
    return out.stack()


@among(INSIDE)
def read_again(x: Any) -> Any:
    out = tf.TensorArray(tf.float32, size=5).write(0, x[0])
    for i in tf.range(4):
        out = out.write(i + 1, tf.sin(out.read(i)) * x[i])
    return out.stack()


@among(INSIDE)
def places_by_values(x: Any) -> Any:
    out, a = tf.TensorArray(tf.float32, size=4, element_shape=[2]), x[0]
    for i in tf.range(4):
        a = tf.sin(a) * x[i]
        out = out.write(tf.where(a[0] > -9.0, i, 0), a)
    return out.stack()


@pytest.mark.parametrize("name", INSIDE)
def test_other_arrays_are_written_inside(name: str) -> None:
    assert "put_rows" in step_of(INSIDE[name], X)
    agrees(INSIDE[name], X)


def test_an_array_of_open_size_is_written_inside() -> None:
    def f(x: Any) -> Any:
        out = tf.TensorArray(tf.float32, size=tf.shape(x)[0], element_shape=[2])
        for i in tf.range(3):
            out = out.write(i, tf.sin(x[i]))
        return out.stack()

    open_rows = tf.function(f, input_signature=[tf.TensorSpec([None, 2])], jit_compile=False)
    close(open_rows(C(X)), f(C(X)))


def test_a_place_that_is_not_there() -> None:
    def f(x: Any) -> Any:
        out = tf.TensorArray(tf.float32, size=3, element_shape=[2])
        for i in tf.range(4):
            out = out.write(i, x[i])
        return out.stack()

    with pytest.raises(tf.errors.OpError, match=r"3"):
        recorded(f)(C(X))


def test_arrays_of_many_examples() -> None:
    agrees_in_batch(WRITTEN["into_an_array"], np.stack([X, np.array(X) + 0.1]).astype(np.float32))


def test_whole_numbers_and_booleans_are_written_too() -> None:
    def f(x: Any) -> Any:
        out = tf.TensorArray(tf.int32, size=4)
        flags = tf.TensorArray(tf.bool, size=4)
        for i in tf.range(4):
            out, flags = out.write(i, i * i), flags.write(i, x[i, 0] > 0.6)
        return out.stack(), flags.stack()

    for compile in (False, True):
        numbers, flags = recorded(f, compile)(C(X))
        close(numbers, C([0, 1, 4, 9]))
        close(flags, C([False, True, True, True]))
