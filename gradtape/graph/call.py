"""A recorded function as one operation: `call`, with its derivatives, forward, reverse and batched.

A tape sees a call as one record. What runs under it is the function's forward, which also returns
what the backward needs; the record's rule runs the backward. Both come from one trace, in which the
function's operations were done under a recording and walked back, and are cut apart (`partition`).
Since the backward is a function in the same sense, derivatives of derivatives come by themselves:
an outer tape sees the call of the backward, whose inputs are results of the forward."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from gradtape.autodiff.batching import Shared
from gradtape.autodiff.finite_watch import checking, watch
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.walk import walk
from gradtape.core.dispatch import apply, interested, record
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing
from gradtape.core.primitive import primitive
from gradtape.core.record import Part, Record, Recording
from gradtape.core.shapes import Spec
from gradtape.core.state import frame, here, lookouts
from gradtape.graph.batches import batched, size_of, widened
from gradtape.graph.callee import Callee, Replay, derived, deriving, stand_ins
from gradtape.graph.finite import Behind
from gradtape.graph.graph import PLACEHOLDER, VARIABLE, needed
from gradtape.graph.lines import runnable
from gradtape.graph.partition import kept_values, sizes_apart
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import Tracing
from gradtape.ops.basis import zeros
from gradtape.ops.sparse import IndexedSlices

Mask = tuple[bool, ...]
BOOL = np.dtype(np.bool_)


def call(callee: Callee, tensors: Sequence[Any]) -> list[Any]:
    """Run a callee on tensors in the active mode, seen by tapes and observers."""
    if callee.reads:
        tensors = [*tensors, *[v._read() for v in callee.reads]]
    mode = here.mode
    if mode is None:
        if lookouts and any([lookout.as_python for lookout in lookouts]):
            return Replay(callee, tensors).outputs()
        if here.observers:
            return _observed(callee, tuple(tensors))
        if here.tapes:
            return _recorded(callee, tuple(tensors))
        return callee.runner(tensors)
    if isinstance(mode, Tracing):
        return mode.called(Replay(callee, tensors))
    return list(apply(_call, tuple(tensors), {"callee": callee}))


def _observed(callee: Callee, tensors: tuple[Any, ...]) -> list[Any]:
    out = tuple(callee.runner(tensors))
    params = {"callee": callee}
    if here.tapes:
        record(_call, tensors, params, out)
    for observer in here.observers:
        observer.see(_call, tensors, params, out)
    return list(out)


def _recorded(callee: Callee, tensors: tuple[Any, ...]) -> list[Any]:
    """Run the forward and put its results on a record that knows the backward."""
    nodes = [t._node for t in tensors]
    tapes: Any = interested(nodes, here.tapes)
    parents = tuple(
        [
            n if n is not None and differentiable(t._dtype) and any([r.knows(n) for r in tapes])
            else None
            for n, t in zip(nodes, tensors, strict=True)
        ]
    )  # fmt: skip
    if not any(parents):
        return callee.runner(tensors)
    pair = pair_of(callee, tuple([p is not None for p in parents]))
    found = pair.forward.runner(tensors)
    whole = len(tapes) > 1 or tapes[0].persistent  # a derivative of the derivative may be asked for
    made = Record(
        _call,
        parents,
        tuple([t if whole or i in pair.needed else None for i, t in enumerate(tensors)]),
        tuple([t.placed(None) for t in found[pair.count :]]),
        {"callee": pair.forward, "pair": pair},
        tuple([t._shape for t in found]),
        tuple([t._dtype for t in found]),
        tapes,
    )
    for index, tensor in enumerate(found):
        if differentiable(tensor._dtype):
            tensor._node = Part(made, index)
    if lookouts and checking():
        watch.note(found, sys._getframe(1))
        made.params["behind"] = Behind.of(pair.forward.runner, tensors, found, len(pair.needed))
    return found[: pair.count]


class Pullback:
    """The operations of a callee and its walk backward in one trace.

    Args:
        callee: what is differentiated.
        wanted: which inputs need a derivative.
    """

    def __init__(self, callee: Callee, wanted: Mask) -> None:
        self.callee = callee
        self.wanted = wanted
        self.recording = Recording(automatic=False)
        with deriving(callee) as mode:
            self.mode = mode
            self.inputs = stand_ins(mode, callee.inputs)
            for tensor, want in zip(self.inputs, wanted, strict=True):
                if want:
                    self.recording.watched[tensor.own_node()] = None
            here.set_tapes((self.recording,))
            outputs = Replay(callee, self.inputs).outputs()
            here.set_tapes(())
            self.nodes = [t._node for t in outputs]
            self.outputs = [mode.value(t) for t in outputs]
        self._forward = len(mode.graph.operations)
        self._walked: dict[Mask, tuple[list[Any], list[Any]]] = {}
        self._walk_effects: dict[Mask, list[Any]] = {}

    def walked(self, present: Mask) -> tuple[list[Any], list[Any]]:
        """The cotangents that go in, for the outputs that have one, and what arrives at the
        wanted inputs."""
        found = self._walked.get(present)
        if found is None:
            start = len(self.mode.graph.operations)
            with deriving(self.callee) as mode:
                here.set((), (), self.mode)
                del mode
                cts = stand_ins(self.mode, [v for v, p in zip(self.outputs, present) if p])
                nodes = [n for n, p in zip(self.nodes, present) if p]
                sources = [t._node if w else None for t, w in zip(self.inputs, self.wanted)]
                given = walk(list(zip(nodes, cts, strict=True)), sources, self.recording)
            found = self._walked[present] = (cts, given)
            made = self.mode.graph.operations[start:]
            self._walk_effects[present] = [op for op in made if op.effect]
        return found

    def walk_effects(self, present: Mask) -> list[Any]:
        """The effects on the way back, for the outputs that have a cotangent."""
        self.walked(present)
        return self._walk_effects[present]

    def effects(self) -> list[Any]:
        """The callee's effects as this trace did them again."""
        if not self.callee.roots:
            return []
        return [op for op in self.mode.graph.operations[: self._forward] if op.effect]

    def flat(self, given: list[Any]) -> list[Value]:
        """The arrived cotangents as values; an `IndexedSlices` counts as two."""
        tensors = []
        for g in given:
            if isinstance(g, IndexedSlices):
                tensors += [g.values, g.indices]
            elif not isinstance(g, Nothing):
                tensors.append(g)
        return [self.mode.value(t) for t in tensors]


