"""`tf.train`: checkpoints, loaded when they are asked for; what else TensorFlow has there raises an
error that says what to use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradtape.train.checkpoint import Checkpoint as Checkpoint
    from gradtape.train.checkpoint_manager import CheckpointManager as CheckpointManager
    from gradtape.train.checkpoint_reading import list_variables as list_variables
    from gradtape.train.checkpoint_reading import load_checkpoint as load_checkpoint
    from gradtape.train.checkpoint_reading import load_variable as load_variable
    from gradtape.train.checkpoint_state import latest_checkpoint as latest_checkpoint

import_module("gradtape.train")  # the room, once: later it would take the name of this topic
_PLACES = {
    "Checkpoint": "checkpoint",
    "CheckpointManager": "checkpoint_manager",
    "latest_checkpoint": "checkpoint_state",
    "list_variables": "checkpoint_reading",
    "load_checkpoint": "checkpoint_reading",
    "load_variable": "checkpoint_reading",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(
            f"gradtape.train.{name} is not there: gradtape.train holds checkpoints"
            f" ({', '.join(_PLACES)}). Optimizers are in gradtape.optimizers and in"
            " tf.compat.v1.train."
        )
    value = getattr(import_module(f"gradtape.train.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_PLACES)
