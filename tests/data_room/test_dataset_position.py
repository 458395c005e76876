"""The position of an iterator, written down as JSON at every element, leads to the same rest."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Dataset = tf.data.Dataset
ROOT = Path(__file__).resolve().parents[2]


def generated() -> Any:
    def pairs() -> Any:
        for i in range(9):
            yield i, [1.0] * (i % 3 + 1)

    signature = (tf.TensorSpec([], tf.int64), tf.TensorSpec([None]))
    return Dataset.from_generator(pairs, output_signature=signature)


def numbers(n: int) -> Any:
    return Dataset.range(n).map(lambda i: i + 1)


PIPELINES = {
    "rows": lambda: Dataset.from_tensor_slices((np.arange(12.0), {"a": np.arange(24).reshape(12, 2)}))
    .shuffle(5).repeat(3).batch(4),
    "rows mapped": lambda: Dataset.range(70).shuffle(9).map(lambda i: i * 2).skip(3).batch(7),
    "elements": lambda: numbers(11).shuffle(5).repeat(2).batch(4).prefetch(2),
    "structures": lambda: Dataset.range(11).map(lambda x: {"q": (x, x + 1), "a": x}).shuffle(5).repeat(2).prefetch(3),
    "one order": lambda: Dataset.range(10).shuffle(20, reshuffle_each_iteration=False).repeat(3),
    "generator": lambda: generated().shuffle(3).repeat(2).padded_batch(2),
    "interleave": lambda: Dataset.range(6)
    .interleave(lambda i: Dataset.range(i * 10, i * 10 + 5).shuffle(3, seed=1), 3, 2).batch(3),
    "interleave ahead": lambda: Dataset.range(6)
    .interleave(lambda i: Dataset.range(i * 10, i * 10 + 5).map(lambda x: x), 3, 2, num_parallel_calls=2).prefetch(1),
    "threads": lambda: Dataset.range(20).map(lambda x: x + 1, num_parallel_calls=3).shuffle(4).batch(3).repeat(2),
    "timed": lambda: Dataset.range(20).map(lambda x: x + 1, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE),
    "windows": lambda: Dataset.range(12).window(4, 2).flat_map(lambda w: w.batch(4)).prefetch(2),
    "cache": lambda: numbers(6).shuffle(4).cache().repeat(3).batch(2),
    "cache, shuffle": lambda: numbers(6).cache().shuffle(4).repeat(3).batch(2),
    "zip": lambda: Dataset.zip((Dataset.range(9).shuffle(4), numbers(9))).batch(2),
    "enumerate": lambda: Dataset.range(9).shuffle(3).enumerate(),
    "sample": lambda: Dataset.sample_from_datasets([numbers(9), Dataset.range(100, 109).repeat()], [0.3, 0.7]).take(20),
    "choose": lambda: Dataset.choose_from_datasets([numbers(9), Dataset.range(9)], Dataset.range(2).repeat(), False),
    "groups": lambda: numbers(15).group_by_window(lambda x: x % 3, lambda k, w: w.batch(2), 3),
    "unique": lambda: Dataset.range(12).map(lambda x: x % 5).unique(),
    "scan": lambda: Dataset.range(9).scan((np.int64(0), np.int64(1)), lambda s, x: ((s[0] + x, s[1]), s[0] * x)),
    "unbatch": lambda: Dataset.range(9).batch(4).unbatch().shuffle(3),
    "rebatch": lambda: Dataset.range(20).batch(6).rebatch([4, 3]),
    "take_while": lambda: Dataset.range(9).take_while(lambda x: x < 5).repeat(3),
    "selections": lambda: Dataset.range(20).skip(3).take(9).shard(2, 1).repeat(2).skip(2),
    "random": lambda: Dataset.random(seed=5, rerandomize_each_iteration=True).take(4).repeat(2),
    "concatenate": lambda: Dataset.range(4).shuffle(3).concatenate(Dataset.range(10, 14).shuffle(3)).repeat(2),
    "filter": lambda: Dataset.range(20).filter(lambda x: x % 3 > 0).shuffle(5).batch(3),
    "strings": lambda: Dataset.from_tensor_slices(["a", "bb", "c"]).map(lambda s: (s, len(s))).shuffle(2).prefetch(1),
    "bfloat16": lambda: Dataset.from_tensor_slices(tf.cast([1.0, 2.0, 3.0], tf.bfloat16)).map(lambda x: x).shuffle(3),
    "none": lambda: Dataset.range(5).map(lambda x: (x, None)).shuffle(3).prefetch(2),
    "cut rounds": lambda: Dataset.range(9).prefetch(3).take(4).repeat(3),
    "cut rounds of threads": lambda: Dataset.range(9).map(lambda x: x, num_parallel_calls=2).take(4).repeat(3),
    "counted": lambda: numbers(6).apply(tf.data.experimental.assert_cardinality(6)).batch(2),
    "errors": lambda: Dataset.range(6).map(lambda i: 6 // (int(i) - 2)).ignore_errors().shuffle(3),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PIPELINES))
def test_the_rest_is_the_same_from_every_position(name: str) -> None:
    make = PIPELINES[name]
    total = len(list(make()))
    for done in range(total + 2):
        iterator = make().as_numpy_iterator()
        list(itertools.islice(iterator, done))
        state = json.loads(json.dumps(iterator.state_dict()))
        rest = str(list(iterator))
        used = make().as_numpy_iterator()
        list(itertools.islice(used, 3))
        for other in (make().as_numpy_iterator(), used, iterator):
            other.load_state_dict(state)
            assert str(list(other)) == rest, done


def test_nothing_that_waits_is_computed_again() -> None:
    calls: list[int] = []

    def make() -> Any:
        return (
            Dataset.range(12).map(lambda i: calls.append(int(i)) or i).shuffle(5, seed=1).batch(2)
        )

    iterator = iter(make())
    next(iterator)
    state = iterator.state_dict()
    before = list(calls)
    other = iter(make())
    other.load_state_dict(state)
    list(other)
    assert before + calls[len(before) :] == list(range(12))


def test_the_state_of_rows_does_not_grow_with_the_buffer() -> None:
    iterator = iter(Dataset.range(100_000).shuffle(100_000).repeat().batch(10))
    next(iterator)
    assert len(json.dumps(iterator.state_dict())) < 600


def test_an_error_that_waits_is_told_in_its_place() -> None:
    def make() -> Any:
        return Dataset.range(4).map(lambda i: 6 // (int(i) - 2)).prefetch(4)

    iterator = iter(make())
    assert int(next(iterator)) == -3
    while len(iterator.state_dict()["stream"]["waiting"]) < 3:  # until the thread has read all
        pass
    other = iter(make())
    other.load_state_dict(json.loads(json.dumps(iterator.state_dict())))
    assert int(next(other)) == -6
    with pytest.raises(tf.errors.UnknownError, match="ZeroDivisionError"):
        next(other)
    assert int(next(other)) == 6


def test_another_process_goes_on() -> None:
    program = """
