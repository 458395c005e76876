"""Verbs of jax.numpy for reductions along axes: XLA fuses the passes itself."""

from __future__ import annotations

from math import prod
from typing import Any

import jax.numpy as jnp

from gradtape.graph.xp_jax_base import on_cpu, verb
from gradtape.graph.xp_jax_indexing import checked
from gradtape.graph.xp_jax_special import zero_wins


def _extreme(method: str) -> Any:
    """A maximum or minimum that is not a number where one is in it: XLA's for a CPU loses it from
    4096 elements on (jaxlib 0.10).

    The sum of absolute values tells, which nothing else makes not a number; it takes half the time
    of asking every element (a million float32 0.40 ms so, 0.22 ms by the sum).
    """
    library = getattr(jnp, method)

    def found(x: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        extreme = library(x, axis=axis, keepdims=keepdims, **options)
        if not on_cpu() or not jnp.issubdtype(x.dtype, jnp.floating):
            return extreme
        total = jnp.sum(jnp.abs(x), axis=axis, keepdims=keepdims)
        return jnp.where(total != total, total, extreme)

    found.__name__ = method
    return verb(found)


_extreme("max")
_extreme("min")


def _wide(x: Any) -> Any:
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


def _shifted(x: Any, axis: int) -> Any:
    if not x.size:
        return x
    largest = jnp.max(x, axis=axis, keepdims=True)
    return x - jnp.maximum(largest, jnp.finfo(x.dtype).min)


def _total(e: Any, axis: int) -> Any:
    return jnp.maximum(jnp.sum(e, axis=axis, keepdims=True), 1)


@verb
def softmax(x: Any, axis: int) -> Any:
    """exp(x) / sum(exp(x)); a row of -inf gives zeros."""
    e = jnp.exp(_shifted(_wide(x), axis))
    return (e / _total(e, axis)).astype(x.dtype)


@verb
def log_softmax(x: Any, axis: int) -> Any:
    """x - log(sum(exp(x))); a row of -inf gives -inf."""
    z = _shifted(_wide(x), axis)
    return (z - jnp.log(_total(jnp.exp(z), axis))).astype(x.dtype)


@verb
def softmax_pull(ct: Any, out: Any, axis: int) -> Any:
    """out * (ct - sum(ct * out)), in which 0 wins over nan."""
    rest = ct - jnp.sum(zero_wins(ct * out, ct, out), axis=axis, keepdims=True)
    return zero_wins(out * rest, rest)


@verb
def log_softmax_pull(ct: Any, out: Any, axis: int) -> Any:
    """ct - exp(out) * sum(ct), in which 0 wins over nan."""
    total = jnp.sum(ct, axis=axis, keepdims=True)
    return ct - zero_wins(jnp.exp(out) * total, total)


@verb
def softmax_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Cross entropy of the last axis, and the softmax; a label of 0 counts 0 even at -inf."""
    weights, z = _wide(labels), _shifted(_wide(logits), -1)
    e = jnp.exp(z)
    total = _total(e, -1)
    hit = jnp.where(weights == 0, 0, weights * z).sum(axis=-1)
    loss = weights.sum(axis=-1) * jnp.log(total[..., 0]) - hit
    return loss.astype(logits.dtype), (e / total).astype(logits.dtype)


@verb
def softmax_loss_pull(ct: Any, probabilities: Any, labels: Any) -> Any:
    """ct * (probabilities * sum(labels) - labels), ct without the last axis."""
    mass = labels.sum(axis=-1, keepdims=True)
    slope = zero_wins(probabilities * mass, mass) - labels
    return zero_wins(ct[..., None] * slope, ct[..., None], slope)


@verb
def sparse_softmax_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Cross entropy for integer labels, nan where one is out of range, and the softmax."""
    z = _shifted(_wide(logits), -1)
    e = jnp.exp(z)
    total = _total(e, -1)
    loss = jnp.log(total[..., 0]) - pick_last(z, labels)
    return loss.astype(logits.dtype), (e / total).astype(logits.dtype)


@verb
def sparse_softmax_loss_pull(ct: Any, probabilities: Any, labels: Any) -> Any:
    """ct * (probabilities - onehot(labels)), ct without the last axis."""
    given = zero_wins(ct[..., None] * probabilities, ct[..., None])
    place = scattered if on_cpu() and probabilities.size <= FEW_PLACES else place_last
    return given - place(ct, labels, probabilities.shape[-1])


@verb
def pick_last(x: Any, labels: Any) -> Any:
    """x[..., labels[...]], of the last axis; nan for a label out of range."""
    picked = jnp.where(_hits(labels, x.shape[-1]), x, 0).sum(axis=-1)
    valid = (labels >= 0) & (labels < x.shape[-1])
    return jnp.where(valid, picked, jnp.array(jnp.nan, x.dtype))


@verb
def place_last(values: Any, labels: Any, size: int) -> Any:
    """Zeros, with values at the places of the labels in a new last axis."""
    return jnp.where(_hits(labels, size), values[..., None], jnp.zeros((), values.dtype))


# What needs neither weights nor activations can be done beside the first product of a network, and
# wakes the threads that help with it; fused with what comes later it cannot. (The dense network
# 784-512-512-10, batch of 256: 6.5 ms, and 5.9 so.)
FEW_PLACES = 1 << 16


def scattered(values: Any, labels: Any, size: int) -> Any:
    """`place_last` as a piece of code of its own."""
    count = prod(labels.shape)
    places = jnp.arange(count), checked(jnp.reshape(labels, count), size)
    found = (
        jnp.zeros((count, size), values.dtype).at[places].set(values.reshape(count), mode="drop")
    )
    return found.reshape((*labels.shape, size))


def _hits(labels: Any, size: int) -> Any:
    return jnp.asarray(labels)[..., None] == jnp.arange(size)


@verb
def product_rows(values: Any, indices: Any, count: int) -> Any:
    """An array of `count` rows: ones, by which values[i] is multiplied at row indices[i]."""
    wide = values if values.dtype.kind in "iu" else _wide(values)
    ones = jnp.ones((count, *values.shape[1:]), wide.dtype)
    return ones.at[checked(indices, count)].multiply(wide, mode="drop").astype(values.dtype)
