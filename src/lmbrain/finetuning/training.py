"""Fine-tuning of a causal language model on a multiple-choice set."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from lmbrain.errors import LmbrainError
from lmbrain.finetuning.domains import ChoiceItem
from lmbrain.finetuning.objective import EncodedItem, Losses, collate, encode, losses

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

POOL_BATCHES = 8
"""Batches whose items are drawn together and sorted by length, so that little is padding."""

LARGEST_GRADIENT = 1.0
"""Norm to which a step's gradient is clipped."""


def finetune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[ChoiceItem],
    validation: Sequence[ChoiceItem],
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    lm_weight: float,
    evaluate_every: int,
    patience: int,
    seed: int,
    device: str = "cpu",
) -> tuple[PreTrainedModel, pd.DataFrame]:
    """Fine-tune a language model to prefer the right option (AdamW, constant rate).

    The weights are trained in float32, on CUDA with bfloat16 autocast; dropout is the model's own
    (its config; 0.1 in GPT-2, none in the toy's models) while training and off in validation.
    Threads are torch's current number.

    Parameters
    ----------
    model, tokenizer
        Causal language model, changed in place, and its fast tokenizer.
    train, validation
        Questions; those of `validation` only decide when to stop and which state is kept.
    steps
        Optimiser steps at most.
    batch_size
        Items a step.
    learning_rate
        AdamW's step size.
    lm_weight
        Weight of next-token prediction on prompt and right option beside the choice loss.
    evaluate_every
        Steps between validations; the last step is always validated.
    patience
        Validations in a row without a lower validation loss after which training stops.
    seed
        Seed of the order of items and of dropout.
    device
        torch device.

    Returns
    -------
    model : PreTrainedModel
        With the weights of the lowest validation loss after any training, in evaluation mode.
    history : DataFrame
        `step, train_loss, validation_loss, validation_accuracy`: a row a validation, the first
        (step 0, no train_loss) of the model as given. Losses are the whole objective, choice loss
        an item + `lm_weight` x next-token loss a token, nats; train_loss is the mean over the
        steps since the row before.

    Raises
    ------
    LmbrainError
        If a set is empty or does not fit the model, or the loss is not finite.
    """
    encoded = {"training": train, "validation": validation}
    for name, items in encoded.items():
        if not items:
            raise LmbrainError(f"The {name} split of a choice set is empty; give it items.")
        encoded[name] = encode(items, tokenizer, longest_text(model))
    model.float().to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, weight_decay=0.01, fused=True
    )
    batches = _batches(encoded["training"], batch_size, np.random.default_rng(seed))

    def validate(step: int, train_loss: float) -> dict[str, float]:
        found = _evaluate(model, encoded["validation"], batch_size, device)
        return {
            "step": step,
            "train_loss": train_loss,
            "validation_loss": found.objective(lm_weight).item(),
            "validation_accuracy": found.n_right.item() / found.n_items,
        }

    history = [validate(0, float("nan"))]
    best_state, best_loss, failures = None, float("inf"), 0
    recent, started = [], time.monotonic()
    with _seeded(seed, device), tqdm(total=steps, unit="step", disable=None) as progress:
        for step in range(1, steps + 1):
            recent.append(_step(model, optimizer, next(batches), lm_weight, device))
            progress.update()
            if step % evaluate_every and step < steps:
                continue
            history.append(validate(step, _finite_mean(recent, step)))
            recent.clear()
            _report(history[-1], steps, time.monotonic() - started)
            if history[-1]["validation_loss"] < best_loss:
                best_state, best_loss, failures = _copy(model), history[-1]["validation_loss"], 0
            else:
                failures += 1
            if failures == patience:
                logger.info("stopped at step %d: no better for %d validations", step, patience)
                break
    if best_state is None:
        raise LmbrainError(
            "The validation loss of the fine-tuned model was never finite; "
            "lower finetuning.training.learning_rate."
        )
    model.load_state_dict(best_state)
    return model.eval(), pd.DataFrame(history)


def accuracy(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[ChoiceItem],
    *,
    batch_size: int = 32,
    device: str = "cpu",
) -> float:
    """Share of items, 0 to 1, whose right option has the highest score.

    Raises
    ------
    LmbrainError
        If there are no items or they do not fit the model.
    """
    if not items:
        raise LmbrainError("The accuracy of no items is not defined; give it a choice set.")
    encoded = encode(items, tokenizer, longest_text(model))
    found = _evaluate(model.to(device), encoded, batch_size, device)
    return found.n_right.item() / found.n_items


def longest_text(model: PreTrainedModel) -> int | None:
    """Tokens a model can take, None if its config sets no limit."""
    return getattr(model.config, "max_position_embeddings", None)


def _step(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    items: Sequence[EncodedItem],
    lm_weight: float,
    device: str,
) -> torch.Tensor:
    model.train()
    with _precision(device):
        loss = losses(model, collate(items, device)).objective(lm_weight)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def _evaluate(
    model: PreTrainedModel, items: Sequence[EncodedItem], batch_size: int, device: str
) -> Losses:
    model.eval()
    ordered = sorted(items, key=lambda item: item.length)
    with _precision(device):
        return reduce(
            add,
            (
                losses(model, collate(ordered[start : start + batch_size], device))
                for start in range(0, len(ordered), batch_size)
            ),
        )


def _batches(
    items: Sequence[EncodedItem], batch_size: int, rng: np.random.Generator
) -> Iterator[list[EncodedItem]]:
    """Batches without end; each epoch is a new order, of items and of batches.

    An epoch's last batch may be smaller.
    """
    pool = POOL_BATCHES * batch_size
    while True:
        order = [items[i] for i in rng.permutation(len(items))]
        epoch = []
        for start in range(0, len(order), pool):
            drawn = sorted(order[start : start + pool], key=lambda item: item.length)
            epoch += [drawn[i : i + batch_size] for i in range(0, len(drawn), batch_size)]
        for i in rng.permutation(len(epoch)):
            yield epoch[i]


@contextlib.contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """Seed dropout, and leave torch's random state outside as it was."""
    device = torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _precision(device: str) -> contextlib.AbstractContextManager:
    cuda = torch.device(device).type == "cuda"
    return torch.autocast("cuda", dtype=torch.bfloat16, enabled=cuda)


def _finite_mean(step_losses: Sequence[torch.Tensor], step: int) -> float:
    mean = torch.stack(list(step_losses)).mean().item()
    if not np.isfinite(mean):
        raise LmbrainError(
            f"The training loss is not finite in the {len(step_losses)} steps before step {step}; "
            "lower finetuning.training.learning_rate."
        )
    return mean


def _copy(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    # On the CPU: the best weights need no room on the GPU.
    return {name: value.to("cpu", copy=True) for name, value in model.state_dict().items()}


def _report(row: dict[str, float], steps: int, elapsed: float) -> None:
    left = elapsed / row["step"] * (steps - row["step"])
    logger.info(
        "step %d of %d: training loss %.3f, validation loss %.3f, accuracy %.3f; "
        "at most %.0f s left",
        row["step"],
        steps,
        row["train_loss"],
        row["validation_loss"],
        row["validation_accuracy"],
        left,
    )
