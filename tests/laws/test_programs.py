"""Laws that hold for any program, on programs drawn at random: reverse = forward = differences, symmetry, linearity."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import gradtape as tf

SHAPE = (2, 3)
ONE = {
    "sin": tf.sin, "tanh": tf.tanh, "sigmoid": tf.sigmoid, "softplus": tf.math.softplus, "exp": lambda x: tf.exp(x / 4),
    "square": lambda x: tf.square(x) / 4, "log": lambda x: tf.math.log(1.5 + tf.square(x)), "neg": lambda x: -x,
    "rsqrt": lambda x: tf.math.rsqrt(1.0 + x * x), "softmax": tf.nn.softmax, "cumsum": lambda x: tf.cumsum(x, axis=1),
    "center": lambda x: x - tf.reduce_mean(x, axis=0), "scale": lambda x: x * tf.reduce_max(tf.tanh(x)),
    "turn": lambda x: tf.transpose(tf.reshape(tf.transpose(x), [2, 3])[:, ::-1], [0, 1]), "twist": lambda x: tf.roll(x, 1, axis=1),
    "logsumexp": lambda x: x / 2 + tf.reduce_logsumexp(x, axis=1, keepdims=True), "gather": lambda x: tf.gather(x, [1, 0, 1], axis=0)[1:],
    "where": lambda x: tf.where(x > 0.2, x * x, tf.sin(x)), "norm": lambda x: x / (1.0 + tf.norm(x)),
}  # fmt: skip
TWO = {
    "add": tf.add, "mul": tf.multiply, "sub": tf.subtract, "div": lambda x, y: x / (2.0 + tf.square(y)),
    "matmul": lambda x, y: tf.matmul(tf.matmul(x, y, transpose_b=True), x) / 3, "max": lambda x, y: tf.maximum(x, y + 0.05),
    "stack": lambda x, y: tf.reduce_mean(tf.stack([x, y]), axis=0), "concat": lambda x, y: tf.concat([x, y], 1)[:, 1:4],
    "outer": lambda x, y: tf.einsum("ij,kj->ikj", x, y)[0] + tf.tensordot(x, y, [[1], [1]])[:, :1],
}  # fmt: skip

steps = st.lists(
    st.tuples(st.sampled_from([*ONE, *TWO]), st.integers(0, 9), st.integers(0, 9)),
    min_size=2,
    max_size=10,
)
seeds = st.integers(0, 2**20)
program = settings(max_examples=60, deadline=None, derandomize=True)


def run(plan: list[tuple[str, int, int]], x: Any, y: Any) -> Any:
    """Run a plan: every step takes values that are there already."""
    values = [x, y]
    for name, a, b in plan:
        first, second = values[-1 - a % len(values)], values[-1 - b % len(values)]
        values.append(ONE[name](first) if name in ONE else TWO[name](first, second))
    return values[-1]


def inputs(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [tf.constant(rng.uniform(-1, 1, SHAPE)) for _ in range(4)]


def gradient(plan: Any, x: Any, y: Any, w: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = run(plan, x, y)
    return tape.gradient(z, [x, y], output_gradients=w, unconnected_gradients="zero")


def inner(a: Any, b: Any) -> float:
    return float(np.vdot(a, b))


@program
@given(steps, seeds)
def test_reverse_equals_forward(plan: Any, seed: int) -> None:
    x, y, w, v = inputs(seed)
    grads = gradient(plan, x, y, w)
    with tf.autodiff.ForwardAccumulator([x, y], [v, w]) as acc:
        z = run(plan, x, y)
    pushed = acc.jvp(z, unconnected_gradients="zero")
    left, right = inner(w, pushed), inner(grads[0], v) + inner(grads[1], w)
    assert abs(left - right) <= 1e-9 * max(1.0, abs(left))


@program
@given(steps, seeds)
def test_reverse_equals_differences(plan: Any, seed: int) -> None:
    x, y, w, v = inputs(seed)
    grads = gradient(plan, x, y, w)

    def f(t: float) -> float:
        return inner(w, run(plan, x + t * v, y))

    step = 1e-4
    wanted = (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)
    smooth = abs(wanted - (f(step) - f(-step)) / (2 * step)) <= 1e-5 * max(1.0, abs(wanted))
    if smooth:  # no kink of max or where lies between the points
        assert abs(inner(grads[0], v) - wanted) <= 1e-6 * max(1.0, abs(wanted))


@program
@given(steps, seeds)
def test_gradient_is_linear_in_its_cotangent(plan: Any, seed: int) -> None:
    x, y, w, v = inputs(seed)
    one, two, both = (
        gradient(plan, x, y, w),
        gradient(plan, x, y, v),
        gradient(plan, x, y, 2.0 * w - v),
    )
    for a, b, c in zip(one, two, both, strict=True):
        np.testing.assert_allclose(
            2 * np.asarray(a) - np.asarray(b), np.asarray(c), rtol=1e-9, atol=1e-10
        )


@program
@given(steps, seeds)
def test_hessian_is_symmetric_and_modes_agree(plan: Any, seed: int) -> None:
    x, y, w, v = inputs(seed)

    def hvp(direction: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch([x, y])
            g = gradient(plan, x, y, None)
        return outer.gradient(g, [x, y], [direction, direction], unconnected_gradients="zero")

    hv, hw = hvp(v), hvp(w)
    left = inner(hv[0], w) + inner(hv[1], w)
    right = inner(hw[0], v) + inner(hw[1], v)
    assert abs(left - right) <= 1e-8 * max(1.0, abs(left))
    with tf.autodiff.ForwardAccumulator([x, y], [v, v]) as acc:
        g = gradient(plan, x, y, None)
    pushed = acc.jvp(g, unconnected_gradients="zero")
    for a, b in zip(pushed, hv, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-8, atol=1e-9)


@program
@given(steps, seeds)
def test_persistent_tapes_agree_and_leave_the_record(plan: Any, seed: int) -> None:
    x, y, w, _ = inputs(seed)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, y])
        z = run(plan, x, y)
    first = tape.gradient(z, [x, y], w, unconnected_gradients="zero")
    again = tape.gradient(z, [x, y], w, unconnected_gradients="zero")
    for a, b, c in zip(first, again, gradient(plan, x, y, w), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        np.testing.assert_array_equal(np.asarray(a), np.asarray(c))


@program
@given(steps, seeds)
def test_jacobian_rows_are_gradients(plan: Any, seed: int) -> None:
    x, y, _, _ = inputs(seed)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        z = run(plan, x, y)
    jacobian = tape.jacobian(z, x, unconnected_gradients="zero")
    assert jacobian.shape == SHAPE + SHAPE
    basis = np.zeros(SHAPE)
    basis[1, 2] = 1.0
    row = tape.gradient(z, x, basis, unconnected_gradients="zero")
    np.testing.assert_allclose(jacobian.numpy()[1, 2], row.numpy(), rtol=1e-12, atol=1e-13)
