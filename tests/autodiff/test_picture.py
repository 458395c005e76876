"""What a picture of a tape says: operations, what is kept in bytes, and the sizes of gradients."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.anatomy import Entry, Fact
from gradtape.autodiff.flow import Flow, measured, together
from gradtape.autodiff.picture import Picture
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.tensor import Tensor


def dense() -> tuple[Any, Any, Any]:
    """A tape over a dense layer: the tape, the loss, its variables."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 4)).astype(np.float32))
    w = tf.Variable(rng.normal(size=(4, 3)).astype(np.float32), name="w")
    b = tf.Variable(np.zeros(3, np.float32), name="b")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.exp(x @ w + b))
    return tape, loss, [w, b]


def titles(picture: Picture) -> list[str]:
    return [e.title for e in picture.operations]


def named(picture: Picture, title: str) -> Entry:
    """The one entry of a title."""
    (found,) = [e for e in [*picture.operations, *picture.sources] if e.title == title]
    return found


def flows(picture: Picture, source: str, target: str) -> list[Flow | None]:
    """What flows over the edges between two entries."""
    a, b = named(picture, source).number, named(picture, target).number
    return [e.flow for e in picture.edges if (e.source, e.target) == (a, b)]


# what was recorded


def test_operations_and_sources_in_the_order_of_time() -> None:
    tape, loss, _ = dense()
    picture = tape.picture(loss)
    assert titles(picture) == ["matmul", "add", "exp", "reduce_sum"]
    assert [(e.title, e.kind) for e in picture.sources] == [("w", "variable"), ("b", "variable")]
    assert [e.spec for e in picture.operations] == [
        "float32[2, 3]", "float32[2, 3]", "float32[2, 3]", "float32[]",
    ]  # fmt: skip
    assert named(picture, "matmul").operands == (False, True)
    assert named(picture, "matmul").call == "matmul(\u2014, \u00b7)"
    assert named(picture, "reduce_sum").target and not named(picture, "exp").target
    ends = {e.number: e.title for e in [*picture.operations, *picture.sources]}
    assert {(ends[e.source], ends[e.target]) for e in picture.edges} == {
        ("w", "matmul"), ("matmul", "add"), ("b", "add"), ("add", "exp"), ("exp", "reduce_sum"),
    }  # fmt: skip


def test_the_tape_is_not_used_up() -> None:
    tape, loss, variables = dense()
    first, second = str(tape.picture(loss)), str(tape.picture(loss))
    assert first == second
    w, b = variables
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    slope = np.exp(x @ w.numpy() + b.numpy())
    np.testing.assert_allclose(tape.gradient(loss, b), slope.sum(0), rtol=1e-6)


def test_between_targets_and_sources() -> None:
    x, z = tf.Variable([1.0, 2.0], name="x"), tf.Variable([3.0, 4.0], name="z")
    with tf.GradientTape() as tape:
        h = tf.exp(x)
        y = tf.reduce_sum(tf.sin(h) * tf.square(z))
        beside = tf.cos(x)
    assert titles(tape.picture(y, z)) == ["square", "multiply", "reduce_sum"]
    assert titles(tape.picture(y, h)) == ["exp", "sin", "multiply", "reduce_sum"]
    assert [e.title for e in tape.picture(y, h).sources] == []
    assert sorted(titles(tape.picture())) == [
        "cos", "exp", "multiply", "reduce_sum", "sin", "square",
    ]  # fmt: skip
    assert titles(tape.picture([h, beside])) == ["exp", "cos"]
    assert not tape.picture().edges[0].flow


