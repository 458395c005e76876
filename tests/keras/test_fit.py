"""`fit` and its kin: every option gives what Keras on JAX gives, and every way to say the same gives the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape import keras
from tests.keras import fits

WANTED = json.loads(fits.FILE.read_text())
PLAIN = WANTED["plain"]


def assert_same(found: Any, wanted: Any, **options: float) -> None:
    """Compare two structures of names and numbers."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name in wanted:
            assert_same(found[name], wanted[name], **options)
    elif isinstance(wanted, list) and not isinstance(wanted[0], float | int):
        assert len(found) == len(wanted)
        for mine, theirs in zip(found, wanted, strict=True):
            assert_same(mine, theirs, **options)
    elif isinstance(wanted, str):
        assert found == wanted
    else:
        np.testing.assert_allclose(found, wanted, **{"rtol": 1e-4, "atol": 1e-4, **options})


@pytest.mark.parametrize("name", fits.REFERENCES)
def test_as_keras_on_jax(name: str) -> None:
    assert_same(fits.as_lists(fits.REFERENCES[name](keras)), WANTED[name])


def test_the_references_differ_from_each_other() -> None:
    """An option that did nothing would be found."""
    own = [n for n in fits.REFERENCES if n not in ("plain", "validation_data", "generated")]
    for name in set(own) & {n for n in WANTED if "history" in WANTED[n]}:
        assert PLAIN["history"]["loss"] != pytest.approx(WANTED[name]["history"]["loss"], rel=1e-3)


