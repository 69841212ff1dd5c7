"""In which words the items of the toy's multiple-choice sets ask."""

from __future__ import annotations

from collections.abc import Mapping

FRAMES: Mapping[str, tuple[str, ...]] = {
    "feeling_noun": (
        "{agent} felt the",
        "{agent} felt",
        "{agent} {verb} with",
        "there was",
        "the {noun} and the",
        "{agent} {verb} the",
        "a {noun} of",
        "{time} there was a",
        "in the {noun} was the",
        "{agent} thought of the",
        "it was the",
        "{agent} had a {adjective}",
    ),
    "feeling_adjective": (
        "{agent} was",
        "{agent} felt",
        "{agent} was {adjective} and",
        "{agent} was too",
        "they were",
        "{time} {agent} was so",
        "it was",
        "{agent} {verb} the",
        "there was a",
        "all the {noun} was",
        "{agent} {verb} and was",
        "the {noun} {place} was",
    ),
    "verb": (
        "{subject}",
        "{adjective_subject}",
        "{subject} {adverb}",
        "{time} {subject}",
        "{agent} {verb} as {subject}",
        "{subject} {verb} and",
        "{subject} {place}",
        "{agent} {verb} the {noun} and {subject}",
        "when {subject}",
        "{agent} {verb}, and {subject}",
    ),
    "action_verb": (
        "{agent}",
        "{agent} {adverb}",
        "{agent} {verb} and",
        "{time} {agent}",
        "they",
        "{agent} and {agent}",
        "{agent} took the {noun} and",
        "the {adjective} {noun}",
        "when {agent}",
        "{agent} {verb}, and {agent}",
    ),
    "object_noun": (
        "{agent} took the",
        "{agent} {verb} the",
        "{agent} {verb} the {noun} and the",
        "there was a",
        "{agent} had the {adjective}",
        "the",
        "{agent} took a",
        "{time} {agent} {verb} the",
        "in the {noun} was the",
        "with the",
    ),
    "object_adjective": (
        "the {noun} was",
        "{agent} took the",
        "{agent} was {adjective} and",
        "it was",
        "{agent} {verb} the",
        "there was a",
        "{agent} was too",
        "all the {noun} was",
        "they were",
        "the {noun} {place} was",
    ),
}
"""What may stand before the word asked about, by the word's tag."""

TAILS = (
    "{place}",
    "{time}",
    "and {agent} {verb}",
    "and the {noun} {verb}",
    ". How was it?",
    ". Did {agent} {verb}?",
)
"""What may stand between word and answer in the items of the other shape."""
