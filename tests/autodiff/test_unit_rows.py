"""Rows that are kept as their nonzero elements give the same Jacobians as dense ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff import unit_rows
from gradtape.autodiff.batching import BatchedTensor, batching
from gradtape.autodiff.unit_rows import UnitRows, identity, proportional
from gradtape.core.primitive import registry

W = tf.constant(np.random.default_rng(0).standard_normal((6, 4)))
B = tf.constant(np.random.default_rng(1).standard_normal(6))


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rows are so few that they are dense at once."""
    monkeypatch.setattr(unit_rows, "FEW", 0)


def rosenbrock(x: Any) -> Any:
    return tf.reduce_sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def slope(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    return run


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "elementwise": lambda x: tf.tanh(tf.sin(x) * 3.0 + B),
    "scaled": lambda x: -tf.exp(x) / (1.0 + B**2),
    "dense": lambda x: tf.tanh(x @ W),
    "dense before": lambda x: tf.sin(x) @ W,
    "moved": lambda x: tf.transpose(tf.reshape(x * x, (-1, 2, 3)), (0, 2, 1))[:, ::-1],
    "parts": lambda x: x[..., 1:] * x[..., :-1] - tf.square(x[..., 1:]),
    "padded": lambda x: tf.pad(x**3, [[0, 0]] * (len(x.shape) - 1) + [[1, 2]]),
    "summed": lambda x: tf.reduce_sum(x**2, -1) * x[..., 0],
    "difference": lambda x: tf.sin(x) - tf.cos(x) * B,
    "many parts": lambda x: sum(tf.roll(tf.sin(x), i, -1) for i in range(6)),
    "relu": lambda x: tf.nn.relu(tf.nn.relu(x) - 0.2),
    "cast": lambda x: tf.cast(tf.cast(x, tf.complex128) * (1 + 2j), tf.complex128),
}


def numbers(*shape: int) -> Any:
    return tf.constant(np.random.default_rng(2).standard_normal(shape))


def rows_one_by_one(function: Callable[[Any], Any], x: Any) -> Any:
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = function(x)
    return tape.jacobian(y, x, experimental_use_pfor=False)


def rows_at_once(function: Callable[[Any], Any], x: Any, chunk: int | None = None) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.jacobian(y, x, parallel_iterations=chunk)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("chunk", [None, 4])
def test_jacobians(name: str, chunk: int | None) -> None:
    x = numbers(3, 6)
    expected = rows_one_by_one(FUNCTIONS[name], x)
    found = rows_at_once(FUNCTIONS[name], x, chunk)
    np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("compiled", [False, True])
def test_batch_jacobians(name: str, compiled: bool) -> None:
    function = FUNCTIONS[name]
    x = numbers(3, 6)

    def found(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            y = y if len(y.shape) > 1 else y[:, None]
        return tape.batch_jacobian(y, x)

    each = [np.asarray(rows_one_by_one(function, x[i : i + 1])) for i in range(3)]
    shape = (3, *found(x).shape[1:])
    expected = np.concatenate([e.reshape(1, *shape[1:]) for e in each])
    result = (tf.function(found) if compiled else found)(x)
    np.testing.assert_allclose(result, expected, 1e-12, 1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_banded_hessian(compiled: bool) -> None:
    x = numbers(7)
    hessian = lambda x: rows_at_once(slope(rosenbrock), x)
    found = np.asarray((tf.function(hessian) if compiled else hessian)(x))
    v = np.asarray(x)
    expected = np.diag(np.append(1200 * v[:-1] ** 2 - 400 * v[1:] + 2, 0) + [0, *[200] * 6])
    expected += np.diag(-400 * v[:-1], 1) + np.diag(-400 * v[:-1], -1)
    np.testing.assert_allclose(found, expected, 1e-12, 1e-9)


def test_third_derivatives_pass_through() -> None:
    x = numbers(4)
    hessian = lambda x: rows_at_once(slope(lambda x: tf.reduce_sum(tf.sin(x) * x[::-1])), x)
    expected = rows_one_by_one(hessian, x)
    np.testing.assert_allclose(rows_at_once(hessian, x), expected, 1e-12, 1e-12)


def test_elementwise_operations_keep_rows_thin() -> None:
    factor = tf.constant([1.0, 2.0, 3.0], tf.float64)
    with batching(3) as mode:
        rows = identity(mode, 0, (3,), tf.constant(np.zeros((2, 3))))
        assert type(rows) is UnitRows
        moved = tf.transpose(-(rows * factor) / 2.0)
        assert type(moved) is UnitRows
        assert [v.shape for v in moved.values] == [(1, 3, 2)]
    expected = -np.einsum("ri,i->ir", np.eye(3), [0.5, 1.0, 1.5])
    np.testing.assert_array_equal(moved._array, np.stack([expected.T] * 2, -1))


def test_other_operations_make_rows_dense() -> None:
    with batching(3) as mode:
        rows = identity(mode, 0, (3,), tf.constant(np.zeros((2, 3))))
        shifted = rows + 1.0
        assert type(shifted) is BatchedTensor
    np.testing.assert_array_equal(shifted._array, np.stack([np.eye(3)] * 2, 1) + 1)


def test_infinite_slopes_stay_with_their_elements() -> None:
    x = tf.constant([0.0, 4.0], tf.float64)
    found = rows_at_once(lambda x: tf.sqrt(x) * tf.constant([np.inf, 1.0], tf.float64), x)
    np.testing.assert_array_equal(found, [[np.inf, 0], [0, 0.25]])


def test_what_is_proportional() -> None:
    cases = {"multiply": (True, True), "divide": (True, False), "add": (False, False)}
    cases |= {"relu_pull": (True, False), "maximum": (False, False), "pow": (False, False)}
    for name, expected in cases.items():
        found = tuple([proportional(registry[name], i) for i in range(2)])
        assert found == expected, name
