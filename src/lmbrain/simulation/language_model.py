"""Small GPT-2 models of the toy study, trained from nothing on one core in under a minute."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from lmbrain.errors import LmbrainError

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

END_OF_TEXT = "<|endoftext|>"


def train_tokenizer(texts: Sequence[str], vocab_size: int = 1100) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer in the manner of GPT-2 (Radford et al. 2019).

    Parameters
    ----------
    texts
        Training text; any other text can be encoded, too, in more tokens.
    vocab_size
        At most this many tokens: 256 bytes, the end-of-text token and the merges.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocab_size < 257:
        raise LmbrainError(
            f"A byte-level tokenizer needs at least 257 tokens, not {vocab_size}; "
            "raise the vocabulary size of the toy's language model."
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
    )


def train_causal_lm(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    *,
    n_layer: int = 3,
    n_embd: int = 64,
    n_head: int = 4,
    n_positions: int = 128,
    block_length: int = 64,
    steps: int = 350,
    batch_size: int = 24,
    learning_rate: float = 4e-3,
    seed: int = 0,
    threads: int = 1,
) -> GPT2LMHeadModel:
    """Train a GPT-2 of the given size on next-token prediction.

    Parameters
    ----------
    texts
        Sentences, joined with spaces in the order given.
    tokenizer
        Tokenizer that fixes the vocabulary.
    n_layer, n_embd, n_head, n_positions
        Shape of the model, named as in `transformers.GPT2Config`.
    block_length
        Tokens in each training excerpt, at most ``n_positions``; excerpts start anywhere.
    steps, batch_size, learning_rate
        AdamW steps, excerpts a step and peak rate (a tenth of the steps to warm up, then cosine).
    seed
        Seed of the initial weights and of the excerpts.
    threads
        Threads of torch while training.

    Returns
    -------
    GPT2LMHeadModel
        The trained model in evaluation mode.

    Raises
    ------
    LmbrainError
        If the text is shorter than one block, a block longer than the positions, or the loss is
        not finite.
    """
    import torch

    if block_length > n_positions:
        raise LmbrainError(
            f"Training blocks of {block_length} tokens do not fit the {n_positions} positions of "
            "the toy's language model; lower block_length or raise n_positions."
        )
    stream = torch.tensor(tokenizer(" ".join(texts))["input_ids"])
    if len(stream) <= block_length:
        raise LmbrainError(
            f"The training text has {len(stream)} tokens, fewer than one block of {block_length}; "
            "give the toy's language model more sentences."
        )
    rng = np.random.default_rng(seed)
    with _threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _untrained(tokenizer, n_layer, n_embd, n_head, n_positions)
        optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
        model.train()
        for step in tqdm(range(steps), desc="language model", unit="step", disable=None):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * _rate(step, steps)
            starts = torch.from_numpy(rng.integers(len(stream) - block_length, size=batch_size))
            batch = stream[starts[:, None] + torch.arange(block_length)]
            loss = model(input_ids=batch, labels=batch).loss
            if not torch.isfinite(loss):
                raise LmbrainError(
                    f"The loss of the toy's language model is not finite at step {step}; "
                    "lower its learning rate."
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return model.eval()


def _untrained(
    tokenizer: PreTrainedTokenizerFast, n_layer: int, n_embd: int, n_head: int, n_positions: int
) -> GPT2LMHeadModel:
    from transformers import GPT2Config, GPT2LMHeadModel

    # No dropout: so short a training never repeats a batch, and tuning starts from the same model.
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=n_positions,
            n_embd=n_embd,
            n_layer=n_layer,
            n_head=n_head,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def _rate(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * (step - warm_up) / max(1, steps - warm_up)))


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
