"""The rows of `benchmarks.kernels` for functions along axes: reductions, scans, order, places."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.kernel_row import FLOATS, MILLION, Kernel, below, normal, uniform
from benchmarks.kernels_pointwise import called

THOUSAND = (1000, 1000)
ROWS, CLASSES = 1000, 1000
RUNTIME = "a loop of XLA's runtime on one core"
NOT_A_NUMBER = "a second sum finds what is not a number"
TRUTH = "XLA reduces truth values one by one"
PLACES = "three passes: the extreme, its places, the first of them"
OWN = "XLA's own, not replaced"
INDEXED = "XLA asks for every element where it lies"
GATHERS = "XLA gathers element by element"
FROM_NUMPY = "drawn by NumPy, called"


def reductions() -> list[Kernel]:
    """Sums, products and extremes, of everything and of rows and columns."""
    rows = []
    for dtype in FLOATS:
        x = normal(*THOUSAND, dtype=dtype)
        for axis in (None, 0, 1):
            title = f"axis {axis}"
            for name in ("sum", "max", "min"):
                run = lambda xp, x, name=name, axis=axis: getattr(xp, name)(x, axis=axis)
                library = partial(getattr(jnp, name), axis=axis)
                why = OWN if name == "sum" else NOT_A_NUMBER
                rows.append(Kernel(name, run, lambda x=x: [x], library, title, why))
        for name in ("argmax", "argmin"):
            library = partial(getattr(jnp, name), axis=1)
            rows.append(Kernel(name, called(name, 1), lambda x=x: [x], library, "axis 1", PLACES))
    near = uniform(0.99, 1.01, *THOUSAND)
    rows.append(Kernel("prod", called("prod", 1), lambda: [near], title="axis 1"))
    rows.append(Kernel("all", called("all", 1), lambda: [near > 0], title="axis 1", why=TRUTH))
    return rows


def scans() -> list[Kernel]:
    """Running sums, products and the like, of a vector and of columns."""
    rows = []
    for dtype in FLOATS:
        x = normal(MILLION, dtype=dtype)
        rows.append(Kernel("scan_sum", called("scan_sum", 0, False), lambda x=x: [x], jnp.cumsum))
    near, y = uniform(0.99, 1.01, *THOUSAND), normal(*THOUSAND)

    def recurrence(a: Any, b: Any) -> Any:
        after = lambda p, q: (p[0] * q[0], q[1] + q[0] * p[1])
        return lax.associative_scan(after, (a, b))[1]

    return [
        *rows,
        Kernel("scan_sum", called("scan_sum", 0, False), lambda: [y], partial(jnp.cumsum, axis=0)),
        Kernel("scan_product", called("scan_product", 0, False), lambda: [near], lax.cumprod),
        Kernel("scan_logsumexp", called("scan_logsumexp", 0, False), lambda: [y], lax.cumlogsumexp),
        Kernel(
            "linear_recurrence", called("linear_recurrence", 0, False), lambda: [near - 0.5, y],
            recurrence,
        ),
    ]  # fmt: skip


def neural() -> list[Kernel]:
    """Softmax and cross entropy of a thousand classes, and their derivatives."""
    logits, labels = normal(ROWS, CLASSES), below(CLASSES, ROWS)
    ct = normal(ROWS, CLASSES, seed=1)
    weights = np.array(jax.nn.softmax(ct))
    column = ct[:, 0].copy()
    loss = lambda p, z: -jnp.sum(p * jax.nn.log_softmax(z), -1)

    def sparse(y: Any, z: Any) -> Any:
        chosen = jnp.take_along_axis(z, y[:, None], 1)[:, 0]
        return jax.nn.logsumexp(z, 1) - chosen

    return [
        Kernel("softmax", called("softmax", -1), lambda: [logits], jax.nn.softmax),
        Kernel("log_softmax", called("log_softmax", -1), lambda: [logits], jax.nn.log_softmax),
        Kernel("softmax_pull", called("softmax_pull", -1), lambda: [ct, weights]),
        Kernel("log_softmax_pull", called("log_softmax_pull", -1), lambda: [ct, logits - 8]),
        Kernel(
            "softmax_loss", lambda xp, p, z: xp.softmax_loss(p, z)[0], lambda: [weights, logits],
            loss,
        ),
        Kernel(
            "softmax_loss_pull", called("softmax_loss_pull"),
            lambda: [column, weights, weights[::-1].copy()],
        ),
        Kernel(
            "sparse_softmax_loss", lambda xp, y, z: xp.sparse_softmax_loss(y, z)[0],
            lambda: [labels, logits], sparse,
        ),
        Kernel(
            "sparse_softmax_loss_pull", called("sparse_softmax_loss_pull"),
            lambda: [column, weights, labels],
        ),
        Kernel(
            "pick_last", called("pick_last"), lambda: [logits, labels],
            lambda z, y: jnp.take_along_axis(z, y[:, None], 1)[:, 0],
            why="reads the rows whole, so that it fuses with what made them",
        ),
        Kernel(
            "place_last", called("place_last", CLASSES), lambda: [column, labels],
            lambda v, y: jnp.zeros((ROWS, CLASSES), v.dtype).at[jnp.arange(ROWS), y].set(v),
            why="asks every element, so that it fuses with what comes after",
        ),
    ]  # fmt: skip


def order() -> list[Kernel]:
    """Sorting a vector, the largest of rows, and places in sorted rows."""
    rows = []
    for dtype in (*FLOATS, "int32"):
        x = (1000 * normal(MILLION // 10)).astype(dtype)
        library = partial(jnp.argsort, stable=True)
        rows.append(Kernel("order", called("order", 0, False), lambda x=x: [x], library))
    x, table = normal(*THOUSAND), np.sort(normal(100, 1000), 1)
    return [
        *rows,
        Kernel(
            "top_indices", called("top_indices", 10), lambda: [x], lambda x: lax.top_k(x, 10)[1]
        ),
        Kernel(
            "search_rows", called("search_rows", "left"), lambda: [table, normal(100, 1000, seed=1)]
        ),
    ]


def places() -> list[Kernel]:
    """Gathering and scattering of rows, sums into segments, and parts of arrays."""
    x, index = normal(10_000, 100), below(10_000, 10_000)
    narrow, many = normal(MILLION), below(1000, MILLION)
    key = (slice(0, MILLION, 2),)
    half = narrow[: MILLION // 2]
    scattered = lambda i, v: jnp.zeros((10_000, 100), v.dtype).at[i].add(v)
    sums = lambda v, i: jnp.zeros(1000, v.dtype).at[i].add(v)
    blank = jnp.zeros(MILLION, np.float32)
    flipped = lambda x, i, v: x.at[i].set(v)
    return [
        Kernel("take", lambda xp, x, i: xp.take(x, i, axis=0), lambda: [x, index]),
        Kernel(
            "take_along_axis", lambda xp, x, i: xp.take_along_axis(x, i, 1),
            lambda: [x, below(100, 10_000, 100)],
        ),
        Kernel(
            "checked", called("checked", 1000), lambda: [many], why="NumPy gives the indices back",
        ),
        Kernel(
            "sum_rows", lambda xp, v, i: xp.sum_rows(v, i, 10_000), lambda: [x, index],
            lambda v, i: scattered(i, v),
        ),
        Kernel("sum_rows", called("sum_rows", 1000), lambda: [narrow, many], sums, why=RUNTIME),
        Kernel("product_rows", called("product_rows", 10_000), lambda: [x, index], why=RUNTIME),
        Kernel(
            "put_rows", called("put_rows"), lambda: [x, index, x + 1], flipped,
            why="first, which of equal indices is the last",
        ),
        Kernel("extreme_rows", called("extreme_rows", True), lambda: [x, index, x + 1]),
        Kernel("last_rows", called("last_rows", 1000), lambda: [many], why=RUNTIME),
        Kernel(
            "put_slice", called("put_slice", key, (MILLION,)), lambda: [half],
            lambda v: blank.at[key].set(v),
        ),
        Kernel(
            "at_set", lambda xp, x, v: xp.at_set(x, key, v), lambda: [narrow, half],
            why=RUNTIME,
        ),
        Kernel("roll", lambda xp, x: xp.roll(x, 7), lambda: [narrow], why=INDEXED),
        Kernel("pad", lambda xp, x: xp.pad(x, 7), lambda: [narrow], why=INDEXED),
        Kernel("concatenate", lambda xp, x: xp.concatenate([x, x]), lambda: [narrow]),
        Kernel(
            "transpose", lambda xp, x: xp.transpose(x) + x, lambda: [normal(*THOUSAND)],
            why=OWN,
        ),
        Kernel(
            "diagonal", lambda xp, x: xp.diagonal(x) + 1, lambda: [normal(*THOUSAND)],
            why=GATHERS,
        ),
    ]  # fmt: skip


def random() -> list[Kernel]:
    """Random words and numbers."""
    key = np.array([3, 5], np.uint64)
    rate, half = uniform(1, 9, MILLION // 10), np.full(MILLION // 10, 0.5, np.float32)
    nine = np.full(MILLION // 10, 9, np.float32)
    threefry = jax.random.key(0)
    return [
        Kernel(
            "random_bits", called("random_bits", MILLION // 2), lambda: [key],
            lambda _: jax.random.bits(threefry, (MILLION // 2,), np.uint64), unique=False,
            why="products of 64 bits out of four of 32",
        ),
        Kernel("random_poisson", called("random_poisson"), lambda: [key, rate], why=FROM_NUMPY),
        Kernel(
            "random_binomial", called("random_binomial"), lambda: [key, nine, half],
            why=FROM_NUMPY,
        ),
    ]  # fmt: skip
