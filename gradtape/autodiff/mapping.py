"""`vectorized_map`: a function of one example, run once for all examples of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.ops.basis import reshape
from gradtape.ops.static import callable_or_raise


def vectorized_map(
    fn: Callable[[Any], Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True
) -> Any:
    """Apply a function to each example of a batch, all at once.

    Args:
        fn: takes one example in the structure of `elems`, returns a tensor or a structure of them.
            Tapes and accumulators may be opened in it: then they work example by example. Each
            example draws random numbers of its own.
        elems: a tensor or a structure of them, whose first axes have one size, or size 1 for what
            all examples share.
        fallback_to_while_loop: whether an operation without a batching rule runs once for each
            example; otherwise it raises ValueError.
        warn: whether that is said.

    Returns:
        The results in fn's structure, with the examples along a new first axis.

    Raises:
        InvalidArgumentError: when an element has no axes, or the first axes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.vectorized_map(lambda x: x * x[0], tf.constant([[1.0, 2.0], [3.0, 4.0]])).numpy()
        array([[ 1.,  2.],
               [ 9., 12.]], dtype=float32)
    """
    callable_or_raise(fn, "vectorized_map", "fn")
    tensors = [as_tensor(t, "vectorized_map") for t in nest.flatten(elems)]
    size = _size(tensors)
    apart = type(size) is not int or size > 0  # an example draws random numbers of its own
    with batching(size, fallback=fallback_to_while_loop, warn=warn, apart=apart) as mode:
        examples = [
            BatchedTensor(t, None, mode) if t._shape[0] == size else reshape(t, t._shape[1:])
            for t in tensors
        ]
        results = fn(nest.pack_sequence_as(elems, examples))
        flat = [None if r is None else as_tensor(r) for r in nest.flatten(results)]
    return nest.pack_sequence_as(results, [None if r is None else spread(r, mode) for r in flat])


def _size(tensors: list[Any]) -> int:
    """How many examples there are."""
    sizes = {t._shape[0] for t in tensors if t._shape}
    if not sizes or len(sizes - {1}) > 1 or any(not t._shape for t in tensors):
        shown = ", ".join(brief(t) for t in tensors)
        raise InvalidArgumentError(
            f"gradtape.vectorized_map: elems are {shown or 'empty'}, but they need a first axis of "
            "one size (or 1), the examples."
        )
    return (sizes - {1} or {1}).pop()
