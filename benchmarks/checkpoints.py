"""Checkpoints: writers killed at random moments, files damaged at random places, and the speed.

python -m benchmarks.checkpoints [--quick] [--only kills,damage,speed]
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gradtape as tf
from benchmarks.timing import (
    CONSOLE,
    Effort,
    Report,
    Row,
    machine,
    measure,
    options,
    show_machine,
    table,
)
from gradtape.train.checkpoint_files import PREFIX

PIECES = 20  # variables of a checkpoint
ROOT = Path(__file__).resolve().parents[1]
SECTIONS = ("kills", "damage", "speed")


@dataclass(frozen=True)
class Kills:
    """What became of the checkpoints of killed writers.

    `kills` of them died while they wrote over one, `between_writes` do not count."""

    kills: int
    megabytes: float
    old: int
    new: int
    between_writes: int
    broken: int
    leftovers: int


@dataclass(frozen=True)
class Damage:
    """What became of damaged files."""

    kind: str
    tried: int
    refused: int
    unnoticed: int
    other_errors: int


# writers that are killed


def written_forever(path: str, megabytes: float) -> None:
    """Write one checkpoint after the other to the same path, each of one number only."""
    size = int(megabytes * 1e6 / 4 / PIECES)
    variables = [tf.Variable(np.zeros(size, np.float32)) for _ in range(PIECES)]
    checkpoint = tf.train.Checkpoint(variables=variables)
    for number in range(1, 1 << 20):
        for variable in variables:
            variable.assign(np.full(size, number, np.float32))
        print("begin", number, flush=True)
        checkpoint.write(path)
        print("end", number, flush=True)


def number_in(path: str, megabytes: float) -> int:
    """The one number of which a checkpoint consists; raises when it does not load, or has two."""
    size = int(megabytes * 1e6 / 4 / PIECES)
    variables = [tf.Variable(np.zeros(size, np.float32)) for _ in range(PIECES)]
    tf.train.Checkpoint(variables=variables).read(path).assert_consumed()
    number = int(variables[0].numpy()[0])
    for variable in variables:
        assert (variable.numpy() == number).all()
    return number


def killed_writers(kills: int, megabytes: float, seed: int = 0) -> Kills:
    """Kill writers at random moments until so many died while they wrote over a checkpoint, and
    look at what they leave.

    A writer that died between two writes, or of something else, proves nothing and is not counted,
    but what it leaves has to load all the same.
    """
    draw = random.Random(seed)
    found = {"old": 0, "new": 0, "broken": 0}
    between = 0
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "model")
        while sum(found.values()) < kills and between < 2 * kills + 10:
            last = _killed(path, megabytes, draw)
            number = verified(path, megabytes)
            if last is not None and last[0] == "begin":
                started = int(last[1])
                kind = {started - 1: "old", started: "new"}.get(number or 0, "broken")
                found[kind] += 1
            else:
                between += 1
                found["broken"] += last is not None and number != int(last[1])
        tf.train.Checkpoint(v=tf.Variable(0.0)).write(os.path.join(directory, "last"))
        left = sum(name.startswith(PREFIX) for name in os.listdir(directory))
    total = sum(found.values())
    return Kills(total, megabytes, found["old"], found["new"], between, found["broken"], left)


def verified(path: str, megabytes: float) -> int | None:
    """The number in a checkpoint, None when it does not load as a whole."""
    try:
        return number_in(path, megabytes)
    except Exception as error:
        CONSOLE.print(f"broken: {error!r}")
        return None


def _killed(path: str, megabytes: float, draw: random.Random) -> list[str] | None:
    """Kill a writer some time after it began its second checkpoint; its last words, None when it
    did not come so far."""
    command = [sys.executable, "-m", "benchmarks.checkpoints", "--write-forever", path]
    writer = subprocess.Popen(
        [*command, str(megabytes)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    with writer.stdout as said:
        times = {line: time.perf_counter() for line in itertools.islice(said, 3)}
        if "begin 2\n" in times:
            time.sleep(draw.uniform(0.0, 1.2 * (times["end 1\n"] - times["begin 1\n"])))
        os.kill(writer.pid, signal.SIGKILL)
        words = [*times, *said][-1:]
    writer.wait()
    return words[0].split() if len(times) == 3 else None


# files that are damaged


def various() -> dict[str, Any]:
    """Variables of many dtypes and shapes."""
    draw = np.random.default_rng(1)
    kinds = ["float32", "float64", "float16", "bfloat16", "complex64", "int64", "uint8", "bool"]
    made = {k: tf.cast(draw.integers(0, 2, [7, 3]), k) for k in kinds}
    large = {f"layers/{i}": draw.random((16, 9)) for i in range(4)}
    return {k: tf.Variable(v) for k, v in {**made, **large, "zero": 0.0, "none": []}.items()}


def flipped(data: bytes, draw: random.Random) -> bytes:
    """One bit is another one."""
    changed = bytearray(data)
    changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(data: bytes, draw: random.Random) -> bytes:
    """The end is missing."""
    return data[: draw.randrange(len(data))]


def extended(data: bytes, draw: random.Random) -> bytes:
    """There is more at the end."""
    return data + draw.randbytes(draw.randrange(1, 64))


def overwritten(data: bytes, draw: random.Random) -> bytes:
    """Some bytes are zeros, which they were not."""
    start = draw.randrange(len(data) - 64)
    changed = data[:start] + bytes(64) + data[start + 64 :]
    return changed if changed != data else flipped(data, draw)


def moved(data: bytes, draw: random.Random) -> bytes:
    """Two pieces have changed places."""
    first, second = sorted(draw.sample(range(0, len(data) - 16, 16), 2))
    changed = bytearray(data)
    changed[first : first + 16] = data[second : second + 16]
    changed[second : second + 16] = data[first : first + 16]
    return bytes(changed) if bytes(changed) != data else flipped(data, draw)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "one bit flipped": flipped,
    "cut off": cut,
    "extended": extended,
    "64 bytes zero": overwritten,
    "pieces exchanged": moved,
}


def damaged_files(kind: str, tries: int, seed: int = 0) -> Damage:
    """Damage a checkpoint's file again and again, and restore it."""
    draw, damage = random.Random(seed), DAMAGES[kind]
    count = {"refused": 0, "unnoticed": 0, "other": 0}
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = tf.train.Checkpoint(held=various())
        path = checkpoint.write(os.path.join(directory, "model"))
        file = Path(path + ".safetensors")
        data = file.read_bytes()
        for _ in range(tries):
            file.write_bytes(damage(data, draw))
            try:
                checkpoint.read(path)
            except tf.errors.DataLossError as error:
                count["refused" if str(file) in str(error) else "other"] += 1
            except Exception:
                count["other"] += 1
            else:
                count["unnoticed"] += 1
    return Damage(kind, tries, count["refused"], count["unnoticed"], count["other"])


