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


# values


def log_of_zero() -> Any:
    x = tf.constant([3.0, 2.0, 1.0])
    return tf.math.log(x - 1.0)  # here


def log_of_a_softmax() -> Any:
    return tf.math.log(tf.nn.softmax(tf.constant([0.0, 200.0])))  # here


def log_of_a_recorded_sigmoid() -> Any:
    x = tf.Variable(-200.0)
    with tf.GradientTape():
        p = tf.sigmoid(x)
        q = p
        return tf.math.log(q)  # here


def root_of_a_negative() -> Any:
    x = tf.constant([4.0, -1e-9])
    return tf.sqrt(x)  # here


def inverse_root_of_zero() -> Any:
    return tf.math.rsqrt(tf.constant([0.0]))  # here


def zero_over_zero() -> Any:
    a = tf.constant([1.0, 0.0])
    b = tf.constant([2.0, 0.0])
    return a / b  # here


def one_over_zero() -> Any:
    return 1.0 / tf.constant([[0.0]])  # here


def large_exponential() -> Any:
    x = tf.constant([1.0, 100.0])
    return tf.exp(x)  # here


def root_by_a_power() -> Any:
    return tf.constant([-2.0]) ** 0.5  # here


def outside_the_domain() -> Any:
    return tf.acos(tf.constant([1.0, 1.5]))  # here


def singular_matrix() -> Any:
    return tf.linalg.slogdet(tf.zeros([2, 2]))  # here


def half_precision() -> Any:
    x = tf.constant([300.0], tf.float16)
    return x * x  # here


def cast_to_half() -> Any:
    return tf.cast(tf.constant([1.0, 7e4]), tf.float16)  # here


def too_large_a_product() -> Any:
    a = tf.constant([[1e30, 0.0]])
    return tf.matmul(a, a, transpose_b=True)  # here


def mean_of_nothing() -> Any:
    return tf.reduce_mean(tf.zeros([0]))  # here


def inf_minus_inf() -> Any:
    x = tf.constant([INF, 1.0])
    return x - x  # here


def mask_by_product() -> Any:
    mask = tf.constant([0.0, 1.0])
    return mask * tf.constant([INF, 1.0])  # here


def inf_over_inf() -> Any:
    x = tf.constant([INF, 1.0])
    return x / x  # here


def overflow_beside_an_inf() -> Any:
    x = tf.constant([INF, 1e30])
    return x * 1e30  # here


def a_constant_with_nan() -> Any:
    x = tf.reshape(tf.constant([1.0, NAN]), [2, 1])
    y = tf.concat([x, x], 1)
    return tf.reduce_sum(y)  # here


def a_variable_with_nan() -> Any:
    w = tf.Variable([NAN, 1.0], name="weights")
    return 2.0 * w  # here


def in_a_batch() -> Any:
    return tf.vectorized_map(
        lambda row: tf.math.log(row),  # here
        tf.constant([[1.0], [0.0]]),
    )


def complex_division() -> Any:
    x = tf.constant([1 + 1j, 0j])
    return x / tf.constant([1 + 0j, 0j])  # here


VALUES = [
    (log_of_zero, "log", "inf", (2,), hints.LOG),
    (log_of_a_softmax, "log", "inf", (0,), hints.LOGITS),
    (log_of_a_recorded_sigmoid, "log", "inf", (), hints.LOGITS),
    (root_of_a_negative, "sqrt", "NaN", (1,), hints.ROOT),
    (inverse_root_of_zero, "rsqrt", "inf", (0,), hints.BY_ZERO),
    (zero_over_zero, "divide", "NaN", (1,), hints.ZERO_OVER_ZERO),
    (one_over_zero, "divide", "inf", (0, 0), hints.BY_ZERO),
    (large_exponential, "exp", "inf", (1,), hints.EXP),
    (root_by_a_power, "pow", "NaN", (0,), hints.POWER),
    (outside_the_domain, "acos", "NaN", (1,), hints.DOMAIN),
    (singular_matrix, "slogdet", "inf", (), hints.SINGULAR),
    (half_precision, "multiply", "inf", (0,), hints.HALF),
    (cast_to_half, "cast", "inf", (1,), hints.HALF),
    (too_large_a_product, "matmul", "inf", (0, 0), hints.OVERFLOW),
    (mean_of_nothing, "reduce_mean", "NaN", (), hints.EMPTY),
    (inf_minus_inf, "subtract", "NaN", (0,), hints.INF_MINUS_INF),
    (mask_by_product, "multiply", "NaN", (0,), hints.ZERO_TIMES_INF),
    (inf_over_inf, "divide", "NaN", (0,), hints.INF_OVER_INF),
    (overflow_beside_an_inf, "multiply", "inf", (1,), hints.OVERFLOW),
    (in_a_batch, "log", "inf", (1, 0), hints.LOG),
    (complex_division, "divide", "NaN", (1,), hints.ZERO_OVER_ZERO),
]


