"""The names of everything that a checkpoint stores: a walk along the edges between objects.

An object's name is the shortest path that leads to it, as in `model/layers/0/kernel`. The other
paths to an object that is held twice are kept as aliases, so that a program that holds it only
there finds it. Names are for people and for the file's header; no path of the file system is made
from them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gradtape.core.variable import Variable
from gradtape.train.checkpoint_objects import Parts, core_of, parts_of
from gradtape.train.checkpoint_values import Value, value_of

UNFIT = re.compile("[%/\x00-\x1f\x7f\ud800-\udfff]")
SLOTS = "slots"


@dataclass(frozen=True)
class Address:
    """Where a value is: a path, or a slot of an optimizer for a variable that has a path.

    Attributes:
        path: of the value, or of the optimizer.
        variable: the path of the variable that the optimizer moves.
        slot: the slot's name.
    """

    path: str
    variable: str | None = None
    slot: str = ""

    def name(self, aliases: Aliases) -> str:
        """The name under which a file with these aliases has the value, if it has it."""
        path = aliases.resolved(self.path)
        if self.variable is None:
            return path
        return joined(path, SLOTS, aliases.resolved(self.variable), self.slot)


@dataclass
class Aliases:
    """The other paths to objects, each with the one that is used."""

    paths: dict[str, str] = field(default_factory=dict)

    def resolved(self, path: str) -> str:
        """The path that is used for what a path leads to."""
        for _ in range(len(self.paths) + 1):
            shorter = self._once(path)
            if shorter is None:
                return path
            path = shorter
        return path

    def _once(self, path: str) -> str | None:
        head = path
        while head:
            if head in self.paths:
                return joined(self.paths[head], path[len(head) + 1 :])
            head = head.rpartition("/")[0]
        return None

    def leads_to(self, name: str) -> bool:
        """Whether some alias leads to a name, or to something that holds it."""
        return any(_holds(path, name) for path in self.paths.values())


NO_ALIASES = Aliases()


@dataclass
class Found:
    """A value in the graph, with the address that it is stored under and others that lead to it."""

    value: Value
    address: Address
    others: list[Address] = field(default_factory=list)


@dataclass
class Graph:
    """What a walk found: values, aliases, and the paths of the objects."""

    values: list[Found] = field(default_factory=list)
    aliases: Aliases = field(default_factory=Aliases)
    paths: dict[int, str] = field(default_factory=dict)

    def useful_aliases(self) -> dict[str, str]:
        """The aliases of what is stored, or holds something that is."""
        heads = {""}
        for found in self.values:
            name = found.address.name(NO_ALIASES)
            while name:
                heads.add(name)
                name = name.rpartition("/")[0]
        return {path: used for path, used in self.aliases.paths.items() if used in heads}


def walked(parts: Parts, root: Any = None) -> Graph:
    """Walk from what a checkpoint holds to everything below it.

    Args:
        parts: names and objects.
        root: the object whose parts these are.
    """
    graph = Graph()
    alive = [root]  # an id names an object only as long as it lives
    if root is not None:
        graph.paths[id(root)] = ""
    values: dict[int, Found] = {}
    slots: list[tuple[str, Parts]] = []
    pending = deque([("", parts)])
    while pending:
        path, held = pending.popleft()
        if held.slots:
            slots.append((path, held))
        for name, child in held.children:
            core = core_of(child)
            there = joined(path, escaped(name))
            known = graph.paths.get(id(core))
            if known is not None:
                _alias(graph, values, core, there, known)
                continue
            below = None if isinstance(core, Variable) else parts_of(core)
            value = value_of(core) if below is None else None
            if below is not None:
                pending.append((there, below))
            elif value is not None:
                values[id(core)] = Found(value, Address(there))
            else:
                continue
            alive.append(core)
            graph.paths[id(core)] = there
    for path, held in slots:
        _add_slots(graph, values, path, held)
    graph.values = list(values.values())
    return graph


def _alias(graph: Graph, values: dict[int, Found], core: Any, there: str, known: str) -> None:
    graph.aliases.paths[there] = known
    if id(core) in values:
        values[id(core)].others.append(Address(there))


def _add_slots(graph: Graph, values: dict[int, Found], path: str, held: Parts) -> None:
    """Add the slots of an optimizer, under the names of the variables that they belong to."""
    for i, (variable, slots) in enumerate(held.slots):
        moved = graph.paths.get(id(core_of(variable)))
        numbered = joined(path, SLOTS, f"#{i}")
        for name, slot in slots.items():
            core = core_of(slot)
            value = value_of(core)
            if value is None or id(core) in values:
                continue
            by_number = Address(joined(numbered, escaped(name)))
            by_name = Address(path, moved, escaped(name))
            values[id(core)] = Found(value, by_number if moved is None else by_name, [by_number])


def escaped(name: str) -> str:
    """A name as a part of a path: without strokes, control characters and halves of pairs."""
    name = UNFIT.sub(lambda match: f"%{ord(match[0]):02X}", name)
    if name == "__metadata__":  # has its own meaning in a safetensors file
        return "%5F_metadata__"
    return name or "%"


def joined(*parts: str) -> str:
    """Parts of a path as one."""
    return "/".join([part for part in parts if part])


def _holds(path: str, name: str) -> bool:
    return not path or name == path or name.startswith(f"{path}/")


def names_below(name: str, names: Any) -> Iterator[str]:
    """What is added to a name in a file for the arrays that belong to one value."""
    for other in names:
        if _holds(name, other):
            yield other[len(name) :]
