"""Every public function and class has a docstring with an example, and the example runs."""

from __future__ import annotations

import doctest
import enum
import inspect
import types
from typing import Any

import numpy as np
import pytest

import gradtape as tf


def public(module: types.ModuleType, path: str, seen: set[int]) -> list[tuple[str, Any]]:
    """The public functions and classes of a module and of the public modules in it, each once."""
    found = []
    for name in sorted(dir(module), key=lambda name: (name == "compat", name)):
        value = getattr(module, name)
        if name.startswith("_") or name == "api" or id(value) in seen:
            continue
        if isinstance(value, types.ModuleType):
            rooms = ("gradtape.api", "gradtape.compat", "gradtape.interop")
            if value.__name__.startswith(rooms) or name == "nest":
                seen.add(id(value))
                found.extend(public(value, f"{path}.{name}", seen))
        elif callable(value) and str(getattr(value, "__module__", "")).startswith("gradtape"):
            seen.add(id(value))
            found.append((f"{path}.{name}", value))
    return found


NAMES = [
    (name, value)
    for name, value in public(tf, "tf", set())
    if not (inspect.isclass(value) and issubclass(value, (Exception, enum.Enum)))
]


@pytest.mark.parametrize(("name", "value"), NAMES, ids=[name for name, _ in NAMES])
def test_documented_with_an_example_that_runs(name: str, value: Any) -> None:
    text = inspect.getdoc(value)
    assert text, f"{name} has no docstring"
    first = text.split("\n\n")[0].strip()
    assert first.endswith((".", "?", "]")), f"{name}: the first sentence does not end: {first!r}"
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert test.examples, f"{name} has no example"
    output: list[str] = []
    with np.printoptions(precision=8):
        result = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(
            test, out=output.append
        )
    assert result.failed == 0, "".join(output)


def test_there_are_many_names() -> None:
    assert len(NAMES) > 300
