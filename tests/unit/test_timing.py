"""Triggers aligned to items: against brute force, and whatever a few triggers do wrong."""

from itertools import combinations, product

import mne
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lmbrain.errors import LmbrainError
from lmbrain.meg.alignment import FINEST, Train, match, search_clock
from lmbrain.meg.clock import RATE_LIMIT, Clock, fit_clock, residuals
from lmbrain.meg.triggers import align_triggers, read_triggers, report
from lmbrain.simulation.faults import spoil_triggers
from lmbrain.simulation.recordings import TRIGGERS, trial_types
from lmbrain.words import make_words

EVENTS = np.array([0.5, 1.0, 1.52, 2.03])
SOURCE = "Subject 07, run 02"


def train(onsets, codes=None) -> Train:
    onsets = np.asarray(onsets, float)
    return Train(onsets, np.zeros(len(onsets), int) if codes is None else np.asarray(codes))


def aligned(triggers, items, **change):
    allowed = {"tolerance": 0.0125, "largest_lag": 0.0125, "most_missing": 0.25} | change
    triggers, items = (t if isinstance(t, Train) else train(t) for t in (triggers, items))
    return align_triggers(triggers, items, **allowed, source=SOURCE)


def items_of(rng, n, periodic=False, start=2.0):
    """Expected onsets of a reading (periodic) or listening run, s."""
    steps = np.full(n, 0.5) if periodic else rng.uniform(0.2, 0.8, n)
    return start + np.cumsum(steps) - steps[0]


# Brute force


def most_supported(expected: Train, found: Train, tolerance: float, largest_lag: float) -> int:
    """Best number of items over all clocks: it is reached where two limits of the constraints meet.

    A clock is its deviations (a, b) at the run's first and last item; a limit is a line in that
    plane: an item just within the tolerance of a trigger, or the largest lag or rate.
    """
    span = expected.onsets[-1] - expected.onsets[0]
    place = (expected.onsets - expected.onsets[0]) / span
    lines = [(1, 0, s * largest_lag) for s in (-1, 1)] + [(0, 1, s * largest_lag) for s in (-1, 1)]
    lines += [(-1, 1, s * RATE_LIMIT * span) for s in (-1, 1)]
    for i, j in product(range(len(expected.onsets)), range(len(found.onsets))):
        if expected.codes[i] == found.codes[j]:
            away = found.onsets[j] - expected.onsets[i]
            lines += [(1 - place[i], place[i], away + s * tolerance) for s in (-1, 1)]
    lines = np.array(lines)
    first, second = np.array(list(combinations(range(len(lines)), 2))).T
    (a1, b1, c1), (a2, b2, c2) = lines[first].T, lines[second].T
    det = a1 * b2 - a2 * b1
    meet = np.abs(det) > 1e-12
    at = ((c1 * b2 - c2 * b1)[meet] / det[meet], (a1 * c2 - a2 * c1)[meet] / det[meet])
    allowed = (np.abs(at[0]) <= largest_lag + 1e-9) & (np.abs(at[1]) <= largest_lag + 1e-9)
    allowed &= np.abs(at[1] - at[0]) <= RATE_LIMIT * span + 1e-9
    start, end = at[0][allowed], at[1][allowed]
    supported = np.zeros(len(start), int)
    for onset, code, x in zip(expected.onsets, expected.codes, place, strict=True):
        own = found.onsets[found.codes == code]
        away = np.abs(onset + start * (1 - x) + end * x - own[:, None])
        supported += (away <= tolerance + 1e-9).any(axis=0)
    return int(supported.max())


