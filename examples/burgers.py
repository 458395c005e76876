"""Solve Burgers' equation by a neural network, with its second derivative taken in three ways.

The equation u_t + u u_x = (0.01 / pi) u_xx on -1 < x < 1, 0 < t < 1 with u(0, x) = -sin(pi x) and
u(t, -1) = u(t, 1) = 0 steepens at x = 0 to a front of width 0.01. M. Raissi, P. Perdikaris and
G. E. Karniadakis (Physics-informed neural networks, J. Comput. Phys. 378, 2019) let a network take
the place of u and make the residual of the equation small at scattered points.

Here the network is multiplied into t (1 - x^2), added to -sin(pi x) and made odd in x, as the
solution is, so that the conditions hold exactly and the residual is all there is to fit. It has to
be differentiated twice by x, then once by every weight. The second derivative comes from nested
tapes, from a tape inside of an accumulator (forward over reverse), or from an accumulator inside of
an accumulator (forward over forward): the same loss to the last digits, each compiled, each timed.

The fit is K. Levenberg and D. W. Marquardt's: `tf.vectorized_map` gives the derivatives of the
residual at every point by all weights. The exact solution is E. Hopf's and J. D. Cole's transform,
integrated by Gauss and Hermite's rule; C. Basdevant and others (Comput. Fluids 14, 1986) give the
steepest slope at the origin, 152.00516 at pi t = 1.6037. Run it with `python examples/burgers.py`;
it draws `burgers.png`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from scipy.linalg import solve
from scipy.stats import qmc

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

VISCOSITY = 0.01 / np.pi
SIZES = (2, 12, 12, 12, 12, 1)
SHAPES = [shape for pair in pairwise(SIZES) for shape in (pair, pair[1])]
COUNTS = [int(np.prod(shape)) for shape in SHAPES]
STEEPEST, STEEPEST_TIME = 152.00516, 1.6037 / np.pi

Derivatives = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]  # u, u_t, u_x, u_xx
Way = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Derivatives]


def exact(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The solution at times t and places x of one shape: a ratio of two Gaussian integrals."""
    nodes, weights = np.polynomial.hermite.hermgauss(120)
    y = x[..., None] - 2 * np.sqrt(VISCOSITY * t[..., None]) * nodes
    exponent = -np.cos(np.pi * y) / (2 * np.pi * VISCOSITY)
    density = weights * np.exp(exponent - exponent.max(-1, keepdims=True))
    return -np.sum(np.sin(np.pi * y) * density, -1) / np.sum(density, -1)


def starting_weights(seed: int) -> np.ndarray:
    """All weights in one vector, as X. Glorot and Y. Bengio (2010) draw them; shifts are zero."""
    random = np.random.default_rng(seed)
    drawn = [
        random.standard_normal(shape) * np.sqrt(2 / sum(shape))
        if isinstance(shape, tuple)
        else np.zeros(shape)
        for shape in SHAPES
    ]
    return np.concatenate([part.ravel() for part in drawn])


