"""What `exclusions.txt` leaves out of Keras's own tests, and the totals of a run.

An excluded test runs and must fail: one that passes fails the run, and so does an entry that no test
bears any more, so that the list stays true. Only whole files are not read at all, because importing
them fails. A reason that begins with "needs" and the name of a module leaves a test out where the
module is not installed."""

from __future__ import annotations

import importlib.util
from collections import Counter, defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).with_name("exclusions.txt")
NEEDS = "needs "
COLUMNS = ("passed", "failed", "skipped", "excluded")


def entries(text: str) -> dict[str, str]:
    """What is left out, by node ids below `keras/src`, with the reasons."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.split("  # ", 1) for line in lines if line and not line.startswith("#")]
    return {node.strip(): reason for node, reason in pairs}


def mark(reason: str) -> Any:
    """What a reason does to a test; None where the module that it needs is there."""
    if not reason.startswith(NEEDS):
        return pytest.mark.xfail(reason=reason, strict=True)
    module = reason.removeprefix(NEEDS).split()[0]
    if importlib.util.find_spec(module) is None:
        return pytest.mark.skip(reason=reason)
    return None


def names(entry: str, node: str) -> bool:
    """Whether an entry is a test's id, the id without parameters, or a pattern with stars."""
    if "*" in entry:
        return fnmatchcase(node, entry)
    return node == entry or node.startswith(f"{entry}[")


def below(path: Path, config: pytest.Config) -> str:
    """A path as the list writes it."""
    root = config.rootpath
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


class Exclusions:
    """Marks what is excluded, finds entries without a test, and counts by directories."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.excluded = entries(LIST.read_text())
        self.stale = {e for e in self.excluded if not (config.rootpath / e.split("::")[0]).exists()}
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.worker = hasattr(config, "workerinput")

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Leave out whole files."""
        return True if below(collection_path, config) in self.excluded else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[Any]) -> None:
        """Mark what the list names."""
        unseen = set(self.excluded)
        files = set()
        for item in items:
            name = below(item.path, config)
            files.add(name)
            node = "::".join([name, *item.nodeid.split("::")[1:]])
            for entry in [e for e in self.excluded if names(e, node)]:
                unseen.discard(entry)
                found = mark(self.excluded[entry])
                if found is not None:
                    item.add_marker(found)
        if not any(["::" in argument for argument in config.args]):  # then files are read in part
            self.stale |= {e for e in unseen if e.split("::")[0] in files}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count a test once: when it ran, or when something before or after it went wrong."""
        if hasattr(report, "context") or (report.when != "call" and report.passed):
            return  # a part of a test, or what surrounds it
        outcome = report.outcome
        if outcome == "skipped" and hasattr(report, "wasxfail"):
            outcome = "excluded"
        path = report.nodeid.split("::")[0].split("keras/src/")[-1]
        self.counts[path.split("/")[0]][outcome] += 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Hear from a worker which entries it found without a test."""
        self.stale |= set(getattr(node, "workeroutput", {}).get("stale", ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail where entries have no test."""
        if self.worker:
            session.config.workeroutput["stale"] = sorted(self.stale)  # type: ignore[attr-defined]
        elif self.stale and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say the totals and what is stale."""
        write = terminalreporter.write_line
        rows = [(name, *[c[k] for k in COLUMNS]) for name, c in sorted(self.counts.items())]
        rows.append(("all", *[sum([c[k] for c in self.counts.values()]) for k in COLUMNS]))
        write("".join([f"{'directory':24}", *[f"{k:>10}" for k in COLUMNS]]))
        for name, *numbers in rows:
            write("".join([f"{name:24}", *[f"{n:>10}" for n in numbers]]))
        for entry in sorted(self.stale):
            write(f"exclusions.txt: no test is named {entry}")
