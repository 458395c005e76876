"""The verbs of control flow on XLA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gradtape.graph.xp_jax_base import verb
from gradtape.graph.xp_jax_calls import blank


@verb
def switch(index: Any, branches: Sequence[Callable[..., Any]], operands: Sequence[Any]) -> Any:
    """What the branch with a number gives for operands; numbers out of range are clamped."""
    if len(branches) == 2:
        return jax.lax.cond(index > 0, branches[1], branches[0], *operands)
    return jax.lax.switch(index, branches, *operands)


MOST_SLOTS, LEAST_SLOTS, MOST_BYTES = 128, 8, 2**27


@verb
def loop_pull(
    test: Callable[[Any], Any],
    body: Callable[[Any], Any],
    back: Callable[[Any, Any], Any],
    state: Any,
    cts: Any,
    sums: Any,
) -> Any:
    """Repeat a loop and walk back through its states, with a bounded stack of checkpoints.

    The stack holds states at ascending steps, the first one always. To step back over step i the
    state there is needed: the loop is repeated from the highest checkpoint at or below i, and on
    the way states are put on the stack, all of them where there is room for all, otherwise at
    distances that use up half of the free places: the gaps are then filled in the same way when the
    walk gets there. So a loop of n steps is repeated once while n is at most the number of places,
    and about log(n) times beyond; whatever n is, the result is exact. (Binomial schedules of
    checkpoints are due to A. Griewank, 1992; this one needs not know n when it starts.)
    """
    state = tuple([jnp.asarray(s) for s in state])
    size = sum([s.size * s.dtype.itemsize for s in state])
    slots = max(LEAST_SLOTS, min(MOST_SLOTS, MOST_BYTES // max(size, 1)))

    def ahead(pair: Any) -> Any:
        return pair[0] + 1, body(pair[1])

    zero = jnp.int32(0)
    count, _ = jax.lax.while_loop(lambda pair: test(pair[1]), ahead, (zero, state))
    places = jnp.zeros(slots + 1, jnp.int32)
    stack = tuple([jnp.zeros((slots + 1, *s.shape), s.dtype).at[0].set(s) for s in state])

    def distance(here: Any, goal: Any, top: Any) -> Any:
        gap, free = goal - here, slots - 1 - top
        return jnp.where(gap <= free, 1, -(-gap // jnp.maximum(1, (free + 1) // 2)))

    def step_back(carry: Any) -> Any:
        goal, top, places, stack, cts, sums = carry

        def forward(inner: Any) -> Any:
            here, following, top, places, stack, state = inner
            here, state = here + 1, body(state)
            push = (here == following) & (here < goal) & (top < slots - 1)
            slot = jnp.where(push, top + 1, slots)
            top = jnp.where(push, top + 1, top)
            places = places.at[slot].set(here)
            stack = tuple([a.at[slot].set(s) for a, s in zip(stack, state, strict=True)])
            following = jnp.where(push, here + distance(here, goal, top), following)
            return here, following, top, places, stack, state

        here = places[top]
        inner = here, here + distance(here, goal, top), top, places, stack, _at(stack, top)
        _, _, top, places, stack, state = jax.lax.while_loop(
            lambda inner: inner[0] < goal, forward, inner
        )
        cts, more = back(state, cts)
        sums = tuple([s + m for s, m in zip(sums, more, strict=True)])
        top = jnp.where((places[top] >= goal) & (top > 0), top - 1, top)
        return goal - 1, top, places, stack, cts, sums

    carry = (count - 1, zero, places, stack, cts, sums)
    *_, cts, sums = jax.lax.while_loop(lambda carry: carry[0] >= 0, step_back, carry)
    return (*cts, *sums)


def _at(stack: Any, place: Any) -> Any:
    return tuple([jax.lax.dynamic_index_in_dim(a, place, 0, keepdims=False) for a in stack])


@verb
def scan(
    step: Callable[[Any, Any], Any],
    state: Any,
    rows: Sequence[Any],
    length: int,
    reverse: bool,
    specs: Sequence[tuple[Any, Any]],
    at_once: int = 1,
) -> Any:
    """Repeat a step once for each row, some in one round; the last state, then the stacked results.

    Each result starts as memory that nobody wrote to, or where that is not to be had as an array of
    a number of its own: XLA fills the arrays of a `lax.scan`, which are equal, by copies of one.
    (An LSTM of 64 steps: 9 MB less to copy.)
    """
    state = tuple([jnp.asarray(s) for s in state])
    if length == 0:
        return (*state, *[jnp.zeros((0, *shape), dtype) for shape, dtype in specs])
    groups = _together(specs)
    kinds = [_joined_spec([specs[i] for i in group]) for group in groups]
    stacks = tuple([_stack((length, *s), d, i) for i, (s, d) in enumerate(kinds)])

    def one(number: Any, before: Any) -> Any:
        state, stacks = before
        at = np.uint32(length - 1) - number if reverse else number
        row = tuple([lax.dynamic_index_in_dim(r, at, 0, keepdims=False) for r in rows])
        state, found = step(state, row)
        found = [_joined([found[i] for i in group]) for group in groups]
        put = lax.dynamic_update_index_in_dim
        return state, tuple([put(s, f, at, 0) for s, f in zip(stacks, found, strict=True)])

    first = length % at_once  # before the loop: after it, XLA would copy the stacks

    def several(number: Any, before: Any) -> Any:
        for k in range(at_once):
            before = one(number * np.uint32(at_once) + np.uint32(first + k), before)
        return before

    unsigned = jnp.uint32  # else each row is preceded by a test for a negative number
    carry = state, stacks
    for number in range(first):
        carry = one(unsigned(number), carry)
    state, stacks = lax.fori_loop(unsigned(0), unsigned(length // at_once), several, carry)
    apart: dict[int, Any] = {}
    for group, stack in zip(groups, stacks, strict=True):
        apart.update(zip(group, _split(stack, [specs[i] for i in group]), strict=True))
    return (*state, *[apart[i] for i in range(len(specs))])


def _stack(shape: tuple[int, ...], dtype: Any, number: int) -> Any:
    """An array to be filled by a loop."""
    made = blank(shape, dtype, number)
    return jnp.full(shape, number % 100, dtype) if made is None else made


# Results of a round that are small are kept side by side in one stack: to write one to its place is
# a piece of code of its own, which takes XLA longer to start than to run. (ADBench's LSTM, with 24
# of 14 numbers: 9.7 ms in the median, and 8.3 so.)
SMALL = 256  # elements


def _together(specs: Sequence[tuple[Any, Any]]) -> list[list[int]]:
    """The numbers of the results, small ones of one dtype in one list."""
    groups: list[list[int]] = []
    small: dict[Any, list[int]] = {}
    for number, (shape, dtype) in enumerate(specs):
        if prod(shape) > SMALL:
            groups.append([number])
        elif dtype in small:
            small[dtype].append(number)
        else:
            groups.append(small.setdefault(dtype, [number]))
    return groups


def _joined_spec(specs: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    shape, dtype = specs[0]
    return (shape, dtype) if len(specs) == 1 else ((sum([prod(s) for s, _ in specs]),), dtype)


def _joined(found: Sequence[Any]) -> Any:
    """The results of a round that are kept together."""
    return found[0] if len(found) == 1 else jnp.concatenate([jnp.ravel(f) for f in found])


def _split(stack: Any, specs: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The stacks of results that were kept together."""
    if len(specs) == 1:
        return [stack]
    ends = np.cumsum([prod(shape) for shape, _ in specs])
    parts = jnp.split(stack, ends[:-1], axis=1)
    return [p.reshape((len(stack), *s)) for p, (s, _) in zip(parts, specs, strict=True)]
