"""Models of many layers that are saved on one backend of Keras and loaded on another.

`KERAS_BACKEND=jax python tests/keras/saved.py DIRECTORY [MODEL ...]` saves each there and writes
its predictions beside it. The first one is trained before, and a step more after (not on the backend
"numpy", which cannot)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RANDOM = np.random.default_rng(21)
LABELS = np.arange(12) % 3


def dense(keras: Any) -> tuple[Any, tuple[int, ...]]:
    layers = keras.layers
    return [
        layers.Dense(8, activation="gelu"), layers.BatchNormalization(),
        layers.Dense(3, activation="softmax"),
    ], (6,)  # fmt: skip


def images(keras: Any) -> tuple[Any, tuple[int, ...]]:
    layers = keras.layers
    return [
        layers.Conv2D(4, 3, strides=2, padding="same", activation="silu"),
        layers.DepthwiseConv2D(3, padding="same"), layers.SeparableConv2D(5, 2), layers.GroupNormalization(5),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same"), layers.AveragePooling2D(2),
        layers.UpSampling2D(interpolation="bilinear"), layers.GlobalMaxPooling2D(),
        layers.Dense(3, activation="softmax"),
    ], (9, 8, 2)  # fmt: skip


def series(keras: Any) -> tuple[Any, tuple[int, ...]]:
    layers = keras.layers
    return [
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.LayerNormalization(),
        layers.GRU(4, return_sequences=True, go_backwards=True), layers.SimpleRNN(4),
        layers.Dense(3, activation="softmax"),
    ], (5, 3)  # fmt: skip


def words(keras: Any) -> tuple[Any, tuple[int, ...]]:
    layers = keras.layers
    return [
        layers.Embedding(12, 6, mask_zero=True), layers.Dropout(0.3),
        layers.GlobalAveragePooling1D(), layers.Dense(3, activation="softmax"),
    ], (7,)  # fmt: skip


def attention(keras: Any) -> Any:
    layers = keras.layers
    given = keras.Input((5, 6))
    seen = layers.MultiHeadAttention(2, 4)(given, given, use_causal_mask=True)
    joined = layers.Add()([given, layers.LayerNormalization()(seen)])
    flat = layers.Flatten()(layers.PReLU()(joined))
    return keras.Model(given, layers.Dense(3, activation="softmax")(flat)), (5, 6)


MODELS: dict[str, Callable[[Any], Any]] = {
    f.__name__: f for f in (dense, images, series, words, attention)
}


def built(keras: Any, name: str) -> tuple[Any, Any]:
    """A model and examples for it."""
    parts, shape = MODELS[name](keras)
    model = keras.Sequential([keras.Input(shape), *parts]) if isinstance(parts, list) else parts
    x = RANDOM.normal(size=(12, *shape)).astype(np.float32)
    return model, RANDOM.integers(0, 12, (12, *shape)) if name == "words" else x


def save(keras: Any, directory: Path, names: list[str]) -> None:
    """Train, save, and write down what is predicted."""
    keras.utils.set_random_seed(5)
    for name in names or MODELS:
        model, x = built(keras, name)
        trained = name == "dense" and keras.backend.backend() != "numpy"
        if trained:
            model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
            model.fit(x, LABELS, epochs=2, batch_size=4, verbose=0)
        model.save(directory / f"{name}.keras")
        model.save_weights(directory / f"{name}.weights.h5")
        predicted = keras.ops.convert_to_numpy(model(x, training=False))
        loss = model.train_on_batch(x, LABELS) if trained else np.nan
        np.savez(directory / f"{name}.npz", x=x, predicted=predicted, loss=loss)


if __name__ == "__main__":
    import keras

    save(keras, Path(sys.argv[1]), sys.argv[2:])
