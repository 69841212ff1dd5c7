"""Divergence of language model and brains: words, sentences, and what the scores follow."""

from lmbrain.divergence.diagnostics import (
    adjusted,
    divergence_diagnostics,
    person_reliability,
    split_half_reliability,
)
from lmbrain.divergence.sensors import select_reliable_sensors, select_sensors
from lmbrain.divergence.sentences import (
    rank_sentences,
    samples_to_words,
    sentence_divergence,
)
from lmbrain.divergence.words import (
    MEASURES,
    WordScores,
    divergence_by_person,
    ranking_measure,
    word_divergence,
)

__all__ = [
    "MEASURES",
    "WordScores",
    "adjusted",
    "divergence_by_person",
    "divergence_diagnostics",
    "person_reliability",
    "rank_sentences",
    "ranking_measure",
    "samples_to_words",
    "select_reliable_sensors",
    "select_sensors",
    "sentence_divergence",
    "split_half_reliability",
    "word_divergence",
]
