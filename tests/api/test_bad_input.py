"""Bad input, everywhere: each public function, called with each wrong value in place of each of its
arguments, returns a result or raises an error of gradtape's own that names what was called.

The right arguments come from the examples in the docstrings. In turn each one is replaced by
everything in WRONG, and all required ones at once. No AttributeError, no message of NumPy's,
SciPy's or Python's own comes out, no warning, nothing that fills the memory or takes long.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import os
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core import asked
from tests.architecture.test_documented import NAMES

SKIPPED = {
    "tf.primitive", "tf.no_gradient", "tf.RegisterGradient",  # they register what they get
    "tf.debugging.enable_check_numerics", "tf.debugging.disable_check_numerics",
    "tf.random.experimental.set_global_generator", "tf.random.set_seed",
    "tf.print",  # it takes everything
    "tf.debug_gradients", "tf.debugging.debug_gradients", "tf.debug_nans",  # switches of the process
    "tf.debugging.debug_nans", "tf.data.Iterator", "tf.data.NumpyIterator",  # made by datasets
    "tf.train.CheckpointManager",  # its texts are TensorFlow's
    "tf.Tensor", "tf.Operation",  # gradtape makes them, of what it knows to be right
}  # fmt: skip
ROOT = os.path.dirname(tf.__file__)
ALLOWED = {"tf.test.compute_gradient": AssertionError}  # TensorFlow's
CALLERS = ("<lambda>", "The truth value of an array with more than one element")  # not ours
IN_GRAPHS = {  # what is for graphs: where operations run at once it says only that
    "tf.gradients", "tf.hessians", "tf.compat.v1.gradients", "tf.compat.v1.hessians",
    "tf.compat.v1.placeholder", "tf.compat.v1.placeholder_with_default",
    "tf.compat.v1.test.compute_gradient", "tf.compat.v1.test.compute_gradient_error",
    "tf.compat.v1.get_variable", "tf.compat.v1.get_collection", "tf.compat.v1.Variable",
}  # fmt: skip


class Odd:
    """A value that nobody knows."""


def tensor(value: Any, dtype: Any = np.float32) -> Any:
    """A tensor of an array in a dtype."""
    return tf.constant(np.asarray(value, dtype))


WRONG: dict[str, Any] = {
    "None": None,
    "string": "FOO",
    "bytes": b"FOO",
    "object": Odd(),
    "function": lambda: None,
    "dtype": tf.int32,
    "strings": ["a", "b"],
    "dict": {"a": 1.0},
    "set": {1.0},
    "generator": (i for i in ()),
    "range": range(3),
    "ragged": [[1.0], [2.0, 3.0]],
    "nested": [[[[[]]]]],
    "objects": np.array([None, "a"]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "texts": np.array(["a"]),
    "long doubles": np.zeros(3, np.longdouble),
    "true": True,
    "1j": 1j,
    "0": 0,
    "-1": -1,
    "7": 7,
    "-7": -7,
    "1.5": 1.5,
    "nan": float("nan"),
    "inf": float("inf"),
    "2**40": 2**40,
    "2**70": 2**70,
    "empty list": [],
    "empty tuple": (),
    "[-1]": [-1],
    "[7]": [7],
    "huge shape": [2**40, 2**40],
    "33 axes": [1] * 33,
    "int32": tensor([1, 2, 3], np.int32),
    "uint8": tensor([1, 2, 255], np.uint8),
    "far int32": tensor([100, -100], np.int32),
    "far int64": tensor([2**40], np.int64),
    "int matrix": tensor([[0, 9], [-9, 1]], np.int32),
    "bool": tensor([True, False, True], np.bool_),
    "complex64": tensor([1 + 2j, 3.0, 4.0], np.complex64),
    "float64": tensor([1.0, 2.0, 3.0], np.float64),
    "float16": tensor([1.0, 2.0, 3.0], np.float16),
    "scalar": tensor(1.5),
    "seven": tensor(np.ones(7)),
    "matrix": tensor([[0.5, -1.0, 2.0], [3.0, 0.0, -0.25]]),
    "zeros": tensor(np.zeros((2, 2))),
    "rank 5": tensor(np.ones((1, 2, 1, 2, 1))),
    "rank 32": tensor(np.ones([1] * 32)),
    "variable": tf.Variable([1.0, 2.0]),
    "(0,)": tensor(np.zeros(0)),
    "(0,) int": tensor(np.zeros(0), np.int32),
    "(0, 3)": tensor(np.zeros((0, 3))),
    "(3, 0)": tensor(np.zeros((3, 0))),
    "(0, 0, 0)": tensor(np.zeros((0, 0, 0))),
    "(2, 0, 0, 3)": tensor(np.zeros((2, 0, 0, 3))),
    "nan and inf": tensor([np.nan, np.inf, -np.inf]),
    "nan matrix": tensor(np.full((3, 3), np.nan)),
    "inf matrix": tensor(np.full((2, 2), np.inf)),
}
GUESSES = (tensor([1.0, 2.0, 3.0]), tensor(np.eye(3)), tensor([True, False], np.bool_), 3)


def examples(function: Callable[..., Any]) -> Iterator[inspect.BoundArguments]:
    """The arguments of the calls of a function in its docstring's example."""
    signature = inspect.signature(function)
    names: dict[str, Any] = {}

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "example", "eval"), names)

    for example in doctest.DocTestParser().get_examples(inspect.getdoc(function) or ""):
        for node in ast.walk(ast.parse(example.source)):
            with contextlib.suppress(Exception):  # inside of functions names are not known
                if isinstance(node, ast.Call) and value(node.func) is function:
                    given = [as_callers(value(a)) for a in node.args]
                    named = {k.arg: as_callers(value(k.value)) for k in node.keywords if k.arg}
                    yield signature.bind(*given, **named)
        with contextlib.suppress(Exception):
            exec(compile(example.source, "example", "single"), names)


