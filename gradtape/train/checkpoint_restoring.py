"""`Restoration`: the values of one file on their way to the objects of a checkpoint; and the status
that tells how far they came."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

from gradtape.core.surroundings import get_logger
from gradtape.train.checkpoint_format import Entry, Header, shortened
from gradtape.train.checkpoint_graph import NO_ALIASES, Aliases, Found, Graph, names_below, walked
from gradtape.train.checkpoint_objects import Parts, is_known, parts_of
from gradtape.train.checkpoint_values import VariableValue
from gradtape.train.checkpoint_waiting import dismiss, enqueue, released, settle, tidy, waiting


class Roots:
    """What a checkpoint holds, as long as somebody else holds it too.

    Values may wait for a model whose checkpoint was dropped, and must not keep either alive.
    """

    def __init__(self, checkpoint: Any) -> None:
        self._checkpoint = weakref.ref(checkpoint, tidy)
        self._root = _weakly(checkpoint._held_root())
        self._held = [(name, _weakly(thing)) for name, thing in checkpoint._held()]

    def parts(self) -> tuple[Parts, Any]:
        """The parts, and the object whose parts they are."""
        checkpoint = self._checkpoint()
        if checkpoint is not None:
            return checkpoint._start()
        root = self._root()
        below = (None if root is None else parts_of(root)) or Parts([])
        return Parts([*below.children, *self._alive()], below.slots), root

    def _alive(self) -> list[tuple[str, Any]]:
        found = [(name, thing()) for name, thing in self._held]
        return [(name, thing) for name, thing in found if thing is not None]

    @property
    def gone(self) -> bool:
        """Whether nobody is left."""
        return self._checkpoint() is None and self._root() is None and not self._alive()

    def within(self, other: Roots) -> bool:
        """Whether these are the same objects as another's, or some of them, by the same names."""
        mine, theirs = self._checkpoint(), other._checkpoint()
        if mine is not None and mine is theirs:
            return True
        held = {(name, id(thing)) for name, thing in other._alive()}
        return self._root() is other._root() and held.issuperset(
            [(name, id(thing)) for name, thing in self._alive()]
        )


def _weakly(thing: Any) -> Any:
    """A function that returns an object as long as it lives, then None; containers by what they
    hold now."""
    try:
        return weakref.ref(thing, tidy)
    except TypeError:
        pass
    if not isinstance(thing, (dict, list, tuple)):
        kept = thing if is_known(thing) else None
        return lambda: kept
    keys = list(thing) if isinstance(thing, dict) else list(range(len(thing)))
    items = {str(key): _weakly(thing[key]) for key in keys}

    def alive() -> dict[str, Any] | None:
        found = {key: item() for key, item in items.items()}
        return found if any([item is not None for item in found.values()]) else None

    return alive


@dataclass
class Account:
    """Which names of a file were taken; it outlives the values, for the last words on them."""

    path: str
    names: set[str]
    taken: set[str] = field(default_factory=set)
    quiet: bool = False

    @property
    def open(self) -> list[str]:
        """The names that nobody has taken."""
        return sorted(self.names - self.taken)


class Restoration:
    """The values of one file on their way.

    Args:
        checkpoint: whose objects get them.
        path: the file's, for messages.
        header: the file's.
        values: its arrays by their names, all of them checked.
    """

    def __init__(self, checkpoint: Any, path: str, header: Header, values: dict[str, Any]) -> None:
        self.roots = Roots(checkpoint)
        self.entries: dict[str, Entry] = header.entries
        self.aliases = Aliases(header.notes.get("aliases", {}))
        self.account = Account(path, set(values))
        self._values = values
        self._served: dict[int, Any] = {}
        weakref.finalize(self, _last_words, self.account)

    def begin(self) -> None:
        """Give the values to those who are there and let the others wait, or raise and do
        neither."""
        enqueue(self)
        try:
            settle()
        except BaseException:
            dismiss(self)
            self.account.quiet = True
            raise
        for older in waiting():
            if older is not self and isinstance(older, Restoration):
                if older.roots.within(self.roots):
                    older.yield_to(self)
        tidy()

    def yield_to(self, newer: Restoration) -> None:
        """Leave out what a newer restoration has for the same objects."""
        for name in newer.account.names & self.account.names:
            self._values.pop(name, None)
            self.account.taken.add(name)

    @property
    def done(self) -> bool:
        """Whether nothing waits any more, or nobody is left to take it."""
        return not self.account.open or self.roots.gone

    def name_of(self, found: Found) -> str | None:
        """The name under which the file has a value for what was found, None when it has none."""
        for address in (found.address, *found.others):
            for name in (address.name(NO_ALIASES), address.name(self.aliases)):
                if name in self.entries:
                    return name
        return None

    def settle(self, served: set[int]) -> None:
        """Give values to those who are there and have none of a newer restoration."""
        parts, root = self.roots.parts()
        due = []
        for found in walked(parts, root).values:
            name, owner = self.name_of(found), found.value.owner
            if name is None or name not in self._values or self._has_served(owner):
                continue
            if id(owner) in served:
                self._take(name, owner)
                continue
            below = list(names_below(name, self.entries))
            where = f"{name!r} in {self.account.path!r}"
            found.value.check({part: self.entries[name + part] for part in below}, where)
            due.append((found.value, name, below))
        for value, name, below in sorted(due, key=lambda item: isinstance(item[0], VariableValue)):
            value.give({part: self._values[name + part] for part in below})
            served.add(id(value.owner))
        for value, name, _ in due:
            self._take(name, value.owner)

    def _take(self, name: str, owner: Any) -> None:
        """Note that a value was taken; keep it only if another object may have a right to it."""
        for part in list(names_below(name, self.entries)):
            self.account.taken.add(name + part)
            if not self.aliases.leads_to(name):
                self._values.pop(name + part, None)
        if name in self._values:
            self._served[id(owner)] = _weakly(owner)
        released(owner)

    def _has_served(self, owner: Any) -> bool:
        return id(owner) in self._served and self._served[id(owner)]() is owner


