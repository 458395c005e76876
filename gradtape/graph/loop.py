"""The operation `while`, and its derivatives of every order, without a bound on the length.

A loop is a test and a body, both functions of a state and of what they take from around. Its
forward derivative is a loop again, whose state is the state and its tangents. Its reverse
derivative is an operation of its own, `loop_pull`: it repeats the loop and walks back through its
states, with a bounded number of checkpoints when it is compiled (see the verb `loop_pull`), and
only for that part of the state which the body's derivative reads. What `loop_pull` computes is J'w;
its own derivative in the direction u is that of <w, J u>, the reverse derivative of the forward
loop, so that every higher order is made of the same two operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradtape.core.xp_numpy_control  # noqa: F401  the verbs
from gradtape.autodiff.batching import Shared, one_by_one
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.walk import walk
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing
from gradtape.core.primitive import primitive
from gradtape.core.record import Recording
from gradtape.core.shapes import Spec
from gradtape.core.state import here
from gradtape.graph.batches import batched, lasting_width, size_of, widened
from gradtape.graph.call import packed, pulled
from gradtape.graph.callee import Callee, Replay, derived, deriving, stand_ins
from gradtape.graph.dependence import reached, used
from gradtape.graph.graph import PLACEHOLDER
from gradtape.graph.lines import runnable
from gradtape.graph.symbolic import Value
from gradtape.ops.basis import broadcast_to, reshape, zeros
from gradtape.ops.choosing import select
from gradtape.ops.reductions import reduce_any
from gradtape.ops.shaping import identity
from gradtape.ops.sparse import IndexedSlices

Mask = tuple[bool, ...]


class Loop:
    """A test and a body of `count` state tensors and what they take from around."""

    def __init__(self, test: Callee, body: Callee, count: int) -> None:
        self.test = test
        self.body = body
        self.count = count
        self.derived: dict[Any, Any] = {}

    @property
    def effect(self) -> bool:
        """Whether it does something besides its results."""
        return self.test.effect or self.body.effect

    @property
    def host(self) -> bool:
        """Whether something in it runs on NumPy alone."""
        return self.test.host or self.body.host

    def split(self, items: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """What belongs to the state, and what comes from around."""
        return list(items[: self.count]), list(items[self.count :])


def run_loop(loop: Loop, state: Sequence[Any], around: Sequence[Any]) -> list[Any]:
    """The state at the end of a loop."""
    return list(apply(_while, (*state, *around), {"loop": loop}))


def _kernel(xp: Any, *arrays: Any, loop: Loop) -> Any:
    test = runnable(xp, loop.test.runner.program, arrays)
    body = runnable(xp, loop.body.runner.program, arrays)
    state, around = loop.split(arrays)
    return xp.while_loop(
        lambda state: test(*state, *around)[0],
        lambda state: body(*state, *around),
        tuple(state),
    )


# what depends on what


def lasting(loop: Loop, mask: Sequence[bool]) -> list[bool]:
    """Which state tensors have a derivative by some inputs after any number of steps."""
    state, around = loop.split(mask)
    while True:
        after = [s or r for s, r in zip(state, reached(loop.body, [*state, *around]), strict=True)]
        if after == state:
            return state
        state = after


def extended(test: Callee, places: Sequence[Value | None], specs: Sequence[Any]) -> Callee:
    """A test that takes more inputs than it reads: None marks those that it does not know."""
    graph = test.graph
    inputs = [
        graph.source(PLACEHOLDER, s) if v is None else v for v, s in zip(places, specs, strict=True)
    ]
    return Callee(test.mode, inputs, test.outputs, test.name, test.compile)


# forward


def _push(tangents: Any, inputs: Any, loop: Loop) -> list[Any]:
    """The tangents of the differentiable results: those of a loop that carries them along."""
    given = [t is not None for t in tangents]
    moving = lasting(loop, given)
    state, around = loop.split(inputs)
    of_state, of_around = loop.split(tangents)
    keep = tuple(range(loop.count))
    longer = pushed_loop(loop, keep, tuple(moving), tuple(given[loop.count :]), True)
    start = [
        zeros(s._shape, s._dtype) if t is None else t
        for s, t, m in zip(state, of_state, moving, strict=True)
        if m
    ]
    beside = [t for t in of_around if t is not None]
    found = iter(run_loop(longer, [*state, *start], [*around, *beside])[loop.count :])
    results = [next(found) if m else None for m in moving]
    return [t for t, s in zip(results, state, strict=True) if differentiable(s._dtype)]


def pushed_loop(
    loop: Loop, keep: tuple[int, ...], moving: Mask, beside: Mask, effects: bool
) -> Loop:
    """The loop of the kept state tensors and the tangents of those that move.

    Args:
        keep: the numbers of the state tensors that are needed.
        moving: which state tensors have a tangent.
        beside: which tensors from around have a tangent.
        effects: whether those of the body are done.
    """
    key = "pushed", keep, moving, beside, effects
    if key not in loop.derived:
        body = loop.body
        if not effects:
            body = Callee(body.mode, body.inputs, body.outputs, body.name, body.compile)
        with deriving(body) as mode:
            state, around = loop.split(stand_ins(mode, body.inputs))
            of_state = stand_ins(mode, [t for t, m in zip(state, moving, strict=True) if m])
            of_around = stand_ins(mode, [t for t, m in zip(around, beside, strict=True) if m])
            primals = [t for t, m in zip([*state, *around], [*moving, *beside]) if m]
            with ForwardAccumulator(primals, [*of_state, *of_around]) as accumulator:
                outputs = Replay(body, [*state, *around]).outputs()
            movers = [t for t, m in zip(outputs, moving, strict=True) if m]
            tangents = accumulator.jvp(movers, "zero")
        kept = [state[i] for i in keep]
        taken = [*kept, *of_state, *around, *of_around]
        step = derived(body, mode, taken, [*[outputs[i] for i in keep], *tangents], "push")
        known, beyond = loop.split(loop.test.inputs)
        places = [*[known[i] for i in keep], *[None] * len(of_state), *beyond]
        test = extended(loop.test, [*places, *[None] * len(of_around)], taken)
        loop.derived[key] = Loop(test, step, len(kept) + len(of_state))
    return loop.derived[key]


# reverse


class LoopPull:
    """The walk back through a loop.

    Attributes:
        loop: the loop.
        active: which state tensors have a cotangent.
        wanted: which tensors from around are wanted.
        keep: the numbers of the state tensors that the walk needs.
        test, body: the loop of the kept state.
        step: (kept state, around, cotangents of the active) before a step -> (cotangents of the
            active before it, what the step adds to those of the wanted).
    """

    def __init__(self, loop: Loop, active: Mask, wanted: Mask) -> None:
        self.loop, self.active, self.wanted = loop, active, wanted
        step = self._walked()
        known, beyond = loop.split(step.inputs[: len(loop.body.inputs)])
        self.keep = self._needed(step)
        cts = step.inputs[len(loop.body.inputs) :]
        taken = [*[known[i] for i in self.keep], *beyond, *cts]
        self.step = Callee(step.mode, taken, step.outputs, step.name, step.compile)
        self.step.roots = step.roots
        self.test, self.body = self._shorter(loop.test, False), self._shorter(loop.body, True)
        self.derived: dict[Any, Any] = {}

    @property
    def effect(self) -> bool:
        """Whether it does something besides its results."""
        return self.step.effect

    @property
    def host(self) -> bool:
        """Whether something in it runs on NumPy alone."""
        return self.step.host

    def _walked(self) -> Callee:
        """The derivative of the body, with a dense cotangent for everything."""
        body = self.loop.body
        made, given = pulled(body, (*self.active, *self.wanted), self.active)
        with deriving(body) as mode:
            inputs = stand_ins(mode, made.inputs)
            found = packed(given, Replay(made, inputs).outputs(), inputs[: len(given)])
            outputs = [
                zeros(t._shape, t._dtype) if g is None else g.dense() if _sparse(g) else g
                for g, t, w in zip(found, inputs, (*self.active, *self.wanted), strict=False)
                if w
            ]
        return derived(body, mode, inputs, outputs, "backward")

    def _needed(self, step: Callee) -> tuple[int, ...]:
        """The state tensors that the walk, the test and their own next values read."""
        loop = self.loop
        found = {i for i in used(step) | used(loop.test) if i < loop.count}
        while True:
            body = loop.body
            part = Callee(body.mode, body.inputs, [body.outputs[i] for i in sorted(found)])
            more = found | {i for i in used(part) if i < loop.count}
            if more == found:
                return tuple(sorted(found))
            found = more

    def _shorter(self, callee: Callee, outputs: bool) -> Callee:
        """The test or body as a function of the kept state."""
        known, beyond = self.loop.split(callee.inputs)
        results = [callee.outputs[i] for i in self.keep] if outputs else callee.outputs
        inputs = [*[known[i] for i in self.keep], *beyond]
        return Callee(callee.mode, inputs, results, callee.name, callee.compile)

    def pushed(self) -> Loop:
        """The loop of the kept state and the tangents of the active."""
        return pushed_loop(self.loop, self.keep, self.active, self.wanted, False)

    def split(self, items: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The kept state, what comes from around, and the cotangents."""
        first, last = len(self.keep), len(self.keep) + len(self.wanted)
        return list(items[:first]), list(items[first:last]), list(items[last:])