def as_callers(value: Any) -> Any:
    """A function of NumPy's that the caller hands over as one of his own; else the value."""
    return (lambda *args: value(*args)) if type(value) is type(np.sort) else value


def guessed(function: Callable[..., Any], count: int) -> Iterator[inspect.BoundArguments]:
    """Arguments for a function whose example calls it otherwise, as an operator does."""
    for guess in GUESSES:
        with contextlib.suppress(Exception):
            function(*[guess] * count)
            yield inspect.signature(function).bind(*[guess] * count)
            return


def calls(function: Callable[..., Any]) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """The wrong calls of a function, each with a label."""
    parameters = inspect.signature(function).parameters
    places = [
        p.name
        for p in parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    required = [n for n in places if parameters[n].default is inspect.Parameter.empty]
    with contextlib.redirect_stdout(io.StringIO()):
        right = list(examples(function))[:2] or list(guessed(function, len(required)))
    for label, wrong in WRONG.items():
        if required:
            yield f"{', '.join(required)} = {label}", [wrong] * len(required), {}
        for bound in right:
            for name, parameter in parameters.items():
                if name == "name" or parameter.kind in (
                    parameter.VAR_POSITIONAL,
                    parameter.VAR_KEYWORD,
                ):
                    continue
                if any(parameters[n].kind is parameter.VAR_POSITIONAL for n in bound.arguments):
                    continue
                named = {**bound.arguments, name: wrong}
                first = [
                    named.pop(n) for n in places if parameters[n].kind is parameter.POSITIONAL_ONLY
                ]
                for rest in (p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD):
                    named.update(named.pop(rest, {}))
                yield f"{name} = {label}", first, named


def complaint(
    path: str, function: Callable[..., Any], given: list[Any], named: dict[str, Any]
) -> str:
    """What is wrong with the outcome of a call, "" when nothing is."""
    silent = io.StringIO()
    try:
        around = tf.Graph().as_default() if path in IN_GRAPHS else contextlib.nullcontext()
        with around, contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            function(*given, **named)
    except (
        tf.errors.OpError,
        ValueError,
        TypeError,
        UserWarning,
        RuntimeError,
        ALLOWED.get(path, ValueError),
    ) as error:
        if of_caller(error):
            return ""
        text = str(error)
        native = type(error).__module__.startswith(("builtins", "gradtape"))
        if native and ("gradtape." in text or any(c in text for c in CALLERS)):
            return ""
        return "" if type(error) is UserWarning else f"{type(error).__name__}: {text[:200]}"
    except Exception as error:
        return "" if of_caller(error) else f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def of_caller(error: Exception) -> bool:
    """Whether a function raised an error that the caller handed over."""
    files = [f.filename for f in traceback.extract_tb(error.__traceback__)[1:]]
    known = [f for f in files if f.startswith(ROOT) or f in ("example", __file__)]
    return bool(known) and not known[-1].startswith(ROOT)


@pytest.fixture(scope="module", autouse=True)
def aside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is written in a folder that goes away, and undo the settings that hold."""
    level = tf.get_logger().level
    with contextlib.chdir(tmp_path_factory.mktemp("bad_input")):
        yield
    while (session := tf.compat.v1.get_default_session()) is not None:
        session.close()  # an interactive one
    tf.get_logger().setLevel(level)
    tf.config.disable_compilation_cache()


FUNCTIONS = [(path, value) for path, value in NAMES if path not in SKIPPED]


@pytest.mark.parametrize(("path", "function"), FUNCTIONS, ids=[path for path, _ in FUNCTIONS])
def test_wrong_arguments_are_refused_in_words(path: str, function: Callable[..., Any]) -> None:
    found = {}
    for label, given, named in calls(function):
        text = complaint(path, function, given, named)
        if text:
            found[label] = text
    assert not found, "\n".join(f"{path}({label}): {text}" for label, text in found.items())


def test_the_examples_give_right_arguments_for_nearly_all() -> None:
    without = [p for p, f in FUNCTIONS if inspect.isfunction(f) and not list(examples(f))]
    assert len(without) < 40, without


# errors that arise inside name what was called


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: tf.nn.crelu([True]), r"gradtape.relu\(bool\[1\]\): .* \(in gradtape.nn.crelu\)"),
        (lambda: tf.cast(1.0, "float33"), r"Cannot convert 'float33' .* \(in gradtape.cast\)"),
        (lambda: tf.reduce_sum([1.0], keepdims=tf.ones(3)), r"^gradtape.reduce_sum: The truth value"),
        (lambda: tf.optimizers.Adam("x"), r"^gradtape.optimizers.Adam: `learning_rate` must be"),
        (lambda: tf.nn.batch_normalization(tf.ones((2, 3)), tf.ones(7), 1.0, 0.0, 1.0, 0.1),
         r"shapes \[2, 3\] and \[7\] do not broadcast.*\(in gradtape.nn.batch_normalization\)"),
        (lambda: tf.nn.relu("x"), r"^gradtape.relu: 'x' \(str\) cannot become a tensor"),
    ],
)  # fmt: skip
def test_errors_name_the_function_that_was_called(call: Callable[[], Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        call()


def test_a_callers_function_between_is_not_blamed() -> None:
    with pytest.raises(ValueError, match="relu") as caught:
        tf.nest.map_structure(lambda x: tf.nn.relu(x), [tf.constant([True])])
    assert "map_structure" not in str(caught.value)


def test_outside_of_calls_nothing_is_added() -> None:
    assert asked.asked() is None
    assert asked.located("gradtape.abs: wrong") == "gradtape.abs: wrong"


# methods


@pytest.mark.parametrize(
    "call",
    [
        lambda v: v.assign([1.0]),
        lambda v: v.scatter_nd_add(0, 1.0),
        lambda v: v.scatter_nd_add([[0.0]], [1.0]),
        lambda v: v.scatter_nd_update([[0, 0, 0]], [1.0]),
        lambda v: v.scatter_nd_max([[0], [1]], [1.0, 2.0, 3.0]),
        lambda v: v["x"],
        lambda v: v + None,
        lambda v: v @ v,
        lambda v: tf.optimizers.SGD(0.1).apply_gradients(None),
        lambda v: tf.optimizers.SGD(0.1).apply_gradients([v]),
        lambda v: tf.optimizers.SGD(0.1).apply_gradients([("x", v)]),
        lambda v: tf.optimizers.SGD(0.1).build(3),
        lambda v: tf.optimizers.SGD(0.1).minimize(v, [v], tape="x"),
        lambda v: tf.optimizers.SGD.from_config(None),
        lambda v: tf.compat.v1.train.MomentumOptimizer(0.1, 0.9).apply_gradients(7),
        lambda v: tf.random.Generator.from_seed(1).skip("x"),
        lambda v: tf.random.Generator.from_key_counter(None, [0, 0]),
        lambda v: tf.TensorSpec.from_tensor(3),
        lambda v: tf.Graph().add_to_collection(["a"], v),
        lambda v: tf.Graph().clear_collection(["a"]),
        lambda v: tf.Graph().get_collection("a", 3),
        lambda v: tf.Graph().get_collection("a", "("),
    ],
)
def test_methods_refuse_wrong_arguments_in_words(call: Any) -> None:
    variable = tf.Variable([1.0, 2.0])
    with pytest.raises((TypeError, ValueError, IndexError), match=r"gradtape|Only int"):
        call(variable)
    assert variable.numpy().tolist() == [1.0, 2.0]


# sizes are refused before anything is allocated


@pytest.mark.parametrize(
    "make",
    [
        lambda shape: tf.ones(shape),
        lambda shape: tf.fill(shape, 1.0),
        lambda shape: tf.constant(1.0, shape=shape),
        lambda shape: tf.broadcast_to(1.0, shape),
        lambda shape: tf.random.normal(shape),
        lambda shape: tf.random.gamma(shape, 1.0),
        lambda shape: tf.scatter_nd([[0] * len(shape)], [1.0], shape),
        lambda shape: tf.tile(tf.ones([1] * min(len(shape), 32)), shape),
        lambda shape: tf.eye(2, batch_shape=shape),
    ],
)
@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ([2**40, 2**40], (MemoryError, ValueError)),
        ([2**62, 4], (MemoryError, ValueError)),
        ([1] * 33, ValueError),
        ([-2, 3], ValueError),
    ],
)
def test_impossible_shapes_are_refused(make: Any, shape: Any, kind: Any) -> None:
    with pytest.raises(kind, match=r"gradtape\.") as caught:
        make(shape)
    assert isinstance(caught.value, (tf.errors.OpError, ValueError))


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.range(tf.constant(2**50, tf.int64)),
        lambda: tf.linspace(0.0, 1.0, 2**50),
        lambda: tf.one_hot([1], 2**50),
        lambda: tf.eye(2**25),
        lambda: tf.sequence_mask([2**50]),
        lambda: tf.pad([1.0], [[0, 2**50]]),
        lambda: tf.math.bincount(tf.constant(2**50, tf.int64)),
        lambda: tf.math.unsorted_segment_sum([1.0], [0], 2**50),
        lambda: tf.signal.rfft([1.0], [2**50]),
    ],
)
def test_impossible_lengths_are_refused(make: Any) -> None:
    with pytest.raises(MemoryError, match=r"gradtape\..*does not fit in memory"):
        make()


# what nothing, one number and nan give


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (tf.reduce_sum, 0.0),
        (tf.math.reduce_prod, 1.0),
        (tf.reduce_mean, np.nan),
        (tf.math.reduce_variance, np.nan),
        (tf.math.reduce_std, np.nan),
        (tf.math.reduce_euclidean_norm, 0.0),
        (tf.reduce_logsumexp, -np.inf),
        (tf.nn.l2_loss, 0.0),
        (tf.math.zero_fraction, np.nan),
    ],
)
def test_reductions_of_nothing(function: Any, value: float) -> None:
    np.testing.assert_equal(float(function(tf.zeros([0]))), value)
    np.testing.assert_equal(float(function(tf.zeros([0, 3]))), value)


@pytest.mark.parametrize(
    "function", [tf.reduce_max, tf.reduce_min, tf.argmax, tf.argmin], ids=lambda f: f.__name__
)
def test_extremes_of_nothing_raise(function: Any) -> None:
    with pytest.raises(ValueError, match=f"gradtape.{function.__name__}"):
        function(tf.zeros([0]), axis=0)
    assert function(tf.zeros([0, 3]), axis=1).shape == [0]


def test_other_functions_of_nothing_keep_its_shape() -> None:
    nothing = tf.zeros([0, 3])
    assert tf.reduce_sum(nothing, axis=0).numpy().tolist() == [0.0] * 3
    assert tf.reduce_sum(nothing, axis=1).shape == [0]
    assert tf.matmul(nothing, tf.ones([3, 2])).shape == [0, 2]
    assert not tf.matmul(tf.ones([2, 0]), tf.ones([0, 2])).numpy().any()
    for function in (tf.sort, tf.argsort, tf.cumsum, tf.nn.softmax, tf.exp, tf.transpose):
        assert tf.size(function(nothing)) == 0, function
    assert tf.concat([nothing, nothing], 0).shape == [0, 3]
    assert tf.unique(tf.zeros([0]))[0].shape == [0]
    assert bool(tf.reduce_all(tf.zeros([0], tf.bool)))
    assert float(tf.linalg.det(tf.zeros([0, 0]))) == 1.0


def test_gradients_of_nothing_are_nothing() -> None:
    x = tf.Variable(tf.zeros([0, 3]))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.nn.softmax(x) * tf.exp(x))
    assert tape.gradient(y, x).shape == [0, 3]


def test_nan_goes_where_numpy_sends_it() -> None:
    x = np.array([2.0, np.nan, -1.0], np.float32)
    for ours, theirs in (
        (tf.reduce_max, np.max), (tf.reduce_min, np.min), (tf.reduce_sum, np.sum),
        (tf.math.reduce_prod, np.prod), (tf.reduce_mean, np.mean), (tf.sort, np.sort),
        (tf.cumsum, np.cumsum), (tf.argmax, np.argmax), (tf.argmin, np.argmin),
    ):  # fmt: skip
        np.testing.assert_array_equal(ours(x).numpy(), theirs(x))
    for ours, theirs in ((tf.maximum, np.maximum), (tf.minimum, np.minimum), (tf.pow, np.power)):
        np.testing.assert_array_equal(ours(x, 1.0).numpy(), theirs(x, np.float32(1.0)))
    for ours in (tf.nn.relu, tf.nn.softmax, tf.sigmoid, tf.abs, tf.sqrt, tf.square, tf.round):
        assert np.isnan(ours(x).numpy()[1]), ours


def test_numbers_without_axes_reduce_to_themselves() -> None:
    for function in (tf.reduce_sum, tf.reduce_max, tf.reduce_mean, tf.math.reduce_prod):
        assert float(function(2.0)) == 2.0
        with pytest.raises(ValueError, match=r"axis 0 is not in \[0, 0\)"):
            function(2.0, axis=0)
