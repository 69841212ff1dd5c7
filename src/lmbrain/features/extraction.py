"""What is computed for each word of a story, planned in batches and run on one or more devices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lmbrain.errors import LmbrainError
from lmbrain.features.devices import in_turns, replica
from lmbrain.features.hidden_states import HiddenStates
from lmbrain.features.surprisal import word_surprisal
from lmbrain.features.tokens import TokenWindow, token_windows


@dataclass(frozen=True)
class Extraction:
    """The batches of a story, and what is taken from each.

    Attributes
    ----------
    batches
        Windows of one token count each.
    layers
        In the order of the result.
    pooling
        "mean" or "last".
    surprisal
        Whether surprisal and entropy are computed.
    texts
        Of all n rows of the words table, for messages.
    attributes
        What a features file says of model and settings.
    """

    batches: list[list[TokenWindow]]
    layers: list[int]
    pooling: str
    surprisal: bool
    texts: list[str]
    attributes: dict[str, Any]

    @property
    def n_words(self) -> int:
        """Rows that are words."""
        return sum(len(batch) for batch in self.batches)


@dataclass(frozen=True)
class BatchFeatures:
    """Results of one batch of b words.

    Attributes
    ----------
    number
        Of the batch in the extraction.
    rows : (b,)
        In the words table.
    states : (b, layer, feature) float32
    table : dict of (b,) float64
        `n_tokens`, and `surprisal` and `entropy` in bits where they were asked for.
    """

    number: int
    rows: np.ndarray
    states: np.ndarray
    table: dict[str, np.ndarray]


def plan_extraction(
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
) -> Extraction:
    """Check everything that can be checked beforehand, and put the windows in batches.

    Parameters and errors as in `lmbrain.features.word_features.word_features`.
    """
    if pooling not in ("mean", "last"):
        raise LmbrainError(f"pooling is {pooling!r}; use 'mean' or 'last'.")
    chosen = _check_layers(layers, model)
    windows = token_windows(
        words, tokenizer, context_words=context_words, strip_punctuation=strip_punctuation
    )
    _check_lengths(windows, model, context_words)
    check_vocabulary(windows, model)
    return Extraction(
        batches=list(_equal_length_batches(windows, batch_size)),
        layers=chosen,
        pooling=pooling,
        surprisal=surprisal,
        texts=words["text"].tolist(),
        attributes={
            **model_attributes(model),
            "context_words": context_words,
            "pooling": pooling,
            "strip_punctuation": int(strip_punctuation),  # netCDF knows no booleans
        },
    )


def extracted(
    extraction: Extraction,
    model: PreTrainedModel,
    devices: Sequence[str] | None,
    done: Collection[int] = (),
) -> Iterator[BatchFeatures]:
    """Compute the batches, in order, but for those numbered in `done`.

    Parameters
    ----------
    extraction
        From `plan_extraction`.
    model
    devices
        The model is copied to each, and each takes the next batch when it is free; None: the
        device where the model is.
    done
        Numbers of batches to leave out.
    """
    waiting = [i for i in range(len(extraction.batches)) if i not in done]
    if not waiting:
        return
    readers = []
    for place, device in enumerate(devices or [str(model.device)]):
        copied = replica(model, device) if place else model.to(device)
        probe = torch.from_numpy(extraction.batches[0][0].ids).long()[None].to(device)
        readers.append(HiddenStates(copied, extraction.layers, probe))
    yield from in_turns(
        lambda number, reader: _compute(extraction, number, reader), waiting, readers
    )


@torch.inference_mode()
def _compute(extraction: Extraction, number: int, reader: HiddenStates) -> BatchFeatures:
    batch, model = extraction.batches[number], reader.model
    ids = torch.from_numpy(np.stack([window.ids for window in batch])).long().to(model.device)
    weights = _pooling_weights(batch, extraction.pooling).to(model.device)
    own = np.array([window.own for window in batch])
    longest = int(own.max())
    states, logits = reader(
        ids,
        lambda hidden: torch.bmm(weights, hidden.float())[:, 0],
        logits=longest + 1 if extraction.surprisal else 0,
    )
    table = {"n_tokens": own.astype(float)}
    if logits is not None:
        bits = _bits(logits[:, -(longest + 1) :], ids, torch.from_numpy(own).to(ids.device))
        table |= dict(zip(("surprisal", "entropy"), bits.double().cpu().numpy(), strict=True))
    features = BatchFeatures(
        number=number,
        rows=np.array([window.row for window in batch]),
        states=torch.stack(states, dim=1).cpu().numpy(),
        table=table,
    )
    _check_finite(features, extraction.texts, model)
    return features


def _bits(logits: torch.Tensor, ids: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Surprisal and entropy (2, batch), from the logits at the last positions."""
    longest = int(own.max())
    if logits.shape[1] == longest:
        # Some word begins its window. Equal logits, the uniform distribution, precede it.
        logits = torch.nn.functional.pad(logits, (0, 0, 1, 0))
    return torch.stack(word_surprisal(logits[:, :-1], ids[:, -longest:], own))


def model_attributes(model: PreTrainedModel) -> dict[str, str]:
    """What a features file says of its model: name or folder, commit on the hub, dtype."""
    return {
        "model": model.name_or_path,
        "revision": getattr(model, "loaded_commit", None) or "",
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


def _pooling_weights(batch: list[TokenWindow], pooling: str) -> torch.Tensor:
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
    largest = max(int(window.ids.max()) for window in windows)
    if largest >= size:
        raise LmbrainError(
            f"The tokenizer gives token {largest}, but the model {model.name_or_path} knows "
            f"{size} tokens only; load the tokenizer that belongs to the model."
        )


def _check_finite(features: BatchFeatures, texts: list[str], model: PreTrainedModel) -> None:
    finite = np.isfinite(features.states).all(axis=(1, 2))
    for values in features.table.values():
        finite &= np.isfinite(values)
    if not finite.all():
        row = features.rows[int(finite.argmin())]
        raise LmbrainError(
            f"The model {model.name_or_path} in {model.dtype} gives item {row} "
            f"({texts[row]!r}) a value that is not finite; use float32 or bfloat16, "
            "or check the model's weights."
        )
