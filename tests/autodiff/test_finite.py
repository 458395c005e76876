"""`debug_nans` names the first operation that gives NaN or inf, its line, and what to write instead."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff import finite_hints as hints
from gradtape.autodiff.finite_watch import inside
from gradtape.core.dispatch import apply
from gradtape.core.errors import NotFiniteError
from gradtape.core.state import here, lookouts
from tests.autodiff import finite_programs as programs
from tests.autodiff.finite_programs import (
    COTANGENTS,
    SOUND,
    VALUES,
    a_constant_with_nan,
    a_variable_with_nan,
    custom_gradient,
    doubled,
    gradient_in_a_batch,
    in_a_batch,
    log_of_zero,
    root_at_zero,
    second_order,
)
from tests.ops.case import Case, tensors
from tests.ops.test_rules import CASES

INF, NAN = float("inf"), float("nan")
Program = Callable[[], Any]


@pytest.fixture(autouse=True)
def nothing_stays_on() -> Iterator[None]:
    yield
    tf.debug_nans(False)
    assert not lookouts
    assert not here.special
    assert not inside.rules


def caught(program: Program, **options: Any) -> NotFiniteError:
    """The error of a program under `debug_nans`."""
    with tf.debug_nans(**options), pytest.raises(tf.errors.InvalidArgumentError) as found:
        program()
    assert isinstance(found.value, NotFiniteError)
    return found.value


def line_of(program: Program, mark: str) -> int:
    """The line of a program that ends with a mark."""
    lines, first = inspect.getsourcelines(program)
    (number,) = [i for i, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return first + number


def short(error: NotFiniteError) -> str:
    """The last part of an operation's public name."""
    return error.operation.rpartition(".")[2]


@pytest.mark.parametrize(
    "program, operation, what, index, hint",
    VALUES,
    ids=lambda v: getattr(v, "__name__", str(v))[:40],
)
def test_values(program: Program, operation: str, what: str, index: Any, hint: str) -> None:
    error = caught(program)
    assert (short(error), error.kind, error.what, error.index) == (operation, "value", what, index)
    assert error.place == (programs.__file__, line_of(program, "here"))
    assert error.hint.startswith(hint)
    text = str(error)
    assert error.operation in text
    assert f"{programs.__file__}:{error.place[1]}: " in text
    assert hint in text


@pytest.mark.parametrize(
    "program, operation, source",
    [
        (a_constant_with_nan, "reduce_sum", "a constant or an argument"),
        (a_variable_with_nan, "multiply", "the value of variable 'weights:0'"),
    ],
)
def test_nan_that_came_in(program: Program, operation: str, source: str) -> None:
    error = caught(program)
    assert (short(error), error.kind, error.what) == (operation, "data", "NaN")
    assert error.place == (programs.__file__, line_of(program, "here"))
    assert source in str(error)
    assert error.hint == hints.CAME_IN


def test_the_text_tells_what_went_in() -> None:
    text = str(caught(log_of_zero))
    assert "the value has inf in 1 of 3 elements, the first at [2]" in text
    assert "input 0: float32[3] from 0 to 2, 1 zero" in text
    assert "result: float32[3] from 0 to 0.693147, 1 infinite, 1 zero" in text
    assert "return tf.math.log(x - 1.0)" in text


# cotangents


@pytest.mark.parametrize(
    "program, operation, what, index, hint",
    COTANGENTS,
    ids=lambda v: getattr(v, "__name__", str(v))[:40],
)
def test_cotangents(program: Program, operation: str, what: str, index: Any, hint: str) -> None:
    error = caught(program)
    assert (short(error), error.kind, error.what) == (operation, "cotangent", what)
    assert index is None or error.index == index
    assert error.place == (programs.__file__, line_of(program, "here"))
    assert error.asked == (programs.__file__, line_of(program, "asked"))
    assert error.hint == hint
    assert "reverse rule" in str(error)


def test_the_operation_inside_of_a_custom_gradient_is_told() -> None:
    text = str(caught(custom_gradient))
    line = inspect.getsourcelines(doubled.__wrapped__)[1] + 2
    assert "inside of the rule: gradtape.divide gives inf in 1 of 1 elements" in text
    assert f"{programs.__file__}:{line}" in text


def test_output_gradients_that_are_not_finite() -> None:
    x = tf.Variable([1.0])

    def program() -> Any:
        with tf.GradientTape() as tape:
            y = 2.0 * x
        return tape.gradient(y, x, output_gradients=tf.constant([NAN]))

    error = caught(program)
    assert (error.kind, error.hint) == ("cotangent", hints.STARTED)


