"""The one backward walk: from cotangents of targets to cotangents of sources, along records.

Numbers grow with time, so the reachable records in descending order are a reverse topological order. The walk has two
passes. The first collects the records that a recording reaches from the targets, and finds out which of them lead to a
source; the second, in descending order, asks each record's primitive for the cotangents of its inputs and adds them
up at the inputs' nodes. Sums are made in place once the walk owns the buffer and nobody records it.

Records are emptied behind the walk when the tape is used up, unless a rule is user code that may raise: then nothing
is freed before the end, so that a failed walk can be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.nothing import UNCONNECTED, Nothing, Owed
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, cast, real, sum_to, zeros
from gradtape.ops.sparse import IndexedSlices


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
    cotangents: dict[Node, Any] = {}
    owned: set[Node] = set()
    for node, ct in targets:
        if node is not None:
            _accumulate(cotangents, owned, node, ct)
    wanted = {s for s in sources if s is not None}
    order = _relevant(list(cotangents), wanted, recording)
    _refuse_owed(order)
    careful = not consume or any([type(r) is Record and r.primitive.fallible for r in order])
    done = [] if careful and consume else None
    found: dict[Node, Any] = {}
    while order:
        node = order.pop()
        ct = cotangents.pop(node, None)
        if ct is None:
            continue
        if node in wanted:
            found[node] = ct
        if type(node) is Record:
            _step(node, ct, cotangents, owned)
            if not careful:
                _forget(node, recording)
            elif done is not None:
                done.append(node)
        elif type(node) is Part:
            _give_part(node, ct, cotangents)
    for record in done or ():
        _forget(record, recording)
    return [found.get(s, UNCONNECTED) if s is not None else UNCONNECTED for s in sources]


def _relevant(starts: list[Node], wanted: set[Node], recording: Recording | None) -> list[Node]:
    """The nodes between the targets and the sources, in ascending order."""
    seen = set(starts)
    pending = list(starts)
    complete = True
    while pending:
        node = pending.pop()
        parents = node.parents if type(node) is not Node else ()  # type: ignore[attr-defined]
        if not parents or (recording is not None and recording not in node.tapes):
            complete = complete and node in wanted
            continue
        for parent in parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                pending.append(parent)
    order = sorted(seen, key=_number)
    return order if complete else _leading(order, wanted, recording)


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


def _number(node: Node) -> int:
    return node.number


def _refuse_owed(order: list[Node]) -> None:
    """Raise before anything is done when a rule on the way is owed."""
    for node in order:
        if type(node) is Record:
            for parent, rule in zip(node.parents, node.primitive.vjps, strict=False):
                if parent is not None and type(rule) is Owed:
                    raise LookupError(
                        f"gradtape.{node.primitive.name} has no derivative rule: {rule.why}"
                    )


def _step(record: Record, ct: Any, cotangents: dict[Node, Any], owned: set[Node]) -> None:
    """Hand a record's cotangent to its inputs."""
    primitive = record.primitive
    if primitive.several:
        ct = tuple(
            [
                zeros(shape, dtype) if c is None else c
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
    """Add a cotangent to those that arrived at the node; in place where nobody else can see it."""
    present = cotangents.get(node)
    if present is None:
        cotangents[node] = ct
        return
    if type(present) is IndexedSlices or type(ct) is IndexedSlices:
        cotangents[node] = present + ct
        return
    if node in owned and type(ct) is Tensor and not (here.tapes or here.special):
        np.add(present._array, ct._array, out=present._array)
        return
    total = cotangents[node] = add(present, ct)
    if type(total) is Tensor and type(total._array) is np.ndarray and total._array.flags.owndata:
        owned.add(node)


def _forget(record: Record, recording: Recording | None) -> None:
    """Empty a record that no other recording needs."""
    if recording is not None and record.tapes == (recording,):
        record.release()
