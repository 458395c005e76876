"""Time each function that kernels use, compiled by our lowering, beside XLA's own and NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from rich.box import SIMPLE
from rich.table import Table

import gradtape.core.xp_numpy_control
import gradtape.core.xp_numpy_fft  # noqa: F401  topics of verbs that are loaded later
from benchmarks import kernels_axes, kernels_matrices, kernels_pointwise, timing
from benchmarks.kernel_row import Kernel
from benchmarks.timing import CONSOLE, Effort, Row, Spread, ratio, readable
from gradtape.core.xp_numpy import xp as numpy_namespace
from gradtape.graph.xp_jax import xp as compiled_namespace
from gradtape.graph.xp_jax_transposing import remembering

FULL = Effort(sample=1.5e-3, budget=0.25, rounds=31, fewest_rounds=3)
QUICK = Effort(sample=2e-4, budget=0.05, rounds=7, fewest_rounds=2)
OURS, XLA, NUMPY, COPY = "gradtape", "XLA", "NumPy", "copy"
ARITHMETIC = "computes, within twice NumPy's time"
TOLERANCE = 2e-3  # a float32 of NumPy's own may be far off, as a running sum is

SECTIONS: dict[str, Sequence[Callable[[], list[Kernel]]]] = {
    "elementary": [kernels_pointwise.elementary, kernels_pointwise.masks],
    "special": [kernels_pointwise.fused, kernels_pointwise.special_functions],
    "axes": [kernels_axes.reductions, kernels_axes.scans, kernels_axes.neural],
    "places": [kernels_axes.order, kernels_axes.places, kernels_axes.random],
    "images": [kernels_matrices.convolutions, kernels_matrices.pooling],
    "matrices": [kernels_matrices.products, kernels_matrices.systems],
    "loops": [kernels_matrices.transforms, kernels_matrices.loops],
}


def kernels(section: str) -> list[Kernel]:
    """The rows of a section."""
    return [kernel for make in SECTIONS[section] for kernel in make()]


def finished(function: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    """The results of compiled code, once they are there."""
    return jax.block_until_ready(function(*arrays))


def contestants(kernel: Kernel, arrays: Sequence[Any]) -> dict[str, Callable[[], Any]]:
    """The calls that compute one row."""
    on_device = [jax.numpy.asarray(a) for a in arrays]

    def traced(*given: Any) -> Any:
        with remembering():
            return kernel.run(compiled_namespace, *given)

    calls = {OURS: partial(finished, jax.jit(traced), on_device)}
    if kernel.library is not None:
        calls[XLA] = partial(finished, jax.jit(kernel.library), on_device)
    return calls | {NUMPY: partial(kernel.run, numpy_namespace, *arrays)}


def check_agreement(kernel: Kernel, results: dict[str, Any]) -> None:
    """Raise if a contestant differs from NumPy."""
    if not kernel.unique:
        return
    wanted = jax.tree.leaves(results[NUMPY])
    for name, found in results.items():
        for a, b in zip(jax.tree.leaves(found), wanted, strict=True):
            b = np.asarray(b)
            finite = np.abs(b[np.isfinite(b)])
            slack = TOLERANCE * float(finite.max(initial=0)) if b.dtype.kind in "fc" else 0
            about = f"{kernel.verb} {kernel.title} by {name}"
            np.testing.assert_allclose(np.asarray(a), b, TOLERANCE, slack, err_msg=about)


def copying(arrays: Sequence[Any], results: Any) -> Callable[[], None]:
    """A copy that reads and writes as many bytes as go in and out."""
    size = sum(np.asarray(a).nbytes for a in [*arrays, *jax.tree.leaves(results)])
    source = np.zeros(max(1, size // 2), np.uint8)
    return partial(np.copyto, source.copy(), source)


def measure(kernel: Kernel, effort: Effort) -> dict[str, Spread]:
    """Check one row and time its contestants."""
    arrays = kernel.arrays()
    calls = contestants(kernel, arrays)
    results = {name: call() for name, call in calls.items()}
    check_agreement(kernel, results)
    calls[COPY] = copying(arrays, results[NUMPY])
    return timing.measure({name: timing.looped(call) for name, call in calls.items()}, effort)


def described(kernel: Kernel) -> str:
    """The name of a row with its sizes and dtypes."""
    shapes = [f"{a.dtype}{list(a.shape)}" for a in kernel.arrays()]
    return " ".join([kernel.verb, *([kernel.title] if kernel.title else []), *shapes[:2]])


def reason(kernel: Kernel, times: dict[str, float]) -> str:
    """Why a row is more than twice as slow as NumPy or a copy, if it is."""
    if times[OURS] <= 2 * min(times[NUMPY], times[COPY]):
        return ""
    if times[OURS] <= 2 * times[NUMPY]:
        return ARITHMETIC
    return kernel.why or "?"


def table(title: str, measured: Iterable[tuple[Kernel, dict[str, Spread]]]) -> Table:
    """The minima of a section, with ratios, and why a row is slow."""
    result = Table(title=title, title_justify="left", box=SIMPLE)
    result.add_column("what")
    for heading in (OURS, XLA, NUMPY, COPY, f"/ {XLA}", f"/ {NUMPY}", f"/ {COPY}"):
        result.add_column(heading, justify="right")
    result.add_column("why")
    for kernel, spreads in measured:
        times = {name: spread.minimum for name, spread in spreads.items()}
        shown = [readable(times[n]) if n in times else "" for n in (OURS, XLA, NUMPY, COPY)]
        ratios = [ratio(times[OURS], times.get(n)) for n in (XLA, NUMPY, COPY)]
        result.add_row(described(kernel), *shown, *ratios, reason(kernel, times))
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    options = timing.options(arguments, list(SECTIONS), "benchmarks.kernels", __doc__)
    effort = QUICK if options.quick else FULL
    report = timing.Report("kernels-quick" if options.quick else "kernels", timing.machine())
    timing.show_machine(report.machine)
    CONSOLE.width = 160
    jax.config.update("jax_enable_x64", True)
    np.seterr(all="ignore")
    for section in options.only:
        measured = [(kernel, measure(kernel, effort)) for kernel in kernels(section)]
        for kernel, spreads in measured:
            task = described(kernel)
            report.rows += [Row(task, kernel.verb, name, s) for name, s in spreads.items()]
        CONSOLE.print(table(section, measured))
    if set(options.only) == set(SECTIONS):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
