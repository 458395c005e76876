"""`tf.compat.v1.test`: public names, re-exports only; other names are those of `tf.test`."""

from typing import Any

from gradtape.api import test as _test
from gradtape.graph.checking import compute_gradient as compute_gradient
from gradtape.graph.checking import compute_gradient_error as compute_gradient_error


def __getattr__(name: str) -> Any:
    return getattr(_test, name)
