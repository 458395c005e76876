"""The optimizers of `tf.compat.v1.train`, with TensorFlow's constructors and formulas."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradtape.core.asked import located
from gradtape.core.surroundings import init_scope
from gradtape.core.variable import Variable
from gradtape.train.moving import number_of, put
from gradtape.train.optimizer_v1 import OptimizerV1, value_of
from gradtape.train.options import number
from gradtape.train.rules.adadelta import AdadeltaSlots, adadelta
from gradtape.train.rules.adagrad import AdagradSlots, adagrad
from gradtape.train.rules.adagrad_da import AdagradDASlots, adagrad_da
from gradtape.train.rules.adam import AdamSlots, adam
from gradtape.train.rules.ftrl import FtrlSlots, ftrl
from gradtape.train.rules.momentum import MomentumSlots, heavy_ball
from gradtape.train.rules.proximal import (
    ProximalSlots,
    proximal_adagrad,
    proximal_gradient_descent,
)
from gradtape.train.rules.rmsprop import RMSpropSlots, rmsprop
from gradtape.train.rules.sgd import SGDSlots, sgd


class GradientDescentOptimizer(OptimizerV1):
    """Gradient descent: w <- w - lr g.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.25)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.0
    """

    rule = staticmethod(sgd)
    slot_type = SGDSlots

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate


class MomentumOptimizer(OptimizerV1):
    """Gradient descent with momentum: a <- momentum a + g, w <- w - lr a.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        momentum: likewise.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.
        use_nesterov: w <- w - lr g - lr momentum a instead.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.MomentumOptimizer(0.25, momentum=0.5)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.0
    """

    rule = staticmethod(heavy_ball)
    slot_type = MomentumSlots

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._momentum = learning_rate, momentum
        self._nesterov = use_nesterov

    def slots(self) -> dict[str, tuple[str, float]]:
        """The accumulated gradient."""
        return {"momentum": ("momentum", 0.0)}

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.momentum`."""
        return {"momentum": value_of(self._momentum, "momentum"), "nesterov": self._nesterov}


