"""Jacobians: all cotangents of a target pulled back at once, as one batch.

The rows of the identity are the cotangents of a target's elements. They go through the walk as a
*batched* cotangent (see `autodiff.batching`), which runs each record's rule once for all rows; what
the rules compute below is ordinary, so that outer tapes record it and Hessians are Jacobians of
gradients. `parallel_iterations` bounds how many rows go at once, and with them the memory; by
default as many as fit into a quarter of a gigabyte (`budget`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.autodiff.asking import (
    UnconnectedGradients,
    checked,
    flat_sources,
    node_of,
    packed,
    unconnected_mode,
)
from gradtape.autodiff.batching import batching, spread, stacked
from gradtape.autodiff.budget import rows_at_once
from gradtape.autodiff.unit_rows import identity
from gradtape.autodiff.walk import walk
from gradtape.core import nest
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, wrong_type
from gradtape.core.nothing import INTEGER, Nothing
from gradtape.core.record import Node, Recording
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import concat
from gradtape.ops.basis import reshape, size_of, transpose, zeros
from gradtape.ops.sparse import IndexedSlices


class Rows:
    """Cotangents of a target, one behind the other, pulled back to sources.

    Args:
        recording: what to follow; None follows every record.
        persistent: whether the records are still needed afterwards.
        sources: the tensors and variables whose cotangents are wanted.
        chunk: how many rows go at once, None for all that fit.
        vectorized: as a batch; otherwise one walk for each row.
        most: how many bytes the rows that go at once may take, None for the default.
    """

    def __init__(
        self,
        recording: Recording | None,
        persistent: bool,
        sources: list[Any],
        chunk: int | None,
        vectorized: bool,
        most: int | None = None,
    ) -> None:
        self.recording = recording
        self.persistent = persistent
        self.sources = sources
        self.chunk = chunk
        self.vectorized = vectorized
        self.most = most

    def pulled(self, target: Any, shape: tuple[int, ...], last: bool) -> list[Any]:
        """For each source the pulled-back rows along a new first axis, or a `Nothing`.

        There is a row for each element of `shape`, the last axes of the target: one there,
        repeated along the axes before. `last` says that no further walk follows.
        """
        if not differentiable(target._dtype):
            return [INTEGER] * len(self.sources)
        node = node_of(target)
        count = size_of(shape)
        if not count or not size_of(target._shape):
            found = self._walk(node, zeros(target._shape, target._dtype), last)
            return [
                f if isinstance(f, Nothing) else zeros((count, *s._shape), s._dtype)
                for f, s in zip(found, self.sources, strict=True)
            ]
        nodes = [node_of(s) for s in self.sources]
        step = self.chunk or rows_at_once(count, self.most, node, nodes, self.recording)
        pieces: list[list[Any]] = []
        for start in range(0, count, step):
            stop = min(start + step, count)
            pull = self._batch if self.vectorized else self._alone
            pieces.append(pull(target, shape, (start, stop), last and stop == count))
        return [joined(column) for column in zip(*pieces, strict=True)]

    def _walk(self, node: Node | None, ct: Any, last: bool) -> list[Any]:
        nodes = [node_of(s) for s in self.sources]
        consume = last and not self.persistent
        found = walk([(node, ct)], nodes, self.recording, consume)
        return [f.dense() if isinstance(f, IndexedSlices) else f for f in found]

    def _batch(self, target: Any, shape: Any, numbers: tuple[int, int], last: bool) -> list[Any]:
        start, stop = numbers
        with batching(stop - start) as mode:
            found = self._walk(node_of(target), identity(mode, start, shape, target), last)
        return [f if isinstance(f, Nothing) else spread(f, mode) for f in found]

    def _alone(self, target: Any, shape: Any, numbers: tuple[int, int], last: bool) -> list[Any]:
        rows = unit_rows(*numbers, shape, target)
        row = Tensor(rows[0] if rows.ndim > 1 else rows[0][()])
        found = self._walk(node_of(target), row, last)
        return [f if isinstance(f, Nothing) else stacked([f]) for f in found]


def jacobian(
    recording: Recording,
    persistent: bool,
    target: Any,
    sources: Any,
    unconnected_gradients: UnconnectedGradients | str,
    parallel_iterations: int | None,
    vectorized: bool,
) -> Any:
    """What `GradientTape.jacobian` returns."""
    mode = unconnected_mode(unconnected_gradients)
    chunk = _chunk(parallel_iterations, vectorized, "jacobian")
    given = nest.flatten(target)
    targets = [
        t.values if isinstance(t, IndexedSlices) else checked(t, "target", "jacobian")
        for t in given
    ]
    flat = flat_sources(sources, "jacobian")
    give_leaves(targets, flat)
    rows = Rows(recording, persistent, flat, chunk, vectorized)
    answers = []
    for number, one in enumerate(targets, 1):
        found = rows.pulled(one, one._shape, number == len(targets))
        blocks = [
            _whole(shown(f, (*one._shape, *s._shape), s, mode), given[number - 1], s)
            for f, s in zip(found, flat, strict=True)
        ]
        answers.append(packed(sources, blocks))
    return packed(target, answers)


def _whole(block: Any, target: Any, source: Any) -> Any:
    """The block of an `IndexedSlices` with the rows that are zero."""
    if block is None or not isinstance(target, IndexedSlices):
        return block
    shape = None if target._shape is None else (*target._shape, *source._shape)
    return IndexedSlices(block, target.indices, shape).dense()


def batch_jacobian(
    recording: Recording,
    persistent: bool,
    target: Any,
    source: Any,
    unconnected_gradients: UnconnectedGradients | str,
    parallel_iterations: int | None,
    vectorized: bool,
) -> Any:
    """What `GradientTape.batch_jacobian` returns."""
    mode = unconnected_mode(unconnected_gradients)
    chunk = _chunk(parallel_iterations, vectorized, "batch_jacobian")
    if isinstance(target, IndexedSlices):
        raise TypeError(
            "GradientTape.batch_jacobian: the target is an IndexedSlices, whose rows are no batch. "
            "Write y = tf.convert_to_tensor(target) inside the tape."
        )
    target = checked(target, "target", "batch_jacobian")
    source = checked(source, "source", "batch_jacobian")
    _check_batches(target._shape, source._shape)
    give_leaves([target], [source])
    rows = Rows(recording, persistent, [source], chunk, vectorized)
    (found,) = rows.pulled(target, target._shape[1:], True)
    if not isinstance(found, Nothing):
        found = transpose(found, (1, 0, *range(2, len(found._shape))))
    return shown(found, (*target._shape, *source._shape[1:]), source, mode)


def unit_rows(start: int, stop: int, shape: tuple[int, ...], target: Any) -> Any:
    """Rows of the identity on `shape`, the last axes of the target, repeated along the others."""
    places = np.arange(start, stop)
    rows = np.zeros((stop - start, size_of(shape)), target._dtype)
    rows[places - start, places] = 1
    lead = target._shape[: len(target._shape) - len(shape)]
    rows = rows.reshape((stop - start, *[1] * len(lead), *shape))
    return np.broadcast_to(rows, (stop - start, *target._shape))


def _chunk(parallel_iterations: Any, vectorized: bool, method: str) -> int | None:
    """How many rows go at once; None stands for all."""
    if not vectorized:
        return 1
    if parallel_iterations is None:
        return None
    if (
        not isinstance(parallel_iterations, (int, np.integer))
        or isinstance(parallel_iterations, bool)
        or parallel_iterations < 1
    ):
        raise ValueError(
            f"GradientTape.{method}: parallel_iterations must be None or a positive integer, not "
            f"{parallel_iterations!r}. It is the number of rows that are computed at once."
        )
    return int(parallel_iterations)


def checked_bytes(max_bytes: Any, function: str) -> int | None:
    """A number of bytes that is given as an option."""
    if max_bytes is None or (type(max_bytes) is int and max_bytes > 0):
        return max_bytes
    raise wrong_type(function, "max_bytes", "None or a positive integer", max_bytes)


def _check_batches(target: tuple[int, ...], source: tuple[int, ...]) -> None:
    for shape in (target, source):
        if len(shape) < 2:
            raise InvalidArgumentError(
                f"GradientTape.batch_jacobian: Shape {shape} must have rank at least 2: the batch "
                "and what each of its examples holds. Write tf.expand_dims(x, -1), or use jacobian."
            )
    if target[0] != source[0]:
        raise InvalidArgumentError(
            f"GradientTape.batch_jacobian: Need first dimension of target shape ({target}) and "
            f"source shape ({source}) to match. Use jacobian where examples depend on each other."
        )


def give_leaves(targets: list[Any], sources: list[Any]) -> None:
    """A target is connected to itself even if nobody watched it."""
    for source in sources:
        if node_of(source) is None and differentiable(source._dtype):
            if any(t is source for t in targets):
                source._node = Node(source._shape, source._dtype)


def joined(pieces: tuple[Any, ...]) -> Any:
    """Rows from several batches in one tensor."""
    if isinstance(pieces[0], Nothing) or len(pieces) == 1:
        return pieces[0]
    return concat(list(pieces), 0)


def shown(found: Any, shape: tuple[int, ...], source: Any, mode: UnconnectedGradients) -> Any:
    """A Jacobian in its shape, or None or zeros where the target is not connected."""
    if not isinstance(found, Nothing):
        return reshape(found, shape)
    return zeros(shape, source._dtype) if mode is UnconnectedGradients.ZERO else None
