"""`GradientTape`: record operations, then differentiate what was recorded.

The tape itself holds no operations. Entering it puts a `Recording` on the thread's stack;
operations on what that recording knows leave records on the tensors that they make (see
`core.record`). Asking for a gradient walks back from the target's record. So tapes may overlap in
any way, close in any order, and be differentiated inside other
tapes: each sees exactly the records that carry its mark.

A tape that is not persistent is used up by one successful gradient; a backward pass that raises
leaves it as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradtape.autodiff.asking import (
    UnconnectedGradients,
    finished,
    flat_sources,
    flat_targets,
    node_of,
    packed,
    starting_cotangents,
    unconnected_mode,
    warn_first,
)
from gradtape.autodiff.history import History, asks, keep, present, release
from gradtape.autodiff.jacobian import batch_jacobian, give_leaves, jacobian
from gradtape.autodiff.sweep import gradient
from gradtape.autodiff.walk import walk
from gradtape.core import allocator, nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import CutGradientError
from gradtape.core.record import Recording
from gradtape.core.state import here, lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import Lazy
from gradtape.ops.sparse import IndexedSlices

explaining: Any = Lazy("gradtape.autodiff.explain")
drawing: Any = Lazy("gradtape.autodiff.picture")


class GradientTape:
    """Record operations for automatic differentiation.

    Args: persistent: whether `gradient` may be called more than once; the record then lives as long
        as the tape. watch_accessed_variables: whether trainable variables are watched when they are
        read. strict: raise `CutGradientError` where a path from a target to a source is cut and
        the program did not say so by `stop_gradient`. explain: keep from now on what `explain`
        needs to name the lines of the program.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant(3.0)
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0
    """

    _recording: Recording | None = None
    _is_recording = False
    _shared = False
    _simple = False  # whether a gradient uses the tape up and asks for nothing else

    _history: History | None = None
    _used_up: Recording | None = None  # the recording of a gradient that may be explained

    def __init__(
        self,
        persistent: bool = False,
        watch_accessed_variables: bool = True,
        *,
        strict: bool = False,
        explain: bool = False,
    ) -> None:
        self._persistent = persistent
        self._watch_accessed_variables = watch_accessed_variables
        self._strict = strict
        self._simple = not (persistent or strict)
        if strict or explain:
            self._history = keep()
        self._last_watched: Sequence[tuple[int, Variable]] = ()

    # recording

    def __enter__(self) -> GradientTape:
        if self._history is None and (lookouts or asks(sys._getframe(1))):
            self._look_on()
        self._push()
        return self

    def _look_on(self) -> None:
        """Keep the history, if anybody does or the function around asks for an explanation."""
        if present() is not None or asks(sys._getframe(2)):
            self._history = keep()

    def __exit__(self, *exception: Any) -> None:
        if self._is_recording:
            self._pop()

    def _push(self) -> None:
        if self._is_recording:
            raise ValueError(
                "Tape is still recording, This can happen if you try to re-enter an "
                "already-active tape. Open a second tf.GradientTape() instead."
            )
        if self._recording is None:
            allocator.keep_freed()
            self._recording = Recording(self._watch_accessed_variables, self._persistent)
        self._is_recording = True
        here.set_tapes((*here.tapes, self._recording))
        if self._history is not None:
            self._history.entered(self._recording)

    def _pop(self, how: str = "with") -> None:
        if not self._is_recording:
            raise ValueError("Tape is not recording.")
        self._is_recording = False
        recording = self._recording
        tapes = here.tapes
        here.set_tapes(tuple([t for t in tapes if t is not recording]) if len(tapes) > 1 else ())
        if self._history is not None and recording is not None:
            self._history.stopped(recording, how)

    def watch(self, tensor: Any) -> None:
        """Differentiate with respect to a tensor, a variable, or a structure of them, from now on.

        Raises:
            ValueError: for anything else, and when the tape was not entered yet.
        """
        for item in (tensor,) if type(tensor) is Tensor else nest.flatten(tensor):
            if type(item) is not Tensor:
                item = item.values if isinstance(item, IndexedSlices) else item
                if not isinstance(item, (Tensor, Variable)) and hasattr(item, "__tf_tensor__"):
                    item = as_tensor(item)
            if not isinstance(item, (Tensor, Variable)):
                raise ValueError(
                    f"Passed in object {item!r} of type {type(item).__name__!r}, not tf.Tensor or "
                    "tf.Variable. Write x = tf.constant(value) and watch x."
                )
            if self._recording is None:
                raise ValueError(
                    "tape.watch before the tape was entered: write it inside `with tape:`."
                )
            if not differentiable(item._dtype):
                warn_first(
                    "The dtype of the watched tensor must be floating (e.g. tf.float32), got "
                    f"tf.{item.dtype.name}: its gradient will be None."
                )
                continue
            self._watch(item)

    def _watch(self, item: Any) -> None:
        recording = self._recording
        assert recording is not None
        if isinstance(item, Variable):
            recording.watched[item._leaf] = item
        else:
            recording.watched.setdefault(item.own_node(), None)
        if self._history is not None:
            self._history.watched(recording, item)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that the tape watches, in the order of their construction."""
        self._note_watched()
        numbered = sorted(self._last_watched, key=lambda pair: pair[0])
        return tuple([v for _, v in numbered])

    def _note_watched(self) -> None:
        """Note the watched variables for the time after the recording."""
        if self._recording is not None and self._recording.watched:
            items = self._recording.watched.items()
            self._last_watched = [(n.number, v) for n, v in items if v is not None]

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Do not record on this tape within the block; other tapes are not affected."""
        if self._recording is None:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        self._pop("stop_recording")
        try:
            yield
        finally:
            self._push()

    def reset(self) -> None:
        """Forget everything that was recorded and watched, and go on recording."""
        if not self._is_recording:
            raise ValueError("Tape is not recording.")
        old = self._recording
        self._pop("reset")
        self._drop()
        self._push()
        if self._history is not None and old is not None and self._recording is not None:
            self._history.succeeded(old, self._recording)

    def _drop(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None and self._history is not None:
            recording, self._used_up = self._used_up, recording
        if recording is not None:
            recording.close()

    def __del__(self) -> None:
        # records hold their recording, so it would live as long as a result that is kept
        if self._history is not None:
            self._history = None
            release()
        if not (self._is_recording or self._shared):
            if self._used_up is not None:
                self._used_up.close()
            self._drop()

    def __copy__(self) -> GradientTape:
        made = type(self)(self._persistent, self._watch_accessed_variables)
        made._strict = self._strict
        made._recording = self._recording
        made._shared = self._shared = True
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

        Args:
            target: a tensor or variable, or a structure of them.
            sources: likewise; the result has this structure.
            output_gradients: cotangents of the targets in their structure, by default ones; None
                entries are ones.
            unconnected_gradients: None ("none") or zeros ("zero") where a target does not depend
                on a source.

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
        if self._simple and not self._is_recording and self._history is None:
            simple = output_gradients is None and unconnected_gradients is UnconnectedGradients.NONE
            flat = sources if type(sources) is list else [sources]
            if simple and (found := gradient(recording, target, flat)) is not None:
                self._note_watched()
                self._recording = None
                return found if flat is sources else found[0]
        mode = unconnected_mode(unconnected_gradients)
        targets = flat_targets(target)
        flat = flat_sources(sources)
        cotangents = starting_cotangents(targets, output_gradients)
        if self._is_recording and not self._persistent:
            self._pop("gradient")
        elif self._is_recording:
            warn_first(
                "Calling GradientTape.gradient on a persistent tape inside its context is "
                "significantly less efficient than calling it outside: the gradient itself is "
                "recorded. That is right only for higher-order derivatives."
            )
        results = self._pull(targets, cotangents, flat, recording)
        if self._strict:
            self._refuse_cuts(targets, flat)
        if not self._persistent:
            self._note_watched()
            self._drop()
        results = [finished(r, s, mode) for r, s in zip(results, flat, strict=True)]
        return packed(sources, results)

    def _pull(self, targets: Any, cotangents: Any, sources: Any, recording: Recording) -> list[Any]:
        pairs = [
            (node_of(t), ct) for t, ct in zip(targets, cotangents, strict=True) if ct is not None
        ]
        nodes = [node_of(s) for s in sources]
        if None in nodes:
            give_leaves(targets, sources)
            nodes = [node_of(s) for s in sources]
            pairs = [(node_of(t), ct) for t, ct in zip(targets, cotangents) if ct is not None]
        consume = not self._persistent and self._history is None
        return walk(pairs, nodes, recording, consume=consume)

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """Differentiate every element of the target with respect to every element of the sources.

        Args:
            target: a tensor or variable, or a structure of them, each with its own Jacobians.
            sources: likewise.
            unconnected_gradients: None ("none") or zeros ("zero") where a target does not depend
                on a source.
            parallel_iterations: how many elements of the target go at once; by default all, or as
                many as fit into a quarter of a gigabyte.
            experimental_use_pfor: False walks back once for each element instead.

        Returns:
            For each source a tensor of shape target.shape + source.shape and the source's dtype,
            or None. Complex derivatives follow `gradient`: the derivative of the target's real part
            by the source's real part, plus i times that by its imaginary part.

        Raises:
            RuntimeError: when the tape is used up.
            TypeError: when a target or source is no tensor.
            ValueError: when `parallel_iterations` is no positive integer.

        Example:
            >>> import gradtape as tf
            >>> x = tf.constant([1.0, 2.0])
            >>> with tf.GradientTape() as tape:
            ...     tape.watch(x)
            ...     y = x * x
            >>> tape.jacobian(y, x).numpy()
            array([[2., 0.],
                   [0., 4.]], dtype=float32)
        """
        how = unconnected_gradients, parallel_iterations, experimental_use_pfor
        return self._by_rows(jacobian, target, sources, *how)

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """Differentiate each example of a batch: target[i] with respect to source[i].

        Examples must not depend on each other; where they do, the result is the sum over the
        batch of their derivatives with respect to source[i].

        Args:
            target: a tensor of shape (batch, ...).
            source: a tensor of shape (batch, ...).
            unconnected_gradients: None ("none") or zeros ("zero") where the target does not
                depend on the source.
            parallel_iterations: how many elements of an example go at once; by default all, or as
                many as fit into a quarter of a gigabyte.
            experimental_use_pfor: False walks back once for each element instead.

        Returns:
            A tensor of shape (batch,) + target.shape[1:] + source.shape[1:], or None.

        Raises:
            RuntimeError: when the tape is used up.
            ValueError: when a rank is below 2, the batches differ, or `parallel_iterations` is no
                positive integer.

        Example:
            >>> import gradtape as tf
            >>> x = tf.constant([[1.0], [2.0]])
            >>> with tf.GradientTape() as tape:
            ...     tape.watch(x)
            ...     y = x * x
            >>> tape.batch_jacobian(y, x).numpy().ravel()
            array([2., 4.], dtype=float32)
        """
        how = unconnected_gradients, parallel_iterations, experimental_use_pfor
        return self._by_rows(batch_jacobian, target, source, *how)

    def _by_rows(self, compute: Any, *arguments: Any) -> Any:
        recording = self._ready(compute.__name__)
        if self._is_recording and not self._persistent:
            self._pop("gradient")
        kept = self._persistent or self._history is not None
        result = compute(recording, kept, *arguments)
        if self._strict:
            targets, sources = nest.flatten(arguments[0]), nest.flatten(arguments[1])
            self._refuse_cuts(targets, sources)
        if not self._persistent:
            self._note_watched()
            self._drop()
        return result

    def _ready(self, method: str) -> Recording:
        if self._recording is None:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients "
                "(or jacobians). It was used up or never entered: record again, or write "
                f"tf.GradientTape(persistent=True) to call {method} several times."
            )
        return self._recording

    # explaining

    def explain(self, target: Any, sources: Any) -> Any:
        """Say why the gradient of a target with respect to a source is what it is.

        The answer names, with the lines of the program, where paths are cut: tensors that are not
        watched, NumPy, integers, flat functions, `stop_gradient`, assignments, operations before or
        after the tape or on another thread; and where the gradient becomes zero, inf or nan. It is
        computed anew and does not use the tape up; a tape that is used up can still be asked.

        Lines are known from where a history is kept: from a tape's entering on, where the function
        that enters it calls `explain` too, or with `GradientTape(explain=True)`; everywhere within
        `with tf.debug_gradients():`.

        Args:
            target: a tensor or variable; a Python or NumPy value is explained too.
            sources: a tensor or variable, or a structure of them.

        Returns:
            An `Explanation` for each source: true when the gradient is sound, with `verdict`,
            `causes` (each with `kind`, `text`, `file`, `line`, `remedy`) and `picture`; its text
            is what `print` shows.

        Example:
            >>> import gradtape as tf
            >>> x = tf.Variable(2.5)
            >>> with tf.GradientTape() as tape:
            ...     y = tf.round(x) * 2.0
            >>> answer = tape.explain(y, x)
            >>> answer.verdict, answer.causes[0].kind
            ('none', 'flat')
        """
        recording = self._recording or self._used_up
        history = self._history or present()
        return explaining.explain(recording, history, target, sources)

    def picture(self, target: Any = None, sources: Any = None, **how: Any) -> Any:
        """Show what the tape recorded, what it keeps, and the gradients that flow back.

        `print` shows the picture as text, a terminal with `rich.print` in colours, a notebook as a
        drawing; `save("tape.svg")` writes it. The tape is not used up.

        Args:
            target: a tensor or variable, or a structure of them: only what they depend on is shown,
                with the size of the gradient on every edge. By default all that was recorded.
            sources: likewise: only what depends on them is shown. The keys of a dictionary name
                them.
            how: `most` (60) is how many boxes there may be before operations are folded; `expand`
                names a scope or box to open; `fold=False` shows every operation; `facts(node)`
                says where in the program a node was recorded; `marks` puts texts in red at the
                operations whose nodes have these numbers.

        Raises:
            RuntimeError: when the tape is used up.
            TypeError: when a target or source is no tensor.

        Example:
            >>> import gradtape as tf
            >>> v = tf.Variable([1.0, 2.0], name="v")
            >>> with tf.GradientTape() as tape:
            ...     y = tf.reduce_sum(v * v)
            >>> picture = tape.picture(y)
            >>> [step.title for step in picture.operations], picture.bytes
            (['multiply', 'reduce_sum'], 8)
        """
        history = self._history or present()
        if history is not None:
            how.setdefault("facts", history.fact)
        recording = self._used_up or self._ready("picture")
        return drawing.picture(recording, target, sources, **how)

    def _refuse_cuts(self, targets: Any, sources: Any) -> None:
        """Raise where a path to a source is cut and the program did not ask for it."""
        recording = self._recording
        for target in targets:
            for answer in explaining.explain(recording, self._history, target, sources, True):
                silent = [c for c in answer.causes if not c.intended and c.kind in explaining.CUTS]
                if silent:
                    raise CutGradientError(
                        f"gradtape.GradientTape(strict=True): {answer}\n"
                        "  Where this is meant, say so with tf.stop_gradient."
                    )
