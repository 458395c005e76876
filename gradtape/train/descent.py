"""Optimizers without moments: SGD, Adagrad, RMSprop, Adadelta and Ftrl, as in Keras 3.15."""

from __future__ import annotations

from typing import Any, Unpack

from gradtape.train.optimizer import Optimizer
from gradtape.train.options import Common, number
from gradtape.train.rules.adadelta import AdadeltaSlots, adadelta
from gradtape.train.rules.adagrad import AdagradSlots, adagrad
from gradtape.train.rules.ftrl import FtrlSlots, ftrl
from gradtape.train.rules.rmsprop import RMSpropSlots, rmsprop
from gradtape.train.rules.sgd import SGDSlots, sgd


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's momentum.

    w <- w - lr g, or with momentum v <- momentum v - lr g, w <- w + v (Polyak 1964).

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        momentum: in [0, 1].
        nesterov: w <- w + momentum v - lr g instead.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.SGD(0.25).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> float(w)
        0.5
    """

    rule = staticmethod(sgd)
    slot_type = SGDSlots
    hyperparameters = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.momentum = number(momentum, "momentum", least=0.0, most=1.0)
        self.nesterov = nesterov

    def slots(self) -> dict[str, float]:
        """The velocity, if there is momentum."""
        return {"momentum": 0.0} if self.momentum else {}

    @property
    def at_rest(self) -> bool:
        """Without momentum."""
        return not self.momentum


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer 2011): steps shrink with the sum of squared gradients.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        initial_accumulator_value: where the sum starts, not negative.
        epsilon: added to the sum under the root.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> optimizer = tf.optimizers.Adagrad(0.5, initial_accumulator_value=0.0)
        >>> int(optimizer.apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        0.5
    """

    rule = staticmethod(adagrad)
    slot_type = AdagradSlots
    hyperparameters = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", least=0.0
        )
        self.epsilon = number(epsilon, "epsilon")

    def slots(self) -> dict[str, float]:
        """The sum of squares."""
        return {"accumulator": self.initial_accumulator_value}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.adagrad`."""
        return {"epsilon": self.epsilon}

    @property
    def at_rest(self) -> bool:
        """Always."""
        return True


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): the gradient over the root of a running mean of its square.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        rho: the decay of the mean.
        momentum: the decay of the sum of past steps, 0 for none.
        epsilon: added to the mean under the root.
        centered: whether to divide by the deviation from the mean gradient.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.RMSprop(0.5, rho=0.75).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        0.0
    """

    rule = staticmethod(rmsprop)
    slot_type = RMSpropSlots
    hyperparameters = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho = number(rho, "rho")
        self.momentum = number(momentum, "momentum", least=0.0)
        self.epsilon = number(epsilon, "epsilon")
        self.centered = centered

    def slots(self) -> dict[str, float]:
        """The mean square, and what momentum and centering need."""
        wanted = {"velocity": True, "momentum": self.momentum > 0}
        wanted["average_gradient"] = self.centered
        return {name: 0.0 for name, needed in wanted.items() if needed}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.rmsprop`."""
        return {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon}


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012, arXiv:1212.5701); its own form has learning_rate=1.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        rho: the decay of both means.
        epsilon: added to both means under the root.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> optimizer = tf.optimizers.Adadelta(1.0, rho=0.75, epsilon=1.0)
        >>> int(optimizer.apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        -0.4142
    """

    rule = staticmethod(adadelta)
    slot_type = AdadeltaSlots
    hyperparameters = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho, self.epsilon = number(rho, "rho"), number(epsilon, "epsilon")

    def slots(self) -> dict[str, float]:
        """The means of squared gradients and of squared steps."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}


class Ftrl(Optimizer):
    """FTRL-proximal (McMahan et al. 2013), which sets small weights to exactly zero.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        learning_rate_power: how steps shrink, at most 0; 0 for a fixed rate.
        initial_accumulator_value: where the sum of squared gradients starts, not negative.
        l1_regularization_strength: not negative.
        l2_regularization_strength: not negative.
        l2_shrinkage_regularization_strength: not negative; adds 2 * this * w to the gradient.
        beta: the paper's beta.
        **common: the other arguments of `Optimizer`.

    The first step replaces the value of every variable, with or without a gradient: FTRL takes it
    from the gradients seen so far, not from the initial value.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable([1.0, 1.0])
        >>> optimizer = tf.optimizers.Ftrl(0.5, l1_regularization_strength=0.5)
        >>> int(optimizer.apply_gradients([(tf.constant([4.0, 0.25]), w)]))
        1
        >>> w.numpy().round(4)
        array([0.3604, 0.    ], dtype=float32)
    """

    rule = staticmethod(ftrl)
    slot_type = FtrlSlots
    hyperparameters = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.learning_rate_power = number(learning_rate_power, "learning_rate_power", most=0.0)
        self.beta = number(beta, "beta")
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", least=0.0
        )
        self.l1_regularization_strength = number(
            l1_regularization_strength, "l1_regularization_strength", least=0.0
        )
        self.l2_regularization_strength = number(
            l2_regularization_strength, "l2_regularization_strength", least=0.0
        )
        self.l2_shrinkage_regularization_strength = number(
            l2_shrinkage_regularization_strength,
            "l2_shrinkage_regularization_strength",
            least=0.0,
        )

    def slots(self) -> dict[str, float]:
        """The sum of squares and the linear term."""
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.ftrl`."""
        return {
            "learning_rate_power": self.learning_rate_power,
            "l1": self.l1_regularization_strength,
            "l2": self.l2_regularization_strength,
            "shrinkage": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
