"""The clock of a sound: from the channel that recorded it, and from anchors."""

import mne
import numpy as np
import pandas as pd
import pytest
import scipy.io.wavfile
import scipy.signal

from lmbrain.errors import LmbrainError
from lmbrain.meg.sound_channel import find_sound, read_sound
from lmbrain.meg.timing import by_anchors, by_events, by_sound, in_a_sentence
from lmbrain.words import make_words

RATE = 8000
HALF_BIN = 0.0125
SOURCE = "Subject 07, run 02"


def speech_like(seconds: float, seed: int) -> np.ndarray:
    """Noise with the slow loudness of speech, pauses among it."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    slow = scipy.signal.butter(2, 6, fs=RATE, output="sos")
    loudness = scipy.signal.sosfiltfilt(slow, rng.standard_normal(n))
    return np.maximum(loudness / loudness.std() + 0.3, 0) * rng.standard_normal(n)


def recorded(sound, rate, lag, clock_rate, noise, seed=9, filtered=0.33):
    """What a slow amplifier's channel has of the sound: low-passed, late, noisy, inverted."""
    low = scipy.signal.butter(8, filtered * rate, fs=RATE, output="sos")
    smooth = scipy.signal.sosfiltfilt(low, sound)
    n = round((len(sound) / RATE * clock_rate + lag + 2) * rate)
    times = (np.arange(n) / rate - lag) / clock_rate
    heard = np.interp(times, np.arange(len(sound)) / RATE, smooth, left=0, right=0)
    hiss = np.random.default_rng(seed).standard_normal(n)
    return 0.02 - 0.1 * (heard / heard.std() + noise * hiss)


@pytest.fixture(scope="module")
def sound():
    return speech_like(150, seed=0)


@pytest.mark.parametrize(
    ("rate", "lag", "clock_rate", "noise"),
    [
        (1000.0, 0.03, 1.0005, 0.1),
        (1000.0, 0.9, 0.9995, 1.0),
        (1200.0, 0.3, 1.0005, 0.5),
        (2000.0, 0.6, 1.0, 0.1),
        (600.0, 0.45, 1.0002, 0.3),
        (1017.25, 0.2, 1.0005, 0.3),
    ],
)
def test_lag_and_rate_of_a_recorded_sound_are_found(sound, rate, lag, clock_rate, noise):
    channel = recorded(sound, rate, lag, clock_rate, noise)
    found = find_sound(channel, rate, sound, RATE, HALF_BIN, SOURCE)
    assert abs(found.clock.lag - lag) < 2e-3
    assert abs(found.clock.rate - clock_rate) < 2e-5
    middle = found.clock.recording(75.0) - (lag + clock_rate * 75.0)
    assert abs(middle) < 1e-3
    assert found.residual.max() < HALF_BIN
    assert len(found.residual) + found.astray <= found.windows


def test_lags_are_found_between_samples(sound):
    channel = recorded(sound, 600.0, 0.4507, 1.0, 0.05)  # 270.42 samples
    found = find_sound(channel, 600.0, sound, RATE, HALF_BIN, SOURCE)
    assert abs(found.clock.recording(75.0) - 75.4507) < 0.2 / 600


@pytest.mark.parametrize("rate", [40.0, 80.0, 199.0])
def test_a_channel_too_slow_for_a_sound_is_refused(sound, rate):
    with pytest.raises(LmbrainError, match=f"{SOURCE}: .* at {rate:g} Hz; .* at least 200 Hz"):
        find_sound(np.zeros(round(160 * rate)), rate, sound, RATE, HALF_BIN, SOURCE)


@pytest.mark.parametrize("samples", [0, 1, 10, 2000])
def test_a_sound_too_short_to_be_found_is_refused(sound, samples):
    for heard in (np.zeros(200_000), np.zeros(10), np.zeros(0)):
        with pytest.raises(LmbrainError, match=f"{SOURCE}: the sound lasts 0.. s"):
            find_sound(heard, 1000.0, sound[:samples], RATE, HALF_BIN, SOURCE)


def test_a_recording_too_short_for_its_sound_is_refused(sound):
    for samples in (0, 10, 1000):
        with pytest.raises(LmbrainError, match=r"the sound lasts 150.0 s and the recording [01]\."):
            find_sound(np.zeros(samples), 1000.0, sound, RATE, HALF_BIN, SOURCE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20],
        lambda whole: whole[:44],
        lambda whole: b"",
    ],
)
def test_a_sound_file_cut_short_is_refused_by_name(tmp_path, sound, spoil):
    path = tmp_path / "cut.wav"
    scipy.io.wavfile.write(path, RATE, (3000 * sound[:8000]).astype(np.int16))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(LmbrainError, match=r"cut\.wav is no whole WAV file"):
        read_sound(path)


def test_what_a_sound_file_holds_beside_the_sound_is_passed_over(tmp_path, sound):
    path = tmp_path / "tagged.wav"
    samples = (3000 * sound[:8000]).astype(np.int16)
    scipy.io.wavfile.write(path, RATE, samples)
    path.write_bytes(path.read_bytes() + b"note" + (6).to_bytes(4, "little") + b"a tale")
    np.testing.assert_array_equal(read_sound(path)[0], samples)


def test_another_sound_is_refused_with_figures(sound):
    channel = recorded(speech_like(150, seed=1), 1000.0, 0.3, 1.0005, 0.1)
    with pytest.raises(LmbrainError, match=f"{SOURCE}: of 28 windows .* of them on one clock"):
        find_sound(channel, 1000.0, sound, RATE, HALF_BIN, SOURCE)


