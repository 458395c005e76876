"""`cond`, `case`, `switch_case`: values, derivatives, variables, batches, mistakes."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.graph.agreement import BOTH, agrees, agrees_in_batch, close, recorded

C = tf.constant
Pair = collections.namedtuple("Pair", "u w")
XS, YS = [1.5, -2.0, 0.3, 4.0], [0.5, 1.0, -0.7, 0.2]


# values and derivatives


@pytest.mark.parametrize("x", [2.0, -2.0])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: tf.cond(x > 0.0, lambda: x * x * y, lambda: -x * x * x),
        lambda x, y: tf.cond(x > 0.0, lambda: x, lambda: y),  # each uses one
        lambda x, y: tf.cond(x > 0.0, lambda: 1.0, lambda: x * y),
        lambda x, y: tf.cond(
            x > 0.0, lambda: {"a": x, "b": (x * y, 1)}, lambda: {"a": y, "b": (x, 2)}
        ),
        lambda x, y: tf.cond(x > 0.0, lambda: Pair(x, [y]), lambda: Pair(y * y, [x])),
        lambda x, y: tf.cond(
            x > 0.0, lambda: tf.cond(y > 1.0, lambda: x * y, lambda: x), lambda: y
        ),
        lambda x, y: tf.cond(tf.constant(True), lambda: x * y, lambda: x),
    ],
)
def test_both_branches(f: Any, x: float) -> None:
    agrees(f, x, 3.0)


def test_compiled() -> None:
    f = lambda x, y: tf.cond(
        tf.reduce_sum(x) > 0.0, lambda: tf.sin(x) * y, lambda: x @ tf.ones([2, 2])
    )
    for sign in (1.0, -1.0):
        agrees(f, sign * np.ones((2, 2), "f4"), 3.0, compile=BOTH)


def test_a_branch_that_is_not_taken_gives_zeros_in_a_graph_and_none_eagerly() -> None:
    x, y = C(2.0), C(3.0)
    f = lambda x, y: tf.cond(x > 0.0, lambda: x, lambda: y)
    for g, wanted in ((f, None), (recorded(f), 0.0)):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            z = g(x, y)
        found = tape.gradient(z, [x, y])
        assert float(found[0]) == 1.0
        assert (found[1] if found[1] is None else float(found[1])) == wanted


def test_eagerly_the_function_is_called_and_nothing_else() -> None:
    called: list[str] = []
    result = tf.cond(C(True), lambda: called.append("yes"), lambda: called.append("no"))
    assert (result, called) == (None, ["yes"])
    assert float(tf.cond(True, lambda: 1.5, lambda: 2)) == 1.5
    assert tf.cond(C(False), lambda: 1.5, lambda: 2).dtype == tf.int32


def test_sparse_gradients_of_branches_become_dense() -> None:
    v = tf.Variable([[1.0], [2.0], [3.0]])
    f = lambda i: tf.cond(
        i > 0, lambda: tf.gather(v, [0, 2, 0]), lambda: tf.gather(v, [1]) * tf.ones([3, 1])
    )
    with tf.GradientTape() as tape:
        y = recorded(f)(C(1))
    close(tape.gradient(y, v), np.array([[2.0], [0.0], [1.0]], "f4"))


@pytest.mark.parametrize("dtype", [tf.float64, tf.complex64, tf.bfloat16])
def test_other_dtypes(dtype: Any) -> None:
    x = tf.cast(C([1.0, 2.0]), dtype)
    f = lambda x: tf.cond(tf.math.real(x)[0] > 0, lambda: x * x, lambda: -x)
    agrees(f, x, order=1, tolerance=1e-2)


@pytest.mark.parametrize("values", [[], [[]]])
def test_empty_tensors(values: Any) -> None:
    x = C(values, tf.float32)
    agrees(lambda x: tf.cond(tf.size(x) > 5, lambda: x * x, lambda: x + 1.0), x)


def test_integers_booleans_and_none() -> None:
    f = recorded(
        lambda i: tf.cond(i > 0, lambda: (i, i > 1, None), lambda: (-i, tf.constant(True), None))
    )
    assert [t if t is None else t.numpy().item() for t in f(C(3))] == [3, True, None]
    assert [t if t is None else t.numpy().item() for t in f(C(-3))] == [3, True, None]


# switch_case and case


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 3, 9])
def test_switch_by_number(index: int) -> None:
    f = lambda x: tf.switch_case(
        C(index), [lambda: x * x, lambda: tf.sin(x), lambda: x], default=lambda: x * 7.0
    )
    g = lambda x, i: tf.switch_case(
        i, [lambda: x * x, lambda: tf.sin(x), lambda: x], lambda: x * 7.0
    )
    wanted = agrees(f, 2.0)
    close(recorded(g)(C(2.0), C(index)), wanted[0])
    close(recorded(g)(C(2.0), C(index, tf.int64)), wanted[0])


def test_switch_by_keys_and_without_a_default() -> None:
    f = recorded(lambda x, i: tf.switch_case(i, {3: lambda: x, 7: lambda: x * 2.0}))
    assert [float(f(C(1.0), C(i))) for i in (3, 7, 0, 99)] == [1.0, 2.0, 2.0, 2.0]
    pairs = recorded(lambda x, i: tf.switch_case(i, [(1, lambda: x), (0, lambda: -x)]))
    assert [float(pairs(C(1.0), C(i))) for i in (0, 1, 5)] == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize("x", [-2.0, 0.5, 3.0])
def test_case_takes_the_first_that_holds(x: float) -> None:
    agrees(
        lambda x: tf.case([(x < 0.0, lambda: -x), (x < 1.0, lambda: x * x)], default=lambda: x**3),
        x,
    )
    close(recorded(lambda x: tf.case([(x > 5.0, lambda: x), (x > 9.0, lambda: 7.0)]))(C(x)), 7.0)


@pytest.mark.parametrize("compile", BOTH)
def test_case_with_exclusive_predicates(compile: bool) -> None:
    f = lambda x: tf.case(
        [(x < 2.0, lambda: x), (x < 3.0, lambda: x * 2.0)], lambda: x, exclusive=True
    )
    g = recorded(f, compile)
    assert [float(g(C(x))) for x in (2.5, 5.0)] == [5.0, 5.0]
    for h in (f, g):
        with pytest.raises(tf.errors.InvalidArgumentError, match="2 predicates hold"):
            np.asarray(h(C(1.0)))


# variables, random numbers, effects


def test_variables_are_read_and_changed_in_order() -> None:
    v, w = tf.Variable(1.0), tf.Variable(5.0)

    def program(x: Any) -> Any:
        v.assign(x)

        def yes() -> Any:
            w.assign(v * 2.0)
            v.assign_add(1.0)
            return w + v

        def no() -> Any:
            v.assign(w)
            return v * 1.0

        return tf.cond(x > 0.0, yes, no), v + 0.0, w + 0.0

    for x in (3.0, -3.0, 2.0):
        start = float(v), float(w)
        wanted = [float(t) for t in program(C(x))]
        v.assign(start[0])
        w.assign(start[1])
        assert [float(t) for t in recorded(program)(C(x))] == wanted
        assert [float(v), float(w)] == wanted[1:]


@pytest.mark.parametrize("x", [3.0, -3.0])
def test_derivatives_past_changed_variables(x: float) -> None:
    def gradients(f: Any) -> Any:
        v.assign(2.0)
        with tf.GradientTape() as tape:
            tape.watch(t)
            y = f(t)
        return tape.gradient(y, [t, v])

    v, t = tf.Variable(2.0), C(x)

    def program(x: Any) -> Any:
        z = tf.cond(x > 0.0, lambda: v * x, lambda: v * v)
        tf.cond(x > 0.0, lambda: v.assign_add(x), lambda: v.assign(x))
        return v * v * x + z

    close(gradients(recorded(program)), gradients(program))


def test_one_branch_changes_and_the_other_returns_nothing() -> None:
    v = tf.Variable(2.0)

    def change() -> None:
        v.assign_add(1.0)

    f = recorded(lambda x: tf.cond(x > 0.0, change, lambda: None))
    assert f(C(1.0)) is None
    assert float(v) == 3.0
    f(C(-1.0))
    assert float(v) == 3.0
    g = recorded(lambda x: tf.cond(x > 0.0, lambda: v.assign(x), lambda: v))
    assert [float(g(C(x))) for x in (5.0, -1.0)] == [5.0, 5.0]


@pytest.mark.parametrize("compile", BOTH)
def test_effects_happen_in_the_branch_that_is_taken(compile: bool) -> None:
    log: list[tuple[str, float]] = []

    def noting(name: str) -> Any:
        def note(x: Any) -> None:
            log.append((name, float(x)))

        return note

    def program(x: Any) -> Any:
        tf.py_function(noting("before"), [x], [])
        tf.cond(
            x > 0.0,
            lambda: tf.py_function(noting("yes"), [x * 2.0], []),
            lambda: tf.py_function(noting("no"), [x], []),
        )
        tf.py_function(noting("after"), [x], [])
        return x

    f = recorded(program, compile)
    f(C(1.0))
    f(C(-1.0))
    assert log == [("before", 1.0), ("yes", 2.0), ("after", 1.0), ("before", -1.0), ("no", -1.0),
                   ("after", -1.0)]  # fmt: skip


# batches


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: tf.cond(x > 0.0, lambda: x * x * y, lambda: tf.sin(x) * y),
        lambda x, y: tf.cond(C(True) & (y[None][0] < 9.0), lambda: x, lambda: tf.exp(y)),
        lambda x, y: tf.switch_case(
            tf.cast(tf.abs(x), tf.int32), [lambda: x * y, lambda: tf.sin(x), lambda: tf.exp(x)]
        ),
        lambda x, y: tf.cond(
            x > 0.0, lambda: tf.cond(y > 0.0, lambda: x * y, lambda: x), lambda: y * 2.0
        ),
    ],
)
def test_examples_that_choose_differently(f: Any) -> None:
    agrees_in_batch(f, C(XS), C(YS))


def test_one_choice_for_all_examples() -> None:
    p = C(-1.0)
    agrees_in_batch(lambda x, y: tf.cond(p > 0.0, lambda: x * y, lambda: x * x), C(XS), C(YS))
    v = tf.Variable(1.0)
    f = recorded(lambda x: tf.cond(v > 0.0, lambda: (v.assign_add(1.0), x * v)[1], lambda: x))
    close(tf.vectorized_map(f, C(XS)), 2 * np.array(XS, "f4"))
    assert float(v) == 2.0


def test_effects_of_examples_that_choose_differently() -> None:
    log: list[float] = []

    def double(x: Any) -> Any:
        log.append(float(x))
        return x * 2.0

    spec = tf.TensorSpec([])
    f = lambda x: tf.cond(x > 0.0, lambda: tf.py_function(double, [x], spec), lambda: x)
    for g in (
        lambda xs: tf.vectorized_map(recorded(f), xs),
        recorded(lambda xs: tf.vectorized_map(f, xs)),
    ):
        log.clear()
        close(g(C(XS)), np.array([3.0, -2.0, 0.6, 8.0], "f4"))
        np.testing.assert_allclose(log, [1.5, 0.3, 4.0], rtol=1e-6)


def test_draws_of_examples_that_choose_differently() -> None:
    f = lambda x: tf.cond(x > 0.0, lambda: x + tf.random.normal([]), lambda: x)
    found = []
    for g in (recorded(lambda xs: tf.vectorized_map(f, xs)), lambda xs: tf.vectorized_map(f, xs)):
        tf.random.set_seed(2)
        found.append((g(C(XS)), tf.random.normal([])))
    close(found[0], found[1])


# mistakes


@pytest.mark.parametrize(
    ("yes", "no", "kind", "words"),
    [
        (lambda: C(1.0), lambda: (C(1.0),), TypeError, "same nested structure"),
        (lambda: C(1.0), lambda: C(1), TypeError, "dtypes differ"),
        (
            lambda: C([1.0]),
            lambda: C([1.0, 2.0]),
            tf.errors.InvalidArgumentError,
            "shapes must agree",
        ),
        (lambda: C(1.0), lambda: None, TypeError, "same nested structure"),
        (lambda: C(1.0), 3, TypeError, "must be a function"),
        (lambda: C(1.0), lambda: [][0], IndexError, "out of range"),
    ],
)
def test_branches_that_do_not_fit(yes: Any, no: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        recorded(lambda x: tf.cond(x > 0.0, yes, no))(C(1.0))


@pytest.mark.parametrize("predicate", [C([True]), C([True, False]), C(1), C(1.0)], ids=str)
def test_predicates_that_are_none(predicate: Any) -> None:
    run = lambda p: tf.cond(p, lambda: 1.0, lambda: 2.0)
    for f in (run, recorded(run)):
        with pytest.raises(TypeError, match="boolean scalar"):
            f(predicate)


def test_mistakes_in_switch_and_case() -> None:
    with pytest.raises(TypeError, match="integer scalar"):
        tf.switch_case(C(1.0), [lambda: 1])
    with pytest.raises(ValueError, match="branch_fns is empty"):
        tf.switch_case(C(1), [])
    with pytest.raises(TypeError, match="must hold functions"):
        tf.switch_case(C(1), [3])
    with pytest.raises(ValueError, match="pred_fn_pairs is empty"):
        tf.case([])
    with pytest.raises(TypeError, match="pairs of a predicate"):
        tf.case([3])
