"""Vectorised execution: a mode in which some tensors carry one axis more than they show.

A `BatchedTensor` stands for one example; its `_array` is the tensor of all examples, with the batch
axis in front. The mode runs an operation whose inputs are batched by the primitive's batching rule
on the tensors below, in the state that was active when the mode was entered: so tapes and other
batches outside see ordinary operations on ordinary tensors, and what is opened inside sees single
examples."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.mode import Mode
from gradtape.core.primitive import Primitive
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import broadcast_to, reshape


class NoSingleValue(TypeError):
    """Python or NumPy asked for the value of a tensor that stands for many."""


class BatchedTensor(Tensor):
    """One example that stands for all: `_array` is the tensor of all, the batch axis first."""

    __slots__ = ("_mode",)
    concrete = False
    thin = False  # whether it is kept as its nonzero elements (`unit_rows`)

    def __init__(self, array: Any, node: Any = None, mode: Batching | None = None) -> None:
        super().__init__(array, node)
        self._mode = mode

    def placed(self, node: Any) -> BatchedTensor:
        """The same value on another node."""
        return BatchedTensor(self._array, node, self._mode)

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._array._shape[1:]

    @property
    def _dtype(self) -> Any:
        return self._array._dtype

    def numpy(self) -> Any:
        """Not defined: there is one value for each example."""
        raise self._refusal()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self._refusal()

    def __bool__(self) -> bool:
        raise self._refusal()

    def _single(self, use: str) -> Any:
        raise self._refusal()

    def _refusal(self) -> TypeError:
        return NoSingleValue(
            f"A tensor inside vectorized_map stands for {self._array._shape[0]} examples and has "
            "no single value. Use tensor operations (tf.where instead of if), or move the NumPy "
            "part outside."
        )

    def __repr__(self) -> str:
        count = self._array._shape[0]
        return f"<tf.Tensor: shape={self._shape}, dtype={self.dtype.name}, one of {count} examples>"

    __str__ = __repr__


class Shared:
    """What a batching rule returns for a result that all examples share, without a batch axis."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor


