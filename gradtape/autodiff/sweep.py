"""The backward walk when nobody records it: on arrays, by straight-line code, freeing as it goes.

`walk` decides which records are in question and hands them over one by one, latest first. Each
record's cotangent goes through the straight-line function of its primitive (`straight`), or through
the rules themselves where there is none, and arrives at the nodes of its inputs. A sum is made in
place once the sweep owns the buffer: that is, when a kernel made the array and nothing else refers
to it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from gradtape.autodiff.straight import MISSING, straight, written
from gradtape.core.nothing import Nothing
from gradtape.core.record import Node, Part, Record
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import broadcast_axes, fitted, zeros
from gradtape.ops.sparse import IndexedSlices


class Sweep:
    """The cotangents that have arrived: an array, an `IndexedSlices`, or for several results a list of arrays."""

    __slots__ = ("cotangents", "owned")

    def __init__(self) -> None:
        self.cotangents: dict[Node, Any] = {}
        self.owned: set[Node] = set()

    def step(self, record: Record) -> None:
        """Hand a record's cotangent to its inputs."""
        ct = self.cotangents.pop(record, None)
        if ct is None:
            return
        primitive = record.primitive
        if primitive.family == "elementwise" and type(ct) is not IndexedSlices:
            parents = record.parents
            dtype = record.dtype
            if len(parents) == 1:
                (parent,) = parents
                pull = primitive.straight.get(dtype, MISSING)
                if pull is MISSING:
                    pull = elementwise(record, dtype)
                if pull is not None and parent.dtype is dtype:
                    self.give(parent, pull(ct, record), ct)
                    return
            elif len(parents) == 2:
                left, right = parents
                key = dtype, left is None, right is None
                pull = primitive.straight.get(key, MISSING)
                if pull is MISSING:
                    pull = elementwise(record, key)
                if (
                    pull is not None
                    and (left is None or left.dtype is dtype)
                    and (right is None or right.dtype is dtype)
                ):
                    first, second = pull(ct, record)
                    if first is not None:
                        self.give(left, first, ct)
                    if second is not None:
                        self.give(right, second, ct)
                    return
        self._step_by_shape(record, ct)

    def give(self, node: Any, array: Any, ct: Any, fresh: bool = True) -> None:
        """Add what was made of `ct`, or `ct` itself, to a node; `fresh`: a kernel made the array."""
        if array.shape != node.shape:
            array = summed(array, node.shape)
        if type(node) is Part:
            self._give_part(node, array)
            return
        cotangents = self.cotangents
        present = cotangents.get(node)
        if present is None:
            cotangents[node] = array
            if fresh and array is not ct and type(array) is np.ndarray and array.base is None:
                self.owned.add(node)
        elif type(present) is np.ndarray and node in self.owned:
            np.add(present, array, present)
        else:
            self._add(node, present, array)

    def _add(self, node: Node, present: Any, given: Any) -> None:
        """Add to a sum that cannot be written to."""
        if type(present) is IndexedSlices or type(given) is IndexedSlices:
            total = _wrapped(present) + _wrapped(given)
            self.cotangents[node] = _bare(total)
            return
        total = self.cotangents[node] = present + given
        if type(total) is np.ndarray:
            self.owned.add(node)

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
        self._take(node, ct, None)

    def _take(self, node: Node, given: Any, ct: Any) -> None:
        if type(given) is not IndexedSlices:
            self.give(node, given._array, ct, False)
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
        given = pull(ct, record)
        if len(fresh) == 1:
            given = (given,)
        for node, array, new in zip(record.parents, given, fresh):
            if array is not None:
                self.give(node, array, ct, new)

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
            self._take(node, given, ct)

    def arrived(self, node: Node) -> Any:
        """What has arrived at a node, as a tensor or `IndexedSlices`; None for nothing."""
        if type(node) is Part:
            places = self.cotangents.get(node.parents[0])
            found = None if places is None else places[node.index]
        else:
            found = self.cotangents.get(node)
        return None if found is None else _wrapped(found)


def elementwise(record: Record, key: Any) -> Any:
    """The straight-line function of an elementwise primitive for every shape, entered under the key."""
    found = None if record.params or record.primitive.several else written(record, False)
    pull = record.primitive.straight[key] = None if found is None else found[0]
    return pull


@lru_cache(maxsize=512)
def _axes(have: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return broadcast_axes(have, shape)


def summed(array: Any, shape: tuple[int, ...]) -> Any:
    """`sum_to` on an array."""
    axes = _axes(array.shape, shape)
    return np.add.reduce(array, axes, array.dtype).reshape(shape)


def _wrapped(value: Any) -> Any:
    return value if type(value) is IndexedSlices else Tensor(value)


def _bare(value: Any) -> Any:
    return value if type(value) is IndexedSlices else value._array
