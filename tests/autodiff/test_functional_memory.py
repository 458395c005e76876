"""Rows and columns go in chunks that fit into a number of bytes; the numbers stay the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff import budget

rng = np.random.default_rng(0)
WIDE = 20_000
LIFT, DROP = rng.standard_normal((WIDE, 8)) / 10, rng.standard_normal((40, WIDE)) / 100
LIFTING, DROPPING = tf.constant(LIFT), tf.constant(DROP)
TURNED = tf.constant(LIFT.T), tf.constant(DROP.T)
POINT = rng.standard_normal(8)
FORTY = rng.standard_normal(40)
BUDGET = 2_000_000
ROW = 8 * WIDE  # the bytes of one row of what lies between


def through(x: Any) -> Any:
    """From 8 numbers to 20 000 and back to 40."""
    wide = tf.tanh(tf.linalg.matvec(LIFTING, x))
    return tf.linalg.matvec(DROPPING, wide * wide)


def jacobian_by_hand() -> Any:
    t = np.tanh(LIFT @ POINT)
    return DROP @ ((2 * t * (1 - t * t))[:, None] * LIFT)


def back(x: Any) -> Any:
    """From 40 numbers to 20 000 and back to 8."""
    wide = tf.tanh(tf.linalg.matvec(DROPPING, x, transpose_a=True))
    return tf.linalg.matvec(LIFTING, wide * wide, transpose_a=True)


def energy(x: Any) -> Any:
    return tf.reduce_sum(tf.tanh(tf.linalg.matvec(DROPPING, x, transpose_a=True)) ** 2)


def rows_by_tape(max_bytes: int | None) -> Any:
    x = tf.constant(POINT)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = through(x)
    return tape.jacobian(y, x)


def batch_by_tape(max_bytes: int | None) -> Any:
    x = tf.constant(np.tile(POINT, (2, 1)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.tanh(x @ TURNED[0]) ** 2 @ TURNED[1]
    return tape.batch_jacobian(y, x)


def peak(run: Callable[[], Any]) -> tuple[Any, int]:
    """What a call returns, and the most bytes that it had at once."""
    run()  # what is kept between calls is there
    tracemalloc.start()
    found = run()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return np.asarray(found), most


CASES = {
    "rows": lambda m: tf.jacobian(through, mode="reverse", max_bytes=m)(POINT),
    "columns": lambda m: tf.jacobian(back, mode="forward", max_bytes=m)(FORTY),
    "hessian by columns": lambda m: tf.hessian(energy, mode="forward", max_bytes=m)(FORTY),
    "hessian by rows": lambda m: tf.hessian(energy, mode="reverse", max_bytes=m)(FORTY),
    "laplacian": lambda m: tf.laplacian(energy, max_bytes=m)(FORTY),
    "laplacian of several": lambda m: tf.laplacian(lambda x: back(x)[:2], max_bytes=m)(FORTY),
}


@pytest.mark.parametrize("name", CASES)
def test_the_memory_is_bounded_and_the_numbers_are_the_same(name: str) -> None:
    whole, much = peak(lambda: CASES[name](None))
    parts, little = peak(lambda: CASES[name](BUDGET))
    np.testing.assert_allclose(parts, whole, rtol=1e-6, atol=1e-9)
    assert much > 150 * ROW  # all forty, with several values each
    assert little < BUDGET + 10 * ROW  # and what the function itself leaves for its derivative


@pytest.mark.parametrize("way", [rows_by_tape, batch_by_tape])
def test_a_tape_keeps_to_the_default(way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, much = peak(lambda: way(None))
    monkeypatch.setattr(budget, "MOST_BYTES", BUDGET)
    parts, little = peak(lambda: way(None))
    np.testing.assert_allclose(parts, whole, rtol=1e-10)
    assert much > 150 * ROW
    assert little < BUDGET + 10 * ROW
    np.testing.assert_allclose(whole if way is rows_by_tape else whole[0], jacobian_by_hand())


def test_what_is_not_on_the_way_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large weight that is watched too has a cotangent for each row, but nobody asks for it."""
    asked = []
    bytes_back = budget.bytes_back

    def counting(*arguments: Any) -> int:
        asked.append(bytes_back(*arguments))
        return asked[-1]

    monkeypatch.setattr(budget, "bytes_back", counting)
    monkeypatch.setattr(budget, "MOST_BYTES", 1000)
    weight, x = tf.Variable(rng.standard_normal((5, 50))), tf.Variable(rng.standard_normal((1, 5)))
    with tf.GradientTape() as tape:
        y = x @ weight
    np.testing.assert_allclose(tape.jacobian(y, x)[0, :, 0], np.asarray(weight).T)
    assert len(asked) == 1
    assert asked[0] < 8 * 50 * 5
