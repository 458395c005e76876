"""Short programs whose gradient is None, zero, a part of itself or not finite, and sound ones.

Each returns what `explain` says. In its documentation stand the verdict and the kind of the cause;
the line that is to blame ends in a comment, `# here`."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

import gradtape as tf

# not watched


def constant_that_nobody_watches() -> Any:
    """none, not watched"""
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x * x)  # here
    return tape.explain(y, x)


def variable_that_is_not_trainable() -> Any:
    """none, not watched"""
    v = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        y = tf.sin(v) * 2.0  # here
    return tape.explain(y, v)


def tape_that_watches_nothing_by_itself() -> Any:
    """none, not watched"""
    v = tf.Variable(3.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        y = v**2.0  # here
    return tape.explain(y, v)


def only_the_other_one_is_watched() -> Any:
    """none, not watched"""
    a, b = tf.constant(1.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(a)
        h = b * b  # here
        y = a * h
    return tape.explain(y, b)


# watched late


def watched_after_its_use() -> Any:
    """none, watched late"""
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        y = x * x  # here
        tape.watch(x)
    return tape.explain(y, x)


def watched_between_two_uses() -> Any:
    """partly cut, watched late"""
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        a = tf.exp(x)  # here
        tape.watch(x)
        y = a * x
    return tape.explain(y, x)


def watched_after_a_helper_used_it() -> Any:
    """none, watched late"""

    def loss(x: Any) -> Any:
        return tf.reduce_sum(tf.tanh(x))  # here

    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = loss(x)
        tape.watch(x)
    return tape.explain(y, x)


# left the library


def numpy_computes_the_target() -> Any:
    """none, left"""
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        a = np.sin(v)  # here
        y = tf.constant(a)
    return tape.explain(y, v)


def the_target_is_a_numpy_number() -> Any:
    """none, left"""
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        h = v * v
        y = np.mean(h)  # here
    return tape.explain(y, v)


def a_python_float_as_a_factor() -> Any:
    """partly cut, left"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        scale = math.exp(float(v))  # here
        y = v * scale
    return tape.explain(y, v)


def numpy_in_a_helper() -> Any:
    """partly cut, left"""

    def norm(x: Any) -> float:
        return float(np.linalg.norm(x.numpy()))  # here

    v = tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        n = norm(v)
        y = tf.reduce_sum(v / n)
    return tape.explain(y, v)


def a_list_of_numbers() -> Any:
    """none, left"""
    v = tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        values = []
        for i in range(2):
            values.append(float(v[i]))  # here
        y = tf.reduce_sum(tf.constant(values))
    return tape.explain(y, v)


def numpy_function_has_no_derivative() -> Any:
    """partly cut, left"""
    x = tf.Variable([2.0, 1.0])
    with tf.GradientTape() as tape:
        s = tf.numpy_function(np.sort, [x], tf.float32)  # here
        y = s * x
    return tape.explain(y, x)


def an_attribute_in_between() -> Any:
    """none, left"""

    class Cache:
        value: Any = None

    cache = Cache()
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        cache.value = v.numpy() * 3.0  # here
        y = tf.square(tf.constant(cache.value))
    return tape.explain(y, v)


# integers and truth values


def argmax_and_back() -> Any:
    """none, integer"""
    v = tf.Variable([1.0, 5.0])
    with tf.GradientTape() as tape:
        i = tf.argmax(v)  # here
        y = tf.cast(i, tf.float32) * 2.0
    return tape.explain(y, v)


def cast_to_integers() -> Any:
    """none, integer"""
    v = tf.Variable([1.5, 5.5])
    with tf.GradientTape() as tape:
        n = tf.cast(v, tf.int32)  # here
        y = tf.reduce_sum(tf.cast(n, tf.float32))
    return tape.explain(y, v)


