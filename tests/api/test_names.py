"""Every public name of TensorFlow's mathematical modules is here, or left out with a reason that using it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradtape as tf
from gradtape.api.left_out import LEFT_OUT, REASONS, LeftOutError

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "tests/data/tensorflow_names.txt").read_text().splitlines()
NAMES = [n for n in LINES if n and not n.startswith("#")]
MODULES = {n.rpartition(".")[0] for n in NAMES}


def look_up(path: str) -> Any:
    """The object of a public path."""
    value: Any = tf
    for part in path.split(".")[1:]:
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_name_is_here_or_left_out_with_a_reason(module: str) -> None:
    missing = []
    for name in NAMES:
        if name.rpartition(".")[0] == module:
            try:
                look_up(name)
            except LeftOutError as error:
                assert "docs/limits.md" in str(error)
            except AttributeError:
                missing.append(name)
    assert not missing


def test_what_is_left_out_is_really_absent() -> None:
    for name in LEFT_OUT:
        if name.rpartition(".")[0] in MODULES:
            with pytest.raises(LeftOutError):
                look_up(name)


def test_using_a_name_that_is_left_out_says_why() -> None:
    with pytest.raises(LeftOutError, match="hand arrays or a generator"):
        tf.io  # noqa: B018
    with pytest.raises(AttributeError, match="pad the rows"):
        tf.RaggedTensor  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tf.math.nonsense  # noqa: B018
    assert not hasattr(tf, "SparseTensor")


def table() -> str:
    """The table of docs/limits.md."""
    rows = ["| left out | why, and what to use |", "|---|---|"]
    for reason, names in REASONS.items():
        rows.append(f"| {' '.join(f'`{n}`' for n in names.split())} | {reason} |")
    return "\n".join(rows)


def test_limits_show_what_is_left_out() -> None:
    page = (ROOT / "docs/limits.md").read_text()
    assert table() in page, "put this table into docs/limits.md:\n" + table()
