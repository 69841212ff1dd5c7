"""Context windows and the tokens of the current word, found by the tokenizer's offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmbrain.errors import LmbrainError
from lmbrain.words import bare

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WINDOWS_AT_ONCE = 4096  # tokenized together: a tokenizer's answer takes some kB a window
SPACE_MARKS = ("\u2581", "\u0120")  # of sentencepiece and byte-level tokenizers


@dataclass(frozen=True, eq=False)
class TokenWindow:
    """The tokens of a word and of its context; the word's tokens end the window.

    Attributes
    ----------
    row
        The word's row in the words table, from 0.
    ids : (t,) int32
        Token numbers.
    first
        Position of the word's first token; 0 if nothing precedes it.
    own
        Number of the word's tokens, its punctuation included; a tokenizer's mark for the space
        before the word counts, a start token does not.
    pooled
        Positions of the tokens whose states represent the word, ascending.
    """

    row: int
    ids: np.ndarray
    first: int
    own: int
    pooled: tuple[int, ...]


def context_windows(words: pd.DataFrame, context_words: int) -> Iterator[tuple[int, list[str]]]:
    """Each word's row and the texts of its window, the word itself last.

    A window holds the word and up to ``context_words - 1`` words before it in the same story, runs
    notwithstanding; items that are no words are left out. At a story's start it is shorter.
    """
    if context_words < 1:
        raise LmbrainError(
            f"context_words is {context_words}; it counts the current word, so use 1 or more."
        )
    rows = np.flatnonzero(words["is_word"].to_numpy(bool))
    stories = words["story"].to_numpy()[rows]
    texts = words["text"].to_numpy()[rows]
    for story in dict.fromkeys(stories):
        inside = stories == story
        in_story = texts[inside].tolist()
        for i, row in enumerate(rows[inside].tolist()):
            yield row, in_story[max(0, i - context_words + 1) : i + 1]


def token_windows(
    words: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    *,
    context_words: int,
    strip_punctuation: bool,
) -> list[TokenWindow]:
    """Tokenize each word with its context and find the word's tokens.

    The words of a window are joined with single spaces. Start tokens that the tokenizer itself
    puts in front stay, end tokens do not. Where nothing precedes the word, not even a start token,
    the tokenizer's BOS (else EOS) token is put in front, if it has one: it gives a distribution
    to take the word's surprisal from, and it draws the attention of later positions that the
    first position draws in trained models (Xiao et al. 2024, arXiv 2309.17453), which makes the
    state there an outlier.

    Parameters
    ----------
    words
        Words table.
    tokenizer
        A fast tokenizer, as it knows each token's place in the text.
    context_words
        Words in a window, the current one included.
    strip_punctuation
        Whether only tokens that overlap the word without its surrounding punctuation are pooled;
        an item without letters and digits keeps all of its tokens.

    Returns
    -------
    list of TokenWindow
        One a word, in the order of the stories.

    Raises
    ------
    LmbrainError
        If the table holds no word, a word gets no token, or the tokenizer gives no offsets.
    """
    if not tokenizer.is_fast:
        raise LmbrainError(
            f"The tokenizer of {tokenizer.name_or_path} gives no offsets; use a fast one "
            "(tokenizer.json)."
        )
    start = tokenizer.bos_token_id
    if start is None:
        start = tokenizer.eos_token_id
    windows = context_windows(words, context_words)
    found = []
    while some := list(islice(windows, WINDOWS_AT_ONCE)):
        for window in _tokenize(tokenizer, some, strip_punctuation):
            found.append(_with_start(window, start) if window.first == 0 else window)
    if not found:
        raise LmbrainError(
            "The words table holds no word (is_word is False throughout); correct the table."
        )
    return found


def _tokenize(
    tokenizer: PreTrainedTokenizerBase,
    windows: list[tuple[int, list[str]]],
    strip_punctuation: bool,
) -> Iterator[TokenWindow]:
    encoded = tokenizer(
        [" ".join(texts) for _, texts in windows],
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    for i, (row, texts) in enumerate(windows):
        yield _locate(
            tokenizer,
            row,
            texts,
            np.array(encoded["input_ids"][i], dtype=np.int32),
            np.array(encoded["offset_mapping"][i], dtype=int).reshape(-1, 2),
            np.array(encoded["special_tokens_mask"][i], dtype=bool),
            strip_punctuation,
        )


def _locate(
    tokenizer: PreTrainedTokenizerBase,
    row: int,
    texts: list[str],
    ids: np.ndarray,
    offsets: np.ndarray,
    special: np.ndarray,
    strip_punctuation: bool,
) -> TokenWindow:
    """The word's tokens, given each token's (start, stop) in the joined text."""
    start = sum(len(text) + 1 for text in texts[:-1])
    core = bare(texts[-1]) if strip_punctuation else ""
    pooled_start = start + texts[-1].find(core)
    pooled_stop = pooled_start + len(core or texts[-1])
    begin, stop = offsets.T
    pooled = np.flatnonzero(~special & (begin < pooled_stop) & (stop > pooled_start))
    if len(pooled) == 0:
        raise LmbrainError(
            f"The tokenizer gives item {row} ({texts[-1]!r}) no token; set its is_word to False, "
            "or correct its text."
        )
    if len(texts) == 1 and _is_leading_space(tokenizer, ids[pooled], begin[pooled]):
        pooled = pooled[1:]
    # The word's tokens follow the last one of the context. They include a mark for the space
    # alone, and a token that joins the context's end with the word's beginning.
    context = np.flatnonzero(special | ((begin < start - 1) & (stop > begin)))
    context = context[context < pooled[0]]
    touching = np.flatnonzero(~special & (begin < start + len(texts[-1])) & (stop > start))
    first = min(context[-1] + 1 if len(context) else 0, touching[0])
    end = np.flatnonzero(~special)[-1] + 1  # end tokens cannot change what comes before them
    return TokenWindow(
        row=row,
        ids=ids[:end],
        first=int(first),
        own=int(end - first),
        pooled=tuple(pooled.tolist()),
    )


def _is_leading_space(
    tokenizer: PreTrainedTokenizerBase, ids: np.ndarray, begin: np.ndarray
) -> bool:
    """Whether the first token only marks the space that some tokenizers put before a text.

    Having no place of its own in the text, that mark gets the offsets of the first character.
    """
    shared = len(ids) > 1 and begin[0] == begin[1]
    return shared and tokenizer.convert_ids_to_tokens(int(ids[0])) in SPACE_MARKS


def _with_start(window: TokenWindow, start: int | None) -> TokenWindow:
    if start is None:
        return window
    return replace(
        window,
        ids=np.append(np.int32(start), window.ids),
        first=1,
        pooled=tuple(position + 1 for position in window.pooled),
    )
