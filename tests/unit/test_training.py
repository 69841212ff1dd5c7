"""Fine-tuning: it learns, stops on validation loss, keeps the best state, repeats exactly."""

import logging

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from lmbrain.errors import LmbrainError
from lmbrain.finetuning import training
from lmbrain.finetuning.domains import ChoiceItem
from lmbrain.finetuning.objective import EncodedItem, collate, encode, losses
from lmbrain.finetuning.training import accuracy, finetune
from lmbrain.simulation.language_model import train_tokenizer

GOOD, BAD = ("feast", "gift", "song"), ("storm", "fever", "grave")
FRAMES = ("there was a", "she had the", "he saw the", "they took a", "it was the")
SETTINGS = {
    "steps": 40,
    "batch_size": 8,
    "learning_rate": 0.01,
    "lm_weight": 0.1,
    "evaluate_every": 10,
    "patience": 3,
    "seed": 3,
}


def items(frames, flip=False):
    rows = []
    for frame in frames:
        for word in (*GOOD, *BAD):
            right = int((word in BAD) != flip)
            rows.append(ChoiceItem(f"{frame} {word}", ("nicely", "badly"), right))
            rows.append(ChoiceItem(f"{frame} {word}", ("badly", "nicely"), 1 - right))
    return rows


@pytest.fixture(scope="module")
def tokenizer():
    texts = [f"{i.prompt} {o}" for i in items(FRAMES) for o in i.options]
    return train_tokenizer(texts, 330)


def new_model(tokenizer, dropout=0.0):
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=16,
            n_embd=16,
            n_layer=1,
            n_head=2,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
        )
    )


def run(tokenizer, dropout=0.0, validation=None, **changes):
    model = new_model(tokenizer, dropout)
    held_out = items(FRAMES[4:]) if validation is None else validation
    return finetune(model, tokenizer, items(FRAMES[:4]), held_out, **SETTINGS | changes)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_it_learns_a_rule_and_applies_it_to_new_sentences(tokenizer):
    model, history = run(tokenizer)
    assert list(history) == ["step", "train_loss", "validation_loss", "validation_accuracy"]
    assert history["step"].tolist() == [0, 10, 20, 30, 40]
    assert history["validation_accuracy"][0] < 0.75
    assert accuracy(model, tokenizer, items(FRAMES[4:])) > 0.95
    assert accuracy(model, tokenizer, items(FRAMES[4:], flip=True)) < 0.05
    assert not model.training


def test_the_best_state_on_validation_is_kept(tokenizer):
    # With the answers turned round, each step makes validation worse and training better.
    flipped = items(FRAMES[4:], flip=True)
    model, history = run(tokenizer, validation=flipped, steps=200, patience=2)
    trained = history[1:]
    best = trained.loc[trained["validation_loss"].idxmin()]
    assert history["step"].iloc[-1] == best["step"] + 20
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[1]
    with torch.no_grad():
        batch = collate(encode(flipped, tokenizer))
        found = losses(model, batch).objective(SETTINGS["lm_weight"])
    assert found.item() == pytest.approx(best["validation_loss"], abs=1e-5)


def test_the_last_step_is_validated(tokenizer):
    _, history = run(tokenizer, steps=13)
    assert history["step"].tolist() == [0, 10, 13]


def test_the_same_seed_gives_the_same_weights_with_dropout(tokenizer):
    def tuned(seed):
        return weights(run(tokenizer, dropout=0.3, steps=10, seed=seed)[0])

    first = tuned(1)
    torch.rand(3)
    assert torch.equal(first, tuned(1))
    assert not torch.allclose(first, tuned(2))


def test_dropout_is_on_in_training_and_off_in_validation(tokenizer):
    _, plain = run(tokenizer, dropout=0.0, steps=1)
    _, dropped = run(tokenizer, dropout=0.5, steps=1)
    assert dropped["validation_loss"][0] == pytest.approx(plain["validation_loss"][0], abs=1e-6)
    assert dropped["train_loss"][1] != pytest.approx(plain["train_loss"][1], abs=1e-4)


def test_torchs_random_state_is_left_as_it_was(tokenizer):
    model = new_model(tokenizer)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    finetune(model, tokenizer, items(FRAMES[:1]), items(FRAMES[4:]), **SETTINGS | {"steps": 2})
    assert torch.equal(before, torch.get_rng_state())


def test_next_token_loss_enters_with_its_weight(tokenizer):
    _, light = run(tokenizer, steps=1, lm_weight=0.0)
    _, heavy = run(tokenizer, steps=1, lm_weight=2.0)
    with torch.no_grad():
        found = losses(new_model(tokenizer), collate(encode(items(FRAMES[4:]), tokenizer)))
    expected = 2.0 * (found.language / found.n_tokens).item()
    difference = heavy["validation_loss"][0] - light["validation_loss"][0]
    assert difference == pytest.approx(expected, abs=1e-4)


def test_an_epoch_holds_each_item_once_in_batches_of_like_length():
    encoded = [
        EncodedItem(tokens=((0,) * n,), in_option=((True,) * n,), label=0) for n in range(2, 62)
    ]
    stream = training._batches(encoded, 7, np.random.default_rng(0))
    epochs = [[next(stream) for _ in range(9)] for _ in range(2)]
    for batches in epochs:
        held = [item.length for batch in batches for item in batch]
        assert sorted(held) == list(range(2, 62))
        # The 60 items make pools of 56 and 4; a random batch of 7 would span about 45.
        spans = [batch[-1].length - batch[0].length for batch in batches if len(batch) == 7]
        assert max(spans) < 15
    assert epochs[0] != epochs[1]


def test_progress_is_logged_with_the_time_left(tokenizer, caplog):
    with caplog.at_level(logging.INFO, logger="lmbrain.finetuning.training"):
        run(tokenizer, steps=20)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("step 10 of 20: training loss")
    assert lines[-1].endswith("at most 0 s left")


def test_a_loss_that_is_not_finite_is_an_error(tokenizer):
    model = new_model(tokenizer)
    with torch.no_grad():
        model.transformer.ln_f.weight.fill_(float("inf"))
    with pytest.raises(LmbrainError, match=r"not finite .* lower finetuning.training"):
        finetune(model, tokenizer, items(FRAMES[:4]), items(FRAMES[4:]), **SETTINGS)


def test_empty_splits_and_texts_too_long_are_refused(tokenizer):
    model = new_model(tokenizer)
    with pytest.raises(LmbrainError, match="validation split of a choice set is empty"):
        finetune(model, tokenizer, items(FRAMES), [], **SETTINGS)
    with pytest.raises(LmbrainError, match="accuracy of no items"):
        accuracy(model, tokenizer, [])
    long = [ChoiceItem("there was a " * 20, ("nicely", "badly"), 0)]
    with pytest.raises(LmbrainError, match="the model takes 16"):
        accuracy(model, tokenizer, long)
