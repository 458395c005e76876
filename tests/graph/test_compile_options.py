"""What XLA is told when a program is compiled for a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("jax")

from gradtape.graph import compile as door


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    door.whole_vectors.cache_clear()
    yield
    door.whole_vectors.cache_clear()


def test_vectors_are_as_wide_as_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(door, "products", SimpleNamespace(bits=512))
    assert door.whole_vectors() == {door.VECTORS: "512"}


@pytest.mark.parametrize("extension", [None, SimpleNamespace(bits=256)])
def test_without_such_vectors_xla_chooses(
    extension: SimpleNamespace | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "products", extension)
    assert door.whole_vectors() == {}


def test_a_users_own_width_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "products", SimpleNamespace(bits=512))
    monkeypatch.setenv("XLA_FLAGS", f"--{door.VECTORS}=128")
    assert door.whole_vectors() == {}


def test_options_that_xla_does_not_know_are_left_out() -> None:
    assert door._known({"xla_no_such_option": "1"}) == {}


def test_the_extension_knows_the_processor() -> None:
    found = door.products
    if found is None:
        pytest.skip("the extension was not built here")
    assert found.bits == found.widest(512)
    assert np.log2(found.bits) in (8, 9)
