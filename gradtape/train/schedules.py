"""Learning-rate schedules: functions of the step, with the constructors and formulas of Keras 3.

They are computed in float64 and returned in the dtype of the initial rate, float32 for a number.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, ClassVar

import numpy as np

from gradtape.core.asked import located
from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import maximum, minimum
from gradtape.ops.basis import cast
from gradtape.ops.choosing import where
from gradtape.ops.exponential import log
from gradtape.ops.static import tensor_items
from gradtape.ops.stepwise import ceil, floor
from gradtape.ops.trigonometric import cos
from gradtape.train.options import number

DOUBLE = np.dtype(np.float64)


class LearningRateSchedule:
    """The base class of schedules: override `__call__(step)`, and `get_config()` to serialize.

    Example:
        >>> import gradtape as tf
        >>> class Halving(tf.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5 ** tf.cast(step, tf.float32)
        >>> optimizer = tf.optimizers.SGD(Halving())
        >>> float(optimizer.learning_rate)
        1.0
    """

    parameters: ClassVar[tuple[str, ...]] = ()

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor that make a schedule like this one."""
        if not self.parameters:
            raise NotImplementedError(
                f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in "
                "order to be serializable."
            )
        return {name: getattr(self, name) for name in self.parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a schedule from what `get_config` returned."""
        if not isinstance(config, dict):
            raise TypeError(
                f"gradtape.optimizers.schedules.{cls.__name__}.from_config: needs a dict, not "
                f"{brief(config)}."
            )
        return cls(**config)

    def __repr__(self) -> str:
        text = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.parameters)
        return f"{type(self).__name__}({text})"


class _Decay(LearningRateSchedule):
    """A schedule that scales an initial rate, computed in float64."""

    initial_learning_rate: Any

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        rate = self._rate(_double(step), _double(self.initial_learning_rate))
        return cast(rate, as_tensor(self.initial_learning_rate)._dtype)

    def _rate(self, step: Any, initial: Any) -> Any:
        raise NotImplementedError


class ExponentialDecay(_Decay):
    """Multiply the rate by `decay_rate` every `decay_steps` steps.

    initial_learning_rate * decay_rate ** (step / decay_steps); with `staircase` the quotient is
    rounded down.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: a positive number.
        decay_rate: the factor.
        staircase: whether the rate moves in stairs.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.optimizers.schedules.ExponentialDecay(1.0, 10, 0.25)(5))
        0.5
    """

    parameters = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        decay_rate: Any,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = _rate_given(initial_learning_rate, "initial_learning_rate")
        self.decay_steps = _steps(decay_steps, "decay_steps")
        _numbers(decay_rate=decay_rate)
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def _rate(self, step: Any, initial: Any) -> Any:
        return initial * _double(self.decay_rate) ** _stairs(step, self)


class InverseTimeDecay(_Decay):
    """Divide the rate by 1 + decay_rate * step / decay_steps.

    With `staircase` the quotient of steps is rounded down.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: a positive number.
        decay_rate: how fast the rate falls.
        staircase: whether the rate moves in stairs.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.optimizers.schedules.InverseTimeDecay(1.0, 10, 0.5)(20))
        0.5
    """

    parameters = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        decay_rate: Any,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = _rate_given(initial_learning_rate, "initial_learning_rate")
        self.decay_steps = _steps(decay_steps, "decay_steps")
        _numbers(decay_rate=decay_rate)
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def _rate(self, step: Any, initial: Any) -> Any:
        return initial / (1.0 + _double(self.decay_rate) * _stairs(step, self))


class PolynomialDecay(_Decay):
    """Fall from the initial to the end rate in `decay_steps` steps, along a power of the rest.

    (initial - end) * (1 - step / decay_steps) ** power + end. After `decay_steps` the rate stays;
    with `cycle` it starts again, with the next multiple of `decay_steps` in their place.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: a positive number.
        end_learning_rate: the rate at the end.
        power: 1 for a straight line.
        cycle: whether to start again.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.optimizers.schedules.PolynomialDecay(1.0, 10, 0.0, power=2.0)(5))
        0.25
    """

    parameters = (
        "initial_learning_rate",
        "decay_steps",
        "end_learning_rate",
        "power",
        "cycle",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        end_learning_rate: Any = 0.0001,
        power: Any = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = _rate_given(initial_learning_rate, "initial_learning_rate")
        self.decay_steps = _steps(decay_steps, "decay_steps")
        _numbers(end_learning_rate=end_learning_rate, power=power)
        self.end_learning_rate, self.power = end_learning_rate, power
        self.cycle, self.name = cycle, name

    def _rate(self, step: Any, initial: Any) -> Any:
        steps = _double(self.decay_steps)
        if self.cycle:
            steps = steps * maximum(ceil(step / steps), _double(1.0))
        else:
            step = minimum(step, steps)
        end = _double(self.end_learning_rate)
        return (initial - end) * (1.0 - step / steps) ** _double(self.power) + end


class PiecewiseConstantDecay(LearningRateSchedule):
    """Take a value for each stretch of steps: `values[i]` up to and including `boundaries[i]`.

    Args:
        boundaries: increasing steps.
        values: the rates, one more than there are boundaries.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> rate = tf.optimizers.schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25])
        >>> [float(rate(step)) for step in range(6)]
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
    """

    parameters = ("boundaries", "values", "name")

    def __init__(self, boundaries: Any, values: Any, name: str = "PiecewiseConstant") -> None:
        ends = tensor_items(boundaries, "optimizers.schedules.PiecewiseConstantDecay", "boundaries")
        rates = tensor_items(values, "optimizers.schedules.PiecewiseConstantDecay", "values")
        if len(ends) != len(rates) - 1:
            raise ValueError(
                located(
                    "The length of boundaries should be 1 less than the length of values."
                    f" Received: boundaries={boundaries} of length {len(ends)}, and values={values}"
                    f" of length {len(rates)}."
                )
            )
        for rate in rates:
            _rate_given(rate, "values")
        if any(b <= a for a, b in itertools.pairwise(number(e, "boundaries") for e in ends)):
            raise ValueError(
                located(f"`boundaries` must increase. Received: boundaries={boundaries}")
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        step = _double(step)
        rate = _double(self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = where(step > _double(boundary), _double(value), rate)
        return cast(rate, as_tensor(self.values[0])._dtype)


class CosineDecay(_Decay):
    """Fall along half a cosine, from the initial rate to `alpha` times it, after a linear warmup.

    rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha), after which the rate
    stays. With `warmup_target` the rate first rises in `warmup_steps` steps from the initial rate
    to the target, and falls from there. Loshchilov and Hutter 2016 (arXiv:1608.03983); warmup:
    Goyal et al. 2017 (arXiv:1706.02677).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: a positive number, without the warmup.
        alpha: the part of the rate that is left at the end.
        name: ignored, for compatibility.
        warmup_target: the rate after the warmup, None for no warmup.
        warmup_steps: the length of the warmup.

    Example:
        >>> import gradtape as tf
        >>> rate = tf.optimizers.schedules.CosineDecay(
        ...     0.0, 10, warmup_target=1.0, warmup_steps=4)
        >>> [round(float(rate(step)), 6) for step in (0, 2, 4, 9, 14)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    parameters = (
        "initial_learning_rate",
        "decay_steps",
        "alpha",
        "name",
        "warmup_target",
        "warmup_steps",
    )

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        alpha: Any = 0.0,
        name: str = "CosineDecay",
        warmup_target: Any = None,
        warmup_steps: Any = 0,
    ) -> None:
        self.initial_learning_rate = _rate_given(initial_learning_rate, "initial_learning_rate")
        self.decay_steps = _steps(decay_steps, "decay_steps")
        warmed = {} if warmup_target is None else {"warmup_target": warmup_target}
        _numbers(alpha=alpha, warmup_steps=warmup_steps or 0, **warmed)
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def _rate(self, step: Any, initial: Any) -> Any:
        if self.warmup_target is None or not self.warmup_steps:
            peak = initial if self.warmup_target is None else _double(self.warmup_target)
            return self._fall(step, peak)
        warmup, target = float(self.warmup_steps), _double(self.warmup_target)
        rising = (target - initial) * (step / warmup) + initial
        return where(step < warmup, rising, self._fall(step - warmup, target))

    def _fall(self, step: Any, peak: Any) -> Any:
        steps, alpha = _double(self.decay_steps), _double(self.alpha)
        return peak * ((1.0 - alpha) * _half_cosine(minimum(step, steps) / steps) + alpha)


