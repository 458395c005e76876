"""What importing gradtape does: nothing is printed, and only small guests come along."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> str:
    """The output of a fresh process, errors included."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_import_is_silent_and_brings_no_large_guest() -> None:
    guests = "['jax', 'scipy', 'rich', 'opt_einsum', 'matplotlib', 'torch', 'tensorflow', 'keras', 'numpy.testing', 'numpy.f2py']"
    assert run(f"import sys, gradtape; print([g for g in {guests} if g in sys.modules])") == "[]\n"


def test_a_program_runs_without_jax() -> None:
    code = """
import sys
sys.modules["jax"] = None
import gradtape as tf
v = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.nn.softmax(tf.linalg.matvec([[1.0, 2.0], [3.0, 4.0]], v)) * tf.math.lgamma(v))
print(tape.gradient(y, v).shape)
"""
    assert run(code) == "(2,)\n"
