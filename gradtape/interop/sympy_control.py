"""Control flow as formulas: a choice becomes a case distinction, a loop is unrolled.

A loop can be unrolled where its length does not depend on symbols; what the walk back through it
computes is unrolled in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from gradtape.core.xp_numpy import xp
from gradtape.interop.sympy_arrays import elementwise, expressions
from gradtape.interop.sympy_elementwise import is_logical

Run = Callable[[Any, Sequence[Any]], list[Any]]  # the results of a callee for its inputs
LONGEST = 1000
TOO_LONG = f"the loop has more than {LONGEST} steps"


def _call(run: Run, *arrays: Any, callee: Any, pair: Any = None) -> Any:
    return run(callee, arrays)


def _switch(run: Run, index: Any, *operands: Any, branches: Any) -> Any:
    choice = index[()]
    if choice.is_Integer:
        return run(branches[_clamped(choice, branches)], operands)
    results = [run(b, operands) for b in branches]
    return [
        elementwise(lambda *elements: _chosen(choice, elements), *outputs)
        for outputs in zip(*results, strict=True)
    ]


def _clamped(choice: Any, branches: Sequence[Any]) -> int:
    return max(0, min(int(choice), len(branches) - 1))


def _chosen(number: Any, elements: Sequence[Any]) -> Any:
    """The element with a number; a number that is itself a choice decides among the elements."""
    choice: Any = sp.piecewise_fold(number)
    if choice.func is sp.Piecewise and all(v.is_Integer for v, _ in choice.args):
        cases = [(elements[_clamped(v, elements)], c) for v, c in choice.args]
    else:
        first = [(e, sp.Eq(choice, n)) for n, e in enumerate(elements[:-1])]
        cases = [(elements[0], choice <= 0), *first[1:], (elements[-1], sp.true)]
    if not any(is_logical(e) for e in elements):
        return sp.Piecewise(*cases)
    found = cases[-1][0]
    for value, condition in reversed(cases[:-1]):
        found = sp.ITE(condition, value, found)
    return found


def _holds(outcome: Any) -> bool:
    """Whether a loop goes on; ValueError where that depends on symbols."""
    if outcome not in (sp.true, sp.false):
        raise ValueError(f"the length of the loop depends on {outcome}")
    return bool(outcome)


def _test(run: Run, callee: Any, around: Sequence[Any]) -> Callable[[Any], bool]:
    """The test of a loop, which also counts its steps."""
    steps = iter(range(LONGEST + 1))

    def test(state: Sequence[Any]) -> bool:
        if next(steps, None) is None:
            raise ValueError(TOO_LONG)
        return _holds(run(callee, [*state, *around])[0][()])

    return test


def _while(run: Run, *arrays: Any, loop: Any) -> Any:
    state, around = loop.split(arrays)
    test = _test(run, loop.test, around)
    while test(state):
        state = run(loop.body, [*state, *around])
    return state


def _loop_pull(run: Run, *arrays: Any, pull: Any) -> Any:
    state, around, cts = pull.split(arrays)
    sums = [expressions(sp.S.Zero, a.shape) for a, w in zip(around, pull.wanted) if w]

    def back(state: Any, cts: Any) -> Any:
        found = run(pull.step, [*state, *around, *cts])
        return found[: len(cts)], found[len(cts) :]

    body = lambda state: run(pull.body, [*state, *around])
    return xp.loop_pull(_test(run, pull.test, around), body, back, state, cts, sums)


def _scan(run: Run, *arrays: Any, scan: Any, walk: Any = None) -> Any:
    state, rows, around = scan.split(arrays)
    count = scan.carried

    def step(state: Any, row: Any) -> Any:
        found = run(scan.step, [*state, *map(expressions, row), *around])
        return found[:count], found[count:]

    specs = [(v.shape, object) for v in scan.step.outputs[count:]]
    length = rows[0].shape[0] if rows else scan.length
    if length > LONGEST:
        raise ValueError(TOO_LONG)
    return xp.scan(step, state, rows, length, scan.reverse, specs)


CONTROL: dict[str, Callable[..., Any]] = {
    "call": _call,
    "switch": _switch,
    "while": _while,
    "loop_pull": _loop_pull,
    "scan": _scan,
}
