"""Rows of the operations that hold functions: calls, choices, loops, scans, calls of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.shapes import Spec
from gradtape.graph.callee import Callee
from gradtape.graph.host_calls import HostCall
from gradtape.graph.loop import Loop, walk_of
from gradtape.graph.scans import Scan
from gradtape.graph.tracing import traced
from gradtape.ops.basis import add, multiply
from gradtape.ops.exponential import exp, tanh
from gradtape.ops.reductions import reduce_sum
from gradtape.ops.stepwise import less
from gradtape.ops.trigonometric import sin
from tests.ops.case import NUMERIC, Case

F64, I32 = np.dtype(np.float64), np.dtype(np.int32)
ROW, SCALAR, COUNT = Spec((3,), F64), Spec((), F64), Spec((), I32)
MATRIX = Spec((2, 3), F64)
DOUBLE = ("float64",)


def callee(function: Callable[..., Any], *specs: Spec) -> Callee:
    """A function that was recorded for inputs of these shapes and dtypes."""
    mode, inputs, results = traced(function, list(specs))
    outputs = [mode.value(t) for t in results]
    return Callee(mode, [t._value for t in inputs], outputs, "row")


CALLED = callee(lambda x, w: [multiply(tanh(x), w), reduce_sum(multiply(x, x))], MATRIX, ROW)
BRANCHES = (
    callee(lambda x, y: [multiply(sin(x), y)], ROW, SCALAR),
    callee(lambda x, y: [exp(x)], ROW, SCALAR),
    callee(lambda x, y: [multiply(x, multiply(y, y))], ROW, SCALAR),
)
LOOP = Loop(
    callee(lambda i, a, w: [less(i, np.int32(4))], COUNT, ROW, ROW),
    callee(lambda i, a, w: [add(i, np.int32(1)), multiply(a, w)], COUNT, ROW, ROW),
    2,
)
STEP = callee(lambda a, r, w: [multiply(add(a, r), w), multiply(a, a)], ROW, ROW, ROW)


def repeated(i: Any, a: Any, w: Any, loop: Any) -> list[Any]:
    """What LOOP leaves behind."""
    return [np.int32(max(i, 4)), a * w ** max(4 - int(i), 0)]


def pulled(i: Any, a: Any, w: Any, ct: Any, pull: Any) -> list[Any]:
    """The cotangents of a and w."""
    n = max(4 - int(i), 0)
    return [ct * w**n, ct * a * n * w ** max(n - 1, 0)]


def scanned(a: Any, rows: Any, w: Any, scan: Any, walk: Any) -> list[Any]:
    """What STEP gives for each row, from the last to the first if the scan is turned."""
    found = [np.zeros(3)] * len(rows)
    for k in range(len(rows))[:: -1 if scan.reverse else 1]:
        found[k] = a * a
        a = (a + rows[k]) * w
    return [a, np.stack(found)]


def host(x: Any, y: Any) -> list[Any]:
    """What Python computes of tensors."""
    return [multiply(sin(x), y), reduce_sum(multiply(x, x))]


start = {0: lambda rng: np.int32(rng.integers(0, 3))}

CASES = [
    Case(
        "held",  # no derivative passes through the value: tests/graph checks that
        [(2, 3), (2, 3)],
        lambda x, before: x + 0,
        dtypes=NUMERIC,
        order=0,
        variants=[[(), ()], [(0, 2), (0, 2)]],
    ),
    Case(
        "call",
        [(2, 3), (3,)],
        lambda x, w, callee: [np.tanh(x) * w, np.sum(x * x)],
        {"callee": CALLED},
        dtypes=DOUBLE,
    ),
    *[
        Case(
            "switch",
            [(), (3,), ()],
            lambda i, x, y, branches: [[np.sin(x) * y, np.exp(x), x * y * y][min(max(i, 0), 2)]],
            {"branches": BRANCHES},
            integers={0: lambda rng, k=k: np.int32(k)},
            dtypes=DOUBLE,
            label=f"{k}",
        )
        for k in (-1, 0, 1, 7)
    ],
    Case(
        "switch",
        [(), (3,), ()],
        lambda i, x, y, branches: [[np.sin(x) * y, np.exp(x), x * y * y][i]],
        {"branches": BRANCHES},
        integers=start,
        dtypes=DOUBLE,
        label="drawn",
    ),
    Case("while", [(), (3,), (3,)], repeated, {"loop": LOOP}, integers=start, dtypes=DOUBLE),
    Case(
        "while",
        [(), (3,), (3,)],
        repeated,
        {"loop": LOOP},
        integers={0: lambda rng: np.int32(9)},
        dtypes=DOUBLE,
        label="no round",
    ),
    Case(
        "loop_pull",
        [(), (3,), (3,), (3,)],
        pulled,
        {"pull": walk_of(LOOP, (False, True), (True,))},
        integers=start,
        dtypes=DOUBLE,
    ),
    *[
        Case(
            "scan",
            [(3,), (4, 3), (3,)],
            scanned,
            {"scan": Scan(STEP, 1, 1, 4, reverse), "walk": None},
            dtypes=DOUBLE,
            label="turned" if reverse else "",
        )
        for reverse in (False, True)
    ],
    Case(
        "host_call",
        [(3,), (3,)],
        lambda x, y, call: [np.sin(x) * y, np.sum(x * x)],
        {"call": HostCall(host, [(F64, (3,)), (F64, ())], "py_function", True)},
        dtypes=DOUBLE,
    ),
]
