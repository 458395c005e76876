"""The door to the real Keras 3, running on gradtape: `from gradtape import keras`.

Keras is imported only when one of its names is asked for. It must not have been imported before on
another backend: Keras chooses its backend once."""

from __future__ import annotations

import importlib
import os
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
            " one backend. Import gradtape.keras before keras, or set KERAS_BACKEND=gradtape and"
            " import gradtape.keras first."
        )
    os.environ["KERAS_BACKEND"] = NAME
    open_gates()
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


add_aliases(_loaded)
