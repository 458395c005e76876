"""Primitives over axes as formulas: means, extremes, norms, softmax, losses, pools, transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.windows import Window
from gradtape.interop.sympy_arrays import elementwise, expressions, folded, running
from gradtape.interop.sympy_elementwise import given, truncated

# sums and means


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of any number of elements as a reduction."""
    return lambda x, axis, keepdims: folded(lambda e: function(*e), x, axis, keepdims)


def _sum(x: Any, axis: Any, keepdims: bool = False) -> Any:
    return folded(lambda elements: sp.Add(*elements), x, axis, keepdims)


def _mean(x: Any, axis: Any, keepdims: bool = False, source: Any = None) -> Any:
    count = sp.Integer(prod([x.shape[i] for i in axis]))
    found = folded(lambda elements: sp.Add(*elements) / count, x, axis, keepdims)
    return elementwise(truncated, found) if source is not None and source.kind in "iu" else found


def _squares(x: Any, source: Any) -> Any:
    return elementwise((lambda e: sp.Abs(e) ** 2) if source.kind == "c" else (lambda e: e**2), x)


def _centred(x: Any, axis: Any) -> Any:
    return x - _mean(x, axis, True)


def _variance(x: Any, axis: Any, keepdims: bool, source: Any) -> Any:
    return _mean(_squares(_centred(x, axis), source), axis, keepdims)


def _std(x: Any, axis: Any, keepdims: bool, source: Any) -> Any:
    return elementwise(sp.sqrt, _variance(x, axis, keepdims, source))


def _norm(x: Any, axis: Any, keepdims: bool, source: Any) -> Any:
    return elementwise(sp.sqrt, _sum(_squares(x, source), axis, keepdims))


# extremes


def _hits(x: Any, extreme: Any, axis: Any) -> tuple[Any, Any]:
    """1 where an element is the extreme and 0 elsewhere, and how many are."""
    hit = elementwise(lambda e, m: given(sp.S.One, sp.Eq(e, m)), x, extreme)
    return hit, _sum(hit, axis, True)


def _shared(ct: Any, x: Any, extreme: Any, axis: Any) -> Any:
    hit, count = _hits(x, extreme, axis)
    return hit * ct / count


def _gathered(t: Any, x: Any, extreme: Any, axis: Any) -> Any:
    hit, count = _hits(x, extreme, axis)
    return _sum(hit * t, axis, True) / count


def _place(x: Any, axis: int, largest: bool) -> Any:
    extreme = sp.Max if largest else sp.Min
    return folded(lambda e: _number_of(list(enumerate(e)), extreme(*e)), x, (axis,), False)


def _searched(sequences: Any, values: Any, side: str) -> Any:
    before = (lambda s, v: s < v) if side == "left" else (lambda s, v: s <= v)
    one = lambda s, v: given(sp.S.One, before(s, v))
    return _sum(elementwise(one, sequences[:, None, :], values[:, :, None]), (2,))


# exponentials


def _log(x: Any) -> Any:
    """The logarithm; of nothing's sum -inf."""
    return sp.log(x) if x != 0 else -sp.oo


def _log_sum(x: Any, axis: Any, keepdims: bool) -> Any:
    return elementwise(_log, _sum(elementwise(sp.exp, x), axis, keepdims))


def _softmax(x: Any, axis: int) -> Any:
    raised = elementwise(sp.exp, x)
    return raised / _sum(raised, (axis % x.ndim,), True)


def _log_softmax(x: Any, axis: int) -> Any:
    return x - _log_sum(x, (axis % x.ndim,), True)


def _log_softmax_pull(v: Any, y: Any, axis: int) -> Any:
    return v - elementwise(sp.exp, y) * _sum(v, (axis % v.ndim,), True)


def _softmax_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    last = logits.ndim - 1
    return -_sum(labels * _log_softmax(logits, last), (last,)), _softmax(logits, last)


def _sparse_loss(labels: Any, logits: Any) -> tuple[Any, Any]:
    classes = np.arange(logits.shape[-1])
    hot = elementwise(lambda n, k: given(sp.S.One, sp.Eq(n, k)), labels[..., None], classes)
    return _softmax_loss(hot, logits)


def _running_log_sum(x: Any, axis: int, reverse: bool) -> Any:
    sums = running(lambda a, b: a + b, elementwise(sp.exp, x), axis, reverse)
    return elementwise(sp.log, sums)


# pools


def _parts(window: Window, sizes: Any, counts: Any) -> Iterator[tuple[int, Any, Any]]:
    """The number of each tap, the places that see the input with it, and what they see."""
    for number, tap in enumerate(window.taps()):
        found = window.parts(tap, sizes, counts)
        if found is not None:
            yield number, (slice(None), *found[0]), (slice(None), *found[1])


def _seen(x: Any, window: Window, weights: Any = None) -> Any:
    """For each place of the result the numbers of its taps, with what they see."""
    shape = (x.shape[0], *window.places(x.shape[1:-1]), x.shape[-1])
    found = np.empty(shape, object)
    for place in np.ndindex(shape):
        found[place] = []
    for number, seeing, seen in _parts(window, x.shape[1:-1], shape[1:-1]):
        part = x[seen] if weights is None else x[seen] + weights[number]
        for taps, element in zip(found[seeing].flat, part.flat, strict=True):
            taps.append((number, element))
    return found


def _largest(taps: list[tuple[int, Any]]) -> Any:
    return sp.Max(*[element for _, element in taps])


