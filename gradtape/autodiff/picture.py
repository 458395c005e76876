"""`Picture`: what a tape recorded, to be looked at: as text, in colours in a terminal, as SVG, and
in a notebook."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gradtape.autodiff.anatomy import OPERATION, Anatomy, Entry, Facts
from gradtape.autodiff.asking import flat_sources, flat_targets, node_of
from gradtape.autodiff.picture_boxes import MANY, Folded
from gradtape.autodiff.picture_page import page
from gradtape.autodiff.picture_svg import svg
from gradtape.autodiff.picture_text import (
    Share,
    by_line,
    by_type,
    coloured,
    headline,
    plain,
)
from gradtape.autodiff.picture_words import Weight
from gradtape.core import nest
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.record import Node, Recording

MOST = 60


class Picture:
    """What a tape recorded, to be looked at.

    `tape.picture(target)` makes one. `print` shows it as text, `rich.print` in colours, a notebook
    as a drawing with tables; `save` writes it to a file. It holds numbers and words alone: nothing
    that the tape keeps lives longer because of it.

    Args:
        anatomy: what was recorded.
        most: how many boxes there may be: where there are more operations, they are folded by name
            scope, where something repeats itself, and by line.
        expand: a name scope, or the title of a box, or several: they are shown in full.
        fold: False shows every operation.
        marks: texts in red at operations, by the numbers of their nodes.

    Example:
        >>> import gradtape as tf
        >>> v = tf.Variable([3.0, 4.0], name="v")
        >>> with tf.GradientTape() as tape:
        ...     y = tf.reduce_sum(tf.exp(v * 0.0))
        >>> print(tape.picture(y))
        3 operations, 1 source; 12 B kept for the backward pass
        <BLANKLINE>
          operation       result      keeps       gradient rms  max
          v (variable)    float32[2]                         0    0
          multiply(·, —)  float32[2]  y: 4 B                 1    1
          exp             float32[2]  out: 8 B               1    1
          reduce_sum      float32[]                          1    1
        <BLANKLINE>
        kept by operation
          exp         1 ×  8 B
          multiply    1 ×  4 B
          reduce_sum  1 ×  0 B
    """

    def __init__(
        self,
        anatomy: Anatomy,
        most: int = MOST,
        expand: str | Collection[str] | None = None,
        fold: bool = True,
        marks: Mapping[int, str] | None = None,
    ) -> None:
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise InvalidArgumentError(
                f"gradtape.GradientTape.picture: most must be a positive integer, not"
                f" {brief(most)}. It is the number of boxes that there may be."
            )
        names = [expand] if isinstance(expand, str) else list(expand or ())
        names = [name.strip("/") for name in names]
        self._anatomy = anatomy
        self._marks = {**anatomy.marks, **(marks or {})}
        self._shown = (most, names, fold)
        self._refuse_unknown(names)

    def _refuse_unknown(self, names: Collection[str]) -> None:
        """Raise for a name to expand that is neither a scope nor a box."""
        boxes = Picture(self._anatomy, self._shown[0]).folded().boxes if names else []
        scopes = [e.name for e in self._anatomy.entries]
        for name in names:
            known = any([s.startswith(f"{name}/") for s in scopes])
            if not known and not any([name in (b.title, b.group.title) for b in boxes]):
                several = [b.title for b in boxes if b.kind == MANY]
                raise InvalidArgumentError(
                    f"gradtape.GradientTape.picture: there is no scope or box {name!r} to expand."
                    f" Boxes of several operations: {', '.join(several) or 'none'}."
                )

    def shown(
        self, most: int = MOST, expand: str | Collection[str] | None = None, fold: bool = True
    ) -> Picture:
        """The same, with other boxes open; see the arguments of the class."""
        return Picture(self._anatomy, most, expand, fold, self._marks)

    def marked(self, marks: Mapping[int, str]) -> Picture:
        """The same, with texts in red at operations, by the numbers of their nodes."""
        most, names, fold = self._shown
        return Picture(self._anatomy, most, names, fold, {**self._marks, **marks})

    # numbers

    @property
    def operations(self) -> list[Entry]:
        """The operations, oldest first."""
        return [e for e in self._anatomy.entries if e.kind == OPERATION]

    @property
    def sources(self) -> list[Entry]:
        """The variables and watched tensors."""
        return [e for e in self._anatomy.entries if e.kind != OPERATION]

    @property
    def edges(self) -> list[Any]:
        """The inputs of operations that are on the tape, with the gradients that flow back."""
        return self._anatomy.edges

    @property
    def bytes(self) -> int:
        """The bytes that are kept for the backward pass; shared buffers count once."""
        return Weight(self._anatomy.entries).bytes

    @property
    def own_bytes(self) -> int:
        """Those of them that belong to the sources and would be there without the tape."""
        return Weight(self._anatomy.entries).own

    def by_type(self) -> list[Share]:
        """What each type of operation keeps, the most first."""
        return by_type(self._anatomy)

    def by_line(self) -> list[Share]:
        """What each line of the program lets the tape keep, the most first, where lines are
        known."""
        return by_line(self._anatomy)

    # looks

    def folded(self) -> Folded:
        """The boxes and arrows that are shown."""
        most, names, fold = self._shown
        return Folded(self._anatomy, most, names, fold, self._marks)

    def __str__(self) -> str:
        return plain(self._anatomy, self.folded())

    __repr__ = __str__

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        return coloured(self._anatomy, self.folded(), options.max_width)

    def svg(self) -> str:
        """The drawing as SVG, for light and dark surroundings."""
        return svg(self.folded(), headline(self._anatomy), self._anatomy.flowing)

    def _repr_html_(self) -> str:
        return page(self._anatomy, self.folded())

    def save(self, path: Any) -> None:
        """Write the picture to a file, as its name ends: .svg, .html or .txt.

        Raises:
            InvalidArgumentError: when it ends otherwise.
        """
        path = Path(path)
        make = {".svg": self.svg, ".html": self._repr_html_, ".txt": self.__str__}.get(path.suffix)
        if make is None:
            raise InvalidArgumentError(
                f"gradtape.GradientTape.picture: cannot save as {path.name!r}. Write a name that"
                ' ends in .svg, .html or .txt, as in picture.save("tape.svg").'
            )
        path.write_text(make(), encoding="utf-8")


def picture(
    recording: Recording, target: Any, sources: Any, facts: Facts | None = None, **how: Any
) -> Picture:
    """What `GradientTape.picture` returns."""
    targets = [] if target is None else flat_targets(target)
    flat = None if sources is None else flat_sources(sources, "picture")
    anatomy = Anatomy(recording, targets, flat, _names(sources), facts)
    return Picture(anatomy, **how)


def _names(sources: Any) -> dict[Node, str]:
    """The keys under which sources are given, where they are given in a dictionary."""
    if not isinstance(sources, dict):
        return {}
    found = {}
    for key, value in sources.items():
        for item in nest.flatten(value):
            node = node_of(item)
            if node is not None:
                found[node] = str(key)
    return found
