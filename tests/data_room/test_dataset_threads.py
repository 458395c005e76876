"""Threads of pipelines: they read ahead, end with their iterator, and hand on errors."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Dataset = tf.data.Dataset
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0


def until(condition: Any) -> bool:
    """Whether a condition comes true while a test can wait."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def workers() -> int:
    gc.collect()
    return sum(thread.name == "gradtape.data" for thread in threading.enumerate())


PIPELINES = {
    "prefetch": lambda: Dataset.range(100).map(lambda i: i).prefetch(2),
    "two of them": lambda: Dataset.range(100).prefetch(2).map(lambda i: i).prefetch(2),
    "threads": lambda: Dataset.range(100).map(lambda i: i, num_parallel_calls=3),
    "threads ahead": lambda: Dataset.range(100).map(lambda i: i, num_parallel_calls=3).prefetch(2),
    "interleave": lambda: Dataset.range(9).interleave(Dataset.range, 3, num_parallel_calls=2).prefetch(1),
    "without end": lambda: Dataset.range(3).map(lambda i: i).prefetch(2).repeat(),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PIPELINES))
def test_an_iterator_that_is_dropped_ends_its_threads(name: str) -> None:
    assert until(lambda: workers() == 0)
    iterator = iter(PIPELINES[name]())
    for _ in range(7):
        next(iterator)
    assert workers() > 0
    del iterator
    assert until(lambda: workers() == 0)


@pytest.mark.parametrize("name", [n for n in PIPELINES if n != "without end"])
def test_an_iterator_at_its_end_has_no_threads(name: str) -> None:
    iterator = iter(PIPELINES[name]())
    list(iterator)
    assert until(lambda: workers() == 0)


def test_turns_of_the_lock_are_short_while_there_are_threads() -> None:
    assert until(lambda: workers() == 0 and sys.getswitchinterval() == 5e-3)
    first, second = (iter(Dataset.range(100).prefetch(2)) for _ in range(2))
    next(first), next(second)
    assert sys.getswitchinterval() == pytest.approx(5e-5)
    del first
    assert until(lambda: workers() == 1)
    assert sys.getswitchinterval() == pytest.approx(5e-5)
    del second
    assert until(lambda: sys.getswitchinterval() == 5e-3)


@pytest.mark.parametrize("before", [True, False])
def test_turns_of_the_lock_stay_as_the_program_sets_them(before: bool) -> None:
    assert until(lambda: workers() == 0 and sys.getswitchinterval() == 5e-3)
    try:
        if before:
            sys.setswitchinterval(1e-3)
        iterator = iter(Dataset.range(100).prefetch(2))
        next(iterator)
        sys.setswitchinterval(1e-3)
        del iterator
        assert until(lambda: workers() == 0)
        assert sys.getswitchinterval() == pytest.approx(1e-3)
    finally:
        sys.setswitchinterval(5e-3)


def test_prefetch_reads_ahead_and_no_further_than_its_buffer() -> None:
    seen: list[int] = []
    iterator = iter(Dataset.range(50).map(lambda i: seen.append(int(i)) or i).prefetch(3))
    next(iterator)
    assert until(lambda: len(seen) == 4)
    time.sleep(0.05)
    assert len(seen) == 4
    next(iterator)
    assert until(lambda: len(seen) == 5)


def test_the_program_computes_while_the_next_element_is_made() -> None:
    working, done = threading.Event(), threading.Event()

    def make(i: Any) -> Any:
        if int(i) == 1:
            working.set()
            assert done.wait(PATIENCE)  # goes on only when the program, too, gets to run
        return i

    iterator = iter(Dataset.range(2).map(make).prefetch(1))
    assert int(next(iterator)) == 0
    assert working.wait(PATIENCE)
    done.set()
    assert int(next(iterator)) == 1


def test_threads_call_a_function_at_once_and_keep_the_order() -> None:
    together = threading.Barrier(3, timeout=PATIENCE)

    def meet(i: Any) -> Any:
        together.wait()
        return i * i

    ds = Dataset.range(9).map(meet, num_parallel_calls=3)
    assert [int(i) for i in ds] == [i * i for i in range(9)]


def test_without_an_order_what_is_ready_comes_first() -> None:
    release = threading.Event()

    def wait_for_the_second(i: Any) -> Any:
        if int(i) == 0:
            assert release.wait(PATIENCE)
        return i

    iterator = iter(
        Dataset.range(4).map(wait_for_the_second, num_parallel_calls=2, deterministic=False)
    )
    assert int(next(iterator)) == 1
    release.set()
    assert sorted(int(i) for i in iterator) == [0, 2, 3]


@pytest.mark.parametrize("calls", [tf.data.AUTOTUNE, 1, 3])
@pytest.mark.parametrize("ahead", [0, 2])
def test_an_error_comes_in_its_place_with_its_own_traceback(calls: int, ahead: int) -> None:
    def fails_at_two(i: Any) -> Any:
        if int(i) == 2:
            try:
                return {}["missing"]
            except KeyError as error:
                raise ValueError("no element two") from error
        return i

    iterator = iter(Dataset.range(5).map(fails_at_two, num_parallel_calls=calls).prefetch(ahead))
    assert [int(next(iterator)) for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="no element two") as caught:
        next(iterator)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "fails_at_two" in names
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__notes__ == ["(raised by map_func of gradtape.data.Dataset.map)"]
    assert [int(i) for i in iterator] == [3, 4]


