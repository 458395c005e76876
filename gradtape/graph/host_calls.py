"""`py_function` and `numpy_function`: Python code in a recorded function, run when its turn comes.

Where operations run at once they are calls. In a graph they are one operation that leaves compiled
code, calls Python on the host and comes back. The derivative of `py_function` is again such a call:
it runs the function under a tape and walks back, so that every order works; `numpy_function` has
none, because NumPy leaves no record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_effects  # noqa: F401  the verbs
from gradtape.autodiff.tape import GradientTape
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype, differentiable, from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec, TensorShape, TensorSpec
from gradtape.core.sizes import Size, UnknownSizeError, opened
from gradtape.core.state import frame, here, lookouts
from gradtape.core.tensor import Tensor
from gradtape.ops.joining import stack
from gradtape.ops.slicing import getitem
from gradtape.ops.static import callable_or_raise

Shape = tuple[int | None, ...]
Types = Sequence[tuple[Any, Any]]  # dtypes and shapes; None for an open size or an unknown shape


def py_function(
    func: Callable[..., Any] | None = None,
    inp: Any = None,
    Tout: Any = None,
    name: str | None = None,
) -> Any:
    """Call a Python function of tensors, also from a recorded function; differentiable.

    With `Tout` alone it is a decorator: `@tf.py_function(Tout=tf.float32)`.

    Args:
        func: takes the tensors of `inp`, with values, and returns tensors or what converts to them.
        inp: a list of tensors.
        Tout: the dtype of the result or a list of dtypes; a `tf.TensorSpec` also says the shape.
        name: ignored, for compatibility.

    Returns:
        A tensor, or a list of them if `Tout` is a list.

    Raises:
        InvalidArgumentError: when func returns other dtypes or shapes than `Tout` says.

    In a recorded function compiled code needs the shapes: where `Tout` gives none, func is called
    once while recording, with ones. Where a size depends on values, write None for it in the
    `tf.TensorSpec`; the recorded function then runs on NumPy.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def f(x):
        ...     return tf.py_function(lambda x: x * float(x), [x], tf.float32)
        >>> float(f(tf.constant(3.0)))
        9.0
    """
    if func is None:
        return _decorator(py_function, inp, Tout)
    callable_or_raise(func, "py_function", "func")
    return _called(func, inp, Tout, "py_function", True)


def numpy_function(
    func: Callable[..., Any] | None = None,
    inp: Any = None,
    Tout: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Call a function of NumPy arrays, also from a recorded function; it has no derivative.

    With `Tout` alone it is a decorator: `@tf.numpy_function(Tout=tf.float32)`.

    Args:
        func: takes NumPy arrays, returns arrays or numbers.
        inp: a list of tensors.
        Tout: as for `py_function`.
        stateful, name: ignored, for compatibility.

    Example:
        >>> import numpy as np, gradtape as tf
        >>> tf.numpy_function(np.sort, [tf.constant([3.0, 1.0])], tf.float32).numpy()
        array([1., 3.], dtype=float32)
    """
    if func is None:
        return _decorator(numpy_function, inp, Tout)
    callable_or_raise(func, "numpy_function", "func")

    def of_tensors(*tensors: Any) -> Any:
        return func(*[np.asarray(t)[()] for t in tensors])

    return _called(of_tensors, inp, Tout, "numpy_function", False)


def _decorator(call: Callable[..., Any], inp: Any, wanted: Any) -> Callable[..., Any]:
    """What makes a Python function one of tensors, given by position."""
    name = call.__name__
    if inp is not None or wanted is None:
        raise TypeError(
            f"gradtape.{name}: needs func, inp and Tout, not inp={brief(inp)} and Tout={wanted!r}"
            f" alone. As a decorator write @tf.{name}(Tout=tf.float32)."
        )

    def decorated(func: Callable[..., Any]) -> Callable[..., Any]:
        callable_or_raise(func, name, "func")

        @wraps(func)
        def of_tensors(*tensors: Any) -> Any:
            return call(func, tensors, wanted)

        return of_tensors

    return decorated


