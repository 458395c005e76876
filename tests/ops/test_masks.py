"""What is masked leaves no nan in any derivative: every spelling of a mask, composed functions, every mode and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

INF, NAN = np.inf, np.nan
F = Callable[[Any], Any]

# functions of one number with points that have no finite derivative, or no value
SINGULAR: dict[str, tuple[F, list[float]]] = {
    "sqrt": (tf.sqrt, [0.0, -1.0, INF]),
    "rsqrt": (tf.math.rsqrt, [0.0, -1.0, 1e-310]),
    "log": (tf.math.log, [0.0, -1.0, 1e-310, INF]),
    "log1p": (tf.math.log1p, [-1.0, -2.0]),
    "reciprocal": (tf.math.reciprocal, [0.0, 1e-310]),
    "division": (lambda x: (x + 1.0) / x, [0.0, INF]),
    "x log x": (lambda x: x * tf.math.log(x), [0.0, -1.0, INF]),
    "x exp x": (lambda x: x * tf.exp(x), [1e4, -INF, INF]),
    "exp": (tf.exp, [1e4, INF]),
    "sinh": (tf.sinh, [1e4, -INF]),
    "power 0.3": (lambda x: x**0.3, [0.0, -1.0]),
    "power -1.5": (lambda x: x**-1.5, [0.0, -1.0, 1e-310]),
    "x to the x": (lambda x: x**x, [0.0, -0.5, INF]),
    "asin": (tf.asin, [1.0, -1.0, 2.0]),
    "acos": (tf.acos, [1.0, -1.0, 2.0]),
    "acosh": (lambda x: tf.acosh(1.0 + x), [0.0, -2.0, -1.0]),
    "atanh": (tf.atanh, [1.0, -1.0, 2.0]),
    "tan": (tf.tan, [INF, NAN]),
    "sin": (tf.sin, [INF, NAN]),
    "tanh": (tf.tanh, [NAN]),
    "erfinv": (tf.math.erfinv, [1.0, -1.0, 2.0]),
    "ndtri": (tf.math.ndtri, [0.0, 1.0, 2.0]),
    "lgamma": (tf.math.lgamma, [0.0, -1.0, -2.0, INF]),
    "digamma": (tf.math.digamma, [0.0, -1.0, -INF]),
    "bessel_k0": (tf.math.special.bessel_k0, [0.0, -1.0]),
    "bessel_y1": (tf.math.special.bessel_y1, [0.0, -1.0]),
    "expint": (tf.math.special.expint, [0.0, -1.0]),
    "xlogy": (lambda x: tf.math.xlogy(x - 1.0, x), [0.0, -1.0]),
    "atan2": (lambda x: tf.math.atan2(x, x * x), [0.0, INF]),
    "softplus": (lambda x: tf.math.log(1.0 + tf.exp(x)), [1e4, INF]),
    "abs then sqrt": (lambda x: tf.sqrt(tf.abs(x)), [0.0, INF]),
    "normal density": (lambda x: tf.exp(-x * x) / x, [0.0, INF]),
    "igamma": (lambda x: tf.math.igamma(x, x), [0.0, -1.0, INF]),
}  # fmt: skip
GOOD = 0.6
by_function = pytest.mark.parametrize("name", SINGULAR)

# the spellings: functions of f, x, and the mask of the good elements, that are f there and 0 elsewhere
MASKS: dict[str, Callable[[F, Any, Any], Any]] = {
    "where": lambda f, x, good: tf.where(good, f(x), tf.zeros_like(x)),
    "where with a number": lambda f, x, good: tf.where(good, f(x), tf.constant(0.0, x.dtype)),
    "boolean_mask": lambda f, x, good: tf.boolean_mask(f(x), good),
    "gather": lambda f, x, good: tf.gather(f(x), tf.where(good)[:, 0]),
    "slice": lambda f, x, good: f(x)[-1:],
    "dynamic_partition": lambda f, x, good: tf.dynamic_partition(f(x), tf.cast(good, tf.int32), 2)[
        1
    ],
    "segment_sum": lambda f, x, good: tf.math.unsorted_segment_sum(f(x), tf.where(good, 0, -1), 1),
    "multiply_no_nan": lambda f, x, good: tf.math.multiply_no_nan(f(x), tf.cast(good, x.dtype)),
    "stop": lambda f, x, good: tf.where(good, f(x), tf.stop_gradient(f(x))),
    "mask after a product": lambda f, x, good: tf.where(good, 2.0 * x * f(x), tf.zeros_like(x)),
}


def points(name: str) -> tuple[Any, Any]:
    """The singular points of a function and a good one, and the mask of that."""
    at = [*SINGULAR[name][1], GOOD]
    return tf.constant(at, tf.float64), tf.constant([x == GOOD for x in at])


def orders(f: F, x: Any, count: int) -> list[Any]:
    """The derivatives of sum(f) by reverse mode, one order after the other."""
    if not count:
        return []
    with tf.GradientTape() as tape:
        tape.watch(x)
        lower = orders(f, x, count - 1)
        y = lower[-1] if lower else f(x)
    return [*lower, tape.gradient(y, x)]


def tangent(f: F, x: Any) -> Any:
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = f(x)
    return accumulator.jvp(y)


def slope(f: F, x: Any) -> Any:
    return orders(f, x, 1)[0]


def assert_masked(found: Any, wanted: Any, good: Any) -> None:
    """Zero where masked, and the derivative of the function itself elsewhere."""
    have, good = np.asarray(found), np.asarray(good)
    np.testing.assert_array_equal(have[~good], 0.0)
    np.testing.assert_allclose(have[good], wanted, rtol=1e-9)


@by_function
@pytest.mark.parametrize("mask", MASKS)
def test_three_orders_in_reverse(mask: str, name: str) -> None:
    f, (x, good) = SINGULAR[name][0], points(name)
    plain = (lambda x: 2.0 * x * f(x)) if "product" in mask else f
    wanted = orders(plain, tf.constant([GOOD], tf.float64), 3)
    assert all(np.isfinite(w.numpy()).all() for w in wanted)
    for have, want in zip(orders(lambda x: MASKS[mask](f, x, good), x, 3), wanted, strict=True):
        assert_masked(have, want, good)


@by_function
def test_forward_and_mixed(name: str) -> None:
    f, (x, good) = SINGULAR[name][0], points(name)
    one = tf.constant([GOOD], tf.float64)
    masked = lambda x: MASKS["where"](f, x, good)
    assert_masked(tangent(masked, x), slope(f, one), good)
    curve = orders(f, one, 2)[1]
    assert_masked(tangent(lambda x: slope(masked, x), x), curve, good)
    with tf.GradientTape() as tape:
        tape.watch(x)
        moved = tangent(masked, x)
    assert_masked(tape.gradient(moved, x), curve, good)


@by_function
def test_batched(name: str) -> None:
    f, (x, good) = SINGULAR[name][0], points(name)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = MASKS["where"](f, x, good)
        gradient = inner.gradient(y, x)
    hessian = outer.jacobian(gradient, x).numpy()
    assert_masked(np.diag(hessian), orders(f, tf.constant([GOOD], tf.float64), 2)[1], good)
    assert not (hessian - np.diag(np.diag(hessian))).any()
    rows = tf.vectorized_map(
        lambda pair: slope(lambda x: tf.where(pair[1], f(x), tf.zeros_like(x)), pair[0]), (x, good)
    )
    assert_masked(rows, slope(f, tf.constant([GOOD], tf.float64)), good)


@pytest.mark.parametrize("compile", [False, True])
def test_traced(compile: bool) -> None:
    """Functions in one program: first and second derivatives, reverse and mixed."""
    names = [name for name in SINGULAR if name != "igamma"]  # which takes seconds to compile
    xs, goods = zip(*[points(name) for name in names], strict=True)
    fs = [SINGULAR[name][0] for name in names]

    @tf.function(jit_compile=compile)
    def derivatives(xs: Any) -> Any:
        masked = [
            lambda x, f=f, g=g: MASKS["where"](f, x, g) for f, g in zip(fs, goods, strict=True)
        ]
        pairs = list(zip(masked, xs, strict=True))
        return (
            [orders(m, x, 2) for m, x in pairs],
            [tangent(lambda x, m=m: slope(m, x), x) for m, x in pairs],
        )

    reverse, mixed = derivatives(list(xs))
    for f, good, found, other in zip(fs, goods, reverse, mixed, strict=True):
        for have, order in ((found[0], 0), (found[1], 1), (other, 1)):
            want = orders(f, tf.constant([GOOD], tf.float64), 2)[order]
            assert_masked(have, want, good)


@pytest.mark.parametrize("name", ["sqrt", "asin", "abs then sqrt", "x log x"])
def test_a_mask_by_multiplication(name: str) -> None:
    """The value is finite there, so the derivatives are 0 in every mode."""
    f = SINGULAR[name][0]
    edge = 1.0 if name == "asin" else 0.0
    x, m = tf.constant([edge, GOOD], tf.float64), tf.constant([0.0, 1.0], tf.float64)
    if name == "x log x":
        f = lambda x: tf.math.xlogy(x, x)
    masked = lambda x: m * f(x)
    first, second, third = orders(f, tf.constant([GOOD], tf.float64), 3)
    good = [False, True]
    for have, want in zip(orders(masked, x, 3), (first, second, third), strict=True):
        assert_masked(have, want, good)
    assert_masked(tangent(masked, x), first, good)
    assert_masked(tangent(lambda x: slope(masked, x), x), second, good)
    squared = lambda x: masked(x) ** 2
    assert_masked(
        orders(squared, x, 2)[1],
        orders(lambda x: f(x) ** 2, tf.constant([GOOD], tf.float64), 2)[1],
        good,
    )


def test_a_mask_by_multiplication_of_what_is_infinite() -> None:
    """0 * inf is nan in the value, which is the user's; no derivative is."""
    x, m = tf.constant([0.0, GOOD], tf.float64), tf.constant([0.0, 1.0], tf.float64)
    masked = lambda x: m * tf.math.log(x)
    assert np.isnan(masked(x).numpy()[0])
    assert_masked(slope(masked, x), 1 / GOOD, [False, True])
    assert_masked(tangent(masked, x), 1 / GOOD, [False, True])
    assert_masked(orders(masked, x, 2)[1], -1 / GOOD**2, [False, True])


