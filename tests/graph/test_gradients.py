"""`gradients` and `hessians` in graphs and recorded functions, case by case."""

from __future__ import annotations

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


def values(fetches: Any, feed_dict: Any = None) -> Any:
    """What a fresh session with initialised variables gives."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed_dict)


def test_the_program_of_an_introduction() -> None:
    a, b, c = tf.constant(2.0), tf.constant(3.0), tf.constant(1.0)
    y = a * b + c
    grads = tf.gradients(y, [a, b, c])
    assert values(grads) == [3.0, 2.0, 1.0]


def test_the_result_is_a_list() -> None:
    x = tf.constant(3.0)
    for xs in (x, [x], (x,)):
        found = tf.gradients(x * x, xs)
        assert type(found) is list and values(found) == [6.0]
    assert tf.gradients(x * x, []) == []


def test_several_ys_add_up_and_tensors_count_as_often_as_they_stand_there() -> None:
    x = tf.constant([1.0, 2.0])
    y = x * [3.0, 4.0]
    assert values(tf.gradients([y, x * x], x)[0]).tolist() == [5.0, 8.0]
    assert values(tf.gradients([y, y], [x, x]))[1].tolist() == [6.0, 8.0]


def test_sources_are_variables_constants_intermediates_and_placeholders() -> None:
    w = tf.Variable(3.0)
    x = tf.placeholder(tf.float32, [])
    c = tf.constant(2.0)
    h = w * x
    y = h * h * c
    found = values(tf.gradients(y, [w, x, c, h]), {x: 5.0})
    assert found == [300.0, 180.0, 225.0, 60.0]
    assert values(tf.gradients(y, y)) == [1.0]


def test_the_program_may_read_a_variable_several_times() -> None:
    w = tf.Variable(3.0)
    y = w * w
    up = w.assign_add(1.0)
    with tf.control_dependencies([up]):
        z = tf.identity(w) * 10.0
    assert values(tf.gradients(y + z, w)) == [16.0]
    assert tf.gradients(up * 2.0, w) == [None]


def test_partial_derivatives_by_stop_gradients() -> None:
    a = tf.constant(0.0)
    b = 2.0 * a
    assert values(tf.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1.0, 1.0]
    assert values(tf.gradients(a + b, [a, b])) == [3.0, 1.0]
    assert values(tf.gradients(a + b, [a], stop_gradients=b)) == [1.0]
    assert tf.gradients(b * 1.0, [a], stop_gradients=[b]) == [None]
    w = tf.Variable(2.0)
    assert values(tf.gradients(w * w * a, [a], stop_gradients=[w])) == [4.0]


def test_cotangents() -> None:
    x = tf.constant([1.0, 2.0])
    y, z = x * x, x * 3.0
    assert values(tf.gradients(y, x, grad_ys=[[10.0, 100.0]]))[0].tolist() == [20.0, 400.0]
    assert values(tf.gradients(y, x, tf.constant([1.0, 0.0])))[0].tolist() == [2.0, 0.0]
    assert values(tf.gradients([y, z], x, [None, 2.0]))[0].tolist() == [8.0, 10.0]
    with pytest.raises(ValueError, match="Length mismatch. Passed 2 grad_ys for 1 ys"):
        tf.gradients(y, x, [y, y])
    with pytest.raises(TypeError, match="must be real or integer"):
        tf.gradients(y, x, [tf.constant([1j, 1j])])
    with pytest.raises(TypeError, match="the dtypes differ.*tf.cast"):
        tf.gradients(y, x, [tf.constant([1.0, 1.0], tf.float64)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="the shapes differ"):
        tf.gradients(y, x, [tf.constant([1.0, 1.0, 1.0])])


def test_complex_ys_need_a_cotangent() -> None:
    x = tf.constant(1.0 + 1.0j)
    y = x * x
    with pytest.raises(TypeError, match="Gradients of complex tensors .* must set grad_ys"):
        tf.gradients(y, x)
    (found,) = values(tf.gradients(y, x, [tf.constant(1.0 + 0.0j, tf.complex128)]))
    assert found == 2.0 - 2.0j
    with pytest.raises(TypeError, match="must be complex"):
        tf.gradients(y, x, [tf.constant(1.0)])


def test_what_is_not_connected() -> None:
    x, z = tf.constant([1.0, 2.0]), tf.constant(3.0)
    y = z * 2.0
    assert tf.gradients(y, [x, z])[0] is None
    assert tf.gradients(y, x, unconnected_gradients="none") == [None]
    zero = tf.gradients(y, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert values(zero)[0].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients: 'zz'"):
        tf.gradients(y, x, unconnected_gradients="zz")
    n = tf.constant(2)
    assert tf.gradients(n * n, n) == [None]
    assert tf.gradients(tf.round(z) * 1.0, z) == [None]
    assert tf.gradients(tf.stop_gradient(z) * 2.0, z) == [None]


def test_ways_to_add_up() -> None:
    x = tf.constant(3.0)
    y = x * x + tf.sin(x)
    names = ("DEFAULT", "ADD_N", "EXPERIMENTAL_TREE", "EXPERIMENTAL_ACCUMULATE_N")
    for name in names:
        how = getattr(tf.AggregationMethod, name)
        (found,) = values(tf.gradients(y, x, gate_gradients=True, aggregation_method=how))
        assert found == pytest.approx(6.0 + np.cos(3.0))
    with pytest.raises(ValueError, match=r"specified 99. Accepted values are \[0, 1, 2"):
        tf.gradients(y, x, aggregation_method=99)


def test_what_is_no_tensor() -> None:
    x = tf.constant(3.0)
    for ys, xs in ((None, x), (x, 2.0), ({"y": x}, x), (x, {"x": x}), ("y", x)):
        with pytest.raises(TypeError, match="must be a tensor, a variable, or a list"):
            tf.gradients(ys, xs)


def test_an_operation_without_a_derivative() -> None:
    x = tf.constant([3.0, 1.0])

    @gradtape.primitive(name="without_rule_in_a_graph")
    def doubled(xp: Any, x: Any) -> Any:
        return 2.0 * x

    y = doubled(x)
    with pytest.raises(LookupError, match="no entry for: without_rule_in_a_graph"):
        tf.gradients(y, x)
    y = gradtape.raw_ops.PreventGradient(input=x * 2.0, message="no!")
    with pytest.raises(LookupError, match="no!"):
        tf.gradients(y, x)


def test_gradients_of_gradients() -> None:
    x = tf.constant(2.0)
    y = x**4 + tf.exp(x)
    orders = []
    for _ in range(4):
        (y,) = tf.gradients(y, x)
        orders.append(y)
    wanted = np.array([32.0, 48.0, 48.0, 24.0]) + np.exp(2.0)
    np.testing.assert_allclose(values(orders), wanted, rtol=1e-6)


def test_the_operations_are_written_down_in_a_scope(graph: Any) -> None:
    x = tf.constant(2.0)
    tf.gradients(tf.sin(x), x)
    tf.gradients(tf.sin(x), x, name="slopes")
    names = [op.name for op in graph.get_operations()]
    assert any(n.startswith("gradients/") for n in names)
    assert any(n.startswith("slopes/") for n in names)


def test_rows_of_a_table_have_a_sparse_gradient() -> None:
    table = tf.Variable(np.ones((4, 2)))
    picked = tf.nn.embedding_lookup(table, [1, 1, 3])
    (g,) = tf.gradients(tf.reduce_sum(picked), table)
    assert isinstance(g, gradtape.IndexedSlices)
    dense = values(tf.convert_to_tensor(g))
    assert dense.tolist() == [[0.0, 0.0], [2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]


def test_where_operations_run_at_once_there_is_no_graph() -> None:
    with gradtape.init_scope():
        pass
    import threading

    said: list[str] = []

    def eagerly() -> None:
        x = gradtape.constant(2.0)
        for call in (gradtape.gradients, gradtape.hessians, tf.gradients, tf.hessians):
            with pytest.raises(RuntimeError) as caught:
                call(x * x, x)
            said.append(str(caught.value))

    thread = threading.Thread(target=eagerly)
    thread.start()
    thread.join()
    assert len(said) == 4
    for text in said:
        assert "is not supported when eager execution is enabled. Use tf.GradientTape" in text
        assert "@tf.function" in text and "tf.Graph().as_default()" in text


def test_a_graph_may_be_asked_from_outside_its_block() -> None:
    with tf.Graph().as_default() as other:
        x = tf.constant(2.0)
        y = x * x
    (g,) = tf.gradients(y, x)
    assert g.graph is other
    assert tf.Session(graph=other).run(g) == 4.0


def test_inside_a_recorded_function() -> None:
    v = gradtape.Variable(3.0) if gradtape.executing_eagerly() else None
    with gradtape.init_scope():
        assert v is None

    @gradtape.function
    def slopes(x: Any) -> Any:
        y = tf.reduce_sum(x**3)
        (g,) = gradtape.gradients(y, x)
        return g, gradtape.gradients(g, x, grad_ys=[tf.constant([1.0, 0.0])])[0]

    x = tf.constant([1.0, 2.0])
    first, second = values(list(slopes(x)))
    assert first.tolist() == [3.0, 12.0]
    assert second.tolist() == [6.0, 0.0]


def test_a_tape_works_in_a_graph() -> None:
    x, w = tf.placeholder(tf.float32, []), tf.Variable(3.0)
    with gradtape.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = w * x * x
        with gradtape.GradientTape() as inner:
            inner.watch(x)
            z = x**3
        slope = inner.gradient(z, x)
    found = values([tape.gradient(y, [w, x]), tape.gradient(slope, x)], {x: 2.0})
    assert found == [[4.0, 12.0], 12.0]


def test_a_tape_around_sees_a_symbolic_gradient() -> None:
    x = tf.constant(2.0)
    with gradtape.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
        (g,) = tf.gradients(y, x)
    assert values(tape.gradient(g, x)) == 12.0


# Hessians


def test_hessians_are_those_of_the_sum_for_each_x() -> None:
    x, m = tf.constant([1.0, 2.0]), tf.constant([[3.0, 1.0]])
    y = tf.reduce_sum(x**3) * tf.reduce_sum(m**2)
    of_x, of_m = values(tf.hessians(y, [x, m]))
    np.testing.assert_allclose(of_x, np.diag([60.0, 120.0]))
    assert of_m.shape == (1, 2, 1, 2)
    np.testing.assert_allclose(of_m[0, :, 0, :], 18.0 * np.eye(2))
    (vector,) = values(tf.hessians([x**2, x**3], x))
    np.testing.assert_allclose(vector, np.diag([8.0, 14.0]))


def test_hessians_of_variables_with_fed_values() -> None:
    w = tf.Variable([1.0, -1.0])
    x = tf.placeholder(tf.float32, [None, 2])
    loss = tf.reduce_sum(tf.square(tf.matmul(x, tf.reshape(w, [2, 1]))))
    data = np.array([[1.0, 2.0], [3.0, 4.0]])
    (found,) = values(tf.hessians(loss, w), {x: data})
    np.testing.assert_allclose(found, 2 * data.T @ data)


def test_hessians_of_what_is_linear_or_not_connected() -> None:
    x, z = tf.constant([1.0, 2.0]), tf.constant(1.0)
    assert values(tf.hessians(tf.reduce_sum(x) * 3.0, x))[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert tf.hessians(tf.reduce_sum(x), z) == [None]


# sizes and ranks that are not known before values come


def test_open_sizes() -> None:
    x = tf.placeholder(tf.float32, [None, 3])
    w = tf.Variable(np.arange(3.0).reshape(3, 1), dtype=tf.float32)
    loss = tf.reduce_mean(tf.matmul(x, w) ** 2)
    g = tf.gradients(loss, [w, x])
    rng = np.random.default_rng(0)
    for n in (1, 4, 7):
        data = rng.normal(size=(n, 3)).astype(np.float32)
        of_w, of_x = values(g, {x: data})
        y = data @ np.arange(3.0).reshape(3, 1)
        np.testing.assert_allclose(of_w, data.T @ y * 2 / n, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(of_x, y @ np.arange(3.0).reshape(1, 3) * 2 / n, rtol=1e-4)


def test_a_size_is_needed_though_the_value_is_not() -> None:
    x = tf.placeholder(tf.float32, [None], name="x")
    b = tf.Variable(1.0)
    total = tf.reduce_sum(x + b)
    (g,) = tf.gradients(total, b)
    assert values(g, {x: np.zeros(5)}) == 5.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value.*'x:0'"):
        values(g)


def test_sizes_that_were_taken_to_agree() -> None:
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    z = x * y
    assert values(z, {x: [1.0, 2.0], y: [3.0, 4.0]}).tolist() == [3.0, 8.0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ"):
        values(z, {x: [1.0, 2.0], y: [3.0, 4.0, 5.0]})


def test_an_unknown_rank_in_operations_element_by_element() -> None:
    x, t = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32)
    w, b = tf.Variable(2.0), tf.Variable(1.0)
    loss = tf.reduce_mean(tf.square(w * x + b - t))
    g = tf.gradients(loss, [w, b, x])
    second = tf.gradients(g[0], w)
    assert loss.shape == () and x.shape.rank is None and g[2].shape.rank is None
    assert str(x) == 'Tensor("x:0", shape=<unknown>, dtype=float32)'
    for data in (3.0, [1.0, 2.0], np.ones((2, 3))):
        xs = np.asarray(data)
        error = 2.0 * xs + 1.0
        of_w, of_b, of_x = values(g, {x: data, t: 0.0})
        assert of_w == pytest.approx(np.mean(2 * error * xs))
        assert of_b == pytest.approx(np.mean(2 * error))
        np.testing.assert_allclose(of_x, 2 * error * 2.0 / xs.size, rtol=1e-6)
        assert values(second, {x: data, t: 0.0}) == [pytest.approx(np.mean(2 * xs**2))]


def test_an_unknown_rank_elsewhere_asks_for_the_shape() -> None:
    x = tf.placeholder(tf.float32)
    for use in (
        lambda: tf.matmul(x, x),
        lambda: tf.reduce_sum(x, axis=0),
        lambda: tf.expand_dims(x, 0),
        lambda: tf.shape(x),
        lambda: tf.concat([x, x], 0),
        lambda: x[0],
    ):
        with pytest.raises(TypeError, match="Give it a shape"):
            use()


def test_a_shape_may_be_set_later() -> None:
    x = tf.placeholder(tf.float32)
    x.set_shape([None, 2])
    y = tf.reduce_sum(x, axis=1)
    assert y.shape.as_list() == [None]
    assert values(y, {x: np.ones((3, 2))}).tolist() == [2.0, 2.0, 2.0]


def test_a_scalar_of_unknown_rank_in_the_places_of_scalars() -> None:
    keep, rate, training = tf.placeholder("float"), tf.placeholder("float"), tf.placeholder("bool")
    w = tf.Variable(tf.ones([100, 2]))
    y = tf.matmul(tf.nn.dropout(tf.ones([3, 100]), keep), w)
    y = tf.cond(training, lambda: y * 2.0, lambda: y)
    step = tf.train.GradientDescentOptimizer(rate).minimize(tf.reduce_sum(y))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {keep: 1.0, rate: 0.5, training: False}
        np.testing.assert_allclose(session.run(y, feed), np.full((3, 2), 100.0))
        session.run(step, {**feed, training: True})
        np.testing.assert_allclose(session.run(w), np.full((100, 2), -2.0))


def test_a_tensor_of_unknown_rank_may_be_passed_on() -> None:
    x = tf.placeholder(tf.float32)
    y = tf.identity(x, name="y")
    with tf.control_dependencies([y]):
        z = tf.identity(y) * 2.0
    assert values(z, {x: [1.0, 2.0]}).tolist() == [2.0, 4.0]
    assert values(tf.gradients(z, x)[0], {x: [[1.0, 2.0]]}).tolist() == [[2.0, 2.0]]


def test_symbolic_gradients_beside_differences() -> None:
    x = tf.placeholder(tf.float64, [2, 2])
    w = tf.Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    scale = tf.placeholder(tf.float64, [])
    y = tf.reduce_sum(tf.matmul(x, w), axis=1) * scale
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        options: Any = {"x_init_value": [[1.0, 0.0], [0.0, 1.0]], "extra_feed_dict": {scale: 2.0}}
        symbolic, numeric = tf.test.compute_gradient(x, [2, 2], y, [2], **options)
        assert symbolic.tolist() == [[6.0, 0.0], [14.0, 0.0], [0.0, 6.0], [0.0, 14.0]]
        np.testing.assert_allclose(numeric, symbolic, atol=1e-9)
        z = x * scale
        pairs = tf.test.compute_gradient([x, scale], [[2, 2], []], z, [2, 2])
        assert [p[0].shape for p in pairs] == [(4, 4), (1, 4)]
        assert tf.test.compute_gradient_error([x, scale], [[2, 2], []], z, [2, 2]) < 1e-6
        with pytest.raises(TypeError, match="x_shape must be a list of length 2"):
            tf.test.compute_gradient([x, scale], [[2, 2]], z, [2, 2])
        with pytest.raises(TypeError, match="y must be a tensor or variable of a graph"):
            tf.test.compute_gradient(x, [2, 2], 1.0, [2, 2])
        with pytest.raises(ValueError, match="does not depend on"):
            tf.test.compute_gradient(
                scale, [], x * 2.0, [2, 2], extra_feed_dict={x: np.ones((2, 2))}
            )
    wrong = tf.stop_gradient(x) * x
    with tf.Session():
        assert tf.test.compute_gradient_error(x, [2, 2], wrong, [2, 2]) > 0.1


def test_rules_by_strings_are_refused_in_words() -> None:
    with pytest.raises(tf.errors.UnimplementedError, match="custom_gradient"):
        tf.Graph().gradient_override_map({"Sign": "Identity"})
