"""Whether a value that the program took out of a tensor came back at another place.

What Python and NumPy compute is not seen while it happens; but the program can be read. Names that
a statement assigns from the value are *tainted*, and so are the names that are assigned from
tainted ones; a tensor made in a statement that mentions one of them may hold what became of the
value. Statements are compared in the innermost function that the two places have in common: what a
helper returns is tainted in its caller."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from gradtape.autodiff.history import Place

MEASURES = frozenset({"shape", "dtype", "ndim", "size"})
LOOPS = (ast.For, ast.While, ast.AsyncFor)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@lru_cache(maxsize=4096)
def came_back(taken: tuple[Place, ...], used: tuple[Place, ...]) -> bool | None:
    """Whether what was taken on one stack may have reached the statement on another.

    Args:
        taken: the places of the program where a value was handed over, the innermost first.
        used: those where a tensor without a past was used.

    Returns:
        None when the program's source is not to be had.
    """
    for there in used:
        for depth, here in enumerate(taken):
            if (here.file, here.function) == (there.file, there.function):
                if not all([_returned(place) for place in taken[:depth]]):
                    return False
                return _reaches(here, there)
    return False


def _returned(taken: Place) -> bool:
    """Whether what a function took out of a tensor may be in what it returns."""
    body = _function(taken.file, taken.line)
    statement = None if body is None else _statement(body, taken.line)
    if statement is None or taken.function == "<lambda>" or not isinstance(body, FUNCTIONS):
        return True
    returns = [s for s in _statements(body) if isinstance(s, ast.Return) or _yields(s)]
    return any([s is statement or _arrives(body, statement, s) for s in returns])


def _yields(statement: Any) -> bool:
    return any([isinstance(p, (ast.Yield, ast.YieldFrom)) for p in _parts(statement)])


def _reaches(taken: Place, used: Place) -> bool | None:
    together = True if taken.line == used.line else None  # what a single line tells by itself
    body = _function(taken.file, taken.line)
    if body is None:
        return together
    if body is not _function(used.file, used.line):
        return False
    first, last = _statement(body, taken.line), _statement(body, used.line)
    if first is None or last is None:
        return together
    if first is last:
        return True
    return _arrives(body, first, last)


def _arrives(body: Any, first: Any, last: Any) -> bool:
    """Whether names that a statement assigns, directly or through others, are read by another.

    Statements are taken in order; a loop around both may bring them back to an earlier one."""
    order = list(_statements(body))
    start, end = order.index(first), order.index(last)
    if start < end:
        between = order[start + 1 : end]
    else:
        loop = next((s for s in order if isinstance(s, LOOPS) and _holds(s, first, last)), None)
        if loop is None:
            return False
        inside = list(_statements(loop))
        between = inside[inside.index(first) + 1 :] + inside[: inside.index(last)]
    names = set(_written(first))
    for statement in between:
        if _touches(names, statement):
            names |= set(_written(statement))
        else:
            names -= set(_replaced(statement))
    return _touches(names, last)


def _touches(names: set[str], statement: Any) -> bool:
    """Whether a statement reads one of the names, a part of one, or what one is a part of."""
    for read in _read(statement):
        for name in names:
            if read == name or _part_of(read, name) or _part_of(name, read):
                return True
    return False


def _part_of(name: str, whole: str) -> bool:
    return name.startswith(whole) and name[len(whole) :][:1] in (".", "[")


def _holds(loop: Any, *statements: Any) -> bool:
    inside = list(_statements(loop))
    return all([s in inside for s in statements])


def _replaced(statement: Any) -> Iterator[str]:
    """The names that get a new value altogether."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from [t.id for t in targets if isinstance(t, ast.Name)]


def _written(statement: Any) -> Iterator[str]:
    """The names that a statement gives a value; for `a.append(x)` that is a."""
    targets: list[Any] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target]
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        targets = [i.optional_vars for i in statement.items if i.optional_vars is not None]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        targets = _filled(statement.value)
    for target in targets:
        yield from _named(target)
    for part in _parts(statement):
        if isinstance(part, ast.NamedExpr):
            yield part.target.id


FILLING = frozenset({"append", "appendleft", "add", "update", "extend", "insert", "setdefault"})
FILLERS = frozenset({"copyto", "heappush", "heapreplace", "setattr", "put", "place", "fill"})


def _filled(call: ast.Call) -> list[Any]:
    """What a call puts values into: a list by its method, an array by `np.copyto` or `out`."""
    found = [k.value for k in call.keywords if k.arg == "out"]
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in FILLING and isinstance(call.func, ast.Attribute):
        found.append(call.func.value)
    elif name in FILLERS and call.args:
        found.append(call.args[0])
    return found