def test_sources_are_named_by_the_keys_of_a_dictionary() -> None:
    x, z = tf.constant(1.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch([x, z])
        y = x * z
    assert [e.title for e in tape.picture(y, {"a": x, "b": [z]}).sources] == ["a", "b"]
    assert [e.title for e in tape.picture(y).sources] == ["watched 1", "watched 2"]
    assert [e.title for e in tape.picture(y, x).sources] == ["watched"]


def test_empty_tapes_and_targets_that_depend_on_nothing() -> None:
    with tf.GradientTape() as tape:
        pass
    assert str(tape.picture()) == "0 operations, 0 sources; nothing was recorded"
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        v * 2.0
    assert "depends on nothing" in str(tape.picture(tf.constant(3.0)))
    assert [e.flow for e in tape.picture(v).sources] == [Flow(1.0, 1.0, 1, 0, 0)]


def test_an_operation_with_several_results_is_one() -> None:
    x = tf.Variable([3.0, 1.0, 2.0, 5.0], name="x")
    with tf.GradientTape() as tape:
        left, right = tf.split(x, 2)
        y = tf.reduce_sum(left * right)
    picture = tape.picture(y)
    assert titles(picture) == ["split", "multiply", "reduce_sum"]
    assert named(picture, "split").spec == "float32[2], float32[2]"
    # d y / d left = right and the other way round
    assert {f.largest for f in flows(picture, "split", "multiply") if f} == {5.0, 3.0}
    arrived = named(picture, "x").flow
    assert arrived is not None and arrived.rms == pytest.approx(math.sqrt((9 + 1 + 4 + 25) / 4))


def test_a_users_function_has_its_own_name() -> None:
    @tf.custom_gradient
    def clipped(x: Any) -> Any:
        return x, lambda upstream: None

    @tf.function
    def doubled(x: Any) -> Any:
        return x * 2.0

    v = tf.Variable([1.0, 2.0], name="v")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(clipped(v) + doubled(v))
    picture = tape.picture(y)
    assert titles(picture)[0] == "clipped" and any("doubled" in t for t in titles(picture))
    assert named(picture, "clipped").call == "clipped"
    (cut,) = [e for e in picture.edges if e.cut]
    assert (cut.cut, cut.flow) == ("none", None)
    assert "gives nothing for this input" in cut.why


# what is kept


def test_bytes_that_are_kept() -> None:
    tape, loss, _ = dense()
    picture = tape.picture(loss)
    # x of 2 x 4 float32 for the slope of w; the exponential's result of 2 x 3
    kept = {e.title: [(k.role, k.bytes) for k in e.kept] for e in picture.operations}
    assert kept == {"matmul": [("a", 32)], "add": [], "exp": [("out", 24)], "reduce_sum": []}
    assert (picture.bytes, picture.own_bytes) == (56, 0)
    assert [(s.name, s.operations, s.weight.bytes) for s in picture.by_type()] == [
        ("matmul", 1, 32), ("exp", 1, 24), ("add", 1, 0), ("reduce_sum", 1, 0),
    ]  # fmt: skip


def test_shared_arrays_and_views_count_once() -> None:
    x = tf.Variable(np.ones((10, 10), np.float32), name="x")
    with tf.GradientTape() as tape:
        a = tf.exp(x)
        flat = tf.reshape(a, [100])
        y = tf.reduce_sum(flat * flat) + tf.reduce_sum(tf.square(tf.transpose(a)))
    picture = tape.picture(y)
    assert picture.bytes == 400
    (product,) = [e for e in picture.operations if e.title == "multiply"]
    assert [(k.bytes, k.shared) for k in product.kept] == [(0, True), (0, True)]
    assert "x, y: shared" in str(picture)


def test_a_view_counts_the_whole_array_that_it_keeps() -> None:
    x = tf.Variable(np.float32(1.0), name="x")
    data = tf.constant(np.ones((100, 10), np.float32))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(data[:1] * x)
    kept = named(tape.picture(y), "multiply").kept
    assert sorted([k.bytes for k in kept]) in ([4000], [4, 4000])


def test_what_belongs_to_the_sources_is_told_apart() -> None:
    v, z = tf.Variable(np.ones(10, np.float32), name="v"), tf.constant(np.ones(10, np.float32))
    with tf.GradientTape() as tape:
        tape.watch(z)
        y = v * z
    picture = tape.picture(y)
    assert (picture.bytes, picture.own_bytes) == (80, 80)
    assert "80 B kept for the backward pass, of it 80 B the sources' own" in str(picture)


def test_the_former_value_of_a_variable_is_kept_by_the_tape_alone() -> None:
    v = tf.Variable(np.ones(10, np.float32), name="v")
    with tf.GradientTape() as tape:
        y = v * v
        v.assign(np.zeros(10, np.float32))
    picture = tape.picture(y)
    assert (picture.bytes, picture.own_bytes) == (40, 0)


def test_sizes_that_are_not_known_yet() -> None:
    picture = recorded([None, 3])
    assert named(picture, "exp").spec == "float32[?, 3]"
    assert [k.bytes for k in named(picture, "exp").kept] == [None]
    assert "1 array of unknown size" in str(picture) and "not known" in str(picture)
    assert [e.flow for e in picture.edges] == [None] * 3
    assert [k.bytes for k in named(recorded([2, 3]), "exp").kept] == [24]


def recorded(shape: list[Any]) -> Picture:
    """The picture of a tape in a function that is recorded for a shape."""
    seen = []

    @tf.function
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.exp(x) * 2.0)
        seen.append(tape.picture(y))
        return tape.gradient(y, x)

    f.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return seen[0]


