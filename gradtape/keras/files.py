"""Keras's files are written as a whole or not at all: a killed `model.save` leaves the old one.

Keras opens the file at its path and writes into it. While it is imported, its functions that write
one file are wrapped: they write a sibling, which takes the file's place when it is complete and on
the disk. What is in the file is Keras's business. Places that are no local files, and directories
and sharded weights, which are several, are left to Keras."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from gradtape.train.checkpoint_files import made_directory, written_safely

LEGACY = "save_model_to_hdf5"  # alone in making the directory
WRITERS = {
    "keras.src.saving.saving_lib": ("save_model", "save_weights_only"),
    "keras.src.legacy.saving.legacy_h5_format": (LEGACY,),
}
SUFFIXES = (".keras", ".h5", ".hdf5")


class SafeWriting(SourceFileLoader):
    """Loads one of Keras's modules and wraps its functions that write a file."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then wrap."""
        super().exec_module(module)
        for name in WRITERS[module.__name__]:
            setattr(module, name, safe(_writer(module, name)))


def _writer(module: ModuleType, name: str) -> Callable[..., Any]:
    """The function of Keras, which must be as Keras 3.12 to 3.16 has it."""
    found = getattr(module, name, None)
    if found is None or list(inspect.signature(found).parameters)[:2] != ["model", "filepath"]:
        raise ImportError(
            f"gradtape.keras: {module.__name__} has no {name}(model, filepath, ...) as Keras 3.12"
            " to 3.16 has. Install one of these: pip install 'keras>=3.12,<3.17'."
        )
    return found


def safe(write: Callable[..., Any]) -> Callable[..., Any]:
    """The function of Keras that writes a file, such that the file is whole or the old one."""
    signature = inspect.signature(write)

    @functools.wraps(write)
    def writes(*args: Any, **kwargs: Any) -> Any:
        call = signature.bind(*args, **kwargs)
        path = call.arguments["filepath"]
        if not _is_one_file(path, call.arguments):
            return write(*args, **kwargs)
        if write.__name__ == LEGACY:
            made_directory(os.path.dirname(path))
        with written_safely(path) as sibling:
            call.arguments["filepath"] = sibling
            return write(*call.args, **call.kwargs)

    return writes


def _is_one_file(path: Any, arguments: dict[str, Any]) -> bool:
    """Whether a call writes one local file and nothing else."""
    if not isinstance(path, str | os.PathLike) or "://" in str(path):
        return False
    several = not arguments.get("zipped", True) or arguments.get("max_shard_size") is not None
    special = os.path.exists(path) and not os.path.isfile(path)
    return str(path).endswith(SUFFIXES) and not several and not special
