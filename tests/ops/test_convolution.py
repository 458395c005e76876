"""Convolutions as TensorFlow has them: padding, data formats, groups, leading axes, transposes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError
from tests.ops.cases.convolution import direct, options


def draw(*shape: int, dtype: Any = np.float64, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_it_correlates_and_does_not_flip() -> None:
    x, w = draw(6, 7), draw(3, 2, seed=1)
    out = tf.nn.conv2d(x[None, :, :, None], w[:, :, None, None], 1, "VALID")
    np.testing.assert_allclose(out.numpy()[0, :, :, 0], signal.correlate2d(x, w, "valid"))


def test_same_padding_puts_the_odd_element_behind() -> None:
    x = tf.reshape(tf.range(4.0), (1, 4, 1))
    w = tf.constant([[[1.0]], [[10.0]]])
    np.testing.assert_array_equal(
        tf.nn.conv1d(x, w, 1, "SAME").numpy().ravel(), [10.0, 21.0, 32.0, 3.0]
    )


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_gives_the_input_size_over_the_stride(stride: int, dilation: int) -> None:
    for n in range(1, 9):
        out = tf.nn.conv1d(
            tf.ones((1, n, 1)), tf.ones((3, 1, 1)), stride, "SAME", dilations=dilation
        )
        assert out.shape == (1, -(-n // stride), 1)


def test_channels_first_is_a_transposed_channels_last() -> None:
    x, w = draw(2, 6, 5, 3), draw(3, 2, 3, 4, seed=1)
    for padding in ("SAME", "VALID", [[0, 0], [1, 2], [0, 1], [0, 0]]):
        last = tf.nn.conv2d(x, w, [1, 2, 1, 1], padding).numpy()
        moved = [padding[i] for i in (0, 3, 1, 2)] if isinstance(padding, list) else padding
        first = tf.nn.conv2d(x.transpose(0, 3, 1, 2), w, [1, 1, 2, 1], moved, "NCHW").numpy()
        np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last)


def test_leading_axes_are_examples() -> None:
    x, w = draw(2, 3, 5, 5, 1), draw(3, 3, 1, 2, seed=1)
    out = tf.nn.conv2d(x, w, 1, "VALID").numpy()
    assert out.shape == (2, 3, 3, 3, 2)
    np.testing.assert_allclose(out[1, 2], tf.nn.conv2d(x[1, 2:3], w, 1, "VALID").numpy()[0])


def test_groups_follow_from_the_channels() -> None:
    x, w = draw(1, 4, 4, 4), draw(2, 2, 2, 6, seed=1)
    out = tf.nn.conv2d(x, w, 1, "VALID").numpy()
    halves = [
        tf.nn.conv2d(x[..., 2 * g : 2 * g + 2], w[..., 3 * g : 3 * g + 3], 1, "VALID").numpy()
        for g in (0, 1)
    ]
    np.testing.assert_allclose(out, np.concatenate(halves, -1))


def test_depthwise_filters_each_channel_with_its_own() -> None:
    x, w = draw(1, 5, 5, 3), draw(2, 2, 3, 2, seed=1)
    out = tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "VALID").numpy()
    for c in range(3):
        for m in range(2):
            wanted = signal.correlate2d(x[0, :, :, c], w[:, :, c, m], "valid")
            np.testing.assert_allclose(out[0, :, :, 2 * c + m], wanted)


def test_separable_is_depthwise_then_pointwise() -> None:
    x, d, p = draw(1, 5, 5, 3), draw(2, 2, 3, 2, seed=1), draw(1, 1, 6, 4, seed=2)
    out = tf.nn.separable_conv2d(x, d, p, [1, 2, 2, 1], "SAME").numpy()
    deep = tf.nn.depthwise_conv2d(x, d, [1, 2, 2, 1], "SAME").numpy()
    np.testing.assert_allclose(out, deep @ p[0, 0])


@pytest.mark.parametrize("padding", ["SAME", "VALID", [[0, 0], [1, 0], [2, 1], [0, 0]]])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_transposed_is_the_adjoint(padding: Any, strides: Any) -> None:
    x, w = draw(2, 7, 8, 3), draw(3, 2, 3, 4, seed=1)
    y = tf.nn.conv2d(x, w, strides, padding)
    ct = draw(*y.shape, seed=2)
    back = tf.nn.conv2d_transpose(ct, w, x.shape, strides, padding)
    np.testing.assert_allclose(np.vdot(ct, y.numpy()), np.vdot(back.numpy(), x))


def test_transposed_in_one_and_three_dimensions_and_with_channels_first() -> None:
    w1, w3 = draw(3, 2, 4), draw(2, 2, 2, 2, 4)
    assert tf.nn.conv1d_transpose(draw(1, 3, 4), w1, (1, 7, 2), 2, "VALID").shape == (1, 7, 2)
    x3 = draw(1, 2, 2, 2, 4)
    out = tf.nn.conv3d_transpose(x3, w3, (1, 4, 4, 4, 2), 2).numpy()
    first = tf.nn.conv3d_transpose(
        x3.transpose(0, 4, 1, 2, 3), w3, (1, 2, 4, 4, 4), 2, data_format="NCDHW"
    )
    np.testing.assert_allclose(first.numpy().transpose(0, 2, 3, 4, 1), out)
    any_rank = tf.nn.conv_transpose(x3, w3, tf.constant([1, 4, 4, 4, 2]), 2)
    np.testing.assert_array_equal(any_rank.numpy(), out)


def test_atrous_convolutions_are_dilated_ones() -> None:
    x, w = draw(1, 7, 7, 2), draw(3, 3, 2, 2, seed=1)
    np.testing.assert_array_equal(
        tf.nn.atrous_conv2d(x, w, 2, "SAME").numpy(),
        tf.nn.conv2d(x, w, 1, "SAME", dilations=2).numpy(),
    )
    np.testing.assert_array_equal(
        tf.nn.atrous_conv2d_transpose(x, w, (1, 11, 11, 2), 2, "VALID").numpy(),
        tf.nn.conv2d_transpose(x, w, (1, 11, 11, 2), 1, "VALID", dilations=2).numpy(),
    )


def test_integers_and_16_bit_types_keep_their_dtype() -> None:
    x, w = tf.ones((1, 4, 1), tf.int32), tf.ones((2, 1, 1), tf.int32)
    assert tf.nn.conv1d(x, w, 1, "VALID").dtype is tf.int32
    half = tf.nn.conv1d(
        tf.ones((1, 4096, 1), tf.float16), tf.ones((4096, 1, 1), tf.float16), 1, "VALID"
    )
    assert half.dtype is tf.float16
    assert float(half.numpy()[0, 0, 0]) == 4096.0  # float16 sums stop at 2048


def test_blocks_do_not_show() -> None:
    """A batch whose windows need several blocks: forward, and summed over blocks in the filter's gradient."""
    x, w = draw(12, 40, 40, 8, dtype=np.float32), draw(3, 3, 8, 4, dtype=np.float32, seed=1)
    source, filters = tf.constant(x), tf.constant(w)
    with tf.GradientTape() as tape:
        tape.watch([source, filters])
        y = tf.nn.conv2d(source, filters, 1, "SAME")
    np.testing.assert_allclose(
        y.numpy()[7:8], tf.nn.conv2d(x[7:8], w, 1, "SAME").numpy(), rtol=1e-4, atol=1e-4
    )
    ct = draw(*y.shape, dtype=np.float32, seed=2)
    dx, dw = tape.gradient(y, [source, filters], output_gradients=tf.constant(ct))
    total = float(np.vdot(ct.astype(np.float64), y.numpy()))
    assert float(np.vdot(dw.numpy().astype(np.float64), w)) == pytest.approx(total, rel=1e-4)
    assert float(np.vdot(dx.numpy().astype(np.float64), x)) == pytest.approx(total, rel=1e-4)


