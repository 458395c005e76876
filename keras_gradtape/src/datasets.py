"""Datasets of `tf.data` in `fit`, `evaluate` and `predict`: Keras's adapter for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keras.src import tree
from keras.src.trainers.data_adapters import data_adapter_utils, raise_unsupported_arg
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

import gradtape as tf

KIND = "tf.data.Dataset"


class DatasetAdapter(DataAdapter):
    """Gives a dataset's elements, tensors, as the batches of an epoch."""

    def __init__(self, dataset: Any, class_weight: Any = None) -> None:
        self._dataset = dataset
        self._class_weight = class_weight

    def get_numpy_iterator(self) -> Iterator[Any]:
        """A new iterator over the batches."""
        if self._class_weight is None:
            return iter(self._dataset)
        return map(self._weighted, self._dataset)

    def _weighted(self, batch: Any) -> Any:
        """A batch with the weight of each example, which its class gives."""
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(batch)
        if sample_weight is not None:
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        if tree.is_nested(y):
            raise ValueError("`class_weight` is only supported for Models with a single output.")
        return x, y, data_adapter_utils.class_weight_to_sample_weights(y, self._class_weight)

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None where it is not known or there is no end."""
        count = int(self._dataset.cardinality())
        return None if count < 0 else count

    @property
    def batch_size(self) -> int | None:
        """The size of a batch, None where it is not fixed."""
        return tree.flatten(self._dataset.element_spec)[0].shape[0]

    @property
    def has_partial_batch(self) -> bool | None:
        """Whether the last batch is smaller: not known."""
        return None

    @property
    def partial_batch_size(self) -> int | None:
        """The size of the last batch: not known."""
        return None


def adapted(x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Any:
    """The adapter of a dataset, with Keras's errors for what a dataset brings itself; anything else
    as it is."""
    if not isinstance(x, tf.data.Dataset):
        return x
    if y is not None:
        raise_unsupported_arg("y", "the targets", KIND)
    if sample_weight is not None:
        raise_unsupported_arg("sample_weights", "the sample weights", KIND)
    return DatasetAdapter(x, class_weight)
