"""The source of a function, made ready for AutoGraph's rewriting.

Before the rewriter reads a function, some statements are put in other words that it knows: names of
caught exceptions, `else` of loops, private attributes, `l.append(x)`, and the None that a function
returns at its end. A lambda is found by the columns of its code, where several stand in one line.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from typing import Any

from malt.pyct import inspect_utils, naming, origin_info, parser, transformer, transpiler


class SourceReader(transpiler.GenericTranspiler):
    """Reads and prepares the source of a function."""

    def transform_function(self, fn: Any, user_context: Any) -> Any:
        """The rewritten syntax tree of a function, and the context of the rewriting."""
        features = inspect_utils.getfutureimports(fn)
        found = _lambda(fn) if inspect_utils.islambda(fn) else None
        node, source = found or parser.parse_entity(fn, future_features=features)
        origin_info.resolve_entity(node, source, fn)
        namespace = inspect_utils.getnamespace(fn)
        namer = naming.Namer(namespace)
        name = namer.new_symbol(self.get_transformed_name(node), ())
        info = transformer.EntityInfo(
            name=name,
            source_code=source,
            source_file="<fragment>",
            future_features=features,
            namespace=namespace,
        )
        context = transformer.Context(info, namer, user_context)
        node = Preparation(_owner(fn)).visit(self._erase_arg_defaults(node))
        return self.transform_ast(node, context), context


def _lambda(fn: Any) -> tuple[Any, str] | None:
    """The syntax tree and source of a lambda, None where its columns are not known: it is the
    smallest that encloses the columns of its code."""
    positions = [p for p in fn.__code__.co_positions() if None not in p and p[3]]
    lines = linecache.getlines(inspect.getsourcefile(fn) or "", fn.__globals__)
    found = None
    for node in ast.walk(ast.parse("".join(lines))):  # outer nodes come first
        if isinstance(node, ast.Lambda) and node.lineno == fn.__code__.co_firstlineno:
            first = node.lineno, node.col_offset
            last = node.end_lineno or 0, node.end_col_offset or 0
            if all([first <= (p[0], p[2]) and (p[1], p[3]) <= last for p in positions]):
                found = node
    if found is None or not positions:
        return None
    return parser._without_context(found, lines, found.lineno, found.end_lineno)


def _owner(fn: Any) -> str | None:
    """The class in whose body a function is written, None where there is none."""
    for part in reversed(fn.__qualname__.split(".<locals>.")):
        names = part.split(".")
        if len(names) > 1:
            return names[-2]
    return None


class Preparation(ast.NodeTransformer):
    """Puts statements in words that the rewriter knows.

    Args:
        owner: the class whose private names the function uses, if there is one.
    """

    def __init__(self, owner: str | None) -> None:
        self._owner = owner
        self._local: set[str] = set()
        self._flags = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Enter a function; where it returns values it also returns at its end."""
        before, self._local = self._local, _assigned(node)
        self.generic_visit(node)
        self._local = before
        returns = [n for n in _own(node.body) if isinstance(n, ast.Return)]
        if any([r.value is not None for r in returns]):
            for r in returns:
                r.value = r.value or _at(ast.Constant(None), r)
            if not _ends(node.body):
                node.body.append(_at(ast.Return(_at(ast.Constant(None), node)), node.body[-1]))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """Leave a class as it is."""
        return node

    def visit_Match(self, node: ast.Match) -> Any:
        """Refuse what the rewriter does not know."""
        raise ValueError("match statements are not supported: write if and elif.")

    def visit_Expr(self, node: ast.Expr) -> Any:
        """`l.append(x)` as an assignment to `l`, where `l` is a variable of the function: so that
        loops and branches know that they change it."""
        self.generic_visit(node)
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return node
        target = call.func.value
        if call.func.attr != "append" or len(call.args) != 1 or call.keywords:
            return node
        if not isinstance(target, ast.Name) or target.id not in self._local:
            return node
        value = _call("list_append", [target, call.args[0]], node)
        return _at(ast.Assign([_name(target.id, node, True)], value), node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        """`except E as e` as `except E` and an assignment."""
        self.generic_visit(node)
        if node.name is not None:
            caught = ast.Assign([_name(node.name, node, True)], _call("caught", [], node))
            node.body.insert(0, _at(caught, node))
            node.name = None
        return node

    def visit_For(self, node: ast.For) -> Any:
        """`else` of a loop as an `if` behind it."""
        self.generic_visit(node)
        return self._without_else(node)

    def visit_While(self, node: ast.While) -> Any:
        """`else` of a loop as an `if` behind it."""
        self.generic_visit(node)
        return self._without_else(node)

    def _without_else(self, node: Any) -> Any:
        if not node.orelse:
            return node
        orelse, node.orelse = node.orelse, []
        if not any([isinstance(n, ast.Break) for n in _own(node.body, loops=False)]):
            return [node, *orelse]
        self._flags += 1
        flag = f"ag_broke_{self._flags}"
        node.body = _FlaggedBreaks(flag).all(node.body)
        unbroken = _at(ast.UnaryOp(_at(ast.Not(), node), _name(flag, node)), node)
        return [_flag(flag, False, node), node, _at(ast.If(unbroken, orelse, []), node)]

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """A private attribute by its full name."""
        self.generic_visit(node)
        node.attr = self._public(node.attr)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        """A private name by its full name."""
        node.id = self._public(node.id)
        return node

    def _public(self, name: str) -> str:
        if self._owner is None or not name.startswith("__") or name.endswith("__"):
            return name
        return f"_{self._owner.lstrip('_')}{name}"


class _FlaggedBreaks(ast.NodeTransformer):
    """Sets a flag before each `break` of a loop."""

    def __init__(self, flag: str) -> None:
        self._flag = flag

    def all(self, body: list[Any]) -> list[Any]:
        """Statements with the flag."""
        return self.visit(ast.Module(body, [])).body

    def visit_Break(self, node: ast.Break) -> Any:
        """Set the flag."""
        return [_flag(self._flag, True, node), node]

    def _inner(self, node: Any) -> Any:
        return node

    visit_For = visit_While = visit_FunctionDef = visit_Lambda = visit_ClassDef = _inner


# syntax trees


def _at(node: Any, place: Any) -> Any:
    return ast.copy_location(node, place)


def _name(name: str, place: Any, stored: bool = False) -> Any:
    return _at(ast.Name(name, ast.Store() if stored else ast.Load()), place)


def _call(function: str, arguments: list[Any], place: Any) -> Any:
    """A call of one of the functions that rewritten code finds as `ag__`."""
    target = _at(ast.Attribute(_name("ag__", place), function, ast.Load()), place)
    return _at(ast.Call(target, arguments, []), place)


def _flag(name: str, value: bool, place: Any) -> Any:
    return _at(ast.Assign([_name(name, place, True)], _at(ast.Constant(value), place)), place)


def _own(body: list[Any], loops: bool = True) -> list[Any]:
    """The nodes of statements that are not in functions and classes, or in loops, within."""
    inner: tuple[type, ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    if not loops:
        inner = (*inner, ast.For, ast.While)
    found: list[Any] = []
    pending = list(body)
    while pending:
        node = pending.pop()
        if not isinstance(node, inner):
            found.append(node)
            pending.extend(ast.iter_child_nodes(node))
    return found


def _assigned(function: ast.FunctionDef) -> set[str]:
    """The names that a function assigns and that are its own."""
    nodes = _own(function.body)
    found = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    found |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return found - {x for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal)) for x in n.names}


def _ends(body: list[Any]) -> bool:
    """Whether statements never come to their end."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    if isinstance(last, ast.With):
        return _ends(last.body)
    if isinstance(last, ast.Try):
        tried = _ends(last.body) or _ends(last.orelse)
        return _ends(last.finalbody) or (tried and all(_ends(h.body) for h in last.handlers))
    if isinstance(last, ast.While):
        forever = isinstance(last.test, ast.Constant) and bool(last.test.value)
        return forever and not any(isinstance(n, ast.Break) for n in _own(last.body, loops=False))
    return isinstance(last, (ast.Return, ast.Raise))
