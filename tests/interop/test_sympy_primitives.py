"""Every primitive of the catalogue has a formula, which gives what its kernel gives, or a reason why not."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import sympy as sp

import gradtape as tf
from gradtape.core.dispatch import apply
from gradtape.core.primitive import registry
from gradtape.core.tensor import Tensor
from gradtape.interop.sympy_arrays import KERNELS
from gradtape.interop.sympy_control import CONTROL
from gradtape.interop.sympy_elementwise import ELEMENTWISE
from gradtape.interop.sympy_numbers import number
from gradtape.interop.sympy_reading import ARRAYS, is_convertible
from gradtape.interop.sympy_reasons import BY_NAME, NoFormulaError, reason
from gradtape.interop.sympy_tracing import Traced, array_of, shown
from tests.interop.symbolic import assert_near, evaluated
from tests.ops.case import Case, tensors
from tests.ops.cases import all_cases

for room in ("gradtape.ops", "gradtape.autodiff", "gradtape.graph", "gradtape.train"):
    for found in pkgutil.iter_modules(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(found.name)

LARGEST = 80  # elements of a row's inputs: larger ones say nothing new and take seconds
WIDE = ("float64", "complex128", "int64", "int32", "bool")
ROWS = [c for c in all_cases() if c.name in registry]
CONVERTED = [c for c in ROWS if is_convertible(c.primitive)]
REFUSED = [c for c in ROWS if not is_convertible(c.primitive) and not c.primitive.effect]
WITH_GRADIENT = ("elementwise", "ladder", "activation", "choice", "structural", "reduction", "scan")


def dtype_of(case: Case) -> str:
    return next((d for d in WIDE if d in case.dtypes), case.dtypes[0])


def inputs_of(case: Case, shapes: Any = None) -> list[Any]:
    return [np.asarray(a) for a in case.arrays(dtype_of(case), shapes)]


def symbols_for(arrays: list[Any]) -> tuple[list[Any], dict[Any, Any]]:
    """Symbols for finite floating-point numbers, the numbers themselves for all others."""
    values: dict[Any, Any] = {}
    given = []
    for i, array in enumerate(arrays):
        places = np.empty(array.shape, object)
        for place, value in np.ndenumerate(array):
            if array.dtype.kind in "iub" or not np.isfinite(value):
                places[place] = number(value)
                continue
            name = "_".join(["xyzuvw"[i % 6] + "'" * (i // 6), *map(str, place)])
            kind = {"complex": True} if array.dtype.kind == "c" else {"real": True}
            places[place] = sp.Symbol(name, **kind)
            values[places[place]] = value
        given.append(shown(places))
    return given, values


def function_of(case: Case, arrays: list[Any], gradient: bool) -> Any:
    """The row's operation as a function of its inputs that are symbols, the others being constants."""
    held = tensors(arrays)

    def function(*given: Any) -> Any:
        rest = iter(given)
        inputs = [next(rest) if a.dtype.kind in "fc" else t for a, t in zip(arrays, held)]
        with tf.GradientTape() as tape:
            moving = [t for t, a in zip(inputs, arrays) if a.dtype.kind in "fc"]
            tape.watch(moving)
            out = apply(case.primitive, tuple(inputs), case.params)
            outs = list(out) if case.primitive.several else [out]
            if gradient:
                parts = [weighted(tf.math.real(o)) for o in outs]
                total = tf.add_n(parts)
        return tape.gradient(total, moving, unconnected_gradients="zero") if gradient else outs

    return function


def weighted(out: Any) -> Any:
    """A sum that tells the elements of a result apart."""
    size = int(np.prod(out.shape))
    weights = np.linspace(0.5, 1.5, size).reshape(out.shape)
    return tf.reduce_sum(out * tf.constant(weights, out.dtype))


def compare(case: Case, gradient: bool, shapes: Any = None) -> None:
    arrays = inputs_of(case, shapes)
    given, values = symbols_for([a for a in arrays if a.dtype.kind in "fc"])
    function = function_of(case, arrays, gradient)
    moving = [Tensor(a if a.ndim else a[()]) for a in arrays if a.dtype.kind in "fc"]
    wanted = [np.asarray(t) for t in function(*moving)]
    specs = [tf.TensorSpec(t.shape, t.dtype) for t in moving]
    found = formulas(function, specs, given)
    for f, w in zip(found, wanted, strict=True):
        small = w.dtype.kind not in "biu" and w.dtype.itemsize < 8
        bound = 4 * float(ml_dtypes.finfo(w.dtype).eps) if small else 1e-12
        assert_near(evaluated(f, values).reshape(w.shape), w, bound)


def formulas(function: Any, specs: list[Any], given: list[Any]) -> list[Any]:
    """The results of a function as expressions, of these specs with these symbols."""
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    results = Traced(concrete, given).expressions()
    return [array_of(r) for r in results]


def small(case: Case) -> bool:
    arrays = case.arrays(dtype_of(case))
    kinds = {np.asarray(a).dtype.kind for a in arrays}
    return sum(np.size(a) for a in arrays) <= LARGEST and "V" not in kinds


@pytest.mark.parametrize("case", [c for c in CONVERTED if small(c)], ids=str)
def test_the_formula_gives_what_the_kernel_gives(case: Case) -> None:
    for shapes in [None, *case.variants]:
        compare(case, False, shapes)


@pytest.mark.parametrize(
    "case",
    [
        c for c in CONVERTED
        if small(c) and c.order >= 1 and c.primitive.differentiable and "float64" in c.dtypes
        and c.primitive.family in WITH_GRADIENT
    ],
    ids=str,
)  # fmt: skip
def test_the_formula_of_the_gradient_gives_what_the_tape_gives(case: Case) -> None:
    compare(case, True)


@pytest.mark.parametrize("name", sorted({c.name for c in REFUSED}))
def test_what_has_no_formula_says_why(name: str) -> None:
    case = next(c for c in REFUSED if c.name == name)
    why = reason(case.primitive)
    assert why is not None
    arrays = inputs_of(case)
    specs = [tf.TensorSpec(a.shape, a.dtype) for a in arrays]

    def function(*inputs: Any) -> Any:
        return apply(case.primitive, tuple(inputs), case.params)

    with pytest.raises(NoFormulaError, match=name) as caught:
        tf.interop.sympy.to_sympy(function, *specs)
    assert why in str(caught.value)
    assert 'unknown="function"' in str(caught.value)


def test_every_primitive_is_converted_or_has_a_reason() -> None:
    without = [n for n, p in registry.items() if not is_convertible(p) and reason(p) is None]
    assert not without
    both = [n for n, p in registry.items() if is_convertible(p) and n in BY_NAME]
    assert not both
    assert sum(map(is_convertible, registry.values())) > 200


def test_no_table_names_a_primitive_that_is_not_there() -> None:
    named = {*ELEMENTWISE, *ARRAYS, *KERNELS, *CONTROL, *BY_NAME}
    assert not named - set(registry)
    tables = [set(ELEMENTWISE), set(ARRAYS), set(KERNELS), set(CONTROL), set(BY_NAME)]
    assert sum(map(len, tables)) == len(named), "a primitive stands in two tables"
