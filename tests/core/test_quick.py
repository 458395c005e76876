"""The extension in C: what it computes is what NumPy and the Python code compute, to the bit."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core import xp_numpy_reductions as reductions
from gradtape.core.primitive import registry
from gradtape.core.quick import fast, quick
from gradtape.core.record import Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.core.xp_numpy_special import zero_wins
from gradtape.ops import neural, products

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(quick is None, reason="the extension was not built here")

RANDOM = np.random.default_rng(0)
FLOATS = [np.float32, np.float64]
SHAPES = [(), (1,), (5,), (32, 10), (7, 9, 11), (0,), (3, 0), (70, 70)]


def same(made: Any, expected: Any) -> None:
    """Equal in type, dtype, shape and every bit."""
    assert type(made) is type(expected)
    assert made.dtype == expected.dtype
    assert made.shape == expected.shape
    assert made.tobytes() == expected.tobytes()


def values(shape: tuple[int, ...], dtype: Any) -> Any:
    return RANDOM.uniform(0.1, 0.9, shape).astype(dtype)[()]


@pytest.mark.parametrize(
    "leaf",
    [
        np.ones(3),
        np.float32(2),
        np.True_,
        np.array(3),
        np.arange(2),
        np.ones(2, "c8"),
        tf.constant(1)._array,
    ],
)
def test_leaves_of_numbers_are_shown_as_tensors(leaf: Any) -> None:
    found = quick.shown(leaf)
    assert type(found) is Tensor
    assert found._array is leaf
    assert found._node is None


@pytest.mark.parametrize(
    "leaf", [None, "text", np.str_("a"), np.array(["a"]), np.bytes_(b"a"), 3, [1]]
)
def test_other_leaves_are_shown_as_they_are(leaf: Any) -> None:
    assert quick.shown(leaf) is leaf


def test_elements_of_tensors() -> None:
    x, y = tf.constant([1.0]), tf.constant(2)
    tree, leaves = quick.element((x, y))
    assert tree == 2
    assert leaves[0] is x._array
    assert leaves[1] is y._array
    assert quick.element(x) == (None, [x._array])
    assert quick.element(()) == (0, [])
    for other in (None, 1.0, [x], (x, 1.0), {"a": x}, tf.Variable(1.0), (x, (y,))):
        assert quick.element(other) is None


def test_a_function_of_many_elements() -> None:
    x = np.arange(6.0).reshape(3, 2)
    rows, found = [(2, (r, np.float64(i))) for i, r in enumerate(x)], []
    assert quick.each(lambda x, y: (y, x + y), rows, found, 1) is None
    assert [tree for tree, _ in found] == [2, 2]
    assert [float(leaves[0]) for _, leaves in found] == [1.0, 2.0]
    assert found[1][1][1].tolist() == [6.0, 7.0]
    odd = quick.each(lambda x: 7 if x[0] == 2 else x, [(None, (r,)) for r in x], found, 0)
    assert odd == (7,)
    assert [tree for tree, _ in found] == [2, 2, None]
    with pytest.raises(ZeroDivisionError):
        quick.each(lambda x, y: (x, y) if float(y) < 1 else 1 / 0, rows, found, 0)
    assert len(found) == 4
    assert quick.each(lambda: (), [(0, ())], found, 0) is None
    assert found[-1] == (0, [])


@pytest.mark.parametrize(
    "given",
    [
        (len, [], []),
        (len, (), [], 0),
        (len, [1], [], 0),
        (len, [(None, [1])], [], 0),
        (len, [], [], -1),
    ],
    ids=str,
)
def test_what_is_no_list_of_elements(given: Any) -> None:
    with pytest.raises(TypeError):
        quick.each(*given)
    with pytest.raises(TypeError):
        quick.each(len, [(17, (1,) * 17)], [], 0)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "?", "c16"])
@pytest.mark.parametrize("shape", [(3,), (2, 5), (0,), (300, 7)])
def test_rows_are_stacked(shape: Any, dtype: str) -> None:
    leaves = tuple([(RANDOM.uniform(0, 100, shape)).astype(dtype) for _ in range(4)])
    out = np.empty((4, *shape), dtype)
    assert quick.stack_into(leaves, out)
    same(out, np.stack(leaves))


def test_rows_that_do_not_fit_are_not_stacked() -> None:
    row, out = np.ones(3), np.empty((2, 3))
    others = [
        np.ones(2),
        np.ones((1, 3)),
        np.ones(3, "f4"),
        np.ones(6)[::2],
        np.float64(1),
        [1.0] * 3,
        None,
    ]
    for other in [*others, np.ones(3, ">f8"), np.ma.masked_array(np.ones(3))]:
        assert not quick.stack_into((row, other), out)
    assert not quick.stack_into((row,), out)
    assert not quick.stack_into((row, row), np.empty((3, 2)).T)
    assert not quick.stack_into((np.array([None]),) * 2, np.empty((2, 1), object))
    assert quick.stack_into((), np.empty((0, 3)))
    for given in ((), ([row, row], out), ((row, row), [out])):
        with pytest.raises(TypeError):
            quick.stack_into(*given)


UFUNCS = [f for f in vars(np).values() if isinstance(f, np.ufunc) and f.nin <= 2 and f.nout == 1]
UFUNCS = [f for f in dict.fromkeys(UFUNCS) if f.signature is None]
OF_FLOATS = [f for f in UFUNCS if "f" * f.nin in {t.split("->")[0] for t in f.types}]


@pytest.mark.parametrize("ufunc", OF_FLOATS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", FLOATS)
def test_functions_of_numpy(ufunc: Any, dtype: Any) -> None:
    made = fast(ufunc)
    assert type(made) is quick.Quick
    with np.errstate(all="ignore"):
        for shape in SHAPES:
            x, y = values(shape, dtype), values(shape, dtype)
            given = (x, y)[: ufunc.nin]
            same(made(*given), ufunc(*given))
            if ufunc.nin == 2:
                for other in (values((), dtype), values(shape[1:], dtype), 0.5, 2):
                    same(made(x, other), ufunc(x, other))
                    if not isinstance(other, (int, float)):
                        same(made(other, x), ufunc(other, x))


@pytest.mark.parametrize(
    "arrays",
    [
        (np.arange(6).reshape(2, 3), np.arange(3)),
        (np.ones((4, 6), np.float32)[:, ::2], np.float32(2)),
        (np.ones((4, 6), np.float32).T, np.ones((6, 4), np.float32)),
        (np.ones((3, 1)), np.ones((1, 4))),
        (np.array(2.0), np.array(3.0)),
        (np.ones(3, np.float32), np.ones(3, np.float64)),
        (np.ones(3, np.float16), np.float16(2)),
        (np.complex64(1 + 2j), np.complex64(2 - 1j)),
        (np.ones(3, ">f4"), np.ones(3, ">f4")),
        ([1.0, 2.0], 3.0),
        (np.ones(3, np.float32), True),
    ],
    ids=range(11),
)
def test_what_is_not_plain_goes_to_numpy(arrays: Any) -> None:
    same(fast(np.multiply)(*arrays), np.multiply(*arrays))
    same(fast(np.add)(*arrays), np.add(*arrays))


def test_errors_and_keywords_are_those_of_numpy() -> None:
    made, out = fast(np.add), np.zeros(3)
    assert made(np.ones(3), 1.0, out=out) is out
    assert out.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="broadcast"):
        made(np.ones(3), np.ones(4))
    with pytest.raises(TypeError):
        made(np.ones(3))
    assert made.identity == 0
    assert "add" in repr(made)
    assert fast(np.matmul) is np.matmul
    assert fast(np.divmod) is np.divmod


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.subtract])
@pytest.mark.parametrize("dtype", [*FLOATS, np.int32])
def test_reductions(ufunc: Any, dtype: Any) -> None:
    made = fast(ufunc)
    for shape in [(5,), (200,), (3, 4), (32, 10), (7, 9, 11), (1, 17), (300, 3), (1500, 2), (1, 1)]:
        x = RANDOM.normal(0, 3, shape).astype(dtype)
        rank = len(shape)
        axes = [*range(-1, rank), tuple(range(rank)), (0, rank - 1), tuple(range(1, rank))]
        for axis in axes if ufunc is not np.subtract else range(rank):
            if type(axis) is tuple and len(set(axis)) < len(axis):
                continue
            for keep in (False, True):
                with np.errstate(over="ignore"):
                    expected = ufunc.reduce(x, axis=axis, keepdims=keep)
                    same(made.reduce(x, axis=axis, keepdims=keep), expected)
                    expected = ufunc.reduce(x, axis, x.dtype, None, keep)
                    same(made.reduce(x, axis, x.dtype, None, keep), expected)
    for wrong in (3, (0, 0), "x"):
        with pytest.raises((ValueError, TypeError)):
            made.reduce(np.ones((2, 2), dtype), axis=wrong)
    nan = np.array([1, np.nan, 2], np.float32)
    same(made.reduce(nan, axis=0), ufunc.reduce(nan, axis=0))


@pytest.mark.parametrize("dtype", [*FLOATS, np.float16, np.complex64])
def test_products_that_an_exact_zero_stops(dtype: Any) -> None:
    t = np.array([0, 0, 1, np.inf, 0, np.nan, 2], dtype)
    d = np.array([np.inf, np.nan, np.inf, 0, 0, 0, 3], dtype)
    with np.errstate(all="ignore"):
        for ufunc in (np.multiply, np.divide):
            for guard in (1, 2):
                made = quick.Quick(ufunc, guard)
                same(made(t, d), zero_wins(ufunc(t, d), *(t, d)[:guard]))
                for a, b in zip(t, d, strict=True):
                    same(made(a, b)[()], zero_wins(ufunc(a, b), *(a, b)[:guard])[()])
        same(quick.wins(t * d, t, d), zero_wins(t * d, t, d))
    finite = np.ones(3, dtype)
    assert quick.wins(finite, finite) is finite
    with pytest.raises(ValueError, match="two arguments"):
        quick.Quick(np.sin, 1)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("label", [np.int32, np.int64])
def test_kernels(monkeypatch: pytest.MonkeyPatch, dtype: Any, label: Any) -> None:
    logits = RANDOM.normal(0, 3, (6, 5)).astype(dtype)
    logits[1, 2] = np.nan
    logits[2, 3] = -np.inf
    logits[3] = -np.inf
    logits[4, 0] = np.inf
    labels = np.array([0, 1, 2, 3, 4, 2], label)
    ct = np.array([1, 0, 2, 0, 3, -1], dtype)
    y = np.array([1, 0, -1, np.nan, np.inf, -0.0], dtype)
    slope = np.array([2, np.inf, np.nan, -3, 1, -1], dtype)
    a, b = RANDOM.normal(size=(4, 3)).astype(dtype), RANDOM.normal(size=(5, 3)).astype(dtype).T

    def results() -> list[Any]:
        with np.errstate(all="ignore"):
            loss, soft = reductions.sparse_softmax_loss(labels, logits)
            pulled = reductions.sparse_softmax_loss_pull(ct, soft, labels)
            return [
                loss,
                soft,
                pulled,
                neural._relu_pull(xp, slope, y),
                products._product(xp, a, b),
            ]

    fused = results()
    for module in (reductions, neural, products):
        monkeypatch.setattr(module, "quick", None)
    for made, expected in zip(fused, results(), strict=True):
        np.testing.assert_array_equal(made, expected)
        assert made.dtype == expected.dtype


def test_kernels_leave_what_is_not_plain() -> None:
    logits = np.ones((2, 3), np.float32)
    for labels in ([0, 3], [-1, 0]):
        assert quick.sparse_softmax_loss(np.array(labels), logits) is None
    assert quick.sparse_softmax_loss(np.array([0, 1, 2]), logits) is None
    assert quick.sparse_softmax_loss(np.array([0, 1]), logits.astype(np.float16)) is None
    assert quick.sparse_softmax_loss_pull(np.ones(2), logits, np.array([0, 1])) is None
    assert quick.relu_pull(np.ones((2, 1)), np.ones((2, 3))) is None
    assert quick.product(np.ones((2, 2, 2)), np.ones((2, 2))) is None
    with pytest.raises(ValueError, match="label 3 is not in"):
        tf.nn.sparse_softmax_cross_entropy_with_logits([0, 3], logits)


def short_cuts() -> list[Any]:
    found = []
    for name, primitive in list(registry.items()):
        path = getattr(tf.math, name, None) or getattr(tf.nn, name, None) or getattr(tf, name, None)
        if getattr(path, "primitive", None) is primitive and primitive.differentiable:
            found.append(pytest.param(path, primitive, id=name))
    return found


@pytest.mark.parametrize(("function", "primitive"), short_cuts())
def test_short_cuts_and_records(function: Any, primitive: Any, monkeypatch: Any) -> None:
    """The same value and record as by way of `dispatch.apply`, from each choice of inputs."""
    count = len(primitive.inputs)
    arrays = [values((3,), np.float64) for _ in range(count)]
    for mask in range(1, 1 << count):
        inputs = [tf.constant(a) for a in arrays]
        recording = Recording()
        for i, x in enumerate(inputs):
            if mask & 1 << i:
                recording.watched[x.own_node()] = None
        here.set_tapes((recording,))
        try:
            short = function(*inputs)
            long = quick.apply(primitive, tuple(inputs))
        finally:
            here.set_tapes(())
        same(short.numpy(), long.numpy())
        one, other = short._node, long._node
        assert (one is None) == (other is None)
        if one is None:
            continue
        assert one.parents == other.parents
        assert [type(x) for x in one.inputs] == [type(x) for x in other.inputs]
        assert (one.out is None) == (other.out is None)
        assert (one.shape, one.dtype, one.tapes) == (other.shape, other.dtype, other.tapes)
        assert [r() for r in recording.records] == [one, other]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (300,)])
def test_rules_as_steps(dtype: Any, shape: tuple[int, ...]) -> None:
    """Backward and forward rules give what their Python functions give, to the bit."""
    x, y, ct = (tf.constant(values(shape, dtype)) for _ in range(3))
    checked = 0
    for param in short_cuts():
        function, primitive = param.values
        if primitive.family != "elementwise":
            continue
        given = (x, y)[: len(primitive.inputs)]
        for _ in range(2):
            with tf.GradientTape() as tape:
                tape.watch(given)
                out = function(*given)
            tape.gradient(out, list(given))
            with tf.autodiff.ForwardAccumulator(list(given), [ct, ct][: len(given)]):
                function(*given)
        arrays = [t._array for t in given]
        record = SimpleNamespace(inputs=given, out=out, shape=shape, dtype=x._dtype)
        key: Any = x._dtype if len(given) == 1 else (x._dtype, False, False)
        pull = primitive.straight.get(key)
        if type(pull) is quick.Steps:
            found = pull.run(ct._array, *(arrays + [None])[:2], out._array)
            assert (found is None) == (x._array.size > 256)
            expected = pull(ct._array, record)
            if found is not None:
                checked += 1
                for one, other in zip(found, expected if len(given) == 2 else (expected,)):
                    same(one, other)
        key = x._dtype if len(given) == 1 else (x._dtype, x._dtype, False, False)
        push = (primitive.pushes.get(key) or (None,))[0]
        if type(push) is quick.Steps:
            tangents = [ct._array] * len(given)
            found = push.run(*tangents, *arrays)
            if found is not None:
                checked += 1
                for one, other in zip(found, push(*tangents, *arrays), strict=True):
                    same(one, other)
    assert checked == 0 if x._array.size > 256 else checked > 20


def test_steps_leave_what_is_not_plain() -> None:
    add, guarded = quick.Quick(np.add), quick.Quick(np.multiply, 1)
    half = np.float32(0.5)
    made = quick.Steps(lambda a, b: None, 2, (half,), [(add, 0, 2), (guarded, 3, 1)], (4, -1))
    ones = np.ones(3, np.float32)
    same(made.run(ones, ones)[0], ones + half)
    assert made.run(ones, ones)[1] is None
    same(made.run(half, half)[0], np.float32(0.5))
    for other in (None, np.ones(3), np.ones(4, np.float32), np.ones(300, np.float32), [1.0], 1.0):
        assert made.run(ones, other) is None
    assert made.run(np.full(3, -half), np.full(3, np.inf, np.float32)) is None  # 0 * inf
    with pytest.raises(TypeError):
        made.run(ones)
    for wrong in ([(add, 0, 3)], [(add, -1, 0)], [(np.add, 0, 0)], [(add, 0)] * 60):
        with pytest.raises((ValueError, TypeError)):
            quick.Steps(None, 2, (), wrong, (2,))
    with pytest.raises(ValueError, match="result"):
        quick.Steps(None, 2, (), [(add, 0, 1)], (5,))


def test_an_operation_that_fails_says_so_in_words() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape.add.*do not broadcast"):
        tf.constant([1.0, 2.0]) + tf.constant([1.0, 2.0, 3.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="dtypes differ"):
        tf.constant(1.0) + tf.constant(1.0, tf.float64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="label 2 is not in") as caught:
        tf.nn.sparse_softmax_cross_entropy_with_logits([2], [[1.0, 2.0]])
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__ is caught.value.__context__


def test_numbers_beside_tensors() -> None:
    x = tf.constant([1.0, 2.0])
    assert (x * 2).dtype is tf.float32
    assert (1 / tf.constant(4.0, tf.float64)).numpy() == 0.25
    assert (x + 2**60).numpy().tolist() == [2.0**60] * 2
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert (x * 1e300).numpy().tolist() == [np.inf, np.inf]
    with pytest.raises(tf.errors.InvalidArgumentError):
        x + "1"


def test_threads_have_tapes_of_their_own() -> None:
    x = tf.constant(2.0)
    seen: list[Any] = []

    def other() -> None:
        seen.append((x * x)._node)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        seen.append(float(tape.gradient(y, x)))

    with tf.GradientTape() as tape:
        tape.watch(x)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        y = x * x
    assert seen == [None, 12.0]
    assert float(tape.gradient(y, x)) == 4.0


def step(xs: list[Tensor], labels: Tensor) -> Any:
    x, w, b = xs
    with tf.GradientTape() as tape:
        tape.watch(xs)
        hidden = tf.nn.relu(tf.sin(x) @ w + b) * 2.0
        parts = tf.split(hidden, 2, axis=1)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, parts[0] + parts[1])
        total = tf.reduce_mean(loss)
    return tape.gradient(total, xs)


def test_no_reference_is_lost_or_kept() -> None:
    xs = [tf.constant(values(s, np.float32)) for s in ((4, 3), (3, 6), (6,))]
    labels = tf.constant([0, 1, 2, 0])

    def refused() -> None:
        with tf.GradientTape() as tape:
            tape.watch(xs)
            (xs[0] * 2.0) + xs[1]

    def failing() -> None:
        with pytest.raises(tf.errors.InvalidArgumentError):
            refused()

    for _ in range(3):
        step(xs, labels)
        failing()
    gc.collect()
    watched = [xs, labels, np.dtype(np.float32), None, True, False, (), step(xs, labels)[0]._array]
    before = [sys.getrefcount(x) for x in watched], len(gc.get_objects())
    for _ in range(200):
        step(xs, labels)
        failing()
    gc.collect()
    after = [sys.getrefcount(x) for x in watched], len(gc.get_objects())
    for one, other in zip(before[0], after[0], strict=True):
        assert abs(one - other) < 100
    assert abs(before[1] - after[1]) < 100


def test_python_alone_does_the_same() -> None:
    """The tests of tapes and convolutions pass without the extensions."""
    environment = {**os.environ, "GRADTAPE_PURE_PYTHON": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    files = ["tests/autodiff/test_tape.py", "tests/autodiff/test_gradient.py"]
    files += ["tests/core/test_variable.py", "tests/autodiff/test_memory.py"]
    files += ["tests/ops/test_convolution.py", "tests/data_room/test_dataset_position.py"]
    run = [*command, *files]
    done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    code = "from gradtape.core.quick import quick; assert quick is None"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
