"""Learn to learn sine curves: a gradient step that is itself differentiated.

C. Finn, P. Abbeel and S. Levine (Model-agnostic meta-learning, ICML 2017) look for weights from
which one gradient step on ten points of a new task goes as far as possible. A task is a sine curve
of amplitude 0.1 to 5 and phase 0 to pi; the network has two hidden layers of 40. The outer tape
records the inner tape's gradient, so the meta-gradient holds second derivatives; all 25 tasks of a
step go through `tf.vectorized_map`, inside one `tf.function` with Adam. Beside it are trained

- first-order MAML, which takes the inner gradient for a constant;
- pre-training on all tasks at once, without an inner step. What it should find is known: the mean
  of all curves, -(2 / pi) 2.55 cos x, and the error that is left, 3.01.

The meta-gradient is compared with differences of the loss in float64. Run it with
`python examples/maml.py`; it draws `maml.png`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

TASKS, SHOTS, HIDDEN = 25, 10, 40
INNER_RATE, OUTER_RATE = 0.01, 1e-3
LOW, HIGH = 0.1, 5.0  # amplitudes
REACH = 5.0  # x lies between minus this and this
GRID = np.linspace(-REACH, REACH, 101)

# the mean of all curves is LEVEL cos x; what it leaves of their mean square
LEVEL = -(2 / np.pi) * (LOW + HIGH) / 2
MEAN_SQUARE = (HIGH**2 + HIGH * LOW + LOW**2) / 3 / 2
LEFT = MEAN_SQUARE - LEVEL**2 * (1 / 2 + np.sin(2 * REACH) / (4 * REACH))

Weights = list[tf.Tensor]
Task = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]  # x and y to learn from, then to test


def starting_weights(seed: int) -> list[np.ndarray]:
    """Weights and shifts of three layers."""
    random = np.random.default_rng(seed)
    sizes = (1, HIDDEN, HIDDEN, 1)
    made = []
    for rows, columns in pairwise(sizes):
        made.append(random.standard_normal((rows, columns)) * np.sqrt(2 / (rows + columns)))
        made.append(np.zeros(columns))
    return made


def network(weights: Weights, x: tf.Tensor) -> tf.Tensor:
    """The value (n, 1) at x (n, 1)."""
    for kernel, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = tf.nn.relu(x @ kernel + shift)
    return x @ weights[-2] + weights[-1]


def error(weights: Weights, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The mean square error."""
    return tf.reduce_mean((network(weights, x) - y) ** 2)


def adapted(weights: Weights, x: tf.Tensor, y: tf.Tensor) -> Weights:
    """The weights after one gradient step on a task: an operation like any other."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = error(weights, x, y)
    slopes = tape.gradient(loss, weights)
    return [w - INNER_RATE * slope for w, slope in zip(weights, slopes, strict=True)]


def second_order(weights: Weights, task: Task) -> tf.Tensor:
    """The error of a task after an inner step, through which derivatives go."""
    x, y, test_x, test_y = task
    return error(adapted(weights, x, y), test_x, test_y)


def first_order(weights: Weights, task: Task) -> tf.Tensor:
    """The same number, but the inner step counts as a constant shift."""
    x, y, test_x, test_y = task
    moved = adapted(weights, x, y)
    shifted = [w + tf.stop_gradient(m - w) for w, m in zip(weights, moved, strict=True)]
    return error(shifted, test_x, test_y)


def pre_training(weights: Weights, task: Task) -> tf.Tensor:
    """The error of a task without an inner step."""
    return error(weights, *task[2:])


METHODS: dict[str, Callable[[Weights, Task], tf.Tensor]] = {
    "MAML": second_order,
    "first-order MAML": first_order,
    "pre-training": pre_training,
}


def meta_loss(name: str, weights: Weights, tasks: Task) -> tf.Tensor:
    """The mean of a method's error over a batch of tasks, all at once."""
    method = METHODS[name]
    return tf.reduce_mean(tf.vectorized_map(lambda task: method(weights, task), tasks))