def packed(given: list[Any], results: Sequence[Any], specs: Sequence[Any]) -> list[Any]:
    """Results in the form of the cotangents of `Pullback.walked`, None where there is none."""
    rest = iter(results)
    found: list[Any] = []
    for g, spec in zip(given, specs, strict=True):
        if isinstance(g, IndexedSlices):
            found.append(IndexedSlices(next(rest), next(rest), spec._shape))
        else:
            found.append(None if isinstance(g, Nothing) else next(rest))
    return found


class Pair:
    """The forward of a callee, which returns what is kept, and its backward.

    Attributes:
        count: how many of the forward's results are the callee's own.
        needed: the numbers of the inputs that the backward reads.
    """

    def __init__(self, callee: Callee, wanted: Mask) -> None:
        self.callee = callee
        self.pullback = Pullback(callee, wanted)
        self.count = len(callee.outputs)
        pullback = self.pullback
        present = tuple([differentiable(v.dtype) for v in callee.outputs])
        walked, given = pullback.walked(present)
        cts = [t._value for t in walked]
        effects = pullback.walk_effects(present)
        inputs = [t._value for t in pullback.inputs]
        results = [*pullback.flat(given), *[v for op in effects for v in op.takes]]
        # variables that only the way back reads are read when it is gone
        late = {op.values[0] for op in pullback.mode.graph.operations if op.primitive is VARIABLE}
        kept = kept_values([*inputs, *late], cts, pullback.outputs, results)
        places = {v: i for i, v in enumerate(inputs)}
        self.needed = tuple([places[v] for v in kept if v in places])
        self.kept = [v for v in kept if v not in places and v not in late]
        apart = sizes_apart(kept, needed(results, effects, {*kept, *cts}), set(cts))
        with frame((), (), pullback.mode):  # their shapes tell the sizes
            self.kept += [pullback.mode.value(zeros((n, 0), BOOL)) for n in apart]
        self.forward = Callee(
            pullback.mode, inputs, [*pullback.outputs, *self.kept], callee.name, callee.compile
        )
        self.forward.roots = pullback.effects()
        self.forward.results = self.count
        self._backward: dict[Mask, tuple[Callee, list[Any], Mask]] = {}

    def backward(self, present: Mask) -> tuple[Callee, list[Any], Mask]:
        """The backward for the outputs that have a cotangent: of needed inputs, what is kept, and
        cotangents.

        The last result says which outputs' cotangents it takes: all, where the fewer would ask for
        what is not kept.
        """
        found = self._backward.get(present)
        if found is None:
            pullback = self.pullback
            walked, given = pullback.walked(present)
            cts = [t._value for t in walked]
            inputs = [pullback.inputs[i]._value for i in self.needed]
            taken = [*inputs, *self.kept, *cts]
            results, effects = pullback.flat(given), pullback.walk_effects(present)
            order = needed(results, effects, set(taken))
            missing = [op for op in order if op.primitive is PLACEHOLDER]
            if missing or sizes_apart(taken, order, set(cts)):
                return self.backward(tuple([differentiable(v.dtype) for v in self.callee.outputs]))
            name = f"backward of {self.callee.name}"
            made = Callee(pullback.mode, taken, results, name, self.callee.compile)
            made.roots = effects
            made.take_variables()
            found = self._backward[present] = (made, given, present)
        return found


