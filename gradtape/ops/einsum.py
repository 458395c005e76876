"""Sums of products by Einstein's notation.

An equation is taken apart into steps, once for the shapes that come with it. Each tensor is first
freed of repeated labels (a diagonal) and of labels that occur nowhere else (a sum); then pairs are
contracted in the order that opt_einsum finds to be cheapest. A pair's primitive is bilinear, and
its derivatives are pairs again.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.shapes import Spec
from gradtape.core.sizes import open_sizes, same
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import Lazy
from gradtape.ops.basis import conj, reshape, sum_axes, transpose
from gradtape.ops.calls import mixed_dtypes, wrong_kind
from gradtape.ops.families import bilinear
from gradtape.ops.linalg_diagonals import take_diagonals

NUMERIC = "iufcV"
opt_einsum: Any = Lazy("opt_einsum")  # 3 ms of the import
FIRST_HIDDEN = 192  # labels for the axes of an ellipsis: letters that no equation contains


def _split(spec: str) -> tuple[str, str, str]:
    terms, out = spec.split("->")
    left, right = terms.split(",")
    return left, right, out


class _Plan(NamedTuple):
    """A pair as one product of matrices: axes as (shared, own, summed) on each side."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    shared: int
    summed: int
    out: tuple[int, ...]


@lru_cache(maxsize=1024)
def _plan(spec: str) -> _Plan:
    left, right, out = _split(spec)
    shared = [c for c in out if c in left and c in right]
    summed = [c for c in left if c not in out]
    mine = [c for c in out if c not in right]
    other = [c for c in out if c not in left]
    order = [*shared, *mine, *other]
    return _Plan(
        tuple(left.index(c) for c in [*shared, *mine, *summed]),
        tuple(right.index(c) for c in [*shared, *summed, *other]),
        len(shared),
        len(summed),
        tuple(order.index(c) for c in out),
    )


def _contract(xp: Any, a: Any, b: Any, *, spec: str) -> Any:
    """One pair: under NumPy as a product of matrices by BLAS, under XLA as it stands."""
    if xp.name != "numpy":
        return xp.einsum(spec, a, b)
    dtype = a.dtype
    if dtype.itemsize == 2 and dtype.kind in "fV":
        return _contract(xp, a.astype(np.float32), b.astype(np.float32), spec=spec).astype(dtype)
    plan = _plan(spec)
    a, b = xp.transpose(a, plan.left), xp.transpose(b, plan.right)
    shared, own = a.shape[: plan.shared], a.shape[plan.shared : a.ndim - plan.summed]
    other = b.shape[plan.shared + plan.summed :]
    if plan.summed == 0:
        a = a.reshape((*a.shape, *[1] * len(other)))
        out = a * b.reshape((*shared, *[1] * len(own), *other))
    else:
        inner = math.prod(a.shape[a.ndim - plan.summed :])
        rows, columns = math.prod(own), math.prod(other)
        a, b = a.reshape((*shared, rows, inner)), b.reshape((*shared, inner, columns))
        out = xp.dot(a, b) if not shared else xp.matmul(a, b)
        out = out.reshape((*shared, *own, *other))
    return out.transpose(plan.out)


def _contracted_shape(a: Any, b: Any, spec: str) -> Spec:
    left, right, out = _split(spec)
    sizes = dict(zip(left + right, (*a._shape, *b._shape), strict=True))
    return Spec([sizes[c] for c in out], a._dtype)


def _batched(mask: tuple[bool, bool], a: Any, b: Any, spec: str) -> Any:
    left, right, out = _split(spec)
    label = chr(max(map(ord, spec)) + 1)
    return contract(a, b, f"{label * mask[0]}{left},{label * mask[1]}{right}->{label}{out}")


def _pull_left(ct: Any, b: Any, spec: str) -> Any:
    left, right, out = _split(spec)
    return contract(ct, conj(b), f"{out},{right}->{left}")


def _pull_right(ct: Any, a: Any, spec: str) -> Any:
    left, right, out = _split(spec)
    return contract(conj(a), ct, f"{left},{out}->{right}")


_einsum = bilinear(
    "einsum",
    _contract,
    _pull_left,
    _pull_right,
    batch=_batched,
    shape=_contracted_shape,
    kinds=NUMERIC,
)


def contract(a: Any, b: Any, spec: str) -> Any:
    """The sum of products of two tensors: labels are once in a term and in two terms at least."""
    return apply(_einsum, (a, b), {"spec": spec})


class _Reduction(NamedTuple):
    """What frees a tensor of labels: diagonals (after a transposition each), then a sum."""

    perms: tuple[tuple[int, ...], ...]
    axes: tuple[int, ...]