@dataclass(frozen=True)
class Curves:
    """Sine curves of given amplitudes and phases (count, 1, 1): the tasks."""

    amplitude: np.ndarray
    phase: np.ndarray

    def at(self, x: np.ndarray) -> np.ndarray:
        """Their values at x (count, points, 1)."""
        return self.amplitude * np.sin(x - self.phase)

    def tasks(self, x: np.ndarray, test_x: np.ndarray, dtype: type = np.float32) -> Task:
        """Points to learn from and points to test at, with the values there."""
        parts = (x, self.at(x), test_x, self.at(test_x))
        return tuple(tf.constant(part.astype(dtype)) for part in parts)


def drawn(random: np.random.Generator, count: int) -> tuple[Curves, np.ndarray, np.ndarray]:
    """As many curves, and ten points on each, twice."""
    amplitude = random.uniform(LOW, HIGH, (count, 1, 1))
    curves = Curves(amplitude, random.uniform(0, np.pi, (count, 1, 1)))
    return curves, *random.uniform(-REACH, REACH, (2, count, SHOTS, 1))


def confirmed(seed: int) -> tuple[float, float]:
    """Check the meta-gradient of MAML in float64.

    Returns the relative difference of its slope along itself from a difference of the loss, and
    by how much the first-order gradient misses it.
    """
    curves, *points = drawn(np.random.default_rng(seed), TASKS)
    tasks = curves.tasks(*points, dtype=np.float64)
    start = [tf.constant(w) for w in starting_weights(seed)]
    gradients = {}
    for name in ("MAML", "first-order MAML"):
        with tf.GradientTape() as tape:
            tape.watch(start)
            loss = meta_loss(name, start, tasks)
        gradients[name] = tape.gradient(loss, start)
    exact = gradients["MAML"]
    size = tf.linalg.global_norm(exact)
    ahead, behind = (
        meta_loss("MAML", [w + h * g / size for w, g in zip(start, exact, strict=True)], tasks)
        for h in (1e-6, -1e-6)
    )
    missed = [a - b for a, b in zip(gradients["first-order MAML"], exact, strict=True)]
    slope = (ahead - behind) / 2e-6
    return float(tf.abs(slope / size - 1)), float(tf.linalg.global_norm(missed) / size)


@dataclass
class Learner:
    """One method's weights and losses, and its mean error after 0, 1, ... steps on new tasks."""

    name: str
    weights: list[tf.Variable]
    losses: list[float] = field(default_factory=list)
    milliseconds: float = 0.0
    curve: np.ndarray = field(default_factory=lambda: np.empty(0))