def _sparse(value: Any) -> bool:
    return isinstance(value, IndexedSlices)


def walk_of(loop: Loop, active: Mask, wanted: Mask) -> LoopPull:
    """The walk back through a loop, found once."""
    key = "pull", active, wanted
    if key not in loop.derived:
        loop.derived[key] = LoopPull(loop, active, wanted)
    return loop.derived[key]


def _pull(ct: Any, inputs: Any, loop: Loop, wanted: Mask) -> list[Any]:
    """The cotangents of a loop's inputs."""
    able = tuple([w and differentiable(t._dtype) for w, t in zip(wanted, inputs, strict=True)])
    active = tuple(lasting(loop, able))
    pull = walk_of(loop, active, able[loop.count :])
    state, around = loop.split(inputs)
    cts = [
        zeros(s._shape, s._dtype) if c is None else c
        for c, s, a in zip(ct, state, active, strict=True)
        if a
    ]
    found = iter(run_pull(pull, [*[state[i] for i in pull.keep], *around, *cts]))
    of_state = [next(found) if a else None for a in active]
    of_around = [next(found) if w else None for w in pull.wanted]
    return [g if w else None for g, w in zip([*of_state, *of_around], able, strict=True)]


def run_pull(pull: Any, tensors: Sequence[Any]) -> list[Any]:
    """The cotangents of the active state tensors at the start, then those of the wanted tensors."""
    return list(apply(_loop_pull, tuple(tensors), {"pull": pull}))


