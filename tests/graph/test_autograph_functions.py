"""AutoGraph: which functions are rewritten, however they are called, and which are left alone."""

from __future__ import annotations

import collections
import contextlib
import functools
import importlib.util
import itertools
import math
import operator
import subprocess
import sys
import textwrap
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.graph.autograph_choice import wanted
from tests.graph.agreement import close, recorded
from tests.graph.test_autograph import same

C = tf.constant
REFUSED = tf.errors.OperatorNotAllowedInGraphError


def branchy(x: Any) -> Any:
    if x > 0.0:
        return x * 2.0
    return -x


class Net:
    """A layer."""

    def __call__(self, x: Any) -> Any:
        return self.forward(x)

    def forward(self, x: Any) -> Any:
        if x > 0.0:
            return x * 2.0
        return -x


class Pair:
    """Holds a layer and functions."""

    def __init__(self) -> None:
        self.net, self.functions = Net(), [branchy]

    def by_attribute(self, x: Any) -> Any:
        return self.net.forward(x)

    def by_list(self, x: Any) -> Any:
        return self.functions[0](x)


NET, FUNCTIONS, NAMED = Net(), [branchy], {"a": branchy}
PARTIAL, METHOD = functools.partial(branchy), NET.forward


def through_an_argument(x: Any, f: Any = branchy) -> Any:
    return f(x)


def make() -> Any:
    return branchy


def through_a_local(x: Any) -> Any:
    f = make()
    return f(x)


def through_an_object(x: Any) -> Any:
    net = Net()
    return net(x)


def through_two(x: Any) -> Any:
    return through_a_local(x) + 0.0


def through_an_inner_function(x: Any) -> Any:
    def inner(y: Any) -> Any:
        return branchy(y)

    return inner(x)


def decorator(f: Any) -> Any:
    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs) + 0.0

    return wrapped


decorated = decorator(branchy)

CALLS = {
    "itself": branchy,
    "global": lambda x: branchy(x),
    "callable object": lambda x: NET(x),
    "method of a global": lambda x: NET.forward(x),
    "in a list": lambda x: FUNCTIONS[0](x),
    "in a dict": lambda x: NAMED["a"](x),
    "partial": lambda x: PARTIAL(x),
    "bound method": lambda x: METHOD(x),
    "module": lambda x: sys.modules[__name__].branchy(x),
    "argument": through_an_argument,
    "local": through_a_local,
    "object": through_an_object,
    "two steps": through_two,
    "inner function": through_an_inner_function,
    "attribute": Pair().by_attribute,
    "attribute list": Pair().by_list,
    "decorated": decorated,
    "calls decorated": lambda x: decorated(x),
    "callable": NET,
    "branches": lambda x: tf.switch_case(C(0), [lambda: branchy(x)]),
    "case": lambda x: tf.case([(x > 0.0, lambda: branchy(x))], default=lambda: branchy(x)),
    "map_fn": lambda x: tf.map_fn(lambda r: r * 2.0 if r > 0.0 else -r, x[None])[0],
    "scan": lambda x: tf.scan(lambda a, r: r * 2.0 if r > 0.0 else -r, x[None], x)[0],
    "while_loop": lambda x: tf.while_loop(
        lambda i, a: i < 1, lambda i, a: (i + 1, a * 2.0 if a > 0.0 else -a), [0, x]
    )[1],
    "function": lambda x: tf.function(branchy)(x),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_however_it_is_called(name: str) -> None:
    f = tf.function(CALLS[name], jit_compile=False)
    assert [float(f(C(x))) for x in (3.0, -3.0)] == [6.0, 3.0]


def test_a_function_of_another_module(tmp_path: Path) -> None:
    source = """
    def step(x):
        if x > 0.0:
            return x * 2.0
        return -x
    """
    path = tmp_path / "helpers_of_a_test.py"
    path.write_text(textwrap.dedent(source))
    spec = importlib.util.spec_from_file_location("helpers_of_a_test", path)
    assert spec is not None
    assert spec.loader is not None
    helpers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helpers)
    f = tf.function(lambda x: helpers.step(x))
    assert [float(f(C(x))) for x in (3.0, -3.0)] == [6.0, 3.0]


def test_lambdas_that_share_a_line() -> None:
    f, g = (
        tf.function(lambda x: x if x > 0.0 else -x),
        tf.function(lambda x: 2.0 if x > 0.0 else 3.0),
    )
    assert [float(h(C(x))) for h in (f, g) for x in (4.0, -4.0)] == [4.0, 4.0, 2.0, 3.0]
    nested = tf.function(lambda x: (lambda y: y * 2.0 if y > 0.0 else y)(x) if x > -9.0 else x)
    assert [float(nested(C(x))) for x in (4.0, -4.0, -10.0)] == [8.0, -4.0, -10.0]


