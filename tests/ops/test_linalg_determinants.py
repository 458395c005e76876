"""Determinants at singular matrices, and functions of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.primitive import registry
from gradtape.graph.xp_jax import xp as xp_jax
from tests.ops.cases.linalg_determinants import cofactor_slope, cofactors
from tests.ops.matrix import directional

RNG = np.random.default_rng(7)
Error = tf.errors.InvalidArgumentError


def gradient(function: Callable[[Any], Any], x: Any) -> np.ndarray:
    t = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = function(t)
    return tape.gradient(y, t).numpy()


def low_rank(n: int, rank: int, complex: bool) -> np.ndarray:
    def draw(*shape: int) -> Any:
        return RNG.standard_normal(shape) + (1j * RNG.standard_normal(shape) if complex else 0)

    return draw(n, rank) @ draw(rank, n)


def test_gradient_of_det_of_a_singular_matrix() -> None:
    np.testing.assert_allclose(
        gradient(tf.linalg.det, [[1.0, 2.0], [2.0, 4.0]]), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-5
    )
    np.testing.assert_array_equal(gradient(tf.linalg.det, np.zeros((3, 3))), np.zeros((3, 3)))
    np.testing.assert_array_equal(gradient(tf.linalg.det, [[0.0]]), [[1.0]])


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("n, rank", [(3, 2), (3, 1), (4, 3), (4, 2), (4, 1), (5, 4), (5, 3)])
def test_first_and_second_derivative_of_det_at_every_rank(n: int, rank: int, complex: bool) -> None:
    x, v = low_rank(n, rank, complex), low_rank(n, n, complex)
    t = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(t)
        with tf.GradientTape() as inner:
            inner.watch(t)
            y = tf.linalg.det(t)
        g = inner.gradient(y, t)
    scale = max(1.0, float(np.max(np.abs(x)))) ** n
    np.testing.assert_allclose(g, np.conj(cofactors(x)), atol=1e-12 * scale)
    second = outer.gradient(g, t, output_gradients=tf.constant(v)).numpy()
    np.testing.assert_allclose(second, np.conj(cofactor_slope(x, v)), atol=1e-11 * scale)


def test_repeated_singular_values() -> None:
    """The cofactors of a multiple of the identity, whose singular vectors are not determined."""
    x = tf.constant(2.0 * np.eye(4))
    np.testing.assert_allclose(gradient(tf.linalg.det, 2.0 * np.eye(4)), 8.0 * np.eye(4))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.linalg.det(x)
        g = inner.gradient(y, x)
    v = RNG.standard_normal((4, 4))
    second = outer.gradient(g, x, output_gradients=tf.constant(v)).numpy()
    np.testing.assert_allclose(second, 4.0 * (np.trace(v) * np.eye(4) - v.T), atol=1e-12)


def test_ill_conditioned_cofactors() -> None:
    x = np.diag([1.0, 1e-3, 1e-12])
    np.testing.assert_allclose(
        np.diagonal(gradient(tf.linalg.det, x)), [1e-15, 1e-12, 1e-3], rtol=1e-9
    )


def third(x: Any) -> Any:
    with tf.GradientTape() as last:
        last.watch(x)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.linalg.det(x)
            g = inner.gradient(y, x)
        h = outer.gradient(g, x)
    return last.gradient(h, x)


def test_third_derivative_of_det() -> None:
    """It is written with the inverse: right where there is one, refused where there is none."""
    x = np.diag([2.0, 3.0, 5.0])
    assert third(tf.constant(x)).shape == (3, 3)
    ones = np.ones((3, 3))
    h = 1e-4
    slope = [cofactor_slope(x + s * ones, ones) for s in (h, -h)]
    third_of_all = np.sum((slope[0] - slope[1]) / (2 * h))
    assert np.sum(third(tf.constant(x))) == pytest.approx(third_of_all, abs=1e-6)
    with pytest.raises(Error, match="not invertible"):
        third(tf.constant(np.zeros((3, 3))))


def test_slogdet() -> None:
    x = RNG.standard_normal((3, 3))
    for m in (x, x + 1j * x[::-1]):
        sign, logarithm = tf.linalg.slogdet(m)
        assert sign.dtype == logarithm.dtype == tf.as_dtype(m.dtype)
        np.testing.assert_allclose(sign.numpy() * np.exp(logarithm.numpy()), np.linalg.det(m))
    grad = gradient(lambda m: tf.linalg.slogdet(m).log_abs_determinant, x)
    np.testing.assert_allclose(grad, np.linalg.inv(x).T)
    assert np.count_nonzero(gradient(lambda m: tf.linalg.slogdet(m).sign, x)) == 0


def test_slogdet_of_a_singular_matrix() -> None:
    sign, logarithm = tf.linalg.slogdet(np.zeros((2, 2)))
    assert (float(sign), float(logarithm)) == (0.0, -np.inf)
    with pytest.raises(Error, match="not invertible"):
        gradient(lambda m: tf.linalg.slogdet(m).log_abs_determinant, np.zeros((2, 2)))


def test_logdet() -> None:
    x = RNG.standard_normal((4, 3, 3))
    x = x @ x.swapaxes(-1, -2) + np.eye(3)
    np.testing.assert_allclose(tf.linalg.logdet(x), np.linalg.slogdet(x)[1])
    assert tf.linalg.logdet(x + 0j).dtype == tf.float64


def test_empty_determinants() -> None:
    assert float(tf.linalg.det(np.ones((0, 0)))) == 1.0
    assert tf.linalg.det(np.ones((0, 2, 2))).shape == (0,)
    assert gradient(tf.linalg.det, np.ones((0, 2, 2))).shape == (0, 2, 2)
    assert gradient(tf.linalg.det, np.ones((0, 0))).shape == (0, 0)


# functions of matrices


def test_expm_against_mpmath() -> None:
    for scale in (1e-3, 1.0, 20.0):
        x = scale * RNG.standard_normal((4, 4))
        want = np.array(mpmath.expm(mpmath.matrix(x)).tolist(), float)
        np.testing.assert_allclose(
            tf.linalg.expm(x), want, rtol=1e-11 * max(1, scale), atol=1e-13 * np.max(np.abs(want))
        )


def test_expm_of_a_rotation_and_its_derivative() -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    angle = tf.constant(np.float64(0.7))
    with tf.GradientTape() as outer:
        outer.watch(angle)
        with tf.GradientTape() as inner:
            inner.watch(angle)
            y = tf.linalg.trace(tf.linalg.expm(angle * tf.constant(turn)))
        g = inner.gradient(y, angle)
    assert float(y) == pytest.approx(2 * np.cos(0.7))
    assert float(g) == pytest.approx(-2 * np.sin(0.7))
    assert float(outer.gradient(g, angle)) == pytest.approx(-2 * np.cos(0.7))


def test_square_root_and_logarithm_undo_square_and_exponential() -> None:
    x = RNG.standard_normal((2, 3, 3)) * 0.3
    np.testing.assert_allclose(tf.linalg.logm(tf.linalg.expm(x)), x, atol=1e-12)
    p = np.eye(3) + x
    np.testing.assert_allclose(tf.linalg.sqrtm(p @ p), p, atol=1e-12)
    z = (p + 1j * x).astype(np.complex64)
    assert tf.linalg.logm(z).dtype == tf.complex64
    assert tf.linalg.sqrtm(p.astype(np.float32)).dtype == tf.float32


def test_defective_matrices() -> None:
    """A Jordan block has a root and a logarithm, with derivatives, though it has one eigenvector."""
    x = np.array([[4.0, 1.0], [0.0, 4.0]])
    np.testing.assert_allclose(tf.linalg.sqrtm(x), [[2.0, 0.25], [0.0, 2.0]])
    np.testing.assert_allclose(tf.linalg.logm(x), [[np.log(4.0), 0.25], [0.0, np.log(4.0)]])
    v, w = RNG.standard_normal((2, 2, 2))
    for function in (tf.linalg.sqrtm, tf.linalg.logm, tf.linalg.expm):
        grad = gradient(lambda m, f=function: tf.linalg.trace(tf.matmul(w, f(m))), x)
        slope = directional(lambda t, f=function: np.trace(w @ f(tf.constant(x + t * v)).numpy()))
        assert np.sum(grad * v) == pytest.approx(slope, rel=1e-7)


def test_matrices_without_a_real_result() -> None:
    with pytest.raises(Error, match=r"gradtape.sqrtm.*no real square root.*tf.cast"):
        tf.linalg.sqrtm(-np.eye(2))
    with pytest.raises(Error, match=r"gradtape.logm.*no real logarithm.*tf.cast"):
        tf.linalg.logm(np.diag([-1.0, 2.0]))
    np.testing.assert_allclose(tf.linalg.sqrtm(-np.eye(2) + 0j), 1j * np.eye(2))
    for x in (np.diag([1.0, 0.0]), np.full((2, 2), np.nan)):
        with pytest.raises(Error, match="gradtape.logm.*has no logarithm"):
            tf.linalg.logm(x)


def test_under_jit() -> None:
    x = np.eye(3) + 0.3 * RNG.standard_normal((2, 3, 3))
    for name in ("expm", "sqrtm", "logm", "det", "cofactors"):
        kernel = registry[name].kernel
        compiled = jax.jit(lambda m, k=kernel: k(xp_jax, m))
        np.testing.assert_allclose(
            compiled(jnp.asarray(x)), getattr(tf.linalg, name, tf.linalg.det)(x)
            if name != "cofactors" else cofactors(x), rtol=1e-9, atol=1e-12,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["det", "slogdet", "logdet", "expm", "sqrtm", "logm"])
def test_errors(name: str) -> None:
    function = getattr(tf.linalg, name)
    with pytest.raises(Error, match=rf"gradtape.{name}\(float64\[2, 3\]\).*square"):
        function(np.ones((2, 3)))
    with pytest.raises(Error, match=rf"gradtape.{name}.*needs float32.*tf.cast"):
        function([[1, 2], [3, 4]])
    with pytest.raises(Error, match=rf"gradtape.{name}.*matrices"):
        function(1.0)
    with pytest.raises(TypeError, match=f"gradtape.{name}"):
        function({"a": 1})
