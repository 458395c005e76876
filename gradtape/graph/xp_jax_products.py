"""The verbs of products on XLA: which factor is laid out anew, and stacks of tiny matrices."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from gradtape.graph import xp_jax_calls
from gradtape.graph.xp_jax_base import on_cpu, verb
from gradtape.graph.xp_jax_transposing import source

TINY, MANY = 8, 16
LONG = 8


@verb
def einsum(spec: str, a: Any, b: Any) -> Any:
    """The contraction of two tensors.

    In a gradient of weights both are laid out along all examples, and XLA lays out the first one
    anew before it sums. Where the second one is smaller it comes first: for activations of (2560,
    256) and cotangents of (2560, 64) 1.3 ms of copying become 0.1.
    """
    left, right, out = spec.replace("->", ",").split(",")
    found = _handed_over(left, right, out, a, b)
    if found is not None:
        return found
    summed = set(left) & set(right) - set(out)
    apart = not set(left) & set(right) & set(out)
    rows, columns, inner = (
        math.prod([n for c, n in zip(term, x.shape, strict=True) if (c in summed) is within])
        for term, x, within in ((left, a, False), (right, b, False), (left, a, True))
    )
    if apart and rows >= 2 * columns and inner >= LONG * rows and on_cpu():
        turned = [c for c in right + left if c not in summed]
        found = jnp.einsum(f"{right},{left}->{''.join(turned)}", b, a)
        return jnp.transpose(found, [turned.index(c) for c in out])
    return jnp.einsum(spec, a, b)


@verb
def dot(a: Any, b: Any) -> Any:
    """a @ b, of two matrices."""
    found = _handed_over_matrices(a, b)
    return jnp.dot(a, b) if found is None else found


@verb
def matmul(a: Any, b: Any) -> Any:
    """a @ b, with stacks of matrices in front of the last two axes.

    Tiny matrices as sums of products over all of a stack at once: ten thousand products of 4 x 4
    float32 matrices take XLA 4.5 ms, one call each, and 0.1 so; of 8 x 8 0.8 and 0.35.
    """
    found = _handed_over_matrices(a, b)
    if found is not None:
        return found
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


def _handed_over_matrices(a: Any, b: Any) -> Any:
    """The product by machine code of ours, or None."""
    rank = a.ndim
    if rank < 2 or b.ndim != rank or a.shape[:-2] != b.shape[:-2]:
        return None
    swapped = (*range(rank - 2), rank - 1, rank - 2)
    (left, left_axes), (right, right_axes) = source(a), source(b)
    turned = left_axes == swapped, right_axes == swapped
    left, right = left if turned[0] else a, right if turned[1] else b
    found = xp_jax_calls.matmul(_stack(left), _stack(right), turned)
    return None if found is None else found.reshape(*a.shape[:-1], b.shape[-1])


def _stack(matrices: Any) -> Any:
    """Matrices with one axis before their own."""
    return matrices.reshape(math.prod(matrices.shape[:-2]), *matrices.shape[-2:])


def _handed_over(left: str, right: str, out: str, a: Any, b: Any) -> Any:
    """A contraction that is one product of matrices as its factors lie, by machine code of ours, or
    None.
    """
    shared = [c for c in out if c in left and c in right]
    mine, other = [c for c in out if c not in right], [c for c in out if c not in left]
    if out == "".join([*shared, *other, *mine]):
        left, right, a, b, mine, other = right, left, b, a, other, mine
    elif out != "".join([*shared, *mine, *other]):
        return None
    summed = [c for c in left if c not in out]
    orders = [
        ["".join([*shared, *own, *summed]), "".join([*shared, *summed, *own])]
        for own in (mine, other)
    ]
    if not summed or left not in orders[0] or right not in orders[1]:
        return None
    sizes = dict(zip(left + right, (*a.shape, *b.shape), strict=True))
    count, rows, columns, depth = (
        math.prod([sizes[c] for c in labels]) for labels in (shared, mine, other, summed)
    )
    turned = left != orders[0][0], right == orders[1][0]
    first = a.reshape(count, *((depth, rows) if turned[0] else (rows, depth)))
    second = b.reshape(count, *((columns, depth) if turned[1] else (depth, columns)))
    found = xp_jax_calls.matmul(first, second, turned)
    return None if found is None else found.reshape([sizes[c] for c in out])
