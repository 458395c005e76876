"""The few operations that the families themselves lean on, declared by hand.

Sum, product and quotient; conjugate and cast; reshape, transpose, broadcast and sum over axes: with
these the families undo broadcasting, dtype and complex conjugation in one place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_special  # noqa: F401  the verb zero_wins
from gradtape.core.asked import located
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import UnknownSizeError, open_sizes, same
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import UnknownShape
from gradtape.ops.calls import binary, unary

INT64 = np.dtype(np.int64)

# shapes


def broadcast_shapes(*shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shape to which shapes broadcast; None is an unknown size. ValueError when they do not
    fit.
    """
    rank = max([len(s) for s in shapes])
    result: list[Any] = []
    for axis in range(-rank, 0):
        size: Any = 1
        for other in [s[axis] for s in shapes if len(s) >= -axis and s[axis] != 1]:
            if size != 1 and not same(size, other):
                raise ValueError(located(f"shapes {shapes} could not be broadcast together"))
            size = size if type(size) is int and size != 1 else other
        result.append(size)
    return tuple(result)


def elementwise_shape(*specs: Any) -> Spec:
    """The shape rule of elementwise operations: broadcast, keep the dtype."""
    if len(specs) == 1:
        return Spec(specs[0]._shape, specs[0]._dtype)
    return Spec(broadcast_shapes(*[s._shape for s in specs]), specs[0]._dtype)


# batching


def align(mask: tuple[bool, ...], inputs: tuple[Any, ...]) -> list[Any]:
    """Give batched inputs of lower rank axes of size 1 behind the batch axis, so that they
    broadcast.
    """
    rank = max(len(t._shape) - b for t, b in zip(inputs, mask, strict=True))
    aligned = []
    for tensor, batched in zip(inputs, mask, strict=True):
        missing = rank - (len(tensor._shape) - 1)
        if batched and missing > 0:
            size, *rest = tensor._shape
            tensor = reshape(tensor, (size, *[1] * missing, *rest))
        aligned.append(tensor)
    return aligned


def batch_elementwise(function: Any) -> Any:
    """The batching rule of an elementwise operation: align the ranks and run it."""

    def batch(mask: tuple[bool, ...], *inputs: Any, **params: Any) -> Any:
        if len(inputs) > 1:
            inputs = tuple(align(mask, inputs))
        return function(*inputs, **params)

    return batch


# reshape, transpose, broadcast, sum

_reshape = primitive(
    "reshape",
    lambda xp, x, *, shape: x.reshape(shape),
    vjps=[lambda ct, x_shape: reshape(ct, x_shape)],
    jvps=[lambda t, shape: reshape(t, shape)],
    batch=lambda mask, x, shape: reshape(x, (x._shape[0], *shape)),
    shape=lambda x, shape: Spec(shape, x._dtype),
    linear=True,
    family="structural",
)


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """The elements of x, in order, in a shape whose sizes are all given."""
    return apply(_reshape, (x,), {"shape": shape})


def scalar(x: Any) -> Any:
    """x without axes where their number is not known: it must hold one number."""
    return reshape(x, ()) if type(x._shape) is UnknownShape else x


_transpose = primitive(
    "transpose",
    lambda xp, x, *, perm: x.transpose(perm) if xp.name == "numpy" else xp.transpose(x, perm),
    vjps=[lambda ct, perm: transpose(ct, inverse(perm))],
    jvps=[lambda t, perm: transpose(t, perm)],
    batch=lambda mask, x, perm: transpose(x, (0, *[p + 1 for p in perm])),
    shape=lambda x, perm: Spec([x._shape[p] for p in perm], x._dtype),
    linear=True,
    family="structural",
)


def transpose(x: Any, perm: tuple[int, ...]) -> Any:
    """The axes of x in the order of perm."""
    return apply(_transpose, (x,), {"perm": perm})


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def _batch_broadcast(mask: Any, x: Any, shape: tuple[int, ...]) -> Any:
    size, *rest = x._shape
    ones = [1] * (len(shape) - len(rest))
    return broadcast_to(reshape(x, (size, *ones, *rest)), (size, *shape))


