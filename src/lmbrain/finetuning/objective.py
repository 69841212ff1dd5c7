"""The multiple-choice objective of a language model: which option is the likeliest ending?

The score of option o after prompt c is the mean log-probability of its tokens,

    s(o) = 1 / |o| * sum over t in o of log p(x_t | x_1 .. x_{t-1}),

and the choice loss is the cross-entropy of softmax(s) against the right option. Predictions are
shifted (the model's output at t - 1 predicts token t) and normalised over the vocabulary, so a
constant added to the logits changes nothing and a long option is not worse for being long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lmbrain.errors import LmbrainError
from lmbrain.finetuning.domains import ChoiceItem

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class EncodedItem:
    """One question in tokens.

    Attributes
    ----------
    tokens
        Token ids of the prompt followed by each option.
    in_option
        For each of those tokens, whether it belongs to the option.
    label
        Index of the right option.
    """

    tokens: tuple[tuple[int, ...], ...]
    in_option: tuple[tuple[bool, ...], ...]
    label: int

    @property
    def length(self) -> int:
        """Tokens of the longest prompt and option."""
        return max(map(len, self.tokens))


@dataclass(frozen=True)
class Batch:
    """Items padded on the right to one length.

    A row is a prompt with one of its options, an item's options in succession. Its last token is
    predicted but never read, so rows that differ in it alone share one run of the model: a
    prompt whose options have one token each is run once.

    Attributes
    ----------
    input_ids, attention_mask
        (runs, tokens) int64, what the model reads.
    run
        (rows,) int64, the run in which a row's tokens are predicted; rows = items x options.
    targets
        (rows, tokens) int64, the token that follows each one read.
    predicted, in_option
        (rows, tokens) bool, whether that target is no padding, and whether it is the option's.
    labels
        (items,) int64.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    run: torch.Tensor
    targets: torch.Tensor
    predicted: torch.Tensor
    in_option: torch.Tensor
    labels: torch.Tensor


def encode(
    items: Sequence[ChoiceItem], tokenizer: PreTrainedTokenizerBase, longest: int | None = None
) -> list[EncodedItem]:
    """Tokenise each prompt together with each option, a space between them.

    A token belongs to the option if it covers any character after the prompt. So the space is
    the option's also where it is a token of its own, and a token that merges both sides counts
    as the option's.

    Parameters
    ----------
    items
        Questions, all with the same number of options.
    tokenizer
        A fast tokenizer (character offsets are needed).
    longest
        Tokens the model can take; None for any number.

    Raises
    ------
    LmbrainError
        If the tokenizer has no offsets, the numbers of options differ, a text is too long, or an
        option's first token has nothing before it that could predict it.
    """
    if not tokenizer.is_fast:
        raise LmbrainError(
            f"The tokenizer {type(tokenizer).__name__} gives no character offsets; "
            "use a model with a fast tokenizer."
        )
    numbers = {len(item.options) for item in items}
    if len(numbers) > 1:
        raise LmbrainError(
            f"A choice set mixes items of {min(numbers)} and {max(numbers)} options; "
            "give every item the same number."
        )
    texts = [f"{item.prompt} {option}" for item in items for option in item.options]
    ends = [len(item.prompt) for item in items for _ in item.options]
    if not texts:
        return []
    encoded = tokenizer(texts, return_offsets_mapping=True)
    rows = [
        (tuple(ids), tuple(end > prompt_end for _, end in offsets))
        for ids, offsets, prompt_end in zip(
            encoded["input_ids"], encoded["offset_mapping"], ends, strict=True
        )
    ]
    for text, (ids, in_option) in zip(texts, rows, strict=True):
        if longest is not None and len(ids) > longest:
            raise LmbrainError(
                f"The text {text[:40]!r}... of a choice set has {len(ids)} tokens, the model "
                f"takes {longest}; shorten or delete that item."
            )
        if in_option[0] or not any(in_option):
            raise LmbrainError(
                f"The tokenizer gives the option in {text[:60]!r} no token of its own after the "
                "prompt; lengthen the prompt."
            )
    n = numbers.pop()
    return [
        EncodedItem(*zip(*rows[n * i : n * (i + 1)], strict=True), label=item.label)
        for i, item in enumerate(items)
    ]


