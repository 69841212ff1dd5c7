"""Contenders of `bench.features`: word features of a GPT-2 with random weights.

All share the windows' rule (the word and those before it, joined by spaces), the tokenizer, the
weights and the pooling (mean over the tokens of the word without its punctuation). They differ in
how windows become batches and in what is computed for them.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import Arrays, Work

if TYPE_CHECKING:
    import pandas as pd
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

VOCABULARY = 50_257
PRODUCT_SIZE = 4096
PRODUCT_REPEATS = 5


def lmbrain(
    data: Arrays, shape: dict[str, int], context_words: int, batch_size: int, to_disk: bool
) -> Work:
    """This project: equal-length batches; in memory, or streamed to a file."""
    from lmbrain.artefacts import read_netcdf
    from lmbrain.features.word_features import word_features, write_word_features

    model, tokenizer = language_model(data, shape)
    words = words_table(data)
    settings = {
        "context_words": context_words,
        "layers": "all",
        "pooling": "mean",
        "strip_punctuation": True,
        "batch_size": batch_size,
        "surprisal": False,
        "progress": False,
    }

    def in_memory() -> Arrays:
        return {"hidden": word_features(words, model, tokenizer, **settings)["hidden"].to_numpy()}

    def streamed() -> Arrays:
        with tempfile.TemporaryDirectory(prefix="bench-features-") as folder:
            path = Path(folder) / "features.nc"
            write_word_features(path, {}, words, model, tokenizer, **settings)
            return {"deepest": read_netcdf(path)["hidden"][:, -1].to_numpy()}

    return streamed if to_disk else in_memory


def padded(
    data: Arrays, shape: dict[str, int], context_words: int, batch_size: int, published: bool
) -> Work:
    """A user's script: windows in the story's order, padded to the longest of their batch.

    Padding on the right with an attention mask, which is exact; or, as published, on the left
    without a mask, so that a word's features depend on its neighbours in the batch.
    """
    import torch

    model, tokenizer = language_model(data, shape)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left" if published else "right"
    windows = _windows(data["text"].tolist(), context_words)

    def work() -> Arrays:
        features = []
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            encoded = tokenizer(
                [text for text, _, _ in batch],
                padding=True,
                return_tensors="pt",
                return_offsets_mapping=True,
            )
            mask = {} if published else {"attention_mask": encoded["attention_mask"]}
            with torch.no_grad():
                output = model.transformer(
                    encoded["input_ids"], output_hidden_states=True, use_cache=False, **mask
                )
            states = torch.stack(output.hidden_states, dim=1)
            for i, (_, begin, stop) in enumerate(batch):
                first, last = encoded["offset_mapping"][i].T
                own = (first < stop) & (last > begin) & (last > first)
                features.append(states[i][:, own].mean(dim=1).numpy())
        return {"hidden": np.stack(features)}

    return work


def torch_product(data: Arrays, size: int) -> Work:
    """Square float32 products by torch; the result is the best rate, in operations a second."""
    import torch

    draw = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, size, size, generator=draw)

    def work() -> Arrays:
        out = left @ right
        best = np.inf
        for _ in range(PRODUCT_REPEATS):
            start = time.perf_counter()
            torch.matmul(left, right, out=out)
            best = min(best, time.perf_counter() - start)
        return {"rate": np.array(2 * size**3 / best)}

    return work


def language_model(
    data: Arrays, shape: dict[str, int]
) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """GPT-2 of the given shape with seeded random weights; a tokenizer trained on the words."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from lmbrain.simulation.language_model import train_tokenizer

    tokenizer = train_tokenizer([" ".join(data["text"].tolist())], VOCABULARY)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCABULARY, **shape)
    return GPT2LMHeadModel(config).eval(), tokenizer


def words_table(data: Arrays) -> pd.DataFrame:
    """The words table of one story."""
    from lmbrain.words import make_words

    n = len(data["text"])
    return make_words(
        ["story"] * n, ["01"] * n, data["text"].tolist(), np.arange(n) / 2, np.full(n, 0.5)
    )


def token_counts(data: Arrays, context_words: int) -> np.ndarray:
    """Tokens of each word's window."""
    from lmbrain.features.tokens import token_windows
    from lmbrain.simulation.language_model import train_tokenizer

    tokenizer = train_tokenizer([" ".join(data["text"].tolist())], VOCABULARY)
    windows = token_windows(
        words_table(data), tokenizer, context_words=context_words, strip_punctuation=True
    )
    return np.array([len(window.ids) for window in windows])


def _windows(texts: Sequence[str], context_words: int) -> list[tuple[str, int, int]]:
    """Each word's window, and where the word without its punctuation begins and stops in it."""
    windows = []
    for i, shown in enumerate(texts):
        window = " ".join(texts[max(0, i - context_words + 1) : i + 1])
        core = re.sub(r"^\W+|\W+$", "", shown)
        begin = len(window) - len(shown) + shown.index(core)
        windows.append((window, begin, begin + len(core)))
    return windows
