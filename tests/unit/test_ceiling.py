import numpy as np
import pytest

from lmbrain.encoding.folds import make_folds
from lmbrain.errors import LmbrainError
from lmbrain.meg.ceiling import cross_subject_correlation, noise_ceiling


def cohort(people=4, n=1500, strengths=(0.0, 0.5, 2.0), seed=0):
    """Responses = strength x shared signal + private noise of unit variance; one sensor each."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, len(strengths), 2))
    signal = shared * np.asarray(strengths)[:, None]
    responses = [signal + rng.standard_normal(signal.shape) for _ in range(people)]
    folds = make_folds(np.array(["story"] * n), np.arange(n), np.ones(n, bool), 5, 0)
    return responses, signal, folds


def test_reliability_and_leave_one_out_equal_explicit_loops():
    responses, _, folds = cohort(n=100)
    result = noise_ceiling(responses, folds)
    for sensor, time in ((0, 0), (2, 1)):
        pairs, alone = [], np.zeros(4)
        for k in range(5):
            z = np.array([r[folds.test(k), sensor, time] for r in responses])
            table = np.corrcoef(z)
            pairs.append(table[np.triu_indices(4, 1)].mean())
            z = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
            for p in range(4):
                alone[p] += np.corrcoef(z[p], np.delete(z, p, 0).mean(0))[0, 1] / 5
        assert result.reliability[sensor, time] == pytest.approx(np.mean(pairs))
        np.testing.assert_allclose(result.leave_one_out[:, sensor, time], alone, atol=1e-12)


def test_the_ceiling_is_what_the_true_signal_reaches():
    responses, signal, folds = cohort()
    result = noise_ceiling(responses, folds)
    truth = cross_subject_correlation(responses, [signal + 1e-12 * responses[0]] * 4, folds)
    np.testing.assert_allclose(result.ceiling[1:], truth.mean(axis=0)[1:], atol=0.03)
    assert result.ceiling[0].max() < 0.2
    assert result.note == ""


def test_correlations_stay_inside_folds():
    """A difference of level between blocks, shared by all people, is no reliability."""
    responses, _, folds = cohort(strengths=(0.0,))
    level = 20.0 * folds.block[:, None, None]
    result = noise_ceiling([r + level for r in responses], folds)
    assert np.abs(result.reliability).max() < 0.05


def test_one_person_gets_no_ceiling_and_a_reason():
    responses, _, folds = cohort(people=1)
    result = noise_ceiling(responses, folds)
    assert np.isnan(result.reliability).all()
    assert np.isnan(result.ceiling).all()
    assert result.leave_one_out.shape == (1, 3, 2)
    assert "no ceiling can be estimated" in result.note


def test_people_with_different_words_are_refused():
    responses, _, folds = cohort(people=2)
    with pytest.raises(LmbrainError, match="must be the same for all people"):
        noise_ceiling([responses[0], responses[1][1:]], folds)
