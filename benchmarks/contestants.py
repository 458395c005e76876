"""The frameworks: what each calls its operations, and how each is asked for derivatives."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.workloads import Arrays, Workload

BY_HAND = "by hand"
MODULES = {
    "gradtape": "gradtape",
    "TensorFlow": "tensorflow",
    "PyTorch": "torch",
    "JAX": "jax",
    "autograd": "autograd",
}


@dataclass(frozen=True)
class Contestant:
    """One framework at one workload: calls for the value alone and for the derivative.

    The derivative of a gradient workload is a list of the value and all gradients.
    """

    name: str
    value: Callable[[], Any]
    derivative: Callable[[], list[Any]]


def optional(name: str) -> ModuleType | None:
    """Import the module of a contestant, quietly and for the processor only; None if absent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        return import_module(MODULES[name])
    except ImportError:
        return None


def present(names: list[str]) -> tuple[dict[str, ModuleType], list[str]]:
    """The contestants that can be imported, and the names of those that cannot."""
    found = {name: optional(name) for name in names}
    modules = {name: module for name, module in found.items() if module is not None}
    return modules, [name for name in names if name not in modules]


def by_hand(work: Workload) -> Contestant:
    """The workload's own NumPy code."""
    inputs = (work.watched, *work.constants)
    return Contestant(
        BY_HAND,
        partial(work.value_by_hand, *inputs),
        partial(work.derivative_by_hand, *inputs),
    )


def tape_operations(tf: Any) -> SimpleNamespace:
    """The operations as TensorFlow's interface names them."""

    def entropy(logits: Any, labels: Any) -> Any:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return tf.reduce_mean(losses)

    return SimpleNamespace(sin=tf.sin, sum=tf.reduce_sum, relu=tf.nn.relu, entropy=entropy)


def tape(name: str, tf: Any, work: Workload) -> Contestant:
    """A framework with TensorFlow's gradient tape: TensorFlow itself, or gradtape."""
    make = tf.Variable if work.variables else tf.constant
    watched = [make(array) for array in work.watched]
    constants = [tf.constant(array) for array in work.constants]
    value = partial(work.loss, tape_operations(tf), watched, *constants)

    def gradient() -> list[Any]:
        with tf.GradientTape() as recording:
            if not work.variables:
                recording.watch(watched)
            loss = value()
        return [loss, *recording.gradient(loss, watched)]

    def hessian() -> list[Any]:
        (x,) = watched
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = value()
            slope = inner.gradient(loss, x)
        return [outer.jacobian(slope, x)]

    return Contestant(name, value, hessian if work.derivative == "hessian" else gradient)


def pytorch(name: str, torch: Any, work: Workload) -> Contestant:
    """PyTorch's eager autograd; the value alone is computed on tensors that need no gradient."""
    functional = torch.nn.functional
    operations = SimpleNamespace(
        sin=torch.sin, sum=torch.sum, relu=torch.relu, entropy=functional.cross_entropy
    )
    plain = [torch.tensor(array) for array in work.watched]
    watched = [tensor.clone().requires_grad_() for tensor in plain]
    constants = [torch.tensor(array) for array in work.constants]
    second = torch.func.hessian(lambda x: work.loss(operations, [x], *constants))

    def gradient() -> list[Any]:
        loss = work.loss(operations, watched, *constants)
        return [loss, *torch.autograd.grad(loss, watched)]

    def hessian() -> list[Any]:
        return [second(*plain)]

    value = partial(work.loss, operations, plain, *constants)
    return Contestant(name, value, hessian if work.derivative == "hessian" else gradient)


def jax_operations(jax: Any) -> SimpleNamespace:
    """The operations as JAX names them."""

    def entropy(logits: Any, labels: Any) -> Any:
        logs = jax.nn.log_softmax(logits)
        return -jax.numpy.mean(logs[jax.numpy.arange(len(labels)), labels])

    return SimpleNamespace(sin=jax.numpy.sin, sum=jax.numpy.sum, relu=jax.nn.relu, entropy=entropy)


def jax_eager(name: str, jax: Any, work: Workload, compiled: bool = False) -> Contestant:
    """JAX operation by operation, or compiled; each call waits until its results are there."""
    wrap = jax.jit if compiled else lambda function: function
    watched = [jax.numpy.asarray(array) for array in work.watched]
    constants = [jax.numpy.asarray(array) for array in work.constants]
    loss = partial(work.loss, jax_operations(jax))
    value, both = wrap(loss), wrap(jax.value_and_grad(loss))
    second = wrap(jax.hessian(lambda x: loss([x], *constants)))

    def gradient() -> list[Any]:
        found, gradients = jax.block_until_ready(both(watched, *constants))
        return [found, *gradients]

    def hessian() -> list[Any]:
        return [jax.block_until_ready(second(*watched))]

    return Contestant(
        name,
        lambda: jax.block_until_ready(value(watched, *constants)),
        hessian if work.derivative == "hessian" else gradient,
    )


def autograd_operations() -> SimpleNamespace:
    """The operations as HIPS autograd names them."""
    anp = import_module("autograd.numpy")
    logsumexp = import_module("autograd.scipy.special").logsumexp

    def entropy(logits: Any, labels: Any) -> Any:
        picked = logits[np.arange(len(labels)), labels]
        return anp.mean(logsumexp(logits, axis=1) - picked)

    return SimpleNamespace(
        sin=anp.sin, sum=anp.sum, relu=lambda x: anp.maximum(x, 0), entropy=entropy
    )


def autograd(name: str, module: Any, work: Workload) -> Contestant:
    """HIPS autograd on the same NumPy arrays."""
    loss = partial(work.loss, autograd_operations())
    both = module.value_and_grad(loss)
    second = module.hessian(lambda x: loss([x], *work.constants))

    def gradient() -> list[Any]:
        found, gradients = both(work.watched, *work.constants)
        return [found, *gradients]

    def hessian() -> list[Any]:
        return [second(*work.watched)]

    value = partial(loss, work.watched, *work.constants)
    return Contestant(name, value, hessian if work.derivative == "hessian" else gradient)


BUILDERS: dict[str, Callable[[str, Any, Workload], Contestant]] = {
    "gradtape": tape,
    "TensorFlow": tape,
    "PyTorch": pytorch,
    "JAX": jax_eager,
    "autograd": autograd,
}


def contestants(work: Workload, modules: dict[str, ModuleType]) -> list[Contestant]:
    """NumPy by hand and every present framework; for the Hessian also JAX compiled."""
    built = [by_hand(work)]
    built += [BUILDERS[name](name, module, work) for name, module in modules.items()]
    if work.derivative == "hessian" and "JAX" in modules:
        built.append(jax_eager("JAX compiled", modules["JAX"], work, compiled=True))
    return built


def as_arrays(results: Arrays) -> list[np.ndarray[Any, Any]]:
    """The results of any framework as NumPy arrays."""
    return [np.asarray(x.detach() if hasattr(x, "detach") else x) for x in results]


def check_agreement(results: Mapping[str, Arrays], tolerance: float = 1e-4) -> None:
    """Raise an AssertionError unless all contestants have the numbers of the first."""
    (_, first), *others = results.items()
    wanted = as_arrays(first)
    for name, got in others:
        for found, expected in zip(as_arrays(got), wanted, strict=True):
            near_zero = 0.1 * tolerance * np.max(np.abs(expected))
            np.testing.assert_allclose(
                found, expected, tolerance, near_zero, err_msg=f"{name} disagrees"
            )
