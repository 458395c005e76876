"""Scans of few numbers whose rounds the extension runs, against the same scans without it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.quick import quick
from gradtape.graph import few, rounds, scans

pytestmark = pytest.mark.skipif(quick is None, reason="the extension was not built here")

ROOT = Path(__file__).resolve().parents[2]
RANDOM = np.random.default_rng(0)
LENGTH = 40


def rows(*shape: int, dtype: Any = np.float64) -> Any:
    return RANDOM.uniform(0.1, 0.9, (LENGTH, *shape)).astype(dtype)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the extension gave for each scan that was run: None where it was not asked or refused."""
    found: list[Any] = []

    def seen(*arguments: Any) -> Any:
        found.append(rounds.run_rounds(*arguments))
        return found[-1]

    monkeypatch.setattr(scans, "run_rounds", seen)
    return found


def without(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function whose scans Python runs."""
    least = rounds.LEAST
    rounds.LEAST = 10**9
    try:
        return function(*arguments)
    finally:
        rounds.LEAST = least


def leaves(value: Any) -> list[Any]:
    return [np.asarray(v) for v in tf.nest.flatten(value)]


def cell(state: Any, row: Any) -> Any:
    hidden, total = state
    hidden = tf.tanh(0.5 * hidden + row * tf.sigmoid(hidden))
    return hidden, total + tf.reduce_sum(hidden * row)


STEPS: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "a state of two": (cell, (np.zeros(3), np.float64(0)), rows(3)),
    "float32": (cell, (np.zeros(3, np.float32), np.float32(0)), rows(3, dtype=np.float32)),
    "one number": (lambda s, r: 0.5 * s + tf.sin(r), np.float64(0.1), rows()),
    "states that change places": (
        lambda s, r: (s[1], s[0] * 0.9 + r), (np.ones(2), np.zeros(2)), rows(2),
    ),
    "a state that stays": (lambda s, r: (s[0], s[0] * r + s[1]), (np.ones(2), np.zeros(2)), rows(2)),
    "the row itself": (lambda s, r: (r, s[0] + s[1]), (np.ones(2), np.zeros(2)), rows(2)),
    "the same twice": (lambda s, r: (s[0] + r, s[0] + r), (np.ones(2), np.ones(2)), rows(2)),
    "a constant": (lambda s, r: (tf.ones(2, tf.float64), s[1] + s[0] * r), (np.zeros(2), np.zeros(2)), rows(2)),
    "a part of the state": (
        lambda s, r: (tf.concat([s[0][1:], s[0][:1]], 0), s[0][:2] * r), (np.arange(3.0), np.ones(2)), rows(2),
    ),
    "a matrix": (lambda s, r: s * 0.5 + r[:, None] * r[None, :], np.zeros((3, 3)), rows(3)),
    "truth": (
        lambda s, r: (s[1] > r, tf.where(s[0], s[1] + r, s[1] * 0.5)), (np.array([True, False]), np.ones(2)), rows(2),
    ),
    "several rows": (
        lambda s, r: s * r[0] + tf.reduce_sum(r[1]), np.ones(2), (rows(2), rows(4)),
    ),
    "sums and quotients": (
        lambda s, r: (r - s) / (1.0 + s * s) - tf.math.reciprocal(1.0 + tf.exp(-s)), np.ones(5), rows(5),
    ),
}  # fmt: skip


def scanned(name: str, reverse: bool = False) -> Callable[..., Any]:
    step = STEPS[name][0]
    return lambda state, given: tf.scan(step, given, initializer=state, reverse=reverse)


def tensors(name: str) -> tuple[Any, Any]:
    return tf.nest.map_structure(tf.constant, STEPS[name][1:])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_on_numpy_to_the_bit(name: str, reverse: bool, taken: list[Any]) -> None:
    f = scanned(name, reverse)
    have = leaves(tf.function(f, jit_compile=False)(*tensors(name)))
    assert taken[0] is not None
    want = leaves(without(tf.function(f, jit_compile=False), *tensors(name)))
    assert taken[1] is None
    for x, y in zip(have, want, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.tobytes() == y.tobytes()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_compiled(name: str, reverse: bool, taken: list[Any]) -> None:
    pytest.importorskip("jax")
    f = scanned(name, reverse)
    have = leaves(tf.function(f, jit_compile=True)(*tensors(name)))
    want = leaves(f(*tensors(name)))
    assert taken[0] is not None
    for x, y in zip(have, want, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_array_equal(x, y)


def pulled(name: str, order: int) -> Callable[..., Any]:
    f = scanned(name)

    def loss(state: Any, given: Any) -> Any:
        return sum(
            [
                tf.reduce_sum(tf.cos(t))
                for t in tf.nest.flatten(f(state, given))
                if t.dtype.is_floating
            ]
        )

    def gradient(state: Any, given: Any, left: int = order) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((state, given))
            if left == 1:
                value = loss(state, given)
            else:
                value = sum(
                    [
                        tf.reduce_sum(t)
                        for t in tf.nest.flatten(gradient(state, given, left - 1))
                        if t is not None
                    ]
                )
        return tape.gradient(value, (state, given), unconnected_gradients="zero")

    return gradient


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", [n for n in STEPS if n != "truth"])
def test_derivatives(name: str, order: int, taken: list[Any]) -> None:
    f = pulled(name, order)
    want = leaves(f(*tensors(name)))
    for way in (tf.function(f, jit_compile=False), tf.function(f)):
        for x, y in zip(leaves(way(*tensors(name))), want, strict=True):
            tolerance = 1e-4 if x.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
    assert any([t is not None for t in taken])


@pytest.mark.parametrize("compiled", [False, True])
def test_zero_stops_a_nan_in_a_round(compiled: bool, taken: list[Any]) -> None:
    """The derivative of a root at 0 in a branch that is not taken."""

    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            state = tf.scan(lambda s, r: s + tf.where(r > 0.0, tf.sqrt(r) * s, r), x, np.float64(1))
            total = tf.reduce_sum(state)
        return tape.gradient(total, x)

    x = np.where(np.arange(LENGTH) % 3, rows(), 0.0)
    have = tf.function(f, jit_compile=compiled)(tf.constant(x)).numpy()
    assert any([t is not None for t in taken])
    assert np.isfinite(have).all()
    np.testing.assert_allclose(have, f(tf.constant(x)).numpy(), rtol=1e-12)


GIVEN = rows(2, 2)
UNFIT: dict[str, Callable[..., Any]] = {
    "a product of matrices": lambda: tf.scan(lambda s, r: s @ s * 0.1 + r, GIVEN, np.eye(2)),
    "whole numbers": lambda: tf.scan(lambda s, r: s + r, np.arange(LENGTH), np.int64(0)),
    "few rounds": lambda: tf.scan(lambda s, r: s + r, GIVEN[:5, 0, 0], np.float64(0)),
    "a whole number that stays": lambda: tf.scan(
        lambda s, r: (s[0], s[1] + r), GIVEN, (np.int64(3), np.zeros((2, 2)))
    ),
    "whole numbers that nobody reads": lambda: tf.scan(
        lambda s, r: s * 0.5 + r[1], (np.arange(LENGTH), GIVEN), np.zeros((2, 2))
    ),
    "rows of no numbers": lambda: tf.scan(
        lambda s, r: s + tf.reduce_sum(r), np.zeros((LENGTH, 0)), np.float64(1)
    ),
    "complex numbers": lambda: tf.scan(lambda s, r: s * r, GIVEN[:, 0, 0] * 1j, np.complex128(1)),
}


@pytest.mark.parametrize("name", UNFIT)
def test_other_scans_run_as_before(name: str, taken: list[Any]) -> None:
    have = leaves(tf.function(UNFIT[name])())
    assert set(taken) <= {None}
    for x, y in zip(have, leaves(UNFIT[name]()), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def program() -> Any:
    """state -> state * row, and state + row."""
    place = "d", (2,)
    slots = [("given", *place), ("given", *place), ("fresh", *place), ("fresh", *place)]
    loops = [quick.Quick(np.multiply), quick.Quick(np.add)]
    steps = [("loop", (2 + i,), (0, 1), loop, None, 0) for i, loop in enumerate(loops)]
    return quick.Program(slots, steps, (2, 3))


def test_rounds_by_hand() -> None:
    given = rows(2)
    state, results = program().rounds((np.ones(2), given), 1, 1, LENGTH, False)
    products = np.cumprod(given, 0)
    np.testing.assert_allclose(state, products[-1], rtol=1e-14)
    before = np.concatenate([np.ones((1, 2)), products[:-1]])
    np.testing.assert_allclose(results, before + given, rtol=1e-14)
    state, results = program().rounds((np.ones(2), given[:0]), 1, 1, 0, False)
    assert state.tolist() == [1, 1]
    assert results.shape == (0, 2)


@pytest.mark.parametrize(
    "arrays, counts, length",
    [
        ((np.ones(3), rows(2)), (1, 1), LENGTH),
        ((np.ones(2), rows(2)), (1, 1), LENGTH + 1),
        ((np.ones(2), rows(3)), (1, 1), LENGTH),
        ((np.ones(2), rows(2, dtype=np.float32)), (1, 1), LENGTH),
        ((np.ones(2), np.ones((LENGTH, 4))[:, ::2]), (1, 1), LENGTH),
        ((np.ones(2),), (1, 1), LENGTH),
        ((np.ones(2), rows(2)), (3, 0), LENGTH),
        ((np.ones(2), rows(2)), (1, 2), LENGTH),
        ((np.ones(2), rows(2)), (-1, 1), LENGTH),
        ((np.ones(2), rows(2)), (1, 1), -1),
        ((np.ones(2), None), (1, 1), LENGTH),
    ],
)
def test_rounds_refuse_other_arrays(arrays: Any, counts: Any, length: int) -> None:
    assert program().rounds(arrays, *counts, length, False) is None


def test_more_results_than_there_is_room_for() -> None:
    place = "d", (2,)
    slots = [("given", *place), ("given", *place), ("fresh", *place)]
    steps = [("loop", (2,), (0, 1), quick.Quick(np.add), None, 0)]
    made = quick.Program(slots, steps, (2,) * 600)
    assert not made.repeats(1, 1)
    assert made.rounds((np.ones(2), rows(2)), 1, 1, LENGTH, False) is None
    assert quick.Program(slots, steps, (2,) * 512).repeats(1, 1)


def test_rounds_hold_no_references() -> None:
    made, given = program(), (np.ones(2), rows(2))
    counts = [sys.getrefcount(o) for o in (made, *given)]
    for _ in range(100):
        made.rounds(given, 1, 1, LENGTH, False)
    assert counts == [sys.getrefcount(o) for o in (made, *given)]


def test_rounds_in_threads() -> None:
    made, given = program(), (np.ones(2), RANDOM.uniform(0.9, 1.1, (20000, 2)))
    want = made.rounds(given, 1, 1, 20000, False)
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20):
            have = made.rounds(given, 1, 1, 20000, False)
            if not all([np.array_equal(x, y) for x, y in zip(have, want, strict=True)]):
                wrong.append(have)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_programs_are_told_apart() -> None:
    """Compiled code knows a program by a number that depends on all that it does."""

    def number(step: Any, state: Any) -> tuple[int, int]:
        specs = [tf.constant(state), tf.constant(state)]
        concrete = tf.function(step, jit_compile=False).get_concrete_function(*specs)
        made = concrete.callee.runner.program
        assert few.planned(made) is not None
        return few.number(made)

    two = np.ones(2)
    steps = [lambda s, r: s + r, lambda s, r: s - r, lambda s, r: r - s, lambda s, r: s + 2.0 * r]
    steps += [lambda s, r: s + 3.0 * r, lambda s, r: tf.exp(s) + r, lambda s, r: s[::-1] + r]
    numbers = [number(step, two) for step in steps]
    numbers += [number(steps[0], np.ones(3)), number(steps[0], two.astype(np.float32))]
    assert len(set(numbers)) == len(numbers)
    assert number(lambda a, b: a + b, two) == numbers[0]


def test_compiled_code_from_a_cache_finds_its_rounds(tmp_path: Path) -> None:
    """A process that takes its machine code from the folder of another one."""
    pytest.importorskip("jax")
    code = (
        "import jax, numpy as np, gradtape as tf\n"
        f"jax.config.update('jax_compilation_cache_dir', {str(tmp_path)!r})\n"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
        "jax.config.update('jax_persistent_cache_min_entry_size_bytes', -1)\n"
        "f = tf.function(lambda x: tf.scan(lambda s, r: tf.tanh(s + r), x, np.zeros(3)))\n"
        "print(float(tf.reduce_sum(f(tf.constant(np.linspace(0, 1, 120).reshape(40, 3))))))"
    )
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        said.append(done.stdout)
    assert said[0] == said[1]
    assert list(tmp_path.iterdir())
