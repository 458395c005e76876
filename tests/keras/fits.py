"""Programs that train a model in the many ways of `fit`, on whichever backend the given Keras has.

`KERAS_BACKEND=jax python tests/keras/fits.py` writes what those of `REFERENCES` find on JAX to
`fits.json`; `test_fit.py` runs them on gradtape and compares. Weights start from the same numbers
everywhere."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Found = dict[str, Any]
FILE = Path(__file__).with_suffix(".json")
RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(44, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int32) + (X[:, 3] > 0.5)
IMPORTANCE = RANDOM.uniform(0.1, 2.0, size=44).astype(np.float32)
IMAGES = RANDOM.normal(size=(20, 6, 6, 2)).astype(np.float32)
SERIES = RANDOM.normal(size=(20, 5, 3)).astype(np.float32)
BATCH = 8  # the last batch has four


def started(model: Any) -> Any:
    """The model with weights that depend on nothing but their shapes."""
    numbers = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(numbers.normal(size=variable.shape).astype(np.float32) / 3)
    return model


def classifier(keras: Any, **options: Any) -> Any:
    """Six numbers to three classes, compiled."""
    layers = keras.layers
    model = started(
        keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dense(3)])
    )
    return compiled(keras, model, **options)


def compiled(keras: Any, model: Any, **options: Any) -> Any:
    """The model with Adam, cross entropy and accuracy."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = options.pop("optimizer", None) or keras.optimizers.Adam(0.05)
    model.compile(optimizer, loss, metrics=["accuracy"], **options)
    return model


def found(model: Any, history: Any, x: Any = X) -> Found:
    """What training left: the history, the sum of each weight, the first predictions."""
    return {
        "history": {name: np.ravel(values) for name, values in history.history.items()},
        "weights": [float(np.sum(w)) for w in model.get_weights()],
        "predictions": model.predict(x, batch_size=16, verbose=0)[:5],
    }


def fitted(model: Any, x: Any = X, y: Any = Y, seen: Any = X, **options: Any) -> Found:
    """Train for three epochs in the given order."""
    options = {"batch_size": BATCH, "epochs": 3, "shuffle": False, "verbose": 0, **options}
    return found(model, model.fit(x, y, **options), seen)


def plain(keras: Any, **options: Any) -> Found:
    """The training that most others are compared with."""
    return fitted(classifier(keras, **options))


def class_weight(keras: Any) -> Found:
    return fitted(classifier(keras), class_weight={0: 0.5, 1: 2.0, 2: 3.0})


def sample_weight(keras: Any) -> Found:
    return fitted(classifier(keras, weighted_metrics=["accuracy"]), sample_weight=IMPORTANCE)


def validation_split(keras: Any) -> Found:
    return fitted(classifier(keras), validation_split=0.3)


def validation_data(keras: Any) -> Found:
    validation = (X[:10], Y[:10], IMPORTANCE[:10])
    return fitted(
        classifier(keras), validation_data=validation, validation_batch_size=4, validation_freq=2
    )


def frozen(keras: Any) -> Found:
    """The first layer is frozen; the second follows."""
    model = classifier(keras)
    model.layers[0].trainable = False
    return fitted(compiled(keras, model))


def early_stopping(keras: Any) -> Found:
    """Stops after the loss on other data has risen, and takes the best weights back."""
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    model = classifier(keras, optimizer=keras.optimizers.SGD(0.5))
    return fitted(model, epochs=30, validation_data=(X[:9], Y[:9][::-1].copy()), callbacks=[stop])


