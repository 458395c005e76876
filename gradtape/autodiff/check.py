"""`check_gradients`: the derivatives of a function at a point, checked along random directions.

The cost does not grow with the number of elements. Reverse and forward mode are compared with
extrapolated differences, and with each other (<Jv, w> = <v, J'w> holds to rounding); second
derivatives, by reverse over reverse and forward over reverse, with differences of first ones, and
with the symmetry <u, Hv> = <v, Hu>. Where the one-sided slopes differ, the point is a kink: any
slope between them is right there, and no second derivative is asked for. What fails is looked at
again, to say what the mistake looks like and at which elements it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradtape.autodiff.moving import Moving, inner
from gradtape.autodiff.numerical import derivative
from gradtape.autodiff.verdict import GradientCheck, GradientVerdict, suspicion
from gradtape.core.errors import brief
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import restore, silence
from gradtape.ops.static import callable_or_raise, static_int

MOST_ELEMENTS = 12  # of a failing place that are looked at one by one


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    directions: int = 2,
    tolerance: float | None = None,
    seed: int = 0,
    variables: Sequence[Any] = (),
) -> GradientVerdict:
    """Check the derivatives of a function at a point along random directions.

    Args:
        f: a function of tensors that returns a tensor or a structure of them; a `tf.function` too.
        args: its arguments, tensors or structures of them; numbers and lists of numbers become
            float64. Only floating-point and complex ones move.
        order: 1 checks reverse and forward mode, 2 second derivatives as well.
        directions: how many directions are tried for each place that moves.
        tolerance: relative; by default 1e-6 for float64. For fewer bits 1000 units in the last
            place, 0.1 at most, where f takes 64-bit arguments too, for its differences; otherwise
            20 roots of the unit, 0.25 at most.
        seed: of the directions.
        variables: variables that f reads and that move as well; they keep their values.

    Returns:
        A `GradientVerdict`: true when all checks passed. Printed, it says what is wrong where;
        `raise_if_failed()` raises an AssertionError with that text.

    Raises:
        ValueError: when no argument or no result is floating-point, order is not 1 or 2, or two
            evaluations at one point differ.
        LookupError: when an operation in f has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> bool(tf.check_gradients(lambda x: x * x * x, 2.0))
        True
        >>> @tf.custom_gradient
        ... def wrong(x):
        ...     return x * x, lambda ct: ct * x
        >>> print(tf.check_gradients(wrong, 3.0, order=1).findings[0])  # doctest: +ELLIPSIS
        the reverse rule gives ... (argument 0): half of what it should be
    """
    if order not in (1, 2):
        raise ValueError(f"gradtape.check_gradients: order must be 1 or 2, not {order!r}.")
    callable_or_raise(f, "check_gradients", "f")
    for variable in variables:
        if not isinstance(variable, Variable):
            raise TypeError(
                f"gradtape.check_gradients: {brief(variable)} in variables is no variable. Pass "
                "tensors as arguments."
            )
    count = static_int(directions, "check_gradients", "directions")
    moving = Moving(f, args, list(variables), np.random.default_rng(seed))
    token = silence()
    try:
        with moving.restored():
            return _Checks(moving, order, max(count, 1), tolerance).verdict()
    finally:
        restore(token)


class _Checks:
    """The comparisons at all places of a point."""

    def __init__(
        self, moving: Moving, order: int, directions: int, tolerance: float | None
    ) -> None:
        self.moving = moving
        self.order = order
        self.directions = directions
        self.bound = self._bound() if tolerance is None else float(tolerance)
        self.rounding = min(1e3 * moving.eps, 0.1)
        self.gradient: list[Any] = []

    def _bound(self) -> float:
        eps = self.moving.eps
        if eps < 1e-10:
            return 1e-6
        return min(1e3 * eps, 0.1) if self.moving.wide else min(20 * eps**0.5, 0.25)

    def verdict(self) -> GradientVerdict:
        """All comparisons, with notes on those that failed."""
        here = self.moving.value(self.moving.point)
        if not np.isfinite(here):
            return GradientVerdict((GradientCheck("value", 0, here, 0.0, 0.0, 0.0),))
        self.gradient = self.moving.gradient(self.moving.point)
        checks: list[GradientCheck] = []
        for place in range(len(self.moving.places)):
            checks += self._at(place)
        return GradientVerdict(tuple(checks))

    def _check(self, place: int, kind: str, *numbers: Any, kink: bool = False) -> GradientCheck:
        argument, where = self.moving.places[place]
        return GradientCheck(kind, argument, *numbers, kink=kink, where=where)

    def _at(self, place: int) -> list[GradientCheck]:
        """The comparisons when one place moves."""
        ways = [self.moving.direction(self.moving.point[place]) for _ in range(self.directions)]
        firsts: list[GradientCheck] = []
        seconds: list[GradientCheck] = []
        for v in ways:
            found = self._first(place, v)
            firsts += found
            if found[0].kind == "jump":
                return found
            if self.order == 2 and not found[0].kink:
                seconds += self._second(place, v)
        return [*self._noted(place, firsts, ways), *self._noted(place, seconds, ways)]

    def _step(self, v: Any) -> float:
        """The largest step along a direction."""
        return 0.05 / max(1.0, float(np.max(np.abs(v.astype(np.complex128)), initial=0.0)))

    def _mass(self, gradient: Any, v: Any) -> float:
        """What rounding may do to <gradient, v>, where the terms cancel."""
        terms = np.abs(gradient.astype(np.complex128)) * np.abs(v.astype(np.complex128))
        return 8 * self.moving.eps * float(np.sum(terms, where=np.isfinite(terms)))

    def _first(self, place: int, v: Any) -> list[GradientCheck]:
        """Reverse and forward mode against differences, and against each other."""
        reverse = inner(self.gradient[place], v)
        forward = self.moving.pushed(place, v)
        expected, uncertainty, kink, jump = self._slope(place, v)
        if jump:
            return [self._check(place, "jump", jump, 0.0, 0.0, 0.0)]
        mass = self._mass(self.gradient[place], v)
        numbers = expected, uncertainty + mass, self.bound
        return [
            self._check(place, "reverse", reverse, *numbers, kink=kink),
            self._check(place, "forward", forward, *numbers, kink=kink),
            self._check(place, "adjoint", forward, reverse, mass, self.rounding, kink=kink),
        ]

    def _slope(self, place: int, v: Any) -> tuple[float, float, bool, float]:
        """The slope along a direction, its uncertainty, whether the sides differ, and a jump.

        At a kink the middle of the two slopes is expected, with half their distance either way.
        """
        along = self.moving.along(place, v)
        eps = self.moving.reference_eps
        here = along(0.0)
        floor = eps * max(1.0, abs(here))
        step = self._step(v)
        small = max(step / 64, 4 * eps**0.5)
        tiny = small / 16

        def sides(t: float) -> tuple[float, float]:
            return (along(t) - here) / t, (here - along(-t)) / t

        right, left = sides(small)
        near_right, near_left = sides(tiny)
        jump = self._jump(sides, tiny, floor)
        gap, closer = abs(right - left), abs(near_right - near_left)
        if closer > 0.5 * gap and closer > 8 * floor / tiny + self.bound * max(1.0, abs(right)):
            return (right + left) / 2, gap / 2, True, jump
        found = derivative(along, step, floor=floor)
        return float(found.value), float(found.error), False, jump

    def _jump(self, sides: Callable[[float], tuple[float, float]], t: float, floor: float) -> float:
        """How far the function jumps at the point, 0 where it is continuous."""
        near = t / 256
        far_gap = max(abs(s) for s in sides(t)) * t
        gap = max(abs(s) for s in sides(near)) * near
        return gap if gap > 0.5 * far_gap and gap > 256 * floor else 0.0

    def _second(self, place: int, v: Any) -> list[GradientCheck]:
        """Second derivatives by both modes against differences of the gradient, and symmetry."""
        moving = self.moving
        u = [moving.direction(a) for a in moving.point]
        along = moving.slopes_along(place, v, u)
        floor = moving.reference_eps * max(1.0, abs(along(0.0)))
        found = derivative(along, self._step(v), floor=floor)
        twice = moving.pulled_twice(u)
        mixed = moving.pushed_over(place, v)
        only_v = [v if i == place else np.zeros_like(a) for i, a in enumerate(moving.point)]
        turned = moving.pulled_twice(only_v)
        by_reverse = inner(twice[place], v)
        by_forward = sum(inner(w, m) for w, m in zip(u, mixed, strict=True))
        by_symmetry = sum(inner(w, m) for w, m in zip(u, turned, strict=True))
        mass = self._mass(twice[place], v) + sum(map(self._mass, mixed, u))
        numbers = float(found.value), float(found.error) + mass, self.bound
        return [
            self._check(place, "second", by_reverse, *numbers),
            self._check(place, "forward over reverse", by_forward, *numbers),
            self._check(place, "symmetry", by_reverse, by_symmetry, mass, self.rounding),
        ]

    # what failed

    def _noted(self, place: int, checks: list[GradientCheck], ways: list[Any]) -> Any:
        """The checks, where some of a kind failed with what the mistake looks like."""
        noted = list(checks)
        for kind in dict.fromkeys(c.kind for c in checks if not c.passed):
            alike = [c for c in checks if c.kind == kind]
            changed = self._changed(place, ways) if kind == "reverse" else {}
            note = suspicion(
                [c.value for c in alike],
                [c.expected for c in alike],
                [c.bound for c in alike],
                changed,
            )
            if kind == "reverse":
                note += self._elements(place)
            noted = [replace(c, note=note) if c.kind == kind and not c.passed else c for c in noted]
        return noted

    def _changed(self, place: int, ways: list[Any]) -> dict[str, list[float]]:
        """What the gradient would give along the directions if it were conjugated or transposed."""
        gradient = self.gradient[place]
        changes = {}
        if gradient.dtype.kind == "c":
            changes["the rule gives the complex conjugate"] = np.conj(gradient)
            turned = self.moving.gradient(
                self.moving.point, [np.conj(w) for w in self.moving.weights]
            )
            changes["a tf.math.conj of the slope is missing, or one too many"] = np.conj(
                turned[place]
            )
        if gradient.ndim > 1 and gradient.shape[-1] == gradient.shape[-2] > 1:
            changes["the rule gives the transpose"] = np.swapaxes(gradient, -1, -2)
        return {text: [inner(g, v) for v in ways] for text, g in changes.items()}

    def _elements(self, place: int) -> str:
        """The elements at which the gradient is wrong, where there are few and some are right."""
        gradient = self.gradient[place]
        wrong = [list(i) for i in np.argwhere(~np.isfinite(gradient))]
        if not wrong and 1 < gradient.size <= MOST_ELEMENTS:
            wrong = [list(i) for i in np.ndindex(gradient.shape) if not self._right(place, i)]
        if not wrong or len(wrong) == gradient.size:
            return ""
        shown = ", ".join(str([int(k) for k in i]) for i in wrong[:MOST_ELEMENTS])
        more = ", ..." if len(wrong) > MOST_ELEMENTS else ""
        return f"; only at {shown}{more} of the shape {list(gradient.shape)}"

    def _right(self, place: int, index: tuple[int, ...]) -> bool:
        """Whether one element of the gradient is what differences give."""
        gradient = self.gradient[place]
        v = np.zeros_like(gradient)
        v[index] = 1
        expected, error, kink, _ = self._slope(place, v)
        allowed = self.bound * max(1.0, abs(expected)) + error + self._mass(gradient, v)
        return kink or abs(float(np.real(gradient[index])) - expected) <= allowed
