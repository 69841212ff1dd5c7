"""A word's tokens against the tokenizers' own account of each character."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from lmbrain.errors import LmbrainError
from lmbrain.features import tokens
from lmbrain.features.tokens import SPACE_MARKS, token_windows
from lmbrain.words import bare, is_word
from tiny_models import BUILDERS, WORDS, story_words

KINDS = {kind: make_tokenizer() for kind, (_, make_tokenizer) in BUILDERS.items()}
LETTERS = [
    *"aehlotdTO3",
    "\u00e9",
    "e\u0301",  # a combining accent
    "\u00c5",
    "\u00df",
    "\u4e2d",
    "\u0939\u093f",  # a letter with a vowel sign
    "\u05e9",
    "\U0001d4d0",  # outside the basic plane
]
MARKS = [
    *".,;:!?-'\"()[]*_@+/\\&%$#^~",
    "\u2019",
    "\u201c",
    "\u2014",
    "\u2026",
    "\u200b",  # zero-width space
    "\u200d",  # zero-width joiner
    "\u2060",
    "\ufeff",
    "\ufe0f",
    "\U0001f408",
    "\U0001f469\u200d\U0001f680",  # a sequence of emoji
    "\U0001f1e9\U0001f1ea",
]
ITEMS = st.lists(st.sampled_from(LETTERS + MARKS), min_size=1, max_size=9).map("".join)
STORIES = st.lists(ITEMS, min_size=1, max_size=6).filter(lambda story: any(map(is_word, story)))


def characters(tokenizer, text, start, stop):
    """Which tokens the tokenizer says stand for the characters from start to stop.

    A mark for the space before a text borrows the place of the first character, which then stands
    in the next token.
    """
    encoding = tokenizer.backend_tokenizer.encode(text)
    found = set()
    for i in range(start, stop):
        token = encoding.char_to_token(i)
        if token is not None and encoding.tokens[token] in SPACE_MARKS:
            begin, end = encoding.offsets[token + 1] if token + 1 < len(encoding.ids) else (0, 0)
            token = token + 1 if begin <= i < end else None
        found.add(token)
    return found - {None}


def shift(tokenizer, text, window):
    """How many start tokens the window has more than the tokenizer puts in front."""
    ids = tokenizer(text)["input_ids"]
    return next(s for s in (0, 1) if list(window.ids[s:]) == ids[: len(window.ids) - s])


@pytest.mark.parametrize("kind", KINDS)
@given(story=STORIES, strip=st.booleans(), context=st.integers(1, 4))
@example(story=["\u05e9["], strip=True, context=1)  # one unknown token for both, behind a mark
@settings(max_examples=150, deadline=None)
def test_pooled_tokens_cover_the_word_and_nothing_of_its_context(kind, story, strip, context):
    tokenizer, words = KINDS[kind], story_words(story)
    shown = [text for text in story if is_word(text)]
    windows = token_windows(words, tokenizer, context_words=context, strip_punctuation=strip)
    assert [words["text"][window.row] for window in windows] == shown
    for i, window in enumerate(windows):
        before = shown[max(0, i - context + 1) : i]
        text = " ".join([*before, shown[i]])
        begin = len(text) - len(shown[i])
        moved = shift(tokenizer, text, window)
        pooled = {position - moved for position in window.pooled}
        core = bare(shown[i]) if strip else shown[i]
        start = begin + shown[i].index(core)
        of_word = characters(tokenizer, text, start, start + len(core))
        of_context = characters(tokenizer, text, 0, max(0, begin - 1))
        assert of_word <= pooled
        assert not pooled & of_context
        # nothing of what was stripped, unless a token spans it and the word
        rest = characters(tokenizer, text, begin, start) | characters(
            tokenizer, text, start + len(core), len(text)
        )
        assert not pooled & (rest - of_word)
        # the word's tokens end the window, and are all that the context's are not
        assert window.first + window.own == len(window.ids)
        assert max(of_context, default=-1) + moved < window.first <= window.pooled[0]


@given(story=STORIES)
@settings(max_examples=100, deadline=None)
def test_pooled_bytes_spell_the_word(story):
    tokenizer = KINDS["gpt2, byte-level"]
    shown = [text for text in story if is_word(text)]
    windows = token_windows(story_words(story), tokenizer, context_words=3, strip_punctuation=False)
    for text, window in zip(shown, windows, strict=True):
        assert tokenizer.decode(window.ids[list(window.pooled)].tolist()).strip(" ") == text
        assert tokenizer.decode(window.ids[window.first :].tolist()).strip(" ") == text


@pytest.mark.parametrize("kind", KINDS)
def test_windows_tokenized_in_portions_are_the_same(kind, monkeypatch):
    def found():
        return token_windows(WORDS, KINDS[kind], context_words=6, strip_punctuation=True)

    whole = found()
    monkeypatch.setattr(tokens, "WINDOWS_AT_ONCE", 7)
    for one, other in zip(whole, found(), strict=True):
        assert (one.row, one.first, one.own, one.pooled) == (
            other.row,
            other.first,
            other.own,
            other.pooled,
        )
        assert one.ids.tolist() == other.ids.tolist()


def test_a_word_that_cannot_be_located_stops_with_its_row_and_text():
    vocabulary = {character: i for i, character in enumerate("thse a")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE(vocabulary, [])))
    with pytest.raises(LmbrainError, match=r"item 3 \('\u4e2d'\) no token"):
        token_windows(
            story_words(["the", "+", "sea", "\u4e2d", "sea"]),
            tokenizer,
            context_words=3,
            strip_punctuation=True,
        )
