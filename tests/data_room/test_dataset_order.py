"""Shuffling: every order has its chance, rounds differ, and seeds repeat."""

from __future__ import annotations

import collections
import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Dataset = tf.data.Dataset
SOURCES = {
    "rows": lambda n: Dataset.range(n),
    "elements": lambda n: Dataset.range(n).map(lambda i: i),
}
sources = pytest.mark.parametrize("source", list(SOURCES))


def order(dataset: Any) -> list[int]:
    return [int(i) for i in dataset.as_numpy_iterator()]


@sources
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 50])
def test_an_order_is_one_that_the_buffer_allows(source: str, size: int) -> None:
    for seed in range(20):
        found = order(SOURCES[source](8).shuffle(size, seed=seed))
        assert sorted(found) == list(range(8))
        # the i-th element that leaves was among the first i + size of the input
        assert all(item < i + size for i, item in enumerate(found))


def law(size: int, n: int) -> dict[tuple[int, ...], float]:
    """The chance of each order of n elements through a buffer, by following every draw."""
    chances: dict[tuple[int, ...], float] = collections.defaultdict(float)

    def follow(done: tuple[int, ...], waiting: tuple[int, ...], coming: int, chance: float) -> None:
        if not waiting:
            chances[done] += chance
            return
        for item in waiting:
            rest = tuple([w for w in waiting if w != item])
            more = (coming,) if coming < n else ()
            follow((*done, item), rest + more, coming + 1, chance / len(waiting))

    follow((), tuple(range(min(size, n))), size, 1.0)
    return chances


@sources
@pytest.mark.parametrize("size", [2, 3, 4])
def test_orders_come_as_often_as_the_buffer_makes_them(source: str, size: int) -> None:
    rounds = 3000
    ds = SOURCES[source](4).shuffle(size, seed=3).repeat(rounds)
    found = order(ds)
    counts = collections.Counter(tuple(found[i : i + 4]) for i in range(0, 4 * rounds, 4))
    wanted = law(size, 4)
    assert sum(wanted.values()) == pytest.approx(1.0)
    assert set(counts) == set(wanted)
    squares = sum((counts[o] - rounds * p) ** 2 / (rounds * p) for o, p in wanted.items())
    degrees = len(wanted) - 1
    assert squares < degrees + 5 * np.sqrt(2 * degrees)  # chi squared


@sources
def test_rounds_and_iterators_have_their_own_order(source: str) -> None:
    ds = SOURCES[source](20).shuffle(20, seed=1)
    rounds = order(ds.repeat(3))
    assert len({tuple(rounds[i : i + 20]) for i in (0, 20, 40)}) == 3
    assert order(ds) != order(ds)
    fixed = SOURCES[source](20).shuffle(20, reshuffle_each_iteration=False)
    assert order(fixed) == order(fixed)
    assert order(fixed.repeat(2)) == 2 * order(fixed)


@sources
def test_seeds_repeat(source: str) -> None:
    make = lambda seed=None: SOURCES[source](20).shuffle(7, seed=seed)
    assert order(make(5)) == order(make(5))
    assert order(make(5)) != order(make(6))
    tf.random.set_seed(1)
    first = [order(make()), order(make())]
    tf.random.set_seed(1)
    assert [order(make()), order(make())] == first
    assert first[0] != first[1]
    tf.random.set_seed(2)
    assert order(make()) != first[0]


def test_rows_and_elements_are_shuffled_alike() -> None:
    for size in (3, 8, 30):
        orders = [order(make(20).shuffle(size, seed=2).repeat(2)) for make in SOURCES.values()]
        assert orders[0] == orders[1]
    batches = Dataset.range(20).shuffle(6, seed=2).batch(7)
    assert [i for b in batches for i in b.numpy().tolist()] == order(
        Dataset.range(20).shuffle(6, seed=2)
    )


def test_features_and_labels_stay_together() -> None:
    x = np.arange(30.0).reshape(30, 1)
    ds = Dataset.from_tensor_slices((x, 2 * x)).shuffle(30).repeat(2).batch(8)
    zipped = (
        Dataset.zip(Dataset.from_tensor_slices(x), Dataset.from_tensor_slices(2 * x))
        .shuffle(9)
        .batch(8)
    )
    for pairs in (ds, zipped):
        for a, b in pairs:
            np.testing.assert_array_equal(2 * a.numpy(), b.numpy())


def test_random_numbers() -> None:
    ds = Dataset.random(seed=4).take(2000)
    found = order(ds)
    assert found == order(ds)
    assert all(0 <= i < 2**32 for i in found)
    assert abs(np.mean(found) / 2**32 - 0.5) < 5 / np.sqrt(12 * 2000)
    again = Dataset.random(seed=4, rerandomize_each_iteration=True).take(5)
    assert order(again) != order(again)


def test_a_shuffle_of_unknown_size_takes_everything() -> None:
    found = order(Dataset.range(100).shuffle(tf.data.UNKNOWN_CARDINALITY, seed=1))
    assert sorted(found) == list(range(100))
    assert max(abs(a - i) for i, a in enumerate(found)) > 50


def test_orders_of_an_iterator_do_not_depend_on_how_many_are_asked_at_once() -> None:
    one = iter(Dataset.range(50).shuffle(9, seed=3).repeat(2))
    wanted = [int(i) for i in one]
    for size in (1, 3, 8, 64):
        batches = Dataset.range(50).shuffle(9, seed=3).repeat(2).batch(size)
        assert list(itertools.chain.from_iterable(b.numpy().tolist() for b in batches)) == wanted
