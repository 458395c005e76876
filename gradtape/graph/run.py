"""Who runs a program: NumPy, kernel by kernel, or XLA as one piece of machine code.

A call of compiled code costs some microseconds before it starts, and compiling costs tenths of a
second. So a program whose operations are few and small is run on NumPy (`small`); everything else
is compiled where JAX is installed. The choice depends on the program alone, so that a function
gives the same digits at every call."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from math import prod
from typing import Any

from gradtape.autodiff.finite_watch import checking
from gradtape.core.aligned import LARGE
from gradtape.core.deferred import DeferredTensor
from gradtape.core.dispatch import FAILURES, explained
from gradtape.core.errors import OF_USER
from gradtape.core.placement import placement
from gradtape.core.sizes import value_of
from gradtape.core.state import lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.backend import host_call, xla
from gradtape.graph.devices import placed
from gradtape.graph.few import planned, work
from gradtape.graph.finite import looked_at
from gradtape.graph.lines import as_function, place_of
from gradtape.graph.program import Program

AUTOMATIC, ALWAYS, NEVER = None, True, False
PATIENCE = 8  # calls on NumPy before a program is planned, which takes as long as some hundred
NOTHING: Any = (None, None)


class Runner:
    """A program with the function that runs it.

    Args:
        program: what to run.
        compile: ALWAYS, NEVER, or AUTOMATIC: as it is measured to be faster.
        donated: the numbers of the inputs whose memory the outputs may take over when nobody else
            holds them.
    """

    def __init__(
        self, program: Program, compile: bool | None = AUTOMATIC, donated: Sequence[int] = ()
    ) -> None:
        self.program = program
        self.compile = compile
        self.donated = tuple(donated)
        self._numpy: Any = None
        self._few: Any = None  # the same as steps of the extension, from some calls on
        self._calls = 0
        self._spare: Any = None  # on NumPy too, while the device is not to be had
        self._xla: Any = None
        self._launch: Any = None  # calls what XLA made for the program's own shapes
        self._code: Any = None  # what that calls, where nothing is donated
        self._wide: Any = None
        # what a buffer says of itself takes it a while to find out
        self._specs = None if program.open else [(v.shape, v.dtype) for v in program.outputs]
        self.hand = [NOTHING] * len(program.inputs)
        self._failures: list[Exception] = []
        self._lock = threading.Lock()
        self._sparing: Runner | None = None
        self.name = "graph"
        self.results: int | None = None  # how many outputs are results, None for all
        self._small: dict[Any, bool] = {}  # by the shapes of inputs, where sizes are open

    @property
    def compiles(self) -> bool:
        """Whether XLA runs it."""
        return self._chosen() is not None

    def _chosen(self) -> Any:
        if self.compile is NEVER or self.program.host:
            return None
        if self.compile is AUTOMATIC and not self.program.open and small(self.program, {}):
            return None
        return xla()

    def __call__(self, tensors: Sequence[Any], look: bool = True) -> list[Any]:
        """The outputs for these inputs, as tensors.

        Args:
            look: whether they are looked at while `debug_nans` is on.
        """
        if look and lookouts and checking():
            return looked_at(self, tensors)
        if self._launch is not None:
            return self._launch(tensors)
        if self._xla is not None:
            if self._numpy is not None and self._small_now(tensors):
                return self._on_host(tensors, self._numpy)
            return self._on_device(tensors, self._in_context)
        if self._numpy is not None:
            return self._on_host(tensors, self._numpy)
        module = self._chosen()
        if module is None or (self.program.open and self.compile is AUTOMATIC):
            self._numpy = self._lines()
        if module is not None:
            self._wide, self._copy, self._finish = module.wide, module.copy, module.finish
            self._move = module.on_device
            xla = module.compiled(self.program, self.donated, self._failures)
            if not (self.program.effect or self.program.open):
                self._launch = self._launcher(module, xla)
            self._xla = xla
        return self(tensors, False)

    @property
    def compiled(self) -> bool:
        """Whether XLA has compiled it."""
        return self._xla is not None

    @property
    def at_once(self) -> Any:
        """What a call may run with the arrays of its tensors and nothing else to mind, None where
        there is no such thing. It is known when the program has run."""
        if self._launch is not None:
            return self._code
        return self._numpy if self._xla is None and callable(self._numpy) else None

    @property
    def few(self) -> Any:
        """What runs it on NumPy as steps of the extension, None where there is no such thing."""
        if self._xla is None and callable(self._numpy) and not lookouts:
            self._few = planned(self.program)
        return self._few

    @property
    def sparing(self) -> Runner:
        """A runner that leaves the memory of all inputs alone, to look at them afterwards."""
        if not self.donated:
            return self
        if self._sparing is None:
            self._sparing = Runner(self.program, self.compile)
            self._sparing.name, self._sparing.results = self.name, self.results
        return self._sparing

    def _launcher(self, module: Any, xla: Any) -> Any:
        """`_on_device` with the machine code for the program's own shapes, where there is one: with
        everything at hand, as this is most of what a small program takes."""
        try:
            code = module.fixed(xla, self.program)
        except FAILURES as error:
            raise located_failure(error) from error
        if code is None or self.donated:
            return code and (lambda tensors: self._on_device(tensors, code))
        self._code = code
        specs, all_held, on_hand = self._specs or [], self.hand, self.on_hand

        def launch(tensors: Sequence[Any]) -> list[Any]:
            if host_call.running or placement.device is not None:
                return self._on_device(tensors, code)
            arrays: list[Any] = []
            for tensor, (held, moved) in zip(tensors, all_held):
                if type(tensor) is DeferredTensor:
                    arrays.append(tensor.buffer)
                elif moved is not None and held is tensor._array:
                    arrays.append(moved)
                else:
                    arrays.append(on_hand(len(arrays), tensor._array))
            try:
                found = code(*arrays)
            except FAILURES as error:
                raise located_failure(error) from error
            return [DeferredTensor(b, s, d) for b, (s, d) in zip(found, specs)]

        return launch

    def _in_context(self, *arrays: Any) -> Any:
        """Run on whatever device the arrays are on, compiled for it where that is new."""
        with self._wide():
            return self._in_turn(arrays) if self.program.effect else self._xla(*arrays)

    def _lines(self) -> Any:
        return as_function(self.program, eager=True) if not self.program.open else {}

    def _small_now(self, tensors: Sequence[Any]) -> bool:
        """Whether a program with open sizes is small for the sizes of a call."""
        shapes = tuple([t._shape for t in tensors])
        found = self._small.get(shapes)
        if found is None:
            found = self._small[shapes] = small(self.program, self.program.sizes(shapes))
        return found

    def _on_host(self, tensors: Sequence[Any], run: Any) -> list[Any]:
        arrays = [t._array for t in tensors]
        if self._few is not None:
            found = self._few(*arrays)
            if found is not None:
                return [Tensor(a) for a in found]
        elif self._calls < PATIENCE and run is self._numpy:
            self._calls += 1
            if self._calls == PATIENCE:
                self._few = self.few
        if type(run) is dict:
            key = tuple([a.shape for a in arrays])
            found = run.get(key)
            if found is None:
                sizes = self.program.sizes(key)
                found = run[key] = as_function(self.program, sizes, eager=True)
            run = found
        token = silence()
        try:
            found = run(xp, *arrays)
        except FAILURES as error:
            raise located_failure(error) from error
        finally:
            restore(token)
        return [Tensor(a) for a in found]

    def _on_device(self, tensors: Sequence[Any], run: Any) -> list[Any]:
        if host_call.running:  # the device waits for the function that calls this
            if self._spare is None:
                self._spare = self._lines()
            return self._on_host(tensors, self._spare)
        arrays = [
            t.buffer if type(t) is DeferredTensor else self.on_hand(i, t._array)
            for i, t in enumerate(tensors)
        ]
        for i in self.donated:
            if type(tensors[i]) is DeferredTensor and _references(tensors, arrays, i) != ALONE:
                arrays[i] = self._copy(arrays[i])
        if placement.device is not None:
            arrays = self._placed(arrays)
        try:
            found = run(*arrays)
        except FAILURES as error:  # while it is compiled
            raise located_failure(error) from error
        if self._specs is None:
            return [DeferredTensor(b, b.shape, b.dtype) for b in found]
        return [DeferredTensor(b, s, d) for b, (s, d) in zip(found, self._specs)]

    def on_hand(self, i: int, array: Any) -> Any:
        """A small array of the host as an input, moved to the device when it comes again: XLA takes
        2 us for each one to move it."""
        held, moved = self.hand[i]
        if held is not array:
            self.hand[i] = (array, None) if array.nbytes < LARGE else NOTHING
            return array
        if moved is None and i not in self.donated:
            with self._wide():
                moved = self._move(None, [array])[0]
            self.hand[i] = array, moved
        return array if moved is None else moved

    def _placed(self, arrays: list[Any]) -> list[Any]:
        """The arrays on the device that the block around names."""
        target = placed()
        if target is None:
            return arrays
        with self._wide():
            return self._move(target, arrays)

    def _in_turn(self, arrays: tuple[Any, ...]) -> Any:
        """Run a program that calls Python functions; one at a time, so that their exceptions are
        known as those of this run."""
        with self._lock:
            found = self._xla(*arrays)
            self._finish(found)
            failures, self._failures[:] = list(self._failures), []
        if failures:
            raise failures[0]
        return found


def _references(tensors: Any, arrays: Any, i: int) -> tuple[int, int, bool]:
    """How many hold a tensor and its buffer, and whether the host looked at it."""
    host = tensors[i]._host
    return sys.getrefcount(tensors[i]), sys.getrefcount(arrays[i]), host is not None


def _alone() -> tuple[int, int, bool]:
    """What `_references` finds where only a variable and the call that runs hold a tensor; counts
    say nothing without the GIL."""
    if not hasattr(sys, "getrefcount") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (-1, -1, True)
    variable = DeferredTensor(object(), (), None)
    return _references([variable], [variable.buffer], 0)


ALONE = _alone()


def small(program: Program, known: dict[Any, int]) -> bool:
    """Whether NumPy runs a program faster than a call of compiled code takes.

    Args:
        known: the sizes that are open in the program.
    """
    lines = numbers = arithmetic = 0.0
    most = IN_PLACE
    for op in program.steps:
        family = op.primitive.family
        if family == "loop":
            return False
        elements = sum([prod([value_of(n, known) for n in v.shape]) for v in op.values])
        lines += 1.0
        numbers += elements / ELEMENTS
        if family in PRODUCTS:
            most = WITH_PRODUCTS
        elif family in ARITHMETIC:
            arithmetic += elements
        if numbers > WITH_PRODUCTS or lines > MOST_STEPS:
            return False
    if most < WITH_PRODUCTS and arithmetic >= 1000:
        most = HANDED_OVER
    return lines + numbers <= most or (numbers <= most and work(program) <= most)


# What a call of compiled code takes, in operations of NumPy on few numbers (0.3 us) or on so many
# elements: XLA runs less than 1000 floating-point operations in the calling thread, more of them in
# another, and products call a library. Compiling takes a tenth of a second and more, so that NumPy
# keeps what is as fast either way.
ELEMENTS = 1000
IN_PLACE, HANDED_OVER, WITH_PRODUCTS = 16.0, 40.0, 50.0
MOST_STEPS = 200  # of a program that may be planned
ARITHMETIC = frozenset({"elementwise", "stepwise", "activation"})
PRODUCTS = frozenset({"bilinear", "linear", "linalg"})


def located_failure(error: Exception) -> Exception:
    """The error of a kernel with the operation and the line of the program that made it."""
    place = place_of(error)
    if place is None or hasattr(error, OF_USER):
        return error
    op, arrays = place
    said = explained(error, op.primitive.name, [Tensor(a) for a in arrays], op.params)
    if op.where is None:
        return said
    return type(said)(f"{said} (at {op.where[0]}:{op.where[1]})")
