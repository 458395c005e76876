"""What a tape keeps alive, and that nothing is left behind: no cycles, no recursion."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import gradtape as tf


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Big:
    """Counts which arrays of a computation are alive."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def note(self, name: str, tensor: Any) -> Any:
        self.found[name] = weakref.ref(tensor._array)
        return tensor

    def alive(self, name: str) -> bool:
        return self.found[name]() is not None


def kept(f: Any, dtype: Any = np.float64, persistent: bool = False) -> tuple[bool, bool]:
    """Whether the tape keeps the input and the output of an operation."""
    big = Big()
    v = tf.Variable(np.full((4, 4), 0.5, dtype))
    with tf.GradientTape(persistent=persistent) as tape:
        a = big.note("input", -v)
        b = big.note("output", f(a))
        last = -b
    del a, b
    gc.collect()
    result = big.alive("input"), big.alive("output")
    assert tape.gradient(last, v) is not None
    return result


OUTPUT_ONLY = {
    "relu": lambda x: tf.nn.relu(x),
    "exp": lambda x: tf.exp(x),
    "softmax": lambda x: tf.nn.softmax(x),
}
INPUT_ONLY = {
    "sin": lambda x: tf.math.sin(x),
    "sigmoid": lambda x: tf.nn.sigmoid(x),  # s(x) s(-x) keeps its digits where s (1 - s) does not
    "square": lambda x: tf.square(x),
    "softplus": lambda x: tf.nn.softplus(x),
}
NEITHER = {
    "neg": lambda x: -x,
    "identity": lambda x: tf.identity(x),
    "plus a constant": lambda x: x + 1.0,
    "minus a tensor": lambda x: x - tf.ones((4, 4), tf.float64),
    "reduce_sum": lambda x: tf.reduce_sum(x, axis=0),
    "reduce_mean": lambda x: tf.reduce_mean(x, axis=0),
    "reshape": lambda x: tf.reshape(x, (2, 8)),
    "transpose": lambda x: tf.transpose(x),
    "times a number": lambda x: x * 2.0,
    "over a number": lambda x: x / 2.0,
    "matmul with a constant": lambda x: x @ np.ones((4, 4)),
    "cast": lambda x: tf.cast(x, tf.float32),
    "concat": lambda x: tf.concat([x, x], 0),
    "a slice": lambda x: x[1:3],
}


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("name", OUTPUT_ONLY)
def test_only_the_output_is_kept(name: str, persistent: bool) -> None:
    assert kept(OUTPUT_ONLY[name], persistent=persistent) == (False, True)


@pytest.mark.parametrize("name", INPUT_ONLY)
def test_only_the_input_is_kept(name: str) -> None:
    assert kept(INPUT_ONLY[name]) == (True, False)


@pytest.mark.parametrize("name", NEITHER)
def test_neither_is_kept(name: str) -> None:
    assert kept(NEITHER[name]) == (False, False)


def test_operands_of_matmul_are_kept_where_the_other_is_connected() -> None:
    big = Big()
    v, w = tf.Variable(np.ones((3, 3))), tf.Variable(np.ones((3, 3)))
    with tf.GradientTape():
        a, b = big.note("a", -v), big.note("b", -w)
        both = a @ b
        c = big.note("c", tf.exp(tf.constant(np.ones((3, 3)))))
        one = a @ c
        del a, b, c
        assert [big.alive(n) for n in "abc"] == [True, True, True]
        del both
        assert [big.alive(n) for n in "abc"] == [False, False, True]
        del one
        assert not big.alive("c")


def test_an_unused_branch_is_freed_at_once() -> None:
    v = tf.Variable(np.ones(100))
    with tf.GradientTape(persistent=True) as tape:
        y = v * 2.0
        branch = tf.math.sin(tf.exp(v) * 3.0)
        inside = weakref.ref(branch._node), weakref.ref(branch._node.parents[0])
        del branch
        assert all(r() is None for r in inside)
    assert tape.gradient(y, v) is not None


def test_a_gradient_uses_up_the_record() -> None:
    v = tf.Variable(np.ones(100))
    with tf.GradientTape() as tape:
        e = tf.exp(v)
        array, node = weakref.ref(e._array), weakref.ref(e._node)
        loss = tf.reduce_sum(e * e)
    del e
    assert array() is not None
    tape.gradient(loss, v)
    assert array() is None
    assert node() is None
    assert loss.shape == ()


