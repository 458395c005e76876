"""What a compiled function keeps for its backward: a minimum cut between forward and backward.

Everything that the backward reads of the forward lies behind some set of values. Keeping a value
costs its bytes; what is not kept is computed again from what is, where that is cheap. The set of
least bytes is a minimum cut of the graph of values (the max-flow min-cut theorem of L. Ford and D.
Fulkerson, 1956; for derivatives as in PyTorch's min-cut partitioner). Products, convolutions,
reductions, transcendental functions and whatever has an effect are never done twice; what only the
backward wants, such as the slope of a function, it may compute itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from gradtape.core.sizes import Size, told_by, unknowns
from gradtape.core.xp_numpy import Lazy
from gradtape.graph.graph import CONSTANT, Operation, needed
from gradtape.graph.symbolic import Value

csgraph: Any = Lazy("scipy.sparse.csgraph")
sparse: Any = Lazy("scipy.sparse")

CHEAP = frozenset({
    "add", "subtract", "multiply", "negative", "relu", "relu6", "maximum",
    "minimum", "where", "cast", "reshape", "transpose", "broadcast_to", "strided_slice",
    "concat", "real", "imag", "conj", "square", "sign", "logical_not", "logical_and",
    "logical_or", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "safe_multiply", "chain_multiply", "pad", "sizes",
})  # fmt: skip
MOST = 2**30


def kept_values(
    inputs: Sequence[Value],
    cotangents: Iterable[Value],
    forward: Sequence[Value],
    backward: Sequence[Value],
    paid: Sequence[Value] = (),
) -> list[Value]:
    """The values of the forward that are kept for the backward.

    Args:
        inputs: the inputs of the forward; they cost nothing, since the caller has them.
        cotangents: the inputs of the backward.
        forward: the outputs of the forward.
        backward: the outputs of the backward.
        paid: inputs that cost their bytes all the same.
    """
    cts = set(cotangents)
    order = needed(backward, (), cts)
    late = _depending(order, cts)
    read: dict[Value, None] = {v: None for v in backward if v not in late and v not in cts}
    for op in order:
        if not late.isdisjoint(op.values):
            read.update({v: None for v in op.takes if v not in late and v not in cts})
    read = {v: None for v in read if v.op.primitive is not CONSTANT}
    given = {*inputs, *paid}
    early = needed(read, (), given)
    wanted = set(needed(forward, (), given))
    once = {op for op in wanted if op.primitive.name not in CHEAP}
    once |= {op for op in early if op.effect}
    free, returned = set(inputs), set(forward)
    costs = {v: 0 if v in free else _cost(v) for v in given}
    for op in early:
        for value in op.values:
            costs[value] = _cost(value) // 2 if value in returned else _cost(value)
            if op not in wanted:  # as well done in the backward, with what follows it there
                costs[value] += costs[value] // 64 + 1
    return _cut(given, costs, early, once, list(read))


def sizes_apart(
    given: Iterable[Value], operations: Sequence[Operation], cts: set[Value]
) -> list[Any]:
    """The open sizes that operations need and the shapes of what they are given do not tell: those
    that are found in the forward, not from cotangents."""
    late = _depending(operations, cts)
    found = [v for op in operations if op.host for v in op.values if v in late]
    told = told_by([v.shape for v in [*given, *found]])
    wanted = unknowns([op.params for op in operations])
    return [Size({(atom,): 1}) for atom in wanted if atom not in told]


def _depending(order: Sequence[Operation], cts: set[Value]) -> set[Value]:
    """The values that depend on cotangents."""
    late: set[Value] = set()
    for op in order:
        if any([v in cts or v in late for v in op.takes]):
            late.update(op.values)
    return late


def _cost(value: Value) -> int:
    sizes = [n if type(n) is int else 1024 for n in value.shape]
    return prod(sizes) * value.dtype.itemsize + 64


def _cut(
    inputs: set[Value],
    costs: dict[Value, int],
    early: Sequence[Operation],
    once: set[Operation],
    read: list[Value],
) -> list[Value]:
    """The values between inputs and what is read whose keeping costs least.

    Args:
        costs: what each value costs; those that the forward returns anyway cost less.
        early: the operations between them.
        once: those of them that are not done again.
    """
    numbers: dict[Value, int] = {}
    for value in [*inputs, *[v for op in early for v in op.values]]:
        numbers.setdefault(value, 2 + 2 * len(numbers))
    edges: dict[tuple[int, int], int] = {}
    scale = max(1, sum(costs.values()) // (MOST // 2))
    for value, n in numbers.items():
        edges[n, n + 1] = max(1, costs[value] // scale)
        if value in inputs:
            edges[0, n] = MOST
    for op in early:
        if op.primitive is CONSTANT:
            continue
        for value in op.values:
            if value in inputs:
                continue
            if op in once:
                edges[0, numbers[value]] = MOST
                continue
            for taken in op.takes:
                if taken.op.primitive is not CONSTANT:
                    edges[numbers[taken] + 1, numbers[value]] = MOST
    for value in read:
        edges[numbers[value] + 1, 1] = MOST
    if not read:
        return []
    size = 2 + 2 * len(numbers)
    rows, columns = np.array(list(edges)).T
    network = sparse.csr_matrix(
        (np.array(list(edges.values()), np.int32), (rows, columns)), (size, size)
    )
    flow = csgraph.maximum_flow(network, 0, 1).flow
    rest = network - flow
    rest.data[rest.data < 0] = 0
    rest.eliminate_zeros()
    # of several cuts of one cost the one nearest to the backward: it leaves the least to do again
    back = csgraph.breadth_first_order(rest.T.tocsr(), 1, return_predecessors=False)
    behind = set(back.tolist())
    return [v for v, n in numbers.items() if n not in behind and n + 1 in behind]
