"""What datasets give: values, structures, dtypes, numbers of elements, and errors with words."""

from __future__ import annotations

import collections
import doctest
import inspect
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Dataset = tf.data.Dataset
Pair = collections.namedtuple("Pair", "x y")


def values(dataset: Any) -> list[Any]:
    """The elements as nested Python numbers."""
    plain = lambda leaf: leaf.tolist() if isinstance(leaf, (np.ndarray, np.generic)) else leaf
    return [tf.nest.map_structure(plain, element) for element in dataset.as_numpy_iterator()]


def ragged() -> Any:
    rows = [[1], [2, 3], [4, 5, 6]]
    return Dataset.from_generator(lambda: rows, output_signature=tf.TensorSpec([None], tf.int32))


# sources and structures


def test_slices_of_a_structure() -> None:
    ds = Dataset.from_tensor_slices(
        {"a": [[1, 2], [3, 4]], "b": (np.array([1.0, 2.0]), [True, False])}
    )
    assert ds.element_spec == {
        "a": tf.TensorSpec([2], tf.int32),
        "b": (tf.TensorSpec([], tf.float64), tf.TensorSpec([], tf.bool)),
    }
    assert values(ds) == [{"a": [1, 2], "b": (1.0, True)}, {"a": [3, 4], "b": (2.0, False)}]


