"""Sums of products by Einstein's notation.

An equation is taken apart into steps. Each tensor is first freed of repeated labels (a diagonal) and
of labels that occur nowhere else (a sum); then pairs are contracted in the order that opt_einsum
finds to be cheapest. A pair's primitive is bilinear, and its derivatives are pairs again.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from opt_einsum import contract_path

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import conj, reshape, sum_axes, transpose
from gradtape.ops.calls import mixed_dtypes, wrong_kind
from gradtape.ops.families import bilinear
from gradtape.ops.linalg_diagonals import take_diagonals

NUMERIC = "iufcV"
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
        inner = int(np.prod(a.shape[a.ndim - plan.summed :], dtype=int))
        rows, columns = int(np.prod(own, dtype=int)), int(np.prod(other, dtype=int))
        a, b = a.reshape((*shared, rows, inner)), b.reshape((*shared, inner, columns))
        out = xp.dot(a, b) if not shared else xp.matmul(a, b)
        out = out.reshape((*shared, *own, *other))
    return out.transpose(plan.out)


def _contracted_shape(a: Any, b: Any, spec: str) -> Spec:
    left, right, out = _split(spec)
    sizes = dict(zip(left + right, (*a._shape, *b._shape), strict=True))
    sizes |= {c: n for c, n in zip(left, a._shape, strict=True) if n is not None}
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
    """The sum of products of two tensors: each label is once in a term, and in two terms at least."""
    return apply(_einsum, (a, b), {"spec": spec})


def reduce_labels(x: Any, labels: str, kept: str) -> tuple[Any, str]:
    """x with diagonals taken at repeated labels, and summed over labels that are not kept."""
    for label, count in Counter(labels).items():
        for _ in range(count - 1):
            i, j = labels.index(label), labels.rindex(label)
            rest = [axis for axis in range(len(labels)) if axis not in (i, j)]
            x = take_diagonals(transpose(x, (*rest, i, j)))
            labels = "".join(labels[axis] for axis in rest) + label
    gone = tuple([axis for axis, label in enumerate(labels) if label not in kept])
    if gone:
        x = sum_axes(x, gone)
        labels = "".join(c for c in labels if c in kept)
    return x, labels


def arrange(x: Any, labels: str, wanted: str) -> Any:
    """x with its axes in the order of the wanted labels."""
    return x if labels == wanted else transpose(x, tuple([labels.index(c) for c in wanted]))


@lru_cache(maxsize=1024)
def _path(terms: tuple[str, ...], out: str, shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    """The order of contraction: the numbers of two terms at each step; the result goes last."""
    spec = ",".join(terms) + "->" + out
    found, _ = contract_path(spec, *shapes, shapes=True, optimize="auto")
    steps: list[Any] = []
    for (
        step
    ) in found:  # a step of opt_einsum may take more than two terms when nothing is gained by order
        numbers = sorted(step)
        steps.extend([tuple(numbers[:2])] if len(numbers) == 2 else _in_pairs(numbers, len(terms)))
    return steps


def _in_pairs(numbers: list[int], count: int) -> list[tuple[int, int]]:
    if len(numbers) < 2:
        return []
    steps = [(numbers[0], numbers[1])]
    rest = [n - 2 for n in numbers[2:]]
    while rest:
        count -= 1
        steps.append((rest[0], count - 1))
        rest = [n - 1 for n in rest[1:]]
    return steps


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
    unknown = set(kwargs) - {"optimize", "name"}
    if unknown:
        raise TypeError(f"gradtape.einsum: unknown keywords {sorted(unknown)}.")
    tensors = _converted(inputs)
    terms, out = _parsed(equation, tensors)
    _check_sizes(equation, terms, tensors)
    tensors, terms = _without_ones(tensors, terms)
    for number, (tensor, term) in enumerate(zip(tensors, terms, strict=True)):
        elsewhere = out + "".join(t for i, t in enumerate(terms) if i != number)
        tensors[number], terms[number] = reduce_labels(tensor, term, elsewhere)
    if len(tensors) > 1:
        shapes = tuple(tuple(n or 1 for n in t._shape) for t in tensors)
        for i, j in _path(tuple(terms), out, shapes):
            right, labels = tensors.pop(j), terms.pop(j)
            left, others = tensors.pop(i), terms.pop(i)
            value, label = _step(left, others, right, labels, out + "".join(terms))
            tensors.append(value)
            terms.append(label)
    return arrange(tensors[0], terms[0], out)


def _step(a: Any, left: str, b: Any, right: str, later: str) -> tuple[Any, str]:
    """Contract a pair: keep the labels that are used later."""
    out = "".join(c for c in dict.fromkeys(left + right) if c in later)
    a, left = reduce_labels(a, left, right + out)
    b, right = reduce_labels(b, right, left + out)
    return contract(a, b, f"{left},{right}->{out}"), out


def _converted(inputs: tuple[Any, ...]) -> list[Any]:
    tensors = list(inputs)
    known = next((t for t in inputs if isinstance(t, Tensor) or hasattr(t, "__tf_tensor__")), None)
    if known is None and inputs:
        known = as_tensor(inputs[0], "einsum")
    if known is not None:
        dtype = as_tensor(known)._dtype
        tensors = [as_tensor_like(t, dtype, "einsum") for t in inputs]
    for tensor in tensors:
        if tensor._dtype != tensors[0]._dtype:
            raise mixed_dtypes("einsum", tensors[0], tensor)
        if tensor._dtype.kind not in NUMERIC:
            raise wrong_kind("einsum", NUMERIC, tensor)
    return tensors


def _parsed(equation: Any, tensors: list[Any]) -> tuple[list[str], str]:
    """The labels of each term and of the result, with labels in place of ellipses."""
    if not isinstance(equation, str):
        raise TypeError(
            f"gradtape.einsum: the equation must be a string such as 'ij,jk->ik', not "
            f"{brief(equation)}."
        )
    text = equation.replace(" ", "")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise ValueError(
            f'Got {len(tensors)} inputs for equation "{equation}", expecting {len(terms)}'
        )
    for term in [*terms, out]:
        if not all(c.isalpha() and ord(c) < FIRST_HIDDEN for c in term.replace("...", "", 1)):
            raise ValueError(
                f"gradtape.einsum: {term!r} in {equation!r} is no term: write letters, and ... "
                "once."
            )
    if not arrow:
        counts = Counter(left.replace(",", "").replace(".", ""))
        dots = "..." if "..." in left else ""
        out = dots + "".join(sorted(c for c, n in counts.items() if n == 1))
    ranks = [len(x._shape) - len(t.replace("...", "")) for x, t in zip(tensors, terms, strict=True)]
    for tensor, term, rank in zip(tensors, terms, ranks, strict=True):
        if rank < 0 or (rank > 0 and "..." not in term):
            raise InvalidArgumentError(
                f"gradtape.einsum({equation!r}): the term {term!r} does not fit {brief(tensor)}, "
                f"which has {len(tensor._shape)} axes."
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


def _check_sizes(equation: str, terms: list[str], tensors: list[Any]) -> None:
    """Each label has one size; labels of an ellipsis broadcast."""
    sizes: dict[str, Any] = {}
    for term, tensor in zip(terms, tensors, strict=True):
        for label, size in zip(term, tensor._shape, strict=True):
            hidden = ord(label) >= FIRST_HIDDEN
            if size is None or (hidden and size == 1):
                continue
            if sizes.setdefault(label, size) != size:
                where = "an axis of ..." if hidden else f"the label {label!r}"
                shapes = ", ".join(str(t._shape) for t in tensors)
                raise InvalidArgumentError(
                    f"gradtape.einsum({equation!r}): {where} has size {sizes[label]} and {size} in "
                    f"tensors of shapes {shapes}. Transpose or reshape one of them."
                )


def _without_ones(tensors: list[Any], terms: list[str]) -> tuple[list[Any], list[str]]:
    """Drop axes of size 1 at labels of an ellipsis that are longer in another tensor."""
    wide = {
        label
        for term, tensor in zip(terms, tensors, strict=True)
        for label, size in zip(term, tensor._shape, strict=True)
        if ord(label) >= FIRST_HIDDEN and size != 1
    }
    made, left = [], []
    for tensor, term in zip(tensors, terms, strict=True):
        sizes = zip(term, tensor._shape, strict=True)
        stays = [not (label in wide and size == 1) for label, size in sizes]
        if not all(stays):
            shape = [n for n, s in zip(tensor._shape, stays, strict=True) if s]
            tensor = reshape(tensor, tuple(shape))
            term = "".join(c for c, s in zip(term, stays, strict=True) if s)
        made.append(tensor)
        left.append(term)
    return made, left
