import dataclasses
import json

import numpy as np
import pytest

from bench import machine, ridge, ridge_contenders
from bench.agreement import against_explicit_loops, against_peers, place_in_grid
from bench.measure import Contender, Run, ratios, run_in_turns, spread
from bench.simulated import LARGEST, simulate
from lmbrain.encoding.ridge import nested_ridge
from lmbrain.errors import LmbrainError

OUTER, GAP, GRID = 4, 3, [1.0, 30.0, 1000.0, 30000.0]
PROBLEM = {"outer": OUTER, "gap": GAP, "penalties": GRID}
TINY = ridge.Size(
    n_samples=120,
    n_features=6,
    sensors=3,
    bins=2,
    outer=3,
    gap=2,
    penalties=(0, 4, 4),
    peer_folds=3,
    rounds=1,
)

CONTENDERS = """
import os, time
import numpy as np

def double(data):
    return lambda: {"doubled": 2 * data["values"]}

def fail(data, reason):
    raise ValueError(reason)

def fail_at_work(data):
    def work():
        raise ValueError("no such brain")
    return work

def hold(data, megabytes, seconds):
    def work():
        held = np.ones(megabytes * 2**17)
        time.sleep(seconds)
        return {"sum": held[:1]}
    return work

def environment(data):
    threads = np.array(os.environ["OMP_NUM_THREADS"])
    return lambda: {"names": np.array(sorted(os.environ)), "threads": threads}
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of small contenders that the processes can import."""
    (tmp_path / "small_contenders.py").write_text(CONTENDERS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    return "small_contenders"


@pytest.fixture(scope="module")
def data():
    return simulate(n_samples=240, n_features=12, n_targets=20)


def run(seconds):
    return Run(seconds, cpu_seconds=seconds, peak_bytes=2, start_bytes=1, kernels=("blas",))


def test_data_reach_a_contender_and_its_results_come_back(module):
    listed = [Contender("a", f"{module}:double")]
    values = np.arange(6.0).reshape(2, 3)
    runs, results = run_in_turns(listed, {"values": values}, rounds=2)
    np.testing.assert_array_equal(results["a"]["doubled"], 2 * values)
    assert len(runs["a"]) == 2


def test_the_order_of_turns_rotates(module, capfd):
    listed = [Contender(name, f"{module}:double") for name in "ab"]
    run_in_turns(listed, {"values": np.zeros(1)}, rounds=2)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("  ")[1].split(":")[0] for line in lines] == ["a", "b", "b", "a"]


@pytest.mark.parametrize(
    ("function", "settings", "error"),
    [
        ("fail", {"reason": "not today"}, "not today"),
        ("fail_at_work", {}, "no such brain"),
        ("absent", {}, "no attribute 'absent'"),
    ],
)
def test_a_failed_contender_is_named_with_its_error(module, function, settings, error):
    listed = [Contender("broken one", f"{module}:{function}", settings)]
    with pytest.raises(LmbrainError, match=f"(?s)'broken one'.*{error}"):
        run_in_turns(listed, {"values": np.zeros(1)}, rounds=1)


def test_time_and_memory_are_those_of_the_work_and_not_of_the_parent(module):
    parent = np.ones(600 * 2**17)
    settings = {"megabytes": 200, "seconds": 0.2}
    runs, _ = run_in_turns([Contender("a", f"{module}:hold", settings)], {}, rounds=1)
    measured = runs["a"][0]
    assert measured.seconds >= 0.2
    assert 200e6 < measured.peak_bytes - measured.start_bytes < 300e6
    assert measured.peak_bytes < parent.nbytes


