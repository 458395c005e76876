"""The history of tensors: what made each of them, from what, and on which line of the program.

Records say how cotangents flow. Where none flows there is no record, and to say why, one must know
what the tape did not see: operations before it began, on another thread, on integers; values that
went through NumPy; assignments. While a `History` is kept, it looks on everywhere (`core.state`)
and writes an *event* for every operation, whoever records it. An event knows the events of its
inputs, so the past of a tensor hangs on its event as it does on records, and is freed with it; the
history itself holds events weakly, by the tensors that they made.

Keeping it costs some fifty microseconds an operation, so nobody does unless asked: `keep` and
`release` count who asked."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np

from gradtape.autodiff.fact import Fact
from gradtape.core import nest
from gradtape.core.asked import asked, public_name
from gradtape.core.module import current_scope
from gradtape.core.operands import Operands
from gradtape.core.places import LIBRARIES, users_place
from gradtape.core.record import Node, Part, Recording, next_number
from gradtape.core.state import Lookout, here, post, withdraw

MOST_FRAMES = 8  # of the program, that are kept for an event
MOST_HANDED = 500
DEEPEST = 20_000  # operations one after the other


class Place(NamedTuple):
    """Where in the program something happened: file, line and the name of the function."""

    file: str
    line: int
    function: str


class Event:
    """Something that made a tensor.

    `kind` is "operation", "variable" (a variable's value, from its last assignment on), or "data"
    (a value that no operation made). `parents` are the events of the inputs; `trace` is the stack
    of the program, the innermost place first; `tapes` are the recordings that recorded it, `active`
    those that recorded at the time on its thread; `call` is shared by the operations that one call
    of the library is made of; `in_rule` says that a rule of differentiation did it; `linked` are,
    for each input, the recordings that knew it; `owner` refers to the variable, whose value this
    was until the number `until`.
    """

    __slots__ = (
        "__weakref__", "active", "call", "depth", "finite", "in_rule", "kind", "linked", "name",
        "node", "number", "owner", "params", "parents", "primitive", "scope", "spec", "tapes",
        "thread", "trace", "until",
    )  # fmt: skip

    primitive: Any
    node: Any
    owner: Any
    spec: tuple[Any, Any]

    def __init__(self, kind: str, name: str, parents: Sequence[Event] = ()) -> None:
        self.number = next_number()
        self.kind = kind
        self.name = name
        self.parents = tuple(parents)
        self.trace = users_stack()
        self.active: tuple[Recording, ...] = here.tapes
        self.tapes: tuple[Recording, ...] = ()
        self.thread = threading.get_ident()
        self.primitive = self.node = self.owner = None
        self.params: dict[str, Any] = {}
        self.spec = ((), None)
        self.scope = current_scope()
        self.call: tuple[int, int, int] | None = None
        self.finite = True
        self.in_rule = False
        self.depth = 0
        self.until: int | None = None
        self.linked: tuple[tuple[Recording, ...], ...] = ()

    @property
    def place(self) -> Place | None:
        """The innermost place of the program."""
        return self.trace[0] if self.trace else None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A tensor's value that Python or NumPy received, `how` ("numpy()", "float()", "NumPy")."""

    number: int
    event: Event
    how: str
    trace: tuple[Place, ...]


class Span:
    """A time in which a tape recorded, and how it ended."""

    def __init__(self, thread: int, trace: tuple[Place, ...]) -> None:
        self.start = next_number()
        self.stop: int | None = None
        self.thread = thread
        self.trace = trace
        self.ended = ""


class ByIdentity:
    """A mapping from objects that have no hash; an entry goes when its object does."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Any, Any]] = {}

    def get(self, key: Any) -> Any:
        """The value for an object, or None."""
        found = self._entries.get(id(key))
        return found[1] if found is not None and found[0]() is key else None

    def put(self, key: Any, value: Any) -> None:
        """Enter a value for an object."""
        entries, number = self._entries, id(key)
        entries[number] = ref(key, lambda _: entries.pop(number, None)), value


class History(Lookout):
    """What happened while it looked on."""

    as_python = True

    def __init__(self) -> None:
        self._made = ByIdentity()
        self._by_node: WeakKeyDictionary[Node, Event] = WeakKeyDictionary()
        self.handed_over: deque[HandedOver] = deque(maxlen=MOST_HANDED)
        self.spans: WeakKeyDictionary[Recording, list[Span]] = WeakKeyDictionary()
        self.watches: WeakKeyDictionary[Recording, list[tuple[int, Any, Any]]] = WeakKeyDictionary()
        self._resting: set[int] = set()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """A block that this thread does without being seen."""
        me = threading.get_ident()
        if me in self._resting:
            yield
            return
        self._resting.add(me)
        try:
            yield
        finally:
            self._resting.discard(me)

    @property
    def paused(self) -> bool:
        """Whether this thread is not looked at now."""
        return bool(self._resting) and threading.get_ident() in self._resting

    # what the lookout is told

    def see(self, primitive: Any, inputs: tuple[Any, ...], params: Any, out: Any) -> None:
        """An operation was run."""
        if self.paused:
            return
        parents = [self.event_of(t) for t in inputs]
        event = Event("operation", public(primitive), parents)
        event.call, event.in_rule = calling()
        event.depth = 1 + max([p.depth for p in parents], default=0)
        if event.depth > DEEPEST:  # nobody asks so far back, and loops would keep their whole past
            event.parents, event.depth = (), 0
        event.primitive = primitive
        event.params = params
        outs = out if isinstance(out, tuple) else (out,)
        for tensor in outs:
            self._remember(tensor, event)
        if outs:
            self._describe(event, outs[0])
            event.finite = all([finite(t) for t in outs])
            event.linked = tuple([_linked(event.tapes, t) for t in inputs])

    def made(self, tensor: Any) -> None:
        """The program made a tensor of numbers."""
        if not self.paused:
            self.event_of(tensor).name = "tf.constant"

    def renamed(self, tensor: Any, again: Any) -> None:
        """A tensor goes on as another object."""
        if not self.paused:
            self._remember(again, self.event_of(tensor))

    def left(self, tensor: Any, how: str) -> None:
        """A tensor's value was handed to Python."""
        if self.paused or not asked_by_program() or within_custom():
            return
        event = self.event_of(tensor)
        self.handed_over.append(HandedOver(next_number(), event, how, users_stack()))

    def read(self, variable: Any, tensor: Any) -> None:
        """A variable was read."""
        if self.paused:
            return
        event = self._made.get(variable)
        if event is None:
            event = self._version(variable, ())
        self._remember(tensor, event)

    def changed(self, variable: Any, how: str, values: tuple[Any, ...]) -> None:
        """A variable was assigned to: from now on its value has another past."""
        if self.paused:
            return
        before = self._made.get(variable)
        given: list[Event] = []
        if here.tapes:
            flat = [v for v in nest.flatten(values) if isinstance(v, Operands)]
            given = [self.event_of(v) for v in flat]
            if given and before is not None and how != "assign" and before.depth < DEEPEST:
                given.insert(0, before)
        if before is not None:
            before.until = next_number()
        event = self._version(variable, given)
        event.params = {"how": how}
        self._remember(variable._tensor, event)

    def _version(self, variable: Any, parents: Sequence[Event]) -> Event:
        event = Event("variable", variable.name.removesuffix(":0"), parents)
        event.depth = 1 + max([p.depth for p in parents], default=0)
        event.spec = variable._shape, variable._dtype
        event.node = ref(variable._leaf)
        event.owner = ref(variable)
        self._made.put(variable, event)
        return event

    # what tapes tell

    def entered(self, recording: Recording) -> None:
        """A tape began to record, or went on."""
        spans = self.spans.setdefault(recording, [])
        spans.append(Span(threading.get_ident(), users_stack()))

    def stopped(self, recording: Recording, how: str) -> None:
        """A tape stopped: `how` is "with", "stop_recording", "gradient" or "reset"."""
        spans = self.spans.get(recording)
        if spans and spans[-1].stop is None:
            spans[-1].stop = next_number()
            spans[-1].ended = how

    def succeeded(self, old: Recording, new: Recording) -> None:
        """A tape began again: what happened to its first recording is known of the second."""
        spans = self.spans.setdefault(new, [])
        spans[:0] = self.spans.get(old, [])

    def watched(self, recording: Recording, item: Any) -> None:
        """A tape was told to watch a tensor or variable."""
        node = item._leaf if hasattr(item, "_leaf") else item._node
        self.watches.setdefault(recording, []).append((next_number(), ref(node), users_stack()))

    # questions

    def known(self, tensor: Any) -> Event | None:
        """The event that made a tensor or variable, if it was seen."""
        found = self._made.get(tensor)
        if found is not None or hasattr(tensor, "_leaf"):
            return found
        node = tensor._node
        if type(node) is Part:
            node = node.parents[0]
        return None if node is None else self._by_node.get(node)

    def known_node(self, node: Node) -> Event | None:
        """The event that made a record."""
        return self._by_node.get(node)

    def fact(self, node: Node) -> Fact | None:
        """Where in the program a record was made, for pictures."""
        event = self._by_node.get(node)
        if event is None or event.place is None:
            return None
        return Fact(*event.place, event.scope)

    def event_of(self, tensor: Any) -> Event:
        """The event that made a tensor; one of kind "data" when none was seen."""
        event = self.known(tensor)
        if event is None:
            if hasattr(tensor, "_leaf"):
                return self._version(tensor, ())
            event = Event("data", "")
            self._describe(event, tensor)
            event.finite = finite(tensor)
            self._remember(tensor, event)
        return event

    def _describe(self, event: Event, tensor: Any) -> None:
        event.spec = tensor._shape, tensor._dtype
        node = tensor._node
        if node is not None:
            event.tapes = node.tapes
            event.node = ref(node.parents[0] if type(node) is Part else node)

    def _remember(self, tensor: Any, event: Event) -> None:
        self._made.put(tensor, event)
        node = tensor._node
        if node is not None and event.kind != "variable":
            self._by_node.setdefault(node.parents[0] if type(node) is Part else node, event)


# the one history, kept while somebody needs it

_kept: list[Any] = [None, 0]
_lock = threading.Lock()


def keep() -> History:
    """Keep the history from now on; `release` as often."""
    with _lock:
        _kept[1] += 1
        if _kept[0] is None:
            _kept[0] = History()
            post(_kept[0])
        return _kept[0]


def release() -> None:
    """Say that it is not needed any more."""
    with _lock:
        _kept[1] -= 1
        if not _kept[1]:
            withdraw(_kept[0])
            _kept[0] = None


def present() -> History | None:
    """The history that is kept, if one is."""
    return _kept[0]


class Keeping:
    """What `debug_gradients` returns: `with` ends the keeping with the block."""

    def __enter__(self) -> Keeping:
        return self

    def __init__(self, before: bool) -> None:
        self._before = before

    def __exit__(self, *exception: Any) -> None:
        debug_gradients(self._before)


_switched: list[bool] = [False]


def debug_gradients(enabled: bool = True) -> Keeping:
    """Keep the history of all tensors, so that `GradientTape.explain` can name the lines.

    While it is kept, every operation takes some fifty microseconds more, and functions run as plain
    Python, line by line. Tapes know of operations before they began, after they ended, and on other
    threads, and `explain` tells where a value went through NumPy or a variable was assigned to.

    Args:
        enabled: False stops it.

    Returns:
        A context manager that stops it at the end of its block; without `with` it goes on.

    Raises:
        TypeError: when `enabled` is no bool.

    Example:
        >>> import gradtape as tf
        >>> with tf.debug_gradients():
        ...     x = tf.Variable(2.0)
        ...     y = x * x
        ...     with tf.GradientTape() as tape:
        ...         z = y * 3.0
        ...     answer = tape.explain(z, x)
        >>> answer.causes[0].kind
        'before'
    """
    if not isinstance(enabled, bool):
        raise TypeError(f"gradtape.debug_gradients: enabled must be a bool, not {enabled!r}.")
    before = _switched[0]
    if enabled and not before:
        keep()
    elif before and not enabled:
        release()
    _switched[0] = enabled
    return Keeping(before)


_asking: dict[int, tuple[CodeType, bool]] = {}


def asks(frame: FrameType) -> bool:
    """Whether a function calls `explain` of something: then its tapes keep the history."""
    code = frame.f_code
    found = _asking.get(id(code))
    if found is None:
        found = _asking[id(code)] = code, "explain" in code.co_names
    if code.co_name == "enter_context" and frame.f_back is not None:  # of contextlib.ExitStack
        return asks(frame.f_back)
    return found[1]


# frames


def users_stack() -> tuple[Place, ...]:
    """The places of the program that led here, the innermost first; the library's are left out."""
    frame: Any = sys._getframe(2)
    found: list[Place] = []
    while frame is not None and len(found) < MOST_FRAMES:
        code = frame.f_code
        if of_program(code.co_filename):
            file, line = users_place(code.co_filename, frame.f_lineno)
            found.append(Place(file, line, code.co_name))
        frame = frame.f_back
    return tuple(found)


def users_call() -> tuple[str, tuple[int | None, ...] | None]:
    """The file of the program's call that led here, and its lines and columns."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if of_program(code.co_filename):
            return code.co_filename, next(islice(code.co_positions(), frame.f_lasti // 2, None))
        frame = frame.f_back
    return "", None


@lru_cache(maxsize=4096)
def of_program(filename: str) -> bool:
    """Whether a file is the user's, not Python's, an installed package's, or gradtape's."""
    if filename.startswith("<"):
        return filename.startswith(("<ipython-input", "<doctest", "<stdin>", "<string>"))
    return not filename.startswith(LIBRARIES)


def calling() -> tuple[tuple[int, int, int], bool]:
    """What tells one call of the library by the program from the next: operations that it is made
    of have this in common; and whether a walk is among the callers."""
    frame: Any = sys._getframe(2)
    below = frame
    walks = False
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith("gradtape."):
            break
        walks = walks or module == "gradtape.autodiff.walk"
        below, frame = frame, frame.f_back
    return (id(below), id(frame), -1 if frame is None else frame.f_lasti), walks


def _linked(tapes: tuple[Recording, ...], tensor: Any) -> tuple[Recording, ...]:
    """The recordings of a record that know one of its inputs."""
    node = tensor._node
    return () if node is None else tuple([t for t in tapes if t.knows(node)])


def public(primitive: Any) -> str:
    """The public name of the function that was called."""
    name = asked() or public_name(primitive)
    return "tf." + name.removeprefix("gradtape.")


def asked_by_program() -> bool:
    """Whether a tensor's value is asked for by the program or by NumPy for it, not by gradtape."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith(("gradtape.core.tensor", "gradtape.core.variable")):
            return not module.startswith("gradtape.")
        frame = frame.f_back
    return False


def within_custom() -> bool:
    """Whether a function with a gradient of its own runs: what it computes has a derivative."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("gradtape.autodiff.custom"):
            return True
        frame = frame.f_back
    return False


def finite(tensor: Any) -> bool:
    """Whether all elements are finite, as far as they are known."""
    if not tensor.concrete or tensor._dtype.kind not in "fcV":
        return True
    return bool(np.isfinite(np.asarray(tensor._array)).all())
