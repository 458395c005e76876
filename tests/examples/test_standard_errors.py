"""Estimates and errors of the logistic regression, beside scikit-learn, NumPy and the likelihood."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit
from scipy.stats import chi2

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import standard_errors


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> standard_errors.Fit:
    picture = tmp_path_factory.mktemp("errors") / "errors.png"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        fit = standard_errors.main(["--resamples", "300", "--points", "21", "--plot", str(picture)])
    assert "Largest slope left" in printed.getvalue()
    assert picture.stat().st_size > 10_000
    return fit


def test_the_references_agree(found: standard_errors.Fit) -> None:
    assert found.slope < 1e-10
    assert found.difference("estimates") < 1e-6
    assert found.difference("errors") < 1e-10


def test_the_ends_of_a_profile_have_the_likelihood_of_95_percent(
    found: standard_errors.Fit,
) -> None:
    x, y = standard_errors.load()

    def loss(beta: np.ndarray) -> float:
        return -float(np.sum(log_expit(np.where(y > 0, 1, -1) * (x @ beta))))

    for end in found.profile[2]:
        rest = minimize(
            lambda free, end=end: loss(np.insert(free, 2, end)), np.delete(found.estimates, 2)
        )
        fallen = 2 * (rest.fun - loss(found.estimates))
        assert fallen == pytest.approx(chi2.ppf(0.95, 1), rel=0.01)


def test_a_sample_drawn_anew_is_fitted_like_any_other(found: standard_errors.Fit) -> None:
    x, y = standard_errors.load()
    counts = np.random.default_rng(0).multinomial(len(y), np.full(len(y), 1 / len(y)), size=300)
    for row in (0, 299):
        p = 1 / (1 + np.exp(-x @ found.resampled[row]))
        np.testing.assert_allclose(x.T @ (counts[row] * (y - p)), 0.0, atol=1e-7)


def test_the_intervals_are_of_one_size(found: standard_errors.Fit) -> None:
    for ends in found.intervals.values():
        assert np.all(ends[:, 0] < found.estimates)
        assert np.all(found.estimates < ends[:, 1])
        ratio = (ends[:, 1] - ends[:, 0]) / (2 * standard_errors.NORMAL * found.errors)
        assert np.all(np.abs(ratio - 1) < 0.6)
