"""Linear systems under their public names: values, broadcasting, singular matrices, errors."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.primitive import registry
from gradtape.graph.xp_jax import xp as xp_jax

RNG = np.random.default_rng(3)
A = RNG.standard_normal((3, 3)) + 4 * np.eye(3)
B = RNG.standard_normal((3, 2))
SINGULAR = np.ones((2, 2))
Error = tf.errors.InvalidArgumentError


def test_solve() -> None:
    np.testing.assert_allclose(A @ tf.linalg.solve(A, B).numpy(), B)
    np.testing.assert_allclose(A.T @ tf.linalg.solve(A, B, adjoint=True).numpy(), B)
    many = RNG.standard_normal((5, 3, 1))
    np.testing.assert_allclose(A @ tf.linalg.solve(A, many).numpy(), many)


def test_inv() -> None:
    z = A + 1j * RNG.standard_normal((3, 3))
    np.testing.assert_allclose(tf.linalg.inv(z).numpy() @ z, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(tf.linalg.inv(z, adjoint=True), np.conj(np.linalg.inv(z).T))


def test_triangular_solve_reads_one_triangle() -> None:
    spoiled = np.where(np.tril(np.ones((3, 3))) > 0, A, np.nan)
    np.testing.assert_allclose(np.tril(A) @ tf.linalg.triangular_solve(spoiled, B).numpy(), B)
    upper = tf.linalg.triangular_solve(A, B, lower=False, adjoint=True).numpy()
    np.testing.assert_allclose(np.triu(A).T @ upper, B)


def test_triangular_solve_of_a_large_stack() -> None:
    many = RNG.standard_normal((20, 3, 3)) + 4 * np.eye(3)
    many = many + 1j * RNG.standard_normal((20, 3, 3))
    rhs = RNG.standard_normal((20, 3, 2)) + 0j
    for lower in (True, False):
        part = np.tril(many) if lower else np.triu(many)
        for adjoint in (True, False):
            whole = np.conj(part.swapaxes(-1, -2)) if adjoint else part
            out = tf.linalg.triangular_solve(many, rhs, lower=lower, adjoint=adjoint)
            np.testing.assert_allclose(whole @ out.numpy(), rhs, atol=1e-12)


def test_cholesky_solve_and_lstsq() -> None:
    positive = A @ A.T
    chol = np.linalg.cholesky(positive)
    np.testing.assert_allclose(positive @ tf.linalg.cholesky_solve(chol, B).numpy(), B)
    for shape in ((5, 3), (3, 5)):
        x, y = RNG.standard_normal(shape), RNG.standard_normal((shape[0], 2))
        want = np.linalg.lstsq(x, y, rcond=None)[0]
        for fast in (True, False):
            np.testing.assert_allclose(tf.linalg.lstsq(x, y, fast=fast), want, rtol=1e-8)
        ridge = np.linalg.solve(x.T @ x + 0.3 * np.eye(shape[1]), x.T @ y)
        np.testing.assert_allclose(tf.linalg.lstsq(x, y, l2_regularizer=0.3), ridge, rtol=1e-8)


def test_lstsq_gradient_by_differences() -> None:
    for shape, fast in (((4, 2), True), ((2, 4), True), ((4, 2), False), ((2, 4), False)):
        x, y = RNG.standard_normal(shape), RNG.standard_normal((shape[0], 1))
        v = RNG.standard_normal(shape)
        t = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(t)
            out = tf.linalg.lstsq(t, y, fast=fast)
        grad = tape.gradient(out, t).numpy()
        f = lambda m: np.sum(np.linalg.lstsq(m, y, rcond=None)[0])  # noqa: B023
        slope = (f(x + 1e-6 * v) - f(x - 1e-6 * v)) / 2e-6
        assert np.sum(grad * v) == pytest.approx(slope, rel=1e-6)


def test_lstsq_of_any_rank() -> None:
    out = tf.linalg.lstsq(np.ones((3, 2)), np.ones((3, 1)), fast=False)
    np.testing.assert_allclose(out, [[0.5], [0.5]])
    with pytest.raises(Error, match="gradtape.cholesky.*not successful"):
        tf.linalg.lstsq(np.zeros((3, 2)), np.ones((3, 1)))


def test_singular_matrices_are_refused_with_a_remedy() -> None:
    text = "Input matrix is not invertible.*tf.linalg.pinv"
    rhs = np.ones((2, 1))
    for call in (
        lambda: tf.linalg.inv(SINGULAR),
        lambda: tf.linalg.solve(SINGULAR, rhs),
        lambda: tf.linalg.triangular_solve([[1.0, 0.0], [1.0, 0.0]], [[1.0], [1.0]]),
        lambda: tf.linalg.tridiagonal_solve(np.zeros((3, 2)), rhs),
    ):
        with pytest.raises(Error, match=text):
            call()


def test_singular_matrices_under_xla_give_no_finite_number() -> None:
    x, rhs = jnp.asarray(SINGULAR), jnp.ones((2, 1))
    assert not np.isfinite(registry["inv"].kernel(xp_jax, x)).all()
    assert not np.isfinite(registry["solve"].kernel(xp_jax, x, rhs, adjoint=False)).all()
    assert np.isnan(registry["cholesky"].kernel(xp_jax, -x)).any()
    assert np.isnan(registry["expm"].kernel(xp_jax, x * np.nan)).all()


def test_nan_goes_through() -> None:
    x = A.copy()
    x[0, 0] = np.nan
    assert np.isnan(tf.linalg.solve(x, B).numpy()).any()
    assert np.isnan(tf.linalg.inv(x).numpy()).any()


def test_empty() -> None:
    assert tf.linalg.inv(np.ones((0, 3, 3))).shape == (0, 3, 3)
    assert tf.linalg.solve(np.ones((3, 0, 0)), np.ones((3, 0, 2))).shape == (3, 0, 2)
    assert tf.linalg.triangular_solve(A, np.ones((3, 0))).shape == (3, 0)
    assert tf.linalg.lstsq(A, np.ones((3, 0))).shape == (3, 0)


@pytest.mark.parametrize(
    "name, arguments, text",
    [
        ("solve", (A, B[:2]), r"gradtape.solve\(float64\[3, 3\], float64\[2, 2\]\): 3 rows"),
        ("solve", (A, B[:, 0]), "right side must have columns.*newaxis"),
        ("solve", (A[:2], B), "must be square.*tf.linalg.lstsq"),
        ("solve", (A[0], B), "needs matrices"),
        ("solve", (tf.constant(A), tf.constant(B, tf.float32)), "dtypes differ"),
        ("solve", (np.ones((2, 3, 3)), np.ones((4, 3, 1))), "leading axes do not broadcast"),
        ("triangular_solve", (A, B[:2]), "gradtape.triangular_solve"),
        ("cholesky_solve", (A, B[:2]), "gradtape.cholesky_solve"),
        ("inv", (np.ones((2, 3)),), "gradtape.inv.*square"),
        ("inv", (1.0,), "gradtape.inv.*matrices"),
        ("inv", ([[1, 2], [3, 4]],), r"gradtape.inv.*needs float32.*tf.cast"),
        ("inv", (tf.constant([[1.0]], tf.float16),), "needs float32"),
        ("lstsq", (A, B[:2]), "gradtape.lstsq"),
        ("lstsq", (A, B, [1.0, 2.0]), "l2_regularizer must be one number"),
    ],
)
def test_errors(name: str, arguments: tuple, text: str) -> None:
    with pytest.raises(Error, match=text):
        getattr(tf.linalg, name)(*arguments)


def test_errors_of_types() -> None:
    with pytest.raises(TypeError, match="gradtape.solve"):
        tf.linalg.solve("a", B)


def test_conjugate_gradient() -> None:
    positive = A @ A.T
    state = tf.linalg.experimental.conjugate_gradient(positive, B[:, 0], tol=1e-12)
    np.testing.assert_allclose(positive @ state.x.numpy(), B[:, 0])
    assert int(state.i) <= 4
    near = np.linalg.inv(positive)
    state = tf.linalg.experimental.conjugate_gradient(positive, B[:, 0], near, tol=1e-9)
    assert int(state.i) == 1
    with pytest.raises(Error, match="must be a vector"):
        tf.linalg.experimental.conjugate_gradient(positive, B)
