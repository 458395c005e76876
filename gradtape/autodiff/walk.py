"""The one backward walk: from cotangents of targets to cotangents of sources, along records.

Numbers grow with time, so the reachable records in descending order are a reverse topological
order. The walk has two passes. The first collects the records that a recording reaches from the
targets, and finds out which of them lead to a source; the second, in descending order, asks each
record's primitive for the cotangents of its inputs and adds them up at the inputs' nodes. Where
nobody records the walk it goes on arrays (`sweep`); and where a tape is used up and all that it
watched is asked for, there is no first pass: the recording's own list has the order.

Records are emptied behind the walk when the tape is used up, unless a rule is user code that may
raise: then nothing is freed before the end, so that a failed walk can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from gradtape.autodiff.finite_walk import CheckedSweep, checked
from gradtape.autodiff.finite_watch import alone, checking
from gradtape.autodiff.sweep import Sweep
from gradtape.core.nothing import UNCONNECTED, Nothing, Owed
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.state import here
from gradtape.core.xp_numpy import restore, silence
from gradtape.ops.basis import add, fitted, zeros
from gradtape.ops.sparse import IndexedSlices

See = Callable[[Record, Any, list[Any]], None]


def walk(
    targets: Sequence[tuple[Node | None, Any]],
    sources: Sequence[Node | None],
    recording: Recording | None,
    consume: bool = False,
    see: See | None = None,
) -> list[Any]:
    """Pull cotangents back from targets to sources.

    Args:
        targets: pairs of a node and its cotangent.
        sources: the nodes whose cotangents are wanted.
        recording: follow only what this recording recorded; None follows every record.
        consume: empty the records behind the walk.
        see: is called with each record, its cotangent (a list for several results), and what it
            gives to each of its inputs: a cotangent, a `Nothing`, or None.

    Returns:
        For each source a tensor, an `IndexedSlices`, or a `Nothing` that says why there is none.
    """
    token = silence()
    try:
        return _walk(targets, sources, recording, consume, see)
    finally:
        restore(token)


def _walk(
    targets: Any, sources: Any, recording: Recording | None, consume: bool, see: See | None
) -> list[Any]:
    targets = [(node, ct) for node, ct in targets if node is not None]
    starts = {node for node, _ in targets}
    wanted = {s for s in sources if s is not None and (s in starts or _known(s, recording))}
    if see is None and not (here.tapes or here.special):
        found = _swept(targets, wanted, recording, consume, Sweep())
    elif see is None and alone():
        found = _swept(targets, wanted, recording, False, CheckedSweep())
    elif checking():
        with checked(targets, see) as see:
            found = _ruled(targets, wanted, recording, False, see)
    else:
        found = _ruled(targets, wanted, recording, consume, see)
    return [UNCONNECTED if s is None else found.get(s, UNCONNECTED) for s in sources]


def _known(source: Node, recording: Recording | None) -> bool:
    """Whether a recording knows a source; what only others watch would get a part of its due."""
    return recording is None or source in recording.watched or recording in source.tapes


def _swept(
    targets: Any, wanted: set[Node], recording: Recording | None, consume: bool, sweep: Sweep
) -> dict[Node, Any]:
    """The walk on arrays, which nobody records."""
    for node, ct in targets:
        sweep.start(node, ct)
    found: dict[Node, Any] = {}
    keeps = type(sweep) is CheckedSweep
    if recording is not None and (consume or keeps) and _all_lead(recording, wanted):
        if keeps:
            sweep.run(_kept(recording))
        else:
            sweep.use_up(recording)
        for node in wanted:
            if (ct := sweep.arrived(node)) is not None:
                found[node] = ct
    else:
        order, notable = relevant([node for node, _ in targets], wanted, recording)
        _refuse_owed(notable)
        at_once = consume and not any([r.primitive.fallible for r in notable])
        later = order.copy() if consume and not at_once else []
        sweep.run(_in_order(order, sweep, wanted, found, recording, at_once))
        own = [n for n in later if recording is None or recording in n.tapes]
        _release([n for n in own if type(n) is Record])
    return found


def _all_lead(recording: Recording, wanted: set[Node]) -> bool:
    """Whether every record leads to a wanted leaf, and none needs a look before the walk starts."""
    if recording.notable or not recording.watched.keys() <= wanted:
        return False
    for node in wanted:
        if type(node) is not Node:
            return False
    return True


def _kept(recording: Recording) -> Iterator[Record]:
    """A recording's records, the latest first, which stay as they are."""
    for reference in reversed(recording.records):
        record = reference()
        if record is not None:
            yield record


