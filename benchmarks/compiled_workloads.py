"""The compiled workloads: each loss written once for all frameworks, with its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.adbench import diagonal_lstm, gated, gmm
from benchmarks.workloads import Array, Arrays, Workload, dense_workload, rosenbrock

TOLERANCES = {"float32": 1e-4, "float64": 1e-9}


@dataclass(frozen=True)
class Task:
    """A loss of watched arrays and constants, and what is asked of it.

    `loss` takes a framework's operations first; `asked` is "value", "gradient" (the value and all
    gradients together) or "hessian". `lengthy` says that its loop is too long to be unrolled.
    """

    name: str
    title: str
    loss: Callable[..., Any]
    watched: Arrays
    constants: Arrays = ()
    variables: bool = False
    asked: str = "gradient"
    lengthy: bool = False

    @property
    def wide(self) -> bool:
        """Whether it computes in float64."""
        return self.watched[0].dtype == np.float64

    @property
    def tolerance(self) -> float:
        """How far contestants may differ, relatively."""
        return TOLERANCES[str(self.watched[0].dtype)]


def eager_task(work: Workload) -> Task:
    """The task of a workload that is measured eagerly too."""
    return Task(
        work.name,
        work.title,
        work.loss,
        work.watched,
        work.constants,
        work.variables,
        work.derivative,
    )


def product(ops: Any, watched: Arrays) -> Any:
    """Two operations on one number, next to nothing: what remains is the call."""
    (x,) = watched
    return ops.sin(x) * x


def elementwise(ops: Any, watched: Arrays) -> Any:
    """Five transcendental functions one after the other, then a sum."""
    (x,) = watched
    return ops.sum(ops.erf(ops.log(ops.tanh(ops.exp(ops.sin(x))))))


def cnn(ops: Any, watched: Arrays, images: Any, labels: Any) -> Any:
    """Two convolutions, each with relu and pooling, a dense layer, and the mean cross entropy."""
    w1, b1, w2, b2, weight, bias = watched
    hidden = ops.pool(ops.relu(ops.conv(images, w1, b1)))
    hidden = ops.pool(ops.relu(ops.conv(hidden, w2, b2)))
    return ops.entropy(ops.flatten(hidden) @ weight + bias, labels)


def lstm(ops: Any, watched: Arrays, inputs: Any, start: Any) -> Any:
    """The mean of the squared last hidden state of an LSTM; inputs are (steps, batch, size).

    The gates stand side by side in the order of `gated`, which is that of PyTorch's own LSTM.
    """
    inward, across, bias = watched

    def step(state: Any, x: Any) -> Any:
        hidden, cell = state
        return gated(ops, cell, *ops.split(x @ inward + hidden @ across + bias, 4, 1))

    hidden, _ = ops.foldl(step, inputs, (start, start))
    return ops.mean(hidden**2)


def normal(generator: Any, *shape: int, scale: float = 1.0) -> Array:
    """Normally distributed float32."""
    return generator.standard_normal(shape, np.float32) * np.float32(scale)


def cnn_task(batch: int) -> Task:
    """The network on random images of 28 x 28, with random labels."""
    generator = np.random.default_rng(2)
    watched = [
        normal(generator, 3, 3, 1, 32, scale=0.4),
        normal(generator, 32, scale=0.1),
        normal(generator, 3, 3, 32, 64, scale=0.08),
        normal(generator, 64, scale=0.1),
        normal(generator, 7 * 7 * 64, 10, scale=0.02),
        normal(generator, 10, scale=0.1),
    ]
    constants = normal(generator, batch, 28, 28, 1), generator.integers(0, 10, batch)
    return Task("cnn", f"CNN 28x28x1-32-64-10, batch {batch}", cnn, watched, constants, True)


def lstm_task(steps: int, batch: int, size: int) -> Task:
    """The LSTM on random inputs, with as many hidden numbers as inputs."""
    generator = np.random.default_rng(3)
    scale = size**-0.5
    watched = [
        normal(generator, size, 4 * size, scale=scale),
        normal(generator, size, 4 * size, scale=scale),
        normal(generator, 4 * size, scale=0.1),
    ]
    constants = normal(generator, steps, batch, size), np.zeros((batch, size), np.float32)
    title = f"LSTM {size}-{size}, {steps} steps, batch {batch}"
    return Task("lstm", title, lstm, watched, constants, True)


def gmm_task(size: int, components: int, count: int) -> Task:
    """ADBench's mixture with random parameters and points."""
    generator = np.random.default_rng(4)
    watched = [
        generator.standard_normal(components),
        generator.random((components, size)),
        generator.standard_normal((components, size * (size + 1) // 2)),
    ]
    points = generator.standard_normal((count, size))
    title = f"ADBench GMM, d {size}, k {components}, n {count}, float64"
    return Task(f"gmm{size}", title, gmm, watched, [points])


def diagonal_lstm_task(layers: int, steps: int, bits: int = 14) -> Task:
    """ADBench's LSTM with random parameters and a random text of so many bits a character."""
    generator = np.random.default_rng(5)
    watched = [generator.random((2 * layers, 4 * bits)), generator.random((3, bits))]
    state = generator.random((2 * layers, bits))
    text = generator.integers(0, 2, (steps, bits)).astype(np.float64)
    constants = state, text, np.zeros(())
    title = f"ADBench LSTM, l {layers}, c {steps}, float64"
    return Task("adlstm", title, diagonal_lstm, watched, constants, lengthy=True)


def tasks() -> list[Task]:
    """All tasks, with the same inputs every time."""
    generator = np.random.default_rng(0)
    square = generator.random((1024, 1024), np.float32) + np.float32(0.5)
    points = generator.random(20, np.float32) + np.float32(0.5)
    return [
        Task("call", "sin(x) * x, scalar", product, [np.float32(0.7)], asked="value"),
        eager_task(dense_workload("small", (10, 32, 10), 32)),
        eager_task(dense_workload("large", (784, 512, 512, 10), 256)),
        cnn_task(64),
        lstm_task(64, 32, 128),
        Task("elementwise", "five functions on 1024 x 1024", elementwise, [square]),
        gmm_task(10, 25, 1000),
        gmm_task(64, 25, 1000),
        diagonal_lstm_task(2, 1024),
        Task("hessian", "Hessian of Rosenbrock in 20", rosenbrock, [points], asked="hessian"),
    ]
