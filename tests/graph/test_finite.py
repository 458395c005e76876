"""`debug_nans` and recorded functions: full speed, and operation by operation when it goes wrong."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff import finite_hints as hints
from gradtape.autodiff.finite_watch import inside
from gradtape.core.errors import NotFiniteError
from gradtape.core.state import here, lookouts

INF, NAN = float("inf"), float("nan")
C = tf.constant
Recorded = Callable[[Callable[..., Any]], Any]


@pytest.fixture(params=[False, True], ids=["numpy", "compiled"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return tf.function(jit_compile=request.param)


@pytest.fixture(autouse=True)
def nothing_stays_on() -> Iterator[None]:
    yield
    tf.debug_nans(False)
    assert not lookouts
    assert not here.special
    assert not inside.rules


def caught(program: Callable[[], Any], **options: Any) -> NotFiniteError:
    """The error of a program under `debug_nans`."""
    with tf.debug_nans(**options), pytest.raises(tf.errors.InvalidArgumentError) as found:
        program()
    assert isinstance(found.value, NotFiniteError)
    return found.value


def line_of(program: Any, mark: str = "here") -> int:
    """The line of a test that ends with a mark."""
    lines, first = inspect.getsourcelines(program)
    (number,) = [i for i, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return first + number


def test_a_value(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        y = x * 2.0
        return tf.reduce_sum(tf.math.log(y)) + tf.reduce_sum(y)  # here

    with tf.debug_nans():
        assert np.isfinite(f(C([1.0, 2.0])).numpy())
    error = caught(lambda: f(C([1.0, 0.0])))
    assert (error.operation, error.kind, error.what, error.index) == (
        "gradtape.log", "value", "inf", (1,),
    )  # fmt: skip
    assert error.place == (__file__, line_of(test_a_value))
    assert error.hint.startswith(hints.LOG)
    assert "in f, compiled" in str(error)
    assert np.isneginf(f(C([1.0, 0.0])).numpy())


def test_a_function_recorded_before(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.sqrt(x) + 1.0  # here

    f(C(4.0))
    assert caught(lambda: f(C(-4.0))).place == (
        __file__, line_of(test_a_function_recorded_before),
    )  # fmt: skip


def test_masked_values_are_left_in_peace(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        a = tf.where(x > 0.0, tf.math.log(x), 0.0)
        return a + tf.exp(x)  # here

    with tf.debug_nans():
        assert f(C([0.0, 1.0])).numpy()[0] == 1.0
    error = caught(lambda: f(C([0.0, 100.0])))
    assert (error.operation, error.place) == (
        "gradtape.exp", (__file__, line_of(test_masked_values_are_left_in_peace)),
    )  # fmt: skip


def test_a_cotangent(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        y = tf.sqrt(x)  # here
        return tf.reduce_sum(y * y)

    def program() -> Any:
        x = tf.Variable([0.0, 1.0])
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.sqrt(f(x) - 1.0))
        return tape.gradient(y, x)

    error = caught(program)
    assert error.operation == "gradtape.sqrt"
    assert error.kind == "cotangent"

    def inside() -> Any:
        x = tf.Variable([0.0, 1.0])
        with tf.GradientTape() as tape:
            y = g(x)
        return tape.gradient(y, x)

    @recorded
    def g(x: Any) -> Any:
        y = tf.sqrt(x)  # inner
        return tf.reduce_sum(3.0 * y)

    error = caught(inside)
    assert (error.operation, error.kind, error.what) == ("gradtape.sqrt", "cotangent", "inf")
    assert error.place == (__file__, line_of(test_a_cotangent, "inner"))
    assert error.hint == hints.ROOT_BACK


def test_a_tape_inside(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sqrt(x)  # here
        return tape.gradient(y, x)

    error = caught(lambda: f(C([1.0, 0.0])))
    assert (error.operation, error.kind, error.what) == ("gradtape.sqrt", "cotangent", "inf")
    assert error.place == (__file__, line_of(test_a_tape_inside))


def test_gradients(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        y = x**0.5  # here
        return tf.gradients(y, x)[0]

    error = caught(lambda: f(C([1.0, 0.0])))
    assert (error.operation, error.kind) == ("gradtape.pow", "cotangent")
    assert error.place == (__file__, line_of(test_gradients))
    assert error.hint == hints.POWER_BACK


def test_second_order(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return x**1.5  # here

    def program() -> Any:
        x = tf.Variable([0.0])
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                y = f(x)
            slope = tape.gradient(y, x)
        return outer.gradient(slope, x)

    error = caught(program)
    assert error.operation == "gradtape.pow"
    assert error.place == (__file__, line_of(test_second_order))


def test_an_iteration_of_a_loop(recorded: Recorded) -> None:
    @recorded
    def f(x: Any, n: Any) -> Any:
        i = 0
        while i < n:  # loop
            x = x * x  # here
            i += 1
        return x

    error = caught(lambda: f(C([10.0, 1.0]), C(8)))
    assert (error.operation, error.what, error.index) == ("gradtape.multiply", "inf", (0,))
    assert error.place == (__file__, line_of(test_an_iteration_of_a_loop))
    assert "iteration 5 (counted from 0) of the loop" in str(error)
    assert f":{line_of(test_an_iteration_of_a_loop, 'loop')}" in str(error)


def test_a_row_of_a_scan(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.scan(lambda a, r: a + tf.math.log(r + 0.0 * a), x, 0.0)  # here

    error = caught(lambda: f(C([1.0, 2.0, 0.0, 3.0])))
    assert error.operation == "gradtape.log"
    assert error.place == (__file__, line_of(test_a_row_of_a_scan))
    assert "iteration 2 (counted from 0) of the loop" in str(error)


def test_rows_of_a_scan_that_are_done_at_once(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.scan(lambda a, r: a + tf.math.log(r), x, 0.0)  # here

    error = caught(lambda: f(C([1.0, 2.0, 0.0, 3.0])))
    assert (error.operation, error.index) == ("gradtape.log", (2,))
    assert error.place == (__file__, line_of(test_rows_of_a_scan_that_are_done_at_once))


def test_a_map(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.map_fn(lambda r: tf.sqrt(r), x)  # here

    error = caught(lambda: f(C([1.0, -2.0])))
    assert (error.operation, error.place) == (
        "gradtape.sqrt", (__file__, line_of(test_a_map)),
    )  # fmt: skip


def test_a_branch(recorded: Recorded) -> None:
    @recorded
    def f(x: Any, flag: Any) -> Any:
        return tf.cond(
            flag,
            lambda: tf.sqrt(x),  # here
            lambda: x + 1.0,
        )

    with tf.debug_nans():
        f(C(-1.0), C(False))
    error = caught(lambda: f(C(-1.0), C(True)))
    assert error.place == (__file__, line_of(test_a_branch))
    assert "in a branch of the choice" in str(error)


def test_the_gradient_of_a_loop(recorded: Recorded) -> None:
    @recorded
    def f(x: Any, n: Any) -> Any:
        i = 0
        while i < n:
            x = tf.sqrt(x)  # here
            i += 1
        return x

    def program() -> Any:
        x = tf.Variable(0.0)
        with tf.GradientTape() as tape:
            y = f(x, C(2))
        return tape.gradient(y, x)

    error = caught(program)
    assert error.operation == "gradtape.sqrt"
    assert error.place == (__file__, line_of(test_the_gradient_of_a_loop))


@pytest.mark.parametrize("size", [3, 5000])
def test_an_assigned_variable_keeps_its_value(recorded: Recorded, size: int) -> None:
    w = tf.Variable(np.full(size, 1e38, np.float32))

    @recorded
    def grow(k: Any) -> Any:
        w.assign_add(w * k)  # here
        return tf.constant(1.0)

    with tf.debug_nans():
        for _ in range(3):
            grow(C(0.5))
    held = w.numpy()
    error = caught(lambda: grow(C(10.0)))
    assert error.operation == "gradtape.multiply"
    assert error.place == (__file__, line_of(test_an_assigned_variable_keeps_its_value))
    np.testing.assert_array_equal(w.numpy(), held)
    grow(C(-1.0))
    assert not w.numpy().any()


def test_an_optimizer(recorded: Recorded) -> None:
    w = tf.Variable([1.0, 2.0])
    optimizer = tf.optimizers.SGD(1.0)

    @recorded
    def train(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.exp(w * x))  # here
        optimizer.apply_gradients(zip(tape.gradient(loss, [w]), [w], strict=True))
        return loss

    error = caught(lambda: train(C(200.0)))
    assert (error.operation, error.place) == (
        "gradtape.exp", (__file__, line_of(test_an_optimizer)),
    )  # fmt: skip
    assert w.numpy().tolist() == [1.0, 2.0]


def test_data_that_came_in(recorded: Recorded) -> None:
    w = tf.Variable([NAN, 1.0], name="weights")

    @recorded
    def f(x: Any) -> Any:
        return w * x  # here

    error = caught(lambda: f(C(2.0)))
    assert (error.operation, error.kind) == ("gradtape.multiply", "data")
    assert error.place == (__file__, line_of(test_data_that_came_in))
    assert "the value of variable 'weights:0'" in str(error)


def test_infinite_data_may_pass(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.nn.softmax(x + C([0.0, -INF])), tf.maximum(x, C([INF, 0.0]))

    with tf.debug_nans():
        assert f(C([1.0, 1.0]))[0].numpy().tolist() == [1.0, 0.0]


def test_nan_alone(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        y = tf.math.log(x)
        return y - y, y  # here

    error = caught(lambda: f(C([0.0])), infs=False)
    assert (error.operation, error.what) == ("gradtape.subtract", "NaN")


def test_effects_are_done_once(recorded: Recorded, capsys: Any) -> None:
    @recorded
    def f(x: Any) -> Any:
        tf.print("seen", output_stream=sys.stdout)
        return tf.sqrt(x)

    caught(lambda: f(C(-1.0)))
    assert capsys.readouterr().out == "seen\n"


def test_forward_mode(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.sqrt(x)  # here

    def program() -> Any:
        x = tf.Variable([0.0])
        with tf.autodiff.ForwardAccumulator(x, tf.ones([1])):
            return f(x)

    error = caught(program)
    assert error.place == (__file__, line_of(test_forward_mode))


def test_a_session() -> None:
    with tf.Graph().as_default():
        x = tf.compat.v1.placeholder(tf.float32, [2])
        y = tf.math.log(x)  # here
        with tf.compat.v1.Session() as session, tf.debug_nans():
            session.run(y, {x: [1.0, 2.0]})
            with pytest.raises(NotFiniteError) as found:
                session.run(y, {x: [1.0, 0.0]})
            assert found.value.place == (__file__, line_of(test_a_session))


def test_open_sizes(recorded: Recorded) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def f(x: Any) -> Any:
        return tf.math.log(x) + tf.reduce_mean(x)  # here

    for zeros in (tf.zeros([2]), tf.zeros([5])):
        error = caught(partial(f, zeros))
        assert (error.operation, error.size) == ("gradtape.log", zeros.shape[0])


def test_results_and_gradients_are_those_without(recorded: Recorded) -> None:
    rng = np.random.default_rng(5)
    w = tf.Variable(rng.normal(size=(4, 3)))

    @recorded
    def f(x: Any) -> Any:
        return tf.reduce_sum(tf.tanh(tf.matmul(x, w)) ** 2)

    def program() -> Any:
        x = C(np.linspace(0.0, 1.0, 8).reshape(2, 4))
        with tf.GradientTape() as tape:
            y = f(x)
        return y.numpy(), tape.gradient(y, w).numpy()

    plain = program()
    with tf.debug_nans():
        for have, want in zip(program(), plain, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-12)