def _called(func: Any, inp: Any, wanted: Any, function: str, derivative: bool) -> Any:
    inputs = [as_tensor(t, function) for t in (inp if isinstance(inp, (list, tuple)) else [inp])]
    several = isinstance(wanted, (list, tuple))
    types = [_type(t) for t in (wanted if several else [wanted])]
    called = func if several else lambda *tensors: [func(*tensors)]
    if here.mode is None:
        outs = _converted(called(*inputs), types, function)
        if not derivative:
            outs = [t.placed(None) for t in outs]
            for lookout in lookouts:
                params = {"call": HostCall(called, types, function, False)}
                lookout.see(_host_call, tuple(inputs), params, tuple(outs))
    else:
        call = HostCall(called, _shaped(called, inputs, types, function), function, derivative)
        outs = list(apply(_host_call, tuple(inputs), {"call": call}))
    return outs if several else outs[0]


def _type(wanted: Any) -> tuple[Any, Shape | None]:
    """The NumPy dtype and the shape, None where it is not given."""
    if isinstance(wanted, TensorSpec):
        shape = wanted.shape
        return wanted.dtype.numpy_dtype, None if shape.rank is None else tuple(shape)
    return as_dtype(wanted).numpy_dtype, None


def _converted(returned: Any, types: Types, function: str) -> list[Any]:
    """What a function returned as tensors of the dtypes that were announced."""
    flat = [returned]
    if returned is None or isinstance(returned, (list, tuple)):
        flat = list(returned or ())
    if len(flat) != len(types):
        raise InvalidArgumentError(
            f"gradtape.{function}: the function returned {len(flat)} values, but Tout announces"
            f" {len(types)}."
        )
    tensors = []
    for value, (dtype, shape) in zip(flat, types, strict=True):
        tensor = as_tensor_like(value, dtype, function)
        if tensor._dtype != dtype or not TensorShape(shape).is_compatible_with(tensor._shape):
            name, known = from_numpy(dtype).name, "" if shape is None else list(shape)
            raise InvalidArgumentError(
                f"gradtape.{function}: the function returned {brief(tensor)}, but {name}{known} was"
                f" announced. Write Tout=tf.TensorSpec(shape, tf.{name}), with None for sizes that"
                " depend on values."
            )
        tensors.append(tensor)
    return tensors


def _shaped(func: Any, inputs: list[Any], types: Types, function: str) -> Types:
    """The dtypes and shapes of the results; found by a call on ones where they are not given."""
    if all([shape is not None for _, shape in types]):
        return types
    if any([type(n) is Size for t in inputs for n in t._shape]):
        raise UnknownSizeError(
            f"gradtape.{function}: the shape of the result depends on sizes that are not known yet."
            " Give it: Tout=tf.TensorSpec(shape, dtype)."
        )
    ones = [Tensor(np.ones(t._shape, t._dtype)[()]) for t in inputs]
    with frame((), (), None):
        try:
            found = _converted(func(*ones), types, function)
        except Exception as error:
            raise InvalidArgumentError(
                f"gradtape.{function}: the shape of the result is not known, and calling the"
                f" function with ones to see it failed: {error}. Give it:"
                " Tout=tf.TensorSpec(shape, dtype)."
            ) from error
    return [(t._dtype, t._shape) for t in found]


