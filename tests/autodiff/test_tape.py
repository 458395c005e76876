"""`GradientTape`: watching, life cycle, what gives None, and what survives a failure."""

from __future__ import annotations

import copy
from contextlib import suppress
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
        tape.__enter__()


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
    with suppress(KeyError), tape:
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
        tf.GradientTape().stop_recording().__enter__()
    with tf.GradientTape() as tape:
        pass
    with pytest.raises(ValueError, match="Tape is not recording"):
        tape.stop_recording().__enter__()


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


def test_a_source_that_another_tape_made_keeps_its_past() -> None:
    v = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        y = v * v
        with tf.GradientTape() as inner:
            inner.watch(y)
            z = y * y
        assert float(inner.gradient(z, y)) == 18.0
    assert float(outer.gradient(z, v)) == 108.0
