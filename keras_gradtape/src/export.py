"""Export to TensorFlow's SavedModel, which needs TensorFlow: it is refused."""

from typing import Any


class SavedModelExportArchive:
    """The part of Keras's ExportArchive that a backend supplies."""

    def track(self, resource: Any) -> None:
        """Refuse."""
        raise NotImplementedError(
            "keras_gradtape: a SavedModel is TensorFlow's format. Write model.save('model.keras'),"
            " and load it under KERAS_BACKEND=tensorflow to export it."
        )

    add_endpoint = track