trains = st.lists(st.integers(0, 60), min_size=2, max_size=5, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(
    expected=trains,
    found=trains,
    codes=st.lists(st.integers(1, 2), min_size=10, max_size=10),
    largest_lag=st.sampled_from([0.01, 0.05, 0.3]),
)
def test_no_clock_brings_more_items_to_a_trigger_than_the_one_found(
    expected, found, codes, largest_lag
):
    tolerance = 0.0125
    items = train(np.array(expected) * 7e-3, codes[: len(expected)])
    triggers = train(np.array(found) * 7e-3 + 3e-3, codes[5 : 5 + len(found)])
    clock = search_clock(items, triggers, tolerance, largest_lag, least=1)
    reached = 0
    if clock is not None:
        predicted = clock.recording(items.onsets)
        assert clock.largest_deviation(items.onsets) <= largest_lag + 1e-9
        for onset, code in zip(predicted, items.codes, strict=True):
            own = triggers.onsets[triggers.codes == code]
            reached += bool((np.abs(own - onset) <= tolerance).any())
    narrower = tolerance * (1 - 2 / FINEST)
    assert most_supported(items, triggers, narrower, largest_lag) <= reached
    assert reached <= most_supported(items, triggers, tolerance, largest_lag)
    if clock is not None:
        assert search_clock(items, triggers, tolerance, largest_lag, least=reached + 1) is None


@settings(max_examples=100, deadline=None)
@given(
    expected=st.lists(st.integers(0, 12), min_size=1, max_size=5).map(sorted),
    found=st.lists(st.integers(0, 12), min_size=1, max_size=5).map(sorted),
    codes=st.lists(st.integers(1, 2), min_size=10, max_size=10),
)
def test_items_get_triggers_in_order_as_many_and_as_near_as_possible(expected, found, codes):
    items = train(np.array(expected) * 1.0, codes[: len(expected)])
    triggers = train(np.array(found) * 1.1, codes[5 : 5 + len(found)])

    def worth(chosen):
        pairs = [(i, j) for i, j in enumerate(chosen) if j >= 0]
        away = [abs(items.onsets[i] - triggers.onsets[j]) for i, j in pairs]
        same = [items.codes[i] == triggers.codes[j] for i, j in pairs]
        return sum(1.0 if s else 0.5 for s in same), -sum(away)

    best = max(
        worth(chosen)
        for chosen in product(range(-1, len(found)), repeat=len(expected))
        if all(a < b for a, b in combinations([j for j in chosen if j >= 0], 2))
        and all(
            j < 0 or abs(items.onsets[i] - triggers.onsets[j]) <= 2.5 for i, j in enumerate(chosen)
        )
    )
    chosen = match(items, triggers, 2.5)
    used = chosen[chosen >= 0]
    assert (np.diff(used) > 0).all()
    np.testing.assert_allclose(worth(chosen.tolist()), best)


# Whatever a few triggers do wrong


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(40, 150),
    periodic=st.booleans(),
    lag=st.floats(-0.9, 0.9),
    rate=st.floats(-1e-3, 1e-3),
)
def test_onsets_come_back_within_a_sample_and_what_was_planted_is_named(
    seed, n, periodic, lag, rate
):
    rng = np.random.default_rng(seed)
    sampling_rate = 1000.0
    expected = items_of(rng, n, periodic)
    codes = rng.integers(1, 6, n)
    truth = lag + (1 + rate) * expected
    kinds = rng.permutation(n)
    missing, doubled, shifted, recoded, beside = (
        np.sort(kinds[k : k + 2]) for k in range(0, 10, 2)
    )
    onsets = np.round(truth * sampling_rate) / sampling_rate
    onsets[shifted] += rng.choice([-1, 1], 2) * rng.uniform(0.03, 0.08, 2)
    found_codes = codes.copy()
    found_codes[recoded] = 99
    kept = np.setdiff1d(np.arange(n), missing)
    twice = onsets[doubled] + rng.uniform(0.005, 0.05, 2).round(3)
    extra = onsets[beside] - 0.09  # of the same code, too early to be a double
    pressed = rng.uniform(0, truth[-1] + 2, 5)
    pressed = pressed[np.abs(pressed[:, None] - truth).min(axis=1) > 0.03]
    times = np.concatenate([onsets[kept], twice, extra, pressed])
    values = np.concatenate([found_codes[kept], codes[doubled], codes[beside], 4096 + 0 * pressed])
    order = np.argsort(times, kind="stable")
    assume(not ({0, n - 1} & set(missing)))
    triggers = train(times[order], values[order].astype(int))
    found = aligned(triggers, train(expected, codes), largest_lag=3.0)
    np.testing.assert_allclose(found.onsets, truth, rtol=0, atol=1 / sampling_rate)
    assert found.missing == (missing + 1).tolist()
    assert found.shifted == (shifted + 1).tolist()
    assert found.doubled == (doubled + 1).tolist()
    assert found.recoded == (recoded + 1).tolist()
    assert found.extra == 2
    assert found.residual.max() <= 1.5 / sampling_rate
    told = report(found)
    assert len(told["repairs"]) == 5
    np.testing.assert_allclose([told["lag"], told["rate"]], [lag, 1 + rate], atol=2e-3)


def test_perfect_triggers_are_the_onsets_and_need_no_repair():
    found = aligned(EVENTS, EVENTS)
    np.testing.assert_array_equal(found.onsets, EVENTS)
    told = report(found)
    assert (told["lag"], told["rate"], told["repairs"]) == (0.0, 1.0, [])
    assert told["residual"] == {"median": 0.0, "largest": 0.0}


def test_triggers_within_the_tolerance_are_the_onsets():
    triggers = EVENTS + np.array([0.004, -0.01, 0.012, 0.0])
    np.testing.assert_array_equal(aligned(triggers, EVENTS).onsets, triggers)


