"""Few groups of a tape's many operations.

Operations under one name scope become one group; without scopes, those of a function or line of the
program. What repeats itself, as the body of an unrolled loop or layers that are alike, is shown
once, with how often. What is still too much is put together by chains, and at last in the order of
time."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradtape.autodiff.anatomy import Entry
from gradtape.autodiff.folding import Naming, chained, grouped, own_name, split
from gradtape.autodiff.layering import widest

LONGEST_PERIOD, MOST_ROLLS = 256, 64
MOST_ABREAST = 12


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

    @property
    def label(self) -> str:
        """What is written on it."""
        title = self.title or self.entries[0].title
        return f"{title} \u00d7 {self.times}" if self.times > 1 else title

    def signature(self) -> Any:
        """What is equal where groups are alike; those that repeat themselves are like no other."""
        if self.times > 1:
            return self.entries[0].number
        title = re.sub(r"\d+", "", self.title)
        return title, tuple([(e.title, e.spec) for e in self.entries])


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
    """Operations by name scope. One that holds more than half of them is opened also where there
    are few enough groups only because its content repeats itself."""
    groups = [_scope(*g) for g in grouped(operations, most, name)]
    while True:
        sizes = [len(g.entries) if g.scope and g.times == 1 else 0 for g in groups]
        place = int(np.argmax(sizes))
        if 2 * sizes[place] <= len(operations):
            return groups
        inside = [_scope(*g) for g in split(groups[place].scope, groups[place].entries, name)]
        found = rolled([*groups[:place], *inside, *groups[place + 1 :]], most)
        if len(found) > most:
            return groups
        groups = found


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
    return _rolled(groups, lambda found: len(found) <= most)


def narrowed(groups: list[Group]) -> list[Group]:
    """Groups, with what repeats itself shown once, as long as too many would stand side by side."""
    return _rolled(
        groups, lambda found: len(found) <= MOST_ABREAST or _abreast(found) <= MOST_ABREAST
    )


def _abreast(groups: Sequence[Group]) -> int:
    places = {e: i for i, g in enumerate(groups) for e in g.entries}
    pairs = {(places[b], place) for e, place in places.items() for b in e.before if b in places}
    return widest(len(groups), [(a, b) for a, b in pairs if a != b])


def _rolled(groups: list[Group], fits: Callable[[list[Group]], bool]) -> list[Group]:
    for _ in range(MOST_ROLLS):
        found = None if fits(groups) else longest_repeat([g.signature() for g in groups])
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
        if group.label in expand or group.title in expand:
            found += [Group([e]) for e in group.entries]
            continue
        under = [e for e in group.entries if any([e.name.startswith(f"{s}/") for s in expand])]
        rest = [e for e in group.entries if e not in under]
        if rest:
            found.append(Group(rest, group.title, group.times) if under else group)
        found += [Group([e]) for e in under]
    return found
