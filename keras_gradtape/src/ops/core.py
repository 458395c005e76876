"""Variables, conversions, control flow, and the shapes of results without their values."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
from keras.src import tree
from keras.src.backend.common import KerasVariable, standardize_dtype
from keras.src.backend.common.dtypes import result_type
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.backend.common.name_scope import name_scope as name_scope
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.backend.common.symbolic_scope import SymbolicScope

import gradtape as tf
from gradtape.graph.scanning import scanned

SUPPORTS_SPARSE_TENSORS = False
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_COMPLEX_DTYPES = True
SUPPORTS_GRADIENT = True
IS_THREAD_SAFE = True


class Variable(KerasVariable):
    """A variable of Keras that holds one of gradtape's, so that tapes watch it."""

    def _initialize(self, value: Any) -> None:
        with tf.init_scope():
            self._value = tf.Variable(
                value, trainable=self._trainable, dtype=self._dtype, name=self._path
            )

    def _initialize_with_initializer(self, initializer: Any) -> None:
        with tf.init_scope():
            self._initialize(self._convert_to_tensor(initializer(self._shape, dtype=self._dtype)))

    def _direct_assign(self, value: Any) -> None:
        self._value.assign(value)

    def _convert_to_tensor(self, value: Any, dtype: Any = None) -> Any:
        return convert_to_tensor(value, dtype=dtype)

    @property
    def trainable(self) -> bool:
        """Whether the variable is trained; tapes watch it by themselves then."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        if getattr(self, "_value", None) is not None:
            self._value._trainable = self._trainable

    def numpy(self) -> Any:
        """A copy of the value."""
        return convert_to_numpy(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(convert_to_tensor(self), dtype=dtype)

    def __tf_tensor__(self, *asked: Any) -> Any:
        if asked:  # TensorFlow asks, as when TensorBoard writes: it wants a tensor of its own
            return sys.modules["tensorflow"].convert_to_tensor(np.asarray(self), *asked)
        return tf.convert_to_tensor(self.value)

    @property
    def _leaf(self) -> Any:
        return self._value._leaf

    @property
    def _node(self) -> Any:
        return self._value._leaf


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor or variable of gradtape."""
    return isinstance(x, (tf.Tensor, tf.Variable))


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """A value as a tensor, of the dtype that Keras gives to it unless one is asked for."""
    if sparse or ragged:
        raise ValueError(
            "keras_gradtape.convert_to_tensor: sparse and ragged tensors are not supported by"
            " gradtape. Pass a dense one."
        )
    if isinstance(x, tf.Tensor):
        return x if dtype is None else _cast(x, dtype)
    kind = type(x)
    if kind is float or kind is int or kind is bool:
        return tf.constant(_numpy_dtype(dtype or result_type(kind)).type(x))
    if isinstance(x, KerasVariable):
        x = x.value
    if isinstance(x, (tf.Tensor, tf.Variable, tf.IndexedSlices)):
        x = tf.convert_to_tensor(x)
        return x if dtype is None else _cast(x, dtype)
    if isinstance(x, (np.ndarray, np.generic)):
        if dtype is None and x.dtype in PLAIN:
            return tf.constant(x)
        return tf.constant(x.astype(_numpy_dtype(x.dtype if dtype is None else dtype), copy=False))
    leaves = tree.flatten(x)
    if dtype is None:
        dtype = result_type(*[getattr(i, "dtype", type(i)) for i in leaves])
    if any([isinstance(i, (tf.Tensor, tf.Variable, KerasVariable)) for i in leaves]):
        return _stacked(x, dtype)
    return tf.constant(np.asarray(x, dtype=_numpy_dtype(dtype)))


# what Keras takes as it is
PLAIN = frozenset([np.dtype(name) for name in ("float32", "float64", "int32", "int64", "uint8")])


def _numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype that a value of Keras's dtype has."""
    return tf.as_dtype(standardize_dtype(dtype)).numpy_dtype


def _stacked(x: Any, dtype: str) -> Any:
    """A nested list with tensors in it, as one tensor."""
    if isinstance(x, (list, tuple)):
        return tf.stack([_stacked(i, dtype) for i in x])
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Any) -> Any:
    """A value as an array of its own."""
    return np.array(convert_to_tensor(x)) if not isinstance(x, np.ndarray) else np.array(x)


