"""The learning rate of an optimizer: a number in a variable, a schedule, or a function."""

from __future__ import annotations

from typing import Any

from gradtape.core.asked import located
from gradtape.core.errors import brief
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.train.moving import number_of, put
from gradtape.train.options import number
from gradtape.train.schedules import LearningRateSchedule, deserialize, serialize


class LearningRate:
    """Where an optimizer finds its learning rate.

    `source` is a variable, a schedule or a function without arguments; `own` says that the variable
    was made here from a number, in float32 as Keras does. Who wants a rate exact in float64 passes
    a float64 variable or a function.
    """

    def __init__(self, given: Any, owner: str) -> None:
        self.own = False
        self.source: Any = given
        if not (isinstance(given, Variable) or callable(given)):
            self.own = True
            self.source = Variable(
                _unwrapped(given),
                dtype="float32",
                trainable=False,
                name=f"{owner}/learning_rate",
            )
        elif isinstance(given, Variable) and given._shape != ():
            raise ValueError(
                located(
                    "`learning_rate` must be a number or a scalar variable. "
                    f"Received: {brief(given)}"
                )
            )

    def now(self, step: Any) -> Any:
        """The variable, or what the schedule or function gives at this step."""
        source = self.source
        if isinstance(source, Variable):
            return source
        return source(step) if isinstance(source, LearningRateSchedule) else source()

    def number(self, step: Any) -> Any:
        """The rate at this step as a Python number, in a graph as a float64 tensor."""
        found = self.now(step)
        try:
            return number_of(found)
        except (TypeError, ValueError):
            raise ValueError(
                f"gradtape.optimizers: the learning rate is {brief(found)}, not one number. "
                "A schedule or function must return a scalar."
            ) from None

    def replace(self, given: Any) -> None:
        """Assign a number to the variable, or put a schedule, function or variable in its place."""
        if isinstance(given, Variable) or callable(given):
            self.source, self.own = LearningRate(given, "").source, False
        elif isinstance(self.source, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its "
                "`learning_rate` constructor argument, hence its learning rate is not settable. If "
                "you need the learning rate to be settable, you should instantiate the optimizer "
                "with a float `learning_rate` argument."
            )
        elif isinstance(self.source, Variable):
            put(self.source, _unwrapped(given))
        else:
            raise TypeError(
                "This optimizer was created with a function as its `learning_rate`: "
                "assign another function or a variable."
            )

    def config(self) -> Any:
        """The rate for `get_config`: a number, a schedule's dict, or the function itself."""
        if isinstance(self.source, LearningRateSchedule):
            return serialize(self.source)
        # the shortest decimal that is this float32: 0.001 and not 0.0010000000474974513
        return float(str(self.source.numpy())) if isinstance(self.source, Variable) else self.source


def _unwrapped(value: Any) -> Any:
    """A rate as a number, checked; a scalar tensor that has no value yet as it is."""
    if isinstance(value, Tensor) and value._shape == ():
        if not value.concrete:
            return value
        value = value.numpy()
    return number(value, "learning_rate")


def rate_from_config(config: Any, custom_objects: Any = None) -> Any:
    """Undo `LearningRate.config`."""
    return deserialize(config, custom_objects) if isinstance(config, dict) else config
