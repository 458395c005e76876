"""`Scopes`: what a graph puts its operations under while it is filled: names, scopes, devices,
control dependencies, collections.

Operations get their names when the first one is asked for, in the order in which they were added:
the name that the program gave (`label`) or that of the primitive, behind the name scope, with a
number where it is taken. A name that the program passes to a function of gradtape belongs to the
last operation that this call adds; those before it are put into a scope of that name."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core.errors import brief, wrong_type
from gradtape.core.variable import Variable
from gradtape.ops.static import listed

VALID = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
NAMED = ".gradtape.named"  # where a frame keeps the operation that has the call's name so far


class _Sessions(threading.local):
    stack: tuple[Any, ...] = ()


sessions = _Sessions()  # those that a thread has entered


class Scopes:
    """The surroundings of a graph's operations."""

    by_session = False  # whether sessions run it, and not a call

    def __init__(self) -> None:
        self.operations: list[Any] = []
        self.scope = ""
        self.variable_prefix: str | None = None  # what new variables are put under, else the scope
        self.labels = True  # whether operations get the names that are passed to functions
        self.control: tuple[Any, ...] = ()
        self.device_function: Any = None
        self.collections: dict[Any, list[Any]] = {}
        self.variable_scopes: list[Any] = []
        self.variables_by_name: dict[str, Any] = {}
        self.default_scopes: set[str] = set()  # names that variable scopes got by themselves
        self._names: dict[Any, str] = {}
        self._by_name: dict[str, Any] = {}
        self._taken: dict[str, int] = {}

    # names

    def name_of(self, op: Any) -> str:
        """The unique name of an operation."""
        if op not in self._names:
            self.settle()
        return self._names[op]

    def settle(self) -> None:
        """Give every operation its name."""
        for op in self.operations[len(self._names) :]:
            name = op.label  # of a variable, which has its name already
            if op.scope is not None:
                name = self.unique_name(name or op.primitive.name, op.scope)
            self._names[op] = name
            self._by_name[name] = op

    def unique_name(self, name: str, scope: str | None = None, mark_as_used: bool = True) -> str:
        """A name that no operation has: the given one, or with a number behind."""
        full = (self.scope if scope is None else scope) + name
        key = full.lower()
        count = self._taken.get(key, 0)
        found = full
        while count and found.lower() in self._taken:
            found = f"{full}_{count}"
            count += 1
        if mark_as_used:
            self._taken[key] = max(count, 1)
            self._taken.setdefault(found.lower(), 1)
        return found

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Put the operations of a block under a name.

        Args:
            name: the scope; one that ends in "/" is entered again, None leaves all scopes.
        """
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"gradtape.name_scope: name must be a string, not {brief(name)}.")
        if name and not re.fullmatch(r"[A-Za-z0-9_.\\/>-]*", name):
            raise ValueError(
                f"{name!r} is not a valid scope name: use letters, digits and the signs ._/-."
            )
        before = self.scope
        self.settle()
        if not name:
            self.scope = ""
        else:
            self.scope = name if name.endswith("/") else self.unique_name(name) + "/"
        try:
            yield self.scope
        finally:
            self.settle()
            self.scope = before

    @contextmanager
    def unlabelled(self) -> Iterator[None]:
        """Let no operation of a block have a name that is passed to a function."""
        before = self.labels
        self.labels = False
        try:
            yield
        finally:
            self.labels = before

    @contextmanager
    def variables_under(self, prefix: str) -> Iterator[None]:
        """Put the names of the variables of a block under another name than the operations."""
        before = self.variable_prefix
        self.variable_prefix = prefix
        try:
            yield
        finally:
            self.variable_prefix = before

    @contextmanager
    def variable_scope(self, name: str) -> Iterator[None]:
        """Make a variable of this name: what makes it depends on nothing."""
        with self.unlabelled(), self.control_dependencies(None), self.name_scope(f"{name}/"):
            yield

    # sessions

    def session(self, given: Any = None) -> Any:
        """The session that was given, else the one that is entered; ValueError where none fits."""
        found = given if given is not None or not sessions.stack else sessions.stack[-1]
        if found is None:
            raise ValueError(
                "Cannot evaluate tensor using `eval()`: No default session is registered. Write"
                " `with session.as_default():` or eval(session=session)."
            )
        if found.graph is not self:
            raise ValueError(
                "Cannot evaluate in this session: the tensor's graph is different from the"
                " session's graph. Pass a session of the tensor's graph:"
                " tf.compat.v1.Session(graph=x.graph)."
            )
        return found

    # devices and order

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Note a device for the operations of a block: a name, or a function of the operation."""
        before = self.device_function
        self.device_function = device_name_or_function
        try:
            yield
        finally:
            self.device_function = before

    def device_of(self, op: Any) -> str:
        """The device for a new operation; "" where it is left open."""
        device = self.device_function
        return str((device(op) if callable(device) else device) or "")

    @contextmanager
    def control_dependencies(self, control_inputs: Any) -> Iterator[None]:
        """Run the operations of a block after others.

        Args:
            control_inputs: operations, tensors and variables; None forgets those of outer blocks.
        """
        before = self.control
        if control_inputs is None:
            self.control = ()
        else:
            if not isinstance(control_inputs, (list, tuple)):
                control_inputs = [control_inputs]
            found = [self.controller(c) for c in control_inputs]
            self.control = tuple(dict.fromkeys([*before, *[op for op in found if op is not None]]))
        try:
            yield
        finally:
            self.control = before

    def controller(self, control_input: Any) -> Any:
        """The operation behind a control input; None for what is done already: eager values, and
        in a recorded function, which keeps the order of the program, what is outside of it."""
        if control_input is None:
            return None
        op = getattr(control_input, "op", control_input)
        graph = getattr(op, "graph", None)
        if graph is self:
            return op
        if hasattr(control_input, "indices"):  # an `IndexedSlices`
            return self.controller(control_input.values)
        eager = isinstance(op, Variable) or getattr(op, "concrete", False)
        if eager if graph is None else not self.by_session:
            return None
        raise TypeError(
            f"gradtape.control_dependencies: {brief(control_input)} is no operation, tensor or "
            "variable of this graph."
        )

    # collections

    def add_to_collection(self, name: Any, value: Any) -> None:
        """Add a value to the collection of a name."""
        self.collections.setdefault(_key(name), []).append(value)

    def add_to_collections(self, names: Any, value: Any) -> None:
        """Add a value to several collections, once to each."""
        if isinstance(names, str):
            names = [names]
        names = listed(names, "Graph.add_to_collections", "names", "a list of names")
        for name in dict.fromkeys(map(_key, names)):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name: Any) -> list[Any]:
        """The list behind a collection."""
        return self.collections.setdefault(_key(name), [])

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """The values of a collection; with a scope those whose names begin with that pattern."""
        values = list(self.collections.get(_key(name), []))
        if scope is None:
            return values
        pattern = _pattern(scope)
        return [v for v in values if pattern.match(getattr(v, "name", ""))]

    def get_all_collection_keys(self) -> list[Any]:
        """The names of the collections that hold something."""
        return [name for name, values in self.collections.items() if values]

    def clear_collection(self, name: Any) -> None:
        """Empty a collection."""
        self.collections.pop(_key(name), None)


