"""The page of examples lists every program, and leads nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_every_example_has_its_row() -> None:
    rows = re.findall(r"^\| \[(\S+)\]\((\S+)\)", (EXAMPLES / "README.md").read_text(), re.M)
    assert sorted(name for name, _ in rows) == sorted(p.name for p in EXAMPLES.glob("*.py"))
    assert all(name == link for name, link in rows)
