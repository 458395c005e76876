"""`TensorArray`: eagerly, in recorded loops, in branches; sizes, gradients, mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import agrees, close, recorded
from tests.graph.test_autograph import same

C = tf.constant
Array = tf.TensorArray


# eagerly


def test_writing_gives_another_array() -> None:
    a = Array(tf.float32, size=3)
    b = a.write(0, 1.0).write(2, C(3.0))
    assert b.stack().numpy().tolist() == [1.0, 0.0, 3.0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="element_shape"):
        a.stack()
    assert [float(b.read(i)) for i in range(3)] == [1.0, 0.0, 3.0]
    assert int(b.size()) == len(b) == 3
    assert b.gather([2, 0]).numpy().tolist() == [3.0, 1.0]
    assert (b.dtype, b.element_shape, b.dynamic_size) == (tf.float32, [], False)
    assert "3 elements" in repr(b)


def test_arrays_that_grow() -> None:
    a = Array(tf.int32, size=0, dynamic_size=True)
    for i in range(3):
        a = a.write(i, [i, i])
    assert a.stack().numpy().tolist() == [[0, 0], [1, 1], [2, 2]]
    assert a.concat().numpy().tolist() == [0, 0, 1, 1, 2, 2]
    assert a.write(4, [9, 9]).stack().numpy().tolist()[3:] == [[0, 0], [9, 9]]


def test_scatter_unstack_split_and_concat() -> None:
    x = C([[1.0, 2.0], [3.0, 4.0]])
    a = Array(tf.float32, size=2)
    close(a.unstack(x).stack(), x)
    close(a.scatter([1, 0], x).stack(), x[::-1])
    parts = Array(tf.float32, size=2, infer_shape=False).split(C([1.0, 2.0, 3.0]), [2, 1])
    close(parts.read(0), C([1.0, 2.0]))
    close(parts.concat(), C([1.0, 2.0, 3.0]))
    close(a.unstack(x).identity().concat(), C([1.0, 2.0, 3.0, 4.0]))


@pytest.mark.parametrize(
    ("use", "kind", "words"),
    [
        (lambda a: a.write(3, 1.0), IndexError, r"index 3 is not in \[0, 2\)"),
        (lambda a: a.write(-1, 1.0), IndexError, "index -1 is not in"),
        (lambda a: a.read(5), IndexError, "index 5 is not in"),
        (lambda a: a.read(0), ValueError, "was not written yet"),
        (lambda a: a.write(0, C(1)), ValueError, r"tf\.cast\(value, tf\.float32\)"),
        (lambda a: a.write(0, 1.0).write(1, [1.0]), ValueError, "must have one shape"),
        (lambda a: a.grad("x"), NotImplementedError, "GradientTape"),
        (lambda a: Array(tf.float32, size=-1), ValueError, "is negative"),
    ],
)
def test_mistakes(use: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        use(Array(tf.float32, size=2))


# in recorded loops


def fixed(x: Any) -> Any:
    a = Array(tf.float32, size=3)
    for i in tf.range(3):
        a = a.write(i, x * tf.cast(i, tf.float32))
    return a.stack(), a.size()


def growing(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(4):
        a = a.write(i, x * tf.cast(i, tf.float32))
    return a.stack(), a.read(2), a.size()


def recurrent(x: Any) -> Any:
    a = Array(tf.float32, size=5, clear_after_read=False).write(0, x)
    i = 0
    while i < 4:
        a = a.write(i + 1, a.read(i) * 1.5)
        i += 1
    return a.stack(), a.read(2), a.gather([0, 1])


def states(x: Any) -> Any:
    rows = tf.stack([x, x * 2.0, tf.sin(x)])
    state, a = tf.zeros([2]), Array(tf.float32, size=3)
    for i, r in enumerate(rows):
        state = tf.tanh(r * tf.ones([2]) + state)
        a = a.write(i, state)
    return a.stack(), a.concat(), state


def read_in_a_loop(x: Any) -> Any:
    a = Array(tf.float32, size=3).unstack(tf.stack([x, x * x, tf.sin(x)]))
    s = x * 0.0
    for i in tf.range(3):
        s = s * 2.0 + a.read(i)
    return s


def in_branches(x: Any) -> Any:
    a = Array(tf.float32, size=3)
    for i in tf.range(3):
        if x * tf.cast(i, tf.float32) > 1.0:
            a = a.write(i, x)
        else:
            a = a.write(i, -x)
    if x > 0.0:
        a = a.write(0, x * 5.0)
    return a.stack()


def growing_behind_the_first(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True).write(0, x)
    for i in tf.range(1, 4):
        a = a.write(i, a.read(i - 1) * x)
    return a.stack(), a.size()


def growing_by_a_counter(x: Any) -> Any:
    a, n = Array(tf.float32, size=0, dynamic_size=True), 0
    for r in tf.stack([x, x * x]):
        a = a.write(n, r).write(n + 1, -r)
        n += 2
    return a.stack()


def growing_at_the_end(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for r in tf.stack([x, x * x]):
        a = a.write(a.size(), r)
    return a.stack()


def growing_twice(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(2):
        a = a.write(i, x)
    for i in tf.range(2):
        a = a.write(i + 2, x * x)
    return a.stack()


def growing_in_branches(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(3):
        if x * tf.cast(i, tf.float32) > 1.0:
            a = a.write(i, x)
        else:
            a = a.write(i, -x)
    return a.stack()


def growing_in_an_inner_loop(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(2):
        a = a.write(i, x)
        for j in tf.range(3):
            a = a.write(j, x * tf.cast(i + j, tf.float32))
    return a.stack()


GROWING = [
    growing_in_an_inner_loop,
    growing,
    growing_behind_the_first,
    growing_by_a_counter,
    growing_at_the_end,
    growing_twice,
    growing_in_branches,
]


@pytest.mark.parametrize(
    "f", [fixed, recurrent, states, read_in_a_loop, in_branches, *GROWING], ids=lambda f: f.__name__
)
def test_under_autograph(f: Any) -> None:
    same(f, 2.0, -0.7)


def by_while(x: Any) -> Any:
    def body(i: Any, a: Any, s: Any) -> Any:
        return i + 1, a.write(i, s), s * x

    _, a, s = tf.while_loop(lambda i, a, s: i < 4, body, [0, Array(tf.float32, size=4), x])
    return a.stack(), s


def by_scan(x: Any) -> Any:
    def step(state: Any, r: Any) -> Any:
        i, a = state
        return i + 1, a.write(i, r * x)

    a = Array(tf.float32, size=3, element_shape=[])
    return tf.foldl(step, tf.stack([x, x * 2.0, x]), (0, a))[1].stack()


def by_cond(x: Any) -> Any:
    a = Array(tf.float32, size=2).write(0, x)
    a = tf.cond(x > 0.0, lambda: a.write(1, x * x), lambda: a.write(1, -x))
    return a.stack()


@pytest.mark.parametrize("f", [by_while, by_scan, by_cond], ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [1.5, -0.5])
def test_in_loops_and_branches_of_functions(f: Any, x: float) -> None:
    agrees(f, x)


def test_compiled_and_returned_from_a_function() -> None:
    f = tf.function(growing, jit_compile=True)
    for a, b in zip(f(C(2.0)), growing(C(2.0)), strict=True):
        np.testing.assert_allclose(a, b)
    g = recorded(lambda x: Array(tf.float32, size=2).write(0, x).write(1, x * 2.0))
    array = g(C(3.0))
    assert array.stack().numpy().tolist() == [3.0, 6.0]
    assert array.write(0, 1.0).stack().numpy().tolist() == [1.0, 6.0]
    x = C(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(g(x).stack() ** 2)
    assert float(tape.gradient(y, x)) == 30.0


def test_a_size_from_the_shape_of_an_argument() -> None:
    def f(x: Any) -> Any:
        n = tf.shape(x)[0]
        a = Array(tf.float32, size=n)
        for i in tf.range(n):
            a = a.write(i, tf.reduce_sum(x[i]))
        return a.stack()

    g = tf.function(f, input_signature=[tf.TensorSpec([None, 2])], jit_compile=False)
    for n in (1, 3):
        x = tf.reshape(tf.range(2.0 * n), [n, 2])
        close(g(x), f(x))
    assert g.experimental_get_tracing_count() == 1


def doubled(x: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True)
    for i in tf.range(tf.shape(x)[0]):
        a = a.write(i, 2.0 * x[i])
    return a.stack()


def doubled_in_a_list(x: Any) -> Any:
    found = []
    for r in x:
        found.append(2.0 * r if r > 0.0 else r)
    return tf.stack(found)


def doubled_in_a_comprehension(x: Any) -> Any:
    return tf.stack([2.0 * r for r in x])


@pytest.mark.parametrize(
    "f", [doubled, doubled_in_a_list, doubled_in_a_comprehension], ids=lambda f: f.__name__
)
def test_what_grows_with_an_open_size_is_traced_for_each(f: Any) -> None:
    g = tf.function(f, input_signature=[tf.TensorSpec([None])], jit_compile=False)
    for x in (C([1.0, 2.0]), C([3.0]), C([4.0, 5.0])):
        close(g(x), 2.0 * x)
    assert g.experimental_get_tracing_count() > 2
    with pytest.raises(TypeError, match=r"not known while recording.*TensorArray|tf\.map_fn"):
        g.get_concrete_function()


# loops that may end early


def until_large(x: Any) -> Any:
    """Squares and numbers, the latter only of rounds that go on."""
    squares = Array(tf.float32, size=0, dynamic_size=True)
    numbers = Array(tf.int32, size=0, dynamic_size=True)
    s = x
    for i in tf.range(9):
        squares = squares.write(i, s * s)
        s = s * 1.5
        if s > 30.0:
            break
        numbers = numbers.write(i, i)
    return squares, numbers


def facts(x: Any) -> Any:
    squares, numbers = until_large(x)
    logs = tf.reduce_sum(tf.math.log(squares.stack()))
    return [
        squares.stack(), numbers.stack(), squares.size(), numbers.size(), squares.read(1),
        squares.gather([0, 2]), squares.unstack(squares.stack()).stack(), logs,
    ]  # fmt: skip


@pytest.mark.parametrize("x", [0.1, 3.0, 10.0])
def test_an_array_grows_until_a_break(x: float) -> None:
    for a, b in zip(tf.function(facts)(C(x)), facts(C(x)), strict=True):
        close(a, b)


def test_the_gradient_of_an_array_that_grew_until_a_break() -> None:
    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.sin(until_large(x)[0].stack()))
        return tape.gradient(y, x)

    for x in (0.1, 3.0):
        close(tf.function(slope)(C(x)), slope(C(x)))


def test_an_array_goes_on_from_what_it_holds_and_leaves_a_function() -> None:
    def f(x: Any, rows: Any) -> Any:
        a = Array(tf.float32, size=2, dynamic_size=True).write(0, x).write(1, x)
        for i, row in enumerate(rows):
            a = a.write(i, row)
            if row > 2.0:
                break
        return a

    g = tf.function(f)
    for rows, wanted in (
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0]),
        ([5.0, 6.0, 7.0, 8.0], [5.0, 9.0]),
        ([1.0, 1.0, 1.0, 1.0], [1.0] * 4),
    ):
        close(g(C(9.0), C(rows)).stack(), C(wanted))
        close(f(C(9.0), C(rows)).stack(), C(wanted))


def test_a_loop_in_a_loop_that_may_end_early() -> None:
    def f(x: Any) -> Any:
        a = Array(tf.float32, size=0, dynamic_size=True)
        total = tf.constant(0.0)
        for i in tf.range(4):
            for j in tf.range(3):
                total += x * tf.cast(j, tf.float32)
                if total > 6.0:
                    break
            a = a.write(i, total)
            if total > 4.0:
                break
        return a.stack()

    for x in (0.1, 1.0, 5.0):
        close(tf.function(f)(C(x)), f(C(x)))


# mistakes in recorded loops


def grows_without_an_end(x: Any, n: Any) -> Any:
    a, i = Array(tf.float32, size=0, dynamic_size=True, element_shape=[]), 0
    while i < n:
        a = a.write(i, x)
        i += 1
    return a.stack()


def grows_out_of_turn_until_a_break(x: Any, n: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True, element_shape=[])
    for i in tf.range(3):
        if x * tf.cast(i, tf.float32) > 1.0:
            break
        a = a.write(2 * i, x)
    return a.stack()


def grows_on_after_a_loop_with_a_break(x: Any, n: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True, element_shape=[])
    for i in tf.range(3):
        a = a.write(i, x)
        if x > 1.0:
            break
    return a.write(a.size(), x).stack()


def grows_in_fold(x: Any, n: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True, element_shape=[])
    return tf.foldl(lambda a, r: a.write(2, r), tf.stack([x, x]), a).stack()


def unknown_size(x: Any, n: Any) -> Any:
    return Array(tf.float32, size=n).write(0, x).stack()


def other_sizes(x: Any, n: Any) -> Any:
    a = Array(tf.float32, size=0, dynamic_size=True).write(0, x)
    if x > 0.0:
        a = a.write(1, x)
    return a.stack()


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (grows_without_an_end, ValueError, "unknown length the array cannot grow.*largest size"),
        (grows_out_of_turn_until_a_break, ValueError, "element i in round i"),
        (grows_on_after_a_loop_with_a_break, ValueError, "nor can it after a loop that may end"),
        (grows_in_fold, ValueError, "the shape must stay.*TensorArray"),
        (unknown_size, TypeError, "size must be known when the function is recorded"),
        (other_sizes, ValueError, "'a' is .* shapes must agree"),
    ],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_mistakes_in_recorded_functions(f: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        tf.function(f)(C(1.0), C(3))
