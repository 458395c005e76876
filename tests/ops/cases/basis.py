"""Rows of the operations that families lean on."""

from __future__ import annotations

import numpy as np

from tests.ops.case import COMPLEX, INEXACT, NUMERIC, Case, numpy_dtype

PAIR = [(2, 3), (2, 3)]
BROADCAST = [[(2, 1, 3), (4, 1)], [(), (3,)], [(0, 3), (1, 3)], [(), ()]]

CASES = [
    Case(
        "reshape",
        [(2, 6)],
        lambda x, shape: x.reshape(shape),
        {"shape": (3, 4)},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case(
        "transpose",
        [(2, 3, 4)],
        lambda x, perm: np.transpose(x, perm),
        {"perm": (2, 0, 1)},
        dtypes=NUMERIC,
    ),
    Case(
        "broadcast_to",
        [(3, 1)],
        lambda x, shape: np.ones(shape, x.dtype) * x,
        {"shape": (2, 3, 4)},
        dtypes=NUMERIC,
        variants=[[()], [(1,)]],
    ),
    Case(
        "reduce_sum",
        [(2, 3, 4)],
        lambda x, axis, keepdims: np.add.reduce(
            x.astype(np.result_type(x, np.float64)), axis=axis, keepdims=keepdims
        ),
        {"axis": (0, 2), "keepdims": False},
        dtypes=INEXACT,
        complex_rules=True,
        variants=[[(0, 3, 2)], [(2, 0, 3)]],
    ),
    Case(
        "negative",
        [(2, 3)],
        lambda x: 0 - x,
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[()], [(0, 2)]],
    ),
    Case("add", PAIR, np.add, dtypes=NUMERIC, complex_rules=True, variants=BROADCAST),
    Case("subtract", PAIR, np.subtract, dtypes=NUMERIC, complex_rules=True, variants=BROADCAST),
    Case("multiply", PAIR, np.multiply, dtypes=NUMERIC, complex_rules=True, variants=BROADCAST),
    Case(
        "safe_multiply", PAIR, np.multiply, dtypes=NUMERIC, complex_rules=True, variants=BROADCAST
    ),
    Case(
        "chain_multiply", PAIR, np.multiply, dtypes=NUMERIC, complex_rules=True, variants=BROADCAST
    ),
    Case(
        "safe_divide",
        PAIR,
        np.divide,
        domain=(0.5, 2.0),
        dtypes=INEXACT,
        complex_rules=True,
        variants=BROADCAST,
    ),
    Case("conj", [(2, 3)], np.conjugate, dtypes=COMPLEX, complex_rules=True),
    Case("cast", [(2, 3)], lambda x, dtype: np.array(x, dtype), {"dtype": numpy_dtype("float64")}),
]
