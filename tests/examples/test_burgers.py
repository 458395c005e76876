"""The network for Burgers' equation: three ways to a second derivative, and the exact solution."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import burgers

import gradtape as tf


def test_the_exact_solution_obeys_equation_conditions_and_published_slope() -> None:
    t, x = np.meshgrid([0.2, 0.45, 0.8], [-0.7, -0.02, 0.01, 0.3], indexing="ij")
    h = 2e-5

    def u(dt: float, dx: float) -> np.ndarray:
        return burgers.exact(t + dt, x + dx)

    u_t, u_x = (u(h, 0) - u(-h, 0)) / (2 * h), (u(0, h) - u(0, -h)) / (2 * h)
    u_xx = (u(0, h) - 2 * u(0, 0) + u(0, -h)) / h**2
    np.testing.assert_allclose(u_t + u(0, 0) * u_x, burgers.VISCOSITY * u_xx, rtol=1e-4, atol=1e-4)
    ends = np.array([-1.0, 1.0])
    np.testing.assert_allclose(burgers.exact(np.full(2, 0.6), ends), 0.0, atol=1e-12)
    start = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(
        burgers.exact(np.zeros(9), start), -np.sin(np.pi * start), atol=1e-12
    )
    time = np.array([burgers.STEEPEST_TIME])
    slope = burgers.exact(time, np.array([1e-5])) / 1e-5
    assert slope[0] == pytest.approx(-burgers.STEEPEST, rel=1e-4)


@pytest.mark.parametrize("name", list(burgers.WAYS))
def test_each_way_has_the_derivatives_of_the_network(name: str) -> None:
    random = np.random.default_rng(3)
    theta = tf.constant(burgers.starting_weights(3))
    t, x = random.random((5, 1)), random.random((5, 1))
    h = 1e-4

    def u(dt: float, dx: float) -> np.ndarray:
        return burgers.network(theta, tf.constant(t + dt), tf.constant(x + dx)).numpy()

    found = burgers.WAYS[name](theta, tf.constant(t), tf.constant(x))
    wanted = (
        u(0, 0),
        (u(h, 0) - u(-h, 0)) / (2 * h),
        (u(0, h) - u(0, -h)) / (2 * h),
        (u(0, h) - 2 * u(0, 0) + u(0, -h)) / h**2,
    )
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=2e-6)


def test_the_fit_comes_near_the_exact_solution(tmp_path: Path) -> None:
    picture = tmp_path / "burgers.png"
    reduced = ["--steps", "80", "--points", "256", "--rounds", "1", "--plot", str(picture)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        timings, solution = burgers.main(reduced)
    assert burgers.difference(timings) < 1e-12
    assert [timing.name for timing in timings] == list(burgers.WAYS)
    np.testing.assert_allclose(solution.found[0], -np.sin(np.pi * solution.x), atol=1e-12)
    np.testing.assert_allclose(solution.found[:, [0, -1]], 0.0, atol=1e-12)
    assert solution.relative_error < 0.05
    assert solution.steepest == pytest.approx(burgers.STEEPEST, rel=0.3)
    assert "Largest relative difference of losses and gradients" in printed.getvalue()
    assert picture.stat().st_size > 10_000
