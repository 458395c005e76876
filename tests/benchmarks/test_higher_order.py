"""gradtape's contestants of `benchmarks.higher_order` compute what they are asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from benchmarks.higher_order import forward_calls
from benchmarks.higher_order_contestants import Task, tapes, tasks
from benchmarks.workloads import dense_gradient, rosenbrock_hessian

TASKS = {task.name: task for task in tasks()}


def batch_jacobian(task: Task) -> list[Any]:
    (x,), (weight, bias) = task.watched, task.constants
    slopes = 1 - np.tanh(x @ weight + bias) ** 2
    return [slopes[:, :, None] * weight.T]


def per_example(task: Task) -> list[Any]:
    images, labels = task.constants
    pairs = [(images[i : i + 1], labels[i : i + 1]) for i in range(len(labels))]
    each = [dense_gradient(task.watched, *pair)[1:] for pair in pairs]
    return [np.stack(column) for column in zip(*each, strict=True)]


def hvp(task: Task) -> list[Any]:
    """By a difference of gradients in double precision, so small that no relu is switched."""
    images, labels = task.constants
    step, wide = 1e-9, images.astype(np.float64)

    def at(t: float) -> list[Any]:
        moved = [w.astype(np.float64) + t * v for w, v in zip(task.watched, task.along)]
        return dense_gradient(moved, wide, labels)[1:]

    pairs = zip(at(step), at(-step), strict=True)
    return [(ahead - behind) / (2 * step) for ahead, behind in pairs]


EXPECTED = {
    "hessian": lambda task: rosenbrock_hessian(task.watched),
    "batch_jacobian": batch_jacobian,
    "per_example": per_example,
    "hvp": hvp,
}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("compiled", [False, True])
def test_contestants(name: str, compiled: bool) -> None:
    call = tapes(tf, TASKS[name], compiled)
    expected = EXPECTED[name](TASKS[name])
    for found, wanted in zip(call(), expected, strict=True):
        largest = np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, 1e-3, 1e-4 * largest)


def test_forward_mode() -> None:
    calls = forward_calls(tf)
    value, slope = calls["forward"]()
    assert float(value) == float(calls["value"]()[0])
    moved = partial(_chain, steps=10)
    x, y = np.random.default_rng(0).random((2, 10), np.float32).astype(np.float64) + 0.5
    expected = (moved(x + 1e-6, y + 1e-6) - moved(x - 1e-6, y - 1e-6)) / 2e-6
    assert float(slope) == pytest.approx(expected, rel=1e-4)


def _chain(x: Any, y: Any, steps: int) -> Any:
    for _ in range(steps):
        x = np.sin(x) * y
    return x.sum()
