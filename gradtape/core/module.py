"""`Module`: an object that finds its variables and submodules among its attributes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core import nest
from gradtape.core.state import here
from gradtape.core.variable import Variable


class Module:
    """A base class that collects the variables and modules in its attributes, nested structures
    included.

    Example:
        >>> import gradtape as tf
        >>> class Line(tf.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.slope = tf.Variable(2.0, name="slope")
        ...         self.parts = [tf.Variable(1.0, trainable=False, name="shift")]
        >>> [v.name for v in Line().variables], len(Line().trainable_variables)
        (['shift:0', 'slope:0'], 1)
    """

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(
                f"gradtape.Module: {name!r} is not a valid module name: use a Python identifier."
            )
        self._name = name or re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def name(self) -> str:
        """The name of the module."""
        return self._name

    @property
    def name_scope(self) -> Any:
        """A context manager; names of eager variables are not prefixed."""
        return name_scope(self._name)

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method itself: eager variables keep their names."""
        return method

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables of this module and its submodules, attributes in sorted order, each
        once.
        """
        return tuple(v for v in _unique(self._walk()) if isinstance(v, Variable))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """The trainable ones among `variables`."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The others among `variables`."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Module, ...]:
        """All modules inside this one, each once."""
        return tuple(m for m in _unique(self._walk()) if isinstance(m, Module) and m is not self)

    def _walk(self) -> Iterator[Any]:
        """This module's variables first, then its submodules and what they hold."""
        pending: list[Module] = [self]
        seen = {id(self)}
        while pending:
            module = pending.pop(0)
            yield module
            for _, value in sorted(vars(module).items()):
                for leaf in nest.flatten(value):
                    if isinstance(leaf, Variable):
                        yield leaf
                    elif isinstance(leaf, Module) and id(leaf) not in seen:
                        seen.add(id(leaf))
                        pending.append(leaf)


def _unique(items: Iterator[Any]) -> Iterator[Any]:
    seen: set[int] = set()
    for item in items:
        if id(item) not in seen:
            seen.add(id(item))
            yield item


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Put the names of operations under a name, as graphs and pictures of tapes show them.

    Example:
        >>> import gradtape as tf
        >>> with tf.name_scope("layer") as scope:
        ...     scope
        'layer/'
    """
    graph = None if here.mode is None else here.mode.graph
    if graph is not None:
        with graph.name_scope(name) as prefix:
            yield prefix
        return
    before = _scopes.current
    whole = isinstance(name, str) and name.endswith("/")  # as it is, not below the block around
    _scopes.current = prefix = name if whole else f"{before}{name}/"
    try:
        yield prefix
    finally:
        _scopes.current = before


class _Scopes(threading.local):
    current = ""


_scopes = _Scopes()


def current_scope() -> str:
    """The name of the block around, as in "model/layer"."""
    graph = None if here.mode is None else here.mode.graph
    return (_scopes.current if graph is None else graph.scope).rstrip("/")
