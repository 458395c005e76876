"""The backend's functions where Keras's own tests look at values alone or not at all: derivatives,
compiled against eager, double precision, and the surface that Keras calls."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage

import gradtape as tf
import gradtape.keras as door
from gradtape.core.places import of_library

keras: Any = door._loaded()
backend: Any = keras.src.backend
image, core, linalg = backend.image, backend.core, backend.linalg
RNG = np.random.default_rng(7)
IMAGES = RNG.random((2, 5, 6, 3))
SPECIAL = ("view_as_complex", "view_as_real", "get_item", "multi_hot")  # Keras shapes them itself


# the surface


def plain(function: Any) -> list[Any]:
    """The names, kinds and defaults of parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize("module", ["core", "image", "linalg", "math", "nn", "numpy"])
def test_functions_have_the_signatures_of_keras(module: str) -> None:
    ours, theirs = getattr(backend, module), getattr(keras.src.ops, module)
    count = 0
    for name, operation in vars(theirs).items():
        if not inspect.isfunction(operation) or operation.__module__ != theirs.__name__:
            continue
        if name.startswith("_") or name in SPECIAL or hasattr(theirs, f"_{name}"):
            continue
        if "backend." not in inspect.getsource(operation):
            continue
        if hasattr(ours, name):
            assert plain(getattr(ours, name)) == plain(operation), name
            count += 1
    assert count > 5


# images


def checked(function: Any, *values: Any) -> None:
    """Compiled against eager, and the derivative along a direction against differences."""
    tensors = [tf.constant(v) for v in values]
    np.testing.assert_allclose(tf.function(function)(*tensors), function(*tensors), atol=1e-12)

    def loss(*xs: Any) -> Any:
        return tf.reduce_sum(tf.sin(function(*xs)))

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(*tensors)
    slopes = tape.gradient(value, tensors)
    ways = [RNG.standard_normal(v.shape) for v in values]
    step = 1e-6
    ahead, back = (
        loss(*[t + s * step * w for t, w in zip(tensors, ways, strict=True)]) for s in (1, -1)
    )
    expected = float(ahead - back) / (2 * step)
    found = sum([float((g * w).numpy().sum()) for g, w in zip(slopes, ways, strict=True)])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


TRANSFORMS = np.array(
    [[1.031, 0.117, -0.313, 0.023, 0.911, 0.217, 0.013, 0.021],
     [0.813, 0.107, 0.331, 0.029, 1.113, -0.719, 0.003, 0.007]]
)  # fmt: skip
CORNERS = np.array([[[0.0, 0.0], [0.0, 5.0], [4.0, 0.0], [4.0, 5.0]]] * 2)
MOVED = CORNERS + RNG.random(CORNERS.shape) * 0.7 + 0.1


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_affine_transform(mode: str) -> None:
    checked(
        lambda x, t: image.affine_transform(x, t, fill_mode=mode, fill_value=0.5),
        IMAGES, TRANSFORMS,
    )  # fmt: skip


def test_images() -> None:
    checked(lambda x: image.resize(x, (3, 4), "bicubic", antialias=True), IMAGES)
    checked(lambda x: image.resize(x, (3, 3), pad_to_aspect_ratio=True), IMAGES)
    checked(lambda x, a, b: image.perspective_transform(x, a, b), IMAGES, CORNERS, MOVED)
    checked(lambda x, s: image.gaussian_blur(x, (3, 5), s), IMAGES, np.array([1.0, 2.0]))
    checked(lambda x: image.elastic_transform(x, 2.0, 1.0, seed=3), IMAGES)
    checked(
        lambda x, s, t: image.scale_and_translate(x, (2, 4, 4, 3), s, t, (1, 2), "lanczos3"),
        IMAGES, np.array([0.71, 0.83]), np.array([0.13, -0.21]),
    )  # fmt: skip
    checked(image.sobel_edges, IMAGES)


def test_homographies_take_the_end_points_to_the_start_points() -> None:
    found = image.compute_homography_matrix(CORNERS, MOVED).numpy()
    for numbers, start, end in zip(found, CORNERS, MOVED, strict=True):
        matrix = np.append(numbers, 1.0).reshape(3, 3)
        there = np.c_[end, np.ones(4)] @ matrix.T
        np.testing.assert_allclose(there[:, :2] / there[:, 2:], start, atol=1e-9)


