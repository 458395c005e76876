"""Signatures: `input_signature`, concrete functions, retracing and how it is explained."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C, Spec = tf.constant, tf.TensorSpec


def compiled(function: Any, *specs: Any) -> Any:
    return tf.function(function, input_signature=list(specs) or None, jit_compile=False)


def same(have: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(have), np.asarray(wanted), rtol=1e-6)


# input_signature


def test_one_trace_for_all_that_fits() -> None:
    f = compiled(lambda x: x * 2, Spec([None, 2]))
    for x in ([[1, 2]], [[1.0, 2.0], [3.0, 4.0]], np.ones((1, 2), np.float32), C([[1.0, 2.0]])):
        same(f(x), np.asarray(x) * 2)
    assert f.experimental_get_tracing_count() == 1


def test_structures_of_specs() -> None:
    f = compiled(lambda d: d["a"] + d["b"][0], {"a": Spec([None]), "b": [Spec([])]})
    same(f({"a": [1.0, 2.0], "b": [3.0]}), [4.0, 5.0])
    same(f({"a": C([1.0, 2.0, 3.0]), "b": [C(3.0)]}), [4.0, 5.0, 6.0])
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(TypeError, match=r"Binding inputs to tf\.function failed.*structured"):
        f({"a": [1.0]})


@pytest.mark.parametrize("value", [C(1.0), C([1]), C([[1.0]])], ids=str)
def test_what_does_not_fit_is_refused(value: Any) -> None:
    f = compiled(lambda x: x, Spec([None]))
    with pytest.raises(
        TypeError, match="Binding inputs to tf.function failed due to `Can not cast"
    ):
        f(value)


def test_arguments_by_keyword() -> None:
    f = compiled(lambda x, y: x - y, Spec([None]), Spec([None]))
    same(f(y=C([1.0]), x=C([3.0])), [2.0])
    same(f(C([3.0]), y=C([1.0])), [2.0])


def test_a_variable_fits_a_spec() -> None:
    v = tf.Variable([1.0, 2.0])
    f = compiled(lambda x: x * 2, Spec([2]))
    with tf.GradientTape() as tape:
        y = f(v)
    same(tape.gradient(y, v), [2.0, 2.0])


def test_a_spec_without_a_rank_takes_that_of_the_argument() -> None:
    f = compiled(lambda x: tf.reduce_sum(x) * 2.0, Spec(None))
    assert [float(f(C(x))) for x in ([1.0, 2.0], [[1.0, 2.0]], 1.0)] == [6.0, 6.0, 2.0]
    with pytest.raises(ValueError, match="without a number of axes"):
        f.get_concrete_function()


def test_arguments_without_a_spec_stay_at_their_defaults() -> None:
    f = compiled(lambda x, y=3, *, z=1.0: x + float(y) * z, Spec([]))
    assert float(f(C(1.0))) == float(f(C(1.0), 3)) == float(f(1.0, y=3, z=1.0)) == 4.0
    for call in (lambda: f(C(1.0), 4), lambda: f(C(1.0), z=2.0)):
        with pytest.raises(TypeError, match="has no tf.TensorSpec"):
            call()
    with pytest.raises(TypeError, match="'y' has no tf.TensorSpec"):
        compiled(lambda x, y: x, Spec([]))(C(1.0), C(2.0))


def test_positional_arguments_behind_a_star() -> None:
    f = compiled(lambda *xs: xs[0] + xs[1], Spec([]), Spec([]))
    assert float(f(C(1.0), 2.0)) == 3.0
    with pytest.raises(TypeError, match="Binding inputs"):
        f(C(1.0))
    g = compiled(lambda *xs, scale=2.0: scale * xs[1], Spec([]), Spec([]))
    assert float(g(1.0, 2.0)) == float(g(1.0, 2.0, scale=2.0)) == 4.0
    with pytest.raises(TypeError, match="'scale' has no tf.TensorSpec"):
        g(1.0, 2.0, scale=3.0)


@pytest.mark.parametrize(
    ("signature", "words"),
    [([Spec([]), Spec([])], "has 2 entries"), ([3], "must hold"), (Spec([]), "must be a list")],
)
def test_signatures_that_are_none(signature: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        tf.function(lambda x: x, input_signature=signature)


def test_signature_of_a_method() -> None:
    class Model:
        def __init__(self) -> None:
            self.v = tf.Variable(2.0)

        @tf.function(input_signature=[Spec([])], jit_compile=False)
        def f(self, x: Any) -> Any:
            return self.v * x

    model = Model()
    assert float(model.f(3.0)) == 6.0
    assert float(model.f.get_concrete_function()(C(2.0))) == 4.0
    assert model.f.input_signature == [Spec([])]


# concrete functions


def scaled(x: Any, y: Any, n: int = 2) -> Any:
    return x + y * float(n)


def test_a_concrete_function_is_called_as_the_function_or_by_its_tensors() -> None:
    c = compiled(scaled).get_concrete_function(Spec([None], name="u"), Spec([]))
    for have in (c(C([1.0, 2.0]), C(1.0)), c([1.0, 2.0], 1.0), c(y=C(1.0), x=C([1.0, 2.0])),
                 c(C([1.0, 2.0]), C(1.0), 2), c(u=C([1.0, 2.0]), y=1.0)):  # fmt: skip
        same(have, [3.0, 4.0])


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        (([1.0],), {}, "no value for 'y'"),
        ((C([1.0]), 1.0, 3), {}, "recorded with 2 for 'n', but was called with 3"),
        ((C([1.0]), 1.0, 2, 4), {}, "too many positional"),
        (([1.0],), {"z": 1.0}, "unexpected keyword"),
        ((C([[1.0]]), 1.0), {}, "'x' is float32"),
        ((C([1]), 1.0), {}, "'x' is int32"),
        (([[1.0]], 1.0), {}, "'x' is float32"),
    ],
)
def test_what_a_concrete_function_refuses(args: Any, kwargs: Any, words: str) -> None:
    c = compiled(scaled).get_concrete_function(Spec([None]), Spec([]))
    with pytest.raises(TypeError, match=words):
        c(*args, **kwargs)


def test_structures_and_python_values_in_a_concrete_function() -> None:
    f = compiled(lambda d, k, flag=True: d["a"] * d["b"] + k if flag else k)
    c = f.get_concrete_function({"a": Spec([]), "b": Spec([])}, Spec([]))
    assert float(c({"a": C(2.0), "b": C(3.0)}, C(1.0))) == 7.0
    assert float(c(C(2.0), C(3.0), C(1.0))) == 7.0
    with pytest.raises(TypeError, match="recorded with True for 'flag'"):
        c({"a": C(2.0), "b": C(3.0)}, C(1.0), False)


def test_any_variable_of_its_kind() -> None:
    f = compiled(lambda v, x: v * x)
    v, w = tf.Variable(2.0), tf.Variable(5.0)
    c = f.get_concrete_function(v, Spec([]))
    assert [float(c(v, 3.0)), float(c(w, 3.0))] == [6.0, 15.0]
    with tf.GradientTape() as tape:
        y = c(w, 3.0)
    assert float(tape.gradient(y, w)) == 3.0
    with pytest.raises(TypeError, match="another kind of variable"):
        c(tf.Variable([1.0]), 3.0)


def test_what_a_concrete_function_tells() -> None:
    w = tf.Variable(4.0)
    c = compiled(lambda x, n=2: {"y": x * w, "n": n}).get_concrete_function(Spec([None], name="x"))
    args, kwargs = c.structured_input_signature
    assert (args, kwargs) == ((Spec([None], name="x"), 2), {})
    assert [t.name for t in c.inputs[:1]] == ["x:0"]
    assert len(c.inputs) == 2
    assert c.variables == c.trainable_variables == (w,)
    assert c.captured_inputs == [w]
    assert set(c.structured_outputs) == {"y", "n"}
    text = c.pretty_printed_signature()
    for part in ("x: TensorSpec(shape=(None,)", "n: 2", "'y': TensorSpec", "float32[]"):
        assert part in text
    assert "<lambda>" in repr(c)


def test_a_trace_that_leaves_sizes_open_serves_later_calls() -> None:
    f = compiled(lambda x: x * 2)
    f.get_concrete_function(Spec([None]))
    for n in (1, 2, 3):
        same(f(tf.ones([n])), 2 * np.ones(n))
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(TypeError, match="missing a required argument"):
        f.get_concrete_function()
    assert "(x)" in f.pretty_printed_concrete_signatures() or "x: " in (
        f.pretty_printed_concrete_signatures()
    )


def test_a_concrete_function_in_a_function_and_under_a_tape() -> None:
    w = tf.Variable(4.0)
    c = compiled(lambda x: x * x * w).get_concrete_function(Spec([]))
    x = C(3.0)
    g = compiled(lambda x: c(x) + 1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = g(x) + c(x)
    same(tape.gradient(y, [x, w]), [48.0, 18.0])


def test_graphs_are_not_copied() -> None:
    c = compiled(lambda x: x).get_concrete_function(Spec([]))
    for copying in (copy.deepcopy, copy.copy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied or pickled"):
            copying(c)


# retracing


def test_the_warning_comes_when_five_of_the_last_calls_were_traced() -> None:
    f = compiled(lambda x: x)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for n in range(1, 5):
            f(tf.ones([n]))
        assert not said
        f(tf.ones([5]))
        assert len(said) == 1
        for n in range(6, 12):
            f(tf.ones([n]))
    assert len(said) == 2
    assert str(said[0].message).startswith("5 out of the last 5 calls to <gradtape.function")
    assert said[0].filename == __file__


def test_the_first_trace_of_a_recursion_is_not_explained_by_itself() -> None:
    @tf.function(jit_compile=False)
    def f(n: int, x: Any) -> Any:
        return x if n == 0 else 2.0 * f(n - 1, x)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert float(f(4, 1.0)) == 16.0
    assert str(said[0].message).endswith("reduce_retracing=True).")
    assert "from 0 (int) to 1 (int)" in str(said[1].message)


def test_no_warning_where_traces_are_rare() -> None:
    f = compiled(lambda x: x)
    for n in range(1, 12):
        f(tf.ones([n]))
        for _ in range(9):
            f(tf.ones([1]))
    assert f.experimental_get_tracing_count() == 11


class Thing:
    """An object that counts by identity."""


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (C(1.0), C([1.0]), "'x' the shape changed from [] to [1]"),
        (C(1.0), C(1), "'x' the dtype changed from float32 to int32"),
        (C(1.0), tf.Variable(1.0), "the input float32[] became the variable float32[]"),
        (tf.Variable(1.0), tf.Variable([1.0]), "kind of variable changed: float32[] before"),
        (1, 2, "the Python value changed from 1 (int) to 2 (int)"),
        (1, 1.0, "from 1 (int) to 1.0 (float)"),
        (Thing(), Thing(), "Thing object at"),
        (C(1.0), [C(1.0)], "structured in another way; 'x[0]' came; 'x' is no longer there"),
        ({"a": C(1.0)}, {"b": C(1.0)}, """"x['b']" came"""),
        (C(1.0), 1.0, "the input float32[] became the static"),
    ],
)
def test_what_changed_is_told(first: Any, second: Any, words: str) -> None:
    f = compiled(lambda x: C(0.0))
    assert f.explain_retrace() == "<lambda> was not traced yet."
    f(first)
    assert f.explain_retrace() == "<lambda> was traced once, at its first call."
    f(second)
    assert words in f.explain_retrace()


def test_the_most_similar_call_is_compared() -> None:
    f = compiled(lambda x, y: C(0.0))
    f(C(1.0), 1)
    f(C([1.0]), 2)
    f(C([1.0]), 3)
    assert f.explain_retrace().count("of argument") == 1


def test_sharing_a_variable_between_arguments_is_a_signature() -> None:
    v, w = tf.Variable(1.0), tf.Variable(2.0)
    f = compiled(lambda a, b: a + b)
    assert [float(f(v, w)), float(f(w, v)), float(f(v, v))] == [3.0, 3.0, 2.0]
    assert f.experimental_get_tracing_count() == 2
    assert "another argument's variable" in f.explain_retrace()
