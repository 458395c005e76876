"""Who takes part in the compiled workloads, and how each is asked for a compiled step.

A step is a call without arguments that returns the value and the gradients, or what else the task
asks for, when they are computed: XLA's calls return before that, and all their results are there as
soon as one is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.compiled_operations import of_jax, of_torch, reshaped_pool, tensorflow_like
from benchmarks.compiled_workloads import Task
from benchmarks.workloads import Array

Step = Callable[[], list[Any]]


@dataclass(frozen=True)
class Way:
    """One way to compile with a framework, at all tasks or at one."""

    name: str
    framework: str
    build: Callable[[Any, Task], Step]
    only: str | None = None
    wanted: Callable[[Any, Task], bool] = lambda module, task: True


def recorded_function(tf: Any, task: Task, jit_compile: bool | None) -> tuple[Any, list[Any]]:
    """A function with tapes inside, and its arguments; variables are taken from around it."""
    make = tf.Variable if task.variables else tf.constant
    watched = [make(array) for array in task.watched]
    constants = [tf.constant(array) for array in task.constants]
    operations = tensorflow_like(tf)

    def value(watched: list[Any], constants: list[Any]) -> list[Any]:
        return [task.loss(operations, watched, *constants)]

    def gradient(watched: list[Any], constants: list[Any]) -> list[Any]:
        with tf.GradientTape() as tape:
            if not task.variables:
                tape.watch(watched)
            (loss,) = value(watched, constants)
        return [loss, *tape.gradient(loss, watched)]

    def hessian(watched: list[Any], constants: list[Any]) -> list[Any]:
        (x,) = watched
        with tf.GradientTape() as outer:
            outer.watch(x)
            _, slope = gradient(watched, constants)
        return [outer.jacobian(slope, x)]

    asked = {"value": value, "gradient": gradient, "hessian": hessian}[task.asked]
    if task.variables:
        return tf.function(lambda *constants: asked(watched, list(constants)), jit_compile=jit_compile), constants
    count = len(watched)
    function = tf.function(lambda *given: asked(list(given[:count]), list(given[count:])), jit_compile=jit_compile)
    return function, [*watched, *constants]