# classes


class Base:
    scale = 3.0

    def __init__(self) -> None:
        self.__hidden = 2.0

    def f(self, x: Any) -> Any:
        if x > 0.0:
            return x * self.__hidden
        return self.__negative(x)

    def __negative(self, x: Any) -> Any:
        scaled = lambda y: y * self.__hidden if y > -1.0 else y
        return scaled(-x)

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * cls.scale if x > 0.0 else x

    @staticmethod
    def static(x: Any) -> Any:
        return x if x > 0.0 else x * 5.0

    @property
    def value(self) -> float:
        return self.__hidden


class Derived(Base):
    scale = 7.0

    def f(self, x: Any) -> Any:
        y = super().f(x)
        if y > 1.0:
            return y * 2.0
        return super(Derived, self).f(y) * self.value  # noqa: UP008


def test_methods_super_private_names_and_properties() -> None:
    same(Base().f, 1.0, -0.5, -2.0)
    same(Derived().f, 1.0, -0.2, -2.0, 0.1)
    derived = Derived()
    same(lambda x: derived.of_class(x) + derived.static(x) + Base.of_class(x), 1.0, -1.0)


# variables of outer functions, globals


LEVEL: Any = 1.0


def to_global(x: Any) -> Any:
    global LEVEL
    if x > 0.0:
        LEVEL = x
    else:
        LEVEL = -x
    return LEVEL


def test_globals_closures_and_nonlocal() -> None:
    factor = 3.0

    def f(x: Any) -> Any:
        k, n = x, 0

        def double() -> None:
            nonlocal k, n
            if k > 0.0:
                k = k * 2.0
            else:
                k = k * factor
            n = n + 1

        double()
        if x > 1.0:
            double()
        for _ in tf.range(2):
            double()
            if k > 10.0:
                double()
        return k, n

    same(f, 1.5, 0.5, -1.0)
    assert [float(tf.function(to_global)(C(x))) for x in (2.0, -5.0)] == [2.0, 5.0]


def test_local_functions_defaults_and_recursion() -> None:
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    def f(x: Any, *more: Any, k: float = 2.0, **named: Any) -> Any:
        def inner(z: Any, w: float = 3.0, *, v: float = 1.0) -> Any:
            return z * w * v if z > 0.0 else z

        if (y := x * 2.0) > 3.0:
            x = y
        scaled = [lambda q, i=i: q * i for i in range(3)]
        return scaled[2](inner(x, v=k)) + fibonacci(6) + len(more) + len(named)

    same(f, 1.0, 2.0, -1.0)
    g = tf.function(f)
    assert float(g(C(1.0), 1, 2, z=3)) == float(f(C(1.0), 1, 2, z=3))


def test_library_functions_builtins_comprehensions_and_generators() -> None:
    Point = collections.namedtuple("Point", "a b")

    def numbers(x: Any) -> Any:
        for i in range(3):
            yield x * i

    def f(x: Any) -> Any:
        s = 0.0
        for v in numbers(x):
            if v > 1.0:
                s = s + v
        rows = [x * i for i in range(3)]
        table = {i: x * i for i in range(2)}
        p = Point(x, s)
        return (
            s,
            functools.reduce(operator.add, rows),
            next(itertools.chain([x], rows)),
            math.sqrt(4.0),
            sorted([3, 1, 2], key=lambda v: -v)[0],
            next(iter(map(operator.neg, [x]))),
            len(list(filter(lambda t: t > 1, [1, 2, 3]))),
            sum(x * i for i in range(3)),
            table[1] + p.a,
            max(x, x * 2.0) + min(x, -x) + abs(x) + pow(x, 2),
            int(3.2) + len([1, 2]) + round(2.4),
            any([True]) and all([1]),
            float(np.mean(np.arange(3.0))),
        )

    same(f, 2.0, 0.3)


# what is left alone


def test_straight_functions_run_as_they_are() -> None:
    v = tf.Variable(1.0)

    def straight(x: Any) -> Any:
        y = tf.sin(x) * x + v
        v.assign_add(1.0)
        return tf.reduce_sum(tf.reshape(y, [-1])) + float(len(x.shape)) + y.get_shape().rank

    assert not wanted(straight)
    assert not wanted(lambda x: straight(x) + np.pi)
    assert wanted(branchy)
    assert wanted(lambda x: branchy(x))


@tf.custom_gradient
def decorated(x: Any) -> Any:
    y = x * 2.0 if x > 0.0 else -x

    def grad(upstream: Any) -> Any:
        return upstream * 3.0 if upstream > 10.0 else upstream * 5.0

    return y, grad


