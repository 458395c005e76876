"""Places in the user's program, also where the code that runs was rewritten by AutoGraph."""

from __future__ import annotations

from types import TracebackType

rewritten: dict[str, dict[int, tuple[str, int]]] = {}  # the user's lines, by rewritten file and line


def users_place(filename: str, line: int) -> tuple[str, int]:
    """The user's file and line for a place in code that runs."""
    lines = rewritten.get(filename)
    return (filename, line) if lines is None else lines.get(line, (filename, line))


def users_trace(traceback: TracebackType | None) -> list[tuple[str, int, str]]:
    """File, line and function of the frames of an exception that are of the user's rewritten code."""
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        lines = rewritten.get(code.co_filename)
        if lines is not None and traceback.tb_lineno in lines:
            found.append((*lines[traceback.tb_lineno], code.co_name.removeprefix("ag__")))
        traceback = traceback.tb_next
    return found