class CosineDecayRestarts(_Decay):
    """Fall along half a cosine, and start again and again.

    The periods grow by `t_mul`, the rates at their start change by `m_mul`. Loshchilov and Hutter
    2016 (arXiv:1608.03983).

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: the length of the first period, a positive number.
        t_mul: the next period is so many times longer.
        m_mul: the next period starts so many times higher.
        alpha: the part of the initial rate that is left at the end of a period.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> rate = tf.optimizers.schedules.CosineDecayRestarts(1.0, 4)
        >>> [round(float(rate(step)), 6) for step in (0, 2, 4, 8, 12)]
        [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    parameters = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: Any,
        t_mul: Any = 2.0,
        m_mul: Any = 1.0,
        alpha: Any = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = _rate_given(initial_learning_rate, "initial_learning_rate")
        self.first_decay_steps = _steps(first_decay_steps, "first_decay_steps")
        self.t_mul = number(t_mul, "t_mul", least=1.0)
        _numbers(m_mul=m_mul, alpha=alpha)
        self.m_mul, self.alpha, self.name = m_mul, alpha, name

    def _rate(self, step: Any, initial: Any) -> Any:
        done = step / _double(self.first_decay_steps)
        # a quotient of logarithms may miss a whole number by its last digit
        nudge, growth = 1e-9, self.t_mul
        if growth == 1.0:
            restarts = floor(done + nudge)
            done = done - restarts
        else:
            restarts = floor(log(1.0 + done * (growth - 1.0)) / math.log(growth) + nudge)
            length = _double(growth) ** restarts
            done = (done - (length - 1.0) / (growth - 1.0)) / length
        wave = _double(self.m_mul) ** restarts * _half_cosine(done)
        alpha = _double(self.alpha)
        return initial * ((1.0 - alpha) * wave + alpha)


def _stairs(step: Any, schedule: Any) -> Any:
    fraction = step / _double(schedule.decay_steps)
    return floor(fraction) if schedule.staircase else fraction


def _half_cosine(fraction: Any) -> Any:
    return 0.5 * (1.0 + cos(math.pi * fraction))


def _double(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return Tensor(np.float64(value))
    return cast(as_tensor(value, "optimizers.schedules"), DOUBLE)


def _rate_given(value: Any, name: str) -> Any:
    if getattr(value, "__tf_tensor__", None) is not None or isinstance(value, Tensor):
        if as_tensor(value)._shape == ():
            return value
        raise ValueError(located(f"`{name}` must be one number. Received: {brief(value)}"))
    number(value, name)
    return float(value) if isinstance(value, int) else value


def _numbers(**given: Any) -> None:
    for name, value in given.items():
        _rate_given(value, name)


def _steps(value: Any, name: str) -> Any:
    if not number(value, name) > 0:
        raise ValueError(located(f"Argument `{name}` must be > 0. Received: {name}={value}"))
    return value


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Describe a schedule by a dict in Keras's form, with its class's name and its config.

    Example:
        >>> import gradtape as tf
        >>> rate = tf.optimizers.schedules.InverseTimeDecay(0.5, 10, 0.25)
        >>> described = tf.optimizers.schedules.serialize(rate)
        >>> described["class_name"], described["config"]["decay_steps"]
        ('InverseTimeDecay', 10)
    """
    if not isinstance(learning_rate_schedule, LearningRateSchedule):
        raise TypeError(
            "gradtape.optimizers.schedules.serialize: needs a LearningRateSchedule, not "
            f"{brief(learning_rate_schedule)}."
        )
    return {
        "module": "keras.optimizers.schedules",
        "class_name": type(learning_rate_schedule).__name__,
        "config": learning_rate_schedule.get_config(),
        "registered_name": None,
    }


