import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmbrain.artefacts import write_netcdf, write_table
from lmbrain.encoding.folds import make_folds
from lmbrain.encoding.model import encode, read_features
from lmbrain.encoding.partition import variance_partition
from lmbrain.encoding.scores import fold_correlation
from lmbrain.encoding.space import FeatureSpace
from lmbrain.errors import LmbrainError

N = 120


@pytest.fixture
def words():
    return pd.DataFrame({"item": range(N)})


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def hidden(values: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {"hidden": (("word", "layer", "feature"), values.astype(np.float32))},
        coords={"layer": np.arange(values.shape[1])},
    )


def person(values: np.ndarray, usable=None) -> xr.DataArray:
    flags = np.ones(len(values), bool) if usable is None else usable
    return xr.DataArray(
        values.astype(np.float32),
        dims=("sample", "sensor", "time"),
        coords={"sensor": ["a", "b"], "time": [0.1, 0.2, 0.3], "usable": ("sample", flags)},
    )


def space(*parts: np.ndarray) -> FeatureSpace:
    bands = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    return FeatureSpace([f"part{i}" for i in range(len(parts))], np.hstack(parts), bands)


def test_parts_are_stacked_in_order_with_the_layer_asked_for(tmp_path, words, rng):
    states, table = rng.normal(size=(N, 3, 4)), rng.normal(size=N)
    write_netcdf(hidden(states), tmp_path / "base.nc", {})
    write_netcdf(hidden(states[:, :1]), tmp_path / "static.nc", {})
    controls = pd.DataFrame({"item": range(N), "length": table})
    write_table(controls, tmp_path / "controls.tsv", {})
    paths = [tmp_path / name for name in ("controls.tsv", "static.nc", "base.nc")]
    features = read_features(["controls", "static", "base"], paths, 2, words)
    expected = np.column_stack([table, states[:, 0], states[:, 2]])
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_a_missing_layer_and_a_wrong_length_are_refused_by_file(tmp_path, words, rng):
    write_netcdf(hidden(rng.normal(size=(N, 2, 4))), tmp_path / "base.nc", {})
    with pytest.raises(LmbrainError, match=r"base\.nc holds the layers \[0, 1\], not 7"):
        read_features(["base"], [tmp_path / "base.nc"], 7, words)
    with pytest.raises(LmbrainError, match=f"{N} rows for 3 words"):
        read_features(["base"], [tmp_path / "base.nc"], 1, words.head(3))


def test_scores_keep_the_place_of_each_sensor_and_bin(rng):
    features = rng.normal(size=(N, 3))
    values = rng.normal(size=(N, 2, 3))
    values[:, 1, 2] += 3 * features[:, 0]
    folds = make_folds(np.full(N, "s"), np.arange(N, dtype=float), np.ones(N, bool), 4, 5)
    scores, prediction = encode(
        space(features), person(values), folds, penalties=[1.0, 100.0], penalty_per="target"
    )
    best = scores["r"].where(scores["r"] == scores["r"].max(), drop=True)
    assert (best.sensor.item(), best.time.item()) == ("b", 0.3)
    flat = prediction.to_numpy().reshape(N, -1), values.reshape(N, -1)
    expected = fold_correlation(*flat, folds).mean(axis=0).reshape(2, 3)
    np.testing.assert_allclose(scores["r"], expected, atol=1e-5)


def test_targets_of_an_outer_fold_replace_the_responses(rng):
    features = rng.normal(size=(N, 3))
    signal = np.repeat((features @ [1.0, 2.0, 3.0])[:, None, None], 6, axis=1).reshape(N, 2, 3)
    folds = make_folds(np.full(N, "s"), np.arange(N, dtype=float), np.ones(N, bool), 4, 5)
    noise = person(rng.normal(size=(N, 2, 3)))
    scores, _ = encode(
        space(features),
        noise,
        folds,
        penalties=[1.0, 100.0],
        penalty_per="all",
        targets=lambda outer: signal + 0.01 * outer,
    )
    assert float(scores["r"].min()) > 0.95


def test_a_person_without_a_block_is_scored_on_the_study_s_axis_of_folds(rng):
    features, values = rng.normal(size=(N, 3)), rng.normal(size=(N, 2, 3))
    values[:, 1] += features
    folds = make_folds(np.full(N, "s"), np.arange(N, dtype=float), np.ones(N, bool), 4, 5)
    own = folds.of_person(~folds.test(1))
    settings = {"penalties": [1.0, 100.0], "penalty_per": "target"}
    scores, prediction = encode(space(features), person(values), own, **settings)
    assert scores.sizes["fold"] == 4
    for name in ("r_per_fold", "penalty", "at_edge", "validation_r", "response_sd"):
        missing = np.isnan(scores[name]).all(("sensor", "time"))
        assert missing.values.tolist() == [False, True, False, False]
    assert np.isnan(prediction).all(("sensor", "time")).values.tolist() == folds.test(1).tolist()
    np.testing.assert_allclose(scores["r"], scores["r_per_fold"].mean("fold"), atol=1e-6)
    parts = variance_partition(space(features), person(values), own, weightings=0, **settings)
    np.testing.assert_allclose(parts["unique"][0], scores["r2"], atol=1e-6)
    assert np.isnan(parts["alone_per_fold"][:, 1]).all()


def test_parts_get_penalties_of_their_own_where_weightings_are_tried(rng):
    """A strong part of few columns beside many columns of noise: one penalty fits neither."""
    strong, noise = rng.normal(size=(N, 2)), rng.normal(size=(N, 60))
    values = np.repeat((strong @ [2.0, 1.0])[:, None], 6, axis=1).reshape(N, 2, 3)
    values = values + rng.normal(size=values.shape)
    folds = make_folds(np.full(N, "s"), np.arange(N, dtype=float), np.ones(N, bool), 4, 5)
    settings = {"penalties": [1.0, 10.0, 100.0, 1000.0], "penalty_per": "all"}
    one, _ = encode(space(strong, noise), person(values), folds, **settings)
    own, _ = encode(space(strong, noise), person(values), folds, **settings, weightings=8)
    assert float(own["r2"].mean() - one["r2"].mean()) > 0.05
    assert (own["weighting"] > 0).all()


def test_the_log_says_what_a_run_will_take(rng, caplog):
    caplog.set_level("INFO")
    folds = make_folds(np.full(N, "s"), np.arange(N, dtype=float), np.ones(N, bool), 4, 5)
    values = person(rng.normal(size=(N, 2, 3)))
    features = space(rng.normal(size=(N, 3)))
    encode(features, values, folds, penalties=[1.0, 10.0], penalty_per="bin")
    assert "3 features and 6 targets: about" in caplog.text
