"""What a recorded function keeps for its backward, in bytes, and that the backward is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import gradtape as tf
from gradtape.graph.partition import CHEAP
from tests.laws.test_programs import gradient, inputs, run, seeds, steps
from tests.ops.case import registry

C = tf.constant
N = 50
ARRAY = 4 * N * N
X, W = C(np.linspace(-1, 1, N * N, dtype="f4").reshape(N, N)), tf.ones([N, N]) / N
F = Callable[..., Any]
few = settings(max_examples=40, deadline=None, derandomize=True)


def recorded(function: F) -> Any:
    return tf.function(function, jit_compile=False)


def kept(function: F, *tensors: Any) -> tuple[int, int]:
    """How many bytes a call keeps besides its inputs, and how many of its inputs."""
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = tf.nest.flatten(recorded(function)(*tensors))[0]
    record = y._node.parents[0]
    arrays = {id(t._array): np.asarray(t).nbytes for t in record.out}
    return sum(arrays.values()), sum(t is not None for t in record.inputs)


def kept_eagerly(function: F, *tensors: Any) -> int:
    """How many bytes the records of the operations keep, without the inputs."""
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors)
    own, arrays, pending = {id(t._array) for t in tensors}, {}, [y._node]
    while pending:
        node = pending.pop()
        for tensor in (*getattr(node, "inputs", ()), getattr(node, "out", None)):
            if isinstance(tensor, tf.Tensor) and id(tensor._array) not in own:
                arrays[id(tensor._array)] = np.asarray(tensor).nbytes
        pending += [p for p in getattr(node, "parents", ()) if p is not None]
    return sum(arrays.values())


@pytest.mark.parametrize(
    ("function", "arrays", "of_inputs"),
    [
        (lambda x: x + 1.0, 0, 0),
        (lambda x: tf.reshape(3.0 * x, [-1]), 0, 0),
        (tf.reduce_sum, 0, 0),
        (lambda x: tf.broadcast_to(tf.transpose(x[:1]), [N, N]), 0, 0),
        (tf.tanh, 0, 1),  # its slope is computed on the way back
        (tf.sin, 0, 1),
        (tf.exp, 1, 0),
        (tf.nn.softmax, 1, 0),
        (tf.nn.relu, 0, 1),  # the input is there anyway
        (lambda x: tf.nn.relu(tf.exp(x) - 1.0), 1, 0),
        (lambda x: x * x, 0, 1),
        (lambda x: tf.abs(tf.square(x) * 2.0 + tf.maximum(x, 0.5)), 0, 1),
        (lambda x: tf.sin(x) * x, 1, 1),
        (lambda x: tf.sigmoid(tf.tanh(tf.exp(x))), 2, 0),
        (lambda x: tf.where(x > 0.0, tf.exp(x), tf.exp(-x)), 2, 1),
    ],
)
def test_elementwise_functions_keep_what_their_slopes_are_made_of(
    function: F, arrays: int, of_inputs: int
) -> None:
    assert kept(function, X) == (arrays * ARRAY, of_inputs)


def test_a_mask_is_kept_rather_than_what_it_masks() -> None:
    assert kept(lambda x: tf.nn.dropout(x, 0.5), X) == (ARRAY // 4, 0)


def test_products_keep_their_factors() -> None:
    assert kept(tf.matmul, X, W) == (0, 2)
    bias = tf.ones([N])
    layers = lambda x, w: tf.reduce_sum(tf.nn.relu(tf.nn.relu(x @ w + bias) @ w))
    assert kept(layers, X, W) == (2 * ARRAY, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.tanh(tf.tanh(x @ W) @ W) @ W,
        lambda x: (x - tf.reduce_mean(x, 0)) / tf.math.reduce_std(x, 0),
        lambda x: tf.math.log(1.0 + x * x) * tf.sigmoid(x),
        lambda x: tf.nn.softmax(tf.nn.gelu(x) @ W),
        lambda x: tf.nn.log_softmax(x * 3.0)[:, 0],
    ],
)
def test_never_more_than_the_tape_keeps(function: F) -> None:
    bytes_kept, of_inputs = kept(function, X)
    assert bytes_kept + of_inputs * ARRAY <= kept_eagerly(function, X) + ARRAY + 16 * N


def test_a_persistent_tape_keeps_inputs_for_further_derivatives() -> None:
    x = C(3.0)
    f = recorded(lambda x: x**3 + 1.0)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        g = inner.gradient(y, x)
    assert [float(t) for t in (g, outer.gradient(g, x), outer.gradient(y, x))] == [27.0, 18.0, 27.0]


def test_the_forward_that_nobody_differentiates_keeps_nothing() -> None:
    f = recorded(lambda x: tf.tanh(x))
    callee = f.get_concrete_function(X).callee
    f(X)
    assert not callee.derived
    with tf.GradientTape() as tape:
        f(X)  # not watched
    assert not callee.derived
    with tf.GradientTape() as tape:
        tape.watch(X)
        f(X)
    assert len(callee.derived) == 1


def test_each_choice_of_wanted_inputs_has_a_backward_of_its_own() -> None:
    a, b = C(2.0), C(3.0)
    f = recorded(lambda a, b: (a * a * b, tf.sin(a)))
    for sources in ([a], [b], [a, b]):
        for pick in (0, 1):
            have, wanted = [], []
            for g, results in ((f, have), (f.python_function, wanted)):
                with tf.GradientTape() as tape:
                    tape.watch(sources)
                    y = g(a, b)[pick]
                results += tape.gradient(y, sources)
            for x, y in zip(have, wanted, strict=True):
                assert (x is None) == (y is None)
                assert x is None or abs(float(x) - float(y)) < 1e-6


# the backward is right


@few
@given(steps, seeds)
def test_the_gradient_of_any_program_is_that_of_eager_execution(plan: Any, seed: int) -> None:
    x, y, w, _ = inputs(seed)
    wanted = gradient(plan, x, y, w)
    f = recorded(lambda x, y: run(plan, x, y))
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = f(x, y)
    have = tape.gradient(z, [x, y], output_gradients=w, unconnected_gradients="zero")
    inside = recorded(lambda: gradient(plan, x, y, w))()
    for a, b, c in zip(wanted, have, inside, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(c, a, rtol=1e-10, atol=1e-12)


@settings(few, max_examples=20)
@given(steps, seeds)
def test_second_derivatives_of_any_program(plan: Any, seed: int) -> None:
    x, y, w, v = inputs(seed)

    def second(f: F) -> Any:
        with tf.GradientTape() as outer:
            outer.watch([x, y])
            with tf.GradientTape() as inner:
                inner.watch([x, y])
                z = f(x, y)
            g = inner.gradient(z, [x, y], output_gradients=w, unconnected_gradients="zero")
        given = [v, v]
        return outer.gradient(g, [x, y], output_gradients=given, unconnected_gradients="zero")

    plainly: F = lambda x, y: run(plan, x, y)
    for a, b in zip(second(recorded(plainly)), second(plainly), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


def test_several_results_and_cotangents_that_are_missing() -> None:
    f = recorded(lambda x: (tf.sin(x), tf.exp(x), x > 0.0, tf.stop_gradient(x)))
    x = C([0.5, 1.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        a, b, _, d = f(x)
    np.testing.assert_allclose(tape.gradient(a, x), np.cos([0.5, 1.0]), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(b, x), np.exp([0.5, 1.0]), rtol=1e-6)
    assert tape.gradient(d, x) is None


def test_what_is_cheap_has_the_names_of_primitives() -> None:
    assert set(registry) >= CHEAP
