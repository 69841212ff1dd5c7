import numpy as np
import pytest
import xarray as xr

from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.encoding.space import FeatureSpace
from lmbrain.encoding.sweep import sweep

N, GRID = 200, [1.0, 100.0]


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def folds():
    return make_folds(np.full(N, "s"), np.arange(N), np.ones(N, bool), 4, 2)


def as_space(*parts):
    return FeatureSpace(["x"] * len(parts), np.hstack(parts), np.zeros(0, int))


def run(states, controls, values, folds):
    responses = xr.DataArray(
        values.reshape(N, 2, 1).astype(np.float32),
        dims=("sample", "sensor", "time"),
        coords={"sensor": ["a", "b"], "time": [0.1]},
    )
    return sweep(
        lambda parts: as_space(*parts),
        lambda parts: as_space(controls, *parts),
        as_space(controls),
        {choice: (lambda part=part: [part]) for choice, part in states.items()},
        responses,
        folds,
        penalties=GRID,
        penalty_per="target",
    )


def test_each_choice_is_scored_alone_and_beyond_the_controls(rng, folds):
    states = {(c, layer): rng.standard_normal((N, 4)) for c in (5, 20) for layer in (1, 2)}
    controls = rng.standard_normal((N, 2))
    values = np.column_stack([states[20, 1][:, 0] + controls[:, 0], states[5, 2][:, 1]])
    values += 0.5 * rng.standard_normal((N, 2))
    found = run(states, controls, values, folds)
    assert found["context_words"].values.tolist() == [5, 5, 20, 20]
    assert found["layer"].values.tolist() == [1, 2, 1, 2]
    alone = nested_ridge(states[20, 1], values, folds, GRID)
    both = nested_ridge(np.hstack([controls, states[20, 1]]), values, folds, GRID)
    floor = nested_ridge(controls, values, folds, GRID)
    np.testing.assert_allclose(found["r"][2, :, 0], alone.r, atol=1e-5)
    np.testing.assert_allclose(found["unique"][2, :, 0], both.r2 - floor.r2, atol=1e-5)
    np.testing.assert_allclose(found["validation_r2"][2, :, :, 0], both.validation_r2, atol=1e-5)


def test_the_best_choice_of_a_fold_does_not_see_its_test_samples(rng, folds):
    """In block 0 another layer drives the response: only the other folds may choose it."""
    states = {(20, layer): rng.standard_normal((N, 2)) for layer in (0, 1)}
    drive = np.where(folds.test(0), states[20, 1][:, 0], states[20, 0][:, 0])
    values = np.column_stack([drive, drive]) + 0.3 * rng.standard_normal((N, 2))
    found = run(states, rng.standard_normal((N, 1)), values, folds)
    assert found["best"][0] == 0
    assert found["validation_r2"][0, 0].mean() > found["validation_r2"][1, 0].mean()
    chosen = nested_ridge(states[20, 0], values, folds, GRID).r_per_fold
    other = nested_ridge(states[20, 1], values, folds, GRID).r_per_fold
    expected = np.where(found["best"].to_numpy()[:, None] == 0, chosen, other).mean(axis=0)
    np.testing.assert_allclose(found["best_r"][:, 0], expected, atol=1e-5)


def test_without_controls_unique_is_the_layers_own(rng, folds):
    part = rng.standard_normal((N, 3))
    values = part[:, :2] + rng.standard_normal((N, 2))
    responses = xr.DataArray(
        values.reshape(N, 2, 1).astype(np.float32),
        dims=("sample", "sensor", "time"),
        coords={"sensor": ["a", "b"], "time": [0.1]},
    )
    found = sweep(
        lambda parts: as_space(*parts),
        lambda parts: as_space(*parts),
        None,
        {(5, 0): lambda: [part]},
        responses,
        folds,
        penalties=GRID,
        penalty_per="target",
    )
    expected = nested_ridge(part, values, folds, GRID).r2
    np.testing.assert_allclose(found["unique"][0, :, 0], expected, atol=1e-5)


def test_a_person_without_a_block_has_no_best_choice_there(rng, folds):
    states = {(20, layer): rng.standard_normal((N, 4)) for layer in (1, 2)}
    controls = rng.standard_normal((N, 2))
    values = np.column_stack([states[20, 2][:, 0], states[20, 2][:, 1]])
    values += 0.5 * rng.standard_normal((N, 2))
    found = run(states, controls, values, folds.of_person(~folds.test(2)))
    assert found["best"].values.tolist() == [1, 1, -1, 1]
    assert np.isnan(found["validation_r2"][:, 2]).all()
    np.testing.assert_allclose(found["best_r"], found["r"][1], atol=1e-6)
    assert np.isfinite(found["best_unique"]).all()