def test_a_forced_kernel_does_not_reach_the_contenders(module, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    monkeypatch.setenv("OMP_NUM_THREADS", "1000")
    _, results = run_in_turns([Contender("a", f"{module}:environment")], {}, rounds=1)
    assert not {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(results["a"]["names"])
    assert 1 <= int(results["a"]["threads"]) < 1000


def test_ratios_are_taken_round_by_round():
    assert ratios([run(4), run(9)], [run(2), run(3)]) == [2, 3]
    assert spread([3, 1, 2]) == "2.0 [1.0, 3.0]"
    assert spread([3]) == "3.0"


def test_this_project_equals_explicit_loops(data):
    own = ridge_contenders.lmbrain(data, **PROBLEM)()
    targets = [0, 3, 19]
    loops = ridge_contenders.explicit_loops(data, **PROBLEM, targets=targets)()
    np.testing.assert_array_equal(own["penalty"][:, targets], loops["penalty"])
    np.testing.assert_allclose(own["prediction"][:, targets], loops["prediction"], atol=1e-5)


def test_himalaya_agrees_with_this_project(data):
    pytest.importorskip("himalaya")
    own = ridge_contenders.lmbrain(data, **PROBLEM)()
    peer = ridge_contenders.himalaya(data, **PROBLEM, run_folds=OUTER, penalties_per_batch=2)()
    equal = place_in_grid(peer["penalty"], GRID) == place_in_grid(own["penalty"], GRID)
    # It does not standardise anew inside inner folds, so a few choices may differ.
    assert equal.mean() > 0.9
    assert len(np.unique(own["penalty"])) > 1
    alike = equal.all(axis=0)
    assert alike.any()
    np.testing.assert_allclose(peer["prediction"][:, alike], own["prediction"][:, alike], atol=1e-4)


def test_scikit_learn_predicts_the_same_at_the_same_penalty(data):
    peer = ridge_contenders.scikit_learn(data, **PROBLEM | {"penalties": [30.0]}, run_folds=2)()
    own = ridge_contenders.lmbrain(data, **PROBLEM | {"penalties": [30.0]})()
    ran = np.isfinite(peer["prediction"]).all(axis=1)
    assert ran.sum() == len(ran) / OUTER * 2
    np.testing.assert_allclose(peer["prediction"][ran], own["prediction"][ran], atol=1e-4)


def test_the_published_procedure_shares_a_penalty_in_each_bin(data):
    result = ridge_contenders.published(data, OUTER, GRID, sensors=5, run_folds=OUTER)()
    bins = result["penalty"].reshape(OUTER, 4, 5)
    assert (bins == bins[..., :1]).all()
    assert np.isfinite(result["prediction"]).all()
    folds = ridge_contenders.contiguous_folds(len(data["features"]), OUTER, 0)
    nearly = nested_ridge(data["features"], data["responses"], folds, GRID, penalty_per="target")
    correlations = [
        np.corrcoef(a, b)[0, 1]
        for a, b in zip(result["prediction"].T, nearly.prediction.T, strict=True)
    ]
    assert np.median(correlations) > 0.8


def test_agreement_counts_choices_and_ignores_those_of_another_grid():
    draw = np.random.default_rng(0)
    folds = ridge_contenders.contiguous_folds(30, 3, 0)
    responses, prediction = draw.standard_normal((2, 30, 4))
    penalty = np.full((3, 4), GRID[1])
    other = penalty.copy()
    other[0, :2] = GRID[2]
    other[1, 0] = GRID[3]
    one_fold = np.where(folds.test(0)[:, None], prediction, np.nan)
    results = {
        "lmbrain": {"prediction": prediction, "penalty": penalty},
        "peer": {"prediction": -prediction, "penalty": other * (1 + 1e-6)},
        "part": {"prediction": one_fold, "penalty": other[:1]},
        "elsewhere": {"prediction": prediction, "penalty": penalty + 7},
    }
    peer, part, elsewhere = against_peers(results, responses, folds, GRID, ["elsewhere"])
    assert (peer["choices equal"], peer["within one step"]) == ("75.00%", "91.67%")
    assert float(peer["mean r"]) == -float(peer["mean r of lmbrain"]) != 0
    assert float(peer["largest difference of r where equal"]) > 0.1
    assert part["choices equal"] == "50.00%"
    assert part["largest difference of r where equal"] == "0.0e+00"
    assert elsewhere["choices equal"] == "other penalties"
    with pytest.raises(LmbrainError, match="not on the grid"):
        against_peers(results, responses, folds, GRID)


def test_the_check_says_what_a_different_choice_costs():
    own = {"penalty": np.full((2, 3), GRID[0]), "prediction": np.zeros((5, 3))}
    validation = np.zeros((2, 4, 2))
    validation[0, 0], validation[1, 0], validation[1, 2, 1] = 0.5, 0.5, 0.75
    loops = {
        "penalty": np.array([[GRID[0], GRID[0]], [GRID[0], GRID[2]]]),
        "prediction": np.array([[0.125, 9.0]] * 5),
        "validation": validation,
    }
    row = against_explicit_loops(own, loops, [2, 0], GRID)
    assert row["choices equal"] == "3 of 4"
    assert float(row["largest loss of validation R2"]) == 0.25
    assert float(row["largest difference of predictions where equal"]) == pytest.approx(0.12, 0.1)


def test_products_of_inner_predictions_are_counted():
    folds = ridge_contenders.contiguous_folds(120, 3, 0)
    size = dataclasses.replace(TINY, gap=0)
    # Six inner folds of 40 samples, 6 features, 6 targets, 4 penalties.
    assert ridge.inner_prediction_seconds(size, folds, 2.0) == 6 * 40 * 6 * 6 * 4


def test_peers_that_ran_some_folds_are_scaled_to_all():
    listed = ridge.contenders(TINY, ["scikit-learn"], run_folds=1)
    own, peer = ridge.times(listed, {"lmbrain": [run(2)], "scikit-learn": [run(5)]}, TINY.outer)
    assert (own["outer folds run"], own["seconds for all"]) == ("3 of 3", "2.00")
    assert (peer["outer folds run"], peer["seconds for all"]) == ("1 of 3", "15.00")
    assert peer["times lmbrain's"] == "7.5"


def test_simulated_data_have_the_properties_they_claim():
    made = simulate(n_samples=3000, n_features=50, n_targets=200)
    again = simulate(n_samples=3000, n_features=50, n_targets=200)
    np.testing.assert_array_equal(made["responses"], again["responses"])
    np.testing.assert_allclose(made["responses"].std(0), 1, atol=0.1)
    standard = made["features"] - made["features"].mean(0)
    standard /= standard.std(0)
    leading = np.linalg.eigvalsh(np.cov(standard.T))[-1] / 50
    flat = simulate(n_samples=3000, n_features=50, n_targets=200, spectrum="flat")["features"]
    assert leading > 3 * np.linalg.eigvalsh(np.corrcoef(flat.T))[-1] / 50
    successive = (made["responses"][1:] * made["responses"][:-1]).mean(0)
    assert 0.35 < np.median(successive) < 0.55
    folds = ridge_contenders.contiguous_folds(3000, 4, 10)
    r = nested_ridge(made["features"], made["responses"], folds, GRID).r
    assert LARGEST * 0.8 < r.max() < LARGEST * 1.2
    assert 0.1 < (r < 0.05).mean() < 0.5


def test_a_run_prints_its_tables_and_writes_them_as_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, "PRODUCT_SIZE", 64)
    monkeypatch.setitem(ridge.SIZES, "toy", TINY)
    output = tmp_path / "toy.json"
    names = ["scikit-learn", "explicit-loops"]
    ridge.main(["--size", "toy", "--contenders", *names, "--output", str(output)])
    report = json.loads(output.read_text())
    assert ridge.as_markdown(report) == capsys.readouterr().out.rstrip("\n")
    assert report["check"]["choices equal"] == "18 of 18"
    assert [row["contender"] for row in report["times"]] == ["lmbrain", "scikit-learn"]
    assert len(report["runs"]["lmbrain"]) == 1
    assert report["machine"]["kernels"]
