"""Gather and scatter under TensorFlow's names: elements by their indices, and their transposes."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, negative, reshape, size_of
from gradtape.ops.calls import mixed_dtypes
from gradtape.ops.gathering import extreme_rows, flat_indices, gather_axis, put_rows
from gradtape.ops.sparse import add_rows, take_rows
from gradtape.ops.static import static_axis, static_int, static_shape


def index_tensor(value: Any, function: str, argument: str = "indices") -> Any:
    """An argument that holds integers as a tensor, InvalidArgumentError for another dtype."""
    if type(value) is not Tensor:
        value = as_tensor(value, function)
    if value._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} is {brief(value)} but integers are needed. "
            f"Write tf.cast({argument}, tf.int32)."
        )
    return value


def out_of_range(error: InvalidArgumentError, call: str) -> InvalidArgumentError:
    """A kernel's complaint of an index, under the name of the public function."""
    cause = error.__cause__
    if not isinstance(cause, IndexError):
        return error
    return InvalidArgumentError(f"gradtape.{call}: {cause}")


# gather


def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    axis: Any = None,
    batch_dims: int = 0,
    name: str | None = None,
) -> Any:
    """Return the slices of `params` at `indices` along an axis.

    The derivative of a gather along axis 0 is an `IndexedSlices`, along another axis it is dense.

    Args:
        params: (P..., n, Q...) any dtype.
        indices: integers in [0, n) of any shape J...; the result has shape P... + J... + Q....
        validate_indices: ignored: indices are always checked.
        axis: the axis of size n; by default `batch_dims`.
        batch_dims: the number of leading axes that both have in common and that run together.

    Raises:
        InvalidArgumentError: when an index is out of range, or the batch axes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.gather([10.0, 20.0, 30.0], [2, 0]).numpy()
        array([30., 10.], dtype=float32)
    """
    params, indices = as_tensor(params, "gather"), index_tensor(indices, "gather")
    rank = len(params._shape)
    if axis is None and not batch_dims:
        axis = 0
    batch = _batch_dims(batch_dims, params, indices, "gather")
    axis = batch if axis is None else static_axis(axis, rank, "gather")
    if axis >= rank:
        raise InvalidArgumentError(
            f"gradtape.gather({brief(params)}): there is no axis {axis} to take from. "
            "Give a tensor with more axes."
        )
    if axis < batch:
        raise InvalidArgumentError(
            f"gradtape.gather({brief(params)}): batch_dims {batch} must be at most axis {axis}."
        )
    try:
        if axis == 0:
            return take_rows(params, indices)
        return gather_axis(params, indices, axis, batch)
    except InvalidArgumentError as error:
        raise out_of_range(error, f"gather({brief(params)}, {brief(indices)})") from None


def _batch_dims(value: Any, params: Any, indices: Any, function: str) -> int:
    """batch_dims as a non-negative number of axes in which the shapes agree."""
    batch = static_int(value, function, "batch_dims")
    rank = len(indices._shape)
    if not -rank <= batch <= rank:
        raise InvalidArgumentError(
            f"gradtape.{function}: batch_dims {batch} is not in [{-rank}, {rank}] "
            f"for indices {brief(indices)}."
        )
    batch = batch + rank if batch < 0 else batch
    if not same_shape(params._shape[:batch], indices._shape[:batch]):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(params)}, {brief(indices)}): the first {batch} axes must "
            "have the same sizes. Write tf.broadcast_to for one of them."
        )
    return batch


def _check_policy(policy: Any, function: str) -> None:
    """Indices out of range raise: refuse TensorFlow's policy to leave them out, and unknown
    ones.
    """
    if not isinstance(policy, str) or policy not in ("", "DEFAULT", "ERROR"):
        raise InvalidArgumentError(
            f"gradtape.{function}: bad_indices_policy must be '', 'DEFAULT' or 'ERROR', not "
            f"{brief(policy)}. Select the indices in range first, with tf.boolean_mask."
        )