def recomputed(x: Any) -> Any:
    z = x * 2.0

    def f(x: Any) -> Any:
        return x * z if x > 0.0 else -z

    return tf.recompute_grad(f)(x)


class Decorated:
    @tf.custom_gradient
    def method(self, x: Any) -> Any:
        return x if x > 0.0 else -x, lambda upstream: upstream * 7.0

    @functools.lru_cache  # noqa: B019
    def cached(self) -> float:
        return 3.0

    @contextlib.contextmanager
    def doubling(self) -> Any:
        yield lambda x: x * 2.0

    def in_a_context(self, x: Any) -> Any:
        with self.doubling() as double:
            return double(x) * self.cached()


@pytest.mark.parametrize(
    "f",
    [
        decorated,
        recomputed,
        tf.grad_pass_through(lambda x: tf.round(x) if x > 0.0 else -x),
        Decorated().method,
        Decorated().in_a_context,
    ],
)
@pytest.mark.parametrize("x", [1.7, -2.0, 9.0])
def test_functions_that_a_library_decorates(f: Any, x: float) -> None:
    def slope(f: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x) * (x * 2.0)
        return y, tape.gradient(y, x)

    wanted = slope(f, C(x))
    close(slope(recorded(lambda x: f(x)), C(x)), wanted)
    close(recorded(lambda x: slope(f, x))(C(x)), wanted)


def test_do_not_convert() -> None:
    @tf.autograph.experimental.do_not_convert
    def left(x: Any) -> Any:
        return x if x > 0.0 else -x

    class Layer:
        @tf.autograph.experimental.do_not_convert
        def f(self, x: Any) -> Any:
            return x if x > 0.0 else -x

        @tf.autograph.experimental.do_not_convert()
        def g(self, x: Any) -> Any:
            return x.shape

    assert tf.function(lambda x: (Layer().g(x), x)[1])(C([1.0])).shape == [1]
    for f in (left, lambda x: left(x), lambda x: Layer().f(x)):
        with pytest.raises(REFUSED):
            tf.function(f)(C(1.0))
    assert float(left(C(-1.0))) == 1.0


def test_functions_without_source() -> None:
    scope: dict[str, Any] = {}
    exec(
        "def f(x):\n    return x * 2 if True else x\ndef g(x):\n    return x if x > 0 else -x",
        scope,
    )
    assert float(tf.function(scope["f"])(C(1.0))) == 2.0
    with pytest.raises(REFUSED, match="AutoGraph turns `if` and `while` into that"):
        tf.function(scope["g"])(C(1.0))


def test_what_the_rewriter_cannot_read_is_said_once() -> None:
    def matched(x: Any, mode: str) -> Any:
        match mode:
            case "double":
                return x * 2.0
        return x if mode else None

    f = tf.function(lambda x: matched(x, "double"))
    with pytest.warns(UserWarning, match=r"(?s)could not transform .*matched.*write if and elif"):
        assert float(f(C(1.0))) == 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(C([1.0]))


def test_to_code_and_to_graph() -> None:
    assert "if_stmt" in tf.autograph.to_code(branchy)
    graph = tf.autograph.to_graph(branchy)
    assert isinstance(graph, types.FunctionType)
    assert [float(graph(C(x))) for x in (3.0, -3.0)] == [6.0, 3.0]
    assert float(tf.function(graph, autograph=False)(C(-3.0))) == 3.0


def test_doctests_are_read_as_files_are(tmp_path: Path) -> None:
    path = tmp_path / "session.txt"
    path.write_text(
        textwrap.dedent(
            """
            >>> import gradtape as tf
            >>> @tf.function
            ... def f(x):
            ...     if x > 0.0:
            ...         return x
            ...     return -x
            >>> float(f(tf.constant(-2.0)))
            2.0
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "doctest", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_errors_tell_the_users_lines() -> None:
    def helper(x: Any) -> Any:
        if x > 0.0:
            x = tf.matmul(x, x)
        return x

    def f(x: Any) -> Any:
        y = x + 1.0
        for _ in tf.range(2):
            y = helper(y)
        return y

    with pytest.raises(ValueError, match="at least two axes") as caught:
        tf.function(f)(C(1.0))
    (note,) = caught.value.__notes__
    shown = [line.strip() for line in note.splitlines()[1:]]
    assert shown[1::2] == ["y = helper(y)", "x = tf.matmul(x, x)"]
    assert [place.split()[-1] for place in shown[::2]] == ["f", "helper"]
    assert all(__file__ in place for place in shown[::2])
