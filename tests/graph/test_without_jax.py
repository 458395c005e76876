"""Functions and control flow where JAX is not installed: NumPy runs everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.modules["jax"] = None
import numpy as np
import gradtape as tf

def newton(a):
    x = a
    while tf.abs(x * x - a) > 1e-5 * a:
        x = 0.5 * (x + a / x)
    return x

def program(x, w):
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.sin(x) @ w, lambda: x @ w)
    y = tf.scan(lambda a, r: tf.tanh(a + r), y, tf.zeros(3))
    y = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * y), [0, y])[1]
    y = tf.py_function(lambda y: y * 2.0, [y], tf.float32)
    for r in y:
        y = y + r
        if tf.reduce_sum(y) > 100.0:
            break
    return newton(1.0 + tf.reduce_sum(y * y)) + tf.reduce_sum(tf.vectorized_map(lambda r: r * r, y))

def gradients(f):
    x, w = tf.constant(np.linspace(-1, 2, 8, dtype="f4").reshape(4, 2)), tf.ones([2, 3])
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        y = f(x, w)
    return [y, *tape.gradient(y, [x, w])]

wanted = gradients(program)
large = tf.function(lambda x: tf.reduce_sum(tf.sin(x)))
v = tf.Variable(0.0)
count = tf.function(lambda: v.assign_add(1.0))
for how in (None, False, True):
    f = tf.function(program, jit_compile=how)
    for a, b in zip(gradients(f), wanted):
        np.testing.assert_allclose(a, b, rtol=1e-4)
assert abs(float(large(tf.zeros([1000, 1000])))) == 0.0
count(), count()
print(float(v), "jax" in [m for m in sys.modules if sys.modules[m] is not None])
"""


def test_a_program_of_functions_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "program.py"  # AutoGraph reads the source
    path.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2.0 False\n"
