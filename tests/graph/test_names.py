"""Names, scopes, collections, variables by name, default graphs, looking into a graph."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradtape
from gradtape.compat import v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[Any]:
    """Every test fills a graph of its own."""
    with tf.Graph().as_default() as made:
        yield made


def names(graph: Any) -> list[str]:
    return [op.name for op in graph.get_operations()]


# names of operations


def test_operations_are_named_by_what_they_do_or_as_the_program_says(graph: Any) -> None:
    a = tf.constant(1.0)
    b = tf.constant(2.0, name="b")
    c = tf.add(a, b, name="total")
    d = a * b
    assert [t.name for t in (a, b, c, d)] == ["Const:0", "b:0", "total:0", "multiply:0"]
    assert names(graph) == ["Const", "b", "total", "multiply"]
    assert repr(c) == "<tf.Tensor 'total:0' shape=() dtype=float32>"


def test_a_name_that_is_taken_gets_a_number() -> None:
    x = tf.constant(1.0, name="x")
    made = [tf.sin(x, name="y") for _ in range(3)]
    assert [t.op.name for t in made] == ["y", "y_1", "y_2"]
    assert tf.cos(x, name="Y").op.name == "Y_3"  # capitals are no difference
    assert tf.constant(1.0, name="y_1").op.name == "y_1_1"


def test_a_given_name_belongs_to_the_last_operation_of_a_call(graph: Any) -> None:
    labels = tf.constant([[1.0, 0.0]])
    logits = tf.constant([[2.0, 1.0]])
    loss = tf.nn.weighted_moments(logits, [0], labels, name="stats")
    assert [op.name for op in graph.get_operations() if op.name == "stats"] == ["stats"]
    assert any(n.startswith("stats/") for n in names(graph))
    assert loss[1].op.name == "stats"
    mean = tf.reduce_mean(logits, name="mean")
    assert mean.name == "mean:0"


def test_a_name_that_is_none(graph: Any) -> None:
    for wrong in ("a b", "_x", "x:0"):
        with pytest.raises(ValueError, match="not a valid operation name"):
            tf.sin(tf.constant(1.0), name=wrong)


def test_name_scopes_prefix_names(graph: Any) -> None:
    with tf.name_scope("layer") as scope:
        a = tf.constant(1.0, name="a")
        with tf.name_scope("inner"):
            b = tf.sin(a, name="b")
    with tf.name_scope("layer"):
        c = tf.sin(a, name="c")
    with tf.name_scope(scope):
        d = tf.sin(a, name="d")
    with tf.name_scope("layer"), tf.name_scope(None):
        e = tf.sin(a, name="e")
    with tf.name_scope(None, "usual", [a]):
        f = tf.sin(a, name="f")
    assert scope == "layer/"
    found = [t.op.name for t in (a, b, c, d, e, f)]
    assert found == ["layer/a", "layer/inner/b", "layer_1/c", "layer/d", "e", "usual/f"]
    with gradtape.name_scope("mine"):
        assert gradtape.get_current_name_scope() == "mine"
    assert gradtape.get_current_name_scope() == ""
    with pytest.raises(ValueError, match="not a valid scope name"), tf.name_scope("a b"):
        pass
    with pytest.raises(TypeError, match="must be a string"), graph.name_scope(3):
        pass


def test_names_inside_a_recorded_function() -> None:
    @gradtape.function
    def f(x: Any) -> Any:
        with tf.name_scope("part"):
            return tf.sin(x, name="wave")

    made = f.get_concrete_function(gradtape.TensorSpec([], tf.float32)).graph
    assert made.get_tensor_by_name("part/wave:0").dtype == tf.float32
    assert names(made) == ["x", "part/wave"]


# looking into a graph


def test_elements_are_found_by_name(graph: Any) -> None:
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    y = tf.unstack(x, axis=1, name="y")
    assert graph.get_tensor_by_name("x:0") == x
    assert graph.get_operation_by_name("x") is x.op
    assert graph.as_graph_element("x") is x.op
    assert graph.as_graph_element("x:0") == x and graph.as_graph_element(x) is x
    assert y[1].op.inputs[0] is not None and x.consumers()
    with pytest.raises(KeyError, match="not in the graph"):
        graph.get_operation_by_name("z")
    with pytest.raises(KeyError, match="does not exist"):
        graph.get_tensor_by_name("x:3")
    with pytest.raises(ValueError, match="invalid"):
        graph.get_tensor_by_name("x")
    with pytest.raises(TypeError, match="no tensor, operation or name"):
        graph.as_graph_element(3)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="not an element"):
        graph.as_graph_element(tf.constant(1.0))


def test_an_operation_tells_what_it_is(graph: Any) -> None:
    x = tf.placeholder(tf.float32, [2, 3], name="x")
    y = tf.reduce_sum(x, axis=1, name="y")
    op = y.op
    assert (op.type, op.name, op.graph) == ("reduce_sum", "y", graph)
    assert op.inputs[0] == x and op.outputs[0] == y
    assert op.get_attr("axis") == (1,)
    assert y.consumers() == [] and x.consumers() == [op]
    assert repr(op) == "<tf.Operation 'y' type=reduce_sum>"
    with pytest.raises(ValueError, match="no attr named 'keep'"):
        op.get_attr("keep")
    file, line = op.where
    assert file == __file__ and line > 0


def test_devices_are_noted(graph: Any) -> None:
    with tf.device("/CPU:0"):
        a = tf.constant(1.0)
        with tf.device(lambda op: "/GPU:0" if op.type == "sin" else ""):
            b, c = tf.sin(a), tf.cos(a)
    assert [t.device for t in (a, b, c, a * 1.0)] == ["/CPU:0", "/GPU:0", "", ""]


def test_a_finished_graph_takes_nothing_more(graph: Any) -> None:
    a = tf.constant(1.0)
    graph.finalize()
    assert graph.finalized
    with pytest.raises(RuntimeError, match="finalized and cannot be modified"):
        tf.sin(a)
    with tf.Session() as session:
        assert session.run(a) == 1.0


def test_control_dependencies_are_of_the_graph(graph: Any) -> None:
    a = tf.constant(1.0)
    with graph.control_dependencies([a]), tf.control_dependencies(a * 2.0):
        b = tf.sin(a)
    assert [op.name for op in b.op.control_inputs] == ["Const", "multiply"]
    with (
        tf.Graph().as_default(),
        pytest.raises(TypeError, match="no operation, tensor or variable"),
        tf.control_dependencies([a]),
    ):
        pass
    with pytest.raises(TypeError, match="no operation"), tf.control_dependencies([1.0]):
        pass


def test_tensors_of_two_graphs_do_not_meet() -> None:
    a = tf.constant(1.0)
    with tf.Graph().as_default() as other:
        b = tf.constant(2.0)
        assert (a * a).graph is a.graph is not other  # goes where its inputs are
        with pytest.raises(ValueError, match="must be from the same graph"):
            a + b


# collections


def test_collections(graph: Any) -> None:
    tf.add_to_collection("mine", 1)
    tf.add_to_collections(["mine", "yours"], 2)
    tf.add_to_collections("yours", 3)
    assert tf.get_collection("mine") == [1, 2] and tf.get_collection("yours") == [2, 3]
    tf.get_collection("mine").append(9)
    assert tf.get_collection("mine") == [1, 2]
    tf.get_collection_ref("mine").append(9)
    assert graph.get_collection("mine") == [1, 2, 9]
    assert set(graph.get_all_collection_keys()) == {"mine", "yours"}
    graph.clear_collection("mine")
    assert tf.get_collection("mine") == []
    with tf.Graph().as_default():
        assert tf.get_collection("yours") == []


def test_variables_are_in_collections() -> None:
    with tf.name_scope("a"):
        w = tf.Variable(1.0, name="w")
    step = tf.Variable(0, trainable=False, name="step")
    local = tf.Variable(0.0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    assert [v.name for v in tf.global_variables()] == ["a/w:0", "step:0"]
    assert tf.trainable_variables() == [w] and tf.local_variables() == [local]
    assert tf.global_variables("a/") == [w] == tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, "a")
    assert tf.all_variables() == [w, step]
    with tf.Session() as session:
        session.run([tf.local_variables_initializer(), tf.initialize_all_variables()])
        assert session.run([w, step, local]) == [1.0, 0, 0.0]
        assert session.run("a/w:0") == 1.0


# variables by name


def test_a_variable_of_a_name_is_made_once() -> None:
    with tf.variable_scope("layer"):
        w = tf.get_variable("w", [2, 3])
        with tf.variable_scope("inner"):
            b = tf.get_variable("b", initializer=tf.constant([1.0, 2.0]))
            y = tf.identity(b, name="y")
    assert (w.name, b.name, y.op.name) == ("layer/w:0", "layer/inner/b:0", "layer/inner/y")
    with tf.variable_scope("layer", reuse=True):
        assert tf.get_variable("w") is w and tf.get_variable("w", [2, 3]) is w
        with pytest.raises(ValueError, match="does not exist, or was not created"):
            tf.get_variable("v", [1])
        with pytest.raises(ValueError, match=r"specified shape \(3, 3\) and found shape \(2, 3\)"):
            tf.get_variable("w", [3, 3])
        with pytest.raises(ValueError, match="specified dtype float64"):
            tf.get_variable("w", dtype=tf.float64)
    with tf.variable_scope("layer"):
        with pytest.raises(ValueError, match="layer/w already exists, disallowed"):
            tf.get_variable("w", [2, 3])
        tf.get_variable_scope().reuse_variables()
        assert tf.get_variable("w") is w
    with tf.variable_scope("layer", reuse=tf.AUTO_REUSE) as scope:
        assert tf.get_variable("w") is w
        assert tf.get_variable("new", [1]).name == "layer/new:0"
        assert scope.name == "layer" and scope.reuse is tf.AUTO_REUSE
    assert tf.get_variable_scope().name == ""


def test_variable_scopes_have_defaults() -> None:
    ones = tf.ones_initializer()
    with tf.variable_scope("s", initializer=ones, regularizer=tf.nn.l2_loss, dtype=tf.float64):
        w = tf.get_variable("w", [2])
        n = tf.get_variable("n", [2], tf.int32, tf.zeros_initializer(), regularizer=lambda v: None)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(w), [1.0, 1.0])
        assert session.run(w).dtype == np.float64 and session.run(n).dtype == np.int32
        assert session.run(tf.losses.get_regularization_loss()) == 1.0
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1


def test_variable_scopes_without_a_name_are_numbered() -> None:
    found = []
    for _ in range(2):
        with tf.variable_scope(None, default_name="dense") as scope:
            found.append(tf.get_variable("w", [1]).name)
    assert found == ["dense/w:0", "dense_1/w:0"]
    with tf.variable_scope(scope, reuse=True), tf.name_scope("elsewhere"):
        assert tf.get_variable("w").name == "dense_1/w:0"
    with tf.variable_scope("q"), tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        assert tf.get_variable("v", [1]).name == "q/v:0"
    with pytest.raises(ValueError, match="name_or_scope is required"), tf.variable_scope(None):
        pass
    with pytest.raises(TypeError, match="must be a string or VariableScope"), tf.variable_scope(3):
        pass
    with (
        pytest.raises(ValueError, match="custom_getter is not supported"),
        tf.variable_scope("s", custom_getter=print),
    ):
        pass


def test_get_variable_needs_a_shape() -> None:
    with pytest.raises(ValueError, match="must be fully defined"):
        tf.get_variable("w")
    with pytest.raises(ValueError, match="must be fully defined"):
        tf.get_variable("w", [None, 2])
    with pytest.raises(ValueError, match="do not specify shape"):
        tf.get_variable("w", [3], initializer=tf.constant([1.0, 2.0]))


@pytest.mark.parametrize(
    ("initializer", "low", "high"),
    [
        (lambda: tf.random_normal_initializer(seed=1), 0.9, 1.1),
        (lambda: tf.truncated_normal_initializer(stddev=0.1, seed=1), 0.08, 0.095),
        (lambda: tf.random_uniform_initializer(-1.0, 1.0, seed=1), 0.55, 0.6),
        (lambda: tf.glorot_uniform_initializer(seed=1), 0.09, 0.11),
        (lambda: tf.glorot_normal_initializer(seed=1), 0.09, 0.11),
        (lambda: tf.variance_scaling_initializer(4.0, seed=1), 0.19, 0.21),
        (lambda: tf.variance_scaling_initializer(2.0, "fan_out", "uniform", 1), 0.13, 0.15),
        (lambda: tf.constant_initializer(3.0), 0.0, 0.0),
    ],
)
def test_initializers_give_the_spread_that_they_say(
    initializer: Any, low: float, high: float
) -> None:
    w = tf.get_variable("w", [100, 100], initializer=initializer())
    with tf.Session() as session:
        session.run(w.initializer)
        assert low <= np.std(session.run(w)) <= high


def test_initializers_check_their_arguments() -> None:
    for arguments in ((0.0,), (1.0, "fan"), (1.0, "fan_in", "cauchy")):
        with pytest.raises(ValueError, match="initializer: (scale|mode|distribution) must be"):
            tf.variance_scaling_initializer(*arguments)


# default graphs


def elsewhere(function: Any) -> None:
    """Run a function in a thread, where eager execution is as it was at the start."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def test_graphs_nest(graph: Any) -> None:
    other = tf.Graph()
    with other.as_default() as entered:
        assert entered is other is tf.get_default_graph()
        with graph.as_default():
            assert tf.constant(1.0).graph is graph
        assert tf.constant(1.0).graph is other
    assert tf.get_default_graph() is graph
    with pytest.raises(AssertionError, match="nested graphs"):
        tf.reset_default_graph()