def accuracy_as_a_loss() -> Any:
    """none, integer"""
    w = tf.Variable([[1.0, -1.0], [0.5, 2.0]])
    x, labels = tf.constant([[1.0, 2.0], [3.0, -1.0]]), tf.constant([0, 1], tf.int64)
    with tf.GradientTape() as tape:
        predicted = tf.argmax(x @ w, axis=1)  # here
        accuracy = tf.reduce_mean(tf.cast(predicted == labels, tf.float32))
    return tape.explain(accuracy, w)


def a_target_of_integers() -> Any:
    """none, integer"""
    v = tf.Variable([1.5, 5.5])
    with tf.GradientTape() as tape:
        y = tf.cast(v * 2.0, tf.int32)  # here
    return tape.explain(y, v)


def an_integer_on_one_of_two_paths() -> Any:
    """partly cut, integer"""
    v = tf.Variable([0.2, 2.8])
    with tf.GradientTape() as tape:
        whole = tf.cast(v, tf.int32)  # here
        y = tf.reduce_sum(v * tf.cast(whole, tf.float32))
    return tape.explain(y, v)


# flat


def rounded() -> Any:
    """none, flat"""
    v = tf.Variable([1.2, 2.7])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.round(v))  # here
    return tape.explain(y, v)


def floor_on_one_of_two_paths() -> Any:
    """partly cut, flat"""
    v = tf.Variable([1.2, 2.7])
    with tf.GradientTape() as tape:
        whole = tf.floor(v)  # here
        y = tf.reduce_sum(v * whole)
    return tape.explain(y, v)


def floor_division() -> Any:
    """none, flat"""
    v = tf.Variable(7.5)
    with tf.GradientTape() as tape:
        h = v * 3.0
        y = h // 2.0  # here
    return tape.explain(y, v)


# stopped


def stopped_altogether() -> Any:
    """none, stopped"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.stop_gradient(v * v) * 3.0  # here
    return tape.explain(y, v)


def stopped_on_one_path() -> Any:
    """sound, stopped"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        target = tf.stop_gradient(tf.exp(v))  # here
        y = tf.square(v - target)
    return tape.explain(y, v)


def stopped_in_a_helper() -> Any:
    """none, stopped"""

    def frozen(x: Any) -> Any:
        return tf.stop_gradient(x)  # here

    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(frozen(v) ** 2)
    return tape.explain(y, v)


# a variable replaced by a tensor


def the_second_epoch() -> Any:
    """none, replaced"""
    x = tf.Variable(2.0)
    for _ in range(2):
        with tf.GradientTape() as tape:
            y = x * x
        answer = tape.explain(y, x)
        x = x + 1.0  # here
    return answer


def descent_without_assign() -> Any:
    """none, replaced"""
    w = tf.Variable([1.0, 2.0])
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w * w)
        answer = tape.explain(loss, w)
        g = tape.gradient(loss, w)
        if g is not None:
            w = w - 0.1 * g  # here
    return answer


def replaced_after_the_target() -> Any:
    """none, replaced"""
    w = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = w * w
    w = tf.abs(w)  # here
    return tape.explain(y, w)


# another time


def computed_before_the_tape() -> Any:
    """none, before"""
    with tf.debug_gradients():
        v = tf.Variable(2.0)
        h = tf.exp(v)  # here
        with tf.GradientTape() as tape:
            y = h * h
        return tape.explain(y, v)


def one_factor_before_the_tape() -> Any:
    """partly cut, before"""
    with tf.debug_gradients():
        v = tf.Variable(2.0)
        scale = v * 3.0  # here
        with tf.GradientTape() as tape:
            y = scale * v
        return tape.explain(y, v)


def the_target_before_the_tape() -> Any:
    """none, before"""
    v = tf.Variable(2.0)
    y = v * v
    with tf.GradientTape() as tape:  # here
        z = v + 1.0
    del z
    return tape.explain(y, v)


def the_loss_after_the_block() -> Any:
    """none, after"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        h = v * v
    loss = h + 1.0  # here
    return tape.explain(loss, v)


def after_the_gradient_was_taken() -> Any:
    """none, after"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = v * v
        tape.gradient(y, v)
        z = v * 3.0  # here
    return tape.explain(z, v)


