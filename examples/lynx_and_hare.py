"""Fit a differential equation to a century-old record of lynx and hare, through its solver.

Lotka and Volterra's equations for hares u and lynxes v,

    u' = (alpha - beta v) u,    v' = (delta u - gamma) v,

are solved by the pair of formulas of order 5 and 4 of J. Dormand and P. Prince (1980) with steps
that the error estimate chooses: a `tf.while_loop` whose length nobody knows beforehand, inside a
`tf.scan` over the years. `tf.function` compiles solver and derivative together, and BFGS (SciPy)
fits the four rates and the two numbers at the start to the logarithms of the record.

The data are thousands of pelts that the Hudson's Bay Company collected from 1900 to 1920, as
tabulated by P. Howard (Modeling Basics, lecture notes, 2009). B. Carpenter's Bayesian fit of the
same model (Stan case study "Predator-Prey Population Dynamics", 2018) has the means alpha 0.55,
beta 0.028, gamma 0.80, delta 0.024. Run it with `python examples/lynx_and_hare.py`; it prints the
fit and draws `lynx_and_hare.png`."""

from __future__ import annotations

import argparse
import time

import matplotlib
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

YEARS = np.arange(1900, 1921)
HARES = np.array([
    30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1,
    40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7,
])  # fmt: skip
LYNXES = np.array([
    4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4,
    8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6,
])  # fmt: skip
NAMES = ("alpha", "beta", "gamma", "delta", "hares 1900", "lynxes 1900")
START = np.log([0.6, 0.03, 1.0, 0.03, 30.0, 4.0])

# Dormand and Prince's coefficients: stages, the solution of order 5, its difference from order 4
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def slope(state: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
    """The right-hand side of the equations."""
    u, v = state[0], state[1]
    alpha, beta, gamma, delta = rates[0], rates[1], rates[2], rates[3]
    return tf.stack([(alpha - beta * v) * u, (delta * u - gamma) * v])


def step(state: tf.Tensor, h: tf.Tensor, rates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The state after a step of length h, and the estimate of its error."""
    slopes = [slope(state, rates)]
    moved = state
    for weights in STAGES:
        moved = state + h * sum(w * k for w, k in zip(weights, slopes, strict=True))
        slopes.append(slope(moved, rates))
    return moved, h * sum(w * k for w, k in zip(ERROR, slopes, strict=True))


def one_year(state: tf.Tensor, rates: tf.Tensor, tolerance: float) -> tf.Tensor:
    """The state a year later, by as many steps as the tolerance asks for."""
    one = tf.constant(1.0, tf.float64)

    def unfinished(t: tf.Tensor, h: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        return t < one

    def advance(t: tf.Tensor, h: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, ...]:
        h = tf.minimum(h, one - t)
        moved, error = step(state, h, rates)
        size = tf.reduce_max(tf.abs(error) / (tolerance * (1.0 + tf.abs(state))))
        accepted = size <= 1.0
        # the choice of the step is no part of the mathematics: no derivative goes through it
        factor = tf.clip_by_value(0.9 * tf.pow(tf.maximum(size, 1e-10), -0.2), 0.2, 5.0)
        following = tf.stop_gradient(h * factor)
        # a rest too small to be told from zero ends the year
        t = tf.where(accepted, tf.where(one - t - h < 1e-12, one, t + h), t)
        return t, following, tf.where(accepted, moved, state)

    start = (tf.constant(0.0, tf.float64), tf.constant(0.1, tf.float64), state)
    return tf.while_loop(unfinished, advance, start)[2]


def solved(parameters: tf.Tensor, years: int, tolerance: float) -> tf.Tensor:
    """The populations (years + 1, 2) for the logarithms of the rates and of the first year."""
    values = tf.exp(parameters)
    rates, first = values[:4], values[4:]
    later = tf.scan(lambda state, _: one_year(state, rates, tolerance), tf.range(years), first)
    return tf.concat([first[None], later], 0)


def loss_and_gradient(tolerance: float) -> tf.function:
    """The compiled mean square of the differences of logarithms, with its gradient."""
    record = tf.math.log(tf.constant(np.stack([HARES, LYNXES], 1)))

    @tf.function
    def both(parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            found = solved(parameters, len(YEARS) - 1, tolerance)
            loss = tf.reduce_mean((tf.math.log(found) - record) ** 2)
        return loss, tape.gradient(loss, parameters)

    return both


def fit(tolerance: float = 1e-6, console: Console | None = None) -> tuple[np.ndarray, list[float]]:
    """The fitted logarithms, and the loss after each iteration."""
    both = loss_and_gradient(tolerance)
    losses: list[float] = []
    started = time.perf_counter()

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = both(tf.constant(x))
        return float(loss), gradient.numpy()

    first, _ = value(START)
    if console is not None:
        console.print(
            f"first call, with tracing and compiling: {time.perf_counter() - started:.1f} s"
        )
        console.print(f"loss at the start: {first:.4f}")
    started = time.perf_counter()
    found = minimize(
        value, START, jac=True, method="BFGS", callback=lambda x: losses.append(value(x)[0])
    )
    if console is not None:
        seconds = time.perf_counter() - started
        console.print(f"{found.nfev} evaluations with gradient in {seconds:.2f} s")
        console.print(f"loss at the end: {found.fun:.4f}")
    return found.x, losses


def draw(parameters: np.ndarray, losses: list[float], path: str) -> None:
    """The record, the fitted curves, and the loss."""
    curves = tf.function(lambda p: solved(p, len(YEARS) - 1, 1e-6))(tf.constant(parameters)).numpy()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(2, 1))
    for column, (name, data, colour) in enumerate(
        (("hares", HARES, "tab:blue"), ("lynxes", LYNXES, "tab:red"))
    ):
        left.plot(YEARS, data, "o", color=colour, label=f"{name}, record")
        left.plot(YEARS, curves[:, column], color=colour, label=f"{name}, fit")
    left.set(xlabel="year", ylabel="thousands of pelts", title="Hudson's Bay Company")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend()
    right.semilogy(losses)
    right.set(xlabel="iteration of BFGS", ylabel="mean square of log differences")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> tuple[np.ndarray, list[float]]:
    """Fit, print and draw; return the fitted values and the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", default="lynx_and_hare.png", help="where to draw")
    options = parser.parse_args(arguments)
    console = Console()
    parameters, losses = fit(console=console)
    table = Table(title="fit")
    table.add_column("parameter")
    table.add_column("value", justify="right")
    for name, number in zip(NAMES, np.exp(parameters), strict=True):
        table.add_row(name, f"{number:.4f}")
    console.print(table)
    draw(parameters, losses, options.plot)
    console.print(f"drawn: {options.plot}")
    return np.exp(parameters), losses


if __name__ == "__main__":
    main()
