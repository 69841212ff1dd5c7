"""A story to write down in the form of any data set: enough sentences for a few folds."""

import numpy as np

NOUNS = ["ferry", "captain", "rope", "gull", "storm", "harbour", "lamp", "letter", "child"]
VERBS = ["saw", "held", "followed", "found", "forgot", "carried", "feared", "lost", "heard"]
ENDS = [".", ".", ".", "!", "?"]


def sentences(words: int, seed: int = 0) -> list[str]:
    """Items of a story, punctuation on the words, at least `words` of them."""
    rng = np.random.default_rng(seed)
    items: list[str] = []
    while len(items) < words:
        first, second = rng.choice(NOUNS, 2, replace=False)
        items += ["The", first, rng.choice(VERBS), "the", "old", second + rng.choice(ENDS)]
    return [str(item) for item in items]
