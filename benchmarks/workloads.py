"""The eager workloads: each loss written once for all frameworks, and its NumPy by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Arrays = Sequence[Any]

LINKS = 10


@dataclass(frozen=True)
class Workload:
    """A loss of watched arrays and constants, with hand-written code for value and derivative.

    `loss` takes a framework's operations first; `derivative` is "gradient" or "hessian".
    """

    name: str
    title: str
    loss: Callable[..., Any]
    value_by_hand: Callable[..., Any]
    derivative_by_hand: Callable[..., list[Any]]
    watched: Arrays
    constants: Arrays = ()
    variables: bool = False
    derivative: str = "gradient"


def chain(ops: Any, watched: Arrays) -> Any:
    """Ten times a sine and a product, then a sum."""
    x, y = watched
    for _ in range(LINKS):
        x = ops.sin(x) * y
    return ops.sum(x)


def chain_value(watched: Arrays) -> Any:
    """The chain's value, with one array reused throughout."""
    x, y = watched
    x = np.sin(x)
    np.multiply(x, y, x)
    for _ in range(LINKS - 1):
        np.sin(x, x)
        np.multiply(x, y, x)
    return np.add.reduce(x)


def chain_gradient(watched: Arrays) -> list[Any]:
    """The chain's value and gradients; the kept sines become the products of the way back."""
    x, y = watched
    inputs, sines = [], []
    for _ in range(LINKS):
        inputs.append(x)
        sine = np.sin(x)
        sines.append(sine)
        x = sine * y
    value = np.add.reduce(x)
    sum_y = sines.pop()
    grad = np.cos(inputs.pop())
    np.multiply(grad, y, grad)
    while sines:
        sine = sines.pop()
        np.multiply(sine, grad, sine)
        np.add(sum_y, sine, sum_y)
        np.multiply(grad, np.cos(inputs.pop()), grad)
        np.multiply(grad, y, grad)
    return [value, grad, sum_y]


def scalar(ops: Any, watched: Arrays) -> Any:
    """Three operations on one number."""
    (x,) = watched
    return ops.sin(x) * x + x


def scalar_value(watched: Arrays) -> Any:
    """The scalar function's value."""
    (x,) = watched
    return np.sin(x) * x + x


def scalar_gradient(watched: Arrays) -> list[Any]:
    """The scalar function's value and derivative, with one sine for both."""
    (x,) = watched
    sine = np.sin(x)
    return [sine * x + x, np.cos(x) * x + sine + 1]


def dense(ops: Any, watched: Arrays, images: Any, labels: Any) -> Any:
    """A dense network with relu between layers, and the mean softmax cross entropy."""
    hidden = images
    for weight, bias in zip(watched[:-2:2], watched[1:-2:2], strict=True):
        hidden = ops.relu(hidden @ weight + bias)
    return ops.entropy(hidden @ watched[-2] + watched[-1], labels)


def dense_layers(watched: Arrays, images: Array) -> list[Array]:
    """The images and every layer's output, each made in one array."""
    outputs = [images]
    for weight, bias in zip(watched[::2], watched[1::2], strict=True):
        if len(outputs) > 1:
            np.maximum(outputs[-1], 0, out=outputs[-1])
        output = outputs[-1] @ weight
        np.add(output, bias, output)
        outputs.append(output)
    return outputs


def entropy_in_place(logits: Array, labels: Array) -> tuple[Any, Array, tuple[Array, Array]]:
    """The mean cross entropy, the sums of the exponentials, and where the labels stand.

    The logits are overwritten with their exponentials.
    """
    picked = (np.arange(len(labels)), labels)
    np.subtract(logits, np.maximum.reduce(logits, 1, keepdims=True), logits)
    chosen = logits[picked]
    np.exp(logits, logits)
    totals = np.add.reduce(logits, 1, keepdims=True)
    losses = np.log(totals[:, 0])
    np.subtract(losses, chosen, losses)
    return np.add.reduce(losses) / len(labels), totals, picked


