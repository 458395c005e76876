"""The extension in C that runs the plain case of eager execution in fewer steps, where it was
built.

`quick` is the module `gradtape.core._quick` (its source is in `native/`), or None: where no
compiler was at hand when gradtape was installed, or with GRADTAPE_PURE_PYTHON=1 in the environment.
The extension does nothing that Python files do not do; what it does not know it leaves to them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

quick: Any = None
if not os.environ.get("GRADTAPE_PURE_PYTHON"):
    try:
        from numpy._core.umath import _extobj_contextvar as _errors  # noqa: F401  it sets this

        from gradtape.core import _quick as quick
    except ImportError:  # not built here, or a NumPy with other insides
        pass


def bind(**names: Any) -> None:
    """Tell the extension the classes and functions that it works on."""
    if quick is not None:
        quick.bind(**names)


def fast(function: Any, guard: int = 0) -> Any:
    """A ufunc that loses no time on few numbers; any other function itself.

    Args: function: what to call. guard: how many of the two factors of a product make 0 of a
        result that is nan where they are 0, as the verb `zero_wins` does; for ufuncs, with the
        extension only.
    """
    if quick is None or not isinstance(function, np.ufunc):
        return function
    if function.nin > 2 or function.nout > 1 or function.signature is not None:
        return function
    return quick.Quick(function, guard)
