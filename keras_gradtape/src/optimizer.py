"""The part of Keras's optimizers that a backend supplies."""

from keras.src.optimizers import base_optimizer


class BackendOptimizer(base_optimizer.BaseOptimizer):
    """Keras's optimizers, whose step is recorded and compiled with the training step."""
