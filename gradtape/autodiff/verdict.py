"""What `check_gradients` found: its comparisons, and in words what is wrong where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# for each kind of comparison: what was computed, what it was compared with
KINDS = {
    "value": ("f gives", ""),
    "jump": ("f is not continuous: at the point it jumps by", ""),
    "reverse": ("the reverse rule gives", "differences give"),
    "forward": ("the forward rule gives", "differences give"),
    "adjoint": ("forward mode gives", "reverse mode gives"),
    "second": ("reverse over reverse gives", "differences of the gradient give"),
    "forward over reverse": ("forward over reverse gives", "differences of the gradient give"),
    "symmetry": ("the Hessian is not symmetric: <u, Hv> is", "<v, Hu> is"),
}
ALIKE = 1e-3  # ratios that differ by less are one factor
SIMPLE = {2.0: "twice too large", 0.5: "half of what it should be", -1.0: "the sign is wrong"}


@dataclass(frozen=True)
class GradientCheck:
    """One comparison: a derivative along a direction, and what it should be.

    `kind` is "reverse" or "forward" (compared with differences), "adjoint" (forward with reverse
    mode), "second" (reverse over reverse), "forward over reverse", "symmetry" (of the Hessian),
    or, when nothing can be compared, "value" or "jump". `argument` is the number of the argument
    that moved, and `where` its place in words; variables are numbered after the arguments.
    `uncertainty` is that of `expected`; `kink` says that the function has two slopes here; `note`
    says what the mistake looks like.
    """

    kind: str
    argument: int
    value: float
    expected: float
    uncertainty: float
    tolerance: float
    kink: bool = False
    where: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the values agree, within tolerance and uncertainty."""
        return bool(np.isfinite(self.value) and abs(self.value - self.expected) <= self.bound)

    @property
    def bound(self) -> float:
        """How far `value` may be from `expected`."""
        return self.tolerance * max(1.0, abs(self.expected)) + self.uncertainty

    @property
    def place(self) -> str:
        """What moved, in words."""
        return self.where or f"argument {self.argument}"

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "FAIL"
        note = ", at a kink" if self.kink else ""
        return (
            f"{mark} {self.kind}, {self.place}: {self.value:.9g}, expected "
            f"{self.expected:.9g} +- {self.uncertainty:.1g}{note}"
        )

    @property
    def words(self) -> str:
        """The comparison as a sentence."""
        computed, compared = KINDS[self.kind]
        if self.kind == "value":
            return f"f gives {self.value:g} at the point: no derivative can be compared there"
        if self.kind == "jump":
            return f"{computed} {self.value:.6g} ({self.place}): it has no derivative there"
        sure = f" +- {self.uncertainty:.1g}" if compared.startswith("differences") else ""
        text = f"{computed} {self.value:.6g} where {compared} {self.expected:.6g}{sure}"
        return f"{text} ({self.place})" + (f": {self.note}" if self.note else "")


@dataclass(frozen=True, repr=False)
class GradientVerdict:
    """What `check_gradients` found; true when every check passed.

    Printed, it says what is wrong where and then lists the checks.
    """

    checks: tuple[GradientCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(c.passed for c in self.checks)

    @property
    def failures(self) -> tuple[GradientCheck, ...]:
        """The checks that did not pass."""
        return tuple(c for c in self.checks if not c.passed)

    @property
    def kinks(self) -> tuple[int, ...]:
        """The numbers of the arguments along which the function has two slopes."""
        return tuple(sorted({c.argument for c in self.checks if c.kink}))

    @property
    def findings(self) -> tuple[str, ...]:
        """In a sentence each, what is wrong: one for each kind of check and each place."""
        found: dict[tuple[str, str], str] = {}
        for check in self.failures:
            found.setdefault((check.kind, check.place), check.words)
        return tuple(found.values())

    @property
    def summary(self) -> str:
        """The verdict in one line."""
        if self.passed:
            along = ", ".join(f"argument {number}" for number in self.kinks)
            kinks = f", kinks along {along}" if along else ""
            return f"check_gradients: all {len(self.checks)} checks passed{kinks}"
        failed = f"{len(self.failures)} of {len(self.checks)} checks failed"
        return f"check_gradients: {failed}: {self.findings[0]}"

    def raise_if_failed(self) -> GradientVerdict:
        """Raise an AssertionError that says what is wrong; return the verdict when nothing is.

        Raises:
            AssertionError: when a check did not pass.
        """
        if not self.passed:
            raise AssertionError(str(self))
        return self

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n- ".join([self.summary, *self.findings[1:]])

    def __str__(self) -> str:
        return "\n".join([repr(self), *[str(c) for c in self.checks]])


def suspicion(
    values: Sequence[float],
    expected: Sequence[float],
    bounds: Sequence[float],
    otherwise: Mapping[str, Sequence[float]],
) -> str:
    """What a wrong derivative looks like, from its values along several directions.

    Args:
        values: what the rule gave. expected: what it should be. bounds: how far these may be apart.
        otherwise: by a description of a change, the values that the changed derivative has.
    """
    have, want, bound = (np.asarray(v, float) for v in (values, expected, bounds))
    if not np.all(np.isfinite(want)):
        return "f has no finite slope here: move the point away from the edge of its domain"
    if not np.all(np.isfinite(have)):
        return "it is not finite"
    for change, other in otherwise.items():
        if np.all(np.abs(np.asarray(other) - want) <= bound):
            return change
    sure = np.abs(want) > 2 * bound
    if not sure.any():
        return "there should be none"
    if np.all(np.abs(have[sure]) <= bound[sure]):
        return "no derivative arrives: a term is missing, or the path was left"
    blur = float(np.max(bound[sure] / np.abs(want[sure])))
    return _factor(have[sure] / want[sure], max(ALIKE, 2 * blur))


def _factor(ratios: np.ndarray, blur: float) -> str:
    """A constant factor in words, or that there is none."""
    middle = float(np.median(ratios))
    if len(ratios) > 1 and np.any(np.abs(ratios - middle) > blur * max(1.0, abs(middle))):
        return (
            f"a term is missing or one too many: {ratios.min():.3g} to {ratios.max():.3g} times"
            " what it should be, depending on the direction"
        )
    for factor, text in SIMPLE.items():
        if abs(middle - factor) <= blur * abs(factor):
            return text
    return f"{middle:.4g} times what it should be"
