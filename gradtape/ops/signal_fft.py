"""The Fourier transforms of `tf.signal`: they check their arguments, cut or pad, and call the
linear maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops import fourier
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import cast, multiply, transpose
from gradtape.ops.static import check_size, static, static_axes, static_int

NORMS = (None, "backward", "ortho", "forward")


def _complex(value: Any, function: str, least: int) -> Any:
    """A complex tensor; numbers and arrays that are real are converted, tensors that are real
    raise.
    """
    x = as_tensor(value, function)
    if x._dtype.kind != "c":
        if x is value or hasattr(value, "__tf_tensor__"):
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(x)}): needs a complex tensor. Write "
                "tf.cast(x, tf.complex64), or tf.signal.rfft for real ones."
            )
        wide = np.complex64 if x._dtype.itemsize <= 4 else np.complex128
        x = cast(x, np.dtype(wide))
    return _ranked(x, function, least)


def _real(value: Any, function: str, least: int) -> Any:
    """A float32 or float64 tensor; integers that are not tensors become float32."""
    x = as_tensor(value, function)
    if x._dtype.kind in "iu" and x is not value and not hasattr(value, "__tf_tensor__"):
        x = cast(x, np.dtype(np.float32))
    if x._dtype not in (np.float32, np.float64):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs a float32 or float64 tensor. Write "
            "tf.cast(x, tf.float32), or tf.signal.fft for complex ones."
        )
    return _ranked(x, function, least)


def _ranked(x: Any, function: str, least: int) -> Any:
    if len(x._shape) < least:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs at least {least} axes. Write tf.reshape first."
        )
    return x


def _last(x: Any, count: int) -> tuple[int, ...]:
    rank = len(x._shape)
    return tuple(range(rank - count, rank))


def _lengths(value: Any, count: int, function: str) -> tuple[int, ...] | None:
    """The argument fft_length: None, or one positive integer for each axis."""
    if value is None:
        return None
    items = static(value, function, "fft_length")
    items = list(items) if isinstance(items, (list, tuple)) else [items]
    sizes = tuple(static_int(n, function, "fft_length") for n in items)
    if len(sizes) != count or min(sizes, default=1) < 1:
        raise InvalidArgumentError(
            f"gradtape.{function}: fft_length must have {count} positive integers, not {value!r}."
        )
    check_size(sizes, function, 16)
    return sizes


def _fitted(x: Any, sizes: tuple[int, ...] | None, axes: tuple[int, ...]) -> Any:
    for size, axis in zip(sizes or (), axes, strict=False):
        x = fourier.resized(x, size, axis)
    return x


def _to_last(x: Any, axis: int) -> Any:
    rank = len(x._shape)
    if axis == rank - 1:
        return x
    return transpose(x, (*[i for i in range(rank) if i != axis], axis))


def _from_last(x: Any, axis: int) -> Any:
    rank = len(x._shape)
    if axis == rank - 1:
        return x
    return transpose(x, (*range(axis), rank - 1, *range(axis, rank - 1)))


def _forward(x: Any, sizes: Any, axes: tuple[int, ...]) -> Any:
    """Real input: `rfft` over the last of the axes, `fft` over the others; not scaled."""
    x = _fitted(x, sizes, axes)
    half = _from_last(fourier.rfft(_to_last(x, axes[-1])), axes[-1])
    return fourier.fft(half, axes[:-1]) if len(axes) > 1 else half


def _backward(y: Any, sizes: Any, axes: tuple[int, ...]) -> Any:
    """The inverse of `_forward`, scaled by one over the number of elements."""
    outer, last = axes[:-1], axes[-1]
    if sizes is None:
        sizes = (*[y._shape[a] for a in outer], max(0, 2 * (y._shape[last] - 1)))
    *others, size = sizes
    y = _fitted(y, (*others, size // 2 + 1), axes)
    if outer:
        y = fourier.fft(y, outer, True)
    return _from_last(fourier.irfft(_to_last(y, last), size), last)


def fft(input: Any, name: str | None = None) -> Any:
    """Transform the last axis: y[k] = sum over j of x[j] exp(-2 pi i j k / n).

    Args:
        input: (..., n) complex64 or complex128.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a real tensor or one without axes.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.fft(tf.constant([1 + 0j, 2, 4, 3])).numpy()
        array([10.+0.j, -3.+1.j,  0.+0.j, -3.-1.j])
    """
    x = _complex(input, "signal.fft", 1)
    return fourier.fft(x, _last(x, 1))


def ifft(input: Any, name: str | None = None) -> Any:
    """Transform the last axis back: x[j] = 1/n sum over k of y[k] exp(2 pi i j k / n).

    Args:
        input: (..., n) complex64 or complex128.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a real tensor or one without axes.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.ifft(tf.constant([10 + 0j, -3 + 1j, 0, -3 - 1j])).numpy().real
        array([1., 2., 4., 3.])
    """
    x = _complex(input, "signal.ifft", 1)
    return fourier.fft(x, _last(x, 1), True)


def fft2d(input: Any, name: str | None = None) -> Any:
    """Transform the last two axes: see `tf.signal.fft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.fft2d(tf.constant([[1 + 0j, 2], [3, 4]])).numpy().real
        array([[10., -2.],
               [-4.,  0.]])
    """
    x = _complex(input, "signal.fft2d", 2)
    return fourier.fft(x, _last(x, 2))


def ifft2d(input: Any, name: str | None = None) -> Any:
    """Transform the last two axes back: see `tf.signal.ifft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.ifft2d(tf.constant([[10 + 0j, -2], [-4, 0]])).numpy().real
        array([[1., 2.],
               [3., 4.]])
    """
    x = _complex(input, "signal.ifft2d", 2)
    return fourier.fft(x, _last(x, 2), True)


def fft3d(input: Any, name: str | None = None) -> Any:
    """Transform the last three axes: see `tf.signal.fft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.fft3d(tf.constant([[[1 + 0j, 2]]])).numpy().real
        array([[[ 3., -1.]]])
    """
    x = _complex(input, "signal.fft3d", 3)
    return fourier.fft(x, _last(x, 3))


def ifft3d(input: Any, name: str | None = None) -> Any:
    """Transform the last three axes back: see `tf.signal.ifft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.ifft3d(tf.constant([[[3 + 0j, -1]]])).numpy().real
        array([[[1., 2.]]])
    """
    x = _complex(input, "signal.ifft3d", 3)
    return fourier.fft(x, _last(x, 3), True)


def rfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last axis of a real tensor: the first n // 2 + 1 elements of `tf.signal.fft`.

    Args:
        input_tensor: (..., n) float32 or float64.
        fft_length: (1,) the length to which the axis is cut or padded with zeros.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, a tensor without axes, or a length that is not
            positive.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.rfft(tf.constant([1.0, 2.0, 4.0, 3.0])).numpy()
        array([10.+0.j, -3.+1.j,  0.+0.j], dtype=complex64)
    """
    x = _real(input_tensor, "signal.rfft", 1)
    return _forward(x, _lengths(fft_length, 1, "signal.rfft"), _last(x, 1))


