"""Models in files: the same in a fresh process, those of other backends, and whole whatever happens."""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import gradtape as tf
from gradtape import keras
from tests.keras import saved

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOADS = """
import sys
import numpy as np
from gradtape import keras
model = keras.models.load_model(sys.argv[1])
x = np.load(sys.argv[2])
np.save(sys.argv[3], model.predict(x, verbose=0))
np.save(sys.argv[4], model.fit(x, x[:, :1] * 2, epochs=2, shuffle=False, verbose=0).history["loss"])
"""


def small() -> Any:
    """A model with normalisation, compiled with Adam."""
    keras.utils.set_random_seed(8)
    layers = keras.layers
    parts = [layers.Dense(5, activation="relu"), layers.BatchNormalization(), layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def process(*arguments: str, **environment: str) -> str:
    """Run Python to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fresh_process_goes_on_where_this_one_stands(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(16, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    model = small()
    model.fit(x, x[:, :1] * 2, epochs=3, verbose=0)
    path = str(tmp_path / "model.keras")
    model.save(path)
    process("-c", LOADS, path, *[str(tmp_path / f"{n}.npy") for n in ("x", "seen", "losses")])
    np.testing.assert_array_equal(np.load(tmp_path / "seen.npy"), model.predict(x, verbose=0))
    later = model.fit(x, x[:, :1] * 2, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_array_equal(np.load(tmp_path / "losses.npy"), later)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where the models lie that another backend has saved."""

    @functools.cache
    def directory(backend: str) -> Path:
        place = tmp_path_factory.mktemp(backend)
        some = [name for other, name in FILES if other == backend]
        process(str(HERE / "saved.py"), str(place), *some, KERAS_BACKEND=backend)
        return place

    return directory


FILES = [("jax", "dense"), *[("numpy", name) for name in saved.MODELS]]  # JAX compiles for long


@pytest.mark.parametrize("backend, name", FILES)
def test_models_of_other_backends_predict_the_same(
    elsewhere: Callable[[str], Path], backend: str, name: str
) -> None:
    directory = elsewhere(backend)
    there = np.load(directory / f"{name}.npz")
    model = keras.models.load_model(directory / f"{name}.keras")
    predicted = model.predict(there["x"], verbose=0)
    np.testing.assert_allclose(predicted, there["predicted"], rtol=0, atol=1e-5)
    other, _ = saved.built(keras, name)
    other.load_weights(directory / f"{name}.weights.h5")
    predicted = other(there["x"], training=False)
    np.testing.assert_allclose(predicted, there["predicted"], rtol=0, atol=1e-5)
    if backend == "jax":  # with the optimizer's moments it trains on
        assert int(model.optimizer.iterations) == 6
        assert model.train_on_batch(there["x"], saved.LABELS) == pytest.approx(
            there["loss"], abs=1e-5
        )


def test_what_gradtape_saves_is_read_by_the_others(tmp_path: Path) -> None:
    model, x = saved.built(keras, "dense")
    model.save(tmp_path / "ours.keras")
    code = f"""
import keras, numpy as np
model = keras.models.load_model({str(tmp_path / "ours.keras")!r})
np.save({str(tmp_path / "seen.npy")!r}, model(np.load({str(tmp_path / "x.npy")!r})))
"""
    np.save(tmp_path / "x.npy", x)
    process("-c", code, KERAS_BACKEND="numpy")
    seen = np.load(tmp_path / "seen.npy")
    np.testing.assert_allclose(seen, model.predict(x, verbose=0), rtol=0, atol=1e-5)


def test_killed_writers_leave_the_old_file_or_a_newer_one() -> None:
    for found in json.loads(process("-m", "tests.keras.killed_savers", "6")).values():
        assert found.pop("files left behind") == 0
        assert found.keys() <= {"old", "newer"}
        assert sum(found.values()) == 6


def failing() -> Any:
    """A model that raises in the middle of being saved."""

    class Failing(keras.layers.Layer):
        def save_own_variables(self, store: Any) -> None:
            raise ZeroDivisionError

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(300), Failing()])


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(name: str, tmp_path: Path) -> None:
    path, model, other = tmp_path / name, small(), failing()
    whole = name.endswith(".keras")
    (model.save if whole else model.save_weights)(path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        (other.save if whole else other.save_weights)(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [name]


def test_a_file_keeps_who_may_read_it_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "model.keras", tmp_path / "model.keras"
    small().save(target)
    target.chmod(0o600)
    link.symlink_to(target)
    before = target.read_bytes()
    small().save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.read_bytes() != before  # the time is in it


def test_the_files_are_those_of_keras(tmp_path: Path) -> None:
    model, memory = small(), io.BytesIO()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    keras.src.saving.saving_lib.save_model(model, memory)
    with zipfile.ZipFile(tmp_path / "model.keras") as file, zipfile.ZipFile(memory) as other:
        assert file.namelist() == other.namelist()
        assert file.read("config.json") == other.read("config.json")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        kernel = model.layers[0].kernel.numpy()
        np.testing.assert_array_equal(file["layers/dense/vars/0"], kernel)


def test_what_is_several_files_or_a_new_directory_is_written_as_keras_does(tmp_path: Path) -> None:
    model, _ = saved.built(keras, "dense")
    keras.saving.save_model(model, tmp_path / "folder", zipped=False)
    assert (tmp_path / "folder" / "config.json").exists()
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=1)
    model.save(tmp_path / "new" / "model.h5")  # Keras makes the directory for this format alone
    with pytest.raises(FileNotFoundError, match="missing"):
        model.save(tmp_path / "missing" / "model.keras")
    (tmp_path / "taken.keras").mkdir()
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path / "taken.keras")
    names = {"folder", "new", "taken.keras", "m.weights.json", "m_00000.weights.h5"}
    assert set(os.listdir(tmp_path)) == names
    for name in ("folder", "new/model.h5"):
        loaded = keras.models.load_model(tmp_path / name)
        np.testing.assert_array_equal(loaded.layers[0].kernel, model.layers[0].kernel)
    other, _ = saved.built(keras, "dense")
    other.layers[0].kernel.assign(tf.zeros([6, 8]))
    other.load_weights(tmp_path / "m.weights.json")
    np.testing.assert_array_equal(other.layers[0].kernel, model.layers[0].kernel)
