"""What every test runs under: JAX with 64-bit types, quietly, on the CPU."""

from __future__ import annotations

import importlib
import os

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")


@pytest.fixture(autouse=True)
def _warnings_anew() -> None:
    """What is said only the first few times is said again in each test."""
    for module, name in (("asking", "_warned"), ("batching", "_said")):
        getattr(importlib.import_module(f"gradtape.autodiff.{module}"), name).clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many primitives stood how many checks, when the whole table was run."""
    done = {report.nodeid for report in terminalreporter.stats.get("passed", [])}
    for path in ("tests/ops/test_rules", "tests/graph/test_compiled_rows"):
        if f"{path}.py::test_count" in done:
            rules = importlib.import_module(path.replace("/", "."))
            ran = sum(f"{path}.py" in nodeid for nodeid in done)
            terminalreporter.write_line(f"{rules.count()}; {ran} of them by themselves in this run")
