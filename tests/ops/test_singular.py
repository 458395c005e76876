"""A zero cotangent or tangent gives zero, never nan, at the singular points of every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradtape.core.errors import InvalidArgumentError
from tests.ops import singular
from tests.ops.case import Case
from tests.ops.cases import all_cases

ROWS = [c for c in all_cases() if c.primitive.differentiable and c.order >= 1]
ELEMENTWISE = [c for c in ROWS if singular.is_elementwise(c)]
OTHERS = [c for c in ROWS if not singular.is_elementwise(c)]


def assert_zero(found: list[Any], what: str) -> None:
    for number, tensor in enumerate(found):
        wrong = np.argwhere(np.asarray(tensor) != 0)
        assert not len(wrong), f"{what}, number {number}: {np.asarray(tensor)} at {wrong[:5]}"


@pytest.mark.parametrize("case", ELEMENTWISE, ids=str)
def test_elementwise_rows_at_every_combination_of_points(case: Case) -> None:
    f, xs = singular.of_floats(case, singular.grid(case))
    for way in singular.WAYS:
        assert_zero(way(f, xs), way.__name__)


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_other_rows_at_points(case: Case) -> None:
    for what, arrays in singular.placed(case):
        f, xs = singular.of_floats(case, arrays)
        for way in singular.WAYS:
            try:
                found = way(f, xs)
            except InvalidArgumentError:  # singular matrices: no value, or no second derivative
                assert case.primitive.family == "linalg"
            else:
                assert_zero(found, f"{way.__name__} at {what}")
