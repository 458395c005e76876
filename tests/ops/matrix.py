"""The checks of the matrix: how a primitive's rules are compared with references, differences and loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.tangents import push_forward
from gradtape.autodiff.tape import GradientTape
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.tensor import Tensor
from gradtape.graph.xp_jax import xp as xp_jax
from tests.ops.case import Case, tensors

EPS = {
    "float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52,
    "complex64": 2.0**-23, "complex128": 2.0**-52,
}  # fmt: skip


def rule_dtypes(case: Case) -> list[str]:
    """The dtypes at which rules are compared with differences."""
    return ["float64", "complex128"] if case.complex_rules else ["float64"]


def as_list(out: Any) -> list[Any]:
    """The results of a primitive as a list."""
    return list(out) if isinstance(out, (tuple, list)) else [out]


def run(case: Case, inputs: list[Tensor]) -> list[Any]:
    """The results of the row's primitive that are differentiable or not, as a list."""
    return as_list(apply(case.primitive, tuple(inputs), case.params))


def assert_value(out: Any, expected: Any, case: Case, dtype: str) -> None:
    """Compare results with the reference, within units in the last place of the dtype."""
    for value, wanted in zip(as_list(out), as_list(expected), strict=True):
        have = np.asarray(value)
        wanted = np.asarray(wanted)
        assert have.shape == wanted.shape, f"shape {have.shape}, reference {wanted.shape}"
        if have.dtype.kind in "biu":
            np.testing.assert_array_equal(have, wanted)
            continue
        eps = EPS[dtype] if dtype in EPS else EPS["float32"]
        wide = np.complex128 if have.dtype.kind == "c" else np.float64
        scale = float(
            np.max(np.abs(wanted.astype(wide)), initial=0.0, where=np.isfinite(wanted.astype(wide)))
        )
        np.testing.assert_allclose(
            have.astype(wide),
            wanted.astype(wide),
            rtol=case.value_tolerance * eps,
            atol=8 * eps * scale,
        )


def assert_same_kernel(case: Case, dtypes: Sequence[str]) -> None:
    """Run the kernel under jax.numpy, in one program for all dtypes, and compare with the eager
    values."""
    given = {dtype: case.arrays(dtype) for dtype in dtypes}

    @jax.jit
    def kernels(given: Any) -> Any:
        return {d: case.primitive.kernel(xp_jax, *a, **case.params) for d, a in given.items()}

    for dtype, found in kernels(jax.tree.map(jnp.asarray, given)).items():
        expected = as_list(apply(case.primitive, tuple(tensors(given[dtype])), case.params))
        for have, wanted in zip(as_list(found), expected, strict=True):
            assert have.shape == wanted._shape, f"jax gives {have.shape}, NumPy {wanted._shape}"
            assert np.dtype(have.dtype) == wanted._dtype, (
                f"jax gives {have.dtype}, NumPy {wanted._dtype}"
            )
            assert_value([Tensor(np.asarray(have))], [np.asarray(wanted)], case, dtype)


# derivatives


def active(arrays: list[Any]) -> list[int]:
    """The numbers of the inputs that carry derivatives."""
    return [i for i, a in enumerate(arrays) if differentiable(np.asarray(a).dtype)]


def direction(array: Any, seed: int) -> Any:
    """A random direction of an array's shape and dtype."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(np.shape(array))
    if np.asarray(array).dtype.kind == "c":
        values = values + 1j * rng.standard_normal(np.shape(array))
    return np.asarray(values).astype(np.asarray(array).dtype)


def movable(case: Case, arrays: list[Any]) -> list[int]:
    """The numbers of the inputs that carry derivatives and may move."""
    return [i for i in active(arrays) if i not in case.still]


def ways(case: Case, arrays: list[Any], seed: int) -> dict[int, Any]:
    """A random direction for each input that may move, within the row's set of inputs."""
    found = {i: direction(arrays[i], seed + i) for i in movable(case, arrays)}
    return {i: case.project(d) for i, d in found.items()} if case.project else found