def gather_nd(
    params: Any,
    indices: Any,
    batch_dims: int = 0,
    name: str | None = None,
    bad_indices_policy: str = "",
) -> Any:
    """Return the elements or slices of `params` at tuples of indices.

    With a single index in each tuple this is `gather`, whose derivative is an `IndexedSlices`.

    Args:
        params: (B..., n1, ..., nd, Q...) any dtype.
        indices: integers (B..., J..., d); the result has shape B... + J... + Q....
        batch_dims: the number of leading axes B... that run together.

    Raises:
        InvalidArgumentError: when an index is out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.gather_nd([[1.0, 2.0], [3.0, 4.0]], [[0, 1], [1, 0]]).numpy()
        array([2., 3.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "gather_nd")
    params, indices = as_tensor(params, "gather_nd"), index_tensor(indices, "gather_nd")
    if not indices._shape:
        raise InvalidArgumentError(
            f"gradtape.gather_nd: indices {brief(indices)} need a last axis that holds the tuples. "
            "Write tf.expand_dims(indices, -1)."
        )
    batch = _batch_dims(batch_dims, params, indices, "gather_nd")
    depth = indices._shape[-1]
    shape = params._shape
    if batch + depth > len(shape) or batch == len(indices._shape):
        raise InvalidArgumentError(
            f"gradtape.gather_nd({brief(params)}, {brief(indices)}): tuples of {depth} indices "
            f"behind {batch} batch axes reach into more axes than there are."
        )
    inner = shape[batch : batch + depth]
    try:
        numbers = flat_indices(indices, inner)
    except InvalidArgumentError as error:
        raise out_of_range(error, f"gather_nd({brief(params)}, {brief(indices)})") from None
    if depth == 1 and not batch:
        return take_rows(params, numbers)
    flat = reshape(params, (*shape[:batch], size_of(inner), *shape[batch + depth :]))
    return gather_axis(flat, numbers, batch, batch)


# scatter


def _updates(
    indices: Any, updates: Any, shape: tuple[int, ...], dtype: Any, function: str
) -> tuple[Any, Any, tuple[int, ...]]:
    """Checked flat indices (n,), updates (n, *rest) and the shape (rows, *rest) in which they are
    rows.
    """
    indices = index_tensor(indices, function)
    if dtype is None:
        updates = as_tensor(updates, function)
    else:
        updates = as_tensor_like(updates, dtype, function)
    depth = indices._shape[-1] if indices._shape else 0
    if not indices._shape or depth > len(shape):
        raise InvalidArgumentError(
            f"gradtape.{function}: indices {brief(indices)} need a last axis with at most "
            f"{len(shape)} indices, one for each axis of shape {list(shape)}."
        )
    outer, inner = shape[:depth], shape[depth:]
    wanted = (*indices._shape[:-1], *inner)
    if not same_shape(updates._shape, wanted):
        raise InvalidArgumentError(
            f"gradtape.{function}: updates are {brief(updates)} but indices {brief(indices)} into "
            f"shape {list(shape)} need shape {list(wanted)}. Write tf.broadcast_to(updates, "
            f"{list(wanted)})."
        )
    count = size_of(indices._shape[:-1])
    try:
        flat = reshape(flat_indices(indices, outer), (count,))
    except InvalidArgumentError as error:
        call = f"{function}({brief(indices)}, {brief(updates)}) into shape {list(shape)}"
        raise out_of_range(error, call) from None
    return flat, reshape(updates, (count, *inner)), (size_of(outer), *inner)


def scatter_nd(
    indices: Any,
    updates: Any,
    shape: Any,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Any:
    """Return zeros of a shape, to which updates are added at tuples of indices.

    Args:
        indices: integers (J..., d), each in the range of its axis; equal tuples add up.
        updates: J... + shape[d:], any numeric dtype.
        shape: the shape of the result.

    Raises:
        InvalidArgumentError: when an index is out of range or the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.scatter_nd([[1], [3], [1]], [9.0, 10.0, 1.0], [5]).numpy()
        array([ 0., 10.,  0., 10.,  0.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "scatter_nd")
    whole = static_shape(shape, "scatter_nd")
    flat, values, rows = _updates(indices, updates, whole, None, "scatter_nd")
    return reshape(add_rows(values, flat, rows[0]), whole)


def _tensor_and_updates(tensor: Any, indices: Any, updates: Any, function: str) -> tuple[Any, ...]:
    tensor = as_tensor(tensor, function)
    flat, values, rows = _updates(indices, updates, tensor._shape, tensor._dtype, function)
    if values._dtype != tensor._dtype:
        raise mixed_dtypes(function, tensor, values)
    return tensor, flat, values, rows


def tensor_scatter_nd_add(
    tensor: Any,
    indices: Any,
    updates: Any,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Any:
    """Return the tensor with updates added at tuples of indices; equal tuples add up.

    Args:
        tensor: any numeric dtype.
        indices: integers (J..., d), each in the range of its axis.
        updates: J... + tensor.shape[d:], of the tensor's dtype.

    Raises:
        InvalidArgumentError: when an index is out of range or the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.tensor_scatter_nd_add([1.0, 1.0, 1.0], [[0], [0]], [5.0, 2.0]).numpy()
        array([8., 1., 1.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "tensor_scatter_nd_add")
    x, flat, values, rows = _tensor_and_updates(tensor, indices, updates, "tensor_scatter_nd_add")
    return add(x, reshape(add_rows(values, flat, rows[0]), x._shape))


def tensor_scatter_nd_sub(
    tensor: Any,
    indices: Any,
    updates: Any,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Any:
    """Return the tensor with updates subtracted at tuples of indices; equal tuples add up.

    Args, Raises: as for `tensor_scatter_nd_add`.

    Example:
        >>> import gradtape as tf
        >>> tf.tensor_scatter_nd_sub([1.0, 1.0, 1.0], [[0], [2]], [5.0, 2.0]).numpy()
        array([-4.,  1., -1.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "tensor_scatter_nd_sub")
    x, flat, values, rows = _tensor_and_updates(tensor, indices, updates, "tensor_scatter_nd_sub")
    return add(x, negative(reshape(add_rows(values, flat, rows[0]), x._shape)))


def tensor_scatter_nd_update(
    tensor: Any, indices: Any, updates: Any, name: str | None = None
) -> Any:
    """Return the tensor with updates in place of what is at tuples of indices; of equal tuples the
    last counts.

    Args, Raises: as for `tensor_scatter_nd_add`.

    Example:
        >>> import gradtape as tf
        >>> tf.tensor_scatter_nd_update([1.0, 1.0, 1.0], [[0], [2]], [5.0, 2.0]).numpy()
        array([5., 1., 2.], dtype=float32)
    """
    function = "tensor_scatter_nd_update"
    x, flat, values, rows = _tensor_and_updates(tensor, indices, updates, function)
    return reshape(put_rows(reshape(x, rows), flat, values), x._shape)


def _scatter_extreme(tensor: Any, indices: Any, updates: Any, largest: bool, function: str) -> Any:
    x, flat, values, rows = _tensor_and_updates(tensor, indices, updates, function)
    if x._dtype.kind == "c":
        raise InvalidArgumentError(
            f"gradtape.{function}: {brief(x)} has no order. Use a real dtype."
        )
    return reshape(extreme_rows(reshape(x, rows), flat, values, largest), x._shape)


def tensor_scatter_nd_max(
    tensor: Any,
    indices: Any,
    updates: Any,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Any:
    """Return the tensor, at tuples of indices the maximum of it and the updates.

    Ties share the derivative equally. Args, Raises: as for `tensor_scatter_nd_add`.

    Example:
        >>> import gradtape as tf
        >>> tf.tensor_scatter_nd_max([1.0, 1.0, 1.0], [[0], [2]], [5.0, -2.0]).numpy()
        array([5., 1., 1.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "tensor_scatter_nd_max")
    return _scatter_extreme(tensor, indices, updates, True, "tensor_scatter_nd_max")


def tensor_scatter_nd_min(
    tensor: Any,
    indices: Any,
    updates: Any,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Any:
    """Return the tensor, at tuples of indices the minimum of it and the updates.

    Ties share the derivative equally. Args, Raises: as for `tensor_scatter_nd_add`.

    Example:
        >>> import gradtape as tf
        >>> tf.tensor_scatter_nd_min([1.0, 1.0, 1.0], [[0], [2]], [5.0, -2.0]).numpy()
        array([ 1.,  1., -2.], dtype=float32)
    """
    _check_policy(bad_indices_policy, "tensor_scatter_nd_min")
    return _scatter_extreme(tensor, indices, updates, False, "tensor_scatter_nd_min")
