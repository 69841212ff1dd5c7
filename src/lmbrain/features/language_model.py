"""Causal language models and their tokenizers, from a local folder or the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from huggingface_hub.constants import HF_HUB_CACHE
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from lmbrain.artefacts import atomic_path
from lmbrain.errors import LmbrainError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
UNREADABLE = (OSError, ValueError, SafetensorError)  # what transformers raises, by file and case


def load_model(
    source: str,
    revision: str | None,
    dtype: str,
    device: str,
    *,
    untrained_seed: int | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model in evaluation mode, with its tokenizer.

    Parameters
    ----------
    source
        A local folder written by ``save_pretrained``, or the name of a model on the hub, which is
        looked for in the local cache before the network is asked.
    revision
        Commit, tag or branch on the hub; None for its default branch. A folder has none.
    dtype
        "float32", "float16" or "bfloat16".
    device
        "cpu", "cuda", or "cuda:1" and so on.
    untrained_seed
        If given, the same architecture with random weights, as it would begin training; the seed
        fixes them on every device and in every dtype. The tokenizer stays the trained one.

    Returns
    -------
    model, tokenizer
        `model.name_or_path` says what was loaded, `model.config._commit_hash` from which commit.

    Raises
    ------
    LmbrainError
        If model or tokenizer cannot be had, lack weights, or the device is absent.
    """
    if dtype not in DTYPES:
        raise LmbrainError(f"dtype is {dtype!r}; use one of {', '.join(DTYPES)}.")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise LmbrainError(
            f"The device {device!r} was asked for, but torch sees no GPU here; use 'cpu', or "
            "install a CUDA build of torch on a machine with a GPU."
        )
    model, tokenizer = _find(source, revision, DTYPES[dtype], untrained_seed)
    return model.to(device).eval(), tokenizer


def save_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path
) -> None:
    """Write a Hugging Face folder (safetensors) that `load_model` reads, whole or not at all."""
    with atomic_path(folder) as written:
        model.save_pretrained(written)
        tokenizer.save_pretrained(written)


def _find(
    source: str, revision: str | None, dtype: torch.dtype, untrained_seed: int | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The folder `source`, else the hub's local cache, else the hub."""
    if Path(source).is_dir():
        if revision is not None:
            raise LmbrainError(
                f"The language model {source} is a local folder and has no revision "
                f"{revision!r}; set the revision to null."
            )
        try:
            return _read(source, None, dtype, untrained_seed, local=True)
        except UNREADABLE as error:
            raise LmbrainError(
                f"The folder {source} holds no complete causal language model ({_brief(error)}); "
                "put config, weights and tokenizer.json there, as save_pretrained writes them."
            ) from error
    if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", source):
        raise LmbrainError(
            f"The language model's folder {source} does not exist; make it, or give the name of a "
            "model on the Hugging Face hub."
        )
    try:
        return _read(source, revision, dtype, untrained_seed, local=True)
    except UNREADABLE:
        pass  # not (completely) in the cache: ask the hub
    try:
        return _read(source, revision, dtype, untrained_seed, local=False)
    except UNREADABLE as error:
        at = f" at revision {revision}" if revision else ""
        raise LmbrainError(
            f"The language model {source!r}{at} is no local folder, not in the cache "
            f"{HF_HUB_CACHE} and could not be downloaded ({_brief(error)}); get its config, "
            f"safetensors and tokenizer files from https://huggingface.co/{source} on a machine "
            "with a network, then give their folder as the source, or copy that machine's cache "
            "and point HF_HOME to it."
        ) from error


def _read(
    source: str,
    revision: str | None,
    dtype: torch.dtype,
    untrained_seed: int | None,
    *,
    local: bool,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    where = {"revision": revision or "main", "local_files_only": local}
    tokenizer = AutoTokenizer.from_pretrained(source, **where)
    if untrained_seed is not None:
        config = AutoConfig.from_pretrained(source, **where)
        config.name_or_path = f"{source} (untrained, seed {untrained_seed})"
        # Drawn on the CPU in float32, whatever device and dtype follow: the weights stay the same.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(untrained_seed)
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for weight in model.parameters():  # not the buffers: rotary frequencies stay float32
            weight.data = weight.data.to(dtype)
        return model, tokenizer
    model, loaded = AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, output_loading_info=True, **where
    )
    if loaded["missing_keys"]:
        # transformers fills them with random numbers, which would pass for a trained model
        raise LmbrainError(
            f"The language model {source} lacks the weights {sorted(loaded['missing_keys'])[0]!r} "
            f"({len(loaded['missing_keys'])} in all); give a complete causal language model."
        )
    return model, tokenizer


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(". ") or type(error).__name__
