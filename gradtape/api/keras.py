"""`tf.keras`: every name raises an error that says what to use until Keras runs on gradtape."""

from typing import Any


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"gradtape.keras.{name} is not there yet: Keras itself will run on gradtape. Until then "
        "use gradtape.optimizers (optimizers and schedules) and layers of your own, made of "
        "tf.Variable."
    )