# speed


def contestants(directory: str, megabytes: float) -> dict[str, dict[str, Callable[[], Any]]]:
    """What is timed, by task and contestant."""
    size = int(megabytes * 1e6 / 4 / PIECES)
    draw = np.random.default_rng(0)
    arrays = [draw.random(size).astype(np.float32) for _ in range(PIECES)]
    variables = [tf.Variable(a) for a in arrays]
    checkpoint = tf.train.Checkpoint(variables=variables)
    model, plain = os.path.join(directory, "model"), os.path.join(directory, "plain")
    content = b"".join([a.tobytes() for a in arrays])

    def synced(write: Callable[[Any], Any]) -> None:
        with open(plain, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())

    def loaded() -> list[Any]:
        with open(plain + ".npy", "rb") as file:
            return [np.load(file) for _ in arrays]

    checkpoint.write(model)
    with open(plain + ".npy", "wb") as file:
        for array in arrays:
            np.save(file, array)
    return {
        f"write {megabytes:g} MB, to the disk": {
            "gradtape": lambda: checkpoint.write(model),
            "numpy.save": lambda: synced(lambda file: [np.save(file, a) for a in arrays]),
            "file.write": lambda: synced(lambda file: file.write(content)),
        },
        f"read {megabytes:g} MB, cached by the system": {
            "gradtape": lambda: checkpoint.read(model).expect_partial(),
            "numpy.load": loaded,
            "file.read": lambda: Path(plain + ".npy").read_bytes(),
        },
        f"checksum of {megabytes:g} MB": {
            "zlib.crc32": lambda: zlib.crc32(content),
            "hashlib.sha256": lambda: hashlib.sha256(content).digest(),
            "hashlib.blake2b": lambda: hashlib.blake2b(content).digest(),
        },
    }


def timed(megabytes: float, effort: Effort) -> list[Row]:
    """Measure everything in turns, and show it."""
    rows = []
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as directory:
        for task, calls in contestants(directory, megabytes).items():

            def looped(call: Callable[[], Any]) -> Callable[[int], float]:
                def run(number: int) -> float:
                    began = time.perf_counter()
                    for _ in range(number):
                        call()
                    return time.perf_counter() - began

                return run

            spreads = measure({name: looped(call) for name, call in calls.items()}, effort)
            found = [Row(task, task, name, spread) for name, spread in spreads.items()]
            CONSOLE.print(table(task, found, list(calls)[1:]))
            rows += found
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen sections; a complete run is stored."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--write-forever"]:
        written_forever(given[1], float(given[2]))
    chosen = options(given, SECTIONS, "benchmarks.checkpoints", __doc__)
    report = Report("checkpoints-quick" if chosen.quick else "checkpoints", machine())
    show_machine(report.machine)
    if "damage" in chosen.only:
        for kind in DAMAGES:
            report.rows.append(damaged_files(kind, 50 if chosen.quick else 1000))
            CONSOLE.print(report.rows[-1])
    if "speed" in chosen.only:
        effort = Effort(sample=1e-3, budget=5.0 if chosen.quick else 30.0, rounds=15)
        report.rows += timed(20 if chosen.quick else 100, effort)
    if "kills" in chosen.only:
        report.rows.append(killed_writers(*((5, 10) if chosen.quick else (100, 100))))
        CONSOLE.print(report.rows[-1])
    if len(chosen.only) == len(SECTIONS):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
