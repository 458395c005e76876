"""`tape.explain` understands the variables of layers."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf
from gradtape import keras

X = np.float32([[1.0, 2.0], [3.0, -1.0]])


def model() -> Any:
    """Two dense layers."""
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)]
    )


def test_a_frozen_layer_is_not_watched_and_the_remedy_helps() -> None:
    net = model()
    net.layers[0].trainable = False
    kernel, other = net.layers[0].kernel, net.layers[1].kernel
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(net(X))
    answer = tape.explain(loss, kernel)
    assert answer.verdict == "none"
    (cause,) = answer.causes
    assert cause.kind == "not watched"
    assert cause.code == "loss = tf.reduce_sum(net(X))"
    assert "tape.watch" in cause.remedy
    assert tape.gradient(loss, kernel) is None
    assert tape.explain(loss, other).verdict == "sound"
    with tf.GradientTape() as tape:
        tape.watch(kernel)  # what the remedy says
        loss = tf.reduce_sum(net(X))
    assert tape.explain(loss, kernel).verdict == "sound"
    assert tape.gradient(loss, kernel).shape == (2, 3)


def test_a_value_that_went_through_numpy() -> None:
    net = model()
    with tf.GradientTape() as tape:
        hidden = np.sin(net.layers[0](X))
        loss = tf.reduce_sum(net.layers[1](hidden))
    answers = tape.explain(loss, net.trainable_variables)
    assert [a.verdict for a in answers] == ["none", "none", "sound", "sound"]
    assert answers[0].causes[0].kind == "left"
    assert answers[0].causes[0].code == "hidden = np.sin(net.layers[0](X))"
