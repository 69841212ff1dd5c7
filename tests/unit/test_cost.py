import numpy as np
import pytest

from lmbrain.encoding.cost import Rates, estimate_cost, measured_rates
from lmbrain.encoding.folds import make_folds

RATES = Rates(single=1e11, double=5e10, eigh=1e10, steps=1e9)


def line(n, outer=5):
    return make_folds(np.full(n, "s"), np.arange(n), np.ones(n, bool), outer, 0)


def test_the_smaller_gram_matrix_is_named():
    assert estimate_cost(line(500), 40, 10, 5, rates=RATES).side == "features"
    assert estimate_cost(line(500), 4000, 10, 5, rates=RATES).side == "samples"


def test_time_follows_the_parts_that_dominate():
    few = estimate_cost(line(5000, 10), 1600, 1, 1, rates=RATES).seconds
    assert few == pytest.approx(55 * 1600**3 / 1e10, rel=0.5)  # decompositions
    fast = Rates(single=1e11, double=5e10, eigh=1e10, steps=1e12)
    many = estimate_cost(line(5000, 10), 100, 100000, 15, rates=fast).seconds
    products = 90 * 16 * 2 * 100 * 100 * 1e5 / 1e11  # blocks of 500 samples, 100 features
    assert many == pytest.approx(products, rel=0.5)


def test_float64_takes_longer_and_more_memory():
    single = estimate_cost(line(2000), 200, 3000, 10, rates=RATES)
    double = estimate_cost(line(2000), 200, 3000, 10, rates=RATES, dtype=np.float64)
    assert double.seconds > single.seconds
    assert double.bytes > 1.5 * single.bytes


def test_it_reads_as_a_sentence():
    assert str(estimate_cost(line(500), 40, 10, 5, rates=RATES)).startswith("about 0 s and 0.0 GB")


def test_own_designs_and_own_targets_take_longer():
    plain = estimate_cost(line(2000), 200, 3000, 10, rates=RATES).seconds
    for own in ({"fitted_design": True}, {"own_targets": True}):
        assert estimate_cost(line(2000), 200, 3000, 10, rates=RATES, **own).seconds > 1.1 * plain


def test_measured_rates_follow_the_clock(monkeypatch):
    """A clock on which every piece of work takes 2 s."""
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr("lmbrain.encoding.cost.time.perf_counter", lambda: next(ticks))
    rates = measured_rates.__wrapped__(10)
    assert (rates.single, rates.double, rates.eigh, rates.steps) == (1000, 1000, 500, 50)