def after_the_block_on_one_path() -> Any:
    """none, after"""
    v = tf.Variable([2.0, 1.0])
    with tf.GradientTape(persistent=True) as tape:
        h = tf.tanh(v)
    y = tf.reduce_mean(h)  # here
    return tape.explain(y, v)


def while_recording_was_stopped() -> Any:
    """none, not recording"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            h = v * v  # here
        y = h * 3.0
    return tape.explain(y, v)


def a_part_while_recording_was_stopped() -> Any:
    """partly cut, not recording"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            norm = tf.sqrt(v)  # here
        y = v / norm
    return tape.explain(y, v)


def stopped_to_measure_then_used() -> Any:
    """none, not recording"""
    v = tf.Variable([2.0, 1.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(v)
        with tape.stop_recording():
            total = tf.reduce_sum(v)  # here
        y = tf.exp(total)
    return tape.explain(y, v)


def forgotten_by_reset() -> Any:
    """none, reset"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        h = v * v  # here
        tape.reset()
        y = h * 3.0
    return tape.explain(y, v)


# another thread


def in_a_thread(work: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def computed_by_a_worker() -> Any:
    """none, thread"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        h = in_a_thread(lambda: v * v)  # here
        y = h + 1.0
    return tape.explain(y, v)


def one_factor_by_a_worker() -> Any:
    """partly cut, thread"""
    v = tf.Variable(2.0)

    def work() -> Any:
        return tf.exp(v)  # here

    with tf.GradientTape() as tape:
        y = in_a_thread(work) * v
    return tape.explain(y, v)


def the_whole_target_by_a_worker() -> Any:
    """none, thread"""
    v = tf.Variable([2.0, 3.0])

    def work() -> Any:
        return tf.reduce_sum(v)  # here

    with tf.GradientTape() as tape:
        y = in_a_thread(work)
    return tape.explain(y, v)


# assignments


def through_a_variable() -> Any:
    """none, assigned"""
    x, v = tf.Variable(2.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        v.assign(x * x)  # here
        y = v * 3.0
    return tape.explain(y, x)


def added_to_a_variable() -> Any:
    """none, assigned"""
    x, total = tf.Variable(2.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        for _ in range(3):
            total.assign_add(x)  # here
        y = tf.square(total)
    return tape.explain(y, x)


def assigned_on_one_path() -> Any:
    """partly cut, assigned"""
    x, scale = tf.Variable(2.0), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        scale.assign(tf.abs(x))  # here
        y = x / scale
    return tape.explain(y, x)


def a_variable_made_in_the_block() -> Any:
    """none, assigned"""
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        start = tf.Variable(x * 5.0)  # here
        y = start * start
    return tape.explain(y, x)


# rules of one's own


def a_custom_gradient_that_returns_none() -> Any:
    """none, none given"""

    @tf.custom_gradient
    def scaled(x: Any) -> Any:
        return x * 2.0, lambda upstream: None

    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = scaled(v) + 1.0  # here
    return tape.explain(y, v)


def a_custom_gradient_for_one_of_two() -> Any:
    """none, none given"""

    @tf.custom_gradient
    def product(a: Any, b: Any) -> Any:
        return a * b, lambda upstream: (upstream * b, None)

    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = product(a, b)  # here
    return tape.explain(y, b)


def a_custom_gradient_on_one_path() -> Any:
    """partly cut, none given"""

    @tf.custom_gradient
    def quiet(x: Any) -> Any:
        return tf.exp(x), lambda upstream: None

    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        h = quiet(v)  # here
        y = h * v
    return tape.explain(y, v)


# nothing to do with each other


def two_strangers() -> Any:
    """none, independent"""
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        tape.watch(b)
        y = a * a  # here
    return tape.explain(y, b)


def a_copy_made_afterwards() -> Any:
    """none, another tensor"""
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        x = tf.identity(x)  # here
    return tape.explain(y, x)


def only_a_choice() -> Any:
    """none, choice"""
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.where(v > 1.0, 5.0, 7.0)  # here
    return tape.explain(y, v)
