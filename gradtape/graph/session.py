"""`Session`: runs a graph, and holds the values of its variables.

Each kind of run (what is fetched, what is fed) is planned once; the plan's program is run like that
of a recorded function, by NumPy or compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from gradtape.core.errors import FailedPreconditionError, wrong_type
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.graph.building import GraphBuilding, get_default_graph, mode_of
from gradtape.graph.fetching import Feeds, Fetches, fed_array
from gradtape.graph.gradients import pulled
from gradtape.graph.graph import Graph, Operation
from gradtape.graph.partial import PartialRun
from gradtape.graph.placeholders import DEFAULT
from gradtape.graph.plan import Plan, reached
from gradtape.graph.scopes import sessions
from gradtape.graph.symbolic import Value
from gradtape.graph.text import GraphText
from gradtape.graph.unranked import Completed, unranked
from gradtape.graph.variables import GraphVariable
from gradtape.ops.random_keys import Draws


class Device(NamedTuple):
    """A device that a session may use."""

    name: str
    device_type: str
    memory_limit_bytes: int = 0
    incarnation: int = 0


class Session:
    """Run the operations of a graph; every session holds its own values of the variables.

    Args:
        target: accepted for compatibility; everything runs in this process.
        graph: the graph, by default the default graph.
        config: accepted for compatibility.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     a, b = tf.constant(2.0), tf.constant(3.0)
        ...     with tf.Session() as session:
        ...         [float(v) for v in session.run([a * b, a + b])]
        [6.0, 5.0]
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        if graph is not None and not isinstance(graph, Graph):
            raise wrong_type("Session", "graph", "a tf.Graph", graph)
        self.graph: Graph = get_default_graph() if graph is None else graph
        self.sess_str = target
        self._mode = mode_of(self.graph)
        self._plans: dict[Any, Any] = {}
        self._held: dict[int, Any] = {}  # values by the variable's id
        self._variables: dict[int, Any] = {}  # so that an id is never another variable's
        self._closed = False
        self._entered: list[Any] = []
        self._lock = threading.RLock()

    # running

    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Run what is needed for the fetches and return their values.

        Args:
            fetches: a tensor, variable, operation or name, or a structure of them: lists, tuples,
                named tuples, dicts.
            feed_dict: values by tensor; any tensor of the graph may be fed, not only placeholders.
            options: accepted for compatibility.
            run_metadata: accepted for compatibility.

        Returns:
            NumPy arrays and scalars in the structure of the fetches, None for operations.

        Raises:
            RuntimeError: when the session is closed, or the graph has no operations.
            InvalidArgumentError: when a placeholder that is needed is not fed.
            FailedPreconditionError: when a variable that is read has no value yet.
            TypeError, ValueError: when a fetch or feed does not belong to the graph, or a value
                does not fit its tensor.
        """
        self._check_open()
        wanted = Fetches(self.graph, fetches)
        feeds = Feeds(self.graph, feed_dict)
        arrays = self._values(wanted.values, wanted.operations, feeds)
        return wanted.packed(self, iter(arrays))

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if not self.graph.operations:
            raise RuntimeError(
                "The Session graph is empty. Add operations to the graph before calling run()."
            )

    def _values(
        self, values: Sequence[Value], operations: Sequence[Operation], feeds: Feeds
    ) -> list[Any]:
        if not values and not operations:
            return []
        with self._lock, frame((), (), None):
            plan, fed = self._planned(values, operations, feeds)
            tensors = [Tensor(a) for a in fed]
            for variable, _ in plan.reads:
                tensors.append(feeds.variables.get(id(variable)) or self.value_of(variable))
            for variable, _ in plan.asked:
                tensors.append(Tensor(np.bool_(self.holds(variable))))
            for _, source in plan.defaults:
                (array,) = self._values([source], [], feeds)
                tensors.append(Tensor(array))
            found = plan.runner(tensors)
            del tensors
            for (variable, _), tensor in zip(plan.written, found[plan.count :], strict=True):
                self.put(variable, tensor)
            return [t.numpy() for t in found[: plan.count]]

    def _planned(
        self, values: Sequence[Value], operations: Sequence[Operation], feeds: Feeds
    ) -> tuple[Plan, list[Any]]:
        """The plan of a run, made once, and the arrays for what it is fed."""
        fed = tuple(feeds.arrays)
        guards = tuple([self.holds(v) for v in self._mode.guarded])
        key: Any = (tuple(values), tuple(operations), fed, guards)
        plan: Any = self._plans.get(key)
        if plan is None:
            order = reached(self._mode, values, operations, set(fed), self.holds)
            plan = order
            if not unranked(order, fed):
                plan = Plan(self.graph, order, values, fed, self.holds)
            self._plans[key] = plan
        arrays = feeds.arrays
        if type(plan) is list:
            arrays = {**arrays, **self._defaults(plan, feeds)}
            shapes = {v: a.shape for v, a in arrays.items()}
            key = (*key, tuple(shapes.values()))
            if key not in self._plans:
                self._plans[key] = self._completed(plan, values, shapes)
            plan = self._plans[key]
        return plan, list(arrays.values())

    def _defaults(self, order: Sequence[Operation], feeds: Feeds) -> dict[Value, Any]:
        """The values of the placeholders that have a default and are not fed."""
        found = {op.values[0]: op.takes[0] for op in order if op.primitive is DEFAULT}
        return {
            value: self._values([source], [], feeds)[0]
            for value, source in found.items()
            if value not in feeds.arrays
        }

    def _completed(self, order: Any, values: Sequence[Value], shapes: dict[Value, Any]) -> Plan:
        """The plan of a run whose placeholders have a rank only now."""
        mode = GraphBuilding(Graph())
        done = Completed(mode, order, self._mode.dragged, shapes, pulled)
        fetched, fed = [done.value(v) for v in values], [done.value(v) for v in shapes]
        return Plan(done.graph, done.graph.operations, fetched, fed, self.holds)

    # variables

    def holds(self, variable: Any) -> bool:
        """Whether the session has a value of a variable."""
        return id(variable) in self._held or not isinstance(variable, GraphVariable)

    def load(self, variable: Any, value: Any) -> None:
        """Give a variable a value."""
        self.put(variable, Tensor(fed_array(variable.handle, value)))

    def value_of(self, variable: Any) -> Any:
        """The value of a variable in this session; FailedPreconditionError where it has none."""
        held = self._held.get(id(variable))
        if held is not None:
            return held
        if isinstance(variable, GraphVariable):
            raise FailedPreconditionError(
                f"Attempting to use uninitialized value {variable.name!r}: the session has none."
                " Run tf.compat.v1.global_variables_initializer() or the variable's initializer."
            )
        return variable.first(self.graph.seed or 0) if self._seeded(variable) else variable._tensor

    def put(self, variable: Any, tensor: Any) -> None:
        """Hold a tensor as the value of a variable."""
        if isinstance(variable, GraphVariable) or self._seeded(variable):
            self._held[id(variable)] = tensor
            self._variables[id(variable)] = variable
        else:
            variable._put(tensor)

    def _seeded(self, variable: Any) -> bool:
        """Whether these are random numbers that begin anew in each session."""
        if not isinstance(variable, Draws):
            return False
        return variable.own is not None or self.graph.seed is not None

    # runs in pieces, runs again and again

    def partial_run_setup(self, fetches: Any, feeds: Any = None) -> PartialRun:
        """Announce a run in pieces and return what `partial_run` takes for it.

        Args:
            fetches: a list of everything that will be fetched.
            feeds: a list of everything that will be fed.
        """
        self._check_open()
        return PartialRun(self._mode, Fetches(self.graph, fetches), list(feeds or ()))

    def partial_run(self, handle: PartialRun, fetches: Any, feed_dict: Any = None) -> Any:
        """Go on with a run: feed more, and fetch what can be computed by now.

        Every operation is done once in a run, however many pieces ask for it.

        Args:
            handle: what `partial_run_setup` returned.
            fetches: as in `run`, from those that were announced.
            feed_dict: as in `run`, from those that were announced.
        """
        self._check_open()
        wanted = Fetches(self.graph, fetches)
        with self._lock, frame((), (), None):
            arrays = handle.run(self, wanted, Feeds(self.graph, feed_dict))
        return wanted.packed(self, iter(arrays))

    def make_callable(
        self, fetches: Any, feed_list: Any = None, accept_options: bool = False
    ) -> Callable[..., Any]:
        """A function that runs fetches, with the values of the feeds as arguments by position."""
        self._check_open()
        wanted = Fetches(self.graph, fetches)
        keys = list(feed_list or ())

        def call(*values: Any, **options: Any) -> Any:
            if len(values) != len(keys):
                raise ValueError(
                    f"The callable takes {len(keys)} values for its feed_list, but got"
                    f" {len(values)}."
                )
            self._check_open()
            feeds = Feeds(self.graph, dict(zip(keys, values, strict=True)))
            arrays = self._values(wanted.values, wanted.operations, feeds)
            return wanted.packed(self, iter(arrays))

        return call

    # life

    @property
    def graph_def(self) -> GraphText:
        """The graph as text."""
        return self.graph.as_graph_def()

    def list_devices(self) -> list[Device]:
        """The devices that operations may run on."""
        return [Device("/job:localhost/replica:0/task:0/device:CPU:0", "CPU")]

    def close(self) -> None:
        """Forget the values of the variables; a closed session runs nothing."""
        self._closed = True
        self._held, self._variables, self._plans = {}, {}, {}

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        """Within the block `tensor.eval()` and `operation.run()` use this session."""
        sessions.stack = (*sessions.stack, self)
        try:
            yield self
        finally:
            leave(self)

    def __enter__(self) -> Session:
        blocks = [self.graph.as_default(), self.as_default()]
        for block in blocks:
            block.__enter__()
        self._entered.append(blocks)
        return self

    def __exit__(self, *exception: Any) -> None:
        for block in reversed(self._entered.pop()):
            block.__exit__(None, None, None)
        self.close()


def leave(session: Session) -> None:
    """Take a session from those that the thread has entered: the innermost of its places."""
    stack = list(sessions.stack)
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] is session:
            del stack[place]
            break
    sessions.stack = tuple(stack)


class InteractiveSession(Session):
    """A session that is entered from the start, until it is closed.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     session = tf.InteractiveSession()
        ...     float((tf.constant(2.0) * 3.0).eval())
        ...     session.close()
        6.0
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._block = None if graph is None else graph.as_default()
        if self._block is not None:
            self._block.__enter__()
        sessions.stack = (*sessions.stack, self)

    def close(self) -> None:
        """Leave the session and forget the values of the variables."""
        if not self._closed:
            leave(self)
            if self._block is not None:
                self._block.__exit__(None, None, None)
        super().close()


def get_default_session() -> Session | None:
    """The session that this thread has entered last, None outside of sessions.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.get_default_session() is None
        True
    """
    return sessions.stack[-1] if sessions.stack else None
