"""What Python functions compute of the values of tensors, with NumPy: results and sizes that depend
on values, and tests of values on the way.

Where the values are known, as they are eagerly, the function is called at once. While a function
is recorded, `computed` becomes an operation that NumPy runs, so that the whole program runs on
NumPy; the size of an axis that depends on values is a new open size. `validated` is for tests that
compiled code can do without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import unknown_size
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import broadcast_to

Specs = tuple[tuple[tuple[int | None, ...], Any], ...]


def known_values(tensors: Sequence[Any]) -> list[Any] | None:
    """The values of tensors as arrays, None where one of them is not known yet."""
    values = []
    for tensor in tensors:
        if tensor.concrete:
            values.append(tensor._array)
            continue
        try:
            value = tensor.contents()
        except TypeError:  # one value for each example
            return None
        if value is None or value.dtype == object:
            return None
        values.append(value)
    return values


# results


def one_shape_for_all(name: str) -> Any:
    """The batching rule of an operation whose result's shape depends on values: it refuses."""

    def batch(mask: Any, *inputs: Any, **params: Any) -> Any:
        raise InvalidArgumentError(
            f"gradtape.{name}: the shape of the result depends on values and would differ between "
            "the examples of vectorized_map. Write tf.where(mask, x, 0), which keeps the shape."
        )

    return batch


def _batch(mask: Any, *inputs: Any, name: str, function: Any, specs: Specs) -> Any:
    if any([None in shape for shape, _ in specs]):
        return one_shape_for_all(name)(mask)
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)

    def for_each(*arrays: Any) -> Any:
        rows = [
            function(*[a[i] if b else a for a, b in zip(arrays, mask, strict=True)])
            for i in range(size)
        ]
        return [np.stack(column) for column in zip(*rows, strict=True)]

    wide = tuple([((size, *shape), dtype) for shape, dtype in specs])
    return apply(_computed, inputs, {"name": name, "function": for_each, "specs": wide})


def _specs(*inputs: Any, name: str, function: Any, specs: Specs) -> tuple[Spec, ...]:
    return tuple(
        [Spec([unknown_size() if n is None else n for n in shape], dtype) for shape, dtype in specs]
    )


_computed = primitive(
    "computed",
    lambda xp, *arrays, name, function, specs: tuple(function(*arrays)),
    batch=_batch,
    shape=_specs,
    several=True,
    host=True,
    differentiable=False,
    family="host",
)


def computed(
    name: str, function: Callable[..., Sequence[Any]], tensors: Sequence[Any], specs: Specs
) -> Any:
    """The results of a Python function of the values of tensors.

    Args:
        name: the public function, for errors.
        function: from arrays to a list of arrays.
        tensors: its arguments.
        specs: shape and dtype of each result; None is a size that depends on values.
    """
    values = known_values(tensors)
    if values is not None:
        return [Tensor(a) for a in function(*values)]
    params = {"name": name, "function": function, "specs": specs}
    return apply(_computed, tuple(tensors), params)


def size_from(name: str, count: Callable[..., int], *tensors: Any) -> Any:
    """The size that a Python function finds from the values of tensors."""
    values = known_values(tensors)
    if values is not None:
        return count(*values)
    carrier = lambda *arrays: [np.empty((count(*arrays), 0), np.bool_)]
    return computed(name, carrier, tensors, (((None, 0), np.dtype(np.bool_)),))[0]._shape[0]


# tests


def _validated_batch(mask: Any, *inputs: Any, test: Any) -> Any:
    x = inputs[0]
    if mask[0]:
        return x
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    return broadcast_to(x, (size, *x._shape))


def _validated_kernel(xp: Any, *arrays: Any, test: Any) -> Any:
    if xp.name == "numpy":
        test(*arrays)
    return arrays[0]


_validated = primitive(
    "validated",
    _validated_kernel,
    joint_vjp=lambda ct, wanted: [ct, *[None] * (len(wanted) - 1)],
    joint_jvp=lambda tangents: tangents[0],
    batch=_validated_batch,
    shape=lambda *specs, test: Spec(specs[0]._shape, specs[0]._dtype),
    family="host",
)


def validated(test: Callable[..., None], x: Any, *others: Any) -> Any:
    """x, after a test of values that may raise; where code is compiled, and in a batch, without."""
    if here.mode is None:
        test(*[t._array for t in (x, *others)])
        return x
    return apply(_validated, (x, *others), {"test": test})