import json, sys
import gradtape as tf
ds = tf.data.Dataset.range(20).map(lambda i: i * i).shuffle(7).repeat(2).batch(3).prefetch(2)
iterator = iter(ds)
if len(sys.argv) > 1:
    iterator.load_state_dict(json.loads(sys.argv[1]))
else:
    for _ in range(5):
        next(iterator)
    print(json.dumps(iterator.state_dict()))
print([batch.numpy().tolist() for batch in iterator])
"""

    def run(*arguments: str) -> list[str]:
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout.splitlines()

    state, rest = run()
    assert run(state) == [rest]


def test_states_of_other_pipelines_are_refused() -> None:
    state = iter(Dataset.range(3).batch(2)).state_dict()
    with pytest.raises(ValueError, match="has 'batch of rows' where this one has 'repeat'"):
        iter(Dataset.range(3).map(lambda i: i).repeat()).load_state_dict(state)
    with pytest.raises(ValueError, match="with version 1"):
        iter(Dataset.range(3)).load_state_dict({})
    nested = iter(Dataset.range(3).map(lambda i: Dataset.range(2)).shuffle(2))
    next(nested)
    with pytest.raises(tf.errors.UnimplementedError, match="no window cannot be written down"):
        nested.state_dict()


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_function_that_fails_leaves_the_rest_to_come(shuffled: bool) -> None:
    def picky(i: Any) -> Any:
        if int(i) == 5:
            raise ValueError("no fives")
        return i

    rows = Dataset.from_tensor_slices(np.arange(12))
    order = rows.shuffle(12, reshuffle_each_iteration=False) if shuffled else rows
    numbers = [int(i) for i in order]
    at = numbers.index(5)
    batches = iter(order.map(picky).batch(4))
    seen = [n for _ in range(at // 4) for n in next(batches).numpy().tolist()]
    with pytest.raises(ValueError, match="no fives") as caught:
        next(batches)
    assert "map_func of gradtape.data.Dataset.map" in str(caught.value.__notes__)
    assert seen == numbers[: at // 4 * 4]  # the others of its batch are gone with it
    rest = [n for batch in batches for n in batch.numpy().tolist()]
    assert rest == numbers[at + 1 :]
