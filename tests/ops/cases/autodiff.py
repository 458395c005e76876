"""Rows of the operations that stop or replace derivatives; `tests/autodiff` checks what they do."""

from __future__ import annotations

import numpy as np

from gradtape.autodiff.custom_call import Call
from gradtape.core.shapes import Spec
from tests.ops.case import NUMERIC, Case

SPEC = Spec((2, 3), np.dtype(np.float64))
CALL = Call("row", lambda cts: cts, [SPEC], [SPEC])

CASES = [
    Case("stop_gradient", [(2, 3)], lambda x: x + 0, dtypes=NUMERIC, variants=[[()], [(0, 2)]]),
    Case(
        "prevent_gradient",
        [(2, 3)],
        lambda x, message: x + 0,
        {"message": "no"},
        dtypes=NUMERIC,
        order=0,
    ),
    Case(
        "custom_gradient",
        [(2, 3), (2, 3)],
        lambda x, y, call: [y + 0],
        {"call": CALL},
        order=0,
        batch=False,
    ),
    Case(
        "barrier",
        [(2, 3), (2,), ()],
        lambda x, y, z, count: [x + 0, y + 0],
        {"count": 2},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(), (0, 2), (3,)]],
    ),
]
