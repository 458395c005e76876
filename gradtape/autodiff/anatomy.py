"""`Anatomy`: what a tape recorded, read out as plain data: operations, sources, and edges.

The records are not touched, and nothing of what they keep is held on to. When a target is given,
one more walk is made over the records that looks at each cotangent and notes its size (`Flow`):
where gradients vanish, explode or stop being numbers is then read off the edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradtape.autodiff.asking import node_of, starting_cotangent
from gradtape.autodiff.fact import Fact as Fact
from gradtape.autodiff.flow import Flow, measured
from gradtape.autodiff.keeping import Keeping, Kept
from gradtape.autodiff.walk import walk
from gradtape.core.asked import public_name
from gradtape.core.dtypes import differentiable, from_numpy
from gradtape.core.nothing import Nothing, Owed
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.sizes import Size
from gradtape.core.state import frame, here
from gradtape.core.unranked import UnknownShape

OPERATION, VARIABLE, WATCHED = "operation", "variable", "watched"


Facts = Callable[[Node], Fact | None]


class Edge(NamedTuple):
    """An input of an operation: the number of what it came from, and of the operation.

    `cut` is the kind of the `Nothing` that stands in the place of its derivative ("" for none),
    `why` its reason; `flow` is what flows back over it, where that is known.
    """

    source: int
    target: int
    flow: Flow | None
    cut: str
    why: str


@dataclass(slots=True, eq=False)
class Entry:
    """An operation that was recorded, or a source.

    Attributes:
        number: of its node; it grows with time.
        kind: OPERATION, VARIABLE or WATCHED.
        title: the public name of the operation, the name of the variable.
        spec: dtype and shape of the result.
        operands: for each input whether it is on the tape.
        kept: what is kept for the backward pass.
        fact: where in the program it was recorded, if that is known.
        target: whether the gradient is that of it.
        flow: the size of the gradient that arrives, if that is known.
    """

    number: int
    kind: str
    title: str
    spec: str
    operands: tuple[bool, ...] = ()
    kept: tuple[Kept, ...] = ()
    fact: Fact | None = None
    target: bool = False
    flow: Flow | None = None
    before: list[Entry] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name under its scopes, different for each entry."""
        scope = self.fact.scope.strip("/") if self.fact is not None else ""
        own = f"{self.title.replace('/', '.')}#{self.number}"
        return f"{scope}/{own}" if scope else own

    @property
    def call(self) -> str:
        """The title with the operands where some are not on the tape."""
        if all(self.operands):
            return self.title
        shown = ["\u00b7" if on else "\u2014" for on in self.operands[:4]]
        if len(self.operands) > 4:
            shown.append("\u2026")
        return f"{self.title}({', '.join(shown)})"


