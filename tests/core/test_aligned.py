"""Large arrays lie where compiled code reads them in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.aligned import LARGE, LINE, aligned, copied


def begins_a_line(array: Any) -> bool:
    """Whether an array begins at a multiple of the cache's line."""
    return np.asarray(array).ctypes.data % LINE == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.int8, np.bool_])
@pytest.mark.parametrize("shape", [(LARGE,), (3, LARGE), (LARGE, 0), (2, 3), ()])
def test_a_copy_is_equal_and_its_own(dtype: Any, shape: tuple[int, ...]) -> None:
    source = np.asarray(np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape)
    copy = copied(source, np.dtype(dtype))
    np.testing.assert_array_equal(copy, source.astype(dtype))
    assert copy.dtype == dtype
    assert copy.flags.c_contiguous
    assert not np.shares_memory(copy, source)
    assert copy.nbytes < LARGE or begins_a_line(copy)


def test_only_what_would_be_copied_at_every_call_is() -> None:
    small, large = np.ones(LARGE - 1, np.int8)[1:], copied(np.ones(LARGE, np.int8), np.dtype("i1"))
    assert aligned(small) is small
    assert aligned(large) is large
    shifted = copied(np.ones(LARGE + 1, np.int8), np.dtype("i1"))[1:]
    assert not begins_a_line(shifted)
    assert begins_a_line(aligned(shifted))


def test_constants_and_variables_begin_a_line() -> None:
    shifted = np.ones(LARGE + 1, np.float32)[1:]
    assert begins_a_line(tf.constant(shifted))
    assert begins_a_line(tf.convert_to_tensor(shifted[:, None]))
    assert begins_a_line(tf.Variable(shifted).value())
    assert begins_a_line(tf.Variable(tf.random.normal([LARGE])).value())
