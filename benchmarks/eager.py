"""Time small eager gradients, single operations and imports beside the peers and NumPy."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter, mul
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from benchmarks import timing
from benchmarks.contestants import BY_HAND, MODULES, check_agreement, contestants, present
from benchmarks.timing import CONSOLE, Effort, Row
from benchmarks.workloads import Workload, workloads

REFERENCES = (BY_HAND, "gradtape")
IMPORTS = {"NumPy": 7, "gradtape": 7, "TensorFlow": 2, "PyTorch": 2}


@dataclass(frozen=True)
class Operation:
    """One operation on small arrays: NumPy's function and the name in TensorFlow's interface."""

    title: str
    numpy: Callable[..., Any]
    name: str
    arguments: Sequence[Any]
    settings: Sequence[Any] = ()


def operations() -> list[Operation]:
    """The operations whose overhead is measured; settings are arguments that stay Python's."""
    ten = np.linspace(0.5, 1.5, 10, dtype=np.float32)
    row, column = ten.reshape(1, 10), ten.reshape(10, 1)
    number = np.float32(0.7)
    return [
        Operation("sin, scalar", np.sin, "sin", [number]),
        Operation("add, scalars", np.add, "add", [number, number]),
        Operation("sin", np.sin, "sin", [ten]),
        Operation("exp", np.exp, "exp", [ten]),
        Operation("negative", np.negative, "negative", [ten]),
        Operation("add", np.add, "add", [ten, ten]),
        Operation("multiply", np.multiply, "multiply", [ten, ten]),
        Operation("x * y", mul, "", [ten, ten]),
        Operation("divide", np.divide, "divide", [ten, ten]),
        Operation("maximum", np.maximum, "maximum", [ten, ten]),
        Operation("reduce_sum", np.add.reduce, "reduce_sum", [ten]),
        Operation("reshape", np.ndarray.reshape, "reshape", [ten], [(2, 5)]),
        Operation("transpose", np.ndarray.transpose, "transpose", [row]),
        Operation("matmul (1, 10) @ (10, 1)", np.matmul, "matmul", [row, column]),
    ]


def measure_workload(work: Workload, modules: dict[str, ModuleType], effort: Effort) -> list[Row]:
    """Check that all contestants agree on one workload, then time value and derivative."""
    entrants = contestants(work, modules)
    check_agreement({who.name: [who.value(), *who.derivative()] for who in entrants})
    gc.collect()
    gc.freeze()
    rows = []
    calls = {
        "forward": {entrant.name: timing.looped(entrant.value) for entrant in entrants},
        work.derivative: {entrant.name: timing.looped(entrant.derivative) for entrant in entrants},
    }
    for quantity, loops in calls.items():
        measured = timing.measure(loops, effort)
        rows += [Row(work.title, quantity, name, spread) for name, spread in measured.items()]
    CONSOLE.print(timing.table(work.title, rows, REFERENCES))
    return rows


@contextmanager
def open_tape(tf: Any, watched: Sequence[Any]) -> Iterator[None]:
    """An open tape that watches these tensors."""
    with tf.GradientTape() as tape:
        tape.watch(watched)
        yield


def operation_loops(operation: Operation, tapes: dict[str, ModuleType]) -> dict[str, timing.Loop]:
    """Loops over one operation: bare NumPy, then each tape framework without and with a tape."""
    bare = partial(operation.numpy, *operation.arguments, *operation.settings)
    loops = {"NumPy": timing.looped(bare)}
    for name, tf in tapes.items():
        tensors = [tf.constant(array) for array in operation.arguments]
        function = attrgetter(operation.name)(tf) if operation.name else operation.numpy
        call = partial(function, *tensors, *operation.settings)
        loops[name] = timing.looped(call)
        loops[f"{name} + tape"] = timing.looped(call, partial(open_tape, tf, tensors))
    return loops


def measure_overhead(modules: dict[str, ModuleType], effort: Effort) -> list[Row]:
    """Time single operations, and show what each framework adds to the bare NumPy call."""
    tapes = {name: tf for name, tf in modules.items() if hasattr(tf, "GradientTape")}
    shown = Table(title="one operation, median ns", title_justify="left", box=SIMPLE)
    shown.add_column("on 10 float32")
    shown.add_column("NumPy", justify="right")
    for name in tapes:
        shown.add_column(f"{name} adds", justify="right")
        shown.add_column("with a tape", justify="right")
    rows = []
    for operation in operations():
        measured = timing.measure(operation_loops(operation, tapes), effort)
        rows += [Row(operation.title, "one call", *item) for item in measured.items()]
        bare, *others = (1e9 * spread.median for spread in measured.values())
        shown.add_row(operation.title, f"{bare:.0f}", *(f"{other - bare:.0f}" for other in others))
    CONSOLE.print(shown)
    return rows


def import_seconds(module: str, cache: str) -> float:
    """The seconds of one import in a fresh interpreter, without the interpreter's own start.

    Compiled files go to a folder of our own: where writing them is switched off, or a checkout is
    new, the time would be that of compiling the sources."""
    code = f"from time import perf_counter as t; a = t(); import {module}; print(t() - a)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def measure_imports(modules: dict[str, ModuleType]) -> list[Row]:
    """Time imports in turn: seven of NumPy and gradtape, two of the large peers."""
    samples: dict[str, list[float]] = {}
    with TemporaryDirectory() as cache:
        for turn in range(-1, max(IMPORTS.values())):
            for name, wanted in IMPORTS.items():
                if turn < wanted and (name in modules or name == "NumPy"):
                    seconds = import_seconds(MODULES.get(name, "numpy"), cache)
                    if turn >= 0:  # the first turn compiles
                        samples.setdefault(name, []).append(seconds)
    rows = [Row("import", "import", name, timing.spread(times)) for name, times in samples.items()]
    CONSOLE.print(timing.table("import in a fresh interpreter", rows, ("NumPy", "gradtape")))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    works = {work.name: work for work in workloads()}
    names = [*works, "overhead", "imports"]
    options = timing.options(arguments, names, "benchmarks.eager", __doc__)
    effort = timing.QUICK if options.quick else timing.THOROUGH
    modules, absent = present(list(MODULES))
    for name in absent:
        CONSOLE.print(f"{name} is absent and skipped")
    report = timing.Report("eager-quick" if options.quick else "eager", timing.machine())
    timing.show_machine(report.machine)
    for name in options.only:
        if name in works:
            report.rows += measure_workload(works[name], modules, effort)
        elif name == "overhead":
            report.rows += measure_overhead(modules, effort)
        else:
            report.rows += measure_imports(modules)
    if set(options.only) == set(names):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