def test_not_a_number_and_infinity_stay_where_they_belong() -> None:
    x = np.zeros((1, 5, 1))
    x[0, 0, 0], x[0, 4, 0] = np.nan, np.inf
    out = tf.nn.conv1d(x, np.ones((2, 1, 1)), 1, "VALID").numpy().ravel()
    np.testing.assert_array_equal(out, [np.nan, 0, 0, np.inf])


def test_no_examples_and_no_channels() -> None:
    assert tf.nn.conv2d(tf.zeros((0, 5, 5, 1)), tf.ones((3, 3, 1, 2)), 1, "VALID").shape == (
        0,
        3,
        3,
        2,
    )
    assert tf.nn.conv2d(tf.zeros((1, 5, 5, 1)), tf.ones((3, 3, 1, 0)), 1, "VALID").shape == (
        1,
        3,
        3,
        0,
    )


def test_memory_layouts_of_the_caller_do_not_matter() -> None:
    x, w = draw(2, 6, 5, 3), draw(3, 2, 3, 4, seed=1)
    wanted = direct(x, w, **options())
    for given in (np.asfortranarray(x), x[::-1][::-1], np.ascontiguousarray(x.T).T):
        np.testing.assert_allclose(tf.nn.conv2d(given, w, 1, "VALID").numpy(), wanted)


