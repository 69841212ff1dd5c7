import numpy as np
import pytest

from lmbrain.inference.correction import (
    benjamini_hochberg,
    empirical_p,
    holm,
    max_statistic,
    resamples_note,
)


def test_p_counts_the_observed_value_and_never_is_zero():
    null = np.array([[0.0], [1.0], [2.0]])
    assert empirical_p(np.array([5.0]), null) == pytest.approx(1 / 4)
    assert empirical_p(np.array([1.0]), null) == pytest.approx(3 / 4)
    assert empirical_p(np.array([-1.0]), null) == 1


def test_exact_null_holds_the_observed_value_already():
    null = np.array([[0.0], [1.0], [2.0], [3.0]])
    assert empirical_p(np.array([3.0]), null, exact=True) == pytest.approx(1 / 4)


def test_max_statistic_matches_its_definition():
    rng = np.random.default_rng(0)
    null, observed = rng.standard_normal((200, 15)), rng.standard_normal(15) + 1
    expected = [(1 + (null.max(axis=1) >= value).sum()) / 201 for value in observed]
    np.testing.assert_allclose(max_statistic(observed, null.max(axis=1)), expected)


def test_step_procedures_match_their_definitions():
    p = np.array([0.001, 0.02, 0.03, 0.5])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.004, 0.04, 0.04, 0.5])
    np.testing.assert_allclose(holm(p), [0.004, 0.06, 0.06, 0.5])


def test_too_few_resamples_for_false_discovery_control_are_said():
    note = resamples_note(6120, 10000, 0.05)
    assert "at least 13 tests" in note
    assert resamples_note(6120, 122399, 0.05) is None
    assert resamples_note(6120, 122398, 0.05) is not None
