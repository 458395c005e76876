"""Diagonals and bands under their public names, by TensorFlow's documented examples."""

from __future__ import annotations

import numpy as np
import pytest

import gradtape as tf

M = np.arange(12).reshape(3, 4)
RNG = np.random.default_rng(2)


@pytest.mark.parametrize(
    "align, expected",
    [
        ("LEFT_RIGHT", [[3, -1, -1], [2, 7, -1], [1, 6, 11], [0, 5, 10], [-1, 4, 9], [-1, -1, 8]]),
        ("RIGHT_LEFT", [[-1, -1, 3], [-1, 2, 7], [1, 6, 11], [0, 5, 10], [4, 9, -1], [8, -1, -1]]),
        ("LEFT_LEFT", [[3, -1, -1], [2, 7, -1], [1, 6, 11], [0, 5, 10], [4, 9, -1], [8, -1, -1]]),
        ("RIGHT_RIGHT", [[-1, -1, 3], [-1, 2, 7], [1, 6, 11], [0, 5, 10], [-1, 4, 9], [-1, -1, 8]]),
    ],
)
def test_diag_part_of_many(align: str, expected: list) -> None:
    packed = tf.linalg.diag_part(M, k=(-2, 3), padding_value=-1, align=align)
    assert packed.numpy().tolist() == expected
    back = tf.linalg.diag(packed, k=(-2, 3), num_rows=3, num_cols=4, align=align)
    assert back.numpy().tolist() == M.tolist()


def test_diag() -> None:
    assert tf.linalg.diag([[1, 2, 3], [4, 5, 0]], k=(0, 1)).numpy().tolist() == [
        [4, 2, 0],
        [0, 5, 3],
        [0, 0, 0],
    ]
    out = tf.linalg.diag([1, 2, 3], k=-1, num_rows=4, num_cols=5, padding_value=7)
    assert out.numpy().tolist() == [[7] * 5, [1, 7, 7, 7, 7], [7, 2, 7, 7, 7], [7, 7, 3, 7, 7]]
    assert tf.linalg.diag([1, 2, 3], k=-1, num_rows=6).shape == (6, 3)
    assert tf.linalg.diag(tf.constant(np.ones((2, 3))), k=tf.constant(1)).shape == (2, 4, 4)


def test_diag_of_nan_and_empty() -> None:
    out = tf.linalg.diag([np.nan, 1.0]).numpy()
    assert np.isnan(out[0, 0])
    assert out[0, 1] == 0
    assert tf.linalg.diag(tf.constant(np.ones((0,)))).shape == (0, 0)
    assert tf.linalg.diag_part(tf.constant(np.ones((0, 3)))).shape == (0,)


def test_padding_value_has_a_derivative() -> None:
    pad = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(pad)
        out = tf.linalg.diag([1.0, 3.0], padding_value=pad)
    assert out.numpy().tolist() == [[1.0, 2.0], [2.0, 3.0]]
    assert float(tape.gradient(out, pad)) == 2.0


def test_set_diag() -> None:
    out = tf.linalg.set_diag(M, [[9, 9, 9], [8, 8, 0]], k=(-1, 0))
    assert out.numpy().tolist() == [[9, 1, 2, 3], [8, 9, 6, 7], [8, 8, 9, 11]]
    x = np.full((2, 2), np.inf)
    assert np.diagonal(tf.linalg.set_diag(x, [1.0, 2.0]).numpy()).tolist() == [1.0, 2.0]
    x, d = tf.constant(np.ones((3, 4))), tf.constant(np.ones(3))
    with tf.GradientTape() as tape:
        tape.watch([x, d])
        out = tf.linalg.set_diag(x, d)
    w = np.arange(12.0).reshape(3, 4)
    dx, dd = tape.gradient(out, [x, d], output_gradients=tf.constant(w))
    assert dd.numpy().tolist() == [0.0, 5.0, 10.0]
    np.testing.assert_array_equal(dx, np.where(np.eye(3, 4), 0, w))


def test_band_part() -> None:
    for lower, upper in [(0, -1), (-1, 0), (1, 1), (0, 0), (-1, -1), (3, 4)]:
        i, j = np.indices(M.shape)
        keep = ((lower < 0) | (i - j <= lower)) & ((upper < 0) | (j - i <= upper))
        out = tf.linalg.band_part(M, lower, upper)
        np.testing.assert_array_equal(out, np.where(keep, M, 0))
    out = tf.linalg.band_part([[1.0, np.nan], [np.inf, 1.0]], 0, 0)
    assert out.numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_trace_eye_and_tensors() -> None:
    assert int(tf.linalg.trace(M)) == 15
    assert tf.linalg.trace(tf.constant(np.ones((5, 2, 2)))).shape == (5,)
    np.testing.assert_array_equal(tf.eye(2, 3, batch_shape=[2]), np.stack([np.eye(2, 3)] * 2))
    assert tf.eye(tf.constant(2), dtype=tf.int32).dtype == tf.int32
    x = RNG.standard_normal((2, 3))
    wide = tf.linalg.tensor_diag(x)
    assert wide.shape == (2, 3, 2, 3)
    assert wide.numpy()[1, 2, 1, 2] == x[1, 2]
    assert np.count_nonzero(wide.numpy()) == 6
    np.testing.assert_array_equal(tf.linalg.tensor_diag_part(wide), x)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tf.linalg.diag_part(M, k=4), "diagonal 4 is out of range"),
        (lambda: tf.linalg.diag_part(M, k=(1, 0)), "lowest, highest"),
        (lambda: tf.linalg.diag_part([1.0]), "gradtape.diag_part.*matrices"),
        (lambda: tf.linalg.diag_part(M, align="LEFT"), "align must be one of RIGHT_LEFT"),
        (lambda: tf.linalg.diag([1, 2, 3], num_rows=2), "num_rows=3"),
        (lambda: tf.linalg.diag([1, 2, 3], num_rows=5, num_cols=5), "length 5 there, not 3"),
        (lambda: tf.linalg.diag(1.0), "gradtape.diag.*length"),
        (lambda: tf.linalg.diag([1.0], k=(0, 1)), "number of diagonals"),
        (lambda: tf.linalg.set_diag(M, [1, 2]), r"must have the shape \(3,\)"),
        (lambda: tf.linalg.set_diag(tf.constant(M), tf.constant([1.0] * 3)), "dtypes differ"),
        (lambda: tf.linalg.band_part(M, 7, 0), "num_lower is 7.*Write -1"),
        (lambda: tf.linalg.trace([1.0]), "gradtape.trace.*matrices"),
        (lambda: tf.linalg.tensor_diag(1.0), "at least one axis"),
        (lambda: tf.linalg.tensor_diag_part(np.ones((2, 3))), "diag_part"),
        (lambda: tf.eye(-1), "negative size"),
    ],
)
def test_errors(call: object, text: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        call()  # type: ignore[operator]


def test_errors_of_types() -> None:
    with pytest.raises(TypeError, match="gradtape.diag: k must be an integer"):
        tf.linalg.diag([1.0], k=0.5)
    with pytest.raises(TypeError, match="gradtape.band_part"):
        tf.linalg.band_part(M, "a", 0)
