"""The pytest plugin under which Keras's own tests run on gradtape.

It installs the backend before a test is imported, and supplies what Keras's `conftest.py` does,
which is in no wheel; `exclusions.py` leaves out what `exclusions.txt` names. Four kinds of lines in
the tests list the backends that Keras knows and have no place for another one; they are read with
ours beside them: `if backend.backend() == ...` before an import of the Trainer or before a
`GradientTape` of TensorFlow's, which becomes gradtape's; dictionaries by the names of backends; and
tuples of those that differentiate."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import inspect
import sys
import types
from collections.abc import Sequence
from typing import Any

import pytest

import gradtape.keras as door
from gradtape.keras.gates import NAME
from tests.keras.exclusions import Exclusions

LISTING = (
    "keras.src.trainers.trainer_test",
    "keras.src.trainers.data_adapters.py_dataset_adapter_test",
    "keras.src.layers.core.dense_test",
    "keras.src.layers.core.einsum_dense_test",
    "keras.src.ops.core_test",
    "keras.src.ops.numpy_test",
    "keras.src.quantizers.quantizers_test",
)
TENSORFLOW = "backend.backend() == 'tensorflow'"
MARKS = ("requires_trainable_backend", "multi_device")

if importlib.util.find_spec("torch"):
    importlib.import_module("torch")  # behind TensorFlow it does not load
keras: Any = door._loaded()


class Listing(ast.NodeTransformer):
    """Adds our branch where a test lists the backends."""

    def visit_If(self, node: ast.If) -> Any:
        """A chain that imports the Trainer of the backend, or differentiates with its means."""
        imports = [i for i in node.body if isinstance(i, ast.ImportFrom)]
        if any([a.asname == "Trainer" for i in imports for a in i.names]):
            return ast.parse("from keras_gradtape.src.trainer import Trainer").body
        body = "\n".join(map(ast.unparse, node.body))
        if ast.unparse(node.test) != TENSORFLOW or "tf.GradientTape" not in body:
            return self.generic_visit(node)
        ours = ast.parse(body.replace("import tensorflow as tf", "import gradtape as tf")).body
        test = ast.parse(TENSORFLOW.replace("tensorflow", NAME), mode="eval").body
        return ast.If(test, ours, [node])

    def visit_Dict(self, node: ast.Dict) -> Any:
        """A dictionary by the names of backends."""
        keys = [k.value if isinstance(k, ast.Constant) else None for k in node.keys]
        if {"jax", "torch", "tensorflow"} <= set(keys):
            node.keys.append(ast.Constant(NAME))
            node.values.append(node.values[keys.index("jax")])
        return self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        """The names of the backends that differentiate."""
        names = [e.value if isinstance(e, ast.Constant) else None for e in node.elts]
        if {"jax", "torch", "tensorflow"} <= set(names):
            node.elts.append(ast.Constant(NAME))
        return node


class ListingLoader(importlib.machinery.SourceFileLoader):
    """Loads a test module that lists the names of backends."""

    def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
        tree = ast.fix_missing_locations(Listing().visit(ast.parse(data)))
        return super().source_to_code(tree, path, **options)

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.get_data(self.path), self.path)


class ListingFinder(importlib.machinery.PathFinder):
    """Finds those test modules."""

    @classmethod
    def find_spec(cls, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        if fullname not in LISTING:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = ListingLoader(fullname, spec.origin)
        return spec


def skip_if_backend(given_backend: str, reason: str) -> pytest.MarkDecorator:
    """What some tests import from `conftest`."""
    return pytest.mark.skipif(given_backend == NAME, reason=reason)


def bare_signatures() -> None:
    """Take off the annotations that our operations bear and Keras's do not: a test compares
    signatures, of which names, order and defaults are meant."""
    modules = [m for name, m in sys.modules.items() if name.startswith("keras_gradtape.src.ops")]
    for function in [f for m in modules for f in vars(m).values() if inspect.isfunction(f)]:
        if function.__module__.startswith("keras_gradtape."):
            function.__annotations__ = {}


def pytest_configure(config: pytest.Config) -> None:
    """Put everything in place."""
    bare_signatures()
    sys.meta_path.insert(0, ListingFinder)  # type: ignore[arg-type]
    conftest = types.ModuleType("conftest")
    conftest.skip_if_backend = skip_if_backend  # type: ignore[attr-defined]
    sys.modules.setdefault("conftest", conftest)
    for mark in MARKS:
        config.addinivalue_line("markers", f"{mark}: Keras's own")
    config.pluginmanager.register(Exclusions(config), "gradtape-exclusions")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Skip the tests for several devices."""
    for item in items:
        if "multi_device" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs several devices"))
