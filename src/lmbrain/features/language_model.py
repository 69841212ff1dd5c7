"""Causal language models and their tokenizers, from a local folder or the Hugging Face hub.

Also adapters (PEFT, such as LoRA): a folder or hub id that holds adapter_config.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

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
from transformers.utils import cached_file
from transformers.utils.hub import extract_commit_hash

from lmbrain.artefacts import atomic_path
from lmbrain.errors import LmbrainError
from lmbrain.features.canonical import canonical_json

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
        looked for in the local cache before the network is asked. It may hold an adapter, which
        is put into the model that its adapter_config.json names.
    revision
        Commit, tag or branch on the hub; None for its default branch. A folder has none.
    dtype
        "float32", "float16" or "bfloat16"; the CPU takes float32 only.
    device
        "cpu", "cuda", or "cuda:1" and so on.
    untrained_seed
        If given, the same architecture with random weights, as it would begin training; the seed
        fixes them on every device and in every dtype. The tokenizer stays the trained one; an
        adapter is left out.

    Returns
    -------
    model, tokenizer
        `model.name_or_path` says what was loaded, `model.loaded_commit` from which commit on the
        hub (None for a folder and for random weights).

    Raises
    ------
    LmbrainError
        If model, tokenizer or an adapter's model cannot be had, lack weights, or the device is
        absent or not meant for the dtype.
    """
    if dtype not in DTYPES:
        raise LmbrainError(f"dtype is {dtype!r}; use one of {', '.join(DTYPES)}.")
    if device == "cpu" and dtype != "float32":
        raise LmbrainError(
            f"The dtype {dtype} is for GPUs, as many processors compute it tens of times more "
            "slowly than float32; set language_model.dtype to float32, or give the job a GPU."
        )
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


def fingerprint(model: PreTrainedModel) -> str:
    """Hash of configuration, adapters and every weight: the same for the same model only."""
    adapters = {
        name: adapter.to_dict() for name, adapter in getattr(model, "peft_config", {}).items()
    }
    # Not as printed: peft keeps names of modules in sets.
    said = f"{model.config.to_json_string(use_diff=False)}{canonical_json(adapters)}"
    digest = hashlib.sha256(said.encode())
    for name, weight in (*model.named_parameters(), *model.named_buffers()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


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
    adapter = _file(source, "adapter_config.json", where)
    if adapter and not _file(source, "config.json", where):
        return _read_adapter(source, adapter, where, dtype, untrained_seed)
    tokenizer = AutoTokenizer.from_pretrained(source, **where)
    if untrained_seed is not None:
        return _untrained(source, where, dtype, untrained_seed), tokenizer
    model, loaded = AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, output_loading_info=True, adapter_kwargs=dict(where), **where
    )
    # transformers fills missing weights with random numbers, which would pass for a trained model
    _refuse_missing(source, loaded["missing_keys"])
    model.loaded_commit = extract_commit_hash(_file(source, "config.json", where), None)
    return model, tokenizer


def _untrained(
    source: str, where: Mapping[str, Any], dtype: torch.dtype, seed: int
) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(source, **where)
    config.name_or_path = f"{source} (untrained, seed {seed})"
    # Drawn on the CPU in float32, whatever device and dtype follow: the weights stay the same.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for weight in model.parameters():  # not the buffers: rotary frequencies stay float32
        weight.data = weight.data.to(dtype)
    return model


def _read_adapter(
    source: str,
    adapter: str,
    where: Mapping[str, Any],
    dtype: torch.dtype,
    untrained_seed: int | None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model that the adapter was made for, with the adapter in it."""
    made_for = json.loads(Path(adapter).read_text(encoding="utf-8"))
    base = made_for.get("base_model_name_or_path")
    if not base:
        raise LmbrainError(
            f"The adapter {source} does not say for which model it was made; enter "
            "base_model_name_or_path in its adapter_config.json."
        )
    try:
        model, tokenizer = _find(base, made_for.get("revision"), dtype, untrained_seed)
    except LmbrainError as error:
        raise LmbrainError(
            f"The adapter {source} was made for the model {base!r}, which cannot be loaded: {error}"
        ) from error
    if _file(source, "tokenizer_config.json", where):
        tokenizer = AutoTokenizer.from_pretrained(source, **where)
    if untrained_seed is None:
        loaded = model.load_adapter(source, adapter_kwargs=dict(where))
        _refuse_missing(source, loaded.missing_keys)
        model.name_or_path = f"{source} (adapter of {model.name_or_path})"
        model.loaded_commit = extract_commit_hash(adapter, None)
    return model, tokenizer


def _file(source: str, name: str, where: Mapping[str, Any]) -> str | None:
    """Path of one of the model's files; None if it has none of that name, or is out of reach."""
    return cached_file(
        source,
        name,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **where,
    )


def _refuse_missing(source: str, missing: Collection[str]) -> None:
    if missing:
        raise LmbrainError(
            f"The language model {source} lacks the weights {min(missing)!r} ({len(missing)} in "
            "all); give a complete causal language model."
        )


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(". ") or type(error).__name__
