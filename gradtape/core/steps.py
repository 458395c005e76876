"""Kernels of a single step, such as `lambda xp, x, y: x + y` and `lambda xp, x: xp.sin(x)`.

Whoever calls such a kernel may call what it calls, or write that into a function of its own: each
call spared is 60 ns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.quick import fast, quick
from gradtape.core.xp_numpy import xp


def code_of(kernel: Any) -> Any:
    """What a kernel does, for comparing: constants, instructions, names; None for no function."""
    code = getattr(kernel, "__code__", None)
    if code is None or code.co_freevars or kernel.__defaults__ or kernel.__kwdefaults__:
        return None
    return code.co_consts, code.co_code, code.co_names


# The namespace is not named `xp` where it is called: Python compiles `a.b(c)` in another way where
# the file imports a.
OPERATORS: dict[Any, tuple[str, Any]] = {
    code_of(lambda xp, x, y: x + y): ("{} + {}", np.add),
    code_of(lambda xp, x, y: x - y): ("{} - {}", np.subtract),
    code_of(lambda xp, x, y: x * y): ("{} * {}", np.multiply),
    code_of(lambda xp, x, y: x / y): ("{} / {}", np.divide),
    code_of(lambda xp, x: -x): ("-{}", np.negative),
}
CALLS = {
    code_of(lambda space, x: space.name(x))[:2],
    code_of(lambda space, x, y: space.name(x, y))[:2],
}
# products that an exact zero stops: the ufunc, how many factors are looked at, the product alone
GUARDED: dict[Any, tuple[Any, int, Any]] = {
    code_of(lambda space, t, d: space.zero_wins(t * d, t, d)): (
        np.multiply, 2, lambda xp, x, y: x * y,
    ),
    code_of(lambda space, t, d: space.zero_wins(t * d, t)): (
        np.multiply, 1, lambda xp, x, y: x * y,
    ),
    code_of(lambda space, t, y: space.zero_wins(t / y, t)): (
        np.divide, 1, lambda xp, x, y: x / y,
    ),
}  # fmt: skip


def single(kernel: Any) -> Callable[..., Any] | None:
    """The function of arrays that a kernel calls, None where it does more."""
    code = code_of(kernel)
    if code is None:
        return None
    if code in OPERATORS:
        return fast(OPERATORS[code][1])
    if code in GUARDED and quick is not None:
        ufunc, guard, _ = GUARDED[code]
        return fast(ufunc, guard)
    if code[:2] in CALLS and len(code[2]) == 1:
        return fast(getattr(xp, code[2][0]))
    return None


def operator(kernel: Any) -> str | None:
    """The Python operator that a kernel consists of as a format, where calling NumPy's function
    would take longer: without the extension.
    """
    found = OPERATORS.get(code_of(kernel)) if quick is None else None
    return None if found is None else found[0]
