"""Bessel functions of whole order: J, Y, I, K and the scaled exp(-|x|) I and exp(x) K.

The derivative of J and I of order n is a sum of orders n - 1 and n + 1, which neither cancels nor
divides by x: no special case at 0, at any order of differentiation. Y and K, infinite at 0, divide
by x and need orders 0 and 1 only (DLMF 10.6.1, 10.6.2, 10.29.1, 10.29.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.ops.basis import add, multiply, negative, subtract
from gradtape.ops.calls import wrong_kind
from gradtape.ops.families import FLOATING
from gradtape.ops.quotients import divide
from gradtape.ops.special_ladders import ladder
from gradtape.ops.stepwise import sign


def _kernel(kind: str) -> Callable[..., Any]:
    return lambda xp, x, order: xp.bessel(kind, order, x)


def _mean(run: Callable[..., Any], x: Any, order: int, combine: Callable[..., Any]) -> Any:
    """Half of f_{n-1} and f_{n+1} together."""
    return multiply(0.5, combine(run(x, order=order - 1), run(x, order=order + 1)))


def _j_slope(x: Any, order: int) -> Any:
    return _mean(bessel_j, x, order, subtract) if order else negative(bessel_j(x, order=1))


def _i_slope(run: Callable[..., Any], x: Any, order: int) -> Any:
    return _mean(run, x, order, add) if order else run(x, order=1)


def _share(run: Callable[..., Any], x: Any, order: int) -> Any:
    """n f_n / x."""
    return divide(multiply(float(order), run(x, order=order)), x)


def _y_slope(x: Any, order: int) -> Any:
    if order == 0:
        return negative(bessel_y(x, order=1))
    return subtract(bessel_y(x, order=order - 1), _share(bessel_y, x, order))


def _k_slope(run: Callable[..., Any], x: Any, order: int) -> Any:
    if order == 0:
        return negative(run(x, order=1))
    return negative(add(run(x, order=order - 1), _share(run, x, order)))


def _ke_slope(x: Any, order: int) -> Any:
    """With one product where the sum of both parts would be inf - inf at 0."""
    if order == 0:
        return subtract(bessel_ke(x, order=0), bessel_ke(x, order=1))
    share = subtract(1.0, divide(float(order), x))
    return subtract(multiply(share, bessel_ke(x, order=order)), bessel_ke(x, order=order - 1))


bessel_j = ladder("bessel_j", _kernel("j"), _j_slope)
bessel_y = ladder("bessel_y", _kernel("y"), _y_slope)
bessel_i = ladder("bessel_i", _kernel("i"), lambda x, order: _i_slope(bessel_i, x, order))
bessel_k = ladder("bessel_k", _kernel("k"), lambda x, order: _k_slope(bessel_k, x, order))
bessel_ie = ladder(
    "bessel_ie",
    _kernel("ie"),
    lambda x, order: subtract(
        _i_slope(bessel_ie, x, order), multiply(sign(x), bessel_ie(x, order=order))
    ),
)
bessel_ke = ladder(
    "bessel_ke",
    _kernel("ke"),
    lambda x, order: _ke_slope(x, order),
)


def _public(
    name: str, run: Callable[..., Any], order: int, what: str, value: str
) -> Callable[..., Any]:
    def function(x: Any, name: str | None = None) -> Any:
        x = as_tensor(x, title)
        if x._dtype.kind not in FLOATING:
            raise wrong_kind(title, FLOATING, x)
        return run(x, order=order)

    title = name
    path = f"tf.math.{name}" if name[7] == "i" else f"tf.math.special.{name}"
    function.__name__ = function.__qualname__ = name
    function.__module__ = "gradtape"
    function.__doc__ = f"""Return the {what}, element by element.

    Args:
        x: a floating-point tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{{{path}(1.0):.6g}}")
        {value}
    """
    return function


_FIRST = "Bessel function of the first kind of order"
_SECOND = "Bessel function of the second kind of order"
_MODIFIED_FIRST = "modified Bessel function of the first kind of order"
_MODIFIED_SECOND = "modified Bessel function of the second kind of order"

bessel_j0 = _public("bessel_j0", bessel_j, 0, f"{_FIRST} 0", "0.765198")
bessel_j1 = _public("bessel_j1", bessel_j, 1, f"{_FIRST} 1", "0.440051")
bessel_y0 = _public("bessel_y0", bessel_y, 0, f"{_SECOND} 0", "0.088257")
bessel_y1 = _public("bessel_y1", bessel_y, 1, f"{_SECOND} 1", "-0.781213")
bessel_i0 = _public("bessel_i0", bessel_i, 0, f"{_MODIFIED_FIRST} 0", "1.26607")
bessel_i1 = _public("bessel_i1", bessel_i, 1, f"{_MODIFIED_FIRST} 1", "0.565159")
bessel_k0 = _public("bessel_k0", bessel_k, 0, f"{_MODIFIED_SECOND} 0", "0.421024")
bessel_k1 = _public("bessel_k1", bessel_k, 1, f"{_MODIFIED_SECOND} 1", "0.601907")
bessel_i0e = _public("bessel_i0e", bessel_ie, 0, f"{_MODIFIED_FIRST} 0 times exp(-|x|)", "0.46576")
bessel_i1e = _public("bessel_i1e", bessel_ie, 1, f"{_MODIFIED_FIRST} 1 times exp(-|x|)", "0.20791")
bessel_k0e = _public("bessel_k0e", bessel_ke, 0, f"{_MODIFIED_SECOND} 0 times exp(x)", "1.14446")
bessel_k1e = _public("bessel_k1e", bessel_ke, 1, f"{_MODIFIED_SECOND} 1 times exp(x)", "1.63615")
