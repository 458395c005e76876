"""The certified NIST regressions are reached to six digits from both published starts."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "nist_strd.py"
NAME = "gradtape_example_nist_strd"
DIGITS = 6.0
ROUNDED_DIGITS = 2.0
PROBLEMS = 27
WANTED = 25


def _example() -> ModuleType:
    """Import the example from its file, once."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, EXAMPLE)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[NAME] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[NAME])
    return sys.modules[NAME]


nist = _example()
NAMES = list(nist.MODELS)


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, int], Any]:
    """Every fit, by problem and start."""
    return {(result.problem.name, result.start): result for result in nist.fit_all()}


def test_all_problems_are_there() -> None:
    """The table covers the 27 data files, and at most two problems are excused."""
    assert sorted(NAMES) == sorted(path.stem for path in nist.DATA.glob("*.dat"))
    assert len(NAMES) == PROBLEMS
    assert set(nist.KNOWN_FAILURES) < set(NAMES)
    assert len(nist.KNOWN_FAILURES) <= PROBLEMS - WANTED


@pytest.mark.parametrize("name", NAMES)
def test_file_is_whole(name: str) -> None:
    """The observations are all there, and the certified sum of squares fits the deviation."""
    text = (nist.DATA / f"{name}.dat").read_text()
    problem = nist.load(name)
    squares = float(re.findall(r"Residual Sum of Squares: +(\S+)", text)[0])
    observations = int(re.findall(r"Number of Observations: +(\d+)", text)[0])
    freedom = observations - len(problem.certified)
    assert len(problem.response) == len(problem.predictors) == observations
    assert squares == pytest.approx(freedom * problem.certified_deviation**2, rel=1e-9)
    assert problem.starts[0].shape == problem.starts[1].shape == problem.certified_errors.shape


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_parameters(results: dict[tuple[str, int], Any], name: str, start: int) -> None:
    """Every parameter agrees with its certified value, in the excused problems too."""
    assert results[name, start].parameter_digits >= DIGITS


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_residual_deviation(results: dict[tuple[str, int], Any], name: str, start: int) -> None:
    """The residual standard deviation agrees too, as far as float64 can hold it."""
    wanted = ROUNDED_DIGITS if name in nist.KNOWN_FAILURES else DIGITS
    assert results[name, start].deviation_digits >= wanted


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in nist.KNOWN_FAILURES])
def test_standard_errors(results: dict[tuple[str, int], Any], name: str, start: int) -> None:
    """The certified errors of the parameters follow from the tape's Jacobian at the solution."""
    assert results[name, start].error_digits >= DIGITS


def test_enough_problems_are_good(results: dict[tuple[str, int], Any]) -> None:
    """At least 25 problems reach six digits in everything from both starts."""
    good = [name for name in NAMES if results[name, 1].good and results[name, 2].good]
    assert len(good) >= WANTED
