"""Keras's `fit`, `evaluate` and `predict` on datasets do what they do on arrays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = """
import numpy as np
import gradtape as tf
from gradtape import keras

random = np.random.default_rng(0)
x = random.random((50, 4), np.float32)
y = (x.sum(1) > 2).astype(np.int32)
keras.utils.set_random_seed(3)
rows = tf.data.Dataset.from_tensor_slices((x, y))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
before = model.get_weights()

def trained(*args, **kwargs):
    model.set_weights(before)
    history = model.fit(*args, verbose=0, shuffle=False, **kwargs)
    return history, model.get_weights()

def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
"""
PROGRAMS = {
    "fit": """
known, weights = trained(x, y, batch_size=16, epochs=2, validation_data=(x, y))
history, found = trained(rows.batch(16).prefetch(2), epochs=2, validation_data=rows.batch(16))
same(found, weights)
assert history.params["steps"] == 4
for name, curve in known.history.items():
    np.testing.assert_allclose(history.history[name], curve, rtol=1e-5)
""",
    "evaluate and predict": """
np.testing.assert_allclose(model.evaluate(rows.batch(16), verbose=0), model.evaluate(x, y, batch_size=16, verbose=0))
features = tf.data.Dataset.from_tensor_slices(x).batch(16)
np.testing.assert_allclose(model.predict(features, verbose=0), model.predict(x, batch_size=16, verbose=0))
np.testing.assert_allclose(model.predict(rows.batch(16), verbose=0), model.predict(x, batch_size=16, verbose=0))
""",
    "without end": """
history, found = trained(rows.batch(10).repeat(), epochs=2, steps_per_epoch=5)
assert history.params["steps"] == 5
same(found, trained(x, y, batch_size=10, epochs=2)[1])
""",
    "weights": """
weights = random.random(50).astype(np.float32)
triples = tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(16)
same(trained(triples)[1], trained(x, y, batch_size=16, sample_weight=weights)[1])
balance = {0: 1.0, 1: 3.0}
same(trained(rows.batch(16), class_weight=balance)[1], trained(x, y, batch_size=16, class_weight=balance)[1])
""",
    "errors": """
for more in ({"y": y}, {"sample_weight": y}):
    try:
        model.fit(rows.batch(16), verbose=0, **more)
    except ValueError as error:
        assert "tf.data.Dataset" in str(error)
    else:
        raise AssertionError(more)
""",
    "a model that is built by its data": """
model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
model.compile("sgd", "binary_crossentropy")
model.fit(rows.map(lambda x, y: (2 * x, y)).batch(16), verbose=0)
assert model.count_params() == 5
""",
}


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_keras_takes_datasets(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START + PROGRAMS[name]],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_the_topic_is_found_whoever_loaded_its_room_first() -> None:
    program = "import gradtape.data.plan, gradtape as tf; print(len(tf.data.Dataset.range(3)), tf.data.AUTOTUNE)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout == "3 -1\n", done.stderr
