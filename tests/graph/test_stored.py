"""Arrays that compiled code computes once, and contractions whose factors change places."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradtape.graph.xp_jax import xp
from gradtape.graph.xp_jax_lowering import stored


@pytest.mark.parametrize("first", [1.5, np.nan, np.inf, -0.0])
def test_stored_arrays_are_what_they_were(first: float) -> None:
    x = np.array([first, -2.0, 3.0], np.float32)
    y = np.array([[4.0, np.nan]], np.float64)
    with jax.enable_x64():
        found = jax.jit(stored)(x, y)
    for a, b in zip(found, (x, y), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def test_a_stored_array_is_computed_once() -> None:
    """Compiled, five products of shifted parts have one array of maxima among them, and one more
    is for the number that the loop asks for; without storing each product has its own."""

    def read(x: jax.Array) -> tuple[jax.Array, ...]:
        (y,) = stored(jnp.maximum(x, 2.0))
        return tuple([y[i : i + 50] @ x for i in range(5)])

    text = jax.jit(read).lower(jnp.ones((64, 64), jnp.float32)).compile().as_text()
    assert text is not None
    assert len(re.findall(r"\[\d+,\d+\]\S* maximum\(", text)) == 2


@pytest.mark.parametrize(
    ("spec", "left", "right"),
    [
        ("abc,abd->cd", (8, 100, 40), (8, 100, 3)),
        ("abc,abd->dc", (8, 100, 40), (8, 100, 3)),
        ("ac,ad->cd", (400, 20), (400, 5)),
        ("acx,ady->cxdy", (800, 5, 4), (800, 2, 3)),
        ("acx,ady->xdcy", (800, 5, 4), (800, 2, 3)),
        ("ac,ad->cd", (400, 5), (400, 20)),
        ("abc,abd->acd", (4, 100, 8), (4, 100, 2)),
        ("ab,bc->ac", (3, 4), (4, 5)),
        ("a,b->ab", (3,), (4,)),
    ],
)
def test_contractions_are_numpys(spec: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=left).astype(np.float32)
    b = rng.normal(size=right).astype(np.float32)
    wanted = np.einsum(spec, a.astype(np.float64), b.astype(np.float64))
    np.testing.assert_allclose(xp.einsum(spec, a, b), wanted, rtol=2e-5, atol=2e-5)


def test_the_smaller_factor_comes_first() -> None:
    a, b = jnp.zeros((400, 20)), jnp.zeros((400, 5))
    text = str(jax.make_jaxpr(lambda a, b: xp.einsum("ac,ad->cd", a, b))(a, b))
    assert "[5,20] = dot_general" in text
