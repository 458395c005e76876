"""Variables in functions: as arguments, made at the first call, read and assigned in order; and
tensors that a function closes over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant


def compiled(function: Any) -> Any:
    return tf.function(function, jit_compile=False)


def gradient(run: Any, sources: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y = run()
    return tape.gradient(y, sources)


def same(have: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(have), np.asarray(wanted), rtol=1e-6)


# arguments


def test_another_variable_of_the_kind_shares_the_trace() -> None:
    f = compiled(lambda v: v * v)
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    assert [float(f(a)), float(f(b))] == [4.0, 9.0]
    assert f.experimental_get_tracing_count() == 1
    same(gradient(lambda: f(a) * f(b), [a, b]), [36.0, 24.0])
    f(tf.Variable([1.0]))
    f(tf.Variable(1.0, trainable=False))
    assert f.experimental_get_tracing_count() == 3


def test_arguments_that_are_assigned() -> None:
    f = compiled(lambda u, v: (u.assign(v + 1.0), u * v)[1])
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    assert float(f(a, b)) == 12.0
    assert float(a) == 4.0
    assert float(f(a, a)) == 25.0  # the same variable twice
    assert float(a) == 5.0


def test_an_argument_that_the_function_also_takes_from_around() -> None:
    v, w = tf.Variable(2.0), tf.Variable(1.0)
    f = compiled(lambda u: (u.assign(10.0), v + 0.0)[1])
    assert [float(f(w)), float(w)] == [2.0, 10.0]
    assert [float(f(v)), float(v)] == [10.0, 10.0]
    v.assign(3.0)
    assert float(f(w)) == 3.0
    assert float(gradient(lambda: compiled(lambda u: u * v)(v), v)) == 6.0


def test_tapes_inside_see_the_variable_that_is_passed() -> None:
    @compiled
    def f(v: Any) -> Any:
        with tf.GradientTape() as tape:
            y = v * v * 3.0
        return tape.gradient(y, v)

    assert [float(f(tf.Variable(x))) for x in (2.0, 5.0)] == [12.0, 30.0]


def test_tapes_outside_watch_the_variables_that_a_call_reads() -> None:
    a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b", trainable=False)
    c = tf.Variable(2.0, name="c")
    f = compiled(lambda v, x: x * c * b * v)
    with tf.GradientTape() as tape:
        y = f(a, C(1.0))
    assert [v.name for v in tape.watched_variables()] == ["a:0", "c:0"]
    same(tape.gradient(y, [a, c]), [2.0, 1.0])
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(b)
        y = f(a, C(1.0))
    assert tape.gradient(y, b) is not None


# made inside


def test_a_variable_may_be_made_at_the_first_call() -> None:
    class Counter:
        v: Any = None

        @tf.function(jit_compile=False)
        def add(self, x: Any) -> Any:
            if self.v is None:
                self.v = tf.Variable(lambda: tf.zeros([2]))
            return self.v.assign_add(x * tf.ones([2]))

    a, b = Counter(), Counter()
    assert [a.add(C(1.0)).numpy()[0] for _ in range(3)] == [1.0, 2.0, 3.0]
    assert b.add(C(5.0)).numpy()[0] == 5.0
    assert a.v is not b.v


def test_its_initial_value_may_come_from_the_arguments() -> None:
    made: list[Any] = []
    outer = tf.Variable(10.0)

    @compiled
    def f(x: Any, v: Any) -> Any:
        outer.assign_add(1.0)
        if not made:
            made.append(tf.Variable(x * 3.0 + v + outer))
            made.append(tf.Variable([x, 1.0]))
        return made[0] * x + made[1]

    v = tf.Variable(0.5)
    same(f(C(2.0), v), [37.0, 36.0])  # 2 * (6 + 0.5 + 11) + (2, 1)
    assert float(outer) == 11.0
    same(f(C(1.0), v), [19.5, 18.5])
    assert float(made[0]) == 17.5


def test_its_initial_value_may_be_drawn() -> None:
    made: list[Any] = []

    @compiled
    def f() -> Any:
        a = tf.random.normal([2])
        if not made:
            made.append(tf.Variable(tf.random.normal([2])))
            made.append(tf.Variable(tf.random.uniform([2])))
        return a + made[0] + made[1]

    tf.random.set_seed(1)
    tf.random.normal([2])  # the first trace draws, up to the variables; then the function runs
    one, two, a = tf.random.normal([2]), tf.random.uniform([2]), tf.random.normal([2])
    tf.random.set_seed(1)
    same(f(), a + one + two)
    same(made[0], one)
    same(made[1], two)


def test_its_initial_value_in_a_function_in_a_function() -> None:
    made: list[Any] = []

    @compiled
    def inner(x: Any) -> Any:
        if not made:
            made.append(tf.Variable(x * 2.0))
        return made[0] * x

    assert float(compiled(lambda x: inner(x + 1.0))(C(2.0))) == 18.0
    with pytest.raises(ValueError, match="depends on 'x'"):
        compiled(lambda x: [tf.Variable(x)][0] * x).get_concrete_function(tf.TensorSpec([]))


@pytest.mark.parametrize("shapes", [[()], [(), (1,)]])
def test_variables_that_are_made_again_and_again_are_refused(shapes: Any) -> None:
    made: list[Any] = []

    @compiled
    def f(x: Any) -> Any:
        if len(shapes) == 1 or len(made) < 2:
            made.append(tf.Variable(1.0))
        return x * made[-1]

    with pytest.raises(ValueError, match="only supports singleton tf.Variables"):
        list(map(f, [tf.ones(shape) for shape in shapes]))


# reading and assigning


def test_reads_and_changes_keep_their_order() -> None:
    v = tf.Variable(1.0)

    @compiled
    def f() -> Any:
        a = v + 0.0
        v.assign(2.0)
        b = v + 0.0
        v.assign_add(3.0)
        c = v.read_value()
        v.assign_sub(1.0)
        return a, b, c, v, v.assign_add(1.0)

    assert [float(t) for t in f()] == [1.0, 2.0, 5.0, 5.0, 5.0]
    assert float(v) == 5.0


def changed(v: Any) -> Any:
    """A variable after all kinds of changes."""
    rows = lambda values, *indices: tf.IndexedSlices(C(values), C(indices))
    v[0].assign(10.0)
    v[1:].assign([20.0, 30.0])
    v[:2].assign_add([1.0, 1.0])
    v[2].assign_sub(5.0)
    v.scatter_add(rows([1.0, 1.0], 2, 2))
    v.scatter_sub(rows([3.0], 0))
    v.scatter_mul(rows([2.0], 1))
    v.scatter_div(rows([4.0], 1))
    v.scatter_max(rows([100.0], 0))
    v.scatter_min(rows([5.0], 2))
    v.scatter_update(rows([7.0], 1))
    v.scatter_nd_add([[0]], [1.0])
    v.scatter_nd_sub([[1]], [1.0])
    v.scatter_nd_update([[2]], [9.0])
    v.assign_sub(0.5)
    return v * 1.0


def test_variables_as_conditions_and_bounds() -> None:
    flag, n = tf.Variable(True), tf.Variable(3)

    def f(x: Any) -> Any:
        y = x if flag else -x
        if not flag or x > 4.0:
            y = y * 2.0
        total = 0
        for i in range(n):
            total += i
        while flag and x < 1.0:
            x = x + 1.0
        assert n
        return y, total, x, int(n)

    g = tf.function(f, jit_compile=False)
    found = [[float(t) for t in g(C(0.5))]]
    flag.assign(False)
    n.assign(2)
    found.append([float(t) for t in g(C(0.5))])
    assert found == [[0.5, 3.0, 1.5, 3.0], [-1.0, 1.0, 0.5, 2.0]]
    assert g.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    "look",
    [
        lambda v: v.numpy(),
        lambda v: np.asarray(v),
        lambda v: float(v),
        lambda v: int(v),
        lambda v: bool(v),
        lambda v: f"{v:.1f}",
        lambda v: [1, 2, 3][v],
    ],
)
def test_a_recorded_variable_has_no_value_to_look_at(look: Any) -> None:
    v = tf.Variable(2)

    def later() -> Any:
        with tf.init_scope():
            assert look(v)
        return look(v)

    with pytest.raises((TypeError, AttributeError), match="has no value yet"):
        tf.function(later, autograph=False)()
    assert look(v)


def test_control_dependencies_on_variables_and_on_what_is_around() -> None:
    v, w = tf.Variable(0.0), tf.Variable(0.0)

    def f(x: Any) -> Any:
        y = x * 2.0
        with tf.control_dependencies([v.assign_add(y), w, tf.constant(1.0)]):
            z = v + 0.0

        def up() -> Any:
            with tf.control_dependencies([y, v.assign_add(1.0)]):
                return tf.identity(v)

        return z, tf.cond(x > 0.0, up, lambda: v * 1.0)

    found = tf.function(f, jit_compile=False)(tf.constant(3.0))
    assert [float(t) for t in found] == [6.0, 7.0]
    assert float(v) == 7.0


@pytest.mark.parametrize("compile", [False, True])
def test_every_kind_of_change_is_as_eagerly(compile: bool) -> None:
    start = [1.0, 2.0, 3.0]
    eager, inside = tf.Variable(start), tf.Variable(start)
    f = tf.function(changed, jit_compile=compile)
    same(f(inside), changed(eager))
    same(inside, eager)


def test_a_variable_without_a_fixed_shape() -> None:
    v = tf.Variable([1.0, 2.0], shape=[None])
    grow = compiled(lambda x: v.assign(tf.concat([v, x], 0)))
    total = compiled(lambda: tf.reduce_sum(v) * 2.0)
    assert [float(total()) for _ in range(2)] == [6.0, 6.0]
    for n in (3, 4):
        assert grow(C([1.0])).shape == [n]
        assert v.numpy().shape == (n,)
    assert float(total()) == 10.0
    assert [f.experimental_get_tracing_count() for f in (grow, total)] == [1, 1]
    with pytest.raises(ValueError, match="cannot assign"):
        compiled(lambda: v.assign([[1.0]]))()


def test_no_derivative_passes_through_an_assignment() -> None:
    def program(v: Any, x: Any) -> Any:
        y = v * x
        v.assign(x * x)
        z = y * v
        v.assign_add(1.0)
        return z * v

    x = C(3.0)
    eager, inside = tf.Variable(2.0), tf.Variable(2.0)
    wanted = gradient(lambda: program(eager, x), [x, eager])
    have = gradient(lambda: compiled(program)(inside, x), [x, inside])
    same(have, wanted)
    assert float(inside) == float(eager) == 10.0


def test_optimizing_in_a_function() -> None:
    w = tf.Variable([[1.0, 2.0], [3.0, 4.0]])

    @compiled
    def loss(x: Any) -> Any:
        with tf.GradientTape():  # a tape of its own, which nobody asks
            y = x @ w
        return tf.reduce_sum(y * y)

    @compiled
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss(x)
        w.assign_sub(0.01 * tape.gradient(value, w))
        return value

    values = [float(step(C([[1.0, 1.0]]))) for _ in range(5)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 52.0


# tensors from around


def test_a_tensor_from_around_can_be_watched_later() -> None:
    x, y = C(3.0), C(4.0)
    f = compiled(lambda: x * x * y)
    assert float(f()) == 36.0
    assert float(gradient(f, x)) == 24.0
    assert float(gradient(f, y)) == 9.0
    same(gradient(f, [x, y]), [24.0, 9.0])
    c = compiled(lambda z: z * y).get_concrete_function(tf.TensorSpec([]))
    assert float(gradient(lambda: c(C(5.0)), y)) == 5.0
    with tf.autodiff.ForwardAccumulator(x, C(1.0)) as accumulator:
        z = f()
    assert float(accumulator.jvp(z)) == 24.0


def test_a_tensor_from_around_in_branches_loops_and_functions() -> None:
    x = C(0.7)
    inner = compiled(lambda z: z * x)

    def program() -> Any:
        y = tf.cond(x > 0.0, lambda: x * x, lambda: x)
        y = tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, a * x), [0, y])[1]
        return inner(y) + tf.foldl(lambda a, r: a * r * x, C([1.0, 2.0]), C(1.0))

    f = compiled(program)
    f()
    wanted = gradient(program, x)
    same(gradient(f, x), wanted)

    @compiled
    def inside() -> Any:
        return gradient(program, x)

    same(inside(), wanted)


def test_a_recorded_tensor_from_around() -> None:
    x = C(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        z = compiled(lambda z: y * z)(x)
    assert float(tape.gradient(z, x)) == 27.0
