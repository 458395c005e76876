"""What a picture of a tape shows: boxes for operations and sources, few enough to be read.

Where there are too many operations, those under one name scope become one box. Then what repeats
itself, as the body of an unrolled loop or layers that are alike, is shown once, with how often.
What is left is put together by lines of the program, by functions, by chains, and at last in the
order of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gradtape.autodiff.anatomy import OPERATION, VARIABLE, Anatomy, Edge, Entry, Flow
from gradtape.autodiff.folding import Naming, chained, grouped, own_name, split
from gradtape.autodiff.picture_words import CUTS, Weight, count, distinct, roles, sizes

MANY = "several"
LONGEST_PERIOD, MOST_ROLLS = 256, 64
MOST_LINES = 16


class Group:
    """Entries that are shown as one.

    `title` is "" for a single one; `times` is how often what is shown repeats itself; `scope` is
    the name scope that it stands for.
    """

    def __init__(self, entries: list[Entry], title: str = "", times: int = 1) -> None:
        self.entries = entries
        self.title = title
        self.times = times
        self.scope = ""

    def signature(self) -> Any:
        """What is equal where groups are alike; those that repeat themselves are like no other."""
        if self.times > 1:
            return self.entries[0].number
        title = re.sub(r"\d+", "", self.title)
        return title, tuple([(e.title, e.spec) for e in self.entries])


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
        self.title = group.title or (first.call if single else first.title)
        if group.times > 1:
            self.title += f" \u00d7 {group.times}"
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
        if len({e.title for e in self.inside}) < 3:
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
        fold = fold and len(anatomy.entries) > most
        self.boxes: list[Box] = []
        if fold:
            budget = max(1, most - min(len(sources), most // 3))
            groups = opened(folded(operations, budget), expand)
        self.boxes = [_box(g, marks) for g in groups]
        places = {e.number: i for i, g in enumerate(groups) for e in g.entries}
        rest = (
            self._absorbed(sources, places, anatomy.edges, most)
            if fold
            else [Group([e]) for e in sources]
        )
        self.boxes = [*[_box(g, marks) for g in rest], *self.boxes]
        places = {e.number: i for i, b in enumerate(self.boxes) for e in b.group.entries}
        self.arrows = joined(anatomy.edges, places)

    def _absorbed(
        self, sources: Sequence[Entry], places: dict[int, int], edges: Sequence[Edge], most: int
    ) -> list[Group]:
        """The sources that get boxes of their own: one box says which only it uses."""
        if len(sources) + len(self.boxes) <= most:
            return [Group([s]) for s in sources]
        users: dict[int, set[int]] = {}
        for e in edges:
            if e.source not in places:
                users.setdefault(e.source, set()).add(places[e.target])
        together: dict[Any, list[Entry]] = {}
        for source in sources:
            found = users.get(source.number, set())
            place = next(iter(found), None)
            if len(found) == 1 and place is not None and self.boxes[place].kind == MANY:
                self.boxes[place].inside.append(source)
            else:
                together.setdefault(frozenset(found), []).append(source)
        rest = [s for group in together.values() for s in group]
        room = max(1, most - len(self.boxes))
        if len(rest) <= room:
            return [Group([s]) for s in rest]
        alike = list(together.values()) if len(together) <= room else [rest]
        return [Group(s, count(len(s), "source") if len(s) > 1 else "") for s in alike]


def _box(group: Group, marks: Mapping[int, str]) -> Box:
    found = [marks[e.number] for e in group.entries if e.number in marks]
    return Box(group, distinct(found, 1))


def joined(edges: Sequence[Edge], places: Mapping[int, int]) -> list[Arrow]:
    """One arrow for all edges from one box to another."""
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


# folding


def folded(operations: Sequence[Entry], most: int) -> list[Group]:
    """Operations in at most so many groups."""
    groups = [Group([e]) for e in operations]
    name = own_name
    if not any([e.fact is not None and e.fact.scope.strip("/") for e in operations]):
        groups = rolled(groups, most)
        name = _name_by_place
    if len(groups) > most:
        groups = by_scope(operations, most, name)
    if len(groups) > most:
        groups = rolled(groups, most)
    if len(groups) > most:
        groups = _chains(groups, most)
    return groups if len(groups) <= most else _ranges(groups, most)


def by_scope(operations: Sequence[Entry], most: int, name: Naming) -> list[Group]:
    """Operations by name scope. Scopes are opened as long as there are few enough groups, also
    where that holds only because their content repeats itself."""
    groups = [_scope(*g) for g in grouped(operations, most, name)]
    closed = _closed(groups)
    while closed:
        group = closed.pop(0)
        place = groups.index(group)
        inside = [_scope(*g) for g in split(group.scope, group.entries, name)]
        found = rolled([*groups[:place], *inside, *groups[place + 1 :]], most)
        if len(found) <= most:
            groups, closed = found, _closed(found)
    return groups


def _closed(groups: Sequence[Group]) -> list[Group]:
    """The groups that can be opened, the largest first."""
    return sorted([g for g in groups if g.scope and g.times == 1], key=lambda g: -len(g.entries))


def _scope(scope: str, entries: list[Entry]) -> Group:
    group = Group(entries, scope.rstrip("/").rpartition("//")[2])
    group.scope = scope
    return group


def _name_by_place(entry: Entry) -> str:
    """A name under the function and the line that an operation comes from, as scopes."""
    own = f"{entry.title}#{entry.number}"
    fact = entry.fact
    if fact is None:
        return own
    function = f"{fact.function} in {fact.place.partition(':')[0]}//" if fact.function else ""
    return f"{function}{fact.place}//{own}"


def rolled(groups: list[Group], most: int) -> list[Group]:
    """Groups, with what repeats itself shown once, as long as there are too many."""
    for _ in range(MOST_ROLLS):
        found = longest_repeat([g.signature() for g in groups]) if len(groups) > most else None
        if found is None:
            break
        start, period, times = found
        stop = start + period * times
        body = [groups[start + i : stop : period] for i in range(period)]
        groups = [*groups[:start], *[_repeated(same) for same in body], *groups[stop:]]
    return groups


def _repeated(same: Sequence[Group]) -> Group:
    first, last = same[0].title, same[-1].title
    title = first if first == last else f"{first} \u2026 {last}"
    return Group([e for g in same for e in g.entries], title, len(same))


def longest_repeat(signatures: Sequence[Any]) -> tuple[int, int, int] | None:
    """The repetition that saves most places: where it starts, its period, and how often it is."""
    numbers: dict[Any, int] = {}
    ids = np.array([numbers.setdefault(s, len(numbers)) for s in signatures])
    best, saved = None, 0
    for period in range(1, min(LONGEST_PERIOD, len(ids) // 2) + 1):
        start, length = _longest_run(ids[period:] == ids[:-period])
        times = (length + period) // period
        if times > 2 and (times - 1) * period > saved:
            best, saved = (start, period, times), (times - 1) * period
    return best


def _longest_run(flags: Any) -> tuple[int, int]:
    """Where the longest run of True starts, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])