class Anatomy:
    """What a recording recorded between sources and targets.

    Args:
        recording: what is read.
        targets: tensors and variables; without them everything is shown, and no gradient.
        sources: those between which and the targets operations are shown; None for all.
        names: the sources' names, by node, where they have some.
        facts: says where a node was recorded.

    Attributes:
        entries: sources and operations, oldest first.
        edges: the inputs that are on the tape.
        aimed: whether there is a target.
        flowing: whether sizes of gradients are known.
        note: why they are not, in a sentence.
        marks: the operation at which the walk back failed, by its number, and how.
    """

    def __init__(
        self,
        recording: Recording,
        targets: Sequence[Any] = (),
        sources: Sequence[Any] | None = None,
        names: Mapping[Node, str] | None = None,
        facts: Facts | None = None,
    ) -> None:
        self._recording = recording
        self._targets = [node_of(t) for t in targets]
        ends = [_owner(n) for n in self._targets]
        wanted = None if sources is None else {_owner(node_of(s)) for s in sources}
        nodes = self._nodes([n for n in ends if n is not None] if targets else None, wanted)
        watched = {n: recording.watched.get(n) for n in nodes if not self._recorded(n)}
        keeping = Keeping(watched)
        self.entries = [self._entry(n, keeping, names or {}, facts) for n in nodes]
        self._number()
        self._entries = dict(zip(nodes, self.entries, strict=True))
        for node in ends:
            if node in self._entries:
                self._entries[node].target = True
        self.aimed = bool(targets)
        self.note = ""
        self.marks: dict[int, str] = {}
        self._given: dict[Node, list[Any]] = {}
        self.flowing = self._walk(
            targets, [n for n in nodes if n in watched or n in (wanted or ())]
        )
        self.edges = [e for n in nodes if self._recorded(n) for e in self._edges(n)]
        del self._given, self._recording, self._entries, self._targets

    # which nodes

    def _recorded(self, node: Node) -> bool:
        return type(node) is Record and self._recording in node.tapes

    def _nodes(self, ends: list[Node] | None, wanted: set[Node] | None) -> list[Node]:
        """The records and the leaves before them, oldest first."""
        if ends is None:
            alive = [r() for r in self._recording.records]
            ends = [r for r in alive if r is not None and r.parents]
        seen = set(ends)
        pending = list(seen)
        while pending:
            node = pending.pop()
            if not self._recorded(node):
                continue
            for parent in self._parents(node):
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        order = sorted(seen, key=lambda n: n.number)
        order = [n for n in order if self._recording.knows(n)]
        return order if wanted is None else self._leading(order, wanted)

    def _leading(self, order: list[Node], wanted: set[Node]) -> list[Node]:
        """The nodes of an ascending list that are wanted, or that a wanted one leads to."""
        found: set[Node] = set()
        for node in order:
            parents = self._parents(node) if self._recorded(node) else ()
            if node in wanted or any([p in found for p in parents]):
                found.add(node)
        return [n for n in order if n in found]

    def _parents(self, node: Any) -> list[Node | None]:
        """The nodes of a record's inputs, parts being parts of their record, None off the tape."""
        owners = [_owner(p) for p in node.parents]
        return [p if p is not None and self._recording.knows(p) else None for p in owners]

    # entries and edges

    def _entry(
        self, node: Node, keeping: Keeping, names: Mapping[Node, str], facts: Facts | None
    ) -> Entry:
        fact = None if facts is None else facts(node)
        if type(node) is Record and self._recorded(node):
            return Entry(
                node.number,
                OPERATION,
                _title(node),
                _result(node),
                tuple([p is not None for p in self._parents(node)])[: _count(node)],
                tuple(keeping.of(node)),
                fact,
            )
        variable = self._recording.watched.get(node)
        kind = WATCHED if variable is None else VARIABLE
        name = WATCHED if variable is None else variable.name.removesuffix(":0")
        return Entry(
            node.number, kind, names.get(node, name), described(node.shape, node.dtype), fact=fact
        )

    def _number(self) -> None:
        """Tell watched tensors apart that have no names."""
        unnamed = [e for e in self.entries if e.kind == e.title == WATCHED]
        for number, entry in enumerate(unnamed, 1):
            if len(unnamed) > 1:
                entry.title = f"{WATCHED} {number}"

    def _edges(self, node: Any) -> Iterator[Edge]:
        given = self._given.get(node, [])
        rules = node.primitive.vjps
        for i, parent in enumerate(self._parents(node)):
            if parent is None or parent not in self._entries:
                continue
            self._entries[node].before.append(self._entries[parent])
            answer = given[i] if i < len(given) else None
            rule = rules[i] if i < len(rules) else None
            flow = answer if isinstance(answer, Flow) else None
            cut, why = _cut(answer if given else rule, rule, bool(given))
            yield Edge(parent.number, node.number, flow, cut, why)

    # gradients

    def _walk(self, targets: Sequence[Any], sources: list[Node]) -> bool:
        """Note the sizes of all cotangents; whether there are some."""
        pairs = [(t, node_of(t)) for t in targets if differentiable(t._dtype)]
        pairs = [(t, n) for t, n in pairs if n is not None and self._recording.knows(n)]
        if not pairs:
            return False
        if here.mode is not None or not all([getattr(t, "concrete", True) for t, _ in pairs]):
            self.note = (
                "The sizes of gradients are not known: in a recorded function, or a batch, tensors"
                " have no values of their own."
            )
            return False
        try:
            with frame((), (), None):
                starts = [(n, starting_cotangent(t, None)) for t, n in pairs]
                arrived = walk(starts, sources, self._recording, see=self._see)
        except Exception as error:
            self._failed(f"{type(error).__name__}: {' '.join(str(error).split())}")
            return bool(self._given)
        for node, ct in zip(sources, arrived, strict=True):
            if type(ct) is not Nothing and not self._recorded(node):
                self._entries[node].flow = measured(ct)
        return True

    def _failed(self, text: str) -> None:
        """Say where the walk ended: at the latest record that was reached and gave nothing."""
        self.note = f"The walk back ended with {text}"
        reached = [_owner(t) for t in self._targets]
        for record, given in self._given.items():
            pairs = zip(self._parents(record), given)
            reached += [p for p, g in pairs if isinstance(g, Flow)]
        left = [n for n in reached if self._recorded(n) and n not in self._given]
        if left:
            self.marks[max(left, key=lambda n: n.number).number] = text

    def _see(self, record: Record, ct: Any, given: list[Any]) -> None:
        entry = self._entries.get(record)
        if entry is not None:
            entry.flow = measured(ct)
        self._given[record] = [g if g is None or type(g) is Nothing else measured(g) for g in given]


def _owner(node: Any) -> Any:
    """The record that a node is a part of, or the node."""
    return node.parents[0] if type(node) is Part else node


def _cut(answer: Any, rule: Any, walked: bool) -> tuple[str, str]:
    """The kind and reason of a missing derivative, ("", "") where there is one."""
    for nothing in (answer, rule):
        if type(nothing) is Nothing:
            return nothing.kind, nothing.why
        if type(nothing) is Owed:
            return "owed", nothing.why
    if walked and answer is None:
        return "none", "the function's gradient gives nothing for this input"
    return "", ""


# words


def _title(record: Record) -> str:
    """What the operation is called in public; a user's function by its own name."""
    params = record.params
    for holder in ("call", "callee"):
        name = getattr(params.get(holder), "name", None)
        if isinstance(name, str) and name:
            return name
    return public_name(record.primitive).removeprefix("gradtape.")


def _count(record: Record) -> int:
    """How many inputs there are; results that are passed through are none."""
    call: Any = record.params.get("call")
    return len(call.inputs) if hasattr(call, "inputs") else len(record.parents)


def _result(record: Record) -> str:
    if not record.primitive.several:
        return described(record.shape, record.dtype)
    specs = [described(s, d) for s, d in zip(record.shape, record.dtype, strict=True)]
    return ", ".join(specs if len(specs) < 4 else [*specs[:2], f"{len(specs) - 2} more"])


def described(shape: Any, dtype: Any) -> str:
    """A dtype and a shape as in float32[?, 3]."""
    name = from_numpy(dtype).name
    if type(shape) is UnknownShape:
        return f"{name}[...]"
    return f"{name}[{', '.join('?' if type(n) is Size else str(n) for n in shape)}]"
