"""First values of variables, as `tf.zeros_initializer`: functions of a shape and a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import constant
from gradtape.core.dtypes import as_dtype, float32
from gradtape.core.errors import brief
from gradtape.ops.basis import full
from gradtape.ops.random_stateful import normal, uniform
from gradtape.ops.static import static_shape


class Initializer:
    """A function of a shape and a dtype that makes the first value of a variable."""

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Make the value."""
        raise TypeError(f"{type(self).__name__} does not say what the values are: define __call__.")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this initializer again."""
        return {k.lstrip("_"): v for k, v in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Make an initializer of `get_config`'s result."""
        if not isinstance(config, dict):
            raise TypeError(
                f"gradtape.{cls.__name__}.from_config: needs a dict, not {brief(config)}."
            )
        return cls(**{k: v for k, v in config.items() if k != "dtype"})

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _filled(shape: Any, value: Any, dtype: Any, function: str) -> Any:
    kind = as_dtype(dtype).numpy_dtype
    return full(static_shape(shape, function, kind), value, kind)


class ZerosInitializer(Initializer):
    """Zeros.

    Example:
        >>> import gradtape as tf
        >>> tf.zeros_initializer()([2]).numpy()
        array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Make zeros."""
        return _filled(shape, 0, dtype, "zeros_initializer")


class OnesInitializer(Initializer):
    """Ones.

    Example:
        >>> import gradtape as tf
        >>> tf.ones_initializer()([2]).numpy()
        array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Make ones."""
        return _filled(shape, 1, dtype, "ones_initializer")


class ConstantInitializer(Initializer):
    """One number, or a list of them in order.

    Example:
        >>> import gradtape as tf
        >>> tf.constant_initializer([1.0, 2.0])([2, 1]).numpy()
        array([[1.],
               [2.]], dtype=float32)
    """

    def __init__(self, value: Any = 0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Make the constants."""
        kind = as_dtype(dtype)
        return constant(
            np.asarray(self.value).astype(kind.numpy_dtype),
            kind,
            static_shape(shape, "constant_initializer"),
        )


class RandomNormalInitializer(Initializer):
    """Normal numbers.

    Example:
        >>> import gradtape as tf
        >>> tf.random_normal_initializer(stddev=0.1, seed=1)([2, 3]).shape
        TensorShape([2, 3])
    """

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Draw the numbers."""
        return normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniformInitializer(Initializer):
    """Numbers uniform on [minval, maxval).

    Example:
        >>> import gradtape as tf
        >>> tf.random_uniform_initializer(0.0, 1.0, seed=1)([2, 3]).shape
        TensorShape([2, 3])
    """

    def __init__(self, minval: Any = -0.05, maxval: Any = 0.05, seed: int | None = None) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = float32, **kwargs: Any) -> Any:
        """Draw the numbers."""
        return uniform(shape, self.minval, self.maxval, dtype, self.seed)
