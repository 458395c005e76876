"""How the real Keras 3 comes to accept a backend that it does not know.

Keras up to 3.15 asks in six modules which backend it runs on, and refuses a name that it does not
know. While it is imported, beside their branch for a known name a branch for "gradtape" is put.
From 3.16 on a backend outside of Keras needs its name in one set. Nothing is written to disk, line
numbers stay what they are; a gate that is not where it should be makes the import fail."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder, SourceFileLoader
from typing import Any

from gradtape.keras.datasets import TOOLS, OnDatasets
from gradtape.keras.files import WRITERS, SafeWriting

NAME = "gradtape"
NAMES = "keras.src.backend.config"
SET = b"PLUGGABLE_BACKENDS = frozenset(["
SINCE_3_16 = b"get_pluggable_backend_module"  # what a module without a gate of its own calls
OPTIMIZER = "keras.src.optimizers.optimizer"
# what our branch says at each gate
GATES = {
    "keras.src.backend": (
        "from keras_gradtape.flat import *\n"
        "from keras_gradtape.src.ops.core import Variable as BackendVariable\n"
        "distribution_lib = None"
    ),
    "keras.src.layers.layer": "from keras_gradtape.src.layer import BackendLayer",
    "keras.src.models.model": "from keras_gradtape.src.trainer import Trainer",
    "keras.src.export.saved_model": (
        "from keras_gradtape.src.export import SavedModelExportArchive as BackendExportArchive\n"
        "BackendSavedModelExportArchive = BackendExportArchive"
    ),
    "keras.src.utils.backend_utils": "return getattr(backend_module, name)",
    OPTIMIZER: "from keras_gradtape.src.optimizer import BackendOptimizer",
}


class Opening(ast.NodeTransformer):
    """Puts a branch for our name before the one for a known name, and ours into lists of names."""

    def __init__(self, module: str) -> None:
        self.known = "jax" if module == OPTIMIZER else "numpy"  # optimizers know no "numpy"
        self.statements = ast.parse(GATES[module]).body
        self.opened = False

    def visit_If(self, node: ast.If) -> Any:
        """A branch for a backend."""
        asked, _, name = ast.unparse(node.test).rpartition(" == ")
        if name != repr(self.known) or "backend" not in asked:
            return self.generic_visit(node)
        self.opened = True
        ours = ast.parse(f"{asked} == {NAME!r}", mode="eval").body
        return ast.If(ours, self.statements, [node])

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        """The names of backends, in a list that shows them or asks about them."""
        if len(node.elts) > 2 and repr(self.known) in map(ast.unparse, node.elts):
            node.elts.append(ast.Constant(NAME))
        return node


class Gatekeeper(SourceFileLoader):
    """Loads one of Keras's modules with its gate open; what is cached on disk has it closed."""

    def get_code(self, fullname: str) -> Any:
        """The code of the module, from its source."""
        data: Any = self.get_data(self.path)
        if fullname == NAMES:
            data = data.replace(SET, SET + f'"{NAME}", '.encode())
        elif SINCE_3_16 not in data:
            opening = Opening(fullname)
            data = ast.fix_missing_locations(opening.visit(ast.parse(data)))
            if not opening.opened:
                raise ImportError(
                    f"gradtape.keras: {fullname} does not ask for its backend as Keras 3.12 to 3.16"
                    " do. Install one of these: pip install 'keras>=3.12,<3.17'."
                )
        return self.source_to_code(data, self.path)


LOADERS: dict[str, type[SourceFileLoader]] = {
    **dict.fromkeys((*GATES, NAMES), Gatekeeper),
    **dict.fromkeys(WRITERS, SafeWriting),
    **dict.fromkeys(TOOLS, OnDatasets),
}


class Gates(PathFinder):
    """Finds the modules of Keras that have gates, write files, or make datasets."""

    @classmethod
    def find_spec(cls, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """The module's spec with our loader, None for all other modules."""
        loader = LOADERS.get(fullname) if os.environ.get("KERAS_BACKEND") == NAME else None
        spec = super().find_spec(fullname, path) if loader else None
        if loader and spec is not None and spec.origin is not None:
            spec.loader = loader(fullname, spec.origin)
        return spec


def open_gates() -> None:
    """Let Keras, when it is imported, accept our name and be on our backend."""
    os.environ["KERAS_BACKEND"] = NAME
    if Gates not in sys.meta_path:
        sys.meta_path.insert(0, Gates)  # type: ignore[arg-type]
