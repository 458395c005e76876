"""The base class of `tf.compat.v1.train`'s optimizers: losses are functions, slots have names.

Where a gradient is an `IndexedSlices`, rows without a gradient keep their value and slots (Adam
apart, which moves all rows), as TensorFlow 1 documents it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from gradtape.autodiff.tape import GradientTape
from gradtape.core import nest
from gradtape.core.asked import located
from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.core.state import here
from gradtape.core.surroundings import executing_eagerly, init_scope
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.building import together
from gradtape.graph.gradients import gradients, recording_mode
from gradtape.graph.variables import GraphKeys
from gradtape.ops.static import tensor_items
from gradtape.train.arrays import filled
from gradtape.train.gradients import check_lasting, check_variable
from gradtape.train.moving import move, number_of, prepared
from gradtape.train.options import number
from gradtape.train.update import Rule


class OptimizerV1:
    """The base class; see its subclasses.

    Args:
        use_locking: ignored, for compatibility.
        name: the prefix of the names of the slots.
        use_own_namescope_for_non_slot_vars: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> issubclass(tf.compat.v1.train.AdamOptimizer, tf.compat.v1.train.Optimizer)
        True
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    rule: ClassVar[Rule | None] = None
    slot_type: ClassVar[Any] = tuple
    by_rows: ClassVar[bool] = True

    def __init__(
        self, use_locking: bool, name: str, use_own_namescope_for_non_slot_vars: bool = False
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(located(f"Must specify the optimizer name, a string, not {name!r}."))
        self._name = name
        self._learning_rate: Any = None
        self._slots: dict[int, tuple[Any, Any]] = {}
        self._other: dict[str, Variable] = {}

    # what a subclass says

    def slots(self) -> dict[str, tuple[str, float]]:
        """For each slot of the rule its public name and its initial value."""
        return {}

    def rule_arguments(self) -> dict[str, Any]:
        """The keyword arguments of the rule in this step, without the learning rate."""
        return {}

    def finish(self) -> None:
        """What is to be done after a step."""

    # the public methods

    def get_name(self) -> str:
        """The name given to the constructor."""
        return self._name

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Any:
        """Differentiate a loss and move the variables by one step.

        Args:
            loss: a function without arguments that returns the loss; in a graph also the loss.
            global_step: a variable to increment.
            var_list: the variables; by default the trainable ones that the function reads, or those
                of the graph.
            gate_gradients: ignored, for compatibility.
            aggregation_method: ignored, for compatibility.
            colocate_gradients_with_ops: ignored, for compatibility.
            name: the name of the operation in a graph, by default the optimizer's.
            grad_loss: the cotangent of the loss, by default ones.

        Returns:
            In a graph that sessions run, the operation that takes a step; otherwise None.

        Raises:
            RuntimeError: when the loss is no function where operations run at once.
            ValueError: when no variable has a gradient.

        Example:
            >>> import gradtape as tf
            >>> x = tf.Variable(2.0)
            >>> tf.compat.v1.train.GradientDescentOptimizer(0.25).minimize(lambda: x * x)
            >>> float(x)
            1.0
        """
        pairs = self.compute_gradients(loss, var_list=var_list, grad_loss=grad_loss)
        if all(g is None for g, _ in pairs):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not "
                f"support gradients, between variables {[v.name for _, v in pairs]} and "
                f"loss {loss}."
            )
        return self.apply_gradients(pairs, global_step=global_step, name=name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> list[tuple[Any, Any]]:
        """Return pairs of a gradient (or None) and a variable; the arguments are `minimize`'s."""
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ValueError(
                "gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP,"
                f" Optimizer.GATE_GRAPH. Not {gate_gradients}"
            )
        if not callable(loss):
            return self._of_tensor(loss, var_list, aggregation_method, grad_loss)
        with GradientTape() as tape:
            if var_list is not None:
                tape.watch(var_list)
            value = loss()
        chosen = tape.watched_variables() if var_list is None else nest.flatten(var_list)
        variables = list(chosen)
        if not variables:
            raise ValueError(
                "No variables to optimize: the loss reads no trainable tf.Variable. Pass var_list."
            )
        return list(zip(tape.gradient(value, variables, grad_loss), variables, strict=True))

    def _of_tensor(
        self, loss: Any, var_list: Any, aggregation_method: Any, grad_loss: Any
    ) -> list[tuple[Any, Any]]:
        if executing_eagerly():
            raise RuntimeError(
                "`loss` passed to Optimizer.compute_gradients should be a function when eager "
                "execution is enabled. Write a function without arguments that returns the loss."
            )
        if var_list is None:
            mode = recording_mode([loss], "gradients")
            variables = [v for v in mode.variables.values() if getattr(v, "trainable", False)]
            if mode.by_session:
                variables = mode.graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)
        else:
            variables = nest.flatten(var_list)
        if not variables:
            raise ValueError("No variables to optimize: make a trainable tf.Variable.")
        grads = gradients(
            loss, variables, grad_loss, aggregation_method=aggregation_method
        )  # fmt: skip
        return list(zip(grads, variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Iterable[Any],
        global_step: Any = None,
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
    ) -> Any:
        """Move each variable by one step along its gradient; assignments stop gradients.

        Args:
            grads_and_vars: pairs of a gradient (tensor, `IndexedSlices` or None) and a variable.
            global_step: a variable to increment.
            name: the name of the operation in a graph, by default the optimizer's.
            skip_gradients_aggregation: ignored, for compatibility.

        Returns:
            In a graph that sessions run, the operation that takes a step; otherwise None.

        Raises:
            ValueError: when there is no pair, or no gradient.
            TypeError: when a pair is malformed.
            InvalidArgumentError: when a gradient does not fit its variable.
        """
        label = f"compat.v1.train.{type(self).__name__}.apply_gradients"
        pairs = [_pair(i, label) for i in tensor_items(grads_and_vars, label, "grads_and_vars")]
        if not pairs:
            raise ValueError("No variables provided.")
        for _, variable in pairs:
            check_variable(variable, label)
        found = [(g, v) for g, v in pairs if g is not None]
        if not found:
            names = [v.name for _, v in pairs]
            raise ValueError(f"No gradients provided for any variable: {names}.")
        with together(name or self._name) as step:
            self._step([(prepared(g, v, label, self.by_rows), v) for g, v in found])
            if global_step is not None:
                global_step.assign_add(np.ones((), global_step._dtype)[()])
        return step.operation

    def _step(self, ready: list[tuple[Any, Any]]) -> None:
        rule = type(self).rule
        if rule is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no update rule: use one of gradtape.compat.v1.train."
            )
        arguments = {"learning_rate": value_of(self._learning_rate, "learning_rate")}
        arguments |= self.rule_arguments()
        for gradient, variable in ready:
            slots = self._slots_of(variable)
            move(rule, gradient, variable, slots, arguments, by_rows=self.by_rows)
        self.finish()

    # slots

    def _slots_of(self, variable: Any) -> Any:
        found = self._slots.get(id(variable))
        if found is None:
            made = {}
            if self.slots():
                check_lasting(variable, f"compat.v1.train.{type(self).__name__}")
            for count, (field, (_, initial)) in enumerate(self.slots().items()):
                suffix = f"_{count}" if count else ""
                name = f"{variable.name.split(':')[0]}/{self._name}{suffix}"
                array = filled(variable, initial)
                with init_scope():
                    made[field] = Variable(array, trainable=False, name=name)
            found = self._slots[id(variable)] = (variable, self.slot_type(**made))
        return found[1]

    def get_slot(self, var: Any, name: str) -> Variable | None:
        """The slot of a variable by its name, None when there is none yet."""
        found = self._slots.get(id(var))
        fields = [field for field, (public, _) in self.slots().items() if public == name]
        return getattr(found[1], fields[0]) if found and fields else None

    def get_slot_names(self) -> list[str]:
        """The names of the slots, once a step was taken."""
        return sorted(public for public, _ in self.slots().values()) if self._slots else []

    def variables(self) -> list[Variable]:
        """The optimizer's own variables, by name."""
        slots = [s for _, held in self._slots.values() for s in held if s is not None]
        return sorted([*self._other.values(), *slots], key=lambda v: v.name)


def value_of(given: Any, name: str) -> Any:
    """A hyperparameter as a number: a number, tensor, variable, or a function that returns one.

    In a function or graph a value that is not known yet is a float64 tensor."""
    found = given() if callable(given) else given
    if here.mode is not None and hasattr(found, "_shape") and not _known(found):
        return number_of(found)
    return number(np.asarray(as_tensor(found)) if hasattr(found, "_shape") else found, name)


def _known(found: Any) -> bool:
    return isinstance(found, Tensor) and found.concrete


def _pair(item: Any, label: str) -> tuple[Any, Any]:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise TypeError(
            f"gradtape.{label}: {brief(item)} is no pair of a gradient and a variable. "
            "Write zip(gradients, variables)."
        )
    return item[0], item[1]
