"""Images: resizing, cropping and colours, with the derivatives that TensorFlow lacks, and what is refused."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError

METHODS = ["bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape)


def gradient(f: Any, *arrays: Any) -> list[Any]:
    sources = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y = tf.reduce_sum(f(*sources))
    return [g.numpy() for g in tape.gradient(y, sources)]


def check_gradient(f: Any, *arrays: Any, tolerance: float = 1e-6) -> None:
    """The gradient along a random direction against central differences."""
    grads = gradient(f, *arrays)
    moves = [np.random.default_rng(9 + i).standard_normal(a.shape) for i, a in enumerate(arrays)]
    value = lambda t: float(
        tf.reduce_sum(f(*[a + t * m for a, m in zip(arrays, moves, strict=True)]))
    )
    slope = (value(1e-6) - value(-1e-6)) / 2e-6
    assert sum(float((g * m).sum()) for g, m in zip(grads, moves, strict=True)) == pytest.approx(
        slope, rel=tolerance, abs=1e-7
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [False, True])
def test_constants_stay_constant_and_the_gradient_is_the_transpose(
    method: str, antialias: bool
) -> None:
    for size in ((3, 4), (9, 5), (5, 7)):
        run = lambda x, size=size: tf.image.resize(x, size, method, antialias=antialias)
        np.testing.assert_allclose(run(np.ones((5, 7, 2))).numpy(), np.ones((*size, 2)))
        x, ct = draw(5, 7, 2), draw(*size, 2, seed=1)
        back = gradient(lambda x, run=run, ct=ct: run(x) * tf.constant(ct), x)[0]
        np.testing.assert_allclose(np.vdot(back, x), np.vdot(ct, run(x).numpy()))


def test_bilinear_interpolates_between_centres() -> None:
    x = draw(6, 5)
    rows, columns = (np.arange(9) + 0.5) * 6 / 9 - 0.5, (np.arange(8) + 0.5) * 5 / 8 - 0.5
    grid = np.meshgrid(rows, columns, indexing="ij")
    wanted = ndimage.map_coordinates(x, grid, order=1, mode="nearest")
    np.testing.assert_allclose(tf.image.resize(x[..., None], (9, 8)).numpy()[..., 0], wanted)


def test_area_takes_means_and_nearest_repeats() -> None:
    x = draw(4, 6, 1)
    out = tf.image.resize(x, (2, 3), "area").numpy()
    np.testing.assert_allclose(out, x.reshape(2, 2, 3, 2, 1).mean((1, 3)))
    out = tf.image.resize(x, (8, 12), tf.image.ResizeMethod.NEAREST_NEIGHBOR).numpy()
    np.testing.assert_array_equal(out, x.repeat(2, 0).repeat(2, 1))
    whole = tf.image.resize((255 * x).astype(np.uint8), (3, 3), "nearest")
    assert whole.dtype is tf.uint8


def test_not_a_number_stays_near() -> None:
    x = np.zeros((8, 8, 1))
    x[0, 0] = np.nan
    out = tf.image.resize(x, (16, 16)).numpy()[..., 0]
    assert np.isnan(out[:2, :2]).all()
    assert np.isfinite(out[3:]).all()
    assert np.isfinite(out[:, 3:]).all()


def test_second_derivative_of_resize() -> None:
    """TensorFlow 2.21 gives None without a word."""
    x = tf.constant(draw(3, 4, 1))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(tf.image.resize(x, (5, 7)) ** 3)
        first = inner.gradient(y, x)
    second = outer.gradient(first, x).numpy()
    assert second.sum() == pytest.approx(6 * tf.image.resize(x, (5, 7)).numpy().sum())


def test_the_ratio_is_kept_when_asked_for() -> None:
    assert tf.image.resize(draw(5, 10, 1), (8, 8), preserve_aspect_ratio=True).shape == (4, 8, 1)


def test_crops_of_whole_images_and_their_outside() -> None:
    x = draw(2, 4, 5, 3)
    whole = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]])
    out = tf.image.crop_and_resize(x, whole, [0, 1], (4, 5)).numpy()
    np.testing.assert_allclose(out[0], x[0])
    np.testing.assert_allclose(out[1], x[1, :, ::-1])
    beside = np.array([[1.5, 0.0, 2.0, 1.0]])
    out = tf.image.crop_and_resize(x, beside, [0], (2, 2), extrapolation_value=7.0).numpy()
    np.testing.assert_array_equal(out, np.full((1, 2, 2, 3), 7.0))
    assert tf.image.crop_and_resize(x, whole, [0, 0], (3, 3), "nearest").shape == (2, 3, 3, 3)


def test_crops_are_differentiable_in_images_and_boxes() -> None:
    x = draw(2, 6, 7, 2)
    boxes = np.array([[0.11, 0.23, 0.83, 0.94], [0.91, 0.37, 0.13, 1.23]])
    check_gradient(lambda x, b: tf.image.crop_and_resize(x, b, [1, 0], (4, 5)) ** 2, x, boxes)


def test_hue_saturation_and_value_against_the_standard_library() -> None:
    x = draw(20, 3)
    x[0], x[1], x[2] = 0, 0.5, [0.5, 0.5, 0.2]
    wanted = np.array([colorsys.rgb_to_hsv(*row) for row in x])
    np.testing.assert_allclose(tf.image.rgb_to_hsv(x).numpy(), wanted, atol=1e-12)
    np.testing.assert_allclose(tf.image.hsv_to_rgb(wanted).numpy(), x, atol=1e-12)


def test_derivatives_of_colours_exist_and_are_finite_at_grey() -> None:
    x = draw(4, 5, 3)
    check_gradient(lambda x: tf.image.rgb_to_hsv(x) ** 2, x)
    check_gradient(lambda x: tf.image.hsv_to_rgb(x) ** 2, x)
    check_gradient(lambda x: tf.image.adjust_hue(x, 0.2) ** 2, x)
    check_gradient(lambda x: tf.image.adjust_saturation(x, 0.7) ** 2, x)
    check_gradient(lambda x, f: tf.image.adjust_contrast(x, f) ** 2, x, np.array(1.3))
    for grey in (0.0, 0.5):
        for f in (tf.image.rgb_to_hsv, lambda x: tf.image.adjust_hue(x, 0.2)):
            assert np.isfinite(gradient(f, np.full((1, 1, 3), grey))[0]).all()


def test_colour_systems_are_each_other_s_inverse() -> None:
    x = draw(4, 3)
    np.testing.assert_allclose(tf.image.yiq_to_rgb(tf.image.rgb_to_yiq(x)).numpy(), x, atol=1e-4)
    np.testing.assert_allclose(tf.image.yuv_to_rgb(tf.image.rgb_to_yuv(x)).numpy(), x, atol=1e-4)


def test_integers_stand_for_zero_to_one() -> None:
    x = np.array([[[0, 100, 250]]], np.uint8)
    np.testing.assert_array_equal(tf.image.adjust_brightness(x, 0.1).numpy(), [[[25, 125, 255]]])
    out = tf.image.adjust_contrast(x, 2.0)
    assert out.dtype is tf.uint8
    np.testing.assert_array_equal(out.numpy(), x)  # one pixel is its own mean
    assert tf.image.rgb_to_grayscale(x).dtype is tf.uint8


def test_turning_against_numpy() -> None:
    x = draw(2, 4, 5, 3)
    np.testing.assert_array_equal(tf.image.flip_left_right(x).numpy(), x[:, :, ::-1])
    np.testing.assert_array_equal(tf.image.flip_up_down(x).numpy(), x[:, ::-1])
    np.testing.assert_array_equal(tf.image.transpose(x).numpy(), x.transpose(0, 2, 1, 3))
    for k in range(-1, 5):
        np.testing.assert_array_equal(tf.image.rot90(x, k).numpy(), np.rot90(x, k, (1, 2)))


def test_cutting_and_padding() -> None:
    x = draw(5, 6, 2)
    np.testing.assert_array_equal(tf.image.crop_to_bounding_box(x, 1, 2, 3, 4).numpy(), x[1:4, 2:])
    padded = tf.image.pad_to_bounding_box(x, 1, 2, 8, 9).numpy()
    np.testing.assert_array_equal(padded, np.pad(x, ((1, 2), (2, 1), (0, 0))))
    np.testing.assert_array_equal(tf.image.central_crop(x, 0.5).numpy(), x[1:4, 1:5])
    both = tf.image.resize_with_crop_or_pad(x, 3, 9).numpy()
    np.testing.assert_array_equal(both, np.pad(x[1:4], ((0, 0), (1, 2), (0, 0))))
    assert tf.image.resize_with_pad(x, 10, 10).shape == (10, 10, 2)
    check_gradient(lambda x: tf.image.resize_with_pad(x, 7, 9) ** 2, x)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_patches_against_a_view(padding: str) -> None:
    x = draw(1, 6, 7, 2)
    wide = np.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0))) if padding == "SAME" else x
    view = np.lib.stride_tricks.sliding_window_view(wide, (3, 2), (1, 2)).transpose(
        0, 1, 2, 4, 5, 3
    )
    out = tf.image.extract_patches(x, [1, 3, 2, 1], 1, 1, padding).numpy()
    np.testing.assert_array_equal(out, view.reshape(out.shape))


def test_differences_and_measures() -> None:
    x, y = draw(2, 5, 6, 3), draw(2, 5, 6, 3, seed=1)
    dy, dx = (t.numpy() for t in tf.image.image_gradients(x))
    np.testing.assert_array_equal(dy[:, :-1], np.diff(x, axis=1))
    np.testing.assert_array_equal(dx[:, :, :-1], np.diff(x, axis=2))
    assert not dy[:, -1].any()
    assert not dx[:, :, -1].any()
    variation = np.abs(dy).sum((1, 2, 3)) + np.abs(dx).sum((1, 2, 3))
    np.testing.assert_allclose(tf.image.total_variation(x).numpy(), variation)
    edges = tf.image.sobel_edges(x).numpy()
    for axis in (0, 1):
        wanted = ndimage.sobel(x[0, :, :, 1], axis, mode="mirror")
        np.testing.assert_allclose(edges[0, :, :, 1, axis], wanted, atol=1e-12)
    ratio = 10 * np.log10(1 / ((x - y) ** 2).mean((1, 2, 3)))
    np.testing.assert_allclose(tf.image.psnr(x, y, 1.0).numpy(), ratio)
    scaled = tf.image.per_image_standardization(x).numpy()
    np.testing.assert_allclose(scaled.mean((1, 2, 3)), [0, 0], atol=1e-12)
    np.testing.assert_allclose(scaled.var((1, 2, 3)), [1, 1])
    check_gradient(lambda x: tf.image.per_image_standardization(x) ** 3, x)


def test_standardizing_a_constant_image_gives_finite_derivatives() -> None:
    assert np.isfinite(gradient(tf.image.per_image_standardization, np.ones((2, 2, 1)))[0]).all()


def test_dtypes_of_images() -> None:
    convert = tf.image.convert_image_dtype
    bytes_ = tf.constant([0, 128, 255], tf.uint8)
    np.testing.assert_allclose(convert(bytes_, tf.float64).numpy(), [0, 128 / 255, 1])
    np.testing.assert_array_equal(convert(convert(bytes_, tf.float32), tf.uint8).numpy(), bytes_)
    np.testing.assert_array_equal(convert(convert(bytes_, tf.int32), tf.uint8).numpy(), bytes_)
    out = convert(tf.constant([-1.0, 2.0]), tf.uint8, saturate=True)
    np.testing.assert_array_equal(out.numpy(), [0, 255])
    out = convert(tf.constant([-300, 300], tf.int16), tf.uint8, saturate=True)
    np.testing.assert_array_equal(out.numpy(), [0, 2])


X = np.zeros((4, 5, 3), np.float32)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: tf.image.resize(X[0], (2, 2)), InvalidArgumentError, ["image.resize", "3 or 4 axes"]),
        (lambda: tf.image.resize(X, 2), InvalidArgumentError, ["image.resize", "two integers"]),
        (lambda: tf.image.resize(X, (2, 0)), InvalidArgumentError, ["image.resize", "positive"]),
        (lambda: tf.image.resize(X, (2.5, 2)), TypeError, ["image.resize", "size"]),
        (lambda: tf.image.resize(X, (2**40, 2**40)), MemoryError, ["image.resize"]),
        (lambda: tf.image.resize(X, (2, 2), "cubic"), InvalidArgumentError, ["image.resize", "'bicubic'"]),
        (lambda: tf.image.resize(X[:0], (2, 2)), InvalidArgumentError, ["image.resize", "no pixels"]),
        (lambda: tf.image.resize(X > 0, (2, 2)), InvalidArgumentError, ["image.resize", "tf.cast"]),
        (lambda: tf.image.crop_and_resize(X[None], [[0.0] * 4], [1], (2, 2)), InvalidArgumentError, ["box_indices", "[0, 1)"]),
        (lambda: tf.image.crop_and_resize(X[None], [0.0] * 4, [0], (2, 2)), InvalidArgumentError, ["boxes", "(m, 4)"]),
        (lambda: tf.image.crop_and_resize(X[None], [[0.0] * 4], [0], (2, 2), "area"), InvalidArgumentError, ["'nearest'"]),
        (lambda: tf.image.rgb_to_hsv(X[..., :2]), InvalidArgumentError, ["image.rgb_to_hsv", "3 channels"]),
        (lambda: tf.image.hsv_to_rgb(X.astype(int)), InvalidArgumentError, ["image.hsv_to_rgb", "tf.cast"]),
        (lambda: tf.image.grayscale_to_rgb(X), InvalidArgumentError, ["image.grayscale_to_rgb", "1 channel"]),
        (lambda: tf.image.adjust_hue(X, 2.0), InvalidArgumentError, ["image.adjust_hue", "[-1, 1]"]),
        (lambda: tf.image.adjust_gamma(X, -1.0), InvalidArgumentError, ["image.adjust_gamma", "negative"]),
        (lambda: tf.image.crop_to_bounding_box(X, 2, 2, 3, 3), InvalidArgumentError, ["is not inside"]),
        (lambda: tf.image.pad_to_bounding_box(X, 0, 0, 3, 3), InvalidArgumentError, ["do not fit"]),
        (lambda: tf.image.pad_to_bounding_box(X, -1, 0, 9, 9), InvalidArgumentError, ["offset_height", "-1"]),
        (lambda: tf.image.central_crop(X, 1.5), InvalidArgumentError, ["image.central_crop", "(0, 1]"]),
        (lambda: tf.image.flip_left_right(X[0]), InvalidArgumentError, ["image.flip_left_right", "axes"]),
        (lambda: tf.image.extract_patches(X[None], 9, 1, 1, "VALID"), InvalidArgumentError, ["does not fit"]),
        (lambda: tf.image.convert_image_dtype(X, tf.bool), InvalidArgumentError, ["real type"]),
        (lambda: tf.image.adjust_contrast(X[0], 1.0), InvalidArgumentError, ["image.adjust_contrast", "axes"]),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, error: Any, words: list[str]) -> None:
    with pytest.raises(error) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
