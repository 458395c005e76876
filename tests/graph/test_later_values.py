"""Tensors of a recorded function where Python looks at values: lists, indices, slices of variables,
arguments that must be known, and what the surroundings answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant
F = Callable[..., Any]
X = tf.reshape(tf.range(24.0), (6, 4))
KINDS = pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "compiled"])


def slope(f: F) -> F:
    def g(x: Any, *rest: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x, *rest)
        return y, tape.gradient(y, x)

    return g


# lists that hold tensors

LISTS: dict[str, F] = {
    "reduce_sum": lambda x: tf.reduce_sum([x, 3.0 * x, 1.0]),
    "nested": lambda x: tf.reduce_sum([[x, 3.0 * x], [1.0, x]] * C([1.0, 2.0])),
    "convert_to_tensor": lambda x: tf.convert_to_tensor([x, x * x]),
    "stack": lambda x: tf.stack([x, [1.0][0], 2.0 * x]),
    "an operator": lambda x: tf.ones([2]) * [x, 2.0],
    "rows": lambda x: tf.matmul([[x, 1.0]], [[x], [2.0]]),
}


@KINDS
@pytest.mark.parametrize("name", LISTS)
def test_lists_are_stacked_with_derivatives(name: str, compiled: bool) -> None:
    f, x, step = LISTS[name], C(2.0), 2.0**-6
    value, gradient = slope(f)(x)
    ahead, behind = tf.reduce_sum(f(x + step)), tf.reduce_sum(f(x - step))
    np.testing.assert_allclose(gradient, (ahead - behind) / (2 * step), rtol=1e-4)
    for recorded in (
        slope(tf.function(f, jit_compile=compiled)),
        tf.function(slope(f), jit_compile=compiled),
    ):
        for a, b in zip(recorded(x), (value, gradient), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_lists_in_a_batch() -> None:
    rows = tf.vectorized_map(lambda a: tf.convert_to_tensor([a, 2.0 * a]), C([1.0, 2.0]))
    np.testing.assert_array_equal(rows, [[1.0, 2.0], [2.0, 4.0]])


def test_lists_of_other_dtypes() -> None:
    recorded = tf.function(lambda x: tf.convert_to_tensor([x, 1]))
    np.testing.assert_array_equal(recorded(C(2.0)), np.float32([2.0, 1.0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtypes differ"):
        tf.function(lambda x: tf.convert_to_tensor([x, C(1)]))(C(2.0))


# indices that come later

INDICES: dict[str, tuple[F, F]] = {
    "a slice": (lambda x, i: x[i : i + 2], lambda x: x[2:4]),
    "to": (lambda x, i: x[:i, 1] * x[0, 1], lambda x: x[:2, 1] * x[0, 1]),
    "from the end": (lambda x, i: x[-i:, ::2], lambda x: x[-2:, ::2]),
    "a step": (lambda x, i: x[::-i], lambda x: x[::-2]),
    "one and a slice": (lambda x, i: x[i, i:], lambda x: x[2, 2:]),
    "a whole slice": (lambda x, i: x[i:], lambda x: x[2:]),
    "the last": (lambda x, i: x[tf.shape(x)[0] - 1], lambda x: x[5]),
    "with new axes": (lambda x, i: x[None, i, ..., i - 1], lambda x: x[None, 2, ..., 1]),
    "tf.slice": (lambda x, i: tf.slice(x, [i, 0], [2, -1]), lambda x: x[2:4]),
    "to the end": (lambda x, i: tf.slice(x, [i, 1], [-1, 2]), lambda x: x[2:, 1:3]),
    "a vector": (lambda x, i: tf.slice(x, tf.stack([i, 1]), [2, 2]), lambda x: x[2:4, 1:3]),
    "a size": (lambda x, i: tf.slice(x, [1, 0], tf.stack([i, 2])), lambda x: x[1:3, :2]),
    "strided_slice": (lambda x, i: tf.strided_slice(x, [i], [6], [2]), lambda x: x[2:6:2]),
    "gather": (lambda x, i: tf.gather(x, [i, 0, i]), lambda x: tf.gather(x, [2, 0, 2])),
}


@KINDS
@pytest.mark.parametrize("name", INDICES)
def test_indices_that_come_later(name: str, compiled: bool) -> None:
    f, known = INDICES[name]
    value, gradient = slope(known)(X)
    for recorded in (
        slope(tf.function(f, jit_compile=compiled)),
        tf.function(slope(f), jit_compile=compiled),
    ):
        found = recorded(X, C(2))
        for a, b in zip(found, (value, gradient), strict=True):
            np.testing.assert_array_equal(tf.convert_to_tensor(a), tf.convert_to_tensor(b))


def test_windows_of_a_loop() -> None:
    @tf.function(jit_compile=False)
    def f(x: Any) -> Any:
        total = tf.zeros([2, 4])
        for i in tf.range(4):
            total += x[i : i + 2] * tf.cast(i, tf.float32)
        return tf.reduce_sum(total**2)

    def plain(x: Any) -> Any:
        return tf.reduce_sum(sum([x[i : i + 2] * float(i) for i in range(4)]) ** 2)

    for a, b in zip(slope(f)(X), slope(plain)(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


# slices of variables


@KINDS
def test_slices_of_variables_can_be_assigned(compiled: bool) -> None:
    v, m = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([[1.0, 2.0], [3.0, 4.0]])

    @tf.function(jit_compile=compiled)
    def f(x: Any) -> Any:
        v[1:].assign([8.0, 9.0])
        v[0].assign_add(x)
        m[:, 1].assign_sub([1.0, 1.0])
        return v + 0.0, 2.0 * v[0]

    whole, first = f(C(5.0))
    np.testing.assert_array_equal(whole, [6.0, 8.0, 9.0])
    assert float(first) == 12.0
    np.testing.assert_array_equal(v, [6.0, 8.0, 9.0])
    np.testing.assert_array_equal(m, [[1.0, 1.0], [3.0, 3.0]])


def test_a_slice_of_a_variable_has_its_derivative() -> None:
    v = tf.Variable([1.0, 2.0, 3.0])
    f = tf.function(lambda: tf.reduce_sum(v[1:] ** 2))
    with tf.GradientTape() as tape:
        y = f()
    np.testing.assert_array_equal(tape.gradient(y, v), [0.0, 4.0, 6.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not fit the slice"):
        tf.function(lambda: v[1:].assign([1.0, 2.0, 3.0]))()


# arguments that must be known

KNOWN: dict[str, tuple[F, str]] = {
    "reduce_sum": (lambda x, i: tf.reduce_sum(x, axis=i), "axis"),
    "cumsum": (lambda x, i: tf.cumsum(x, axis=i), "axis"),
    "expand_dims": (lambda x, i: tf.expand_dims(x, i), "axis"),
    "transpose": (lambda x, i: tf.transpose(x, tf.stack([i, 0])), "perm"),
    "leaky_relu": (lambda x, i: tf.nn.leaky_relu(x, tf.cast(i, tf.float32)), "alpha"),
    "pad": (lambda x, i: tf.pad(x, [[i, 0], [0, 0]], "REFLECT"), "paddings"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_arguments_that_must_be_known(name: str) -> None:
    f, argument = KNOWN[name]
    words = f"gradtape.{name}: {argument} must be known when the function is recorded"
    with pytest.raises(TypeError, match=words):
        tf.function(f)(X, C(1))


def test_arguments_computed_of_known_values() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def f(x: Any) -> Any:
        axis = tf.rank(x) - 1
        rows = tf.shape(x)[0]
        y = tf.reshape(x, tf.stack([rows * 2, tf.constant(2)]))
        return tf.reduce_sum(tf.reshape(y, [rows, 4]), axis) + tf.zeros([rows])

    np.testing.assert_array_equal(f(X), tf.reduce_sum(X, 1))


# the surroundings


def test_what_the_surroundings_answer() -> None:
    seen: list[Any] = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def f(x: Any) -> Any:
        seen.append((tf.executing_eagerly(), tf.inside_function(), tf.is_symbolic_tensor(x)))
        seen.append((tf.get_static_value(x), tf.get_static_value(C([1, 2])).tolist()))
        seen.append(tf.get_static_value(tf.shape(x)[1]))
        seen.append(tf.get_static_value(tf.shape(x), partial=True).tolist())
        with tf.init_scope():
            seen.append((tf.executing_eagerly(), tf.inside_function()))
        with tf.name_scope("layer"):
            seen.append(tf.get_current_name_scope())
        with tf.control_dependencies([tf.debugging.assert_positive(x), tf.no_op(), tf.group(x)]):
            return x + 1.0

    f(tf.ones([2, 3]))
    assert seen == [
        (False, True, True),
        (None, [1, 2]),
        3,
        [None, 3],
        (True, False),
        "layer",
    ]
    assert tf.executing_eagerly()
    assert not tf.inside_function()
    assert not tf.is_symbolic_tensor(tf.ones([2]))
