"""The straight way of a call that is made again and again: same results, and the general way where
something is different."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.graph.straight_call import OTHER, no_way


@pytest.fixture(params=[True, False], ids=["xla", "numpy"])
def scaled(request: pytest.FixtureRequest) -> Any:
    """A function of tensors in lists, which went its straight way already."""
    if request.param:
        pytest.importorskip("jax")

    @tf.function(jit_compile=request.param)
    def f(pair: Any, z: Any) -> Any:
        return [pair[0] * pair[1], z + 1.0]

    for _ in range(6):
        f([tf.constant([1.0, 2.0]), tf.constant(3.0)], tf.constant(4.0))
    assert f._straight is not no_way
    assert f._straight(([tf.ones(2), tf.ones([])], tf.ones([]))) is not OTHER
    return f


def values(found: Any) -> list[Any]:
    """The results as lists."""
    return [f.numpy().tolist() for f in found]


def test_results_are_those_of_the_general_way(scaled: Any) -> None:
    x, y, z = tf.constant([5.0, 6.0]), tf.constant(2.0), tf.constant(7.0)
    found = scaled([x, y], z)
    assert type(found) is list
    assert values(found) == [[10.0, 12.0], 8.0]
    assert values(scaled([found[0], y], found[1])) == [[20.0, 24.0], 9.0]
    assert scaled.experimental_get_tracing_count() == 1


def test_another_signature_goes_the_general_way(scaled: Any) -> None:
    assert values(scaled([tf.ones(3), tf.constant(2.0)], tf.constant(0.0))) == [[2.0] * 3, 1.0]
    assert (
        scaled([tf.ones(2, tf.float64), tf.ones([], tf.float64)], tf.ones([]))[0].dtype
        == tf.float64
    )
    assert values(scaled((tf.ones(2), tf.constant(2.0)), tf.constant(0.0))) == [[2.0] * 2, 1.0]
    with pytest.raises(TypeError):
        scaled([tf.ones(2), tf.ones([])])
    assert values(scaled([tf.ones(2), 3.0], z=0.0)) == [[3.0] * 2, 1.0]
    assert scaled.experimental_get_tracing_count() == 5


def test_a_tape_records_the_call(scaled: Any) -> None:
    x, y, z = tf.constant([5.0, 6.0]), tf.constant(2.0), tf.constant(7.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        out = scaled([x, y], z)[0]
    assert values(tape.gradient(out, [x, y])) == [[2.0, 2.0], 11.0]
    with tf.autodiff.ForwardAccumulator(x, tf.ones(2)) as accumulator:
        out = scaled([x, y], z)[0]
    assert accumulator.jvp(out).numpy().tolist() == [2.0, 2.0]


def test_settings_are_respected(scaled: Any) -> None:
    given = [tf.ones(2), tf.ones([])], tf.ones([])
    tf.config.run_functions_eagerly(True)
    try:
        assert scaled._straight(given) is OTHER
    finally:
        tf.config.run_functions_eagerly(False)
    with tf.device("CPU:0"):
        assert scaled._straight(given) is OTHER
        assert values(scaled(*given)) == [[1.0, 1.0], 2.0]
    with tf.debugging.debug_nans():
        assert scaled._straight(given) is OTHER
    assert scaled._straight(given) is not OTHER


def test_it_is_not_called_inside_another_trace(scaled: Any) -> None:
    outer = tf.function(lambda x: scaled([x, tf.ones([])], tf.ones([]))[0])
    assert outer(tf.constant([1.0, 2.0])).numpy().tolist() == [1.0, 2.0]


def test_a_variable_is_read_anew_at_each_call() -> None:
    v = tf.Variable(1.0)
    f = tf.function(lambda x: x * v)
    for n in range(9):
        v.assign(float(n))
        assert float(f(tf.constant(2.0))) == 2.0 * n


def test_the_straight_way_moves_to_another_signature() -> None:
    f = tf.function(lambda x: x + 1.0)
    for size in (2, 3):
        for _ in range(20):
            f(tf.zeros(size))
        assert f._straight((tf.zeros(size),)) is not OTHER


def test_an_error_names_the_operation() -> None:
    f = tf.function(lambda x, i: tf.gather(x, i), jit_compile=False)
    x = tf.constant([1.0, 2.0])
    for _ in range(6):
        f(x, tf.constant(1))
    assert f._straight((x, tf.constant(0))) is not OTHER
    with pytest.raises(tf.errors.InvalidArgumentError, match="indices = 7"):
        f(x, tf.constant(7))


def test_a_call_without_results_runs_once(capfd: pytest.CaptureFixture[str]) -> None:
    f = tf.function(lambda x: tf.print(x))
    for n in range(6):
        assert f(tf.constant(n)) is None
    assert capfd.readouterr().err.split() == [str(n) for n in range(6)]


def test_numbers_and_none_come_back_as_they_were_returned() -> None:
    f = tf.function(lambda x: {"y": x, "none": None, "text": "a"})
    for _ in range(6):
        found = f(tf.constant(3.0))
    assert (float(found["y"]), found["none"], found["text"]) == (3.0, None, "a")
    pair = tf.function(lambda x: (x, x * 2))
    for _ in range(6):
        found = pair(tf.constant(np.float64(3.0)))
    assert type(found) is tuple
    assert [float(f) for f in found] == [3.0, 6.0]