def _last_words(account: Account) -> None:
    """Say what of a file nobody took, unless that was expected."""
    if account.quiet or not account.open:
        return
    get_logger().warning(
        "gradtape.train.Checkpoint: %d of %d values in %r were never restored: %s. If that is"
        " meant, call expect_partial() on what restore() returns.",
        len(account.open),
        len(account.names),
        account.path,
        shortened(account.open),
    )


class LoadStatus:
    """What `tf.train.Checkpoint.restore` returns: asks how complete a restoration is.

    The methods return the status itself, so that they can be chained.
    """

    def __init__(self, checkpoint: Any, restoration: Restoration) -> None:
        self._checkpoint = checkpoint
        self._restoration = restoration

    def assert_consumed(self) -> LoadStatus:
        """Raise AssertionError unless every object got a value and every value found an object."""
        self.assert_existing_objects_matched()
        account = self._restoration.account
        if account.open:
            raise AssertionError(
                f"Unresolved object in checkpoint: {len(account.open)} values of {account.path!r}"
                f" have no object in the program: {shortened(account.open)}. Build the model and"
                " the optimizer first, give their objects the names that they had, or call"
                " expect_partial() if only a part is wanted."
            )
        return self

    def assert_existing_objects_matched(self) -> LoadStatus:
        """Raise AssertionError when an object that exists has no value in the file."""
        settle()
        names = [self._unmatched(found) for found in self._graph().values]
        missing = [name for name in names if name is not None]
        if missing:
            raise AssertionError(
                f"Found {len(missing)} Python objects that were not bound to checkpointed values,"
                f" likely due to changes in the Python program: {shortened(missing)} are not in"
                f" {self._restoration.account.path!r}. tf.train.list_variables(path) shows what is."
            )
        return self

    def assert_nontrivial_match(self) -> LoadStatus:
        """Raise AssertionError when nothing of the file has a place in the program."""
        settle()
        graph = self._graph()
        heads = {path.partition("/")[0] for path in graph.paths.values() if path}
        account = self._restoration.account
        if not account.taken and not heads & {n.partition("/")[0] for n in account.names}:
            raise AssertionError(
                "Nothing except the root object matched a checkpointed value. Typically this means"
                " that the checkpoint does not match the Python program. The checkpoint holds"
                f" {shortened(sorted(heads))}; {account.path!r} has"
                f" {shortened(sorted(account.names))}."
            )
        return self

    def expect_partial(self) -> LoadStatus:
        """Let nothing be said about values that are never restored."""
        self._restoration.account.quiet = True
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Do nothing: values are restored at once."""

    def run_restore_ops(self, session: Any = None) -> None:
        """Do nothing: values are restored at once."""

    def _graph(self) -> Graph:
        return walked(*self._checkpoint._start())

    def _unmatched(self, found: Found) -> str | None:
        name = self._restoration.name_of(found)
        if name is not None and name in self._restoration.account.taken:
            return None
        return f"{found.address.name(NO_ALIASES)} ({found.value.described()})"


class NothingRestored:
    """What `tf.train.Checkpoint.restore(None)` returns: no file was given."""

    def assert_consumed(self) -> Any:
        """Raise AssertionError: there is no checkpoint."""
        raise AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def expect_partial(self) -> NothingRestored:
        """Do nothing."""
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Do nothing: variables have their values from the start."""

    def run_restore_ops(self, session: Any = None) -> None:
        """Do nothing."""
