"""Export to TensorFlow's SavedModel, which needs one of Keras's backends that TensorFlow reads."""

from __future__ import annotations


class SavedModelExportArchive:
    """The part of Keras's ExportArchive that a backend supplies: it refuses."""

    def __init__(self) -> None:
        raise NotImplementedError(
            "`export_saved_model` only currently supports the tensorflow, jax and torch backends."
            " gradtape is none of them: write model.save('model.keras') and export it in a process"
            " with KERAS_BACKEND=tensorflow."
        )
