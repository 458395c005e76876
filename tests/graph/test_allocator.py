"""What the allocator is told about the working memory of compiled programs."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
from gradtape.graph import allocator
MB = 1 << 20
print([allocator.keep(n * MB) for n in (1, 32, 40, 60, 100, 2000)])
"""


def told(**environment: str) -> list[bool]:
    """What `keep` says of six sizes in a fresh process; MALLOC settings are as given."""
    child = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return [word == "True" for word in child.stdout.strip(" []\n").split(", ")]


def test_only_what_is_larger_than_all_before_is_kept() -> None:
    assert told() == [False, False, True, False, True, False]


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_limits_of_the_user_stay(name: str) -> None:
    assert not any(told(**{name: "65536"}))
