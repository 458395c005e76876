"""`scan`, `map_fn`, `foldl`, `foldr`: values, derivatives, what is kept, batches, mistakes."""

from __future__ import annotations

import collections
from typing import Any

import jax
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.products import products
from gradtape.graph.xp_jax import xp
from tests.graph.agreement import BOTH, agrees, agrees_in_batch, close, recorded, third

C = tf.constant
Pair = collections.namedtuple("Pair", "s p")
X = [1.0, 0.5, 2.0]
W = [[0.1, 0.2], [0.3, 0.4]]


def affine(a: Any, r: Any) -> Any:
    return a * r + tf.sin(r)


PROGRAMS = {
    "scan": lambda x, i: tf.scan(affine, x),
    "scan from": lambda x, i: tf.scan(affine, x, i),
    "scan from the end": lambda x, i: tf.scan(affine, x, i, reverse=True),
    "scan from the last": lambda x, i: tf.scan(affine, x, reverse=True),
    "map": lambda x, i: tf.map_fn(lambda r: r * r * i, x),
    "foldl": lambda x, i: tf.foldl(affine, x) * i,
    "foldr": lambda x, i: tf.foldr(affine, x, i),
    "last row alone": lambda x, i: tf.scan(affine, x, i)[-1],
    "initial value within": lambda x, i: tf.scan(lambda a, r: a * r * i, x, i),
    "rows within": lambda x, i: tf.scan(lambda a, r: a * r + x[0], x, i),
    "cell": lambda x, i: tf.scan(
        lambda a, r: tf.tanh(tf.linalg.matvec(C(W) * i, a) + r), tf.stack([x, x * 2.0], 1), tf.zeros(2)
    ),
    "tuple of rows": lambda x, i: tf.scan(
        lambda a, r: Pair(a.s + r[0] * r[1], a.p * r[0]), (x, x * i), Pair(C(0.0), i)
    ),
    "dict": lambda x, i: tf.map_fn(lambda r: {"a": r["u"] * 2.0, "b": [r["u"] ** 2]}, {"u": x * i}),
    "several results": lambda x, i: tf.map_fn(
        lambda r: (r, r * i), x, fn_output_signature=(tf.float32, tf.float32)
    ),
    "in a scan": lambda x, i: tf.scan(lambda a, r: a + tf.foldl(lambda p, q: p * q + r, x, i), x, i),
    "choice": lambda x, i: tf.scan(lambda a, r: tf.cond(a > 1.0, lambda: a * i, lambda: a + r * r), x, i),
    "loop": lambda x, i: tf.map_fn(
        lambda r: tf.while_loop(lambda k, a: k < 3, lambda k, a: (k + 1, a * r), [0, i])[1], x
    ),
    "function": lambda x, i: tf.scan(recorded(affine), x, i),
    "integers beside": lambda x, i: tf.scan(lambda a, r: (a[0] + 1, a[1] * r), x, (0, i))[1],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives(name: str) -> None:
    agrees(PROGRAMS[name], X, 0.3)


@pytest.mark.parametrize("name", ["cell", "in a scan", "choice"])
def test_derivatives_compiled(name: str) -> None:
    agrees(PROGRAMS[name], X, 0.3, compile=(True,))


@pytest.mark.parametrize("length", [1, 2, 4, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_lengths_compiled(length: int, reverse: bool) -> None:
    def f(x: Any) -> Any:
        return tf.scan(lambda a, r: tf.sin(a) * r + tf.exp(r), x, 0.5, reverse=reverse)

    agrees(f, np.linspace(0.1, 0.9, length, dtype=np.float32), compile=(True,), order=1)


def test_functions_of_few_numbers_are_done_for_all_rows_at_once() -> None:
    def names(length: int, width: int) -> list[str]:
        f = recorded(lambda x: tf.foldl(lambda a, r: a * tf.sin(r[::-1]), x))
        program = f.get_concrete_function(tf.zeros([length, width])).callee.runner.program
        return [op.primitive.name for op in program.steps]

    assert "sin" in names(5, 14)
    assert "sin" not in names(5, 1000)  # it would only be read once more
    assert "sin" not in names(50_000, 14)  # nor is memory filled with it
    draws = recorded(lambda x: tf.map_fn(lambda r: tf.sin(r) * tf.random.normal([]), x))
    assert len(set(draws(tf.ones([20])).numpy().tolist())) == 20


def test_third_derivatives() -> None:
    f = lambda x: tf.foldl(lambda a, r: tf.sin(a) * r, tf.stack([x, x * 2.0]), x)
    close(third(recorded(f))(C(0.7)), third(f)(C(0.7)))
    close(recorded(third(f))(C(0.7)), third(f)(C(0.7)))


@pytest.mark.parametrize("dtype", [tf.float64, tf.complex64, tf.bfloat16])
def test_other_dtypes(dtype: Any) -> None:
    x = tf.cast(C(X), dtype) * (1 + 0.5j if dtype.is_complex else 1)
    agrees(lambda x: tf.scan(lambda a, r: a * r + r, x), x, order=1, tolerance=3e-2)


def test_dtypes_that_change_and_integers() -> None:
    for f in (
        lambda x: tf.map_fn(lambda r: tf.cast(r, tf.int32), x, fn_output_signature=tf.int32),
        lambda x: tf.map_fn(lambda r: r > 0.7, x, dtype=tf.bool),
        lambda x: tf.scan(lambda a, r: a + tf.cast(r, tf.int32), x, 0),
    ):
        close(recorded(f)(C(X)), f(C(X)))
    assert recorded(lambda n: tf.scan(lambda a, r: a + r, tf.range(n)))(4).numpy().tolist() == [
        0,
        1,
        3,
        6,
    ]


def test_no_rows() -> None:
    empty = tf.zeros([0])
    agrees(lambda x: tf.map_fn(lambda r: r * r, x), empty)
    agrees(lambda x, i: tf.scan(lambda a, r: a * r, x, i), empty, 2.0)
    agrees(lambda x, i: tf.foldl(lambda a, r: a * r, x, i), empty, 2.0)
    agrees(lambda x: tf.map_fn(lambda r: (r, tf.reduce_sum(r)), x), tf.zeros([0, 3]))
    for f in (lambda x: tf.scan(lambda a, r: a, x), lambda x: tf.foldr(lambda a, r: a, x)):
        for g in (f, recorded(f)):
            with pytest.raises(tf.errors.InvalidArgumentError, match="Give an initializer"):
                g(empty)


def test_without_derivatives() -> None:
    x = C(X)
    for f in (
        lambda x: tf.scan(affine, x, back_prop=False),
        lambda x: tf.map_fn(tf.sin, x, back_prop=False),
    ):
        for g in (f, recorded(f)):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = g(x)
            assert tape.gradient(y, x) is None


# what is around


@pytest.mark.parametrize("compile", BOTH)
def test_variables_are_read_and_changed(compile: bool) -> None:
    v, x = tf.Variable(1.0), C(X)

    def program(x: Any) -> Any:
        def step(a: Any, r: Any) -> Any:
            v.assign_add(r)
            return a + v * r

        return tf.scan(step, x, 0.0), v + 0.0

    def run(f: Any) -> Any:
        v.assign(1.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, after = f(x)
        return y, after, v * 1.0, *tape.gradient(y, [x, v])

    close(run(recorded(program, compile)), run(program))


def test_gradients_of_what_is_gathered_within() -> None:
    table = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    f = lambda i: tf.foldl(lambda a, k: a * 0.5 + tf.gather(table, k), i, tf.zeros(2))
    found = []
    for g in (f, recorded(f)):
        with tf.GradientTape() as tape:
            y = g(C([0, 2, 0]))
        found.append(tf.convert_to_tensor(tape.gradient(y, table)))
    close(found[1], found[0])


@pytest.mark.parametrize("compile", BOTH)
def test_python_calls_run_once_a_row_also_under_a_tape(compile: bool) -> None:
    log: list[float] = []

    def times(a: Any, r: Any) -> Any:
        log.append(float(r))
        return a * r

    x = C(X)
    f = lambda x: tf.scan(lambda a, r: tf.py_function(times, [a, r], tf.TensorSpec([])), x, 1.0)
    g = recorded(f, compile)
    np.asarray(g(x))
    assert log == X
    log.clear()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = g(x)
    found = np.asarray(tape.gradient(y, x))
    assert log == [*X, *X[::-1]]  # once forwards; once for each derivative
    np.testing.assert_allclose(found, [2.5, 3.0, 0.5])


def test_a_scan_keeps_what_its_derivative_reads() -> None:
    x = tf.ones([10, 100])
    f = recorded(lambda x: tf.reduce_sum(tf.scan(lambda a, r: tf.tanh(a * 0.5 + r), x)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    kept = sum(np.asarray(t).nbytes for t in y._node.parents[0].out)
    assert kept <= 2 * 4 * 10 * 100
    linear = recorded(lambda x: tf.reduce_sum(tf.scan(lambda a, r: a + r, x)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = linear(x)
    assert sum(np.asarray(t).nbytes for t in y._node.parents[0].out) == 0


# batches


@pytest.mark.parametrize(
    "f",
    [
        lambda x: tf.scan(affine, x),
        lambda x: tf.scan(lambda a, r: a * r + x[0], C(X), x[1]),
        lambda x: tf.scan(lambda a, r: a * r + x[0], C(X), 0.0),
        lambda x: tf.map_fn(lambda r: r * r * x[0], x),
        lambda x: tf.map_fn(lambda r: r * r, C(X)) + x[0],
        lambda x: tf.foldr(lambda a, r: tf.cond(r > 1.0, lambda: a * r, lambda: a + r), x),
    ],
)
def test_examples_in_a_batch(f: Any) -> None:
    agrees_in_batch(f, C([[1.0, 2.0, 0.5], [0.1, 0.2, 3.0]]))


def test_draws_in_a_batch_under_a_tape() -> None:
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.scan(lambda a, r: a * r * tf.random.normal([]) * x, C([1.0, 2.0]), x)
        return tape.gradient(y, x)

    found = []
    for g in (lambda xs: tf.vectorized_map(f, xs), recorded(lambda xs: tf.vectorized_map(f, xs))):
        tf.random.set_seed(2)
        found.append((g(C(X)), tf.random.normal([])))
    close(found[0], found[1])


def test_jacobians() -> None:
    rows = C([[1.0, 2.0], [3.0, 4.0], [0.1, 0.2]])

    def batch(f: Any) -> Any:
        def g(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x)
            return tape.batch_jacobian(y, x)

        return g

    f = lambda x: tf.scan(lambda a, r: tf.tanh(a * r + x), C([0.5, 0.7]), x)[1]
    wanted = batch(f)(rows)
    close(batch(recorded(f))(rows), wanted)
    close(recorded(batch(f))(rows), wanted)


# mistakes


@pytest.mark.parametrize(
    ("use", "kind", "words"),
    [
        (lambda x: tf.scan(lambda a, r: tf.stack([a, r]), x), ValueError, "scan.* shape must stay"),
        (lambda x: tf.scan(lambda a, r: tf.cast(a, tf.int32), x), ValueError, "dtype must stay"),
        (lambda x: tf.scan(lambda a, r: (a, r), x), ValueError, "structure of the loop variables"),
        (lambda x: tf.map_fn(tf.sin, x[0]), ValueError, "need a first axis"),
        (lambda x: tf.map_fn(tf.sin, ()), ValueError, "need a first axis"),
        (lambda x: tf.map_fn(lambda r: r[0], (x, x[:2])), ValueError, "first axes of elems differ"),
        (lambda x: tf.foldl(3, x), TypeError, "fn must be a function"),
    ],
)
def test_programs_that_do_not_fit(use: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        recorded(use)(C(X))


def test_doubling_in_a_step() -> None:
    def step(a: Any, r: Any) -> Any:
        for _ in range(50):
            a = a + a
        return a * 2.0**-50 + r

    def slope(w: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(w)
            y = tf.foldl(lambda a, r: step(a + w, r), tf.ones([3, 2]), tf.zeros([2]))
        return tape.gradient(y, w)

    close(recorded(slope)(tf.ones([2])), slope(tf.ones([2])))


# stacks of compiled scans


@pytest.mark.skipif(products is None, reason="the extension was not built here")
@pytest.mark.parametrize(
    "dtype", [tf.bool, tf.int8, tf.int64, tf.bfloat16, tf.float16, tf.float64, tf.complex64]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_results_are_written_to_memory_that_nobody_filled(dtype: Any, reverse: bool) -> None:
    x = tf.cast(np.arange(35 * 300).reshape(35, 300) % 3, dtype)
    both = lambda x: tf.scan(lambda a, r: (r, a[0]), x, (x[0], x[0]), reverse=reverse)
    for a, b in zip(recorded(both, True)(x), both(x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(products is None, reason="the extension was not built here")
def test_each_result_has_memory_of_its_own() -> None:
    specs = [((300,), np.float32)] * 2
    step = lambda s, r: (s, (r[0], r[0] * 2))
    x = np.ones((5, 300), np.float32)
    code = jax.jit(lambda x: xp.scan(step, (), (x,), 5, False, specs)).lower(x)
    assert code.as_text().count("@gradtape_blank") == 2
    for found, factor in zip(code.compile()(x), (1, 2), strict=True):
        np.testing.assert_array_equal(found, factor * x)
    text = code.compile().as_text()
    assert text.count('custom_call_target="gradtape_blank"') == 2
    assert "f32[5,300]{1,0} copy(" not in text
