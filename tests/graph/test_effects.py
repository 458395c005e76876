"""What a recorded function does on the way: printing and checking values, in the program's order, by
NumPy and compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant
Recorded = Callable[[Callable[..., Any]], Any]


@pytest.fixture(params=[False, True], ids=["numpy", "compiled"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return tf.function(jit_compile=request.param)


@pytest.fixture
def numerics() -> Iterator[None]:
    yield
    tf.debugging.disable_check_numerics()


def say(*values: Any) -> None:
    tf.print(*values, output_stream=sys.stdout)


# printing


def test_print_shows_values_of_each_run(recorded: Recorded, capsys: Any) -> None:
    @recorded
    def f(x: Any) -> Any:
        say("x =", x, {"first": x[0]}, 3)
        return 2.0 * x

    for values in ([1.0, 2.5], [3.0, 4.0]):
        f(C(values))
    assert capsys.readouterr().out == ("x = [1 2.5] {'first': 1} 3\nx = [3 4] {'first': 3} 3\n")


def test_the_default_stream_is_stderr(recorded: Recorded, capsys: Any) -> None:
    recorded(lambda x: tf.print(x, sep="", end="."))(C(1))
    assert capsys.readouterr().err == "1."


def test_order_of_the_program(recorded: Recorded, capsys: Any) -> None:
    v = tf.Variable(0.0)

    @recorded
    def inner(x: Any) -> Any:
        say("inner", x)
        return x + 1.0

    @recorded
    def f(x: Any) -> Any:
        say("before", v)
        v.assign_add(x)
        y = inner(v + 0.0)
        say("after", v, y)

    f(C(2.0))
    assert capsys.readouterr().out == "before 0\ninner 2\nafter 2 3\n"


def test_prints_of_a_loop(recorded: Recorded, capsys: Any) -> None:
    @recorded
    def f(n: Any) -> Any:
        for i in tf.range(n):
            say("step", i)
        return n

    f(C(3))
    assert capsys.readouterr().out == "step 0\nstep 1\nstep 2\n"


def test_prints_once_for_each_example(recorded: Recorded, capsys: Any) -> None:
    def row(a: Any) -> Any:
        say("row", a)
        return 2.0 * a

    values = C([1.0, 2.0])
    np.testing.assert_array_equal(tf.vectorized_map(recorded(row), values), [2.0, 4.0])
    batch = recorded(lambda x: tf.vectorized_map(row, x))
    np.testing.assert_array_equal(batch(values), [2.0, 4.0])
    assert capsys.readouterr().out == "row 1\nrow 2\n" * 2


def test_prints_of_a_gradient_function(recorded: Recorded, capsys: Any) -> None:
    @tf.custom_gradient
    def doubled(x: Any) -> Any:
        def grad(ct: Any) -> Any:
            say("cotangent", ct)
            return 2.0 * ct

        return 2.0 * x, grad

    @recorded
    def inside(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = 3.0 * doubled(x)
        say("forward done")
        return tape.gradient(y, x)

    x = C(1.0)
    assert float(inside(x)) == 6.0
    assert capsys.readouterr().out == "forward done\ncotangent 3\n"
    outside = recorded(lambda x: 3.0 * doubled(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = outside(x)
    assert capsys.readouterr().out == ""
    assert float(tape.gradient(y, x)) == 6.0
    assert capsys.readouterr().out == "cotangent 3\n"


def test_derivatives_do_not_print_again(recorded: Recorded, capsys: Any) -> None:
    @recorded
    def f(x: Any) -> Any:
        say("value", x)
        return x * x

    x = C(3.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        slope = inner.gradient(y, x)
    assert (float(slope), float(outer.gradient(slope, x))) == (6.0, 2.0)
    assert capsys.readouterr().out == "value 3\n"


# assertions


def test_a_failed_assertion_is_the_eager_one(recorded: Recorded) -> None:
    def f(x: Any) -> Any:
        tf.debugging.assert_positive(x, message="must be positive")
        return tf.reduce_sum(x)

    run = recorded(f)
    good, bad = C([1.0, 2.0]), C([-1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError) as eager:
        f(bad)
    for _ in range(2):
        assert float(run(good)) == 3.0
        with pytest.raises(tf.errors.InvalidArgumentError) as later:
            run(bad)
        assert str(later.value) == str(eager.value)
        assert "must be positive" in str(later.value)


def test_nothing_happens_after_a_failure(recorded: Recorded, capsys: Any) -> None:
    v = tf.Variable(1.0)

    @recorded
    def f(x: Any) -> Any:
        v.assign_add(1.0)
        tf.debugging.Assert(x > 0.0, ["x is", x])
        say("checked")
        v.assign_add(1.0)
        return x + v

    with pytest.raises(tf.errors.InvalidArgumentError, match="x is"):
        f(C(-1.0))
    assert (float(v), capsys.readouterr().out) == (1.0, "")
    assert (float(f(C(1.0))), float(v)) == (4.0, 3.0)
    assert capsys.readouterr().out == "checked\n"


def test_an_exception_of_the_first_check_wins(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        tf.debugging.assert_less(x, 10.0, message="first")
        tf.debugging.assert_less(x, 5.0, message="second")
        return x

    for value, words in ((20.0, "first"), (7.0, "second")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            f(C(value))


ASSERTIONS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "equal": (lambda x: tf.debugging.assert_equal(x, 2.0), 2.0, 3.0),
    "none_equal": (lambda x: tf.debugging.assert_none_equal(x, 2.0), 3.0, 2.0),
    "less": (lambda x: tf.debugging.assert_less(x, 2.0), 1.0, 2.0),
    "less_equal": (lambda x: tf.debugging.assert_less_equal(x, 2.0), 2.0, 3.0),
    "greater": (lambda x: tf.debugging.assert_greater(x, 2.0), 3.0, 2.0),
    "greater_equal": (lambda x: tf.debugging.assert_greater_equal(x, 2.0), 2.0, 1.0),
    "near": (lambda x: tf.debugging.assert_near(x, 2.0, atol=0.1), 2.05, 2.5),
    "negative": (tf.debugging.assert_negative, -1.0, 0.0),
    "non_negative": (tf.debugging.assert_non_negative, 0.0, -1.0),
    "positive": (tf.debugging.assert_positive, 1.0, 0.0),
    "non_positive": (tf.debugging.assert_non_positive, 0.0, 1.0),
    "all_finite": (lambda x: tf.debugging.assert_all_finite(x, "not finite"), 1.0, np.inf),
    "check_numerics": (lambda x: tf.debugging.check_numerics(x, "not finite"), 1.0, np.nan),
}


@pytest.mark.parametrize("name", ASSERTIONS)
def test_every_assertion_waits_for_values(name: str) -> None:
    check, good, bad = ASSERTIONS[name]

    @tf.function(jit_compile=False)
    def f(x: Any) -> Any:
        check(x)
        return x + 1.0

    assert float(f(C(good))) == np.float32(good) + 1
    with pytest.raises(tf.errors.InvalidArgumentError):
        f(C(bad))


def test_what_is_known_while_recording_is_decided_at_once() -> None:
    @tf.function(jit_compile=False)
    def f(x: Any) -> Any:
        tf.debugging.assert_equal(tf.shape(x)[0], 2)
        tf.debugging.assert_rank(x, 2)
        tf.debugging.assert_shapes([(x, ("n", 3))])
        tf.debugging.assert_positive(C([1.0, 2.0]))
        return x

    graph = f.get_concrete_function(tf.TensorSpec([2, 3])).graph
    assert [op.type for op in graph.get_operations()] == ["Placeholder"]
    with pytest.raises(ValueError, match="must have size 3"):
        f.get_concrete_function(tf.TensorSpec([2, 2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="assert_equal"):
        f.get_concrete_function(tf.TensorSpec([5, 3]))


def test_a_shape_that_is_open_is_checked_when_it_comes() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None])], jit_compile=False)
    def f(x: Any) -> Any:
        tf.debugging.assert_less(tf.shape(x)[0], 4)
        return tf.reduce_sum(x)

    assert float(f(tf.ones([3]))) == 3.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="assert_less"):
        f(tf.ones([5]))


# not a number


def test_check_numerics_passes_the_derivative(recorded: Recorded) -> None:
    @recorded
    def f(x: Any) -> Any:
        return tf.debugging.check_numerics(tf.math.log(x), "a logarithm")

    x = C([2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    np.testing.assert_allclose(tape.gradient(y, x), [0.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match="a logarithm"):
        f(C([-1.0]))


def test_enable_check_numerics_reaches_into_recorded_functions(
    recorded: Recorded, numerics: None
) -> None:
    f = recorded(lambda x: 2.0 * tf.math.log(x))
    assert np.isnan(f(C(-1.0)))
    tf.debugging.enable_check_numerics()
    assert float(f(C(1.0))) == 0.0
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.log: the value is NaN"):
        f(C(-1.0))
    tf.debugging.disable_check_numerics()
    assert np.isnan(f(C(-1.0)))


def test_enable_check_numerics_inside(recorded: Recorded, numerics: None) -> None:
    @recorded
    def f(x: Any) -> Any:
        tf.debugging.enable_check_numerics()
        return 2.0 * tf.math.log(x)

    assert float(f(C(1.0))) == 0.0
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.log: the value is NaN"):
        f(C(-1.0))
