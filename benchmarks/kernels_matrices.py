"""The rows of `benchmarks.kernels` for products, images, matrices, transforms and loops."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.kernel_row import FLOATS, MILLION, Kernel, normal, uniform
from benchmarks.kernels_axes import OWN
from benchmarks.kernels_pointwise import called
from gradtape.core.quick import quick
from gradtape.core.windows import Window

LAYOUT = ("NHWC", "HWIO", "NHWC")
ONE = (1, 1)
SAME = ((1, 1), (1, 1))
# images and filters of the two layers of a network
LAYERS = [((64, 28, 28, 1), (3, 3, 1, 32)), ((64, 14, 14, 32), (3, 3, 32, 64))]
POOLED = [(64, 28, 28, 32), (64, 14, 14, 64)]
TWO = Window((2, 2), (2, 2), ONE, ((0, 0), (0, 0)))
THREE = Window((3, 3), (2, 2), ONE, ((0, 1), (0, 1)))
INVERSES = "iterations with XLA's inverse: two triangular solutions"
ONE_CORE = "one call of XLA's runtime, on one core"
STACKED = "a loop over LAPACK, as in NumPy"


def products() -> list[Kernel]:
    """Products of matrices: of a network's layers, square ones, and stacks of tiny ones."""
    rows = []
    layers = [((256, 784), (784, 512)), ((256, 512), (512, 512)), ((32, 256), (256, 512))]
    for a, b in [*layers, ((1000, 64), (64, 25)), ((64, 64),) * 2, ((10_000, 4, 4),) * 2]:
        rows.append(Kernel("matmul", called("matmul"), partial(both, a, b, np.float32), jnp.matmul))
    for dtype in FLOATS:
        square = partial(both, (512,) * 2, (512,) * 2, dtype)
        rows += [
            Kernel("matmul", called("matmul"), square, jnp.matmul),
            Kernel("transpose", turned, square, lambda a, b: a.T @ b, "of a factor"),
        ]
    rows.append(
        Kernel("dot", called("dot"), lambda: [normal(MILLION), normal(MILLION)], why=ONE_CORE)
    )
    image = both((32, 64, 64), (32, 64, 64), np.float32)
    run = lambda xp, a, b: xp.einsum("bij,bjk->bik", a, b)
    return [*rows, Kernel("einsum", run, lambda: image)]


def turned(xp: Any, a: Any, b: Any) -> Any:
    """A product whose first factor is turned."""
    return xp.matmul(xp.transpose(a, (1, 0)), b)


def both(a: tuple[int, ...], b: tuple[int, ...], dtype: Any) -> list[Any]:
    """Two random arrays."""
    return [normal(*a, dtype=dtype), normal(*b, dtype=dtype, seed=1)]


def convolve(xp: Any, x: Any, w: Any, padding: Any = SAME, groups: int = 1) -> Any:
    """A convolution; by default as many places come out as go in."""
    return xp.convolve(x, w, ONE, padding, ONE, ONE, groups)


def by_images(xp: Any, ct: Any, w: Any) -> Any:
    """Its derivative by the images: with the reversed filter, whose channels change places."""
    return convolve(xp, ct, xp.swapaxes(w[::-1, ::-1], -1, -2))


def by_filters(xp: Any, x: Any, ct: Any) -> Any:
    """Its derivative by the filters: examples are summed over like channels."""
    found = convolve(xp, xp.transpose(x, (3, 1, 2, 0)), xp.transpose(ct, (1, 2, 0, 3)))
    return xp.transpose(found, (1, 2, 0, 3))


def library(x: Any, w: Any, groups: int = 1) -> Any:
    """JAX's convolution."""
    return lax.conv_general_dilated(
        x, w, ONE, SAME, dimension_numbers=LAYOUT, feature_group_count=groups
    )


def pulled(function: Any, x: Any, ct: Any) -> Any:
    """JAX's derivative of a function."""
    return jax.vjp(function, x)[1](ct)[0]


