"""Programs as people train with them: loops, models, optimizers, logs; see `explain_programs`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import gradtape as tf


class Dense(tf.Module):
    """A layer, which logs what it is told."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.w = tf.Variable(
            np.linspace(-1.0, 1.0, rows * columns, dtype=np.float32).reshape(rows, columns)
        )
        self.history: dict[str, float] = {}

    def __call__(self, x: Any) -> Any:
        return tf.tanh(x @ self.w)

    def log(self, name: str, value: float) -> None:
        self.history[name] = value


X = tf.constant([[1.0, 2.0], [3.0, -1.0]])

# cut


def an_unwatched_image_times_a_variable() -> Any:
    """none, not watched"""
    image, v = tf.constant([1.0, 2.0]), tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(image * v)  # here
    return tape.explain(y, image)


def watched_between_two_products() -> Any:
    """partly cut, watched late"""
    x, v = tf.constant(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        h = x * v  # here
        tape.watch(x)
        y = h * x
    return tape.explain(y, x)


def an_optimizer_inside_of_the_tape() -> Any:
    """none, assigned"""
    data, w = tf.Variable([1.0, 2.0]), tf.Variable([0.5, 0.5])
    optimizer = tf.optimizers.SGD(0.1)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum((w - data) ** 2)
        optimizer.apply_gradients([(inner.gradient(loss, w), w)])  # here
        meta = tf.reduce_sum(w**2)
    return outer.explain(meta, data)


def rows_written_into_a_memory() -> Any:
    """none, assigned"""
    x, memory = tf.Variable(2.0), tf.Variable([0.0, 0.0])
    with tf.GradientTape() as tape:
        memory.scatter_nd_update([[1]], [x * 2.0])  # here
        y = tf.reduce_sum(memory)
    return tape.explain(y, x)


def a_part_of_a_variable_read_by_a_worker() -> Any:
    """none, thread"""
    w = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape, ThreadPoolExecutor(1) as pool:
        h = pool.submit(lambda: w[0] ** 2.0).result()  # here
        y = h + 1.0
    return tape.explain(y, w)


def clipped_without_assign() -> Any:
    """none, replaced"""
    w = tf.Variable([1.0, 2.0])
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        answer = tape.explain(loss, w)
        w = tf.clip_by_value(w, -0.5, 0.5) * 0.9  # here
    return answer


def a_buffer_filled_by_numpy() -> Any:
    """none, left"""
    v, buffer = tf.Variable([1.0, 2.0]), np.zeros(2, np.float32)
    with tf.GradientTape() as tape:
        np.copyto(buffer, v.numpy())  # here
        y = tf.reduce_sum(tf.constant(buffer))
    return tape.explain(y, v)


def a_dictionary_of_results() -> Any:
    """partly cut, left"""
    v, out = tf.Variable(2.0), {}
    with tf.GradientTape() as tape:
        out["scale"] = float(v) + 1.0  # here
        y = v * out["scale"]
    return tape.explain(y, v)


def the_target_is_a_constant() -> Any:
    """none, constant"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.constant(3.0)  # here
        z = v * y
    del z
    return tape.explain(y, v)


# sound


def sound_logs_of_a_model() -> Any:
    """sound"""
    model = Dense(2, 2)
    with tf.GradientTape() as tape:
        error = tf.reduce_mean(model(X) ** 2)
        model.log("error", float(error))
        loss = error * 0.5 + 0.1 * tf.reduce_sum(model.w**2)
    return tape.explain(loss, model.w)


def sound_step_size_by_the_loss() -> Any:
    """sound"""
    w = tf.Variable([1.0, 2.0])
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((w - 0.5) ** 2)
        answer = tape.explain(loss, w)
        rate = 0.1 / (1.0 + float(loss))
        w.assign_sub(rate * tape.gradient(loss, w))
    return answer


def sound_best_weights_restored() -> Any:
    """sound"""
    w, best = tf.Variable([1.0, 2.0]), None
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w**2)
        answer = tape.explain(loss, w)
        best = w.numpy() if best is None else best
        w.assign_sub(0.1 * tape.gradient(loss, w))
    w.assign(best)
    return answer


def sound_dictionary_beside_the_loss() -> Any:
    """sound"""
    v, out = tf.Variable(2.0), {}
    with tf.GradientTape() as tape:
        out["loss"] = v * v
        out["value"] = float(out["loss"])
        y = out["loss"] * 0.5
    return tape.explain(y, v)


def sound_custom_gradient_of_numpy() -> Any:
    """sound"""

    @tf.custom_gradient
    def sine(x: Any) -> Any:
        return tf.constant(np.sin(x.numpy())), lambda upstream: upstream * tf.cos(x)

    v = tf.Variable([0.5, 1.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(sine(v) * 2.0)
    return tape.explain(y, v)


def sound_mask() -> Any:
    """sound"""
    v = tf.Variable([-1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.cast(v > 0.0, tf.float32) * v)
    return tape.explain(y, v)


def sound_estimator_straight_through() -> Any:
    """sound"""
    v = tf.Variable([0.2, 0.7])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum((v + tf.stop_gradient(tf.round(v) - v)) ** 2)
    return tape.explain(y, v)


def sound_second_derivative_of_an_extreme() -> Any:
    """sound"""
    v = tf.Variable([3.0, 1.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_min(v) ** 2
        slope = inner.gradient(y, v)
    return outer.explain(slope, v)


def sound_batch_normalisation() -> Any:
    """sound"""
    w, mean = tf.Variable([[1.0, 0.5], [0.2, 0.1]]), tf.Variable([0.0, 0.0], trainable=False)
    for _ in range(2):
        with tf.GradientTape() as tape:
            h = X @ w
            now = tf.reduce_mean(h, 0)
            mean.assign(0.9 * mean + 0.1 * now)
            y = tf.reduce_sum((h - now) ** 2)
        answer = tape.explain(y, w)
    return answer
