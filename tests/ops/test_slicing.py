"""Slicing: NumPy's answers, derivatives, what is no index, and assignment to slices of variables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.batching import batch_call

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
KEYS = {
    "int": 1,
    "negative": -2,
    "slice": slice(1, None),
    "step": (slice(None), slice(None, None, 2)),
    "backwards": (slice(None), slice(None, None, -1)),
    "clipped": (slice(-9, 9), slice(2, 1)),
    "ellipsis": (Ellipsis, 0),
    "ellipsis-middle": (0, Ellipsis, slice(1, 3)),
    "ellipsis-full": (0, 1, 2, Ellipsis),
    "new-axis": (slice(None), None, 1, None),
    "numpy-int": np.int64(1),
    "element": (1, 2, 3),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_slice_and_its_derivative_are_numpys(key: Any) -> None:
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x[key]
        target = y * y
    assert y.shape == X[key].shape
    np.testing.assert_array_equal(y, X[key])
    expected = np.zeros_like(X)
    expected[key] = 2 * X[key]
    np.testing.assert_array_equal(tape.gradient(target, x), expected)


def test_tensors_as_indices_and_bounds() -> None:
    x = tf.constant(X)
    np.testing.assert_array_equal(x[tf.constant(1)], X[1])
    np.testing.assert_array_equal(x[:, tf.constant(1, tf.int64) :, tf.Variable(2)], X[:, 1:, 2])


@pytest.mark.parametrize("mask", [X > 5, X[:, :, 0] > 5, np.array([False, True])], ids=str)
def test_boolean_mask_as_index(mask: Any) -> None:
    x = tf.constant(X)
    np.testing.assert_array_equal(x[mask], X[mask])
    np.testing.assert_array_equal(x[tf.constant(mask)], X[mask])


def test_mask_sends_the_derivative_back_to_its_places() -> None:
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 3 * x[x > 5]
    np.testing.assert_array_equal(tape.gradient(y, x), 3.0 * (X > 5))


@pytest.mark.parametrize(
    "key", [1.0, "a", True, [0, 1], [True, False], np.array([0, 1]), tf.constant([0, 1]), tf.constant(1.0)],
    ids=lambda k: f"{type(k).__name__}-{k}",
)  # fmt: skip
def test_what_is_no_index_says_what_to_write(key: Any) -> None:
    with pytest.raises(TypeError, match=r"valid indices, got .*tf\.gather"):
        tf.constant(X)[key]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (5, "index 5 is out of bounds for axis 0 with size 2"),
        (-3, "index -3 is out of bounds"),
        ((0, 0, 0, 0), "too many indices"),
        (slice(None, None, 0), "step of a slice must not be zero"),
        ((Ellipsis, 0, Ellipsis), "more than one Ellipsis"),
    ],
)
def test_index_out_of_range(key: Any, text: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=text) as caught:
        tf.constant(X)[key]
    assert "__getitem__" in str(caught.value)


def test_batched_index() -> None:
    x = tf.constant(X[0])
    rows = tf.constant([2, 0, -1])
    (found,) = batch_call(lambda i: [x[i, 1:]], 3, [rows])
    np.testing.assert_array_equal(found, X[0][[2, 0, -1], 1:])
    (found,) = batch_call(lambda i: [x[:, i]], 2, [tf.constant([3, 1])])
    np.testing.assert_array_equal(found, X[0][:, [3, 1]].T)


# functions


def test_slice() -> None:
    np.testing.assert_array_equal(tf.slice(X, [0, 1, 0], [-1, 2, 3]), X[:, 1:3, :3])
    np.testing.assert_array_equal(tf.slice(X, [2, 0, 0], [0, 3, 4]), X[2:])


@pytest.mark.parametrize(
    ("begin", "size", "text"),
    [
        ([0, 0, 0], [3, 1, 1], r"begin\[0\] = 0 with size\[0\] = 3 is not inside \[0, 2\]"),
        ([-1, 0, 0], [1, 1, 1], "is not inside"),
        ([0, 0], [1, 1], "one number for each axis"),
    ],
)
def test_slice_outside(begin: Any, size: Any, text: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"gradtape\.slice\(.*{text}"):
        tf.slice(X, begin, size)


def test_strided_slice_masks() -> None:
    np.testing.assert_array_equal(tf.strided_slice(X, [0, 0], [2, 3], [1, 2]), X[:, ::2])
    shrunk = tf.strided_slice(X, [1, 1], [2, 9], shrink_axis_mask=1)
    np.testing.assert_array_equal(shrunk, X[1, 1:])
    widened = tf.strided_slice(X, [0, 1], [0, 2], new_axis_mask=1)
    np.testing.assert_array_equal(widened, X[None, 1:2])
    last = tf.strided_slice(X, [0, 1], [0, 3], ellipsis_mask=1)
    np.testing.assert_array_equal(last, X[..., 1:3])
    turned = tf.strided_slice(X, [-1], [0], [-1], end_mask=1)
    np.testing.assert_array_equal(turned, X[::-1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in length"):
        tf.strided_slice(X, [0, 1], [2])


# variables


def test_slice_of_a_variable_is_read_through_the_tape() -> None:
    v = tf.Variable(X[0])
    with tf.GradientTape() as tape:
        y = v[1:, 0] * 2.0
    expected = np.zeros((3, 4), np.float32)
    expected[1:, 0] = 2
    np.testing.assert_array_equal(tape.gradient(y, v), expected)


def test_assignment_to_slices() -> None:
    v = tf.Variable(X[0])
    expected = X[0].copy()
    assert v[1:, ::2].assign(np.full((2, 2), 9.0)) is v
    expected[1:, ::2] = 9
    np.testing.assert_array_equal(v, expected)
    v[0].assign(3.0)
    v[0, 1].assign_add(4.0)
    v[:, -1].assign_sub([1.0, 2.0, 3.0])
    expected[0] = 3
    expected[0, 1] += 4
    expected[:, -1] -= [1, 2, 3]
    np.testing.assert_array_equal(v, expected)


def test_assignment_uses_the_present_value() -> None:
    v = tf.Variable([1.0, 2.0])
    part = v[:1]
    v.assign([10.0, 20.0])
    part.assign_add([1.0])
    np.testing.assert_array_equal(v, [11.0, 20.0])
    np.testing.assert_array_equal(part, [1.0])


def test_assignment_that_does_not_fit() -> None:
    v = tf.Variable(X[0], name="table")
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not fit the slice.*'table:0'"):
        v[0].assign(np.zeros(3, np.float32))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"tf\.cast"):
        v[0].assign(tf.zeros(4, tf.float64))
    np.testing.assert_array_equal(v, X[0])


def test_slice_of_a_variable_is_a_tensor_for_operations() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])
    part = v[1:]
    assert isinstance(part, tf.Tensor)
    np.testing.assert_array_equal(tf.concat([part, part * part], 0), [2, 3, 4, 9])
