"""`explain` names the cause and the line of every program in the files beside."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import pytest

from tests.autodiff import (
    explain_programs,
    explain_programs_sound,
    explain_programs_training,
)

PROGRAMS = [
    f
    for module in (explain_programs, explain_programs_sound, explain_programs_training)
    for f in vars(module).values()
    if inspect.isfunction(f) and f.__module__ == module.__name__ and f.__doc__
]


def expected(program: Any) -> tuple[str, str, int | None]:
    """The verdict, the kind of cause and the line that a program promises."""
    verdict, _, kind = program.__doc__.partition(", ")
    lines, start = inspect.getsourcelines(program)
    marked = [start + i for i, line in enumerate(lines) if line.rstrip().endswith("# here")]
    return verdict, kind, marked[0] if marked else None


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_the_cause_and_its_line_are_named(program: Any) -> None:
    verdict, kind, line = expected(program)
    answer = program()
    assert answer.verdict == verdict, str(answer)
    if verdict == "sound" and not kind:
        assert all(c.intended for c in answer.causes), str(answer)
        assert answer
        return
    found = [(c.kind, c.line) for c in answer.causes]
    assert (kind, line) in found, str(answer)
    assert {c.kind for c in answer.causes} <= {kind, "no tensor"}, str(answer)
    assert f"{inspect.getsourcefile(program).rpartition('/')[2]}:{line}: " in str(answer)
    assert all(c.text.endswith(".") for c in answer.causes)


def test_every_cause_has_three_programs() -> None:
    kinds = Counter(expected(p)[1] for p in PROGRAMS)
    assert sum(kinds.values()) - kinds[""] >= 40
    few = {k for k, n in kinds.items() if n < 3}
    assert few == {"reset", "independent", "another tensor", "choice", "constant"}
