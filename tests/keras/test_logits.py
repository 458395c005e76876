"""Losses of probabilities know the logits that they were made of."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

import gradtape as tf
from gradtape import keras
from keras_gradtape.src.ops import logits as table

Z = np.array([[1.0, 2.0, -1.0], [0.0, 3.0, 1.0]], np.float32)
HOT = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
LOSSES = {
    "categorical": (keras.activations.softmax, keras.losses.categorical_crossentropy, HOT),
    "sparse": (
        keras.activations.softmax,
        keras.losses.sparse_categorical_crossentropy,
        np.array([0, 2]),
    ),
    "binary": (keras.activations.sigmoid, keras.losses.binary_crossentropy, HOT),
}


def known(name: str, z: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The loss by SciPy, from the logits in float64."""
    z = z.astype(np.float64)
    if name == "binary":
        return np.mean(np.logaddexp(0, z) - HOT * z, -1)
    return -np.sum(HOT * log_softmax(z, -1), -1)


@pytest.mark.parametrize("name", list(LOSSES))
def test_far_probabilities_lose_nothing(name: str) -> None:
    activation, loss, target = LOSSES[name]
    z = 60.0 * Z  # exp(-60) less than 1 is 1 in float32, where clipping would end at 16
    found = loss(target, activation(tf.constant(z)))
    np.testing.assert_allclose(found, known(name, z), rtol=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("recorded", [False, True])
def test_gradients_are_those_of_the_logits(name: str, recorded: bool) -> None:
    activation, loss, target = LOSSES[name]
    target = tf.constant(target)

    def slope(z: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = tf.reduce_sum(loss(target, activation(z)))
        return tape.gradient(value, z)

    found = (tf.function(slope) if recorded else slope)(tf.constant(Z))
    wanted = (expit(Z) - HOT) / 3 if name == "binary" else softmax(Z, -1) - HOT
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_probabilities_that_are_taken_for_logits_are_told_of(name: str) -> None:
    activation, loss, target = LOSSES[name]
    with pytest.warns(UserWarning, match="received `from_logits=True`, but the `output`"):
        found = loss(target, activation(tf.constant(Z)), from_logits=True)
    np.testing.assert_allclose(found, known(name, Z), rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = loss(target, tf.constant(Z), from_logits=True)
    np.testing.assert_allclose(found, known(name, Z), rtol=1e-5)


def test_logits_of_another_kind_are_not_used() -> None:
    crossentropy = keras.losses.categorical_crossentropy
    for p in (keras.activations.sigmoid(Z), keras.activations.softmax(tf.constant(Z), axis=0)):
        shares = p.numpy() / p.numpy().sum(-1, keepdims=True)
        np.testing.assert_allclose(crossentropy(HOT, p), -(HOT * np.log(shares)).sum(-1), rtol=1e-5)


def test_logits_are_kept_no_longer_than_the_probabilities() -> None:
    gc.collect()
    before = len(table._table)
    p = keras.activations.softmax(tf.constant(Z))
    assert len(table._table) == before + 1
    del p
    assert len(table._table) == before