def _reduction(labels: str, kept: str) -> tuple[_Reduction | None, str]:
    """How to take diagonals at repeated labels and sum over labels that are not kept."""
    perms = []
    for label, count in Counter(labels).items():
        for _ in range(count - 1):
            i, j = labels.index(label), labels.rindex(label)
            rest = [axis for axis in range(len(labels)) if axis not in (i, j)]
            perms.append((*rest, i, j))
            labels = "".join(labels[axis] for axis in rest) + label
    axes = tuple([axis for axis, label in enumerate(labels) if label not in kept])
    labels = "".join(c for c in labels if c in kept)
    return (_Reduction(tuple(perms), axes) if perms or axes else None), labels


def _reduced(x: Any, how: _Reduction | None) -> Any:
    if how is None:
        return x
    for perm in how.perms:
        x = take_diagonals(transpose(x, perm))
    return sum_axes(x, how.axes) if how.axes else x


def _path(terms: list[str], out: str, sizes: dict[str, Any]) -> list[tuple[int, int]]:
    """The order of contraction: the numbers of two terms at each step; the result goes last."""
    if len(terms) < 3:
        return [(0, 1)] if len(terms) == 2 else []
    sized = [tuple(_guessed(sizes[c]) for c in term) for term in terms]
    equation = ",".join(terms) + "->" + out
    found, _ = opt_einsum.contract_path(equation, *sized, shapes=True, optimize="auto")
    steps, count = [], len(terms)
    for step in found:  # opt_einsum leaves several terms in one step where the order gains nothing
        numbers = sorted(step)
        while len(numbers) > 1:
            i, j = numbers[:2]
            steps.append((i, j))
            count -= 1
            numbers = [*[n - 2 for n in numbers[2:]], count - 1] if len(numbers) > 2 else []
    return steps


def _guessed(size: Any) -> int:
    """A positive number for a size, from which the order of contraction is found."""
    return max(size, 1) if type(size) is int else 64


class _Program(NamedTuple):
    """An equation for given shapes: reshape and reduce each tensor, contract pairs, transpose."""

    shapes: tuple[tuple[int, ...] | None, ...]
    reductions: tuple[_Reduction | None, ...]
    steps: tuple[tuple[int, int, _Reduction | None, _Reduction | None, str], ...]
    perm: tuple[int, ...] | None


@lru_cache(maxsize=1024)
def _program(equation: str, shapes: tuple[tuple[Any, ...], ...]) -> _Program:
    terms, out = _parsed(equation, shapes)
    _check_sizes(equation, terms, shapes)
    sizes = _sizes(terms, shapes)
    reshaped, terms = _without_ones(shapes, terms)
    reductions = []
    for number, term in enumerate(terms):
        elsewhere = out + "".join(t for i, t in enumerate(terms) if i != number)
        how, terms[number] = _reduction(term, elsewhere)
        reductions.append(how)
    steps = []
    for i, j in _path(terms, out, sizes):
        right, left = terms.pop(j), terms.pop(i)
        later = out + "".join(terms)
        kept = "".join(c for c in dict.fromkeys(left + right) if c in later)
        first, left = _reduction(left, right + kept)
        second, right = _reduction(right, left + kept)
        steps.append((i, j, first, second, f"{left},{right}->{kept}"))
        terms.append(kept)
    perm = None if terms[0] == out else tuple([terms[0].index(c) for c in out])
    return _Program(tuple(reshaped), tuple(reductions), tuple(steps), perm)


def _sizes(terms: list[str], shapes: Any) -> dict[str, Any]:
    """The size of each label; axes of size 1 give way to longer ones."""
    sizes: dict[str, Any] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    return sizes


def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Any:
    """Return the sum of products that an equation in Einstein's notation describes.

    Args:
        equation: for instance `"ij,jk->ik"`: a label for each axis of each tensor, and those of the
            result; without `->` the result has the labels that occur once, in alphabetical order.
            `...` stands for further axes, which broadcast. A repeated label takes a diagonal.
        *inputs: the tensors, of one numeric dtype.
        **kwargs: `optimize` and `name` are accepted for compatibility; the order of contraction is
            always the cheapest that opt_einsum finds.

    Returns:
        A tensor with the axes that the equation names.

    Raises:
        ValueError: when the equation is malformed or names another number of tensors.
        InvalidArgumentError: when shapes or dtypes do not fit it.
        TypeError: for unknown keywords.

    Example:
        >>> import gradtape as tf
        >>> tf.einsum("ij,ij->i", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [2.0, 0.0]]).numpy()
        array([3., 6.], dtype=float32)
    """
    if kwargs and set(kwargs) - {"optimize", "name"}:
        raise TypeError(f"gradtape.einsum: unknown keywords in {sorted(kwargs)}.")
    if not isinstance(equation, str):
        raise TypeError(
            "gradtape.einsum: the equation must be a string such as 'ij,jk->ik', not "
            f"{brief(equation)}."
        )
    tensors = _converted(inputs)
    shapes = tuple([t._shape for t in tensors])
    # what is assumed of open sizes is noted each time
    program = (_program.__wrapped__ if open_sizes(shapes) else _program)(equation, shapes)
    for i, (shape, how) in enumerate(zip(program.shapes, program.reductions, strict=True)):
        if shape is not None:
            tensors[i] = reshape(tensors[i], shape)
        tensors[i] = _reduced(tensors[i], how)
    for i, j, first, second, spec in program.steps:
        right, left = tensors.pop(j), tensors.pop(i)
        tensors.append(contract(_reduced(left, first), _reduced(right, second), spec))
    return tensors[0] if program.perm is None else transpose(tensors[0], program.perm)


