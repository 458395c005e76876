"""Values that wait for variables which do not exist yet, and how these get them.

A value of a checkpoint may belong to a layer that is built later, or to a slot that an optimizer
makes in its first step. As long as values wait, every new variable is told to ask when somebody
first wants its value: by then it hangs in a model. Asking is a walk through the objects of the
checkpoints whose values wait. A variable that is in none of them asks again a few times, less and
less often, and then no more; a checkpoint's own methods look through everything once more."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from gradtape.core.dtypes import from_numpy
from gradtape.core.state import newborn
from gradtape.core.variable import Variable

TRIES = {1, 2, 3, 4, 8, 16, 32, 64}
LAST_TRY = 64


class Waiting(Protocol):
    """What waits: a restoration with values that nobody has taken yet."""

    @property
    def done(self) -> bool:
        """Whether nothing waits any more, or nobody is left to take it."""
        ...

    def settle(self, served: set[int]) -> None:
        """Give values to those who are there; `served` has the ids of those who got newer ones."""
        ...


class _Desk(threading.local):
    busy = False


_desk = _Desk()
_lock = threading.RLock()
_queue: list[Waiting] = []


def enqueue(restoration: Waiting) -> None:
    """Let a restoration wait; it goes before older ones."""
    with _lock:
        _queue.append(restoration)
        _tidy()


def dismiss(restoration: Waiting) -> None:
    """Let a restoration wait no longer."""
    with _lock:
        _queue[:] = [other for other in _queue if other is not restoration]
        _tidy()


def waiting() -> list[Waiting]:
    """The restorations that wait, the oldest first."""
    return _queue[:]


def settle() -> None:
    """Give the values that wait to the objects that are there by now."""
    if not _queue or _desk.busy:
        return
    with _lock, _at_work():
        served: set[int] = set()
        for restoration in _queue[::-1]:  # a copy: whoever dies meanwhile leaves the queue
            restoration.settle(served)
    tidy()


@contextlib.contextmanager
def _at_work() -> Iterator[None]:
    _desk.busy = True
    try:
        yield
    finally:
        _desk.busy = False


def tidy(*_: Any) -> None:
    """Forget the restorations that are done."""
    with _lock:
        _tidy()


def _tidy() -> None:
    _queue[:] = [restoration for restoration in _queue if not restoration.done]
    if not _queue:
        newborn[:] = [tell for tell in newborn if tell is not _let_ask]
    elif _let_ask not in newborn:
        newborn.append(_let_ask)


# variables that ask


def _let_ask(variable: Any) -> None:
    """Let a new variable ask when its value is wanted."""
    kind = type(variable)
    if "_tensor" in variable.__dict__ and kind not in _asking.values():
        if kind not in _asking:
            _asking[kind] = _asking_kind(kind)
        variable.__class__ = _asking[kind]


def released(variable: Any) -> None:
    """Let a variable ask no more."""
    if type(variable) in _asking.values():
        variable.__class__ = type(variable).__mro__[1]


_asking: dict[type, type] = {}


def _asking_kind(kind: type[Variable]) -> type[Variable]:
    """A class of variables like another one, which ask before they tell their value."""

    def tell(self: Any) -> Any:
        _ask(self)
        return self.__dict__["_tensor"]

    def take(self: Any, tensor: Any) -> None:
        _ask(self)
        self.__dict__["_tensor"] = tensor

    names = {
        "_tensor": property(tell, take),
        "_shape": property(lambda self: self.__dict__["_tensor"]._shape),
        "_dtype": property(lambda self: self.__dict__["_tensor"]._dtype),
        "dtype": property(lambda self: from_numpy(self._dtype)),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    return type.__new__(type(kind), kind.__name__, (kind,), names)


def _ask(variable: Any) -> None:
    if _desk.busy:
        return
    own = variable.__dict__
    own["_asked"] = count = own.get("_asked", 0) + 1
    if count in TRIES:
        settle()
    if count >= LAST_TRY or not _queue:
        own.pop("_asked", None)
        released(variable)
