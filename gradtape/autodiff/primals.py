"""The arguments at which a function is differentiated, and what the function makes of them.

A function that is differentiated gets tensors of its own: the arguments' values on new nodes, so
that a derivative by an argument never takes in another use of the same tensor (an enclosing
derivative's, or that of a second argument). What is active outside sees a new tensor as the result
of an operation on the old one, and so derivatives nest in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients, unconnected_mode
from gradtape.core import nest
from gradtape.core.convert import NUMBERS, as_tensor, as_tensor_like
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import ConversionError, InvalidArgumentError, brief
from gradtape.core.record import Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import reshape
from gradtape.ops.sparse import IndexedSlices


class Primals:
    """Some of the arguments of a call, as tensors on nodes of their own.

    Args:
        args: the positional arguments.
        chosen: which of them are differentiated, in the order of the answer.
        function: the public function that asks, for messages.
        real: refuse integers.

    Attributes:
        tensors: the leaves of the chosen arguments.
    """

    def __init__(
        self, args: Sequence[Any], chosen: Sequence[int], function: str, real: bool = True
    ) -> None:
        self.args = args
        self.chosen = chosen
        self.function = function
        picked = tuple([args[i] for i in chosen])
        self._tree: Any = None
        if all([type(p) is Tensor for p in picked]):
            leaves: Sequence[Any] = picked
        else:
            leaves, self._tree = nest.optree.tree_flatten(
                picked, lambda v: v is not picked and _one_value(v), none_is_leaf=True
            )
        self.tensors = [fresh(as_tensor(leaf, function)) for leaf in leaves]
        if real:
            self._refuse_integers()

    def _refuse_integers(self) -> None:
        for tensor in self.tensors:
            if not differentiable(tensor._dtype):
                raise ConversionError(
                    f"gradtape.{self.function}: the argument {brief(tensor)} is of integers or "
                    "booleans, which have no derivative. Write 3.0 instead of 3, or "
                    "tf.cast(x, tf.float32); leave it out of argnums, or close over it."
                )

    def call(self, f: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
        """Run a function at the arguments."""
        if len(self.chosen) == len(self.args) and self.chosen == tuple(range(len(self.args))):
            return f(*self.structured(self.tensors), **kwargs)
        args = list(self.args)
        for place, value in zip(self.chosen, self.structured(self.tensors), strict=True):
            args[place] = value
        return f(*args, **kwargs)

    def structured(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """A value for each leaf, as a tuple with the structure of each chosen argument."""
        if self._tree is None:
            return tuple(values)
        return nest.optree.tree_unflatten(self._tree, values)

    def directions(self, given: Any, role: str) -> list[Any]:
        """Tangents of the chosen arguments as a list; None for a leaf that does not move."""
        name = f"gradtape.{self.function}"
        given = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if len(given) != len(self.chosen):
            raise InvalidArgumentError(
                f"{name}: {len(given)} {role} for {len(self.chosen)} primals. Give one for each."
            )
        flat = given
        if self._tree is not None:
            try:
                flat = self._tree.flatten_up_to(given)
            except ValueError as error:
                raise InvalidArgumentError(
                    f"{name}: the {role} have not the structure of the primals ({error})."
                ) from None
        return [fitting(t, p, role, name) for t, p in zip(flat, self.tensors, strict=True)]


def _one_value(value: Any) -> bool:
    """Whether a list or tuple is of plain numbers, and so one tensor as for `tf.constant`."""
    return type(value) in (list, tuple) and bool(value) and all([_numeric(v) for v in value])


def _numeric(value: Any) -> bool:
    return type(value) in NUMBERS or _one_value(value)


def fresh(tensor: Any) -> Any:
    """The same value on a node of its own."""
    if tensor._node is not None and (here.tapes or here.special):
        tensor = reshape(tensor, tensor._shape)
    else:
        tensor = tensor.placed(None)
    if differentiable(tensor._dtype):
        tensor.own_node()
    return tensor


def fitting(given: Any, like: Any, role: str, name: str) -> Any:
    """A tangent or cotangent of the shape and dtype of its primal; None for an integer's."""
    if given is None:
        return None
    if isinstance(given, IndexedSlices):
        given = given.dense()
    found = as_tensor_like(given, like._dtype, name.removeprefix("gradtape."))
    if found._shape != like._shape or found._dtype != like._dtype:
        raise InvalidArgumentError(
            f"{name}: among the {role}, {brief(found)} for {brief(like)}: shape and dtype must "
            "agree."
        )
    return found if differentiable(like._dtype) else None


