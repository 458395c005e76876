"""From a program to machine code, by XLA: the kernels of its operations run once on JAX's tracers.

JAX is the door to XLA and nothing else. 64-bit types are switched on around tracing and calling, in
this thread and for our arrays alone; a user's own settings of JAX stay as they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

import gradtape.graph.xp_jax  # noqa: F401  the verbs
from gradtape.core import allocator
from gradtape.core.products import products
from gradtape.graph.lines import runnable
from gradtape.graph.miscompiled import APART, suspicious
from gradtape.graph.program import Program
from gradtape.graph.xp_jax_base import on_cpu, xp
from gradtape.graph.xp_jax_effects import noting
from gradtape.graph.xp_jax_transposing import remembering

wide = jax.enable_x64
WIDE = {"float64", "int64", "uint64", "complex128"}
VECTORS = "xla_cpu_prefer_vector_width"
DEVICES = "jax_num_cpu_devices"  # JAX's setting that may change only before there are devices
CALLBACK = "python_cpu_callback"  # in the text of machine code that calls Python


def compiled(program: Program, donated: Sequence[int], failures: list[Exception]) -> Any:
    """The program as a compiled function of arrays, which returns a tuple of device buffers.

    Args:
        donated: the numbers of the inputs whose memory the outputs may take over.
        failures: where exceptions of Python functions that it calls are noted.
    """
    program.constants = {v: _broadcast(a) for v, a in program.constants.items()}

    def kernels(*arrays: Any) -> Any:
        with noting(failures), remembering():
            return runnable(xp, program, arrays)(*arrays)

    unseen = program.open or program.effect or len(devices()) > 1  # not compiled by `fixed`
    options = whole_vectors() | products_apart() if unseen and on_cpu() else None
    return jax.jit(kernels, donate_argnums=tuple(donated), compiler_options=options)


@cache
def products_apart() -> dict[str, str]:
    """The options for programs whose text nobody looks at."""
    return _known(APART)


@cache
def whole_vectors() -> dict[str, str]:
    """The option for vectors of 512 bits, where the processor has them and the user sets no other:
    XLA takes 256. (The gradient of five functions of a million numbers: 5.8 ms, and 4.4 so; a
    network with convolutions 10.6 and 9.6; products of matrices as before.)"""
    if VECTORS in os.environ.get("XLA_FLAGS", "") or getattr(products, "bits", 0) < 512:
        return {}
    return _known({VECTORS: "512"})


def _known(options: dict[str, str]) -> dict[str, str]:
    """The options, none where XLA does not know them."""
    try:
        jax.jit(lambda: np.float32(0), compiler_options=options)()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def fixed(jitted: Any, program: Program) -> Any:
    """A compiled program as a call for its own shapes on the only device, None where there are
    several: JAX then looks up neither the trace nor the 64-bit setting (1 us of 6)."""
    if len(devices()) > 1:
        return None
    with wide():
        specs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.inputs]
        lowered = jitted.lower(*specs)
        options = whole_vectors() if on_cpu() else {}
        code = lowered.compile(compiler_options=options)
        text = code.as_text()
        if suspicious(text):
            code = lowered.compile(compiler_options=options | APART)
    keep_memory(code)
    narrow = all([v.dtype.name not in WIDE for v in program.inputs])
    if narrow and CALLBACK not in text:
        return code.__call__  # a bound method starts 0.15 us sooner than an object

    def call(*arrays: Any) -> Any:
        with wide():  # else JAX narrows what NumPy and functions on the host hand over
            return code(*arrays)

    return call


def keep_memory(code: Any) -> None:
    """Let the working memory of compiled code stay with the process where that is the host's."""
    used = code.memory_analysis() if on_cpu() else None
    if used is not None:
        allocator.keep(used.temp_size_in_bytes)


def _broadcast(array: Any) -> Any:
    """A constant of one number as a view of that number, which XLA never stores in full."""
    array = np.asarray(array)
    if array.size > 16 and (array == (first := array.flat[0])).all():
        return np.broadcast_to(np.asarray(first, array.dtype), array.shape)
    return array


def finish(buffers: Any) -> None:
    """Wait until a program is done, with everything that it calls."""
    jax.block_until_ready(buffers)
    jax.effects_barrier()


def copy(buffer: Any) -> Any:
    """A buffer of its own with the same contents."""
    with wide():
        return jax.numpy.copy(buffer)


def devices() -> list[tuple[str, int]]:
    """Kind and number of every device, the CPU among them."""
    found = {(d.platform.upper(), d.id) for d in jax.devices()}
    found |= {("CPU", d.id) for d in jax.devices("cpu")}
    return sorted(found)


def device(kind: str, number: int) -> Any:
    """The device of a kind with a number, None where there is none."""
    try:
        found = jax.devices(kind.lower())
    except RuntimeError:
        return None
    return next((d for d in found if d.id == number), None)


def on_device(target: Any, arrays: Sequence[Any]) -> list[Any]:
    """The arrays on a device."""
    return [jax.device_put(a, target) for a in arrays]


def started() -> bool:
    """Whether XLA has its devices already, and its threads: then their number is settled."""
    before = getattr(jax.config, DEVICES)
    try:
        jax.config.update(DEVICES, 1 if before != 1 else 2)
    except RuntimeError:
        return True
    jax.config.update(DEVICES, before)
    return False


def keep_programs(directory: str | None) -> None:
    """Keep compiled programs in a directory, or no more."""
    jax.config.update("jax_compilation_cache_dir", directory)
    if directory is not None:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()
