"""A call of a recorded function as straight-line Python.

`Function.__call__` can take anything, and its parts are general: together they cost as much as XLA
takes to start a program, and more than a small program runs for. So the calls that a function gets
most (plain tensors, in lists and tuples, to a trace that takes nothing from around it) are written
out for their signature, checks and all. For f([x]) on XLA:

    def call(args):
        if detours or here.tapes or here.special or len(args) != 1: return OTHER
        a0, = args
        if type(a0) is not list or len(a0) != 1: return OTHER
        a1, = a0
        if type(a1) is DeferredTensor: ...
        r0, = run(z0)
        called(False)
        ...
        return [y0]

It returns `OTHER` for a call that is not of this kind. (A compiled x + 1 takes 3.6 us more than XLA
in general, and 1.4 so.)"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.deferred import DeferredTensor
from gradtape.core.dispatch import FAILURES
from gradtape.core.placement import detours
from gradtape.core.quick import quick
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.concrete import ConcreteFunction
from gradtape.graph.run import located_failure

Straight = Callable[[Sequence[Any]], Any]
OTHER: Any = object()


def no_way(args: Sequence[Any]) -> Any:
    """The straight way of a function that has none yet."""
    return OTHER


def straight_call(
    args: Sequence[Any], concrete: ConcreteFunction, called: Callable[[bool], Any]
) -> Straight | None:
    """The straight way for calls like one that was made; None where there is none.

    Args:
        args: the arguments: plain tensors, in lists and tuples.
        concrete: their trace, which has run.
        called: is told that no trace was made.
    """
    run = concrete.callee.runner.at_once
    if run is None or not concrete.plain:
        return None
    return _Writer(concrete, called).function(args, run)


class _Writer:
    """The lines as far as they are written, and what the names in them stand for."""

    def __init__(self, concrete: ConcreteFunction, called: Callable[[bool], Any]) -> None:
        runner = concrete.callee.runner
        self.result = concrete.result
        self.outputs = runner.program.outputs
        self.compiled, self.few = runner.compiled, runner.few
        self.scope: dict[str, Any] = {
            "DeferredTensor": DeferredTensor, "FAILURES": FAILURES, "OTHER": OTHER,
            "Tensor": Tensor, "called": called, "detours": detours, "hand": runner.hand,
            "here": here, "located_failure": located_failure, "on_hand": runner.on_hand,
            "pack": self.result.packed, "restore": restore, "silence": silence, "xp": xp,
        }  # fmt: skip
        active = "here.tapes or here.special"
        if quick is not None:  # the same in fewer steps
            active = "not idle()"
            self.scope["idle"] = quick.idle
        self.lines = ["def call(args):", f"if detours or {active}: return OTHER"]
        self.names = 0
        self.arrays: list[str] = []

    def name(self, kind: str) -> str:
        """A name that is not in use."""
        self.names += 1
        return f"{kind}{self.names}"

    def constant(self, value: Any) -> str:
        """A name for a value."""
        name = self.name("c")
        self.scope[name] = value
        return name

    def function(self, args: Sequence[Any], run: Any) -> Straight:
        """All lines, as a function."""
        self.row("args", args)
        self.running(run)
        exec("\n    ".join(self.lines), self.scope)
        return self.scope["call"]

    # arguments

    def row(self, name: str, values: Sequence[Any]) -> None:
        """Check how many there are, and go on with each."""
        self.lines.append(f"if len({name}) != {len(values)}: return OTHER")
        if not values:
            return
        parts = [self.name("a") for _ in values]
        self.lines.append(f"{', '.join(parts)}, = {name}")
        for part, value in zip(parts, values, strict=True):
            if isinstance(value, Tensor):
                (self.buffer if self.compiled else self.array)(part, value)
            else:
                self.lines.append(f"if type({part}) is not {type(value).__name__}: return OTHER")
                self.row(part, value)

    def array(self, part: str, value: Any) -> None:
        """Take the array of a tensor."""
        name, shape, dtype = self.name("z"), value._shape, self.constant(value._dtype)
        self.lines += [
            f"if type({part}) is not Tensor and type({part}) is not DeferredTensor: return OTHER",
            f"{name} = {part}._array",
            f"if {name}.dtype is not {dtype} or {name}.shape != {shape}: return OTHER",
        ]
        self.arrays.append(name)

    def buffer(self, part: str, value: Any) -> None:
        """Take the device's buffer of a tensor, or what there is of a host's array."""
        number, name = len(self.arrays), self.name("z")
        shape, dtype = value._shape, self.constant(value._dtype)
        self.lines += [
            f"if type({part}) is DeferredTensor:",
            f"    if {part}._dtype is not {dtype} or {part}._shape != {shape}: return OTHER",
            f"    {name} = {part}.buffer",
            f"elif type({part}) is Tensor:",
            f"    {name} = {part}._array",
            f"    held, moved = hand[{number}]",
            f"    if {name} is held and moved is not None: {name} = moved",
            f"    elif {name}.dtype is not {dtype} or {name}.shape != {shape}: return OTHER",
            f"    else: {name} = on_hand({number}, {name})",
            "else: return OTHER",
        ]
        self.arrays.append(name)

    # the program and its results

    def running(self, run: Any) -> None:
        """Run the program and return its results."""
        given, runner = ", ".join(self.arrays), self.constant(run)
        found = [self.name("r") for _ in self.outputs]
        left = f"{', '.join(found)}, = " if found else ""
        failing = "except FAILURES as error: raise located_failure(error) from error"
        if self.compiled:
            self.lines += [f"try: {left}{runner}({given})", failing]
        else:
            inset = ""
            if self.few is not None:
                self.lines.append(f"found = {self.constant(self.few)}({given})")
                self.lines.append("if found is None:")
                inset = "    "
            self.lines += [
                f"{inset}token = silence()",
                f"{inset}try: found = {runner}({', '.join(['xp', *self.arrays])})",
                f"{inset}{failing}",
                f"{inset}finally: restore(token)",
            ]
            if left:
                self.lines.append(f"{left}found")
        self.lines.append("called(False)")
        tensors = [self.tensor(*pair) for pair in zip(found, self.outputs, strict=True)]
        if self.result.single:
            self.lines.append(f"return {tensors[0]}")
        elif self.result.row is list:
            self.lines.append(f"return [{', '.join(tensors)}]")
        else:
            self.lines.append(f"return pack([{', '.join(tensors)}])")

    def tensor(self, found: str, value: Any) -> str:
        """What makes a tensor of a result."""
        tensor, deferred = (
            (Tensor, DeferredTensor) if quick is None else (quick.tensor, quick.deferred)
        )
        if not self.compiled:
            return f"{self.constant(tensor)}({found})"
        made = self.constant(deferred)
        return f"{made}({found}, {value.shape}, {self.constant(value.dtype)})"
