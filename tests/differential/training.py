"""Optimizers, schedules, and the optimizers of TensorFlow 1: three steps each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.differential.topic import Topic

MODERN = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}],
    "Adam": [
        {},
        {"amsgrad": True},
        {"clipnorm": 0.1},
        {"global_clipnorm": 0.1},
        {"clipvalue": 0.15},
    ],
    "AdamW": [{}],
    "Adagrad": [{}],
    "RMSprop": [{}, {"centered": True, "momentum": 0.5}],
    "Adadelta": [{"learning_rate": 1.0}],
    "Adamax": [{}],
    "Nadam": [{}],
    "Ftrl": [{}, {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.1}],
    "Lion": [{}],
}
OLD: dict[str, list[tuple[Any, ...]]] = {
    "GradientDescentOptimizer": [(0.1,)],
    "MomentumOptimizer": [(0.1, 0.9), (0.1, 0.9, False, "M", True)],
    "AdamOptimizer": [(0.1,)],
    "AdagradOptimizer": [(0.1,)],
    "AdadeltaOptimizer": [(1.0,)],
    "RMSPropOptimizer": [(0.1,), (0.1, 0.8, 0.5)],
    "FtrlOptimizer": [(0.1,)],
    "ProximalAdagradOptimizer": [(0.1,)],
    "ProximalGradientDescentOptimizer": [(0.1, 0.1, 0.2)],
}
SCHEDULES = [
    "ExponentialDecay(0.1, 10, 0.5)",
    "ExponentialDecay(0.1, 10, 0.5, staircase=True)",
    "PiecewiseConstantDecay([5, 10], [1.0, 0.5, 0.1])",
    "PolynomialDecay(0.1, 20, 0.01, power=2.0)",
    "PolynomialDecay(0.1, 8, 0.01, cycle=True)",
    "InverseTimeDecay(0.1, 10, 0.5)",
    "CosineDecay(0.1, 20, alpha=0.1)",
    "CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=5)",
    "CosineDecayRestarts(0.1, 6)",
]


def _optimizers(tf: Any) -> Any:
    return getattr(tf, "optimizers", None) or tf.keras.optimizers


def modern(name: str, options: dict[str, Any], sparse: bool) -> Callable[[Any], Any]:
    """Three steps of an optimizer of Keras."""

    def program(tf: Any) -> Any:
        optimizer = getattr(_optimizers(tf), name)(**options)
        v, w = tf.Variable([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]), tf.Variable([0.5])
        for _ in range(3):
            with tf.GradientTape() as tape:
                rows = tf.gather(v, [0, 2]) if sparse else v
                loss = tf.reduce_sum(rows**2) + w[0] * v[0, 0] * (0.0 if sparse else 1.0)
            optimizer.apply_gradients(zip(tape.gradient(loss, [v, w]), [v, w]))
        return [v, w, int(optimizer.iterations.numpy())]

    program.__name__ = f"{name}({options}{', sparse' if sparse else ''})"
    return program


def old(name: str, arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Three steps of an optimizer of TensorFlow 1."""

    def program(tf: Any) -> Any:
        optimizer = getattr(tf.compat.v1.train, name)(*arguments)
        v = tf.Variable([1.0, -2.0, 0.5])
        for _ in range(3):
            optimizer.minimize(lambda: tf.reduce_sum(v**2 + v), var_list=[v])
        return v

    program.__name__ = f"compat.v1.train.{name}{arguments}"
    return program


def schedule(text: str) -> Callable[[Any], Any]:
    """The rates of a schedule over its first steps."""

    def program(tf: Any) -> Any:
        rate = eval(f"schedules.{text}", {"schedules": _optimizers(tf).schedules})
        return [float(rate(step)) for step in (0, 1, 5, 7, 12, 30)]

    program.__name__ = f"schedules.{text}"
    return program


def no_gradients(tf: Any) -> Any:
    """All gradients None."""
    v = tf.Variable(1.0)
    _optimizers(tf).SGD(0.1).apply_gradients([(None, v)])


def two_clippings(tf: Any) -> Any:
    """Two ways of clipping at once."""
    _optimizers(tf).SGD(0.1, clipnorm=1.0, clipvalue=1.0)


def unknown_variable(tf: Any) -> Any:
    """A variable that the optimizer was not built for."""
    optimizer = _optimizers(tf).SGD(0.1)
    optimizer.apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])
    optimizer.apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])


def scheduled(tf: Any) -> Any:
    """An optimizer with a schedule."""
    optimizer = _optimizers(tf).SGD(_optimizers(tf).schedules.ExponentialDecay(0.1, 1, 0.5))
    v = tf.Variable([1.0])
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant([1.0]), v)])
    return v


TOPICS = [
    Topic(
        "training",
        programs=[
            *[modern(name, o, False) for name, several in MODERN.items() for o in several],
            *[modern(name, {}, True) for name in ("SGD", "Adam", "Adagrad", "RMSprop", "Ftrl")],
            *[old(name, a) for name, several in OLD.items() for a in several],
            *[schedule(text) for text in SCHEDULES],
            no_gradients,
            two_clippings,
            unknown_variable,
            scheduled,
        ],
    )
]
