"""`GradientTape`: watching, life cycle, targets and sources, what is None and what is an error."""

from __future__ import annotations

import copy
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

import gradtape as tf


def numbers(structure: Any) -> Any:
    """A structure of results as Python numbers and lists."""
    return tf.nest.map_structure(lambda t: None if t is None else np.asarray(t).tolist(), structure)


# watching


def test_a_variable_is_watched_when_it_is_read() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x**2
    assert float(tape.gradient(y, x)) == 6.0


def test_four_kinds_of_source() -> None:
    x0, x1 = tf.Variable(3.0, name="x0"), tf.Variable(3.0, name="x1", trainable=False)
    x2, x3 = tf.Variable(2.0, name="x2") + 1.0, tf.constant(3.0, name="x3")
    with tf.GradientTape() as tape:
        y = (x0**2) + (x1**2) + (x2**2)
    assert numbers(tape.gradient(y, [x0, x1, x2, x3])) == [6.0, None, None, None]
    assert [v.name for v in tape.watched_variables()] == ["x0:0"]


def test_watched_constant_and_intermediate() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    assert float(tape.gradient(z, y)) == 18.0


def test_automatic_watching_can_be_turned_off() -> None:
    x0, x1 = tf.Variable(0.0), tf.Variable(10.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x1)
        y0 = tf.math.sin(x0)
        y1 = tf.nn.softplus(x1)
        y = y0 + y1
        ys = tf.reduce_sum(y)
    grad = tape.gradient(ys, {"x0": x0, "x1": x1})
    assert grad["x0"] is None
    assert float(grad["x1"]) == pytest.approx(0.9999546)


def test_a_variable_made_inside_is_watched() -> None:
    with tf.GradientTape() as tape:
        v = tf.Variable(2.0)
        y = v * v
    assert float(tape.gradient(y, v)) == 4.0


def test_watch_takes_structures() -> None:
    a, b, c = tf.constant(1.0), tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch({"a": a, "rest": [b, (c,)]})
        y = a * b * c
    assert numbers(tape.gradient(y, [a, b, c])) == [6.0, 3.0, 2.0]


def test_watching_is_from_now_on_and_idempotent() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        before = x * x
        tape.watch(x)
        tape.watch(x)
        y = before + 3.0 * x
    assert float(tape.gradient(y, x)) == 3.0


def test_watch_forces_an_untrainable_variable() -> None:
    v = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        tape.watch(v)
        y = v * v
    assert [w is v for w in tape.watched_variables()] == [True]
    assert float(tape.gradient(y, v)) == 6.0


@pytest.mark.parametrize("value", [3.0, np.float32(3.0), None, "x"])
def test_only_tensors_are_watched(value: Any) -> None:
    with tf.GradientTape() as tape, pytest.raises(ValueError, match="not tf.Tensor or tf.Variable"):
        tape.watch(value)


def test_watch_before_entering_is_an_error() -> None:
    with pytest.raises(ValueError, match="inside `with tape:`"):
        tf.GradientTape().watch(tf.constant(1.0))


def test_an_integer_is_watched_with_a_warning() -> None:
    x = tf.constant(10)
    with tf.GradientTape() as tape:
        with pytest.warns(UserWarning, match=r"must be floating.*got tf.int32"):
            tape.watch(x)
        y = x * x
    assert tape.gradient(y, x) is None


def test_complex_is_watched_without_a_warning() -> None:
    x = tf.constant(1.0 + 1.0j)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert complex(tape.gradient(y, x)) == 2 - 2j


def test_watched_variables_come_in_order_of_construction() -> None:
    tape = tf.GradientTape()
    assert tape.watched_variables() == ()
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    with tape:
        tape.watch(tf.constant(1.0))
        y = b * a
    assert [v.name for v in tape.watched_variables()] == ["a:0", "b:0"]
    tape.gradient(y, a)
    assert [v.name for v in tape.watched_variables()] == ["a:0", "b:0"]


