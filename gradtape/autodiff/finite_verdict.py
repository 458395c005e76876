"""Whether an operation is to blame for a result that is not finite.

An operation is to blame when its result is not finite though its inputs are, or when it makes NaN
of something infinite (inf - inf, 0 * inf). Infinite inputs are no fault: a mask of -inf passes
through `add`, `maximum` and `softmax`. NaN that came in with the data is reported where it is first
computed with. Operations that only move numbers compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradtape.autodiff.finite_arrays import Finding, finding, sound

# what moves numbers and makes none: nothing is looked at
MOVING = frozenset(
    [
        "reshape",
        "transpose",
        "broadcast_to",
        "sizes",
        "places",
        "concat",
        "slice_axis",
        "pad_axis",
        "bitcast",
        "strided_slice",
        "put_slice",
        "set_slice",
        "stack",
        "unstack",
        "split",
        "roll",
        "pad",
        "stop_gradient",
        "prevent_gradient",
        "barrier",
        "held",
        "placeholder_with_default",
        "where",
        "gather",
        "take_rows",
        "take_along",
        "last_rows",
        "put_rows",
        "permuted_rows",
        "inverse_rows",
        "gather_extreme",
        "pick_last",
        "place_last",
        "keep",
        "real",
        "imag",
        "complex",
        "conj",
        "matrix_diag",
        "matrix_diag_part",
        "band_part",
        "frames",
        "custom_gradient",
        "on_host",
    ]
)
# what may overflow, but does not compute with a NaN that it is given
CONVERTING = frozenset(["cast"])


@dataclass(frozen=True)
class Verdict:
    """What an operation is to blame for.

    `output` is the number of the result; `came_in` that of the input whose NaN was there before,
    None where the operation made it."""

    finding: Finding
    output: int
    came_in: int | None = None


def verdict(primitive: Any, inputs: Sequence[Any], outs: Sequence[Any], infs: bool) -> Any:
    """The verdict on an operation by its arrays, None where it is not to blame."""
    for number, array in enumerate(outs):
        if not sound(array) and (found := _judged(primitive, inputs, array, number, infs)):
            return found
    return None


def _judged(primitive: Any, inputs: Any, array: Any, number: int, infs: bool) -> Verdict | None:
    unsound = [i for i, a in enumerate(inputs) if not sound(a)]
    if not unsound:
        found = finding(array, infs)
        return None if found is None else Verdict(found, number)
    if primitive.name in CONVERTING:
        return None
    for i in unsound:
        came = finding(inputs[i], False)
        if came is not None:
            if finding(array, False) is None:
                return None
            return Verdict(came, number, i)
    found = finding(array, False)
    if found is None and infs and primitive.family == "elementwise":
        found = finding(array, True, _all_finite(inputs, np.shape(array)))
    return None if found is None else Verdict(found, number)


def _all_finite(inputs: Any, shape: tuple[int, ...]) -> Any:
    """Where all inputs are finite, for results of this shape."""
    mask = np.ones(shape, bool)
    for array in inputs:
        mask &= np.isfinite(array)
    return mask