def _number_of(taps: list[tuple[int, Any]], largest: Any) -> Any:
    """The number of the first tap that sees the maximum."""
    found: Any = sp.Integer(taps[-1][0])
    for number, element in reversed(taps[:-1]):
        found = given(sp.Integer(number), sp.Eq(element, largest), found)
    return found


def _max_pool(x: Any, window: Window) -> Any:
    return elementwise(_largest, _seen(x, window))


def _winner(x: Any, out: Any, window: Window) -> Any:
    return elementwise(_number_of, _seen(x, window), out)


def _dilation_winner(x: Any, w: Any, window: Window) -> Any:
    seen = _seen(x, window, w.reshape(-1, w.shape[-1]))
    return elementwise(lambda taps: _number_of(taps, _largest(taps)), seen)


def _won(winner: Any, number: int, values: Any) -> Any:
    return elementwise(lambda w, v: given(v, sp.Eq(w, number)), winner, values)


def _pool_gather(t: Any, winner: Any, window: Window) -> Any:
    found = np.full(winner.shape, sp.S.Zero, object)
    for number, seeing, seen in _parts(window, t.shape[1:-1], winner.shape[1:-1]):
        found[seeing] += _won(winner[seeing], number, t[seen])
    return found


def _pool_scatter(ct: Any, winner: Any, window: Window, sizes: Any) -> Any:
    found = np.full((ct.shape[0], *sizes, ct.shape[-1]), sp.S.Zero, object)
    for number, seeing, seen in _parts(window, sizes, ct.shape[1:-1]):
        found[seen] += _won(winner[seeing], number, ct[seeing])
    return found


# transforms


def _by_matrix(x: Any, axis: int, entry: Callable[[int, int], Any], count: int) -> Any:
    """The product of a matrix, given by its entries, with the vectors along an axis."""
    rows = [[entry(k, j) for j in range(x.shape[axis])] for k in range(count)]
    matrix = np.array(rows, object).reshape(count, x.shape[axis])
    return np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)


def _root(n: int, power: int) -> Any:
    """exp(2 pi i power / n)."""
    return sp.exp(2 * sp.pi * sp.I * sp.Rational(power % n, n))


def _fft(x: Any, axes: Any, inverse: bool, norm: str) -> Any:
    count = sp.Integer(1)
    for axis in axes:
        n = x.shape[axis]
        count *= n
        turn = 1 if inverse else -1
        x = _by_matrix(x, axis, lambda k, j, n=n, turn=turn: _root(n, turn * j * k), n)
    scaled = {"backward": inverse, "forward": not inverse}.get(norm)
    return x / sp.sqrt(count) if scaled is None else x / count if scaled else x


def _rfft(x: Any) -> Any:
    n = x.shape[-1]
    return _by_matrix(x, x.ndim - 1, lambda k, j: _root(n, -j * k), n // 2 + 1)


def _irfft(y: Any, n: int) -> Any:
    """The sum of the half that is given and of its conjugate, which is the other half."""
    half = y[..., : n // 2 + 1]
    missing = n // 2 + 1 - half.shape[-1]
    half = np.concatenate([half, np.full((*half.shape[:-1], missing), sp.S.Zero, object)], -1)
    back = _by_matrix(half, half.ndim - 1, lambda k, j: _root(n, j * k) * _times(j, n), n)
    return elementwise(sp.re, back) / n


def _times(j: int, n: int) -> int:
    """How often a frequency stands in the whole transform: with its conjugate or alone."""
    return 1 if 2 * j in (0, n) else 2


def _cosine(x: Any, kind: int) -> Any:
    n = x.shape[-1]
    half = sp.Rational(1, 2)
    entries: dict[int, Callable[[int, int], Any]] = {
        1: lambda k, j: (1 if j in (0, n - 1) else 2) * sp.cos(sp.pi * j * k / sp.Integer(n - 1)),
        2: lambda k, j: 2 * sp.cos(sp.pi * (j + half) * k / n),
        3: lambda k, j: (1 if j == 0 else 2) * sp.cos(sp.pi * (k + half) * j / n),
        4: lambda k, j: 2 * sp.cos(sp.pi * (k + half) * (j + half) / n),
    }
    return _by_matrix(x, x.ndim - 1, entries[kind], n)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_mean": _mean,
    "reduce_prod": _over(sp.Mul),
    "centred": _centred,
    "reduce_variance": _variance,
    "reduce_std": _std,
    "reduce_euclidean_norm": _norm,
    "l2_loss": lambda t: expressions(sp.Add(*[e**2 for e in t.flat]) / 2),
    "reduce_max": _over(sp.Max),
    "reduce_min": _over(sp.Min),
    "share_extreme": _shared,
    "gather_extreme": _gathered,
    "argextreme": _place,
    "searchsorted": _searched,
    "reduce_any": _over(sp.Or),
    "reduce_all": _over(sp.And),
    "reduce_logsumexp": _log_sum,
    "cumulative_logsumexp": _running_log_sum,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "log_softmax_pull": _log_softmax_pull,
    "softmax_cross_entropy_with_logits": _softmax_loss,
    "sparse_softmax_cross_entropy_with_logits": _sparse_loss,
    "max_pool": _max_pool,
    "pool_winner": _winner,
    "dilation_winner": _dilation_winner,
    "pool_gather": _pool_gather,
    "pool_scatter": _pool_scatter,
    "fft": _fft,
    "rfft": _rfft,
    "irfft": _irfft,
    "dct": _cosine,
}
