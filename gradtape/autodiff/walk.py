"""The one backward walk: from cotangents of targets to cotangents of sources, along records.

Numbers grow with time, so the reachable records in descending order are a reverse topological
order. The walk has two passes. The first collects the records that a recording reaches from the
targets, and finds out which of them lead to a source; the second, in descending order, asks each
record's primitive for the cotangents of its inputs and adds them up at the inputs' nodes. Sums are
made in place once the walk owns the buffer and nobody records it.

Records are emptied behind the walk when the tape is used up, unless a rule is user code that may
raise: then nothing is freed before the end, so that a failed walk can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradtape.autodiff.straight import straight
from gradtape.core.nothing import UNCONNECTED, Nothing, Owed
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence
from gradtape.ops.basis import add, cast, real, sum_to, zeros
from gradtape.ops.sparse import IndexedSlices

MISSING = object()


def walk(
    targets: Sequence[tuple[Node | None, Any]],
    sources: Sequence[Node | None],
    recording: Recording | None,
    consume: bool = False,
) -> list[Any]:
    """Pull cotangents back from targets to sources.

    Args:
        targets: pairs of a node and its cotangent.
        sources: the nodes whose cotangents are wanted.
        recording: follow only what this recording recorded; None follows every record.
        consume: empty the records behind the walk.

    Returns:
        For each source a tensor, an `IndexedSlices`, or a `Nothing` that says why there is none.
    """
    token = silence()
    try:
        return _walk(targets, sources, recording, consume)
    finally:
        restore(token)


def _walk(targets: Any, sources: Any, recording: Recording | None, consume: bool) -> list[Any]:
    cotangents: dict[Node, Any] = {}
    owned: set[Node] = set()
    for node, ct in targets:
        if node is not None:
            _accumulate(cotangents, owned, node, ct)
    wanted = {s for s in sources if s is not None}
    order, notable = _relevant(list(cotangents), wanted, recording)
    _refuse_owed(notable)
    done: list[Record] = []
    at_once = consume and not any([r.primitive.fallible for r in notable])
    found: dict[Node, Any] = {}
    plain = not (here.tapes or here.special)
    while order:
        node = order.pop()
        ct = cotangents.pop(node, None)
        if ct is None:
            continue
        if node in wanted:
            found[node] = ct
        if recording is not None and recording not in node.tapes:
            continue  # a source that another recording made: its past is none of ours
        if type(node) is Record:
            if not (plain and type(ct) is Tensor and _straight_step(node, ct, cotangents, owned)):
                _step(node, ct, cotangents, owned)
            if at_once and len(node.tapes) == 1:
                node.release()
            elif consume:
                done.append(node)
        elif type(node) is Part:
            _give_part(node, ct, cotangents)
    for record in done:
        if len(record.tapes) == 1:
            record.release()
    return [found.get(s, UNCONNECTED) if s is not None else UNCONNECTED for s in sources]


def _relevant(
    starts: list[Node], wanted: set[Node], recording: Recording | None
) -> tuple[list[Node], list[Record]]:
    """The nodes between the targets and the sources, in ascending order, and the notable among them."""
    seen = set(starts)
    pending = list(starts)
    complete = True
    notable: list[Record] = []
    while pending:
        node = pending.pop()
        if type(node) is Node or (recording is not None and recording not in node.tapes):
            complete = complete and node in wanted
            continue
        if type(node) is Record and node.primitive.notable:
            notable.append(node)
        for parent in node.parents:  # type: ignore[attr-defined]
            if parent is not None and parent not in seen:
                seen.add(parent)
                pending.append(parent)
    order = sorted(seen, key=attrgetter("number"))
    if not complete:
        order = _leading(order, wanted, recording)
        notable = [r for r in notable if r in set(order)]
    return order, notable


def _leading(order: list[Node], wanted: set[Node], recording: Recording | None) -> list[Node]:
    """The nodes of an ascending list from which a source can be reached."""
    leading: set[Node] = set()
    for node in order:
        if node in wanted:
            leading.add(node)
        elif type(node) is not Node and (recording is None or recording in node.tapes):
            for parent in node.parents:  # type: ignore[attr-defined]
                if parent in leading:
                    leading.add(node)
                    break
    return [n for n in order if n in leading]


def _refuse_owed(notable: list[Record]) -> None:
    """Raise before anything is done when a rule on the way is owed."""
    for record in notable:
        for parent, rule in zip(record.parents, record.primitive.vjps, strict=False):
            if parent is not None and type(rule) is Owed:
                name = record.primitive.name
                raise LookupError(f"gradtape.{name} has no derivative rule: {rule.why}")


def _step(record: Record, ct: Any, cotangents: dict[Node, Any], owned: set[Node]) -> None:
    """Hand a record's cotangent to its inputs."""
    primitive = record.primitive
    if primitive.several:
        ct = tuple(
            [
                zeros(shape, dtype) if c is None and not primitive.gaps else c
                for c, shape, dtype in zip(ct, record.shape, record.dtype, strict=True)
            ]
        )
    elif type(ct) is IndexedSlices:
        ct = ct.dense()
    owned.discard(record)
    for parent, given in zip(record.parents, primitive.pull(record, ct), strict=True):
        if parent is None or given is None or type(given) is Nothing:
            continue
        if primitive.broadcasts and given._shape != parent.shape:
            given = sum_to(given, parent.shape)
        if given._dtype is not parent.dtype and given._dtype != parent.dtype:
            given = _of_dtype(given, parent.dtype)
        _accumulate(cotangents, owned, parent, given)


