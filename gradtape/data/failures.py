"""Errors that a thread raised: they wait in the element's place until the program comes to it."""

from __future__ import annotations

from typing import Any

from gradtape.core.errors import UnknownError
from gradtape.data.coding import State


class Failure:
    """An error in place of an element."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @staticmethod
    def coded(item: Any) -> State | None:
        """A failure as JSON: its text; None for anything else."""
        if not isinstance(item, Failure):
            return None
        return {"error": f"{type(item.error).__name__}: {item.error}"}

    @staticmethod
    def decoded(code: State) -> Failure | None:
        """The failure that was written down, if it was one."""
        text = code.get("error")
        if text is None:
            return None
        return Failure(UnknownError(f"gradtape.data.Iterator: before its state was saved: {text}"))