def test_third_derivative_of_a_cube_of_a_convolution() -> None:
    x, w = tf.constant(draw(1, 5, 2)), tf.constant(draw(2, 2, 1, seed=1))
    v = tf.constant(draw(2, 2, 1, seed=2))

    def along(f: Any) -> Any:
        def derivative(w: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(w)
                y = f(w)
            return tf.reduce_sum(tape.gradient(y, w) * v)

        return derivative

    cube = lambda w: tf.reduce_sum(tf.nn.conv1d(x, w, 1, "SAME") ** 3)
    third = along(along(along(cube)))(w)
    wanted = 6 * np.sum(tf.nn.conv1d(x, v, 1, "SAME").numpy() ** 3)
    assert float(third) == pytest.approx(wanted, rel=1e-10)


X, W = np.zeros((1, 5, 5, 2), np.float32), np.zeros((3, 3, 2, 4), np.float32)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: tf.nn.conv2d(X[..., :1], W, 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "1 channels", "data_format"]),
        (lambda: tf.nn.conv2d(X, W[..., 0], 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "4 axes"]),
        (lambda: tf.nn.conv2d(X[0], W, 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "tf.expand_dims"]),
        (lambda: tf.nn.conv2d(tf.constant(X), tf.constant(W, tf.float64), 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "tf.cast"]),
        (lambda: tf.nn.conv2d(X > 0, W > 0, 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "tf.cast"]),
        (lambda: tf.nn.conv2d(X, W, 1, "valid"), InvalidArgumentError, ["nn.conv2d", "'SAME'", "'VALID'"]),
        (lambda: tf.nn.conv2d(X, W, 1, [[1, 1], [0, 0], [0, 0], [0, 0]]), InvalidArgumentError, ["nn.conv2d", "[0, 0]"]),
        (lambda: tf.nn.conv2d(X, W, 1, [[0, 0], [-1, 0], [0, 0], [0, 0]]), InvalidArgumentError, ["nn.conv2d", "non-negative"]),
        (lambda: tf.nn.conv2d(X, W, 1, [[1, 1]]), InvalidArgumentError, ["nn.conv2d", "4 pairs"]),
        (lambda: tf.nn.conv2d(X, W, [1, 2, 1], "VALID"), InvalidArgumentError, ["nn.conv2d", "strides", "1, 2 or 4"]),
        (lambda: tf.nn.conv2d(X, W, [2, 1, 1, 1], "VALID"), InvalidArgumentError, ["nn.conv2d", "strides"]),
        (lambda: tf.nn.conv2d(X, W, 0, "VALID"), InvalidArgumentError, ["nn.conv2d", "at least 1"]),
        (lambda: tf.nn.conv2d(X, W, 1.5, "VALID"), TypeError, ["nn.conv2d", "strides", "integer"]),
        (lambda: tf.nn.conv2d(X, W, 1, "VALID", dilations=0), InvalidArgumentError, ["nn.conv2d", "dilations"]),
        (lambda: tf.nn.conv2d(X, W, 1, "VALID", "NWHC"), InvalidArgumentError, ["nn.conv2d", "NHWC"]),
        (lambda: tf.nn.conv2d(X[:, :2], W, 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "does not fit", "SAME"]),
        (lambda: tf.nn.conv2d(X, W[:, :, :0], 1, "VALID"), InvalidArgumentError, ["nn.conv2d", "channels"]),
        (lambda: tf.nn.conv2d(None, W, 1, "VALID"), ValueError, ["nn.conv2d", "None"]),
        (lambda: tf.nn.conv2d("x", W, 1, "VALID"), TypeError, ["nn.conv2d"]),
        (lambda: tf.nn.convolution(X, 1.0), InvalidArgumentError, ["nn.convolution", "3, 4 or 5 axes"]),
        (lambda: tf.nn.depthwise_conv2d(X, W[:, :, :1], [1, 1, 1, 1], "SAME"), InvalidArgumentError, ["nn.depthwise_conv2d", "third axis"]),
        (lambda: tf.nn.separable_conv2d(X, W, W, [1, 1, 1, 1], "SAME"), InvalidArgumentError, ["nn.separable_conv2d", "(1, 1,"]),
        (lambda: tf.nn.conv2d_transpose(X, W, (1, 10, 10, 2), 2), InvalidArgumentError, ["nn.conv2d_transpose", "output channels"]),
        (lambda: tf.nn.conv2d_transpose(X, W[:, :, :, :2], (1, 12, 10, 2), 2), InvalidArgumentError, ["nn.conv2d_transpose", "output_shape"]),
        (lambda: tf.nn.conv2d_transpose(X, W, (10, 10), 2), InvalidArgumentError, ["nn.conv2d_transpose", "4 integers"]),
        (lambda: tf.nn.conv2d_transpose(X, W, (1, -1, 10, 2), 2), InvalidArgumentError, ["nn.conv2d_transpose", "negative"]),
        (lambda: tf.nn.conv_transpose(X, W, 3, 2), InvalidArgumentError, ["nn.conv_transpose", "output_shape"]),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: Any, words: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
