"""Keras on the digits: it learns, and the saved model predicts the same in a fresh process."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import keras_digits


def test_the_digits_are_learnt_saved_and_loaded(tmp_path: Path) -> None:
    picture, file, printed = tmp_path / "digits.png", tmp_path / "digits.keras", io.StringIO()
    with contextlib.redirect_stdout(printed):
        accuracy, same = keras_digits.main(
            ["--epochs", "6", "--plot", str(picture), "--save", str(file)]
        )
    assert accuracy > 0.9
    assert same
    assert "Epoch 6/6" in printed.getvalue()
    assert file.stat().st_size > 50_000
    assert picture.stat().st_size > 10_000
