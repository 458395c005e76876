"""The error that names the first operation whose value, cotangent or tangent is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.autodiff.finite_arrays import Finding, described
from gradtape.autodiff.finite_hints import CAME_IN, Seen, hint
from gradtape.autodiff.finite_source import line_at
from gradtape.autodiff.finite_verdict import Verdict
from gradtape.core.asked import asked, public_name
from gradtape.core.errors import NotFiniteError
from gradtape.core.record import Part, Record

Place = tuple[str, int] | None


def named(primitive: Any, params: Any) -> str:
    """The public name of an operation; a function that the program gave counts by its own name."""
    given = params.get("callee") or params.get("call") if params else None
    name = getattr(given, "name", None)
    if name is None:
        return public_name(primitive)
    kind = "function" if primitive.name == "call" else "custom_gradient"
    return f"gradtape.{kind} {name.removeprefix('backward of ')}"


def where_text(place: Place, word: str) -> str:
    """A line that tells a place and shows the program's line there."""
    if place is None:
        return ""
    text = line_at(place)
    return f"\n  {word} {place[0]}:{place[1]}" + (f": {text}" if text else "")


def makers(inputs: Sequence[Any]) -> tuple[str, ...]:
    """The primitives that made some tensors, as far as records tell."""
    nodes = [getattr(t, "_node", None) for t in inputs]
    nodes = [n.parents[0] if type(n) is Part and n.parents else n for n in nodes]
    return tuple([n.primitive.name for n in nodes if type(n) is Record])


def value_error(
    primitive: Any,
    verdict: Verdict,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    *,
    place: Place,
    made_by: tuple[str, ...] = (),
    source: str = "",
    around: str = "",
    path: Any = None,
) -> NotFiniteError:
    """The error for an operation's value.

    Args:
        inputs, outs: arrays.
        place: the file and line of the operation.
        made_by: the names of the primitives that made the inputs.
        source: where an input comes from whose NaN was there before.
        around: a sentence on the function and the iteration in which it ran.
        path: the public function that was called, where it is known.
    """
    operation = public_name(primitive)
    found = verdict.finding
    result = outs[verdict.output]
    if verdict.came_in is None:
        what = f"the value has {found}" if found.size > 1 else f"the value is {found}"
        seen = Seen(
            primitive.name, "value", found.what, list(inputs), result,
            line=line_at(place), makers=made_by,
        )  # fmt: skip
        advice = hint(seen)
    else:
        what = f"input {verdict.came_in}{source} has {found}, and so has the value"
        advice = CAME_IN
    inside = f", called by {path}" if path and path != operation else ""
    text = (
        f"{operation}: {what}{inside}.{where_text(place, 'at')}{around}{_listed(inputs)}"
        f"\n  result: {described(result)}\nHint: {advice}"
    )
    return NotFiniteError(
        text,
        operation=path or operation,
        kind="value" if verdict.came_in is None else "data",
        what=found.what,
        count=found.count,
        size=found.size,
        index=found.index,
        place=place,
        hint=advice,
    )


def derivative_error(
    primitive: Any,
    kind: str,
    number: int | None,
    found: Finding,
    *,
    inputs: Sequence[Any],
    given: Any,
    result: Any,
    place: Place,
    asked_at: Place = None,
    made_by: tuple[str, ...] = (),
    around: str = "",
    advice: str = "",
    out: Any = None,
    params: Any = None,
) -> NotFiniteError:
    """The error for the cotangent of an input, or for the tangent of a result.

    Args:
        kind: "cotangent" or "tangent".
        number: that of the input, or of the result; None where it is not known.
        inputs: arrays, None for those that are not known any more.
        given: the array of the cotangent of the result, or of the tangent of an input.
        result: the array that is not finite.
        place: where the operation was done forward.
        asked_at: where the gradient was asked for.
        around: what is known of the rule besides.
        advice: a hint, where it is known already.
        out: the array of the operation's result, where it is known.
        params: the operation's parameters.
    """
    operation = named(primitive, params)
    what = f"the cotangent of input {number}"
    if kind == "tangent":
        what = f"the tangent of result {number}"
    elif number is None:
        what = "a cotangent of its inputs"
    rule = "reverse" if kind == "cotangent" else "forward"
    seen = Seen(
        primitive.name, kind, found.what, list(inputs), result, given, line_at(place), made_by
    )
    advice = advice or hint(seen)
    has = "has" if found.size > 1 else "is"
    came = "" if out is None else f"\n  result: {described(out)}"
    came += "" if given is None else f"\n  {kind} that came in: {described(given)}"
    text = (
        f"{operation}: {what} {has} {found} ({rule} rule)."
        f"{where_text(place, 'done forward at')}{where_text(asked_at, 'gradient asked at')}{around}"
        f"{_listed(inputs)}{came}\n  {kind} that the rule gives: {described(result)}\n"
        f"Hint: {advice}"
    )
    return NotFiniteError(
        text,
        operation=operation,
        kind=kind,
        what=found.what,
        count=found.count,
        size=found.size,
        index=found.index,
        input=number if kind == "cotangent" else None,
        place=place,
        asked=asked_at,
        hint=advice,
    )


def variable_error(
    variable: Any, how: str, found: Finding, place: Place, values: Sequence[Any]
) -> NotFiniteError:
    """The error for a variable that would hold what is not finite."""
    given = "".join([f"\n  given: {described(v)}" for v in values])
    advice = (
        "the variable keeps what it held before. In training this is divergence: look at the"
        " gradients, clip them with tf.clip_by_global_norm, or take a smaller learning rate."
    )
    text = (
        f"gradtape.Variable: {how} would store {found} in variable {variable.name!r}"
        f" ({described(variable._array)}).{where_text(place, 'at')}{given}\nHint: {advice}"
    )
    return NotFiniteError(
        text,
        operation=f"gradtape.Variable.{how}" if how.isidentifier() else how,
        kind="variable",
        what=found.what,
        count=found.count,
        size=found.size,
        index=found.index,
        place=place,
        hint=advice,
    )


def _listed(inputs: Sequence[Any]) -> str:
    """The inputs, a line each."""
    return "".join(
        [f"\n  input {i}: {described(a)}" for i, a in enumerate(inputs) if a is not None]
    )


def called() -> str | None:
    """The public function that the program called."""
    return asked() or None
