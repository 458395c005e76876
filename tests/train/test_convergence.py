"""Every optimizer reaches the minimum of a small quadratic, and the quick ones that of Rosenbrock's valley."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf

OPT, T = tf.optimizers, tf.compat.v1.train
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])
GOAL = np.array([1.0, -0.5])


def falling() -> Any:
    """A learning rate that falls from call to call."""
    count = itertools.count()
    return lambda: 0.1 * 0.5 ** (next(count) / 40)


QUADRATIC: dict[str, Any] = {
    "SGD": lambda: OPT.SGD(0.3), "momentum": lambda: OPT.SGD(0.1, momentum=0.8),
    "nesterov": lambda: OPT.SGD(0.1, momentum=0.8, nesterov=True), "Adam": lambda: OPT.Adam(0.1),
    "AdamW": lambda: OPT.AdamW(0.1, weight_decay=0.0), "amsgrad": lambda: OPT.Adam(0.1, amsgrad=True),
    "Adagrad": lambda: OPT.Adagrad(1.0), "Adamax": lambda: OPT.Adamax(0.2), "Nadam": lambda: OPT.Nadam(0.1),
    "RMSprop": lambda: OPT.RMSprop(OPT.schedules.ExponentialDecay(0.1, 40, 0.5)),
    "Adadelta": lambda: OPT.Adadelta(0.3, rho=0.9, epsilon=0.01), "Ftrl": lambda: OPT.Ftrl(1.0),
    "Lion": lambda: OPT.Lion(OPT.schedules.ExponentialDecay(0.1, 60, 0.5)),
    "v1 momentum": lambda: T.MomentumOptimizer(0.1, 0.8), "v1 Adam": lambda: T.AdamOptimizer(0.1),
    "v1 Adagrad": lambda: T.AdagradOptimizer(1.0), "v1 Ftrl": lambda: T.FtrlOptimizer(1.0),
    "v1 proximal": lambda: T.ProximalGradientDescentOptimizer(0.3),
    "v1 proximal Adagrad": lambda: T.ProximalAdagradOptimizer(1.0),
    "v1 RMSProp": lambda: T.RMSPropOptimizer(falling(), momentum=0.5),
    "v1 Adadelta": lambda: T.AdadeltaOptimizer(0.3, 0.9, 0.01),
}  # fmt: skip


@pytest.mark.parametrize("name", QUADRATIC)
def test_a_quadratic_is_minimised(name: str) -> None:
    x, optimizer = tf.Variable([4.0, 3.0], dtype="float64"), QUADRATIC[name]()
    matrix, goal = tf.constant(MATRIX), tf.constant(GOAL)

    def loss() -> Any:
        d = tf.reshape(x - goal, (2, 1))
        return tf.reduce_sum(d * tf.matmul(matrix, d))

    for _ in range(400):
        optimizer.minimize(loss, var_list=[x])
    np.testing.assert_allclose(x.numpy(), GOAL, atol=2e-3)


@pytest.mark.parametrize(
    "make", [lambda: OPT.Adam(0.05), lambda: OPT.Nadam(0.05), lambda: T.AdamOptimizer(0.05)]
)
def test_rosenbrocks_valley_is_followed(make: Any) -> None:
    x, y = tf.Variable(-1.2, dtype="float64"), tf.Variable(1.0, dtype="float64")
    optimizer = make()
    for _ in range(2000):
        optimizer.minimize(lambda: (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2, var_list=[x, y])
    np.testing.assert_allclose([float(x), float(y)], [1.0, 1.0], atol=0.02)


def test_regularisation_sets_small_weights_to_zero() -> None:
    # lasso with an identity design: the minimiser is the soft threshold of the target
    target = tf.constant([1.0, 0.05, -2.0, 0.0], tf.float64)
    for optimizer in (
        T.ProximalGradientDescentOptimizer(0.25, l1_regularization_strength=0.1),
        T.ProximalAdagradOptimizer(1.0, l1_regularization_strength=0.1),
    ):
        w = tf.Variable(np.ones(4))
        for _ in range(300):
            optimizer.minimize(lambda w=w: 0.5 * tf.reduce_sum((w - target) ** 2), var_list=[w])
        np.testing.assert_allclose(w.numpy(), [0.9, 0.0, -1.9, 0.0], atol=1e-6)
        assert (w.numpy()[[1, 3]] == 0.0).all()
