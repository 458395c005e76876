"""The verb of matrix products on XLA, and stacks of tiny matrices on a CPU."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from gradtape.graph.xp_jax_base import on_cpu, verb

TINY, MANY = 8, 16
LONG = 8


@verb
def dot(a: Any, b: Any) -> Any:
    """a @ b for two matrices.

    In a gradient of weights a is a transposed batch, which XLA lays out anew before it sums along
    the examples. Where b is the smaller one, that is laid out instead: for activations of (2560,
    256) and cotangents of (2560, 64) 1.3 ms of copying become 0.1.
    """
    if a.ndim == 2 == b.ndim and on_cpu():
        (rows, inner), columns = a.shape, b.shape[1]
        if inner >= LONG * rows and rows >= 2 * columns:
            return jnp.dot(b.T, a.T).T
    return jnp.dot(a, b)


@verb
def matmul(a: Any, b: Any) -> Any:
    """a @ b, with stacks of matrices in front of the last two axes.

    Tiny matrices as sums of products over all of a stack at once: ten thousand products of 4 x 4
    float32 matrices take XLA 4.5 ms, one call each, and 0.1 so; of 8 x 8 0.8 and 0.35.
    """
    if a.ndim < 3 or b.ndim < 3 or not on_cpu():
        return jnp.matmul(a, b)
    rows, inner, columns = *a.shape[-2:], b.shape[-1]
    stack = math.prod(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    tiny = inner > 0 and max(rows, inner, columns) <= TINY
    if stack < MANY or not tiny or a.dtype.kind not in "fc" or a.dtype.itemsize < 4:
        return jnp.matmul(a, b)
    total = a[..., :, :1] * b[..., :1, :]
    for k in range(1, inner):
        total = total + a[..., :, k : k + 1] * b[..., k : k + 1, :]
    return total
