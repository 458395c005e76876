"""Loops of little work are compiled as one piece; all others, and what XLA refuses, are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.dispatch import apply
from gradtape.core.primitive import registry
from gradtape.core.tensor import Tensor
from gradtape.graph import partition, pieces
from gradtape.graph.run import Runner
from tests.ops import matrix
from tests.ops.case import Case
from tests.ops.cases import all_cases

MARK = 'xla_cpu_small_call = "true"'
FIRST: dict[str, Case] = {}
for case in all_cases():
    if case.name in pieces.PLAIN - {"sizes"} and case.jax:
        FIRST.setdefault(case.name, case)


def runner(function: Any, *args: Any) -> Runner:
    """Who runs a function for these arguments, after a call."""
    function(*args)
    return function.get_concrete_function(*args).callee.runner


def in_one_piece(function: Any, *args: Any) -> bool:
    """Whether something of a compiled function is marked as one piece."""
    ran = runner(function, *args)
    with ran._wide():
        text = ran._xla.lower(*[np.asarray(t) for t in args]).as_text()
    return MARK in text and not ran._apart


def compiled(function: Callable[..., Any]) -> Any:
    return tf.function(function, jit_compile=True)


def root(a: Any) -> Any:
    """Newton's square root, to a tolerance."""
    test = lambda x: tf.abs(x * x - a) > 1e-5 * a
    return tf.while_loop(test, lambda x: (0.5 * (x + a / x),), (a,))[0]


def fold(x: Any) -> Any:
    return tf.foldl(lambda s, r: tf.tanh(s + r), x, tf.zeros(x.shape[1:]))


def slope(function: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative of a function."""

    def derived(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    return derived


def test_the_names_are_those_of_primitives() -> None:
    assert set(registry) >= pieces.PLAIN
    assert set(registry) >= partition.CHEAP


@pytest.mark.parametrize(
    ("function", "x"),
    [(root, tf.constant(2.0)), (fold, tf.ones([20, 3])), (slope(root), tf.constant(2.0)),
     (slope(fold), tf.ones([20, 3]))],
    ids=["while", "scan", "loop_pull", "scan's derivative"],
)  # fmt: skip
def test_loops_of_little_work_are_one_piece(function: Any, x: Any) -> None:
    made = compiled(function)
    assert in_one_piece(made, x)
    np.testing.assert_allclose(made(x).numpy(), function(x).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (fold, tf.ones([20, 5000])),
        (lambda x: tf.foldl(lambda s, r: s @ r, x), tf.ones([5, 2, 2])),
        (lambda x: tf.foldl(lambda s, r: s + tf.math.igamma(r, r), x), tf.ones([5])),
    ],
    ids=["many numbers", "a product", "a library's function"],
)
def test_other_loops_are_not(function: Any, x: Any) -> None:
    made = compiled(function)
    assert not in_one_piece(made, x)
    np.testing.assert_allclose(made(x).numpy(), function(x).numpy(), rtol=1e-5)


def test_what_xla_refuses_is_compiled_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PLAIN", pieces.PLAIN | {"matmul"})
    monkeypatch.setattr(pieces, "MOST_NUMBERS", 2**30)
    matrix = tf.fill([128, 128], 0.01)

    def product(x: Any) -> Any:
        return tf.foldl(lambda s, r: tf.tanh(s @ matrix + r), x, tf.zeros([128, 128]))

    x = tf.random.stateless_uniform([3, 128, 128], [1, 2])
    made = compiled(product)
    assert runner(made, x)._apart
    np.testing.assert_allclose(made(x).numpy(), product(x).numpy(), rtol=1e-5)


@pytest.mark.parametrize("half", [0, 1])
def test_every_plain_primitive_may_be_in_a_piece(half: int) -> None:
    cases = list(FIRST.values())[half::2]
    assert len(FIRST) > 80
    dtypes = ["float32" if "float32" in c.dtypes else c.dtypes[0] for c in cases]
    drawn = [c.arrays(d) for c, d in zip(cases, dtypes, strict=True)]
    rows = [[Tensor(np.stack([a, a])) for a in arrays] for arrays in drawn]

    def all_of_them(rows: Any) -> Any:
        found = []
        for case, elems in zip(cases, rows, strict=True):
            first = matrix.as_list(apply(case.primitive, tuple([e[0] for e in elems]), case.params))
            one = lambda row, case=case: matrix.as_list(
                apply(case.primitive, tuple(row), case.params)
            )
            found.append(tf.map_fn(one, elems, fn_output_signature=[o.dtype for o in first]))
        return found

    made = tf.function(all_of_them, jit_compile=True, autograph=False)
    for have, wanted in zip(
        tf.nest.flatten(made(rows)), tf.nest.flatten(all_of_them(rows)), strict=True
    ):
        np.testing.assert_allclose(have.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
    assert not made.get_concrete_function(rows).callee.runner._apart