def irfft(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last axis back to a real tensor: the inverse of `tf.signal.rfft`.

    Args:
        input_tensor: (..., n // 2 + 1) complex64 or complex128.
        fft_length: (1,) the length n of the result, by default even.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a real tensor, one without axes, or a length that is not positive.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.irfft(tf.constant([10 + 0j, -3 + 1j, 0])).numpy()
        array([1., 2., 4., 3.])
    """
    y = _complex(input_tensor, "signal.irfft", 1)
    return _backward(y, _lengths(fft_length, 1, "signal.irfft"), _last(y, 1))


def rfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last two axes of a real tensor: see `tf.signal.rfft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.rfft2d(tf.constant([[1.0, 2.0], [3.0, 4.0]])).numpy().real
        array([[10., -2.],
               [-4.,  0.]], dtype=float32)
    """
    x = _real(input_tensor, "signal.rfft2d", 2)
    return _forward(x, _lengths(fft_length, 2, "signal.rfft2d"), _last(x, 2))


def irfft2d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last two axes back to a real tensor: see `tf.signal.irfft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.irfft2d(tf.constant([[10 + 0j, -2], [-4, 0]])).numpy()
        array([[1., 2.],
               [3., 4.]])
    """
    y = _complex(input_tensor, "signal.irfft2d", 2)
    return _backward(y, _lengths(fft_length, 2, "signal.irfft2d"), _last(y, 2))


def rfft3d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last three axes of a real tensor: see `tf.signal.rfft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.rfft3d(tf.constant([[[1.0, 2.0]]])).numpy().real
        array([[[ 3., -1.]]], dtype=float32)
    """
    x = _real(input_tensor, "signal.rfft3d", 3)
    return _forward(x, _lengths(fft_length, 3, "signal.rfft3d"), _last(x, 3))


def irfft3d(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
    """Transform the last three axes back to a real tensor: see `tf.signal.irfft`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.irfft3d(tf.constant([[[3 + 0j, -1]]])).numpy()
        array([[[1., 2.]]])
    """
    y = _complex(input_tensor, "signal.irfft3d", 3)
    return _backward(y, _lengths(fft_length, 3, "signal.irfft3d"), _last(y, 3))


# over any axes


def _axes(x: Any, axes: Any, fft_length: Any, function: str) -> tuple[int, ...]:
    """The axes in the order given; by default all, or as many of the last as there are lengths."""
    rank = len(x._shape)
    if axes is None:
        items = static(fft_length, function, "fft_length")
        count = rank if fft_length is None else len(items) if isinstance(items, list) else 1
        return tuple(range(rank - count, rank))
    order = static(axes, function, "axes")
    order = order if isinstance(order, (list, tuple)) else [order]
    if not static_axes(order, rank, function):
        raise InvalidArgumentError(
            f"gradtape.{function}: axes is empty. Leave it out for all axes."
        )
    return tuple(a % rank for a in order)


def _scale(norm: Any, count: int, inverse: bool, function: str) -> float:
    """The factor beside that of `backward`: 1 forward, 1 / count back."""
    if norm not in NORMS:
        raise InvalidArgumentError(
            f"gradtape.{function}: norm must be 'backward', 'ortho' or 'forward', not {norm!r}."
        )
    exponent = {"ortho": 0.5, "forward": 1.0}.get(norm or "backward", 0.0)
    return float(count) ** (exponent if inverse else -exponent)


def _scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else multiply(x, Tensor(x._dtype.type(factor)))


def _sized(x: Any, axes: tuple[int, ...]) -> int:
    count = 1
    for a in axes:
        count *= x._shape[a]
    return max(count, 1)


def _whole(function: str, value: Any, fft_length: Any, axes: Any, norm: Any, inverse: bool) -> Any:
    x = _complex(value, function, 1)
    places = _axes(x, axes, fft_length, function)
    x = _fitted(x, _lengths(fft_length, len(places), function), places)
    _scale(norm, 1, inverse, function)
    return fourier.fft(x, places, inverse, norm or "backward")


def fftnd(
    input_tensor: Any,
    fft_length: Any = None,
    axes: Any = None,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform any axes: see `tf.signal.fft`.

    Args:
        input_tensor: complex64 or complex128.
        fft_length: the lengths to which the axes are cut or padded with zeros.
        axes: the axes, by default all.
        norm: "backward" (the default; the inverse is scaled by 1/n), "ortho" or "forward", as in
            NumPy.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a real tensor, an axis out of range, or another norm.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.fftnd(tf.constant([[1 + 0j, 2], [3, 4]]), axes=[0]).numpy().real
        array([[ 4.,  6.],
               [-2., -2.]])
    """
    return _whole("signal.fftnd", input_tensor, fft_length, axes, norm, False)


def ifftnd(
    input_tensor: Any,
    fft_length: Any = None,
    axes: Any = None,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform any axes back: the inverse of `tf.signal.fftnd`, with its arguments.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.ifftnd(tf.constant([[4 + 0j, 6], [-2, -2]]), axes=[0]).numpy().real
        array([[1., 2.],
               [3., 4.]])
    """
    return _whole("signal.ifftnd", input_tensor, fft_length, axes, norm, True)


def rfftnd(
    input_tensor: Any,
    fft_length: Any = None,
    axes: Any = None,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform any axes of a real tensor, the last of them to half: see `tf.signal.fftnd`.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.rfftnd(tf.constant([[1.0, 2.0], [3.0, 4.0]]), axes=[0]).numpy().real
        array([[ 4.,  6.],
               [-2., -2.]], dtype=float32)
    """
    function = "signal.rfftnd"
    x = _real(input_tensor, function, 1)
    places = _axes(x, axes, fft_length, function)
    sizes = _lengths(fft_length, len(places), function)
    count = _sized(_fitted(x, sizes, places), places)
    return _scaled(_forward(x, sizes, places), _scale(norm, count, False, function))


def irfftnd(
    input_tensor: Any,
    fft_length: Any = None,
    axes: Any = None,
    norm: Any = None,
    name: str | None = None,
) -> Any:
    """Transform any axes back to a real tensor: the inverse of `tf.signal.rfftnd`, with its
    arguments.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.irfftnd(tf.constant([[4 + 0j, 6], [-2, -2]]), axes=[0]).numpy()
        array([[1., 2.],
               [3., 4.]])
    """
    function = "signal.irfftnd"
    y = _complex(input_tensor, function, 1)
    places = _axes(y, axes, fft_length, function)
    out = _backward(y, _lengths(fft_length, len(places), function), places)
    return _scaled(out, _scale(norm, _sized(out, places), True, function))


# shifts


def _shifted(x: Any, axes: Any, function: str, inverse: bool) -> Any:
    x = as_tensor(x, function)
    for axis in static_axes(axes, len(x._shape), function):
        n = x._shape[axis]
        first = n // 2 if inverse else n - n // 2
        if 0 < first < n:
            x = concat([slice_axis(x, first, n, axis), slice_axis(x, 0, first, axis)], axis)
    return x


def fftshift(x: Any, axes: Any = None, name: str | None = None) -> Any:
    """Move the zero frequency to the middle of the axes, by default all.

    Args:
        x: any tensor.
        axes: an integer or a list.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.fftshift([0, 1, 2, -2, -1]).numpy()
        array([-2, -1,  0,  1,  2], dtype=int32)
    """
    return _shifted(x, axes, "signal.fftshift", False)


def ifftshift(x: Any, axes: Any = None, name: str | None = None) -> Any:
    """Undo `tf.signal.fftshift`.

    Args:
        x: any tensor.
        axes: an integer or a list.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.signal.ifftshift([-2, -1, 0, 1, 2]).numpy()
        array([ 0,  1,  2, -2, -1], dtype=int32)
    """
    return _shifted(x, axes, "signal.ifftshift", True)
