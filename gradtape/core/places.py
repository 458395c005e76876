"""Places in the user's program, also where the code that runs was rewritten by AutoGraph."""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
from types import TracebackType

# the user's lines, by rewritten file and line
rewritten: dict[str, dict[int, tuple[str, int]]] = {}
GENERATED = "__autograph_generated_file"
PART = re.compile(r"(if|else|loop)_body|(loop|extra)_test|[gs]et_state")
SHELLS = ("<ipython-input", "<doctest")
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARIES = tuple(
    [
        os.path.join(os.path.abspath(path), "")
        for path in (
            _HERE, os.path.join(os.path.dirname(_HERE), "keras_gradtape"),
            *[sysconfig.get_path(p) for p in ("stdlib", "platstdlib", "purelib", "platlib")],
        )
    ]
)  # fmt: skip


def of_library(filename: str) -> bool:
    """Whether code belongs to Python, to an installed package, to gradtape, or to no file."""
    if filename.startswith("<"):
        return not filename.startswith(SHELLS)
    return filename.startswith(LIBRARIES) or GENERATED in filename


def users_place(filename: str, line: int) -> tuple[str, int]:
    """The user's file and line for a place in code that runs."""
    lines = rewritten.get(filename)
    return (filename, line) if lines is None else lines.get(line, (filename, line))


def users_trace(traceback: TracebackType | None) -> list[str]:
    """The frames of an exception that are of the user's code, as Python shows them."""
    frames: list[tuple[str, str, int, str]] = []
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_name
        actual = traceback.tb_frame.f_code.co_filename
        filename, line = users_place(actual, traceback.tb_lineno)
        if not of_library(filename):
            if actual in rewritten:
                name = name.removeprefix("ag__")
                if PART.match(name) and frames and frames[-1][0] == actual:
                    name = frames.pop()[3]
            frames.append((actual, filename, line, name))
        traceback = traceback.tb_next
    shown = []
    for _, filename, line, name in frames:
        shown.append(f'  File "{filename}", line {line}, in {name}')
        shown.append(f"    {linecache.getline(filename, line).strip()}")
    return shown