def test_repairs_are_told_in_sentences_by_item():
    expected = items_of(np.random.default_rng(0), 60)
    triggers = np.delete(expected, [4, 9, 30])
    told = report(aligned(triggers, expected))
    assert told["missing"] == [5, 10, 31]
    clock = "the onset comes from the clock fitted to the other triggers"
    assert told["repairs"] == [f"Items 5, 10 and 31: no trigger; {clock}."]
    assert (told["items"], told["found"], told["extra"]) == (60, 57, 0)


def test_a_button_pressed_while_a_trigger_is_missing_is_not_taken_for_it():
    expected = items_of(np.random.default_rng(8), 60)
    codes = np.ones(60, int)
    onsets = expected.copy()
    onsets[20] += 0.008  # a press of code 64, the item's own trigger is missing
    codes[[20, 40]] = 64, 65  # item 41: its trigger, while a button is held
    found = aligned(train(onsets, codes), train(expected, np.ones(60, int)))
    assert (found.missing, found.recoded) == ([21], [41])
    np.testing.assert_allclose(found.onsets, expected, atol=1e-9)


def test_what_the_simulation_spoils_is_found_item_by_item():
    rng = np.random.default_rng(9)
    text = ["+" if i % 9 == 0 else "word" for i in range(200)]
    onsets = 2 + 0.4 * np.arange(200)
    words = make_words(["tale"] * 200, ["01"] * 200, text, onsets, np.full(200, 0.4))
    raw = stimulus([], n=200 * 90)
    shares = {"missing": 0.02, "doubled": 0.02, "shifted": 0.01}
    planted = spoil_triggers(raw, words, rng, **shares, shift=0.1)
    codes = [TRIGGERS[kind] for kind in trial_types(words)]
    found = aligned(read_triggers(raw, "STI101", codes=True), train(onsets, codes))
    np.testing.assert_allclose(found.onsets, onsets, atol=1 / 200)
    for kind, items in planted.items():
        assert getattr(found, kind) == items, kind
    assert found.extra == 0


# What cannot be repaired


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        (
            np.delete(EVENTS, [1, 2]),
            "expected 4 triggers .* found 2; .* 3 items .*item 2, .* 1.000 s",
        ),
        ([], "expected 4 triggers for the items, found 0"),
        (EVENTS + 0.04, r"found 4; the triggers begin 40.0 ms .* above 0.040"),
        (EVENTS * 1.01 + 7, r"found 4; by no clock within 12.5 ms of the events"),
    ],
)
def test_triggers_that_do_not_fit_the_events_name_subject_and_run(triggers, message):
    with pytest.raises(LmbrainError, match=f"{SOURCE}: .*{message}"):
        aligned(triggers, EVENTS)


def test_a_lag_is_taken_only_where_the_config_allows_it():
    expected = items_of(np.random.default_rng(1), 200)
    late = 0.2 + 1.0005 * expected
    found = aligned(late, expected, largest_lag=0.5)
    np.testing.assert_allclose([found.clock.lag, found.clock.rate], [0.2, 1.0005], atol=1e-9)
    np.testing.assert_array_equal(found.onsets, late)
    with pytest.raises(LmbrainError, match="drift by .* ms over the run, allowed are 12.5 ms"):
        aligned(late, expected)
    with pytest.raises(LmbrainError, match="begin 15.0 ms from where"):  # near the limit, too
        aligned(expected + 0.015, expected)


def test_a_regular_train_that_lost_its_first_or_last_trigger_is_ambiguous_without_a_clock():
    expected = items_of(np.random.default_rng(2), 50, periodic=True)
    for lost in (0, -1):
        triggers = np.delete(expected, lost)
        with pytest.raises(
            LmbrainError, match=r"two alignments .* is at [12]\.\d+ s or at [23]\.\d+ s"
        ):
            aligned(triggers, expected, largest_lag=1.0)
        found = aligned(triggers, expected)  # the events' clock decides
        np.testing.assert_allclose(found.onsets, expected, atol=1e-12)
        assert found.missing == [1 if lost == 0 else 50]
    codes = np.where(np.arange(50) % 7 == 3, 2, 1)  # or the codes of words and crosses do
    found = aligned(
        train(expected[1:], codes[1:]), train(expected, codes), largest_lag=1.0, most_missing=0.1
    )
    assert found.missing == [1]


def test_more_faulty_triggers_than_allowed_stop_the_run():
    expected = items_of(np.random.default_rng(3), 100)
    gone = np.delete(expected, np.arange(20, 26))
    assert len(aligned(gone, expected, most_missing=0.06).missing) == 6
    with pytest.raises(LmbrainError, match=f"{SOURCE}: expected 100 .* found 94; .* 95 items"):
        aligned(gone, expected, most_missing=0.05)
    jump = expected + 0.2 * (expected > expected[50])  # the stimulus computer stopped for a while
    with pytest.raises(LmbrainError, match=r"by the events' own clock 51; .*item 52"):
        aligned(jump, expected)


