"""`tf.train`: every name raises an error that says what to use until checkpoints are there."""

from typing import Any


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradtape.train.{name} is not there yet: checkpoints come later. Until then pickle a "
        "variable, or save v.numpy() with NumPy. Optimizers are in gradtape.optimizers and in "
        "tf.compat.v1.train."
    )
