"""Fit a logistic regression to real tumours and say how sure each coefficient is, in three ways.

The data are 569 breast tumours that ship inside scikit-learn (W. H. Wolberg, W. N. Street and
O. L. Mangasarian, 1995): five measurements of each, and whether it was malignant. Newton's method
with the exact Hessian of the log likelihood, by `tf.hessian`, finds the estimates. Their errors
come from

- the inverse Hessian there (R. A. Fisher's information), checked against the closed form X'WX that
  statisticians write by hand for this model, in NumPy;
- the profile of the likelihood: how far a coefficient can move, the others being fitted again,
  before twice the log likelihood falls by 3.84, the 95 % point of chi squared;
- the bootstrap (B. Efron, 1979): the fit is repeated on tumours drawn anew, all repetitions as one
  batch by `tf.vectorized_map`, each with its own Hessians.

The estimates are checked against scikit-learn's own fit. Run it with
`python examples/standard_errors.py`; it draws `standard_errors.png`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from scipy.stats import chi2, norm
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FEATURES = ("radius", "texture", "smoothness", "concavity", "symmetry")
NAMES = ("intercept", *FEATURES)
COLOURS = {"Hessian": "tab:blue", "profile": "tab:orange", "bootstrap": "tab:green"}
NEWTON_STEPS = 12
NORMAL, CHI2 = float(norm.ppf(0.975)), float(chi2.ppf(0.95, 1))


def load() -> tuple[np.ndarray, np.ndarray]:
    """A column of ones and the features in standard deviations (n, 6); 1 for malignant (n,)."""
    data = load_breast_cancer()
    columns = [list(data.feature_names).index(f"mean {name}") for name in FEATURES]
    measured = data.data[:, columns]
    measured = (measured - measured.mean(0)) / measured.std(0)
    return np.column_stack([np.ones(len(measured)), measured]), 1.0 - data.target


class Model:
    """The negative log likelihood with its derivatives, and Newton's method on it."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = tf.constant(x), tf.constant(y)

    def loss(self, beta: tf.Tensor, weights: Any = 1.0) -> tf.Tensor:
        """Minus the log likelihood; the weights say how often each tumour counts."""
        logits = tf.linalg.matvec(self.x, beta)
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=self.y, logits=logits)
        return tf.reduce_sum(weights * each)

    def derivatives(self, beta: tf.Tensor, weights: Any = 1.0) -> tuple[tf.Tensor, tf.Tensor]:
        """Gradient (k,) and Hessian (k, k) of the loss."""
        with tf.GradientTape() as tape:
            tape.watch(beta)
            loss = self.loss(beta, weights)
        return tape.gradient(loss, beta), tf.hessian(self.loss)(beta, weights)

    def fitted(self, beta: tf.Tensor, free: Any = 1.0, weights: Any = 1.0) -> tf.Tensor:
        """The estimates from a start; where `free` (k,) is 0 a coefficient stays."""
        ones = tf.ones_like(beta)
        free = free * ones
        for _ in tf.range(NEWTON_STEPS):
            gradient, hessian = self.derivatives(beta, weights)
            kept = free[:, None] * hessian * free[None, :] + tf.linalg.diag(ones - free)
            beta = beta - tf.linalg.solve(kept, (free * gradient)[:, None])[:, 0]
        return beta


@dataclass(frozen=True)
class Fit:
    """Estimates (k,), standard errors, and what confirms them."""

    estimates: np.ndarray
    errors: np.ndarray
    slope: float
    references: dict[str, np.ndarray]
    profile: np.ndarray
    resampled: np.ndarray

    @property
    def intervals(self) -> dict[str, np.ndarray]:
        """The 95 % intervals (k, 2) by each way."""
        width = NORMAL * self.errors
        return {
            "Hessian": np.column_stack([self.estimates - width, self.estimates + width]),
            "profile": self.profile,
            "bootstrap": np.quantile(self.resampled, (0.025, 0.975), axis=0).T,
        }

    def difference(self, name: str) -> float:
        """The largest relative difference from a reference for "estimates" or "errors"."""
        known = self.references[name]
        return float(np.max(np.abs(getattr(self, name) - known) / np.abs(known)))


def by_hand(x: np.ndarray, y: np.ndarray, estimates: np.ndarray) -> dict[str, np.ndarray]:
    """scikit-learn's estimates, and the errors from X'WX with W = p (1 - p)."""
    peer = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, solver="newton-cholesky")
    peer.fit(x, y)
    p = expit(x @ estimates)
    information = x.T @ ((p * (1 - p))[:, None] * x)
    return {
        "estimates": peer.coef_[0],
        "errors": np.sqrt(np.diag(np.linalg.inv(information))),
    }


