"""A function at a point of which some places can be moved: tensors in its arguments, and variables.

`check_gradients` asks it for results, gradients, tangents and second derivatives at the point and
near it. Values are lists of arrays, one for each place that moves. Where the point has fewer than
64 bits and the function takes 64-bit arguments, differences are taken there: the rounding of
bfloat16 would hide a wrong derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np

from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.tape import GradientTape
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import brief
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import Lazy
from gradtape.ops.basis import real_dtype
from gradtape.ops.sparse import IndexedSlices

optree: Any = Lazy("optree")
Values = list[Any]


def scalar(array: Any) -> Any:
    """An array without axes as a scalar."""
    return array if array.ndim else array[()]


def inner(a: Any, b: Any) -> float:
    """The real inner product of two arrays."""
    wide = np.complex128 if np.asarray(a).dtype.kind == "c" else np.float64
    return float(np.real(np.vdot(np.asarray(a).astype(wide), np.asarray(b).astype(wide))))


def widened(array: Any) -> Any:
    """The array with 64-bit numbers."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _is_numbers(value: Any) -> bool:
    """Whether a value is a Python float, or nothing but lists of them."""
    if isinstance(value, list):
        return bool(value) and all(_is_numbers(v) for v in value)
    return type(value) is float


def _leaf(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes)):
        return value
    return as_tensor(value, "check_gradients")


def _packed(value: Any) -> Any:
    """An argument with tensors for its leaves; numbers and lists of numbers are one tensor."""
    if _is_numbers(value):
        return Tensor(scalar(np.asarray(value, np.float64)))
    if type(value) is dict:
        return {key: _packed(v) for key, v in value.items()}
    if type(value) is tuple or (type(value) is list and any(map(_is_part, value))):
        return type(value)(map(_packed, value))
    return _leaf(value) if type(value) is list else nest.map_structure(_leaf, value)


def _is_part(value: Any) -> bool:
    """Whether a list that holds this is a structure, and not a tensor written as numbers."""
    return isinstance(value, (Tensor, Variable, np.ndarray, dict, tuple))


