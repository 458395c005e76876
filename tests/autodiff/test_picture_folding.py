"""Few boxes for many operations: by scopes, by what repeats itself, by lines, by chains, by time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.anatomy import Fact
from gradtape.autodiff.picture import Picture
from gradtape.autodiff.picture_folding import longest_repeat
from gradtape.core.errors import InvalidArgumentError


def unrolled(steps: int) -> tuple[Any, Any]:
    """A loop of three operations a step: its tape and loss."""
    w = tf.Variable(np.eye(3, dtype=np.float32), name="w")
    b = tf.Variable(np.zeros(3, np.float32), name="b")
    h = tf.constant(np.ones((2, 3), np.float32))
    with tf.GradientTape() as tape:
        for _ in range(steps):
            h = tf.tanh(h @ w + b)
        loss = tf.reduce_sum(h)
    return tape, loss


def tangle(operations: int, seed: int) -> tuple[Any, Any]:
    """Operations that take at random what there is already."""
    rng = np.random.default_rng(seed)
    x = tf.Variable([1.0, 2.0], name="x")
    functions = [tf.sin, tf.cos, tf.tanh, tf.exp, tf.square]
    with tf.GradientTape() as tape:
        values = [tf.identity(x) * 1.0]
        while len(values) < operations:
            near = values[-8:]
            a, b = near[rng.integers(len(near))], near[rng.integers(len(near))]
            values.append(functions[rng.integers(5)](a) if rng.random() < 0.5 else a * b)
        loss = tf.add_n(values[-8:])
    return tape, loss


def boxes(picture: Picture) -> list[str]:
    """The titles of the boxes for operations."""
    return [b.title for b in picture.folded().boxes if b.operations]


def by_scope(scopes: Sequence[str]) -> Any:
    """Facts that put one operation after another into scopes."""
    rest = iter(scopes)
    return lambda node: Fact("m.py", 1, "f", next(rest)) if hasattr(node, "primitive") else None


def test_few_operations_are_shown_as_they_are() -> None:
    tape, loss = unrolled(15)
    assert len(boxes(tape.picture(loss))) == 46
    assert len(boxes(tape.picture(loss, most=48))) == 46
    assert len(boxes(tape.picture(loss, most=47))) < 46


def test_the_body_of_a_loop_is_shown_once() -> None:
    tape, loss = unrolled(64)
    picture = tape.picture(loss)
    assert boxes(picture) == ["matmul \u00d7 64", "add \u00d7 64", "tanh \u00d7 64", "reduce_sum"]
    folded = picture.folded()
    product = next(b for b in folded.boxes if b.title.startswith("matmul"))
    assert product.operations == 64
    # h of 2 x 3 float32 each time, w once and its own
    assert product.weight.bytes == 64 * 24 + 36 and product.weight.own == 36
    ends = {
        (folded.boxes[a.source].title[:4], folded.boxes[a.target].title[:4]) for a in folded.arrows
    }
    assert ("tanh", "matm") in ends and ("w", "matm") in ends
    back = next(a for a in folded.arrows if folded.boxes[a.target] is product and a.edges == 63)
    assert len(back.flows) == 63
    assert "matmul \u00d7 64" in str(picture)


def test_scopes_are_folded_first_and_opened_when_asked() -> None:
    tape, loss = unrolled(40)
    scopes = [f"net/layer{i}/{part}" for i in range(40) for part in ("dense", "dense", "act")]
    facts = by_scope([*scopes, "loss"])
    picture = tape.picture(loss, facts=facts)
    assert boxes(picture) == [*[f"net/layer{i}" for i in range(40)], "reduce_sum"]
    assert all("3 operations" in b.lines[0] for b in picture.folded().boxes if "layer" in b.title)
    opened = boxes(picture.shown(expand="net/layer7"))
    assert opened[6:12] == ["net/layer6", "matmul", "add", "tanh", "net/layer8", "net/layer9"]
    with pytest.raises(InvalidArgumentError, match="no scope or box 'net/layer77' to expand"):
        picture.shown(expand="net/layer77")
    few = boxes(picture.shown(most=20))
    assert few == ["net/layer0 \u2026 net/layer39 \u00d7 40", "reduce_sum"]
    assert len(boxes(picture.shown(fold=False))) == 121
    assert len(boxes(picture.shown(most=20, expand=few[0]))) == 121


def test_alike_layers_are_shown_once_where_there_are_too_many() -> None:
    tape, loss = unrolled(100)
    scopes = [f"block{i}" for i in range(100) for _ in range(3)]
    picture = tape.picture(loss, facts=by_scope([*scopes, ""]))
    assert boxes(picture) == ["block0 \u2026 block99 \u00d7 100", "reduce_sum"]
    assert "300 operations: matmul, add, tanh" in picture.folded().boxes[-2].lines[0]


def test_lines_and_functions_where_nothing_repeats_itself() -> None:
    tape, loss = tangle(200, 0)
    numbers = itertools.count()

    def facts(node: Any) -> Fact | None:
        if not hasattr(node, "primitive"):
            return None
        line = 10 + next(numbers) // 10
        return Fact("/x/model.py", line, "inner" if line < 17 else "outer")

    picture = tape.picture(loss, facts=facts)
    found = boxes(picture)
    assert len(found) <= 60 and "model.py:12" in found
    assert len(boxes(picture.shown(expand="model.py:12"))) == len(found) + 9
    assert boxes(picture.shown(most=5)) == ["inner in model.py", "outer in model.py"]


@pytest.mark.parametrize("most", [1, 2, 7, 20, 60])
@pytest.mark.parametrize("seed", [0, 1])
def test_there_are_never_more_boxes_than_asked_for(most: int, seed: int) -> None:
    tape, loss = tangle(150, seed)
    picture = tape.picture(loss, most=most)
    folded = picture.folded()
    assert len(folded.boxes) <= max(2, most)  # a source and an operation at least
    inside = sum([len(b.inside) for b in folded.boxes])
    shown = sum([len(b.group.entries) for b in folded.boxes])
    assert shown + inside == len(picture.operations) + len(picture.sources)
    numbers = [e.number for b in folded.boxes for e in [*b.group.entries, *b.inside]]
    assert len(numbers) == len(set(numbers))


def test_sums_over_boxes_are_sums_over_operations() -> None:
    tape, loss = tangle(150, 3)
    picture = tape.picture(loss)
    assert sum([b.weight.bytes for b in picture.folded().boxes]) == picture.bytes
    assert sum([b.operations for b in picture.folded().boxes]) == len(picture.operations)


def test_many_variables_are_put_into_the_boxes_that_use_them() -> None:
    weights = [tf.Variable([1.0, 2.0], name=f"w{i}") for i in range(100)]
    h = tf.constant([1.0, 1.0])
    with tf.GradientTape() as tape:
        for w in weights:
            h = tf.tanh(h * w)
        loss = tf.reduce_sum(h)
    picture = tape.picture(loss)
    assert boxes(picture) == ["multiply \u00d7 100", "tanh \u00d7 100", "reduce_sum"]
    assert picture.folded().boxes[0].lines[-1] == "with 100 variables: w0, w1, \u2026"


def test_variables_of_one_operation_with_many_inputs() -> None:
    weights = [tf.Variable([1.0], name=f"w{i}") for i in range(200)]
    with tf.GradientTape() as tape:
        loss = tf.add_n([w * 1.0 for w in weights])
    picture = tape.picture(loss)
    assert boxes(picture) == ["multiply \u00d7 200", "add_n"]
    assert "200 variables" in picture.folded().boxes[0].lines[-1]


def test_variables_that_many_boxes_use_are_put_together() -> None:
    weights = [tf.Variable([1.0], name=f"w{i}") for i in range(70)]
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.add_n(weights), tf.sin(tf.add_n(weights))])
    found = tape.picture(loss).folded().boxes
    assert [b.title for b in found] == ["70 sources", "add_n", "add_n", "sin", "add_n"]
    assert found[0].kind == "variable"


def test_alike_branches_side_by_side_are_shown_once() -> None:
    x = tf.Variable([1.0, 2.0], name="x")

    def branches(count: int) -> Picture:
        with tf.GradientTape() as tape:
            loss = tf.add_n([tf.exp(x * float(i)) for i in range(count)])
        return tape.picture(loss)

    assert boxes(branches(12)) == ["multiply(\u00b7, \u2014)", "exp"] * 12 + ["add_n"]
    assert boxes(branches(13)) == ["multiply \u00d7 13", "exp \u00d7 13", "add_n"]
    assert len(boxes(branches(13).shown(fold=False))) == 27


def test_the_longest_repeat() -> None:
    assert longest_repeat("abcabcabcd") == (0, 3, 3)
    assert longest_repeat("xaaaay") == (1, 1, 4)
    assert longest_repeat("abab") is None
    assert longest_repeat("") is None and longest_repeat("a") is None
    rng = np.random.default_rng(0)
    for _ in range(200):
        word = [int(v) for v in rng.integers(0, 2, rng.integers(1, 14))]
        found = longest_repeat(word)
        saved = 0 if found is None else found[1] * (found[2] - 1)
        assert saved == most_saved(word)
        if found is not None:
            start, period, times = found
            assert word[start : start + period] * times == word[start : start + period * times]


def most_saved(word: Sequence[int]) -> int:
    """How many places a repetition of three times or more can save, by trying all."""
    best = 0
    for start, period in itertools.product(range(len(word)), range(1, len(word) + 1)):
        times = 1
        body = word[start : start + period]
        while len(body) == period and word[start + times * period :][:period] == body:
            times += 1
        if times > 2:
            best = max(best, period * (times - 1))
    return best
