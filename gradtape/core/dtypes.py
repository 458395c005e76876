"""Element types as objects: `float32`, `as_dtype`, and which of them can carry a derivative."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from gradtape.core.asked import located


class DType:
    """The type of a tensor's elements, equal to its NumPy type and to its name.

    Example:
        >>> import gradtape as tf
        >>> tf.float32 == "float32", tf.float32.size, tf.as_dtype("int8").max
        (True, 4, 127)
    """

    __slots__ = ("name", "numpy_dtype")

    def __init__(self, numpy_dtype: Any, name: str) -> None:
        if not isinstance(numpy_dtype, (type, np.dtype)):
            raise TypeError(
                f"gradtape.DType: {_short(numpy_dtype)} is no NumPy dtype. Write tf.as_dtype(name)."
            )
        self.numpy_dtype: np.dtype[Any] = np.dtype(numpy_dtype)
        self.name = name

    @property
    def as_numpy_dtype(self) -> type:
        """The NumPy scalar type."""
        return self.numpy_dtype.type

    @property
    def base_dtype(self) -> DType:
        """The type itself: gradtape has no reference types."""
        return self

    @property
    def real_dtype(self) -> DType:
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def is_floating(self) -> bool:
        """Whether this is a real floating-point type, bfloat16 included."""
        return self.numpy_dtype.kind == "f" or self.numpy_dtype.kind == "V"

    @property
    def is_complex(self) -> bool:
        """Whether this is a complex type."""
        return self.numpy_dtype.kind == "c"

    @property
    def is_integer(self) -> bool:
        """Whether this is an integer type; bool is none."""
        return self.numpy_dtype.kind in "iu"

    @property
    def is_unsigned(self) -> bool:
        """Whether this is an unsigned integer type."""
        return self.numpy_dtype.kind == "u"

    @property
    def is_bool(self) -> bool:
        """Whether this is bool."""
        return self.numpy_dtype.kind == "b"

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic is defined: every type but bool and string."""
        return self.numpy_dtype.kind in "iufcV"

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return self.numpy_dtype.itemsize

    @property
    def min(self) -> Any:
        """The smallest finite value."""
        return self._limits().min

    @property
    def max(self) -> Any:
        """The largest finite value."""
        return self._limits().max

    @property
    def limits(self) -> tuple[Any, Any]:
        """The range of values in a picture: (0, 1) for floats, the extremes for integers."""
        return (0, 1) if self.is_floating else (self.min, self.max)

    def _limits(self) -> Any:
        if self.is_floating:
            return ml_dtypes.finfo(self.numpy_dtype)
        if self.is_integer:
            return np.iinfo(self.numpy_dtype)
        raise TypeError(f"tf.{self.name} has no smallest and largest value.")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether `other` names the same type."""
        return self == other

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        if other is None:
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> Any:
        return as_dtype, (self.name,)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"


float16 = DType(np.float16, "float16")
bfloat16 = DType(ml_dtypes.bfloat16, "bfloat16")
float32 = DType(np.float32, "float32")
float64 = DType(np.float64, "float64")
complex64 = DType(np.complex64, "complex64")
complex128 = DType(np.complex128, "complex128")
int8 = DType(np.int8, "int8")
int16 = DType(np.int16, "int16")
int32 = DType(np.int32, "int32")
int64 = DType(np.int64, "int64")
uint8 = DType(np.uint8, "uint8")
uint16 = DType(np.uint16, "uint16")
uint32 = DType(np.uint32, "uint32")
uint64 = DType(np.uint64, "uint64")
bool_ = DType(np.bool_, "bool")
float8_e4m3fn = DType(ml_dtypes.float8_e4m3fn, "float8_e4m3fn")
float8_e5m2 = DType(ml_dtypes.float8_e5m2, "float8_e5m2")
half = float16
double = float64

ALL = (
    float16, bfloat16, float32, float64, complex64, complex128,
    int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool_,
)  # fmt: skip
STORED = (float8_e4m3fn, float8_e5m2)  # cast to and from, for what is kept in 8 bits
DIFFERENTIABLE = frozenset(t.numpy_dtype for t in ALL[:6] + STORED)

_BY_NUMPY = {t.numpy_dtype: t for t in ALL + STORED}
_BY_NAME = {t.name: t for t in ALL + STORED} | {
    "half": float16,
    "float": float32,
    "double": float64,
}
_BY_PYTHON = {float: float32, int: int32, bool: bool_, complex: complex128}


def from_numpy(dtype: np.dtype[Any]) -> DType:
    """The `DType` of a native NumPy dtype."""
    return _BY_NUMPY[dtype]


def as_dtype(type_value: Any) -> DType:
    """Convert a `DType`, a NumPy type, a Python type or a name to a `DType`.

    Args:
        type_value: for instance `tf.float32`, `np.float32`, `"float32"` or `float`.

    Raises:
        TypeError: when no supported type is meant.

    Example:
        >>> import gradtape as tf
        >>> tf.as_dtype("float64")
        tf.float64
    """
    if isinstance(type_value, DType):
        return type_value
    found = None
    if isinstance(type_value, str):
        found = _BY_NAME.get(type_value)
    elif isinstance(type_value, type):
        found = _BY_PYTHON.get(type_value)
    if found is None and type_value is not None:
        found = _known_to_numpy(type_value)
    if found is None:
        names = ", ".join(t.name for t in ALL)
        raise TypeError(
            located(
                f"gradtape.as_dtype: Cannot convert {_short(type_value)} to a gradtape dtype. "
                f"Write one of tf.<name> for: {names}."
            )
        )
    return found


def _known_to_numpy(value: Any) -> DType | None:
    """The `DType` of what NumPy takes for a dtype: a name, a scalar type, a NumPy dtype."""
    if not isinstance(value, type):
        value = getattr(value, "dtype", value)  # an array stands for its dtype
    if not isinstance(value, (str, type, np.dtype)):
        return None
    if type(value) is str and value == "a":  # NumPy warns of "a"
        return None
    try:
        return _BY_NUMPY.get(np.dtype(value).newbyteorder("="))
    except (TypeError, ValueError, SyntaxError):
        return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def differentiable(dtype: np.dtype[Any]) -> bool:
    """Whether tensors of this NumPy dtype carry derivatives."""
    return dtype.kind in "fc" or dtype in DIFFERENTIABLE