def directional(f: Callable[[float], Any], step: float = 2e-3) -> Any:
    """The derivative of f at 0 by central differences of order eight."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    return sum(w * (f(k * step) - f(-k * step)) for k, w in enumerate(weights, 1)) / step


def richardson(f: Callable[[float], float], step: float = 0.004) -> tuple[float, float]:
    """The derivative of f at 0 by central differences of four steps, extrapolated, and its error:
    what the last extrapolation still changed, and rounding."""
    steps = [step / 2**k for k in range(4)]
    row = [(f(h) - f(-h)) / (2 * h) for h in steps]
    size = max(abs(f(0.0)), *map(abs, row), 1.0)
    last = row
    for k in range(1, 4):
        last, row = row, [b + (b - a) / (4**k - 1) for a, b in itertools.pairwise(row)]
    return row[0], abs(row[0] - last[-1]) + 1e-15 * size / steps[-1]


def inner(a: Any, b: Any) -> float:
    """The real inner product."""
    return float(np.real(np.vdot(np.asarray(a), np.asarray(b))))


def moved(arrays: list[Any], directions: dict[int, Any], t: float) -> list[Tensor]:
    """The inputs, moved by t along directions."""
    return tensors([a + t * directions[i] if i in directions else a for i, a in enumerate(arrays)])


def outputs(case: Case, inputs: list[Tensor]) -> list[Any]:
    """The differentiable results."""
    return [o for o in run(case, inputs) if differentiable(o._dtype)]


def gradients(case: Case, inputs: list[Tensor], weights: list[Any] | None = None) -> list[Any]:
    """The cotangents of the inputs for cotangents of the outputs (random ones by default)."""
    with GradientTape() as tape:
        tape.watch([t for t in inputs if differentiable(t._dtype)])
        outs = outputs(case, inputs)
    if weights is None:
        weights = [Tensor(direction(np.asarray(o), 7 + k)) for k, o in enumerate(outs)]
    return [dense(g) for g in tape.gradient(outs, inputs, output_gradients=weights)]


def dense(gradient: Any) -> Any:
    """An IndexedSlices as a tensor."""
    return gradient.dense() if hasattr(gradient, "dense") else gradient


def tangents(case: Case, inputs: list[Tensor], directions: dict[int, Any]) -> list[Any]:
    """The tangents of the differentiable outputs."""
    given = [Tensor(directions[i]) if i in directions else None for i in range(len(inputs))]
    _, pushed = push_forward(case.primitive, tuple(inputs), tuple(given), case.params)
    return pushed


def assert_close(have: float, wanted: float, scale: float, tolerance: float, what: str) -> None:
    """Compare relative to a scale."""
    assert abs(have - wanted) <= tolerance * max(1.0, abs(wanted), scale), (
        f"{what}: {have} but {wanted}"
    )


def check_vjp(case: Case, arrays: list[Any]) -> None:
    """<w, dF(v)> by differences equals <J'w, v> for each input by itself."""
    inputs = tensors(arrays)
    weights = [direction(np.asarray(o), 7 + k) for k, o in enumerate(outputs(case, inputs))]
    grads = gradients(case, inputs, [Tensor(w) for w in weights])
    for i in movable(case, arrays):
        v = {i: ways(case, arrays, 20)[i]}

        def f(t: float, v: Any = v) -> float:
            outs = outputs(case, moved(arrays, v, t))
            return sum(inner(w, o) for w, o in zip(weights, outs, strict=True))

        wanted = directional(f)
        have = 0.0 if grads[i] is None else inner(grads[i], v[i])
        assert_close(have, wanted, 0.0, case.tolerance, f"vjp of input {i} of {case}")


def check_jvp(case: Case, arrays: list[Any]) -> None:
    """The pushed tangent equals the difference, all inputs moving at once."""
    v = ways(case, arrays, 30)
    pushed = tangents(case, tensors(arrays), v)
    count = len(outputs(case, tensors(arrays)))
    for k in range(count):
        wanted = directional(lambda t, k=k: np.asarray(outputs(case, moved(arrays, v, t))[k]))
        have = np.asarray(pushed[k])
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        np.testing.assert_allclose(have, wanted, rtol=case.tolerance, atol=case.tolerance * scale)