class HostCall:
    """A Python function and what it returns.

    Args:
        func: takes tensors, returns tensors.
        types: dtypes and shapes of the results; a number is the shape of the input with that
            number.
        function: the public function, for errors.
        derivative: whether a tape can follow it.
    """

    def __init__(self, func: Any, types: Types, function: str, derivative: bool) -> None:
        self.func = func
        self.types = types
        self.function = function
        self.derivative = derivative
        # only NumPy makes arrays whose size depends on values
        self.host = any([type(shape) is tuple and None in shape for _, shape in types])

    def types_for(self, shapes: Sequence[Any]) -> Types:
        """Dtypes and shapes of the results for inputs of these shapes."""
        return [(d, shapes[s] if type(s) is int else s) for d, s in self.types]

    def __call__(self, *arrays: Any) -> list[Any]:
        """The results for arrays, as arrays."""
        with frame((), (), None):
            return [t._array for t in self.results(*[Tensor(np.asarray(a)[()]) for a in arrays])]

    def results(self, *tensors: Any) -> list[Any]:
        """The results for tensors, checked."""
        types = self.types_for([t._shape for t in tensors])
        return _converted(self.func(*tensors), types, self.function)

    def pulled(self, wanted: Sequence[bool], given: Sequence[bool], inputs: Any) -> HostCall:
        """The call that gives the cotangents of the wanted inputs, from those that are given."""
        count = len(inputs)
        sources = [i for i, w in enumerate(wanted) if w]

        def back(*tensors: Any) -> list[Any]:
            primals, cts = list(tensors[:count]), list(tensors[count:])
            with GradientTape() as tape:
                tape.watch([primals[i] for i in sources])
                outs = self.results(*primals)
            outs = [o for o, g in zip(outs, given, strict=True) if g]
            pairs = [(o, c) for o, c in zip(outs, cts, strict=True) if differentiable(o._dtype)]
            found = tape.gradient(
                [o for o, _ in pairs],
                [primals[i] for i in sources],
                output_gradients=[c for _, c in pairs],
                unconnected_gradients="zero",
            )
            return [g.dense() if hasattr(g, "dense") else g for g in found]

        return HostCall(back, [(inputs[i]._dtype, i) for i in sources], self.function, True)


def _kernel(xp: Any, *arrays: Any, call: HostCall) -> Any:
    types = call.types_for([a.shape for a in arrays])
    return xp.called_on_host(call, arrays, [(shape, dtype) for dtype, shape in types])


def _shape(*inputs: Any, call: HostCall) -> tuple[Spec, ...]:
    types = call.types_for([t._shape for t in inputs])
    return tuple([Spec(opened(shape), dtype) for dtype, shape in types])


def _pull(ct: Any, inputs: Any, call: HostCall, wanted: Any) -> list[Any]:
    able = tuple([w and differentiable(t._dtype) for w, t in zip(wanted, inputs, strict=True)])
    if not call.derivative or not any(able):
        return [STEPWISE] * len(inputs)
    back = call.pulled(able, [c is not None for c in ct], inputs)
    cts = [c for c in ct if c is not None]
    found = iter(apply(_host_call, (*inputs, *cts), {"call": back}))
    return [next(found) if a else None for a in able]


def _batch(mask: Any, *inputs: Any, call: HostCall) -> Any:
    """One call that calls the function for each example."""
    first = mask.index(True)

    def for_each(*tensors: Any) -> list[Any]:
        size = tensors[first]._shape[0]
        rows = [
            call.results(*[getitem(t, i) if b else t for t, b in zip(tensors, mask, strict=True)])
            for i in range(size)
        ]
        return [stack(list(column), 0) for column in zip(*rows, strict=True)]

    shapes = [t._shape[1:] if b else t._shape for t, b in zip(inputs, mask, strict=True)]
    size = inputs[first]._shape[0]
    types = [(d, _known((size, *shape))) for d, shape in call.types_for(shapes)]
    wide = HostCall(for_each, types, call.function, call.derivative)
    return apply(_host_call, inputs, {"call": wide})


def _known(shape: Sequence[Any]) -> Shape:
    """A shape with None for sizes that are not known yet."""
    return tuple([None if type(n) is Size else n for n in shape])


_host_call = primitive(
    "host_call",
    _kernel,
    joint_vjp=_pull,
    batch=_batch,
    shape=_shape,
    several=True,
    effect=True,
    gaps=True,
    fallible=True,
    family="effect",
)
