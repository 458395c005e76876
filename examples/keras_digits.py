"""Train the real Keras 3 on gradtape: a convolutional network on handwritten digits, in `fit`.

The digits are those of `digits.py`. The model is trained in Keras's `fit` with its progress bar,
saved to a `.keras` file, and loaded in a fresh process, whose predictions must be the same bit for
bit. The picture shows the accuracy after each epoch, what the first layer's filters have become,
and the digits that are misread."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from digits import Arrays, draw_misread, load

from gradtape import keras
from gradtape.keras import layers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CHECKOUT = str(Path(__file__).resolve().parents[1])
FRESH = """
import sys
import numpy as np
from gradtape import keras

model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


def network(rate: float) -> Any:
    """Two convolutions with batch normalisation, a maximum over 2 x 2, dropout, ten logits."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def train(model: Any, data: Arrays, test: Arrays, epochs: int) -> dict[str, list[float]]:
    """Fit with a learning rate that falls to nothing; the history of losses and accuracies."""
    highest = float(model.optimizer.learning_rate)
    falling = keras.callbacks.LearningRateScheduler(
        lambda epoch, _: highest * (1 + np.cos(np.pi * epoch / epochs)) / 2
    )
    fitted = model.fit(
        *data, batch_size=32, epochs=epochs, validation_data=test, callbacks=[falling], verbose=1
    )
    return fitted.history


def loaded_elsewhere(path: str, images: np.ndarray) -> np.ndarray:
    """The predictions of the saved model in a process that has only the file."""
    with tempfile.TemporaryDirectory() as directory:
        given, found = (os.path.join(directory, name) for name in ("given.npy", "found.npy"))
        np.save(given, images)
        places = [CHECKOUT, *filter(None, [os.environ.get("PYTHONPATH")])]
        subprocess.run(
            [sys.executable, "-c", FRESH, path, given, found],
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )
        return np.load(found)


def draw_filters(place: Any, filters: np.ndarray) -> None:
    """Sixteen filters of 3 x 3, blue where they take away and red where they add."""
    most = np.abs(filters).max()
    place.suptitle("Filters of the first layer")
    for k, spot in enumerate(place.subplots(4, 4).flat):
        spot.axis("off")
        spot.imshow(filters[:, :, 0, k], cmap="RdBu_r", vmin=-most, vmax=most)


def draw(
    model: Any, history: dict[str, list[float]], test: Arrays, guesses: np.ndarray, path: str
) -> None:
    """Write the picture."""
    figure = plt.figure(figsize=(12, 4.2), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.3, 1, 1))
    axes = left.subplots()
    epochs = np.arange(1, len(history["loss"]) + 1)
    for name, label in (("accuracy", "while training"), ("val_accuracy", "digits kept apart")):
        axes.plot(epochs, 100 * (1 - np.array(history[name])), marker=".", label=label)
    axes.set(xlabel="epoch", ylabel="misread, %", title="Errors after each epoch of fit")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom=0)
    axes.legend()
    draw_filters(middle, model.layers[0].kernel.numpy())
    draw_misread(right, (3, 3), test, guesses)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> tuple[float, bool]:
    """Train, save, load elsewhere, draw; the test accuracy, and whether both predict the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", default="keras_digits.keras", metavar="FILE")
    parser.add_argument("--plot", default="keras_digits.png", metavar="FILE")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    data, test = load(options.seed)
    print(
        f"Keras {keras.__version__} on {keras.backend.backend()}: {len(data[0])} digits to train on"
    )
    model = network(options.rate)
    model.summary()
    history = train(model, data, test, options.epochs)
    model.save(options.save)
    logits = model.predict(test[0], verbose=0)
    same = np.array_equal(logits, loaded_elsewhere(options.save, test[0]))
    _, accuracy = model.evaluate(*test, verbose=0)
    draw(model, history, test, np.argmax(logits, axis=1), options.plot)
    print(f"Test accuracy on {len(test[0])} digits kept apart: {accuracy:.2%}")
    print(f"{options.save}, loaded in a fresh process, predicts the same bit for bit: {same}")
    print(f"Errors, filters and misread digits: {options.plot}")
    return accuracy, same


if __name__ == "__main__":
    main()