def short(error: NotFiniteError) -> str:
    """The last part of an operation's public name."""
    return error.operation.rpartition(".")[2]


@pytest.mark.parametrize("program, operation, what, index, hint", VALUES, ids=lambda v: str(v)[:40])
def test_values(program: Program, operation: str, what: str, index: Any, hint: str) -> None:
    error = caught(program)
    assert (short(error), error.kind, error.what, error.index) == (operation, "value", what, index)
    assert error.place == (__file__, line_of(program, "here"))
    assert error.hint.startswith(hint)
    text = str(error)
    assert error.operation in text
    assert f"{__file__}:{error.place[1]}: " in text
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
    assert error.place == (__file__, line_of(program, "here"))
    assert source in str(error)
    assert error.hint == hints.CAME_IN


def test_the_text_tells_what_went_in() -> None:
    text = str(caught(log_of_zero))
    assert "the value has inf in 1 of 3 elements, the first at [2]" in text
    assert "input 0: float32[3] from 0 to 2, 1 zero" in text
    assert "result: float32[3] from 0 to 0.693147, 1 infinite, 1 zero" in text
    assert "return tf.math.log(x - 1.0)" in text


# cotangents


def root_at_zero() -> Any:
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.sqrt(x))  # here
    return tape.gradient(y, x)  # asked


def norm_by_hand() -> Any:
    x = tf.Variable([0.0, 0.0])
    with tf.GradientTape() as tape:
        squares = tf.reduce_sum(x * x)
        y = tf.sqrt(squares)  # here
    return tape.gradient(y, x)  # asked


def log_of_almost_zero() -> Any:
    x = tf.Variable([1e-39])
    with tf.GradientTape() as tape:
        y = tf.math.log(x)  # here
    return tape.gradient(y, x)  # asked


def power_at_zero() -> Any:
    x = tf.Variable([0.0])
    with tf.GradientTape() as tape:
        y = x**0.5  # here
    return tape.gradient(y, x)  # asked


@tf.custom_gradient
def logarithm(x: Any) -> Any:
    return tf.math.log(x + 1e-30), lambda ct: ct / x


