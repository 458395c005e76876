"""Ask the digits classifier which pixels made it say what it says, and check that the sum is right.

M. Sundararajan, A. Taly and Q. Yan (Axiomatic attribution for deep networks, ICML 2017) share a
network's logit among the pixels: each gets its value times the mean gradient along the straight way
from a blank page to the image. The shares must add up to the difference of the two logits
(completeness), and a pixel that is blank in the image gets nothing. The program trains the network
of `digits.py`, takes the mean over the way by the midpoint rule in one compiled call, prints how
completeness gets better with more points on the way, and draws the shares over ten digits. Then
it blanks the pixels with the largest shares first, those with the largest gradients, or any, and
sees how soon the network loses the digit. Run it with `python examples/integrated_gradients.py`;
it draws `integrated_gradients.png`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import digits
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table

import gradtape as tf

POINTS = (1, 4, 16, 64, 256)  # on the way


@tf.function
def gradients(network: digits.Network, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The gradient (n, 8, 8, 1) of each image's logit of its label."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        chosen = tf.gather(network(images), labels, batch_dims=1)
    return tape.gradient(chosen, images)


@tf.function
def shares(
    network: digits.Network, images: tf.Tensor, labels: tf.Tensor, points: tf.Tensor
) -> tf.Tensor:
    """The integrated gradients (n, 8, 8, 1) from a blank page, by the midpoint rule."""
    total = tf.zeros_like(images)
    for number in tf.range(points):
        total += gradients(network, (number + 0.5) / points * images, labels)
    return images * total / points


def logits(network: digits.Network, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logit (n,) of each image's label."""
    return network(images).numpy()[np.arange(len(labels)), labels]


@dataclass(frozen=True)
class Attribution:
    """Images, what the network calls them, and the shares that each number of points gives."""

    images: np.ndarray
    labels: np.ndarray
    risen: np.ndarray  # logit of the image less logit of the blank page
    shares: dict[int, np.ndarray]
    gradients: np.ndarray

    def missing(self, points: int) -> np.ndarray:
        """By how much the shares of each image miss the difference of the logits."""
        return np.abs(self.shares[points].sum((1, 2, 3)) - self.risen)

    @property
    def best(self) -> np.ndarray:
        """The shares with the most points."""
        return self.shares[max(self.shares)]


def attributed(network: digits.Network, images: np.ndarray) -> Attribution:
    """The shares of the logit of what the network says about each image."""
    labels = np.argmax(network(images).numpy(), axis=1).astype(np.int32)
    given = tf.constant(images), tf.constant(labels)
    return Attribution(
        images,
        labels,
        logits(network, images, labels) - logits(network, np.zeros_like(images), labels),
        {n: shares(network, *given, tf.constant(n, tf.float32)).numpy() for n in POINTS},
        gradients(network, *given).numpy(),
    )


def blanked(network: digits.Network, found: Attribution, seed: int) -> dict[str, np.ndarray]:
    """The share of images still called the same after blanking 0, 1, ... pixels in some order."""
    flat = found.images.reshape(len(found.images), -1)
    inked = flat > 0
    random = np.random.default_rng(seed).random(flat.shape)
    scores = {
        "integrated gradients": found.best.reshape(flat.shape),
        "gradient alone": found.gradients.reshape(flat.shape),
        "any order": random,
    }
    kept = {}
    for name, score in scores.items():
        rank = np.argsort(np.argsort(-np.where(inked, score, -np.inf), axis=1), axis=1)
        kept[name] = np.array(
            [_same(network, found, flat * (rank >= count)) for count in range(25)]
        )
    return kept


def _same(network: digits.Network, found: Attribution, flat: np.ndarray) -> float:
    """How many changed images get the label of the whole ones."""
    images = flat.reshape(found.images.shape).astype(np.float32)
    return float(np.mean(np.argmax(network(images).numpy(), axis=1) == found.labels))


def report(found: Attribution, kept: dict[str, np.ndarray], console: Console) -> None:
    """Print how complete the shares are, and what blanking does."""
    table = Table("points on the way", "largest gap", "relative to the mean difference of logits")
    table.title = f"Completeness on {len(found.images)} images"
    size = np.abs(found.risen).mean()
    for points in POINTS:
        gap = found.missing(points).max()
        table.add_row(str(points), f"{gap:.1e}", f"{gap / size:.1e}")
    console.print(table)
    example = Table("image", "called", "sum of the shares", "difference of the logits")
    for row in range(5):
        example.add_row(
            str(row),
            str(found.labels[row]),
            f"{found.best[row].sum():.4f}",
            f"{found.risen[row]:.4f}",
        )
    console.print(example)
    console.print(
        f"Largest share of a blank pixel: {np.abs(found.best[found.images == 0]).max():g}"
    )
    for name, curve in kept.items():
        console.print(f"Still called the same after blanking 5 pixels, {name}: {curve[5]:.0%}")


def draw(found: Attribution, kept: dict[str, np.ndarray], path: str) -> None:
    """One image of each digit under its shares, completeness, and what blanking does."""
    figure = plt.figure(figsize=(11, 8), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    spots = upper.subplots(2, 5)
    chosen = [int(np.flatnonzero(found.labels == digit)[0]) for digit in range(10)]
    limit = np.abs(found.best[chosen]).max()
    for spot, row in zip(spots.flat, chosen, strict=True):
        spot.axis("off")
        picture = spot.imshow(found.best[row, :, :, 0], cmap="RdBu_r", vmin=-limit, vmax=limit)
        ink = np.pad(found.images[row, :, :, 0], 1)
        edge = np.arange(-1, 9)
        spot.contour(edge, edge, ink, levels=[0.4], colors="black", linewidths=1.2)
        spot.set_title(f"called {found.labels[row]}: sum {found.best[row].sum():.1f}", fontsize=10)
    bar = upper.colorbar(picture, ax=spots, shrink=0.8)
    bar.set_label("share of the logit\n(red: for the digit, blue: against)")
    upper.suptitle("Which pixels speak for the digit? Black: the edge of the ink")
    left, right = lower.subplots(1, 2)
    gaps = np.array([np.sort(found.missing(points)) for points in POINTS])
    left.loglog(POINTS, gaps.mean(1), "o-", label="mean of the images")
    left.loglog(POINTS, gaps[:, -1], "s--", label="the worst image")
    left.set(
        xlabel="points on the way from the blank page",
        ylabel="|sum of shares - difference of logits|",
        title="Completeness",
    )
    left.legend()
    for name, curve in kept.items():
        right.plot(100 * curve, label=name)
    right.set(
        xlabel="pixels blanked, largest first",
        ylabel="images called the same (%)",
        title="Do the shares matter?",
    )
    right.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> tuple[Attribution, dict[str, np.ndarray]]:
    """Train, attribute, report and draw; returns the attribution and the curves of blanking."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--images", type=int, default=450, help="of the test, at most 450")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="integrated_gradients.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    data, test = digits.load(options.seed)
    network = digits.Network(options.seed)
    history = digits.train(network, data, test, options.epochs, options.seed, console)
    console.print(f"Test accuracy: {history.test[-1]:.2%}")
    found = attributed(network, test[0][: options.images])
    kept = blanked(network, found, options.seed)
    report(found, kept, console)
    draw(found, kept, options.plot)
    console.print(f"drawn: {options.plot}")
    return found, kept


if __name__ == "__main__":
    main()