def dense_value(watched: Arrays, images: Array, labels: Array) -> Any:
    """The dense network's loss."""
    return entropy_in_place(dense_layers(watched, images)[-1], labels)[0]


def dense_gradient(watched: Arrays, images: Array, labels: Array) -> list[Any]:
    """The dense network's loss and gradients, with the logits' array reused for their gradient."""
    outputs = dense_layers(watched, images)
    grad = outputs.pop()
    loss, totals, picked = entropy_in_place(grad, labels)
    np.multiply(totals, np.float32(len(labels)), totals)
    np.divide(grad, totals, grad)
    grad[picked] -= np.float32(1 / len(labels))
    gradients: list[Any] = []
    for weight in watched[::-1][1::2]:
        hidden = outputs.pop()
        gradients[:0] = [hidden.T @ grad, np.add.reduce(grad, 0)]
        if outputs:
            grad = grad @ weight.T
            np.multiply(grad, hidden > 0, grad)
    return [loss, *gradients]


def rosenbrock(ops: Any, watched: Arrays) -> Any:
    """Rosenbrock's function of many numbers."""
    (x,) = watched
    left, right = x[:-1], x[1:]
    return ops.sum(100 * (right - left**2) ** 2 + (1 - left) ** 2)


def rosenbrock_value(watched: Arrays) -> Any:
    """Rosenbrock's function, with two temporaries and two inner products."""
    (x,) = watched
    left = x[:-1]
    valley = left * left
    np.subtract(x[1:], valley, valley)
    slope = 1 - left
    return 100 * np.dot(valley, valley) + np.dot(slope, slope)


def rosenbrock_hessian(watched: Arrays) -> list[Any]:
    """Rosenbrock's tridiagonal Hessian, written diagonal by diagonal into a zero matrix."""
    (x,) = watched
    size = len(x)
    beside = x * -400
    hessian = np.zeros(size * size, x.dtype)
    diagonal = hessian[:: size + 1]
    np.multiply(x, beside, diagonal)
    diagonal *= -3
    diagonal[:-1] += beside[1:]
    diagonal += 202
    diagonal[0] -= 200
    diagonal[-1] = 200
    hessian[1 :: size + 1] = hessian[size :: size + 1] = beside[:-1]
    return [hessian.reshape(size, size)]


def dense_workload(name: str, widths: Sequence[int], batch: int) -> Workload:
    """A dense network of these widths with its weights, images and labels."""
    generator = np.random.default_rng(1)
    watched = []
    for before, after in pairwise(widths):
        scale = np.float32((2 / before) ** 0.5)
        watched.append(generator.standard_normal((before, after), np.float32) * scale)
        watched.append(generator.standard_normal(after, np.float32) * np.float32(0.1))
    images = generator.standard_normal((batch, widths[0]), np.float32)
    labels = generator.integers(0, widths[-1], batch)
    title = f"dense {'-'.join(map(str, widths))}, batch {batch}"
    hand = (dense_value, dense_gradient)
    return Workload(name, title, dense, *hand, watched, (images, labels), variables=True)


def workloads() -> list[Workload]:
    """All workloads, with the same inputs every time."""
    generator = np.random.default_rng(0)
    x, y, z = (generator.random(size, np.float32) + np.float32(0.5) for size in (10, 10, 20))
    number = np.float32(0.7)
    return [
        Workload("chain", "ten of sin(x) * y, on 10", chain, chain_value, chain_gradient, [x, y]),
        Workload(
            "scalar", "sin(x) * x + x, scalar", scalar, scalar_value, scalar_gradient, [number]
        ),
        dense_workload("small", (10, 32, 10), 32),
        dense_workload("large", (784, 512, 512, 10), 256),
        Workload(
            "hessian",
            "Hessian of Rosenbrock in 20",
            rosenbrock,
            rosenbrock_value,
            rosenbrock_hessian,
            [z],
            derivative="hessian",
        ),
    ]
