"""Pipelines of data: what a `tf.data.Dataset` is made of, its plans and their streams."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    # the room has the name of the public topic: whoever loads a file of it first (unpickling does)
    # hides the topic behind it
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(import_module("gradtape.api.data"), name)
