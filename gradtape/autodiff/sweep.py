"""The backward walk when nobody records it: on arrays, by straight-line code, freeing as it goes.

`walk` decides which records are in question and hands them over one by one, latest first. Each
record's cotangent goes through the straight-line function of its primitive (`straight`), or through
the rules themselves where there is none, and arrives at the nodes of its inputs. A sum is made in
place where a kernel made the array and nothing else refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from gradtape.autodiff.straight import MISSING, straight, written
from gradtape.core.nothing import Nothing
from gradtape.core.quick import bind, quick
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import broadcast_axes, fitted, zeros
from gradtape.ops.sparse import IndexedSlices


class Sweep:
    """The cotangents that have arrived at nodes, and the loop that hands them on.

    A cotangent is an array, an `IndexedSlices`, or for several results a list of arrays. `shared`
    are the nodes whose array may be seen from elsewhere, so that nothing is added to it in place.
    """

    __slots__ = ("cotangents", "shared")

    def __init__(
        self, cotangents: dict[Node, Any] | None = None, shared: set[Node] | None = None
    ) -> None:
        self.cotangents: dict[Node, Any] = {} if cotangents is None else cotangents
        self.shared: set[Node] = set() if shared is None else shared

    def run(self, records: Iterable[Record]) -> None:
        """Hand the cotangent of each record to its inputs.

        The elementwise case is written out: a function for a step and one for an arrival would
        take a third of the time."""
        cotangents = self.cotangents
        shared = self.shared
        if quick is not None:
            quick.run(self, cotangents, shared, elementwise, records)
            return
        for record in records:
            ct = cotangents.pop(record, None)
            if ct is None:
                continue
            primitive = record.primitive
            parents: Any = record.parents
            count = len(parents)
            if primitive.family != "elementwise" or count > 2 or type(ct) is IndexedSlices:
                self._step_by_shape(record, ct)
                continue
            dtype = record.dtype
            if count == 1:
                node = parents[0]
                pull = primitive.straight.get(dtype, MISSING)
                if pull is MISSING:
                    pull = elementwise(record, dtype)
                if pull is None or node.dtype is not dtype:
                    self._step_by_shape(record, ct)
                    continue
                array = pull(ct, record)
                if node in cotangents or type(node) is Part:
                    self.give(node, array, array is not ct)
                else:
                    cotangents[node] = array
                    if array is ct:
                        shared.add(node)
                continue
            left, right = parents
            key = dtype, left is None, right is None
            pull = primitive.straight.get(key, MISSING)
            if pull is MISSING:
                pull = elementwise(record, key)
            if (
                pull is None
                or (left is not None and left.dtype is not dtype)
                or (right is not None and right.dtype is not dtype)
            ):
                self._step_by_shape(record, ct)
                continue
            for node, array in zip(parents, pull(ct, record)):
                if array is None:
                    continue
                if array.shape != node.shape:
                    array = summed(array, node.shape)
                if node in cotangents or type(node) is Part:
                    self.give(node, array, array is not ct)
                else:
                    cotangents[node] = array
                    if array is ct:
                        shared.add(node)

    def use_up(self, recording: Recording) -> None:
        """Hand on the cotangents of all that a tape recorded, and empty its records."""
        if quick is not None:
            quick.run(self, self.cotangents, self.shared, elementwise, recording)
        else:
            self.run(latest_first(recording))

    def give(self, node: Any, array: Any, fresh: bool) -> None:
        """Add an array of the right shape to a node; `fresh`: nobody else refers to the array."""
        if type(node) is Part:
            self._give_part(node, array)
            return
        present = self.cotangents.get(node)
        if present is None:
            self.cotangents[node] = array
            if not fresh:
                self.shared.add(node)
        elif type(present) is np.ndarray and node not in self.shared and present.base is None:
            np.add(present, array, present)
        else:
            self._add(node, present, array)

    def _add(self, node: Node, present: Any, given: Any) -> None:
        """Add to a sum that cannot be written to."""
        if type(present) is IndexedSlices or type(given) is IndexedSlices:
            total = _wrapped(present) + _wrapped(given)
            self.cotangents[node] = _bare(total)
            return
        self.cotangents[node] = present + given
        self.shared.discard(node)

    def _give_part(self, part: Part, array: Any) -> None:
        """Put the cotangent of one of several results at its place."""
        record = part.parents[0]
        places = self.cotangents.get(record)
        if places is None:
            places = self.cotangents[record] = [None] * len(record.shape)
        present = places[part.index]
        places[part.index] = array if present is None else present + array

    def start(self, node: Node, ct: Any) -> None:
        """Give a target its cotangent."""
        self._take(node, ct)

    def _take(self, node: Node, given: Any) -> None:
        if type(given) is not IndexedSlices:
            self.give(node, given._array, False)
        elif type(node) is Part:
            self._give_part(node, given.dense()._array)
        elif (present := self.cotangents.get(node)) is None:
            self.cotangents[node] = given
        else:
            self._add(node, present, given)

    def _step_by_shape(self, record: Record, ct: Any) -> None:
        """`step` by a function for the record's signature, else by the rules."""
        if type(ct) is IndexedSlices:
            ct = ct.dense()._array
        missing = tuple([c is None for c in ct]) if type(ct) is list else ()
        found = straight(record, missing)
        if found is None:
            self._step_by_rules(record, ct)
            return
        pull, fresh = found
        try:
            given = pull(ct, record)
        except Exception:  # a kernel refuses the values: the rule itself says so in full
            self._step_by_rules(record, ct)
            return
        if len(fresh) == 1:
            given = (given,)
        for node, array, new in zip(record.parents, given, fresh):
            if array is not None:
                self.give(node, array, new)

    def _step_by_rules(self, record: Record, ct: Any) -> None:
        primitive = record.primitive
        if primitive.several:
            each = zip(ct, record.shape, record.dtype, strict=True)
            tensor: Any = tuple(
                [
                    Tensor(c) if c is not None else None if primitive.gaps else zeros(shape, dtype)
                    for c, shape, dtype in each
                ]
            )
        else:
            tensor = Tensor(ct)
        for node, given in zip(record.parents, primitive.pull(record, tensor), strict=True):
            if node is None or given is None or type(given) is Nothing:
                continue
            if primitive.broadcasts or given._dtype != node.dtype:
                given = fitted(given, node.shape, node.dtype)
            self._take(node, given)

    def arrived(self, node: Node) -> Any:
        """What has arrived at a node, as a tensor or `IndexedSlices`; None for nothing."""
        if type(node) is Part:
            places = self.cotangents.get(node.parents[0])
            found = None if places is None else places[node.index]
        else:
            found = self.cotangents.get(node)
        return None if found is None else _wrapped(found)


