"""`Explanation`: what became of a gradient on its way, to be read as text, in a terminal, in a
notebook."""

from __future__ import annotations

import html
import linecache
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradtape.autodiff.history import Place
from gradtape.core.xp_numpy import Lazy

console: Any = Lazy("rich.console")
padding: Any = Lazy("rich.padding")
panel: Any = Lazy("rich.panel")
text: Any = Lazy("rich.text")

VERDICTS = {
    "sound": "is sound",
    "none": "is None",
    "partly cut": "is only a part: some paths are cut",
    "zero": "is zero",
    "not finite": "is not finite",
    "owed": "cannot be had",
    "perhaps": "is there; whether it is the whole is not known",
}

MARKS = {  # in pictures, where the kind alone says too little
    "left": "cut: NumPy or Python",
    "flat": "cut: flat",
    "integer": "cut: integers",
    "before": "cut: before the tape",
    "after": "cut: after the tape",
    "thread": "cut: another thread",
    "assigned": "cut: assigned",
}


@dataclass(frozen=True)
class Cause:
    """One reason, with the line of the program.

    Attributes:
        kind: a short name, such as "not watched", "flat", "integer", "left", "before".
        text: the reason in a sentence.
        place: where in the program, None where that was not kept.
        remedy: what to write instead.
        intended: whether the program asked for it in so many words, as by `tf.stop_gradient`.
        node: the number of the record's node, for pictures.
    """

    kind: str
    text: str
    place: Place | None = None
    remedy: str = ""
    intended: bool = False
    node: int | None = field(default=None, compare=False)

    @property
    def file(self) -> str | None:
        """The file of the program."""
        return None if self.place is None else self.place.file

    @property
    def line(self) -> int | None:
        """The line in the file."""
        return None if self.place is None else self.place.line

    @property
    def code(self) -> str:
        """The text of the line."""
        return "" if self.place is None else code_at(self.place)

    def __str__(self) -> str:
        parts = [self.text]
        if self.place is not None:
            parts.append(f"    {shown(self.place)}: {self.code}".rstrip(": "))
        if self.remedy:
            parts.append(f"    {self.remedy}")
        return "\n".join(parts)


@dataclass(frozen=True)
class Explanation:
    """Why a gradient is what it is; true when it is sound.

    Attributes:
        target, source: how the program calls them.
        verdict: "sound", "none", "partly cut", "zero", "not finite", "owed" (a rule is missing or
            raised), or "perhaps" (without a history nobody knows whether paths are cut).
        causes: the reasons, the nearest to the target first.
        notes: what else is worth knowing.
    """

    target: str
    source: str
    verdict: str
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    draw: Callable[[dict[int, str]], Any] | None = field(default=None, compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.verdict == "sound"

    @property
    def picture(self) -> Any:
        """The picture of what the tape recorded for the target, with the causes in red; None where
        nothing was recorded."""
        marks = {c.node: MARKS.get(c.kind, c.kind) for c in self.causes if c.node is not None}
        return None if self.draw is None else self.draw(marks)

    @property
    def summary(self) -> str:
        """The verdict in a sentence."""
        return f"The gradient of {self.target} with respect to {self.source} " + (
            f"{VERDICTS[self.verdict]}."
        )

    def __str__(self) -> str:
        many = len(self.causes) > 1
        lines = [self.summary]
        for number, cause in enumerate(self.causes, 1):
            first, *rest = str(cause).split("\n")
            lines += [f"  {number}. {first}" if many else f"  {first}", *[f"  {r}" for r in rest]]
        return "\n".join([*lines, *[f"  {note}" for note in self.notes]])

    __repr__ = __str__

    def __rich__(self) -> Any:
        parts: list[Any] = []
        for cause in self.causes:
            parts += [*([text.Text("")] if parts else []), *_lines(cause)]
        parts += [text.Text(note, style="dim") for note in self.notes]
        colour = "green" if self else "red"
        return panel.Panel(
            console.Group(*(parts or [text.Text("Every path to the source is recorded.")])),
            title=text.Text(self.summary, style=f"bold {colour}"),
            title_align="left",
            border_style=colour,
        )

    def _repr_html_(self) -> str:
        rows = "".join(_html_of(c) for c in self.causes)
        rows += "".join(f"<p style='opacity:.7'>{html.escape(n)}</p>" for n in self.notes)
        colour = "#2e9e4f" if self else "#d6423b"
        drawn = self.picture
        picture = "" if drawn is None else drawn._repr_html_()
        return (
            f"<div style='border-left:4px solid {colour};padding:2px 12px;margin:6px 0'>"
            f"<p style='font-weight:bold;color:{colour}'>{html.escape(self.summary)}</p>"
            f"{rows}</div>{picture}"
        )


def _lines(cause: Cause) -> list[Any]:
    """A cause for a terminal."""
    found: list[Any] = [text.Text(cause.text)]
    if cause.place is not None:
        place = text.Text(shown(cause.place), style="cyan")
        found.append(padding.Padding(place.append("  " + cause.code, style="bold"), (0, 0, 0, 4)))
    if cause.remedy:
        found.append(padding.Padding(text.Text(cause.remedy, style="green"), (0, 0, 0, 4)))
    return found


def _html_of(cause: Cause) -> str:
    text = f"<p style='margin:8px 0'>{html.escape(cause.text)}"
    if cause.place is not None:
        text += (
            f"<br><code>{html.escape(shown(cause.place))}</code>&ensp;"
            f"<code><b>{html.escape(cause.code)}</b></code>"
        )
    if cause.remedy:
        text += f"<br><span style='color:#2e9e4f'>{html.escape(cause.remedy)}</span>"
    return text + "</p>"


def code_at(place: Place) -> str:
    """The text of a line of the program."""
    return linecache.getline(place.file, place.line).strip()


def shown(place: Place) -> str:
    """A place as "program.py:12", relative to the working directory where that is shorter."""
    if place.file.startswith("<"):
        return f"{place.file}:{place.line}"
    relative = os.path.relpath(place.file) if os.path.isabs(place.file) else place.file
    return f"{min(relative, place.file, key=len)}:{place.line}"
