"""Pools and dilations as TensorFlow has them: windows, ties, indices, singular points, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError, UnimplementedError


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def gradient(f: Any, x: Any) -> Any:
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(f(x))
    return tape.gradient(y, x).numpy()


def test_maximum_and_mean_of_whole_windows() -> None:
    x = draw(2, 6, 4, 3)
    blocks = x.reshape(2, 3, 2, 2, 2, 3)
    np.testing.assert_array_equal(tf.nn.max_pool2d(x, 2, 2, "VALID").numpy(), blocks.max((2, 4)))
    np.testing.assert_allclose(tf.nn.avg_pool2d(x, 2, 2, "VALID").numpy(), blocks.mean((2, 4)))


def test_the_mean_does_not_count_padding() -> None:
    out = tf.nn.avg_pool2d(tf.ones((1, 5, 4, 1)), 3, 2, "SAME")
    np.testing.assert_array_equal(out.numpy(), np.ones((1, 3, 2, 1)))


def test_the_maximum_never_is_padding() -> None:
    x = -1 - np.abs(draw(1, 3, 3, 1))
    out = tf.nn.max_pool2d(x, 3, 1, [[0, 0], [2, 2], [1, 1], [0, 0]])
    assert out.shape == (1, 5, 3, 1)
    assert out.numpy().max() <= -1
    whole = tf.nn.max_pool2d(tf.constant([[[[-(2**31)]]]], tf.int32), 2, 1, "SAME")
    assert int(whole.numpy()[0, 0, 0, 0]) == -(2**31)


@pytest.mark.parametrize("space", [1, 2, 3])
def test_one_to_three_dimensions_and_channels_first(space: int) -> None:
    shape = (2, 5, 4, 6)[: space + 1]
    x = draw(*shape, 3)
    formats = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
    for kind in ("max", "avg"):
        pool = getattr(tf.nn, f"{kind}_pool")
        last = pool(x, 2, 2, "SAME").numpy()
        same = getattr(tf.nn, f"{kind}_pool{space}d")(x, [2] * space, [2] * space, "SAME").numpy()
        first = pool(np.moveaxis(x, -1, 1), 2, 2, "SAME", data_format=formats[space]).numpy()
        np.testing.assert_array_equal(same, last)
        np.testing.assert_array_equal(np.moveaxis(first, 1, -1), last)


def test_the_gradient_goes_to_the_first_of_equal_maxima() -> None:
    x = np.ones((1, 4, 4, 1))
    got = gradient(lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), x)[0, :, :, 0]
    wanted = np.zeros((4, 4))
    wanted[::2, ::2] = 1  # what TensorFlow 2.21 gives
    np.testing.assert_array_equal(got, wanted)


def test_the_gradient_of_minus_infinity_stays_in_the_input() -> None:
    x = np.full((1, 2, 1), -np.inf)
    got = gradient(lambda x: tf.nn.max_pool1d(x, 3, 1, "SAME"), x)
    assert got.sum() == 2
    assert np.isfinite(got).all()


def test_not_a_number_is_a_maximum_and_takes_the_gradient() -> None:
    x = np.array([1.0, np.nan, 3.0, 0.0]).reshape(1, 4, 1)
    out = tf.nn.max_pool1d(x, 2, 2, "VALID").numpy().ravel()
    np.testing.assert_array_equal(out, [np.nan, 3.0])
    got = gradient(lambda x: tf.nn.max_pool1d(x, 2, 2, "VALID"), x)
    np.testing.assert_array_equal(got.ravel(), [0, 1, 1, 0])


def test_an_infinite_cotangent_leaves_the_others_zero() -> None:
    x = tf.constant(np.arange(4.0).reshape(1, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.max_pool1d(x, 2, 2, "VALID")
    ct = tf.constant([[[np.inf], [1.0]]], tf.float64)
    got = tape.gradient(y, x, output_gradients=ct).numpy().ravel()
    np.testing.assert_array_equal(got, [0, np.inf, 0, 1])


def test_second_derivative_of_three_dimensional_max_pooling() -> None:
    """TensorFlow 2.21 raises InvalidArgumentError for this one."""
    x = tf.constant(draw(1, 2, 3, 2, 1))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(tf.nn.max_pool3d(x, 2, 1, "VALID") ** 3)
        first = inner.gradient(y, x)
    second = outer.gradient(first, x).numpy()
    pooled = tf.nn.max_pool3d(x, 2, 1, "VALID").numpy()
    assert second.sum() == pytest.approx(6 * pooled.sum())


def test_argmax_counts_as_tensorflow_does() -> None:
    x = draw(2, 4, 5, 3)
    for batch in (False, True):
        out, index = tf.nn.max_pool_with_argmax(x, 3, 2, "SAME", include_batch_in_index=batch)
        flat = index.numpy() if batch else index.numpy() + np.arange(2)[:, None, None, None] * 60
        np.testing.assert_array_equal(x.ravel()[flat], out.numpy())
    assert index.dtype is tf.int64
    assert tf.nn.max_pool_with_argmax(x, 2, 2, "VALID", output_dtype=tf.int32)[1].dtype is tf.int32


def test_pool_takes_dilations_with_any_padding() -> None:
    x = draw(1, 7, 1)
    out = tf.nn.pool(x, 2, "MAX", dilations=3).numpy().ravel()
    np.testing.assert_array_equal(out, np.maximum(x[0, :-3, 0], x[0, 3:, 0]))
    assert tf.nn.pool(x, 2, "AVG", strides=2, padding="SAME", dilations=3).shape == (1, 4, 1)


def test_the_mean_of_16_bit_numbers_does_not_overflow() -> None:
    out = tf.nn.avg_pool1d(tf.fill((1, 4, 1), tf.constant(60000.0, tf.float16)), 4, 4, "VALID")
    assert float(out.numpy()[0, 0, 0]) == np.float16(60000.0)


def test_dilation_and_erosion_against_scipy() -> None:
    x, w = draw(6, 7), draw(3, 3, seed=1)
    out = tf.nn.dilation2d(x[None, :, :, None], w[:, :, None], 1, "SAME", "NHWC", 1).numpy()
    wanted = ndimage.grey_dilation(x, structure=w[::-1, ::-1], mode="constant", cval=-1e9)
    np.testing.assert_allclose(out[0, :, :, 0], wanted)
    out = tf.nn.erosion2d(x[None, :, :, None], w[:, :, None], 1, "SAME", "NHWC", 1).numpy()
    wanted = ndimage.grey_erosion(x, structure=w[::-1, ::-1], mode="constant", cval=1e9)
    np.testing.assert_allclose(out[0, :, :, 0], wanted)


def test_second_derivative_of_dilation() -> None:
    """TensorFlow 2.21 has none."""
    x, w = tf.constant(draw(1, 4, 4, 2)), tf.constant(draw(2, 2, 2, seed=1))
    with tf.GradientTape() as outer:
        outer.watch(w)
        with tf.GradientTape() as inner:
            inner.watch([x, w])
            y = tf.reduce_sum(tf.nn.dilation2d(x, w, 1, "VALID", "NHWC", 1) ** 3)
        dx, dw = inner.gradient(y, [x, w])
        total = tf.reduce_sum(dx) + tf.reduce_sum(dw)
    value = tf.nn.dilation2d(x, w, 1, "VALID", "NHWC", 1).numpy()
    assert outer.gradient(total, w).numpy().sum() == pytest.approx(12 * value.sum())


def test_dilation_ties_go_to_the_first_tap() -> None:
    x, w = tf.zeros((1, 1, 2, 1)), tf.zeros((1, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        y = tf.nn.dilation2d(x, w, 1, "VALID", "NHWC", 1)
    dx, dw = tape.gradient(y, [x, w])
    np.testing.assert_array_equal(dx.numpy().ravel(), [1, 0])
    np.testing.assert_array_equal(dw.numpy().ravel(), [1, 0])


def test_empty_inputs() -> None:
    assert tf.nn.max_pool2d(tf.zeros((0, 4, 4, 1)), 2, 2, "SAME").shape == (0, 2, 2, 1)
    assert tf.nn.avg_pool2d(tf.zeros((1, 4, 4, 0)), 2, 2, "SAME").shape == (1, 2, 2, 0)
    assert tf.nn.max_pool2d(tf.zeros((1, 0, 4, 1)), 2, 2, "SAME").shape == (1, 0, 2, 1)


X = np.zeros((1, 5, 5, 2), np.float32)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: tf.nn.max_pool2d(X[:, :1], 3, 1, "VALID"), InvalidArgumentError, ["nn.max_pool2d", "does not fit", "SAME"]),
        (lambda: tf.nn.max_pool2d(X[0], 2, 2, "VALID"), InvalidArgumentError, ["nn.max_pool2d", "4 axes", "tf.expand_dims"]),
        (lambda: tf.nn.max_pool(X[0, 0], 2, 2, "VALID"), InvalidArgumentError, ["nn.max_pool", "3, 4 or 5 axes"]),
        (lambda: tf.nn.max_pool2d(X > 0, 2, 2, "VALID"), InvalidArgumentError, ["nn.max_pool2d", "tf.cast"]),
        (lambda: tf.nn.max_pool2d(X * 1j, 2, 2, "VALID"), InvalidArgumentError, ["nn.max_pool2d"]),
        (lambda: tf.nn.avg_pool2d(X.astype(int), 2, 2, "VALID"), InvalidArgumentError, ["nn.avg_pool2d", "tf.cast"]),
        (lambda: tf.nn.avg_pool2d(X, 2, 2, [[0, 0]] * 4), InvalidArgumentError, ["nn.avg_pool2d", "tf.pad"]),
        (lambda: tf.nn.max_pool2d(X, [1, 2, 2, 2], 2, "VALID"), InvalidArgumentError, ["nn.max_pool2d", "ksize", "channels"]),
        (lambda: tf.nn.max_pool2d(X, 2, [1, 2, 2], "VALID"), InvalidArgumentError, ["nn.max_pool2d", "strides"]),
        (lambda: tf.nn.max_pool2d(X, 0, 2, "VALID"), InvalidArgumentError, ["nn.max_pool2d", "ksize", "at least 1"]),
        (lambda: tf.nn.max_pool2d(X, 2.0, 2, "VALID"), TypeError, ["nn.max_pool2d", "ksize"]),
        (lambda: tf.nn.max_pool2d(X, 2, 2, "VALID", "NWC"), InvalidArgumentError, ["nn.max_pool2d", "NHWC"]),
        (lambda: tf.nn.pool(X, 2, "MEAN"), InvalidArgumentError, ["nn.pool", "'AVG'"]),
        (lambda: tf.nn.max_pool_with_argmax(X, 2, 2, "VALID", "NCHW"), InvalidArgumentError, ["nn.max_pool_with_argmax", "NHWC"]),
        (lambda: tf.nn.max_pool_with_argmax(X, 2, 2, "VALID", output_dtype=tf.float32), InvalidArgumentError, ["int64"]),
        (lambda: tf.nn.fractional_max_pool(X, 1.5), UnimplementedError, ["nn.fractional_max_pool", "tf.nn.max_pool"]),
        (lambda: tf.nn.dilation2d(X, X[0, :3, :3, :1], 1, "SAME", "NHWC", 1), InvalidArgumentError, ["nn.dilation2d", "(h, w, c)"]),
        (lambda: tf.nn.dilation2d(X, X[0, :3, :3], 1, "SAME", "NCHW", 1), InvalidArgumentError, ["nn.dilation2d", "NHWC"]),
        (lambda: tf.nn.erosion2d(X, X[0, :3, :3], 1, "same", "NHWC", 1), InvalidArgumentError, ["nn.erosion2d", "'SAME'"]),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: Any, words: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
