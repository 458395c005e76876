"""What an accumulator keeps: tangents of living values, and nothing for longer than itself."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Accumulator = tf.autodiff.ForwardAccumulator
D = tf.float64


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    """Reference counts alone must free everything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x,
        tf.sin,
        lambda x: tf.reduce_sum(x * x, keepdims=True),
        lambda x: tf.matmul(x[None], x[:, None]),
        lambda x: tf.split(x, 5)[1] * 2.0,
        tf.function(lambda x: x * x + 1.0),
    ],
)
@pytest.mark.parametrize("taped", [False, True])
def test_a_tangent_dies_with_its_value(f: Any, taped: bool) -> None:
    x = tf.constant(np.ones(5))
    for _ in range(3):
        with Accumulator(x, tf.constant(np.ones(5))) as acc, tf.GradientTape() as tape:
            if taped:
                tape.watch(x)
            y = f(x)
            tangent = weakref.ref(acc.jvp(y))
            assert tangent() is not None
            del y
            tape.reset()
            assert tangent() is None


def test_a_tangent_dies_with_its_accumulator() -> None:
    x, v = tf.constant(np.ones(5)), tf.Variable(np.ones(5))
    for _ in range(3):
        with Accumulator([x, v], [tf.ones((5,), D), tf.ones((5,), D)]) as acc:
            y = x * v
            z = tf.reduce_sum(y)
        tangents = [weakref.ref(acc.jvp(t)) for t in (x, v, y, z)]
        assert all([t() is not None for t in tangents])
        del acc
        assert [t() for t in tangents] == [None] * 4


def test_an_accumulator_is_not_kept_by_its_values() -> None:
    x = tf.constant(np.ones(5))
    with Accumulator(x, x) as acc:
        y = x * x
    gone = weakref.ref(acc)
    del acc
    assert gone() is None
    assert y.shape == (5,)


def test_a_primal_that_dies_takes_its_tangent_along() -> None:
    x = tf.constant(np.ones(5))
    acc = Accumulator(x, tf.ones((5,), D))
    tangent = weakref.ref(acc.jvp(x))
    del x
    assert tangent() is None


def test_a_long_loop_does_not_grow() -> None:
    x = tf.constant(np.full(100, 0.5))
    with Accumulator(x, tf.constant(np.ones(100))) as acc:
        y = x

        def steps(count: int) -> None:
            nonlocal y
            for _ in range(count):
                y = tf.sin(y) * x + tf.reduce_sum(x)

        steps(2000)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        steps(4000)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert after - before < 100_000  # a tangent of each step would be 3 MB
    assert acc.jvp(y) is not None


def test_many_accumulators_on_one_variable_do_not_grow() -> None:
    v = tf.Variable(np.ones(1000))
    direction = tf.constant(np.ones(1000))
    tracemalloc.start()
    before = 0
    for step in range(300):
        with Accumulator(v, direction * 2.0) as acc:
            y = v * v
        assert acc.jvp(y) is not None
        if step == 100:
            before, _ = tracemalloc.get_traced_memory()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000  # 200 directions would be 1.6 MB


def test_one_variable_in_many_threads() -> None:
    v = tf.Variable(3.0)

    def slope(k: int) -> float:
        found = 0.0
        for _ in range(50):
            with Accumulator(v, tf.constant(float(k))) as acc:
                y = v * v
            found = float(acc.jvp(y))
            assert found == 6.0 * k
        return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(slope, range(8))) == [6.0 * k for k in range(8)]
