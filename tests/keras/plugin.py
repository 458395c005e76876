"""The pytest plugin under which Keras's own tests run on gradtape.

It installs the backend before a test is imported, supplies what Keras's `conftest.py` does, which
is in no wheel, and leaves out what `exclusions.txt` names. Two kinds of lines in the tests list the
backends that Keras knows and have no place for another one; they are read with ours beside "jax":
`if backend.backend() == ...: from ... import Trainer` and dictionaries by the names of backends."""

from __future__ import annotations

import ast
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import gradtape.keras as door
from gradtape.keras.gates import NAME

HERE = Path(__file__).parent
LISTING = (
    "keras.src.trainers.trainer_test",
    "keras.src.trainers.data_adapters.py_dataset_adapter_test",
)
MARKS = ("requires_trainable_backend", "multi_device")

keras: Any = door._loaded()


class Listing(ast.NodeTransformer):
    """Adds our name where a test lists the names of backends."""

    def visit_If(self, node: ast.If) -> Any:
        """A chain that imports the Trainer of the backend."""
        imports = [i for i in node.body if isinstance(i, ast.ImportFrom)]
        if not any([a.asname == "Trainer" for i in imports for a in i.names]):
            return self.generic_visit(node)
        return ast.parse("from keras_gradtape.src.trainer import Trainer").body

    def visit_Dict(self, node: ast.Dict) -> Any:
        """A dictionary by the names of backends."""
        keys = [k.value if isinstance(k, ast.Constant) else None for k in node.keys]
        if {"jax", "torch", "tensorflow"} <= set(keys):
            node.keys.append(ast.Constant(NAME))
            node.values.append(node.values[keys.index("jax")])
        return self.generic_visit(node)


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


def exclusions() -> dict[str, str]:
    """What is left out, by the beginnings of node ids, with the reasons."""
    lines = [line.strip() for line in (HERE / "exclusions.txt").read_text().splitlines()]
    pairs = [line.split("  # ", 1) for line in lines if line and not line.startswith("#")]
    return {node.strip(): reason for node, reason in pairs}


class Exclusions:
    """Leaves out what is excluded and says which entries no test bears any more."""

    def __init__(self) -> None:
        self.excluded = exclusions()
        self.seen: set[str] = set()
        self.files: set[str] = set()

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        name = _relative(collection_path, config)
        if name in self.excluded:
            self.seen.add(name)
            return True
        return None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        kept, left = [], []
        for item in items:
            name = _relative(item.path, config)
            self.files.add(name)
            node = "::".join([name, *item.nodeid.split("::")[1:]])
            found = [e for e in self.excluded if node == e or node.startswith((f"{e}::", f"{e}["))]
            self.seen.update(found)
            (left if found else kept).append(item)
            if "multi_device" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="needs several devices"))
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        stale = [e for e in self.excluded if e not in self.seen and e.split("::")[0] in self.files]
        for entry in stale:
            terminalreporter.write_line(f"exclusions.txt: no test is named {entry}")


def _relative(path: Path, config: pytest.Config) -> str:
    root = Path(config.rootpath)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def pytest_configure(config: pytest.Config) -> None:
    """Put everything in place."""
    sys.meta_path.insert(0, ListingFinder)  # type: ignore[arg-type]
    conftest = types.ModuleType("conftest")
    conftest.skip_if_backend = skip_if_backend  # type: ignore[attr-defined]
    sys.modules.setdefault("conftest", conftest)
    for mark in MARKS:
        config.addinivalue_line("markers", f"{mark}: Keras's own")
    config.pluginmanager.register(Exclusions(), "gradtape-exclusions")
