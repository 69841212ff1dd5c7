"""Items of the toy's multiple-choice sets: what is asked, in which words, with which answers.

Each answer is a degree of the domain's latent, so that a model can only answer by knowing the
latent of the word asked about. In most items that word ends the prompt and the answer follows at
once: then the word's own hidden state has to carry the latent. A question after the sentence is
answered as well, but leaves the word's state as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.simulation import corpus as language
from lmbrain.simulation.choice_frames import FRAMES, TAILS

PLAIN_SHARE = 0.8
LONGEST_PREAMBLE = 14
LITERAL_SHARE = 0.4
HELD_OUT_SHARE = 0.15


@dataclass(frozen=True)
class Item:
    """One question: text before it, text that ends in it, options, index of the right one."""

    preamble: str
    prompt: str
    options: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class Case:
    """A combination of frame, word and subject, with the index of its right degree.

    The rival is the degree that the same word has with a subject of the other kind.
    """

    frame: str
    word: str
    subject: str
    degree: int
    rival: int | None


def draw_items(
    domain: str,
    lexicon: pd.DataFrame,
    subjects: pd.DataFrame,
    neutral: pd.DataFrame,
    *,
    n_options: int,
    seed: int,
    n_train: int,
    n_validation: int,
) -> tuple[list[Item], list[Item]]:
    """Draw training and validation items of one domain.

    No combination of frame and word (figurative: of subject and verb) is in both, every word of
    the domain is in training, and every place of the right option is as frequent.

    Raises
    ------
    LmbrainError
        If the domain has fewer words than answers.
    """
    rng = np.random.default_rng([seed, list(language.DEGREES).index(domain)])
    slots = language.pools(lexicon, subjects, neutral)
    # A second domain word after the one asked about would make the question ambiguous.
    plain = language.pools(lexicon.iloc[:0], subjects, neutral)
    cases = _cases(domain, lexicon[lexicon["domain"] == domain], subjects)
    train, validation = (
        [
            _item(rng, slots, plain, case, options, label)
            for case, (options, label) in _answered(rng, domain, chosen, n_options)
        ]
        for chosen in (
            _balanced(rng, pool, n_items)
            for pool, n_items in zip(_split(rng, cases), (n_train, n_validation), strict=True)
        )
    )
    return train, validation


def degrees_of(latents: pd.Series, n_degrees: int) -> np.ndarray:
    """Index of each latent's quantile, 0 to ``n_degrees`` - 1, so that all answers are as frequent.

    Ties are split by position in the table.
    """
    order = latents.rank(method="first").to_numpy() - 1
    return (order * n_degrees // len(latents)).astype(int)


def _cases(domain: str, words: pd.DataFrame, subjects: pd.DataFrame) -> list[Case]:
    n_degrees = len(language.DEGREES[domain])
    if len(words) < n_degrees:
        raise LmbrainError(
            f"The lexicon has {len(words)} words of the domain {domain!r}; "
            f"its choice set needs at least {n_degrees}."
        )
    if domain != "figurative":
        degrees = degrees_of(words["latent"], n_degrees)
        return [
            Case(frame, word, "", int(degree), None)
            for word, tag, degree in zip(words["word"], words["tag"], degrees, strict=True)
            for frame in FRAMES[tag]
        ]
    # The literal answer is degree 0; a verb's own degree counts with an inanimate subject only.
    degrees = 1 + degrees_of(words["latent"], n_degrees - 1)
    speakers = [(f"the {word}", animate) for word, animate in subjects[["word", "animate"]].values]
    speakers += [(person, 1) for person in (*language.PEOPLE, "they")]
    return [
        Case(frame, word, subject, *((0, int(degree)) if animate else (int(degree), 0)))
        for word, degree in zip(words["word"], degrees, strict=True)
        for subject, animate in speakers
        for frame in FRAMES["verb"]
    ]


def _split(rng: np.random.Generator, cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Hold out a share of each word's combinations (of word and subject, where subjects count)."""
    keys = sorted({(case.word, case.subject or case.frame) for case in cases})
    held: set[tuple[str, str]] = set()
    for word in sorted({word for word, _ in keys}):
        own = [key for key in keys if key[0] == word]
        n_held = max(1, round(HELD_OUT_SHARE * len(own)))
        held |= {own[i] for i in rng.permutation(len(own))[:n_held]}
    train, validation = [], []
    for case in cases:
        key = (case.word, case.subject or case.frame)
        (validation if key in held else train).append(case)
    return train, validation