def test_what_the_tape_keeps_by_line() -> None:
    v = tf.Variable(np.ones(10, np.float32), name="v")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.square(tf.exp(v)))
    lines = iter([3, 4, 4])
    picture = tape.picture(y, facts=lookup(lambda: Fact("/home/me/model.py", next(lines), "step")))
    assert [(s.name, s.operations, s.weight.bytes) for s in picture.by_line()] == [
        ("model.py:3", 1, 40), ("model.py:4", 2, 0),
    ]  # fmt: skip
    assert "kept by line" in str(picture)
    assert "kept by line" not in str(tape.picture(y, facts=lambda node: None))


def lookup(fact: Callable[[], Fact]) -> Callable[[Any], Fact | None]:
    """A fact for each operation, in their order."""
    return lambda node: fact() if hasattr(node, "primitive") else None


def test_a_picture_keeps_nothing_alive() -> None:
    v = tf.Variable(np.ones(1000, np.float32))
    with tf.GradientTape() as tape:
        h = tf.exp(v)
        y = tf.reduce_sum(h * h)
    picture = tape.picture(y)
    array = weakref.ref(h._array)
    del tape, h, y
    gc.collect()
    assert array() is None
    assert picture.bytes == 4000


# the gradients


def test_sizes_of_gradients() -> None:
    x = tf.Variable([3.0, 4.0], name="x")
    with tf.GradientTape() as tape:
        y = 2.0 * tf.reduce_sum(x * x)
    picture = tape.picture(y)
    product = picture.operations[0].number
    first, second = [e.flow for e in picture.edges if e.target == product]
    for flow in (first, second):  # 2 x over each of the two ways
        assert flow is not None
        assert flow.rms == pytest.approx(math.sqrt((36 + 64) / 2))
        assert (flow.largest, flow.size, flow.bad) == (8.0, 2, 0)
    arrived = named(picture, "x").flow
    assert arrived is not None
    assert arrived.rms == pytest.approx(math.sqrt((144 + 256) / 2)) and arrived.largest == 16.0
    assert picture.operations[-1].flow == Flow(1.0, 1.0, 1, 0, 0)


def test_gradients_that_vanish_are_seen_on_the_way() -> None:
    x = tf.Variable(np.full(4, 10.0), name="x")
    with tf.GradientTape() as tape:
        h = x
        for _ in range(3):
            h = tf.sigmoid(h)
        y = tf.reduce_sum(h)
    found = [e.flow.rms for e in tape.picture(y).edges if e.flow is not None]
    value, slopes = 10.0, []
    for _ in range(3):
        value = 1 / (1 + math.exp(-value))
        slopes.append(value * (1 - value))
    expected = [math.prod(slopes), math.prod(slopes[1:]), slopes[2], 1.0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_zero_and_not_finite_gradients() -> None:
    x = tf.Variable([0.0, 1.0], name="x")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.sqrt(x)) + tf.reduce_sum(tf.nn.relu(x - 5.0))
    picture = tape.picture(y)
    (root,) = flows(picture, "x", "sqrt")
    assert root is not None
    assert (root.bad, root.nan, root.size, root.largest) == (1, 0, 2, 0.5)
    (flat,) = flows(picture, "x", "subtract")
    assert flat is not None and flat.zero and flat.rms == 0.0
    assert "inf" in str(picture)
    arrived = named(picture, "x").flow
    assert arrived is not None and arrived.bad == 1


