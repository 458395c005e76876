"""Einstein's notation and tensordot: TensorFlow's conventions, derivatives, errors."""

from __future__ import annotations

import numpy as np
import pytest

import gradtape as tf
from gradtape.ops.einsum import _path

RNG = np.random.default_rng(1)


def draw(*shapes: tuple[int, ...], complex: bool = False) -> list[np.ndarray]:
    return [
        RNG.standard_normal(s) + (1j * RNG.standard_normal(s) if complex else 0) for s in shapes
    ]


EQUATIONS = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ji", [(2, 3)]),
    ("ba,bc", [(2, 3), (2, 4)]),
    ("ii->", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iij->j", [(3, 3, 2)]),
    ("iijj->ij", [(3, 3, 2, 2)]),
    ("iii->i", [(3, 3, 3)]),
    ("ij->", [(2, 3)]),
    ("i,j->ij", [(2,), (3,)]),
    ("i,i->", [(3,), (3,)]),
    (",i->i", [(), (3,)]),
    ("ij,kl->", [(2, 3), (4, 2)]),
    ("ijk,k->ij", [(2, 3, 4), (4,)]),
    ("ii,ij->j", [(3, 3), (3, 2)]),
    ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ("...ij,...jk->...ik", [(5, 1, 2, 3), (4, 3, 2)]),
    ("...i->i...", [(2, 3, 4)]),
    ("...,...->...", [(3,), (2, 1)]),
    ("i...,j...->ij...", [(2, 4), (3, 4)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 2)]),
    ("ab,bc,cd,de->ae", [(2, 9), (9, 2), (2, 9), (9, 3)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("a,b,c->abc", [(2,), (3,), (4,)]),
    ("aB,Bc -> ac", [(2, 3), (3, 4)]),
    ("ij,jk->ik", [(0, 3), (3, 2)]),
    ("ij,jk->ik", [(2, 0), (0, 3)]),
]


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("equation, shapes", EQUATIONS)
def test_value_and_gradient(equation: str, shapes: list[tuple[int, ...]], complex: bool) -> None:
    arrays = draw(*shapes, complex=complex)
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        out = tf.einsum(equation, *tensors)
    plain = equation.replace(" ", "")
    np.testing.assert_allclose(out, np.einsum(plain, *arrays), rtol=1e-10, atol=1e-12)
    (w,) = draw(tuple(out.shape), complex=complex)
    grads = tape.gradient(out, tensors, output_gradients=tf.constant(w))
    for i, array in enumerate(arrays):
        (v,) = draw(array.shape, complex=complex)
        moved = np.einsum(plain, *[v if i == j else a for j, a in enumerate(arrays)])
        np.testing.assert_allclose(
            np.real(np.vdot(grads[i], v)), np.real(np.vdot(w, moved)), rtol=1e-9, atol=1e-11
        )


def test_second_derivative_of_a_trace() -> None:
    x = tf.constant(draw((3, 3))[0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.einsum("ij,jk,ki->", x, x, x)
        grad = inner.gradient(y, x)
    m = np.asarray(x)
    np.testing.assert_allclose(grad, 3 * (m @ m).T)
    second = outer.gradient(grad, x, output_gradients=tf.constant(np.eye(3)))
    np.testing.assert_allclose(second, 6 * m.T)


def test_diagonal_does_not_see_what_lies_beside_it() -> None:
    x = np.array([[1.0, np.nan], [np.inf, 2.0]])
    assert tf.einsum("ii->i", x).numpy().tolist() == [1.0, 2.0]


def test_contraction_order_is_the_cheap_one() -> None:
    path = _path(["ab", "bc", "cd"], "ad", {"a": 2, "b": 1000, "c": 1000, "d": 1000})
    assert path == [(0, 1), (0, 1)]
    path = _path(["ab", "bc", "cd"], "ad", {"a": 1000, "b": 1000, "c": 1000, "d": 2})
    assert path == [(1, 2), (0, 1)]


@pytest.mark.parametrize(
    "equation, shapes, error, text",
    [
        ("i->ii", [(2,)], ValueError, "appearing more than once"),
        ("ij->iz", [(2, 3)], ValueError, "label z not present"),
        ("ij,jk->ik", [(2, 3)], ValueError, "Got 1 inputs .* expecting 2"),
        ("i1->i", [(2, 3)], ValueError, "no term"),
        (
            "ij,jk->ik",
            [(2, 3), (2, 3)],
            tf.errors.InvalidArgumentError,
            "label 'j' has size 3 and 2",
        ),
        ("i,i->i", [(1,), (3,)], tf.errors.InvalidArgumentError, "label 'i' has size 1 and 3"),
        ("ijk->i", [(2, 3)], tf.errors.InvalidArgumentError, "which has 2 axes"),
        ("...i->i", [(2, 3)], tf.errors.InvalidArgumentError, "result has none"),
        (
            "...i,...i->...",
            [(2, 3), (4, 3)],
            tf.errors.InvalidArgumentError,
            "axis of ... has size",
        ),
    ],
)
def test_errors(equation: str, shapes: list, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        tf.einsum(equation, *[tf.constant(a) for a in draw(*shapes)])


def test_errors_of_types() -> None:
    with pytest.raises(TypeError, match="must be a string"):
        tf.einsum(tf.constant([1.0]), "i->")
    with pytest.raises(TypeError, match="unknown keywords"):
        tf.einsum("i->", [1.0], axis=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtypes differ"):
        tf.einsum("i,i->", tf.constant([1.0]), tf.constant([1.0], tf.float64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="numeric"):
        tf.einsum("i->", tf.constant([True]))


def test_integers() -> None:
    a = np.arange(6, dtype=np.int32).reshape(2, 3)
    out = tf.einsum("ij,kj->ik", a, a)
    assert out.dtype == tf.int32
    assert out.numpy().tolist() == (a @ a.T).tolist()


@pytest.mark.parametrize(
    "axes", [0, 1, 2, [[1], [0]], [1, 0], [[0, 1], [1, 0]], [[-1], [0]], [[], []]]
)
def test_tensordot(axes: object) -> None:
    a, b = draw((3, 3), (3, 3))
    np.testing.assert_allclose(tf.tensordot(a, tf.constant(b), axes), np.tensordot(a, b, axes))
    given = tf.constant(axes) if axes in ([1, 0], [[1], [0]]) else axes
    np.testing.assert_allclose(tf.tensordot(a, b, given), np.tensordot(a, b, axes))


def test_tensordot_of_a_scalar_and_errors() -> None:
    a, b = draw((2, 3), (4, 5))
    assert tf.tensordot(2.0, tf.constant(a, tf.float32), 0).shape == (2, 3)
    for axes, text in [
        (-1, "at least 0"),
        (3, "exceeds"),
        ([[0]], "pair"),
        ([[0, 1], [1]], "umber"),
    ]:
        with pytest.raises(ValueError, match=text):
            tf.tensordot(a, b, axes)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"float64\[2, 3\].*axis 0 of a"):
        tf.tensordot(a, b, [[0], [0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="no such axis"):
        tf.tensordot(a, b, [[5], [0]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtypes differ"):
        tf.tensordot(tf.constant(a), tf.constant(b, tf.float32), 0)
