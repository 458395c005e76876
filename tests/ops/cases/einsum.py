"""Rows of Einstein sums, checked against sums over one broadcast product."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import NUMERIC, Case


def summed(a: Any, b: Any, spec: str) -> Any:
    """The sum of the product of both arrays, laid out on all labels at once."""
    terms, out = spec.split("->")
    left, right = terms.split(",")
    labels = "".join(dict.fromkeys(out + left + right))

    def laid(x: Any, term: str) -> Any:
        x = x.astype(np.result_type(x, np.float64) if x.dtype.kind in "fcV" else np.int64)
        order = sorted(range(len(term)), key=lambda i: labels.index(term[i]))
        shape = [x.shape[term.index(c)] if c in term else 1 for c in labels]
        return np.transpose(x, order).reshape(shape)

    return np.sum(laid(a, left) * laid(b, right), axis=tuple(range(len(out), len(labels))))


CASES = [
    Case(
        "einsum",
        [(2, 3), (3, 4)],
        summed,
        {"spec": "ij,jk->ki"},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 3), (3, 4)], [(2, 0), (0, 1)]],
        label="matmul",
    ),
    Case(
        "einsum",
        [(3, 2, 4), (4, 5, 3)],
        summed,
        {"spec": "bik,kjb->jbi"},
        dtypes=NUMERIC,
        complex_rules=True,
        label="batched",
    ),
    Case(
        "einsum",
        [(2, 3), (3,)],
        summed,
        {"spec": "ij,j->ji"},
        dtypes=NUMERIC,
        complex_rules=True,
        label="no-sum",
    ),
    Case(
        "einsum",
        [(2,), (3,)],
        summed,
        {"spec": "a,b->ab"},
        dtypes=NUMERIC,
        complex_rules=True,
        label="outer",
    ),
    Case(
        "einsum",
        [(2, 3), (2, 3)],
        summed,
        {"spec": "ij,ij->"},
        dtypes=NUMERIC,
        complex_rules=True,
        label="full",
    ),
]
