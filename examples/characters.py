"""Learn to predict the next character of a real text with an LSTM, in one compiled step.

The text is Python's own reference documentation, which ships in the standard library
(`pydoc_data.topics`, 460,000 characters). A step reads 32 stretches of 64 characters; the network
is a plain loop over the characters (`for i, x in enumerate(characters):`), which AutoGraph records
as one scan, and tape, clipping and Adam are in the same `tf.function`. Run it with
`python examples/characters.py`; it prints the loss, writes a few lines of its own, and draws
`characters.png`."""

from __future__ import annotations

import argparse
import time
from pydoc_data import topics

import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import gradtape as tf

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HIDDEN, BATCH, LENGTH = 128, 32, 64


class Text:
    """The text as numbers of its characters."""

    def __init__(self) -> None:
        text = "\n\n".join(topics.topics[name] for name in sorted(topics.topics))
        self.alphabet = sorted(set(text))
        number = {c: i for i, c in enumerate(self.alphabet)}
        self.numbers = np.array([number[c] for c in text], np.int32)

    def batch(self, random: np.random.Generator) -> tuple[tf.Tensor, tf.Tensor]:
        """Characters (LENGTH, BATCH) at random places, and those that follow them."""
        starts = random.integers(0, len(self.numbers) - LENGTH - 1, BATCH)
        places = starts + np.arange(LENGTH)[:, None]
        return tf.constant(self.numbers[places]), tf.constant(self.numbers[places + 1])


class Network:
    """An LSTM of 128 cells (S. Hochreiter and J. Schmidhuber, 1997) and a layer of logits."""

    def __init__(self, size: int, seed: int) -> None:
        random = np.random.default_rng(seed)

        def made(*shape: int) -> tf.Variable:
            scale = 1 / shape[0] ** 0.5
            return tf.Variable((random.standard_normal(shape) * scale).astype(np.float32))

        self.embedding = made(size, 4 * HIDDEN)
        self.recurrent = made(HIDDEN, 4 * HIDDEN)
        self.bias = tf.Variable(np.repeat([0, 1, 0, 0], HIDDEN).astype(np.float32))
        self.output, self.output_bias = made(HIDDEN, size), tf.Variable(tf.zeros([size]))
        self.variables = [
            self.embedding, self.recurrent, self.bias, self.output, self.output_bias,
        ]  # fmt: skip

    def cell(self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The next state for characters x (batch,)."""
        gates = tf.gather(self.embedding, x) + h @ self.recurrent + self.bias
        keep, forget, new, show = tf.split(gates, 4, axis=1)
        c = tf.sigmoid(forget) * c + tf.sigmoid(keep) * tf.tanh(new)
        return tf.sigmoid(show) * tf.tanh(c), c

    def logits(self, h: tf.Tensor) -> tf.Tensor:
        """The logits of the next character."""
        return h @ self.output + self.output_bias

    def loss(self, characters: tf.Tensor, following: tf.Tensor) -> tf.Tensor:
        """The mean cross entropy in nats of the characters that follow."""
        h = c = tf.zeros([BATCH, HIDDEN])
        states = tf.TensorArray(tf.float32, size=LENGTH)
        for i, x in enumerate(characters):
            h, c = self.cell(x, h, c)
            states = states.write(i, h)
        logits = self.logits(states.stack())
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=following, logits=logits)
        )


def train(steps: int, seed: int, console: Console) -> tuple[Network, Text, list[float]]:
    """Train and return the network, the text and the losses."""
    text = Text()
    network = Network(len(text.alphabet), seed)
    optimizer = tf.optimizers.Adam(3e-3, global_clipnorm=5.0)
    random = np.random.default_rng(seed)

    @tf.function
    def step(characters: tf.Tensor, following: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = network.loss(characters, following)
        gradients = tape.gradient(loss, network.variables)
        optimizer.apply_gradients(zip(gradients, network.variables))
        return loss

    started = time.perf_counter()
    losses = [float(step(*text.batch(random)))]
    console.print(f"first step, with tracing and compiling: {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=steps, completed=1)
        for _ in range(steps - 1):
            losses.append(float(step(*text.batch(random))))
            progress.update(task, advance=1, description=f"loss {np.mean(losses[-50:]):.3f}")
    seconds = (time.perf_counter() - started) / max(steps - 1, 1)
    console.print(f"{1e3 * seconds:.1f} ms a step of {BATCH * LENGTH} characters")
    return network, text, losses


def written(network: Network, text: Text, start: str, count: int, seed: int) -> str:
    """Text that the network writes after a start, by one compiled loop."""
    numbers = [text.alphabet.index(c) for c in start]
    tf.random.set_seed(seed)

    @tf.function
    def write(given: tf.Tensor) -> tf.Tensor:
        h = c = tf.zeros([1, HIDDEN])
        for x in given:
            h, c = network.cell(x[None], h, c)
        found = tf.TensorArray(tf.int32, size=count)
        for i in tf.range(count):
            x = tf.random.categorical(network.logits(h) / 0.6, 1, dtype=tf.int32)[0]
            found = found.write(i, x[0])
            h, c = network.cell(x, h, c)
        return found.stack()

    return start + "".join(text.alphabet[i] for i in write(tf.constant(numbers)).numpy())


def draw(losses: list[float], path: str) -> None:
    """The loss of every step, and its running mean."""
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot(losses, color="tab:blue", alpha=0.3, label="each step")
    mean = np.convolve(losses, np.ones(25) / 25, "valid")
    axes.plot(np.arange(len(mean)) + 12, mean, color="tab:blue", label="mean of 25")
    axes.set(xlabel="step", ylabel="cross entropy (nats a character)", title="next character")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> list[float]:
    """Train, write and draw; return the losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", default="characters.png", help="where to draw")
    options = parser.parse_args(arguments)
    console = Console()
    network, text, losses = train(options.steps, options.seed, console)
    uniform = np.log(len(text.alphabet))
    console.print(
        f"loss {losses[0]:.2f} at first (uniform {uniform:.2f}),"
        f" {np.mean(losses[-50:]):.2f} at last"
    )
    console.print(written(network, text, "The ", 300, options.seed), markup=False, highlight=False)
    draw(losses, options.plot)
    console.print(f"drawn: {options.plot}")
    return losses


if __name__ == "__main__":
    main()
