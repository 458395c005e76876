"""`GraphVariable`: a variable of a graph, whose values are in the sessions that run the graph.

It has no value of its own: an operation, its initializer, gives it one in the session that runs it.
Everything that eager variables do at once (assigning, reading) is an operation here. The
collections of the graph, under the names in `GraphKeys`, tell which variables there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, convert_to_tensor
from gradtape.core.dtypes import DType, as_dtype, from_numpy
from gradtape.core.record import Node
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.graph import INITIALIZED, IS_INITIALIZED, VARIABLE, Operation
from gradtape.graph.symbolic import NoValueError, SymbolicTensor
from gradtape.ops.basis import cast
from gradtape.ops.static import listed


class GraphKeys:
    """The names of a graph's collections.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES
        'trainable_variables'
    """

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    CONCATENATED_VARIABLES = "concatenated_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    BIASES = "biases"
    WEIGHTS = "weights"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVERS = "savers"
    REGULARIZATION_LOSSES = "regularization_losses"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"


class VariableV1(Variable):
    """A variable as TensorFlow 1 makes it: `tf.Variable` that takes a few arguments more.

    Args:
        initial_value, trainable, name, dtype, constraint, shape, ...: as `tf.Variable`.
        collections: the collections of the graph that it joins, by default the global variables.
        use_resource, expected_shape: ignored, for compatibility.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(2.0, name="w")
        ...     session.run(w.initializer)
        ...     float(session.run(w * 3.0))
        6.0
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        use_resource: bool | None = None,
        expected_shape: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(initial_value, trainable, **options)


class GraphVariable(VariableV1):
    """A variable of a graph; the mode that fills the graph makes it."""

    def __init__(
        self,
        mode: Any,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        validate_shape: bool = True,
        name: str | None = None,
        dtype: Any = None,
        constraint: Callable[[Any], Any] | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
        **accepted: Any,
    ) -> None:
        if initial_value is None:
            raise ValueError(
                "gradtape.Variable needs an initial value: write tf.Variable(tf.zeros(shape))."
            )
        self.graph = graph = mode.graph
        self._name = graph.unique_name(name or "Variable", graph.variable_prefix)
        self._trainable = True if trainable is None else bool(trainable)
        self.constraint, self.aggregation = constraint, aggregation
        self.synchronization = synchronization
        keys = self._keys(collections)
        with graph.variable_scope(self._name):
            self._initial = initial(mode, initial_value, dtype)
            self._declared = TensorShape(self._initial.shape if shape is None else shape)
            if validate_shape and not self._declared.is_compatible_with(self._initial.shape):
                raise ValueError(
                    f"gradtape.Variable: the initial value's shape {self._initial.shape} does not"
                    f" fit shape {self._declared}."
                )
            self._leaf = Node(self._initial._shape, self._initial._dtype)
            self._initializer = mode.assigned(self, self._initial)
            self._handle = self._source(VARIABLE, self._leaf)
            self._handle.op.scope, self._handle.op.label = None, self._name
        for key in keys:
            graph.add_to_collection(key, self)

    def _source(self, kind: Any, spec: Any, takes: Any = ()) -> SymbolicTensor:
        value = self.graph.add(kind, takes, {"variable": self}, [spec]).values[0]
        return SymbolicTensor(value, self._leaf if kind is VARIABLE else None)

    def _keys(self, collections: Any) -> list[str]:
        if collections is None:
            collections = [GraphKeys.GLOBAL_VARIABLES]
        keys = listed(collections, "Variable", "collections", "a list of the names of collections")
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        return keys

    # what it is

    @property
    def _tensor(self) -> Any:  # type: ignore[override]
        raise NoValueError(
            f"variable {self.name!r} belongs to a graph: its values are in sessions. Write"
            " session.run(variable), or variable.eval(session=session)."
        )

    @property
    def _shape(self) -> Any:
        return self._leaf.shape

    @property
    def _dtype(self) -> Any:
        return self._leaf.dtype

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return from_numpy(self._dtype)

    @property
    def op(self) -> Operation:
        """The operation that reads the variable where it was made; it has the variable's name."""
        return self._handle.op

    @property
    def handle(self) -> SymbolicTensor:
        """The value where the variable was made: what its name stands for."""
        return self._handle

    @property
    def device(self) -> str:
        """The device that the graph notes for it."""
        return self.op.device

    # values

    @property
    def initializer(self) -> Operation:
        """The operation that gives the variable its initial value."""
        return self._initializer

    @property
    def initial_value(self) -> Any:
        """The tensor that the initializer assigns."""
        return self._initial

    def initialized_value(self) -> SymbolicTensor:
        """The value where the variable has one when the session runs, else the initial value."""
        self.graph.mode.guarded.append(self)
        return self._source(INITIALIZED, self._initial, (self._initial._value,))

    def is_initialized(self, name: str | None = None) -> SymbolicTensor:
        """Whether the variable has a value in the session, a boolean tensor."""
        return self._source(IS_INITIALIZED, TRUTH)

    def eval(self, session: Any = None) -> Any:
        """The value in a session, by default the one that is entered."""
        return self.graph.session(session).run(self._handle)

    def load(self, value: Any, session: Any = None) -> None:
        """Give the variable a value in a session, by default the one that is entered."""
        self.graph.session(session).load(self, value)

    # being a key: in a graph for sessions a variable is equal to itself alone

    def __eq__(self, other: Any) -> Any:
        return self is other

    def __ne__(self, other: Any) -> Any:
        return self is not other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}>"


def initial(mode: Any, value: Any, dtype: Any) -> Any:
    """The initial value of a variable as a tensor of the graph."""
    if callable(value) and not hasattr(value, "__tf_tensor__"):
        value = value()
    wanted = None if dtype is None else as_dtype(dtype)
    if not hasattr(value, "__tf_tensor__") and not isinstance(value, Tensor):
        tensor = convert_to_tensor(value, wanted, name="initial_value")
    else:
        tensor = as_tensor(value)
        tensor = tensor if wanted is None else cast(tensor, wanted.numpy_dtype)
    return mode.constant(tensor, "initial_value") if tensor.concrete else tensor


TRUTH = Spec((), np.dtype(np.bool_))
