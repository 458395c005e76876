"""Matrix products under their public names: transposes, dtypes, shapes, errors, what BLAS is given."""

from __future__ import annotations

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(0)
A = RNG.standard_normal((2, 3))
B = RNG.standard_normal((3, 4))
Z = RNG.standard_normal((2, 3)) + 1j * RNG.standard_normal((2, 3))


def test_transposes_and_adjoints() -> None:
    for transposed in (False, True):
        for which in ("transpose_a", "adjoint_a"):
            a = np.conj(Z.T) if which == "adjoint_a" else Z.T
            out = tf.matmul(tf.constant(a if transposed else Z), B + 0j, **{which: transposed})
            np.testing.assert_allclose(out, Z @ B, rtol=1e-12)
    np.testing.assert_allclose(tf.matmul(A, tf.constant(B.T), transpose_b=True), A @ B)
    np.testing.assert_allclose(tf.matmul(Z, tf.constant(np.conj(B.T) + 0j), adjoint_b=True), Z @ B)


def test_transpose_and_adjoint_together_are_refused() -> None:
    with pytest.raises(ValueError, match="only one of transpose_a and adjoint_a"):
        tf.matmul(tf.constant(A), tf.constant(A), transpose_a=True, adjoint_a=True)


@pytest.mark.parametrize(
    "left, right",
    [((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((0, 2, 3), (3, 4))],
)
def test_leading_axes_broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = RNG.standard_normal(left), RNG.standard_normal(right)
    x, y = tf.constant(a), tf.constant(b)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        out = tf.matmul(x, y)
    expected = np.matmul(a, b)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    w = RNG.standard_normal(expected.shape)
    grads = tape.gradient(out, [x, y], output_gradients=tf.constant(w))
    lead = "".join("uvw"[: expected.ndim - 2])
    full_a = np.broadcast_to(a, (*expected.shape[:-2], *left[-2:]))
    full_b = np.broadcast_to(b, (*expected.shape[:-2], *right[-2:]))
    want_a = np.einsum(f"{lead}ik,{lead}jk->{lead}ij", w, full_b)
    want_b = np.einsum(f"{lead}ji,{lead}jk->{lead}ik", full_a, w)
    for grad, want, shape in ((grads[0], want_a, left), (grads[1], want_b, right)):
        extra = want.ndim - len(shape)
        want = want.sum(tuple(range(extra)))
        ones = tuple(i for i, n in enumerate(shape) if n == 1 and want.shape[i] != 1)
        np.testing.assert_allclose(grad, want.sum(ones, keepdims=True), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("columns", [0, 1, 2, 7, 8, 9])
@pytest.mark.parametrize("lead", [((5,), (5,)), ((5,), ()), ((), (5,)), ((5, 1), (6,))])
def test_stacks_of_outer_products(columns: int, lead: tuple[tuple[int, ...], ...]) -> None:
    a, b = RNG.standard_normal((*lead[0], 3, 1)), RNG.standard_normal((*lead[1], 1, columns))
    np.testing.assert_allclose(tf.matmul(a, b), np.einsum("...ik,...kj->...ij", a, b), rtol=1e-12)


def test_integers_and_sixteen_bits() -> None:
    a = np.array([[200, 100], [7, 9]], np.int32)
    assert tf.matmul(tf.constant(a), tf.constant(a)).numpy().tolist() == (a @ a).tolist()
    small = tf.constant(a - 100, tf.int8)
    out = tf.matmul(small, small, output_type=tf.int32)
    assert out.dtype == tf.int32
    assert out.numpy().tolist() == ((a - 100) @ (a - 100)).tolist()
    x = RNG.standard_normal((40, 300))
    for dtype in (tf.float16, tf.bfloat16):
        rounded = tf.constant(x, dtype)
        out = tf.matmul(rounded, rounded, transpose_b=True)
        assert out.dtype == dtype
        wide = np.asarray(rounded).astype(np.float64)
        step = 2.0**-10 if dtype == tf.float16 else 2.0**-7
        np.testing.assert_allclose(
            np.asarray(out).astype(np.float64), wide @ wide.T, rtol=step, atol=step
        )


def test_large_products_of_integers_are_exact() -> None:
    for dtype, high in ((np.int32, 2**31), (np.int64, 2**40), (np.int8, 2**7), (np.uint8, 2**8)):
        a = RNG.integers(-high if np.dtype(dtype).kind == "i" else 0, high, (40, 40)).astype(dtype)
        out = tf.matmul(tf.constant(a), tf.constant(a)).numpy()
        assert out.dtype == dtype
        np.testing.assert_array_equal(out, a @ a)


def test_output_type_is_for_bytes() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"output_type .*tf\.cast"):
        tf.matmul(tf.constant(A), tf.constant(B), output_type=tf.int32)


def test_errors_show_both_shapes_and_a_remedy() -> None:
    x = tf.constant(A)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"float64\[2, 3\].*float64\[2, 3\].*3 c.*2 r.*transpose_b",
    ):
        tf.matmul(x, x)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.matmul.*tf.linalg.matvec"):
        tf.matmul(x, tf.constant(B[:, 0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"dtypes differ.*tf.cast"):
        tf.matmul(x, tf.constant(B, tf.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.matmul.*numeric"):
        tf.matmul(tf.constant([[True]]), tf.constant([[True]]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"leading axes \[2\] and \[3\]"):
        tf.matmul(tf.constant(np.ones((2, 2, 2))), tf.constant(np.ones((3, 2, 2))))
    with pytest.raises(TypeError, match="gradtape.matmul"):
        tf.matmul(x, "text")
    with pytest.raises(ValueError, match="gradtape.matmul"):
        tf.matmul(None, x)


def test_a_list_takes_the_dtype_of_the_tensor() -> None:
    out = [[1.0, 2.0, 3.0]] @ tf.constant(B, tf.float32)
    assert out.dtype == tf.float32


def test_gradients_use_transposed_views() -> None:
    """A weight that lies transposed in memory is multiplied without a copy of it."""
    w = tf.constant(B)
    turned = tf.linalg.matrix_transpose(w)
    assert np.shares_memory(np.asarray(turned), np.asarray(w))


def test_dense_layer_keeps_no_more_than_it_needs() -> None:
    x, w = tf.constant(A), tf.constant(B)
    with tf.GradientTape() as tape:
        tape.watch(w)
        out = tf.matmul(x, w)
    kept = out._node.inputs
    assert kept[0] is x
    assert kept[1] is None
    np.testing.assert_allclose(tape.gradient(out, w), A.T @ np.ones((2, 4)))


def test_matvec() -> None:
    v = RNG.standard_normal((5, 3))
    np.testing.assert_allclose(tf.linalg.matvec(A, tf.constant(v[0])), A @ v[0])
    np.testing.assert_allclose(tf.linalg.matvec(A, tf.constant(v)), v @ A.T)
    w = tf.constant(Z[:, 0])
    np.testing.assert_allclose(tf.linalg.matvec(Z, w, adjoint_a=True), np.conj(Z.T) @ Z[:, 0])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.matvec.*tensordot"):
        tf.linalg.matvec(tf.constant([1.0]), tf.constant([1.0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="3 columns of a do not fit 2 rows"):
        tf.linalg.matvec(tf.constant(A), tf.constant([1.0, 2.0], tf.float64))


def test_adjoint_and_transpose() -> None:
    np.testing.assert_array_equal(tf.linalg.adjoint(Z), np.conj(Z.T))
    np.testing.assert_array_equal(tf.linalg.matrix_transpose(Z), Z.T)
    np.testing.assert_array_equal(tf.linalg.matrix_transpose(Z, conjugate=True), np.conj(Z.T))
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.adjoint.*newaxis"):
        tf.linalg.adjoint([1.0, 2.0])


def test_cross() -> None:
    a, b = RNG.standard_normal((2, 4, 3))
    np.testing.assert_allclose(tf.linalg.cross(a, b), np.cross(a, b), rtol=1e-12)
    assert tf.linalg.cross([1, 2, 3], [4, 5, 6]).numpy().tolist() == [-3, 6, -3]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.cross.*\(\.\.\., 3\)"):
        tf.linalg.cross([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="real"):
        tf.linalg.cross([1j, 0j, 0j], [1j, 0j, 0j])


def test_kron() -> None:
    np.testing.assert_allclose(tf.linalg.kron(A, B), np.kron(A, B))
    many = RNG.standard_normal((5, 2, 3))
    np.testing.assert_allclose(tf.linalg.kron(many, B).numpy()[3], np.kron(many[3], B))
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.kron.*newaxis"):
        tf.linalg.kron([1.0], [1.0])
