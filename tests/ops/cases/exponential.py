"""Rows of exponentials, logarithms and the logistic function; references by mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from tests.ops.case import FLOATS, HALVES, INEXACT, Case

ONE = [[()], [(0, 2)]]
VARIANTS = [[(2, 1, 3), (4, 1)], [(), (3,)], [(0, 3), (1, 3)], [(), ()]]
REAL = FLOATS + HALVES


def exactly(function: Any) -> Any:
    """A function of mpmath, element by element."""

    def reference(*arrays: Any, **params: Any) -> Any:
        dtype = arrays[0].dtype
        is_complex = dtype.kind == "c"
        wide = [np.asarray(a).astype(np.complex128 if is_complex else np.float64) for a in arrays]
        shape = np.broadcast_shapes(*[a.shape for a in wide])
        rows = zip(*[np.broadcast_to(a, shape).ravel().tolist() for a in wide], strict=True)
        number = complex if is_complex else float
        values = [number(function(*map(mpmath.mpmathify, row), **params)) for row in rows]
        return (
            np.array(values, np.complex128 if is_complex else np.float64)
            .reshape(shape)
            .astype(dtype)
        )

    return reference


def one(name: str, function: Any, domain: Any = (-2.0, 2.0), **facts: Any) -> Case:
    """A function of one input that takes complex numbers."""
    facts = {"dtypes": INEXACT, "complex_rules": True, "variants": ONE, **facts}
    return Case(name, [(2, 3)], exactly(function), domain=domain, **facts)


def logistic_slope(x: Any) -> Any:
    return 1 / (mpmath.exp(x / 2) + mpmath.exp(-x / 2)) ** 2


CASES = [
    one("exp", mpmath.exp),
    one("expm1", mpmath.expm1, (0.2, 2.0)),
    one("log", mpmath.log, (0.2, 3.0)),
    one("log1p", mpmath.log1p, (0.2, 3.0)),
    one("sinh", mpmath.sinh),
    one("cosh", mpmath.cosh),
    one("sech2", lambda x: mpmath.sech(x) ** 2, (-1.2, 1.2)),
    one("tanh", mpmath.tanh, (-1.2, 1.2)),
    one("logistic_slope", logistic_slope),
    one("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x))),
    one("softplus", lambda x: mpmath.log1p(mpmath.exp(x)), dtypes=REAL, complex_rules=False),
]
for name, function, shift in [
    ("xlogy", lambda x, y: x * mpmath.log(y), 0.0),
    ("xlog1py", lambda x, y: x * mpmath.log1p(y), -0.8),
    ("log_factor", lambda x, y: mpmath.log(y), 0.0),
    ("log1p_factor", lambda x, y: mpmath.log1p(y), -0.8),
]:
    CASES.append(
        Case(
            name, [(2, 3), (2, 3)], exactly(function), domain=((0.3, 2.0), (0.3 + shift, 3.0 + shift)), dtypes=INEXACT,
            complex_rules=True, variants=VARIANTS,
        )
    )  # fmt: skip