def masked_by_where() -> Any:
    x = tf.Variable([0.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.where(x > 0.0, logarithm(x), 0.0)  # here
    return tape.gradient(y, x)  # asked


def by_almost_zero() -> Any:
    x = tf.Variable([1e-20])
    with tf.GradientTape() as tape:
        y = 1.0 / x  # here
    return tape.gradient(y, x)  # asked


@tf.custom_gradient
def doubled(x: Any) -> Any:
    return 2.0 * x, lambda ct: ct / (x - x)


def custom_gradient() -> Any:
    x = tf.Variable([3.0])
    with tf.GradientTape() as tape:
        y = doubled(x)  # here
    return tape.gradient(y, x)  # asked


def half_precision_backward() -> Any:
    x = tf.Variable([1.0], dtype=tf.float16)
    with tf.GradientTape() as tape:
        y = x * tf.constant([2.0], tf.float16)  # here
    return tape.gradient(y, x, output_gradients=tf.constant([6e4], tf.float16))  # asked


def exploding() -> Any:
    x = tf.Variable([1e-30])
    with tf.GradientTape() as tape:
        y = 1e30 * x  # here
        z = 1e30 * y
    return tape.gradient(z, x)  # asked


def rows_of_a_jacobian() -> Any:
    x = tf.Variable([4.0, 0.0])
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)  # here
    return tape.jacobian(y, x)  # asked


def second_order() -> Any:
    x = tf.Variable([0.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            y = x**1.5  # here
        slope = tape.gradient(y, x)
    return outer.gradient(slope, x)  # asked


def gradient_in_a_batch() -> Any:
    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sqrt(x)  # here
        return tape.gradient(y, x)  # asked

    return tf.vectorized_map(slope, tf.constant([1.0, 0.0]))


COTANGENTS = [
    (root_at_zero, "sqrt", "inf", (0,), hints.ROOT_BACK),
    (norm_by_hand, "sqrt", "inf", (), hints.ROOT_BACK),
    (log_of_almost_zero, "log", "inf", (0,), hints.LOG_BACK),
    (power_at_zero, "pow", "inf", (0,), hints.POWER_BACK),
    (masked_by_where, "custom_gradient logarithm", "NaN", (0,), hints.WHERE),
    (by_almost_zero, "divide", "inf", (0,), hints.DIVISION_BACK),
    (custom_gradient, "custom_gradient doubled", "inf", (0,), hints.CUSTOM),
    (half_precision_backward, "multiply", "inf", (0,), hints.HALF_BACK),
    (exploding, "multiply", "inf", (0,), hints.EXPLODING),
    (rows_of_a_jacobian, "sqrt", "inf", None, hints.ROOT_BACK),
    (second_order, "pow", "inf", (0,), hints.POWER_BACK),
    (gradient_in_a_batch, "sqrt", "inf", (1,), hints.ROOT_BACK),
]


@pytest.mark.parametrize(
    "program, operation, what, index, hint", COTANGENTS, ids=lambda v: str(v)[:40]
)
def test_cotangents(program: Program, operation: str, what: str, index: Any, hint: str) -> None:
    error = caught(program)
    assert (short(error), error.kind, error.what) == (operation, "cotangent", what)
    assert index is None or error.index == index
    source = gradient_in_a_batch if program is gradient_in_a_batch else program
    assert error.place == (__file__, line_of(source, "here"))
    assert error.asked == (__file__, line_of(source, "asked"))
    assert error.hint == hint
    assert "reverse rule" in str(error)


def test_the_operation_inside_of_a_custom_gradient_is_told() -> None:
    text = str(caught(custom_gradient))
    line = inspect.getsourcelines(doubled.__wrapped__)[1] + 2
    assert "inside of the rule: gradtape.divide gives inf in 1 of 1 elements" in text
    assert f"{__file__}:{line}" in text


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


def attention_mask() -> Any:
    scores = tf.Variable(np.ones((2, 2), np.float32))
    mask = tf.constant([[0.0, -INF], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        p = tf.nn.softmax(scores + mask)
        y = tf.reduce_sum(p * p)
    return tape.gradient(y, scores)


def logsumexp_of_minus_inf() -> Any:
    return tf.reduce_logsumexp(tf.constant([-INF, -INF])), tf.reduce_logsumexp([-INF, 0.0])


def dead_branch() -> Any:
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.where(x > 0.0, tf.sqrt(x), 0.0)
    return tape.gradient(y, x)


def both_branches() -> Any:
    x = tf.Variable([-4.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.where(
            x > 0.0,
            2.0 * tf.sqrt(x),
            tf.math.log(-x),
        )
    return tape.gradient(y, x)


def safe_inside() -> Any:
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        ok = x > 0.0
        y = tf.where(ok, tf.math.log(tf.where(ok, x, 1.0)), 0.0)
    return tape.gradient(y, x)


def missing_numbers() -> Any:
    x = tf.reshape(tf.constant([1.0, NAN]), [2, 1])
    return tf.reduce_sum(tf.where(tf.math.is_nan(x), 0.0, x))


def norm_at_zero() -> Any:
    x = tf.Variable([0.0, 0.0])
    with tf.GradientTape() as tape:
        y = tf.norm(x)
    return tape.gradient(y, x)


def no_nan_division() -> Any:
    x = tf.Variable([0.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.math.divide_no_nan(1.0, x)
    return tape.gradient(y, x)


def squares_that_overflow() -> Any:
    return tf.constant([1e30, -1e30]) + 1.0  # the sum of squares is infinite


def decay_to_nothing() -> Any:
    return tf.exp(tf.constant([-INF, -1000.0])), 1.0 / tf.constant([INF])


def integers_and_strided() -> Any:
    x = tf.constant(np.arange(12).reshape(3, 4))
    y = tf.transpose(tf.broadcast_to(tf.constant([[1.0]]), [100, 200]))
    return tf.reduce_sum(x), y * 2.0, tf.exp(tf.transpose(tf.ones([80, 90])))


def clipped_infinite_data() -> Any:
    return tf.clip_by_value(tf.constant([INF, -INF, 1.0]), -2.0, 2.0)


def cross_entropy_of_a_certain_event() -> Any:
    logits = tf.Variable([[1000.0, 0.0]])
    with tf.GradientTape() as tape:
        y = tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], logits)
        z = tf.nn.sigmoid_cross_entropy_with_logits([[1.0, 0.0]], logits)
    return tape.gradient([y, z], logits)


SOUND = [
    attention_mask, logsumexp_of_minus_inf, dead_branch, both_branches, safe_inside,
    missing_numbers, norm_at_zero, no_nan_division, squares_that_overflow, decay_to_nothing,
    integers_and_strided, clipped_infinite_data, cross_entropy_of_a_certain_event,
]  # fmt: skip


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
    assert found == [(__file__, line_of(log_of_zero, "here"))]


def test_errors_leave_the_state_as_it_was() -> None:
    for program in (root_at_zero, custom_gradient, second_order, gradient_in_a_batch, in_a_batch):
        caught(program)
        assert (here.tapes, here.observers, here.mode, here.special) == ((), (), None, False)
    with tf.debug_nans():
        with pytest.raises(NotFiniteError):
            custom_gradient()
        with pytest.raises(NotFiniteError):  # values are looked at again after a rule
            log_of_zero()
