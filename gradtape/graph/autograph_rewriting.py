"""The rewriting of statements to calls of `autograph_statements`, by diastatic-malt."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
from collections.abc import Callable
from typing import Any

from malt.converters import (
    asserts,
    break_statements,
    call_trees,
    continue_statements,
    control_flow,
    directives,
    functions,
    logical_expressions,
    return_statements,
    variables,
)
from malt.core import converter, unsupported_features_checker
from malt.impl import api
from malt.lang import directives as directive_functions
from malt.lang import special_functions
from malt.pyct import anno, cfg, qual_names, templates
from malt.pyct.static_analysis import activity, liveness, reaching_definitions, reaching_fndefs

from gradtape.core.places import rewritten as rewritten_lines
from gradtape.graph import autograph_statements as statements
from gradtape.graph.autograph_source import SourceReader

FEATURES: Any = (converter.Feature.ASSERT_STATEMENTS, converter.Feature.BUILTIN_FUNCTIONS)
set_loop_options = directive_functions.set_loop_options  # the rewriting looks for it by identity
OPTIONS = converter.ConversionOptions(
    recursive=True, user_requested=True, optional_features=FEATURES
)


class _Choices(converter.Base):
    """Conditional expressions as calls of `if_exp`, also one in another."""

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        """Rewrite an expression whose parts are rewritten."""
        parts: Any = self.generic_visit(node)
        return templates.replace_as_expression(
            "ag__.if_exp(test, lambda: true_expr, lambda: false_expr)",
            test=parts.test,
            true_expr=parts.body,
            false_expr=parts.orelse,
        )


class _Statements(control_flow.ControlFlowTransformer):
    """`if` and loops as calls. Names that inner functions assign in a function's variables, names
    of outer functions and of the module count as results of every statement that may change them.
    """

    _shared: frozenset[Any] = frozenset()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Enter a function."""
        inner = [n for n in ast.walk(node) if isinstance(n, ast.Nonlocal)]
        before = self._shared
        self._shared = frozenset([qual_names.QN(x) for n in inner for x in n.names])
        found = super().visit_FunctionDef(node)
        self._shared = before
        return found

    def _get_block_vars(self, node: Any, modified: Any) -> Any:
        known = anno.getanno(node, anno.Static.DEFINED_VARS_IN)
        scope = self.state[control_flow._Function].scope
        around = (scope.globals | scope.nonlocals) & modified
        shared = around | (self._shared & (known | scope.nonlocals))
        names, undefined, count = super()._get_block_vars(node, modified | shared)
        results = [n for n in names[:count] if n not in shared]
        rest = [n for n in names[count:] if n not in shared]
        return [*results, *sorted(shared), *rest], undefined, len(results) + len(shared)


def _conditional_expressions(node: Any, ctx: Any) -> Any:
    return _Choices(ctx).visit(node)


def _control_flow(node: Any, ctx: Any) -> Any:
    """Rewrite `if` and loops, when it is known which variables they read and change."""
    graphs = cfg.build(node)
    node = activity.resolve(qual_names.resolve(node), ctx, None)
    node = reaching_definitions.resolve(node, ctx, graphs)
    node = reaching_fndefs.resolve(node, ctx, graphs)
    node = liveness.resolve(node, ctx, graphs)
    return _Statements(ctx).visit(node)


PASSES: tuple[Callable[[Any, Any], Any], ...] = (
    functions.transform,
    directives.transform,
    break_statements.transform,
    asserts.transform,
    continue_statements.transform,
    return_statements.transform,
    call_trees.transform,
    _control_flow,
    _conditional_expressions,
    logical_expressions.transform,
    variables.transform,
)


class Rewriter(api.PyToPy, SourceReader):
    """Makes rewritten functions, each once.

    Args:
        converted_call: what calls in rewritten code become.
    """

    def __init__(self, converted_call: Callable[..., Any]) -> None:
        super().__init__()
        self._converted_call = converted_call

    def get_extra_locals(self) -> dict[str, Any]:
        """What the rewritten code finds as `ag__`."""
        if self._extra_locals is None:
            spec = importlib.machinery.ModuleSpec("gradtape_autograph", None)
            module = importlib.util.module_from_spec(spec)
            module.__dict__.update(special_functions.__dict__)
            module.__dict__.update(directive_functions.__dict__)
            module.__dict__.update(vars(statements))
            module.__dict__.update(
                ConversionOptions=converter.ConversionOptions,
                STD=converter.STANDARD_OPTIONS,
                Feature=converter.Feature,
                converted_call=self._converted_call,
            )
            self._extra_locals = {"ag__": module}
        return self._extra_locals

    def transform_ast(self, node: Any, ctx: Any) -> Any:
        """Rewrite a function, one kind of statement after the other."""
        unsupported_features_checker.verify(node)
        node = self.initial_analysis(node, ctx)
        for transform in PASSES:
            node = transform(node, ctx)
        return node

    def rewritten(self, function: Any) -> Callable[..., Any]:
        """The rewritten function of a Python function or method."""
        function = getattr(function, "__func__", function)
        found: Any = self.transform(function, converter.ProgramContext(OPTIONS))
        made, module, source_map = found
        if module.__file__ not in rewritten_lines:
            rewritten_lines[module.__file__] = {
                place.lineno: (origin.loc.filename, origin.loc.lineno)
                for place, origin in source_map.items()
                if place.filename == module.__file__
            }
        return made