def test_a_blur_is_a_product_of_gaussians() -> None:
    dot = np.zeros((1, 9, 9, 1))
    dot[0, 4, 4, 0] = 1.0
    found = image.gaussian_blur(dot, (5, 3), (1.5, 0.5)).numpy()[0, :, :, 0]

    def bell(size: int, sigma: float) -> Any:
        x = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
        return x / x.sum()

    np.testing.assert_allclose(found[3:6, 2:7], np.outer(bell(3, 0.5), bell(5, 1.5)), atol=1e-12)
    np.testing.assert_allclose(found.sum(), 1.0)


@pytest.mark.parametrize("mode", ["nearest", "mirror", "reflect"])
def test_map_coordinates_outside(mode: str) -> None:
    x = RNG.random((4, 5))
    places = RNG.random((2, 30)) * 14 - 5
    found = image.map_coordinates(x, places, 1, mode)
    np.testing.assert_allclose(
        found, scipy.ndimage.map_coordinates(x, places, order=1, mode=mode), atol=1e-12
    )


# decompositions and scans


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_lu_factor(shape: tuple[int, int]) -> None:
    x = RNG.random((2, *shape))
    factors, pivots = linalg.lu_factor(x)
    for i in range(2):
        expected, order = scipy.linalg.lu_factor(x[i])
        np.testing.assert_allclose(factors[i], expected, atol=1e-12)
        np.testing.assert_array_equal(pivots[i], order)
    np.testing.assert_array_equal(tf.function(lambda x: linalg.lu_factor(x)[1])(x), pivots)
    checked(lambda x: linalg.lu_factor(x)[0], x)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(size: int, reverse: bool) -> None:
    matrices = RNG.random((size, 2, 2))
    found = core.associative_scan(tf.matmul, matrices, reverse=reverse).numpy()
    total, expected = np.eye(2), []
    for m in matrices[::-1] if reverse else matrices:
        total = total @ m
        expected.append(total)
    np.testing.assert_allclose(found, expected[::-1] if reverse else expected)


def test_scan_is_one_loop_when_it_is_compiled() -> None:
    def f(carry: Any, x: Any) -> Any:
        return carry * 0.5 + x, {"twice": carry * 2.0, "none": None}

    def run(x: Any) -> Any:
        return core.scan(f, tf.constant(1.0, tf.float64), x, reverse=True)

    x = RNG.random(6)
    carry, rows = 1.0, []
    for value in x[::-1]:
        rows.append(2 * carry)
        carry = carry * 0.5 + value
    for found in (run(tf.constant(x)), tf.function(run)(tf.constant(x))):
        np.testing.assert_allclose(found[0], carry)
        np.testing.assert_allclose(found[1]["twice"], rows[::-1])
        assert found[1]["none"] is None


# dtypes


def test_double_precision_is_kept() -> None:
    x = tf.constant(np.array([1.0, 2.0]))
    for y in (keras.ops.add(x, np.float32(1.0)), keras.ops.divide(x, 3), keras.ops.mean(x)):
        assert y.dtype == tf.float64
    assert keras.ops.add(tf.constant(np.array([2**40])), 1).numpy()[0] == 2**40 + 1
    assert keras.ops.add(tf.constant(np.int8([1])), tf.constant([1.0])).dtype == tf.float32


@pytest.mark.parametrize("name, least", [("float8_e4m3fn", 0.125), ("float8_e5m2", 0.25)])
def test_eight_bits_hold_what_is_cast_to_them(name: str, least: float) -> None:
    x = tf.constant([1.0, 1.0 + least, 1.0 + least / 3])
    held = keras.ops.cast(x, name)
    assert held.dtype.name == name
    for back in (
        keras.ops.cast(held, "float32"),
        tf.function(lambda t: tf.cast(t, tf.float32))(held),
    ):
        np.testing.assert_array_equal(back, [1.0, 1.0 + least, 1.0])


def test_code_of_the_backend_is_left_alone_by_autograph() -> None:
    assert of_library(core.__file__)
    assert not of_library(__file__)