_broadcast_to = primitive(
    "broadcast_to",
    lambda xp, x, *, shape: xp.broadcast_to(x, shape),
    vjps=[lambda ct, x_shape: sum_to(ct, x_shape)],
    jvps=[lambda t, shape: broadcast_to(t, shape)],
    batch=_batch_broadcast,
    shape=lambda x, shape: Spec(shape, x._dtype),
    linear=True,
    family="structural",
)


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """x repeated along new axes and axes of size 1."""
    return apply(_broadcast_to, (x,), {"shape": shape})


def kept_shape(shape: tuple[int, ...], axis: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with size 1 at the axes."""
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def reduced_shape(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape after reducing the axes."""
    return tuple([1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis])


_sum = primitive(
    "reduce_sum",
    # the method x.sum takes a step in Python before it comes here: 90 ns
    lambda xp, x, *, axis, keepdims: xp.add.reduce(x, axis, x.dtype, None, keepdims),
    vjps=[lambda ct, x_shape, axis: spread_over(ct, x_shape, axis)],
    jvps=[lambda t, axis, keepdims: sum_axes(t, axis, keepdims)],
    batch=lambda mask, x, axis, keepdims: sum_axes(x, tuple([a + 1 for a in axis]), keepdims),
    shape=lambda x, axis, keepdims: Spec(reduced_shape(x._shape, axis, keepdims), x._dtype),
    linear=True,
    kinds="iufcV",
    family="reduction",
)


def spread_over(ct: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """The cotangent of a sum over axes, repeated over them."""
    kept = kept_shape(shape, axis)
    if ct._shape and ct._shape != kept:
        ct = reshape(ct, kept)
    return broadcast_to(ct, shape)


def sum_axes(x: Any, axis: tuple[int, ...], keepdims: bool = False) -> Any:
    """The sum over axes that are given as non-negative numbers."""
    return apply(_sum, (x,), {"axis": axis, "keepdims": keepdims})


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The sum of x over the axes along which `shape` was broadcast: the transpose of
    broadcasting.
    """
    have = x._shape
    if have == shape:
        return x
    axes = broadcast_axes(have, shape)
    x = sum_axes(x, axes)
    return x if len(axes) == len(have) - len(shape) else reshape(x, shape)


def broadcast_axes(have: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes along which `shape` was broadcast to `have`."""
    lead = len(have) - len(shape)
    return tuple(range(lead)) + tuple(
        [i + lead for i, n in enumerate(shape) if n == 1 and have[i + lead] != 1]
    )


# sum, product, quotient, conjugate, cast

negative = unary(
    primitive(
        "negative",
        lambda xp, x: -x,
        vjps=[lambda ct: negative(ct)],
        jvps=[lambda t: negative(t)],
        batch=lambda mask, x: negative(x),
        shape=elementwise_shape,
        linear=True,
        kinds="iufcV",
        family="elementwise",
        doc="""Return -x.

        Example:
            >>> import gradtape as tf
            >>> (-tf.constant([1.0, -2.0])).numpy()
            array([-1.,  2.], dtype=float32)
        """,
    )
)

add = binary(
    primitive(
        "add",
        lambda xp, x, y: x + y,
        vjps=[lambda ct: ct, lambda ct: ct],
        jvps=[lambda t: t, lambda t: t],
        batch=batch_elementwise(lambda x, y: add(x, y)),
        shape=elementwise_shape,
        broadcasts=True,
        linear=True,
        kinds="iufcV",
        family="elementwise",
        doc="""Return x + y, broadcasting.

        Example:
            >>> import gradtape as tf
            >>> tf.add([1.0, 2.0], 3.0).numpy()
            array([4., 5.], dtype=float32)
        """,
    )
)

subtract = binary(
    primitive(
        "subtract",
        lambda xp, x, y: x - y,
        vjps=[lambda ct: ct, lambda ct: negative(ct)],
        jvps=[lambda t: t, lambda t: negative(t)],
        batch=batch_elementwise(lambda x, y: subtract(x, y)),
        shape=elementwise_shape,
        broadcasts=True,
        linear=True,
        kinds="iufcV",
        family="elementwise",
        doc="""Return x - y, broadcasting.

        Example:
            >>> import gradtape as tf
            >>> tf.subtract([1.0, 2.0], 3.0).numpy()
            array([-2., -1.], dtype=float32)
        """,
    )
)

_real = primitive(
    "real",
    lambda xp, x: xp.real(x),
    vjps=[lambda ct, x_dtype: cast(ct, x_dtype)],
    jvps=[lambda t: real(t)],
    batch=lambda mask, x: real(x),
    shape=lambda x: Spec(x._shape, real_dtype(x._dtype)),
    linear=True,
    kinds="c",
    family="elementwise",
)


def real_dtype(dtype: Any) -> Any:
    """The dtype of the real part."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def real(input: Any, name: str | None = None) -> Any:
    """Return the real part; a real tensor is returned as it is.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.real(tf.constant(2 + 3j)))
        2.0
    """
    x = as_tensor(input, "real")
    return apply(_real, (x,)) if x._dtype.kind == "c" else x


_conj = unary(
    primitive(
        "conj",
        lambda xp, x: xp.conj(x),
        vjps=[lambda ct: conj(ct)],
        jvps=[lambda t: conj(t)],
        batch=lambda mask, x: conj(x),
        shape=elementwise_shape,
        kinds="iufcV",
        family="elementwise",
    )
)


def conj(x: Any, name: str | None = None) -> Any:
    """Return the complex conjugate; a real tensor is returned as it is.

    Example:
        >>> import gradtape as tf
        >>> complex(tf.math.conj(tf.constant(2 + 3j)))
        (2-3j)
    """
    if type(x) is not Tensor:
        x = as_tensor(x, "conj")
    return _conj(x) if x._dtype.kind == "c" else x


def _cast(xp: Any, x: Any, *, dtype: Any) -> Any:
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = xp.real(x)
    return x.astype(dtype)


def _uncast(ct: Any, x_dtype: Any, dtype: Any) -> Any:
    if not (differentiable(dtype) and differentiable(x_dtype)):
        return INTEGER
    return cast(ct, x_dtype)


_cast_primitive = primitive(
    "cast",
    _cast,
    vjps=[_uncast],
    jvps=[lambda t, dtype: cast(t, dtype)],
    batch=lambda mask, x, dtype: cast(x, dtype),
    shape=lambda x, dtype: Spec(x._shape, dtype),
    linear=True,
    family="structural",
)


def cast(x: Any, dtype: Any) -> Any:
    """x in another NumPy dtype; x itself when it has it already."""
    return x if x._dtype == dtype else apply(_cast_primitive, (x,), {"dtype": dtype})


def fitted(ct: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A cotangent in its input's shape and dtype: summed where the input was broadcast, the real
    part where a real input met complex numbers.
    """
    ct = sum_to(ct, shape)
    if ct._dtype.kind == "c" and dtype.kind != "c":
        ct = real(ct)
    return cast(ct, dtype)


_multiply_doc = """Return x * y, broadcasting.

Example:
    >>> import gradtape as tf
    >>> tf.multiply([1.0, 2.0], 3.0).numpy()
    array([3., 6.], dtype=float32)
"""

multiply = binary(
    primitive(
        "multiply",
        lambda xp, x, y: x * y,
        vjps=[lambda ct, y: chain_multiply(ct, conj(y)), lambda ct, x: chain_multiply(ct, conj(x))],
        jvps=[lambda t, y: chain_multiply(t, y), lambda t, x: chain_multiply(t, x)],
        batch=batch_elementwise(lambda x, y: multiply(x, y)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds="iufcV",
        family="elementwise",
        doc=_multiply_doc,
    )
)


# An exact zero stops a derivative, whatever it meets: what was masked leaves no 0 * inf = nan.
# `chain_multiply` is for two factors of equal standing, the safe product and quotient for a
# cotangent or tangent t and a slope: a slope of 0 does not hide that t is infinite.

chain_multiply = binary(
    primitive(
        "chain_multiply",
        lambda xp, t, d: xp.zero_wins(t * d, t, d),
        vjps=[lambda ct, d: chain_multiply(ct, conj(d)), lambda ct, t: chain_multiply(conj(t), ct)],
        jvps=[lambda t2, d: chain_multiply(t2, d), lambda t2, t: chain_multiply(t, t2)],
        batch=batch_elementwise(lambda t, d: chain_multiply(t, d)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds="iufcV",
        family="elementwise",
        doc="Return t * d, and 0 where one of them is 0 even if the other is infinite or nan.",
    )
)

safe_multiply = binary(
    primitive(
        "safe_multiply",
        lambda xp, t, d: xp.zero_wins(t * d, t),
        vjps=[lambda ct, d: safe_multiply(ct, conj(d)), lambda ct, t: chain_multiply(conj(t), ct)],
        jvps=[lambda t2, d: safe_multiply(t2, d), lambda t2, t: chain_multiply(t, t2)],
        batch=batch_elementwise(lambda t, d: safe_multiply(t, d)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds="iufcV",
        family="elementwise",
        doc="Return t * d, and 0 where t is 0 even if d is infinite or not a number.",
    )
)

safe_divide = binary(
    primitive(
        "safe_divide",
        lambda xp, t, y: xp.zero_wins(t / y, t),
        vjps=[
            lambda ct, y: safe_divide(ct, conj(y)),
            lambda ct, y, out: negative(safe_divide(chain_multiply(conj(out), ct), conj(y))),
        ],
        jvps=[
            lambda t2, y: safe_divide(t2, y),
            lambda t2, y, out: negative(safe_divide(chain_multiply(out, t2), y)),
        ],
        batch=batch_elementwise(lambda t, y: safe_divide(t, y)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds="fcV",
        family="elementwise",
        doc="Return t / y, and 0 where t is 0 even if y is 0.",
    )
)


def full(shape: tuple[int, ...], value: Any, dtype: Any) -> Tensor:
    """A constant tensor of a NumPy dtype."""
    if not shape:
        return Tensor(dtype.type(value))
    try:
        return Tensor(np.full(shape, value, dtype))
    except UnknownSizeError:
        return broadcast_to(Tensor(dtype.type(value)), shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """A tensor of zeros of a NumPy dtype."""
    if not shape:
        return Tensor(dtype.type(0))
    try:
        return Tensor(np.zeros(shape, dtype))
    except UnknownSizeError:
        return full(shape, 0, dtype)


def ones(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """A tensor of ones of a NumPy dtype."""
    if not shape:
        return Tensor(dtype.type(1))
    try:
        array = np.empty(shape, dtype)
    except UnknownSizeError:
        return full(shape, 1, dtype)
    array.fill(1)  # np.full and np.ones take 0.4 us more for the same
    return Tensor(array)


def size_of(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape."""
    return math.prod(shape)


_sizes = primitive(
    "sizes",
    lambda xp, *, value, dtype: xp.asarray(value, dtype=dtype)[()],
    shape=lambda value, dtype: Spec((len(value),) if type(value) is tuple else (), dtype),
    differentiable=False,
    family="structural",
)


_places = primitive(
    "places",
    lambda xp, *, count, dtype: xp.arange(count, dtype=dtype),
    shape=lambda count, dtype: Spec((count,), dtype),
    differentiable=False,
    family="structural",
)


def places(count: int, dtype: Any = INT64) -> Any:
    """The integers 0, 1, 2, ... below count."""
    try:
        return Tensor(np.arange(count, dtype=dtype))
    except UnknownSizeError:
        return apply(_places, (), {"count": count, "dtype": dtype})


def numbers(value: Any, dtype: Any) -> Any:
    """A number, or a tuple of them, as a tensor of a NumPy dtype; sizes of open axes count as
    numbers.
    """
    if open_sizes(value):
        return apply(_sizes, (), {"value": value, "dtype": dtype})
    return Tensor(np.asarray(value, dtype)[()])
