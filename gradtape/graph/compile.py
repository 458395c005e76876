"""From a program to machine code, by XLA: the kernels of its operations run once on JAX's tracers.

JAX is the door to XLA and nothing else. 64-bit types are switched on around tracing and calling, in
this thread and for our arrays alone; a user's own settings of JAX stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

import gradtape.graph.xp_jax  # noqa: F401  the verbs
from gradtape.graph.lines import as_function
from gradtape.graph.program import Program
from gradtape.graph.xp_jax_base import xp

wide = jax.enable_x64


def compiled(program: Program, donated: Sequence[int] = ()) -> Any:
    """The program as a compiled function of arrays, which returns a tuple of device buffers.

    Args:
        donated: the numbers of the inputs whose memory the outputs may take over.
    """
    program.constants = {v: _broadcast(a) for v, a in program.constants.items()}
    if not program.open:
        run = as_function(program)

        def kernels(*arrays: Any) -> Any:
            return run(xp, *arrays)

    else:

        def kernels(*arrays: Any) -> Any:
            known = program.sizes([a.shape for a in arrays])
            return as_function(program, known)(xp, *arrays)

    return jax.jit(kernels, donate_argnums=tuple(donated))


def _broadcast(array: Any) -> Any:
    """A constant of one number as a view of that number, which XLA never stores in full."""
    array = np.asarray(array)
    if array.size > 16 and (array == (first := array.flat[0])).all():
        return np.broadcast_to(np.asarray(first, array.dtype), array.shape)
    return array


def copy(buffer: Any) -> Any:
    """A buffer of its own with the same contents."""
    with wide():
        return jax.numpy.copy(buffer)