def _pull_kernel(xp: Any, *arrays: Any, pull: Any) -> Any:
    state, around, cts = pull.split(arrays)
    test = runnable(xp, pull.test.runner.program, [*state, *around])
    body = runnable(xp, pull.body.runner.program, [*state, *around])
    step = runnable(xp, pull.step.runner.program, arrays)
    sums = [xp.zeros(a.shape, a.dtype) for a, w in zip(around, pull.wanted, strict=True) if w]

    def back(state: Any, cts: Any) -> Any:
        found = step(*state, *around, *cts)
        return tuple(found[: len(cts)]), tuple(found[len(cts) :])

    return xp.loop_pull(
        lambda s: test(*s, *around)[0], lambda s: body(*s, *around), back,
        tuple(state), tuple(cts), tuple(sums),
    )  # fmt: skip


def _pull_specs(*specs: Any, pull: Any) -> Any:
    _, around, cts = pull.split(specs)
    found = [*cts, *[a for a, w in zip(around, pull.wanted, strict=True) if w]]
    return tuple([Spec(s._shape, s._dtype) for s in found])


def _pull_vjp(ct: Any, inputs: Any, pull: Any, wanted: Mask) -> list[Any]:
    """The derivative of J'w in the direction u: that of <w, J u>, and J u for w itself."""
    state, around, cts = pull.split(inputs)
    specs = _pull_specs(*inputs, pull=pull)
    u = [zeros(s._shape, s._dtype) if c is None else c for c, s in zip(ct, specs, strict=True)]
    longer = pull.pushed()
    # each on a node of its own: one tensor may be several inputs
    taken = [
        identity(t) if w and differentiable(t._dtype) else t
        for t, w in zip([*state, *around], wanted, strict=False)
    ]
    sources = [
        t.own_node() if w and differentiable(t._dtype) else None
        for t, w in zip(taken, wanted, strict=False)
    ]
    recording = Recording(automatic=False)
    recording.watched.update({node: None for node in sources if node is not None})
    state, around = taken[: len(state)], taken[len(state) :]
    before = here.tapes
    here.set_tapes((*before, recording))
    try:
        found = run_loop(longer, [*state, *u[: len(cts)]], [*around, *u[len(cts) :]])
    finally:
        here.set_tapes(before)
    pushed = found[len(state) :]
    pairs = [(t._node, c) for t, c in zip(pushed, cts, strict=True)]
    given = walk(pairs, sources, recording)
    given = [g.dense() if _sparse(g) else None if isinstance(g, Nothing) else g for g in given]
    return [*given, *pushed]


# batches


def _batch(mask: Mask, *tensors: Any, loop: Loop) -> Any:
    """The loop for all examples at once; where they end at different times, it goes on until the
    last one ends, and those that have ended stay as they are. A loop with effects is then done
    for each example by itself."""
    size = size_of(mask, tensors)
    state, around = loop.split(tensors)
    beside = mask[loop.count :]
    carried = lasting_width(loop.body, loop.count, mask, size)
    if any(widened(loop.test, (*carried, *beside), size)):
        if loop.effect:
            return one_by_one(lambda *one: run_loop(loop, *loop.split(one)), mask, tensors)
        carried = (True,) * loop.count
    made = batched_loop(loop, (*carried, *beside), size)
    start = [
        repeated(t, size) if c and not b else t
        for t, c, b in zip(state, carried, mask, strict=False)
    ]
    found = run_loop(made, start, around)
    return tuple([t if c else Shared(t) for t, c in zip(found, carried, strict=True)])


