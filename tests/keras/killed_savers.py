"""Kill processes at random moments while they save a model of some megabytes over an older one, and load what is there.

`python -m tests.keras.killed_savers 50` prints, for both kinds of files, how many kills left the
old file, a newer one, and a broken one. `--bare` takes Keras's own writers, without our wrapping:
it shows that the kills hit."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from gradtape import keras

WIDTH = 900  # times itself four bytes: 3 MB


def filled(model: Any, value: float) -> None:
    """Set every weight to one value."""
    for variable in model.weights:
        variable.assign(np.full(variable.shape, value, np.float32))


def value_of(model: Any) -> float:
    """The one value of all weights."""
    (value,) = np.unique(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    return float(value)


def killed_once(save: Any, model: Any, within: float) -> None:
    """Fork a process that saves newer and newer models, and kill it at a random moment."""
    child = os.fork()
    if child == 0:
        while True:
            filled(model, value_of(model) + 1)
            save()
    time.sleep(random.uniform(0, within))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def outcome(load: Any, old: float) -> str:
    """What is found at the path after a kill."""
    try:
        value = load()
    except Exception as error:
        return f"broken ({type(error).__name__})"
    return "old" if value == old else "newer"


def kills(name: str, count: int, directory: Path) -> dict[str, int]:
    """Kill so many writers of one kind of file; what was found after each."""
    model = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(WIDTH)])
    path = str(directory / name)
    whole = name.endswith(".keras")
    save = (lambda: model.save(path)) if whole else (lambda: model.save_weights(path))

    def load() -> float:
        if whole:
            return value_of(keras.models.load_model(path))
        model.load_weights(path)
        return value_of(model)

    found: Counter[str] = Counter()
    for _ in range(count):
        filled(model, 1.0)
        begin = time.perf_counter()
        save()
        killed_once(save, model, 3 * (time.perf_counter() - begin))
        found[outcome(load, 1.0)] += 1
        filled(model, 0.0)
    filled(model, 2.0)
    save()
    found["files left behind"] = len(os.listdir(directory)) - 1
    return dict(found)


def main(arguments: list[str]) -> dict[str, dict[str, int]]:
    """Kill writers of both kinds."""
    warnings.simplefilter("ignore")  # that a process with threads forks
    if "--bare" in arguments:
        library = keras.src.saving.saving_lib
        for name in ("save_model", "save_weights_only"):
            setattr(library, name, getattr(library, name).__wrapped__)
    found = {}
    for name in ("model.keras", "model.weights.h5"):
        with tempfile.TemporaryDirectory() as directory:
            found[name] = kills(name, int(arguments[0]), Path(directory))
    print(json.dumps(found))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