def chosen(argnums: Any, count: int, function: str) -> tuple[tuple[int, ...], bool]:
    """The places of the arguments that are meant, and whether one was asked for by itself."""
    single = type(argnums) is int
    numbers = (argnums,) if single else argnums
    if not isinstance(numbers, (tuple, list)) or any([type(n) is not int for n in numbers]):
        raise ConversionError(
            f"gradtape.{function}: argnums must be an integer or a tuple of them, not "
            f"{brief(argnums)}."
        )
    for number in numbers:
        if not -count <= number < count:
            raise InvalidArgumentError(
                f"gradtape.{function}: argnums={argnums}, but the function was called with {count} "
                "positional arguments. Pass what is differentiated by position."
            )
    places = tuple([n % count for n in numbers])
    if len(set(places)) != len(places):
        raise InvalidArgumentError(f"gradtape.{function}: argnums={argnums} names one twice.")
    return places, single


def unconnected(given: Any, function: str) -> UnconnectedGradients:
    """What to return where nothing is connected, for the function that was asked."""
    try:
        return unconnected_mode(given)
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.{function}: Unknown value for unconnected_gradients: {brief(given)}. "
            "Write 'none' or 'zero'."
        ) from None


class Results:
    """What a function returned: tensors in a structure, and what it returned besides."""

    def __init__(self, returned: Any, function: str, has_aux: bool = False) -> None:
        self.aux: Any = None
        if has_aux:
            if not isinstance(returned, tuple) or len(returned) != 2:
                raise ConversionError(
                    f"gradtape.{function}: with has_aux the function must return a pair, its value "
                    f"and what it gives besides, not {brief(returned)}."
                )
            returned, self.aux = returned
        self._plain = type(returned) is Tensor
        self._structure = returned
        flat = [returned] if self._plain else nest.flatten(returned)
        self.tensors = [_result(r, function) for r in flat]
        self.value = self.tensors[0] if self._plain else self.structured(self.tensors)

    def structured(self, values: Sequence[Any]) -> Any:
        """Values in the structure of the results."""
        if self._plain or not nest.is_nested(self._structure):
            return values[0]
        return nest.pack_sequence_as(self._structure, values)

    def scalar(self, function: str) -> Any:
        """The one real number that was returned."""
        if len(self.tensors) != 1 or self.tensors[0]._shape != ():
            shown = ", ".join([brief(t) for t in self.tensors])
            raise InvalidArgumentError(
                f"gradtape.{function}: the function must return one number, not "
                f"{shown or 'nothing'}. Write tf.reduce_sum(y), or use tf.jacobian."
            )
        (value,) = self.tensors
        if value._dtype.kind == "c" or not differentiable(value._dtype):
            raise ConversionError(
                f"gradtape.{function}: the function must return a real floating-point number, not "
                f"{brief(value)}. Write tf.math.real(y), or tf.cast(y, tf.float32)."
            )
        return value

    def cotangents(self, given: Any, function: str) -> list[Any]:
        """Cotangents of the results, given in their structure."""
        name = f"gradtape.{function}"
        flat = [given] if len(self.tensors) == 1 and not nest.is_nested(given) else None
        if flat is None:
            flat = self._matched(given, name)
        return [fitting(c, t, "cotangents", name) for c, t in zip(flat, self.tensors, strict=True)]

    def _matched(self, given: Any, name: str) -> list[Any]:
        if self._plain or not nest.is_nested(self._structure):
            return [given]
        tree = nest.optree.tree_structure(self._structure, none_is_leaf=True)
        try:
            return tree.flatten_up_to(given)
        except ValueError as error:
            raise InvalidArgumentError(
                f"{name}: the cotangents have not the structure of the results ({error})."
            ) from None


def _result(value: Any, function: str) -> Any:
    if type(value) is Tensor:
        return value
    if isinstance(value, IndexedSlices):
        return value.dense()
    if value is None:
        raise ConversionError(
            f"gradtape.{function}: the function returned None, which has no derivative. "
            "Return a tensor, or a structure of tensors."
        )
    return as_tensor(value, function)


@contextmanager
def recorded(tensors: Sequence[Any]) -> Iterator[Recording]:
    """Record a block as a tape does that watches these tensors alone."""
    recording = Recording(automatic=False, persistent=True)
    for tensor in tensors:
        if tensor._node is not None:
            recording.watched[tensor._node] = None
    here.set_tapes((*here.tapes, recording))
    try:
        yield recording
    finally:
        here.set_tapes(tuple([t for t in here.tapes if t is not recording]))
