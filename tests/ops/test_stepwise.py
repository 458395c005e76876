"""Comparisons, logic, rounding, casts and bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

NAN = float("nan")
INF = float("inf")


def gradient(function: Any, value: Any, dtype: Any = tf.float32) -> Any:
    x = tf.constant(value, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def test_halves_round_to_even() -> None:
    x = tf.constant([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.6])
    wanted = [-2.0, -2.0, -0.0, 0.0, 2.0, 2.0, 3.0]
    assert tf.round(x).numpy().tolist() == wanted
    assert tf.math.rint(x).numpy().tolist() == wanted
    i = tf.constant([1, 2])
    assert tf.round(i) is i
    assert tf.floor(x).numpy().tolist() == [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 2.0]
    assert tf.math.ceil(x).numpy().tolist() == [-2.0, -1.0, -0.0, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("function", [tf.round, tf.floor, tf.math.ceil, tf.math.rint])
def test_rounding_has_no_derivative(function: Any) -> None:
    assert gradient(function, [0.3, 1.7]) is None


def test_comparisons_with_nan_and_complex_numbers() -> None:
    x = tf.constant([1.0, NAN])
    assert tf.equal(x, x).numpy().tolist() == [True, False]
    assert tf.not_equal(x, x).numpy().tolist() == [False, True]
    assert tf.less(x, INF).numpy().tolist() == [True, False]
    assert tf.equal(tf.constant([1j, 1 + 0j]), 1j).numpy().tolist() == [True, False]
    assert tf.equal([True, False], True).numpy().tolist() == [True, False]
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"gradtape\.less\(complex128\[\], complex128\[\]\): needs a real",
    ):
        tf.less(tf.constant(1j), tf.constant(2j))


def test_logic_takes_booleans_only() -> None:
    assert tf.math.logical_xor(True, [True, False]).numpy().tolist() == [False, True]
    for call in (
        lambda: tf.logical_and(tf.constant(1), tf.constant(2)),
        lambda: tf.logical_not(tf.constant(1.0)),
    ):
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"gradtape\.logical_\w+.*needs a bool.*tf\.cast\(x, tf\.bool\)",
        ):
            call()


def test_numbers_that_are_none() -> None:
    x = [1.0, INF, -INF, NAN]
    assert tf.math.is_finite(x).numpy().tolist() == [True, False, False, False]
    assert tf.math.is_inf(x).numpy().tolist() == [False, True, True, False]
    assert tf.math.is_nan(x).numpy().tolist() == [False, False, False, True]
    assert tf.math.is_nan(tf.constant([complex(0, NAN), 1j])).numpy().tolist() == [True, False]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.is_nan\(int32\[\]\).*tf\.cast"
    ):
        tf.math.is_nan(1)


def test_comparisons_refuse_shapes_and_dtypes() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.less.*\[2\].*\[3\]"):
        tf.less(tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0, 3.0]))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.greater.*float32 and int32.*tf\.cast"
    ):
        tf.greater(tf.constant(1.0), tf.constant(1))
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.less"):
        tf.less(tf.constant(1.0), "text")


def test_nextafter() -> None:
    assert tf.math.nextafter(1.0, 2.0).numpy() == np.float32(1 + 2.0**-23)
    x, y = tf.constant(1.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = tf.math.nextafter(x, y)
    assert [g.numpy() for g in tape.gradient(z, [x, y])] == [1.0, 0.0]


# casts


def test_cast_of_values() -> None:
    assert tf.cast([1.8, -1.8], tf.int32).numpy().tolist() == [1, -1]
    assert tf.cast([0.0, 0.3, NAN], tf.bool).numpy().tolist() == [False, True, True]
    assert tf.cast([True, False], tf.float16).numpy().tolist() == [1.0, 0.0]
    assert tf.cast([1 + 2j], tf.float32).numpy().tolist() == [1.0]
    assert tf.cast([1, 2], tf.complex64).numpy().tolist() == [1 + 0j, 2 + 0j]
    assert tf.cast(300, tf.uint8).numpy() == 44
    assert tf.cast(0.1, tf.float64).numpy() == 0.1  # TensorFlow passes through float32
    assert tf.cast(2**40, tf.int64).numpy() == 2**40
    x = tf.constant([1.0])
    assert tf.cast(x, tf.float32) is x
    assert tf.cast(x, "float64").dtype == tf.float64


def test_cast_of_what_an_integer_cannot_hold_does_not_warn() -> None:
    wanted = np.array([INF, -INF, NAN, 1e20])
    with np.errstate(all="ignore"):
        wanted = wanted.astype(np.int32)
    assert (
        tf.cast(tf.constant([INF, -INF, NAN, 1e20], tf.float64), tf.int32).numpy().tolist()
        == wanted.tolist()
    )


def test_gradients_of_casts() -> None:
    given = gradient(
        lambda x: tf.cast(x, tf.float16) * tf.constant(3.0, tf.float16), [1.5], tf.float64
    )
    assert (given.numpy().tolist(), given.dtype) == ([3.0], tf.float64)
    given = gradient(lambda x: tf.cast(x, tf.complex64) * 2j, [1.5])
    assert (given.numpy().tolist(), given.dtype) == ([0.0], tf.float32)
    given = gradient(lambda z: tf.cast(z, tf.float32) * 3.0, [1 + 2j], tf.complex64)
    assert given.numpy().tolist() == [3 + 0j]
    assert gradient(lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), [1.5]) is None
    assert gradient(lambda x: tf.cast(x > 0, tf.float32), [1.5]) is None


def test_cast_of_slices_and_errors() -> None:
    rows = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]), (2, 1))
    assert tf.cast(rows, tf.float64).dtype == tf.float64
    with pytest.raises(TypeError, match=r"Cannot convert 'float33' to a gradtape dtype"):
        tf.cast([1.0], "float33")
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.cast"):
        tf.cast("text", tf.float32)


@pytest.mark.parametrize("target", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"])
def test_saturation(target: str) -> None:
    dtype = tf.as_dtype(target)
    for source in (tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.int64):
        big = min(float(source.max), 1e18) if source.is_floating else 2**60
        given = tf.saturate_cast(tf.constant([-big, 3, big], source), dtype).numpy()
        assert given.dtype == dtype.numpy_dtype
        assert given[1] == 3
        assert (given[0] == dtype.min) == (-big <= dtype.min)
        # floats round the largest integers: the next one inside counts as the end
        assert given[2] >= min(big, float(dtype.max)) * 0.99
    assert tf.saturate_cast(tf.constant([1e30, -1e30]), dtype).numpy()[0] >= dtype.max * 0.99


def test_saturation_between_floats_and_its_gradient() -> None:
    assert tf.saturate_cast(tf.constant([1e30, -1e30]), tf.float16).numpy().tolist() == [
        65504.0,
        -65504.0,
    ]
    given = gradient(lambda x: tf.saturate_cast(x, tf.float16), [1e6, 2.0])
    assert given.numpy().tolist() == [0.0, 1.0]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.saturate_cast.*bool.*tf\.cast"
    ):
        tf.saturate_cast([1.0], tf.bool)


def test_bitcast() -> None:
    assert tf.bitcast(tf.constant(1.0), tf.uint32).numpy() == 0x3F800000
    split = tf.bitcast(tf.constant([1.0], tf.float64), tf.uint16)
    assert split.shape == (1, 4)
    assert tf.bitcast(split, tf.float64).numpy().tolist() == [1.0]
    assert gradient(lambda x: tf.bitcast(tf.bitcast(x, tf.int32), tf.float32), [1.0]) is None
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.bitcast\(float32\[3\], float64\).*size 2"
    ):
        tf.bitcast(tf.constant([1.0, 2.0, 3.0]), tf.float64)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.bitcast.*bool"):
        tf.bitcast(tf.constant(True), tf.uint8)


# bits


def test_bits() -> None:
    x, y = tf.constant([6, -7], tf.int8), tf.constant([3, 2], tf.int8)
    assert tf.bitwise.bitwise_and(x, y).numpy().tolist() == [2, 0]
    assert tf.bitwise.bitwise_or(x, y).numpy().tolist() == [7, -5]
    assert tf.bitwise.bitwise_xor(x, y).numpy().tolist() == [5, -5]
    assert tf.bitwise.invert(x).numpy().tolist() == [-7, 6]
    assert tf.bitwise.left_shift(x, y).numpy().tolist() == [48, -28]
    assert tf.bitwise.right_shift(x, y).numpy().tolist() == [0, -2]


def test_shifts_beyond_the_width_are_clamped() -> None:
    x = tf.constant([-8, 8], tf.int32)
    assert tf.bitwise.right_shift(x, 40).numpy().tolist() == [-1, 0]
    assert tf.bitwise.right_shift(x, -1).numpy().tolist() == [-8, 8]


def test_bits_of_integers_only() -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"gradtape\.bitwise_and\(float32\[\], float32\[\]\): needs an integer.*tf\.cast\(x, tf\.int32\)",
    ):
        tf.bitwise.bitwise_and(tf.constant(1.0), tf.constant(2.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.invert\(bool\[\]\)"):
        tf.bitwise.invert(tf.constant(True))