OPTIONS: list[dict[str, Any]] = [
    {"run_eagerly": True},
    {"jit_compile": True},
    {"jit_compile": False},
    {"jit_compile": "auto"},
    {"steps_per_execution": 4},  # six steps: one call of four, one of two
    {"steps_per_execution": 100},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_of_compile_change_no_value(options: dict[str, Any]) -> None:
    assert_same(fits.as_lists(fits.plain(keras, **options)), PLAIN)


def test_run_eagerly_runs_the_layers_for_each_batch() -> None:
    calls = []

    class Counted(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            calls.append(isinstance(x, tf.Tensor))
            return 2.0 * x

    counts = {}
    for eagerly in (True, False):
        model = keras.Sequential([keras.Input((6,)), Counted(), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        calls.clear()
        model.fit(fits.X, fits.Y, batch_size=11, epochs=3, verbose=0)
        counts[eagerly] = len(calls)
    assert counts[True] >= 12  # four batches, three epochs
    assert counts[False] < 12


def test_callbacks_are_called_once_for_an_execution() -> None:
    seen: list[Any] = []
    recorder = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_train_batch_end=lambda batch, logs: seen.append((batch, sorted(logs))),
    )
    model = fits.classifier(keras, steps_per_execution=4)
    model.fit(fits.X, fits.Y, batch_size=8, epochs=2, verbose=0, callbacks=[recorder])
    ends = [
        (3, ["accuracy", "loss"]),
        (7, ["accuracy", "loss"]),
    ]  # as on JAX: 7, though 5 is the last
    assert seen == [0, *ends, 1, *ends]


def pairs() -> Any:
    """The data as a dataset of ours."""
    return tf.data.Dataset.from_tensor_slices((fits.X, fits.Y)).batch(fits.BATCH)


DATA: dict[str, Callable[[], tuple[Any, Any]]] = {
    "tensors": lambda: (tf.constant(fits.X), tf.constant(fits.Y)),
    "float64 and int64": lambda: (fits.X.astype(np.float64), fits.Y.astype(np.int64)),
    "labels in a column": lambda: (fits.X, fits.Y[:, None]),
    "dataset": lambda: (pairs(), None),
    "dataset, prefetched": lambda: (pairs().cache().prefetch(tf.data.AUTOTUNE), None),
}


@pytest.mark.parametrize("name", DATA)
def test_data_of_each_kind(name: str) -> None:
    x, y = DATA[name]()
    batched = {} if y is not None else {"batch_size": None}
    found = fits.as_lists(fits.fitted(fits.classifier(keras), x, y, **batched))
    assert_same(found, PLAIN)


def test_a_dataset_with_weights_and_one_for_validation() -> None:
    weighted = tf.data.Dataset.from_tensor_slices((fits.X, fits.Y, fits.IMPORTANCE)).batch(8)
    model = fits.classifier(keras, weighted_metrics=["accuracy"])
    found = fits.as_lists(fits.fitted(model, weighted, None, batch_size=None))
    assert_same(found, WANTED["sample_weight"])
    part = tf.data.Dataset.from_tensor_slices((fits.X[:10], fits.Y[:10], fits.IMPORTANCE[:10]))
    found = fits.as_lists(
        fits.fitted(fits.classifier(keras), validation_data=part.batch(4), validation_freq=2)
    )
    assert_same(found, WANTED["validation_data"])


def test_shuffling_gives_each_epoch_an_order_of_its_own_with_every_example_once() -> None:
    orders: list[list[float]] = []

    class Watching(keras.Model):
        def train_step(self, data: Any) -> Any:
            x, _ = data
            orders[-1].extend(np.ravel(x))
            return {}

    for shuffle in (True, False):
        model = Watching()
        model.compile(run_eagerly=True)
        begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: orders.append([]))
        x = np.arange(20.0)[:, None]
        model.fit(x, x, batch_size=6, epochs=2, shuffle=shuffle, callbacks=[begin], verbose=0)
    first, second, *rest = orders
    assert first != second
    assert sorted(first) == sorted(second) == list(range(20))
    assert rest == [list(range(20))] * 2


def test_dropout_in_fit_is_drawn_anew_and_repeats_with_the_seed() -> None:
    def losses() -> list[float]:
        keras.utils.set_random_seed(4)
        layers = [keras.layers.Dropout(0.5), keras.layers.Dense(1, kernel_initializer="ones")]
        model = keras.Sequential([keras.Input((50,)), *layers])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        ones, fifty = np.ones((4, 50), np.float32), np.full((4, 1), 50.0)
        return model.fit(ones, fifty, epochs=4, verbose=0).history["loss"]

    found = losses()
    assert len(set(found)) == 4
    assert losses() == found


class ByHand(keras.Model):
    """A `train_step` with a tape, as TensorFlow's users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = fits.classifier(keras)

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=predicted)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(x)[0])
            else:
                metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}


@pytest.mark.parametrize("eagerly", [True, False])
def test_a_train_step_with_a_tape_is_the_one_of_keras(eagerly: bool) -> None:
    model = fits.compiled(keras, ByHand(), run_eagerly=eagerly)
    assert_same(fits.as_lists(fits.fitted(model)), PLAIN)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_loop_of_ones_own_is_fit(recorded: bool) -> None:
    model = fits.classifier(keras)

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.loss(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss * len(x)

    model.optimizer.build(model.trainable_variables)
    run = tf.function(step) if recorded else step
    losses = [sum(float(run(x, y)) for x, y in pairs()) / len(fits.X) for _ in range(3)]
    np.testing.assert_allclose(losses, PLAIN["history"]["loss"], rtol=1e-4)
    predictions = model.predict(fits.X[:5], verbose=0)
    np.testing.assert_allclose(predictions, PLAIN["predictions"], rtol=1e-4, atol=1e-4)


def test_two_optimizers_in_one_train_step() -> None:
    """As for adversarial networks: against gradient descent by hand."""

    class Two(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
            self.b = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")

        def call(self, x: Any) -> Any:
            return self.a(x) * self.b(x)

        def compile(self, first: Any, second: Any) -> None:
            super().compile()
            self.first, self.second = first, second

        def train_step(self, x: Any) -> Any:
            with tf.GradientTape(persistent=True) as tape:
                loss = tf.reduce_mean(self(x))
            slopes = [tape.gradient(loss, layer.trainable_weights) for layer in (self.a, self.b)]
            self.first.apply(slopes[0], self.a.trainable_weights)
            self.second.apply([-g for g in slopes[1]], self.b.trainable_weights)
            return {"value": loss}

    model = Two()
    model(np.zeros((1, 2), np.float32))
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.2))
    x = np.float32([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]])
    history = model.fit(x, batch_size=3, epochs=4, verbose=0, shuffle=False)
    a, b, values = np.ones(2), np.ones(2), []
    for _ in range(4):
        values.append(np.mean((x @ a) * (x @ b)))
        slope_a, slope_b = x.T @ (x @ b) / 3, x.T @ (x @ a) / 3
        a, b = a - 0.1 * slope_a, b + 0.2 * slope_b
    np.testing.assert_allclose(history.history["value"], values, rtol=1e-5)
    np.testing.assert_allclose(model.a.kernel.numpy()[:, 0], a, rtol=1e-5)
    np.testing.assert_allclose(model.b.kernel.numpy()[:, 0], b, rtol=1e-5)
