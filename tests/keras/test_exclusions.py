"""The list of tests that are left out is true: what is excluded fails, and what is listed exists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.keras import exclusions

pytest_plugins = ("pytester",)

TESTS = """
import unittest

class Things(unittest.TestCase):
    def test_good(self):
        pass

    def test_bad(self):
        raise AssertionError

    def test_bad_too(self):
        raise AssertionError
"""


class Door:
    """Brings the exclusions into a run of pytest."""

    def pytest_configure(self, config: pytest.Config) -> None:
        self.exclusions = exclusions.Exclusions(config)
        config.pluginmanager.register(self.exclusions)


@pytest.fixture
def verdict(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs three tests, two of which fail, with a list: the exit status, what was counted, and the
    entries without a test."""

    def run(*rows: str) -> tuple[int, dict[str, int], set[str]]:
        listing = pytester.makefile(".txt", listing="\n".join(["# a heading", "", *rows]))
        monkeypatch.setattr(exclusions, "LIST", listing)
        pytester.makepyfile(things_test=TESTS)
        door = Door()
        options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "things_test.py")
        status = pytester.inline_run(*options, plugins=[door]).ret
        return int(status), dict(*door.exclusions.counts.values()), door.exclusions.stale

    return run


BAD = "things_test.py::Things::test_bad  # it is bad"
BAD_TOO = "things_test.py::Things::test_bad_too  # it is bad, too"


def test_what_is_excluded_fails_and_the_run_does_not(verdict: Any) -> None:
    assert verdict(BAD, BAD_TOO) == (0, {"passed": 1, "excluded": 2}, set())


def test_a_star_stands_for_any_letters(verdict: Any) -> None:
    row = "things_test.py::*::test_bad*  # both are bad"
    assert verdict(row) == (0, {"passed": 1, "excluded": 2}, set())


def test_a_failure_that_is_not_listed_fails_the_run(verdict: Any) -> None:
    assert verdict(BAD) == (1, {"passed": 1, "excluded": 1, "failed": 1}, set())


def test_an_excluded_test_that_passes_fails_the_run(verdict: Any) -> None:
    good = "things_test.py::Things::test_good  # was bad once"
    assert verdict(BAD, BAD_TOO, good) == (1, {"excluded": 2, "failed": 1}, set())


@pytest.mark.parametrize("entry", ["things_test.py::Things::test_gone", "gone_test.py"])
def test_an_entry_without_a_test_fails_the_run(verdict: Any, entry: str) -> None:
    status, counted, stale = verdict(BAD, BAD_TOO, f"{entry}  # gone")
    assert (status, counted, stale) == (1, {"passed": 1, "excluded": 2}, {entry})


def test_what_a_test_needs(verdict: Any) -> None:
    missing = "things_test.py::Things::test_bad  # needs no_such_module"
    assert verdict(missing, BAD_TOO) == (0, {"passed": 1, "skipped": 1, "excluded": 1}, set())
    there = "things_test.py::Things::test_good  # needs pytest"
    assert verdict(there, BAD, BAD_TOO) == (0, {"passed": 1, "excluded": 2}, set())


def test_the_list_gives_each_entry_one_reason() -> None:
    rows = [r for r in exclusions.LIST.read_text().splitlines() if r and not r.startswith("#")]
    read = exclusions.entries(exclusions.LIST.read_text())
    assert len(read) == len(rows)
    assert all(read.values())