def _key(name: Any) -> Any:
    """The name of a collection, checked."""
    try:
        hash(name)
    except TypeError:
        needed = "hashable, such as a string"
        raise wrong_type("Graph", "the name of a collection", needed, name) from None
    return name


def _pattern(scope: Any) -> re.Pattern[str]:
    """The pattern with which the names of values begin."""
    try:
        return re.compile(scope)
    except (TypeError, re.error):
        raise wrong_type("Graph.get_collection", "scope", "a pattern", scope) from None


def entered() -> tuple[Any, Any]:
    """The frame of gradtape's function that the program called, and the frame of the program.

    AutoGraph stands between the two where it called the function for the program."""
    frame: Any = sys._getframe(1)
    found = None
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name != "gradtape" and not name.startswith("gradtape."):
            break
        if not name.startswith("gradtape.graph.autograph"):
            found = frame
        frame = frame.f_back
    return found, frame


def label_by_call(op: Any, frame: Any) -> None:
    """Give an operation the name that the program passed to the function that it called."""
    code = frame.f_code
    if (
        not op.graph.labels
        or "name" not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    ):
        return
    local = frame.f_locals
    given = local.get("name")
    if not isinstance(given, str) or not given:
        return
    if not VALID.fullmatch(given):
        raise ValueError(
            f"{given!r} is not a valid operation name: begin with a letter, a digit or a dot, and"
            " use letters, digits and the signs ._/-."
        )
    last = local.get(NAMED)
    if last is not None:
        last.label = None
        last.scope = f"{op.scope}{given.rstrip('/')}/"
    op.label = given.rstrip("/")
    local[NAMED] = op
