"""Functions of the program in a pipeline: how they get elements, and what they return.

They run as Python, on tensors; no tape records them and no recorded function holds them, as
TensorFlow's run by themselves. An error of theirs keeps its type and its traceback; a note says
which function of which element raised it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.quick import quick
from gradtape.core.tensor import Tensor
from gradtape.data.elements import Element, element_of, leaf_of, shown, value_of
from gradtape.data.plan import Plan
from gradtape.data.specs import of_function
from gradtape.ops.static import callable_or_raise


def _no_element(value: Any) -> None:
    """What stands in for the extension's function, which knows plain tensors."""


FLAT = 16  # leaves, so many of which the extension hands over
SHOWN, ELEMENT = shown, _no_element
if quick is not None:  # the same in fewer steps
    SHOWN, ELEMENT = quick.shown, quick.element


class Call:
    """A function of the program, for elements."""

    def __init__(self, function: Any, method: str, argument: str) -> None:
        self.method, self.argument = f"data.Dataset.{method}", argument
        self.function: Callable[..., Any] = callable_or_raise(function, self.method, argument)

    def value(self, element: Element) -> Any:
        """What the function returns for an element; a tuple gives one argument for each item."""
        tree, leaves = element
        if tree is None:
            return self.of(SHOWN(leaves[0]))
        if type(tree) is int:
            return self.of(*map(SHOWN, leaves))
        value = value_of(element)
        return self.of(*value) if type(value) is tuple else self.of(value)

    def of(self, *values: Any) -> Any:
        """What the function returns for these arguments."""
        return self._run(self.function, *values)

    def _run(self, call: Callable[..., Any], *values: Any) -> Any:
        """What a call returns that runs the function; its errors say where they come from."""
        try:
            return call(*values)
        except StopIteration as error:
            raise self.stopped() from error
        except Exception as error:
            self.explain(error)
            raise

    def element(self, element: Element) -> Element:
        """What the function returns for an element, as an element."""
        value = self.value(element)
        return ELEMENT(value) or self.made(value)

    def elements(self, rows: Sequence[Element], found: list[Element]) -> None:
        """Append what the function returns for some elements, as elements."""
        tree, before = rows[0][0], len(found)
        flat = tree is None or (type(tree) is int and tree <= FLAT)
        alike = all([row[0] is tree and type(row[1]) is tuple for row in rows])
        if quick is None or not flat or not alike:
            for row in rows:
                found.append(self.element(row))
            return
        rows = list(rows)
        while len(found) - before < len(rows):
            done = len(found) - before
            odd = self._run(quick.each, self.function, rows, found, done)
            if odd is not None:
                found.append(self.made(*odd))

    def made(self, value: Any) -> Element:
        """What a function returned as an element: a list of it is a tuple, as in TensorFlow."""
        if type(value) is tuple:  # the common case
            arrays = [v._array for v in value if isinstance(v, Tensor)]
            if len(arrays) == len(value):
                return len(arrays), arrays
        return element_of(tuple(value) if isinstance(value, list) else value, self.method)

    def explain(self, error: Exception) -> None:
        """Note on an error where it was raised."""
        note = f"(raised by {self.argument} of gradtape.{self.method})"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def stopped(self) -> RuntimeError:
        """The error for a function that raised StopIteration, which would look like the end."""
        return RuntimeError(f"gradtape.{self.method}: {self.argument} raised StopIteration.")

    def spec(self, below: Plan) -> Element:
        """The specs of what the function returns for the elements of a plan."""
        look = lambda: self.element(below.first())
        return of_function(self.function, below.spec(), look, unpacked=True)


def number_of(value: Any, function: str) -> int:
    """A whole number that a function returned."""
    return int(np.asarray(leaf_of(value, function)))
