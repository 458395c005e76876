"""What a picture of a tape shows: boxes for operations and sources, few enough to be read.

Where there are too many operations they are folded (`picture_folding`); sources that one box alone
uses then stand in that box, and those that the same boxes use become one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from gradtape.autodiff.anatomy import OPERATION, VARIABLE, Anatomy, Edge, Entry
from gradtape.autodiff.flow import Flow
from gradtape.autodiff.picture_folding import Group, folded, narrowed, opened
from gradtape.autodiff.picture_words import CUTS, Weight, count, distinct, roles, sizes

MANY = "several"
MOST_LINES = 16
MOST_BESIDE = 4  # sources of one box that stand beside it
Users = dict[int, set[int]]


class Arrow(NamedTuple):
    """The edges between two boxes, which are given by their numbers.

    `cut` is the word for a derivative that is missing on all of them, `why` the reason; `flows` are
    the sizes of the gradients.
    """

    source: int
    target: int
    flows: tuple[Flow, ...]
    cut: str
    why: str
    edges: int


class Box:
    """One box of a picture.

    Attributes:
        group: what it stands for.
        kind: how it is coloured.
        title, lines: what is written in it.
        mark: what is wrong with it, "" for nothing.
        inside: the sources that are shown nowhere else.
    """

    def __init__(self, group: Group, mark: str) -> None:
        self.group = group
        self.mark = mark
        self.inside: list[Entry] = []
        self.notes: list[str] = []
        first = group.entries[0]
        single = not group.title and group.times == 1
        self.kind = first.kind if single or first.kind != OPERATION else MANY
        self.title = first.call if single else group.label
        self.weight = Weight(group.entries)
        self.flows = [e.flow for e in group.entries if e.flow is not None]
        self.target = any([e.target for e in group.entries])

    @property
    def operations(self) -> int:
        """How many operations it stands for."""
        return sum([e.kind == OPERATION for e in self.group.entries])

    @property
    def place(self) -> str:
        """The lines of the program that its operations come from."""
        facts = [e.fact.place for e in self.group.entries if e.fact is not None]
        return distinct(facts, 1)

    @property
    def lines(self) -> list[str]:
        """What is written below the title."""
        entries = self.group.entries
        alike = distinct([e.spec for e in entries], 1)
        if self.kind == MANY and self.operations != self.group.times:
            alike = (
                f"{count(self.operations, 'operation')}: {distinct([e.title for e in entries], 3)}"
            )
        short = self.weight.short
        kept = "keeps a shared array" if short == "shared" else f"keeps {short}" * bool(short)
        place = "" if self.place == self.title else self.place
        found = [alike, " \u00b7 ".join([t for t in (kept, place) if t])]
        if self.kind not in (OPERATION, MANY) and self.flows:
            found.append(f"gradient {sizes(self.flows)}")
        if self.inside:
            found.append(f"with {self._sources()}")
        return [line for line in [*found, *self.notes] if line]

    def _sources(self) -> str:
        names = distinct([e.title for e in self.inside], 2)
        if len(self.inside) < 3:
            return names
        variables = sum([e.kind == VARIABLE for e in self.inside])
        noun = "variable" if variables == len(self.inside) else "source"
        return f"{count(len(self.inside), noun)}: {names}"

    def note(self, text: str) -> None:
        """Write more into it."""
        self.notes.append(text)

    def tip(self) -> str:
        """What is shown when the pointer rests on it."""
        shown = [described(e) for e in self.group.entries[:MOST_LINES]]
        more = len(self.group.entries) - len(shown)
        return "\n".join([self.mark] * bool(self.mark) + shown + [f"and {more} more"] * (more > 0))


def described(entry: Entry) -> str:
    """All that is known of an entry, in a line."""
    found = [f"{entry.call} {entry.spec}"]
    if entry.kept:
        found.append(f"keeps {roles(entry.kept)}: {Weight([entry])}")
    if entry.flow is not None:
        found.append(f"gradient {sizes([entry.flow])}")
    if entry.fact is not None:
        function = f" in {entry.fact.function}" if entry.fact.function else ""
        found.append(f"{entry.fact.file}:{entry.fact.line}{function}")
    return " \u00b7 ".join(found)


class Folded:
    """Boxes, and the arrows between them.

    Args:
        anatomy: what is shown.
        most: how many boxes there may be.
        expand: groups that are opened all the same: name scopes or titles.
        fold: False shows every operation.
        marks: what is wrong with an entry, by its number.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        most: int,
        expand: Collection[str],
        fold: bool,
        marks: Mapping[int, str],
    ) -> None:
        operations = [e for e in anatomy.entries if e.kind == OPERATION]
        sources = [e for e in anatomy.entries if e.kind != OPERATION]
        groups = [Group([e]) for e in operations]
        if fold and len(anatomy.entries) > most:
            groups = folded(operations, max(1, most - min(len(sources), most // 3)))
        if fold:
            groups = opened(narrowed(groups), expand)
        self.boxes = [_box(g, marks) for g in groups]
        alone = [Group([e]) for e in sources]
        if fold:
            users = users_of(anatomy.edges, self.boxes)
            rest = self._absorbed(sources, users, most, marks)
            alone = joined_sources(rest, users, max(1, most - len(groups)))
        self.boxes = [*[_box(g, marks) for g in alone], *self.boxes]
        self.arrows = joined(anatomy.edges, self.boxes)

    def _absorbed(
        self, sources: Sequence[Entry], users: Users, most: int, marks: Mapping[int, str]
    ) -> list[Entry]:
        """Put sources that one box alone uses into that box, where there are many; the others."""
        own: dict[int, list[Entry]] = {}
        rest = []
        for source in sources:
            places = [*users.get(source.number, ())]
            only = len(places) == 1 and self.boxes[places[0]].kind == MANY
            if only and source.number not in marks:
                own.setdefault(places[0], []).append(source)
            else:
                rest.append(source)
        crowded = len(sources) + len(self.boxes) > most
        for place, found in own.items():
            if crowded or len(found) > MOST_BESIDE:
                self.boxes[place].inside = found
            else:
                rest += found
        return sorted(rest, key=lambda e: e.number)


def users_of(edges: Sequence[Edge], boxes: Sequence[Box]) -> Users:
    """The places of the boxes that use each source."""
    places = {e.number: i for i, b in enumerate(boxes) for e in b.group.entries}
    found: Users = {}
    for edge in edges:
        if edge.source not in places:
            found.setdefault(edge.source, set()).add(places[edge.target])
    return found


def joined_sources(sources: Sequence[Entry], users: Users, most: int) -> list[Group]:
    """Sources in at most so many groups: those together that the same boxes use, or all."""
    if len(sources) <= most:
        return [Group([s]) for s in sources]
    alike: dict[Any, list[Entry]] = {}
    for source in sources:
        alike.setdefault(frozenset(users.get(source.number, ())), []).append(source)
    found = list(alike.values()) if len(alike) <= most else [list(sources)]
    return [Group(s, count(len(s), "source") if len(s) > 1 else "") for s in found]


def _box(group: Group, marks: Mapping[int, str]) -> Box:
    found = [marks[e.number] for e in group.entries if e.number in marks]
    return Box(group, distinct(found, 1))


def joined(edges: Sequence[Edge], boxes: Sequence[Box]) -> list[Arrow]:
    """One arrow for all edges from one box to another."""
    places = {e.number: i for i, b in enumerate(boxes) for e in b.group.entries}
    between: dict[tuple[int, int], list[Edge]] = {}
    for edge in edges:
        a, b = places.get(edge.source), places.get(edge.target)
        if a is not None and b is not None and a != b:
            between.setdefault((a, b), []).append(edge)
    arrows = []
    for (a, b), found in between.items():
        flows = tuple([e.flow for e in found if e.flow is not None])
        missing = [e for e in found if e.cut]
        cut = CUTS.get(missing[0].cut, missing[0].cut) if len(missing) == len(found) else ""
        why = distinct([e.why for e in missing], 3)
        arrows.append(Arrow(a, b, flows, cut, why, len(found)))
    return arrows
