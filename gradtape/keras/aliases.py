"""`import gradtape.keras.layers` gives Keras's own module `keras.layers`."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

HERE = "gradtape.keras."
OWN = tuple([HERE + name for name in ("aliases", "datasets", "files", "gates")])


class Aliases(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules below `gradtape.keras` among Keras's.

    Args:
        load: imports Keras.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self.load = load
        self._specs: dict[str, Any] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """A spec that leads to Keras's module, None when it has none of the name."""
        if not fullname.startswith(HERE) or fullname in OWN:
            return None
        self.load()
        if importlib.util.find_spec(f"keras.{fullname.removeprefix(HERE)}") is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        """Keras's module."""
        name = f"keras.{spec.name.removeprefix(HERE)}"
        module = importlib.import_module(name)
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module has run; it keeps its own spec."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs[module.__spec__.name]


def add_aliases(load: Callable[[], Any]) -> None:
    """Let the modules of Keras be imported under our name."""
    sys.meta_path.append(Aliases(load))
