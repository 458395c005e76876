"""Time compiled steps beside the peers: their calls, their compilation, and their memory."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import compiled_memory, timing
from benchmarks.compiled_contestants import Step, Way, fresh_caches, ways
from benchmarks.compiled_workloads import Task, tasks
from benchmarks.contestants import check_agreement, present
from benchmarks.timing import CONSOLE, Effort, Row, Spread
from benchmarks.workloads import Arrays

FRAMEWORKS = ("gradtape", "JAX", "TensorFlow", "PyTorch")
REFERENCES = ("JAX", "gradtape")


def decay(ops: Any, watched: Arrays) -> Any:
    """A function that no task computes."""
    return ops.exp(-watched[0])


def warm_up(modules: Mapping[str, Any]) -> None:
    """Let every way compile a first function, as that also loads what compiles."""
    for asked in ("value", "gradient"):
        task = Task("warm-up", "", decay, [np.float32(1)], asked=asked)
        for way in ways(task, modules):
            first_call(way, modules[way.framework], task)


def first_call(way: Way, module: Any, task: Task) -> tuple[Step, list[Any], list[float]] | None:
    """A step, its results and the seconds of its trace and of its first call; None where there is
    no such way, or where it fails, with a line that says so."""
    try:
        started = perf_counter()
        step = way.build(module, task)
        if step is None:
            return None
        traced = perf_counter()
        results = step()
        seconds = [traced - started, perf_counter() - traced]
    except Exception as error:
        CONSOLE.print(f"{way.name} cannot do {task.title}: {type(error).__name__}: {error}")
        return None
    return step, results if task.asked == "gradient" else [results], seconds


def measure_task(task: Task, modules: Mapping[str, Any], effort: Effort) -> list[Row]:
    """Compile one task in every way, check that all agree, then time the steps."""
    rows, loops, results = [], {}, {}
    for way in ways(task, modules):
        if made := first_call(way, modules[way.framework], task):
            step, results[way.name], seconds = made
            loops[way.name] = timing.looped(step)
            for what, taken in zip(("trace", "first call"), seconds, strict=True):
                if way.traces or what == "first call":
                    rows.append(Row(task.title, what, way.name, Spread(taken, taken, 0.0, 1, 1)))
    check_agreement(results, task.tolerance)
    gc.collect()
    gc.freeze()
    measured = timing.measure(loops, effort)
    rows[:0] = [Row(task.title, task.asked, name, spread) for name, spread in measured.items()]
    CONSOLE.print(timing.table(task.title, rows, REFERENCES))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    every = {task.name: task for task in tasks()}
    names = [*every, "memory"]
    options = timing.options(arguments, names, "benchmarks.compiled", __doc__)
    effort = timing.QUICK if options.quick else timing.THOROUGH
    modules, absent = present(list(FRAMEWORKS))
    for name in absent:
        CONSOLE.print(f"{name} is absent and skipped")
    report = timing.Report("compiled-quick" if options.quick else "compiled", timing.machine())
    timing.show_machine(report.machine)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    with fresh_caches():
        if options.only != ["memory"]:
            warm_up(modules)
        for name in options.only:
            if name == "memory":
                report.rows += compiled_memory.measure(modules)
            else:
                report.rows += measure_task(every[name], modules, effort)
    if set(options.only) == set(names):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
