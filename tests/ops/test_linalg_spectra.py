"""Eigenvalues and singular values: free signs and phases, repeated values, errors, XLA's kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.primitive import registry
from gradtape.graph.xp_jax import xp as xp_jax
from tests.ops.drawing import adjoint, hermitian
from tests.ops.matrix import directional

RNG = np.random.default_rng(6)
Error = tf.errors.InvalidArgumentError


def draw(*shape: int, complex: bool = False) -> np.ndarray:
    return RNG.standard_normal(shape) + (1j * RNG.standard_normal(shape) if complex else 0)


def gradient(function: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    t = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = function(t)
    return tape.gradient(y, t).numpy()


def assert_slope(function: Callable[[Any], Any], x: np.ndarray, v: np.ndarray) -> None:
    """The gradient gives the slope along v, and the gradient's gradient that of the slope."""

    def slope(m: np.ndarray) -> float:
        return float(np.real(np.vdot(gradient(function, m), v)))

    wanted = directional(lambda t: function(tf.constant(x + t * v)).numpy().real)
    assert slope(x) == pytest.approx(wanted, rel=1e-6, abs=1e-7)
    t = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(t)
        with tf.GradientTape() as inner:
            inner.watch(t)
            y = function(t)
        g = inner.gradient(y, t)
    second = outer.gradient(g, t, output_gradients=tf.constant(v)).numpy()
    wanted = directional(lambda s: slope(x + s * v))
    assert np.real(np.vdot(second, v)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def projected(vectors: Any, weights: Any, w: Any, inverse: Any = None) -> Any:
    """tr(w V diag(weights) V^H), which does not depend on signs and phases of vectors."""
    middle = tf.linalg.diag(tf.constant(np.asarray(weights).astype(w.dtype)))
    back = tf.linalg.adjoint(vectors) if inverse is None else inverse
    return tf.linalg.trace(tf.matmul(tf.constant(w), tf.matmul(tf.matmul(vectors, middle), back)))


@pytest.mark.parametrize("complex", [False, True])
def test_projectors_of_eigh(complex: bool) -> None:
    x, v = hermitian(draw(3, 3, complex=complex)), hermitian(draw(3, 3, complex=complex))
    w = draw(3, 3, complex=complex)
    assert_slope(lambda m: projected(tf.linalg.eigh(m)[1], [1.0, 2.0, 0.0], w), x, v)


@pytest.mark.parametrize("complex", [False, True])
def test_projectors_of_eig(complex: bool) -> None:
    x, v = draw(3, 3, complex=complex), draw(3, 3, complex=complex)
    w = draw(3, 3, complex=True)

    def f(m: Any) -> Any:
        values, vectors = tf.linalg.eig(m)
        order = np.argsort(np.asarray(values).real)
        weights = np.zeros(3)
        weights[order[-1]] = 1.0
        middle = tf.linalg.diag(tf.constant(weights + 0j) * values)
        whole = tf.matmul(tf.matmul(vectors, middle), tf.linalg.inv(vectors))
        return tf.linalg.trace(tf.matmul(tf.constant(w), whole))

    x = x + np.diag([0.0, 3.0, 9.0])
    assert_slope(f, x, v)


def test_length_of_eigenvectors_stays_one() -> None:
    x, v = draw(3, 3) + np.diag([0.0, 4.0, 9.0]), draw(3, 3)
    assert_slope(lambda m: projected(tf.linalg.eig(m)[1], [1.0, 2.0, 3.0], draw_fixed), x, v)


draw_fixed = draw(3, 3, complex=True)


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("full", [False, True])
def test_projectors_of_svd(complex: bool, shape: tuple[int, int], full: bool) -> None:
    x, v = draw(*shape, complex=complex), draw(*shape, complex=complex)
    m, n, k = shape[0], shape[1], min(shape)
    wu, wv = draw(m, m, complex=complex), draw(n, n, complex=complex)
    wx = draw(n, m, complex=complex)

    def f(t: Any) -> Any:
        _, u, v = tf.linalg.svd(t, full_matrices=full)
        rest_u, rest_v = (m - k, n - k) if full else (0, 0)
        total = projected(u, [1.0, 2.0, *[0.0] * (k - 2), *[3.0] * rest_u], wu)
        total = total + projected(v, [2.0, 1.0, *[0.0] * (k - 2), *[5.0] * rest_v], wv)
        if not full:  # u and v share their phases
            total = total + projected(u, [1.0] * k, wx, tf.linalg.adjoint(v))
        return total

    assert_slope(f, x, v)


def test_values_are_real_and_ordered() -> None:
    x = hermitian(draw(4, 4, complex=True))
    w, v = tf.linalg.eigh(x)
    assert w.dtype == tf.complex128 and not tf.math.imag(w).numpy().any()
    np.testing.assert_allclose(x @ v.numpy(), v.numpy() * w.numpy(), atol=1e-12)
    np.testing.assert_allclose(tf.linalg.eigvalsh(x), w, atol=1e-12)
    s, u, v = tf.linalg.svd(tf.constant(draw(4, 3, complex=True), tf.complex64))
    assert (s.dtype, u.dtype, v.dtype) == (tf.float32, tf.complex64, tf.complex64)
    assert np.all(np.diff(s.numpy()) <= 0)
    w, v = tf.linalg.eig(tf.constant([[0.0, 1.0], [-1.0, 0.0]]))
    assert (w.dtype, v.dtype) == (tf.complex64, tf.complex64)
    assert tf.linalg.svd(x, compute_uv=False).shape == (4,)


def test_eigh_reads_the_lower_triangle_and_so_does_its_gradient() -> None:
    x = hermitian(draw(3, 3))
    spoiled = np.where(np.tril(np.ones((3, 3))) > 0, x, np.nan)
    np.testing.assert_allclose(tf.linalg.eigvalsh(spoiled), np.linalg.eigvalsh(x))
    values = registry["eigvalsh"].kernel(xp_jax, jnp.asarray(spoiled))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(x))
    grad = gradient(lambda m: tf.linalg.eigvalsh(m), draw(3, 3))
    np.testing.assert_array_equal(grad, np.tril(grad))


