"""Tridiagonal and banded matrices: all formats, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(4)
UPPER, MIDDLE, LOWER = RNG.standard_normal(4), RNG.standard_normal(4) + 5, RNG.standard_normal(4)
DENSE = np.diag(UPPER[:-1], 1) + np.diag(MIDDLE) + np.diag(LOWER[1:], -1)
FORMATS = {
    "compact": np.stack([UPPER, MIDDLE, LOWER]),
    "sequence": (UPPER[:-1], MIDDLE, LOWER[1:]),
    "matrix": DENSE,
}
RHS = RNG.standard_normal((4, 2))
Error = tf.errors.InvalidArgumentError


@pytest.mark.parametrize("form", FORMATS)
def test_formats(form: str) -> None:
    given = FORMATS[form]
    out = tf.linalg.tridiagonal_matmul(given, RHS, diagonals_format=form)
    np.testing.assert_allclose(out, DENSE @ RHS)
    out = tf.linalg.tridiagonal_solve(given, RHS, diagonals_format=form)
    np.testing.assert_allclose(DENSE @ out.numpy(), RHS)


def test_vectors_transposes_and_conjugates() -> None:
    compact = FORMATS["compact"]
    out = tf.linalg.tridiagonal_solve(compact, RHS[:, 0])
    np.testing.assert_allclose(DENSE @ out.numpy(), RHS[:, 0])
    out = tf.linalg.tridiagonal_solve(compact, RHS.T.copy(), transpose_rhs=True)
    np.testing.assert_allclose(DENSE @ out.numpy(), RHS)
    z = RHS + 1j * RHS[::-1]
    out = tf.linalg.tridiagonal_solve(compact + 0j, z, conjugate_rhs=True)
    np.testing.assert_allclose(DENSE @ out.numpy(), np.conj(z))


def test_ignored_corners_have_no_gradient() -> None:
    x = tf.constant(FORMATS["compact"])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        product = tf.linalg.tridiagonal_matmul(x, RHS)
        solution = tf.linalg.tridiagonal_solve(x, RHS)
    for out in (product, solution):
        grad = tape.gradient(out, x).numpy()
        assert grad[0, -1] == 0
        assert grad[2, 0] == 0
        assert np.all(grad[1] != 0)


def test_gradient_as_the_dense_one() -> None:
    x = tf.constant(DENSE)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        banded = tf.linalg.tridiagonal_solve(x, RHS, diagonals_format="matrix")
        dense = tf.linalg.solve(x, RHS)
    expected = tape.gradient(dense, x).numpy()
    band = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) <= 1
    np.testing.assert_allclose(tape.gradient(banded, x), expected * band, atol=1e-14)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_banded_triangular_solve(lower: bool, count: int) -> None:
    dense = RNG.standard_normal((4, 4)) + 4 * np.eye(4)
    i, j = np.indices((4, 4))
    keep = (i >= j) & (i - j < count) if lower else (i <= j) & (j - i < count)
    dense = np.where(keep, dense, 0)
    bands = np.zeros((count, 4))
    for row in range(count):
        k = -row if lower else count - 1 - row
        found = np.diagonal(dense, k)
        if lower:
            bands[row, row:] = found
        else:
            bands[row, : len(found)] = found
    for adjoint in (False, True):
        out = tf.linalg.banded_triangular_solve(bands, RHS, lower=lower, adjoint=adjoint)
        whole = dense.T if adjoint else dense
        np.testing.assert_allclose(whole @ out.numpy(), RHS, atol=1e-12)


def test_eigh_tridiagonal() -> None:
    alpha, beta = RNG.standard_normal(5), RNG.standard_normal(4)
    dense = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
    want = np.linalg.eigvalsh(dense)
    np.testing.assert_allclose(tf.linalg.eigh_tridiagonal(alpha, beta), want)
    values, vectors = tf.linalg.eigh_tridiagonal(alpha, beta, eigvals_only=False)
    np.testing.assert_allclose(
        dense @ vectors.numpy(), vectors.numpy() * values.numpy(), atol=1e-12
    )
    some = tf.linalg.eigh_tridiagonal(alpha, beta, select="i", select_range=(1, 3))
    np.testing.assert_allclose(some, want[1:4])
    some = tf.linalg.eigh_tridiagonal(
        alpha, beta, select="v", select_range=(want[0] + 1e-9, want[2])
    )
    np.testing.assert_allclose(some, want[1:3])
    z = beta * np.exp(1j)
    np.testing.assert_allclose(tf.linalg.eigh_tridiagonal(alpha + 0j, z), want)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: tf.linalg.tridiagonal_solve(np.ones((2, 4)), RHS), Error, r"\(\.\.\., 3, n\)"),
        (lambda: tf.linalg.tridiagonal_solve(np.ones((3, 5)), RHS), Error, r"\(\.\.\., 5, k\)"),
        (lambda: tf.linalg.tridiagonal_solve(DENSE, RHS, "dense"), ValueError, "compact, sequence"),
        (lambda: tf.linalg.tridiagonal_matmul([MIDDLE], RHS, "sequence"), Error, "three diagonals"),
        (lambda: tf.linalg.tridiagonal_matmul(np.ones((3, 4)), RHS, "matrix"), Error, "square"),
        (lambda: tf.linalg.banded_triangular_solve(np.ones((5, 4)), RHS), Error, "1 to 4"),
        (lambda: tf.linalg.eigh_tridiagonal(MIDDLE, UPPER), Error, "one element less"),
        (
            lambda: tf.linalg.eigh_tridiagonal(MIDDLE, UPPER[1:], select="x"),
            ValueError,
            "a, i or v",
        ),
        (
            lambda: tf.linalg.eigh_tridiagonal(MIDDLE, UPPER[1:], select="i", select_range=(0, 9)),
            Error,
            "select_range",
        ),
        (
            lambda: tf.linalg.tridiagonal_solve(np.ones((3, 4)), RHS, perturb_singular=True),
            tf.errors.UnimplementedError,
            "Add a small number",
        ),
    ],
)
def test_errors(call: object, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call()  # type: ignore[operator]
