"""Time a compiled step on data from a pipeline, beside the same step on data that is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from time import perf_counter
from typing import Any

from benchmarks import timing
from benchmarks.contestants import present
from benchmarks.data_steps import BATCH, NETWORKS, RESIDENT, ROWS, arrays
from benchmarks.timing import CONSOLE, Effort, Loop, Row, Spread

FRAMEWORKS = ("gradtape", "TensorFlow")
SECTIONS = ("step", "alone")
LEFT = max(1, (os.cpu_count() or 1) - 1)  # threads of a step that leaves a core to its pipeline


def measured(network: str, name: str, threads: int, effort: Effort) -> list[Row]:
    """The rows of a step, from a process of its own: the number of threads is settled once."""
    command = [sys.executable, "-m", "benchmarks.data_steps", network, name, str(threads)]
    command += [str(effort.budget), str(effort.rounds)]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = json.loads(child.stdout)
    return [Row(**row | {"spread": Spread(**row["spread"])}) for row in rows]


def alone(tf: Any, x: Any, y: Any) -> dict[str, Loop]:
    """Pipelines whose batches nobody uses."""
    rows = tf.data.Dataset.from_tensor_slices((x, y))
    made = {
        "batch": rows.batch(BATCH),
        "shuffle, batch": rows.shuffle(ROWS).batch(BATCH),
        "shuffle of 1000, batch": rows.shuffle(1000).batch(BATCH),
        "map, shuffle, batch": rows.map(lambda x, y: (x, y)).shuffle(1000).batch(BATCH),
        "map in 2 threads, batch": rows.map(lambda x, y: (x, y), 2).batch(BATCH),
    }
    return {title: emptied(iter(pipeline.repeat())) for title, pipeline in made.items()}


def emptied(batches: Iterator[Any]) -> Loop:
    """A loop that takes batches."""

    def run(number: int) -> float:
        started = perf_counter()
        for _ in range(number):
            next(batches)
        return perf_counter() - started

    return run


def measure_alone(modules: Any, effort: Effort) -> list[Row]:
    """What a batch costs that comes out of each pipeline."""
    x, y = arrays()
    loops: dict[str, dict[str, Loop]] = {}
    for name in FRAMEWORKS:
        if name in modules:
            for title, loop in alone(modules[name], x, y).items():
                loops.setdefault(title, {})[name] = loop
    return [
        Row("a batch alone", title, name, spread)
        for title, each in loops.items()
        for name, spread in timing.measure(each, effort).items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    options = timing.options(arguments, SECTIONS, "benchmarks.data", __doc__)
    short, long = Effort(0.15, 6.0, 15), Effort(0.15, 40.0, 61)
    effort = short if options.quick else long
    modules, absent = present(list(FRAMEWORKS))
    for name in absent:
        CONSOLE.print(f"{name} is absent and skipped")
    report = timing.Report("data-quick" if options.quick else "data", timing.machine())
    timing.show_machine(report.machine)
    if "step" in options.only:
        for network, name, threads in product(NETWORKS, modules, (0, LEFT)):
            rows = measured(network, name, threads, effort)
            report.rows += rows
            CONSOLE.print(timing.table(rows[0].task, rows, (RESIDENT,)))
    if "alone" in options.only:
        rows = measure_alone(modules, effort)
        report.rows += rows
        CONSOLE.print(timing.table(rows[0].task, rows, ("gradtape",)))
    if set(options.only) == set(SECTIONS):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
