"""`tf.compat.v1.train`'s global step, and its decays of the learning rate as functions.

A decay returns a function without arguments, as TensorFlow's do in eager execution: an optimizer
calls it at each step and finds the rate of the global step that the variable then holds. In a graph
that sessions run it returns a tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.asked import located
from gradtape.core.errors import brief
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.graph import Graph
from gradtape.graph.variables import GraphKeys, VariableV1
from gradtape.train.options import number
from gradtape.train.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

_steps: dict[Any, Variable] = {}


def get_global_step(graph: Any = None) -> Variable | None:
    """Return the variable that counts training steps, None before it was made.

    Example:
        >>> import gradtape as tf
        >>> step = tf.compat.v1.train.get_or_create_global_step()
        >>> step is tf.compat.v1.train.get_global_step()
        True
    """
    found = _key(graph, "get_global_step")
    if isinstance(found, Graph):
        return next(iter(found.get_collection(GraphKeys.GLOBAL_STEP)), None)
    return _steps.get(found)


def _key(graph: Any, function: str) -> Any:
    """The graph that the step belongs to, or another object that was given for it."""
    if graph is None and here.mode is not None and here.mode.by_session:
        return here.mode.graph
    if getattr(graph, "__hash__", None) is None or isinstance(graph, (Tensor, Variable)):
        raise TypeError(
            f"gradtape.compat.v1.train.{function}: graph must be None or a hashable object, not "
            f"{brief(graph)}."
        )
    return graph


def create_global_step(graph: Any = None) -> Variable:
    """Make the variable that counts training steps, an int64 zero.

    Raises:
        ValueError: when it exists already.

    Example:
        >>> import gradtape as tf
        >>> int(tf.compat.v1.train.create_global_step(graph=object()))
        0
    """
    if get_global_step(graph) is not None:
        raise ValueError(located('"global_step" already exists. Use get_or_create_global_step().'))
    found = _key(graph, "create_global_step")
    if isinstance(found, Graph):
        keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
        with found.as_default(), found.name_scope(None):
            return VariableV1(np.int64(0), trainable=False, name="global_step", collections=keys)
    _steps[found] = Variable(np.int64(0), trainable=False, name="global_step")
    return _steps[found]


def get_or_create_global_step(graph: Any = None) -> Variable:
    """Return the variable that counts training steps, which is made if need be.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.train.get_or_create_global_step().dtype
        tf.int64
    """
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor: Any) -> None:
    """Raise TypeError unless this is a scalar integer variable or tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.train.assert_global_step(tf.Variable(0))
    """
    shape = getattr(global_step_tensor, "_shape", None)
    if shape != () or global_step_tensor._dtype.kind not in "iu":
        raise TypeError(
            "gradtape.compat.v1.train.assert_global_step: "
            'Existing "global_step" must be a scalar integer Variable or Tensor: '
            f"{brief(global_step_tensor)}. Use get_or_create_global_step()."
        )


def _at(schedule: Callable[[Any], Any], global_step: Any) -> Any:
    """The rate as a function; in a graph that sessions run, as a tensor."""
    if global_step is None:
        raise ValueError(located("global_step is required: pass get_or_create_global_step()."))

    def rate() -> Any:
        return schedule(global_step() if callable(global_step) else global_step)

    return rate() if here.mode is not None and here.mode.by_session else rate


def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """Return a function for learning_rate * decay_rate ** (global_step / decay_steps).

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(0)
        >>> rate = tf.compat.v1.train.exponential_decay(1.0, step, 10, 0.25)
        >>> _ = step.assign(5)
        >>> float(rate())
        0.5
    """
    return _at(ExponentialDecay(learning_rate, decay_steps, decay_rate, staircase), global_step)


def natural_exp_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """Return a function for learning_rate * exp(-decay_rate * global_step / decay_steps).

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(5)
        >>> round(float(tf.compat.v1.train.natural_exp_decay(1.0, step, 10, 0.5)()), 4)
        0.7788
    """
    rate = number(decay_rate, "decay_rate", least=-700.0)  # beyond that exp overflows
    factor = math.exp(-rate)
    return _at(ExponentialDecay(learning_rate, decay_steps, factor, staircase), global_step)


def inverse_time_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """Return a function for learning_rate / (1 + decay_rate * global_step / decay_steps).

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(20)
        >>> round(float(tf.compat.v1.train.inverse_time_decay(1.0, step, 10, 0.5)()), 4)
        0.5
    """
    return _at(InverseTimeDecay(learning_rate, decay_steps, decay_rate, staircase), global_step)


def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Any:
    """Return a function for the schedule `PolynomialDecay`.

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(5)
        >>> round(float(tf.compat.v1.train.polynomial_decay(1.0, step, 10, 0.0)()), 4)
        0.5
    """
    schedule = PolynomialDecay(learning_rate, decay_steps, end_learning_rate, power, cycle)
    return _at(schedule, global_step)


def piecewise_constant(x: Any, boundaries: Any, values: Any, name: str | None = None) -> Any:
    """Return a function for `values[i]` where x is at most `boundaries[i]`.

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(5)
        >>> round(float(tf.compat.v1.train.piecewise_constant(step, [3], [1.0, 0.5])()), 4)
        0.5
    """
    return _at(PiecewiseConstantDecay(boundaries, values), x)


piecewise_constant_decay = piecewise_constant


def cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    alpha: Any = 0.0,
    name: str | None = None,
) -> Any:
    """Return a function for the schedule `CosineDecay`, without warmup.

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(5)
        >>> round(float(tf.compat.v1.train.cosine_decay(1.0, step, 10)()), 4)
        0.5
    """
    return _at(CosineDecay(learning_rate, decay_steps, alpha), global_step)


def cosine_decay_restarts(
    learning_rate: Any,
    global_step: Any,
    first_decay_steps: Any,
    t_mul: Any = 2.0,
    m_mul: Any = 1.0,
    alpha: Any = 0.0,
    name: str | None = None,
) -> Any:
    """Return a function for the schedule `CosineDecayRestarts`.

    Example:
        >>> import gradtape as tf
        >>> step = tf.Variable(20)
        >>> round(float(tf.compat.v1.train.cosine_decay_restarts(1.0, step, 10)()), 4)
        0.5
    """
    schedule = CosineDecayRestarts(learning_rate, first_decay_steps, t_mul, m_mul, alpha)
    return _at(schedule, global_step)