class AdamOptimizer(OptimizerV1):
    """Adam (Kingma and Ba 2014); epsilon is 1e-8 here and 1e-7 in `tf.optimizers.Adam`.

    A sparse gradient counts as the dense one: the moments of all rows decay, and all rows move.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        beta1: the decay of the mean of gradients.
        beta2: the decay of the mean of squared gradients.
        epsilon: added to the root of the mean square.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.
        use_own_namescope_for_non_slot_vars: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.AdamOptimizer(0.25)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.75
    """

    rule = staticmethod(adam)
    slot_type = AdamSlots
    by_rows = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
        use_own_namescope_for_non_slot_vars: bool = False,
    ) -> None:
        super().__init__(use_locking, name, use_own_namescope_for_non_slot_vars)
        self._learning_rate = learning_rate
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon

    def slots(self) -> dict[str, tuple[str, float]]:
        """The two means."""
        return {"momentum": ("m", 0.0), "velocity": ("v", 0.0)}

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.adam`."""
        betas = value_of(self._beta1, "beta1"), value_of(self._beta2, "beta2")
        for name, given in self._powers():
            if name not in self._other:
                start = partial(value_of, given, name)
                with init_scope():
                    power = Variable(start, trainable=False, name=name, dtype="float64")
                self._other[name] = power
        powers = number_of(self._other["beta1_power"]), number_of(self._other["beta2_power"])
        decays = {"beta_1": betas[0], "beta_2": betas[1], "powers": powers}
        return {**decays, "epsilon": value_of(self._epsilon, "epsilon")}

    def finish(self) -> None:
        """Raise the powers of the betas."""
        for name, beta in self._powers():
            power = self._other[name]
            put(power, number_of(power) * value_of(beta, name))

    def _powers(self) -> list[tuple[str, Any]]:
        return [("beta1_power", self._beta1), ("beta2_power", self._beta2)]


class AdagradOptimizer(OptimizerV1):
    """Adagrad (Duchi, Hazan and Singer 2011): a <- a + g^2, w <- w - lr g / sqrt(a).

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        initial_accumulator_value: where the sum of squares starts, positive.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.AdagradOptimizer(0.25)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.7508
    """

    rule = staticmethod(adagrad)
    slot_type = AdagradSlots

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial = _positive(initial_accumulator_value, "initial_accumulator_value")

    def slots(self) -> dict[str, tuple[str, float]]:
        """The sum of squares."""
        return {"accumulator": ("accumulator", self._initial)}


class RMSPropOptimizer(OptimizerV1):
    """RMSprop (Hinton 2012), whose mean square starts at 1.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        decay: the decay of the mean.
        momentum: the decay of the sum of past steps.
        epsilon: added to the mean under the root.
        use_locking: ignored, for compatibility.
        centered: whether to divide by the deviation from the mean gradient.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.RMSPropOptimizer(0.25)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.3675
    """

    rule = staticmethod(rmsprop)
    slot_type = RMSpropSlots

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._decay, self._momentum, self._epsilon = decay, momentum, epsilon
        self._centered = centered

    def slots(self) -> dict[str, tuple[str, float]]:
        """The mean square, the mean gradient if centered, and the sum of past steps."""
        wanted = {"velocity": ("rms", 1.0), "momentum": ("momentum", 0.0)}
        return wanted | ({"average_gradient": ("mg", 0.0)} if self._centered else {})

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.rmsprop`."""
        return {
            "rho": value_of(self._decay, "decay"),
            "momentum": value_of(self._momentum, "momentum"),
            "epsilon": value_of(self._epsilon, "epsilon"),
        }


class AdadeltaOptimizer(OptimizerV1):
    """Adadelta (Zeiler 2012, arXiv:1212.5701).

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        rho: the decay of both means.
        epsilon: added to both means under the root.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.AdadeltaOptimizer(0.25, epsilon=0.01)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.8889
    """

    rule = staticmethod(adadelta)
    slot_type = AdadeltaSlots

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.95,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._rho, self._epsilon = learning_rate, rho, epsilon

    def slots(self) -> dict[str, tuple[str, float]]:
        """The means of squared gradients and of squared steps."""
        names = {"accumulated_grad": "accum", "accumulated_delta_var": "accum_update"}
        return {field: (name, 0.0) for field, name in names.items()}

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.adadelta`."""
        return {"rho": value_of(self._rho, "rho"), "epsilon": value_of(self._epsilon, "epsilon")}


