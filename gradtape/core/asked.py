"""Which public function a program asked for: errors that arise deeper down name it too.

`tf.nn.crelu(True)` fails in relu, and says "gradtape.relu(...): ... (in gradtape.nn.crelu)". The
answer is found in the frames of the stack when an error is made; nothing is noted before.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

MOST_FRAMES = 60
PUBLIC = re.compile(r"gradtape\.(api\.|compat|interop($|\.[a-z]+$))")  # modules of public names


def located(text: str) -> str:
    """An error's text with the public function that was called, if the text does not name it."""
    path = asked()
    if path is None or re.search(rf"gradtape\.([\w.]+\.)?{path.rpartition('.')[2]}\b", text):
        return text
    return f"{text} (in {path})" if text.startswith("gradtape.") else f"{path}: {text}"


def asked() -> str | None:
    """The public function that was called from outside gradtape, as in `gradtape.nn.relu`."""
    paths = _public_paths(len(sys.modules))
    found = None
    frame = inspect.currentframe()
    for _ in range(MOST_FRAMES):
        frame = frame and frame.f_back
        if frame is None or not str(frame.f_globals.get("__name__")).startswith("gradtape"):
            break
        found = paths.get(frame.f_code) or found
    return found


def public_name(primitive: Any) -> str:
    """The shortest public path of an operation's function, its own name if it has none."""
    return _primitive_paths(len(sys.modules)).get(primitive.name) or f"gradtape.{primitive.name}"


@functools.lru_cache(maxsize=1)
def _public_paths(loaded: int) -> dict[CodeType, str]:
    """The code of the public functions, each with the shortest path that leads to it.

    `loaded` is the number of modules that Python has: they grow while gradtape is imported."""
    paths: dict[CodeType, str] = {}
    owners: dict[CodeType, Any] = {}
    for path, value in _public_values():
        code = _code(value)
        if code is not None and owners.setdefault(code, value) is value:
            paths.setdefault(code, path)
        elif code is not None:  # one code for many functions names none of them
            paths[code] = ""
    return paths


@functools.lru_cache(maxsize=1)
def _primitive_paths(loaded: int) -> dict[str, str]:
    """The shortest paths of the public functions that are one primitive each."""
    paths: dict[str, str] = {}
    for path, value in _public_values():
        primitive = getattr(value, "primitive", None)
        if primitive is not None and inspect.isfunction(value):
            paths.setdefault(primitive.name, path)
    return paths


def _public_values() -> Iterator[tuple[str, Any]]:
    """The public values with their paths, the shortest first."""
    level = [("gradtape", sys.modules["gradtape"])]
    seen: set[ModuleType] = set()
    while level:
        deeper = []
        for prefix, module in level:
            for name, value in list(vars(module).items()):
                if name.startswith("_"):
                    continue
                path = f"{prefix}.{name}"
                if not isinstance(value, ModuleType):
                    yield path, value
                elif PUBLIC.match(value.__name__) and value not in seen:
                    seen.add(value)
                    deeper.append((path, value))
        level = deeper


def _code(value: Any) -> CodeType | None:
    function = (
        value.__init__
        if inspect.isclass(value)
        else inspect.unwrap(value)
        if callable(value)
        else None
    )
    if not str(getattr(function, "__module__", "")).startswith("gradtape"):
        return None
    return getattr(function, "__code__", None)
