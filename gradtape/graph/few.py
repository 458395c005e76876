"""A small program as steps of the extension: `planned`.

NumPy takes 0.3 us for an operation on few numbers, and most of that is Python and the way into
NumPy; the extension's `Program` runs the inner loops of NumPy's functions one after the other. So
a program on few numbers is written down for it, once, by running the kernels on stand-ins:

- a kernel that calls functions of NumPy (`xp.sin(x) * y`) is run on `Sketch`es, which write down
  those calls;
- a kernel that only moves numbers (slices, transposes, a gather at constant places) is run on the
  numbers' own places. What comes out says for each number of the result where it is found, so that
  it costs nothing until somebody needs it, and then one copy, however many such operations follow
  each other;
- any other kernel is called with arrays, as Python does.

Where a number is found is its *address*: (slot + 1) * APART + place in the slot; 0 stands for
zero."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import pairwise
from math import inf, prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradtape.core.quick import quick
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.program import Program

MOST = 4096  # elements: as the extension's
APART = 2 * MOST  # the addresses of two slots never follow each other
LETTERS = {np.dtype("f4"): "f", np.dtype("f8"): "d", np.dtype("?"): "?"}
SLOTS, OPERANDS = 512, 16  # likewise
BARE = 2  # said of a call: without a namespace
KEY, NUMBER = "few", "number of few"  # of the results among the functions of a program
# measured: a step 25 to 35 ns, a matrix product 750 ns, so many elements 70 to 600 ns
STEP, KERNEL, ELEMENTS = 0.1, 2.5, 1000
MOVES = frozenset({"structural", "indexing", "linear"})


def planned(program: Program) -> Any:
    """A program as a function of arrays that returns a tuple, or None where Python has to run it;
    None where that gains nothing. It is made once."""
    functions = program.functions
    if KEY not in functions:
        functions[KEY] = _made(program)
    return functions[KEY][0]


def work(program: Program) -> float:
    """What it takes, in operations of NumPy called from Python on few numbers (0.3 us)."""
    return inf if planned(program) is None else program.functions[KEY][1]


def number(program: Program) -> tuple[int, int]:
    """128 bits that tell the plan of a program that calls no kernels from all others."""
    if NUMBER not in program.functions:
        program.functions[NUMBER] = _number(program)
    return program.functions[NUMBER]


def _number(program: Program) -> tuple[int, int]:
    slots, steps, results = program.functions[KEY][2]
    values = [
        (place, letter, shape, [np.asarray(v).tobytes() for v in value])
        for place, letter, shape, *value in slots
    ]
    named = [(*step[:3], step[3] and step[3].__name__, *step[4:]) for step in steps]
    digest = sha256(repr((values, named, results)).encode()).digest()
    return struct.unpack("qq", digest[:16])


def _made(program: Program) -> tuple[Any, float, Any]:
    if quick is None or program.open or program.host or program.effect:
        return None, inf, None
    plan = _Plan()
    token = silence()
    try:
        plan.write(program)
        results = plan.results(program)
        if len(plan.slots) <= SLOTS and any([step[0] != "call" for step in plan.steps]):
            run = quick.Program(plan.slots, plan.steps, results)
            parts = plan.slots, plan.steps, results
            return (run if plan.alone() else _silenced(run)), plan.work(), parts
    except Unfit:
        pass
    finally:
        restore(token)
    return None, inf, None


def _silenced(run: Callable[..., Any]) -> Callable[..., Any]:
    def silent(*arrays: Any) -> Any:
        token = silence()
        try:
            return run(*arrays)
        finally:
            restore(token)

    return silent


class Unfit(Exception):
    """A kernel or a program does what cannot be written down so."""


class Sketch(NDArrayOperatorsMixin):
    """An array of numbers in a kernel that is being written down: where each number is found.

    NumPy's functions and Python's operators become steps of the plan."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, plan: _Plan, addresses: Any, letter: str) -> None:
        self.plan = plan
        self.addresses = addresses
        self.letter = letter

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.addresses.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self.addresses.ndim

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.addresses.size

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return np.dtype(self.letter)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *operands: Any, out: Any = None, **keywords: Any
    ) -> Sketch:
        if method == "__call__" and not keywords:
            found = self.plan.loop(quick.Quick(ufunc), *operands)
        elif method == "reduce" and len(operands) == 1:
            found = self.plan.reduction(quick.Quick(ufunc), *operands, **keywords)
        else:
            raise Unfit(f"a kernel calls {ufunc} in another way")
        if out is None:
            return found
        (into,) = out
        if not isinstance(into, Sketch) or (into.shape, into.letter) != (found.shape, found.letter):
            raise Unfit("a result of another kind")
        self.plan.change(into, found)
        return into

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Sketch:
        if function is np.where and not keywords:
            return self.plan.choice(*args)
        raise Unfit(f"a kernel calls {function}")

    def _refuse(self, *arguments: Any, **keywords: Any) -> Any:
        raise Unfit("a kernel asks for a value")

    __array__ = __bool__ = __iter__ = __len__ = _refuse

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, Sketch) and other.ndim == self.ndim > 0:
            return super().__pow__(other)
        raise Unfit("Python's power of an array is not np.power for some numbers")