def deserialize(config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Make a schedule from what `serialize` returned; `custom_objects` maps names to own classes.

    Example:
        >>> import gradtape as tf
        >>> schedules = tf.optimizers.schedules
        >>> described = schedules.serialize(schedules.PiecewiseConstantDecay([2], [1.0, 0.5]))
        >>> schedules.deserialize(described)
        PiecewiseConstantDecay(boundaries=[2], values=[1.0, 0.5], name='PiecewiseConstant')
    """
    for given in (config, {} if custom_objects is None else custom_objects):
        if not isinstance(given, dict):
            raise TypeError(
                f"gradtape.optimizers.schedules.deserialize: needs a dict, not {brief(given)}. "
                "Pass what serialize returned."
            )
    if not {"class_name", "config"} <= config.keys():
        raise ValueError(
            "gradtape.optimizers.schedules.deserialize: the dict needs the keys 'class_name' and "
            f"'config', not {sorted(map(str, config))}. Pass what serialize returned."
        )
    known = {kind.__name__: kind for kind in _SCHEDULES} | (custom_objects or {})
    kind = known.get(config["class_name"])
    if kind is None:
        raise ValueError(
            f"gradtape.optimizers.schedules.deserialize: no schedule {config['class_name']!r}. "
            "Pass custom_objects={name: class} for a schedule of your own."
        )
    return kind.from_config(config["config"])


_SCHEDULES = (
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
    PiecewiseConstantDecay,
    CosineDecay,
    CosineDecayRestarts,
)
