"""A language model's hidden states, surprisal and entropy at every word of a story."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import numpy as np
import pandas as pd
import torch
import xarray as xr
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lmbrain.errors import LmbrainError
from lmbrain.features.surprisal import word_surprisal
from lmbrain.features.tokens import TokenWindow, token_windows


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
    progress: bool = True,
) -> xr.Dataset:
    """Hidden states, surprisal and entropy of each word, each in a window of its own.

    Windows of equal token count share a batch, so nothing is padded and a word's numbers depend
    neither on the batch size nor on its neighbours (in float32 up to rounding). How windows are
    made, at a story's start too, says `lmbrain.features.tokens.token_windows`.

    Parameters
    ----------
    words
        Words table of n rows.
    model, tokenizer
        From `lmbrain.features.language_model.load_model`; the model's device is used.
    context_words
        Words in a window, the current one included.
    layers
        0 is the embeddings, i the i-th block's output; the last one is taken after the model's
        final normalisation, as transformers returns it. "all" takes every layer.
    pooling
        "mean" over the word's tokens, or the "last" one.
    strip_punctuation
        Whether tokens of punctuation around the word are left out of the pooling. Surprisal,
        entropy and n_tokens are always of the item as shown.
    batch_size
        Windows computed at once.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    Dataset
        `hidden` (word, layer, feature) float32; `surprisal`, `entropy` (word,) in bits and
        `n_tokens` (word,). NaN in rows that are no words. If a window has nothing in front of
        the word and the tokenizer has no start token, the word's first token gets the uniform
        distribution over the vocabulary.

    Raises
    ------
    LmbrainError
        If a layer does not exist, a window is too long for the model, tokenizer and model do not
        fit together, a word gets no token, or a value is not finite.
    """
    if pooling not in ("mean", "last"):
        raise LmbrainError(f"pooling is {pooling!r}; use 'mean' or 'last'.")
    layers = _check_layers(layers, model)
    windows = token_windows(
        words, tokenizer, context_words=context_words, strip_punctuation=strip_punctuation
    )
    _check_lengths(windows, model, context_words)
    check_vocabulary(windows, model)
    table = np.full((3, len(words)), np.nan)  # surprisal, entropy, n_tokens
    hidden = None
    with tqdm(total=len(windows), unit="word", desc="features", disable=not progress) as bar:
        for batch in _equal_length_batches(windows, batch_size):
            states, bits = _compute(batch, model, layers, pooling)
            if hidden is None:
                hidden = np.full((len(words), *states.shape[1:]), np.nan, dtype=np.float32)
            rows = [window.row for window in batch]
            _check_finite(batch, states, bits, words, model)
            hidden[rows] = states
            table[:2, rows] = bits
            table[2, rows] = [window.own for window in batch]
            bar.update(len(batch))
    return xr.Dataset(
        {
            "hidden": (("word", "layer", "feature"), hidden),
            "surprisal": ("word", table[0], {"units": "bits"}),
            "entropy": ("word", table[1], {"units": "bits"}),
            "n_tokens": ("word", table[2]),
        },
        coords={"word": np.arange(len(words)), "layer": layers},
        attrs={
            **model_attributes(model),
            "context_words": context_words,
            "pooling": pooling,
            "strip_punctuation": int(strip_punctuation),  # netCDF knows no booleans
        },
    )


def model_attributes(model: PreTrainedModel) -> dict[str, str]:
    """What a features file says of its model: name or folder, commit on the hub, dtype."""
    return {
        "model": model.name_or_path,
        "revision": getattr(model.config, "_commit_hash", None) or "",
        "dtype": str(model.dtype).removeprefix("torch."),
    }


def _equal_length_batches(
    windows: list[TokenWindow], batch_size: int
) -> Iterator[list[TokenWindow]]:
    """Batches of one token count each; words of similar token count together, as logits are
    computed for the longest word of a batch."""
    if batch_size < 1:
        raise LmbrainError(f"batch_size is {batch_size}; use 1 or more.")
    ordered = sorted(windows, key=lambda window: (len(window.ids), window.own))
    for _, group in groupby(ordered, key=lambda window: len(window.ids)):
        equal = list(group)
        for i in range(0, len(equal), batch_size):
            yield equal[i : i + batch_size]


@torch.inference_mode()
def _compute(
    batch: list[TokenWindow],
    model: PreTrainedModel,
    layers: list[int],
    pooling: Literal["mean", "last"],
) -> tuple[np.ndarray, np.ndarray]:
    """States (batch, layer, feature), and surprisal and entropy (2, batch), of one batch."""
    ids = torch.tensor([window.ids for window in batch], device=model.device)
    own = torch.tensor([window.own for window in batch], device=model.device)
    longest = int(own.max())
    output = _forward(model, ids, positions=longest + 1)
    weights = _pooling_weights(batch, pooling).to(model.device)
    states = [torch.bmm(weights, output.hidden_states[layer].float())[:, 0] for layer in layers]
    logits = output.logits[:, -(longest + 1) :]
    if logits.shape[1] == longest:
        # Some word begins its window. Equal logits, the uniform distribution, precede it.
        logits = torch.nn.functional.pad(logits, (0, 0, 1, 0))
    bits = word_surprisal(logits[:, :-1], ids[:, -longest:], own)
    return torch.stack(states, dim=1).cpu().numpy(), torch.stack(bits).cpu().numpy()


def _forward(model: PreTrainedModel, ids: torch.Tensor, positions: int):
    """Run the model with all hidden states and, where it can, only the last positions' logits."""
    few = "logits_to_keep" in inspect.signature(model.forward).parameters
    return model(
        input_ids=ids,
        output_hidden_states=True,
        use_cache=False,
        return_dict=True,
        **({"logits_to_keep": positions} if few else {}),
    )


