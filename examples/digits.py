"""Train a small convolutional network on real handwritten digits through `GradientTape`.

The data are the 1,797 digits of 8 x 8 pixels that ship inside scikit-learn (from the UCI
machine-learning repository, E. Alpaydin and C. Kaynak, 1998). A quarter of them is kept for the
test. Run it with `make demo`; it prints the accuracy and writes the loss curve and the
misclassified digits to `digits.png`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Arrays = tuple[np.ndarray, np.ndarray]


class Network:
    """Convolution of 3 x 3 to 16 channels, maximum over 2 x 2, a hidden layer of 64, ten logits."""

    def __init__(self, seed: int) -> None:
        tf.random.set_seed(seed)
        self.filters = tf.Variable(tf.random.normal([3, 3, 1, 16], stddev=0.3), name="filters")
        self.shift = tf.Variable(tf.zeros([16]), name="shift")
        self.hidden = tf.Variable(tf.random.normal([256, 64], stddev=0.08), name="hidden")
        self.hidden_bias = tf.Variable(tf.zeros([64]), name="hidden_bias")
        self.output = tf.Variable(tf.random.normal([64, 10], stddev=0.15), name="output")
        self.output_bias = tf.Variable(tf.zeros([10]), name="output_bias")
        self.variables = [
            self.filters, self.shift, self.hidden, self.hidden_bias, self.output, self.output_bias,
        ]  # fmt: skip

    def __call__(self, images: np.ndarray) -> tf.Tensor:
        """Logits (n, 10) of images (n, 8, 8, 1)."""
        x = tf.nn.relu(tf.nn.conv2d(images, self.filters, strides=1, padding="SAME") + self.shift)
        x = tf.nn.max_pool2d(x, ksize=2, strides=2, padding="VALID")
        x = tf.nn.relu(tf.reshape(x, [-1, 256]) @ self.hidden + self.hidden_bias)
        return x @ self.output + self.output_bias


@dataclass
class History:
    """What training leaves behind: the loss of every step and both accuracies of every epoch."""

    losses: list[float] = field(default_factory=list)
    train: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)


def load(seed: int) -> tuple[Arrays, Arrays]:
    """Images in [0, 1] and labels, split three to one."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, random_state=seed, stratify=labels
    )
    return (train_x, train_y), (test_x, test_y)


def accuracy(network: Network, data: Arrays) -> float:
    """The share of images whose largest logit is the label's."""
    images, labels = data
    return float(np.mean(np.argmax(network(images).numpy(), axis=1) == labels))


def step(
    network: Network, optimizer: tf.optimizers.Adam, images: np.ndarray, labels: np.ndarray
) -> tf.Tensor:
    """One step of training on a batch; returns the loss before it."""
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=network(images)
        )
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, network.variables)
    optimizer.apply_gradients(zip(gradients, network.variables, strict=True))
    return loss


def train(
    network: Network, data: Arrays, test: Arrays, epochs: int, seed: int, console: Console
) -> History:
    """Train with Adam on batches of 32 in an order drawn anew for each epoch."""
    images, labels = data
    optimizer = tf.optimizers.Adam(learning_rate=2e-3)
    rng = np.random.default_rng(seed)
    history = History()
    batches = len(images) // 32
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=epochs * batches, loss=float("nan"))
        for epoch in range(1, epochs + 1):
            for chosen in np.array_split(rng.permutation(len(images)), batches):
                loss = float(step(network, optimizer, images[chosen], labels[chosen]))
                history.losses.append(loss)
                progress.update(bar, advance=1, loss=loss, description=f"epoch {epoch}/{epochs}")
            history.train.append(accuracy(network, data))
            history.test.append(accuracy(network, test))
    return history


def report(history: History, console: Console) -> None:
    """Print the accuracy after each epoch."""
    table = Table(
        "epoch", "mean loss", "train accuracy", "test accuracy", title="Handwritten digits"
    )
    per_epoch = np.array_split(np.array(history.losses), len(history.test))
    for epoch, losses in enumerate(per_epoch):
        table.add_row(
            str(epoch + 1),
            f"{losses.mean():.4f}",
            f"{history.train[epoch]:.2%}",
            f"{history.test[epoch]:.2%}",
        )
    console.print(table)
    console.print(f"Test accuracy: [bold]{history.test[-1]:.2%}[/bold]")


def draw_misread(place: Any, shape: tuple[int, int], test: Arrays, guesses: np.ndarray) -> None:
    """The first digits that are misread, in rows and columns."""
    images, labels = test
    wrong = np.flatnonzero(guesses != labels)
    place.suptitle(f"Misread: {len(wrong)} of {len(labels)}")
    for k, spot in enumerate(place.subplots(*shape).flat):
        spot.axis("off")
        if k < len(wrong):
            spot.imshow(images[wrong[k], :, :, 0], cmap="gray_r")
            spot.set_title(f"{labels[wrong[k]]} read as {guesses[wrong[k]]}", fontsize=9)


def draw(network: Network, history: History, test: Arrays, path: str) -> None:
    """Write the loss curve and up to ten misclassified digits to a picture."""
    guesses = np.argmax(network(test[0]).numpy(), axis=1)
    figure = plt.figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
    axes = left.subplots()
    axes.plot(history.losses, color="tab:blue", alpha=0.4, linewidth=0.8, label="each step")
    smooth = np.convolve(history.losses, np.ones(42) / 42, mode="valid")
    axes.plot(np.arange(len(smooth)) + 41, smooth, color="tab:blue", label="mean of 42 steps")
    axes.set(xlabel="step", ylabel="cross entropy", yscale="log", title="Loss while training")
    axes.legend()
    draw_misread(right, (2, 5), test, guesses)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> float:
    """Train, report, draw; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", default="digits.png", metavar="FILE")
    options = parser.parse_args(arguments)
    console = Console()
    data, test = load(options.seed)
    console.print(
        f"{len(data[0])} digits to train on, {len(test[0])} to test; gradtape {tf.__version__}"
    )
    network = Network(options.seed)
    history = train(network, data, test, options.epochs, options.seed, console)
    report(history, console)
    draw(network, history, test, options.plot)
    console.print(f"Loss curve and misclassified digits: {options.plot}")
    return history.test[-1]


if __name__ == "__main__":
    main()
