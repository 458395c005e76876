"""Connectionist temporal classification as a chain of states: probability, posterior, and the
posterior's derivative.

The states of an example are its labels with blanks between and around them. A path stays, moves on
by one state or, from a label to a different one, by two. `log_probability` sums over the paths from
the first two states to the last two; its derivative is the posterior probability of each state at
each time (Graves et al., 2006), found by the forward and backward recurrences in logarithms. The
derivative of the posterior is written in operations, so that orders close:

    dP = P (da + db - dlogZ),    where da and db follow the recurrences with their weights
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_loops  # noqa: F401
from gradtape.core.dispatch import apply
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import smaller
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import maximum
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import (
    add,
    broadcast_to,
    full,
    multiply,
    places,
    reshape,
    safe_multiply,
    subtract,
    sum_axes,
    transpose,
    zeros,
)
from gradtape.ops.choosing import select
from gradtape.ops.exponential import exp, log
from gradtape.ops.quotients import divide
from gradtape.ops.stepwise import less, not_equal

BOOL = np.dtype(np.bool_)
NEVER = -1e30  # the logarithm of zero: finite, so that differences of two are
IMPOSSIBLE = -1e29

# the kernels


def _moved(xp: Any, a: Any, by: int, fill: Any) -> Any:
    """The states' values moved on by one or two states (back, if negative)."""
    edge = xp.full((a.shape[0], min(abs(by), a.shape[1])), fill, a.dtype)
    if by > 0:
        return xp.concatenate([edge, a[:, :-by]], 1)[:, : a.shape[1]]
    return xp.concatenate([a[:, -by:], edge], 1)[:, -a.shape[1] :]


def _skips(xp: Any, states: Any) -> Any:
    """Whether a state is entered from the one before the last: labels that differ from the label
    before.
    """
    odd = np.arange(states.shape[1]) % 2 == 1
    return odd & (_moved(xp, states, 2, 0) != states) & (np.arange(states.shape[1]) > 2)


def _log_sum(xp: Any, a: Any, b: Any, c: Any) -> Any:
    top = xp.maximum(xp.maximum(a, b), c)
    return top + xp.log(xp.exp(a - top) + xp.exp(b - top) + xp.exp(c - top))


def _last(xp: Any, emissions: Any, label_length: Any) -> Any:
    """0 at the states in which a path may end and NEVER elsewhere."""
    place = xp.arange(emissions.shape[2])
    end = 2 * label_length[:, None]
    return xp.where((place == end) | (place == end - 1), 0.0, NEVER).astype(emissions.dtype)


def _forward(xp: Any, emissions: Any, states: Any, logit_length: Any) -> Any:
    """The log probability of all paths to each state at each time, its emission included."""
    never = emissions.dtype.type(NEVER)
    skips = _skips(xp, states)
    place = np.arange(emissions.shape[2])
    first = xp.where(place == 0, xp.zeros_like(emissions[0, :, :]), never)
    on = xp.arange(emissions.shape[0])[:, None, None] < logit_length[:, None]

    def step(a: Any, rows: Any) -> Any:
        emission, active = rows
        two = xp.where(skips, _moved(xp, a, 2, never), never)
        return xp.where(active, emission + _log_sum(xp, a, _moved(xp, a, 1, never), two), a)

    return first, xp.recurrence(step, first, (xp.maximum(emissions, never), on))


def _backward(xp: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any) -> Any:
    """The log probability of all paths from each state at each time to the end, its emission not
    included.
    """
    never = emissions.dtype.type(NEVER)
    skips = _moved(xp, _skips(xp, states), -2, False)
    end = _last(xp, emissions, label_length)
    on = xp.arange(emissions.shape[0])[:, None, None] + 1 < logit_length[:, None]
    later = xp.concatenate([emissions[1:], xp.zeros_like(emissions[:1])])

    def step(b: Any, rows: Any) -> Any:
        emission, active = rows
        b = b + emission
        two = xp.where(skips, _moved(xp, b, -2, never), never)
        return xp.where(active, _log_sum(xp, b, _moved(xp, b, -1, never), two), end)

    rows = (xp.maximum(later, never)[::-1], on[::-1])
    return xp.recurrence(step, end, rows)[::-1]


