"""A MEG-BIDS folder (FIF) with the traps of public ones.

Two sessions that present the same story, one of which a person lacks; runs not zero-padded; a
byte-order mark; the words in dicts written as text (with nan) among phonemes and sounds; words that
look like missing values; a channel marked bad in its table.
"""

from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np

from formats.story import sentences
from lmbrain.simulation.recordings import measurement_info

RATE = 100.0  # Hz
INTERVAL = 0.3  # s from word to word
LEAD_IN = 2.0  # s
SESSIONS = ("0", "1")
AWKWARD = ["null", "NA", "nan", "None", "true", "didn't", '"No!"']
BAD = "MEG 0113"
EVENTS = {
    "dictionary_column": "trial_type",
    "kind_columns": ["kind", "condition"],
    "word_kinds": ["word/sentence"],
    "other_kinds": ["word/*"],
    "story_column": "story",
}


def write(
    root: Path,
    subjects: Sequence[str] = ("01", "02"),
    runs: Sequence[str] = ("1", "2"),
    words: int = 240,
) -> dict:
    """Write people who heard the same story; return what the config must say."""
    texts = [*AWKWARD, *sentences(words - len(AWKWARD))]
    parts = np.array_split(np.array(texts), len(runs))
    lacking = {subjects[-1]: [f"1_{run}" for run in runs]}
    for number, subject in enumerate(subjects):
        for session in SESSIONS:
            for run, part in zip(runs, parts, strict=True):
                if f"{session}_{run}" in lacking.get(subject, []):
                    continue
                folder = root / f"sub-{subject}" / f"ses-{session}" / "meg"
                folder.mkdir(parents=True, exist_ok=True)
                onset = LEAD_IN + 0.1 * number + INTERVAL * np.arange(len(part))
                seed = [number, int(session), runs.index(run)]
                name = f"sub-{subject}_ses-{session}_task-story_run-{run}"
                write_run(folder / name, [str(text) for text in part], onset, seed)
    return {
        "data": {
            "kind": "bids",
            "subjects": list(subjects),
            "missing": lacking,
            "bids": {
                "root": str(root),
                "sessions": list(SESSIONS),
                "repeats": "session",
                "tasks": ["story"],
                "runs": list(runs),
                "events": EVENTS,
            },
        },
        "preprocessing": {
            "bad_channels": {"search": False},
            "notch_frequencies": [],
            "artefacts": {"ecg_components": 0, "eog_components": 0},
        },
        "responses": {"picks": ["mag"]},
    }


def write_run(stem: Path, texts: Sequence[str], onset: np.ndarray, seed: Sequence[int]) -> None:
    """A recording, its events and the table of its channels."""
    raw = recording(onset, seed)
    raw.save(stem.with_name(f"{stem.name}_meg.fif"), fmt="single", verbose="error")
    tables = {
        "events": "\ufeff" + "\n".join(event_rows(texts, onset)),
        "channels": f"name\ttype\tstatus\n{BAD}\tMEGGRADPLANAR\tbad",
    }
    for name, table in tables.items():
        path = stem.with_name(f"{stem.name}_{name}.tsv")
        path.write_text(f"{table}\n", encoding="utf-8")


def event_rows(texts: Sequence[str], onset: np.ndarray) -> list[str]:
    """Lines of an events file: header, a sound, each word with a phoneme, a word list's word."""
    nan = float("nan")
    shared = {"story": "tale", "sound": "tale_0.wav"}
    spoken = shared | {"condition": "sentence"}
    cells = [(onset[0] - 0.5, shared | {"kind": "sound", "word": nan, "condition": nan})]
    for time, text in zip(onset, texts, strict=True):
        cells.append((time, spoken | {"kind": "word", "word": text, "pronounced": 1.0}))
        cells.append((time, spoken | {"kind": "phoneme", "phoneme": "t_B", "word_index": nan}))
    listed = shared | {"kind": "word", "word": "hat", "condition": "word_list"}
    cells.append((onset[-1] + INTERVAL, listed))
    rows = [f"{time:.3f}\t0.2\t{cell!r}\t1\t{round(time * RATE)}" for time, cell in cells]
    return ["onset\tduration\ttrial_type\tvalue\tsample", *rows]


def recording(onset: np.ndarray, seed: Sequence[int]) -> mne.io.RawArray:
    """306 sensors of noise with one response, 0.1 to 0.3 s after each onset, on all of them."""
    rng = np.random.default_rng(seed)
    info = measurement_info(RATE, 50.0, np.zeros(6))
    n = round((onset[-1] + 3.0) * RATE)
    scale = np.array([4e-12 if kind == "grad" else 1e-13 for kind in info.get_channel_types()])
    data = scale[:, None] * rng.standard_normal((len(info.ch_names), n))
    impulses = np.zeros(n)
    impulses[np.round((onset + 0.1) * RATE).astype(int)] = 1.0
    course = np.convolve(impulses, np.hanning(round(0.2 * RATE)))[:n]
    topography = np.random.default_rng(0).standard_normal(len(scale))  # of all people
    return mne.io.RawArray(data + np.outer(scale * topography, course), info, verbose="error")