def network(theta: tf.Tensor, t: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """u (n, 1) at t and x (n, 1): it obeys the conditions whatever the weights are."""
    parts = [tf.reshape(part, shape) for part, shape in zip(tf.split(theta, COUNTS), SHAPES)]
    both = tf.concat([tf.concat([2 * t - 1, x], 1), tf.concat([2 * t - 1, -x], 1)], 0)
    for weights, shift in zip(parts[:-2:2], parts[1:-2:2], strict=True):
        both = tf.tanh(both @ weights + shift)
    right, left = tf.split(both @ parts[-2], 2)
    return -tf.sin(np.pi * x) + t * (1 - x * x) * (right - left)


def nested_tapes(theta: tf.Tensor, t: tf.Tensor, x: tf.Tensor) -> Derivatives:
    """Reverse over reverse."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch([t, x])
            u = network(theta, t, x)
        u_t, u_x = inner.gradient(u, [t, x])
    return u, u_t, u_x, outer.gradient(u_x, x)


def forward_over_reverse(theta: tf.Tensor, t: tf.Tensor, x: tf.Tensor) -> Derivatives:
    """A tape for both slopes, and how the one by x changes along x."""
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as along:
        with tf.GradientTape() as tape:
            tape.watch([t, x])
            u = network(theta, t, x)
        u_t, u_x = tape.gradient(u, [t, x])
    return u, u_t, u_x, along.jvp(u_x)


def forward_over_forward(theta: tf.Tensor, t: tf.Tensor, x: tf.Tensor) -> Derivatives:
    """No tape at all: changes along t, along x, and of the latter along x once more."""
    forward = tf.autodiff.ForwardAccumulator
    with (
        forward(t, tf.ones_like(t)) as later,
        forward(x, tf.ones_like(x)) as outer,
        forward(x, tf.ones_like(x)) as inner,
    ):
        u = network(theta, t, x)
        u_x = inner.jvp(u)
    return u, later.jvp(u), u_x, outer.jvp(u_x)


WAYS: dict[str, Way] = {
    "nested tapes": nested_tapes,
    "forward over reverse": forward_over_reverse,
    "forward over forward": forward_over_forward,
}


def residual(way: Way, theta: tf.Tensor, t: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """What the equation lacks at each point."""
    u, u_t, u_x, u_xx = way(theta, t, x)
    return u_t + u * u_x - VISCOSITY * u_xx


def scattered(count: int, seed: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Times and places (count, 1) in 0 < x < 1, the half that symmetry leaves.

    Every other point is drawn towards x = 0, where the sine is steepest and stays so.
    """
    points = qmc.Sobol(2, seed=seed).random(count)
    points[::2, 1] **= 3
    return tf.constant(points[:, :1]), tf.constant(points[:, 1:])


@dataclass(frozen=True)
class Timing:
    """One way's loss and gradient at the starting weights, and what they cost."""

    name: str
    first: float
    milliseconds: float
    loss: float
    gradient: np.ndarray


def loss_and_gradient(way: Way, t: tf.Tensor, x: tf.Tensor) -> Any:
    """The compiled mean square of the residual, with its gradient by the weights."""

    @tf.function
    def both(theta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(theta)
            loss = tf.reduce_mean(residual(way, theta, t, x) ** 2)
        return loss, tape.gradient(loss, theta)

    return both


def timed(points: tuple[tf.Tensor, tf.Tensor], seed: int, rounds: int) -> list[Timing]:
    """The three ways on the same points and weights, taking turns."""
    theta = tf.constant(starting_weights(seed))
    steps = {name: loss_and_gradient(way, *points) for name, way in WAYS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    found: dict[str, tuple[float, np.ndarray]] = {}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            loss, gradient = step(theta)
            found[name] = float(loss), gradient.numpy()
            seconds[name].append(time.perf_counter() - started)
    return [
        Timing(name, times[0], 1e3 * statistics.median(times[1:]), *found[name])
        for name, times in seconds.items()
    ]


def difference(timings: list[Timing]) -> float:
    """The largest relative difference of losses and gradients from those of the first way."""
    one = timings[0]
    losses = [abs(other.loss / one.loss - 1) for other in timings]
    scale = np.abs(one.gradient).max()
    slopes = [float(np.abs(other.gradient - one.gradient).max() / scale) for other in timings]
    return max(*losses, *slopes)


def least_squares(t: tf.Tensor, x: tf.Tensor) -> Any:
    """The compiled means of r^2, J'J and J'r; J are the derivatives of r by the weights."""

    @tf.function
    def system(theta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def at_point(point: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(theta)
                lacking = residual(nested_tapes, theta, point[0][None], point[1][None])[0, 0]
            return lacking, tape.gradient(lacking, theta)

        r, jacobian = tf.vectorized_map(at_point, (t, x))
        count = t.shape[0]
        squares = tf.matmul(jacobian, jacobian, transpose_a=True) / count
        slope = tf.linalg.matvec(jacobian, r, transpose_a=True) / count
        return tf.reduce_mean(r * r), squares, slope

    return system


def fit(
    points: tuple[tf.Tensor, tf.Tensor], seed: int, steps: int, console: Console
) -> tuple[np.ndarray, list[float]]:
    """Take damped Gauss-Newton steps; return the weights and the loss after each."""
    system = least_squares(*points)
    theta, damping = starting_weights(seed), 1e-2
    loss, squares, slope = (part.numpy() for part in system(tf.constant(theta)))
    losses = [float(loss)]
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("fitting", total=steps)
        for _ in range(steps):
            damped = squares + damping * np.eye(len(theta))
            moved = theta - solve(damped, slope, assume_a="pos")
            tried = [part.numpy() for part in system(tf.constant(moved))]
            if tried[0] < loss:
                theta, (loss, squares, slope), damping = moved, tried, damping / 3
            else:
                damping *= 4
            losses.append(float(loss))
            progress.update(task, advance=1, description=f"mean square residual {loss:.1e}")
    return theta, losses


@dataclass(frozen=True)
class Solution:
    """The fitted network beside the exact solution, on a grid of times (rows) and places."""

    t: np.ndarray
    x: np.ndarray
    found: np.ndarray
    exact: np.ndarray
    steepest: float
    steepest_time: float

    @property
    def relative_error(self) -> float:
        """The relative error in the mean square over the grid."""
        return float(np.linalg.norm(self.found - self.exact) / np.linalg.norm(self.exact))

    @property
    def largest_error(self) -> float:
        """The largest error on the grid."""
        return float(np.abs(self.found - self.exact).max())


def evaluated(theta: np.ndarray) -> Solution:
    """The network on 101 x 401 points, and its steepest slope at the origin."""
    weights = tf.constant(theta)
    t, x = np.meshgrid(np.linspace(0, 1, 101), np.linspace(-1, 1, 401), indexing="ij")
    u = network(weights, tf.constant(t.reshape(-1, 1)), tf.constant(x.reshape(-1, 1)))
    times = np.linspace(0, 1, 2001)
    at_origin = tf.zeros([len(times), 1], tf.float64)
    slopes = -nested_tapes(weights, tf.constant(times[:, None]), at_origin)[2].numpy()[:, 0]
    steepest = int(slopes.argmax())
    return Solution(
        t[:, 0], x[0], u.numpy().reshape(t.shape), exact(t, x), slopes[steepest], times[steepest]
    )


def report(timings: list[Timing], points: int, console: Console) -> None:
    """Print what the second derivative costs in each way."""
    table = Table("second derivative by", "first call", "loss and gradient", "loss at the start")
    for timing in timings:
        table.add_row(
            timing.name,
            f"{timing.first:.2f} s",
            f"{timing.milliseconds:.2f} ms",
            f"{timing.loss:.12f}",
        )
    table.caption = f"{points} points, {sum(COUNTS)} weights, float64, compiled"
    console.print(table)
    console.print(
        f"Largest relative difference of losses and gradients: [bold]{difference(timings):.1e}"
    )


def compared(solution: Solution, console: Console) -> None:
    """Print the fit beside what is known."""
    table = Table("", "network", "known")
    table.add_row("relative error of u", f"{solution.relative_error:.1e}", "0")
    table.add_row("largest error of u", f"{solution.largest_error:.1e}", "0")
    table.add_row("steepest -u_x at x = 0", f"{solution.steepest:.2f}", f"{STEEPEST:.2f}")
    table.add_row("at the time t", f"{solution.steepest_time:.4f}", f"{STEEPEST_TIME:.4f}")
    console.print(table)


def draw(solution: Solution, losses: list[float], path: str) -> None:
    """The solution, its error, the front at four times, and the fit."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
    extent = (0, 1, -1, 1)
    colours = axes[0, 0].imshow(
        solution.found.T, origin="lower", extent=extent, aspect="auto", cmap="RdBu_r"
    )
    figure.colorbar(colours, ax=axes[0, 0], label="u")
    axes[0, 0].set(xlabel="time t", ylabel="place x", title="u(t, x) by the network")
    error = np.log10(np.maximum(np.abs(solution.found - solution.exact), 1e-6))
    colours = axes[0, 1].imshow(error.T, origin="lower", extent=extent, aspect="auto")
    figure.colorbar(colours, ax=axes[0, 1], label="log10 of |network - exact|")
    axes[0, 1].set(
        xlabel="time t",
        ylabel="place x",
        title=f"Its error: {solution.relative_error:.1e} relative to u",
    )
    for number, row in enumerate((0, 25, 50, 100)):
        colour = f"C{number}"
        axes[1, 0].plot(solution.x, solution.exact[row], color=colour, linewidth=4, alpha=0.35)
        axes[1, 0].plot(
            solution.x, solution.found[row], color=colour, label=f"t = {solution.t[row]:g}"
        )
    axes[1, 0].set(xlabel="place x", ylabel="u", title="Exact (broad) and by the network (thin)")
    axes[1, 0].legend()
    axes[1, 1].semilogy(losses)
    axes[1, 1].set(
        xlabel="Levenberg-Marquardt step", ylabel="mean square residual", title="The fit"
    )
    figure.suptitle("Burgers' equation $u_t + u\\,u_x = (0.01/\\pi)\\,u_{xx}$")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> tuple[list[Timing], Solution]:
    """Compare the ways, fit, report and draw; returns the comparison and the solution."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--points", type=int, default=1024, help="a power of two")
    parser.add_argument("--rounds", type=int, default=30, help="of the comparison")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="burgers.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    points = scattered(options.points, options.seed)
    timings = timed(points, options.seed, options.rounds)
    report(timings, options.points, console)
    started = time.perf_counter()
    theta, losses = fit(points, options.seed, options.steps, console)
    console.print(f"{options.steps} steps in {time.perf_counter() - started:.1f} s")
    solution = evaluated(theta)
    compared(solution, console)
    draw(solution, losses, options.plot)
    console.print(f"drawn: {options.plot}")
    return timings, solution


if __name__ == "__main__":
    main()
