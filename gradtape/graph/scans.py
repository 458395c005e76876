"""The operation `scan`: a step that is repeated once for each row of some tensors, and its
derivatives.

The length is known, so a scan keeps for its reverse derivative what the derivative of one step
reads of that step, stacked, and nothing is computed twice; the derivative is a scan from the other
end. What a step keeps is found by the minimum cut of `partition`, for which the rows are free and
the carried state is not. The forward derivative is a scan whose carried state is twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import gradtape.core.xp_numpy_control  # noqa: F401  the verbs
from gradtape.autodiff.batching import Shared
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import unknowns
from gradtape.core.state import here
from gradtape.graph.batches import batched, lasting_width, size_of, widened
from gradtape.graph.call import Pullback, packed
from gradtape.graph.callee import Callee, Replay, derived, deriving, stand_ins
from gradtape.graph.dependence import reached
from gradtape.graph.graph import needed
from gradtape.graph.hoisting import Hoisted, few_numbers
from gradtape.graph.lines import runnable
from gradtape.graph.loop import repeated
from gradtape.graph.partition import kept_values, sizes_apart
from gradtape.graph.rounds import run_rounds
from gradtape.graph.sums import summands, total
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.writing import Writing
from gradtape.ops.basis import add, transpose, zeros
from gradtape.ops.sparse import IndexedSlices

Mask = tuple[bool, ...]
MOST_STEPS = 200  # of a step that is little


class Scan:
    """A step of `carried` state tensors, of one row of each of `rows` tensors, and of what it takes
    from around; it returns the next state and one row of each result.

    Args:
        step: the callee of (state, row of each, around) -> (state, rows of results).
        carried: how many tensors the state has.
        rows: how many tensors are taken row by row.
        length: the number of steps.
        reverse: whether it starts at the last row; results stand where their row stands.
    """

    def __init__(self, step: Callee, carried: int, rows: int, length: Any, reverse: bool) -> None:
        self.step = step
        self.carried = carried
        self.rows = rows
        self.length = length
        self.reverse = reverse
        self.derived: dict[Any, Any] = {}
        self._hoisted: Any = None

    @cached_property
    def writing(self) -> Writing:
        """What of the state is only written row by row."""
        return Writing(self.step, self.carried, self.rows)

    @property
    def hoisted(self) -> Hoisted:
        """What of the step is done before the loop."""
        if self._hoisted is None:
            self._hoisted = Hoisted(self.step, self.carried, self.rows, self.length)
        return self._hoisted

    @property
    def shorter(self) -> Scan:
        """The scan without what is done before it."""
        if "shorter" not in self.derived:
            rows = self.rows + len(self.hoisted.for_all)
            self.derived["shorter"] = self.like(self.hoisted.step, self.carried, rows)
        return self.derived["shorter"]

    def without(self, numbers: tuple[int, ...]) -> Scan:
        """The scan without these state tensors, whose rows it returns."""
        key = "without", numbers
        if key not in self.derived:
            step = self.writing.without(numbers)
            self.derived[key] = self.like(step, self.carried - len(numbers), self.rows)
        return self.derived[key]

    @property
    def at_once(self) -> int:
        """How many rows a round takes in compiled code: two where the round itself, its counter and
        the copies of the state, are much of it. (ADBench's LSTM: 10.7 ms in the median with one row
        in a round, 9.3 with two, 9.2 with four, which compile longer.)"""
        return 2 if self.little else 1

    @cached_property
    def little(self) -> bool:
        """Whether a step is a few operations on few numbers."""
        steps = self.step.runner.program.steps
        if self.effect or len(steps) > MOST_STEPS:
            return False
        return all([few_numbers(v) for op in steps for v in op.values])

    @property
    def effect(self) -> bool:
        """Whether it does something besides its results."""
        return self.step.effect

    @property
    def host(self) -> bool:
        """Whether something in it runs on NumPy alone."""
        return self.step.host

    def split(self, items: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """What belongs to the state, to the rows, and to what comes from around."""
        first, last = self.carried, self.carried + self.rows
        return list(items[:first]), list(items[first:last]), list(items[last:])

    def again(self, tensors: Sequence[Any], params: dict[str, Any]) -> Any:
        """Do the scan again, with what a derivative will need if a recording looks on."""
        if params["walk"] is None:
            return run_scan(self, tensors)
        return apply(_scan, tuple(tensors), params)

    def like(self, step: Callee, carried: int, rows: int, reverse: bool | None = None) -> Scan:
        """Another step over as many rows."""
        turned = self.reverse if reverse is None else reverse
        return Scan(step, carried, rows, self.length, turned)


def run_scan(scan: Scan, tensors: Sequence[Any]) -> list[Any]:
    """The state at the end, then the stacked results; with what a derivative will need, where one
    may be asked for."""
    if scan.rows and scan.writing.writes:
        state, rows, around = scan.split(tensors)
        places = scan.writing.places(rows, rows[0]._shape[0])
        if places:
            carried = [t for i, t in enumerate(state) if i not in places]
            found = run_scan(scan.without(tuple(places)), [*carried, *rows, *around])
            return scan.writing.whole(found, state, places)
    if scan.rows and scan.hoisted.anything:
        state, rows, around = scan.split(tensors)
        more_rows, more_around = scan.hoisted.run(rows, around, rows[0]._shape[0])
        tensors = [*state, *rows, *more_rows, *around, *more_around]
        scan = scan.shorter
    wanted = _wanted(tensors)
    if not any(wanted):
        return list(apply(_scan, tuple(tensors), {"scan": scan, "walk": None}))
    walk = walk_of(scan, wanted)
    found = apply(_scan, tuple(tensors), {"scan": walk.forward, "walk": walk})
    return list(found[: len(scan.step.outputs)])


def _wanted(tensors: Sequence[Any]) -> Mask:
    """Which tensors an active recording knows."""
    return tuple(
        [differentiable(t._dtype) and any([r.knows(t._node) for r in here.tapes]) for t in tensors]
    )


def _kernel(xp: Any, *arrays: Any, scan: Scan, walk: Any = None) -> Any:
    state, rows, around = scan.split(arrays)
    length = rows[0].shape[0] if rows else scan.length
    if scan.little:
        counts = scan.carried, scan.rows
        found = run_rounds(xp, scan.step, arrays, counts, length, scan.reverse)
        if found is not None:
            return found
    first = [r[0] if len(r) else xp.zeros(r.shape[1:], r.dtype) for r in rows]
    step = runnable(xp, scan.step.runner.program, [*state, *first, *around])
    count = scan.carried
    specs = [(v.shape, v.dtype) for v in scan.step.outputs[count:]]

    def one(state: Any, rows: Any) -> Any:
        found = step(*state, *rows, *around)
        return tuple(found[:count]), tuple(found[count:])

    return xp.scan(one, tuple(state), tuple(rows), length, scan.reverse, specs, scan.at_once)


def _specs(*specs: Any, scan: Scan, walk: Any = None) -> Any:
    _, rows, _ = scan.split(specs)
    length = rows[0]._shape[0] if rows else scan.length
    outputs = scan.step.outputs
    carried = [Spec(v.shape, v.dtype) for v in outputs[: scan.carried]]
    return tuple(carried + [Spec((length, *v.shape), v.dtype) for v in outputs[scan.carried :]])


# forward


def _push(tangents: Any, inputs: Any, scan: Scan, walk: Any) -> list[Any]:
    """The tangents of the differentiable results: those of a scan that carries them along."""
    moving = lasting(scan, [t is not None for t in tangents])
    longer = pushed_scan(scan, moving)
    given = [
        zeros(x._shape, x._dtype) if t is None else t
        for t, x, m in zip(tangents, inputs, moving, strict=True)
        if m
    ]
    state, rows, around = scan.split(inputs)
    counts = [sum(part) for part in scan.split(moving)]
    of_state, of_rows = given[: counts[0]], given[counts[0] : counts[0] + counts[1]]
    of_around = given[counts[0] + counts[1] :]
    taken = [*state, *of_state, *rows, *of_rows, *around, *of_around]
    found = run_scan(longer, taken)
    carried = iter(found[len(state) : len(state) + counts[0]])
    stacked = iter(found[longer.carried :][len(scan.step.outputs) - len(state) :])
    results = [next(carried) if m else None for m in moving[: len(state)]]
    for v in scan.step.outputs[len(state) :]:
        results.append(next(stacked) if differentiable(v.dtype) else None)
    return [t for t, v in zip(results, scan.step.outputs, strict=True) if differentiable(v.dtype)]


def lasting(scan: Scan, mask: Sequence[bool]) -> Mask:
    """Which inputs of a step have a derivative after any number of steps."""
    state, rows, around = scan.split(mask)
    while True:
        after = reached(scan.step, [*state, *rows, *around])[: scan.carried]
        after = [s or r for s, r in zip(state, after, strict=True)]
        if after == state:
            return (*state, *rows, *around)
        state = after


def pushed_scan(scan: Scan, moving: Mask) -> Scan:
    """The scan that also carries the tangents of those inputs of a step that move."""
    key = "pushed", moving
    if key not in scan.derived:
        step = scan.step
        with deriving(step) as mode:
            inputs = stand_ins(mode, step.inputs)
            tangents = [stand_ins(mode, [t])[0] if m else None for t, m in zip(inputs, moving)]
            pairs = [(x, t) for x, t in zip(inputs, tangents, strict=True) if t is not None]
            with ForwardAccumulator([x for x, _ in pairs], [t for _, t in pairs]) as accumulator:
                outputs = Replay(step, inputs).outputs()
            state, results = outputs[: scan.carried], outputs[scan.carried :]
            movers = [t for t, m in zip(state, moving, strict=False) if m]
            of_state = accumulator.jvp(movers, "zero")
            of_results = accumulator.jvp([t for t in results if differentiable(t._dtype)], "zero")
        parts = [
            [*x, *[t for t in d if t is not None]]
            for x, d in zip(scan.split(inputs), scan.split(tangents), strict=True)
        ]
        taken = [t for part in parts for t in part]
        made = derived(step, mode, taken, [*state, *of_state, *results, *of_results], "push")
        scan.derived[key] = scan.like(made, len(parts[0]), len(parts[1]))
    return scan.derived[key]


# reverse


class ScanWalk:
    """What a scan keeps, and the scan from the other end.

    Args:
        wanted: which inputs of the scan need a derivative.

    Attributes:
        forward: the scan that also returns what is kept, stacked.
        moving: which inputs of a step carry a derivative.
    """

    def __init__(self, scan: Scan, wanted: Mask) -> None:
        self.scan = scan
        self.moving = lasting(scan, wanted)
        self.pullback = pullback = Pullback(scan.step, self.moving)
        outputs = scan.step.outputs
        self.active = self.moving[: scan.carried]
        present = self.present(tuple([differentiable(v.dtype) for v in outputs[scan.carried :]]))
        cts, given = pullback.walked(present)
        inputs = [t._value for t in pullback.inputs]
        self.kept = self._kept(inputs, [t._value for t in cts], pullback.flat(given))
        step = Callee(
            pullback.mode, inputs, [*pullback.outputs, *self.kept], scan.step.name,
            scan.step.compile,
        )  # fmt: skip
        step.roots = pullback.effects()
        self.forward = scan.like(step, scan.carried, scan.rows)
        self._backward: dict[Mask, Backward] = {}

    def _kept(self, inputs: list[Value], cts: list[Value], results: Sequence[Value]) -> list[Value]:
        """What the way back reads of a step; where that has sizes that differ from step to step,
        what the step began with, and the way back does the step again."""
        state, free = inputs[: self.scan.carried], inputs[self.scan.carried :]
        kept = kept_values(free, cts, self.pullback.outputs, results, state)
        order = needed(results, (), {*kept, *cts})
        apart = sizes_apart([*kept, *free], order, set(cts))
        if _own_sizes([*[v.shape for v in kept], *apart], self.pullback.mode.graph):
            effects = [op for op in needed(results) if op.effect]
            kept = [*state, *[v for op in effects for v in op.values]]
        return [v for v in kept if v not in set(free)]

    def present(self, results: Mask) -> Mask:
        """Which outputs of a step have a cotangent, when these results have one."""
        return (*self.active, *results)

    def backward(self, results: Mask) -> Backward:
        """The scan from the other end, when these stacked results have a cotangent."""
        if results not in self._backward:
            self._backward[results] = Backward(self, results)
        return self._backward[results]


class Backward:
    """The scan from the other end.

    A step takes (cotangents of the active state, sums for what comes from around), a row of (kept
    values, rows, cotangents of the results), and what comes from around; it returns the state
    before, and a row of the cotangents of the wanted rows and of the factors of `sums`.

    Attributes:
        sums: for each wanted tensor from around the parts of its cotangent that are added up after
            the scan, or None: then the scan adds it up.
        factors: what these parts are made of, in the order in which the scan returns it.
        known: where among the scan's own rows, or behind them among the cotangents of the wanted
            rows, other factors are.
    """

    def __init__(self, walk: ScanWalk, results: Mask) -> None:
        scan, pullback = walk.scan, walk.pullback
        cts, given = pullback.walked(walk.present(results))
        _, rows, around = scan.split([t._value for t in pullback.inputs])
        count = sum(walk.active)
        taken = [*walk.kept, *rows, *around, *[t._value for t in cts]]
        step = Callee(pullback.mode, taken, pullback.flat(given), "walk", scan.step.compile)
        with deriving(step) as mode:
            inputs = stand_ins(mode, taken)
            kept = inputs[: len(walk.kept)]
            lines = inputs[len(kept) : len(kept) + len(rows)]
            beside = inputs[len(kept) + len(rows) : len(kept) + len(rows) + len(around)]
            ends = inputs[len(kept) + len(rows) + len(around) :]
            found = packed(given, Replay(step, inputs).outputs(), pullback.inputs)
            before, of_rows, of_around = scan.split(
                [
                    zeros(s._shape, s._dtype) if g is None
                    else g.dense() if isinstance(g, IndexedSlices) else g
                    for g, s in zip(found, pullback.inputs, strict=True)
                ]
            )  # fmt: skip
            active, moving_rows, moving_around = scan.split(walk.moving)
            more = [g for g, m in zip(of_around, moving_around, strict=True) if m]
            self.sums = [_stackable(summands(g), mode.graph) for g in more]
            wanted = [t for t, m in zip(scan.split(pullback.inputs)[2], moving_around) if m]
            sums = stand_ins(mode, [t for t, s in zip(wanted, self.sums) if s is None])
            added = [g for g, s in zip(more, self.sums, strict=True) if s is None]
            totals = [add(s, g) for s, g in zip(sums, added, strict=True)]
        of_rows = [g for g, m in zip(of_rows, moving_rows, strict=True) if m]
        stacks = [*kept, *lines, *ends[count:], *of_rows]
        places = {t._value: i for i, t in enumerate(stacks) if isinstance(t, SymbolicTensor)}
        needs = {v: None for s in self.sums if s is not None for part in s for v in part.needs}
        self.known = {v: places[v] for v in needs if v in places}
        self.factors = [v for v in needs if v not in places]
        first = [g for g, m in zip(before, active, strict=True) if m]
        self.rows = len(of_rows)
        carried = [*ends[:count], *sums]
        outputs = [*first, *totals, *of_rows, *[SymbolicTensor(v) for v in self.factors]]
        made = derived(
            step, mode, [*carried, *kept, *lines, *ends[count:], *beside], outputs, "backward"
        )
        number = len(kept) + len(lines) + len(cts) - count
        self.scan = scan.like(made, len(carried), number, not scan.reverse)

    def run(self, of_state: Sequence[Any], rows: Sequence[Any], around: Sequence[Any]) -> Any:
        """The cotangents of the active state, of the wanted rows, and of what comes from around.

        Args:
            of_state: the cotangents of the active state at the end.
            rows: kept values, rows, and cotangents of the results.
        """
        taken = self.scan.step.inputs[len(of_state) : self.scan.carried]
        carried = [zeros(v.shape, v.dtype) for v in taken]
        found = run_scan(self.scan, [*of_state, *carried, *rows, *around])
        before = found[: len(of_state)]
        totals = iter(found[len(of_state) : self.scan.carried])
        of_rows = found[self.scan.carried : self.scan.carried + self.rows]
        factors = dict(zip(self.factors, found[self.scan.carried + self.rows :], strict=True))
        known = [*rows, *of_rows]
        stacked = lambda v: known[self.known[v]] if v in self.known else factors[v]
        of_around = [next(totals) if s is None else total(s, stacked) for s in self.sums]
        return before, of_rows, of_around


def _own_sizes(sizes: list[Any], graph: Any) -> bool:
    """Whether sizes may differ from step to step, because values in the step tell them."""
    host = [op for op in graph.operations if op.host]
    return bool(unknowns(sizes) & unknowns([v.shape for op in host for v in op.values]))


def _stackable(parts: list[Any] | None, graph: Any) -> list[Any] | None:
    """The parts of a cotangent where what they are made of has one shape in all steps, or None."""
    factors = [v.shape for part in parts or () for v in part.needs]
    return None if _own_sizes(factors, graph) else parts


def walk_of(scan: Scan, wanted: Mask) -> ScanWalk:
    """What a scan keeps for its derivative, found once."""
    key = "walk", wanted
    if key not in scan.derived:
        scan.derived[key] = ScanWalk(scan, wanted)
    return scan.derived[key]


def _pull(ct: Any, inputs: Any, out: Any, scan: Scan, walk: Any, wanted: Mask) -> list[Any]:
    """The cotangents of a scan's inputs."""
    able = tuple([w and differentiable(t._dtype) for w, t in zip(wanted, inputs, strict=True)])
    count = len(walk.scan.step.outputs) if walk is not None else -1
    stale = any([c is not None for c in ct[count:]])
    if walk is None or stale or walk.moving != lasting(walk.scan, able):
        walk = walk_of(scan, able)
        count = len(scan.step.outputs)
        out = apply(_scan, tuple(inputs), {"scan": walk.forward, "walk": None})
    return _walked_back(walk, ct[:count], inputs, out[count:], able)