@pytest.mark.parametrize(
    "select",
    [
        lambda y: tf.clip_by_value(y, -1.0, 5.0),
        lambda y: tf.maximum(y, -1.0),
        lambda y: tf.reduce_max(y),
        lambda y: tf.nn.relu(y),
        lambda y: tf.sort(y)[-1],
        lambda y: tf.math.top_k(y, 1)[0],
    ],
)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_selecting_by_value(select: Any, order: int) -> None:
    """log is -inf at 0, with an infinite slope: clipped, or not the largest."""
    x = tf.constant([0.0, 2.0], tf.float64)
    wanted = {1: 0.5, 2: -0.25, 3: 0.25}[order]
    found = orders(lambda x: select(tf.math.log(x)), x, order)[-1]
    assert_masked(found, wanted, [False, True])


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("compile", [False, True])
def test_branches(traced: bool, compile: bool) -> None:
    """A branch that is not taken, alone and for each example of a batch."""

    def one(x: Any) -> Any:
        return tf.cond(x > 0.0, lambda: tf.sqrt(x), lambda: tf.zeros_like(x))

    def two(x: Any) -> Any:
        index = tf.cast(x > 0.0, tf.int32)
        return tf.switch_case(index, [lambda: tf.zeros_like(x), lambda: tf.math.log(x)])

    xs = tf.constant([0.0, -1.0, 0.25], tf.float64)
    for f, first, second in ((one, 1.0, -2.0), (two, 4.0, -16.0)):

        def both(xs: Any, f: Any = f) -> Any:
            over = lambda x: tf.vectorized_map(f, x)
            return orders(over, xs, 2)

        found = tf.function(both, jit_compile=compile)(xs) if traced else both(xs)
        assert_masked(found[0], first, [False, False, True])
        assert_masked(found[1], second, [False, False, True])


