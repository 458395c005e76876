"""Special functions: poles and edges, derivatives by parameters, dtypes and errors."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import gradtape as tf
from gradtape.ops.special import ndtr

INF = float("inf")
special = tf.math.special

ONE = [
    "erf", "erfc", "erfinv", "erfcinv", "ndtri", "lgamma", "digamma", "bessel_i0", "bessel_i1", "bessel_i0e", "bessel_i1e",
]  # fmt: skip
RARE = [
    "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "bessel_k0", "bessel_k1", "bessel_k0e", "bessel_k1e", "dawsn",
    "expint", "fresnel_cos", "fresnel_sin", "spence",
]  # fmt: skip


def find(name: str) -> Any:
    return getattr(tf.math, name, None) or getattr(special, name)


def slope(function: Any, *values: Any, by: int = 0) -> Any:
    inputs = [tf.constant(v, tf.float64) for v in values]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = function(*inputs)
    given = tape.gradient(out, inputs[by])
    return None if given is None else given.numpy().tolist()


def second(function: Any, *values: Any, by: int = 0) -> Any:
    inputs = [tf.constant(v, tf.float64) for v in values]
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            out = function(*inputs)
        first = inner.gradient(out, inputs[by])
    return outer.gradient(first, inputs[by]).numpy().tolist()


@pytest.mark.parametrize(
    "name, at, value, derivative",
    [
        ("erf", INF, 1.0, 0.0),
        ("erfc", -INF, 2.0, 0.0),
        ("erfc", INF, 0.0, 0.0),
        ("erfinv", 1.0, INF, INF),
        ("erfinv", -1.0, -INF, INF),
        ("erfcinv", 0.0, INF, -INF),
        ("ndtri", 0.0, -INF, INF),
        ("ndtri", 1.0, INF, INF),
        ("lgamma", 0.0, INF, -INF),
        ("lgamma", 1.0, 0.0, -0.5772156649015329),
        ("digamma", 0.0, -INF, INF),
        ("bessel_i1", 0.0, 0.0, 0.5),
        ("bessel_i0e", 0.0, 1.0, 0.0),
        ("bessel_j1", 0.0, 0.0, 0.5),
        ("bessel_k0", 0.0, INF, -INF),
        ("bessel_y0", 0.0, -INF, INF),
        ("spence", 1.0, 0.0, -1.0),
        ("spence", 0.0, np.pi**2 / 6, -INF),
        ("dawsn", 0.0, 0.0, 1.0),
        ("expint", 0.0, -INF, INF),
        ("fresnel_cos", 0.0, 0.0, 1.0),
        ("fresnel_sin", 0.0, 0.0, 0.0),
    ],
)
def test_edges(name: str, at: float, value: float, derivative: float) -> None:
    function = find(name)
    np.testing.assert_allclose(
        function(tf.constant(at, tf.float64)).numpy(), value, rtol=1e-15, atol=1e-16
    )
    np.testing.assert_allclose(slope(function, at), derivative, rtol=1e-15)


def test_the_slope_of_the_dilogarithm_is_smooth_at_one() -> None:
    x = np.array([0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.3, 4.0])
    wanted = [
        float(
            mpmath.diff(lambda t: mpmath.log(t) / (1 - t), mpmath.mpf(v))
            if v != 1
            else mpmath.mpf(1) / 2
        )
        for v in x
    ]
    np.testing.assert_allclose(second(special.spence, x), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", ONE + RARE)
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_dtypes_are_kept(name: str, dtype: Any) -> None:
    x = tf.constant([[0.5, 0.25]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = find(name)(x)
    given = tape.gradient(y, x)
    assert (y.dtype, y.shape, given.dtype, given.shape) == (dtype, (1, 2), dtype, (1, 2))
    assert find(name)(tf.constant(np.zeros((0, 2)), dtype)).shape == (0, 2)


@pytest.mark.parametrize("name", ONE + RARE)
def test_errors_name_the_function_and_the_remedy(name: str) -> None:
    function = find(name)
    for wrong in (tf.constant([1, 2]), tf.constant([1j])):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=rf"gradtape\.{name}\(.*tf\.cast\(x, tf\.float32\)"
        ):
            function(wrong)
    for nonsense in ("text", None):
        with pytest.raises((TypeError, ValueError), match=rf"gradtape\.{name}"):
            function(nonsense)
    assert np.isnan(function(tf.constant(float("nan"))).numpy())


def test_normal_distribution_in_its_tail() -> None:
    for x in (-37.0, -20.0, -1.5, 0.0, 3.0):
        with mpmath.workdps(40):
            wanted = float(mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2)
            density = float(mpmath.exp(-(mpmath.mpf(x) ** 2) / 2) / mpmath.sqrt(2 * mpmath.pi))
        assert ndtr(tf.constant(x, tf.float64)).numpy() == pytest.approx(wanted, rel=2e-15, abs=0)
        assert slope(ndtr, x) == pytest.approx(density, rel=2e-15, abs=0)


def test_polygamma() -> None:
    order = tf.constant([0.0, 1.0, 2.0, 0.5], tf.float64)
    given = tf.math.polygamma(order, tf.constant(2.5, tf.float64)).numpy()
    np.testing.assert_allclose(given[:3], [float(mpmath.psi(n, 2.5)) for n in range(3)], rtol=1e-14)
    assert np.isnan(given[3])
    assert slope(tf.math.polygamma, 1.0, 2.5) is None
    assert slope(tf.math.polygamma, 1.0, 2.5, by=1) == pytest.approx(float(mpmath.psi(2, 2.5)))


def test_lbeta() -> None:
    x = tf.constant([[1.0, 2.0, 3.0], [0.5, 0.5, 1.5]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.math.lbeta(x)
    wanted = [
        float(sum(mpmath.loggamma(v) for v in row) - mpmath.loggamma(sum(row)))
        for row in x.numpy().tolist()
    ]
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-5)
    assert tape.gradient(y, x).shape == (2, 3)
    assert tf.math.lbeta(np.zeros((2, 0))).numpy().tolist() == [-INF, -INF]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.lbeta\(float32\[\]\).*axis"
    ):
        tf.math.lbeta(1.0)


# derivatives by parameters


@pytest.mark.parametrize(
    "a, x", [(0.01, 0.5), (0.5, 3.0), (3.0, 0.1), (5.0, 5.0), (80.0, 100.0), (500.0, 480.0)]
)
def test_incomplete_gamma_by_its_parameter(a: float, x: float) -> None:
    with mpmath.workdps(30):
        wanted = [
            float(
                mpmath.diff(
                    lambda b: mpmath.gammainc(b, 0, mpmath.mpf(x), regularized=True),
                    mpmath.mpf(a),
                    n,
                )
            )
            for n in (1, 2)
        ]
    assert slope(tf.math.igamma, a, x) == pytest.approx(wanted[0], rel=1e-11)
    assert slope(tf.math.igammac, a, x) == pytest.approx(-wanted[0], rel=1e-11)
    assert second(tf.math.igamma, a, x) == pytest.approx(wanted[1], rel=1e-10)


@pytest.mark.parametrize(
    "a, b, x", [(0.02, 3.0, 0.3), (2.0, 0.1, 0.9), (4.0, 6.0, 0.2), (50.0, 70.0, 0.45)]
)
def test_incomplete_beta_by_its_parameters(a: float, b: float, x: float) -> None:
    def exact(c: Any, d: Any) -> Any:
        return mpmath.betainc(c, d, 0, mpmath.mpf(x), regularized=True)

    with mpmath.workdps(30):
        at = (mpmath.mpf(a), mpmath.mpf(b))
        first = [float(mpmath.diff(exact, at, n)) for n in ((1, 0), (0, 1))]
        curvature = float(mpmath.diff(exact, at, (0, 2)))
    assert slope(tf.math.betainc, a, b, x) == pytest.approx(first[0], rel=1e-11)
    assert slope(tf.math.betainc, a, b, x, by=1) == pytest.approx(first[1], rel=1e-11)
    assert second(tf.math.betainc, a, b, x, by=1) == pytest.approx(curvature, rel=1e-10)
    density = float(mpmath.mpf(x) ** (a - 1) * (1 - mpmath.mpf(x)) ** (b - 1) / mpmath.beta(a, b))
    assert slope(tf.math.betainc, a, b, x, by=2) == pytest.approx(density, rel=1e-12)


@pytest.mark.parametrize("by", [0, 1])
def test_ends_of_incomplete_functions(by: int) -> None:
    assert slope(tf.math.igamma, 2.0, 0.0, by=by) == 0.0
    assert slope(tf.math.igamma, 2.0, INF, by=0) == 0.0
    assert slope(tf.math.betainc, 2.0, 3.0, 0.0, by=by) == 0.0
    assert slope(tf.math.betainc, 2.0, 3.0, 1.0, by=by) == 0.0
    assert slope(tf.math.igamma, 1.0, 0.0, by=1) == 1.0
    assert slope(tf.math.igamma, 0.5, 0.0, by=1) == INF
    assert np.isnan(tf.math.igamma(-1.0, 1.0).numpy())
    assert np.isnan(slope(tf.math.igamma, -1.5, 1.0))
    assert np.isnan(slope(tf.math.betainc, 2.0, 3.0, 1.5))


def test_zeta_by_both_arguments() -> None:
    s, q = 2.5, 1.5
    assert tf.math.zeta(s, q).numpy() == pytest.approx(float(mpmath.zeta(s, q)), rel=1e-6)
    assert slope(tf.math.zeta, s, q) == pytest.approx(
        float(mpmath.zeta(s, q, derivative=1)), rel=1e-13
    )
    assert second(tf.math.zeta, s, q) == pytest.approx(
        float(mpmath.zeta(s, q, derivative=2)), rel=1e-13
    )
    assert slope(tf.math.zeta, s, q, by=1) == pytest.approx(
        float(-s * mpmath.zeta(s + 1, q)), rel=1e-13
    )


@pytest.mark.parametrize("name", ["igamma", "igammac", "zeta", "polygamma"])
def test_two_arguments_of_one_dtype(name: str) -> None:
    function = getattr(tf.math, name)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=rf"gradtape\.{name}.*float32 and float64"
    ):
        function(tf.constant(1.0), tf.constant(1.0, tf.float64))
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"gradtape\.{name}.*floating-point"):
        function(tf.constant(1), tf.constant(2))
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"gradtape\.{name}.*\[2\].*\[3\]"):
        function(tf.constant([2.0, 3.0]), tf.constant([1.0, 2.0, 3.0]))


def test_three_arguments_of_one_dtype() -> None:
    assert tf.math.betainc(2.0, tf.constant([3.0, 4.0]), 0.5).shape == (2,)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.betainc.*dtypes differ.*tf\.cast"
    ):
        tf.math.betainc(tf.constant(1.0), tf.constant(1.0), tf.constant(0.5, tf.float64))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.betainc.*\[2\].*\[3\]"):
        tf.math.betainc(tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0, 3.0]), tf.constant(0.5))


def test_arguments_by_keyword() -> None:
    assert tf.math.polygamma(x=2.5, a=1.0).numpy() == tf.math.polygamma(1.0, 2.5).numpy()
    assert tf.math.igammac(x=2.5, a=1.0).numpy() == tf.math.igammac(1.0, 2.5).numpy()
    assert tf.math.igamma(x=2.5, a=1.0).numpy() == tf.math.igamma(1.0, 2.5).numpy()
    assert tf.math.zeta(q=2.5, x=3.0).numpy() == tf.math.zeta(3.0, 2.5).numpy()
    assert tf.math.betainc(x=0.5, a=1.0, b=3.0).numpy() == tf.math.betainc(1.0, 3.0, 0.5).numpy()
    assert tf.atan2(x=-1.0, y=0.5).numpy() == tf.atan2(0.5, -1.0).numpy()
    assert tf.math.nextafter(x2=0.0, x1=1.0).numpy() < 1.0
    for unit in (tf.nn.relu, tf.nn.relu6, tf.nn.elu, tf.nn.selu, tf.nn.softsign):
        assert unit(features=1.5).numpy() == unit(1.5).numpy()
    assert tf.nn.softplus(features=0.0).numpy() == tf.nn.softplus(0.0).numpy()
    assert tf.pow(y=2, x=3).numpy() == 9


def test_values_and_slopes_at_the_ends() -> None:
    inf = np.inf
    assert tf.math.lgamma([-inf, inf]).numpy().tolist() == [inf, inf]
    x = tf.constant([inf, -inf], tf.float64)
    zero = tf.constant([0.0], tf.float64)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([x, zero])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, zero])
            scaled = tf.math.bessel_i0e(x), tf.math.bessel_i1e(x)
            quantile = tf.math.ndtri(zero)
            second_kind = tf.math.special.bessel_k1e(zero)
        slopes = [tape.gradient(y, x) for y in scaled]
        slope = tape.gradient(quantile, zero)
    assert [s.numpy().tolist() for s in slopes] == [[0, 0], [0, 0]]
    assert [outer.gradient(s, x).numpy().tolist() for s in slopes] == [[0, 0], [0, 0]]
    assert tape.gradient(second_kind, zero).numpy().tolist() == [-inf]
    assert (slope.numpy().tolist(), outer.gradient(slope, zero).numpy().tolist()) == ([inf], [-inf])
