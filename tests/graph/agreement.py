"""How programs with control flow are compared: values and derivatives, eagerly, recorded and
compiled, with tapes outside and inside, alone and for a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gradtape as tf

F = Callable[..., Any]
NUMPY: tuple[bool | None, ...] = (False,)
BOTH: tuple[bool | None, ...] = (False, True)


def recorded(function: F, compile: bool | None = False) -> Any:
    return tf.function(function, jit_compile=compile)


def floats(tensors: Any) -> list[Any]:
    """The tensors of a structure that have derivatives."""
    return [t for t in tf.nest.flatten(tensors) if t.dtype.is_floating or t.dtype.is_complex]


def all_orders(f: F, order: int = 2) -> F:
    """A function that returns the value, gradients, gradients of these, and the tangent."""

    def g(*xs: Any) -> Any:
        sources = floats(xs)
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(sources)
                y = f(*xs)
            first = inner.gradient(floats(y), sources, unconnected_gradients="zero")
        found = [*tf.nest.flatten(y), *first]
        if order == 2:
            weights = [tf.ones_like(t) * tf.cast(1.3, t.dtype) for t in first]
            found += outer.gradient(
                first, sources, output_gradients=weights, unconnected_gradients="zero"
            )
        with tf.autodiff.ForwardAccumulator(sources, [tf.ones_like(t) for t in sources]) as acc:
            z = f(*xs)
        return found + [acc.jvp(t, unconnected_gradients="zero") for t in floats(z)]

    return g


def slope(f: F) -> F:
    """The derivative of a function of one tensor."""

    def g(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    return g


def third(f: F) -> F:
    """The third derivative of a function of one tensor."""
    return slope(slope(slope(f)))


def close(have: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    """Compare two structures of tensors: the same dtypes and shapes, and values."""
    for a, b in zip(tf.nest.flatten(have), tf.nest.flatten(wanted), strict=True):
        a, b = np.asarray(tf.convert_to_tensor(a)), np.asarray(tf.convert_to_tensor(b))
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * 1e-2)


def agrees(
    f: F,
    *xs: Any,
    compile: Sequence[bool | None] = NUMPY,
    order: int = 2,
    tolerance: float = 1e-5,
) -> Any:
    """Check a program in all orders: recorded under tapes, and with the tapes inside."""
    xs = tuple(tf.convert_to_tensor(x) for x in xs)
    wanted = all_orders(f, order)(*xs)
    for how in compile:
        inside = recorded(all_orders(f, order), how)(*xs)
        close(inside, wanted, tolerance)
        if how is not True:  # compiled, each derivative would be a program of its own
            close(all_orders(recorded(f, how), order)(*xs), wanted, tolerance)
    return wanted


def agrees_in_batch(f: F, *batches: Any, order: int = 2, tolerance: float = 1e-5) -> None:
    """Check a program for each of many examples against a loop, and its derivatives."""
    batches = tuple(tf.convert_to_tensor(b) for b in batches)
    size = batches[0].shape[0]

    def loop(*xs: Any) -> Any:
        rows = [tf.nest.flatten(f(*[x[i] for x in xs])) for i in range(size)]
        return [tf.stack(list(column)) for column in zip(*rows, strict=True)]

    def batch(*xs: Any) -> Any:
        return tf.nest.flatten(tf.vectorized_map(lambda row: f(*row), xs))

    def of_calls(*xs: Any) -> Any:
        return tf.nest.flatten(tf.vectorized_map(lambda row: recorded(f)(*row), xs))

    wanted = all_orders(loop, order)(*batches)
    close(recorded(all_orders(batch, order))(*batches), wanted, tolerance)
    close(all_orders(recorded(batch), order)(*batches), wanted, tolerance)
    close(of_calls(*batches), wanted[: len(of_calls(*batches))], tolerance)
