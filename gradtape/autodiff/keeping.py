"""What records keep for the backward pass, in bytes: each buffer counts once.

Records keep tensors, and tensors may share their arrays: a reshaped one is a view of another. What
stays in memory is the buffer behind a view, whole. It is counted at the oldest record that keeps a
part of it. A buffer that is the present value of a variable, or a watched tensor's, would be there
without the tape too: it is counted as the sources' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradtape.autodiff.batching import BatchedTensor
from gradtape.core.deferred import DeferredTensor
from gradtape.core.record import Node, Record
from gradtape.core.sizes import Size
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import UnknownShape


class Kept(NamedTuple):
    """A tensor that a record keeps.

    `role` is the input's name in the rules, or "out"; `bytes` is None where the shape is not known,
    and 0 where an older record (or another tensor of this one) keeps the buffer (`shared`); `own`
    says that a source holds the buffer anyway.
    """

    role: str
    bytes: int | None
    own: bool
    shared: bool


class Keeping:
    """Counts the buffers of records, which are given to it from the oldest on.

    Args:
        watched: the sources' nodes, with the variables among them.
    """

    def __init__(self, watched: Mapping[Node, Any]) -> None:
        self._watched = watched
        present = [getattr(v, "_tensor", None) for v in watched.values()]
        self._own = {buffer(t)[0] for t in present if t is not None and t.concrete}
        self._seen: set[Any] = set()

    def of(self, record: Record) -> list[Kept]:
        """What a record keeps."""
        found = []
        for number, kept in enumerate(record.inputs):
            if isinstance(kept, Tensor):
                if self._is_sources(record.parents[number], kept):
                    self._own.add(buffer(kept)[0])
                found.append(self._counted(kept, _role(record, number)))
        outs = record.out if type(record.out) is tuple else (record.out,)
        for number, kept in enumerate(outs):
            if isinstance(kept, Tensor):
                found.append(self._counted(kept, f"out {number}" if len(outs) > 1 else "out"))
        return found

    def _is_sources(self, node: Node | None, kept: Tensor) -> bool:
        """Whether a kept tensor is a source's, and not the former value of a variable."""
        if node is None or node not in self._watched:
            return False
        return self._watched[node] is None or not kept.concrete

    def _counted(self, kept: Tensor, role: str) -> Kept:
        key, size = buffer(kept)
        shared = key in self._seen
        self._seen.add(key)
        return Kept(role, 0 if shared else size, key in self._own, shared)


def _role(record: Record, number: int) -> str:
    names = record.primitive.inputs
    if number < len(names):
        return names[number]
    return str(number) if record.primitive.variadic else "?"


def buffer(tensor: Any) -> tuple[Any, int | None]:
    """The buffer behind a tensor: what tells it from others, and its bytes where they are known."""
    while isinstance(tensor, BatchedTensor):
        tensor = tensor._array
    if not tensor.concrete:
        return (id(tensor.graph), tensor.name), size_of(tensor._shape, tensor._dtype)
    if isinstance(tensor, DeferredTensor):  # asking for the array would fetch it
        return id(tensor.buffer), size_of(tensor._shape, tensor._dtype)
    array = tensor._array
    while isinstance(array, np.ndarray) and isinstance(array.base, np.ndarray):
        array = array.base
    return id(array), int(array.nbytes)


def size_of(shape: Any, dtype: Any) -> int | None:
    """The bytes of a value of a shape and dtype, None where sizes are unknown."""
    if type(shape) is UnknownShape or any([type(n) is Size for n in shape]):
        return None
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
