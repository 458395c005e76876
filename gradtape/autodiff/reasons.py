"""Sentences: each way in which a gradient gets lost, in words and with what to write instead."""

from __future__ import annotations

from typing import Any

from gradtape.autodiff.dataflow import name_given
from gradtape.autodiff.explanation import Cause, shown
from gradtape.autodiff.history import Event, HandedOver, Place, Span
from gradtape.core.nothing import Owed

HOST = frozenset({"on_host", "computed", "host_call"})


def called(event: Event) -> str:
    """What the program calls the result of an event."""
    if event.kind == "variable":
        return f"variable {event.name!r}"
    if event.kind == "data":
        return "a value"
    name = name_given(event.place, event.name)
    return f"`{name}`" if name is not None else f"the result of {event.name}"


def number_of(event: Event) -> int | None:
    """The number of the node of an event."""
    node = event.node() if event.node is not None else None
    return None if node is None else node.number


def dtype_of(event: Event) -> str:
    """The name of the dtype of an event's result."""
    return str(event.spec[1])


# what an operation does to the derivative


def without_derivative(event: Event, parent: Event) -> Cause:
    """An operation that has no derivative, or whose result is no floating-point number."""
    name = event.primitive.name
    if name == "stop_gradient":
        return stopped(event)
    if name in HOST:
        return Cause(
            "left",
            f"{event.name} computes with NumPy, which no tape sees: nothing flows back through it.",
            event.place,
            "Write it in tensor operations, or give it a derivative with tf.custom_gradient.",
            node=number_of(event),
        )
    if event.spec[1].kind in "biu":
        return integer(event, parent)
    return flat(event)


def stopped(event: Event) -> Cause:
    """The program stopped the gradient."""
    return Cause(
        "stopped",
        "tf.stop_gradient lets nothing through, as the program asks.",
        event.place,
        "Leave it out where the derivative is wanted.",
        intended=True,
        node=number_of(event),
    )


def integer(event: Event, parent: Event) -> Cause:
    """A floating-point number became an integer or a truth value."""
    was = dtype_of(parent)
    name = dtype_of(event)
    what = "a truth value" if name == "bool" else "an integer"
    return Cause(
        "integer",
        f"{event.name} makes {what} ({name}) of {was}: integers and truth values carry no"
        " derivative, and what is computed from them is constant.",
        event.place,
        "Keep to floating-point numbers, choose with tf.where, or say by tf.stop_gradient that it"
        " is meant.",
        node=number_of(event),
    )


def flat(event: Event) -> Cause:
    """A step function."""
    return Cause(
        "flat",
        f"{event.name} is flat: it is constant between its jumps, so that its derivative is zero"
        " wherever it has one, and nothing flows back.",
        event.place,
        "Use a smooth function (tf.sigmoid for a step), or pass the gradient straight through with"
        " tf.grad_pass_through.",
        node=number_of(event),
    )


def choice(event: Event, parent: Event) -> Cause:
    """The source only decides which elements are taken."""
    return Cause(
        "choice",
        f"The source only decides, as {dtype_of(parent)}, what {event.name} takes; the values that"
        " are taken do not depend on it.",
        event.place,
        "Compute the values themselves from the source, or use a soft choice such as tf.sigmoid or"
        " tf.nn.softmax weights.",
        node=number_of(event),
    )


def owed(event: Event, rule: Owed) -> Cause:
    """The operation has a derivative, but gradtape has no rule for it."""
    return Cause(
        "owed",
        f"{event.name} has a derivative here, but there is no rule for it: {rule.why}",
        event.place,
        "Write one with tf.custom_gradient, or differentiate another way.",
        node=number_of(event),
    )


def none_given(name: str, place: Place | None, node: int) -> Cause:
    """A rule written by the program gave None."""
    return Cause(
        "none given",
        f"The gradient function of {name} returns None for this input, so nothing flows back.",
        place,
        "Return a tensor, zeros where the derivative is zero.",
        node=node,
    )


# what the tape did not see


def off_tape(event: Event, span: Span | None, why: str) -> Cause:
    """An operation that was done while the tape did not record."""
    name = called(event)
    opened = f" ({shown(span.trace[0])})" if span is not None and span.trace else ""
    if why == "thread":
        return Cause(
            "thread",
            f"{name} was computed by {event.name} on another thread; a tape records the thread that"
            " entered it.",
            event.place,
            "Compute it on the tape's thread, or enter a tape on the other thread.",
        )
    if why == "before":
        return Cause(
            "before",
            f"{name} was computed by {event.name} before the tape began{opened}.",
            event.place,
            "Move this line into the `with` block of the tape.",
        )
    how = {
        "stop_recording": "inside of tape.stop_recording()",
        "reset": "before tape.reset() made the tape forget it",
        "gradient": "after tape.gradient had used the tape up and stopped it",
    }.get(why, "after the tape's block had ended")
    remedy = {
        "stop_recording": "Move this line out of the block of stop_recording.",
        "reset": "Compute it after the reset.",
        "gradient": "Ask for the gradient after this line, or use a persistent tape.",
    }.get(why, "Move this line into the `with` block of the tape.")
    kind = {"stop_recording": "not recording", "reset": "reset"}.get(why, "after")
    return Cause(kind, f"{name} was computed by {event.name} {how}.", event.place, remedy)


