"""Activation functions: kinks, tails, infinities, biases, errors."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import INF, NAN, slope

nn = tf.nn
SMOOTH: dict[str, Any] = {
    "gelu": nn.gelu,
    "gelu by tanh": lambda x: nn.gelu(x, approximate=True),
    "silu": nn.silu,
    "softsign": nn.softsign,
    "elu": nn.elu,
    "selu": nn.selu,
}


@pytest.mark.parametrize(
    "function, point, wanted",
    [
        (nn.relu, 0.0, 0.0),
        (nn.relu6, 0.0, 0.0),
        (nn.relu6, 6.0, 0.0),
        (nn.relu6, 5.9, 1.0),
        (nn.leaky_relu, 0.0, 0.2),
        (nn.leaky_relu, -3.0, 0.2),
        (nn.elu, 0.0, 1.0),
        (nn.selu, 0.0, 1.0507009873554805),
        (nn.softsign, 0.0, 1.0),
        (nn.relu, NAN, 0.0),
        (nn.relu, INF, 1.0),
    ],
)
def test_kinks(function: Any, point: float, wanted: float) -> None:
    assert slope(function, point) == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_ends_of_the_line_are_not_nan(name: str) -> None:
    low, high = SMOOTH[name](tf.constant([-INF, INF], tf.float64)).numpy()
    assert high == (1 if name == "softsign" else INF)
    assert low == pytest.approx(
        {"softsign": -1, "elu": -1, "selu": -1.7580993408473766}.get(name, 0)
    )
    by_low, by_high = slope(SMOOTH[name], [-INF, INF])
    assert by_low == 0
    assert by_high == pytest.approx({"softsign": 0, "selu": 1.0507009873554805}.get(name, 1))


EXACT: dict[str, Any] = {
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu by tanh": lambda x: (
        x / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (x + 0.044715 * x**3)))
    ),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_derivatives_keep_their_digits_in_the_tails(name: str, order: int) -> None:
    x = tf.constant(np.linspace(-25, 25, 51) + 0.3, tf.float64)
    value = derivative(SMOOTH[name], x, order).numpy()
    with mpmath.workdps(400):
        wanted = [float(mpmath.diff(EXACT[name], mpmath.mpf(float(p)), order)) for p in x.numpy()]
    np.testing.assert_allclose(value, wanted, rtol=3e-13, atol=1e-300)


def derivative(function: Any, x: Any, order: int) -> Any:
    if not order:
        return function(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = derivative(function, x, order - 1)
    return tape.gradient(y, x)


def test_the_tape_keeps_the_output_of_relu_only() -> None:
    assert nn.relu.primitive.kept((True,)) == ((0,), True)
    assert tf.nn.softmax([1.0]).shape == (1,)


def test_silu_with_beta_has_a_derivative_by_beta() -> None:
    x, beta = tf.constant(2.0, tf.float64), tf.Variable(0.5, dtype=tf.float64)
    with tf.GradientTape() as tape:
        y = nn.swish(x, beta)
    s = 1 / (1 + np.exp(-1.0))
    assert float(y) == pytest.approx(2 * s)
    assert float(tape.gradient(y, beta)) == pytest.approx(4 * s * (1 - s))


def test_leaky_relu_converts_integers_and_takes_any_slope() -> None:
    assert nn.leaky_relu([-10, 5]).numpy().tolist() == [-2.0, 5.0]
    assert nn.leaky_relu([-1.0, 2.0], alpha=3).numpy().tolist() == [-3, 2]
    assert nn.leaky_relu([-INF, 2.0], alpha=0.0).dtype is tf.float32


def test_crelu_doubles_an_axis() -> None:
    assert nn.crelu([[-1.0, 2.0]], axis=0).numpy().tolist() == [[0, 2], [1, 0]]
    assert slope(nn.crelu, [-1.0, 2.0]) == [-1, 1]


def test_bias_of_channels() -> None:
    x = tf.zeros([2, 3, 4])
    assert nn.bias_add(x, [1.0, 2.0, 3.0, 4.0]).numpy()[0, 0].tolist() == [1, 2, 3, 4]
    assert nn.bias_add(x, [1.0, 2.0, 3.0], "NCW").numpy()[0, :, 0].tolist() == [1, 2, 3]
    assert slope(lambda b: nn.bias_add(tf.cast(x, tf.float64), b), [0.0] * 4) == [6] * 4


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.relu(["a"]), "gradtape.relu"),
        (lambda: nn.softmax(None), "None is no tensor"),
    ],
)
def test_wrong_types(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.relu([1j]), "gradtape.relu.*real"),
        (lambda: nn.gelu([1]), "gradtape.gelu.*tf.cast"),
        (lambda: nn.elu([1]), "gradtape.elu.*tf.cast"),
        (lambda: nn.leaky_relu([True]), "gradtape.leaky_relu.*real"),
        (lambda: nn.crelu([1.0], 1), "axis 1"),
        (lambda: nn.bias_add([[1.0, 2.0]], [1.0]), "gradtape.bias_add.*one element for each"),
        (lambda: nn.bias_add([1.0], [1.0]), "gradtape.bias_add"),
        (
            lambda: nn.bias_add(tf.constant([[1.0]]), tf.constant([1.0], tf.float64)),
            "gradtape.bias_add.*dtypes differ",
        ),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_unknown_data_format() -> None:
    with pytest.raises(ValueError, match="gradtape.bias_add: data_format 'CHW'"):
        nn.bias_add([[1.0]], [1.0], "CHW")
