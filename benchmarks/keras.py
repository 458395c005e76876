"""Time Keras's `fit` on gradtape beside its own backends, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from benchmarks import timing
from benchmarks.keras_models import TASKS, Task
from benchmarks.timing import CONSOLE, Effort, Row, Spread

IMPORTS = "imports"
THOROUGH = Effort(sample=0.0, budget=25.0, rounds=15)
QUICK = Effort(sample=0.0, budget=6.0, rounds=3, fewest_rounds=2)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


@dataclass(frozen=True)
class Backend:
    """A backend of Keras's, and how it is asked for.

    Attributes:
        name: as `KERAS_BACKEND` has it.
        module: what must be installed.
        plain: whether `compile` is told to do without XLA.
    """

    title: str
    name: str
    module: str
    plain: bool = False


BACKENDS = (
    Backend("gradtape", "gradtape", "gradtape"),
    Backend("JAX", "jax", "jax"),
    Backend("TensorFlow", "tensorflow", "tensorflow"),
    Backend("TensorFlow, no XLA", "tensorflow", "tensorflow", plain=True),
    Backend("PyTorch", "torch", "torch"),
)
KERAS = "Keras on NumPy"
LINES = {
    "gradtape": "import gradtape.keras as keras; keras.layers",
    **{b.title: "import keras" for b in BACKENDS if b.name != "gradtape" and not b.plain},
    KERAS: "import keras",
}


class Trainer:
    """A process that trains one model on one backend."""

    def __init__(self, backend: Backend, task: Task) -> None:
        command = [sys.executable, "-m", "benchmarks.keras_worker", backend.name, task.name]
        self.process = subprocess.Popen(
            command + ["--plain"] * backend.plain,
            env=os.environ | QUIET,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, what: str) -> Any:
        """The answer to one line; see `keras_worker`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def trainers(task: Task, backends: Sequence[Backend]) -> Iterator[dict[str, Trainer]]:
    """A process for each backend, at the end of which they end too."""
    made: dict[str, Trainer] = {}
    try:
        for backend in backends:  # one after the other: each imports and compiles alone
            made[backend.title] = Trainer(backend, task)
            made[backend.title].ask("memory")
        yield made
    finally:
        for trainer in made.values():
            trainer.close()


def check(losses: Mapping[str, Sequence[float]]) -> None:
    """Raise an AssertionError unless all backends have lost as much."""
    wanted = next(iter(losses.values()))
    for title, found in losses.items():
        np.testing.assert_allclose(found, wanted, rtol=1e-3, err_msg=title)


def measure_task(task: Task, backends: Sequence[Backend], effort: Effort) -> list[Row]:
    """The first step, and then steps in rounds: every backend trains once in each."""
    with trainers(task, backends) as processes:
        first = {title: p.ask("first") for title, p in processes.items()}
        checked = {title: p.ask("check") for title, p in processes.items()}
        check({title: (first[title][2], checked[title][2]) for title in processes})
        samples: dict[str, list[float]] = {title: [] for title in processes}
        for process in processes.values():
            process.ask("time")
        deadline = perf_counter() + effort.budget
        for done in range(effort.rounds):
            if done >= effort.fewest_rounds and perf_counter() > deadline:
                break
            for title, process in processes.items():
                samples[title].append(process.ask("time")[0] / task.steps)
        peaks = {title: p.ask("memory") for title, p in processes.items()}
    steps = {title: timing.spread(s, task.steps) for title, s in samples.items()}
    show(task.title, steps, {t: a[0] for t, a in first.items()}, peaks)
    return [
        *[Row(task.title, "step", title, s) for title, s in steps.items()],
        *[Row(task.title, "first step", title, single(a[0])) for title, a in first.items()],
        *[Row(task.title, "peak bytes", title, single(float(n))) for title, n in peaks.items()],
    ]


def single(value: float) -> Spread:
    """One sample as a distribution."""
    return Spread(value, value, 0.0, 1, 1)


def show(
    title: str,
    steps: Mapping[str, Spread],
    first: Mapping[str, float],
    peaks: Mapping[str, int],
) -> None:
    """Print what was measured for one task."""
    shown = Table(title=title, title_justify="left", box=SIMPLE)
    shown.add_column("backend")
    for heading in ("step", "minimum", "quartile range", "/ fastest", "first step", "peak MB"):
        shown.add_column(heading, justify="right")
    fastest = min(spread.median for spread in steps.values())
    for name, spread in steps.items():
        relative = timing.ratio(spread.median, fastest)
        start, peak = timing.readable(first[name]), f"{peaks[name] / 1e6:.0f}"
        shown.add_row(name, *timing.spread_cells(spread), relative, start, peak)
    CONSOLE.print(shown)


def imported(title: str, name: str) -> float:
    """The seconds of one import in a fresh interpreter, without the interpreter's own start."""
    code = (
        "from time import perf_counter; start = perf_counter()\n"
        f"{LINES[title]}\nprint(perf_counter() - start)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | QUIET | ({} if name == "gradtape" else {"KERAS_BACKEND": name}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return float(child.stdout.splitlines()[-1])


def measure_imports(backends: Sequence[Backend], effort: Effort) -> list[Row]:
    """Import Keras on every backend in turn; the first round only fills the system's caches."""
    names = {b.title: b.name for b in backends if not b.plain} | {KERAS: "numpy"}
    samples: dict[str, list[float]] = {title: [] for title in names}
    for _ in range(1 + max(2, effort.rounds // 4)):
        for title, name in names.items():
            samples[title].append(imported(title, name))
    rows = [Row("import", "import", t, timing.spread(s[1:])) for t, s in samples.items()]
    CONSOLE.print(timing.table("import of Keras", rows, (KERAS,)))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    names = [IMPORTS, *[task.name for task in TASKS]]
    options = timing.options(arguments, names, "benchmarks.keras", __doc__)
    effort = QUICK if options.quick else THOROUGH
    backends = [backend for backend in BACKENDS if find_spec(backend.module) is not None]
    for backend in BACKENDS:
        if backend not in backends:
            CONSOLE.print(f"{backend.title} is absent and skipped")
    report = timing.Report("keras-quick" if options.quick else "keras", timing.machine())
    timing.show_machine(report.machine)
    if IMPORTS in options.only:
        report.rows += measure_imports(backends, effort)
    for task in TASKS:
        if task.name in options.only:
            report.rows += measure_task(task, backends, effort)
    if set(options.only) == set(names):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
