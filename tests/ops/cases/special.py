"""Rows of special functions; references by mpmath."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from tests.ops.case import FLOATS, Case
from tests.ops.cases.exponential import REAL, VARIANTS, exactly, one


def real(name: str, function: Any, domain: Any = (-1.5, 1.5), **facts: Any) -> Case:
    """A function of one real input."""
    return one(name, function, domain, **{"dtypes": REAL, "complex_rules": False, **facts})


def two(name: str, function: Any, domain: Any, **facts: Any) -> Case:
    facts = {"dtypes": REAL, "variants": VARIANTS, **facts}
    return Case(name, [(2, 3), (2, 3)], exactly(function), domain=domain, **facts)


def ndtri(p: Any) -> Any:
    return mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)


CASES = [
    real("gaussian", lambda x: mpmath.exp(-x * x)),
    real(
        "gaussian",
        lambda x: mpmath.exp(-x * x),
        (-25.0, 25.0),
        label="tails",
        dtypes=("float64",),
        order=0,
    ),
    real("half_gaussian", lambda x: mpmath.exp(-x * x / 2)),
    real("gaussian_growth", lambda x: mpmath.exp(x * x)),
    real("half_gaussian_growth", lambda x: mpmath.exp(x * x / 2)),
    real("erf", mpmath.erf),
    real("erfc", mpmath.erfc),
    real("ndtr", mpmath.ncdf, (-3.0, 3.0)),
    real("erfinv", mpmath.erfinv, (-0.8, 0.8)),
    real("erfcinv", lambda x: mpmath.erfinv(1 - x), (0.3, 1.7)),
    real("ndtri", ndtri, (0.2, 0.8)),
    real("lgamma", lambda x: mpmath.log(abs(mpmath.gamma(x))), (2.3, 6.0)),
    real("lgamma", lambda x: mpmath.log(abs(mpmath.gamma(x))), (-1.8, -1.2), label="negative"),
    real("digamma", mpmath.digamma, (2.3, 6.0)),
    real("dawsn", lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x)),
    real("expint", mpmath.ei, (0.6, 3.0)),
    real("fresnel_cos", mpmath.fresnelc, (-1.2, 1.2)),
    real("fresnel_sin", mpmath.fresnels, (-1.2, 1.2)),
    real("spence", lambda x: mpmath.polylog(2, 1 - x).real, (0.3, 3.0)),
    two("igammac", lambda a, x: mpmath.gammainc(a, x, regularized=True), ((0.5, 3.0), (0.5, 3.0))),
]

# the order of polygamma is a whole number, which no step of a difference may move


def whole_order(rng: np.random.Generator, dtype: Any) -> list[Any]:
    return [np.array([0.0, 1.0, 2.0]).astype(dtype), rng.uniform(0.8, 4.0, (2, 3)).astype(dtype)]


CASES.append(
    Case(
        "polygamma", draw=whole_order, reference=exactly(lambda n, x: mpmath.psi(int(n), x)), dtypes=REAL, still=(0,)
    )
)  # fmt: skip

# families


def by_order(function: Any) -> Any:
    return exactly(lambda *values, order: function(order, *values))


def member(name: str, function: Any, order: Any, *domains: Any, **facts: Any) -> Case:
    facts = {"dtypes": REAL, "tolerance": 2e-6, **facts}
    shapes = [(2, 3)] * len(domains)
    variants = {1: [[()], [(0, 2)]], 2: VARIANTS, 3: [[(2, 1), (3,), ()], [(0, 2), (2,), (1, 2)]]}[
        len(domains)
    ]
    return Case(
        name, shapes, by_order(function), {"order": order}, domain=tuple(domains), label=f"order {order}",
        variants=variants, **facts,
    )  # fmt: skip


BESSEL = {
    "bessel_j": mpmath.besselj,
    "bessel_y": mpmath.bessely,
    "bessel_i": mpmath.besseli,
    "bessel_k": mpmath.besselk,
    "bessel_ie": lambda n, x: mpmath.besseli(n, x) * mpmath.exp(-x),
    "bessel_ke": lambda n, x: mpmath.besselk(n, x) * mpmath.exp(x),
}
for name, function in BESSEL.items():
    CASES += [
        member(name, function, order, (0.7, 3.0), value_tolerance=256.0) for order in (0, 1, 2, 3)
    ]


def zeta_sum(order: int, s: Any, q: Any) -> Any:
    return (-1) ** order * mpmath.zeta(s, q, derivative=order)


def spence_slope(order: int, x: Any) -> Any:
    return mpmath.diff(lambda t: mpmath.log(t) / (1 - t), x, order)


def igamma(order: int, a: Any, x: Any) -> Any:
    return mpmath.diff(lambda b: mpmath.gammainc(b, 0, x, regularized=True), a, order)


def betainc(order: Any, a: Any, b: Any, x: Any) -> Any:
    return mpmath.diff(lambda c, d: mpmath.betainc(c, d, 0, x, regularized=True), (a, b), order)


CASES += [member("zeta", zeta_sum, order, (1.5, 4.0), (0.5, 3.0)) for order in (0, 1, 2)]
CASES += [
    member("spence_slope", spence_slope, 0, (0.3, 3.0)),
    member("spence_slope", spence_slope, 2, (0.8, 1.2)),
    member("igamma", igamma, 0, (0.5, 3.0), (0.5, 3.0)),
    member("igamma", igamma, 1, (0.3, 3.0), (0.3, 3.0), value_tolerance=1024.0),
    member("igamma", igamma, 2, (4.0, 20.0), (4.0, 20.0), dtypes=FLOATS, value_tolerance=1e5),
    member("betainc", betainc, (0, 0), (0.5, 3.0), (0.5, 3.0), (0.2, 0.8)),
    member(
        "betainc",
        betainc,
        (1, 0),
        (0.4, 3.0),
        (0.4, 3.0),
        (0.2, 0.8),
        value_tolerance=1024.0,
        dtypes=FLOATS,
    ),
    member(
        "betainc",
        betainc,
        (0, 1),
        (4.0, 9.0),
        (4.0, 9.0),
        (0.2, 0.8),
        value_tolerance=1024.0,
        dtypes=FLOATS,
    ),
    member(
        "betainc",
        betainc,
        (1, 1),
        (0.4, 3.0),
        (0.4, 3.0),
        (0.2, 0.8),
        value_tolerance=1024.0,
        dtypes=FLOATS,
    ),
]
