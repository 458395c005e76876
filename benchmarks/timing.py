"""Measure contestants fairly: interleaved rounds, medians, tables with ratios, stored rows."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from itertools import repeat
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
PACKAGES = (
    "numpy",
    "tensorflow_cpu",
    "tensorflow",
    "torch",
    "jax",
    "jaxlib",
    "autograd",
    "keras",
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (0.0, "ns"))
BLAS_SYMBOLS = (
    "scipy_openblas_get_num_threads64_",
    "scipy_openblas_get_num_threads",
    "openblas_get_num_threads64_",
    "openblas_get_num_threads",
)

CONSOLE = Console(width=100, highlight=False)

Call = Callable[[], Any]
Loop = Callable[[int], float]


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds of one sample, and seconds and rounds for one comparison."""

    sample: float
    budget: float
    rounds: int
    fewest_rounds: int = 5


THOROUGH = Effort(sample=4e-3, budget=8.0, rounds=61)
QUICK = Effort(sample=2e-3, budget=1.5, rounds=15)


@dataclass(frozen=True)
class Spread:
    """The distribution of the seconds of one call over the rounds."""

    median: float
    minimum: float
    quartile_range: float
    rounds: int
    loops: int


@dataclass(frozen=True)
class Row:
    """One measured number: which contestant, at which task, doing what."""

    task: str
    quantity: str
    contestant: str
    spread: Spread


@dataclass
class Report:
    """The rows of one benchmark with where and when they were measured."""

    name: str
    machine: dict[str, Any]
    rows: list[Any] = field(default_factory=list)

    def store(self) -> Path:
        """Write the report as JSON under the results folder and return its path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        stored = {
            "name": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": self.machine | {"load_average_after": os.getloadavg()},
            "rows": [asdict(row) for row in self.rows],
        }
        path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        return path


def options(
    arguments: Sequence[str] | None, names: Sequence[str], program: str, description: str | None
) -> argparse.Namespace:
    """Read the command line of a benchmark; `only` becomes a list of section names."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", help=f"sections, separated by commas: {', '.join(names)}")
    chosen = parser.parse_args(arguments)
    chosen.only = chosen.only.split(",") if chosen.only else list(names)
    if unknown := set(chosen.only) - set(names):
        parser.error(f"unknown sections: {', '.join(sorted(unknown))}")
    return chosen


def looped(call: Call, around: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Loop:
    """Make a loop that times many calls, all inside one `around()` whose exit is timed too."""

    def run(number: int) -> float:
        started = perf_counter()
        with around():
            for _ in repeat(None, number):
                call()
        return perf_counter() - started

    return run


def loops_for(loop: Loop, sample: float) -> int:
    """The number of calls that fills one sample, found by doubling, from the best of three."""
    loop(1)
    number = 1
    while (seconds := min(loop(number) for _ in range(3))) < sample / 2:
        number *= 2
    return max(1, round(number * sample / seconds))


def measure(contestants: Mapping[str, Loop], effort: Effort) -> dict[str, Spread]:
    """Time every contestant once a round, so that a drift of the machine hits all alike.

    Untimed calls before each sample let the previous contestant's threads and caches go, and every
    round has an order of its own, as some threads go late: OpenMP's spin for milliseconds.
    """
    order, shuffle = list(contestants), random.Random(0).shuffle
    loops = {name: loops_for(loop, effort.sample) for name, loop in contestants.items()}
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    deadline = perf_counter() + effort.budget
    for done in range(effort.rounds):
        if done >= effort.fewest_rounds and perf_counter() > deadline:
            break
        shuffle(order)
        for name in order:
            contestants[name](1 + loops[name] // 4)
            samples[name].append(contestants[name](loops[name]) / loops[name])
    return {name: spread(samples[name], loops[name]) for name in contestants}


def spread(seconds: Sequence[float], loops: int = 1) -> Spread:
    """Summarise the seconds of one call in several rounds."""
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Spread(middle, min(seconds), high - low, len(seconds), loops)


def readable(seconds: float) -> str:
    """Three digits and a unit: 1.23 µs."""
    scale, unit = next(entry for entry in UNITS if abs(seconds) >= entry[0])
    return f"{seconds / (scale or 1e-9):.3g} {unit}"


def ratio(value: float, reference: float | None) -> str:
    """How many times the reference a value is, or a dash without a reference."""
    return f"{value / reference:.2f}" if reference else "-"


def table(title: str, rows: Iterable[Row], references: Sequence[str]) -> Table:
    """Lay out the rows of one task, with a column of ratios to each reference contestant."""
    result = Table(title=title, title_justify="left", box=SIMPLE)
    result.add_column("what")
    result.add_column("contestant")
    for heading in ("median", "minimum", "quartile range", *(f"/ {name}" for name in references)):
        result.add_column(heading, justify="right")
    by_quantity: dict[str, list[Row]] = {}
    for row in rows:
        by_quantity.setdefault(row.quantity, []).append(row)
    for group in by_quantity.values():
        medians = {row.contestant: row.spread.median for row in group}
        for row in group:
            ratios = (ratio(row.spread.median, medians.get(name)) for name in references)
            result.add_row(row.quantity, row.contestant, *spread_cells(row.spread), *ratios)
        result.add_section()
    return result


def spread_cells(measured: Spread) -> tuple[str, str, str]:
    """The cells of a table that show one distribution."""
    return (
        readable(measured.median),
        readable(measured.minimum),
        readable(measured.quartile_range),
    )


def machine() -> dict[str, Any]:
    """Describe the machine, the versions of the contestants, the threads and the load."""
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions(),
        "threads": threads(),
        "load_average": os.getloadavg(),
    }


def processor() -> str:
    """The processor's own name where Linux tells it, else the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def versions() -> dict[str, str]:
    """The versions of those packages that are installed."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def threads() -> dict[str, int | None]:
    """The threads of the loaded libraries; TensorFlow's 0 means that it takes all cores."""
    counts: dict[str, int | None] = {"numpy_blas": blas_threads()}
    if torch := sys.modules.get("torch"):
        counts["torch"] = torch.get_num_threads()
    if tensorflow := sys.modules.get("tensorflow"):
        counts["tensorflow"] = tensorflow.config.threading.get_intra_op_parallelism_threads()
    return counts


def blas_threads() -> int | None:
    """Ask NumPy's loaded OpenBLAS for its thread count; None where there is no such library."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text(encoding="utf-8").splitlines() if maps.exists() else []
    paths = sorted({line.split()[-1] for line in lines if "numpy.libs" in line})
    for path in (path for path in paths if "openblas" in path):
        library = ctypes.CDLL(path)
        for symbol in BLAS_SYMBOLS:
            if getter := getattr(library, symbol, None):
                return int(getter())
    return None


def show_machine(described: Mapping[str, Any]) -> None:
    """Print one line for each fact about the machine."""
    for key, value in described.items():
        CONSOLE.print(f"{key}: {value}", style="dim")
