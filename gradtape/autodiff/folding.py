"""Few groups of many operations: by the scopes of their names, and chains of them.

Name scopes are opened as long as there are few enough groups; scopes of one size are often alike,
as the layers of a network, and are opened together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

Operation = Any
Group = tuple[str, list[Operation]]
Naming = Callable[[Operation], str]  # to its scopes and its own name, as in "layer/norm/add"
own_name: Naming = attrgetter("name")


def grouped(operations: Sequence[Operation], most: int, name: Naming = own_name) -> list[Group]:
    """Operations in groups by name scope: at most so many groups, if scopes allow it."""
    if len(operations) <= most:
        return [("", [op]) for op in operations]
    groups = split("", operations, name)
    while True:
        for size in sorted({len(ops) for scope, ops in groups if scope}):
            parts = [
                split(scope, ops, name) if scope and len(ops) == size else [(scope, ops)]
                for scope, ops in groups
            ]
            if sum(map(len, parts)) <= most:
                groups = [group for part in parts for group in part]
                break
        else:
            return groups


def split(scope: str, operations: Sequence[Operation], name: Naming = own_name) -> list[Group]:
    """The operations directly under a scope one by one, the others by the scope below."""
    found: dict[Any, Group] = {}
    scopes = {_below(name(op), scope) for op in operations}
    for op in operations:
        below = _below(name(op), scope)
        if f"{name(op)}/" in scopes:  # the operation that gave the scope its name
            below = f"{name(op)}/"
        found.setdefault(below or op, (below, []))[1].append(op)
    return [g if len(g[1]) > 1 else ("", g[1]) for g in found.values()]


def _below(name: str, scope: str) -> str:
    """The scope below a scope that an operation stands in, "" where it stands in none."""
    head, slash, _ = name[len(scope) :].partition("/")
    return f"{scope}{head}/" if slash else ""


def chained(
    groups: list[Group], before: Callable[[Operation], Sequence[Operation]], most: int
) -> list[Group]:
    """Groups, with chains of single operations as one group each where there are too many.

    Args:
        groups: what is joined.
        before: the operations that an operation takes something from; one that takes nothing joins
            no chain.
        most: how many groups are few enough.
    """
    if len(groups) <= most:
        return groups
    places = {op: i for i, (_, ops) in enumerate(groups) for op in ops}
    sources: list[set[int]] = [set() for _ in groups]
    targets: list[set[int]] = [set() for _ in groups]
    for op, place in places.items():
        for other in before(op):
            source = places.get(other, place)
            if source != place:
                sources[place].add(source)
                targets[source].add(place)
    found: dict[int, list[Operation]] = {}
    heads: dict[int, int] = {}
    for place, (name, ops) in enumerate(groups):
        head = place
        if len(sources[place]) == 1 and not name and before(ops[0]):
            (source,) = sources[place]
            joins = len(targets[source]) == 1 and not groups[source][0] and source in heads
            if joins and before(groups[source][1][0]):
                head = heads[source]
        heads[place] = head
        found.setdefault(head, []).extend(ops)
    return [(groups[head][0], ops) for head, ops in found.items()]
