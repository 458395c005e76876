"""Who takes part in the compiled workloads, and how each is asked for a compiled step.

A step is a call without arguments that returns what the task asks for, once it is computed: a list
of the value and all gradients, or one tensor. XLA's calls return before that; the results of one
call are there all at once, so that waiting for the first is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compiled_operations import of_jax, of_torch, reshaped_pool, tensorflow_like
from benchmarks.compiled_workloads import Task

Step = Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """One way to a compiled step with a framework, at all tasks or at the one named.

    `build` gives None where the way would be no other than an earlier one. It traces the task where
    the way `traces`; everything else that compiling takes happens at the first step.
    """

    name: str
    framework: str
    build: Callable[[Any, Task], Step | None]
    only: str | None = None
    traces: bool = True


def recorded(tf: Any, task: Task, jit_compile: bool | None = None) -> tuple[Any, list[Any]]:
    """The task as a traced `tf.function` with its tapes inside, and the arguments of a call.

    Variables are taken from around the function, other watched tensors are arguments.
    """
    operations = tensorflow_like(tf)
    variables = [tf.Variable(array) for array in task.watched] if task.variables else []
    given = [] if task.variables else [tf.constant(array) for array in task.watched]
    count = len(given)

    def value(x: Any) -> Any:
        return task.loss(operations, [x])

    def gradient(*arguments: Any) -> list[Any]:
        watched, constants = variables or list(arguments[:count]), arguments[count:]
        with tf.GradientTape() as tape:
            if not task.variables:
                tape.watch(watched)
            loss = task.loss(operations, watched, *constants)
        return [loss, *tape.gradient(loss, watched)]

    def hessian(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, slope = gradient(x)
        return tape.jacobian(slope, x)

    asked = {"value": value, "gradient": gradient, "hessian": hessian}[task.asked]
    arguments = [*given, *[tf.constant(array) for array in task.constants]]
    function = tf.function(asked, jit_compile=jit_compile)
    function.get_concrete_function(*arguments)
    return function, arguments


def tensorflow(tf: Any, task: Task, jit_compile: bool | None = None) -> Step:
    """TensorFlow, whose calls return when everything is computed."""
    function, arguments = recorded(tf, task, jit_compile)
    return partial(function, *arguments)


def gradtape(tf: Any, task: Task, jit_compile: bool | None = None) -> Step:
    """gradtape; what XLA computes is waited for."""
    function, arguments = recorded(tf, task, jit_compile)

    def step() -> Any:
        results = function(*arguments)
        first = results[0] if task.asked == "gradient" else results
        if hasattr(first, "buffer"):
            first.buffer.block_until_ready()
        return results

    return step


def gradtape_xla(tf: Any, task: Task) -> Step | None:
    """gradtape told to compile, where by default it runs the task on NumPy."""
    function, arguments = recorded(tf, task)
    compiles = function.get_concrete_function(*arguments).callee.runner.compiles
    return None if compiles else gradtape(tf, task, jit_compile=True)


def jax_jit(jax: Any, task: Task, pool: Callable[[Any], Any] | None = None) -> Step:
    """JAX; `pool` takes the place of its pooling."""
    jax.config.update("jax_enable_x64", task.wide)
    operations = of_jax(jax)
    operations.pool = pool or operations.pool
    loss = partial(task.loss, operations)
    watched = [jax.numpy.asarray(array) for array in task.watched]
    constants = [jax.numpy.asarray(array) for array in task.constants]
    if task.asked == "gradient":
        both = jax.jit(jax.value_and_grad(loss))
        both.lower(watched, *constants)

        def gradient() -> list[Any]:
            value, gradients = both(watched, *constants)
            return [value.block_until_ready(), *gradients]

        return gradient
    wrap = jax.hessian if task.asked == "hessian" else lambda function: function
    single = jax.jit(wrap(lambda x: loss([x])))
    single.lower(*watched)
    return lambda: single(*watched).block_until_ready()


def jax_reshaped(jax: Any, task: Task) -> Step:
    """JAX with the pooling whose derivative is cheaper."""
    return jax_jit(jax, task, reshaped_pool(jax))


def pytorch(torch: Any, task: Task, compiles: bool = False) -> Step:
    """PyTorch's autograd of the loss, or of what torch.compile made of it.

    torch.compile unrolls loops; of a lengthy one the step alone is compiled. It gives up on a
    function, its own wrapper among them, after eight programs, unless it is told to forget them.
    """
    torch.compiler.reset()
    loss = partial(task.loss, of_torch(torch, compiles and task.lengthy))
    wrap = torch.compile if compiles and not task.lengthy else lambda function: function
    watched = [in_torch(torch, array, filters=True) for array in task.watched]
    constants = [in_torch(torch, array) for array in task.constants]
    if task.asked == "gradient":
        return torch_gradient(torch, wrap(loss), watched, constants)
    derive = torch.func.hessian if task.asked == "hessian" else lambda function: function
    return partial(wrap(derive(lambda x: loss([x]))), *watched)


def torch_gradient(torch: Any, loss: Callable[..., Any], watched: Any, constants: Any) -> Step:
    """The value and gradients of a loss; gradients of filters get the layout of the others."""
    for tensor in watched:
        tensor.requires_grad_()

    def step() -> list[Any]:
        value = loss(watched, *constants)
        gradients = torch.autograd.grad(value, watched)
        return [value, *[g.permute(2, 3, 1, 0) if g.ndim == 4 else g for g in gradients]]

    return step


def in_torch(torch: Any, array: Any, filters: bool = False) -> Any:
    """An array as a tensor; images become NCHW and filters OIHW, with the channels last in memory,
    which is faster here than the default."""
    tensor = torch.tensor(array)
    if tensor.ndim < 4:
        return tensor
    order = (3, 2, 0, 1) if filters else (0, 3, 1, 2)
    return tensor.permute(order).contiguous(memory_format=torch.channels_last)


def torch_module(torch: Any, task: Task) -> Step:
    """PyTorch's own LSTM, which holds the transposed matrices and a second bias."""
    inward, across, bias = task.watched
    inputs, start = map(torch.tensor, task.constants)
    module = torch.nn.LSTM(inputs.shape[2], start.shape[1])
    *watched, second = module.parameters()
    with torch.no_grad():
        for parameter, array in zip(watched, (inward.T, across.T, bias), strict=True):
            parameter.copy_(torch.tensor(array))
        second.zero_()

    def step() -> list[Any]:
        _, (hidden, _) = module(inputs, (start[None], start[None]))
        value = torch.mean(hidden**2)
        of_inward, of_across, of_bias = torch.autograd.grad(value, watched)
        return [value, of_inward.T, of_across.T, of_bias]

    return step


@contextmanager
def fresh_caches() -> Iterator[None]:
    """Let torch.compile begin with an empty cache, as all others do in a new process."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        yield


WAYS = [
    Way("gradtape", "gradtape", gradtape),
    Way("gradtape XLA", "gradtape", gradtape_xla),
    Way("JAX", "JAX", jax_jit),
    Way("JAX, max of a reshape", "JAX", jax_reshaped, only="cnn"),
    Way("TensorFlow", "TensorFlow", tensorflow),
    Way("TensorFlow XLA", "TensorFlow", partial(tensorflow, jit_compile=True)),
    Way("PyTorch", "PyTorch", pytorch, traces=False),
    Way("PyTorch compiled", "PyTorch", partial(pytorch, compiles=True), traces=False),
    Way("PyTorch nn.LSTM", "PyTorch", torch_module, only="lstm", traces=False),
]


def ways(task: Task, frameworks: Container[str]) -> list[Way]:
    """The ways of these frameworks to a task."""
    return [w for w in WAYS if w.framework in frameworks and w.only in (None, task.name)]
