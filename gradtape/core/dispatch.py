"""Run a primitive in the active mode, then tell the observers.

`apply` is the one entrance. Elementwise operations have short cuts of their own (`ops.families`)
that come here as soon as anything is active. A kernel's exceptions leave as errors that name the
function, the values and the remedy. `record` is what a tape costs: it finds out which of the active
recordings know an input, and keeps what the rules of those inputs name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.dtypes import differentiable
from gradtape.core.errors import (
    OF_USER,
    InvalidArgumentError,
    OpError,
    ResourceExhaustedError,
    brief,
)
from gradtape.core.primitive import NOT, TENSOR, Primitive
from gradtape.core.quick import bind, quick
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.shapes import Spec
from gradtape.core.sizes import UnknownSizeError
from gradtape.core.state import here, lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import quiet, restore, silence, xp

NO_PARAMS: dict[str, Any] = {}
NOTHING_KEPT = (None,)
ONE = (True,)
FAILURES = (
    ValueError, TypeError, LookupError, ArithmeticError, np.linalg.LinAlgError, MemoryError,
)  # fmt: skip


def apply(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = NO_PARAMS) -> Any:
    """Run a primitive on tensors: the result is a tensor, or a tuple of them for `several`."""
    if here.special:
        return _apply_observed(primitive, inputs, params)
    token = silence()
    out: Any
    try:  # as in `execute`; the step between would cost 60 ns, the list for one input 60 more
        if len(inputs) == 1:
            out = primitive.kernel(xp, inputs[0]._array, **params)
        else:
            out = primitive.kernel(xp, *[t._array for t in inputs], **params)
    except FAILURES as error:
        raise explained(error, primitive.name, inputs, params) from error
    finally:
        restore(token)
    several = primitive.several
    out = tuple([Tensor(v) for v in out]) if several else Tensor(out)
    tapes = here.tapes
    if tapes and primitive.differentiable:
        if len(inputs) == 1 and not several:
            record_one(primitive, inputs[0], out, tapes, None, params)
        else:
            put(primitive, inputs, params, out)
    return out


def _apply_observed(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """`apply` while a mode runs the operations, or observers or lookouts look on."""
    mode = here.mode
    token = silence()  # of observers too: accumulators run kernels of their own
    try:
        if mode is not None:
            out = mode.apply(primitive, inputs, params)
        else:
            out = _executed(primitive, inputs, params)
        tapes = here.tapes
        if tapes and primitive.differentiable:
            if mode is None and len(inputs) == 1 and not primitive.several:
                record_one(primitive, inputs[0], out, tapes, None, params)
            else:
                record(primitive, inputs, params, out)
            if mode is not None:
                mode.recorded(out)
        for observer in here.observers:
            observer.see(primitive, inputs, params, out)
    finally:
        restore(token)
    for lookout in lookouts:
        lookout.see(primitive, inputs, params, out)
    return out


def execute(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run the kernel on NumPy and tell nobody."""
    token = silence()
    try:
        return _executed(primitive, inputs, params)
    finally:
        restore(token)