def convolutions() -> list[Kernel]:
    """Convolutions of a network and their derivatives by images and filters; one filter each."""
    rows = []
    for x_shape, w_shape in LAYERS:
        x, w = both(x_shape, w_shape, np.float32)
        ct = normal(*x_shape[:-1], w_shape[-1])
        to_x = lambda ct, w, x=x: pulled(partial(library, w=w), x, ct)
        to_w = lambda x, ct, w=w: pulled(partial(library, x), w, ct)
        rows += [
            Kernel("convolve", convolve, lambda x=x, w=w: [x, w], library),
            Kernel("convolve", by_images, lambda ct=ct, w=w: [ct, w], to_x, "by images", OWN),
            Kernel("convolve", by_filters, lambda x=x, ct=ct: [x, ct], to_w, "by filters"),
        ]
    small, w = both((64, 14, 14, 64), (3, 3, 64, 32), np.float32)
    upwards = lambda xp, x, w: xp.convolve(x, w, ONE, ((1, 2), (1, 2)), ONE, (2, 2), 1)
    own = lambda x, w: lax.conv_general_dilated(
        x, w, ONE, ((1, 2), (1, 2)), lhs_dilation=(2, 2), dimension_numbers=LAYOUT
    )
    rows.append(Kernel("convolve", upwards, lambda: [small, w], own, "transposed, stride 2"))
    each, apart = both(POOLED[0], (3, 3, 1, 32), np.float32)
    run = partial(convolve, groups=32)
    own = partial(library, groups=32)
    return [*rows, Kernel("convolve", run, lambda: [each, apart], own, "one filter a channel")]


def pull_max(xp: Any, x: Any, out: Any, ct: Any, window: Window) -> Any:
    """The derivative of a maximum in windows."""
    winner = xp.pool_winner(x, out, window)
    return xp.pool_scatter(ct, winner, window, x.shape[1:-1])


def reduced(x: Any, window: Window) -> Any:
    """JAX's maximum in windows."""
    return lax.reduce_window(
        x, -np.inf, lax.max, (1, *window.size, 1), (1, *window.strides, 1),
        ((0, 0), *window.padding, (0, 0)),
    )  # fmt: skip


def pooling() -> list[Kernel]:
    """The maxima and sums in windows of a network's images, and their derivatives."""
    rows = []
    for shape in POOLED:
        x = np.maximum(normal(*shape), 0)
        for window in (TWO, THREE):
            out = np.asarray(reduced(x, window))
            ct = normal(*out.shape)
            size = f"{window.size[0]} x {window.size[0]}"
            run = lambda xp, x, window=window: xp.pool_max(x, window)
            own = partial(reduced, window=window)
            pull = lambda xp, x, out, ct, w=window: pull_max(xp, x, out, ct, w)
            own_pull = lambda x, out, ct, own=own: pulled(own, x, ct)
            given = lambda x=x, out=out, ct=ct: [x, out, ct]
            rows += [
                Kernel("pool_max", run, lambda x=x: [x], own, size),
                Kernel("pool_winner", pull, given, own_pull, f"{size}, and pool_scatter"),
            ]
    x, w = normal(*POOLED[0]), normal(3, 3, 32)
    winner = np.random.default_rng(0).integers(0, 4, (64, 14, 14, 32)).astype(np.uint8)
    return [
        *rows,
        Kernel("pool_gather", lambda xp, x, i: xp.pool_gather(x, i, TWO), lambda: [x, winner]),
        Kernel(
            "pool_scatter", lambda xp, x, i: xp.pool_scatter(x, i, TWO, (28, 28)),
            lambda: [normal(64, 14, 14, 32), winner],
        ),
        Kernel("pool_sum", lambda xp, x: xp.pool_sum(x, TWO), lambda: [x]),
        Kernel(
            "pool_spread", lambda xp, x: xp.pool_spread(x, TWO, (28, 28)),
            lambda: [normal(64, 14, 14, 32)],
        ),
        Kernel("dilate_winner", lambda xp, x, w: xp.dilate_winner(x, w, THREE), lambda: [x, w]),
    ]  # fmt: skip


def systems() -> list[Kernel]:
    """Equations, factorisations and functions of matrices, one large and many small."""
    rows = []
    for shape in ((256, 256), (500, 16, 16)):
        n = shape[-1]
        a, b = both(shape, (*shape[:-1], 4), np.float64)
        positive = a @ a.swapaxes(-1, -2) + n * np.eye(n)
        lower = np.linalg.cholesky(positive)
        rows += [
            Kernel("cholesky_lower", called("cholesky_lower"), lambda p=positive: [p]),
            Kernel("solve_linear", called("solve_linear"), lambda a=positive, b=b: [a, b]),
            Kernel("inverse", called("inverse"), lambda a=positive: [a]),
            Kernel(
                "solve_triangular", called("solve_triangular", True, False),
                lambda a=lower, b=b: [a, b],
            ),
            Kernel("lu_packed", called("lu_packed"), lambda a=positive: [a]),
            Kernel("linalg.det", lambda xp, a: xp.linalg.det(a / a.shape[-1]), lambda a=a: [a]),
        ]  # fmt: skip
        for name, settings in (("qr_parts", (False,)), ("svd_parts", (False,))):
            rows.append(Kernel(name, called(name, *settings), lambda a=a: [a], unique=False))
        for name in ("hermitian_parts", "general_parts"):
            rows.append(
                Kernel(name, called(name), lambda a=positive: [a], unique=False, why=STACKED)
            )
        for name in ("singular_values", "hermitian_values"):
            rows.append(Kernel(name, called(name), lambda a=positive: [a], why=STACKED))
        name = "general_values"
        rows.append(Kernel(name, called(name), lambda a=a: [a], unique=False, why=STACKED))
    a = normal(64, 64, dtype=np.float64)
    near = a @ a.T / 64 + np.eye(64)
    for name in ("matrix_exponential", "matrix_square_root", "matrix_logarithm"):
        rows.append(Kernel(name, called(name), lambda: [near], why=INVERSES))
    bands = normal(100, 3, 1000, dtype=np.float64)
    bands[:, 1] += 8
    right = normal(100, 1000, 1, dtype=np.float64)
    rows.append(Kernel("solve_tridiagonal", called("solve_tridiagonal"), lambda: [bands, right]))
    return rows