def test_importing_does_not_switch_eager_execution_off() -> None:
    def program() -> None:
        assert gradtape.executing_eagerly() and tf.executing_eagerly_outside_functions()
        assert float(tf.constant(2.0) * 3.0) == 6.0
        first = tf.get_default_graph()
        assert tf.get_default_graph() is first
        tf.reset_default_graph()
        assert tf.get_default_graph() is not first

    elsewhere(program)


def test_eager_execution_can_be_switched_off_and_on_again() -> None:
    def program() -> None:
        tf.disable_eager_execution()
        tf.disable_v2_behavior()
        assert not gradtape.executing_eagerly()
        assert not gradtape.inside_function()
        assert not tf.executing_eagerly_outside_functions()
        y = tf.constant(2.0) * 3.0
        assert y.graph is tf.get_default_graph() and gradtape.is_symbolic_tensor(y)
        with tf.Session() as session:
            assert session.run(y) == 6.0
            with pytest.raises(RuntimeError, match="outside of graphs"):
                tf.enable_eager_execution()
        tf.reset_default_graph()
        assert tf.get_default_graph().get_operations() == []
        tf.enable_eager_execution()
        tf.enable_eager_execution()
        assert float(tf.constant(2.0) * 3.0) == 6.0
        with (
            tf.Graph().as_default(),
            pytest.raises(RuntimeError, match="at the start of a program"),
        ):
            tf.disable_eager_execution()

    elsewhere(program)