# functions of vectors and matrices, masked as a whole

EQUAL = np.eye(3)
WHOLE: dict[str, tuple[F, Any]] = {
    "norm": (lambda x: tf.norm(x, axis=-1), np.zeros((1, 3))),
    "norm 1": (lambda x: tf.norm(x, ord=1, axis=-1), np.zeros((1, 3))),
    "norm 3": (lambda x: tf.norm(x, ord=3, axis=-1), np.zeros((1, 3))),
    "norm inf": (lambda x: tf.norm(x, ord=np.inf, axis=-1), np.zeros((1, 3))),
    "norm by hand": (lambda x: tf.sqrt(tf.reduce_sum(x * x, -1)), np.zeros((1, 3))),
    "std": (lambda x: tf.math.reduce_std(x, -1), np.ones((1, 3))),
    "std by hand": (lambda x: tf.sqrt(tf.math.reduce_variance(x, -1)), np.ones((1, 3))),
    "variance of inf": (lambda x: tf.math.reduce_variance(x, -1), np.full((1, 3), INF)),
    "l2_normalize": (lambda x: tf.math.l2_normalize(x, -1), np.zeros((1, 3))),
    "normalize": (lambda x: tf.linalg.normalize(x, axis=-1)[0], np.zeros((1, 3))),
    "logsumexp": (lambda x: tf.reduce_logsumexp(x, -1), np.full((1, 3), -INF)),
    "logsumexp of inf": (lambda x: tf.reduce_logsumexp(x, -1), np.full((1, 3), INF)),
    "softmax": (tf.nn.softmax, np.full((1, 3), -INF)),
    "softmax of inf": (tf.nn.softmax, np.full((1, 3), INF)),
    "softmax of nan": (tf.nn.softmax, np.full((1, 3), NAN)),
    "log_softmax": (tf.nn.log_softmax, np.full((1, 3), -INF)),
    "log of softmax": (lambda x: tf.math.log(tf.nn.softmax(x)), np.array([[0.0, -1e4, -INF]])),
    "cross entropy": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits([1], x), np.full((1, 3), INF)
    ),
    "prod": (lambda x: tf.reduce_prod(x, -1), np.array([[0.0, INF, 0.0]])),
    "cumprod": (lambda x: tf.math.cumprod(x, -1), np.array([[0.0, INF, NAN]])),
    "max": (lambda x: tf.reduce_max(x, -1), np.full((1, 3), NAN)),
    "svd": (lambda x: tf.linalg.svd(x)[1], EQUAL),
    "svd of zeros": (lambda x: tf.linalg.svd(x)[1], np.zeros((3, 3))),
    "singular values": (lambda x: tf.linalg.svd(x, compute_uv=False), np.zeros((3, 3))),
    "eigh": (lambda x: tf.linalg.eigh(x)[1], EQUAL),
    "eigvalsh": (tf.linalg.eigvalsh, EQUAL),
    "det": (tf.linalg.det, np.zeros((3, 3))),
    "pinv": (tf.linalg.pinv, np.zeros((3, 3))),
    "sqrtm": (tf.linalg.sqrtm, EQUAL),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_functions_of_many_numbers(name: str) -> None:
    f, point = WHOLE[name]
    x = tf.constant(point)
    masked = lambda x: tf.where(False, f(x), tf.zeros_like(f(x)))
    found = orders(masked, x, 2)
    found += [tangent(masked, x), tangent(lambda x: slope(masked, x), x)]
    assert found[0] is not None
    for derivative in found:  # reduce_max has no second one
        if derivative is not None:
            np.testing.assert_array_equal(derivative.numpy(), 0.0)


