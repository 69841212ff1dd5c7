"""Divergence of language model and brains: words, sentences, and what the scores follow."""

from lmbrain.divergence.diagnostics import (
    adjusted,
    divergence_diagnostics,
    split_half_reliability,
)
from lmbrain.divergence.sensors import select_reliable_sensors, select_sensors
from lmbrain.divergence.sentences import samples_to_words, sentence_divergence
from lmbrain.divergence.words import MEASURES, ranking_measure, word_divergence

__all__ = [
    "MEASURES",
    "adjusted",
    "divergence_diagnostics",
    "ranking_measure",
    "samples_to_words",
    "select_reliable_sensors",
    "select_sensors",
    "sentence_divergence",
    "split_half_reliability",
    "word_divergence",
]
