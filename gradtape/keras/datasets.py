"""Keras's tools for datasets take and make datasets of ours.

Some of Keras's modules name `tf.data.Dataset` whatever the backend is, and import TensorFlow when
they come to it. While they are imported, their `tf` is made gradtape. Those that need more of
TensorFlow than datasets (images and texts in directories, tables of words) are left alone: they go
on asking for TensorFlow."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from typing import Any

TF = b"from keras.src.utils.module_utils import tensorflow as tf", b"import gradtape as tf"
# how Keras knows a dataset without importing TensorFlow
KNOWN = b'"tensorflow.data",', b'"tensorflow.data", "gradtape.data",'
TOOLS = (
    "keras.src.layers.preprocessing.discretization",
    "keras.src.layers.preprocessing.normalization",
    "keras.src.utils.dataset_utils",
    "keras.src.utils.timeseries_dataset_utils",
)


class OnDatasets(SourceFileLoader):
    """Loads one of Keras's modules with gradtape as its `tf`."""

    def get_code(self, fullname: str) -> Any:
        """The code of the module, from its source; what is cached on disk asks for TensorFlow."""
        data: Any = self.get_data(self.path)
        return self.source_to_code(data.replace(*TF).replace(*KNOWN), self.path)
