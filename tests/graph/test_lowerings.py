"""Elementary functions that are lowered by us for a CPU: error in units in the last place, special
values, other dtypes and other platforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath
import numpy as np
import pytest
import scipy.special

from gradtape.graph import xp_jax_lowering, xp_jax_trigonometric
from gradtape.graph.xp_jax import xp

POINTS = {"float32": 50_000, "float64": 500}
SPECIAL = [0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-20, 30, -85]


@pytest.fixture(autouse=True)
def _small_arrays_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested is ours, also where few numbers would be the library's."""
    monkeypatch.setattr(xp_jax_trigonometric, "SMALL", 0)


def uniform(low: float, high: float) -> Callable[[int, Any], Any]:
    return lambda n, rng: rng.uniform(low, high, n)


def geometric(low: float, high: float) -> Callable[[int, Any], Any]:
    """Both signs, of all magnitudes."""
    return lambda n, rng: np.exp(rng.uniform(np.log(low), np.log(high), n)) * rng.choice([-1, 1], n)


def above_one(n: int, rng: Any) -> Any:
    return 1 + np.exp(rng.uniform(-14, 60, n))


# name: mpmath's function, how many units are allowed, where
FUNCTIONS: dict[str, tuple[Any, float, list[Any]]] = {
    "sin": (mpmath.sin, 1.0, [uniform(-1e4, 1e4), uniform(-4, 4), geometric(1e-30, 1)]),
    "cos": (mpmath.cos, 1.0, [uniform(-1e4, 1e4), uniform(-4, 4), geometric(1e-30, 1)]),
    "tan": (mpmath.tan, 2.5, [uniform(-1e4, 1e4), uniform(-4, 4), geometric(1e-30, 1)]),
    "arcsin": (mpmath.asin, 1.8, [uniform(-1, 1), geometric(1e-30, 1)]),
    "arccos": (mpmath.acos, 1.3, [uniform(-1, 1), geometric(1e-30, 1)]),
    "arctan": (mpmath.atan, 1.8, [uniform(-4, 4), geometric(1e-30, 1e30)]),
    "sinh": (mpmath.sinh, 3.0, [uniform(-2, 2), uniform(-88, 88), geometric(1e-30, 1)]),
    "cosh": (mpmath.cosh, 3.0, [uniform(-2, 2), uniform(-88, 88), geometric(1e-30, 1)]),
    "arctanh": (mpmath.atanh, 3.0, [uniform(-1, 1), geometric(1e-30, 0.9)]),
    "log": (mpmath.log, 1.2, [uniform(0.1, 4), above_one]),
    "log1p": (mpmath.log1p, 2.5, [uniform(-0.95, 3), geometric(1e-30, 0.9), above_one]),
    "arcsinh": (mpmath.asinh, 3.5, [uniform(-4, 4), geometric(1e-30, 1e30)]),
    "arccosh": (mpmath.acosh, 4.5, [uniform(1, 4), above_one]),
}
# those that NumPy has not; XLA's erf of float32 stays
ERROR_FUNCTIONS: dict[str, tuple[Any, float, list[Any]]] = {
    "erf": (mpmath.erf, 5.0, [uniform(-1, 1), uniform(-7, 7), geometric(1e-30, 1)]),
    "erfc": (mpmath.erfc, 5.0, [uniform(-1, 1), uniform(-7, 9), uniform(9, 26)]),
    "ndtr": (mpmath.ncdf, 5.0, [uniform(-1, 1), uniform(-12, 9), uniform(-37, -12)]),
}
EVERY = FUNCTIONS | ERROR_FUNCTIONS


def function_of(namespace: Any, name: str) -> Any:
    """The function with a name of a namespace, or of its special functions."""
    found = getattr(namespace, name, None)
    return getattr(namespace.special, name) if found is None else found


def exact(function: Any, arrays: list[Any], dtype: str) -> Any:
    """The function with more digits than the dtype has."""
    if dtype == "float32":
        if function in ERROR_FUNCTIONS:
            return getattr(scipy.special, function)(*arrays, dtype=np.float64)
        return getattr(np, function)(*[a.astype(np.longdouble) for a in arrays])
    with mpmath.workdps(40):
        rows = zip(*[a.tolist() for a in arrays], strict=True)
        digits = [mpmath.nstr(FUNCTIONS_OF[function](*map(mpmath.mpf, row)), 30) for row in rows]
    return np.array([np.longdouble(d) for d in digits])


def units(found: Any, wanted: Any, dtype: str) -> float:
    """The largest error in units in the last place of the wanted values."""
    info = np.finfo(dtype)
    power = np.maximum(np.frexp(np.abs(wanted))[1] - 1, info.minexp)
    unit = np.ldexp(np.longdouble(1), power - info.nmant)
    return float(np.max(np.abs(found.astype(np.longdouble) - wanted) / unit))


FUNCTIONS_OF = {name: row[0] for name, row in EVERY.items()} | {"arctan2": mpmath.atan2}


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize("name", EVERY)
def test_error(name: str, dtype: str) -> None:
    _, bound, domains = EVERY[name]
    run = jax.jit(function_of(xp, name))
    for seed, domain in enumerate(domains):
        x = domain(POINTS[dtype], np.random.default_rng(seed)).astype(dtype)
        found = np.asarray(run(x))
        assert found.dtype == dtype
        wanted = exact(name, [x], dtype)
        limits = np.finfo(dtype)
        kept = (np.abs(wanted) > limits.tiny) & (np.abs(wanted) < float(limits.max))
        assert units(found[kept], wanted[kept], dtype) <= bound