def collate(items: Sequence[EncodedItem], device: torch.device | str = "cpu") -> Batch:
    """Pad items on the right into one batch; the padding is masked and never scored."""
    rows = [row for item in items for row in item.tokens]
    in_option = [row[1:] for item in items for row in item.in_option]
    read = [row[:-1] for row in rows]
    runs = {ids: number for number, ids in enumerate(dict.fromkeys(read))}
    width = max(map(len, read))
    parts = (
        # Any id will do for padding: nothing attends to it.
        _padded(runs, width, 0),
        _padded([[1] * len(ids) for ids in runs], width, 0),
        torch.tensor([runs[ids] for ids in read]),
        _padded([row[1:] for row in rows], width, 0),
        _padded([[True] * len(ids) for ids in read], width, False),
        _padded(in_option, width, False),
        torch.tensor([item.label for item in items]),
    )
    return Batch(*(part.to(device) for part in parts))


def _padded(rows: Iterable[Sequence[int]], width: int, filler: int) -> torch.Tensor:
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])


def token_log_probabilities(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Log-probability of each target given the tokens read before it.

    Returns
    -------
    Tensor
        (rows, tokens) float32, nats. Values at padding are meaningless.
    """
    logits = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
    ).logits.float()
    run = batch.run[:, None]
    position = torch.arange(batch.targets.shape[1], device=run.device)
    return logits[run, position, batch.targets] - logits.logsumexp(-1)[batch.run]


def option_scores(log_probabilities: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean log-probability of each option's tokens, (items, options), nats a token."""
    sums = torch.where(batch.in_option, log_probabilities, 0.0).sum(1)
    return (sums / batch.in_option.sum(1)).view(len(batch.labels), -1)


def choice_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the softmax over options, summed over items, nats.

    Parameters
    ----------
    scores
        (items, options).
    labels
        (items,) indices of the right options.
    """
    return functional.cross_entropy(scores, labels, reduction="sum")


def language_loss(
    log_probabilities: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Next-token loss on the prompts with their right options, nats, and its number of tokens.

    Returns
    -------
    loss, n_tokens : Tensor
        Scalars, both sums over the batch.
    """
    n_options = len(batch.targets) // len(batch.labels)
    first = torch.arange(len(batch.labels), device=batch.labels.device) * n_options
    right = first + batch.labels
    predicted = batch.predicted[right]
    return -torch.where(predicted, log_probabilities[right], 0.0).sum(), predicted.sum()


@dataclass(frozen=True)
class Losses:
    """Sums over a batch, so that batches add up to the loss of a whole set.

    Attributes
    ----------
    choice
        Summed choice loss, nats.
    language
        Summed next-token loss, nats.
    n_items, n_tokens, n_right
        Items, tokens of the next-token loss, items answered rightly.
    """

    choice: torch.Tensor
    language: torch.Tensor
    n_items: int
    n_tokens: torch.Tensor
    n_right: torch.Tensor

    def objective(self, lm_weight: float) -> torch.Tensor:
        """Choice loss an item + `lm_weight` times next-token loss a token."""
        return self.choice / self.n_items + lm_weight * self.language / self.n_tokens

    def __add__(self, other: Losses) -> Losses:
        return Losses(*(a + b for a, b in zip(self._parts(), other._parts(), strict=True)))

    def _parts(self) -> tuple:
        return self.choice, self.language, self.n_items, self.n_tokens, self.n_right


def losses(model: PreTrainedModel, batch: Batch) -> Losses:
    """Run the model on a batch and sum up its losses."""
    log_probabilities = token_log_probabilities(model, batch)
    scores = option_scores(log_probabilities, batch)
    language, n_tokens = language_loss(log_probabilities, batch)
    return Losses(
        choice=choice_loss(scores, batch.labels),
        language=language,
        n_items=len(batch.labels),
        n_tokens=n_tokens,
        n_right=(scores.argmax(1) == batch.labels).sum(),
    )
