"""Floating-point numbers as exact ones: which number somebody meant who wrote 0.5 or 1.1283791...

A formula with 2/sqrt(pi) can be simplified, one with 1.1283791670955126 cannot. So a number becomes
the simplest that rounds to it: a short decimal or a fraction with a small denominator, or such a
fraction of one of the constants that occur in mathematics. The limits are so small that a number
which means none of these is hardly ever taken for one. All others stay floating-point numbers."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import floor
from typing import Any

import ml_dtypes
import numpy as np
import sympy as sp

SHORT = 3  # significant digits of a decimal that is meant as it stands


@cache
def _constants() -> list[tuple[Any, Fraction]]:
    """Numbers that occur with a rational factor, to 40 digits."""
    pi = sp.pi
    found = [
        pi, 1 / pi, sp.sqrt(pi), 1 / sp.sqrt(pi), sp.sqrt(2), sp.sqrt(3), sp.sqrt(2 * pi),
        1 / sp.sqrt(2 * pi), sp.sqrt(2 / pi), sp.log(2), 1 / sp.log(2), sp.log(10),
        1 / sp.log(10), sp.E, pi**2, sp.log(2 * pi), sp.EulerGamma,
    ]  # fmt: skip
    return [(c, Fraction(str(sp.N(c, 40)))) for c in found]


def number(value: Any) -> Any:
    """A NumPy scalar as a SymPy number or Boolean.

    Args:
        value: a scalar of any dtype that gradtape has.
    """
    kind = value.dtype.kind
    if kind == "b":
        return sp.true if value else sp.false
    if kind in "iu":
        return sp.Integer(int(value))
    if kind == "c":
        return number(value.real) + sp.I * number(value.imag)
    return _real(value.dtype, float(value))


def numbers(array: Any) -> Any:
    """An array as one of SymPy numbers."""
    array = np.asarray(array)
    found = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        found[place] = number(array[place])
    return found


@cache
def _real(dtype: Any, value: float) -> Any:
    if value != value:
        return sp.nan
    if value in (np.inf, -np.inf):
        return sp.oo if value > 0 else -sp.oo
    shortest = _shortest(dtype, value)
    if _is_short(shortest):
        return sp.Rational(shortest)
    ulp = _ulp(dtype, abs(value))
    bits = -np.log2(float(ml_dtypes.finfo(dtype).eps))
    largest, multiple = (16, 0) if bits < 16 else (100, 8) if bits < 32 else (1000, 60)
    fraction = _simplest(Fraction(abs(value)) - ulp / 2, Fraction(abs(value)) + ulp / 2)
    sign = -1 if value < 0 else 1
    if fraction.denominator <= largest and abs(value) < 2**20:
        return sign * sp.Rational(fraction.numerator, fraction.denominator)
    for constant, size in _constants() if multiple else ():
        if not _is_multiple(abs(value) / float(size), multiple, float(ulp) / abs(value)):
            continue
        low = (Fraction(abs(value)) - 2 * ulp) / size  # as the program's own rounding may be off
        fraction = _simplest(low, low + 4 * ulp / size)
        if max(fraction.numerator, fraction.denominator) <= multiple:
            return sign * sp.Rational(fraction.numerator, fraction.denominator) * constant
    return sp.Float(float(shortest))


def _is_multiple(ratio: float, largest: int, error: float) -> bool:
    """Whether a number may be a fraction of small numbers, for which exact arithmetic is slow."""
    below = np.arange(1, largest + 1)
    above = np.rint(ratio * below)
    near = abs(ratio * below - above) <= 8 * error * above
    return bool((near & (above > 0) & (above <= largest)).any())


def _shortest(dtype: Any, value: float) -> str:
    """The shortest decimal that rounds to the value."""
    if dtype.kind == "f":
        return np.format_float_scientific(dtype.type(value), unique=True, trim="-")
    return str(dtype.type(value))


def _is_short(decimal: str) -> bool:
    digits, _, exponent = decimal.lower().partition("e")
    significant = digits.lstrip("-").replace(".", "").strip("0")
    return len(significant) <= SHORT and abs(int(exponent or 0)) <= 2 * SHORT


def _ulp(dtype: Any, size: float) -> Fraction:
    """The distance between neighbouring numbers."""
    info = ml_dtypes.finfo(dtype)
    exponent = int(np.floor(np.log2(max(size, float(info.tiny)))))
    return Fraction(float(info.eps)) * Fraction(2) ** exponent


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of the smallest denominator between two positive numbers, by their continued
    fractions."""
    whole = floor(low)
    if whole == low:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _simplest(1 / (high - whole), 1 / (low - whole))