def _executed(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """`execute` where NumPy is silent already."""
    try:
        if len(inputs) == 1:
            value = primitive.kernel(xp, inputs[0]._array, **params)
        else:
            value = primitive.kernel(xp, *[t._array for t in inputs], **params)
    except FAILURES as error:
        raise explained(error, primitive.name, inputs, params) from error
    if primitive.several:
        return tuple([Tensor(v) for v in value])
    return Tensor(value)


def record(primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
    """Put the result on a record of the active recordings that know an input, if there are any."""
    tapes = here.tapes
    if len(tapes) == 1:
        tape = tapes[0]
        watched = tape.watched
        parents: list[Any] = []
        connected = False
        for tensor in inputs:
            node = tensor._node
            if node is not None and (
                node.tapes is tapes or node in watched or (node.tapes and tape in node.tapes)
            ):
                connected = True
                parents.append(node)
            else:
                parents.append(None)
        if not connected:
            return
    else:
        nodes = [t._node for t in inputs]
        tapes = interested(nodes, tapes)
        if not tapes:
            return
        parents = [n if n is not None and any([t.knows(n) for t in tapes]) else None for n in nodes]
    if primitive.several:
        _record_several(primitive, tuple(parents), inputs, params, out, tapes)
        return
    dtype = out._dtype
    if dtype.kind not in "fc" and not differentiable(dtype):
        return
    kept, keeps_out = primitive.kept(tuple([p is not None for p in parents]))
    out._node = Record(
        primitive,
        tuple(parents),
        saved(inputs, kept, parents),
        out.placed(None) if keeps_out else None,
        params,
        out._shape,
        dtype,
        tapes,
    )


def record_one(
    primitive: Primitive,
    x: Any,
    out: Any,
    tapes: Any,
    how: Any = None,
    params: dict[str, Any] = NO_PARAMS,
) -> None:
    """`record` for one input, without observers; `how` is `kept((True,))` where that is known."""
    node = x._node
    if node is None:
        return
    if node.tapes is not tapes:
        if len(tapes) > 1:
            record(primitive, (x,), params, out)
            return
        if not tapes[0].knows(node):
            return
    (keeps_in,), keeps_out = how or primitive.kept(ONE)
    array = out._array
    dtype = array.dtype
    if dtype.kind not in "fc" and not differentiable(dtype):
        return
    out._node = Record(
        primitive,
        (node,),
        (x,) if keeps_in == TENSOR else NOTHING_KEPT if keeps_in == NOT else (node,),
        Tensor(array) if keeps_out else None,
        params,
        array.shape,
        dtype,
        tapes,
    )


def record_two(primitive: Primitive, x: Any, y: Any, out: Any, tapes: Any, table: Any) -> None:
    """`record` for two inputs; the table says what is kept, by what is connected."""
    left = x._node
    right = y._node
    if left is None and right is None:
        return
    if len(tapes) > 1:
        record(primitive, (x, y), NO_PARAMS, out)
        return
    if left is not None and left.tapes is not tapes and not tapes[0].knows(left):
        left = None
    if right is not None and right.tapes is not tapes and not tapes[0].knows(right):
        right = None
    if left is None:
        if right is None:
            return
        how = table[2]
    else:
        how = table[1] if right is None else table[3]
    array = out._array
    out._node = Record(
        primitive,
        (left, right),
        (x if how[0] else None, y if how[1] else None),
        Tensor(array) if how[2] else None,
        NO_PARAMS,
        array.shape,
        array.dtype,
        tapes,
    )


def interested(nodes: list[Any], tapes: tuple[Recording, ...]) -> tuple[Recording, ...]:
    """The recordings that know one of the nodes."""
    found = tuple([t for t in tapes if any([t.knows(n) for n in nodes])])
    return tapes if len(found) == len(tapes) else found


def saved(inputs: tuple[Any, ...], how: tuple[int, ...], parents: Sequence[Any]) -> tuple[Any, ...]:
    """The inputs as a record keeps them: whole, by shape and dtype (the node has them), or not."""
    return tuple(
        [
            t if h == TENSOR else None if h == NOT else p or Spec(t._shape, t._dtype)
            for t, h, p in zip(inputs, how, parents, strict=True)
        ]
    )


def _record_several(
    primitive: Primitive,
    parents: tuple[Any, ...],
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    out: tuple[Any, ...],
    tapes: tuple[Recording, ...],
) -> None:
    kept, keeps_out = primitive.kept(tuple([p is not None for p in parents]))
    made = Record(
        primitive,
        parents,
        saved(inputs, kept, parents),
        tuple([t.placed(None) for t in out]) if keeps_out else None,
        params,
        tuple([t._shape for t in out]),
        tuple([t._dtype for t in out]),
        tapes,
    )
    for index, tensor in enumerate(out):
        if differentiable(tensor._dtype):
            tensor._node = Part(made, index)


def explained(error: Exception, name: str, inputs: Any, params: dict[str, Any]) -> Exception:
    """A kernel's exception as an error that names the function and its values."""
    if isinstance(error, (OpError, UnknownSizeError)) or hasattr(error, OF_USER):
        return error
    values = ", ".join(brief(t) for t in inputs)
    keywords = "".join(f", {k}={v!r}" for k, v in params.items() if _shown(v))
    call = f"gradtape.{name}({values}{keywords})"
    if isinstance(error, MemoryError):
        return ResourceExhaustedError(f"{call}: the result does not fit in memory ({error}).")
    return InvalidArgumentError(f"{call}: {reason(error, inputs)}")


def reason(error: Exception, inputs: Any) -> str:
    """What went wrong, in the words of shapes and dtypes."""
    text = str(error)
    if "could not be broadcast" in text:
        shapes = " and ".join(str(list(t._shape)) for t in inputs)
        return (
            f"incompatible shapes {shapes} do not broadcast. Reshape one, for instance with"
            " tf.expand_dims."
        )
    if "not supported for the input types" in text or "no matching signature" in text:
        dtypes = ", ".join(dict.fromkeys(t.dtype.name for t in inputs))
        return f"not defined for dtype {dtypes}. Convert with tf.cast(x, tf.float32)."
    return text or type(error).__name__


def _shown(value: Any) -> bool:
    return isinstance(value, (int, float, str, tuple, list, type(None))) and len(repr(value)) < 80


put = record
if quick is not None:  # the same in fewer steps, for one tape
    apply, put, record_one, record_two = (
        quick.apply, quick.record, quick.record_one, quick.record_two,
    )  # fmt: skip
    bind(Tensor=Tensor, Node=Node, Record=Record, Part=Part, Recording=Recording, Spec=Spec)
    bind(Primitive=Primitive, no_params=NO_PARAMS, record=record)
    bind(apply_observed=_apply_observed, explained=explained, failures=FAILURES, space=xp)
    bind(silent=quiet[0], errors=quiet[1])
