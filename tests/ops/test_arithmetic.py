"""Quotients, remainders, extremes, powers and sums: TensorFlow's conventions, kinks and errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gradtape as tf

INF = float("inf")
NAN = float("nan")


def slopes(function: Any, *values: Any, dtype: Any = tf.float64) -> list[Any]:
    """The gradient of a function by each of its arguments, as Python numbers, arrays or None."""
    inputs = [tf.constant(v, dtype) for v in values]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = function(*inputs)
    given = tape.gradient(out, inputs)
    return [None if g is None else g.numpy().tolist() for g in given]


@pytest.mark.parametrize(
    "x, y, by_x, by_y",
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 2.0, 0.0, 0.0),
        (0.0, 0.5, INF, 0.0),
        (0.0, -1.0, -INF, 0.0),
        (-2.0, 3.0, 12.0, 0.0),
        (-2.0, 0.5, NAN, NAN),
        (2.0, 0.0, 0.0, np.log(2.0)),
        (2.0, 3.0, 12.0, 8 * np.log(2.0)),
    ],
)
def test_power_at_its_singular_points(x: float, y: float, by_x: float, by_y: float) -> None:
    np.testing.assert_allclose(slopes(tf.pow, x, y), [by_x, by_y], rtol=1e-15)


@pytest.mark.parametrize("exponent", [0, 0.0, 1, 2, 2.0, 3, 4, 5, -1, 0.5])
def test_power_by_a_python_number(exponent: Any) -> None:
    x = np.array([0.5, 1.5, 3.0])
    t = tf.constant(x)
    assert np.allclose((t**exponent).numpy(), x**exponent, rtol=1e-15)
    wanted = exponent * x ** (exponent - 1.0)
    np.testing.assert_allclose(slopes(lambda v: v**exponent, x)[0], wanted, rtol=1e-14)
    assert (
        slopes(lambda v: v**exponent, 0.0)[0]
        == ({0: 0.0, 1: 1.0, 2: 0.0, 3: 0.0, 4: 0.0, 5: 0.0, -1: -INF, 0.5: INF}[exponent])
    )


def test_power_of_integers() -> None:
    assert (tf.constant([2, -3, 0]) ** 3).numpy().tolist() == [8, -27, 0]
    assert (tf.constant([2, 5], tf.int64) ** 2).dtype == tf.int64
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.pow.*negative integer powers"
    ):
        tf.pow(tf.constant([2, 3]), tf.constant([-1, 1]))
    with pytest.raises(TypeError, match=r"without loss.*tf\.cast"):
        tf.constant([2, 3]) ** 2.0


def test_power_of_a_variable_keeps_its_dtype() -> None:
    v = tf.Variable([2.0, 3.0], dtype=tf.float16)
    assert (v**2).dtype == tf.float16
    assert (2**v).numpy().tolist() == [4.0, 8.0]


def test_the_dead_branch_of_a_power_leaves_no_nan() -> None:
    zero = np.zeros(2)
    x, y = tf.constant([-1.0, 2.0]), tf.constant([0.5, 0.5])
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        out = tf.pow(x, y)
    given = tape.gradient(out, [x, y], output_gradients=tf.constant(zero.astype(np.float32)))
    assert [g.numpy().tolist() for g in given] == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("function", [tf.maximum, tf.minimum])
def test_ties_go_to_the_first(function: Any) -> None:
    assert slopes(function, 1.0, 1.0) == [1.0, 0.0]
    assert np.isnan(function(tf.constant(NAN), 1.0).numpy())


def test_extremes_do_not_turn_infinite_cotangents_into_nan() -> None:
    with tf.GradientTape() as tape:
        x, y = tf.constant(2.0), tf.constant(1.0)
        tape.watch([x, y])
        out = tf.maximum(x, y)
    given = tape.gradient(out, [x, y], output_gradients=tf.constant(INF))
    assert [g.numpy() for g in given] == [INF, 0.0]


def test_absolute_value_and_sign() -> None:
    assert slopes(tf.abs, [-2.0, 0.0, -0.0, 3.0]) == [[-1.0, 0.0, 0.0, 1.0]]
    assert slopes(tf.sign, [-2.0, 0.0, 3.0]) == [[0.0, 0.0, 0.0]]
    assert tf.abs(-3).dtype == tf.int32
    assert tf.sign(tf.constant([-7, 0, 2], tf.int64)).numpy().tolist() == [-1, 0, 1]


def test_quotients_of_integers() -> None:
    assert tf.divide([1, 2], [4, 4]).numpy().tolist() == [0.25, 0.5]
    assert tf.divide([1, 2], [4, 4]).dtype == tf.float64
    assert tf.math.truediv(tf.constant(1, tf.int8), tf.constant(2, tf.int8)).dtype == tf.float32
    assert (tf.constant(1) / tf.constant(0)).numpy() == INF


@pytest.mark.parametrize(
    "function", [tf.math.floordiv, tf.math.floormod, tf.truncatediv, tf.truncatemod]
)
def test_integer_division_by_zero(function: Any) -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"gradtape\.\w+\(int32\[2\], int32\[2\]\): Integer division by zero",
    ):
        function(tf.constant([1, 2]), tf.constant([1, 0]))
    # floating-point numbers have infinities instead
    assert not np.isfinite(function(tf.constant(1.0), tf.constant(0.0)).numpy())


def test_signs_of_remainders() -> None:
    x, y = np.array([7, 7, -7, -7]), np.array([3, -3, 3, -3])
    for dtype in (tf.int32, tf.float32, tf.float16):
        a, b = tf.constant(x, dtype), tf.constant(y, dtype)
        assert tf.math.floordiv(a, b).numpy().tolist() == [2, -3, -3, 2]
        assert tf.math.floormod(a, b).numpy().tolist() == [1, -2, 2, -1]
        assert tf.truncatediv(a, b).numpy().tolist() == [2, -2, -2, 2]
        assert tf.truncatemod(a, b).numpy().tolist() == [1, 1, -1, -1]
    assert slopes(tf.math.floormod, 7.5, -2.0) == [1.0, 4.0]
    assert slopes(tf.math.floordiv, 7.5, -2.0) == [None, None]
    assert slopes(tf.math.mod, 0.0, 1.0)[0] == 1.0


def test_quotients_that_know_no_nan() -> None:
    assert tf.math.divide_no_nan([1.0, 0.0, NAN, INF], 0.0).numpy().tolist() == [0.0] * 4
    assert slopes(tf.math.divide_no_nan, 1.0, 0.0) == [0.0, 0.0]
    assert slopes(tf.math.divide_no_nan, 3.0, 2.0) == [0.5, -0.75]
    assert tf.math.reciprocal_no_nan([2.0, 0.0]).numpy().tolist() == [0.5, 0.0]
    assert slopes(tf.math.reciprocal_no_nan, [2.0, 0.0]) == [[-0.25, 0.0]]
    assert tf.math.multiply_no_nan([NAN, INF, 3.0], [0.0, 0.0, 2.0]).numpy().tolist() == [
        0.0,
        0.0,
        6.0,
    ]
    assert slopes(tf.math.multiply_no_nan, 3.0, 0.0) == [0.0, 3.0]
    assert tf.math.xdivy([0.0, 0.0, 1.0], [0.0, NAN, 0.0]).numpy().tolist() == [0.0, 0.0, INF]
    assert slopes(tf.math.xdivy, 0.0, 0.0) == [0.0, 0.0]
    assert slopes(tf.math.xdivy, 0.0, 4.0) == [0.25, 0.0]  # TensorFlow: 0, 0


def test_roots() -> None:
    assert slopes(tf.sqrt, [0.0, 4.0]) == [[INF, 0.25]]
    assert slopes(tf.math.rsqrt, 4.0) == [-0.0625]
    assert np.isnan(tf.sqrt(-1.0).numpy())
    x = tf.constant([0.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sqrt(x)
    assert tape.gradient(y, x, output_gradients=tf.constant([0.0, 1.0])).numpy().tolist() == [
        0.0,
        0.25,
    ]


def test_squared_difference() -> None:
    assert slopes(tf.math.squared_difference, [1.0, 5.0], 3.0) == [[-4.0, 4.0], 0.0]
    z = tf.math.squared_difference(tf.constant([1 + 2j]), tf.constant([0j]))
    assert z.numpy().tolist() == [5 + 0j]


def test_scalar_mul_takes_slices_and_refuses_axes() -> None:
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1]), (3, 2))
    scaled = tf.scalar_mul(2.0, rows)
    assert isinstance(scaled, tf.IndexedSlices)
    assert scaled.values.numpy().tolist() == [[2.0, 4.0]]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.scalar_mul.*float32\[2\].*tf\.multiply"
    ):
        tf.scalar_mul([1.0, 2.0], tf.constant([1.0, 2.0]))


def test_add_n() -> None:
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        out = tf.add_n([v, v, [10.0, 20.0]])
    assert out.numpy().tolist() == [12.0, 24.0]
    assert tape.gradient(out, v).numpy().tolist() == [2.0, 2.0]
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1]), (2, 2))
    assert tf.add_n([rows, np.ones((2, 2), np.float32)]).numpy().tolist() == [
        [1.0, 1.0],
        [2.0, 3.0],
    ]
    assert tf.add_n([tf.constant(3.0)]).numpy() == 3.0
    for wrong in ([], 3):
        with pytest.raises(ValueError, match=r"gradtape\.add_n: inputs must be a list"):
            tf.add_n(wrong)
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"gradtape\.add_n.*float32\[2\].*float32\[1\].*tf\.add",
    ):
        tf.add_n([tf.constant([1.0, 2.0]), tf.constant([1.0])])


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tf.add(tf.constant([1.0]), tf.constant([1.0], tf.float64)), r"gradtape\.add.*float32 and float64.*tf\.cast"),
        (lambda: tf.divide(tf.constant(True), tf.constant(False)), r"gradtape\.divide\(bool\[\], bool\[\]\): needs a numeric.*tf\.cast"),
        (lambda: tf.maximum(tf.constant(1j), tf.constant(2j)), r"gradtape\.maximum.*needs a real"),
        (lambda: tf.sqrt(tf.constant([1, 2])), r"gradtape\.sqrt\(int32\[2\]\).*tf\.cast\(x, tf\.float32\)"),
        (lambda: tf.maximum(tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0, 3.0])), r"gradtape\.maximum.*\[2\].*\[3\].*broadcast"),
        (lambda: tf.math.divide_no_nan(tf.constant(1), tf.constant(0)), r"gradtape\.divide_no_nan.*floating-point"),
    ],
)  # fmt: skip
def test_errors_name_the_function_and_the_remedy(call: Any, text: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call()
    assert re.search(text, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("value", ["text", None, {"a": 1}, object()])
def test_what_is_no_tensor(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.(sqrt|maximum|abs|pow)"):
        tf.sqrt(value)
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.maximum"):
        tf.maximum(tf.constant(1.0), value)
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.(abs|pow)"):
        tf.abs(value)
    with pytest.raises((TypeError, ValueError), match=r"gradtape\.pow"):
        tf.pow(value, 2)


def test_empty_tensors_stay_empty() -> None:
    x = tf.constant(np.zeros((0, 3)))
    for function in (tf.sqrt, tf.abs, tf.square, tf.math.reciprocal, tf.sign):
        assert function(x).shape == (0, 3)
    for function in (tf.maximum, tf.divide, tf.pow, tf.math.floormod, tf.math.xdivy):
        assert function(x, tf.constant(np.ones((1, 3)))).shape == (0, 3)
    assert slopes(lambda v: v**2, np.zeros((0, 3))) == [[]]
    assert tf.math.floordiv(
        tf.constant(np.zeros((0,), np.int32)), tf.constant(np.zeros((0,), np.int32))
    ).shape == (0,)


@pytest.mark.parametrize(
    "function",
    [
        tf.sqrt,
        tf.math.rsqrt,
        tf.math.log,
        tf.math.reciprocal,
        lambda v: 1 / v,
        lambda v: v**0.5,
        lambda v: v**-1.5,
    ],
)
def test_the_dead_branch_of_a_where_leaves_no_nan_at_two_orders(function: Any) -> None:
    x = tf.constant([0.0, 4.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.where(x > 0, function(x), 0.0)
        first = inner.gradient(y, x)
    second = outer.gradient(first, x)
    assert (first.numpy()[0], second.numpy()[0]) == (0.0, 0.0)
    assert first.numpy()[1] != 0.0
    assert second.numpy()[1] != 0.0
