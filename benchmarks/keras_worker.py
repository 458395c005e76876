"""One backend of Keras in a process of its own, which trains a model whenever it is told to.

It answers each line that it reads with a line of JSON, as `benchmarks.keras` expects them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from time import perf_counter, process_time
from typing import Any

from benchmarks.keras_models import TASKS, Task, set_weights
from benchmarks.memory import high_water

CHECKED = 5  # steps whose mean loss is compared


def loaded(backend: str) -> Any:
    """Keras on a backend."""
    if backend == "gradtape":
        from gradtape import keras

        keras.backend.backend()
        return keras
    os.environ["KERAS_BACKEND"] = backend
    import keras

    return keras


def compiled(keras: Any, task: Task, plain: bool) -> Any:
    """The model of a task, ready for `fit`; `plain` forbids XLA."""
    model = task.build(keras)
    set_weights(model)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False if plain else "auto",
    )
    return model


class Training:
    """A model and its data."""

    def __init__(self, task: Task, model: Any) -> None:
        self.task, self.model = task, model
        self.x, self.y = task.data()

    def fit(self, steps: int, shuffle: bool = True) -> tuple[float, float, float]:
        """Train so many steps; seconds, seconds of all cores, and the mean of the losses."""
        count = steps * self.task.batch
        started, busy = perf_counter(), process_time()
        history = self.model.fit(
            self.x[:count],
            self.y[:count],
            batch_size=self.task.batch,
            shuffle=shuffle,
            verbose=0,
        )
        taken = perf_counter() - started, process_time() - busy
        return *taken, float(history.history["loss"][0])

    def answer(self, asked: str) -> Any:
        """What one line asks for."""
        if asked == "first":
            return self.fit(1, False)
        if asked == "check":
            return self.fit(CHECKED, False)
        if asked == "time":
            return self.fit(self.task.steps)
        return high_water()


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(prog="benchmarks.keras_worker", description=__doc__)
    parser.add_argument("backend")
    parser.add_argument("task")
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a backend prints is no answer
    keras = loaded(options.backend)
    task = next(task for task in TASKS if task.name == options.task)
    training = Training(task, compiled(keras, task, options.plain))
    for line in sys.stdin:
        print(json.dumps(training.answer(line.strip())), file=answers, flush=True)


if __name__ == "__main__":
    main()