def failing(i: Any) -> Any:
    def rows() -> Any:
        yield i
        raise OSError(f"file {int(i)} is gone")

    return Dataset.from_generator(rows, output_signature=tf.TensorSpec([], tf.int64))


@pytest.mark.parametrize(
    ("ds", "count"),
    [
        (failing(0).prefetch(2), 1),
        (failing(0).batch(1).map(lambda x: x, num_parallel_calls=2).prefetch(1), 1),
        (Dataset.range(1).interleave(failing, 2, num_parallel_calls=2), 1),
        (Dataset.range(1).flat_map(failing).prefetch(1).map(lambda x: x).prefetch(1), 1),
    ],
)
def test_an_error_of_a_source_comes_through_threads_with_its_traceback(ds: Any, count: int) -> None:
    iterator = iter(ds)
    for _ in range(count):
        next(iterator)
    with pytest.raises(OSError, match="file 0 is gone") as caught:
        next(iterator)
    assert "rows" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


def test_a_slow_function_gets_threads_by_itself_and_a_quick_one_does_not() -> None:
    names: set[str] = set()

    def note(seconds: float) -> Any:
        def function(i: Any) -> Any:
            names.add(threading.current_thread().name)
            time.sleep(seconds)
            return i

        return function

    list(Dataset.range(20).map(note(0.002), num_parallel_calls=tf.data.AUTOTUNE))
    assert "gradtape.data" in names
    ds = Dataset.range(20).map(lambda i: i, num_parallel_calls=tf.data.AUTOTUNE)
    plan = ds.as_plan
    stream = plan.open()
    stream._seconds = [1e-6] * 5  # as if five calls had been timed
    assert int(stream.next()[1][0]) == 0
    assert stream._crew is None


def test_an_iterator_may_be_shared_by_threads() -> None:
    iterator = iter(Dataset.range(500).map(lambda i: i).batch(5).prefetch(2))
    found: list[int] = []

    def take() -> None:
        for batch in iterator:
            found.extend(batch.numpy().tolist())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(found) == list(range(500))


# memory


BIG = 1 << 17  # bytes of an element


def sized(bytes_: int) -> Any:
    def rows() -> Any:
        for i in range(300):
            yield np.full(bytes_, i % 251, np.uint8)

    return Dataset.from_generator(rows, output_signature=tf.TensorSpec([bytes_], tf.uint8))


@pytest.mark.parametrize(
    ("build", "most"),
    [
        (lambda ds: ds, 4),
        (lambda ds: ds.shuffle(20), 20 + 4),
        (lambda ds: ds.prefetch(5), 5 + 5),
        (lambda ds: ds.batch(8), 2 * 8 + 8 + 4),
        (lambda ds: ds.shuffle(20).batch(8).prefetch(2), 20 + (2 + 3) * 8 + 8 + 6),
        (
            lambda ds: ds.map(lambda x: x + tf.constant(1, tf.uint8), num_parallel_calls=3),
            2 * 4 * 3 + 6,
        ),
        (lambda ds: ds.window(6).flat_map(lambda w: w.batch(6)), 2 * 6 + 2 * 6 + 6),
        (lambda ds: ds.repeat(2).take(400).skip(3).filter(lambda x: True), 5),
    ],
)
def test_a_pipeline_keeps_no_more_than_its_buffers(build: Any, most: int) -> None:
    ds = build(sized(BIG))
    for _ in ds.take(1):  # what is made once
        pass
    assert until(lambda: workers() == 0)
    tracemalloc.start()
    try:
        for element in ds:
            del element
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most * BIG + (1 << 18)


# the end of the program


def process(program: str) -> Any:
    # where the tests run in the background an interrupt is ignored, by children too
    program = f"signal.signal(signal.SIGINT, signal.default_int_handler)\n{program}"
    command = [sys.executable, "-c", f"import gradtape as tf, signal, time\n{program}"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


WAITING = {
    "a slow function": "ds = tf.data.Dataset.range(9).map(lambda i: time.sleep(60) or i).prefetch(2)",
    "slow threads": "ds = tf.data.Dataset.range(9).map(lambda i: time.sleep(60) or i, 2)",
    "both": "ds = tf.data.Dataset.range(9).map(lambda i: time.sleep(60) or i, 2).prefetch(2)",
    "without end": "ds = tf.data.Dataset.range(9).map(lambda i: i).repeat().filter(lambda i: False).prefetch(2)",
}  # fmt: skip


@pytest.mark.parametrize("name", list(WAITING))
def test_an_interrupt_ends_a_program_that_waits(name: str) -> None:
    child = process(f"{WAITING[name]}\nit = iter(ds)\nprint('ready', flush=True)\nnext(it)")
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=PATIENCE)  # far less than what the function sleeps
    finally:
        child.kill()
    assert child.returncode != 0
    assert "KeyboardInterrupt" in errors


@pytest.mark.parametrize("name", list(WAITING))
def test_a_program_ends_while_threads_are_busy(name: str) -> None:
    program = "import threading\n" + WAITING[name] + "\nit = iter(ds)\n"
    program += "threading.Thread(target=lambda: next(it), daemon=True).start()\n"
    program += "time.sleep(0.3)\nprint('end')"
    child = process(program)
    try:
        output, errors = child.communicate(timeout=PATIENCE)
    finally:
        child.kill()
    assert (child.returncode, output, errors) == (0, "end\n", "")
