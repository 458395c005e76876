"""How many rows or columns of a Jacobian go at once, so that they fit into a number of bytes.

What a row costs is what is alive at once while it is computed. That is found by going over the
operations with sizes alone: a row's value lives from where it arises to its last use."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from gradtape.autodiff.trail import Trail
from gradtape.core.record import Node, Part, Recording

MOST_BYTES = 2**28


def rows_at_once(
    count: int, most: int | None, start: Node | None, sources: Any, recording: Recording | None
) -> int:
    """How many of `count` rows go back at once from a node to the sources, at least one."""
    most = most or MOST_BYTES
    if count < 2 or start is None or count * _all_bytes(recording) <= most:
        return max(1, count)
    return max(1, min(count, most // max(1, bytes_back(start, sources, recording))))


def columns_at_once(trail: Trail, count: int, most: int | None, factor: int = 1) -> int:
    """How many of `count` columns go along a trail at once, at least one.

    `factor` says how many values each tangent stands for.
    """
    most = (most or MOST_BYTES) // factor
    if count < 2 or count * _all_bytes_along(trail) <= most:
        return max(1, count)
    return max(1, min(count, most // max(1, bytes_along(trail))))


def _all_bytes(recording: Recording | None) -> int:
    """Twice what all values of a recording take, which no row exceeds; this is quickly found."""
    if recording is None:
        return sys.maxsize
    records = [reference() for reference in recording.records]
    leaves = sum([_bytes(leaf) for leaf in recording.watched])
    return 2 * (leaves + sum([_bytes(r) for r in records if r is not None]))


def _all_bytes_along(trail: Trail) -> int:
    """Twice what all values of a trail take."""
    tensors = [*trail.tensors, *[t for step in trail.steps for t in step.parts]]
    return 2 * sum([_size(t._shape, t._dtype) for t in tensors])


def bytes_back(start: Node, sources: Iterable[Any], recording: Recording | None) -> int:
    """The most bytes of cotangents that one row has at once on the way back from a node."""
    target = _whole(start)
    order = _between(target, {_whole(s) for s in sources if s is not None}, recording)
    known = set(order)
    alive = {target}
    held = peak = _bytes(target)
    for node in reversed(order):
        given = 0
        for parent in _parents(node, recording):
            if parent in known:
                given += _bytes(parent)
                if parent not in alive:
                    alive.add(parent)
                    held += _bytes(parent)
        peak = max(peak, held + given)  # a cotangent is added to the one that is there
        if given:
            held -= _bytes(node)
    return peak


def bytes_along(trail: Trail) -> int:
    """The most bytes of tangents that one column has at once along a trail."""
    alive: dict[Any, int] = {}
    held = peak = 0
    for step in trail.steps:
        given = sum([_size(t._shape, t._dtype) for t in step.parts])
        arrived = dict(zip(step.results, step.parts, strict=True))
        arrived.update({p: t for p, t in zip(step.places, step.inputs, strict=True) if p})
        for place, tensor in arrived.items():
            if place not in alive:
                alive[place] = _size(tensor._shape, tensor._dtype)
                held += alive[place]
        peak = max(peak, held + given)  # what the inputs give is added up
        held -= sum([alive.pop(place) for place in step.dying])
    return peak


def _between(start: Any, sources: set[Any], recording: Recording | None) -> list[Any]:
    """The nodes from which a source is reached, ascending."""
    seen = {start}
    pending = [start]
    while pending:
        for parent in _parents(pending.pop(), recording):
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    leading: set[Any] = set()
    order = sorted(seen, key=attrgetter("number"))
    for node in order:
        if node in sources or any([p in leading for p in _parents(node, recording)]):
            leading.add(node)
    return [n for n in order if n in leading]


def _parents(node: Any, recording: Recording | None) -> list[Any]:
    """The nodes of the inputs, as far as the recording goes."""
    if type(node) is Node or (recording is not None and recording not in node.tapes):
        return []
    return [_whole(p) for p in node.parents if p is not None]


def _whole(node: Any) -> Any:
    """The record of a node that is one of several results."""
    return node.parents[0] if type(node) is Part and node.parents else node


def _bytes(node: Any) -> int:
    """The bytes of a node's value, or of all results of an operation."""
    if type(node.dtype) is tuple:
        return sum([_size(s, d) for s, d in zip(node.shape, node.dtype, strict=True)])
    return _size(node.shape, node.dtype)


def _size(shape: Any, dtype: Any) -> int:
    """The bytes of a value; an open size counts as one."""
    size = math.prod(shape) * dtype.itemsize
    return size if type(size) is int else _size([n for n in shape if type(n) is int], dtype)
