"""Verbs of random numbers on `jax.numpy`: the same bits as NumPy's Philox 4x64-10, and a loop.

Poisson and binomial numbers are drawn by NumPy, which compiled code calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.xp_numpy import verbs as numpy_verbs
from gradtape.graph.xp_jax_base import on_cpu, verb
from gradtape.graph.xp_jax_special import by_scipy

MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
ROUNDS = 10


def _product(a: Any, b: int) -> tuple[Any, Any]:
    """The high and low words of a 64 x 64 bit product."""
    mask = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    a_low, a_high = a & mask, a >> shift
    b_low, b_high = np.uint64(b & 0xFFFFFFFF), np.uint64(b >> 32)
    low = a_low * b_low
    middle = a_high * b_low + (low >> shift)
    other = a_low * b_high + (middle & mask)
    high = a_high * b_high + (middle >> shift) + (other >> shift)
    return high, (other << shift) | (low & mask)


def _blocks(key: Any, counter: Any) -> Any:
    """Philox of counters: key (2,), counter (n,) -> (n, 4) words.

    The rounds are a loop, as written out they become one expression for each word, in which all
    that words share is computed anew: half a million words took 87 ms, and take 4.
    """

    def turn(_: Any, state: Any) -> Any:
        words, first, second = state
        high0, low0 = _product(words[0], MULTIPLIERS[0])
        high1, low1 = _product(words[2], MULTIPLIERS[1])
        words = high1 ^ words[1] ^ first, low1, high0 ^ words[3] ^ second, low0
        return words, first + np.uint64(WEYL[0]), second + np.uint64(WEYL[1])

    zero = jnp.zeros_like(counter)
    state = ((counter, zero, zero, zero), key[0], key[1])
    words, _, _ = jax.lax.fori_loop(0, ROUNDS, turn, state)
    return jnp.stack(words, axis=-1)


@verb
def random_bits(key: Any, count: int) -> Any:
    """`count` words of 64 random bits for each key: (..., 2) uint64 -> (..., count) uint64."""
    flat = jnp.reshape(key, (-1, 2)).astype(jnp.uint64)
    blocks = -(-count // 4)
    counter = jnp.arange(1, blocks + 1, dtype=jnp.uint64)
    rows = [_blocks(flat[i], counter).reshape(-1)[:count] for i in range(flat.shape[0])]
    return jnp.stack(rows).reshape(*key.shape[:-1], count)


@verb
def halves(words: Any) -> Any:
    """The 32-bit halves of 64-bit words, the low one first: (..., n) uint64 -> (..., 2 n)
    uint32.
    """
    pairs = jax.lax.bitcast_convert_type(words, jnp.uint32)
    return pairs.reshape(*words.shape[:-1], 2 * words.shape[-1])


@verb
def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], state: Any) -> Any:
    """Apply the body to the state as long as the condition holds."""
    return jax.lax.while_loop(condition, body, state)


@verb
def gammaincinv(a: Any, p: Any) -> Any:
    """The x at which the regularised lower incomplete gamma function of a is p: on a CPU SciPy's,
    elsewhere by bisection of log x.
    """
    if on_cpu():
        return by_scipy(numpy_verbs.gammaincinv, a, p)
    low = jnp.full_like(p, -745.0)
    high = jnp.log(a + 40.0 + 12.0 * jnp.sqrt(a))

    def halve(_: Any, bounds: Any) -> Any:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = jax.scipy.special.gammainc(a, jnp.exp(middle)) < p
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = jax.lax.fori_loop(0, 64, halve, (low, high))
    return jnp.where(p > 0, jnp.exp(0.5 * (low + high)), 0.0)


@verb
def random_poisson(key: Any, rate: Any) -> Any:
    """A Poisson number for each rate."""
    return _by_numpy(numpy_verbs.random_poisson, rate, key, rate)


@verb
def random_binomial(key: Any, counts: Any, probs: Any) -> Any:
    """A binomial number for each count and probability."""
    return _by_numpy(numpy_verbs.random_binomial, counts, key, counts, probs)


def _by_numpy(draw: Callable[..., Any], like: Any, *arrays: Any) -> Any:
    spec = jax.ShapeDtypeStruct(like.shape, like.dtype)
    return jax.pure_callback(lambda *given: draw(*map(np.asarray, given)), spec, *arrays)