def _walked_back(walk: ScanWalk, ct: Any, inputs: Any, kept: Any, able: Mask) -> list[Any]:
    scan = walk.scan
    _, rows, around = scan.split(inputs)
    of_state = [
        zeros(x._shape, x._dtype) if c is None else c
        for c, x, a in zip(ct, inputs, walk.active, strict=False)
        if a
    ]
    results = tuple([c is not None for c in ct[scan.carried :]])
    ends = [c for c in ct[scan.carried :] if c is not None]
    before, of_rows, of_around = map(
        iter, walk.backward(results).run(of_state, [*kept, *rows, *ends], around)
    )
    _, move_rows, move_around = scan.split(walk.moving)
    given = [next(before) if a else None for a in walk.active]
    given += [next(of_rows) if m else None for m in move_rows]
    given += [next(of_around) if m else None for m in move_around]
    return [g if w else None for g, w in zip(given, able, strict=True)]


# batches


def _batch(mask: Mask, *tensors: Any, scan: Scan, walk: Any) -> Any:
    """The scan for all examples at once, the batch axis behind the axis of the steps."""
    size = size_of(mask, tensors)
    carried = lasting_width(scan.step, scan.carried, mask, size)
    inside = (*carried, *mask[scan.carried :])
    results = widened(scan.step, inside, size)[scan.carried :]
    key = "batched", inside, size
    if key not in scan.derived:
        step = batched(scan.step, inside, size, (*carried, *results))
        scan.derived[key] = scan.like(step, scan.carried, scan.rows)
    state, rows, around = scan.split(tensors)
    state = [
        t if b or not c else repeated(t, size)
        for t, b, c in zip(state, mask, carried, strict=False)
    ]
    rows = [_swapped(t) if b else t for t, b in zip(rows, scan.split(mask)[1], strict=True)]
    found = run_scan(scan.derived[key], [*state, *rows, *around])
    last = [t if c else Shared(t) for t, c in zip(found, carried, strict=False)]
    stacked = [
        _swapped(t) if b else Shared(t) for t, b in zip(found[scan.carried :], results, strict=True)
    ]
    return (*last, *stacked)


def _swapped(tensor: Any) -> Any:
    return transpose(tensor, (1, 0, *range(2, len(tensor._shape))))


_scan = primitive(
    "scan",
    _kernel,
    joint_vjp=_pull,
    joint_jvp=_push,
    batch=_batch,
    shape=_specs,
    several=True,
    gaps=True,
    fallible=True,
    family="loop",
)
