"""The reading data as they are published: MATLAB files, annotators' tables, the authors' arrays."""

import csv
from pathlib import Path

import numpy as np
from scipy.io import savemat

from formats.story import sentences

CATEGORIES = ("Emotion", "Figurative", "Physical")
MARKS = str.maketrans("", "", "@\\^+")


def labels(words: int, seed: int) -> list[str]:
    """Items as labelled: a cross after each twelfth word, marks of italics and layout, a dash."""
    shown = []
    for i, word in enumerate(sentences(words, seed)):
        shown.append({5: f"@{word}@", 16: f"{word}^", 27: f"\\{word}"}.get(i, word))
        if i % 12 == 11:
            shown.append("+^" if i == 11 else "+")
    return [*shown, "--", "+"]


def write_recording(path: Path, shown: list[str], seed: int = 0, **changes) -> np.ndarray:
    """A person's chapter: nested cells of labels, data in double."""
    cells = np.empty((len(shown), 1), dtype=object)
    for i, text in enumerate(shown):
        cells[i, 0] = np.array([[text]], dtype=object)
    data = np.random.default_rng(seed).normal(size=(len(shown), 306, 20)) * 1e-12
    path.parent.mkdir(exist_ok=True)
    savemat(path, {"data": data, "labels": cells} | changes)
    return data


def write_annotations(folder: Path, shown: list[str], seed: int = 0) -> np.ndarray:
    """Three annotators' tables, each with habits of its own; the third ends one row early.

    Returns
    -------
    (annotator, item, category) bool, the judgements written.
    """
    rng = np.random.default_rng(seed)
    truth = rng.random((len(shown), 3)) < 0.3
    votes = truth ^ (rng.random((3, *truth.shape)) < 0.1)
    votes[:, ["+" in text for text in shown]] = False
    for i, no in enumerate((["0", "0", "0"], ["", "0", ""], ["", "", ""])):
        kept = shown[:-1] if i == 2 else shown
        with open(folder / f"harry_annot_sub{i + 1}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["Word", *CATEGORIES, "", "", ""])
            for text, row in zip(kept, votes[i], strict=False):
                cells = ["1" if yes else none for yes, none in zip(row, no, strict=True)]
                writer.writerow([text.translate(MARKS), *cells, "", "", ""])
    return votes


def write_denoised(folder: Path, chapters: dict[int, list[str]]) -> dict[int, np.ndarray]:
    """The authors' arrays (item, bin, sensor) and their list of words of chapter 10."""
    names = {9: "denoised_HP.npy", 10: "denoised_HP_chapter2.npy"}
    arrays = {}
    for chapter, shown in chapters.items():
        values = np.random.default_rng(chapter).normal(size=(len(shown), 20, 306)) * 1e-12
        np.save(folder / names[chapter], values)
        arrays[chapter] = values
    if 10 in chapters:
        np.save(folder / "words_chapter_2.npy", np.array(chapters[10]))
    return arrays


def write(folder: Path, words: int = 120) -> dict:
    """Two chapters, the second of which one reader of two lacks; what the config must say."""
    for chapter, place in ((9, folder), (10, folder / "chapter10")):
        for i, subject in enumerate("AB" if chapter == 9 else "A"):
            path = place / f"{subject}_HP_notDetrended_25ms.mat"
            write_recording(path, labels(words, seed=chapter), seed=10 * chapter + i)
    return {
        "data": {
            "kind": "harry_potter",
            "subjects": ["A", "B"],
            "story": "reading",
            "missing": {"B": ["ch10"]},
            "harry_potter": {"root": str(folder), "chapters": [9, 10], "form": "people"},
        },
        "responses": {"picks": ["mag"]},
        "folds": {"outer": 6},  # three of them in the chapter that all people read
    }
