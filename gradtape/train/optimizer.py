"""`Optimizer`: the shared part of `gradtape.optimizers`, with the methods of Keras 3, for steps at
once and for steps that a function or graph records (`gradtape.train.moving` asks which).

A subclass names its rule (`gradtape.train.rules`), the slots that the rule needs and its own
hyperparameters; this file brings gradients, variables and slots together. Users' own optimizers
override `update_step`, as in Keras.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradtape.autodiff.tape import GradientTape
from gradtape.core import nest
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import brief
from gradtape.core.state import lookouts
from gradtape.core.surroundings import init_scope
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.building import together
from gradtape.ops.basis import cast
from gradtape.ops.choosing import where
from gradtape.ops.static import static_float, static_items, static_shape, tensor_items
from gradtape.train import options
from gradtape.train.arrays import filled
from gradtape.train.gradients import check_lasting, check_variable
from gradtape.train.moving import beside, move, number_of, prepared, public, put
from gradtape.train.rate import LearningRate, rate_from_config
from gradtape.train.rules.average import FollowSlots, follow
from gradtape.train.update import Rule


class Optimizer:
    """The base class of optimizers.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        weight_decay: before each step the variables are multiplied by 1 - learning_rate * this.
        clipnorm: the norm that no variable's gradient may exceed.
        clipvalue: the absolute value that no element of a gradient may exceed.
        global_clipnorm: the norm that all gradients together may not exceed.
        use_ema: whether to keep a moving average of the variables.
        ema_momentum: the weight of the old average, in [0, 1].
        ema_overwrite_frequency: after so many steps the variables become their averages.
        loss_scale_factor: left out, must be None.
        gradient_accumulation_steps: left out, must be None.
        name: the prefix of the names of the optimizer's variables.

    Raises:
        ValueError: for values out of range, and for more than one kind of clipping.
        UnimplementedError: for what is left out.

    Example:
        >>> import gradtape as tf
        >>> class HalfStep(tf.optimizers.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         variable.assign_sub(0.5 * learning_rate * gradient)
        >>> v = tf.Variable([1.0, 2.0])
        >>> HalfStep(1.0).apply([tf.constant([1.0, -2.0])], [v])
        >>> v.numpy()
        array([0.5, 3. ], dtype=float32)
    """

    rule: ClassVar[Rule | None] = None
    slot_type: ClassVar[Any] = tuple
    hyperparameters: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise ValueError(f"Argument(s) not recognized: {unknown}")
        options.refuse_scaling(loss_scale_factor, gradient_accumulation_steps)
        self.name = name or options.unique_name(type(self).__name__)
        if weight_decay is not None:
            weight_decay = options.number(weight_decay, "weight_decay")
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self._clip = options.clipping(clipnorm, clipvalue, global_clipnorm)
        if use_ema:
            options.check_ema(ema_momentum, ema_overwrite_frequency)
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._slots: list[Any] = []
        self._averages: list[Variable] = []
        self._index: dict[int, int] = {}
        self._decay_excluded: tuple[set[int], re.Pattern[str] | None] = (set(), None)
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        self._rate = LearningRate(learning_rate, self.name)
        if self._rate.own:
            self._variables.append(self._rate.source)

    # what a subclass says

    def slots(self) -> dict[str, float]:
        """The slots that the rule needs for each variable, with their initial values."""
        return {}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The keyword arguments of the rule in this step, without the learning rate."""
        return {name: getattr(self, name) for name in self.hyperparameters}

    @property
    def at_rest(self) -> bool:
        """Whether a zero gradient leaves value and slots as they are, so that rows suffice."""
        return False

    # its state

    @property
    def iterations(self) -> Variable:
        """The number of steps that were applied, an int64 variable."""
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or what the schedule or function gives now."""
        return self._rate.now(self._iterations)

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        before = self._rate.source if self._rate.own else None
        self._rate.replace(learning_rate)
        if before is not None and not self._rate.own:
            self._variables = [v for v in self._variables if v is not before]

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables: iteration, learning rate and slots."""
        return self._variables[:]

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a variable of the optimizer; `initializer` is "zeros", "ones" or a number."""
        numpy_dtype = as_dtype(dtype or "float32").numpy_dtype
        sizes = static_shape(shape, "optimizers.Optimizer.add_variable", numpy_dtype)
        array = np.full(sizes, self._start(initializer), numpy_dtype)
        return self._made(array, f"{self.name}/{name or 'variable'}")

    def _start(self, initializer: Any) -> float:
        known = _INITIAL.get(initializer) if isinstance(initializer, str) else initializer
        return static_float(known, f"optimizers.{type(self).__name__}", "initializer")

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a slot: a variable like another one, in float32 for one of a 16-bit dtype."""
        check_variable(reference_variable, f"optimizers.{type(self).__name__}")
        array = filled(reference_variable, self._start(initializer))
        full = f"{self.name}/{reference_variable.name.split(':')[0]}_{name or 'var'}"
        return self._made(array, full)

    def _made(self, array: Any, name: str) -> Variable:
        with init_scope():
            made = Variable(array, trainable=False, name=name)
        self._variables.append(made)
        return made

    def build(self, var_list: Iterable[Any]) -> None:
        """Make the slots for these variables; the first `apply_gradients` does it."""
        if self.built:
            return
        variables = tensor_items(var_list, f"optimizers.{type(self).__name__}.build", "var_list")
        for variable in variables:
            check_variable(variable, f"optimizers.{type(self).__name__}")
            check_lasting(variable, f"optimizers.{type(self).__name__}")
        self._trainable_variables = variables
        self._index = {id(v): i for i, v in enumerate(variables)}
        if self.use_ema:
            self._averages = [self.add_variable_from_reference(v, "average") for v in variables]
        wanted = self.slots()
        for variable in variables:
            made = {n: self.add_variable_from_reference(variable, n, x) for n, x in wanted.items()}
            self._slots.append(self.slot_type(**made))
        self.built = True

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Let some variables not decay; to be called before the optimizer is built.

        Args:
            var_list: the variables.
            var_names: regular expressions; a variable whose name one of them matches is excluded.
        """
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay()` can only be configured before the optimizer is "
                "built."
            )
        function = f"optimizers.{type(self).__name__}.exclude_from_weight_decay"
        texts = [] if var_names is None else static_items(var_names, function, "var_names")
        if not all(isinstance(t, str) for t in texts):
            raise TypeError(
                f"gradtape.{function}: var_names must be strings, not {brief(var_names)}."
            )
        given = [] if var_list is None else tensor_items(var_list, function, "var_list")
        pattern = re.compile("|".join(texts)) if texts else None
        self._decay_excluded = ({id(v) for v in given}, pattern)

    # applying gradients

    def apply_gradients(self, grads_and_vars: Iterable[Any]) -> Any:
        """Move each variable by one step along its gradient.

        Args:
            grads_and_vars: pairs of a gradient (a tensor of the variable's shape, an
                `IndexedSlices`, or None to skip the variable) and a variable; a zip will do.

        Returns:
            `iterations`; in a graph that sessions run, the operation that takes the step.

        Raises:
            ValueError: when no pair has a gradient, or the optimizer was built without a variable.
            TypeError: when a pair is malformed.
            InvalidArgumentError: when a gradient does not fit its variable.

        Equal indices of an `IndexedSlices` add up first, and the result is that of the dense
        gradient. No derivative passes through the assignment: to differentiate through a step, as
        meta-learning does, write it as an expression, `w2 = w - rate * gradient`. Inside
        `tf.function` the step is recorded: one operation for each variable.

        Example:
            >>> import gradtape as tf
            >>> w = tf.Variable([1.0, 2.0])
            >>> with tf.GradientTape() as tape:
            ...     loss = w * w
            >>> optimizer = tf.optimizers.SGD(0.25)
            >>> int(optimizer.apply_gradients(zip(tape.gradient(loss, [w]), [w])))
            1
            >>> w.numpy()
            array([0.5, 1. ], dtype=float32)
        """
        function = f"optimizers.{type(self).__name__}.apply_gradients"
        pairs = [self._pair(i) for i in tensor_items(grads_and_vars, function, "grads_and_vars")]
        if not pairs:
            raise ValueError(
                "No gradients provided for any variable: grads_and_vars is empty. A zip can be "
                "read only once; write list(zip(gradients, variables)) to read it twice."
            )
        operation = self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations if operation is None else operation

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        """Move the variables by one step along their gradients; see `apply_gradients`.

        Args:
            grads: one gradient, or None, for each variable.
            trainable_variables: the variables; by default those that the optimizer was built with.

        Returns:
            None; in a graph that sessions run, the operation that takes the step.
        """
        grads = tensor_items(grads, f"optimizers.{type(self).__name__}.apply", "grads")
        if not grads:
            return None
        variables = self._known(grads, trainable_variables)
        grads, variables = _without_none(grads, variables)
        label = f"optimizers.{type(self).__name__}"
        ready = [
            prepared(g, v, label, self._by_rows) for g, v in zip(grads, variables, strict=True)
        ]
        if self._clip is not None:
            ready = self._clip(ready)
        with together(self.name) as done:
            step = number_of(self._iterations) + 1
            self._step(ready, variables, step)
            for gradient, variable in zip(grads, variables, strict=True):
                for lookout in lookouts:
                    lookout.changed(variable, "a step of the optimizer", (gradient,))
            for variable in variables:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable))
            if self.use_ema:
                self._average(step)
            put(self._iterations, step)
        return done.operation

    def _pair(self, item: Any) -> tuple[Any, Any]:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(
                f"gradtape.optimizers.{type(self).__name__}.apply_gradients: {brief(item)} is no "
                "pair of a gradient and a variable. Write zip(gradients, variables)."
            )
        return item[0], item[1]

    def _known(self, grads: list[Any], trainable_variables: Any) -> list[Any]:
        """The variables of the gradients, after building if need be."""
        if trainable_variables is not None:
            variables = list(trainable_variables)
            self.build(variables)
        elif self.built:
            variables = self._trainable_variables
        else:
            raise ValueError(
                "When passing `grads` without `variables`, the optimizer must already be built "
                "on a list of variables. Call `optimizer.build(trainable_variables)` first."
            )
        if len(grads) != len(variables):
            raise ValueError(
                f"gradtape.optimizers.{type(self).__name__}.apply: {len(grads)} gradients for "
                f"{len(variables)} variables. Pass one gradient, or None, for each."
            )
        for variable in variables:
            self._position(variable)
        return variables

    def _position(self, variable: Any) -> int:
        index = self._index.get(id(variable))
        if index is None:
            check_variable(variable, f"optimizers.{type(self).__name__}")
            check_lasting(variable, f"optimizers.{type(self).__name__}")
            raise ValueError(
                f"Unknown variable: {variable!r}. This optimizer can only be called for the "
                "variables it was originally built with. When working with a new set of variables, "
                "you should recreate a new optimizer instance."
            )
        return index

    @property
    def _by_rows(self) -> bool:
        return self.at_rest and not self._own_step

    @property
    def _own_step(self) -> bool:
        """Whether a subclass moves the variables itself."""
        return type(self).update_step is not Optimizer.update_step

    def _step(self, gradients: list[Any], variables: list[Any], step: Any) -> None:
        rate = self._rate.number(self._iterations)
        if self._own_step:
            for gradient, variable in zip(gradients, variables, strict=True):
                decay = self._decay(variable, rate)
                if decay is not None:
                    variable.assign_sub(variable * beside(variable, decay))
                self.update_step(public(gradient, variable), variable, beside(variable, rate))
            return
        arguments = {"learning_rate": rate, **self.rule_arguments(step)}
        for gradient, variable in zip(gradients, variables, strict=True):
            self._move(gradient, variable, arguments, self._decay(variable, rate))

    def _move(
        self, gradient: Any, variable: Any, arguments: dict[str, Any], decay: Any = None
    ) -> None:
        rule = type(self).rule
        if rule is None:
            raise NotImplementedError(
                f"Optimizer {type(self).__name__} must override "
                "`update_step(self, gradient, variable, learning_rate)`."
            )
        slots = self._slots[self._position(variable)]
        move(rule, gradient, variable, slots, arguments, by_rows=self.at_rest, decay=decay)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable by one step: what users' own optimizers override.

        Args:
            gradient: a tensor of the variable's shape, or `IndexedSlices`, clipped; inside a
                function or graph always a tensor.
            variable: the variable, decayed.
            learning_rate: the learning rate, a number; inside a function or graph a scalar tensor
                of the variable's dtype.
        """
        arguments = {
            "learning_rate": number_of(learning_rate),
            **self.rule_arguments(number_of(self._iterations) + 1),
        }
        label = f"optimizers.{type(self).__name__}.update_step"
        ready = prepared(gradient, variable, label, self.at_rest)
        self._move(ready, variable, arguments)

    def _decay(self, variable: Any, rate: Any) -> Any:
        """The part by which weight decay shrinks a variable in this step, None where it does
        not."""
        if not self.weight_decay:
            return None
        excluded, pattern = self._decay_excluded
        if id(variable) in excluded or (pattern and pattern.search(variable.name)):
            return None
        return self.weight_decay * rate

    def _average(self, step: Any) -> None:
        """Move the averages; in the first step they become the values."""
        weight = self.ema_momentum * number_of(step > 1)
        label = f"optimizers.{type(self).__name__}"
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            followed = prepared(variable, average, label, False)
            move(follow, followed, average, FollowSlots(), {"weight": weight})
        if self.ema_overwrite_frequency:  # not `== 0`, which compares identities in old graphs
            self._overwrite(step % self.ema_overwrite_frequency < 1)

    def _overwrite(self, due: Any) -> None:
        """Give the variables their averages as values, if it is due."""
        if not isinstance(due, Tensor):
            if due:
                self.finalize_variable_values(self._trainable_variables)
            return
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            put(variable, where(due, cast(average.value(), variable._dtype), variable))

    def finalize_variable_values(self, var_list: Any) -> None:
        """Give the variables their averages as values, where `use_ema` is set."""
        for variable in var_list if self.use_ema else ():
            put(variable, self._averages[self._position(variable)].value())

    def minimize(self, loss: Any, var_list: Any, tape: GradientTape | None = None) -> Any:
        """Differentiate a loss and move the variables by one step.

        Args:
            loss: a function without arguments that computes the loss, or a tensor.
            var_list: the variables, or a function that returns them.
            tape: the tape that recorded the loss; needed when it is a tensor.

        Returns:
            What `apply_gradients` returns.

        Example:
            >>> import gradtape as tf
            >>> x = tf.Variable(2.0)
            >>> int(tf.optimizers.SGD(0.25).minimize(lambda: x * x, [x]))
            1
            >>> float(x)
            1.0
        """
        if not callable(loss) and tape is None:
            raise ValueError(
                "`tape` is required when a `Tensor` loss is passed. "
                f"Received: loss={brief(loss)}, tape=None. Pass a function that computes the loss."
            )
        if tape is None:
            tape = GradientTape()
        if not isinstance(tape, GradientTape):
            raise TypeError(
                f"gradtape.optimizers.{type(self).__name__}.minimize: tape must be a GradientTape, "
                f"not {brief(tape)}."
            )
        if callable(loss):
            with tape:
                loss = loss()
        variables = nest.flatten(var_list() if callable(var_list) else var_list)
        return self.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    # being described

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor that make an optimizer like this one, without state."""
        config = {
            "name": self.name,
            "learning_rate": self._rate.config(),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": None,
            "gradient_accumulation_steps": None,
        }
        return config | {name: getattr(self, name) for name in self.hyperparameters}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make an optimizer from what `get_config` returned."""
        if not isinstance(config, dict) or "learning_rate" not in config:
            raise TypeError(
                f"gradtape.optimizers.{cls.__name__}.from_config: needs the dict that get_config "
                f"returned, not {brief(config)}."
            )
        rate = rate_from_config(config["learning_rate"], custom_objects)
        return cls(**{**config, "learning_rate": rate})

    def __repr__(self) -> str:
        config = self.get_config()
        source = self._rate.source
        config["learning_rate"] = source if callable(source) else config["learning_rate"]
        shown = ("learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
        shown = [n for n in shown if config[n] is not None] + list(self.hyperparameters)
        text = ", ".join(f"{name}={config[name]!r}" for name in shown)
        return f"<{type(self).__name__}({text}) after {int(self._iterations)} steps>"


_INITIAL: dict[Any, Any] = {"zeros": 0.0, "ones": 1.0}


def _without_none(grads: list[Any], variables: list[Any]) -> tuple[list[Any], list[Any]]:
    """The pairs that have a gradient; warn of the others, raise if there is none."""
    found = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not found:
        raise ValueError("No gradients provided for any variable.")
    if len(found) < len(variables):
        names = [v.name for g, v in zip(grads, variables, strict=True) if g is None]
        warnings.warn(
            f"Gradients do not exist for variables {names} when minimizing the loss: "
            "the loss does not depend on them, or not in a differentiable way.",
            stacklevel=4,
        )
    return [g for g, _ in found], [v for _, v in found]