# life cycle


def test_reentering_an_active_tape() -> None:
    with tf.GradientTape() as tape, pytest.raises(ValueError, match="Tape is still recording"):
        with tape:
            pass


def test_reentering_after_exit_continues() -> None:
    x = tf.constant(2.0)
    tape = tf.GradientTape()
    with tape:
        tape.watch(x)
        y = x * x
    with tape:
        z = y * x
    assert float(tape.gradient(z, x)) == 12.0


def test_reentering_after_gradient_starts_anew() -> None:
    v = tf.Variable(2.0)
    tape = tf.GradientTape()
    with tape:
        y = v * v
    assert float(tape.gradient(y, v)) == 4.0
    with tape:
        y = v * v * v
    assert float(tape.gradient(y, v)) == 12.0


def test_an_exception_inside_leaves_the_tape_usable() -> None:
    v = tf.Variable(2.0)
    tape = tf.GradientTape()
    with pytest.raises(KeyError), tape:
        y = v * v
        raise KeyError("inside")
    with tf.GradientTape() as other:
        z = v * 3.0
    assert float(tape.gradient(y, v)) == 4.0
    assert float(other.gradient(z, v)) == 3.0


def test_exit_twice_is_allowed() -> None:
    tape = tf.GradientTape()
    with tape:
        pass
    tape.__exit__(None, None, None)


def test_tapes_may_close_in_any_order() -> None:
    x = tf.constant(2.0)
    first, second = tf.GradientTape(), tf.GradientTape()
    first.__enter__()
    second.__enter__()
    first.watch(x)
    second.watch(x)
    first.__exit__(None, None, None)
    y = x * x
    second.__exit__(None, None, None)
    assert first.gradient(y, x) is None
    assert float(second.gradient(y, x)) == 4.0


def test_a_copy_shares_the_record() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
    assert float(copy.copy(tape).gradient(y, v)) == 4.0
    with pytest.raises(TypeError, match="cannot be copied deeply"):
        copy.deepcopy(tape)


def test_stop_recording_stops_this_tape_only() -> None:
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as outer, tf.GradientTape() as tape:
        x_sq = x * x
        with tape.stop_recording():
            y_sq = y * y
        z = x_sq + y_sq
    grad = tape.gradient(z, {"x": x, "y": y})
    assert numbers(grad) == {"x": 4.0, "y": None}
    assert numbers(outer.gradient(z, [x, y])) == [4.0, 6.0]


def test_gradient_inside_stop_recording_uses_the_tape_up() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        with tape.stop_recording():
            assert float(tape.gradient(y, x)) == 6.0
        z = x * x * x
    assert float(tape.gradient(z, x)) == 27.0


def test_stop_recording_outside() -> None:
    with pytest.raises(RuntimeError, match="which is not recording"):
        with tf.GradientTape().stop_recording():
            pass
    with tf.GradientTape() as tape:
        pass
    with pytest.raises(ValueError, match="Tape is not recording"):
        with tape.stop_recording():
            pass


def test_reset_forgets() -> None:
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    c = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(c)
        y_sq = y * y * c
        tape.reset()
        z = x * x + y_sq
        w = c * c
    assert numbers(tape.gradient(z, {"x": x, "y": y})) == {"x": 4.0, "y": None}
    with tf.GradientTape() as tape:
        tape.watch(c)
        tape.reset()
        w = c * c
    assert tape.gradient(w, c) is None
    with pytest.raises(ValueError, match="Tape is not recording"):
        tape.reset()


def test_a_tape_is_used_up_by_one_gradient() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    for again in (tape.gradient, tape.jacobian):
        with pytest.raises(RuntimeError, match="can only be used to compute one set of gradients"):
            again(y, v)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tf.GradientTape().gradient(y, v)


