"""The common dtype of operands: Keras's lattice, in which double precision is not lost."""

from __future__ import annotations

from functools import cache
from typing import Any

from keras.src.backend.common import standardize_dtype
from keras.src.backend.common.dtypes import result_type
from keras.src.backend.config import floatx

SIGNED = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", int, bool}


def common(*kinds: Any) -> str:
    """The dtype in which operands meet.

    Keras narrows 64 bits to 32; here an operand of float64 or int64 keeps the result at its width,
    as TensorFlow does.

    Args:
        kinds: dtypes or their names; `int` and `float` for Python numbers, which adapt to others.
    """
    return _met(floatx(), *kinds)


@cache
def _met(precision: str, *kinds: Any) -> str:
    """The common dtype; Python numbers are as precise as `precision`, Keras's default."""
    names = [k if isinstance(k, type) else standardize_dtype(k) for k in kinds]
    wide = {"float64", "complex128"} & set(names)
    if complex in names or any([str(n).startswith("complex") for n in names]):
        return "complex128" if wide else "complex64"
    if wide:
        return "float64"
    if "int64" in names and set(names) <= SIGNED:
        return "int64"
    return result_type(*names)