def transforms() -> list[Kernel]:
    """Fourier and cosine transforms, and frames."""
    x = normal(1000, 1024)
    half = np.fft.rfft(x).astype(np.complex64)
    frames = normal(4000, 256)
    return [
        Kernel("fourier", called("fourier", (-1,), False, "backward"), lambda: [x + 1j * x]),
        Kernel("real_fourier", called("real_fourier"), lambda: [x]),
        Kernel("inverse_real_fourier", called("inverse_real_fourier", 1024), lambda: [half]),
        Kernel("cosine", called("cosine", 2), lambda: [x], why="a transform of twice the length"),
        Kernel("framed", called("framed", 256, 64), lambda: [x], why="NumPy's is a view"),
        Kernel(
            "overlapped",
            called("overlapped", 64, 256_192),
            lambda: [frames],
            why="a pass for each piece of a frame",
        ),
    ]


@cache
def halving() -> Any:
    """The step state -> state / 2 + row, and state / 2, as a program of the extension."""
    place = "f", (100,)
    slots = [("given", *place), ("given", *place), ("constant", "f", (), np.float32(0.5))]
    steps = [
        ("loop", (3,), (0, 2), quick.Quick(np.multiply), None, 0),
        ("loop", (4,), (3, 1), quick.Quick(np.add), None, 0),
    ]
    return quick.Program([*slots, ("fresh", *place), ("fresh", *place)], steps, (4, 3))


def loops() -> list[Kernel]:
    """Loops over steps of a hundred numbers, their derivative, branches, and calls of Python."""
    rows, start = normal(1000, 100), normal(100)
    step = lambda state, row: 0.5 * state + row[0]
    specs = [((100,), np.float32)]
    summed = lambda state, row: (0.5 * state + row, 0.5 * state)
    scan = lambda state, row: ((0.5 * state[0] + row[0],), (state[0],))
    test, body = lambda s: s[0] < 1000, lambda s: (s[0] + 1, 0.999 * s[1])
    back = lambda s, cts: ((0.999 * cts[0],), ())

    def nodes(xp: Any, x: Any) -> Any:
        points = np.linspace(0.01, 1, 20)
        return xp.quadrature(lambda t: xp.exp(-t * x), points, points)

    return [
        Kernel("recurrence", lambda xp, s, r: xp.recurrence(step, s, (r,)), lambda: [start, rows]),
        Kernel(
            "scan", lambda xp, s, r: xp.scan(scan, (s,), (r,), 1000, False, specs),
            lambda: [start, rows],
        ),
        Kernel(
            "rounds",
            lambda xp, *a: xp.rounds(halving(), (1, 1), a, (1, 1), 1000, False, 2 * specs)[0],
            lambda: [start, rows], library=lambda s, r: lax.scan(summed, s, r)[0],
        ),
        Kernel(
            "while_loop", lambda xp, x: xp.while_loop(test, body, (np.int32(0), x))[1],
            lambda: [start],
        ),
        Kernel(
            "loop_pull",
            lambda xp, x, ct: xp.loop_pull(test, body, back, (np.int32(0), x), (ct,), ())[0],
            lambda: [start, start],
        ),
        Kernel(
            "switch", lambda xp, x: xp.switch(x[0] > 0, [lambda x: x + 1, lambda x: x - 1], [x]),
            lambda: [normal(MILLION)],
        ),
        Kernel("quadrature", nodes, lambda: [uniform(0, 1, MILLION // 10)]),
        Kernel(
            "called_on_host",
            lambda xp, x: xp.called_on_host(lambda x: [x], [x], [(x.shape, x.dtype)])[0],
            lambda: [normal(MILLION)], why="a call of Python, with copies",
        ),
        Kernel(
            "on_host", lambda xp, x: (xp.on_host(lambda x: None, [x]), x + 1)[1],
            lambda: [start], why="a call of Python",
        ),
    ]  # fmt: skip