def test_a_persistent_tape_gives_any_number() -> None:
    x = tf.constant([1.0, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    assert numbers(tape.gradient(z, x)) == [4.0, 108.0]
    assert numbers(tape.gradient(y, x)) == [2.0, 6.0]
    del tape


def test_gradient_inside_the_context() -> None:
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v
        assert float(tape.gradient(y, v)) == 6.0
        y = v * v * v
    with pytest.raises(RuntimeError, match="one set of gradients"):
        tape.gradient(y, v)


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


# what gives None


def test_integers_on_the_path_give_none() -> None:
    x = tf.Variable(2.5)
    with tf.GradientTape(persistent=True) as tape:
        through = tf.cast(tf.cast(x, tf.int32), tf.float32) * 2.0
        integer = tf.cast(x, tf.int32)
    assert tape.gradient(through, x) is None
    assert tape.gradient(integer, x) is None


def test_numpy_on_the_path_gives_none() -> None:
    x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        x2 = x**2
        y = np.mean(x2, axis=0)
        y = tf.reduce_mean(y, axis=0)
    assert tape.gradient(y, x) is None


def test_a_numpy_array_times_a_variable_stays() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = np.float32(3.0) * x
    assert isinstance(y, tf.Tensor)
    assert float(tape.gradient(y, x)) == 3.0


def test_stepwise_functions_give_none() -> None:
    x = tf.Variable(2.3)
    with tf.GradientTape(persistent=True) as tape:
        ys = [tf.round(x), tf.floor(x), tf.math.ceil(x), x // 2.0]
    assert [tape.gradient(y, x) for y in ys] == [None] * 4


def test_assignment_stops_the_gradient() -> None:
    x = tf.Variable(3.0)
    v = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        v.assign(x * x)
        y = v * v
    assert tape.gradient(y, x) is None
    assert float(tape.gradient(y, v)) == 18.0
    x0 = tf.Variable(3.0)
    x1 = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        x1.assign_add(x0)
        y = x1**2
    assert tape.gradient(y, x0) is None


def test_the_initial_value_of_a_variable_stops_the_gradient() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        v = tf.Variable(x * x)
        y = v * v
    assert tape.gradient(y, x) is None


def test_replacing_a_variable_by_a_tensor() -> None:
    x = tf.Variable(2.0)
    seen = []
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = x + 1
        seen.append((type(x).__name__, numbers(tape.gradient(y, x))))
        x = x + 1
    assert seen == [("Variable", 1.0), ("Tensor", None)]


def test_python_branches() -> None:
    x = tf.constant(1.0)
    v0, v1 = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = v0 if x > 0.0 else v1**2
    assert numbers(tape.gradient(result, [v0, v1])) == [1.0, None]
    assert tape.gradient(result, x) is None


def test_a_python_loop() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.constant(1.0)
        while y < 100.0:
            y = y * v
    assert float(y) == 128.0
    assert float(tape.gradient(y, v)) == 7 * 64.0


# after a failure


def failing(message: str) -> Any:
    @tf.custom_gradient
    def fails(x: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            raise RuntimeError(message)

        return x * x, gradient

    return fails


def test_a_failing_backward_pass_leaves_the_tape_whole() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v * v
        z = failing("in the gradient")(y)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="in the gradient"):
            tape.gradient(z, v)
    assert float(tape.gradient(y, v)) == 12.0


def test_an_operation_without_a_gradient_is_an_error_at_the_gradient() -> None:
    @tf.primitive(name="tape_test_without")
    def without(xp: Any, x: Any) -> Any:
        return x * 2

    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
        z = without(y)
    with pytest.raises(LookupError, match="gradient registry has no entry for: tape_test_without"):
        tape.gradient(z, v)
    assert float(tape.gradient(y, v)) == 4.0


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


def test_a_source_that_another_tape_made_keeps_its_past() -> None:
    v = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        y = v * v
        with tf.GradientTape() as inner:
            inner.watch(y)
            z = y * y
        assert float(inner.gradient(z, y)) == 18.0
    assert float(outer.gradient(z, v)) == 108.0
