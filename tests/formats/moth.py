"""The four pickles of the Moth listening data: six stories, one of them heard three times."""

import pickle
from pathlib import Path

import numpy as np

from formats.story import sentences

RATE = 200.0
LEAD = 0.5  # s before the first word


def trials(words: int = 60, channels: int = 8, seed: int = 0):
    """Recordings, onsets, words and the trials of each story; repeats start a little later."""
    rng = np.random.default_rng(seed)
    meg, onsets, texts, stories = {}, {}, {}, {}
    for number, story in enumerate(("haveyou", "alternate", "life", "souls", "tide", "heard")):
        text = sentences(words, number)
        onset = np.round((LEAD + np.cumsum(rng.uniform(0.2, 0.5, len(text)))) * RATE).astype(int)
        samples = onset[-1] + round(RATE)
        signal = rng.standard_normal((samples + 200, channels)) * 1e-12
        stories[story] = []
        for repeat, late in enumerate((0, 12, 31) if story == "heard" else (0,)):
            trial = f"{story}_{repeat + 1}"
            noise = rng.standard_normal((samples + late, channels)) * 1e-12
            meg[trial] = noise
            meg[trial][late:] += signal[:samples]
            onsets[trial] = [int(sample) + late for sample in onset]
            texts[trial] = text
            stories[story].append(trial)
    return meg, onsets, texts, stories


def write(folder: Path, words: int = 60, channels: int = 8) -> dict:
    """Write the release's files; return what the config must say."""
    names = ("MEG", "word_onset_point", "words", "run_info_test_story_dict")
    for name, content in zip(names, trials(words, channels), strict=True):
        (folder / f"Moth_{name}.pkl").write_bytes(pickle.dumps(content, 2))
    sensors = [f"MEG{sensor}" for sensor in ("0111", "0112", "0113", "0121", "0122", "0123")]
    sensors += ["MEG0131", "MEG0132", "MEG0133"]
    (folder / "channels.txt").write_text("\n".join(sensors[:channels]) + "\n")
    return {
        "data": {
            "kind": "moth",
            "subjects": ["01"],
            "moth": {
                "root": str(folder),
                "sampling_rate": RATE,
                "bin_width": 0.05,
                "system": "neuromag",
                "sensors": "channels.txt",
            },
        },
        "encoding": {
            "spaces": {"rate": ["rate"], "controls": ["rate", "controls"], "lm": ["rate", "base"]},
            "components": 4,
            "delays": {"start": 0.0, "stop": 0.2},
            "drift_cutoff": 10.0,
            "ridge": {"denoised": False},
        },
        "significance": {"minimal_shift": 2.0},
    }
