"""Optimizers with moments: Adam, AdamW, Adamax, Nadam and Lion, as in Keras 3.15."""

from __future__ import annotations

from typing import Any, Unpack

from gradtape.core.variable import Variable
from gradtape.train.moving import number_of, put
from gradtape.train.optimizer import Optimizer
from gradtape.train.options import Common, Shared, number
from gradtape.train.rules.adam import AdamSlots, adam
from gradtape.train.rules.adamax import AdamaxSlots, adamax
from gradtape.train.rules.lion import LionSlots, lion
from gradtape.train.rules.nadam import NadamSlots, nadam, schedule


class Adam(Optimizer):
    """Adam (Kingma and Ba 2014, arXiv:1412.6980), with epsilon as "epsilon hat".

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        beta_1: the decay of the mean of gradients.
        beta_2: the decay of the mean of squared gradients.
        epsilon: added to the root of the mean square.
        amsgrad: whether the largest mean square so far counts (Reddi et al. 2018).
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.Adam(0.5).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        0.5
    """

    rule = staticmethod(adam)
    slot_type = AdamSlots
    hyperparameters = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1 = number(beta_1, "beta_1")
        self.beta_2 = number(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon")
        self.amsgrad = amsgrad

    def slots(self) -> dict[str, float]:
        """The two means, and for AMSGrad the largest mean square."""
        means = {"momentum": 0.0, "velocity": 0.0}
        return means | {"velocity_hat": 0.0} if self.amsgrad else means

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.adam`."""
        powers = (self.beta_1**step, self.beta_2**step)
        betas = {"beta_1": self.beta_1, "beta_2": self.beta_2, "powers": powers}
        return {**betas, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        weight_decay: before each step w <- w - learning_rate weight_decay w.
        beta_1: the decay of the mean of gradients.
        beta_2: the decay of the mean of squared gradients.
        epsilon: added to the root of the mean square.
        amsgrad: whether the largest mean square so far counts.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> tf.optimizers.AdamW(0.5, weight_decay=0.5).apply([tf.constant(2.0)], [w])
        >>> round(float(w), 4)
        0.25
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[Shared],
    ) -> None:
        decay = number(weight_decay, "weight_decay")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=decay, **common
        )


class Adamax(Optimizer):
    """Adamax (Kingma and Ba 2014, section 7.1): Adam with the maximum norm.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        beta_1: the decay of the mean of gradients.
        beta_2: the decay of the largest gradient.
        epsilon: added to the largest gradient.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.Adamax(0.5).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        0.5
    """

    rule = staticmethod(adamax)
    slot_type = AdamaxSlots
    hyperparameters = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1 = number(beta_1, "beta_1")
        self.beta_2 = number(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon")

    def slots(self) -> dict[str, float]:
        """The mean and the norm."""
        return {"momentum": 0.0, "norm": 0.0}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.adamax`."""
        return {**super().rule_arguments(step), "power": self.beta_1**step}


class Nadam(Optimizer):
    """Nadam (Dozat 2015): Adam with Nesterov's momentum.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        beta_1: the limit of the decay of the mean of gradients.
        beta_2: the decay of the mean of squared gradients.
        epsilon: added to the root of the mean square.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.Nadam(0.5).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> round(float(w), 4)
        0.4686
    """

    rule = staticmethod(nadam)
    slot_type = NadamSlots
    hyperparameters = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1 = number(beta_1, "beta_1")
        self.beta_2 = number(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon")
        self._product: Variable | None = None

    def build(self, var_list: Any) -> None:
        """Make the slots, and the product of the momenta so far."""
        if not self.built:
            super().build(var_list)
            self._product = self.add_variable((), 1.0, "float64", "momentum_product")

    def slots(self) -> dict[str, float]:
        """The two means."""
        return {"momentum": 0.0, "velocity": 0.0}

    def rule_arguments(self, step: Any) -> dict[str, Any]:
        """The arguments of `rules.nadam`."""
        momenta = (schedule(self.beta_1, step), schedule(self.beta_1, step + 1))
        product = momenta[0] * (number_of(self._product) if self._product is not None else 1.0)
        changing = {"momenta": momenta, "product": product, "power": self.beta_2**step}
        return {**super().rule_arguments(step), **changing}

    def _step(self, gradients: list[Any], variables: list[Any], step: Any) -> None:
        super()._step(gradients, variables, step)
        assert self._product is not None
        put(self._product, number_of(self._product) * schedule(self.beta_1, step))


class Lion(Optimizer):
    """Lion (Chen et al. 2023, arXiv:2302.06675): steps along the sign of a momentum.

    Args:
        learning_rate: a number, a schedule, a variable, or a function without arguments.
        beta_1: the weight of the momentum in the direction, in (0, 1].
        beta_2: the decay of the momentum.
        **common: the other arguments of `Optimizer`.

    Example:
        >>> import gradtape as tf
        >>> w = tf.Variable(1.0)
        >>> int(tf.optimizers.Lion(0.5).apply_gradients([(tf.constant(2.0), w)]))
        1
        >>> float(w)
        0.5
    """

    rule = staticmethod(lion)
    slot_type = LionSlots
    hyperparameters = ("beta_1", "beta_2")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1 = number(beta_1, "beta_1", above=0.0, most=1.0)
        self.beta_2 = number(beta_2, "beta_2")

    def slots(self) -> dict[str, float]:
        """The momentum."""
        return {"momentum": 0.0}
