"""Derivatives that users give, and work that is done again, in recorded functions: with the tape
inside, outside and across, once and twice, by NumPy and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant
F = Callable[..., Any]
KINDS = pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "compiled"])


# ways to give a derivative


def scaled() -> F:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        y = tf.exp(x)
        return y, lambda ct: 2.0 * ct * y

    return lambda x: f(2.0 * x)


def of_two() -> F:
    @tf.custom_gradient
    def f(x: Any, y: Any) -> Any:
        return tf.sin(x) * y, lambda ct: (3.0 * ct * tf.cos(x) * y, ct * tf.sin(x))

    return lambda x: f(1.5 * x, 2.0 * x) + x


def with_variables() -> F:
    w = tf.Variable(2.0)

    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(ct: Any, variables: Any) -> Any:
            return 5.0 * ct * w, [ct * x for _ in variables]

        return x * w, grad

    return lambda x: f(x * x)


def a_variable_in_the_gradient_alone() -> F:
    w = tf.Variable(3.0)

    @tf.custom_gradient
    def f(x: Any) -> Any:
        return 2.0 * x, lambda ct: ct * w * x

    return lambda x: f(x * x)


def a_tensor_from_outside() -> F:
    outer = C(5.0)

    @tf.custom_gradient
    def f(x: Any) -> Any:
        return 2.0 * x, lambda ct: ct * outer * x

    return lambda x: f(x * x)


def with_integers() -> F:
    @tf.custom_gradient
    def f(x: Any, i: Any) -> Any:
        return x * tf.cast(i, x.dtype), lambda ct: (ct * tf.cast(i, ct.dtype), None)

    return lambda x: f(x * x, C(3))


def a_tape_in_the_gradient() -> F:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(ct: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x**3
            return ct * tape.gradient(y, x)

        return x**3, grad

    return f


def in_a_batch() -> F:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x * x, lambda ct: 2.0 * ct * x

    return lambda x: tf.reduce_sum(tf.vectorized_map(f, tf.stack([x, 2.0 * x])))


def indexed_slices() -> F:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return 2.0 * x, lambda ct: tf.IndexedSlices(ct[:1], C([0]), (2,))

    return lambda x: tf.reduce_sum(f(tf.stack([x, x])))


def recomputed() -> F:
    w = tf.Variable(1.5)
    f = tf.recompute_grad(lambda a: tf.sin(a * w) * a)
    return lambda x: f(f(x))


def recomputed_with_draws() -> F:
    return tf.recompute_grad(lambda a: a * a * tf.random.stateless_uniform([], [1, 2]))


def passed_through() -> F:
    return lambda x: tf.grad_pass_through(tf.round)(1.3 * x) * x


def stopped() -> F:
    return lambda x: tf.stop_gradient(x) * x * x


def primitives() -> F:
    @tf.primitive(vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube_with_rule(xp: Any, x: Any) -> Any:
        return x**3

    return lambda x: cube_with_rule(2.0 * x)


def registered_later() -> F:
    name = f"cube_ruled_later_{len(REGISTERED)}"
    REGISTERED.append(name)

    @tf.primitive(name=name)
    def cube(xp: Any, x: Any) -> Any:
        return x**3

    @tf.RegisterGradient(name)
    def _rule(op: Any, ct: Any) -> Any:
        return 7.0 * ct * op.inputs[0]

    return cube


REGISTERED: list[str] = []
WAYS = (
    scaled,
    of_two,
    with_variables,
    a_variable_in_the_gradient_alone,
    a_tensor_from_outside,
    with_integers,
    a_tape_in_the_gradient,
    in_a_batch,
    indexed_slices,
    recomputed,
    recomputed_with_draws,
    passed_through,
    stopped,
    primitives,
    registered_later,
)


def slope(f: F) -> F:
    def g(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tf.convert_to_tensor(tape.gradient(y, x, unconnected_gradients="zero"))

    return g


@KINDS
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_gradients_inside_outside_and_across(way: Callable[[], F], compiled: bool) -> None:
    f, x = way(), C(0.3)
    recorded = tf.function(jit_compile=compiled)
    once, twice = slope(f)(x), slope(slope(f))(x)
    orders = {
        "inside": (recorded(slope(f)), once),
        "outside": (slope(recorded(f)), once),
        "around a call": (recorded(slope(recorded(f))), once),
        "inside twice": (recorded(slope(slope(f))), twice),
        "outside twice": (slope(slope(recorded(f))), twice),
        "across": (slope(recorded(slope(f))), twice),
    }
    for order, (g, wanted) in orders.items():
        np.testing.assert_allclose(g(x), wanted, rtol=1e-5, err_msg=order)


@KINDS
@pytest.mark.parametrize(
    "way", [scaled, recomputed, primitives, registered_later], ids=lambda way: way.__name__
)
def test_forward_derivatives(way: Callable[[], F], compiled: bool) -> None:
    f, x = way(), C(2.0)
    recorded = tf.function(jit_compile=compiled)

    def push(f: F) -> F:
        def g(x: Any) -> Any:
            with tf.autodiff.ForwardAccumulator(x, C(1.0)) as accumulator:
                y = f(x)
            return accumulator.jvp(y)

        return g

    wanted = push(f)(x)
    for g in (push(recorded(f)), recorded(push(f))):
        np.testing.assert_allclose(g(x), wanted, rtol=1e-5)


# in branches and loops


def own(x: Any, z: Any) -> Any:
    """2 x, with the derivative x z, both of which come from around the gradient function."""

    @tf.custom_gradient
    def f(a: Any) -> Any:
        return a * 2.0, lambda ct: ct * a * z

    return f(x)


BODIES: dict[str, F] = {
    "cond": lambda x, z: tf.cond(x > 0.0, lambda: own(x, z), lambda: x),
    "while_loop": lambda x, z: tf.while_loop(
        lambda i, y: i < 2, lambda i, y: (i + 1, own(y, z)), [0, x]
    )[1],
    "cond in while_loop": lambda x, z: tf.while_loop(
        lambda i, y: i < 2,
        lambda i, y: (i + 1, tf.cond(y > 0.0, lambda: own(y, z), lambda: own(x, y))),
        [0, x],
    )[1],
    "map_fn": lambda x, z: tf.map_fn(lambda r: own(r, z) + own(x, z), tf.stack([x, 2.0 * x])),
    "function": lambda x, z: tf.function(lambda r: own(r, z) + own(x, z))(x),
}


@pytest.mark.parametrize("name", BODIES)
def test_gradients_take_tensors_from_around_branches_and_loops(name: str) -> None:
    def g(x: Any, z: Any) -> Any:
        y = 1.0 * z  # a tensor of the function, that its branches and loops see from inside
        return BODIES[name](x * 1.0, y)

    def sloped(f: F) -> F:
        def slope_of(x: Any, z: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x, z)
            return tape.gradient(y, x)

        return slope_of

    x, z = C(3.0), C(5.0)
    wanted = sloped(g)(x, z)
    for found in (
        sloped(tf.function(g, jit_compile=False)),
        tf.function(sloped(g), jit_compile=False),
    ):
        np.testing.assert_allclose(found(x, z), wanted, rtol=1e-6)


def test_open_sizes_reach_the_gradient_function() -> None:
    traces = []

    @tf.custom_gradient
    def square(x: Any) -> Any:
        def grad(ct: Any) -> Any:
            return 2.0 * ct * x + tf.reshape(tf.zeros(tf.shape(x)), tf.shape(x))

        return x * x, grad

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def f(x: Any) -> Any:
        traces.append(x)
        return tf.reduce_mean(square(x))

    for n in (3, 5):
        x = tf.ones([n, 2])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        np.testing.assert_allclose(tape.gradient(y, x), np.full((n, 2), 1 / n), rtol=1e-6)
    assert len(traces) == 1


# work that is done again


def dropped(w: Any) -> F:
    return lambda x: tf.reduce_sum(tf.nn.dropout(x, 0.5) * w)


@KINDS
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_recomputed_draws_and_variables_are_those_of_the_first_run(
    compiled: bool, inside: bool
) -> None:
    w = tf.Variable(2.0)
    again = tf.recompute_grad(dropped(w))
    recorded = tf.function(jit_compile=compiled)

    def loss(x: Any) -> Any:
        y = again(x)
        w.assign_add(1.0)
        tf.random.normal([3])
        return y

    def both(loss: F) -> F:
        def g(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = loss(x)
            return y, tape.gradient(y, x)

        return g

    step = recorded(both(loss)) if inside else both(recorded(loss))
    seen = []
    for count in range(2):
        w.assign(2.0)
        y, gradient = step(tf.ones([1000]))
        assert float(tf.reduce_sum(gradient)) == float(y)
        assert set(np.unique(gradient)) == {0.0, 4.0}
        assert float(w) == 3.0, count
        seen.append(np.asarray(gradient))
    assert (seen[0] != seen[1]).any()


def test_nothing_is_kept_of_what_is_recomputed() -> None:
    def chain(x: Any) -> Any:
        for _ in range(20):
            x = 1.1 * tf.sin(x)
        return tf.reduce_sum(x)

    def kept(f: F) -> int:
        x = tf.random.stateless_normal([100], [1, 2])
        recorded = tf.function(f, jit_compile=True)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = recorded(x)
        np.testing.assert_allclose(tape.gradient(y, x), slope(chain)(x), rtol=1e-5)
        callee = recorded.get_concrete_function(x).callee
        (pair,) = [pair for key, pair in callee.derived.items() if key[0] == "pair"]
        return len(pair.kept)

    assert kept(tf.recompute_grad(chain)) == 0 < kept(chain)


# errors


@KINDS
def test_a_gradient_of_another_shape(compiled: bool) -> None:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x * x, lambda ct: tf.reshape(ct, [1])

    recorded = tf.function(jit_compile=compiled)
    for g in (slope(recorded(f)), recorded(slope(f))):
        with pytest.raises(tf.errors.InvalidArgumentError, match="returned"):
            g(C(1.0))


def test_a_kernel_that_compiled_code_cannot_run() -> None:
    @tf.primitive
    def sine_that_looks(xp: Any, x: Any) -> Any:
        return np.sin(np.asarray(x))

    assert float(tf.function(sine_that_looks, jit_compile=False)(C(0.0))) == 0.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="sine_that_looks"):
        tf.function(sine_that_looks, jit_compile=True)(C(0.0))
