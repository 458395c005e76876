"""Graphs as text and pictures: lines, Graphviz, SVG; what is left out, folded, and where it stands."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import gradtape
from gradtape.compat import v1 as tf
from gradtape.graph.boxes import Picture

SVG = "{http://www.w3.org/2000/svg}"


def line() -> Any:
    """The graph of a straight line fitted to points."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        t = tf.placeholder(tf.float32, [None, 1], name="t")
        w = tf.get_variable("w", [3, 1])
        b = tf.Variable(tf.zeros([1]), name="b")
        y = tf.add(tf.matmul(x, w), b, name="y")
        tf.reduce_mean(tf.square(y - t), name="loss")
    return graph


def network(layers: int) -> Any:
    """The graph of a network of layers with name scopes, and its training."""
    with tf.Graph().as_default() as graph:
        h = tf.placeholder(tf.float32, [None, 8], name="x")
        for i in range(layers):
            with tf.name_scope(f"block{i}"):
                w = tf.Variable(tf.random_normal([8, 8]), name="w")
                with tf.name_scope("norm"):
                    mean, variance = tf.nn.moments(h, [0])
                    z = (h - mean) * tf.rsqrt(variance + 0.1)
                with tf.name_scope("act"):
                    h = h + tf.nn.dropout(tf.tanh(tf.matmul(z, w)), 0.9)
        loss = tf.reduce_mean(tf.square(h), name="loss")
        tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return graph


def titles(picture: Picture) -> list[str]:
    return [b.title for b in picture.boxes]


# text


def test_a_line_for_each_operation() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        y = tf.reduce_sum(x * [1.0, 2.0], axis=1, name="y")
        with tf.control_dependencies([y]):
            tf.no_op(name="after")
        tf.placeholder(tf.bool, name="open")
    assert str(graph).splitlines() == [
        "x = Placeholder() -> float32[?, 2]",
        "Const = Const() value=[1., 2.] -> float32[2]",
        "multiply = multiply(x, Const) -> float32[?, 2]",
        "y = reduce_sum(multiply) axis=(1,) keepdims=False -> float32[?]",
        "after = NoOp(^y)",
        "open = Placeholder() -> bool[...]",
    ]
    definition = graph.as_graph_def()
    assert str(definition) == repr(definition) == str(graph)
    node = definition.node[3]
    assert (node.name, node.op, node.input, node.device) == ("y", "reduce_sum", ("multiply",), "")
    assert node.attr["axis"] == "(1,)"
    assert definition.node[4].input == ("^y",)


def test_long_constants_are_cut_short() -> None:
    with tf.Graph().as_default() as graph:
        tf.constant(np.arange(1000.0))
    assert len(str(graph)) < 90


def test_the_graph_of_a_recorded_function_as_text() -> None:
    v = gradtape.Variable(2.0, name="v")

    @gradtape.function
    def f(x: Any) -> Any:
        return v * x

    text = str(f.get_concrete_function(gradtape.TensorSpec([None], tf.float32)).graph)
    assert "x = Placeholder() -> float32[?]" in text
    assert "variable=v:0 -> float32[]" in text


def test_graphviz() -> None:
    text = line().to_dot()
    assert text.startswith("digraph") and text.count("{") == text.count("}")
    assert '"x" -> "matmul";' in text and '"square" -> "loss";' in text
    assert '"loss" [label="loss\\nreduce_mean float32[]"];' in text
    assert 'subgraph "cluster_w" { label="w";' in text
    with tf.Graph().as_default() as graph:
        a = tf.constant(1.0, name="a")
        with tf.control_dependencies([a]):
            tf.constant(2.0, name="b")
    assert '"a" -> "b" [style=dashed];' in graph.to_dot()


# what is shown


def test_a_small_graph_is_shown_as_it_is() -> None:
    picture = Picture(line().operations)
    assert titles(picture) == ["x", "t", "w", "b", "matmul", "y: add", "subtract", "square",
                               "loss: reduce_mean"]  # fmt: skip
    named = {(picture.boxes[a].title, picture.boxes[b].title) for a, b, _ in picture.arrows}
    assert named == {("x", "matmul"), ("w", "matmul"), ("matmul", "y: add"), ("b", "y: add"),
                     ("y: add", "subtract"), ("t", "subtract"), ("subtract", "square"),
                     ("square", "loss: reduce_mean")}  # fmt: skip
    assert {b.title: b.kind for b in picture.boxes}["w"] == "variable"
    assert picture.boxes[0].detail == "float32[?, 3]"
    assert "reduce_mean" in picture.boxes[-1].tip()


