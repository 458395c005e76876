"""The differences that are meant: the row of the documents, the aspect, and the calls."""

from __future__ import annotations

EXPECTED: list[tuple[str, str, list[str]]] = []
