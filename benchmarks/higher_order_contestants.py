"""Who takes part in derivatives of higher order and of many rows, and how each is asked for them.

A call takes no arguments and returns a list of results once they are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.compiled_operations import of_jax, of_torch, tensorflow_like
from benchmarks.workloads import Arrays, dense_workload, rosenbrock

Call = Callable[[], list[Any]]


@dataclass(frozen=True)
class Task:
    """What is asked ("hessian", "batch_jacobian", "per_example", "hvp" or "forward"), and where.

    `function` takes a framework's operations, the watched arrays and the constants; `along` are the
    directions, one for each watched array."""

    name: str
    title: str
    function: Callable[..., Any]
    watched: Arrays
    constants: Arrays = ()
    along: Arrays = ()


@dataclass(frozen=True)
class Way:
    """One way to the derivatives with a framework, as it is (eager) or compiled."""

    name: str
    framework: str
    build: Callable[[Any, Task], Call | None]
    compiled: bool = False


def layer(ops: Any, watched: Arrays, weight: Any, bias: Any) -> Any:
    """One dense layer with tanh."""
    return ops.tanh(watched[0] @ weight + bias)


def tasks() -> list[Task]:
    """All tasks, with the same inputs every time."""
    draw = np.random.default_rng(0)
    points = draw.random(20, np.float32) + np.float32(0.5)
    inputs, weight = (draw.standard_normal(s, np.float32) for s in ((32, 64), (64, 64)))
    bias = draw.standard_normal(64, np.float32)
    small, large = (
        dense_workload("", (10, 32, 10), 32),
        dense_workload("", (784, 512, 512, 10), 256),
    )
    along = [draw.standard_normal(w.shape, np.float32) for w in large.watched]
    return [
        Task("hessian", "Hessian of Rosenbrock in 20", rosenbrock, [points]),
        Task(
            "batch_jacobian",
            "batch Jacobian of tanh(x W + b), 64-64, batch 32",
            layer,
            [inputs],
            [weight / np.float32(8), bias],
        ),
        Task(
            "per_example",
            f"gradients of each example, {small.title}",
            small.loss,
            small.watched,
            small.constants,
        ),
        Task(
            "hvp",
            f"Hessian times vector, {large.title}",
            large.loss,
            large.watched,
            large.constants,
            along,
        ),
    ]


# gradtape and TensorFlow


def by_tapes(tf: Any, task: Task) -> Callable[..., list[Any]]:
    """A function of the watched tensors, the constants and the directions, made of tapes."""
    value = partial(task.function, tensorflow_like(tf))

    def gradient(watched: Any, *constants: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(watched)
            loss = value(watched, *constants)
        return tape.gradient(loss, watched)

    def hessian(watched: Any, constants: Any, along: Any) -> list[Any]:
        (x,) = watched
        with tf.GradientTape() as tape:
            tape.watch(x)
            (slope,) = gradient(watched)
        return [tape.jacobian(slope, x)]

    def batch_jacobian(watched: Any, constants: Any, along: Any) -> list[Any]:
        (x,) = watched
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = value(watched, *constants)
        return [tape.batch_jacobian(y, x)]

    def per_example(watched: Any, constants: Any, along: Any) -> list[Any]:
        def one(example: Any) -> Any:
            image, label = example
            return gradient(watched, image[None], label[None])

        return tf.vectorized_map(one, tuple(constants))

    def hvp(watched: Any, constants: Any, along: Any) -> list[Any]:
        with tf.autodiff.ForwardAccumulator(watched, along) as accumulator:
            slopes = gradient(watched, *constants)
        return accumulator.jvp(slopes)

    return locals()[task.name]


def tapes(tf: Any, task: Task, compiled: bool = False, jit_compile: bool | None = None) -> Call:
    """gradtape or TensorFlow, as it is or as `tf.function`."""
    function = by_tapes(tf, task)
    if compiled:
        function = tf.function(function, jit_compile=jit_compile)
    groups = [[tf.constant(a) for a in g] for g in (task.watched, task.constants, task.along)]

    def call() -> list[Any]:
        results = function(*groups)
        if hasattr(results[0], "buffer"):
            results[0].buffer.block_until_ready()
        return results

    return call


def gradtape_xla(tf: Any, task: Task) -> Call | None:
    """gradtape told to compile, where by default it runs the task on NumPy."""
    function = tf.function(by_tapes(tf, task))
    groups = [[tf.constant(a) for a in g] for g in (task.watched, task.constants, task.along)]
    compiles = function.get_concrete_function(*groups).callee.runner.compiles
    return None if compiles else tapes(tf, task, compiled=True, jit_compile=True)


# JAX and PyTorch


def by_transforms(
    task: Task, operations: Any, of: Any, vectorized: Any, hessian: Any
) -> Callable[..., Any]:
    """The task in function transformations, which JAX and torch.func call alike.

    `of` has `grad`, `jacrev` and `jvp`, `vectorized` is its vmap."""
    value = partial(task.function, operations)

    def gradient(watched: Any, *constants: Any) -> Any:
        return of.grad(lambda w: value(w, *constants))(watched)

    def second(watched: Any, constants: Any, along: Any) -> Any:
        return [hessian(lambda x: value([x]))(*watched)]

    def batch_jacobian(watched: Any, constants: Any, along: Any) -> Any:
        return [vectorized(of.jacrev(lambda x: value([x], *constants)))(*watched)]

    def per_example(watched: Any, constants: Any, along: Any) -> Any:
        def one(image: Any, label: Any) -> Any:
            return gradient(watched, image[None], label[None])

        return vectorized(one)(*constants)

    def hvp(watched: Any, constants: Any, along: Any) -> Any:
        slopes = lambda *w: tuple(gradient(list(w), *constants))
        return of.jvp(slopes, tuple(watched), tuple(along))[1]

    asked = {"hessian": second, "batch_jacobian": batch_jacobian, "per_example": per_example}
    return asked.get(task.name, hvp)


def jax(module: Any, task: Task, compiled: bool = False) -> Call:
    """JAX; each call waits until its results are there."""
    function = by_transforms(task, of_jax(module), module, module.vmap, module.hessian)
    if compiled:
        function = module.jit(function)
    groups = [
        [module.numpy.asarray(a) for a in g] for g in (task.watched, task.constants, task.along)
    ]

    def call() -> list[Any]:
        results = function(*groups)
        module.block_until_ready(results) if not compiled else results[0].block_until_ready()
        return list(results)

    return call


def pytorch(module: Any, task: Task, compiled: bool = False) -> Call:
    """PyTorch's `torch.func`."""
    module.compiler.reset()
    func = module.func
    function = by_transforms(task, of_torch(module), func, func.vmap, func.hessian)
    if compiled:
        function = module.compile(function)
    groups = [[module.tensor(a) for a in g] for g in (task.watched, task.constants, task.along)]
    return lambda: list(function(*groups))


WAYS = [
    Way("gradtape", "gradtape", tapes),
    Way("TensorFlow", "TensorFlow", tapes),
    Way("torch.func", "PyTorch", pytorch),
    Way("JAX", "JAX", jax),
    Way("gradtape function", "gradtape", partial(tapes, compiled=True), True),
    Way("gradtape XLA", "gradtape", gradtape_xla, True),
    Way("JAX jit", "JAX", partial(jax, compiled=True), True),
    Way("TensorFlow function", "TensorFlow", partial(tapes, compiled=True), True),
    Way("TensorFlow XLA", "TensorFlow", partial(tapes, compiled=True, jit_compile=True), True),
    Way("PyTorch compiled", "PyTorch", partial(pytorch, compiled=True), True),
]
