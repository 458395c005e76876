"""How the real Keras comes to accept a backend that it does not know: its gates, opened on import.

Keras asks in a few places which backend it runs on and refuses a name that it does not know. While
it is imported, those modules are read, and beside each branch for "numpy" stands one for
"gradtape"; from 3.16 on one set of names is enough. Nothing is written to disk, line numbers stay
what they are, and a gate that is not where it is expected makes the import fail with words."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

NAME = "gradtape"
KNOWN = "numpy"
GATES = {
    "keras.src.backend": (
        "from keras_gradtape.flat import *\n"
        "from keras_gradtape.src.ops.core import Variable as BackendVariable\n"
        "distribution_lib = None"
    ),
    "keras.src.layers.layer": "from keras_gradtape.src.layer import BackendLayer",
    "keras.src.models.model": "from keras_gradtape.src.trainer import Trainer",
    "keras.src.export.saved_model": (
        "from keras_gradtape.src.export import SavedModelExportArchive as"
        " BackendSavedModelExportArchive"
    ),
    "keras.src.utils.backend_utils": "return getattr(backend_module, name)",
}
OPTIMIZER = "keras.src.optimizers.optimizer"  # knows no "numpy": our branch comes before "jax"
BACKEND_OPTIMIZER = "from keras_gradtape.src.optimizer import BackendOptimizer"
NAMES = "keras.src.backend.config"  # from 3.16 on


class Opening(ast.NodeTransformer):
    """Puts a branch for our name before each branch for a known one.

    Args:
        known: the backend before whose branches ours is put.
        statements: what ours does.
    """

    def __init__(self, known: str, statements: str) -> None:
        self.known = known
        self.body = ast.parse(f"def f():\n {statements.replace(chr(10), chr(10) + ' ')}").body[0].body  # type: ignore[attr-defined]
        self.opened = 0

    def visit_If(self, node: ast.If) -> Any:
        """A branch for a backend."""
        self.generic_visit(node)
        test = node.test
        if not (isinstance(test, ast.Compare) and self._is_known(test.comparators[0])):
            return node
        self.opened += 1
        ours = ast.Compare(test.left, test.ops, [ast.Constant(NAME)])
        return ast.If(ours, self.body, [node])

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        """A list of the names of backends."""
        if any([self._is_known(e) for e in node.elts]) and len(node.elts) > 2:
            node.elts.append(ast.Constant(NAME))
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        """The set of the names of backends outside of Keras."""
        if ast.unparse(node.targets[0]) == "PLUGGABLE_BACKENDS":
            self.opened += 1
            node.value = ast.parse(f"{ast.unparse(node.value)} | {{{NAME!r}}}", mode="eval").body
        return self.generic_visit(node)

    def _is_known(self, value: Any) -> bool:
        return isinstance(value, ast.Constant) and value.value == self.known


class Gatekeeper(importlib.machinery.SourceFileLoader):
    """Loads one of Keras's modules with its gate open."""

    def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
        """Compile the module with a branch for us."""
        name, tree = self.name, ast.parse(data)
        known = "jax" if name == OPTIMIZER else KNOWN
        opening = Opening(known, GATES.get(name, BACKEND_OPTIMIZER))
        opened = ast.fix_missing_locations(opening.visit(tree))
        if not opening.opened and name != NAMES:
            raise ImportError(
                f"gradtape.keras: {name} does not ask for its backend in the way that Keras 3.12 to"
                " 3.16 does. Install one of these, as in pip install 'keras>=3.12,<3.17'."
            )
        return super().source_to_code(opened, path, **options)  # type: ignore[arg-type]

    def get_code(self, fullname: str) -> Any:
        """The code, always from the source: what is cached on disk has its gate closed."""
        return self.source_to_code(self.get_data(self.path), self.path)


class Gates(importlib.machinery.PathFinder):
    """Finds the modules of Keras that have gates."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """The module's spec with our loader, None for all other modules."""
        if fullname not in (*GATES, OPTIMIZER, NAMES):
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Gatekeeper(fullname, spec.origin)
        return spec


def open_gates() -> None:
    """Let Keras accept our name when it is imported."""
    if Gates not in sys.meta_path:
        sys.meta_path.insert(0, Gates)  # type: ignore[arg-type]