def train(name: str, steps: int, seed: int, progress: Progress) -> Learner:
    """Train one method; every method meets the same tasks."""
    learner = Learner(name, [tf.Variable(w.astype(np.float32)) for w in starting_weights(seed)])
    optimizer = tf.optimizers.Adam(OUTER_RATE)
    random = np.random.default_rng(seed + 1)

    @tf.function
    def step(*tasks: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            weights = [tf.convert_to_tensor(w) for w in learner.weights]
            loss = meta_loss(name, weights, tasks)
        gradients = tape.gradient(loss, learner.weights)
        optimizer.apply_gradients(zip(gradients, learner.weights, strict=True))
        return loss

    task = progress.add_task(name, total=steps)
    seconds = []
    for _ in range(steps):
        curves, *points = drawn(random, TASKS)
        started = time.perf_counter()
        learner.losses.append(float(step(*curves.tasks(*points))))
        seconds.append(time.perf_counter() - started)
        progress.update(task, advance=1)
    learner.milliseconds = 1e3 * statistics.median(seconds)
    return learner


def adaptation(learner: Learner, curves: Curves, x: np.ndarray, steps: int) -> list[tf.Tensor]:
    """What the network says (tasks, points, 1) on a grid after 0, 1, ... steps on x."""
    grid = np.broadcast_to(GRID[:, None], (len(x), len(GRID), 1))
    start = [tf.convert_to_tensor(w) for w in learner.weights]

    def one(task: Task) -> list[tf.Tensor]:
        weights, found = start, [network(start, task[2])]
        for _ in range(steps):
            weights = adapted(weights, *task[:2])
            found.append(network(weights, task[2]))
        return found

    return tf.vectorized_map(one, curves.tasks(x, grid))


def compared(learners: list[Learner], tasks: int, steps: int, seed: int) -> None:
    """Let every method learn the same new tasks and keep its mean errors over the interval."""
    curves, x, _ = drawn(np.random.default_rng(seed + 2), tasks)
    truth = curves.at(GRID[:, None])
    for learner in learners:
        said = adaptation(learner, curves, x, steps)
        learner.curve = np.array([np.mean((y.numpy() - truth) ** 2) for y in said])


def distance(learner: Learner) -> float:
    """How far a network is from the mean of all curves: the root of the mean square over x."""
    x = tf.constant(GRID[:, None].astype(np.float32))
    said = network([tf.convert_to_tensor(w) for w in learner.weights], x).numpy()[:, 0]
    return float(np.sqrt(np.mean((said - LEVEL * np.cos(GRID)) ** 2)))


def report(learners: list[Learner], console: Console) -> None:
    """Print the errors before and after adapting, and what is known of pre-training."""
    table = Table("mean square error after", "0 steps", "1 step", "5 steps", "10 steps", "a step")
    for learner in learners:
        chosen = learner.curve[[0, 1, 5, 10]]
        errors = [f"{value:.3f}" for value in chosen]
        table.add_row(learner.name, *errors, f"{learner.milliseconds:.2f} ms")
    console.print(table)
    last = learners[-1]
    console.print(
        f"{last.name}: {np.mean(last.losses[-1000:]):.3f} on the last tasks, where the mean of all"
        f" curves leaves {LEFT:.3f}; its network is {distance(last):.2f} from that mean, which"
        f" reaches {abs(LEVEL):.2f}"
    )


def draw(learners: list[Learner], seed: int, path: str) -> None:
    """One new curve before and after adapting, and the errors of many."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.5), layout="constrained")
    curves = Curves(np.full((1, 1, 1), 4.0), np.full((1, 1, 1), 0.8))
    x = np.random.default_rng(seed + 3).uniform(-REACH, REACH, (1, SHOTS, 1))
    for spot, learner in zip(axes.flat, (learners[0], learners[1], learners[-1])):
        said = adaptation(learner, curves, x, 10)
        spot.plot(GRID, curves.at(GRID[:, None])[0], color="black", alpha=0.25, linewidth=5)
        spot.plot(x[0], curves.at(x)[0], "o", color="black", label="ten points to learn from")
        for count, style, colour in ((0, ":", "C0"), (1, "--", "C1"), (10, "-", "C3")):
            label = f"after {count} gradient step{'' if count == 1 else 's'}"
            spot.plot(GRID, said[count][0], style, label=label, color=colour)
        spot.set(xlabel="x", ylabel="y", ylim=(-6, 8), title=f"{learner.name}: a new curve (broad)")
    axes[0, 0].legend(fontsize=9, ncols=2, loc="upper center")
    for number, learner in enumerate(learners):
        axes[1, 1].plot(learner.curve, "o-", color=f"C{number}", label=learner.name)
    axes[1, 1].axhline(LEFT, color="gray", linestyle=":", label="the mean of all curves")
    axes[1, 1].set(
        xlabel="gradient steps on ten points of a new curve",
        ylabel="mean square error",
        yscale="log",
        title="Many new curves",
    )
    axes[1, 1].set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    axes[1, 1].minorticks_off()
    axes[1, 1].set_ylim(0.1, 15)
    axes[1, 1].legend(fontsize=9, loc="upper right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> list[Learner]:
    """Check, train, compare and draw; returns what each method learned."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--tasks", type=int, default=600, help="new curves to compare on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="maml.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    wrong, missed = confirmed(options.seed)
    console.print(
        f"Meta-gradient: [bold]{wrong:.1e}[/bold] from differences of the loss, relatively; the"
        f" first-order one misses it by {missed:.0%}"
    )
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        learners = [train(name, options.steps, options.seed, progress) for name in METHODS]
    compared(learners, options.tasks, 10, options.seed)
    report(learners, console)
    draw(learners, options.seed, options.plot)
    console.print(f"drawn: {options.plot}")
    return learners


if __name__ == "__main__":
    main()