def _total(xp: Any, first: Any, forward: Any, emissions: Any, label_length: Any) -> Any:
    ends = (forward[-1] if emissions.shape[0] else first) + _last(xp, emissions, label_length)
    top = ends.max(1, keepdims=True)
    return (top + xp.log(xp.exp(ends - top).sum(1, keepdims=True)))[:, 0]


def _probability_kernel(
    xp: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any
) -> Any:
    first, forward = _forward(xp, emissions, states, logit_length)
    total = _total(xp, first, forward, emissions, label_length)
    return xp.where(total < IMPOSSIBLE, emissions.dtype.type(-np.inf), total)


def _posterior_kernel(
    xp: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any
) -> Any:
    first, forward = _forward(xp, emissions, states, logit_length)
    backward = _backward(xp, emissions, states, label_length, logit_length)
    total = _total(xp, first, forward, emissions, label_length)
    on = xp.arange(emissions.shape[0])[:, None] < logit_length
    on = on & ~(total < IMPOSSIBLE)
    inside = xp.where(on[:, :, None], forward + backward - total[:, None], NEVER)
    return xp.exp(inside).astype(emissions.dtype)


# the primitives


def _folded(mask: Any, inputs: Any) -> tuple[int, list[Any]]:
    """A batch made part of the examples."""
    many = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    emissions, *rest = [
        t if b else broadcast_to(reshape(t, (1, *t._shape)), (many, *t._shape))
        for t, b in zip(inputs, mask, strict=True)
    ]
    _, times, count, size = emissions._shape
    emissions = reshape(transpose(emissions, (1, 0, 2, 3)), (times, many * count, size))
    return many, [emissions, *[reshape(t, (many * count, *t._shape[2:])) for t in rest]]


