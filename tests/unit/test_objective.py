"""The multiple-choice objective against one option at a time, and what must not change it."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from lmbrain.errors import LmbrainError
from lmbrain.finetuning.domains import ChoiceItem
from lmbrain.finetuning.objective import (
    choice_loss,
    collate,
    encode,
    losses,
    option_scores,
    token_log_probabilities,
)
from lmbrain.simulation.language_model import train_tokenizer

ITEMS = [
    ChoiceItem("the dog ran", ("home", "away from the old house", "off"), 1),
    ChoiceItem("she sat by the fire and sang to the old dog", ("gladly", "sadly", "badly"), 0),
    ChoiceItem("he", ("sang", "ran to the house", "caf\u00e9 na\u00efve"), 2),
]
LM_WEIGHT = 0.3


@pytest.fixture(scope="module")
def tokenizer():
    texts = [f"{item.prompt} {option}" for item in ITEMS[:2] for option in item.options]
    return train_tokenizer(texts * 3, 300)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=2, n_head=2, use_cache=False
    )
    model = GPT2LMHeadModel(config).eval()
    # Larger weights than the usual initial ones, so that scores differ clearly.
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(4)
    return model


@pytest.fixture(scope="module")
def encoded(tokenizer):
    return encode(ITEMS, tokenizer)


def one_at_a_time(model, tokenizer, item):
    """Scores of the options and summed log-probability and length of each whole text."""
    prompt = tokenizer(item.prompt)["input_ids"]
    scores, wholes = [], []
    for option in item.options:
        ids = prompt + tokenizer(f" {option}")["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        chosen = [torch.log_softmax(logits[t - 1], -1)[ids[t]].item() for t in range(1, len(ids))]
        own = chosen[len(prompt) - 1 :]
        scores.append(sum(own) / len(own))
        wholes.append((sum(chosen), len(chosen)))
    return scores, wholes


def test_scores_match_one_option_at_a_time(model, tokenizer, encoded):
    batch = collate(encoded)
    with torch.no_grad():
        scores = option_scores(token_log_probabilities(model, batch), batch)
    expected = torch.tensor([one_at_a_time(model, tokenizer, item)[0] for item in ITEMS])
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)


def test_objective_is_cross_entropy_plus_weighted_next_token_loss(model, tokenizer, encoded):
    choice, total, n_tokens = 0.0, 0.0, 0
    for item in ITEMS:
        scores, wholes = one_at_a_time(model, tokenizer, item)
        choice -= torch.log_softmax(torch.tensor(scores), 0)[item.label].item()
        total -= wholes[item.label][0]
        n_tokens += wholes[item.label][1]
    with torch.no_grad():
        found = losses(model, collate(encoded)).objective(LM_WEIGHT).item()
    assert found == pytest.approx(choice / 3 + LM_WEIGHT * total / n_tokens, abs=1e-5)


def test_padding_changes_neither_loss_nor_gradient(model, encoded):
    def gradient(batches):
        model.zero_grad()
        total = batches[0]
        for more in batches[1:]:
            total = total + more
        loss = total.objective(LM_WEIGHT)
        loss.backward()
        return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])

    together, together_gradient = gradient([losses(model, collate(encoded))])
    apart, apart_gradient = gradient([losses(model, collate([item])) for item in encoded])
    assert together == pytest.approx(apart, abs=1e-5)
    torch.testing.assert_close(together_gradient, apart_gradient, atol=1e-4, rtol=1e-4)


def test_a_constant_added_to_the_logits_changes_nothing(model, encoded):
    batch = collate(encoded)

    class Shifted(torch.nn.Module):
        def forward(self, **inputs):
            output = model(**inputs)
            positions = torch.arange(output.logits.shape[1])
            output.logits = output.logits + 7.0 + positions[:, None]
            return output

    with torch.no_grad():
        plain, shifted = losses(model, batch), losses(Shifted(), batch)
    assert shifted.choice.item() == pytest.approx(plain.choice.item(), abs=1e-4)
    assert shifted.language.item() == pytest.approx(plain.language.item(), abs=1e-3)


def test_an_option_is_read_by_nothing_but_its_own_later_tokens(model, tokenizer):
    long = ITEMS[0].options[1]
    pair = [
        ChoiceItem("the dog ran", (long, "home"), 0),
        ChoiceItem("the dog ran", (long, "off to sing"), 0),
    ]
    with torch.no_grad():
        scores = []
        for item in pair:
            batch = collate(encode([item], tokenizer))
            scores.append(option_scores(token_log_probabilities(model, batch), batch)[0, 0].item())
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


def test_options_of_one_token_share_one_run(tokenizer):
    def tokens_of(option):
        return len(tokenizer(f" {option}")["input_ids"])

    short = [word for word in ("the", "dog", "old", "house") if tokens_of(word) == 1][:2]
    assert len(short) == 2
    batch = collate(encode([ChoiceItem("the fire sang", tuple(short), 0)], tokenizer))
    assert len(batch.input_ids) == 1
    assert len(batch.targets) == 2


def test_length_is_normalised_away():
    # Two tokens of -1 each are as good as one of -1, and better than one of -1.5.
    from lmbrain.finetuning.objective import Batch

    in_option = torch.tensor([[False, True, True], [False, True, False]])
    none = torch.zeros(0)
    batch = Batch(none, none, none, none, none, in_option, torch.tensor([0]))
    log_probabilities = torch.tensor([[-9.0, -1.0, -1.0], [-9.0, -1.5, -9.0]])
    scores = option_scores(log_probabilities, batch)
    torch.testing.assert_close(scores, torch.tensor([[-1.0, -1.5]]))


def test_choice_loss_of_equal_scores_is_the_log_of_their_number():
    loss = choice_loss(torch.zeros(2, 3), torch.tensor([0, 2]))
    assert loss.item() == pytest.approx(2 * torch.log(torch.tensor(3.0)).item())


def test_option_tokens_spell_the_option(tokenizer, encoded):
    for item, tokens in zip(ITEMS, encoded, strict=True):
        rows = zip(item.options, tokens.tokens, tokens.in_option, strict=True)
        for option, ids, in_option in rows:
            own = [token for token, inside in zip(ids, in_option, strict=True) if inside]
            assert tokenizer.decode(own) == f" {option}"


def test_a_token_that_merges_prompt_and_option_counts_as_the_options():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    # Unlike GPT-2's, this tokenizer may cross spaces: "go on" -> "g", "o on".
    vocabulary = {"g": 0, "o": 1, " ": 2, "n": 3, "o ": 4, "o o": 5, "o on": 6}
    merges = [("o", " "), ("o ", "o"), ("o o", "n")]
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    core.pre_tokenizer = pre_tokenizers.Sequence([])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core)
    (item,) = encode([ChoiceItem("go", ("on",), 0)], tokenizer)
    assert item.tokens == ((0, 6),)
    assert item.in_option == ((False, True),)
    with pytest.raises(LmbrainError, match="no token of its own"):
        encode([ChoiceItem("o", ("on",), 0)], tokenizer)


def test_texts_that_do_not_fit_and_mixed_items_are_refused(tokenizer):
    with pytest.raises(LmbrainError, match=r"tokens, the model takes 4"):
        encode(ITEMS, tokenizer, longest=4)
    with pytest.raises(LmbrainError, match="mixes items of 2 and 3 options"):
        encode([*ITEMS, ChoiceItem("he", ("ran", "sang"), 0)], tokenizer)
