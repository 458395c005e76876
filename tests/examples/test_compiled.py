"""The compiled training of the digits has the losses of the one at once."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import digits_compiled


def test_the_losses_agree_step_by_step(tmp_path: Path) -> None:
    picture, printed = tmp_path / "losses.png", io.StringIO()
    with contextlib.redirect_stdout(printed):
        at_once, compiled = digits_compiled.main(["--steps", "100", "--plot", str(picture)])
    assert len(at_once.losses) == len(compiled.losses) == 100
    assert at_once.losses[-1] < at_once.losses[0] / 3
    assert digits_compiled.difference([at_once, compiled]) < 1e-5
    assert compiled.step.experimental_get_tracing_count() == 1
    assert "Largest relative difference of the losses in 100 steps" in printed.getvalue()
    assert picture.stat().st_size > 10_000
