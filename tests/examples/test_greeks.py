"""The Greeks by tapes are those of the closed forms, and these are right by differences."""

from __future__ import annotations

import contextlib
import io
import math
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import greeks


@pytest.fixture(scope="module")
def strips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, greeks.Strip]:
    picture = tmp_path_factory.mktemp("greeks") / "greeks.png"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        found = greeks.main(["--spots", "21", "--plot", str(picture)])
    assert "Put-call parity holds" in printed.getvalue()
    assert picture.stat().st_size > 10_000
    return found


@pytest.mark.parametrize("kind", ["call", "put"])
def test_every_greek_is_its_closed_form(strips: dict[str, greeks.Strip], kind: str) -> None:
    errors = greeks.differences(strips[kind], kind)
    assert set(errors) == {"price", *greeks.GREEKS}
    assert max(errors.values()) < 1e-12


def price(sign: float, spot: object, sigma: object, r: object, tau: object) -> mpmath.mpf:
    """The price in many digits, written here once more."""
    root = sigma * mpmath.sqrt(tau)
    d1 = (mpmath.log(spot / 100) + (r + sigma**2 / 2) * tau) / root
    owed = 100 * mpmath.exp(-r * tau)
    return sign * (spot * mpmath.ncdf(sign * d1) - owed * mpmath.ncdf(sign * (d1 - root)))


@pytest.mark.parametrize("name", list(greeks.GREEKS))
def test_every_greek_is_a_difference_of_prices_in_many_digits(
    strips: dict[str, greeks.Strip], name: str
) -> None:
    sign, place = greeks.GREEKS[name]
    counts = tuple(place.count(i) for i in range(4))
    at = (mpmath.mpf(90), *map(mpmath.mpf, (greeks.VOLATILITY, greeks.RATE, greeks.EXPIRY)))
    (spot,) = np.flatnonzero(strips["call"].spots == 90.0)
    with mpmath.workdps(60):
        for kind, side in greeks.KINDS.items():
            wanted = sign * mpmath.diff(lambda *x, s=side: price(s, *x), at, counts)
            assert strips[kind].greeks[name][spot] == pytest.approx(float(wanted), rel=1e-10)


def test_parity_and_symmetry(strips: dict[str, greeks.Strip]) -> None:
    assert greeks.parity(strips["call"], strips["put"]) < 1e-14
    for name in set(greeks.GREEKS) - {"delta", "theta", "rho"}:
        call, put = (strips[kind].greeks[name] for kind in ("call", "put"))
        np.testing.assert_allclose(call, put, rtol=0, atol=1e-12 * np.abs(call).max())
    np.testing.assert_allclose(strips["call"].greeks["delta"] - strips["put"].greeks["delta"], 1.0)
    assert all(greeks.asymmetry(strip.third) < 1e-12 for strip in strips.values())
    owed = greeks.STRIKE * math.exp(-greeks.RATE * greeks.EXPIRY)
    theta = strips["call"].greeks["theta"] - strips["put"].greeks["theta"]
    np.testing.assert_allclose(theta, -greeks.RATE * owed)