def latest_first(recording: Recording) -> Iterator[Record]:
    """A recording's records, each emptied afterwards: its list has the order, so that nobody
    need look for them and sort them (1 us a record)."""
    records = recording.records
    while records:
        record = records.pop()()
        if record is None:
            continue
        yield record
        if len(record.tapes) == 1:
            record.parents = record.inputs = record.tapes = ()  # `release`, without the call
            record.out = None
        else:
            record.tapes = tuple([t for t in record.tapes if t is not recording])


def elementwise(record: Record, key: Any) -> Any:
    """An elementwise primitive's straight-line function for every shape, entered under the key."""
    found = None if record.params or record.primitive.several else written(record, False)
    pull = record.primitive.straight[key] = None if found is None else found[0]
    return pull


@lru_cache(maxsize=512)
def _axes(have: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return broadcast_axes(have, shape)


def summed(array: Any, shape: tuple[int, ...]) -> Any:
    """`sum_to` on an array."""
    axes = _axes(array.shape, shape)
    total = np.add.reduce(array, axes, array.dtype)
    return total if total.shape == shape else total.reshape(shape)


def gradient(recording: Recording, target: Any, sources: list[Any]) -> list[Any] | None:
    """The gradients of a tensor by all that a recording watches, which is used up; None for each
    source that is not reached. In place of a list None, and nothing done, where that is not all
    there is to it, and without the extension."""
    if quick is None:
        return None
    return quick.gradient(Sweep, elementwise, recording, target, sources)


bind(summed=summed)


def _wrapped(value: Any) -> Any:
    return value if type(value) is IndexedSlices else Tensor(value)


def _bare(value: Any) -> Any:
    return value if type(value) is IndexedSlices else value._array
