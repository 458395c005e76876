"""`Recipe`: how a Python function becomes a trace, for the function and for its traces alike.

A trace may have to be made again, for instance because a constant of it is watched now. Its recipe
does not keep the object of a method alive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from gradtape.core.state import frame
from gradtape.graph.arguments import Arguments
from gradtape.graph.autograph import converted
from gradtape.graph.concrete import ConcreteFunction
from gradtape.graph.function_tracing import FunctionTracing
from gradtape.graph.graph import Graph
from gradtape.graph.signature import Leaf, Parameters

Call = tuple[Any, Sequence[Leaf], Sequence[Any]]


class Recipe:
    """How a function is traced.

    Args:
        python: gives the Python function, or None when its object is gone.
        autograph: whether its statements become operations.
        name, parameters: those of the function.
        compile: see `Runner`.
    """

    def __init__(
        self,
        python: Callable[[], Any],
        autograph: bool,
        name: str,
        parameters: Parameters,
        compile: bool | None,
    ) -> None:
        self.python = python
        self.autograph = autograph
        self.name = name
        self.parameters = parameters
        self.compile = compile

    def __call__(
        self, call: Call, may_create: bool = False, themselves: Collection[int] = ()
    ) -> tuple[ConcreteFunction, FunctionTracing]:
        """A trace for a call.

        Args:
            call: the structure of the arguments, their leaves, and the keys for which it holds.
            may_create: whether variables may be made.
            themselves: the numbers of the leaves that are variables and stand for no others.
        """
        mode = FunctionTracing(Graph(), self.name, may_create)
        arguments = Arguments(mode, self.parameters, *call, themselves)
        args, kwargs = arguments.taken()
        function = converted(self.python()) if self.autograph else self.python()
        with frame((), (), mode):
            returned = function(*args, **kwargs)
        made = ConcreteFunction(mode, arguments, returned, self.name, self.compile)
        tree, _, keys = call  # the leaves hold the tensors of the call
        made.again = lambda leaves, own: self((tree, leaves, keys), False, own)[0]
        mode.finish()
        return made, mode