@pytest.mark.parametrize("dtype", POINTS)
def test_error_of_the_angle_of_a_point(dtype: str) -> None:
    run = jax.jit(xp.arctan2)
    for domain in (uniform(-1, 1), geometric(1e-3, 1e3), geometric(1e-15, 1e15)):
        rng = np.random.default_rng(3)
        y, x = (domain(POINTS[dtype], rng).astype(dtype) for _ in range(2))
        assert units(np.asarray(run(y, x)), exact("arctan2", [y, x], dtype), dtype) <= 1.9
    big = np.array([np.finfo(dtype).max] * 2, dtype)
    assert run(big, big)[0] == np.arctan2(big, big)[0]
    assert run(big[:1], big).shape == (2,)


def assert_equal_with_signs(found: Any, wanted: Any, rtol: float) -> None:
    found = np.asarray(found)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol)
    signed = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[signed], np.signbit(wanted)[signed])


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize("name", EVERY)
def test_special_values(name: str, dtype: str) -> None:
    x = np.array(SPECIAL, dtype)
    with np.errstate(all="ignore"):
        wanted = (getattr(np, name, None) or getattr(scipy.special, name))(x)
    assert_equal_with_signs(function_of(xp, name)(x), wanted, 4e-7)


@pytest.mark.parametrize("dtype", POINTS)
def test_special_angles(dtype: str) -> None:
    y, x = np.meshgrid(np.array(SPECIAL, dtype), np.array(SPECIAL, dtype))
    assert_equal_with_signs(xp.arctan2(y, x), np.arctan2(y, x), 4e-7)


@pytest.mark.parametrize("dtype", POINTS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_arrays_with_one_huge_angle(name: str, dtype: str) -> None:
    huge = np.array([0.3, 5e7, -1e15, 1e30, 3.0], dtype)
    wanted = exact(name, [huge], "float64" if dtype == "float64" else "float32")
    assert units(np.asarray(jax.jit(getattr(xp, name))(huge)), wanted, dtype) <= 1.5
    for other in (np.nan, np.inf):
        found = np.asarray(jax.jit(getattr(xp, name))(np.append(huge, other).astype(dtype)))
        assert units(found[:-1], wanted, dtype) <= 1.5
        assert np.isnan(found[-1])
    many = np.full(100, 6000.0, dtype)  # near, though the sum of the squares does not tell
    assert (
        units(np.asarray(jax.jit(getattr(xp, name))(many)), exact(name, [many], dtype), dtype)
        <= 2.5
    )
    assert getattr(xp, name)(np.zeros((0, 3), dtype)).shape == (0, 3)
    assert getattr(xp, name)(np.asarray(0.5, dtype)).shape == ()


@pytest.mark.parametrize("rate", [1.0, 0.5])
@pytest.mark.parametrize("dtype", POINTS)
def test_a_gaussian_keeps_its_digits_when_compiled(dtype: str, rate: float) -> None:
    x = np.linspace(0, 26 if dtype == "float64" else 9, 1001).astype(dtype)
    with mpmath.workdps(40):
        values = [mpmath.exp(-rate * mpmath.mpf(v) ** 2) for v in x.tolist()]
        wanted = np.array([np.longdouble(mpmath.nstr(v, 30)) for v in values])
    assert units(np.asarray(jax.jit(xp.gauss, static_argnums=1)(x, rate)), wanted, dtype) <= 3


def test_denormal_logarithms() -> None:
    tiny = np.array([5e-324, 1e-310, 2.2250738585072014e-308])
    np.testing.assert_allclose(np.asarray(xp.log(tiny)), np.log(tiny), 1e-15)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", ["sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "exp"])
def test_floats_of_16_bits_are_rounded_once(name: str, dtype: Any) -> None:
    x = np.linspace(-0.99, 0.99, 501).astype(dtype)
    found = getattr(xp, name)(jnp.asarray(x))
    wanted = getattr(np, name)(x.astype(np.float64)).astype(dtype)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        np.asarray(found, np.float64),
        wanted.astype(np.float64),
        float(ml_dtypes.finfo(dtype).eps),
        1e-9,
    )


def operations(function: Any, *arguments: Any) -> str:
    """What a function does to arguments like these, traced anew."""
    return str(jax.make_jaxpr(lambda *a: function(*a))(*arguments))


@pytest.mark.parametrize("name", [*FUNCTIONS, "exp"])
def test_complex_numbers_are_left_to_the_library(name: str) -> None:
    x = np.random.default_rng(0).standard_normal((7, 2)).astype(np.float32).view(np.complex64)
    assert operations(getattr(xp, name), x) == operations(getattr(jnp, name), x)


def test_error_functions_of_other_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-3, 3, 7)
    ours = {name: operations(function_of(xp, name), x) for name in ERROR_FUNCTIONS}
    monkeypatch.setattr(xp_jax_lowering, "on_cpu", lambda: False)
    for name in ERROR_FUNCTIONS:
        assert operations(function_of(xp, name), x) != ours[name]
        np.testing.assert_allclose(function_of(xp, name)(x), getattr(scipy.special, name)(x), 1e-14)


@pytest.mark.parametrize("name", [*FUNCTIONS, "arctan2"])
def test_other_platforms_keep_the_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [np.ones(3)] * (2 if name == "arctan2" else 1)
    library = operations(getattr(jnp, name), *arguments)
    assert operations(getattr(xp, name), *arguments) != library
    monkeypatch.setattr(xp_jax_lowering, "on_cpu", lambda: False)
    assert operations(getattr(xp, name), *arguments) == library


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_small_arrays_have_no_branch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "cond" not in operations(getattr(xp, name), np.ones(3))
    assert "cond" in operations(getattr(xp, name), np.ones(5000))


def test_the_default_device_decides() -> None:
    assert xp_jax_lowering.on_cpu()
    with jax.default_device(jax.devices("cpu")[0]):
        assert xp_jax_lowering.on_cpu()
