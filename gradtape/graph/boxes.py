"""What a picture of a graph shows: boxes for operations, few enough to be read.

Small constants stand in the boxes that use them; what initialises variables, and what counts random
numbers, is left out. Operations under one name scope become one box, and chains of operations do,
until there are few enough boxes; the smallest scopes are opened again as long as that holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.autodiff.folding import chained, grouped
from gradtape.core.variable import Variable
from gradtape.graph.text import contents, line, spec

Operation = Any
CONSTANT, READING, ASSIGNMENT = "Const", "ReadVariable", "Assign"  # types of operations
GIVEN = ("Placeholder", "Capture", "placeholder_with_default")
INPUT, STATE, FIXED, STEP, MANY = "input", "variable", "constant", "operation", "several"
MOST = 48
MOST_LINES = 12


class Box:
    """One box of a picture.

    Attributes:
        operations: what it stands for.
        kind: how it is coloured.
        title, detail: what is written in it.
    """

    def __init__(self, operations: list[Operation], kind: str, title: str, detail: str) -> None:
        self.operations = operations
        self.kind = kind
        self.title = title
        self.detail = detail

    def note(self, text: str) -> None:
        """Write more behind the detail."""
        self.detail = f"{self.detail} \u00b7 {text}" if self.detail else text

    def tip(self) -> str:
        """What is shown when the pointer rests on it."""
        lines = [line(op) for op in self.operations[:MOST_LINES]]
        more = len(self.operations) - len(lines)
        return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)


class Picture:
    """Boxes and the arrows between them.

    Attributes:
        boxes: the boxes.
        arrows: pairs of numbers of boxes, each once, with whether it is a dependency alone.
    """

    def __init__(self, operations: Sequence[Operation], most: int = MOST) -> None:
        shown = visible(operations)
        groups = chained(grouped(shown, most), _before, most)
        self.boxes = [_box(name, ops) for name, ops in groups]
        places = {op: i for i, (_, ops) in enumerate(groups) for op in ops}
        _merge_readings(shown, places, self.boxes)
        arrows: dict[tuple[int, int], bool] = {}
        for op in shown:
            for value in op.takes:
                _arrow(arrows, places, value.op, op, False)
            for other in op.control:
                _arrow(arrows, places, other, op, True)
        self.arrows = [(a, b, after) for (a, b), after in arrows.items()]
        self._drop_merged(places)

    def _drop_merged(self, places: dict[Operation, int]) -> None:
        """Leave out boxes that others stand for."""
        kept = sorted(set(places.values()))
        numbers = {old: new for new, old in enumerate(kept)}
        self.boxes = [self.boxes[i] for i in kept]
        self.arrows = [(numbers[a], numbers[b], after) for a, b, after in self.arrows]


def _before(op: Operation) -> list[Operation]:
    return [*[v.op for v in op.takes], *op.control]


def _arrow(arrows: Any, places: Any, source: Operation, target: Operation, after: bool) -> None:
    a, b = places.get(source), places.get(target)
    if a is not None and b is not None and a != b:
        arrows[a, b] = arrows.get((a, b), True) and after


def _merge_readings(shown: Sequence[Operation], places: Any, boxes: Sequence[Box]) -> None:
    """One box for all readings of a variable that stand alone."""
    first: dict[int, int] = {}
    for op in shown:
        place = places[op]
        if op.type == READING and boxes[place].kind == STATE:
            places[op] = first.setdefault(id(op.params["variable"]), place)


# which operations are shown


def visible(operations: Sequence[Operation]) -> list[Operation]:
    """The operations that a picture shows."""
    used = {v.op for op in operations for v in op.takes}
    hidden = {op for op in operations if op.type == CONSTANT and op in used}
    for op in operations:
        variable = op.params.get("variable")
        if variable is not None and not isinstance(variable, Variable):
            hidden.add(op)  # the state of the random numbers
        elif op.takes and all([_counts(v.op) for v in op.takes if v.op.type != CONSTANT]):
            if any([_counts(v.op) for v in op.takes]):
                hidden.add(op)  # the key of the next ones
    hidden |= _initialising(operations, hidden)
    return [op for op in operations if op not in hidden]


def _counts(op: Operation) -> bool:
    variable = op.params.get("variable")
    return variable is not None and not isinstance(variable, Variable)


def _initialising(operations: Sequence[Operation], hidden: set[Operation]) -> set[Operation]:
    """The operations that serve nothing but the initialisation of variables."""
    found = {
        op for op in operations
        if op.type == ASSIGNMENT and getattr(op.params["variable"], "initializer", None) is op
    }  # fmt: skip
    consumers: dict[Operation, list[Operation]] = {}
    for op in operations:
        for other in {*[v.op for v in op.takes], *op.control}:
            consumers.setdefault(other, []).append(op)
    for op in reversed(operations):
        users = consumers.get(op, [])
        if users and all([u in found or u in hidden for u in users]) and op not in hidden:
            if any([u in found for u in users]):
                found.add(op)
        elif op.control and not op.takes and all([c in found for c in op.control]):
            found.add(op)
    return found


# words


def _box(scope: str, operations: list[Operation]) -> Box:
    if scope:
        count = f"{len(operations)} operations"
        return Box(operations, MANY, scope.rstrip("/"), count)
    if len(operations) > 1:
        kinds = [op.type for op in operations]
        title = " \u2192 ".join(kinds if len(kinds) <= 3 else [kinds[0], "...", kinds[-1]])
        return Box(operations, MANY, title, f"{len(operations)} operations")
    (op,) = operations
    results = ", ".join(spec(v) for v in op.values)
    own = op.label is not None
    if op.type == READING:
        return Box(operations, STATE, op.params["variable"].name.partition(":")[0], results)
    if op.type == ASSIGNMENT:
        name = op.params["variable"].name.partition(":")[0]
        return Box(operations, STATE, f"{name} \u2190", results)
    if op.type in GIVEN:
        return Box(operations, INPUT, op.name, results)
    if op.type == CONSTANT:
        return Box(operations, FIXED, contents(op.params["value"]), results)
    title = f"{op.name.rpartition('/')[2]}: {op.type}" if own and op.label != op.type else op.type
    return Box(operations, STEP, title + _constants(op), results)


def _constants(op: Operation) -> str:
    """The constants that an operation takes, in their places."""
    if not any([v.op.type == CONSTANT for v in op.takes]):
        return ""
    return f"({', '.join(_operand(v) for v in op.takes)})"


def _operand(value: Any) -> str:
    if value.op.type != CONSTANT:
        return "\u00b7"
    return contents(value.op.params["value"]) if value.shape == () else spec(value)