class Moving:
    """A function, a point, the places of it that move, and fixed random weights of the results.

    `places` are pairs of a number and words: of the argument, or behind the arguments of the
    variable. `point` holds their values; `reference` those at which differences are taken.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], variables: Sequence[Any], random: Any
    ) -> None:
        self.f = f
        self.random = random
        self.structure = [_packed(a) for a in args]
        self.leaves = nest.flatten(self.structure)
        self.slots: list[int] = []
        self.places: list[tuple[int, str]] = []
        for slot, path in enumerate(optree.tree_paths(self.structure, none_is_leaf=True)):
            if isinstance(self.leaves[slot], Tensor) and differentiable(self.leaves[slot]._dtype):
                self.slots.append(slot)
                keys = "".join(f"[{key!r}]" for key in path[1:])
                self.places.append((path[0], f"argument {path[0]}{keys}"))
        self.variables = [v for v in variables if differentiable(v._dtype)]
        for number, variable in enumerate(self.variables, len(args)):
            self.places.append((number, f"variable {variable.name!r}"))
        self.point: Values = [np.asarray(self.leaves[s]) for s in self.slots]
        self.point += [np.array(np.asarray(v._read())) for v in self.variables]
        with self.restored():
            outs = self.results(self.point)
            self._refuse_nothing(outs)
            self._refuse_random(outs, self.results(self.point))
            self.weights = [self.direction(o) for o in outs]
            self.reference = self._reference()
        self.eps = self._eps(self.point, outs)
        self.wide = self.reference is not self.point
        self.reference_eps = float(np.finfo(np.float64).eps) if self.wide else self.eps

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Give the variables their values back after a block."""
        try:
            yield
        finally:
            for variable, value in zip(self.variables, self._of_variables(self.point)):
                variable.assign(scalar(value))

    def _of_variables(self, values: Values) -> Values:
        return values[len(self.slots) :]

    def _eps(self, *groups: Values) -> float:
        types = {real_dtype(a.dtype) for group in groups for a in group}
        return max(float(ml_dtypes.finfo(t).eps) for t in types)

    def _refuse_nothing(self, outs: Values) -> None:
        if self.places and outs:
            return
        shown = [brief(t) for t in self.leaves]
        raise ValueError(
            f"gradtape.check_gradients: no argument and result that carry derivatives: {shown} ->"
            f" {[brief(o) for o in outs]}. Pass floating-point tensors, or variables=[...]."
        )

    def _refuse_random(self, once: Values, again: Values) -> None:
        apart = [
            float(np.max(np.abs(widened(a) - widened(b)), initial=0.0))
            for a, b in zip(once, again)
            if a.shape == b.shape and not np.array_equal(a, b, equal_nan=True)
        ]
        if apart or [o.shape for o in once] != [o.shape for o in again]:
            raise ValueError(
                "gradtape.check_gradients: two evaluations of f at one point differ"
                f"{f' by {max(apart):.3g}' if apart else ' in shape'}: it draws random numbers, or"
                " changes what it reads. Draw outside of f, or with a fixed seed by"
                " tf.random.stateless_normal(shape, seed=[1, 2])."
            )

    def _reference(self) -> Values:
        """The point in 64 bits where f takes it and gives the same, or as it is."""
        if self.variables or all(
            a.dtype.itemsize >= 8 and a.dtype != np.complex64 for a in self.point
        ):
            return self.point
        wide = [widened(a) for a in self.point]
        try:
            outs, narrow = self.results(wide), self.results(self.point)
        except Exception:  # f insists on the dtype, by whatever error of its own
            return self.point
        fits = len(outs) == len(narrow) and all(
            o.dtype.itemsize >= 8
            and o.dtype != np.complex64
            and np.allclose(o, widened(n), rtol=0.1, atol=0.1, equal_nan=True)
            for o, n in zip(outs, narrow)
        )
        return wide if fits else self.point

    def direction(self, like: Any) -> Any:
        """A random array of an array's shape and dtype."""
        values = self.random.standard_normal(like.shape)
        if like.dtype.kind == "c":
            values = values + 1j * self.random.standard_normal(like.shape)
        return np.asarray(values).astype(like.dtype)

    # f and its derivatives

    def put(self, values: Values) -> list[Any]:
        """Move the point: the tensors and variables that stand for the values."""
        count = len(self.slots)
        for variable, value in zip(self.variables, values[count:]):
            variable.assign(scalar(value))
        return [*[Tensor(scalar(v)) for v in values[:count]], *self.variables]

    def outputs(self, sources: list[Any]) -> list[Any]:
        """The results that carry derivatives, of the tensors that stand for the values."""
        leaves = list(self.leaves)
        for slot, tensor in zip(self.slots, sources):
            leaves[slot] = tensor
        outs = nest.flatten(self.f(*nest.pack_sequence_as(self.structure, leaves)))
        tensors = [as_tensor(o, "check_gradients") for o in outs if o is not None]
        return [o for o in tensors if differentiable(o._dtype)]

    def results(self, values: Values) -> Values:
        """The results that carry derivatives, as arrays."""
        return [np.asarray(o) for o in self.outputs(self.put(values))]

    def weighted(self, outs: Values) -> float:
        """The sum of the results with the weights."""
        return sum(inner(w, o) for w, o in zip(self.weights, outs, strict=True))

    def value(self, values: Values) -> float:
        """The weighted sum of the results."""
        return self.weighted(self.results(values))

    def pulled(self, sources: list[Any], weights: Values) -> list[Any]:
        """The gradient of the weighted sum, a tensor for each place."""
        with GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            outs = self.outputs(sources)
        cts = [Tensor(scalar(w.astype(o._dtype))) for w, o in zip(weights, outs, strict=True)]
        found = tape.gradient(outs, sources, cts, "zero")
        return [g.dense() if isinstance(g, IndexedSlices) else g for g in found]

    def gradient(self, values: Values, weights: Values | None = None) -> Values:
        """The gradient of the weighted sum, as arrays."""
        weights = self.weights if weights is None else weights
        return [np.asarray(g) for g in self.pulled(self.put(values), weights)]

    def pushed(self, place: int, v: Any) -> float:
        """The weighted tangents of the results, when one place moves along v."""
        sources = self.put(self.point)
        with ForwardAccumulator(sources[place], Tensor(scalar(v))) as accumulator:
            outs = self.outputs(sources)
        tangents = accumulator.jvp(outs, unconnected_gradients="zero")
        return self.weighted([np.asarray(t) for t in tangents])

    def pulled_twice(self, u: Values) -> Values:
        """The Hessian of the weighted sum times u, by reverse over reverse."""
        sources = self.put(self.point)
        with GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            slopes = self.pulled(sources, self.weights)
        weights = [Tensor(scalar(w)) for w in u]
        found = tape.gradient(slopes, sources, weights, "zero")
        return [np.asarray(g.dense() if isinstance(g, IndexedSlices) else g) for g in found]

    def pushed_over(self, place: int, v: Any) -> Values:
        """A column of the Hessian times v, by forward over reverse."""
        sources = self.put(self.point)
        with ForwardAccumulator(sources[place], Tensor(scalar(v))) as accumulator:
            slopes = self.pulled(sources, self.weights)
        return [np.asarray(t) for t in accumulator.jvp(slopes, unconnected_gradients="zero")]

    # along a line

    def moved(self, place: int, v: Any, t: float) -> Values:
        """The reference point with one place moved."""
        values = list(self.reference)
        array = values[place]
        values[place] = np.asarray(
            array + np.asarray(t, real_dtype(array.dtype)) * v.astype(array.dtype)
        )
        return values

    def along(self, place: int, v: Any) -> Callable[[float], float]:
        """The weighted sum as a function of how far one place has moved."""
        return lambda t: self.value(self.moved(place, v, t))

    def slopes_along(self, place: int, v: Any, u: Values) -> Callable[[float], float]:
        """The gradient along u as a function of how far one place has moved."""

        def slope(t: float) -> float:
            found = self.gradient(self.moved(place, v, t))
            return sum(inner(w, g) for w, g in zip(u, found, strict=True))

        return slope