def _pooling_weights(batch: list[TokenWindow], pooling: Literal["mean", "last"]) -> torch.Tensor:
    """(batch, 1, token) weights, which sum to one over the tokens pooled."""
    weights = torch.zeros(len(batch), 1, len(batch[0].ids))
    for row, window in enumerate(batch):
        chosen = list(window.pooled if pooling == "mean" else window.pooled[-1:])
        weights[row, 0, chosen] = 1 / len(chosen)
    return weights


def _check_layers(layers: Literal["all"] | Sequence[int], model: PreTrainedModel) -> list[int]:
    deepest = model.config.get_text_config().num_hidden_layers
    if layers == "all":
        return list(range(deepest + 1))
    wrong = [layer for layer in layers if not 0 <= layer <= deepest]
    if wrong:
        raise LmbrainError(
            f"The model {model.name_or_path} has no layer {wrong[0]}; "
            f"use 0 (embeddings) to {deepest}."
        )
    if not layers or len(set(layers)) < len(layers):
        raise LmbrainError(f"The layers {list(layers)} are none or hold one twice; name each once.")
    return list(layers)


def _check_lengths(windows: list[TokenWindow], model: PreTrainedModel, context_words: int) -> None:
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = max(windows, key=lambda window: len(window.ids))
    if limit is not None and len(longest.ids) > limit:
        raise LmbrainError(
            f"The window of item {longest.row} has {len(longest.ids)} tokens at context_words "
            f"{context_words}, but the model {model.name_or_path} takes at most {limit}; "
            "lower context_words."
        )


def check_vocabulary(windows: list[TokenWindow], model: PreTrainedModel) -> None:
    """Raise LmbrainError if a token number lies outside the model's input embeddings."""
    size = model.get_input_embeddings().weight.shape[0]
    largest = max(max(window.ids) for window in windows)
    if largest >= size:
        raise LmbrainError(
            f"The tokenizer gives token {largest}, but the model {model.name_or_path} knows "
            f"{size} tokens only; load the tokenizer that belongs to the model."
        )


def _check_finite(
    batch: list[TokenWindow],
    states: np.ndarray,
    bits: np.ndarray,
    words: pd.DataFrame,
    model: PreTrainedModel,
) -> None:
    wrong = ~(np.isfinite(states).all(axis=(1, 2)) & np.isfinite(bits).all(axis=0))
    if wrong.any():
        row = batch[int(wrong.argmax())].row
        raise LmbrainError(
            f"The model {model.name_or_path} in {model.dtype} gives item {row} "
            f"({words['text'].iloc[row]!r}) a value that is not finite; use float32 or bfloat16, "
            "or check the model's weights."
        )
