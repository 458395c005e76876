"""Verbs of NumPy for reductions and scans along axes, with few passes and few temporaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.quick import quick
from gradtape.core.xp_numpy import verb
from gradtape.core.xp_numpy_indexing import checked
from gradtape.core.xp_numpy_special import defined, zero_wins

LOWEST = {np.dtype(kind): kind(np.finfo(kind).min) for kind in (np.float32, np.float64)}


def _wide(x: Any) -> Any:
    """16-bit floats as float32."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _narrow(x: Any, dtype: Any) -> Any:
    """x in the dtype; itself when it has it."""
    return x if x.dtype == dtype else x.astype(dtype)


def _shifted(x: Any, axis: int) -> Any:
    """x minus its largest element, as an array of its own; a row of -inf stays one."""
    largest = np.maximum.reduce(x, axis=axis, keepdims=True)
    return np.subtract(x, np.maximum(largest, LOWEST[x.dtype], out=largest))


def _exponentials(x: Any, axis: int) -> tuple[Any, Any]:
    """exp(x - max), an array of its own, and its sum, which is at least 1 but for a row of -inf."""
    e = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True))
    np.exp(e, out=e)
    total = np.add.reduce(e, axis=axis, keepdims=True)
    check = np.add.reduce(total, axis=None)
    if check == check:  # no row is all -inf: one look at the end in place of two on the way, 0.8 us
        return e, total
    e = _shifted(x, axis)
    np.exp(e, out=e)
    total = np.add.reduce(e, axis=axis, keepdims=True)
    return e, np.maximum(total, 1, out=total)


@verb
def softmax(x: Any, axis: int) -> Any:
    """exp(x) / sum(exp(x)); a row of -inf gives zeros."""
    if not x.size:
        return x.copy()
    e, total = _exponentials(_wide(x), axis)
    e /= total
    return e if e.dtype == x.dtype else e.astype(x.dtype)


@verb
def log_softmax(x: Any, axis: int) -> Any:
    """x - log(sum(exp(x))); a row of -inf gives -inf."""
    if not x.size:
        return x.copy()
    z = _shifted(_wide(x), axis)
    total = np.add.reduce(np.exp(z), axis=axis, keepdims=True)
    z -= np.log(np.maximum(total, 1, out=total))
    return z if z.dtype == x.dtype else z.astype(x.dtype)


@verb
def softmax_pull(ct: Any, out: Any, axis: int) -> Any:
    """out * (ct - sum(ct * out)), in which 0 wins over nan."""
    product = np.multiply(ct, out)
    total = np.add.reduce(product, axis=axis, keepdims=True)
    if not defined(total):
        total = np.add.reduce(zero_wins(product, ct, out), axis=axis, keepdims=True)
        rest = ct - total
        return zero_wins(rest * out, rest)
    np.subtract(ct, total, out=product)
    product *= out
    return product


@verb
def log_softmax_pull(ct: Any, out: Any, axis: int) -> Any:
    """ct - exp(out) * sum(ct), in which 0 wins over nan."""
    e = np.exp(out)
    total = np.add.reduce(ct, axis=axis, keepdims=True)
    e *= total
    return np.subtract(ct, zero_wins(e, total), out=e)