class Batching(Mode):
    """The mode of one batch: it knows the state outside and runs operations there.

    Args:
        size: how many examples.
        fallback: whether an operation without a batching rule runs once for each example.
        warn: whether that is said.
        apart: whether each example draws random numbers of its own.
    """

    def __init__(
        self, size: int, fallback: bool = True, warn: bool = True, apart: bool = False
    ) -> None:
        self.size = size
        self.draws_apart = apart
        self.fallback = fallback
        self.warn = warn
        self.outside = here.tapes, here.observers, here.mode
        self._states: dict[int, Any] = {}  # of draws, one for each example

    @property
    def symbolic(self) -> bool:  # type: ignore[override]
        """Whether values come later: as outside."""
        mode = self.outside[2]
        return mode is not None and mode.symbolic

    @property
    def graph(self) -> Any:  # type: ignore[override]
        """The graph that is written: as outside."""
        mode = self.outside[2]
        return None if mode is None else mode.graph

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run an operation for all examples."""
        mask = tuple([isinstance(t, BatchedTensor) and t._mode is self for t in inputs])
        before = here.tapes, here.observers, here.mode
        watched = bool(before[0] or before[1]) and primitive.differentiable
        here.set(*self.outside)  # `frame` would take 1 us
        try:
            if True in mask:
                return self._for_all(primitive, mask, inputs, params, watched)
            out = apply(primitive, inputs, params)
            return self.apart(out) if watched and (here.tapes or here.special) else out
        finally:
            here.set(*before)

    def _for_all(
        self, primitive: Primitive, mask: Any, inputs: Any, params: dict[str, Any], watched: bool
    ) -> Any:
        """Run an operation with batched inputs, in the state outside."""
        lower = []
        for tensor, batched in zip(inputs, mask):
            if batched and tensor.thin:
                out = tensor.carried(primitive, inputs, mask, params)
                if out is not None:
                    return out
            lower.append(tensor._array if batched else tensor)
        rule = primitive.batch
        out = rule(mask, *lower, **params) if rule else self.loop(primitive, mask, lower, params)
        if not primitive.several:
            return BatchedTensor(out, None, self)
        return tuple([self.result(t, watched) for t in out])

    def result(self, tensor: Any, watched: bool) -> Any:
        """A result of a batching rule, whose node is put on by what was opened inside."""
        if type(tensor) is not Shared:
            return BatchedTensor(tensor, None, self)
        if watched and differentiable(tensor.tensor._dtype):
            return self.apart(tensor.tensor)
        return tensor.tensor

    def apart(self, out: Any) -> Any:
        """A result for all examples, repeated: what was opened inside puts it on a node of its own,
        and the result below keeps the node that it has outside."""
        if isinstance(out, tuple):
            return tuple([BatchedTensor(spread(t, self), None, self) for t in out])
        return BatchedTensor(spread(out, self), None, self)

    def read(self, variable: Any) -> Any:
        """The value of a variable outside, whose tapes watch it too."""
        if id(variable) in self._states:
            return self._states[id(variable)]
        with frame(*self.outside):
            value = variable._read()
            if not self.draws_apart or not hasattr(variable, "for_each"):
                return value
            state = BatchedTensor(variable.for_each(value, self.size), None, self)
        self._states[id(variable)] = state
        return state

    def update(self, variable: Any, how: str, *values: Any) -> Any:
        """Change a variable outside, by a value that all examples share."""
        if any(self.owns(v) for value in values for v in (value, getattr(value, "values", None))):
            merge = getattr(variable, "merged", None)
            if merge is not None:
                self._states[id(variable)] = values[0]
                with frame(*self.outside):
                    one = merge(values[0]._array)
                return self.update(variable, how, one)
            raise InvalidArgumentError(
                f"gradtape.Variable.{how}: variable {variable.name!r} cannot hold a value for each"
                " example of vectorized_map. Reduce it first, or return it."
            )
        with frame(*self.outside):
            return variable._change(how, *values)

    def owns(self, tensor: Any) -> bool:
        """Whether a tensor is batched by this mode."""
        return isinstance(tensor, BatchedTensor) and tensor._mode is self

    def loop(self, primitive: Primitive, mask: Any, inputs: Any, params: dict[str, Any]) -> Any:
        """Run an operation example by example, because it has no batching rule."""
        if not self.fallback:
            raise ValueError(
                f"gradtape.{primitive.name} has no batching rule. Write "
                "tf.vectorized_map(..., fallback_to_while_loop=True) to run it for each example."
            )
        if self.warn:
            _say_once(primitive)

        def run(*one: Any) -> Any:
            out = apply(primitive, one, params)
            return out if primitive.several else (out,)

        found = one_by_one(run, mask, inputs)
        return found if primitive.several else found[0]


_said: set[str] = set()


def _say_once(primitive: Primitive) -> None:
    if primitive.name not in _said:
        _said.add(primitive.name)
        warnings.warn(
            f"gradtape.{primitive.name} has no batching rule: it runs once for each example.",
            stacklevel=5,
        )


def example(tensor: Any, index: int) -> Any:
    """One example of a batch."""
    return reshape(slice_axis(tensor, index, index + 1, 0), tensor._shape[1:])


def stacked(tensors: list[Any]) -> Any:
    """Tensors of one shape along a new first axis."""
    return concat([reshape(t, (1, *t._shape)) for t in tensors], 0)


@contextmanager
def batching(size: int, **options: bool) -> Iterator[Batching]:
    """Run a block in a batching mode of its own."""
    mode = Batching(size, **options)
    with frame((), (), mode):
        yield mode


@contextmanager
def entered(mode: Batching) -> Iterator[Batching]:
    """Run a block in a batching mode that was left before, in the state that is active now."""
    before = mode.outside
    mode.outside = here.tapes, here.observers, here.mode
    try:
        with frame((), (), mode):
            yield mode
    finally:
        mode.outside = before


def one_by_one(function: Callable[..., Any], mask: Any, tensors: Any) -> Any:
    """The results of a function for each example by itself, along a new first axis."""
    size = next(t._shape[0] for t, b in zip(tensors, mask, strict=True) if b)
    found = [
        function(*[example(t, i) if b else t for t, b in zip(tensors, mask, strict=True)])
        for i in range(size)
    ]
    return tuple([stacked(list(column)) for column in zip(*found, strict=True)])


def batch_call(function: Callable[..., Any], size: int, tensors: list[Any]) -> list[Any]:
    """Call a function on examples that stand for all; tensors and results have the batch axis
    first.

    Results that do not depend on the batch are repeated.
    """
    with batching(size) as mode:
        results = function(*[BatchedTensor(t, None, mode) for t in tensors])
    return [spread(r, mode) for r in results]


def spread(result: Any, mode: Batching) -> Any:
    """The tensor of all examples behind a result."""
    if mode.owns(result):
        return result._array
    return broadcast_to(reshape(result, (1, *result._shape)), (mode.size, *result._shape))