def _in_order(
    order: list[Node],
    sweep: Sweep,
    wanted: set[Node],
    found: dict[Node, Any],
    recording: Recording | None,
    at_once: bool,
) -> Iterator[Record]:
    """The records among ascending nodes, latest first; what arrived at a wanted one is found.

    A source may be a record that another recording made: its past is none of ours."""
    while order:
        node = order.pop()
        if node in wanted and (ct := sweep.arrived(node)) is not None:
            found[node] = ct
            del ct
        if type(node) is Record and (recording is None or recording in node.tapes):
            yield node
            if at_once and len(node.tapes) == 1:
                node.release()


def _ruled(
    targets: Any,
    wanted: set[Node],
    recording: Recording | None,
    consume: bool,
    see: See | None,
) -> dict[Node, Any]:
    """The walk in operations on tensors, which tapes record and modes run."""
    cotangents: dict[Node, Any] = {}
    mode = here.mode
    if mode is not None:
        mode.stepped(None)
    for node, ct in targets:
        _accumulate(cotangents, node, ct)
    order, notable = relevant(list(cotangents), wanted, recording)
    _refuse_owed(notable)
    done: list[Record] = []
    found: dict[Node, Any] = {}
    while order:
        node = order.pop()
        ct = cotangents.pop(node, None)
        if ct is None:
            continue
        if node in wanted:
            found[node] = ct
        if recording is not None and recording not in node.tapes:
            continue
        if type(node) is Record:
            given = _step(node, ct, cotangents)
            if mode is not None:
                mode.stepped(node)
            if see is not None:
                see(node, ct, given)
            del given
            done.append(node)
        elif type(node) is Part:
            _give_part(node, ct, cotangents)
    if consume:
        _release(done)
    return found


def _release(records: list[Record]) -> None:
    """Empty the records that no other recording needs."""
    for record in records:
        if len(record.tapes) == 1:
            record.release()


def relevant(
    starts: list[Node], wanted: set[Node], recording: Recording | None
) -> tuple[list[Node], list[Record]]:
    """The nodes between the targets and the sources, ascending, and the notable among them."""
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


def _step(record: Record, ct: Any, cotangents: dict[Node, Any]) -> list[Any]:
    """Hand a record's cotangent to its inputs; returns what each of them was given."""
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
    pulled = primitive.pull(record, ct)
    for i, (parent, given) in enumerate(zip(record.parents, pulled, strict=True)):
        if parent is None or given is None or type(given) is Nothing:
            continue
        if primitive.broadcasts or given._dtype != parent.dtype:
            pulled[i] = given = fitted(given, parent.shape, parent.dtype)
        _accumulate(cotangents, parent, given)
    return pulled


def _give_part(part: Part, ct: Any, cotangents: dict[Node, Any]) -> None:
    """Put the cotangent of one of several results at its place."""
    record = part.parents[0]
    places = cotangents.get(record)
    if places is None:
        places = cotangents[record] = [None] * len(record.shape)
    if type(ct) is IndexedSlices:
        ct = ct.dense()
    places[part.index] = ct if places[part.index] is None else add(places[part.index], ct)


def _accumulate(cotangents: dict[Node, Any], node: Node, ct: Any) -> None:
    """Add a cotangent to those that arrived at the node."""
    present = cotangents.get(node)
    if present is None:
        cotangents[node] = ct
    elif type(present) is IndexedSlices or type(ct) is IndexedSlices:
        cotangents[node] = present + ct
    else:
        cotangents[node] = add(present, ct)
