"""ADBench's objectives: gradtape's derivatives against formulas by hand, in every mode.

The bar is ADBench's own measure of difference, |x - y| / max(1, |x| + |y|), at most 1e-8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.autodiff import adbench_derivatives as by_hand
from tests.autodiff import adbench_objectives as objectives

BAR = 1e-8


@dataclass(frozen=True)
class Problem:
    """A scalar objective, where it is differentiated, and its gradients by hand."""

    value: Callable[..., Any]
    watched: list[Any]
    gradients: Callable[[], tuple[Any, ...]]


def gmm(size: int, components: int, count: int, seed: int, gamma: float, freedom: int) -> Problem:
    draw = np.random.default_rng(seed)
    points = draw.standard_normal((count, size))
    watched = [
        draw.standard_normal(components),
        draw.standard_normal((components, size)),
        draw.standard_normal((components, size * (size + 1) // 2)),
    ]
    value = partial(objectives.gmm, tf.constant(points), gamma, freedom)
    return Problem(value, watched, lambda: by_hand.gmm(*watched, points, gamma, freedom))


def lstm(layers: int, steps: int, bits: int, seed: int) -> Problem:
    draw = np.random.default_rng(seed)
    watched = [draw.standard_normal((2 * layers, 4 * bits)), draw.standard_normal((3, bits))]
    state = draw.standard_normal((2 * layers, bits))
    text = draw.integers(0, 2, (steps, bits)).astype(np.float64)
    value = partial(objectives.lstm, tf.constant(state), tf.constant(text))
    return Problem(value, watched, lambda: by_hand.lstm(*watched, state, text))


PROBLEMS = {
    "gmm d2 k1 n3": gmm(2, 1, 3, 0, 1.0, 0),
    "gmm d2 k5 n10": gmm(2, 5, 10, 1, 1.0, 0),
    "gmm d5 k3 n20, prior": gmm(5, 3, 20, 2, 0.7, 2),
    "gmm d10 k10 n40": gmm(10, 10, 40, 3, 1.3, 1),
    "gmm d1 k4 n7": gmm(1, 4, 7, 4, 1.0, 0),
    "lstm l1 c3 b2": lstm(1, 3, 2, 5),
    "lstm l2 c12 b14": lstm(2, 12, 14, 6),
    "lstm l4 c30 b5": lstm(4, 30, 5, 7),
}
EACH = pytest.mark.parametrize("name", PROBLEMS)


def apart(found: Any, expected: Any) -> float:
    """The largest difference in ADBench's measure."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    return float(np.max(np.abs(found - expected) / np.maximum(1, np.abs(found) + np.abs(expected))))


