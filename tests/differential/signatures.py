"""The parameters of every public function: names, order and defaults, beside TensorFlow's."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = Path("tests/data/tensorflow_names.txt")


def signature_differences(theirs: Any, ours: Any) -> Iterator[tuple[str, str, str]]:
    """The name of each function whose parameters differ, and both signatures."""
    for path in NAMES.read_text().split("\n"):
        if not path.startswith("tf."):
            continue
        left, right = _parameters(theirs, path), _parameters(ours, path)
        if left is not None and right is not None and left != right:
            yield path, f"({', '.join(left)})", f"({', '.join(right)})"


def _parameters(library: Any, path: str) -> list[str] | None:
    """The parameters as text; `name` does nothing in eager execution and is left out."""
    try:
        found = library
        for part in path.split(".")[1:]:
            found = getattr(found, part)
        if isinstance(found, type) or not callable(found):
            return None
        signature = inspect.signature(found)
    except (AttributeError, ValueError, TypeError):
        return None
    return [_text(p) for p in signature.parameters.values() if p.name != "name"]


def _text(parameter: inspect.Parameter) -> str:
    default = parameter.default
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return f"*{parameter.name}"
    if default is parameter.empty:
        return parameter.name
    shown = getattr(default, "name", None) or getattr(default, "__name__", None) or repr(default)
    return f"{parameter.name}={shown}"
