"""Shapes: `TensorShape`, a tuple whose sizes may be unknown, and `TensorSpec`, a shape with a
dtype.
"""

from __future__ import annotations

import math
import operator
import os
from typing import Any

from gradtape.core.asked import located
from gradtape.core.dtypes import DType, as_dtype, float32
from gradtape.core.errors import InvalidArgumentError, ResourceExhaustedError, brief
from gradtape.core.sizes import Size


def _most_bytes() -> int:
    """Four times this machine's memory: what is larger is refused before NumPy or XLA try."""
    try:
        return 4 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # pragma: no cover - a system that does not say
        return 2**42


MOST_BYTES = _most_bytes()
MOST_AXES = 32  # as many as SciPy and NumPy's random numbers take


class TensorShape(tuple):
    """The sizes of a tensor's axes; `None` stands for an unknown size, or for an unknown rank.

    It is a tuple and equal to one, so that NumPy functions take it.

    Example:
        >>> import gradtape as tf
        >>> s = tf.TensorShape([2, None]); s.rank, s.as_list(), s.is_compatible_with((2, 5))
        (2, [2, None], True)
    """

    _known: bool

    def __new__(cls, dims: Any = None) -> TensorShape:
        """Make a shape of sizes, of one size, or of None for an unknown rank."""
        known = dims is not None and getattr(dims, "_known", True)
        if dims is None or not known:
            dims = ()
        elif isinstance(dims, (int,)):
            dims = (dims,)
        try:
            shape = super().__new__(cls, [_known_size(d) for d in dims])
        except TypeError:
            if hasattr(dims, "__index__") and not getattr(dims, "shape", ()):
                return cls((dims,))
            raise TypeError(
                located(
                    f"gradtape.TensorShape: {brief(dims)} is no list of sizes. "
                    "Pass integers, with None for a size that is not known."
                )
            ) from None
        for size in tuple.__iter__(shape):
            if size is not None and size < 0:
                raise ValueError(
                    located(f"gradtape.TensorShape: {tuple(shape)} has a negative size.")
                )
        shape._known = known
        return shape

    @property
    def rank(self) -> int | None:
        """The number of axes, or None when it is not known."""
        return len(self) if self._known else None

    ndims = rank

    @property
    def dims(self) -> list[int | None] | None:
        """The sizes as a list, or None for an unknown rank."""
        return list(self) if self._known else None

    def as_list(self) -> list[int | None]:
        """The sizes as a list; ValueError for an unknown rank."""
        if not self._known:
            raise ValueError("as_list() is not defined on a TensorShape of unknown rank.")
        return list(self)

    def num_elements(self) -> int | None:
        """The product of the sizes, or None when one is not known."""
        if not self.is_fully_defined():
            return None
        total = 1
        for size in self:
            total *= size
        return total

    def is_fully_defined(self) -> bool:
        """Whether the rank and every size are known."""
        return self._known and None not in tuple(self)

    def assert_is_fully_defined(self) -> None:
        """ValueError unless the rank and every size are known."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined: give every size.")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor could have both shapes."""
        other = TensorShape(other)
        if not (self._known and other._known):
            return True
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise ValueError unless a tensor could have both shapes."""
        if not self.is_compatible_with(other):
            raise ValueError(located(f"Shapes {self} and {TensorShape(other)} are incompatible."))

    def merge_with(self, other: Any) -> TensorShape:
        """The shape with what either one knows; ValueError when they contradict each other."""
        other = TensorShape(other)
        self.assert_is_compatible_with(other)
        if not self._known or not other._known:
            return other if not self._known else self
        return TensorShape([b if a is None else a for a, b in zip(self, other, strict=True)])

    def concatenate(self, other: Any) -> TensorShape:
        """The axes of this shape followed by those of `other`."""
        other = TensorShape(other)
        known = self._known and other._known
        return TensorShape([*self, *other] if known else None)

    def with_rank(self, rank: int) -> TensorShape:
        """The shape with this rank; ValueError when it has another."""
        return self.merge_with([None] * rank)

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """The shape itself; ValueError when it has fewer axes."""
        if self._known and len(self) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}.")
        return self

    def __getitem__(self, key: Any) -> Any:
        item = super().__getitem__(key)
        return TensorShape(item) if isinstance(key, slice) else item

    def __add__(self, other: Any) -> TensorShape:
        return self.concatenate(other)

    def __radd__(self, other: Any) -> TensorShape:
        return TensorShape(other).concatenate(self)

    def __eq__(self, other: object) -> bool:
        if other is None:
            return not self._known
        if isinstance(other, TensorShape) and self._known != other._known:
            return False
        return tuple(self) == tuple(other) if isinstance(other, (tuple, list)) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __bool__(self) -> bool:
        return self._known

    def __reduce__(self) -> Any:
        return TensorShape, (self.dims,)

    def __repr__(self) -> str:
        return f"TensorShape({self.dims})"

    def __str__(self) -> str:
        return super().__repr__() if self._known else "<unknown>"


def _known_size(size: Any) -> int | None:
    return None if size is None or type(size) is Size else operator.index(size)


class Spec:
    """Shape (a tuple, None where unknown) and NumPy dtype of a value: what shape rules take and
    return.
    """

    __slots__ = ("_dtype", "_shape")

    def __init__(self, shape: Any, dtype: Any) -> None:
        self._shape: tuple[Any, ...] = tuple(shape)
        self._dtype = dtype

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Spec) and self._shape == other._shape and self._dtype == other._dtype
        )

    def __hash__(self) -> int:
        return hash((self._shape, self._dtype))

    def __repr__(self) -> str:
        return f"Spec({self._shape}, {self._dtype})"


class TensorSpec:
    """What is known of a tensor before it exists: shape, dtype and name.

    Example:
        >>> import gradtape as tf
        >>> tf.TensorSpec([None, 3], tf.float64)
        TensorSpec(shape=(None, 3), dtype=tf.float64, name=None)
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: Any = None, dtype: Any = float32, name: str | None = None) -> None:
        self.shape = TensorShape(shape)
        self.dtype: DType = as_dtype(dtype)
        self.name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The spec of an existing tensor."""
        if not hasattr(tensor, "dtype") or not hasattr(tensor, "shape"):
            raise TypeError(f"gradtape.TensorSpec.from_tensor: {brief(tensor)} is no tensor.")
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, value: Any) -> bool:
        """Whether a tensor or spec fits this spec."""
        if not hasattr(value, "dtype") or not hasattr(value, "shape"):
            raise TypeError(
                f"gradtape.TensorSpec.is_compatible_with: {brief(value)} is no tensor or spec."
            )
        return self.dtype == value.dtype and self.shape.is_compatible_with(value.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype, self.name) == (
            other.shape,
            other.dtype,
            other.name,
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


def check_size(shape: tuple[int, ...], function: str, itemsize: int = 1) -> None:
    """Raise ResourceExhaustedError for a shape that no machine can hold."""
    if len(shape) > MOST_AXES:
        raise InvalidArgumentError(
            f"gradtape.{function}: {len(shape)} axes; at most {MOST_AXES} are supported."
        )
    count = math.prod([n for n in shape if type(n) is not Size])
    if count * itemsize > MOST_BYTES:
        raise ResourceExhaustedError(
            f"gradtape.{function}: a tensor of shape {shape} has {count} elements and does not fit"
            " in memory."
        )
