"""The part of Keras's optimizers that a backend supplies: the update itself.

What Keras shares among optimizers stays Keras's: clipping, weight decay, averages, accumulation,
constraints. The step of an optimizer that `gradtape.train.rules` knows is taken by that rule, once
for each variable, at once or recorded. Keras's other optimizers take their own steps, compiled for
all variables together, and those of users do what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras.src.backend.common import KerasVariable
from keras.src.backend.common.stateless_scope import in_stateless_scope
from keras.src.optimizers import base_optimizer

import gradtape as tf
from gradtape.train.moving import move, number_of, prepared
from gradtape.train.rules.adadelta import AdadeltaSlots, adadelta
from gradtape.train.rules.adagrad import AdagradSlots, adagrad
from gradtape.train.rules.adam import AdamSlots, adam
from gradtape.train.rules.adamax import AdamaxSlots, adamax
from gradtape.train.rules.ftrl import FtrlSlots, ftrl
from gradtape.train.rules.lion import LionSlots, lion
from gradtape.train.rules.nadam import NadamSlots, nadam, schedule
from gradtape.train.rules.rmsprop import RMSpropSlots, rmsprop
from gradtape.train.rules.sgd import SGDSlots, sgd
from keras_gradtape.src.ops.core import convert_to_tensor

KERAS = "keras.src.optimizers."


class Known(NamedTuple):
    """How an optimizer of Keras's calls a rule.

    Attributes:
        rule: the rule.
        kind: its named tuple of slots.
        slots: the attributes of the optimizer that hold these, a list for all variables each.
        arguments: the rule's keyword arguments besides the learning rate, from the optimizer and
            the number of the step.
        at_rest: whether a zero gradient changes nothing, so that rows of it may be left out.
    """

    rule: Any
    kind: Any
    slots: tuple[str, ...]
    arguments: Callable[[Any, Any], dict[str, Any]]
    at_rest: Callable[[Any], bool] = lambda optimizer: False


def _named(*names: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Arguments that the optimizer has as attributes of the same names."""
    return lambda optimizer, step: {name: getattr(optimizer, name) for name in names}


def _adam(optimizer: Any, step: Any) -> dict[str, Any]:
    powers = (optimizer.beta_1**step, optimizer.beta_2**step)
    return {**_named("beta_1", "beta_2", "epsilon")(optimizer, step), "powers": powers}


def _adamax(optimizer: Any, step: Any) -> dict[str, Any]:
    shared = _named("beta_1", "beta_2", "epsilon")(optimizer, step)
    return {**shared, "power": optimizer.beta_1**step}


def _nadam(optimizer: Any, step: Any) -> dict[str, Any]:
    momenta = (schedule(optimizer.beta_1, step), schedule(optimizer.beta_1, step + 1))
    product = number_of(convert_to_tensor(optimizer._u_product))
    changing = {"momenta": momenta, "product": product, "power": optimizer.beta_2**step}
    return {**_named("beta_1", "beta_2", "epsilon")(optimizer, step), **changing}


def _ftrl(optimizer: Any, step: Any) -> dict[str, Any]:
    return {
        "learning_rate_power": optimizer.learning_rate_power,
        "l1": optimizer.l1_regularization_strength,
        "l2": optimizer.l2_regularization_strength,
        "shrinkage": optimizer.l2_shrinkage_regularization_strength,
        "beta": optimizer.beta,
    }


# by the module and name of the method that takes Keras's own step: who overrides it is not here
KNOWN = {
    "sgd.SGD.update_step": Known(
        sgd, SGDSlots, ("momentums",), _named("momentum", "nesterov"), lambda o: not o.momentum
    ),
    "adam.Adam.update_step": Known(
        adam, AdamSlots, ("_momentums", "_velocities", "_velocity_hats"), _adam
    ),
    "adamax.Adamax.update_step": Known(adamax, AdamaxSlots, ("_m", "_u"), _adamax),
    "nadam.Nadam.update_step": Known(nadam, NadamSlots, ("_momentums", "_velocities"), _nadam),
    "lion.Lion.update_step": Known(lion, LionSlots, ("_momentums",), _named("beta_1", "beta_2")),
    "rmsprop.RMSprop.update_step": Known(
        rmsprop,
        RMSpropSlots,
        ("_velocities", "_momentums", "_average_gradients"),
        _named("rho", "momentum", "epsilon"),
    ),
    "adagrad.Adagrad.update_step": Known(
        adagrad, AdagradSlots, ("_accumulators",), _named("epsilon"), lambda o: True
    ),
    "adadelta.Adadelta.update_step": Known(
        adadelta,
        AdadeltaSlots,
        ("_accumulated_grads", "_accumulated_delta_vars"),
        _named("rho", "epsilon"),
    ),
    "ftrl.Ftrl.update_step": Known(ftrl, FtrlSlots, ("_accumulators", "_linears"), _ftrl),
}


class BackendOptimizer(base_optimizer.BaseOptimizer):
    """What every optimizer of Keras's is on gradtape."""

    def _backend_update_step(
        self, grads: Any, trainable_variables: Any, learning_rate: Any
    ) -> None:
        """Move the variables by one step."""
        method = type(self).update_step
        ours = method.__module__.startswith(KERAS) and not in_stateless_scope()
        known = KNOWN.get(f"{method.__module__.removeprefix(KERAS)}.{method.__qualname__}")
        if ours and known is not None:
            self._step_by_rule(known, grads, trainable_variables, learning_rate)
        elif ours and tf.executing_eagerly():
            self._compiled_step(trainable_variables)(list(grads), convert_to_tensor(learning_rate))
        else:
            super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _step_by_rule(
        self, known: Known, grads: Any, trainable_variables: Any, learning_rate: Any
    ) -> None:
        step = number_of(convert_to_tensor(self.iterations)) + 1
        arguments = known.arguments(self, step)
        arguments["learning_rate"] = number_of(convert_to_tensor(learning_rate))
        slots = [getattr(self, name, None) or None for name in known.slots]
        by_rows = known.at_rest(self)
        label = f"keras.optimizers.{type(self).__name__}"
        for gradient, variable in zip(grads, trainable_variables):
            index = self._get_variable_index(variable)
            held = known.kind(*[None if s is None else s[index]._value for s in slots])
            cell = variable._value if isinstance(variable, KerasVariable) else variable
            ready = prepared(gradient, cell, label, by_rows)
            move(known.rule, ready, cell, held, arguments, by_rows=by_rows)

    def _compiled_step(self, trainable_variables: Any) -> Any:
        """Keras's own step for some variables, as one function."""
        compiled = self.__dict__.setdefault("_compiled_steps", {})
        key = tuple([id(v) for v in trainable_variables])
        if key not in compiled:
            variables = list(trainable_variables)
            step = super()._backend_update_step
            compiled[key] = tf.function(
                lambda grads, rate: step(grads, variables, rate), autograph=False
            )
        return compiled[key]