def _named(target: Any) -> Iterator[str]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for item in target.elts:
            yield from _named(item)
    elif isinstance(target, ast.Starred):
        yield from _named(target.value)
    else:
        while isinstance(target, ast.Subscript) and not _fixed(target):
            target = target.value
        if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
            yield ast.unparse(target)


def _fixed(part: ast.Subscript) -> bool:
    """Whether a subscript is a name or number in the program, as in `out["loss"]`."""
    return isinstance(part.slice, ast.Constant) and isinstance(
        part.value, (ast.Name, ast.Attribute)
    )


def _read(statement: Any) -> Iterator[str]:
    """The names and dotted names that a statement mentions, where it does not assign to them."""
    pending = [statement]
    while pending:
        part: Any = pending.pop()
        if isinstance(part, ast.Attribute) and part.attr in MEASURES:
            continue  # sizes and types carry no value
        if isinstance(part, ast.Call) and ast.unparse(part.func) in ("len", "isinstance", "type"):
            continue
        whole = isinstance(part, ast.Attribute) or (
            isinstance(part, ast.Subscript) and _fixed(part)
        )
        loaded = isinstance(getattr(part, "ctx", None), ast.Load)
        if (whole or isinstance(part, ast.Name)) and (
            loaded or isinstance(statement, ast.AugAssign)
        ):
            yield ast.unparse(part)
        if whole and loaded:
            continue
        pending += [c for c in ast.iter_child_nodes(part) if not isinstance(c, ast.stmt)]


def _parts(statement: Any) -> Iterator[Any]:
    """The expressions of a statement; of a compound one, those of its head."""
    pending = [statement]
    while pending:
        part = pending.pop()
        yield part
        for child in ast.iter_child_nodes(part):
            if not isinstance(child, ast.stmt):
                pending.append(child)


# finding functions and statements


@lru_cache(maxsize=64)
def _tree(file: str, text: str) -> Any:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _function(file: str, line: int) -> Any:
    """The innermost function of a file around a line, or the whole file."""
    return _function_in(file, "".join(linecache.getlines(file)), line)


@lru_cache(maxsize=4096)
def _function_in(file: str, text: str, line: int) -> Any:
    tree = _tree(file, text) if text else None
    if tree is None:
        return None
    found = tree
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and not isinstance(node, ast.Lambda) and _around(node, line):
            if found is tree or _around(found, node.lineno):
                found = node
    return found


def _statements(body: Any) -> Iterator[Any]:
    """The statements of a function in order, those in blocks too, those of inner functions not."""
    for child in ast.iter_child_nodes(body):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _statements(child)


def _statement(body: Any, line: int) -> Any:
    """The statement of a function at a line, the innermost."""
    found = None
    for statement in _statements(body):
        if _around(statement, line) and (found is None or _around(found, statement.lineno)):
            found = statement
    return found


def _around(node: Any, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def argument_names(file: str, span: tuple[int | None, ...] | None) -> list[str]:
    """The expressions that a call at a place was given, as the program spells them.

    Args:
        span: first and last line, first and last column of the call.
    """
    text = "".join(linecache.getlines(file))
    tree = _tree(file, text) if text and span else None
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, ast.Call) and span == (
            node.lineno, node.end_lineno, node.col_offset, node.end_col_offset,
        ):  # fmt: skip
            given = [ast.unparse(a) for a in node.args]
            return given + [ast.unparse(k.value) for k in node.keywords]
    return []


def elements(expression: str) -> list[str]:
    """The elements of a list, tuple or dictionary as the program spells them."""
    try:
        tree: Any = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return []
    if isinstance(tree, ast.Dict):
        pairs = [
            (ast.unparse(k) if k else "", ast.unparse(v)) for k, v in zip(tree.keys, tree.values)
        ]
        return [v for _, v in sorted(pairs)]
    return [ast.unparse(e) for e in tree.elts] if isinstance(tree, (ast.List, ast.Tuple)) else []


OPERATORS = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "pow",
    ast.MatMult: "matmul", ast.FloorDiv: "floordiv", ast.Mod: "floormod",
}  # fmt: skip


def name_given(place: Place | None, operation: str) -> str | None:
    """The name that the statement at a place gives to the result of an operation."""
    body = None if place is None else _function(place.file, place.line)
    statement = None if place is None or body is None else _statement(body, place.line)
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return None
    value = statement.value
    made = ""
    if isinstance(value, ast.Call):
        made = ast.unparse(value.func).rpartition(".")[2]
    elif isinstance(value, ast.BinOp):
        made = OPERATORS.get(type(value.op), "")
    names = list(_written(statement))
    return names[0] if made == operation.rpartition(".")[2] and len(names) == 1 else None