def repeated(tensor: Any, size: Any) -> Any:
    """The tensor for each of so many examples, along a new first axis."""
    shape = tensor._shape
    return broadcast_to(reshape(tensor, (1, *shape)), (size, *shape))


def batched_loop(loop: Loop, mask: Mask, size: Any) -> Loop:
    """A loop whose state and surroundings have a batch axis in front where the mask says so."""
    key = "batched", mask, size
    if key not in loop.derived:
        (many,) = widened(loop.test, mask, size)
        test = batched(loop.test, mask, size, (many,))
        body = batched(loop.body, mask, size, mask[: loop.count])
        if many:
            body = _where_active(body, test, loop.count)
            test = _any_active(test)
        loop.derived[key] = Loop(test, body, loop.count)
    return loop.derived[key]


def _any_active(test: Callee) -> Callee:
    with deriving(test) as mode:
        inputs = stand_ins(mode, test.inputs)
        (active,) = Replay(test, inputs).outputs()
        result = reduce_any(active)
    return derived(test, mode, inputs, [result], "any")


def _where_active(body: Callee, test: Callee, kept: int) -> Callee:
    """A batched body whose examples stay as they are once their test fails.

    Args:
        kept: the number of inputs in front that the outputs replace.
    """
    with deriving(body) as mode:
        inputs = stand_ins(mode, body.inputs)
        count = len(test.inputs)
        (active,) = Replay(test, inputs[:count]).outputs()
        found = Replay(body, inputs).outputs()
        results = [chosen(active, new, old) for new, old in zip(found, inputs[:kept], strict=True)]
    return derived(body, mode, inputs, results, "active")


def chosen(active: Any, new: Any, old: Any) -> Any:
    """For each example the new value where it is active, else the old one, or zeros."""
    shape = new._shape
    hit = broadcast_to(reshape(active, (shape[0], *[1] * (len(shape) - 1))), shape)
    return select(hit, new, zeros((), new._dtype) if old is None else old)


class BatchedPull:
    """The walk back through a loop for all examples at once, each with cotangents of its own."""

    def __init__(self, pull: LoopPull, size: Any) -> None:
        self.pull, self.size = pull, size
        self.keep, self.wanted, self.active = pull.keep, pull.wanted, pull.active
        test, body, step = [
            batched(c, (True,) * len(c.inputs), size) for c in (pull.test, pull.body, pull.step)
        ]
        self.test = _any_active(test)
        self.body = _where_active(body, test, len(pull.keep))
        self.step = self._active_step(step, test)

    def _active_step(self, step: Callee, test: Callee) -> Callee:
        with deriving(step) as mode:
            inputs = stand_ins(mode, step.inputs)
            _, _, cts = self.pull.split(inputs)
            (active,) = Replay(test, inputs[: len(test.inputs)]).outputs()
            found = Replay(step, inputs).outputs()
            count = len(cts)
            results = [chosen(active, n, o) for n, o in zip(found[:count], cts, strict=True)]
            results += [chosen(active, n, None) for n in found[count:]]
        return derived(step, mode, inputs, results, "active")

    def split(self, items: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The kept state, what comes from around, and the cotangents."""
        return self.pull.split(items)

    def pushed(self) -> Loop:
        """The loop of the kept state and the tangents, for all examples."""
        single = self.pull.pushed()
        return batched_loop(single, (True,) * len(single.body.inputs), self.size)


def _pull_batch(mask: Mask, *tensors: Any, pull: LoopPull) -> Any:
    size = size_of(mask, tensors)
    key = "batched", size
    if key not in pull.derived:
        pull.derived[key] = BatchedPull(pull, size)
    given = [t if b else repeated(t, size) for t, b in zip(tensors, mask, strict=True)]
    return tuple(run_pull(pull.derived[key], given))


_while = primitive(
    "while",
    _kernel,
    joint_vjp=_pull,
    joint_jvp=_push,
    batch=_batch,
    shape=lambda *specs, loop: tuple([Spec(s._shape, s._dtype) for s in specs[: loop.count]]),
    several=True,
    gaps=True,
    fallible=True,
    family="loop",
)
_loop_pull = primitive(
    "loop_pull",
    _pull_kernel,
    joint_vjp=_pull_vjp,
    batch=_pull_batch,
    shape=_pull_specs,
    several=True,
    gaps=True,
    fallible=True,
    family="loop",
)
