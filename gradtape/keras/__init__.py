"""The door to the real Keras 3, running on gradtape: `from gradtape import keras`.

Keras is imported only when one of its names is asked for; `import keras` after `import
gradtape.keras` is the same Keras. It must not have been imported before on another backend: Keras
chooses its backend once."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from gradtape.keras.aliases import add_aliases
from gradtape.keras.gates import NAME, open_gates


def _loaded() -> Any:
    """Keras, imported on gradtape."""
    before = sys.modules.get("keras")
    if before is not None and hasattr(before, "backend"):
        name = before.backend.backend()
        if name == NAME:
            return before
        raise ImportError(
            f"gradtape.keras: Keras was imported before, on its backend {name!r}, and a process has"
            " one backend. Write import gradtape.keras before the first import keras, in a new"
            " process (a notebook: restart the kernel)."
        )
    open_gates()
    if before is None:
        for name in [n for n in sys.modules if n.startswith("keras.")]:
            del sys.modules[name]  # what a failed import on another backend left
    try:
        return importlib.import_module("keras")
    except ModuleNotFoundError as error:
        if error.name != "keras":
            raise
        raise ImportError(
            "gradtape.keras needs Keras 3, which is not installed. Write pip install"
            " 'gradtape[keras]'."
        ) from error


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__version__":
        raise AttributeError(name)
    return getattr(_loaded(), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_loaded())})


if "keras" not in sys.modules:
    open_gates()
add_aliases(_loaded)