def _balanced(rng: np.random.Generator, cases: Sequence[Case], n_items: int) -> list[Case]:
    """Draw cases so that answers, and words within an answer, are equally frequent.

    Where subjects count, the literal answer gets `LITERAL_SHARE`.
    """
    by_degree: dict[int, dict[str, list[Case]]] = {}
    for case in cases:
        by_degree.setdefault(case.degree, {}).setdefault(case.word, []).append(case)
    literal = LITERAL_SHARE if cases[0].rival is not None else 1 / len(by_degree)
    shares = [literal, *[(1 - literal) / (len(by_degree) - 1)] * (len(by_degree) - 1)]
    ends = np.round(np.cumsum(shares) * n_items).astype(int)
    drawn = []
    for degree, number in zip(sorted(by_degree), np.diff(ends, prepend=0), strict=True):
        words = sorted(by_degree[degree])
        for position in range(number):
            own = by_degree[degree][words[position % len(words)]]
            drawn.append(own[int(rng.integers(len(own)))])
    return [drawn[i] for i in rng.permutation(n_items)]


def _answered(
    rng: np.random.Generator, domain: str, cases: Sequence[Case], n_options: int
) -> list[tuple[Case, tuple[tuple[str, ...], int]]]:
    """Each case with options and label: the right degree among others, every place as often."""
    words = language.DEGREES[domain]
    labels = rng.permutation(np.arange(len(cases)) % n_options)
    answers = []
    for case, label in zip(cases, labels, strict=True):
        wrong = _wrong(rng, case, len(words), n_options - 1)
        order = [*wrong[:label], case.degree, *wrong[label:]]
        answers.append((case, (tuple(words[degree] for degree in order), int(label))))
    return answers


def _wrong(rng: np.random.Generator, case: Case, n_degrees: int, n_wrong: int) -> list[int]:
    if case.rival is None:
        others = [degree for degree in range(n_degrees) if degree != case.degree]
        return [int(degree) for degree in rng.permutation(others)[:n_wrong]]
    # Literal against the verb's own degree: only the subject can tell. As many figurative items
    # have the literal rival, so that this pair is right either way equally often.
    if case.degree == 0 or rng.random() < LITERAL_SHARE / (1 - LITERAL_SHARE):
        return [case.rival]
    others = [degree for degree in range(1, n_degrees) if degree != case.degree]
    return [int(rng.choice(others))]


def _item(
    rng: np.random.Generator,
    slots: language.Pools,
    plain: language.Pools,
    case: Case,
    options: tuple[str, ...],
    label: int,
) -> Item:
    adjective = slots.adjective[int(rng.integers(len(slots.adjective)))]
    described = case.subject.replace("the ", f"the {adjective} ")
    frame = case.frame.replace("{adjective_subject}", described)
    text = f"{frame.replace('{subject}', case.subject)} {case.word}"
    text = language.fill(rng, text, slots)
    if rng.random() >= PLAIN_SHARE:
        tail = language.fill(rng, TAILS[int(rng.integers(len(TAILS)))], plain)
        text += tail if tail.startswith(".") else f" {tail}"
    return Item(_preamble(rng, slots), text[0].upper() + text[1:], options, label)


def _preamble(rng: np.random.Generator, slots: language.Pools) -> str:
    # Story contexts are windows that begin anywhere, so the preamble is cut anywhere, too; much
    # shorter ones leave the positions that a story's words take untrained.
    words = f"{language.sentence(rng, slots)} {language.sentence(rng, slots)}".split()
    kept = int(rng.integers(LONGEST_PREAMBLE + 1))
    return " ".join(words[max(0, len(words) - kept) :]) if kept else ""
