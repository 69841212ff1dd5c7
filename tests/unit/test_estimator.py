import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from lmbrain.encoding.estimator import NestedRidge
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError

GRID = (1.0, 30.0, 1000.0)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 8)) * 3 + 1
    return features, features[:, :4] @ rng.standard_normal((4, 3)) + rng.standard_normal((200, 3))


def test_fit_gives_the_nested_cross_validation(data):
    features, responses = data
    model = NestedRidge(GRID, n_folds=4, gap=3).fit(features, responses)
    folds = make_folds(np.full(200, "s"), np.arange(200), np.ones(200, bool), 4, 3)
    expected = nested_ridge(features, responses, folds, GRID, dtype=np.float64)
    np.testing.assert_array_equal(model.prediction_, expected.prediction)
    np.testing.assert_array_equal(model.penalty_, expected.penalty)
    np.testing.assert_array_equal(model.r_, expected.r)


def test_new_data_get_the_ridge_of_all_samples_at_the_median_penalty(data):
    features, responses = data
    model = NestedRidge(GRID, n_folds=4).fit(features, responses)
    new = features[:7] + 0.5
    mean, sd = features.mean(0), features.std(0)
    for target in range(3):
        penalty = np.exp(np.median(np.log(model.penalty_[:, target])))
        ridge = Ridge(alpha=penalty).fit((features - mean) / sd, responses[:, target])
        expected = ridge.predict((new - mean) / sd)
        np.testing.assert_allclose(model.predict(new)[:, target], expected, atol=1e-9)


def test_bands_weigh_the_model_of_all_samples(data):
    features, responses = data
    bands, weights = np.repeat([0, 1], 4), np.array([[1.0, 0.001]])
    model = NestedRidge(GRID, n_folds=4, bands=bands, band_weights=weights)
    model.fit(features, responses[:, 0])
    x = (features - features.mean(0)) / features.std(0) * np.sqrt(weights[0][bands])
    ridge = Ridge(alpha=np.exp(np.median(np.log(model.penalty_)))).fit(x, responses[:, 0])
    np.testing.assert_allclose(model.predict(features), ridge.predict(x), atol=1e-9)


def test_a_column_that_never_varied_has_no_say_in_new_data(data):
    features, responses = data
    features = np.column_stack([features, np.full(len(features), 0.3)])
    model = NestedRidge(GRID, n_folds=4).fit(features, responses)
    np.testing.assert_array_equal(model.coef_[:, -1], 0)


def test_weights_without_bands_are_those_of_one_band(data):
    features, responses = data
    plain = NestedRidge((1.0, 30.0), n_folds=4).fit(features, responses)
    half = NestedRidge((0.5, 15.0), n_folds=4, band_weights=[[0.5]]).fit(features, responses)
    np.testing.assert_allclose(half.coef_, plain.coef_, atol=1e-9)


def test_given_blocks_are_the_folds(data):
    features, responses = data
    blocks = np.repeat([0, 1, 2, -1], [60, 80, 40, 20])
    model = NestedRidge(GRID).fit(features, responses, folds=blocks)
    assert model.r_per_fold_.shape == (3, 3)
    np.testing.assert_array_equal(np.isnan(model.prediction_[:, 0]), blocks == -1)


def test_too_few_samples_for_the_folds_are_refused(data):
    with pytest.raises(LmbrainError, match="too few for 10 folds"):
        NestedRidge(GRID).fit(data[0][:20], data[1][:20])


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([0, 2, 3], "Block 1 of the folds holds no sample"),
        ([0, 1, 1], r"numbered \[0, 1\]; number at least 3"),
        ([-1, -1, -1], "number at least 3"),
        ([0, 1, -2], "number at least 3"),
    ],
)
def test_given_blocks_that_cannot_be_cross_validated_are_refused(data, blocks, message):
    with pytest.raises(LmbrainError, match=message):
        NestedRidge(GRID).fit(*data, folds=np.repeat(blocks, [60, 80, 60]))


def test_blocks_of_another_length_are_refused(data):
    with pytest.raises(LmbrainError, match="a block to 199 samples and a position to 200"):
        NestedRidge(GRID).fit(*data, folds=np.zeros(199, int))


def test_it_can_be_cloned_with_its_settings():
    model = clone(NestedRidge(GRID, gap=2, dtype="float32"))
    assert (model.penalties, model.gap, model.dtype) == (GRID, 2, "float32")


@pytest.mark.filterwarnings("ignore:The (smallest|largest) penalty")
@parametrize_with_checks(
    [NestedRidge(GRID, n_folds=3)],
    expected_failed_checks=lambda _: {
        "check_fit2d_1sample": "one sample stops with LmbrainError, not ValueError"
    },
)
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def test_a_grid_that_is_too_narrow_is_warned_of(data):
    features, _ = data
    with pytest.warns(UserWarning, match="smallest penalty, 100, won 100%"):
        NestedRidge((100.0, 1000.0), n_folds=4).fit(features, features[:, 0])