def test_repeated_values_give_finite_gradients() -> None:
    """Values have their subgradient; what vectors do not determine is zero, as in TensorFlow."""
    one = np.eye(3)
    np.testing.assert_allclose(gradient(tf.linalg.eigvalsh, one), one)
    np.testing.assert_allclose(gradient(lambda m: tf.linalg.svd(m, compute_uv=False), one), one)
    np.testing.assert_array_equal(gradient(lambda m: tf.linalg.eigh(m)[1], one), 0 * one)
    np.testing.assert_array_equal(gradient(lambda m: tf.linalg.svd(m)[1], one), 0 * one)
    np.testing.assert_array_equal(gradient(lambda m: tf.linalg.svd(m)[2], one), 0 * one)
    np.testing.assert_array_equal(gradient(lambda m: tf.linalg.eig(m)[1], one), 0 * one)
    for shape in ((3, 3), (3, 2), (2, 3)):
        for part in range(3):
            grad = gradient(lambda m, p=part: tf.linalg.svd(m)[p], np.zeros(shape))
            assert np.isfinite(grad).all()


def test_values_repeated_but_for_rounding() -> None:
    """A rotated matrix with a double eigenvalue: invariant functions have their right gradient."""
    q = np.linalg.qr(draw(3, 3))[0]
    x = (q * [1.0, 1.0, 2.0]) @ q.T
    x, w = hermitian(x), draw(3, 3)
    grad = gradient(lambda m: projected(tf.linalg.eigh(m)[1], [1.0, 1.0, 0.0], w), x)
    v = hermitian(draw(3, 3))

    def project(t: float) -> Any:
        vectors = np.linalg.eigh(x + t * v)[1][:, :2]
        return np.trace(w @ vectors @ vectors.T)

    slope = directional(project)
    assert np.sum(grad * v) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_small_singular_values_are_told_apart() -> None:
    x = np.diag([1.0, 2e-9, 1e-9])
    grad = gradient(lambda m: projected(tf.linalg.svd(m)[1], [0.0, 1.0, 0.0], np.ones((3, 3))), x)
    assert np.max(np.abs(grad)) > 1e8


def test_second_derivative_of_a_value() -> None:
    x = tf.constant(np.diag([1.0, 3.0]))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.linalg.eigvalsh(x)
        g = inner.gradient(y, x, output_gradients=tf.constant([1.0, 0.0], tf.float64))
    v = np.array([[0.0, 0.0], [1.0, 0.0]])
    second = outer.gradient(g, x, output_gradients=tf.constant(v)).numpy()
    np.testing.assert_allclose(second, [[0.0, 0.0], [-1.0, 0.0]])  # 2 / (1 - 3)


def test_pinv() -> None:
    for shape in ((3, 3), (5, 2), (2, 5), (4, 3, 2)):
        x = draw(*shape)
        np.testing.assert_allclose(tf.linalg.pinv(x), np.linalg.pinv(x), rtol=1e-8, atol=1e-10)
    x = np.diag([1.0, 1e-3])
    assert tf.linalg.pinv(x, rcond=0.1).numpy().tolist() == [[1.0, 0.0], [0.0, 0.0]]
    stack = np.stack([x, x])
    out = tf.linalg.pinv(stack, rcond=[0.1, 1e-6]).numpy()
    assert out[:, 1, 1].tolist() == [0.0, 1000.0]


