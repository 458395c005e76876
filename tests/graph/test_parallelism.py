"""How many threads operations may use."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import gradtape as tf
from gradtape.core import products
from gradtape.graph import parallelism

threading = tf.config.threading
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As before the first compiled function, and with everything as it was afterwards."""
    monkeypatch.setattr(parallelism, "xla", lambda: None)
    monkeypatch.setenv(parallelism.OF_XLA, "7")
    yield
    threading.set_intra_op_parallelism_threads(0)
    threading.set_inter_op_parallelism_threads(0)


def of_blas() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_products_take_no_more_threads(unstarted: None) -> None:
    tf.linalg.expm(tf.eye(2))  # SciPy's BLAS is there too
    before, cores = of_blas(), products._cores()
    threading.set_intra_op_parallelism_threads(np.int64(1))
    assert set(of_blas()) == {1}
    assert products._cores() == 1
    assert os.environ[parallelism.OF_XLA] == "1"
    assert threading.get_intra_op_parallelism_threads() == 1
    threading.set_intra_op_parallelism_threads(2)
    assert products._cores() == 2
    threading.set_intra_op_parallelism_threads(0)
    assert (of_blas(), products._cores()) == (before, cores)
    assert os.environ[parallelism.OF_XLA] == "7"


def test_between_operations_it_is_only_noted(unstarted: None) -> None:
    assert threading.get_inter_op_parallelism_threads() == 0
    threading.set_inter_op_parallelism_threads(3)
    assert threading.get_inter_op_parallelism_threads() == 3


@pytest.mark.parametrize("value", [-1, 1.5, "2", None, [1]], ids=repr)
def test_what_is_no_number_of_threads(value: Any) -> None:
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        with pytest.raises((TypeError, ValueError), match=f"{name}: num_threads (must be|is -1)"):
            getattr(threading, name)(value)


def test_it_is_too_late_once_compiled_code_has_run() -> None:
    tf.function(lambda x: x + 1.0, jit_compile=True)(1.0)
    with pytest.raises(RuntimeError, match="compiled code has its threads already, and 1 are"):
        threading.set_intra_op_parallelism_threads(1)
    assert threading.get_intra_op_parallelism_threads() == 0
    assert products.most_threads == 0
    threading.set_intra_op_parallelism_threads(0)


COUNTED = """
    import os
    import gradtape as tf
    tf.config.threading.set_intra_op_parallelism_threads({})
    x = tf.ones([300, 300])
    tf.function(lambda x: tf.sin(x) @ x, jit_compile=True)(x)
    names = [open(f"/proc/self/task/{{t}}/comm").read().strip() for t in os.listdir("/proc/self/task")]
    print(names.count("tf_XLAEigen"))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads have no names here")
@pytest.mark.parametrize("count", [1, 3])
def test_compiled_code_has_so_many_threads(count: int) -> None:
    code = textwrap.dedent(COUNTED.format(count))
    environment = {k: v for k, v in os.environ.items() if k != parallelism.OF_XLA}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, text=True, capture_output=True
    )
    assert done.stdout.split() == [str(count)], done.stderr
