"""The reading data as the study's authors derived them, with the annotators' tables."""

from pathlib import Path

from formats.harry_potter import labels, write_annotations, write_denoised, write_recording


def write(folder: Path, words: int = 150) -> dict:
    """Chapter 9, one group in place of people; return what the config must say."""
    shown = labels(words, seed=9)
    write_recording(folder / "A_HP_notDetrended_25ms.mat", shown)
    write_annotations(folder, shown)
    write_denoised(folder, {9: shown})
    return {
        "data": {
            "kind": "harry_potter",
            "subjects": ["group"],
            "story": "reading",
            "harry_potter": {"root": str(folder), "chapters": [9], "form": "denoised"},
        },
        "responses": {"picks": ["mag"]},
        "divergence": {"measure": "squared_error"},
    }
