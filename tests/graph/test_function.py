"""`function`: which calls share a trace, what goes in and out, and when Python runs."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import inspect
import io
import threading
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant
Pair = collections.namedtuple("Pair", "x y")


def compiled(function: Any) -> Any:
    """Recorded and run on NumPy: most of what is tested here does not depend on who runs it."""
    return tf.function(function, jit_compile=False)


def traces(function: Any) -> int:
    return function.experimental_get_tracing_count()


def same(have: Any, wanted: Any, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(np.asarray(have), np.asarray(wanted), rtol=tolerance, atol=tolerance)


# which calls share a trace


def test_dtypes_and_shapes_count() -> None:
    f = compiled(lambda x: x + 1)
    for x in (C(1.0), C(2.0), C([1.0]), C([2.0]), C(1), C(2)):
        f(x)
    assert traces(f) == 3


def test_python_values_count_with_their_types() -> None:
    seen: list[Any] = []

    @compiled
    def f(n: Any) -> Any:
        seen.append(n)
        return C(0.0)

    given = (1, 1.0, True, 0, False, 0.0, -0.0, "a", b"a", None, 1j, 1, 1.0, True, "a", -0.0)
    with pytest.warns(UserWarning, match="retracing"):
        list(map(f, given))
    assert [type(n) for n in seen] == [
        int, float, bool, int, bool, float, float, str, bytes, type(None), complex,
    ]  # fmt: skip


def test_nan_is_one_value() -> None:
    f = compiled(lambda n: C(n))
    f(float("nan"))
    f(float("nan"))
    assert traces(f) == 1


@pytest.mark.parametrize("values", [(np.float32(1), np.float32(2)), (np.ones(3), np.zeros(3)),
                                    (np.int64(1), np.int64(5))])  # fmt: skip
def test_numpy_values_are_tensors(values: Any) -> None:
    f = compiled(lambda x: x * 2)
    for value in values:
        have = f(value)
        assert have.dtype.as_numpy_dtype == value.dtype
        same(have, value * 2)
    assert traces(f) == 1


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Mutable:
    k: float


@dataclasses.dataclass(frozen=True)
class Frozen:
    k: float


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((Colour.RED, Colour.RED, Colour.BLUE), 2),
        ((Frozen(1.0), Frozen(1.0), Frozen(2.0)), 2),
        ((Mutable(1.0), Mutable(1.0)), 2),  # not hashable: by identity
        ((tf.float32, tf.float32, tf.float64), 2),
        ((np.dtype("f4"), np.dtype("f4")), 1),
        ((range(3), range(3), slice(1, 2), slice(1, 2), ...), 4),
        ((tf.TensorShape([1, 2]), tf.TensorShape([1, 2])), 1),
        (((), [], {}, (), []), 3),
        ((len, len, print, int, int), 3),
    ],
    ids=lambda v: str(v)[:30],
)
def test_objects_count_by_value_or_identity(values: Any, wanted: int) -> None:
    f = compiled(lambda x, o: x)
    for value in values:
        f(C(1.0), value)
    assert traces(f) == wanted


def test_what_changes_between_calls_is_seen_where_it_is_an_argument() -> None:
    class Model:
        scale = 2.0

    f = compiled(lambda model, x: x * model.scale)
    a, b = Model(), Model()
    b.scale = 3.0
    assert [float(f(m, C(1.0))) for m in (a, b, a, b)] == [2.0, 3.0, 2.0, 3.0]
    assert traces(f) == 2


def test_sizes_that_change_are_left_open() -> None:
    f = tf.function(lambda x: tf.reduce_sum(x), reduce_retracing=True, jit_compile=False)
    assert [float(f(tf.ones([n]))) for n in range(1, 8)] == [float(n) for n in range(1, 8)]
    assert traces(f) == 2


def test_two_axes_that_change_one_after_the_other() -> None:
    f = tf.function(lambda x: tf.reduce_sum(x), reduce_retracing=True, jit_compile=False)
    for n in range(1, 6):
        assert float(f(tf.ones([n, 2]))) == 2 * n
    for n in range(3, 6):
        assert float(f(tf.ones([2, n]))) == 2 * n
    assert traces(f) <= 4


# arguments and results


def test_structures_keep_their_types_and_order() -> None:
    f = compiled(lambda d: {"z": d["a"] + 1, "b": [d["b"][0], Pair(d["c"], None)], "a": d["c"]})
    found = f({"a": C(1.0), "b": (C(2.0),), "c": C(3)})
    assert list(found) == ["z", "b", "a"]
    assert type(found["b"]) is list
    assert type(found["b"][1]) is Pair
    assert found["b"][1].y is None
    ordered = collections.OrderedDict([("z", C(1.0)), ("a", C(2.0))])
    again = compiled(lambda o: o)(ordered)
    assert type(again) is collections.OrderedDict
    assert list(again) == ["z", "a"]


def test_python_values_in_structures_belong_to_the_trace() -> None:
    f = compiled(lambda p: p.x * p.y)
    assert float(f(Pair(C(2.0), C(3.0)))) == 6.0
    assert float(f(Pair(C(2.0), 3.0))) == 6.0
    assert float(f(Pair(C(5.0), 3.0))) == 15.0
    assert traces(f) == 2


def test_numbers_become_tensors_on_the_way_out() -> None:
    found = compiled(lambda x: (1, 2.5, "s", None, True, np.ones(2), x))(C(1.0))
    assert [t.dtype.name for t in (*found[:2], *found[4:])] == [
        "int32", "float32", "bool", "float64", "float32",
    ]  # fmt: skip
    assert found[2] == "s"
    assert found[3] is None


def test_slices_go_in_and_out() -> None:
    f = compiled(lambda s: (tf.convert_to_tensor(s) * 2.0, tf.IndexedSlices(s.values, s.indices)))
    for k in (1.0, 2.0):
        dense, again = f(tf.IndexedSlices(C([[k, 2.0]]), C([1]), C([3, 2])))
        same(dense[1], [2 * k, 4.0])
        assert isinstance(again, tf.IndexedSlices)
    assert traces(f) == 1


def test_a_variable_and_an_argument_come_back_as_tensors() -> None:
    v, x = tf.Variable(3.0), C([1.0, 2.0])
    assert isinstance(compiled(lambda: v)(), tf.Tensor)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = compiled(lambda x: x)(x)
    same(tape.gradient(y, x), [1.0, 1.0])


def test_keywords_and_defaults_are_bound_as_in_python() -> None:
    f = compiled(lambda a, b=2.0, *args, c=3.0, **kw: a * b * c + sum(args) + sum(kw.values()))
    assert float(f(C(1.0))) == float(f(a=C(1.0))) == float(f(C(1.0), 2.0, c=3.0)) == 6.0
    assert traces(f) == 1
    assert float(f(C(1.0), C(4.0), C(1.0), C(2.0), c=C(1.0), z=C(5.0))) == 12.0
    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        f()
    with pytest.raises(TypeError, match="multiple values"):
        f(C(1.0), a=C(1.0))


def test_a_tensor_as_default_is_an_input() -> None:
    default = C(2.0)
    f = compiled(lambda x, y=default: x * y)
    assert [float(f(C(3.0))), float(f(C(4.0))), float(f(C(3.0), C(1.0)))] == [6.0, 8.0, 3.0]
    with tf.GradientTape() as tape:
        tape.watch(default)
        y = f(C(3.0))
    assert float(tape.gradient(y, default)) == 3.0


def test_a_result_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match="must return tensors"):
        compiled(lambda x: (x for _ in range(2)))(C(1.0))


def test_partials_callable_objects_and_functions_of_the_library() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return a * b + c

    class Scale:
        def __init__(self) -> None:
            self.v = tf.Variable(2.0)

        def __call__(self, x: Any) -> Any:
            return self.v * x

    assert float(compiled(functools.partial(f, 2.0, c=3.0))(C(1.0))) == 5.0
    assert float(functools.partial(compiled(f), 2.0)(C(1.0), C(1.0))) == 3.0
    assert float(compiled(Scale())(C(2.0))) == 4.0
    assert float(compiled(tf.reduce_sum)(C([1.0, 2.0]))) == 3.0
    assert float(compiled(tf.add)(C(1.0), C(2.0))) == 3.0


def test_decorating_again_starts_from_the_python_function() -> None:
    inner = tf.function(lambda x: x + 1)
    outer = tf.function(inner, input_signature=[tf.TensorSpec([])])
    assert float(outer(2.0)) == 3.0
    assert outer.python_function is inner.python_function
    with pytest.raises(TypeError, match="must be a function"):
        tf.function(3)  # type: ignore[arg-type]


def test_it_looks_like_the_function() -> None:
    def f(a: int, b: int = 2, *, c: int = 3) -> int:
        """Say so."""
        return a

    made = tf.function(f)
    assert (made.__name__, made.__doc__, made.__module__) == ("f", "Say so.", __name__)
    assert made.__wrapped__ is made.python_function is f
    assert inspect.signature(made) == inspect.signature(f) == made.function_spec
    assert "f(a" in repr(made)


# Python runs while tracing


def test_python_code_runs_when_it_is_traced() -> None:
    log: list[int] = []

    @compiled
    def f(x: Any) -> Any:
        log.append(1)
        return x * 2

    assert [float(f(C(k))) for k in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    assert log == [1]


def test_eager_functions_are_plain_python() -> None:
    log: list[int] = []

    @compiled
    def f(x: Any) -> Any:
        log.append(1)
        return x * x

    x = C(3.0)
    f(x)
    tf.config.run_functions_eagerly(True)
    try:
        assert tf.config.functions_run_eagerly()
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        assert float(tape.gradient(y, x)) == 6.0
        f(x)
    finally:
        tf.config.run_functions_eagerly(False)
    f(x)
    assert len(log) == 3


def test_recursion_by_python_values() -> None:
    @compiled
    def power(x: Any, n: int) -> Any:
        return C(1.0) if n == 0 else x * power(x, n - 1)

    assert float(power(C(2.0), 3)) == 8.0

    @compiled
    def endless(x: Any) -> Any:
        return endless(x)

    with pytest.raises(RecursionError):
        endless(C(1.0))


def test_functions_of_tensors_around_them() -> None:
    @compiled
    def f(x: Any) -> Any:
        y = x * x

        @compiled
        def inner(z: Any) -> Any:
            return y * z

        return inner(x) + inner(2.0)

    assert [float(f(C(k))) for k in (3.0, 2.0)] == [45.0, 16.0]


@pytest.mark.parametrize("compile", [None, True, False])
def test_who_runs_it(compile: bool | None) -> None:
    f = tf.function(lambda x: tf.sin(x) * x, jit_compile=compile)
    same(f(C([1.0, 2.0])), np.sin([1.0, 2.0]) * [1.0, 2.0])


def test_effects_come_in_the_order_of_the_program() -> None:
    v = tf.Variable(0.0)

    @compiled
    def f(x: Any) -> Any:
        tf.print("a", v)
        v.assign(x)
        tf.print("b", v)
        tf.debugging.assert_positive(v)
        v.assign_add(1.0)
        tf.print("c", v)
        return v

    out = io.StringIO()
    print_to = tf.print
    with redirect_stdout(out):
        tf.print = functools.partial(print_to, output_stream="stdout")
        try:
            f(C(2.0))
            with pytest.raises(tf.errors.InvalidArgumentError):
                f(C(-1.0))
        finally:
            tf.print = print_to
    assert out.getvalue() == "a 0\nb 2\nc 3\na 3\nb -1\n"


# random numbers


def draws(x: Any) -> Any:
    a = tf.random.normal([2])
    b = tf.cond(x > 0.0, lambda: tf.random.normal([2]), lambda: tf.zeros([2]))
    c = tf.scan(lambda s, r: s + r * tf.random.normal([]), C([1.0, 2.0]), 0.0)
    _, d = tf.while_loop(
        lambda i, s: i < 3, lambda i, s: (i + 1, s + tf.random.uniform([2])), [0, tf.zeros([2])]
    )
    e = tf.nn.dropout(tf.ones([4]), 0.5)
    f = tf.map_fn(lambda r: r + tf.random.normal([], seed=7), C([1.0, 2.0]))
    return a, b, c, d, e, f, tf.random.uniform([2])


@pytest.mark.parametrize("compile", [False, True])
def test_draws_are_those_of_eager_execution(compile: bool) -> None:
    tf.random.set_seed(3)
    wanted = [draws(C(x)) for x in (1.0, -1.0, 1.0)]
    f = tf.function(draws, jit_compile=compile)
    tf.random.set_seed(3)
    have = [f(C(x)) for x in (1.0, -1.0, 1.0)]
    for a, b in zip(tf.nest.flatten(have), tf.nest.flatten(wanted), strict=True):
        same(a, b, 1e-5)


def test_a_generator_goes_on_in_a_function() -> None:
    eager, inside = (tf.random.Generator.from_seed(1) for _ in range(2))
    wanted = [eager.normal([2]), eager.uniform([3]), eager.normal([2])]
    f = compiled(lambda: (inside.normal([2]), inside.uniform([3])))
    same(f()[0], wanted[0])
    same(inside.normal([2]), wanted[2])


# threads


def test_threads_trace_and_call_at_once() -> None:
    f = compiled(lambda x, n: tf.reduce_sum(tf.sin(x) * float(n)))
    errors: list[BaseException] = []

    def work(k: int) -> None:
        try:
            for i in range(12):
                x = tf.ones([1 + (i + k) % 2])
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = f(x, i % 2)
                same(y, np.sin(1) * x.shape[0] * (i % 2))
                same(tape.gradient(y, x), np.cos(1) * (i % 2) * np.ones(x.shape))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert traces(f) == 4


def test_a_trace_of_one_thread_runs_in_another() -> None:
    v = tf.Variable(0.0)
    f = compiled(lambda: v.assign_add(1.0))
    f()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(f()))
    thread.start()
    thread.join()
    assert float(found[0]) == float(v) == 2.0
    assert traces(f) == 1