def test_measured() -> None:
    assert measured(Tensor(np.array([3.0, -4.0]))) == Flow(math.sqrt(12.5), 4.0, 2, 0, 0)
    assert measured(Tensor(np.array([3 + 4j]))) == Flow(5.0, 5.0, 1, 0, 0)
    assert measured(Tensor(np.float32(2.0))) == Flow(2.0, 2.0, 1, 0, 0)
    assert measured(Tensor(np.zeros((0, 3)))) == Flow(0.0, 0.0, 0, 0, 0)
    huge = measured(Tensor(np.array([1e300, -1e300])))
    assert (huge.rms, huge.bad) == (pytest.approx(1e300), 0)
    tiny = measured(Tensor(np.array([1e-300, 1e-300])))
    assert tiny.rms == pytest.approx(1e-300)
    bad = measured(Tensor(np.array([np.nan, np.inf, 2.0])))
    assert (bad.rms, bad.largest, bad.bad, bad.nan, bad.zero) == (2.0, 2.0, 2, 1, False)
    assert measured([None, Tensor(np.array([1.0])), Tensor(np.array([7.0]))]).rms == 5.0
    half = measured(Tensor(np.array([60000.0], np.float16)))  # whose square is no float16
    assert half.rms == pytest.approx(float(np.float16(60000.0)))


def test_together() -> None:
    parts = [np.array([1.0, 2.0]), np.array([3.0]), np.array([np.nan, 5.0])]
    found = together([measured(Tensor(p)) for p in parts])
    whole = measured(Tensor(np.concatenate(parts)))
    assert found[1:] == whole[1:]
    assert found.rms == pytest.approx(whole.rms)


def test_slices_of_a_gradient_count_as_the_whole() -> None:
    table = tf.Variable(np.ones((100, 2), np.float32), name="table")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.gather(table, [1, 1, 3]))
    arrived = named(tape.picture(y), "table").flow
    assert arrived is not None
    assert (arrived.size, arrived.largest) == (200, 2.0)
    assert arrived.rms == pytest.approx(math.sqrt((2 * 4 + 2 * 1) / 200))


def test_inputs_without_a_derivative_say_why() -> None:
    x = tf.Variable([1.0, 2.0], name="x")
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(tf.square(tf.nn.relu(x)))
        slope = inner.gradient(y, x)
        total = tf.reduce_sum(slope)
    picture = outer.picture(total)
    cut = [e for e in picture.edges if e.cut]
    assert {(e.cut, e.why, e.flow) for e in cut} == {
        ("stepwise", "the operation is constant between jumps", None)
    }
    assert "stepwise, the operation is constant between jumps" in str(picture)


def test_a_walk_that_fails_says_where() -> None:
    @tf.custom_gradient
    def broken(x: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            raise RuntimeError("by the user")

        return x, gradient

    v = tf.Variable([1.0, 2.0], name="v")
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(broken(tf.exp(v)) * 3.0)
    picture = tape.picture(y)
    assert "The walk back ended with RuntimeError: by the user" in str(picture)
    assert "! broken: RuntimeError: by the user" in str(picture)
    assert named(picture, "multiply").flow is not None and named(picture, "exp").flow is None


def test_a_picture_within_an_outer_tape_is_not_recorded() -> None:
    v = tf.Variable(2.0, name="v")
    with tf.GradientTape() as outer:
        with tf.GradientTape(persistent=True) as inner:
            y = v * v * v
        before = str(outer.picture())
        inner.picture(y)
        assert str(outer.picture()) == before
        slope = inner.gradient(y, v)
    assert float(outer.gradient(slope, v)) == 12.0


def test_wrong_arguments() -> None:
    tape, loss, _ = dense()
    with pytest.raises(InvalidArgumentError, match="most must be a positive integer, not 0"):
        tape.picture(loss, most=0)
    with pytest.raises(TypeError, match="is no tensor"):
        tape.picture("loss")
    with pytest.raises(TypeError, match="is no tensor"):
        tape.picture(loss, ["w"])
    with pytest.raises(InvalidArgumentError, match=r"cannot save as 'tape\.png'"):
        tape.picture(loss).save("tape.png")