def test_shifted_triggers_that_a_clock_in_between_would_hide_count_as_faulty():
    expected = items_of(np.random.default_rng(10), 100)
    triggers = expected + 0.02 * np.isin(np.arange(100), np.arange(5, 95, 9))
    assert len(aligned(triggers, expected, most_missing=0.1).shifted) == 10
    with pytest.raises(
        LmbrainError, match="expected at least 95 of 100 items .* found 90 .*item 6"
    ):
        aligned(triggers, expected, most_missing=0.05)


def test_another_runs_triggers_are_refused():
    rng = np.random.default_rng(4)
    mine, other = items_of(rng, 300), items_of(rng, 300)
    for largest_lag in (0.0125, 2.0):
        with pytest.raises(LmbrainError, match="Is it the trigger train of this run"):
            aligned(other, mine, largest_lag=largest_lag)


def test_codes_that_mean_something_else_are_told():
    items = train(items_of(np.random.default_rng(5), 40), [1, 2] * 20)
    triggers = train(items.onsets, [64] * 40)
    message = "other codes .expected 1, 2, found 64.; correct the column value"
    with pytest.raises(LmbrainError, match=message):
        aligned(triggers, items)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("largest_lag", [0.0125, 1.0])
def test_a_long_run_is_searched_without_trying_each_clock(periodic, largest_lag, monkeypatch):
    tried = []
    from lmbrain.meg.alignment import Support

    plain = Support.distance
    monkeypatch.setattr(Support, "distance", lambda *a: tried.append(1) or plain(*a))
    rng = np.random.default_rng(6)
    expected = items_of(rng, 5000, periodic)
    triggers = np.delete(expected, rng.choice(np.arange(1, 4999), 100, replace=False))
    triggers = triggers + 0.6 * largest_lag * (1 + (triggers / triggers[-1])) / 2
    found = aligned(triggers, expected, largest_lag=largest_lag, most_missing=0.05)
    assert len(found.missing) == 100
    assert len(tried) < 1500


# Reading


def stimulus(pulses, n=1200, rate=200.0, first_samp=0):
    channel = np.zeros((1, n))
    for sample, value, width in pulses:
        channel[0, sample : sample + width] = value
    info = mne.create_info(["STI101"], rate, ["stim"])
    return mne.io.RawArray(channel, info, first_samp=first_samp, verbose="error")


def test_triggers_are_read_in_the_recordings_clock():
    samples = np.round(EVENTS * 200).astype(int)
    pulses = [(s, v, 4) for s, v in zip([*samples, 900], [1, 2, 1, 1, 64], strict=True)]
    late = stimulus(pulses, first_samp=5000)
    found = read_triggers(late, "STI101", codes=True)
    np.testing.assert_allclose(found.onsets, [*samples / 200, 4.5])
    assert found.codes.tolist() == [1, 2, 1, 1, 64]
    assert read_triggers(late, "STI101", codes=False).codes.tolist() == [0] * 5
    with pytest.raises(LmbrainError, match=r"no channel 'STI 014' \(trigger channels: STI101\)"):
        read_triggers(late, "STI 014", codes=True)


def test_a_code_that_follows_a_higher_one_without_a_pause_is_read():
    raw = stimulus([(100, 2, 20), (120, 1, 20)])
    assert read_triggers(raw, "STI101", codes=True).codes.tolist() == [2, 1]


# The clock


def test_a_clock_is_fitted_past_points_that_are_far_off():
    rng = np.random.default_rng(7)
    times = np.sort(rng.uniform(0, 600, 60))
    found = 0.3 + 1.0005 * times + rng.normal(0, 1e-4, 60)
    found[rng.choice(60, 12, replace=False)] += 5
    clock = fit_clock(times, found)
    np.testing.assert_allclose([clock.lag, clock.rate], [0.3, 1.0005], rtol=0, atol=3e-4)
    assert (residuals(clock, times, found) > 1).sum() == 12
    assert abs(np.polyfit(times, found, 1)[1] - 0.3) > 0.05  # least squares follows them


def test_a_clock_does_not_follow_the_steps_of_sampled_times():
    times = np.arange(100) * 0.5
    truth = times + np.linspace(-1e-4, 7e-4, 100)  # less than a sample of drift
    clock = fit_clock(times, np.round(truth, 3))
    assert np.abs(clock.recording(times) - truth).max() < 3.5e-4


def test_one_point_gives_a_lag_and_a_known_rate_is_kept():
    assert fit_clock([2.0], [2.5]) == Clock(0.5, 1.0)
    assert fit_clock([2.0, 4.0], [2.5, 4.7], rate=1.0).rate == 1.0
