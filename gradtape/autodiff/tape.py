"""`GradientTape`: record operations, then differentiate what was recorded.

The tape itself holds no operations. Entering it puts a `Recording` on the thread's stack;
operations on what that recording knows leave records on the tensors that they make (see
`core.record`). Asking for a gradient walks back from the target's record. So tapes may overlap in
any way, close in any order, and be differentiated inside other
tapes: each sees exactly the records that carry its mark.

A tape that is not persistent is used up by one successful gradient; a backward pass that raises
leaves it as it was."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradtape.autodiff.walk import walk
from gradtape.core import nest
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.core.record import Node, Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import broadcast_to, ones, zeros
from gradtape.ops.sparse import IndexedSlices


class UnconnectedGradients(enum.Enum):
    """What a gradient is when the target does not depend on the source.

    Example:
        >>> import gradtape as tf
        >>> tf.UnconnectedGradients("zero")
        <UnconnectedGradients.ZERO: 'zero'>
    """

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Record operations for automatic differentiation.

    Args: persistent: whether `gradient` may be called more than once; the record then lives as long
        as the tape. watch_accessed_variables: whether trainable variables are watched when they are
        read.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant(3.0)
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_accessed_variables = watch_accessed_variables
        self._recording: Recording | None = None
        self._is_recording = False
        self._last_watched: tuple[Variable, ...] = ()

    # recording

    def __enter__(self) -> GradientTape:
        self._push()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._is_recording:
            self._pop()

    def _push(self) -> None:
        if self._is_recording:
            raise ValueError(
                "Tape is still recording, This can happen if you try to re-enter an already-active tape. "
                "Open a second tf.GradientTape() instead."
            )
        if self._recording is None:
            self._recording = Recording(self._watch_accessed_variables)
        self._is_recording = True
        here.set_tapes((*here.tapes, self._recording))

    def _pop(self) -> None:
        if not self._is_recording:
            raise ValueError("Tape is not recording.")
        self._is_recording = False
        recording = self._recording
        here.set_tapes(tuple([t for t in here.tapes if t is not recording]))

    def watch(self, tensor: Any) -> None:
        """Differentiate with respect to a tensor, a variable, or a structure of them, from now on.

        Raises:
            ValueError: for anything else, and when the tape was not entered yet.
        """
        for item in nest.flatten(tensor):
            if isinstance(item, IndexedSlices):
                item = item.values
            if not isinstance(item, (Tensor, Variable)) and hasattr(item, "__tf_tensor__"):
                item = as_tensor(item)
            if not isinstance(item, (Tensor, Variable)):
                raise ValueError(
                    f"Passed in object {item!r} of type {type(item).__name__!r}, not tf.Tensor or tf.Variable. "
                    "Write x = tf.constant(value) and watch x."
                )
            if self._recording is None:
                raise ValueError(
                    "tape.watch before the tape was entered: write it inside `with tape:`."
                )
            if not differentiable(item._dtype):
                warn_first(
                    f"The dtype of the watched tensor must be floating (e.g. tf.float32), got tf.{item.dtype.name}: "
                    "its gradient will be None."
                )
                continue
            self._watch(item)

    def _watch(self, item: Any) -> None:
        recording = self._recording
        assert recording is not None
        if isinstance(item, Variable):
            recording.watched[item._leaf] = item
            return
        if item._node is None:
            item._node = Node(item._shape, item._dtype)
        recording.watched.setdefault(item._node, None)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that the tape watches, in the order of their construction."""
        if self._recording is not None and self._recording.watched:
            found = [(n.number, v) for n, v in self._recording.watched.items() if v is not None]
            self._last_watched = tuple([v for _, v in sorted(found, key=lambda pair: pair[0])])
        return self._last_watched

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Do not record on this tape within the block; other tapes are not affected."""
        if self._recording is None:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        self._pop()
        try:
            yield
        finally:
            self._push()

    def reset(self) -> None:
        """Forget everything that was recorded and watched, and go on recording."""
        if not self._is_recording:
            raise ValueError("Tape is not recording.")
        self._pop()
        self._drop()
        self._push()

    def _drop(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()

    def __copy__(self) -> GradientTape:
        made = type(self)(self._persistent, self._watch_accessed_variables)
        made._recording = self._recording
        return made

    def __deepcopy__(self, memo: Any) -> GradientTape:
        raise TypeError(
            "A GradientTape cannot be copied deeply: its record belongs to the tensors it recorded."
        )

    __reduce__ = None  # type: ignore[assignment]

    # differentiating

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:
        """Differentiate the sum of the targets with respect to the sources.

        Args: target: a tensor or variable, or a structure of them. sources: likewise; the result
            has this structure. output_gradients: cotangents of the targets in their structure, by
            default ones; None entries are ones. unconnected_gradients: None ("none") or zeros
            ("zero") where a target does not depend on a source.

        Returns:
            For each source a tensor of its shape and dtype, an `IndexedSlices`, or None.

        Raises:
            RuntimeError: when the tape is used up.
            TypeError: when a target or source is no tensor.
            LookupError: when an operation on the way has no derivative rule.
            InvalidArgumentError: when `output_gradients` do not fit the targets.

        Example:
            >>> import gradtape as tf
            >>> v = tf.Variable([1.0, 2.0])
            >>> with tf.GradientTape() as tape:
            ...     y = tf.reduce_sum(v * v)
            >>> tape.gradient(y, v).numpy()
            array([2., 4.], dtype=float32)
        """
        recording = self._ready("gradient")
        mode = unconnected_mode(unconnected_gradients)
        targets = flat_targets(target)
        flat = flat_sources(sources)
        cotangents = starting_cotangents(targets, output_gradients)
        if self._is_recording and not self._persistent:
            self._pop()
        elif self._is_recording:
            warn_first(
                "Calling GradientTape.gradient on a persistent tape inside its context is significantly less "
                "efficient than calling it outside: the gradient itself is recorded. That is right only for "
                "higher-order derivatives."
            )
        results = self._pull(targets, cotangents, flat, recording)
        if not self._persistent:
            self.watched_variables()
            self._drop()
        results = [finished(r, s, mode) for r, s in zip(results, flat, strict=True)]
        return packed(sources, results)

    def _pull(self, targets: Any, cotangents: Any, sources: Any, recording: Recording) -> list[Any]:
        pairs = [
            (node_of(t), ct) for t, ct in zip(targets, cotangents, strict=True) if ct is not None
        ]
        nodes = [node_of(s) for s in sources]
        for index, source in enumerate(
            sources
        ):  # a target is connected to itself even if nobody watched it
            if nodes[index] is None and any(t is source for t in targets):
                return self._with_leaves(targets, cotangents, sources, recording)
        return walk(pairs, nodes, recording, consume=not self._persistent)

    def _with_leaves(
        self, targets: Any, cotangents: Any, sources: Any, recording: Recording
    ) -> list[Any]:
        for tensor in sources:
            if tensor._node is None and differentiable(tensor._dtype):
                tensor._node = Node(tensor._shape, tensor._dtype)
        return walk(
            [(node_of(t), ct) for t, ct in zip(targets, cotangents, strict=True) if ct is not None],
            [node_of(s) for s in sources],
            recording,
            consume=not self._persistent,
        )

    def _ready(self, method: str) -> Recording:
        if self._recording is None:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). "
                f"It was used up or never entered: record again, or write tf.GradientTape(persistent=True) to call "
                f"{method} several times."
            )
        return self._recording


def node_of(value: Any) -> Node | None:
    """The node of a tensor or variable."""
    return value._leaf if isinstance(value, Variable) else value._node


def unconnected_mode(value: Any) -> UnconnectedGradients:
    """The member of `UnconnectedGradients` that is meant."""
    try:
        return UnconnectedGradients(value)
    except ValueError:
        raise ValueError(
            f"Unknown value for unconnected_gradients: {value!r}. Write 'none' or 'zero'."
        ) from None


def flat_targets(target: Any) -> list[Any]:
    """The targets as a list of tensors and variables."""
    if target is None:
        raise TypeError(
            "Argument `target` should be a list or nested structure of Tensors, Variables or CompositeTensors to be "
            "differentiated, but received None."
        )
    flat = []
    if type(target) is Tensor:
        return [target]
    for item in nest.flatten(target):
        item = item.values if isinstance(item, IndexedSlices) else item
        flat.append(checked(item, "target"))
    return flat


def flat_sources(sources: Any) -> list[Any]:
    """The sources as a list of tensors and variables."""
    return [checked(s, "source") for s in nest.flatten(sources)]


def checked(item: Any, role: str) -> Any:
    """A tensor or variable, or TypeError."""
    if isinstance(item, (Tensor, Variable)):
        return item
    if hasattr(item, "__tf_tensor__"):
        return as_tensor(item)
    raise TypeError(
        f"GradientTape.gradient: the {role} {brief(item)} is no tensor, so nothing was recorded for it. "
        f"Make it with tf.constant or tf.Variable, and keep it out of NumPy."
    )


def starting_cotangents(targets: list[Any], given: Any) -> list[Any]:
    """The cotangents of the targets: ones, or the checked `output_gradients`; None for integers."""
    if given is None:
        return [starting_cotangent(t, None) for t in targets]
    if len(targets) == 1 and not (isinstance(given, (list, tuple)) and len(given) == 1):
        flat = [given]
    else:
        flat = list(given) if isinstance(given, (list, tuple)) else nest.flatten(given)
    if len(flat) != len(targets):
        raise InvalidArgumentError(
            f"GradientTape.gradient: {len(flat)} output_gradients for {len(targets)} targets. Give one for each."
        )
    return [starting_cotangent(t, ct) for t, ct in zip(targets, flat, strict=True)]


def starting_cotangent(target: Any, given: Any) -> Any:
    """The cotangent of one target, of its shape and dtype."""
    shape, dtype = target._shape, target._dtype
    if not differentiable(dtype):
        return None
    if given is None:
        return ones(shape, dtype)
    ct = as_tensor_like(given, dtype, "GradientTape.gradient")
    if ct._dtype != dtype:
        raise InvalidArgumentError(
            f"GradientTape.gradient: output_gradients {brief(ct)} for the target {brief(target)}: the dtypes differ. "
            f"Write tf.cast(output_gradients, tf.{target.dtype.name})."
        )
    if ct._shape != shape:
        if ct._shape != ():
            raise InvalidArgumentError(
                f"GradientTape.gradient: output_gradients {brief(ct)} for the target {brief(target)}: "
                "the shapes differ. Give one number for each element of the target, or a scalar."
            )
        ct = broadcast_to(ct, shape)
    return ct


def finished(result: Any, source: Any, mode: UnconnectedGradients) -> Any:
    """What the public face shows for a source."""
    if not isinstance(result, Nothing):
        return result
    if mode is UnconnectedGradients.ZERO:
        return zeros(source._shape, source._dtype)
    return None


def packed(sources: Any, results: Sequence[Any]) -> Any:
    """The results in the structure of the sources."""
    if type(sources) is list and len(sources) == len(results):
        if not any([type(s) in (list, tuple, dict) for s in sources]):
            return list(results)
    if isinstance(sources, (Tensor, Variable)) or not nest.is_nested(sources):
        return results[0]
    return nest.pack_sequence_as(sources, results)


_warned: dict[str, int] = {}


def warn_first(text: str, times: int = 5) -> None:
    """Warn of something the first few times."""
    _warned[text] = _warned.get(text, 0) + 1
    if _warned[text] <= times:
        warnings.warn(text, stacklevel=4)