class _Plan:
    """The slots and steps as far as they are written, and what stands for each value."""

    def __init__(self) -> None:
        self.slots: list[Any] = []  # (place, letter, shape) and a constant's value
        self.steps: list[Any] = []  # (kind, results, operands, function, more, guard)
        # NumPy's functions find the sketches themselves
        self.space = SimpleNamespace(**{**vars(xp), "zero_wins": self.guarded})
        # what the kernels of two primitives call with matrices of floats
        self.direct = {"matmul": quick.product, "relu_pull": quick.relu_pull}
        self.numbers: dict[Any, Any] = {}  # constants that kernels spell out
        self.changes: list[tuple[Sketch, Any]] = []  # and what they stood for
        self.zeros: list[int] = []  # addresses of zeros in constants
        self.found: dict[Any, Any] = {}  # a Sketch, or the number of a slot that holds any object

    # slots

    def slot(self, place: str, letter: str | None, shape: Any, *value: Any) -> int:
        """The number of a new slot."""
        self.slots.append((place, letter, tuple(shape), *value))
        return len(self.slots) - 1

    def sketch(self, number: int) -> Sketch:
        """The numbers of a slot."""
        _, letter, shape, *_ = self.slots[number]
        first = (number + 1) * APART
        return Sketch(self, np.arange(first, first + prod(shape)).reshape(shape), letter)

    def held(self, place: str, shape: Any, dtype: Any, *value: Any) -> Any:
        """What stands for an array that comes from elsewhere."""
        letter = LETTERS.get(dtype)
        if letter is None or not 1 <= prod(shape) <= MOST or len(shape) > 16:
            return self.slot(place, None, (), *value)
        return self.sketch(self.slot(place, letter, shape, *value))

    def constant(self, value: Any) -> Any:
        """What stands for an array of the program's constants."""
        value = np.asarray(value)
        stored = np.ascontiguousarray(value) if value.ndim else value[()]
        found = self.held("constant", value.shape, value.dtype, stored)
        if isinstance(found, Sketch):
            self.zeros += found.addresses[(value == 0) & ~np.signbit(value)].tolist()
        return found

    # the numbers of a sketch where a step can take them

    def row(self, sketch: Sketch) -> int:
        """A slot whose memory holds the numbers in order."""
        addresses = sketch.addresses.ravel()
        number, offset = divmod(int(addresses[0]) - APART, APART)
        if addresses[0] and (np.diff(addresses) == 1).all():
            if len(addresses) == prod(self.slots[number][2]):
                return number
            made = self.slot("alias", sketch.letter, sketch.shape)
            self.steps.append(("point", (made,), (number,), None, offset, 0))
            self.change(sketch, self.sketch(made))
            return made
        return self.moved("room", sketch)

    def change(self, sketch: Sketch, now: Sketch) -> None:
        """Let a sketch stand for what another one stands for, until its kernel is given up."""
        self.changes.append((sketch, sketch.addresses))
        sketch.addresses = now.addresses

    def moved(self, place: str, sketch: Sketch) -> int:
        """A new slot with a copy of the numbers."""
        addresses = sketch.addresses.ravel()
        number = self.slot(place, sketch.letter, sketch.shape)
        starts = [0, *(np.flatnonzero(np.diff(addresses) != 1) + 1).tolist(), len(addresses)]
        runs = []
        for start, stop in pairwise(starts):
            if addresses[start]:
                source, first = divmod(int(addresses[start]) - APART, APART)
                runs.append((source, first, start, stop - start))
        self.steps.append(("move", (number,), (), None, runs, 0))
        self.change(sketch, self.sketch(number))
        return number

    def array(self, sketch: Sketch) -> int:
        """A slot that holds the numbers as an array, or as one number."""
        number = self.row(sketch)
        place, letter, shape, *value = self.slots[number]
        if place == "room" and sketch.shape and shape == sketch.shape:
            self.slots[number] = ("fresh", letter, shape, *value)
        elif shape != sketch.shape or (place == "alias" and shape):
            return self.moved("fresh" if sketch.shape else "room", sketch)
        return number

    # steps

    def operands(self, given: Sequence[Any], letter: str) -> list[Sketch]:
        """The operands of a step, each of one type."""
        found = []
        for value in given:
            if type(value) in (int, float):
                key = letter, float(value), value == 0 and str(value)  # 0.0 and -0.0 are equal
                if key not in self.numbers:
                    self.numbers[key] = self.constant(np.dtype(letter).type(value))
                value = self.numbers[key]
            if isinstance(value, (np.ndarray, np.generic)):
                value = self.constant(value)
            if not isinstance(value, Sketch) or value.letter != letter:
                raise Unfit("an operand of another type")
            found.append(value)
        return found

    def spread(self, sketches: list[Sketch], several: bool) -> tuple[list[int], Any]:
        """Slots for operands that broadcast against each other, and the shape of the result.

        Args:
            several: whether one of them may be short, and is then taken again and again.
        """
        shape = np.broadcast_shapes(*[s.shape for s in sketches])
        short = [1 != s.size < prod(shape) for s in sketches]
        numbers = []
        for sketch, is_short in zip(sketches, short, strict=True):
            own = sketch.shape
            while own[:1] == (1,):
                own = own[1:]
            fits = several and sum(short) == 1 and own == shape[len(shape) - len(own) :]
            if is_short and not fits:
                wide = np.broadcast_to(sketch.addresses, shape)
                sketch = Sketch(self, wide, sketch.letter)
            numbers.append(self.row(sketch))
        return numbers, shape

    def loop(self, function: Any, *given: Any) -> Sketch:
        """The step of a function of NumPy."""
        letters = {s.letter for s in given if isinstance(s, Sketch)}
        if len(letters) != 1 or len(given) != function.nin:
            raise Unfit("operands of several types")
        (letter,) = letters
        taken = letter * function.nin + "->"
        after = [t[len(taken) :] for t in function.types if t.startswith(taken)]
        if letter == "?" or function.signature or not after:
            raise Unfit("a function of other types")
        numbers, shape = self.spread(self.operands(given, letter), True)
        return self.made("loop", numbers, function, None, after[0], shape)

    def made(
        self, kind: str, numbers: Sequence[int], function: Any, more: Any, letter: str, shape: Any
    ) -> Sketch:
        """The result of a step."""
        if letter not in "fd?" or not 1 <= prod(shape) <= MOST:
            raise Unfit("a result of another kind")
        number = self.slot("room", letter, shape)
        self.steps.append((kind, (number,), tuple(numbers), function, more, 0))
        return self.sketch(number)

    def choice(self, condition: Any, x: Any, y: Any) -> Sketch:
        """The step of `where`."""
        letters = {s.letter for s in (x, y) if isinstance(s, Sketch)}
        if len(letters) != 1 or not isinstance(condition, Sketch) or condition.letter != "?":
            raise Unfit("a choice of other types")
        (letter,) = letters
        numbers, shape = self.spread([condition, *self.operands([x, y], letter)], False)
        return self.made("select", numbers, None, None, letter, shape)

    def reduction(
        self,
        function: Any,
        x: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
    ) -> Sketch:
        """The step of a reduction over the first axes or the last ones; arguments as a ufunc's."""
        if not isinstance(x, Sketch) or x.letter == "?" or not x.shape or out is not None:
            raise Unfit("a reduction of something else")
        if dtype is not None and dtype != x.dtype:
            raise Unfit("a reduction in another dtype")
        rank = x.ndim
        axes = range(rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        gone = sorted({a % rank for a in axes})
        if not gone or gone != list(range(gone[0], gone[-1] + 1)):
            raise Unfit("a reduction of axes that lie apart")
        first, last = gone[0], gone[-1] + 1
        if first and last < rank:
            raise Unfit("a reduction of axes in between")
        number = self.array(x)  # with its axes
        shape = [1 if i in gone else n for i, n in enumerate(x.shape) if keepdims or i not in gone]
        return self.made("reduce", [number], function, (first, last), x.letter, shape)

    def guarded(self, product: Any, *factors: Any) -> Sketch:
        """A product that an exact zero stops: where its step gives nan, it looks at the factors."""
        if not all([isinstance(s, Sketch) for s in (product, *factors)]) or not self.steps:
            raise Unfit("a product of something else")
        kind, results, operands, function, more, _ = self.steps[-1]
        first = [(number + 1) * APART for number in (*results, *operands)]
        if kind != "loop" or first[0] != product.addresses.flat[0]:
            raise Unfit("a product that is no step")
        places = [first.index(f.addresses.flat[0]) for f in factors]  # an error where it is none
        guard = sum({1 << (place - 1) for place in places})
        self.steps[-1] = kind, results, operands, function, more, guard
        return product

    # the program

    def alone(self) -> bool:
        """Whether it calls no kernels."""
        return all([step[0] != "call" for step in self.steps])

    def work(self) -> float:
        """What it takes to run, as `work` counts."""
        return sum(
            [
                KERNEL if kind == "call" else STEP + prod(self.slots[made[0]][2]) / ELEMENTS
                for kind, made, *_ in self.steps
            ]
        )

    def write(self, program: Program) -> None:
        """All slots and steps of a program."""
        for value in program.inputs:
            self.found[value] = self.held("given", value.shape, value.dtype)
        for value, array in program.constants.items():
            if value not in self.found:
                self.found[value] = self.constant(array)
        for op in program.steps:
            found = self.operation(op, program)
            self.found.update(zip(op.values, found, strict=True))

    def results(self, program: Program) -> tuple[int, ...]:
        """The slots of the results."""
        found = [self.found[program.now(v)] for v in program.outputs]
        return tuple([self.array(f) if isinstance(f, Sketch) else f for f in found])

    def operation(self, op: Any, program: Program) -> Sequence[Any]:
        """What stands for the results of an operation."""
        if op.effect or op.host:
            raise Unfit("an effect")
        given = [self.found[v] for v in program.takes(op)]
        for way in (self.written, self.rearranged):
            slots, steps, zeros = len(self.slots), len(self.steps), len(self.zeros)
            numbers, self.changes = dict(self.numbers), []
            try:
                return way(op, given)
            except Exception:  # whatever a kernel says to a stand-in
                del self.slots[slots:], self.steps[steps:], self.zeros[zeros:]
                self.numbers = numbers
                for sketch, addresses in reversed(self.changes):
                    sketch.addresses = addresses
        return self.called(op, given)

    def written(self, op: Any, given: list[Any]) -> Sequence[Any]:
        """A kernel as steps."""
        if not all([isinstance(g, Sketch) for g in given]):
            raise Unfit("an operand of another kind")
        found = op.primitive.kernel(self.space, *given, **op.params)
        found = found if op.primitive.several else (found,)
        for sketch, value in zip(found, op.values, strict=True):
            if not isinstance(sketch, Sketch) or sketch.shape != tuple(value.shape):
                raise Unfit("a result of another kind")
            if sketch.letter != LETTERS.get(value.dtype):
                raise Unfit("a result of another type")
        return found

    def rearranged(self, op: Any, given: list[Any]) -> Sequence[Any]:
        """A kernel that moves numbers, by what it does to their addresses, and to other numbers in
        their place: where it computes, these do not come out where the addresses do."""
        letters = {g.letter for g in given if isinstance(g, Sketch)}
        if op.primitive.family not in MOVES or len(letters) != 1:
            raise Unfit("a kernel that does not move numbers")
        rows = [g.addresses.ravel() for g in given if isinstance(g, Sketch)]
        known = np.unique(np.concatenate([[0], *rows]))  # in order, and zero stays zero
        others = np.random.default_rng(0).choice(1 << 22, len(known), replace=False) + 1
        others[0] = 0
        namings = known, np.append(0, known[:0:-1]), others
        runs = [self.tried(op, given, known, names) for names in namings]
        sketches = []
        for value, *found in zip(op.values, *runs, strict=True):
            places = np.searchsorted(known, found[0]).clip(max=len(known) - 1)
            if places.shape != tuple(value.shape) or {LETTERS.get(value.dtype)} != letters:
                raise Unfit("a result of another kind")
            if not all([(n[places] == f).all() for n, f in zip(namings, found, strict=True)]):
                raise Unfit("a kernel that computes")
            if not 1 <= places.size <= MOST:
                raise Unfit("a result of another size")
            addresses = np.asarray(known[places])
            addresses[np.isin(addresses, self.zeros)] = 0
            sketches.append(Sketch(self, addresses, *letters))
        return sketches

    def tried(self, op: Any, given: list[Any], known: Any, names: Any) -> Sequence[Any]:
        """What a kernel makes of names in the place of addresses."""
        operands = []
        for operand in given:
            if isinstance(operand, Sketch):
                operands.append(names[np.searchsorted(known, operand.addresses)].astype(float))
            else:
                place, _, _, *value = self.slots[operand]
                if place != "constant":
                    raise Unfit("places that are not known")
                operands.append(value[0])
        found = op.primitive.kernel(xp, *operands, **op.params)
        return found if op.primitive.several else (found,)

    def called(self, op: Any, given: list[Any]) -> Sequence[Any]:
        """A kernel as it is."""
        if max(len(given), len(op.values)) > OPERANDS:
            raise Unfit("a kernel of too many arrays")
        operands = tuple([self.array(g) if isinstance(g, Sketch) else g for g in given])
        found = [self.held("object", v.shape, v.dtype) for v in op.values]
        numbers = tuple(
            [int(f.addresses.flat[0]) // APART - 1 if isinstance(f, Sketch) else f for f in found]
        )
        kernel, how = op.primitive.kernel, int(op.primitive.several)
        plain = [g.letter for g in given if isinstance(g, Sketch) and g.ndim == 2]
        if op.primitive.name in self.direct and plain in (["f", "f"], ["d", "d"]):
            kernel, how = self.direct[op.primitive.name], BARE
        self.steps.append(("call", numbers, operands, kernel, op.params or None, how))
        return found
