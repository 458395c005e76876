"""Methods, copies, memory and mistakes: functions as parts of a Python program."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant


def compiled(function: Any) -> Any:
    return tf.function(function, jit_compile=False)


class Model:
    """A class whose method is a function."""

    def __init__(self, k: float) -> None:
        self.k = k
        self.v = tf.Variable(k)
        self.traced = 0

    @tf.function(jit_compile=False)
    def f(self, x: Any) -> Any:
        self.traced += 1
        return self.v * x * self.k


# methods


def test_each_object_has_traces_of_its_own() -> None:
    a, b = Model(2.0), Model(3.0)
    assert [float(m.f(C(1.0))) for m in (a, b, a, b)] == [4.0, 9.0, 4.0, 9.0]
    assert (a.traced, b.traced) == (1, 1)
    assert a.f.experimental_get_tracing_count() == 1
    assert float(Model.f(a, C(1.0))) == 4.0
    assert float(Model(5.0).f(C(1.0))) == 25.0  # nobody else holds the object


class Slots:
    __slots__ = ("k", "traced")

    def __init__(self, k: float) -> None:
        self.k, self.traced = k, 0

    @tf.function(jit_compile=False)
    def f(self, x: Any) -> Any:
        self.traced += 1
        return x * self.k


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, k: float) -> None:
        self.k, self.traced = k, 0

    def __eq__(self, other: object) -> bool:
        return True

    @tf.function(jit_compile=False)
    def f(self, x: Any) -> Any:
        self.traced += 1
        return x * self.k


class AllEqual(Unhashable):
    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("kind", [Slots, Unhashable, AllEqual])
def test_objects_count_by_identity(kind: Any) -> None:
    a, b = kind(2.0), kind(3.0)
    assert [float(m.f(C(1.0))) for m in (a, b, a)] == [2.0, 3.0, 2.0]
    assert (a.traced, b.traced) == (1, 1)


def test_many_objects_that_cannot_be_held_weakly() -> None:
    for k in range(200):
        assert float(Slots(float(k)).f(C(1.0))) == k
    assert len(Slots.f._methods._found) == 64


class Kinds:
    k = 3.0

    @staticmethod
    @tf.function
    def static(x: Any) -> Any:
        return x * 2

    @tf.function
    @staticmethod
    def other_way_round(x: Any) -> Any:
        return x * 2

    @classmethod
    @tf.function
    def of_class(cls, x: Any) -> Any:
        return x * cls.k

    @property
    @tf.function
    def value(self) -> Any:
        return C(self.k)

    @tf.function
    def __call__(self, x: Any) -> Any:
        return x * self.k


class Derived(Kinds):
    k = 5.0

    @tf.function
    def __call__(self, x: Any) -> Any:
        return super().__call__(x) + 1.0


def test_static_methods_class_methods_properties_and_inheritance() -> None:
    assert float(Kinds.static(C(2.0))) == float(Kinds().static(C(2.0))) == 4.0
    assert float(Kinds().other_way_round(C(2.0))) == 4.0
    assert [float(c.of_class(C(2.0))) for c in (Kinds, Derived, Kinds())] == [6.0, 10.0, 6.0]
    assert [float(c().value) for c in (Kinds, Derived)] == [3.0, 5.0]
    assert [float(c()(C(2.0))) for c in (Kinds, Derived)] == [6.0, 11.0]


# memory


def test_traces_do_not_keep_objects_alive() -> None:
    model, other = Model(2.0), Model(3.0)
    f = compiled(lambda m, x: x * m.k)
    model.f(C(1.0))
    f(model, C(1.0))
    f(other, C(1.0))
    alive = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert alive() is None
    finally:
        gc.enable()
    assert float(f(other, C(1.0))) == 3.0


def test_a_bound_method_as_argument_keeps_nothing_alive() -> None:
    class Scale:
        def by(self) -> float:
            return 2.0

    f = compiled(lambda x, by: x * by())
    scale = Scale()
    for _ in range(2):
        assert float(f(C(1.0), scale.by)) == 2.0
    assert f.experimental_get_tracing_count() == 1
    alive = weakref.ref(scale)
    del scale
    assert alive() is None


def test_traces_do_not_keep_arguments_alive() -> None:
    f, g = compiled(lambda x: x * 2.0), compiled(lambda v: v * 2.0)
    x, v = tf.ones([1000]), tf.Variable(tf.ones([1000]))
    f(x)
    g(v)
    alive = [weakref.ref(x), weakref.ref(v), weakref.ref(v._tensor)]
    del x, v
    assert [r() for r in alive] == [None] * 3


def test_an_object_that_is_gone_takes_its_traces_along() -> None:
    f = compiled(lambda m, x: x * m.k)
    for k in range(4):
        f(Model(float(k)), C(1.0))
    assert len(f._concrete) == 1


def test_a_function_and_its_variables_go_with_the_last_reference() -> None:
    v = tf.Variable(1.0)
    f = compiled(lambda x: x * v)  # noqa: F821
    with tf.GradientTape() as tape:
        y = f(C(2.0))
    tape.gradient(y, v)
    alive = weakref.ref(v), weakref.ref(f)
    del f, v, tape, y
    gc.collect()
    assert [r() for r in alive] == [None, None]


def test_the_record_of_a_call_keeps_what_the_backward_reads_and_is_emptied() -> None:
    x = tf.ones([1000])
    f = compiled(lambda x: tf.exp(x) * 2.0)
    gc.disable()
    try:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        record = y._node.parents[0]
        assert [t.shape for t in record.out] == [[1000]]
        assert record.inputs == (None,)
        alive = weakref.ref(record)
        del record
        tape.gradient(y, x)
        assert alive().out is None  # type: ignore[union-attr]
        del y, tape
        assert alive() is None
    finally:
        gc.enable()


def test_an_unused_result_frees_its_record() -> None:
    x = tf.ones([10])
    f = compiled(lambda x: x * x)
    gc.disable()
    try:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
            alive = weakref.ref(y._node.parents[0])
            del y
            assert alive() is None
        assert tape.watched_variables() == ()
    finally:
        gc.enable()


# copies


@tf.function
def of_the_module(x: Any) -> Any:
    return x + 1


def test_functions_are_copied_and_pickled_as_functions_are() -> None:
    assert copy.copy(of_the_module) is of_the_module
    assert copy.deepcopy(of_the_module) is of_the_module
    assert pickle.loads(pickle.dumps(of_the_module)) is of_the_module
    with pytest.raises(
        (AttributeError, pickle.PicklingError), match=r"[Cc]an't (pickle|get) local"
    ):
        pickle.dumps(compiled(lambda x: x))


class Holder:
    def __init__(self) -> None:
        self.k = 2.0
        self.f = tf.function(self.call, jit_compile=False)

    def call(self, x: Any) -> Any:
        return x * self.k


def test_a_copied_object_has_a_function_of_its_own() -> None:
    holder, model = Holder(), Model(2.0)
    holder.f(C(1.0))
    model.f(C(1.0))
    for again in (copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        again.k = 5.0
        assert [float(again.f(C(1.0))), float(holder.f(C(1.0)))] == [5.0, 2.0]
    other = copy.deepcopy(model)
    other.v.assign(7.0)
    assert [float(other.f(C(1.0))), float(model.f(C(1.0)))] == [14.0, 4.0]


# mistakes


def test_a_tensor_that_leaked_is_out_of_scope() -> None:
    kept: list[Any] = []

    @compiled
    def f(x: Any) -> Any:
        kept.append(x * 2)  # here
        return x

    f(C(1.0))
    line = f.python_function.__code__.co_firstlineno + 2
    uses = [
        lambda: kept[0] + 1.0,
        lambda: tf.sin(kept[0]),
        lambda: float(kept[0]),
        lambda: compiled(lambda: kept[0] + 1.0)(),
        lambda: compiled(lambda: kept[0])(),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=rf"out of scope.*test_function_objects\.py:{line}\."):
            use()


def test_a_tensor_of_an_inner_function_is_out_of_scope_in_the_outer() -> None:
    kept: list[Any] = []
    inner = compiled(lambda x: (kept.append(x * 2), x)[1])
    with pytest.raises(TypeError, match="out of scope"):
        compiled(lambda x: inner(x) + kept[0])(C(1.0))


@pytest.mark.parametrize(
    ("use", "kind", "words"),
    [
        (lambda x: x.numpy(), AttributeError, "symbolic and has no value yet"),
        (lambda x: np.mean(x), NotImplementedError, "Cannot convert to a NumPy array"),
        (lambda x: float(x), TypeError, "symbolic"),
        (lambda x: bool(x > 0.0), tf.errors.OperatorNotAllowedInGraphError, "tf.cond"),
        (lambda x: range(x), TypeError, "symbolic"),
        (lambda x: f"{x:.2f}", TypeError, "symbolic"),
        (lambda x: list(x), TypeError, "symbolic"),
        (lambda x: x.astype("f4"), AttributeError, "tf.cast"),
    ],
    ids=["numpy", "mean", "float", "bool", "range", "format", "list", "astype"],
)
def test_python_cannot_have_the_value(use: Any, kind: Any, words: str) -> None:
    f = tf.function(use, autograph=False)
    with pytest.raises(kind, match=words):
        f(C(1.0))


class OwnError(Exception):
    """An exception of the user's."""


