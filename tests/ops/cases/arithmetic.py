"""Rows of quotients, extremes, powers, absolute values and sums of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, INEXACT, INTEGERS, NUMERIC, Case

REAL = FLOATS + HALVES + INTEGERS
PAIR = [(2, 3), (2, 3)]
VARIANTS = [[(2, 1, 3), (4, 1)], [(), (3,)], [(0, 3), (1, 3)], [(), ()]]
ONE = [[()], [(0, 2)]]


def wide(function: Any) -> Any:
    """A NumPy function in double precision, rounded to the dtype of its first argument."""

    def reference(*arrays: Any) -> Any:
        dtype = arrays[0].dtype
        big = np.complex128 if dtype.kind == "c" else np.float64
        return np.asarray(function(*[a.astype(big) for a in arrays])).astype(dtype)

    return reference


def masked(rng: np.random.Generator, dtype: Any) -> list[Any]:
    return [rng.standard_normal((3, 4)).astype(dtype), rng.uniform(size=(3, 4)) > 0.5]


def bases(rng: np.random.Generator, dtype: Any) -> list[Any]:
    if dtype.kind == "i":
        return [rng.integers(-4, 5, (2, 3)).astype(dtype), rng.integers(0, 5, (2, 3)).astype(dtype)]
    return [
        rng.uniform(0.3, 2.0, (2, 3)).astype(dtype),
        rng.uniform(-2.0, 2.0, (2, 3)).astype(dtype),
    ]


def negative_bases(rng: np.random.Generator, dtype: Any) -> list[Any]:
    return [rng.uniform(-2.0, -0.5, (2, 3)).astype(dtype), np.array(3.0).astype(dtype)]


CASES = [
    Case(
        "divide", PAIR, wide(lambda x, y: x * (1 / y)), domain=((-2.0, 2.0), (0.5, 2.0)), dtypes=INEXACT,
        complex_rules=True, variants=VARIANTS,
    ),
    Case(
        "divide", PAIR, lambda x, y: x.astype(np.float64) * (1 / y.astype(np.float64)), label="integers",
        domain=((-9.0, 9.0), (1.0, 9.0)), dtypes=INTEGERS,
    ),
    Case(
        "divide", PAIR, lambda x, y: x.astype(np.float32) * (1 / y.astype(np.float32)), label="small integers",
        domain=((0.0, 9.0), (1.0, 9.0)), dtypes=("int8", "uint16"), value_tolerance=4,
    ),
    Case("reciprocal", [(2, 3)], wide(lambda x: x**-1), domain=(0.5, 2.0), dtypes=INEXACT, complex_rules=True, variants=ONE),
    Case(
        "divide_no_nan", PAIR, wide(lambda x, y: x * y**-1), domain=((-2.0, 2.0), (0.5, 2.0)), dtypes=INEXACT,
        complex_rules=True, variants=VARIANTS,
    ),
    Case(
        "xdivy", PAIR, wide(lambda x, y: x * y**-1), domain=((-2.0, 2.0), (0.5, 2.0)), dtypes=INEXACT,
        complex_rules=True, variants=VARIANTS,
    ),
    Case("keep", draw=masked, reference=lambda t, mask: t * mask, dtypes=INEXACT, complex_rules=True),
    Case("maximum", PAIR, lambda x, y: np.where(x > y, x, y), dtypes=REAL, variants=VARIANTS),
    Case("minimum", PAIR, lambda x, y: np.where(x < y, x, y), dtypes=REAL, variants=VARIANTS),
    Case("nextafter", PAIR, lambda x, y: x + 0 * y, value_tolerance=2, dtypes=FLOATS + HALVES, variants=VARIANTS),
    Case("abs", [(2, 3)], lambda x: np.where(x < 0, -x, x), dtypes=REAL, variants=ONE),
    Case("safe_square", [(2, 3)], wide(lambda x: x**2), dtypes=INEXACT, complex_rules=True, variants=ONE),
    Case("safe_cube", [(2, 3)], wide(lambda x: x**3), dtypes=INEXACT, complex_rules=True, variants=ONE),
    Case("square", [(2, 3)], wide(lambda x: x**2), dtypes=NUMERIC, complex_rules=True, variants=ONE),
    Case("sqrt", [(2, 3)], wide(lambda x: np.exp(0.5 * np.log(x))), domain=(0.2, 3.0), dtypes=INEXACT, complex_rules=True, variants=ONE),
    Case("rsqrt", [(2, 3)], wide(lambda x: np.exp(-0.5 * np.log(x))), domain=(0.2, 3.0), dtypes=INEXACT, complex_rules=True, variants=ONE),
    Case(
        "log_known", [(2, 3)], wide(lambda x: np.log2(x) / np.log2(np.e)), domain=(0.2, 3.0), dtypes=INEXACT,
        complex_rules=True, variants=ONE,
    ),
    Case("log_known", [(2, 3)], lambda x: 0 * x, domain=(-3.0, -0.2), label="negative"),
    Case(
        "pow", draw=bases, reference=wide(lambda x, y: np.power(x, y)), dtypes=FLOATS + HALVES + INTEGERS,
        value_tolerance=16,
    ),
    Case("pow", draw=negative_bases, reference=wide(lambda x, y: x * x * x), label="negative base", still=(1,)),
    Case(
        "pow", PAIR, wide(lambda x, y: np.exp(y * np.log(x))), domain=((0.3, 2.0), (-1.5, 1.5)), dtypes=COMPLEX,
        complex_rules=True, variants=[[(2, 1), (3,)], [(), ()]], label="complex",
    ),
    Case(
        "add_n", [(2, 3), (2, 3), (2, 3)], wide(lambda x, y, z: np.sum([x, y, z], axis=0)), dtypes=NUMERIC,
        complex_rules=True, variants=[[(), (), ()], [(0, 2), (0, 2), (0, 2)]],
    ),
]  # fmt: skip