def test_a_tape_from_before_is_checked_without_lines() -> None:
    x = tf.Variable([0.0])
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)
    error = caught(lambda: tape.gradient(y, x))
    assert (short(error), error.place) == ("sqrt", None)
    assert tape.gradient(y, x).numpy().tolist() == [INF]  # it was not used up


@pytest.mark.parametrize("persistent", [False, True])
def test_an_error_does_not_use_the_tape_up(persistent: bool) -> None:
    x = tf.Variable([0.0, 1.0])
    with tf.debug_nans():
        with tf.GradientTape(persistent=persistent) as tape:
            y = tf.sqrt(x) * 2.0
        for _ in range(2):
            with pytest.raises(NotFiniteError):
                tape.gradient(y, x)
    assert tape.gradient(y, x).numpy().tolist() == [INF, 1.0]


def test_gradients_under_the_check_are_those_without() -> None:
    rng = np.random.default_rng(3)
    w = tf.Variable(rng.normal(size=(4, 3)))
    table = tf.Variable(rng.normal(size=(5, 4)))

    def program() -> Any:
        with tf.GradientTape() as tape:
            h = tf.tanh(tf.matmul(tf.gather(table, [0, 2, 2]), w))
            a, b = tf.split(h, [1, 2], axis=1)
            y = tf.reduce_sum(a * b) + tf.reduce_sum(tf.linalg.svd(w, compute_uv=False))
        first = tape.gradient(y, [w, table])
        return [tf.convert_to_tensor(g).numpy() for g in first]

    plain = program()
    with tf.debug_nans():
        for have, want in zip(program(), plain, strict=True):
            np.testing.assert_array_equal(have, want)


# tangents


def test_tangents() -> None:
    def program() -> Any:
        x = tf.Variable([4.0, 0.0])
        with tf.autodiff.ForwardAccumulator(x, tf.ones([2])):
            return tf.sqrt(x)  # here

    error = caught(program)
    assert (short(error), error.kind, error.index) == ("sqrt", "tangent", (1,))
    assert error.place == (__file__, line_of(program, "here"))
    assert error.hint == hints.ROOT_BACK


def test_a_value_comes_before_its_tangent() -> None:
    def program() -> Any:
        x = tf.Variable([0.0])
        with tf.autodiff.ForwardAccumulator(x, tf.ones([1])):
            return tf.math.log(x)

    assert caught(program).kind == "value"


def test_tangents_under_the_check_are_those_without() -> None:
    x = tf.Variable([0.3, 0.7])

    def program() -> Any:
        with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 2.0])) as accumulator:
            y = tf.sin(x) * tf.exp(x) / (x + 1.0)
        return accumulator.jvp(y).numpy()

    plain = program()
    with tf.debug_nans():
        np.testing.assert_allclose(program(), plain, rtol=1e-6)


# variables


def test_variables_keep_what_they_held() -> None:
    w = tf.Variable([1.0, 2.0], name="w")
    error = caught(lambda: w.assign([NAN, 1.0]))
    assert (error.kind, error.what, error.index) == ("variable", "NaN", (0,))
    assert "'w:0'" in str(error)
    assert w.numpy().tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_sum_that_overflows_in_a_variable() -> None:
    w = tf.Variable([3e38])
    error = caught(lambda: w.assign_add([3e38]))
    assert (error.kind, error.what) == ("variable", "inf")
    assert w.numpy().tolist() == [np.float32(3e38)]


@pytest.mark.parametrize("optimizer", [tf.optimizers.SGD, tf.optimizers.Adam])
def test_steps_of_optimizers(optimizer: Any) -> None:
    w = tf.Variable([1.0, 2.0], name="w")

    def program() -> Any:
        optimizer(0.5).apply_gradients([(tf.constant([NAN, 1.0]), w)])  # here

    error = caught(program)
    assert (error.kind, error.place) == ("variable", (__file__, line_of(program, "here")))
    assert "a step of the optimizer" in str(error)
    assert w.numpy().tolist() == [1.0, 2.0]


def test_infinite_sentinels_may_be_assigned() -> None:
    with tf.debug_nans():
        best = tf.Variable(INF)
        best.assign(tf.minimum(best, 3.0))
        best.assign(-INF)
        assert float(tf.maximum(best, 2.0)) == 2.0


# sound programs


@pytest.mark.parametrize("program", SOUND, ids=lambda p: p.__name__)
def test_sound_programs_raise_nothing(program: Program) -> None:
    with tf.debug_nans():
        program()


