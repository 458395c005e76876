"""The words of a picture: bytes, sizes of gradients, reasons of cuts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gradtape.autodiff.anatomy import Entry
from gradtape.autodiff.flow import Flow, together
from gradtape.autodiff.keeping import Kept

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
CUTS = {
    "stopped": "stopped", "stepwise": "stepwise", "dtype": "integer", "owed": "no rule",
    "none": "no gradient", "unconnected": "not connected",
}  # fmt: skip


def amount(count: float) -> str:
    """A number of bytes in the unit that gives it few digits."""
    step = 0
    while count >= 1023.5 and step < len(UNITS) - 1:
        count, step = count / 1024, step + 1
    return (
        f"{count:.0f} {UNITS[step]}" if not step or count >= 99.95 else f"{count:.3g} {UNITS[step]}"
    )


def number(value: float) -> str:
    """A size in two digits."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 1e-3 <= value < 1e4:
        return f"{value:.2g}" if value < 100 else f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def count(number: int, noun: str) -> str:
    """How many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def bad(flow: Flow) -> str:
    """What is wrong with the numbers of a gradient."""
    return "NaN" if flow.nan else "inf"


def sizes(flows: Sequence[Flow]) -> str:
    """The size of a gradient, root mean square and largest; of several the range."""
    whole = together(flows)
    if whole.bad:
        return f"{bad(whole)} in {whole.bad} of {whole.size}"
    if whole.zero:
        return "0"
    return f"{span(flows)} max {number(whole.largest)}"


def span(flows: Sequence[Flow]) -> str:
    """The root mean square of a gradient, of several the smallest and the largest."""
    ends = {number(min([f.rms for f in flows])), number(max([f.rms for f in flows]))}
    return " \u2026 ".join(sorted(ends, key=float))


def distinct(items: Iterable[str], most: int) -> str:
    """Different words in their order, the first few of them."""
    found = list(dict.fromkeys(items))
    return ", ".join(found[:most] + (["\u2026"] if len(found) > most else []))


class Weight:
    """What operations keep together: bytes, those of the sources' own, arrays of unknown size."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        kept = [k for e in entries for k in e.kept]
        self.bytes = sum([k.bytes or 0 for k in kept])
        self.own = sum([k.bytes or 0 for k in kept if k.own])
        self.unknown = sum([k.bytes is None for k in kept])
        self.shared = sum([k.shared for k in kept])

    def __str__(self) -> str:
        known = amount(self.bytes)
        if not self.unknown:
            return known
        unknown = f"{count(self.unknown, 'array')} of unknown size"
        return f"{known} + {unknown}" if self.bytes else unknown

    @property
    def short(self) -> str:
        """In few letters; "" for nothing, "shared" where others keep it."""
        if self.unknown:
            return f"{amount(self.bytes)} + ?" if self.bytes else "?"
        if self.bytes:
            return amount(self.bytes)
        return "shared" if self.shared else ""


def roles(kept: Sequence[Kept]) -> str:
    """What an operation keeps, by the names of its inputs."""
    return ", ".join(dict.fromkeys([k.role for k in kept]))