def unseen_before(name: str, span: Span | None) -> Cause:
    """A value that nobody saw being made, so that it was there before the tape."""
    return Cause(
        "before",
        f"{name} was made before the tape began, by operations that it did not see.",
        span.trace[0] if span is not None and span.trace else None,
        "Compute it inside of the `with` block of the tape.",
    )


def not_watched(name: str, used: Event, place: Place | None) -> Cause:
    """A tensor that the tape was not told to watch."""
    return Cause(
        "not watched",
        f"{name} is a tensor that the tape does not watch; by themselves tapes watch trainable"
        " variables only.",
        place or used.place,
        f"Write tape.watch({name.strip('`')}) before this line, or make it a tf.Variable.",
    )


def watched_late(name: str, used: Event, late: Place | None) -> Cause:
    """A tensor that was watched after it had been used."""
    where = f" at {shown(late)}" if late is not None else ""
    return Cause(
        "watched late",
        f"{name} was used here before tape.watch{where}: a tape records from then on.",
        used.place,
        "Move tape.watch before this line.",
    )


def variable_not_watched(name: str, used: Event, trainable: bool, automatic: bool) -> Cause:
    """A variable that the tape does not watch by itself."""
    why = "it was not read while the tape recorded"
    if not trainable:
        why = "it was made with trainable=False"
    elif not automatic:
        why = "the tape was made with watch_accessed_variables=False"
    return Cause(
        "not watched",
        f"variable {name!r} is not watched, because {why}.",
        used.place,
        "Write tape.watch(variable) before this line.",
    )


def replaced(name: str, made: Event, variable: Event) -> Cause:
    """The name of a variable stands for a tensor now."""
    return Cause(
        "replaced",
        f"{name} is no variable but a tensor, which {made.name} made of variable"
        f" {variable.name!r}: since this line the name stands for another thing, which no tape"
        " watches.",
        made.place,
        "Change the variable in place: write variable.assign(...), assign_add or assign_sub.",
    )


def another_tensor(source: str, made: Event) -> Cause:
    """The target depends on what the source was made from, not on the source."""
    return Cause(
        "another tensor",
        f"The target depends on what {source} was made from, but not on {source} itself, which is"
        f" a new tensor that {made.name} made.",
        made.place,
        f"Use {source} in the computation of the target, or differentiate with respect to what it"
        " was made from.",
    )


def assigned(variable: Event) -> Cause:
    """The path leads through an assignment."""
    how = variable.params.get("how", "assign")
    return Cause(
        "assigned",
        f"The path leads through variable {variable.name!r}, which got its value by {how}: a tape"
        " does not record assignments, the variable is a new beginning.",
        variable.place,
        "Use the tensor that was assigned, instead of the variable, in what comes after.",
    )


def left(handed: HandedOver) -> Cause:
    """A value went through Python or NumPy."""
    name = called(handed.event)
    by = "NumPy" if handed.how in ("NumPy", "numpy()") else f"Python by {handed.how}"
    return Cause(
        "left",
        f"The value of {name} was handed to {by} here: what is computed from it outside of the"
        " library no tape sees.",
        handed.trace[0] if handed.trace else None,
        "Compute with tensor operations (tf.sin for np.sin, tf.reduce_mean for np.mean), or give"
        " the foreign part its derivative with tf.custom_gradient.",
    )


def no_tensor(role: str, value: Any) -> Cause:
    """The target or the source is a Python or NumPy value."""
    return Cause(
        "no tensor",
        f"The {role} is a {type(value).__module__}.{type(value).__name__}".replace("builtins.", "")
        + ", no tensor: nothing was recorded for it.",
        None,
        "Make it with tf.constant or tf.Variable, and compute with tensor operations.",
    )


def no_derivative(role: str, name: str, dtype: str, place: Place | None) -> Cause:
    """The target or the source is an integer."""
    return Cause(
        "integer",
        f"The {role} {name} is {dtype}: integers and truth values carry no derivative.",
        place,
        f"Write tf.cast({name.strip('`')}, tf.float32) where it is made, before it is used.",
    )


def independent(target: str, source: str, place: Place | None, unseen: Event | None) -> Cause:
    """There is no path at all; `unseen` is a value on the way whose making was not seen."""
    text = f"{target} was not computed from {source}, by anything that was seen."
    remedy = "Check that the right tensors are asked for."
    if unseen is not None and unseen.place is not None:
        text += (
            f" {shown(unseen.place)} uses a {dtype_of(unseen)} value of shape"
            f" {list(unseen.spec[0])} whose making was not seen."
        )
        remedy = (
            f"If that value comes from {source}, compute it in the block of the tape; with"
            " tf.debug_gradients() what went before is seen too."
        )
    return Cause("independent", text, place, remedy)


def constant(target: str, made: Event) -> Cause:
    """The target is a constant."""
    how = f"by {made.name} " if made.name else "of numbers "
    return Cause(
        "constant",
        f"{target} was made {how}here: it depends on nothing that the tape knows.",
        made.place,
        "Compute it from the source with tensor operations.",
    )


def raised(name: str, place: Place | None, error: Exception) -> Cause:
    """A rule of the program raised."""
    return Cause(
        "raised",
        f"The gradient function of {name} raised {type(error).__name__}: {error}",
        place,
        "Mend it.",
    )
