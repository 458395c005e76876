"""Time a compiled step on data from pipelines, in a process of its own.

`python -m benchmarks.data_steps NETWORK FRAMEWORK THREADS SECONDS ROUNDS` prints rows as JSON; 0
threads are as many as there are cores."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import repeat
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.contestants import present
from benchmarks.timing import Effort, Loop, Row

ROWS, BATCH, FEATURES, CLASSES = 16384, 128, 784, 10
HIDDEN = 256
LINES, STATE = 28, 64
SHARE = 0.5  # of a step, what the function of map costs
RESIDENT = "resident"
BESIDE = "resident, beside a busy process"


def arrays() -> tuple[Any, Any]:
    """Pictures and their classes."""
    random = np.random.default_rng(0)
    x = random.random((ROWS, FEATURES), np.float32)
    return x, random.integers(0, CLASSES, ROWS).astype(np.int32)


def dense(tf: Any, weights: Any, x: Any) -> Any:
    """Two hidden layers."""
    for w in weights[:-1]:
        x = tf.nn.relu(x @ w)
    return x @ weights[-1]


def recurrent(tf: Any, weights: Any, x: Any) -> Any:
    """A picture read line by line; its small products keep little more than one core busy."""
    state = tf.zeros([BATCH, STATE])
    for line in tf.unstack(tf.reshape(x, [BATCH, LINES, LINES]), axis=1):
        state = tf.tanh(line @ weights[0] + state @ weights[1])
    return state @ weights[2]


NETWORKS: dict[str, tuple[Callable[..., Any], Sequence[tuple[int, int]]]] = {
    "dense": (dense, [(FEATURES, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, CLASSES)]),
    "recurrent": (recurrent, [(LINES, STATE), (STATE, STATE), (STATE, CLASSES)]),
}


def step_of(tf: Any, network: str) -> Callable[[Any, Any], Any]:
    """A compiled step of gradient descent on a network."""
    random = np.random.default_rng(1)
    outputs, sizes = NETWORKS[network]
    weights = [tf.Variable((0.05 * random.normal(size=s)).astype(np.float32)) for s in sizes]

    @tf.function(jit_compile=True, autograph=False)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = outputs(tf, weights, x)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
            loss = tf.reduce_mean(losses)
        for w, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            w.assign_sub(0.01 * gradient)
        return loss

    return step


def working(seconds: float) -> Callable[[], None]:
    """Python code that takes so long where nothing else runs: no array operation, so that it holds
    Python's lock."""
    number = 100

    def work() -> None:
        for _ in repeat(None, number):
            pass

    for _ in range(3):
        times = max(1, round(1e-3 / seconds))
        taken = min(timeit.repeat(work, number=times, repeat=40)) / times
        number = max(1, round(number * seconds / taken))
    return work


def pipelines(tf: Any, x: Any, y: Any, seconds: float) -> dict[str, Any]:
    """The pipelines that feed a step of so many seconds, without end."""
    rows = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS)

    of_batch, of_element = working(SHARE * seconds), working(SHARE * seconds / BATCH)

    def batch(x: Any, y: Any) -> Any:
        of_batch()
        return x, y

    def waiting(x: Any, y: Any) -> Any:
        sleep(SHARE * seconds)
        return x, y

    def element(x: Any, y: Any) -> Any:
        of_element()
        return x, y

    def python(function: Any) -> Any:
        """TensorFlow calls Python through an operation; its shapes are told again."""
        if tf.__name__ == "gradtape":
            return function

        def call(x: Any, y: Any) -> Any:
            u, v = tf.numpy_function(function, [x, y], [x.dtype, y.dtype])
            return tf.ensure_shape(u, x.shape), tf.ensure_shape(v, y.shape)

        return call

    batches = rows.batch(BATCH, drop_remainder=True)
    mapped = rows.map(python(element)).batch(BATCH, drop_remainder=True)
    made = {
        "shuffle, batch": batches,
        "shuffle, batch, prefetch": batches.prefetch(2),
        "shuffle, batch, map that waits, prefetch": batches.map(python(waiting)).prefetch(2),
        "shuffle, batch, map, prefetch": batches.map(python(batch)).prefetch(2),
        "shuffle, map, batch, prefetch": mapped.prefetch(2),
    }
    return {name: pipeline.repeat() for name, pipeline in made.items()}


def fed(step: Callable[[Any, Any], Any], batches: Iterator[Any]) -> Loop:
    """A loop of steps on the next batches, which waits for the last result."""

    def run(number: int) -> float:
        started = perf_counter()
        for _ in range(number):
            loss = step(*next(batches))
        float(loss)
        return perf_counter() - started

    return run


def resident(tf: Any, x: Any, y: Any) -> Iterator[Any]:
    """Batches that are tensors already, again and again."""
    places = range(0, 16 * BATCH, BATCH)
    made = [(tf.constant(x[i : i + BATCH]), tf.constant(y[i : i + BATCH])) for i in places]
    while True:
        yield from made


@contextmanager
def busy_process(seconds: float) -> Iterator[Callable[[Loop], Loop]]:
    """What lets a process of its own compute while a loop runs, for a share of each step: a limit
    for pipelines on a machine whose processors the step has to share with them."""
    code = (
        "import time\nfrom benchmarks.data_steps import working\n"
        f"work = working({SHARE * seconds})\nwhile True:\n"
        f"    end = time.perf_counter() + {seconds}\n    work()\n"
        "    time.sleep(max(0, end - time.perf_counter()))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    sleep(3.0)  # it imports
    process.send_signal(signal.SIGSTOP)

    def beside(loop: Loop) -> Loop:
        def run(number: int) -> float:
            process.send_signal(signal.SIGCONT)
            taken = loop(number)
            process.send_signal(signal.SIGSTOP)
            return taken

        return run

    try:
        yield beside
    finally:
        process.kill()
        process.wait()


def measure_step(tf: Any, name: str, network: str, title: str, effort: Effort) -> list[Row]:
    """The step on resident data and on each pipeline."""
    x, y = arrays()
    step = step_of(tf, network)
    there = fed(step, resident(tf, x, y))
    there(20)
    seconds = min(there(20) / 20 for _ in range(10))
    before = process_time()
    taken = there(round(1 / seconds))
    cores = (process_time() - before) / taken
    words = f"{title}: {1e3 * seconds:.2f} ms, {cores:.2f} cores busy"
    print(words, file=sys.stderr)
    loops = {RESIDENT: there}
    for what, pipeline in pipelines(tf, x, y, seconds).items():
        loops[what] = fed(step, iter(pipeline))
    with busy_process(seconds) as beside:
        loops[BESIDE] = beside(there)
        measured = timing.measure(loops, effort)
    return [Row(title, name, what, spread) for what, spread in measured.items()]


def main(arguments: Sequence[str]) -> None:
    """Measure, and print the rows."""
    network, name, threads, budget, rounds = arguments
    tf = present([name])[0][name]
    title = f"{network} step of {name}"
    if threads != "0":
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
        tf.config.threading.set_inter_op_parallelism_threads(int(threads))
        title += f", threads: {threads}"
    effort = Effort(0.15, float(budget), int(rounds))
    print(json.dumps([asdict(row) for row in measure_step(tf, name, network, title, effort)]))


if __name__ == "__main__":
    main(sys.argv[1:])
