"""What Python's statements mean in code that AutoGraph has rewritten.

`if c: ...` is rewritten to `if_stmt(c, body, orelse, get_state, set_state, names, count)`: body and
orelse assign to the variables of the function, and get_state and set_state read and write those
that they may change. Where the condition is an ordinary value the statement does what it does in
Python; where it is a symbolic tensor the variables become the results of a `cond`, and in loops the
state of a `while` or a `scan`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import OperatorNotAllowedInGraphError, brief
from gradtape.core.sizes import Size, UnknownSizeError
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.autograph_loops import loop_states, rows_states
from gradtape.graph.autograph_states import (
    Undefined,
    UndefinedReturnValue,
    chosen_states,
    symbolic,
)
from gradtape.graph.branches import cond
from gradtape.graph.rows import Rows, TensorRange
from gradtape.graph.unrolling import InPython, stop_recording
from gradtape.ops.arithmetic import maximum, minimum
from gradtape.ops.assertions import Assert
from gradtape.ops.basis import cast
from gradtape.ops.creation import shape as shape_of
from gradtape.ops.printing import print_ as print_tensors
from gradtape.ops.stepwise import logical_and, logical_not, logical_or

State = Callable[[], tuple[Any, ...]]
MOST_UNROLLED = 10000
WRITE_ELSEWHERE = "Write to a tf.TensorArray(dtype, size=n): a = a.write(i, x)."


def tested(value: Any) -> Any:
    """A variable as a tensor, so that its value is not looked at while recording."""
    return value._read() if isinstance(value, Variable) else value


# variables


def ld(v: Any) -> Any:
    """Read a variable of the function."""
    return v.read() if isinstance(v, Undefined) else v


def ldu(load_v: Callable[[], Any], name: str) -> Any:
    """Read something that may not be there."""
    try:
        return load_v()
    except (KeyError, AttributeError, NameError):
        return Undefined(name)


class FunctionScope:
    """The body of a rewritten function."""

    def __init__(self, function_name: str, scope_name: str, options: Any) -> None:
        self.name = scope_name
        self.callopts = options

    def __enter__(self) -> FunctionScope:
        return self

    def __exit__(self, *exception: Any) -> None:
        return None

    def ret(self, value: Any, did_return: Any) -> Any:
        """What the function returns."""
        return None if isinstance(value, UndefinedReturnValue) else value


def autograph_artifact(entity: Any, extras: Any = None) -> Any:
    """A function inside a rewritten function: it is rewritten already."""
    return entity


def with_function_scope(thunk: Callable[[Any], Any], scope_name: str, options: Any) -> Any:
    """The body of a rewritten lambda."""
    return thunk(FunctionScope("lambda", scope_name, options))


# if


def if_stmt(
    cond: Any,
    body: Callable[[], Any],
    orelse: Callable[[], Any],
    get_state: State,
    set_state: Callable[[tuple[Any, ...]], None],
    symbol_names: Sequence[str],
    nouts: int,
) -> None:
    """`if cond: body; else: orelse`."""
    cond = tested(cond)
    if not symbolic(cond):
        body() if cond else orelse()
        return
    chosen_states(cond, body, orelse, get_state, set_state, symbol_names, nouts)


def if_exp(cond_value: Any, if_true: Any, if_false: Any) -> Any:
    """`if_true if cond else if_false`."""
    cond_value = tested(cond_value)
    if not symbolic(cond_value):
        return if_true() if cond_value else if_false()
    return cond(cond_value, if_true, if_false)


# logic


def not_(a: Any) -> Any:
    """`not a`."""
    a = tested(a)
    return logical_not(a) if symbolic(a) else not a


def and_(a: Callable[[], Any], b: Callable[[], Any]) -> Any:
    """`a and b`."""
    first = tested(a())
    if not symbolic(first):
        return first and b()
    return logical_and(first, as_tensor(b()))


def or_(a: Callable[[], Any], b: Callable[[], Any]) -> Any:
    """`a or b`."""
    first = tested(a())
    if not symbolic(first):
        return first or b()
    return logical_or(first, as_tensor(b()))


def eq(a: Any, b: Any) -> Any:
    """`a == b`."""
    return a == b


def not_eq(a: Any, b: Any) -> Any:
    """`a != b`."""
    return a != b


# loops


def while_stmt(
    test: Callable[[], Any],
    body: Callable[[], Any],
    get_state: State,
    set_state: Callable[[tuple[Any, ...]], None],
    symbol_names: Sequence[str],
    opts: dict[str, Any],
) -> None:
    """`while test: body`; rounds run in Python as long as the test has a value. Options are those
    of `tf.autograph.experimental.set_loop_options`."""
    while True:
        found = tested(test())
        if symbolic(found):
            most = opts.get("maximum_iterations")
            loop_states(test, body, get_state, set_state, symbol_names, most)
            return
        if not found:
            return
        body()


def for_stmt(
    iter_: Any,
    extra_test: Callable[[], Any] | None,
    body: Callable[[Any], Any],
    get_state: State,
    set_state: Callable[[tuple[Any, ...]], None],
    symbol_names: Sequence[str],
    opts: dict[str, Any],
) -> None:
    """`for target in iter_: body(target)`, as long as the extra test holds (`break`, `return`)."""
    rows = Rows.of(iter_)
    if rows is None:
        _python_for(iter_, extra_test, body, get_state, set_state, symbol_names)
        return
    if "maximum_iterations" in opts:
        rows = rows.limited(opts["maximum_iterations"])
    length, before = rows.length(), get_state()
    in_python = type(length) is int and length <= MOST_UNROLLED
    if not in_python or (length and not any(isinstance(v, list) for v in before)):
        try:
            rows_states(rows, extra_test, body, get_state, set_state, symbol_names)
            return
        except InPython as reason:
            if type(rows.size) is Size:
                raise UnknownSizeError(
                    f"{reason} in a recorded loop, whose number of rounds is not known while"
                    f" recording. {WRITE_ELSEWHERE}"
                ) from None
            if not in_python:
                raise TypeError(
                    f"{reason} in each of {length} rounds of a loop; that is too much to record."
                    f" {WRITE_ELSEWHERE}"
                ) from None
            set_state(before)
    targets = [rows.row(i) for i in range(length)]
    _python_for(targets, extra_test, body, get_state, set_state, symbol_names)


def _python_for(
    iterable: Any, extra_test: Any, body: Any, get_state: Any, set_state: Any, names: Any
) -> None:
    """A loop over a Python iterable; rounds are conditional once the extra test is symbolic."""
    goes_on = True if extra_test is None else extra_test()
    if not symbolic(goes_on) and not goes_on:
        return
    for target in iterable:
        if symbolic(goes_on):

            def round_(target: Any = target) -> None:
                body(target)

            if_stmt(goes_on, round_, lambda: None, get_state, set_state, names, len(names))
        else:
            body(target)
        if extra_test is not None:
            goes_on = extra_test()
            if not symbolic(goes_on) and not goes_on:
                return


# other statements


def assert_stmt(expression1: Any, expression2: Callable[[], Any]) -> None:
    """`assert expression1, expression2`."""
    expression1 = tested(expression1)
    if symbolic(expression1):
        Assert(expression1, [str(expression2())])
        return
    assert expression1, expression2()


def list_append(list_: Any, x: Any) -> Any:
    """`list_.append(x)`, for a variable of the function."""
    list_.append(x)
    return list_


def append(list_: list[Any], x: Any) -> None:
    """`list_.append(x)`, for any other list."""
    if symbolic(x):
        stop_recording("a list takes a tensor")
    list_.append(x)


def caught() -> BaseException | None:
    """The exception that is being handled."""
    return sys.exc_info()[1]


# functions of Python's


def _any_symbolic(values: Sequence[Any]) -> bool:
    return any([symbolic(v) for v in values])


def _print(
    *values: Any, sep: str = " ", end: str = "\n", file: Any = None, flush: bool = False
) -> None:
    if _any_symbolic(values):
        stream = sys.stdout if file is None else file
        print_tensors(*values, sep=sep, end=end, output_stream=stream)
    else:
        builtins.print(*values, sep=sep, end=end, file=file, flush=flush)


def _len(value: Any) -> Any:
    if symbolic(value):
        shape = value._shape
        if not shape:
            raise TypeError(f"len() of {brief(value)}: a scalar tensor has no length.")
        return shape[0] if type(shape[0]) is int else shape_of(value)[0]
    return builtins.len(value)


def _range(*bounds: Any) -> Any:
    if _any_symbolic([tested(b) for b in bounds]):
        return TensorRange.of_python(*bounds)
    return builtins.range(*[int(b) if isinstance(b, Tensor) else b for b in bounds])


def _enumerate(iterable: Any, start: Any = 0) -> Any:
    rows = Rows.of(iterable)
    return builtins.enumerate(iterable, start) if rows is None else rows.numbered(start)


def _zip(*iterables: Any, strict: bool = False) -> Any:
    rows = [Rows.of(i) for i in iterables]
    if any([r is not None for r in rows]):
        if None in rows:
            raise OperatorNotAllowedInGraphError(
                "zip of symbolic tensors and other iterables: convert the others with tf.constant."
            )
        return Rows.together(rows)
    return builtins.zip(*iterables, strict=strict)


def _int(x: Any = 0, *base: Any) -> Any:
    x = tested(x)
    return cast(x, np.dtype(np.int32)) if symbolic(x) else builtins.int(x, *base)


def _float(x: Any = 0) -> Any:
    x = tested(x)
    return cast(x, np.dtype(np.float32)) if symbolic(x) else builtins.float(x)


def _extreme(function: Any, pairwise: Any) -> Any:
    def call(*values: Any, **options: Any) -> Any:
        items = list(values[0]) if len(values) == 1 and not symbolic(values[0]) else list(values)
        if len(items) > 1 and _any_symbolic(items):
            found = items[0]
            for item in items[1:]:
                found = pairwise(found, item)
            return found
        return function(*values, **options)

    return call


BUILTINS: dict[Any, Callable[..., Any]] = {
    print: _print,
    len: _len,
    range: _range,
    enumerate: _enumerate,
    zip: _zip,
    int: _int,
    float: _float,
    max: _extreme(max, maximum),
    min: _extreme(min, minimum),
}
