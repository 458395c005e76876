"""Short programs whose gradient is zero or not finite, and sound ones; see `explain_programs`."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf

# zero


def dead_units() -> Any:
    """zero, zero"""
    v = tf.Variable([-1.0, -2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.nn.relu(v))  # here
    return tape.explain(y, v)


def clipped_away() -> Any:
    """zero, zero"""
    v = tf.Variable([10.0, 20.0])
    with tf.GradientTape() as tape:
        h = tf.clip_by_value(v, -1.0, 1.0)  # here
        y = tf.reduce_sum(h**2)
    return tape.explain(y, v)


def saturated() -> Any:
    """zero, zero"""
    v = tf.Variable([200.0, 300.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.sigmoid(v))  # here
    return tape.explain(y, v)


def times_zero() -> Any:
    """zero, zero"""
    v = tf.Variable([1.0, 2.0])
    mask = tf.zeros(2)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.sin(v) * mask)  # here
    return tape.explain(y, v)


# not finite


def logarithm_of_zero() -> Any:
    """not finite, not finite"""
    v = tf.Variable([0.0, 1.0])
    with tf.GradientTape() as tape:
        p = tf.math.log(v)  # here
        y = tf.reduce_sum(v * p)
    return tape.explain(y, v)


def nothing_divided_by_nothing() -> Any:
    """not finite, not finite"""
    v = tf.Variable([0.0, 3.0])
    with tf.GradientTape() as tape:
        h = v / v  # here
        y = tf.reduce_sum(h)
    return tape.explain(y, v)


def exponential_of_too_much() -> Any:
    """not finite, not finite"""
    v = tf.Variable([1.0, 100.0])
    with tf.GradientTape() as tape:
        e = tf.exp(v)  # here
        y = tf.reduce_sum(e / tf.reduce_sum(e))
    return tape.explain(y, v)


def infinite_slope() -> Any:
    """not finite, not finite"""
    v = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        h = tf.sqrt(v)  # here
        y = tf.reduce_sum(h)
    return tape.explain(y, v)


# sound


def sound_polynomial() -> Any:
    """sound"""
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(v**3 + 2.0 * v)
    return tape.explain(y, v)


def sound_network() -> Any:
    """sound"""
    w = tf.Variable(np.linspace(-1.0, 1.0, 6).reshape(3, 2).astype(np.float32))
    b = tf.Variable([0.1, 0.2])
    x, labels = tf.constant([[1.0, 2.0, 3.0], [0.0, 1.0, 0.5]]), tf.constant([0, 1])
    with tf.GradientTape() as tape:
        logits = tf.nn.relu(x @ w + b)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = tf.reduce_mean(losses)
    return tape.explain(loss, w)


def sound_where() -> Any:
    """sound"""
    v = tf.Variable([-1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.where(v > 0.0, v, 0.1 * v))
    return tape.explain(y, v)


def sound_although_values_were_printed() -> Any:
    """sound"""
    v = tf.Variable([1.0, 2.0])
    seen = []
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(v * v)
        seen.append(float(y))
        z = y * 2.0
        assert f"{y:.1f}" == "5.0"
    return tape.explain(z, v)


def sound_branch_by_value() -> Any:
    """sound"""
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v if v > 2.0 else -v
    return tape.explain(y, v)


def sound_mean_by_size() -> Any:
    """sound"""
    v = tf.Variable([1.0, 2.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(v * v) / tf.cast(tf.size(v), tf.float32)
    return tape.explain(y, v)


def sound_gather_and_largest() -> Any:
    """sound"""
    v = tf.Variable([1.0, 2.0, 4.0])
    with tf.GradientTape() as tape:
        best = tf.gather(v, tf.argsort(v)[-2:])
        y = tf.reduce_sum(best) + tf.reduce_max(v) + tf.math.reduce_std(v)
    return tape.explain(y, v)


def sound_function() -> Any:
    """sound"""

    @tf.function
    def f(x: Any) -> Any:
        return tf.sin(x) * x if tf.reduce_sum(x) > 0.0 else x

    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = f(v)
    return tape.explain(y, v)


def sound_second_order() -> Any:
    """sound"""
    v = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.sin(v) * v
        slope = inner.gradient(y, v)
    return outer.explain(slope, v)


def sound_after_an_update() -> Any:
    """sound"""
    v = tf.Variable([1.0, 2.0])
    for _ in range(3):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(v * v)
        answer = tape.explain(y, v)
        v.assign_sub(0.1 * tape.gradient(y, v))
    return answer


def sound_dropout() -> Any:
    """sound"""
    v = tf.Variable(np.ones(20, np.float32))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.nn.dropout(v * 2.0, 0.5, seed=1))
    return tape.explain(y, v)


def sound_straight_through() -> Any:
    """sound"""
    v = tf.Variable([1.2, 2.7])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.grad_pass_through(tf.round)(v) * v)
    return tape.explain(y, v)