def test_names_of_version_1_under_the_name_of_the_package() -> None:
    def program() -> None:
        for name in (
            "Session",
            "placeholder",
            "global_variables_initializer",
            "log",
            "random_normal",
        ):
            if name != "log":
                with pytest.raises(AttributeError, match=f"write tf.compat.v1.{name}"):
                    getattr(gradtape, name)
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            gradtape.nonsense  # noqa: B018
        tf.disable_eager_execution()
        x = gradtape.placeholder(gradtape.float32, [])
        with gradtape.Session() as session:
            assert session.run(x * 2.0, {x: 3.0}) == 6.0
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            gradtape.nonsense  # noqa: B018
        with pytest.raises(AttributeError, match="pad the rows"):
            gradtape.RaggedTensor  # noqa: B018

    elsewhere(program)


def test_the_module_has_all_names_and_those_that_moved() -> None:
    assert tf.Tensor is gradtape.Tensor and tf.float32 is gradtape.float32
    assert tf.log is gradtape.math.log and tf.matrix_inverse is gradtape.linalg.inv
    assert tf.random_normal is gradtape.random.normal and tf.ceil is gradtape.math.ceil
    assert tf.nn.relu is gradtape.nn.relu and tf.diag is gradtape.linalg.tensor_diag
    assert {"Session", "float32", "log", "random_normal"} <= {*dir(tf)}
    assert callable(tf.log1p) and callable(tf.cholesky) and callable(tf.fft)
    with pytest.raises(AttributeError, match=r"compat.v1.layers is not there"):
        tf.layers  # noqa: B018


def test_in_eager_execution_version_1_spells_functions_in_its_way() -> None:
    def program() -> None:
        v = tf.Variable(2.0, name="v", collections=["mine"], use_resource=True)
        assert float(tf.assign_add(v, 1.0)) == 3.0
        assert isinstance(v, gradtape.Variable) and v.name == "v:0"
        with tf.variable_scope("s"):
            w = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
        assert w.name == "s/w:0" and w.numpy().tolist() == [0.0, 0.0]
        assert tf.global_variables_initializer() is None
        assert tf.global_variables() == []
        assert float(tf.losses.mean_squared_error([1.0], [3.0])) == 4.0
        assert tf.losses.get_losses() == []

    elsewhere(program)