def _chains(groups: list[Group], most: int) -> list[Group]:
    """Groups, with chains of single operations as one group each."""
    named = {str(i): g for i, g in enumerate(groups) if g.title or g.times > 1}
    pairs = [(str(i) if str(i) in named else "", g.entries) for i, g in enumerate(groups)]
    return [
        named[name] if name else Group(ops, _ends(ops) if len(ops) > 1 else "")
        for name, ops in chained(pairs, lambda e: e.before, most)
    ]


def _ranges(groups: list[Group], most: int) -> list[Group]:
    """Groups one after another put together, as evenly as they come."""
    cuts = np.linspace(0, len(groups), most + 1).round().astype(int)
    found = []
    for start, stop in pairwise(cuts):
        part = groups[start:stop]
        entries = [e for g in part for e in g.entries]
        found.append(part[0] if len(part) == 1 else Group(entries, _ends(entries)))
    return found


def _ends(entries: Sequence[Entry]) -> str:
    return f"{entries[0].title} \u2026 {entries[-1].title}"


def opened(groups: Sequence[Group], expand: Collection[str]) -> list[Group]:
    """Groups, without what is under one of the scopes, or in a group of one of the titles."""
    found = []
    for group in groups:
        if group.title in expand:
            found += [Group([e]) for e in group.entries]
            continue
        under = [e for e in group.entries if any([e.name.startswith(f"{s}/") for s in expand])]
        rest = [e for e in group.entries if e not in under]
        if rest:
            found.append(Group(rest, group.title, group.times) if under else group)
        found += [Group([e]) for e in under]
    return found
