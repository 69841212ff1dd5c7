"""LibriBrain: cleaned MEG as HDF5 and tables of events; two chapters of a book, one of another."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from formats.story import sentences

RATE = 250.0
SENSORS = ["0113", "0112", "0111", "0122", "0123", "0121"]
RECORDINGS = [("Sherlock1", "1", "1"), ("Sherlock1", "2", "2"), ("Sherlock2", "1", "1")]
NAME = "sub-{0}_ses-{2}_task-{1}_run-{3}"


def events(words: int, seed: int = 0) -> pd.DataFrame:
    """Silences, words and phonemes in the release's columns; words without punctuation."""
    rng, rows, time = np.random.default_rng(seed), [], 3.0
    sentence = word = 0
    for text in sentences(words, seed):
        if word == 0:
            rows.append(("silence", "", np.nan, np.nan, np.nan, time, 0.4))
            time += 0.4
        lasts = round(float(rng.uniform(0.15, 0.4)), 3)
        rows.append(("word", text.rstrip(".!?"), sentence, word, np.nan, time, lasts))
        rows.append(("phoneme", "b_B", sentence, word, 0.0, time, 0.05))
        time = round(time + lasts, 3)
        word += 1
        if text[-1] in ".!?":
            sentence, word = sentence + 1, 0
    columns = ["kind", "segment", "sentenceidx", "wordidx", "phonemeidx", "timemeg", "duration"]
    return pd.DataFrame(rows, columns=columns).assign(wavile="segments/")


def write_recording(path: Path, values: np.ndarray, names=None, **attributes) -> None:
    """An HDF5 file of the release's form; `values` (channel, time)."""
    names = [f"MEG{sensor}" for sensor in SENSORS[: len(values)]] if names is None else names
    given = {
        "sample_frequency": RATE,
        "highpass_cutoff": 0.1,
        "lowpass_cutoff": 125.0,
        "channel_names": ", ".join(names),
        "channel_types": ", ".join("mag" if n.endswith("1") else "grad" for n in names),
    } | attributes
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        stretch = min(50, values.shape[1])
        data = values.astype(np.float32)
        file.create_dataset("data", data=data, chunks=(len(values), stretch))
        times = (np.arange(values.shape[1]) / RATE).astype(np.float32)
        file.create_dataset("times", data=times, chunks=(stretch,))
        file.attrs.update({name: value for name, value in given.items() if value is not None})


def paths(folder: Path, subject: str, recording: tuple[str, str, str]) -> tuple[Path, Path]:
    """A recording's file and its events'."""
    name, place = NAME.format(subject, *recording), folder / recording[0] / "derivatives"
    steps = "bads+headpos+sss+notch+bp+ds"
    return place / f"serialised/{name}_proc-{steps}_meg.h5", place / f"events/{name}_events.tsv"


def write(folder: Path, words: int = 100) -> dict:
    """Write one person's recordings; return what the config must say."""
    for number, recording in enumerate(RECORDINGS):
        h5, tsv = paths(folder, "0", recording)
        table = events(words, number)
        samples = round((table["timemeg"].max() + 2.0) * RATE)
        rng = np.random.default_rng(number)
        write_recording(h5, rng.standard_normal((len(SENSORS), samples)) * 1e-12)
        tsv.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(tsv, sep="\t", index_label="idx")
    listed = [dict(zip(("task", "session", "run"), r, strict=True)) for r in RECORDINGS]
    return {
        "data": {
            "kind": "libribrain",
            "subjects": ["0"],
            "libribrain": {"root": str(folder), "recordings": listed},
        },
        "responses": {"picks": ["mag", "grad"]},
    }
