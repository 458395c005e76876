"""`GradientTape.gradient`: targets, sources and structures, weights, unconnected sources, slices."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

import gradtape as tf


def numbers(structure: Any) -> Any:
    """A structure of results as Python numbers and lists."""
    return tf.nest.map_structure(lambda t: None if t is None else np.asarray(t).tolist(), structure)


# targets, sources, structures

Point = namedtuple("Point", ["x", "y"])


def test_the_result_has_the_structure_of_the_sources() -> None:
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = a * b
    assert numbers(tape.gradient(y, [a, b])) == [3.0, 2.0]
    assert numbers(tape.gradient(y, (a, b))) == (3.0, 2.0)
    assert numbers(tape.gradient(y, {"b": b, "a": a})) == {"b": 2.0, "a": 3.0}
    assert list(tape.gradient(y, {"b": b, "a": a})) == ["b", "a"]
    assert numbers(tape.gradient(y, Point(a, b))) == Point(3.0, 2.0)
    assert numbers(tape.gradient(y, [Point(a, b)])) == [Point(3.0, 2.0)]
    assert numbers(tape.gradient(y, OrderedDict(z=a, a=b))) == OrderedDict(z=3.0, a=2.0)
    assert numbers(tape.gradient(y, {"a": a, "b": b}.values())) == [3.0, 2.0]
    assert tape.gradient(y, []) == []
    assert numbers(tape.gradient(y, [[a], {"k": (b, a)}])) == [[3.0], {"k": (2.0, 3.0)}]


def test_several_targets_are_summed() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y0 = x**2
        y1 = 1 / x
    assert float(tape.gradient(y0, x)) == 4.0
    assert float(tape.gradient(y1, x)) == -0.25
    assert float(tape.gradient({"y0": y0, "y1": y1}, x)) == 3.75
    assert float(tape.gradient([y0, y0], x)) == 8.0
    assert numbers(tape.gradient(y0, [x, x])) == [4.0, 4.0]


def test_a_target_with_axes_is_summed() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * [3.0, 4.0]
    assert float(tape.gradient(y, x)) == 7.0


def test_broadcasting_is_undone() -> None:
    x = tf.constant(np.ones((2, 1, 3), np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * np.ones((5, 2, 4, 3), np.float32)
    gradient = tape.gradient(y, x)
    assert gradient.shape == (2, 1, 3)
    np.testing.assert_array_equal(gradient, np.full((2, 1, 3), 20.0))


def test_the_gradient_has_the_dtype_of_its_source() -> None:
    x = tf.constant(2.0, tf.float16)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(x, tf.float64) ** 2
    gradient = tape.gradient(y, x)
    assert gradient.dtype == tf.float16
    assert float(gradient) == 4.0


def test_a_real_source_through_complex_numbers_has_a_real_gradient() -> None:
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.cast(x, tf.complex64) * (1 + 2j)
        y = tf.math.real(z * z)
    gradient = tape.gradient(y, x)
    assert gradient.dtype == tf.float32
    assert float(gradient) == pytest.approx(2 * 2 * ((1 + 2j) ** 2).real)


def test_target_equal_to_source() -> None:
    x = tf.constant([5.0, 6.0])
    with tf.GradientTape(persistent=True) as tape:
        pass
    assert numbers(tape.gradient(x, x)) == [1.0, 1.0]
    assert numbers(tape.gradient(x, x, output_gradients=[[2.0, 3.0]])) == [2.0, 3.0]
    v = tf.Variable(3.0)
    assert float(tape.gradient(v, v)) == 1.0


def test_conversion_keeps_the_tensor_and_identity_does_not() -> None:
    x = tf.constant(3.0)
    assert tf.convert_to_tensor(x) is x
    with tf.GradientTape() as tape:
        y = tf.identity(x)
        tape.watch(x)
        z = y * y
    assert tape.gradient(z, x) is None


# output_gradients and unconnected_gradients


def square_tape() -> tuple[Any, Any, Any]:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    return tape, y, x


def test_output_gradients_are_weights() -> None:
    tape, y, x = square_tape()
    weights = [10.0, 100.0]
    for given in (
        tf.constant(weights),
        tf.Variable(weights),
        np.array(weights, np.float32),
        weights,
        [tf.constant(weights)],
    ):
        assert numbers(tape.gradient(y, x, output_gradients=given)) == [20.0, 400.0]
    assert numbers(tape.gradient(y, x, output_gradients=3.0)) == [6.0, 12.0]


def test_output_gradients_may_be_none() -> None:
    tape, y, x = square_tape()
    weights = [None, tf.constant([1.0, 0.0])]
    assert numbers(tape.gradient([y, y], x, output_gradients=weights)) == [4.0, 4.0]


@pytest.mark.parametrize(
    "targets, given, message",
    [
        (2, [1.0], "1 output_gradients for 2 targets"),
        (2, [1.0, 1.0, 1.0], "3 output_gradients for 2 targets"),
        (1, np.ones(3, np.float32), "shapes differ"),
        (1, tf.constant([1.0, 2.0], tf.float64), "dtypes differ"),
    ],
)
def test_output_gradients_that_do_not_fit(targets: int, given: Any, message: str) -> None:
    tape, y, x = square_tape()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tape.gradient([y] * targets if targets > 1 else y, x, output_gradients=given)
    assert numbers(tape.gradient(y, x)) == [2.0, 4.0]


def test_unconnected_gradients() -> None:
    x, y = tf.Variable([2.0, 2.0]), tf.Variable(3.0)
    z = y * y
    with tf.GradientTape(persistent=True) as tape:
        z = y * y
    assert tape.gradient(z, x) is None
    zero = tf.UnconnectedGradients.ZERO
    assert numbers(tape.gradient(z, x, unconnected_gradients=zero)) == [0.0, 0.0]
    assert numbers(tape.gradient(z, [x, y], unconnected_gradients="zero")) == [[0.0, 0.0], 6.0]
    integer = tape.gradient(z, tf.constant([1, 2]), unconnected_gradients="zero")
    assert integer.dtype == tf.int32
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients: 'nonsense'"):
        tape.gradient(z, x, unconnected_gradients="nonsense")


# what is no tensor


def test_target_none_is_explained() -> None:
    v = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = v * v
    with pytest.raises(TypeError, match="but received None"):
        tape.gradient(None, v)
    for target, source in (([y, None], v), (y, None), (y, [v, None])):
        with pytest.raises(TypeError, match=r"None.*is no tensor"):
            tape.gradient(target, source)
    for target, source in ((3.0, v), (np.float32(3.0), v), (y, 3.0), (y, np.ones(2))):
        with pytest.raises(TypeError, match="is no tensor, so nothing was recorded"):
            tape.gradient(target, source)


# IndexedSlices


def test_taking_rows_gives_slices() -> None:
    v = tf.Variable(np.ones((4, 2), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        y = tf.gather(v, [0, 2, 0])
        two = tf.reduce_sum(y) + tf.reduce_sum(tf.gather(v, [1]))
        mixed = tf.reduce_sum(y) + tf.reduce_sum(v)
        other = tf.gather(v, [1], axis=1)
        row = v[0]
    slices = tape.gradient(y, v)
    assert isinstance(slices, tf.IndexedSlices)
    assert slices.indices.numpy().tolist() == [0, 2, 0]
    assert numbers(slices.dense_shape) == [4, 2]
    dense = [[2.0, 2.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    assert numbers(tf.convert_to_tensor(slices)) == dense
    assert numbers(tf.convert_to_tensor(0.5 * slices)) == (np.array(dense) / 2).tolist()
    assert tape.gradient(two, v).indices.shape == (4,)
    assert isinstance(tape.gradient(mixed, v), tf.Tensor)
    assert isinstance(tape.gradient(other, v), tf.Tensor)
    assert isinstance(tape.gradient(row, v), tf.Tensor)


def test_second_order_through_rows() -> None:
    v = tf.Variable(np.ones((4, 2), np.float32))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.gather(v * v, [0, 2, 0]) ** 2)
        first = tape.gradient(y, v)
    second = outer.gradient(first, v)
    assert numbers(second) == [[24.0, 24.0], [0.0, 0.0], [12.0, 12.0], [0.0, 0.0]]


def test_slices_are_a_target() -> None:
    v = tf.Variable(np.ones((4, 2), np.float32))
    w = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.gather(v, [0, 2])) * w * w
        slices = tape.gradient(y, v)
        assert isinstance(slices, tf.IndexedSlices)
    assert float(outer.gradient(slices, w)) == 4 * 6.0