def gradient(value: Callable[..., Any], *watched: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(watched)
        result = value(*watched)
    return tape.gradient(result, list(watched))


def directions(arrays: list[Any], seed: int) -> list[Any]:
    draw = np.random.default_rng(seed)
    return [draw.standard_normal(a.shape) for a in arrays]


def differences(value: Callable[..., Any], watched: list[Any], along: list[Any]) -> Any:
    """The slope of a function along a direction, by a difference of fourth order."""

    def at(step: float) -> Any:
        moved = [tf.constant(w + step * a) for w, a in zip(watched, along, strict=True)]
        return np.asarray(value(*moved))

    h = 2e-4
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def inner(left: Any, right: Any) -> float:
    return float(sum([np.sum(np.asarray(a) * b) for a, b in zip(left, right, strict=True)]))


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_gradients_by_hand_are_slopes(name: str, seed: int) -> None:
    problem = PROBLEMS[name]
    along = directions(problem.watched, seed)
    slope = differences(problem.value, problem.watched, along)
    gradients = problem.gradients()
    sizes = inner(map(np.abs, gradients), list(map(np.abs, along)))
    assert inner(gradients, along) == pytest.approx(slope, rel=1e-8, abs=1e-8 * sizes)


@EACH
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients(name: str, compiled: bool) -> None:
    problem = PROBLEMS[name]
    asked = partial(gradient, problem.value)
    found = (tf.function(asked) if compiled else asked)(*map(tf.constant, problem.watched))
    for one, expected in zip(found, problem.gradients(), strict=True):
        assert apart(one, expected) <= BAR


def pushed(value: Callable[..., Any], watched: Any, along: Any) -> Any:
    with tf.autodiff.ForwardAccumulator(watched, along) as accumulator:
        result = value(*watched)
    return accumulator.jvp(result)


@EACH
@pytest.mark.parametrize("compiled", [False, True])
def test_slopes_forward(name: str, compiled: bool) -> None:
    problem = PROBLEMS[name]
    asked = partial(pushed, problem.value)
    run = tf.function(asked) if compiled else asked
    for seed in range(3):
        along = directions(problem.watched, seed)
        found = run(list(map(tf.constant, problem.watched)), list(map(tf.constant, along)))
        assert apart(found, inner(problem.gradients(), along)) <= BAR


# bundle adjustment


@dataclass(frozen=True)
class Scene:
    """Cameras, points and weights, and which camera saw which point where."""

    watched: list[Any]
    features: Any
    seen: Any

    def jacobian(self) -> tuple[Any, ...]:
        return by_hand.bundle_adjustment(*self.watched, self.features, self.seen)

    def errors(self, *watched: Any) -> Any:
        return objectives.bundle_adjustment(self.features, tf.constant(self.seen), *watched)


def scene(cameras: int, points: int, observations: int, seed: int, turn: float) -> Scene:
    """A scene whose points lie in front of the cameras, which are turned by about so much."""
    draw = np.random.default_rng(seed)
    views = draw.standard_normal((cameras, 11)) * 0.3
    views[:, :3] = draw.standard_normal((cameras, 3)) * turn
    views[:, 6] += 2.0
    places = draw.standard_normal((points, 3)) + [0.0, 0.0, 6.0]
    seen = np.stack([draw.integers(0, n, observations) for n in (cameras, points)], 1)
    features = draw.standard_normal((observations, 2))
    return Scene([views, places, draw.standard_normal(observations)], features, seen)


SCENES = {
    "small": scene(1, 1, 1, 0, 0.3),
    "several": scene(4, 9, 25, 1, 0.3),
    "more": scene(6, 30, 80, 2, 0.4),
    "hardly turned": scene(3, 5, 12, 3, 1e-7),
    "not turned": scene(3, 5, 12, 4, 0.0),
}
EACH_SCENE = pytest.mark.parametrize("name", SCENES)


@pytest.mark.parametrize("name", ["small", "several", "more", "not turned"])
@pytest.mark.parametrize("seed", range(3))
def test_jacobians_by_hand_are_slopes(name: str, seed: int) -> None:
    drawn = SCENES[name]
    along = directions(drawn.watched, seed)
    if name == "not turned":  # the objective's own formula at zero is linear only there
        along[0][:, :3] = 0
    cameras, points, weights, regular = drawn.jacobian()
    turned = np.einsum("nij,nj->ni", cameras, along[0][drawn.seen[:, 0]])
    moved = np.einsum("nij,nj->ni", points, along[1][drawn.seen[:, 1]])
    slope = differences(lambda *w: drawn.errors(*w)[0], drawn.watched, along)
    np.testing.assert_allclose(turned + moved + weights * along[2][:, None], slope, 1e-7, 1e-8)
    slope = differences(lambda *w: drawn.errors(*w)[1], drawn.watched, along)
    np.testing.assert_allclose(regular * along[2], slope, 1e-8)


def test_a_rotation_by_hand_at_zero_is_a_slope() -> None:
    x, h = np.array([1.0, 2.0, 3.0]), 1e-4
    _, of_rotation, _ = by_hand.rotation_blocks(np.zeros(3), x)
    for axis, column in zip(np.eye(3), of_rotation.T, strict=True):
        ahead, behind = (by_hand.rotation_blocks(s * h * axis, x)[0] for s in (1, -1))
        np.testing.assert_allclose(column, (ahead - behind) / (2 * h), atol=1e-7)


def blocks(drawn: Scene, cameras: Any, points: Any, weights: Any) -> Any:
    """The sparse Jacobian: each observation by its own camera, point and weight."""
    with tf.GradientTape(persistent=True) as tape:
        chosen = tf.gather(cameras, drawn.seen[:, 0]), tf.gather(points, drawn.seen[:, 1])
        by = [*chosen, weights[:, None]]
        tape.watch([*by, weights])
        errors = objectives.reprojection_errors(drawn.features, *chosen, by[2][:, 0])
        regular = objectives.weight_errors(weights)
    jacobian = [tape.batch_jacobian(errors, one) for one in by]
    return [jacobian[0], jacobian[1], jacobian[2][:, :, 0], tape.gradient(regular, weights)]


@EACH_SCENE
@pytest.mark.parametrize("compiled", [False, True])
def test_the_sparse_jacobian(name: str, compiled: bool) -> None:
    drawn = SCENES[name]
    asked = partial(blocks, drawn)
    found = (tf.function(asked) if compiled else asked)(*map(tf.constant, drawn.watched))
    for one, expected in zip(found, drawn.jacobian(), strict=True):
        assert apart(one, expected) <= BAR


def pulled(drawn: Scene, cotangent: Any, *watched: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(watched)
        errors, regular = drawn.errors(*watched)
    return tape.gradient([errors, regular], list(watched), cotangent)


@EACH_SCENE
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_of_all_parameters(name: str, compiled: bool) -> None:
    drawn = SCENES[name]
    cameras, points, weights, regular = drawn.jacobian()
    cotangent = directions([drawn.features, weights[:, 0]], 1)
    expected = [np.zeros_like(w) for w in drawn.watched]
    np.add.at(expected[0], drawn.seen[:, 0], np.einsum("ni,nij->nj", cotangent[0], cameras))
    np.add.at(expected[1], drawn.seen[:, 1], np.einsum("ni,nij->nj", cotangent[0], points))
    expected[2] += (cotangent[0] * weights).sum(1) + cotangent[1] * regular
    asked = partial(pulled, drawn)
    run = tf.function(asked) if compiled else asked
    found = run(list(map(tf.constant, cotangent)), *map(tf.constant, drawn.watched))
    for one, wanted in zip(found, expected, strict=True):
        assert apart(tf.convert_to_tensor(one), wanted) <= BAR


@EACH_SCENE
@pytest.mark.parametrize("compiled", [False, True])
def test_errors_forward(name: str, compiled: bool) -> None:
    drawn = SCENES[name]
    cameras, points, weights, regular = drawn.jacobian()
    along = directions(drawn.watched, 2)
    expected = np.einsum("nij,nj->ni", cameras, along[0][drawn.seen[:, 0]])
    expected += np.einsum("nij,nj->ni", points, along[1][drawn.seen[:, 1]])
    expected += weights * along[2][:, None]
    asked = partial(pushed, drawn.errors)
    run = tf.function(asked) if compiled else asked
    found = run(list(map(tf.constant, drawn.watched)), list(map(tf.constant, along)))
    assert apart(found[0], expected) <= BAR
    assert apart(found[1], regular * along[2]) <= BAR
