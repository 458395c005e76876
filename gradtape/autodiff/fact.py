"""`Fact`: where in the program something was recorded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """Where in the program something was recorded.

    Attributes:
        file, line, function: the place in the program.
        scope: the name scopes around it, as in "encoder/layer3".
    """

    file: str
    line: int
    function: str = ""
    scope: str = ""

    @property
    def place(self) -> str:
        """The file, without its folders, and the line."""
        return f"{self.file.replace(chr(92), '/').rpartition('/')[2]}:{self.line}"
