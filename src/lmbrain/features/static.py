"""Static embeddings: what a language model knows of a word without its context."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import xarray as xr
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lmbrain.features.extraction import check_vocabulary, model_attributes
from lmbrain.features.tokens import token_windows


@torch.inference_mode()
def static_features(
    words: pd.DataFrame,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    strip_punctuation: bool,
) -> xr.Dataset:
    """Mean input embedding of each word's tokens, without positions or context.

    Parameters
    ----------
    words
        Words table of n rows.
    model, tokenizer
        From `lmbrain.features.language_model.load_model`.
    strip_punctuation
        Whether tokens of punctuation around the word are left out of the mean.

    Returns
    -------
    Dataset
        `hidden` (word, layer, feature) float32 with the one layer 0, and `n_tokens` (word,); NaN
        in rows that are no words.

    Raises
    ------
    LmbrainError
        If a word gets no token, or tokenizer and model do not fit together.
    """
    # With one word before it a word has the tokens that it has in running text, space included.
    windows = token_windows(words, tokenizer, context_words=2, strip_punctuation=strip_punctuation)
    check_vocabulary(windows, model)
    embed = model.get_input_embeddings().weight
    hidden = np.full((len(words), 1, embed.shape[1]), np.nan, dtype=np.float32)
    n_tokens = np.full(len(words), np.nan)
    for window in windows:
        ids = torch.from_numpy(window.ids[list(window.pooled)]).to(embed.device)
        hidden[window.row, 0] = embed[ids].float().mean(dim=0).cpu().numpy()
        n_tokens[window.row] = window.own
    return xr.Dataset(
        {"hidden": (("word", "layer", "feature"), hidden), "n_tokens": ("word", n_tokens)},
        coords={"word": np.arange(len(words)), "layer": [0]},
        attrs={
            **model_attributes(model),
            "context_words": 1,
            "pooling": "mean",
            "strip_punctuation": int(strip_punctuation),
        },
    )
