import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lmbrain.artefacts import write_netcdf
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.scores import pearson
from lmbrain.inference.fits import Fit, read_fit
from lmbrain.inference.jackknife import jackknife, mean_over_people


def folds_of(n, outer, gap=0.0):
    return make_folds(np.full(n, "a"), np.arange(float(n)), np.ones(n, bool), outer, gap)


def test_for_a_mean_of_independent_folds_it_is_the_standard_error():
    per_fold = np.random.default_rng(0).standard_normal((8, 5))
    left_out = (per_fold.sum(axis=0) - per_fold) / 7
    found = jackknife(per_fold, left_out, folds_of(160, 8))
    np.testing.assert_allclose(found.error, stats.sem(per_fold, axis=0))
    expected = stats.t.sf(found.effect / found.error, 7)
    np.testing.assert_allclose(found.p, expected)
    half = stats.t.ppf(0.975, 7) * found.error
    np.testing.assert_allclose(found.interval, [found.effect - half, found.effect + half])


def test_a_gap_makes_the_scores_without_a_block_differ_more_than_the_block_alone_would():
    """The mean of all samples, and the means without each block and the gap beside it."""
    folds, rng = folds_of(400, 8, 10.0), np.random.default_rng(0)
    samples = rng.standard_normal((400, 5000))
    per_fold = np.array([samples[folds.test(k)].mean(axis=0) for k in range(8)])
    left_out = np.array([samples[folds.train(k)].mean(axis=0) for k in range(8)])
    error = jackknife(per_fold, left_out, folds).error
    assert np.mean(error**2) == pytest.approx(1 / 400, rel=0.05)
    assert np.mean(jackknife(per_fold, left_out, folds_of(400, 8)).error ** 2) > 1.3 / 400


def test_no_effect_and_no_error_is_no_evidence():
    assert jackknife(np.zeros((5, 1)), np.zeros((5, 1)), folds_of(50, 5)).p == 0.5


def test_scores_without_a_block_come_from_fits_that_saw_nothing_of_it():
    """Other responses inside a block change no score that leaves the block out."""
    rng = np.random.default_rng(0)
    folds = folds_of(120, 4)
    features, response = rng.standard_normal((120, 3)), rng.standard_normal((120, 2))
    before = Fit.of(nested_ridge(features, response, folds, [10.0, 100.0]))
    response[folds.test(2)] = rng.standard_normal((30, 2))
    after = Fit.of(nested_ridge(features, response, folds, [10.0, 100.0]))
    np.testing.assert_allclose(after.left_out_r[2], before.left_out_r[2], atol=1e-6)
    assert not np.allclose(after.left_out_r[1], before.left_out_r[1])


def test_scores_without_a_block_match_fits_by_hand():
    rng = np.random.default_rng(1)
    folds = folds_of(120, 4)
    features, response = rng.standard_normal((120, 3)), rng.standard_normal((120, 1))
    found = Fit.of(nested_ridge(features, response, folds, [10.0, 10.0 + 1e-9]))
    scores = []
    for inner in (0, 1, 3):
        train = ~np.isin(folds.block, [inner, 2])
        mean, sd = features[train].mean(axis=0), features[train].std(axis=0)
        z = (features - mean) / sd
        centred = response[train] - response[train].mean()
        centred /= response[train].std()
        weights = np.linalg.solve(z[train].T @ z[train] + 10 * np.eye(3), z[train].T @ centred)
        scores.append(pearson(z[folds.test(inner)] @ weights, response[folds.test(inner)]))
    assert found.left_out_r[2] == pytest.approx(np.mean(scores), abs=1e-5)


def test_a_fit_reads_back_from_its_files(tmp_path):
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((6, 2, 3)), rng.standard_normal((4, 2, 3))
    dims = ("sample", "sensor", "time"), ("fold", "sensor", "time")
    held_out = xr.DataArray(arrays[0], dims=dims[0], name="prediction")
    scores = {
        name: (dims[1], arrays[1] + i) for i, name in enumerate(("r_per_fold", "validation_r"))
    }
    write_netcdf(held_out.to_dataset(), tmp_path / "prediction.nc", {})
    write_netcdf(xr.Dataset(scores), tmp_path / "scores.nc", {})
    fit = read_fit(tmp_path / "scores.nc", tmp_path / "prediction.nc")
    np.testing.assert_array_equal(fit.prediction, arrays[0].reshape(6, 6))
    np.testing.assert_array_equal(fit.r_per_fold, arrays[1].reshape(4, 6))
    np.testing.assert_array_equal(fit.left_out_r, arrays[1].reshape(4, 6) + 1)


def test_the_error_of_people_with_blocks_of_their_own_is_that_of_their_mean():
    """Means of words in which people share half of their variance; four of eight lack half."""
    folds, rng = folds_of(200, 10, 2.0), np.random.default_rng(0)
    owns = [folds if p < 4 else folds.of_person(folds.block < 5) for p in range(8)]
    shared = rng.standard_normal((200, 4000))
    people, truth = [], 0.0
    for own in owns:
        values = shared + rng.standard_normal((200, 4000))
        per_fold = np.array([values[own.test(k)].mean(axis=0) for k in range(own.n_outer)])
        left_out = np.array([values[own.train(k)].mean(axis=0) for k in range(own.n_outer)])
        people.append((per_fold, left_out, own))
        truth = truth + per_fold.mean(axis=0) / 8
    mean = mean_over_people(people, folds)
    found = jackknife(mean.per_fold, mean.left_out, folds, mean.blocks)
    np.testing.assert_allclose(found.effect, truth, atol=1e-12)
    assert np.mean(found.error**2) == pytest.approx(np.var(truth), rel=0.06)
    covered = (found.interval[0] <= 0) & (found.interval[1] >= 0)
    assert 0.94 <= covered.mean() <= 0.97
    weights = np.repeat([1.5, 0.5], 5)
    assert mean.blocks == pytest.approx((weights**2).sum() ** 2 / (weights**4).sum())


def test_blocks_that_all_people_lack_do_not_count():
    folds, rng = folds_of(200, 10), np.random.default_rng(0)
    own = folds.of_person(folds.block < 6)
    people = [(*rng.standard_normal((2, 6, 3)), own) for _ in range(2)]
    mean = mean_over_people(people, folds)
    found = jackknife(mean.per_fold, mean.left_out, folds, mean.blocks)
    alone = jackknife(*(np.mean([p[i] for p in people], axis=0) for i in (0, 1)), own)
    for name in ("effect", "error", "interval", "p"):
        np.testing.assert_allclose(getattr(found, name), getattr(alone, name))


def test_a_fit_of_a_person_reads_back_in_her_own_folds(tmp_path):
    rng = np.random.default_rng(0)
    folds = folds_of(60, 5)
    own = folds.of_person(folds.block != 1)
    prediction = xr.DataArray(
        rng.standard_normal((60, 2, 1)), dims=("sample", "sensor", "time"), name="prediction"
    )
    values = rng.standard_normal((4, 2, 1))
    on_study = (("fold", "sensor", "time"), own.onto_study(values))
    write_netcdf(prediction.to_dataset(), tmp_path / "prediction.nc", {})
    scores = xr.Dataset({"r_per_fold": on_study, "validation_r": on_study})
    write_netcdf(scores, tmp_path / "scores.nc", {})
    fit = read_fit(tmp_path / "scores.nc", tmp_path / "prediction.nc", own)
    np.testing.assert_array_equal(fit.r_per_fold, values.reshape(4, 2))
    assert fit.folds is own
