"""The record of a call whose derivative is given by a function: `Call` and its primitive.

A call is one record of the primitive `custom_gradient`: its kernel passes results through that are
there already, its rule calls the function that pulls cotangents back. Forward mode transposes that
function. In a batch it runs on batched cotangents, or example by example where it uses NumPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradtape.autodiff.batching import (
    BatchedTensor,
    Batching,
    NoSingleValue,
    entered,
    example,
    spread,
    stacked,
)
from gradtape.autodiff.tangents import transposed
from gradtape.core import nest
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable, from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.record import Recording
from gradtape.core.shapes import Spec
from gradtape.core.sizes import closed, same_shape
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import add, broadcast_to, conj, multiply, real, reshape, sum_axes, zeros
from gradtape.ops.sparse import IndexedSlices

Gradient = Callable[[list[Any]], Sequence[Any]]


class Call:
    """One call of a function with a gradient of its own: what its record needs.

    Args:
        name: the function's name, for errors.
        gradient: from the list of the outputs' cotangents to that of the inputs'.
        inputs: shape and dtype of each input.
        outs: shape and dtype of each output.
        push: from the list of the inputs' tangents to that of the outputs'; by default `gradient`
            is transposed.
    """

    def __init__(
        self,
        name: str,
        gradient: Gradient,
        inputs: list[Spec],
        outs: list[Spec],
        push: Gradient | None = None,
    ) -> None:
        self.name = name
        self.gradient = gradient
        self.inputs = inputs
        self.outs = outs
        self.forward = push  # not `or self._transpose`: a bound method here would be a cycle
        self.mode = here.mode

    def moved(self, replay: Any) -> Call:
        """The same call where a recorded function's operations are done again by `replay`."""
        known = replay.known
        inputs = [Spec(closed(s._shape, known), s._dtype) for s in self.inputs]
        outs = [Spec(closed(s._shape, known), s._dtype) for s in self.outs]
        push = None if self.forward is None else replay.rebound(self.forward, self.inputs)
        return Call(self.name, replay.rebound(self.gradient, self.outs), inputs, outs, push)

    def push(self, tangents: Sequence[Any]) -> Sequence[Any]:
        """The tangents of the outputs."""
        if self.forward is not None:
            return self.forward(list(tangents))
        return self._transpose(tangents)

    def pull(self, cts: Sequence[Any]) -> list[Any]:
        """The checked cotangents of the inputs."""
        try:
            given = self.gradient(list(cts))
        except NoSingleValue:
            if here.mode is self.mode or not isinstance(here.mode, Batching):
                raise
            given = self._one_by_one(here.mode, list(cts))
        return [self._checked(g, i) for i, g in enumerate(given)]

    def _one_by_one(self, mode: Batching, cts: list[Any]) -> list[Any]:
        """The gradient function on each example, where it asks for the value of a batch."""
        rows = []
        with frame(*mode.outside):
            for i in range(mode.size):
                rows.append(
                    self.gradient([example(c._array, i) if mode.owns(c) else c for c in cts])
                )
            columns = zip(*rows, strict=True)
            joined = [None if c[0] is None else self._stacked(c, i) for i, c in enumerate(columns)]
        return [None if j is None else BatchedTensor(j, None, mode) for j in joined]

    def _stacked(self, column: Sequence[Any], index: int) -> Any:
        return stacked([dense(self._checked(g, index)) for g in column])

    def _checked(self, given: Any, index: int) -> Any:
        """A cotangent of the shape and dtype of its input."""
        if given is None:
            return None
        spec = self.inputs[index]
        if not differentiable(spec._dtype):
            return None
        if not isinstance(given, IndexedSlices):
            given = as_tensor_like(given, spec._dtype, f"custom_gradient of {self.name}")
        shape = given._shape if isinstance(given, Tensor) else tuple(given.shape)
        if given._dtype != spec._dtype or not same_shape(shape, spec._shape):
            name = from_numpy(spec._dtype).name
            raise InvalidArgumentError(
                f"gradtape.custom_gradient: the gradient function of {self.name} returned "
                f"{brief(given)} for input {index}, which is {name}{list(spec._shape)}. "
                "Return a gradient of the input's shape and dtype (tf.reshape, tf.cast), or None."
            )
        return given

    def _transpose(self, tangents: Sequence[Any]) -> list[Any]:
        specs = [(o._shape, o._dtype) for o in self.outs]
        found = transposed(self.pull, specs, list(tangents))
        if any(f is None and differentiable(o._dtype) for f, o in zip(found, self.outs)):
            return self._push_by_elements(found, tangents)
        return found

    def _push_by_elements(self, found: list[Any], tangents: Sequence[Any]) -> list[Any]:
        """Tangents that do not come back through the gradient function, which may use NumPy: one
        call of it for each element of an output."""
        for k, out in enumerate(self.outs):
            if found[k] is not None or not differentiable(out._dtype):
                continue
            units = np.eye(int(np.prod(out._shape)), dtype=out._dtype)
            shaped = [reshape(Tensor(u), out._shape) for u in units]
            values = [self._component(k, u, tangents) for u in shaped]
            if any(v is not None for v in values):
                zero = zeros((), out._dtype)
                rows = stacked([zero if v is None else v for v in values])
                found[k] = reshape(rows, out._shape)
        return found

    def _component(self, k: int, unit: Any, tangents: Sequence[Any]) -> Any:
        """One element of an output's tangent: <unit, J t> = <J'unit, t>."""
        cts = [unit if j == k else zeros(o._shape, o._dtype) for j, o in enumerate(self.outs)]
        total = None
        for g, t in zip(self.pull(cts), tangents):
            if g is not None and t is not None:
                product = multiply(conj(dense(g)), t)
                one = sum_axes(product, tuple(range(len(product._shape))))
                one = one if unit._dtype.kind == "c" else real(one)
                total = one if total is None else add(total, one)
        return total