class AdagradDAOptimizer(OptimizerV1):
    """Adagrad by dual averaging (Duchi, Hazan and Singer 2011), which keeps unseen weights at zero.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        global_step: the variable that counts the steps so far; pass it to `minimize` as well.
        initial_gradient_squared_accumulator_value: where the sum of squares starts, positive.
        l1_regularization_strength: not negative.
        l2_regularization_strength: not negative.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.AdagradDAOptimizer(0.25, global_step=tf.Variable(0))
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        -0.2492
    """

    rule = staticmethod(adagrad_da)
    slot_type = AdagradDASlots

    def __init__(
        self,
        learning_rate: Any,
        global_step: Any,
        initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._initial = _positive(
            initial_gradient_squared_accumulator_value,
            "initial_gradient_squared_accumulator_value",
        )
        self._l1 = number(l1_regularization_strength, "l1_regularization_strength", least=0.0)
        self._l2 = number(l2_regularization_strength, "l2_regularization_strength", least=0.0)

    def slots(self) -> dict[str, tuple[str, float]]:
        """The sums of gradients and of their squares."""
        squares = "gradient_squared_accumulator"
        first = {"gradient_accumulator": ("gradient_accumulator", 0.0)}
        return first | {squares: (squares, self._initial)}

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.adagrad_da`."""
        step = value_of(self._global_step, "global_step") + 1
        return {"l1": self._l1, "l2": self._l2, "step": step}


class FtrlOptimizer(OptimizerV1):
    """FTRL-proximal (McMahan et al. 2013), which sets small weights to exactly zero.

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        learning_rate_power: how steps shrink, at most 0.
        initial_accumulator_value: where the sum of squared gradients starts, not negative.
        l1_regularization_strength: not negative.
        l2_regularization_strength: not negative.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.
        accum_name: ignored, for compatibility.
        linear_name: ignored, for compatibility.
        l2_shrinkage_regularization_strength: not negative; adds 2 * this * w to the gradient.
        beta: the paper's beta.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> optimizer = tf.compat.v1.train.FtrlOptimizer(0.25)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.5932
    """

    rule = staticmethod(ftrl)
    slot_type = FtrlSlots

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float | None = None,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial = number(initial_accumulator_value, "initial_accumulator_value", least=0.0)
        self._arguments = {
            "learning_rate_power": number(learning_rate_power, "learning_rate_power", most=0.0),
            "l1": number(l1_regularization_strength, "l1_regularization_strength", least=0.0),
            "l2": number(l2_regularization_strength, "l2_regularization_strength", least=0.0),
            "shrinkage": number(
                l2_shrinkage_regularization_strength,
                "l2_shrinkage_regularization_strength",
                least=0.0,
            ),
            "beta": number(beta or 0.0, "beta"),
        }

    def slots(self) -> dict[str, tuple[str, float]]:
        """The sum of squares and the linear term."""
        return {"accumulator": ("accum", self._initial), "linear": ("linear", 0.0)}

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.ftrl`."""
        return self._arguments


class ProximalGradientDescentOptimizer(OptimizerV1):
    """Gradient descent with the proximal map of l1 and l2 penalties (Duchi and Singer 2009).

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        l1_regularization_strength: not negative.
        l2_regularization_strength: not negative.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> kind = tf.compat.v1.train.ProximalGradientDescentOptimizer
        >>> optimizer = kind(0.25, l1_regularization_strength=0.5)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        0.875
    """

    rule = staticmethod(proximal_gradient_descent)
    slot_type = ProximalSlots

    def __init__(
        self,
        learning_rate: Any,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalGradientDescent",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1 = number(l1_regularization_strength, "l1_regularization_strength", least=0.0)
        self._l2 = number(l2_regularization_strength, "l2_regularization_strength", least=0.0)

    def rule_arguments(self) -> dict[str, Any]:
        """The arguments of `rules.proximal`."""
        return {"l1": self._l1, "l2": self._l2}


class ProximalAdagradOptimizer(ProximalGradientDescentOptimizer):
    """Adagrad with the proximal map of l1 and l2 penalties (Duchi and Singer 2009).

    Args:
        learning_rate: a number, tensor or variable, or a function that returns one.
        initial_accumulator_value: where the sum of squared gradients starts, positive.
        l1_regularization_strength: not negative.
        l2_regularization_strength: not negative.
        use_locking: ignored, for compatibility.
        name: the optimizer's name.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> kind = tf.compat.v1.train.ProximalAdagradOptimizer
        >>> optimizer = kind(0.25, l1_regularization_strength=0.5)
        >>> optimizer.minimize(lambda: x * x)
        >>> round(float(x), 4)
        1.7196
    """

    rule = staticmethod(proximal_adagrad)
    slot_type = AdagradSlots

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalAdagrad",
    ) -> None:
        strengths = (l1_regularization_strength, l2_regularization_strength)
        super().__init__(learning_rate, *strengths, use_locking, name)
        self._initial = _positive(initial_accumulator_value, "initial_accumulator_value")

    def slots(self) -> dict[str, tuple[str, float]]:
        """The sum of squares."""
        return {"accumulator": ("accumulator", self._initial)}


def _positive(value: Any, name: str) -> float:
    if not number(value, name) > 0.0:
        raise ValueError(located(f"{name} must be positive: {value}"))
    return float(value)