def test_rules_of_all_primitives_raise_nothing_where_all_is_finite() -> None:
    looked = 0
    for case in CASES:
        if not (case.primitive.differentiable and case.order and "float32" in case.dtypes):
            continue
        for derive in (_reverse, _forward):
            try:
                found = derive(case)
            except (LookupError, TypeError):  # a rule is owed
                continue
            arrays = [tf.convert_to_tensor(g).numpy() for g in found if g is not None]
            if not all([np.isfinite(a).all() for a in arrays]):
                continue
            looked += 1
            with tf.debug_nans():
                derive(case)
    assert looked > 300


def _reverse(case: Case) -> list[Any]:
    inputs = tensors(case.arrays("float32"))
    moving = [x for x in inputs if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(moving)
        out = tf.nest.flatten(apply(case.primitive, tuple(inputs), case.params))
    return tape.gradient([t for t in out if t.dtype.is_floating], moving)


def _forward(case: Case) -> list[Any]:
    inputs = tensors(case.arrays("float32"))
    moving = [x for x in inputs if x.dtype.is_floating]
    tangents = [tf.ones_like(x) for x in moving]
    with tf.autodiff.ForwardAccumulator(moving, tangents) as accumulator:
        out = apply(case.primitive, tuple(inputs), case.params)
    return accumulator.jvp(tf.nest.flatten(out))


# switching


def test_the_picked_value_is_looked_at() -> None:
    def program() -> Any:
        x = tf.constant([0.0, 4.0])
        return tf.where(x >= 0.0, tf.math.log(x), 0.0)  # here

    error = caught(program)
    assert (short(error), error.place[1]) == ("log", line_of(program, "here"))


def test_a_masked_value_that_is_used_before_raises() -> None:
    def program() -> Any:
        x = tf.constant([0.0, 4.0])
        y = tf.math.log(x)  # here
        return tf.where(x > 0.0, y, 0.0)

    error = caught(program)
    assert error.place[1] == line_of(program, "here")
    assert hints.MASKED in error.hint


def test_nan_alone() -> None:
    with tf.debug_nans(infs=False):
        y = tf.math.log(tf.constant([0.0]))
        assert y.numpy().tolist() == [-INF]
        with pytest.raises(NotFiniteError) as found:
            y - y
    assert short(found.value) == "subtract"


def test_blocks_are_counted() -> None:
    zero = tf.constant(0.0)
    with tf.debug_nans() as outer:
        with tf.debug_nans():
            pass
        assert outer.on
        with pytest.raises(NotFiniteError):
            tf.math.log(zero)
    assert np.isneginf(tf.math.log(zero).numpy())
    handle = tf.debug_nans()
    with pytest.raises(NotFiniteError):
        tf.math.log(zero)
    handle.off()
    handle.off()
    assert np.isneginf(tf.math.log(zero).numpy())
    tf.debug_nans()
    tf.debug_nans()
    tf.debug_nans(False)
    assert np.isneginf(tf.math.log(zero).numpy())


def test_tensorflows_names() -> None:
    zero = tf.constant(0.0)
    tf.debugging.enable_check_numerics()
    tf.debugging.enable_check_numerics(stack_height_limit=3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.math.log(zero)
    tf.debugging.disable_check_numerics()
    assert np.isneginf(tf.math.log(zero).numpy())
    tf.debugging.disable_check_numerics()
    assert tf.debugging.debug_nans is tf.debug_nans


@pytest.mark.parametrize("arguments", [{"on": 1}, {"infs": "no"}])
def test_wrong_arguments(arguments: Any) -> None:
    with pytest.raises(TypeError, match=r"gradtape\.debug_nans: .* must be a bool"):
        tf.debug_nans(**arguments)


def test_all_threads_are_watched() -> None:
    found: list[Any] = []

    def work() -> None:
        try:
            log_of_zero()
        except NotFiniteError as error:
            found.append(error.place)

    with tf.debug_nans():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == [(programs.__file__, line_of(log_of_zero, "here"))]


def test_threads_that_worked_before_are_watched_too() -> None:
    ready, go, found = threading.Event(), threading.Event(), []

    def work() -> None:
        tf.vectorized_map(tf.sin, tf.ones([3]))
        ready.set()
        go.wait()
        try:
            log_of_zero()
        except NotFiniteError as error:
            found.append(error.what)

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    with tf.debug_nans():
        go.set()
        thread.join()
    assert found == ["inf"]


def test_errors_leave_the_state_as_it_was() -> None:
    for program in (root_at_zero, custom_gradient, second_order, gradient_in_a_batch, in_a_batch):
        caught(program)
        assert (here.tapes, here.observers, here.mode, here.special) == ((), (), None, False)
    with tf.debug_nans():
        with pytest.raises(NotFiniteError):
            custom_gradient()
        with pytest.raises(NotFiniteError):  # values are looked at again after a rule
            log_of_zero()
