"""Peak memory of the gradient of long chains, each contestant in a process of its own."""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from benchmarks.contestants import BY_HAND, as_arrays, optional
from benchmarks.timing import CONSOLE, Report, machine, ratio, show_machine

LINKS = 100
SIZE = 1_000_000
ARRAY_BYTES = 4 * SIZE
CHAINS = {"tanh": "100 x tanh", "plus": "100 x (x + 1)"}
CONTESTANTS = (BY_HAND, "gradtape", "PyTorch", "TensorFlow")
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
ABSENT = "absent"

Array = np.ndarray[Any, Any]
Gradient = Callable[[], list[Any]]
Builder = Callable[[str, Array], Gradient]


@dataclass(frozen=True)
class Usage:
    """What one child process found; peak in bytes above the memory before the gradient."""

    task: str
    contestant: str
    peak: int
    method: str
    freed_without_collector: bool


def tanh_by_hand(x: Array) -> list[Array]:
    """Sum and gradient of the chain of tanh: one array a link, each reused on the way back."""
    kept = [np.tanh(x)]
    for _ in range(LINKS - 1):
        kept.append(np.tanh(kept[-1]))
    total = np.sum(kept[-1])
    grad = kept.pop()
    slope_in_place(grad)
    while kept:
        output = kept.pop()
        slope_in_place(output)
        np.multiply(grad, output, grad)
    return [total, grad]


def slope_in_place(output: Array) -> None:
    """Turn tanh's output into its derivative, 1 - output²."""
    np.multiply(output, output, output)
    np.subtract(1, output, output)


def plus_by_hand(x: Array) -> list[Array]:
    """Sum and gradient of the chain of x + 1: one array, which ends as the gradient of ones."""
    output = x + 1
    for _ in range(LINKS - 1):
        np.add(output, 1, output)
    total = np.sum(output)
    output.fill(1)
    return [total, output]


def run_chain(chain: str, tanh: Callable[[Any], Any], x: Any) -> Any:
    """The forward pass of one chain, which itself keeps no intermediate result."""
    for _ in range(LINKS):
        x = tanh(x) if chain == "tanh" else x + 1
    return x


def hand_gradient(chain: str, array: Array) -> Gradient:
    """NumPy written out by hand."""
    by_hand = tanh_by_hand if chain == "tanh" else plus_by_hand
    return lambda: by_hand(array)


def tape_gradient(tf: Any, chain: str, array: Array) -> Gradient:
    """A gradient tape, of TensorFlow or gradtape."""
    x = tf.constant(array)

    def gradient() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(run_chain(chain, tf.tanh, x))
        return [total, tape.gradient(total, x)]

    return gradient


def torch_gradient(torch: Any, chain: str, array: Array) -> Gradient:
    """PyTorch's autograd."""
    x = torch.tensor(array, requires_grad=True)

    def gradient() -> list[Any]:
        total = torch.sum(run_chain(chain, torch.tanh, x))
        return [total, *torch.autograd.grad(total, [x])]

    return gradient


def builder(contestant: str) -> Builder | None:
    """What makes the gradient call of one contestant, or None when it is not installed."""
    if contestant == BY_HAND:
        return hand_gradient
    module = optional(contestant)
    if module is None:
        return None
    return partial(torch_gradient if contestant == "PyTorch" else tape_gradient, module)


def resident() -> int:
    """The bytes of physical memory that this process holds now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def high_water() -> int:
    """The most bytes of physical memory since the mark was last reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def reset_high_water() -> bool:
    """Set the kernel's high-water mark to the memory held now; False where that is refused."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return high_water() - resident() < ARRAY_BYTES


@dataclass
class Peak:
    """The highest memory seen, and how it was seen."""

    bytes: int = 0
    method: str = "kernel's high-water mark"


@contextmanager
def watched_peak() -> Iterator[Peak]:
    """Find the peak above the memory at entry, from the kernel or else by sampling."""
    peak, before = Peak(), resident()
    if reset_high_water():
        yield peak
        peak.bytes = high_water() - before
    else:
        peak.method = "sampled every 0.2 ms"
        done = Event()
        sampler = Thread(target=sample_peak, args=(peak, before, done))
        sampler.start()
        yield peak
        done.set()
        sampler.join()


def sample_peak(peak: Peak, before: int, done: Event) -> None:
    """Raise the peak to every higher memory seen, until done."""
    while not done.wait(2e-4):
        peak.bytes = max(peak.bytes, resident() - before)


def check(gradient: Gradient, chain: str, array: Array) -> None:
    """Raise an AssertionError unless the sum and gradient are those of NumPy by hand."""
    for found, wanted in zip(as_arrays(gradient()), hand_gradient(chain, array)(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4)


def freed_without_collector(gradient: Gradient) -> bool:
    """Whether memory returns after the results are deleted, with the cycle collector off."""
    gc.collect()
    gc.disable()
    before = resident()
    results = gradient()
    del results
    return resident() - before < ARRAY_BYTES // 2


def measure_here(contestant: str, chain: str) -> str:
    """Measure in this process, after a warm-up on few numbers; the answer is JSON."""
    build = builder(contestant)
    if build is None:
        return json.dumps(ABSENT)
    few = np.linspace(0.5, 1.5, 10, dtype=np.float32)
    check(build(chain, few), chain, few)
    gradient = build(chain, np.linspace(0.5, 1.5, SIZE, dtype=np.float32))
    gc.collect()
    with watched_peak() as peak:
        results = gradient()
    del results
    return json.dumps([peak.bytes, peak.method, freed_without_collector(gradient)])


def measure_in_child(contestant: str, chain: str) -> Usage | None:
    """Measure in a fresh interpreter, with an allocator that returns freed arrays at once."""
    command = [sys.executable, "-m", "benchmarks.memory", "--child", contestant, chain]
    child = subprocess.run(
        command, env=os.environ | ALLOCATOR, stdout=subprocess.PIPE, text=True, check=True
    )
    answer = json.loads(child.stdout.splitlines()[-1])
    return None if answer == ABSENT else Usage(CHAINS[chain], contestant, *answer)


def show(title: str, usages: Sequence[Usage]) -> None:
    """Print the usages of one chain beside those by hand."""
    shown = Table(title=title, title_justify="left", box=SIMPLE)
    shown.add_column("contestant")
    for heading in ("arrays", "MB", f"/ {BY_HAND}"):
        shown.add_column(heading, justify="right")
    shown.add_column("freed without collector")
    least = next((usage.peak for usage in usages if usage.contestant == BY_HAND), None)
    for usage in usages:
        shown.add_row(
            usage.contestant,
            f"{usage.peak / ARRAY_BYTES:.1f}",
            f"{usage.peak / 1e6:.1f}",
            ratio(usage.peak, least),
            "yes" if usage.freed_without_collector else "no",
        )
    CONSOLE.print(shown)
    CONSOLE.print("peak from: " + ", ".join(sorted({usage.method for usage in usages})))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every contestant on every chain, or one of them as a child process."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("CONTESTANT", "CHAIN"))
    options = parser.parse_args(arguments)
    if options.child:
        print(measure_here(*options.child))
        return
    report = Report("memory", machine())
    show_machine(report.machine)
    for chain, title in CHAINS.items():
        found = {name: measure_in_child(name, chain) for name in CONTESTANTS}
        for name in (name for name, usage in found.items() if usage is None):
            CONSOLE.print(f"{name} is absent and skipped")
        usages = [usage for usage in found.values() if usage is not None]
        show(f"gradient of {title} on {SIZE:,} float32", usages)
        report.rows += usages
    CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