def check_adjoint(case: Case, arrays: list[Any]) -> None:
    """<Jv, w> = <v, J'w> to rounding."""
    inputs = tensors(arrays)
    v = ways(case, arrays, 40)
    outs = outputs(case, inputs)
    weights = [direction(np.asarray(o), 50 + k) for k, o in enumerate(outs)]
    pushed = tangents(case, inputs, v)
    grads = gradients(case, inputs, [Tensor(w) for w in weights])
    left = sum(inner(w, p) for w, p in zip(weights, pushed, strict=True))
    right = sum(inner(grads[i], v[i]) for i in v if grads[i] is not None)
    assert_close(left, right, 0.0, 1e-9, f"<Jv, w> = <v, J'w> of {case}")


def check_batching(case: Case) -> None:
    """Each choice of batched inputs gives what a loop gives."""
    dtype = next((d for d in case.dtypes if d == "float64"), case.dtypes[0])
    examples = [case.arrays(dtype, seed=s) for s in range(3)]
    count = len(examples[0])
    masks = [tuple(i == j for j in range(count)) for i in range(count)] + [(True,) * count]
    for mask in dict.fromkeys(masks):
        if any(b and len({e[i].shape for e in examples}) > 1 for i, b in enumerate(mask)):
            continue
        _check_mask(case, examples, mask)


def _check_mask(case: Case, examples: list[list[Any]], mask: tuple[bool, ...]) -> None:
    with batching(len(examples)) as mode:
        inputs = [
            BatchedTensor(Tensor(np.stack([e[i] for e in examples])), None, mode)
            if batched
            else tensors([examples[0][i]])[0]
            for i, batched in enumerate(mask)
        ]
        outs = as_list(apply(case.primitive, tuple(inputs), case.params))
    found = [np.asarray(spread(o, mode)) for o in outs]
    for n, one in enumerate(examples):
        single = tensors([one[i] if batched else examples[0][i] for i, batched in enumerate(mask)])
        for have, wanted in zip(found, run(case, single), strict=True):
            assert have[n].shape == wanted._shape, (
                f"batched shape {have[n].shape}, alone {wanted._shape}"
            )
            assert have.dtype == wanted._dtype
            np.testing.assert_allclose(
                have[n], np.asarray(wanted), rtol=1e-9, atol=1e-11, err_msg=f"{mask}"
            )


def check_second(case: Case, arrays: list[Any]) -> None:
    """Reverse over reverse and forward over reverse against differences of the gradient."""
    inputs = tensors(arrays)
    weights = [Tensor(direction(np.asarray(o), 7 + k)) for k, o in enumerate(outputs(case, inputs))]
    v = ways(case, arrays, 60)
    u = ways(case, arrays, 70)

    def slope(t: float) -> float:
        grads = gradients(case, moved(arrays, v, t), weights)
        return sum(inner(grads[i], u[i]) for i in u if grads[i] is not None)

    wanted, error = richardson(slope)
    assert error <= 1e-4 * max(1.0, abs(wanted)), f"{case}: differences say nothing, +- {error}"
    for have, way in [
        (pulled_twice(case, inputs, weights, v, u), "reverse over reverse"),
        (pushed_over(case, inputs, weights, v, u), "forward over reverse"),
    ]:
        assert_close(have, wanted, error / case.tolerance, 10 * case.tolerance, f"{way} of {case}")


def pulled_twice(case: Case, inputs: Any, weights: Any, v: Any, u: Any) -> float:
    """The second derivative along u and v, by reverse over reverse."""
    with GradientTape() as outer:
        outer.watch([inputs[i] for i in v])
        grads = gradients(case, inputs, weights)
    pairs = [(grads[i], Tensor(u[i])) for i in u if grads[i] is not None]
    if not pairs:
        return 0.0
    second = outer.gradient([g for g, _ in pairs], inputs, output_gradients=[w for _, w in pairs])
    return sum(inner(dense(second[i]), v[i]) for i in v if second[i] is not None)


def pushed_over(case: Case, inputs: Any, weights: Any, v: Any, u: Any) -> float:
    """The second derivative along u and v, by forward over reverse."""
    moving = [inputs[i] for i in v]
    with ForwardAccumulator(moving, [Tensor(d) for d in v.values()]) as accumulator:
        grads = gradients(case, inputs, weights)
    moves = {i: accumulator.jvp(grads[i]) for i in u if grads[i] is not None}
    return sum(inner(m, u[i]) for i, m in moves.items() if m is not None)
