"""`Session`: fetches and feeds, values of variables, order of effects, runs in pieces, life."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict, namedtuple
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


def initialised(**options: Any) -> Any:
    """A session whose variables have their initial values."""
    session = tf.Session(**options)
    session.run(tf.global_variables_initializer())
    return session


# fetches


def test_fetches_keep_their_structure() -> None:
    a, b = tf.constant(2.0, name="a"), tf.constant([3.0, 4.0])
    point = namedtuple("point", "x y")
    with tf.Session() as session:
        assert session.run(a) == np.float32(2.0)
        assert session.run([a, [a]]) == [2.0, [2.0]]
        assert session.run((a,)) == (2.0,)
        found = session.run(point(a, {"k": b, "j": a}))
        assert type(found) is point and list(found.y) == ["k", "j"]
        np.testing.assert_array_equal(found.y["k"], [3.0, 4.0])
        ordered = session.run(OrderedDict([("b", b), ("a", a)]))
        assert type(ordered) is OrderedDict and list(ordered) == ["b", "a"]
        assert session.run([]) == []
        assert session.run([a, a]) == [2.0, 2.0]


def test_what_comes_back_is_numpys_and_the_callers_own() -> None:
    a = tf.constant([1.0, 2.0])
    w = tf.Variable([1.0, 2.0])
    session = initialised()
    for tensor in (a, a * 1.0, w):
        found = session.run(tensor)
        assert type(found) is np.ndarray
        found[:] = 7.0
        np.testing.assert_array_equal(session.run(tensor), [1.0, 2.0])
    assert type(session.run(tf.constant(1))) is np.int32


def test_names_operations_and_eager_tensors_are_fetches() -> None:
    with gradtape.init_scope():
        made_here = tf.constant(5.0)
    a = tf.constant(2.0, name="a")
    nothing = tf.no_op(name="nothing")
    with tf.Session() as session:
        assert session.run("a:0") == 2.0
        assert session.run(["a", nothing, "nothing", a]) == [None, None, None, 2.0]
        assert session.run(made_here) == 5.0


def test_indexed_slices_come_back_in_parts() -> None:
    w = tf.Variable([[1.0], [2.0], [3.0]])
    (g,) = tf.gradients(tf.gather(w, [2, 0, 2]), w)
    found = initialised().run(g)
    assert isinstance(found, tf.IndexedSlicesValue)
    assert found.indices.tolist() == [2, 0, 2]
    assert found.values.tolist() == [[1.0], [1.0], [1.0]]
    assert found.dense_shape == (3, 1)


def test_a_wrong_fetch_says_so(graph: Any) -> None:
    tf.constant(1.0, name="a")
    with tf.Graph().as_default():
        other = tf.constant(1.0)
    with tf.Session() as session:
        for wrong in (None, 3.0, [None], object()):
            with pytest.raises(TypeError, match="has invalid type"):
                session.run(wrong)
        with pytest.raises(ValueError, match="cannot be interpreted as a Tensor.*b"):
            session.run("b:0")
        with pytest.raises(ValueError, match="not an element of this session's graph"):
            session.run(other)


# feeds


def test_any_tensor_may_be_fed() -> None:
    a = tf.constant(2.0)
    y = a * 3.0
    z = y + 1.0
    w = tf.Variable(10.0)
    s = w + z
    session = initialised()
    assert session.run(z, {a: 1.0}) == 4.0
    assert session.run([y, z], {y: 0.0}) == [0.0, 1.0]
    assert session.run(s, {w: 1.0, y: 0.0}) == 2.0
    assert session.run(z, {y.name: 5.0}) == 6.0
    assert session.run(s) == 17.0


def test_the_same_tensor_by_another_object_is_the_same_key(graph: Any) -> None:
    x = tf.placeholder(tf.float32, [], name="x")
    again = graph.get_tensor_by_name("x:0")
    assert again is not x
    assert again == x and (again != x) is False and hash(again) == hash(x)
    assert len({x, again, x * 1.0}) == 2
    with tf.Session() as session:
        assert session.run(x * 2.0, {again: 3.0}) == 6.0


def test_feeds_are_converted_when_nothing_is_lost() -> None:
    x = tf.placeholder(tf.float32, [2])
    n = tf.placeholder(tf.int32, [])
    b = tf.placeholder(tf.bool, [])
    with tf.Session() as session:
        for value in ([1, 2], (1.0, 2.0), np.array([1.0, 2.0]), np.array([True, True]) * [1, 2]):
            np.testing.assert_array_equal(session.run(x * 1.0, {x: value}), [1.0, 2.0])
        assert session.run(n + 1, {n: 3.0}) == 4
        assert session.run(n + 1, {n: np.int64(3)}) == 4
        assert session.run(tf.logical_not(b), {b: False})
        for key, value in ((n, 3.5), (n, 2**40), (n, np.nan), (b, 2.0), (x, [1j, 2j])):
            with pytest.raises(TypeError, match="is not compatible with Tensor"):
                session.run(key, {key: value})


def test_a_wrong_feed_says_so() -> None:
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    y = x * 2.0
    with tf.Graph().as_default():
        other = tf.placeholder(tf.float32, [])
    with tf.Session() as session:
        with pytest.raises(ValueError, match=r"Cannot feed value of shape \(3,\) for Tensor 'x:0'"):
            session.run(y, {x: [1.0, 2.0, 3.0]})
        with pytest.raises(ValueError, match=r"which has shape \(None, 2\)"):
            session.run(y, {x: np.ones((2, 3))})
        with pytest.raises(TypeError, match="value of a feed cannot be a tf.Tensor"):
            session.run(y, {x: y})
        with pytest.raises(TypeError, match="not an element of this session's graph"):
            session.run(y, {other: 1.0})
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            session.run(y, {"z:0": 1.0})
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            session.run(y, {3: 1.0})
        with pytest.raises(TypeError, match="must be a dictionary"):
            session.run(y, [1.0])


def test_a_placeholder_that_is_missing_is_named() -> None:
    x = tf.placeholder(tf.float32, [None, 3], name="images")
    t = tf.placeholder(tf.float32, [], name="t")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(tf.reduce_sum(x) + t, {t: 1.0})
        text = "You must feed a value for placeholder tensor 'images:0' with dtype float32"
        assert text in str(caught.value)
        assert "(None, 3)" in str(caught.value)
        assert session.run(t + 1.0, {t: 1.0}) == 2.0  # what is not needed is not missed


def test_a_placeholder_with_a_default() -> None:
    rate = tf.placeholder_with_default(0.5, [], name="rate")
    rows = tf.placeholder_with_default(tf.zeros([1, 2]), [None, 2])
    mean = tf.reduce_mean(rows + rate)
    with tf.Session() as session:
        assert session.run([rate, mean]) == [0.5, 0.5]
        assert session.run(mean, {rate: 1.0}) == 1.0
        assert session.run(mean, {rows: np.ones((5, 2))}) == 1.5
        assert session.run(tf.gradients(mean, rate)[0]) == 1.0
    assert rows.shape.as_list() == [None, 2]
    with pytest.raises(ValueError, match="has not the shape"):
        tf.placeholder_with_default(tf.zeros([3]), [2])


def test_a_default_beside_a_placeholder_without_a_shape() -> None:
    x, rate = tf.placeholder(tf.float32), tf.placeholder_with_default(3.0, [])
    total = tf.reduce_sum(x * x) * rate
    slope = tf.gradients(total, [x, rate])
    with tf.Session() as session:
        assert [v.tolist() for v in session.run(slope, {x: [1.0, 2.0]})] == [[6.0, 12.0], 5.0]
        assert session.run([total, rate], {x: 2.0, rate: 1.0}) == [4.0, 1.0]


def test_placeholders_need_a_graph() -> None:
    with gradtape.init_scope(), tf.Graph().as_default():
        pass
    done: list[str] = []

    def eagerly() -> None:
        for make in (lambda: tf.placeholder(tf.float32), lambda: tf.placeholder_with_default(1.0)):
            with pytest.raises(RuntimeError, match="not compatible with eager execution"):
                make()
            done.append("refused")

    thread = threading.Thread(target=eagerly)
    thread.start()
    thread.join()
    assert done == ["refused", "refused"]


# variables


def test_a_variable_has_a_value_when_its_initializer_ran() -> None:
    w = tf.Variable([1.0, 2.0], name="w")
    y = w * 2.0
    session = tf.Session()
    for fetch in (w, y, w.read_value()):
        with pytest.raises(
            tf.errors.FailedPreconditionError, match="uninitialized value 'w:0'.*initializer"
        ):
            session.run(fetch)
    session.run(w.initializer)
    np.testing.assert_array_equal(session.run(y), [2.0, 4.0])
    with session.as_default():
        np.testing.assert_array_equal(w.eval(), [1.0, 2.0])
        w.load([5.0, 6.0])
    np.testing.assert_array_equal(w.eval(session), [5.0, 6.0])
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        w.load([1.0], session)


def test_every_session_has_values_of_its_own() -> None:
    w = tf.Variable(1.0)
    up = w.assign_add(1.0)
    one, other = initialised(), initialised()
    assert [one.run(up), one.run(up), other.run(up)] == [2.0, 3.0, 2.0]
    assert [one.run(w), other.run(w)] == [3.0, 2.0]
    third = tf.Session()
    with pytest.raises(tf.errors.FailedPreconditionError):
        third.run(up)


def test_initial_values() -> None:
    a = tf.Variable(2.0, name="a")
    b = tf.Variable(a.initialized_value() * 3.0)
    c = tf.Variable(lambda: tf.ones([2]), dtype=tf.float64)
    d = tf.Variable(a * 5.0)
    session = tf.Session()
    assert session.run(a.initial_value) == 2.0
    session.run(a.initializer)
    a.load(10.0, session)
    session.run(b.initializer)
    assert session.run(b) == 30.0  # what a holds, not what it held at first
    fresh = initialised()
    assert fresh.run([b, d]) == [6.0, 10.0]
    assert fresh.run(c).dtype == np.float64
    with pytest.raises(ValueError, match="needs an initial value"):
        tf.Variable()


def test_which_variables_are_initialised() -> None:
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    question = tf.report_uninitialized_variables()
    known = tf.is_variable_initialized(a)
    number = tf.cond(known, lambda: tf.constant(1), lambda: tf.constant(0))
    session = tf.Session()
    assert session.run(question).tolist() == [b"a", b"b"]
    assert session.run([known, number]) == [False, 0]
    session.run(a.initializer)
    assert session.run(question).tolist() == [b"b"]
    assert session.run([known, number]) == [True, 1]
    assert question.eval(session=session).tolist() == [b"b"]
    with pytest.raises(tf.errors.FailedPreconditionError, match="'b:0'"):
        session.run(b)


def test_changes_are_done_in_the_order_of_the_program() -> None:
    w = tf.Variable(1.0)
    before = w * 10.0
    first = w.assign_add(1.0)
    between = w * 10.0
    second = tf.assign(w, w * 3.0)
    after = w * 10.0
    session = initialised()
    assert session.run([before, between, after]) == [10.0, 10.0, 10.0]  # nothing is changed
    assert session.run([after, first, between, before]) == [20.0, 2.0, 20.0, 10.0]
    w.load(1.0, session)
    found = session.run([before, first, between, second, after])
    assert found == [10.0, 2.0, 20.0, 6.0, 60.0]
    assert session.run(w) == 6.0


def test_control_dependencies_run_what_is_not_fetched() -> None:
    w = tf.Variable(1.0)
    up = w.assign_add(1.0)
    with tf.control_dependencies([up]):
        after = tf.identity(w)
        inner = w.read_value()
        with tf.control_dependencies(None):
            free = w * 1.0
    session = initialised()
    assert session.run(free) == 1.0
    assert session.run(after) == 2.0
    assert session.run(inner) == 3.0
    both = tf.group(up, w.assign_sub(0.5))
    assert session.run(both) is None
    assert session.run(w) == 3.5
    assert [op.name for op in after.op.control_inputs] == [up.op.name]


def test_changes_of_every_kind() -> None:
    w = tf.Variable(np.arange(4.0))
    rows = gradtape.IndexedSlices(tf.constant([10.0], tf.float64), tf.constant([1]), [4])
    changes = [w.scatter_add(rows), tf.assign_sub(w, tf.ones([4], tf.float64)), w.assign(w * 2.0)]
    session = initialised()
    for change, value in zip(changes, ([0, 11, 2, 3], [-1, 10, 1, 2], [-2, 20, 2, 4]), strict=True):
        np.testing.assert_array_equal(session.run(change), value)
    with pytest.raises(ValueError, match="cannot assign a value of shape"):
        w.assign([1.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="tf.cast"):
        w.assign(tf.constant([1, 2, 3, 4]))


def test_a_variable_of_a_graph_has_no_value_outside_sessions() -> None:
    w = tf.Variable(1.0, name="w")
    for ask in (w.numpy, lambda: float(w), lambda: np.asarray(w)):
        with pytest.raises(NotImplementedError, match="its values are in sessions"):
            ask()
    assert repr(w) == "<tf.Variable 'w:0' shape=() dtype=float32>"
    assert isinstance(w, tf.Variable) and isinstance(w, gradtape.Variable)
    assert {w: 1}[w] == 1 and w == w and w != tf.Variable(1.0)


def test_eager_variables_keep_their_values_in_a_session() -> None:
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.append(gradtape.Variable(2.0)))
    thread.start()
    thread.join()
    (v,) = made
    before = v * 1.0
    up = v.assign_add(1.0)
    with tf.Session() as session:
        assert session.run([before, up]) == [2.0, 3.0]
    assert float(v.numpy()) == 3.0


# effects and random numbers


def test_printing_happens_when_it_is_run() -> None:
    stream = io.StringIO()
    x = tf.placeholder(tf.float32, [])
    shout = tf.print("x =", x, output_stream=stream)
    with tf.control_dependencies([shout]):
        y = x * 2.0
    with tf.Session() as session:
        session.run(x + 1.0, {x: 1.0})
        assert stream.getvalue() == ""
        session.run(shout, {x: 1.0})
        assert session.run(y, {x: 2.0}) == 4.0
    assert stream.getvalue() == "x = 1\nx = 2\n"


def test_random_numbers_are_drawn_anew_in_every_run() -> None:
    x = tf.random_normal([3])
    y, z = x * 1.0, tf.random_normal([3])
    with tf.Session() as session:
        first, same, other = session.run([x, y, z])
        np.testing.assert_array_equal(first, same)
        assert (first != other).all()
        assert (session.run(x) != first).all()


def test_a_seed_makes_sessions_alike() -> None:
    tf.set_random_seed(3)
    x = tf.random_uniform([2])
    one, other = tf.Session(), tf.Session()
    drawn = [one.run(x), one.run(x)]
    np.testing.assert_array_equal(drawn, [other.run(x), other.run(x)])
    assert (drawn[0] != drawn[1]).all()


def test_a_recorded_function_does_all_that_it_does() -> None:
    w = tf.Variable(1.0)
    stream = io.StringIO()

    @gradtape.function
    def f(x: Any) -> Any:
        w.assign_add(x)
        tf.print("seen", output_stream=stream)
        return x * 2.0, x

    x = tf.constant(3.0)
    double, same = f(x)
    session = initialised()
    assert session.run(double) == 6.0
    assert session.run(w) == 4.0
    assert session.run(same) == 3.0
    assert session.run(w) == 7.0
    assert stream.getvalue() == "seen\nseen\n"
    assert session.run(x) == 3.0 and session.run(w) == 7.0


def test_branches_change_variables_when_their_result_is_run() -> None:
    w = tf.Variable(1.0)
    up = tf.placeholder(tf.bool)
    y = tf.cond(up, lambda: w.assign_add(1.0) * 10.0, lambda: w * 10.0)
    session = initialised()
    assert session.run(y, {up: False}) == 10.0
    assert session.run(y, {up: True}) == 20.0
    assert session.run(w) == 2.0


# runs in pieces, and again and again


def test_a_run_in_pieces_does_everything_once() -> None:
    a, b = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [None])
    w = tf.Variable(0.0)
    up = w.assign_add(a)
    drawn = tf.random_normal([])
    y = up * 10.0
    z = tf.reduce_sum(b) + y + drawn
    session = initialised()
    handle = session.partial_run_setup([y, z, drawn, w.op], [a, b])
    assert session.partial_run(handle, y, {a: 2.0}) == 20.0
    r = session.partial_run(handle, drawn)
    assert session.partial_run(handle, z, {b: [1.0, 2.0]}) == pytest.approx(23.0 + r)
    assert session.run(w) == 2.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="was fed already"):
        session.partial_run(handle, z, {a: 1.0})
    with pytest.raises(tf.errors.InvalidArgumentError, match="was not announced"):
        session.partial_run(handle, up)
    fresh = session.partial_run_setup([z], [a, b])
    with pytest.raises(tf.errors.InvalidArgumentError, match="You must feed"):
        session.partial_run(fresh, z, {a: 1.0})


def test_a_callable_takes_its_feeds_by_position() -> None:
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    session = tf.Session()
    difference = session.make_callable({"d": x - y}, [y, x])
    assert difference(1.0, 5.0) == {"d": 4.0}
    with pytest.raises(ValueError, match="takes 2 values"):
        difference(1.0)
    session.close()
    with pytest.raises(RuntimeError, match="closed Session"):
        difference(1.0, 2.0)


def test_a_plan_is_made_once_for_each_kind_of_run() -> None:
    x = tf.placeholder(tf.float32, [None])
    y, z = x * 2.0, x + 1.0
    session = tf.Session()
    for n in range(1, 5):
        session.run(y, {x: np.ones(n)})
    session.run([y, z], {x: [1.0]})
    session.run(z, {y: [1.0], x: [2.0]})
    assert len(session._plans) == 3


# life


def test_sessions_are_entered_and_left(graph: Any) -> None:
    a = tf.constant(2.0)
    y = a * 3.0
    assert tf.get_default_session() is None
    with tf.Session() as session:
        assert tf.get_default_session() is session
        assert y.eval() == 6.0 and y.eval({a: 1.0}) == 3.0
        assert y.op.run() is None
        with tf.Session(graph=graph).as_default() as inner:
            assert tf.get_default_session() is inner
        assert tf.get_default_session() is session
        assert session.graph is graph is tf.get_default_graph()
    assert tf.get_default_session() is None
    with pytest.raises(RuntimeError, match="closed Session"):
        session.run(y)
    assert y.eval(session=tf.Session()) == 6.0
    with pytest.raises(ValueError, match="No default session is registered"):
        y.eval()
    with pytest.raises(ValueError, match="different from the session's graph"):
        y.eval(session=tf.Session(graph=tf.Graph()))


def test_an_interactive_session_is_entered_until_it_is_closed() -> None:
    y = tf.constant(2.0) * 3.0
    session = tf.InteractiveSession()
    assert y.eval() == 6.0
    session.close()
    session.close()
    with pytest.raises(ValueError, match="No default session"):
        y.eval()
    other = tf.Graph()
    session = tf.InteractiveSession(graph=other)
    assert tf.get_default_graph() is other
    session.close()
    assert tf.get_default_graph() is not other


def test_an_empty_graph_and_a_wrong_argument() -> None:
    with pytest.raises(RuntimeError, match="Session graph is empty"):
        tf.Session(graph=tf.Graph()).run([])
    with pytest.raises(TypeError, match="must be a tf.Graph"):
        tf.Session(graph=3)  # type: ignore[arg-type]


def test_settings_are_accepted() -> None:
    config = tf.ConfigProto(allow_soft_placement=True, gpu_options=tf.GPUOptions(visible="0"))
    config.gpu_options.per_process_gpu_memory_fraction = 0.5
    config.graph_options.optimizer_options.global_jit_level = 1
    with pytest.raises(AttributeError, match="was not made"):
        config.unheard  # noqa: B018
    a = tf.constant(1.0)
    with tf.Session("", config=config) as session:
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        assert session.run(a, options=options, run_metadata=tf.RunMetadata()) == 1.0
        (device,) = session.list_devices()
        assert device.device_type == "CPU" and "CPU:0" in device.name


def test_an_error_in_a_run_names_the_line_and_changes_nothing() -> None:
    w = tf.Variable(tf.ones([2]))
    x = tf.placeholder(tf.float32, [None])
    up = w.assign_add(tf.ones([2]))
    with tf.control_dependencies([up]):
        bad = tf.reshape(x, [3]) * 1.0
    session = initialised()
    with pytest.raises(tf.errors.InvalidArgumentError):
        session.run(bad, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(session.run(w), [1.0, 1.0])
    np.testing.assert_array_equal(session.run(bad, {x: [1.0, 2.0, 3.0]}), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(session.run(w), [2.0, 2.0])


def test_large_graphs_are_compiled_and_hold_their_variables_on_the_device() -> None:
    w = tf.Variable(tf.ones([300, 300]))
    x = tf.placeholder(tf.float32, [None, 300])
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
    step = w.assign_sub(1e-3 * tf.gradients(loss, w)[0])
    session = initialised()
    data = np.ones((4, 300))
    expected = np.ones((300, 300))
    for _ in range(3):
        found = session.run([loss, step], {x: data})
        y = data @ expected
        np.testing.assert_allclose(found[0], (y**2).mean(), rtol=1e-5)
        expected = expected - 1e-3 * data.T @ (2 * y / y.size)
        np.testing.assert_allclose(found[1], expected, rtol=1e-5)
    np.testing.assert_allclose(session.run(w), expected, rtol=1e-5)


def test_assertions_are_operations() -> None:
    x = tf.placeholder(tf.float32, [None])
    positive = tf.debugging.assert_positive(x, message="all of them")
    equal = tf.debugging.assert_equal(x, [1.0])
    stated = tf.Assert(tf.reduce_all(x < 5.0), [x])
    known = tf.debugging.assert_less(1.0, 2.0)
    with tf.control_dependencies([positive, known, tf.debugging.assert_rank(x, 1)]):
        y = x * 2.0
    finite = tf.debugging.check_numerics(x, "x")
    with tf.Session() as session:
        assert session.run([y, positive, equal, stated, known], {x: [1.0]})[1:] == [None] * 4
        assert session.run(x * 3.0, {x: [-1.0]}).tolist() == [-3.0]
        for fetch, value, text in (
            (y, -1.0, "all of them"),
            (equal, 2.0, "x == y"),
            (stated, 7.0, "to be true"),
            (finite, np.nan, "NaN"),
        ):
            with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(fetch, {x: [value]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="x < y"):
        tf.debugging.assert_less(2.0, 1.0)
