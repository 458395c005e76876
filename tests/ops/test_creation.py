"""Tensors from numbers and shapes as tensors: TensorFlow's dtypes, NumPy's values, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_zeros_and_ones() -> None:
    for function, value in ((tf.zeros, 0), (tf.ones, 1)):
        x = function([2, 3])
        assert (x.shape, x.dtype) == ((2, 3), tf.float32)
        assert (x.numpy() == value).all()
        assert function(3, tf.int32).dtype == tf.int32
        assert function([], "float64").shape == ()
        assert function(tf.constant([2, 0])).shape == (2, 0)
        assert function([tf.constant(2), 1]).shape == (2, 1)
    for function, value in ((tf.zeros_like, 0), (tf.ones_like, 1)):
        x = function(X)
        assert (x.shape, x.dtype) == ((2, 3), tf.float32)
        assert (x.numpy() == value).all()
        assert function([1, 2]).dtype == tf.int32
        assert function(X, dtype=tf.bool).dtype == tf.bool


def test_fill_is_differentiable_in_its_value() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.fill([2, 3], v)
    np.testing.assert_array_equal(y, np.full((2, 3), 2.0))
    assert float(tape.gradient(y, v)) == 6
    assert tf.fill([2], 3).dtype == tf.int32


RANGES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...], Any]] = {
    "limit": ((5,), (0, 5, 1), tf.int32),
    "start": ((3, 18, 3), (3, 18, 3), tf.int32),
    "down": ((5, 0, -2), (5, 0, -2), tf.int32),
    "float": ((0.0, 1, 0.25), (0, 1, 0.25), tf.float32),
    "float-limit": ((2, 3.5), (2, 3.5, 1), tf.float32),
    "float-down": ((1.0, 0.0, -0.25), (1, 0, -0.25), tf.float32),
    "long": ((tf.constant(3, tf.int64), 5), (3, 5, 1), tf.int64),
    "wide": ((np.float64(0), 2.0), (0, 2, 1), tf.float64),
    "nothing": ((2, 2), (2, 2, 1), tf.int32),
}


@pytest.mark.parametrize("name", RANGES)
def test_range(name: str) -> None:
    arguments, numpys, dtype = RANGES[name]
    found = tf.range(*arguments)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.arange(*numpys))


def test_range_in_a_dtype() -> None:
    assert tf.range(3, dtype=tf.float64).dtype == tf.float64
    assert tf.range(0, 3, dtype=tf.int64).dtype == tf.int64
    big = tf.range(tf.constant(2**60, tf.int64), 2**60 + 3)
    np.testing.assert_array_equal(big, 2**60 + np.arange(3))


@pytest.mark.parametrize("num", [0, 1, 2, 7])
def test_linspace(num: int) -> None:
    np.testing.assert_allclose(
        tf.linspace(tf.constant(-1.0, tf.float64), 3.0, num), np.linspace(-1, 3, num), rtol=1e-15
    )


def test_linspace_ends_axis_and_derivative() -> None:
    start, stop = tf.constant([0.1, 1.0]), tf.constant([0.7, 1e30])
    with tf.GradientTape() as tape:
        tape.watch([start, stop])
        y = tf.linspace(start, stop, 4, axis=-1)
    assert y.shape == (2, 4)
    np.testing.assert_array_equal(y[:, 0], start)
    np.testing.assert_array_equal(y[:, -1], stop)
    for given in tape.gradient(y, [start, stop]):
        np.testing.assert_allclose(given, [2, 2], rtol=1e-6)
    assert tf.linspace(0, 10, 5).dtype == tf.float64


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_one_hot(axis: Any) -> None:
    indices = np.array([[0, 2], [-1, 5]])
    rows = np.zeros((2, 2, 3), np.float32)
    rows[0, 0, 0] = rows[0, 1, 2] = 1
    place = -1 if axis is None else axis
    np.testing.assert_array_equal(tf.one_hot(indices, 3, axis=axis), np.moveaxis(rows, -1, place))


def test_one_hot_values() -> None:
    found = tf.one_hot([1], 3, on_value=5, off_value=1)
    assert found.dtype == tf.int32
    np.testing.assert_array_equal(found, [[1, 5, 1]])
    assert tf.one_hot([1], 3, True, False).dtype == tf.bool
    assert tf.one_hot([1], 3, dtype=tf.float64).dtype == tf.float64
    np.testing.assert_array_equal(tf.one_hot([1], 2, on_value=3.0), [[0, 3]])
    assert tf.one_hot(1, 0).shape == (0,)
    many = tf.one_hot(np.array([200], np.uint8), 300)
    assert many.shape == (1, 300)
    assert int(tf.argmax(many, 1)[0]) == 200


def test_one_hot_is_differentiable_in_its_values() -> None:
    on, off = tf.Variable(2.0), tf.Variable(-1.0)
    with tf.GradientTape() as tape:
        y = tf.one_hot([0, 1], 3, on_value=on, off_value=off)
    assert [float(g) for g in tape.gradient(y, [on, off])] == [2, 4]


def test_shapes_as_tensors() -> None:
    x = tf.constant(X)
    assert tf.shape(x).numpy().tolist() == [2, 3]
    assert tf.shape(x).dtype == tf.int32
    assert tf.shape(x, out_type=tf.int64).dtype == tf.int64
    assert tf.shape(1.0).shape == (0,)
    assert [s.numpy().tolist() for s in tf.shape_n([x, [1]])] == [[2, 3], [1]]
    assert int(tf.size(x)) == 6
    assert tf.size(x, tf.int64).dtype == tf.int64
    assert int(tf.rank(x)) == 2
    np.testing.assert_array_equal(tf.reshape(x, tf.shape(tf.transpose(x))), X.reshape(3, 2))


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "zeros": (lambda: tf.zeros([-1]), ValueError, "negative size"),
    "zeros-float": (lambda: tf.zeros([2.5]), TypeError, "must be an integer"),
    "zeros-huge": (lambda: tf.zeros([2**40, 2**40]), MemoryError, "does not fit in memory"),
    "ones": (lambda: tf.ones([2**62]), MemoryError, "does not fit in memory"),
    "fill": (lambda: tf.fill([2], [1.0, 2.0]), ValueError, r"scalar, not float32\[2\].*broadcast_to"),
    "range": (lambda: tf.range(0, 10, 0), ValueError, "delta != 0"),
    "range-away": (lambda: tf.range(5, 0), ValueError, "start <= limit"),
    "range-nan": (lambda: tf.range(float("nan")), ValueError, "finite"),
    "range-vector": (lambda: tf.range([1, 2]), ValueError, r"limit must be a real scalar, not int32\[2\]"),
    "range-huge": (lambda: tf.range(2**50, dtype=tf.int64), MemoryError, "does not fit in memory"),
    "linspace": (lambda: tf.linspace(0.0, [1.0], 3), ValueError, r"linspace\(float32\[\], float32\[1\], 3\)"),
    "linspace-minus": (lambda: tf.linspace(0.0, 1.0, -1), ValueError, "num must not be negative"),
    "linspace-axis": (lambda: tf.linspace(0.0, 1.0, 2, axis=2), ValueError, "places for a new axis"),
    "one_hot": (lambda: tf.one_hot([0], -1), ValueError, "depth must be non-negative, got: -1"),
    "one_hot-float": (lambda: tf.one_hot([0.5], 2), ValueError, "integers are needed"),
    "one_hot-dtypes": (lambda: tf.one_hot([0], 2, 5.0, 1), TypeError, "off_value.*does not match float32"),
    "one_hot-vector": (lambda: tf.one_hot([0], 2, [1.0]), ValueError, "on_value must be a scalar"),
    "shape": (lambda: tf.shape(X, out_type=tf.float32), ValueError, "integer type"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_remedy(name: str) -> None:
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        call()
    assert f"gradtape.{name.partition('-')[0]}" in str(caught.value)
