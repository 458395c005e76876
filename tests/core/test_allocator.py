"""What the allocator is told about the working memory of compiled programs and of tapes."""

from __future__ import annotations

import mmap
import platform
import subprocess
import sys

import pytest

CODE = """
import sys
from gradtape.core import allocator
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


FAULTS = """
import resource, sys
import numpy as np
import gradtape as tf

def step():
    kept = [np.ones(1 << 18) for _ in range(10)]
    return sum([k[0] for k in kept])

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

step()
without = faults(20)
x = tf.constant(1.0)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x * x
tape.gradient(y, x)
step()
print(without, faults(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_arrays_of_a_step_come_back_without_faults() -> None:
    command = [sys.executable, "-c", FAULTS]
    child = subprocess.run(command, env={}, stdout=subprocess.PIPE, text=True, check=True)
    without, kept = map(int, child.stdout.split())
    pages = 20 * 10 * (1 << 18) * 8 // mmap.PAGESIZE
    assert without > pages // 4
    assert kept < pages // 100