def pair_of(callee: Callee, wanted: Mask) -> Pair:
    """The forward and backward of a callee, found once."""
    key = "pair", wanted
    if key not in callee.derived:
        callee.derived[key] = Pair(callee, wanted)
    return callee.derived[key]


# the rules of the operation


def _pull(ct: Any, record: Any, inputs: Any, wanted: Mask) -> list[Any]:
    """The cotangents of a call's inputs."""
    pair: Pair | None = record.params.get("pair")
    present = tuple([c is not None for c in ct])
    if pair is not None and not any(present[pair.count :]):
        made, given, takes = pair.backward(present[: pair.count])
        cts = [
            zeros(shape, dtype) if c is None else c
            for c, t, shape, dtype in zip(ct, takes, record.shape, record.dtype) if t
        ]  # fmt: skip
        kept = record.out
        if here.tapes or here.special:
            kept = [_placed(t, record, pair.count + i) for i, t in enumerate(kept)]
        taken = [record.inputs[i] for i in pair.needed]
        with record.params.get("behind") or nullcontext():
            results = call(made, [*taken, *kept, *cts])
        return packed(given, results, record.parents)
    made, given = pulled(record.params["callee"], wanted, present)
    results = call(made, [*record.inputs, *[c for c in ct if c is not None]])
    return packed(given, results, record.parents)


def _placed(tensor: Any, record: Any, index: int) -> Any:
    return tensor.placed(Part(record, index)) if differentiable(tensor._dtype) else tensor


def pulled(callee: Callee, wanted: Mask, present: Mask) -> tuple[Callee, list[Any]]:
    """The derivative of a callee as one function of its inputs and cotangents."""
    key = "pulled", wanted, present
    if key not in callee.derived:
        pullback = Pullback(callee, wanted)
        cts, given = pullback.walked(present)
        values = [t._value for t in (*pullback.inputs, *cts)]
        made = Callee(
            pullback.mode, values, pullback.flat(given), f"pull of {callee.name}", callee.compile
        )
        made.roots = pullback.walk_effects(present)
        callee.derived[key] = made.take_variables(), given
    return callee.derived[key]


def _push(tangents: Any, inputs: Any, callee: Callee) -> list[Any]:
    """The tangents of the differentiable outputs."""
    moving = tuple([t is not None for t in tangents])
    made, moved = pushed(callee, moving)
    results = iter(call(made, [*inputs, *[t for t in tangents if t is not None]]))
    specs = [v for v in callee.outputs if differentiable(v.dtype)]
    return [next(results) if m else None for m, _ in zip(moved, specs, strict=True)]


def pushed(callee: Callee, moving: Mask) -> tuple[Callee, Mask]:
    """The forward derivative of a callee: of its inputs and the tangents of those that move, to the
    tangents of the differentiable outputs that move."""
    key = "pushed", moving
    if key not in callee.derived:
        with deriving(callee) as mode:
            inputs = stand_ins(mode, callee.inputs)
            tangents = stand_ins(mode, [v for v, m in zip(callee.inputs, moving) if m])
            primals = [t for t, m in zip(inputs, moving) if m]
            with ForwardAccumulator(primals, tangents) as accumulator:
                outputs = Replay(callee, inputs).outputs()
            found = accumulator.jvp([t for t in outputs if differentiable(t._dtype)])
        made = derived(
            callee, mode, [*inputs, *tangents], [t for t in found if t is not None], "push"
        )
        callee.derived[key] = made, tuple([t is not None for t in found])
    return callee.derived[key]


def _batch(mask: Mask, *tensors: Any, callee: Callee) -> Any:
    size = size_of(mask, tensors)
    wide = widened(callee, mask, size)
    found = call(batched(callee, mask, size, wide), tensors)
    return tuple([t if b else Shared(t) for t, b in zip(found, wide, strict=True)])


def _run(xp: Any, *arrays: Any, callee: Callee, pair: Any = None) -> Any:
    return runnable(xp, callee.runner.program, arrays)(*arrays)


_call = primitive(
    "call",
    _run,
    joint_vjp=_pull,
    joint_jvp=_push,
    batch=_batch,
    shape=lambda *specs, callee, pair=None: tuple([Spec(v.shape, v.dtype) for v in callee.outputs]),
    several=True,
    gaps=True,
    fallible=True,
    family="loop",
)
