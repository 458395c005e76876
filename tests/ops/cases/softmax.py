"""Rows of the softmax family and of cross entropies."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from tests.ops.case import FLOATS, HALVES, Case

FLOATING = FLOATS + HALVES
ROWS = [(2, 3, 4)]


def double(x: Any) -> Any:
    return x.astype(np.float64)


def softmax(x: Any, axis: int) -> Any:
    return scipy.special.softmax(double(x), axis=axis) if x.size else double(x)


def log_softmax(x: Any, axis: int) -> Any:
    return scipy.special.log_softmax(double(x), axis=axis) if x.size else double(x)


def jacobian(y: Any) -> Any:
    return np.diag(y) - np.outer(y, y)


def softmax_pull(v: Any, y: Any, axis: int) -> Any:
    rows = np.moveaxis(double(v), axis, -1), np.moveaxis(double(y), axis, -1)
    flat = [r.reshape(-1, v.shape[axis]) for r in rows]
    out = np.array([jacobian(b) @ a for a, b in zip(*flat, strict=True)])
    return np.moveaxis(out.reshape(rows[0].shape), -1, axis)


def log_softmax_pull(v: Any, y: Any, axis: int) -> Any:
    return double(v) - np.exp(double(y)) * np.sum(double(v), axis=axis, keepdims=True)


def dense_loss(labels: Any, logits: Any) -> Any:
    logp = log_softmax(logits, -1)
    return -np.sum(double(labels) * logp, axis=-1), np.exp(logp)


def sparse_loss(labels: Any, logits: Any) -> Any:
    return dense_loss(np.eye(logits.shape[-1])[labels], logits)


def dense_pull(ct: Any, y: Any, labels: Any) -> Any:
    labels = double(labels)
    return double(ct)[..., None] * (double(y) * labels.sum(-1, keepdims=True) - labels)


def sparse_pull(ct: Any, y: Any, labels: Any) -> Any:
    return dense_pull(ct, y, np.eye(y.shape[-1])[labels])


def classes(rng: np.random.Generator) -> Any:
    return rng.integers(0, 4, (2, 3))


CASES = [
    *[
        Case(name, ROWS, f, {"axis": axis}, dtypes=FLOATING, domain=(-5.0, 5.0), variants=[[(0, 3, 4)], [(2, 3, 0)]] if axis == 2 else [], label=f"axis{axis}")
        for name, f in (("softmax", softmax), ("log_softmax", log_softmax))
        for axis in (2, 1)
    ],
    *[
        Case(name, [(3, 4), (3, 4)], f, {"axis": axis}, domain=((-2.0, 2.0), (-1.0, 1.0)), dtypes=FLOATING, value_tolerance=200, label=f"axis{axis}")
        for name, f in (("softmax_pull", softmax_pull), ("log_softmax_pull", log_softmax_pull))
        for axis in (1, 0)
    ],
    Case("softmax_cross_entropy_with_logits", [(2, 3, 4), (2, 3, 4)], dense_loss, dtypes=FLOATING, domain=((0.0, 1.0), (-5.0, 5.0)), variants=[[(0, 4), (0, 4)], [(4,), (4,)]]),
    Case("softmax_loss_pull", [(3,), (3, 4), (3, 4)], dense_pull, dtypes=FLOATING, value_tolerance=200, variants=[[(), (4,), (4,)]]),
    Case("sparse_softmax_cross_entropy_with_logits", [(2, 3), (2, 3, 4)], sparse_loss, dtypes=FLOATING, domain=(-5.0, 5.0), integers={0: classes}),
    Case("sparse_softmax_cross_entropy_with_logits", [(), (4,)], sparse_loss, dtypes=FLOATING, integers={0: lambda rng: np.int32(2)}, label="scalar"),
    Case("sparse_softmax_loss_pull", [(2, 3), (2, 3, 4), (2, 3)], sparse_pull, dtypes=FLOATING, integers={2: classes}, value_tolerance=200),
    Case("pick_last", [(2, 3, 4), (2, 3)], lambda x, labels: np.take_along_axis(x, labels[..., None], -1)[..., 0], dtypes=FLOATING, integers={1: classes}),
    Case("place_last", [(2, 3), (2, 3)], lambda v, labels, size: double(v)[..., None] * np.eye(size)[labels], {"size": 4}, dtypes=FLOATING, integers={1: classes}),
]  # fmt: skip
