"""Programs that give NaN or inf, with the operation, the place and the hint that are right, and sound ones.

The operation to blame stands on the line that ends with "# here", the gradient is asked for on the one
that ends with "# asked"."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf
from gradtape.autodiff import finite_hints as hints

INF, NAN = float("inf"), float("nan")

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