def test_a_channel_without_the_sound_is_refused(sound):
    for channel in (np.zeros(160_000), np.random.default_rng(2).standard_normal(160_000)):
        with pytest.raises(LmbrainError, match=f"{SOURCE}: of 28 windows"):
            find_sound(channel, 1000.0, sound, RATE, HALF_BIN, SOURCE)


@pytest.mark.parametrize("pause", [0.04, 0.2, 1.0])
def test_a_sound_that_stopped_in_between_exceeds_the_residual_and_stops_the_run(sound, pause):
    channel = recorded(sound, 1000.0, 0.3, 1.0, 0.1)
    silence = np.full(round(1000 * pause), 0.02)
    late = np.concatenate([channel[:75_000], silence, channel[75_000:]])
    with pytest.raises(LmbrainError, match=f"{SOURCE}: .*stopped and went on in between"):
        find_sound(late, 1000.0, sound, RATE, HALF_BIN, SOURCE)


def test_some_seconds_of_noise_do_not_move_the_clock(sound):
    channel = recorded(sound, 1000.0, 0.3, 1.0005, 0.1)
    channel[40_000:55_000] += np.random.default_rng(3).standard_normal(15_000) * 3
    found = find_sound(channel, 1000.0, sound, RATE, HALF_BIN, SOURCE)
    np.testing.assert_allclose(found.clock.lag, 0.3, atol=2e-3)
    assert len(found.residual) < found.windows


def test_a_short_recording_is_refused(sound):
    channel = recorded(sound, 1000.0, 0.3, 1.0, 0.1)[:50_000]
    with pytest.raises(LmbrainError, match=r"the sound lasts 150.0 s and the recording 50.0 s"):
        find_sound(channel, 1000.0, sound, RATE, HALF_BIN, SOURCE)


def test_wav_files_of_several_channels_are_read_as_one(tmp_path):
    path = tmp_path / "story.wav"
    samples = np.array([[100, 300], [-200, 0]], np.int16)
    scipy.io.wavfile.write(path, 44_100, samples)
    sound, rate = read_sound(path)
    assert rate == 44_100 and sound.tolist() == [200, -100]
    path.write_text("no sound")
    with pytest.raises(LmbrainError, match="is no whole WAV file"):
        read_sound(path)
    with pytest.raises(LmbrainError, match="does not exist; add the sound"):
        read_sound(tmp_path / "other.wav")


# Word onsets


def items(onsets=(1.0, 2.0, 4.0)) -> pd.DataFrame:
    onsets = np.array(onsets)
    return make_words(
        ["tale"] * len(onsets), ["02"] * len(onsets), ["w"] * len(onsets), onsets, onsets * 0 + 0.2
    )


def test_words_are_placed_by_the_recorded_sound(sound):
    heard = recorded(sound, 1000.0, 0.4, 1.0005, 0.1)
    info = mne.create_info(["MISC001"], 1000.0, "misc")
    raw = mne.io.RawArray(heard[None], info, first_samp=777, verbose="error")
    given = ("MISC001", sound, RATE, HALF_BIN, SOURCE)
    onsets, told = by_sound(raw, items(), *given)
    np.testing.assert_allclose(onsets, 0.4 + 1.0005 * np.array([1, 2, 4]), atol=2e-3)
    assert (told["source"], told["items"], told["repairs"]) == ("audio", 3, [])
    assert told["found"] == told["windows"]
    assert "lag 400." in in_a_sentence(told) and "rate 1.0005" in in_a_sentence(told)
    with pytest.raises(LmbrainError, match="no channel 'MISC009' .channels of type misc: MISC001"):
        by_sound(raw, items(), "MISC009", *given[1:])


def anchors(audio, recording):
    return pd.DataFrame({"audio": np.array(audio, float), "recording": np.array(recording, float)})


def test_words_are_placed_by_anchors():
    times = np.linspace(0, 300, 7)
    onsets, told = by_anchors(items(), anchors(times, 0.7 + 1.0005 * times), None, 0.01, SOURCE)
    np.testing.assert_allclose(onsets, 0.7 + 1.0005 * np.array([1, 2, 4]), atol=1e-9)
    np.testing.assert_allclose([told["lag"], told["rate"]], [0.7, 1.0005], atol=1e-9)
    assert told["found"] == 7 and told["residual"]["largest"] < 1e-9
    one, _ = by_anchors(items(), anchors([0], [0.7]), 1.0, 0.01, SOURCE)
    np.testing.assert_allclose(one, [1.7, 2.7, 4.7])


def test_anchors_that_are_too_few_or_fit_no_clock_stop_the_run_by_name():
    times = np.linspace(0, 300, 7)
    moved = times + 0.7
    moved[3] += 0.03
    for given, said in (
        (anchors([5], [6]), "expected at least 2 anchors of the sound's clock, found 1"),
        (anchors([5, 5], [6, 6]), "expected at least 2 anchors .* found 1"),
        (anchors(times, moved), r"expected residuals up to 10.0 ms .* found 30.0 ms .*150.000 s"),
        (anchors(1000 * times, times), "found .* a rate of 0.001"),
    ):
        with pytest.raises(LmbrainError, match=f"{SOURCE}: .*{said}"):
            by_anchors(items(), given, None, 0.01, SOURCE)


def test_onsets_of_the_events_file_are_taken_as_they_are():
    onsets, told = by_events(items())
    assert onsets.tolist() == [1.0, 2.0, 4.0]
    assert (told["source"], told["residual"], told["repairs"]) == ("events", None, [])
    assert (told["found"], told["lag"], told["rate"]) == (None, None, None)  # nothing was measured
    assert in_a_sentence(told) == "onsets of 3 items from events."
