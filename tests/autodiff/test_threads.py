"""Tapes and accumulators belong to a thread; generators and finalizers do not confuse them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import gradtape as tf


def test_operations_in_another_thread_are_not_recorded() -> None:
    v = tf.Variable(3.0)
    found: list[Any] = []
    with tf.GradientTape() as tape:
        thread = threading.Thread(target=lambda: found.append(v * v))
        thread.start()
        thread.join()
    assert tape.gradient(found[0], v) is None
    assert tape.watched_variables() == ()


def work(seed: int) -> list[float]:
    """Gradients, tangents and second derivatives at points of this thread."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(40):
        x = tf.constant(rng.uniform(0.5, 1.5), tf.float64)
        with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0, tf.float64)) as acc:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.math.sin(x) * x
            g = tape.gradient(y, x)
        found += [float(g), float(acc.jvp(y)), float(acc.jvp(g))]
    return found


def test_sixteen_threads_with_tapes_of_their_own() -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(work, range(16)))
    assert found == [work(seed) for seed in range(16)]


def test_threads_that_share_a_variable() -> None:
    v = tf.Variable(np.linspace(0.1, 0.9, 9))
    barrier = threading.Barrier(16)

    def gradient(power: int) -> Any:
        barrier.wait()
        with tf.GradientTape() as tape:
            y = v
            for _ in range(power):
                y = y * v
        return tape.gradient(y, v)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(gradient, range(16)))
    for power, g in enumerate(found):
        np.testing.assert_allclose(g, (power + 1) * np.linspace(0.1, 0.9, 9) ** power, rtol=1e-12)


def test_a_tape_made_in_one_thread_and_used_in_another() -> None:
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v
    with ThreadPoolExecutor(1) as pool:
        assert float(pool.submit(tape.gradient, y, v).result()) == 6.0


def test_a_tape_that_dies_in_another_thread() -> None:
    v = tf.Variable(3.0)
    tapes = [tf.GradientTape()]
    with tapes[0]:
        y = v * v
    thread = threading.Thread(target=tapes.clear)
    thread.start()
    thread.join()
    assert float(y) == 9.0


def test_a_tape_in_a_generator() -> None:
    v = tf.Variable(3.0)

    def gradients() -> Iterator[Any]:
        for power in (2, 3):
            with tf.GradientTape() as tape:
                y = v**power
            yield tape.gradient(y, v)

    with tf.GradientTape() as outer:
        found = [float(g) for g in gradients()]
        z = v * 2.0
    assert found == [6.0, 27.0]
    assert float(outer.gradient(z, v)) == 2.0


def test_a_generator_that_is_dropped_within_its_tape() -> None:
    v = tf.Variable(3.0)

    def suspended() -> Iterator[Any]:
        with tf.GradientTape() as tape:
            yield tape

    generator = suspended()
    tape = next(generator)
    y = v * v
    del generator
    gc.collect()
    z = v * v
    assert float(tape.gradient(y, v)) == 6.0
    with tf.GradientTape() as after:
        z = v * 5.0
    assert float(after.gradient(z, v)) == 5.0