def profiled(model: Model, estimates: np.ndarray, errors: np.ndarray, points: int) -> np.ndarray:
    """The intervals (k, 2) in which twice the log likelihood falls by less than 3.84."""
    count = len(estimates)
    shifts = np.linspace(-4, 4, points)
    starts = estimates + shifts[:, None, None] * np.diag(errors)  # each moves one coefficient
    free = np.broadcast_to(1.0 - np.eye(count), starts.shape)

    @tf.function
    def falls(starts: tf.Tensor, free: tf.Tensor) -> tf.Tensor:
        def refitted(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            return model.loss(model.fitted(*pair))

        return 2 * (
            tf.vectorized_map(refitted, (starts, free)) - model.loss(tf.constant(estimates))
        )

    flat = (tf.constant(part.reshape(-1, count)) for part in (starts, free))
    fallen = falls(*flat).numpy().reshape(points, count)
    # the signed root is nearly straight, so that a line between its points is enough
    roots = np.sign(shifts)[:, None] * np.sqrt(np.maximum(fallen, 0.0))
    ends = [np.interp([-np.sqrt(CHI2), np.sqrt(CHI2)], root, shifts) for root in roots.T]
    return estimates[:, None] + errors[:, None] * np.array(ends)


def bootstrapped(model: Model, estimates: np.ndarray, times: int, seed: int) -> np.ndarray:
    """The estimates (times, k) for as many samples drawn from the tumours, with replacement."""
    n = model.x.shape[0]
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=times)
    start = tf.constant(estimates)

    @tf.function
    def refitted(counts: tf.Tensor) -> tf.Tensor:
        return tf.vectorized_map(lambda weights: model.fitted(start, weights=weights), counts)

    return refitted(tf.constant(counts.astype(np.float64))).numpy()


def fit(times: int, points: int, seed: int) -> Fit:
    """Estimate, and find the errors in every way."""
    x, y = load()
    model = Model(x, y)
    found = model.fitted(tf.zeros([x.shape[1]], tf.float64))
    gradient, hessian = model.derivatives(found)
    estimates = found.numpy()
    errors = np.sqrt(np.diag(np.linalg.inv(hessian.numpy())))
    return Fit(
        estimates=estimates,
        errors=errors,
        slope=float(tf.reduce_max(tf.abs(gradient))),
        references=by_hand(x, y, estimates),
        profile=profiled(model, estimates, errors, points),
        resampled=bootstrapped(model, estimates, times, seed),
    )


def report(found: Fit, console: Console) -> None:
    """Print estimates, errors and intervals, and how they agree with the references."""
    table = Table("", "estimate", "scikit-learn", "standard error", "by hand")
    table.title = "Malignant or not: the coefficients"
    intervals = Table("95 % interval by", *found.intervals)
    for row, name in enumerate(NAMES):
        table.add_row(
            name,
            f"{found.estimates[row]:.5f}",
            f"{found.references['estimates'][row]:.5f}",
            f"{found.errors[row]:.5f}",
            f"{found.references['errors'][row]:.5f}",
        )
        ends = [found.intervals[way][row] for way in found.intervals]
        intervals.add_row(name, *[f"{low:.2f} to {high:.2f}" for low, high in ends])
    console.print(table)
    console.print(intervals)
    console.print(f"Largest slope left by Newton's method: {found.slope:.1e}")
    console.print(
        "Largest relative differences: estimates from scikit-learn's"
        f" [bold]{found.difference('estimates'):.1e}[/bold], errors from (X'WX)^-1 by hand"
        f" [bold]{found.difference('errors'):.1e}[/bold]"
    )


def draw(found: Fit, path: str) -> None:
    """Estimates with the three intervals, and the bootstrap beside the normal law for one."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11.5, 4.8), layout="constrained", width_ratios=(1.5, 1)
    )
    places = np.arange(len(NAMES))[::-1]
    for shift, (way, ends) in zip((0.2, 0.0, -0.2), found.intervals.items(), strict=True):
        left.hlines(places + shift, *ends.T, linewidth=4, color=COLOURS[way], label=way)
        left.plot(found.estimates, places + shift, "o", color="black", markersize=4)
    left.axvline(0.0, color="gray", linestyle=":")
    left.set_yticks(places, NAMES)
    left.set(
        xlabel="change of the log odds of malignancy for one standard deviation",
        title="Estimates (dots) and 95 % intervals",
    )
    left.legend(title="interval by", loc="lower right")
    chosen = 1
    values = found.resampled[:, chosen]
    right.hist(
        values, bins=40, density=True, color=COLOURS["bootstrap"], alpha=0.6, label="bootstrap"
    )
    grid = np.linspace(values.min(), values.max(), 200)
    density = norm.pdf(grid, found.estimates[chosen], found.errors[chosen])
    right.plot(
        grid, density, color=COLOURS["Hessian"], linewidth=2, label="normal law by the Hessian"
    )
    right.set(xlabel=f"coefficient of {NAMES[chosen]}", ylabel="density", title="One of them")
    right.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> Fit:
    """Fit, report and draw; returns what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--points", type=int, default=41, help="of each profile")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="standard_errors.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    started = time.perf_counter()
    found = fit(options.resamples, options.points, options.seed)
    report(found, console)
    console.print(
        f"{options.resamples} bootstrap fits and {len(NAMES) * options.points} profile fits, with"
        f" everything, in {time.perf_counter() - started:.1f} s"
    )
    draw(found, options.plot)
    console.print(f"drawn: {options.plot}")
    return found


if __name__ == "__main__":
    main()