def _straight_step(
    record: Record, ct: Tensor, cotangents: dict[Node, Any], owned: set[Node]
) -> bool:
    """`_step` by straight-line code on arrays; False where the primitive's rules have none."""
    primitive = record.primitive
    if primitive.family != "elementwise":
        return False
    parents = record.parents
    dtype = record.dtype
    single = len(parents) == 1
    if single:
        key: Any = dtype.char
    else:
        left, right = parents
        key = (dtype.char, left is None, right is None)
        if left is not None and left.dtype is not dtype:
            return False
        if right is not None and right.dtype is not dtype:
            return False
    pull = primitive.straight.get(key, MISSING)
    if pull is MISSING:
        wanted = tuple([p is not None for p in parents])
        pull = primitive.straight[key] = straight(primitive, wanted, dtype)
    if pull is None:
        return False
    if single:
        parent = parents[0]
        if parent.dtype is not dtype:
            return False
        _give(cotangents, owned, parent, pull(ct._array, record), ct)
        return True
    first, second = pull(ct._array, record)
    if first is not None:
        _give(cotangents, owned, left, first, ct)
    if second is not None:
        _give(cotangents, owned, right, second, ct)
    return True


def _give(
    cotangents: dict[Node, Any], owned: set[Node], parent: Any, array: Any, ct: Tensor
) -> None:
    """Give a node an array that straight-line code made from `ct`, or `ct` itself."""
    if array.shape != parent.shape:
        array = sum_to(Tensor(array), parent.shape)._array
    present = cotangents.get(parent)
    if present is not None:
        _add_to(cotangents, owned, parent, present, Tensor(array))
    elif array is ct._array:
        cotangents[parent] = ct
    else:
        cotangents[parent] = Tensor(array)
        owned.add(parent)


def _of_dtype(ct: Any, dtype: Any) -> Any:
    """A cotangent in its input's dtype: the real part where a real input met complex numbers."""
    if ct._dtype.kind == "c" and dtype.kind != "c":
        ct = real(ct)
    return cast(ct, dtype)


def _give_part(part: Part, ct: Any, cotangents: dict[Node, Any]) -> None:
    """Put the cotangent of one of several results at its place."""
    record = part.parents[0]
    places = cotangents.get(record)
    if places is None:
        places = cotangents[record] = [None] * len(record.shape)
    if type(ct) is IndexedSlices:
        ct = ct.dense()
    places[part.index] = ct if places[part.index] is None else add(places[part.index], ct)


def _accumulate(cotangents: dict[Node, Any], owned: set[Node], node: Node, ct: Any) -> None:
    """Add a cotangent to those that arrived at the node."""
    present = cotangents.get(node)
    if present is None:
        cotangents[node] = ct
    else:
        _add_to(cotangents, owned, node, present, ct)


def _add_to(
    cotangents: dict[Node, Any], owned: set[Node], node: Node, present: Any, ct: Any
) -> None:
    """Add to a sum; in place where nobody else can see it."""
    if type(present) is IndexedSlices or type(ct) is IndexedSlices:
        cotangents[node] = present + ct
    elif node in owned and type(ct) is Tensor and not (here.tapes or here.special):
        total = present._array
        if type(total) is np.ndarray:
            np.add(total, ct._array, out=total)
        else:
            cotangents[node] = Tensor(total + ct._array)
    else:
        cotangents[node] = add(present, ct)
        owned.add(node)