def shape(x: Any) -> tuple[int, ...]:
    """The sizes of the axes, a tensor for one that is not known yet."""
    sizes = tuple(x.shape)
    if None not in sizes or isinstance(x, KerasTensor):
        return sizes
    known_later = tf.shape(x)
    return tuple([known_later[i] if n is None else n for i, n in enumerate(sizes)])


def cast(x: Any, dtype: Any) -> Any:
    """A value converted to another dtype."""
    return convert_to_tensor(x, dtype=dtype)


def _cast(x: Any, dtype: Any) -> Any:
    wanted = tf.as_dtype(dtype if type(dtype) is str else standardize_dtype(dtype)).numpy_dtype
    if x._dtype == wanted:
        return x
    if wanted.kind == "b":
        return tf.not_equal(x, tf.cast(0, x.dtype))
    if x._dtype.kind == "c" and wanted.kind != "c":
        x = tf.math.real(x)
    return tf.cast(x, wanted)


# results without values

FIRST, SECOND = 83, 89  # sizes that stand for unknown ones: where results differ they are unknown


def compute_output_spec(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of a function's results, without computing them."""
    with SymbolicScope():
        unknown = any(
            [isinstance(x, KerasTensor) and None in x.shape for x in tree.flatten((args, kwargs))]
        )
        first = _recorded(fn, args, kwargs, FIRST)
        second = _recorded(fn, args, kwargs, SECOND) if unknown else first
        return tree.map_structure(_spec, first, second)


def _recorded(fn: Any, args: Any, kwargs: Any, size: int) -> Any:
    """What a function returns for symbolic tensors of fixed sizes."""
    with StatelessScope(), tf.Graph().as_default():

        def stand_in(x: Any) -> Any:
            elsewhere = isinstance(x, tf.Tensor) and not x.concrete  # of the graph around this one
            if not (isinstance(x, KerasTensor) or elsewhere):
                return x
            sizes = [size if n is None else n for n in x.shape]
            return tf.compat.v1.placeholder(x.dtype, sizes)

        given: Any = tree.map_structure(stand_in, (args, kwargs))
        args, kwargs = given
        return fn(*args, **kwargs)


def _spec(first: Any, second: Any) -> Any:
    if not is_tensor(first):
        return first
    sizes = [a if a == b else None for a, b in zip(first.shape, second.shape)]
    return KerasTensor(sizes, standardize_dtype(first.dtype))


# control flow


def cond(pred: Any, true_fn: Any, false_fn: Any) -> Any:
    """What one of two functions returns."""
    if isinstance(pred, KerasVariable):
        pred = pred.value
    if isinstance(pred, tf.Variable):
        pred = tf.convert_to_tensor(pred)
    if not isinstance(pred, tf.Tensor):
        return true_fn() if pred else false_fn()
    return tf.cond(tf.cast(pred, tf.bool), true_fn, false_fn)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """What the function with a number returns; numbers beyond the ends are those of the ends."""
    index = tf.clip_by_value(convert_to_tensor(index, "int32"), 0, len(branches) - 1)
    return tf.switch_case(index, [lambda b=b: b(*operands) for b in branches])


def while_loop(cond: Any, body: Any, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """The variables of a loop when its condition no longer holds."""
    several = isinstance(loop_vars, (tuple, list))
    start = tuple(loop_vars) if several else (loop_vars,)
    start = tree.map_structure(convert_to_tensor, start)

    def step(*values: Any) -> Any:
        made = body(*values)
        made = tuple(made) if isinstance(made, (tuple, list)) and several else (made,)
        return tree.map_structure(convert_to_tensor, made)

    found = tf.while_loop(cond, step, start, maximum_iterations=maximum_iterations)
    return tuple(found) if several else found[0]


def fori_loop(lower: Any, upper: Any, body_fun: Any, init_val: Any) -> Any:
    """A value changed for each number of a range."""
    value = tree.map_structure(convert_to_tensor, init_val)
    if type(lower) is int and type(upper) is int and tf.executing_eagerly():
        for i in range(lower, upper):
            value = body_fun(i, value)
        return value
    lower, upper = convert_to_tensor(lower), convert_to_tensor(upper)

    def step(i: Any, value: Any) -> Any:
        return i + 1, tree.map_structure(convert_to_tensor, body_fun(i, value))

    return tf.while_loop(lambda i, value: i < upper, step, (lower, value))[1]


def map(f: Any, xs: Any) -> Any:
    """The results of a function for each element along the first axis, one after the other."""
    return scan(lambda nothing, x: (nothing, f(x)), tf.zeros(()), xs)[1]


def vectorized_map(function: Any, elements: Any) -> Any:
    """The results of a function for each element along the first axis, all at once."""
    return tf.vectorized_map(function, tree.map_structure(convert_to_tensor, elements))


def scan(
    f: Any,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> Any:
    """A value carried along the first axis of `xs`, and what each step gives besides, stacked."""
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, (bool, int)) or (not isinstance(unroll, bool) and unroll < 1):
        raise ValueError(f"`unroll` must be an positive integer or boolean. Received: {unroll}")
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    rows = [] if xs is None else [convert_to_tensor(x) for x in tree.flatten(xs)]
    made: list[Any] = []

    def step(state: Any, row: Any) -> Any:
        x = tree.pack_sequence_as(xs, row) if rows else None
        both: Any = f(tree.pack_sequence_as(init, state), x)
        carry, made[:] = both[0], both[1:]
        return _tensors(carry), _tensors(made[0])

    along = rows or [tf.range(int(length or 0))]
    after: Any = scanned(step, _tensors(init), along, along, reverse, "keras.ops.scan")
    state, results = after
    found = iter(results)
    stacked = tree.map_structure(lambda y: None if y is None else next(found), made[0])
    return tree.pack_sequence_as(init, state), stacked


def _tensors(structure: Any) -> list[Any]:
    """What a structure holds, in a row; None is left out."""
    return [convert_to_tensor(x) for x in tree.flatten(structure) if x is not None]


def associative_scan(f: Any, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """What an associative function makes of the first one, two, three, ... elements of an axis.

    Neighbours are combined, the pairs scanned likewise, and what lies between follows from them by
    one more step each, so that the depth is logarithmic (Ladner and Fischer 1980).
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    leaves = [_axis_first(convert_to_tensor(x), axis) for x in tree.flatten(elems)]
    if reverse:
        leaves = [tf.reverse(x, [0]) for x in leaves]
    if len({x.shape[0] for x in leaves}) > 1:
        raise ValueError(
            "The arrays of `elems` must have the same first dimension, that of `axis`. Received:"
            f" {[x.shape[0] for x in leaves]} along axis={axis}"
        )

    def combined(first: list[Any], second: list[Any]) -> list[Any]:
        parts = (tree.pack_sequence_as(elems, [_axis_first(x, axis, True) for x in side])
                 for side in (first, second))  # fmt: skip
        return [_axis_first(convert_to_tensor(x), axis) for x in tree.flatten(f(*parts))]

    found = _prefixes(combined, leaves)
    found = [tf.reverse(x, [0]) for x in found] if reverse else found
    return tree.pack_sequence_as(elems, [_axis_first(x, axis, True) for x in found])


def _axis_first(x: Any, axis: int, back: bool = False) -> Any:
    """An axis put first, or back from there."""
    order = list(range(len(x._shape)))
    if back:
        order.insert(axis % len(order), order.pop(0))
    else:
        order.insert(0, order.pop(axis))
    return x if order == sorted(order) else tf.transpose(x, order)


def _prefixes(combined: Any, leaves: list[Any]) -> list[Any]:
    """All prefixes along the first axis combined."""
    size = int(leaves[0].shape[0])
    if size < 2:
        return leaves
    pairs = combined([x[0 : size - 1 : 2] for x in leaves], [x[1:size:2] for x in leaves])
    odd = _prefixes(combined, pairs)  # those that end at 1, 3, 5, ...
    even = [x[:1] for x in leaves]
    if size > 2:
        later = [x[2::2] for x in leaves]
        count = int(later[0].shape[0])
        more = combined([x[:count] for x in odd], later)
        even = [tf.concat([x, y], 0) for x, y in zip(even, more)]
    return [_interleaved(x, y) for x, y in zip(even, odd)]


def _interleaved(even: Any, odd: Any) -> Any:
    """Rows taken in turn; of the even ones there may be one more."""
    count = int(odd.shape[0])
    both = tf.reshape(tf.stack([even[:count], odd], 1), [2 * count, *odd.shape[1:]])
    return tf.concat([both, even[count:]], 0)


# slices


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Values at indices of zeros of a shape; those at one index add up."""
    indices, values = convert_to_tensor(indices, "int32"), convert_to_tensor(values)
    return tf.scatter_nd(indices, values, tuple(shape))


UPDATES = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
}


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """A tensor with elements at indices replaced, or combined with what is there."""
    inputs = convert_to_tensor(inputs)
    indices = convert_to_tensor(indices, "int32")
    updates = convert_to_tensor(updates, inputs.dtype)
    if reduction == "mul":
        return inputs * _factors(inputs, indices, updates)
    return UPDATES[reduction](inputs, indices, updates)


def _factors(inputs: Any, indices: Any, updates: Any) -> Any:
    """The products of the updates at each place of `inputs`, 1 where there is none."""
    depth = int(indices.shape[-1])
    sizes = [int(n) for n in inputs.shape]
    count = int(np.prod(sizes[:depth]))
    steps = [int(np.prod(sizes[i + 1 : depth])) for i in range(depth)]
    flat = tf.reduce_sum(indices * tf.constant(steps, tf.int32), -1)
    rows = tf.reshape(updates, [-1, *sizes[depth:]])
    products = tf.math.unsorted_segment_prod(rows, tf.reshape(flat, [-1]), count)
    return tf.reshape(products, sizes)


def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """A block of a tensor."""
    inputs = convert_to_tensor(inputs)
    return tf.slice(inputs, convert_to_tensor(start_indices, "int32"), tuple(shape))


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A tensor with a block replaced."""
    inputs = convert_to_tensor(inputs)
    updates = convert_to_tensor(updates, inputs.dtype)
    start = [
        convert_to_tensor(s, "int32") for s in tf.unstack(convert_to_tensor(start_indices, "int32"))
    ]
    axes = [tf.range(n) + s for n, s in zip(updates.shape, start)]
    places = tf.stack(tf.meshgrid(*axes, indexing="ij"), axis=-1)
    return tf.tensor_scatter_nd_update(inputs, places, updates)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices of a tensor along an axis."""
    return list(tf.unstack(convert_to_tensor(x), num=num, axis=axis))


# derivatives


def stop_gradient(variable: Any) -> Any:
    """The same value, through which no gradient flows."""
    return tf.stop_gradient(convert_to_tensor(variable))


def grad(f: Any, argnums: int | tuple[int, ...] = 0) -> Any:
    """A function that gives the gradient of another one by some of its arguments."""

    def gradient(*args: Any, **kwargs: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else argnums
        positions = [_position(n, len(args)) for n in numbers]
        chosen = {n: tree.map_structure(convert_to_tensor, args[n]) for n in positions}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(chosen.values()))
            value = f(*[chosen.get(i, x) for i, x in enumerate(args)], **kwargs)
        by = [chosen[n] for n in positions]
        found = tape.gradient(value, by, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return found[0] if isinstance(argnums, int) else tuple(found)

    return gradient


def _position(number: int, count: int) -> int:
    """The place of an argument; negative numbers count from the last."""
    if not -count <= number < count:
        raise ValueError(
            f"`argnums` must be within the {count} positional arguments. Received: {number}"
        )
    return number % count


def custom_gradient(f: Any) -> Any:
    """A function with a gradient of its own."""
    return tf.custom_gradient(f)


def remat(f: Any) -> Any:
    """A function whose intermediate values are computed again for the gradient."""
    return tf.recompute_grad(f)


def random_seed_dtype() -> str:
    """The dtype of seeds."""
    return "uint32"


@contextlib.contextmanager
def device_scope(device_name: Any) -> Any:
    """Run a block on a device, such as "cpu:0" or "gpu:0"."""
    name = str(device_name).replace("gpu", "GPU").replace("cpu", "CPU")
    with tf.device(name if ":" in name else f"{name}:0"):
        yield
