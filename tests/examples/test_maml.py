"""MAML learns to learn: its gradient is the loss's, and one step helps it more than the others."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import maml

import gradtape as tf


def test_the_meta_gradient_is_that_of_the_loss() -> None:
    wrong, missed = maml.confirmed(1)
    assert wrong < 1e-7
    assert missed > 0.01


def test_both_orders_have_one_loss_but_not_one_gradient() -> None:
    curves, *points = maml.drawn(np.random.default_rng(2), 4)
    tasks = curves.tasks(*points, dtype=np.float64)
    start = [tf.constant(w) for w in maml.starting_weights(2)]
    found = {}
    for name in ("MAML", "first-order MAML"):
        with tf.GradientTape() as tape:
            tape.watch(start)
            loss = maml.meta_loss(name, start, tasks)
        found[name] = float(loss), tape.gradient(loss, start)
    assert found["MAML"][0] == pytest.approx(found["first-order MAML"][0], rel=1e-14)
    # the first-order gradient is the plain one at the adapted weights
    plain = [np.zeros(w.shape) for w in start]
    for k in range(4):
        task = [part[k] for part in tasks]
        moved = [tf.constant(w.numpy()) for w in maml.adapted(start, *task[:2])]
        with tf.GradientTape() as tape:
            tape.watch(moved)
            loss = maml.error(moved, *task[2:])
        plain = [p + g.numpy() / 4 for p, g in zip(plain, tape.gradient(loss, moved), strict=True)]
    for have, want in zip(found["first-order MAML"][1], plain, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-10, atol=1e-12)


def test_the_mean_of_all_curves_and_what_it_leaves() -> None:
    random = np.random.default_rng(5)
    amplitude, phase, x = random.uniform(
        (maml.LOW, 0, -maml.REACH), (maml.HIGH, np.pi, maml.REACH), (1_000_000, 3)
    ).T
    missed = amplitude * np.sin(x - phase) - maml.LEVEL * np.cos(x)
    assert np.mean(missed**2) == pytest.approx(maml.LEFT, rel=0.01)
    assert np.mean(missed * np.cos(x)) == pytest.approx(0.0, abs=0.01)


def test_one_step_helps_maml_most(tmp_path: Path) -> None:
    picture, printed = tmp_path / "maml.png", io.StringIO()
    with contextlib.redirect_stdout(printed):
        learners = maml.main(["--steps", "600", "--tasks", "200", "--plot", str(picture)])
    second, first, before = learners
    assert second.curve[1] < first.curve[1] < before.curve[1]
    assert second.curve[1] < second.curve[0] / 2
    assert second.curve[10] < second.curve[1]
    assert np.mean(before.losses[-300:]) == pytest.approx(maml.LEFT, rel=0.4)
    assert "Meta-gradient" in printed.getvalue()
    assert picture.stat().st_size > 10_000
