"""Rows of placeholders of graphs, where somebody runs them as they stand."""

from __future__ import annotations

import gradtape.graph.placeholders  # noqa: F401
from tests.ops.case import INEXACT, INTEGERS, Case

CASES = [
    Case(
        "placeholder_with_default",
        [(2, 3)],
        lambda x, shape: x.copy(),
        {"shape": (2, 3)},
        dtypes=INEXACT + INTEGERS,
        complex_rules=True,
    ),
]
