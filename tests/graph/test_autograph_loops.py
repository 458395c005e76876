"""AutoGraph: `while` and `for`, with `break`, `continue`, `else` and `return`, over whatever may be
run through; what loops do to numbers, lists, arrays and objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.test_autograph import same

C = tf.constant


# while


def test_break_and_continue() -> None:
    def f(x: Any, n: Any) -> Any:
        s, i = 0.0, 0
        while i < n:
            i += 1
            if i % 2 == 0:
                continue
            if s > x:
                break
            s += x * tf.cast(i, tf.float32)
        return s, i

    same(f, (3.0, 10), (300.0, 0), (0.1, 5))


def test_return_within() -> None:
    def f(x: Any) -> Any:
        n = 0
        while n < 10:
            x = x * 1.5
            n += 1
            if x > 20.0:
                return x, n
        return -x, n

    def forever(x: Any) -> Any:
        n = 0
        while True:
            n += 1
            x = x * 2.0
            if x > 100.0:
                return x, n

    same(f, 3.0, 0.01)
    same(forever, 1.0, 200.0)


def test_else_of_loops() -> None:
    def f(x: Any) -> Any:
        for _ in tf.range(4):
            x = x * 2.0
            if x > 10.0:
                break
        else:
            x = x + 100.0
        i = 0
        while i < 3:
            i += 1
            if x > 1000.0:
                break
        else:
            x = -x
        for _ in tf.range(3):
            for _ in tf.range(3):
                if x > 5.0:
                    break
                x = x + 1.0
            else:
                x = x * 1.5
        return x

    same(f, 0.1, 3.0, 400.0)


def test_rounds_run_in_python_until_the_test_is_symbolic() -> None:
    def f(x: Any) -> Any:
        i, y = 0, 0.0
        while i < 3 or y < x:
            i += 1
            y = y + 1.0 if i < 3 else y + x / 4.0
        return y

    same(f, 5.0, 9.0)


def test_newton_and_collatz() -> None:
    def root(a: Any) -> Any:
        x = a
        while tf.abs(x * x - a) > 1e-5 * a:
            x = 0.5 * (x + a / x)
        return x

    def collatz(n: Any) -> Any:
        count = 0
        while n != 1:
            if n % 2 == 0:
                n = n // 2
            else:
                n = 3 * n + 1
            count += 1
        return count

    same(root, 7.0, 1.0, 1e4)
    same(collatz, 27, 1)


# for


def test_over_tensors_and_what_python_makes_of_them() -> None:
    def f(x: Any) -> Any:
        s = 0.0
        for r in x:
            s += tf.reduce_sum(r)
        for i, r in enumerate(x):
            s += tf.cast(i, tf.float32) * tf.reduce_sum(r)
        for i, r in enumerate(x, 2):
            s += tf.cast(i, tf.float32) * r[0]
        for a, b in zip(x, x * 2.0):
            s += tf.reduce_sum(a * b)
        for i, (a, b) in enumerate(zip(x, x)):
            s += a[0] * b[1] * tf.cast(i, tf.float32)
        for k in range(3):
            s += k
        for k in range(tf.shape(x)[0]):
            s += tf.cast(k, tf.float32)
        for a, b in x:
            s += a * b
        return s

    same(f, [[1.0, 2.0], [3.0, 4.0]])
    g = tf.function(f, input_signature=[tf.TensorSpec([None, 2])], jit_compile=False)
    for n in (1, 3):
        x = tf.reshape(tf.range(2.0 * n), [n, 2])
        np.testing.assert_allclose(g(x), f(x), rtol=1e-6)
    assert g.experimental_get_tracing_count() == 1


def test_over_ranges_of_tensors() -> None:
    def f(n: Any, m: Any) -> Any:
        s = 0
        for i in tf.range(n, m, 2):
            s += i
        for i in range(n, m):
            s += i * i
        for i in range(m, n, -3):
            s += i
        for i in tf.range(m):
            for j in tf.range(i):
                s = s + i * j
        for i in tf.range(0):
            s = s + 100 * i
        return s

    def g(x: Any) -> Any:
        s = 0.0
        for t in tf.range(0.0, x, 0.3):
            s += t
        return s

    same(f, (2, 9), (0, 1))
    same(g, 2.0, 0.0, 0.9)
    compiled = tf.function(f, jit_compile=True)
    assert int(compiled(C(2), C(9))) == int(f(C(2), C(9)))
    with pytest.raises(TypeError, match="integer scalars"):
        tf.function(over_floats)(C(2.0))


def over_floats(x: Any) -> Any:
    for i in range(x):
        x = x + i
    return x


def test_break_continue_and_return() -> None:
    def f(x: Any, n: Any) -> Any:
        s = 0.0
        for i in tf.range(n):
            if i == 3:
                continue
            if s > x * 10.0:
                break
            s = s + x
        for r in tf.range(4.0):
            if r > x:
                return s * r
            s = s + r
        return s

    same(f, (3.0, 10), (300.0, 0), (0.1, 5), (-1.0, 30))


def test_python_loops_with_tests_of_tensors() -> None:
    def f(x: Any) -> Any:
        n = 0
        for k in [1.0, 2.0, 3.0]:
            if x > 5.0:
                continue
            x = x + k
            n += 1
        for i in range(5):  # noqa: B007
            x = x * 2.0
            if x > 30.0:
                break
        return x, n, i

    same(f, 1.0, 100.0, 0.1)


def test_loops_in_loops() -> None:
    def f(x: Any) -> Any:
        s = x * 0.0
        for i in tf.range(3):
            for j in tf.range(i):
                if j == 1:
                    continue
                s += x * tf.cast(i * j + 1, tf.float32)
            k = 0
            while k < i:
                k += 1
                if s > 50.0:
                    break
                s *= 1.1
        return s

    same(f, 2.0, 60.0)
    with pytest.raises(TypeError, match="a scalar tensor has no rows"):
        tf.function(over_rows)(C(1.0))


def over_rows(x: Any) -> Any:
    for r in x:
        x = x + r
    return x


# numbers


def test_numbers_take_the_dtype_and_shape_that_the_loop_gives_them() -> None:
    def total(x: Any) -> Any:
        s = 0.0
        for r in x:
            s = s + r
        return s

    def whole(x: Any) -> Any:
        s = 0
        for r in x:
            s += r
        return s / 2

    def powers(x: Any) -> Any:
        p, n = 1, 0
        while n < 3:
            p = p * x
            n = n + 1
        return p, n

    def halves(x: Any) -> Any:
        n = 0
        while x > 0.0:
            n = n + 0.5
            x = x - 1.0
        return n

    same(total, [1.0, 2.0], [[1.0, 2.0]], np.array([1.0, 2.0]))
    same(whole, [1.0, 2.0], np.array([1, 2]), np.array([1.0, 2.0], "f2"))
    same(powers, 2.0, np.float64(2.0), np.array([1 + 2j], "c8"))
    same(halves, 2.0)


def test_numbers_stay_numbers_where_nothing_else_comes() -> None:
    def f(x: Any) -> Any:
        a, b, c = 0, 1.0, True
        for r in x:
            a, b = a + 1, b * 2
            if r > 1.0:
                c = False
        return a, b, c, x

    same(f, [1.0, 2.0], [0.5])


def test_variables_of_the_loop_afterwards() -> None:
    def f(x: Any) -> Any:
        for i in tf.range(3):
            y = x * tf.cast(i, tf.float32)
        return y, i

    same(f, 2.0)


def test_a_body_is_recorded_once_where_nothing_is_to_be_learned() -> None:
    log: list[str] = []

    def f(x: Any) -> Any:
        i, s = 0, 0.0
        for r in x:
            log.append("for")
            s = s + r
            i += 1
        while s < 100.0:
            log.append("while")
            s = s * 2.0
        return s, i

    tf.function(f)(C([1.0, 2.0]))
    assert log == ["for", "while"]


# structures, objects, variables


def test_structures_and_objects_as_state() -> None:
    class Cell:
        def __init__(self) -> None:
            self.h: Any = C(0.0)

        def step(self, x: Any) -> Any:
            if x > 0.0:
                self.h = self.h + x
            else:
                self.h = self.h - x
            return self.h

    def f(x: Any) -> Any:
        cell, d = Cell(), {"a": x, "b": x * 2.0}
        pair = (x, [x, x * 2.0])
        items = [x, x * 2.0]
        for _ in tf.range(3):
            d["a"] = d["a"] * 1.5
            if d["a"] > 3.0:
                d["b"] = d["b"] + 1.0
            pair = (pair[1][0], [pair[1][1], pair[0]])
            items[0] = items[0] + items[1]
            cell.h = cell.h + x
        for k in d:
            d[k] = d[k] * 2.0
        return d, pair, items, cell.step(x)

    same(f, 1.0, 2.0, -1.0)


def test_variables_and_derivatives_in_loops() -> None:
    v = tf.Variable(0.0)

    def f(x: Any) -> Any:
        for i in tf.range(4):
            if x > 0.0:
                v.assign_add(x)
            else:
                v.assign(-x * tf.cast(i, tf.float32))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in tf.range(3):
                if y < 5.0:
                    y = y * x
        return v * 1.0, tape.gradient(y, x)

    for x in (2.0, -1.0):
        v.assign(0.0)
        wanted = f(C(x))
        v.assign(0.0)
        have = tf.function(f, jit_compile=False)(C(x))
        np.testing.assert_allclose(have, wanted)


# lists


def test_lists_that_grow_in_a_loop_of_known_length() -> None:
    class Log:
        def run(self, x: Any) -> Any:
            self.items: list[Any] = []
            for i, r in enumerate(x):
                if i > 0:
                    self.items.append(r)
                self.add(r * 2.0)
            return tf.stack(self.items)

        def add(self, r: Any) -> None:
            self.items.append(r)

    def local(x: Any) -> Any:
        found: list[Any] = []

        def add(r: Any) -> None:
            found.append(r)

        out: dict[str, list[Any]] = {"a": []}
        for r in x:
            add(r * 2.0)
            out["a"].append(r)
        mine = []
        for r in x:
            mine.append(r + 1.0)
        return tf.stack(found), out["a"], mine

    def within(x: Any) -> Any:
        s = 0.0
        for r in x:
            parts = []
            for k in tf.range(2):
                parts.append(r * tf.cast(k, tf.float32))
            s = s + tf.add_n(parts)
        return s

    same(Log().run, [1.0, 2.0, 3.0])
    same(local, [1.0, 2.0])
    same(within, [1.0, 2.0])


def test_lists_that_grow_in_a_loop_of_unknown_length() -> None:
    def local(n: Any) -> Any:
        found = []
        for i in tf.range(n):
            found.append(i)
        return tf.stack(found)

    class Log:
        def run(self, x: Any) -> Any:
            self.items: list[Any] = []
            while x < 5.0:
                self.items.append(x)
                x = x * 2.0
            return tf.stack(self.items)

    with pytest.raises(TypeError, match="the list 'found' changes in a recorded loop.*TensorArray"):
        tf.function(local)(C(3))
    with pytest.raises(TypeError, match="out of scope.*use a tf.TensorArray instead of a list"):
        tf.function(Log().run)(C(1.0))


# mistakes


def grows(x: Any) -> Any:
    y = tf.zeros([1])
    while tf.reduce_sum(x) > 0.0:
        y = tf.concat([y, x], 0)
        x = x - 1.0
    return y


def changes_its_dtype(x: Any) -> Any:
    n = C(0)
    while x[0] > 0.0:
        n = tf.cast(n, tf.float32) + 1.0
        x = x - 1.0
    return n


def changes_its_structure(x: Any) -> Any:
    y: Any = x
    for _ in tf.range(tf.size(x) * tf.cast(x[0], tf.int32)):
        y = (y, y)
    return y


def none_before(x: Any) -> Any:
    y = None
    for r in tf.range(tf.size(x) * tf.cast(x[0], tf.int32)):
        y = r if y is None else y * r
    return y


@pytest.mark.parametrize(
    ("f", "kind", "words"),
    [
        (grows, ValueError, "'y' is float32.1. before .* float32.2. after a round: the shape"),
        (
            changes_its_dtype,
            ValueError,
            "'n' is int32.. before .* float32.. after a round: the dtype",
        ),
        (changes_its_structure, TypeError, "'y' must keep its structure"),
        (none_before, TypeError, "'y' is None .* before a recorded loop and int32"),
    ],
)
def test_variables_that_do_not_stay_of_one_kind_are_named(f: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        tf.function(f)(C([1.0]))


# variables that change their shape, or begin as something else


def joined(x: Any) -> Any:
    y = tf.zeros([0])
    for r in x:
        y = tf.concat([y, [r * 2.0, r]], 0)
    return y * tf.cast(tf.size(y), tf.float32)


def largest(x: Any) -> Any:
    best = None
    for i, r in enumerate(x):
        if best is None or r > best[0]:
            best = r, i
    return best


def test_a_loop_of_known_length_may_replace_values() -> None:
    same(largest, [1.0, 3.0, 2.0])


def test_a_loop_of_known_length_may_change_shapes() -> None:
    same(joined, [1.0, 2.0, 3.0])
    f = tf.function(joined, input_signature=[tf.TensorSpec([None])], jit_compile=False)
    for x in (C([1.0, 2.0]), C([3.0])):
        np.testing.assert_array_equal(f(x), joined(x))


# options


def limited_range(x: Any) -> Any:
    for i in tf.range(10):
        tf.autograph.experimental.set_loop_options(maximum_iterations=3, parallel_iterations=2)
        x = x * tf.cast(i + 1, tf.float32)
    return x


def limited_rows(x: Any) -> Any:
    total = 0.0
    for r in tf.stack([x, x * x, x]):
        tf.autograph.experimental.set_loop_options(maximum_iterations=2)
        total += r
    return total


def limited_while(x: Any) -> Any:
    while x < 100.0:
        tf.autograph.experimental.set_loop_options(maximum_iterations=2)
        x = x * 2.0
    return x


@pytest.mark.parametrize(
    ("f", "wanted"),
    [(limited_range, 12.0), (limited_rows, 6.0), (limited_while, 8.0)],
    ids=lambda f: getattr(f, "__name__", ""),
)
def test_options_hold_for_recorded_loops(f: Any, wanted: float) -> None:
    assert float(tf.function(f, jit_compile=False)(tf.constant(2.0))) == wanted
    assert float(f(tf.constant(2.0))) > wanted