def _probability_batch(mask: Any, *inputs: Any) -> Any:
    many, folded = _folded(mask, inputs)
    out = log_probability(*folded)
    return reshape(out, (many, out._shape[0] // many))


def _posterior_batch(mask: Any, *inputs: Any) -> Any:
    many, folded = _folded(mask, inputs)
    out = posterior(*folded)
    times, count, size = out._shape
    return transpose(reshape(out, (times, many, count // many, size)), (1, 0, 2, 3))


def _probability_vjp(
    ct: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any
) -> Any:
    held = posterior(emissions, states, label_length, logit_length)
    return safe_multiply(reshape(ct, (1, ct._shape[0], 1)), held)


def _probability_jvp(
    t: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any
) -> Any:
    held = posterior(emissions, states, label_length, logit_length)
    return sum_axes(safe_multiply(t, held), (0, 2))


_log_probability = primitive(
    "ctc_log_probability",
    _probability_kernel,
    vjps=[_probability_vjp, INTEGER, INTEGER, INTEGER],
    jvps=[_probability_jvp, INTEGER, INTEGER, INTEGER],
    batch=_probability_batch,
    shape=lambda emissions, states, label_length, logit_length: Spec(
        emissions._shape[1:2], emissions._dtype
    ),
    kinds="f",
)


def log_probability(emissions: Any, states: Any, label_length: Any, logit_length: Any) -> Any:
    """The log probability of the labels: emissions (times, examples, states) are log probabilities
    of the states.

    `states` (examples, 2 * labels + 1) are labels at odd places and blanks at even ones.
    """
    return apply(_log_probability, (emissions, states, label_length, logit_length))


def _posterior_push(
    t: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any
) -> Any:
    return tangent(t, emissions, states, label_length, logit_length)


_posterior = primitive(
    "ctc_posterior",
    _posterior_kernel,
    vjps=[_posterior_push, INTEGER, INTEGER, INTEGER],  # a Hessian: it is its own transpose
    jvps=[_posterior_push, INTEGER, INTEGER, INTEGER],
    batch=_posterior_batch,
    shape=lambda emissions, states, label_length, logit_length: Spec(
        emissions._shape, emissions._dtype
    ),
    kinds="f",
)


def posterior(emissions: Any, states: Any, label_length: Any, logit_length: Any) -> Any:
    """The probability of each state at each time, given the labels; 0 where they are impossible."""
    return apply(_posterior, (emissions, states, label_length, logit_length))


# the derivative of the posterior, in operations


class _Recurrence:
    """One direction of the recurrences in operations: values and their derivatives, time after
    time.
    """

    def __init__(self, skips: Any, direction: int, like: Any) -> None:
        self.skips, self.direction = skips, direction
        self.never = full((), NEVER, like._dtype)
        self.zero = zeros((), like._dtype)

    def moved(self, a: Any, by: int, fill: float) -> Any:
        count, size = a._shape
        by = min(by, size)
        edge = full((count, by), fill, a._dtype)
        if self.direction > 0:
            return concat([edge, slice_axis(a, 0, size - by, 1)], 1)
        return concat([slice_axis(a, by, size, 1), edge], 1)

    def step(self, a: Any, da: Any) -> tuple[Any, Any]:
        """The log of the sum over the ways into each state, and its derivative."""
        two = select(self.skips, self.moved(a, 2, NEVER), self.never)
        ways = [a, self.moved(a, 1, NEVER), two]
        top = maximum(maximum(ways[0], ways[1]), two)
        parts = [exp(subtract(w, top)) for w in ways]
        total = add(add(parts[0], parts[1]), parts[2])
        moves = [da, self.moved(da, 1, 0), self.moved(da, 2, 0)]
        slopes = [multiply(p, m) for p, m in zip(parts, moves, strict=True)]
        slope = divide(add(add(slopes[0], slopes[1]), slopes[2]), total)
        return add(top, log(total)), slope


def _skips_in_operations(states: Any) -> tuple[Any, Any]:
    """For the forward and the backward direction, which states are entered by two."""
    count, size = states._shape
    false = zeros((count, smaller(2, size)), BOOL)
    if size <= 2:
        return false, false
    differ = not_equal(slice_axis(states, 2, size, 1), slice_axis(states, 0, size - 2, 1))
    odd = Tensor(np.arange(size - 2) % 2 == 1)
    allowed = select(odd, differ, zeros((), BOOL))
    return concat([false, allowed], 1), concat([allowed, false], 1)


def _row(x: Any, t: int) -> Any:
    return reshape(slice_axis(x, t, t + 1, 0), x._shape[1:])


def _stacked(rows: list[Any]) -> Any:
    return concat([reshape(r, (1, *r._shape)) for r in rows], 0)


def tangent(v: Any, emissions: Any, states: Any, label_length: Any, logit_length: Any) -> Any:
    """The derivative of the posterior along v (times, examples, states)."""
    times, count, size = emissions._shape
    if times == 0:
        return v
    held = posterior(emissions, states, label_length, logit_length)
    safe = maximum(emissions, full((), NEVER, emissions._dtype))
    clock = Tensor(np.arange(times + 1, dtype=logit_length._dtype)[:, None, None])
    on = less(clock, reshape(logit_length, (1, count, 1)))
    ahead, back = _skips_in_operations(states)

    run = _Recurrence(ahead, 1, v)
    start = np.where(np.arange(size) == 0, 0, NEVER).astype(v._dtype)
    a, da = broadcast_to(Tensor(start), (count, size)), zeros((count, size), v._dtype)
    forward = []
    for t in range(times):
        value, slope = run.step(a, da)
        active = _row(on, t)
        a = select(active, add(value, _row(safe, t)), a)
        da = select(active, add(slope, _row(v, t)), da)
        forward.append(da)

    run = _Recurrence(back, -1, v)
    end = _ends(label_length, size, v._dtype)
    b, db = end, zeros((count, size), v._dtype)
    backward = [db]
    for t in range(times - 2, -1, -1):
        value, slope = run.step(add(b, _row(safe, t + 1)), add(db, _row(v, t + 1)))
        active = _row(on, t + 1)
        b, db = select(active, value, end), select(active, slope, run.zero)
        backward.append(db)

    both = add(_stacked(forward), _stacked(backward[::-1]))
    total = sum_axes(multiply(held, v), (0, 2))
    return multiply(held, subtract(both, reshape(total, (1, count, 1))))


def _ends(label_length: Any, size: int, dtype: Any) -> Any:
    """0 at the last two states of each example and NEVER elsewhere."""
    count = label_length._shape[0]
    place = reshape(places(size, label_length._dtype), (1, size))
    end = reshape(add(label_length, label_length), (count, 1))
    one = Tensor(label_length._dtype.type(1))
    two = Tensor(label_length._dtype.type(2))
    never, zero = full((), NEVER, dtype), zeros((), dtype)
    upper = select(less(place, add(end, one)), zero, never)
    return select(less(subtract(end, two), place), upper, never)
