"""A language model's hidden states, surprisal and entropy at every word of a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lmbrain.features.blocks import Blocks, content_key
from lmbrain.features.extraction import extracted, plan_extraction
from lmbrain.features.feature_file import write_blocks
from lmbrain.features.language_model import fingerprint
from lmbrain.progress import Progress

SECONDS_PER_BLOCK = 60.0  # what a killed job loses at most
BYTES_PER_BLOCK = 2**27


def word_features(
    words: pd.DataFrame,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    context_words: int,
    layers: Literal["all"] | Sequence[int],
    pooling: Literal["mean", "last"],
    strip_punctuation: bool,
    batch_size: int,
    surprisal: bool = True,
    devices: Sequence[str] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Hidden states, surprisal and entropy of each word, each in a window of its own.

    Windows of equal token count share a batch, so nothing is padded and a word's numbers depend
    neither on the batch size nor on its neighbours (in float32 up to rounding). How windows are
    made, at a story's start too, says `lmbrain.features.tokens.token_windows`. All states are
    held in memory; `write_word_features` holds none.

    Parameters
    ----------
    words
        Words table of n rows.
    model, tokenizer
        From `lmbrain.features.language_model.load_model`.
    context_words
        Words in a window, the current one included.
    layers
        0 is the embeddings, i the i-th block's output; the last one is taken after the model's
        final normalisation, as transformers returns it. "all" takes every layer. Blocks beyond
        the deepest layer named are run for surprisal only.
    pooling
        "mean" over the word's tokens, or the "last" one.
    strip_punctuation
        Whether tokens of punctuation around the word are left out of the pooling. Surprisal,
        entropy and n_tokens are always of the item as shown.
    batch_size
        Windows computed at once.
    surprisal
        Whether surprisal and entropy are wanted; they need the whole model.
    devices
        Where to compute, as torch names them; batches are shared among several. None: where the
        model is.
    progress
        Whether to show the progress (see `lmbrain.progress`).

    Returns
    -------
    Dataset
        `hidden` (word, layer, feature) float32; `n_tokens` (word,) and, if wanted, `surprisal`
        and `entropy` (word,) in bits. NaN in rows that are no words. If a window has nothing in
        front of the word and the tokenizer has no start token, the word's first token gets the
        uniform distribution over the vocabulary.

    Raises
    ------
    LmbrainError
        If a layer does not exist, a window is too long for the model, tokenizer and model do not
        fit together, a word gets no token, or a value is not finite.
    """
    extraction = plan_extraction(
        words,
        model,
        tokenizer,
        context_words=context_words,
        layers=layers,
        pooling=pooling,
        strip_punctuation=strip_punctuation,
        batch_size=batch_size,
        surprisal=surprisal,
    )
    n = len(words)
    hidden, table = None, {}
    with Progress(extraction.n_words, "word", "features", show=progress) as shown:
        for batch in extracted(extraction, model, devices):
            if hidden is None:
                hidden = np.full((n, *batch.states.shape[1:]), np.nan, dtype=np.float32)
                table = {name: np.full(n, np.nan) for name in batch.table}
            hidden[batch.rows] = batch.states
            for name, values in batch.table.items():
                table[name][batch.rows] = values
            shown.update(len(batch.rows))
    return xr.Dataset(
        {"hidden": (("word", "layer", "feature"), hidden)}
        | {name: ("word", values) for name, values in table.items()},
        coords={"word": np.arange(n), "layer": extraction.layers},
        attrs=extraction.attributes,
    )


def write_word_features(
    path: str | Path,
    made: Mapping[str, Any],
    words: pd.DataFrame,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    devices: Sequence[str] | None = None,
    progress: bool = True,
    seconds_per_block: float = SECONDS_PER_BLOCK,
    **settings: Any,
) -> None:
    """Compute the same as `word_features` and write it to a netCDF file, chunked by layer.

    Finished batches are put into blocks on disk, in a hidden folder beside `path`, so memory does
    not grow with the story, and a job that was stopped goes on where it was when it is started
    again with the same words, settings, weights, tokenizer, device and `made`. Whatever of these
    differs, nothing is used again. The folder is removed when the file is complete.

    Parameters
    ----------
    path
        The file; replaced only when complete.
    made
        Provenance, written to the attribute `made_by`.
    words, model, tokenizer, devices, progress
        As in `word_features`.
    seconds_per_block
        A block is written when its batches took as long, or hold `BYTES_PER_BLOCK`.
    settings
        Further arguments of `word_features`.

    Raises
    ------
    LmbrainError
        As `word_features` does.
    """
    extraction = plan_extraction(words, model, tokenizer, **settings)
    key = content_key(
        words=words[["story", "text", "is_word"]].to_dict("list"),
        settings=dict(settings),
        model=fingerprint(model),
        tokenizer=tokenizer.backend_tokenizer.to_str(),
        devices=sorted({device.partition(":")[0] for device in devices or [str(model.device)]}),
        made=made,
    )
    blocks = Blocks(path, key, seconds_per_block, BYTES_PER_BLOCK)
    done = blocks.finished()
    before = sum(len(extraction.batches[number]) for number in done)
    with Progress(extraction.n_words, "word", "features", done=before, show=progress) as shown:
        try:
            for batch in extracted(extraction, model, devices, done):
                blocks.add(batch)
                shown.update(len(batch.rows))
        finally:
            blocks.flush()
    write_blocks(path, made, blocks.paths(), extraction.layers, len(words), extraction.attributes)
    blocks.remove()
