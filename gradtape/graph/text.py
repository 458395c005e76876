"""A graph as text: a line for each operation, and the nodes that `as_graph_def` lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import brief
from gradtape.core.sizes import Size
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import UnknownShape

LONGEST = 40


class Node(NamedTuple):
    """An operation as `as_graph_def` lists it: names alone."""

    name: str
    op: str
    input: tuple[str, ...]
    device: str
    attr: dict[str, str]


class GraphText:
    """A graph as text, and its operations as `node`.

    Args:
        operations: the operations in order.
    """

    def __init__(self, operations: Iterable[Any]) -> None:
        operations = list(operations)
        self.node = [
            Node(op.name, op.type, tuple(_inputs(op)), op.device, dict(_attributes(op)))
            for op in operations
        ]
        self._lines = [line(op) for op in operations]

    def __str__(self) -> str:
        return "\n".join(self._lines)

    __repr__ = __str__


def line(op: Any) -> str:
    """An operation as one line: name = type(inputs) parameters -> results."""
    attributes = "".join(f" {name}={shown}" for name, shown in _attributes(op))
    results = ", ".join(spec(v) for v in op.values)
    return f"{op.name} = {op.type}({', '.join(_inputs(op))}){attributes}" + (
        f" -> {results}" if results else ""
    )


def spec(value: Any) -> str:
    """Dtype and shape of a value, as in float32[?, 3]."""
    dtype = from_numpy(value.dtype).name
    if type(value.shape) is UnknownShape:
        return f"{dtype}[...]"
    return f"{dtype}[{', '.join('?' if type(n) is Size else str(n) for n in value.shape)}]"


def contents(tensor: Any) -> str:
    """What a constant holds, cut short."""
    array = np.asarray(tensor)
    text = np.array2string(array, threshold=6, edgeitems=2, separator=", ").replace("\n", "")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _inputs(op: Any) -> list[str]:
    names = [v.op.name if v.index == 0 else v.name for v in op.takes]
    return names + [f"^{c.name}" for c in op.control]


def _attributes(op: Any) -> list[tuple[str, str]]:
    return [(name, _shown(value)) for name, value in op.params.items() if value is not None]


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return contents(value)
    if hasattr(value, "_leaf"):  # a variable
        return str(value.name)
    if isinstance(value, np.dtype):
        return from_numpy(value).name
    if isinstance(value, (tuple, list)) and any(isinstance(v, Size) for v in value):
        return f"({', '.join('?' if type(v) is Size else str(v) for v in value)})"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value) if isinstance(value, (int, float, bool, str, tuple, list)) else brief(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
