"""Training text of the toy's language models, in which no context tells a word's domain.

Every noun slot is filled from one pool of nouns, every verb slot from one pool of verbs and every
adjective slot from one pool of adjectives, whatever their domain. A model of this text learns
where words stand but not what they mean: the planted latents are absent from its states, which is
the gap between model and brain that the toy study has to find.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError

DEGREES = {
    "social_emotional": ("terribly", "badly", "middling", "nicely", "wonderfully"),
    "figurative": ("literally", "faintly", "partly", "wholly"),
    "physical": ("hardly", "clumsily", "readily", "easily"),
}
"""Answer words of the choice sets, in rising order of the latent. The corpus uses them after any
word, so that the base model knows them as words and not as answers."""

PEOPLE = ("she", "he")

_NOUN_TAGS = ("noun", "feeling_noun", "object_noun")
_VERB_TAGS = ("verb", "action_verb")
_ADJECTIVE_TAGS = ("adjective", "feeling_adjective", "object_adjective")

_CLAUSES = (
    "{agent} {verb}",
    "{agent} {verb} {place}",
    "{agent} {adverb} {verb}",
    "{agent} {verb} and {verb}",
    "{agent} {verb} the {noun}",
    "{agent} {verb} the {noun} and the {noun}",
    "{agent} {verb} the {adjective} {noun}",
    "{agent} {verb} the {noun} {place}",
    "{agent} {verb} a {noun} of {noun}",
    "{agent} {verb} with {noun}",
    "{agent} {verb} for the {noun}",
    "{agent} was {adjective}",
    "{agent} was {adjective} and {adjective}",
    "{agent} was too {adjective}",
    "{agent} felt the {noun}",
    "{agent} felt {adjective}",
    "{agent} took the {noun} from the {noun}",
    "{agent} had the {adjective} {noun}",
    "{agent} and {agent} {verb}",
    "there was {noun} in the {noun}",
    "there was a {adjective} {noun} {place}",
    "they {verb} {place}",
    "they {verb} the {noun}",
    "they were {adjective}",
    "it was {adjective} {place}",
    "the {noun} of the {noun} {verb}",
    "all the {noun} was {adjective}",
    "with the {noun} in the {noun} {agent} {verb}",
)
_SENTENCES = (
    "{clause}.",
    "{clause}.",
    "{clause}, and {clause}.",
    "{clause}, but {clause}.",
    "{clause} when {clause}.",
    "{clause} as {clause}.",
    "{clause} until {clause}.",
    "{time} {clause}.",
    "{time}, {clause}.",
    "{clause} {time}.",
    "{clause} {degree}.",
    "{clause}, {degree}.",
    "{clause} {degree} and {clause}.",
    "{degree} {clause}.",
    "{clause}; {clause}.",
    '"{clause}," said {agent}.',
    '"{clause}!" said {agent}. "{clause}."',
    "did {agent} say that {clause}?",
    "{agent} thought that {clause}.",
    "was it so that {clause}?",
)


@dataclass(frozen=True)
class Pools:
    """The words that may fill each slot, domain words among neutral ones."""

    noun: tuple[str, ...]
    verb: tuple[str, ...]
    adjective: tuple[str, ...]
    adverb: tuple[str, ...]
    time: tuple[str, ...]
    place: tuple[str, ...]
    subject: tuple[str, ...]
    degree: tuple[str, ...]


def pools(lexicon: pd.DataFrame, subjects: pd.DataFrame, neutral: pd.DataFrame) -> Pools:
    """Sort the words into slots; a word's domain plays no part.

    Parameters
    ----------
    lexicon, subjects, neutral
        Tables as `lmbrain.simulation.material` gives them.

    Raises
    ------
    LmbrainError
        If a slot has no words or a word has an unknown tag.
    """
    tagged = pd.concat([lexicon[["word", "tag"]], neutral[["word", "tag"]]])
    known = {*_NOUN_TAGS, *_VERB_TAGS, *_ADJECTIVE_TAGS, "adverb", "time", "place"}
    unknown = sorted(set(tagged["tag"]) - known)
    if unknown:
        raise LmbrainError(
            f"The word lists of the simulated language hold the unknown tag {unknown[0]!r}; "
            f"use one of {', '.join(sorted(known))}."
        )

    def words(*tags: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tagged.loc[tagged["tag"].isin(tags), "word"]))

    subject = tuple(dict.fromkeys(subjects["word"]))
    slots = Pools(
        noun=tuple(dict.fromkeys((*words(*_NOUN_TAGS), *subject))),
        verb=words(*_VERB_TAGS),
        adjective=words(*_ADJECTIVE_TAGS),
        adverb=words("adverb"),
        time=words("time"),
        place=words("place"),
        subject=subject,
        degree=tuple(word for degrees in DEGREES.values() for word in degrees),
    )
    for slot, fillers in vars(slots).items():
        if not fillers:
            raise LmbrainError(
                f"The simulated language has no word for the slot {slot!r}; "
                "add at least one to the word lists."
            )
    return slots


def sentence(rng: np.random.Generator, slots: Pools) -> str:
    """Draw one sentence, each slot filled evenly and independently from its pool."""
    frame = _fill(_pick(rng, _SENTENCES), {"clause": lambda: _pick(rng, _CLAUSES)})
    return _capitals(fill(rng, frame, slots))


def fill(rng: np.random.Generator, frame: str, slots: Pools) -> str:
    """Fill the slots ``{noun}``, ``{verb}``, ``{agent}`` and so on of a frame at random."""
    drawn = {slot: _drawer(rng, fillers) for slot, fillers in vars(slots).items()}
    return _fill(frame, drawn | {"agent": lambda: agent(rng, slots)})


def agent(rng: np.random.Generator, slots: Pools) -> str:
    """Draw a subject phrase: a pronoun, or one of the nouns, animate or not alike."""
    if rng.random() < 0.35:
        return _pick(rng, PEOPLE)
    noun = _pick(rng, slots.subject)
    return f"the {_pick(rng, slots.adjective)} {noun}" if rng.random() < 0.2 else f"the {noun}"


def corpus(
    seed: int,
    n_sentences: int,
    lexicon: pd.DataFrame,
    subjects: pd.DataFrame,
    neutral: pd.DataFrame,
    *,
    story: str,
) -> list[str]:
    """Draw sentences for training a language model, none of them from the story.

    Parameters
    ----------
    seed
        Seed of every draw.
    n_sentences
        Number of sentences returned.
    lexicon, subjects, neutral
        Tables as `lmbrain.simulation.material` gives them.
    story
        Text none of whose sentences may occur in the corpus.

    Returns
    -------
    list of str
        Sentences (a dialogue line may hold two), first letters in capitals.
    """
    slots = pools(lexicon, subjects, neutral)
    rng = np.random.default_rng(seed)
    told = f" {plain(story)} "
    drawn: list[str] = []
    while len(drawn) < n_sentences:
        text = sentence(rng, slots)
        if f" {plain(text)} " not in told:
            drawn.append(text)
    return drawn


def plain(text: str) -> str:
    """Lower case words only: what makes two sentences the same."""
    kept = "".join(letter if letter.isalnum() or letter == "'" else " " for letter in text.lower())
    return " ".join(kept.split())


def _drawer(rng: np.random.Generator, fillers: tuple[str, ...]):
    return lambda: _pick(rng, fillers)


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _fill(frame: str, drawers: dict) -> str:
    # Each occurrence of a slot gets its own draw, which str.format would not give.
    head, *slots = frame.split("{")
    filled = [head]
    for part in slots:
        name, rest = part.split("}", 1)
        filled.append((drawers[name]() if name in drawers else "{" + name + "}") + rest)
    return "".join(filled)


def _capitals(text: str) -> str:
    letters = list(text)
    start = True
    for place, letter in enumerate(letters):
        if start and letter.isalpha():
            letters[place] = letter.upper()
            start = False
        elif letter in ".?":
            start = True
    return "".join(letters)
