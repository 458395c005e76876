"""Every row of the case table against the whole matrix of checks.

Value against a reference that is not the kernel; shape rule against the value; the kernel under
jax.numpy against NumPy; vjp and jvp against differences along random directions; <Jv, w> = <v,
J'w>; batching against a loop; second derivatives, by reverse over reverse and forward over reverse,
against extrapolated differences of first ones; the dtype of every result."""

from __future__ import annotations

import re

import pytest

from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.primitive import registry
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from tests.ops import matrix
from tests.ops.case import Case, tensors
from tests.ops.cases import all_cases

CASES = all_cases()
by_row = pytest.mark.parametrize("case", CASES, ids=str)
DIFFERENTIABLE = [c for c in CASES if c.primitive.differentiable and c.order >= 1]
SECOND = [c for c in DIFFERENTIABLE if c.order >= 2]


def test_every_primitive_has_a_row() -> None:
    assert {c.name for c in CASES} == set(registry)


@by_row
def test_value(case: Case) -> None:
    for dtype in case.dtypes:
        for shapes in [None, *case.variants]:
            arrays = case.arrays(dtype, shapes)
            out = apply(case.primitive, tuple(tensors(arrays)), case.params)
            assert case.reference is not None, "the row has no reference"
            matrix.assert_value(out, case.reference(*arrays, **case.params), case, dtype)


@by_row
def test_shape_rule(case: Case) -> None:
    for dtype in case.dtypes:
        for shapes in [None, *case.variants]:
            inputs = tensors(case.arrays(dtype, shapes))
            out = apply(case.primitive, tuple(inputs), case.params)
            specs = case.primitive.shape(*[Spec(t._shape, t._dtype) for t in inputs], **case.params)
            outs, specs = (out, specs) if case.primitive.several else ([out], [specs])
            for value, spec in zip(outs, specs, strict=True):
                assert len(spec._shape) == len(value._shape), f"{spec} for {value._shape}"
                assert same_shape(spec._shape, value._shape), f"{spec} for {value._shape}"
                assert spec._dtype == value._dtype


@pytest.mark.parametrize("case", [c for c in CASES if c.jax], ids=str)
def test_kernel_under_jax(case: Case) -> None:
    matrix.assert_same_kernel(case, case.dtypes)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_vjp_against_differences(case: Case) -> None:
    for dtype in matrix.rule_dtypes(case):
        matrix.check_vjp(case, case.arrays(dtype))


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_jvp_against_differences(case: Case) -> None:
    for dtype in matrix.rule_dtypes(case):
        matrix.check_jvp(case, case.arrays(dtype))


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_adjoint_identity(case: Case) -> None:
    for dtype in matrix.rule_dtypes(case):
        for shapes in [None, *case.variants]:
            matrix.check_adjoint(case, case.arrays(dtype, shapes))


@pytest.mark.parametrize("case", [c for c in CASES if c.batch], ids=str)
def test_batching_against_loop(case: Case) -> None:
    matrix.check_batching(case)


@pytest.mark.parametrize("case", SECOND, ids=str)
def test_second_order_against_differences(case: Case) -> None:
    for dtype in matrix.rule_dtypes(case):
        for shapes in [None, *case.variants]:
            matrix.check_second(case, case.arrays(dtype, shapes))


WITHOUT_SECOND = {
    "cast-": "differences cannot see through rounding; tests/ops/test_stepwise looks at it",
    "cofactors-singular": "the third derivative of det is written with the inverse",
    "custom_gradient": "its derivative is what its user says",
    "gaussian-tails": "differences of numbers near 0 say nothing about their digits",
    "held": "no derivative passes through its value; tests/graph looks at it",
    "prevent_gradient": "its derivative is an error",
    "segment_extreme-ties and an empty segment": "a kink",
}


def test_no_row_is_left_out_of_second_order() -> None:
    left_out = [str(c) for c in CASES if c.primitive.differentiable and c not in SECOND]
    reasons = {name: [r for r in WITHOUT_SECOND if name.startswith(r)] for name in left_out}
    assert [name for name, found in reasons.items() if not found] == []
    assert {r for found in reasons.values() for r in found} == set(WITHOUT_SECOND)
    assert len(SECOND) >= 440


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_gradient_has_the_dtype_and_shape_of_its_input(case: Case) -> None:
    for dtype in case.dtypes:
        for shapes in [None, *case.variants]:
            arrays = case.arrays(dtype, shapes)
            inputs = tensors(arrays)
            for tensor, given in zip(inputs, matrix.gradients(case, inputs), strict=True):
                if isinstance(given, Tensor) and differentiable(tensor._dtype):
                    assert (given._shape, given._dtype) == (tensor._shape, tensor._dtype)


def count() -> str:
    """How many primitives stand in how many rows, and how many checks these make."""
    batched, under_jax = sum(c.batch for c in CASES), sum(c.jax for c in CASES)
    checks = 2 * len(CASES) + batched + under_jax + 4 * len(DIFFERENTIABLE) + len(SECOND)
    return f"{len(registry)} primitives in {len(CASES)} rows x checks = {checks}"


def test_count() -> None:
    primitives, rows, checks = (int(n) for n in re.findall(r"\d+", count()))
    assert primitives <= rows < checks
