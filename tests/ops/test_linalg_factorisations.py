"""Cholesky, LU and QR under their public names: conventions, free bases, errors."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.primitive import registry
from gradtape.graph.xp_jax import xp as xp_jax
from tests.ops.matrix import directional

RNG = np.random.default_rng(5)
A = RNG.standard_normal((3, 3))
POSITIVE = A @ A.T + np.eye(3)
Error = tf.errors.InvalidArgumentError


def gradient(function: object, x: np.ndarray) -> np.ndarray:
    t = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = function(t)  # type: ignore[operator]
    return tape.gradient(y, t).numpy()


def test_cholesky_reads_the_lower_triangle() -> None:
    spoiled = np.where(np.tril(np.ones((3, 3))) > 0, POSITIVE, np.nan)
    np.testing.assert_allclose(tf.linalg.cholesky(spoiled), np.linalg.cholesky(POSITIVE))
    kernel = registry["cholesky"].kernel
    np.testing.assert_allclose(kernel(xp_jax, jnp.asarray(spoiled)), np.linalg.cholesky(POSITIVE))


def test_cholesky_gradient_is_symmetric() -> None:
    grad = gradient(tf.linalg.logdet, POSITIVE)
    np.testing.assert_allclose(grad, np.linalg.inv(POSITIVE))
    np.testing.assert_array_equal(grad, grad.T)


@pytest.mark.parametrize("x", [-np.eye(2), np.zeros((2, 2))])
def test_cholesky_refuses_what_is_not_positive_definite(x: np.ndarray) -> None:
    with pytest.raises(Error, match=r"gradtape.cholesky\(float64\[2, 2\]\).*not successful.*eigh"):
        tf.linalg.cholesky(x)


def test_lu() -> None:
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    packed, p = tf.linalg.lu(x)
    assert p.numpy().tolist() == [2, 0, 1]
    assert p.dtype == tf.int32
    assert tf.linalg.lu(x, output_idx_type=tf.int64).p.dtype == tf.int64
    lower, upper = np.tril(packed, -1) + np.eye(3), np.triu(packed)
    np.testing.assert_allclose(lower @ upper, x[p.numpy()], rtol=1e-12)
    np.testing.assert_allclose(tf.linalg.lu_reconstruct(packed, p), x, rtol=1e-12)
    np.testing.assert_allclose(tf.linalg.lu_matrix_inverse(packed, p), np.linalg.inv(x), rtol=1e-9)
    rhs = RNG.standard_normal((3, 2))
    np.testing.assert_allclose(x @ tf.linalg.lu_solve(packed, p, rhs).numpy(), rhs, rtol=1e-9)
    many = RNG.standard_normal((4, 3, 3))
    np.testing.assert_allclose(tf.linalg.lu_reconstruct(*tf.linalg.lu(many)), many, rtol=1e-9)


def test_lu_of_empty_and_singular_matrices() -> None:
    assert tf.linalg.lu(np.ones((2, 0, 0))).p.shape == (2, 0)
    packed, p = tf.linalg.lu(np.zeros((2, 2)))
    assert packed.numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(Error, match="not invertible"):
        tf.linalg.lu_matrix_inverse(packed, p)


def test_gradient_through_lu_solve() -> None:
    rhs = RNG.standard_normal((3, 1))
    grad = gradient(lambda x: tf.linalg.lu_solve(*tf.linalg.lu(x), rhs), A)
    np.testing.assert_allclose(grad, gradient(lambda x: tf.linalg.solve(x, rhs), A), rtol=1e-9)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (5, 4, 2), (0, 2), (2, 0)])
@pytest.mark.parametrize("full", [True, False])
def test_qr(shape: tuple[int, ...], full: bool) -> None:
    x = RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)
    q, r = tf.linalg.qr(x, full_matrices=full)
    k = shape[-2] if full else min(shape[-2:])
    assert q.shape == (*shape[:-1], k)
    assert r.shape == (*shape[:-2], k, shape[-1])
    np.testing.assert_allclose(q.numpy() @ r.numpy(), x, atol=1e-12)


@pytest.mark.parametrize("complex", [False, True])
def test_gradient_of_the_basis_that_completes_q(complex: bool) -> None:
    """The projection on the further columns of a full Q does not depend on their choice."""
    x = RNG.standard_normal((4, 2)) + (1j * RNG.standard_normal((4, 2)) if complex else 0)
    v = RNG.standard_normal((4, 2)) + (1j * RNG.standard_normal((4, 2)) if complex else 0)
    w = tf.constant(RNG.standard_normal((4, 4)).astype(x.dtype))

    def f(m: object) -> object:
        q = tf.linalg.qr(m, full_matrices=True).q
        keep = tf.constant(np.diag([0.0, 0.0, 1.0, 1.0]).astype(x.dtype))
        inner = tf.matmul(tf.matmul(q, keep), q, adjoint_b=True)
        return tf.linalg.trace(tf.matmul(w, inner))

    slope = directional(lambda t: f(tf.constant(x + t * v)).numpy().real)
    assert np.real(np.vdot(gradient(f, x), v)) == pytest.approx(slope, rel=1e-7)


def test_dependent_columns_have_no_gradient() -> None:
    with pytest.raises(Error, match="not invertible"):
        gradient(lambda x: tf.linalg.qr(x).q, np.zeros((3, 2)))


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tf.linalg.cholesky(np.ones((2, 3))), "gradtape.cholesky.*square"),
        (lambda: tf.linalg.cholesky([[1]]), "needs float32"),
        (lambda: tf.linalg.lu(np.ones((2, 3))), "gradtape.lu.*square"),
        (lambda: tf.linalg.lu(A, output_idx_type=tf.float32), "output_idx_type must be"),
        (lambda: tf.linalg.lu_solve(A, [0, 1], A), r"perm must hold integers of shape \(3,\)"),
        (lambda: tf.linalg.lu_reconstruct(A, [0.0, 1.0, 2.0]), "perm must hold integers"),
        (lambda: tf.linalg.qr([1.0]), "gradtape.qr.*matrices"),
        (lambda: tf.linalg.logdet(-np.eye(2)), "gradtape.cholesky.*not successful"),
    ],
)
def test_errors(call: object, text: str) -> None:
    with pytest.raises(Error, match=text):
        call()  # type: ignore[operator]