def model_checkpoint(keras: Any) -> Found:
    """The best model is in the file, not the last one."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "best.keras")
        keep = keras.callbacks.ModelCheckpoint(path, "val_loss", save_best_only=True)
        model = classifier(keras, optimizer=keras.optimizers.SGD(0.5))
        left = fitted(
            model, epochs=6, validation_data=(X[:9], Y[:9][::-1].copy()), callbacks=[keep]
        )
        best = keras.models.load_model(path)
        files = sorted(os.listdir(directory))
    return {**left, "best": best.predict(X[:5], verbose=0), "files": files}


def schedules(keras: Any) -> Found:
    """A callback sets the learning rate, another one halves it on a plateau."""
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * (0.5 if epoch else 1.0)),
        keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0),
    ]
    return fitted(classifier(keras), epochs=4, callbacks=callbacks)


def on_batches(keras: Any) -> Found:
    """Single batches, trained on and tested on."""
    model = classifier(keras)
    rows = []
    for k in range(0, 32, BATCH):
        part = slice(k, k + BATCH)
        rows.append(model.train_on_batch(X[part], Y[part], sample_weight=IMPORTANCE[part]))
    rows.append(model.train_on_batch(X[:5], Y[:5], class_weight={0: 1.0, 1: 2.0, 2: 0.1}))
    rows.append(model.test_on_batch(X[:7], Y[:7]))
    named = model.test_on_batch(X[:7], Y[:7], return_dict=True)
    return {
        "rows": np.asarray(rows, np.float64),
        "named": {name: float(value) for name, value in named.items()},
        "weights": [float(np.sum(w)) for w in model.get_weights()],
        "predictions": np.asarray(model.predict_on_batch(X[:3])),
    }


def several(keras: Any) -> Found:
    """Two named inputs and two outputs, with a loss, a metric and a weight each."""
    layers = keras.layers
    first, second = keras.Input((6,), name="first"), keras.Input((2,), name="second")
    joined = layers.Concatenate()([layers.Dense(5, activation="relu")(first), second])
    outputs = {
        "kind": layers.Dense(3, name="kind")(joined),
        "sum": layers.Dense(1, name="sum")(joined),
    }
    model = started(keras.Model({"first": first, "second": second}, outputs))
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        {"kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "sum": "mse"},
        loss_weights={"kind": 1.0, "sum": 0.3},
        metrics={"kind": ["accuracy"], "sum": ["mae"]},
    )
    x = {"first": X, "second": X[:, :2] ** 2}
    history = model.fit(
        x, {"kind": Y, "sum": X.sum(1, keepdims=True)}, batch_size=BATCH, epochs=3, shuffle=False, verbose=0
    )  # fmt: skip
    predictions = model.predict(x, verbose=0)
    return {
        "history": {name: np.ravel(values) for name, values in history.history.items()},
        "weights": [float(np.sum(w)) for w in model.get_weights()],
        "predictions": [predictions["kind"][:5], predictions["sum"][:5]],
    }


def convolutional(keras: Any) -> Found:
    """Convolution, batch normalisation, pooling, regularisers and a clipped step."""
    layers = keras.layers
    model = started(
        keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(4, 3, padding="same", use_bias=False, kernel_regularizer="l2"),
                layers.BatchNormalization(momentum=0.8),
                layers.Activation("relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(3),
            ]
        )
    )
    options = {"optimizer": keras.optimizers.Adam(0.01, clipnorm=0.5)}
    return fitted(compiled(keras, model, **options), IMAGES, Y[:20], IMAGES)


def recurrent(keras: Any) -> Found:
    """Two recurrent layers and weights of classes."""
    layers = keras.layers
    model = started(
        keras.Sequential(
            [
                keras.Input((5, 3)),
                layers.LSTM(4, return_sequences=True),
                layers.GRU(3),
                layers.Dense(3),
            ]
        )
    )
    weight = {0: 1.0, 1: 0.5, 2: 2.0}
    return fitted(compiled(keras, model), SERIES, Y[:20], SERIES, class_weight=weight)


def accumulating(keras: Any) -> Found:
    """Gradients of two batches make a step, and the weights have a moving average."""
    options = {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.7}
    return fitted(classifier(keras, optimizer=keras.optimizers.Adam(0.05, **options)))


def batches() -> Iterator[tuple[Any, Any]]:
    """The data without end, in batches of eight and one of four."""
    while True:
        for k in range(0, 44, BATCH):
            yield X[k : k + BATCH], Y[k : k + BATCH]


def generated(keras: Any) -> Found:
    return fitted(classifier(keras), batches(), None, batch_size=None, steps_per_epoch=6)


def py_dataset(keras: Any) -> Found:
    """The batches of an object of Keras's class, with weights of examples."""

    class Ours(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 6

        def __getitem__(self, k: int) -> Any:
            part = slice(k * BATCH, k * BATCH + BATCH)
            return X[part], Y[part], IMPORTANCE[part]

    return fitted(classifier(keras), Ours(), None, batch_size=None)


def evaluated(keras: Any) -> Found:
    """The results of `evaluate`, as a list and by name."""
    model = classifier(keras, weighted_metrics=["accuracy"])
    options = {"batch_size": BATCH, "verbose": 0, "sample_weight": IMPORTANCE}
    return {
        "list": np.asarray(model.evaluate(X, Y, **options)),
        "named": {
            k: float(v) for k, v in model.evaluate(X, Y, return_dict=True, **options).items()
        },
        "predictions": model.predict(X, batch_size=5, verbose=0)[:5],
    }


REFERENCES: dict[str, Callable[[Any], Found]] = {
    function.__name__: function
    for function in (
        plain, class_weight, sample_weight, validation_split, validation_data, frozen,
        early_stopping, model_checkpoint, schedules, on_batches, several, convolutional, recurrent,
        accumulating, generated, py_dataset, evaluated,
    )
}  # fmt: skip


def as_lists(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, dict):
        return {name: as_lists(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_lists(part) for part in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_lists(value.tolist())
    return float(f"{value:.7g}") if isinstance(value, float) else value


if __name__ == "__main__":
    import keras

    rows = {name: as_lists(run(keras)) for name, run in REFERENCES.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