@pytest.mark.parametrize("name", ["cholesky", "solve", "inv"])
def test_matrices_without_a_value_raise(name: str) -> None:
    f = {
        "cholesky": tf.linalg.cholesky,
        "solve": lambda x: tf.linalg.solve(x, x),
        "inv": tf.linalg.inv,
    }[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"gradtape.{name}"):
        f(tf.constant(np.zeros((2, 2))))


def test_missing_data() -> None:
    """nan marks what is missing: the weights learn from the rest, through elementwise operations."""
    data = tf.constant([[1.0, NAN], [2.0, 3.0]], tf.float64)
    w = tf.Variable([0.5, -1.0], dtype=tf.float64)
    with tf.GradientTape() as tape:
        error = tf.tanh(data * w) - 1.0
        loss = tf.reduce_sum(tf.where(tf.math.is_nan(data), tf.zeros_like(error), error) ** 2)
    known = np.array([[1.0, 0.0], [2.0, 3.0]])
    t = np.tanh(known * [0.5, -1.0])
    wanted = np.sum([[1, 0], [1, 1]] * (2 * (t - 1) * (1 - t**2) * known), 0)
    np.testing.assert_allclose(tape.gradient(loss, w).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("f", [lambda x: tf.sqrt(x * x), lambda x: tf.sqrt(x**2), lambda x: tf.sqrt(tf.nn.relu(x)), lambda x: tf.sqrt(tf.abs(x))])  # fmt: skip
def test_an_exact_zero_stops_an_infinite_slope(f: F) -> None:
    x = tf.constant([0.0], tf.float64)
    assert slope(f, x).numpy() == [0.0]
    assert tangent(f, x).numpy() == [0.0]


def test_what_is_not_stopped() -> None:
    """A slope that underflows is no mask: the derivative stays nan, as the formula is at fault."""
    x = tf.constant([-1e4], tf.float64)
    assert np.isnan(slope(lambda x: tf.math.log(tf.exp(x)), x).numpy())
