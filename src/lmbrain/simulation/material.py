"""The material of the toy study that ships with the package: a story and its word lists.

Only the simulation may read the lexicon and the annotation: they are the planted truth, and an
analysis that saw them would prove nothing.
"""

from __future__ import annotations

from importlib import resources

import pandas as pd

_NUMBERS = ("latent", "animate", "sentence", "item")


def story() -> str:
    """The story that the simulated people read, as plain text."""
    return _file("story.txt").read_text(encoding="utf-8")


def lexicon() -> pd.DataFrame:
    """Word types of the three domains: ``word, domain, latent, tag``.

    The latent is the valence in -1..1 (social_emotional), the strength of a figurative reading in
    0.25..1 that counts with an inanimate subject only (figurative), or how easily a hand does it
    in 0.2..1 (physical).
    """
    return _table("lexicon.tsv")


def subjects() -> pd.DataFrame:
    """Nouns that can be the subject of a verb: ``word, animate`` (1 or 0)."""
    return _table("subjects.tsv")


def neutral() -> pd.DataFrame:
    """Words outside the domains: ``word, tag`` (noun, verb, adjective, adverb, time, place)."""
    return _table("neutral.tsv")


def annotation() -> pd.DataFrame:
    """What each word of the story means in its place: one row a word of the story."""
    return _table("annotation.tsv")


def _file(name: str):
    return resources.files("lmbrain.simulation") / "material" / name


def _table(name: str) -> pd.DataFrame:
    # Words such as "null", "NA" or "true" are words here: read text first, then the numbers.
    with _file(name).open("r", encoding="utf-8") as stream:
        table = pd.read_csv(stream, sep="\t", dtype=str, keep_default_na=False, quoting=3)
    for column in table.columns.intersection(_NUMBERS):
        table[column] = pd.to_numeric(table[column])
    return table