def test_gradient_of_pinv_needs_no_gaps() -> None:
    v, w = draw(3, 3), draw(3, 3)
    grad = gradient(lambda m: tf.linalg.trace(tf.matmul(w, tf.linalg.pinv(m))), np.eye(3))
    np.testing.assert_allclose(grad, -w.T)
    low = draw(4, 2) @ draw(2, 3)
    left, right = draw(4, 4), draw(3, 3)
    v = left @ low + low @ right  # keeps the rank
    grad = gradient(lambda m: tf.linalg.pinv(m), low)
    a, b = (np.linalg.pinv(low + s * v + s * s * left @ low @ right, 1e-6) for s in (1e-5, -1e-5))
    assert np.sum(grad * v) == pytest.approx(np.sum(a - b) / 2e-5, rel=1e-6)


def test_norms_by_singular_values() -> None:
    x = draw(2, 3, 4)
    for ord in (2, "nuc"):
        out = tf.norm(x, ord, axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(out, np.linalg.norm(x, ord, (1, 2), keepdims=True))
    u, _, vh = np.linalg.svd(x[0], full_matrices=False)
    np.testing.assert_allclose(gradient(lambda m: tf.norm(m, "nuc", axis=(0, 1)), x[0]), u @ vh)
    grad = gradient(lambda m: tf.norm(m, 2, axis=(0, 1)), x[0])
    np.testing.assert_allclose(grad, np.outer(u[:, 0], vh[0]))
    one = gradient(lambda m: tf.norm(m, "nuc", axis=(0, 1)), np.eye(3))
    np.testing.assert_allclose(one, np.eye(3))


def test_matrix_rank() -> None:
    assert int(tf.linalg.matrix_rank(np.ones((3, 4)))) == 1
    assert tf.linalg.matrix_rank(np.stack([np.eye(2), np.zeros((2, 2))])).numpy().tolist() == [2, 0]
    assert int(tf.linalg.matrix_rank(np.diag([1.0, 0.1]), tol=0.5)) == 1
    assert int(tf.linalg.matrix_rank(np.ones((0, 3)))) == 0


@pytest.mark.parametrize("complex", [False, True])
def test_kernels_under_xla(complex: bool) -> None:
    x = draw(2, 3, 3, complex=complex)
    h = hermitian(x)
    w, v = (np.asarray(p) for p in registry["eigh"].kernel(xp_jax, jnp.asarray(h)))
    np.testing.assert_allclose((v * w[:, None, :]) @ adjoint(v), h, atol=1e-12)
    w, v = (np.asarray(p) for p in registry["eig"].kernel(xp_jax, jnp.asarray(x)))
    np.testing.assert_allclose(v * w[:, None, :], x @ v, atol=1e-12)
    for full in (False, True):
        found = registry["svd"].kernel(xp_jax, jnp.asarray(x), full=full)
        s, u, v = (np.asarray(p) for p in found)
        np.testing.assert_allclose((u * s[:, None, :]) @ adjoint(v), x, atol=1e-12)


def test_empty() -> None:
    assert tf.linalg.eigh(np.ones((0, 2, 2)))[1].shape == (0, 2, 2)
    assert tf.linalg.eigvals(np.ones((2, 0, 0))).shape == (2, 0)
    assert [p.shape for p in tf.linalg.svd(np.ones((2, 0)))] == [(0,), (2, 0), (0, 0)]


@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "eig", "eigvals"])
def test_errors_of_eigenvalues(name: str) -> None:
    function = getattr(tf.linalg, name)
    with pytest.raises(Error, match=rf"gradtape.{name}\(float64\[2, 3\]\).*square"):
        function(np.ones((2, 3)))
    with pytest.raises(Error, match=rf"gradtape.{name}.*needs float32"):
        function([[1, 2], [3, 4]])
    with pytest.raises(TypeError, match=f"gradtape.{name}"):
        function("matrix")


def test_errors() -> None:
    with pytest.raises(Error, match="gradtape.svd.*matrices"):
        tf.linalg.svd([1.0])
    with pytest.raises(Error, match="gradtape.eig.*check_numerics"):
        tf.linalg.eig([[np.nan, 0.0], [0.0, 1.0]])
    with pytest.raises(Error, match="gradtape.pinv.*needs float32"):
        tf.linalg.pinv([[1]])
    with pytest.raises(Error, match="gradtape.matrix_rank.*matrices"):
        tf.linalg.matrix_rank(1.0)
