"""`fit`, `evaluate`, `predict` and their steps: Keras's loops around compiled functions of ours."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from keras.src import callbacks as callbacks_module
from keras.src import optimizers as optimizers_module
from keras.src import tree
from keras.src.backend import config
from keras.src.trainers import trainer as base_trainer
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from keras.src.trainers.epoch_iterator import EpochIterator
from keras.src.utils import traceback_utils
from keras.src.utils.python_utils import is_default, pythonify_logs

import gradtape as tf
from keras_gradtape.src.datasets import adapted
from keras_gradtape.src.ops.core import convert_to_numpy, convert_to_tensor


class Batches(EpochIterator):
    """The batches of an epoch, as NumPy arrays; those of a `tf.data.Dataset` as tensors."""

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, **options: Any) -> None:
        x = adapted(x, y, sample_weight, options.get("class_weight"))
        super().__init__(x, y, sample_weight, **options)

    def _get_iterator(self) -> Any:
        return self.data_adapter.get_numpy_iterator()

    def _interrupted_warning(self) -> None:
        known = self.data_adapter.num_batches
        if self.steps_per_epoch or known is None or self._steps_seen < known:
            super()._interrupted_warning()  # else the last execution has fewer steps, that is all


OF_BATCHES = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")

# Keras 3.16 calls it BaseTrainer
Base: Any = getattr(base_trainer, "BaseTrainer", None) or base_trainer.Trainer


class Trainer(Base):
    """The training loops of a model."""

    optimizer: Any
    _eval_epoch_iterator: Any

    def __init__(self) -> None:
        super().__init__()
        self.train_function: Any = None
        self.test_function: Any = None
        self.predict_function: Any = None

    # steps

    def train_step(self, data: Any) -> Any:
        """Predict, differentiate the loss, update the weights; returns the metrics."""
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        weights = self.trainable_weights
        with tf.GradientTape() as tape:
            y_pred = self._predicted(x, True)
            loss = self._compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            scaled = self.optimizer.scale_loss(loss) if self.optimizer else loss
        self._loss_tracker.update_state(loss, sample_weight=_count(x))
        if weights:
            self.optimizer.apply(tape.gradient(scaled, [v._value for v in weights]), weights)
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> Any:
        """Predict and compare; returns the metrics."""
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        y_pred = self._predicted(x, False)
        loss = self._compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False
        )
        self._loss_tracker.update_state(loss, sample_weight=_count(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Predict."""
        x, _, _ = data_adapter_utils.unpack_x_y_sample_weight(data)
        return self._predicted(x, False)

    def _predicted(self, x: Any, training: bool) -> Any:
        return self(x, training=training) if self._call_has_training_arg else self(x)

    # functions of several steps

    def make_train_function(self, force: bool = False) -> Any:
        """The function that trains on a list of batches."""
        if self.train_function is None or force:
            self.train_function = self._compiled(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """The function that tests on a list of batches."""
        if self.test_function is None or force:
            self.test_function = self._compiled(self.test_step)
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """The function that predicts for a list of batches."""
        if self.predict_function is None or force:
            step = self._compiled(self.predict_step)
            self.predict_function = lambda batches: _joined([step([b]) for b in batches])
        return self.predict_function

    def _compiled(self, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Runs a step for each of some batches; returns what the last one returned."""
        run = step
        if not self.run_eagerly:
            jit = True if self.jit_compile is True else None
            run = tf.function(step, autograph=False, jit_compile=jit)

        def steps(batches: Any) -> Any:
            found = None
            for data in batches:
                found = run(_tensors(data))
            return found

        return steps

    # loops

    @traceback_utils.filter_traceback
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train the model; arguments and result are Keras's."""
        self._assert_compile_called("fit")
        most = config.max_epochs()
        if most and most < epochs:
            warnings.warn(f"Limiting epochs to {most}", stacklevel=2)
            epochs = most
        self._eval_epoch_iterator = None
        if validation_split and validation_data is None:
            parts: Any = array_slicing.train_validation_split(
                (x, y, sample_weight), validation_split=validation_split
            )
            (x, y, sample_weight), validation_data = parts
        validation = None
        if validation_data is not None:
            validation = data_adapter_utils.unpack_x_y_sample_weight(validation_data)
        batches = Batches(
            x=x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            steps_per_execution=self.steps_per_execution,
        )
        self._built_from(batches, "train_step")
        batches.reset()
        callbacks = self._callbacks(callbacks, batches, verbose, epochs, history=True)
        self.stop_training = False
        logs: Any = {}
        self.make_train_function()
        callbacks.on_train_begin()
        for epoch in range(self._initial_epoch or initial_epoch, epochs):
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            logs = self._trained(batches, callbacks)
            if validation is not None and self._should_eval(epoch, validation_freq):
                logs.update(
                    self._validated(
                        validation,
                        validation_batch_size or batch_size,
                        validation_steps,
                        callbacks,
                    )
                )
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if isinstance(self.optimizer, optimizers_module.Optimizer) and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        self._eval_epoch_iterator = None
        callbacks.on_train_end(logs=logs)
        return self.history

    def _built_from(self, batches: Batches, step: str) -> None:
        """Build the model and its metrics for batches like these; a step of the user's own may do
        without `call`, and then builds what it needs when it is first run."""
        try:
            self._symbolic_build(iterator=batches)
        except RuntimeError:
            if getattr(type(self), step) is getattr(Trainer, step):
                raise

    def _trained(self, batches: Any, callbacks: Any) -> dict[str, Any]:
        """Train for one epoch."""
        logs: Any = {}
        heard = _heard(callbacks)
        for begin, end, data in batches:
            if heard:
                callbacks.on_train_batch_begin(begin)
            logs = self.train_function(data)
            if heard:
                callbacks.on_train_batch_end(end, logs)
            if self.stop_training:
                break
        return dict(pythonify_logs(self._get_metrics_result_or_logs(logs)))

    def _validated(
        self, validation: Any, batch_size: Any, steps: Any, callbacks: Any
    ) -> dict[str, Any]:
        """Test on the validation data, whose batches are made once."""
        x, y, sample_weight = validation
        if self._eval_epoch_iterator is None:
            self._eval_epoch_iterator = self._in_order(x, y, sample_weight, batch_size, steps)
        logs = self.evaluate(
            x=x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=steps,
            callbacks=callbacks,
            return_dict=True,
            _use_cached_eval_dataset=True,
        )
        return {f"val_{name}": value for name, value in logs.items()}

    def _in_order(self, x: Any, y: Any, sample_weight: Any, batch_size: Any, steps: Any) -> Batches:
        return Batches(
            x=x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps,
            shuffle=False,
            steps_per_execution=self.steps_per_execution,
        )

    def _callbacks(
        self, callbacks: Any, batches: Batches, verbose: Any, epochs: int, history: bool = False
    ) -> Any:
        """The list of callbacks, which may have been made already."""
        if isinstance(callbacks, callbacks_module.CallbackList):
            return callbacks
        return callbacks_module.CallbackList(
            callbacks,
            add_history=history,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=batches.num_batches,
            model=self,
        )

    @traceback_utils.filter_traceback
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Test the model; arguments and result are Keras's."""
        self._assert_compile_called("evaluate")
        cached = kwargs.pop("_use_cached_eval_dataset", False)
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        batches = self._eval_epoch_iterator if cached else None
        if batches is None:
            batches = self._in_order(x, y, sample_weight, batch_size, steps)
        self._built_from(batches, "test_step")
        batches.reset()
        callbacks = self._callbacks(callbacks, batches, verbose, 1)
        self.make_test_function()
        self.stop_evaluating = False
        callbacks.on_test_begin()
        self.reset_metrics()
        logs: Any = {}
        for begin, end, data in batches:
            callbacks.on_test_batch_begin(begin)
            logs = self.test_function(data)
            callbacks.on_test_batch_end(end, logs)
            if self.stop_evaluating:
                break
        logs = pythonify_logs(self._get_metrics_result_or_logs(logs))
        callbacks.on_test_end(logs)
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    @traceback_utils.filter_traceback
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs as NumPy arrays; arguments are Keras's."""
        batches = self._in_order(x, None, None, batch_size, steps)
        callbacks = self._callbacks(callbacks, batches, verbose, 1)
        self.make_predict_function()
        self.stop_predicting = False
        callbacks.on_predict_begin()
        found = []
        for begin, end, data in batches:
            callbacks.on_predict_batch_begin(begin)
            outputs = self.predict_function(data)
            found.append(tree.map_structure(convert_to_numpy, outputs))
            callbacks.on_predict_batch_end(end, {"outputs": outputs})
            if self.stop_predicting:
                break
        callbacks.on_predict_end()
        return tree.map_structure(lambda *parts: np.concatenate(parts), *found)

    # single batches

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Train on one batch; arguments and result are Keras's."""
        self._assert_compile_called("train_on_batch")
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(
                    "Arguments `sample_weight` and `class_weight` cannot be specified at the same"
                    f" time. Received: sample_weight={sample_weight}, class_weight={class_weight}"
                )
            sample_weight = data_adapter_utils.class_weight_to_sample_weights(y, class_weight)
        data = (x, y, sample_weight)
        self._symbolic_build(data_batch=data)
        return self._on_batch(self.make_train_function(), data, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Test on one batch; arguments and result are Keras's."""
        self._assert_compile_called("test_on_batch")
        data = (x, y, sample_weight)
        self._symbolic_build(data_batch=data)
        return self._on_batch(self.make_test_function(), data, return_dict)

    def _on_batch(self, function: Any, data: Any, return_dict: bool) -> Any:
        self.reset_metrics()
        logs = pythonify_logs(function([data]))
        return logs if return_dict else self._flatten_metrics_in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch as NumPy arrays."""
        outputs = self.make_predict_function()([(x,)])
        return tree.map_structure(convert_to_numpy, outputs)


def _heard(callbacks: Any) -> bool:
    """Whether a callback does something at the batches of training. Otherwise nobody is told of
    them: Keras waits for the metrics of each batch then, in a thread of its own."""
    if type(callbacks) is not callbacks_module.CallbackList:
        return True
    return not all(
        [is_default(getattr(each, name)) for each in callbacks.callbacks for name in OF_BATCHES]
    )


def _tensors(data: Any) -> Any:
    """The arrays of a batch as tensors. The kinds of structures that batches mostly have are gone
    through here, in a tenth of the time that `tree.map_structure` takes."""
    kind = type(data)
    if kind is tuple or kind is list:
        return kind([_tensors(part) for part in data])
    if kind is dict:
        return {name: _tensors(part) for name, part in data.items()}
    if data is None or isinstance(data, (tf.Tensor, str)):
        return data
    if kind is np.ndarray or not tree.is_nested(data):
        return convert_to_tensor(data)
    return tree.map_structure(_tensors, data)


def _joined(outputs: list[Any]) -> Any:
    """The outputs of several batches as those of one."""
    if len(outputs) == 1:
        return outputs[0]
    return tree.map_structure(lambda *parts: tf.concat(parts, 0), *outputs)


def _count(x: Any) -> int:
    """How many examples there are in a batch."""
    return next(i for i in tree.flatten(x) if i is not None).shape[0]