def test_a_kept_loss_does_not_keep_its_step() -> None:
    v = tf.Variable(np.ones(100))
    inside, losses = [], []
    for _ in range(3):
        with tf.GradientTape(persistent=True) as tape:
            e = tf.exp(v)
            inside.append(weakref.ref(e._array))
            losses.append(tf.reduce_sum(e * e))
        tape.gradient(losses[-1], v)
        del e, tape
    assert all(r() is None for r in inside)


def test_a_tape_that_is_never_asked_keeps_nothing_after_it_dies() -> None:
    v = tf.Variable(np.ones(100))
    with tf.GradientTape() as tape:
        e = tf.exp(v)
        y = e * e
    array = weakref.ref(e._array)
    del e
    assert array() is not None
    del tape
    assert array() is None
    assert y.shape == (100,)


def step(v: Any) -> Any:
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.math.sin(v * v) / (1.0 + tf.exp(v)))
    v.assign_sub(0.1 * tape.gradient(y, v))


@tf.custom_gradient
def doubled(x: Any) -> Any:
    y = tf.exp(x)
    return y * x, lambda u: u * y


def custom(v: Any) -> Any:
    with tf.GradientTape() as tape:
        y = doubled(v * 1.0)
    return tape.gradient(y, v)


def second(v: Any) -> Any:
    with tf.GradientTape() as t2:
        with tf.GradientTape() as t1:
            y = tf.exp(v) * v
        g = t1.gradient(y, v)
    return t2.gradient(g, v)


def jacobian(v: Any) -> Any:
    with tf.GradientTape() as tape:
        y = tf.exp(v) * v
    return tape.jacobian(y, v)


def forward(v: Any) -> Any:
    with tf.autodiff.ForwardAccumulator(v, tf.ones((5,), tf.float64)) as acc:
        y = tf.exp(v) * v
    return acc.jvp(y)


def rows(v: Any) -> Any:
    with tf.GradientTape() as tape:
        a, b = tf.split(tf.gather(v, [0, 1, 2, 0]), 2)
        y = a * b
    return tape.gradient(y, v)


def recompute(v: Any) -> Any:
    with tf.GradientTape() as tape:
        y = tf.recompute_grad(lambda x: tf.exp(x) * x)(v)
    return tape.gradient(y, v)


def failing(v: Any) -> None:
    with tf.GradientTape() as tape:
        y = tf.raw_ops.PreventGradient(input=v * 1.0, message="no")
    with suppress(LookupError):
        tape.gradient(y, v)


@pytest.mark.parametrize(
    "program", [step, custom, second, jacobian, forward, rows, recompute], ids=lambda p: p.__name__
)
def test_nothing_is_left_for_the_collector(program: Any) -> None:
    v = tf.Variable(np.linspace(0.1, 0.5, 5))
    program(v)
    gc.collect()
    for _ in range(5):
        program(v)
    assert gc.collect() == 0


def test_objects_do_not_accumulate_over_many_steps() -> None:
    v = tf.Variable(np.linspace(0.1, 0.5, 5))
    for _ in range(10):
        step(v)
    before = len(gc.get_objects())
    for _ in range(300):
        step(v)
    assert len(gc.get_objects()) - before < 20


def test_a_failing_gradient_leaves_at_most_its_traceback() -> None:
    v = tf.Variable(np.ones(1000))
    failing(v)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        failing(v)
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def test_a_chain_of_200000_operations() -> None:
    v = tf.Variable(1.0, dtype=tf.float64)
    with tf.GradientTape() as tape:
        y = v * 1.0
        for _ in range(200_000):
            y = y + 1e-6
    assert float(tape.gradient(y, v)) == 1.0


def test_a_long_chain_is_freed_without_recursion() -> None:
    v = tf.Variable(1.0, dtype=tf.float64)
    with tf.GradientTape() as tape:
        y = v * 1.0
        for _ in range(200_000):
            y = y + 1e-6
    first = weakref.ref(y._node)
    del y
    assert first() is None
    del tape
