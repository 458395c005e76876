"""`print`: values as text, in the order of the program."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.surroundings import is_tensor
from gradtape.core.tensor import Tensor
from gradtape.ops.effects import on_host
from gradtape.ops.static import static_int


def print_(
    *inputs: Any, output_stream: Any = None, summarize: int = 3, sep: str = " ", end: str = "\n"
) -> Any:
    """Print values; of long axes the first and last `summarize` elements (-1: all).

    Inside a function that is recorded, it prints whenever the function runs. In a graph that
    sessions run it returns the operation that prints.

    Example:
        >>> import sys, gradtape as tf
        >>> tf.print("x =", tf.constant([1.0, 2.5]), output_stream=sys.stdout)
        x = [1 2.5]
    """
    if isinstance(output_stream, str) and not output_stream.startswith(("stdout", "file://")):
        raise ValueError(
            f"gradtape.print: output_stream {output_stream!r} is neither a stream nor a file://"
            " address."
        )
    summarize = static_int(summarize, "print", "summarize")
    leaves = nest.flatten(list(inputs))
    places = [i for i, leaf in enumerate(leaves) if is_tensor(leaf)]

    def write(*arrays: Any) -> None:
        shown_leaves = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            shown_leaves[i] = Tensor(array)
        values = nest.pack_sequence_as(list(inputs), shown_leaves)
        _write(output_stream, sep.join(shown(v, summarize) for v in values) + end)

    return on_host(write, [as_tensor(leaves[i], "print") for i in places])


def _write(stream: Any, text: str) -> None:
    if stream is None:
        sys.stderr.write(text)
    elif stream == "stdout":
        sys.stdout.write(text)
    elif isinstance(stream, str):
        with open(stream.removeprefix("file://"), "a", encoding="utf-8") as file:
            file.write(text)
    else:
        stream.write(text)


def shown(value: Any, summarize: int) -> str:
    """A value, or a structure of values, as `print` shows it."""
    if isinstance(value, (list, tuple, dict)):
        return str(nest.map_structure(lambda v: _Bare(shown(v, summarize)), value))
    if not is_tensor(value):
        return str(value)
    array = np.asarray(value)
    edge = array.size + 1 if summarize < 0 else summarize
    return np.array2string(
        array,
        separator=" ",
        threshold=2 * edge,
        edgeitems=edge,
        formatter={"float_kind": "{:g}".format},
    )


class _Bare:
    """A text that shows itself without quotes inside a structure."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
