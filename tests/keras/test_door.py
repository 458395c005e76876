"""The door to Keras, in processes of their own: what is imported when, and what an error says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradtape.keras.gates import GATES, OPTIMIZER

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh process that knows of no backend but by its environment."""
    kept = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def printed(code: str, **environment: str) -> list[str]:
    """The lines that a fresh process prints."""
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def error(code: str, **environment: str) -> str:
    """The last line of the traceback of a fresh process."""
    done = run(code, **environment)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


LOADED = "print('keras' in sys.modules)"


def test_keras_is_imported_when_one_of_its_names_is_asked_for() -> None:
    first = (
        f"import sys, gradtape as tf; tf.keras; {LOADED}; print(tf.keras.Model.__name__); {LOADED}"
    )
    assert printed(first) == ["False", "Model", "True"]
    other = f"import sys; from gradtape import keras; {LOADED}; print(keras.__version__[0])"
    assert printed(other) == ["False", "3"]


WAYS = [
    "import gradtape as tf; keras = tf.keras; layers = keras.layers; Model = keras.Model",
    "from gradtape import keras; from gradtape.keras import Model, layers",
    "import gradtape.keras.layers as layers; import gradtape.keras as keras; Model = keras.Model",
    "from gradtape.keras.models import Model; from gradtape.keras import layers; import keras",
    "import gradtape.keras; import keras; layers = keras.layers; Model = keras.Model",
    "import keras; Model, layers = keras.Model, keras.layers",
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_leads_to_one_keras_on_gradtape(way: str) -> None:
    code = f"""
import sys
before = "import gradtape.keras" if {way.startswith("import keras")} else ""
exec(before)
{way}
import gradtape, keras as own
print(Model is own.Model, layers.Dense is own.layers.Dense, own.backend.backend())
print(type(layers.Dense(2)(gradtape.ones([1, 3]))) is gradtape.Tensor)
print(gradtape.keras.layers is own.layers, keras.Sequential is own.Sequential)
"""
    assert printed(code) == ["True True gradtape", "True", "True True"]


def test_what_the_environment_says_is_overruled() -> None:
    code = "from gradtape.keras import backend; print(backend.backend())"
    assert printed(code, KERAS_BACKEND="jax") == ["gradtape"]


@pytest.mark.parametrize(
    "ask", ["from gradtape.keras import Model", "import gradtape as tf; tf.keras.Model"]
)
def test_keras_on_another_backend_is_told_what_to_do(ask: str) -> None:
    text = error(f"import keras; {ask}", KERAS_BACKEND="jax")
    assert text == (
        "ImportError: gradtape.keras: Keras was imported before, on its backend 'jax', and a process"
        " has one backend. Write import gradtape.keras before the first import keras, in a new process"
        " (a notebook: restart the kernel)."
    )


def test_keras_on_another_backend_stays_what_it_is() -> None:
    code = """
import os
import gradtape.keras
os.environ["KERAS_BACKEND"] = "numpy"
import keras
print(keras.backend.backend(), hasattr(keras.saving.save_model, "__wrapped__"))
"""
    assert printed(code) == ["numpy False"]


def test_after_a_failed_import_of_keras() -> None:
    code = """
try:
    import keras
except Exception as error:
    print(type(error).__name__)
from gradtape.keras import layers, backend
import gradtape as tf
print(backend.backend(), layers.Dense(2)(tf.ones([1, 3])).shape)
"""
    assert printed(code, KERAS_BACKEND="nowhere") == ["ValueError", "gradtape (1, 2)"]


def test_names_that_keras_does_not_have() -> None:
    assert error("import gradtape.keras.nothing") == (
        "ModuleNotFoundError: No module named 'gradtape.keras.nothing'"
    )
    text = error("from gradtape.keras import nothing")
    assert text.startswith("ImportError: cannot import name 'nothing' from 'gradtape.keras'")
    assert "no attribute 'nothing'" in error("from gradtape import keras; keras.nothing")


def test_without_keras() -> None:
    text = error("import sys; sys.modules['keras'] = None; import gradtape as tf; tf.keras.Model")
    assert "pip install" in text
    assert "gradtape[keras]" in text


CHANGED = """
import sys
from importlib.machinery import SourceFileLoader

sys.dont_write_bytecode = True
file, old, new = {file!r}, {old!r}, {new!r}
read = SourceFileLoader.get_data

def changed(self, path):
    if file not in self.path:
        return read(self, path)
    if path.endswith(".pyc"):
        raise OSError
    data = read(self, path)
    assert old in data
    return data.replace(old, new)

SourceFileLoader.get_data = changed
from gradtape.keras import Model
"""


def error_of_a_changed_keras(module: str, old: str, new: str) -> str:
    """The error on importing a Keras with one module changed."""
    file = module.replace(".", "/") + ("/__init__.py" if module == "keras.src.backend" else ".py")
    return error(CHANGED.format(file=file, old=old.encode(), new=new.encode()))


@pytest.mark.parametrize("module", GATES)
def test_a_gate_that_is_not_where_it_should_be(module: str) -> None:
    known = "jax" if module == OPTIMIZER else "numpy"
    text = error_of_a_changed_keras(module, f'== "{known}"', f'.startswith("{known}")')
    assert text.startswith(f"ImportError: gradtape.keras: {module} does not ask for its backend as")
    assert "pip install 'keras>=3.12,<3.17'" in text


@pytest.mark.parametrize(
    "module, name",
    [
        ("keras.src.saving.saving_lib", "save_model"),
        ("keras.src.saving.saving_lib", "save_weights_only"),
        ("keras.src.legacy.saving.legacy_h5_format", "save_model_to_hdf5"),
    ],
)
def test_a_writer_of_files_that_is_not_where_it_should_be(module: str, name: str) -> None:
    text = error_of_a_changed_keras(module, f"def {name}(", f"def other_{name}(")
    assert text.startswith(f"ImportError: gradtape.keras: {module} has no {name}(model, filepath,")
