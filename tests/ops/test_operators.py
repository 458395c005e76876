"""Python's operators on tensors and variables: each one, reflected, with numbers, arrays and lists."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import gradtape as tf

A = np.array([7.0, -7.0, 2.5], np.float32)
B = np.array([2.0, 3.0, -4.0], np.float32)
N = np.array([7, -7, 6], np.int32)
M = np.array([2, 3, -4], np.int32)
MAKERS = {"tensor": tf.constant, "variable": tf.Variable}
ARITHMETIC = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
]  # fmt: skip
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
by_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@by_maker
@pytest.mark.parametrize("op", ARITHMETIC + COMPARISONS, ids=lambda op: op.__name__)
def test_arithmetic_and_comparison(op: Any, make: Any) -> None:
    x, y = make(A), make(B)
    np.testing.assert_allclose(op(x, y), op(A, B), rtol=1e-6)
    np.testing.assert_allclose(op(x, 2), op(A, np.float32(2)), rtol=1e-6)
    np.testing.assert_allclose(op(x, B), op(A, B), rtol=1e-6)
    np.testing.assert_allclose(op(x, B.tolist()), op(A, B), rtol=1e-6)
    np.testing.assert_allclose(op(2, y), op(np.float32(2), B), rtol=1e-6)
    np.testing.assert_allclose(op(A, y), op(A, B), rtol=1e-6)
    np.testing.assert_allclose(op(A.tolist(), y), op(A, B), rtol=1e-6)
    np.testing.assert_allclose(op(np.float64(2), y), op(np.float32(2), B), rtol=1e-6)
    assert isinstance(op(A, y), tf.Tensor)


@by_maker
def test_unary(make: Any) -> None:
    x = make(A)
    np.testing.assert_array_equal(-x, -A)
    np.testing.assert_array_equal(abs(x), abs(A))
    np.testing.assert_array_equal(+x, A)
    np.testing.assert_array_equal(~make(N), ~N)
    np.testing.assert_array_equal(~make(A > 0), ~(A > 0))


@by_maker
def test_powers_and_products(make: Any) -> None:
    np.testing.assert_allclose(make(A) ** 2, A**2)
    np.testing.assert_allclose(2.0 ** make(B), 2.0**B)
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(make(matrix) @ make(matrix.T), matrix @ matrix.T)
    np.testing.assert_array_equal(matrix @ make(matrix.T), matrix @ matrix.T)
    np.testing.assert_array_equal(matrix.tolist() @ make(matrix.T), matrix @ matrix.T)


@by_maker
def test_integers_divide_as_python(make: Any) -> None:
    np.testing.assert_array_equal(make(N) // make(M), N // M)
    np.testing.assert_array_equal(make(N) % make(M), N % M)
    quotient, remainder = divmod(make(N), make(M))
    np.testing.assert_array_equal(quotient * M + remainder, N)
    assert (make(N) / make(M)).dtype == tf.float64


@by_maker
@pytest.mark.parametrize(
    "op", [operator.and_, operator.or_, operator.xor], ids=lambda op: op.__name__
)
def test_logic_and_bits(op: Any, make: Any) -> None:
    np.testing.assert_array_equal(op(make(A > 0), make(B > 0)), op(A > 0, B > 0))
    np.testing.assert_array_equal(op(make(N), make(M)), op(N, M))
    np.testing.assert_array_equal(op(make(N), 5), op(N, 5))
    np.testing.assert_array_equal(op(5, make(N)), op(5, N))
    np.testing.assert_array_equal(op(True, make(A > 0)), op(True, A > 0))


def test_logic_of_floats_says_what_to_write() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"&.*\(x > 0\) & \(x < 1\)"):
        tf.constant(A) & tf.constant(A)


@by_maker
def test_comparison_with_none(make: Any) -> None:
    x = make(A)
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    with pytest.raises(ValueError, match="None is no tensor"):
        x < None  # noqa: B015


def test_mixed_dtypes_are_refused_with_the_cast() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"float32 and int32.*tf\.cast"):
        tf.constant(A) + tf.constant(N)
    with pytest.raises(TypeError, match="without loss"):
        tf.constant(N) + 1.5
    with pytest.raises(TypeError, match="cannot become a tensor"):
        tf.constant(A) + "a"


def test_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not broadcast"):
        tf.constant(A) == tf.zeros(2)  # noqa: B015


@by_maker
def test_iteration_gives_slices_and_is_differentiable(make: Any) -> None:
    x = make(np.arange(6, dtype=np.float32).reshape(3, 2))
    with tf.GradientTape() as tape:
        if make is tf.constant:
            tape.watch(x)
        first, _, last = x
        y = first * 2.0 + last * last
    np.testing.assert_array_equal(tape.gradient(y, x), [[2, 2], [0, 0], [8, 10]])


def test_iteration_over_a_scalar_and_over_nothing() -> None:
    assert list(tf.zeros([0, 3])) == []
    with pytest.raises(TypeError, match="Cannot iterate over a scalar tensor"):
        iter(tf.constant(1.0))


def test_tensors_are_not_hashable() -> None:
    for value in (tf.constant(A), tf.Variable(A)):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


def test_reflected_operators_are_differentiable() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 6.0 / x + 2.0**x + (1.0 - x) + 7.0 % x + abs(-x)
    expected = -6 / np.array([1, 4]) + np.log(2) * np.array([2, 4]) - 1 - np.array([7, 3]) + 1
    np.testing.assert_allclose(tape.gradient(y, x), expected, rtol=1e-6)


def test_sparse_read_and_gather_nd_of_a_variable() -> None:
    v = tf.Variable(np.arange(6, dtype=np.float32).reshape(3, 2))
    with tf.GradientTape() as tape:
        y = v.sparse_read([2, 0, 2])
    gradient = tape.gradient(y, v)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, [2, 0, 2])
    np.testing.assert_array_equal(v.gather_nd([[0, 1], [2, 0]]), [1, 4])
