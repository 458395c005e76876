"""What functions of images share: their shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import cast, multiply
from gradtape.ops.calls import wrong_kind

FLOAT32 = np.dtype(np.float32)


def as_images(value: Any, function: str, ranks: tuple[int, ...] = (3, 4)) -> Any:
    """A real tensor (height, width, channels) or (examples, height, width, channels)."""
    x = as_tensor(value, function)
    if x._dtype.kind not in "iufV":
        raise wrong_kind(function, "iufV", x)
    if len(x._shape) not in ranks:
        wanted = " or ".join(map(str, ranks))
        raise InvalidArgumentError(
            f"gradtape.{function}: images are {brief(x)} but need {wanted} axes, "
            "(..., height, width, channels). Write tf.expand_dims or tf.reshape."
        )
    return x


def as_colours(value: Any, function: str) -> Any:
    """A floating-point tensor whose last axis is red, green, blue or the like."""
    x = as_tensor(value, function)
    if x._dtype.kind not in "fV":
        raise wrong_kind(function, "fV", x)
    if not x._shape or not same(x._shape[-1], 3):
        raise InvalidArgumentError(
            f"gradtape.{function}: images are {brief(x)} but their last axis must have 3 channels."
        )
    return x


def as_float(x: Any) -> Any:
    """Floats as they are; integers divided by the largest one of their dtype, as float32."""
    if x._dtype.kind in "fV":
        return x
    return multiply(cast(x, FLOAT32), Tensor(np.float32(1 / np.iinfo(x._dtype).max)))
