"""Walks backward that check what every rule gives.

On arrays (`CheckedSweep`) each record's step is the usual one; then the cotangents that its inputs
have are looked at. When one is not finite the record's rules are run once more, to tell what this
record gave from what was there. Walks in operations (`checked`) are told of every record by the
walk itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from numpy import ndarray, vdot

from gradtape.autodiff.finite_arrays import REAL, SMALL, finding, sound
from gradtape.autodiff.finite_hints import STARTED
from gradtape.autodiff.finite_report import derivative_error, makers
from gradtape.autodiff.finite_source import Spot, place, spot
from gradtape.autodiff.finite_watch import concrete, in_rules, inside, suspected, watch
from gradtape.autodiff.sweep import Sweep, elementwise
from gradtape.core.asked import public_name
from gradtape.core.nothing import Nothing
from gradtape.core.quick import bind, quick
from gradtape.core.record import Node, Part, Record
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import fitted, zeros
from gradtape.ops.sparse import IndexedSlices

See = Callable[[Record, Any, list[Any]], None]


class CheckedSweep(Sweep):
    """A sweep that looks at the cotangents behind each record."""

    __slots__ = ("asked",)

    def __init__(
        self, cotangents: dict[Node, Any] | None = None, shared: set[Node] | None = None
    ) -> None:
        super().__init__(cotangents, shared)
        self.asked = spot(sys._getframe(1))

    def run(self, records: Iterable[Record]) -> None:
        """Hand the cotangent of each record to its inputs."""
        if quick is not None:  # the same loop, which calls `look` and `guarded`
            quick.run(self, self.cotangents, self.shared, elementwise, records, True)
            return
        looked_at = self._looked_at(records)
        try:
            super().run(looked_at)
        finally:
            looked_at.close()

    def _looked_at(self, records: Iterable[Record]) -> Generator[Record, None, None]:
        """The records; when the next one is asked for, what the last one gave is looked at."""
        cotangents = self.cotangents
        for record in records:
            ct = cotangents.get(record)
            if ct is None:
                continue
            if record.primitive.fallible:
                with in_rules():
                    yield record
            else:
                yield record
            self.look(record, ct)

    def look(self, record: Record, ct: Any) -> None:
        """Look at what a record with this cotangent gave to its inputs."""
        for node in record.parents:
            array = self.cotangents.get(node) if node is not None else None
            if type(array) is ndarray and array.dtype.char in REAL and array.size <= SMALL:
                if isfinite(vdot(array, array)):
                    continue
            if node is not None and not self._sound_at(node):
                self._refuse(record, ct)
                return

    def guarded(self, record: Record) -> None:
        """Do the step of a record whose rule is user code."""
        with in_rules():
            quick.run(self, self.cotangents, self.shared, elementwise, [record])

    def _sound_at(self, node: Any) -> bool:
        if type(node) is Part:
            places = self.cotangents.get(node.parents[0])
            array = None if places is None else places[node.index]
        else:
            array = self.cotangents.get(node)
        if array is None:
            return True
        return sound(array.values._array if type(array) is IndexedSlices else array)

    def start(self, node: Node, ct: Any) -> None:
        """Give a target its cotangent, which comes from the program."""
        refuse_start(node, ct, self.asked)
        super().start(node, ct)

    def _refuse(self, record: Record, ct: Any) -> None:
        """Raise if a record's rules give what is not finite, of what is."""
        given = tensors_of(record, ct)
        with in_rules():
            refuse(record, given, pulled(record, given), self.asked)


bind(checked_sweep=CheckedSweep)


def tensors_of(record: Record, ct: Any) -> Any:
    """The cotangent of a record as its rules take it."""
    if type(ct) is IndexedSlices:
        return ct.dense()
    if not record.primitive.several:
        return Tensor(ct)
    return tuple([None if c is None else Tensor(c) for c in ct])


def pulled(record: Record, ct: Any) -> list[Any]:
    """What a record's rules give to its inputs, in their shapes."""
    primitive = record.primitive
    if primitive.several and not primitive.gaps:
        pairs = zip(ct, record.shape, record.dtype, strict=True)
        ct = tuple([zeros(s, d) if c is None else c for c, s, d in pairs])
    given = primitive.pull(record, ct)
    for i, (parent, g) in enumerate(zip(record.parents, given, strict=True)):
        if isinstance(g, Tensor) and parent is not None and primitive.broadcasts:
            given[i] = fitted(g, parent.shape, parent.dtype)
    return given


def refuse(record: Record, ct: Any, given: Sequence[Any], asked: Spot | None) -> None:
    """Raise when a record's rules give what is not finite."""
    came = [c for c in (ct if isinstance(ct, (tuple, list)) else [ct]) if c is not None]
    arrays = [a for a in map(concrete, came) if a is not None]
    infinite = not all([sound(a) for a in arrays])
    if infinite and any([finding(a, False) for a in arrays]):
        return
    for number, g in enumerate(given):
        if g is None or isinstance(g, Nothing):
            continue
        array = concrete(g)
        found = None if array is None else finding(array, watch.infs and not infinite)
        if found is None:
            continue
        known = arrays[0] if len(arrays) == 1 else None
        raise derivative_error(
            record.primitive,
            "cotangent",
            number,
            found,
            inputs=_kept(record),
            given=known,
            result=array,
            place=watch.place_of(record),
            asked_at=place(asked),
            made_by=makers([_At(p) for p in record.parents]),
            around=_rows(g) + watch.around(record) + suspected(asked),
            out=_output(record),
            params=record.params,
        )


def refuse_start(node: Node, ct: Any, asked: Spot | None) -> None:
    """Raise when the cotangent of a target is not finite."""
    array = concrete(ct)
    found = None if array is None or sound(array) else finding(array, watch.infs)
    if found is None or type(node) is not Record:
        return
    raise derivative_error(
        node.primitive, "cotangent", 0, found, inputs=[], given=None, result=array,
        place=watch.place_of(node), asked_at=place(asked), advice=STARTED,
    )  # fmt: skip


def _rows(given: Any) -> str:
    """A word on the first axis of a cotangent that stands for many."""
    if getattr(given, "concrete", True):
        return ""
    return "\n  a batch: the first axis counts its examples, or the rows of a Jacobian"


def _output(record: Record) -> Any:
    """The array of a record's result, if it keeps it."""
    return concrete(record.out) if isinstance(record.out, Tensor) else None


class _At:
    """A stand-in for a tensor on a node."""

    def __init__(self, node: Any) -> None:
        self._node = node


def _kept(record: Record) -> list[Any]:
    """The arrays of a record's inputs as far as it keeps them."""
    kept = []
    for tensor in record.inputs[: len(record.parents)]:
        kept.append(concrete(tensor) if isinstance(tensor, Tensor) else None)
    return kept


@contextmanager
def checked(targets: Sequence[Any], see: See | None) -> Iterator[See]:
    """A block with a walk in operations, and what the walk tells each record to."""
    asked = spot(sys._getframe(2))
    for node, ct in targets:
        refuse_start(node, ct, asked)

    def look(record: Record, ct: Any, given: list[Any]) -> None:
        for number in inside.made:
            watch.spots[number] = watch.spots.get(record.number)
            watch.rules[number] = public_name(record.primitive)
        refuse(record, ct, given, asked)
        inside.suspect, inside.made = None, ()
        if see is not None:
            see(record, ct, given)

    with in_rules():
        yield look