def test_slices_are_copied_unless_nobody_can_write_to_them(tmp_path: Any) -> None:
    array = np.arange(3.0)
    ds = Dataset.from_tensor_slices(array)
    array[0] = 9
    assert values(ds) == [0.0, 1.0, 2.0]
    np.save(tmp_path / "x.npy", np.arange(4.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    (batch,) = Dataset.from_tensor_slices(mapped).batch(4).as_numpy_iterator()
    assert np.shares_memory(batch, mapped)


def test_what_numpy_can_read_is_an_array() -> None:
    class Frame:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([[1.0, 2.0], [3.0, 4.0]])

    ds = Dataset.from_tensor_slices(Frame())
    assert ds.element_spec == tf.TensorSpec([2], tf.float64)
    assert values(ds) == [[1.0, 2.0], [3.0, 4.0]]


def test_strings_pass_through_to_functions() -> None:
    ds = Dataset.from_tensor_slices((["a", "bcd"], [0, 1])).map(lambda name, y: (len(name), y))
    assert values(ds) == [(1, 0), (3, 1)]
    (batch,) = Dataset.from_tensor_slices(["a", "bcd"]).batch(2)
    assert batch.tolist() == ["a", "bcd"]


def test_tuples_are_structures_and_lists_are_tensors() -> None:
    ds = Dataset.range(2).map(lambda i: (i, [i, i + 1]))
    assert ds.element_spec == (tf.TensorSpec([], tf.int64), tf.TensorSpec([2], tf.int64))
    assert values(ds) == [(0, [0, 1]), (1, [1, 2])]
    assert values(Dataset.range(2).map(lambda i: [i, -i])) == [(0, 0), (1, -1)]
    named = Dataset.from_tensor_slices(Pair([1, 2], [3, 4])).map(lambda p: Pair(p.y, p.x))
    assert values(named.batch(2)) == [Pair([3, 4], [1, 2])]
    assert values(Dataset.range(3).map(lambda i: (i, None)).batch(2)) == [
        ([0, 1], None),
        ([2], None),
    ]


def test_a_tuple_gives_several_arguments() -> None:
    pairs = Dataset.from_tensor_slices(([1, 2], ([3, 4], [5, 6])))
    assert values(pairs.map(lambda a, b: a + b[0] * b[1])) == [16, 26]
    assert values(pairs.filter(lambda a, b: a > 1)) == [(2, (4, 6))]
    assert values(Dataset.from_tensor_slices(([1, 2],)).map(lambda a: a)) == [1, 2]


def test_python_numbers_and_dtypes() -> None:
    spec = Dataset.range(1).map(lambda i: (1, 2.5, True, np.float64(1.0))).element_spec
    assert [s.dtype for s in spec] == [tf.int32, tf.float32, tf.bool, tf.float64]
    assert Dataset.range(2, output_type=tf.float32).element_spec.dtype is tf.float32


def test_functions_of_many_elements_at_once() -> None:
    ds = tf.data.Dataset.range(5)
    mixed = ds.map(lambda i: i if i % 2 else i.numpy()).batch(5)
    assert [b.numpy().tolist() for b in mixed] == [[0, 1, 2, 3, 4]]
    wide = tf.data.Dataset.zip((ds,) * 17).map(lambda *xs: xs[::-1]).batch(5)
    (batch,) = wide
    assert len(batch) == 17
    assert [b.numpy().tolist() for b in batch] == [[0, 1, 2, 3, 4]] * 17
    with pytest.raises(tf.errors.InvalidArgumentError, match="different structures"):
        list(ds.map(lambda i: (i, i) if i == 3 else i).batch(5))
    with pytest.raises(tf.errors.InvalidArgumentError, match="element 3 had shape"):
        list(ds.map(lambda i: tf.zeros([3 if i == 3 else 2])).batch(5))
    nested = tf.data.Dataset.from_tensor_slices({"a": np.arange(4), "b": np.arange(4) * 2})
    (batch,) = nested.map(lambda d: {"c": d["a"] + d["b"]}).batch(4)
    assert batch["c"].numpy().tolist() == [0, 3, 6, 9]


def test_functions_run_as_python() -> None:
    seen: list[int] = []

    def look(i: Any) -> Any:
        seen.append(int(i))
        return np.sin(i.numpy())

    assert values(Dataset.range(3).map(look)) == pytest.approx([0.0, np.sin(1), np.sin(2)])
    assert seen == [0, 1, 2]
    assert Dataset.range(3).batch(2).map(lambda i: np.asarray(i) * 2).element_spec == tf.TensorSpec(
        [None], tf.int64
    )


def test_a_tape_does_not_record_functions_of_a_pipeline() -> None:
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        (x,) = Dataset.from_tensors(3.0).map(lambda x: x * v)
        y = x * v
    assert float(x) == 6.0
    assert float(tape.gradient(y, v)) == 6.0


def test_a_generator_gets_arguments_and_its_elements_are_checked() -> None:
    ds = Dataset.from_generator(lambda n: iter(range(n)), output_types=tf.int32, args=(3,))
    assert values(ds.repeat(2)) == [0, 1, 2, 0, 1, 2]
    assert ds.element_spec.shape.rank is None
    spec = tf.TensorSpec([], tf.int32)
    cases = [
        (spec, [1, [2]], r"of shape \(1,\) where an element of shape \(\)"),
        (
            spec,
            [1, "a"],
            "could not be converted to the expected type. The expected type was int32",
        ),
        ((spec, spec), [1], "did not match the expected structure"),
    ]
    for signature, items, words in cases:
        iterator = iter(Dataset.from_generator(lambda i=items: iter(i), output_signature=signature))
        with pytest.raises(TypeError, match=words):
            list(iterator)


# the methods


@pytest.mark.parametrize(
    ("size", "drop", "wanted"),
    [
        (2, False, [[0, 1], [2, 3], [4]]),
        (2, True, [[0, 1], [2, 3]]),
        (7, False, [[0, 1, 2, 3, 4]]),
        (7, True, []),
    ],
)
def test_batch(size: int, drop: bool, wanted: Any) -> None:
    for source in (Dataset.range(5), Dataset.range(5).map(lambda i: i)):
        ds = source.batch(size, drop_remainder=drop)
        assert values(ds) == wanted
        assert len(ds) == len(wanted)
        assert ds.element_spec == tf.TensorSpec([size if drop else None], tf.int64)


def test_padded_batch() -> None:
    assert values(ragged().padded_batch(2)) == [[[1, 0], [2, 3]], [[4, 5, 6]]]
    assert values(ragged().padded_batch(3, [4], 9)) == [[[1, 9, 9, 9], [2, 3, 9, 9], [4, 5, 6, 9]]]
    assert values(ragged().padded_batch(3, [-1])) == [[[1, 0, 0], [2, 3, 0], [4, 5, 6]]]
    both = Dataset.zip((ragged(), Dataset.range(3)))
    assert values(both.padded_batch(2, ([3], []), (7, 0))) == [
        ([[1, 7, 7], [2, 3, 7]], [0, 1]),
        ([[4, 5, 6]], [2]),
    ]
    assert ragged().padded_batch(2).element_spec == tf.TensorSpec([None, None], tf.int32)
    assert ragged().padded_batch(2, [4], drop_remainder=True).element_spec.shape == [2, 4]
    with pytest.raises(tf.errors.DataLossError, match="Attempted to pad to a smaller size"):
        values(ragged().padded_batch(2, [1]))
    with pytest.raises(TypeError, match="padding_values"):
        values(ragged().padded_batch(2, padding_values=1.5))


def test_unbatch_and_rebatch() -> None:
    batches = Dataset.range(7).batch(3)
    assert values(batches.unbatch()) == list(range(7))
    assert values(batches.rebatch(2)) == [[0, 1], [2, 3], [4, 5], [6]]
    assert values(batches.rebatch([2, 1])) == [[0, 1], [2], [3, 4], [5], [6]]
    assert values(batches.rebatch(2, drop_remainder=True)) == [[0, 1], [2, 3], [4, 5]]
    assert len(Dataset.range(9).batch(3, drop_remainder=True).unbatch()) == 9
    with pytest.raises(ValueError, match="scalar components"):
        Dataset.range(3).unbatch()


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize("shift", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("drop", [False, True])
def test_windows(size: int, shift: int, stride: int, drop: bool) -> None:
    ds = Dataset.range(10).window(size, shift, stride, drop)
    whole = [list(range(start, 10, stride))[:size] for start in range(0, 10, shift)]
    wanted = [w for w in whole if not drop or len(w) == size]
    assert [values(window) for window in ds] == wanted
    assert len(ds) == len(wanted)


def test_windows_of_structures() -> None:
    ds = Dataset.from_tensor_slices({"a": [1, 2, 3], "b": [4, 5, 6]}).window(2)
    assert [{k: values(w) for k, w in element.items()} for element in ds] == [
        {"a": [1, 2], "b": [4, 5]},
        {"a": [3], "b": [6]},
    ]
    spec = tf.TensorSpec([], tf.int64)
    assert Dataset.range(2).window(2).element_spec == tf.data.DatasetSpec(spec)


def test_selections() -> None:
    ds = Dataset.range(8)
    assert values(ds.take(3)) == [0, 1, 2]
    assert values(ds.take(-1)) == list(range(8))
    assert values(ds.skip(6)) == [6, 7]
    assert values(ds.skip(-1)) == []
    assert [values(ds.shard(3, i)) for i in range(3)] == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert values(ds.take(2).repeat(2).skip(1)) == [1, 0, 1]
    assert values(ds.repeat().skip(7).take(3)) == [7, 0, 1]
    assert values(ds.concatenate(Dataset.range(2)).skip(7)) == [7, 0, 1]
    assert values(Dataset.range(0).repeat()) == []
    assert values(ds.filter(lambda i: i > 9).repeat()) == []
    assert values(ds.take_while(lambda i: i < 2).repeat(2)) == [0, 1, 0, 1]
    assert values(Dataset.from_tensor_slices([3, 1, 3, 2, 1]).unique()) == [3, 1, 2]


def test_zip_and_enumerate() -> None:
    a, b = Dataset.range(3), Dataset.range(5, 9).map(lambda i: -i)
    wanted = [(0, -5), (1, -6), (2, -7)]
    for ds in (Dataset.zip(a, b), Dataset.zip((a, b)), a.zip(b), Dataset.zip(datasets=(a, b))):
        assert values(ds) == wanted
    assert values(Dataset.zip({"p": a, "q": (b, a)}).take(1)) == [{"p": 0, "q": (-5, 0)}]
    assert values(a.enumerate(5).batch(2)) == [([5, 6], [0, 1]), ([7], [2])]
    assert len(a.repeat().zip(b)) == 4
    with pytest.raises(TypeError, match="`list` is not supported"):
        Dataset.zip([a, b])


TURNS = [  # cycle, block, and the order that TensorFlow 2.21 gives
    (1, 1, [0, 10, 11, 20, 21, 22, 30, 31, 32, 33, 40, 41, 42, 43, 44]),
    (2, 1, [0, 10, 11, 20, 21, 30, 22, 31, 32, 40, 33, 41, 42, 43, 44]),
    (2, 2, [0, 10, 11, 20, 21, 22, 30, 31, 40, 41, 32, 33, 42, 43, 44]),
    (3, 2, [0, 10, 11, 20, 21, 30, 31, 22, 32, 33, 40, 41, 42, 43, 44]),
    (4, 3, [0, 10, 11, 20, 21, 22, 30, 31, 32, 40, 41, 42, 33, 43, 44]),
    (10, 1, [0, 10, 20, 30, 40, 11, 21, 31, 41, 22, 32, 42, 33, 43, 44]),
    (2, 5, [0, 10, 11, 20, 21, 22, 30, 31, 32, 33, 40, 41, 42, 43, 44]),
]  # fmt: skip


@pytest.mark.parametrize(("cycle", "block", "wanted"), TURNS)
@pytest.mark.parametrize("threads", [None, 2])
def test_interleave(cycle: int, block: int, wanted: list[int], threads: int | None) -> None:
    each = lambda i: Dataset.range(10 * i, 10 * i + i + 1)
    ds = Dataset.range(5).interleave(each, cycle, block, num_parallel_calls=threads)
    assert values(ds) == wanted


def test_interleave_goes_on_with_the_next_dataset_where_one_ends() -> None:
    ds = Dataset.range(4).interleave(lambda i: Dataset.from_tensors(i).repeat(3), 2, 2)
    # TensorFlow's documentation of interleave gives this order for 1..5, repeated six times, blocks of 4
    assert values(ds) == [0, 0, 1, 1, 0, 1, 2, 2, 3, 3, 2, 3]
    known = Dataset.range(1, 6).interleave(lambda i: Dataset.from_tensors(i).repeat(6), 2, 4)
    assert values(known) == [
        1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5,
    ]  # fmt: skip


def test_flat_map_scan_reduce() -> None:
    assert values(Dataset.range(4).flat_map(Dataset.range)) == [0, 0, 1, 0, 1, 2]
    zero = tf.constant(0, tf.int64)
    assert values(Dataset.range(4).scan(zero, lambda s, i: (s + i, (s, i)))) == [
        (0, 0),
        (0, 1),
        (1, 2),
        (3, 3),
    ]
    assert int(Dataset.range(5).reduce(zero, lambda s, i: s + i)) == 10
    pairs = Dataset.zip(Dataset.range(3), Dataset.range(3))
    assert int(pairs.reduce(zero, lambda s, pair: s + pair[0] * pair[1])) == 5
    with pytest.raises(TypeError, match="return a state like the one it got"):
        Dataset.range(5).reduce(0, lambda s, i: i)
    with pytest.raises(TypeError, match="pair consisting of new state and the output"):
        values(Dataset.range(5).scan(zero, lambda s, i: s))
    with pytest.raises(TypeError, match="must be a Dataset"):
        values(Dataset.range(5).flat_map(lambda i: i))


def test_groups_and_buckets() -> None:
    ds = Dataset.range(7).group_by_window(lambda i: i % 3, lambda key, w: w.batch(2), 2)
    assert values(ds) == [[0, 3], [1, 4], [2, 5], [6]]
    keys = Dataset.range(4).group_by_window(
        lambda i: i % 2, lambda k, w: w.map(lambda i: (k, i)), 2
    )
    assert values(keys) == [(0, 0), (0, 2), (1, 1), (1, 3)]
    words = [[1], [2, 3], [4, 5, 6], [7], [8, 9], [1, 2, 3, 4]]
    lines = Dataset.from_generator(lambda: words, output_signature=tf.TensorSpec([None], tf.int32))
    length = lambda x: tf.shape(x)[0]
    buckets = lines.bucket_by_sequence_length(length, [2, 4], [2, 2, 1])
    assert values(buckets) == [[[2, 3, 0], [4, 5, 6]], [[1], [7]], [[1, 2, 3, 4]], [[8, 9]]]
    bounded = lines.take(5).bucket_by_sequence_length(
        length, [3, 5], [2, 2, 1], pad_to_bucket_boundary=True
    )
    assert values(bounded) == [[[1, 0], [2, 3]], [[7, 0], [8, 9]], [[4, 5, 6, 0]]]


def test_choices() -> None:
    a, b = Dataset.range(2), Dataset.range(10, 13)
    choice = Dataset.from_tensor_slices(np.array([0, 1, 0, 1, 0, 1]))
    assert values(Dataset.choose_from_datasets([a, b], choice)) == [0, 10, 1, 11]
    assert values(Dataset.choose_from_datasets([a, b], choice, False)) == [0, 10, 1, 11, 12]
    assert values(Dataset.sample_from_datasets([a, b], [0.0, 1.0], stop_on_empty_dataset=True)) == [
        10,
        11,
        12,
    ]
    assert sorted(values(Dataset.sample_from_datasets([a, b]))) == [0, 1, 10, 11, 12]
    with pytest.raises(ValueError, match="the choice 1 is none of the 1 datasets"):
        values(Dataset.choose_from_datasets([a], Dataset.range(2)))


def test_samples_follow_their_weights() -> None:
    sources = [Dataset.from_tensors(i).repeat() for i in range(2)]
    drawn = values(Dataset.sample_from_datasets(sources, [0.2, 0.8], seed=1).take(4000))
    assert abs(np.mean(drawn) - 0.8) < 5 * np.sqrt(0.16 / 4000)


def test_a_cache_computes_once_and_forgets_a_round_that_did_not_end() -> None:
    calls: list[int] = []
    ds = Dataset.range(3).map(lambda i: calls.append(int(i)) or i).cache()
    assert values(ds.take(2)) == [0, 1]
    assert values(ds) == values(ds) == [0, 1, 2]
    assert calls == [0, 1, 0, 1, 2]
    with pytest.raises(tf.errors.UnimplementedError, match="kept in memory, not in files"):
        ds.cache("file")


def test_errors_can_be_left_out_and_the_rest_follows() -> None:
    ds = Dataset.range(4).map(lambda i: 6 // (int(i) - 1))
    assert values(ds.ignore_errors()) == [-6, 6, 3]
    iterator = iter(ds)
    assert int(next(iterator)) == -6
    with pytest.raises(ZeroDivisionError):
        next(iterator)
    assert int(next(iterator)) == 6


# how many


def test_cardinality() -> None:
    def count(ds: Any) -> int:
        assert ds.cardinality().dtype is tf.int64
        return int(tf.data.experimental.cardinality(ds))

    ds, some = Dataset.range(7), Dataset.range(7).filter(lambda i: i > 3)
    unknown, infinite = tf.data.UNKNOWN_CARDINALITY, tf.data.INFINITE_CARDINALITY
    assert (unknown, infinite) == (-2, -1)
    table = [
        (ds.shuffle(3).prefetch(1).map(lambda i: i).enumerate(), 7),
        (ds.batch(2), 4), (ds.batch(2, drop_remainder=True), 3), (ds.repeat(3), 21), (ds.repeat(0), 0),
        (ds.repeat(), infinite), (ds.repeat().batch(2), infinite), (ds.repeat().take(4), 4),
        (ds.repeat().skip(4), infinite), (ds.skip(9), 0), (ds.shard(3, 1), 2), (some, unknown),
        (some.repeat(), infinite), (some.repeat(0), 0), (some.take(2), unknown), (some.batch(2), unknown),
        (ds.concatenate(ds), 14), (ds.concatenate(ds.repeat()), infinite), (ds.concatenate(some), unknown),
        (Dataset.zip(ds, ds.repeat()), 7), (Dataset.zip(ds, some), unknown), (ds.scan(0, lambda s, i: (s, i)), 7),
        (ds.flat_map(Dataset.range), unknown), (ds.take_while(lambda i: True), unknown), (ds.unique(), unknown),
        (Dataset.counter(), infinite), (Dataset.random(), infinite), (Dataset.from_tensors(1), 1),
        (some.apply(tf.data.experimental.assert_cardinality(3)), 3), (some.cache(), unknown),
    ]  # fmt: skip
    assert [count(dataset) for dataset, _ in table] == [wanted for _, wanted in table]
    assert len(ds) == 7
    assert ds and Dataset.range(0)
    with pytest.raises(TypeError, match="The dataset is infinite"):
        len(ds.repeat())
    with pytest.raises(TypeError, match="The dataset length is unknown"):
        len(some)


def test_an_asserted_number_is_checked() -> None:
    wrong = Dataset.range(3).apply(tf.data.experimental.assert_cardinality(4))
    with pytest.raises(tf.errors.FailedPreconditionError, match="4 elements but contained 3"):
        values(wrong)
    with pytest.raises(tf.errors.FailedPreconditionError, match="contained at least 3"):
        values(Dataset.range(3).apply(tf.data.experimental.assert_cardinality(2)))


# iterators


def test_iterators() -> None:
    iterator = iter(Dataset.range(2))
    assert int(iterator.get_next()) == 0
    optional = iterator.get_next_as_optional()
    assert bool(optional.has_value())
    assert int(optional.get_value()) == 1
    empty = iterator.get_next_as_optional()
    assert not bool(empty.has_value())
    with pytest.raises(ValueError, match="does not have a value"):
        empty.get_value()
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        iterator.get_next()
    assert list(iterator) == []
    assert iterator.element_spec == tf.TensorSpec([], tf.int64)


def test_numpy_elements_cannot_be_written_to() -> None:
    (batch,) = Dataset.range(3).batch(3).as_numpy_iterator()
    with pytest.raises(ValueError, match="read-only"):
        batch[0] = 5


def test_a_dataset_is_not_read_inside_a_recorded_function() -> None:
    ds = Dataset.range(3)

    @tf.function
    def total() -> Any:
        found = tf.constant(0, tf.int64)
        for i in ds:
            found += i
        return found

    with pytest.raises(tf.errors.FailedPreconditionError, match="Loop over the dataset outside"):
        total()


# bad input


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda d: Dataset.from_tensor_slices(1.0), ValueError, "rank >= 1"),
        (lambda d: Dataset.from_tensor_slices(([1, 2], [3])), ValueError, "Dimensions 1 and 2 are not compatible"),
        (lambda d: Dataset.from_tensor_slices({}), ValueError, "should not be empty"),
        (lambda d: Dataset.range(), ValueError, "between 1 and 3 but was 0"),
        (lambda d: Dataset.range(1, 2, 0), ValueError, "step must be a non-zero integer"),
        (lambda d: Dataset.from_generator(3), TypeError, "generator must be a function"),
        (lambda d: Dataset.from_generator(iter([1])), TypeError, "only once"),
        (lambda d: Dataset.from_generator([]).element_spec, ValueError, "give `output_signature`"),
        (lambda d: Dataset.from_generator(lambda: [1]), TypeError, "output_signature"),
        (lambda d: d.batch(0), ValueError, "Batch size must be greater than zero"),
        (lambda d: d.batch(2.5), TypeError, "batch_size must be an integer"),
        (lambda d: d.shuffle(0), ValueError, "buffer_size must be greater than zero"),
        (lambda d: d.prefetch(-3), ValueError, "buffer_size must be >= 0"),
        (lambda d: d.window(0), ValueError, "Window size must be greater than zero"),
        (lambda d: d.shard(3, 3), ValueError, "index is 3"),
        (lambda d: d.map(3), TypeError, "map_func must be a function"),
        (lambda d: d.map(lambda i: i, num_parallel_calls=0), ValueError, "number of parallel calls"),
        (lambda d: d.interleave(Dataset.range, cycle_length=0), ValueError, "cycle_length"),
        (lambda d: d.concatenate(Dataset.from_tensors(1.0)), TypeError, "Incompatible dataset elements"),
        (lambda d: d.concatenate(3), TypeError, "must be a Dataset"),
        (lambda d: d.apply(lambda ds: 3), TypeError, "must return a Dataset"),
        (lambda d: Dataset.sample_from_datasets([]), ValueError, "should not be empty"),
        (lambda d: Dataset.sample_from_datasets([d], [1.0, 2.0]), ValueError, "same length"),
        (lambda d: d.group_by_window(lambda i: i, lambda k, w: w), ValueError, "either `window_size`"),
        (lambda d: d.with_options(3), TypeError, "a tf.data.Options"),
        (lambda d: d.get_single_element(), ValueError, "more than one element"),
        (lambda d: list(d.filter(lambda i: i)), TypeError, "a scalar of dtype bool"),
        (lambda d: list(ragged().batch(2)), ValueError, r"First element had shape \[1\] and element 1 had shape \[2\]"),
        (lambda d: Dataset(), TypeError, "from_tensor_slices"),
        (lambda d: d.ragged_batch(2), tf.errors.UnimplementedError, "use padded_batch"),
        (lambda d: Dataset.list_files("*"), tf.errors.UnimplementedError, "glob or pathlib"),
    ],
)  # fmt: skip
def test_bad_input_is_told_with_words(make: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        make(Dataset.range(4))
    assert "gradtape.data." in str(caught.value)


def test_an_error_of_a_function_says_where_it_came_from() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        list(Dataset.range(2).map(lambda i: 1 // int(i)))
    assert caught.value.__notes__ == ["(raised by map_func of gradtape.data.Dataset.map)"]

    def stop(i: Any) -> Any:
        raise StopIteration

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(Dataset.range(2).map(stop))


METHODS = [
    name
    for name in dir(Dataset)
    if not name.startswith("_") and inspect.getdoc(getattr(Dataset, name))
]


@pytest.mark.parametrize("name", [n for n in METHODS if callable(getattr(Dataset, n))])
def test_the_example_of_a_method_runs(name: str) -> None:
    text = inspect.getdoc(getattr(Dataset, name)) or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert test.examples or "UnimplementedError" in text, f"{name} has no example"
    output: list[str] = []
    assert doctest.DocTestRunner(verbose=False).run(test, out=output.append).failed == 0, output