@verb
def softmax_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Cross entropy of the last axis, and the softmax; a label of 0 counts 0 even at -inf."""
    if not logits.size:
        return np.zeros(logits.shape[:-1], logits.dtype), logits.copy()
    dtype = logits.dtype
    labels, x = _wide(labels), _wide(logits)
    z = _shifted(x, -1)
    hit = np.einsum("...i,...i->...", labels, z)
    if np.isnan(hit).any():
        hit = np.where(labels == 0, labels.dtype.type(0), labels * z).sum(axis=-1)
    np.exp(z, out=z)
    total = np.maximum(np.add.reduce(z, axis=-1), 1)
    z /= total[..., None]
    loss = np.add.reduce(labels, axis=-1) * np.log(total) - hit
    return _narrow(loss, dtype), _narrow(z, dtype)


@verb
def softmax_loss_pull(ct: Any, probabilities: Any, labels: Any) -> Any:
    """ct * (probabilities * sum(labels) - labels), ct without the last axis."""
    g = probabilities * np.add.reduce(labels, axis=-1, keepdims=True)
    g -= labels
    product = g * ct[..., None]
    if defined(product):
        return product
    mass = np.add.reduce(labels, axis=-1, keepdims=True)
    g = zero_wins(probabilities * mass, mass) - labels
    return zero_wins(g * ct[..., None], ct[..., None], g)


@verb
def sparse_softmax_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    """Cross entropy of the last axis for integer labels, and the softmax."""
    if quick is not None and (found := quick.sparse_softmax_loss(labels, logits)) is not None:
        return found
    _check_labels(labels, logits.shape[-1])
    if not logits.size:
        return np.zeros(logits.shape[:-1], logits.dtype), logits.copy()
    z = _shifted(_wide(logits), -1)
    hit = _picked(z, labels)
    np.exp(z, out=z)
    total = np.maximum(np.add.reduce(z, axis=-1), 1)
    z /= total[..., None]
    loss = np.log(total) - hit
    return _narrow(loss, logits.dtype), _narrow(z, logits.dtype)


@verb
def sparse_softmax_loss_pull(ct: Any, probabilities: Any, labels: Any) -> Any:
    """ct * (probabilities - onehot(labels)), ct without the last axis."""
    if quick is not None:
        found = quick.sparse_softmax_loss_pull(ct, probabilities, labels)
        if found is not None:
            return found
    g = zero_wins(probabilities * ct[..., None], ct[..., None])
    flat = g.reshape(-1, g.shape[-1])
    flat[np.arange(len(flat)), labels.reshape(-1)] -= ct.reshape(-1)
    return flat.reshape(g.shape)


@verb
def pick_last(x: Any, labels: Any) -> Any:
    """x[..., labels[...]], of the last axis."""
    _check_labels(labels, x.shape[-1])
    return _picked(x, labels)


@verb
def place_last(values: Any, labels: Any, size: int) -> Any:
    """Zeros, with values at the places of the labels in a new last axis."""
    out = np.zeros((labels.size, size), values.dtype)
    out[np.arange(len(out)), labels.reshape(-1)] = values.reshape(-1)
    return out.reshape((*labels.shape, size))


def _picked(x: Any, labels: Any) -> Any:
    flat = x.reshape(labels.size, x.shape[-1])
    return flat[np.arange(len(flat)), labels.reshape(-1)].reshape(labels.shape)[()]


def _check_labels(labels: Any, classes: int) -> None:
    unsigned = labels.view(f"u{labels.dtype.itemsize}")  # in which negative numbers are large
    if labels.size and unsigned.max() >= classes:
        bad = int(labels.min() if labels.min() < 0 else labels.max())
        raise ValueError(f"label {bad} is not in [0, {classes}), the last axis of the logits")


@verb
def scan_sum(x: Any, axis: int, reverse: bool) -> Any:
    """The running sum."""
    return _running(np.add, x, axis, reverse)


@verb
def scan_product(x: Any, axis: int, reverse: bool) -> Any:
    """The running product."""
    return _running(np.multiply, x, axis, reverse)


@verb
def scan_logsumexp(x: Any, axis: int, reverse: bool) -> Any:
    """The running log(sum(exp(x)))."""
    return _running(np.logaddexp, x, axis, reverse)


def _running(ufunc: Any, x: Any, axis: int, reverse: bool) -> Any:
    wide = _wide(x) if x.dtype.kind not in "iu" else x
    if reverse:
        wide = np.flip(wide, axis)
    out = ufunc.accumulate(wide, axis=axis, dtype=wide.dtype)
    if reverse:
        out = np.ascontiguousarray(np.flip(out, axis))
    return out.astype(x.dtype, copy=False)


LOOP_FROM = 256  # elements of a place along the axis: from here a loop over places beats doubling


@verb
def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """r[i] = b[i] + a[i] r[i - 1] along an axis, from r[-1] = 0 (reverse: from the other end)."""
    dtype = b.dtype
    turned = slice(None, None, -1) if reverse else slice(None)
    a = np.moveaxis(_wide(a), axis, 0)[turned]
    r = np.array(np.moveaxis(_wide(b), axis, 0)[turned])
    n = len(r)
    if n < 32 or r[0].size >= LOOP_FROM:
        for i in range(1, n):
            r[i] += a[i] * r[i - 1]
    else:
        _double(np.array(a), r)
    if not defined(r):  # again, with care: 0 in r wins over what is infinite in a
        r = np.array(np.moveaxis(_wide(b), axis, 0)[turned])
        for i in range(1, n):
            r[i] += zero_wins(a[i] * r[i - 1], r[i - 1])
    return np.ascontiguousarray(np.moveaxis(r[turned], 0, axis)).astype(dtype, copy=False)


def _double(a: Any, r: Any) -> None:
    """The recurrence in log2(n) steps: after each, a place holds twice as many terms."""
    step = 1
    while step < len(r):
        r[step:] += a[step:] * r[:-step]
        a[step:] = a[step:] * a[:-step]
        step *= 2


@verb
def product_rows(values: Any, indices: Any, count: int) -> Any:
    """An array of `count` rows: ones, by which values[i] is multiplied at row indices[i]."""
    wide = values if values.dtype.kind in "iu" else _wide(values)
    total = np.ones((count, *values.shape[1:]), wide.dtype)
    np.multiply.at(total, checked(indices, count), wide)
    return total.astype(values.dtype, copy=False)
