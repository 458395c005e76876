"""Every row of the case table inside compiled code: value, vjp, jvp and batching are the eager ones.

One program for each row holds all of it, for each of four dtypes that the row has: compiling takes
most of the time. Where that takes seconds, the rows of a primitive share the dtypes out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph import few
from gradtape.graph.lines import as_function
from tests.ops import matrix
from tests.ops.case import Case, tensors
from tests.ops.cases import all_cases

DTYPES = ("float32", "float64", "complex64", "int32")
CASES = [c for c in all_cases() if c.jax and not c.primitive.host and set(c.dtypes) & set(DTYPES)]
SLOW = {"logm", "expm", "sqrtm", "betainc", "igamma", "zeta", "ctc_posterior", "cofactor_slope"}
EXAMPLES = 2


def dtypes_of(case: Case) -> list[str]:
    """The dtypes at which a row is compiled."""
    found = [d for d in DTYPES if d in case.dtypes]
    if case.name in SLOW:
        turn = [c for c in CASES if c.name == case.name].index(case)
        return [found[turn % len(found)]]
    return found


def has_derivatives(case: Case) -> bool:
    return case.primitive.differentiable and case.order >= 1


def derivatives(case: Case, inputs: list[Any], arrays: list[Any]) -> list[Any]:
    """The results of a row, and its cotangents and tangents in random directions."""
    found = matrix.run(case, inputs)
    if not has_derivatives(case):
        return found
    directions = matrix.ways(case, arrays, 20)
    outs = [o for o in found if differentiable(o._dtype)]
    weights = [
        Tensor(matrix.direction(np.ones(o._shape, o._dtype), 7 + k)) for k, o in enumerate(outs)
    ]
    if outs and directions:
        found = [*found, *matrix.gradients(case, inputs, weights)]
        found += matrix.tangents(case, inputs, directions)
    return found


def batched(case: Case, inputs: list[Any]) -> list[Any]:
    """The results of a row for examples along a new first axis of all inputs."""
    with batching(EXAMPLES) as mode:
        examples = tuple([BatchedTensor(t, None, mode) for t in inputs])
        found = matrix.as_list(apply(case.primitive, examples, case.params))
    return [spread(t, mode) for t in found]


def program(case: Case) -> tuple[Any, list[Any]]:
    """A function of all inputs of a row, in each dtype and as examples; and these inputs."""
    arrays = {d: case.arrays(d) for d in dtypes_of(case)}
    given = [tensors(a) for a in arrays.values()]
    dtype = next(d for d in ("float64", *arrays) if d in arrays)
    rows = [case.arrays(dtype, seed=s) for s in range(EXAMPLES)]
    if case.batch:
        given.append([Tensor(np.stack(column)) for column in zip(*rows, strict=True)])

    def everything(given: Any) -> Any:
        found = [derivatives(case, i, a) for i, a in zip(given, arrays.values(), strict=False)]
        if len(given) > len(arrays):
            found.append(batched(case, given[-1]))
        return found

    return everything, given


@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled_is_eager(case: Case) -> None:
    everything, given = program(case)
    wanted = everything(given)
    compiled = tf.function(everything, jit_compile=True, autograph=False)
    have = compiled(given)
    as_steps(case, compiled.get_concrete_function(given), tf.nest.flatten(given))
    for a, b in zip(tf.nest.flatten(have), tf.nest.flatten(wanted), strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            compare(case, np.asarray(a), np.asarray(b))


def as_steps(case: Case, concrete: Any, given: list[Any]) -> None:
    """Compare the program as steps of the extension with Python's lines, where it is small."""
    program = concrete.callee.runner.program
    run = few.planned(program)
    if run is None or concrete.captured_inputs:
        return
    arrays = [t._array for t in given]
    token = silence()
    try:
        wanted = as_function(program, eager=True)(xp, *arrays)
    finally:
        restore(token)
    for a, b in zip(run(*arrays), wanted, strict=True):
        compare(case, a, b)


def compare(case: Case, have: Any, wanted: Any) -> None:
    """Compare within rounding, relative to the largest element."""
    assert (have.dtype, have.shape) == (wanted.dtype, wanted.shape)
    if have.dtype.kind in "biu":
        np.testing.assert_array_equal(have, wanted)
        return
    bound = 64 * max(case.value_tolerance, 8.0) * matrix.EPS[have.dtype.name]
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = max(1.0, float(np.max(finite, initial=0.0)))
    np.testing.assert_allclose(have, wanted, rtol=bound, atol=bound * scale)


def count() -> str:
    """How many rows were compiled, and how many checks that makes."""
    derived = sum([len(dtypes_of(c)) for c in CASES if has_derivatives(c)])
    values = sum([len(dtypes_of(c)) for c in CASES])
    checks = values + 2 * derived + sum([c.batch for c in CASES])
    return f"{len(CASES)} rows in compiled code x value, vjp, jvp, batching = {checks}"


def test_count() -> None:
    rows, checks = (int(n) for n in re.findall(r"\d+", count()))
    assert rows < checks
