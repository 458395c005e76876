"""The table of `benchmarks.kernels` is whole: each verb of the compiled namespace has a row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.kernel_row import Kernel
from benchmarks.kernels import COPY, NUMPY, OURS, SECTIONS, check_agreement, kernels, reason
from gradtape.graph.xp_jax import xp
from gradtape.graph.xp_jax_base import verbs

OPERATIONS = Path(__file__).resolve().parents[2] / "gradtape" / "ops"
SHAPES = {  # what makes, looks at or joins arrays without computing
    "zeros", "ones", "full", "arange", "eye", "zeros_like", "asarray", "broadcast_to", "reshape",
    "broadcast_shapes", "broadcast_arrays", "stack", "swapaxes", "dot", "argsort", "cumsum",
    "int32", "int64", "float32", "float64",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Kernel]:
    return [kernel for section in SECTIONS for kernel in kernels(section)]


def test_every_verb_has_a_row(rows: list[Kernel]) -> None:
    assert set(vars(verbs)) <= {row.verb for row in rows}


def test_every_function_that_operations_call_has_a_row(rows: list[Kernel]) -> None:
    text = "".join([path.read_text() for path in OPERATIONS.glob("*.py")])
    called = set(re.findall(r"\bxp\.((?:special\.)?[a-z]\w*)\(", text))
    called = {name for name in called if name.startswith("special.") or hasattr(xp, name)}
    assert called - SHAPES <= {row.verb for row in rows}


def row(why: str = "") -> Kernel:
    return Kernel("abs", lambda xp, x: xp.abs(x), lambda: [np.ones(3)], why=why)


def test_a_row_that_is_slow_says_why() -> None:
    assert reason(row(), {OURS: 2.0, NUMPY: 1.0, COPY: 1.0}) == ""
    assert "NumPy" in reason(row(), {OURS: 2.0, NUMPY: 1.0, COPY: 0.5})
    assert reason(row(), {OURS: 3.0, NUMPY: 1.0, COPY: 0.5}) == "?"
    assert reason(row("because"), {OURS: 3.0, NUMPY: 1.0, COPY: 0.5}) == "because"


def test_contestants_must_agree() -> None:
    x = np.array([1.0, -2.0, np.nan])
    check_agreement(row(), {OURS: x + 1e-4, NUMPY: x})
    with pytest.raises(AssertionError, match="abs"):
        check_agreement(row(), {OURS: x + 0.1, NUMPY: x})
