"""TensorFlow 1's first values of variables: they keep a dtype, and their defaults differ."""

from __future__ import annotations

import math
from typing import Any

from gradtape.core.dtypes import float32
from gradtape.core.errors import wrong_type
from gradtape.ops.initial import ConstantInitializer, Initializer, OnesInitializer, ZerosInitializer
from gradtape.ops.random_stateful import normal, truncated_normal, uniform
from gradtape.ops.static import choice, static_float, static_shape

# the deviation of normal numbers that are cut off at twice their deviation
CUT = 0.87962566103423978


class _Typed(Initializer):
    """An initializer that knows its dtype; what is asked for goes first."""

    dtype: Any = float32

    def __call__(
        self, shape: Any, dtype: Any = None, partition_info: Any = None, **kwargs: Any
    ) -> Any:
        """Make the value."""
        return self.made(static_shape(shape, "initializer"), self.dtype if dtype is None else dtype)

    def made(self, shape: Any, dtype: Any) -> Any:
        """The value of a shape and dtype."""
        raise NotImplementedError


class Zeros(_Typed):
    """Zeros.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.zeros_initializer(tf.float64)([2]).dtype
        tf.float64
    """

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Make zeros."""
        return ZerosInitializer()(shape, dtype)


class Ones(_Typed):
    """Ones.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.ones_initializer()([2]).numpy()
        array([1., 1.], dtype=float32)
    """

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Make ones."""
        return OnesInitializer()(shape, dtype)


class Constant(_Typed):
    """One number, or a list of them in order.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.constant_initializer(0.1)([2]).numpy()
        array([0.1, 0.1], dtype=float32)
    """

    def __init__(self, value: Any = 0, dtype: Any = float32, verify_shape: bool = False) -> None:
        self.value, self.dtype = value, dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Make the constants."""
        return ConstantInitializer(self.value)(shape, dtype)


class RandomUniform(_Typed):
    """Numbers uniform on [minval, maxval), by default [0, 1).

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.random_uniform_initializer(-1.0, 1.0, seed=1)([2, 3]).shape
        TensorShape([2, 3])
    """

    def __init__(
        self,
        minval: Any = 0.0,
        maxval: Any = None,
        seed: int | None = None,
        dtype: Any = float32,
    ) -> None:
        self.minval, self.maxval = minval, maxval
        self.seed, self.dtype = seed, dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Draw the numbers."""
        return uniform(shape, self.minval, self.maxval, dtype, self.seed)


class RandomNormal(_Typed):
    """Normal numbers, by default of deviation 1.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.random_normal_initializer(stddev=0.1, seed=1)([2, 3]).shape
        TensorShape([2, 3])
    """

    draw = staticmethod(normal)

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        seed: int | None = None,
        dtype: Any = float32,
    ) -> None:
        self.mean, self.stddev = mean, stddev
        self.seed, self.dtype = seed, dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Draw the numbers."""
        return self.draw(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(RandomNormal):
    """Normal numbers within two deviations of the mean.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.truncated_normal_initializer(stddev=0.1, seed=1)([2, 3]).shape
        TensorShape([2, 3])
    """

    draw = staticmethod(truncated_normal)


class VarianceScaling(_Typed):
    """Random numbers of variance scale / n, with n the number of inputs, outputs or their mean.

    Args:
        scale: a positive number.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: an integer.
        dtype: the dtype where none is asked for.

    Raises:
        ValueError: for another scale, mode or distribution.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.variance_scaling_initializer(2.0, seed=1)([3, 4]).shape
        TensorShape([3, 4])
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = float32,
    ) -> None:
        function = "variance_scaling_initializer"
        self.scale = static_float(scale, function, "scale")
        if not self.scale > 0.0:
            raise wrong_type(function, "scale", "positive", scale)
        self.mode = choice(mode, ("fan_in", "fan_out", "fan_avg"), function, "mode")
        self.distribution = choice(distribution, DISTRIBUTIONS, function, "distribution")
        self.seed, self.dtype = seed, dtype

    def made(self, shape: Any, dtype: Any) -> Any:
        """Draw the numbers."""
        inputs, outputs = fans(shape)
        n = {"fan_in": inputs, "fan_out": outputs}.get(self.mode, (inputs + outputs) / 2)
        deviation = math.sqrt(self.scale / max(1.0, n))
        return DISTRIBUTIONS[self.distribution](shape, deviation, dtype, self.seed)


class GlorotUniform(VarianceScaling):
    """Uniform numbers of variance 2 / (inputs + outputs) (Glorot and Bengio 2010).

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.glorot_uniform_initializer(seed=1)([3, 4]).shape
        TensorShape([3, 4])
    """

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class GlorotNormal(VarianceScaling):
    """Normal numbers of variance 2 / (inputs + outputs) (Glorot and Bengio 2010).

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.glorot_normal_initializer(seed=1)([3, 4]).shape
        TensorShape([3, 4])
    """

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """The numbers of inputs and outputs of a weight: the last two axes, times the axes before."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


def _truncated(shape: Any, deviation: float, dtype: Any, seed: int | None) -> Any:
    return truncated_normal(shape, 0.0, deviation / CUT, dtype, seed)


def _normal(shape: Any, deviation: float, dtype: Any, seed: int | None) -> Any:
    return normal(shape, 0.0, deviation, dtype, seed)


def _uniform(shape: Any, deviation: float, dtype: Any, seed: int | None) -> Any:
    limit = math.sqrt(3.0) * deviation
    return uniform(shape, -limit, limit, dtype, seed)


DISTRIBUTIONS = {
    "truncated_normal": _truncated,
    "normal": _truncated,
    "untruncated_normal": _normal,
    "uniform": _uniform,
}
