"""Rules that recognise two common figures of speech: comparison and personification."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lmbrain.hypotheses.inflection import words as listed
from lmbrain.hypotheses.word_lists import AGENTIVE, HUMAN_TRAITS, INANIMATE

_COMPARISON = re.compile(
    r"(?<!would )(?<!not )(?<!n't )(?<!to )\blike (?:a|an|some)\b"
    r"|\b(?:was|were|is|are|looked|sounded|felt|seemed|fell|moved|rose) like\b"
    r"|\bas (?:if|though)\b|\bas [a-z]+ as (?:a|an|any)\b"
)
_PREPOSITIONS = listed(
    """about above across after against along among around at behind below beneath beside between
    beyond by down during for from in inside into near of off on onto out outside over past
    round through to toward towards under underneath until up upon with within without"""
)
_DETERMINERS = listed(
    """a an another each every her his its many my no our some that the their these this those
    your"""
)
_COPULAS = listed(
    """is are was were be been seemed seems looked looks felt grew became turned stayed"""
)
# words that may stand between a subject and its verb
_BETWEEN = listed(
    """also always and almost began can could did do does even finally had has have itself just
    may might must never no not now often once only quite really seemed seems should so
    sometimes soon started still then themselves tried too used very wanted was were will would"""
)
_TAKING_TO = listed("began seemed seems started tried used wanted had")
REACH = 5


def is_comparison(text: str) -> bool:
    """Whether a lower-case text likens one thing to another (`like a`, `as if`, `as .. as a`)."""
    return bool(_COMPARISON.search(text))


def is_personification(words: Sequence[str]) -> bool:
    """Whether a thing acts, or is described, as only people and animals do and are.

    Parameters
    ----------
    words
        The sentence's lower-case words in order.
    """
    return any(
        word in INANIMATE and (_described(words, i) or (_is_subject(words, i) and _acts(words, i)))
        for i, word in enumerate(words)
    )


def _described(words: Sequence[str], noun: int) -> bool:
    """`the stubborn door`, `the door was very stubborn`."""
    if noun > 0 and words[noun - 1] in HUMAN_TRAITS and not words[noun - 1].endswith("ly"):
        return True
    following = words[noun + 1 : noun + 1 + REACH]
    if not following or following[0] not in _COPULAS or not _is_subject(words, noun):
        return False
    return _first_that_counts(following[1:]) in HUMAN_TRAITS


def _acts(words: Sequence[str], noun: int) -> bool:
    """`the door groaned`, `the door had never wanted to laugh`."""
    return _first_that_counts(words[noun + 1 : noun + 1 + REACH]) in AGENTIVE


def _first_that_counts(words: Sequence[str]) -> str | None:
    before = ""
    for word in words:
        skipped = word in _BETWEEN or word.endswith("ly") or (word == "to" and before in _TAKING_TO)
        if word in AGENTIVE or word in HUMAN_TRAITS or not skipped:
            return word
        before = word
    return None


def _is_subject(words: Sequence[str], noun: int) -> bool:
    """Not inside a prepositional phrase: `the man by the old door laughed` has no acting door."""
    for i in range(noun - 1, max(noun - 5, -1), -1):
        if words[i] in _PREPOSITIONS:
            return False
        if words[i] in _DETERMINERS:
            return i == 0 or words[i - 1] not in _PREPOSITIONS
    return True
