import numpy as np
import pytest

from bench import denoising_gain
from lmbrain.encoding.scores import pearson
from lmbrain.meg.ceiling import noise_ceiling


def test_simulated_people_have_the_planted_reliability_and_share_that_features_explain(monkeypatch):
    monkeypatch.setattr(denoising_gain, "WORDS", 6000)
    people = denoising_gain.simulate(0.3, 0.6, seed=0)
    for signal, response in zip(people.signals, people.responses, strict=True):
        assert pearson(signal, response).mean() ** 2 == pytest.approx(0.3, abs=0.02)
        fitted = np.linalg.lstsq(people.features, signal)[0]
        assert pearson(people.features @ fitted, signal).mean() ** 2 == pytest.approx(0.6, abs=0.05)
    # Everybody mixes the sources in a way of her own, so that sensors share less than their signal.
    shared = noise_ceiling([r[:, :, None] for r in people.responses], people.folds).reliability
    assert 0.05 < shared.mean() < 0.29


def test_r_with_denoised_responses_flatters_and_these_are_nearer_to_the_signal(monkeypatch):
    monkeypatch.setattr(denoising_gain, "PEOPLE", 3)
    monkeypatch.setattr(denoising_gain, "WORDS", 900)
    found = denoising_gain.scores(denoising_gain.simulate(0.3, 0.2, seed=1))
    _, with_denoised, with_raw, *_, recording, denoised = found
    assert with_denoised > with_raw + 0.1
    assert denoised > recording + 0.1
