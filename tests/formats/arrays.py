"""Running responses of two people: an array a run, beside a table of word times."""

from pathlib import Path

import numpy as np
import pandas as pd

from formats.story import sentences

INTERVAL = 1.5


def word_times(words: int, runs: int = 3) -> pd.DataFrame:
    """A table of words without story, is_word and sentence: 0.5 s a word, 3 s of lead-in."""
    text = sentences(words)
    run = np.sort(np.arange(len(text)) % runs) + 1
    number = np.arange(len(text))
    onset = 3.0 + 0.5 * (number - np.array([number[run == r].min() for r in run]))
    return pd.DataFrame({"text": text, "onset": onset, "duration": 0.4, "run": run})


def write(folder: Path, words: int = 480, sensors: int = 4, lacking: bool = True) -> dict:
    """Write four runs of two people, one of whom lacks the last; return the config's part."""
    table = word_times(words, 4)
    table.to_csv(folder / "story_words.tsv", sep="\t", index=False)
    (folder / "electrodes.txt").write_text("".join(f"G{i}\n" for i in range(1, sensors + 1)))
    for subject, runs in (("a1", (1, 2, 3, 4)), ("b2", (1, 2, 3) if lacking else (1, 2, 3, 4))):
        for run in runs:
            rng = np.random.default_rng(run + len(subject))
            seconds = table["onset"][table["run"] == run].max() + 12.0
            values = rng.normal(100.0, 5.0, (int(seconds / INTERVAL), sensors))
            np.save(folder / f"{subject}_run{run}.npy", values)
    return {
        "data": {
            "kind": "arrays",
            "subjects": ["a1", "b2"],
            "missing": {"b2": ["4"]} if lacking else {},
            "arrays": {
                "root": str(folder),
                "words": "story_words.tsv",
                "responses": "{subject}_run{run}.npy",
                "sensors": "electrodes.txt",
                "interval": INTERVAL,
            },
        },
        "encoding": {
            "spaces": {"rate": ["rate"], "controls": ["rate", "controls"], "lm": ["rate", "base"]},
            "delays": {"start": 0.0, "stop": 3.0},
            "drift_cutoff": 30.0,
            "ridge": {"denoised": False},
        },
        "significance": {"minimal_shift": 5.0},
    }
