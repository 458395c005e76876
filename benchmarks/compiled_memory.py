"""Peak memory of a compiled step, each contestant in a process of its own."""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Container, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.table import Table

from benchmarks.compiled_contestants import WAYS, fresh_caches, ways
from benchmarks.compiled_workloads import Task, tasks
from benchmarks.contestants import optional
from benchmarks.memory import ALLOCATOR, high_water, watched_peak
from benchmarks.timing import CONSOLE

TASKS = ("large", "cnn")


@dataclass(frozen=True)
class Usage:
    """What one child process found, in bytes: the peak of a step above the memory before it, and
    the peak of the whole process with imports and compilation."""

    task: str
    contestant: str
    step: int
    process: int
    method: str


def task_named(name: str) -> Task:
    """The task of this name."""
    return next(task for task in tasks() if task.name == name)


def measure_here(contestant: str, name: str) -> str:
    """Measure in this process, in the third call of the step; the answer is JSON, null where there
    is no such way."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    way = next(way for way in WAYS if way.name == contestant)
    with fresh_caches():
        step = way.build(optional(way.framework), task_named(name))
        if step is None:
            return json.dumps(None)
        for _ in range(2):
            step()
    gc.collect()
    highest = high_water()
    with watched_peak() as peak:
        results = step()
    del results
    return json.dumps([peak.bytes, max(highest, high_water()), peak.method])


def measure_in_child(contestant: str, task: Task) -> Usage | None:
    """Measure in a fresh interpreter, with an allocator that returns freed arrays at once; None
    where there is no such way, or where it fails, with a line that says so."""
    command = [sys.executable, "-m", "benchmarks.compiled_memory", contestant, task.name]
    child = subprocess.run(command, env=os.environ | ALLOCATOR, stdout=subprocess.PIPE, text=True)
    if child.returncode:
        CONSOLE.print(f"{contestant} cannot do {task.title}")
        return None
    answer = json.loads(child.stdout.splitlines()[-1])
    return None if answer is None else Usage(task.title, contestant, *answer)


def show(title: str, usages: Sequence[Usage]) -> None:
    """Print the usages of one task."""
    shown = Table(title=f"memory of {title}", title_justify="left", box=SIMPLE)
    shown.add_column("contestant")
    for heading in ("a step's MB", "the process's MB"):
        shown.add_column(heading, justify="right")
    for usage in usages:
        shown.add_row(usage.contestant, f"{usage.step / 1e6:.1f}", f"{usage.process / 1e6:.0f}")
    CONSOLE.print(shown)
    CONSOLE.print("peak from: " + ", ".join(sorted({usage.method for usage in usages})))


def measure(frameworks: Container[str]) -> list[Usage]:
    """Measure every way of these frameworks at the tasks that show memory."""
    every = []
    for name in TASKS:
        task = task_named(name)
        found = [measure_in_child(way.name, task) for way in ways(task, frameworks)]
        usages = [usage for usage in found if usage is not None]
        show(task.title, usages)
        every += usages
    return every


def main() -> None:
    """Measure one contestant as a child process."""
    parser = argparse.ArgumentParser(prog="benchmarks.compiled_memory", description=__doc__)
    parser.add_argument("contestant")
    parser.add_argument("task")
    options = parser.parse_args()
    print(measure_here(options.contestant, options.task))


if __name__ == "__main__":
    main()