def dense(value: Any) -> Any:
    """An `IndexedSlices` as a tensor; a tensor or None as it is."""
    return value.dense() if isinstance(value, IndexedSlices) else value


def _pull(ct: Any, call: Call, wanted: Any) -> list[Any]:
    return [*call.pull(ct), *[None] * len(call.outs)]


def _push(tangents: Any, call: Call) -> list[Any]:
    pushed = call.push(tangents[: len(call.inputs)])
    return [t for t, o in zip(pushed, call.outs, strict=True) if differentiable(o._dtype)]


def _batch(mask: Any, *below: Any, call: Call) -> Any:
    """The call on the tensors of all examples: its gradient runs in the batch that it came from."""
    mode, count = call.mode, len(call.inputs)
    outs = [
        t.placed(None) if b else broadcast_to(reshape(t, (1, *t._shape)), (mode.size, *t._shape))
        for t, b in zip(below[count:], mask[count:], strict=True)
    ]

    def lifted(values: Any, flags: Any) -> list[Any]:
        return [BatchedTensor(v, None, mode) if b else v for v, b in zip(values, flags)]

    def gradient(cts: list[Any]) -> list[Any]:
        with entered(mode):
            given = [dense(g) for g in call.pull(lifted(cts, [True] * len(cts)))]
        given = [None if g is None else spread(g, mode) for g in given]
        return [g if b or g is None else sum_axes(g, (0,)) for g, b in zip(given, mask)]

    def push(tangents: list[Any]) -> list[Any]:
        flags = [b and t is not None for t, b in zip(tangents, mask)]
        with entered(mode):
            given = call.push(lifted(tangents, flags))
        return [None if g is None else spread(g, mode) for g in given]

    specs = [Spec(t._shape, t._dtype) for t in (*below[:count], *outs)]
    made = Call(call.name, gradient, specs[:count], specs[count:], push)
    return apply(custom, (*below[:count], *outs), {"call": made})


custom = primitive(
    "custom_gradient",
    lambda xp, *arrays, call: arrays[len(call.inputs) :],
    joint_vjp=_pull,
    joint_jvp=_push,
    batch=_batch,
    shape=lambda *specs, call: tuple(specs[len(call.inputs) :]),
    several=True,
    fallible=True,
)


def call_with_gradient(
    name: str, inputs: list[Any], outs: list[Any], gradient: Gradient, push: Gradient | None = None
) -> list[Any]:
    """Results as tensors on a record whose rule is `gradient`."""
    specs = [Spec(t._shape, t._dtype) for t in (*inputs, *outs)]
    count = len(inputs)
    call = Call(name, gradient, specs[:count], specs[count:], push)
    passed = [t.placed(None) for t in outs]
    return list(apply(custom, (*inputs, *passed), {"call": call}))


# what goes in


class _Unseen(dict[Any, Any]):
    """The watched leaves of a recording that notes them but follows none of them."""

    def __contains__(self, key: object) -> bool:
        return False


@contextmanager
def variables_read() -> Iterator[Recording]:
    """Note the trainable variables that are read in the block, in `watched`."""
    noted = Recording()
    noted.watched = _Unseen()
    here.set_tapes((*here.tapes, noted))
    try:
        yield noted
    finally:
        here.set_tapes(tuple([t for t in here.tapes if t is not noted]))


def others(noted: Recording, inputs: list[Any]) -> list[Variable]:
    """The noted variables that are not among the inputs, in the order of their construction."""
    given = {t._node for t in inputs}
    found = [(n.number, v) for n, v in noted.watched.items() if n not in given]
    return [v for _, v in sorted(found, key=lambda pair: pair[0])]


def bound(signature: inspect.Signature | None, args: Any, kwargs: Any) -> tuple[list[Any], int]:
    """The inputs of a call as tensors, and how many of them came by position.

    Keyword arguments follow in the order of the function's parameters. Numbers and arrays count as
    inputs where they are given by position, as in TensorFlow; by keyword only tensors and
    variables do. Anything else is no input.
    """
    order = list(signature.parameters) if signature is not None else []
    named = sorted(kwargs, key=lambda n: order.index(n) if n in order else len(order))
    given = [as_tensor(v) for v in nest.flatten(list(args)) if _is_number(v) or _is_tensor(v)]
    positional = len(given)
    for name in named:
        given += [as_tensor(v) for v in nest.flatten(kwargs[name]) if _is_tensor(v)]
    return given, positional


def _is_tensor(value: Any) -> bool:
    return isinstance(value, (Tensor, Variable)) or hasattr(value, "__tf_tensor__")


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.ndarray, np.generic))


def closed_over(function: Callable[..., Any]) -> list[Tensor]:
    """The tensors that a function takes from the functions around it."""
    found: list[Tensor] = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            leaves = nest.flatten(cell.cell_contents)
        except ValueError:  # the name is not bound yet
            continue
        found += [v for v in leaves if isinstance(v, Tensor)]
    return found


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """A function's signature, or None where Python does not know it."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None
