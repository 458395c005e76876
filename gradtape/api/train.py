"""`tf.train`: checkpoints; every other name of TensorFlow's raises an error that says what to use."""

from typing import Any

from gradtape.train.checkpoint import Checkpoint as Checkpoint
from gradtape.train.checkpoint_manager import CheckpointManager as CheckpointManager
from gradtape.train.checkpoint_reading import list_variables as list_variables
from gradtape.train.checkpoint_reading import load_checkpoint as load_checkpoint
from gradtape.train.checkpoint_reading import load_variable as load_variable
from gradtape.train.checkpoint_state import latest_checkpoint as latest_checkpoint


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradtape.train.{name} is not there: gradtape.train holds checkpoints (Checkpoint,"
        " CheckpointManager, latest_checkpoint, list_variables, load_variable, load_checkpoint)."
        " Optimizers are in gradtape.optimizers and in tf.compat.v1.train."
    )