def test_constants_stand_in_the_boxes_that_use_them() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [3])
        tf.maximum(x * 2.0, tf.constant([1.0, 2.0, 3.0]))
        tf.constant(7.0)
    shown = titles(Picture(graph.operations))
    assert shown == ["Placeholder", "multiply(\u00b7, 2.)", "maximum(\u00b7, float32[3])", "7."]


def test_readings_of_a_variable_are_one_box_and_changes_are_others() -> None:
    with tf.Graph().as_default() as graph:
        w = tf.Variable(1.0, name="w")
        up = w.assign_add(1.0)
        with tf.control_dependencies([up]):
            tf.identity(w)
    picture = Picture(graph.operations)
    assert titles(picture) == ["w", "add(\u00b7, 1.)", "w \u2190", "reshape"]
    assert (2, 3, True) in picture.arrows


def test_many_operations_are_folded_by_name_scopes() -> None:
    graph = network(12)
    assert len(graph.operations) > 500
    picture = Picture(graph.operations)
    assert len(picture.boxes) <= 48
    shown = titles(picture)
    assert "x" in shown and "loss: reduce_mean" in shown
    assert [t for t in shown if t.startswith("gradients")] == ["gradients"]
    blocks = [t for t in shown if t.startswith("block")]
    assert (
        len({len([t for t in blocks if f"{t}/".startswith(f"block{i}/")]) for i in range(12)}) == 1
    )
    together = sum([len(b.operations) for b in picture.boxes])
    assert together > 300
    assert "operations" in next(b.detail for b in picture.boxes if b.title == "gradients")
    assert Picture(graph.operations, most=10).boxes[1].title == "block0"


def test_chains_are_folded_where_there_are_no_scopes() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [4], name="x")
        for _ in range(250):
            x = tf.sin(x) * 2.0
    picture = Picture(graph.operations)
    assert titles(picture) == ["x", "sin \u2192 ... \u2192 multiply"]
    assert picture.boxes[1].detail == "500 operations"
    assert picture.boxes[1].tip().endswith("and 488 more")


# SVG


@pytest.mark.parametrize("make", [line, lambda: network(3), tf.Graph], ids=["line", "net", "empty"])
def test_the_picture_is_well_formed_and_of_the_size_it_says(make: Any) -> None:
    graph = make()
    text = graph.to_svg()
    assert graph._repr_svg_() == text
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for rect in root.iter(f"{SVG}rect"):
        if "x" in rect.attrib:
            assert float(rect.attrib["x"]) >= 0
            assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
            assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= height
    assert len(list(root.iter(f"{SVG}g"))) == len(Picture(graph.operations).boxes)


def test_the_picture_has_its_words_and_colours_for_the_dark() -> None:
    text = line().to_svg()
    root = ElementTree.fromstring(text)
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert "loss: reduce_mean" in words and "float32[?, 1]" in words and "variable" in words
    tips = [t.text or "" for t in root.iter(f"{SVG}title")]
    assert any("matmul = matmul(x, w) -> float32[?, 1]" in t for t in tips)
    assert "@media (prefers-color-scheme: dark)" in text
    style = next(root.iter(f"{SVG}style")).text or ""
    for rule in re.findall(r"([^{}]+){[^{}]*}", style):
        names = rule.replace("@media (prefers-color-scheme: dark)", "").strip()
        assert all(n.strip().startswith(".gradtape-graph") for n in names.split(","))


def test_words_are_escaped() -> None:
    with tf.Graph().as_default() as graph:
        tf.placeholder(tf.float32, [], name="a>b")
    ElementTree.fromstring(graph.to_svg())
    assert "a&gt;b" in graph.to_svg()


def test_far_arrows_are_named_in_the_boxes() -> None:
    text = network(12).to_svg()
    assert "\u2193 gradients" in text and "more" in text


def test_the_picture_of_a_recorded_function() -> None:
    @gradtape.function
    def f(x: Any) -> Any:
        with gradtape.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.sin(x) * x)
        return tape.gradient(y, x)

    graph = f.get_concrete_function(gradtape.TensorSpec([3], tf.float32)).graph
    assert "sin" in titles(Picture(graph.operations))
    ElementTree.fromstring(graph._repr_svg_())
