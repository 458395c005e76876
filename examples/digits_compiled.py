"""Train the digits classifier twice, side by side: with steps taken at once, and compiled.

Both networks start from the same values and see the same batches; the step is the Python function
of `digits.py`, for the second one recorded by `tf.function` and compiled by XLA. Run it with
`make demo-compiled`; it prints the largest difference between the losses, the time of a step and
both accuracies, and writes both loss curves to `digits_compiled.png`."""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import digits
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import gradtape as tf

BATCH = 32


@dataclass
class Run:
    """One of the two trainings: a network, its step, and what the steps left behind."""

    name: str
    network: digits.Network
    step: Any
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take one step, with its time."""
        start = time.perf_counter()
        self.losses.append(float(self.step(images, labels)))
        self.seconds.append(time.perf_counter() - start)

    @property
    def milliseconds(self) -> float:
        """The median time of a step."""
        return 1000 * statistics.median(self.seconds)


def made(name: str, seed: int, wrap: Any) -> Run:
    """A network from this seed with its own optimizer."""
    network, optimizer = digits.Network(seed), tf.optimizers.Adam(learning_rate=2e-3)

    def step(images: Any, labels: Any) -> tf.Tensor:
        return digits.step(network, optimizer, images, labels)

    return Run(name, network, wrap(step))


def train(runs: list[Run], data: digits.Arrays, steps: int, seed: int, console: Console) -> None:
    """Give every run the same batches, one run after the other so that none slows the other."""
    images, labels = data
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        for run in runs:
            bar = progress.add_task(run.name, total=steps, loss=float("nan"))
            rng = np.random.default_rng(seed)
            for _ in range(steps):
                chosen = rng.choice(len(images), BATCH, replace=False)
                run.take(images[chosen], labels[chosen])
                progress.update(bar, advance=1, loss=run.losses[-1])


def difference(runs: list[Run], steps: int = 100) -> float:
    """The largest relative difference of the losses in the first steps."""
    one, other = (np.array(run.losses[:steps]) for run in runs)
    return float(np.max(np.abs(one - other) / np.abs(one)))


def report(runs: list[Run], test: digits.Arrays, console: Console) -> None:
    """Print time and accuracy of both, and how far their losses differ."""
    table = Table("step", "first call", "median of a step", "test accuracy", title="Side by side")
    for run in runs:
        table.add_row(
            run.name,
            f"{1000 * run.seconds[0]:.1f} ms",
            f"{run.milliseconds:.2f} ms",
            f"{digits.accuracy(run.network, test):.2%}",
        )
    console.print(table)
    compared = min(100, len(runs[0].losses))
    console.print(
        f"Largest relative difference of the losses in {compared} steps:"
        f" [bold]{difference(runs):.1e}[/bold]"
    )


def draw(runs: list[Run], path: str) -> None:
    """Write both loss curves to a picture."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for run, style in zip(runs, ({"linewidth": 4.0, "alpha": 0.4}, {"linewidth": 1.0})):
        axes.plot(run.losses, label=f"{run.name}, {run.milliseconds:.2f} ms a step", **style)
    axes.set(xlabel="step", ylabel="cross entropy", yscale="log", title="The same loss, twice")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> list[Run]:
    """Train, report, draw; returns both runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="digits_compiled.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    data, test = digits.load(options.seed)
    runs = [
        made("at once", options.seed, lambda step: step),
        made("compiled", options.seed, tf.function(jit_compile=True)),
    ]
    train(runs, data, options.steps, options.seed, console)
    report(runs, test, console)
    draw(runs, options.plot)
    console.print(f"Both loss curves: {options.plot}")
    return runs


if __name__ == "__main__":
    main()
