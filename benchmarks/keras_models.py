"""The models that `benchmarks.keras` trains, the same for every backend, with their data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

PIXELS, CLASSES, UNITS = 28, 10, 512
VOCABULARY, LENGTH, WIDTH, HEADS = 20_000, 80, 64, 4


@dataclass(frozen=True)
class Task:
    """One model, with how it is trained.

    Attributes:
        build: makes the model of a module `keras`.
        batch: how many examples a step takes.
        steps: how many steps are timed in one `fit`.
        text: whether the examples are words instead of pictures, in two classes.
    """

    name: str
    title: str
    build: Callable[[Any], Any]
    batch: int
    steps: int
    text: bool = False

    def data(self) -> tuple[Any, Any]:
        """Random examples and their classes, the same in every process."""
        random, count = np.random.default_rng(0), self.batch * self.steps
        if self.text:
            words = random.integers(0, VOCABULARY, (count, LENGTH)).astype(np.int32)
            return words, random.integers(0, 2, count).astype(np.int32)
        pictures = random.random((count, PIXELS, PIXELS, 1), np.float32)
        return pictures, random.integers(0, CLASSES, count).astype(np.int32)


def dense(keras: Any) -> Any:
    """A dense network 784-512-512-10."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((PIXELS, PIXELS, 1)),
            layers.Flatten(),
            layers.Dense(UNITS, activation="relu"),
            layers.Dense(UNITS, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def cnn(keras: Any) -> Any:
    """Two convolutions with pooling, and a dense layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((PIXELS, PIXELS, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def lstm(keras: Any) -> Any:
    """Words, an LSTM over them, and a dense layer for its last output."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(VOCABULARY, WIDTH),
            layers.LSTM(WIDTH),
            layers.Dense(2, activation="softmax"),
        ]
    )


def transformer(keras: Any) -> Any:
    """Words and places, two blocks of attention and a dense network, the mean, a dense layer."""
    layers = keras.layers

    class Places(layers.Layer):
        """Adds a vector of each place."""

        def build(self, input_shape: Any) -> None:
            self.vectors = self.add_weight(shape=input_shape[1:], name="vectors")

        def call(self, inputs: Any) -> Any:
            return inputs + self.vectors

    words = keras.Input((LENGTH,), dtype="int32")
    x = Places()(layers.Embedding(VOCABULARY, WIDTH)(words))
    for _ in range(2):
        attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
        x = layers.LayerNormalization()(x + attended)
        hidden = layers.Dense(4 * WIDTH, activation="relu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(WIDTH)(hidden))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(words, layers.Dense(2, activation="softmax")(x))


TASKS = (
    Task("dense", "dense network 784-512-512-10, batch of 128", dense, 128, 80),
    Task("cnn", "two convolutions of 28 x 28 x 1, batch of 128", cnn, 128, 15),
    Task("lstm", "LSTM of 64 over 80 words of 20,000, batch of 32", lstm, 32, 30, text=True),
    Task("transformer", "two blocks of width 64, 80 words, batch of 32", transformer, 32, 30, True),
)


def set_weights(model: Any) -> None:
    """Give the matrices of a model random values that are the same in every process; vectors keep
    what their layers begin with, zeros and ones."""
    random = np.random.default_rng(1)
    weights = model.get_weights()
    for i, weight in enumerate(weights):
        if weight.ndim > 1:
            scale = (2.0 / (np.prod(weight.shape[:-1]) + weight.shape[-1])) ** 0.5
            weights[i] = (scale * random.normal(size=weight.shape)).astype(weight.dtype)
    model.set_weights(weights)
