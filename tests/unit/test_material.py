"""The shipped story: its annotation, lexicon and word lists agree with its text."""

import numpy as np
import pytest

from lmbrain.simulation import material
from lmbrain.words import bare, is_word, number_sentences

RANGES = {"social_emotional": (-1.0, 1.0), "figurative": (0.25, 1.0), "physical": (0.2, 1.0)}
REACH = 6


@pytest.fixture(scope="module")
def items():
    return material.story().split()


@pytest.fixture(scope="module")
def keys(items):
    return [bare(item).lower() for item in items]


@pytest.fixture(scope="module")
def planted():
    return material.annotation().loc[:, list(RANGES)].astype(float)


@pytest.fixture(scope="module")
def sentences(items):
    flags = np.array([is_word(item) for item in items])
    return number_sentences(items, flags, ["story"] * len(items))


def test_annotation_follows_the_story_word_for_word(items):
    table = material.annotation()
    assert table["item"].tolist() == list(range(len(items)))
    assert table["text"].tolist() == items


def test_story_is_plain_ascii_words_in_sentences_of_moderate_length(items, sentences):
    assert material.story().isascii()
    assert len(items) >= 2000
    assert all(is_word(item) for item in items)
    assert 240 <= sentences.max() + 1 <= 260
    assert np.bincount(sentences).min() > 3


def test_lexicon_gives_each_type_one_domain_and_a_latent_in_range():
    lexicon = material.lexicon()
    assert lexicon["word"].is_unique
    assert set(lexicon["domain"]) == set(RANGES)
    for domain, (lowest, highest) in RANGES.items():
        latent = lexicon.loc[lexicon["domain"] == domain, "latent"].astype(float)
        assert latent.is_unique
        assert (latent.min(), latent.max()) == (lowest, highest)


@pytest.mark.parametrize("domain", RANGES)
def test_every_planted_item_has_the_latent_of_its_type(domain, keys, planted):
    lexicon = material.lexicon()
    latent = lexicon[lexicon["domain"] == domain].set_index("word")["latent"].astype(float)
    for key, value in zip(keys, planted[domain], strict=True):
        assert value == 0 or value == latent[key]
    # The figurative verbs alone have occurrences that count for nothing: the literal ones.
    if domain != "figurative":
        assert [key in latent.index for key in keys] == planted[domain].ne(0).tolist()


def test_every_lexicon_type_is_planted_and_used_two_to_four_times(keys, planted):
    counted = planted.ne(0).any(axis=1)
    for word in material.lexicon()["word"]:
        at = [i for i, key in enumerate(keys) if key == word]
        assert 2 <= len(at) <= 4
        assert counted[at].sum() >= 2


def test_verbs_are_figurative_exactly_where_the_subject_is_inanimate(keys, planted, sentences):
    animate = material.subjects().set_index("word")["animate"].astype(int)
    lexicon = material.lexicon()
    verbs = set(lexicon.loc[lexicon["domain"] == "figurative", "word"])
    literal = []
    for i, key in enumerate(keys):
        if key not in verbs:
            continue
        before = range(max(0, i - REACH), i)
        subject = [keys[j] for j in before if sentences[j] == sentences[i] and keys[j] in animate]
        assert (planted["figurative"][i] == 0) == bool(animate[subject[-1]])
        literal.append(planted["figurative"][i] == 0)
    assert 0.15 <= np.mean(literal) <= 0.35


@pytest.mark.parametrize("domain", RANGES)
def test_each_domain_marks_a_few_words_evenly_over_the_story(domain, planted):
    places = np.flatnonzero(planted[domain])
    assert 0.04 <= len(places) / len(planted) <= 0.08
    fifths = np.bincount(places * 5 // len(planted), minlength=5) / len(places)
    assert ((fifths >= 0.1) & (fifths <= 0.3)).all()


def test_a_sentence_carries_at_most_one_domain(planted, sentences):
    present = planted.ne(0).groupby(sentences).any()
    assert present.sum(axis=1).max() == 1
    assert present.mean().between(0.2, 0.3).all()


def test_word_lists_hold_words_of_the_story_and_do_not_overlap(keys):
    lexicon = set(material.lexicon()["word"])
    subjects = material.subjects()
    neutral = material.neutral()
    lists = [lexicon, set(subjects["word"]), set(neutral["word"])]
    assert subjects["word"].is_unique and neutral["word"].is_unique
    assert len(set.union(*lists)) == sum(map(len, lists))
    assert set.union(*lists) <= set(keys)
    assert set(subjects["animate"].astype(int)) == {0, 1}