def _converted(inputs: tuple[Any, ...]) -> list[Any]:
    """The inputs as tensors of one dtype, which numbers and arrays take from the first tensor."""
    tensors = list(inputs)
    if not all([type(t) is Tensor for t in tensors]):
        known = [t for t in inputs if isinstance(t, Tensor) or hasattr(t, "__tf_tensor__")]
        dtype = as_tensor((known or inputs)[0], "einsum")._dtype
        tensors = [as_tensor_like(t, dtype, "einsum") for t in inputs]
    for tensor in tensors:
        if tensor._dtype != tensors[0]._dtype:
            raise mixed_dtypes("einsum", tensors[0], tensor)
        if tensor._dtype.kind not in NUMERIC:
            raise wrong_kind("einsum", NUMERIC, tensor)
    return tensors


def _parsed(equation: str, shapes: Any) -> tuple[list[str], str]:
    """The labels of each term and of the result, with labels in place of ellipses."""
    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(
            f'gradtape.einsum: Got {len(shapes)} inputs for equation "{equation}", '
            f"expecting {len(terms)}"
        )
    for term in [*terms, out]:
        if not all(c.isalpha() and ord(c) < FIRST_HIDDEN for c in term.replace("...", "", 1)):
            raise ValueError(
                f"gradtape.einsum: {term!r} in {equation!r} is no term: write letters and ... once."
            )
    if not arrow:
        counts = Counter(left.replace(",", "").replace(".", ""))
        dots = "..." if "..." in left else ""
        out = dots + "".join(sorted(c for c, n in counts.items() if n == 1))
    ranks = [len(s) - len(t.replace("...", "")) for s, t in zip(shapes, terms, strict=True)]
    for shape, term, rank in zip(shapes, terms, ranks, strict=True):
        if rank < 0 or (rank > 0 and "..." not in term):
            raise InvalidArgumentError(
                f"gradtape.einsum({equation!r}): the term {term!r} does not fit a tensor of "
                f"shape {tuple(shape)}, which has {len(shape)} axes. Write one label for each axis."
            )
    hidden = "".join(chr(FIRST_HIDDEN + i) for i in range(max(ranks, default=0)))
    terms = [t.replace("...", hidden[len(hidden) - r :]) for t, r in zip(terms, ranks, strict=True)]
    return terms, _checked_out(equation, terms, out, hidden)


def _checked_out(equation: str, terms: list[str], out: str, hidden: str) -> str:
    if hidden and "..." not in out:
        raise InvalidArgumentError(
            f"gradtape.einsum({equation!r}): an ellipsis stands for axes but the result has none. "
            "Write ... in the result, or give these axes labels."
        )
    out = out.replace("...", hidden)
    for label in out:
        if out.count(label) > 1:
            raise ValueError(
                f"Output subscripts contain a label appearing more than once: {equation}"
            )
        if not any(label in term for term in terms):
            raise ValueError(
                f"Output subscripts contain the label {label} not present in the input subscripts."
            )
    return out


def _check_sizes(equation: str, terms: list[str], shapes: Any) -> None:
    """Each label has one size; labels of an ellipsis broadcast."""
    sizes: dict[str, Any] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            hidden = ord(label) >= FIRST_HIDDEN
            if hidden and size == 1:
                continue
            if not same(sizes.setdefault(label, size), size):
                where = "an axis of ..." if hidden else f"the label {label!r}"
                shown = ", ".join(str(tuple(s)) for s in shapes)
                raise InvalidArgumentError(
                    f"gradtape.einsum({equation!r}): {where} has size {sizes[label]} and {size} in "
                    f"tensors of shapes {shown}. Transpose or reshape one of them."
                )


def _without_ones(shapes: Any, terms: list[str]) -> tuple[list[Any], list[str]]:
    """Shapes without axes of size 1 at labels of an ellipsis that are longer in another tensor."""
    wide = {
        label
        for term, shape in zip(terms, shapes, strict=True)
        for label, size in zip(term, shape, strict=True)
        if ord(label) >= FIRST_HIDDEN and size != 1
    }
    made, left = [], []
    for shape, term in zip(shapes, terms, strict=True):
        stays = [c for c, n in zip(term, shape, strict=True) if not (c in wide and n == 1)]
        sizes = [n for c, n in zip(term, shape, strict=True) if not (c in wide and n == 1)]
        made.append(None if len(stays) == len(term) else tuple(sizes))
        left.append("".join(stays))
    return made, left
