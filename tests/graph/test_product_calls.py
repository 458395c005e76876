"""Products that compiled programs hand over: they are handed over, and equal to NumPy's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jaxlib
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.products import products
from gradtape.graph import xp_jax_calls
from gradtape.graph.xp_jax import xp
from gradtape.graph.xp_jax_transposing import remembering

pytestmark = pytest.mark.skipif(products is None, reason="the extension was not built here")
ROOT = Path(__file__).resolve().parents[2]
RANDOM = np.random.default_rng(0)
FLOATS = [np.float32, np.float64]
SIZES = [
    (8, 8, 8),
    (9, 33, 17),
    (64, 70, 130),
    (257, 40, 500),
    (12, 16, 1000),
    (300, 9, 40),
    (13, 300, 8),
    (37, 70, 256),
    (210, 80, 384),
]


@pytest.fixture(params=[512, 256], autouse=True)
def width(request: pytest.FixtureRequest) -> Iterator[int]:
    """Vectors of so many bits, where this processor has them."""
    assert products.widest(request.param) in (request.param, 256)
    yield request.param
    products.widest(512)


def run(function: Any, *arrays: Any) -> tuple[Any, str]:
    """What a kernel gives on XLA, and the text of its program."""

    def kernel(*arguments: Any) -> Any:
        with remembering():
            return function(*arguments)

    with jax.enable_x64():
        lowered = jax.jit(kernel).lower(*arrays)
        return np.asarray(lowered.compile()(*arrays)), lowered.as_text()


def turned(x: Any) -> Any:
    return xp.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("stack", [(), (3,), (2, 3)])
@pytest.mark.parametrize("turn", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", SIZES)
def test_matrices(size: Any, turn: Any, stack: Any, dtype: Any) -> None:
    rows, columns, depth = size
    a = RANDOM.normal(size=(*stack, *((depth, rows) if turn[0] else (rows, depth)))).astype(dtype)
    b = RANDOM.normal(size=(*stack, *((columns, depth) if turn[1] else (depth, columns)))).astype(
        dtype
    )

    def product(a: Any, b: Any) -> Any:
        return xp.matmul(turned(a) if turn[0] else a, turned(b) if turn[1] else b)

    found, text = run(product, a, b)
    assert text.count("gradtape_matmul") == 1
    wide = [np.swapaxes(x, -1, -2) if t else x for x, t in zip((a, b), turn, strict=True)]
    expected = wide[0].astype(np.float64) @ wide[1].astype(np.float64)
    np.testing.assert_allclose(found, expected, atol=50 * np.sqrt(depth) * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("spec", "handed"),
    [
        ("ij,jk->ik", True),
        ("ij,kj->ik", True),
        ("ji,jk->ik", True),
        ("ij,jk->ki", True),
        ("bij,bjk->bik", True),
        ("bji,bkj->bki", True),
        ("bij,jk->bik", True),
        ("bti,btk->ik", True),
        ("bti,itk->bk", False),
        ("ibj,bjk->bik", False),
        ("ij,jk->ijk", False),
    ],
)
def test_contractions(spec: str, handed: bool) -> None:
    left, right, _ = spec.replace("->", ",").split(",")
    sizes = {"b": 5, "i": 12, "j": 9, "k": 20, "t": 11}
    a, b = (RANDOM.normal(size=[sizes[c] for c in term]) for term in (left, right))
    found, text = run(lambda a, b: xp.einsum(spec, a, b), a, b)
    assert ("gradtape_matmul" in text) is handed
    np.testing.assert_allclose(found, np.einsum(spec, a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((7, 9), (9, 30)),
        ((9, 7), (7, 30)),
        ((9, 30), (30, 7)),
        ((0, 9), (9, 30)),
        ((9, 0), (0, 30)),
    ],
)
def test_thin_and_empty_products_stay_with_xla(a: Any, b: Any) -> None:
    a, b = RANDOM.normal(size=a), RANDOM.normal(size=b)
    found, text = run(xp.matmul, a, b)
    assert "gradtape_matmul" not in text
    np.testing.assert_allclose(found, a @ b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.int32, np.complex64, np.float16])
def test_other_dtypes_stay_with_xla(dtype: Any) -> None:
    a = np.ones((20, 20), dtype)
    found, text = run(xp.matmul, a, a)
    assert "gradtape_matmul" not in text
    np.testing.assert_array_equal(found, a @ a)


def upwards(x: Any, w: Any, strides: int, padding: str) -> Any:
    """A transposed convolution."""
    return tf.nn.conv2d_transpose(x, w, [4, 6 * strides, 7 * strides, 6], strides, padding)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize(
    ("image", "filters", "convolution"),
    [
        ((4, 9, 9, 5), (3, 3, 5, 6), tf.nn.conv2d),
        ((4, 19, 5), (3, 5, 6), tf.nn.conv1d),
        ((4, 6, 7, 5), (3, 4, 6, 5), upwards),
    ],
)
def test_convolutions_and_both_gradients_are_handed_over(
    image: Any, filters: Any, convolution: Any, strides: int
) -> None:
    x, w = tf.constant(RANDOM.normal(size=image)), tf.constant(RANDOM.normal(size=filters))

    def gradients(x: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            loss = tf.reduce_sum(convolution(x, w, strides, "SAME") ** 3)
        return tape.gradient(loss, [x, w])

    seen: list[str] = []
    original = jax.ffi.ffi_call

    def noted(name: str, *arguments: Any, **keywords: Any) -> Any:
        seen.append(name)
        return original(name, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax.ffi, "ffi_call", noted)
        found = tf.function(gradients, jit_compile=True)(x, w)
    assert sorted(seen) == ["gradtape_convolve", "gradtape_convolve", "gradtape_filter_gradient"]
    for one, other in zip(found, gradients(x, w), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_a_product_in_a_loop() -> None:
    w = RANDOM.normal(size=(16, 16)) / 4

    @tf.function(jit_compile=True)
    def powers(w: Any) -> Any:
        return tf.while_loop(
            lambda i, p: i < 10, lambda i, p: (i + 1, p @ tf.transpose(w)), [0, w]
        )[1]

    np.testing.assert_allclose(
        powers(w), w @ np.linalg.matrix_power(w.T, 10), rtol=1e-9, atol=1e-12
    )


PROGRAM = """
import jax, numpy as np
import gradtape as tf
from gradtape.graph.xp_jax import xp
a = np.ones((20, 20), np.float32)
print("gradtape_matmul" in jax.jit(xp.matmul).lower(a, a).as_text())
f = tf.function(lambda a: a @ a, jit_compile=True)
assert float(f(a)[3, 4]) == 20
"""


@pytest.mark.parametrize(
    ("name", "value", "handed"),
    [
        ("GRADTAPE_NOTHING", "1", True),
        ("GRADTAPE_PURE_PYTHON", "1", False),
        ("XLA_FLAGS", "--xla_force_host_platform_device_count=2", False),
    ],
)
def test_where_nothing_is_handed_over(name: str, value: str, handed: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == str(handed)


def test_an_xla_with_another_interface_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: Any, **keywords: Any) -> None:
        raise jax.errors.JaxRuntimeError("the handler's API version (0.0) is incompatible")

    a = RANDOM.normal(size=(20, 20))
    monkeypatch.setattr(jax.ffi, "register_ffi_target", refused)
    xp_jax_calls._registered.cache_clear()
    try:
        found, text = run(xp.matmul, a, a)
    finally:
        xp_jax_calls._registered.cache_clear()
    assert "gradtape_matmul" not in text
    np.testing.assert_allclose(found, a @ a, rtol=1e-12, atol=1e-12)


LAYOUT = """
#include "xla/ffi/api/c_api.h"
#include "xla.h"
#define SAME(ours, field, theirs, other) \\
    _Static_assert(offsetof(ours, field) == offsetof(theirs, other), #theirs "." #other)
SAME(Version, minor_version, XLA_FFI_Api_Version, minor_version);
SAME(Metadata, api_version, XLA_FFI_Metadata, api_version);
SAME(MetadataExtension, metadata, XLA_FFI_Metadata_Extension, metadata);
SAME(Buffer, dtype, XLA_FFI_Buffer, dtype);
SAME(Buffer, data, XLA_FFI_Buffer, data);
SAME(Buffer, rank, XLA_FFI_Buffer, rank);
SAME(Buffer, dims, XLA_FFI_Buffer, dims);
SAME(Arguments, values, XLA_FFI_Args, args);
SAME(Arguments, values, XLA_FFI_Rets, rets);
SAME(Array, size, XLA_FFI_Array, size);
SAME(Array, data, XLA_FFI_Array, data);
SAME(Span, len, XLA_FFI_ByteSpan, len);
SAME(Attributes, names, XLA_FFI_Attrs, names);
SAME(Attributes, values, XLA_FFI_Attrs, attrs);
SAME(ErrorCreate, code, XLA_FFI_Error_Create_Args, errc);
SAME(ErrorDestroy, error, XLA_FFI_Error_Destroy_Args, error);
SAME(Schedule, task, XLA_FFI_ThreadPool_Schedule_Args, task);
SAME(Schedule, data, XLA_FFI_ThreadPool_Schedule_Args, data);
SAME(Threads, count, XLA_FFI_ThreadPool_NumThreads_Args, num_threads);
SAME(FutureCreate, future, XLA_FFI_Future_Create_Args, future);
SAME(FutureCreate, future, XLA_FFI_Future_SetAvailable_Args, future);
SAME(FutureError, error, XLA_FFI_Future_SetError_Args, error);
SAME(Api, future_create, XLA_FFI_Api, XLA_FFI_Future_Create);
SAME(Api, future_available, XLA_FFI_Api, XLA_FFI_Future_SetAvailable);
SAME(Api, future_error, XLA_FFI_Api, XLA_FFI_Future_SetError);
SAME(Frame, future, XLA_FFI_CallFrame, future);
SAME(Api, api_version, XLA_FFI_Api, api_version);
SAME(Api, error_create, XLA_FFI_Api, XLA_FFI_Error_Create);
SAME(Api, error_destroy, XLA_FFI_Api, XLA_FFI_Error_Destroy);
SAME(Api, schedule, XLA_FFI_Api, XLA_FFI_ThreadPool_Schedule);
SAME(Api, threads, XLA_FFI_Api, XLA_FFI_ThreadPool_NumThreads);
SAME(Frame, api, XLA_FFI_CallFrame, api);
SAME(Frame, context, XLA_FFI_CallFrame, ctx);
SAME(Frame, stage, XLA_FFI_CallFrame, stage);
SAME(Frame, arguments, XLA_FFI_CallFrame, args);
SAME(Frame, results, XLA_FFI_CallFrame, rets);
SAME(Frame, attributes, XLA_FFI_CallFrame, attrs);
_Static_assert(VERSION == XLA_FFI_API_MAJOR, "version");
_Static_assert((int)METADATA == (int)XLA_FFI_Extension_Metadata, "extension");
_Static_assert((int)SINGLE == (int)XLA_FFI_DataType_F32 && (int)DOUBLE == (int)XLA_FFI_DataType_F64, "types");
_Static_assert((int)RESOURCE_EXHAUSTED == (int)XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "full");
_Static_assert((int)INVALID_ARGUMENT == (int)XLA_FFI_Error_Code_INVALID_ARGUMENT, "invalid");
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_the_layout_is_that_of_the_header_that_jaxlib_ships(tmp_path: Path) -> None:
    headers = Path(jaxlib.__file__).parent / "include"
    source = tmp_path / "layout.c"
    source.write_text(LAYOUT)
    done = subprocess.run(
        ["gcc", "-fsyntax-only", f"-I{headers}", f"-I{ROOT / 'native'}", str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
