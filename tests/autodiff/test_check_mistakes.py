"""Wrong rules, planted: `check_gradients` finds each of them and says what it looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(5)
MATRIX = RNG.standard_normal((3, 3))
COMPLEX = MATRIX + 1j * RNG.standard_normal((3, 3))
VECTOR = [1.0, 2.0, 3.0]
REVERSE, FORWARD = {"reverse", "forward"}, {"forward", "adjoint"}
SECOND = {"second", "forward over reverse"}


def gradient_of(f: Any, gradient: Any) -> Any:
    """A function with a gradient function; its tangents are found by transposing that."""

    @tf.custom_gradient
    def g(x: Any) -> Any:
        return f(x), lambda u: gradient(u, x)

    return g


names = iter(range(10**6))


def rules(kernel: Any, vjp: Any, jvp: Any) -> Any:
    """An operation with a rule for each direction."""
    return tf.primitive(kernel, name=f"planted{next(names)}", vjp=vjp, jvp=jvp)


def forgotten_at_two(u: Any, x: Any) -> Any:
    """A gradient that is wrong at one element."""
    return 2.0 * u * x * tf.constant([1.0, 1.0, 1.5], tf.float64)


MISTAKES: dict[str, tuple[Any, Any, set[str], str]] = {
    "sign": (
        gradient_of(lambda x: x * x, lambda u, x: -2.0 * u * x),
        VECTOR, REVERSE, "(argument 0): the sign is wrong",
    ),
    "twice": (
        gradient_of(lambda x: x * x, lambda u, x: 4.0 * u * x),
        VECTOR, REVERSE, "(argument 0): twice too large",
    ),
    "half": (
        gradient_of(lambda x: x * x, lambda u, x: u * x),
        VECTOR, REVERSE, "(argument 0): half of what it should be",
    ),
    "factor": (
        gradient_of(tf.sin, lambda u, x: 3.7 * u * tf.cos(x)),
        VECTOR, REVERSE, "3.7 times what it should be",
    ),
    "missing term": (
        gradient_of(lambda x: x * x + tf.sin(x), lambda u, x: 2.0 * u * x),
        VECTOR, REVERSE, "a term is missing or one too many",
    ),
    "nothing": (
        gradient_of(lambda x: x * x, lambda u, x: 0.0 * u * x),
        VECTOR, REVERSE, "no derivative arrives",
    ),
    "something": (
        gradient_of(tf.ones_like, lambda u, x: u * x),
        VECTOR, REVERSE, "there should be none",
    ),
    "one element": (
        gradient_of(lambda x: x * x, forgotten_at_two),
        VECTOR, REVERSE, "only at [2] of the shape [3]",
    ),
    "transposed": (
        gradient_of(tf.sin, lambda u, x: tf.transpose(u * tf.cos(x))),
        MATRIX, REVERSE, "the rule gives the transpose",
    ),
    "missing conj": (
        gradient_of(lambda z: z * z, lambda u, z: 2.0 * u * z),
        COMPLEX, REVERSE, "a tf.math.conj of the slope is missing, or one too many",
    ),
    "conjugated": (
        gradient_of(lambda z: z * z, lambda u, z: tf.math.conj(2.0 * u * tf.math.conj(z))),
        COMPLEX, REVERSE, "the rule gives the complex conjugate",
    ),
    "nan": (
        gradient_of(lambda x: x * x, lambda u, x: u * x / (x - 1.0)),
        VECTOR, {"reverse", "forward", "adjoint"}, "it is not finite; only at [0] of the shape [3]",
    ),
    "kink": (
        gradient_of(tf.nn.relu, lambda u, x: 3.0 * u * tf.cast(x >= 0.0, x.dtype)),
        [0.0, -1.0], REVERSE, "the reverse rule gives",
    ),
    "forward rule only": (
        rules(lambda xp, x: x * x, lambda ct, x: 2.0 * ct * x, lambda t, x: 2.1 * t * x),
        VECTOR, FORWARD, "the forward rule gives",
    ),
    "reverse rule only": (
        rules(lambda xp, x: x * x, lambda ct, x: 2.1 * ct * x, lambda t, x: 2.0 * t * x),
        VECTOR, {"reverse", "adjoint"}, "1.05 times what it should be",
    ),
    "second derivative only": (
        gradient_of(lambda x: x**3, lambda u, x: 3.0 * u * tf.stop_gradient(x) * x),
        VECTOR, SECOND, "reverse over reverse gives",
    ),
    "no second derivative": (
        gradient_of(lambda x: x**3, lambda u, x: 3.0 * u * tf.stop_gradient(x * x)),
        VECTOR, SECOND, "no derivative arrives",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_planted_mistakes_are_found_and_named(name: str) -> None:
    f, point, kinds, words = MISTAKES[name]
    verdict = tf.check_gradients(f, point, order=2 if kinds == SECOND else 1)
    assert not verdict
    assert {c.kind for c in verdict.failures} == kinds, str(verdict)
    assert words in verdict.summary
    assert verdict.summary.startswith("check_gradients: ")
    assert all(finding in str(verdict) for finding in verdict.findings)
    with pytest.raises(AssertionError, match="checks failed"):
        verdict.raise_if_failed()


def test_a_finding_gives_both_numbers() -> None:
    f, point, _, _ = MISTAKES["twice"]
    check = tf.check_gradients(f, point, order=1).failures[0]
    assert check.value == pytest.approx(2 * check.expected)
    assert f"gives {check.value:.6g} where differences give {check.expected:.6g} +- " in check.words


def test_a_hessian_that_is_not_symmetric() -> None:
    """A gradient that is the gradient of nothing: its Jacobian has (1, 0) where (0, 1) is zero."""

    def gradient(u: Any, x: Any) -> Any:
        return u * tf.stack([x[0], x[1] + 2.0 * x[0]])

    f = gradient_of(lambda x: tf.reduce_sum(x * x) / 2.0, gradient)
    verdict = tf.check_gradients(f, [0.0, 2.0])
    assert not verdict
    assert "symmetry" in {c.kind for c in verdict.failures}
    assert any("the Hessian is not symmetric" in words for words in verdict.findings)
