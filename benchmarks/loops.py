"""Time a recurrent network written as every kind of loop, compiled: the value and all gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.contestants import present
from benchmarks.timing import CONSOLE, Report, Row

FRAMEWORKS = ("gradtape", "TensorFlow", "JAX")
LINES, BATCH, STATE = 28, 128, 64
REFERENCES = ("JAX", "TensorFlow jit")
TOLERANCE = 1e-4

Weights = Sequence[Any]


def arrays() -> tuple[Any, list[Any]]:
    """Lines (of a picture each), and the weights."""
    random = np.random.default_rng(0)
    x = random.random((LINES, BATCH, LINES), np.float32)
    sizes = (LINES, STATE), (STATE, STATE)
    return x, [(0.05 * random.standard_normal(size)).astype(np.float32) for size in sizes]


# behind TensorFlow's interface


def unrolled(tf: Any, x: Any, w: Weights) -> Any:
    """Python's loop: every round is written down."""
    state = tf.zeros([BATCH, STATE])
    for line in tf.unstack(x, axis=0):
        state = tf.tanh(line @ w[0] + state @ w[1])
    return tf.reduce_mean(state**2)


def folded(tf: Any, x: Any, w: Weights) -> Any:
    """A function of each row."""
    step = lambda state, line: tf.tanh(line + state @ w[1])
    return tf.reduce_mean(tf.foldl(step, x @ w[0], tf.zeros([BATCH, STATE])) ** 2)


def ranged(tf: Any, x: Any, w: Weights) -> Any:
    """A loop over numbers, which AutoGraph records."""
    lines, state = x @ w[0], tf.zeros([BATCH, STATE])
    for i in tf.range(LINES):
        state = tf.tanh(lines[i] + state @ w[1])
    return tf.reduce_mean(state**2)


def arrayed(tf: Any, x: Any, w: Weights) -> Any:
    """The same, which keeps all states in an array."""
    lines, state = x @ w[0], tf.zeros([BATCH, STATE])
    states = tf.TensorArray(tf.float32, size=LINES)
    for i in tf.range(LINES):
        state = tf.tanh(lines[i] + state @ w[1])
        states = states.write(i, state)
    return tf.reduce_mean(states.stack() ** 2)


def counted(tf: Any, x: Any, w: Weights) -> Any:
    """A loop with a test."""
    lines = x @ w[0]
    body = lambda i, state: (i + 1, tf.tanh(lines[i] + state @ w[1]))
    start = tf.constant(0), tf.zeros([BATCH, STATE])
    test = lambda i, state: i < LINES
    _, state = tf.while_loop(test, body, start, maximum_iterations=LINES)
    return tf.reduce_mean(state**2)


# in JAX


def jax_unrolled(jax: Any, x: Any, w: Weights) -> Any:
    """Python's loop."""
    state = jax.numpy.zeros((BATCH, STATE))
    for line in x:
        state = jax.numpy.tanh(line @ w[0] + state @ w[1])
    return (state**2).mean()


def jax_scanned(jax: Any, x: Any, w: Weights) -> Any:
    """A function of each row."""
    step = lambda state, line: (jax.numpy.tanh(line + state @ w[1]), None)
    return (jax.lax.scan(step, jax.numpy.zeros((BATCH, STATE)), x @ w[0])[0] ** 2).mean()


def jax_ranged(jax: Any, x: Any, w: Weights) -> Any:
    """A loop over numbers."""
    lines = x @ w[0]
    step = lambda i, state: jax.numpy.tanh(lines[i] + state @ w[1])
    return (jax.lax.fori_loop(0, LINES, step, jax.numpy.zeros((BATCH, STATE))) ** 2).mean()


def jax_arrayed(jax: Any, x: Any, w: Weights) -> Any:
    """The same, which keeps all states in an array."""
    lines, zeros = x @ w[0], jax.numpy.zeros

    def step(i: Any, carry: Any) -> Any:
        state = jax.numpy.tanh(lines[i] + carry[0] @ w[1])
        return state, carry[1].at[i].set(state)

    start = zeros((BATCH, STATE)), zeros((LINES, BATCH, STATE))
    return (jax.lax.fori_loop(0, LINES, step, start)[1] ** 2).mean()


# JAX's `while_loop` has no way back
FORMS: dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]] = {
    "Python's loop": (unrolled, jax_unrolled),
    "foldl, lax.scan": (folded, jax_scanned),
    "over a range, lax.fori_loop": (ranged, jax_ranged),
    "over a range, into an array": (arrayed, jax_arrayed),
    "while_loop": (counted, None),
}


def of_tensorflow(tf: Any, form: Callable[..., Any]) -> Callable[[], list[Any]]:
    """A compiled call of the value and the gradients, behind TensorFlow's interface."""
    given, weights = arrays()
    x, w = tf.constant(given), [tf.Variable(a) for a in weights]

    @tf.function(jit_compile=True)
    def value(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.function(partial(form, tf))(x, w)
        return [loss, *tape.gradient(loss, w)]

    def call() -> list[Any]:
        found = value(x)
        if hasattr(found[0], "buffer"):
            found[0].buffer.block_until_ready()
        return found

    return call


def of_jax(jax: Any, form: Callable[..., Any]) -> Callable[[], list[Any]]:
    """The same of JAX."""
    x, w = arrays()
    x, w = jax.numpy.asarray(x), [jax.numpy.asarray(a) for a in w]
    compiled = jax.jit(jax.value_and_grad(lambda w, x: form(jax, x, w)))

    def call() -> list[Any]:
        loss, gradients = compiled(w, x)
        return [loss.block_until_ready(), *gradients]

    return call


def contestants(modules: Any, form: str) -> dict[str, Callable[[], list[Any]]]:
    """The calls of a form, by contestant."""
    of_tf, of_lax = FORMS[form]
    calls = {"gradtape": of_tensorflow(modules["gradtape"], of_tf)}
    if "TensorFlow" in modules:
        calls["TensorFlow jit"] = of_tensorflow(modules["TensorFlow"], of_tf)
    if "JAX" in modules and of_lax is not None:
        calls["JAX"] = of_jax(modules["JAX"], of_lax)
    return calls


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen forms, print their tables and store the rows of a complete run."""
    options = timing.options(arguments, tuple(FORMS), "benchmarks.loops", __doc__)
    effort = timing.QUICK if options.quick else timing.Effort(0.03, 12.0, 61)
    modules, absent = present(list(FRAMEWORKS))
    for name in absent:
        CONSOLE.print(f"{name} is absent and skipped")
    report = Report("loops-quick" if options.quick else "loops", timing.machine())
    timing.show_machine(report.machine)
    for form in options.only:
        calls = contestants(modules, form)
        wanted = [np.asarray(a) for a in calls["gradtape"]()]
        for call in calls.values():
            for a, b in zip(call(), wanted, strict=True):
                np.testing.assert_allclose(np.asarray(a), b, rtol=TOLERANCE, atol=TOLERANCE)
        measured = timing.measure({n: timing.looped(c) for n, c in calls.items()}, effort)
        rows = [Row(form, "value, gradients", n, spread) for n, spread in measured.items()]
        report.rows += rows
        CONSOLE.print(timing.table(form, rows, REFERENCES))
    if set(options.only) == set(FORMS):
        CONSOLE.print(f"stored {report.store()}")


if __name__ == "__main__":
    main()
