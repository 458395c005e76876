"""Programs on few numbers as steps of the extension: the numbers of Python's lines, to the bit."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.quick import quick
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph import few
from gradtape.graph.lines import as_function
from gradtape.graph.program import Program

pytestmark = pytest.mark.skipif(quick is None, reason="the extension was not built here")

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(0.1, 0.9, (3, 4))
V = RANDOM.uniform(0.1, 0.9, 4)


def recorded(function: Callable[..., Any], *arrays: Any) -> Program:
    """The program of a function."""
    concrete = tf.function(function, jit_compile=False).get_concrete_function(
        *[tf.constant(a) for a in arrays]
    )
    return concrete.callee.runner.program


def lines(program: Program, *arrays: Any) -> tuple[Any, ...]:
    """What Python's lines give."""
    token = silence()
    try:
        return as_function(program, eager=True)(xp, *arrays)
    finally:
        restore(token)


def steps(program: Program) -> list[str]:
    """The kinds of the steps that a program is written down as."""
    plan = few._Plan()
    plan.write(program)
    plan.results(program)
    return [step[0] for step in plan.steps]


def agree(program: Program, *arrays: Any) -> None:
    """The plan and Python give the same bits; whole numbers may be arrays without axes in one."""
    run = few.planned(program)
    assert run is not None
    for have, want in zip(run(*arrays), lines(program, *arrays), strict=True):
        assert (have.dtype, have.shape) == (want.dtype, want.shape)
        assert have.tobytes() == want.tobytes()


def gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    def g(*xs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = f(*xs)
        return tape.gradient(y, xs)

    return g


STEPS: dict[str, tuple[Callable[..., Any], Any]] = {
    "arithmetic": (lambda x, v: (x + v) * 2.0 - x / v, (X, V)),
    "column": (lambda x, c: x * c - c, (X, X[:, :1].copy())),
    "two columns": (lambda c, v: c * v, (X[:, :1].copy(), V)),
    "numbers": (lambda a, b: tf.exp(-a) * b + 1.0, (X[0, 0], X[0, 1])),
    "number and array": (lambda a, x: a * tf.sin(x), (X[0, 0], X)),
    "families": (lambda x: tf.sigmoid(x) + tf.nn.softplus(x) * tf.tanh(x), (X,)),
    "slopes": (gradient(lambda x: tf.reduce_sum(tf.sigmoid(x) * tf.nn.elu(x - 0.5))), (X,)),
    "choice": (lambda x, v: tf.where(x > v, x, 0.5), (X, V)),
    "slices": (lambda x: x[1:] * x[:-1] + x[::2], (X,)),
    "turned": (lambda x: tf.transpose(x) + tf.reshape(x, [4, 3]), (X,)),
    "joined": (lambda x, v: tf.concat([x, v[None], x[::-1]], 0) * 2.0, (X, V)),
    "padded": (lambda x: tf.pad(x, [[1, 1], [0, 2]]) + 0.0, (X,)),
    "rolled": (lambda x: tf.roll(x, 1, 1) - x, (X,)),
    "taken": (lambda x: tf.gather(x, [2, 0, 1, 1], axis=1) * x, (X,)),
    "diagonal": (lambda v: tf.linalg.diag(v) + tf.linalg.diag(v[:-1], k=1), (V,)),
    "parts": (lambda x: [part * 2.0 for part in tf.unstack(x)], (X,)),
    "sums": (lambda x: (tf.reduce_sum(x), tf.reduce_sum(x, 0), tf.reduce_sum(x, [1], True)), (X,)),
    "extremes": (lambda x: tf.reduce_max(x, 1) - tf.reduce_min(x, 1), (X,)),
    "as it came": (lambda x, v: (x, v, x * 2.0), (X, V)),
    "twice": (lambda x: (tf.exp(x), tf.reshape(tf.exp(x), [12]), tf.exp(x)[1]), (X,)),
    "Rosenbrock": (
        gradient(lambda v: tf.reduce_sum(100.0 * (v[1:] - v[:-1] ** 2) ** 2 + (1.0 - v[:-1]) ** 2)),
        (V,),
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_alone(name: str, dtype: Any) -> None:
    function, arrays = STEPS[name]
    arrays = [a.astype(dtype) for a in arrays]
    program = recorded(function, *arrays)
    assert "call" not in steps(program)
    agree(program, *arrays)


def test_moves_cost_nothing_on_the_way() -> None:
    def f(x: Any) -> Any:
        return tf.transpose(tf.reshape(tf.concat([x[1:], x[:1]], 0), [4, 3])) + 1.0

    assert steps(recorded(f, X)) == ["move", "loop"]
    assert steps(recorded(lambda x: tf.reshape(x[1:], [8]) * 2.0, X)) == ["point", "loop"]


KERNELS: dict[str, tuple[Callable[..., Any], Any]] = {
    "product": (lambda x: tf.matmul(tf.exp(x), x, transpose_b=True) * 2.0, (X,)),
    "relu": (gradient(lambda x: tf.reduce_sum(tf.nn.relu(x - 0.5) * x)), (X,)),
    "softmax": (lambda x: tf.nn.softmax(x * 2.0)[0] + x, (X,)),
    "whole numbers": (lambda x, i: tf.gather(x * 2.0, i, axis=1) + 1.0, (X, np.array([2, 0]))),
    "truths": (lambda x: tf.where((x > 0.3) & (x < 0.6), -x, x), (X,)),
    "complex": (lambda x: tf.math.real(tf.complex(x, x) ** 2) + x, (X,)),
    "of many places": (lambda x: tf.linalg.svd(x * 1.0)[0] + tf.linalg.svd(x)[2][:3, 0], (X,)),
    "mixed": (lambda x: tf.cast(x + 1.0, tf.float32) * 3.0, (X,)),
    "half": (lambda x: tf.cast(tf.cast(x, tf.float16) * 2.0, x.dtype) + x, (X,)),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_as_they_are(name: str) -> None:
    function, arrays = KERNELS[name]
    program = recorded(function, *arrays)
    kinds = steps(program)
    assert "call" in kinds
    assert set(kinds) != {"call"}
    agree(program, *arrays)


def test_zero_stops_a_nan() -> None:
    f = gradient(lambda x: tf.reduce_sum(tf.where(x > 0.0, tf.sqrt(x) * 0.0, x)))
    program = recorded(f, X)
    agree(program, X)
    run = few.planned(program)
    at_zero = np.where(X > 0.5, 0.0, X)
    (found,) = run(at_zero)  # 0 * inf
    np.testing.assert_array_equal(found, lines(program, at_zero)[0])
    compiled = tf.function(f, jit_compile=False)
    for _ in range(40):
        assert np.isfinite(compiled(tf.constant(at_zero))[0].numpy()).all()


def test_nan_without_a_product_is_computed() -> None:
    program = recorded(lambda x: tf.sqrt(x - 0.5) + 1.0, X)
    assert np.isnan(few.planned(program)(X)[0]).any()
    agree(program, X)


def test_what_is_not_plain_is_left_to_python() -> None:
    run = few.planned(recorded(lambda x: x * 2.0 + x, X))
    assert run(X) is not None
    for other in (X.T.copy().T, X.astype("f4"), X[:2], X[0, 0], X.tolist()):
        assert run(other) is None
    with pytest.raises(TypeError, match="needs 1 arrays"):
        run(X, X)


def test_a_kernel_that_fails_is_run_by_python_which_says_where() -> None:
    f = tf.function(lambda x: tf.linalg.cholesky(x * 1.0) + 1.0, jit_compile=False)
    good = tf.constant(np.eye(2))
    for _ in range(40):
        f(good)
    with pytest.raises(tf.errors.InvalidArgumentError, match="cholesky"):
        f(tf.constant([[1.0, 2.0], [2.0, 1.0]], tf.float64))
    assert f(good).numpy().tolist() == [[2, 1], [1, 2]]


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda x: x * 2.0, (np.ones(5000),)),
        (lambda x: x * 2.0, (np.ones((0, 3)),)),
        (lambda x: tf.matmul(x, x), (np.eye(3),)),
        (lambda i: i + 1, (np.arange(3),)),
        (lambda x: [tf.sin(x * float(k)) for k in range(400)], (X,)),
    ],
    ids=["many numbers", "no numbers", "kernels alone", "whole numbers", "many steps"],
)
def test_programs_that_are_not_written_down(function: Any, arrays: Any) -> None:
    assert few.planned(recorded(function, *arrays)) is None


def test_effects_are_left_to_python(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        tf.print(x[0], output_stream=sys.stdout)
        return x * 2.0

    assert few.planned(recorded(f, V)) is None


def test_memory_is_given_back() -> None:
    program = recorded(
        lambda x: (tf.exp(x) * 2.0, tf.matmul(x, x, transpose_b=True)[0] + x[0, 0]), X
    )
    run = few.planned(program)
    bad = np.full((3, 4), np.inf, "f4")
    gc.collect()
    counts = [sys.getrefcount(X), sys.getrefcount(bad)]
    for _ in range(300):
        run(X)
        run(bad)
    assert [sys.getrefcount(X), sys.getrefcount(bad)] == counts
    first, second = run(X)
    again, _ = run(X)
    assert again is not first
    assert sys.getrefcount(first) == sys.getrefcount(second) == 2


def test_threads() -> None:
    program = recorded(lambda x: tf.matmul(tf.sin(x), x, transpose_b=True) * 2.0, X)
    run = few.planned(program)
    given = [X + k for k in range(4)]
    wanted = [run(x)[0] for x in given]
    wrong = []

    def work(k: int) -> None:
        for _ in range(300):
            if not np.array_equal(run(given[k])[0], wanted[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_functions_come_to_run_so() -> None:
    f = tf.function(lambda x: tf.sin(x) * x + 1.0)
    x = tf.constant(V)
    first = f(x).numpy()
    for _ in range(40):
        assert f(x).numpy().tobytes() == first.tobytes()
    runner = f.get_concrete_function(x).callee.runner
    assert type(runner.few) is quick.Program


def test_programs_with_variables_come_to_run_so() -> None:
    total = tf.Variable(tf.zeros([4], tf.float64))

    @tf.function
    def step(x: Any) -> Any:
        total.assign(total * 0.5 + x)
        return tf.reduce_sum(total)

    expected = np.zeros(4)
    for _ in range(40):
        expected = expected * 0.5 + V
        assert step(tf.constant(V)).numpy() == expected.sum()
    assert total.numpy().tolist() == expected.tolist()
    assert step.get_concrete_function(tf.constant(V)).callee.runner._few is not None


GIVEN = ("given", "d", (4,))
ROOM = ("room", "d", (4,))
REFUSED: dict[str, tuple[Any, Any, Any]] = {
    "a slot that is none": ([("shelf", "d", (4,))], [], ()),
    "a slot of no type": ([("room", "q", (4,))], [], ()),
    "a size is not between": ([("given", "d", (0,))], [], ()),
    "too many elements": ([("given", "d", (70, 70))], [], ()),
    "one number is no array": ([("fresh", "d", ())], [], ()),
    "a constant is not what": ([("constant", "d", (4,), np.ones(3))], [], ()),
    "the inputs come first": ([ROOM, GIVEN], [], ()),
    "no such slot": ([GIVEN], [("loop", (0,), (5,), xp.sin, None, 0)], ()),
    "a step that is none": ([GIVEN], [("dance", (0,), (0,), xp.sin, None, 0)], ()),
    "a step takes what comes later": ([ROOM, ROOM], [("loop", (1,), (0,), xp.sin, None, 0)], ()),
    "a result has another place": ([GIVEN], [("loop", (0,), (0,), xp.sin, None, 0)], ()),
    "a step has no function": ([GIVEN, ROOM], [("loop", (1,), (0,), np.sin, None, 0)], ()),
    "operands of a loop differ": (
        [("given", "d", (3,)), ROOM], [("loop", (1,), (0,), xp.sin, None, 0)], (),
    ),
    "a function has no such loop": ([GIVEN, ROOM], [("loop", (1,), (0,), xp.isnan, None, 0)], ()),
    "a loop's operands are not": ([GIVEN, ROOM], [("loop", (1,), (0,), xp.add, None, 0)], ()),
    "a run leaves its slot": ([GIVEN, ROOM], [("move", (1,), (), None, [(0, 2, 0, 3)], 0)], ()),
    "operands of a choice differ": ([GIVEN, ROOM], [("select", (1,), (0, 0, 0), None, None, 0)], ()),
    "a reduction without a loop": (
        [("given", "?", (4,)), ("room", "?", ())], [("reduce", (1,), (0,), xp.maximum, (0, 1), 0)], (),
    ),
    "a reduction of other axes": ([GIVEN, ROOM], [("reduce", (1,), (0,), xp.add, (0, 2), 0)], ()),
    "a reduction of another size": ([GIVEN, ROOM], [("reduce", (1,), (0,), xp.add, (0, 1), 0)], ()),
    "a pointer leaves its slot": (
        [GIVEN, ("alias", "d", (4,))], [("point", (1,), (0,), None, 1, 0)], (),
    ),
    "a call of nothing": ([GIVEN, ("object", "d", (4,))], [("call", (1,), (0,), None, None, 0)], ()),
    "a kernel takes arrays": (
        [GIVEN, ROOM, ("object", "d", (4,))],
        [("loop", (1,), (0,), xp.sin, None, 0), ("call", (2,), (1,), len, None, 0)], (),
    ),
    "a result that is none": ([GIVEN, ROOM], [], (1,)),
    "a result that nobody keeps": ([GIVEN, ROOM], [("loop", (1,), (0,), xp.sin, None, 0)], (1,)),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_a_program_is_checked_when_it_is_made(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick.Program(*REFUSED[message])


def test_an_element_is_no_call() -> None:
    program = recorded(lambda x: x[0] * x[1] + x[-1], V)
    assert "call" not in steps(program)
    agree(program, V)


def test_a_kernel_of_many_arrays_is_left_to_python() -> None:
    arrays = [np.full(2, i) for i in range(20)]
    join = lambda *xs: tf.cast(tf.concat(xs, 0), tf.float64) + 1.0
    program = recorded(join, *arrays)
    assert few.planned(program) is None
    np.testing.assert_array_equal(lines(program, *arrays)[0], np.concatenate(arrays) + 1.0)
