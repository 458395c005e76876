"""Slicing in TensorFlow's ways: `x[...]`, `slice`, `strided_slice`, and assignment to slices of
variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import gradtape.core.xp_numpy_indexing  # noqa: F401
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.core.state import lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops import striding
from gradtape.ops.basis import (
    INT64,
    add,
    broadcast_shapes,
    broadcast_to,
    cast,
    negative,
    numbers,
    places,
    zeros,
)
from gradtape.ops.calls import mixed_dtypes
from gradtape.ops.choosing import select
from gradtape.ops.gathering import gather_axis
from gradtape.ops.host import computed
from gradtape.ops.indexing import out_of_range
from gradtape.ops.partitioning import boolean_mask
from gradtape.ops.static import later, static, static_int
from gradtape.ops.stepwise import less
from gradtape.ops.striding import WHOLE, _strided_slice, set_slice

NO_PICKS: list[tuple[int, Any]] = []


def getitem(x: Any, key: Any) -> Any:
    """x[key], as TensorFlow's tensors have it: ints, slices, None, one Ellipsis, or a boolean
    mask.
    """
    kind = type(key)
    if kind is not int and kind is not slice and kind is not tuple and _is_mask(key):
        return boolean_mask(x, key)
    items, picks = static_key(x._shape, key)
    try:
        out = apply(_strided_slice, (x,), {"key": items}) if items else x
    except InvalidArgumentError as error:
        call = f"Tensor.__getitem__ of {brief(x)}"
        raise out_of_range(error, call) from None
    for axis, index in picks:
        out = _picked(out, index, axis)
    return out


class Range(NamedTuple):
    """The bounds and the step of a slice, of which some are known later."""

    start: Any
    stop: Any
    step: Any


def _picked(x: Any, index: Any, axis: int) -> Any:
    """x at an index of an axis, or at a range of it, that is known later."""
    size = numbers(x._shape[axis], INT64)
    if isinstance(index, Range):
        bounds = [None if b is None else as_tensor(b, "Tensor.__getitem__") for b in index]
        given = [b is not None for b in bounds]

        def indices(size: Any, *values: Any) -> list[Any]:
            rest = iter(values)
            bounds = [int(next(rest)) if g else None for g in given]
            return [np.arange(*slice(*bounds).indices(int(size)))]

        tensors = [size, *[b for b in bounds if b is not None]]
        (found,) = computed("Tensor.__getitem__", indices, tensors, (((None,), INT64),))
        return gather_axis(x, found, axis)
    index = cast(index, INT64)
    return gather_axis(x, select(less(index, zeros((), INT64)), add(index, size), index), axis)


def _is_mask(key: Any) -> bool:
    dtype = getattr(key, "_dtype", None) or getattr(key, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind == "b"


def static_key(shape: tuple[Any, ...], key: Any) -> tuple[tuple[Any, ...], list[tuple[int, Any]]]:
    """A key as ints, triples and None, and (axis of the result, index) where an index is known
    later.
    """
    if type(key) is int:
        return (key,), NO_PICKS
    if type(key) is slice:
        item = _triple(key)
        return ((WHOLE,), [(0, item)]) if isinstance(item, Range) else ((item,), NO_PICKS)
    items = key if type(key) is tuple else (key,)
    given: list[Any] = []
    picks: list[tuple[int, Any]] = []
    reach = sum([1 for k in items if k is not None and k is not Ellipsis])
    axes = 0  # of the result
    for k in items:
        if k is Ellipsis:
            if sum([1 for other in items if other is Ellipsis]) > 1:
                raise InvalidArgumentError(
                    "gradtape.Tensor.__getitem__: more than one Ellipsis (...) in the index. "
                    "Write ':' for single axes."
                )
            rest = max(len(shape) - reach, 0)
            given.extend([WHOLE] * rest)
            axes += rest
            continue
        item = _item(k)
        if isinstance(item, (Tensor, Range)):
            picks.append((axes, item))
            axes += isinstance(item, Range)
            item = WHOLE
        elif type(item) is not int:
            axes += 1
        given.append(item)
    return tuple(given), picks


def _item(k: Any) -> Any:
    """One entry of an index: an int, a triple, None, or a tensor whose value is not known yet."""
    kind = type(k)
    if kind is int or k is None:
        return k
    if kind is slice:
        return _triple(k)
    if isinstance(k, (bool, np.bool_, float, str, list, tuple)):
        raise _no_index(k)
    if isinstance(k, Variable):
        k = k._read()
    if later(k) and not k._shape and k._dtype.kind in "iu":
        return k
    if getattr(k, "shape", ()) != () or getattr(k, "dtype", None) == np.bool_:
        raise _no_index(k)
    try:
        return k.__index__()
    except (AttributeError, TypeError):
        raise _no_index(k) from None


def _triple(k: slice) -> Any:
    if later(k.start) or later(k.stop) or later(k.step):
        return Range(k.start, k.stop, k.step)
    start, stop, step = _bound(k.start), _bound(k.stop), _bound(k.step)
    if step == 0:
        raise InvalidArgumentError(
            "gradtape.Tensor.__getitem__: the step of a slice must not be zero."
        )
    return (start, stop, step)


def _bound(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    return static_int(value, "Tensor.__getitem__", "a bound of a slice")


def _no_index(k: Any) -> TypeError:
    remedy = "tf.gather(x, indices) for several indices, tf.boolean_mask(x, mask) for a mask"
    return TypeError(
        "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar "
        f"tf.int32/tf.int64 tensors are valid indices, got {brief(k)}. Write {remedy}."
    )


def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Any:
    """Return the block of `size` elements along each axis that starts at `begin`.

    Args:
        input_: (n1, ..., nr) any dtype.
        begin: r integers, 0 <= begin[i] <= n[i].
        size: r integers; -1 stands for all that remain.

    Raises:
        InvalidArgumentError: when the block reaches outside the tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, -1]).numpy()
        array([[2, 3],
               [5, 6]], dtype=int32)
    """
    x = as_tensor(input_, "slice")
    starts, sizes = _entries(begin, "slice", "begin"), _entries(size, "slice", "size")
    if not len(starts) == len(sizes) == len(x._shape):
        raise InvalidArgumentError(
            f"gradtape.slice({brief(x)}): begin {starts} and size {sizes} need one number for "
            "each axis."
        )
    key: list[Any] = []
    blocks: list[tuple[int, Any]] = []
    for axis, (b, s, n) in enumerate(zip(starts, sizes, x._shape, strict=True)):
        if isinstance(b, Tensor) or isinstance(s, Tensor):
            key.append(WHOLE)
            blocks.append((axis, _block(b, s)))
            continue
        s = n - b if s == -1 else s
        if not (0 <= b <= n and 0 <= s <= n - b):
            raise InvalidArgumentError(
                f"gradtape.slice({brief(x)}): begin[{axis}] = {b} with size[{axis}] = {s} is not "
                f"inside [0, {n}]. Write -1 for all that remain."
            )
        key.append((b, b + s, None))
    x = striding.strided_slice(x, tuple(key))
    for axis, block in blocks:
        x = gather_axis(x, block, axis) if isinstance(block, Tensor) else _picked(x, block, axis)
    return x


def _block(begin: Any, size: Any) -> Any:
    """The places of a block that is known later; as a range where even their number is."""
    if type(size) is int and size >= 0:
        return add(places(size), cast(begin, INT64))
    return Range(begin, None if type(size) is int else add(as_tensor(begin), size), None)


def _entries(value: Any, function: str, argument: str) -> list[Any]:
    """Integers, and scalar tensors in the place of those that are known later."""
    if later(value):
        value = [getitem(value, i) for i in range(value._shape[0])]
    items = value if isinstance(value, (list, tuple)) else static(value, function, argument)
    items = items if isinstance(items, (list, tuple)) else [items]
    return [v if later(v) else static_int(v, function, argument) for v in items]


def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Any:
    """Return x[begin[0]:end[0]:strides[0], ...], the form to which Python's slices are reduced.

    Args:
        input_: the tensor.
        begin, end, strides: vectors of integers, one for each entry of the index; strides are 1 by
            default.
        begin_mask, end_mask: bit i set: begin[i] (end[i]) is not given.
        ellipsis_mask: bit i set: entry i is `...`.
        new_axis_mask: bit i set: entry i is a new axis.
        shrink_axis_mask: bit i set: entry i is the integer begin[i].
        var: the variable to which `.assign` of the result would write; write `v[...]` instead.

    Example:
        >>> import gradtape as tf
        >>> tf.strided_slice([1, 2, 3, 4, 5], [1], [5], [2]).numpy()
        array([2, 4], dtype=int32)
    """
    x = as_tensor(input_, "strided_slice")
    starts = _entries(begin, "strided_slice", "begin")
    stops = _entries(end, "strided_slice", "end")
    steps = [1] * len(starts) if strides is None else _entries(strides, "strided_slice", "strides")
    if not len(starts) == len(stops) == len(steps):
        raise InvalidArgumentError(
            f"gradtape.strided_slice({brief(x)}): begin {starts}, end {stops} and strides {steps} "
            "differ in length."
        )
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask = (
        static_int(mask, "strided_slice", f"{name}_mask")
        for name, mask in (
            ("begin", begin_mask),
            ("end", end_mask),
            ("ellipsis", ellipsis_mask),
            ("new_axis", new_axis_mask),
            ("shrink_axis", shrink_axis_mask),
        )
    )
    key: list[Any] = []
    for i, (b, e, s) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            key.append(Ellipsis)
        elif new_axis_mask & bit:
            key.append(None)
        elif shrink_axis_mask & bit:
            key.append(b)
        else:
            key.append(slice(None if begin_mask & bit else b, None if end_mask & bit else e, s))
    return getitem(x, tuple(key))


# variables


class Part:
    """What a tensor can that is part of a variable: it may be assigned to."""

    __slots__ = ()

    _key: tuple[Any, ...]
    _variable: Variable
    _shape: Any
    _dtype: Any

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None) -> Variable:
        """Replace that part of the variable; a scalar value is repeated. Returns the variable."""
        variable = self._variable
        x = variable._read()
        value = self._fitting(value, "assign")
        return variable.assign(set_slice(x, value, self._key))

    def assign_add(
        self, value: Any, use_locking: bool = False, name: str | None = None
    ) -> Variable:
        """Add to that part of the variable; returns the variable."""
        value = self._fitting(value, "assign_add")
        return self.assign(add(striding.strided_slice(self._variable._read(), self._key), value))

    def assign_sub(
        self, value: Any, use_locking: bool = False, name: str | None = None
    ) -> Variable:
        """Subtract from that part of the variable; returns the variable."""
        return self.assign_add(negative(self._fitting(value, "assign_sub")))

    def _fitting(self, value: Any, method: str) -> Any:
        """The value as a tensor of this slice's dtype and shape."""
        function = f"Variable.__getitem__.{method}"
        x = as_tensor_like(value, self._dtype, function)
        if x._dtype != self._dtype:
            raise mixed_dtypes(function, self, x)
        shape = self._shape
        if x._shape != shape:
            try:
                fits = same_shape(broadcast_shapes(x._shape, shape), shape)
            except ValueError:
                fits = False
            if not fits:
                raise InvalidArgumentError(
                    f"gradtape.{function}: the value {brief(x)} does not fit the slice "
                    f"{brief(self)} "
                    f"of variable {self._variable.name!r}. Reshape it to {list(shape)}."
                )
            x = broadcast_to(x, shape)
        return x


class VariableSlice(Part, Tensor):
    """`v[key]`: that part of a variable as a tensor, with `assign`, `assign_add` and
    `assign_sub`.
    """

    __slots__ = ("_key", "_variable")

    def placed(self, node: Any) -> Tensor:
        """The same value on another node."""
        return Tensor(self._array, node)


# from the type of a tensor to what makes the part of a variable of it
parts: dict[type, Callable[[Any], Any]] = {Tensor: lambda t: VariableSlice(t._array, t._node)}


def getitem_of_variable(variable: Variable, key: Any) -> Any:
    """v[key]: read through the tape; the result can be assigned to."""
    x = variable._read()
    out = getitem(x, key)
    if type(out) not in parts or _is_mask(key):
        return out
    items, picks = static_key(x._shape, key)
    if picks:
        return out
    part = parts[type(out)](out)
    for lookout in lookouts:
        lookout.renamed(out, part)
    part._key = items
    part._variable = variable
    return part
