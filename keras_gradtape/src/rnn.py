"""Recurrent layers: a step function carried along the time axis, and LSTM and GRU with the products
of all inputs taken at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras.src import activations, tree

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor, scan
from keras_gradtape.src.ops.promoting import pair


def rnn(
    step_function: Callable[..., Any],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """Run a step for each time; arguments and results are Keras's.

    Returns:
        The last output, all outputs, and the last states.
    """
    inputs = tree.map_structure(convert_to_tensor, inputs)
    mask = _mask(mask)
    if not time_major:
        inputs = tree.map_structure(_swapped, inputs)
        mask = None if mask is None else _swapped(mask)
    if go_backwards:
        inputs = tree.map_structure(lambda x: tf.reverse(x, [0]), inputs)
        mask = None if mask is None else tf.reverse(mask, [0])
    states = tree.map_structure(convert_to_tensor, tuple(initial_states))
    step = _Step(step_function, tuple(constants or ()), zero_output_for_mask)
    count = int(tree.flatten(inputs)[0].shape[0])
    if unroll and not count:
        raise ValueError("Unrolling requires a fixed number of timesteps.")
    run = step.unrolled if unroll else step.scanned
    states, outputs = run(inputs, mask, states, count)
    last = tree.map_structure(lambda y: y[-1], outputs)
    if not time_major:
        outputs = tree.map_structure(_swapped, outputs)
    return last, outputs, states


class _Step:
    """A step under a mask: where it is False nothing moves."""

    def __init__(self, function: Any, constants: tuple[Any, ...], zero: bool) -> None:
        self.function = function
        self.constants = constants
        self.zero = zero

    def taken(self, x: Any, mask: Any, states: Any, before: Any) -> tuple[Any, Any]:
        """The states and the output after a step; `before` is the output that went before."""
        output, new = self.function(x, (*states, *self.constants))
        output = tree.map_structure(convert_to_tensor, output)
        new = tree.pack_sequence_as(states, [convert_to_tensor(s) for s in tree.flatten(new)])
        if mask is None:
            return new, output
        before = (
            tree.map_structure(tf.zeros_like, output) if before is None or self.zero else before
        )
        output = tree.map_structure(lambda y, b: _where(mask, y, b), output, before)
        return tree.map_structure(lambda n, s: _where(mask, n, s), new, states), output

    def unrolled(self, inputs: Any, mask: Any, states: Any, count: int) -> tuple[Any, Any]:
        """All steps, one after the other in the program."""
        outputs: list[Any] = []
        for i in range(count):
            x = tree.map_structure(lambda t, i=i: t[i], inputs)
            before = outputs[-1] if outputs else None
            states, output = self.taken(x, None if mask is None else mask[i], states, before)
            outputs.append(output)
        return states, tree.map_structure(lambda *ys: tf.stack(ys), *outputs)

    def scanned(self, inputs: Any, mask: Any, states: Any, count: int) -> tuple[Any, Any]:
        """All steps as one loop; under a mask the output before is carried along."""
        if not count:
            return self.unrolled(inputs, mask, states, count)
        if mask is None:
            return scan(lambda s, x: self.taken(x, None, s, None), states, inputs)

        def step(carried: Any, given: Any) -> Any:
            new, output = self.taken(*given, *carried)
            return (new, output), output

        start = states, self._before(inputs, mask, states)
        (states, _), outputs = scan(step, start, (inputs, mask))
        return states, outputs

    def _before(self, inputs: Any, mask: Any, states: Any) -> Any:
        """Zeros in the place of the output before the first."""
        x = tree.map_structure(lambda t: t[0], inputs)
        output, _ = self.function(x, (*states, *self.constants))
        return tree.map_structure(lambda y: tf.zeros_like(convert_to_tensor(y)), output)


def _where(mask: Any, new: Any, old: Any) -> Any:
    """The new value where a mask of shape (batch, 1) holds."""
    mask = tf.reshape(mask, (mask.shape[0], *[1] * (len(new._shape) - 1)))
    return tf.where(mask, new, old)


def _mask(mask: Any) -> Any:
    """A mask of truth values; the axes after time are all or nothing."""
    if mask is None:
        return None
    mask = tf.cast(convert_to_tensor(mask), tf.bool)
    rank = len(mask._shape)
    return tf.reduce_any(mask, axis=tuple(range(2, rank))) if rank > 2 else mask


def _swapped(x: Any) -> Any:
    """Batch and time exchanged."""
    return tf.transpose(x, (1, 0, *range(2, len(x._shape))))


def cudnn_ok(*args: Any, **kwargs: Any) -> bool:
    """Whether cuDNN takes a layer: never, XLA does."""
    return False


# LSTM and GRU


def lstm(
    inputs: Any,
    initial_state_h: Any,
    initial_state_c: Any,
    mask: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Any,
    recurrent_activation: Any,
    return_sequences: bool = False,
    go_backwards: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any, list[Any]]:
    """An LSTM whose products with the inputs are taken for all times at once."""
    _refuse_mask(mask)
    recurrent = convert_to_tensor(recurrent_kernel)
    act: Any = activations.get(activation)
    gate: Any = activations.get(recurrent_activation)

    def step(z: Any, states: Any) -> Any:
        h, c = states
        i, f, g, o = tf.split(z + tf.matmul(h, recurrent), 4, axis=-1)
        c = gate(f) * c + gate(i) * act(g)
        h = gate(o) * act(c)
        return h, (h, c)

    return _along(
        step,
        _projected(inputs, kernel, bias),
        (initial_state_h, initial_state_c),
        mask,
        go_backwards,
        unroll,
    )


def gru(
    inputs: Any,
    initial_state: Any,
    mask: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Any,
    recurrent_activation: Any,
    return_sequences: bool = False,
    go_backwards: bool = False,
    unroll: bool = False,
    reset_after: bool = True,
) -> tuple[Any, Any, list[Any]]:
    """A GRU whose products with the inputs are taken for all times at once."""
    _refuse_mask(mask)
    if not reset_after:
        raise NotImplementedError
    recurrent = convert_to_tensor(recurrent_kernel)
    act: Any = activations.get(activation)
    gate: Any = activations.get(recurrent_activation)
    biases = None if bias is None else tf.unstack(convert_to_tensor(bias))

    def step(x: Any, states: Any) -> Any:
        (h,) = states
        inner = tf.matmul(h, recurrent)
        inner = inner if biases is None else inner + biases[1]
        xz, xr, xh = tf.split(x, 3, axis=-1)
        hz, hr, hh = tf.split(inner, 3, axis=-1)
        z = gate(xz + hz)
        new = z * h + (1.0 - z) * act(xh + gate(xr + hr) * hh)
        return new, (new,)

    projected = _projected(inputs, kernel, None if biases is None else biases[0])
    return _along(step, projected, (initial_state,), mask, go_backwards, unroll)


def _refuse_mask(mask: Any) -> None:
    """Leave masked sequences to Keras's own loop: only it knows what to give for masked steps."""
    if mask is not None:
        raise NotImplementedError


def _projected(inputs: Any, kernel: Any, bias: Any) -> Any:
    found = tf.tensordot(*pair(inputs, kernel), 1)
    return found if bias is None else found + convert_to_tensor(bias)


def _along(
    step: Any, inputs: Any, states: Any, mask: Any, go_backwards: bool, unroll: bool
) -> tuple[Any, Any, list[Any]]:
    last, outputs, states = rnn(
        step, inputs, states, go_backwards=go_backwards, mask=mask, unroll=unroll
    )
    return last, outputs, list(states)


def bidirectional_lstm(*args: Any, **kwargs: Any) -> Any:
    """Both directions at once: Keras runs one after the other instead."""
    raise NotImplementedError


bidirectional_gru = bidirectional_lstm
