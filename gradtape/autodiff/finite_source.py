"""What the program's source says of an operation: its line, and whether `where` picks its result.

Both branches of `tf.where(x > 0, tf.math.log(x), 0.0)` are computed, and the one that is not picked
may hold anything. Python tells which part of a line is running; the syntax tree tells whether that
part stands in a branch of a call of `where`."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from types import CodeType
from typing import Any

from gradtape.core.places import of_library, users_place

PICKING = ("where", "where_v2", "select")
# where code runs: the code object and the number of the byte that runs
Spot = tuple[CodeType, int]

of_code: dict[CodeType, bool] = {}  # whether code is the library's


def spot(frame: Any) -> Spot | None:
    """The innermost place of the program on a stack of frames."""
    library = of_code
    while frame is not None:
        code = frame.f_code
        found = library.get(code)
        if found is None:
            found = library[code] = of_library(code.co_filename)
        if not found:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def place(where: Spot | None) -> tuple[str, int] | None:
    """File and line of a spot."""
    if where is None:
        return None
    code, last = where
    line = next(islice(code.co_positions(), last // 2, None), (None,))[0]
    return users_place(code.co_filename, line or code.co_firstlineno)


def line_at(where: tuple[str, int] | None) -> str:
    """The text of a line of the program, empty where it is not to be had."""
    return "" if where is None else linecache.getline(*where).strip()


def picked(where: Spot | None) -> bool:
    """Whether what runs at a spot stands in a branch of a call of `where`."""
    if where is None:
        return False
    code, last = where
    position = next(islice(code.co_positions(), last // 2, None), (None,) * 4)
    if None in position:
        return False
    line, end, column, end_column = position
    inner = (line, column), (end, end_column)
    return any([_within(inner, branch) for branch in _branches(code.co_filename)])


def _within(inner: Any, outer: Any) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


@lru_cache(maxsize=64)
def _branches(filename: str) -> list[Any]:
    """Beginning and end of the branches of every call of `where` in a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return []
    return [
        ((b.lineno, b.col_offset), (b.end_lineno, b.end_col_offset))
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _name(call.func) in PICKING
        for b in _arguments(call)
    ]


def _arguments(call: ast.Call) -> Iterator[Any]:
    """The branches of a call of `where`."""
    yield from call.args[1:]
    yield from [k.value for k in call.keywords if k.arg in ("x", "y")]


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
