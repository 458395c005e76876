"""Optimizers inside `tf.function`: what they do there is what they do at once, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

OPT, V1 = tf.optimizers, tf.compat.v1.train
S = OPT.schedules
rng = np.random.default_rng(3)
START, TABLE = rng.normal(size=(4, 3)), rng.normal(size=(5, 2))
DENSE = rng.normal(size=(10, 4, 3))
ROWS = rng.normal(size=(10, 4, 2))
INDICES = np.array([[0, 2, 0, k % 5] for k in range(10)], np.int32)

MAKERS: dict[str, Callable[[], Any]] = {
    **{
        kind: (lambda kind=kind: getattr(OPT, kind)(0.125))
        for kind in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion")
    },
    "momentum": lambda: OPT.SGD(0.125, momentum=0.5),
    "nesterov": lambda: OPT.SGD(0.125, momentum=0.5, nesterov=True, clipvalue=0.5),
    "amsgrad": lambda: OPT.Adam(0.125, amsgrad=True, clipnorm=0.5),
    "centered": lambda: OPT.RMSprop(0.125, momentum=0.5, centered=True, global_clipnorm=1.5),
    "regularized": lambda: OPT.Ftrl(
        0.125, -0.4, l1_regularization_strength=0.1, l2_regularization_strength=0.2,
        l2_shrinkage_regularization_strength=0.1, beta=0.1,
    ),
    "decay by rows": lambda: OPT.Adagrad(0.125, weight_decay=0.25, clipnorm=0.5),
    "average": lambda: OPT.Nadam(0.125, use_ema=True, ema_momentum=0.75, weight_decay=0.1),
    "overwritten": lambda: OPT.Adam(
        0.125, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=4, global_clipnorm=1.0
    ),
    "scheduled": lambda: OPT.Adam(S.CosineDecay(0.05, 8, warmup_target=0.25, warmup_steps=3)),
    "v1 descent": lambda: V1.GradientDescentOptimizer(lambda: 0.125),
    "v1 momentum": lambda: V1.MomentumOptimizer(0.125, tf.Variable(0.5, dtype=tf.float64), use_nesterov=True),
    "v1 Adam": lambda: V1.AdamOptimizer(tf.constant(0.125), beta1=tf.Variable(0.875)),
    "v1 Adagrad": lambda: V1.AdagradOptimizer(0.125),
    "v1 RMSprop": lambda: V1.RMSPropOptimizer(0.125, momentum=0.5, centered=True),
    "v1 Adadelta": lambda: V1.AdadeltaOptimizer(0.125),
    "v1 Ftrl": lambda: V1.FtrlOptimizer(0.125, l1_regularization_strength=0.1),
    "v1 proximal": lambda: V1.ProximalGradientDescentOptimizer(0.125, 0.1, 0.2),
    "v1 proximal Adagrad": lambda: V1.ProximalAdagradOptimizer(0.125, 0.1, 0.1, 0.2),
    "v1 dual": lambda: V1.AdagradDAOptimizer(0.125, V1.get_or_create_global_step(object()), 0.1, 0.05, 0.1),
}  # fmt: skip


def plain(function: Any) -> Any:
    """No function at all."""
    return function


WAYS = {"lines": tf.function(jit_compile=False), "xla": tf.function(jit_compile=True)}
by_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
by_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def trained(make: Callable[[], Any], way: Any, dtype: Any) -> tuple[list[Any], Any]:
    """The variables after each of ten steps with a dense and a sparse gradient, and the step."""
    w, table = tf.Variable(START.astype(dtype)), tf.Variable(TABLE.astype(dtype))
    optimizer = make()

    @way
    def step(dense: Any, values: Any, indices: Any) -> None:
        sparse = tf.IndexedSlices(values, indices, (5, 2))
        optimizer.apply_gradients([(dense, w), (sparse, table)])

    path = []
    for k in range(10):
        step(
            tf.constant(DENSE[k].astype(dtype)),
            tf.constant(ROWS[k].astype(dtype)),
            tf.constant(INDICES[k]),
        )
        path += [w.numpy(), table.numpy()]
    return path, step


def assert_equal(found: list[Any], wanted: list[Any], tolerance: float) -> None:
    """Compare with the tolerance relative to the size of the arrays."""
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        a, b = np.asarray(a, np.complex128), np.asarray(b, np.complex128)
        assert np.max(np.abs(a - b)) <= tolerance * max(1.0, float(np.max(np.abs(b))))


@by_maker
def test_steps_are_those_taken_at_once(make: Callable[[], Any]) -> None:
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-12)):
        wanted, _ = trained(make, plain, dtype)
        for way in WAYS.values():
            found, step = trained(make, way, dtype)
            assert_equal(found, wanted, tolerance)
            assert step.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Adagrad", "v1 momentum", "amsgrad"])
@pytest.mark.parametrize("dtype", [np.complex128, np.float16, tf.bfloat16.as_numpy_dtype])
def test_complex_and_16_bit_variables(kind: str, dtype: Any) -> None:
    wanted, _ = trained(MAKERS[kind], plain, dtype)
    for way in WAYS.values():
        found, _ = trained(MAKERS[kind], way, dtype)
        assert found[0].dtype == dtype
        assert_equal(found, wanted, 1e-12 if found[0].dtype.kind == "c" else 2e-2)


def problem() -> tuple[Any, Any, Any]:
    """A variable, an input and a loss."""
    w = tf.Variable(START)
    return w, tf.constant(DENSE[0].T), lambda x: tf.reduce_sum((x @ w - 1.0) ** 2)


def loss_of_step(optimizer: Any, w: Any, loss: Any) -> Any:
    """Take a step and return the loss before it."""
    with tf.GradientTape() as tape:
        value = loss()
    optimizer.apply_gradients([(tape.gradient(value, w), w)])
    return value


def called(body: Any, optimizer: Any, w: Any, loss: Any) -> Any:
    """A step as a function of x alone: a variable must not be an argument."""
    return lambda x: body(optimizer, w, lambda: loss(x))


@by_way
def test_the_ways_to_write_a_step(way: Any) -> None:
    def with_tape(optimizer: Any, w: Any, loss: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss()
        return optimizer.apply_gradients([(tape.gradient(value, w), w)])

    def with_loss(optimizer: Any, w: Any, loss: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss()
        return optimizer.minimize(value, [w], tape=tape)

    def in_the_tape(optimizer: Any, w: Any, loss: Any) -> Any:
        with tf.GradientTape():
            return with_tape(optimizer, w, loss)

    for body in (
        with_tape,
        with_loss,
        in_the_tape,
        lambda optimizer, w, loss: optimizer.minimize(loss, [w]),
    ):
        paths = []
        for wrap in (plain, way):
            w, x, loss = problem()
            optimizer = OPT.Adam(0.125)
            step = wrap(called(body, optimizer, w, loss))
            assert [int(step(x)) for _ in range(3)] == [1, 2, 3]
            paths.append([w.numpy()])
        assert_equal(paths[1], paths[0], 1e-12)


@pytest.mark.parametrize("name", ["Nadam", "overwritten", "decay by rows", "scheduled", "v1 Adam"])
def test_steps_of_a_graph_that_a_session_runs(name: str) -> None:
    wanted, _ = trained(MAKERS[name], plain, np.float64)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        optimizer = MAKERS[name]() if name != "v1 Adam" else V1.AdamOptimizer(0.125, beta1=0.875)
        w, table = tf.Variable(START), tf.Variable(TABLE)
        inputs = [
            tf.compat.v1.placeholder(dtype, shape)
            for dtype, shape in ((tf.float64, (4, 3)), (tf.float64, (4, 2)), (tf.int32, (4,)))
        ]
        sparse = tf.IndexedSlices(*inputs[1:], (5, 2))
        step = optimizer.apply_gradients([(inputs[0], w), (sparse, table)])
        session.run(tf.compat.v1.global_variables_initializer())
        found = []
        for values in zip(DENSE, ROWS, INDICES, strict=True):
            session.run(step, dict(zip(inputs, values, strict=True)))
            found += session.run([w, table])
    assert_equal(found, wanted, 1e-12)


@by_way
def test_minimize_of_tensorflow_1(way: Any) -> None:
    paths = []
    for wrap in (plain, way):
        w, x, loss = problem()
        count = tf.Variable(np.int64(0))
        optimizer = V1.AdamOptimizer(V1.exponential_decay(0.25, count, 2, 0.5))
        step = wrap(called(lambda o, c, loss: o.minimize(loss, c), optimizer, count, loss))
        for _ in range(4):
            assert step(x) is None
        assert int(count) == 4
        assert optimizer.get_slot_names() == ["m", "v"]
        slots = [optimizer.get_slot(w, n).numpy() for n in ("m", "v")]
        paths.append([w.numpy(), *slots, *[v.numpy() for v in optimizer.variables()]])
    assert_equal(paths[1], paths[0], 1e-12)


@by_way
@pytest.mark.parametrize(
    "schedule",
    [
        S.ExponentialDecay(0.5, 3, 0.5, staircase=True),
        S.InverseTimeDecay(0.5, 3, 0.5),
        S.PolynomialDecay(0.5, 4, 0.125, 2.0, cycle=True),
        S.PiecewiseConstantDecay([2, 4], [0.5, 0.25, 0.125]),
        S.CosineDecayRestarts(0.5, 3),
        lambda: 0.25,
        lambda: tf.constant(0.25),
        tf.Variable(0.25, dtype=tf.float64),
    ],
    ids=lambda s: type(s).__name__,
)
def test_learning_rates(way: Any, schedule: Any) -> None:
    paths = []
    for wrap in (plain, way):
        w = tf.Variable(np.zeros(2))
        optimizer = OPT.SGD(schedule)
        step = wrap(
            called(lambda o, w, g: o.apply_gradients([(g(), w)]), optimizer, w, lambda g: g)
        )
        for _ in range(6):
            step(tf.constant([1.0, -1.0], tf.float64))
            paths.append(w.numpy())
    assert_equal(paths[6:], paths[:6], 1e-12)


@by_way
def test_a_learning_rate_that_changes_between_and_inside_calls(way: Any) -> None:
    w, optimizer = tf.Variable([0.0]), OPT.SGD(1.0)

    @way
    def step(factor: Any) -> None:
        optimizer.apply([tf.ones([1])], [w])
        optimizer.learning_rate = optimizer.learning_rate * factor

    step(tf.constant(0.5))
    assert (float(w[0]), float(optimizer.learning_rate)) == (-1.0, 0.5)
    optimizer.learning_rate = 4.0
    step(tf.constant(0.5))
    assert (float(w[0]), float(optimizer.learning_rate)) == (-5.0, 2.0)
    assert step.experimental_get_tracing_count() == 1


def test_slots_are_made_in_any_trace_and_only_once() -> None:
    v, w = tf.Variable([1.0]), tf.Variable([2.0])
    old, new = V1.AdamOptimizer(0.125), OPT.Adam(0.125)

    @tf.function
    def step(both: bool) -> None:
        old.apply_gradients([(2 * x, x) for x in ((v, w) if both else (v,))])
        for _ in tf.range(2):
            new.apply_gradients([(2 * w, w)])

    step(False)
    slots = {x.ref() for x in (*old.variables(), *new.variables)}
    assert len(slots) == 4 + 4
    step(True)
    step(True)
    assert len({x.ref() for x in (*old.variables(), *new.variables)} - slots) == 2
    assert step.experimental_get_tracing_count() == 2
    assert int(new.iterations) == 6
    assert not any(x.trainable for x in new.variables)


@by_way
def test_a_step_in_a_branch(way: Any) -> None:
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 2.0])
    one, other = OPT.Adam(0.125), OPT.Adam(0.125)

    @way
    def step(go: Any) -> None:
        if go:
            one.apply_gradients([(2 * w, w)])

    for go in (True, False, True):
        step(tf.constant(go))
        if go:
            other.apply_gradients([(2 * v, v)])
        assert_equal([w.numpy()], [v.numpy()], 1e-6)
        assert int(one.iterations) == int(other.iterations)
    assert step.experimental_get_tracing_count() == 1


def test_tapes_and_accumulators_around_a_compiled_step_see_the_loss_and_not_the_move() -> None:
    found = []
    for wrap in (plain, *WAYS.values()):
        w, x, loss = problem()
        step = wrap(called(loss_of_step, OPT.Adam(0.125), w, loss))
        with tf.GradientTape() as tape:
            tape.watch(x)
            first, second = step(x), step(x)
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            third = step(x)
        found.append(
            [g.numpy() for g in tape.gradient([first, second], [w, x])]
            + [accumulator.jvp(third).numpy(), w.numpy()]
        )
    assert_equal(found[1], found[0], 1e-12)
    assert_equal(found[2], found[0], 1e-12)


def test_compiled_steps_and_steps_at_once_take_turns() -> None:
    paths = []
    for wrap in (plain, tf.function(jit_compile=True)):
        w, x, loss = problem()
        optimizer = OPT.Nadam(0.125, use_ema=True)

        step = called(lambda o, w, loss: o.minimize(loss, [w]), optimizer, w, loss)
        for k in range(6):
            (wrap(step) if k in (0, 3) else step)(x)
        optimizer.finalize_variable_values([w])
        paths.append([v.numpy() for v in (w, *optimizer.variables)])
    assert_equal(paths[1], paths[0], 1e-12)


def test_gradients_that_a_compiled_function_returns_are_applied_at_once() -> None:
    table, other = tf.Variable(TABLE), tf.Variable(TABLE)
    ids = tf.constant([3, 1, 3])

    def slope(variable: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(variable, ids) ** 2)
        return tape.gradient(loss, variable)

    one, two = OPT.Adagrad(0.125, clipnorm=0.5), OPT.Adagrad(0.125, clipnorm=0.5)
    compiled = tf.function(lambda: slope(table), jit_compile=True)
    for _ in range(3):
        gradient = compiled()
        assert isinstance(gradient, tf.IndexedSlices)
        one.apply([gradient], [table])
        two.apply([slope(other)], [other])
    assert_equal([table.numpy()], [other.numpy()], 1e-12)


@by_way
def test_a_sparse_gradient_of_a_compiled_step_touches_its_rows_alone(way: Any) -> None:
    table, optimizer = tf.Variable(TABLE), OPT.Adagrad(0.125)

    @way
    def step(ids: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table, ids) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, table), table)])

    step(tf.constant([4, 1, 4]))
    assert (table.numpy()[[0, 2, 3]] == TABLE[[0, 2, 3]]).all()
    assert (table.numpy()[[1, 4]] != TABLE[[1, 4]]).all()
    operations = step.get_concrete_function(tf.constant([4, 1, 4])).graph.get_operations()
    kinds = [op.type for op in operations]
    assert "optimizer_step_rows" in kinds
    assert "add_rows" not in kinds


@by_way
def test_users_own_optimizers(way: Any) -> None:
    class Half(OPT.Optimizer):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            dense = tf.convert_to_tensor(gradient)
            variable.assign_sub(0.5 * learning_rate * dense)

    class Twice(OPT.Adam):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(2.0 * gradient, variable, learning_rate)

    for kind in (Half, Twice):
        for dtype, tolerance in ((np.float32, 1e-6), (np.complex128, 1e-12)):
            make = lambda kind=kind: kind(0.25, weight_decay=0.5, clipnorm=1.0)
            wanted, _ = trained(make, plain, dtype)
            found, _ = trained(make, way, dtype)
            assert_equal(found, wanted, tolerance)


@by_way
def test_constraints_exclusions_and_averages(way: Any) -> None:
    paths = []
    for wrap in (plain, way):
        w = tf.Variable(START, constraint=lambda x: tf.clip_by_value(x, -0.5, 0.5), name="w")
        bias = tf.Variable(START[0], name="bias")
        optimizer = OPT.AdamW(0.125, weight_decay=0.5, use_ema=True, ema_momentum=0.5)
        optimizer.exclude_from_weight_decay(var_names=["bias"])

        def body(o: Any, variables: Any, g: Any) -> None:
            o.apply_gradients(zip([g(), g()[0]], variables, strict=True))
            o.finalize_variable_values(variables[1:])

        step = wrap(called(body, optimizer, (w, bias), lambda g: g))
        for k in range(3):
            step(tf.constant(DENSE[k]))
        paths.append([v.numpy() for v in (w, bias, *optimizer.variables)])
        assert np.max(np.abs(w.numpy())) <= 0.5
    assert_equal(paths[1], paths[0], 1e-12)


def test_a_step_is_one_operation_for_each_variable() -> None:
    for make in (OPT.SGD, OPT.Adam, lambda: OPT.Adam(global_clipnorm=1.0), V1.AdamOptimizer):
        counts = []
        for number in (2, 5):
            variables, optimizer = [tf.Variable(START) for _ in range(number)], make()

            body = lambda o, variables, g: o.apply_gradients([(g(), v) for v in variables])
            step = tf.function(called(body, optimizer, variables, lambda g: g))
            graph = step.get_concrete_function(tf.constant(DENSE[0])).graph
            kinds = [op.type for op in graph.get_operations()]
            counts.append(len([k for k in kinds if k not in ("ReadVariable", "Assign", "Const")]))
        assert counts[1] - counts[0] == 3
        assert counts[0] <= 2 + 9


def test_a_compiled_step_copies_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = pytest.importorskip("gradtape.graph.compile")
    copied: list[Any] = []
    monkeypatch.setattr(compiler, "copy", lambda buffer: copied.append(buffer) or buffer + 0)
    w, x, loss = problem()
    optimizer = OPT.Adam(0.125)
    step = tf.function(lambda x: optimizer.minimize(lambda: loss(x), [w]), jit_compile=True)
    for _ in range(3):
        step(x)
    assert copied == []
    held = w.value()
    before = np.array(held)
    step(x)
    assert len(copied) == 1, "somebody holds the value of w"
    np.testing.assert_array_equal(held.numpy(), before)


# what cannot work


def test_bad_gradients_are_found_when_the_step_is_recorded() -> None:
    w, table = tf.Variable([1.0, 2.0]), tf.Variable(TABLE)
    for gradient, variable, text in [
        (tf.ones([3]), w, "does not fit variable"),
        (tf.ones([2], tf.complex64), w, "does not fit variable"),
        (tf.IndexedSlices(tf.ones([1, 3], tf.float64), [0], (5, 3)), table, "does not fit"),
    ]:
        step = tf.function(
            called(lambda o, v, g: o.apply([g()], [v]), OPT.SGD(), variable, lambda g: g)
        )
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            step(gradient)
    with pytest.raises(ValueError, match="No gradients provided"):
        tf.function(lambda: OPT.SGD().apply_gradients([(None, w)]))()


def test_rows_out_of_range() -> None:
    def step(optimizer: Any, table: Any) -> Any:
        def inner(indices: Any) -> None:
            rows = tf.IndexedSlices(tf.ones([2, 2], tf.float64), indices, (5, 2))
            optimizer.apply([rows], [table])

        return inner

    for bad in ([1, 5], [1, -1]):
        table = tf.Variable(TABLE)
        run = tf.function(step(OPT.Adagrad(0.125), table), jit_compile=False)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"not in \[0, 5\)"):
            run(tf.constant(bad))
        np.testing.assert_array_equal(table.numpy(), TABLE)
        # compiled code cannot raise: what is put out of range is dropped
        tf.function(step(OPT.Adagrad(0.125), table), jit_compile=True)(tf.constant(bad))
        assert (table.numpy() != TABLE).any(1).tolist() == [False, True, False, False, False]


def test_a_variable_that_is_an_argument_keeps_no_slots() -> None:
    w = tf.Variable([1.0])
    for optimizer in (OPT.Adam(), V1.AdamOptimizer(), OPT.SGD()):
        step = tf.function(lambda v, o=optimizer: o.apply_gradients([(tf.ones([1]), v)]))
        with pytest.raises(ValueError, match="is an argument of the function that is recorded"):
            step(w)
    step = tf.function(lambda v: V1.GradientDescentOptimizer(0.5).apply_gradients([(2 * v, v)]))
    step(w)
    assert float(w[0]) == 0.0


def test_examples_of_a_batch_share_their_variables() -> None:
    w, table = tf.Variable([1.0]), tf.Variable(TABLE)
    rows = lambda x: tf.IndexedSlices(
        tf.ones([1, 2], tf.float64) * tf.cast(x, tf.float64), [2], (5, 2)
    )
    for optimizer, gradient, variable in [
        (OPT.SGD(), lambda x: x * tf.ones([1]), w),
        (OPT.SGD(clipnorm=1.0), lambda x: x * tf.ones([1]), w),
        (OPT.Adagrad(), rows, table),
    ]:
        with pytest.raises(tf.errors.InvalidArgumentError, match="differs from example to example"):
            tf.vectorized_map(
                lambda x, o=optimizer, g=gradient, v=variable: o.apply([g(x)], [v]) or x,
                tf.constant([1.0, 2.0]),
            )
    optimizer = OPT.SGD(0.5)
    tf.vectorized_map(lambda x: optimizer.apply([tf.ones([1])], [w]) or x, tf.constant([1.0, 2.0]))
    assert (float(w[0]), int(optimizer.iterations)) == (0.5, 1)


def test_a_learning_rate_must_be_one_number() -> None:
    w, optimizer = tf.Variable([1.0]), OPT.SGD(lambda: tf.constant([0.1, 0.2]))
    with pytest.raises(ValueError, match="the learning rate is"):
        tf.function(lambda: optimizer.apply([tf.ones([1])], [w]))()
