"""The case table: one row (or more) for each primitive, gathered from one file for each family."""

from __future__ import annotations

import importlib
import pkgutil

from tests.ops.case import Case


def all_cases() -> list[Case]:
    """Every row of the table, in the order of the files' names."""
    rows: list[Case] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        rows.extend(importlib.import_module(f"{__name__}.{module}").CASES)
    return rows