def helper(x: Any) -> Any:
    if x.shape == ():
        raise OwnError("boo", 3)
    return x


@pytest.mark.parametrize("autograph", [True, False])
def test_an_exception_keeps_its_type_and_tells_the_users_lines(autograph: bool) -> None:
    @tf.function(autograph=autograph)
    def inner(x: Any) -> Any:
        return helper(x)

    @tf.function(autograph=autograph)
    def outer(x: Any) -> Any:
        return inner(x + 1)

    with pytest.raises(OwnError) as caught:
        outer(C(1.0))
    assert caught.value.args == ("boo", 3)
    (note,) = caught.value.__notes__
    assert note.startswith("in user code: while gradtape.function recorded outer(x: float32[])")
    places = ["return inner(x + 1)", "return helper(x)", 'raise OwnError("boo", 3)']
    assert [note.index(p) for p in places] == sorted(note.index(p) for p in places)
    assert note.count(__file__) >= 3
    assert "autograph_generated" not in note


def test_an_error_of_a_kernel_tells_the_line_that_recorded_it() -> None:
    @compiled
    def f(x: Any) -> Any:
        return tf.linalg.cholesky(x)

    line = f.python_function.__code__.co_firstlineno + 2
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"objects\.py:{line}\)"):
        f(-tf.eye(3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not fit"):
        compiled(lambda x: x @ x)(tf.ones([2, 3]))


@pytest.mark.parametrize("wrong", ["yes", 1, tf.constant(True)])
def test_jit_compile_is_a_bool_or_none(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"gradtape.function: jit_compile must be True, False or"):
        tf.function(lambda x: x, jit_compile=wrong)
