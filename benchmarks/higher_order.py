"""Time Hessians, batch Jacobians, gradients of each example and Hessian-vector products."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks import timing
from benchmarks.compiled_contestants import fresh_caches
from benchmarks.compiled_operations import tensorflow_like
from benchmarks.contestants import check_agreement, present
from benchmarks.higher_order_contestants import WAYS, Call, Task, Way, tasks
from benchmarks.timing import CONSOLE, Effort, Row
from benchmarks.workloads import Workload, workloads

FRAMEWORKS = ("gradtape", "TensorFlow", "PyTorch", "JAX")


def built(way: Way, module: Any, task: Task) -> tuple[Call, list[Any]] | None:
    """The way's call and its results; None, with a line that says so, where it fails."""
    try:
        call = way.build(module, task)
        return None if call is None else (call, call())
    except Exception as error:
        CONSOLE.print(f"{way.name} cannot do {task.title}: {type(error).__name__}: {error}"[:300])
        return None


def measure_task(task: Task, modules: Mapping[str, Any], effort: Effort) -> list[Row]:
    """Check that all agree on one task, then time the eager calls and the compiled ones."""
    calls: dict[bool, dict[str, Call]] = {False: {}, True: {}}
    results = {}
    for way in WAYS:
        if way.framework in modules and (made := built(way, modules[way.framework], task)):
            calls[way.compiled][way.name], results[way.name] = made
    check_agreement(results)
    gc.collect()
    gc.freeze()
    rows = []
    for compiled, group in calls.items():
        loops = {name: timing.looped(call) for name, call in group.items()}
        what = "compiled" if compiled else "eager"
        measured = timing.measure(loops, effort)
        rows += [Row(task.title, what, name, spread) for name, spread in measured.items()]
    CONSOLE.print(timing.table(task.title, rows, ("gradtape", "JAX jit")))
    return rows


def chain() -> Workload:
    """Twenty operations one after the other, and a sum."""
    return next(work for work in workloads() if work.name == "chain")


def forward_calls(tf: Any) -> dict[str, Call]:
    """The chain's value alone, and with a tangent pushed through it."""
    work = chain()
    watched = [tf.constant(array) for array in work.watched]
    along = [tf.ones_like(x) for x in watched]
    value = partial(work.loss, tensorflow_like(tf), watched)

    def forward() -> list[Any]:
        with tf.autodiff.ForwardAccumulator(watched, along) as accumulator:
            result = value()
        return [result, accumulator.jvp(result)]

    return {"value": lambda: [value()], "forward": forward}


def measure_forward(modules: Mapping[str, Any], effort: Effort) -> list[Row]:
    """Time what forward mode adds to a chain of operations: both in turn, for it is a ratio."""
    by_name = {n: forward_calls(m) for n, m in modules.items() if hasattr(m, "GradientTape")}
    check_agreement({name: calls["forward"]() for name, calls in by_name.items()})
    pairs = [(what, name) for what in ("value", "forward") for name in by_name]
    loops = {" of ".join(pair): timing.looped(by_name[pair[1]][pair[0]]) for pair in pairs}
    measured = timing.measure(loops, effort).values()
    rows = [Row(chain().title, *pair, spread) for pair, spread in zip(pairs, measured, strict=True)]
    CONSOLE.print(timing.table(f"{chain().title}, ForwardAccumulator", rows, ("gradtape",)))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections, print their tables and store the rows of a complete run."""
    every = {task.name: task for task in tasks()}
    names = [*every, "forward"]
    options = timing.options(arguments, names, "benchmarks.higher_order", __doc__)
    effort = timing.QUICK if options.quick else timing.THOROUGH
    modules, absent = present(list(FRAMEWORKS))
    for name in absent:
        CONSOLE.print(f"{name} is absent and skipped")
    name = "higher_order-quick" if options.quick else "higher_order"
    report = timing.Report(name, timing.machine())
    timing.show_machine(report.machine)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    with fresh_caches():
        for name in options.only:
            if name == "forward":
                report.rows += measure_forward(modules, effort)
            else:
                report.rows += measure_task(every[name], modules, effort)
    if set(options.only) == set(names):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
