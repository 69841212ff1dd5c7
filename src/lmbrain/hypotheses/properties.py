"""Candidate properties of sentences: the offline proposer's and verifier's vocabulary.

Each property is a phrase a reader understands and a rule that gives every sentence a value from
0 (does not hold) to 1 (holds fully). They come from general knowledge of English and were fixed
before any story was analysed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lmbrain.errors import LmbrainError
from lmbrain.hypotheses import everyday_topics as topics
from lmbrain.hypotheses import word_lists
from lmbrain.hypotheses.figures_of_speech import is_comparison, is_personification
from lmbrain.hypotheses.inflection import participles

# a sentence with this share of its words on a list holds the property fully
FULL_SHARE = 1 / 8
_WORD = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*")
_PARTICIPLES = participles()


@dataclass(frozen=True)
class Sentence:
    """A sentence as the rules see it: text with plain quotes, words as written and lower-case."""

    text: str
    written: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Property:
    """A named property; `statement` says it in words, `value` maps a sentence to [0, 1]."""

    name: str
    statement: str
    value: Callable[[Sentence], float]


@lru_cache(maxsize=8192)
def parse(text: str) -> Sentence:
    """Split a sentence into words.

    Raises
    ------
    LmbrainError
        If it holds none.
    """
    plain = text.translate(str.maketrans({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}))
    written = tuple(_WORD.findall(plain))
    if not written:
        raise LmbrainError(f"The sentence {text!r} holds no word; mend the words table.")
    return Sentence(plain, written, tuple(word.lower() for word in written))


def evaluate(name: str, text: str) -> float:
    """The value in [0, 1] of the property called `name` for a sentence.

    Raises
    ------
    LmbrainError
        If no property has that name.
    """
    if name not in PROPERTIES:
        raise LmbrainError(
            f"The hypotheses name the unknown property {name!r}; propose them anew with this "
            "version of lmbrain."
        )
    return float(PROPERTIES[name].value(parse(text)))


def values(names: list[str], texts: list[str]) -> np.ndarray:
    """Table (sentence, property) of values in [0, 1]."""
    return np.array([[evaluate(name, text) for name in names] for text in texts]).reshape(
        len(texts), len(names)
    )


def share(listed: frozenset[str]) -> Callable[[Sentence], float]:
    """A rule: the share of words on the list, relative to FULL_SHARE, at most 1."""

    def value(sentence: Sentence) -> float:
        found = sum(word in listed for word in sentence.words)
        return min(1.0, found / len(sentence.words) / FULL_SHARE)

    return value


def mark(pattern: str) -> Callable[[Sentence], float]:
    """A rule: 1 if the text matches the regular expression, else 0."""
    compiled = re.compile(pattern)
    return lambda sentence: float(compiled.search(sentence.text) is not None)


def figurative(sentence: Sentence) -> float:
    """1 for a sentence with a comparison or a personification, else 0."""
    return float(is_comparison(sentence.text.lower()) or is_personification(sentence.words))


def names(sentence: Sentence) -> float:
    """Share of capitalised words other than I and those that open a sentence or a quotation."""
    openings = {
        match.end() - 1 for match in re.finditer(r"(?:^|[.!?:\"(]|(?<=\s)')\W*\w", sentence.text)
    }
    found = sum(
        match.group()[0].isupper()
        and match.start() not in openings
        and match.group().split("'")[0] != "I"
        for match in _WORD.finditer(sentence.text)
    )
    return min(1.0, found / len(sentence.words) / FULL_SHARE)


def past_perfect(sentence: Sentence) -> float:
    """1 if `had` is followed within three words by a participle, else 0."""
    words = sentence.words
    return float(
        any(
            word == "had"
            and any(
                (w.endswith("ed") and len(w) > 4) or w in _PARTICIPLES for w in words[i + 1 : i + 4]
            )
            for i, word in enumerate(words)
        )
    )


def long_sentence(sentence: Sentence) -> float:
    """Number of words, of 40."""
    return min(1.0, len(sentence.words) / 40)


def long_words(sentence: Sentence) -> float:
    """Mean number of letters, from 3 (0) to 8 (1)."""
    return float(np.clip((np.mean([len(w) for w in sentence.words]) - 3) / 5, 0, 1))


def rare_words(sentence: Sentence) -> float:
    """Mean log frequency (Zipf scale of `wordfreq`), from 7 (0) to 3 (1)."""
    from wordfreq import zipf_frequency

    mean = np.mean([zipf_frequency(word, "en") for word in sentence.words])
    return float(np.clip((7 - mean) / 4, 0, 1))


def function_words(sentence: Sentence) -> float:
    """Share of function words."""
    return sum(w in topics.FUNCTION_WORDS for w in sentence.words) / len(sentence.words)


_ALL = (
    Property("feelings", "describes a feeling or an emotion", share(word_lists.FEELINGS)),
    Property("social", "shows people dealing with one another", share(word_lists.SOCIAL)),
    Property("speech", "reports that somebody says something", share(word_lists.SPEECH)),
    Property(
        "physical",
        "describes how things are handled, what they are made of or how they feel to the touch",
        share(word_lists.HANDLING | word_lists.MATERIALS | word_lists.PHYSICAL_TRAITS),
    ),
    Property(
        "figurative",
        "uses figurative language, such as a comparison or a thing that acts like a person",
        figurative,
    ),
    Property("objects", "mentions tools or household objects", share(word_lists.OBJECTS)),
    Property("nature", "mentions landscape or plants", share(word_lists.NATURE)),
    Property("weather", "mentions the weather", share(word_lists.WEATHER)),
    Property("buildings", "mentions buildings or rooms", share(word_lists.BUILDINGS)),
    Property("colours", "mentions a colour", share(topics.COLOURS)),
    Property("time", "says when something happens", share(topics.TIME)),
    Property("place", "says where or in which direction something happens", share(topics.PLACE)),
    Property("body", "mentions parts of the body", share(topics.BODY)),
    Property("food", "mentions food, drink or eating", share(topics.FOOD)),
    Property("family", "mentions members of a family", share(topics.FAMILY)),
    Property("people", "mentions people by their role or occupation", share(topics.PEOPLE)),
    Property("animals", "mentions animals", share(topics.ANIMALS)),
    Property("movement", "describes somebody moving from place to place", share(topics.MOVEMENT)),
    Property("perception", "describes seeing, hearing or smelling", share(topics.PERCEPTION)),
    Property("thinking", "describes thinking, knowing or wishing", share(topics.THINKING)),
    Property("light", "mentions light or darkness", share(topics.LIGHT)),
    Property("clothes", "mentions clothes", share(topics.CLOTHES)),
    Property("money", "mentions money or trade", share(topics.MONEY)),
    Property("danger", "mentions danger, violence or death", share(topics.DANGER)),
    Property("numbers", "mentions a number", share(topics.NUMBERS)),
    Property("names", "names a person or a place", names),
    Property("negation", "says that something is not so", share(topics.NEGATION)),
    Property("modals", "says what can, may, must or will be", share(topics.MODALS)),
    Property("first_person", "is told by an I or a we", share(topics.FIRST_PERSON)),
    Property("third_person", "refers to people by he, she or they", share(topics.THIRD_PERSON)),
    Property("coordination", "joins parts with and, but or or", share(topics.COORDINATION)),
    Property("subordination", "holds a subordinate clause", share(topics.SUBORDINATION)),
    Property("past_perfect", "tells what had happened before", past_perfect),
    Property("quotation", "quotes somebody's words", mark(r'"|(?:^|\s)\'(?=\w)')),
    Property("question", "asks a question", mark(r"\?")),
    Property("exclamation", "exclaims", mark("!")),
    Property("long_sentence", "is long", long_sentence),
    Property("long_words", "uses long words", long_words),
    Property("rare_words", "uses rare words", rare_words),
    Property("function_words", "is made up largely of function words", function_words),
)
PROPERTIES = {p.name: Property(p.name, f"The sentence {p.statement}.", p.value) for p in _ALL}
