"""Programs of TensorFlow users, of which only the import is another: they print what they print there.

Beside each program of `introduction` lies its output under TensorFlow 2.21 with Keras 3.15."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.api.introducing import PROGRAMS, printed


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_prints_what_it_prints_under_tensorflow(program: Path) -> None:
    assert printed(program) == program.with_suffix(".txt").read_text()


def test_the_programs_know_of_no_other_difference_than_the_import() -> None:
    assert len(PROGRAMS) == 6
    for program in PROGRAMS:
        lines = [line for line in program.read_text().splitlines() if "gradtape" in line]
        assert all(
            [re.match(r"(import gradtape as tf|from gradtape\S* import .*)$", x) for x in lines]
        )
