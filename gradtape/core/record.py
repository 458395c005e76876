"""What happened, kept for differentiating: `Node`, `Record` and `Recording`.

A tensor that took part in a recording owns a *node*. The node of an operation's result is a
`Record`; it points at the nodes of its inputs, so the past of a tensor hangs on the tensor and
nowhere else: when an unused branch goes out of scope, its records and all that they kept are freed
by reference counting, at once and without a collector. A record keeps input tensors and the output
array only where a rule names them, and never the output tensor itself (that would be a circle);
`Record.output` makes it anew.

A tape does not hold records. It owns a `Recording`, which is a mark: records name the recordings
that made them, and a recording knows the leaves that it watches. It refers to its records weakly,
for one purpose: when the tape is used up or deleted, `close` empties the records that no other
recording needs, so that a loss kept for a plot does not keep the step that made it.

Numbers grow with time, and a result's number exceeds its inputs': that is the order of the backward
walk."""

from __future__ import annotations

import itertools
from operator import attrgetter
from typing import Any
from weakref import ref

from gradtape.core.quick import quick

next_number = itertools.count(1).__next__ if quick is None else quick.next_number


class Node:
    """A place where cotangents arrive: a watched tensor or variable."""

    __slots__ = ("__weakref__", "dtype", "number", "shape", "tangents", "tapes")

    tapes: tuple[Recording, ...]
    # by accumulator; only where there are some: setting it to None would cost a tape 10 ns a record
    tangents: dict[Any, Any]

    def __init__(self, shape: Any, dtype: Any, tapes: tuple[Recording, ...] = ()) -> None:
        self.number = next_number()
        self.shape = shape
        self.dtype = dtype
        self.tapes = tapes

    # a rule that needs an input's shape or dtype reads it here as on a tensor: no `Spec` is kept
    _shape = property(attrgetter("shape"))
    _dtype = property(attrgetter("dtype"))


class Record(Node):
    """An operation that was run: its primitive, its inputs' nodes, and what its rules need."""

    __slots__ = ("inputs", "out", "params", "parents", "primitive")

    out: Any

    def __init__(
        self,
        primitive: Any,
        parents: tuple[Node | None, ...],
        inputs: tuple[Any, ...],
        out: Any,
        params: dict[str, Any],
        shape: Any,
        dtype: Any,
        tapes: tuple[Recording, ...],
    ) -> None:
        self.number = number = next_number()
        self.primitive = primitive
        self.parents = parents
        self.inputs = inputs
        self.out = out
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.tapes = tapes
        for tape in tapes:
            tape.records.append(ref(self))
        if primitive.notable:
            for tape in tapes:
                tape.notable = True
        if not number & 1023:  # now and then: asking every time costs 40 ns a tape
            for tape in tapes:
                tape.tidy()

    def output(self) -> Any:
        """The kept output as a tensor on this record, or a tuple of them."""
        out = self.out
        if type(out) is tuple:
            return tuple([t.placed(Part(self, i)) for i, t in enumerate(out)])
        return out.placed(self)

    def release(self) -> None:
        """Forget everything that was kept for the backward pass."""
        self.parents = ()
        self.inputs = ()
        self.out = None
        self.tapes = ()


class Part(Node):
    """One of the results of an operation with several."""

    __slots__ = ("index", "parents")

    def __init__(self, record: Record, index: int) -> None:
        self.number = next_number()
        self.parents = (record,)
        self.index = index
        self.shape = record.shape[index]
        self.dtype = record.dtype[index]
        self.tapes = record.tapes


class Recording:
    """One stretch of recording by one tape: the leaves that it watches and, weakly, its records."""

    __slots__ = (
        "__weakref__", "automatic", "limit", "notable", "persistent", "records", "watched",
    )  # fmt: skip

    def __init__(self, automatic: bool = True, persistent: bool = False) -> None:
        self.automatic = automatic
        self.persistent = persistent  # whether it may record its own gradients
        self.watched: dict[Node, Any] = {}
        self.records: list[ref[Record]] = []
        self.limit = 1024
        self.notable = False  # whether a record's primitive is

    def tidy(self) -> None:
        """Forget the records that died, when there are twice as many as after the last time."""
        if len(self.records) > self.limit:
            self.records = [r for r in self.records if r() is not None]
            self.limit = 2 * len(self.records) + 1024

    def knows(self, node: Node | None) -> bool:
        """Whether this recording recorded or watches the node."""
        return node is not None and (self in node.tapes or node in self.watched)

    def close(self) -> None:
        """Empty the records that belong to no other recording."""
        records, self.records = self.records, []
        for reference in records:
            record = reference()
            if record is None or not record.tapes:
                continue
            rest = tuple([t for t in record.tapes if t is not self])
            if rest:
                record.tapes = rest
            else:
                record.release()
