"""`tf.compat.v1`: re-exports only; other names raise an error that says what to use."""

from typing import Any

from gradtape.api import nn_v1 as nn
from gradtape.api import train_v1 as train
from gradtape.ops.clipping import clip_by_average_norm as clip_by_average_norm

__all__ = ["clip_by_average_norm", "nn", "train"]


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradtape.compat.v1 has no {name!r}: so far it holds `train`, the optimizers "
        "of TensorFlow 1. Graphs, with Session and placeholder, will follow. For what runs eagerly "
        "use the names of gradtape itself: import gradtape as tf."
    )
