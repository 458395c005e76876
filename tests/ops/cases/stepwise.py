"""Rows of comparisons, logic, rounding, signs, remainders, casts and bits."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, INTEGERS, NUMERIC, Case, numpy_dtype

REAL = FLOATS + HALVES + INTEGERS
PAIR = [(3, 4), (3, 4)]
VARIANTS = [[(2, 1, 3), (4, 1)], [(), (3,)], [(0, 3), (1, 3)], [(), ()]]
ONE = [[()], [(0, 2)]]


def in_python(function: Any, dtype: Any = bool) -> Any:
    """A function of Python numbers, element by element."""

    def reference(*arrays: Any) -> Any:
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
        wide = [np.broadcast_to(a, shape).ravel() for a in arrays]
        values = [function(*[v.item() for v in row]) for row in zip(*wide, strict=True)]
        kind = arrays[0].dtype if dtype is None else dtype
        return np.array(values, kind).reshape(shape)

    return reference


def compared(name: str, function: Any, dtypes: Any) -> Case:
    # few different integers, so that equal ones occur
    return Case(
        name, PAIR, in_python(function), dtypes=dtypes, domain=(-1.4, 1.4), variants=VARIANTS
    )


def spread(rng: np.random.Generator, dtype: Any) -> list[Any]:
    """Numbers, infinities and others."""
    return [np.array([1.0, np.inf, -np.inf, np.nan, 0.0, -3.5]).astype(dtype)]


CASES = [
    compared("equal", operator.eq, (*NUMERIC, "bool")),
    compared("not_equal", operator.ne, (*NUMERIC, "bool")),
    compared("less", operator.lt, REAL),
    compared("less_equal", operator.le, REAL),
    compared("greater", operator.gt, REAL),
    compared("greater_equal", operator.ge, REAL),
    compared("logical_and", lambda a, b: a and b, ("bool",)),
    compared("logical_or", lambda a, b: a or b, ("bool",)),
    compared("logical_xor", operator.xor, ("bool",)),
    Case("logical_not", [(5,)], in_python(operator.not_), dtypes=("bool",), variants=ONE),
    Case("is_finite", draw=spread, reference=in_python(lambda v: abs(v) < float("inf"))),
    Case("is_inf", draw=spread, reference=in_python(lambda v: abs(v) == float("inf"))),
    Case("is_nan", draw=spread, reference=in_python(lambda v: not (v <= 0 or v >= 0))),
    Case(
        "is_nan",
        [(2, 3)],
        in_python(lambda v: False),
        dtypes=HALVES + COMPLEX,
        label="other dtypes",
    ),
    Case(
        "floor", [(3, 4)], in_python(lambda v: v // 1, None), dtypes=FLOATS + HALVES, variants=ONE
    ),
    Case(
        "ceil",
        [(3, 4)],
        in_python(lambda v: -(-v // 1), None),
        dtypes=FLOATS + HALVES,
        variants=ONE,
    ),
    Case("rint", [(3, 4)], in_python(round, None), dtypes=FLOATS + HALVES, variants=ONE),
    Case(
        "sign",
        [(3, 4)],
        in_python(lambda v: (v > 0) - (v < 0), None),
        dtypes=REAL,
        variants=ONE,
        domain=(-2.0, 2.0),
    ),
]

# remainders: draws keep away from the jumps, where the difference quotients would see them


def quotients(low: float, high: float) -> Any:
    """x and y with x / y between low and high, and in its middle between two integers."""

    def draw(rng: np.random.Generator, dtype: Any) -> list[Any]:
        if dtype.kind == "i":
            return [
                rng.integers(-9, 10, (3, 4)).astype(dtype),
                rng.choice([-3, -2, 2, 5], (3, 4)).astype(dtype),
            ]
        y = rng.uniform(0.5, 2.0, (3, 4)) * rng.choice([-1, 1], (3, 4))
        return [
            (y * (rng.integers(low, high, (3, 4)) + rng.uniform(0.3, 0.7, (3, 4)))).astype(dtype),
            y.astype(dtype),
        ]

    return draw


def whole(x: Any, y: Any) -> Any:
    return np.floor(x.astype(np.float64) / y.astype(np.float64)).astype(x.dtype)


def cut(x: Any, y: Any) -> Any:
    return np.trunc(x.astype(np.float64) / y.astype(np.float64)).astype(x.dtype)


def rest(quotient: Any) -> Any:
    def reference(x: Any, y: Any) -> Any:
        wide = np.int64 if x.dtype.kind == "i" else np.float64
        return (x.astype(wide) - y.astype(wide) * quotient(x, y).astype(wide)).astype(x.dtype)

    return reference


for name, reference in [
    ("floordiv", whole),
    ("truncatediv", cut),
    ("floormod", rest(whole)),
    ("truncatemod", rest(cut)),
]:
    CASES.append(Case(name, draw=quotients(-3, 3), reference=reference, dtypes=REAL))

# casts


def cast_case(source: str, target: str, function: Any = lambda v: v, exact: bool = False) -> Case:
    return Case(
        "cast",
        [(2, 3)],
        lambda x, dtype: in_python(function, dtype)(x),
        {"dtype": numpy_dtype(target)},
        dtypes=(source,),
        domain=(-3.0, 3.0),
        label=f"{source} to {target}",
        variants=ONE,
        order=2
        if exact
        else 0,  # differences cannot see through rounding; test_stepwise looks at it
    )


CASES += [
    cast_case("float64", "float32"),
    cast_case("float64", "float16"),
    cast_case("float32", "bfloat16"),
    cast_case("bfloat16", "float64"),
    cast_case("float64", "complex128", complex, exact=True),
    cast_case("float64", "int32", int),
    cast_case("float64", "bool", bool),
    cast_case("int64", "float32"),
    cast_case("bool", "float32", float),
    cast_case("complex128", "float64", lambda v: v.real, exact=True),
    cast_case("complex64", "complex128"),
    cast_case("complex128", "bool", bool),
]
for target, shapes in [
    ("int64", (3, 2)),
    ("int32", (3,)),
    ("float32", (3,)),
    ("int16", (3,)),
    ("uint8", ()),
]:
    CASES.append(
        Case(
            "bitcast",
            [shapes],
            lambda x, dtype: np.frombuffer(x.tobytes(), dtype).reshape(
                x.shape[:-1]
                if dtype.itemsize > x.itemsize
                else (*x.shape, -1)
                if dtype.itemsize < x.itemsize
                else x.shape
            ),
            {"dtype": numpy_dtype(target)},
            dtypes=("float32",),
            label=target,
        )
    )

# bits

INTS = ("int8", "int32", "int64", "uint8", "uint32")


def some_bits(rng: np.random.Generator, dtype: Any) -> list[Any]:
    low = 0 if dtype.kind == "u" else -90
    return [
        rng.integers(low, 100, (3, 4)).astype(dtype),
        rng.integers(low, 100, (3, 4)).astype(dtype),
    ]


def some_shifts(rng: np.random.Generator, dtype: Any) -> list[Any]:
    return [some_bits(rng, dtype)[0], rng.integers(0, 7, (3, 4)).astype(dtype)]


def wrapped(function: Any) -> Any:
    def reference(x: Any, y: Any) -> Any:
        bits = 8 * x.itemsize
        values = [
            function(a, b) % 2**bits
            for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
        ]
        if x.dtype.kind == "i":
            values = [v - 2**bits if v >= 2 ** (bits - 1) else v for v in values]
        return np.array(values, x.dtype).reshape(x.shape)

    return reference


for name, function in [
    ("bitwise_and", operator.and_),
    ("bitwise_or", operator.or_),
    ("bitwise_xor", operator.xor),
]:
    CASES.append(Case(name, draw=some_bits, reference=wrapped(function), dtypes=INTS))
for name, function in [("left_shift", operator.lshift), ("right_shift", operator.rshift)]:
    CASES.append(Case(name, draw=some_shifts, reference=wrapped(function), dtypes=INTS))
CASES.append(
    Case(
        "invert",
        [(3, 4)],
        lambda x: np.array(-1, x.dtype) - x,
        dtypes=("int8", "int32", "int64"),
        domain=(-90.0, 90.0),
    )
)
