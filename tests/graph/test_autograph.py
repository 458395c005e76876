"""AutoGraph: what `if`, logic, returns, assertions, printing and lists mean in a recorded function.

Each program runs eagerly and recorded, for inputs that take every path; values, dtypes and gradients
agree."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant


def same(f: Any, *inputs: Any, tolerance: float = 1e-6) -> None:
    """Check a program for inputs: tuples of numbers, which become tensors."""
    g = tf.function(f, jit_compile=False)
    for xs in inputs:
        xs = [C(x) for x in (xs if isinstance(xs, tuple) else (xs,))]
        have, wanted = (tf.nest.flatten(run(*xs)) for run in (g, f))
        for a, b in zip(have, wanted, strict=True):
            assert (a is None) == (b is None)
            if b is not None:
                b = tf.convert_to_tensor(b)
                assert (a.dtype, a.shape) == (b.dtype, b.shape)
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        sources = [x for x in xs if x.dtype.is_floating]
        if sources:
            grads = [gradient(run, xs, sources) for run in (g, f)]
            for a, b in zip(*grads, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def gradient(f: Any, xs: Any, sources: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(sources)
        found = tf.nest.flatten(f(*xs))
        ys = [y for y in found if isinstance(y, tf.Tensor) and y.dtype.is_floating]
    if not ys:
        return [tf.zeros_like(s) for s in sources]
    return tape.gradient(ys, sources, unconnected_gradients="zero")


# if


def test_elif_and_else() -> None:
    def f(x: Any) -> Any:
        if x > 2.0:
            y = x * 2.0
        elif x > 1.0:
            y = x * 3.0
        else:
            y = -x
        return y

    same(f, 3.0, 1.5, 0.0)


def test_returns_in_every_place() -> None:
    def f(x: Any) -> Any:
        if x > 4.0:
            return x * 2.0
        with tf.name_scope("scope"):
            if x > 3.0:
                return x * 7.0
        if x > 1.0:
            if x > 1.5:
                return x * 5.0
            x = x + 1.0
        else:
            return x
        try:
            if x > 2.1:
                return -x
        finally:
            x = x * 2.0
        return x * 3.0

    same(f, 5.0, 3.5, 1.7, 1.2, 1.05, 0.0)


def test_no_return_in_one_branch_is_refused() -> None:
    def f(x: Any) -> Any:
        if x > 0.0:
            return x

    def g(x: Any) -> Any:
        for r in x:
            if r > 0.0:
                return r

    with pytest.raises(TypeError, match="what the function returns is float32.* and None"):
        tf.function(f)(C(1.0))
    with pytest.raises(TypeError, match="what the function returns"):
        tf.function(g)(C([1.0]))

    def nothing(x: Any, flag: bool = False) -> Any:
        if flag:
            return x
        if x > 0.0:
            x = -x

    assert tf.function(nothing)(C(1.0)) is None
    assert float(tf.function(nothing)(C(1.0), True)) == 1.0


def test_unpacking_deleting_and_augmented_assignment() -> None:
    def f(x: Any) -> Any:
        a, (b, *c) = x, (x * 2.0, x * 3.0, x * 4.0)
        d, e = {"k": a}, [x, x]
        if x > 0.0:
            a += b
            t = a
            del t
            a, b = b, a
            d["k"] = d["k"] * 2.0
            e[0] = b
        else:
            a = c[0]
        del c
        return a, b, d["k"], e[0]

    same(f, 1.0, -1.0)


def test_attributes() -> None:
    class Node:
        pass

    def f(x: Any) -> Any:
        node: Any = Node()
        node.a, node.inner = x, Node()
        node.inner.b = x
        if x > 0.0:
            node.a = x * 2.0
            node.inner.b = node.a
            node.new = x
        else:
            node.new = -x
        for _ in tf.range(3):
            node.a = node.a + 1.0
        while node.a < 10.0:
            node.a *= 2.0
        return node.a, node.inner.b, node.new

    same(f, 1.0, -1.0)


def test_numbers_of_branches_take_the_wider_dtype() -> None:
    def f(x: Any) -> Any:
        a, b = 0, 0.0
        if x > 0.0:
            a, b = 1, x
        c = x if x > 0.0 else 0
        d = 2 if x > 0.0 else x
        return a, b + 0.0 * x, c + 0.0 * x, d + 0.0 * x

    same(f, 1.0, -1.0, np.float64(2.0))
    mixed = tf.function(lambda x: 1 if x > 0.0 else 0.5)
    assert [mixed(C(x)).numpy() for x in (1.0, -1.0)] == [1.0, 0.5]


def test_what_is_no_tensor_must_be_the_same() -> None:
    def f(x: Any) -> Any:
        mode, shape = "a", None
        if x > 0.0:
            mode, shape = "a", None
            label = "bb"
            y = x * len(label)
        else:
            label = "c"
            y = -x * len(label)
        return y if mode == "a" and shape is None else None

    same(f, 1.0, -1.0)

    def g(x: Any) -> Any:
        mode = "a"
        if x > 0.0:
            mode = "b"
        return x * len(mode)

    with pytest.raises(TypeError, match="'mode' is 'b' .* in one branch .* 'a'"):
        tf.function(g)(C(1.0))


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (lambda x: C(1), TypeError, "'y' is int32.. .* and float32.. .* dtypes must agree"),
        (lambda x: tf.stack([x, x]), ValueError, "'y' is float32.2. .* shapes must agree"),
        (lambda x: (x, x), TypeError, "'y' must have the same nested structure"),
        (lambda x: None, TypeError, "'y' is None .* and float32"),
    ],
)
def test_branches_that_differ_name_the_variable(value: Any, kind: Any, words: str) -> None:
    def f(x: Any) -> Any:
        y = x
        if x > 0.0:
            y = value(x)
        return y

    with pytest.raises(kind, match=words):
        tf.function(f)(C(1.0))


def test_a_variable_that_only_one_branch_makes() -> None:
    def f(x: Any) -> Any:
        if x > 0.0:
            y = x
        return y

    def unused(x: Any) -> Any:
        if x > 0.0:
            y = x
            x = y * 2.0
        return x

    with pytest.raises(ValueError, match="'y' must also be initialized in the else branch"):
        tf.function(f)(C(1.0))
    same(unused, 1.0, -1.0)

    def deleted(x: Any) -> Any:
        y = x
        del y
        return x * y  # noqa: F821

    with pytest.raises(UnboundLocalError):
        tf.function(deleted)(C(1.0))


# logic


def test_logic_and_comparisons() -> None:
    def f(x: Any, y: Any) -> Any:
        return (
            x > 0.0 and y > 0.0,
            x > 0.0 or y > 0.0,
            not (x > 0.0),
            0.0 < x < y <= 3.0,
            x if x > y else y,
            x if (x > 0.0 and not y > 0.0) else (y if y > 2.0 else (x * y if x > 1.0 else -x)),
            x == y or x != 3.0,
        )

    same(f, (1.0, 2.0), (-1.0, 2.0), (3.0, -2.0), (2.0, 2.5), (3.0, 3.0))


def test_python_conditions_decide_while_recording() -> None:
    def f(x: Any, flag: bool = True, limit: Any = None) -> Any:
        if flag and x > 0.0:
            x = x + 1.0
        if limit is None or x > limit:
            x = x * 2.0
        if limit is not None and x > limit:
            x = x * 3.0
        return x if flag else None

    same(f, 1.0, -1.0)
    assert tf.function(f)(C(1.0), False) is None


def test_the_second_part_is_looked_at_only_if_it_counts() -> None:
    def f(x: Any) -> Any:
        return tf.shape(x)[0] > 0 and x[0] > 1.0

    same(f, [2.0], [0.0])
    assert not tf.function(f)(tf.zeros([0]))


def test_without_autograph_a_tensor_is_no_bool() -> None:
    def f(x: Any) -> Any:
        return x if x > 0.0 else -x

    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError, match=r"tf\.cond\(x > 0, f, g\)"):
        tf.function(f, autograph=False)(C(1.0))


# assertions and printing


@pytest.mark.parametrize("compile", [False, True])
def test_assertions(compile: bool) -> None:
    def f(x: Any) -> Any:
        assert x > 0.0, "must be positive"
        assert isinstance(x, tf.Tensor)
        return x * 2.0

    g = tf.function(f, jit_compile=compile)
    assert float(g(C(1.0))) == 2.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
        np.asarray(g(C(-1.0)))

    def static(x: Any) -> Any:
        assert x.shape == [2], "two"
        return x

    with pytest.raises(AssertionError, match="two"):
        tf.function(static)(C(1.0))


@pytest.mark.parametrize("compile", [False, True])
def test_printing_of_tensors_happens_when_the_function_runs(compile: bool) -> None:
    def f(x: Any) -> Any:
        print("recorded")
        print("x", x, sep="=")
        for i in tf.range(2):
            print("i", i)
        if x > 1.0:
            print("large", x, end=".\n")
        tf.print("end", output_stream="stdout")
        return x

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        g = tf.function(f, jit_compile=compile)
        for x in (2.0, 1.0):
            g(C(x))
    assert out.getvalue().splitlines() == [
        "recorded", "x=2", "i 0", "i 1", "large 2.", "end", "x=1", "i 0", "i 1", "end",
    ]  # fmt: skip


# exceptions and contexts


def test_try_except_finally_and_with() -> None:
    @contextlib.contextmanager
    def factor() -> Any:
        yield 3.0

    def f(x: Any) -> Any:
        try:
            with factor() as k:
                y = x * k if x > 0.0 else x
        except KeyError:
            y = x
        finally:
            z = x * 2.0
        try:
            raise KeyError("k")
        except (KeyError, ValueError) as error:
            n = len(str(error))
            if x > 0.0:
                y = y + 1.0
        with tf.GradientTape() as tape:
            tape.watch(x)
            w = x
            for _ in tf.range(3):
                if w > 1.0:
                    w = w * x
        return y, z, n, tape.gradient(w, x)

    same(f, 1.5, -1.0)


# lists


def test_a_list_that_a_branch_appends_to() -> None:
    def static(x: Any, n: int = 3) -> Any:
        found = []
        for i in range(n):
            if i > 0:
                found.append(x * float(i))
        return found

    same(static, 2.0)

    def both(x: Any) -> Any:
        found = [x]
        if x > 0.0:
            found.append(x * 2.0)
        else:
            found.append(x * 3.0)
        return found

    same(both, 2.0, -2.0)

    def one(x: Any) -> Any:
        found = [x]
        if x > 0.0:
            found.append(x)
        return found

    with pytest.raises(TypeError, match="'found' must have the same nested structure"):
        tf.function(one)(C(1.0))
